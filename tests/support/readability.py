"""How hard the lessons are to read, before and after: a table of common measures.

    .venv/bin/python tests/support/readability.py OLD       OLD: a commit, such as 402c4c2

Both versions go through `workshop.course.prose`, so code, tables and headings do not count. Of a
lesson that is new since OLD, only today's values are there.

- words: the mean number of words in a sentence; >20: the percentage of sentences over 20 words
- ease: Flesch, "A New Readability Yardstick", 1948: 206.835 - 1.015 words a sentence - 84.6
  syllables a word; higher is easier
- fog: Gunning, "The Technique of Clear Writing", 1952: 0.4 (words a sentence + percentage of words
  with three syllables or more); lower is easier
- lix: Björnsson, "Läsbarhet", 1968; lower is easier. It counts long words, such as terms of AWS
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from workshop.course import prose, render  # noqa: E402

BEFORE = {"prepare_pictures": "serve_images"}      # lessons that were part of another one
LOWER, HIGHER = "less is easier", "more is easier"
MEASURES = {"words": LOWER, ">20": LOWER, "ease": HIGHER, "fog": LOWER, "lix": LOWER}


def syllables(word: str) -> int:
    """About how many syllables a word has: its groups of vowels, without a silent e."""
    word = re.sub("[^a-z]", "", word.lower())
    groups = len(re.findall("[aeiouy]+", word))
    silent = word.endswith("e") and not re.search("[^aeiouy]le$", word) or re.search(
        "[^aeiouytd]ed$|[^aeiouysxz]es$", word)
    return max(1, groups - bool(silent and groups > 1))


def measures(sentences: list[str]) -> dict[str, float]:
    """The measures of a text, by the names in MEASURES."""
    lengths = [len(prose.words(one)) for one in sentences]
    words = [word for one in sentences for word in prose.words(one)]
    counts = [syllables(word) for word in words]
    mean = len(words) / len(sentences)
    hard = sum(count >= 3 for count in counts) / len(words)
    return {"words": mean, ">20": 100 * sum(one > 20 for one in lengths) / len(lengths),
            "ease": 206.835 - 1.015 * mean - 84.6 * sum(counts) / len(words),
            "fog": 0.4 * (mean + 100 * hard), "lix": prose.lix(sentences)}


def now() -> dict[str, dict[str, float]]:
    """Name without its number → measures, of the lessons in the working tree."""
    return {lesson.name[3:]: measures(prose.sentences(prose.markdown(lesson.cells)))
            for lesson in render.lessons(ROOT)}


def then(commit: str) -> dict[str, dict[str, float]]:
    """The same at a commit. Raises CalledProcessError when there is no such commit."""
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True,
                              text=True).stdout
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in git("ls-tree", "--name-only", commit, "solutions/").split():
            if re.fullmatch(r"solutions/\d\d_\w+\.py", name):
                path = Path(folder) / Path(name).name
                path.write_text(git("show", f"{commit}:{name}"), encoding="utf-8")
                cells = render.parse(path).cells
                found[path.stem[3:]] = measures(prose.sentences(prose.markdown(cells)))
    return found


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    before, after = then(sys.argv[1]), now()
    print(f"{'':32}" + "".join(f"{name:>16}" for name in MEASURES))
    worse = dict.fromkeys(MEASURES, 0)
    for lesson in render.lessons(ROOT):
        name = lesson.name[3:]
        old, new = before.get(BEFORE.get(name, name)), after[name]
        cells = ""
        for measure, better in MEASURES.items():
            if old:
                harder = new[measure] < old[measure] if better == HIGHER else (
                    new[measure] > old[measure])
                worse[measure] += harder
                cells += f"{old[measure]:7.1f} →{new[measure]:6.1f}{'!' if harder else ' '}"
            else:
                cells += f"{new[measure]:15.1f} "
        print(f"{lesson.name[:31]:32}{cells}")
    print(f"{'harder than before':32}" + "".join(f"{count:15} " for count in worse.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
