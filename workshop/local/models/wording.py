"""Each service's error code and form of words for a request that breaks its model.

Sources: what the services answer, and the lists of errors in their API references. Where a
service's own words are not known, those of the framework stand, which most services show.
"""
from botocore.model import OperationModel

from workshop.local.models import exceptions
from workshop.local.models.constraints import Fault, lower_first
from workshop.local.models.protocols import Call
from workshop.local.signatures import RefusedError

# botocore's name of a service → its code.
CODES = {
    "apigateway": "ValidationException",
    "apigatewayv2": "BadRequestException",
    "budgets": "InvalidParameterException",
    "cloudformation": "ValidationError",
    "cloudwatch": "ValidationError",
    "ecr": "InvalidParameterException",
    "events": "ValidationException",
    "iam": "ValidationError",
    "lambda": "ValidationException",
    "logs": "InvalidParameterException",
    "resourcegroupstaggingapi": "InvalidParameterException",
    "s3": "InvalidArgument",
    "sagemaker": "ValidationException",
    "sagemaker-runtime": "ValidationError",
    "scheduler": "ValidationException",
    "sns": "ValidationError",
    "sqs": "InvalidParameterValue",
    "sts": "ValidationError",
}
# S3's own refusals: shape → (code, message).
S3 = {
    "BucketLocationConstraint": ("InvalidLocationConstraint",
                                 "The specified location-constraint is not valid"),
    "CopySource": ("InvalidArgument", "Copy Source must mention the source bucket and key: "
                                      "sourcebucket/sourcekey"),
    "EncodingType": ("InvalidArgument", "Invalid Encoding Method specified in Request"),
    "Event": ("InvalidArgument", "The event is not supported for notifications"),
    "FilterRuleName": ("InvalidArgument", "filter rule name must be either prefix or suffix"),
    "StorageClass": ("InvalidStorageClass", "The storage class you specified is not valid"),
}
MALFORMED_XML = ("MalformedXML", "The XML you provided was not well-formed or did not validate "
                                 "against our published schema")


def refused(call: Call, faults: list[Fault]) -> RefusedError:
    """The refusal of a call that has `faults` (one or more)."""
    words = OWN_WORDS.get(call.service, by_the_framework)
    return RefusedError(*words(call, faults))


def unreadable(service: str, operation: OperationModel, message: str) -> RefusedError:
    """The refusal of a request whose body cannot be read, or has a value of another type."""
    protocol = operation.service_model.protocol
    if protocol == "rest-xml":
        return RefusedError(*MALFORMED_XML)
    if service == "lambda" and "JSON" in message:
        return RefusedError("InvalidRequestContentException",
                            "Could not parse request body into json: " + message)
    return RefusedError("MalformedInput" if protocol == "query" else "SerializationException",
                        message)


def by_the_framework(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """(code, message) as most services have it: all faults at once."""
    return CODES[call.service], counted([str(fault) for fault in faults])


def counted(texts: list[str]) -> str:
    return (f"{len(texts)} validation error{'s' * (len(texts) > 1)} detected: " + "; ".join(texts))


def of_lambda(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """A name that fits the model but not CreateFunction has another code."""
    code, message = by_the_framework(call, faults)
    only_name = all(fault.kind == "name" for fault in faults)
    return "InvalidParameterValueException" if only_name else code, message


def of_api_gateway(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """Paths begin with the operation's input: `putIntegrationInput.type`."""
    prefix = f" at '{lower_first(call.operation.name)}Input."
    return CODES[call.service], counted([str(fault).replace(" at '", prefix, 1)
                                         for fault in faults])


def of_ecr(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """One fault at a time, in words of its own."""
    fault = faults[0]
    constraint = fault.constraint.removeprefix("Member ")
    if constraint.startswith("must satisfy constraint"):    # of a list
        constraint = fault.constraint
    elif fault.kind == "pattern":
        constraint = constraint.replace("expression pattern: ", "expression '", 1) + "'"
    return CODES[call.service], (f"Invalid parameter at '{fault.path}' failed to satisfy "
                                 f"constraint: '{constraint}'")


def of_logs(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """The length of the two names has words of its own."""
    if any(fault.shape.name in ("LogGroupName", "LogStreamName") and fault.kind == "length"
           and "less" in fault.constraint for fault in faults):
        return CODES[call.service], ("Invalid LogGroup or LogStream, both must have length less "
                                     "than or equal to 512.")
    return by_the_framework(call, faults)


def of_cloudwatch(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """A parameter that is missing, and a unit that there is not, have words of their own."""
    fault = faults[0]
    if fault.kind == "required":
        return "MissingParameter", f"The parameter {form_name(fault.path)} is required."
    if fault.shape.name in ("StandardUnit", "Statistic") \
            and call.operation.name != "PutMetricAlarm":
        number = ".member.1" * (fault.shape.name == "Statistic")
        return "InvalidParameterValue", (
            f"The parameter {form_name(fault.path)}{number} must be a value in the set "
            f"[ {', '.join(fault.shape.enum)} ]")
    return by_the_framework(call, faults)


def form_name(path: str) -> str:
    """`metricData.1.member.unit` as a form names it: `MetricData.member.1.Unit`."""
    parts = path.split(".")
    for at in range(len(parts) - 1):
        if parts[at].isdigit() and parts[at + 1] == "member":
            parts[at:at + 2] = reversed(parts[at:at + 2])
    return ".".join(part if part == "member" else part[:1].upper() + part[1:] for part in parts)


def of_sqs(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """One fault at a time, in words of its own."""
    fault = faults[0]
    name = form_name(fault.path)
    if fault.kind == "required":
        return "MissingParameter", f"The request must contain the parameter {name}."
    if fault.kind == "enum":
        return "InvalidAttributeName", f"Unknown Attribute {fault.culprit}."
    limits = exceptions.MEMBERS[call.service, call.operation.name, name]
    reason = {"MaxNumberOfMessages": "Must be between {min} and {max}, if provided.",
              "DelaySeconds": "DelaySeconds must be >= {min} and <= {max}."}.get(
                  name, "Must be >= {min} and <= {max}, if provided.").format(**limits)
    return CODES[call.service], f"Value {fault.value} for parameter {name} is invalid. Reason: " \
                                f"{reason}"


def of_s3(call: Call, faults: list[Fault]) -> tuple[str, str]:
    """What is wrong in a document is the document's fault, except for a few members."""
    fault = faults[0]
    if fault.shape.name in S3:
        return S3[fault.shape.name]
    members = call.operation.input_shape.members
    top = fault.path.partition(".")[0]
    outside = any("location" in member.serialization and lower_first(key) == top
                  for key, member in members.items())
    return (CODES["s3"], str(fault)) if outside else MALFORMED_XML


OWN_WORDS = {"apigateway": of_api_gateway, "cloudwatch": of_cloudwatch, "ecr": of_ecr,
             "lambda": of_lambda, "logs": of_logs, "s3": of_s3, "sqs": of_sqs}
