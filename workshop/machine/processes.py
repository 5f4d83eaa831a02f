"""Other processes of this machine: what one was started as, and which one has a port."""
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

PROC = Path("/proc")
LISTEN = "0A"       # a socket's state in /proc/net/tcp


def command(pid: int) -> str:
    """The command line of a process, its words separated by spaces; "" where there is none.

    Linux tells it in /proc; macOS by `ps`; Windows by PowerShell, which has not been tried.
    """
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return ""
    if sys.platform.startswith("linux"):
        try:
            words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return ""
        return " ".join(os.fsdecode(word) for word in words).strip()
    ask = (["powershell", "-NoProfile", "-Command", "(Get-CimInstance Win32_Process -Filter "
            f"'ProcessId={pid}').CommandLine"] if os.name == "nt"
           else ["ps", "-ww", "-o", "command=", "-p", str(pid)])
    try:
        return subprocess.run(ask, capture_output=True, text=True, errors="replace",
                              timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def memory(pid: int) -> int | None:
    """Bytes of memory that a process has now (its resident set); None where that cannot be seen."""
    try:
        if sys.platform.startswith("linux"):
            fields = (PROC / str(pid) / "status").read_text(encoding="utf-8").split("VmRSS:")[1]
        else:
            fields = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True,
                                    text=True, timeout=20).stdout
        return int(fields.split()[0]) * 1024
    except (OSError, IndexError, ValueError, subprocess.SubprocessError):
        return None


def listener(port: int) -> str:
    """Who listens on the port, for a message: "process 12 (nginx)"; "" where it cannot be seen.

    Linux shows the processes of other users to root only.
    """
    inodes = _inodes(port)
    for folder in PROC.glob("[0-9]*") if inodes else ():
        with contextlib.suppress(OSError):
            if any(os.readlink(link) in inodes for link in (folder / "fd").iterdir()):
                return f"process {folder.name} ({command(int(folder.name))[:200]})"
    return ""


def _inodes(port: int) -> set[str]:
    """The sockets that listen on a port, as links in /proc name them."""
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text(encoding="utf-8").splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{fields[9]}]")
    return found


def accepts(address: str, port: int) -> bool:
    """Whether anything accepts connections on an address of this machine, such as "::1"."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.settimeout(1)
            return probe.connect_ex((address, port)) == 0
    except OSError:         # there is no IPv6 here
        return False
