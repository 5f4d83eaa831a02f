"""CloudFormation: what a template refers to must be in it, and parameters must fit.

A template with a transform (SAM) is looked at only after it was transformed, by MiniStack.
"""
import re

from workshop.local.rules.rule import rule
from workshop.local.rules.stacks import template_of, wrong

PSEUDO = "AWS::"                # AWS::Region, AWS::AccountId …
ATTRIBUTES = {"Type", "Properties", "DependsOn", "Condition", "Metadata", "CreationPolicy",
              "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy"}
NAMED = re.compile(r"\$\{([^!}][^}]*)\}")      # in Fn::Sub; ${!x} stands for ${x}


@rule("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet", "ValidateTemplate")
def references(asked: dict) -> None:
    given = template_of(asked)
    if given is None or given.get("Transform"):
        return
    resources, parameters = given.get("Resources") or {}, given.get("Parameters") or {}
    if any(name.startswith("Fn::") for name in (*resources, *(given.get("Outputs") or {}))):
        return                  # Fn::ForEach makes names of its own
    _parameters(parameters)
    _resources(given, resources)
    known = {*resources, *parameters}
    blocks = [("Resources", {name: {key: part for key, part in one.items() if key != "Type"}
                             for name, one in resources.items()}),
              ("Outputs", given.get("Outputs") or {})]
    for block, content in blocks:
        for kind, name in referred(content):
            if kind == "Fn::GetAtt" and name not in resources:
                raise wrong("Template error: instance of Fn::GetAtt references undefined resource "
                            f"{name}")
            if name not in known and not name.startswith(PSEUDO):
                raise wrong(f"Template format error: Unresolved resource dependencies [{name}] in "
                            f"the {block} block of the template")
    circle = circular({name: needed(one) & resources.keys() for name, one in resources.items()})
    if circle:
        raise wrong(f"Circular dependency between resources: [{', '.join(circle)}]")


def _parameters(parameters: dict) -> None:
    for one in parameters.values():
        if not isinstance(one, dict) or not one.get("Type"):
            raise wrong("Template format error: Every Parameters object must contain a Type "
                        "member.")


def _resources(given: dict, resources: dict) -> None:
    """The members of resources and outputs, and the conditions that they name."""
    conditions = given.get("Conditions") or {}
    for one in resources.values():
        for member in one:
            if member not in ATTRIBUTES:
                raise wrong(f"Invalid template resource property '{member}'")
    for block in ("Resources", "Outputs"):
        for name, one in (given.get(block) or {}).items():
            if block == "Outputs" and (not isinstance(one, dict) or "Value" not in one):
                raise wrong(f"Template format error: Output {name} is malformed. The Value "
                            "attribute is mandatory.")
            if one.get("Condition", next(iter(conditions), None)) not in (None, *conditions):
                raise wrong("Template format error: Unresolved condition dependency "
                            f"{one['Condition']} in the {block} block of the template")


def referred(value):
    """(kind, logical name) of what a part of a template refers to (an iterator)."""
    if isinstance(value, list):
        for one in value:
            yield from referred(one)
    if not isinstance(value, dict):
        return
    for key, part in value.items():
        if key == "Ref" and isinstance(part, str):
            yield key, part
        elif key == "DependsOn":
            yield from ((key, name) for name in (part if isinstance(part, list) else [part]))
        elif key == "Fn::GetAtt":
            name = part.partition(".")[0] if isinstance(part, str) else part[0]
            yield key, name
        elif key == "Fn::Sub":
            yield from _in_text(part)
        else:
            yield from referred(part)


def _in_text(part):
    """What a Fn::Sub names, but for its own variables."""
    text, own = part if isinstance(part, list) else (part, {})
    yield from referred(own)
    for name in NAMED.findall(text):
        if name.strip() not in own:
            yield ("Fn::GetAtt" if "." in name else "Ref"), name.strip().partition(".")[0]


def needed(resource: dict) -> set[str]:
    return {name for _, name in referred({key: part for key, part in resource.items()
                                          if key != "Type"})}


def circular(needs: dict[str, set[str]]) -> list[str]:
    """The resources that wait for each other, in order of their names."""
    left = {name: set(others) for name, others in needs.items()}
    while free := [name for name, others in left.items() if not others]:
        for name in free:
            del left[name]
        for others in left.values():
            others.difference_update(free)
    return sorted(left)


@rule("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet")
def parameters(asked: dict) -> None:
    given = template_of(asked)
    if given is None:
        return
    known, said = given.get("Parameters") or {}, asked.get("Parameters") or []
    unknown = [one["ParameterKey"] for one in said if one["ParameterKey"] not in known]
    if unknown:
        raise wrong(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, one in known.items() if "Default" not in one
               and name not in {each["ParameterKey"] for each in said}]
    if missing:
        raise wrong(f"Parameters: [{', '.join(missing)}] must have values")


@rule("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet")
def values_of_parameters(asked: dict) -> None:
    known = (template_of(asked) or {}).get("Parameters") or {}
    for one in asked.get("Parameters") or []:
        about, value = known.get(one["ParameterKey"]) or {}, one.get("ParameterValue")
        if value is None:
            continue
        fault = fault_of_value(about, value)
        if fault:
            said = about.get("ConstraintDescription")
            raise wrong(f"Parameter {one['ParameterKey']} failed to satisfy constraint: {said}"
                        if said else f"Parameter '{one['ParameterKey']}' must {fault}")


def fault_of_value(about: dict, value: str) -> str | None:
    """What a parameter's value must be and is not, in CloudFormation's words."""
    if about.get("Type") == "Number":
        try:
            number = float(value)
        except ValueError:
            return "be a number"
        if "MinValue" in about and number < float(about["MinValue"]):
            return f"be a number not less than {about['MinValue']}"
        if "MaxValue" in about and number > float(about["MaxValue"]):
            return f"be a number not greater than {about['MaxValue']}"
    if "AllowedValues" in about and value not in map(str, about["AllowedValues"]):
        return "be one of AllowedValues"
    if "AllowedPattern" in about and not re.fullmatch(about["AllowedPattern"], value):
        return f"match pattern {about['AllowedPattern']}"
    if "MinLength" in about and len(value) < int(about["MinLength"]):
        return f"contain at least {about['MinLength']} characters"
    if "MaxLength" in about and len(value) > int(about["MaxLength"]):
        return f"contain at most {about['MaxLength']} characters"
    return None
