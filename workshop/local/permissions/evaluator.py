"""MiniStack's evaluator of IAM policies, with what it lacks: policy variables, and ARNs by segment.

Sources: "IAM policy elements: Variables and tags" and "IAM JSON policy elements: Condition
operators", IAM User Guide.
"""
import dataclasses
import functools
import re

from ministack.core import iam_actions
from ministack.core import iam_evaluator as iam

from workshop.local.addresses import ACCOUNT
from workshop.local.permissions import decision

VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
# What stands for a literal * and ? until a pattern is compiled: a variable's are no wildcards.
LITERAL = {"*": "\ue000", "?": "\ue001", "$": "$"}
PLAIN = str.maketrans({"\ue000": "*", "\ue001": "?"})


class UnknownKeyError(Exception):
    """A policy names a variable that the request has not: the statement does not match."""


def apply() -> None:
    """Change the evaluator, and let nobody but the gate ask it: MiniStack's own checks pass."""
    from ministack import app
    app.AUTH = True     # trust policies, policies of queues and topics, which MiniStack looks at
    iam.enforce = iam.check_credentials = lambda *_, **__: None
    iam._first_match = first_match
    compile_pattern = iam._fnmatch_compile
    iam._fnmatch_compile = lambda pattern, ignore_case: compiled(compile_pattern, pattern,
                                                                 ignore_case)
    for name in ("arnlike", "arnequals"):
        iam._CONDITION_OPS[name] = arn_like
    for name in ("arnnotlike", "arnnotequals"):
        iam._CONDITION_OPS[name] = lambda actual, expected: not arn_like(actual, expected)


def compiled(compile_pattern, pattern: str, ignore_case: bool) -> re.Pattern:
    """A pattern with wildcards; what a variable gave stands for itself."""
    made = compile_pattern(pattern, ignore_case)
    return re.compile(made.pattern.replace("\ue000", r"\*").replace("\ue001", r"\?"), made.flags) \
        if "\ue000" in pattern or "\ue001" in pattern else made


def arn_like(actual: str, expected: str) -> bool:
    """Whether an ARN fits a pattern, each of the six parts by itself: `*` passes over no colon."""
    parts, patterns = actual.split(":", 5), expected.split(":", 5)
    return len(parts) == len(patterns) and all(map(iam.fnmatch_iam_cs, parts, patterns))


def first_match(asked: iam.EvalContext, statements, effect: str):
    """The first statement of this effect that matches what is asked, or None."""
    for one in statements:
        if one.effect != effect or not is_about(one, asked.action):
            continue
        try:
            here = filled(one, asked)
        except UnknownKeyError:
            continue
        if iam._resource_matches(asked.resource_arn, here.resources, here.not_resources) \
                and iam._conditions_met(here.conditions, asked):
            return one
    return None


def is_about(statement: iam.ParsedStatement, action: str) -> bool:
    """Whether a statement's actions contain this one; a statement remembers what it was asked."""
    answers = vars(statement).setdefault("asked_before", {})
    if action not in answers:
        answers[action] = iam._action_matches(action, statement.actions, statement.not_actions)
    return answers[action]


def filled(statement: iam.ParsedStatement, asked: iam.EvalContext) -> iam.ParsedStatement:
    """The statement with the request's values in place of its variables."""
    if "${" not in f"{statement.resources}{statement.not_resources}{statement.conditions}":
        return statement
    return dataclasses.replace(
        statement, resources=[fill(one, asked) for one in statement.resources],
        not_resources=[fill(one, asked) for one in statement.not_resources],
        conditions={operator: {key: wanted(operator, values, asked)
                               for key, values in block.items()}
                    for operator, block in statement.conditions.items()})


def wanted(operator: str, values, asked: iam.EvalContext) -> list[str]:
    """A condition's values; those of operators without wildcards are plain texts."""
    texts = [fill(str(one), asked) for one in (values if isinstance(values, list) else [values])]
    return texts if re.search("like|arn", operator, re.IGNORECASE) else [
        one.translate(PLAIN) for one in texts]


def fill(text: str, asked: iam.EvalContext) -> str:
    def value(found: re.Match) -> str:
        name, default = found.groups()
        if name in LITERAL:
            return LITERAL[name]
        known = iam._resolve_condition_key(name, asked)
        known = default if known is None else known
        if known is None or isinstance(known, list):
            raise UnknownKeyError(name)
        return str(known).replace("*", LITERAL["*"]).replace("?", LITERAL["?"])
    return VARIABLE.sub(value, text)


# ---------------------------------------------------------------- each thing once

def look_once() -> None:
    """What the gate has looked at, MiniStack does not look at again, and no policy is parsed twice:
    a call must not cost much more than without all this."""
    iam_actions.extract_iam_action = lambda *_: None    # it would only be handed to `enforce`
    iam.authenticate = already_known(iam.authenticate, lambda caller: iam.resolve_credential(
        caller.access_key, ACCOUNT))
    iam.request_caller_arn = already_known(iam.request_caller_arn, lambda caller: caller.arn)
    iam.parse_policy_document = parsed_once(iam.parse_policy_document)


def already_known(ask, answer):
    """What MiniStack asks of a request again is answered with the caller that the gate has verified
    in this very request; `ask` is for the others."""
    def asked(*arguments):
        caller = decision.asking.get(None)
        return answer(caller) if caller else ask(*arguments)
    return asked


def parsed_once(parse):
    """A policy's text is parsed when it is first met."""
    remembered = functools.lru_cache(2048)(parse)
    return lambda document: (remembered if isinstance(document, str) else parse)(document)
