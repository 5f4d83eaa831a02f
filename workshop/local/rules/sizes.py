"""How large a request to Lambda may be that brings code. Source: "Lambda quotas"."""
from workshop.local import limits
from workshop.local.models import Call
from workshop.local.signatures import RefusedError

WITH_CODE = ("CreateFunction", "UpdateFunctionCode", "PublishLayerVersion")


def check(call: Call) -> None:
    """Refuse a request whose body is too large.

    Raises:
        RefusedError: RequestEntityTooLargeException, 413.
    """
    if call.service == "lambda" and call.operation.name in WITH_CODE \
            and call.size > limits.ZIP_REQUEST:
        raise RefusedError(
            "RequestEntityTooLargeException", f"Request must be smaller than {limits.ZIP_REQUEST} "
            f"bytes for the {call.operation.name} operation", 413)
