"""The newest versions that environment.yml allows: how far each pin may move, and moving them.

    WORKSHOP_NEWEST=1 python3 -m workshop …     makes .venv of these versions and works with them
    python3 -m workshop newest                  and writes them into this clone: over the pins, and
                                                into environment.lock

How far a pin may move stands in environment.yml (workshop/machine/requirements.py). For the weekly
run (.github/workflows/weekly.yml). Standard library only.
"""
import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from workshop.machine import environment, pins, requirements
from workshop.machine.paths import ROOT

# What else repeats a pin. docker/base/requirements.txt does not move: it is what AWS's image holds.
COPIES = ("environment.yml", "lambda/*/requirements.txt", "docker/sagemaker/requirements.txt",
          "solutions/*.py")
FIRST = 10          # failed tests that a report names


# ---------------------------------------------------------------- moving the pins

def move(installed: dict[str, str], root: Path = ROOT) -> list[tuple[str, str, str]]:
    """Write installed versions in place of the pins; return (name, from, to) of those that moved.

    installed: versions by name in lower case. A version's local part (`+cpu`) is left out.
    """
    text = (root / "environment.yml").read_text(encoding="utf-8")
    moved = {}
    for _, pin in requirements.pins(text):
        version = installed.get(pin["name"].lower(), pin["version"]).partition("+")[0]
        if version != pin["version"]:
            moved[pin["name"]] = (pin["version"], version)
    for path in sorted(path for pattern in COPIES for path in root.glob(pattern)):
        before = text = path.read_text(encoding="utf-8")
        for name, (old, new) in moved.items():
            text = re.sub(rf"(?<![\w.-]){re.escape(name)}=={re.escape(old)}(?![\w.])",
                          f"{name}=={new}", text)
        if text != before:
            path.write_text(text, encoding="utf-8")
    return [(name, *versions) for name, versions in moved.items()]


def _installed(python: Path) -> dict[str, str]:
    listed = subprocess.run([str(python), "-m", "pip", "list", "--format=json",
                             "--disable-pip-version-check"], check=True, capture_output=True)
    return {one["name"].lower(): one["version"] for one in json.loads(listed.stdout)}


# ---------------------------------------------------------------- telling

def table(moved: list[tuple[str, str, str]]) -> str:
    """The pins that moved, in Markdown."""
    if not moved:
        return "No pin moved: environment.yml holds the newest versions that it allows."
    return "\n".join(["| package | pinned | newest allowed |", "|---|---|---|",
                      *(f"| {name} | {old} | {new} |" for name, old, new in moved)])


def broken(junit: Path) -> str:
    """What a test run's JUnit XML says of failures, in Markdown: how many, and the first."""
    cases = list(ElementTree.parse(junit).getroot().iter("testcase")) if junit.is_file() else []
    if not cases:
        return "The tests did not run: the log of this run says why."
    failed = [(case, fault) for case in cases for fault in case
              if fault.tag in ("failure", "error")]
    lines = [f"{len(failed)} of {len(cases)} tests failed." if failed else
             f"All {len(cases)} tests passed."]
    for case, fault in failed[:FIRST]:
        words = (fault.get("message") or "").strip().splitlines() or ["no message"]
        lines.append(f"- `{case.get('classname')}::{case.get('name')}`: "
                     f"`{words[0][:200].replace('`', chr(39))}`")
    if len(failed) > FIRST:
        lines.append(f"- and {len(failed) - FIRST} more")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Without arguments, move the pins of this clone; with a JUnit file, say what broke."""
    if arguments:
        print(broken(Path(arguments[0])))
        return 0
    os.environ[requirements.VARIABLE] = "1"
    try:
        with contextlib.redirect_stdout(sys.stderr):        # standard output is for the table
            python = environment.prepare()
        installed = _installed(python)
        moved = move(installed)
        pins.write(prefer=installed)
    except (environment.SetUpError, pins.LockError, requirements.UnclearPinError) as error:
        print(f"The newest versions cannot be had:\n\n```\n{error}\n```")
        return 1
    environment.write_stamp()       # .venv is complete for the pins as they are now
    print(table(moved))
    return subprocess.run([str(python), "-m", "workshop", "render"], cwd=ROOT,
                          stdout=sys.stderr).returncode

