"""What a function logs: AWS's lines, with honest figures, one stream for each environment.

The Runtime Interface Emulator (RIE) writes its own notes between the function's lines, counts INIT
into the first Duration, and reports the memory *size* as the memory used.
"""
import contextlib
import math
import re
import threading
import time
from pathlib import Path

from workshop.local import limits
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import grants

NOISE = re.compile(r"\(rapid\)")  # how the emulator marks its own notes
INIT_DONE = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)")
INIT_PHASE = re.compile(r"INIT START\(.*phase: (\w+)\)")
DURATION = re.compile(r"\tDuration: ([\d.]+) ms")
MEGABYTE = 1024 * 1024


def apply(port: int) -> None:
    """Write to CloudWatch Logs what `lines` makes of an invoke."""
    from ministack.services import lambda_svc
    lambda_svc._emit_lambda_logs = emit


class Log:
    """Everything that a container writes. Make it before the container starts, or lines are lost.

    `settled` is called once, when INIT is over. After limits.INIT seconds of it, the container is
    killed, and `stopped` has how long INIT took (seconds). `init_counts`: INIT is part of the first
    invoke, and not limited. MiniStack asks the engine for "the lines since": with an engine in a
    virtual machine, whose clock differs, lines are lost or come twice.
    """

    def __init__(self, container, settled):
        self.container, self.settled = container, settled
        self.entries: list[tuple[str, bool]] = []  # (line, whether from stderr)
        self.taken, self.initialised = 0, False
        self.stopped, self.init_counts = 0.0, False
        self.peak, self.watching = 0, False  # MB
        self.change = threading.Condition()
        self.written = container.attach(stdout=True, stderr=True, stream=True, demux=True)
        threading.Thread(target=self._follow, daemon=True, name="workshop-log").start()

    def _follow(self) -> None:
        rest = {False: b"", True: b""}
        with contextlib.suppress(Exception):  # the container has gone: nothing more to read
            for chunks in self.written:
                for from_stderr, chunk in zip((False, True), chunks):
                    *whole, rest[from_stderr] = (rest[from_stderr] + (chunk or b"")).split(b"\n")
                    self._add([line.decode("utf-8", "replace") for line in whole], from_stderr)
        self._add([end.decode("utf-8", "replace") for end in rest.values() if end], False)
        with self.change:
            self.initialised = True     # or it never will be
            self.change.notify_all()

    def _add(self, lines: list[str], from_stderr: bool) -> None:
        with self.change:
            self.entries += [(line, from_stderr) for line in lines]
            self.initialised |= from_stderr and any(INIT_DONE.search(line) for line in lines)
            self.change.notify_all()
        if from_stderr and any(INIT_PHASE.search(line) for line in lines):
            threading.Thread(target=self._limit_init, daemon=True, name="workshop-init").start()
        if from_stderr and any(INIT_DONE.search(line) for line in lines) and self.settled:
            settled, self.settled = self.settled, None
            settled()

    def _limit_init(self) -> None:
        """End the container if INIT is not over in time."""
        began = time.monotonic()
        with self.change:
            if self.change.wait_for(lambda: self.initialised or self.init_counts, limits.INIT):
                return
            self.stopped = time.monotonic() - began
        with contextlib.suppress(Exception):    # it has just gone
            self.container.kill()

    def take(self, marker: str, patience: float) -> list[tuple[str, bool]]:
        """What came since the last call, once a line that starts with `marker` is among it.

        Waits `patience` seconds at most: a run that is ended from outside leaves no last line. An
        emulator that does not tell of INIT is waited for once.
        """
        def there():  # on two pipes, the last line may overtake INIT's report
            return self.initialised and any(
                line.startswith(marker) for line, _ in self.entries[self.taken:])
        with self.change:
            self.change.wait_for(there, timeout=patience)
            new, self.taken = self.entries[self.taken:], len(self.entries)
            self.initialised |= any(line.startswith(marker) for line, _ in new)
        return new

    def memory_used(self, limit: int) -> int:
        """The most memory that the environment has used so far, in MB, at most `limit`."""
        used = kernel_peak(self.container, limit * MEGABYTE)
        if used is None:
            self._watch()
        with self.change:
            self.peak = max(self.peak, math.ceil((used or 0) / MEGABYTE))
            self.change.wait_for(lambda: self.peak, timeout=2)
        return min(self.peak, limit)

    def _watch(self) -> None:
        """Keep the peak of the engine's own figures, one a second (asking once takes as long)."""
        def watch():
            with contextlib.suppress(Exception):  # the container has gone: what we knew stands
                for figures in self.container.stats(stream=True, decode=True):
                    with self.change:
                        self.peak = max(self.peak, math.ceil(engine_figure(figures) / MEGABYTE))
                        self.change.notify_all()
        if not self.watching:
            self.watching = True
            threading.Thread(target=watch, daemon=True, name="workshop-memory").start()


def kernel_peak(container, limit: int) -> int | None:
    """The kernel's peak for the container's cgroup in bytes, without files it may forget.

    It is the limit itself (bytes) once a process there was killed for want of memory: the files
    that were forgotten then are not known any more.
    None where the engine runs in a virtual machine, so that its cgroups are not ours to read.
    """
    process = container.attrs["State"]["Pid"]
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/cgroup").read_text(encoding="utf-8").splitlines():
            _number, controllers, name = line.split(":", 2)
            folder, figures, kills = cgroup(controllers, name)
            if container.id in name and folder:
                if figure(folder / kills, "oom_kill"):
                    return limit
                used = next(int(file.read_bytes()) for file in map(folder.joinpath, figures)
                            if file.exists())
                return used - figure(folder / "memory.stat", "inactive_file")
    return None


def figure(file: Path, name: str) -> int:
    """The number on the line `NAME NUMBER` of a cgroup's file; 0 where there is none."""
    found = re.search(rf"^{name} (\d+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found.group(1)) if found else 0


def cgroup(controllers: str, name: str) -> tuple[Path | None, tuple[str, ...], str]:
    """Where a cgroup's memory figures are (versions 1 and 2).

    Its folder, the files that tell the peak, best first, and the file that counts kills.
    """
    if "memory" in controllers.split(","):
        return (Path("/sys/fs/cgroup/memory" + name), ("memory.max_usage_in_bytes",),
                "memory.oom_control")
    if not controllers:  # memory.peak came with Linux 5.19
        return Path("/sys/fs/cgroup" + name), ("memory.peak", "memory.current"), "memory.events"
    return None, (), ""


def engine_figure(figures: dict) -> int:
    """The memory in use, in bytes, from one of the engine's statistics."""
    memory = figures.get("memory_stats", {})
    detail = memory.get("stats", {})
    used = memory.get("max_usage") or memory.get("usage") or 0
    return used - detail.get("total_inactive_file", detail.get("inactive_file", 0))


def lines(entries: list[tuple[str, bool]], request_id: str, config: dict, log: Log,
          elapsed: float, failure: str | None = None) -> list[str]:
    """AWS's log lines of one invoke.

    Args:
        entries: what the container wrote meanwhile.
        elapsed: seconds that the invoke took, used when the emulator reports no duration.
        failure: what ended the run from outside (time-out, crash), in AWS's words.
    """
    written, own = [line for line, _ in entries], of_the_function(entries, request_id)
    notes = "\n".join(line for line, from_stderr in entries if from_stderr and NOISE.search(line))
    report = next((line for line in written if line.startswith(f"REPORT RequestId: {request_id}")),
                  "")
    measured = DURATION.search(report)
    took = float(measured.group(1)) if measured else elapsed * 1000
    init = INIT_DONE.search(notes)
    phase = INIT_PHASE.search(notes)
    first = init and phase and phase.group(1) == "init" and not log.init_counts
    # INIT before the first invoke is counted apart; repeated, it is part of the run.
    init_ms = float(init.group(1)) if first else 0.0
    took = max(took - init_ms, 0.01)
    memory = int(config.get("MemorySize", 128))
    figures = [f"REPORT RequestId: {request_id}", f"Duration: {took:.2f} ms",
               f"Billed Duration: {math.ceil(took + init_ms)} ms", f"Memory Size: {memory} MB",
               f"Max Memory Used: {log.memory_used(memory)} MB"]
    if init_ms:
        figures.append(f"Init Duration: {init_ms:.2f} ms")
    return [f"START RequestId: {request_id} Version: {config.get('Version', '$LATEST')}", *own,
            *([failure] if failure else []), f"END RequestId: {request_id}",
            "\t".join(figures) + "\t"]


def of_the_function(entries: list[tuple[str, bool]], request_id: str) -> list[str]:
    """The lines that the function wrote itself; the emulator adds an empty one now and then."""
    platform = tuple(f"{word} RequestId: {request_id}" for word in ("START", "END", "REPORT"))
    return [line for line, from_stderr in entries
            if line and not line.startswith(platform) and not (from_stderr and NOISE.search(line))]


def lines_of_stopped_init(log: Log, request_id: str) -> list[str]:
    """AWS's log lines of an INIT that took too long: the function's, and one that says so."""
    return [*of_the_function(log.take("", 0), request_id),
            f"INIT_REPORT Init Duration: {log.stopped * 1000:.2f} ms\tPhase: init\tStatus: timeout"]


def log_group(config: dict) -> str:
    """The log group that a function writes to."""
    return ((config.get("LoggingConfig") or {}).get("LogGroup")
            or f"/aws/lambda/{config['FunctionName']}")


def emit(func, request_id, log_text, error, duration_ms, *, log_source=None) -> None:
    """Write an invoke's lines to CloudWatch Logs, into the stream of the environment it ran in.

    MiniStack makes a new stream for every invoke. A failure here must never break an invoke.
    """
    from ministack.services import lambda_svc
    config = func.get("config") or func
    stream_name = streams.pop(request_id, None)
    if not log_text or not stream_name:
        return  # throttled, or no environment could be started: on AWS nothing is logged either
    try:
        if may_write(config["Role"], log_group(config), stream_name):
            write(log_group(config), stream_name, log_text.split("\n"))
    except Exception as failed:
        lambda_svc.logger.warning("no log written for request %s: %s", request_id, failed)


def may_write(role: str, group: str, stream: str) -> bool:
    """Whether a function's or an endpoint's role lets it write its log; without, there are no
    lines, as on AWS."""
    from ministack.services import cloudwatch_logs
    actions = ["CreateLogStream", "PutLogEvents"]
    if group not in cloudwatch_logs._log_groups:
        actions.append("CreateLogGroup")
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:{stream}"
    return all(grants.role_may(role, f"logs:{one}", arn) for one in actions)


def write(group_name: str, stream_name: str, lines: list[str], end: str = "\n") -> None:
    """Append lines to a stream of CloudWatch Logs; group and stream are made when missing.

    end: what each event's message ends with.
    """
    from ministack.services import cloudwatch_logs
    now = int(time.time() * 1000)
    group = cloudwatch_logs._log_groups.get(group_name)
    if group is None:
        group = cloudwatch_logs._log_groups[group_name] = {
            "arn": cloudwatch_logs._make_group_arn(group_name), "creationTime": now,
            "retentionInDays": None, "tags": {}, "subscriptionFilters": {}, "streams": {}}
    stream = group["streams"].setdefault(stream_name, {
        "events": [], "uploadSequenceToken": "1", "creationTime": now,
        "firstEventTimestamp": None, "lastEventTimestamp": None, "lastIngestionTime": None})
    events = [{"timestamp": now, "message": line + end, "ingestionTime": now}
              for line in lines]
    cloudwatch_logs._append_log_events(stream, events)
    cloudwatch_logs._fanout_to_subscription_filters(
        group_name, stream_name,
        [{"timestamp": now, "message": event["message"]} for event in events])


streams: dict[str, str] = {}  # request id → log stream of the environment that serves it
