"""One container of an endpoint: what it may do, how it is started, asked and removed."""
import gzip
import http.client
import io
import secrets
import tarfile
import threading
import time
import zlib
from dataclasses import dataclass, field
from urllib.parse import urlparse

from workshop.local import identities, limits
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.patches import containers
from workshop.local.patches.invoke import address
from workshop.local.permissions import grants
from workshop.local.sagemaker import telemetry
from workshop.machine import engine, labels

MODEL_FOLDER = "/opt/ml/model"
# SageMaker Developer Guide, "Invoke a serverless endpoint".
PING = 2                 # seconds for one answer to /ping


class StartError(Exception):
    """A container did not come up; the message is what DescribeEndpoint gives as FailureReason."""


class GoneError(Exception):
    """The container ended, or closed the connection, before it had answered a request."""


class EndedError(Exception):
    """The container had ended before a request could be sent to it."""


@dataclass(frozen=True)
class Plan:
    """What every container of a variant is made from; nothing of it changes while it runs."""
    endpoint: str
    variant: str
    image: str                       # by digest
    memory: int                      # MB
    concurrency: int
    role: str                        # ARN of the role that the container acts with
    archive: bytes | None = None     # what goes into MODEL_FOLDER, a tar archive
    environment: dict[str, str] = field(default_factory=dict)
    start_seconds: float = limits.ENDPOINT_START


def unpacked(data: bytes, url: str) -> bytes:
    """A model's .tar.gz as a tar archive of root's that everyone may read and nobody may write.

    Raises StartError when it is no such archive, or holds more than files and folders.
    """
    target = io.BytesIO()
    try:
        # At once, because tarfile does not read to the end, where the checksum stands.
        with (tarfile.open(fileobj=io.BytesIO(gzip.decompress(data)), mode="r:") as source,
              tarfile.open(fileobj=target, mode="w") as archive):
            for member in source:
                inside = not member.name.startswith("/") and ".." not in member.name.split("/")
                if not (inside and (member.isfile() or member.isdir())):
                    raise tarfile.TarError(f"{member.name} is not allowed in it")
                clean = tarfile.TarInfo(member.name)
                clean.type, clean.size, clean.mtime = member.type, member.size, member.mtime
                clean.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
                archive.addfile(clean, source.extractfile(member) if member.isfile() else None)
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise StartError('Failed to extract model data archive for container "container_1" from '
                         f'URL "{url}". Please ensure that the object located at the URL is a '
                         f"valid tar.gz archive ({error}). workshop.endpoints.archive() makes one "
                         "of a model (lesson 18).") from None
    return target.getvalue()


def options(plan: Plan) -> dict:
    """All arguments of `docker create`: a function's limits, and what SageMaker promises."""
    from ministack.core import container_reaper
    return {
        "image": plan.image,
        "command": ["serve"],
        "environment": {
            "SAGEMAKER_BIND_TO_PORT": "8080",
            "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            **identities.for_role(plan.role, "SageMaker"),
            "AWS_ENDPOINT_URL": containers.endpoint_url(),
            **plan.environment},
        "labels": {**container_reaper.own_labels("sagemaker"), labels.ENDPOINT: plan.endpoint},
        "ports": {"8080/tcp": ("127.0.0.1", None)},  # loopback only
        "extra_hosts": {"host.docker.internal": "host-gateway"},
        "use_config_proxy": False,      # the proxy in Docker's configuration is for builds
        "volumes": ["/tmp", *([MODEL_FOLDER] if plan.archive else [])],
        **containers.resources(plan.memory),
    }


def may_pull(plan: Plan) -> None:
    """The role must be allowed to pull the image. Raises StartError."""
    repository = plan.image.partition("/")[2].partition("@")[0]
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}"
    for action, on in (("GetAuthorizationToken", "*"), ("BatchGetImage", arn),
                       ("GetDownloadUrlForLayer", arn)):
        if not grants.role_may(plan.role, f"ecr:{action}", on):
            raise StartError(f"The role '{plan.role}' does not have {action} permission for the "
                             f"image: '{plan.image}'.")


class Environment:
    """A running container. It is asked by one request at a time, as SageMaker Serverless does."""

    def __init__(self, plan: Plan, abandoned=lambda: False):
        """Start it, and return when it has answered /ping.

        Raises StartError, also when `abandoned()` says that nobody needs it any more.
        """
        self.plan, self.abandoned = plan, abandoned
        self.removing, self.removed = threading.Lock(), False
        began = time.monotonic()
        may_pull(plan)
        self.container = create(plan)
        try:
            if plan.archive:
                self.container.put_archive(MODEL_FOLDER, plan.archive)
            launch(self.container)
            telemetry.follow(self.container, plan.role, telemetry.log_group(plan.endpoint),
                             f"{plan.variant}/{secrets.token_hex(16)}")
            self.place = urlparse(address(self.container)).netloc
            self._wait_until_ready(began + plan.start_seconds)
            containers.settle(self.container, plan.memory)
        except BaseException:
            self.remove()
            raise
        self.setup_seconds = time.monotonic() - began
        self.used = time.monotonic()

    def _wait_until_ready(self, deadline: float) -> None:
        while not self._pings():
            self.container.reload()
            if self.container.status != "running" or time.monotonic() > deadline or \
                    containers.stopping() or self.abandoned():
                raise StartError(
                    f"The primary container for production variant {self.plan.variant} did not "
                    "pass the ping health check. Please check CloudWatch logs for this endpoint.")
            time.sleep(0.05)

    def _pings(self) -> bool:
        try:
            return self._request("GET", "/ping", None, {}, PING)[0] == 200
        except (OSError, http.client.HTTPException):
            return False  # it is not listening yet

    def ask(self, body: bytes, headers: dict[str, str],
            seconds: float) -> tuple[int, http.client.HTTPMessage, bytes]:
        """POST a request to /invocations: (status, headers, body).

        The body is cut one byte after the most that AWS takes, so that a longer one can be told.

        Raises TimeoutError after `seconds` without an answer, GoneError, EndedError.
        """
        try:
            return self._request("POST", "/invocations", body, headers, seconds)
        except ConnectionRefusedError:
            raise EndedError from None
        except TimeoutError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise GoneError(str(error)) from None

    def _request(self, method, path, body, headers, seconds):
        connection = http.client.HTTPConnection(self.place, timeout=max(seconds, 0.01))
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read(limits.ENDPOINT_REQUEST + 1)
        finally:
            connection.close()

    def remove(self) -> None:
        """Remove the container, and return when it is gone, whoever was the first to ask."""
        with self.removing:
            if not self.removed:
                self.removed = True
                containers.remove_environment({"container": self.container})


def create(plan: Plan):
    """A new container that is not started; its image is pulled when it is not here."""
    import docker
    client = containers.docker_client()
    if containers.stopping() or client is None:
        raise StartError("The local cloud is stopping." if client else "Docker does not answer.")
    try:
        image = client.images.get(plan.image)
    except docker.errors.ImageNotFound:
        try:
            image = containers.pull(client, plan.image)
        except docker.errors.APIError as error:
            raise StartError(f"Failed to pull the image {plan.image}: "
                             f"{error.explanation or error}") from None
    if not runs(image.attrs.get("Architecture", ""), engine.architecture()):
        raise StartError("The primary container could not be started: exec format error (the image "
                         f"is built for {image.attrs['Architecture']}, the endpoint runs on amd64)")
    given = options(plan)
    container = client.containers.create(**given)
    container.access_key = given["environment"]["AWS_ACCESS_KEY_ID"]
    return container


def runs(image: str, machine: str) -> bool:
    """Whether an image's architecture (Docker's word) will do: amd64, as on AWS.

    On an arm64 machine (Lambda's word), also arm64: amd64 would run there by emulation at best.
    """
    return image == "amd64" or image == machine == "arm64"


def launch(container) -> None:
    """Start a created container; one of a wrong architecture or without `serve` does not start."""
    import docker
    try:
        container.start()
    except docker.errors.APIError as error:
        raise StartError("The primary container could not be started: "
                         f"{error.explanation or error}") from None
    if containers.stopping():
        raise StartError("The local cloud is stopping.")
