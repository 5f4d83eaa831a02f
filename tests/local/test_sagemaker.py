"""SageMaker Serverless on the local cloud: boto3 as it is, real containers, AWS's errors."""
import asyncio
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import string
import subprocess
import tarfile
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor

import boto3
import numpy as np
import onnxruntime as ort
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

import image_registry
import tiny_churn
from waiting import until
from workshop.local import addresses, identities, lifecycle, limits, sagemaker
from workshop.local.patches import containers
from workshop.local.sagemaker import api, container, runtime, variant
from workshop.local.sagemaker.checks import RefusedError
from workshop.machine import base_image, engine, modes, paths

pytestmark = pytest.mark.skipif(not engine.available(), reason="no Docker engine is running")
ROLE_ARN = "arn:aws:iam::012345678912:role/r"
IDLE, START = 6, 15      # seconds; the local cloud of these tests is less patient than usual
ACCOUNT = "012345678912"


def administrator(port):
    """Its keys of the local cloud on a port, as arguments of boto3.client."""
    keys = identities.user_keys(addresses.state_folder(port), identities.ADMINISTRATOR)
    return {"aws_access_key_id": keys["access_key"], "aws_secret_access_key": keys["secret_key"]}


class Cloud:
    """A local cloud of its own, and short words for what the tests do with it."""

    def __init__(self, config_folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.config_folder = config_folder
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("WORKSHOP_SAGEMAKER_IDLE", str(IDLE))
            environment.setenv("WORKSHOP_SAGEMAKER_START", str(START))
            lifecycle.start(self.port)

    def stop(self):
        lifecycle.stop(self.port)
        pulled = engine.docker("images", "--filter", f"reference=localhost:{self.port}/*",
                               "--digests", "--format", "{{.Repository}}@{{.Digest}}")
        for image in pulled.stdout.split():
            engine.docker("rmi", image)
        shutil.rmtree(addresses.state_folder(self.port), ignore_errors=True)

    def client(self, service, **config):
        """A boto3 client that never retries by itself."""
        return boto3.client(
            service, endpoint_url=f"http://127.0.0.1:{self.port}", region_name="us-east-1",
            **administrator(self.port), config=Config(
                retries={"total_max_attempts": 1}, max_pool_connections=200, read_timeout=120,
                **config))

    def docker(self, *arguments, **options):
        # The registry login goes to a folder of its own, not into the learner's configuration.
        environment = {**os.environ, "DOCKER_CONFIG": str(self.config_folder)}
        done = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True,
                              env=environment, **options)
        assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"
        return done.stdout

    def push(self, image, name):
        """Push a local image to this cloud's registry; returns the URI with its tag."""
        ecr = self.client("ecr")
        uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"] + ":v1"
        user, password = image_registry.credentials(ecr)
        self.docker("login", "--username", user, "--password-stdin", image_registry.host(uri),
                    input=password)
        self.docker("tag", image, uri)
        self.docker("push", uri)
        self.docker("rmi", uri)  # so that it has to be pulled
        return uri

    def role(self, name="workshop-test-sagemaker", trust="trust_sagemaker.json"):
        """The ARN of a role that SageMaker may take."""
        text = (paths.ROOT / "workshop/account/policies" / trust).read_text()
        document = string.Template(text).substitute(account="012345678912", region="us-east-1")
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="serve", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Resource": "*",
                "Action": ["s3:GetObject", "s3:ListBucket", "ecr:*", "logs:*",
                           "sagemaker:InvokeEndpoint"]}]}))
        return arn

    def containers(self, endpoint):
        """Ids of an endpoint's containers."""
        return engine.docker("ps", "-aq", "--filter", f"label=workshop.cloud={self.port}",
                             "--filter", f"label=workshop.endpoint={endpoint}").stdout.split()

    def metric(self, endpoint, name, statistic="Sum"):
        """Sum (or another statistic) of a metric of the last quarter of an hour; None: no value."""
        now = time.time()
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=name, StartTime=now - 900, EndTime=now + 60,
            Period=3600, Statistics=[statistic], Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": "AllTraffic"}])["Datapoints"]
        return sum(point[statistic] for point in points) if points else None


class Endpoint:
    """An endpoint with its own model and configuration; their names are the endpoint's."""

    def __init__(self, here, role, name=None):
        self.here, self.role = here, role
        self.name = name or f"workshop-test-{uuid.uuid4().hex[:8]}"
        self.client, self.runtime = here.client("sagemaker"), here.client("sagemaker-runtime")
        self.configs = []

    def configure(self, image, data=None, memory=1024, concurrency=5, **environment):
        """A new model and endpoint configuration; returns their name."""
        name = f"{self.name}-{len(self.configs)}"
        url = {"ModelDataUrl": data} if data else {}
        self.client.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer={
            "Image": image, "Environment": environment, **url})
        self.client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[{
            "VariantName": "AllTraffic", "ModelName": name, "ServerlessConfig": {
                "MemorySizeInMB": memory, "MaxConcurrency": concurrency}}])
        self.configs.append(name)
        return name

    def create(self, *arguments, **settings):
        name = self.configure(*arguments, **settings)
        self.client.create_endpoint(EndpointName=self.name, EndpointConfigName=name)
        return self

    def wait(self, waiter="endpoint_in_service"):
        self.client.get_waiter(waiter).wait(EndpointName=self.name,
                                            WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        return self

    def settled(self):
        """DescribeEndpoint's answer, once nothing is changing."""
        def told():
            found = self.client.describe_endpoint(EndpointName=self.name)
            return found if found["EndpointStatus"] not in ("Creating", "Updating") else None
        return until(told, "nothing is changing")

    def ask(self, **event):
        """The probe's answer to an event."""
        return json.loads(self.invoke(json.dumps(event))["Body"].read())

    def invoke(self, body, **more):
        return self.runtime.invoke_endpoint(EndpointName=self.name, Body=body,
                                            ContentType="application/json", **more)

    def containers(self):
        return self.here.containers(self.name)

    def log(self, words):
        """The endpoint's log lines, once `words` is among them."""
        logs = self.here.client("logs")

        def lines():
            try:
                events = logs.filter_log_events(
                    logGroupName=f"/aws/sagemaker/Endpoints/{self.name}")["events"]
            except logs.exceptions.ResourceNotFoundException:
                return None
            found = [event["message"] for event in events]
            return found if any(words in line for line in found) else None
        return until(lines, f"{words!r} is logged")

    def delete(self):
        try:
            self.settled()
            self.client.delete_endpoint(EndpointName=self.name)
        except ClientError as error:
            assert "Could not find endpoint" in str(error)
        for name in self.configs:
            self.client.delete_endpoint_config(EndpointConfigName=name)
            self.client.delete_model(ModelName=name)


def archive(**files):
    """A model.tar.gz of the files (name=content)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as target:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def build():
    """`build(folder)`: a local image; removed when the module's tests are over."""
    made = []

    def make(folder):
        made.append(f"workshop-test-sagemaker-{uuid.uuid4().hex[:8]}")
        base = base_image.get(base_image.PLAIN)
        done = engine.docker("build", "--platform", engine.platform(), "--tag", made[-1],
                             "--build-arg", f"BASE_IMAGE={base}", str(folder), timeout=300)
        assert done.returncode == 0, done.stderr
        return made[-1]
    yield make
    for image in made:
        engine.docker("rmi", image)


@pytest.fixture(scope="module")
def probe_image(build, tmp_path_factory):
    folder = tmp_path_factory.mktemp("probe")
    shutil.copy(paths.ROOT / "tests/support/sagemaker_probe/serve.py", folder)
    (folder / "Dockerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nLABEL workshop=lambda-onnx\nCOPY serve.py /\n"
        'ENTRYPOINT ["python3", "-u", "/serve.py"]\n')
    modes.settle(folder)
    return build(folder)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The local cloud of this module's tests."""
    made = Cloud(tmp_path_factory.mktemp("docker"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def role(here):
    return here.role()


@pytest.fixture(scope="module")
def probe(here, probe_image):
    """The probe's URI in the registry."""
    return here.push(probe_image, "workshop-test-probe")


@pytest.fixture(scope="module")
def bucket(here):
    name = "workshop-test-models"
    here.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def new_endpoint(here, role):
    """An endpoint with a name; removed when the test is over."""
    made = []

    def new(name=None):
        made.append(Endpoint(here, role, name))
        return made[-1]
    yield new
    for endpoint in made:
        endpoint.delete()
        until(lambda: endpoint.containers() == [], "the endpoint's containers are gone", 20)


@pytest.fixture(scope="module")
def shared(here, role, probe):
    """An endpoint of the probe that tests share."""
    endpoint = Endpoint(here, role).create(probe, concurrency=20)
    yield endpoint.wait()
    endpoint.delete()


# An endpoint's life

@pytest.fixture(scope="module")
def server_image(build):
    return build(paths.DOCKER / "sagemaker")


def test_an_endpoint_of_the_workshops_container_answers_as_the_onnx_model(
        here, new_endpoint, server_image, bucket, tmp_path):
    tiny_churn.make(tmp_path)
    model = (tmp_path / "model.onnx").read_bytes()
    here.client("s3").put_object(Bucket=bucket, Key="churn/model.tar.gz",
                                 Body=archive(**{"model.onnx": model}))
    uri = here.push(server_image, "workshop-test-server")
    endpoint = new_endpoint().create(uri, f"s3://{bucket}/churn/model.tar.gz", memory=2048)
    assert endpoint.client.describe_endpoint(EndpointName=endpoint.name)["EndpointStatus"] in (
        "Creating", "InService")
    endpoint.wait()

    customers = tiny_churn.table().drop(columns="churn").head(200)
    rows = json.loads(customers.to_json(orient="records"))
    answer = endpoint.invoke(json.dumps({"instances": rows}))
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    told = json.loads(answer["Body"].read())
    session = ort.InferenceSession(model)
    probabilities, = session.run(["probabilities"], {
        name: customers[[name]].to_numpy(np.float32 if name in tiny_churn.NUMBERS else object)
        for name in customers})
    assert told["model_version"] == "1"
    assert np.allclose(told["predictions"], probabilities[:, 1], rtol=0, atol=1e-7)

    rows[3]["contract"] = "forever"
    with pytest.raises(endpoint.runtime.exceptions.ModelError) as caught:
        endpoint.invoke(json.dumps({"instances": rows}))
    assert caught.value.response["OriginalStatusCode"] == 400
    problem, = json.loads(caught.value.response["OriginalMessage"])["problems"]
    assert (problem["instance"], problem["field"]) == (3, "contract")
    assert "forever" not in "".join(endpoint.log('"status": 400'))


def test_the_workshops_container_runs_by_itself_and_ends_when_it_is_told_to(
        server_image, tmp_path):
    tiny_churn.make(tmp_path)
    without = engine.docker("run", "--rm", "--network", "none", server_image, "serve")
    assert without.returncode == 1
    assert "/opt/ml/model/model.onnx: there is no model" in without.stderr
    name = f"workshop-test-{uuid.uuid4().hex[:8]}"
    ping = ("import urllib.request as u; "
            "print(u.urlopen('http://localhost:8080/ping').status, __import__('os').getuid())")
    try:
        engine.docker("create", "--name", name, "--network", "none", *engine.NO_PROXY,
                      "--volume", "/opt/ml/model", server_image, "serve")
        assert engine.docker("cp", f"{tmp_path}/model.onnx",
                             f"{name}:/opt/ml/model/").returncode == 0
        engine.docker("start", name)
        until(lambda: "listening" in engine.docker("logs", name).stdout, "the server listens")
        time.sleep(0.5)
        assert engine.docker("exec", name, "python3", "-c", ping).stdout.split() == ["200", "65534"]
        engine.docker("stop", "--time", "20", name)
        code = engine.docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip()
        assert code == "0", "137 would mean that it was killed"
    finally:
        engine.docker("rm", "--force", "--volumes", name)


def test_what_describe_and_list_tell(here, new_endpoint, probe):
    endpoint = new_endpoint().create(probe, memory=3072, concurrency=7, COLOUR="red")
    name, client = endpoint.configs[0], endpoint.client
    endpoint.wait()
    told = client.describe_endpoint(EndpointName=endpoint.name)
    assert told["EndpointArn"] == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/{endpoint.name}"
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("InService", name)
    assert "FailureReason" not in told
    only, = told["ProductionVariants"]
    assert only["CurrentServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 7}
    image, = only["DeployedImages"]
    assert image["SpecifiedImage"] == probe
    digest = here.client("ecr").describe_images(
        repositoryName="workshop-test-probe")["imageDetails"][0]["imageDigest"]
    assert image["ResolvedImage"] == probe.removesuffix(":v1") + "@" + digest
    model = client.describe_model(ModelName=name)
    assert model["PrimaryContainer"]["Environment"] == {"COLOUR": "red"}
    config = client.describe_endpoint_config(EndpointConfigName=name)
    assert config["ProductionVariants"][0]["ModelName"] == name
    assert [entry["ModelName"] for entry in client.list_models(NameContains=name)["Models"]] == [
        name]
    assert name in str(client.list_endpoint_configs(MaxResults=100))
    assert endpoint.name in str(client.list_endpoints(StatusEquals="InService"))
    assert endpoint.name not in str(client.list_endpoints(StatusEquals="Failed"))


def test_long_lists_come_in_pages(here, role, probe):
    client = here.client("sagemaker")
    names = [f"workshop-test-page-{number:02}" for number in range(12)]
    for name in names:
        client.create_model(ModelName=name, ExecutionRoleArn=role,
                            PrimaryContainer={"Image": probe})
    pages = client.get_paginator("list_models").paginate(
        NameContains="test-page", SortBy="Name", SortOrder="Ascending")
    pages = [[entry["ModelName"] for entry in one["Models"]] for one in pages]
    for name in names:
        client.delete_model(ModelName=name)
    assert pages == [names[:10], names[10:]]


def test_tags_come_with_a_resource_and_go_with_it(here, role, probe):
    client = here.client("sagemaker")
    arn = client.create_model(
        ModelName="workshop-test-tags", ExecutionRoleArn=role, PrimaryContainer={"Image": probe},
        Tags=[{"Key": "project", "Value": "lambda-onnx-workshop"}])["ModelArn"]
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "test"}])
    client.delete_tags(ResourceArn=arn, TagKeys=["nothing"])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "project", "Value": "lambda-onnx-workshop"}, {"Key": "stage", "Value": "test"}]
    client.delete_model(ModelName="workshop-test-tags")
    with pytest.raises(ClientError, match="Could not find model"):
        client.list_tags(ResourceArn=arn)


def test_an_idle_endpoint_scales_to_zero_and_comes_back(here, new_endpoint, probe):
    endpoint = new_endpoint().create(probe).wait()
    first = endpoint.ask()["started"]
    assert len(endpoint.containers()) == 1
    assert endpoint.ask()["started"] == first, "a container serves more than one request"
    until(lambda: not endpoint.containers(), "the idle container is gone", IDLE + 15)
    told = endpoint.client.describe_endpoint(EndpointName=endpoint.name)
    assert told["EndpointStatus"] == "InService"
    assert endpoint.ask()["started"] > first
    assert len(endpoint.containers()) == 1
    assert here.metric(endpoint.name, "ModelSetupTime", "SampleCount") == 2
    overhead = here.metric(endpoint.name, "OverheadLatency", "Maximum")
    assert overhead >= here.metric(endpoint.name, "ModelSetupTime", "Minimum"), "microseconds"


def test_deleting_an_endpoint_removes_its_containers_and_its_answers(new_endpoint, probe):
    endpoint = new_endpoint().create(probe).wait()
    assert len(endpoint.containers()) == 1
    endpoint.client.delete_endpoint(EndpointName=endpoint.name)
    endpoint.wait("endpoint_deleted")
    assert endpoint.containers() == []
    with pytest.raises(endpoint.runtime.exceptions.ValidationError) as caught:
        endpoint.ask()
    assert caught.value.response["Error"]["Message"] == (
        f"Endpoint {endpoint.name} of account {ACCOUNT} not found.")


def test_an_endpoint_that_is_deleted_under_way_leaves_nobody_waiting(new_endpoint, probe):
    endpoint = new_endpoint().create(probe, concurrency=20).wait()

    def ask(number):
        try:
            endpoint.ask(sleep=20)
        except ClientError as error:
            return error.response["Error"]["Code"]
    with ThreadPoolExecutor(containers.ENVIRONMENTS + 2) as pool:
        under_way = [pool.submit(ask, number) for number in range(containers.ENVIRONMENTS + 2)]
        time.sleep(2)
        endpoint.client.delete_endpoint(EndpointName=endpoint.name)
        assert endpoint.containers() == []
        codes = [asked.result(timeout=10) for asked in under_way]
    assert set(codes) == {"ModelError", "ValidationError"}, "at work, and waiting for a container"


def failed_ping(endpoint, words):
    """Assert that the endpoint failed as AWS says it, and that its log has the words."""
    told = endpoint.settled()
    assert told["EndpointStatus"] == "Failed"
    assert told["FailureReason"] == (
        "The primary container for production variant AllTraffic did not pass the ping health "
        "check. Please check CloudWatch logs for this endpoint.")
    assert endpoint.containers() == []
    assert words in "".join(endpoint.log(words))
    with pytest.raises(endpoint.runtime.exceptions.ValidationError, match="not found"):
        endpoint.ask()


def test_a_container_that_ends_at_once_fails_the_endpoint(new_endpoint, probe):
    endpoint = new_endpoint().create(probe, PING="exit")
    with pytest.raises(WaiterError, match='matched expected path: "Failed"'):
        endpoint.wait()
    failed_ping(endpoint, "there is nothing to serve")


def test_a_container_that_never_answers_ping_fails_the_endpoint_which_cannot_be_changed_meanwhile(
        new_endpoint, probe):
    endpoint = new_endpoint().create(probe, PING="never")
    for change in (
            lambda: endpoint.client.delete_endpoint(EndpointName=endpoint.name),
            lambda: endpoint.client.update_endpoint(EndpointName=endpoint.name,
                                                    EndpointConfigName=endpoint.configs[0])):
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint") as caught:
            change()
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(endpoint.runtime.exceptions.ValidationError, match="not found"):
        endpoint.ask()
    failed_ping(endpoint, "starting")


def test_model_data_that_is_no_archive_fails_the_endpoint(here, new_endpoint, probe, bucket):
    here.client("s3").put_object(Bucket=bucket, Key="bad.tar.gz", Body=b"no archive")
    endpoint = new_endpoint().create(probe, f"s3://{bucket}/bad.tar.gz")
    told = endpoint.settled()
    assert told["EndpointStatus"] == "Failed"
    assert "Failed to extract model data archive" in told["FailureReason"]


def test_an_archive_cannot_reach_outside_its_folder():
    with pytest.raises(container.StartError, match="../x is not allowed in it"):
        container.unpacked(archive(**{"../x": b"1"}), "s3://bucket/key")


def test_an_update_refuses_no_request_and_the_old_containers_go(new_endpoint, probe):
    endpoint = new_endpoint().create(probe, COLOUR="red").wait()
    old = endpoint.containers()
    seen, ended = [], []

    def keep_asking():
        while not ended:
            seen.append(endpoint.ask(sleep=0.05)["colour"])
    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(keep_asking) for _ in range(2)]
        try:
            until(lambda: "red" in seen, "the old configuration answers")
            new = endpoint.configure(probe, memory=2048, COLOUR="green")
            endpoint.client.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=new)
            during = endpoint.client.describe_endpoint(EndpointName=endpoint.name)
            endpoint.wait()
            until(lambda: seen[-4:] == ["green"] * 4, "the new one answers")
        finally:
            ended.append(True)
    for worker in workers:
        worker.result()  # raises what a request met
    assert (during["EndpointStatus"], during["EndpointConfigName"]) == (
        "Updating", endpoint.configs[0])
    assert endpoint.settled()["EndpointConfigName"] == new
    assert set(seen) == {"red", "green"} and seen[-1] == "green"
    until(lambda: not set(old) & set(endpoint.containers()), "the old containers are gone", 10)


def test_an_update_that_does_not_come_up_leaves_the_old_one_in_service(new_endpoint, probe):
    endpoint = new_endpoint().create(probe, COLOUR="red").wait()
    endpoint.client.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=(
        endpoint.configure(probe, PING="exit")))
    told = endpoint.settled()
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == (
        "InService", endpoint.configs[0])
    assert "did not pass the ping health check" in told["FailureReason"]
    assert endpoint.ask()["colour"] == "red"


# Requests

def test_two_hundred_requests_at_once_are_throttled_and_retried_to_the_end(new_endpoint, probe):
    endpoint = new_endpoint().create(probe, concurrency=5).wait()
    throttled = []

    def ask(number):
        for attempt in range(60):
            try:
                return endpoint.ask(number=number, sleep=0.05)
            except ClientError as error:
                throttled.append(error.response)
                time.sleep(random.uniform(0, min(4, 0.1 * 2 ** attempt)))
        raise AssertionError(f"request {number} never got through")
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(ask, range(200)))
    assert [answer["asked"]["number"] for answer in answers] == list(range(200))
    assert len(throttled) > 100, "200 at once, 5 are allowed"
    assert {(error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"])
            for error in throttled} == {("ThrottlingException", 400)}
    assert len(endpoint.containers()) <= min(5, containers.ENVIRONMENTS)
    assert {answer["most_at_once"] for answer in answers} == {1}, "one request at a time each"


def test_boto3_itself_retries_what_is_throttled(new_endpoint, probe):
    endpoint = new_endpoint().create(probe, concurrency=1).wait()
    patient = boto3.client(
        "sagemaker-runtime", endpoint_url=f"http://127.0.0.1:{endpoint.here.port}",
        region_name="us-east-1", **administrator(endpoint.here.port),
        config=Config(retries={"mode": "standard", "total_max_attempts": 10}))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda number: patient.invoke_endpoint(
            EndpointName=endpoint.name, Body=b'{"sleep": 0.3}'), range(3)))
    assert sum(answer["ResponseMetadata"]["RetryAttempts"] for answer in answers) > 0


@pytest.mark.parametrize("status, side", [(418, "client"), (503, "server")])
def test_a_containers_error_is_a_model_error_with_its_message_and_status(
        here, shared, status, side):
    kind = f"Invocation{status // 100}XXErrors"
    before = here.metric(shared.name, kind) or 0
    with pytest.raises(shared.runtime.exceptions.ModelError) as caught:
        shared.ask(status=status, say="I am a teapot")
    told, group = caught.value.response, f"/aws/sagemaker/Endpoints/{shared.name}"
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (told["OriginalStatusCode"], told["OriginalMessage"]) == (status, "I am a teapot")
    assert told["LogStreamArn"] == f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
    assert told["Error"]["Message"] == (
        f'Received {side} error ({status}) from primary with message "I am a teapot". See '
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
        f"#logEventViewer:group={group} in account {ACCOUNT} for more information.")
    assert here.metric(shared.name, kind) == before + 1
    assert shared.ask()["colour"] is None, "the container goes on"


def test_a_container_that_ends_is_a_model_error_and_the_next_request_works(shared):
    before = shared.ask()["started"]
    with pytest.raises(shared.runtime.exceptions.ModelError, match="container ended"):
        shared.ask(exit=3)
    assert shared.ask()["started"] > before


def test_a_container_that_ended_while_idle_costs_no_request(new_endpoint, probe):
    endpoint = new_endpoint().create(probe).wait()
    before = endpoint.ask()["started"]
    engine.docker("kill", *endpoint.containers())
    assert endpoint.ask()["started"] > before


def test_the_memory_cap_is_real(here, new_endpoint, probe):
    endpoint = new_endpoint().create(probe, memory=1024).wait()
    settings = json.loads(engine.docker("inspect", *endpoint.containers()).stdout)[0]["HostConfig"]
    assert settings["Memory"] == settings["MemorySwap"] == 1024 ** 3
    assert settings["CpuQuota"] == containers.cpu_quota(1024)
    assert endpoint.ask(megabytes=700)["held"] == 700 * 1024 ** 2
    if not engine.is_desktop():
        assert 68 < here.metric(endpoint.name, "MemoryUtilization", "Maximum") <= 100
    with pytest.raises(endpoint.runtime.exceptions.ModelError, match="container ended"):
        endpoint.ask(megabytes=1200)
    assert endpoint.ask()["held"] == 0


def test_a_container_finds_its_model_and_may_write_to_tmp_only(here, new_endpoint, probe, bucket):
    here.client("s3").put_object(Bucket=bucket, Key="two files.tar.gz", Body=archive(
        **{"model.txt": b"one", "code/more.txt": b"two"}))
    endpoint = new_endpoint().create(probe, f"s3://{bucket}/two files.tar.gz").wait()
    answer = endpoint.ask()
    assert answer["model"] == {"/opt/ml/model/model.txt": "one",
                               "/opt/ml/model/code/more.txt": "two"}
    assert answer["writable"] == ["/tmp"]
    assert answer["user"] == limits.SANDBOX
    ports = engine.docker("inspect", "--format", "{{json .NetworkSettings.Ports}}",
                          *endpoint.containers()).stdout
    assert [entry["HostIp"] for entry in json.loads(ports)["8080/tcp"]] == ["127.0.0.1"]


def test_a_model_is_read_once(here, new_endpoint, probe, bucket):
    here.client("s3").put_object(Bucket=bucket, Key="once.tar.gz", Body=archive(
        **{"model.txt": b"one"}))
    endpoint = new_endpoint().create(probe, f"s3://{bucket}/once.tar.gz").wait()
    here.client("s3").delete_object(Bucket=bucket, Key="once.tar.gz")
    until(lambda: not endpoint.containers(), "the idle container is gone", IDLE + 15)
    assert endpoint.ask()["model"] == {"/opt/ml/model/model.txt": "one"}


def test_headers_reach_the_container_and_come_back(shared):
    answer = shared.invoke(b"{}", Accept="application/json", CustomAttributes="trace=1",
                           TargetVariant="AllTraffic")
    headers = json.loads(answer["Body"].read())["headers"]
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert headers["x-amzn-sagemaker-custom-attributes"] == "trace=1"
    assert answer["CustomAttributes"] == "from the container"
    with pytest.raises(shared.runtime.exceptions.ValidationError, match="Variant blue"):
        shared.invoke(b"{}", TargetVariant="blue")


def test_a_payload_over_4_mb_is_refused_both_ways(shared):
    limit = 4 * 1024 * 1024
    body = b'{"ballast": "' + b"y" * (limit - 15) + b'"}'
    assert json.loads(shared.invoke(body)["Body"].read())["colour"] is None
    with pytest.raises(shared.runtime.exceptions.ValidationError) as caught:
        shared.invoke(body + b" ")
    told = caught.value.response
    assert told["Error"]["Message"] == (
        f"Request {told['ResponseMetadata']['RequestId']} has oversize body.")
    assert len(shared.invoke(json.dumps({"bytes": limit}))["Body"].read()) == limit
    with pytest.raises(shared.runtime.exceptions.ModelError, match="could not load the entire"):
        shared.invoke(json.dumps({"bytes": limit + 1}))


def test_what_a_container_writes_is_in_the_endpoints_log(here, shared):
    words = uuid.uuid4().hex
    shared.ask(say=words)
    assert f"asked {words}\n" in shared.log(words)
    streams = here.client("logs").describe_log_streams(
        logGroupName=f"/aws/sagemaker/Endpoints/{shared.name}")["logStreams"]
    assert all(stream["logStreamName"].startswith("AllTraffic/") for stream in streams)


def test_metrics_count_requests_and_their_microseconds(here, new_endpoint, probe):
    endpoint = new_endpoint().create(probe).wait()
    for _ in range(3):
        endpoint.ask(sleep=0.2)
    assert here.metric(endpoint.name, "Invocations") == 3
    assert here.metric(endpoint.name, "Invocation4XXErrors") == 0
    assert here.metric(endpoint.name, "Invocation5XXErrors") == 0
    assert here.metric(endpoint.name, "ModelLatency", "Minimum") >= 200_000
    assert here.metric(endpoint.name, "OverheadLatency", "SampleCount") == 3


def test_a_function_invokes_an_endpoint(here, shared):
    code = ("import boto3\n"
            "def lambda_handler(event, context):\n"
            "    return boto3.client('sagemaker-runtime').invoke_endpoint(\n"
            "        EndpointName=event['endpoint'], Body=b'{}')['Body'].read().decode()\n")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        info = zipfile.ZipInfo("handler.py")
        info.external_attr = 0o644 << 16
        file.writestr(info, code)
    client = here.client("lambda")
    client.create_function(
        FunctionName="workshop-test-caller", Role=here.role("workshop-test-caller", "trust.json"),
        Runtime="python3.13", Handler="handler.lambda_handler", MemorySize=512, Timeout=30,
        Code={"ZipFile": buffer.getvalue()})
    client.get_waiter("function_active_v2").wait(FunctionName="workshop-test-caller")
    answer = client.invoke(FunctionName="workshop-test-caller",
                           Payload=json.dumps({"endpoint": shared.name}))
    told = json.loads(answer["Payload"].read())
    client.delete_function(FunctionName="workshop-test-caller")
    assert json.loads(told)["asked"] == {}


# What cannot be waited for: the same code with a container that is not there

class Scene:
    """A variant whose container does one thing."""
    plan = container.Plan("churn", "AllTraffic", "image", 1024, 5, ROLE_ARN)
    closed = False

    def __init__(self, meets):
        self.meets, self.discarded = meets, []

    def take(self, seconds):
        if isinstance(self.meets, (variant.NotReadyError, container.StartError)):
            raise self.meets
        return self

    def ask(self, body, headers, seconds):
        raise self.meets

    def discard(self, environment):
        self.discarded.append(environment)


@pytest.fixture
def no_metrics(monkeypatch):
    monkeypatch.setattr(runtime.telemetry, "record", lambda *arguments, **figures: None)


@pytest.mark.parametrize("meets, code, status, words", [
    (TimeoutError(), "ModelError", 424, "Your invocation timed out while waiting"),
    (container.GoneError("reset"), "ModelError", 424, "container ended"),
    (container.StartError("no ping"), "ModelError", 424, "no ping"),
    (variant.NotReadyError(), "ModelNotReadyException", 429, "within 60 seconds"),
], ids=["time-out", "gone", "no cold start", "not ready"])
def test_what_a_request_meets_is_told_in_aws_errors(no_metrics, meets, code, status, words):
    scene = Scene(meets)
    with pytest.raises(RefusedError, match=words) as caught:
        runtime.Request(scene, {}, b"").answer()
    assert (caught.value.code, caught.value.status) == (code, status)
    if isinstance(meets, TimeoutError):
        assert caught.value.members["OriginalStatusCode"] == 0
    assert bool(scene.discarded) is isinstance(meets, (TimeoutError, container.GoneError))


def test_a_container_that_does_not_answer_in_time_times_out():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = container.Environment.__new__(container.Environment)
        asked.place = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(TimeoutError):
            asked.ask(b"{}", {}, 0.2)
    with pytest.raises(container.EndedError):
        asked.ask(b"{}", {}, 0.2)


@pytest.fixture
def plan():
    return container.Plan("churn", "AllTraffic", "image", 1024, 5, ROLE_ARN)


def test_a_start_that_fails_ends_a_requests_wait_only_when_there_is_no_other_container(
        monkeypatch, no_metrics, plan):
    def no_container(plan, abandoned):
        raise container.StartError("no ping")
    monkeypatch.setattr(variant, "Environment", no_container)
    alone = variant.Variant(plan)
    with pytest.raises(container.StartError, match="no ping"):
        alone.take(10)
    other, busy = variant.Variant(plan), object()
    other.environments.add(busy)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(other.take, 10)
        while not other.failures:
            time.sleep(0.01)
        assert not waiting.done()
        other.idle.append(busy)
        with other.change:
            other.change.notify_all()
        assert waiting.result(timeout=5) is busy
    assert other.failures == 1, "one that failed is not started again and again"


def test_a_request_waits_no_longer_than_it_may(monkeypatch, plan):
    monkeypatch.setattr(variant, "ENVIRONMENTS", 0)
    with pytest.raises(variant.NotReadyError):
        variant.Variant(plan).take(0.1)


def test_a_request_whose_sender_went_away_is_not_answered():
    async def receive(messages=iter([{"type": "http.request", "body": b"{", "more_body": True},
                                     {"type": "http.disconnect"}])):
        return next(messages)
    scope = {"type": "http", "path": "/endpoints/churn/invocations", "headers": [(
        b"authorization", b"AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/sagemaker/x")]}
    asyncio.run(sagemaker.beside(None)(scope, receive, None))  # None would fail if it were used


def test_the_limits_are_those_that_aws_documents():
    assert limits.ENDPOINT_ANSWER == 60 and limits.ENDPOINT_START == 180
    assert limits.ENDPOINT_REQUEST == 4 * 1024 * 1024
    told = (paths.ROOT / "workshop/LOCAL_CLOUD.md").read_text()
    assert f"after {api.IDLE} seconds" in told


# What AWS refuses at once

def call(here, operation, **arguments):
    with pytest.raises(ClientError) as caught:
        getattr(here.client("sagemaker"), operation)(**arguments)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "ValidationException"
    return error["Error"]["Message"]


VARIANT = {"VariantName": "AllTraffic", "ModelName": "workshop-test-none",
           "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}


@pytest.mark.parametrize("operation, arguments, kind, words", [
    ("describe_model", {"ModelName": "nil"}, "model", "model"),
    ("delete_model", {"ModelName": "nil"}, "model", "model"),
    ("describe_endpoint_config", {"EndpointConfigName": "nil"}, "endpoint-config",
     "endpoint configuration"),
    ("delete_endpoint_config", {"EndpointConfigName": "nil"}, "endpoint-config",
     "endpoint configuration"),
    ("describe_endpoint", {"EndpointName": "nil"}, "endpoint", "endpoint"),
    ("delete_endpoint", {"EndpointName": "nil"}, "endpoint", "endpoint"),
    ("update_endpoint", {"EndpointName": "nil", "EndpointConfigName": "nil"}, "endpoint",
     "endpoint"),
    ("create_endpoint", {"EndpointName": "new", "EndpointConfigName": "nil"}, "endpoint-config",
     "endpoint configuration"),
    ("create_endpoint_config", {"EndpointConfigName": "new", "ProductionVariants": [
        {**VARIANT, "ModelName": "nil"}]}, "model", "model"),
])
def test_what_is_not_there_is_not_found(here, operation, arguments, kind, words):
    assert call(here, operation, **arguments) == (
        f'Could not find {words} "arn:aws:sagemaker:us-east-1:{ACCOUNT}:{kind}/nil".')


def test_a_name_in_use_is_refused(here, role, shared, probe):
    name = shared.configs[0]
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}"
    assert call(here, "create_model", ModelName=name, ExecutionRoleArn=role, PrimaryContainer={
        "Image": probe}) == f'Cannot create already existing model "{arn}:model/{name}".'
    assert call(here, "create_endpoint_config", EndpointConfigName=name, ProductionVariants=[
        {**VARIANT, "ModelName": name}]) == (
            "Cannot create already existing endpoint configuration "
            f'"{arn}:endpoint-config/{name}".')
    assert call(here, "create_endpoint", EndpointName=shared.name, EndpointConfigName=name) == (
        f'Cannot create already existing endpoint "{arn}:endpoint/{shared.name}".')


@pytest.mark.parametrize("change, words", [
    ({"ModelName": "under_score"}, "'under_score' at 'modelName' failed to satisfy constraint"),
    ({"ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}, "Could not assume role .*none"),
    ({"PrimaryContainer": {"Image": "localhost:1/none:v1"}}, "Requested image .*none:v1 not found"),
    ({"PrimaryContainer": {"Image": "python:3.13"}}, "Requested image python:3.13 not found"),
    ({"data": "s3://workshop-test-models/none.tar.gz"}, "Could not find model data at s3://.*none"),
    ({"EnableNetworkIsolation": True}, "not supported for serverless"),
])
def test_a_model_that_cannot_be_served_is_refused(here, role, probe, bucket, change, words):
    asked = {"ModelName": "workshop-test-refused", "ExecutionRoleArn": role,
             "PrimaryContainer": {"Image": probe}, **change}
    if "data" in asked:
        asked["PrimaryContainer"] = {"Image": probe, "ModelDataUrl": asked.pop("data")}
    message = call(here, "create_model", **asked)
    assert re.search(words, message), message


def test_a_role_that_does_not_trust_sagemaker_is_refused(here, probe):
    role = here.role("workshop-test-lambdas", "trust.json")
    assert "allows principal 'sagemaker.amazonaws.com' to assume" in call(
        here, "create_model", ModelName="x", ExecutionRoleArn=role,
        PrimaryContainer={"Image": probe})


@pytest.mark.parametrize("change, words", [
    ({"ServerlessConfig": {"MemorySizeInMB": 1536, "MaxConcurrency": 1}}, "memorySizeInMB"),
    ({"ServerlessConfig": {"MemorySizeInMB": 7168, "MaxConcurrency": 1}}, "memorySizeInMB"),
    ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 201}}, "maxConcurrency"),
    ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1,
                           "ProvisionedConcurrency": 1}}, "no ProvisionedConcurrency"),
    ({"InstanceType": "ml.m5.large"}, "no InstanceType"),
    ({"VariantName": "all_traffic"}, "'all_traffic' at 'productionVariants.1.member.variantName'"),
])
def test_a_variant_that_cannot_be_served_is_refused(here, change, words):
    assert words in call(here, "create_endpoint_config", EndpointConfigName="new",
                         ProductionVariants=[{**VARIANT, **change}])
    real_time = {"VariantName": "AllTraffic", "ModelName": "x", "InstanceType": "ml.m5.large",
                 "InitialInstanceCount": 1}
    assert "serverless endpoints only" in call(here, "create_endpoint_config",
                                               EndpointConfigName="new",
                                               ProductionVariants=[real_time])


def test_endpoints_share_the_concurrency_of_the_account(here, new_endpoint, probe):
    first, second = new_endpoint(), new_endpoint()
    first.create(probe, concurrency=150).wait()
    name = second.configure(probe, concurrency=60)
    with pytest.raises(ClientError, match="is 200, with current utilization of 1[57]0 and a "
                                          "request delta of 60") as refused:
        second.client.create_endpoint(EndpointName=second.name, EndpointConfigName=name)
    assert refused.value.response["Error"]["Code"] == "ResourceLimitExceeded"
    first.client.update_endpoint(EndpointName=first.name,
                                 EndpointConfigName=first.configure(probe, concurrency=100))
    second.client.create_endpoint(EndpointName=second.name, EndpointConfigName=name)


@pytest.mark.parametrize("image, machine, served", [
    ("amd64", "x86_64", True), ("arm64", "x86_64", False), ("amd64", "arm64", True),
    ("arm64", "arm64", True), ("riscv64", "arm64", False), ("", "x86_64", False)])
def test_architectures_of_an_endpoints_image(image, machine, served):
    assert container.runs(image, machine) == served


@pytest.mark.skipif(engine.architecture() != "x86_64", reason="an arm64 machine serves arm64 too")
def test_an_image_that_is_not_for_x86_64_fails_the_endpoint(here, new_endpoint, tmp_path):
    # One step: Debian's builder refuses a second one on an image for another platform.
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    name = f"workshop-test-sagemaker-{uuid.uuid4().hex[:8]}"
    done = engine.docker("build", "--platform", "linux/arm64", "--tag", name, str(tmp_path))
    assert done.returncode == 0, done.stderr
    try:
        settled = new_endpoint().create(here.push(name, "workshop-test-arm64")).settled()
    finally:
        engine.docker("rmi", name)
    assert settled["EndpointStatus"] == "Failed" and "exec format error" in settled["FailureReason"]


def test_an_operation_that_is_not_served_says_which_are(here):
    words = "no DescribeTrainingJob operation .* CreateEndpoint"
    with pytest.raises(ClientError, match=words) as caught:
        here.client("sagemaker").describe_training_job(TrainingJobName="churn")
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


# Nothing is left

@pytest.mark.parametrize("end", ["stop", "kill"])
def test_stopping_leaves_no_container_and_a_start_sweeps_what_a_kill_left(
        tmp_path, probe_image, end):
    own = Cloud(tmp_path)
    try:
        endpoint = Endpoint(own, own.role()).create(own.push(probe_image, "workshop-test-probe"))
        endpoint.wait()
        assert len(endpoint.containers()) == 1
        if end == "kill":
            process = lifecycle.status(own.port)["pid"]
            os.kill(process, signal.SIGKILL)
            while lifecycle.listening(own.port):
                time.sleep(0.05)
            assert len(endpoint.containers()) == 1
            lifecycle.start(own.port)
            until(lambda: not endpoint.containers(), "the start has swept it", 10)
        else:
            lifecycle.stop(own.port)
        assert endpoint.containers() == []
    finally:
        own.stop()
