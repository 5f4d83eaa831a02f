"""Damaged files are noticed by their form, and whole ones are left in peace."""
import json
import pickle
import zipfile

import numpy as np
import onnx
import pytest

from workshop import deploy, endpoints, intact


def model(path):
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "tiny",
        [onnx.helper.make_tensor_value_info("x", 1, [None, 3])],
        [onnx.helper.make_tensor_value_info("y", 1, [None, 3])],
        [onnx.numpy_helper.from_array(np.arange(3000, dtype="float32"), "unused")])
    made = onnx.helper.make_model(graph)
    onnx.helper.set_model_props(made, {"signature": json.dumps({"model": "tiny"})})
    onnx.save(made, path)


def archive(path):
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("a", "text" * 1000)


MAKERS = {
    "model.onnx": model, "saved_model.pb": model,
    "model.pkl": lambda path: path.write_bytes(pickle.dumps({"a": np.arange(3000)})),
    "model.keras": archive, "model.pt": archive,
    "data.npz": lambda path: np.savez(path, a=np.arange(3000)),
    "table.csv": lambda path: path.write_text("a,b\n" + "1,2\n" * 1000),
    "event.json": lambda path: path.write_text(json.dumps({"a": list(range(1000))}))}
DAMAGE = {
    "empty": lambda data: b"", "half": lambda data: data[:len(data) // 2 + 1],
    "a byte short": lambda data: data[:-1],
    "zeros at its end": lambda data: data[:len(data) // 2] + bytes(len(data) - len(data) // 2),
    "zeros": lambda data: bytes(len(data)),
    "a page of HTML": lambda data: b"<!DOCTYPE html><html><body>Not found</body></html>"}
# Text has no form that shows these.
UNSEEN = {("table.csv", "zeros"), ("table.csv", "zeros at its end")}


@pytest.mark.parametrize("name", MAKERS)
def test_a_whole_file_is_whole(tmp_path, name):
    MAKERS[name](tmp_path / name)
    assert intact.fault(tmp_path / name) == ""
    intact.check(tmp_path / name)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", MAKERS)
def test_a_damaged_file_is_noticed(tmp_path, name, damage):
    path = tmp_path / name
    MAKERS[name](path)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(intact.Damaged, match=f"{name} is damaged: .*Delete it, and run lesson 02"):
        intact.check(path, "lesson 02")


def test_a_folder_is_as_whole_as_its_files(tmp_path):
    assert "empty" in intact.fault(tmp_path)
    (tmp_path / "variables").mkdir()
    model(tmp_path / "saved_model.pb")
    (tmp_path / "variables/variables.index").touch()
    assert intact.fault(tmp_path) == ""
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert intact.fault(tmp_path) == "saved_model.pb it is empty"


def test_nothing_in_a_pickle_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "opened"), "w")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    assert intact.fault(tmp_path / "evil.pkl") == ""
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("use", [lambda path: deploy.stage("churn", path), endpoints.archive])
def test_a_damaged_model_is_not_shipped(tmp_path, use):
    (tmp_path / "model.onnx").write_bytes(b"\0" * 100)
    with pytest.raises(intact.Damaged, match="Delete it"):
        use(tmp_path / "model.onnx")
