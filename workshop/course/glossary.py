"""The glossary: solutions/glossary.yml → notebooks/glossary.md, and links to it in every lesson.

Rendering links the first use of each term in a lesson, so that no source holds such a link.
"""
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

SOURCE, PAGE = "solutions/glossary.yml", "notebooks/glossary.md"
KEYS = {"text", "forms", "not", "bold"}
INTRODUCTION = f"""<!-- Rendered from {SOURCE}: change it there. -->
# Glossary

The terms of this workshop, each with the lesson that introduces it.
"""
# Where no link can be, or where a link would disturb: in code, in formulas, pictures and links, in
# headings and tables, and in blocks of HTML, whose text is not read as Markdown.
UNTOUCHED = re.compile(r"""
      ^(?P<fence>```|~~~).*?^(?P=fence)[ \t]*$      # code, and diagrams
    | ^[ \t]*\#{1,6}[ ].*?$ | ^[ \t]*\|.*?$         # a heading, a row of a table
    | ^[ \t]*<.*?(?:\n[ \t]*\n|\Z)                  # HTML, until an empty line
    | (?P<ticks>`+).*?(?P=ticks) | \$\$.*?\$\$
    | !?\[[^\]]*\]\([^)]*\) | <[^>\n]+> | https?://\S+
    """, re.MULTILINE | re.DOTALL | re.VERBOSE)


class GlossaryError(ValueError):
    """The glossary's source breaks a rule; the message names the file and the term."""


@dataclass(frozen=True)
class Term:
    """A term and its meaning in Markdown.

    forms: other spellings. others: phrases in which the word means something else. bold: only in
    bold is the word this term, because it is too common.
    """
    name: str
    text: str
    forms: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    bold: bool = False

    @property
    def anchor(self) -> str:
        """The id of the term's heading, as JupyterLab and nbconvert make it."""
        return self.name.replace(" ", "-")


def read(root: Path) -> tuple[Term, ...]:
    """The terms of a clone, none if it has no glossary. Raises GlossaryError."""
    path = root / SOURCE
    return _terms(path.read_text(encoding="utf-8")) if path.exists() else ()


@cache
def _terms(source: str) -> tuple[Term, ...]:
    terms = []
    for name, entry in yaml.safe_load(source).items():
        if not isinstance(entry, dict) or "text" not in entry or entry.keys() - KEYS:
            raise GlossaryError(f"{SOURCE}: {name}: give `text`, and `forms`, `not` and "
                                "`bold` if needed")
        terms.append(Term(name, entry["text"], tuple(entry.get("forms", ())),
                          tuple(entry.get("not", ())), entry.get("bold", False)))
    for before, term in zip(terms, terms[1:]):
        if before.name.casefold() >= term.name.casefold():
            raise GlossaryError(f"{SOURCE}: {term.name}: belongs before {before.name}; "
                                "the terms are in alphabetical order")
    return tuple(terms)


# --- links -------------------------------------------------------------------------------------

def _expression(words: str) -> str:
    """A pattern for the words as written, also at the start of a sentence and across two lines."""
    pattern = r"\s+".join(map(re.escape, words.split()))
    return pattern if re.search("[A-Z]", words) else f"(?i:{pattern})"


@cache
def _pattern(terms: tuple[Term, ...]) -> tuple[re.Pattern, dict[str, Term | None]]:
    """One pattern for all spellings, the longest first, and what each of its groups stands for."""
    spellings = [(words, term) for term in terms for words in (term.name, *term.forms)]
    spellings += [(words, None) for term in terms for words in term.others]
    spellings.sort(key=lambda pair: (-len(pair[0]), pair[0]))
    groups = {f"t{i}": term for i, (_, term) in enumerate(spellings)}
    choices = "|".join(f"(?P<t{i}>{_expression(words)})" for i, (words, _) in enumerate(spellings))
    return re.compile(rf"(?<![\w/.@-])(?:{choices})s?(?![\w/-])"), groups


def uses(text: str, terms: tuple[Term, ...]) -> list[tuple[int, int, Term]]:
    """Where a Markdown text uses terms in its prose: start, end and term, in order."""
    if not terms:
        return []
    pattern, groups = _pattern(terms)
    # Blanked with the same length, so that a place in the copy is a place in the text.
    prose = UNTOUCHED.sub(lambda found: re.sub(r"\S", "\0", found[0]), text)
    return [(found.start(), found.end(), term) for found in pattern.finditer(prose)
            if (term := groups[found.lastgroup])
            and (not term.bold or _emphasised(text, *found.span(), "**"))]


def _emphasised(text: str, start: int, end: int, marks: str = "*") -> bool:
    """Whether the words stand directly between these marks."""
    return text[:start].endswith(marks) and text[end:].startswith(marks)


def linked(texts: list[str], terms: tuple[Term, ...], page: str) -> list[str]:
    """The Markdown cells of one lesson, with a link to `page` at the first use of each term."""
    done, result = set(), []
    for text in texts:
        end, parts = 0, []
        for start, stop, term in uses(text, terms):
            if term.name not in done:
                done.add(term.name)
                parts += [text[end:start], f"[{text[start:stop]}]({page}#{term.anchor})"]
                end = stop
        result.append("".join([*parts, text[end:]]))
    return result


# --- the page ----------------------------------------------------------------------------------

def introduced(term: Term, lessons: dict[str, list[str]]) -> str | None:
    """The lesson that introduces a term: the first with it in bold or italics, else the first use.

    lessons: name → its Markdown cells, in order.
    """
    users = []
    for name, texts in lessons.items():
        found = [(text, start, end) for text in texts for start, end, one in uses(text, (term,))]
        if any(_emphasised(*one) for one in found if "## Recap" not in one[0]):
            return name
        users += [name] if found else []
    return users[0] if users else None


def page(terms: tuple[Term, ...], lessons: dict[str, list[str]]) -> str:
    """The glossary as Markdown, with links to the lessons beside it. Raises GlossaryError."""
    parts = [INTRODUCTION]
    for term in terms:
        lesson = introduced(term, lessons)
        if lesson is None:
            raise GlossaryError(f"{SOURCE}: {term.name}: no lesson uses this term; leave it out, "
                                "or add the spelling that lessons use to its `forms`")
        parts.append(f"## {term.name}\n\n{term.text} "
                     f"([Lesson {lesson[:2]}]({lesson}.ipynb))\n")
    return "\n".join(parts)
