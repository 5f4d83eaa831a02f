"""What goes back of a model's outputs, and the names of its classes."""
from pathlib import Path

from workshop.bring.fields import boolean


def chosen(model, questions) -> list[dict]:
    """The signature's `outputs`: all of them, or those that are asked for."""
    names = [node.name for node in model.outputs]

    def those(answer):
        wanted = names if answer == "all" else [answer] if isinstance(answer, str) else answer
        if unknown := set(wanted) - set(names):
            raise ValueError(f"the model has no output {sorted(unknown)}; it has {names}")
        return wanted

    wanted = names
    if len(names) > 1:
        wanted = questions.ask("outputs", f"Which outputs go back? {', '.join(names)}, or all",
                               those, default="all") or []
    by_name = {node.name: node for node in model.outputs}
    return [_output(by_name[name], model, questions) for name in wanted]


def _output(node, model, questions):
    entry = {"name": node.name, "batch": batched(node)}
    width = [size for size in (node.shape or [])[1:] if size != 1]
    if node.type not in ("tensor(float)", "tensor(double)", "tensor(float16)") or len(
            width) != 1 or not isinstance(width[0], int):
        return entry
    count = width[0]

    def labels(answer):
        if answer == "none":
            return []
        if isinstance(answer, str) and Path(answer).is_file():
            answer = Path(answer).read_text(encoding="utf-8").splitlines()
        if not isinstance(answer, list) or len(answer) != count or len(set(answer)) != count:
            raise ValueError(f"{count} different names are needed, a list, or a file with one name "
                             "a line")
        return [str(one) for one in answer]

    known = model.own_signature().get("classes")
    entry["labels"] = questions.ask(
        f"labels.{node.name}", f"Output {node.name!r} has {count} numbers. The names of the "
        "classes, in order (a list, a file with one name a line), or none", labels, known=known)
    if entry["labels"]:
        entry["softmax"] = questions.ask(
            f"softmax.{node.name}", f"Are the numbers of {node.name!r} logits, which softmax makes "
            "probabilities? true or false", boolean, default=False,
            known=_says_logits(model, node))
    else:
        del entry["labels"]
    return entry


def _says_logits(model, node):
    """Whether the metadata say that an output holds logits; None where they do not say."""
    output = model.own_signature().get("output")
    if not isinstance(output, dict) or output.get("name") != node.name:
        return None
    return output.get("kind") == "logits"


def batched(node) -> bool:
    """Whether the first axis is the batch's: open (None or a name), or of one."""
    return bool(node.shape) and (node.shape[0] == 1 or not isinstance(node.shape[0], int))
