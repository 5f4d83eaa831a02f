"""How often each function has run in the chain of events that a call belongs to.

On AWS the SDK sends this along (`Lineage` in the tracing header). Here an execution environment has
a key of its own and works on one event at a time, so the key that signs a call tells which event
the call belongs to.
"""
import contextlib
import contextvars

# Function's name → how often it has been invoked; of what is being done now.
current: contextvars.ContextVar[dict[str, int]] = contextvars.ContextVar("lineage", default={})
_at_work: dict[str, dict[str, int]] = {}    # an environment's access key → that of its event


def enter(access_key: str | None) -> None:
    """A request begins, signed with this key (None: with none)."""
    current.set(_at_work.get(access_key, {}))


@contextlib.contextmanager
def carried_by(access_key: str):
    """While an environment with this key works on an event of the current chain."""
    _at_work[access_key] = current.get()
    try:
        yield
    finally:
        _at_work.pop(access_key, None)


@contextlib.contextmanager
def of(chain: dict[str, int]):
    """While something is done that belongs to another chain."""
    token = current.set(chain)
    try:
        yield
    finally:
        current.reset(token)


def longest(chains: list[dict[str, int]]) -> dict[str, int]:
    """The chain of a batch: of each function, the most that is in one of its messages."""
    return {name: max(chain.get(name, 0) for chain in chains)
            for name in {name for chain in chains for name in chain}}
