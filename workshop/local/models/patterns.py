r"""The models' patterns are Java's; here they are Python's, compiled once.

What differs: `\p{…}` is a Unicode category or a class of ASCII characters; `\z` is Python's `\Z`;
a hyphen after `\w` stands for itself; `(?i)` may be anywhere. `\d`, `\w` and `\s` mean ASCII.
Sources: java.util.regex.Pattern (Java SE 17 API); `re` (Python's library reference).
"""
import functools
import re
import sys
import unicodedata

CLASSES = {     # Java's POSIX classes, US-ASCII only, as the inside of a class of Python's
    "Alnum": "a-zA-Z0-9",
    "ASCII": r"\x00-\x7F",
    "Print": r"\x20-\x7E",
}
# Patterns that are not enforced: (service, shape) → why.
SKIPPED = {
    ("budgets", "SubscriberAddress"):
        "matches any text, and Python would try for ever: (.*[\\n\\r\\t\\f\\ ]?)*",
}


@functools.cache
def compiled(pattern: str) -> re.Pattern | None:
    """The pattern for `fullmatch`: AWS looks at the whole value. None: Python cannot compile it."""
    try:
        return re.compile(translated(pattern), re.ASCII)
    except re.error:
        return None


def translated(pattern: str) -> str:
    """A pattern of Java's in Python's spelling (text → text)."""
    pattern = pattern.replace(r"\z", r"\Z")
    pattern = re.sub(r"(\\[dws])-(?=[^\]])", r"\1\\-", pattern)
    if "(?i)" in pattern:       # in the models it stands before what has no other letters
        pattern = "(?i)" + pattern.replace("(?i)", "")
    return re.sub(r"\\p\{(\w+)\}", lambda found: CLASSES.get(found[1]) or category(found[1]),
                  _all_in_classes(pattern))


def _all_in_classes(pattern: str) -> str:
    r"""`\p{X}` outside of brackets gets its own."""
    parts, inside, at = [], False, 0
    while at < len(pattern):
        if pattern[at] == "\\":
            end = pattern.index("}", at) + 1 if pattern[at:at + 3] == r"\p{" else at + 2
            text = pattern[at:end]
            parts.append(f"[{text}]" if text[1] == "p" and not inside else text)
            at = end
            continue
        inside = pattern[at] == "[" or inside and pattern[at] != "]"
        parts.append(pattern[at])
        at += 1
    return "".join(parts)


@functools.cache
def category(letter: str) -> str:
    """The characters of a Unicode category ("L": letters) as the inside of a class."""
    ranges, first, last = [], None, None
    for number in range(sys.maxunicode + 1):
        if not unicodedata.category(chr(number)).startswith(letter):
            continue
        if last != number - 1:
            ranges.append((first, last))
            first = number
        last = number
    ranges.append((first, last))
    return "".join(f"\\U{begin:08x}-\\U{end:08x}" for begin, end in ranges[1:])
