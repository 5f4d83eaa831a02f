"""Notebooks converted side by side, and kept in build/pages/ until they or the converter change.

The conversion of all lessons takes minutes, most of it for diagrams and the colours of code.
"""
import hashlib
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from workshop.course.site.content import Content, Section, convert
from workshop.machine import progress

FEW = 4                 # so many are converted before other processes have started
CONVERTER = ("content.py", "diagrams.py", "cells.html.j2")
LIBRARIES = ("beautifulsoup4", "mermaidx", "mistune", "nbconvert", "Pygments")


def convert_all(books: list, folder: Path) -> list[Content]:
    """Each notebook as the content of a page; `folder` keeps these contents and no others.

    Neighbours in the list are converted by one process, which draws their diagrams once.
    Raises ValueError, as `convert` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tool = _tool()
    names = [f"{_digest(tool, book)}.json" for book in books]
    new = {name: book for name, book in zip(names, books) if not (folder / name).exists()}
    with progress.Line("site") as line:
        for i, (name, content) in enumerate(zip(new, _converted(list(new.values()))), 1):
            line.say(f"page {i} of {len(new)}")
            part = folder / f"{name}.part"          # an interruption leaves no half content
            part.write_text(json.dumps(content), encoding="utf-8")
            part.replace(folder / name)
    for path in set(folder.iterdir()) - {folder / name for name in names}:
        path.unlink()
    return [_read(folder / name) for name in names]


def _converted(books: list) -> Iterator[Content]:
    if len(books) <= FEW:
        yield from map(convert, books)
        return
    with ProcessPoolExecutor(min(len(books), os.cpu_count() or 1),
                             mp_context=get_context("spawn")) as pool:
        yield from pool.map(convert, books, chunksize=2)


def _tool() -> str:
    """What a content depends on besides its notebook."""
    files = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in CONVERTER]
    return "\n".join([*files, *(f"{name} {version(name)}" for name in LIBRARIES)])


def _digest(tool: str, book) -> str:
    cells = [[cell.cell_type, cell.source, cell.get("outputs")] for cell in book.cells]
    return hashlib.sha256(f"{tool}\n{json.dumps(cells, sort_keys=True)}".encode()).hexdigest()


def _read(path: Path) -> Content:
    html, sections = json.loads(path.read_text(encoding="utf-8"))
    return Content(html, [Section(*section) for section in sections])
