"""Where MiniStack differs from AWS in what the lessons teach, one small mend each.

They replace or wrap private functions of MiniStack, whose version is therefore pinned exactly.
`tests/test_mends.py` fails when a function that a mend leans on has changed, and when the
behaviour seen through boto3 and HTTP is no longer AWS's.
"""
from workshop.mends import (asynchronous, checks, clean_up, containers, filters, gateway, invoke,
                            metrics, names, reports, stacks)


def apply(port: int, addresses: list[str], beside=lambda application: application):
    """Mend MiniStack for the local cloud that listens on `addresses` at `port`.

    Args:
        beside: puts a service that MiniStack has not beside its application (ASGI).

    Returns:
        The ASGI application to serve.
    """
    from ministack import app as ministack

    for module in (containers, invoke, asynchronous, checks, reports, gateway, metrics, filters,
                   stacks, clean_up):
        module.apply(port)
    return names.mended(beside(ministack.app), port, addresses)


def close(port: int) -> None:
    """Remove every container that the local cloud on `port` started, and start no more."""
    containers.close(port)
