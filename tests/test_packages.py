"""Packages for Lambda's machine, and zips with the same bytes each time."""
import io
import os
import subprocess
import sys
import zipfile

import pytest

from workshop import packages
from workshop.machine import engine, paths


def entries(content):
    return {entry.filename: entry for entry in zipfile.ZipFile(io.BytesIO(content)).infolist()}


def make(folder, names=("python/b.py", "a.py")):
    """A folder with some files that only their owner may read."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n" * 100)
        path.chmod(0o600)
    return folder


# Zips

def test_the_same_files_give_the_same_bytes_whenever_and_in_whatever_order_made(tmp_path):
    one = make(tmp_path / "one")
    two = make(tmp_path / "two", ("a.py", "python/b.py"))
    for path in two.rglob("*.py"):
        os.utime(path, (1e9, 1e9))
    assert packages.zipped(one) == packages.zipped(two)
    (two / "a.py").write_text("x = 2\n")
    assert packages.zipped(one) != packages.zipped(two)


def test_zip_holds_files_under_their_names_readable_and_compressed(tmp_path):
    content = packages.zipped(make(tmp_path))
    found = entries(content)
    assert sorted(found) == ["a.py", "python/b.py"]
    assert {entry.external_attr >> 16 for entry in found.values()} == {0o644}
    assert {entry.compress_type for entry in found.values()} == {zipfile.ZIP_DEFLATED}
    assert zipfile.ZipFile(io.BytesIO(content)).read("a.py") == b"x = 1\n" * 100


def test_a_pattern_chooses_files(tmp_path):
    assert sorted(entries(packages.zipped(make(tmp_path), "*.py"))) == ["a.py"]


# What is left out

def test_what_patterns_name_is_left_out_and_nothing_else(tmp_path):
    folder = make(tmp_path / "python", (
        "pkg/core.py", "pkg/tests/a.py", "pkg/deep/tests/b.py", "pkg/lib.so.1.2", "pkg/lib.so",
        "pkg-1.dist-info/LICENSE", "tests.py"))
    patterns = tmp_path / "leave_out.txt"
    patterns.write_text("# pkg/core.py\n\npkg/**/tests\npkg/lib.so.1.*\nabsent\n")
    packages.leave_out(folder, patterns)
    left = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    assert sorted(left) == [
        "pkg-1.dist-info/LICENSE", "pkg/core.py", "pkg/lib.so", "tests.py"]


def test_a_function_without_a_list_keeps_everything(tmp_path):
    folder = make(tmp_path / "python")
    packages.leave_out(folder, tmp_path / "none.txt")
    assert (folder / "a.py").is_file()


@pytest.mark.parametrize("path", sorted(paths.LAMBDA.glob("*/leave_out.txt")),
                         ids=lambda path: path.parent.name)
def test_lists_stay_inside_the_packages_and_keep_licences(path):
    patterns = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    for pattern in patterns:
        assert not pattern.startswith(("/", "..")) and "dist-info" not in pattern, pattern
        assert pattern == pattern.strip() and pattern not in ("*", "**"), pattern


# For Lambda's machine

@pytest.mark.parametrize("architecture, machine", [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_wheels_are_for_lambdas_machine_whatever_this_one_is(monkeypatch, architecture, machine):
    monkeypatch.setenv("WORKSHOP_ARCHITECTURE", architecture)
    options = packages.pip_options()
    assert {"--only-binary=:all:", "3.13", f"--platform=manylinux2014_{machine}"} <= set(options)
    assert not [one for one in options if "manylinux" in one and not one.endswith(f"_{machine}")]


def test_a_missing_function_is_named():
    with pytest.raises(FileNotFoundError, match="lambda/none/requirements.txt"):
        packages.install("none")


def test_what_pip_says_is_told(monkeypatch, tmp_path, docker_engine):
    (tmp_path / "lambda" / "wrong").mkdir(parents=True)
    (tmp_path / "lambda" / "wrong" / "requirements.txt").write_text("numpy==no-version\n")
    monkeypatch.setattr(paths, "LAMBDA", tmp_path / "lambda")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    with pytest.raises(RuntimeError, match="(?s)pip.*numpy==no-version"):
        packages.install("wrong")


@pytest.fixture
def small(monkeypatch, tmp_path, docker_engine):
    """A function whose only package is made here, so that nothing is downloaded."""
    folder = tmp_path / "lambda" / "small"
    folder.mkdir(parents=True)
    wheel = tmp_path / "tiny_package-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_package/__init__.py", "def answer():\n    return 42\n")
        info = "tiny_package-1.dist-info"
        archive.writestr(f"{info}/METADATA",
                         "Metadata-Version: 2.1\nName: tiny-package\nVersion: 1\n")
        archive.writestr(f"{info}/WHEEL",
                         "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    (folder / "requirements.txt").write_text(f"tiny-package @ {wheel.as_uri()}\n")
    monkeypatch.setattr(paths, "LAMBDA", tmp_path / "lambda")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return folder


def test_bytecode_is_lambdas_and_valid_whatever_the_date(small):
    layer = packages.install("small")
    [compiled] = layer.rglob("*.pyc")
    assert compiled.name == "__init__.cpython-313.pyc"
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01, "bit 0: by hash; bit 1, not set: the source is not looked at"
    assert b"/opt/python/tiny_package/__init__.py" in compiled.read_bytes()    # for tracebacks


def test_packages_are_installed_again_only_when_something_has_changed(small, monkeypatch):
    layer = packages.install("small")
    monkeypatch.setattr(packages.tools, "run", lambda *command: pytest.fail(f"ran {command}"))
    assert packages.install("small") == layer
    (small / "leave_out.txt").write_text("tiny_package/none\n")
    with pytest.raises(pytest.fail.Exception, match="pip"):
        packages.install("small")


def test_an_interrupted_installation_is_begun_again(small, monkeypatch):
    def interrupted(packages):
        raise KeyboardInterrupt
    with monkeypatch.context() as patch:
        patch.setattr(packages, "compile_bytecode", interrupted)
        with pytest.raises(KeyboardInterrupt):
            packages.install("small")
    assert list(packages.install("small").rglob("*.pyc"))


def test_compiling_leaves_no_container_behind(small):
    listing = ["ps", "--all", "--quiet", "--filter", "label=workshop=lambda-onnx",
               "--filter", "status=exited"]
    before = engine.docker(*listing).stdout.split()
    packages.install("small")
    assert set(engine.docker(*listing).stdout.split()) <= set(before)


def test_timestamps_of_1980_would_make_bytecode_stale(tmp_path):
    """Why unchecked-hash: the demonstration that the lesson shows."""
    source = tmp_path / "dated.py"
    for mode, stale in (("timestamp", True), ("unchecked-hash", False)):
        source.write_text("x = 1\n")
        subprocess.run([sys.executable, "-m", "compileall", "-q", "-f", "--invalidation-mode", mode,
                        str(tmp_path)], check=True)
        os.utime(source, (315_600_000, 315_600_000))
        told = subprocess.run([sys.executable, "-v", "-B", "-c", "import dated"], cwd=tmp_path,
                              capture_output=True, text=True).stderr
        assert ("bytecode is stale for 'dated'" in told) is stale
