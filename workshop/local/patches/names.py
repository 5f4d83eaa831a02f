"""Names in answers that resolve on this machine.

MiniStack answers with the names that AWS would use (`….dkr.ecr.us-east-1.amazonaws.com`,
`….lambda-url.us-east-1.on.aws`), and nothing on this machine resolves them. One layer around its
application rewrites the answers of the services that hand out such names, so that the same cell
works on both clouds.
"""
import re

SERVICES = {"ecr", "lambda", "apigateway", "cloudformation"}  # those that hand out names


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


def patched(application, port: int):
    """MiniStack's ASGI `application` with names that resolve."""
    async def layer(scope, receive, send):
        headers = {name.lower(): value for name, value in scope.get("headers", [])}
        if scope["type"] == "http" and hands_out_names(scope["path"], headers):
            send = rewriting(send, port)
        return await application(scope, receive, send)
    return layer
