"""Lambda: functions, versions, aliases, layers, tags, permissions, concurrency, destinations.

Source: the API reference of each call; the words are the service's own.
"""
import os
import re

from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

NAME = 64                       # characters of a function's name (CreateFunction)
TAGS = 50                       # of a resource ("Using tags on Lambda functions")
LAYERS = 5                      # of a function ("Lambda quotas")
UNRESERVED = 100                # of the account's concurrency ("Lambda quotas")
EMPTY_ZIP = "UEsFBg"            # base64 of the mark that ends a zip file, where it begins one
NO_IMAGE = "Please don't provide ImageConfig when {} a function with packageType Zip."
# Runtimes that SnapStart knows nothing of ("Lambda SnapStart": Java 11, Python 3.12, .NET 8).
NO_SNAPSTART = re.compile(r"(nodejs|ruby|provided|go|java8|dotnetcore).*|dotnet[67]"
                          r"|python(2.*|3\.([6-9]|1[01]))")
PRINCIPAL = re.compile(r"\*|\d{12}|[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com"
                       r"|arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role)/.+)")


def invalid(message: str) -> RefusedError:
    """What Lambda answers most: InvalidParameterValueException."""
    return RefusedError("InvalidParameterValueException", message, 400)


def function(asked: dict) -> dict | None:
    """MiniStack's record of the function that a call names; None where there is none."""
    from ministack.services import lambda_svc
    return lambda_svc._functions.get(lambda_svc._resolve_name(asked["FunctionName"]))


def not_found(arn: str) -> RefusedError:
    """What Lambda answers for a function, or a version of it, that is not there."""
    return RefusedError("ResourceNotFoundException", f"Function not found: {arn}", 404)


# ---------------------------------------------------------------- functions

@rule("lambda", "CreateFunction")
def name(asked: dict) -> None:
    short = asked["FunctionName"].rpartition(":")[2]
    if len(short) > NAME:
        raise invalid(f"1 validation error detected: Value '{short}' at 'functionName' failed to "
                      "satisfy constraint: Member must have length less than or equal to 64")


@rule("lambda", "CreateFunction", "UpdateFunctionCode")
def some_code(asked: dict) -> None:
    code = asked.get("Code", asked)
    if not code.keys() & {"ZipFile", "S3Bucket", "ImageUri"}:
        raise invalid("Please provide a source for function code.")
    if str(code.get("ZipFile") or "").startswith(EMPTY_ZIP):
        raise invalid("Uploaded file must be a non-empty zip")


@rule("lambda", "PublishLayerVersion")
def some_content(asked: dict) -> None:
    if not (asked.get("Content") or {}).keys() & {"ZipFile", "S3Bucket"}:
        raise invalid("Please provide a source for layer content.")


@rule("lambda", "CreateFunction", "UpdateFunctionCode", "PublishLayerVersion")
def code_in_s3(asked: dict) -> None:
    code = asked.get("Code") or asked.get("Content") or asked
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if not (bucket and key):
        return
    from ministack.services import s3
    fault = ("NoSuchBucket", "The specified bucket does not exist") if bucket not in s3._buckets \
        else ("NoSuchKey", "The specified key does not exist.") \
        if key not in s3._buckets[bucket]["objects"] else None
    if fault:
        raise invalid(f"Error occurred while GetObject. S3 Error Code: {fault[0]}. S3 Error "
                      f"Message: {fault[1]}")


@rule("lambda", "CreateFunction")
def code_and_package(asked: dict) -> None:
    """A zip has a runtime and a handler, an image has neither."""
    image = asked.get("PackageType") == "Image"
    if image and (asked.get("Runtime") or asked.get("Handler") or asked.get("Layers")):
        raise invalid("Please don't provide Handler or Runtime or Layer when the intent is to "
                      "create a function with PackageType Image.")
    if not image and not (asked.get("Runtime") and asked.get("Handler")):
        missing = "Runtime" if not asked.get("Runtime") else "Handler"
        raise invalid(f"{missing} is mandatory for functions created with deployment packages.")
    if not image and asked.get("ImageConfig"):
        raise invalid(NO_IMAGE.format("creating"))
    snapshots = (asked.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions"
    if snapshots and not image and NO_SNAPSTART.fullmatch(asked["Runtime"]):
        raise invalid(f"{asked['Runtime']} is not supported for SnapStart enabled functions.")


@rule("lambda", "UpdateFunctionConfiguration")
def image_config(asked: dict) -> None:
    kind = ((function(asked) or {}).get("config") or {}).get("PackageType")
    if kind == "Zip" and asked.get("ImageConfig"):
        raise invalid(NO_IMAGE.format("updating"))


@rule("lambda", "CreateFunction", "UpdateFunctionConfiguration")
def layers(asked: dict) -> None:
    from ministack.services import lambda_svc
    arns = asked.get("Layers") or []
    if len(arns) > LAYERS:
        raise invalid(f"Cannot reference more than {LAYERS} layers.")
    seen: dict[str, str] = {}
    for arn in arns:
        layer, _, version = arn.rpartition(":")
        if layer in seen:
            raise invalid("Two different versions of the same layer are not allowed to be "
                          f"referenced in the same function. {arn} and {seen[layer]} are versions "
                          "of the same layer.")
        seen[layer] = arn
        known = lambda_svc._layers.get(layer.rpartition(":")[2]) or {}
        if version not in {str(one.get("Version")) for one in known.get("versions") or []}:
            raise invalid(f"Layer version {arn} does not exist.")


@rule("lambda", "DeleteFunction")
def latest_stays(asked: dict) -> None:
    if asked.get("Qualifier") == "$LATEST":
        raise invalid("$LATEST version cannot be deleted without deleting the function.")


# ---------------------------------------------------------------- versions and aliases

@rule("lambda", "PublishVersion", "UpdateFunctionCode", "UpdateFunctionConfiguration")
def revision(asked: dict) -> None:
    record = function(asked)
    if record and asked.get("RevisionId") not in (None, record["config"].get("RevisionId")):
        raise RefusedError(
            "PreconditionFailedException", "The Revision Id provided does not match the latest "
            "Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
            412)


@rule("lambda", "PublishVersion")
def checksum(asked: dict) -> None:
    record = function(asked)
    if record and asked.get("CodeSha256") not in (None, record["config"].get("CodeSha256")):
        raise invalid(f"CodeSHA256 ({asked['CodeSha256']}) is different from current CodeSHA256 "
                      f"in $LATEST ({record['config'].get('CodeSha256')}). Please try again with "
                      "the CodeSHA256 in $LATEST.")


@rule("lambda", "CreateAlias", "UpdateAlias")
def versions_of_an_alias(asked: dict) -> None:
    record = function(asked)
    if not record:
        return
    alias = record["aliases"].get(asked["Name"]) or {}
    version = asked.get("FunctionVersion") or alias.get("FunctionVersion") or "$LATEST"
    routing = asked.get("RoutingConfig") or {}
    weights = routing.get("AdditionalVersionWeights") or {}
    for one in (version, *weights):
        if one != "$LATEST" and one not in record["versions"]:
            raise not_found(f"{record['config']['FunctionArn']}:{one}")
    if weights and "$LATEST" in (version, *weights):
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if version in weights:
        raise invalid(f"Invalid function version {version}. Function version {version} is already "
                      "included in routing configuration.")
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if any(not 0 <= float(one) <= 1 for one in weights.values()):
        raise RefusedError("ValidationException", "1 validation error detected: Value at "
                           "'routingConfig.additionalVersionWeights' failed to satisfy "
                           "constraint: Member must have value between 0.0 and 1.0", 400)


# ---------------------------------------------------------------- tags and permissions

@rule("lambda", "TagResource", "UntagResource")
def tagged(asked: dict) -> None:
    parts = asked["Resource"].split(":")
    if len(parts) > 5 and parts[5] == "function" and len(parts) > 7:
        raise invalid("Tags on function aliases and versions are not supported. Please specify a "
                      "function ARN.")


@rule("lambda", "TagResource", "CreateFunction")
def number_of_tags(asked: dict) -> None:
    from ministack.services import lambda_svc
    there = {}
    if "Resource" in asked:
        record = lambda_svc._functions.get(lambda_svc._resolve_name(asked["Resource"])) or {}
        there = record.get("tags") or {}
    if len({**there, **(asked.get("Tags") or {})}) > TAGS:
        raise invalid("Number of tags exceeds resource tag limit.")


@rule("lambda", "TagResource", "CreateFunction", "CreateEventSourceMapping")
def reserved_tags(asked: dict) -> None:
    if any(key.lower().startswith("aws:") for key in asked.get("Tags") or {}):
        raise invalid("The tag key must not start with aws:, which is reserved.")


@rule("lambda", "AddPermission")
def permission(asked: dict) -> None:
    if asked.get("Qualifier") == "$LATEST":
        raise invalid("We currently do not support adding policies for $LATEST.")
    if not PRINCIPAL.fullmatch(asked["Principal"]):
        raise invalid("The provided principal was invalid. Please check the principal and try "
                      "again.")
    if asked.get("FunctionUrlAuthType") and asked["Action"] != "lambda:InvokeFunctionUrl":
        raise invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")


# ---------------------------------------------------------------- concurrency

@rule("lambda", "PutFunctionConcurrency")
def reserved(asked: dict) -> None:
    from ministack.services import lambda_svc
    total = int(os.environ["LAMBDA_ACCOUNT_CONCURRENCY"])
    mine = lambda_svc._resolve_name(asked["FunctionName"])
    others = sum(int(record.get("concurrency") or 0)
                 for key, record in lambda_svc._functions.items() if key != mine)
    wanted = asked["ReservedConcurrentExecutions"]
    if wanted and total - others - wanted < UNRESERVED:
        raise invalid("Specified ReservedConcurrentExecutions for function decreases account's "
                      f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED}].")


@rule("lambda", "PutProvisionedConcurrencyConfig")
def provisioned(asked: dict) -> None:
    if asked["Qualifier"] == "$LATEST":
        raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function "
                      "versions.")
    record = function(asked)
    if record and asked["Qualifier"] not in {*record["aliases"], *record["versions"]}:
        raise not_found(f"{record['config']['FunctionArn']}:{asked['Qualifier']}")
    free = int(os.environ["LAMBDA_ACCOUNT_CONCURRENCY"])
    if asked["ProvisionedConcurrentExecutions"] > free:
        raise invalid("Specified ConcurrentExecutions for function is greater than account's "
                      f"unreserved concurrency [{free}].")


# ---------------------------------------------------------------- asynchronous invokes

@rule("lambda", "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig")
def event_invoke_config(asked: dict) -> None:
    if not asked.keys() & {"MaximumRetryAttempts", "MaximumEventAgeInSeconds",
                           "DestinationConfig"}:
        raise invalid("You must specify at least one of error handling or destination setting.")
    record = function(asked)
    for one in (asked.get("DestinationConfig") or {}).values():
        if record and (arn := (one or {}).get("Destination")):
            _destination(arn, record["config"]["FunctionArn"])


def _destination(arn: str, own: str) -> None:
    """A destination must be there, and be another thing than the function."""
    from ministack.services import eventbridge, lambda_svc, sns, sqs
    if arn == own or arn.startswith(f"{own}:"):
        raise invalid("You can't specify the function as a destination for itself.")
    service, *_, last = arn.split(":")[2:]
    there = {
        "lambda": lambda: lambda_svc._resolve_name(arn) in lambda_svc._functions,
        "sqs": lambda: last in sqs._queue_name_to_url,
        "sns": lambda: arn in sns._topics,
        "events": lambda: last.removeprefix("event-bus/") in {"default",
                                                              *eventbridge._event_buses},
        "s3": lambda: True,
    }.get(service, lambda: False)
    if not there():
        raise invalid(f"The destination ARN {arn} is invalid.")


@rule("lambda", "CreateFunction", "UpdateFunctionConfiguration")
def dead_letters(asked: dict) -> None:
    from ministack.services import sns, sqs
    arn = (asked.get("DeadLetterConfig") or {}).get("TargetArn")
    if not arn:
        return
    there = arn.rpartition(":")[2] in sqs._queue_name_to_url if ":sqs:" in arn \
        else arn in sns._topics
    if not there:
        raise invalid(f"The provided execution role does not have permissions to call "
                      f"{'SendMessage on SQS' if ':sqs:' in arn else 'Publish on SNS'}")

