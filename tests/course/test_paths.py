"""The paths of TEACHING.md: their tables add up, and all that they name exists."""
import itertools
import json
import math
import re
from types import SimpleNamespace

import pytest
from test_writing import INSTEAD, LONGEST

from workshop.course import catch_up, paths, prose, render
from workshop.machine.paths import ROOT

LESSONS = render.lessons()
HEADER = {lesson.number: lesson for lesson in LESSONS}
TEACHING = (ROOT / "TEACHING.md").read_text(encoding="utf-8")

every_path = pytest.mark.parametrize("path", paths.PATHS, ids=[one.name for one in paths.PATHS])


def table(name):
    """What is between a name's markers in TEACHING.md, as lists of cells; lines of dashes left out.
    """
    start, end = paths.MARKER.format("begin", name), paths.MARKER.format("end", name)
    text = TEACHING.split(start)[1].split(end)[0]
    return text, [[cell.strip() for cell in line.strip("|").split("|")]
                  for line in text.splitlines() if line.startswith("|") and "---" not in line]


def days(name):
    """The rows of each day's timetable, from its first time to its *end*."""
    found = []
    for row in table(name)[1]:
        if row[0] == "time":
            found.append([])
        elif re.match(r"\d\d:\d\d", row[0]):
            found[-1].append(row)
    return found


@every_path
def test_each_day_adds_up_and_ends_in_time(path):
    for day, rows in zip(path.days, days(path.name), strict=True):
        times = [paths.hours(row[0]) for row in rows]
        lengths = [int(row[-1]) for row in rows[:-1]]
        assert [later - time for time, later in zip(times, times[1:])] == lengths
        assert sum(lengths) == int(rows[-1][-1]) and rows[-1][1] == "*end*"
        assert times[0] == day.start and times[-1] <= day.end


@every_path
def test_a_blocks_minutes_are_those_of_its_parts_and_a_quarter_for_questions(path):
    for rows in days(path.name):
        for row in rows[:-1]:
            if row[1] != "*break*":
                parts = [int(one) for one in re.findall(r"\((\d+)\)(?:;|$)", f"{row[2]};{row[3]}")]
                assert int(row[-1]) == 5 * math.ceil(1.25 * sum(parts) / 5)


@every_path
def test_a_whole_lesson_takes_the_minutes_of_its_header(path):
    text = table(path.name)[0]
    whole = re.findall(r"\[(\d\d)\]\([^)]+\) \((\d+)(?: minutes)?\)", text)
    assert whole
    for number, minutes in whole:
        assert int(minutes) == HEADER[number].reading + HEADER[number].exercises
    home = text.splitlines()[1]
    *each, total = re.findall(r"(\d+) minutes", home)
    assert sum(map(int, each)) == int(total)


def test_three_hours_are_three_hours_and_the_others_are_days():
    assert int(days("three hours")[0][-1][-1]) <= 180
    assert [len(days(name)) for name in ("one day", "two days")] == [1, 2]


@pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])
def test_a_lessons_sections_are_the_lesson(lesson):
    found = paths.sections(lesson)
    assert [cell for cells in found.values() for cell in cells] == list(lesson.cells)
    part = paths.Part(lesson.name[3:], tuple(found), tuple(
        number for number, _, _ in prose.exercises(lesson.cells)))
    assert paths.minutes(part, LESSONS) in (lesson.reading + lesson.exercises,
                                            lesson.reading + lesson.exercises + 1)  # rounded up


def test_the_semester_has_every_lesson_once_in_twelve_weeks():
    rows = [row for row in table("semester")[1] if row[0].isdigit()]
    assert len(rows) == 12
    numbers = [sorted(re.findall(r"\[(\d\d) ", " ".join(row[1:3]))) for row in rows]
    assert sum(numbers, []) == sorted(HEADER)
    for row, week in zip(rows, numbers):
        assert int(row[3]) == sum(HEADER[n].reading + HEADER[n].exercises for n in week)
        assert int(row[4]) == sum(cell.is_exercise for n in week for cell in HEADER[n].cells)
    total = table("semester")[1][-1]
    assert int(total[3]) == sum(int(row[3]) for row in rows)
    assert int(total[4]) == sum(int(row[4]) for row in rows)
    assert paths.MAY <= {lesson.name[3:] for lesson in LESSONS}


@pytest.mark.parametrize("minutes", [[5, 1, 1, 1, 5], [3, 3, 3], [9, 1, 1, 1, 1, 1], [2] * 7])
def test_the_longest_week_is_as_short_as_it_can_be(minutes):
    made = [SimpleNamespace(reading=one, exercises=0) for one in minutes]

    def longest(cuts):
        ends = [0, *cuts, len(minutes)]
        return max(sum(minutes[a:b]) for a, b in zip(ends, ends[1:]))
    best = min(longest(cuts) for cuts in itertools.combinations(range(1, len(minutes)), 2))
    weeks = paths.weeks(made, 3)
    assert sum(weeks, []) == made and len(weeks) <= 3
    assert max(sum(one.reading for one in week) for week in weeks) == best


def test_the_stages_of_the_learners_policies_are_those_that_the_paths_lessons_need():
    actions = {path.stem: {action for one in json.loads(path.read_text())["Statement"]
                           for action in ([one["Action"]] * isinstance(one["Action"], str)
                                          or one["Action"])}
               for path in (ROOT / "workshop/account/policies/learner").glob("*.json")}
    calls = json.loads((ROOT / "tests/support/learner_calls.json").read_text())

    def needed(numbers):
        """Stages without which the lessons with these numbers lack an action."""
        made = {action for action, rows in calls.items()
                if any(set(numbers) & set(one) for *_, one in rows)}
        only = {next(stage for stage in actions if action in actions[stage]) for action in made
                if sum(action in one for one in actions.values()) == 1}
        assert made <= set().union(*(actions[stage] for stage in only))
        return only

    short, others = re.search(
        r"The paths up to two days need (.+?)\. The stages (.+?) are for lessons", TEACHING,
        re.DOTALL).groups()
    for path in paths.PATHS:
        parts = [*path.home, *(one for day in path.days for block in day.blocks
                               for one in block.parts)]
        assert needed({paths.find(one, LESSONS).number for one in parts}) == {
            *re.findall(r"`(\w+)`", short)}
    assert needed(HEADER) == {*re.findall(r"`(\w+)`", short + others)} == actions.keys()
    first, last = re.search(r"are for lessons (\d\d) to (\d\d)\.", TEACHING).groups()
    for number in HEADER:
        assert bool(needed([number]) & {*re.findall(r"`(\w+)`", others)}) == (
            first <= number <= last)


def test_costs_are_those_of_the_headers():
    rows = {row[0]: row[1:] for row in table("costs")[1][1:]}
    assert rows.keys() == {*(path.name for path in paths.PATHS), "semester"}
    paid = [float(lesson.cost.split("$")[1]) for lesson in LESSONS if "$" in lesson.cost]
    assert rows["semester"] == [str(len(paid)), f"under ${sum(paid):.2f}",
                                f"under ${20 * sum(paid):.2f}"]


@pytest.mark.parametrize("part, words", [
    (paths.Part("no_such_lesson"), "no lesson is named 'no_such_lesson'; there are set_up"),
    (paths.Part("clean_up", ("No such section",)), "has no section 'No such section'; it has"),
    (paths.Part("clean_up", ("Ask by name",), (9,)), "has no exercise 9")])
def test_what_does_not_exist_is_named(part, words):
    with pytest.raises(paths.PathError, match=words):
        paths.minutes(part, LESSONS)


def test_markers_that_are_missing_are_named():
    with pytest.raises(paths.PathError, match="one `<!-- begin one day -->`"):
        paths.filled(TEACHING.replace("begin one day", "begin"), LESSONS)


def test_each_lesson_has_its_five_questions_with_an_answer_of_a_line_or_two():
    found = {}
    for part in re.split(r"^### Lesson ", TEACHING, flags=re.MULTILINE)[1:]:
        found[part[:2]] = re.findall(r"^- \*\*([^*]+\?)\*\* (.+(?:\n  .+)*)", part, re.MULTILINE)
    assert found.keys() >= HEADER.keys()
    assert list(found) == sorted(found)
    assert {number: len(asked) for number, asked in found.items()} == dict.fromkeys(found, 5)
    answers = [answer for asked in found.values() for _, answer in asked]
    assert max(len(prose.words(answer)) for answer in answers) <= 40
    every = [question for asked in found.values() for question, _ in asked]
    assert len(set(every)) == len(every)


def test_the_guide_is_plain_english():
    text = re.sub(r"<!-- begin (.+?) -->.*?<!-- end \1 -->", "", TEACHING, flags=re.DOTALL)
    long = [one for one in prose.sentences(text) if len(prose.words(one)) > LONGEST]
    assert not long
    for words in INSTEAD:
        assert not re.findall(rf"\b({words})\b", text, re.IGNORECASE), INSTEAD[words]


@pytest.mark.parametrize("name", ["README.md", "TEACHING.md"])
def test_what_the_guides_call_and_link_exists(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for number, heading in re.findall(r'lessons\.catch_up\("(\d\d)",\s+"([^"]+)"\)', text):
        assert catch_up.above(HEADER[number], heading)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if not re.match(r"[a-z]+:", target):
            path = ROOT / (file or name)
            assert path.exists(), target
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE) \
                if anchor else []
            anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert not anchor or anchor in anchors, target
