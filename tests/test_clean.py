"""`stop` and `clean`: what the workshop made goes, all else stays, and it is looked up again."""
import shutil
import socket
import uuid

import pytest

from workshop import clean, cloud, engine
from workshop.paths import ROOT


@pytest.fixture
def quiet(monkeypatch):
    """No JupyterLab and no local cloud of this clone is stopped by these tests."""
    monkeypatch.setattr(clean.lab, "stop", lambda: False)
    monkeypatch.setattr(clean, "cloud_ports", lambda: [])


@pytest.fixture
def clone(tmp_path):
    """A folder like a clone after some use, with a linked environment."""
    root = tmp_path / "clone"
    for name in ("build/models/churn.onnx", "workshop.egg-info/PKG-INFO", "notebooks/00_x.ipynb",
                 "notebooks/.ipynb_checkpoints/00_x.ipynb", "workshop/lab.py", "data/churn.csv",
                 "workshop/__pycache__/lab.pyc", "workshop/mends/__pycache__/a.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/python").write_text("x")
    (root / ".venv").symlink_to(tmp_path / "theirs")
    return root


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_what_was_made_in_the_clone_goes_and_the_learners_work_stays(quiet, clone, capsys):
    assert clean.main(clone, ("workshop.test=none",)) == 0
    assert files(clone) == ["data/churn.csv", "notebooks/00_x.ipynb", "workshop/lab.py"]
    assert (clone.parent / "theirs/python").exists(), "a link goes, not what it leads to"
    assert not (clone / ".venv").is_symlink()
    said = capsys.readouterr().out
    assert "folder    build" in said and said.index("To remove:") < said.index("Looked again:")
    assert "nothing is there" in said and "AWS accounts" in said


def test_a_second_clean_finds_nothing(quiet, clone, capsys):
    clean.main(clone, ("workshop.test=none",))
    capsys.readouterr()
    assert clean.main(clone, ("workshop.test=none",)) == 0
    assert "To remove:\n  nothing is there" in capsys.readouterr().out


def test_what_does_not_go_is_named_and_the_exit_status_says_so(quiet, clone, capsys, monkeypatch):
    remove = clean._remove
    monkeypatch.setattr(clean, "_remove",
                        lambda root, kind, name: name == "build" or remove(root, kind, name))
    assert clean.main(clone, ("workshop.test=none",)) == 1
    assert "Left, although it should be gone:\n  folder    build\n" in capsys.readouterr().out


@pytest.mark.skipif(not engine.available(), reason="no Docker engine answers here")
def test_everything_with_the_label_leaves_docker_and_nothing_else_does(quiet, tmp_path):
    label = f"workshop.test={uuid.uuid4().hex}"
    other = f"workshop-clean-{uuid.uuid4().hex[:8]}"
    try:
        make_things_in_docker(tmp_path, label)
        assert engine.docker("volume", "create", other).returncode == 0
        made = clean.found(tmp_path, (label,))
        assert sorted(kind for kind, _, _ in made) == ["container", "image", "network", "volume"]
        assert clean.main(tmp_path, (label,)) == 0
        assert clean.found(tmp_path, (label,)) == []
        assert engine.docker("volume", "inspect", other).returncode == 0, "this one has no label"
    finally:
        engine.docker("volume", "rm", other)
        for kind, number, _ in clean.found(tmp_path, (label,)):
            clean._remove(tmp_path, kind, number)


def make_things_in_docker(folder, label):
    """One container, image, network and volume with the label; the image under two names."""
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\nCMD [\"/none\"]\n")
    name = f"workshop-clean-{uuid.uuid4().hex[:8]}"
    for command in (
            ["build", "--quiet", "--label", label, "--tag", name, str(folder)],
            ["tag", name, f"localhost:1/{name}:v1"],
            ["create", "--name", name, name],           # inherits the image's label
            ["network", "create", "--label", label, name],
            ["volume", "create", "--label", label, name]):
        answer = engine.docker(*command, timeout=120)
        assert answer.returncode == 0, answer.stderr


def test_the_labels_are_those_that_images_and_containers_carry():
    assert "LABEL workshop=lambda-onnx" in (ROOT / "docker/Dockerfile").read_text()
    assert "workshop=lambda-onnx" in (ROOT / "docker/base/Dockerfile").read_text()
    assert clean.LABELS == ("workshop=lambda-onnx", "workshop.cloud")


def test_stop_ends_the_local_cloud(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(clean.lab, "stop", lambda: True)
    monkeypatch.setattr(clean, "cloud_ports", lambda: [port])
    try:
        cloud.start(port)
        assert clean.stop() == 0
        assert not cloud.status(port)["running"]
        said = capsys.readouterr().out
        assert f"JupyterLab: stopped\nlocal cloud, port {port}: stopped\n" in said
        assert clean.stop() == 0 and "local cloud: not running" in capsys.readouterr().out
    finally:
        cloud.stop(port)
        shutil.rmtree(cloud.state_folder(port))


def test_a_port_that_belongs_to_something_else_is_left_alone_and_named(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(clean.lab, "stop", lambda: False)
        monkeypatch.setattr(clean, "cloud_ports", lambda: [port])
        assert clean.stop() == 1
        assert f"local cloud, port {port}: " in capsys.readouterr().err


def test_the_ports_are_those_on_which_this_clone_ran_a_cloud(tmp_path):
    for name in ("4566", "4570", "notes"):
        (tmp_path / "cloud" / name).mkdir(parents=True)
    assert clean.cloud_ports(tmp_path) == [4566, 4570]
    assert clean.cloud_ports(tmp_path / "none") == []
