"""The parts of the site: contents of pages, links, diagrams and colours."""
import re

import nbformat
import pytest

from site_links import broken
from workshop.course import site
from workshop.course.site import colours, content, diagrams

# --- contents and links ------------------------------------------------------------------------

def test_a_heading_that_comes_twice_has_two_anchors():
    book = site._markdown("# One\n\n## Same\n\na\n\n## Same\n\nb")
    found = content.convert(book).sections
    assert [(one.id, one.text) for one in found[1:]] == [("Same", "a"), ("Same-2", "b")]


def test_a_picture_without_a_description_is_refused():
    output = nbformat.v4.new_output("display_data", {"image/png": "aGk="})
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    with pytest.raises(ValueError, match="no description.*show"):
        content.convert(book)


def test_the_graph_of_a_model_has_words_as_a_diagram_has():
    svg = diagrams._drawn("flowchart LR\n  accDescr: One leads to two.\n  a --> b")
    output = nbformat.v4.new_output("display_data", {"image/svg+xml": svg})
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    assert 'aria-label="One leads to two."' in content.convert(book).html


def test_a_broken_link_would_be_found(tmp_path):
    (tmp_path / "a.html").write_text('<p id="here"><a href="b.html">b</a><a href="#gone">c</a>'
                                     '<a href="#here">d</a><a href="a.html#h%65re">e</a>')
    assert broken(tmp_path) == ["a.html: b.html", "a.html: #gone"]


def test_a_file_in_markdown_has_the_anchors_of_github():
    book = site._markdown("# One\n\n## Rules (AWS's): `all`\n")
    book.metadata["anchors"] = content.GITHUB
    assert content.convert(book).sections[1].id == "rules-awss-all"


# --- diagrams ----------------------------------------------------------------------------------

def test_the_authors_own_description_comes_first():
    drawn = diagrams.diagram("flowchart LR\n  accDescr: One leads to two.\n  a --> b", "d")
    assert 'aria-label="One leads to two."' in drawn


def test_a_diagram_that_cannot_be_drawn_is_told_with_its_source():
    with pytest.raises(ValueError, match="Mermaid cannot draw this diagram(.|\n)*no such"):
        diagrams.diagram("no such diagram", "d")


def test_a_diagram_is_drawn_once_for_all_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(diagrams, "KEPT", tmp_path)
    first = diagrams._drawn("flowchart LR\n  a --> b")
    diagrams._drawn.cache_clear()
    monkeypatch.setattr("mermaidx.render", lambda source: 1 / 0)
    assert diagrams._drawn("flowchart LR\n  a --> b") == first
    assert [one.suffix for one in tmp_path.iterdir()] == [".svg"]


# --- colours -----------------------------------------------------------------------------------

def brightness(colour):
    """Relative luminance of a colour such as #0b57d0, as WCAG 2 defines it."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= .04045 else ((part + .055) / 1.055) ** 2.4
                        for part in parts)
    return .2126 * red + .7152 * green + .0722 * blue


def contrast(one, other):
    """WCAG 2's contrast ratio."""
    dark, light = sorted((brightness(one), brightness(other)))
    return (light + .05) / (dark + .05)


def test_all_colours_of_code_can_be_read_in_light_and_dark():
    style = (site.HERE / "style.css").read_text(encoding="utf-8")
    pairs = dict((name, (light, dark)) for name, light, dark in re.findall(
        r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", style))
    rules = re.findall(r"\.highlight \.(\w+) \{ color: light-dark\(([^,]+), ([^)]+\)?)\)",
                       colours.css())
    assert len(rules) > 30
    for name, *both in rules:
        for mode in (0, 1):
            colour = pairs["text"][mode] if "var" in both[mode] else both[mode]
            if name != "w":                         # white space
                assert contrast(colour, pairs["code"][mode]) >= 4.5, (name, both)
    for name in ("text", "quiet", "link"):
        for ground in ("page", "code"):
            assert all(contrast(one, other) >= 4.5 for one, other in zip(
                pairs[name], pairs[ground])), (name, ground)
