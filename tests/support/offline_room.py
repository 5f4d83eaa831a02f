"""A laptop without a network, set up from a folder that `pack` made: shows that nothing is missing.

    python3 -m workshop pack FOLDER --light
    sudo python3 tests/support/offline_room.py FOLDER            # lessons 00 to 06
    sudo python3 tests/support/offline_room.py FOLDER 00 02      # these

It unpacks the workshop from FOLDER into a temporary folder, with a new home folder, and executes
the lessons in a network namespace that has nothing but loopback. A Docker engine of its own runs in
that namespace, with its own images, so that image builds have no network either. It prints what it
tried to reach, and the lessons' own lines; exit status 0 if all went well. Linux, as root; outside
the suite, because it takes some minutes.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

INSIDE = "OFFLINE_ROOM"
LESSONS = ("00", "01", "02", "03", "04", "05", "06")


def main(folder: Path, lessons: list[str]) -> int:
    """Move into a namespace without a network first, then do all of it."""
    if os.geteuid():
        sys.exit(__doc__)
    if not os.environ.get(INSIDE):
        return subprocess.run(
            ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, __file__,
             str(folder), *lessons], env={**os.environ, INSIDE: "1"}).returncode
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    print(f"a connection to another machine: {refusal()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="offline-room-") as made:
        room = Path(made)
        with zipfile.ZipFile(folder / "workshop.zip") as archive:
            archive.extractall(room)
        (room / "home").mkdir()
        environment = laptop(room)
        engine = start_engine(room, environment)
        try:
            began = time.monotonic()
            status = workshop(room, environment, "run", "--from", str(folder), "-j", "1", *lessons)
            print(f"offline room: exit status {status} after "
                  f"{(time.monotonic() - began) / 60:.1f} minutes", flush=True)
            workshop(room, environment, "stop")
        finally:
            engine.terminate()
            engine.wait(60)
            unmount(room)
    return status


def refusal() -> str:
    """What a connection to a public address ends with."""
    try:
        socket.create_connection(("1.1.1.1", 443), timeout=5).close()
    except OSError as error:
        return str(error)
    raise SystemExit("there is a network here: this shows nothing")


def laptop(room: Path) -> dict[str, str]:
    """Variables of somebody who has just logged in: no settings, an empty home, its own engine."""
    return {"PATH": os.environ["PATH"], "HOME": str(room / "home"), "LANG": "C.UTF-8",
            "TMPDIR": "/tmp", "DOCKER_HOST": f"unix://{room / 'docker.sock'}"}


def start_engine(room: Path, environment: dict) -> subprocess.Popen:
    """A Docker engine with nothing in it, which nobody outside uses. Its bridge is in here too."""
    with open(room / "dockerd.log", "w", encoding="utf-8") as log:
        engine = subprocess.Popen(
            ["dockerd", "--host", environment["DOCKER_HOST"], "--data-root", room / "images",
             "--exec-root", room / "exec", "--pidfile", room / "dockerd.pid"],
            stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
    for _ in range(300):
        if subprocess.run(["docker", "info"], env=environment, capture_output=True).returncode == 0:
            images = subprocess.run(["docker", "images", "--quiet"], env=environment, text=True,
                                    capture_output=True).stdout.split()
            print(f"a Docker engine without a network, and with {len(images)} images", flush=True)
            return engine
        if engine.poll() is not None:
            break
        time.sleep(0.2)
    engine.kill()
    raise SystemExit((room / "dockerd.log").read_text()[-3000:])


def workshop(room: Path, environment: dict, *arguments: str) -> int:
    """`python3 -m workshop …` of the unpacked copy, with the Python that runs this."""
    return subprocess.run([sys.executable, "-m", "workshop", *arguments], cwd=room / "workshop",
                          env=environment).returncode


def unmount(room: Path) -> None:
    """What the engine has left mounted would be in the way of removing the folder."""
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        if (point := line.split()[1]).startswith(str(room)):
            subprocess.run(["umount", "--lazy", point])
    shutil.rmtree(room / "images", ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:] or list(LESSONS)))
