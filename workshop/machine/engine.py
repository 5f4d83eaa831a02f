"""The Docker engine: find it, install and start it on Debian, say what it is.

Standard library only: the command line uses it before the environment stands.
"""
import functools
import ipaddress
import json
import os
import platform as host
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from workshop.machine import labels
from workshop.machine.lock import one_at_a_time
from workshop.machine.paths import BUILD

READY = "ready"
NOT_INSTALLED = "not installed"
NOT_RUNNING = "not running"
NO_PERMISSION = "no permission"
WINDOWS_CONTAINERS = "windows containers"

DESKTOP_PAGE = "https://docs.docker.com/get-started/get-docker/"
LINUX_PAGE = "https://docs.docker.com/engine/install/"
GROUP_PAGE = "https://docs.docker.com/engine/install/linux-postinstall/"
WITHOUT = "The lessons that need no Docker run all the same: python3 -m workshop run"

LOG = BUILD / "dockerd.log"
STARTED = "dockerd.json"    # in build/: the engine that this checkout started
OS_RELEASE = Path("/etc/os-release")
SYSTEM_FOLDERS = ("/usr/sbin", "/sbin")   # `su` leaves them out of PATH
SYSTEMD = Path("/run/systemd/system")     # exists where systemd is in charge
# The proxy in Docker's configuration is for builds; `docker run` would hand it on.
NO_PROXY = [f"--env={name}=" for word in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
            for name in (word, word.upper())]
# The names that an architecture goes by, and Lambda's own name for it; Lambda's, and Docker's.
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
DOCKER_NAMES = {"x86_64": "amd64", "arm64": "arm64"}


class EngineError(RuntimeError):
    """There is no Docker engine that can be used; the message says what to do."""


@dataclass(frozen=True)
class State:
    """What the engine answered: one of the five kinds above, `docker info`, and its complaint."""
    kind: str
    info: dict = field(default_factory=dict)
    detail: str = ""


def own(name: str) -> str:
    """This checkout's own name for an image, `NAME-NUMBER:TAG`, or a container, `NAME-NUMBER`.

    Names on an engine are shared: without the number, two checkouts would overwrite each other's
    images and remove each other's containers. So would lessons side by side in one checkout, of
    which each place but the first has its number in WORKSHOP_WORKER.
    """
    name, colon, tag = name.partition(":")
    return f"{name}-{labels.NUMBER[:8]}{os.environ.get('WORKSHOP_WORKER', '')}{colon}{tag}"


# ---------------------------------------------------------------- what is there

def docker(*arguments, timeout=30) -> subprocess.CompletedProcess:
    """Run `docker …` and return what it printed (text); FileNotFoundError where there is none."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, timeout=timeout)


def look() -> State:
    """Ask the engine for `docker info`; never raises."""
    try:
        answer = docker("info", "--format", "{{json .}}")
    except FileNotFoundError:
        return State(NOT_INSTALLED, detail="there is no `docker` command")
    except (subprocess.TimeoutExpired, OSError) as error:
        return State(NOT_RUNNING, detail=str(error))
    try:
        info = json.loads(answer.stdout or "{}")
    except json.JSONDecodeError:
        info = {}
    if info.get("ServerVersion"):
        kind = WINDOWS_CONTAINERS if info.get("OSType") == "windows" else READY
        return State(kind, info)
    detail = " ".join([*(info.get("ServerErrors") or []), answer.stderr]).strip()
    kind = NO_PERMISSION if "permission denied" in detail.lower() else NOT_RUNNING
    return State(kind, detail=detail)


@functools.cache
def _info() -> dict:
    """`docker info` of a running engine, asked once for each process."""
    state = look()
    if state.kind != READY:
        raise EngineError(_what_to_do(state))
    return state.info


def available() -> bool:
    """Whether an engine that runs Linux containers answers now."""
    try:
        return bool(_info())
    except EngineError:
        return False


def is_desktop() -> bool:
    """Whether the engine sits in a virtual machine, so that its localhost is not this host's.

    Docker Desktop says so of itself in `docker info`; on macOS and Windows every engine for
    Linux containers is in one.
    """
    desktop = "docker desktop" in str(_info().get("OperatingSystem", "")).lower()
    return desktop or sys.platform in ("darwin", "win32")


def architecture() -> str:
    """The one architecture of builds and functions: "x86_64" or "arm64" (Lambda's words).

    WORKSHOP_ARCHITECTURE, else what the engine says of itself, else the host's.
    Raises ValueError where Lambda has no such architecture.
    """
    name = os.environ.get("WORKSHOP_ARCHITECTURE")
    source = "WORKSHOP_ARCHITECTURE"
    if not name:
        engine = _info().get("Architecture") if available() else None
        name, source = (engine, "the Docker engine") if engine else (host.machine(), "this machine")
    if name.lower() not in ARCHITECTURES:
        raise ValueError(f"{source} says {name!r}, but Lambda runs x86_64 and arm64 only; "
                         "set WORKSHOP_ARCHITECTURE to one of these")
    return ARCHITECTURES[name.lower()]


def platform() -> str:
    """The same in Docker's words: "linux/amd64" or "linux/arm64"."""
    return f"linux/{DOCKER_NAMES[architecture()]}"


def bridge_gateway() -> str | None:
    """The address at which containers on the default bridge find this host.

    None where there is no engine, no bridge, or the bridge is inside a virtual machine (there
    containers use the name host.docker.internal).
    """
    if not available() or is_desktop():
        return None
    answer = docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}")
    for pool in json.loads(answer.stdout or "null") or []:
        subnet = ipaddress.ip_network(pool["Subnet"])
        if subnet.version == 4:
            # Docker 20.10 leaves the gateway out at times; it is then the subnet's first address.
            return pool.get("Gateway") or str(next(subnet.hosts()))
    return None


# ---------------------------------------------------------------- make it run

def ensure() -> None:
    """Return when an engine answers; on Debian and Ubuntu, root gets one installed and started.

    Raises EngineError, with what to do, where that is not possible.
    """
    state = look()
    if state.kind == READY:
        return
    if state.kind in (NOT_INSTALLED, NOT_RUNNING) and may_start():
        with one_at_a_time("engine"):
            if look().kind != READY:
                _install()
                _start()
        _info.cache_clear()
        return
    raise EngineError(_what_to_do(state))


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def is_debian(itself: bool = False) -> bool:
    """Whether this is Debian or something made from it, such as Ubuntu; `itself`: Debian only."""
    try:
        lines = OS_RELEASE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    release = {key: value.strip("\"'").split() for key, _, value in
               (line.partition("=") for line in lines)}
    names = release.get("ID", [])
    if not itself:
        names = names + release.get("ID_LIKE", [])     # Ubuntu says "debian" there
    return "debian" in names


def apt_install(what: str, *packages: str) -> None:
    """Install Debian packages, saying so; raises EngineError with apt-get's last words."""
    print(f"{what}: apt-get install {' '.join(packages)} …", flush=True)
    began = time.monotonic()
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": _path()}
    BUILD.mkdir(exist_ok=True)
    log = BUILD / "apt.log"
    wait = ["-o", "DPkg::Lock::Timeout=120"]        # another apt may be at work
    for command in (["apt-get", "update"],
                    ["apt-get", *wait, "install", "-y", "--no-install-recommends", *packages]):
        with open(log, "a", encoding="utf-8") as output:
            # A session of its own: a Ctrl-C must not leave packages half-configured.
            status = finish(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                             stderr=subprocess.STDOUT, env=environment,
                                             start_new_session=True))
    if status:
        raise EngineError(f"`{' '.join(command)}` failed; its last words (all of them in {log}):\n"
                          + tail(log))
    print(f"{what}: installed in {time.monotonic() - began:.0f} s", flush=True)


def finish(process: subprocess.Popen) -> int:
    """Wait for a child that must not be cut short; a Ctrl-C meanwhile takes effect afterwards."""
    interrupted = False
    while True:
        try:
            status = process.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return status


def may_start() -> bool:
    """Root may start a local engine, unless DOCKER_HOST names one somewhere else."""
    if os.environ.get("DOCKER_HOST") or not sys.platform.startswith("linux") or not is_root():
        return False
    return is_debian() or _find("dockerd") is not None


def _install() -> None:
    if _find("docker") and _find("dockerd") and _find("iptables"):
        return
    if not is_debian():
        raise EngineError(_what_to_do(State(NOT_INSTALLED)))
    packages = ["docker.io", "iptables"]
    # Newer releases hold the `docker` command in a package of its own.
    if subprocess.run(["apt-cache", "show", "docker-cli"], capture_output=True).returncode == 0:
        packages.append("docker-cli")
    apt_install("Docker engine", *packages)


def _start() -> None:
    """Start the engine and wait until it answers; the first start may take a while."""
    if look().kind == READY:        # the package's own service may have started it
        return
    print("Docker engine: starting …", flush=True)
    began = time.monotonic()
    process = None
    if SYSTEMD.exists():
        subprocess.run(["systemctl", "start", "docker"], capture_output=True)
        _remember({"service": "docker"})
    else:
        process = _spawn_dockerd()
        _remember({"pid": process.pid, "began": _began(process.pid)})
    while (state := look()).kind != READY:
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() - began > 60:
            raise EngineError(f"the Docker engine did not start ({state.detail}); the last lines "
                              f"of {LOG}:\n{tail(LOG)}\nIn a container without privileges no "
                              f"engine can run. {WITHOUT}")
        time.sleep(0.2)
    print(f"Docker engine: {state.info['ServerVersion']} answers after "
          f"{time.monotonic() - began:.1f} s", flush=True)


def _spawn_dockerd() -> subprocess.Popen:
    """dockerd in a session of its own: it outlives this command and is deaf to its Ctrl-C."""
    BUILD.mkdir(exist_ok=True)
    with open(LOG, "a", encoding="utf-8") as log:
        return subprocess.Popen([_find("dockerd")], stdin=subprocess.DEVNULL, stdout=log,
                                stderr=log, start_new_session=True,
                                env={**os.environ, "PATH": _path()})


def _remember(what: dict) -> None:
    BUILD.mkdir(exist_ok=True)
    (BUILD / STARTED).write_text(json.dumps(what), encoding="utf-8")


def _began(pid: int) -> str:
    """When a process began, in the kernel's own count; "" where there is none any more."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = line.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]


def started(build: Path = BUILD) -> dict:
    """The engine that this checkout started, {} if it did not: a process, or systemd's service."""
    try:
        return json.loads((build / STARTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def runs(engine: dict) -> bool:
    """Whether the engine that `started` tells of is still that one, and running."""
    if "service" in engine:
        return subprocess.run(["systemctl", "is-active", "--quiet", engine["service"]],
                              capture_output=True).returncode == 0
    return bool(engine) and _began(engine["pid"]) == engine["began"] != ""


def stop(engine: dict, patience: float = 30) -> str:
    """End the engine that this checkout started; why it goes on, else ""."""
    if docker("ps", "--quiet").stdout.strip():
        return "containers of others run in it"
    if "service" in engine:
        subprocess.run(["systemctl", "stop", f"{engine['service']}.socket", engine["service"]],
                       capture_output=True)
    else:
        os.kill(engine["pid"], signal.SIGTERM)
    deadline = time.monotonic() + patience
    while (running := runs(engine)) and time.monotonic() < deadline:
        time.sleep(0.1)
    _info.cache_clear()
    return f"it does not end within {patience} s" if running else ""


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS])


def _find(command: str) -> str | None:
    return shutil.which(command, path=_path())


def tail(path: Path, lines: int = 8) -> str:
    try:
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


def _what_to_do(state: State) -> str:
    return f"{advice(state)}\n{WITHOUT}"


def advice(state: State) -> str:
    """What a person does about an engine in this state, in one line."""
    if state.kind == NO_PERMISSION:
        return ("Docker is running, but this user may not use it. Join its group, then log in "
                f"again: sudo usermod -aG docker $USER ({GROUP_PAGE})")
    if state.kind == WINDOWS_CONTAINERS:
        return ("Docker runs Windows containers; Lambda images are Linux. In Docker Desktop's "
                "menu choose \"Switch to Linux containers\".")
    if os.environ.get("DOCKER_HOST"):
        return (f"DOCKER_HOST is {os.environ['DOCKER_HOST']}, and no engine answers there. "
                "Unset it to use the local engine, or start that one.")
    if sys.platform in ("darwin", "win32"):
        return ("Docker is installed but not running: start Docker Desktop."
                if state.kind == NOT_RUNNING else
                f"Docker is not installed. Install Docker Desktop: {DESKTOP_PAGE}")
    if state.kind == NOT_RUNNING:
        return ("Docker is installed but not running. Start it: sudo systemctl start docker "
                "(or start Docker Desktop, if you use that)")
    return f"Docker is not installed. Follow {LINUX_PAGE}"
