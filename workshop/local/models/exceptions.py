"""Where AWS is not as its models say. Each row has its source."""
from workshop.local import limits

# (service, shape) → what holds in place of the model's. None: no such constraint.
SHAPES: dict[tuple[str, str], dict] = {
    # Lambda quotas; the model's are those of managed instances and durable functions.
    ("lambda", "MemorySize"): {"min": limits.MEMORY[0], "max": limits.MEMORY[1]},
    ("lambda", "Timeout"): {"min": limits.TIMEOUT[0], "max": limits.TIMEOUT[1]},
    # CloudFormation API reference, CreateStack: a longer template comes from a bucket.
    ("cloudformation", "TemplateBody"): {"max": 51_200},
}
# (service, operation, parameter) → the same, for one parameter alone.
MEMBERS: dict[tuple[str, str, str], dict] = {
    # An unknown runtime has its own refusal: see patches/checks.
    ("lambda", "CreateFunction", "Runtime"): {"enum": None},
    ("lambda", "UpdateFunctionConfiguration", "Runtime"): {"enum": None},
    # Lambda API reference, CreateFunction: 64 characters, or 140 for an ARN.
    ("lambda", "CreateFunction", "FunctionName"): {"longest_name": 64},
    # CloudFormation API reference, CreateStack: the description of StackName.
    ("cloudformation", "CreateStack", "StackName"): {"pattern": "[a-zA-Z][-a-zA-Z0-9]*",
                                                     "min": 1, "max": 128},
    # SQS API reference, ReceiveMessage and SendMessage.
    ("sqs", "ReceiveMessage", "WaitTimeSeconds"): {"min": 0, "max": 20},
    ("sqs", "ReceiveMessage", "MaxNumberOfMessages"): {"min": 1, "max": 10},
    ("sqs", "ReceiveMessage", "VisibilityTimeout"): {"min": 0, "max": 43_200},
    ("sqs", "ChangeMessageVisibility", "VisibilityTimeout"): {"min": 0, "max": 43_200},
    ("sqs", "SendMessage", "DelaySeconds"): {"min": 0, "max": 900},
}
# (service, shape) → the pattern in a message, where it is not the one that is enforced.
SHOWN: dict[tuple[str, str], str] = {
    ("ecr", "RepositoryName"): "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
}
# Enums in which upper and lower case are the same (S3 user guide, event notifications).
ANY_CASE = {("s3", "FilterRuleName")}
# Services that end what each entry of a list must satisfy with "Member must not be null".
SAY_NOT_NULL = {"lambda"}


def corrected(service: str, operation: str, shape, member: str | None) -> dict:
    """A shape's constraints as AWS has them: the model's, with what is otherwise.

    member: the parameter's name when the shape is a parameter's own.
    """
    changes = SHAPES.get((service, shape.name), {}) | MEMBERS.get((service, operation, member), {})
    return {key: value for key, value in (shape.metadata | changes).items() if value is not None}
