"""Waiting for what happens elsewhere, and in the end: a message that comes, a thing that goes."""
import time

PATIENCE = 240      # seconds


def until(ask, otherwise="", patience=PATIENCE, pause=0.5):
    """Ask until the answer is true, and return it.

    ask: a function without arguments. otherwise: what is wrong if it never is, for the error's
    text. patience, pause: seconds. Raises TimeoutError when patience is over.
    """
    deadline = time.monotonic() + patience
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {patience} s {otherwise or f'still {answer!r}'}.")
        time.sleep(pause)
    return answer
