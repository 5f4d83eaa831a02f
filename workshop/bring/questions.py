"""Asks for what a model file does not say: options first, then the terminal, or not at all."""
import json
import sys
from collections.abc import Callable
from typing import NamedTuple

REQUIRED = object()


class MissingError(ValueError):
    """Questions without an answer; the message names each with its key in the answers' file."""


class Asked(NamedTuple):
    """One question, its answer (a JSON value), and where that came from."""

    key: str
    question: str
    answer: object
    source: str         # "answers", "known", "terminal" or "default"


class Questions:
    """What is asked about one model.

    answers: {key: JSON value}, given before anything is asked. terminal: whether a person can be
    asked; by default, whether the standard input is one's.
    """

    def __init__(self, answers: dict | None = None, terminal: bool | None = None):
        # Through JSON: NumPy's numbers become Python's.
        self.given = json.loads(json.dumps(answers or {}, default=lambda value: value.tolist()))
        self.terminal = sys.stdin.isatty() if terminal is None else terminal
        self.asked: list[Asked] = []
        self.missing: list[str] = []

    def ask(self, key: str, question: str, check: Callable, default=REQUIRED, known=None):
        """Return the answer to one question as `check` makes it; None while it is missing.

        check: function (answer) → what is used; raises ValueError with what is wrong. default:
        JSON value for an empty answer. known: answer of the model's metadata or of the training
        data.
        """
        if key in self.given:
            return self._take(key, question, self.given.pop(key), check, "answers")
        if known is not None:
            return self._take(key, question, known, check, "known")
        if self.terminal:
            return self._from_terminal(key, question, check, default)
        if default is not REQUIRED:
            return self._take(key, question, default, check, "default")
        self.missing.append(f"{key}: {question}")
        return None

    def _take(self, key, question, answer, check, source):
        try:
            value = check(answer)
        except (ValueError, TypeError, KeyError) as error:
            raise MissingError(f"{key}: {json.dumps(answer)[:80]} does not do: {error}. "
                               f"The question: {question}") from None
        self.asked.append(Asked(key, question, answer, source))
        return value

    def _from_terminal(self, key, question, check, default):
        more = "" if default is REQUIRED else f" [Enter: {json.dumps(default)}]"
        while True:
            text = input(f"{question}{more}\n{key}> ").strip()
            if not text and default is not REQUIRED:
                return self._take(key, question, default, check, "default")
            try:
                return self._take(key, question, parse(text), check, "terminal")
            except MissingError as error:
                print(error)

    def finish(self):
        """Raise MissingError if an answer is missing, or if one was given that nobody asked for."""
        if self.missing:
            raise MissingError("The model does not say everything. Give these answers, on the "
                               "terminal or with --answers FILE.json:\n- "
                               + "\n- ".join(self.missing))
        if self.given:
            raise MissingError(f"Nothing asks for {', '.join(sorted(self.given))}. Asked were: "
                               f"{', '.join(one.key for one in self.asked) or 'nothing'}")


def parse(text: str):
    """What a person typed: JSON where it is JSON, else a list between commas, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        words = [word.strip() for word in text.split(",")]
        return [_number(word) for word in words] if len(words) > 1 else text


def _number(word: str):
    """A number where the word is one, else the word."""
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
