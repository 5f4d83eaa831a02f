"""Ten paragraphs of today's lessons beside what was there at an earlier commit.

    .venv/bin/python tests/support/ten_paragraphs.py COMMIT --seed 15

The paragraphs are drawn at random from all lessons. Beside each is the paragraph of COMMIT, of the
lesson with the same name without its number, that has the most words in common with it.
"""
import argparse
import difflib
import random
import re
import subprocess

from workshop.course import prose, render
from workshop.machine.paths import ROOT

LEAST = 25          # words of a paragraph worth comparing
LIKE = 0.2          # below this ratio, nothing corresponds


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True,
                          text=True).stdout


def earlier(commit):
    """Lesson's name without its number → its Markdown at the commit."""
    found = {}
    for path in git("ls-tree", "--name-only", commit, "solutions/").split():
        if name := re.fullmatch(r"solutions/\d\d_(\w+)\.py", path):
            text = git("show", f"{commit}:{path}")
            cells = re.split(r"^# %%.*$", text.partition("# %%")[2], flags=re.MULTILINE)
            markdown = [re.sub(r"^# ?", "", cell, flags=re.MULTILINE) for cell in cells
                        if all(line.startswith("#") for line in cell.splitlines() if line)]
            found[name[1]] = "\n\n".join(markdown)
    return found


def best(paragraph, candidates):
    """The most similar candidate and its ratio, from 0 to 1; ("", 0) without any."""
    ratios = [(difflib.SequenceMatcher(None, prose.words(paragraph), prose.words(one)).ratio(), one)
              for one in candidates]
    ratio, text = max(ratios, default=(0, ""))
    return text, ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--count", type=int, default=10)
    asked = parser.parse_args()
    before = earlier(asked.commit)
    paragraphs = [(lesson, one) for lesson in render.lessons() for one in prose.paragraphs(
        "\n\n".join(cell.source for cell in lesson.cells if cell.kind == "markdown"))
        if len(prose.words(one)) >= LEAST]
    drawn = random.Random(asked.seed).sample(paragraphs, asked.count)
    print(f"# {asked.count} of {len(paragraphs)} paragraphs, drawn with seed {asked.seed}; "
          f"before: {asked.commit}\n")
    for number, (lesson, text) in enumerate(drawn, 1):
        old, ratio = best(text, prose.paragraphs(before.get(lesson.name[3:], "")))
        print(f"## {number}. Lesson {lesson.number}: {lesson.title}\n")
        print(f"**Before** ({ratio:.0%} of the words in common): {old}\n" if ratio >= LIKE
              else "**Before**: nothing like it.\n")
        print(f"**Now**: {text}\n")


if __name__ == "__main__":
    main()
