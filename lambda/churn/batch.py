"""Churn scores that nobody waits for: one event, the messages of a queue, a file of customers.

The same image and the same model as lambda_function.py; a function's image configuration names one
of the handlers here instead: `batch.on_event`, `batch.on_messages` or `batch.on_file`.

Whoever invokes lambda_function.py reads its answer, so it answers even when something is wrong.
Nobody reads what these handlers return, but Lambda does: it tries again, and puts aside what fails
for good, when a handler raises (or, of a batch, says which messages failed). So these do.

Every event may come twice. A result's key is made from what was asked, and S3 writes it only if
the key is free (If-None-Match): result and proof are one write, so there is one result at most.
An exception's text may quote what a caller sent; neither it nor any value leaves this module.
"""
import codecs
import csv
import hashlib
import json
import os
import re
import tempfile
from urllib.parse import unquote_plus

import boto3                # brought by Lambda's own Python
from botocore.config import Config
from botocore.exceptions import ClientError

import contract
import lambda_function      # loads the model, once for each execution environment
import web

INCOMING, SCORED, REJECTED, SCORES = "incoming/", "scored/", "rejected/", "scores/"
LARGEST = 10_000_000        # bytes of a file; some 70,000 customers
EXAMPLE = '{"id": "…", "customer": {…}}'
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")    # it becomes part of an S3 key

bucket = os.environ["RESULTS_BUCKET"]
# A stranger may guess a bucket's name: S3 refuses one that another account owns.
OWNED = {"ExpectedBucketOwner": os.environ["BUCKET_OWNER"]}
s3 = boto3.client("s3", config=Config(connect_timeout=2, read_timeout=10))


class ScoringError(Exception):
    """Why something was not scored, in words that hold nothing a caller sent."""


# ---------------------------------------------------------------- handlers

def on_event(event, context):
    """Score one request, `{"id": …, "customer": {…}}`, and keep the answer as `scores/ID.json`.

    Returns the outcome, "scored" or "duplicate". Raises ScoringError: then Lambda tries again.
    """
    try:
        renew()
        outcome = score(event)
    except Exception as error:
        log(context, "event", outcome="failed", reason=explain(error))
        raise ScoringError(explain(error)) from None
    log(context, "event", id=event["id"], outcome=outcome)
    return outcome


def on_messages(event, context):
    """Score the request in each message of a batch from SQS.

    Returns `{"batchItemFailures": [{"itemIdentifier": message id}, …]}`: SQS keeps these, and
    deletes the others. Needs ReportBatchItemFailures on the event source mapping; without it, SQS
    deletes them all.
    """
    renew()
    failed = []
    for message in event["Records"]:
        name = {"message": message["messageId"]}
        try:
            request = web.parse(message["body"], False, EXAMPLE)
            outcome = score(request)
        except Exception as error:      # one bad message must not hold up the others
            failed.append({"itemIdentifier": message["messageId"]})
            log(context, "message", **name, outcome="failed", reason=explain(error))
        else:
            log(context, "message", **name, id=request["id"], outcome=outcome)
    return {"batchItemFailures": failed}


def on_file(event, context):
    """Score the customers of a CSV file that was put under `incoming/`; see score_file.

    Returns the outcomes. Raises ScoringError for a file that cannot be scored at all.
    """
    outcomes = []
    for record in event["Records"]:
        try:
            renew()
            result = score_file(record["s3"])
        except Exception as error:
            log(context, "file", outcome="failed", reason=explain(error))
            raise ScoringError(explain(error)) from None
        log(context, "file", **result)
        outcomes.append(result)
    return outcomes


def renew():
    """Where the model lies in S3 (MODEL_URI): go on with the one that counts now."""
    if lambda_function.models:
        lambda_function.session, lambda_function.signature = lambda_function.models.current()


# ---------------------------------------------------------------- one request

def score(request):
    """Keep the answer to one request under its id; return "scored" or "duplicate".

    Asking the model again costs less than asking S3 whether there is an answer. So a duplicate is
    scored, and its answer refused by S3. Raises ScoringError, or web.CallerError for a customer
    that is not valid.
    """
    if not isinstance(request, dict):
        raise ScoringError(f"a request is an object: {EXAMPLE}")
    check_id(request.get("id"))
    asked = {name: value for name, value in request.items() if name != "id"}
    answer = contract.answer(asked, lambda_function.signature, lambda_function.predict)
    key = f"{SCORES}{request['id']}.json"
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    body = json.dumps({"id": request["id"], **answer}).encode()
    if put_once(key, body, digest):
        return "scored"
    if s3.head_object(Bucket=bucket, Key=key, **OWNED)["Metadata"].get("asked") != digest:
        raise ScoringError("this id has an answer already, to another question")
    return "duplicate"


def check_id(name):
    """Raise ScoringError unless `name` can be an id."""
    if not isinstance(name, str) or not ID.fullmatch(name):
        raise ScoringError("id must be 1 to 64 letters, digits, or any of _ . : -")


def put_once(key, body, digest=""):
    """Write an object unless its key is taken; return whether it was written.

    body: bytes or an open file. digest: kept with the object, as metadata `asked`.
    """
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*",
                      Metadata={"asked": digest}, **OWNED)
    except ClientError as error:
        if code(error) != "PreconditionFailed":
            raise
        return False
    return True


# ---------------------------------------------------------------- a file

def score_file(place):
    """Score the CSV file that an S3 event tells of; return what became of it.

    The scores go to `scored/NAME.ETAG.csv`, the rows that are not valid to `rejected/NAME.ETAG.csv`
    with their line and what is wrong. The ETag stands for the content, so the same file gets
    its results once, and a changed one its own. Scores are written last: where they are, all is.
    """
    source, key = place["bucket"]["name"], unquote_plus(place["object"]["key"])
    etag = place["object"]["eTag"]
    if not key.startswith(INCOMING):    # such as our own results: that would never end
        raise ScoringError(f"only files under {INCOMING} are scored: look at the trigger's prefix")
    name = f"{key.removeprefix(INCOMING).removesuffix('.csv')}.{etag}.csv"
    if exists(SCORED + name):
        return {"file": key, "outcome": "duplicate"}
    try:
        found = s3.get_object(Bucket=source, Key=key, IfMatch=etag, **OWNED)
    except ClientError as error:
        if code(error) != "PreconditionFailed":
            raise
        return {"file": key, "outcome": "replaced"}     # its new content has an event of its own
    if found["ContentLength"] > LARGEST:
        raise ScoringError(f"the file has {found['ContentLength']} bytes; split it, at most "
                           f"{LARGEST} are scored at once")
    with temporary() as scored, temporary() as rejected:
        counts = score_rows(read_rows(found["Body"]), csv.writer(scored), csv.writer(rejected))
        if counts["rejected"]:
            put_once(REJECTED + name, rewound(rejected))
        written = put_once(SCORED + name, rewound(scored))
    return {"file": key, "outcome": "scored" if written else "duplicate", **counts}


def read_rows(body):
    """Return a csv.reader over the object's bytes, which are fetched as they are needed.

    Bytes that are no UTF-8 survive as they are (surrogateescape), so that a rejected row can be
    written back unchanged. A mark at the beginning, as spreadsheets write it, is skipped.
    """
    def lines():
        first = True
        for line in body.iter_lines(64 * 1024, keepends=True):
            line = line.removeprefix(codecs.BOM_UTF8) if first else line
            first = False
            yield line.decode("utf-8", "surrogateescape")
    return csv.reader(lines())


def score_rows(rows, scored, rejected):
    """Write a score for each valid row, and each other row with its problems; return the counts.

    rows: csv.reader; its first row must name `id` and the model's inputs, in any order.
    """
    names = ["id", *(entry["name"] for entry in lambda_function.signature["inputs"])]
    header = next(rows, [])
    if sorted(header) != sorted(names):
        missing = [name for name in names if name not in header]
        raise ScoringError(f"the first line must name the {len(names)} columns id and the model's "
                           f"inputs; it has {len(header)}, missing: {', '.join(missing) or 'none'}")
    scored.writerow(["id", "churn_probability", "churn", "model_version"])
    rejected.writerow(["line", "problems", *header])
    counts = {"scored": 0, "rejected": 0}
    for cells in rows:
        if not cells:
            continue        # an empty line
        try:
            answer = score_row(header, cells)
        except (web.CallerError, ScoringError) as error:
            rejected.writerow([rows.line_num, explain(error), *cells])
            counts["rejected"] += 1
        else:
            scored.writerow(answer)
            counts["scored"] += 1
    return counts


def score_row(header, cells):
    """Return the cells of a row's score; raises CallerError or ScoringError when not valid."""
    if len(cells) != len(header):
        raise ScoringError(f"the row has {len(cells)} cells, the first line {len(header)}")
    customer = dict(zip(header, cells))
    name = customer.pop("id")
    check_id(name)
    for entry in lambda_function.signature["inputs"]:
        if entry["type"] != "category":
            customer[entry["name"]] = number(customer[entry["name"]])
    answer = contract.answer({"customer": customer}, lambda_function.signature,
                             lambda_function.predict)
    return [name, *answer.values()]


def number(cell):
    """Return the number that a cell's text says, else the text: contract.py will refuse that."""
    try:
        return cell if "_" in cell else float(cell)     # Python reads 1_0 as 10
    except ValueError:
        return cell


def exists(key):
    """Whether there is an object. Needs s3:ListBucket: without it, S3 answers 403 to all."""
    try:
        s3.head_object(Bucket=bucket, Key=key, **OWNED)
    except ClientError as error:
        if code(error) != "404":
            raise
        return False
    return True


def temporary():
    """An open file under /tmp, gone when closed: memory is not for results of any length."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape", newline="")


def rewound(file):
    """The bytes of a text file, from the beginning."""
    file.flush()
    file.buffer.seek(0)
    return file.buffer


# ---------------------------------------------------------------- what is told

def explain(error):
    """Say what is wrong without any value, for the log, dead letters and rejected rows."""
    if isinstance(error, ScoringError):
        return str(error)
    if isinstance(error, ClientError):
        return f"S3 refused {error.operation_name}: {code(error)}"
    if isinstance(error, csv.Error):    # such as a quote that is never closed
        return f"the file is not CSV: {error}"
    if not isinstance(error, web.CallerError):
        fault = web.describe_fault(error)
        return f"{fault['error']} in {fault['stack'][-1]}"
    known = {"body", "customer", *(one["name"] for one in lambda_function.signature["inputs"])}
    problems = error.content["problems"]
    told = [f"{one['field']} {one['message']}" for one in problems if one["field"] in known]
    if len(told) < len(problems):       # their names are the caller's
        told.append(f"{len(problems) - len(told)} unknown fields")
    return "; ".join(told)


def code(error):
    """The service's error code, e.g. "PreconditionFailed"."""
    return error.response["Error"]["Code"]


def log(context, kind, **what):
    """One line of JSON, as for requests."""
    print(json.dumps({"request_id": context.aws_request_id, "event": kind,
                      "model_version": (lambda_function.signature or {}).get("version"), **what}),
          flush=True)
