"""What the workshop made in an account: found by its tag and by its name, and removed in order.

    python -m workshop.inventory            lists
    python -m workshop.inventory --remove   removes; on AWS after you typed the account's number

One account and one Region, those that the session points at (IAM and Budgets have no Region). By
tag: project and owner; by name: workshop-OWNER-…, as every lesson names what it makes. What has
such a name without these tags is listed as not ours, and stays. What another owner made with the
workshop in the same account is not looked at. What is ours and is kept: see KEPT. How each kind is
listed and removed stands in workshop/account.
"""
import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, partial

from botocore.exceptions import BotoCoreError, ClientError

from workshop import cloud
from workshop.account import (
    alarms,
    apis,
    buckets,
    budgets,
    calls,
    dashboards,
    endpoints,
    functions,
    layers,
    logs,
    ownership,
    queues,
    repositories,
    roles,
    rules,
    schedules,
    stacks,
    topics,
)

OURS, NOT_OURS, UNKNOWN = "ours", "not ours", "cannot be listed"
# Ours, and never removed: a stack whose template or settings keep something, with all that is in
# it; a bucket of another Region; a role that something in another Region uses.
KEPT = "kept"
# Services whose things are looked up at the service itself. The Tagging API remembers a thing for
# some time after it is gone, so for these it only says where to look.
SERVICES = ("lambda", "apigateway", "sagemaker", "sqs", "sns", "s3", "ecr", "cloudwatch", "logs",
            "iam", "events", "scheduler", "cloudformation", "budgets")


@dataclass(frozen=True)
class Thing:
    """Something in the account.

    whose: OURS, NOT_OURS (our kind of name, not our tags), KEPT, or UNKNOWN: a kind that could not
    be looked at, with the reason as its name. id: what its service calls it (an ARN, address,
    number). why: what keeps a thing that is KEPT.
    """
    kind: str
    name: str
    whose: str
    id: str = ""
    why: str = ""

    def __str__(self):
        remark = f"{self.whose}: {self.why}" if self.why else self.whose
        return f"{self.kind:22}{self.name}" + ("" if self.whose == OURS else f"  ({remark})")


@dataclass(frozen=True)
class Kind:
    """How one kind of thing is listed, and how one of them is removed.

    listed: gives (name, id, tags), or (name, id, tags, why it is kept). remove: takes what `by`
    says, name or id. type: what CloudFormation calls this kind; its physical id in a stack is what
    `known_by` says, where that is not `by`.
    """
    name: str
    listed: Callable[[], Iterable[tuple]]
    remove: Callable[[str], object]
    type: str = ""
    by: str = "name"
    known_by: str = ""

    def member(self, name: str, number: str) -> tuple[str, str]:
        """How a stack that made this thing lists it."""
        return f"AWS::{self.type}", number if (self.known_by or self.by) == "id" else name


def find() -> list[Thing]:
    """Everything that carries the workshop's tag or has a name of its kind, in order of removal.

    Whole listings are read, however many pages they have. An empty list says that nothing is
    there: what may not be looked at is in the list too, as UNKNOWN.
    """
    things = []
    try:
        tagged = _tagged()
    except (ClientError, BotoCoreError) as error:
        tagged = set()
        things.append(Thing("by tag", calls.reason(error), UNKNOWN))
    stacked: set[tuple[str, str]] = set()       # (type, physical id) of what goes with our stacks
    held: dict[tuple[str, str], str] = {}       # the same of what stays with them, and why
    for kind in kinds(tagged, held):
        try:
            for name, number, tags, *why in kind.listed():
                member = kind.member(name, number)
                why = held.get(member, "") or "".join(why) or _of_a_stack(tags, member in stacked)
                ours = ownership.is_ours(tags) or member in stacked or member in held
                whose = NOT_OURS if not ours else KEPT if why else OURS
                things.append(Thing(kind.name, name, whose, number, why if ours else ""))
                if kind.name == "stack" and ours:
                    members = stacks.members(number)
                    stacked |= members
                    held |= dict.fromkeys(members, f"with the stack {name}") if why else {}
        except (ClientError, BotoCoreError) as error:
            things.append(Thing(kind.name, calls.reason(error), UNKNOWN))
    return things + _others(tagged)


def remove(things: Iterable[Thing], say=print) -> list[Thing]:
    """Remove things, whatever their order, in the right one; return those that would not go.

    Each is looked up again first. Raises NotOursError, and removes nothing, when one of them
    lacks the workshop's tag now. What is gone already is passed over.
    """
    wanted = {(one.kind, one.id) for one in things}
    now = [one for one in find() if (one.kind, one.id) in wanted and one.whose != UNKNOWN]
    for one in now:
        if one.whose == KEPT:
            raise ownership.NotOursError(f"The {one.kind} {one.name} is kept: {one.why}.")
        if one.whose != OURS:
            raise ownership.NotOursError(
                f"The {one.kind} {one.name} lacks the tags {ownership.mark()}: you did not make it "
                "with the workshop, which leaves it alone.")
    removers, failed = {kind.name: kind for kind in kinds(set())}, []
    for one in now:
        try:
            if one.kind in removers:
                kind = removers[one.kind]
                kind.remove(getattr(one, kind.by))
                say(f"removed {one.kind} {one.name}")
            else:
                failed.append(one)
                say(f"{one.kind} {one.name}: the workshop makes no such thing; remove it yourself")
        except (ClientError, BotoCoreError, RuntimeError, TimeoutError) as error:
            if not calls.is_missing(error):
                failed.append(one)
                say(f"{one.kind} {one.name} stays: {calls.reason(error)}")
    return failed


def kinds(tagged: set[str], held: dict | None = None) -> list[Kind]:
    """All kinds, in order of removal: what uses another thing goes before it, the budget last.

    tagged: ARNs that carry our tags, for things that have another name than ours. held: members of
    stacks that are kept, (type, physical id), filled while the stacks are listed; what hangs on
    one of them stays.
    """
    meant = partial(_meant, tagged)
    held = {} if held is None else held
    # Others are ours because of these: each is listed once.
    groups = cache(lambda: list(schedules.listed_groups(meant)))
    made = cache(lambda: _but_for(held, "AWS::Lambda::Function", 0, functions.listed(meant)))
    served = cache(lambda: _but_for(held, "AWS::SageMaker::Endpoint", 1, endpoints.listed(meant)))
    def kind(name, module, type, by="name"):
        return Kind(name, partial(module.listed, meant), module.remove, type, by)
    return [
        kind("stack", stacks, "CloudFormation::Stack", "id"),
        Kind("schedule", partial(schedules.listed, meant, groups), schedules.remove,
             "Scheduler::Schedule", "id", known_by="name"),
        Kind("schedule group", groups, schedules.remove_group, "Scheduler::ScheduleGroup"),
        Kind("event source mapping", partial(queues.listed_mappings, meant, made),
             queues.remove_mapping, "Lambda::EventSourceMapping", "id"),
        kind("rule", rules, "Events::Rule"),
        kind("HTTP API", apis, "ApiGatewayV2::Api", "id"),
        Kind("REST API", partial(apis.listed_rest, meant), apis.remove_rest,
             "ApiGateway::RestApi", "id"),
        Kind("function URL", partial(functions.listed_urls, made), functions.remove_urls,
             "Lambda::Url", "id"),
        Kind("function", made, functions.remove, "Lambda::Function"),
        kind("layer version", layers, "Lambda::LayerVersion", "id"),
        Kind("endpoint", served, endpoints.remove, "SageMaker::Endpoint", known_by="id"),
        Kind("endpoint config", partial(endpoints.listed, meant, "EndpointConfig"),
             endpoints.remove_config, "SageMaker::EndpointConfig", known_by="id"),
        Kind("model", partial(endpoints.listed, meant, "Model"), endpoints.remove_model,
             "SageMaker::Model", known_by="id"),
        kind("queue", queues, "SQS::Queue", "id"),
        kind("alarm", alarms, "CloudWatch::Alarm"),
        kind("topic", topics, "SNS::Topic", "id"),
        kind("dashboard", dashboards, "CloudWatch::Dashboard"),
        kind("bucket", buckets, "S3::Bucket"),
        kind("repository", repositories, "ECR::Repository"),
        Kind("log group", partial(logs.listed, meant, made, served), logs.remove, "Logs::LogGroup"),
        kind("role", roles, "IAM::Role"),
        Kind("policy", partial(roles.listed_policies, meant), roles.remove_policy,
             "IAM::ManagedPolicy", "id"),
        kind("budget", budgets, "Budgets::Budget")]


def _meant(tagged, name, arn=""):
    """Whether a thing is named like ours or is among the tagged."""
    return name.startswith(ownership.prefix()) or bool(arn) and arn in tagged


def _but_for(held, kind, at, listed) -> list:
    """A listing in which what a kept stack made has no tags, so that what hangs on it stays."""
    return [one if (kind, one[at]) not in held else (*one[:2], {}, *one[3:]) for one in listed]


def _tagged() -> set[str]:
    """ARNs that the Resource Groups Tagging API has for our tags, all of them."""
    return {one["ResourceARN"] for one in calls.pages(
        "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList",
        TagFilters=[{"Key": key, "Values": [value]} for key, value in ownership.tags().items()])}


def _others(tagged) -> list[Thing]:
    """What carries our tag at a service that no lesson uses."""
    return [Thing("tagged", arn, OURS, arn) for arn in sorted(tagged)
            if arn.split(":")[2] not in SERVICES]


def _of_a_stack(tags, goes) -> str:
    """Why a thing that some stack made is kept, "" where that stack goes, or there was none.

    The stack may have been deleted and have left it on purpose, or it could not be listed.
    """
    name = tags.get("aws:cloudformation:stack-name")    # CloudFormation's own tag
    return f"the stack {name} made it" if name and not goes else ""


# The command

def main(arguments: list[str] | None = None) -> int:
    """List or remove; exit status 1 if something of ours is left or could not be looked at."""
    parser = argparse.ArgumentParser(prog="python -m workshop.inventory")
    parser.add_argument("--remove", action="store_true")
    parser.add_argument("--account", help="the account's number, where nobody is at a terminal")
    asked = parser.parse_args(arguments)
    try:
        cloud.use()
        owner = ownership.owner()
    except (cloud.CloudError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    things = find()
    show(f"In the account, of the owner {owner}:", things)
    ours = [one for one in things if one.whose == OURS]
    if not asked.remove:
        return 0
    if ours and not cloud.is_local() and not agreed(
            calls.where()[0], "What is ours of this will be removed, for good.", asked.account):
        return 2
    if ours:
        remove(ours)
        things = find()
        show("Looked again:", things)
    return 1 if any(one.whose in (OURS, UNKNOWN) for one in things) else 0


def agreed(account: str, what: str, typed: str | None = None) -> bool:
    """Whether a person types the account's number; without a terminal, no.

    account: 12 digits. what: a sentence that says what will happen there. typed: the number, where
    it was typed before.
    """
    if typed is None and not sys.stdin.isatty():
        print(f"Nothing was done: AWS account {account} is meant, and nobody is at a terminal "
              "to agree. Run the command in a terminal and type the account's number; or unset "
              "AWS_PROFILE to use this machine only.", file=sys.stderr)
        return False
    try:
        answer = typed if typed is not None else input(
            f"AWS account {account}. {what} Type the account's number to agree: ")
    except EOFError:
        answer = ""
    if answer.strip() != account:
        print("That is not the account's number: nothing was done.", file=sys.stderr)
        return False
    return True


def show(heading: str, things: list[Thing]) -> None:
    """Print things under a heading."""
    print(heading, flush=True)
    for one in things:
        print(f"  {one}")
    if not things:
        print("  nothing is there", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:       # what was removed is gone; the next run goes on from there
        sys.exit(130)
