"""`--from FOLDER`: what is refused before anything changes; set-up without a network."""
import asyncio
import functools
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from workshop import cloud, measure
from workshop.bring import gate
from workshop.commands import command_line
from workshop.local import wheels
from workshop.machine import engine, environment, groups, offline, requirements
from workshop.machine.paths import ROOT
from workshop.pack import checksums, contents, use

HERE = contents.part(contents.this_platform(), contents.this_python())
ARCHITECTURE = contents.PLATFORMS[contents.this_platform()].architecture


@pytest.fixture(autouse=True)
def nothing_of_this_checkout(monkeypatch, tmp_path):
    """The record and the wheels of a checkout that is made for the test; no Docker.

    Afterwards, pip and Docker have the variables that they had before.
    """
    before = dict(os.environ)
    made = tmp_path / "build"
    for name, path in (("FOLDER", made), ("RECORD", made / "record.json"),
                       ("WHEELS", made / "wheels")):
        monkeypatch.setattr(offline, name, path)
    monkeypatch.setattr(use, "FETCHED", made / "pack")
    monkeypatch.setattr(engine, "look", lambda: engine.State(engine.NOT_INSTALLED))
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def stick(tmp_path):
    """A folder as `pack --light` makes it, with files that only look like wheels."""
    folder = tmp_path / "stick of Ada"
    (folder / "wheels").mkdir(parents=True)
    (folder / "functions").mkdir()
    (folder / "wheels/one-1-py3-none-any.whl").write_text("one")
    (folder / "functions/two-2-py3-none-any.whl").write_text("two")
    change(folder, complete=True, commit="0123456789abcdef", parts={HERE: {
        requirements.FIRST: {"files": ["one-1-py3-none-any.whl"], "missing": []},
        "scikit-learn": {"files": [], "missing": ["scipy==1.17.1"]}}},
        functions={ARCHITECTURE: {"files": ["two-2-py3-none-any.whl"], "missing": []}})
    return folder


def change(folder, **values):
    """Write pack.json with other values, and the checksums of all files."""
    contents.write(folder, (contents.read(folder) or contents.empty()) | values)
    checksums.write(folder, {path.relative_to(folder).as_posix(): checksums.of(path)
                             for path in folder.rglob("*.whl")})


def refused(source) -> str:
    with pytest.raises(contents.PackError) as error:
        use.set_up(str(source))
    assert offline.record() is None and not offline.WHEELS.exists(), "something was changed"
    return str(error.value)


# ---------------------------------------------------------------- refusals

def test_a_damaged_file_is_named_with_both_checksums(stick):
    good = checksums.read(stick)["wheels/one-1-py3-none-any.whl"]
    (stick / "wheels/one-1-py3-none-any.whl").write_text("damaged")
    bad = checksums.of(stick / "wheels/one-1-py3-none-any.whl")
    said = refused(stick)
    assert "is damaged: wheels/one-1-py3-none-any.whl has the checksum" in said
    assert bad[:12] in said and good[:12] in said and "Nothing was installed" in said


def test_a_missing_file_is_named(stick):
    (stick / "functions/two-2-py3-none-any.whl").unlink()
    assert "functions/two-2-py3-none-any.whl is missing" in refused(stick)


def test_a_file_without_a_checksum_is_not_installed(stick):
    checksums.write(stick, {})
    assert "is not in SHA256SUMS" in refused(stick)


def test_another_version_of_the_lock_is_refused_and_both_are_said(stick):
    change(stick, version={"environment.yml": "1" * 64, "environment.lock": "2" * 64})
    said = refused(stick)
    assert "commit 0123456789ab, environment.lock 222222222222…" in said
    assert contents.version()["environment.lock"][:12] in said and "workshop.zip" in said


def test_another_python_is_refused_with_what_there_is(stick):
    there = contents.part(contents.this_platform(), "3.10")
    change(stick, parts={there: {}})
    said = refused(stick)
    assert f"no wheels for {HERE}" in said and f"It has: {there}" in said
    assert f"--python {contents.this_python()}" in said


def test_a_folder_that_is_no_pack_or_is_not_there_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert "is not a folder that `python3 -m workshop pack` made" in refused(folder)


def test_a_folder_without_a_package_that_all_lessons_need_is_refused(stick):
    part = {"files": [], "missing": ["numpy==2.4.6"]}
    change(stick, parts={HERE: {requirements.FIRST: part}})
    assert "lacks numpy==2.4.6, which every lesson needs" in refused(stick)


def test_an_interrupted_pack_is_refused(stick):
    change(stick, complete=False)
    assert "is not complete" in refused(stick)


def test_another_format_is_refused(stick):
    (stick / contents.FILE).write_text(json.dumps({"format": 99}))
    assert "another format" in refused(stick)


def test_a_disk_that_is_full_leaves_the_old_copy(stick, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(use.shutil, "copyfile", full)
    assert "No space left on device" in refused(stick)
    assert not list(offline.FOLDER.rglob("*.whl"))


@pytest.mark.parametrize("name", ["../../one.whl", "..\\one.whl", "C:one.whl", "one.pth"])
def test_a_name_that_leads_out_of_the_folder_is_refused(stick, name):
    change(stick, parts={HERE: {requirements.FIRST: {"files": [name], "missing": []}}})
    assert f"names {f'wheels/{name}'!r}" in refused(stick)


@pytest.mark.parametrize("address", ["http://10.0.0.1:8000/the stick", "http://[10.0.0.1"])
def test_an_address_that_is_none_is_refused_in_one_line(address):
    assert "cannot be downloaded" in refused(address)


# ---------------------------------------------------------------- the command line

@pytest.mark.parametrize("words, source, others", [
    (["--from", "FOLDER", "--port=9000"], "FOLDER", ["--port=9000"]),
    (["-j", "1", "--from=FOLDER", "02"], "FOLDER", ["-j", "1", "02"]),
    (["--no-browser"], "", ["--no-browser"])])
def test_from_is_ours_and_the_rest_is_passed_on(words, source, others):
    assert command_line._source(words) == (source, others)


def test_only_commands_that_set_up_have_it():
    """`new NAME --from MODEL.onnx` is another one."""
    assert [name for name, one in command_line.COMMANDS.items() if one.packed] == ["lab", "run"]


def test_a_refusal_is_one_line_and_exit_status_1(tmp_path):
    done = subprocess.run([sys.executable, "-m", "workshop", "lab", "--from", str(tmp_path)],
                          cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"lab: {tmp_path} is not a folder that") and (
        done.stderr.count("\n") == 1)


@pytest.mark.parametrize("run, module", [(command_line._check, gate),
                                         (command_line._measure, measure)])
def test_commands_that_build_images_use_the_packed_wheels(monkeypatch, run, module):
    """And only where there are any; an account of AWS is left alone."""
    done = []
    monkeypatch.setattr(command_line, "_set_up_engine", lambda: None)
    monkeypatch.setattr(command_line, "_report_set_up", lambda: 0.0)
    monkeypatch.setattr(cloud, "use", lambda: done.append("use"))
    monkeypatch.setattr(module, "main", lambda _: done.append("build"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    run([])
    assert done == ["build"], "set up from the internet"
    offline.write("/stick", offline.FOLDER, [], "base")
    run([])
    assert done == ["build", "use", "build"]
    monkeypatch.setenv("AWS_PROFILE", "ada")
    run([])
    assert done[3:] == ["build"]


# ---------------------------------------------------------------- what it does

def test_a_laptop_without_docker_is_set_up_and_told_how_to_get_it(stick, capsys):
    (stick / "holiday.jpg").write_bytes(b"mine")
    use.set_up(str(stick))
    use.say_done()
    said = capsys.readouterr().out
    assert "checksums right" in said and "Docker is not installed" in said
    assert offline.record() == {"source": str(stick), "folder": str(stick),
                                "groups": [requirements.FIRST], "base": None}
    assert [path.name for path in offline.WHEELS.iterdir()] == ["two-2-py3-none-any.whl"]
    assert "the packages of scikit-learn, trees" in said and "--from internet" in said
    assert (stick / "holiday.jpg").read_bytes() == b"mine"


def test_internet_ends_it(stick):
    use.set_up(str(stick))
    use.set_up("internet")
    assert offline.record() is None and not offline.WHEELS.exists()
    assert offline.pip_options() == [] and offline.groups(None) is None


def test_a_kernel_that_runs_already_goes_with_the_checkout(stick, local_cloud, monkeypatch):
    """Its first cell once more, after a set-up that it has not seen, and after the end of that."""
    monkeypatch.setattr(engine, "available", lambda: False)
    names = ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CONFIG_FILE")
    for name in names:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    use.set_up(str(stick))
    cloud.use()
    assert os.environ["PIP_NO_INDEX"] == "1"
    assert os.environ["PIP_FIND_LINKS"] == offline.WHEELS.as_uri()
    use.set_up("internet")
    cloud.use()
    assert os.environ.get("PIP_NO_INDEX") is None
    assert os.environ.get("PIP_FIND_LINKS") != offline.WHEELS.as_uri()


def test_a_stick_after_a_web_server_leaves_nothing_of_the_server(stick):
    (use.FETCHED / "wheels").mkdir(parents=True)
    use.set_up(str(stick))
    use.say_done()
    assert not use.FETCHED.exists()


def test_the_folder_may_be_on_a_web_server_in_the_room(stick, monkeypatch, capsys):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(stick))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        use.set_up(address)
        assert offline.record()["source"] == address
        assert offline.pip_options()[-1] == str(use.FETCHED / "wheels")
        use.say_done()
        assert use.FETCHED.exists(), "Docker is not here yet, and has an image to load"
        monkeypatch.setattr(use, "_load", lambda *_: "base")
        use.set_up(address)
        use.say_done()
        assert f"complete; {address} is not needed any more" in capsys.readouterr().out
        assert not use.FETCHED.exists()
        assert f"python3 -m workshop lab --from {address}. With" in offline.gone()
        offline.forget()
        (stick / "wheels/one-1-py3-none-any.whl").write_text("damaged")
        with pytest.raises(contents.PackError, match="is damaged"):
            use.set_up(address)
        server.shutdown()
    with pytest.raises(contents.PackError, match="cannot be downloaded"):
        use.set_up(address)


def test_pip_of_the_set_up_and_of_lessons_looks_nowhere_else(stick):
    use.set_up(str(stick))
    assert offline.pip_options() == ["--no-index", "--find-links", str(stick / "wheels")]
    assert environment._torch_step(["torch==1"], "") == ["torch==1", "--no-deps"]
    environ = {"PIP_INDEX_URL": "https://one", "PIP_FIND_LINKS": "https://two"}
    offline.let_pip(environ)
    assert environ == {"PIP_INDEX_URL": "https://one", "PIP_NO_INDEX": "1",     # no index at all
                       "PIP_FIND_LINKS": offline.WHEELS.as_uri()}
    assert " " not in environ["PIP_FIND_LINKS"]


def test_what_the_folder_lacks_is_neither_waited_for_nor_downloaded(stick, monkeypatch, capsys):
    use.set_up(str(stick))
    monkeypatch.setattr(groups, "_is_ours", lambda: True)
    monkeypatch.setattr(environment, "is_ready", lambda chosen=None: False)
    monkeypatch.setattr(environment, "missing", lambda: ["Keras"])
    monkeypatch.setattr(environment, "prepare", lambda *_: pytest.fail("installs"))
    monkeypatch.setattr(groups.subprocess, "Popen", lambda *_, **__: pytest.fail("installs"))
    capsys.readouterr()
    groups.start()
    assert "the packages of Keras are not here" in capsys.readouterr().out
    with pytest.raises(environment.SetUpError, match="the packages of Keras are not here"):
        groups.need("tensorflow")
    groups.need("tensorflow", optional=True)
    assert "the packages of Keras are not here" in capsys.readouterr().out


def test_a_stick_that_was_taken_away_too_early_is_named(stick):
    use.set_up(str(stick))
    assert offline.gone() == ""
    stick.rename(stick.with_name("elsewhere"))
    assert f"{stick}, from which this copy was set up, is needed again" in offline.gone()


# ---------------------------------------------------------------- image builds

def test_the_local_cloud_serves_the_wheels_and_nothing_else(stick):
    use.set_up(str(stick))
    (offline.WHEELS.parent / "secret.whl").write_text("secret")
    status, kind, page = wheels.answer("GET", wheels.PATH)
    assert (status, kind) == (200, b"text/html") and page.count(b"<a ") == 1
    assert wheels.answer("GET", wheels.PATH + "two-2-py3-none-any.whl")[::2] == (200, b"two")
    for name in ("../secret.whl", "..%2Fsecret.whl", "missing.whl", "/etc/passwd"):
        assert wheels.answer("GET", wheels.PATH + name)[0] == 404
    assert wheels.answer("POST", wheels.PATH)[0] == 405


def test_wheels_are_served_only_after_a_set_up_from_a_folder(stick):
    async def gate(scope, receive, send):
        await send({"status": 403})

    def ask():
        sent = []

        async def send(message):
            sent.append(message)
        asyncio.run(wheels.beside(gate)(
            {"type": "http", "method": "GET", "path": wheels.PATH}, None, send))
        return sent[0]["status"]

    assert ask() == 403
    use.set_up(str(stick))
    assert ask() == 200
    use.set_up("internet")
    assert ask() == 403, "the local cloud still runs"


def test_builds_start_from_a_base_whose_pip_asks_the_local_cloud(monkeypatch):
    built = []
    for name in ("WORKSHOP_BASE_IMAGE", "DOCKER_BUILDKIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(engine, "docker", lambda *_, **__: type("Done", (), {"returncode": 1}))
    monkeypatch.setattr(wheels.tools, "run", lambda *words, stdin: built.append(stdin))
    wheels.use_base("172.17.0.1:4566")
    assert not built and "WORKSHOP_BASE_IMAGE" not in wheels.os.environ, "set up from the internet"

    offline.write("/stick", offline.FOLDER, [], "public.ecr.aws/lambda/python:3.13")
    wheels.use_base("172.17.0.1:4566")
    assert built[0].startswith("FROM public.ecr.aws/lambda/python:3.13\n")
    assert "find-links = http://172.17.0.1:4566/_workshop/wheels/" in built[0]
    assert wheels.os.environ["WORKSHOP_BASE_IMAGE"].startswith("workshop-offline-base-")
    assert wheels.os.environ["DOCKER_BUILDKIT"] == "0"
    wheels.forget_base()
    assert not {"WORKSHOP_BASE_IMAGE", "DOCKER_BUILDKIT"} & wheels.os.environ.keys()
    monkeypatch.setenv("DOCKER_BUILDKIT", "1")
    wheels.use_base("172.17.0.1:4566")
    wheels.forget_base()
    assert wheels.os.environ["DOCKER_BUILDKIT"] == "1", "the learner's own"
    monkeypatch.setenv("WORKSHOP_BASE_IMAGE", "mirror.example/python:3.13")
    wheels.forget_base()
    wheels.use_base("172.17.0.1:4566")
    assert wheels.os.environ["WORKSHOP_BASE_IMAGE"] == "mirror.example/python:3.13"


def test_a_base_image_that_was_removed_does_not_end_a_lessons_first_cell(
        local_cloud, monkeypatch, capsys):
    def denied(*_, **__):
        raise RuntimeError("`docker build` failed:\npull access denied for workshop-lambda-base")
    monkeypatch.setattr(engine, "available", lambda: True)
    monkeypatch.setattr(cloud.lifecycle, "reachable_from_containers", lambda _: True)
    monkeypatch.setattr(cloud, "host_for_functions", lambda: "172.17.0.1:4566")
    monkeypatch.setattr(engine, "docker", lambda *_, **__: type("Done", (), {"returncode": 1}))
    monkeypatch.setattr(wheels.tools, "run", denied)
    monkeypatch.delenv("WORKSHOP_BASE_IMAGE", raising=False)
    offline.write("/stick", offline.FOLDER, [], "workshop-lambda-base:3.13-x86_64-1")
    cloud.use()
    said = capsys.readouterr().out
    assert "No image can be built: pull access denied" in said
    assert "lab --from /stick again" in said and "lab --from internet" in said
