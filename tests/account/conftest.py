"""What the tests of all kinds share: things of nobody's to start from, and the five verbs."""
import uuid

import boto3
import pytest

import image_registry
from workshop.account import ownership, roles


@pytest.fixture(scope="module", autouse=True)
def local(local_cloud):
    """Every test here talks to the local cloud."""


@pytest.fixture
def name():
    """A name of the owner's that nothing has, as short as a bucket's must be."""
    return ownership.name(f"kind-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def trusted(name):
    """The ARN of a role of ours that functions may have."""
    yield roles.ensure(f"{name}-role")
    roles.delete(f"{name}-role")


@pytest.fixture
def image():
    """URI of an image for functions that are never invoked."""
    ecr, repository = boto3.client("ecr"), "workshop-test-kind-images"
    uri = ecr.create_repository(repositoryName=repository)["repository"]["repositoryUri"]
    yield f"{uri}@{image_registry.store(ecr, repository)}"
    ecr.delete_repository(repositoryName=repository, force=True)


@pytest.fixture
def five_verbs(name):
    """`five_verbs(kind, ensure, foreign, called=name)` tries the verbs of a module.

    ensure() makes one of ours, called `called`; foreign() makes one without tags, and returns what
    removes that; listed is the kind's, where it wants more than `meant`.
    """
    def meant(one, arn=""):
        return name in one

    def try_(kind, ensure, foreign, called=name, listed=None):
        listed = listed or kind.listed
        assert kind.find(called) is None
        kind.delete(called)                 # what is not there is passed over
        first = ensure()
        assert ensure() == first, "the same call gives the same"
        found = kind.find(called)
        assert ownership.is_ours(kind.tags(found))
        assert [ownership.is_ours(tags) for _, _, tags, *_ in listed(meant)] == [True]
        kind.delete(called)
        assert kind.find(called) is None and not list(listed(meant))
        remove = foreign()
        try:
            with pytest.raises(ownership.NotOursError, match="lacks the tags"):
                ensure()
            with pytest.raises(ownership.NotOursError, match="lacks the tags"):
                kind.delete(called)
            assert kind.find(called) is not None
            assert [ownership.is_ours(tags) for _, _, tags, *_ in listed(meant)] == [False]
        finally:
            remove()
        assert kind.find(called) is None
    return try_
