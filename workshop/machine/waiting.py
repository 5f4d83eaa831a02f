"""Waiting for what happens elsewhere, and in the end: a message that comes, a thing that goes."""
import os
import time

PATIENCE = 240      # seconds
MOST = 8            # times a patience: what is still not there then is not late, but lost


def until(ask, otherwise="", patience=PATIENCE, pause=0.5):
    """Ask until the answer is true, and return it.

    ask: a function without arguments. otherwise: what is wrong if it never is, for the error's
    text. patience, pause: seconds; on a busy machine patience is longer. Raises TimeoutError when
    patience is over.
    """
    began = time.monotonic()
    while not (answer := ask()):
        if time.monotonic() - began > (limit := patience * busy()):
            raise TimeoutError(f"After {limit:.0f} s {otherwise or f'still {answer!r}'}.")
        time.sleep(pause)
    return answer


def busy() -> float:
    """How many processes want each processor, over the last minute: 1 to MOST; 1 on Windows."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    return min(MOST, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
