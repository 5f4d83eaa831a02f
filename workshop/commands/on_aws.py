"""`run --on-aws`: lessons in the AWS account of AWS_PROFILE, which is clean again at the end.

In this order, and nothing is made before the first three are done: the account's number is typed by
a person; the account has a budget that is not spent; nothing of this owner is in it. Then the
lessons run. Whatever happened in them, everything that they made is removed, and the cost is told.
"""
import argparse
import contextlib
import signal
import sys

from botocore.exceptions import BotoCoreError, ClientError

from workshop import cloud, inventory
from workshop.account import calls, ownership
from workshop.course import lessons, site

LAG = "AWS counts up to three times a day, so what this run cost is in it by tomorrow."


class NotYetError(RuntimeError):
    """Something must be put right before lessons may cost money; the message says what."""


def main(arguments: list[str]) -> int:
    """Run lessons on AWS; exit status 0, 1 (a lesson or the removal failed), 2 (not begun)."""
    parser = argparse.ArgumentParser(prog="python3 -m workshop run --on-aws")
    parser.add_argument("--account", help="the account's number, where nobody is at a terminal")
    parser.add_argument("numbers", nargs="*", metavar="NN", help="lessons; all where none is named")
    asked = parser.parse_args(arguments)
    try:
        _begin(asked.account)
    except (cloud.CloudError, NotYetError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"AWS does not say what must be known before: {calls.reason(error)}",
              file=sys.stderr)
        return 2
    status = 1
    try:
        with _terminated_is_interrupted():
            status = lessons.run(asked.numbers or None)
            site.build(whole=False)
    finally:
        left = clean()
    return status or left


def _begin(account: str | None) -> None:
    """Ask, and look at what must be so before anything costs money. Raises NotYetError."""
    cloud.use()
    if cloud.is_local():
        raise NotYetError("AWS_PROFILE is not set, so no AWS account is meant. Set it to a profile "
                          "of yours; `python3 -m workshop run` without --on-aws is free.")
    number, region = calls.where()
    if not inventory.agreed(number, "The lessons will make things there that cost money, and "
                            "remove them at the end.", account):
        raise NotYetError("Nothing was run.")
    _say_spent(budget())
    mine = [one for one in inventory.find() if one.whose != inventory.NOT_OURS]
    if mine:
        inventory.show(f"In the account already, of the owner {ownership.owner()}:", mine)
        raise NotYetError("The end of this run would remove that too. `python3 -m workshop clean` "
                          "removes it now; or set WORKSHOP_OWNER to another short name, for "
                          "example ci, to leave it alone.")


def budget() -> dict:
    """The account's budget for a month's cost with the least left, as AWS Budgets describes it.

    Raises:
        NotYetError: there is none, or it is spent.
    """
    costs = [one for one in calls.pages("budgets", "describe_budgets", "Budgets",
                                        AccountId=calls.where()[0])
             if one.get("BudgetType") == "COST" and one.get("TimeUnit") == "MONTHLY"
             and "BudgetLimit" in one]
    if not costs:
        raise NotYetError("This account has no budget for its monthly cost. Make one first: AWS "
                          "console, Billing and Cost Management, Budgets, template *Monthly cost "
                          "budget*, or with the first cells of lesson 24.")
    tightest = min(costs, key=lambda one: _limit(one) - _spent(one))
    if _spent(tightest) >= _limit(tightest):
        raise NotYetError(f"The budget {tightest['BudgetName']} is spent: {_spent(tightest):.2f} "
                          f"of {_limit(tightest):.2f} US dollars this month. Raise it, or wait.")
    return tightest


def _limit(one: dict) -> float:
    return float(one["BudgetLimit"]["Amount"])


def _spent(one: dict) -> float:
    return float(one.get("CalculatedSpend", {}).get("ActualSpend", {}).get("Amount", 0))


def _say_spent(one: dict) -> None:
    print(f"budget {one['BudgetName']}: {_spent(one):.2f} of {_limit(one):.2f} US dollars spent "
          f"this month. {LAG}", flush=True)


def clean() -> int:
    """Remove what this owner has in the account, look again, and tell the cost; 1 if some is left.

    Ctrl-C and SIGTERM do not interrupt it: what stays would go on costing.
    """
    with _deaf():
        try:
            inventory.remove(one for one in inventory.find() if one.whose == inventory.OURS)
            left = [one for one in inventory.find()
                    if one.whose in (inventory.OURS, inventory.UNKNOWN)]
            inventory.show("Left in the account:", left)
            with contextlib.suppress(NotYetError):
                _say_spent(budget())
        except (BotoCoreError, ClientError, RuntimeError) as error:
            print(f"The account could not be cleaned: {calls.reason(error)}", file=sys.stderr)
            left = True
        if left:
            print("`AWS_PROFILE=… python3 -m workshop clean` tries again.", file=sys.stderr)
    return 1 if left else 0


@contextlib.contextmanager
def _terminated_is_interrupted():
    """SIGTERM ends the lessons as Ctrl-C does, so that the account is cleaned."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _deaf():
    def say(*_):
        print("The account is being cleaned; this takes a minute or two.", flush=True)
    before = {number: signal.signal(number, say) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
