"""Budgets of the account. Their service has one home, whatever Region is in use."""
from workshop.account import calls, ownership


def _client():
    return calls.client("budgets", region="us-east-1")


def _account():
    return {"AccountId": calls.where()[0]}


def find(name):
    """Budget NAME as its service describes it (dict), or None."""
    found = calls.if_there(_client().describe_budget, **_account(), BudgetName=name)
    return found and found["Budget"]


def ensure(name, dollars):
    """Make or change budget NAME: so many US dollars a month, for all that the account costs."""
    budget = {"BudgetName": name, "TimeUnit": "MONTHLY", "BudgetType": "COST",
              "BudgetLimit": {"Amount": str(dollars), "Unit": "USD"}}
    if check(name):
        _client().update_budget(**_account(), NewBudget=budget)
    else:
        _client().create_budget(**_account(), Budget=budget, ResourceTags=ownership.pairs())


def _arn(budget):
    return f"arn:aws:budgets::{calls.where()[0]}:budget/{budget['BudgetName']}"


def tags(budget):
    """Tags (dict of str) of a budget."""
    return calls.by_key(_client().list_tags_for_resource(ResourceARN=_arn(budget))["ResourceTags"])


def remove(name):
    """Delete budget NAME, whosever it is."""
    _client().delete_budget(**_account(), BudgetName=name)


def listed(meant):
    """What the inventory lists of the budgets that are meant."""
    for page in _client().get_paginator("describe_budgets").paginate(**_account()):
        for one in page.get("Budgets") or []:
            if meant(one["BudgetName"], _arn(one)):
                yield one["BudgetName"], _arn(one), tags(one)


check, removals, delete = ownership.verbs("budget", find, tags, remove)
