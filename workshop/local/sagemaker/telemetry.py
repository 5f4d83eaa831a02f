"""What an endpoint tells CloudWatch: its containers' lines, and a few figures for each request."""
import contextlib
import threading

from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.patches import reports

NAMESPACE = "AWS/SageMaker"
MICROSECONDS = 1_000_000


def log_group(endpoint: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def log_arn(endpoint: str) -> str:
    """What ModelError calls LogStreamArn, though it names the group."""
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{log_group(endpoint)}"


def follow(container, role: str, group: str, stream: str) -> None:
    """Copy every line that a container writes, to either pipe, to its log stream, as it comes.

    role: ARN of the role that the container acts with. If it may not write there, there are no
    lines, and nobody is told.
    """
    def copy():
        rest = b""
        with contextlib.suppress(Exception):  # the container has gone: nothing more to read
            for chunk in container.attach(stdout=True, stderr=True, stream=True, logs=True):
                *whole, rest = (rest + chunk).split(b"\n")
                if whole:
                    reports.write(group, stream,
                                  [line.decode("utf-8", "replace") for line in whole])
        if rest:
            reports.write(group, stream, [rest.decode("utf-8", "replace")])
    if reports.may_write(role, group, stream):
        threading.Thread(target=copy, daemon=True, name="workshop-sagemaker-log").start()


def record(endpoint: str, variant: str, **figures: float) -> None:
    """Publish metrics of one request, named as CloudWatch knows them. Times are in seconds."""
    from ministack.services import cloudwatch
    for name, value in figures.items():
        unit = "None"
        if name.endswith(("Latency", "Time")):
            value, unit = value * MICROSECONDS, "Microseconds"
        elif name.endswith("Utilization"):
            unit = "Percent"
        cloudwatch.record_metric(NAMESPACE, name, value, unit,
                                 {"EndpointName": endpoint, "VariantName": variant})


def memory_utilization(container, megabytes: int) -> dict[str, float]:
    """The container's peak as a share of its memory; nothing where the kernel is not ours."""
    used, limit = None, megabytes * reports.MEGABYTE
    with contextlib.suppress(Exception):  # the container has just gone: no figure, but its answer
        used = reports.kernel_peak(container, limit)
    return {} if used is None else {"MemoryUtilization": 100 * used / limit}
