"""The measurements: many starts of several images, in turn."""
import contextlib
import json
import os
import random
import re
import statistics
from collections.abc import Iterable
from datetime import datetime, timezone

from workshop import cost
from workshop.machine import engine, labels
from workshop.machine.paths import BUILD
from workshop.machine.progress import Line
from workshop.measure import sizes
from workshop.measure.container import Container, MeasureError, inspect
from workshop.measure.figures import summary
from workshop.measure.variants import (
    EMPTY,
    EVERY,
    IMAGE_LADDER,
    LADDER,
    RAW,
    Variant,
    build,
    earlier,
    own_files,
)

FOLDER = BUILD / "measure"
MEMORIES = (128, 256, 512, 1024, 1769, 3008)
WARM = 20               # warm requests after each start
AT_MOST = "WORKSHOP_STARTS"
CALLS, ROUNDS = 200, 3  # of handler and session.run in one process, and such processes

CANNOT_SEE = [
    "the start of the microVM, and what Lambda does before it starts the runtime",
    "how the image's bytes come to the machine: Lambda fetches those that are touched from a cache "
    "or from S3; here they are all on the local disk",
    "Lambda's processors, and the neighbours on them",
]


def run(variants=None, starts: int = 30, cold_starts: int = 10, memory: int = 1769,
        against: str | None = None, processors: int = 1) -> dict:
    """Measure images side by side and return the raw record, also written to build/measure/.

    variants: names of EVERY or Variants of your own; default all of LADDER. The empty handler
    is always among them and, unless the image function's rungs are named, the variant whose
    session.run is the yardstick.
    starts: with the images' files in memory ("warm" disk). cold_starts: with their pages dropped.
    memory: MB, and with it the CPU. against: a commit of this project, whose images are measured
    in the same rounds. processors: how many an image sees while it has one's time. Raises
    MeasureError with what a variant said when it does not start or answer.
    """
    starts, cold_starts = _at_most(starts), _at_most(cold_starts)
    chosen = choose(variants)
    if against:
        chosen += earlier(chosen, against)
    engine.ensure()
    images = {one.name: build(one) for one in chosen}
    record = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
              "machine": machine(), "memory_mb": memory, "processors": processors, "starts": [],
              **{what: {one.name: [] for one in chosen}
                 for what in ("warm_ms", "handler_ms", "session_run_ms")}}
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(Line("measure"))
        containers = {one: stack.enter_context(Container(images[one.name], memory, processors))
                      for one in chosen}
        line.say("sizes of the images")
        record["sizes"] = _sizes(containers)
        for one, container in containers.items():
            line.say(f"warming up {one.name}")
            container.start(one.event)
        _start_in_turn(record, containers, "warm", starts, line)
        _call_in_turn(record, containers, line)
        _start_in_turn(record, containers, "cold", cold_starts, line)
    record["cannot_see"] = _cannot_see(record, images)
    write("starts", record)
    write("summary", summary(record))
    return record


def choose(variants: Iterable[str | Variant]) -> list[Variant]:
    """Variants by name, in EVERY's order, with those that every run has.

    Raises MeasureError for a name that is none.
    """
    named = list(variants or (one.name for one in LADDER))
    names = {EMPTY, *(one for one in named if isinstance(one, str))}
    if unknown := [name for name in names if name not in EVERY]:
        raise MeasureError(f"there is no variant {unknown[0]!r}; there are {', '.join(EVERY)}")
    if not names & {one.name for one in IMAGE_LADDER}:
        names.add(RAW)
    return [EVERY[name] for name in EVERY if name in names] + \
        [one for one in named if isinstance(one, Variant) and one.name not in names]


def _at_most(starts: int) -> int:
    """As many starts as are wanted, or WORKSHOP_STARTS: for tests that look at no figure."""
    return min(starts, int(os.environ.get(AT_MOST) or starts))


def only(variant) -> Variant:
    """One variant by its name, or as it is."""
    return next(one for one in choose([variant]) if variant in (one, one.name))


def _start_in_turn(record, containers, disk, starts, line):
    """Start each image once a round, in another order each: no image has a place of its own."""
    for number in range(starts):
        line.say(f"{disk} disk, round {number + 1} of {starts}")
        turn = list(containers)
        random.Random(number).shuffle(turn)
        for one in turn:
            if disk == "cold":
                containers[one].ask("forget")
            took, warm = containers[one].start(one.event, WARM if disk == "warm" else 0)
            record["starts"].append({
                "variant": one.name, "disk": disk, "round": number, **took,
                "warm_p50_ms": statistics.median(warm) if warm else None})
            record["warm_ms"][one.name] += warm


def _call_in_turn(record, containers, line):
    """Time handler and session.run in one process, images in turn."""
    for number in range(_at_most(ROUNDS)):
        line.say(f"handler and session.run, round {number + 1}")
        for one, container in containers.items():
            made = container.ask("call", handler=container.command[-1], event=one.event,
                                 times=CALLS)
            record["handler_ms"][one.name] += made["handler_ms"]
            record["session_run_ms"][one.name] += made["session_run_ms"] or []


def _sizes(containers) -> dict:
    compressed = sizes.pushed([container.image for container in containers.values()])
    return {one.name: {
        "image_bytes": inspect(container.image)["Size"],
        "pushed_bytes": compressed[container.image],
        "dependency_bytes": sizes.dependencies(
            container.ask("files", folders=sizes.FOLDERS)["files"], own_files(one))}
        for one, container in containers.items()}


def _cannot_see(record, images) -> list[str]:
    """What these figures do not show, and what went otherwise than planned."""
    told = list(CANNOT_SEE)
    cold = [start for start in record["starts"] if start["disk"] == "cold"]
    if cold and not any(start["read_mb"] for start in cold):
        record["starts"] = [start for start in record["starts"] if start["disk"] == "warm"]
        told.append("cold disks: this engine did not let go of the images' files, or did not say "
                    "what was read, so the starts meant to be cold are left out")
    marks = [inspect(image)["Config"].get("Labels") or {} for image in images.values()]
    if any(one.get(labels.STAND_IN) == "true" for one in marks):
        told.append("AWS's own base image: these are built on the workshop's stand-in, with "
                    "Debian's Python of the same version")
    return told


def machine() -> dict:
    """What the engine says of its machine."""
    info = engine.look().info
    return {"system": info.get("OperatingSystem"), "kernel": info.get("KernelVersion"),
            "architecture": info.get("Architecture"), "cores": info.get("NCPU"),
            "memory_mb": round(info.get("MemTotal", 0) / 2 ** 20),
            "engine": info.get("ServerVersion")}


# ---------------------------------------------------------------- memory sizes

def memory(variant: str | Variant, memories=MEMORIES, starts: int = 3) -> list[dict]:
    """Measure one variant at several sizes of memory, `memories` (MB), in turn.

    Returns medians, one dict for each size.

    INIT has one full CPU whatever the size, which is observed, not promised (Serverless Land,
    "init-heavy lifting"); requests have 1 CPU for each 1,769 MB (Lambda developer guide), and are
    stopped and let go within periods of 20 ms: some are quick, the next one waits. A size that
    the variant cannot work with has "error" in place of figures. Adds to build/measure/memory.json.
    """
    one, starts = only(variant), _at_most(starts)
    engine.ensure()
    image, taken, errors = build(one), {size: [] for size in memories}, {}
    with contextlib.ExitStack() as stack:
        line = stack.enter_context(Line(f"measure {one.name}"))
        containers = {size: stack.enter_context(Container(image, size)) for size in memories}
        for number in range(starts):
            for size in (size for size in memories if size not in errors):
                line.say(f"{size} MB, round {number + 1} of {starts}")
                try:
                    taken[size].append(_start_alone(containers[size], one.event))
                except MeasureError as failure:
                    errors[size] = str(failure)
    rows = [{"memory_mb": size, "error": errors[size]} if size in errors else
            _medians(size, taken[size]) for size in memories]
    path = FOLDER / "memory.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    write("memory", {**found, one.name: rows})
    return rows


def _start_alone(container, event):
    """Start an image whose files in memory count as its own container's.

    The kernel charges a file's pages to whoever read it first, and they would be free for the
    others. On Lambda a function has the machine to itself: a small one must read again and again
    what does not fit. So they are dropped, and read by a start that does not count.
    """
    container.ask("forget")
    container.start(event)
    return container.start(event, WARM)


def _medians(size, taken) -> dict:
    starts, warm = [start for start, _ in taken], sorted(ms for _, each in taken for ms in each)
    return {"memory_mb": size,
            **{key: statistics.median(start[key] for start in starts)
               for key in ("init_ms", "first_ms")},
            "warm_p50_ms": statistics.median(warm),
            "warm_p99_ms": warm[min(len(warm) - 1, round(0.99 * len(warm)))],
            "warm_mean_ms": statistics.fmean(warm), "warm_billed_ms": cost.billed_ms(warm),
            "peak_mb": statistics.median(start["peak_mb"] for start in starts)}


# ---------------------------------------------------------------- imports

def imports(variant) -> list[dict]:
    """What one start of a variant imports, in order: module, depth, began_ms, self_ms, total_ms.

    depth 0 is what nothing else imported; total_ms includes what a module imports in turn, and
    began_ms is the time of imports until it. Python's own account (PYTHONPROFILEIMPORTTIME),
    which makes a start somewhat longer; a runtime that starts Python with -I or -E gives none,
    and the list is empty.
    """
    one = only(variant)
    engine.ensure()
    with Container(build(one), MEMORIES[-1]) as container:
        container.start(one.event)                  # warms up
        return read_imports(container.log({"PYTHONPROFILEIMPORTTIME": "1"}))


def read_imports(text: str) -> list[dict]:
    """The lines `import time: self [us] | cumulative | module` of a log, a parent before its own.

    Python writes a line when an import has ended, so that a module comes after those it imports.
    """
    rows, at = [], 0                    # microseconds, whole ones: they shall add up
    for own, total, indent, module in re.findall(
            r"^import time: +(\d+) \| +(\d+) \| ( *)(\S+)\r?$", text, re.MULTILINE):
        at += int(own)
        rows.append({"module": module, "depth": len(indent) // 2,
                     "began_ms": (at - int(total)) / 1000, "self_ms": int(own) / 1000,
                     "total_ms": int(total) / 1000})
    return sorted(rows, key=lambda row: (row["began_ms"], row["depth"]))


# ---------------------------------------------------------------- small things

def write(name: str, content) -> None:
    """Write build/measure/NAME.json, whole or not at all: `content` is what JSON can hold."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    part = FOLDER / f"{name}.json.{os.getpid()}.part"
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    part.replace(FOLDER / f"{name}.json")
