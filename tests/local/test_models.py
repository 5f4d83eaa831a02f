"""Requests that break a service's model are refused as on AWS; all others pass."""
import base64
import datetime
import functools
import http.client
import json
import re
import time
import urllib.parse
from collections import Counter

import boto3
import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError
from botocore.loaders import Loader

from workshop import cloud
from workshop.local import addresses, identities, limits, models, services
from workshop.local.models import constraints, exceptions, patterns, protocols
from workshop.local.patches import stacks
from workshop.local.sagemaker.api import OPERATIONS
from workshop.local.signatures import RefusedError, Request

# botocore's name of a service → the name in a signature's scope.
SIGNED = {"apigatewayv2": "apigateway", "sagemaker-runtime": "sagemaker",
          **{protocols.MODELS.get(name, name): name for name in services.SIGNED}}
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


# ---------------------------------------------------------------- what botocore sends

class Sent(Exception):
    """Raised in place of sending: `request` is what would have gone out."""

    def __init__(self, prepared):
        super().__init__(prepared.url)
        self.prepared = prepared


def keep(request, **_):
    raise Sent(request)


@functools.cache
def quiet_client(name: str):
    """A client of a service that sends nothing: see `Sent`."""
    client = boto3.client(name, region_name="us-east-1", endpoint_url="http://localhost:4566",
                          aws_access_key_id="k", aws_secret_access_key="s",
                          config=Config(parameter_validation=False,
                                        s3={"addressing_style": "path"},
                                        request_checksum_calculation="when_required"))
    client.meta.events.register("before-send", keep)
    return client


def sent(name: str, operation: str, parameters: dict) -> Request:
    """The request by which botocore asks for an operation, as the gate sees it."""
    client = quiet_client(name)
    with pytest.raises(Sent) as caught:
        client._make_api_call(operation, parameters)
    prepared = caught.value.prepared
    url = urllib.parse.urlsplit(prepared.url)
    body = prepared.body or b""
    if hasattr(body, "read"):
        body = body.read()
    return Request(prepared.method, url.path, url.query,
                   urllib.parse.parse_qs(url.query, keep_blank_values=True),
                   {key.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
                    for key, value in prepared.headers.items()},
                   body if isinstance(body, bytes) else body.encode())


# ---------------------------------------------------------------- the way back from a request

def example(shape, key="", within=(), everything=True):
    """A value of a shape's type; of structures, all members or the required ones."""
    if within.count(shape.name) > 1 or len(within) > 9:
        return None
    inner = (*within, shape.name)
    if shape.type_name == "structure":
        members = {name: example(member, name, inner, everything)
                   for name, member in shape.members.items()
                   if everything or name in shape.required_members}
        if shape.is_tagged_union:
            members = dict(list(members.items())[:1])
        return {name: value for name, value in members.items() if value not in (None, {})}
    if shape.type_name == "list":
        value = example(shape.member, key, inner, everything)
        return None if value in (None, {}) else [value, value]
    if shape.type_name == "map":
        value = example(shape.value, key, inner, everything)
        name = shape.key.enum[0] if getattr(shape.key, "enum", None) else "key-1"
        return None if value is None else {name: value}
    return plain(shape, key)


def plain(shape, key):
    where = shape.serialization.get("location", "")
    if shape.type_name == "string":
        if shape.enum:
            return shape.enum[-1]
        known = {"Bucket": "bucket", "CopySource": "bucket/key", "Key": "a/b c+ä"}
        if where.startswith("header") or key == "Metadata":
            return known.get(key, "head er")
        return known.get(key, "a b/c:d+ä&=%41\"<")
    return {"integer": 7, "long": 2 ** 40, "float": 0.5, "double": 0.25, "boolean": True,
            "timestamp": NOW, "blob": b"blob\x00\xff"}[shape.type_name]


def same(shape, given, read) -> bool:
    """Whether what was read from a request is what was given; a blob is read as it was sent."""
    if shape.type_name == "structure":
        return set(given) <= set(read) and all(
            same(shape.members[key], value, read[key]) for key, value in given.items())
    if shape.type_name == "list":
        return len(given) == len(read) and all(
            same(shape.member, *pair) for pair in zip(given, read, strict=True))
    if shape.type_name == "map":
        return len(given) == len(read) and all(same(shape.value, value, read[key])
                                               for key, value in given.items())
    if shape.type_name == "blob":
        return read in (given, base64.b64encode(given).decode())
    return type(given) is type(read) and given == read


# Operations that botocore sends to other hosts, or under another's address.
OTHERS = {"WriteGetObjectResponse", "ListDirectoryBuckets"}


def is_comparable(name: str, key: str, member) -> bool:
    """Not so: what botocore fills in itself, free parameters in an address, another host."""
    free = member.type_name == "map" and member.serialization.get("location") == "querystring"
    own = name == "s3" and re.search(r"MD5|CustomerKey|Checksum", key)
    return not (free or own or key == "EndpointId" and name == "events")


@pytest.mark.parametrize("everything", [True, False], ids=["all", "required"])
@pytest.mark.parametrize("name", sorted(SIGNED))
def test_requests_are_read_back_into_the_parameters_that_they_were_made_of(name, everything):
    service, wrong = protocols.model(name), []
    current = [one for one in map(service.operation_model, service.operation_names)
               if not one.deprecated and one.name not in OTHERS]
    for operation in current:
        shape = operation.input_shape
        given = example(shape, everything=everything) if shape else {}
        given = {key: value for key, value in given.items()
                 if is_comparable(name, key, shape.members[key])}
        request = sent(name, operation.name, dict(given))
        assert protocols.model_name(SIGNED[name], request) == name
        found = protocols.operation_of(name, request)
        if found is None or found.name != operation.name:
            wrong.append((operation.name, found))
        elif shape:
            read = protocols.parameters_of(found, request)
            if not same(shape, given, read):
                wrong.append((operation.name, given, read))
    assert current and not wrong


def test_a_zip_file_in_a_large_body_is_left_out():
    text = base64.b64encode(b"\x00" * limits.MB)
    body = b'{"FunctionName": "f", "Code": {"ZipFile": "' + text + b'"}, "Timeout": 901}'
    shape = protocols.model("lambda").operation_model("CreateFunction").input_shape
    assert protocols.document(shape, body) == {
        "FunctionName": "f", "Code": {"ZipFile": ""}, "Timeout": 901}


def test_many_metrics_at_once_are_compressed_and_read_all_the_same():
    asked = {"Namespace": "N", "MetricData": [{"MetricName": "m" * 200, "Value": 1.0}] * 100}
    request = sent("cloudwatch", "PutMetricData", dict(asked))
    assert request.headers["content-encoding"] == "gzip"
    operation = protocols.operation_of("cloudwatch", request)
    assert protocols.parameters_of(operation, request) == asked


# ---------------------------------------------------------------- patterns

def all_patterns():
    """(service, shape, pattern) of every text that an operation takes."""
    found = set()

    def walk(shape, name, seen):
        if shape.name in seen:
            return
        seen.add(shape.name)
        if "pattern" in shape.metadata:
            found.add((name, shape.name, shape.metadata["pattern"]))
        for part in {"structure": lambda: shape.members.values(), "list": lambda: [shape.member],
                     "map": lambda: [shape.key, shape.value]}.get(shape.type_name, list)():
            walk(part, name, seen)
    for name in SIGNED:
        service, seen = protocols.model(name), set()
        for operation in map(service.operation_model, service.operation_names):
            if operation.input_shape:
                walk(operation.input_shape, name, seen)
    return sorted(found)


def test_every_pattern_is_enforced_but_those_with_a_reason():
    found = all_patterns()
    lost = {(name, shape) for name, shape, pattern in found
            if patterns.compiled(pattern) is None}
    assert len(found) > 600
    assert lost | set(patterns.SKIPPED) == {
        ("budgets", "SubscriberAddress"),           # matches any text
        # Java's surrogates, in operations that the local cloud's SageMaker has not:
        *(("sagemaker", shape) for shape in ("AthenaCatalog", "Catalog", "CustomerMetadataKey",
                                             "CustomerMetadataValue", "Database", "TableName"))}
    assert all(patterns.SKIPPED.values())


@pytest.mark.parametrize("pattern, fits, fails", [
    (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["Größe 7", "模型", "a@b", ""], ["a;b", "{}", "😀"]),
    (r"[\w-_]*", ["a-b_c"], ["a.b"]),
    (r"\p{ASCII}*", ["a b"], ["ä"]),
    (r"\A\S[\p{Print}]*\z", ["a b"], [" a", "a\n"]),
    (r"[\w+=,.@-]+", ["Abc_1"], ["ä", "a b"]),                  # \w means ASCII in Java
    (r"\d{12}", ["012345678912"], ["0123456789123", "٠١٢٣٤٥٦٧٨٩١٢"]),
    (r"^[0-9a-zA-Z-_.]+$", ["a-b"], ["a\n", "a b"]),
    (r"^(?![^:\\]*/action/|(?i).*<script>.*</script>.*)[^:\\]+$", ["My budget"],
     ["a:b", "x/action/y", "<SCRIPT></SCRIPT>"]),
])
def test_a_pattern_of_javas_holds_for_the_whole_value(pattern, fits, fails):
    compiled = patterns.compiled(pattern)
    assert all(compiled.fullmatch(text) for text in fits)
    assert not any(compiled.fullmatch(text) for text in fails)


# ---------------------------------------------------------------- what AWS refuses

FUNCTION = {"Role": "arn:aws:iam::012345678912:role/r", "Code": {"ZipFile": b""},
            "Runtime": "python3.13", "Handler": "a.b"}
CREATE = ("lambda", "create_function")
ARN = "arn:aws:lambda:us-east-1:012345678912:function:f"
SCHEDULE = {"Name": "s", "ScheduleExpression": "rate(1 hour)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": ARN, "RoleArn": FUNCTION["Role"]}}
ALARM = {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
BUDGET = {"BudgetName": "b", "TimeUnit": "MONTHLY", "BudgetType": "COST"}


def notification(**change):
    return {"Bucket": "bucket", "NotificationConfiguration": {"LambdaFunctionConfigurations": [
        {"LambdaFunctionArn": ARN, "Events": ["s3:ObjectCreated:*"], **change}]}}


def rules(name):
    return {"Key": {"FilterRules": [{"Name": name, "Value": "in/"}]}}


# (service, call, parameters, error code, words of the message); more are in test_aws_answers.py
REFUSED = [
    (*CREATE, {**FUNCTION, "FunctionName": "f", "MemorySize": 127, "Timeout": 901},
     "ValidationException", "^2 validation errors detected: Value '901' at 'timeout' failed to "
     "satisfy constraint: Member must have value less than or equal to 900; Value '127' at "
     "'memorySize' failed to satisfy constraint: Member must have value greater than or equal to "
     "128$"),
    (*CREATE, {**FUNCTION, "FunctionName": "f", "Description": "d" * 257}, "ValidationException",
     "'description'.*length less than or equal to 256"),
    (*CREATE, {**FUNCTION, "FunctionName": "f", "Environment": {"Variables": {"1x": "secret"}}},
     "ValidationException", "^1 validation error detected: Value at 'environment.variables' failed "
     "to satisfy constraint: Map keys must satisfy constraint: "),
    (*CREATE, {**FUNCTION, "FunctionName": "f", "EphemeralStorage": {"Size": 100}},
     "ValidationException", "'ephemeralStorage.size'.*greater than or equal to 512"),
    (*CREATE, {"FunctionName": "f"}, "ValidationException",
     "2 validation errors detected: Value null at 'role' failed to satisfy constraint: Member must "
     "not be null; Value null at 'code'"),
    (*CREATE, {**FUNCTION, "FunctionName": "f", "Timeout": "ten"}, "SerializationException",
     "STRING_VALUE can not be converted to an Integer"),
    ("lambda", "invoke", {"FunctionName": "f", "InvocationType": "Later"}, "ValidationException",
     r"'invocationType'.*enum value set: \[Event, RequestResponse, DryRun\]"),
    ("lambda", "create_event_source_mapping", {"FunctionName": "f", "BatchSize": 10_001},
     "ValidationException", "'batchSize'.*less than or equal to 10000"),
    ("events", "put_rule", {"Name": "r", "State": "ON", "ScheduleExpression": "rate(1 day)"},
     "ValidationException", "Value 'ON' at 'state'.*enum value set"),
    ("events", "put_events", {"Entries": []}, "ValidationException",
     r"Value '\[\]' at 'entries' failed.*length greater than or equal to 1"),
    ("scheduler", "create_schedule", {**SCHEDULE, "Name": "a b"}, "ValidationException",
     "Value 'a b' at 'name' failed"),
    ("scheduler", "create_schedule", {**SCHEDULE, "FlexibleTimeWindow": {"Mode": "SOME"}},
     "ValidationException", r"'flexibleTimeWindow.mode'.*enum value set: \[OFF, FLEXIBLE\]"),
    ("sqs", "create_queue", {"QueueName": "q", "Attributes": {"Delay": "1"}},
     "InvalidAttributeName", "^Unknown Attribute Delay.$"),
    ("sqs", "send_message", {"QueueUrl": "q"}, "MissingParameter",
     "The request must contain the parameter MessageBody."),
    ("s3", "put_bucket_versioning", {"Bucket": "bucket", "VersioningConfiguration": {
        "Status": "On"}}, "MalformedXML", "did not validate against our published schema"),
    ("s3", "put_object", {"Bucket": "bucket", "Key": "k", "StorageClass": "COLD"},
     "InvalidStorageClass", "The storage class you specified is not valid"),
    ("s3", "put_object", {"Bucket": "bucket", "Key": "k", "ACL": "mine"}, "InvalidArgument",
     "Value 'mine' at 'aCL'"),
    ("sts", "assume_role", {"RoleArn": FUNCTION["Role"], "RoleSessionName": "s1",
                            "DurationSeconds": 60}, "ValidationError",
     "'durationSeconds'.*greater than or equal to 900"),
    ("iam", "create_role", {"RoleName": "a b", "AssumeRolePolicyDocument": "{}"},
     "ValidationError", "Value 'a b' at 'roleName' failed"),
    ("iam", "create_role", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": "{}"},
     "ValidationError", "'roleName'.*length less than or equal to 64"),
    ("iam", "tag_role", {"RoleName": "r", "Tags": [{"Key": "k", "Value": "{}"}]},
     "ValidationError", r"Value '\{\}' at 'tags.1.member.value' failed"),
    ("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": [
        {"MetricName": "m", "Value": 1, "Unit": "Lightyears"}]}, "InvalidParameterValue",
     r"The parameter MetricData.member.1.Unit must be a value in the set \[ Seconds, "),
    ("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": [{"Value": 1}]},
     "MissingParameter", "The parameter MetricData.member.1.MetricName is required."),
    ("cloudwatch", "put_metric_alarm", {**ALARM, "EvaluationPeriods": 0}, "ValidationError",
     "Value '0' at 'evaluationPeriods' failed"),
    ("logs", "create_log_group", {"logGroupName": "a b"}, "InvalidParameterException",
     "Value 'a b' at 'logGroupName' failed"),
    ("cloudformation", "create_stack", {"StackName": "my_stack", "TemplateBody": "{}"},
     "ValidationError", "Value 'my_stack' at 'stackName' failed to satisfy constraint: Member must "
     r"satisfy regular expression pattern: \[a-zA-Z\]\[-a-zA-Z0-9\]\*$"),
    ("cloudformation", "create_stack", {"StackName": "s", "TemplateBody": "x" * 51_201},
     "ValidationError", "'templateBody'.*less than or equal to 51200"),
    ("cloudformation", "create_stack", {"StackName": "s", "TemplateBody": "{}",
                                        "Capabilities": ["ALL"]}, "ValidationError",
     r"Value '\[ALL\]' at 'capabilities' failed"),
    ("apigatewayv2", "create_api", {"Name": "a", "ProtocolType": "FTP"}, "BadRequestException",
     "'protocolType'"),
    ("apigatewayv2", "create_integration", {"ApiId": "a", "IntegrationType": "AWS_PROXY",
                                            "TimeoutInMillis": 40}, "BadRequestException",
     "'timeoutInMillis'.*greater than or equal to 50"),
    ("sns", "publish_batch", {"TopicArn": "arn:aws:sns:us-east-1:012345678912:t"},
     "ValidationError", "Value null at 'publishBatchRequestEntries' failed"),
    ("budgets", "create_budget", {"AccountId": "1", "Budget": BUDGET},
     "InvalidParameterException", "Value '1' at 'accountId' failed"),
    ("resourcegroupstaggingapi", "get_resources", {"TagFilters": [{"Key": "k" * 129}]},
     "InvalidParameterException", "'tagFilters.1.member.key'"),
    ("sagemaker", "create_endpoint_config", {
        "EndpointConfigName": "c", "ProductionVariants": [{
            "VariantName": "v", "ModelName": "m",
            "ServerlessConfig": {"MemorySizeInMB": 512, "MaxConcurrency": 201}}]},
     "ValidationException", "^2 validation errors detected: Value '512' at "
     "'productionVariants.1.member.serverlessConfig.memorySizeInMB'"),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "a_b", "Body": b"{}"},
     "ValidationError", "Value 'a_b' at 'endpointName' failed"),
]


@pytest.fixture(scope="module")
def unchecked(local_cloud):
    """`unchecked("lambda")`: a client of the local cloud that itself looks at nothing."""
    return lambda name: boto3.client(name, config=Config(
        parameter_validation=False, retries={"total_max_attempts": 1}))


@pytest.mark.parametrize("name, call, parameters, code, words", REFUSED,
                         ids=[f"{row[0]}-{row[1]}-{row[3]}" for row in REFUSED])
def test_what_breaks_the_model_is_refused_as_on_aws(unchecked, name, call, parameters, code, words):
    with pytest.raises(ClientError) as caught:
        getattr(unchecked(name), call)(**parameters)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer["Error"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert re.search(words, answer["Error"]["Message"], re.DOTALL), answer["Error"]["Message"]
    assert "secret" not in answer["Error"]["Message"]


@pytest.mark.parametrize("name, call, parameters, exception", [
    ("logs", "filter_log_events", {"logGroupName": "g", "limit": 0}, "InvalidParameterException"),
    ("ecr", "create_repository", {"repositoryName": "A"}, "InvalidParameterException"),
    (*CREATE, {**FUNCTION, "FunctionName": "a" * 65}, "InvalidParameterValueException"),
    ("apigatewayv2", "create_api", {"Name": "a", "ProtocolType": "FTP"}, "BadRequestException"),
    ("sqs", "create_queue", {"QueueName": "q", "Attributes": {"Delay": "1"}},
     "InvalidAttributeName"),
    ("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": [
        {"MetricName": "m", "Unit": "Lightyears"}]}, "InvalidParameterValueException"),
])
def test_the_wire_form_is_the_services_own(unchecked, name, call, parameters, exception):
    client = unchecked(name)
    with pytest.raises(getattr(client.exceptions, exception)):
        getattr(client, call)(**parameters)


def ask(service, method, path, body, headers):
    """(status, text) of a request that is signed by hand: no client of AWS's looks at it."""
    keys = identities.learner_keys(addresses.state_folder())
    request = AWSRequest(method, f"{cloud.url()}{path}", data=body, headers=headers)
    botocore.auth.SigV4Auth(Credentials(keys["access_key"], keys["secret_key"]), service,
                            "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("localhost", cloud.port(), timeout=60)
    connection.request(method, path, body, dict(request.headers.items()))
    answer = connection.getresponse()
    try:
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("service, path, body, headers, words", [
    ("lambda", "/2015-03-31/functions", b'{"Timeout": Infinity}', {}, "SerializationException"),
    ("iam", "/", b"Action=CreateRole&RoleName..=x&RoleName.=y", FORM, "ValidationError"),
    ("lambda", "/2015-03-31/functions", b"{", {}, "InvalidRequestContentException"),
    ("lambda", "/2015-03-31/functions/", b"{}", {}, "Value null at 'functionName'"),
    ("logs", "/", b"[]", {"X-Amz-Target": "Logs_20140328.CreateLogGroup",
                          "Content-Type": "application/x-amz-json-1.1"}, "SerializationException"),
    ("iam", "/", b"Action=CreateRole&Version=2010-05-08&RoleName=", FORM,
     "<Code>ValidationError</Code>"),
    ("iam", "/", b"Action=ListRoles&Version=2010-05-08&MaxItems=many", FORM,
     "<Code>MalformedInput</Code>"),
    ("monitoring", "/", b"Action=PutMetricData&Version=2010-08-01&Namespace=N"
     b"&MetricData.member.1.MetricName=m&MetricData.member.1.Unit=Lightyears", FORM,
     "<Code>InvalidParameterValue</Code>"),
    ("monitoring", "/service/GraniteServiceVersion20100801/operation/PutMetricData", b"\xa0",
     {"Content-Type": "application/cbor"}, "reads no CBOR"),
    ("s3", "/bucket/?delete", b"<Delete><Object>", {}, "<Code>MalformedXML</Code>"),
])
def test_what_no_client_of_awss_would_send_is_refused_too(
        local_cloud, service, path, body, headers, words):
    status, text = ask(service, "POST", path, body, headers)
    assert status == 400 and words in text, text


# ---------------------------------------------------------------- every constraint of the models

FAR = 10 ** 7           # a longer text or list is not sent: no test of ours waits for it
ODD = ["!@#$ {}", "\u00e4 {}!", "a b", " ", "a" * 300, "1", "a"]


def breaches(name, operation, shape, path="", within=()):
    """(path, kind, a value of the shape that has this one breach of the model).

    A parameter in the address or a header is never left out: that may be another operation.
    """
    if len(within) > 6 or shape.name in within:
        return
    inner, lost = (*within, shape.name), exceptions.MEMBERS.get((name, operation, path[:1].upper()
                                                                 + path[1:]), {})
    yield from ((path, kind, value) for kind, value in own_breaches(name, shape)
                if kind not in lost or lost[kind] is not None)
    if shape.type_name == "structure":
        least = example(shape, everything=False)
        for key, member in shape.members.items():
            at = f"{path}.{key[:1].lower()}{key[1:]}".lstrip(".")
            if key in shape.required_members and "location" not in member.serialization:
                yield at, "required", {one: value for one, value in least.items() if one != key}
            for where, kind, value in breaches(name, operation, member, at, inner):
                yield where, kind, {**least, key: value}
    elif shape.type_name == "list":
        at = f"{path}.1.member" if constraints.is_nested(shape.member) else path
        for where, kind, value in breaches(name, operation, shape.member, at, inner):
            yield where, kind, [value]


def own_breaches(name, shape):
    """(kind, value) for the constraints of the shape itself; count: of a list's entries."""
    model, kind = shape.metadata, shape.type_name
    least, most = model.get("min"), model.get("max")
    if kind in protocols.NUMBERS:
        for limit, step in ((least, -1), (most, 1)):
            if limit is not None and abs(limit) < 2 ** 31 - 1:
                yield "range", protocols.NUMBERS[kind](limit + step)
    if kind == "string":
        if most is not None and most < FAR:
            yield "length", "a" * (int(most) + 1)
        if shape.enum:
            yield "enum", "no-such-value"
        odd = [text for text in ODD if "pattern" in model and least_fits(text, least, most)
               and not constraints.matches(name, shape, model["pattern"], text)]
        if odd:
            yield "pattern", odd[0]
    if kind == "list" and most is not None and most < 2000:
        one = example(shape.member, everything=False)
        if one not in (None, {}):
            yield "count", [one] * (int(most) + 1)


def least_fits(text, least, most) -> bool:
    return (least or 0) <= len(text) <= (most or FAR)


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_each_kind_of_breach_is_refused_for_every_operation(name):
    """One value of each kind that the model forbids, in every operation that has such a value."""
    service, tried, missed = protocols.model(name), Counter(), []
    for operation in map(service.operation_model, service.operation_names):
        if operation.deprecated or operation.name in OTHERS or operation.input_shape is None \
                or name == "sagemaker" and operation.name not in OPERATIONS:
            continue
        seen = set()
        for path, kind, parameters in breaches(name, operation.name, operation.input_shape):
            if kind in seen:
                continue
            try:
                request = sent(name, operation.name, dict(parameters))
            except (BotoCoreError, ValueError):
                continue        # botocore itself cannot write it
            seen.add(kind)
            tried[kind] += 1
            read = models.Call(name, operation, protocols.parameters_of(operation, request))
            wanted = (path, "length" if kind == "count" else kind)
            if wanted not in {(one.path, one.kind) for one in constraints.faults(read)}:
                missed.append((operation.name, path, kind))
                continue
            with pytest.raises(RefusedError):
                models.check(SIGNED[name], request)
    assert tried["required"] and len(tried) > 1 and not missed, missed


# ---------------------------------------------------------------- what AWS takes

TAKEN = [
    (*CREATE, {**FUNCTION, "FunctionName": "a" * 64, "MemorySize": 10_240, "Timeout": 900,
               "Architectures": ["arm64"], "EphemeralStorage": {"Size": 10_240},
               "Description": "d" * 256, "Tags": {"Größe/模型 1": "ein Wert: +=-@"},
               "Environment": {"Variables": {"Ab_1": "\u20ac \n{}" * 99}}}),
    (*CREATE, {**FUNCTION, "FunctionName": ARN[:-1] + "a" * 64, "Runtime": "python9.9"}),
    (*CREATE, {**FUNCTION, "FunctionName": "f", "MemorySize": 128, "Timeout": 1,
               "Code": {"ImageUri": "localhost:4566/models@sha256:" + "0" * 64}}),
    ("lambda", "get_function", {"FunctionName": ARN + ":live"}),
    ("lambda", "invoke", {"FunctionName": "f:1", "Payload": b"\x87", "LogType": "Tail"}),
    ("lambda", "add_permission", {
        "FunctionName": "f", "StatementId": "S" * 100, "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com", "SourceArn":
            "arn:aws:execute-api:us-east-1:012345678912:a1b2c3d4e5/*/POST/predict"}),
    ("lambda", "add_permission", {
        "FunctionName": "f", "StatementId": "s3", "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::my-bucket",
        "SourceAccount": "012345678912"}),
    ("events", "put_targets", {"Rule": "R" * 64, "Targets": [
        {"Id": "a.b-c_D", "Arn": ARN, "Input": json.dumps({"a": "ä"})}] * 10}),
    ("scheduler", "create_schedule", {**SCHEDULE, "Name": "N" * 64, "Description": "\n"}),
    ("sqs", "receive_message", {"QueueUrl": "q", "WaitTimeSeconds": 20, "AttributeNames": ["All"],
                                "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"]}),
    ("sqs", "create_queue", {"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}}),
    ("s3", "put_bucket_notification_configuration", notification(Filter=rules("Prefix"))),
    ("s3", "put_bucket_notification_configuration", {"Bucket": "bucket",
                                                     "NotificationConfiguration": {}}),
    ("s3", "put_object", {"Bucket": "bucket", "Key": "a/ä+ b//c", "Body": b"<xml", "Metadata": {
        "x": "1"}, "IfNoneMatch": "*"}),
    ("s3", "list_objects_v2", {"Bucket": "bucket", "Prefix": "", "MaxKeys": 0}),
    ("sts", "assume_role", {"RoleArn": FUNCTION["Role"], "RoleSessionName": "a+b=c,d.e@f-g"}),
    ("iam", "create_role", {"RoleName": "a+b=c,d.e@f-g", "Path": "/service-role/",
                            "AssumeRolePolicyDocument": '{"a":\n"ä"}', "Description": "",
                            "Tags": [{"Key": "Größe", "Value": ""}]}),
    ("cloudwatch", "put_metric_data", {"Namespace": "Work shop/ä", "MetricData": [
        {"MetricName": "m", "Value": 1.5, "Unit": "Count/Second", "Timestamp": NOW,
         "Dimensions": [{"Name": "n", "Value": "ü"}], "StorageResolution": 1}]}),
    ("cloudwatch", "put_metric_alarm", {**ALARM, "AlarmName": "ä b", "Period": 10,
                                        "Statistic": "Sum", "Threshold": 0.0}),
    ("logs", "filter_log_events", {"logGroupName": "/aws/lambda/f", "limit": 10_000,
                                   "filterPattern": '{ $.a = "ä" }'}),
    ("logs", "create_log_group", {"logGroupName": "g" * 512}),
    ("cloudformation", "create_stack", {"StackName": "S-1", "TemplateBody": "x" * 51_200,
                                        "Capabilities": ["CAPABILITY_NAMED_IAM"]}),
    ("cloudformation", "describe_stacks", {"StackName": "arn:aws:cloudformation:us-east-1:"
                                           "012345678912:stack/s/1-2"}),
    ("apigateway", "put_method", {"restApiId": "a", "resourceId": "b", "httpMethod": "GET",
                                  "authorizationType": "NONE"}),
    ("apigatewayv2", "create_route", {"ApiId": "a", "RouteKey": "POST /predict/{id+}"}),
    ("ecr", "create_repository", {"repositoryName": "team/model__v1.0-rc--2",
                                  "imageTagMutability": "IMMUTABLE"}),
    ("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:012345678912:t", "Message": "ä"}),
    ("budgets", "create_budget", {"AccountId": "012345678912", "Budget": {
        **BUDGET, "BudgetLimit": {"Amount": "10.5", "Unit": "USD"}},
        "NotificationsWithSubscribers": [{
            "Notification": {"NotificationType": "ACTUAL", "Threshold": 80.0,
                             "ComparisonOperator": "GREATER_THAN"},
            "Subscribers": [{"SubscriptionType": "EMAIL", "Address": "a" * 50 + "@b.c"}]}]}),
    ("resourcegroupstaggingapi", "get_resources", {"TagFilters": [
        {"Key": "workshop:owner", "Values": ["ä"]}], "ResourceTypeFilters": ["lambda:function"]}),
    ("sagemaker", "create_model", {"ModelName": "m", "ExecutionRoleArn": FUNCTION["Role"],
                                   "PrimaryContainer": {"Image": "localhost:4566/m:v1",
                                                        "ModelDataUrl": "s3://b/model.tar.gz"}}),
    ("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e-1", "Body": b"\x00",
                                              "ContentType": "application/json"}),
]


@pytest.mark.parametrize("name, call, parameters", TAKEN,
                         ids=[f"{row[0]}-{row[1]}" for row in TAKEN])
def test_what_aws_takes_passes(name, call, parameters):
    operation = quiet_client(name).meta.method_to_api_mapping[call]
    models.check(SIGNED[name], sent(name, operation, dict(parameters)))


# Examples of AWS's own that AWS itself would not take: an id that is too short, a bucket without
# a name.
NO_EXAMPLES = {"UpdateEventSourceMapping", "PutBucketCors"}


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_the_examples_in_awss_own_documentation_pass(name):
    try:
        examples = Loader().load_service_model(name, "examples-1")["examples"]
    except UnknownServiceError:
        pytest.skip("botocore has no examples of it")
    wrong = []
    for operation, uses in examples.items():
        if protocols.model(name).operation_model(operation).deprecated \
                or operation in NO_EXAMPLES:
            continue
        for use in uses:
            try:
                models.check(SIGNED[name], sent(name, operation, dict(use.get("input", {}))))
            except RefusedError as refused:
                wrong.append((operation, str(refused)))
    assert not wrong


# ---------------------------------------------------------------- time

def test_a_check_costs_less_than_a_millisecond():
    request = sent("lambda", "Invoke", {"FunctionName": "f", "Payload": b"{}"})
    models.check("lambda", request)
    begin = time.perf_counter()
    for _ in range(200):
        models.check("lambda", request)
    assert (time.perf_counter() - begin) / 200 < 1e-3


@pytest.mark.parametrize("properties, words", [
    ({"MemorySize": "127"}, "'memorySize' failed.*greater than or equal to 128"),
    ({"Timeout": 901}, "'timeout' failed.*less than or equal to 900"),
    ({"FunctionName": "my-function!"}, "Value 'my-function!' at 'functionName'"),
    ({"Environment": {"Variables": {"1x": 1}}}, "'environment.variables' failed"),
])
def test_a_stacks_function_is_held_against_the_model_too(properties, words):
    message, status = stacks.refused(properties, 4566)
    assert status == 400 and re.search(words, message)
