"""The lessons as a site in build/site/, to be read without installing anything.

A lesson has two pages. `NN_….html` is solved and executed: it has the outputs of the last
`python3 -m workshop run`. `learner/NN_….html` has its exercises open and no outputs. A lesson
without an execution of its present code has no solved page, and the front page says so. The site
is made anew each time, and its pages load nothing from the network.
"""
import argparse
import datetime
import json
import posixpath
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workshop.course import glossary, lessons, render
from workshop.course.site import colours
from workshop.course.site.content import GITHUB, Content
from workshop.course.site.converted import convert_all
from workshop.course.site.links import LEARNER, Links
from workshop.machine import modes
from workshop.machine.lock import one_at_a_time
from workshop.machine.paths import ROOT

HERE = Path(__file__).parent
TITLE = "Deploy Machine Learning Models with AWS Lambda and ONNX"
NEVER, CHANGED = "not executed", "changed since its execution"


@dataclass
class Page:
    """A page of the site; path and neighbours as paths from the site's top.

    twin: the lesson's other page. date: of the execution, as people write it.
    """
    path: str
    title: str
    content: Content | None = None
    before: "Page | None" = None
    after: "Page | None" = None
    twin: "Page | None" = None
    date: str = ""

    @property
    def learner(self) -> bool:
        return self.path.startswith(f"{LEARNER}/")

    @property
    def top(self) -> str:
        """The way from this page to the site's top: "", "../" …"""
        return "../" * self.path.count("/")


# --- which lessons -----------------------------------------------------------------------------

def executed(lesson: render.Lesson, root: Path = ROOT):
    """The solved notebook with the outputs of its execution, or in words why there is none.

    An execution counts as long as the lesson's code is the same; the text may have changed.
    """
    import nbformat
    path = lessons.executed(lesson, root)
    if not path.exists():
        return NEVER
    book = render.notebook(lesson, learner=False)
    code, done = ([cell for cell in one.cells if cell.cell_type == "code"]
                  for one in (book, nbformat.read(path, as_version=4)))
    if [cell.source for cell in code] != [cell.source for cell in done]:
        return CHANGED
    for cell, before in zip(code, done):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
        if said := before.metadata.get("execution"):
            cell.metadata["execution"] = said
    return book


def missing(root: Path = ROOT) -> dict[str, list[str]]:
    """The numbers of lessons without a solved page, by reason."""
    found = {}
    for lesson in render.lessons(root):
        if isinstance(reason := executed(lesson, root), str):
            found.setdefault(reason, []).append(lesson.number)
    return found


def _date(book) -> str:
    """The day of a notebook's execution, "" if it is not recorded."""
    for cell in reversed(book.cells):
        if when := cell.metadata.get("execution", {}).get("iopub.execute_input"):
            day = datetime.datetime.fromisoformat(when.replace("Z", "+00:00"))
            return f"{day.day} {day:%B %Y}"
    return ""


# --- pages -------------------------------------------------------------------------------------

def build(root: Path = ROOT, *, whole: bool = True) -> Path:
    """Make the site; returns its front page. A second command that makes it waits.

    whole: with the learner's pages of all lessons, or else of those that have been executed, or
    that the site has already.

    Raises ValueError for a diagram that cannot be drawn, or a picture without a description.
    """
    site = root / "build" / "site"
    with one_at_a_time("site"):
        pages = _pages(root, whole)
        # An interruption, or a file that cannot be removed, leaves the old site or the new one.
        new, old = site.with_name("site.new"), site.with_name("site.old")
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        _write(pages, new, (root / glossary.PAGE).exists())
        if site.exists():
            site.rename(old)
        new.rename(site)
        shutil.rmtree(old, ignore_errors=True)
    return site / "index.html"


def _write(pages: list[Page], folder: Path, terms: bool) -> None:
    """Write the site's files into a new folder. terms: whether there is a glossary."""
    folder.mkdir(parents=True)
    template = _environment().get_template("page.html.j2")
    for page in pages:
        path = folder / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.render(page=page, site=TITLE, glossary=terms), encoding="utf-8")
    (folder / "search.js").write_text(_index(pages), encoding="utf-8")
    (folder / "style.css").write_text(
        (HERE / "style.css").read_text(encoding="utf-8") + colours.css(), encoding="utf-8")
    shutil.copy(HERE / "script.js", folder)
    modes.settle(folder)


def _environment():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    return Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True,
                       lstrip_blocks=True, undefined=StrictUndefined)


def _pages(root: Path, whole: bool) -> list[Page]:
    found = render.lessons(root)
    books = {lesson: executed(lesson, root) for lesson in found}
    reasons = {lesson: book for lesson, book in books.items() if isinstance(book, str)}
    there = root / "build" / "site" / LEARNER
    shown = [lesson for lesson in found
             if whole or lesson not in reasons or (there / f"{lesson.name}.html").exists()]
    links = Links(root, *({lesson.name for lesson in some}
                          for some in (found, shown, set(found) - set(reasons))))
    drafts = []                 # (page, its notebook, the folder that its links are meant from)
    for lesson in shown:
        title = f"{lesson.number} {lesson.title}"
        learner = Page(f"{LEARNER}/{lesson.name}.html", f"{title} (exercises)")
        drafts.append((learner, render.notebook(lesson, learner=True), "notebooks"))
        if lesson not in reasons:
            solved = Page(f"{lesson.name}.html", title, date=_date(books[lesson]), twin=learner)
            learner.twin = solved
            drafts.append((solved, _with_folded_solutions(books[lesson], lesson), "solutions"))
    for chain in (False, True):
        _chain([page for page, *_ in drafts if page.learner is chain])
    drafts.append((Page("index.html", TITLE), _markdown(
        _front(root, found, reasons, len(shown) < len(found))), ""))
    if (terms := root / glossary.PAGE).exists():
        # Its links to lessons are names alone: from here they lead to the solved ones.
        drafts.append((Page("glossary.html", "Glossary"),
                       _markdown(terms.read_text(encoding="utf-8")), "solutions"))
    pages = _filled(drafts, links, root)
    # Files that a lesson links to have pages; what those link to in turn has none.
    files = [(Page(page, path), _file(root / path), posixpath.dirname(path))
             for path, page in links.files.items()]
    return pages + _filled(files, links, root, more=False)


def _filled(drafts: list[tuple], links: Links, root: Path, more: bool = True) -> list[Page]:
    """The pages of these drafts with their contents, links as they read on the site."""
    kept = root / "build" / "pages" / ("lessons" if more else "files")
    contents = convert_all([book for _, book, _ in drafts], kept)
    for (page, _, place), content in zip(drafts, contents):
        page.content = content._replace(
            html=links.rewrite(content.html, place, page.path, more=more))
    return [page for page, *_ in drafts]


def _front(root: Path, found: list[render.Lesson], reasons: dict[render.Lesson, str],
           lacks: bool) -> str:
    """The front page as Markdown. reasons: why a lesson has no solved page. lacks: whether some
    lessons have no page at all."""
    return _environment().get_template("index.md.j2").render(
        title=TITLE, lessons=found, introduction=_introduction(root), reasons=reasons, will=_will,
        lacks=lacks, glossary=(root / glossary.PAGE).exists())


def _chain(pages: list[Page]) -> None:
    """Each page leads to its neighbours."""
    for before, after in zip(pages, pages[1:]):
        before.after, after.before = after, before


def _markdown(text: str):
    import nbformat
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])


def _file(path: Path):
    """A file of the clone as a notebook: Markdown as such, all else as text under its name."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        book = _markdown(text)
        book.metadata["anchors"] = GITHUB
        return book
    kind = {".py": "python"}.get(path.suffix, "text")
    return _markdown(f"# `{path.name}`\n\n~~~~{kind}\n{text}\n~~~~")


def _introduction(root: Path) -> str:
    """What README.md says before its first command; "" in a clone without it."""
    if not (readme := root / "README.md").exists():
        return ""
    return readme.read_text(encoding="utf-8").partition("\n")[2].partition("```bash")[0].strip()


def _will(lesson: render.Lesson) -> str:
    """The list under **You will** of a lesson, as Markdown."""
    return lesson.cells[0].source.partition("**You will**\n")[2].partition("\n\n")[0]


def _with_folded_solutions(book, lesson: render.Lesson):
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
    return book


# --- search ------------------------------------------------------------------------------------

def _index(pages: Iterable[Page]) -> str:
    """The text of all pages as a script, because a page from a disk may not read another file.

    Of a lesson's two pages the learner's is left out; the solved one has the same text and more.
    """
    rows = [[page.path, page.title, section.id, section.heading, section.text]
            for page in pages if not (page.learner and page.twin)
            for section in page.content.sections]
    return f"window.PAGES = {json.dumps(rows, ensure_ascii=False, separators=(',', ':'))};\n"


# --- the command -------------------------------------------------------------------------------

def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Make the site and say which lessons have no solved page; an exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m workshop site", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--complete", action="store_true",
                        help="make no site, and exit with 1, unless every lesson is executed")
    options = parser.parse_args(arguments)
    lacking = missing(root)
    for reason, numbers in lacking.items():
        print(f"site: no solved page of {', '.join(numbers)}: {reason}. "
              f"`python3 -m workshop run {' '.join(numbers)}` executes "
              f"{'it' if len(numbers) == 1 else 'them'}.", file=sys.stderr)
    if lacking and options.complete:
        return 1
    print(f"Pages: {build(root).relative_to(root)}", flush=True)
    return 0
