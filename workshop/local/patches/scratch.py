"""A function's /tmp: a disk of its own, as large as the function asks for (`EphemeralStorage`).

A tmpfs would count as the function's memory, and an ordinary volume is as large as the engine's
disk. So a helper container makes disks from files (loop_disk.py), and the engine mounts them. The
helper may make and open loop devices, and nothing else: it has no network and no other capability.
An engine that gives no loop devices (a rootless one) is left with ordinary volumes.
"""
import inspect
import logging
import threading

from workshop.local import limits
from workshop.local.patches import loop_disk

OPTIONS = "nosuid,nodev,noatime"
_starting = threading.Lock()
_helper = None
_without = ""           # why there are no disks here; "" as long as there are


def mount(client, config: dict, helper_labels: dict[str, str]):
    """The mount (docker.types) of /tmp for a new environment of a function.

    helper_labels: by which the helper is found when the local cloud stops.
    """
    from docker.types import DriverConfig, Mount
    size = (config.get("EphemeralStorage") or {}).get("Size", limits.STORAGE[0])
    if not _without:
        try:
            device = _disk(client, size, helper_labels)
            return Mount("/tmp", None, no_copy=True, driver_config=DriverConfig(
                "local", {"type": "ext4", "device": device, "o": OPTIONS}))
        except Exception as error:
            do_without(error)
    return Mount("/tmp", None)


def do_without(error: Exception) -> None:
    """From now on, /tmp is an ordinary volume: the engine cannot make or mount a disk."""
    global _without
    _without = str(error) or type(error).__name__
    logging.getLogger(__name__).warning("/tmp is as large as the disk, because: %s", _without)


def is_limited() -> bool:
    """Whether a new environment's /tmp gets its size."""
    return not _without


def _disk(client, size: int, helper_labels: dict[str, str]) -> str:
    """The name of a new block device with an empty file system for `size` MB.

    Raises:
        RuntimeError: it could not be made; the message is the helper's.
    """
    import docker
    command = ["python3", "-I", "-c", inspect.getsource(loop_disk), str(size)]
    helper = _running(client, helper_labels)
    try:
        status, output = helper.exec_run(command)
    except docker.errors.APIError:      # somebody removed the helper: one more try with another
        status, output = _running(client, helper_labels, instead_of=helper).exec_run(command)
    if status:
        raise RuntimeError(output.decode("utf-8", "replace").strip())
    return output.decode().strip()


def _running(client, helper_labels: dict[str, str], instead_of=None):
    """The helper, started when there is none, or when it is the one that does not answer."""
    global _helper
    with _starting:
        if _helper is instead_of:
            _helper = _start(client, helper_labels)
        return _helper


def _start(client, helper_labels: dict[str, str]):
    """Start the helper; its image is the functions' base, which has a Python."""
    from workshop.machine import base_image
    return client.containers.run(
        base_image.get(), entrypoint=["sleep"], command=["infinity"], detach=True, init=True,
        labels=helper_labels, user="0:0", network_mode="none", read_only=True,
        cap_drop=["ALL"], cap_add=["MKNOD"], security_opt=["no-new-privileges"],
        volumes=[loop_disk.FILES], devices=[f"{loop_disk.CONTROL}:{loop_disk.CONTROL}:rw"],
        device_cgroup_rules=[f"b {loop_disk.MAJOR}:* rwm"])
