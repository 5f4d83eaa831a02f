"""The Keras network and its ONNX twin, as lessons 07 and 08 leave them in build/models/."""
import hashlib
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import onnx
import onnxruntime
import pytest

from workshop.course import lessons
from workshop.machine.paths import DATA, MODELS, ROOT

FILE = MODELS / "fashion.onnx"


@pytest.fixture(scope="module")
def session():
    lessons.require("08")
    return onnxruntime.InferenceSession(FILE, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def signature(session):
    return json.loads(session.get_modelmeta().custom_metadata_map["signature"])


@pytest.fixture(scope="module")
def data():
    with np.load(DATA / "fashion.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def images(data, signature):
    """The test pictures, prepared by nothing but the signature: (2000, 28, 28, 1) float32."""
    rule = signature["input"]
    pixels = data["test_images"][..., np.newaxis]
    return ((pixels * rule["scale"] - rule["mean"]) / rule["std"]).astype(np.float32)


@pytest.fixture(scope="module")
def answers(session, images):
    """Probabilities by ONNX Runtime, (2000, 10) float32."""
    return session.run(["probabilities"], {"image": images})[0]


# TensorFlow stays out of this process: it is large, and sets up threads that others would inherit.
BY_KERAS = """
import sys
import numpy as np, keras, tensorflow as tf
images = np.load(sys.argv[1])
network = keras.saving.load_model("build/models/fashion.keras")
recorded = tf.saved_model.load("build/models/fashion_keras")
np.savez(sys.argv[2], keras=network.predict(images, verbose=0), recorded=recorded.serve(images),
         again=recorded.serve(images))
"""


@pytest.fixture(scope="module")
def by_keras(images, tmp_path_factory):
    """Probabilities by the .keras file, and twice by the SavedModel."""
    folder = tmp_path_factory.mktemp("keras")
    np.save(folder / "images.npy", images)
    done = subprocess.run([sys.executable, "-c", BY_KERAS, folder / "images.npy",
                           folder / "answers.npz"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(folder / "answers.npz")


@pytest.mark.parametrize("native", ["keras", "recorded"])
def test_onnx_agrees_with_keras_on_every_test_picture(answers, by_keras, native):
    assert answers.shape == by_keras[native].shape == (2000, 10)
    assert np.abs(answers - by_keras[native]).max() <= 1e-4


def test_onnx_names_the_class_that_keras_names_unless_it_is_a_draw(answers, by_keras):
    best_two = np.sort(by_keras["keras"], axis=1)[:, -2:]
    clear = np.ptp(best_two, axis=1) > 2e-4
    assert clear.mean() > 0.99
    assert (answers.argmax(axis=1) == by_keras["keras"].argmax(axis=1))[clear].all()


def test_saved_model_has_no_layer_of_chance(by_keras):
    assert np.abs(by_keras["recorded"] - by_keras["again"]).max() <= 1e-5


def test_accuracy_is_what_such_a_network_reaches(answers, data):
    accuracy = (answers.argmax(axis=1) == data["test_labels"]).mean()
    assert 0.85 <= accuracy <= 0.95         # more would mean that the answers leaked in


def test_probabilities_are_probabilities(answers):
    assert (answers >= 0).all()
    assert np.abs(answers.sum(axis=1) - 1).max() < 1e-5


@pytest.mark.parametrize("many", [1, 2, 7, 500])
def test_any_number_of_pictures_gives_what_all_at_once_give(session, images, answers, many):
    some = session.run(None, {"image": images[:many]})[0]
    assert some.shape == (many, 10)
    assert np.abs(some - answers[:many]).max() <= 1e-6


def test_signature_says_what_the_image_function_is_promised(signature, data):
    assert (signature["model"], signature["version"]) == ("fashion", "1")
    assert signature["input"] == {
        "name": "image", "layout": "NHWC", "width": 28, "height": 28, "colour": "L",
        "resize": "nearest", "scale": 1 / 255, "mean": [0.0], "std": [1.0]}
    assert signature["output"] == {"name": "probabilities", "kind": "probabilities"}
    assert signature["classes"] == data["classes"].tolist()
    assert signature["training_data_sha256"] == \
        hashlib.sha256((DATA / "fashion.npz").read_bytes()).hexdigest()


def tensorflow_version():
    try:
        return version("tensorflow-cpu")
    except PackageNotFoundError:
        return version("tensorflow")


def test_signature_says_which_versions(signature):
    assert signature["versions"] == {
        "tensorflow": tensorflow_version(),
        **{name: version(name) for name in ("keras", "tf2onnx", "onnxruntime")}}


def test_inputs_and_outputs_are_those_of_the_signature(session, signature):
    (given,), (answer,) = session.get_inputs(), session.get_outputs()
    rule = signature["input"]
    assert given.name == rule["name"] and given.type == "tensor(float)"
    assert given.shape == ["batch", rule["height"], rule["width"], 1]
    assert answer.name == signature["output"]["name"] and answer.type == "tensor(float)"
    assert answer.shape == ["batch", len(signature["classes"])]


def test_file_is_one_valid_file_of_known_operations(session):
    model = onnx.load(FILE, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.domain: entry.version for entry in model.opset_import}[""] == 18
    assert all(onnx.defs.has(node.op_type, node.domain) for node in model.graph.node)
    assert not [tensor.name for tensor in model.graph.initializer
                if tensor.data_location == onnx.TensorProto.EXTERNAL]
    assert not list(MODELS.glob("fashion*.part")), "a file was written and not renamed"
