"""The gate: what every request passes before the local cloud answers it.

Four kinds of address, told by the path alone:

    /_workshop/health                  the workshop's own question, answered to who knows the key
    /_aws/execute-api/…, lambda-url/…  an API's and a function URL's: open to all, as on AWS
    /v2/…                              the registry: a login that `get_authorization_token` gave,
                                       to somebody who may
    everything else                    AWS's calls: signed by somebody known, for a service that
                                       the lessons use; never for a web page; with parameters
                                       that the service's model allows. Without a signature only
                                       an object is read that its bucket's policy opens to all

Everything that no lesson needs is refused here, before MiniStack sees it. One address is answered
before the gate: /_workshop/wheels/, packages for image builds without a network (wheels.py).
"""
import base64
import binascii
import contextvars
import json
import re
import uuid
from urllib.parse import parse_qs

from workshop.local import (
    bodies,
    identities,
    lineage,
    models,
    permissions,
    rules,
    services,
    signatures,
)
from workshop.local.rules import words
from workshop.local.signatures import RefusedError, Request

PUBLIC = re.compile(r"/_aws/(execute-api|lambda-url)/[a-z0-9]+(/.*)?", re.DOTALL)
# Paths that MiniStack keeps for itself, or for services that no lesson uses.
OWN_PATHS = re.compile(r"/(_|iceberg|WriteGetObjectResponse|restapis/[^/]*/[^/]*/_user_request_)")
HOSTS = {"localhost", "127.0.0.1", "[::1]", "host.docker.internal"}
# What a browser says of a request that a page of another origin made (Fetch Metadata).
FOREIGN_SITES = {"cross-site", "same-site"}
# Headers of which two would let two readers of a request see two different requests.
SINGLE = {b"host", b"authorization", b"x-amz-date", b"x-amz-content-sha256", b"x-amz-target",
          b"x-amz-security-token", b"origin", b"sec-fetch-site", b"content-length"}

# Who signed the request to an API or a function URL that is being answered, or why nobody did.
UNSIGNED = RefusedError("MissingAuthenticationToken", "Missing Authentication Token")
signer = contextvars.ContextVar("signer", default=UNSIGNED)


def guarded(application, port: int, addresses: list[str], keys: dict[str, str], account: str,
            about: dict):
    """`application` (ASGI) behind the gate of the local cloud at `port`.

    addresses: the IP addresses it listens on. keys: the learner's. account: 12 digits.
    about: what the health address answers.
    """
    names = HOSTS | set(addresses)
    ours = {f"{name}:{port}" for name in names}
    token = f"Bearer {identities.health_token(keys)}".encode()

    async def gate(scope, receive, send):
        if scope["type"] == "lifespan":
            return await application(scope, receive, send)
        if scope["type"] != "http":         # no lesson opens a WebSocket
            await receive()
            return await send({"type": "websocket.close", "code": 1008})
        headers, path = {name.lower(): value for name, value in scope["headers"]}, scope["path"]
        sent = [name.lower() for name, _ in scope["headers"]]
        if any(sent.count(name) > 1 for name in SINGLE):
            return await answer(send, 400, {"message": "A header was sent twice that may be sent "
                                                       "once only."})
        # The port may be another one: on Docker Desktop a forwarder's.
        host = re.sub(r":\d{1,5}$", "", headers.get(b"host", b"").decode("latin-1").lower())
        if host not in names:
            return await answer(send, 403, {"message": "The local cloud has no such host: use "
                                                       f"localhost:{port}."})
        if PUBLIC.fullmatch(path):
            return await public(application, scope, receive, send, account)
        if from_a_page(headers, ours):
            return await answer(send, 403, {
                "message": "The local cloud answers this machine's own tools only, not web pages."})
        send = without_cors(send)
        if path == identities.HEALTH:
            known = headers.get(b"authorization") == token
            return await answer(send, 200, {"workshop": "local cloud", **(about if known else {})})
        if _is_registry(path):
            return await registry(application, scope, receive, send, headers)
        return await service(application, scope, receive, send, account)
    return gate


# ---------------------------------------------------------------- web pages

def from_a_page(headers: dict[bytes, bytes], ours: set[str]) -> bool:
    """Whether a web page of another origin sent the request, as far as its browser says so."""
    site = headers.get(b"sec-fetch-site", b"").decode("latin-1").strip().lower()
    origin = headers.get(b"origin")
    return site in FOREIGN_SITES or (
        origin is not None
        and origin.decode("latin-1").lower() not in {f"http://{place}" for place in ours})


def without_cors(send):
    """Leave out the headers by which MiniStack lets every web page read its answers."""
    async def sent(message):
        if message["type"] == "http.response.start":
            message = {**message, "headers": [
                (name, value) for name, value in message["headers"]
                if not name.lower().startswith(b"access-control-")]}
        await send(message)
    return sent


# ---------------------------------------------------------------- the kinds of address

async def public(application, scope, receive, send, account):
    """An API or a function URL. A signature is looked at here; whether one is needed is a matter
    of the route, see patches/signed_routes."""
    lineage.enter(None)
    if scope["path"].count("/") == 3:       # …/ID alone is the root, and MiniStack wants its slash
        scope = {**scope, "path": scope["path"] + "/", "raw_path": scope["raw_path"] + b"/"}
    request = described(scope, b"")
    if not signatures.is_signed(request):
        signer.set(UNSIGNED)
        return await application(scope, receive, send)
    body = await whole_body(receive)
    if body is None:
        return
    try:
        signer.set(signatures.verify(described(scope, body), account))
    except RefusedError as refused:
        signer.set(refused)
    await application(scope, bodies.repeating(body, receive), send)


async def registry(application, scope, receive, send, headers):
    """The registry: the user is AWS, the password one that `get_authorization_token` gave, and
    whoever asked for it must be allowed to."""
    caller = registry_caller(headers.get(b"authorization", b""))
    if caller is None:
        text = "Your authorization token is missing, unknown or has expired. Log in again."
        return await answer(
            send, 401, {"errors": [{"code": "UNAUTHORIZED", "message": text}]},
            [(b"www-authenticate", b'Basic realm="local cloud",service="ecr.amazonaws.com"'),
             (b"docker-distribution-api-version", b"registry/2.0")])
    try:
        permissions.pushed.check(caller, scope["method"].upper(), scope["path"], parse_qs(
            scope["query_string"].decode("latin-1")))
    except RefusedError as refused:
        return await answer(send, refused.status, {"errors": [
            {"code": refused.code, "message": refused.message}]},
            [(b"docker-distribution-api-version", b"registry/2.0")])
    await application(scope, receive, send)


def _is_registry(path: str) -> bool:
    """Whether MiniStack's registry answers here; API Gateway's calls begin with /v2/ too."""
    from ministack import app
    return app._is_ecr_registry_path(path)


def registry_caller(authorization: bytes):
    """Whose login the header holds (identities.registry_caller), or None."""
    kind, _, text = authorization.partition(b" ")
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return identities.registry_caller(password) \
        if kind.lower() == b"basic" and user == "AWS" else None


async def service(application, scope, receive, send, account):
    """One of AWS's calls."""
    body = await whole_body(receive)
    if body is None:
        return
    request = described(scope, body)
    asked = routed(request)
    own = OWN_PATHS.match(request.path) or OWN_PATHS.match(scope["path"])
    try:
        caller = signatures.verify(request, account)
    except RefusedError as refused:
        if asked == "s3" and not own and permissions.anonymous.may_read(request):
            return await application(scope, bodies.repeating(body, receive), send)
        unsigned = asked == "s3" and not signatures.is_signed(request)
        return await refuse(send, asked, RefusedError("AccessDenied", "Access Denied", 403)
                            if unsigned else refused, request)
    lineage.enter(caller.access_key)
    if caller.service not in services.SIGNED or own:
        return await refuse(send, caller.service, RefusedError(
            "UnknownService", f"The local cloud has no service {caller.service!r} at this address. "
            f"It has: {', '.join(sorted(services.SIGNED))}."), request)
    if caller.service != "sagemaker" and asked != services.SIGNED[caller.service]:
        return await refuse(send, caller.service, RefusedError(
            "SignatureDoesNotMatch", f"Credential should be scoped to correct service: '{asked}'."),
            request)
    try:
        call = models.check(caller.service, request)
        if call:
            permissions.check(caller, call, request)
            rules.check(call)
    except RefusedError as refused:
        return await refuse(send, caller.service, refused, request)
    await application(scope, bodies.repeating(body, receive), in_awss_words(send, call))


def in_awss_words(send, call):
    """A `send` that holds a refusal of MiniStack's until it is whole, and words it as AWS does."""
    if call is None or call.service not in words.WORDS:
        return send
    begun, parts = [], []

    async def sent(message):
        if message["type"] == "http.response.start" and message["status"] >= 400:
            return begun.append(message)
        if not begun:
            return await send(message)
        parts.append(message.get("body", b""))
        if message.get("more_body"):
            return None
        body = b"".join(parts)
        fixed = words.corrected(call, body)
        length = [(b"content-length", str(len(fixed)).encode())] if body else []
        await send({**begun[0], "headers": [one for one in begun[0]["headers"] if not length
                                            or one[0].lower() != b"content-length"] + length})
        await send({"type": "http.response.body", "body": fixed})
    return sent


def routed(request: Request) -> str:
    """The service that MiniStack would hand the request to."""
    from ministack import app
    from ministack.core.router import detect_service
    parameters = app._routing_params(request.method, request.path, request.headers, request.body,
                                     request.parameters)
    return detect_service(request.method, request.path, request.headers, parameters)


# ---------------------------------------------------------------- requests and answers

def described(scope, body: bytes) -> Request:
    """The request of an ASGI scope."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    query = scope["query_string"].decode("latin-1")
    return Request(scope["method"], scope["raw_path"].decode("latin-1"), query,
                   parse_qs(query, keep_blank_values=True), headers, body)


async def whole_body(receive) -> bytes | None:
    """A request's body; None when the caller went away before it had sent all of it."""
    try:
        return b"".join([part async for part in bodies.parts(receive)])
    except bodies.DisconnectedError:
        return None


async def refuse(send, name: str, refused: RefusedError, request: Request) -> None:
    """Send a refusal in the format of service NAME, as AWS words it there."""
    from ministack.core.iam_actions import _AUTH_FAILURES, access_denied_response
    from ministack.core.responses import fix_error_content_type
    request_id = str(uuid.uuid4())
    status, headers, body = access_denied_response(
        name, "", "", request_id, error_code=refused.code, message=refused.message,
        headers=request.headers)
    if refused.status or refused.code not in _AUTH_FAILURES:
        status = refused.status or 400
    fix_error_content_type(name, status, headers)
    await send({"type": "http.response.start", "status": status, "headers": [
        *((key.encode(), value.encode("latin-1")) for key, value in headers.items()),
        (b"x-amzn-requestid", request_id.encode()),
        (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


async def answer(send, status: int, content: dict, headers=()) -> None:
    """Send `content` as a JSON answer."""
    body = json.dumps(content).encode()
    await send({"type": "http.response.start", "status": status, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
        *headers]})
    await send({"type": "http.response.body", "body": body})
