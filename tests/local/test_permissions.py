"""Permissions in the local cloud: what is missing fails where AWS shows it, in AWS's words."""
import json
import time
import uuid
from contextlib import suppress

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError

from deployed import public_url
from waiting import until
from workshop import cloud
from workshop.local.patches import granted

ACCOUNT, REGION = "012345678912", "us-east-1"
LAMBDA = {"Service": "lambda.amazonaws.com"}


def allow(action, resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def name():
    return f"workshop-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def new_role(aws, name):
    """Makes a role with policies; `trust` is who may take it. Returns its name."""
    iam, made = aws("iam"), []

    def make(*statements, trust=None, condition=None, **options):
        own = f"{name}-{len(made)}"
        one = {"Effect": "Allow", "Action": "sts:AssumeRole",
               "Principal": trust or {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
        iam.create_role(RoleName=own, AssumeRolePolicyDocument=document(
            one | ({"Condition": condition} if condition else {})), **options)
        made.append(own)
        if statements:
            iam.put_role_policy(RoleName=own, PolicyName="p",
                                PolicyDocument=document(*statements))
        return own
    yield make
    for own in made:
        with suppress(ClientError):
            iam.delete_role_policy(RoleName=own, PolicyName="p")
        iam.delete_role(RoleName=own)


def arn_of(role):
    return f"arn:aws:iam::{ACCOUNT}:role/{role}"


def taken(aws, role):
    """A session of boto3 that acts as the role."""
    keys = aws("sts").assume_role(RoleArn=arn_of(role), RoleSessionName="me")["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"],
                         region_name=REGION)


def refusal(call, **arguments):
    """(code, status, message) of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    answer = refused.value.response
    return (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"],
            answer["Error"]["Message"])


# ---------------------------------------------------------------- calls of a role

@pytest.mark.parametrize("service, call, arguments, code, status, action, resource", [
    ("lambda", "get_function", {"FunctionName": "f"}, "AccessDeniedException", 403,
     "lambda:GetFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"),
    ("lambda", "invoke", {"FunctionName": "f", "Qualifier": "live"}, "AccessDeniedException", 403,
     "lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f:live"),
    ("sqs", "send_message_batch", {"QueueUrl": f"http://localhost/{ACCOUNT}/q", "Entries": [
        {"Id": "1", "MessageBody": "x"}]}, "AccessDenied", 403,
     "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"),
    ("sns", "publish", {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t", "Message": "x"},
     "AuthorizationError", 403, "SNS:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:t"),
    ("events", "put_rule", {"Name": "r", "ScheduleExpression": "rate(1 day)"},
     "AccessDeniedException", 400, "events:PutRule", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r"),
    ("logs", "put_retention_policy", {"logGroupName": "/g", "retentionInDays": 1},
     "AccessDeniedException", 400, "logs:PutRetentionPolicy",
     f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/g:log-stream:"),
    ("iam", "get_role", {"RoleName": "r"}, "AccessDenied", 403, "iam:GetRole",
     f"arn:aws:iam::{ACCOUNT}:role/r"),
    ("ecr", "describe_images", {"repositoryName": "rr"}, "AccessDeniedException", 400,
     "ecr:DescribeImages", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/rr"),
    ("apigatewayv2", "create_api", {"Name": "a", "ProtocolType": "HTTP"}, "AccessDeniedException",
     403, "apigateway:POST", f"arn:aws:apigateway:{REGION}::/apis"),
    ("s3", "list_objects_v2", {"Bucket": "bbb"}, "AccessDenied", 403, "s3:ListBucket",
     '"arn:aws:s3:::bbb"'),
])
def test_a_role_that_may_nothing_reads_what_it_lacks(
        aws, new_role, service, call, arguments, code, status, action, resource):
    role = new_role()
    client = taken(aws, role).client(service)
    found = refusal(getattr(client, call), **arguments)
    assert found[:2] == (code, status)
    assert found[2].lower() == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/me is not authorized to perform: "
        f"{action} on resource: {resource} because no identity-based policy allows the {action} "
        "action").lower()


@pytest.fixture
def bucket(aws, name):
    s3 = aws("s3")
    s3.create_bucket(Bucket=name)
    for key in ("a/x", "b/x", "s/x"):
        s3.put_object(Bucket=name, Key=key, Body=b"1")
    yield name
    for one in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=one["Key"])
    s3.delete_bucket(Bucket=name)


BUCKET = "arn:aws:s3:::BUCKET"


@pytest.mark.parametrize("statements, reads", [
    ([allow("s3:GetObject", f"{BUCKET}/a/*")], {"a/x"}),
    ([allow("s3:Get*", f"{BUCKET}/*"), allow("s3:*", f"{BUCKET}/a/*", "Deny")], {"b/x", "s/x"}),
    ([allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalTag/folder}}/*")], {"b/x"}),
    ([allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalTag/none, 's'}}/*")], {"s/x"}),
    ([allow("s3:GetObject", f"{BUCKET}/${{aws:PrincipalTag/none}}/*")], set()),
    ([allow("s3:GetObject", f"{BUCKET}/*", Condition={
        "StringEquals": {"aws:PrincipalAccount": "999999999999"}})], set()),
    ([allow("s3:PutObject", f"{BUCKET}/*")], set()),
])
def test_objects_that_a_role_reads(aws, new_role, bucket, statements, reads):
    filled = json.loads(json.dumps(statements).replace("BUCKET", bucket))
    role = new_role(*filled, Tags=[{"Key": "folder", "Value": "b"}])
    s3, found = taken(aws, role).client("s3"), set()
    for key in ("a/x", "b/x", "s/x"):
        with suppress(ClientError):
            s3.get_object(Bucket=bucket, Key=key)
            found.add(key)
    assert found == reads


def test_who_may_not_list_does_not_learn_that_an_object_is_missing(aws, new_role, bucket):
    objects, all_of_it = f"arn:aws:s3:::{bucket}/*", f"arn:aws:s3:::{bucket}"
    blind = taken(aws, new_role(allow("s3:GetObject", objects))).client("s3")
    code, status, text = refusal(blind.get_object, Bucket=bucket, Key="none")
    assert (code, status) == ("AccessDenied", 403) and "s3:ListBucket" in text
    seeing = taken(aws, new_role(allow("s3:GetObject", objects),
                                 allow("s3:ListBucket", all_of_it))).client("s3")
    assert refusal(seeing.get_object, Bucket=bucket, Key="none")[:2] == ("NoSuchKey", 404)


def test_a_bucket_policy_opens_and_closes(aws, new_role, bucket):
    role = new_role()
    s3 = taken(aws, role).client("s3")
    aws("s3").put_bucket_policy(Bucket=bucket, Policy=document(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": arn_of(role)}),
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/b/*", "Deny", Principal="*")))
    s3.get_object(Bucket=bucket, Key="a/x")
    assert "explicit deny in a resource-based policy" in refusal(
        s3.get_object, Bucket=bucket, Key="b/x")[2]


def test_a_boundary_limits_a_role(aws, new_role, bucket, name):
    boundary = aws("iam").create_policy(PolicyName=name, PolicyDocument=document(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a/*")))["Policy"]["Arn"]
    try:
        role = new_role(allow("s3:*"), PermissionsBoundary=boundary)
        s3 = taken(aws, role).client("s3")
        s3.get_object(Bucket=bucket, Key="a/x")
        assert refusal(s3.get_object, Bucket=bucket, Key="b/x")[0] == "AccessDenied"
        simulated = aws("iam").simulate_principal_policy(
            PolicySourceArn=arn_of(role), ActionNames=["s3:GetObject"],
            ResourceArns=[f"arn:aws:s3:::{bucket}/{key}" for key in ("a/x", "b/x")])
        assert [one["EvalDecision"] for one in simulated["EvaluationResults"]] == [
            "allowed", "implicitDeny"]
        aws("iam").delete_role_permissions_boundary(RoleName=role)
    finally:
        aws("iam").delete_policy(PolicyArn=boundary)


def test_handing_on_a_role_needs_pass_role_to_that_service(aws, new_role, name):
    handed = new_role(trust=LAMBDA)
    create = {"FunctionName": name, "Role": arn_of(handed), "Runtime": "python3.13",
              "Handler": "a.b", "Code": {"ZipFile": b"x"}}
    role = new_role(allow("lambda:*"), allow("iam:PassRole", Condition={
        "StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}))
    code, _, text = refusal(taken(aws, role).client("lambda").create_function, **create)
    assert code == "AccessDeniedException"
    assert f"iam:PassRole on resource: {arn_of(handed)}" in text


def test_the_simulator_reads_documents_and_condition_keys(aws):
    policy = document(allow("iam:PassRole", Condition={
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}),
        allow("s3:DeleteBucket", effect="Deny"))
    asked = aws("iam").simulate_custom_policy(
        PolicyInputList=[policy], ActionNames=["iam:PassRole", "s3:DeleteBucket", "s3:GetObject"],
        ContextEntries=[{"ContextKeyName": "iam:PassedToService", "ContextKeyType": "string",
                         "ContextKeyValues": ["lambda.amazonaws.com"]}])["EvaluationResults"]
    assert [one["EvalDecision"] for one in asked] == ["allowed", "explicitDeny", "implicitDeny"]


# ---------------------------------------------------------------- trust

@pytest.mark.parametrize("trust, condition", [
    (LAMBDA, None), ({"AWS": "arn:aws:iam::999999999999:user/other"}, None),
    (None, {"StringEquals": {"sts:ExternalId": "secret"}})])
def test_a_role_that_does_not_trust_is_not_taken(aws, new_role, trust, condition):
    role = new_role(trust=trust, condition=condition)
    code, status, text = refusal(aws("sts").assume_role, RoleArn=arn_of(role), RoleSessionName="me")
    assert (code, status) == ("AccessDenied", 403)
    assert text == (f"User: arn:aws:iam::{ACCOUNT}:user/administrator is not authorized to "
                    f"perform: sts:AssumeRole on resource: {arn_of(role)}")


def test_a_role_that_is_not_there_is_not_taken(aws):
    assert refusal(aws("sts").assume_role, RoleArn=arn_of("workshop-test-none"),
                   RoleSessionName="me")[:2] == ("AccessDenied", 403)


@pytest.mark.parametrize("condition, trusted", [
    ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
    ({"StringEquals": {"aws:SourceAccount": "999999999999"}}, False),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:*:{ACCOUNT}:function:workshop-test-*"}}, True),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:*:{ACCOUNT}:function:workshop-test-*"}}, False)])
def test_conditions_of_a_trust_policy_hold_for_lambda(aws, new_role, name, probe_zip, condition,
                                                      trusted):
    role, client = new_role(trust=LAMBDA, condition=condition), aws("lambda")
    create = {"FunctionName": name, "Role": arn_of(role), "Runtime": "python3.13",
              "Handler": "lambda_function.lambda_handler", "Code": {"ZipFile": probe_zip}}
    if trusted:
        client.create_function(**create)
        client.delete_function(FunctionName=name)
    else:
        assert "cannot be assumed by Lambda" in refusal(client.create_function, **create)[2]


# ---------------------------------------------------------------- add_permission

@pytest.fixture
def gateway(aws, probe, name):
    """An HTTP API and a REST API in front of the probe: kind → (address, ARN of what it sends)."""
    http, rest = aws("apigatewayv2"), aws("apigateway")
    api = http.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    target = http.create_integration(ApiId=api, IntegrationType="AWS_PROXY",
                                     IntegrationUri=probe.arn, PayloadFormatVersion="2.0")
    http.create_route(ApiId=api, RouteKey="GET /x",
                      Target=f"integrations/{target['IntegrationId']}")
    http.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    old = rest.create_rest_api(name=name)
    resource = rest.create_resource(restApiId=old["id"], parentId=old["rootResourceId"],
                                    pathPart="x")["id"]
    there = {"restApiId": old["id"], "resourceId": resource, "httpMethod": "GET"}
    rest.put_method(**there, authorizationType="NONE")
    rest.put_integration(**there, type="AWS_PROXY", integrationHttpMethod="POST",
                         uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/"
                             f"{probe.arn}/invocations")
    rest.create_deployment(restApiId=old["id"], stageName="prod")
    base, begin = f"{cloud.url()}/_aws/execute-api", f"arn:aws:execute-api:{REGION}:{ACCOUNT}:"
    yield {"http": (f"{base}/{api}/x", f"{begin}{api}/$default/GET/x"),
           "rest": (f"{base}/{old['id']}/prod/x", f"{begin}{old['id']}/prod/GET/x")}
    http.delete_api(ApiId=api)
    rest.delete_rest_api(restApiId=old["id"])


@pytest.mark.parametrize("kind, words, allowed", [
    ("http", "Internal Server Error", 200), ("rest", "Internal server error", 502)])
def test_an_api_needs_a_permission_of_its_function(gateway, probe, kind, words, allowed):
    address, source = gateway[kind]
    refused = requests.get(address)
    assert (refused.status_code, refused.json()) == (500, {"message": words})
    for given, status in ((source.replace("/GET/", "/POST/"), 500), (source, allowed)):
        probe.permit("apigateway.amazonaws.com", given)
        # A REST API answers 502 once the function ran: the probe's answer is no proxy response.
        assert requests.get(address).status_code == status
        probe.client.remove_permission(FunctionName=probe.name, StatementId="apigateway")


@pytest.mark.parametrize("missing", ["public-url", "public-invoke"])
def test_a_public_url_needs_both_permissions(probe, missing):
    url = public_url(probe.client, probe.name)
    try:
        assert requests.get(url).status_code == 200
        probe.client.remove_permission(FunctionName=probe.name, StatementId=missing)
        refused = requests.get(url)
        assert (refused.status_code, refused.json()) == (403, granted.URL_FORBIDDEN)
    finally:
        probe.client.delete_function_url_config(FunctionName=probe.name)
        for one in {"public-url", "public-invoke"} - {missing}:
            probe.client.remove_permission(FunctionName=probe.name, StatementId=one)


# ---------------------------------------------------------------- routes and URLs with AWS_IAM

def signed(session, url, service):
    """Ask an address as a session; the request's signature is for a service."""
    request = AWSRequest("GET", url)
    SigV4Auth(session.get_credentials(), service, REGION).add_auth(request)
    return requests.get(url, headers=dict(request.headers.items()))


@pytest.fixture
def closed_gateway(aws, gateway):
    """The same two APIs, whose route and method want AWS_IAM."""
    api = gateway["http"][0].split("/")[-2]
    route, = aws("apigatewayv2").get_routes(ApiId=api)["Items"]
    aws("apigatewayv2").update_route(ApiId=api, RouteId=route["RouteId"],
                                     AuthorizationType="AWS_IAM")
    rest, api = aws("apigateway"), gateway["rest"][0].split("/")[-3]
    resource, = [one["id"] for one in rest.get_resources(restApiId=api)["items"]
                 if one["path"] == "/x"]
    rest.update_method(restApiId=api, resourceId=resource, httpMethod="GET", patchOperations=[
        {"op": "replace", "path": "/authorizationType", "value": "AWS_IAM"}])
    rest.create_deployment(restApiId=api, stageName="prod")
    return gateway


@pytest.mark.parametrize("kind, allowed", [("http", 200), ("rest", 502)])
def test_a_route_with_aws_iam_lets_in_who_may_invoke_it(aws, probe, new_role, closed_gateway,
                                                        kind, allowed):
    address, arn = closed_gateway[kind]
    probe.permit("apigateway.amazonaws.com", arn)
    may = "execute-api:Invoke"
    try:
        for statements, status in (
                ([], 403), ([allow(may, arn)], allowed), ([allow("execute-api:*", arn)], allowed),
                ([allow(may, arn.replace("/GET/", "/POST/"))], 403),
                ([allow(may, arn), allow(may, effect="Deny")], 403)):
            role = new_role(*statements)
            answer = signed(taken(aws, role), address, "execute-api")
            assert answer.status_code == status, (statements, answer.text)
            if status == 403:
                assert answer.json() == {"message": "Forbidden"} if kind == "http" else {
                    "Message": f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/me is not "
                               f"authorized to perform: {may} on resource: "
                               f"{arn.replace(ACCOUNT, '*' * 8 + ACCOUNT[-4:])} "
                               + (f"because no identity-based policy allows the {may} action"
                                  if len(statements) < 2 else
                                  "with an explicit deny in an identity-based policy")}
    finally:
        probe.client.remove_permission(FunctionName=probe.name, StatementId="apigateway")


def test_the_policy_of_a_rest_api_opens_and_closes_its_methods(aws, probe, new_role,
                                                               closed_gateway):
    address, arn = closed_gateway["rest"]
    role, other = new_role(), new_role(allow("execute-api:Invoke"))
    api = address.split("/")[-3]
    aws("apigateway").update_rest_api(restApiId=api, patchOperations=[
        {"op": "replace", "path": "/policy", "value": document(
            allow("execute-api:Invoke", arn, Principal={"AWS": arn_of(role)}),
            allow("execute-api:Invoke", arn, "Deny", Principal={"AWS": arn_of(other)}))}])
    # 500: the method is passed, and the function has given the API no permission.
    assert signed(taken(aws, role), address, "execute-api").status_code == 500
    refused = signed(taken(aws, other), address, "execute-api")
    assert refused.status_code == 403
    assert "explicit deny in a resource-based policy" in refused.json()["Message"]


URL_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


@pytest.mark.parametrize("actions, condition, status", [
    (URL_ACTIONS, None, 200), (URL_ACTIONS[:1], None, 403), (URL_ACTIONS[1:], None, 403),
    (URL_ACTIONS, {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, 403),
    ((), None, 403)])
def test_a_url_with_aws_iam_lets_in_who_may_both(aws, probe, new_role, actions, condition, status):
    more = {"Condition": condition} if condition else {}
    role = new_role(*[allow(one, probe.arn, **more) for one in actions])
    url = probe.client.create_function_url_config(
        FunctionName=probe.name, AuthType="AWS_IAM")["FunctionUrl"]
    try:
        answer = signed(taken(aws, role), url, "lambda")
    finally:
        probe.client.delete_function_url_config(FunctionName=probe.name)
    assert answer.status_code == status
    assert status == 200 or answer.json() == granted.URL_FORBIDDEN


def test_a_notification_needs_a_permission(aws, probe, bucket):
    put = {"Bucket": bucket, "NotificationConfiguration": {"LambdaFunctionConfigurations": [
        {"LambdaFunctionArn": probe.arn, "Events": ["s3:ObjectCreated:*"]}]}}
    probe.permit("s3.amazonaws.com", "arn:aws:s3:::another")
    try:
        assert refusal(aws("s3").put_bucket_notification_configuration, **put) == (
            "InvalidArgument", 400,
            "Unable to validate the following destination configurations")
    finally:
        probe.client.remove_permission(FunctionName=probe.name, StatementId="s3")


def failed_invocations(aws, rule):
    found = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Events", MetricName="FailedInvocations", Period=60, Statistics=["Sum"],
        Dimensions=[{"Name": "RuleName", "Value": rule}], StartTime=time.time() - 600,
        EndTime=time.time() + 60)
    return sum(one["Sum"] for one in found["Datapoints"])


@pytest.mark.parametrize("kind", ["function", "queue"])
def test_a_rule_whose_target_does_not_let_it_drops_the_event(aws, new_function, name, kind):
    events, sqs = aws("events"), aws("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    arn = new_function().arn if kind == "function" else queue
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    send = {"Entries": [{"Source": name, "DetailType": "x", "Detail": "{}"}]}
    events.put_events(**send)
    until(lambda: failed_invocations(aws, name) == 1, "the event counts as failed", 10)
    if kind == "queue":
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(allow(
            "sqs:SendMessage", queue, Principal={"Service": "events.amazonaws.com"},
            Condition={"ArnEquals": {"aws:SourceArn": rule}}))})
        events.put_events(**send)
        assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=url)


# ---------------------------------------------------------------- rights of a function's role

READ = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]


@pytest.mark.parametrize("missing", READ)
def test_a_mapping_needs_a_role_that_reads_the_queue(aws, new_role, new_function, name, missing):
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    url = aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    role = new_role(*[allow(f"sqs:{one}", queue) for one in READ if one != missing], trust=LAMBDA)
    function = new_function(Role=arn_of(role))
    assert refusal(function.client.create_event_source_mapping, FunctionName=function.name,
                   EventSourceArn=queue) == (
        "InvalidParameterValueException", 400,
        f"The provided execution role does not have permissions to call {missing} on SQS")
    aws("sqs").delete_queue(QueueUrl=url)


def test_a_queue_must_hide_messages_as_long_as_the_function_may_run(aws, new_role, new_function,
                                                                   name):
    url = aws("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    function = new_function(Timeout=10, Role=arn_of(new_role(allow("sqs:*", queue), trust=LAMBDA)))
    assert refusal(function.client.create_event_source_mapping, FunctionName=function.name,
                   EventSourceArn=queue)[2] == (
        "Queue visibility timeout: 5 seconds is less than Function timeout: 10 seconds")
    aws("sqs").delete_queue(QueueUrl=url)


def test_a_destination_needs_a_role_that_sends_there(aws, new_function, name):
    url = aws("sqs").create_queue(QueueName=f"other-{name}")["QueueUrl"]
    function, queue = new_function(), f"arn:aws:sqs:{REGION}:{ACCOUNT}:other-{name}"
    code, _, text = refusal(function.client.put_function_event_invoke_config,
                            FunctionName=function.name,
                            DestinationConfig={"OnFailure": {"Destination": queue}})
    assert code == "InvalidParameterValueException"
    assert f"does not have permissions to call SendMessage on {queue}" in text
    aws("sqs").delete_queue(QueueUrl=url)


def test_a_function_without_a_right_to_log_runs_without_a_word(new_role, new_function):
    function = new_function(Role=arn_of(new_role(trust=LAMBDA)))
    assert "FunctionError" not in function.ask()
    assert not function.logs.describe_log_groups(
        logGroupNamePrefix=f"/aws/lambda/{function.name}")["logGroups"]


def test_scheduler_wants_a_role_that_trusts_it(aws, new_role, name):
    role = new_role(trust=LAMBDA)
    assert refusal(aws("scheduler").create_schedule, Name=name, ScheduleExpression="rate(1 day)",
                   FlexibleTimeWindow={"Mode": "OFF"}, Target={
                       "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f",
                       "RoleArn": arn_of(role)})[2] == (
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")
