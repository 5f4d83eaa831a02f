"""What the lessons need of the cloud, as `record_calls.py` wrote it, and what policies say."""
import json
import re
from functools import cache
from pathlib import Path

from ministack.core import iam_evaluator as iam

from workshop.local import identities
from workshop.local.addresses import ACCOUNT, REGION
from workshop.local.permissions import decision, evaluator
from workshop.local.permissions.actions import Need

FILE = Path(__file__).with_suffix(".json")      # action → [resource, condition keys, lessons]
# What is another one in each run, and what stands for it.
RANDOM = [(re.compile(pattern), text) for pattern, text in (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"(:::workshop-[^/]+/[^/]+/).*", r"\1KEY"), (r"(:::workshop-[^/]+/)[^/]+$", r"\1KEY"),
    (r"(::/(?:apis|restapis|tags/[^/]+/(?:apis|restapis))/)[a-z0-9]+", r"\1ID"),
    (r"(::/.*/(?:integrations|routes|deployments|resources|authorizers)/)[a-z0-9]+", r"\1ID"),
    (r"(stack/[^/]+/).+", r"\1ID"), (r"(changeSet/[^/]+/).+", r"\1ID"),
    (r"(:log-stream:).+", r"\1NAME"))]
REFUSED = {"iam:ListUsers"}     # lesson 00 shows a refusal by it
# Condition keys that policies of the learner may look at; others say nothing of who may.
KEYS = re.compile(r"aws:requesttag/(project|owner)|iam:.*|lambda:.*"
                  r"|cloudwatch:namespace")


def compact(lines) -> dict[str, list]:
    """The recorder's lines, each need once: action → sorted [resource, keys, lessons]."""
    found, lesson = {}, ""
    for line in lines:
        value = json.loads(line)
        if isinstance(value, str):
            lesson = value
            continue
        action, resource, keys = value
        if action in REFUSED:
            continue
        for pattern, text in RANDOM:
            resource = pattern.sub(text, resource)
        keys = {key: value for key, value in sorted(keys.items()) if KEYS.fullmatch(key)}
        of_action = found.setdefault(action, {})
        of_action.setdefault((resource, json.dumps(keys)), set()).add(lesson)
    return {action: [[resource, json.loads(keys), sorted(lessons)]
                     for (resource, keys), lessons in sorted(found[action].items())]
            for action in sorted(found)}


def written(found: dict) -> str:
    """The text of FILE: a line for each need."""
    return "{\n" + ",\n".join(
        f"{json.dumps(action)}: [\n" + ",\n".join(f"  {json.dumps(one)}" for one in needs) + "]"
        for action, needs in found.items()) + "}\n"


def merged(before: dict, after: dict, lessons: list[str]) -> dict:
    """The needs of BEFORE, with those of these lessons as they are in AFTER."""
    found = {}
    for source, keep in ((before, lambda one: one not in lessons), (after, lessons.__contains__)):
        for action, needs in source.items():
            for resource, keys, of in needs:
                mine = found.setdefault(action, {}).setdefault((resource, json.dumps(keys)), set())
                mine.update(one for one in of if keep(one))
    listed = {action: [[resource, json.loads(keys), sorted(of)]
                       for (resource, keys), of in sorted(found[action].items()) if of]
              for action in sorted(found)}
    return {action: needs for action, needs in listed.items() if needs}


def differences(before: dict, after: dict) -> list[str]:
    """`+` for a need that is new, `-` for one that is gone, in words."""
    def lines(found):
        return {f"{action} on {resource} {json.dumps(keys) if keys else ''}".rstrip()
                for action, needs in found.items() for resource, keys, _ in needs}
    return sorted([f"+ {one}" for one in lines(after) - lines(before)]
                  + [f"- {one}" for one in lines(before) - lines(after)], key=lambda one: one[2:])


# What cells do that run on AWS only (tag `aws`), which no local cloud can record.
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:workshop-learner-churn-cold:ready"
AWS_ONLY = {f"lambda:{verb}ProvisionedConcurrencyConfig": [[FUNCTION, {}, ["14"]]]
            for verb in ("Delete", "Get", "Put")}


@cache
def recorded() -> dict[str, list[tuple[Need, list[str]]]]:
    """Action → what the lessons need of it, each with the lessons' numbers."""
    return {action: [(Need(action, resource, keys), lessons) for resource, keys, lessons in needs]
            for action, needs in (AWS_ONLY | json.loads(FILE.read_text(encoding="utf-8"))).items()}


def allows(documents: list[dict], need: Need) -> bool:
    """Whether the learner with these policies may do what is needed, by the local cloud's gate."""
    evaluator.improve()
    principal = iam.PrincipalInfo(identities.user_arn(ACCOUNT), "User", ACCOUNT, [
        iam.parse_policy_document(one) for one in documents],
        keys={"aws:username": identities.LEARNER})
    return decision.by_policies(principal, need, REGION).decision == "Allow"
