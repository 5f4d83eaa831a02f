"""Mermaid diagrams as pictures within a page, each with its words."""
import hashlib
import html
import os
import re
import xml.etree.ElementTree as ET
from functools import cache
from importlib.metadata import version
from itertools import count

from workshop.machine.paths import BUILD

KEPT = BUILD / "pages" / "diagrams"
MERMAID = re.compile(r"^```mermaid\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
SVG, XHTML = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xhtml}"


def draw(texts: list[str]) -> list[str]:
    """The Markdown texts of one page, each diagram drawn. Raises ValueError."""
    numbers = count(1)
    return [MERMAID.sub(lambda match: diagram(match[1], f"diagram-{next(numbers)}"), text)
            for text in texts]


@cache                                  # both pages of a lesson have the same
def _drawn(source: str) -> str:
    """Mermaid's SVG of a diagram, kept in build/: to draw it takes a second. Raises ValueError."""
    digest = hashlib.sha256(f"{version('mermaidx')}\n{source}".encode()).hexdigest()
    kept = KEPT / f"{digest}.svg"
    if kept.exists():
        return kept.read_text(encoding="utf-8")
    import mermaidx
    try:
        svg = mermaidx.render(source).svg()
    except Exception as error:
        raise ValueError(f"Mermaid cannot draw this diagram: {error}\n{source}") from error
    KEPT.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")      # another process may draw the same one
    part.write_text(svg, encoding="utf-8")
    part.replace(kept)
    return svg


def diagram(source: str, name: str) -> str:
    """A Mermaid diagram as a figure; `name` is unique on its page.

    Raises ValueError with the source, if Mermaid cannot draw it.
    """
    return figure(_drawn(source).replace("my-svg", name))   # ids of one page must not meet


def figure(svg: str) -> str:
    """Mermaid's SVG as a figure within a page, with a text alternative, on one line."""
    width = float(re.search(r'viewBox="\S+ \S+ (\S+)', svg)[1])
    # Drawn in its own size; on a narrow page smaller, but never so small that it cannot be read.
    style = f"width: {width:.0f}px; max-width: 100%; min-width: {0.45 * width:.0f}px"
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
