"""Which of the learner's settings reach what the workshop starts, and which do not.

A variable or a configuration file of the learner can send calls to another cloud, change what pip
installs, or put a password before JupyterLab. Three kinds of programs are kept apart from these:

- `tools`: Python, pip, Jupyter, pytest and the plot libraries, for every command;
- `isolate`: boto3, `aws`, `sam` and `docker`, as long as the local cloud is in use; `restore`
  gives the learner's own settings back for AWS;
- `local_cloud`: the local cloud's process gets the variables that are named here, and no other.

What reaches them all the same stands in the lists below, each with its reason. What cannot be kept
out (`leftovers`) is reported by `doctor`. Standard library only.
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from workshop.machine.paths import BUILD, ROOT

# Beginnings of names that change Python, pip, Jupyter, pytest, plots or Keras.
TOOLS = ("PYTHON", "PIP_", "JUPYTER", "IPYTHON", "PYTEST_", "MPL", "MATPLOTLIB", "KERAS_",
         "TF_USE_LEGACY_KERAS", "XLA_FLAGS", "TF_XLA_FLAGS")
# Beginnings of names that change boto3, `aws`, `sam`, and which builder `docker build` uses.
CLOUD = ("AWS_", "BOTO", "SAM_", "__SAM_", "BUILDX_", "DOCKER_CONTENT_TRUST", "DOCKER_CONFIG")
# The ways to packages, which a company or a slow network prescribes. pip's other options change
# what is installed, or where.
PIP = ("index-url", "extra-index-url", "no-index", "find-links", "proxy", "cert", "client-cert",
       "trusted-host", "cache-dir", "no-cache-dir", "timeout", "default-timeout", "retries",
       "resume-retries", "keyring-provider", "use-feature", "use-deprecated")
# What Docker's configuration file may say: the proxy that builds need (functions do not get it),
# and which engine is meant. Logins stay with the learner: all images that are pulled are public.
DOCKER = ("proxies", "currentContext", "cliPluginsExtraDirs")
# What the local cloud's process gets. MiniStack reads some 100 variables; none of them is here.
PROCESS = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR",
    "LOG_LEVEL", "PYTHONPATH", "PYTHONUTF8", "PYTHONUNBUFFERED",
    # which Docker engine, and how it is reached
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_TLS",
    "DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "DOCKER_BUILDKIT", "SSH_AUTH_SOCK",
    "XDG_RUNTIME_DIR",
    # the network's proxy and certificates
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    # Windows cannot start a program without these
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "HOMEDRIVE",
    "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "TEMP", "TMP"}
PROCESS_BEGINNINGS = ("WORKSHOP_", "LC_", "PIP_")      # `tools` has left only the ways to packages
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")

READ_PIP = """
import json
from pip._internal.configuration import Configuration
files, found = Configuration(isolated=False), {}
files.load()
for key, value in files.items():        # newer pips give one dictionary for each file
    found.update(value if isinstance(value, dict) else {key: value})
print(json.dumps(found))
"""

AWS_CONFIG = "[plugins]\nworkshop = workshop.local.aws_cli\n"

SYSTEM_JUPYTER = ("etc/jupyter", "usr/local/etc/jupyter")

FOLDER = BUILD / "settings"     # our own configuration files
DOCKER_FOLDER = BUILD / "docker"

_learners: dict[str, str] = {}      # what `isolate` took away
_ours: dict[str, str] = {}          # what it set instead


# ---------------------------------------------------------------- Python, pip, Jupyter, pytest

def tools(environ=os.environ, python: str = sys.executable) -> None:
    """Keep the learner's settings of Python, pip, Jupyter, pytest and plots out of `environ`.

    pip's ways to packages stay, those in its configuration files included; `python` is one that
    has pip. May be called again.
    """
    packages = pip(environ, python)
    unbuffered = environ.get("PYTHONUNBUFFERED")
    for name in [name for name in environ if name.upper().startswith(TOOLS)]:
        del environ[name]
    folder = _private(FOLDER)
    environ.update(packages)
    environ.update({
        "PYTHONPATH": str(ROOT), "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1",
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"), "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "lab"), "JUPYTER_PREFER_ENV_PATH": "1",
        "IPYTHONDIR": str(folder / "ipython"), "MPLCONFIGDIR": str(folder / "matplotlib"),
        "KERAS_HOME": str(folder / "keras")})
    if unbuffered:
        environ["PYTHONUNBUFFERED"] = unbuffered


def python(environ=os.environ) -> None:
    """Keep the learner's PYTHON… variables out, but for those that say how output is written."""
    for name in [name for name in environ if name.upper().startswith("PYTHON")]:
        if name not in ("PYTHONIOENCODING", "PYTHONUNBUFFERED"):
            del environ[name]


def pip(environ=os.environ, python: str = sys.executable) -> dict[str, str]:
    """Variables with which pip finds packages as the learner's pip does, and is else as shipped.

    An administrator's configuration file counts as well: pip reads none of these files any more
    (PIP_CONFIG_FILE is the null device), so the ways to packages that they name are passed on.
    `python` is one that has pip.
    """
    named = {} if environ.get("PIP_CONFIG_FILE") == os.devnull else _pip_files(environ, python)
    for name, value in environ.items():
        if name.upper().startswith("PIP_") and value:       # a variable goes before a file
            named[_option(name[4:])] = value
    ways = {f"PIP_{name.replace('-', '_').upper()}": value
            for name, value in named.items() if name in PIP}
    return {**ways, "PIP_CONFIG_FILE": os.devnull}


def _pip_files(environ, python: str) -> dict[str, str]:
    """The options in pip's configuration files; [install] goes before [global], as in pip.

    pip itself reads them. `pip config list` does not serve: `user = true` in a file is an option
    of that command as well, and hides the others.
    """
    plain = {name: value for name, value in environ.items()
             if not name.upper().startswith(TOOLS) or name.upper() == "PIP_CONFIG_FILE"}
    try:
        listed = json.loads(subprocess.run(
            [python, "-c", READ_PIP], env=plain, capture_output=True, timeout=60).stdout)
    except (OSError, ValueError, subprocess.SubprocessError):   # files that pip cannot read
        return {}
    found = {"global": {}, "install": {}}
    for key, value in listed.items():
        section, _, name = key.partition(".")
        if section in found:
            found[section][_option(name)] = " ".join(str(value).split())
    return {**found["global"], **found["install"]}


def _option(name: str) -> str:
    return name.lower().replace("_", "-")


# ---------------------------------------------------------------- AWS's tools, and docker

def isolate(environ=os.environ) -> None:
    """Let boto3, `aws`, `sam` and `docker`, here and in what is started, see no setting of theirs.

    They read configuration files of the workshop's own. `restore` takes all of it back.
    """
    if environ.get("PIP_CONFIG_FILE") != os.devnull:    # this kernel was not started by `lab`
        packages = pip(environ)
        for name in [name for name in environ if name.upper().startswith("PIP_")]:
            del environ[name]
        environ.update(packages)
    docker = docker_folder(environ)
    for name in leaking(environ):
        _learners.setdefault(name, environ.pop(name))
    for name, value in {**aws_files(), "DOCKER_CONFIG": str(docker)}.items():
        environ[name] = _ours[name] = value


def restore(environ=os.environ) -> None:
    """Give back what `isolate` took away; what has been set since then stays as it is."""
    inherited = environ.get("AWS_CONFIG_FILE") == _files()["AWS_CONFIG_FILE"]
    for name, value in {**(_files() if inherited else {}), **_ours}.items():
        if environ.get(name) == value:
            del environ[name]
    for name, value in _learners.items():
        environ.setdefault(name, value)
    _learners.clear()
    _ours.clear()


def leaking(environ) -> list[str]:
    """The variables that would reach boto3, `aws`, `sam` or `docker build`."""
    return [name for name in environ if name.upper().startswith(CLOUD)
            and environ[name] != _files().get(name)]


def aws_files() -> dict[str, str]:
    """Variables that lead AWS's tools to files of the workshop's own, which are written here."""
    _private(FOLDER)
    for name, text in (("aws_config", AWS_CONFIG), ("aws_credentials", "")):
        path = FOLDER / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            _write(path, text)
    return {name: value for name, value in _files().items() if name != "DOCKER_CONFIG"}


def _files() -> dict[str, str]:
    return {"AWS_CONFIG_FILE": str(FOLDER / "aws_config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(FOLDER / "aws_credentials"),
            "AWS_EC2_METADATA_DISABLED": "true", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
            "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(BUILD / "sam-cli"),
            "DOCKER_CONFIG": str(DOCKER_FOLDER)}


def docker_folder(environ=os.environ) -> Path:
    """Docker's configuration for the local cloud: the learner's, as far as DOCKER names it.

    Logins to the local registry go there and not into the learner's file or keychain, whose
    helper program may be missing.
    """
    theirs = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if theirs == DOCKER_FOLDER:
        return DOCKER_FOLDER
    _private(DOCKER_FOLDER)
    before, own = _read(theirs / "config.json"), _read(DOCKER_FOLDER / "config.json")
    content = {name: before[name] for name in DOCKER if name in before}
    if (theirs / "cli-plugins").is_dir():
        content["cliPluginsExtraDirs"] = [*content.get("cliPluginsExtraDirs", []),
                                          str(theirs / "cli-plugins")]
    if "auths" in own:
        content["auths"] = own["auths"]
    if content != own:
        _write(DOCKER_FOLDER / "config.json", json.dumps(content, indent=1))
    _link(theirs / "contexts", DOCKER_FOLDER / "contexts")
    return DOCKER_FOLDER


def _link(source: Path, target: Path) -> None:
    """Let `target` lead to the folder `source`, if there is one; a copy where links are refused."""
    if target.exists() or not source.is_dir():
        return
    with contextlib.suppress(FileExistsError):
        try:
            target.symlink_to(source.resolve(), target_is_directory=True)
        except (NotImplementedError, PermissionError):
            shutil.copytree(source, target, dirs_exist_ok=True)


# glibc's malloc gives blocks of this size back to the system when they are free. By default
# it raises the limit to 32 MB as a program goes on, and keeps what is below (mallopt(3)).
MEMORY = {"MALLOC_MMAP_THRESHOLD_": "262144", "MALLOC_TRIM_THRESHOLD_": "1048576",
          "MALLOC_ARENA_MAX": "2"}


def local_cloud(environ=os.environ) -> dict[str, str]:
    """The environment of the local cloud's process: what is named above, and nothing else."""
    chosen = {name: value for name, value in environ.items()
              if name.upper() in PROCESS or name.upper().startswith(PROCESS_BEGINNINGS)
              or name.lower() in PROXIES}
    for name in [name for name in chosen if name.upper().startswith("PIP_")]:
        del chosen[name]
    return {**chosen, **pip(environ), **MEMORY, "DOCKER_CONFIG": str(docker_folder(environ)),
            "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "PYTHONNOUSERSITE": "1"}


# ---------------------------------------------------------------- what cannot be kept out

def leftovers(home: Path | None = None, system: Path = Path("/"),
              environ=os.environ) -> list[tuple[str, str]]:
    """Settings of this machine that reach the workshop's programs all the same, with the fix."""
    home = home or Path.home()
    found = [(f"{path} changes {what}", f"rename it while you use the workshop: {path}")
             for path, what in ((home / ".aws/models", "what boto3 and `aws` know of AWS"),
                                (home / ".aws/cli/alias", "commands of `aws`"))
             if path.exists()]
    netrc = Path(environ.get("NETRC") or home / ".netrc")
    if hosts := _logins(netrc):
        found.append((f"{netrc} has a login for {' and '.join(hosts)}: `requests` sends it to the "
                      "local cloud, and an API may refuse it",
                      f"remove these entries, or set NETRC={os.devnull}"))
    for path in (system / folder / f"{name}.{ending}" for folder in SYSTEM_JUPYTER
                 for name in ("jupyter_config", "jupyter_server_config", "jupyter_lab_config")
                 for ending in ("py", "json")):
        if path.exists():
            found.append((f"{path} changes every JupyterLab of this machine",
                          "if `lab` does not start, ask who administers this machine"))
    if b"\r\n" in _bytes(ROOT / "docker/base/root/lambda-entrypoint.sh"):
        found.append(("files of this clone have the line ends of Windows, which break scripts in "
                      "images", "git config core.autocrlf false; git rm -rq --cached .; "
                      "git reset --hard (this discards changes of yours: commit them first)"))
    return found


def _logins(netrc: Path) -> list[str]:
    """Which entries of a .netrc file apply to this machine's own addresses."""
    words = _bytes(netrc).decode("utf-8", "replace").split()
    hosts = [after for word, after in zip(words, words[1:]) if word == "machine"]
    return [name for name in ("localhost", "127.0.0.1") if name in hosts] + \
        (["every machine (default)"] if "default" in words else [])


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# ---------------------------------------------------------------- what is printed

def tolerate() -> None:
    """Print a question mark for what the output cannot show, in place of failing.

    A file on Windows is cp1252, and a bare container's output may be ASCII.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


# ---------------------------------------------------------------- files

def _read(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with open(new, "w", encoding="utf-8",
              opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    new.replace(path)


def _private(folder: Path) -> Path:
    """The folder, made if need be, which only its owner may enter."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
