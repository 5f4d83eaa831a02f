"""A notebook as the content of a page: HTML, its headings, and its text for the search."""
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from workshop.course.site import diagrams

GITHUB = "github"
UNDESCRIBED = "No description has been provided for this image"      # nbconvert's words


class Section(NamedTuple):
    """A heading, and the text below it until the next one. level: 1 to 6; id: its anchor."""

    level: int
    id: str
    heading: str
    text: str


class Content(NamedTuple):
    """The HTML of a page's main part, with links as the notebook has them; its sections."""

    html: str
    sections: list[Section]


def convert(book) -> Content:
    """A notebook of nbformat's, which this changes, as the content of a page.

    Its headings get the ids that GitHub would give them if its metadata say `anchors: github`.
    Raises ValueError for a diagram that cannot be drawn, and for a picture without words.
    """
    from bs4 import BeautifulSoup
    soup = BeautifulSoup(_html(book), "html.parser")
    for script in soup(["script", "iframe"]):       # of outputs: widgets, and what they fetch
        script.decompose()
    for anchor in soup("a", class_="anchor-link"):  # the contents list leads to headings
        anchor.decompose()
    for picture in soup("img"):
        if picture.get("alt", UNDESCRIBED) == UNDESCRIBED:
            cell = picture.find_parent(class_="code_cell")
            raise ValueError("A picture has no description; `workshop.plots.show` gives it one. "
                             f"This code draws it:\n{cell.get_text().strip()[:500]}")
    for table in soup("table"):
        table.wrap(soup.new_tag("div", attrs={"class": "wide"}))
    sections = _sections(soup, book.metadata.get("anchors") == GITHUB)      # gives ids to headings
    return Content(str(soup), sections)


def _html(book) -> str:
    """nbconvert's HTML of the cells, without a page around it."""
    from nbconvert.exporters.templateexporter import TemplateExporter
    book.metadata.pop("widgets", None)              # drawn by scripts from the network
    prose = [cell for cell in book.cells if cell.cell_type == "markdown"]
    for cell, text in zip(prose, diagrams.draw([cell.source for cell in prose])):
        cell.source = text
    # HTMLExporter's own method parses the page once more, for pictures without words, which
    # `convert` refuses, and for JupyterLab's template.
    return TemplateExporter.from_notebook_node(_exporter(), book)[0]


@cache                                              # to compile its templates takes half a second
def _exporter():
    from jinja2 import FileSystemLoader
    from nbconvert import HTMLExporter
    from nbconvert.filters import Highlight2HTML
    from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
    exporter = HTMLExporter(template_name="basic", template_file="cells.html.j2",
                            extra_loaders=[FileSystemLoader(Path(__file__).parent)],
                            exclude_input_prompt=True, exclude_output_prompt=True,
                            preprocessors=["nbconvert.preprocessors.CoalesceStreamsPreprocessor"])
    for name, filter_ in {"figure": diagrams.figure,                # of `plots.onnx_graph`
                          "highlight_code": Highlight2HTML("python", parent=exporter),
                          "filter_data_type": WidgetsDataTypeFilter({}, parent=exporter)}.items():
        exporter.register_filter(name, filter_)
    return exporter


def _sections(soup, github: bool) -> list[Section]:
    """What is written and coded (not the outputs), by heading; each heading gets its own id.

    github: ids as GitHub makes them for a file in Markdown, else as JupyterLab and nbconvert do.
    """
    found, seen = [], {}
    for element in _written(soup):
        if element.name in ("h1", "h2", "h3", "h4", "h5", "h6"):
            words = " ".join(element.get_text().split())
            anchor = words.replace(" ", "-")
            anchor = re.sub(r"[^\w-]", "", anchor.lower()) if github else element.get("id", anchor)
            seen[anchor] = seen.get(anchor, 0) + 1
            element["id"] = anchor if seen[anchor] == 1 else f"{anchor}-{seen[anchor]}"
            found.append(Section(int(element.name[1]), element["id"], words, ""))
        elif found:
            words = " ".join(element.get_text().split())
            found[-1] = found[-1]._replace(text=f"{found[-1].text} {words}".strip())
    return found


def _written(soup) -> Iterator:
    """The elements of the text cells, and the areas of code. (bs4's `select` takes ten times.)"""
    for area in soup.find_all("div", class_=["text_cell_render", "input_area"]):
        if "input_area" in area["class"]:
            yield area
        else:
            yield from area.find_all(recursive=False)
