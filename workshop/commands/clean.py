"""`stop` and `clean`: end what the workshop runs, remove what it made, and prove it.

Standard library only. Two checkouts of the workshop may share one Docker engine. What is made for
a checkout says so by its label, workshop.clone=…, and is found by it; containers and images built
on such an image inherit it. What says only workshop=lambda-onnx (the stand-in for AWS's base
image, what a lesson builds with plain `docker build`) serves all checkouts: the last one to be
cleaned removes it.
"""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from workshop import cloud
from workshop.commands import lab
from workshop.local import lifecycle
from workshop.machine import base_image, engine, environment, labels
from workshop.machine.paths import BUILD, MINE, ROOT

# How Docker lists each kind (id, then a name for people) and removes it, in this order.
KINDS = {
    "container": (["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} ({{.Image}})"],
                  ["rm", "--force", "--volumes"]),
    "image": (["images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"],
              ["rmi", "--force"]),
    "network": (["network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"],
                ["network", "rm"]),
    "volume": (["volume", "ls", "--format", "{{.Name}} {{.Name}}"], ["volume", "rm", "--force"]),
}
CACHES = ("__pycache__", ".ipynb_checkpoints", ".aws-sam")
# build/ goes last: it knows what an interrupted clean still has to do.
FOLDERS = (".venv", ".pytest_cache", "*.egg-info", *CACHES,
           *(f"{folder}/**/{cache}" for cache in CACHES
             for folder in ("workshop", "lambda", "docker", "data", "tests", "notebooks",
                            MINE.name, "solutions")),
           "build")


@dataclass(frozen=True)
class Found:
    """Something on this machine: its kind, what it is removed by, and its name for people."""
    kind: str
    id: str
    name: str


@dataclass(frozen=True)
class Notes:
    """What build/ knows of things outside the checkout; read before build/ goes."""
    ports: list[int]        # on which this checkout has run a local cloud
    dockerd: dict           # the engine that it started, if it did
    pulled: list[str]       # base images that it pulled


def notes(build: Path = BUILD) -> Notes:
    return Notes(cloud_ports(build), engine.started(build), base_image.pulled(build))


# ---------------------------------------------------------------- stop

def stop() -> int:
    """Stop JupyterLab and every local cloud of this clone; exit status 1 if one does not stop."""
    print("JupyterLab: " + ("stopped" if lab.stop() else "not running"), flush=True)
    stopped, status = False, 0
    for port in cloud_ports():
        try:
            was_running = lifecycle.status(port)["running"]
            lifecycle.stop(port)            # also sweeps what a killed one left
            if was_running:
                print(f"local cloud, port {port}: stopped", flush=True)
            stopped = stopped or was_running
        except cloud.CloudError as error:
            print(f"local cloud, port {port}: {error}", file=sys.stderr)
            status = 1
    if not stopped and not status:
        print("local cloud: not running", flush=True)
    return status


def cloud_ports(build: Path = BUILD) -> list[int]:
    """The ports on which this clone has run a local cloud."""
    return sorted(int(folder.name) for folder in (build / "cloud").glob("*")
                  if folder.name.isdigit())


# ---------------------------------------------------------------- clean

def main(root: Path = ROOT) -> int:
    """Remove all that the workshop made, in the cloud and on this machine, and look again.

    Exit status 1 if something is left, or if an AWS account was meant and its owner did not
    agree: then everything stays. Your notebooks and what you wrote in them always stay.
    """
    if not _clean_clouds():
        return 1
    known = notes(root / "build")
    before = found(root, known)
    _list("To remove from this machine:", before)
    status = stop()
    for thing in before:
        _remove(root, thing, known)
    for thing in found(root, known):      # an image goes when those built on it have gone
        if complaint := _remove(root, thing, known):
            print(f"{thing.kind} {thing.name}: {complaint}", file=sys.stderr)
    left = found(root, known)
    _list("Left, although it should be gone:" if left else "Looked again:", left)
    _say_what_stays(known)
    return 1 if left or status else 0


def _clean_clouds() -> bool:
    """What lesson 24 does; whether this machine may be cleaned, too."""
    if os.environ.get("AWS_PROFILE"):
        if not _python():
            print("AWS_PROFILE is set, and there is no environment to reach AWS with. Nothing was "
                  "removed. `python3 -m workshop doctor` says what is missing; or unset "
                  "AWS_PROFILE to clean this machine only.", file=sys.stderr)
            return False
        if _inventory({}):
            print("This machine was not cleaned, so that you can run `clean` again; unset "
                  "AWS_PROFILE to clean this machine only.", file=sys.stderr)
            return False
    for port in cloud_ports():
        try:
            running = lifecycle.status(port)["running"]
        except cloud.CloudError:        # another checkout's, or another program's
            continue
        if running and _python():
            _inventory({"WORKSHOP_PORT": str(port), "AWS_PROFILE": ""})
    return True


def _inventory(settings: dict) -> int:
    return subprocess.run([_python(), "-m", "workshop.inventory", "--remove"], cwd=ROOT, env={
        **os.environ, "PYTHONPATH": str(ROOT), **settings}).returncode


def _python() -> str | None:
    """A Python that has boto3, or None."""
    if importlib.util.find_spec("boto3"):
        return sys.executable
    return str(environment.python()) if environment.python().exists() else None


# ---------------------------------------------------------------- what is there

def found(root: Path, known: Notes) -> list[Found]:
    """What the workshop made for this checkout and is there now, in order of removal."""
    things = list(_processes(known))
    removable, kept = in_docker(known) if engine.available() else ([], [])
    things += removable
    things += [Found("login", f"localhost:{port}", f"localhost:{port}") for port in known.ports
               if f"localhost:{port}" in _logins()]
    if known.dockerd and engine.runs(known.dockerd) and not kept:
        things.append(Found("engine", "engine", "Docker engine, which this checkout started"))
    for pattern in FOLDERS:
        things += [Found("folder", name, name) for path in sorted(root.glob(pattern))
                   for name in [path.relative_to(root).as_posix()]]
    return things


def _processes(known):
    if server := lab.running():
        yield Found("process", "lab", f"JupyterLab ({server['pid']})")
    for port in known.ports:
        try:
            state = lifecycle.status(port)
        except cloud.CloudError:        # another checkout's, or another program's
            continue
        if state["running"]:
            yield Found("process", str(port), f"local cloud, port {port} ({state['pid']})")


def in_docker(known: Notes) -> tuple[list[Found], list[str]]:
    """What to remove of this checkout's and, if there is no other, of what serves all checkouts;
    and the names of what stays for the others, empty if there are none."""
    mine, shared, others = [], [], False
    for kind in KINDS:
        ours, claimed = _labelled(kind, labels.OURS), _labelled(kind, labels.CLONE)
        anyones = _labelled(kind, labels.WORKSHOP) | _labelled(kind, labels.CLOUD)
        anyones = {number: name for number, name in anyones.items() if number not in claimed}
        others = others or claimed.keys() > ours.keys() or _of_other_ports(kind, anyones, known)
        mine += [Found(kind, number, name) for number, name in ours.items()]
        shared += [Found(kind, number, name) for number, name in anyones.items()]
    shared += [Found("image", image, image) for image in known.pulled
               if engine.docker("image", "inspect", image).returncode == 0]
    if others:
        return mine, [one.name for one in shared] or ["the engine"]
    return sorted(mine + shared, key=lambda one: list(KINDS).index(one.kind)), []


def _of_other_ports(kind, things, known) -> bool:
    """Whether one of these belongs to a local cloud that this checkout never ran."""
    if kind == "container":
        ours = set().union(*(_labelled(kind, labels.of_cloud(port)) for port in known.ports))
        return bool(things.keys() & _labelled(kind, labels.CLOUD).keys() - ours)
    ports = re.findall(r"\blocalhost:(\d+)/", " ".join(things.values()))
    return bool(set(map(int, ports)) - set(known.ports))


def _labelled(kind, label) -> dict[str, str]:
    """Things with a label, as `name` or `name=value`: id → name; an image has all its names."""
    things = {}
    for line in engine.docker(*KINDS[kind][0], "--filter", f"label={label}").stdout.splitlines():
        number, name = line.split(" ", 1)
        things[number] = f"{things[number]}, {name}" if number in things else name
    return things


def _logins() -> list[str]:
    """The registries that `docker` remembers a login to."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        return list(json.loads((folder / "config.json").read_text(encoding="utf-8"))["auths"])
    except (OSError, ValueError, KeyError):
        return []


# ---------------------------------------------------------------- removal

def _remove(root: Path, thing: Found, known: Notes) -> str:
    """Remove one thing; what Docker says when it does not go, else nothing."""
    if thing.kind in KINDS:
        answer = engine.docker(*KINDS[thing.kind][1], thing.id, timeout=120)
        missing = "no such" in answer.stderr.lower()
        return answer.stderr.strip() if answer.returncode and not missing else ""
    if thing.kind == "login":
        subprocess.run(["docker", "logout", thing.id], capture_output=True)
    elif thing.kind == "engine":
        return engine.stop(known.dockerd)
    elif thing.kind == "folder":
        _remove_folder(root / thing.id)
    return ""       # processes: `stop` has ended them


def _remove_folder(path: Path) -> None:
    if path.is_symlink():           # what a link leads to is not ours
        path.unlink()
    else:
        shutil.rmtree(path, onerror=lambda _, where, error: print(
            f"{where}: {error[1]}", file=sys.stderr))


# ---------------------------------------------------------------- words

def _list(heading: str, things: list[Found]) -> None:
    print(heading, flush=True)
    for thing in things:
        print(f"  {thing.kind:10}{thing.name}")
    if not things:
        print("  nothing is there", flush=True)


def _say_what_stays(known: Notes) -> None:
    print("What stays:\n"
          f"  your notebooks in {MINE.name}/, and every other file of yours\n"
          "  AWS accounts, but for the one that AWS_PROFILE named, in its Region\n"
          "  Debian packages, if they were installed for you (docker.io, chromium, mmdebstrap, …)\n"
          "  Docker's build cache, which does not say whose it is: docker builder prune\n"
          "  caches and settings of pip, Jupyter and Matplotlib in your home folder")
    if not engine.available():
        print("  whatever is in Docker: it does not answer, so nobody could look")
    elif kept := in_docker(known)[1]:
        kept.sort(key=lambda name: base_image.STAND_IN not in name)
        more = f" and {len(kept) - 3} more" if len(kept) > 3 else ""
        print("  what another checkout of the workshop on this machine may use: "
              f"{'; '.join(kept[:3])}{more}\n    (run `clean` there, too; the last one removes it. "
              "Is there no other any more?\n    docker images --filter label=workshop=lambda-onnx)")
