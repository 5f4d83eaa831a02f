"""CloudFormation: the form of a template, and what its maker must acknowledge."""
import re

from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

# Source: CloudFormation User Guide, "Acknowledging IAM resources".
IAM = {"AccessKey", "Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User",
       "UserToGroupAddition"}
NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*")
SECTIONS = {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules",
            "Mappings", "Conditions", "Transform", "Resources", "Outputs", "Hooks"}


def wrong(message: str) -> RefusedError:
    return RefusedError("ValidationError", message, 400)


def template_of(asked: dict) -> dict | None:
    """The template of a request; None where it is elsewhere. Raises RefusedError."""
    from ministack.services.cloudformation import engine
    text = asked.get("TemplateBody")
    if text is None:
        return None
    try:
        template = engine._parse_template(text)
    except Exception as error:      # of YAML's or JSON's parser
        if "must be a JSON or YAML mapping" in str(error):
            raise wrong("Template format error: unsupported structure.") from None
        raise wrong(f"Template format error: {'JSON' if text.lstrip().startswith('{') else 'YAML'} "
                    f"not well-formed. {str(error).splitlines()[0]}") from None
    if not isinstance(template, dict):
        raise wrong("Template format error: unsupported structure.")
    return template


@rule("cloudformation", "DeleteStack", "DescribeStacks", "DescribeStackEvents", "GetTemplate",
      "ListStackResources", "DescribeStackResources", "UpdateStack")
def name_of_a_stack(asked: dict) -> None:
    """A name or an ARN; botocore's model has no pattern for it."""
    name = asked.get("StackName")
    if name and not NAME.fullmatch(name):
        raise wrong(f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy "
                    f"constraint: Member must satisfy regular expression pattern: {NAME.pattern}")


@rule("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet", "ValidateTemplate")
def template(asked: dict) -> None:
    given = template_of(asked)
    if given is None:
        return
    unknown = sorted(set(given) - SECTIONS)
    if unknown:
        raise wrong(f"Invalid template property or properties [{', '.join(unknown)}]")
    if str(given.get("AWSTemplateFormatVersion", "2010-09-09"))[:10] != "2010-09-09":
        raise wrong("Template format error: unsupported value for AWSTemplateFormatVersion.")
    resources = given.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise wrong("Template format error: At least one Resources member must be defined.")
    if len(resources) > 500:
        raise wrong(f"Template format error: Number of resources, {len(resources)}, is greater "
                    "than maximum allowed, 500")
    for name, resource in resources.items():
        if name.startswith("Fn::"):
            continue
        if not name.isalnum():
            raise wrong(f"Template format error: Resource name {name} is non alphanumeric.")
        if not isinstance(resource, dict) or not resource.get("Type"):
            raise wrong(f"Template format error: [/Resources/{name}] Every Resources object must "
                        "contain a Type member.")


@rule("cloudformation", "CreateStack", "UpdateStack", "CreateChangeSet")
def capabilities(asked: dict) -> None:
    """A change set may have a transform without CAPABILITY_AUTO_EXPAND: it is looked at first."""
    given, said = template_of(asked) or {}, set(asked.get("Capabilities") or [])
    resources = [one for one in (given.get("Resources") or {}).values() if isinstance(one, dict)]
    if given.get("Transform") and "ChangeSetName" not in asked \
            and "CAPABILITY_AUTO_EXPAND" not in said:
        raise insufficient("CAPABILITY_AUTO_EXPAND")
    iam = [one for one in resources if one.get("Type") in {f"AWS::IAM::{kind}" for kind in IAM}]
    named = any(key in (one.get("Properties") or {}) for one in iam
                for key in ("RoleName", "UserName", "GroupName", "ManagedPolicyName",
                            "InstanceProfileName")
                if one["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::AccessKey",
                                       "AWS::IAM::UserToGroupAddition"))
    if named and "CAPABILITY_NAMED_IAM" not in said:
        raise insufficient("CAPABILITY_NAMED_IAM")
    if iam and not said & {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"}:
        raise insufficient("CAPABILITY_IAM")


def insufficient(capability: str) -> RefusedError:
    return RefusedError("InsufficientCapabilitiesException",
                        f"Requires capabilities : [{capability}]", 400)


@rule("cloudformation", "CreateChangeSet")
def stack_to_create(asked: dict) -> None:
    from ministack.services.cloudformation import _stacks
    name = asked["StackName"]
    stack = _stacks.get(name)
    if asked.get("ChangeSetType") == "CREATE" and stack \
            and stack.get("StackStatus") not in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        raise wrong(f"Stack [{name}] already exists and cannot be created again with the changeSet "
                    f"[{asked['ChangeSetName']}].")
