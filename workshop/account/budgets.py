"""Budgets of the account. Their service has one home, whatever Region is in use."""
from workshop.account import calls, ownership


def _account():
    return {"AccountId": calls.where()[0]}


def find(name):
    """Budget NAME as its service describes it (dict), or None."""
    found = calls.if_there(calls.client("budgets").describe_budget, **_account(), BudgetName=name)
    return found and found["Budget"]


def ensure(name, dollars):
    """Make or change budget NAME: so many US dollars a month, for all that the account costs."""
    budget = {"BudgetName": name, "TimeUnit": "MONTHLY", "BudgetType": "COST",
              "BudgetLimit": {"Amount": str(dollars), "Unit": "USD"}}
    client, account = calls.client("budgets"), _account()
    if check(name):
        client.update_budget(**account, NewBudget=budget)
    else:
        client.create_budget(**account, Budget=budget, ResourceTags=ownership.pairs())


def _arn(budget):
    return f"arn:aws:budgets::{calls.where()[0]}:budget/{budget['BudgetName']}"


def listed(meant):
    """What the inventory lists of the budgets that are meant."""
    for one in calls.pages("budgets", "describe_budgets", "Budgets", **_account()):
        if meant(one["BudgetName"], _arn(one)):
            yield one["BudgetName"], _arn(one), tags(one)


tags = calls.tagger("budgets", lambda budget: {"ResourceARN": _arn(budget)})
remove = calls.remover("budgets", "delete_budget", lambda name: {**_account(), "BudgetName": name})
check, removals, delete = ownership.verbs("budget", find, tags, remove)
