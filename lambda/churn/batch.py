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

import boto3  # brought by Lambda's own Python
from botocore.config import Config
from botocore.exceptions import ClientError

import contract
import lambda_function  # loads the model, once for each execution environment
import web

INCOMING, SCORED, REJECTED, SCORES = "incoming/", "scored/", "rejected/", "scores/"
LARGEST = 10_000_000        # bytes of a file; some 70,000 customers
EXAMPLE = '{"id": "…", "customer": {…}}'
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")    # it becomes part of an S3 key
MOST_LINES = 20             # line numbers of rejected rows in the log; all are in the file
# What makes a cell a formula in a spreadsheet, by OWASP's page "CSV Injection", with `'` itself;
# they count at a cell's start and where a spreadsheet may see one: after a separator or a quote.
FORMULA = "'=+\\-@\t\r\n＝＋－＠"
STARTS = re.compile(rf"(?:^|(?<=[;,|\t\"]))(?=[\s\x00-\x1f\ufeff\u200b]*?[{FORMULA}])")
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)

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
        lambda_function.renew_model()
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
    lambda_function.renew_model()
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
            lambda_function.renew_model()
            result = score_file(record["s3"])
        except Exception as error:
            log(context, "file", outcome="failed", reason=explain(error))
            raise ScoringError(explain(error)) from None
        log(context, "file", **result)
        outcomes.append(result)
    return outcomes


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
    answer = ask(asked)
    key = f"{SCORES}{request['id']}.json"
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    body = json.dumps({"id": request["id"], **answer}).encode()
    if put_once(key, body, digest):
        return "scored"
    if s3.head_object(Bucket=bucket, Key=key, **OWNED)["Metadata"].get("asked") != digest:
        raise ScoringError("this id has an answer already, to another question")
    return "duplicate"


def ask(request):
    """Return the answer to `{"customer": …}`; raises web.CallerError for one that is not valid."""
    customer = contract.read_customer(request, lambda_function.fields)
    return contract.answer(lambda_function.predict(customer), lambda_function.signature)


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
    with their line and what is wrong, as `harmless` writes them: a shop opens that file in a
    spreadsheet. The ETag stands for the content, so the same file gets its results once, and a
    changed one its own. Scores are written last: where they are, all is.
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
        counts = score_lines(read_lines(found["Body"]), csv.writer(scored),
                             csv.writer(rejected, quoting=csv.QUOTE_ALL))
        if counts["rejected"]:
            put_once(REJECTED + name, rewound(rejected))
        written = put_once(SCORED + name, rewound(scored))
    return {"file": key, "outcome": "scored" if written else "duplicate", **counts}


def read_lines(body):
    """Yield the number and the text of each line that is not empty, as the bytes come.

    Bytes that are no UTF-8 survive as they are (surrogateescape), so that a rejected row can be
    written back unchanged. A mark at the beginning, as spreadsheets write it, is skipped.
    """
    for number, line in enumerate(body.iter_lines(64 * 1024, keepends=True), 1):
        line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if text:
            yield number, text


def score_lines(lines, scored, rejected):
    """Write a score for each valid row, and each other row with its problems; return the counts.

    lines: as read_lines yields them; the first must name `id` and the model's inputs, in any order.
    The counts: rows = scored + rejected, and the lines of the first rejected rows. A row that is
    no CSV is rejected as one cell, the whole line.
    """
    header = read_header(next(lines, (0, ""))[1])
    scored.writerow(["id", "churn_probability", "churn", "model_version"])
    rejected.writerow(["line", "problems", *header])
    counts = {"rows": 0, "scored": 0, "rejected": 0, "rejected_lines": []}
    for number, line in lines:
        counts["rows"] += 1
        cells = [line]
        try:
            cells = split(line)
            answer = score_row(header, cells)
        except (web.CallerError, ScoringError) as error:
            rejected.writerow([number, explain(error), *map(harmless, cells)])
            counts["rejected"] += 1
            if counts["rejected"] <= MOST_LINES:
                counts["rejected_lines"].append(number)
        else:
            scored.writerow(answer)
            counts["scored"] += 1
    return counts


def read_header(line):
    """Return the names of the columns; raises ScoringError unless they are the model's and `id`."""
    names = ["id", *(field.name for field in lambda_function.fields)]
    if line.startswith(("\udcff\udcfe", "\udcfe\udcff")) or "\0" in line:
        raise ScoringError("the file is not UTF-8 (UTF-16, it seems): save it as CSV UTF-8")
    header = split(line)
    if sorted(header) == sorted(names):
        return header
    missing = [name for name in names if name not in header]
    twice = [name for name in names if header.count(name) > 1]
    other = next((mark for mark in (";", "\t", "|") if mark in line and len(header) == 1), None)
    raise ScoringError(
        f"the first line must name the {len(names)} columns id and the model's inputs; it has "
        f"{len(header)}, missing: {', '.join(missing) or 'none'}"
        + (f", twice: {', '.join(twice)}" if twice else "")
        + (f"; it is separated by {other!r}, save it with commas" if other else ""))


def split(line):
    """Return the cells of one line of CSV; raises ScoringError where its quotes do not add up.

    Each line is read by itself. No column may hold a line's end, so a quote that is still open
    there is a mistake; read on, it would swallow the rows behind it.
    """
    try:
        cells, = csv.reader([line], strict=True)
    except csv.Error as error:
        raise ScoringError(f"the line is not CSV ({error}); each quote must be closed on its own "
                           "line, by a quote before a comma or the end") from None
    return cells


def harmless(cell):
    """Return a cell so that no spreadsheet runs it: `'` stands before what may begin a formula.

    A number stays a number. To undo it, remove each `'` at the start and behind one of ; , | tab ":
    re.sub(r"(^|[;,|\\t\"])'", r"\\1", cell) is what was sent.
    """
    return cell if NUMBER.fullmatch(cell) else STARTS.sub("'", cell)


def score_row(header, cells):
    """Return the cells of a row's score; raises CallerError or ScoringError when not valid."""
    if len(cells) != len(header):
        raise ScoringError(f"the row has {len(cells)} cells, the first line {len(header)}")
    customer = dict(zip(header, cells))
    name = customer.pop("id")
    check_id(name)
    for field in lambda_function.fields:
        if field.kind != "category":
            customer[field.name] = number(customer[field.name])
    return [name, *ask({"customer": customer}).values()]


def number(cell):
    """Return the number that a cell's text says, else the text: contract.py will refuse that."""
    try:        # Python reads 1_0 as 10, and digits of every script
        return float(cell) if cell.isascii() and "_" not in cell else cell
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


# ---------------------------------------------------------------- the log

def explain(error):
    """Say what is wrong without any value, for the log, dead letters and rejected rows."""
    if isinstance(error, ScoringError):
        return str(error)
    if isinstance(error, ClientError):
        return f"S3 refused {error.operation_name}: {code(error)}"
    if not isinstance(error, web.CallerError):
        fault = web.describe_fault(error)
        return f"{fault['error']} in {fault['stack'][-1]}"
    known = {"body", "customer", *(field.name for field in lambda_function.fields)}
    problems = error.content["problems"]
    messages = [f"{one['field']} {one['message']}" for one in problems if one["field"] in known]
    if len(messages) < len(problems):       # their names are the caller's
        messages.append(f"{len(problems) - len(messages)} unknown fields")
    return "; ".join(messages)


def code(error):
    """The service's error code, e.g. "PreconditionFailed"."""
    return error.response["Error"]["Code"]


def log(context, kind, **what):
    """One line of JSON, as for requests."""
    print(json.dumps({"request_id": context.aws_request_id, "event": kind,
                      "model_version": (lambda_function.signature or {}).get("version"), **what}),
          flush=True)
