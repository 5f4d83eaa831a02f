"""The call of `boto3.client("sagemaker-runtime")`: InvokeEndpoint."""
import time

from workshop.local import limits
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.sagemaker import telemetry
from workshop.local.sagemaker.checks import RefusedError
from workshop.local.sagemaker.container import EndedError, GoneError, StartError
from workshop.local.sagemaker.variant import BusyError, NotReadyError, Variant

CUSTOM = "x-amzn-sagemaker-custom-attributes"
# What a caller's headers are called in the container.
PASSED_ON = {b"content-type": "Content-Type", b"accept": "Accept", CUSTOM.encode(): CUSTOM}
TIMED_OUT = ("Your invocation timed out while waiting for a response from container primary. "
             "Review the latency metrics for each container in Amazon CloudWatch, resolve the "
             "issue, and try again.")


def invoke(control, name: str, headers: dict[bytes, bytes], body: bytes):
    """Send a request to an endpoint's container and return its answer: (status, headers, body).

    Raises RefusedError: ValidationError, ThrottlingException, ModelError, ModelNotReadyException.
    """
    if len(body) > limits.ENDPOINT_REQUEST:
        raise RefusedError("ValidationError", "Request {request-id} has oversize body.")
    endpoint = control.endpoints.get(name)
    variant = endpoint and endpoint.variant
    if variant is None:
        raise not_found(name)
    target = headers.get(b"x-amzn-sagemaker-target-variant", b"").decode("latin-1")
    if target and target != variant.plan.variant:
        raise RefusedError("ValidationError", f"Variant {target} of endpoint {name} not found.")
    try:
        variant.admit()
    except BusyError:
        raise RefusedError("ThrottlingException", None) from None  # AWS sends no message either
    try:
        return Request(variant, headers, body).answer()
    finally:
        variant.leave()


def not_found(name: str) -> RefusedError:
    """An endpoint that was never in service is not found either."""
    return RefusedError("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")


class Request:
    """One admitted request, and what CloudWatch hears of it."""

    def __init__(self, variant: Variant, headers: dict[bytes, bytes], body: bytes):
        self.variant, self.plan, self.body = variant, variant.plan, body
        self.headers = {name: headers[key].decode("latin-1")
                        for key, name in PASSED_ON.items() if key in headers}
        self.model_seconds = 0.0

    def answer(self):
        began, status, memory = time.monotonic(), 500, {}
        try:
            status, headers, content, memory = self._ask()
            self._refuse_bad(status, content)
            told = {"content-type": headers.get("Content-Type") or "application/octet-stream",
                    "x-amzn-invoked-production-variant": self.plan.variant}
            if CUSTOM in headers:
                told[CUSTOM] = headers[CUSTOM]
            return 200, [(name.encode(), " ".join(value.split()).encode("latin-1", "replace"))
                         for name, value in told.items()], content
        finally:
            telemetry.record(
                self.plan.endpoint, self.plan.variant, Invocations=1,
                Invocation4XXErrors=400 <= status < 500, Invocation5XXErrors=status >= 500,
                ModelLatency=self.model_seconds,
                OverheadLatency=time.monotonic() - began - self.model_seconds, **memory)

    def _ask(self):
        """(status, headers, body, metrics of memory) of the container's answer."""
        environment, answered = self._take(), None
        began = time.monotonic()
        try:
            answered = environment.ask(self.body, self.headers, limits.ENDPOINT_ANSWER)
            memory = telemetry.memory_utilization(environment.container, self.plan.memory)
        except EndedError:   # while it was idle: another one takes the request
            pass
        except TimeoutError:
            self.model_seconds = time.monotonic() - began
            raise self._model_error(0, TIMED_OUT) from None
        except GoneError:
            self.model_seconds = time.monotonic() - began
            raise self._model_error(500, "The container ended, or closed the connection, before "
                                         "it had answered.") from None
        finally:
            if answered:
                self.variant.give_back(environment)
            else:
                self.variant.discard(environment)
        if not answered:
            return self._ask()
        self.model_seconds = time.monotonic() - began
        return *answered, memory

    def _take(self):
        """A container that is free; waits for one."""
        try:
            return self.variant.take(limits.ENDPOINT_ANSWER)
        except NotReadyError:
            if self.variant.closed:     # deleted meanwhile
                raise not_found(self.plan.endpoint) from None
            raise RefusedError("ModelNotReadyException", "The model is not ready: no container "
                               f"came up or became free within {limits.ENDPOINT_ANSWER} seconds. "
                               "Try again.", 429) from None
        except StartError as failed:
            raise self._model_error(500, str(failed)) from None

    def _refuse_bad(self, status: int, content: bytes) -> None:
        """An answer that is an error, or too large, reaches the caller as a ModelError."""
        if not 200 <= status < 300:
            words = content[:limits.ENDPOINT_REQUEST].decode("utf-8", "replace")
            raise self._model_error(status, words)
        if len(content) > limits.ENDPOINT_REQUEST:
            raise self._model_error(500, None)

    def _model_error(self, status: int, message: str | None) -> RefusedError:
        """ModelError in AWS's words; without a message, the body could not be read whole."""
        group = telemetry.log_group(self.plan.endpoint)
        side = "client" if 400 <= status < 500 else "server"
        said = f' with message "{message}"' if message is not None else \
            " and could not load the entire response body"
        text = (f"Received {side} error ({status}) from primary{said}. See "
                f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}"
                f"#logEventViewer:group={group} in account {ACCOUNT} for more information.")
        return RefusedError("ModelError", text, 424, OriginalStatusCode=status,
                            OriginalMessage=message or "",
                            LogStreamArn=telemetry.log_arn(self.plan.endpoint))
