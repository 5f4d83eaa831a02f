"""The churn image's handlers for events, messages and files, with the local cloud's S3."""
import csv
import importlib
import io
import json
import re
import uuid

import boto3
import pytest

from function_folder import Context, load
from tiny_churn import model  # noqa: F401, a fixture
from workshop.local.addresses import ACCOUNT
from workshop.machine.paths import LAMBDA, ROOT

CUSTOMER = json.loads((ROOT / "tests/support/events" / "direct.json").read_text())["customer"]
SECRET = "weekly-secret"            # a value that nothing may repeat
WRONG = CUSTOMER | {"contract": SECRET}


@pytest.fixture
def batch(local_cloud, monkeypatch, model):
    """lambda/churn/batch.py as a new environment imports it, with an empty bucket."""
    s3, name = boto3.client("s3"), f"workshop-test-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    monkeypatch.setenv("RESULTS_BUCKET", name)
    monkeypatch.setenv("BUCKET_OWNER", ACCOUNT)
    load(monkeypatch, "churn", model)
    monkeypatch.delitem(importlib.sys.modules, "batch", raising=False)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(LAMBDA / "churn"))
        yield importlib.import_module("batch")
    for one in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=one["Key"])
    s3.delete_bucket(Bucket=name)


def keys(batch):
    found = batch.s3.list_objects_v2(Bucket=batch.bucket).get("Contents", [])
    return sorted(one["Key"] for one in found)


def request(name="one", customer=CUSTOMER, **more):
    return {"id": name, "customer": customer, **more}


# Buckets

def test_nothing_is_written_to_or_read_from_a_strangers_bucket(batch, monkeypatch):
    """Another account made the bucket of the name that the function was given."""
    file = event(batch, "incoming/a.csv", "id\n")
    monkeypatch.setitem(batch.OWNED, "ExpectedBucketOwner", "999999999999")
    with pytest.raises(batch.ScoringError, match="S3 refused PutObject: AccessDenied"):
        batch.on_event(request(), Context())
    with pytest.raises(batch.ScoringError, match="S3 refused HeadObject: 403"):
        batch.on_file(file, Context())
    assert keys(batch) == ["incoming/a.csv"]


# Events

def test_an_event_is_scored_as_the_other_handler_answers_it(batch):
    assert batch.on_event(request(), Context()) == "scored"
    kept = json.load(batch.s3.get_object(Bucket=batch.bucket, Key="scores/one.json")["Body"])
    answer = batch.lambda_function.lambda_handler({"customer": CUSTOMER}, Context())
    assert kept == {"id": "one", **answer}


def test_the_same_event_again_changes_nothing(batch):
    batch.on_event(request(), Context())
    before = batch.s3.head_object(Bucket=batch.bucket, Key="scores/one.json")
    again = request(customer=dict(reversed(CUSTOMER.items())))     # order is no difference
    assert batch.on_event(again, Context()) == "duplicate"
    after = batch.s3.head_object(Bucket=batch.bucket, Key="scores/one.json")
    assert (before["ETag"], before["LastModified"]) == (after["ETag"], after["LastModified"])


@pytest.mark.parametrize("event, words", [
    (request(customer=WRONG), "^contract is not one of the allowed values$"),
    ({"id": "one"}, "customer is missing"),
    (request(SECRET=1), "1 unknown field"),
    (request(name="../elsewhere"), "id must be"),
    (request(name="x" * 65), "id must be"),
    (request(name=7), "id must be"),
    ({"customer": CUSTOMER}, "id must be"),
    ([], "a request is an object"), (None, "a request is an object"),
])
def test_what_cannot_be_scored_raises_without_quoting_it(batch, capsys, event, words):
    with pytest.raises(Exception, match=words) as raised:
        batch.on_event(event, Context())
    assert type(raised.value).__name__ == "ScoringError" and raised.value.__cause__ is None
    assert raised.value.__suppress_context__        # Lambda logs no context either
    printed = capsys.readouterr().out
    assert SECRET not in printed + str(raised.value) and "elsewhere" not in printed
    assert json.loads(printed)["outcome"] == "failed"
    assert keys(batch) == []


def test_a_fault_raises_and_says_where_but_not_what_was_sent(batch, monkeypatch, capsys):
    def predict(customer):
        raise RuntimeError(f"cannot take {customer}")

    monkeypatch.setattr(batch.lambda_function, "predict", predict)
    with pytest.raises(batch.ScoringError, match="RuntimeError in .*test_batch.py:.* predict$"):
        batch.on_event(request(), Context())
    assert CUSTOMER["paymentmethod"] not in capsys.readouterr().out


def test_an_answer_that_s3_does_not_take_is_no_answer(batch, monkeypatch):
    monkeypatch.setattr(batch, "bucket", "workshop-test-no-such-bucket")
    with pytest.raises(batch.ScoringError, match="S3 refused PutObject: NoSuchBucket"):
        batch.on_event(request(), Context())


def test_an_id_with_another_question_is_refused(batch):
    batch.on_event(request(), Context())
    with pytest.raises(batch.ScoringError, match="another question"):
        batch.on_event(request(customer=CUSTOMER | {"tenure": 60}), Context())


def test_a_model_in_s3_is_renewed_before_it_is_asked(batch, monkeypatch):
    function = batch.lambda_function
    model = function.session, function.signature | {"version": "2"}, function.fields

    class Models:
        def current(self):
            return model

    monkeypatch.setattr(function, "models", Models(), raising=False)
    batch.on_event(request(), Context())
    kept = json.load(batch.s3.get_object(Bucket=batch.bucket, Key="scores/one.json")["Body"])
    assert kept["model_version"] == "2"


# Messages

def test_the_messages_that_failed_are_named_and_the_others_are_scored(batch, capsys):
    bodies = [json.dumps(request("a")), f"{{{SECRET}", json.dumps(request("b", WRONG)),
              json.dumps(request("c")), json.dumps(request("a")), ""]
    event = {"Records": [{"messageId": str(number), "body": body}
                         for number, body in enumerate(bodies)]}
    answer = batch.on_messages(event, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": one} for one in ("1", "2", "5")]}
    assert keys(batch) == ["scores/a.json", "scores/c.json"]
    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["outcome"] for line in lines] == [
        "scored", "failed", "failed", "scored", "duplicate", "failed"]
    assert SECRET not in printed and CUSTOMER["paymentmethod"] not in printed


def test_an_empty_batch_has_no_failures(batch):
    assert batch.on_messages({"Records": []}, Context()) == {"batchItemFailures": []}


# Files

def rows_of(batch, *lines, encoding="utf-8"):
    """Score the lines of a file; returns the rows that were scored, the rejected ones, counts."""
    from botocore.response import StreamingBody
    content = "".join(lines).encode(encoding, "surrogateescape")
    scored, rejected = io.StringIO(), io.StringIO()
    body = StreamingBody(io.BytesIO(content), len(content))
    counts = batch.score_lines(batch.read_lines(body), csv.writer(scored),
                               csv.writer(rejected, quoting=csv.QUOTE_ALL))
    limit = csv.field_size_limit(1_000_000)     # a rejected line is one cell, of any length
    try:
        return (*(list(csv.reader(io.StringIO(file.getvalue()))) for file in (scored, rejected)),
                counts)
    finally:
        csv.field_size_limit(limit)


def counted(scored, *rejected):
    """The counts of a file with so many scored rows, and rejected ones in these lines."""
    return {"rows": scored + len(rejected), "scored": scored, "rejected": len(rejected),
            "rejected_lines": list(rejected)}


HEADER = ",".join(["id", *CUSTOMER])
ROW = ",".join(["one", *map(str, CUSTOMER.values())])


def test_a_row_is_scored_as_a_request_is(batch):
    scored, rejected, counts = rows_of(batch, HEADER + "\n", ROW + "\n")
    answer = batch.lambda_function.lambda_handler({"customer": CUSTOMER}, Context())
    assert scored == [["id", *answer], ["one", *map(str, answer.values())]]
    assert rejected == [["line", "problems", *HEADER.split(",")]]
    assert counts == counted(1)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_files_of_spreadsheets_are_read(batch, end):
    text = end.join([HEADER, ROW, "", ROW, ""])
    assert rows_of(batch, text, encoding="utf-8-sig")[2] == counted(2)


def test_the_order_of_the_columns_does_not_matter(batch):
    header, row = (",".join(reversed(line.split(","))) for line in (HEADER, ROW))
    assert rows_of(batch, header + "\n", row + "\n")[2] == counted(1)


def changed(**fields):
    return ",".join(str(value) for value in ({"id": "one"} | CUSTOMER | fields).values())


@pytest.mark.parametrize("row, problem", [
    (changed(contract=SECRET), "contract is not one of the allowed values"),
    (changed(tenure="ten"), "tenure must be a whole number"),
    (changed(tenure="1_0"), "tenure must be a whole number"),
    (changed(tenure="１０"), "tenure must be a whole number"),
    (changed(tenure="1\0"), "tenure must be a whole number"),
    (changed(contract="\0"), "contract is not one of the allowed values"),
    (changed(contract='two"year'), "contract is not one of the allowed values"),
    (changed(contract="x" * 131_072), "contract is not one of the allowed values"),
    ("\ufeff" + ROW, "id must be 1 to 64 letters, digits, or any of _ . : -"),
    (ROW.replace(",", ";"), "the row has 1 cells, the first line 20"),
    (ROW.replace(",", "\t"), "the row has 1 cells, the first line 20"),
    (" ", "the row has 1 cells, the first line 20"),
    (changed(tenure=""), "tenure must be a whole number"),
    (changed(tenure="2.5"), "tenure must be a whole number"),
    (changed(monthlycharges="nan"), "monthlycharges must be a finite number"),
    (changed(monthlycharges="-1"), "monthlycharges is out of range"),
    (changed(id=""), "id must be 1 to 64 letters, digits, or any of _ . : -"),
    (ROW + ",more", "the row has 21 cells, the first line 20"),
    ("one,two", "the row has 2 cells, the first line 20"),
    (changed(contract='"say ""no"", please"'), "contract is not one of the allowed values"),
    (changed(contract="\udce9t\udce9"), "contract is not one of the allowed values"),
])
def test_a_bad_row_is_kept_whole_with_its_line_and_its_problem(batch, row, problem):
    scored, rejected, counts = rows_of(batch, HEADER + "\n", ROW + "\n", row + "\n", ROW + "\n")
    assert counts == counted(2, 3) and len(scored) == 3
    assert rejected[1] == ["3", problem, *next(csv.reader([row]))]


@pytest.mark.parametrize("header", ["", "a,b", HEADER + ",more", HEADER.replace("tenure", "id")])
def test_a_file_with_other_columns_is_refused_whole(batch, header):
    with pytest.raises(batch.ScoringError, match="must name the 20 columns"):
        rows_of(batch, header + "\n", ROW + "\n")


def event(batch, key, content, **more):
    """Put an object, and return the event that S3 makes of it."""
    put = batch.s3.put_object(Bucket=batch.bucket, Key=key, Body=content)
    from urllib.parse import quote_plus
    return {"Records": [{"s3": {
        "bucket": {"name": batch.bucket},
        "object": {"key": quote_plus(key, safe="/"), "eTag": put["ETag"].strip('"')} | more}}]}


def test_a_files_results_lie_elsewhere_under_its_name_and_content(batch):
    file = event(batch, "incoming/2026/käse & co.csv", f"{HEADER}\n{ROW}\n{changed(tenure=-1)}\n")
    result, = batch.on_file(file, Context())
    assert result == {"file": "incoming/2026/käse & co.csv", "outcome": "scored",
                      **counted(1, 3)}
    etag = file["Records"][0]["s3"]["object"]["eTag"]
    assert keys(batch) == ["incoming/2026/käse & co.csv", f"rejected/2026/käse & co.{etag}.csv",
                           f"scored/2026/käse & co.{etag}.csv"]
    assert batch.on_file(file, Context())[0]["outcome"] == "duplicate"


def test_bytes_that_are_no_text_come_back_unchanged(batch):
    row = changed(contract="\udce9t\udce9").encode("utf-8", "surrogateescape")
    file = event(batch, "incoming/a.csv", HEADER.encode() + b"\n" + row + b"\n")
    batch.on_file(file, Context())
    key, = (key for key in keys(batch) if key.startswith("rejected/"))
    assert b"\xe9t\xe9" in batch.s3.get_object(Bucket=batch.bucket, Key=key)["Body"].read()


def test_a_file_that_was_replaced_meanwhile_is_left_to_its_own_event(batch):
    old = event(batch, "incoming/a.csv", f"{HEADER}\n{ROW}\n")
    event(batch, "incoming/a.csv", f"{HEADER}\n{ROW}\n{ROW}\n")
    assert batch.on_file(old, Context())[0]["outcome"] == "replaced"
    assert keys(batch) == ["incoming/a.csv"]


def test_our_own_results_are_never_scored(batch):
    with pytest.raises(batch.ScoringError, match="only files under incoming/"):
        batch.on_file(event(batch, "scored/a.csv", f"{HEADER}\n{ROW}\n"), Context())
    assert keys(batch) == ["scored/a.csv"]


def test_a_file_that_is_too_large_is_refused_unread(batch, monkeypatch):
    monkeypatch.setattr(batch, "LARGEST", 10)
    with pytest.raises(batch.ScoringError, match="split it"):
        batch.on_file(event(batch, "incoming/a.csv", f"{HEADER}\n{ROW}\n"), Context())


@pytest.mark.parametrize("bad, why", [
    ('"' + ROW, "unexpected end of data"), (ROW + '"', None), (ROW[:-1] + '"', None),
    (changed(contract='"two_year'), "unexpected end of data"),
    (changed(contract='"two_year" '), "expected after"),
    (changed(contract='"two"_year'), "expected after"),
    (changed(contract='"'), "unexpected end of data"),
    (changed(contract="x" * 131_073), "field larger than field limit"),
    (changed(id='"\0'), "unexpected end of data")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_bad_quote_swallows_no_row_behind_it(batch, end, bad, why):
    """Each line went somewhere, whole and with its number, however many stand behind the quote."""
    text = end.join([HEADER, ROW, bad, *[ROW] * 30, bad, ROW, ""])
    scored, rejected, counts = rows_of(batch, text)
    assert counts == counted(32, 3, 34) and len(scored) == 33
    assert [row[0] for row in rejected[1:]] == ["3", "34"]
    if why:
        assert f"not CSV ({why}" in rejected[1][1].replace("',' expected after '\"'",
                                                           "expected after")
        assert [undone(cell) for cell in rejected[1][2:]] == [bad]


def test_a_cell_over_several_lines_is_rejected_line_by_line(batch):
    text = f'{HEADER}\n{changed(contract=chr(34) + "two")}\nyear",x\n{ROW}\n'
    _, rejected, counts = rows_of(batch, text)
    assert counts == counted(1, 2, 3)
    assert [row[0] for row in rejected[1:]] == ["2", "3"]


def test_lines_are_counted_where_they_lie_across_blocks_and_empty_lines(batch):
    rows = [ROW, "", "bad", ""] * 1000
    _, rejected, counts = rows_of(batch, "\r\n".join([HEADER, *rows, ""]))
    assert {key: counts[key] for key in ("rows", "scored", "rejected")} == {
        "rows": 2000, "scored": 1000, "rejected": 1000}
    lines = [int(row[0]) for row in rejected[1:]]
    assert lines == list(range(4, 4001, 4)) and counts["rejected_lines"] == lines[:20]


@pytest.mark.parametrize("content, words", [
    ("", "it has 0"), ("\n\n", "it has 0"), ("\ufeff", "it has 0"),
    (HEADER.replace("tenure", "id"), "missing: tenure, twice: id"),
    (HEADER + ",id", "missing: none, twice: id"),
    (HEADER.replace(",", ";"), "separated by ';'"), (HEADER.replace(",", "\t"), "separated by"),
    (HEADER.replace(",", "|"), "separated by '|'"), ('"' + HEADER, "the line is not CSV"),
    ("x" * 200_000, "the line is not CSV|must name the 20 columns"),
    (HEADER.encode("utf-16"), "UTF-16"), (HEADER.encode("utf-16-be"), "UTF-16"),
    (HEADER.encode("utf-16-le"), "UTF-16"), ("\0" + HEADER, "UTF-16")])
def test_a_first_line_that_is_none_is_refused_with_what_to_do(batch, content, words):
    with pytest.raises(batch.ScoringError, match=words):
        batch.on_file(event(batch, "incoming/a.csv", content), Context())
    assert keys(batch) == ["incoming/a.csv"]


def test_a_file_of_a_first_line_alone_has_no_rows(batch):
    assert rows_of(batch, HEADER)[2] == counted(0)


def undone(cell):
    """What was sent, as batch.harmless and lesson 17 say how to find it."""
    return re.sub(r"(^|[;,|\t\"])'", r"\1", cell)


FORMULAS = ["=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)",
            "\t=1+1", "\t", "\r=1+1", "\n=1", "＝1+1", "＋1", "－1", "＠SUM(1)", " =1+1",
            "\u00a0=1", "\ufeff=1+1", "\0=1", "x;=1+1", "x; =1", "x,@y", 'x"=1+1', "x|-1", "x\t+1",
            "-", "=", "--5", "+-5", "-1e", "1;-1", "=\udce9", "-５"]
HARMLESS = ["", "x", "a=b", "a-b", "two_year", "-5", "+5", "-5.25", "+1e-5", "5", "1-1", "a'b",
            "a @b", "Zoë", "x; y", "1,5", "x\ty"]


@pytest.mark.parametrize("cell", [*FORMULAS, *HARMLESS, "'", "''", "'=1", "''=1", "x;'=1", "x;''",
                                  "\t'", " '=1", ";';'", "\"'\"", "'x", "-'5", "\t\t=;,'"])
def test_what_harmless_changes_can_be_undone(batch, cell):
    assert undone(batch.harmless(cell)) == cell


@pytest.mark.parametrize("cell", FORMULAS)
def test_no_cell_of_a_rejected_row_begins_a_formula(batch, cell):
    """At its start, or where a spreadsheet with another separator would see a start."""
    row = changed(contract='"' + cell.strip("\r\n").replace('"', '""') + '"')
    _, rejected, _ = rows_of(batch, "\n".join([HEADER, row, cell.strip("\r\n"), '"' + row]))
    for value in [value for line in rejected for value in line]:
        for part in re.split(r"[;,|\t\"]", value):
            assert batch.NUMBER.fullmatch(value) or not re.match(
                r"[\s\x00-\x1f\ufeff]*[=+\-@\t\r＝＋－＠]", part), value
    contract = rejected[0].index("contract")
    assert undone(rejected[1][contract]) == cell.strip("\r\n")


@pytest.mark.parametrize("cell", HARMLESS)
def test_other_cells_and_negative_numbers_stay_as_they_are(batch, cell):
    assert batch.harmless(cell) == cell
    _, rejected, _ = rows_of(batch, HEADER + "\n", changed(tenure="-7") + "\n")
    assert rejected[1][rejected[0].index("tenure")] == "-7"


def test_making_a_long_cell_harmless_takes_no_longer_than_reading_it(batch):
    for cell in ("\t" * 100_000, " " * 100_000, "; " * 50_000, "\0" * 100_000 + "="):
        assert undone(batch.harmless(cell)) == cell     # squared, it would take minutes


def test_a_rejected_file_quotes_every_cell(batch):
    text = f"{HEADER}\n{changed(tenure='=1+1')}\n"
    batch.on_file(event(batch, "incoming/a.csv", text), Context())
    key, = (key for key in keys(batch) if key.startswith("rejected/"))
    text = batch.s3.get_object(Bucket=batch.bucket, Key=key)["Body"].read().decode()
    header, row = text.splitlines()
    assert row.startswith('"2","tenure must be') and '"\'=1+1"' in row
    assert all(cell[0] == cell[-1] == '"' for cell in header.split(","))


def test_a_file_that_is_gone_raises(batch):
    file = event(batch, "incoming/a.csv", f"{HEADER}\n{ROW}\n")
    batch.s3.delete_object(Bucket=batch.bucket, Key="incoming/a.csv")
    with pytest.raises(batch.ScoringError, match="S3 refused GetObject"):
        batch.on_file(file, Context())
