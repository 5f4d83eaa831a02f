"""Names in answers that resolve on this machine, and who may call.

MiniStack answers with the names that AWS would use (`….dkr.ecr.us-east-1.amazonaws.com`,
`….lambda-url.us-east-1.on.aws`), and nothing on this machine resolves them. One layer around its
application rewrites the answers of the services that hand out such names, so that the same cell
works on both clouds.
"""
import json
import os
import re

from workshop import paths

HEALTH = "/_workshop/health"
SERVICES = {"ecr", "lambda", "apigateway", "cloudformation"}  # those that hand out names
HOSTS = {"localhost", "127.0.0.1", "::1", "host.docker.internal"}


def rules(port: int) -> list[tuple[re.Pattern, bytes]]:
    """What is rewritten, in order: (pattern, replacement)."""
    here = f"localhost:{port}".encode()
    registry = rb"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com"
    api = rb"https?://([a-z0-9]{8,10})\.execute-api\.[a-z0-9.-]+(?::\d+)?"
    return [
        (re.compile(rb"https://" + registry), b"http://" + here),          # proxyEndpoint
        (re.compile(registry), here),                                     # repositoryUri
        (re.compile(api), b"http://" + here + rb"/_aws/execute-api/\1"),  # ApiEndpoint
        (re.compile(rb"https?://([a-z0-9]{32})\.lambda-url\.[a-z0-9-]+\.on\.aws/?"),
         b"http://" + here + rb"/_aws/lambda-url/\1/"),                   # FunctionUrl
    ]


def rewrite(body: bytes, port: int) -> bytes:
    """The answer `body` with every public name replaced by one that resolves here."""
    for pattern, replacement in rules(port):
        body = pattern.sub(replacement, body)
    return body


def signed_for(headers: dict[bytes, bytes]) -> str:
    """The service that a request is signed for (Signature Version 4), or an empty string."""
    scope = re.search(rb"Credential=[^/]+/\d{8}/[^/]+/([a-z0-9-]+)/",
                      headers.get(b"authorization", b""))
    return scope.group(1).decode() if scope else ""


def hands_out_names(path: str, headers: dict[bytes, bytes]) -> bool:
    """Whether the answer to this request may carry public names (a function's answer may not)."""
    return signed_for(headers) in SERVICES and not path.endswith("/invocations")


def allowed(path: str, headers: dict[bytes, bytes], hosts: set[str]) -> bool:
    """Whether the request comes from this machine's own tools.

    A web page that the learner has open elsewhere can send requests to localhost too. Its
    browser then names the page in `Origin`, or a name of the page's own in `Host`. Public
    endpoints (`/_aws/…`) are meant to be called by web pages. `hosts` are our own names.
    """
    host = re.sub(r":\d+$", "", headers.get(b"host", b"").decode("latin-1")).strip("[]").lower()
    if host and host not in hosts and not host.endswith(".localhost"):
        return False
    origin = headers.get(b"origin", b"").decode("latin-1")
    site = re.sub(r"^https?://|:\d+$", "", origin).strip("[]").lower()
    return not origin or path.startswith("/_aws/") or site in HOSTS


async def answer(send, status: int, content: dict) -> None:
    """Send `content` as a JSON answer."""
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


def rewriting(send, port: int):
    """A `send` that holds an answer back until it is whole, then rewrites it."""
    start, parts = {}, []

    async def held(message):
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                body = rewrite(b"".join(parts), port)
                headers = [(name, value) for name, value in start["headers"]
                           if name.lower() != b"content-length"]
                start["headers"] = headers + [(b"content-length", str(len(body)).encode())]
                await send(start)
                await send({"type": "http.response.body", "body": body})
        else:
            await send(message)
    return held


def mended(application, port: int, addresses: list[str]):
    """MiniStack's ASGI `application` with names that resolve, a health answer, and a door."""
    me = {"workshop": "local cloud", "pid": os.getpid(), "port": port, "root": str(paths.ROOT),
          "addresses": addresses}
    hosts = HOSTS | set(addresses)

    async def layer(scope, receive, send):
        if scope["type"] != "http":
            return await application(scope, receive, send)
        headers = {name.lower(): value for name, value in scope["headers"]}
        if not allowed(scope["path"], headers, hosts):
            return await answer(send, 403, {
                "message": "The local cloud answers this machine's own tools only, not web pages."})
        if scope["path"] == HEALTH:
            return await answer(send, 200, me)
        if hands_out_names(scope["path"], headers):
            send = rewriting(send, port)
        return await application(scope, receive, send)
    return layer
