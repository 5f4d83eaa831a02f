"""What S3, IAM, CloudWatch, Logs, CloudFormation, API Gateway and ECR refuse by their rules."""
import io
import json
import re
import time
import uuid
import zipfile

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from workshop import cloud

NAME = f"workshop-test-{uuid.uuid4().hex[:8]}"
FUNCTION = "arn:aws:lambda:us-east-1:012345678912:function:not-there"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"
NOPE = "arn:aws:iam::012345678912:policy/nope123"
NOW = 1_767_225_600     # seconds, 2026-01-01


def policy(**change) -> str:
    """A policy document of one statement; None leaves an element out."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **change}
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {key: value for key, value in statement.items() if value is not None}]})


TRUST = policy(Action="sts:AssumeRole", Resource=None,
               Principal={"Service": "lambda.amazonaws.com"})
TOPIC = {"Type": "AWS::SNS::Topic"}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": json.loads(TRUST)}}
ALARM = {"AlarmName": NAME, "EvaluationPeriods": 1, "Period": 60, "Threshold": 1.0,
         "ComparisonOperator": "GreaterThanThreshold", "Namespace": "N", "MetricName": "m",
         "Statistic": "Sum"}
HOUR = {"Namespace": "N", "MetricName": "m", "Statistics": ["Sum"], "StartTime": NOW,
        "EndTime": NOW + 3600, "Period": 60}


def role(text, call="create_role"):
    key = "AssumeRolePolicyDocument" if call == "create_role" else "PolicyDocument"
    own = {} if call == "create_role" else {"PolicyName": "p"}
    return {"RoleName": f"{NAME}-new" if call == "create_role" else NAME, key: text, **own}


def inline(**change):
    return ("iam", "put_role_policy", role(policy(**change), "put_role_policy"))


def trust(**change):
    return ("iam", "create_role", role(json.dumps(
        {"Version": "2012-10-17", "Statement": [{**json.loads(TRUST)["Statement"][0], **change}]})))


def datum(**values):
    return ("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": [
        {"MetricName": "m", **values}]})


def alarm(**change):
    return ("cloudwatch", "put_metric_alarm", {**ALARM, **change})


def stack(resources, call="create_stack", **more):
    return ("cloudformation", call, {"StackName": f"{NAME}-new", "TemplateBody": json.dumps(
        {**({"Resources": resources} if resources is not None else {}), **more})})


def expire(**selection):
    rule = {"rulePriority": 1, "action": {"type": "expire"}, "selection": {
        "tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1, **selection}}
    return ("ecr", "put_lifecycle_policy", {
        "repositoryName": NAME, "lifecyclePolicyText": json.dumps({"rules": [rule]})})


def written(**more):
    return ("s3", "put_object", {"Bucket": NAME, "Key": "k", "Body": b"", **more})


def noticed(*configurations):
    return ("s3", "put_bucket_notification_configuration", {
        "Bucket": NAME, "NotificationConfiguration": {"LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"], **one}
            for one in configurations]}})


def logged(*events):
    return ("logs", "put_log_events", {"logGroupName": NAME, "logStreamName": "s", "logEvents": [
        {"timestamp": when, "message": text} for when, text in events]})


MALFORMED, BAD = "MalformedPolicyDocument", "BadRequestException"
EXISTS, MISSING = "ConflictException", "NotFoundException"
# ((service, call, parameters), error code, HTTP status, words of the message); API's id as API.
REFUSED = [
    (written(IfMatch="*"), "NotImplemented", 501, "functionality that is not implemented"),
    (written(IfMatch='"e"', IfNoneMatch="*"), "NotImplemented", 501, "not implemented"),
    (written(IfNoneMatch='"e"'), "NotImplemented", 501, "not implemented"),
    (written(Metadata={"m": "x" * 2048}), "MetadataTooLarge", 400, "exceed the maximum"),
    (("s3", "put_object", {"Bucket": NAME, "Key": "k" * 1025}), "KeyTooLongError", 400, "too long"),
    (("s3", "create_bucket", {"Bucket": "Capitals"}), "InvalidBucketName", 400, "not valid"),
    (("s3", "create_bucket", {"Bucket": "192.168.5.4"}), "InvalidBucketName", 400, "not valid"),
    (noticed({}), "InvalidArgument", 400, "Unable to validate the following destination"),
    (noticed({"Id": "a"}, {"Id": "a"}), "InvalidArgument", 400, "Same ID"),
    (("s3", "put_bucket_policy", {"Bucket": NAME, "Policy": "none"}), "MalformedPolicy", 400,
     "invalid Json"),
    (("s3", "put_bucket_policy", {"Bucket": NAME, "Policy": policy(Principal="*")}),
     "MalformedPolicy", 400, "invalid resource"),
    (("s3", "put_bucket_tagging", {"Bucket": NAME, "Tagging": {"TagSet": [
        {"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}}), "InvalidTag", 400, "same key"),
    (("iam", "create_role", role("no JSON")), MALFORMED, 400, "^This policy contains invalid Json"),
    (trust(Resource="*"), MALFORMED, 400, "^Has prohibited field Resource$"),
    (trust(Action="s3:GetObject"), MALFORMED, 400, "may only specify STS AssumeRole actions"),
    (trust(Principal={"Service": "lambda"}), MALFORMED, 400, 'Invalid principal.*"lambda"'),
    (inline(Action="s3GetObject"), MALFORMED, 400, "^Actions/Conditions must be prefaced"),
    (inline(Resource="my-bucket"), MALFORMED, 400, '^Resource my-bucket must be in ARN format'),
    (inline(Resource=None), MALFORMED, 400, "must contain resources"),
    (inline(Action=None), MALFORMED, 400, "must contain actions"),
    (inline(Effect="Permit"), MALFORMED, 400, "Syntax errors in policy"),
    (inline(Principal="*"), MALFORMED, 400, "should not specify a principal"),
    (inline(Condition={"Equals": {"aws:x": "y"}}), MALFORMED, 400, "Invalid Condition type"),
    (inline(Resource=["arn:aws:s3:::" + "b" * 60] * 200), "LimitExceeded", 409, "10240"),
    (("iam", "attach_role_policy", {"RoleName": NAME, "PolicyArn": NOPE}), "NoSuchEntity", 404,
     f"^Policy {NOPE} does not exist or is not attachable.$"),
    (("iam", "attach_role_policy", {"RoleName": NAME, "PolicyArn": "x" * 20}), "ValidationError",
     400, "^Invalid ARN:  Could not be parsed!$"),
    (("sts", "assume_role", {"RoleArn": "arn:aws:iam::012345678912:role/nobody",
                             "RoleSessionName": "s1"}), "AccessDenied", 403, "sts:AssumeRole"),
    (datum(Value=1.0, Values=[1.0]), "InvalidParameterCombination", 400,
     "MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive"),
    (datum(Values=[1.0], Counts=[1.0, 2.0]), "InvalidParameterValue", 400, "of the same size"),
    (datum(Value=1.0, StorageResolution=5), "InvalidParameterValue", 400, "StorageResolution"),
    (datum(), "MissingParameter", 400, "MetricData.member.1.Value"),
    (("cloudwatch", "get_metric_statistics", {**HOUR, "EndTime": NOW - 1}),
     "InvalidParameterValue", 400, "^The parameter StartTime must be less than the parameter End"),
    (("cloudwatch", "get_metric_statistics", {**HOUR, "Period": 1, "EndTime": NOW + 86_400}),
     "InvalidParameterCombination", 400, "up to 86400 datapoints, which exceeds the limit of 1440"),
    (("cloudwatch", "get_metric_statistics", {**HOUR, "Period": 45}), "InvalidParameterValue", 400,
     "Period"),
    (alarm(TreatMissingData="breach"), "ValidationError", 400, "TreatMissingData"),
    (alarm(Period=45), "ValidationError", 400, "Period must be"),
    (alarm(DatapointsToAlarm=2), "ValidationError", 400, "DatapointsToAlarm"),
    (alarm(ExtendedStatistic="p90"), "ValidationError", 400, "Statistic"),
    (alarm(EvaluationPeriods=2000), "ValidationError", 400, "EvaluationPeriods"),
    (logged((NOW * 1000 + 1, "b"), (NOW * 1000, "a")), "InvalidParameterException", 400,
     "^Log events in a single PutLogEvents request must be in chronological order.$"),
    (logged((NOW * 1000, "a"), (NOW * 1000 + 86_400_001, "b")), "InvalidParameterException", 400,
     "24 hours"),
    (("logs", "put_retention_policy", {"logGroupName": NAME, "retentionInDays": 2}),
     "InvalidParameterException", 400, "retentionInDays"),
    (stack(None), "ValidationError", 400,
     "^Template format error: At least one Resources member must be defined.$"),
    (stack({"A": {}}), "ValidationError", 400, r"\[/Resources/A\] Every Resources object must"),
    (stack({"A-1": TOPIC}), "ValidationError", 400, "non alphanumeric"),
    (stack({"A": TOPIC}, Resource={}), "ValidationError", 400, r"properties \[Resource\]"),
    (stack({"A": TOPIC}, Parameters={"P": {"Type": "String"}}), "ValidationError", 400,
     r"^Parameters: \[P\] must have values$"),
    (stack({"A": TOPIC}, Transform="AWS::Serverless-2016-10-31"),
     "InsufficientCapabilitiesException", 400, r"\[CAPABILITY_AUTO_EXPAND\]$"),
    (stack({"A": ROLE}), "InsufficientCapabilitiesException", 400, r"\[CAPABILITY_IAM\]$"),
    (stack({"A": {**ROLE, "Properties": {"RoleName": "r", **ROLE["Properties"]}}}),
     "InsufficientCapabilitiesException", 400, r"\[CAPABILITY_NAMED_IAM\]$"),
    (("cloudformation", "create_change_set", {
        "StackName": NAME, "ChangeSetName": "c1", "ChangeSetType": "CREATE",
        "TemplateBody": json.dumps({"Resources": {"A": TOPIC}})}), "ValidationError", 400,
     rf"^Stack \[{NAME}\] already exists and cannot be created again with the changeSet \[c1\].$"),
    (expire(countUnit="days"), "InvalidParameterException", 400, "LifecyclePolicyText.*countUnit"),
    (expire(tagStatus="tagged"), "InvalidParameterException", 400, "tagPrefixList"),
    (expire(countNumber=0), "InvalidParameterException", 400, "countNumber"),
    (("ecr", "put_lifecycle_policy", {"repositoryName": NAME, "lifecyclePolicyText": "x" * 100}),
     "InvalidParameterException", 400, "'LifecyclePolicyText'"),
    (("ecr", "set_repository_policy", {"repositoryName": NAME, "policyText": "x"}),
     "InvalidParameterException", 400, "'PolicyText'"),
    (("ecr", "describe_images", {"repositoryName": NAME, "imageIds": [{"imageTag": "latest"}]}),
     "ImageNotFoundException", 400, "imageDigest:'null', imageTag:'latest'.*does not exist"),
]

HTTP = [
    ("create_route", {"RouteKey": "GET /x"}, EXISTS, 409, "^Route with key GET /x already exists"),
    ("create_route", {"RouteKey": "/z"}, BAD, 400, "route key"),
    ("create_route", {"RouteKey": "GET /y", "Target": "integrations/none"}, MISSING, 404, "none"),
    ("create_route", {"RouteKey": "GET /y", "AuthorizationType": "JWT"}, BAD, 400, "AuthorizerId"),
    ("create_integration", {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION}, BAD, 400,
     "^PayloadFormatVersion is a required parameter for integration$"),
    ("create_integration", {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION,
                            "PayloadFormatVersion": "3.0"}, BAD, 400, "PayloadFormatVersion"),
    ("create_integration", {"IntegrationType": "MOCK"}, BAD, 400, "MOCK"),
    ("create_stage", {"StageName": "prod"}, EXISTS, 409, "already exists"),
    ("create_stage", {"StageName": "a b"}, BAD, 400, "Stage name"),
    ("create_stage", {"StageName": "new", "RouteSettings": {"GET /some-route": {}}}, MISSING, 404,
     "^Unable to find Route by key GET /some-route within the provided RouteSettings$"),
    ("update_api", {"CorsConfiguration": {"AllowCredentials": True, "AllowOrigins": ["*"]}}, BAD,
     400, "allow-credentials"),
]
REST = [
    ("put_method", {"httpMethod": "MADE", "authorizationType": "NONE"}, BAD, 400,
     "^Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"),
    ("put_method", {"httpMethod": "PUT", "authorizationType": "CUSTOM"}, BAD, 400,
     "^Invalid authorizer ID specified."),
    ("put_method", {"httpMethod": "GET", "authorizationType": "NONE"}, EXISTS, 409, "already"),
    ("put_integration", {"httpMethod": "GET", "type": "AWS_PROXY", "uri": FUNCTION,
                         "integrationHttpMethod": "POST"}, BAD, 400,
     "^AWS ARN for integration must contain path or action$"),
    ("put_integration", {"httpMethod": "GET", "type": "AWS_PROXY", "uri": URI}, BAD, 400,
     "HttpMethod"),
    ("put_integration", {"httpMethod": "HEAD", "type": "MOCK"}, MISSING, 404, "Invalid Method"),
    ("create_deployment", {}, BAD, 400, "^No integration defined for method"),
]


def client(name):
    return boto3.client(name, config=Config(parameter_validation=False,
                                            retries={"total_max_attempts": 1}))


def expect(service, call, parameters, code, status, words):
    with pytest.raises(ClientError) as caught:
        getattr(client(service), call)(**parameters)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer["Error"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert re.search(words, answer["Error"]["Message"], re.DOTALL), answer["Error"]["Message"]


@pytest.fixture(scope="module")
def things(local_cloud):
    """What the rows name: a bucket, a role, a stack, a repository, a log stream; then gone."""
    s3, iam, logs, ecr = map(client, ("s3", "iam", "logs", "ecr"))
    cfn = client("cloudformation")
    s3.create_bucket(Bucket=NAME)
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=TRUST)
    logs.create_log_group(logGroupName=NAME)
    logs.create_log_stream(logGroupName=NAME, logStreamName="s")
    ecr.create_repository(repositoryName=NAME)
    cfn.create_stack(StackName=NAME, TemplateBody=json.dumps({"Resources": {"A": TOPIC}}))
    cfn.get_waiter("stack_create_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1})
    yield
    cfn.delete_stack(StackName=NAME)
    ecr.delete_repository(repositoryName=NAME, force=True)
    logs.delete_log_group(logGroupName=NAME)
    iam.delete_role(RoleName=NAME)
    s3.delete_bucket(Bucket=NAME)


@pytest.fixture(scope="module")
def http_api(local_cloud):
    api = client("apigatewayv2")
    number = api.create_api(Name=NAME, ProtocolType="HTTP")["ApiId"]
    api.create_route(ApiId=number, RouteKey="GET /x")
    api.create_stage(ApiId=number, StageName="prod")
    yield number
    api.delete_api(ApiId=number)


@pytest.fixture
def rest_api(local_cloud):
    """(id, root resource) of a REST API with a method that has no integration."""
    api = client("apigateway")
    number = api.create_rest_api(name=NAME)["id"]
    root = api.get_resources(restApiId=number)["items"][0]["id"]
    api.put_method(restApiId=number, resourceId=root, httpMethod="GET", authorizationType="NONE")
    yield number, root
    api.delete_rest_api(restApiId=number)


@pytest.mark.parametrize("asked, code, status, words", REFUSED,
                         ids=[f"{row[0][1]}-{at}" for at, row in enumerate(REFUSED)])
def test_a_rule_is_kept_as_on_aws(things, asked, code, status, words):
    expect(*asked, code, status, words)


@pytest.mark.parametrize("call, more, code, status, words", HTTP)
def test_a_rule_of_http_apis_is_kept(http_api, call, more, code, status, words):
    expect("apigatewayv2", call, {"ApiId": http_api, **more}, code, status, words)


@pytest.mark.parametrize("call, more, code, status, words", REST)
def test_a_rule_of_rest_apis_is_kept(rest_api, call, more, code, status, words):
    number, root = rest_api
    place = {} if call == "create_deployment" else {"resourceId": root}
    expect("apigateway", call, {"restApiId": number, **place, **more}, code, status, words)


def test_a_deployment_in_use_stays_and_an_empty_api_has_none(rest_api):
    api, (number, root) = client("apigateway"), rest_api
    api.put_integration(restApiId=number, resourceId=root, httpMethod="GET", type="MOCK")
    used = api.create_deployment(restApiId=number, stageName="prod")["id"]
    expect("apigateway", "delete_deployment", {"restApiId": number, "deploymentId": used}, BAD, 400,
           "^Active stages pointing to this deployment must be moved or deleted$")
    api.delete_method(restApiId=number, resourceId=root, httpMethod="GET")
    expect("apigateway", "create_deployment", {"restApiId": number}, BAD, 400,
           "^The REST API doesn't contain any methods$")


def test_what_aws_takes_is_taken(things):
    """Each rule lets its neighbour pass."""
    for service, call, parameters in [
            written(IfNoneMatch="*"), inline(), inline(Action=["s3:Get*", "*"]),
            inline(Condition={"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["k"]}}),
            datum(Values=[1.0, 2.0], Counts=[1.0, 2.0]), alarm(Period=10), alarm(),
            ("cloudwatch", "get_metric_statistics", {**HOUR, "EndTime": NOW + 86_400}),
            logged((int(time.time() * 1000), "a"), (int(time.time() * 1000) + 1, "b")),
            expire(countType="sinceImagePushed", countUnit="days"), expire()]:
        getattr(client(service), call)(**parameters)
    client("cloudwatch").delete_alarms(AlarmNames=[NAME])
    client("s3").delete_object(Bucket=NAME, Key="k")
    client("iam").delete_role_policy(RoleName=NAME, PolicyName="p")


def test_events_out_of_time_are_rejected_and_the_answer_says_which(things):
    now, day = int(time.time() * 1000), 86_400_000
    logs = client("logs")
    answers = {days: logs.put_log_events(**logged((now - days * day, f"{days} days old"))[2])
               for days in (15, 0)}
    assert answers[15]["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert "rejectedLogEventsInfo" not in answers[0]
    future = logs.put_log_events(**logged((now + day // 8, "in three hours"))[2])
    assert future["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 0}
    found = {one["message"] for one in logs.filter_log_events(logGroupName=NAME)["events"]}
    assert "0 days old" in found and not found & {"15 days old", "in three hours"}


def test_a_rest_stage_serves_what_was_deployed(rest_api):
    api, (number, root) = client("apigateway"), rest_api
    there = {"restApiId": number, "resourceId": root, "httpMethod": "GET"}
    api.put_integration(**there, type="MOCK", requestTemplates={
        "application/json": '{"statusCode": 200}'})
    api.put_method_response(**there, statusCode="200")
    api.put_integration_response(**there, statusCode="200")
    api.put_method(restApiId=number, resourceId=root, httpMethod="DELETE",
                   authorizationType="NONE")
    api.put_integration(restApiId=number, resourceId=root, httpMethod="DELETE", type="MOCK")
    api.create_deployment(restApiId=number, stageName="prod")
    url = f"http://localhost:{cloud.port()}/_aws/execute-api/{number}/prod/"
    assert requests.get(url).status_code == 200
    api.delete_method(**there)
    assert requests.get(url).status_code == 200
    api.create_deployment(restApiId=number, stageName="prod")
    assert requests.get(url).status_code == 403


@pytest.mark.parametrize("method, event, status", [
    ("POST", {"headers": {"x-a": "b"}}, 200), ("POST", {"other": 1}, 502), ("GET", {}, 500)])
def test_a_rest_api_calls_its_function_by_post_and_needs_no_status(
        rest_api, new_function, method, event, status):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("app.py")
        entry.external_attr = 0o644 << 16       # Lambda's user must be able to read it
        archive.writestr(entry, f"def handler(event, context):\n    return {event!r}\n")
    function = new_function(Runtime="python3.13", Handler="app.handler",
                            Code={"ZipFile": packed.getvalue()})
    api, (number, root) = client("apigateway"), rest_api
    api.put_integration(restApiId=number, resourceId=root, httpMethod="GET", type="AWS_PROXY",
                        integrationHttpMethod=method, uri=URI.replace(FUNCTION, function.arn))
    function.client.add_permission(
        FunctionName=function.name, StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:012345678912:{number}/*/GET/")
    api.create_deployment(restApiId=number, stageName="prod")
    url = f"http://localhost:{cloud.port()}/_aws/execute-api/{number}/prod/"
    assert requests.get(url, timeout=60).status_code == status
