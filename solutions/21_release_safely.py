# ---
# title: Release safely
# workshop:
#   number: "21"
#   needs: [docker]
#   reading: 45
#   exercises: 25
#   execution: 2
#   cost: "under $0.05"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Release safely
#
# One day somebody will ship a bad model. It may fail, or, worse, answer fast and wrongly. In this
# lesson you ship both on purpose, to one request in ten, and nobody watches: an alarm removes the
# bad version. You measure how many requests it got.
#
# **You will**
#
# - make metrics from the function's own log line, for each version
# - see why Lambda's `Errors` is zero while the new version refuses every request
# - send a share of the requests to a new version, and roll it back automatically
# - compute how many requests a bad version may get, and measure how many it got
# - check a version's predictions before any client depends on them
# - write a dashboard as code, query logs, and see the inputs drift
# - choose which alarms may wake a person
#
# **You need** Docker, and the models of lessons 02 and 03 (made now if they are missing)
#
# **Time** 45 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.05

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
#     callers(["requests"]) --> alias{{"alias live"}}
#     alias -->|"90 %"| v1["version 1<br/>proven"]
#     alias -->|"10 %"| v2["version 2<br/>canary"]
#     v1 -->|"log line"| metrics[("metrics<br/>by version")]
#     v2 -->|"log line"| metrics
#     metrics --> alarms["alarms"]
#     alarms -->|"state change"| bus{{"EventBridge<br/>rule"}}
#     bus --> rollback["rollback<br/>function"]
#     rollback -->|"weight 0"| alias
#     style v2 fill:#fff3d6,stroke:#e69f00,stroke-width:3px
#     style rollback fill:#dff3ec,stroke:#009e73,stroke-width:3px
# ```
#
# An **alias** names one version and may send a share of its requests to one other version. The
# other version is called **canary**, after the birds that warned miners of bad air.

# %% [markdown]
# First we remove what an earlier run of this lesson may have left.

# %%
import time

import boto3

from workshop import deploy, triggers

NAME, ROLLBACK = deploy.name("release"), deploy.name("release-rollback")
lambda_, logs = boto3.client("lambda"), boto3.client("logs")
cloudwatch = boto3.client("cloudwatch")


def there():
    """Names of the alarms and dashboards of this lesson that exist."""
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=NAME)["MetricAlarms"]
    boards = cloudwatch.list_dashboards(DashboardNamePrefix=NAME)["DashboardEntries"]
    return [one["AlarmName"] for one in alarms], [one["DashboardName"] for one in boards]


def remove():
    """Delete everything that this lesson makes."""
    alarms, boards = there()
    if alarms:
        cloudwatch.delete_alarms(AlarmNames=alarms)
    if boards:
        cloudwatch.delete_dashboards(DashboardNames=boards)
    triggers.delete(ROLLBACK)
    deploy.delete(ROLLBACK)
    deploy.delete(NAME)


remove()
STARTED = time.time()

# %% [markdown]
# ## Version 1
#
# Version 1 is the churn model of lesson 03. Before we put it into an image, its signature gets one
# more entry: how its training data were **spread**. For each category it has the share of the
# customers. For each number it has ten bins with a tenth of the customers each (fewer where many
# have the same value). At the end of the lesson we compare the requests with it.
#
# Lesson 02 kept a part of `churn.csv` for testing; the other rows are the training data.

# %%
import json

import numpy as np
import pandas as pd

data = pd.read_csv("../data/churn.csv").fillna({"totalcharges": 0})
test = pd.read_csv("../build/models/churn_test.csv")
fields = [name for name in data if name != "churn"]
customers = json.loads(test[fields].to_json(orient="records"))


def bins(values, edges=None):
    """The bin of each value, as text: a category is its own, a number's is its place in edges."""
    if edges is None:
        return values.astype(str)
    return pd.Series(np.searchsorted(edges, values, side="right")).astype(str)


spread = {}
for name in fields:
    numeric = pd.api.types.is_numeric_dtype(data[name])
    edges = sorted(set(data[name].quantile(np.arange(0.1, 1, 0.1)).tolist())) if numeric else None
    if name == "seniorcitizen":
        edges = [1]                                             # 0 or 1
    trained = bins(data[name], edges).value_counts().sub(
        bins(test[name], edges).value_counts(), fill_value=0)
    spread[name] = {"shares": (trained / trained.sum()).round(5).to_dict(),
                    **({"edges": edges} if numeric else {})}

print(spread["contract"])
print(spread["tenure"])

# %% [markdown]
# A release is an image that is pushed, and a version of the function that uses it. `package` writes
# the model with its new signature, and `release` does the rest. The alias does not change.

# %%
import onnx
from onnx import helper, numpy_helper


def package(number, change=None):
    """Write model file NUMBER, changed by `change`, with version and spread in its signature."""
    model = onnx.load("../build/models/churn.onnx")
    entry = next(one for one in model.metadata_props if one.key == "signature")
    entry.value = json.dumps(json.loads(entry.value)
                             | {"version": str(number), "spread": spread})
    if change:
        change(model)
    path = f"../build/models/churn_release_{number}.onnx"
    onnx.save(model, path)
    return path


IMAGES = {}


def release(number, change=None):
    """Make version NUMBER of the function, and return what Lambda calls it."""
    IMAGES[number] = deploy.build("churn", package(number, change), f"release-{number}")
    image = deploy.push(IMAGES[number], NAME)
    deploy.function(NAME, image, memory=1769, timeout=10)
    version = lambda_.publish_version(FunctionName=NAME)["Version"]
    lambda_.get_waiter("published_version_active").wait(FunctionName=NAME, Qualifier=version)
    return version


first = release(1)
lambda_.create_alias(FunctionName=NAME, Name="live", FunctionVersion=first)["Name"], first

# %% [markdown]
# ## One line, five metrics
#
# Lesson 05 wrote one line of JSON for each request. There is more in that line:

# %%
from workshop.triggers import until   # asks until the answer is true, and returns it


def ask(customer, qualifier="live"):
    """Invoke the function through the alias, or one version; return what a caller sees."""
    response = lambda_.invoke(FunctionName=NAME, Qualifier=qualifier,
                          Payload=json.dumps({"customer": customer}))
    answer = json.load(response["Payload"])
    return {"time": time.time(), "version": response["ExecutedVersion"],
            "status": answer.get("statusCode", 200), "error": response.get("FunctionError"),
            "probability": answer.get("churn_probability")}


def log_lines(pattern, since=0, name=NAME):
    """Lines of JSON in a function's log that match a pattern, since a time."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{name}", filterPattern=pattern, startTime=int(since * 1000))
    return [json.loads(one["message"]) for page in pages for one in page["events"]]


print(ask(customers[0]))
line, = until(lambda: log_lines("{ $.status = 200 }"))
print(json.dumps(line, indent=1))

# %% [markdown]
# *Notice* `_aws`. This is CloudWatch's **embedded metric format** (EMF). It lists which of the
# other entries are metrics, with their unit and their **dimensions**, the names that distinguish
# one metric from another. CloudWatch reads it when the line arrives. The function calls nothing and
# waits for nothing. It prints one line, as before; `lambda/churn/metrics.py` is all of it.
#
# Not every entry should be a metric or a dimension. `request_id` is different every time: as a
# dimension, it would make one metric of each request. Each metric has its price (\$0.30 a month, by
# the hour; CloudWatch pricing, 2026). Function and version have few values. The customer is not in
# the line at all.
#
# `StorageResolution` 1 keeps the values by the second. Without it, they are kept by the minute, and
# an alarm cannot be faster than that.

# %%
def metric(name, version):
    """Sum of a version's metric since this lesson began; None where there is no such metric."""
    found = cloudwatch.get_metric_statistics(
        Namespace="Workshop/Churn", MetricName=name, Statistics=["Sum"], Period=3600,
        StartTime=STARTED, EndTime=time.time() + 60, Dimensions=dimensions(version))
    values = [one["Sum"] for one in found["Datapoints"]]
    return sum(values) if values else None


def dimensions(version):
    """What tells a version's metrics from others."""
    return [{"Name": "FunctionName", "Value": NAME}, {"Name": "FunctionVersion", "Value": version}]


until(lambda: metric("Requests", first))
{name: metric(name, first) for name in ("Requests", "Faults", "Rejected", "Probability")}

# %% [markdown]
# ## The rollback first
#
# We build the rollback first, then the release. Who removes the bad version? Not a person: people
# sleep, or are at lunch. CloudWatch sends every change of an alarm's state to **EventBridge**. A
# rule selects the changes to `ALARM`, and a small function removes the canary from the alias.
#
# ### Exercise 1: when to roll back (8 minutes)
#
# The function gets CloudWatch's event, and the alias as `get_alias` returns it. Events may come
# twice, late, or be about another alarm. Complete `guilty`: return the version that must go, or
# None.
#
# - Only a change to `ALARM` counts.
# - The canary is the one key of `AdditionalVersionWeights`; without a canary, `RoutingConfig` may
#   be missing, too.
# - The alarm's metric names its version in the dimensions, a dict: `{…, "FunctionVersion": "2"}`.
#   If the canary is another version by now, the alarm is about an earlier release: do nothing.
#
# <details><summary>Hint 1</summary>
#
# `event["detail"]["state"]["value"]`, and
# `event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"]`
# </details>
#
# <details><summary>Hint 2</summary>
#
# `weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})`, then
# `return version if version in weights else None`.
# </details>

# %% Exercise 1
def guilty(event, alias):
    """The version that an alarm takes out of an alias, or None."""
    # BEGIN SOLUTION
    detail = event["detail"]
    metric_ = detail["configuration"]["metrics"][0]["metricStat"]["metric"]
    version = metric_["dimensions"]["FunctionVersion"]
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return version if detail["state"]["value"] == "ALARM" and version in weights else None
    # END SOLUTION


# %% Check 1 tags=["check"]
def change_to(state, version):
    """CloudWatch's event for an alarm on a version, without what does not matter here."""
    return {"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": {
        "alarmName": "faults", "state": {"value": state}, "previousState": {"value": "ALARM"},
        "configuration": {"metrics": [{"metricStat": {"period": 10, "metric": {
            "name": "Faults", "dimensions": {"FunctionVersion": version}}}}]}}}


canary = {"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}}
try:
    assert guilty(change_to("ALARM", "2"), canary) == "2", (
        f"an alarm on the canary, version 2, must name it: you return "
        f"{guilty(change_to('ALARM', '2'), canary)!r}; is it still open?")
    assert guilty(change_to("OK", "2"), canary) is None, (
        "the alarm went back to OK, and you roll back: look at state, not at previousState")
    assert guilty(change_to("ALARM", "1"), canary) is None, (
        "a late alarm of version 1, while version 2 is the canary: an innocent one goes")
    for alone in ({"FunctionVersion": "1"}, {"FunctionVersion": "1", "RoutingConfig": {}}):
        assert guilty(change_to("ALARM", "2"), alone) is None, (
            "there is no canary any more: the same event came twice. Return None")
except (KeyError, StopIteration, IndexError) as error:
    raise AssertionError(f"{type(error).__name__}: without a canary, the alias has no weights, "
                         "and may have no RoutingConfig; use .get(…, {})") from None
print("Right: the guilty one goes, once, and no other.")

# %% [markdown]
# `lambda/rollback/` does this, and logs its decision. It reads the alias, and sends its
# `RevisionId` back when it writes. If somebody has changed the alias in between, Lambda refuses,
# and the function reads the alias again. This is its main part:

# %%
import re
from pathlib import Path

source = Path("../lambda/rollback/lambda_function.py").read_text()
print(re.search(r"def roll_back.*", source, re.DOTALL).group())

# %% [markdown]
# It may read and change the aliases of one function, and nothing more.

# %%
print(deploy.policy("rollback", function=NAME))
deploy.zip_function(ROLLBACK, memory=512, timeout=20, folder="rollback",
                    environment={"FUNCTION": NAME, "ALIAS": "live"})
deploy.allow(ROLLBACK, "rollback", function=NAME)

PATTERN = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
           "detail": {"alarmName": [{"prefix": NAME + "-"}], "state": {"value": ["ALARM"]}}}
triggers.on_event(ROLLBACK, ROLLBACK, pattern=PATTERN)

# %% [markdown]
# ## Alarms
#
# There are two alarms for each version, made before it gets its share of the requests:
#
# - **faults**: three or more within 10 seconds. A single fault is normal.
# - **predictions**: the mean probability in 10 seconds is too high for chance, two times in a row.
#   From the test set we know the mean probability of our customers. The mean of *n* customers
#   differs from it by about σ/√*n*. Our limit is four times that for *n* = 20.
#
# Periods of 10, 20 and 30 seconds are for metrics that are kept by the second. The window slides:
# each check takes the last 10 seconds, not the time since the last full minute.

# %%
import pickle

pipeline = pickle.loads(Path("../build/models/churn.pkl").read_bytes())["pipeline"]
expected = pipeline.predict_proba(test[fields])[:, 1]
LIMIT = expected.mean() + 4 * expected.std() / np.sqrt(20)
print(f"mean {expected.mean():.3f}, standard deviation {expected.std():.3f}, limit {LIMIT:.3f}")

for count in (1, 2, 5, 10, 20):         # how often does a good model cross the limit by chance?
    means = np.random.default_rng(0).choice(expected, (20_000, count)).mean(axis=1)
    print(f"{count:2} predictions in 10 seconds: above the limit in {np.mean(means > LIMIT):6.2%}")

# %% [markdown]
# The limit is right for 20 or more predictions in a window. A canary with one request in 10 seconds
# crosses it in nearly every fourth window, and two such windows in a row roll a good release back.
# The requests below come fast enough. If yours do not, take a longer period, or require a least
# count. On AWS, an alarm can watch an expression (*metric math*). With `n` for the `SampleCount` of
# `Probability`, and `mean` for its `Average`, the expression is `IF(n >= 20, mean, 0)`. (The
# rollback below reads an alarm on one metric; an expression has its metrics in a list.) The local
# cloud computes no expressions ([the table](../workshop/LOCAL_CLOUD.md)).

# %%
def watch(version):
    """Make the alarms of a version."""
    common = {"Namespace": "Workshop/Churn", "Dimensions": dimensions(version), "Period": 10,
              "ComparisonOperator": "GreaterThanOrEqualToThreshold",
              "TreatMissingData": "notBreaching",
              "Tags": [{"Key": key, "Value": value} for key, value in deploy.tags().items()]}
    cloudwatch.put_metric_alarm(
        AlarmName=f"{NAME}-{version}-faults", MetricName="Faults", Statistic="Sum",
        Threshold=3, EvaluationPeriods=1, **common)
    cloudwatch.put_metric_alarm(
        AlarmName=f"{NAME}-{version}-predictions", MetricName="Probability", Statistic="Average",
        Threshold=LIMIT, EvaluationPeriods=2, **common)


# %% [markdown]
# `TreatMissingData` matters: a version without requests has no data, and this must not set off an
# alarm.
#
# Does the chain work? Test it before you need it, like a fire drill: we set off an alarm by hand.
# There is no canary yet, so nothing must happen, and the function must report that.

# %%
watch(first)
cloudwatch.set_alarm_state(AlarmName=f"{NAME}-{first}-faults", StateValue="ALARM",
                           StateReason="fire drill")
drill, = until(lambda: log_lines("outcome", name=ROLLBACK))
drill

# %% [markdown]
# ## A model that fails
#
# Version 2 comes from a new training script. Its framework returns one column, the probability of
# churn, and ours returned two. Inputs, signature, types: everything fits, so the function starts.
# Only `probabilities[0, 1]` does not exist.

# %%
def choose_columns(*columns):
    """A change that gives the model other columns of its probabilities."""
    def change(model):
        last = next(node for node in model.graph.node if "probabilities" in node.output)
        last.output[list(last.output).index("probabilities")] = "inner"
        model.graph.initializer.append(
            numpy_helper.from_array(np.array(columns, dtype=np.int64), "columns"))
        model.graph.node.append(
            helper.make_node("Gather", ["inner", "columns"], ["probabilities"], axis=1))
        out = next(one for one in model.graph.output if one.name == "probabilities")
        out.type.tensor_type.shape.dim[1].dim_value = len(columns)
    return change


second = release(2, choose_columns(1))
watch(second)
second

# %% [markdown]
# Now requests go through the alias, and after the first fifty, version 2 gets a tenth of them.
# `traffic` plays the clients, one after the other. It sends at least `least` requests. It stops
# when at least half of all requests, and at least a hundred, were sent after the canary was
# removed. Lambda returns the version that ran in `ExecutedVersion`; we write it down.
#
# `start_canary` checks the alarms first: EventBridge gets *changes*, and an alarm that is on when
# the canary begins would not change. (An HTTP API sends its requests through the alias, too, if its
# integration names the alias's ARN, `…:function:NAME:live`.)

# %%
from IPython.display import ProgressBar

WEIGHT = 0.1
SETTLE = 0 if cloud.is_local() else 10      # seconds until all of Lambda knows of a changed alias
random = np.random.default_rng(18)


def weights():
    """{version: share} of the alias's extra version; {} without one."""
    return lambda_.get_alias(FunctionName=NAME, Name="live").get("RoutingConfig", {}).get(
        "AdditionalVersionWeights", {})


def traffic(least, more=100, patience=300):
    """Send requests through the alias; return one row for each, and when the canary was gone."""
    rows, gone, after, began, bar = [], None, 0, time.time(), ProgressBar(least)
    bar.display()
    while (len(rows) < least or after < max(more, len(rows) / 2)
           and time.time() < began + patience):
        rows.append(ask(customers[random.integers(len(customers))]))
        if gone is None and len(rows) % 5 == 0 and not weights():
            gone = time.time() + SETTLE
        after += gone is not None and rows[-1]["time"] > gone
        if len(rows) % 20 == 0:
            bar.progress = min(len(rows), least)
    return pd.DataFrame(rows), gone


def start_canary(version):
    """Give a version its share, once none of its alarms is on."""
    until(lambda: not cloudwatch.describe_alarms(
        AlarmNamePrefix=f"{NAME}-{version}-", StateValue="ALARM")["MetricAlarms"])
    lambda_.update_alias(FunctionName=NAME, Name="live",
                         RoutingConfig={"AdditionalVersionWeights": {version: WEIGHT}})


before = pd.DataFrame([ask(customers[number]) for number in range(50)])
began = time.time()
start_canary(second)
during, gone = traffic(least=400)
faulty = {"rows": pd.concat([before, during]), "began": began, "gone": gone, "bad": second}
during.groupby(["version", "status"]).size()

# %% [markdown]
# Every request to version 2 failed, and there were few of them. When did it end?

# %%
until(lambda: any(one["outcome"] == "rolled back" for one in log_lines("outcome", began, ROLLBACK)))
for one in log_lines("outcome", began, ROLLBACK):
    print(one["alarm"], "→", one["outcome"], one["version"])
assert gone, "the canary is still there"
print(f"out of the alias {gone - began:.0f} s after its first chance")

# %% [markdown]
# ## How many did it get?
#
# It should get no more than its share, 10 %. But the alias chooses at random for each request, so
# out of 400 it is not exactly 40. What is the largest number that chance explains?
#
# Without any rollback, the number that version 2 gets of *N* requests is **binomial**: *N* random
# choices, each with probability *w*. With a rollback it can only be less, *whenever* that comes. So
# the binomial bound holds for any number *N* that was fixed before. (The share *until* the rollback
# has no such bound. That window ends because the bad version got requests. So it is short, and its
# share may be 20 % by chance. Choose the window before you look.)

# %%
from scipy.stats import binom

N = 400
bound = int(binom.ppf(1 - 1e-6, N, WEIGHT))


def affected(run):
    """Of the first N requests since a canary began, of those after it was gone, and of all."""
    rows = run["rows"][run["rows"]["time"] >= run["began"]]
    bad, after = rows["version"] == run["bad"], rows["time"] > run["gone"]
    return {"requests": N, "bad": int(bad.head(N).sum()), "share": float(bad.head(N).mean()),
            "until the rollback": int((~after).sum()), "after it": int(after.sum()),
            "bad after it": int(bad[after].sum()), "share of all": round(float(bad.mean()), 4)}


measured = affected(faulty)
print(f"most that chance explains, but once in a million: {bound} of {N}, {bound / N:.1%}")
print(measured)
assert measured["bad"] <= bound, "more than chance explains"
assert measured["share of all"] <= WEIGHT, "more than the canary's share"
assert measured["after it"] >= 100 and measured["bad after it"] == 0, "it still gets requests"

# %% [markdown]
# *Notice* two effects. The canary's weight limits the damage *per second*: it gets a tenth of the
# requests. The rollback limits the number of seconds. Together, they make the bad version's share
# of all requests smaller the longer you look. It is below 10 % once some requests have come after
# the rollback.
#
# On AWS, metrics take longer to arrive and the alarm is evaluated every 10 seconds. So the rollback
# comes later, after about a minute. The bound is the same.

# %% [markdown]
# ## Why not alarm on Lambda's errors?

# %%
def lambda_errors():
    """Runs that Lambda itself calls failed, since this lesson began."""
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda", MetricName="Errors", Statistics=["Sum"], Period=3600,
        StartTime=STARTED, EndTime=time.time() + 60,
        Dimensions=[{"Name": "FunctionName", "Value": NAME}])
    return sum(one["Sum"] for one in found["Datapoints"])


print("errors that Lambda counts:   ", lambda_errors())
print("faults that the handler says:", metric("Faults", second))
print("callers saw FunctionError:   ", during["error"].notna().sum())

# %% [markdown]
# *Notice:* Lambda counted no error at all. Our handler catches its own faults, so that clients get
# a clean 500 and not a stack trace, and **returns**. A function that returns has succeeded (lesson
# 17). Many people would put an alarm on `AWS/Lambda` `Errors` first, and that alarm would have seen
# nothing.
#
# | what goes wrong | Lambda's `Errors` | HTTP API's `5xx` | our `Faults` |
# |---|---|---|---|
# | a fault that the handler catches (this one) | no | yes | yes |
# | an exception that gets out, a crash, a time-out, no memory | yes | yes | no: nobody was left to say it |
# | INIT fails: model missing, signature does not fit | yes | yes | no |
# | throttled (`Throttles`) | no | yes | no |
# | wrong answers | no | no | no |
#
# So you need two: `Faults` by version, and `Errors`. For the second, Lambda also has a metric by
# version, for requests through an alias with weights: dimensions `FunctionName`, `Resource` =
# `name:live`, `ExecutedVersion`. `5xx` counts everything, but does not name the version.

# %% [markdown]
# ## A model that is wrong
#
# Version 3 has no fault. It answers fast, in the right form, with numbers from 0 to 1. But somebody
# has swapped the labels, so it returns the probability that a customer *stays*.

# %%
third = release(3, choose_columns(1, 0))
watch(third)

# %% [markdown]
# It gets a tenth of the requests, and nothing fails. Will the second alarm notice?

# %%
began = time.time()
start_canary(third)
during, gone = traffic(least=N)
wrong = {"rows": during, "began": began, "gone": gone, "bad": third}
assert gone, "the canary is still there"

# %%
during.groupby(["version", "status"])["probability"].agg(["size", "mean"])

# %%
measured = affected(wrong)
print(measured)
assert measured["bad"] <= bound, "more than chance explains"
assert measured["share of all"] <= WEIGHT, "more than the canary's share"
assert measured["after it"] >= 100 and measured["bad after it"] == 0, "it still gets requests"

state = cloudwatch.describe_alarms(AlarmNamePrefix=f"{NAME}-{third}-")["MetricAlarms"]
{one["AlarmName"]: (one["StateValue"], one["StateReason"]) for one in state}

# %% [markdown]
# The faults alarm is quiet, and the other alarm goes off after two windows. A mean needs some
# requests before it differs clearly from chance, so this rollback came later than the first. Here
# are both as plots:

# %%
from workshop.plots import releases, show

show(*releases.rollbacks({"a model that fails": faulty, "a model that is wrong": wrong}, first))

# %% [markdown]
# ## Test a version before any client uses it
#
# ### Exercise 2: golden requests (7 minutes)
#
# Dozens of clients got a wrong answer. Could we have known before? A version has its own address
# (`Qualifier`), long before the alias sends it any request. So we send it customers whose correct
# answer we know: the answer of the model after training. These are called **golden** requests.
#
# Complete `check_golden`: return the positions of the wrong answers. A correct answer has status
# 200, and its probability differs from the expected one by at most `tolerance`. A version that
# fails has `probability` None, and its status may still be 200. `answers` are dicts with `status`
# and `probability`, as `ask` returns them.
#
# <details><summary>Hint</summary>
#
# Go through `enumerate(zip(answers, expected))`. Check for None first: you cannot subtract it.
# </details>

# %% Exercise 2
def check_golden(answers, expected, tolerance=1e-4):
    """Positions of the answers that are not the expected ones."""
    # BEGIN SOLUTION
    return [number for number, (answer, right) in enumerate(zip(answers, expected))
            if answer["status"] != 200 or answer["probability"] is None
            or abs(answer["probability"] - right) > tolerance]
    # END SOLUTION


# %% Check 2 tags=["check"]
def answers(*probabilities):
    return [{"status": 200 if one is not None else 500, "probability": one}
            for one in probabilities]


try:
    assert check_golden(answers(0.2, 0.7), [0.2, 0.7]) in ([], ()), (
        f"two right answers: return []; you return {check_golden(answers(0.2, 0.7), [0.2, 0.7])!r}. "
        "Is it still open?")
    assert check_golden(answers(0.2, 0.3), [0.2, 0.7]) == [1], (
        "the second of two is wrong: return [1], its position")
    assert check_golden(answers(0.8, 0.2), [0.2, 0.8]) == [0, 1], (
        "the classes are swapped: the mean is right, and both answers are wrong. Compare one by one")
    assert check_golden(answers(0.9), [0.2]) == [0] and check_golden(answers(0.1), [0.7]) == [0], (
        "too high and too low are both wrong: use abs()")
    assert check_golden(answers(0.70001), [0.7]) == [], "0.70001 for 0.7 is within the tolerance"
    assert check_golden(answers(0.31), [0.35]) == [0], (
        "0.31 for 0.35 is wrong: both would be warned about, but the model is another one")
    assert check_golden(answers(None, 0.7), [0.2, 0.7]) == [0], "a failed answer is a wrong answer"
    crashed = [{"status": 200, "probability": None}]        # the handler raised an exception
    assert check_golden(crashed, [0.2]) == [0], "an answer without a probability is a wrong answer"
except TypeError as error:
    raise AssertionError(f"{error}: a failed answer has probability None, whatever its status. Look "
                         "for None before you subtract") from None
print("Right: the answers must be those of the training.")

# %% [markdown]
# We take twenty customers, with low and high probabilities, for the proven version and for both bad
# ones. How far is the worst answer from the expected one?

# %%
golden = np.argsort(expected)[::len(expected) // 20][:20]
golden_expected = expected[golden]


def largest_gap(version):
    """How far a version's golden answers are from the expected ones; nan where one failed."""
    answers = [ask(customers[number], version)["probability"] for number in golden]
    return float(np.abs(np.array(answers, dtype=float) - golden_expected).max())


gaps = {version: largest_gap(version) for version in (first, second, third)}
assert gaps[first] < 1e-4 and not gaps[second] < 1e-4 and not gaps[third] < 1e-4
gaps

# %% [markdown]
# This finds both bad models, before any client uses them, and it costs twenty requests. If you can
# do only one thing before a release, do this.
#
# It does not find a model that was wrong when it was trained: then the golden answers are wrong,
# too. And golden requests stay the same, while the world changes. So you need both, golden requests
# and alarms.

# %% [markdown]
# ## A good one
#
# Most releases are good, and must succeed without anyone's help. Version 4 is the same model with a
# new number. It gets golden requests, then a canary, then all requests.

# %%
fourth = release(4)
watch(fourth)
assert largest_gap(fourth) < 1e-4

start_canary(fourth)
began = time.time()
while time.time() - began < 5 or not metric("Requests", fourth):
    ask(customers[random.integers(len(customers))])
calm = [one["StateValue"] for one in
        cloudwatch.describe_alarms(AlarmNamePrefix=f"{NAME}-{fourth}-")["MetricAlarms"]]
assert weights() and "ALARM" not in calm
lambda_.update_alias(FunctionName=NAME, Name="live", FunctionVersion=fourth,
                     RoutingConfig={"AdditionalVersionWeights": {}})["FunctionVersion"]

# %% [markdown]
# We are fast here. In production, a canary stays long enough for its alarms to have data. With 10
# requests a minute and a tenth of them, 20 predictions take 20 minutes. A canary with too few
# requests proves nothing.
#
# ### AWS's own way
#
# **CodeDeploy** does the same for Lambda, and SAM writes it for you, with a few lines beside
# `AutoPublishAlias` in a template:
#
# ```yaml
# AutoPublishAlias: live
# DeploymentPreference:
#   Type: Canary10Percent10Minutes      # a tenth, and after ten minutes all
#   Alarms: [!Ref Faults, !Ref Predictions]
#   Hooks:
#     PreTraffic: !Ref GoldenRequests   # a function: asks the new version, says Succeeded or Failed
# ```
#
# It moves the weight, watches the alarms, and moves the weight back when an alarm goes off (AWS SAM
# developer guide, *Deploying serverless applications gradually*). Its canaries and steps last
# minutes. It does not look at predictions: for that you still need your hook and your alarm. We
# built the same from its parts, to see how it works.

# %% [markdown]
# ## A dashboard, as code
#
# A person who is woken up needs one page. A dashboard is a JSON document; keep it in the repository
# beside the function, not in a browser. The last widget says what to do, because its reader may
# have been asleep a minute ago.

# %%
region = boto3.session.Session().region_name
versions = (first, second, third, fourth)


def graph(title, name, statistic, x, y):
    """A widget: one metric, a line for each version."""
    return {"type": "metric", "x": x, "y": y, "width": 12, "height": 6, "properties": {
        "title": title, "region": region, "period": 10, "stat": statistic, "view": "timeSeries",
        "metrics": [["Workshop/Churn", name, "FunctionName", NAME, "FunctionVersion", version,
                     {"label": f"version {version}"}] for version in versions]}}


board = {"widgets": [
    graph("Requests", "Requests", "Sum", 0, 0), graph("Faults", "Faults", "Sum", 12, 0),
    graph("Mean probability", "Probability", "Average", 0, 6),
    graph("Latency, 99 of 100 are quicker", "Latency", "p99", 12, 6),
    {"type": "alarm", "x": 0, "y": 12, "width": 24, "height": 3, "properties": {
        "title": "Alarms", "alarms": [one["AlarmArn"] for one in cloudwatch.describe_alarms(
            AlarmNamePrefix=f"{NAME}-{fourth}-")["MetricAlarms"]]}},
    {"type": "text", "x": 0, "y": 15, "width": 24, "height": 3, "properties": {"markdown":
        "**An alarm is red?** The canary is out of the alias already. Look for `status` 500 in the "
        f"log of `{NAME}`, and for `outcome` in the log of `{ROLLBACK}`."}}]}
cloudwatch.put_dashboard(
    DashboardName=NAME, DashboardBody=json.dumps(board),
    Tags=[{"Key": key, "Value": value} for key, value in deploy.tags().items()])[
    "DashboardValidationMessages"]

# %% [markdown]
# A widget whose metric does not exist stays empty, and nobody sees this until the widget is needed.
# So we read the dashboard back, and look for each metric in it.

# %%
back = json.loads(cloudwatch.get_dashboard(DashboardName=NAME)["DashboardBody"])
known = {(one["MetricName"], *sorted((pair["Name"], pair["Value"]) for pair in one["Dimensions"]))
         for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace="Workshop/Churn")
         for one in page["Metrics"]}
drawn = [(name, *sorted([(key, value), (other, version)]))
         for widget in back["widgets"] for _, name, key, value, other, version, _ in
         widget["properties"].get("metrics", [])]
print("no such metric:", [one for one in drawn if one not in known])

# %% [markdown]
# One metric is missing, and that is correct: version 2 has never answered, so it has no
# `Probability`.
#
# ## Ask the log
#
# Metrics show *that* something is wrong, the log shows *what*. A JSON pattern finds lines by their
# fields:

# %%
faults = log_lines("{ $.status = 500 }")
print(len(faults), "faults, one of them:")
{key: faults[0][key] for key in ("request_id", "FunctionVersion", "error", "stack")}

# %% [markdown]
# For more than one group of lines, there is **Logs Insights**: a query runs over all streams, and
# you poll for its result. It finds the fields of JSON lines by itself, and computes:
#
# ```
# filter ispresent(FunctionVersion)
# | stats count(*) as requests, sum(Faults) as faults, avg(Probability) as mean,
#         pct(Latency, 99) as p99 by FunctionVersion
# ```
#
# Twenty of the faults above were our golden requests. The local cloud lists lines, but has no `stats`
# ([local cloud and AWS](../workshop/LOCAL_CLOUD.md)); pandas has.

# %%
query = logs.start_query(logGroupName=f"/aws/lambda/{NAME}", startTime=int(time.time()) - 3600,
                         endTime=int(time.time()) + 60, limit=10_000,
                         queryString="fields @message | filter @message like /FunctionVersion/")
result = until(lambda: (found := logs.get_query_results(queryId=query["queryId"]))
               ["status"] == "Complete" and found)
lines = pd.DataFrame(json.loads(field["value"]) for row in result["results"] for field in row
                     if field["field"] == "@message")
lines.groupby("FunctionVersion").agg(
    requests=("Requests", "sum"), faults=("Faults", "sum"), mean=("Probability", "mean"),
    p99=("Latency", lambda column: column.quantile(0.99))).round(3)

# %% [markdown]
# The log lines alone show the requests of each version. (Insights is billed by the data that it
# reads, \$0.005 for each GB; CloudWatch pricing, 2026.)
#
# ## Do the customers change?
#
# A model may be correct for last year's customers, and wrong for this year's, without any release.
# Labels show that for sure, but months later, when customers have left or stayed. The inputs show
# it immediately.
#
# But the log must never hold a customer. What may it hold instead?
#
# | way | trouble |
# |---|---|
# | the request, or a sample of them, without the name | nineteen fields together *are* a person |
# | a metric for each field and bin | some 90 metrics for each version, \$27 a month |
# | **counts, field by field, for 50 customers at a time** | what is not yet 50 when an environment ends is lost |
#
# We take the last way. The function reads the bins from the model's signature, counts, and after
# every 50 customers adds the counts to the line that it writes anyway. Nobody can reconstruct a
# person from them, because the counts do not show which values belong to one customer.

# %%
def counted(since=0, until_=float("inf")):
    """What the function counted, field by field: {field: Series of customers by bin}."""
    added = {}
    for one in log_lines("inputs", since):
        if one["_aws"]["Timestamp"] / 1000 < until_:
            for name, bins_ in one["inputs"].items():
                added[name] = added.get(name, pd.Series(dtype=float)).add(
                    pd.Series(bins_), fill_value=0)
    return added


now = time.time()
usual = counted()
print(int(usual["contract"].sum()), "customers counted")
pd.DataFrame({"trained on": spread["contract"]["shares"],
              "asked about": (usual["contract"] / usual["contract"].sum()).round(3)})

# %% [markdown]
# ### Exercise 3: the population stability index (10 minutes)
#
# How different are two such columns? The **population stability index** (PSI) of a field is a sum
# over its bins, where *e* is the share in training and *a* the actual share:
#
# > PSI = Σ (*a* − *e*) · ln(*a* / *e*)
#
# It is 0 for equal shares and grows with each difference. Complete `psi`. `shares` are the shares
# in training by bin, `counts` the customers by bin now, both dicts; a bin that is missing in one of
# them is empty. An empty bin must not give infinity: use `LEAST` for every share below it.
#
# <details><summary>Hint 1</summary>
#
# The bins are `set(shares) | set(counts)`; the total is `sum(counts.values())`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `a = max(counts.get(one, 0) / total, LEAST)`, and the same for `e`.
# </details>

# %%
import math

LEAST = 0.0005


# %% Exercise 3
def psi(shares, counts):
    """Population stability index of one field."""
    # BEGIN SOLUTION
    total, value = sum(counts.values()), 0.0
    for one in set(shares) | set(counts):
        actual = max(counts.get(one, 0) / total, LEAST)
        trained = max(shares.get(one, 0), LEAST)
        value += (actual - trained) * math.log(actual / trained)
    return value
    # END SOLUTION


# %% Check 3 tags=["check"]
try:
    found = psi({"a": 0.5, "b": 0.5}, {"a": 10, "b": 10})
    assert found is not None, "psi returned nothing: is it still open?"
    assert abs(found) < 1e-9, f"equal shares have PSI 0, you have {found!r}"
    found = psi({"a": 0.5, "b": 0.5}, {"a": 80, "b": 20})
    assert found > 0, f"PSI is never negative, you have {found:.3f}: (a - e) times ln(a / e)"
    assert math.isclose(found, 0.3 * math.log(1.6) - 0.3 * math.log(0.4), abs_tol=0.001), (
        f"half and half became 80 and 20 of 100: {0.3 * math.log(4):.3f} is right, you have "
        f"{found:.3f}. Are the counts shares? Is it the natural logarithm?")
    new = psi({"a": 1.0}, {"a": 50, "b": 50})
    assert new > 1, f"a bin that training never saw, half of all: PSI is large, you have {new:.3f}"
    gone_ = psi({"a": 0.5, "b": 0.5}, {"a": 50})
    assert 1 < gone_ < 10, f"an empty bin counts as LEAST: PSI is finite, you have {gone_:.3f}"
    assert math.isclose(psi({"a": 0.5, "b": 0.5}, {"a": 8, "b": 2}), found), (
        "ten times fewer customers with the same shares have the same PSI")
except (KeyError, ZeroDivisionError, ValueError) as error:
    raise AssertionError(f"{type(error).__name__}: a bin that is missing is empty; use "
                         ".get(one, 0) and LEAST") from None
print("Right: large where shares moved, finite where a bin is empty.")

# %% [markdown]
# Which value is large? The usual rule is Siddiqi's (*Credit Risk Scorecards*, 2006). Below 0.1
# there is no change worth mentioning; from 0.1 to 0.25, investigate; above 0.25 the population has
# changed. This rule ignores the number of customers. With *n* customers and *B* bins, chance alone
# gives about (*B* − 1)/*n* (Yurdakul, *Statistical Properties of Population Stability Index*,
# 2018). With 10 bins, 50 customers give 0.18, which means nothing, and 450 give 0.02.
#
# Now the world changes. A campaign brings new customers: half a year with us at most, month to
# month.

# %%
new = test[(test["tenure"] <= 6) & (test["contract"] == "month-to-month")]
arrived = json.loads(new[fields].to_json(orient="records"))

began = time.time()
for number in range(300):
    ask(arrived[number % len(arrived)])
campaign = until(lambda: (found := counted(began)) and found["contract"].sum() >= 250 and found)


def stability(shares, counts):
    """PSI, with arrays; as in the exercise."""
    both = pd.DataFrame({"e": pd.Series(shares), "a": counts / counts.sum()}).fillna(0)
    both = both.clip(lower=LEAST)
    return float(((both["a"] - both["e"]) * np.log(both["a"] / both["e"])).sum())


table = pd.DataFrame({words: {name: stability(spread[name]["shares"], counts_[name])
                              for name in fields}
                      for words, counts_ in (("before", usual), ("campaign", campaign))})
table.sort_values("campaign", ascending=False).head(6).round(3)

# %%
show(*releases.drift(table))

# %%
assert table["before"].max() < 0.1 and table.loc[["tenure", "contract"], "campaign"].min() > 0.25

# %% [markdown]
# *Notice* which fields come first: tenure and total charges, then the contract. They describe the
# campaign almost in words. The other fields do not move.
#
# Drift is not a fault. The model may be correct for the new customers (its training data had such
# people), or wrong. So look, compare with labels as they come, and train again if necessary. Put
# drift into a weekly report or a ticket (a task for a working day), and wake nobody. A rollback
# would not help, because the old version would drift as well.

# %% [markdown]
# ## Which alarms may wake a person?
#
# Alert on **symptoms**, the things that clients feel, and keep causes for the person who
# investigates (Beyer and others, *Site Reliability Engineering*, 2016, chapter 6). After each
# unnecessary alarm, people believe the next one less.
#
# | look at | how | then |
# |---|---|---|
# | share of failed requests: `Faults`, and Lambda's `Errors` | by version, for a canary; in all, for users | roll back by itself; wake somebody if it stays |
# | latency that callers see: p99 of the API's `Latency` | several minutes long | wake somebody |
# | `Throttles`, or requests that are missing altogether | any for minutes; `Requests` below its usual | wake somebody |
# | mean probability of a canary, golden requests | by version | roll back by itself |
# | `Rejected` (4xx) | doubled | ticket: a caller has changed something |
# | mean probability in all, PSI | weekly | ticket: look, compare with labels |
# | CPU, memory, cold starts, a single fault | on the dashboard | nothing |
#
# This is the cost on AWS. Each version has five metrics, \$0.30 a month each, by the hour and only
# while the version gets requests. Alarms below a minute cost \$0.30 a month, others \$0.10. Three
# dashboards are free, more cost \$3 each (CloudWatch pricing, 2026).

# %% [markdown]
# ## Recap
#
# - **Metrics from the log line:** EMF names them; dimensions have few values, and never a customer.
# - **Lambda's `Errors`** stays zero when the handler answers 500. Put alarms on `Faults` and on
#   `Errors`.
# - **A canary** gets its share through the alias, and the rollback limits how long: alarm →
#   EventBridge → a function that may change one alias. It removes the version that the alarm is
#   about, once, and no other.
# - **The number of its requests** is at most binomial, for a window that is chosen before; after
#   the rollback it is zero.
# - **Golden requests** test a version before any client uses it; the mean probability watches it
#   later.
# - **Dashboards** are JSON; read them back, and check that their metrics exist.
# - **Drift:** PSI of counts that hold no person; a ticket, not an alarm.
# - **Wake people** only for problems that clients feel.
#
# ## Clean up

# %%
remove()
print(there(), [one["FunctionName"] for page in lambda_.get_paginator("list_functions").paginate()
                for one in page["Functions"] if one["FunctionName"].startswith(NAME)])

# %%
# !docker rmi --force {" ".join(IMAGES.values())}

# %% [markdown]
# Metrics cannot be deleted. Nobody writes to them any more, so they cost nothing, and they
# disappear after 15 months.
#
# ## Next
#
# [Lesson 22](22_put_under_load.ipynb) puts the function under load.
