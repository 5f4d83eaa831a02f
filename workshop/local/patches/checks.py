"""What AWS refuses when a function is created or updated, and MiniStack takes.

Only the mistakes that learners make most; `LOCAL_CLOUD.md` names what stays unchecked, and
`workshop/local/models` looks at each value's form and size before. The texts are AWS's own, so that
a learner who looks for one finds the world's answers to it.
"""
import json
import re
from urllib.parse import unquote

from workshop.local import limits
from workshop.local.addresses import REGION
from workshop.local.permissions import grants
from workshop.local.permissions.actions import function_arn

FUNCTIONS = "/2015-03-31/functions"
# (function, its image by digest) → the image as the caller named it, by a tag
_given: dict[tuple[str, str], str] = {}
INDEX = re.compile(r"image\.index|manifest\.list")  # media types of an image for many platforms


def apply(port: int) -> None:
    """Put the checks before MiniStack's own handling of Lambda requests."""
    from ministack.services import lambda_svc
    lambda_svc.handle_request = checked(lambda_svc.handle_request, port)
    lambda_svc._get_function = as_given(lambda_svc._get_function)


def checked(handle_request, port: int):
    """Refuse a request that AWS would refuse; hand the others on."""
    from ministack.core.responses import error_response_json

    async def handle(method, path, headers, body, query_params):
        refusal = refuse(method, unquote(path).rstrip("/"), body, port)
        if refusal:
            return error_response_json(*refusal)
        return await handle_request(method, path, headers, pinned(path, body, port), query_params)
    return handle


def refuse(method: str, path: str, body: bytes, port: int) -> tuple[str, str, int] | None:
    """(error code, message, HTTP status) of AWS's refusal, or None."""
    creates = (method, path) == ("POST", FUNCTIONS)
    configures = method == "PUT" and path.endswith("/configuration")
    codes = method == "PUT" and path.endswith("/code")
    if not (creates or configures or codes):
        return None
    if len(body) > limits.ZIP_REQUEST:
        operation = "CreateFunction" if creates else "UpdateFunctionCode"
        return ("RequestEntityTooLargeException", f"Request must be smaller than "
                f"{limits.ZIP_REQUEST} bytes for the {operation} operation", 413)
    try:
        asked = json.loads(body)
    except json.JSONDecodeError:
        return None  # MiniStack's to refuse
    code = asked.get("Code", {}) if creates else asked
    return (bad_environment(asked)
            or (unknown_runtime(asked) if asked.get("Runtime") else None)
            or (bad_role(asked["Role"], asked.get("FunctionName") or path.split("/")[-2])
                if asked.get("Role") else None)
            or (None if creates else update_in_progress(path))
            or (wrong_package(path, code) if codes else None)
            or (bad_image(code["ImageUri"], port) if code.get("ImageUri") else None))


def invalid(message: str) -> tuple[str, str, int]:
    return "InvalidParameterValueException", message, 400


def bad_environment(asked: dict):
    """Environment variables: no name that Lambda sets itself, 4 KB in all."""
    from ministack.services import lambda_svc
    variables = (asked.get("Environment") or {}).get("Variables") or {}
    reserved = sorted(set(variables) & set(lambda_svc._RESERVED_RUNTIME_ENV_VARS))
    if reserved:
        return invalid("Lambda was unable to configure your environment variables because the "
                       "environment variables you have provided contains reserved keys that are "
                       "currently not supported for modification. Reserved keys used in this "
                       f"request: {', '.join(reserved)}")
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > limits.VARIABLES:
        return invalid("Lambda was unable to configure your environment variables because the "
                       "environment variables you have provided exceeded the 4KB limit. "
                       f"String measured: {json.dumps(variables)[:200]}")
    return None


def unknown_runtime(asked: dict):
    """A runtime that Lambda does not have (MiniStack invents answers for its functions)."""
    from ministack.services import lambda_svc
    if asked["Runtime"] in lambda_svc._RUNTIME_IMAGE_MAP:
        return None
    known = ", ".join(sorted(lambda_svc._RUNTIME_IMAGE_MAP))
    return invalid(f"Value {asked['Runtime']} at 'runtime' failed to satisfy constraint: Member "
                   f"must satisfy enum value set: [{known}] or be a valid ARN")


def bad_role(arn: str, function: str):
    """The execution role must be there, and let Lambda take it for this function."""
    if not grants.trusts(arn, "lambda.amazonaws.com", function_arn(function, REGION)):
        return invalid("The role defined for the function cannot be assumed by Lambda.")
    return None


def configuration(path: str) -> dict:
    """What is known of the function that an update is for; {} where there is none."""
    from ministack.services import lambda_svc
    name = lambda_svc._resolve_name(path.removeprefix(FUNCTIONS + "/").rpartition("/")[0])
    return (lambda_svc._functions.get(name) or {}).get("config") or {}


def update_in_progress(path: str):
    """An update must have ended before the next may begin."""
    config = configuration(path)
    if config.get("LastUpdateStatus") != "InProgress":
        return None
    return ("ResourceConflictException", "The operation cannot be performed at this time. An "
            f"update is in progress for resource: {config['FunctionArn']}", 409)


def wrong_package(path: str, code: dict):
    """A function stays a zip or an image for life (`PackageType` cannot be changed)."""
    kind = configuration(path).get("PackageType")
    if kind == "Zip" and "ImageUri" in code:
        return invalid("Please don't provide ImageUri when updating a function with packageType "
                       "Zip.")
    if kind == "Image" and "ImageUri" not in code:
        return invalid("Please provide ImageUri when updating a function with packageType Image.")
    return None


def bad_image(uri: str, port: int):
    """The image must be in the registry, and be for one platform.

    The second is what `docker buildx` breaks with its attestations, which make an image index.
    """
    repository, image = in_registry(uri, port)
    if repository is None:
        return invalid(f"Source image {uri} is not valid. Provide a valid source image.")
    if image is None:
        return invalid(f"Source image {uri} does not exist. Provide a valid source image.")
    if INDEX.search(image.get("imageManifestMediaType") or ""):
        return invalid("The image manifest, config or layer media type for the source image "
                       f"{uri} is not supported.")
    return None


def in_registry(uri: str, port: int) -> tuple[str | None, dict | None]:
    """(address of an image's repository, what the registry has of it); None for what is not."""
    from ministack.services import ecr
    found = re.fullmatch(rf"(localhost:{port}/([^:@]+))(?::([^@]+))?(?:@(sha256:[0-9a-f]{{64}}))?",
                         uri)
    if not found:
        return None, None
    repository, name, tag, digest = found.groups()
    return repository, ecr._find_image(
        name, {"imageDigest": digest, "imageTag": None if digest else tag})


def pinned(path: str, body: bytes, port: int) -> bytes:
    """The request with the digest of its image in place of a tag.

    Lambda looks a tag up once, when the function is created or its code is updated. MiniStack
    would follow a tag that is moved later.
    """
    from ministack.services import lambda_svc
    if b"ImageUri" not in body:
        return body
    asked = json.loads(body)
    code = asked.get("Code", asked)
    digest = by_digest(code.get("ImageUri") or "", port)
    if digest is None:
        return body
    name = asked.get("FunctionName") or unquote(path).rstrip("/").split("/")[-2]
    remember(lambda_svc._resolve_name(name), digest, code["ImageUri"])
    code["ImageUri"] = digest
    return json.dumps(asked).encode()


def by_digest(uri: str, port: int) -> str | None:
    """An image's name with its digest; None for one that the registry has not."""
    repository, image = in_registry(uri, port)
    return image and f"{repository}@{image['imageDigest']}"


def remember(function: str, digest: str, given: str) -> None:
    """Keep how a caller named an image that is known by its digest from now on."""
    _given[function, digest] = given


def as_given(get_function):
    """GetFunction names an image as it was given; the digest is in ResolvedImageUri."""
    def get(name, *arguments, **options):
        status, headers, body = get_function(name, *arguments, **options)
        if status == 200 and b"ResolvedImageUri" in body:
            answer = json.loads(body)
            code = answer["Code"]
            code["ImageUri"] = _given.get((name, code["ResolvedImageUri"]), code["ImageUri"])
            body = json.dumps(answer).encode()
        return status, headers, body
    return get
