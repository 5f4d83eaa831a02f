"""The Docker engine: what is decided about it, and the forwarder.

Decisions are tested with small scripts that stand in for docker, apt-get, dockerd and systemctl
(the folder of stand-ins is all that PATH holds); the rest with the engine that runs here.
"""
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

import boto3
import pytest

import image_registry
from workshop import cloud
from workshop.local import addresses, identities, lifecycle
from workshop.machine import desktop, engine, lock
from workshop.machine.paths import ROOT

INFO = {"ServerVersion": "28.0", "OSType": "linux", "Architecture": "x86_64",
        "OperatingSystem": "Debian GNU/Linux 13"}
SCRIPTS = {
    "docker": """
        case "$1" in
        info) if [ -e "$FAKE/up" ]; then echo "$(< "$FAKE/info")"
              else echo "$(< "$FAKE/error")" >&2; exit 1; fi ;;
        network) echo "$(< "$FAKE/network")" ;;
        esac""",
    "dockerd": """
        if [ -e "$FAKE/broken" ]; then echo "no right to mount"; exit 1; fi
        > "$FAKE/up"; exec /bin/sleep 2""",
    "iptables": "",
    "apt-get": """
        if [ -e "$FAKE/broken" ]; then echo "E: no network"; exit 100; fi
        [ "$1" = update ] || /bin/cp "$FAKE"/packages/* "$FAKE/bin/" """,
    "apt-cache": '[ -e "$FAKE/has-docker-cli" ]',
    "systemctl": '> "$FAKE/up"',
}
DOCKER = ("docker", "dockerd", "iptables")
needs_engine = pytest.mark.skipif(not engine.available(), reason="no Docker engine answers here")


class Machine:
    """A machine made of stand-ins: what is installed, who runs the command, what was called."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        for name in ("bin", "packages"):
            (folder / name).mkdir()
        self.write("info", json.dumps(INFO))
        self.write("error", "Cannot connect to the Docker daemon. Is it running?")
        self.write("calls", "")
        for name, value in {"FAKE": folder, "PATH": folder / "bin"}.items():
            monkeypatch.setenv(name, str(value))
        for name in ("DOCKER_HOST", "WORKSHOP_ARCHITECTURE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"BUILD": folder, "LOG": folder / "dockerd.log", "SYSTEM_FOLDERS": (),
                            "SYSTEMD": folder / "systemd",
                            "OS_RELEASE": folder / "release"}.items():
            monkeypatch.setattr(engine, name, value)
        monkeypatch.setattr(lock, "BUILD", folder)
        self.be(root=False, system="ID=debian")

    def write(self, name, text=""):
        (self.folder / name).write_text(text)

    def be(self, root, system="ID=debian", platform="linux"):
        self.write("release", system)
        self.monkeypatch.setattr(engine, "is_root", lambda: root)
        self.monkeypatch.setattr(engine.sys, "platform", platform)

    def install(self, *names, into="bin"):
        for name in names:
            script = self.folder / into / name
            script.write_text(f'#!/bin/bash\necho "{name} $*" >> "$FAKE/calls"\n{SCRIPTS[name]}\n')
            script.chmod(0o755)

    def calls(self):
        lines = (self.folder / "calls").read_text().splitlines()
        return [line.strip() for line in lines if not line.startswith(("docker info", "apt-cache"))]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    engine._info.cache_clear()
    yield Machine(tmp_path, monkeypatch)
    engine._info.cache_clear()


# ---------------------------------------------------------------- decisions

def test_a_running_engine_is_used_as_it_is(machine):
    machine.install(*DOCKER)
    machine.write("up")
    machine.be(root=True)
    engine.ensure()
    assert engine.available() and machine.calls() == []


def test_root_on_debian_gets_an_engine_installed_and_started(machine, capsys):
    machine.install("apt-get", "apt-cache")
    machine.install(*DOCKER, into="packages")
    machine.be(root=True)
    assert not engine.available()
    engine.ensure()
    assert engine.available()
    assert machine.calls() == [
        "apt-get update",
        "apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends docker.io iptables",
        "dockerd"]
    said = capsys.readouterr().out
    assert "apt-get install docker.io iptables" in said and "28.0 answers after" in said


def test_the_command_in_a_package_of_its_own_is_installed_too(machine):
    machine.install("apt-get", "apt-cache")
    machine.install(*DOCKER, into="packages")
    machine.write("has-docker-cli")
    machine.be(root=True, system='ID=ubuntu\nID_LIKE="debian"')
    engine.ensure()
    assert machine.calls()[1].endswith("docker.io iptables docker-cli")


def test_an_installed_engine_is_started_and_not_installed_again(machine):
    machine.install(*DOCKER, "apt-get")
    machine.be(root=True)
    engine.ensure()
    assert machine.calls() == ["dockerd"]


def test_where_systemd_is_in_charge_it_starts_the_engine(machine):
    machine.install(*DOCKER, "systemctl")
    machine.write("systemd")
    machine.be(root=True)
    engine.ensure()
    assert machine.calls() == ["systemctl start docker"]


def test_a_failed_installation_gives_apt_gets_last_words(machine):
    machine.install("apt-get", "apt-cache")
    machine.write("broken")
    machine.be(root=True)
    with pytest.raises(engine.EngineError, match="E: no network"):
        engine.ensure()


def test_an_engine_that_does_not_start_gives_its_last_words(machine):
    machine.install(*DOCKER)
    machine.write("broken")
    machine.be(root=True)
    with pytest.raises(engine.EngineError, match="no right to mount"):
        engine.ensure()


ADVICE = {
    "not installed": (dict(root=False), (), "", "Follow https://docs.docker.com/engine/install"),
    "not root": (dict(root=False), DOCKER, "", "sudo systemctl start docker"),
    "root elsewhere": (dict(root=True, system="ID=fedora"), (), "", "Follow https://docs.docker"),
    "no permission": (dict(root=False), DOCKER,
                      "permission denied while trying to connect to the docker API",
                      "usermod -aG docker"),
    "a Mac without": (dict(root=False, platform="darwin"), (), "", "Install Docker Desktop: https"),
    "a Mac with": (dict(root=False, platform="darwin"), DOCKER, "", "start Docker Desktop"),
}


@pytest.mark.parametrize("situation", ADVICE)
def test_elsewhere_it_says_what_to_do_and_touches_nothing(machine, situation):
    who, installed, error, words = ADVICE[situation]
    machine.install("apt-get", *installed)
    machine.write("error", error or "Cannot connect to the Docker daemon")
    machine.be(**who)
    with pytest.raises(engine.EngineError) as refusal:
        engine.ensure()
    assert words in str(refusal.value) and engine.WITHOUT in str(refusal.value)
    assert machine.calls() == []


def test_an_engine_somewhere_else_is_not_replaced_by_a_local_one(machine, monkeypatch):
    machine.install(*DOCKER, "apt-get")
    machine.be(root=True)
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2376")
    with pytest.raises(engine.EngineError, match="tcp://elsewhere:2376"):
        engine.ensure()
    assert machine.calls() == []


def test_windows_containers_are_refused(machine):
    machine.install(*DOCKER)
    machine.write("up")
    machine.write("info", json.dumps({**INFO, "OSType": "windows"}))
    with pytest.raises(engine.EngineError, match="Switch to Linux containers"):
        engine.ensure()


@pytest.mark.parametrize("chosen, of_engine, of_host, expected", [
    ("", "x86_64", "arm64", ("x86_64", "linux/amd64")),
    ("", "aarch64", "x86_64", ("arm64", "linux/arm64")),
    ("arm64", "x86_64", "x86_64", ("arm64", "linux/arm64")),
    ("AMD64", "aarch64", "arm64", ("x86_64", "linux/amd64")),
    ("", None, "arm64", ("arm64", "linux/arm64")),
    ("", None, "AMD64", ("x86_64", "linux/amd64")),
])
def test_one_architecture_for_builds_and_functions(machine, chosen, of_engine, of_host, expected):
    if of_engine:
        machine.install(*DOCKER)
        machine.write("up")
        machine.write("info", json.dumps({**INFO, "Architecture": of_engine}))
    machine.monkeypatch.setattr(engine.host, "machine", lambda: of_host)
    machine.monkeypatch.setenv("WORKSHOP_ARCHITECTURE", chosen)
    assert (engine.architecture(), engine.platform()) == expected


def test_an_architecture_that_lambda_has_not_is_refused(machine):
    machine.monkeypatch.setenv("WORKSHOP_ARCHITECTURE", "riscv64")
    with pytest.raises(ValueError, match="WORKSHOP_ARCHITECTURE says 'riscv64'"):
        engine.architecture()


@pytest.mark.parametrize("config, expected", [
    ([{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}], "172.17.0.1"),
    ([{"Subnet": "172.18.0.0/16"}], "172.18.0.1"),
    ([{"Subnet": "fd00::/80", "Gateway": "fd00::1"}, {"Subnet": "10.0.0.0/24",
                                                      "Gateway": "10.0.0.254"}], "10.0.0.254"),
    (None, None),
])
def test_the_bridges_address_on_this_host(machine, config, expected):
    machine.install(*DOCKER)
    machine.write("up")
    machine.write("network", json.dumps(config))
    assert engine.bridge_gateway() == expected


@pytest.mark.parametrize("system, platform, expected", [
    ("Docker Desktop", "linux", True), ("Ubuntu 24.04", "darwin", True),
    ("Ubuntu 24.04", "linux", False)])
def test_the_forwarder_is_for_engines_in_a_virtual_machine(machine, system, platform, expected):
    machine.install(*DOCKER)
    machine.write("up")
    machine.write("info", json.dumps({**INFO, "OperatingSystem": system}))
    machine.be(root=False, platform=platform)
    started = []
    machine.monkeypatch.setattr(desktop, "start_forwarder", started.append)
    desktop.ensure_forwarder(4566)
    assert engine.is_desktop() is expected and started == [4566] * expected
    if expected:
        assert engine.bridge_gateway() is None


def test_two_commands_do_not_work_on_one_thing_at_once(tmp_path):
    """The second waits until the first has let go, and says that it waits."""
    program = ("import sys, pathlib; from workshop.machine import lock\n"
               "lock.BUILD = pathlib.Path(sys.argv[1])\n"
               "with lock.one_at_a_time('engine'): print('in', flush=True); input()")
    first, second = (subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                     for _ in range(2))
    lines = {process: process.stdout.readline() for process in (first, second)}
    holder, waiter = sorted((first, second), key=lambda process: lines[process] != "in\n")
    assert lines[holder] == "in\n" and "waiting" in lines[waiter]
    holder.communicate("\n", timeout=20)
    assert waiter.communicate("\n", timeout=20)[0] == "in\n"


def test_ctrl_c_lets_a_child_finish_what_must_not_be_cut_short(tmp_path):
    program = ("import subprocess, sys; from workshop.machine import engine\n"
               "child = ['bash', '-c', 'echo begun; sleep 1; echo done']\n"
               "engine.finish(subprocess.Popen(child, start_new_session=True))")
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=30)
    assert said == "done\n" and "KeyboardInterrupt" in errors


# ---------------------------------------------------------------- the engine that runs here

@pytest.mark.parametrize("name", ["churn:v1", "workshop-04", "image:fashion"])
def test_two_checkouts_on_one_engine_have_two_names_for_an_image_or_container(tmp_path, name):
    shutil.copytree(ROOT / "workshop", tmp_path / "workshop",
                    ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run([sys.executable, "-c", "import sys; from workshop.machine import engine; "
                           "print(engine.own(sys.argv[1]))", name],
                          cwd=tmp_path, capture_output=True, text=True, check=True)
    first, second = engine.own(name), done.stdout.strip()
    assert first != second
    for own in first, second:
        assert own.split("-")[0] == name.split(":")[0].split("-")[0]
        assert own.partition(":")[2] == name.partition(":")[2]
        assert re.fullmatch(r"[a-z0-9][a-z0-9_.-]*(:[a-z0-9]+)?", own), "Docker takes it"


@needs_engine
def test_the_running_engine_says_what_it_is():
    assert engine.look().kind == engine.READY
    assert engine.architecture() in ("x86_64", "arm64")


@needs_engine
def test_the_bridges_address_can_be_listened_on():
    address = engine.bridge_gateway()
    if address is None:
        pytest.skip("the engine's bridge is inside a virtual machine")
    with socket.create_server((address, 0)):
        pass


@pytest.fixture
def forwarder():
    """The forwarder, from a free port to the local cloud at the bridge's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lifecycle.start()
    gateway = engine.bridge_gateway()
    if gateway is None:
        pytest.skip("the engine is in a virtual machine: there the forwarder is at work already")
    options = ("--add-host", f"host.docker.internal:{gateway}")
    try:
        name = desktop.start_forwarder(port, target_port=cloud.port(), options=options)
        yield port, name
    finally:
        desktop.remove_forwarder(port)


@needs_engine
def test_docker_pushes_through_the_forwarder(forwarder, tmp_path):
    port, name = forwarder
    repository = f"workshop-forward-{uuid.uuid4().hex[:8]}"
    keys = identities.user_keys(addresses.state_folder(), identities.ADMINISTRATOR)
    ecr = boto3.client("ecr", endpoint_url=cloud.url(), region_name=cloud.REGION,
                       aws_access_key_id=keys["access_key"],
                       aws_secret_access_key=keys["secret_key"])
    _, password = image_registry.credentials(ecr)
    ecr.create_repository(repositoryName=repository)
    image = f"localhost:{port}/{repository}:v1"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL workshop=lambda-onnx\nCOPY blob /\n")
    (tmp_path / "blob").write_bytes(uuid.uuid4().bytes * 100_000)       # several reads' worth
    try:
        for command in (["build", "--quiet", "--tag", image, str(tmp_path)],
                        ["login", f"localhost:{port}", "-u", "AWS", "-p", password],
                        ["push", image]):
            answer = engine.docker(*command, timeout=120)
            assert answer.returncode == 0, answer.stdout + answer.stderr
        pushed = ecr.describe_images(repositoryName=repository)["imageDetails"]
        assert pushed[0]["imageTags"] == ["v1"]
        here = engine.docker("images", "--digests", f"localhost:{port}/{repository}").stdout
        assert pushed[0]["imageDigest"] in here
    finally:
        engine.docker("logout", f"localhost:{port}")
        engine.docker("rmi", "--force", image)
        ecr.delete_repository(repositoryName=repository, force=True)


@needs_engine
def test_the_forwarder_is_started_once_and_listens_on_loopback_only(forwarder):
    port, name = forwarder
    before = engine.docker("ps", "--quiet", "--filter", f"name={name}").stdout
    assert desktop.start_forwarder(port) == name
    assert engine.docker("ps", "--quiet", "--filter", f"name={name}").stdout == before
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    with pytest.raises(OSError):
        socket.create_connection((engine.bridge_gateway(), port), timeout=5)
    desktop.remove_forwarder(port)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
