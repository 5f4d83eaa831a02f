"""Base images as archives: saved, loaded again, and the names that were there left as they were."""
import errno
import gzip
import io
import os
import subprocess
import tarfile

import pytest

from workshop.machine import base_image, engine
from workshop.pack import images, make
from workshop.pack.contents import PackError


@pytest.fixture
def tiny(docker_engine, monkeypatch):
    """`tiny("text")`: an image with one file, under one name; taken for the base image."""
    name = engine.own("workshop-test-base:1")

    def make(text):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo("file")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
        subprocess.run(["docker", "import", "-", name], input=buffer.getvalue(), check=True,
                       capture_output=True)
        return images._id(name)

    made = []
    monkeypatch.setattr(base_image, "get", lambda image=None: name)
    yield lambda text: made.append(make(text)) or made[-1]
    for one in (name, *made):
        engine.docker("rmi", "--force", one)


def test_an_image_is_saved_once_and_loaded_where_it_is_missing(tiny, tmp_path, capsys):
    first = tiny("one")
    saved = images.save("x86_64", tmp_path, [])
    assert [one["id"] for one in saved] == [first], "the same image is not saved twice"
    file = tmp_path / saved[0]["file"]
    assert file.name == "x86_64-0.tar.gz" and b"manifest.json" in gzip.decompress(
        file.read_bytes())
    made = file.stat().st_mtime_ns
    assert images.save("x86_64", tmp_path, saved) == saved
    assert file.stat().st_mtime_ns == made

    images.load(tmp_path, saved)
    assert "loaded" not in capsys.readouterr().out, "it is here already"
    engine.docker("rmi", "--force", first)
    images.load(tmp_path, saved)
    assert images._id(saved[0]["name"]) == first and "loaded" in capsys.readouterr().out

    tiny("two")
    assert images.save("x86_64", tmp_path, saved) != saved, "another image now"


def test_only_the_image_that_offline_builds_start_from_is_packed(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(engine, "ensure", lambda: None)
    monkeypatch.setattr(engine, "docker", lambda *_, **__: subprocess.CompletedProcess(
        [], 0, "sha256:1", ""))
    monkeypatch.setattr(base_image, "get", lambda image=base_image.REAL: asked.append(image) or "b")
    monkeypatch.setattr(images, "_save", lambda *_: None)
    maker = make.Maker(tmp_path, light=False)
    monkeypatch.setattr(maker, "keep", lambda _: None)
    monkeypatch.setattr(make, "_say", lambda *_: None)
    maker.images("x86_64")
    assert asked == [base_image.REAL] and len(maker.now["images"]["x86_64"]) == 1


def test_a_damaged_archive_is_named(tiny, tmp_path):
    (tmp_path / "no.tar.gz").write_bytes(b"damaged")
    with pytest.raises(PackError, match="docker load. refused .*no.tar.gz"):
        images.load(tmp_path, [{"name": engine.own("workshop-test-none:1"), "id": "x",
                                "file": "no.tar.gz"}])


def test_nothing_is_left_of_an_archive_that_finds_no_room(tmp_path, monkeypatch):
    """Docker is a program that never stops writing here; it ends with the pipe."""
    started, popen = [], subprocess.Popen

    def docker(*_, **options):
        started.append(popen(["yes"], **options))
        return started[-1]

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(images.subprocess, "Popen", docker)
    monkeypatch.setattr(images.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        images._save("base", tmp_path, "images/x86_64-0.tar.gz")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert started[0].returncode is not None, "it is not waited for"


def test_a_load_that_takes_too_long_is_named(tmp_path, monkeypatch):
    def docker(word, *_, **__):
        if word == "load":
            raise subprocess.TimeoutExpired("docker", 900)
        return subprocess.CompletedProcess([], 0, "", "")
    monkeypatch.setattr(engine, "docker", docker)
    with pytest.raises(PackError, match="docker load. of .*a.tar.gz took more than 15 minutes"):
        images.load(tmp_path, [{"name": "base", "id": "1", "file": "a.tar.gz"}])


@pytest.mark.parametrize("before", ["", "sha256:theirs"])
def test_clean_removes_no_image_whose_name_was_there_before(monkeypatch, tmp_path, before):
    remembered = []
    monkeypatch.setattr(engine, "docker", lambda word, *_, **__: subprocess.CompletedProcess(
        [], 0, before if word == "image" else "", ""))
    monkeypatch.setattr(base_image, "remember_pulled", remembered.append)
    images.load(tmp_path, [{"name": base_image.REAL, "id": "sha256:ours", "file": "a.tar.gz"}])
    assert bool(remembered) == (not before)


def test_a_pull_for_another_processor_leaves_the_name_where_it_was(tiny):
    before = tiny("mine")
    name = engine.own("workshop-test-base:1")
    with images.same_afterwards(name):
        assert tiny("pulled for another processor") != before
    assert images._id(name) == before


@pytest.mark.parametrize("before", ["arm64", None])
def test_the_processor_is_asked_for_and_the_learners_choice_comes_back(monkeypatch, before):
    monkeypatch.delenv("WORKSHOP_ARCHITECTURE", raising=False)
    if before:
        monkeypatch.setenv("WORKSHOP_ARCHITECTURE", before)
    with images._building_for("x86_64"):
        assert engine.architecture() == "x86_64"
    assert os.environ.get("WORKSHOP_ARCHITECTURE") == before
