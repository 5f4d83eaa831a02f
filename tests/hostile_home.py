"""Runs the tests in a fresh clone that was made under umask 077, in a home folder full of traps.

    python3 tests/hostile_home.py                            the whole suite
    python3 tests/hostile_home.py --keep tests/test_x.py     these; the clone stays for the next run

The clone holds what is committed, and makes its own environment. The home folder's settings lead
AWS's tools, Jupyter, Docker and pip astray in the ways that learners' machines have done. Only the
ways to packages that this user has configured for pip are real, and the proxy for `docker build`:
it serves the internet, and refuses and counts every request for this machine, because a function
that asks it has got a setting that is not meant for it.
"""
import argparse
import contextlib
import json
import os
import select
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from workshop.machine import engine, settings  # noqa: E402, the clone's own, without an environment

NOWHERE = "http://127.0.0.1:9"      # nothing listens there
VARIABLES = {
    "AWS_ENDPOINT_URL": NOWHERE, "AWS_ENDPOINT_URL_SQS": NOWHERE, "AWS_ENDPOINT_URL_S3": NOWHERE,
    "AWS_ENDPOINT_URL_LAMBDA": NOWHERE, "AWS_ENDPOINT_URL_STS": NOWHERE,
    "AWS_CA_BUNDLE": "/nonexistent",
    "AWS_USE_FIPS_ENDPOINT": "true", "AWS_DEFAULT_OUTPUT": "table", "AWS_MAX_ATTEMPTS": "1",
    "AWS_RETRY_MODE": "adaptive", "AWS_DATA_PATH": "/nonexistent", "AWS_ROLE_ARN": "theirs",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent", "AWS_DEFAULT_REGION": "eu-north-1",
    "BOTO_CONFIG": "/nonexistent", "SAM_CLI_POLL_DELAY": "60", "BUILDX_BUILDER": "far-away",
    "JUPYTER_TOKEN": "theirs", "JUPYTER_PATH": "/nonexistent", "JUPYTERLAB_DIR": "/nonexistent",
    "PIP_USER": "1", "PIP_TARGET": "/nonexistent", "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_NO_DEPS": "1", "PIP_CONSTRAINT": "/nonexistent", "PIP_DRY_RUN": "1", "PIP_QUIET": "2",
    "PYTHONSTARTUP": "/nonexistent.py", "PYTHONUSERBASE": "/nonexistent", "PYTHONOPTIMIZE": "2",
    "PYTHONIOENCODING": "cp1252", "PYTEST_ADDOPTS": "--no-such-option", "MPLBACKEND": "none",
    "KERAS_BACKEND": "none", "PERSIST_STATE": "1", "LAMBDA_EXECUTOR": "local", "SERVICES": "s3"}
AWS_CONFIG = """\
[default]
region = eu-north-1
output = text
services = elsewhere
credential_process = false
ca_bundle = /nonexistent
use_fips_endpoint = true
max_attempts = 1
[services elsewhere]
""" + "".join(f"{service} =\n  endpoint_url = {NOWHERE}\n"
              for service in ("sqs", "lambda", "s3", "iam", "sts", "ecr", "cloudformation"))
HOME = {
    ".aws/config": AWS_CONFIG,
    ".aws/credentials": "[default]\naws_access_key_id = theirs\naws_secret_access_key = theirs\n",
    ".aws-sam/metadata.json": "{",
    ".jupyter/jupyter_server_config.json": json.dumps({
        "PasswordIdentityProvider": {"hashed_password": "argon2:theirs", "password_required": True},
        "ServerApp": {"base_url": "/theirs/", "certfile": "/nonexistent"}}),
    ".jupyter/jupyter_server_config.py": "raise SystemExit('the learner own configuration')\n",
    ".jupyter/lab/user-settings/@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": "{",
    ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(
        {"argv": ["false"], "display_name": "theirs", "language": "python"}),
    ".ipython/profile_default/startup/00.py": "raise SystemExit('the learner own start-up')\n",
    ".ipython/profile_default/ipython_config.py": "raise ValueError('the learner own')\n",
    ".config/matplotlib/matplotlibrc": "backend: none\n",
    ".keras/keras.json": json.dumps({"backend": "none"}),
    ".locust.conf": "users = 1\n"}


def make_home(home: Path, proxy: str) -> None:
    """Write the files of the hostile home folder."""
    pip = "".join(f"{name.removeprefix('PIP_').lower().replace('_', '-')} = {value}\n"
                  for name, value in settings.pip().items() if name != "PIP_CONFIG_FILE")
    docker = {"proxies": {"default": {"httpProxy": proxy, "httpsProxy": proxy}},
              "credsStore": "does-not-exist", "psFormat": "{{.Names}}", "imagesFormat": "theirs"}
    files = HOME | {".docker/config.json": json.dumps(docker),
                    ".config/pip/pip.conf": f"[global]\nuser = true\nno-deps = true\n{pip}"
                                            "[install]\ntarget = /nonexistent\n"}
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


class Proxy(socketserver.BaseRequestHandler):
    """A proxy for the internet only: CONNECT for HTTPS, and plain HTTP."""
    refused = []

    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head and (part := self.request.recv(65536)):
            head += part
        method, target, *_ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ") + ["", ""]
        place = urllib.parse.urlsplit(target if "://" in target else f"//{target}")
        host, port = place.hostname or "", place.port or 80
        if is_here(host):
            self.refused.append(f"{method} {target}")
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with contextlib.suppress(OSError), socket.create_connection((host, port), 30) as far:
            if method == "CONNECT":
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = place._replace(scheme="", netloc="").geturl() or "/"
                far.sendall(head.replace(target.encode(), path.encode(), 1))
            self.pass_on(far)

    def pass_on(self, far):
        while True:
            for one in select.select([self.request, far], [], [], 300)[0] or [None]:
                other = far if one is self.request else self.request
                if one is None or not (data := one.recv(65536)):
                    return
                other.sendall(data)


def is_here(host: str) -> bool:
    """Whether a name means this machine, or a container's host."""
    try:
        address = socket.gethostbyname(host)
    except OSError:
        return host.endswith(("host.docker.internal", "localhost"))
    return address.startswith(("127.", "172.17.", "169.254.")) or "docker" in host


@contextlib.contextmanager
def proxy():
    """A running proxy that builds can reach, as an address."""
    place = engine.bridge_gateway() or "127.0.0.1"
    server = socketserver.ThreadingTCPServer((place, 0), Proxy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{place}:{server.server_address[1]}"
    finally:
        server.shutdown()


def clone_into(folder: Path) -> None:
    """Clone what is committed, or bring an earlier clone up to date."""
    if folder.is_dir():
        subprocess.run(["git", "fetch", "--quiet", str(ROOT), "HEAD"], cwd=folder, check=True)
        subprocess.run(["git", "reset", "--quiet", "--hard", "FETCH_HEAD"], cwd=folder, check=True)
    else:
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)],
                       check=True)


def run(folder: Path, arguments: list[str]) -> int:
    """Make home and clone in `folder`, run the tests there, and return their exit status."""
    with proxy() as address:
        make_home(folder / "home", address)
        clone_into(folder / "clone")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AWS_", "PIP_", "PYTHON", "WORKSHOP_"))}
        environment = {**kept, **VARIABLES, "HOME": str(folder / "home"),
                       "WORKSHOP_PORT": str(port)}
        python = getattr(sys, "_base_executable", sys.executable)

        def workshop(*words):
            return subprocess.run([python, "-m", "workshop", *words], cwd=folder / "clone",
                                  env=environment).returncode
        try:
            return workshop("test", *arguments)
        finally:
            workshop("stop")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="keep the clone for the next run")
    parser.add_argument("--folder", type=Path, help="where; default: a temporary folder, "
                        "with --keep build/hostile")
    chosen, arguments = parser.parse_known_args()
    os.umask(0o077)
    folder = chosen.folder or (ROOT / "build/hostile" if chosen.keep else
                               Path(tempfile.mkdtemp(prefix="workshop-hostile-")))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        status = run(folder.resolve(), arguments)
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for request in Proxy.refused:
        print(f"the builds' proxy was asked for this machine: {request}")
    return 1 if Proxy.refused else status


if __name__ == "__main__":
    sys.exit(main())
