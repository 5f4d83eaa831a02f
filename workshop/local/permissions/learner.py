"""What the learner may do: the policies of the identity that the lessons' cells act as.

They are the files that an administrator attaches on AWS, filled in for this account and owner.
"""
import json
import os
import string

from workshop.local.addresses import ACCOUNT, REGION
from workshop.machine import paths

FOLDER = paths.ROOT / "workshop/account/policies/learner"
OWNER = "learner"       # whose names the user `learner` makes (workshop/account/ownership.py)


def policies() -> list[dict]:
    """The policy documents of the IAM user `learner`: one for each stage, for its own names and,
    where the local cloud was started with WORKSHOP_OWNER, for those of that owner."""
    owners = dict.fromkeys([OWNER, os.environ.get("WORKSHOP_OWNER") or OWNER])
    return [json.loads(string.Template(path.read_text(encoding="utf-8")).substitute(
                account=ACCOUNT, region=REGION, owner=owner, owned=f"workshop-{owner}-"))
            for owner in owners for path in sorted(FOLDER.glob("*.json"))]
