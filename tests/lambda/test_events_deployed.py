"""EventBridge, S3 and SQS run the churn image in the local cloud, and everything goes wrong that
can: poison, duplicates, a crash in mid-batch. Nothing is lost, and nothing is scored twice."""
import csv
import io
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

import tiny_churn
from waiting import until
from workshop import deploy, triggers
from workshop.account import buckets
from workshop.local.addresses import ACCOUNT
from workshop.machine import engine, paths

NAME = "workshop-test-score"
EVENTS, FILES, QUEUE, TICKS, FAILURES = (
    f"{NAME}-{one}" for one in ("events", "files", "queue", "ticks", "failures"))
CUSTOMER = json.loads((paths.ROOT / "tests/support/events/direct.json").read_text())["customer"]
WRONG = CUSTOMER | {"contract": "weekly"}
TIMEOUT = 6             # seconds; as long, a message that was taken stays hidden
# Put on top of the image: a process that dies right after it wrote a result, before anyone is
# told, once for each result whose name has "crash" in it. S3 remembers that it died.
FAULTS = """
import os
import batch

kept = batch.put_once

def put_once_and_die(key, body, digest=""):
    written = kept(key, body, digest)
    if "crash" in key and kept("crashed/" + key, b""):
        os._exit(1)
    return written

batch.put_once = put_once_and_die
on_event, on_messages, on_file = batch.on_event, batch.on_messages, batch.on_file
"""


def delete():
    for name in (EVENTS, FILES, QUEUE, TICKS, FAILURES):
        triggers.delete(name)
    bucket = boto3.resource("s3").Bucket(buckets.full_name(NAME))
    if buckets.tags(bucket.name):
        bucket.object_versions.delete()
    for name in (EVENTS, FILES, QUEUE, NAME):
        deploy.delete(name)


@pytest.fixture(scope="module")
def image(local_cloud, docker_engine, tmp_path_factory):
    """The churn image with a tiny model, and on top of it the module that crashes."""
    folder = tmp_path_factory.mktemp("faults")
    tiny_churn.make(folder)
    built = deploy.build("churn", folder / "model.onnx", "events-test")
    (folder / "faults.py").write_text(FAULTS)
    (folder / "Dockerfile").write_text(f"FROM {built}\nCOPY faults.py ./\n")
    (folder / "faults.py").chmod(0o644)
    tag = engine.own("workshop-test-faults:v1")
    done = subprocess.run(["docker", "build", "-q", "-t", tag, str(folder)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    delete()
    uri = deploy.push(tag, NAME)
    yield uri
    delete()
    pushed = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}",
                           uri.partition("@")[0]).stdout.split()
    engine.docker("image", "rm", "-f", built, tag, uri, *pushed)


class Place:
    """Where results lie, and what failed: S3 keeps every version, so a second write would show."""

    def __init__(self, bucket, failures):
        self.s3, self.bucket, self.failures = boto3.client("s3"), bucket, failures

    def names(self, prefix, word=""):
        """Names under a prefix that begin with a word; fails when one was written twice."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=prefix + word)
        found = [one["Key"].removeprefix(prefix) for page in pages
                 for one in page.get("Versions", [])]
        assert len(found) == len(set(found)), f"written twice: {sorted(found)}"
        return set(found)

    def text(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()

    def rows(self, prefix, name):
        """Rows of the one CSV file under `prefix` that was made from the file `name`."""
        key, = [one for one in self.names(prefix) if one.startswith(name + ".")]
        return list(csv.DictReader(io.StringIO(self.text(prefix + key))))

    def failed(self, count):
        """Take `count` messages from the queue of failures."""
        taken = []
        until(lambda: taken.extend(take(self.failures)) or len(taken) >= count, "failures came")
        return [json.loads(one) for one in taken]


def take(url):
    """Bodies of the messages that a queue has now; they are gone from it."""
    sqs, bodies = boto3.client("sqs"), []
    for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        bodies.append(one["Body"])
    return bodies


@pytest.fixture(scope="module")
def place(image):
    """One image, three functions, and all their triggers."""
    bucket = deploy.bucket(NAME)
    boto3.client("s3").put_bucket_versioning(Bucket=bucket,
                                             VersioningConfiguration={"Status": "Enabled"})
    failures, queue = triggers.plain_queue(FAILURES), triggers.queue(QUEUE, visibility=TIMEOUT)
    for name, handler, policy in ((EVENTS, "on_event", "score_events"),
                                  (QUEUE, "on_messages", "score_events"),
                                  (FILES, "on_file", "score_files")):
        deploy.function(name, image, memory=1769, timeout=TIMEOUT, command=f"faults.{handler}",
                        environment={"RESULTS_BUCKET": bucket, "BUCKET_OWNER": ACCOUNT})
        deploy.allow(name, policy, bucket=bucket)
        boto3.client("iam").put_role_policy(        # for the module that crashes
            RoleName=f"{name}-role", PolicyName="remember", PolicyDocument=json.dumps({
                "Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"],
                    "Resource": f"arn:aws:s3:::{bucket}/crashed/*"}]}))
    triggers.on_event(EVENTS, TICKS, schedule="rate(1 minute)", paths={"time": "$.time"},
                      template=f'{{"id": "tick-<time>", "customer": {json.dumps(CUSTOMER)}}}')
    for name in (EVENTS, FILES):
        triggers.failures_to(name, failures)
    triggers.on_event(EVENTS, EVENTS, pattern={"source": ["test"], "detail": {
        "customer": {"contract": [{"anything-but": "two_year"}]}}},
        paths={"id": "$.detail.id", "customer": "$.detail.customer"},
        template='{"id": <id>, "customer": <customer>}')
    triggers.on_file(FILES, bucket, "incoming/", ".csv")
    triggers.on_queue(QUEUE, queue)
    return Place(bucket, failures)


def emit(*requests):
    """Put requests on the event bus, ten at a time."""
    events = boto3.client("events")
    for start in range(0, len(requests), 10):
        entries = [{"Source": "test", "DetailType": "changed", "Detail": json.dumps(one)}
                   for one in requests[start:start + 10]]
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0


def request(name, customer=CUSTOMER):
    return {"id": name, "customer": customer}


def test_events_poison_duplicates_and_a_crash(place):
    good = [request(f"event-{number}") for number in range(12)]
    crash, poison = request("event-crash"), request("event-poison", WRONG)
    emit(*good, crash, poison, request("event-passed-over", CUSTOMER | {"contract": "two_year"}))
    emit(*good[:5], crash)                      # EventBridge delivers at least once
    wanted = {f"{one['id']}.json" for one in [*good, crash]}
    until(lambda: place.names("scores/", "event-") == wanted, "each event has its score")
    failed, = place.failed(1)
    assert failed["requestPayload"] == poison
    assert failed["requestContext"]["condition"] == "RetriesExhausted"
    assert failed["requestContext"]["approximateInvokeCount"] == 3
    assert failed["responsePayload"]["errorType"] == "ScoringError"
    assert failed["responsePayload"]["errorMessage"] == "contract is not one of the allowed values"
    assert place.names("crashed/scores/", "event-") == {"event-crash.json"}     # it did die
    assert place.names("scores/", "event-") == wanted
    answer = json.loads(place.text("scores/event-0.json"))
    assert answer["id"] == "event-0" and 0 <= answer["churn_probability"] <= 1


def test_an_id_that_comes_again_with_another_question_is_a_failure_not_a_duplicate(place):
    emit(request("again"))
    until(lambda: place.names("scores/", "again"), "the first has its score")
    other = request("again", CUSTOMER | {"tenure": 60})
    emit(other)
    failed, = place.failed(1)
    assert failed["requestPayload"] == other
    assert "another question" in failed["responsePayload"]["errorMessage"]


def test_one_of_many_equal_events_at_once_is_scored(place):
    client = boto3.client("lambda")

    def invoke(_):
        said = client.invoke(FunctionName=EVENTS, Payload=json.dumps(request("at-once")))
        return json.load(said["Payload"])

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(invoke, range(12)))
    assert sorted(outcomes) == ["duplicate"] * 11 + ["scored"]


def test_messages_poison_duplicates_and_a_crash_in_mid_batch(place):
    good = [request(f"message-{number}") for number in range(30)]
    bodies = [json.dumps(one) for one in [*good[:15], request("message-crash"), *good[15:],
                                          *good[:8]]]       # at least once
    poison = {"{broken", json.dumps(request("message-poison", WRONG))}
    bodies[3:3] = poison
    url = triggers.queue(QUEUE, visibility=TIMEOUT)
    sqs = boto3.client("sqs")
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(start + number), "MessageBody": body}
                   for number, body in enumerate(bodies[start:start + 10])]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")
    wanted = {f"{one['id']}.json" for one in good} | {"message-crash.json"}
    until(lambda: place.names("scores/", "message-") == wanted, "each message has its score")
    dead = []
    address = sqs.get_queue_url(QueueName=f"{QUEUE}-dead")["QueueUrl"]
    until(lambda: dead.extend(take(address)) or len(dead) >= 2, "the poison is put aside")
    assert sorted(dead) == sorted(poison)
    assert place.names("crashed/scores/", "message-") == {"message-crash.json"}
    until(lambda: triggers.waiting(url) == (0, 0), "the queue is empty")
    assert place.names("scores/", "message-") == wanted


def table(rows):
    """A CSV file of (id, customer) as text."""
    file = io.StringIO()
    writer = csv.DictWriter(file, ["id", *CUSTOMER])
    writer.writeheader()
    writer.writerows({"id": name, **customer} for name, customer in rows)
    return file.getvalue()


def test_files_poison_duplicates_and_crashes(place):
    rows = [(f"row-{number}", WRONG if number % 10 == 0 else CUSTOMER) for number in range(200)]
    text = table(rows)
    files = {"new customers+1": text, "crash": text.replace("row-", "other-"),
             "poison": "a,b\n1,2\n"}
    for name, content in [*files.items(), ("new customers+1", text)]:       # the last comes again
        place.s3.put_object(Bucket=place.bucket, Key=f"incoming/{name}.csv", Body=content)
    until(lambda: len(place.names("scored/")) == 2, "both files are scored")
    for name, word in (("new customers+1", "row"), ("crash", "other")):
        scored, rejected = place.rows("scored/", name), place.rows("rejected/", name)
        assert [one["id"] for one in scored] == [f"{word}-{n}" for n in range(200) if n % 10]
        assert [one["id"] for one in rejected] == [f"{word}-{n}" for n in range(0, 200, 10)]
        assert rejected[1]["line"] == "12" and rejected[1]["contract"] == "weekly"
        assert rejected[1]["problems"] == "contract is not one of the allowed values"
    failed, = place.failed(1)
    assert failed["requestPayload"]["Records"][0]["s3"]["object"]["key"] == "incoming/poison.csv"
    assert "missing: id, gender" in failed["responsePayload"]["errorMessage"]
    assert len(place.names("crashed/")) >= 2        # after the rejected rows, and after the scores
    assert len(place.names("scored/")) == 2 and len(place.names("incoming/", "crash")) == 1


def test_a_schedule_scores_each_of_its_times_once(place):
    ticks = until(lambda: place.names("scores/", "tick-"), "the schedule has come")
    assert all(len(name) == len("tick-2026-11-22T00:00:00Z.json") for name in ticks)


def test_no_event_was_lost_without_a_trace(place):
    assert take(place.failures) == []       # each test took what it expected
