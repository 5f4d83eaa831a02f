"""Who may do what: every signed call is held against the caller's policies, as IAM does.

    actions     a call → the actions that it needs, each on a resource, with condition keys
    callers     a caller → the policies that it has: a role's, a user's, the learner's
    learner     the policies of the learner: the one place where they are
    evaluator   where MiniStack's evaluator of policies differs from AWS
    decision    allowed, or refused in AWS's words
    grants      what a service may do to a thing (its policy), and what a role may do by itself
    propagation how long a new role, or a change of one, is unknown to services
    anonymous   what somebody may do whom nobody knows
    passed      what Lambda and Scheduler look at in a role before they take it
"""
from workshop.local.permissions import anonymous, passed
from workshop.local.permissions.decision import check

__all__ = ["anonymous", "check", "passed"]
