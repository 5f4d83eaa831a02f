"""Asks the SageMaker endpoint: a time limit for each attempt, few attempts, and a rest when it
fails again and again.

Two brakes: an event gives up after ATTEMPTS; after FAILURES events in a row that found no answer,
the breaker opens, and for REST seconds nobody asks. The breaker's state is in S3, because the next
event may run in another environment, which would know nothing of it.
"""
import json
import os
import random
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

import ledger
from market import NoDecisionError


class RefusedError(NoDecisionError):
    """The endpoint answers, and this request is wrong: the fault of one symbol's event."""


class NoTimeError(NoDecisionError):
    """The endpoint was not asked."""


ATTEMPTS = 3
SECONDS = float(os.environ.get("ENDPOINT_SECONDS", "15"))   # of one attempt; a cold start fits in
PAUSE, LONGEST_PAUSE = 0.5, 4.0     # seconds before the second attempt, and before any
MARGIN = 3.0                        # seconds of the function's time for what comes after
FAILURES = 3
REST = float(os.environ.get("BREAKER_SECONDS", "60"))
# Failures after which another attempt may succeed. A wrong request stays wrong.
PASSING = {"ThrottlingException", "ModelNotReadyException", "ServiceUnavailable",
           "InternalFailure", "InternalDependencyException"}
PASSING_STATUSES = {408, 425, 429}  # of a container: it is too busy, or was too slow

endpoint = os.environ["ENDPOINT"]
# boto3 would repeat by itself, too: three attempts of three would be nine.
runtime = boto3.client("sagemaker-runtime", config=Config(
    connect_timeout=2, read_timeout=SECONDS, retries={"total_max_attempts": 1}))


def ask(instance, remaining):
    """Return (probability, model version) for one instance, {name: number}.

    remaining: function that returns the seconds left to the Lambda function. Raises NoDecisionError
    when there is no answer, or none that can be believed.
    """
    breaker = ledger.breaker(endpoint)
    if breaker["open_until"] > time.time():
        raise NoDecisionError("the circuit breaker is open: the endpoint is left alone")
    try:
        answer = attempt(instance, remaining)
    except (RefusedError, NoTimeError):     # nothing against the endpoint: others may ask it
        raise
    except NoDecisionError:
        failures = breaker["failures"] + 1
        rest = REST if failures >= FAILURES else 0
        ledger.keep_breaker(endpoint, failures, time.time() + rest if rest else 0)
        raise
    if breaker["failures"]:
        ledger.keep_breaker(endpoint, 0, 0)
    return answer


def attempt(instance, remaining):
    """Ask up to ATTEMPTS times, while there is time; raises NoDecisionError with the reason."""
    reason = None
    for number in range(ATTEMPTS):
        if number:      # a random part of a growing pause: clients that failed together spread out
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, PAUSE * 2 ** number)))
        if remaining() < SECONDS + MARGIN:
            break
        try:
            return invoke(instance)
        except (HTTPClientError, ConnectionError) as error:     # a time-out, or no connection
            reason = f"the endpoint did not answer: {type(error).__name__}"
        except ClientError as error:
            reason = f"the endpoint failed: {error.response['Error']['Code']}"
            if is_refusal(error):
                raise RefusedError(
                    "the endpoint refuses this request with the status "
                    f"{error.response['OriginalStatusCode']}: see its log") from None
            if not may_pass(error):
                break
    raise NoDecisionError(reason) if reason else NoTimeError("there is no time to ask the endpoint")


def is_refusal(error):
    """Whether the container's own status says that the request is wrong."""
    status = original_status(error)
    return 400 <= status < 500 and status not in PASSING_STATUSES


def may_pass(error):
    """Whether another attempt may do better."""
    code = error.response["Error"]["Code"]
    if code == "ModelError":        # a container's own status; 0 is a time-out
        status = original_status(error)
        return status == 0 or status >= 500 or status in PASSING_STATUSES
    return code in PASSING


def original_status(error):
    """The status of the endpoint's container, 0 where there is none."""
    return error.response.get("OriginalStatusCode") or 0


def invoke(instance):
    """Ask once, and check the answer."""
    response = runtime.invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json",
        Body=json.dumps({"instances": [instance]}))
    try:
        answer = json.loads(response["Body"].read())
        (probability,), version = answer["predictions"], answer["model_version"]
        if isinstance(probability, float) and 0 <= probability <= 1 and isinstance(version, str):
            return probability, version
    except (ValueError, TypeError, KeyError):
        pass
    raise NoDecisionError("the endpoint's answer is no probability")
