"""EventBridge: schedules of rules, targets, events. Source: its API reference and quotas."""
import json
import re

from workshop.local.rules import cron
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

TARGETS = 5                     # of a rule
EVENTS = 1024 * 1024            # bytes of all entries of a request ("PutEvents"; 256 KB until 2026)
TIME = 14                       # bytes that an entry's time counts for, where it is given
OWN = {"aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time",
       "aws.events.event", "aws.events.event.json"}     # placeholders that are always there


def _invalid(message: str) -> RefusedError:
    return RefusedError("ValidationException", message, 400)


@rule("events", "PutRule")
def schedule_of_a_rule(asked: dict) -> None:
    when = asked.get("ScheduleExpression")
    if not when and not asked.get("EventPattern"):
        raise _invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if when and not (cron.is_rate(when) or cron.is_cron(when)):
        raise _invalid("Parameter ScheduleExpression is not valid.")
    if when and asked.get("EventBusName", "default").rpartition("/")[2] != "default":
        raise _invalid("ScheduleExpression is supported only on the default event bus.")


@rule("events", "PutTargets", "RemoveTargets", "ListTargetsByRule", "EnableRule", "DisableRule")
def rule_is_there(asked: dict) -> None:
    from ministack.services import eventbridge
    name = asked.get("Rule") or asked["Name"]
    bus = asked.get("EventBusName", "default").rpartition("/")[2]
    if bus not in eventbridge._event_buses and bus != "default":
        raise RefusedError("ResourceNotFoundException", f"Event bus {bus} does not exist.", 400)
    if eventbridge._rule_key(name, bus) not in eventbridge._rules:
        raise RefusedError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus "
                           f"{bus}.", 400)


@rule("events", "CreateEventBus")
def name_of_a_bus(asked: dict) -> None:
    if "/" in asked["Name"] and not asked.get("EventSourceName"):
        raise _invalid("Event bus name must not contain '/'.")


@rule("events", "PutTargets")
def targets(asked: dict) -> None:
    from ministack.services import eventbridge
    bus = asked.get("EventBusName", "default").rpartition("/")[2]
    there = eventbridge._targets.get(eventbridge._rule_key(asked["Rule"], bus)) or []
    names = {one["Id"] for one in there} | {one["Id"] for one in asked["Targets"]}
    if len(names) > TARGETS:
        raise RefusedError("LimitExceededException", "The requested resource exceeds the maximum "
                           "number allowed.", 400)
    for one in asked["Targets"]:
        _target(one)


def _target(target: dict) -> None:
    if sum(key in target for key in ("Input", "InputPath", "InputTransformer")) > 1:
        raise _invalid("Only one of Input, InputPath, or InputTransformer must be provided for "
                       f"target {target['Id']}.")
    if not target["Arn"].startswith("arn:"):
        raise _invalid(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in "
                       "correct format.")
    if ":sqs:" in target["Arn"] and target["Arn"].endswith(".fifo") \
            and "SqsParameters" not in target:
        raise _invalid("Parameter(s) SqsParameters must be specified for target: "
                       f"{target['Id']}.")
    if "Input" in target:
        try:
            json.loads(target["Input"])
        except ValueError:
            raise _invalid(f"JSON syntax error in input for target {target['Id']}.") from None
    if "InputPath" in target and not target["InputPath"].startswith("$"):
        raise _invalid(f"InputPath for target {target['Id']} is invalid.")
    if "InputTransformer" in target:
        _transformer(target["Id"], target["InputTransformer"])


def _transformer(name: str, transformer: dict) -> None:
    paths = transformer.get("InputPathsMap") or {}
    if any(one.startswith("AWS") for one in paths) or len(paths) > 100:
        raise _invalid(f"InputTransformer for target {name} is invalid.")
    for found in re.findall(r"<([A-Za-z0-9_\-.]+)>", transformer.get("InputTemplate") or ""):
        if found not in paths and found not in OWN:
            raise _invalid(f"InputTemplate for target {name} contains invalid placeholder {found}.")


@rule("events", "PutEvents")
def size_of_events(asked: dict) -> None:
    total = sum((TIME if "Time" in one else 0)
                + sum(len(one.get(key, "").encode()) for key in ("Source", "DetailType", "Detail"))
                + sum(len(name.encode()) for name in one.get("Resources") or [])
                for one in asked["Entries"])
    if total > EVENTS:
        raise _invalid("Total size of the entries in the request is over the limit.")


@rule("events", "TestEventPattern")
def event_of_a_test(asked: dict) -> None:
    try:
        event = json.loads(asked["Event"])
    except ValueError:
        event = None
    needed = {"id", "account", "source", "time", "region", "resources", "detail-type"}
    if not isinstance(event, dict) or not needed <= set(event):
        raise _invalid("Parameter Event is not valid.")


@rule("events", "DeleteRule")
def rule_without_targets(asked: dict) -> None:
    from ministack.services import eventbridge
    bus = asked.get("EventBusName", "default").rpartition("/")[2]
    if eventbridge._targets.get(eventbridge._rule_key(asked["Name"], bus)):
        raise _invalid("Rule can't be deleted since it has targets.")


def fault_of_an_entry(entry: dict) -> tuple[str, str] | None:
    """(code, message) of an entry that PutEvents does not take while it takes the others."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return "InvalidArgument", (f"Parameter {name} is not valid. Reason: {name} is a "
                                       "required argument.")
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return "MalformedDetail", "Detail is malformed."
    return None
