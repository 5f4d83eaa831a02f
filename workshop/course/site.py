"""Executed lessons → build/site/: one page each and an index, readable without a network."""
import html
import re
import xml.etree.ElementTree as ET
from itertools import count
from pathlib import Path

from workshop.course import glossary, lessons, render
from workshop.machine import modes
from workshop.machine.paths import ROOT

MERMAID = re.compile(r"^```mermaid\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r'(?<=\s)(href|src)="([^"]+)"')
ELSEWHERE = re.compile(r"[a-z]+:|#|//")          # a link that leaves the clone or stays on the page
SVG, XHTML = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xhtml}"

# JupyterLab's own look, without what its template loads from the network.
TEMPLATE = """{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}<style>{{ resources.workshop_css }}</style>{%- endblock -%}
{%- block body_header -%}{{ super() }}{{ resources.workshop_navigation }}{%- endblock -%}
{%- block body_footer -%}{{ resources.workshop_navigation }}{{ super() }}{%- endblock -%}
"""
CSS = """
body, body.jp-Notebook { background: #fff; color: #1a1a1a; overflow: auto; padding: 0;
  font-family: system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { display: block; max-width: 60rem; margin: 0 auto; padding: 1rem; }
nav.lessons { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .5rem 2rem;
  padding: .75rem 0; border-bottom: 1px solid #ccc; font-size: .95rem; }
main > nav.lessons:last-child { border: 0; border-top: 1px solid #ccc; margin-top: 2rem; }
nav.lessons a, table.lessons a { color: #0b57d0; }
body .jp-RenderedHTMLCommon { font-size: 1rem; line-height: 1.6; padding-right: 0; }
body .jp-RenderedHTMLCommon h1 { font-size: 2rem; margin-top: 1rem; }
body .jp-RenderedHTMLCommon a { color: #0b57d0; text-decoration: underline; }
body .jp-MarkdownOutput, body .jp-OutputArea-output { overflow-x: auto; max-width: 100%; }
body .jp-RenderedHTMLCommon table { font-size: .85rem; margin-left: 0; }
body .jp-RenderedImage img, body .jp-RenderedHTMLCommon img { max-width: 100%; height: auto; }
body .jp-InputArea-editor, body .jp-InputArea-editor pre { overflow-x: auto; }
body .jp-InputArea-editor { background: #f5f5f5; }
figure.diagram { margin: 1rem 0; overflow-x: auto; }
figure.diagram svg { display: block; margin: 0 auto; }
/* Text is laid out with the reader's own fonts: centre it in the room that was measured for it. */
figure.diagram foreignObject { overflow: visible; }
figure.diagram foreignObject > div { display: block !important; max-width: none !important;
  text-align: center; }
figure.diagram p { margin: 0 !important; line-height: 1.5; text-align: center; }
table.lessons { border-collapse: collapse; width: 100%; }
table.lessons th, table.lessons td { text-align: left; padding: .5rem 1rem .5rem 0;
  border-bottom: 1px solid #ddd; vertical-align: top; }
"""
INDEX = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lessons</title><style>{css}</style></head>
<body><main>
<h1>Deploy Machine Learning Models with AWS Lambda and ONNX</h1>
<p>The lessons, solved, as they ran on this machine. To work through them yourself, run
<code>python3 -m workshop lab</code>.</p>
<table class="lessons"><thead><tr><th>Lesson</th>
<th>Minutes (reading + exercises)</th><th>Needs</th><th>Cost on AWS</th></tr></thead><tbody>
{rows}
</tbody></table>
{more}
</main></body></html>
"""


def build(root: Path = ROOT) -> Path | None:
    """Writes a page for each executed lesson, and the index; returns the index, if there is one."""
    found = render.lessons(root)
    ready = [lesson for lesson in found if lessons.executed(lesson, root).exists()]
    if not ready:
        return None
    folder = root / "build" / "site"
    folder.mkdir(parents=True, exist_ok=True)
    for i, lesson in enumerate(ready):
        before = ready[i - 1] if i else None
        after = ready[i + 1] if i + 1 < len(ready) else None
        text = page(lesson, root, _navigation(before, after))
        (folder / f"{lesson.name}.html").write_text(text, encoding="utf-8")
    more = _glossary(root, folder)
    index = folder / "index.html"
    rows = "\n".join(_row(lesson, lesson in ready) for lesson in found)
    index.write_text(INDEX.format(css=CSS, rows=rows, more=more), encoding="utf-8")
    modes.settle(folder)
    return index


def page(lesson: render.Lesson, root: Path, navigation: str = "") -> str:
    """The page of an executed lesson, as HTML that loads nothing."""
    import nbformat
    book = nbformat.read(lessons.executed(lesson, root), as_version=4)
    book.metadata.pop("widgets", None)              # drawn by scripts from the network
    _fold_solutions(book, lesson)
    numbers = count(1)
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = MERMAID.sub(
                lambda match: diagram(match[1], f"diagram-{next(numbers)}"), cell.source)
    return _html(book, f"{lesson.number} {lesson.title}", "solutions", root, navigation)


def _fold_solutions(book, lesson: render.Lesson) -> None:
    """Opens each exercise again, and puts what was run below its check, where it unfolds."""
    import nbformat
    sources = {render.replace_solution(cell.source, None): cell.source
               for cell in lesson.cells if cell.is_exercise}
    waiting, cells = "", []
    for cell in book.cells:
        cells.append(cell)
        if cell.source in sources:
            waiting = cell.source
            cell.source = render.replace_solution(sources[waiting], render.OPEN)
        elif waiting and "check" in cell.metadata.get("tags", []):
            cells.append(nbformat.v4.new_markdown_cell(
                f"<details><summary>Solution</summary>\n\n```python\n{waiting}\n```\n\n</details>"))
            waiting = ""
    book.cells = cells


def _glossary(root: Path, folder: Path) -> str:
    """Writes the glossary's page; returns the index's link to it, "" where a clone has none."""
    import nbformat
    source = root / glossary.PAGE
    if not source.exists():
        return ""
    book = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_markdown_cell(source.read_text(encoding="utf-8"))])
    path = folder / f"{source.stem}.html"
    text = _html(book, "Glossary", source.parent.name, root, _navigation(None, None))
    path.write_text(text, encoding="utf-8")
    return f'<p><a href="{path.name}">Glossary</a>: the terms, each in a sentence or two.</p>'


def _html(book, title: str, place: str, root: Path, navigation: str) -> str:
    """A notebook of the folder `place` as a page of the site."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter
    book.metadata["title"] = title
    exporter = HTMLExporter(template_file="lesson.html.j2",
                            extra_loaders=[DictLoader({"lesson.html.j2": TEMPLATE})],
                            exclude_input_prompt=True, exclude_output_prompt=True)
    text, _ = exporter.from_notebook_node(book, resources={
        "metadata": {"name": title, "path": str(root / place)},
        "workshop_css": CSS, "workshop_navigation": navigation})
    names = {lesson.name for lesson in render.lessons(root)
             if lessons.executed(lesson, root).exists()}
    return LINK.sub(lambda match: f'{match[1]}="{_link(match[2], names, place)}"', text)


def _link(target: str, names: set[str], place: str) -> str:
    """A link of a notebook in the folder `place`, as it must read on a page in build/site/."""
    if ELSEWHERE.match(target):
        return target
    path, _, anchor = target.partition("#")
    pages = {f"{name}.ipynb" for name in names} | {Path(glossary.PAGE).name}
    if Path(path).name in pages:
        return f"{Path(path).stem}.html" + (f"#{anchor}" if anchor else "")
    if path.endswith(".html") and Path(path).stem in names | {"index"}:
        return target                               # the page's own navigation
    return f"../{target}" if target.startswith("../") else f"../../{place}/{target}"


def _navigation(before: render.Lesson | None, after: render.Lesson | None) -> str:
    def link(lesson: render.Lesson | None, words: str) -> str:
        if lesson is None:
            return "<span></span>"
        name = html.escape(f"{lesson.number} {lesson.title}")
        return f'<a href="{lesson.name}.html">{words.format(name)}</a>'
    return (f'<nav class="lessons" aria-label="Lessons">{link(before, "← {}")}'
            f'<a href="index.html">All lessons</a>{link(after, "{} →")}</nav>')


def _row(lesson: render.Lesson, ready: bool) -> str:
    title = html.escape(f"{lesson.number} {lesson.title}")
    cells = [f'<a href="{lesson.name}.html">{title}</a>' if ready else f"{title} (not executed)",
             f"{lesson.reading} + {lesson.exercises}",
             ", ".join(need.capitalize() for need in lesson.needs) or "–",
             html.escape(lesson.cost)]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


# --- diagrams ----------------------------------------------------------------------------------

def diagram(source: str, name: str) -> str:
    """A Mermaid diagram as inline SVG with a text alternative; `name` is unique on its page."""
    import mermaidx
    try:
        svg = mermaidx.render(source).svg()
    except Exception as error:
        raise ValueError(f"Mermaid cannot draw this diagram: {error}\n{source}") from error
    svg = svg.replace("my-svg", name)               # ids and styles of one page must not meet
    width = float(re.search(r'viewBox="\S+ \S+ (\S+)', svg)[1])
    # Drawn in its own size; on a narrow page smaller, but never so small that it cannot be read.
    style = f"width: {width:.0f}px; max-width: 100%; min-width: {0.5 * width:.0f}px"
    svg = re.sub(r'width="100%"(.*?) style="[^"]*"', rf'\1 style="{style}"', svg, count=1)
    words = html.escape(description(svg), quote=True)
    svg = re.sub(r'role="[^"]*"', f'role="img" aria-label="{words}"', svg, count=1)
    return f'<figure class="diagram">{svg}</figure>'.replace("\n", " ")


def description(svg: str) -> str:
    """A diagram in words: each arrow as `from → label → to`, or all its texts in order."""
    tree = ET.fromstring(svg)
    if (told := tree.find(f"{SVG}desc")) is not None:        # the author's own `accDescr:`
        return _text(told)
    nodes, labels, arrows = {}, {}, []
    for element in tree.iter():
        kind, data = element.get("class", "").split(), element.get("data-id", "")
        if "node" in kind:
            nodes[re.sub(r"^.*?flowchart-(.+)-\d+$", r"\1", element.get("id", ""))] = _text(element)
        elif element.tag == f"{SVG}path" and data.startswith("L_"):
            arrows.append(data)
        elif "label" in kind and data:
            labels[data] = _text(element)
    sentences = []
    for arrow in arrows:
        ends = re.sub(r"^L_|_\d+$", "", arrow)
        for start in nodes:
            end = ends.removeprefix(f"{start}_")
            if end != ends and end in nodes:
                label = f" {labels[arrow]} →" if labels.get(arrow) else ""
                sentences.append(f"{nodes[start]} →{label} {nodes[end]}")
    words = "; ".join(sentences) or ", ".join(
        text for e in tree.iter() if e.tag in (f"{SVG}text", f"{XHTML}p") and (text := _text(e)))
    return f"Diagram: {words}."


def _text(element: ET.Element) -> str:
    """The text within an element, on one line."""
    return " ".join(" ".join(element.itertext()).split())
