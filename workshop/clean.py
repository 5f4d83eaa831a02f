"""`stop` and `clean`: end what the workshop runs, remove what it made, and prove it.

Standard library only. What is Docker's is found by label: every image that the workshop builds
says workshop=lambda-onnx, containers inherit that, and the local cloud's say workshop.cloud=PORT.
"""
import shutil
import subprocess
import sys
from pathlib import Path

from workshop import cloud, engine, lab
from workshop.paths import BUILD, ROOT

LABELS = ("workshop=lambda-onnx", "workshop.cloud")
# How Docker lists each kind (id, then a name for people) and removes it, in this order.
KINDS = {
    "container": (["ps", "--all", "--format", "{{.ID}} {{.Names}} ({{.Image}})"],
                  ["rm", "--force", "--volumes"]),
    "image": (["images", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"],
              ["rmi", "--force"]),
    "network": (["network", "ls", "--format", "{{.ID}} {{.Name}}"], ["network", "rm"]),
    "volume": (["volume", "ls", "--format", "{{.Name}} {{.Name}}"], ["volume", "rm", "--force"]),
}
FOLDERS = ("build", ".venv", ".pytest_cache", "*.egg-info",
           *(f"{folder}/**/{cache}" for cache in ("__pycache__", ".ipynb_checkpoints")
             for folder in ("workshop", "lambda", "docker", "data", "tests", "notebooks",
                            "solutions")))


def stop() -> int:
    """Stop JupyterLab and every local cloud of this clone; exit status 1 if one does not stop."""
    print("JupyterLab: " + ("stopped" if lab.stop() else "not running"), flush=True)
    stopped, status = False, 0
    for port in cloud_ports():
        try:
            was_running = cloud.status(port)["running"]
            cloud.stop(port)            # also sweeps what a killed one left
            if was_running:
                print(f"local cloud, port {port}: stopped", flush=True)
            stopped = stopped or was_running
        except cloud.CloudError as error:
            print(f"local cloud, port {port}: {error}", file=sys.stderr)
            status = 1
    if not stopped and not status:
        print("local cloud: not running", flush=True)
    return status


def main(root: Path = ROOT, labels: tuple[str, ...] = LABELS) -> int:
    """Remove all that the workshop made on this machine; exit status 1 if something is left.

    Your notebooks and what you wrote in them stay, and so does everything in an AWS account.
    """
    status = stop()
    ports = cloud_ports()
    before = found(root, labels)
    _list("To remove:", before)
    for kind, name, _ in before:
        _remove(root, kind, name)
    _log_out(ports)
    left = found(root, labels)
    _list("Left, although it should be gone:" if left else "Looked again:", left)
    _say_what_stays()
    return 1 if left or status else 0


def cloud_ports(build: Path = BUILD) -> list[int]:
    """The ports on which this clone has run a local cloud."""
    return sorted(int(folder.name) for folder in (build / "cloud").glob("*")
                  if folder.name.isdigit())


def found(root: Path, labels: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """What the workshop made and is there now: (kind, id or path, name for people)."""
    things = []
    if engine.available():
        for kind in KINDS:
            things += [(kind, *thing) for thing in _docker_things(kind, labels)]
    for pattern in FOLDERS:
        things += [("folder", path.relative_to(root).as_posix(), path.relative_to(root).as_posix())
                   for path in sorted(root.glob(pattern))]
    return things


def _docker_things(kind: str, labels: tuple[str, ...]) -> list[tuple[str, str]]:
    listing, _ = KINDS[kind]
    things = {}
    for label in labels:
        answer = engine.docker(*listing, "--filter", f"label={label}")
        for line in answer.stdout.splitlines():
            number, name = line.split(" ", 1)
            things[number] = f"{things[number]}, {name}" if number in things and \
                name not in things[number] else name
    return list(things.items())


def _remove(root: Path, kind: str, name: str) -> None:
    """Remove one thing; what does not go shows in the second look."""
    if kind != "folder":
        answer = engine.docker(*KINDS[kind][1], name, timeout=120)
        if answer.returncode and "no such" not in answer.stderr.lower():
            print(f"{kind} {name}: {answer.stderr.strip()}", file=sys.stderr)
        return
    path = root / name
    if path.is_symlink():           # what a link leads to is not ours
        path.unlink()
    else:
        shutil.rmtree(path, onerror=lambda _, where, error: print(
            f"{where}: {error[1]}", file=sys.stderr))


def _log_out(ports: list[int]) -> None:
    """Forget the logins to the local cloud's registry; those to others are the learner's."""
    if shutil.which("docker"):
        for port in ports:
            subprocess.run(["docker", "logout", f"localhost:{port}"], capture_output=True)


def _list(heading: str, things: list[tuple[str, str, str]]) -> None:
    print(heading, flush=True)
    for kind, _, name in things:
        print(f"  {kind:10}{name}")
    if not things:
        print("  nothing is there", flush=True)


def _say_what_stays() -> None:
    print("Not touched: your notebooks; AWS accounts (what lessons made there, their Clean up "
          "removes);\nAWS's base image, if it was pulled, and Debian packages, if they were "
          "installed for you (docker.io, chromium);\nDocker's build cache (docker builder prune).")
    if not engine.available():
        print("Docker does not answer: what is in it could not be looked at.")
