"""SageMaker endpoints, configurations and models; that they serve, test_signal_deployed.py sees."""
import boto3
import pytest

from workshop.account import buckets, endpoints, ownership, roles


@pytest.mark.parametrize("found, belongs", [
    ("workshop-a", True), ("workshop-a-1f", True), ("workshop-a-b-1f", False),
    ("workshop-ab", False)])
def test_names_that_only_begin_alike_are_not_the_endpoints(found, belongs):
    assert endpoints._is_of(found, "workshop-a") == belongs


@pytest.fixture
def parts(name, image):
    """A model and a configuration NAME-1 of an endpoint NAME that there is not."""
    role, bucket = roles.ensure(f"{name}-role", "trust_sagemaker"), buckets.ensure(name)
    roles.grant(f"{name}-role", "serve_model", bucket=bucket, endpoint=name)
    boto3.client("s3").put_object(Bucket=bucket, Key="model.tar.gz", Body=b"")
    for _ in range(2):
        endpoints.ensure_model(f"{name}-1", role, image, f"s3://{bucket}/model.tar.gz")
        endpoints.ensure_config(f"{name}-1", 1024, 1)
    yield f"{name}-1"
    endpoints.delete(name)
    roles.delete(f"{name}-role")
    buckets.delete(bucket)


def listed(name):
    return [(what, ownership.is_ours(tags)) for what in ("Endpoint", "EndpointConfig", "Model")
            for _, _, tags in endpoints.listed(lambda one, arn="": one.startswith(name), what)]


def test_model_and_configuration_are_made_once_listed_and_deleted(name, parts):
    assert endpoints.find(name) is None
    assert listed(name) == [("EndpointConfig", True), ("Model", True)]
    endpoints.delete(name)
    assert listed(name) == []
    endpoints.delete(name)


def test_a_foreign_model_keeps_all(name, parts):
    client = boto3.client("sagemaker")
    arn = client.describe_model(ModelName=parts)["ModelArn"]
    client.delete_tags(ResourceArn=arn, TagKeys=["owner"])
    with pytest.raises(ownership.NotOursError, match=f"model {parts} lacks the tags"):
        endpoints.delete(name)
    assert listed(name) == [("EndpointConfig", True), ("Model", False)]
    client.add_tags(ResourceArn=arn, Tags=ownership.pairs())


def played(monkeypatch, *told):
    """SageMaker that tells so of an endpoint, one answer after the other."""
    answers, done = list(told), []

    class Client:
        def describe_endpoint(self, EndpointName):
            return answers.pop(0)

        def list_tags(self, ResourceArn):
            return {"Tags": ownership.pairs()}

        def get_waiter(self, name):
            return self

        def wait(self, **_):
            done.append("waited")

        def update_endpoint(self, **arguments):
            done.append(arguments["EndpointConfigName"])
    monkeypatch.setattr(endpoints.calls, "client", lambda service: Client())
    return done


def state(config, status="InService"):
    return {"EndpointArn": "arn", "EndpointConfigName": config, "EndpointStatus": status,
            "FailureReason": "no room"}


def test_an_endpoint_is_updated_once_and_one_that_falls_back_is_an_error(name, monkeypatch):
    done = played(monkeypatch, state("old"), state("new"), state("new"), state("old"),
                  state("old"))
    endpoints.ensure(name, "new")
    endpoints.ensure(name, "new")
    assert done == ["new", "waited"]
    with pytest.raises(RuntimeError, match="went back to its old configuration: no room"):
        endpoints.ensure(name, "new")


def test_a_foreign_endpoint_is_not_updated(name, monkeypatch):
    done = played(monkeypatch, state("old"))
    monkeypatch.setattr(ownership, "is_ours", lambda found: False)
    with pytest.raises(ownership.NotOursError, match=f"endpoint {name} lacks the tags"):
        endpoints.ensure(name, "new")
    assert done == []
