"""The kind `image`: one input is a picture, and how its pixels become numbers is asked."""
from workshop.bring import fields
from workshop.bring.model import ModelError

COLOURS = {1: ("L",), 3: ("RGB", "BGR")}
FILTERS = ("bilinear", "nearest", "bicubic", "lanczos", "box")
TYPES = ("tensor(float)", "tensor(float16)", "tensor(double)", "tensor(uint8)")
# What frameworks do most often. Each: scale, mean and std of a value from 0 to 255.
NORMAL = {"0 to 255": (1, 0, 1), "0 to 1": (1 / 255, 0, 1), "-1 to 1": (1 / 127.5, 1, 1),
          "imagenet": (1 / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])}
FIELD = "image"


def inputs(model, questions) -> dict:
    """The signature's `fields`, `inputs` and `picture`. Raises ModelError without a picture."""
    pictures = [node for node in model.inputs if len(node.shape) == 4 and node.type in TYPES]
    if len(pictures) != 1:
        raise ModelError(
            f"{model.path}: a picture is one input with four axes ({', '.join(TYPES)}); the model "
            f"takes {[(node.name, node.type, node.shape) for node in model.inputs]}. "
            "--kind table serves any numbers, as lists.")
    node = pictures[0]
    made = {"fields": [{"name": FIELD, "type": "picture"}],
            "picture": picture(model, node, questions)}
    made["inputs"] = [
        {"name": other.name, "type": other.type} if other is node
        else fields.constant(other, questions) for other in model.inputs]
    return made


def picture(model, node, questions) -> dict:
    """How a file becomes the tensor of the input `node`."""
    known = model.own_signature().get("input")
    known = known if isinstance(known, dict) else {}
    layout = _layout(model, node, questions)
    sides = dict(zip(layout, node.shape))
    given = {"field": FIELD, "input": node.name, "type": node.type, "layout": layout}
    for side, axis in (("width", "W"), ("height", "H")):
        given[side] = sides[axis] if isinstance(sides[axis], int) else questions.ask(
            side, f"Input {node.name!r} has the shape {node.shape}: which {side} in pixels?",
            fields.positive, known=known.get(side))
    colours = COLOURS.get(sides["C"], ("L", "RGB", "BGR"))
    given["colour"] = colours[0] if len(colours) == 1 else questions.ask(
        "colour", f"Which order do the colours have? {', '.join(colours)} (OpenCV reads BGR)",
        one_of(colours), known=known.get("colour"))
    given["resize"] = questions.ask(
        "resize", f"By which filter was a picture resized in training? {', '.join(FILTERS)}",
        one_of(FILTERS), known=known.get("resize"))
    normal = {key: known[key] for key in ("scale", "mean", "std") if key in known}
    given |= questions.ask(
        "normal", "Which numbers does the model take for a pixel's 0 to 255? "
        f"{', '.join(NORMAL)}; or {{\"scale\": …, \"mean\": …, \"std\": …}}, for "
        "(pixel × scale − mean) / std", normalisation(len(given["colour"] or "")),
        known=normal or None) or {}
    return given


def _layout(model, node, questions):
    """"NCHW" or "NHWC": by the axis that has 1 or 3 channels, asked where both or none has."""
    fits = [layout for layout, axis in (("NCHW", 1), ("NHWC", 3)) if node.shape[axis] in COLOURS]
    if len(fits) == 1:
        return fits[0]
    return questions.ask("layout", f"Input {node.name!r} has the shape {node.shape}. Which order? "
                         "NCHW (channels first) or NHWC", one_of(("NCHW", "NHWC")),
                         known=(model.own_signature().get("input") or {}).get("layout")) or "NCHW"


def one_of(words):
    def check(answer):
        if answer not in words:
            raise ValueError(f"one of {', '.join(words)} is needed")
        return answer

    return check


def normalisation(channels: int):
    """A check of NORMAL's names, or of scale, mean and std, for so many channels."""
    def check(answer):
        if isinstance(answer, str):
            answer = dict(zip(("scale", "mean", "std"), NORMAL[one_of(NORMAL)(answer)]))
        made = {"scale": float(answer["scale"])}
        for key in ("mean", "std"):
            values = answer[key] if isinstance(answer[key], list) else [answer[key]] * channels
            made[key] = [float(value) for value in values]
            if len(values) != channels:
                raise ValueError(f"{key} needs one number for each of {channels} channels")
        if not all(made["std"]):
            raise ValueError("a std of 0 divides by zero")
        return made

    return check
