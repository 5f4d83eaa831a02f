"""The Lambda base image: AWS's own where it can be had, else a stand-in with the same contract.

`public.ecr.aws/lambda/python:3.13` is used when it is here or can be pulled. Where it cannot, as
root on Debian or Ubuntu, a stand-in is built from Debian's Python 3.13, `awslambdaric` and the
official Runtime Interface Emulator (see docker/base/). The stand-in carries the label
`workshop.stand-in=true`; labels are inherited, so that every image built on it can be told apart
and `refuse_stand_in` keeps it out of a real AWS account.
"""
import hashlib
import importlib.util
import json
import os
import platform as host
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path

from workshop.machine import emulation, engine, groups, image_archive, labels, modes
from workshop.machine.lock import one_at_a_time
from workshop.machine.paths import BUILD, DOCKER

REAL = "public.ecr.aws/lambda/python:3.13"
PLAIN = "public.ecr.aws/docker/library/python:3.13-slim"    # for what does not run on Lambda
REGISTRY = "https://public.ecr.aws/v2/"
STAND_IN = "workshop-lambda-base"       # `stand_in` adds the tag
SYSTEM = "workshop-lambda-system"       # Debian's packages as an image, while the stand-in is built
SYSTEM_BY = "Debian's packages, unpacked"
RECIPE = DOCKER / "base"
STATE = BUILD / "base"
UNREACHABLE = STATE / "unreachable"     # holds the day on which the registry did not answer
PULLED = "pulled"                       # in STATE: the images that were pulled, a line each
OUT_OF_REACH = "public.ecr.aws cannot be reached from here"
PYTHON = "3.13"

# Debian 13 (trixie) has Python 3.13. Packages are unpacked, not configured: mmdebstrap's
# "extract" variant runs none of their scripts, docker/base/Dockerfile does what is needed.
SUITE = "trixie"
PACKAGES = ["base-files", "bash", "coreutils", "dash", "findutils", "grep", "libc-bin",
            "libstdc++6", "python3", "sed", "util-linux"]
# Translations, manuals and tables of other character sets are of no use to a function.
SLIM = ("rm -rf \"$1\"/usr/share/locale \"$1\"/usr/share/man \"$1\"/usr/share/info "
        "\"$1\"/usr/lib/*/gconv; "
        "find \"$1\"/usr/share/doc -type f ! -name copyright -delete")


class BaseImageError(RuntimeError):
    """Neither AWS's image nor a stand-in can be had here; the message says why and what to do."""


def get(image: str = REAL) -> str:
    """Return the reference of the base image for `docker build --build-arg BASE_IMAGE=…`.

    WORKSHOP_BASE_IMAGE, else `image` (local, or pulled), else the stand-in (built once). `image` is
    AWS's for Lambda, or PLAIN, which has Python only; both come from AWS's public registry.
    Prints one line that says which and why. Raises engine.EngineError without a Docker engine and
    BaseImageError where there is no base image to be had.
    """
    chosen = os.environ.get("WORKSHOP_BASE_IMAGE")
    if chosen:
        return _say(chosen, "from WORKSHOP_BASE_IMAGE")
    engine.ensure()
    whose = "AWS's image" if image == REAL else "Docker's image"
    if _is_here(image):
        return _say(image, f"{whose}, already here")
    why = OUT_OF_REACH
    if not (_unreachable_today() and _stand_in_is_here()):
        why = _why_not_pulled(image)
        if not why:
            return _say(image, f"{whose}, pulled")
        if not _stand_in_is_here():
            _build_stand_in(why)
    return _say(stand_in(), f"a stand-in with the same contract, because {why}")


def stand_in() -> str:
    """The stand-in's name and tag: Python's version, the architecture, and the recipe.

    So the stand-ins of two architectures, and of checkouts whose recipes differ, are kept side by
    side on one engine.
    """
    return f"{STAND_IN}:{PYTHON}-{engine.architecture()}-{_recipe()}"


def refuse_stand_in(image: str) -> None:
    """Raise ValueError when the local `image` is, or is built on, the stand-in.

    Call it before a push to a real AWS account: Debian's Python in place of AWS's is for
    learning only, it gets no updates from AWS.
    """
    config = _inspect(image, "{{json .Config}}")
    if config is None:
        raise ValueError(f"there is no local image {image!r}; build it first")
    if (config.get("Labels") or {}).get(labels.STAND_IN) == "true":
        raise ValueError(
            f"{image} is built on the workshop's stand-in for AWS's Lambda base image, which is "
            "never pushed to an AWS account. Build it again on AWS's own, where that can be "
            f"reached: docker build --build-arg BASE_IMAGE={REAL} …")


# ---------------------------------------------------------------- AWS's image

def _why_not_pulled(image: str) -> str:
    """Pull `image`; return "" when that worked, else why it did not."""
    if not _answers():
        _remember_unreachable()
        return OUT_OF_REACH
    print(f"base image: pulling {image} (up to 200 MB to download) …", flush=True)
    try:
        answer = engine.docker("pull", "--quiet", "--platform", engine.platform(), image,
                               timeout=900)
    except subprocess.TimeoutExpired:
        return "the pull of the image took more than 15 minutes"
    if answer.returncode == 0:
        remember_pulled(image)
        return ""
    last_words = (answer.stderr.strip().splitlines() or ["docker pull gave no reason"])[-1]
    # The registry needs no login, but refuses one that has expired.
    hint = " (an old login? docker logout public.ecr.aws)" if "403" in last_words else ""
    return f"the pull of the image failed: {last_words}{hint}"


def remember_pulled(image: str) -> None:
    """Note that this checkout brought an image here; `clean` removes it."""
    STATE.mkdir(parents=True, exist_ok=True)
    with open(STATE / PULLED, "a", encoding="utf-8") as notes:
        notes.write(f"{image}\n")


def pulled(build: Path = BUILD) -> list[str]:
    """The base images that this checkout pulled."""
    try:
        return sorted(set((build / "base" / PULLED).read_text(encoding="utf-8").split()))
    except OSError:
        return []


def _answers(seconds: float = 4) -> bool:
    """Whether the public registry answers within `seconds`, a slow name server included."""
    answered = []

    def ask():
        try:
            urllib.request.urlopen(REGISTRY, timeout=seconds)
            answered.append(True)
        except urllib.error.HTTPError as error:
            # 401 is the registry's way to say "log in first"; a proxy in between says 403 or 5xx.
            answered.append(error.code == 401)
        except OSError:
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return answered == [True]


def _unreachable_today() -> bool:
    try:
        return UNREACHABLE.read_text(encoding="utf-8") == date.today().isoformat()
    except OSError:
        return False


def _remember_unreachable() -> None:
    STATE.mkdir(parents=True, exist_ok=True)
    UNREACHABLE.write_text(date.today().isoformat(), encoding="utf-8")


# ---------------------------------------------------------------- the stand-in

def _build_stand_in(why: str) -> None:
    """Build the stand-in for the engine's architecture.

    The tag appears with the last step of `docker build`, and what was fetched goes to a
    temporary folder: a build that is killed leaves nothing that passes for an image.
    """
    _check_possible(why)
    STATE.mkdir(parents=True, exist_ok=True)
    with one_at_a_time("base-image"):
        if _stand_in_is_here():         # another process has just built it
            return
        long = "some minutes, emulated" if _is_emulated() else "about half a minute"
        print(f"base image: building a stand-in for AWS's ({long}, once) …", flush=True)
        for leftover in STATE.glob("context-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="context-", dir=STATE) as folder:
            context = Path(folder)
            _copy_recipe(context)
            _step("Debian's Python", _fetch_debian, context)
            _step("the runtime interface client, boto3 and pip", _fetch_packages, context)
            _fetch_emulator(context)
            shutil.copy(_host_certificates(), context / "ca-certificates.crt")
            modes.settle(context)
            _step("docker build", _docker_build, context)


def _check_possible(why: str) -> None:
    """Raise BaseImageError, with what to do, where the stand-in cannot be built."""
    if not (engine.is_root() and engine.is_debian()):
        raise BaseImageError(
            f"there is no Lambda base image: {why}, and a stand-in can only be built as root on "
            f"Debian or Ubuntu. Connect to the internet and try `docker pull {REAL}`; or name an "
            "image with the same contract in WORKSHOP_BASE_IMAGE.")
    if _is_emulated() and not emulation.ready(engine.architecture()):
        raise BaseImageError(
            f"a stand-in for {engine.architecture()} cannot be built here: nothing emulates that "
            f"processor. {emulation.HOW} Or choose this machine's own processor.")
    if shutil.which("mmdebstrap") is None:
        engine.apt_install("base image", "mmdebstrap", "debian-archive-keyring")


def _is_emulated() -> bool:
    return engine.architecture() != engine.ARCHITECTURES.get(host.machine().lower())


def _copy_recipe(context: Path) -> None:
    """docker/base as it was written: a clone may have other modes, and other line ends."""
    for path in _recipe_files():
        copy = context / path.relative_to(RECIPE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(_text(path))
        copy.chmod(modes.PROGRAM if _text(path).startswith(b"#!") else modes.FILE)


def _recipe_files() -> list[Path]:
    return sorted(path for path in RECIPE.rglob("*") if path.is_file())


def _text(path: Path) -> bytes:
    return path.read_bytes().replace(b"\r\n", b"\n")


def _fetch_debian(context: Path) -> None:
    """Debian's packages as one archive, security updates included (mmdebstrap's own default)."""
    _run(["mmdebstrap", "--mode=root", "--variant=extract", f"--extract-hook={SLIM}",
          f"--architectures={engine.DOCKER_NAMES[engine.architecture()]}",    # Debian's too
          f"--include={','.join(PACKAGES)}", SUITE, context / "rootfs.tar"])


def _fetch_packages(context: Path) -> None:
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[engine.architecture()]
    platforms = [f"--platform={name}_{machine}"
                 for name in ("manylinux2014", "manylinux_2_17", "manylinux_2_28")]
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-compile",
          "--disable-pip-version-check", f"--python-version={PYTHON}", "--only-binary=:all:",
          *platforms, f"--target={context / 'site-packages'}",
          f"--requirement={RECIPE / 'requirements.txt'}"])
    shutil.rmtree(context / "site-packages" / "bin", ignore_errors=True)  # scripts for this host


def emulator(architecture: str) -> Path:
    """The official Runtime Interface Emulator for an architecture, in Lambda's words.

    It comes with the AWS SAM CLI. Raises BaseImageError where that is not installed.
    """
    groups.need("samcli")
    package = importlib.util.find_spec("samcli")
    if package is None:
        raise BaseImageError("the package aws-sam-cli, which holds the Runtime Interface Emulator, "
                             "is not installed: run python3 -m workshop doctor")
    return Path(package.origin).parent / "local" / "rapid" / f"aws-lambda-rie-{architecture}"


def _fetch_emulator(context: Path) -> None:
    target = context / "aws-lambda-rie"
    shutil.copy(emulator(engine.architecture()), target)
    target.chmod(0o755)


def _host_certificates() -> Path:
    """The certificates this host trusts: behind a proxy, they are not only the public ones."""
    import certifi
    debian = Path("/etc/ssl/certs/ca-certificates.crt")
    return debian if debian.exists() else Path(certifi.where())


def _docker_build(context: Path) -> None:
    system, layer = f"{SYSTEM}:{stand_in().partition(':')[2]}", context / "rootfs.tar"
    word, _, value = labels.WORKSHOP.partition("=")
    image_archive.load(system, engine.architecture(), layer, SYSTEM_BY, Labels={word: value})
    layer.unlink()      # no part of the context any more
    try:
        _run(["docker", "build", "--quiet", "--force-rm", "--platform", engine.platform(),
              "--build-arg", f"SYSTEM={system}", "--tag", stand_in(), context])
    finally:
        engine.docker("rmi", system)    # its name alone: the stand-in holds its content


def _recipe() -> str:
    """Fingerprint of all that the stand-in is made from: another one means build it again."""
    digest = hashlib.sha256(repr((SUITE, PACKAGES, SLIM, SYSTEM_BY)).encode())
    for path in _recipe_files():
        digest.update(path.relative_to(RECIPE).as_posix().encode())
        digest.update(_text(path))
    return digest.hexdigest()[:16]


# ---------------------------------------------------------------- small things

def _is_here(image: str) -> bool:
    """Whether `image` is local and for the architecture we build for."""
    return _inspect(image, "{{json .Architecture}}") == engine.DOCKER_NAMES[engine.architecture()]


def _stand_in_is_here() -> bool:
    return _is_here(stand_in())


def _inspect(image: str, what: str):
    """One value of `docker image inspect`, or None when there is no such local image."""
    answer = engine.docker("image", "inspect", image, "--format", what)
    return json.loads(answer.stdout) if answer.returncode == 0 else None


def _say(image: str, why: str) -> str:
    print(f"base image: {image} ({why})", flush=True)
    return image


def _step(what: str, work, *arguments) -> None:
    began = time.monotonic()
    work(*arguments)
    print(f"base image: {what}, {time.monotonic() - began:.0f} s", flush=True)


def _run(command: list) -> None:
    """Run a command; raises BaseImageError with its last words when it fails."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                          **({"umask": modes.UMASK} if os.name == "posix" else {}))
    if done.returncode:
        raise BaseImageError(f"the stand-in for AWS's base image could not be built; "
                             f"`{command[0]}` said:\n" + "\n".join(done.stdout.splitlines()[-8:]))
