"""Pictures in lessons: one legible style for plots, descriptions, and the graph of a model."""
import hashlib
import html
import io
from base64 import b64encode
from collections import Counter

import matplotlib.pyplot as plt
from IPython.display import HTML, SVG, display

# From the palette of Okabe and Ito (2008), which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
GREY = "#6b6b6b"                  # reads on white: contrast above 4.5


def set_style() -> None:
    """Make matplotlib's figures legible on a page: 8 in wide, 12 pt, no frame."""
    plt.rcParams.update({
        "figure.figsize": (8, 4.2), "figure.constrained_layout.use": True,
        "font.size": 12, "axes.titlesize": 13, "axes.titlelocation": "left", "axes.titlepad": 10,
        "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True,
        "grid.color": "#dddddd", "lines.linewidth": 2})


def show(figure, description: str) -> None:
    """Display a matplotlib figure with `description` as its alternative text, and close it.

    JupyterLab and nbconvert drop the alternative text of an ordinary picture output, so the
    picture goes out as an HTML image.
    """
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=200)       # twice the size shown: sharp on any screen
    plt.close(figure)
    width = round(100 * figure.get_figwidth())
    display(HTML(f'<img alt="{html.escape(description)}" width="{width}" '
                 f'src="data:image/png;base64,{b64encode(picture.getvalue()).decode()}">'))


def onnx_graph(model, layers: bool = False) -> SVG:
    """Return the graph of a model, an `onnx.ModelProto`, as a picture, read from left to right.

    Operations of one kind that feed the same one share a box, as do inputs of one type. With
    `layers`, a box is a layer instead: an operation with a matrix of weights, whose shape is
    written beside it, and the operations that follow it in a line. Such boxes are wide, so these
    are read from top to bottom.
    """
    import mermaidx
    direction = "TB" if layers else "LR"
    text = "\n".join([f"flowchart {direction}", f"accDescr: {_in_words(model.graph)}",
                      *(_layers if layers else _arrows)(model.graph)])
    svg = mermaidx.render(text).svg()
    # One page may hold several: their ids and styles must not meet.
    return SVG(svg.replace("my-svg", f"graph-{hashlib.sha256(text.encode()).hexdigest()[:8]}"))


def _arrows(graph) -> list[str]:
    """The graph as lines of Mermaid, each once."""
    readers = {value: node for node in reversed(graph.node) for value in node.input}
    number = {id(node): i for i, node in enumerate(graph.node)}

    def group(node):
        """Same operation, same reader, same box; one that nothing reads stands alone."""
        reader = next((readers[value] for value in node.output if value in readers), None)
        return (node.op_type, number[id(reader)]) if reader else (node.op_type, id(node))

    groups = Counter(group(node) for node in graph.node)
    names = {key: f"box{i}" for i, key in enumerate(groups)}
    lines = [f'{names[key]}["{f"{many} × " if many > 1 else ""}{key[0]}"]'
             for key, many in groups.items()]
    makers = {value: names[group(node)] for node in graph.node for value in node.output}
    weights = {tensor.name for tensor in graph.initializer}
    inputs = Counter()
    types = {value.name: _type(value) for value in graph.input if value.name not in weights}
    for node in graph.node:
        for value in node.input:
            if value in makers:
                lines.append(f"{makers[value]} --> {names[group(node)]}")
            elif value in types:
                inputs[types[value], names[group(node)]] += 1
    for i, ((kind, box), many) in enumerate(inputs.items()):
        lines.append(f'in{i}(["{many} input{"s" * (many > 1)}<br/>{kind}"]) --> {box}')
    lines += [f'{makers[value.name]} --> out{i}(["{value.name}<br/>{_type(value)}"])'
              for i, value in enumerate(graph.output)]
    return list(dict.fromkeys(lines))


def _layers(graph) -> list[str]:
    """The graph as lines of Mermaid, a box for each layer."""
    from onnx import TensorProto
    weights = {tensor.name: "×".join(map(str, tensor.dims)) for tensor in graph.initializer
               if tensor.dims and tensor.data_type == TensorProto.FLOAT}
    readers = Counter([value for node in graph.node for value in node.input]
                      + [value.name for value in graph.output])
    boxes, makers = [], {value.name: f"in{i}" for i, value in enumerate(graph.input)
                         if value.name not in weights}
    lines = [f'in{i}(["{value.name}<br/>{_type(value)}<br/>{_shape(value)}"])'
             for i, value in enumerate(graph.input) if value.name not in weights]
    for node in graph.node:                     # a node stands after those that it reads from
        before = [value for value in node.input if value in makers]
        shapes = [weights[value] for value in node.input if value in weights]
        follows = (len(before) == 1 and readers[before[0]] == 1 and makers[before[0]][:2] != "in"
                   and not any("×" in shape for shape in shapes))
        if follows:
            name = makers[before[0]]
        else:
            name = f"box{len(boxes)}"
            boxes.append([])
            lines += [f"{makers[value]} --> {name}" for value in before]
        boxes[int(name[3:])].append(" ".join([node.op_type, ", ".join(shapes)]).strip())
        makers |= dict.fromkeys(node.output, name)
    lines += [f'box{i}["{"<br/>".join(box)}"]' for i, box in enumerate(boxes)]
    lines += [f'{makers[value.name]} --> out{i}(["{value.name}<br/>{_type(value)}'
              f'<br/>{_shape(value)}"])' for i, value in enumerate(graph.output)]
    return list(dict.fromkeys(lines))


def _in_words(graph) -> str:
    operations = Counter(node.op_type for node in graph.node)
    return (f"Graph of {len(graph.input)} inputs, "
            + ", ".join(f"{many} {name}" for name, many in operations.items())
            + f", and the outputs {', '.join(value.name for value in graph.output)}")


def _type(value) -> str:
    """The element type of a graph's input or output, as a lesson writes it: float32, text."""
    from onnx import TensorProto, helper
    kind = value.type.tensor_type.elem_type
    return "text" if kind == TensorProto.STRING else helper.tensor_dtype_to_np_dtype(kind).name


def _shape(value) -> str:
    """The shape of a graph's input or output; an open dimension by its name, as batch×28×28×1."""
    dims = value.type.tensor_type.shape.dim
    return "×".join(str(dim.dim_value or dim.dim_param or "?") for dim in dims)
