"""Pictures in lessons."""
import base64
import io
import re

import matplotlib
import pytest
from onnx import TensorProto, helper
from PIL import Image

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

from workshop import plots  # noqa: E402


@pytest.fixture
def shown(monkeypatch):
    """The HTML of everything that `show` displays."""
    found = []
    monkeypatch.setattr(plots, "display", lambda output: found.append(output.data))
    return found


def test_picture_carries_its_description_and_the_figure_is_closed(shown):
    figure, axes = plt.subplots(figsize=(4, 2))
    axes.plot([1, 2])
    plots.show(figure, 'Cost "per" customer <b>')
    assert figure.number not in plt.get_fignums()
    assert 'alt="Cost &quot;per&quot; customer &lt;b&gt;"' in shown[0]
    data = base64.b64decode(re.search(r"base64,([^\"]+)", shown[0])[1])
    assert Image.open(io.BytesIO(data)).size == (800, 400)
    assert 'width="400"' in shown[0]


@pytest.fixture
def model():
    """Two texts encoded alike, joined to a scaled number, and one output of each kind."""
    def value(name, kind):
        return helper.make_tensor_value_info(name, kind, [None, 1])
    nodes = [helper.make_node("OneHotEncoder", ["contract"], ["a"], domain="ai.onnx.ml"),
             helper.make_node("OneHotEncoder", ["gender"], ["b"], domain="ai.onnx.ml"),
             helper.make_node("Scaler", ["tenure"], ["c"], domain="ai.onnx.ml"),
             helper.make_node("Concat", ["a", "b", "c"], ["d"], axis=1),
             helper.make_node("LinearClassifier", ["d"], ["label", "p"], domain="ai.onnx.ml")]
    return helper.make_model(helper.make_graph(
        nodes, "small",
        [value("contract", TensorProto.STRING), value("gender", TensorProto.STRING),
         value("tenure", TensorProto.FLOAT)],
        [value("label", TensorProto.INT64), value("p", TensorProto.FLOAT)]))


def test_graph_draws_alike_operations_and_inputs_as_one_box(model):
    texts = re.findall(r"<p>(.*?)</p>", plots.onnx_graph(model).data)
    assert sorted(texts) == sorted([
        "2 inputs<br/>text", "1 input<br/>float32", "2 × OneHotEncoder", "Scaler", "Concat",
        "LinearClassifier", "label<br/>int64", "p<br/>float32"])


def test_graph_has_every_arrow_once(model):
    arrows = [line for line in plots._arrows(model.graph) if "-->" in line]
    assert len(arrows) == len(set(arrows)) == 7


def test_graph_tells_in_words_what_it_shows(model):
    svg = plots.onnx_graph(model).data
    assert "Graph of 3 inputs, 2 OneHotEncoder, 1 Scaler, 1 Concat, 1 LinearClassifier" in svg


def test_graphs_of_two_models_share_no_ids_on_a_page(model):
    first = plots.onnx_graph(model).data
    del model.graph.output[1]
    second = plots.onnx_graph(model).data
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0] and ids[1] and not {i for i in ids[0] & ids[1] if "graph" in i or "svg" in i}


@pytest.fixture
def network():
    """Two layers with weights; the second's answer is read twice and joined again."""
    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    nodes = [helper.make_node("Conv", ["image", "w", "b"], ["c"]),
             helper.make_node("Relu", ["c"], ["d"]),
             helper.make_node("MatMul", ["d", "v"], ["e"]),
             helper.make_node("Exp", ["e"], ["f"]),
             helper.make_node("Neg", ["e"], ["g"]),
             helper.make_node("Add", ["f", "g"], ["h"]),
             helper.make_node("Softmax", ["h"], ["p"])]
    weights = [helper.make_tensor(name, TensorProto.FLOAT, shape, [0.0] * size)
               for name, shape, size in [("w", [2, 1, 3, 3], 18), ("b", [2], 2), ("v", [4, 5], 20)]]
    return helper.make_model(helper.make_graph(
        nodes, "network", [value("image", "batch", 1, 6, 6)], [value("p", "batch", 5)], weights))


def test_layers_are_drawn_with_their_weights_and_what_follows_in_a_line(network):
    texts = re.findall(r"<p>(.*?)</p>", plots.onnx_graph(network, layers=True).data)
    assert sorted(texts) == sorted([
        "image<br/>float32<br/>batch×1×6×6", "Conv 2×1×3×3, 2<br/>Relu", "MatMul 4×5", "Exp", "Neg",
        "Add<br/>Softmax", "p<br/>float32<br/>batch×5"])


def test_layers_have_every_arrow_once(network):
    arrows = [line.split("(")[0] for line in plots._layers(network.graph) if "-->" in line]
    assert arrows == ["in0 --> box0", "box0 --> box1", "box1 --> box2", "box1 --> box3",
                      "box2 --> box4", "box3 --> box4", "box4 --> out0"]


def luminance(colour):
    """Relative luminance of "#rrggbb", 0 to 1, as WCAG 2.2 defines it."""
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", [plots.BLUE, plots.ORANGE, plots.GREEN, plots.GREY])
def test_colours_stand_out_from_white(colour):
    needed = 4.5 if colour == plots.GREY else 3          # WCAG 2.2: text, graphical objects
    assert 1.05 / (luminance(colour) + 0.05) >= needed
