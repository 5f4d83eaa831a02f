"""Other programs on the local cloud's port: what they say is not believed, and they go on."""
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error

import pytest

from waiting import until
from workshop import cloud
from workshop.commands import doctor
from workshop.local import addresses, lifecycle, server
from workshop.machine import paths, processes

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


IPV6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
def own_port(monkeypatch):
    """A port on which nothing runs; a local cloud that a test starts there is stopped."""
    port = free_port()
    monkeypatch.setenv("WORKSHOP_PORT", str(port))
    yield port
    with contextlib.suppress(cloud.CloudError):
        lifecycle.stop(port)
    shutil.rmtree(addresses.state_folder(port), ignore_errors=True)


@contextlib.contextmanager
def answering(port: int, body: bytes):
    """A program that answers every GET on 127.0.0.1:port with these bytes."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def bystander():
    """A process that nobody may end."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    assert process.poll() is None, "it was ended"
    process.kill()
    process.wait()


def health(**changes) -> dict:
    """A health answer as ours gives it, but for the changes; None leaves a field out."""
    fields = {"workshop": "local cloud", "pid": os.getpid(), "port": 1, "root": str(paths.ROOT),
              "addresses": ["127.0.0.1"], **changes}
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize("answer", [
    health(pid=None), health(root=None), health(workshop=None),
    health(pid="1"), health(pid=-1), health(pid=0), health(pid=True), health(pid=1.5),
    health(root=7), health(addresses="127.0.0.1"), [], "local cloud", 7, None])
@pytest.mark.parametrize("use", [lifecycle.stop, lifecycle.start, lifecycle.status])
def test_an_answer_without_the_fields_is_another_programs(own_port, answer, use):
    with answering(own_port, json.dumps(answer).encode()):
        with pytest.raises(cloud.CloudError, match="used by (another program|.*another copy)"):
            use(own_port)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_an_answer_that_is_no_json_is_another_programs(own_port, body):
    with answering(own_port, body), pytest.raises(cloud.CloudError, match="another program"):
        lifecycle.stop(own_port)


@pytest.mark.parametrize("begun", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("steps", [
    [(None, "old"), ("known", "old")],                      # it begins to listen after a question
    [(None, "old"), ("unknown", "new"), ("known", "new")],  # and writes its keys after the next
    [("unknown", "new"), ("known", "new")]])
def test_our_own_cloud_that_is_just_starting_is_found(monkeypatch, begun, steps):
    """steps: what the port answers, and the keys that are in the file afterwards."""
    answers = {None: None, "unknown": {"workshop": "local cloud"}, "known": health(port=7)}
    file = ["old"]

    def ask(number, keys):
        answer, file[0] = steps.pop(0)
        assert answer != "known" or keys == file[0]
        return answers[answer]

    steps = list(steps)
    monkeypatch.setattr(lifecycle, "_health", ask)
    monkeypatch.setattr(lifecycle.identities, "user_keys", lambda folder: file[0])
    monkeypatch.setattr(processes, "accepts", lambda host, port: host == begun)
    assert lifecycle.mine(7)["port"] == 7 and not steps


def test_a_refused_question_is_no_answer_although_the_port_has_begun_to_listen(monkeypatch):
    def refused(*_, **__):
        raise urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))

    monkeypatch.setattr(lifecycle.DIRECT, "open", refused)
    monkeypatch.setattr(processes, "accepts", lambda host, port: True)
    assert lifecycle._health(7, None) is None


@LINUX
def test_stop_ends_no_process_that_was_started_as_something_else(own_port, bystander):
    with answering(own_port, json.dumps(health(pid=bystander.pid)).encode()):
        with pytest.raises(cloud.CloudError, match="Nothing was stopped.*WORKSHOP_PORT"):
            lifecycle.stop(own_port)


@LINUX
@pytest.mark.parametrize("words", [
    ["-m", "workshop.local", "--port", "1", "--clone", str(paths.ROOT)],
    ["-m", "workshop.local", "--port", "{port}", "--clone", "/another/clone"],
    ["-m", "workshop.local", "--port", "{port}"]])
def test_stop_ends_no_local_cloud_of_another_port_or_clone(own_port, words):
    sleeper = "import time; time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", sleeper,
                                *(word.format(port=own_port) for word in words)])
    try:
        with answering(own_port, json.dumps(health(pid=process.pid)).encode()):
            with pytest.raises(cloud.CloudError, match="Nothing was stopped"):
                lifecycle.stop(own_port)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_stop_says_so_when_the_process_is_gone(own_port):
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    with answering(own_port, json.dumps(health(pid=process.pid)).encode()):
        with pytest.raises(cloud.CloudError, match="there is none"):
            lifecycle.stop(own_port)


def test_our_own_local_cloud_is_stopped(own_port):
    lifecycle.start(own_port)
    pid = lifecycle.status(own_port)["pid"]
    assert processes.command(pid).endswith(" ".join(lifecycle._program(own_port)))
    lifecycle.stop(own_port)
    until(lambda: not processes.command(pid), "its process has ended")


@pytest.mark.parametrize("pid", [0, -1, "1", True, None, 2**22 + 1])
def test_a_command_is_told_of_a_process_only(pid):
    assert processes.command(pid) == ""


# Another program on one of the addresses

@contextlib.contextmanager
def listener(address: str, port: int, only_ipv6=True):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(only_ipv6))
        sock.bind((address, port))
        sock.listen()
        yield sock


PLACES = [("127.0.0.1", False), ("0.0.0.0", False), pytest.param("::1", True, marks=IPV6),
          pytest.param("::", True, marks=IPV6), pytest.param("::", False, marks=IPV6)]


@pytest.mark.parametrize("address, only_ipv6", PLACES)
def test_it_does_not_listen_beside_another_program(address, only_ipv6):
    port = free_port()
    with listener(address, port, only_ipv6):
        with pytest.raises(OSError, match=r"(127\.0\.0\.1|::1): Address already in use"):
            server.listen(port)
    for sock in server.listen(port):       # and holds on to no address after a refusal
        sock.close()


@LINUX
@IPV6
@pytest.mark.parametrize("address, only_ipv6", [("::1", True), ("::", True)])
def test_a_program_on_the_other_localhost_is_named_and_nothing_is_started(
        own_port, address, only_ipv6):
    with listener(address, own_port, only_ipv6):
        with pytest.raises(cloud.CloudError) as refusal:
            lifecycle.start(own_port)
        found = doctor.cloud_port({"WORKSHOP_PORT": str(own_port)}, doctor._cloud_status)
    assert "::1" in str(refusal.value) and f"process {os.getpid()} (" in str(refusal.value)
    assert [one.level for one in found] == [doctor.BLOCKS] and "::1" in str(found[0])
    assert not lifecycle.listening(own_port)


def test_a_program_that_comes_in_between_is_named_in_the_refusal(own_port, monkeypatch):
    """It opens ::1 after we looked: the local cloud's own process refuses."""
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with listener("::1", own_port):
        monkeypatch.setattr(processes, "accepts", lambda address, port: False)
        with pytest.raises(cloud.CloudError, match="cannot be opened on ::1: Address already"):
            lifecycle.start(own_port)


def test_a_machine_without_ipv6_or_bridge_is_served(monkeypatch):
    port, real = free_port(), socket.socket

    def without_ipv6(family, *rest):
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *rest)

    monkeypatch.setattr(server.socket, "socket", without_ipv6)
    monkeypatch.setattr(server.engine, "bridge_gateway", lambda: "203.0.113.7")  # not here
    sockets = server.listen(port)
    assert [sock.getsockname()[0] for sock in sockets] == ["127.0.0.1"]
    for sock in sockets:
        sock.close()
    assert not processes.accepts("::1", port)


def test_signal_of_a_stop_is_a_gentle_one(own_port, monkeypatch):
    sent = []
    monkeypatch.setattr(lifecycle.processes, "command",
                        lambda pid: "python " + " ".join(lifecycle._program(own_port)))
    monkeypatch.setattr(cloud.os, "kill", lambda pid, number: sent.append((pid, number)))
    lifecycle._end(own_port, 4242)
    assert sent == [(4242, signal.SIGTERM)]


