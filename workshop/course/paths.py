"""Paths through the lessons for a course of some hours or weeks: the tables of TEACHING.md.

A path names lessons and, where a lesson is too long for it, their sections. All minutes come from
the lessons: from their headers, from the headings of exercises, and for sections from the text.
Lessons are named without their number, so that another number changes nothing here.
"""
import math
import re
from typing import NamedTuple

from workshop.course import prose

QUESTIONS = 0.25            # of a block's minutes: for questions, and for laptops that are slow
ROUND = 5                   # minutes; a block ends at a time that people remember
LEARNERS = 20               # for whom costs are computed
MARKER = "<!-- {} {} -->"   # what stands between the markers of a name is written by `render`


class PathError(ValueError):
    """A path names a lesson, a section or an exercise that does not exist."""


class Part(NamedTuple):
    """A lesson, or some of its sections and exercises; `must` is False for what may be left out."""

    lesson: str                         # without the number, as "open_https_endpoint"
    sections: tuple[str, ...] = ()      # headings; none: the whole lesson, exercises too
    exercises: tuple[int, ...] = ()     # with sections: those that are done as well
    must: bool = True
    prepared: str = ""                  # `catch_up` executes the cells above this heading before
    between: bool = False               # the cells between the sections are run, too


class Block(NamedTuple):
    """What is done without a break, how it is seen that all are there, and the break after it."""

    title: str
    parts: tuple[Part, ...]
    checkpoint: str
    pause: int = 15                     # minutes


class Day(NamedTuple):
    """A day of a course. `end` is the latest time that is allowed, as minutes of the day."""

    start: int
    end: int
    blocks: tuple[Block, ...]


class Path(NamedTuple):
    """A course: what everybody does at home before it, and its days."""

    name: str
    home: tuple[Part, ...]
    days: tuple[Day, ...]


def hours(text: str) -> int:
    """Minutes of the day from "09:30"."""
    hour, minute = text.split(":")
    return 60 * int(hour) + int(minute)


SET_UP, FIRST = Part("set_up_and_look_around"), Part("write_and_invoke_function")
TRAIN, EXPORT = Part("train_churn_model"), Part("export_to_onnx")
IMAGE, SHIP, OPEN = (Part("build_lambda_image"), Part("ship_to_lambda"),
                     Part("open_https_endpoint"))
PROOF = Part("export_to_onnx", ("Prove that it is the same model",
                                "What does it answer to nonsense?"),
             prepared="Prove that it is the same model")
INCIDENT = Part("release_safely", ("What we build", "A model that fails", "How many did it get?",
                                   "Why not alarm on Lambda's errors?"),
                prepared="A model that fails")
FAILURES = Part("break_it", ("An image for another processor", "A tag that has moved",
                             "Out of memory"),
                prepared="An image for another processor", between=True)
BUDGET = Part("clean_up", ("First of all, a budget", "What would it have cost?"))

THREE_HOURS = Path("three hours", home=(SET_UP, TRAIN, EXPORT), days=(
    Day(hours("09:00"), hours("12:00"), (
        Block("A function in the cloud", (
            Part("write_and_invoke_function", (
                "What is Lambda?", "Start from nothing", "What does a handler look like?",
                "How does the code get there?", "What may the function do?", "Create the function",
                "Invoke it, from Python", "What does the log say?"), (1,), between=True),
            PROOF), "Everybody has an answer of `hello`, and has seen the largest difference "
                    "between the two models.", pause=0),
        Block("An image that answers", (
            Part("build_lambda_image", (
                "What is an image?", "What goes in", "The Dockerfile, line by line", "Build",
                "Run it as Lambda would", "And a bad request?")),
            Part("build_lambda_image", ("How large are the layers?",), (2,), must=False)),
            "The emulator returns a probability for one customer."),
        Block("In the cloud, behind HTTPS", (
            Part("ship_to_lambda", ("Where we are", "A place for the image", "Log in",
                                    "Tag and push", "What may the function do?",
                                    "Create the function", "Invoke it", "Three seconds"),
                 between=True),
            Part("open_https_endpoint", ("The function behind the endpoint",
                                         "What an API gateway does", "Four calls and a permission",
                                         "Call it", "When the request is wrong"), (1,)),
            Part("open_https_endpoint", ("When a browser calls",)),
            Part("ship_to_lambda", ("How much memory?",), must=False)),
            "`POST /predict` answers 200, and a misspelt path answers 404.", pause=10),
        Block("When it goes wrong", (FAILURES, INCIDENT, BUDGET),
              "Everybody can say which message names its cause and which does not, and has a "
              "budget or a date for it.", pause=0))),))

ONE_DAY = Path("one day", home=(SET_UP, TRAIN), days=(
    Day(hours("09:00"), hours("17:30"), (
        Block("A function in the cloud", (FIRST,), "`hello` answers from Python and from the "
                                                   "command line."),
        Block("A model without its framework", (EXPORT,), "`build/models/churn.onnx` exists, and "
                                                          "both models agree on every row.", 0),
        Block("An image that answers", (IMAGE,), "The emulator returns a probability for one "
                                                 "customer.", 60),
        Block("In the cloud", (SHIP,), "`churn` answers an invoke, and version 1 is back."),
        Block("Behind HTTPS", (OPEN,), "`POST /predict` answers 200 with a token, and nothing is "
                                       "left at the end."),
        Block("When it goes wrong", (INCIDENT, BUDGET, FAILURES._replace(must=False)),
              "Everybody has a budget or a date for it.", 0))),))

TWO_DAYS = Path("two days", home=(SET_UP,), days=(
    Day(hours("09:00"), hours("17:30"), (
        Block("A function in the cloud", (FIRST,), "`hello` answers from Python and from the "
                                                   "command line."),
        Block("A model", (TRAIN,), "`build/models/churn.pkl` exists.", 60),
        Block("A model without its framework", (EXPORT,), "`build/models/churn.onnx` exists, and "
                                                          "both models agree on every row."),
        Block("An image that answers", (IMAGE,), "The emulator returns a probability for one "
                                                 "customer."),
        Block("In the cloud", (SHIP,), "`churn` answers an invoke, and version 1 is back.", 0))),
    Day(hours("09:00"), hours("17:30"), (
        Block("Behind HTTPS", (OPEN,), "`POST /predict` answers 200 with a token, and nothing is "
                                       "left at the end."),
        Block("Cold starts", (Part("bring_down_cold_starts"),), "Each has the ladder with its "
                                                                "intervals.", 60),
        Block("Release and roll back", (Part("release_safely"),), "The alarm has removed the bad "
                                                                  "version."),
        Block("Failures, and what they cost", (FAILURES, Part("clean_up"), Part(
            "choose_memory_estimate_bill", ("Memory buys processor time",), must=False,
            prepared="Memory buys processor time")),
            "`inventory.find()` finds nothing of theirs.", 0))),))

PATHS = (THREE_HOURS, ONE_DAY, TWO_DAYS)
WEEKS = 12
# In a semester, a group without time or interest leaves these out; nothing later needs them.
MAY = {"bring_pytorch_model", "ship_without_image", "trade_on_hybrid_signal",
       "choose_lambda_or_sagemaker", "put_under_load"}


# --- minutes -----------------------------------------------------------------------------------

def sections(lesson) -> dict[str, list]:
    """The lesson's cells by the heading above them; those before the first one under ""."""
    found = {"": []}
    for cell in lesson.cells:
        if cell.kind == "markdown":
            for heading in re.findall(r"^##+ (.+)$", cell.source, re.MULTILINE)[:1]:
                found[heading] = []
        found[[*found][-1]].append(cell)
    return found


def find(part: Part, lessons):
    """The lesson of a part. Raises PathError for a lesson, section or exercise that is missing."""
    lesson = next((one for one in lessons if one.name[3:] == part.lesson), None)
    if lesson is None:
        raise PathError(f"paths: no lesson is named {part.lesson!r}; there are "
                        f"{', '.join(one.name[3:] for one in lessons)}")
    known = sections(lesson)
    if missing := [heading for heading in (*part.sections, *([part.prepared] * bool(part.prepared)))
                   if heading not in known]:
        raise PathError(f"paths: lesson {lesson.number} has no section {missing[0]!r}; it has "
                        f"{'; '.join(known)}")
    numbers = [number for number, _, _ in prose.exercises(lesson.cells)]
    if missing := set(part.exercises) - set(numbers):
        raise PathError(f"paths: lesson {lesson.number} has no exercise {min(missing)}")
    return lesson


def minutes(part: Part, lessons) -> int:
    """How long a part takes. Raises PathError."""
    lesson = find(part, lessons)
    if not part.sections:
        return lesson.reading + lesson.exercises
    known = sections(lesson)
    share = sum(prose.minutes(known[heading]) for heading in part.sections)
    # The header's minutes are the text's, rounded: a section has its share of them.
    reading = math.ceil(share / prose.minutes(lesson.cells) * lesson.reading)
    return reading + sum(time for number, _, time in prose.exercises(lesson.cells)
                         if number in part.exercises)


def length(block: Block, lessons) -> int:
    """A block's minutes with time for questions, without the break after it."""
    total = sum(minutes(part, lessons) for part in block.parts)
    return ROUND * math.ceil(total * (1 + QUESTIONS) / ROUND)


def weeks(lessons, count: int = WEEKS) -> list[list]:
    """The lessons in so many weeks, in order, so that the longest week is as short as it can be."""
    total = [one.reading + one.exercises for one in lessons]

    def needed(limit: int) -> list[list]:
        found, left = [], 0
        for lesson, time in zip(lessons, total):
            if time > left:
                found.append([])
                left = limit
            found[-1].append(lesson)
            left -= time
        return found

    limit = next(limit for limit in range(max(total), sum(total) + 1)
                 if len(needed(limit)) <= count)
    return needed(limit)


# --- tables ------------------------------------------------------------------------------------

def tables(lessons) -> dict[str, str]:
    """Every table of TEACHING.md as Markdown, by the name in its markers. Raises PathError."""
    found = {path.name: timetable(path, lessons) for path in PATHS}
    return found | {"semester": semester(lessons), "costs": costs(lessons)}


def filled(text: str, lessons) -> str:
    """The text of TEACHING.md with each table between its markers. Raises PathError."""
    for name, table in tables(lessons).items():
        start, end = MARKER.format("begin", name), MARKER.format("end", name)
        if text.count(start) != 1 or text.count(end) != 1:
            raise PathError(f"TEACHING.md: needs one `{start}` and one `{end}`")
        before, rest = text.split(start)
        text = f"{before}{start}\n{table}\n{end}{rest.split(end)[1]}"
    return text


def clock(time: int) -> str:
    """The time of day, as "09:05", from minutes."""
    return f"{time // 60:02}:{time % 60:02}"


def timetable(path: Path, lessons) -> str:
    """A path's table: what is done at home, then each day with its times."""
    home = ", ".join(f"{_link(part, lessons)} ({minutes(part, lessons)} minutes)"
                     for part in path.home)
    lines = [f"**At home before it:** {home}; "
             f"{sum(minutes(part, lessons) for part in path.home)} minutes in all."]
    for number, day in enumerate(path.days, 1):
        lines += ["", *([f"**Day {number}**", ""] if len(path.days) > 1 else []),
                  "| time | block | parts (minutes) | may be left out | with questions |",
                  "|---|---|---|---|---|"]
        now = day.start
        for block in day.blocks:
            long = length(block, lessons)
            lines.append(f"| {clock(now)} | {block.title} | {_parts(block, lessons, True)} | "
                         f"{_parts(block, lessons, False) or '–'} | {long} |")
            now += long
            if block.pause:
                lines.append(f"| {clock(now)} | *break* | | | {block.pause} |")
                now += block.pause
        lines += [f"| {clock(now)} | *end* | | | {now - day.start} |", "",
                  "| checkpoint after | what you see |", "|---|---|",
                  *(f"| {block.title} | {block.checkpoint}{_done(block, lessons)} |"
                    for block in day.blocks), *_to_prepare(day, lessons)]
    return "\n".join(lines)


def call(lesson, heading: str) -> str:
    """The code that executes what is above a heading, for the first cell of a notebook."""
    return f'from workshop import lessons; lessons.catch_up("{lesson.number}", "{heading}")'


def _to_prepare(day: Day, lessons) -> list[str]:
    """A table of the lessons that a day begins in the middle, each with its call; or nothing."""
    found = {part: block.title for block in day.blocks for part in block.parts if part.prepared}
    if not found:
        return []
    return ["", "| prepare before | in a new first cell of | run |", "|---|---|---|",
            *(f"| {title} | {_link(part, lessons)} | "
              f"`{call(find(part, lessons), part.prepared)}` |" for part, title in found.items())]


def _parts(block: Block, lessons, must: bool) -> str:
    return "; ".join(f"{_words(part, lessons)} ({minutes(part, lessons)})"
                     for part in block.parts if part.must == must)


def _words(part: Part, lessons) -> str:
    """A part as a link to its lesson, with its sections and exercises."""
    sections_ = ", ".join(f"*{heading}*" for heading in part.sections)
    sections_ += " and the cells between them" if part.between else ""
    tasks = "".join(f", exercise {number}" for number in part.exercises)
    return _link(part, lessons) + (f": {sections_}{tasks}" if part.sections else "")


def _link(part: Part, lessons) -> str:
    lesson = find(part, lessons)
    return f"[{lesson.number}](notebooks/{lesson.name}.ipynb)"


def _done(block: Block, lessons) -> str:
    """What `progress` shows after a block's exercises."""
    done = []
    for part in block.parts:
        lesson = find(part, lessons)
        numbers = part.exercises if part.sections else [
            number for number, _, _ in prose.exercises(lesson.cells)]
        if part.must and numbers:
            done.append(f"{lesson.number}: {', '.join(map(str, numbers))}")
    return f" `progress` has exercises of {'; of '.join(done)}." if done else ""


def semester(lessons) -> str:
    """A row for each week: lessons, those that may be left out, minutes, exercises."""
    lines = ["| week | lessons | may be left out | minutes | exercises for `progress` |",
             "|---|---|---|---|---|"]
    for number, week in enumerate(weeks(lessons), 1):
        must, may = ("; ".join(f"[{one.number} {one.title}](notebooks/{one.name}.ipynb)"
                               for one in week if (one.name[3:] in MAY) == optional) or "–"
                     for optional in (False, True))
        lines.append(f"| {number} | {must} | {may} | "
                     f"{sum(one.reading + one.exercises for one in week)} | "
                     f"{sum(len(prose.exercises(one.cells)) for one in week)} |")
    total = sum(one.reading + one.exercises for one in lessons)
    lines.append(f"| all | | | {total} | {sum(len(prose.exercises(x.cells)) for x in lessons)} |")
    return "\n".join(lines)


def dollars(lesson) -> float:
    """The most that a lesson costs on AWS, from the words of its header; "free" is 0."""
    found = re.search(r"\$([\d.]+)", lesson.cost)
    return float(found[1]) if found else 0.0


def costs(lessons) -> str:
    """What each path costs at most on AWS. A lesson of which a part is done counts whole."""
    lines = [f"| path | lessons that cost | one learner | {LEARNERS} learners |",
             "|---|---|---|---|"]
    for path in PATHS:
        parts = [*path.home, *(part for day in path.days for block in day.blocks
                               for part in block.parts)]
        lines.append(_cost(path.name, {find(part, lessons).number for part in parts}, lessons))
    lines.append(_cost("semester", {one.number for one in lessons}, lessons))
    return "\n".join(lines)


def _cost(name: str, numbers: set[str], lessons) -> str:
    paid = [dollars(one) for one in lessons if one.number in numbers and dollars(one)]
    return (f"| {name} | {len(paid)} | under ${sum(paid):.2f} | "
            f"under ${LEARNERS * sum(paid):.2f} |")
