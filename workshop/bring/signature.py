"""What a model file says of itself, and what must be asked, as the signature of a function."""
from workshop.bring import outputs, pictures, tables, texts
from workshop.bring.fields import DECIMAL, WHOLE
from workshop.bring.model import Model, ModelError
from workshop.bring.questions import Questions

KINDS = ("table", "image", "text")


def make(name: str, kind: str, model: Model, questions: Questions, table=None,
         vocabulary: str | None = None) -> dict:
    """Return the signature of the function NAME, without its example.

    table: DataFrame of training data, whose columns, ranges and categories need not be asked.
    vocabulary: path of a BERT vocabulary, for a model that takes token numbers. Raises ModelError
    for what this kind cannot serve, MissingError for what nobody has answered.
    """
    if kind not in KINDS:
        raise ModelError(f"There is no kind {kind!r}; there are {', '.join(KINDS)}.")
    for node in model.inputs:
        if node.type.removeprefix("tensor(").removesuffix(")") not in (
                *WHOLE, *DECIMAL, "bool", "string"):
            raise ModelError(f"{model.path}: input {node.name!r} is a {node.type}, which has no "
                             "form in JSON here.")
    made = {"name": name, "kind": kind, "version": str(model.own_signature().get("version", "1"))}
    made["model"] = model.describe("model.onnx")
    if kind == "image":
        made |= pictures.inputs(model, questions)
    elif kind == "text":
        made |= texts.inputs(model, questions, vocabulary)
    else:
        made |= tables.inputs(model, questions, table)
    made["outputs"] = outputs.chosen(model, questions)
    return made
