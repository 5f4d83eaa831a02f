"""Waiting, in tests, for what happens elsewhere: a container that ends, a message that comes."""
import time

from workshop.machine.waiting import busy


def until(ask, what, seconds=None, pause=0.1):
    """Ask until the answer is true and return it; AssertionError saying `what` did not happen.

    The time is generous, 150 s and more on a busy machine, for only a test that fails spends all of
    it; where being late is a fault, the test says how many seconds it may take.
    """
    began = time.monotonic()
    while not (answer := ask()):
        limit = seconds or 150 * busy()
        assert time.monotonic() - began < limit, (
            f"not within {limit:.0f} s: {what}; the answer was {answer!r}")
        time.sleep(pause)
    return answer
