# ---
# title: Run on events and in batches
# workshop:
#   number: "14"
#   needs: [docker]
#   reading: 45
#   exercises: 25
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Run on events and in batches
#
# So far somebody asked, and waited for the answer. Most scores are not made that way: a contract
# changes, a file arrives at night, a queue fills up. In this lesson the same image runs whenever
# something happens, and you break it in every way that matters, to see that no customer is lost
# and none is scored twice.
#
# *You will*
#
# - run one image as three functions, each with a handler of its own
# - let EventBridge start a function: by a pattern in events, and by the clock
# - see how an event is tried again, and where it goes when it fails for good
# - score each event once, even if it comes twice
# - score a CSV file dropped into S3, and keep the rows that are wrong
# - take messages from a queue in batches, and give back only those that failed
# - choose between the three
#
# *You need* Docker, and the models of lessons 02 and 03 (made now if they are missing)
#
# *Time* 45 minutes reading, 25 minutes exercises · *Cost* free on the local cloud; on AWS less
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
# The three boxes in colour are one image, the churn image of lesson 04. `lambda/churn/` has had a
# second module all along, `batch.py`; which handler answers is part of the function's
# configuration.

# %% [markdown]
# What an earlier run of this lesson may have left goes first.

# %%
from workshop import deploy, engine, triggers

NAME = deploy.name("score")
NAMES = [f"{NAME}{end}" for end in ("", "-events", "-files", "-queue", "-failures", "-clock")]
for name in NAMES:
    triggers.delete(name, again=True)
    deploy.delete(name)

# %% [markdown]
# The image, and a bucket for everything that goes in and comes out.

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
# ## Who hears it when something fails?
#
# A function can be invoked **asynchronously**: the caller gets 202, *accepted*, and goes away.
# Lambda puts the event into a queue of its own and runs the function a moment later. If the
# function fails, Lambda tries again, twice unless told otherwise, after one minute and after two
# (Lambda developer guide, *Error handling for asynchronous invocation*). S3 and EventBridge always
# invoke like this.
#
# And if it still fails? Then the event is gone, unless we name a **destination**. Ours is a queue.

# %%
failures = sqs.create_queue(QueueName=f"{NAME}-failures", tags=deploy.tags())["QueueUrl"]
failures_arn = triggers.queue_arn(failures)
failures_arn

# %% [markdown]
# First, the function as we know it, with the handler that the image itself names. It writes into the
# bucket, and expects it to be owned by our account, as `deploy.s3()` does here. The function's
# role must be allowed to send to the queue, and Lambda looks whether it is. A new right, like a new
# role (lesson 05), is not known everywhere at once; `triggers.when_allowed` makes the call again on
# that error alone.

# %%
EVENTS = f"{NAME}-events"
results = {"RESULTS_BUCKET": bucket, "BUCKET_OWNER": account}

deploy.function(EVENTS, image, memory=1769, timeout=20, environment=results)
deploy.allow(EVENTS, "send_failures", queue=f"{NAME}-failures")
triggers.when_allowed(
    lambda_.put_function_event_invoke_config, FunctionName=EVENTS, MaximumRetryAttempts=1,
    DestinationConfig={"OnFailure": {"Destination": failures_arn}})["MaximumRetryAttempts"]

# %% [markdown]
# One retry instead of two, so that nobody waits long. Now an event with a contract that does not
# exist, invoked asynchronously.

# %%
wrong = customers[0] | {"contract": "weekly"}
said = lambda_.invoke(FunctionName=EVENTS, InvocationType="Event",
                      Payload=json.dumps({"customer": wrong}))
said["StatusCode"]

# %%
import time

from workshop.triggers import until   # asks until the answer is true, and returns it


def told(function, word):
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


line, = until(lambda: told(EVENTS, "model_version"))
print("the log says", line["status"])
print("failures:   ", take(failures))

# %% [markdown]
# *Notice*: the handler refused the customer with 400, properly, and **returned**. For Lambda, a
# function that returns has succeeded, whatever it returns. No retry, no failure, no alarm; the
# answer went to nobody. A fault of our own would have gone the same way, as a 500 that is returned.
#
# That is right for a handler whose caller reads the answer, and wrong for one that nobody listens
# to. There, what Lambda should hear must be **raised**.
#
# | | `lambda_function.lambda_handler` | `batch.on_event` |
# |---|---|---|
# | a caller's mistake | returns 400 and says what is allowed | raises |
# | a fault of ours | returns 500, the story in the log | raises |
# | so Lambda | is content | tries again, then tells the destination |
# | and the answer | goes back | is kept in S3 |

# %% [markdown]
# ## The same image, another handler
#
# `CMD` in the Dockerfile is only a default. `ImageConfig` of the function replaces it. The image
# stays as it is, byte for byte.

# %%
lambda_.update_function_configuration(FunctionName=EVENTS,
                                      ImageConfig={"Command": ["batch.on_event"]})
lambda_.get_waiter("function_updated_v2").wait(FunctionName=EVENTS)
now = lambda_.get_function_configuration(FunctionName=EVENTS)
now["ImageConfigResponse"]

# %% [markdown]
# It will write into the bucket, so its role must allow that: one folder, and nothing else.

# %%
print(deploy.policy("score_events", bucket=bucket))
deploy.allow(EVENTS, "score_events", bucket=bucket)

# %% [markdown]
# A request has an **id** now, which the sender chooses. To look at the handler, we invoke it and
# wait; nobody else will.

# %%
def invoke(event):
    """Invoke the function, and wait."""
    said = lambda_.invoke(FunctionName=EVENTS, Payload=json.dumps(event))
    return said.get("FunctionError"), json.load(said["Payload"])


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
# *Notice* what the record has: the whole event (`requestPayload`), so it can be mended and sent
# again; how often it was tried; and the message of our exception. That message says which field is
# wrong, but not which value it had: it will be read by many, and it stands in the log as well.
#
# An event that fails however often it is tried is called **poison**. Trying it again was useless
# here, but Lambda cannot know.
#
# *Notice also* that `OnFailure` belongs to the function, not to the trigger. There is an
# `OnSuccess` too, which tells of every event that went well. A *dead-letter queue* on the function
# is the older form of the same; it gets the event alone, without the reason.

# %% [markdown]
# ## EventBridge: when something happens
#
# **EventBridge** is a switchboard. Systems put events on a *bus*; a *rule* picks some of them by a
# **pattern** and hands each to its *targets*. The customer system need not know that there is a
# model.
#
# An event has a `source`, a `detail-type` and a `detail`, which is ours to define:

# %%
def changed(change, customer):
    """An event of the customer system: a contract has changed."""
    return {"Source": "workshop.crm", "DetailType": "contract changed",
            "Detail": json.dumps({"change": change, "customer": customer})}


changed("C-1", customers[1])

# %% [markdown]
# A pattern has the shape of the event. Where it has a list, the event's value must be one of
# those. What it does not mention may be anything. We want changes of customers who can leave from
# month to month.

# %%
pattern = {"source": ["workshop.crm"], "detail-type": ["contract changed"],
           "detail": {"customer": {"contract": ["month-to-month"]}}}
rule = events.put_rule(
    Name=f"{NAME}-events", EventPattern=json.dumps(pattern),
    Tags=[{"Key": key, "Value": value} for key, value in deploy.tags().items()])["RuleArn"]
rule

# %% [markdown]
# Two more things. The function must *permit* the rule to run it. And our handler knows nothing of
# `detail`: an **input transformer** picks values by their path and puts them into a text.

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
# some entries were refused. Who does not look at the count loses events.
#
# Without the permission, EventBridge drops the event, and does not try again: a missing permission
# is not expected to fix itself. The rule's metric `FailedInvocations` is the only sign. A
# dead-letter queue on the *target* would keep it (EventBridge user guide, *Event retry policy*).

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
# *Notice* four scores for eight events. The other four never woke the function.

# %% [markdown]
# ### Exercise 1: a narrower pattern (8 minutes)
#
# In place of a value, a list may hold a test, such as `{"numeric": ["<", 100]}` or
# `{"anything-but": "two_year"}`. Complete `narrow`, which picks what `pattern` picks, but only
# customers who have been here for at most 12 months (`tenure`), and do not pay by
# `electronic_check`.
#
# <details><summary>Hint 1</summary>
#
# Begin with a copy of `pattern`. Tenure and payment stand beside the contract, inside `customer`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# At most 12 is `{"numeric": ["<=", 12]}`, and it stands in a list: `"tenure": [{…}]`.
# </details>

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
# A rule can have a **schedule** in place of a pattern: `rate(1 minute)`, or
# `cron(0 3 * * ? *)` for three o'clock each night (UTC). Ours scores one known customer each
# minute: if the number changes, or does not come, somebody should know. The time becomes the id.

# %%
triggers.on_event(
    EVENTS, f"{NAME}-clock", schedule="rate(1 minute)", paths={"time": "$.time"},
    template=f'{{"id": "clock-<time>", "customer": {json.dumps(customers[0])}}}')

# %% [markdown]
# `triggers.on_event` makes the four calls from above. The first minute begins now; we look again
# at the end. (For schedules with a time zone, or for one time only, there is *EventBridge
# Scheduler*.)

# %% [markdown]
# ## Twice
#
# EventBridge, S3, SQS and Lambda's own queue all promise to deliver **at least once**. At least
# means that sometimes it is twice: a network breaks after the work and before the receipt. So the
# customer system sends some of its events again:

# %%
assert events.put_events(Entries=sent[:3])["FailedEntryCount"] == 0
until(lambda: len(told(EVENTS, "duplicate")) >= 3)
pd.DataFrame(told(EVENTS, "outcome"))[["id", "outcome", "reason"]].fillna("")

# %% [markdown]
# *Notice* the two failures: the poison from above, tried twice. And *notice* `duplicate`. How does
# the handler know? Not by a list of what it has seen: it could die between doing the work and
# noting it down. It writes each answer under a key made from the request's id, and tells S3: **only
# if there is nothing under this key**.

# %%
from botocore.exceptions import ClientError

try:
    s3.put_object(Bucket=bucket, Key="scores/C-0.json", Body=b"another", IfNoneMatch="*")
except ClientError as error:
    print(error.response["Error"]["Code"])

# %% [markdown]
# (The local cloud checks that as AWS does.) The result and the proof that it is done are *one*
# write, which happens or does not, and S3 sees to it that of many writers one wins. DynamoDB can
# do the same with a condition, if the result itself goes into the table; a mark in a table for a
# file in S3 would be two writes again, with room to die between them.
#
# What it does not save is the model's work: a duplicate is computed, then refused. For one
# customer that is cheaper than asking first.
#
# And an id that comes again with *other* content is no duplicate. That is a mistake of the sender,
# and it must not be swallowed as one:

# %%
invoke({"id": "first", "customer": customers[5]})

# %% [markdown]
# ### Exercise 2: a key for a file (8 minutes)
#
# S3 tells of a new object with a record like the one below. Complete `output_key`, which returns
# where its scores go: `scored/NAME.ETAG.csv`. The same content under the same name gives the same
# key; another content gives another key, because another content has another *ETag*. (An ETag is the
# content's MD5 only for an object that was uploaded in one part and not encrypted with a KMS key. The
# same content in parts of another size has another ETag, and is scored once more: no harm is done.)
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
print("Right: whoever delivers this event again hits the same key.")

# %% [markdown]
# ## S3: when a file arrives
#
# Once a month a shop sends a CSV with hundreds of customers. Some rows are wrong; some always are.

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
# The function is the second one from the same image. It may read `incoming/`, and write
# elsewhere.

# %%
FILES = f"{NAME}-files"

files_arn = deploy.function(FILES, image, memory=1769, timeout=60, command="batch.on_file",
                            environment=results)
deploy.allow(FILES, "score_files", bucket=bucket)
triggers.failures_to(FILES, failures, retries=1)
print(deploy.policy("score_files", bucket=bucket))

# %% [markdown]
# The trigger is a **notification** of the bucket, with a filter on the name, and again a
# permission. `SourceAccount` is there because a bucket's ARN does not name its account: if you
# delete the bucket, somebody else may take the name.

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
# **The trap.** Leave the filter away, and write the scores into the same bucket: each result is a
# new object, which wakes the function, which writes a result. It runs until somebody looks at the
# bill. (Since 2024, Lambda stops such loops through S3 after about 16 rounds; Lambda developer
# guide, *recursive loop detection*. Do not count on it.) Here, three things stand in its way: the
# filter; the role, which cannot write under `incoming/`; and the handler, which refuses every
# other name. The safest of all is a second bucket.

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

import matplotlib.pyplot as plt

from workshop import plots

scored = pd.read_csv(io.StringIO(read(scored_key)))
threshold = scored.loc[scored["churn"], "churn_probability"].min()

plots.set_style()
figure, axes = plt.subplots(figsize=(8, 3.2))
bins = [number / 20 for number in range(21)]
for churn, colour, label in ((False, plots.BLUE, "stays"), (True, plots.ORANGE, "warned about")):
    axes.hist(scored.loc[scored["churn"] == churn, "churn_probability"], bins=bins, color=colour,
              label=label, edgecolor="white")
axes.set(xlabel="churn probability", ylabel="customers", title=f"{len(scored)} customers scored")
axes.legend(frameon=False)
plots.show(figure, f"Histogram of the churn probabilities of {len(scored)} customers; "
           f"{int(scored['churn'].sum())} of them, above {threshold:.2f}, are warned about.")

# %% [markdown]
# *Notice* that 297 of 300 rows are here. And the other three?

# %%
rejected = pd.read_csv(io.StringIO(read(rejected_key)))
rejected[["line", "problems", "id", "contract", "tenure", "monthlycharges"]]

# %%
assert len(scored) + len(rejected) == len(file)
assert set(scored["id"]) | set(rejected["id"]) == set(file["id"])
print(f"customers in 10 MB: {10_000_000 / (len(text) / len(file)):,.0f}")

# %% [markdown]
# *Notice* that every row went somewhere. One bad row costs neither the file nor itself: the side
# file has the line, the problem and the whole row, ready to be fixed and sent as a new file. The
# log counts them: `rows` is `scored` plus `rejected`.

# %%
until(lambda: told(FILES, "scored"))
told(FILES, "scored")

# %% [markdown]
# Two things in a file can do harm. A quote that is opened and not closed makes most readers of CSV
# take everything behind it for one cell: the rows are gone, without an error. No column of ours can
# hold a line's end, so the handler reads each line by itself; the line with the quote is rejected,
# and the rows behind it are scored.
#
# The other is a **formula**. The shop opens the side file in a spreadsheet, and a cell that begins
# with `=`, `+`, `-` or `@` is run there (OWASP, *CSV Injection*). So the handler puts an apostrophe
# before what may begin a formula; a number, such as -5, stays as it is. An apostrophe at the start
# of a cell, or behind one of `; , | "` and tab, is always the handler's: remove it, and you have
# what was sent.

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
# Inside, `on_file` reads line by line, as the bytes come, and writes to `/tmp`; memory does not
# grow with the file. It refuses more than 10 MB, because a function has its time-out, and 15
# minutes at most (Lambda quotas). Larger files are split, or go to a service for large batches. The
# scores are written last, so where they are, all is; if the function dies before, the whole file is
# done again, and nothing is there twice.
#
# The same file again, and one that is no list of customers:

# %%
s3.put_object(Bucket=bucket, Key="incoming/May 2026.csv", Body=text)
s3.put_object(Bucket=bucket, Key="incoming/lunch.csv", Body="dish,price\nsoup,4\n")

failed, = until(lambda: take(failures))
print(failed["requestPayload"]["Records"][0]["s3"]["object"]["key"])
print(failed["responsePayload"]["errorMessage"])
until(lambda: told(FILES, "duplicate"))
assert len(listed("scored/May")) == 1

# %% [markdown]
# ## SQS: when there is much to do
#
# A **queue** holds messages until somebody takes them and *deletes* them. A message that is taken
# is hidden from others for the **visibility time-out**; if it is not deleted by then, it is there
# again. That is the retry. After three attempts (our number), the queue itself moves it to its
# **dead-letter queue**.
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
# The visibility time-out must be longer than the function's time-out, or a message is given to a
# second function while the first still works. AWS advises six times as long (Lambda developer
# guide, *Using Lambda with Amazon SQS*). We take less, to wait less.

# %%
dead = sqs.create_queue(QueueName=f"{NAME}-queue-dead", tags=deploy.tags(),
                        Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]  # 14 days
queue = sqs.create_queue(QueueName=f"{NAME}-queue", tags=deploy.tags(), Attributes={
    "VisibilityTimeout": "7",
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": triggers.queue_arn(dead),
                                 "maxReceiveCount": "3"})})["QueueUrl"]

# %% [markdown]
# ### Exercise 3: give back what failed (8 minutes)
#
# Lambda takes messages from the queue, up to ten at a time, and passes them to the function as
# `Records`. If the handler raises, *all* of them come back, the good ones too. So it should answer
# which failed, by `messageId`:
#
# `{"batchItemFailures": [{"itemIdentifier": "…"}, …]}`
#
# Complete `on_messages`. `score` takes a request, and raises when it cannot score it.
#
# <details><summary>Hint 1</summary>
#
# Each record has a `messageId`, and a `body` that is text: `json.loads(record["body"])`. That can
# fail as well.
# </details>
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
asked = []


def score(request):
    """Stands in for the model: fails for the request with id 2."""
    asked.append(request["id"])
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
assert asked == [0, 2, 3], f"asked for {asked}: the messages after a bad one want a score, too"
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
# The third function from the image, with the handler that is in the image. It may take from the
# queue and delete from it; Lambda does both in its name, through an **event source mapping**.

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
# It is Lambda that takes the messages, and it does so as the function's role. We forgot the role's
# right to the queue:

# %%
deploy.allow(QUEUE, "read_queue", queue=f"{NAME}-queue")

mapping = triggers.when_allowed(
    lambda_.create_event_source_mapping, FunctionName=QUEUE, BatchSize=10, Tags=deploy.tags(),
    EventSourceArn=triggers.queue_arn(queue), ScalingConfig={"MaximumConcurrency": 2},
    FunctionResponseTypes=["ReportBatchItemFailures"])["UUID"]
until(lambda: lambda_.get_event_source_mapping(UUID=mapping)["State"] == "Enabled");

# %% [markdown]
# *Notice* `ReportBatchItemFailures`. Without it, Lambda does not read the answer, and takes every
# message of the batch for done, the failed ones too. And `MaximumConcurrency`: a queue of a
# million messages shall not start a thousand functions against your database.

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
pd.DataFrame(told(QUEUE, "outcome")).groupby("outcome")["id"].agg(["size", "nunique"])

# %% [markdown]
# *Notice*: twenty scored once each; the three that came twice are duplicates; and three failures,
# all of them the one poison message. (It has no id there: an id is logged only when the request was
# good.) The others of its batch went through at once.
#
# A dead letter is not lost, it waits, 14 days here. Somebody must look: put an alarm on the
# length of that queue. The number of *errors* of the function will not tell, since it never
# failed. When the cause is mended, `start_message_move_task` sends the letters back.

# %% [markdown]
# ## Rehearse a crash
#
# The worst case is no exception. It is a process that dies in the middle of a batch: out of
# memory, timed out, a machine that burns. We build it: a module on top of our image that ends the
# process right after the third answer was written, before anyone was told.

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
lines = pd.DataFrame(told(QUEUE, "outcome"))
lines = lines[lines["id"].fillna("").str.startswith("R-")]
lines.groupby("outcome")["id"].agg(list)

# %% [markdown]
# *Notice* the duplicates: messages that were scored before the crash. Their batch came back as a
# whole, when the visibility time-out was over, and S3 refused the second answers. Ten messages,
# ten answers. The one written last before the crash left no line in the log, and has its answer
# all the same.
#
# Without a key made from the request, those customers would be in the results twice. And with
# a list of *seen* ids, written before the work, they would be missing.
#
# `tests/lambda/test_events_deployed.py` does this to all three handlers, with S3 keeping every version of
# every result, so that a second write would show.

# %%
queue_function(image, "batch.on_messages")

# %% [markdown]
# ## What the clock did
#
# Meanwhile the schedule has gone on, once a minute:

# %%
ticks = until(lambda: scores("clock-"))
print(ticks)
assert take(failures) == []

# %% [markdown]
# ## Which one?
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
# They are often joined: a rule whose target is a queue, or a bucket that notifies a queue. Whoever
# wants EventBridge's patterns *and* SQS's patience puts one behind the other.
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
# What they cost is small beside the function: \$1.00 per million events that you put on a bus
# (EventBridge pricing, 2026), \$0.40 per million requests to a queue after the first million of a
# month (SQS pricing, 2026), nothing for S3's notifications.

# %% [markdown]
# ## Recap
#
# - **One image, three functions:** `ImageConfig.Command` names the handler. Each function has its
#   own role, time-out and retries.
# - **Raise when nobody reads the answer.** A returned error is a success for Lambda.
# - **EventBridge:** a pattern picks, an input transformer reshapes, a permission lets it in; a
#   schedule is a rule as well. Look at `FailedEntryCount`.
# - **Asynchronous** means: 202, two retries, then `OnFailure`, or gone.
# - **At least once** is what all of them promise. A key made from the request and a write that
#   happens only if the key is free make it *one* result.
# - **S3:** never write where the trigger looks; bad rows go to a side file, whole.
# - **SQS:** visibility longer than the time-out, `ReportBatchItemFailures`, a dead-letter queue,
#   and an alarm on it.
#
# ## Clean up
#
# The triggers first, so that nothing starts any more; then what they started.

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
# Lesson 15 puts events to work: prices of a market come in day by day, a model on SageMaker judges
# them, and a function decides.
