"""JupyterLab on the first lesson, for this machine only, until Ctrl-C or `stop`."""
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import webbrowser
from pathlib import Path

from workshop import engine
from workshop.paths import BUILD, NOTEBOOKS, ROOT

STATE = BUILD / "jupyter"
# JupyterLab would ask on first use whether it may fetch news; a workshop calls nobody.
SETTINGS = {"@jupyterlab/apputils-extension:notification":
            {"fetchNews": "false", "checkForUpdates": False}}


class Failed(RuntimeError):
    """JupyterLab did not start; the message has its last words."""


def main(arguments: list[str], state: Path = STATE) -> int:
    """Start the local cloud and JupyterLab, say where, and stay until Ctrl-C; an exit status.

    `arguments` go to JupyterLab (for instance --port=9000); --no-browser only prints the address.
    """
    _start_cloud()
    server = running(state)
    if server:
        print("JupyterLab is running already.")
        _show(server, arguments)
        return 0
    process = None
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        process = launch(arguments, state)
        _show(wait_until_up(process, state), arguments)
        print("Ctrl-C stops JupyterLab; `python3 -m workshop stop` stops the local cloud too.",
              flush=True)
        while process.poll() is None:
            time.sleep(0.5)
        return process.returncode
    except KeyboardInterrupt:
        print("\nstopping JupyterLab …", flush=True)
        return 0
    except Failed as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    finally:
        if process:
            end(process)


def launch(arguments: list[str], state: Path = STATE) -> subprocess.Popen:
    """Start JupyterLab on 127.0.0.1: at port 8888, or the next that is free."""
    config = state / "config" / "labconfig"
    config.mkdir(parents=True, exist_ok=True)
    (config / "default_setting_overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    environment = {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),      # says where it listens, and its token
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_CONFIG_PATH": os.pathsep.join(
            filter(None, [str(state / "config"), os.environ.get("JUPYTER_CONFIG_PATH")]))}
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1",
               "--ServerApp.port_retries=50", "--no-browser", f"--ServerApp.root_dir={ROOT}"]
    if engine.is_root():
        command.append("--allow-root")
    rest = [argument for argument in arguments if argument != "--no-browser"]
    with open(state / "jupyter.log", "w", encoding="utf-8") as log:
        # A session of its own: Ctrl-C comes to us, and JupyterLab gets a clean SIGTERM.
        return subprocess.Popen([*command, *rest], cwd=ROOT, env=environment,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                start_new_session=True)


def wait_until_up(process: subprocess.Popen, state: Path = STATE, seconds: float = 90) -> dict:
    """Return what the started JupyterLab says of itself once it answers. Raises Failed."""
    print("JupyterLab: starting …", flush=True)
    end_of_patience = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end_of_patience:
        if server := running(state):
            return server
        time.sleep(0.2)
    raise Failed(f"JupyterLab did not start; its last words (all of them in "
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
    lessons = sorted(NOTEBOOKS.glob("00_*.ipynb"))
    page = f"lab/tree/notebooks/{lessons[0].name}" if lessons else "lab"
    return f"{server['url']}{page}?token={server['token']}"


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


def _show(server: dict, arguments: list[str]) -> None:
    """Print the address, and open it where there is a screen."""
    print(f"\n  {address(server)}\n", flush=True)
    screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    if "--no-browser" in arguments or not screen:
        print("Open this address in a browser on this machine.", flush=True)
    else:
        webbrowser.open(address(server))


def _start_cloud() -> None:
    """The local cloud, unless AWS is what the learner chose; a lesson's first cell says which."""
    if os.environ.get("AWS_PROFILE"):
        return
    try:
        from workshop import cloud
        cloud.start()
    except Exception as error:      # lessons that need no Docker open without it
        print(f"local cloud: not started ({error})", flush=True)
