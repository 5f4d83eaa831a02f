"""Docker Desktop: the forwarder that lets its engine reach the local cloud on this host."""
import time
from pathlib import Path

from workshop.machine import base_image, engine, labels

PROGRAM = Path(__file__).with_name("forwarder.py")     # what runs in the container


def ensure_forwarder(port: int) -> None:
    """On Docker Desktop, make localhost:`port` inside its virtual machine reach this host.

    There `docker push localhost:PORT/…` is done by the engine in the virtual machine, whose
    localhost is not ours. A small container on the machine's own network listens on the port and
    forwards to host.docker.internal, as minikube's registry handbook does with socat
    (https://minikube.sigs.k8s.io/docs/handbook/registry/). The forwarding is tested with a real
    `docker push` on Linux; the choice of it, and the name host.docker.internal, are written from
    Docker Desktop's documentation and have not run on a Mac or on Windows.

    Elsewhere this does nothing. Raises engine.EngineError when the forwarder does not start.
    """
    if engine.is_desktop():
        start_forwarder(port)


def start_forwarder(port: int, target: str = "host.docker.internal", target_port: int | None = None,
                    options: tuple[str, ...] = ()) -> str:
    """Start the forwarder 127.0.0.1:`port` → `target`:`target_port`; return the container's name.

    Runs once however often it is called. The program goes in as an argument, so that no folder
    of this host needs to be shared with the virtual machine.
    """
    name = _forwarder_name(port)
    running = engine.docker("ps", "--quiet", "--filter", f"name=^{name}$",
                            "--filter", "status=running")
    if running.stdout.strip():
        return name
    remove_forwarder(port)
    answer = engine.docker(
        "run", "--detach", "--name", name, "--network", "host",
        "--label", labels.of_cloud(port), "--label", labels.WORKSHOP,
        "--label", labels.OURS,
        "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--user", "65534:65534", *options, "--entrypoint", "python3", base_image.get(),
        "-u", "-c", PROGRAM.read_text(encoding="utf-8"),
        str(port), target, str(target_port or port), timeout=120)
    for _ in range(50):
        said = engine.docker("logs", name)
        if "forwarding" in said.stdout:
            return name
        time.sleep(0.2)
    remove_forwarder(port)
    raise engine.EngineError(f"the forwarder for Docker Desktop did not start on port {port}:\n"
                  + (answer.stderr + said.stderr).strip())


def remove_forwarder(port: int) -> None:
    """Remove the forwarder of this port; nothing happens where there is none."""
    engine.docker("rm", "--force", _forwarder_name(port))


def _forwarder_name(port: int) -> str:
    return f"workshop-forwarder-{port}"
