"""A function with an unusable model stops when it starts, and says what is wrong where."""
import json
import pickle

import onnx
import pytest

import tiny_churn
from function_folder import load


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny_churn.make(folder)
    return folder


def onnx_with(models, folder, signature=None, change=None):
    """A copy of the tiny ONNX model with another signature (None: without one)."""
    model = onnx.load(models / "model.onnx")
    del model.metadata_props[:]
    if signature is not None:
        onnx.helper.set_model_props(model, {"signature": json.dumps(signature)})
    if change:
        change(model)
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


def pickle_with(models, folder, **changes):
    """A copy of the tiny pickle with other content."""
    model = {**pickle.loads((models / "model.pkl").read_bytes()), **changes}
    (folder / "model.pkl").write_bytes(pickle.dumps(model))
    return folder / "model.pkl"


def changed(**changes):
    """The signature with other values; None takes the key away."""
    signature = {**tiny_churn.signature(), **changes}
    return {key: value for key, value in signature.items() if value is not None}


def first_input(**changes):
    """The signature with its first input, gender, changed."""
    signature = tiny_churn.signature()
    signature["inputs"][0] = {**signature["inputs"][0], **changes}
    return signature


@pytest.mark.parametrize("name, file", [("churn", "model.onnx"), ("churn_sklearn", "model.pkl")])
def test_missing_model_is_named(monkeypatch, tmp_path, name, file):
    with pytest.raises(FileNotFoundError, match=f"{file}: there is no model; put it into"):
        load(monkeypatch, name, tmp_path / file)


@pytest.mark.parametrize("name, file", [("churn", "model.onnx"), ("churn_sklearn", "model.pkl")])
def test_model_is_looked_for_beside_the_code_when_nothing_else_is_said(monkeypatch, name, file):
    monkeypatch.delenv("MODEL_PATH", raising=False)
    with pytest.raises(FileNotFoundError, match=rf"lambda.{name}.{file}: there is no model"):
        load(monkeypatch, name)


BAD_SIGNATURES = {
    "none": (None, "signature is missing"),
    "a list": ([1], "signature is missing"),
    "no version": (changed(version=None), "has no 'version'"),
    "no threshold": (changed(threshold=None), "has no 'threshold'"),
    "no inputs": (changed(inputs=None), "has no 'inputs'"),
    "empty inputs": (changed(inputs=[]), "names no inputs"),
    "unknown type": (first_input(type="colour"), "input 'gender' the type 'colour'"),
    "nothing allowed": (first_input(allowed=[]), "what 'gender' may hold"),
}


@pytest.mark.parametrize("case", BAD_SIGNATURES)
def test_unusable_signature_stops_both_functions(monkeypatch, models, tmp_path, case):
    signature, words = BAD_SIGNATURES[case]
    for name, path in [("churn", onnx_with(models, tmp_path, signature)),
                       ("churn_sklearn", pickle_with(models, tmp_path, signature=signature))]:
        with pytest.raises(ValueError, match=words) as refusal:
            load(monkeypatch, name, path)
        assert str(path) in str(refusal.value)


def reordered():
    signature = tiny_churn.signature()
    signature["inputs"].reverse()
    return signature


def shorter():
    signature = tiny_churn.signature()
    signature["inputs"].pop()
    return signature


@pytest.mark.parametrize("signature, words", [
    (first_input(name="sex"), "'sex'"), (reordered(), "'totalcharges'"),
    (shorter(), "'totalcharges'")],
    ids=["renamed", "reordered", "one short"])
def test_signature_that_contradicts_the_model_stops_both_functions(
        monkeypatch, models, tmp_path, signature, words):
    for name, path in [("churn", onnx_with(models, tmp_path, signature)),
                       ("churn_sklearn", pickle_with(models, tmp_path, signature=signature))]:
        with pytest.raises(ValueError, match=words):
            load(monkeypatch, name, path)


def test_signature_that_contradicts_an_onnx_type_stops_the_function(monkeypatch, models, tmp_path):
    signature = first_input(type="number", minimum=0, maximum=1)
    with pytest.raises(ValueError, match=r"tensor\(float\).*tensor\(string\)"):
        load(monkeypatch, "churn", onnx_with(models, tmp_path, signature))


def test_model_without_probabilities_stops_the_function(monkeypatch, models, tmp_path):
    def drop_probabilities(model):
        del model.graph.output[1:]

    path = onnx_with(models, tmp_path, tiny_churn.signature(), drop_probabilities)
    with pytest.raises(ValueError, match="no output 'probabilities'"):
        load(monkeypatch, "churn", path)


def test_pickle_without_a_pipeline_stops_the_function(monkeypatch, tmp_path):
    (tmp_path / "model.pkl").write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match="no pipeline with its signature"):
        load(monkeypatch, "churn_sklearn", tmp_path / "model.pkl")


def test_session_uses_one_thread_and_does_not_spin(monkeypatch, models):
    function = load(monkeypatch, "churn", models / "model.onnx")
    options = function.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
