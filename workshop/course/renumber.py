"""Gives lessons other numbers: `python3 -m workshop renumber 11=13 12=14 …`.

A lesson's number is in its file's name and header, in links to it, in texts (“lesson 11”, “lessons
04 to 06”), at arrows of diagrams, and in names of containers. All of them change together, in the
files that git knows; then the lessons are rendered. A number as a string in Python ("11") is
changed behind the names in CALLS, in a header and in LISTS, and nowhere else: the command prints
the lines that may be left.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

from workshop.course import render
from workshop.machine.paths import ROOT

NUMBER = r"\b[0-9]{2}\b"
SPOKEN = re.compile(
    rf"\blessons\s(?:#\s)?{NUMBER}(?:(?:,\s(?:and\s|or\s)?|\s(?:and|or|to)\s)(?:#\s)?{NUMBER})*"
    rf"|\blesson\s(?:#\s)?{NUMBER}(?:\sor\s{NUMBER})?", re.IGNORECASE)
CALLS = re.compile(rf"lessons\.(?:require|run|level|catch_up)\W{{1,3}}{NUMBER}"
                   rf"(?:\", \"{NUMBER}(?=\"))*"
                   rf"|python3 -m workshop (?:run|level|reset)(?: -j [0-9])?(?: {NUMBER})+")
DRAWN = re.compile(rf"-\. {NUMBER} \.->|-->\|{NUMBER}\|")         # an arrow of a diagram
MADE = re.compile(rf"\bworkshop(?:-|\.lesson=){NUMBER}")           # a container or an image
HEADER = re.compile(r'(?m)^#   number: "[0-9]{2}"$')
STRING = re.compile(r"""(["'])([0-9]{2})\1""")
LISTS = ("tests/support/learner_calls.json",)      # every string of two digits is a lesson
PATTERNS = (SPOKEN, CALLS, DRAWN, MADE, HEADER)
GENERATED = (".ipynb", ".lock")     # notebooks are rendered from the sources


def moves(words: list[str], numbers: set[str]) -> dict[str, str]:
    """Old number → new one, from words like 11=13. Raises ValueError for what cannot be."""
    found = dict(word.split("=", 1) for word in words if re.fullmatch(r"\d\d=\d\d", word))
    if len(found) != len(words):
        raise ValueError("say OLD=NEW with two digits each and each OLD once, for example 11=13")
    if absent := sorted(found.keys() - numbers):
        raise ValueError(f"there is no lesson {absent[0]}")
    after = [found.get(number, number) for number in numbers]
    if taken := sorted({number for number in after if after.count(number) > 1}):
        raise ValueError(f"two lessons would have the number {taken[0]}")
    return found


def changed(text: str, names: dict[str, str], found: dict[str, str],
            patterns=PATTERNS) -> str:
    """The text with other numbers. names: old file name without ending → new one."""
    text = re.sub("|".join(map(re.escape, names)), lambda one: names[one[0]], text)
    for pattern in patterns:
        text = pattern.sub(lambda match: re.sub(
            NUMBER, lambda one: found.get(one[0], one[0]), match[0]), text)
    return text


def renumber(found: dict[str, str], root: Path = ROOT) -> list[str]:
    """Change all files; returns `file:line: text` for each string that may be a number left."""
    names = {lesson.name: found[lesson.number] + lesson.name[2:]
             for lesson in render.lessons(root) if lesson.number in found}
    for folder in ("notebooks", "solutions"):       # written anew at the end
        for name in names:
            (root / folder / f"{name}.ipynb").unlink(missing_ok=True)
    left = []
    for path in _texts(root):
        before = path.read_text(encoding="utf-8")
        listed = path.relative_to(root).as_posix() in LISTS
        after = changed(before, names, found, (STRING,) if listed else PATTERNS)
        if after != before:
            path.write_text(after, encoding="utf-8")
        if path.suffix == ".py":
            left += [f"{path.relative_to(root)}:{number}: {line.strip()}"
                     for number, line in enumerate(after.splitlines(), 1)
                     if not CALLS.search(line) and not HEADER.match(line)
                     and any(one[1] in found for one in STRING.findall(line))]
    _rename(root, names, found)
    render.write(root)
    return left


def _texts(root: Path) -> list[Path]:
    """What git knows as text, without what is rendered."""
    listed = subprocess.run(["git", "grep", "-Il", ""], cwd=root, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    return [root / name for name in listed
            if not name.endswith(GENERATED) and (root / name).is_file()]


def _rename(root: Path, names: dict[str, str], found: dict[str, str]) -> None:
    """The sources and the answers for their exercises; in two steps, since 11=12 12=11 may be."""
    pairs = [(root / "solutions" / f"{old}.py", root / "solutions" / f"{new}.py")
             for old, new in names.items()]
    pairs += [(root / "tests/exercises" / f"{old}.py", root / "tests/exercises" / f"{new}.py")
              for old, new in found.items() if (root / "tests/exercises" / f"{old}.py").exists()]
    for old, _ in pairs:
        old.rename(old.with_suffix(".moving"))
    for old, new in pairs:
        old.with_suffix(".moving").rename(new)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m workshop renumber", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("moves", nargs="+", metavar="OLD=NEW")
    asked = parser.parse_args(arguments).moves
    try:
        found = moves(asked, {lesson.number for lesson in render.lessons(root)})
        left = renumber(found, root)
    except (ValueError, render.LessonError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(left))
    print(f"{len(found)} lessons have new numbers. {len(left)} lines above have a string that may "
          f"be a lesson's number: look at each.")
    return 0
