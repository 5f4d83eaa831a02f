"""Whether the engine runs programs of another processor: the program that is tried, the answer."""
import os
import platform
import subprocess
import sys

import pytest

from workshop.machine import emulation, engine

HERE = engine.ARCHITECTURES.get(platform.machine().lower())
needs_docker = pytest.mark.skipif(not engine.available(), reason="no Docker engine")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is a program for Linux")
def test_the_smallest_program_runs_and_ends_with_0(tmp_path):
    (tmp_path / "exit").write_bytes(emulation.program(HERE))
    (tmp_path / "exit").chmod(0o755)
    assert subprocess.run([tmp_path / "exit"]).returncode == 0


@needs_docker
def test_programs_of_the_engines_own_processor_run_and_nothing_is_left():
    own = engine.ARCHITECTURES[engine.look().info["Architecture"].lower()]
    emulation.ready.cache_clear()
    assert emulation.ready(own) is True
    named = engine.docker("image", "ls", "--quiet", engine.own("workshop-emulation"))
    assert named.stdout == ""


@needs_docker
def test_a_program_that_no_engine_can_run_is_found(monkeypatch):
    """A machine number that nobody has registered: as arm64's, where no emulator is."""
    monkeypatch.setitem(emulation.EXIT, "arm64", (0xfeed, b""))
    emulation.ready.cache_clear()
    assert emulation.ready("arm64") is False
    emulation.ready.cache_clear()


def test_without_an_engine_nothing_runs(monkeypatch):
    monkeypatch.setattr(engine, "available", lambda: False)
    emulation.ready.cache_clear()
    assert [emulation.ready(one) for one in engine.DOCKER_NAMES] == [False, False]
    emulation.ready.cache_clear()


@pytest.mark.parametrize("docker", [
    lambda *words, **_: subprocess.CompletedProcess(words, 1, "", "no space left on device"),
    lambda *words, timeout=30: _hang(words, timeout)])
def test_an_engine_that_refuses_or_hangs_runs_nothing_and_doctor_goes_on(monkeypatch, docker):
    monkeypatch.setattr(engine, "available", lambda: True)
    monkeypatch.setattr(engine, "docker", docker)
    emulation.ready.cache_clear()
    assert emulation.ready("arm64") is False
    emulation.ready.cache_clear()


def _hang(words, seconds):
    raise subprocess.TimeoutExpired(words, seconds)


@needs_docker
@pytest.mark.skipif(not os.path.isdir("/proc/sys/fs/binfmt_misc"), reason="a kernel without it")
def test_the_answer_is_what_the_kernel_has_registered():
    """Debian's name for it; other installers take the same, or are asked by the try alone."""
    other = {"x86_64": "aarch64", "arm64": "x86_64"}[HERE]
    file = f"/proc/sys/fs/binfmt_misc/qemu-{other}"
    if not os.path.exists(file):
        pytest.skip(f"no qemu-{other} is registered with this kernel")
    emulation.ready.cache_clear()
    with open(file) as registered:
        assert emulation.ready(engine.ARCHITECTURES[other]) is registered.read().startswith(
            "enabled")
