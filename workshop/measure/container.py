"""A container of one image, kept alive, in which runtime_api.py starts and times the image."""
import functools
import json
import math
import subprocess
import tempfile
import uuid
from pathlib import Path

from workshop.local import limits
from workshop.machine import engine, labels
from workshop.machine.paths import BUILD

HERE = Path(__file__).parent
PERIOD = 20_000     # microseconds of the scheduler's period that the CPU's cap refers to
LEAST_QUOTA = 1_000             # microseconds; the kernel takes no less
OWN_MB = 8         # what the stand-in itself takes, on top of the function's memory


class MeasureError(RuntimeError):
    """Something could not be measured; the message says what and why."""


class Container:
    """`with Container("churn:v1", memory=1769) as container: container.start(event)`.

    As in Lambda: a read-only root, /tmp, an unprivileged user without capabilities, no shared
    memory, capped memory (MB), and one full CPU while it starts. There is no network but loopback.
    processors: how many the image sees. Lambda shows two up to 3,008 MB; with one, which is usual
    here, a start is timed more steadily.
    """

    def __init__(self, image: str, memory: int, processors: int = 1):
        self.image, self.memory, self.processors = image, memory, processors
        self.name = f"workshop-measure-{uuid.uuid4().hex[:8]}"
        self.command = _command(image)
        self.cpus = 1.0

    def __enter__(self):
        limit = f"{self.memory + OWN_MB}m"
        # One processor is a cap in itself.
        cap = [f"--cpu-period={PERIOD}", f"--cpu-quota={PERIOD}"] if self.processors > 1 else []
        self.errors = tempfile.TemporaryFile("w+")
        # A session of its own: a Ctrl-C is for us, and we end the container. Should we be killed,
        # its input ends, and with that it does. Removed when it ends.
        self.process = subprocess.Popen(
            ["docker", "run", "--interactive", "--rm", "--name", self.name, *engine.NO_PROXY,
             "--label", labels.WORKSHOP, "--label", labels.OURS, "--read-only",
             "--tmpfs", "/tmp:size=512m",
             "--network", "none", "--ipc", "none", "--user", limits.SANDBOX, "--cap-drop", "ALL",
             "--security-opt", "no-new-privileges", "--memory", limit, "--memory-swap", limit,
             "--cpuset-cpus", _cores(self.processors), *cap,
             "--volume", f"{_scripts()}:/measure:ro",
             "--entrypoint", "python3", self.image, "-I", "-S", "/measure/runtime_api.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            start_new_session=True)
        return self

    def __exit__(self, *_):
        try:
            self.process.stdin.close()
            self.process.wait(5)
        except (subprocess.TimeoutExpired, OSError):
            engine.docker("rm", "--force", self.name)
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def ask(self, do: str, **given) -> dict:
        """Have the stand-in do one thing and return its answer; MeasureError has its words."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **given}) + "\n")
            self.process.stdin.flush()
        except OSError:
            pass                        # it has ended: the next line says so
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            raise MeasureError(f"{self.image}: its container ended: "
                               f"{self.errors.read().strip() or 'without a word'}")
        answer = json.loads(line)
        if "error" in answer:
            raise MeasureError(f"{self.image}: {answer['error']}")
        return answer

    def start(self, event: dict, warm: int = 0) -> tuple[dict, list[float]]:
        """Start the image once, send it `1 + warm` requests, end it.

        Returns what the start took (init_ms, first_ms, peak_mb and more) and the warm requests'
        milliseconds.
        """
        self.limit(1.0)                 # INIT has a full CPU
        took = self._init()
        self.limit(self.memory / limits.VCPU_MEMORY)
        first = self.ask("invoke", event=event, times=1)
        self._check(first["answer"])
        rest = self.ask("invoke", event=event, times=warm) if warm else first
        self.ask("stop")
        took |= {"first_ms": first["ms"][0], "peak_mb": rest["peak_mb"]}
        return took, rest["ms"] if warm else []

    def answers(self, events: list[dict]) -> list:
        """Start the image once and return what it answers to each event."""
        self.limit(1.0)
        self._init()
        self.limit(self.memory / limits.VCPU_MEMORY)
        answers = [self.ask("invoke", event=event, times=1)["answer"] for event in events]
        self.ask("stop")
        return answers

    def log(self, environment: dict) -> str:
        """Start the image once with these variables and return what it wrote until it was ready."""
        self.limit(1.0)
        self._init(**environment)
        text = self.ask("log")["text"]
        self.ask("stop")
        return text

    def limit(self, cpus: float) -> None:
        """Hold the container to so many CPUs."""
        cpus = min(cpus, _count())
        if cpus == self.cpus:
            return
        quota = max(LEAST_QUOTA, round(PERIOD * cpus))
        answer = engine.docker("update", "--cpu-period", str(PERIOD), "--cpu-quota", str(quota),
                               "--cpuset-cpus", _cores(max(self.processors, math.ceil(cpus))),
                               self.name)
        if answer.returncode:
            raise MeasureError(f"{self.image}: its CPU cannot be capped: {answer.stderr.strip()}")
        self.cpus = cpus

    def _init(self, **variables) -> dict:
        return self.ask("init", command=self.command, environment={
            "AWS_LAMBDA_FUNCTION_NAME": "measure", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory), "AWS_REGION": "us-east-1",
            **variables})

    def _check(self, answer) -> None:
        """A function that refuses its request is not worth timing."""
        status = answer.get("statusCode", 200) if isinstance(answer, dict) else 200
        if status >= 400:
            raise MeasureError(f"{self.image}: the request was not answered: "
                               f"{json.dumps(answer)[:300]}")


def inspect(image: str) -> dict:
    """`docker image inspect` of a local image; raises MeasureError where there is none."""
    answer = engine.docker("image", "inspect", image)
    if answer.returncode:
        raise MeasureError(f"there is no image {image}: build it first")
    return json.loads(answer.stdout)[0]


def _scripts() -> Path:
    """A folder with what runs inside, which Lambda's user can read whatever your umask is."""
    folder = BUILD / "measure" / "inside"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    for name in ("runtime_api.py", "in_process.py"):
        source, copy = HERE / name, folder / name
        if not copy.is_file() or copy.read_bytes() != source.read_bytes():
            copy.write_bytes(source.read_bytes())
        copy.chmod(0o644)
    return folder


def _command(image):
    """What Docker would run: entry point and arguments."""
    config = inspect(image)["Config"]
    return [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]


@functools.cache
def _count() -> int:
    """How many cores the engine's machine has."""
    return int(engine.look().info.get("NCPU") or 1)


def _cores(many: int) -> str:
    """The last cores of the engine's machine, in Docker's words."""
    count = _count()
    return ",".join(str(count - 1 - i) for i in range(min(max(many, 1), count)))
