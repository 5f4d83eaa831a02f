"""Filter patterns for JSON log lines, as `{ $.status = 500 && $.cold IS TRUE }`.

MiniStack lets every line pass such a pattern.
"""
import fnmatch
import json
import operator
import re

# One comparison: a path, then an operator with a value, or a question.
COMPARISON = re.compile(
    r'\s*\(?\s*\$\.(?P<path>[\w.\-]+)\s*'
    r'(?:(?P<operator>!=|<=|>=|=|<|>)\s*(?P<value>"[^"]*"|[^\s&|()]+)'
    r'|(?P<question>IS NULL|IS TRUE|IS FALSE|NOT EXISTS))\s*\)?\s*')
NUMBERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
MISSING = object()


def apply(port: int) -> None:
    """Put this before MiniStack's own reading of filter patterns."""
    from ministack.services import cloudwatch_logs
    cloudwatch_logs._compile_filter_pattern = reading_json(cloudwatch_logs._compile_filter_pattern)


def reading_json(compile_pattern):
    """Patterns in braces are ours; the others, words, stay MiniStack's."""
    def compiled(pattern):
        pattern = (pattern or "").strip()
        return for_json(pattern) if pattern.startswith("{") else compile_pattern(pattern)
    return compiled


def for_json(pattern: str):
    """A function that says whether a line matches `{ comparison && … || … }`.

    && binds closer than ||; parentheses may stand around one comparison, no deeper. A pattern that
    is not understood matches nothing, where AWS would refuse it.
    """
    inside = pattern.strip()[1:].rstrip("} \n\t")
    groups = [[COMPARISON.fullmatch(one) for one in group.split("&&")]
              for group in inside.split("||")]
    if not all(one for group in groups for one in group):
        return lambda line: False

    def matches(line: str) -> bool:
        try:
            root = json.loads(line)
        except ValueError:
            return False
        return isinstance(root, dict) and any(
            all(holds(root, one) for one in group) for group in groups)
    return matches


def holds(root: dict, comparison: re.Match) -> bool:
    """Whether one comparison is true of a line's content."""
    found = root
    for name in comparison["path"].split("."):
        found = found.get(name, MISSING) if isinstance(found, dict) else MISSING
    if comparison["question"]:
        asked = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False, "NOT EXISTS": MISSING}
        return found is asked[comparison["question"]]
    if found is MISSING:
        return False
    sign, value = comparison["operator"], comparison["value"]
    if sign in NUMBERS:
        number = to_number(value)
        return type(found) in (int, float) and number is not None and NUMBERS[sign](found, number)
    return equal(found, value) == (sign == "=")


def equal(found, value: str) -> bool:
    """Numbers as numbers, texts with * for anything."""
    if type(found) in (int, float):
        return to_number(value) == found
    return isinstance(found, str) and fnmatch.fnmatchcase(
        found, re.sub(r"([\[?])", r"[\1]", value.strip('"')))


def to_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
