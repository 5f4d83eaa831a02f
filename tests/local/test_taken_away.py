"""Each action of each policy of the workshop is taken away in turn, and each permission that its
helpers give is forgotten in turn: something fails, where AWS shows it. So none is given in vain."""
import csv
import hashlib
import io
import json
import re
import time
import uuid
from contextlib import contextmanager

import boto3
import numpy as np
import onnx
import pandas as pd
import pytest
import requests
from botocore.exceptions import ClientError
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression

import function_folder
import tiny_churn
from acting import as_role_with
from deployed import Function
from waiting import until
from workshop import deploy, endpoints, triggers
from workshop.account import apis, calls, functions, queues, repositories, roles, schedules
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.rules.policies import listed
from workshop.machine import engine, paths

STACK = "workshop-test-taken"
HELLO, EVENTS, FILES, MODELS, ROLLBACK, SIGNAL = NAMES = [f"{STACK}-{one}" for one in (
    "churn", "events", "files", "models", "rollback", "signal")]
AUTHORIZER = f"{STACK}-authorizer"
ENDPOINT, QUEUE, ORDERS = f"{STACK}-endpoint", f"{STACK}-queue", f"{STACK}-orders.fifo"
PREFIX = "models/churn"
CUSTOMER = json.loads((paths.ROOT / "tests/support/events/direct.json").read_text())["customer"]
BARS = pd.read_csv(paths.DATA / "sp500.csv").head(21).to_dict("records")

# What is missed elsewhere, or on AWS only, and why it is there.
BY_CLOUDFORMATION = "CloudFormation makes this call itself: test_pipeline_taken_away.py"
BY_DOCKER = "docker asks the registry with it; test_learner.py shows that the registry looks"
TRANSFORM = "the local cloud transforms a template without asking"
GITHUB = "there is no identity provider; test_deploy_policy.py asks the evaluator of policies"
SAGEMAKER = "SageMaker Developer Guide, execution role of CreateModel; no container shows it"
ONLY_ON_AWS = {
    ("trust_github", "sts:AssumeRoleWithWebIdentity"): GITHUB,
    ("serve_model", "ecr:BatchCheckLayerAvailability"): SAGEMAKER,
    ("serve_model", "logs:DescribeLogStreams"): SAGEMAKER,
    ("serve_model", "cloudwatch:PutMetricData"): SAGEMAKER,
}
# Statements of deploy.json that are looked at here: what the pipeline itself calls.
PIPELINE = {"ChangeThisStack", "LetSamLookForItsSecondStack"}


def of_every_policy():
    """(policy, statement, action) of every file."""
    for path in sorted(roles.POLICIES.glob("*.json")):
        for statement in json.loads(path.read_text())["Statement"]:
            for action in listed(statement["Action"]):
                yield path.stem, statement["Sid"], action


def only_on_aws(policy, statement, action):
    """Why nothing fails here without an action; None: something must."""
    if policy == "deploy" and statement not in PIPELINE:
        return {"UseTheServerlessTransform": TRANSFORM, "PushTheImage": BY_DOCKER,
                "LogInToTheRegistry": None}.get(statement, BY_CLOUDFORMATION)
    return ONLY_ON_AWS.get((policy, action))


@contextmanager
def taken(policy, statement, action):
    """policies/POLICY.json lacks an action of one statement: one that allows nothing stands there,
    because no statement may be without any."""
    whole = roles.policy

    def without(name, **values):
        document = json.loads(whole(name, **values))
        for one in document["Statement"] if name == policy else []:
            if one["Sid"] == statement:
                harmless = "ecr:ListTagsForResource" if action.startswith("ecr:") \
                    else "sts:TagSession"
                one["Action"] = [harmless if each == action else each
                                 for each in listed(one["Action"])]
        return json.dumps(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(roles, "policy", without)
        yield


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Nobody waits for IAM here: what is refused stays refused."""
    def once(call, unknown, patience=0, pause=0, **arguments):
        return call(**arguments)
    monkeypatch.setattr(calls, "when_known", once)


def refusal(call, *arguments, **named):
    """What a call that may fail says: the error's words, with those of its cause, or "done"."""
    try:
        call(*arguments, **named)
    except (ClientError, RuntimeError) as error:
        return f"{error} {error.__cause__ or ''}"
    return "done"


# ---------------------------------------------------------------- what is deployed

@pytest.fixture(scope="module")
def image(local_cloud, docker_engine, tmp_path_factory):
    """The churn image with a tiny model, in the registry: (URI, path of the model)."""
    remove()
    folder = tmp_path_factory.mktemp("model")
    tiny_churn.make(folder)
    built = deploy.build("churn", folder / "model.onnx", "taken-test")
    yield deploy.push(built, STACK), folder / "model.onnx"
    remove()
    engine.docker("image", "rm", "-f", built)


def remove():
    for name in (QUEUE, ORDERS, f"{STACK}-clock", STACK, *NAMES):
        triggers.delete(name)
    for name in (*NAMES, AUTHORIZER, STACK):
        deploy.delete(name)
    endpoints.delete(ENDPOINT)


@pytest.fixture(scope="module")
def bucket(image):
    return deploy.bucket(STACK)


def place(name):
    return Function(boto3.client, name)


def as_role(function):
    """A session with the keys that a function's container has: it acts as the function's role."""
    found = json.loads(engine.docker("inspect", place(function).containers()[0]).stdout)
    keys = dict(one.split("=", 1) for one in found[0]["Config"]["Env"])
    return boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"],
                         keys["AWS_SESSION_TOKEN"])


def on_objects(function, bucket, prefix):
    """What a function's role reads when it uses objects itself: batch.py keeps AWS's words back."""
    s3, key = as_role(function).client("s3"), {"Bucket": bucket, "Key": f"{prefix}/x"}
    return " ".join([refusal(s3.put_object, **key, Body=b""), refusal(s3.get_object, **key),
                     refusal(s3.list_objects_v2, Bucket=bucket)])


# ---------------------------------------------------------------- one scene for each policy

class Scenes:
    """What is done with a policy, by the workshop's own helpers and functions. Each method makes
    what it needs where that is missing, puts the policy in place as it is now, and returns the text
    in which a refusal is read. `DONE` has what it returns when nothing is refused."""

    def __init__(self, uri, model, bucket):
        self.uri, self.model, self.bucket = uri, model, bucket
        self.served, self.endpoints_image = 0, ""

    def function(self, name, **settings):
        """A function of this name from the image, made once."""
        if not functions.find(name):
            deploy.function(name, self.uri, memory=1769, timeout=20, **settings)
        return place(name)

    def batch(self, name, handler, policy):
        function = self.function(name, command=f"batch.{handler}", environment={
            "RESULTS_BUCKET": self.bucket, "BUCKET_OWNER": ACCOUNT})
        deploy.allow(name, policy, bucket=self.bucket)
        return function

    def logs(self):
        """The lines of a run in a fresh environment: who may not write them gets none."""
        if not functions.find(HELLO):
            deploy.zip_function(HELLO, folder="hello")
        deploy.allow(HELLO, "logs", function=HELLO)
        hello = place(HELLO)
        hello.configure(Description=uuid.uuid4().hex)
        number = re.search(r"START RequestId: (\S+)", hello.ask()["log"])[1]
        found = hello.logs.filter_log_events(logGroupName=f"/aws/lambda/{HELLO}",
                                             filterPattern=f'"{number}"')["events"]
        return "written" if found else "no line"

    def boundary(self):
        self.logs()
        arn = f"arn:aws:iam::{ACCOUNT}:policy/{STACK}-boundary"
        iam = boto3.client("iam")
        iam.create_policy(PolicyName=f"{STACK}-boundary",
                          PolicyDocument=roles.policy("boundary", stack=STACK))
        try:
            iam.put_role_permissions_boundary(RoleName=f"{HELLO}-role", PermissionsBoundary=arn)
            return self.logs()
        finally:
            iam.delete_role_permissions_boundary(RoleName=f"{HELLO}-role")
            iam.delete_policy(PolicyArn=arn)

    def read_models(self):
        pointer = deploy.publish_model(STACK, self.model, "1", PREFIX)
        function = self.function(MODELS, environment={
            "MODEL_URI": pointer, "MODEL_REFRESH_SECONDS": "0", "BUCKET_OWNER": ACCOUNT})
        deploy.allow(MODELS, "read_models", bucket=self.bucket, prefix=PREFIX)
        answer = function.ask(customer=CUSTOMER)
        return answer["log"] if "refused" in answer["log"] else json.dumps(answer["payload"])

    def score_events(self):
        function, name = self.batch(EVENTS, "on_event", "score_events"), uuid.uuid4().hex
        return f"{[function.ask(id=name, customer=CUSTOMER)['payload'] for _ in range(2)]} " \
            + on_objects(EVENTS, self.bucket, "scores")

    def score_files(self):
        function, key = self.batch(FILES, "on_file", "score_files"), f"incoming/{uuid.uuid4()}.csv"
        text = io.StringIO()
        rows = csv.DictWriter(text, ["id", *CUSTOMER])
        rows.writeheader()
        rows.writerows([{"id": "1", **CUSTOMER}, {"id": "2", **CUSTOMER, "contract": "weekly"}])
        etag = boto3.client("s3").put_object(Bucket=self.bucket, Key=key,
                                             Body=text.getvalue())["ETag"].strip('"')
        record = {"s3": {"bucket": {"name": self.bucket}, "object": {"key": key, "eTag": etag}}}
        said = [function.ask(Records=[record])["payload"] for _ in range(2)]
        reads = as_role(FILES).client("s3").get_object
        return f"{said} {refusal(reads, Bucket=self.bucket, Key=key)} " \
            + on_objects(FILES, self.bucket, "scored")

    def read_queue(self):
        self.batch(EVENTS, "on_event", "score_events")
        url = triggers.queue(QUEUE)
        said = refusal(triggers.on_queue, EVENTS, url)
        for one in calls.pages("lambda", "list_event_source_mappings", "EventSourceMappings",
                               FunctionName=EVENTS):
            queues.remove_mapping(one["UUID"])
        return said

    def send_failures(self):
        self.batch(EVENTS, "on_event", "score_events")
        return refusal(triggers.failures_to, EVENTS, triggers.plain_queue(f"{QUEUE}-dead"))

    def repository(self):
        """Lambda adds what a repository's policy lacks where the caller may change it: so the one
        who deploys here may not."""
        self.batch(EVENTS, "on_event", "score_events")
        repositories.ensure(STACK)
        client = self.someone({"Action": ["lambda:UpdateFunctionCode"]}).client("lambda")
        said = refusal(client.update_function_code, FunctionName=EVENTS, ImageUri=self.uri)
        place(EVENTS).client.get_waiter("function_updated_v2").wait(FunctionName=EVENTS)
        return said

    def someone(self, *statements):
        """A session of a role that may do this, besides the learner."""
        return as_role_with(f"{STACK}-someone", statements)

    def rollback(self):
        client = boto3.client("lambda")
        if not functions.find(ROLLBACK):
            self.logs()
            for word in ("old", "new"):
                place(HELLO).configure(Description=word)
                deploy.publish(HELLO)
            deploy.zip_function(ROLLBACK, timeout=20, folder="rollback",
                                environment={"FUNCTION": HELLO, "ALIAS": "live"})
        deploy.allow(ROLLBACK, "rollback", function=HELLO)
        client.update_alias(FunctionName=HELLO, Name="live",
                            RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}})
        event = {"alarmName": "errors", "state": {"value": "ALARM"}}
        return str(place(ROLLBACK).ask(detail=event)["payload"])

    def serve_model(self):
        """A new configuration gets new containers, and each container looks at the role; without
        its log group, also whether it may make one."""
        logs, group = boto3.client("logs"), f"/aws/sagemaker/Endpoints/{ENDPOINT}"
        calls.if_there(logs.delete_log_group, logGroupName=group)
        said = self.serve()
        lines = said != "done" or logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return said if lines else "no line"

    def serve(self):
        self.served += 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(endpoints.WAITER, "Delay", 0.3)
            if self.endpoints_image:        # built and pushed already
                patch.setattr(endpoints, "build", lambda: "")
                patch.setattr(deploy, "push", lambda *_: self.endpoints_image)
            said = refusal(endpoints.serve, ENDPOINT, self.signals_model(), concurrency=self.served)
        if not self.endpoints_image:
            model, = calls.pages("sagemaker", "list_models", "Models", NameContains=ENDPOINT)
            self.endpoints_image = boto3.client("sagemaker").describe_model(
                ModelName=model["ModelName"])["PrimaryContainer"]["Image"]
        return said

    def signals_model(self):
        """A small model of the signal's kind."""
        path = self.model.with_name("signal.onnx")
        if not path.exists():
            rows = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
            trained = LogisticRegression().fit(rows, np.arange(20) % 2)
            made = to_onnx(trained, initial_types=[("features", FloatTensorType([None, 6]))],
                           options={id(trained): {"zipmap": False}}, target_opset=18)
            with pytest.MonkeyPatch.context() as patch:
                patch.syspath_prepend(str(function_folder.LAMBDA / "signal"))
                from features import NAMES as inputs
            onnx.helper.set_model_props(made, {"signature": json.dumps({
                "model": "signal", "version": "1",
                "inputs": [{"name": one, "type": "number"} for one in inputs]})})
            onnx.save(made, path)
        return path

    def signal(self):
        if not functions.find(SIGNAL):
            if not endpoints.endpoints.find(ENDPOINT):
                self.serve()
            orders = queues.ensure(ORDERS, FifoQueue="true")
            deploy.zip_function(SIGNAL, 256, 60, {
                "ENDPOINT": ENDPOINT, "LEDGER_BUCKET": self.bucket, "BUCKET_OWNER": ACCOUNT,
                "ORDERS_QUEUE": orders, "CLOCK": "event"}, folder="signal")
        deploy.allow(SIGNAL, "signal", bucket=self.bucket, endpoint=ENDPOINT, queue=ORDERS)
        closed = f"{BARS[-1]['date']}T16:00:00-05:00"
        said = place(SIGNAL).ask(detail={
            "symbol": f"T{uuid.uuid4().int % 10 ** 9}", "closed_at": closed, "sent_at": closed,
            "bars": BARS})["payload"]
        asks = as_role(SIGNAL).client("sagemaker-runtime").invoke_endpoint
        return f"{said} " + refusal(asks, EndpointName=ENDPOINT, Body=b"{}") if "endpoint" in \
            str(said) else str(said)

    def trust(self):
        name = f"{HELLO}-{uuid.uuid4().hex[:6]}"
        said = refusal(deploy.zip_function, name, folder="hello")
        deploy.delete(name)
        return said

    def trust_sagemaker(self):
        if not roles.find(f"{ENDPOINT}-role"):
            self.serve()
        boto3.client("iam").update_assume_role_policy(
            RoleName=f"{ENDPOINT}-role", PolicyDocument=roles.policy("trust_sagemaker"))
        return self.serve()

    def deploy(self):
        """What the pipeline itself calls; a stack that is not there is no refusal of IAM's."""
        session = self.someone(*json.loads(roles.policy("deploy", stack=STACK))["Statement"])
        stacks, change = session.client("cloudformation"), {"ChangeSetName": "c"}
        body, stack = {"TemplateBody": '{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}'}, {
            "StackName": STACK}
        said = [refusal(getattr(stacks, name), **arguments) for name, arguments in {
            "create_change_set": stack | body | change | {"ChangeSetType": "CREATE"},
            "describe_change_set": stack | change, "delete_change_set": stack | change,
            "execute_change_set": stack | change, "describe_stacks": stack,
            "describe_stack_events": stack, "get_template": stack, "get_template_summary": stack,
            "delete_stack": stack}.items()]
        said.append(refusal(stacks.describe_stacks, StackName=f"{STACK}-1a2b-CompanionStack"))
        said.append(refusal(session.client("ecr").get_authorization_token))
        return " ".join(said)


@pytest.fixture(scope="module")
def scenes(image, bucket):
    yield Scenes(*image, bucket)
    roles.remove(f"{STACK}-someone")


# What a scene returns when nothing is missing.
DONE = {
    "logs": "^written$", "boundary": "^written$", "read_models": "churn_probability",
    "score_events": "scored.*duplicate.*done done", "score_files": "scored.*duplicate.*done done",
    "rollback": "rolled back", "signal": "^ordered", "deploy": "^(?!.*not authorized)",
}
ALL = list(of_every_policy())
HERE = [one for one in ALL if not only_on_aws(*one)]


@pytest.mark.parametrize("policy", sorted({policy for policy, *_ in HERE}))
def test_nothing_is_refused_when_nothing_is_taken_away(scenes, policy):
    said = getattr(scenes, policy)()
    assert re.search(DONE.get(policy, "^done"), said, re.DOTALL), said


def words(policy, action):
    """Parts of what is read when an action is missing, as AWS words it there."""
    service, _, name = action.partition(":")
    if policy in ("logs", "boundary"):
        return ["no line"]          # AWS tells nobody; the log stays empty
    return {
        "repository": ["AccessDeniedException", "Lambda does not have permission to access the ECR "
                       "image."],
        "read_queue": [f"does not have permissions to call {name} on SQS"],
        "send_failures": [f"does not have permissions to call {name} on arn:aws:sqs:{REGION}:"],
        "trust": ["The role defined for the function cannot be assumed by Lambda."],
        "trust_sagemaker": ["Could not assume role", "sagemaker.amazonaws.com"],
        "serve_model": [f"does not have {name} permission for the image" if service == "ecr" else
                        f'ensure that the role has "{action}" permissions' if service == "s3" else
                        "no line"],
    }.get(policy) or [f"is not authorized to perform: {action} on resource: "]


@pytest.mark.parametrize("policy, statement, action", HERE)
def test_an_action_that_is_taken_away_is_missed(scenes, policy, statement, action):
    with taken(policy, statement, action):
        said = getattr(scenes, policy)()
    missing = [one for one in words(policy, action) if one not in said]
    assert not missing, f"{said}\nlacks {missing}"
    assert said != "done"


def test_what_is_missed_on_aws_only_is_still_in_the_policies():
    assert set(ONLY_ON_AWS) <= {(policy, action) for policy, _, action in ALL}
    assert PIPELINE <= {statement for policy, statement, _ in ALL if policy == "deploy"}


# ---------------------------------------------------------------- permissions that functions give

@contextmanager
def forgotten():
    """What a helper of the workshop would allow a service to do is not allowed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions, "permit", lambda *_, **__: None)
        yield


@pytest.fixture(scope="module")
def hello(scenes):
    scenes.logs()
    return place(HELLO)


def runs(hello):
    """How often the function has written that it ran."""
    return len(hello.logs.filter_log_events(logGroupName=f"/aws/lambda/{HELLO}",
                                            filterPattern='"START"')["events"])


def metric(namespace, name, **dimension):
    (key, value), = dimension.items()
    found = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=name, Dimensions=[{"Name": key, "Value": value}],
        StartTime=time.time() - 600, EndTime=time.time() + 60, Period=60, Statistics=["Sum"])
    return sum(one["Sum"] for one in found["Datapoints"])


@pytest.fixture(scope="module")
def clock(hello):
    """A rule that calls each minute, without permission: made early, because it takes a minute."""
    with forgotten():
        triggers.on_event(HELLO, f"{STACK}-clock", schedule="rate(1 minute)")
    yield f"{STACK}-clock"
    triggers.delete(f"{STACK}-clock")


def test_an_api_that_was_not_permitted_answers_500(hello, clock):
    with forgotten():
        url = deploy.http_api(HELLO, HELLO, "GET /x")
    answer, before = requests.get(f"{url}/x"), runs(hello)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    deploy.http_api(HELLO, HELLO, "GET /x")
    assert requests.get(f"{url}/x").status_code == 200 and runs(hello) == before + 1


def test_an_authorizer_that_was_not_permitted_fails_the_request(hello):
    """As lesson 06 makes it."""
    url, gateway = deploy.http_api(HELLO, HELLO, "GET /closed"), boto3.client("apigatewayv2")
    api = {"ApiId": apis.find(HELLO)["ApiId"]}
    arn = deploy.zip_function(AUTHORIZER, folder="authorizer", environment={
        "TOKEN_SHA256": hashlib.sha256(b"secret").hexdigest()})
    authorizer = gateway.create_authorizer(
        **api, Name="token", AuthorizerType="REQUEST", AuthorizerPayloadFormatVersion="2.0",
        IdentitySource=["$request.header.Authorization"], EnableSimpleResponses=True,
        AuthorizerUri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}"
                      "/invocations")["AuthorizerId"]
    route, = [one for one in gateway.get_routes(**api)["Items"] if "closed" in one["RouteKey"]]
    gateway.update_route(**api, RouteId=route["RouteId"], AuthorizationType="CUSTOM",
                         AuthorizerId=authorizer)

    def ask():
        return requests.get(f"{url}/closed", headers={"Authorization": "Bearer secret"})
    assert (ask().status_code, ask().json()) == (500, {"message": "Internal Server Error"})
    functions.permit(AUTHORIZER, "authorizer", apis.GATEWAY, SourceArn=f"arn:aws:execute-api:"
                     f"{REGION}:{ACCOUNT}:{api['ApiId']}/authorizers/{authorizer}")
    assert ask().status_code == 200


def test_a_rule_that_was_not_permitted_drops_its_events(hello):
    event = {"Source": STACK, "DetailType": "x", "Detail": "{}"}

    def send():
        boto3.client("events").put_events(Entries=[event])
    with forgotten():
        triggers.on_event(HELLO, STACK, pattern={"source": [STACK]})
    before = runs(hello)
    send()
    until(lambda: metric("AWS/Events", "FailedInvocations", RuleName=STACK) == 1, "it is counted")
    triggers.on_event(HELLO, STACK, pattern={"source": [STACK]})
    send()
    until(lambda: runs(hello) == before + 1, "the second event has come, and the first has not")
    triggers.delete(STACK)


def test_a_notification_that_was_not_permitted_is_refused(hello, bucket):
    with forgotten():
        assert "Unable to validate the following destination configurations" in refusal(
            triggers.on_file, HELLO, bucket, "in/")
    assert refusal(triggers.on_file, HELLO, bucket, "in/") == "done"
    boto3.client("s3").put_bucket_notification_configuration(Bucket=bucket,
                                                             NotificationConfiguration={})


def test_a_topic_that_was_not_permitted_drops_its_messages(hello):
    sns, before = boto3.client("sns"), runs(hello)
    topic = sns.create_topic(Name=STACK)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=hello.arn)
    sns.publish(TopicArn=topic, Message="first")
    until(lambda: metric("AWS/SNS", "NumberOfNotificationsFailed", TopicName=STACK) == 1,
          "it is counted")
    functions.permit(HELLO, "topic", "sns.amazonaws.com", SourceArn=topic)
    sns.publish(TopicArn=topic, Message="second")
    until(lambda: runs(hello) == before + 1, "the second message has come, and the first has not")
    sns.delete_topic(TopicArn=topic)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_schedule_needs_a_role_that_may_invoke(hello, allowed):
    iam, name, before = boto3.client("iam"), f"{STACK}-once-{allowed}".lower(), runs(hello)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "scheduler.amazonaws.com"}}]}))["Role"]["Arn"]
    if allowed:
        iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": hello.arn}]}))
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2))
    schedules.ensure(name, f"at({soon})", {"Arn": hello.arn, "RoleArn": role})
    if allowed:
        until(lambda: runs(hello) == before + 1, "the function has run")
    else:
        until(lambda: metric("AWS/Scheduler", "TargetErrorCount", ScheduleGroup=name) == 1,
              "it is counted")
        assert runs(hello) == before
    schedules.delete(name)
    roles.remove(name)


def test_a_clock_that_was_not_permitted_calls_in_vain(clock):
    until(lambda: metric("AWS/Events", "FailedInvocations", RuleName=clock) >= 1, "it is counted")
