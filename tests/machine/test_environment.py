"""The environment: what it is made from, and that it is made whole whatever happens meanwhile.

Set-up is tried for real in small clones, with an environment.yml of two small packages.
"""
import importlib.metadata
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import yaml

from waiting import until
from workshop.machine import engine, environment, pins, progress, requirements
from workshop.machine.paths import ROOT

TINY = """\
name: tiny
dependencies:
  - python
  - pip:
      - -e .
      - setuptools=={setuptools}
      # needed to compare versions
      - packaging=={packaging}
"""
# The Python that runs the tests holds everything already; let it believe otherwise.
PREPARE = ("from workshop.machine import environment\n"
           "environment.differences = lambda: ['this Python is not the one']\n"
           "try: print(environment.prepare())\n"
           "except environment.SetUpError as error: raise SystemExit(f'Failed: {error}')")


# ---------------------------------------------------------------- environment.yml

def test_the_pip_part_is_what_a_yaml_parser_reads():
    read = yaml.safe_load(requirements.FILE.read_text())
    assert set(read) == {"name", "channels", "dependencies"}, "conda knows these"
    assert [entry for entry in read["dependencies"] if isinstance(entry, dict)] == [
        {"pip": requirements.pinned()}]
    assert any(str(entry).startswith("python>=") for entry in read["dependencies"])


def test_comments_quotes_and_what_follows_are_told_apart():
    text = ("dependencies:\n  - pip\n  - pip:\n      # first\n      - one==1   # why\n"
            "      - 'two==2; python_version > \"3\"'\n\n      - three==3; os == \"x\"\n"
            "  - other\nvariables:\n  - four\n")
    assert requirements.pinned(text) == [
        "one==1", 'two==2; python_version > "3"', 'three==3; os == "x"']
    assert requirements.pinned(text) == yaml.safe_load(text)["dependencies"][1]["pip"]


def test_every_package_is_pinned():
    for entry in requirements.pinned():
        assert entry == "-e ." or "==" in entry, entry


def test_what_is_installed_agrees_with_environment_yml():
    assert environment.differences() == []


@pytest.mark.parametrize("entry, words", [
    ("no-such-package-at-all==1.0", "no-such-package-at-all is not installed"),
    ("numpy==1.0", f"numpy is {importlib.metadata.version('numpy')}; environment.yml says"),
])
def test_a_difference_is_named(monkeypatch, entry, words):
    monkeypatch.setattr(requirements, "pinned", lambda: ["-e .", entry, "boto3>1"])
    assert len(environment.differences()) == 1 and words in environment.differences()[0]


def test_an_entry_for_another_system_is_no_difference(monkeypatch):
    monkeypatch.setattr(requirements, "pinned",
                        lambda: ['no-such-package-at-all==1.0; sys_platform == "none"'])
    assert environment.differences() == []


# ---------------------------------------------------------------- making it, for real

def own_environment():
    """This process's environment without the way to this clone's package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


class Clone:
    """A small clone: the package, a tiny environment.yml, and the lock of what that names."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(ROOT / "workshop", root / "workshop",
                        ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", root)
        self.write(TINY)

    def write(self, text, lock=None):
        """Write environment.yml and its lock, by default with the hashes of the real one."""
        whole = pins.LOCK.read_text(encoding="utf-8")
        locked = {first["name"]: (first["version"], block) for first, block in pins.blocks(whole)}
        text = text.format(packaging=locked["packaging"][0], setuptools=locked["setuptools"][0])
        (self.root / "environment.yml").write_text(text)
        if lock is None:
            names = [entry.partition("==")[0] for entry in requirements.pinned(text)]
            lock = "".join(locked[name][1] for name in names if name in locked)
        (self.root / "environment.lock").write_text(lock)

    def start(self, groups=""):
        prepare = PREPARE.replace("prepare()", f"prepare({groups})")
        return subprocess.Popen([sys.executable, "-c", prepare], cwd=self.root, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=own_environment())

    def prepare(self, groups=""):
        """Run the set-up to its end, of all groups or those; (exit status, what it said)."""
        process = self.start(groups)
        said = process.communicate(timeout=300)[0]
        return process.returncode, said

    def versions(self):
        """What the clone's own Python holds, asked from outside the clone."""
        ask = ("import json, importlib.metadata as m, workshop\n"
               "print(json.dumps([workshop.__file__,"
               "{d.name.lower(): d.version for d in m.distributions()}]))")
        answer = subprocess.run([str(self.root / ".venv/bin/python"), "-c", ask], text=True,
                                capture_output=True, cwd="/", check=True,
                                env=own_environment())
        return json.loads(answer.stdout)


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path / "clone")


def test_set_up_is_done_once_follows_changes_and_moves(clone):
    status, said = clone.prepare()
    assert status == 0 and "environment: ready after" in said, said
    place, versions = clone.versions()
    assert place.startswith(str(clone.root))
    assert versions["packaging"] == locked("packaging")

    status, said = clone.prepare()
    assert (status, said) == (0, f"{clone.root}/.venv/bin/python\n"), "nothing to do, nothing said"

    made = (clone.root / ".venv/pyvenv.cfg").stat().st_mtime_ns
    clone.write(TINY + f"      - iniconfig=={locked('iniconfig')}\n")
    status, said = clone.prepare()
    assert status == 0 and "iniconfig" in clone.versions()[1], said
    assert (clone.root / ".venv/pyvenv.cfg").stat().st_mtime_ns == made, "updated, not made afresh"

    clone.root = clone.root.rename(clone.root.with_name("moved"))
    status, said = clone.prepare()
    assert status == 0 and clone.versions()[0].startswith(str(clone.root)), said


@pytest.mark.parametrize("moment, how", [
    (".venv/pyvenv.cfg", "SIGKILL"), ("build/pip.log", "SIGKILL"), ("build/pip.log", "SIGINT")])
def test_a_set_up_that_was_ended_in_the_middle_is_mended_by_the_next(clone, moment, how):
    process = clone.start()
    until(lambda: is_begun(clone.root / moment), f"{moment} is there", pause=0.02)
    process.send_signal(getattr(signal, how))
    process.communicate(timeout=30)     # ends when pip, which holds the other end, has ended
    assert not (clone.root / ".venv/workshop.json").exists(), "killed too late to show anything"
    status, said = clone.prepare()
    assert status == 0 and "half-made" in said and "ready after" in said, said
    assert clone.versions()[1]["packaging"] == locked("packaging")


@pytest.mark.parametrize("moment", [".venv/pyvenv.cfg", ".venv/lib", "build/pip.log"])
def test_the_next_set_up_may_begin_as_soon_as_one_was_killed(clone, moment):
    """What the killed one started does not write into the new environment."""
    process = clone.start()
    until(lambda: (clone.root / moment).exists(), f"{moment} is there", pause=0.01)
    process.kill()
    status, said = clone.prepare()
    assert status == 0 and "ready after" in said and "not empty" not in said, said
    assert clone.versions()[1]["packaging"] == importlib.metadata.version("packaging")
    process.communicate(timeout=30)


@pytest.mark.parametrize("what", ["*", "packaging", "packaging/*", "packaging-*.dist-info"])
def test_an_environment_whose_files_are_gone_is_made_afresh(clone, what):
    assert clone.prepare()[0] == 0
    packages, = (clone.root / ".venv/lib").glob("python3*/site-packages")
    for path in list(packages.glob(what)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    status, said = clone.prepare()
    assert status == 0 and "files of .venv are missing" in said, said
    assert clone.versions()[1]["packaging"] == importlib.metadata.version("packaging")


def test_a_newer_package_of_the_learners_own_is_not_taken_for_a_loss(monkeypatch, tmp_path):
    site = tmp_path / "lib/python3.13/site-packages"
    for name in ("numpy", "numpy-2.4.6.dist-info"):
        (site / name).mkdir(parents=True)
        (site / name / "file").touch()
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "CONTENTS", tmp_path / "contents")
    assert environment.is_whole(), "made before this was noted"
    environment.CONTENTS.write_text("\n".join(environment._contents()))
    (site / "numpy-2.4.6.dist-info").rename(site / "numpy-2.5.0.dist-info")
    (site / "extra.py").touch()
    assert environment.is_whole()
    (site / "numpy/file").unlink()
    assert not environment.is_whole()


def test_the_learners_settings_of_pip_and_python_change_nothing(clone, monkeypatch, tmp_path):
    """As a hostile machine sets them; the ways to packages must still be used."""
    from workshop.machine import settings
    ways = {name: value for name, value in settings.pip().items() if name != "PIP_CONFIG_FILE"}
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\nno-deps = true\n[install]\n"
                                       "target = /nonexistent\nconstraint = /nonexistent\n")
    hostile = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_USER": "1", "PIP_PREFIX": "/x",
               "PIP_REQUIRE_VIRTUALENV": "1", "PIP_DRY_RUN": "1", "PIP_CONSTRAINT": "/nonexistent",
               "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONUSERBASE": "/nonexistent"}
    for name, value in {**ways, **hostile}.items():
        monkeypatch.setenv(name, value)
    status, said = clone.prepare()
    assert status == 0 and "ready after" in said, said
    assert clone.versions()[1]["packaging"] == importlib.metadata.version("packaging")


def test_a_package_that_cannot_be_had_is_named(clone):
    clone.write(TINY.replace("{packaging}", "0.0.0.0"),
                lock=tiny_lock().replace(f"packaging=={locked('packaging')}", "packaging==0.0.0.0"))
    status, said = clone.prepare()
    assert status == 1 and "Failed: pip could not install" in said and "0.0.0.0" in said, said
    assert "Traceback" not in said
    assert not (clone.root / ".venv/workshop.json").exists(), "the next run makes it afresh"


def locked(name):
    """The version that environment.lock gives to a package."""
    found = pins.blocks(pins.LOCK.read_text())
    return {first["name"]: first["version"] for first, _ in found}[name]


def tiny_lock():
    """environment.lock's entries for the tiny environment."""
    return "".join(block for first, block in pins.blocks(pins.LOCK.read_text())
                   if first["name"] in ("packaging", "setuptools"))


@pytest.mark.parametrize("package", ["packaging", "setuptools"])
def test_a_file_with_another_hash_is_refused_and_nothing_of_it_installed(clone, package):
    """As if somebody had put other bytes under the same name and version."""
    wrong = "".join(re.sub("[0-9a-f]{64}", "0" * 64, block) if first["name"] == package else block
                    for first, block in pins.blocks(tiny_lock()))
    clone.write(TINY, lock=wrong)
    status, said = clone.prepare()
    assert status == 1 and "Failed: pip refused a file that is not the one that" in said, said
    assert package in said and "0" * 64 in said and "Traceback" not in said
    assert not (clone.root / ".venv/workshop.json").exists()
    assert not list((clone.root / ".venv").rglob("packaging-*.dist-info")), "nothing is installed"


def test_an_entry_without_any_hash_is_refused(clone):
    clone.write(TINY, lock=re.sub(r" \\\n( +--hash.*\n)+", "\n", tiny_lock(), count=1))
    status, said = clone.prepare()
    assert status == 1 and "Hashes are required" in said, said


@pytest.mark.parametrize("lock, words", [
    ("packaging==1.0\n", "packaging=={packaging} is not in the lock"),
    ("", "packaging=={packaging} is not in the lock"), (None, "git restore environment.lock")])
def test_a_lock_that_is_old_or_missing_is_named_before_anything_is_installed(clone, lock, words):
    clone.write(TINY, lock=lock or "")
    if lock is None:
        (clone.root / "environment.lock").unlink()
    status, said = clone.prepare()
    assert status == 1 and words.format(packaging=locked("packaging")) in said, said
    assert "Traceback" not in said and not (clone.root / "build/pip.log").exists()


def test_a_changed_lock_is_followed(clone):
    assert clone.prepare()[0] == 0
    lock = clone.root / "environment.lock"
    lock.write_text(lock.read_text() + next(
        block for first, block in pins.blocks(pins.LOCK.read_text())
        if first["name"] == "iniconfig"))
    status, said = clone.prepare()
    assert status == 0 and "iniconfig" in clone.versions()[1], said


LATER = TINY + "      # group later: what no early lesson needs\n      - iniconfig=={iniconfig}\n"


def test_the_first_group_is_complete_alone_and_the_next_one_mends_what_was_interrupted(clone):
    clone.write(LATER.replace("{iniconfig}", locked("iniconfig")))
    status, said = clone.prepare("['first']")
    assert status == 0 and "MB downloaded; .venv has" in said, said
    assert "iniconfig" not in clone.versions()[1]
    assert not (clone.root / ".venv/workshop.json").exists(), "not all of it is there"
    made = (clone.root / ".venv/pyvenv.cfg").stat().st_mtime_ns

    packages, = (clone.root / ".venv/lib").glob("python3*/site-packages")
    torn = packages / f"iniconfig-{locked('iniconfig')}.dist-info"      # killed while unpacking
    torn.mkdir()
    (torn / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: iniconfig\nVersion: {locked('iniconfig')}\n")
    (clone.root / ".venv/workshop.later.begun").touch()
    status, said = clone.prepare()
    assert status == 0 and "half-made" not in said, said
    assert (packages / "iniconfig/__init__.py").exists()
    assert (clone.root / ".venv/workshop.json").exists()
    assert (clone.root / ".venv/pyvenv.cfg").stat().st_mtime_ns == made, "not made afresh"


def test_the_background_goes_on_from_a_killed_one_and_two_do_not_meet(clone):
    clone.write(LATER.replace("{iniconfig}", locked("iniconfig")))
    assert clone.prepare("['first']")[0] == 0
    command = [clone.root / ".venv/bin/python", "-m", "workshop.machine.groups"]
    first, *others = (subprocess.Popen(command, cwd=clone.root, env=own_environment(), text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                      for _ in range(3))
    until(lambda: (clone.root / ".venv/group.lock").exists(), "it has begun", pause=0.01)
    first.kill()
    said = [process.communicate(timeout=120)[0] for process in (first, *others)]
    assert [process.returncode for process in others] == [0, 0], said
    assert "iniconfig" in clone.versions()[1] and (clone.root / ".venv/workshop.json").exists()


def is_begun(path):
    return path.exists() and path.stat().st_size > 0


@pytest.mark.parametrize("wrong, expected", [([], sys.executable), (["numpy is old"], "made")])
def test_a_conda_environment_that_holds_everything_is_used_as_it_is(monkeypatch, wrong, expected):
    monkeypatch.setattr(environment.sys, "prefix", "/opt/conda/envs/lambda-onnx-workshop")
    monkeypatch.setattr(environment, "differences", lambda *_: wrong)
    monkeypatch.setattr(environment, "is_ready", lambda *_: True)
    monkeypatch.setattr(environment, "python", lambda: "made")
    assert str(environment.prepare()) == expected


# ---------------------------------------------------------------- what can stand in the way

def test_a_linked_environment_is_let_go_and_never_emptied(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/file").write_text("precious")
    (tmp_path / ".venv").symlink_to(tmp_path / "theirs")
    environment._remove(tmp_path / ".venv")
    assert not (tmp_path / ".venv").is_symlink()
    assert (tmp_path / "theirs/file").read_text() == "precious"


def test_a_python_without_its_venv_module_is_told_the_package(monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(engine, "is_root", lambda: False)
    package = f"python3.{sys.version_info.minor}-venv"
    with pytest.raises(environment.SetUpError, match=f"sudo apt install {package}"):
        environment._create_venv()


def test_root_on_debian_gets_the_venv_module(monkeypatch, tmp_path):
    installed = []
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(engine, "is_root", lambda: True)
    monkeypatch.setattr(engine, "is_debian", lambda: True)
    monkeypatch.setattr(engine, "apt_install", lambda what, *names: installed.extend(names))
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "_child", lambda program, lock, *words, environment: (
        installed.append(words) or subprocess.Popen(["true"], stdout=subprocess.PIPE, text=True)))
    environment._create_venv()
    assert installed == [f"python3.{sys.version_info.minor}-venv", ("venv", tmp_path / ".venv")]


def test_a_full_disk_is_found_before_anything_is_downloaded(monkeypatch):
    usage = shutil.disk_usage(ROOT)._replace(free=1_000_000_000)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(environment.SetUpError, match="1.0 GB free"):
        environment._check_disk()


# ---------------------------------------------------------------- progress

PIP = """\
Obtaining file:///clone (from -r requirements.txt (line 1))
Collecting numpy==2.4.6 (from -r requirements.txt (line 2))
  Downloading numpy-2.4.6-cp311.whl.metadata (6.6 kB)
Collecting torch==2.13.0
Downloading torch-2.13.0-cp311.whl (888.1 MB)
Installing collected packages: numpy, torch, workshop
Successfully installed numpy-2.4.6 torch-2.13.0 workshop-0.1.0
"""


def test_pips_words_become_one_line_of_progress(monkeypatch):
    class Words(list):
        def say(self, words):
            self.append(words() if callable(words) else words)

    counts = iter([10, 12])
    monkeypatch.setattr(environment, "_installed", lambda: next(counts))
    said, log = Words(), io.StringIO()
    environment._follow(io.StringIO(PIP), log, said)
    assert said == ["looking up package 1: numpy==2.4.6", "looking up package 2: torch==2.13.0",
                    "downloading torch (888.1 MB)", "installing 2 of 3 packages"]
    assert log.getvalue() == PIP


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_on_a_terminal_and_in_a_log(monkeypatch, terminal):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(progress, "SECONDS", 0.01)
    with progress.Line("environment", stream) as line:
        line.say(lambda: "installing 3 of 7 packages")
        until(lambda: "3 of 7 packages (" in stream.getvalue(), "the line is shown")
    shown = stream.getvalue()
    assert ("\r" in shown) == terminal and shown.startswith("environment" if not terminal else "\r")
    assert shown.endswith("\x1b[K" if terminal else "\n"), "the line is taken back, or ended"
