"""AWS's words where MiniStack refuses with the right code in words of its own.

One row is a pattern of MiniStack's message, as it is in the body of the answer, and what stands in
its place: a text with `\\1`, or a function of the match and the call's parameters.
"""
import re

from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.models import Call

REGISTRY = f"in the registry with id '{ACCOUNT}'"
NO_RESOURCE = "The resource you requested does not exist."
BY_ID = {"GetTemplate", "DescribeStackResources", "ListStackResources"}


def _version(match: re.Match, call: Call) -> str:
    name = match[1].rpartition("function:")[2].partition(":")[0]
    return (f"The function arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:"
            f"{call.parameters.get('Qualifier', '$LATEST')} doesn't have an EventInvokeConfig")


def _stack(match: re.Match, call: Call) -> str:
    return f"Stack with id {match[1]} does not exist" if call.operation.name in BY_ID else match[0]


def _entries(match: re.Match, call: Call) -> str:
    return ("Maximum number of entries per request are 10. You have sent "
            f"{len(call.parameters['Entries'])}.")


WORDS = {service: [(re.compile(pattern), words) for pattern, words in rows] for service, rows in {
    "apigateway": [
        (r"Invalid API identifier specified(?=\")", lambda _, call:
         f"Invalid API identifier specified {ACCOUNT}:{call.parameters['restApiId']}"),
        (r"Invalid Stage identifier", "Invalid stage identifier")],
    "apigatewayv2": [
        (r"API (\S+) not found", r"Invalid API identifier specified \1"),
        (r"(Route|Integration|Authorizer|Deployment) (\S+) not found",
         r"Invalid \1 identifier specified \2"),
        (r"Stage '(\S+)' not found", r"Invalid stage identifier specified \1")],
    "cloudformation": [
        (r"Resource \[(.+?)\] does not exist in stack \[(.+?)\]",
         r"Resource \1 does not exist for stack \2"),
        (r"Stack \[(.+?)\] does not exist", _stack),
        (r"TemplateBody or TemplateURL is required",
         "Either Template URL or Template Body must be specified.")],
    "ecr": [
        (r"(The repository with name '\S+' (already exists|does not exist))(?=\")",
         rf"\1 {REGISTRY}"),
        (r"((?:Lifecycle|Repository) policy does not exist for) ('\S+')(?=\")",
         rf"\1 the repository with name \2 {REGISTRY}")],
    "events": [
        (r"Rule (\S+) does not exist\.", r"Rule \1 does not exist on EventBus default."),
        (r"EventBridge resource arn:\S+:rule/(\S+) does not exist\.",
         r"Rule \1 does not exist on EventBus default."),
        (r"Event bus (\S+) not found", r"Event bus \1 does not exist."),
        (r"Event bus (\S+) already exists(?=\")", r"Event bus \1 already exists."),
        (r"Cannot delete the default event bus", "Cannot delete event bus default.")],
    "iam": [
        (r"Role (\S+) not found\.", r"The role with name \1 cannot be found."),
        (r"Policy (\S+) not found\.", r"Policy \1 was not found."),
        (r"Policy (\S+) is not attached to role \S+\.", r"Policy \1 was not found."),
        (r"must delete all inline policies first", "must delete policies first"),
        (r"(A policy called \S+ already exists\.)(?! Dup)", r"\1 Duplicate names are not allowed."),
        (r"A managed policy can have at most 5 versions\.",
         "A managed policy can have up to 5 versions. Before you create a new version, you must "
         "delete an existing version.")],
    "lambda": [
        (r"The resource you requested does not exist\. \(Service.*?\)", NO_RESOURCE),
        (r"Event source mapping not found: [^\"]+", NO_RESOURCE),
        (r"Function URL config not found for [^\"]+", NO_RESOURCE),
        (r"(No Provisioned Concurrency Config found for) function: [^\"]+", r"\1 this function"),
        (r"The function (\S+) doesn't have an EventInvokeConfig", _version),
        (r"The RevisionId provided does not match the latest RevisionId for the Lambda function or "
         r"alias\. Call the GetFunction or the GetAlias API to retrieve the latest RevisionId for "
         r"your resource\.", "The Revision Id provided does not match the latest Revision Id. Call "
         "the GetFunction/GetAlias API to retrieve the latest Revision Id")],
    "logs": [
        (r"(The specified log (?:group|stream) already exists): [^\"]+", r"\1"),
        (r"(The specified log (?:group|stream) does not exist): [^\"]+", r"\1.")],
    "s3": [
        (r"The specified multipart upload does not exist\.",
         "The specified upload does not exist. The upload ID may be invalid, or the upload may "
         "have been aborted or completed."),
        (r"The Content-MD5 you specified is not valid\.",
         "The Content-MD5 you specified was invalid."),
        (r"(Unable to validate the following destination configurations): [^<]+", r"\1"),
        (r"Unable to validate destination configuration: destination ARN is not in the correct "
         r"format", "The ARN could not be parsed")],
    "scheduler": [
        (r"(Schedule \S+ (?:does not exist|already exists)) in group \S+\.(?=\")", r"\1.")],
    "sns": [
        (r"<Code>InvalidParameterException</Code>", "<Code>InvalidParameter</Code>"),
        (r"((?:Topic|Subscription) does not exist): [^<]+", r"\1"),
        (r"TopicArn, TargetArn, or PhoneNumber is required",
         "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"),
        (r"Endpoint \S+ is not a valid SQS ARN", "SQS endpoint ARN"),
        (r"Endpoint \S+ is not a valid LAMBDA ARN", "Lambda endpoint ARN"),
        (r"Batch entry ids must be distinct",
         "Two or more batch entries in the request have the same Id."),
        (r"(The batch request contains more entries than permissible)(?=<)", r"\1."),
        (r"Topic names with FIFO attribute must end with \.fifo suffix",
         "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase "
         "ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 "
         "characters long."),
        (r"(?<=>)Invalid token(?=<)", "Invalid parameter: Token")],
    "sqs": [
        (r"(\"[^\"]*The specified queue does not exist) for this wsdl version\.", r"\1."),
        (r"(MessageDeduplicationId provided explicitly)\.", r"\1"),
        (r"(must end with \.fifo suffix)\.", r"\1 and be 1 to 80 in length"),
        (r"Too many messages in a batch request\. A maximum of 10 messages are allowed\.",
         _entries)],
    "sts": [
        (r"Policy document is not valid JSON", "This policy contains invalid Json")],
}.items()}


def corrected(call: Call, body: bytes) -> bytes:
    """The body of MiniStack's refusal of a call, in AWS's words where they are known."""
    text = body.decode("utf-8", "replace")
    for pattern, words in WORDS.get(call.service, ()):
        if callable(words):
            text = pattern.sub(lambda match, words=words: words(match, call), text)
        else:
            text = pattern.sub(words, text)
    return text.encode()
