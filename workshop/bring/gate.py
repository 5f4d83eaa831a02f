"""The gate before a function ships: what is checked, and the report that says so."""
import argparse
import datetime
import hashlib
import importlib.util
import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from workshop import deploy, measure
from workshop.bring import leaks, policies, refusals
from workshop.bring.folder import FUNCTION
from workshop.machine import base_image, engine, labels, modes, paths
from workshop.machine.lock import one_at_a_time
from workshop.measure import runs, sizes, variants
from workshop.measure.container import inspect

NEEDED = ("lambda_function.py", "signature.json", "requirements.txt", "Dockerfile",
          ".dockerignore", "template.yaml")
MOST_INIT = 10_000          # milliseconds: then Lambda starts INIT again, and it is billed (quotas)
SHARE = 0.8                 # of the memory: what a larger request needs, nobody has measured
MOST_BYTES = 10 * 10 ** 9   # of an image, unpacked (Lambda quotas)
NOT_IN_IMAGE = ("README.md", "template.yaml", "tests", "reference.csv", ".git", ".env")
CANNOT_SEE = (
    "whether the reference answers are the training framework's",
    "whether the training data were like the requests that will come",
    "the start of Lambda's microVM, and how the image's bytes come to it",
    "secrets of a form that no pattern here has")


class Gate(NamedTuple):
    """One gate. passed: None where it could not be looked at. says: one sentence, with figures."""

    name: str
    passed: bool | None
    says: str
    details: tuple[str, ...] = ()


class Report(NamedTuple):
    """What the gate found. file: the Markdown that was written. image: None if none was built."""

    name: str
    gates: tuple[Gate, ...]
    file: Path
    image: str | None

    @property
    def passed(self) -> bool:
        """Whether no gate failed. One that could not be looked at does not fail."""
        return not any(gate.passed is False for gate in self.gates)


class CheckError(ValueError):
    """The folder is none that can be checked."""


def check(folder: str | Path, reference: str | Path | None = None, memory: int = 1024,
          starts: int = 5, most_mb: int = 1000) -> Report:
    """Check the folder of a function that `new` made; return the Report, also written to
    build/check/NAME.md.

    reference: CSV of requests and answers, by default the folder's reference.csv. memory: MB that
    the function will have. starts: of its image and of the empty handler's, in turn. most_mb: MB
    (10**6 bytes) that the image may have, unpacked. Raises CheckError when there is no signature.
    """
    folder = Path(folder)
    try:
        signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckError(f"{folder}: signature.json cannot be read ({type(error).__name__}). Make "
                         "the folder with `python3 -m workshop new`.") from None
    usual = folder / "reference.csv"
    reference = Path(reference) if reference else usual if usual.is_file() else None
    gates = [_whole(folder, signature), _permissions(folder), _no_secrets(folder)]
    image = None
    if gates[0].passed:
        image = build(folder)
        gates += _running(image, folder, signature, reference, memory, starts, most_mb)
    report = Report(signature["name"], tuple(gates),
                    paths.BUILD / "check" / f"{signature['name']}.md", image)
    report.file.parent.mkdir(parents=True, exist_ok=True)
    report.file.write_text(markdown(report, signature), encoding="utf-8")
    return report


def build(folder: str | Path) -> str:
    """Build the image of a function's folder with its own Dockerfile; return the image's name."""
    folder = Path(folder).resolve()
    image = engine.own(f"{folder.name}:check")
    staged = paths.BUILD / "images" / f"{folder.name}-check"
    with one_at_a_time(f"image-{folder.name}"):
        shutil.rmtree(staged, ignore_errors=True)
        staged.parent.mkdir(parents=True, exist_ok=True)
        modes.copy(folder, staged)
        deploy.run_docker("build", "--build-arg", f"BASE_IMAGE={base_image.get()}",
                          "--label", labels.OURS, "-f", str(staged / "Dockerfile"), "-t", image,
                          str(staged))
    return image


# ---------------------------------------------------------------- gates without an image

def _whole(folder, signature):
    """All files are there, and the model is the one that the signature was made for."""
    problems = [f"{name} is missing" for name in NEEDED if not (folder / name).is_file()]
    model = signature.get("model", {})
    for name, digest in {model.get("file"): model.get("sha256"),
                         **model.get("external", {})}.items():
        path = folder / str(name)
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            problems.append(f"{name} is not the file that the signature was made for")
    return Gate("folder", not problems, problems[0] if problems else
                f"all files are there, and the model is {model['sha256'][:12]}…", tuple(problems))


def _permissions(folder):
    problems = policies.problems(folder / "template.yaml")
    return Gate("permissions", not problems, problems[0] if problems else
                "the role may write into the function's own log, and nothing else",
                tuple(problems))


def _no_secrets(folder):
    found = leaks.in_folder(folder)
    return Gate("secrets", not found, found[0] if found else
                "no key, password or file of credentials in the folder", tuple(found))


# ---------------------------------------------------------------- gates that need one

def _running(image, folder, signature, reference, memory, starts, most_mb):
    """The gates that the image must pass, in a container with Lambda's limits."""
    starts = min(starts, int(os.environ.get(runs.AT_MOST) or starts))
    event, empty = signature["example"], variants.EVERY[variants.EMPTY]
    empty_image = variants.build(empty)
    took, base = [], []
    try:
        with measure.Container(image, memory) as container, \
                measure.Container(empty_image, memory) as plain:
            files = [Path(path).relative_to("/var/task")
                     for path, _ in container.ask("files", folders=["/var/task"])["files"]]
            refused = _refusals(container, signature)
            parity = _parity(container, folder, signature, reference)
            for one in (container, plain):
                one.start(empty.event if one is plain else event)      # the first reads the disk
            for _ in range(starts):
                took.append(container.start(event)[0])
                base.append(plain.start(empty.event)[0])
    except measure.MeasureError as error:
        return [Gate("start", False, str(error)[:500])]
    return [parity, refused, _init(took, base, starts, memory), _memory(took, base, memory),
            _size(image, empty_image, most_mb), _content(image, files)]


def _parity(container, folder, signature, reference):
    """The image's answers are the reference's."""
    if reference is None:
        return Gate("parity", None, "there is no reference.csv: README.md says how to make it")
    module = reference_module()
    try:
        rows = module.read(reference, signature)
    except (OSError, ValueError) as error:
        return Gate("parity", False, str(error))
    answers = container.answers([request for request, _ in rows])
    wrong = []
    for line, ((_, expected), answer) in enumerate(zip(rows, answers), start=2):
        if "outputs" not in answer:
            wrong.append(f"line {line}: refused: {json.dumps(answer)[:200]}")
        elif different := module.differences(answer, expected):
            column, text, found = different[0]
            wrong.append(f"line {line}, {column}: expected {text}, the image answers {found}")
    count = len(rows)
    return Gate("parity", not wrong, f"{count - len(wrong)} of {count} answers are the reference's "
                f"(tolerance {module.TOLERANCE:g})", tuple(wrong[:10]))


def reference_module():
    """The module `reference` of the folder's tests, as `new` writes it."""
    spec = importlib.util.spec_from_file_location("reference", FUNCTION / "tests/reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _refusals(container, signature):
    """Wrong requests are refused with a 4xx that names the field, and do not come back."""
    tried = refusals.bad(signature)
    wrong = []
    for (what, field, _), answer in zip(tried, container.answers([one for *_, one in tried])):
        status = answer.get("statusCode") if isinstance(answer, dict) else None
        named = [one.get("field") for one in answer.get("problems", ())] if status else []
        if not status or not 400 <= status < 500:
            wrong.append(f"{what}: answered {json.dumps(answer)[:100]}")
        elif field not in named:
            wrong.append(f"{what}: refused without naming {field!r}")
        elif field != refusals.PRIVATE and refusals.PRIVATE in json.dumps(answer):
            wrong.append(f"{what}: the refusal sends back what the caller sent")
    return Gate("refusals", not wrong, f"{len(tried) - len(wrong)} of {len(tried)} wrong requests "
                "are refused, with the field's name", tuple(wrong))


def _init(took, base, starts, memory):
    mine, empty = (statistics.median(one["init_ms"] for one in runs_) for runs_ in (took, base))
    return Gate("INIT", mine < MOST_INIT, f"{mine / empty:.1f} × the empty handler's ({mine:.0f} "
                f"and {empty:.0f} ms here, median of {starts} starts at {memory} MB; Lambda allows "
                f"{MOST_INIT // 1000} s)")


def _memory(took, base, memory):
    mine, empty = (max(one["peak_mb"] for one in runs_) for runs_ in (took, base))
    return Gate("memory", mine < SHARE * memory, f"peak {mine:.0f} MB, {mine / empty:.1f} × the "
                f"empty handler's, {mine / memory:.0%} of {memory} MB ({SHARE:.0%} are allowed)")


def _size(image, empty_image, most_mb):
    mine, empty = (inspect(one)["Size"] for one in (image, empty_image))
    pushed = sizes.pushed([image])[image]
    return Gate("size", mine <= min(most_mb * 10 ** 6, MOST_BYTES),
                f"{mine / 1e6:.0f} MB unpacked, {mine / empty:.1f} × the empty handler's, "
                f"{pushed / 1e6:.0f} MB to push ({most_mb:,} MB are allowed)")


def _content(image, files):
    """Nothing is in the image that no request needs, and no secret in its variables."""
    config = inspect(image)["Config"]
    found = [f"{path}: belongs in no image" for path in files if path.parts[0] in NOT_IN_IMAGE]
    for text in config.get("Env") or ():
        found += [f"variable {text.partition('=')[0]}: {what}"
                  for what in leaks.in_text(text.encode())]
    return Gate("content", not found, found[0] if found else
                "the image has no tests, no template and no secret in its variables",
                tuple(found[:10]))


# ---------------------------------------------------------------- the report

WORDS = {True: "passed", False: "FAILED", None: "not checked"}


def text(report: Report) -> str:
    """The report for a terminal."""
    width = max(len(gate.name) for gate in report.gates)
    lines = [f"{WORDS[gate.passed]:11}  {gate.name:{width}}  {gate.says}"
             + "".join(f"\n{'':{width + 15}}- {one}" for one in gate.details[:5])
             for gate in report.gates]
    return "\n".join([*lines, "", _verdict(report), f"Report: {report.file}"])


def _verdict(report):
    open_ = [gate.name for gate in report.gates if gate.passed is None]
    failed = [gate.name for gate in report.gates if gate.passed is False]
    if failed:
        return f"{report.name} does not pass: {', '.join(failed)}."
    return f"{report.name} passes" + (f"; not checked: {', '.join(open_)}." if open_ else ".")


def markdown(report: Report, signature: dict) -> str:
    """The report as a page: verdict, gates, the model, what was asked, what cannot be seen."""
    model = signature["model"]
    rows = [f"| {gate.name} | {WORDS[gate.passed]} | {_cell(gate.says)} |" for gate in report.gates]
    details = [f"- {gate.name}: {one}" for gate in report.gates for one in gate.details]
    asked = [f"| `{one['key']}` | {_cell(json.dumps(one['answer'], ensure_ascii=False))} | "
             f"{one['source']} |" for one in signature.get("asked", ())]
    lines = [
        f"# {report.name}: report of the gate", "", f"**{_verdict(report)}**", "",
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC · kind "
        f"{signature['kind']} · version {signature['version']} · model {model['bytes']:,} bytes, "
        f"SHA-256 `{model['sha256'][:16]}…`, made by {model['producer'] or 'an unnamed program'}"
        + (f" · weights in {', '.join(model['external'])}" if model["external"] else ""), "",
        "| gate | result | what was found |", "|---|---|---|", *rows, "",
        *(["## What failed", "", *details, ""] if details else []),
        "## What the model file did not say", "", "| question | answer | from |", "|---|---|---|",
        *asked, "", "## What this gate cannot see", "", *(f"- {one}" for one in CANNOT_SEE), ""]
    return "\n".join(lines)


def _cell(words: str) -> str:
    """Text for a cell of a table, not too long."""
    words = words.replace("|", "\\|").replace("\n", " ")
    return words if len(words) <= 160 else words[:157] + "…"


# ---------------------------------------------------------------- the command

def main(arguments: list[str]) -> int:
    """`python3 -m workshop check`: exit status 1 where a gate fails, 2 where there is no folder."""
    parser = argparse.ArgumentParser(
        prog="python3 -m workshop check",
        description="The gate before a function ships: parity, refusals, INIT and memory, size, "
                    "permissions, secrets. Writes build/check/NAME.md.")
    parser.add_argument("folder", metavar="lambda/NAME")
    parser.add_argument("--reference", metavar="ANSWERS.csv", help="requests and right answers "
                        "(default: reference.csv in the folder)")
    parser.add_argument("--memory", type=int, default=1024, help="MB of the function (1024)")
    parser.add_argument("--starts", type=int, default=5, help="starts to measure (5)")
    parser.add_argument("--most-mb", type=int, default=1000, help="MB of the image (1000)")
    given = parser.parse_args(arguments)
    try:
        report = check(given.folder, given.reference, given.memory, given.starts, given.most_mb)
    except CheckError as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    print(text(report))
    return 0 if report.passed else 1
