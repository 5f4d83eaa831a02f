"""What the tests share: a local cloud for the whole session, and a function in it to ask."""
import json
import os
import re
import signal
import subprocess
import uuid
from pathlib import Path

import pytest

import image_registry
from deployed import Function
from workshop import cloud, packages
from workshop.local import identities, lifecycle
from workshop.machine import engine, settings

PROBE = Path(__file__).parent / "support" / "probe"


def own():
    """Names in tests begin with workshop-test-, those of lessons in the same cloud do not; and
    tests make calls that no lesson makes, so they act as the account's administrator."""
    os.environ["WORKSHOP_OWNER"] = "test"
    os.environ["WORKSHOP_USER"] = identities.ADMINISTRATOR


def pytest_runtest_setup():
    own()


def pytest_configure(config):
    """Tests never touch an AWS account, whatever the learner has set, and they hear Ctrl-C."""
    for name in settings.leaking(os.environ):
        os.environ.pop(name, None)
    own()
    os.environ.update(settings.aws_files())
    # A shell's background jobs ignore Ctrl-C, and so would the commands that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def same_cloud():
    """A test that uses a cloud of its own gives back the one that was in use before it."""
    before = {name: value for name, value in os.environ.items()
              if name.startswith(("AWS_", "DOCKER_", "WORKSHOP_"))}
    yield
    changed = {name: value for name, value in before.items() if os.environ.get(name) != value}
    if changed:
        os.environ.update(changed)
        cloud._fresh_session()


@pytest.fixture(scope="session")
def local_cloud():
    """The local cloud, in use; stopped at the end unless it ran before."""
    was_running = lifecycle.status()["running"]
    cloud.use()
    yield cloud
    if not was_running:
        lifecycle.stop()


@pytest.fixture(scope="session")
def docker_engine():
    """A Docker engine that answers; without one, the test is skipped with that reason."""
    if not engine.available():
        pytest.skip("no Docker engine is running")


@pytest.fixture(scope="session")
def aws(local_cloud):
    """`aws("lambda")`: a boto3 client of the local cloud that never retries by itself."""
    import boto3
    from botocore.config import Config
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=60, read_timeout=120)
    return lambda service: boto3.client(service, config=config)


@pytest.fixture(scope="session")
def role(aws):
    """The ARN of a role for functions: it may write every log, and to the tests' queues."""
    from workshop import deploy
    from workshop.account import roles
    name, iam = "workshop-test-role", aws("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=deploy.policy("trust"))
    rights = [{"Effect": "Allow", "Action": ["logs:Create*", "logs:Put*"], "Resource": "*"},
              {"Effect": "Allow", "Action": "sqs:SendMessage",
               "Resource": "arn:aws:sqs:*:*:workshop-test-*"}]
    iam.put_role_policy(RoleName=name, PolicyName="tests", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": rights}))
    yield made["Role"]["Arn"]
    roles.remove(name)


@pytest.fixture(scope="session")
def events_role(aws):
    """The ARN of a role for functions that read and feed queues, topics, buckets and functions."""
    from workshop import deploy
    from workshop.account import roles
    name, iam = "workshop-test-events", aws("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=deploy.policy("trust"))
    iam.put_role_policy(RoleName=name, PolicyName="tests", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["logs:Create*", "logs:Put*"], "Resource": "*"},
            {"Effect": "Allow", "Resource": "arn:aws:s3:::workshop-test-*",
             "Action": "s3:PutObject"},
            {"Effect": "Allow", "Resource": "arn:aws:*:*:*:*workshop-test-*", "Action": [
                "sqs:*", "sns:Publish", "lambda:InvokeFunction"]}]}))
    yield made["Role"]["Arn"]
    roles.remove(name)


@pytest.fixture(scope="session")
def probe_image(aws, docker_engine, tmp_path_factory):
    """The probe as an image in the local cloud's registry: its URI with digest."""
    from workshop.machine import base_image
    ecr, name = aws("ecr"), "workshop-test-shared"
    uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    folder = tmp_path_factory.mktemp("image")
    (folder / "lambda_function.py").write_text((PROBE / "lambda_function.py").read_text())
    (folder / "Dockerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY lambda_function.py ./\n"
        'CMD ["lambda_function.lambda_handler"]\n')
    # The registry login goes to a folder of its own, not into the learner's configuration.
    environment = {**os.environ, "DOCKER_CONFIG": str(folder)}

    def docker(*arguments, **options):
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True,
                              env=environment, **options)
        assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr}"

    user, password = image_registry.credentials(ecr)
    docker("login", "--username", user, "--password-stdin", image_registry.host(uri),
           input=password)
    docker("build", "--build-arg", f"BASE_IMAGE={base_image.get()}", "-t", f"{uri}:v1", str(folder))
    docker("push", f"{uri}:v1")
    docker("rmi", f"{uri}:v1")  # so that the function has to be pulled
    digest = ecr.describe_images(repositoryName=name)["imageDetails"][0]["imageDigest"]
    yield f"{uri}@{digest}"
    ecr.delete_repository(repositoryName=name, force=True)
    for reference in (f"{uri}@{digest}", f"{uri}:v1"):
        subprocess.run(["docker", "rmi", reference], capture_output=True)


@pytest.fixture
def new_function(aws, role, probe_image, request):
    """`new_function(**settings)` creates the probe as an image function of its own."""
    made = []

    def create(**settings):
        words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:30].strip("-")
        function = Function(aws, f"workshop-test-{words}-{uuid.uuid4().hex[:8]}")
        made.append(function)
        if "Runtime" not in settings:
            settings = {"PackageType": "Image", "Code": {"ImageUri": probe_image},
                        "Architectures": [engine.architecture()], **settings}
        function.client.create_function(FunctionName=function.name, **{"Role": role} | settings)
        function.client.get_waiter("function_active_v2").wait(FunctionName=function.name)
        return function
    yield create
    for function in made:
        function.delete()


@pytest.fixture(scope="module")
def probe(aws, role, probe_image):
    """The probe as an image function that a module's tests share (128 MB, 3 s)."""
    function = Function(aws, "workshop-test-shared")
    function.client.create_function(
        FunctionName=function.name, Role=role, PackageType="Image", Code={"ImageUri": probe_image},
        Architectures=[engine.architecture()])
    function.client.get_waiter("function_active_v2").wait(FunctionName=function.name)
    yield function
    function.delete()


@pytest.fixture(scope="session")
def probe_zip() -> bytes:
    """The probe as a zip file."""
    return packages.zipped(PROBE, "*.py")
