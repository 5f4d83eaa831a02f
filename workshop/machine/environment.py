"""The Python environment: .venv in the clone, filled from environment.yml's pip part.

Every package but PyTorch is installed as environment.lock names it, and pip refuses a file with
another hash. Standard library only. Groups of packages are installed one after the other, each with
a stamp when it is complete, and a stamp for all is written last. An environment without its first
group is half-made and is made afresh (pip keeps what it has downloaded in its own cache).
"""
import hashlib
import http.client
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

from workshop.machine import engine, offline, pins, requirements, settings
from workshop.machine.lock import one_at_a_time
from workshop.machine.paths import BUILD, ROOT, VENV
from workshop.machine.progress import Line

STAMP = VENV / "workshop.json"
CONTENTS = VENV / "workshop.contents"     # what was installed, a line each
LOG = BUILD / "pip.log"
NEEDED_GB = 5        # measured: 3.5 GB installed, and pip unpacks what it downloads beside it
CUDA_GB = 4          # measured: what PyTorch for Linux brings besides, unless it is the CPU build
CPU_INDEX = "https://download.pytorch.org/whl/cpu"     # PyTorch's own, of builds without CUDA
CUDA = (f"PyTorch for Linux may bring CUDA, {CUDA_GB} GB and some minutes more, where its CPU "
        f"build cannot be had from {CPU_INDEX}")
# Runs a module, and ends with all that it has started when its standard input does, that is, when
# the command that started it was killed: what goes on writing would be in the way of the next.
CHILD = """\
import os, runpy, signal, sys, threading
def watch():
    os.read(0, 1)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
threading.Thread(target=watch, daemon=True).start()
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


class SetUpError(RuntimeError):
    """The environment cannot be made; the message says what was wrong and what to do."""


def prepare(groups: list[str] | None = None) -> Path:
    """Make the environment if need be and return its Python. Raises SetUpError.

    A Python that already holds everything (conda's, or a venv of your own) is used as it is.
    groups: those of environment.yml that must be complete; None means all.
    """
    own = Path(sys.prefix) != VENV or VENV.is_symlink()
    if own and not requirements.newest_is_wanted() and not differences():
        return Path(sys.executable)
    if not is_ready(groups):
        with one_at_a_time("environment") as lock:
            if not is_ready(groups):
                _make(lock, groups)
    return python()


def python() -> Path:
    """The Python of .venv, whether it is there or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_ready(groups: list[str] | None = None) -> bool:
    """Whether .venv was completed from these environment.yml and environment.lock, right here.

    groups: whether at least these groups were; None means all.
    """
    stamps = [STAMP] if groups is None or STAMP.exists() else map(_stamp_of, groups)
    return python().exists() and all(map(_is_valid, stamps)) and is_whole()


def _is_valid(stamp: Path) -> bool:
    try:
        return json.loads(stamp.read_text(encoding="utf-8")) == _stamp()
    except (OSError, ValueError):
        return False


def _stamp_of(group: str) -> Path:
    return VENV / f"workshop.{group.replace(' ', '-')}.json"


def missing() -> list[str]:
    """The groups that are not installed yet, in the order in which they will be."""
    return [group for group in requirements.groups() if not is_ready([group])]


def is_half_made() -> bool:
    """Whether .venv was begun, and its first group not completed."""
    return (VENV.exists() and not VENV.is_symlink() and not STAMP.exists()
            and not _stamp_of(requirements.FIRST).exists())


def is_whole() -> bool:
    """Whether all that was installed is still in .venv, as far as a quick look shows."""
    try:
        before = CONTENTS.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return True         # made before this was noted
    return set(before) <= set(_contents())


def _contents() -> list[str]:
    """Packages and modules in .venv that are not empty; a newer version has the same name."""
    found = []
    for path in _packages():
        if path.name.startswith(("~", "__pycache__")) or (path.is_dir() and not any(
                path.iterdir())):
            continue
        name = f"{path.name.split('-')[0].lower()}.dist-info" if path.suffix == ".dist-info" \
            else path.name
        found.append(name)
    return sorted(found)


def _packages():
    """What lies in the folder of .venv that holds packages."""
    return VENV.glob("Lib/site-packages/*" if os.name == "nt" else "lib/python*/site-packages/*")


def activate() -> None:
    """Let this process and its children find this environment's commands and this clone."""
    here = str(Path(sys.executable).parent)
    paths = os.environ.get("PATH", "").split(os.pathsep)
    os.environ["PATH"] = os.pathsep.join([here, *(path for path in paths if path != here)])
    settings.tools()
    offline.let_pip()
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"     # ONNX Runtime would report its use to its makers
    # PyTorch's threads wait for each other by spinning. Beside other work, that takes the processor
    # from the thread they wait for: 300 steps of a small network took 241 and 200 s, and with this
    # 7 and 10 s. Alone on two processors they took 3.1 s, and with this 3.9.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def differences(entries: list[str] | None = None) -> list[str]:
    """Where the running Python's packages differ from what is wanted; empty when they agree.

    entries: of environment.yml; None means all.
    """
    if importlib.util.find_spec("packaging") is None:
        return ["packaging is not installed"]
    from packaging.requirements import Requirement
    wrong = []
    for entry in requirements.wanted() if entries is None else entries:
        if entry == "-e .":         # the code that is running now
            continue
        asked = Requirement(entry)
        if asked.marker and not asked.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(asked.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{asked.name} is not installed; environment.yml says {entry}")
            continue
        if not asked.specifier.contains(version, prereleases=True):
            wrong.append(f"{asked.name} is {version}; environment.yml says {entry}")
    return wrong


# ---------------------------------------------------------------- making it

def _make(lock: int, groups: list[str] | None = None) -> None:
    began = time.monotonic()
    if gone := offline.gone():
        raise SetUpError(gone)
    _check_disk()
    if is_half_made():
        print("environment: .venv is half-made (a set-up was interrupted); making it afresh",
              flush=True)
    elif VENV.exists() and not is_whole():
        print("environment: files of .venv are missing; making it afresh", flush=True)
    if not _can_update():
        _remove(VENV)
        _create_venv(lock)
    STAMP.unlink(missing_ok=True)
    LOG.unlink(missing_ok=True)
    if groups is None or requirements.newest_is_wanted():
        groups = list(requirements.groups())
    for group in groups:
        _install(group, lock)
    if requirements.newest_is_wanted() or not missing():
        _verify(requirements.wanted())
        write_stamp()
    print(f"environment: ready after {time.monotonic() - began:.0f} s, {_downloaded():.0f} MB "
          f"downloaded; .venv has {_size():.0f} MB", flush=True)


def _install(group: str, lock: int) -> None:
    """Install one group, unless it is complete; its stamp is written when it is."""
    stamp = _stamp_of(group)
    if _is_valid(stamp):
        return
    begun = stamp.with_suffix(".begun")
    # What an interrupted run has left of a package would be taken for all of it.
    afresh = ["--ignore-installed"] if begun.exists() else []
    begun.touch()
    with Line("environment" if group == requirements.FIRST else f"packages for {group}") as line:
        for step in _steps(group):
            _run_pip([*afresh, *step], lock, line)
    if not requirements.newest_is_wanted():
        _verify(requirements.groups()[group])
    CONTENTS.write_text("\n".join(_contents()), encoding="utf-8")
    write_stamp(stamp)
    begun.unlink()


def _downloaded() -> float:
    """MB that pip has downloaded, by its log; what its cache or this machine had is not counted."""
    text = LOG.read_text(encoding="utf-8", errors="replace") if LOG.exists() else ""
    return sum(float(number) * {"k": 1e-3, "M": 1, "G": 1e3, "": 1e-6}[unit] for number, unit in
               re.findall(r"(?m)^ *Downloading .*\(([\d.]+) ([kMG]?)B\)", text))


def _size() -> float:
    """MB of the files in .venv."""
    return sum(os.lstat(Path(folder, name)).st_size
               for folder, _, names in os.walk(VENV) for name in names) / 1e6


def _can_update() -> bool:
    """An environment of this place is brought up to date, if its first group was ever complete.

    Not one of newer versions than the pins, nor one of the pins to those: what no entry names
    would stay as it was.
    """
    try:
        path = STAMP if STAMP.exists() else _stamp_of(requirements.FIRST)
        stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (python().exists() and is_whole() and stamp.get("place") == str(VENV)
            and stamp.get("newest", False) == requirements.newest_is_wanted())


def _check_disk() -> None:
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB and _is_large():
        raise SetUpError(f"{ROOT} has {free:.1f} GB free; the environment needs about {NEEDED_GB} "
                         f"GB. Make room. {CUDA}.")
    if free < NEEDED_GB + CUDA_GB and _is_large() and not offline.record():
        print(f"environment: {free:.1f} GB free. {CUDA}.", flush=True)


def _is_large() -> bool:
    found = requirements.groups()
    return any(entry.startswith("torch") for group in offline.groups(list(found))
               for entry in found.get(group, ()))


def _remove(path: Path) -> None:
    """Remove a folder, or a link to one (never what the link leads to). Raises SetUpError.

    A folder is moved aside first: what still writes into it cannot bring it back.
    """
    for old in BUILD.glob("removed-*"):
        shutil.rmtree(old, ignore_errors=True)
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        old = BUILD / f"removed-{os.getpid()}-{time.time_ns()}"
        BUILD.mkdir(exist_ok=True)
        try:
            path.rename(old)
        except OSError as error:        # build/ on another disk; or, on Windows, a file in use
            shutil.rmtree(path, ignore_errors=True)
            if path.exists():
                raise SetUpError(f"{path} cannot be removed ({error}). Close what uses it "
                                 "(python3 -m workshop stop; terminals in which it is active), "
                                 "then run this again.") from None
        shutil.rmtree(old, ignore_errors=True)


def _create_venv(lock: int = -1) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("ensurepip") is None:       # Debian keeps it in another package
        package = f"python{version}-venv"
        if not (engine.is_root() and engine.is_debian()):
            raise SetUpError("this Python has no venv module that can make environments. On Debian "
                             f"and Ubuntu: sudo apt install {package}; then run this again.")
        engine.apt_install("Python's venv module", package)
    print(f"environment: creating .venv with Python {version}", flush=True)
    base = getattr(sys, "_base_executable", sys.executable)     # not the Python just removed
    plain = dict(os.environ)
    settings.python(plain)
    with _child(base, lock, "venv", VENV, environment=plain) as made:
        said = _to_the_end(made, made.stdout.read)
    if made.returncode:
        raise SetUpError(f"`{base} -m venv {VENV}` failed:\n{said}")


def _child(program, lock: int, *words, environment: dict) -> subprocess.Popen:
    """Start a Python's module that neither a killed command nor a Ctrl-C leaves running.

    It inherits the lock, so that the next command waits until it has ended.
    """
    apart = {} if os.name == "nt" else {"start_new_session": True}
    if lock >= 0 and os.name != "nt":
        apart["pass_fds"] = [lock]
    return subprocess.Popen(
        [str(program), "-c", CHILD, *(str(word) for word in words)], cwd=ROOT, env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", **apart)


def _to_the_end(process: subprocess.Popen, work):
    """Do what reads the child's output; the child does not outlive a failure of that."""
    try:
        return work()
    except BaseException:
        process.stdin.close()       # ends it, and all that it has started
        raise


def _steps(group: str) -> list[list[str]]:
    """Arguments of `pip install` for a group, one list for each step."""
    if requirements.newest_is_wanted():      # nothing is known beforehand of what comes out today
        return [["-r", _written("requirements.txt", "\n".join(requirements.wanted()) + "\n")]] \
            if group == requirements.FIRST else []
    if not pins.LOCK.is_file():
        raise SetUpError(f"{pins.LOCK} is missing. Get it back with: git restore {pins.LOCK.name}")
    text = pins.LOCK.read_text(encoding="utf-8")
    wrong = pins.differences(requirements.pinned(), text)
    if wrong:
        raise SetUpError(f"{pins.LOCK.name} does not agree with environment.yml: "
                         f"{'; '.join(wrong)}. Run: python3 -m workshop pins")
    # The lock is complete, so pip need not look for what a package needs; and no package may bring
    # PyTorch in passing. Why PyTorch has no hashes: see pins.py.
    groups = requirements.groups()
    part = _written("group.lock", pins.closures(groups, text)[group])
    steps = [["--require-hashes", "--no-deps", "-r", part]]
    torch = [entry for entry in groups[group] if "==" in entry and not pins.has_hashes(entry)]
    if torch:
        steps.append(_torch_step(torch, text))
    if "-e ." in groups[group]:     # built by the setuptools of the first step
        steps.append(["--no-deps", "--no-build-isolation", "-e", "."])
    return steps


def _torch_step(entries: list[str], lock: str) -> list[str]:
    """How PyTorch is installed: on Linux its CPU build, where PyTorch's own index can be reached.

    The CPU build needs nothing beyond the lock. Elsewhere PyTorch comes from the ordinary index,
    with what its build there needs besides (CUDA). Other systems have no build with CUDA there.
    A folder to set up from holds none with CUDA either.
    """
    if offline.record():
        return [*entries, "--no-deps"]
    if sys.platform.startswith("linux"):
        if _has_cpu_build(entries):
            return [*entries, "--no-deps", "--index-url", CPU_INDEX]
        print(f"environment: {CPU_INDEX} cannot be reached, or does not have {entries[0]}; PyTorch "
              f"comes from the ordinary package index, perhaps with CUDA: up to {CUDA_GB} GB and "
              "some minutes more", flush=True)
    return [*entries, "--constraint", _written("constraints.txt", pins.constraints(lock))]


def _has_cpu_build(entries: list[str]) -> bool:
    """Whether PyTorch's index of CPU builds answers and lists each of the entries' versions."""
    try:
        for entry in entries:
            name, _, version = entry.partition(";")[0].strip().partition("==")
            with urllib.request.urlopen(f"{CPU_INDEX}/{name}/", timeout=5) as page:
                listed = urllib.parse.unquote(page.read().decode("utf-8", "replace"))
            if not re.search(rf"{re.escape(name)}-{re.escape(version)}\+cpu-", listed):
                return False
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


def _written(name: str, text: str) -> str:
    path = VENV / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def _run_pip(step: list[str], lock: int, line: Line) -> None:
    # --no-compile: more than half of pip's time was compiling modules, most of which nothing
    # imports. Python compiles a module when it is first imported.
    command = ["pip", "install", "--no-input", "--no-compile", "--progress-bar", "off",
               "--disable-pip-version-check", *offline.pip_options(), *step]
    environment = _plain() | {"PYTHONUNBUFFERED": "1"}
    offline.let_pip(environment)
    with open(LOG, "a", encoding="utf-8") as log, _child(
            python(), lock, *command, environment=environment) as pip:
        _to_the_end(pip, lambda: _follow(pip.stdout, log, line))
    if pip.returncode:
        raise SetUpError(_why_pip_failed())


def _why_pip_failed() -> str:
    """What to do, from pip's log."""
    if "DO NOT MATCH THE HASHES" in LOG.read_text(encoding="utf-8", errors="replace"):
        return (f"pip refused a file that is not the one that {pins.LOCK.name} names. The file's "
                f"name and both hashes (all of pip's words are in {LOG}):\n{engine.tail(LOG)}\n"
                "Nothing of it was installed. If a package index or proxy of your own serves other "
                "builds, use PyPI for this set-up; otherwise do not install that file, and report "
                "it.")
    where = "folder" if offline.record() else "network"
    return ("pip could not install environment.yml. Its last words (all of them in "
            f"{LOG}):\n{engine.tail(LOG)}\nFix that (is the {where} there?), and run "
            "the same command again.")


def _plain() -> dict[str, str]:
    """The environment variables without what would change Python or what pip installs.

    Without this clone's path too: the package is to be found because it is installed.
    """
    environment = dict(os.environ)
    settings.tools(environment, str(python()))
    del environment["PYTHONPATH"]
    return environment


def _follow(output, log, line: Line) -> None:
    """Turn pip's output into a line such as "installing 57 of 161 packages"."""
    found = 0
    for text in output:
        log.write(text)
        log.flush()
        words = text.split()
        if text.startswith("Collecting "):
            found += 1
            line.say(f"looking up package {found}: {words[1]}")
        elif text.startswith("Processing ") and ".whl" in text:     # from a folder
            found += 1
            file = text.replace("\\", "/").rsplit("/")[-1]
            line.say(f"reading package {found}: {file.split('-')[0]}")
        elif words and words[0] == "Downloading" and ".metadata" not in text:
            size = text[text.rfind("("):].strip()
            line.say(f"downloading {words[1].rsplit('/')[-1].split('-')[0]} {size}")
        elif text.startswith("Installing collected packages:"):
            total = text.count(",") + 1
            before = _installed()
            line.say(lambda: f"installing {_installed() - before} of {total} packages")


def _installed() -> int:
    """How many packages stand in .venv: pip is silent while it installs."""
    return sum(path.suffix == ".dist-info" for path in _packages())


def _verify(entries: list[str]) -> None:
    """Ask the new Python itself whether it agrees with environment.yml.

    Asked from another folder, so that `import workshop` proves the package is installed too.
    """
    ask = ("from workshop.machine import environment; "
           f"print('\\n'.join(environment.differences({entries!r})))")
    answer = subprocess.run([str(python()), "-c", ask], cwd=VENV, capture_output=True, text=True,
                            env=_plain())
    if answer.returncode or answer.stdout.strip():
        raise SetUpError("what pip installed differs from environment.yml:\n"
                         f"{answer.stdout}{answer.stderr}\n"
                         "Remove .venv and run the same command again.")


def _stamp() -> dict:
    """What an environment must have been made from to be complete."""
    config = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    version = [line.split("=")[1].strip() for line in config.splitlines()
               if line.startswith("version")]
    return {"environment": hashlib.sha256(requirements.FILE.read_bytes()).hexdigest(),
            "lock": hashlib.sha256(pins.LOCK.read_bytes()).hexdigest(),
            "python": "".join(version), "place": str(VENV),
            **({"newest": True} if requirements.newest_is_wanted() else {})}


def write_stamp(path: Path | None = None) -> None:
    """Say that .venv, or the group whose stamp is named, is complete for environment.yml now."""
    path = path or STAMP
    new = path.with_suffix(".new")
    new.write_text(json.dumps(_stamp(), indent=1), encoding="utf-8")
    new.replace(path)
