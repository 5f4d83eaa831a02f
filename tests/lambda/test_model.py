"""The trained model and its ONNX twin, as lessons 02 and 03 leave them in build/models/."""
import hashlib
import json
import os
import pickle
import shutil
from importlib.metadata import version

import jupytext
import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from workshop.course import lessons
from workshop.machine.paths import DATA, MODELS, ROOT, SOLUTIONS


@pytest.fixture(scope="module")
def saved():
    """The pickle of lesson 02: {"pipeline": …, "signature": …}."""
    lessons.require("03")
    return pickle.loads((MODELS / "churn.pkl").read_bytes())


@pytest.fixture(scope="module")
def test_rows(saved):
    return pd.read_csv(MODELS / "churn_test.csv")


@pytest.fixture(scope="module")
def session(saved):
    return onnxruntime.InferenceSession(MODELS / "churn.onnx",
                                        providers=["CPUExecutionProvider"])


def fields(signature):
    return [entry["name"] for entry in signature["inputs"]]


def feed(rows, signature):
    """ONNX Runtime's inputs: {field: (N, 1) array of str or float32}."""
    return {entry["name"]: rows[[entry["name"]]].to_numpy(
                object if entry["type"] == "category" else np.float32)
            for entry in signature["inputs"]}


def leaving(session, rows, signature):
    """Probabilities of leaving by ONNX Runtime, shape (N,), float32."""
    return session.run(["probabilities"], feed(rows, signature))[0][:, 1]


def test_onnx_agrees_with_scikit_learn_on_every_test_row(saved, session, test_rows):
    signature = saved["signature"]
    expected = saved["pipeline"].predict_proba(test_rows[fields(signature)])[:, 1]
    got = leaving(session, test_rows, signature)
    assert got.shape == expected.shape == (1409,)
    assert np.abs(got - expected).max() <= 1e-5


def test_one_row_at_a_time_gives_what_all_at_once_give(saved, session, test_rows):
    together = leaving(session, test_rows.head(50), saved["signature"])
    alone = [leaving(session, test_rows[i:i + 1], saved["signature"])[0] for i in range(50)]
    assert np.abs(together - alone).max() <= 1e-6


def test_both_decide_alike_at_the_threshold(saved, session, test_rows):
    signature = saved["signature"]
    expected = saved["pipeline"].predict_proba(test_rows[fields(signature)])[:, 1]
    got = leaving(session, test_rows, signature)
    threshold = signature["threshold"]
    assert ((got >= threshold) == (expected >= threshold)).all()


def test_model_separates_leavers_as_well_as_is_known_of_this_data(saved, session, test_rows):
    got = leaving(session, test_rows, saved["signature"])
    # About 0.85 is what models reach on this table; 0.95 would mean that the answer leaked in.
    assert 0.82 <= roc_auc_score(test_rows["churn"] == "yes", got) <= 0.90


def test_probabilities_are_calibrated_on_the_whole(saved, session, test_rows):
    got = leaving(session, test_rows, saved["signature"])
    assert abs(got.mean() - (test_rows["churn"] == "yes").mean()) < 0.03


def test_onnx_file_carries_the_signature_of_the_pickle(saved, session):
    carried = json.loads(session.get_modelmeta().custom_metadata_map["signature"])
    assert carried == saved["signature"]


def test_signature_names_the_onnx_inputs_in_order_with_their_types(saved, session):
    kinds = {"category": "tensor(string)", "integer": "tensor(float)", "number": "tensor(float)"}
    expected = [(entry["name"], kinds[entry["type"]]) for entry in saved["signature"]["inputs"]]
    assert [(given.name, given.type) for given in session.get_inputs()] == expected
    assert all(len(given.shape) == 2 and given.shape[1] == 1 for given in session.get_inputs())
    outputs = {given.name: (given.type, len(given.shape)) for given in session.get_outputs()}
    assert outputs == {"label": ("tensor(int64)", 1), "probabilities": ("tensor(float)", 2)}


def test_signature_agrees_with_the_data(saved):
    signature, data = saved["signature"], pd.read_csv(DATA / "churn.csv")
    data["totalcharges"] = data["totalcharges"].fillna(0)
    assert [*fields(signature), "churn"] == list(data.columns)
    for entry in signature["inputs"]:
        column = data[entry["name"]]
        if "allowed" in entry:
            assert set(column) == set(entry["allowed"]), entry["name"]
            kind = str if entry["type"] == "category" else int
            assert all(type(value) is kind for value in entry["allowed"]), entry["name"]
        else:
            assert entry["minimum"] <= column.min(), entry["name"]
            assert column.max() <= entry["maximum"], entry["name"]
        if entry["type"] == "integer":
            assert (column == column.round()).all(), entry["name"]


def test_signature_says_which_data_and_which_versions(saved):
    signature = saved["signature"]
    assert (signature["model"], signature["version"]) == ("churn", "1")
    assert signature["training_data_sha256"] == \
        hashlib.sha256((DATA / "churn.csv").read_bytes()).hexdigest()
    assert signature["versions"] == {
        name: version(name) for name in ("scikit-learn", "skl2onnx", "onnxruntime")}
    assert 0 < signature["threshold"] < 0.5      # a missed churner is dearer than an offer


@pytest.mark.parametrize("contract", ["weekly", "Two_Year", None])
def test_unknown_category_is_refused_by_both_and_never_encoded_as_zeros(
        saved, session, test_rows, contract):
    row = test_rows.head(1).astype({"contract": object}).assign(contract=contract)
    with pytest.raises(Exception, match="Unknown Category"):
        leaving(session, row, saved["signature"])
    with pytest.raises(ValueError, match="unknown categories"):
        saved["pipeline"].predict_proba(row[fields(saved["signature"])])


def test_test_rows_are_customers_of_the_data_with_its_share_of_leavers(test_rows):
    data = pd.read_csv(DATA / "churn.csv").fillna({"totalcharges": 0})
    assert list(test_rows.columns) == list(data.columns)
    known = set(data.drop(columns="totalcharges").itertuples(index=False, name=None))
    numbers = test_rows.drop(columns="totalcharges").round({"monthlycharges": 2})
    assert set(numbers.itertuples(index=False, name=None)) <= known
    assert abs((test_rows["churn"] == "yes").mean() - (data["churn"] == "yes").mean()) < 0.001


def test_training_again_gives_the_same_model(saved, test_rows, tmp_path):
    """Lesson 02 in another folder: same threshold, same signature, same probabilities."""
    from nbclient import NotebookClient
    shutil.copytree(DATA, tmp_path / "data")
    (tmp_path / "solutions").mkdir()
    source = next(SOLUTIONS.glob("02_*.py"))
    book = jupytext.read(source)
    client = NotebookClient(book, timeout=120, kernel_name="python3",
                            resources={"metadata": {"path": str(tmp_path / "solutions")}})
    client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
    again = pickle.loads((tmp_path / "build" / "models" / "churn.pkl").read_bytes())
    assert again["signature"] == saved["signature"]
    rows = test_rows[fields(saved["signature"])]
    assert np.abs(again["pipeline"].predict_proba(rows)
                  - saved["pipeline"].predict_proba(rows)).max() <= 1e-6
    assert not list((tmp_path / "build" / "models").glob("*.part"))
