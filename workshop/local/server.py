"""The local cloud: MiniStack in this process, patched (local/patches), for this machine only.

SageMaker Serverless, which MiniStack has not, is served beside it (workshop/local/sagemaker).

`python -m workshop.local --port 4566` serves until SIGTERM or Ctrl-C. Lessons do not call
it: `cloud.use()` starts it in the background when it is not running.
"""
import argparse
import asyncio
import contextlib
import errno
import json
import os
import shutil
import signal
import socket
import sys

from workshop.local import identities, services, wheels
from workshop.local.addresses import ACCOUNT, REGION, pid_path, state_folder
from workshop.machine import engine, modes, processes, settings


def configure(port: int) -> None:
    """Set what MiniStack reads from the environment when it is imported.

    Nothing of the learner's own settings reaches it: see workshop/machine/settings.py.
    """
    chosen = settings.local_cloud()
    os.environ.clear()
    os.environ.update(chosen)
    scratch = state_folder(port) / "tmp"
    shutil.rmtree(scratch, ignore_errors=True)  # what a killed one left
    scratch.mkdir(parents=True, exist_ok=True)
    state_folder(port).chmod(0o700)     # objects, logs and keys are the learner's alone
    os.environ.update({
        "TMPDIR": str(scratch),
        "S3_DATA_DIR": str(scratch / "s3"),
        "S3_PERSIST": "1",        # objects are files, and not in memory; removed at the end
        "GATEWAY_PORT": str(port),
        "SERVICES": ",".join(services.MINISTACK),
        "AWS_DEFAULT_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_DOCKER_TIMEOUT": "120",    # a first pull or a busy laptop takes its time
        "LAMBDA_EXECUTOR": "docker",
        "LAMBDA_STRICT": "1",                 # never run a function outside its container
        # AWS's default quota; new accounts often begin with 10.
        "LAMBDA_ACCOUNT_CONCURRENCY": os.environ.get("WORKSHOP_CONCURRENCY", "1000"),
        "IOT_MTLS_ENABLED": "0",              # no MQTT port
        "SFTP_ENABLED": "0",
        "MINISTACK_TEST_NO_AUTOSTART": "1",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
    })


def addresses(port: int) -> list[tuple[int, tuple]]:
    """Families and addresses to listen on: loopback, and the gateway of Docker's bridge.

    Function containers reach the host through that gateway; the network that the machine is in
    does not. Docker Desktop forwards containers to the host's loopback instead.
    """
    wanted = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    gateway = engine.bridge_gateway()
    if gateway:
        wanted.append((socket.AF_INET, (gateway, port)))
    return wanted


def listen(port: int) -> list[socket.socket]:
    """Bind the addresses. 127.0.0.1 is a must, and also the lock: a port has one local cloud.

    The others may be missing on this machine, and must not be another program's: `localhost` may
    mean ::1, and containers come to the gateway.

    Raises:
        OSError: the port is taken on one of them; the message names the address.
    """
    sockets = []
    for family, address in addresses(port):
        try:
            sockets.append(_bind(family, address))
        except OSError as error:
            if sockets and error.errno != errno.EADDRINUSE:
                continue    # no IPv6 here, or the engine's bridge is inside a virtual machine
            for sock in sockets:
                sock.close()
            raise OSError(error.errno, f"{address[0]}: {error.strerror}") from None
    return sockets


def _bind(family: int, address: tuple) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":  # on Windows this option would let two servers share the port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(100)  # at once: two sockets that only bind can share a port
    except OSError:
        sock.close()
        raise
    return sock


async def serve(app, sockets: list[socket.socket]) -> None:
    """Serve until SIGTERM or SIGINT; MiniStack's own shutdown removes the containers."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{sock.detach()}" for sock in sockets]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: hypercorn's own handler
            loop.add_signal_handler(number, stop.set)
    await hypercorn_serve(app, config, shutdown_trigger=stop.wait)


def raise_file_limit() -> None:
    """Allow as many open files as the system lets us: each invoke holds a few connections."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="The workshop's local cloud")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clone", help="folder of the workshop; `stop` looks for it here")
    port = parser.parse_args(arguments).port
    try:
        sockets = listen(port)
    except OSError as error:
        who = processes.listener(port)
        sys.exit(f"port {port} cannot be opened on {error.strerror}" + (f": {who}" if who else ""))
    modes.usual_umask()     # a zip file's folders are unpacked with it, for the function's user
    configure(port)

    from workshop.local import patches, sagemaker
    raise_file_limit()
    # Before anything is answered: who asks whether we are up reads the keys first.
    keys = identities.make_keys(state_folder(port))
    app = wheels.beside(patches.apply(port, [sock.getsockname()[0] for sock in sockets], keys,
                                      ACCOUNT, sagemaker.beside))
    pid_file = pid_path(port)
    pid_file.write_text(json.dumps({"pid": os.getpid(), "port": port}), encoding="utf-8")
    try:
        asyncio.run(serve(app, sockets))
    finally:
        patches.close(port)
        identities.forget_keys(state_folder(port))
        pid_file.unlink(missing_ok=True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # threads of invokes that are still waiting must not keep the process
