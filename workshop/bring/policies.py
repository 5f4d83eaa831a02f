"""What the template lets the function do: write into its own log, and nothing else."""
from pathlib import Path

import yaml

ALLOWED = {"logs:CreateLogStream", "logs:PutLogEvents"}


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, `!Ref X` as {"!Ref": "X"}."""


def _short_form(loader, tag, node):
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence,
             yaml.MappingNode: loader.construct_mapping}
    return {f"!{tag}": kinds[type(node)](node)}


_Loader.add_multi_constructor("!", _short_form)


def problems(path: Path) -> list[str]:
    """What is wrong with the template's permissions, in sentences; [] for nothing."""
    try:
        resources = yaml.load(path.read_text(encoding="utf-8"), _Loader)["Resources"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        return [f"{path.name} cannot be read: {type(error).__name__}"]
    found = []
    for name, resource in resources.items():
        properties = resource.get("Properties") or {}
        if resource["Type"] == "AWS::IAM::Role":
            found += _role(name, properties)
        if resource["Type"] == "AWS::Serverless::Function":
            found += [f"{name} has no Role: SAM makes a wider one"] * ("Role" not in properties)
            found += [f"{name} has Policies beside its Role"] * ("Policies" in properties)
            found += [f"{name} has a function URL"] * ("FunctionUrlConfig" in properties)
        if resource["Type"] == "AWS::Lambda::Permission" and "SourceArn" not in properties:
            found.append(f"{name} lets any source invoke the function: it needs a SourceArn")
    if not any(one["Type"] == "AWS::IAM::Role" for one in resources.values()):
        found.append("there is no role of the function's own")
    return found


def _role(name, properties):
    """Problems of one role."""
    found = [f"{name} has managed policies"] * bool(properties.get("ManagedPolicyArns"))
    for policy in properties.get("Policies") or ():
        statements = policy["PolicyDocument"]["Statement"]
        for statement in [statements] if isinstance(statements, dict) else statements:
            actions = statement.get("Action", ["NotAction"])
            wide = {actions} if isinstance(actions, str) else set(actions)
            found += [f"{name} allows {action}" for action in sorted(wide - ALLOWED)]
            if statement.get("Resource") in ("*", ["*"]):
                found.append(f"{name} allows it on all resources")
    return found
