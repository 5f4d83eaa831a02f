"""What you must be allowed to do on AWS for the lessons, and whether you are.

    python -m workshop.permissions FOLDER       writes the policies that an administrator attaches
    python -m workshop.permissions --check      lists what the identity in use lacks, as JSON

`workshop/account/policies/learner/` has one policy for each stage of the workshop. They allow what
the lessons do, with things that have the owner's names.
"""
import argparse
import json
import re
from pathlib import Path

from botocore.exceptions import ClientError

from workshop.account import calls, ownership, roles

POLICIES = roles.POLICIES / "learner"
STAGES = tuple(sorted(path.stem for path in POLICIES.glob("*.json")))


def policies() -> dict[str, dict]:
    """Stage → its policy document (dict), for the account, Region and owner in use."""
    return {stage: json.loads(roles.policy(f"learner/{stage}", owner=ownership.owner()))
            for stage in STAGES}


def write(folder) -> list[Path]:
    """Write the policies, filled in, as FOLDER/STAGE.json; return the paths."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for stage, document in policies().items():
        paths.append(folder / f"{stage}.json")
        paths[-1].write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return paths


def missing() -> dict[str, list[str]]:
    """Stage → actions that the identity in use may not do, as IAM's simulator answers.

    Nothing is made or changed. An account's root user may do everything and cannot be simulated.
    Raises ClientError where the identity may not ask (iam:SimulatePrincipalPolicy).
    """
    source, found = _source(), {}
    for stage, document in policies().items() if source else ():
        for statement in document["Statement"]:
            for action in _refused(source, statement):
                found.setdefault(stage, set()).add(action)
    return {stage: sorted(actions) for stage, actions in found.items()}


def _source() -> str:
    """ARN of the user or role whose policies count; empty for the root user."""
    arn = calls.client("sts").get_caller_identity()["Arn"]
    if arn.endswith(":root"):
        return ""
    taken = re.fullmatch(r"arn:(.+):sts::(\d+):assumed-role/([^/]+)/.+", arn)
    if not taken:
        return arn
    partition, account, name = taken.groups()
    try:        # the session's ARN lacks the role's path
        return calls.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    except ClientError:
        return f"arn:{partition}:iam::{account}:role/{name}"


def _refused(source: str, statement: dict) -> list[str]:
    """Actions of a statement that IAM's simulator does not allow on one of its resources."""
    found, user = [], source.rpartition("/")[2]
    for resource in _listed(statement["Resource"]):
        answers = calls.pages(
            "iam", "simulate_principal_policy", "EvaluationResults", PolicySourceArn=source,
            ActionNames=_listed(statement["Action"]),
            ResourceArns=[_sample(resource.replace("${aws:username}", user))],
            ContextEntries=_context({"user": {"aws:username": user},
                                     **statement.get("Condition", {})}))
        found += [one["EvalActionName"] for one in answers if one["EvalDecision"] != "allowed"]
    return found


def _listed(value) -> list[str]:
    return [value] if isinstance(value, str) else value


def _sample(pattern: str) -> str:
    """Something that fits a pattern with wildcards."""
    return pattern if pattern == "*" else pattern.replace("*", "x")


def _context(conditions: dict) -> list[dict]:
    """Condition keys under which a statement holds, as the simulator takes them."""
    return [{"ContextKeyName": key, "ContextKeyType": "string",
             "ContextKeyValues": [_sample(_listed(values)[0])]}
            for keys in conditions.values() for key, values in keys.items()]


def main() -> None:
    """Write the policies, or with --check print what is missing, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="build/policies")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    if asked.check:
        return print(json.dumps(missing()))
    for path in write(asked.folder):
        print(path)


if __name__ == "__main__":
    main()
