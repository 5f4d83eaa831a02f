"""`status`: one line about the local cloud, and its memory as the system counts it."""
import os

from workshop.commands import status
from workshop.local import lifecycle
from workshop.machine import processes


def test_memory_grows_with_what_a_process_holds():
    before = processes.memory(os.getpid())
    held = os.urandom(80_000_000)
    assert 70e6 < processes.memory(os.getpid()) - before < 300e6 and held
    assert processes.memory(2 ** 22 + 1) is None


def test_the_running_local_cloud_is_described(local_cloud, capsys):
    assert status.main() == 0
    said = capsys.readouterr().out
    now = lifecycle.status()
    assert f"port {now['port']}, process {now['pid']}, since 20" in said and " MB, " in said


def test_one_that_does_not_run_is_named_with_its_port():
    assert status.cloud({"running": False, "port": 4599}) == "local cloud: not running (port 4599)"
