"""Image builds without a network: the base image's pip finds its packages in the local cloud.

A learner's Dockerfile says `pip install`, here as on AWS. Where this checkout was set up from a
folder, the base image gets one file more, /etc/pip.conf: pip looks at the local cloud, which serves
the folder's wheels, and nowhere else. Every builder can do that, and every engine from whose
containers the local cloud can be reached. The file stays in the images that are built; it is 200
bytes.
"""
import asyncio
import hashlib
import html
import os
import urllib.parse

from workshop.machine import engine, labels, offline, tools

PATH = "/_workshop/wheels/"
NAME = "workshop-offline-base"
VARIABLE = "WORKSHOP_BASE_IMAGE"
# BuildKit may ask a registry about an image that is here already, and then fails without a network
# (github.com/docker/buildx/issues/738). The builder before it does not; since Docker 23 this
# variable chooses it (github.com/moby/moby/releases/tag/v23.0.0).
BUILDER = ("DOCKER_BUILDKIT", "0")
DOCKERFILE = """\
FROM {base}
LABEL workshop=lambda-onnx
RUN printf '%s\\n' '[global]' 'no-index = true' 'find-links = http://{host}{path}' \
 'trusted-host = {host}' 'disable-pip-version-check = true' > /etc/pip.conf
"""


def beside(application):
    """An ASGI application that serves the wheels to anybody, and hands other requests on.

    It hands on all of them where this checkout uses the internet.
    """
    async def layer(scope, receive, send):
        if scope["type"] != "http" or not scope["path"].startswith(PATH) or not offline.record():
            return await application(scope, receive, send)
        status, kind, body = await asyncio.to_thread(answer, scope["method"], scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": [
            (b"content-type", kind), (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body",
                    "body": b"" if scope["method"] == "HEAD" else body})
    return layer


def answer(method: str, path: str) -> tuple[int, bytes, bytes]:
    """Status, content type and body: the page that lists the wheels, or one of them."""
    if method not in ("GET", "HEAD"):
        return 405, b"text/plain", b"GET only"
    there = {file.name: file for file in offline.WHEELS.glob("*.whl")}
    wanted = path.removeprefix(PATH)
    if not wanted:
        links = "".join(f'<a href="{urllib.parse.quote(name)}">{html.escape(name)}</a>\n'
                        for name in sorted(there))
        return 200, b"text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
    if wanted not in there:
        return 404, b"text/plain", b"no such wheel"
    return 200, b"application/octet-stream", there[wanted].read_bytes()


def use_base(host: str) -> None:
    """Let builds start from a base image whose pip asks `host`, if this checkout is offline.

    host: HOST:PORT by which a container finds the local cloud. Sets WORKSHOP_BASE_IMAGE and
    DOCKER_BUILDKIT, unless the learner has. Raises RuntimeError with Docker's last lines where
    the image cannot be made.
    """
    packed = offline.record()
    chosen = os.environ.get(VARIABLE, "")
    if not packed or not packed["base"] or chosen and not chosen.startswith(NAME):
        return
    recipe = DOCKERFILE.format(base=packed["base"], host=host, path=PATH)
    os.environ.setdefault(*BUILDER)
    tag = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    image = engine.own(f"{NAME}:{tag}")
    if engine.docker("image", "inspect", image).returncode:
        tools.run("docker", "build", "--quiet", "--network", "none", "--label", labels.OURS,
                  "--tag", image, "-", stdin=recipe)
    os.environ[VARIABLE] = image


def forget_base() -> None:
    """Take back what `use_base` set, here or in a parent process."""
    if os.environ.get(VARIABLE, "").startswith(NAME):
        del os.environ[VARIABLE]
        if (BUILDER[0], os.environ.get(BUILDER[0])) == BUILDER:
            del os.environ[BUILDER[0]]
