"""What runs now: the local cloud, its memory, and the packages that are still being installed."""
import time

from workshop.local import lifecycle
from workshop.local.addresses import CloudError
from workshop.machine import environment, groups


def main() -> int:
    """Print a line each; exit status 1 where the local cloud's port is somebody else's."""
    print(packages(environment.missing(), groups.progress()))
    try:
        print(cloud(lifecycle.status()))
    except CloudError as error:
        print(error)
        return 1
    return 0


def packages(missing: list[str], progress: str) -> str:
    """Which groups of packages are still to be installed, in one line."""
    return f"packages: {', '.join(missing)} not installed yet; {progress}" if missing \
        else "packages: complete"


def cloud(status: dict) -> str:
    """The local cloud in one line; `status` as `lifecycle.status` returns it."""
    if not status["running"]:
        return f"local cloud: not running (port {status['port']})"
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(status["since"]))
    memory = f"{status['memory'] / 1e6:.0f} MB" if status["memory"] else "unknown"
    return (f"local cloud: port {status['port']}, process {status['pid']}, since {since}, "
            f"memory {memory}, {status['containers']} containers")
