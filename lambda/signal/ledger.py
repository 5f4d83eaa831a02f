"""What has been decided and what has been ordered, in S3.

decisions/SYMBOL/DAY.json is written only if it is not there (If-None-Match): of any number of
attempts at one day's decision, S3 takes one. ordered/SYMBOL/DAY.json says that its order is in the
queue. Needs s3:ListBucket: without it, S3 answers 403 for what is not there.

A bucket's name can be guessed. Every call names the account that must own it (BUCKET_OWNER); S3
refuses another account's bucket with AccessDenied.
"""
import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

where = {"Bucket": os.environ["LEDGER_BUCKET"], "ExpectedBucketOwner": os.environ["BUCKET_OWNER"]}
s3 = boto3.client("s3", config=Config(connect_timeout=2, read_timeout=5))


def decision(symbol, day):
    """Return the decision for a day, or None."""
    return get(f"decisions/{symbol}/{day}.json")


def keep_decision(decided):
    """Keep a decision unless its day has one; return the one that counts."""
    symbol, day = decided["symbol"], decided["day"]
    if put_once(f"decisions/{symbol}/{day}.json", decided):
        return decided
    return decision(symbol, day)        # another attempt was quicker


def is_ordered(symbol, day):
    return get(f"ordered/{symbol}/{day}.json") is not None


def mark_ordered(symbol, day):
    put_once(f"ordered/{symbol}/{day}.json", {})


def has_later(symbol, day):
    """Whether a day after this one has a decision. Keys are listed in order of their dates."""
    found = s3.list_objects_v2(**where, Prefix=f"decisions/{symbol}/", MaxKeys=1,
                               StartAfter=f"decisions/{symbol}/{day}.json")
    return bool(found.get("Contents"))


def breaker(endpoint):
    """Return {"failures": in a row, "open_until": seconds since 1970} of an endpoint."""
    return get(f"breakers/{endpoint}.json") or {"failures": 0, "open_until": 0}


def keep_breaker(endpoint, failures, open_until):
    """Two environments may overwrite each other here: it is a brake, and need not be exact."""
    s3.put_object(**where, Key=f"breakers/{endpoint}.json",
                  Body=json.dumps({"failures": failures, "open_until": open_until}))


def get(key):
    """Return what an object holds, or None where there is none."""
    try:
        return json.load(s3.get_object(**where, Key=key)["Body"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None


def put_once(key, value):
    """Write an object unless its key is taken; return whether it was written."""
    try:
        s3.put_object(**where, Key=key, Body=json.dumps(value), IfNoneMatch="*")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed",
                                                   "ConditionalRequestConflict"):
            raise
        return False
    return True
