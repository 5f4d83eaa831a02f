"""ECR repositories, from which the owner's functions may pull."""
import base64

from workshop.account import calls, ownership, roles
from workshop.machine import tools


def find(name):
    """Repository NAME as ECR describes it (dict), or None."""
    found = calls.if_there(calls.client("ecr").describe_repositories, repositoryNames=[name])
    return found and found["repositories"][0]


def ensure(name):
    """Find or make the ECR repository NAME, let Lambda pull from it, and return its address."""
    ecr, found = calls.client("ecr"), check(name)
    if not found:
        found = ecr.create_repository(repositoryName=name, tags=ownership.pairs())["repository"]
        tools.say(f"made repository {name}")
    ecr.set_repository_policy(repositoryName=name, policyText=roles.policy("repository"))
    return found["repositoryUri"]


def credentials():
    """(user, password, HOST[:PORT]) for `docker login`; good for 12 hours (ECR's limit)."""
    data = calls.client("ecr").get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    return user, password, data["proxyEndpoint"].split("://", 1)[-1].rstrip("/")


def digest(name, tag):
    """The digest, `sha256:…`, of the image in repository NAME that has this tag now."""
    return calls.client("ecr").describe_images(
        repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"][0]["imageDigest"]


tags = calls.tagger("ecr", lambda one: {"resourceArn": one["repositoryArn"]})
remove = calls.remover("ecr", "delete_repository", lambda name: {    # force: with its images
    "repositoryName": name, "force": True})
listed = calls.lister(tags, "ecr", "describe_repositories", "repositories",
                      "repositoryName", "repositoryArn")
check, removals, delete = ownership.verbs("repository", find, tags, remove)
