"""What a model on AWS costs a month, from measured times and the prices in data/prices.csv.

Dollars are US dollars before tax, times milliseconds, memory MB; Lambda's GB is 1,024 MB. Times are
means of what is billed (`billed_ms`): a bill follows the mean of all durations, not the median.
Only the first tier of each price is known here: millions of requests a month, not billions. How
Lambda counts: https://aws.amazon.com/lambda/pricing/ (read in November 2026).
"""
import csv
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from workshop.local.limits import ENDPOINT_MEMORY
from workshop.machine.paths import DATA

MILLION = 1_000_000
MONTH = 730                       # hours, as AWS's own calculator counts: 365 × 24 / 12
DOORS = ("function_url", "http_api", "rest_api")
ARCHITECTURES = ("x86_64", "arm64")


@dataclass(frozen=True)
class Price:
    """A row of data/prices.csv: dollars for one unit, and the units that are free each month."""
    item: str
    unit: str
    usd: float
    free_a_month: float
    region: str
    source: str
    checked: str                  # year and month
    note: str


@cache
def prices() -> dict[str, Price]:
    """Every price by its item's name."""
    with open(DATA / "prices.csv", encoding="utf-8", newline="") as file:
        numbers = ("usd", "free_a_month")
        return {row["item"]: Price(**row | {name: float(row[name]) for name in numbers})
                for row in csv.DictReader(file)}


def usd(item: str) -> float:
    """Dollars for one unit; KeyError naming the items there are."""
    if item not in prices():
        raise KeyError(f"data/prices.csv has no {item!r}; it has {', '.join(prices())}")
    return prices()[item].usd


def billed_ms(durations: Iterable[float]) -> float:
    """Mean of durations as Lambda bills them, each rounded up to a whole millisecond.

    What exceeds a whole one by less than a nanosecond is the computer's own rounding.
    """
    return statistics.fmean(math.ceil(round(one, 6)) for one in durations)


def gb_seconds(requests: float, milliseconds: float, memory_mb: float) -> float:
    """GB-seconds of so many requests; ValueError for what cannot be."""
    if milliseconds < 0 or memory_mb <= 0 or requests < 0:
        raise ValueError(f"{requests} requests of {milliseconds} ms at {memory_mb} MB: "
                         "time and number are at least 0, memory is above 0")
    return requests * milliseconds / 1000 * memory_mb / 1024


def usage(requests: float, memory_mb: float, warm_ms: float, *, init_ms: float = 0,
          first_ms: float | None = None, cold_share: float = 0) -> dict[str, float]:
    """GB-seconds of so many requests: {"compute": …, "init": …}.

    A share `cold_share` of the requests (0 to 1) starts an environment: it is billed for INIT,
    `init_ms`, and then takes `first_ms` (default: `warm_ms`) instead of `warm_ms`. INIT is billed
    for every kind of package since 2025-08-01 (AWS Compute Blog, "AWS Lambda standardizes billing
    for INIT Phase"). Raises ValueError for another share.
    """
    if not 0 <= cold_share <= 1:
        raise ValueError(f"cold_share is {cold_share}: a share lies between 0 and 1")
    cold = requests * cold_share
    first_ms = warm_ms if first_ms is None else first_ms
    return {"compute": gb_seconds(requests - cold, warm_ms, memory_mb)
                       + gb_seconds(cold, first_ms, memory_mb),
            "init": gb_seconds(cold, init_ms, memory_mb)}


def month(requests: float, memory_mb: float, warm_ms: float, *, init_ms: float = 0,
          first_ms: float | None = None, cold_share: float = 0, architecture: str = "x86_64",
          door: str = "function_url", free_tier: bool = True) -> dict[str, float]:
    """Dollars for a month: {"compute", "init", "requests", "front door"}.

    The first two follow time and memory, the other two only the number of requests. With
    `free_tier`, a million requests and 400,000 GB-seconds are taken off: right for an account that
    runs nothing else. The front door's trial for new customers is not.
    """
    used = usage(requests, memory_mb, warm_ms, init_ms=init_ms, first_ms=first_ms,
                 cold_share=cold_share)
    compute, fee = prices()[f"lambda_compute_{architecture}"], prices()["lambda_requests"]
    seconds = sum(used.values())
    billed = max(0, seconds - compute.free_a_month * free_tier)
    rate = compute.usd * billed / seconds if seconds else 0
    return {"compute": used["compute"] * rate, "init": used["init"] * rate,
            "requests": max(0, requests / MILLION - fee.free_a_month * free_tier) * fee.usd,
            "front door": requests / MILLION * usd(door)}


def per_million(memory_mb: float, warm_ms: float, **more) -> dict[str, float]:
    """Dollars for a million requests without the free tier; arguments and parts as in `month`."""
    return month(MILLION, memory_mb, warm_ms, free_tier=False, **more)


def cold_share(requests_an_hour: float, idle_minutes: float) -> float:
    """Share of requests that find no warm environment, when one environment serves them all.

    Requests that come independently of each other (a Poisson process) leave gaps that are longer
    than t with probability exp(-rate × t). AWS does not promise after how many idle minutes an
    environment ends: `idle_minutes` is an assumption. Requests at the same time need further
    environments, and start them cold.
    """
    return math.exp(-requests_an_hour * idle_minutes / 60)


def percentile(percent: float, cold_share: float, warm_ms: float, cold_ms: float) -> float:
    """Time that `percent` % of the requests do not exceed.

    Every cold request is slower than every warm one: so it is `cold_ms` as soon as more than the
    rest of the requests are cold, until then the warm ones' own percentile, `warm_ms`.
    """
    return cold_ms if cold_share > 1 - percent / 100 else warm_ms


def kept_ready(environments: int, memory_mb: float, requests: float, warm_ms: float, *,
               hours: float = MONTH, architecture: str = "x86_64") -> dict[str, float]:
    """Dollars with provisioned concurrency: {"kept ready", "compute", "requests"}; no free tier.

    `requests` are those that come within `hours`, and all find an environment that is kept ready.
    """
    ready = gb_seconds(environments, hours * 3_600_000, memory_mb)
    return {"kept ready": ready * usd(f"lambda_kept_ready_{architecture}"),
            "compute": gb_seconds(requests, warm_ms, memory_mb)
                       * usd(f"lambda_ready_compute_{architecture}"),
            "requests": requests / MILLION * usd("lambda_requests")}


def kept_ready_break_even(architecture: str = "x86_64") -> float:
    """Share of its time that an environment must be busy for provisioned concurrency to save money.

    Kept ready, a second costs the standing price, and if busy the reduced one on top; on demand
    only a busy second costs: k + b·r = b·d, hence b = k / (d - r).
    """
    standing, reduced, demand = (usd(f"lambda_{kind}_{architecture}")
                                 for kind in ("kept_ready", "ready_compute", "compute"))
    return standing / (demand - reduced)


def snapshots(memory_mb: float, restores: float, *, versions: int = 1,
              hours: float = MONTH) -> dict[str, float]:
    """Dollars that SnapStart for Python adds: {"cache", "restore"}."""
    return {"cache": gb_seconds(versions, hours * 3_600_000, memory_mb)
                     * usd("lambda_snapshot_cache"),
            "restore": restores * memory_mb / 1024 * usd("lambda_snapshot_restore")}


def container(tasks: int = 1, vcpu: float = 0.25, memory_gb: float = 0.5, *,
              architecture: str = "x86_64", balancer: bool = True,
              hours: float = MONTH) -> dict[str, float]:
    """Dollars for containers that always run, on Fargate: {"tasks", "load balancer", "addresses"}.

    Each task has one public IPv4 address, as has the balancer in each of its two zones (fewer it
    cannot have: Elastic Load Balancing API, CreateLoadBalancer). What passes through the balancer
    is not counted, nor is anything else that `month` does not count for the function.
    """
    task = (vcpu * usd(f"container_vcpu_{architecture}")
            + memory_gb * usd(f"container_memory_{architecture}"))
    return {"tasks": hours * tasks * task,
            "load balancer": hours * balancer * usd("balancer_hour"),
            "addresses": hours * (tasks + 2 * balancer) * usd("public_address")}


def serverless_endpoint(requests: float, memory_mb: int, milliseconds: float, *,
                        kilobytes: float = 0, gb_second: float | None = None) -> dict[str, float]:
    """Dollars for a month of a SageMaker Serverless endpoint: {"compute", "data"}.

    `milliseconds`: of processing, which is what is billed; `kilobytes`: of a request and its answer
    together; `gb_second`: another price than the table's. There is no fee for a request, no
    architecture to choose, and no free part but a new account's trial. ValueError for a memory size
    that there is not.
    """
    if memory_mb not in ENDPOINT_MEMORY:
        raise ValueError(f"{memory_mb} MB: a serverless endpoint has one of "
                         f"{', '.join(map(str, ENDPOINT_MEMORY))} MB")
    price = usd("endpoint_compute") if gb_second is None else gb_second
    return {"compute": gb_seconds(requests, milliseconds, memory_mb) * price,
            "data": requests * kilobytes / MILLION * usd("endpoint_data")}


def instances(number: int = 1, *, hours: float = MONTH) -> dict[str, float]:
    """Dollars for a SageMaker endpoint of `number` instances (ml.m5.large): {"instances"}."""
    return {"instances": number * hours * usd("endpoint_instance")}


def tasks_needed(requests: float, cpu_ms: float, vcpu: float = 0.25, busy: float = 0.5) -> int:
    """Containers for a month of requests that each take `cpu_ms` of one whole vCPU.

    `busy` is the share of the time that a container may compute on average: what is left is for
    the hours in which more comes than on average.
    """
    return max(1, math.ceil(requests * cpu_ms / 1000 / (MONTH * 3600 * vcpu * busy)))


def break_even(ours, theirs, least: float = 1e3, most: float = 1e10) -> float:
    """The smallest number of requests from which `ours(requests)` is dearer than `theirs`.

    Both give the dollars of a month. Looked for between `least` and `most` in steps of 1 %,
    because one of them may rise in jumps; infinity when it is never dearer.
    """
    requests = least
    while requests <= most:
        if ours(requests) > theirs(requests):
            return requests
        requests *= 1.01
    return math.inf
