"""What S3, IAM, CloudWatch, Logs, CloudFormation, API Gateway and ECR refuse by their rules.

Refusals that others recorded on AWS are in `test_aws_answers.py`; these are their siblings.
"""
import pytest

from calls import (
    ARN,
    NAME,
    NOW,
    STACK_ROLE,
    TOPIC,
    URI,
    alarm,
    client,
    datum,
    expect,
    expire,
    inline,
    logged,
    milliseconds,
    noticed,
    policy,
    stack,
    statistics,
    trust,
    written,
)

MALFORMED, BAD = "MalformedPolicyDocument", "BadRequestException"
EXISTS, MISSING = "ConflictException", "NotFoundException"
# ((service, call, parameters), error code, HTTP status, words of the message); API's id as API.
REFUSED = [
    (written(IfNoneMatch='"e"'), "NotImplemented", 501, "not implemented"),
    (written(Metadata={"m": "x" * 2048}), "MetadataTooLarge", 400, "exceed the maximum"),
    (("s3", "put_object", {"Bucket": NAME, "Key": "k" * 1025}), "KeyTooLongError", 400, "too long"),
    (("s3", "create_bucket", {"Bucket": "Capitals"}), "InvalidBucketName", 400, "not valid"),
    (("s3", "create_bucket", {"Bucket": "192.168.5.4"}), "InvalidBucketName", 400, "not valid"),
    (noticed({"Id": "a"}, {"Id": "a"}), "InvalidArgument", 400, "Same ID"),
    (("s3", "put_bucket_policy", {"Bucket": NAME, "Policy": policy(Principal="*")}),
     "MalformedPolicy", 400, "invalid resource"),
    (("s3", "put_bucket_tagging", {"Bucket": NAME, "Tagging": {"TagSet": [
        {"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}}), "InvalidTag", 400, "same key"),
    (trust(Action="s3:GetObject"), MALFORMED, 400, "may only specify STS AssumeRole actions"),
    (trust(Principal={"Service": "lambda"}), MALFORMED, 400, 'Invalid principal.*"lambda"'),
    (inline(Resource=None), MALFORMED, 400, "must contain resources"),
    (inline(Action=None), MALFORMED, 400, "must contain actions"),
    (inline(Effect="Permit"), MALFORMED, 400, "Syntax errors in policy"),
    (inline(Principal="*"), MALFORMED, 400, "should not specify a principal"),
    (inline(Condition={"Equals": {"aws:x": "y"}}), MALFORMED, 400, "Invalid Condition type"),
    (inline(Resource=["arn:aws:s3:::" + "b" * 60] * 200), "LimitExceeded", 409, "10240"),
    (datum(Value=1.0, StorageResolution=5), "InvalidParameterValue", 400, "StorageResolution"),
    (datum(), "MissingParameter", 400, "MetricData.member.1.Value"),
    (statistics(Period=45), "InvalidParameterValue", 400, "Period"),
    (alarm(DatapointsToAlarm=2), "ValidationError", 400, "DatapointsToAlarm"),
    (alarm(ExtendedStatistic="p90"), "ValidationError", 400, "Statistic"),
    (alarm(EvaluationPeriods=2000), "ValidationError", 400, "EvaluationPeriods"),
    (logged((NOW * 1000, "a"), (NOW * 1000 + 86_400_001, "b")), "InvalidParameterException", 400,
     "24 hours"),
    (("logs", "put_retention_policy", {"logGroupName": NAME, "retentionInDays": 2}),
     "InvalidParameterException", 400, "retentionInDays"),
    (stack({"A-1": TOPIC}), "ValidationError", 400, "non alphanumeric"),
    (stack({"A": TOPIC}, Resource={}), "ValidationError", 400, r"properties \[Resource\]"),
    (stack({"A": TOPIC}, Parameters={"P": {"Type": "String"}}), "ValidationError", 400,
     r"^Parameters: \[P\] must have values$"),
    (stack({"A": {**STACK_ROLE, "Properties": {"RoleName": "r", **STACK_ROLE["Properties"]}}}),
     "InsufficientCapabilitiesException", 400, r"\[CAPABILITY_NAMED_IAM\]$"),
    (expire(tagStatus="tagged"), "InvalidParameterException", 400, "tagPrefixList"),
    (expire(countNumber=0), "InvalidParameterException", 400, "countNumber"),
]

HTTP = [
    ("create_route", {"RouteKey": "GET /y", "AuthorizationType": "JWT"}, BAD, 400, "AuthorizerId"),
    ("create_integration", {"IntegrationType": "AWS_PROXY", "IntegrationUri": ARN,
                            "PayloadFormatVersion": "3.0"}, BAD, 400, "PayloadFormatVersion"),
    ("create_integration", {"IntegrationType": "MOCK"}, BAD, 400, "MOCK"),
    ("create_stage", {"StageName": "a b"}, BAD, 400, "Stage name"),
]
REST = [
    ("put_method", {"httpMethod": "GET", "authorizationType": "NONE"}, EXISTS, 409, "already"),
    ("put_integration", {"httpMethod": "GET", "type": "AWS_PROXY", "uri": URI}, BAD, 400,
     "HttpMethod"),
    ("put_integration", {"httpMethod": "HEAD", "type": "MOCK"}, MISSING, 404, "Invalid Method"),
    ("create_deployment", {}, BAD, 400, "^No integration defined for method"),
]


@pytest.mark.parametrize("asked, code, status, words", REFUSED,
                         ids=[f"{row[0][1]}-{at}" for at, row in enumerate(REFUSED)])
def test_a_rule_is_kept_as_on_aws(worker, things, asked, code, status, words):
    expect(*asked, code, status, words)


@pytest.mark.parametrize("call, more, code, status, words", HTTP)
def test_a_rule_of_http_apis_is_kept(http_api, call, more, code, status, words):
    expect("apigatewayv2", call, {"ApiId": http_api, **more}, code, status, words)


@pytest.mark.parametrize("call, more, code, status, words", REST)
def test_a_rule_of_rest_apis_is_kept(rest_api, call, more, code, status, words):
    number, root = rest_api
    place = {} if call == "create_deployment" else {"resourceId": root}
    expect("apigateway", call, {"restApiId": number, **place, **more}, code, status, words)


def test_what_aws_takes_is_taken(worker, things):
    """Each rule lets its neighbour pass."""
    for service, call, parameters in [
            written(IfNoneMatch="*"), inline(), inline(Action=["s3:Get*", "*"]),
            inline(Condition={"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["k"]}}),
            datum(Values=[1.0, 2.0], Counts=[1.0, 2.0]), alarm(Period=10), alarm(),
            statistics(EndTime=NOW + 86_400),
            logged((milliseconds(), "a"), (milliseconds() + 1, "b")),
            expire(countType="sinceImagePushed", countUnit="days"), expire()]:
        getattr(client(service), call)(**parameters)
    client("cloudwatch").delete_alarms(AlarmNames=[NAME])
    client("s3").delete_object(Bucket=NAME, Key="k")
    client("iam").delete_role_policy(RoleName=NAME, PolicyName="p")
