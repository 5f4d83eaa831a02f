"""A local cloud in which a new role is unknown for some seconds, as on AWS: what the workshop
deploys waits for it, and a call that does not wait is refused in AWS's words."""
import json
import shutil
import socket
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

import tiny_churn
from workshop import cloud, deploy, triggers
from workshop.account import buckets, calls, endpoints, functions, queues, roles, schedules
from workshop.local import addresses, lifecycle
from workshop.machine import engine, paths

DELAY = 6       # seconds
NAME = "workshop-test-slow"
CUSTOMER = json.loads((paths.ROOT / "tests/support/events/direct.json").read_text())["customer"]
FUNCTION = f"arn:aws:lambda:us-east-1:{addresses.ACCOUNT}:function:f"    # that there is not
SCHEDULER = json.dumps({"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "scheduler.amazonaws.com"}}]})
TEMPLATE = json.dumps({"Resources": {
    "Role": {"Type": "AWS::IAM::Role", "Properties": {
        "RoleName": f"{NAME}-stack-role", "AssumeRolePolicyDocument": {
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"Service": "lambda.amazonaws.com"}}]}}},
    "Function": {"Type": "AWS::Lambda::Function", "Properties": {
        "FunctionName": f"{NAME}-stack", "Runtime": "python3.13", "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": "def handler(event, context):\n    return 'done'\n"}}}}})


@pytest.fixture(scope="module")
def port(docker_engine):
    """The port of a local cloud of its own, in which IAM takes its time."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("WORKSHOP_ROLE_DELAY", str(DELAY))
        lifecycle.start(number)
    yield number
    lifecycle.stop(number)
    pulled = engine.docker("images", "--filter", f"reference=localhost:{number}/*", "--digests",
                           "--format", "{{.Repository}}@{{.Digest}} {{.Repository}}:{{.Tag}}")
    engine.docker("rmi", "-f", *[one for one in pulled.stdout.split() if "<none>" not in one])
    shutil.rmtree(addresses.state_folder(number), ignore_errors=True)


@pytest.fixture(autouse=True)
def in_use(port, monkeypatch):
    """Calls go to that local cloud; `same_cloud` gives back the one of before."""
    monkeypatch.setenv("WORKSHOP_PORT", str(port))
    cloud.use()


@pytest.fixture
def name():
    return f"{NAME}-{uuid.uuid4().hex[:8]}"


def refusal(call, **arguments):
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Message"]


def zip_function(name, role):
    return dict(FunctionName=name, Role=role, Runtime="python3.13", Handler="a.b",
                Code={"ZipFile": b"PK\x05\x06" + bytes(18)})


@pytest.fixture(scope="module")
def image(port, tmp_path_factory):
    """The churn image with a tiny model."""
    folder = tmp_path_factory.mktemp("model")
    tiny_churn.make(folder)
    built = deploy.build("churn", folder / "model.onnx", "slow-test")
    yield built
    engine.docker("image", "rm", "-f", built)


def test_what_the_workshop_deploys_waits_for_its_roles(image, capsys):
    deploy.function(NAME, deploy.push(image, NAME))
    deploy.publish(NAME)
    triggers.on_queue(NAME, triggers.queue(f"{NAME}-in"))
    triggers.failures_to(NAME, triggers.plain_queue(f"{NAME}-failed"))
    waits = capsys.readouterr().out.count("waiting until a new role or right is known")
    assert waits >= 3, "the function, its mapping and its destination met a role that was not known"
    answer = boto3.client("lambda").invoke(
        FunctionName=f"{NAME}:live", Payload=json.dumps({"customer": CUSTOMER}))
    assert 0 <= json.load(answer["Payload"])["churn_probability"] <= 1


def test_a_model_waits_for_its_role(image, name, capsys):
    uri, bucket = deploy.push(image, name), deploy.bucket(name)
    boto3.client("s3").put_object(Bucket=bucket, Key="model.tar.gz", Body=b"")
    assert endpoints.find(name) is None     # the next call is quick: the client is made
    role = roles.ensure(f"{name}-role", "trust_sagemaker")
    roles.grant(f"{name}-role", "serve_model", bucket=bucket, endpoint=name)
    endpoints.ensure_model(name, role, uri, f"s3://{bucket}/model.tar.gz")
    assert "waiting until a new role" in capsys.readouterr().out
    endpoints.delete(name)
    buckets.delete(bucket)


def test_a_schedule_waits_for_its_role(name, capsys):
    assert schedules.find(name) is None
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=SCHEDULER)
    schedules.ensure(name, "rate(1 day)", {"RoleArn": role["Role"]["Arn"], "Arn": FUNCTION})
    assert "waiting until a new role" in capsys.readouterr().out
    schedules.delete(name)


def test_a_stack_waits_for_its_own_roles():
    stacks = boto3.client("cloudformation")
    stacks.create_stack(StackName=NAME, TemplateBody=TEMPLATE,
                        Capabilities=["CAPABILITY_NAMED_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName=NAME)
    assert functions.find(f"{NAME}-stack")["State"] == "Active"


def test_a_call_that_does_not_wait_is_refused(name):
    role = roles.ensure(name)
    for service, call, words, arguments in [
            ("lambda", "create_function",
             "The role defined for the function cannot be assumed by Lambda.",
             zip_function(name, role)),
            ("sagemaker", "create_model", f"Could not assume role {role}.",
             dict(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "none"})),
            ("scheduler", "create_schedule", "The execution role you provide must allow AWS "
             "EventBridge Scheduler to assume the role.",
             dict(Name=name, ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"},
                  Target={"RoleArn": role, "Arn": FUNCTION})),
            ("sts", "assume_role", "is not authorized to perform: sts:AssumeRole on resource: "
             + role, dict(RoleArn=role, RoleSessionName="me"))]:
        assert words in refusal(getattr(boto3.client(service), call), **arguments), service


def test_a_policy_is_unknown_for_a_while_and_so_is_that_it_has_gone(name):
    role, client = roles.ensure(name), boto3.client("lambda")
    calls.when_known(client.create_function, lambda error: "assumed" in error["Message"], pause=0.2,
                     **zip_function(name, role))
    queue = triggers.queue_arn(triggers.plain_queue(name))
    roles.grant(name, "send_failures", queue=name)
    destination = dict(FunctionName=name, DestinationConfig={"OnFailure": {"Destination": queue}})
    put = client.put_function_event_invoke_config
    assert "does not have permissions to call SendMessage" in refusal(put, **destination)
    queues.when_allowed(put, pause=0.2, **destination)
    boto3.client("iam").delete_role_policy(RoleName=name, PolicyName="send_failures")
    put(**destination)      # for Lambda, the role still has it
