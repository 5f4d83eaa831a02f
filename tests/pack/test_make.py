"""`pack FOLDER`: two small packages, packed, broken, completed, and used without a network.

The clones are small: environment.yml names setuptools and packaging. Docker takes no part here.
"""
import json
import os
import shutil
import subprocess
import sys

import pytest

from workshop.machine import engine, offline, pins, requirements
from workshop.machine.paths import ROOT
from workshop.pack import checksums, contents, make, wheels

TINY = """\
name: tiny
dependencies:
  - pip:
      - -e .
      - setuptools=={setuptools}
      - packaging=={packaging}
"""
PACK = ("import sys\nfrom workshop.pack import contents, make\n"
        "make.contents.LIGHT_GROUPS = ('first',)\n"
        "make.Maker.images = lambda *_: None\n"
        "try: make.main(['--light', *sys.argv[1:]])\n"
        "except contents.PackError as error: raise SystemExit(f'Failed: {error}')")
USE = ("import sys\nfrom workshop.machine import engine, environment, offline\n"
       "from workshop.pack import use\n"
       "engine.look = lambda: engine.State(engine.NOT_INSTALLED)\n"
       "environment.differences = lambda: ['this Python is not the one']\n"
       "use.set_up(sys.argv[1])\n"
       "print(environment.prepare(offline.groups(None)))\n"
       "use.say_done()")
# Whoever asks a package index all the same gets no answer.
NO_NETWORK = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY",
                                                      "HTTPS_PROXY", "PIP_INDEX_URL")}


def raising(error):
    def call(*_, **__):
        raise error
    return call


def run(program, root, *arguments, python=sys.executable, **more):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([str(python), "-c", program, *map(str, arguments)], cwd=root,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment | more, timeout=300)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone with its one commit."""
    root = tmp_path_factory.mktemp("clone") / "workshop"
    shutil.copytree(ROOT / "workshop", root / "workshop",
                    ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    locked = {first["name"]: (first["version"], block) for first, block in
              pins.blocks(pins.LOCK.read_text(encoding="utf-8"))}
    chosen = ("setuptools", "packaging")
    (root / "environment.yml").write_text(TINY.format(**{name: locked[name][0]
                                                         for name in chosen}))
    (root / "environment.lock").write_text("".join(locked[name][1] for name in chosen))
    git = ["git", "-C", root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    return root


@pytest.fixture(scope="module")
def packed(clone, tmp_path_factory):
    """The folder that `pack` made, and what it printed."""
    folder = tmp_path_factory.mktemp("room") / "stick of Ada"
    done = run(PACK, clone, folder)
    assert done.returncode == 0, done.stdout
    return folder, done.stdout


@pytest.fixture
def stick(packed, tmp_path):
    """A copy of it, to be broken."""
    return shutil.copytree(packed[0], tmp_path / "stick")


# ---------------------------------------------------------------- what is made

def test_it_says_what_is_in_the_folder_and_what_is_not(packed):
    folder, said = packed
    name = contents.part(contents.this_platform(), contents.this_python())
    assert f"wheels for {name}: 2, " in said
    assert "NOT in the folder: executed pages: build/site is not there" in said
    assert " bytes, " in said and " minutes" in said
    page = (folder / contents.PAGE).read_text()
    assert name in page and "Not in this folder:\n  - executed pages" in page
    assert not (folder / contents.STAGE).exists()


def test_every_file_has_its_checksum_in_the_form_of_sha256sum(packed):
    folder, _ = packed
    done = subprocess.run(["sha256sum", "--check", "--quiet", checksums.FILE], cwd=folder)
    assert done.returncode == 0
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there - {checksums.FILE} == checksums.read(folder).keys()


def test_the_copy_in_the_folder_is_set_up_without_a_network(packed, tmp_path):
    folder, _ = packed
    subprocess.run([sys.executable, "-m", "zipfile", "-e", folder / contents.CODE, tmp_path],
                   check=True)
    clone = tmp_path / "workshop"
    done = run(USE, clone, folder, **NO_NETWORK, HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stdout
    assert "0 MB downloaded" in done.stdout and "is not needed any more" in done.stdout
    python = clone / ".venv/bin/python"
    ask = "import packaging, workshop; print(packaging.__file__, workshop.__file__)"
    assert run(ask, "/", python=python).stdout.count(str(clone)) == 2


# ---------------------------------------------------------------- again, and after an interruption

def test_what_is_complete_is_kept_without_asking_anybody(clone, stick):
    before = {path: path.stat().st_mtime_ns for path in stick.rglob("*.whl")}
    done = run(PACK, clone, stick, **NO_NETWORK)
    assert done.returncode == 0, done.stdout
    assert {path: path.stat().st_mtime_ns for path in stick.rglob("*.whl")} == before


def test_an_interrupted_or_damaged_folder_is_completed(clone, stick):
    one, two = sorted((stick / contents.WHEELS).iterdir())
    one.unlink()
    two.write_text("half")
    (stick / contents.STAGE / "left").mkdir(parents=True)
    contents.write(stick, contents.read(stick) | {"complete": False})
    done = run(PACK, clone, stick)
    assert done.returncode == 0 and contents.read(stick)["complete"], done.stdout
    assert not checksums.wrong(stick, checksums.read(stick), checksums.read(stick))
    assert one.exists() and not (stick / contents.STAGE).exists()


def test_a_full_run_that_was_interrupted_leaves_the_choice_of_a_light_one(tmp_path, monkeypatch):
    monkeypatch.setattr(make.Maker, "code", raising(contents.PackError("no network")))
    for light in (False, True):
        maker = make.Maker(tmp_path, light)
        with pytest.raises(contents.PackError, match="no network"):
            maker.make([], [], [])
    assert maker.light and not contents.read(tmp_path)["full"]
    maker = make.Maker(tmp_path, light=False)
    maker.end()
    assert not make.Maker(tmp_path, light=True).light, "a complete one keeps all lessons"
    contents.write(tmp_path, contents.read(tmp_path) | {"complete": False})
    assert not make.Maker(tmp_path, light=True).light, "and does while a platform is added"


def test_a_page_of_a_lesson_that_has_another_number_now_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(make.paths, "BUILD", tmp_path / "build")
    source, folder = tmp_path / "build/site", tmp_path / "stick"
    (source / "lessons").mkdir(parents=True)
    for name in ("index.html", "lessons/10_bring.html"):
        (source / name).write_text(name)

    def pack():
        maker = make.Maker(folder, light=True)
        maker.begin()
        maker.site()
        maker.end()

    pack()
    (folder / "site/mine.html").write_text("a page of the instructor's")
    (source / "lessons/10_bring.html").rename(source / "lessons/11_bring.html")
    (tmp_path / "outside").write_text("not ours")
    checksums.write(folder, checksums.read(folder) | {"site/../../outside": "1"})
    pack()
    assert sorted(path.name for path in folder.glob("site/**/*.html")) == [
        "11_bring.html", "index.html", "mine.html"]
    assert (tmp_path / "outside").exists()


def test_files_of_others_beside_it_stay(clone, stick):
    (stick / "holiday.jpg").write_bytes(b"mine")
    (stick / contents.WHEELS / "notes.txt").write_text("mine too")
    assert run(PACK, clone, stick).returncode == 0
    assert (stick / "holiday.jpg").read_bytes() == b"mine"
    assert (stick / contents.WHEELS / "notes.txt").exists()
    assert "holiday.jpg" not in checksums.read(stick)


def test_an_older_lock_leaves_nothing_behind(clone, stick):
    """Wheels of packages that have moved are removed: they were ours, by SHA256SUMS."""
    old = stick / contents.WHEELS / "old-1-py3-none-any.whl"
    old.write_text("old")
    (stick / "holiday.jpg").write_bytes(b"mine")
    checksums.write(stick, checksums.read(stick) | {
        name: checksums.of(stick / name) for name in (f"wheels/{old.name}", "holiday.jpg")})
    contents.write(stick, contents.read(stick) | {"version": {"environment.lock": "older"}})
    assert run(PACK, clone, stick).returncode == 0
    assert (stick / "holiday.jpg").exists(), "it is not ours, whatever SHA256SUMS says"
    assert not old.exists() and len(list((stick / contents.WHEELS).iterdir())) == 2


def test_without_docker_the_folder_is_made_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "may_start", lambda: False)
    maker = make.Maker(tmp_path, light=True)
    monkeypatch.setattr(engine.subprocess, "run", raising(FileNotFoundError("docker")))
    maker.images("arm64")
    monkeypatch.setattr(engine.subprocess, "run", raising(
        subprocess.TimeoutExpired("docker", 30)))
    maker.images("arm64")
    assert all(line.startswith("base image for arm64: Docker is ") for line in maker.lacking)
    monkeypatch.setattr(make.images.engine, "ensure", lambda: None)
    maker.images("arm64")
    assert "timed out" in maker.lacking[2], "it hangs after it has answered"


def test_an_archive_is_kept_where_docker_does_not_answer_now(tmp_path, monkeypatch):
    monkeypatch.setattr(make.images, "save", raising(
        engine.EngineError("Docker is not running: start it.\nMore words")))
    (tmp_path / "images").mkdir()
    maker = make.Maker(tmp_path / "empty", light=True)
    maker.folder = tmp_path
    maker.images("arm64")
    assert maker.lacking == ["base image for arm64: Docker is not running: start it."]

    file = "images/arm64-0.tar.gz"
    (tmp_path / file).write_text("an archive")
    maker.old_sums = {file: checksums.of(tmp_path / file)}
    maker.now["images"] = {"arm64": [{"file": file, "name": "base", "id": "1"}]}
    maker.images("arm64")
    assert file in maker.sums and len(maker.lacking) == 1


# ---------------------------------------------------------------- refusals

def test_a_folder_of_somebody_else_is_refused_and_untouched(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(contents.PackError, match="holds other files .holiday.jpg.. Nothing was"):
        make.main([str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
    with pytest.raises(contents.PackError, match="is a file; name a folder"):
        make.main([str(tmp_path / "holiday.jpg")])


def test_a_stick_that_is_full_is_a_refusal_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(make.Maker, "code", raising(OSError(28, "No space left on device")))
    with pytest.raises(contents.PackError, match="No space left on device. Run the same command"):
        make.main([str(tmp_path / "new"), "--light"])


def test_too_little_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(make.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 9e6))
    with pytest.raises(contents.PackError, match="has 9 MB free; this needs about .* MB more"):
        make.main([str(tmp_path / "new"), "--light"])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("arguments", [["--platform", "solaris"], ["--python", "3.10"], []])
def test_wrong_arguments_are_refused_with_what_is_allowed(tmp_path, capsys, arguments):
    folder = [str(tmp_path / "new")] if arguments else []
    with pytest.raises(SystemExit):
        make.main([*folder, *arguments])
    said = capsys.readouterr().err
    assert "linux-x86_64" in said and ("choose from" in said or "FOLDER" in said)


# ---------------------------------------------------------------- which wheels

@pytest.mark.parametrize("platform, names, others", [
    ("linux-x86_64", {"tensorflow-cpu", "xgboost-cpu", "pexpect"}, {"appnope", "pywinpty"}),
    ("linux-aarch64", {"tensorflow", "xgboost-cpu"}, {"tensorflow-cpu", "appnope"}),
    ("macos-arm64", {"tensorflow", "xgboost", "appnope"}, {"xgboost-cpu", "pywinpty"}),
    ("windows", {"tensorflow", "xgboost-cpu", "colorama", "pywinpty"}, {"pexpect", "appnope"})])
def test_a_platform_gets_what_the_lock_has_for_it(platform, names, others):
    """By the markers of that platform, whatever machine this is."""
    there = {line.partition("==")[0] for group in requirements.groups()
             for line in wheels.for_environment(group, platform, "3.13")[0]}
    assert names <= there and not others & there


def test_every_bug_fix_release_of_a_python_gets_its_packages(monkeypatch, tmp_path):
    """A lock may name two versions, one for each side of 3.11.5; pip refuses both in one list."""
    lock = ("one==1 ; python_full_version < '3.11.5' \\\n    --hash=sha256:1\n"
            "one==2 ; python_full_version >= '3.11.5' \\\n    --hash=sha256:2\n"
            "two==3 ; python_full_version < '3.11'\n")
    lines = wheels._locked(lock, "windows", "3.11")
    assert lines == ["one==1 --hash=sha256:1", "one==2 --hash=sha256:2"]
    assert wheels._locked(lock, "windows", "3.12") == ["one==2 --hash=sha256:2"]
    assert "3.11.29" in wheels.options("windows", "3.11"), "pip reads 3.11 as 3.11.0"
    asked = []
    monkeypatch.setattr(wheels, "_download_once", lambda lines, *_: asked.append(lines) or [])
    wheels._download([*lines, "three==3"], tmp_path, [])
    assert asked == [[lines[0], "three==3"], [lines[1]]]


def test_what_has_no_wheel_is_left_out_and_named(monkeypatch, tmp_path):
    asked = []

    def pip(command, **_):
        lines = (tmp_path / "wanted.txt").read_text().split()
        asked.append(lines)
        missing = "gevent==26.1" in lines
        return subprocess.CompletedProcess(command, int(missing), "", (
            "ERROR: No matching distribution found for gevent==26.1" if missing else ""))

    monkeypatch.setattr(wheels.subprocess, "run", pip)
    assert wheels._download(["one==1", "gevent==26.1", "two==2"], tmp_path, []) == ["gevent==26.1"]
    assert asked == [["one==1", "gevent==26.1", "two==2"], ["one==1", "two==2"]]


def test_another_failure_of_pip_is_told_in_its_words(monkeypatch, tmp_path):
    monkeypatch.setattr(wheels.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(
        command, 1, "", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"))
    with pytest.raises(contents.PackError, match="DO NOT MATCH THE HASHES"):
        wheels._download(["one==1"], tmp_path, [])


def pip_without(monkeypatch, reason: str) -> list[dict]:
    """A pip that finds nothing, and whose log has this reason; the variables that it gets."""
    seen = []

    def pip(command, env, **_):
        seen.append(env)
        with open(command[command.index("--log") + 1], "a") as log:
            log.write(f"Could not fetch URL https://index/one/: {reason} - skipping\n")
        return subprocess.CompletedProcess(
            command, 1, "", "ERROR: No matching distribution found for one==1")

    monkeypatch.setattr(wheels.subprocess, "run", pip)
    return seen


def test_a_network_that_breaks_off_is_not_a_missing_wheel(monkeypatch, tmp_path):
    seen = pip_without(monkeypatch, "connection error: Max retries exceeded")
    with pytest.raises(contents.PackError, match="index/one/: connection error.*\nIs the network"):
        wheels._download(["one==1", "two==2"], tmp_path, [])
    assert len(seen) == 1, "pip is not started again for the rest"
    pip_without(monkeypatch, "404 Client Error: Not Found for url: https://index/one/")
    assert wheels._download(["one==1"], tmp_path, []) == ["one==1"]


def test_pip_itself_says_that_no_index_answers(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(wheels.NoAnswer, match="http://127.0.0.1:9/simple/one/"):
        wheels._download(["one==1"], tmp_path, ["--retries", "0"])


def test_an_index_of_pytorchs_own_that_is_out_of_reach_is_named(monkeypatch, tmp_path):
    silent = raising(wheels.NoAnswer())
    monkeypatch.setattr(wheels, "for_environment", lambda *_: ([], ["torch==1"]))
    monkeypatch.setattr(wheels, "_download", lambda lines, *_: silent() if lines else [])
    (missing,) = wheels.download_for("PyTorch", "linux-x86_64", "3.13", tmp_path)
    assert missing.startswith("torch==1 (asked https://")
    with pytest.raises(wheels.NoAnswer):
        wheels.download_for("PyTorch", "windows", "3.13", tmp_path)


def test_a_checkout_that_is_offline_downloads_from_the_internet_to_pack(monkeypatch, tmp_path):
    monkeypatch.setattr(offline, "record", lambda: {"groups": []})
    monkeypatch.setenv("PIP_NO_INDEX", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror")
    offline.let_pip()
    assert os.environ["PIP_NO_INDEX"] == "1"
    seen = pip_without(monkeypatch, "404 Client Error")
    wheels._download(["one==1"], tmp_path, [])
    assert not {"PIP_NO_INDEX", "PIP_FIND_LINKS"} & seen[0].keys()
    assert seen[0]["PIP_INDEX_URL"] == "https://mirror"


@pytest.mark.parametrize("missing, status", [([], 0), (["numpy==2"], 1)])
def test_a_folder_that_no_laptop_can_use_is_a_failure(monkeypatch, tmp_path, capsys, missing,
                                                      status):
    for step in ("check_room", "make"):
        monkeypatch.setattr(make.Maker, step, lambda *_: None)
    monkeypatch.setattr(make.contents, "empty", lambda: {
        "version": contents.version(), "parts": {"here": {requirements.FIRST: {
            "files": [], "missing": missing}}}})
    (tmp_path / checksums.FILE).touch()
    monkeypatch.setattr(make, "_old", lambda _: None)
    assert make.main([str(tmp_path)]) == status
    assert ("here cannot be set up" in capsys.readouterr().out) == bool(missing)


def test_linux_never_gets_pytorch_from_where_it_brings_cuda(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(wheels, "_download", lambda lines, folder, chosen: asked.append(
        (lines[0].partition("==")[0], chosen)) or [])
    for platform in contents.PLATFORMS:
        wheels.download_for("PyTorch", platform, "3.13", tmp_path)
    indexes = ["--index-url" in chosen for name, chosen in asked if name == "torch"]
    assert indexes == [True, True, False, False]
    assert all("--only-binary=:all:" in chosen for _, chosen in asked)


def test_the_light_folder_has_the_functions_of_its_lessons():
    names = {path.parent.name for path in wheels.functions_of(list(contents.LIGHT))}
    assert {"churn", "churn_sklearn", "hello"} <= names and "image" not in names
    assert names < {path.parent.name for path in wheels.functions_of(None)}


def test_the_light_groups_are_groups():
    assert set(contents.LIGHT_GROUPS) <= set(requirements.groups())
    assert json.dumps(contents.empty())


def test_no_package_of_the_light_groups_needs_one_that_is_left_out():
    """A group's part of the lock leaves out what an earlier group has; none of those is missing."""
    text = pins.LOCK.read_text(encoding="utf-8")
    parts = pins.closures(requirements.groups(), text)
    there = {pins.normal(first["name"]) for group in contents.LIGHT_GROUPS
             for first, _ in pins.blocks(parts[group])}
    needed = {pins.normal(first["name"]) for first, block in pins.blocks(text)
              if there & set(map(pins.normal, pins.VIA.findall(block)))}
    assert needed <= there, needed - there
