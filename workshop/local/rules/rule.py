"""How a rule is written: a function of a request's parameters, named for the operations it is for.

    @rule("lambda", "CreateFunction", "UpdateFunctionConfiguration")
    def layers_in_one_version(asked: dict) -> None:
        if …:
            raise RefusedError("InvalidParameterValueException", "Two different versions of …")
"""
from collections import defaultdict
from collections.abc import Callable

from workshop.local.models import Call
from workshop.local.rules import sizes

RULES: dict[tuple[str, str], list[Callable[[dict], None]]] = defaultdict(list)


def rule(service: str, *operations: str):
    """Add a function to the rules of these operations. service: botocore's name."""
    def add(function):
        for operation in operations:
            RULES[service, operation].append(function)
        return function
    return add


def check(call: Call) -> None:
    """Ask every rule of the call's operation, in the order of the source.

    Raises:
        RefusedError: of the first rule that is broken.
    """
    sizes.check(call)
    for function in RULES.get((call.service, call.operation.name), ()):
        function(call.parameters)


__all__ = ["RULES", "check", "rule"]
