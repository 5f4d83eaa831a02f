"""What AWS was seen to answer, or documents that it answers, and what the local cloud answers.

ROWS are calls that are refused; the tests below them are about calls that are taken and mean
something. Both are ordered by service. In a message, `…` stands for any text: where AWS's words
depend on the day, or are not known to their end. A message of `…` alone is not known at all.
"""
import json

import pytest
import requests

from calls import (
    ACCOUNT,
    ARN,
    LAYER,
    MAPPING,
    NAME,
    NOT_THERE,
    NOW,
    QUEUE_ARN,
    REGION,
    STACK_ROLE,
    TOPIC,
    URI,
    Of,
    alarm,
    datum,
    expire,
    inline,
    known,
    like,
    logged,
    milliseconds,
    new,
    noticed,
    packed,
    refused,
    role,
    schedule,
    stack,
    statistics,
    target,
    transformer,
    trust,
    written,
)
from waiting import until
from workshop import cloud

INVALID, VALIDATION = "InvalidParameterValueException", "ValidationException"
BAD, MALFORMED = "BadRequestException", "MalformedPolicyDocument"
PARAMETER, QUERY = "InvalidParameterException", "ValidationError"
NOPE = f"arn:aws:iam::{ACCOUNT}:policy/nope123"
REDRIVE = json.dumps({"deadLetterTargetArn": QUEUE_ARN + "-nope", "maxReceiveCount": 3})
EVENT = {"EventPattern": '{"source": ["x"]}'}
METHOD = {"restApiId": Of("rest api"), "resourceId": Of("root")}


def broken(value, at, constraint):
    """The words that most services share."""
    return (f"1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: "
            f"Member must {constraint}")


def aliased(weights, version="1", name="new"):
    return {"FunctionName": NAME, "Name": name, "FunctionVersion": version,
            "RoutingConfig": {"AdditionalVersionWeights": weights}}


def granted(**change):
    return {"FunctionName": NAME, "StatementId": "s", "Action": "lambda:InvokeFunction",
            "Principal": "*", **change}


def mapped(**change):
    return ("lambda", "create_event_source_mapping", {**MAPPING, **change})


def url(**change):
    return ("lambda", "create_function_url_config", {"FunctionName": NAME, "AuthType": "NONE",
                                                     **change})


def sent_to(destination):
    return ("lambda", "put_function_event_invoke_config", {
        "FunctionName": NAME, "DestinationConfig": {"OnFailure": {"Destination": destination}}})


def ecr_fault(parameter, constraint):
    return f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}"


# what is asked, (service, call, parameters), status, code, message
ROWS = [
    # Lambda: functions
    ("a function's name of 65 characters",
     ("lambda", "create_function", new(FunctionName="a" * 65)), 400, INVALID,
     broken("a" * 65, "functionName", "have length less than or equal to 64")),
    ("a function's name with !", ("lambda", "create_function", new(FunctionName="my-function!")),
     400, VALIDATION, broken("my-function!", "functionName", "satisfy regular expression "
                             "pattern: …")),
    ("two architectures", ("lambda", "create_function", new(Architectures=["x86_64", "arm64"])),
     400, VALIDATION, broken("[x86_64, arm64]", "architectures", "have length less than or equal "
                             "to 1")),
    ("an architecture in capitals", ("lambda", "create_function", new(Architectures=["X86_64"])),
     400, VALIDATION, broken("[X86_64]", "architectures", "satisfy constraint: [Member must "
                             "satisfy enum value set: [x86_64, arm64], Member must not be null]")),
    ("code in S3 under a key that is not there", ("lambda", "create_function", new(
        Code={"S3Bucket": NAME, "S3Key": "none.zip"})), 400, INVALID,
     "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified "
     "key does not exist."),
    ("a payload that is not UTF-8",
     ("lambda", "invoke", {"FunctionName": NAME, "Payload": b"\x87\x88"}), 400,
     "InvalidRequestContentException", "Could not parse request body into json: Could not parse "
     "payload into json: Invalid UTF-8 start byte 0x87…"),
    ("a payload that is not JSON",
     ("lambda", "invoke", {"FunctionName": NAME, "Payload": b"hello"}), 400,
     "InvalidRequestContentException", "Could not parse request body into json: …"),
    ("a version of another revision",
     ("lambda", "publish_version", {"FunctionName": NAME, "RevisionId": "wrong"}), 412,
     "PreconditionFailedException", "The Revision Id provided does not match the latest Revision "
     "Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"),
    ("delete $LATEST", ("lambda", "delete_function", {"FunctionName": NAME,
                                                      "Qualifier": "$LATEST"}), 400, INVALID,
     "$LATEST version cannot be deleted without deleting the function."),
    # Lambda: aliases and concurrency
    ("an alias to a version that is not there", ("lambda", "create_alias", {
        "FunctionName": NAME, "Name": "new", "FunctionVersion": "10"}), 404,
     "ResourceNotFoundException", f"Function not found: {ARN}:10"),
    ("an alias with a weight of 2.0", ("lambda", "create_alias", aliased({"2": 2.0})), 400,
     VALIDATION, "1 validation error detected: Value '{2=2.0}' at "
     "'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must "
     "satisfy constraint: [Member must have value less than or equal to 1.0, Member must have "
     "value greater than or equal to 0.0, Member must not be null]"),
    ("an alias that gives its own version a weight",
     ("lambda", "create_alias", aliased({"1": 0.5})), 400, INVALID, "Invalid function version 1. "
     "Function version 1 is already included in routing configuration."),
    ("a weighted alias on $LATEST", ("lambda", "create_alias", aliased({"1": 0.5}, "$LATEST")), 400,
     INVALID, "$LATEST is not supported for an alias pointing to more than 1 version"),
    ("reserve more than the account has", ("lambda", "put_function_concurrency", {
        "FunctionName": NAME, "ReservedConcurrentExecutions": 901}), 400, INVALID,
     "Specified ReservedConcurrentExecutions for function decreases account's "
     "UnreservedConcurrentExecution below its minimum value of [100]."),
    ("provisioned concurrency of $LATEST", ("lambda", "put_provisioned_concurrency_config", {
        "FunctionName": NAME, "Qualifier": "$LATEST", "ProvisionedConcurrentExecutions": 1}), 400,
     INVALID, "Provisioned Concurrency Configs cannot be applied to unpublished function "
     "versions."),
    # Lambda: asynchronous invokes and mappings
    ("settings of asynchronous invokes without any",
     ("lambda", "put_function_event_invoke_config", {"FunctionName": NAME}), 400, INVALID,
     "You must specify at least one of error handling or destination setting."),
    ("a destination that is not there", sent_to(NOT_THERE), 400, INVALID,
     f"The destination ARN {NOT_THERE} is invalid."),
    ("the function itself as destination", sent_to(ARN), 400, INVALID,
     "You can't specify the function as a destination for itself."),
    ("a mapping to a function that is not there", mapped(FunctionName="none"), 400, INVALID,
     "Function does not exist"),
    ("the same mapping a second time", mapped(EventSourceArn=QUEUE_ARN), 409,
     "ResourceConflictException", f'An event source mapping with SQS arn (" {QUEUE_ARN} ") and '
     f'function (" {NAME} ") already exists. Please update or delete the existing mapping with '
     "UUID …"),
    ("a filter pattern that is a plain text",
     mapped(FilterCriteria={"Filters": [{"Pattern": "plain"}]}), 400, INVALID,
     "Invalid filter pattern definition."),
    ("a queue that hides messages for less than the function may run",
     mapped(EventSourceArn=QUEUE_ARN + "-short"), 400, INVALID, "Queue visibility timeout: 5 "
     "seconds is less than Function timeout: 10 seconds"),
    ("a role that may not read the queue", mapped(FunctionName=f"{NAME}-poor"), 400, INVALID,
     "The provided execution role does not have permissions to call ReceiveMessage on SQS"),
    # Lambda: permissions, URLs, layers, tags
    ("a permission for $LATEST", ("lambda", "add_permission", granted(Qualifier="$LATEST")), 400,
     INVALID, "We currently do not support adding policies for $LATEST."),
    ("a principal that is none", ("lambda", "add_permission", granted(Principal="somebody")), 400,
     INVALID, "The provided principal was invalid. Please check the principal and try again."),
    ("a statement's id with a point",
     ("lambda", "add_permission", granted(StatementId="example.com")), 400, VALIDATION,
     broken("example.com", "statementId", "satisfy regular expression pattern: …")),
    ("a URL for $LATEST", url(Qualifier="$LATEST"), 400, VALIDATION,
     broken("$LATEST", "qualifier", "satisfy regular expression pattern: …")),
    ("an unknown invoke mode", url(InvokeMode="UNKNOWN"), 400, VALIDATION,
     broken("UNKNOWN", "invokeMode", "satisfy enum value set: […]")),
    ("two versions of one layer", ("lambda", "update_function_configuration", {
        "FunctionName": NAME, "Layers": [Of("layer 1"), Of("layer 2")]}), 400, INVALID,
     "Two different versions of the same layer are not allowed to be referenced in the same "
     f"function. {LAYER}:…"),
    ("a layer for an unknown runtime", ("lambda", "publish_layer_version", {
        "LayerName": NAME, "Content": {"ZipFile": packed()},
        "CompatibleRuntimes": ["invalidruntime"]}), 400, VALIDATION,
     broken("[invalidruntime]", "compatibleRuntimes", "satisfy constraint: [Member must satisfy "
            "enum value set: […")),
    ("tags of a version", ("lambda", "tag_resource", {"Resource": ARN + ":1", "Tags": {"a": "b"}}),
     400, INVALID, "Tags on function aliases and versions are not supported. Please specify a "
                   "function ARN."),
    ("51 tags", ("lambda", "tag_resource", {"Resource": ARN, "Tags": {
        f"k{number}": "v" for number in range(51)}}), 400, INVALID,
     "Number of tags exceeds resource tag limit."),
    # EventBridge and its Scheduler
    ("a minute of 71", ("events", "put_rule", {
        "Name": "x", "ScheduleExpression": "cron(71 8 1 * ? *)"}), 400, VALIDATION,
     "Parameter ScheduleExpression is not valid."),
    ("a rate of 1 minutes", ("events", "put_rule", {
        "Name": "x", "ScheduleExpression": "rate(1 minutes)"}), 400, VALIDATION,
     "Parameter ScheduleExpression is not valid."),
    ("a schedule on a bus of one's own", ("events", "put_rule", {
        "Name": "x", "ScheduleExpression": "rate(5 minutes)", "EventBusName": "mine"}), 400,
     VALIDATION, "ScheduleExpression is supported only on the default event bus."),
    ("six targets", ("events", "put_targets", {"Rule": NAME, "Targets": [
        {"Id": f"t{number}", "Arn": ARN} for number in range(6)]}), 400, "LimitExceededException",
     "The requested resource exceeds the maximum number allowed."),
    ("a target's id of signs", ("events", "put_targets", target(Id="!@#$@!#$")), 400, VALIDATION,
     broken("!@#$@!#$", "targets.1.member.id", "satisfy regular expression pattern: …")),
    ("a target with Input and InputPath",
     ("events", "put_targets", target(Input="{}", InputPath="$.detail")), 400, VALIDATION,
     "Only one of Input, InputPath, or InputTransformer must be provided for target t1."),
    ("a placeholder without a path", ("events", "put_targets", target(Id="t2", **transformer(
        '{"a": <notdefinedkey>}', there="$.detail"))), 400, VALIDATION,
     "InputTemplate for target t2 contains invalid placeholder notdefinedkey."),
    ("an event over 1 MB", ("events", "put_events", {"Entries": [{
        "Source": "x", "DetailType": "y", "Detail": json.dumps({"a": "b" * 1024 * 1024})}]}), 400,
     VALIDATION, "Total size of the entries in the request is over the limit."),
    ("a test event that is no object", ("events", "test_event_pattern", {**EVENT, "Event": "[]"}),
     400, VALIDATION, "Parameter Event is not valid."),
    ("a schedule at a moment with a zone",
     ("scheduler", "create_schedule", schedule("at(2021-12-31T23:59:59Z)")), 400, VALIDATION,
     "Invalid Schedule Expression at(2021-12-31T23:59:59Z)."),
    ("a schedule with two days", ("scheduler", "create_schedule", schedule("cron(0 1 * * * *)")),
     400, VALIDATION, "Invalid Schedule Expression cron(0 1 * * * *)."),
    ("a role that does not trust the Scheduler",
     ("scheduler", "create_schedule", schedule("rate(5 minutes)")), 400, VALIDATION,
     "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."),
    # SQS
    ("wait for 21 seconds", ("sqs", "receive_message", {"QueueUrl": Of("queue"),
                                                        "WaitTimeSeconds": 21}), 400,
     "InvalidParameterValue", "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be "
                              ">= 0 and <= 20, if provided."),
    ("a second purge within a minute", ("sqs", "purge_queue", {"QueueUrl": Of("queue")}), 403,
     "AWS.SimpleQueueService.PurgeQueueInProgress",
     f"Only one PurgeQueue operation on {NAME} is allowed every 60 seconds."),
    ("FifoQueue false", ("sqs", "create_queue", {
        "QueueName": f"{NAME}-x", "Attributes": {"FifoQueue": "false"}}), 400,
     "InvalidAttributeName", "Unknown Attribute FifoQueue."),
    ("an expired receipt of a FIFO queue", ("sqs", "delete_message", {
        "QueueUrl": Of("fifo"), "ReceiptHandle": Of("expired")}), 400, "InvalidParameterValue",
     "Value … for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."),
    ("a dead-letter queue that is not there", ("sqs", "create_queue", {
        "QueueName": f"{NAME}-x", "Attributes": {"RedrivePolicy": REDRIVE}}), 400,
     "InvalidParameterValue", f"Value {REDRIVE} for parameter RedrivePolicy is invalid. Reason: "
                              "Dead letter target does not exist."),
    # S3
    ("a notification to a function that is not there", noticed({}), 400, "InvalidArgument",
     "Unable to validate the following destination configurations"),
    ("a filter rule named INVALID", noticed({"Filter": {"Key": {"FilterRules": [
        {"Name": "INVALID", "Value": "in/"}]}}}), 400, "InvalidArgument",
     "filter rule name must be either prefix or suffix"),
    ("an unknown event", noticed({"Events": ["s3:ObjectMade:*"]}), 400, "InvalidArgument", "…"),
    ("IfMatch of any", written(IfMatch="*"), 501, "NotImplemented",
     "A header you provided implies functionality that is not implemented"),
    ("IfMatch and IfNoneMatch", written(IfMatch='"e"', IfNoneMatch="*"), 501, "NotImplemented",
     "A header you provided implies functionality that is not implemented"),
    # IAM and STS
    ("a trust policy that is no JSON", ("iam", "create_role", role("no JSON")), 400, MALFORMED,
     "This policy contains invalid Json"),
    ("a trust policy with a resource", trust(Resource="*"), 400, MALFORMED,
     "Has prohibited field Resource"),
    ("an action without a colon", inline(Action="s3GetObject"), 400, MALFORMED,
     "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ("a resource that is no ARN", inline(Resource="my-bucket"), 400, MALFORMED,
     'Resource my-bucket must be in ARN format or "*".'),
    ("attach a policy that is not there", ("iam", "attach_role_policy", {
        "RoleName": NAME, "PolicyArn": NOPE}), 404, "NoSuchEntity",
     f"Policy {NOPE} does not exist or is not attachable."),
    ("attach what is no ARN", ("iam", "attach_role_policy", {
        "RoleName": NAME, "PolicyArn": "x" * 20}), 400, QUERY,
     "Invalid ARN:  Could not be parsed!"),
    ("a session's name with a colon", ("sts", "assume_role", {
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}", "RoleSessionName": "Session1:2"}), 400,
     QUERY, broken("Session1:2", "roleSessionName", "satisfy regular expression pattern: …")),
    ("take a role that is not there", ("sts", "assume_role", {
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody", "RoleSessionName": "s1"}), 403,
     "AccessDenied", f"User: arn:aws:iam::{ACCOUNT}:… is not authorized to perform: sts:AssumeRole "
                     f"on resource: arn:aws:iam::{ACCOUNT}:role/nobody"),
    # CloudWatch and its Logs
    ("Value and Values", datum(Value=1.0, Values=[1.0]), 400, "InvalidParameterCombination",
     "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually "
     "exclusive and you have specified both."),
    ("Values and Counts of another length", datum(Values=[1.0], Counts=[1.0, 2.0]), 400,
     "InvalidParameterValue", "The parameters MetricData.member.1.Values and "
                              "MetricData.member.1.Counts must be of the same size."),
    ("statistics from an end to a start", statistics(EndTime=NOW - 1), 400, "InvalidParameterValue",
     "The parameter StartTime must be less than the parameter EndTime."),
    ("86,400 points of statistics", statistics(Period=1, EndTime=NOW + 86_400), 400,
     "InvalidParameterCombination", "You have requested up to 86400 datapoints, which exceeds the "
     "limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing "
     "the time range."),
    ("TreatMissingData breach", alarm(TreatMissingData="breach"), 400, QUERY, "…"),
    ("an alarm's period of 45 seconds", alarm(Period=45), 400, QUERY, "…"),
    ("a log group's name of 513 characters", ("logs", "create_log_group", {
        "logGroupName": "g" * 513}), 400, PARAMETER,
     "Invalid LogGroup or LogStream, both must have length less than or equal to 512."),
    ("10,001 events at once", ("logs", "filter_log_events", {
        "logGroupName": NAME, "limit": 10_001}), 400, PARAMETER,
     broken(10_001, "limit", "have value less than or equal to 10000")),
    ("log events that are not in order",
     logged((milliseconds() + 1, "b"), (milliseconds(), "a")), 400, PARAMETER,
     "Log events in a single PutLogEvents request must be in chronological order."),
    # CloudFormation
    ("a change set that creates a stack that is there", ("cloudformation", "create_change_set", {
        "StackName": NAME, "ChangeSetName": "c1", "ChangeSetType": "CREATE",
        "TemplateBody": json.dumps({"Resources": {"A": TOPIC}})}), 400, QUERY,
     f"Stack [{NAME}] already exists and cannot be created again with the changeSet [c1]."),
    ("a template without resources", stack(None), 400, QUERY,
     "Template format error: At least one Resources member must be defined."),
    ("a resource without a type", stack({"A": {}}), 400, QUERY,
     "Template format error: [/Resources/A] Every Resources object must contain a Type member."),
    ("a transform without its capability",
     stack({"A": TOPIC}, Transform="AWS::Serverless-2016-10-31"), 400,
     "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"),
    ("a role without its capability", stack({"A": STACK_ROLE}), 400,
     "InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"),
    # API Gateway: REST APIs
    ("a method MADE", ("apigateway", "put_method", {
        **METHOD, "httpMethod": "MADE", "authorizationType": "NONE"}), 400, BAD,
     "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"),
    ("a custom authorizer without its id", ("apigateway", "put_method", {
        **METHOD, "httpMethod": "PUT", "authorizationType": "CUSTOM"}), 400, BAD,
     "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
     "COGNITO_USER_POOLS requires a valid authorizer."),
    ("an integration with a function's bare ARN", ("apigateway", "put_integration", {
        **METHOD, "httpMethod": "GET", "type": "AWS_PROXY", "uri": ARN,
        "integrationHttpMethod": "POST"}), 400, BAD,
     "AWS ARN for integration must contain path or action"),
    ("an integration of type HTTPS_PROXY", ("apigateway", "put_integration", {
        **METHOD, "httpMethod": "GET", "type": "HTTPS_PROXY"}), 400, VALIDATION,
     broken("HTTPS_PROXY", "putIntegrationInput.type", "satisfy enum value set: […]")),
    ("delete a deployment that a stage uses", ("apigateway", "delete_deployment", {
        "restApiId": Of("rest api"), "deploymentId": Of("deployment")}), 400, BAD,
     "Active stages pointing to this deployment must be moved or deleted"),
    ("deploy an API without a method", ("apigateway", "create_deployment", {
        "restApiId": Of("empty api")}), 400, BAD, "The REST API doesn't contain any methods"),
    # API Gateway: HTTP APIs
    ("a route's key that is in use", ("apigatewayv2", "create_route", {
        "ApiId": Of("http api"), "RouteKey": "GET /x"}), 409, "ConflictException",
     "Route with key GET /x already exists for this API"),
    ("a route to an integration that is not there", ("apigatewayv2", "create_route", {
        "ApiId": Of("http api"), "RouteKey": "GET /y", "Target": "integrations/none"}), 404,
     "NotFoundException", "…"),
    ("a route's key without a method", ("apigatewayv2", "create_route", {
        "ApiId": Of("http api"), "RouteKey": "/z"}), 400, BAD, "…"),
    ("an integration without PayloadFormatVersion", ("apigatewayv2", "create_integration", {
        "ApiId": Of("http api"), "IntegrationType": "AWS_PROXY", "IntegrationUri": ARN}), 400, BAD,
     "PayloadFormatVersion is a required parameter for integration"),
    ("settings of a route that is not there", ("apigatewayv2", "create_stage", {
        "ApiId": Of("http api"), "StageName": "new", "RouteSettings": {"GET /some-route": {}}}),
     404, "NotFoundException",
     "Unable to find Route by key GET /some-route within the provided RouteSettings"),
    ("a stage's name that is in use", ("apigatewayv2", "create_stage", {
        "ApiId": Of("http api"), "StageName": "prod"}), 409, "ConflictException", "…"),
    ("credentials for every origin", ("apigatewayv2", "create_api", {
        "Name": NAME, "ProtocolType": "HTTP", "CorsConfiguration": {
            "AllowCredentials": True, "AllowOrigins": ["*"]}}), 400, BAD, "…"),
    # ECR
    ("a repository's name with capitals", ("ecr", "create_repository", {
        "repositoryName": "My-Models"}), 400, PARAMETER,
     ecr_fault("repositoryName", "must satisfy regular expression '(?:[a-z…")),
    ("a repository's name of one letter", ("ecr", "create_repository", {"repositoryName": "a"}),
     400, PARAMETER, ecr_fault("repositoryName", "must have length greater than or equal to 2'")),
    ("a count of images in days", expire(countUnit="days"), 400, PARAMETER,
     ecr_fault("LifecyclePolicyText", "Lifecycle policy validation failure: …")),
    ("a life cycle that is no JSON", ("ecr", "put_lifecycle_policy", {
        "repositoryName": NAME, "lifecyclePolicyText": "x" * 100}), 400, PARAMETER, "…"),
    ("a repository's policy that is none", ("ecr", "set_repository_policy", {
        "repositoryName": NAME, "policyText": "x"}), 400, PARAMETER, "…"),
    ("an image's tag that is not there", ("ecr", "describe_images", {
        "repositoryName": NAME, "imageIds": [{"imageTag": "latest"}]}), 400,
     "ImageNotFoundException", "The image with imageId {imageDigest:'null', imageTag:'latest'} "
     f"does not exist within the repository with name '{NAME}' in the registry with id "
     f"'{ACCOUNT}'"),
]


@pytest.mark.parametrize("asked, status, code, message", [row[1:] for row in ROWS],
                         ids=[row[0] for row in ROWS])
def test_a_call_is_refused_as_aws_was_seen_to(world, asked, status, code, message):
    service, call, parameters = asked
    found = refused(service, call, known(parameters, world))
    assert found[:2] == (status, code), found
    assert like(message, found[2]), found


# ---------------------------------------------------------------- Lambda

def test_an_alias_that_is_not_there_can_be_deleted(ask, world):
    answer = ask("lambda").delete_alias(FunctionName=NAME, Name="none")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_a_mapping_is_being_made(ask, world):
    made = world["mapping"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert {key: made[key] for key in (
        "State", "BatchSize", "MaximumBatchingWindowInSeconds", "FunctionResponseTypes",
        "StateTransitionReason")} == {
            "State": "Creating", "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": [], "StateTransitionReason": "USER_INITIATED"}
    assert made["EventSourceMappingArn"].endswith(f":event-source-mapping:{made['UUID']}")
    assert ask("lambda").get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled"


def test_all_versions_are_listed_with_their_own_arns(ask, world):
    arns = [one["FunctionArn"] for page in ask("lambda").get_paginator("list_functions").paginate(
                FunctionVersion="ALL", PaginationConfig={"PageSize": 2})
            for one in page["Functions"]]
    assert [one for one in arns if one.startswith(ARN + ":")] == [
        f"{ARN}:$LATEST", f"{ARN}:1", f"{ARN}:2"]


def test_a_public_url_without_a_permission_is_forbidden(ask, world):
    lambda_ = ask("lambda")
    address = lambda_.create_function_url_config(FunctionName=NAME, AuthType="NONE")["FunctionUrl"]
    try:
        answer = requests.get(address, timeout=60)
    finally:
        lambda_.delete_function_url_config(FunctionName=NAME)
    assert answer.status_code == 403
    assert answer.json() == {
        "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
                   "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}


REPORTS = {"no itemIdentifier": [{"id": "x"}], "an empty one": [{"itemIdentifier": ""}],
           "one that is not in the batch": [{"itemIdentifier": "none"}]}


@pytest.mark.parametrize("failures", REPORTS.values(), ids=REPORTS)
def test_a_report_that_names_no_message_fails_the_batch(ask, docker_engine, worker, failures):
    lambda_, sqs = ask("lambda"), ask("sqs")
    name = f"{NAME}-batch"
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    dead_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
    source = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "3", "RedrivePolicy":
        json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "1"})})["QueueUrl"]
    text = f"def handler(event, context):\n    return {{'batchItemFailures': {failures!r}}}\n"
    lambda_.create_function(**new(FunctionName=name, Role=worker, Code={"ZipFile": packed(text)}))
    lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    mapping = lambda_.create_event_source_mapping(
        FunctionName=name, EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
        FunctionResponseTypes=["ReportBatchItemFailures"])["UUID"]
    try:
        sqs.send_message(QueueUrl=source, MessageBody="x")
        found = until(lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"),
                      "the message is in the dead-letter queue")
        assert [one["Body"] for one in found] == ["x"]
    finally:
        lambda_.delete_event_source_mapping(UUID=mapping)
        lambda_.delete_function(FunctionName=name)
        for one in (source, dead):
            sqs.delete_queue(QueueUrl=one)


# ---------------------------------------------------------------- EventBridge and Logs

def test_an_entry_that_is_wrong_fails_alone(ask, world):
    good = {"Source": "x", "DetailType": "y", "Detail": "{}"}
    answer = ask("events").put_events(Entries=[
        {"DetailType": "y", "Detail": "{}"}, good, good | {"Detail": "no JSON"},
        {"Source": "x", "Detail": "{}"}])
    assert answer["FailedEntryCount"] == 3
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        "InvalidArgument", None, "MalformedDetail", "InvalidArgument"]
    assert answer["Entries"][0]["ErrorMessage"] == (
        "Parameter Source is not valid. Reason: Source is a required argument.")
    assert answer["Entries"][1]["EventId"]


def test_events_out_of_time_are_rejected_and_the_answer_says_which(ask, world):
    logs = ask("logs")
    answers = {days: logs.put_log_events(**logged((milliseconds(days), f"{days} days old"))[2])
               for days in (15, 0)}
    assert answers[15]["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert "rejectedLogEventsInfo" not in answers[0]
    future = logs.put_log_events(**logged((milliseconds(-1 / 8), "in three hours"))[2])
    assert future["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 0}
    found = {one["message"] for one in logs.filter_log_events(logGroupName=NAME)["events"]}
    assert "0 days old" in found and not found & {"15 days old", "in three hours"}


# ---------------------------------------------------------------- REST APIs

def address_of(number):
    return f"http://localhost:{cloud.port()}/_aws/execute-api/{number}/prod/"


def test_a_rest_stage_serves_what_was_deployed(ask, rest_api):
    api, (number, root) = ask("apigateway"), rest_api
    there = {"restApiId": number, "resourceId": root, "httpMethod": "GET"}
    api.put_integration(**there, type="MOCK", requestTemplates={
        "application/json": '{"statusCode": 200}'})
    api.put_method_response(**there, statusCode="200")
    api.put_integration_response(**there, statusCode="200")
    api.put_method(restApiId=number, resourceId=root, httpMethod="DELETE",
                   authorizationType="NONE")
    api.put_integration(restApiId=number, resourceId=root, httpMethod="DELETE", type="MOCK")
    api.create_deployment(restApiId=number, stageName="prod")
    assert requests.get(address_of(number), timeout=60).status_code == 200
    api.delete_method(**there)
    assert requests.get(address_of(number), timeout=60).status_code == 200
    api.create_deployment(restApiId=number, stageName="prod")
    assert requests.get(address_of(number), timeout=60).status_code == 403


@pytest.mark.parametrize("method, event, status", [
    ("POST", {"headers": {"x-a": "b"}}, 200), ("POST", {"other": 1}, 502), ("GET", {}, 500)])
def test_a_rest_api_calls_its_function_by_post_and_needs_no_status(
        ask, rest_api, new_function, method, event, status):
    function = new_function(
        Runtime="python3.13", Handler="index.handler",
        Code={"ZipFile": packed(f"def handler(event, context):\n    return {event!r}\n")})
    api, (number, root) = ask("apigateway"), rest_api
    api.put_integration(restApiId=number, resourceId=root, httpMethod="GET", type="AWS_PROXY",
                        integrationHttpMethod=method, uri=URI.replace(NOT_THERE, function.arn))
    function.client.add_permission(
        FunctionName=function.name, StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{number}/*/GET/")
    api.create_deployment(restApiId=number, stageName="prod")
    answer = requests.get(address_of(number), timeout=60)
    assert answer.status_code == status
    if status >= 500:
        assert answer.json() == {"message": "Internal server error"}


def test_a_function_is_invoked_and_published_when_it_is_ready(ask, role):
    """Source: Lambda Developer Guide, "Lambda function states"."""
    lambda_, name = ask("lambda"), {"FunctionName": f"{NAME}-states"}
    made = lambda_.create_function(**name, Role=role, Runtime="python3.13", Handler="index.handler",
                                   Code={"ZipFile": packed()})
    assert (made["State"], made["LastUpdateStatus"]) == ("Pending", "InProgress")
    for call, more in (("invoke", {"Payload": b"{}"}), ("publish_version", {}),
                       ("update_function_configuration", {"Timeout": 4}),
                       ("update_function_code", {"ZipFile": packed()})):
        found = refused("lambda", call, {**name, **more})
        assert found == (409, "ResourceConflictException", "The operation cannot be performed at "
                         "this time. The function is currently in the following state: Pending")
    lambda_.get_waiter("function_active_v2").wait(**name)
    updated = lambda_.update_function_configuration(**name, Timeout=4)
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    assert refused("lambda", "publish_version", name)[1:] == (
        "ResourceConflictException", "The operation cannot be performed at this time. An update is "
        f"in progress for resource: {made['FunctionArn']}")
    assert lambda_.invoke(**name, Payload=b"{}")["StatusCode"] == 200     # by what is there so far
    lambda_.get_waiter("function_updated_v2").wait(**name)
    assert lambda_.publish_version(**name)["Version"] == "1"
    lambda_.delete_function(**name)
