"""JupyterLab on the first lesson, for this machine only, until Ctrl-C or `stop`."""
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from pathlib import Path

from workshop.commands import notebooks
from workshop.local import lifecycle
from workshop.machine import engine, settings
from workshop.machine.paths import BUILD, MINE, ROOT

STATE = BUILD / "jupyter"
# JupyterLab would ask on first use whether it may fetch news; a workshop calls nobody.
SETTINGS = {"@jupyterlab/apputils-extension:notification":
            {"fetchNews": "false", "checkForUpdates": False}}


class LabError(RuntimeError):
    """JupyterLab did not start; the message has its last words."""


def main(arguments: list[str], state: Path = STATE) -> int:
    """Start the local cloud and JupyterLab, say where, and stay until Ctrl-C; an exit status.

    It opens the learner's own copies of the notebooks, and makes those that are missing.
    `arguments` go to JupyterLab (for instance --port=9000); --no-browser only prints the address.
    """
    notebooks.refresh()
    _start_cloud()
    server = running(state)
    if server:
        print("JupyterLab is running already.")
        _show(server, arguments, state)
        return 0
    process = None
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        process = launch(arguments, state)
        _show(wait_until_up(process, state), arguments, state)
        print("Ctrl-C stops JupyterLab; `python3 -m workshop stop` stops the local cloud too.",
              flush=True)
        while process.poll() is None:
            time.sleep(0.5)
        return process.returncode
    except KeyboardInterrupt:
        print("\nstopping JupyterLab …", flush=True)
        return 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    finally:
        if process:
            end(process)


def launch(arguments: list[str], state: Path = STATE) -> subprocess.Popen:
    """Start JupyterLab on 127.0.0.1: at port 8888, or the next that is free.

    Who knows its token may run programs as this user. It is in files that only this user can read,
    and in no log, no variable and no list of processes.
    """
    _private(state)
    config = state / "config" / "labconfig"
    config.mkdir(parents=True, exist_ok=True)
    (config / "default_setting_overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    with open(state / "token", "w", encoding="utf-8", opener=_owner_only) as file:
        file.write(secrets.token_hex(24))
    environment = dict(os.environ)
    settings.tools(environment)         # a password or a theme of the learner's own stays out
    environment.update({
        "JUPYTER_TOKEN_FILE": str(state / "token"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),      # says where it listens, and its token
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_CONFIG_PATH": str(state / "config")})
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1",
               "--ServerApp.port_retries=50", "--no-browser", f"--ServerApp.root_dir={ROOT}",
               f"--LabApp.default_url=/{_page()}",
               # an administrator's configuration, in /etc/jupyter, might set these
               "--PasswordIdentityProvider.hashed_password=",
               "--ServerApp.identity_provider_class="
               "jupyter_server.auth.identity.PasswordIdentityProvider"]
    if engine.is_root():
        command.append("--allow-root")
    rest = [argument for argument in arguments if argument != "--no-browser"]
    with open(state / "jupyter.log", "w", encoding="utf-8", opener=_owner_only) as log:
        # A session of its own: Ctrl-C comes to us, and JupyterLab gets a clean SIGTERM.
        return subprocess.Popen([*command, *rest], cwd=ROOT, env=environment,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                start_new_session=True)


def _private(state: Path) -> None:
    """Let nobody but this user into the state folder, whatever an earlier version left there."""
    state.mkdir(parents=True, exist_ok=True)
    for path in (state, *state.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def _owner_only(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def wait_until_up(process: subprocess.Popen, state: Path = STATE, seconds: float = 90) -> dict:
    """Return what the started JupyterLab says of itself once it answers. Raises LabError."""
    print("JupyterLab: starting …", flush=True)
    end_of_patience = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end_of_patience:
        if (server := running(state)) and redirect(server, state).exists():
            _private(state)
            return server
        time.sleep(0.2)
    raise LabError(f"JupyterLab did not start; its last words (all of them in "
                   f"{state / 'jupyter.log'}):\n{engine.tail(state / 'jupyter.log')}")


def running(state: Path = STATE) -> dict | None:
    """The JupyterLab of this clone that answers now (url, token, pid …), or None."""
    for file in sorted((state / "runtime").glob("jpserver-*.json")):
        try:
            server = json.loads(file.read_text(encoding="utf-8"))
            _call(server, "api/status")
        except (OSError, ValueError):       # its file outlives a server that was killed
            continue
        return server
    return None


def address(server: dict) -> str:
    """The first lesson's address, token and all."""
    return f"{server['url']}{_page()}?token={server['token']}"


def redirect(server: dict, state: Path = STATE) -> Path:
    """Jupyter's own page that leads a browser to `address`; only this user can read it."""
    return state / "runtime" / f"jpserver-{server['pid']}-open.html"


def _page() -> str:
    lessons = sorted(MINE.glob("00_*.ipynb"))
    return f"lab/tree/{MINE.name}/{lessons[0].name}" if lessons else "lab"


def stop(state: Path = STATE) -> bool:
    """Ask the running JupyterLab to end, its kernels with it; whether there was one."""
    server = running(state)
    if not server:
        return False
    _call(server, "api/shutdown", method="POST")
    for _ in range(50):
        if not running(state):
            break
        time.sleep(0.2)
    return True


def end(process: subprocess.Popen) -> None:
    """End the JupyterLab that this command started; kernels first, as it does on SIGTERM."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _call(server: dict, path: str, method: str = "GET") -> None:
    """One request to JupyterLab's own API; OSError when it does not answer."""
    request = urllib.request.Request(server["url"] + path, method=method,
                                     headers={"Authorization": f"token {server['token']}"})
    # Never through a proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as answer:
        answer.read()


def _show(server: dict, arguments: list[str], state: Path = STATE) -> None:
    """Say where JupyterLab is, and open it where there is a screen.

    The address holds the token: it is printed on a terminal and never into a file. The browser
    gets the name of a file, because its arguments can be read by every user of this machine.
    """
    page = redirect(server, state)
    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if sys.stdout.isatty():
        print(f"\n  {address(server)}\n", flush=True)
    else:
        print(f"\n  {server['url']}\n\nThe token is in no log. To see the address with its token, "
              "type `python3 -m workshop lab` in a terminal.", flush=True)
    if "--no-browser" in arguments or not screen:
        print("Open this address in a browser on this machine." if sys.stdout.isatty() else
              f"Or open this file in a browser on this machine: {page}", flush=True)
    else:
        webbrowser.open(page.resolve().as_uri())


def _start_cloud() -> None:
    """The local cloud, unless AWS is what the learner chose; a lesson's first cell says which."""
    if os.environ.get("AWS_PROFILE"):
        return
    try:
        lifecycle.start()
    except Exception as error:      # lessons that need no Docker open without it
        print(f"local cloud: not started ({error})", flush=True)
