"""Where MiniStack differs from AWS in what the lessons teach, one small patch each.

They replace or wrap private functions of MiniStack, whose version is therefore pinned exactly.
`tests/local/test_patches.py` fails when a function that a patch leans on has changed, and when the
behaviour seen through boto3 and HTTP is no longer AWS's.
"""
import os

from workshop.local import gate, identities
from workshop.local.patches import (
    access_logs,
    answers,
    asynchronous,
    blobs,
    buckets,
    checks,
    clean_up,
    closed,
    containers,
    filters,
    gateway,
    granted,
    invoke,
    log_events,
    metrics,
    names,
    payloads,
    quick_create,
    registry,
    reports,
    rest_apis,
    signed_routes,
    simulated,
    stacks,
)
from workshop.local.permissions import evaluator, propagation
from workshop.machine import paths


def apply(port: int, addresses: list[str], keys: dict[str, str], account: str,
          beside=lambda application: application):
    """Patch MiniStack for the local cloud that listens on `addresses` at `port`.

    Args:
        keys: the learner's, {"access_key": …, "secret_key": …}.
        account: the account's number, 12 digits.
        beside: puts a service that MiniStack has not beside its application (ASGI).

    Returns:
        The ASGI application to serve.
    """
    from ministack import app as ministack

    for module in (containers, invoke, asynchronous, checks, reports, payloads, gateway,
                   signed_routes, granted, simulated, registry, blobs, metrics, filters, stacks,
                   clean_up, closed, buckets, answers, rest_apis, log_events, access_logs,
                   quick_create):
        module.apply(port)
    evaluator.apply()
    evaluator.look_once()
    propagation.apply()
    identities.register_learner(keys, account)
    about = {"pid": os.getpid(), "port": port, "root": str(paths.ROOT), "addresses": addresses}
    application = names.patched(beside(blobs.written(ministack.app)), port)
    return gate.guarded(application, port, addresses, keys, account, about)


def close(port: int) -> None:
    """Remove every container that the local cloud on `port` started, and all images' layers."""
    containers.close(port)
    blobs.close(port)
