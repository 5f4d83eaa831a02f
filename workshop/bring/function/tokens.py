"""From a text to token numbers, for models that take them and not the text."""
import hashlib
import os

import numpy as np

import rows
import wordpiece

HERE = os.path.dirname(os.path.abspath(__file__))


class Reader(rows.Reader):
    """Makes token numbers and what goes with them: the mask (ones), the segment (zeros).

    The vocabulary is the file that the signature's `tokens` name; ValueError for another one,
    because it would number other words, and the model would answer, wrongly.
    """

    def __init__(self, signature):
        super().__init__(signature)
        self.given = signature["tokens"]
        path = os.path.join(HERE, self.given["vocabulary"])
        with open(path, "rb") as file:
            content = file.read()
        if hashlib.sha256(content).hexdigest() != self.given["sha256"]:
            raise ValueError(f"{path}: this is not the vocabulary that signature.json names")
        self.tokenizer = wordpiece.WordPiece(content.decode("utf-8"))

    def feed(self, request):
        """Return {input: array}."""
        numbers, _ = self.tokenizer.encode(request[self.given["field"]], self.given["most"])
        tokens = np.array([numbers])
        filled = {"tokens": tokens, "mask": np.ones_like(tokens), "segment": np.zeros_like(tokens)}
        return self.constants | {
            entry["name"]: filled[entry["part"]].astype(dtype)
            for entry, dtype in self.inputs if "part" in entry}
