"""The kind `text`: one string goes in, as it is or as token numbers of a BERT vocabulary."""
import hashlib
from pathlib import Path

from workshop.bring import fields
from workshop.bring.model import ModelError

FIELD = "text"
VOCABULARY = "vocab.txt"
PARTS = ("tokens", "mask", "segment")
# Words in the names of inputs, as exports of BERT's family have them.
SIGNS = {"mask": "mask", "type": "segment", "segment": "segment", "ids": "tokens",
         "token": "tokens"}


def inputs(model, questions, vocabulary) -> dict:
    """The signature's `fields` and `inputs`, and `tokens` with a vocabulary.

    Raises ModelError for a model that takes neither a string nor whole numbers.
    """
    strings = [node for node in model.inputs if node.type == "tensor(string)"]
    if len(strings) == 1:
        return _string(strings[0], model, questions)
    if not all(node.type in ("tensor(int64)", "tensor(int32)") and len(node.shape) == 2
               for node in model.inputs):
        raise ModelError(f"{model.path}: a text is one input of strings, or token numbers with two "
                         "axes; the model takes "
                         f"{[(node.name, node.type, node.shape) for node in model.inputs]}. "
                         "--kind table serves several fields.")
    return _tokens(model, questions, vocabulary)


def _field(questions):
    most = questions.ask("most_characters", "How many characters may a text have?",
                         fields.positive, default=fields.MOST_CHARACTERS)
    return {"name": FIELD, "type": "text", "most_characters": most or fields.MOST_CHARACTERS}


def _string(node, model, questions):
    if any(isinstance(size, int) and size != 1 for size in node.shape):
        raise ModelError(f"{model.path}: input {node.name!r} takes {node.shape} strings, not one "
                         "text. --kind table takes them as a list.")
    return {"fields": [_field(questions)], "inputs": [
        {"name": other.name, "type": other.type, "shape": [1] * len(node.shape), "columns": [FIELD]}
        if other is node else fields.constant(other, questions) for other in model.inputs]}


def _tokens(model, questions, vocabulary):
    if vocabulary is None:
        questions.missing.append(
            "--vocabulary: the model takes token numbers "
            f"({', '.join(node.name for node in model.inputs)}): the vocab.txt of its training "
            "(BERT's tokenizer without capitals is the one that is here)")
    given = {"field": FIELD, "vocabulary": VOCABULARY, "sha256": None if vocabulary is None else
             hashlib.sha256(Path(vocabulary).read_bytes()).hexdigest()}
    given["most"] = questions.ask("most_tokens", "How many tokens does the model read at most, "
                                  "with the marks of beginning and end?", fields.positive)
    entries = []
    for node in model.inputs:
        guess = next((part for sign, part in SIGNS.items() if sign in node.name.lower()), None)
        part = guess or questions.ask(f"part.{node.name}", f"What is the input {node.name!r}? "
                                      f"{', '.join(PARTS)}", _part)
        entries.append({"name": node.name, "type": node.type, "part": part})
    return {"fields": [_field(questions)], "inputs": entries, "tokens": given}


def _part(answer):
    if answer not in PARTS:
        raise ValueError(f"one of {', '.join(PARTS)} is needed")
    return answer
