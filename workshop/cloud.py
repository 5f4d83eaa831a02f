"""One switch for the whole workshop: the local cloud, or a real AWS account.

`cloud.use()` in the first cell decides where everything after it goes. The local cloud is the
default; a learner who sets `AWS_PROFILE` means AWS. After it, cells are plain boto3, `docker` and
`aws`, the same on both. What differs stands in `workshop/LOCAL_CLOUD.md`.
"""
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from workshop import (desktop, engine, last_error, local_cloud, modes, paths, processes, settings,
                      waiters)
from workshop.local import identities
from workshop.local_cloud import REGION

DEFAULT_PORT = 4566
PATIENCE = 60        # seconds for a start or a stop
SILENCE = 20         # seconds until a port that says nothing is taken for another program's
WAY_OUT = ("Stop it, or choose another port: set the environment variable WORKSHOP_PORT, "
           "for example to 4570, and start again.")
LONGEST = 100_000    # bytes of a health answer that are read; ours has a few hundred
LOG_SIZE = 5_000_000  # bytes; a longer log is begun anew at the next start
ROOT = str(paths.ROOT)
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy is set
_started: list[subprocess.Popen] = []


class CloudError(RuntimeError):
    """The cloud cannot be used; the message says why and what to do."""


def port() -> int:
    """The local cloud's port: WORKSHOP_PORT, else 4566."""
    value = os.environ.get("WORKSHOP_PORT") or DEFAULT_PORT
    try:
        number = int(value)
    except ValueError:
        number = 0
    if not 1024 <= number <= 65535:
        raise CloudError(f"WORKSHOP_PORT is {value!r}: set it to a number from 1024 to 65535.")
    return number


def url(number: int | None = None) -> str:
    """The local cloud's address."""
    return f"http://localhost:{number or port()}"


def state_folder(number: int | None = None) -> Path:
    """build/cloud/PORT: pid, log and temporary files of the local cloud."""
    return local_cloud.state_folder(number or port())


def logs_path() -> Path:
    """The local cloud's own log, the place to look when it behaves strangely."""
    return state_folder() / "log"


# The switch

def use() -> None:
    """Point this process, and what it starts, at the local cloud or at the learner's AWS account.

    Prints one line that says which. Starts the local cloud if it is not running. In a notebook,
    what makes a cell fail is kept from now on, for `doctor` to name it.

    Raises:
        CloudError: the port is taken by something else, the local cloud does not start, or
            AWS_PROFILE is set without usable credentials or region.
    """
    last_error.watch()
    _forget_local()
    settings.restore()
    modes.usual_umask()         # what a lesson writes for an image, Lambda's user must read
    for folder in (paths.LAMBDA, paths.DOCKER):
        modes.settle(folder)
    os.environ["DOCKER_DEFAULT_PLATFORM"] = engine.platform()
    os.environ["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"  # Lambda refuses images with attestations
    if os.environ.get("AWS_PROFILE"):
        _use_aws()
    else:
        _use_local()


def is_local() -> bool:
    """Whether cells talk to the local cloud (the default)."""
    return not os.environ.get("AWS_PROFILE")


# Links for functions

def host_for_functions() -> str:
    """HOST:PORT by which a function's container finds the local cloud; "" on AWS.

    A container's 127.0.0.1 is its own. On Linux it finds this host at the gateway of Docker's
    bridge, where the local cloud listens too; with Docker Desktop by the name
    host.docker.internal. On AWS, functions know services by their public names.
    """
    if not is_local():
        return ""
    return f"{engine.bridge_gateway() or 'host.docker.internal'}:{port()}"


def link_signer():
    """An S3 client (boto3) whose presigned URLs a function can fetch. Call `use()` first.

    A link names the host that it was signed for, and the signature covers that name. On AWS the
    bucket's own name in its Region: boto3 would sign for the global s3.amazonaws.com, which sends
    callers on to the Region, where that signature is not valid.
    """
    import boto3
    from botocore.config import Config

    endpoint, style = ({"endpoint_url": f"http://{host_for_functions()}"}, "path") \
        if is_local() else ({}, "virtual")
    return boto3.client("s3", **endpoint, config=Config(
        signature_version="s3v4", s3={"addressing_style": style}))


def _use_local() -> None:
    settings.isolate()
    start()
    _bypass_proxy()
    keys = identities.learner_keys(state_folder())
    os.environ.update(AWS_ACCESS_KEY_ID=keys["access_key"],
                      AWS_SECRET_ACCESS_KEY=keys["secret_key"],
                      AWS_ENDPOINT_URL=url(), AWS_REGION=REGION,
                      AWS_DEFAULT_REGION=REGION,
                      # An address, not a name: boto3 then puts buckets into the path.
                      AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port()}")
    waiters.look_often()
    _fresh_session()
    print(f"local cloud, free ({url()})")
    if not engine.available():
        print("No Docker engine is running: functions cannot be invoked, images not built. "
              "`python3 -m workshop doctor` says what to do. Everything else works.")
    elif (engine.bridge_gateway() or "127.0.0.1") not in _mine(port()).get("addresses", []):
        print("Docker started after the local cloud, so functions cannot reach it: "
              "`python3 -m workshop stop` and this cell again mend that.")


def _use_aws() -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    profile = os.environ["AWS_PROFILE"]
    hint = "Mend it, or unset AWS_PROFILE to use the local cloud, which is free."
    _fresh_session()
    try:
        session = boto3.Session()
        region = session.region_name
        if session.get_credentials() is None:
            raise CloudError(f"AWS_PROFILE is {profile!r}, and that profile has no credentials. "
                             f"Run `aws configure --profile {profile}`. {hint}")
        if not region:
            raise CloudError(f"AWS_PROFILE is {profile!r}, and no region is set. Run `aws "
                             f"configure set region us-east-1 --profile {profile}`. {hint}")
        account = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"AWS_PROFILE is {profile!r}, and AWS cannot be used with it: {error}. "
                         f"{hint}") from None
    print(f"AWS account {account}, region {region}: this costs money")


def _forget_local() -> None:
    """Take back what an earlier `use()` set, here or in a parent process."""
    if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://localhost:"):
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
                     "AWS_DEFAULT_REGION", *KEYS):
            os.environ.pop(name, None)
        waiters.look_as_usual()


def _bypass_proxy() -> None:
    """A company's proxy must not be asked for this machine's own addresses."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        missing = [host for host in ("localhost", "127.0.0.1") if host not in hosts]
        os.environ[name] = ",".join(hosts + missing)


def _fresh_session() -> None:
    """boto3 keeps the credentials of its first client: let the next one look again."""
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None


# The local cloud's process

def start(number: int | None = None) -> None:
    """Start the local cloud in the background unless it is running, and wait until it answers.

    Two notebooks may call this at once: only one process can open the port, and both use that.

    Raises:
        CloudError: the port belongs to something else, or the local cloud did not come up.
    """
    number = number or port()
    if _mine(number):
        _forward(number)
        return
    process = _spawn(number)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if _mine(number):
            _forward(number)
            return
        if process.poll() is not None and not listening(number):
            break  # it has failed, and not because another start won the port
        time.sleep(0.05)
    if process.poll() is None:
        process.terminate()
    raise CloudError(f"The local cloud did not start on port {number}. The end of "
                     f"{_log(number)}:\n{engine.tail(_log(number), 15)}")


def stop(number: int | None = None) -> None:
    """Stop the local cloud and see to it that none of its containers is left.

    All that was made in it is gone; the images that were built stay with Docker.
    """
    number = number or port()
    health = _mine(number)
    if health:
        _end(number, health["pid"])
        deadline = time.monotonic() + PATIENCE
        while listening(number) or _pid_file(number).exists():  # the file goes last
            if time.monotonic() > deadline:
                raise CloudError(f"The local cloud (process {health['pid']}) does not stop. "
                                 f"Its log: {_log(number)}")
            if os.name == "nt" and not listening(number):  # there SIGTERM is a kill
                break
            time.sleep(0.05)
    _pid_file(number).unlink(missing_ok=True)
    _remove_containers(number)
    if engine.available():
        desktop.remove_forwarder(number)


def status(number: int | None = None) -> dict:
    """What the local cloud is doing: running, pid, port, url, log, docker, containers."""
    number = number or port()
    health = _mine(number)
    return {"running": bool(health), "pid": health["pid"] if health else None, "port": number,
            "url": url(number), "log": str(_log(number)), "docker": engine.available(),
            "containers": len(_containers(number))}


def _spawn(number: int) -> subprocess.Popen:
    """The local cloud's process, in a session of its own: a notebook's Ctrl-C is not for it."""
    log = _log(number)
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
    return ["-m", "workshop.local_cloud", "--port", str(number), "--clone", ROOT]


def _mine(number: int) -> dict | None:
    """The health of this clone's local cloud on the port; None where nothing listens.

    Raises CloudError where something else does.
    """
    keys = identities.learner_keys(state_folder(number))
    health = _health(number, keys)
    # One that was just starting has written its keys while we waited for its answer.
    if health and "root" not in health and keys != identities.learner_keys(state_folder(number)):
        health = _health(number, identities.learner_keys(state_folder(number)))
    if health is None:
        if processes.accepts("::1", number):
            raise CloudError(_taken(number, "on ::1, which `localhost` may mean"))
        return None
    if health == {"workshop": "local cloud"}:       # what it answers who has not its keys
        raise CloudError(f"Port {number} is used by the local cloud of another copy of the "
                         f"workshop, or of another user. {WAY_OUT}")
    if not _is_health(health):
        raise CloudError(_taken(number))
    if health["root"] != ROOT:
        raise CloudError(f"Port {number} is used by the local cloud of another copy of the "
                         f"workshop, in {health['root']}. {WAY_OUT}")
    return health


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
    except OSError:
        return {} if listening(number) else None
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
    return engine.docker("ps", "-aq", "--filter", f"label=workshop.cloud={number}").stdout.split()


def _remove_containers(number: int) -> None:
    """What a killed local cloud left behind; one that was stopped leaves nothing."""
    deadline = time.monotonic() + PATIENCE
    while (left := _containers(number)) and time.monotonic() < deadline:
        engine.docker("rm", "--force", "--volumes", *left, timeout=120)
    if left:
        raise CloudError(f"Containers of the local cloud are left: {', '.join(left)}. "
                         f"Remove them with `docker rm -f {' '.join(left)}`.")


def _log(number: int) -> Path:
    return state_folder(number) / "log"


def _pid_file(number: int) -> Path:
    return state_folder(number) / "pid"
