# ---
# title: Run on events and in batches
# workshop:
#   number: "17"
#   needs: [docker]
#   reading: 40
#   exercises: 25
#   execution: 2
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Run on events and in batches
#
# So far a client sent a request, and waited for the answer. Often nobody waits: a contract changes,
# a file arrives at night, a queue becomes long. In this lesson the same image runs when an event
# happens. Can a customer get lost, or get two scores? You break it in several ways to find out.
#
# **You will**
#
# - run one image as three functions, each with its own handler
# - let EventBridge start a function: by a pattern in events, and by the clock
# - see how Lambda retries an event, and where the event goes when it fails for good
# - score each event once, even if it comes twice
# - score a CSV file that is uploaded to S3, and keep the wrong rows
# - take messages from a queue in batches, and return only the failed ones
# - choose between the three
#
# **You need** Docker, and the models of lessons 02 and 03 (made now if they are missing)
#
# **Time** 40 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ## What we build
#
# ```mermaid
# flowchart LR
#     crm(["customer system"]) -->|"event"| bus{{"EventBridge<br/>rules"}}
#     clock(["clock"]) --> bus
#     app(["application"]) -->|"message"| queue["SQS<br/>queue"]
#     shop(["a shop's file"]) --> drop[("S3<br/>incoming/")]
#     queue -. "failed for good" .-> dead["SQS<br/>dead letters"]
#     queue --> many["batch.on_messages"]
#     bus --> one["batch.on_event"]
#     drop --> file["batch.on_file"]
#     many --> scores[("S3<br/>scores/")]
#     one --> scores
#     one -. "failed for good" .-> failures["SQS<br/>failures"]
#     file -. "failed for good" .-> failures
#     file --> scored[("S3<br/>scored/<br/>rejected/")]
#     style one fill:#fff3d6,stroke:#e69f00,stroke-width:3px
#     style file fill:#fff3d6,stroke:#e69f00,stroke-width:3px
#     style many fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# The three boxes in colour are one image, the churn image of lesson 04. `lambda/churn/` has a
# second module, `batch.py`. The function's configuration names the handler that answers.

# %% [markdown]
# First we remove what an earlier run of this lesson may have left.

# %%
from workshop import deploy, engine, triggers

NAME = deploy.name("score")
NAMES = [f"{NAME}{end}" for end in ("", "-events", "-files", "-queue", "-failures", "-clock")]
for name in NAMES:
    triggers.delete(name, again=True)
    deploy.delete(name)

# %% [markdown]
# We need the image, and a bucket for all inputs and results.

# %%
local = deploy.build("churn", "../build/models/churn.onnx")
image = deploy.push(local, NAME)
bucket = deploy.bucket(NAME)

# %%
import json

import boto3
import pandas as pd

test = pd.read_csv("../build/models/churn_test.csv").drop(columns="churn")
customers = json.loads(test.to_json(orient="records"))

lambda_, s3, sqs = boto3.client("lambda"), deploy.s3(), boto3.client("sqs")
events, logs = boto3.client("events"), boto3.client("logs")
account = boto3.client("sts").get_caller_identity()["Account"]

# %% [markdown]
# ## Who gets a message when something fails?
#
# A function can be invoked **asynchronously**: the caller gets 202, *accepted*, and does not wait.
# Lambda puts the event into an internal queue and runs the function a moment later. If the function
# fails, Lambda tries again, by default twice, after one minute and after two minutes (Lambda
# developer guide, *Error handling for asynchronous invocation*). S3 and EventBridge always invoke
# like this.
#
# And if it still fails? Then the event is lost, unless we name a **destination**. Our destination
# is a queue.

# %%
failures = sqs.create_queue(QueueName=f"{NAME}-failures", tags=deploy.tags())["QueueUrl"]
failures_arn = triggers.queue_arn(failures)
failures_arn

# %% [markdown]
# We start with the function as in lesson 05, with the image's own handler. It writes into the
# bucket, and expects that our account owns the bucket, as `deploy.s3()` does here. The function's
# role needs permission to send to the queue, and Lambda checks it. A new permission, like a new
# role (lesson 05), needs some time to be known everywhere. `triggers.when_allowed` repeats the call
# on that error alone.

# %%
EVENTS = f"{NAME}-events"
results = {"RESULTS_BUCKET": bucket, "BUCKET_OWNER": account}

deploy.function(EVENTS, image, memory=1769, timeout=20, environment=results)
deploy.allow(EVENTS, "send_failures", queue=f"{NAME}-failures")
triggers.when_allowed(
    lambda_.put_function_event_invoke_config, FunctionName=EVENTS, MaximumRetryAttempts=1,
    DestinationConfig={"OnFailure": {"Destination": failures_arn}})["MaximumRetryAttempts"]

# %% [markdown]
# We set one retry instead of two, to wait less. Now an event with a contract that does not exist,
# invoked asynchronously.

# %%
wrong = customers[0] | {"contract": "weekly"}
response = lambda_.invoke(FunctionName=EVENTS, InvocationType="Event",
                      Payload=json.dumps({"customer": wrong}))
response["StatusCode"]

# %%
import time

from workshop.triggers import until   # asks until the answer is true, and returns it


def log_lines(function, word):
    """The JSON lines that a function logged and that contain a word."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}", filterPattern=word)
    return [json.loads(one["message"]) for page in pages for one in page["events"]]


def take(url):
    """Take the messages that a queue has now."""
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
    for one in found.get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return [json.loads(one["Body"]) for one in found.get("Messages", [])]


line, = until(lambda: log_lines(EVENTS, "model_version"))
print("the log says", line["status"])
print("failures:   ", take(failures))

# %% [markdown]
# *Notice:* the handler refused the customer with 400, as it should, and **returned**. For Lambda, a
# function that returns has succeeded, whatever it returns. There was no retry, no failure and no
# alarm, and nobody received the answer. The same happens with a fault of our own, when the handler
# returns 500.
#
# This is correct for a handler whose client reads the answer. Without such a client it is wrong.
# Then the handler must **raise** an exception to report a failure to Lambda.
#
# | | `lambda_function.lambda_handler` | `batch.on_event` |
# |---|---|---|
# | a caller's mistake | returns 400 and says what is allowed | raises |
# | a fault of ours | returns 500, the story in the log | raises |
# | so Lambda | is satisfied | tries again, then tells the destination |
# | and the answer | goes back | is kept in S3 |

# %% [markdown]
# ## The same image, another handler
#
# `CMD` in the Dockerfile is only a default, and `ImageConfig` of the function replaces it. The
# image does not change by a single byte.

# %%
lambda_.update_function_configuration(FunctionName=EVENTS,
                                      ImageConfig={"Command": ["batch.on_event"]})
lambda_.get_waiter("function_updated_v2").wait(FunctionName=EVENTS)
now = lambda_.get_function_configuration(FunctionName=EVENTS)
now["ImageConfigResponse"]

# %% [markdown]
# It will write into the bucket, so its role must allow writing to one folder, and nothing more.

# %%
print(deploy.policy("score_events", bucket=bucket))
deploy.allow(EVENTS, "score_events", bucket=bucket)

# %% [markdown]
# A request has an **id** now, which the sender chooses. To look at the handler, we invoke it and
# wait; later no client will wait.

# %%
def invoke(event):
    """Invoke the function, and wait."""
    response = lambda_.invoke(FunctionName=EVENTS, Payload=json.dumps(event))
    return response.get("FunctionError"), json.load(response["Payload"])


def read(key):
    """Content of an object in our bucket."""
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


first = {"id": "first", "customer": customers[0]}
print(until(lambda: invoke(first)[1] in ("scored", "duplicate")))
read("scores/first.json")

# %% [markdown]
# And the wrong contract again, asynchronously:

# %%
lambda_.invoke(FunctionName=EVENTS, InvocationType="Event",
               Payload=json.dumps({"id": "poison", "customer": wrong}))
failed, = until(lambda: take(failures))
failed["requestPayload"]["customer"] = "…"      # 19 fields, not shown
failed

# %% [markdown]
# The record holds the whole event (`requestPayload`), so you can correct it and send it again. It
# also holds the number of attempts, and the message of our exception. That message names the wrong
# field, but not its value, because many people may read it. It is in the log as well.
#
# An event that fails at every attempt is called **poison**. Another attempt cannot help, but Lambda
# does not know this.
#
# `OnFailure` belongs to the function, not to the trigger. There is also an `OnSuccess`, for each
# event that succeeded. A **dead-letter queue** on the function is an older feature. It gets the
# event, but not the reason.

# %% [markdown]
# ## EventBridge: when something happens
#
# **EventBridge** distributes events. Systems put events on a **bus**. A **rule** selects some of
# them by a **pattern** and sends each to its **targets**. So the customer system does not depend on
# the model.
#
# An event has a `source`, a `detail-type` and a `detail`, whose content we define:

# %%
def changed(change, customer):
    """An event of the customer system: a contract has changed."""
    return {"Source": "workshop.crm", "DetailType": "contract changed",
            "Detail": json.dumps({"change": change, "customer": customer})}


changed("C-1", customers[1])

# %% [markdown]
# A pattern has the shape of the event. Where the pattern has a list, the event's value must be in
# that list. Fields that are not in the pattern may have any value. We want changes of customers who
# can leave from month to month.

# %%
pattern = {"source": ["workshop.crm"], "detail-type": ["contract changed"],
           "detail": {"customer": {"contract": ["month-to-month"]}}}
rule = events.put_rule(
    Name=f"{NAME}-events", EventPattern=json.dumps(pattern),
    Tags=[{"Key": key, "Value": value} for key, value in deploy.tags().items()])["RuleArn"]
rule

# %% [markdown]
# Two more things are necessary. The function must *permit* the rule to invoke it. And our handler
# does not expect a `detail`, so an **input transformer** reads values by their path and writes them
# into a text.

# %%
lambda_.add_permission(
    FunctionName=EVENTS, StatementId="rule", Action="lambda:InvokeFunction",
    Principal="events.amazonaws.com", SourceArn=rule)

target = {"Id": "score", "Arn": now["FunctionArn"], "InputTransformer": {
    "InputPathsMap": {"change": "$.detail.change", "customer": "$.detail.customer"},
    "InputTemplate": '{"id": <change>, "customer": <customer>}'}}
events.put_targets(Rule=f"{NAME}-events", Targets=[target])["FailedEntryCount"]

# %% [markdown]
# *Notice* `FailedEntryCount`. `put_targets` and `put_events` take lists, and answer 200 even if
# some entries were refused. If you do not check the count, you lose events.
#
# Without the permission, EventBridge drops the event. It does not try again, because another
# attempt cannot help. The rule's metric `FailedInvocations` is the only sign. A dead-letter queue
# on the *target* would keep the event (EventBridge user guide, *Event retry policy*).

# %%
meant = [one for one in customers if one["contract"] == "month-to-month"]
others = [one for one in customers if one["contract"] == "two_year"]
sent = [changed(f"C-{number}", one) for number, one in enumerate(meant[:4] + others[:4])]

assert events.put_events(Entries=sent)["FailedEntryCount"] == 0


def scores(word):
    """Ids with a score that begin with a word."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"scores/{word}")
    return [one["Key"][7:-5] for one in found.get("Contents", [])]


until(lambda: len(scores("C-")) == 4)
scores("C-")

# %% [markdown]
# There are four scores for eight events. The other four did not start the function.

# %% [markdown]
# ### Exercise 1: a narrower pattern (8 minutes)
#
# Instead of a value, a list may hold a test, such as `{"numeric": ["<", 100]}` or `{"anything-but":
# "two_year"}`. Complete `narrow`. It selects like `pattern`, but only customers who have been here
# for at most 12 months (`tenure`), and who do not pay by `electronic_check` (`paymentmethod`).
#
# <details><summary>Hint 1</summary>
#
# Begin with a copy of `pattern`. Tenure and payment are beside the contract, inside `customer`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# At most 12 is `{"numeric": ["<=", 12]}`, inside a list: `"tenure": [{…}]`. </details>

# %% Exercise 1
narrow = {
    # BEGIN SOLUTION
    "source": ["workshop.crm"],
    "detail-type": ["contract changed"],
    "detail": {"customer": {"contract": ["month-to-month"],
                            "tenure": [{"numeric": ["<=", 12]}],
                            "paymentmethod": [{"anything-but": "electronic_check"}]}},
    # END SOLUTION
}

# %% Check 1 tags=["check"]
def matches(pattern, detail_type="contract changed", source="workshop.crm", **fields):
    """Whether EventBridge would pick an event; it has a call for just that."""
    event = {"id": "1", "account": "123456789012", "time": "2026-11-22T00:00:00Z",
             "region": "us-east-1", "resources": [], "source": source, "detail-type": detail_type,
             "detail": {"change": "C-1", "customer": customers[0] | fields}}
    try:
        return events.test_event_pattern(
            EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]
    except events.exceptions.InvalidEventPatternException as error:
        raise AssertionError(f"EventBridge does not understand the pattern: {error}. "
                             "Every value is a list") from None


assert isinstance(narrow, dict) and narrow, "the pattern is still empty"
new = {"contract": "month-to-month", "tenure": 3, "paymentmethod": "mailed_check"}
assert matches(narrow, **new), ("it passes over a monthly customer of 3 months: does everything "
                                "stand in `customer`, and each test in a list?")
assert matches(narrow, **new | {"tenure": 12}), "12 months are still meant: use <="
assert not matches(narrow, **new | {"tenure": 13}), "it also picks a customer of 13 months"
assert not matches(narrow, **new | {"contract": "two_year"}), "it also picks two-year contracts"
assert not matches(narrow, **new | {"paymentmethod": "electronic_check"}), (
    "it also picks who pays by electronic_check: use anything-but")
assert not matches(narrow, source="workshop.shop", **new), "it picks events of any source"
assert not matches(narrow, detail_type="moved house", **new), "it picks any detail-type"
print("Right: who is not meant does not even wake the function.")

# %% [markdown]
# ### By the clock
#
# A rule can have a **schedule** instead of a pattern: `rate(1 minute)`, or `cron(0 3 * * ? *)` for
# three o'clock each night (UTC). Our schedule scores one known customer each minute. If the score
# changes, or no score comes, something is wrong. The time becomes the id.

# %%
triggers.on_event(
    EVENTS, f"{NAME}-clock", schedule="rate(1 minute)", paths={"time": "$.time"},
    template=f'{{"id": "clock-<time>", "customer": {json.dumps(customers[0])}}}')

# %% [markdown]
# `triggers.on_event` makes the calls from above that connect a rule with a function. The first minute begins now, and we look at
# the result at the end. (For schedules with a time zone, or for one time only, there is
# *EventBridge Scheduler*.)

# %% [markdown]
# ## Twice
#
# EventBridge, S3, SQS and Lambda's internal queue all deliver **at least once**. So an event
# sometimes comes twice, for example when the network fails after the work and before the
# confirmation. So the customer system sends some of its events again:

# %%
assert events.put_events(Entries=sent[:3])["FailedEntryCount"] == 0
until(lambda: len(log_lines(EVENTS, "duplicate")) >= 3)
pd.DataFrame(log_lines(EVENTS, "outcome"))[["id", "outcome", "reason"]].fillna("")

# %% [markdown]
# There are two failures, both from the wrong event above: it was tried twice. And *notice*
# `duplicate`. How does the handler find it? It does not keep a list of requests, because it could
# end after the work and before it writes to the list. It writes each answer under a key that it
# makes from the request's id, and tells S3: **only if there is nothing under this key**.

# %%
from botocore.exceptions import ClientError

try:
    s3.put_object(Bucket=bucket, Key="scores/C-0.json", Body=b"another", IfNoneMatch="*")
except ClientError as error:
    print(error.response["Error"]["Code"])

# %% [markdown]
# (The local cloud checks this as AWS does.) The result and the proof that it is done are *one*
# write. The write happens or it does not happen, and of several writers, S3 accepts one. DynamoDB
# can do the same with a condition, if the result itself is in the table. A result in S3 with a mark
# in a table would be two writes, and the function could end between them.
#
# The model still works for a duplicate: the answer is computed, then refused. For one customer,
# that is cheaper than to ask S3 first.
#
# An id that comes again with *other* content is not a duplicate. It is a mistake of the sender, and
# the handler must report it:

# %%
invoke({"id": "first", "customer": customers[5]})

# %% [markdown]
# ### Exercise 2: a key for a file (8 minutes)
#
# S3 reports a new object with a record like the one below. Complete `output_key`. It returns the
# key for the scores: `scored/NAME.ETAG.csv`, where NAME is the file's name without folder and
# `.csv`. The same content under the same name gives the same key. Another content gives another
# key, because it has another *ETag*. (An ETag is the content's MD5 only for an object that was
# uploaded in one part and not encrypted with a KMS key. The same content in parts of another size
# has another ETag, and is scored once more: no harm is done.)
#
# <details><summary>Hint 1</summary>
#
# In a record, the key is written as in a URL: a space is `+`. `urllib.parse.unquote_plus` gives
# back the name.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `"incoming/may.csv".removeprefix("incoming/").removesuffix(".csv")` is `"may"`.
# </details>

# %%
record = {"s3": {"bucket": {"name": "b"}, "object": {
    "key": "incoming/new+customers%2C+May.csv", "size": 1, "eTag": "0a1b", "sequencer": "00F1"}}}

# %% Exercise 2
from urllib.parse import unquote_plus


def output_key(record):
    """Where the scores of an object go, from S3's record of it."""
    # BEGIN SOLUTION
    key = unquote_plus(record["s3"]["object"]["key"])
    name = key.removeprefix("incoming/").removesuffix(".csv")
    return f"scored/{name}.{record['s3']['object']['eTag']}.csv"
    # END SOLUTION


print(output_key(record))

# %% Check 2 tags=["check"]
import copy

answer = output_key(record)
assert answer is not None, "output_key returned nothing: is there a `return`, or is it still open?"
assert not answer.startswith("incoming/"), (
    "the scores would lie under incoming/, and wake the function that wrote them, for ever")
assert answer.startswith("scored/"), f"scores go under scored/; you returned {answer}"
assert "+" not in answer and "%" not in answer, f"{answer} is still written as in a URL"
other = copy.deepcopy(record)
other["s3"]["object"]["sequencer"] = "00F2"
time.sleep(0.01)
assert output_key(other) == answer, (
    "the same content was uploaded again, and gets another key: use name and ETag, and nothing "
    "that differs each time")
other["s3"]["object"]["eTag"] = "ffff"
assert output_key(other) != answer, "another content gets the same key: put the ETag into it"
assert answer == "scored/new customers, May.0a1b.csv", (
    f"expected scored/new customers, May.0a1b.csv, you returned {answer}")
print("Right: a second delivery of this event gets the same key.")

# %% [markdown]
# ## S3: when a file arrives
#
# Once a month a shop sends a CSV file with hundreds of customers. Some rows are always wrong.

# %%
file = test.head(300).reset_index(drop=True)
file.insert(0, "id", [f"shop-{number}" for number in file.index])
file = file.astype({"tenure": object, "monthlycharges": object})
file.loc[20, "contract"] = "weekly"
file.loc[120, "tenure"] = "ten"
file.loc[220, "monthlycharges"] = -5
text = file.to_csv(index=False)
print(text[:200])

# %% [markdown]
# The function is the second one from the same image. It may read `incoming/`, and write into other
# folders.

# %%
FILES = f"{NAME}-files"

files_arn = deploy.function(FILES, image, memory=1769, timeout=60, command="batch.on_file",
                            environment=results)
deploy.allow(FILES, "score_files", bucket=bucket)
triggers.failures_to(FILES, failures, retries=1)
print(deploy.policy("score_files", bucket=bucket))

# %% [markdown]
# The trigger is a **notification** of the bucket, with a filter on the name, and again a
# permission. `SourceAccount` is necessary because a bucket's ARN has no account number: if you
# delete the bucket, another account may create one with its name.

# %%
lambda_.add_permission(
    FunctionName=FILES, StatementId="bucket", Action="lambda:InvokeFunction",
    Principal="s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=account)

s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
    "LambdaFunctionConfigurations": [{
        "LambdaFunctionArn": files_arn, "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "incoming/"},
                                           {"Name": "suffix", "Value": ".csv"}]}}}]});

# %% [markdown]
# **The trap.** Suppose that you forget the filter, and write the scores into the same bucket. Each
# result is a new object, which starts the function, which writes a result. It runs until somebody
# looks at the bill. (Since 2024, Lambda stops such loops through S3 after about 16 rounds; Lambda
# developer guide, *recursive loop detection*. Do not depend on it.) Here, three things prevent it:
# the filter; the role, which cannot write under `incoming/`; and the handler, which refuses every
# other name. A second bucket is the safest.

# %%
s3.put_object(Bucket=bucket, Key="incoming/May 2026.csv", Body=text)


def listed(prefix):
    """Keys under a prefix."""
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", [])]


scored_key, = until(lambda: listed("scored/"))
rejected_key, = listed("rejected/")
print(scored_key, rejected_key, sep="\n")

# %%
import io

from workshop.plots import charts, show

scored = pd.read_csv(io.StringIO(read(scored_key)))
groups = {label: scored.loc[scored["churn"] == churn, "churn_probability"]
          for label, churn in (("stays", False), ("warned about", True))}
show(*charts.histograms(groups, [number / 20 for number in range(21)], "churn probability",
                        "customers", f"{len(scored)} customers scored", "Two histograms that meet "
                        f"at {groups['warned about'].min():.2f}."))

# %% [markdown]
# 297 of 300 rows are here. And the other three?

# %%
rejected = pd.read_csv(io.StringIO(read(rejected_key)))
rejected[["line", "problems", "id", "contract", "tenure", "monthlycharges"]]

# %%
assert len(scored) + len(rejected) == len(file)
assert set(scored["id"]) | set(rejected["id"]) == set(file["id"])
print(f"customers in 10 MB: {10_000_000 / (len(text) / len(file)):,.0f}")

# %% [markdown]
# *Notice:* no row is lost. One bad row does not stop the file. The file of rejected rows has the
# line number, the problem and the whole row. The shop can correct these rows and send them as a new
# file. The log counts them: `rows` is `scored` plus `rejected`.

# %%
until(lambda: log_lines(FILES, "scored"))
log_lines(FILES, "scored")

# %% [markdown]
# Two things in a file are dangerous. The first is a quote that is opened and not closed. Many CSV
# readers read all that follows as one cell, so the rows are lost, without an error. No column of
# ours can hold a line break, so the handler reads each line separately. It rejects the line with
# the quote, and scores the rows after it.
#
# The second is a **formula**. The shop opens this file in a spreadsheet, which executes a cell that
# begins with `=`, `+`, `-` or `@` (OWASP, *CSV Injection*). So the handler puts an apostrophe
# before text that may begin a formula; a number, such as -5, does not change. An apostrophe at the
# start of a cell, or after one of `; , | "` and tab, always comes from the handler: remove it, and
# you have the original text.

# %%
import re

bad = [file.iloc[0].to_dict() | {"id": "shop-quote"},
       file.iloc[1].to_dict() | {"id": "=1+1", "monthlycharges": -5},
       file.iloc[2].to_dict() | {"id": "shop-good"}]
lines = pd.DataFrame(bad).to_csv(index=False).replace("shop-quote", '"shop-quote')
s3.put_object(Bucket=bucket, Key="incoming/June 2026.csv", Body=lines)

june, = until(lambda: listed("scored/June"))
print(read(june))
rejected = pd.read_csv(io.StringIO(read(june.replace("scored/", "rejected/"))))
print(rejected[["line", "problems", "id", "monthlycharges"]].to_string())
assert rejected["line"].tolist() == [2, 3] and rejected["monthlycharges"].tolist()[1] == -5
sent_id = re.sub(r"(^|[;,|\t\"])'", r"\1", rejected["id"][1])
assert rejected["id"][1] == "'=1+1" and sent_id == "=1+1"

# %% [markdown]
# `on_file` reads line by line, as the bytes come, and writes to `/tmp`, so its memory does not grow
# with the file. It refuses more than 10 MB, because a function has a time-out of at most 15 minutes
# (Lambda quotas). Split larger files, or use a service for large batches. It writes the scores
# last: if they exist, all is done. If the function ends before, the next attempt does the whole
# file again, and nothing is stored twice.
#
# Now the same file again, and one that is no list of customers:

# %%
s3.put_object(Bucket=bucket, Key="incoming/May 2026.csv", Body=text)
s3.put_object(Bucket=bucket, Key="incoming/lunch.csv", Body="dish,price\nsoup,4\n")

failed, = until(lambda: take(failures))
print(failed["requestPayload"]["Records"][0]["s3"]["object"]["key"])
print(failed["responsePayload"]["errorMessage"])
until(lambda: log_lines(FILES, "duplicate"))
assert len(listed("scored/May")) == 1

# %% [markdown]
# ## SQS: when there is a lot of work
#
# A **queue** holds messages until a program takes them and *deletes* them. When a program takes a
# message, the queue hides it from other programs for the **visibility time-out**. If the program
# does not delete the message by then, the message is visible again: this is the retry. After three
# attempts (our number), the queue itself moves the message to its **dead-letter queue**.
#
# ```mermaid
# flowchart LR
#     app(["application"]) --> queue["queue"]
#     queue -->|"up to 10 messages"| fn["batch.on_messages"]
#     fn -->|"done: deleted"| done(["gone"])
#     fn -.->|"failed: visible again"| queue
#     queue -->|"taken three times"| dead["dead letters"]
# ```
#
# The visibility time-out must be longer than the function's time-out. Otherwise a second function
# gets the message while the first still works on it. AWS recommends six times as long (Lambda
# developer guide, *Using Lambda with Amazon SQS*). We take less, to wait less.

# %%
dead = sqs.create_queue(QueueName=f"{NAME}-queue-dead", tags=deploy.tags(),
                        Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]  # 14 days
queue = sqs.create_queue(QueueName=f"{NAME}-queue", tags=deploy.tags(), Attributes={
    "VisibilityTimeout": "7",
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": triggers.queue_arn(dead),
                                 "maxReceiveCount": "3"})})["QueueUrl"]

# %% [markdown]
# ### Exercise 3: report what failed (9 minutes)
#
# Lambda takes messages from the queue, up to ten at a time, and passes them to the function as
# `Records`. If the handler raises, *all* of them come back, the good ones too. So the handler
# should report the failed messages by `messageId`:
#
# `{"batchItemFailures": [{"itemIdentifier": "…"}, …]}`
#
# Complete `on_messages`. `score` takes a request, and raises an exception if it cannot score it.
#
# <details><summary>Hint 1</summary>
#
# Each record has a `messageId`, and a `body` of text: `json.loads(record["body"])`. That can fail
# as well. </details>
#
# <details><summary>Hint 2</summary>
#
# `try:` inside the `for`, with `json.loads` and `score` in it; `except Exception:` appends to a
# list.
# </details>

# %% Exercise 3
def on_messages(event, score):
    """Score each message; return which failed."""
    # BEGIN SOLUTION
    failed = []
    for record in event["Records"]:
        try:
            score(json.loads(record["body"]))
        except Exception:
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
    # END SOLUTION


# %% Check 3 tags=["check"]
received = []


def score(request):
    """Stands in for the model: fails for the request with id 2."""
    received.append(request["id"])
    if request["id"] == 2:
        raise ValueError("no")


batch = {"Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(
    ['{"id": 0}', "{broken", '{"id": 2}', '{"id": 3}'])]}
try:
    answer = on_messages(batch, score)
except Exception as error:
    raise AssertionError(f"it raised {type(error).__name__}: then the good messages come back, "
                         "too. Catch it inside the loop") from None
assert answer is not None, "on_messages returned nothing: for Lambda, every message is done"
assert received == [0, 2, 3], f"called with {received}: score the messages after a bad one, too"
assert isinstance(answer, dict) and set(answer) == {"batchItemFailures"}, (
    f"answer a dict whose one key is batchItemFailures; you have {answer}")
found = answer["batchItemFailures"]
assert all(isinstance(one, dict) and set(one) == {"itemIdentifier"} for one in found), (
    f'each failure is {{"itemIdentifier": messageId}}; you have {found}')
named = [one["itemIdentifier"] for one in found]
assert named == ["m1", "m2"], f"m1 and m2 failed, you named {named}"
assert on_messages({"Records": []}, score) == {"batchItemFailures": []}
print("Right: two come back, two are done.")

# %% [markdown]
# This is the third function from the image, with the handler that is in the image. It needs
# permission to receive from the queue and to delete from it. Lambda does both for the function,
# with its role, through an **event source mapping**.

# %%
QUEUE = f"{NAME}-queue"


def queue_function(image, command):
    """The function that takes from the queue."""
    deploy.function(QUEUE, image, memory=1769, timeout=6, command=command,
                    environment=results)


queue_function(image, "batch.on_messages")
deploy.allow(QUEUE, "score_events", bucket=bucket)

try:
    lambda_.create_event_source_mapping(FunctionName=QUEUE,
                                        EventSourceArn=triggers.queue_arn(queue))
except lambda_.exceptions.InvalidParameterValueException as refused:
    print(refused)

# %% [markdown]
# Lambda takes the messages, with the function's role. We forgot the role's permission for the
# queue:

# %%
deploy.allow(QUEUE, "read_queue", queue=f"{NAME}-queue")

mapping = triggers.when_allowed(
    lambda_.create_event_source_mapping, FunctionName=QUEUE, BatchSize=10, Tags=deploy.tags(),
    EventSourceArn=triggers.queue_arn(queue), ScalingConfig={"MaximumConcurrency": 2},
    FunctionResponseTypes=["ReportBatchItemFailures"])["UUID"]
until(lambda: lambda_.get_event_source_mapping(UUID=mapping)["State"] == "Enabled");

# %% [markdown]
# *Notice* `ReportBatchItemFailures`. Without it, Lambda does not read the answer, and treats every
# message of the batch as done, the failed ones too. `MaximumConcurrency` is important as well: a
# queue of a million messages must not start a thousand functions against your database.

# %%
def send(*requests):
    """Send messages, ten at a time."""
    for start in range(0, len(requests), 10):
        entries = [{"Id": str(number), "MessageBody": one if isinstance(one, str)
                    else json.dumps(one)} for number, one in enumerate(requests[start:start + 10])]
        assert not sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed")


good = [{"id": f"Q-{number}", "customer": one} for number, one in enumerate(customers[:20])]
send(*good, {"id": "Q-poison", "customer": wrong}, *good[:3])       # three of them twice

until(lambda: len(scores("Q-")) == 20)
letters = until(lambda: take(dead))
print([one["id"] for one in letters])
pd.DataFrame(log_lines(QUEUE, "outcome")).groupby("outcome")["id"].agg(["size", "nunique"])

# %% [markdown]
# Twenty messages have one score each, and the three that came twice are duplicates. There are three
# failures, all from the one bad message. (It has no id there, because the log has an id only for a
# good request.) The other messages of its batch succeeded at the first attempt.
#
# A message in the dead-letter queue is not lost: it waits, 14 days here. Somebody must look at it,
# so put an alarm on the length of that queue. The number of *errors* of the function does not show
# it, because the function never failed. When the cause is fixed, `start_message_move_task` sends
# the messages back.

# %% [markdown]
# ## Rehearse a crash
#
# The worst case is not an exception. The worst case is a process that ends in the middle of a
# batch: no memory, a time-out, a broken machine. We build this case. A module in an image on top of
# our image ends the process after the third answer, before Lambda gets a report.

# %%
from pathlib import Path

crash = Path("../build/images/crash")
crash.mkdir(parents=True, exist_ok=True)
(crash / "crash.py").write_text('''
import os
import batch

written, put_once = [], batch.put_once

def put_and_die(key, body, digest=""):
    done = put_once(key, body, digest)
    written.append(key)
    if len(written) == 3 and put_once("scores/crashed", b""):
        os._exit(1)                 # once; S3 remembers
    return done

batch.put_once = put_and_die
on_messages = batch.on_messages
''')
(crash / "crash.py").chmod(0o644)
(crash / "Dockerfile").write_text(f"FROM {local}\nCOPY crash.py ./\n");

# %%
CRASH = engine.own("churn:crash")
# !docker build --quiet --tag {CRASH} ../build/images/crash

# %%
queue_function(deploy.push(CRASH, NAME), "crash.on_messages")

more = [{"id": f"R-{number}", "customer": one} for number, one in enumerate(customers[20:30])]
send(*more)
until(lambda: len(scores("R-")) == 10)
print("it died: ", bool(listed("scores/crashed")))
print("scored:  ", scores("R-"))

# %%
until(lambda: triggers.waiting(queue) == (0, 0))
lines = pd.DataFrame(log_lines(QUEUE, "outcome"))
lines = lines[lines["id"].fillna("").str.startswith("R-")]
lines.groupby("outcome")["id"].agg(list)

# %% [markdown]
# The duplicates are messages that were scored before the crash. Their whole batch came back after
# the visibility time-out, and S3 refused the second answers. There are ten messages and ten
# answers. The last answer before the crash has no line in the log, but it is stored.
#
# Without a key from the request, those customers would be in the results twice. And with a list of
# *seen* ids, written before the work, they would be missing.
#
# `tests/lambda/test_events_deployed.py` does this with all three handlers. There, S3 keeps every
# version of every result, so that a second write would show.

# %%
queue_function(image, "batch.on_messages")

# %% [markdown]
# ## What the clock did
#
# In the meantime the schedule has run, once a minute:

# %%
ticks = until(lambda: scores("clock-"))
print(ticks)
assert take(failures) == []

# %% [markdown]
# ## Which trigger?
#
# | | asked directly (05, 06) | EventBridge | S3 | SQS |
# |---|---|---|---|---|
# | starts with | a request | an event that a pattern picks, or the clock | a new object | messages, in batches |
# | who waits | the caller | nobody | nobody | nobody |
# | invoked | synchronously | asynchronously | asynchronously | by the mapping, synchronously |
# | who tries again | the caller | Lambda, twice | Lambda, twice | the queue, as often as you say |
# | failed for good | an error for the caller | `OnFailure` | `OnFailure` | dead-letter queue |
# | a sudden crowd | throttled: 429 | waits in Lambda's queue, up to 6 hours | the same | waits in your queue, up to 14 days |
# | you see what waits | – | hardly | hardly | yes, and can stop it |
# | take it when | someone needs the answer now | others may want the same event, or it is time | data comes as files | much work, at a pace that you set |
#
# They are often combined: a rule whose target is a queue, or a bucket that notifies a queue. If you
# need EventBridge's patterns *and* the long waiting time of SQS, put one after the other.
#
# ```mermaid
# flowchart LR
#     q1["Does someone wait<br/>for the answer?"] -->|no| q2["Does it come<br/>as a file?"]
#     q2 -->|no| q3["Is there much of it,<br/>or can what is behind<br/>be overrun?"]
#     q3 -->|no| eb(["EventBridge"])
#     q1 -->|yes| http(["invoke, HTTPS"])
#     q2 -->|yes| s3(["S3 notification"])
#     q3 -->|yes| sqs(["SQS"])
# ```
#
# They cost little compared with the function. An event that you put on a bus costs \$1.00 per
# million (EventBridge pricing, 2026). Requests to a queue cost \$0.40 per million after the first
# million of a month (SQS pricing, 2026). S3's notifications are free.

# %% [markdown]
# ## Recap
#
# - **One image, three functions:** `ImageConfig.Command` names the handler. Each function has its
#   own role, time-out and retries.
# - **Raise an exception when no client reads the answer.** A returned error is a success for
#   Lambda.
# - **EventBridge:** a pattern selects events, an input transformer changes their form, and a
#   permission allows the call. A schedule is a rule as well. Check `FailedEntryCount`.
# - **Asynchronous** means: 202, two retries, then `OnFailure`, or lost.
# - **At least once:** all of them may deliver twice. A key from the request, and a write that
#   happens only if the key is free, make it *one* result.
# - **S3:** never write where the trigger looks. Bad rows go into a file of their own.
# - **SQS:** a visibility time-out longer than the function's time-out, `ReportBatchItemFailures`, a
#   dead-letter queue, and an alarm on it.
#
# ## Clean up
#
# We delete the triggers first, so that nothing starts any more, and then the functions and queues.

# %%
for name in NAMES:
    triggers.delete(name)
for name in NAMES:
    deploy.delete(name)

# %% [markdown]
# Is anything left?

# %%
def left():
    """Names of what this lesson made and that is still there, by kind."""
    pages = lambda_.get_paginator("list_functions").paginate()
    there = {
        "functions": [one["FunctionName"] for page in pages for one in page["Functions"]],
        "queues": [url.rpartition("/")[2] for url in sqs.list_queues().get("QueueUrls", [])],
        "rules": [one["Name"] for one in events.list_rules()["Rules"]],
        "buckets": [one["Name"] for one in s3.list_buckets()["Buckets"]],
        "mappings": [one["FunctionArn"] for one in
                     lambda_.list_event_source_mappings()["EventSourceMappings"]]}
    return {kind: [one for one in names if NAME in one]
            for kind, names in there.items()}


until(lambda: not any(left().values()))     # SQS takes its time to forget a queue
left()

# %%
# !docker rmi --force {CRASH}

# %% [markdown]
# ## Next
#
# In lesson 18, events bring the prices of a market day by day, a model on SageMaker makes a
# prediction, and a function decides.
