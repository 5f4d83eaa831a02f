"""EventBridge Scheduler: when. (As whom: permissions/passed.py.) Source: its API reference."""
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workshop.local.rules import cron
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError


def _invalid(message: str) -> RefusedError:
    return RefusedError("ValidationException", message, 400)


@rule("scheduler", "CreateSchedule", "UpdateSchedule")
def schedule(asked: dict) -> None:
    when = asked["ScheduleExpression"]
    if not (cron.is_rate(when, strict=False) or cron.is_cron(when) or cron.is_at(when)):
        raise _invalid(f"Invalid Schedule Expression {when}.")
    try:
        ZoneInfo(asked.get("ScheduleExpressionTimezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise _invalid("The ScheduleExpressionTimezone is not valid.") from None
    window = asked["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise _invalid("MaximumWindowInMinutes is required for FLEXIBLE and not allowed for OFF.")
