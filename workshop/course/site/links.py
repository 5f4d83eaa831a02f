"""Links of the clone's notebooks and texts, as they read on the site."""
import html
import posixpath
import re
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from workshop.course import glossary

ANCHOR = re.compile(r'<a\b([^>]*?)\s*\bhref="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
ELSEWHERE = re.compile(r"[a-z]+:|#|//")          # leaves the clone, or stays on the page
LEARNER = "learner"                              # the folder of pages with open exercises
FILES = "files"                                  # the folder of pages of single files


class Links:
    """Where on the site a file of the clone is. Pages are paths from the site's top.

    lessons: names of all lessons. shown: of those that have a learner's page. solved: of those that
    have a solved page. `files` collects the files that pages link to, so that each can get a page
    of its own.
    """

    def __init__(self, root: Path, lessons: set[str], shown: set[str], solved: set[str]):
        self.root, self.lessons, self.shown, self.solved = root, lessons, shown, solved
        self.files: dict[str, str] = {}

    def rewrite(self, text: str, place: str, page: str, *, more: bool = True) -> str:
        """The HTML `text` from a file of the folder `place`, with the links that fit on `page`.

        A link that leads to nothing of the site becomes plain text. more: whether a file that
        has no page yet gets one.
        """
        def link(found: re.Match) -> str:
            before, target, after, words = found.groups()
            target = self._target(html.unescape(target), place, page, more)
            return words if target is None else (
                f'<a{before} href="{html.escape(target)}"{after}>{words}</a>')
        return ANCHOR.sub(link, text)

    def _target(self, target: str, place: str, page: str, more: bool) -> str | None:
        if ELSEWHERE.match(target):
            return target
        path, hash_, anchor = target.partition("#")
        there = self._page(posixpath.normpath(posixpath.join(place, unquote(path))), more)
        return there and (quote(posixpath.relpath(there, posixpath.dirname(page) or "."))
                          + hash_ + anchor)

    def _page(self, path: str, more: bool) -> str | None:
        name = PurePosixPath(path).stem
        if path.endswith(".ipynb") and name in self.lessons:
            if path.startswith("solutions/") and name in self.solved:
                return f"{name}.html"
            return f"{LEARNER}/{name}.html" if name in self.shown else None
        if path == glossary.PAGE:
            return f"{name}.html"
        if more and not path.startswith("..") and _is_text(self.root / path):
            self.files[path] = f"{FILES}/{path}.html"
        return self.files.get(path)


def _is_text(path: Path) -> bool:
    """Whether there is a file that a page can show. A picture or a model is none."""
    try:
        path.read_text(encoding="utf-8")
        return True
    except (OSError, UnicodeDecodeError):
        return False
