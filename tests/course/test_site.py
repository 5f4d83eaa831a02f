"""The site: pages that load nothing from a network, lead on, and say what they do not have."""
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

import axe
import devtools
from site_links import broken
from tiny_lessons import write_lesson
from waiting import until
from workshop.commands import browser
from workshop.course import lessons, render, site
from workshop.course.site import converted, diagrams
from workshop.machine.paths import ROOT

WIDE = "<table><tr>" + "<td>a long wide cell</td>" * 60 + "</tr></table>"
CHAIN = "flowchart LR\n" + "\n".join(f"    n{i}[step {i}] --> n{i + 1}[step {i + 1}]"
                                     for i in range(12))
STEPS = "\n".join(f"# {line}" for line in f"```mermaid\n{CHAIN}\n```".splitlines())
MORE = f"""
# %% [markdown]
# ## A chain of steps
#
# Here is [another place](#A-chain-of-steps), [nothing](../nothing.md),
# and [a picture](../data/garments/boot.png), which is no text.
#
{STEPS}

# %%
table
"""
SOLVED = ("00", "02")
WHEN = {"iopub.execute_input": "2026-11-29T10:00:00.000000Z"}


def execute(lesson, root, outputs=()):
    """Leave what the execution of a lesson leaves; its last cell has these outputs."""
    book = render.notebook(lesson, learner=False)
    book.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    book.cells[-1].outputs = list(outputs)
    book.cells[-1].metadata["execution"] = WHEN
    nbformat.write(book, lessons.executed(lesson, root))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A clone of two lessons that seem to have been executed, and one that was not."""
    root = tmp_path_factory.mktemp("clone")
    for name in ("00_make_it", "01_take_it", "02_not_run"):
        write_lesson(root, name, title=f"Title of {name}", more=MORE)
    (root / "data").mkdir()
    (root / "data/README.md").write_text("# Data\n\nFrom [a file](churn.csv), by "
                                         "[lesson 00](../notebooks/00_make_it.ipynb).\n")
    (root / "data/churn.csv").touch()
    (root / "data/garments").mkdir()
    (root / "data/garments/boot.png").write_bytes(b"\x08\x0a\xff")
    (root / "README.md").write_text("# Title\n\nWhat it is.\n\n```bash\nx\n```\n"
                                    "<!-- lessons -->\n<!-- /lessons -->\n")
    output = nbformat.v4.new_output
    for lesson in render.lessons(root)[:2]:
        execute(lesson, root, [
            output("execute_result", {"text/html": WIDE}, execution_count=1),
            output("stream", text="x"), output("stream", text="x" * 3000),
            output("stream", name="stderr", text="a warning"),
            output("stream", text="\x1b[31mred\x1b[0m \x1b[32mgreen\x1b[0m \x1b[33myellow\x1b[0m "
                                  "\x1b[34mblue\x1b[0m \x1b[35mmagenta\x1b[0m \x1b[36mcyan\x1b[0m"),
            output("display_data", {"text/html": "<script src='https://x.example/x.js'></script>"
                                                 '<img alt="A plot." src="data:image/png;base64,'
                                                 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAA'
                                                 'DUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==">'})])
    return root


@pytest.fixture(scope="module")
def pages(root):
    return site.build(root).parent


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The site of all lessons, two of them solved; without outputs or diagrams, for speed."""
    root = tmp_path_factory.mktemp("whole")
    for path in (*ROOT.glob("solutions/*.py"), ROOT / "solutions/glossary.yml", ROOT / "README.md",
                 *ROOT.glob("*/*.md"), *ROOT.glob("data/*.csv"), *ROOT.glob("workshop/*.py"),
                 *ROOT.glob("workshop/*/*.py"), *ROOT.glob("lambda/*/*.py")):
        copy = root / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    for lesson in render.lessons(root):
        if lesson.number in SOLVED:
            execute(lesson, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagrams, "draw", list)
        patch.setattr(converted, "FEW", 1000)       # in this process, which has the patch
        return site.build(root).parent


def read(pages, name="00_make_it"):
    return (pages / f"{name}.html").read_text(encoding="utf-8")


# --- what there is -----------------------------------------------------------------------------

def test_a_lesson_that_was_not_executed_has_the_learners_page_alone(tmp_path, capsys):
    write_lesson(tmp_path, "00_make_it")
    assert site.main([], tmp_path) == 0
    assert "no solved page of 00: not executed. `python3 -m workshop run 00`" in (
        capsys.readouterr().err)
    pages = tmp_path / "build/site"
    assert not (pages / "00_make_it.html").exists()
    assert "There is no solved version" in read(pages, "learner/00_make_it")
    assert '<a href="learner/00_make_it.html">00 Make it</a>' in read(pages, "index")
    assert "Not executed</strong>" in read(pages, "index")


def test_an_execution_of_other_code_counts_no_longer_and_its_page_goes(tmp_path, capsys):
    write_lesson(tmp_path, "00_make_it")
    execute(render.lessons(tmp_path)[0], tmp_path)
    assert site.main([], tmp_path) == 0 and capsys.readouterr().err == ""
    assert (tmp_path / "build/site/00_make_it.html").exists()
    path = write_lesson(tmp_path, "00_make_it", more="\n# %% [markdown]\n# A new sentence.\n")
    assert "A new sentence" in (site.build(tmp_path).parent / "00_make_it.html").read_text()
    path.write_text(path.read_text() + "\n# %%\nnew_code()\n")
    assert site.main([], tmp_path) == 0
    assert "no solved page of 00: changed since its execution" in capsys.readouterr().err
    assert not (tmp_path / "build/site/00_make_it.html").exists()
    assert "Changed since its execution</strong>" in read(tmp_path / "build/site", "index")


def test_complete_refuses_a_site_that_lacks_a_lesson(root, tmp_path, capsys):
    write_lesson(tmp_path, "00_make_it")
    assert site.main(["--complete"], tmp_path) == 1
    assert not (tmp_path / "build/site").exists()
    execute(render.lessons(tmp_path)[0], tmp_path)
    assert site.main(["--complete"], tmp_path) == 0


def test_what_has_not_changed_is_not_converted_again(root, pages, monkeypatch):
    monkeypatch.setattr(converted, "convert", lambda book: 1 / 0)
    began = time.monotonic()
    again = site.build(root)
    assert read(again.parent) == read(pages) and time.monotonic() - began < 60


def test_run_converts_what_was_executed_and_keeps_the_pages_that_are_there(tmp_path):
    for name in ("00_make_it", "01_take_it", "02_not_run"):
        write_lesson(tmp_path, name)
    execute(render.lessons(tmp_path)[0], tmp_path)
    pages = site.build(tmp_path, whole=False).parent
    assert {one.name for one in pages.glob("learner/*")} == {"00_make_it.html"}
    assert "`python3 -m workshop site` adds" in " ".join(re.sub(
        "</?code>", "`", read(pages, "index")).split())
    assert "02 " in read(pages, "index") and broken(pages) == []
    site.build(tmp_path)
    assert len([*pages.glob("learner/*")]) == 3 and "site</code> adds" not in read(pages, "index")
    site.build(tmp_path, whole=False)
    assert len([*pages.glob("learner/*")]) == 3


def test_two_commands_make_the_site_one_after_the_other(tmp_path, monkeypatch):
    at_work, most = [], []

    def pages(root, whole):
        at_work.append(root)
        time.sleep(0.3)
        most.append(len(at_work))
        at_work.pop()
        return []
    monkeypatch.setattr(site, "_pages", pages)
    with ThreadPoolExecutor() as pool:
        assert len({*pool.map(site.build, [tmp_path] * 2)}) == 1
    assert most == [1, 1]


def test_an_old_site_that_cannot_be_removed_is_put_aside(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "_pages", lambda *_: [])
    site.build(tmp_path)
    (tmp_path / "build/site/old.html").touch()
    monkeypatch.setattr(site.shutil, "rmtree", lambda *_, **__: None)    # as with an open file
    site.build(tmp_path)
    assert not (tmp_path / "build/site/old.html").exists()
    assert (tmp_path / "build/site.old/old.html").exists()


# --- pages -------------------------------------------------------------------------------------

def test_each_page_has_its_title_and_leads_to_its_neighbours(pages):
    first, second = read(pages), read(pages, "01_take_it")
    assert f"<title>00 Title of 00_make_it – {site.TITLE}</title>" in first
    assert '<a rel="next" href="01_take_it.html">01 Title of 01_take_it →</a>' in first
    assert '<a rel="prev" href="00_make_it.html">← 00 Title of 00_make_it</a>' in second
    assert "→</a>" not in second
    learner = read(pages, "learner/01_take_it")
    assert 'rel="next" href="../learner/02_not_run.html"' in learner


def test_both_versions_lead_to_each_other_and_say_which_they_are(pages):
    assert 'executed on 29 November 2026' in read(pages)
    assert '<a href="learner/00_make_it.html">Version with open exercises</a>' in read(pages)
    learner = read(pages, "learner/00_make_it")
    assert '<a href="../00_make_it.html">Solved and executed version</a>' in learner
    text = re.sub(r"<[^>]+>", "", learner)
    assert "return y + 1" not in text and "...  # your code here" in text
    assert "only in the solved copy" not in text


def test_links_lead_to_pages_of_the_site_and_what_leads_nowhere_is_no_link(pages):
    solved, learner = read(pages), read(pages, "learner/00_make_it")
    assert '<a href="01_take_it.html">the next one</a>' in solved
    assert '<a href="01_take_it.html">the next one</a>' in learner
    assert '<a href="files/data/README.md.html">the data</a>' in solved
    assert '<a href="../files/data/README.md.html">the data</a>' in learner
    assert '<a href="#A-chain-of-steps">another place</a>, nothing,\nand a picture,' in solved
    data = read(pages, "files/data/README.md")
    assert "From a file, by" in data                # one step from a lesson, and no further
    assert '<a href="../../learner/00_make_it.html">lesson 00</a>' in data
    assert broken(pages) == []


def test_the_front_page_has_the_introduction_and_what_each_lesson_is(pages):
    index = read(pages, "index")
    assert "<p>What it is.</p>" in index
    assert '<a href="00_make_it.html">00 Title of 00_make_it</a>' in index
    assert '<a href="learner/00_make_it.html">Lesson 00 with open exercises</a>' in index
    assert "3 + 2 minutes. No Docker. Free." in index and "In all: 9 + 6 minutes" in index


def test_what_a_cell_prints_in_several_pieces_is_one_text(pages):
    assert "x" * 3001 in read(pages)


def test_the_contents_list_every_heading(pages):
    found = re.search(r'<nav class="contents".*?</nav>', read(pages), re.DOTALL)[0]
    assert '<a href="#A-chain-of-steps">A chain of steps</a>' in found


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


# --- all lessons -------------------------------------------------------------------------------

def test_every_link_of_every_page_leads_somewhere(whole):
    assert len(list(whole.rglob("*.html"))) > len(render.lessons()) + len(SOLVED)
    assert broken(whole) == []


def test_no_page_names_anything_that_a_browser_would_fetch_from_a_network(pages, whole):
    for path in [*pages.rglob("*.html"), *whole.rglob("*.html")]:
        text = path.read_text(encoding="utf-8")
        top = "../" * (len(path.relative_to(whole if whole in path.parents else pages).parts) - 1)
        assert re.findall(r"<script[^>]*>", text) == [f'<script src="{top}script.js">'], path
        assert re.findall(r"<link\b[^>]*>", text) == [
            '<link rel="icon" href="data:,">', f'<link rel="stylesheet" href="{top}style.css">']
        assert not re.findall(r"@import|<iframe|\burl\(\s*[\"']?(?:https?:)?//", text), path
        assert not re.findall(r"<(?:img|source|video)[^>]*\ssrc=\"(?!data:)", text), path
        assert "default-src 'none'" in text


def test_headings_of_every_page_come_in_order_and_begin_with_one_title(whole):
    for path in whole.rglob("*.html"):
        levels = [int(one) for one in re.findall(r"<h([1-6])\b", path.read_text("utf-8"))]
        assert levels[0] == 1 and levels.count(1) == 1, path
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:])), path


def test_every_page_has_a_title_of_its_own(whole):
    titles = [re.search("<title>(.*?)</title>", path.read_text("utf-8"))[1]
              for path in whole.rglob("*.html")]
    assert len(set(titles)) == len(titles)


def test_the_index_of_the_search_has_every_lesson_once(whole):
    rows = json.loads((whole / "search.js").read_text("utf-8").partition("=")[2].rstrip(";\n"))
    found = {path for path, *_ in rows}
    lessons_ = [f"{'' if lesson.number in SOLVED else 'learner/'}{lesson.name}.html"
                for lesson in render.lessons()]
    assert {path for path in found if re.match(r"(learner/)?\d\d_", path)} == set(lessons_)
    assert all((whole / path).exists() for path in found)
    assert [path for path, _, anchor, *_ in rows if anchor == "cold-start"] == ["glossary.html"]
    assert any("cross_validate" in text for *_, text in rows), "code is found too"


def test_the_files_of_the_site_are_those_that_pages_need(whole):
    assert {path.name for path in whole.iterdir() if path.suffix != ".html"} == {
        "learner", "files", "script.js", "search.js", "style.css"}
    assert all(path.suffix == ".html" for folder in ("learner", "files")
               for path in Path(whole / folder).rglob("*") if path.is_file())


# --- in a browser ------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    """A page of a real browser, for one module: its profile remembers what pages store."""
    found = browser.find()
    if not found:
        pytest.skip("no Chrome or Chromium is installed (WORKSHOP_BROWSER may name one)")
    with devtools.page(found, "about:blank", tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.mark.parametrize("width", axe.WIDTHS)
def test_every_page_loads_the_site_alone_and_nothing_sticks_out(pages, whole, tab, width):
    for site_ in (pages, whole):
        wanted = {(site_ / name).as_uri() for name in ("style.css", "script.js")}
        for path in site_.rglob("*.html"):
            axe.visit(tab, path.as_uri(), width=width)
            # What the browser has in its memory since the page before is not among them.
            loaded = tab.ask("performance.getEntriesByType('resource').map(e => e.name)")
            assert set(loaded) <= wanted, path
            assert tab.ask("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("colours", axe.COLOURS)
@pytest.mark.parametrize("width", axe.WIDTHS)
def test_a_page_with_every_kind_of_output_keeps_nobody_out(pages, tab, width, colours):
    axe.visit(tab, (pages / "00_make_it.html").as_uri(), colours, width)
    assert axe.severe(tab) == []


@pytest.mark.parametrize("width, colours", list(zip(axe.WIDTHS, axe.COLOURS)))
@pytest.mark.parametrize("name", [
    "index", "glossary", "00_set_up_and_look_around", "learner/02_train_churn_model",
    "files/workshop/LOCAL_CLOUD.md"])
def test_the_pages_of_the_workshop_keep_nobody_out(whole, tab, name, width, colours):
    axe.visit(tab, (whole / f"{name}.html").as_uri(), colours, width)
    assert axe.severe(tab) == []


@pytest.mark.parametrize("words, ci, outcome", [
    ("THESE PACKAGES DO NOT MATCH THE HASHES", "", RuntimeError),
    ("No matching distribution found for axe", "", pytest.skip.Exception),
    ("No matching distribution found for axe", "true", RuntimeError)])
def test_accessibility_is_skipped_only_without_a_network(monkeypatch, words, ci, outcome):
    def install(*_):
        raise RuntimeError(words)
    monkeypatch.setattr(axe.beside, "install", install)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome):
        axe.script.__wrapped__()


def test_the_accessibility_check_would_find_a_fault(tab, tmp_path):
    (tmp_path / "a.html").write_text('<html><p style="color: #bbb">pale</p><img src="data:,">')
    axe.visit(tab, (tmp_path / "a.html").as_uri())
    assert {"color-contrast", "html-has-lang", "image-alt"} <= {one[1] for one in axe.severe(tab)}


def test_the_search_finds_a_term_and_leads_to_it(whole, tab):
    axe.visit(tab, (whole / "learner/05_ship_to_lambda.html").as_uri())
    tab.press("/", *"cold start")
    until(lambda: tab.ask("document.querySelectorAll('#results li').length"), "places are found")
    assert tab.ask("document.querySelector('#results a').getAttribute('href')") == (
        "../glossary.html#cold-start")
    assert axe.severe(tab) == []
    tab.press("Enter", "Enter")                     # to the first place, and there
    until(lambda: tab.ask("location.href").endswith("/glossary.html#cold-start"), "it is open")


def test_the_search_says_when_it_finds_nothing_and_escape_closes_it(whole, tab):
    axe.visit(tab, (whole / "index.html").as_uri())
    tab.press("/", *"xyzzy")
    until(lambda: tab.ask("document.querySelector('#results').textContent"), "it answers")
    assert "Nothing has all of these words" in tab.ask(
        "document.querySelector('#results').textContent")
    tab.press("Escape")
    assert tab.ask("document.querySelector('#results').hidden")


def test_light_or_dark_is_the_systems_choice_until_the_reader_chooses(pages, tab):
    """The choice is remembered for other pages; it is taken back at the end."""
    ground = "getComputedStyle(document.body).backgroundColor"
    axe.visit(tab, (pages / "00_make_it.html").as_uri(), "light")
    light = tab.ask(ground)
    axe.visit(tab, (pages / "00_make_it.html").as_uri(), "dark")
    assert tab.ask(ground) != light
    tab.click("#dark")
    assert tab.ask(ground) == light
    axe.visit(tab, (pages / "01_take_it.html").as_uri(), "dark")
    assert tab.ask(ground) == light
    assert tab.ask("document.querySelector('#dark').getAttribute('aria-pressed')") == "false"
    tab.ask("localStorage.clear()")


def test_keys_lead_through_the_lessons_and_can_be_switched_off(pages, tab):
    first, second = ((pages / f"{name}.html").as_uri() for name in ("00_make_it", "01_take_it"))
    axe.visit(tab, first)
    tab.press("Tab")
    assert tab.ask("document.activeElement.className") == "skip"
    assert tab.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for key, there in (("n", second), ("p", first)):
        tab.press(key)
        until(lambda: tab.ask(f"location.href == {json.dumps(there)} "
                              "&& document.readyState == 'complete'"), f"{key} leads there")
    tab.ask("document.querySelector('#keys').scrollIntoView()")
    tab.click("#keys")
    tab.press("/", "n")
    assert tab.ask("document.activeElement.id") != "query"
    axe.visit(tab, second)
    assert tab.ask("document.querySelector('#keys').checked") is False
    tab.ask("localStorage.clear()")


def test_what_scrolls_in_its_box_is_reached_with_tab(pages, tab):
    axe.visit(tab, (pages / "00_make_it.html").as_uri(), width=390)
    boxes = tab.ask("""[...document.querySelectorAll('pre, .wide, .diagram')].filter(
        one => one.scrollWidth > one.clientWidth).map(one => one.tabIndex)""")
    assert len(boxes) >= 3 and set(boxes) == {0}


def test_on_paper_what_is_folded_is_open_and_there_is_no_navigation(pages, tab):
    axe.visit(tab, (pages / "00_make_it.html").as_uri(), "dark")
    tab.ask("dispatchEvent(new Event('beforeprint'))")
    tab.send("Emulation.setEmulatedMedia", media="print")
    assert tab.ask("[...document.querySelectorAll('main details')].every(one => one.open)")
    assert tab.ask("getComputedStyle(document.querySelector('header')).display") == "none"
    assert tab.ask("getComputedStyle(document.querySelector('main pre')).whiteSpace") == "pre-wrap"
    assert tab.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    tab.send("Emulation.setEmulatedMedia", media="")
    tab.ask("dispatchEvent(new Event('afterprint'))")
    assert not tab.ask("[...document.querySelectorAll('main details')].some(one => one.open)")
