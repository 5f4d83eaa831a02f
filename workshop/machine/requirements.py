"""What environment.yml asks for: its pins, and how far each may move.

A pin may move as far as the comment behind it says, `# newest: <7, why` or `# newest: held, why`;
without one, as far as it goes. Standard library only.
"""
import os
import re
from collections.abc import Iterator

from workshop.machine.paths import ROOT

FILE = ROOT / "environment.yml"
VARIABLE = "WORKSHOP_NEWEST"
PIN = re.compile(r"^ *- (?P<name>[\w.-]+)==(?P<version>[\w.]+)(?P<marker>;.*?)?"
                 r"(?: +#(?P<comment>.*))?$")
GROUP = re.compile(r"(?m)^ *# group ([\w -]+?)(?:: .*)?\n")
FIRST = "first"         # what lesson 00 needs, and most of the others
LIMIT = re.compile(r" newest: (?:(?P<held>held)|(?P<below><[\d.]+)), \S.*")


class UnclearPinError(ValueError):
    """A pin's comment does not say how far it may move; the message names line and form."""


def pinned(text: str | None = None) -> list[str]:
    """The entries of environment.yml's pip part, in order.

    Understands what that file uses: one `- pip:` list of one-line entries, and comments. A test
    compares it with a real YAML parser.
    """
    found, depth = [], None
    for line in (FILE.read_text(encoding="utf-8") if text is None else text).splitlines():
        entry, indent = line.strip(), len(line) - len(line.lstrip())
        if not entry or entry.startswith("#"):
            continue
        if depth is not None and indent <= depth:
            depth = None
        elif depth is not None:
            value = entry.removeprefix("- ").partition(" #")[0].strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            found.append(value[1:-1] if quoted else value)
        if entry == "- pip:":
            depth = indent
    return found


def groups(text: str | None = None) -> dict[str, list[str]]:
    """The entries of environment.yml's pip part by group, in order; FIRST before any heading."""
    text = FILE.read_text(encoding="utf-8") if text is None else text
    before, *parts = GROUP.split(text)
    found = {FIRST: pinned(before)}
    for name, part in zip(parts[::2], parts[1::2]):
        found.setdefault(name, []).extend(pinned(f"- pip:\n{part}"))
    return found


def newest_is_wanted() -> bool:
    """Whether the environment shall hold the newest versions: WORKSHOP_NEWEST=1."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def newest(text: str) -> list[str]:
    """The pip entries of environment.yml, each from its pin to where it may move.

    Raises UnclearPinError for a comment that begins with `newest` and has another form.
    """
    bounds = {pin["name"] + (pin["marker"] or ""): _range(pin, number)
              for number, pin in pins(text)}
    found = []
    for entry in pinned(text):
        name, equals, rest = entry.partition("==")
        _, semicolon, marker = rest.partition(";")
        found.append(name + bounds[name + semicolon + marker] + semicolon + marker
                     if equals else entry)
    return found


def pins(text: str) -> Iterator[tuple[int, re.Match]]:
    """The lines with a pin, and their numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        if pin := PIN.match(line):
            yield number, pin


def _range(pin: re.Match, number: int) -> str:
    """The versions that a pin may move to, as pip wants to be told."""
    comment = pin["comment"] or ""
    limit = LIMIT.fullmatch(comment.rstrip())
    if not limit and comment.strip().startswith("newest"):
        raise UnclearPinError(f"environment.yml:{number}: `#{comment}` does not say how far "
                              f"{pin['name']} may move: write `# newest: <VERSION, why` or "
                              "`# newest: held, why`.")
    if limit and limit["held"]:
        return f"=={pin['version']}"
    return f">={pin['version']}" + (f",{limit['below']}" if limit else "")


def wanted() -> list[str]:
    """What is installed: the pins, or with WORKSHOP_NEWEST=1 the newest that they allow."""
    return newest(FILE.read_text(encoding="utf-8")) if newest_is_wanted() \
        else pinned()
