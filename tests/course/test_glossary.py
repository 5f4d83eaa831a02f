"""The glossary: its terms, its page, and the links that rendering puts into the lessons."""
import json
import re
import statistics

import nbformat
import pytest

from tiny_lessons import write_lesson
from workshop.course import glossary, lessons, prose, render, site
from workshop.course.glossary import Term
from workshop.machine.paths import NOTEBOOKS, ROOT, SOLUTIONS

TERMS = glossary.read(ROOT)
COLD, ROLE = Term("cold start", ""), Term("role", "", others=("take the role of",))
ARN, TRUST, POLICY = Term("ARN", ""), Term("trust policy", ""), Term("policy", "", ("policies",))
LINK = re.compile(r"\]\(([^)#\s]*glossary\.md)#([^)\s]+)\)")
EXAMPLE = "role:\n  text: An identity.\n"


def link(*texts, terms=(COLD, ROLE, ARN, TRUST, POLICY)):
    return glossary.linked(list(texts), terms, "g.md")


def markdown(path):
    """The Markdown cells of a notebook on disk."""
    return ["".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]
            if cell["cell_type"] == "markdown"]


# --- the terms ---------------------------------------------------------------------------------

def test_each_term_has_one_or_two_plain_sentences():
    for term in TERMS:
        found = prose.sentences(term.text)
        assert 1 <= len(found) <= 3, term.name
        assert max(len(prose.words(one)) for one in found) <= 25, term.name
    everything = [one for term in TERMS for one in prose.sentences(term.text)]
    assert statistics.median(len(prose.words(one)) for one in everything) <= 14


def test_no_spelling_belongs_to_two_terms():
    spellings = [words for term in TERMS for words in (term.name, *term.forms)]
    assert len(set(spellings)) == len(spellings) > len(TERMS) >= 40


def test_terms_out_of_order_are_refused():
    with pytest.raises(glossary.GlossaryError, match="alias: belongs before role"):
        glossary._terms(EXAMPLE + "alias:\n  text: A name.\n")


def test_an_unknown_key_is_refused():
    with pytest.raises(glossary.GlossaryError, match="role: give `text`"):
        glossary._terms(EXAMPLE + "  form: [roles]\n")


def test_a_term_that_no_lesson_uses_is_refused(tmp_path, capsys):
    write_lesson(tmp_path, "00_make_it")
    (tmp_path / glossary.SOURCE).write_text(EXAMPLE)
    assert render.main([], tmp_path) == 1
    assert "role: no lesson uses this term" in capsys.readouterr().err


# --- links -------------------------------------------------------------------------------------

def test_only_the_first_use_in_a_lesson_is_a_link():
    assert link("A cold start.", "A cold start: a role.", "The role.") == [
        "A [cold start](g.md#cold-start).", "A cold start: a [role](g.md#role).", "The role."]


@pytest.mark.parametrize("before, after", [
    ("**Cold starts** cost.", "**[Cold starts](g.md#cold-start)** cost."),
    ("a cold\nstart", "a [cold\nstart](g.md#cold-start)"),
    ("- two policies", "- two [policies](g.md#policy)"),
    ("the role's name", "the [role](g.md#role)'s name"),
    ("`role` or role", "`role` or [role](g.md#role)"),
    ("a trust policy, a policy", "a [trust policy](g.md#trust-policy), a [policy](g.md#policy)"),
    ("<details><summary>A role</summary>\n\nThe role.\n</details>",
     "<details><summary>A role</summary>\n\nThe [role](g.md#role).\n</details>"),
])
def test_spellings_are_found_in_prose(before, after):
    assert link(before) == [after]


@pytest.mark.parametrize("text", [
    "`a role`", "```json\n{role: 1}\n```", "```mermaid\nflowchart LR\n  a[a role] --> b\n```",
    "## The role", "| role | what |", "[the role](x.md)", "![a role](x.png)", "$$role$$",
    "<details><summary>A role</summary>", "<img alt='a role'>", "https://x.org/role",
    "take the role of Lambda", "parole", "role-based", "file.role", "the arn", "``a `role` ``",
])
def test_what_is_not_the_term_in_prose_stays(text):
    assert link(text) == [text]


def test_a_common_word_can_be_a_term_in_bold_only():
    version = Term("version", "", bold=True)
    assert link("a version", "a **version**", terms=(version,)) == [
        "a version", "a **[version](g.md#version)**"]


@pytest.mark.parametrize("lesson", render.lessons(), ids=lambda lesson: lesson.name)
@pytest.mark.parametrize("folder", [SOLUTIONS, NOTEBOOKS], ids=lambda folder: folder.name)
def test_every_link_of_a_notebook_leads_to_a_term(folder, lesson):
    text = "\n\n".join(markdown(folder / f"{lesson.name}.ipynb"))
    found = LINK.findall(text)
    assert found, "no term is linked"
    assert all((folder / path).resolve() == ROOT / glossary.PAGE for path, _ in found)
    anchors = [anchor for _, anchor in found]
    assert set(anchors) <= {term.anchor for term in TERMS}
    assert len(set(anchors)) == len(anchors), "a term is linked twice"


def test_links_change_nothing_else():
    for lesson in render.lessons():
        cells = [cell.source for cell in lesson.cells if cell.kind == "markdown"]
        plain = [re.sub(r"\[([^\]]+)\]\([^)#\s]*glossary\.md#[^)\s]+\)", r"\1", text)
                 for text in markdown(SOLUTIONS / f"{lesson.name}.ipynb")]
        assert plain == cells


# --- pages -------------------------------------------------------------------------------------

def test_the_page_has_every_term_in_order_and_the_lesson_that_introduces_it():
    text = (ROOT / glossary.PAGE).read_text(encoding="utf-8")
    names = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert names == [term.name for term in TERMS] == sorted(names, key=str.casefold)
    targets = re.findall(r"\(\[Lesson (\d\d)\]\((\1_\w+\.ipynb)\)\)", text)
    assert len(targets) == len(names)
    assert all((NOTEBOOKS / target).exists() for _, target in targets)


def test_the_lesson_that_introduces_a_term_has_it_in_bold_before_its_recap():
    found = {"00_a": ["a role"], "01_b": ["x", "## Recap\n\n**role**"], "02_c": ["a **role**"]}
    assert glossary.introduced(ROLE, found) == "02_c"
    assert glossary.introduced(ROLE, {"00_a": found["00_a"]}) == "00_a"
    assert glossary.introduced(COLD, found) is None


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The site of a lesson that seems to have been executed, in a clone with a glossary."""
    root = tmp_path_factory.mktemp("clone")
    write_lesson(root, "00_make_it", more="\n# %% [markdown]\n# A **role** is needed.\n")
    (root / glossary.SOURCE).write_text(EXAMPLE)
    render.write(root)
    [lesson] = render.lessons(root)
    nbformat.write(render.notebook(lesson, learner=False), lessons.executed(lesson, root))
    return site.build(root).parent


def test_on_the_site_a_term_leads_to_its_heading_and_back_to_its_lesson(pages):
    lesson, page, index = ((pages / f"{name}.html").read_text("utf-8")
                           for name in ("00_make_it", "glossary", "index"))
    assert '<strong><a href="glossary.html#role">role</a></strong>' in lesson
    assert re.search(r'<h2 id="role">role<', page)
    assert '<a href="00_make_it.html">Lesson 00</a>' in page
    assert '<a href="glossary.html">Glossary</a>' in index


def test_anchors_are_those_of_the_site():
    """A heading's id there is made by nbconvert, as in JupyterLab: spaces become hyphens."""
    from nbconvert.filters import markdown2html
    for term in TERMS:
        assert f'id="{term.anchor}"' in markdown2html(f"## {term.name}")
