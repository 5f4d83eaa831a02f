"""`stop` and `clean`: what the workshop made goes, all else stays, and it is looked up again."""
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import uuid
from types import SimpleNamespace

import pytest

from workshop.commands import clean
from workshop.local import addresses, lifecycle
from workshop.machine import base_image, engine
from workshop.machine.paths import ROOT

OURS = f"workshop.clone=test-{uuid.uuid4().hex[:8]}"
NOTHING = clean.Notes(ports=[], dockerd={}, pulled=[])


@pytest.fixture
def quiet(monkeypatch):
    """No JupyterLab, local cloud or thing in Docker of this clone is touched by these tests."""
    monkeypatch.setattr(clean.lab, "stop", lambda: False)
    monkeypatch.setattr(clean.lab, "running", lambda: None)
    monkeypatch.setattr(clean, "cloud_ports", lambda build=None: [])
    monkeypatch.setattr(clean.labels, "OURS", OURS)


@pytest.fixture
def without_docker(quiet, monkeypatch):
    monkeypatch.setattr(clean, "in_docker", lambda known: ([], []))


@pytest.fixture
def clone(tmp_path):
    """A folder like a clone after some use, with a linked environment."""
    root = tmp_path / "clone"
    for name in ("build/models/churn.onnx", "workshop.egg-info/PKG-INFO", "notebooks/00_x.ipynb",
                 "notebooks/.ipynb_checkpoints/00_x.ipynb", "my_notebooks/00_x.ipynb",
                 "my_notebooks/.ipynb_checkpoints/00_x.ipynb", "workshop/commands/lab.py",
                 "data/churn.csv", "workshop/__pycache__/lab.pyc",
                 "workshop/local/patches/__pycache__/a.pyc"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/python").write_text("x")
    (root / ".venv").symlink_to(tmp_path / "theirs")
    return root


STAYS = ["data/churn.csv", "my_notebooks/00_x.ipynb", "notebooks/00_x.ipynb",
         "workshop/commands/lab.py"]


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_what_was_made_in_the_clone_goes_and_the_learners_work_stays(without_docker, clone, capsys):
    assert clean.main(clone) == 0
    assert files(clone) == STAYS
    assert (clone.parent / "theirs/python").exists(), "a link goes, not what it leads to"
    assert not (clone / ".venv").is_symlink()
    said = capsys.readouterr().out
    assert "folder    build" in said and said.index("To remove") < said.index("Looked again:")
    assert "nothing is there" in said and "AWS accounts" in said


def test_a_second_clean_finds_nothing(without_docker, clone, capsys):
    clean.main(clone)
    capsys.readouterr()
    assert clean.main(clone) == 0
    assert "To remove from this machine:\n  nothing is there" in capsys.readouterr().out


def test_what_does_not_go_is_named_and_the_exit_status_says_so(without_docker, clone, capsys,
                                                               monkeypatch):
    remove = clean._remove
    monkeypatch.setattr(clean, "_remove", lambda root, thing, known:
                        "" if thing.name == "build" else remove(root, thing, known))
    assert clean.main(clone) == 1
    assert "Left, although it should be gone:\n  folder    build\n" in capsys.readouterr().out


def test_after_an_interruption_the_next_clean_goes_on(without_docker, clone, monkeypatch):
    """build/ goes last: what it knows (ports, a started engine) is there until the end."""
    remove, removed = clean._remove, []

    def interrupted(root, thing, known):
        if len(removed) == 3:
            raise KeyboardInterrupt
        removed.append(thing.name)
        return remove(root, thing, known)

    monkeypatch.setattr(clean, "_remove", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clean.main(clone)
    assert (clone / "build/models/churn.onnx").exists()
    monkeypatch.setattr(clean, "_remove", remove)
    assert clean.main(clone) == 0
    assert files(clone) == STAYS


# AWS

@pytest.fixture
def asked(monkeypatch):
    """AWS_PROFILE is set; what inventory is asked, and what it shall answer."""
    calls = SimpleNamespace(made=[], answer=0)
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setattr(clean, "_inventory",
                        lambda settings: calls.made.append(settings) or calls.answer)
    return calls


@pytest.mark.parametrize("answer", [1, 2])
def test_without_a_yes_nor_with_a_rest_in_the_account_the_machine_stays(
        without_docker, clone, asked, answer, capsys):
    before, asked.answer = files(clone), answer
    assert clean.main(clone) == 1
    assert files(clone) == before and asked.made == [{}]
    assert "unset AWS_PROFILE to clean this machine only" in capsys.readouterr().err


def test_after_a_yes_the_machine_is_cleaned_too(without_docker, clone, asked):
    assert clean.main(clone) == 0 and asked.made == [{}]
    assert not (clone / "build").exists()


def test_an_account_cannot_be_cleaned_without_an_environment(without_docker, clone, asked, capsys,
                                                             monkeypatch):
    monkeypatch.setattr(clean, "_python", lambda: None)
    before = files(clone)
    assert clean.main(clone) == 1 and files(clone) == before and asked.made == []
    assert "no environment" in capsys.readouterr().err


# Docker

def docker_things(label):
    return {kind: set(clean._labelled(kind, label)) for kind in clean.KINDS}


@pytest.fixture
def theirs(tmp_path, quiet):
    """A container, image, network and volume of another checkout's, whose port was 2."""
    if not engine.available():
        pytest.skip("no Docker engine answers here")
    label = f"workshop.clone=theirs-{uuid.uuid4().hex[:8]}"
    names = [make_things_in_docker(tmp_path, label, 2)]
    yield label
    for label in (label, OURS):
        for kind in clean.KINDS:
            for number in clean._labelled(kind, label):
                engine.docker(*clean.KINDS[kind][1], number)
    assert names


def make_things_in_docker(folder, label, port):
    """One container, image, network and volume with the label; the image under two names."""
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\nCMD [\"/none\"]\n"
                                       f"LABEL workshop=lambda-onnx a={uuid.uuid4().hex}\n")
    name = f"workshop-clean-{uuid.uuid4().hex[:8]}"
    for command in (
            ["build", "--quiet", "--label", label, "--tag", name, str(folder)],
            ["tag", name, f"localhost:{port}/{name}:v1"],
            ["create", "--name", name, name],           # inherits the image's label
            ["network", "create", "--label", label, name],
            ["volume", "create", "--label", label, name]):
        answer = engine.docker(*command, timeout=120)
        assert answer.returncode == 0, answer.stderr
    return name


def test_of_two_checkouts_each_removes_its_own(tmp_path, theirs, capsys):
    others = docker_things(theirs)
    make_things_in_docker(tmp_path, OURS, 1)
    mine, kept = clean.in_docker(NOTHING)
    assert sorted(one.kind for one in mine) == ["container", "image", "network", "volume"]
    assert kept, "what serves all checkouts stays for the other"
    for one in mine:
        assert clean._remove(tmp_path, one, NOTHING) == ""
    assert clean.in_docker(NOTHING)[0] == [] and docker_things(theirs) == others


def answers(monkeypatch, things, pulled=()):
    """Let Docker list these: {label: {kind: {id: name}}}."""
    monkeypatch.setattr(clean, "_labelled", lambda kind, label: dict(
        things.get(label, {}).get(kind, {})))
    monkeypatch.setattr(clean.engine, "docker", lambda *command: SimpleNamespace(
        returncode=0 if command[-1] in pulled else 1, stdout=""))


BASE = {"workshop=lambda-onnx": {"image": {"1": "workshop-lambda-base:3.13", "2": "churn:v1"}},
        OURS: {"image": {"2": "churn:v1"}}, "workshop.clone": {"image": {"2": "churn:v1"}}}


def test_the_last_checkout_removes_what_serves_all(quiet, monkeypatch):
    answers(monkeypatch, BASE, pulled=["aws:3.13"])
    mine, kept = clean.in_docker(clean.Notes([1], {}, ["aws:3.13", "gone:1"]))
    assert [one.name for one in mine] == ["churn:v1", "workshop-lambda-base:3.13", "aws:3.13"]
    assert kept == []


@pytest.mark.parametrize("other", [
    {"workshop.clone": {"image": {"2": "churn:v1", "3": "churn:v2"}}},
    {"workshop.clone": {"image": {"2": "churn:v1"}, "container": {"4": "a"}}},
    {"workshop.cloud": {"container": {"4": "a"}}},
    {"workshop=lambda-onnx": {"image": {"1": "workshop-lambda-base:3.13", "5": "localhost:2/a"}}}])
def test_what_serves_all_stays_while_there_is_another_checkout(quiet, monkeypatch, other):
    answers(monkeypatch, BASE | other)
    mine, kept = clean.in_docker(clean.Notes([1], {}, []))
    assert [one.name for one in mine] == ["churn:v1"]
    assert kept


def test_containers_of_this_checkouts_own_cloud_are_no_others(quiet, monkeypatch):
    answers(monkeypatch, BASE | {label: {"container": {"4": "a"}}
                                 for label in ("workshop.cloud", "workshop.cloud=1")})
    assert clean.in_docker(clean.Notes([1], {}, []))[1] == []


def test_every_maker_of_images_and_containers_says_whose_they_are():
    makers = {path.relative_to(ROOT).as_posix() for path in (ROOT / "workshop").rglob("*.py")
              if re.search(r'(docker", |docker\()"(build|create|run)"|^ +"run", "--detach"',
                           path.read_text(), re.M)}
    assert makers >= {"workshop/deploy.py", "workshop/endpoints.py", "workshop/packages.py",
                      "workshop/measure/container.py", "workshop/machine/desktop.py"}
    shared = {"workshop/machine/base_image.py"}     # the stand-in serves every checkout
    assert not [name for name in makers - shared if "labels.OURS" not in (ROOT / name).read_text()]
    assert "LABEL workshop=lambda-onnx" in (ROOT / "docker/Dockerfile").read_text()
    assert "workshop=lambda-onnx" in (ROOT / "docker/base/Dockerfile").read_text()


# The engine

@pytest.fixture
def dockerd():
    """A process that this checkout started and remembers as its engine."""
    process = subprocess.Popen(["sleep", "600"])
    yield {"pid": process.pid, "began": engine._began(process.pid)}
    process.kill()
    process.wait()


linux = pytest.mark.skipif(sys.platform != "linux", reason="dockerd runs on Linux only")


@linux
def test_the_engine_that_this_checkout_started_is_ended(quiet, monkeypatch, dockerd):
    monkeypatch.setattr(engine, "docker", lambda *_: SimpleNamespace(stdout=""))
    assert engine.runs(dockerd)
    assert engine.stop(dockerd) == "" and not engine.runs(dockerd)


@linux
def test_not_while_it_runs_containers_of_others(quiet, monkeypatch, dockerd):
    monkeypatch.setattr(engine, "docker", lambda *_: SimpleNamespace(stdout="4f5a\n"))
    assert "of others" in engine.stop(dockerd) and engine.runs(dockerd)


@linux
def test_another_process_with_the_engines_old_number_is_not_taken_for_it(dockerd):
    assert not engine.runs(dockerd | {"began": "1"}) and not engine.runs({})


@linux
def test_the_engine_is_listed_unless_another_checkout_uses_it(quiet, monkeypatch, dockerd,
                                                              tmp_path):
    known = clean.Notes([], dockerd, [])
    monkeypatch.setattr(clean.engine, "available", lambda: True)
    for kept, kinds in (([], ["engine"]), (["their image"], [])):
        monkeypatch.setattr(clean, "in_docker", lambda known, kept=kept: ([], kept))
        assert [one.kind for one in clean.found(tmp_path, known)] == kinds


def test_what_build_knows_is_read_before_build_goes(tmp_path):
    (tmp_path / "cloud/4570").mkdir(parents=True)
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / base_image.PULLED).write_text("b:1\na:1\nb:1\n")
    (tmp_path / engine.STARTED).write_text('{"service": "docker"}')
    assert clean.notes(tmp_path) == clean.Notes([4570], {"service": "docker"}, ["a:1", "b:1"])
    assert clean.notes(tmp_path / "none") == NOTHING


# Stop

def test_stop_ends_the_local_cloud(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(clean.lab, "stop", lambda: True)
    monkeypatch.setattr(clean, "cloud_ports", lambda: [port])
    try:
        lifecycle.start(port)
        assert clean.stop() == 0
        assert not lifecycle.status(port)["running"]
        said = capsys.readouterr().out
        assert f"JupyterLab: stopped\nlocal cloud, port {port}: stopped\n" in said
        assert clean.stop() == 0 and "local cloud: not running" in capsys.readouterr().out
    finally:
        lifecycle.stop(port)
        shutil.rmtree(addresses.state_folder(port))


def test_a_port_that_belongs_to_something_else_is_left_alone_and_named(monkeypatch, capsys):
    class Theirs(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(b"not what you think\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Theirs) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        monkeypatch.setattr(clean.lab, "stop", lambda: False)
        monkeypatch.setattr(clean, "cloud_ports", lambda: [port])
        monkeypatch.setattr(lifecycle, "SILENCE", 0.5)
        assert clean.stop() == 1
        server.shutdown()
    assert f"local cloud, port {port}: " in capsys.readouterr().err


def test_the_ports_are_those_on_which_this_clone_ran_a_cloud(tmp_path):
    for name in ("4566", "4570", "notes"):
        (tmp_path / "cloud" / name).mkdir(parents=True)
    assert clean.cloud_ports(tmp_path) == [4566, 4570]
    assert clean.cloud_ports(tmp_path / "none") == []
