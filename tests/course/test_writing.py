"""Plain English: how lessons are written, and the words that they do without."""
import re
import statistics

import pytest

from workshop.course import prose, render

LESSONS = render.lessons()
LONGEST, MEDIAN = 30, 14        # words in a sentence
NOTICE = 5                      # times that a lesson says what to look at

# What a reader in a second language stumbles over, and what to write instead.
INSTEAD = {
    r"mend(s|ed|ing)?": "fix; for MiniStack: patch",
    r"rights|(a|no) right (to|for)": "permission",
    r"(bring|brings|brought|bringing) out": "publish a version",
    r"dear(er|est)?": "expensive",
    r"stands? in (a|the|its|this)|stand(s|ing)? (here|there)": "is, is written, is listed",
    r"belongs? into": "belongs in",
    r"(is|are|was|were) otherwise": "differs",
    r"own to": "its own",
    r"luggage": "dependencies",
    r"mouths?": "clients",
    r"(is|are|was|were) told|told apart": "receives; cannot be distinguished",
    r"at once": "immediately; at the same time",
    r"whose is it|whoever|is ours|are ours": "name the person or the owner",
    r"front doors?": "endpoint type (explained in lesson 16)",
}
FRONT_DOOR = r"front doors?"    # lesson 16 explains it, and may use it from there on

every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=[lesson.name for lesson in LESSONS])


def markdown(lesson):
    return prose.markdown(lesson.cells)


@every_lesson
def test_sentences_are_short(lesson):
    found = prose.sentences(markdown(lesson))
    long = [one for one in found if len(prose.words(one)) > LONGEST]
    assert not long, f"over {LONGEST} words: {long}"
    assert statistics.median(len(prose.words(one)) for one in found) <= MEDIAN


@every_lesson
@pytest.mark.parametrize("word", INSTEAD, ids=list(INSTEAD.values()))
def test_words_are_common(lesson, word):
    if word == FRONT_DOOR and lesson.number >= "16":
        return
    found = [one for one in prose.sentences(markdown(lesson))
             if re.search(rf"\b({word})\b", one, re.IGNORECASE)]
    assert not found, f"write: {INSTEAD[word]}\n" + "\n".join(found)


@every_lesson
def test_lessons_have_one_form(lesson):
    text = markdown(lesson)
    for words in ("You will", "You need", "Time", "Cost"):
        assert f"**{words}**" in text
    titles = re.findall(r"^### Exercise \d+.*$", text, re.MULTILINE)
    form = r"### Exercise \d: .+ \((\d+) minutes\)"
    minutes = [re.fullmatch(form, title) for title in titles]
    assert all(minutes), f"### Exercise 1: its title (7 minutes); not {titles}"
    assert sum(int(found[1]) for found in minutes) == lesson.exercises
    assert "What to notice" not in text and text.count("*Notice") <= NOTICE


@every_lesson
def test_a_check_that_passes_prints_a_line(lesson):
    silent = [cell.line for cell in lesson.cells
              if "check" in cell.tags and "print(" not in cell.source]
    assert not silent, f"cells at lines {silent}"


@every_lesson
def test_minutes_of_reading_follow_from_the_text(lesson):
    minutes = prose.minutes(lesson.cells)
    assert lesson.reading == 5 * round(minutes / 5), f"{minutes:.0f} minutes"
