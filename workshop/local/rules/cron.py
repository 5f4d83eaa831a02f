"""Schedule expressions, as EventBridge's rules and its Scheduler read them: six fields, in UTC.

Source: "Setting a schedule pattern for scheduled rules", EventBridge User Guide; "Schedule types",
EventBridge Scheduler User Guide.
"""
import re
from datetime import datetime

MONTHS = dict(zip("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), range(1, 13)))
DAYS = dict(zip("SUN MON TUE WED THU FRI SAT".split(), range(1, 8)))
FIELDS = (          # least, most, names; of minutes, hours, day of month, month, weekday, year
    (0, 59, {}), (0, 23, {}), (1, 31, {}), (1, 12, MONTHS), (1, 7, DAYS), (1970, 2199, {}))
RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")
AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")


def is_rate(text: str, strict: bool = True) -> bool:
    """Whether this is a rate of at least 1.

    strict: as rules want it, singular for 1 and plural for more; Scheduler takes `rate(1 hours)`.
    """
    found = RATE.fullmatch(text)
    return bool(found) and int(found[1]) > 0 and (
        not strict or (int(found[1]) == 1) == (not found[3]))


def is_at(text: str) -> bool:
    """Whether this is a moment, without a time zone."""
    try:
        return bool(AT.fullmatch(text) and datetime.fromisoformat(text[3:-1]))
    except ValueError:
        return False


def is_cron(text: str) -> bool:
    """Whether this is a cron expression of six fields, one of the two days being `?`."""
    found = re.fullmatch(r"cron\((.*)\)", text)
    fields = found[1].upper().split() if found else []
    return (len(fields) == 6 and (fields[2] == "?") != (fields[4] == "?")
            and all(_is_field(number, field) for number, field in enumerate(fields)))


def _is_field(number: int, field: str) -> bool:
    return all(_is_part(number, part) for part in field.split(","))


def _is_part(number: int, part: str) -> bool:
    least, most, names = FIELDS[number]
    if number in (2, 4) and part == "?":
        return True
    if number == 2 and (part in ("L", "LW") or re.fullmatch(r"([1-9]|[12]\d|3[01])W", part)):
        return True
    if number == 4 and (part == "L" or re.fullmatch(r"[1-7](L|#[1-5])", part)):
        return True
    span, slash, step = part.partition("/")
    if slash and not (step.isdigit() and int(step) > 0):
        return False
    if span == "*":
        return True
    ends = [names.get(one, int(one) if one.isdigit() else -1) for one in span.split("-")]
    return len(ends) <= 2 and all(least <= one <= most for one in ends)
