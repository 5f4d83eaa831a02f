"""reference.csv: requests, and the answers that the training framework gives to them.

A column for each field of a request; a column for each number that goes back: `OUTPUT`, or
`OUTPUT[0]`, `OUTPUT[1]` of a list; with labels, `OUTPUT[LABEL]`, and `OUTPUT` for the best label.
Columns may be left out, as long as one of an answer's is there.
"""
import csv
import json
import math

TOLERANCE = 1e-4        # of a number: as a share of it, or of 1 where it is smaller
LONGEST = 100_000_000   # characters of one value: a picture in base64 has millions


def read(path, signature):
    """Return [(request, {column: text}), …] of a reference file.

    Raises ValueError, naming line and column, for what is no request.
    """
    csv.field_size_limit(LONGEST)
    fields = {entry["name"]: entry for entry in signature["fields"]}
    rows = []
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            missing = [name for name in fields if row.get(name) is None]
            expected = {name: text for name, text in row.items() if name not in fields}
            if missing or not expected:
                raise ValueError(f"{path}: there is no column {(missing or ['of an answer'])[0]!r}")
            rows.append(({name: _value(row[name], entry, f"{path}, line {len(rows) + 2}")
                          for name, entry in fields.items()}, expected))
    if not rows:
        raise ValueError(f"{path}: there is no line below the names of the columns")
    return rows


def _value(text, entry, where):
    """What a request holds for a field, from its text."""
    words = entry["type"] in ("text", "picture") or (
        entry["type"] == "category" and isinstance(entry["allowed"][0], str))
    if words:
        return text
    try:
        return json.loads(text.lower() if entry["type"] == "boolean" else text)
    except ValueError:
        raise ValueError(f"{where}: {entry['name']!r} is {text[:40]!r}, which is no JSON") from None


def differences(answer, expected):
    """Return what differs, [(column, expected, found), …]; found is None where there is nothing.

    answer: what the function returns. expected: {column: text}.
    """
    found = {key: value for name, output in (answer.get("outputs") or {}).items()
             for key, value in flat(output, name).items()}
    return [(column, text, found.get(column)) for column, text in expected.items()
            if not equal(found.get(column), text)]


def equal(found, text):
    """Whether an answer's value is what the reference's text says."""
    if type(found) is bool or not isinstance(found, (int, float)):
        return str(found) == text
    try:
        expected = float(text)
    except ValueError:
        return False
    return math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def flat(value, name):
    """Return {column: value} of one output."""
    if isinstance(value, dict):
        return {name: value["label"]} | {
            f"{name}[{label}]": number for label, number in value["scores"].items()}
    if isinstance(value, list):
        return {column: one for place, part in enumerate(value)
                for column, one in flat(part, f"{name}[{place}]").items()}
    return {name: value}
