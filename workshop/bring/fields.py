"""The fields of a request, by the types and shapes of the model's inputs."""
import numpy as np

from workshop.bring.questions import Questions

WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DECIMAL = {"float": np.float32, "double": np.float64, "float16": np.float16}
LARGEST_EXACT = 2 ** 53         # JSON's numbers are exact up to this in most languages
MOST_CHARACTERS = 10_000        # of a text


def boolean(answer):
    if answer not in (True, False):
        raise ValueError("true or false is needed")
    return answer


def limits(type_: str) -> tuple[float, float]:
    """The least and the largest number that an ONNX type holds and JSON carries exactly."""
    name = type_.removeprefix("tensor(").removesuffix(")")
    if name in DECIMAL:
        largest = float(np.finfo(DECIMAL[name]).max)
        return -largest, largest
    info = np.iinfo(name)
    return max(int(info.min), -LARGEST_EXACT), min(int(info.max), LARGEST_EXACT)


def field(name: str, type_: str, questions: Questions, known=None) -> dict:
    """The entry of one value, by its ONNX type: a range, a list of categories, or any text.

    known: entry of a signature in the metadata, or of the training data, with these.
    """
    known = known or {}
    if type_ == "tensor(bool)":
        return {"name": name, "type": "boolean"}
    if type_ == "tensor(string)":
        return _words(name, questions, known)
    kind = known.get("type") if known.get("type") in ("integer", "number", "category") else \
        "number" if type_.removeprefix("tensor(").removesuffix(")") in DECIMAL else "integer"
    low, high = limits(type_)

    def check(answer):
        if answer == "any":
            return {"type": kind, "minimum": low, "maximum": high}
        if isinstance(answer, dict) and answer.get("allowed"):
            return {"type": "category", "allowed": list(answer["allowed"])}
        ends = [answer["minimum"], answer["maximum"]] if isinstance(answer, dict) else answer
        two = isinstance(ends, list) and len(ends) == 2 and all(
            type(one) in (int, float) for one in ends)
        if not two or not low <= ends[0] <= ends[1] <= high:
            raise ValueError("two numbers are needed, smallest and largest, within "
                             f"{low:g} and {high:g}; or any")
        return {"type": kind, "minimum": ends[0], "maximum": ends[1]}

    hint = known if {"minimum", "maximum"} <= known.keys() or known.get("allowed") else None
    answer = questions.ask(f"range.{name}", f"Which numbers may {name!r} be? smallest, largest; "
                           "or any", check, known=hint)
    return {"name": name, **(answer or {"type": kind, "minimum": low, "maximum": high})}


def _words(name, questions, known):
    def check(answer):
        if answer == "any":
            return {"type": "text", "most_characters": MOST_CHARACTERS}
        if not isinstance(answer, list) or not answer or not all(
                isinstance(one, str) for one in answer):
            raise ValueError("a list of words is needed, or any")
        return {"type": "category", "allowed": answer}

    answer = questions.ask(f"allowed.{name}", f"Which words may {name!r} be? a list; or any, for "
                           f"free text of at most {MOST_CHARACTERS:,} characters", check,
                           known=known.get("allowed"))
    return {"name": name, **(answer or {"type": "text", "most_characters": MOST_CHARACTERS})}


def constant(node, questions, why=""):
    """An input that no caller sends: its shape and value are asked. None where it has none yet."""
    shape = sizes(node, questions)

    def number(answer):
        np.full(shape, answer)          # raises ValueError for what is no single value
        if not isinstance(answer, (int, float, bool, str)):
            raise ValueError("one value is needed")
        return answer

    value = questions.ask(f"constant.{node.name}", f"Which value has the input {node.name!r} "
                          f"({node.type}, shape {node.shape}) always?{why}", number)
    return {"name": node.name, "type": node.type, "shape": shape, "value": value}


def sizes(node, questions) -> list:
    """The shape of an input for one request; a size that is open and not the batch's is asked."""
    shape = []
    for axis, size in enumerate(node.shape):
        if isinstance(size, int):
            shape.append(size)
        elif axis == 0:
            shape.append(1)
        else:
            shape.append(questions.ask(
                f"size.{node.name}.{axis}", f"Input {node.name!r} has the shape {node.shape}: how "
                f"long is axis {axis} ({size or 'without a name'})? A number", positive) or 1)
    return shape


def positive(answer):
    if type(answer) is not int or answer < 1:
        raise ValueError("a whole number from 1 is needed")
    return answer
