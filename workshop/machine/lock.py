"""One command at a time does a thing in this clone."""
from contextlib import contextmanager

from workshop.machine.paths import BUILD

try:
    import fcntl
except ImportError:      # Windows: no such lock, and no harm but for two commands at once
    fcntl = None


@contextmanager
def one_at_a_time(name: str):
    """Hold the lock `name`, waiting for it if need be; gives the lock's file descriptor.

    A child that inherits the descriptor keeps the lock held, so that what a killed command
    left running is waited for, and not worked against.
    """
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / f"{name}.lock", "w", encoding="utf-8") as lock:
        if fcntl:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{name}: another command is at work on it; waiting …", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()
