"""The pages of executed lessons: they load nothing, lead on, and hold every picture."""
import re

import nbformat
import pytest

import devtools
from tiny_lessons import write_lesson
from waiting import until
from workshop.commands import browser
from workshop.course import lessons, render, site

WIDE = "<table><tr>" + "<td>a long wide cell</td>" * 60 + "</tr></table>"
CHAIN = "flowchart LR\n" + "\n".join(f"    n{i}[step {i}] --> n{i + 1}[step {i + 1}]"
                                     for i in range(12))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The site of two lessons that seem to have been executed."""
    tmp_path = tmp_path_factory.mktemp("clone")
    for name in ("00_make_it", "01_take_it"):
        write_lesson(tmp_path, name, title=f"Title of {name}")
    write_lesson(tmp_path, "02_not_run")
    for lesson in render.lessons(tmp_path)[:2]:
        book = render.notebook(lesson, learner=False)
        book.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
        book.cells.append(nbformat.v4.new_markdown_cell(f"```mermaid\n{CHAIN}\n```"))
        book.cells.append(nbformat.v4.new_code_cell("table", execution_count=1, outputs=[
            nbformat.v4.new_output("execute_result", {"text/html": WIDE}, execution_count=1),
            nbformat.v4.new_output("stream", text="x" * 3000)]))
        nbformat.write(book, lessons.executed(lesson, tmp_path))
    return site.build(tmp_path).parent


def read(pages, name="00_make_it"):
    return (pages / f"{name}.html").read_text(encoding="utf-8")


def test_without_an_executed_lesson_there_is_no_site(tmp_path):
    write_lesson(tmp_path, "00_make_it")
    assert site.build(tmp_path) is None


@pytest.mark.parametrize("name", ["00_make_it", "index"])
def test_a_page_names_nothing_that_a_browser_would_fetch(pages, name):
    text = read(pages, name)
    assert not re.findall(r"<script[^>]*\ssrc=|<link\b|@import|<iframe|import\(", text)
    assert not re.findall(r"url\(\s*[\"']?(?:https?:)?//", text)
    assert not re.findall(r"<(?:img|source|video)[^>]*\ssrc=\"(?!data:)", text)


def test_links_between_lessons_stay_in_the_site_and_others_reach_the_clone(pages):
    links = re.findall(r'<a href="([^"]+)"', read(pages))
    assert "01_take_it.html" in links
    assert "../../data/README.md" in links
    assert not [link for link in links if link.endswith(".ipynb")]
    local = [link for link in links if link.endswith(".html")]
    assert local and all((pages / link).exists() for link in local)


def test_each_page_has_its_title_and_leads_to_its_neighbours(pages):
    first, second = read(pages), read(pages, "01_take_it")
    assert "<title>00 Title of 00_make_it</title>" in first
    assert first.count('<a href="01_take_it.html">01 Title of 01_take_it →</a>') == 2
    assert second.count('<a href="00_make_it.html">← 00 Title of 00_make_it</a>') == 2
    assert "→</a>" not in second
    assert second.count('<a href="index.html">') == 2


def test_the_index_lists_every_lesson_and_says_which_did_not_run(pages):
    index = read(pages, "index")
    assert '<a href="00_make_it.html">00 Title of 00_make_it</a>' in index
    assert "02 Make it (not executed)" in index and "02_not_run.html" not in index


def test_hints_stay_folded(pages):
    assert re.search(r"<details><summary>Hint</summary>\s*<p>Add <em>one</em>.</p>\s*</details>",
                     read(pages))


def test_a_solution_is_folded_below_its_check(pages):
    text = re.sub(r"<[^>]+>", "", re.sub(r"<(/?)(details|summary)[^>]*>", r"[\1\2]", read(pages)))
    exercise, check, solution = (text.index(words) for words in (
        "...  # your code here", "assert more(1) == 2", "[details][summary]Solution[/summary]"))
    assert exercise < check < solution
    folded = text[solution:text.index("[/details]", solution)]
    assert "return y + 1" in folded and text.count("return y + 1") == 1


def test_diagrams_are_drawn_with_words_for_those_who_do_not_see_them(pages):
    text = read(pages)
    assert "```mermaid" not in text and "flowchart LR" not in text
    assert 'aria-label="Diagram: a table → train → model."' in text
    svgs = re.findall(r'<svg[^>]* id="(diagram-\d+)"', text)
    assert svgs == ["diagram-1", "diagram-2"]


def test_the_authors_own_description_comes_first():
    drawn = site.diagram("flowchart LR\n  accDescr: One leads to two.\n  a --> b", "d")
    assert 'aria-label="One leads to two."' in drawn


def test_a_diagram_that_cannot_be_drawn_is_told_with_its_source():
    with pytest.raises(ValueError, match="Mermaid cannot draw this diagram(.|\n)*no such"):
        site.diagram("no such diagram", "d")


@pytest.mark.parametrize("width", [1280, 480])
def test_in_a_browser_a_page_loads_nothing_and_nothing_sticks_out(pages, tmp_path, width):
    found = browser.find()
    if not found:
        pytest.skip("no Chrome or Chromium is installed (WORKSHOP_BROWSER may name one)")
    address = (pages / "00_make_it.html").as_uri()
    with devtools.page(found, address, tmp_path / "profile") as page:
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=False)
        until(lambda: page.ask("document.readyState") == "complete", "the page is loaded")
        assert page.ask("document.title") == "00 Title of 00_make_it"
        assert page.ask("performance.getEntriesByType('resource').map(e => e.name)") == []
        assert page.ask("document.documentElement.scrollWidth") <= width
        assert page.ask("document.querySelectorAll('figure.diagram svg').length") == 2
        assert page.ask("document.querySelector('details').open") is False
