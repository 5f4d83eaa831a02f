"""Every request is compared with AWS's own service models, and refused as AWS refuses it.

botocore brings, for each service, the operations with their parameters: which are required, their
enums, patterns, lengths and ranges. A client looks at a part of that before it sends; a service
looks at all of it. So does the local cloud here, before MiniStack or SageMaker sees the request.

    protocols    from an HTTP request back to the operation and its parameters
    sqs_forms    the names in SQS's older requests
    patterns     the models' regular expressions (Java's) in Python's
    constraints  which values break the model, in the words that all services share
    wording      each service's error code and form; where AWS is not as the model says
"""
from workshop.local.models import constraints, protocols, wording
from workshop.local.models.constraints import Fault
from workshop.local.models.protocols import Call, UnreadableError
from workshop.local.signatures import RefusedError, Request


def check(service: str, request: Request) -> Call | None:
    """Refuse a request that breaks its operation's model.

    Args:
        service: the name that the request is signed for (a key of `services.SIGNED`).
        request: the request, its signature verified.

    Returns:
        The call; None for an operation that is in no model: what serves it says so.

    Raises:
        RefusedError: code and message of AWS's refusal.
    """
    if "cbor" in request.headers.get("content-type", ""):
        raise RefusedError("UnknownOperationException",
                           "The local cloud reads no CBOR: ask CloudWatch in JSON, as boto3 does.")
    name = protocols.model_name(service, request)
    operation = protocols.operation_of(name, request)
    if operation is None:
        return None
    try:
        parameters = protocols.parameters_of(operation, request)
    except UnreadableError as error:
        raise wording.unreadable(name, operation, str(error)) from None
    call = Call(name, operation, parameters, len(request.body))
    faults = constraints.faults(call)
    if faults:
        raise wording.refused(call, faults)
    return call


def check_values(name: str, operation: str, parameters: dict) -> None:
    """Refuse parameters that break the model; those that are missing are nobody's fault here.

    For what a stack makes past the service's own calls. name: botocore's, of the service.

    Raises:
        RefusedError: code and message of AWS's refusal.
    """
    call = Call(name, protocols.model(name).operation_model(operation), parameters)
    faults = [fault for fault in constraints.faults(call) if fault.kind != "required"]
    if faults:
        raise wording.refused(call, faults)


__all__ = ["Call", "Fault", "RefusedError", "check", "check_values"]
