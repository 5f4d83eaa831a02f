"""The kind `table`: numbers, words and lists of them, one field or more for each input."""
from workshop.bring import fields

MOST_COLUMNS = 200      # beyond it, nobody names them one by one


def inputs(model, questions, table) -> dict:
    """The signature's `fields` and `inputs`. table: DataFrame of training data, or None."""
    known = {entry.get("name"): entry for entry in model.own_signature().get("inputs") or ()
             if isinstance(entry, dict)} | _described(table)
    columns = [] if table is None else [str(name) for name in table]
    batch = {node.shape[0] for node in model.inputs if node.shape} - {None}
    made = {"fields": [], "inputs": []}
    for node in model.inputs:
        width = _width(node)
        if _is_constant(node, questions):
            made["inputs"].append(fields.constant(node, questions))
        elif width == 1:
            _one(node, made, questions, known)
        elif width:
            _columns(node, width, made, questions, known, columns)
        else:
            _list(node, made, questions, {one for one in batch if isinstance(one, str)})
    return made


def _width(node):
    """How many values of a row an input takes, by shape: [], [N], [N, 1] one; [N, 4] four.

    None where it is no row, or where the file does not say.
    """
    shape = node.shape
    open_ = not shape or shape[0] == 1 or not isinstance(shape[0], int)
    if not open_ or len(shape) > 2:
        return None
    if len(shape) == 2:
        return shape[1] if isinstance(shape[1], int) and shape[1] <= MOST_COLUMNS else None
    return 1


def _is_constant(node, questions) -> bool:
    return f"constant.{node.name}" in questions.given


def _described(table):
    """{column: entry} of training data: ranges of numbers, categories of words."""
    made = {}
    for name in table if table is not None else ():
        column = table[name].dropna()
        if column.dtype.kind in "iuf":
            made[str(name)] = {"type": "number" if column.dtype.kind == "f" else "integer",
                               "minimum": column.min().item(), "maximum": column.max().item()}
        elif column.dtype.kind != "b":
            made[str(name)] = {"type": "category", "allowed": sorted(map(str, column.unique()))}
    return made


def _one(node, made, questions, known):
    """An input that is one field."""
    shape = [1] * len(node.shape)
    made["fields"].append(fields.field(node.name, node.type, questions, known.get(node.name)))
    made["inputs"].append({"name": node.name, "type": node.type, "shape": shape,
                           "columns": [node.name]})


def _columns(node, width, made, questions, known, columns):
    """An input of several fields beside each other."""
    def names(answer):
        if answer == "list":
            return answer
        if not isinstance(answer, list) or len(answer) != width or len(set(answer)) != width or \
                not all(isinstance(one, str) and one for one in answer):
            raise ValueError(f"{width} different names are needed, or list")
        return answer

    chosen = questions.ask(
        f"columns.{node.name}", f"Input {node.name!r} has {width} values. Their names, in the "
        "order of the training; or list, and callers send one list", names,
        known=columns if len(columns) == width else None)
    if chosen == "list":
        _list(node, made, questions)
        return
    for name in chosen or ():
        made["fields"].append(fields.field(name, node.type, questions, known.get(name)))
    made["inputs"].append({"name": node.name, "type": node.type, "shape": [1, width],
                           "columns": chosen or []})


def _list(node, made, questions, batches=()):
    """An input that is one field: a list, of lists where it has several axes.

    The batch's axis is left out where the file leaves it open, or says 1. batches: names that open
    first axes have; elsewhere such an axis has one element.
    """
    shape, batch = list(node.shape), not isinstance(node.shape[0], int)
    if batch or (len(shape) > 1 and shape[0] == 1):
        shape, batch = shape[1:], True
    inner = [1 if size in batches else _size(node, axis + batch, size, questions)
             for axis, size in enumerate(shape)]
    element = fields.field(f"{node.name}[]", node.type, questions)
    del element["name"]
    made["fields"].append({"name": node.name, "type": "list", "shape": inner, "element": element})
    made["inputs"].append({"name": node.name, "type": node.type, "field": node.name,
                           "batch": batch})


def _size(node, axis, size, questions):
    """One size of a list: what the file says, or a number, or None for any."""
    if isinstance(size, int):
        return size

    def number_or_any(answer):
        return None if answer == "any" else fields.positive(answer)

    return questions.ask(
        f"size.{node.name}.{axis}", f"Input {node.name!r} has the shape {node.shape}: how long is "
        f"axis {axis} ({size or 'without a name'})? A number, or any", number_or_any)
