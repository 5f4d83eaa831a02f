"""What AWS refuses although every value alone is allowed: one module per service.

A rule looks at parameters together, at limits that are in no model, or at whether a thing that is
named is there. It runs after the signature and the model's check, before MiniStack sees the call.
`words` comes after MiniStack: its own refusals, in AWS's words.
"""
from workshop.local.rules import (  # noqa: F401 - each adds its rules when it is imported
    buckets,
    budgets,
    events,
    functions,
    http_apis,
    images,
    logs,
    mappings,
    metrics,
    packages,
    queues,
    repositories,
    rest_apis,
    roles,
    schedules,
    stacks,
    templates,
    topics,
    versions,
)
from workshop.local.rules.rule import RULES, check, rule

__all__ = ["RULES", "check", "rule"]
