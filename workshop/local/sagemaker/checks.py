"""What SageMaker refuses when something is created: the mistakes that learners make most.

Forms, lengths and ranges are looked at before, by `workshop/local/models`. The texts are AWS's own
where they are known, so that a learner who looks for one finds the world's answers to it. Those
that begin with "The local cloud" are ours.
"""
import re
from urllib.parse import unquote, urlparse

from workshop.local import limits
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import grants

# In AWS's messages; `kind` is also the first part of an ARN's resource.
WORDS = {"model": "model", "endpoint-config": "endpoint configuration", "endpoint": "endpoint"}


class RefusedError(Exception):
    """A request that is refused: the error's code, message, HTTP status and further members."""

    def __init__(self, code: str, message: str | None, status: int = 400, **members):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.members = code, message, status, members


def invalid(message: str) -> RefusedError:
    """The control plane's one error: it has no other for names in use or not found."""
    return RefusedError("ValidationException", message)


def arn(kind: str, name: str) -> str:
    """kind: "model", "endpoint-config" or "endpoint"."""
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


def missing(kind: str, name: str) -> RefusedError:
    return invalid(f'Could not find {WORDS[kind]} "{arn(kind, name)}".')


def constraint(value, where: str, what: str) -> RefusedError:
    return invalid(f"1 validation error detected: Value '{value}' at '{where}' failed to satisfy "
                   f"constraint: {what}")


def model(asked: dict) -> dict:
    """The one container of a model; refused when its role, image or data will not do."""
    given = [asked["PrimaryContainer"]] if asked.get("PrimaryContainer") else []
    given += asked.get("Containers") or []
    if len(given) != 1:
        raise invalid("The local cloud serves models of one container: give PrimaryContainer.")
    container, = given
    for member in ("ModelDataSource", "ModelPackageName", "MultiModelConfig"):
        if container.get(member):
            raise invalid(f"The local cloud has no {member}: give Image and ModelDataUrl.")
    for member in ("VpcConfig", "EnableNetworkIsolation"):
        if asked.get(member):
            raise invalid(f"{member} is not supported for serverless endpoints.")
    role(asked.get("ExecutionRoleArn"))
    resolve(container.get("Image") or "")
    if container.get("ModelDataUrl"):
        model_data(container["ModelDataUrl"])
        readable(container["ModelDataUrl"], asked["ExecutionRoleArn"])
    return container


def role(name: str | None) -> None:
    """The execution role must be there and let SageMaker take it for this account's models."""
    if not grants.trusts(name or "", "sagemaker.amazonaws.com", arn("model", "x")):
        raise invalid(f"Could not assume role {name}. Please ensure that the role exists and "
                      "allows principal 'sagemaker.amazonaws.com' to assume the role.")


def resolve(image: str) -> str:
    """The image by its digest; refused when the local registry does not have it.

    A learner names it as docker does here, localhost:PORT/NAME:TAG.
    """
    from ministack.services import ecr
    found = re.fullmatch(r"(localhost:\d+/([^:@]+))(?::([^:@]+))?(?:@(sha256:[0-9a-f]{64}))?",
                         image)
    if found:
        place, repository, tag, digest = found.groups()
        stored = ecr._find_image(repository, {"imageDigest": digest,
                                              "imageTag": None if digest else tag or "latest"})
        if stored:
            return f"{place}@{stored['imageDigest']}"
    raise invalid(f"Requested image {image} not found.")


def model_data(url: str) -> bytes:
    """The object that ModelDataUrl names; refused when there is none."""
    from ministack.services import s3
    place = urlparse(url)
    data = None
    if place.scheme == "s3":
        data = s3._get_object_data(place.netloc, unquote(place.path.lstrip("/")))
    if data is None:
        raise invalid(f"Could not find model data at {url}.")
    return data


def readable(url: str, role: str) -> None:
    """The role must be allowed to read the model."""
    place = urlparse(url)
    if not grants.role_may(role, "s3:GetObject",
                           f"arn:aws:s3:::{place.netloc}{unquote(place.path)}"):
        raise invalid(f'Could not access model data at {url}. Please ensure that the role "{role}" '
                      'exists and that its trust relationship policy allows the action '
                      '"sts:AssumeRole" for the service principal "sagemaker.amazonaws.com". Also '
                      'ensure that the role has "s3:GetObject" permissions and that the object is '
                      f"located in {REGION}.")


def variant(asked: dict) -> dict:
    """The one production variant of an endpoint configuration, which must be serverless."""
    variants = asked.get("ProductionVariants") or []
    if len(variants) != 1:
        raise invalid("Serverless endpoints have one production variant.")
    if asked.get("DataCaptureConfig") or asked.get("AsyncInferenceConfig"):
        raise invalid("Data capture and asynchronous inference are not supported for serverless "
                      "endpoints.")
    chosen, = variants
    where = "productionVariants.1.member"
    serverless = chosen.get("ServerlessConfig")
    if not serverless:
        raise invalid("The local cloud has serverless endpoints only: give the variant a "
                      "ServerlessConfig.")
    if "InstanceType" in chosen or "InitialInstanceCount" in chosen:
        raise invalid("A serverless variant has no InstanceType and no InitialInstanceCount.")
    if serverless.get("ProvisionedConcurrency"):
        raise invalid("The local cloud has no ProvisionedConcurrency.")
    memories, memory = limits.ENDPOINT_MEMORY, serverless["MemorySizeInMB"]
    if memory not in memories:
        raise constraint(memory, f"{where}.serverlessConfig.memorySizeInMB",
                         f"Member must be one of {', '.join(map(str, memories))}")
    return chosen
