"""The grammar of a policy document, which IAM, trust, repository and bucket policies share.

Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""
import json
import re

from workshop.local.signatures import RefusedError

VERSIONS = ("2012-10-17", "2008-10-17")
ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal",
            "NotPrincipal", "Condition"}
PRINCIPALS = {"AWS", "Service", "Federated", "CanonicalUser"}
OPERATORS = re.compile(
    r"(For(AllValues|AnyValue):)?(String(Not)?(Equals|Like|EqualsIgnoreCase)|"
    r"(Numeric|Date)(Not)?(Equals|LessThan|LessThanEquals|GreaterThan|GreaterThanEquals)|Bool|"
    r"BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like)|Null)(IfExists)?")
ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
RESOURCE = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", re.DOTALL)


class PolicyError(Exception):
    """The document breaks the grammar; the message is IAM's."""


def listed(value) -> list:
    """A value that may stand alone or in a list, as a list."""
    return value if isinstance(value, list) else [value]


def statements(text: str, principal: bool, resource: bool | None = True) -> list[dict]:
    """The statements of a policy document.

    principal: whether each names who it is for (policies of resources), or none may.
    resource: whether each names what it is for; None: it may; False: none may (trust policies).

    Raises:
        PolicyError: the first thing that is wrong.
    """
    try:
        document = json.loads(text)
    except ValueError:
        raise PolicyError("This policy contains invalid Json") from None
    if not isinstance(document, dict) or not set(document) <= {"Version", "Id", "Statement"} \
            or document.get("Version", VERSIONS[0]) not in VERSIONS \
            or not document.get("Statement"):
        raise PolicyError("Syntax errors in policy.")
    found = listed(document["Statement"])
    for statement in found:
        _check(statement, principal, resource)
    names = [statement["Sid"] for statement in found if statement.get("Sid")]
    if len(names) != len(set(names)):
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
    return found


def _check(statement, principal: bool, resource: bool | None) -> None:
    if not isinstance(statement, dict) or not set(statement) <= ELEMENTS \
            or statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Syntax errors in policy.")
    has = {name: name in statement or f"Not{name}" in statement
           for name in ("Action", "Resource", "Principal")}
    if not has["Action"]:
        raise PolicyError("Policy statement must contain actions.")
    if resource is False and has["Resource"]:
        raise PolicyError("Has prohibited field Resource")
    if resource and not has["Resource"]:
        raise PolicyError("Policy statement must contain resources.")
    if has["Principal"] and not principal:
        raise PolicyError("Policy document should not specify a principal.")
    if principal and not has["Principal"]:
        raise PolicyError("Missing required field Principal")
    for action in listed(statement.get("Action", statement.get("NotAction"))):
        if not isinstance(action, str) or not ACTION.fullmatch(action):
            raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, "
                              "ec2, etc.")
    for arn in listed(statement.get("Resource", statement.get("NotResource", []))):
        if not isinstance(arn, str) or not (RESOURCE.fullmatch(arn) or arn.startswith("${")):
            raise PolicyError(f'Resource {arn} must be in ARN format or "*".')
    _check_principal(statement.get("Principal", statement.get("NotPrincipal", "*")))
    _check_condition(statement.get("Condition", {}))


def _check_principal(principal) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or not set(principal) <= PRINCIPALS:
        raise PolicyError("Syntax errors in policy.")
    for name in listed(principal.get("Service", [])):
        if not re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?", str(name)):
            raise PolicyError(f'Invalid principal in policy: "SERVICE":"{name}"')
    for name in listed(principal.get("AWS", [])):
        if not re.fullmatch(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+|AIDA\w+|AROA\w+",
                            str(name)):
            raise PolicyError(f'Invalid principal in policy: "AWS":"{name}"')


def _check_condition(condition) -> None:
    if not isinstance(condition, dict):
        raise PolicyError("Syntax errors in policy.")
    for operator, keys in condition.items():
        if not OPERATORS.fullmatch(operator):
            raise PolicyError(f"Invalid Condition type : {operator}.")
        if not isinstance(keys, dict) or not all(":" in key for key in keys):
            raise PolicyError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, "
                              "ec2, etc.")


def check(text: str, code: str, principal: bool, resource: bool | None = True,
          words: str = "{}") -> list[dict]:
    """`statements`, refused as a service refuses a bad document: its code and words around IAM's.

    Raises:
        RefusedError: the document breaks the grammar.
    """
    try:
        return statements(text, principal, resource)
    except PolicyError as wrong:
        raise RefusedError(code, words.format(wrong), 400) from None
