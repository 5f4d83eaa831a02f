"""Waiting, in tests, for what happens elsewhere: a container that ends, a message that comes."""
import time


def until(ask, what, seconds=150, pause=0.1):
    """Ask until the answer is true and return it; AssertionError saying `what` did not happen.

    The time is generous, for only a test that fails spends all of it; where being late is a fault,
    the test says how many seconds it may take.
    """
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}; the answer was {answer!r}"
        time.sleep(pause)
    return answer
