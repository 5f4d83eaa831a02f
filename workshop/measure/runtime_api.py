"""Stands in for Lambda's Runtime API, inside an image, and times what the image does.

Mounted read-only into a container of that image and run by its Python: standard library only. It
takes one JSON object a line on standard input and answers each with one line:

    {"do": "init", "command": [...], "environment": {...}}   start the image's own entry point
    {"do": "invoke", "event": ..., "times": 20}              send it requests, one after the other
    {"do": "log"}                                            what it has written so far
    {"do": "stop"}                                           end it
    {"do": "call", "handler": ..., "event": ..., "times": …} time handler and session.run as calls
    {"do": "forget"}                                         drop the files' pages from memory
    {"do": "files", "folders": [...]}                        sizes of files

A failure is answered with {"error": "what happened"}. At the end of the input, it ends.

INIT is the time from spawning the entry point to its first GET …/invocation/next: then the
runtime has imported the handler, and Lambda would hand it a request. On Lambda it has a CPU to
itself; here others may work on the same one. `init_ms` is without the time in which the process
was ready to run and they had the CPU, as the kernel counts it; `init_wall_ms` is by the clock.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

VERSION = "/2018-06-01/runtime"
PATIENCE = 60               # seconds for INIT or for one request
PYTHONPATH = "/var/task:/opt/python/lib/python3.13/site-packages:/opt/python:/var/runtime"
NOT_FILES = {"proc", "sys", "dev", "tmp", "measure"}    # folders of / that are not the image's
MB = 2 ** 20


class RuntimeApiError(Exception):
    """The image did not do what was asked; the message says what it did instead."""


class Runtime:
    """One start of the image's entry point, which talks to us as it would to Lambda."""

    def __init__(self, command, environment=None):
        self.count, self.connections = 0, {}
        self.log = tempfile.TemporaryFile(dir="/tmp")
        self.kills = memory_kills()
        self.listener = socket.create_server(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        variables = {**os.environ, **(environment or {}), "AWS_LAMBDA_RUNTIME_API": address}
        began = time.perf_counter_ns()
        try:
            self.process = subprocess.Popen(
                command, env=variables, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                start_new_session=True)
        except OSError as error:
            raise RuntimeApiError(f"its entry point {command} cannot be started: {error}") from None
        dies_first(self.process.pid)
        try:
            ended, self.waiting = self.next_request()
        except BaseException:
            self.stop()
            raise
        took, wall = consumed(self.process.pid), (ended - began) / 1e6
        self.started = {"init_ms": wall - (took["others_ms"] or 0), "init_wall_ms": wall, **took}

    def invoke(self, event):
        """Send one request; return its milliseconds, from event sent to answer had, and answer."""
        self.count += 1
        body = json.dumps(event).encode()
        connection, self.waiting = self.waiting, None
        began = time.perf_counter_ns()
        respond(connection, "200 OK", body, {
            "Lambda-Runtime-Aws-Request-Id": "measure-%d" % self.count,
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() + PATIENCE) * 1000),
            "Lambda-Runtime-Invoked-Function-Arn":
                "arn:aws:lambda:us-east-1:000000000000:function:measure",
            "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0"})
        ended, path, answer, connection = self.receive()
        if not path.endswith("/response"):
            raise RuntimeApiError("the request failed: " + words(answer))
        respond(connection, "202 Accepted")
        _, self.waiting = self.next_request()
        return (ended - began) / 1e6, json.loads(answer or b"null")

    def stop(self):
        """End it, and forget what it said."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        for one in (self.listener, self.log, *self.connections):
            one.close()

    def next_request(self):
        """Wait for GET …/invocation/next; return when it came, and on which connection."""
        when, path, body, connection = self.receive()
        if path == VERSION + "/invocation/next":
            return when, connection
        respond(connection, "202 Accepted")
        if path == VERSION + "/init/error":
            raise RuntimeApiError(words(body))
        raise RuntimeApiError(f"it asked the Runtime API for {path} in place of the next request")

    def receive(self):
        """Wait for a whole HTTP request; return when it came (ns), path, body and connection."""
        deadline = time.monotonic() + PATIENCE
        while True:
            ready, _, _ = select.select([self.listener, *self.connections], [], [], 0.05)
            now = time.perf_counter_ns()
            for one in ready:
                if one is self.listener:
                    connection, _ = one.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.connections[connection] = b""
                elif request := self.read(one):
                    return now, *request, one
            if not ready:
                self.check_alive(deadline)

    def read(self, connection):
        """Read what has come; return (path, body) once the request is whole, else None."""
        try:
            data = connection.recv(MB)
        except ConnectionError:
            data = b""
        if not data:
            del self.connections[connection]
            connection.close()
            return None
        head, end, body = (self.connections[connection] + data).partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not end or len(body) < int(length[1] if length else 0):
            self.connections[connection] += data
            return None
        self.connections[connection] = b""
        return head.split(b" ", 2)[1].decode(), body

    def check_alive(self, deadline):
        """Raise RuntimeApiError when the process has ended, or time is up."""
        status = self.process.poll()
        if status is None and time.monotonic() < deadline:
            return
        if status is None:
            reason = f"no answer within {PATIENCE} s"
        elif memory_kills() > self.kills:
            reason = "killed because it took more memory than there is"
        else:
            reason = f"ended with status {status}"
        raise RuntimeApiError("\n  ".join([reason, *self.said().strip().splitlines()[-5:]]))

    def said(self):
        """What it has written to standard output and standard error so far."""
        return os.pread(self.log.fileno(), 16 * MB, 0).decode(errors="replace")


def respond(connection, status, body=b"", headers=()):
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in dict(headers).items())]
    connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)


def words(body):
    """What the runtime says of an error, in one line."""
    error = json.loads(body or b"{}")
    return f"{error.get('errorType')}: {error.get('errorMessage')}"


# ---------------------------------------------------------------- what the kernel counts

def consumed(pid):
    """What a process has taken so far, as the kernel counts it; None where it does not.

    cpu_ms: on the CPU, all threads. read_mb: fetched from the disk. others_ms: how long its first
    thread was ready to run while the work of others had the CPU. (The first thread may also wait
    for the process's other threads: what these ran is not counted as others'.)
    """
    cpu = others = read = None
    try:
        cpu = time.clock_gettime(~pid << 3 | 2) * 1000      # the process's own clock
        first, waited, _ = map(int, read_text(f"/proc/{pid}/schedstat").split())
        others = max(0.0, waited / 1e6 - max(0.0, cpu - first / 1e6))
    except OSError:
        pass
    try:
        read = int(re.search(r"^read_bytes: (\d+)", read_text(f"/proc/{pid}/io"), re.M)[1]) / MB
    except OSError:
        pass
    return {"cpu_ms": cpu, "others_ms": others, "read_mb": read}


def peak_mb():
    """The most memory (MB) that processes in this container other than this one have held."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            peak = re.search(r"^VmHWM:\s+(\d+) kB", read_text(f"/proc/{pid}/status"), re.M)
        except OSError:
            continue                    # it has just ended
        if peak and int(pid) != os.getpid():
            total += int(peak[1]) / 1024
    return total


def memory_kills():
    """How many processes of this container the kernel has killed for want of memory."""
    for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        try:
            return int(re.search(r"^oom_kill (\d+)", read_text(path), re.M)[1])
        except (OSError, TypeError):
            pass
    return 0


def dies_first(pid):
    """When memory runs out, the kernel shall end this process and not ours."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def read_text(path):
    with open(path) as file:
        return file.read()


# ---------------------------------------------------------------- the image's files

def files(folder):
    """(path, size) of each regular file below a folder; links are not followed."""
    for parent, folders, names in os.walk(folder):
        if parent == "/":
            folders[:] = [name for name in folders if name not in NOT_FILES]
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path, os.path.getsize(path)


def forget():
    """Ask the kernel to drop the pages of all files of this image; return how many files.

    posix_fadvise needs no rights but to read the file and touches nothing else on the machine,
    where /proc/sys/vm/drop_caches needs root, and empties the cache of everyone. Pages that some
    running process has mapped stay, with both ways: this Python's own are among them.
    """
    count = 0
    for path, _ in IMAGE_FILES or IMAGE_FILES.extend(files("/")) or IMAGE_FILES:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            continue                    # not for this user
        try:
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            count += 1
        finally:
            os.close(handle)
    return count


IMAGE_FILES = []


# ---------------------------------------------------------------- the commands

def call(handler, event, times):
    """Time handler and session.run by in_process.py, in a process of its own."""
    given = json.dumps({"handler": handler, "event": event, "times": times})
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "in_process.py")
    try:
        done = subprocess.run(["python3", script, given], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": PYTHONPATH}, timeout=5 * PATIENCE)
    except subprocess.TimeoutExpired:
        raise RuntimeApiError(f"{times} calls of the handler took more than {5 * PATIENCE} s"
                              ) from None
    if done.returncode:
        raise RuntimeApiError("\n  ".join(["calling the handler failed",
                                           *done.stderr.splitlines()[-5:]]))
    return json.loads(done.stdout)


def main():
    runtime = None
    for line in sys.stdin:
        given = json.loads(line)
        do = given.pop("do")
        try:
            if do == "init":
                if runtime:             # left from a request that was not answered as expected
                    runtime.stop()
                runtime = Runtime(**given)
                answer = runtime.started
            elif do == "invoke":
                made = [runtime.invoke(given["event"]) for _ in range(given["times"])]
                answer = {"ms": [ms for ms, _ in made], "answer": made[-1][1],
                          "peak_mb": peak_mb()}
            elif do == "log":
                answer = {"text": runtime.said()}
            elif do == "stop":
                runtime.stop()
                runtime, answer = None, {}
            elif do == "call":
                answer = call(**given)
            elif do == "forget":
                answer = {"files": forget()}
            elif do == "files":
                answer = {"files": [one for folder in given["folders"] for one in files(folder)]}
        except RuntimeApiError as failure:
            if runtime:
                runtime.stop()
                runtime = None
            answer = {"error": str(failure)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
