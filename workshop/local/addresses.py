"""Where the local cloud is: its account and Region, its port, its address and its folder."""
import os
from pathlib import Path

from workshop.machine import paths

ACCOUNT = "012345678912"  # the account that the Runtime Interface Emulator puts into every ARN
REGION = "us-east-1"
DEFAULT_PORT = 4566


class CloudError(RuntimeError):
    """The cloud cannot be used; the message says why and what to do."""


def port() -> int:
    """The local cloud's port: WORKSHOP_PORT, else 4566."""
    value = os.environ.get("WORKSHOP_PORT") or DEFAULT_PORT
    try:
        number = int(value)
    except ValueError:
        number = 0
    if not 1024 <= number <= 65535:
        raise CloudError(f"WORKSHOP_PORT is {value!r}: set it to a number from 1024 to 65535.")
    return number


def url(number: int | None = None) -> str:
    """The local cloud's address."""
    return f"http://localhost:{number or port()}"


def state_folder(number: int | None = None) -> Path:
    """build/cloud/PORT: pid, keys, log and temporary files of the local cloud."""
    return paths.BUILD / "cloud" / str(number or port())


def pid_path(number: int | None = None) -> Path:
    """The file that is there while the local cloud runs, or where one was killed."""
    return state_folder(number) / "pid"


def log_path(number: int | None = None) -> Path:
    """The local cloud's own log, the place to look when it behaves strangely."""
    return state_folder(number) / "log"
