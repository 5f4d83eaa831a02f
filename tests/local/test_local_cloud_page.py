"""`workshop/LOCAL_CLOUD.md`: each row of its tables names tests that show it, and they exist."""
import ast
import re

import pytest

from workshop.machine import paths

PAGE = (paths.ROOT / "workshop/LOCAL_CLOUD.md").read_text(encoding="utf-8")
TABLES = ["The same on both", "What the local cloud does not check", "What differs"]
NAMED = re.compile(r"\[([\w ]+)\]\(\.\./(tests/[\w/]+\.py)\)")    # [words of its name](../its file)
NO_TEST = "—"

# How the rows without a test begin. Most say what the local cloud shall check soon, and go then.
# The rest needs a test. A row may leave this list, none may join it.
WITHOUT = {
    "What the local cloud does not check": [
        "whoever deploys", "how long something binary", "a zip function may ask",
        "a zip and its layers", "`ptrace` and connections", "a model's image", "endpoints together",
        "INIT may take"],
    "What differs": [
        "the time-out of the *first*", "a batch from SQS",
        "a function that writes where"],
}


def sections():
    """The page's text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(heading):
    """The cells of each row of the one table below a heading, without head and rule."""
    lines = [line for line in sections()[heading].splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert cells[0][-1] == "test" and set("".join(cells[1])) == {"-"}
    return cells[2:]


def functions_of(file):
    """Names of the tests in a file, found by reading it, not by importing it."""
    path = paths.ROOT / file
    assert path.name.startswith("test_") and path.is_file(), f"{file} is no file of tests"
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef)}


def test_there_is_no_other_table():
    assert [heading for heading, text in sections().items() if "\n|" in text] == TABLES


@pytest.mark.parametrize("heading", TABLES)
def test_each_row_names_tests_that_exist(heading):
    without = []
    for first, _, last in rows(heading):
        if last == NO_TEST:
            without.append(first)
            continue
        named = NAMED.findall(last)
        assert named and last == "; ".join(f"[{name}](../{file})" for name, file in named), first
        missing = [name for name, file in named
                   if f"test_{name.replace(' ', '_')}" not in functions_of(file)]
        assert not missing, f"{first}: no such test: {missing}"
    expected = WITHOUT.get(heading, [])
    new = [row for row in without if not row.startswith(tuple(expected))]
    gone = [one for one in expected if not any(row.startswith(one) for row in without)]
    assert not new, f"each of these rows needs the name of a test: {new}"
    assert not gone, f"take these out of WITHOUT, their rows are gone or have a test: {gone}"


def test_lessons_that_name_a_difference_link_the_page():
    """Lessons that only say where they run, or what it costs, need no link."""
    says = re.compile(r"the local cloud (has no|accepts|does not|lists)", re.IGNORECASE)
    for lesson in sorted((paths.ROOT / "solutions").glob("*.py")):
        text = lesson.read_text(encoding="utf-8").replace("\n# ", " ")
        assert not says.search(text) or "../workshop/LOCAL_CLOUD.md" in text, lesson.name
