"""Starts and stops the local cloud's process, and tells whether the one on a port is ours."""
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from workshop.local import identities
from workshop.local.addresses import CloudError, log_path, pid_path, port, state_folder, url
from workshop.machine import desktop, engine, labels, paths, processes, settings

PATIENCE = 60        # seconds for a start or a stop
SILENCE = 20         # seconds until a port that says nothing is taken for another program's
WAY_OUT = ("Stop it, or choose another port: set the environment variable WORKSHOP_PORT, "
           "for example to 4570, and start again.")
LONGEST = 100_000    # bytes of a health answer that are read; ours has a few hundred
LOG_SIZE = 5_000_000  # bytes; a longer log is begun anew at the next start
ROOT = str(paths.ROOT)

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy is set
_started: list[subprocess.Popen] = []


def start(number: int | None = None) -> None:
    """Start the local cloud in the background unless it is running, and wait until it answers.

    Two notebooks may call this at once: only one process can open the port, and both use that.

    Raises:
        CloudError: the port belongs to something else, or the local cloud did not come up.
    """
    number = number or port()
    if mine(number):
        _forward(number)
        return
    process = _spawn(number)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if mine(number):
            _forward(number)
            return
        if process.poll() is not None and not listening(number):
            break  # it has failed, and not because another start won the port
        time.sleep(0.05)
    if process.poll() is None:
        process.terminate()
    raise CloudError(f"The local cloud did not start on port {number}. The end of "
                     f"{log_path(number)}:\n{engine.tail(log_path(number), 15)}")


def stop(number: int | None = None) -> None:
    """Stop the local cloud and see to it that none of its containers is left.

    All that was made in it is gone; the images that were built stay with Docker.
    """
    number = number or port()
    health = mine(number)
    if health:
        _end(number, health["pid"])
        deadline = time.monotonic() + PATIENCE
        while listening(number) or pid_path(number).exists():  # the file goes last
            if time.monotonic() > deadline:
                raise CloudError(f"The local cloud (process {health['pid']}) does not stop. "
                                 f"Its log: {log_path(number)}")
            if os.name == "nt" and not listening(number):  # there SIGTERM is a kill
                break
            time.sleep(0.05)
    pid_path(number).unlink(missing_ok=True)
    _remove_containers(number)
    if engine.available():
        desktop.remove_forwarder(number)


def status(number: int | None = None) -> dict:
    """What the local cloud is doing: running, pid, port, url, log, docker, containers.

    since: when it started, a timestamp; memory: bytes of its process; both None if it is not up.
    """
    number = number or port()
    health = mine(number)
    return {"running": bool(health), "pid": health["pid"] if health else None, "port": number,
            "since": pid_path(number).stat().st_mtime if health else None,
            "memory": processes.memory(health["pid"]) if health else None,
            "url": url(number), "log": str(log_path(number)), "docker": engine.available(),
            "containers": len(_containers(number))}


def _spawn(number: int) -> subprocess.Popen:
    """The local cloud's process, in a session of its own: a notebook's Ctrl-C is not for it."""
    log = log_path(number)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_SIZE:
        log.unlink()
    with open(log, "a", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, *_program(number)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            cwd=ROOT, env=settings.local_cloud())
    _started.append(process)  # kept, or Python warns that it is still running
    return process


def _program(number: int) -> list[str]:
    """The local cloud's command line after Python's name; it says whose the process is."""
    return ["-m", "workshop.local", "--port", str(number), "--clone", ROOT]


def mine(number: int) -> dict | None:
    """The health of this clone's local cloud on the port; None where nothing listens.

    Raises CloudError where something else does.
    """
    health = _settled_health(number)
    if health is None:
        if not processes.accepts("::1", number):
            return None
        raise CloudError(_taken(number, "on ::1, which `localhost` may mean"))
    if health == {"workshop": "local cloud"}:       # what it answers who has not its keys
        raise CloudError(f"Port {number} is used by the local cloud of another copy of the "
                         f"workshop, or of another user. {WAY_OUT}")
    if not _is_health(health):
        raise CloudError(_taken(number))
    if health["root"] != ROOT:
        raise CloudError(f"Port {number} is used by the local cloud of another copy of the "
                         f"workshop, in {health['root']}. {WAY_OUT}")
    return health


def _settled_health(number: int) -> dict | None:
    """What the port answers to the question for health, as `_health` says it.

    Our own local cloud listens first, then writes its keys, then answers. While it starts, both can
    happen after a question: that one is asked again.
    """
    for _ in range(3):
        keys = identities.user_keys(state_folder(number))
        health = _health(number, keys)
        if health is None:
            asked_too_early = listening(number) or processes.accepts("::1", number)
        else:
            asked_too_early = keys != identities.user_keys(state_folder(number))
        if not asked_too_early:
            break
    return health


def reachable_from_containers(number: int) -> bool:
    """Whether the running local cloud listens where functions' containers look for it."""
    return (engine.bridge_gateway() or "127.0.0.1") in mine(number).get("addresses", [])


def _health(number: int, keys: dict | None) -> dict | None:
    """What the port answers to the question for health: all of it if it knows these keys.

    {} where another program answers; None where nothing listens.
    """
    question = urllib.request.Request(f"http://127.0.0.1:{number}{identities.HEALTH}")
    if keys:
        question.add_header("Authorization", f"Bearer {identities.health_token(keys)}")
    try:
        # One that is just starting accepts the request and answers a little later.
        with DIRECT.open(question, timeout=SILENCE) as answer:
            health = json.loads(answer.read(LONGEST))
    except (ValueError, RecursionError, http.client.HTTPException, urllib.error.HTTPError):
        return {}
    except OSError as error:
        refused = isinstance(getattr(error, "reason", error), ConnectionRefusedError)
        return {} if not refused and listening(number) else None
    return health if isinstance(health, dict) else {}


def _is_health(answer: dict) -> bool:
    """Whether an answer has the fields that are used of a local cloud's, each of its type."""
    return (answer.get("workshop") == "local cloud"
            and type(answer.get("pid")) is int and answer["pid"] > 0
            and isinstance(answer.get("root"), str)
            and isinstance(answer.get("addresses", []), list))


def _taken(number: int, where: str = "") -> str:
    who = processes.listener(number)
    return (f"Port {number} is used by another program{f' {where}' if where else ''}"
            f"{f': {who}' if who else ''}. {WAY_OUT}")


def _end(number: int, pid: int) -> None:
    """Send SIGTERM to the local cloud, if the process is that.

    The answer to a health request says which process it is, and anyone can write such an answer.

    Raises CloudError where the process was started as something else.
    """
    words = _program(number)
    wanted = subprocess.list2cmdline(words) if os.name == "nt" else " ".join(words)
    command = processes.command(pid)
    if not command.endswith(wanted):
        raise CloudError(
            f"The program on port {number} says that it is the local cloud, process {pid}; but "
            f"that process is not this clone's local cloud ({command[:200] or 'there is none'}). "
            f"Nothing was stopped. {WAY_OUT}")
    os.kill(pid, signal.SIGTERM)


def listening(number: int) -> bool:
    """Whether anything accepts connections on 127.0.0.1:number."""
    return processes.accepts("127.0.0.1", number)


def _forward(number: int) -> None:
    """On Docker Desktop, let the engine in its virtual machine reach the local cloud."""
    if engine.available():
        desktop.ensure_forwarder(number)


def _containers(number: int) -> list[str]:
    """Ids of the containers that the local cloud on this port started."""
    if not engine.available():
        return []
    return engine.docker("ps", "-aq", "--filter", f"label={labels.of_cloud(number)}").stdout.split()


def _remove_containers(number: int) -> None:
    """What a killed local cloud left behind; one that was stopped leaves nothing."""
    deadline = time.monotonic() + PATIENCE
    while (left := _containers(number)) and time.monotonic() < deadline:
        engine.docker("rm", "--force", "--volumes", *left, timeout=120)
    if left:
        raise CloudError(f"Containers of the local cloud are left: {', '.join(left)}. "
                         f"Remove them with `docker rm -f {' '.join(left)}`.")
