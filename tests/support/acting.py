"""Acting as a role with a policy, for tests of what is refused without it."""
import json

import boto3

from workshop.account import roles
from workshop.local.addresses import ACCOUNT


def as_role_with(name: str, statements: list[dict]) -> boto3.Session:
    """A session of a role that may do this and nothing else; the role is made where it is missing.

    A statement without `Effect` allows, one without `Resource` is for all.
    """
    iam = boto3.client("iam")
    if not roles.find(name):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}]}))
    iam.put_role_policy(RoleName=name, PolicyName="some", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Resource": "*", **one} for one in statements]}))
    keys = boto3.client("sts").assume_role(RoleArn=roles.find(name)["Arn"],
                                           RoleSessionName="me")["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
