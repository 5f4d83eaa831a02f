"""EventBridge Scheduler: when, and as whom. Source: its API reference."""
import json
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workshop.local.rules import cron
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError


def _invalid(message: str) -> RefusedError:
    return RefusedError("ValidationException", message, 400)


@rule("scheduler", "CreateSchedule", "UpdateSchedule")
def schedule(asked: dict) -> None:
    when = asked["ScheduleExpression"]
    if not (cron.is_rate(when) or cron.is_cron(when) or cron.is_at(when)):
        raise _invalid(f"Invalid Schedule Expression {when}.")
    try:
        ZoneInfo(asked.get("ScheduleExpressionTimezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        raise _invalid("The ScheduleExpressionTimezone is not valid.") from None
    window = asked["FlexibleTimeWindow"]
    if (window["Mode"] == "FLEXIBLE") != ("MaximumWindowInMinutes" in window):
        raise _invalid("MaximumWindowInMinutes is required for FLEXIBLE and not allowed for OFF.")


@rule("scheduler", "CreateSchedule", "UpdateSchedule")
def role_of_a_schedule(asked: dict) -> None:
    from ministack.services import iam
    role = iam._roles.get(asked["Target"]["RoleArn"].rpartition("/")[2]) or {}
    document = unquote(str(role.get("AssumeRolePolicyDocument") or "{}"))
    services = [service for one in _listed(json.loads(document).get("Statement") or [])
                if one.get("Effect") == "Allow" and isinstance(one.get("Principal"), dict)
                for service in _listed(one["Principal"].get("Service") or [])]
    if "scheduler.amazonaws.com" not in services:
        raise _invalid("The execution role you provide must allow AWS EventBridge Scheduler to "
                       "assume the role.")


def _listed(value) -> list:
    return value if isinstance(value, list) else [value]
