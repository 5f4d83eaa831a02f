"""Budgets and the tagging API. Source: the API reference of each call."""
from workshop.local.addresses import ACCOUNT
from workshop.local.rules.rule import rule
from workshop.local.signatures import RefusedError

NEEDS_LIMIT = {"COST", "USAGE"}


@rule("budgets", "CreateBudget", "DescribeBudget", "DescribeBudgets", "UpdateBudget",
      "DeleteBudget", "CreateNotification", "DescribeNotificationsForBudget")
def own_account(asked: dict) -> None:
    if asked["AccountId"] != ACCOUNT:
        raise RefusedError("AccessDeniedException", f"Account {ACCOUNT} is not authorized to "
                           f"access the budgets of account {asked['AccountId']}", 400)


@rule("budgets", "CreateBudget")
def limit(asked: dict) -> None:
    budget = asked["Budget"]
    given = budget.keys() & {"BudgetLimit", "PlannedBudgetLimits", "AutoAdjustData"}
    if budget["BudgetType"] in NEEDS_LIMIT and not given:
        raise RefusedError("InvalidParameterException", "Unable to create/update budget - budget "
                           "limit is required", 400)


@rule("resourcegroupstaggingapi", "GetResources")
def page(asked: dict) -> None:
    """MiniStack gives no tokens: every token that comes is a wrong one."""
    if asked.get("PaginationToken"):
        raise RefusedError("PaginationTokenExpiredException", "PaginationToken is expired or "
                           "invalid", 400)
