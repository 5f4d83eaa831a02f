"""Budgets."""
import boto3

from workshop.account import budgets, calls


def test_five_verbs(name, five_verbs):
    client, account = boto3.client("budgets", region_name="us-east-1"), calls.where()[0]

    def foreign():
        client.create_budget(AccountId=account, Budget={
            "BudgetName": name, "BudgetLimit": {"Amount": "5", "Unit": "USD"},
            "TimeUnit": "MONTHLY", "BudgetType": "COST"})
        return lambda: client.delete_budget(AccountId=account, BudgetName=name)
    five_verbs(budgets, lambda: budgets.ensure(name, 5), foreign)


def test_a_change_is_taken_over(name):
    for dollars in (5, 7):
        budgets.ensure(name, dollars)
    assert float(budgets.find(name)["BudgetLimit"]["Amount"]) == 7
    budgets.delete(name)
