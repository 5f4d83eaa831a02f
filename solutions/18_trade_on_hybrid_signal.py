# ---
# title: Trade on a hybrid signal
# workshop:
#   number: "18"
#   needs: [docker]
#   reading: 45
#   exercises: 20
#   execution: 2
#   cost: "under $0.05"
#   products: [build/models/signal.onnx]
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Trade on a hybrid signal
#
# **You will**
#
# - compute features that cannot see the future, and prove it
# - train a model walk-forward, and compare it with "always up" and the costs of trading
# - put it behind a SageMaker Serverless endpoint, as ONNX
# - let Lambda do the business around it: check the event, call the model, decide, order
# - let it fail: duplicate, late, stale and early events, an endpoint that does not answer
# - replay a month: one decision for each trading day, none from later data
#
# **You need** Docker
#
# **Time** 45 minutes reading, 20 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.05

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# ## Where we are
#
# ```mermaid
# flowchart LR
#     feed(["market data,<br/>after the close"]) --> rule{{"EventBridge<br/>rule"}}
#     rule --> fn["Lambda<br/>workshop-…-signal<br/>features, decision"]
#     fn -->|"invoke_endpoint"| ep["SageMaker Serverless<br/>workshop-…-signal-model<br/>model.onnx"]
#     fn -->|"order"| orders[("SQS queue<br/>orders")]
#     fn -->|"one decision<br/>a day"| ledger[("S3<br/>ledger")]
#     fn -. "what failed" .-> failed[("SQS queue<br/>failed")]
#     style fn fill:#fff3d6,stroke:#e69f00,stroke-width:3px
#     style ep fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# So far, the model was in the function. Here you build a **hybrid**. Lambda has the business rules:
# it checks events, decides, and orders. **SageMaker**, AWS's service for machine learning, has the
# model. Other programs can call this model as well, and another team can change it. The price is
# one more call, which can fail. (Lesson 19 compares the two services.)
#
# The business is a trading account without real money, which holds either the S&P 500 or cash. This
# is not investment advice, and the lesson shows why you would not want it.

# %%
import inspect
import io
import json
import math
import sys
import tarfile
import time
from pathlib import Path

import boto3
import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workshop import base_image, deploy, endpoints, triggers
from workshop.plots import show, trading

pd.set_option("display.max_colwidth", None)
NAME, MODEL = deploy.name("signal"), deploy.name("signal-model")
ORDERS, FAILED = f"{NAME}-orders.fifo", f"{NAME}-failed"
PAIRS = [{"Key": key, "Value": value} for key, value in deploy.tags().items()]


def remove(again=False):
    """Remove whatever this lesson made."""
    for name in ORDERS, FAILED, NAME:
        triggers.delete(name, again)
    endpoints.delete(MODEL)
    deploy.delete(NAME)


remove(again=True)

# %% [markdown]
# ## The data
#
# The data are twenty years of the S&P 500, with one row for each trading day, called a **bar**.

# %%
bars = pd.read_csv("../data/sp500.csv")
close = bars["close"]
rises = (close.diff() > 0).mean()
same = (bars["open"] == close.shift())[bars["date"] < "2005"].mean()
print(f"{len(bars)} days, {bars['date'].iloc[0]} to {bars['date'].iloc[-1]}")
print(f"the close is above the day before's on {rises:.1%} of the days")
print(f"until 2005, `open` is the day before's close on {same:.0%} of the days")
bars.tail(3)

# %% [markdown]
# *Notice* two things. A forecast of "up" every day is correct on more than half of the days. A
# model must be better than this, and not only better than 50 %. And for years, `open` is not an
# opening price: look at your data before you build on them. We do not use it.
#
# ## Features that cannot see the future
#
# After the close of each day, we want to know: will the next close be higher? We have the bars up
# to this day, and no later bars. So the function that makes the features gets these bars:

# %%
sys.path.insert(0, "../lambda/signal")
from features import NAMES, WINDOW, features

print(inspect.getsource(features))

# %% [markdown]
# The code is in `lambda/signal/features.py`. Training and serving use the same lines, so they
# cannot differ. It is plain Python, because six numbers from 21 bars need no library, and the
# function will be a zip file of a few kilobytes.


# %%
def table_of(bars):
    """Features of every day that has WINDOW bars; a row's index is that of its day."""
    records = bars.to_dict("records")
    days = range(WINDOW - 1, len(records))
    return pd.DataFrame([features(records[day - WINDOW + 1:day + 1]) for day in days],
                        index=bars.index[WINDOW - 1:])


table = table_of(bars)
change = close.shift(-1) / close - 1        # from this close to the next: what we want to know
up = (change > 0).astype(int)
year = bars["date"].str[:4].astype(int)
table.tail(3).round(4)

# %% [markdown]
# What if a feature does see the future? A small mistake is enough: an average that is *centred* on
# its day contains the next days.

# %%
leaky = (close / close.rolling(5, center=True).mean()).rename("leaky").to_frame()


def accuracy_of(table, first_test_year=2015):
    """Share of days called right, trained before a year and tested from it on."""
    known = table.dropna().index[:-1]
    train, test = (known[(year[known] < first_test_year) == before] for before in (True, False))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(table.loc[train], up[train])
    return (model.predict(table.loc[test]) == up[test]).mean()


print(f"our features: {accuracy_of(table):.1%}    the centred average: {accuracy_of(leaky):.1%}")
assert accuracy_of(leaky) > accuracy_of(table) + 0.1

# %% [markdown]
# Nothing fails. The wrong feature looks very good, until you use it for trading and do not know
# tomorrow's close. So we need a test that works for any features: **whatever happens after a day
# must not change that day's features.**
#
# ### Exercise 1: does it see the future? (7 minutes)
#
# `make` makes a table of features from the bars, like `table_of`. Complete `looks_ahead`. After the
# bar at position `day`, change all prices and volumes, and make the features again. Return True if
# a feature of that day or of an earlier one has changed, else False. (A different factor for each
# day finds more. If you double all later closes, the ratio of two of them stays the same.)
#
# <details><summary>Hint 1</summary>
#
# `other.iloc[day + 1:, other.columns.get_loc("close")] *= 2` doubles the closes after the day.
# Do the same to `open`, `high`, `low` and `volume`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `make(bars).loc[:last]`, where `last = bars.index[day]`, are the rows up to the day.
# `one.equals(other)` compares two tables; empty cells are equal to each other.
# </details>

# %% Exercise 1
def looks_ahead(make, bars, day=60):
    """Whether features of the bar at position `day`, or before it, depend on bars after it."""
    bars = bars.astype({"volume": float})       # whole numbers take no factor such as 1.5
    other = bars.copy()
    # BEGIN SOLUTION
    for name in "open", "high", "low", "close", "volume":
        other.iloc[day + 1:, other.columns.get_loc(name)] *= 2
    last = bars.index[day]
    return not make(bars).loc[:last].equals(make(other).loc[:last])
    # END SOLUTION


def centred(bars):
    return (bars["close"] / bars["close"].rolling(5, center=True).mean()).to_frame()


print(looks_ahead(table_of, bars[:100]), looks_ahead(centred, bars[:100]))

# %% Check 1 tags=["check"]
some = bars[:100]
answer = looks_ahead(table_of, some)
assert answer is not None, "looks_ahead returned nothing: is there a `return`, or is it still open?"
assert not answer, (
    "our features see nothing of the future, but you say they do: change only the bars after the "
    "day (day + 1 and later), and compare only the rows up to it")
assert looks_ahead(centred, some), (
    "the centred average has the next two days in it, and you did not see it: are the closes "
    "after the day changed, and is a row just before them compared?")
last_volume = lambda bars: (bars["volume"].shift(-1) / bars["volume"]).to_frame()
assert looks_ahead(last_volume, some), "volume can look ahead as well: change every column"
scaled = lambda bars: ((bars["close"] - bars["close"].mean()) / bars["close"].std()).to_frame()
assert looks_ahead(scaled, some), (
    "a mean over all the data has the future in it, for every day: compare all rows up to the day")
print("Right: a slip of this kind will not get past you again.")

# %% [markdown]
# Now the same test on many days, in steps of seven, with another change: we **shift the future**.
# After the day, one bar is left out, so that all later bars come a day early. Up to the day, nothing
# may change; after it, the features must change.

# %%
def shifted_future(bars, day):
    """The bars, but after position `day` everything comes a day early."""
    moved = pd.concat([bars[:day + 1], bars[day + 2:]])
    return moved.set_axis(bars.index[:len(moved)])


for start in range(0, len(bars) - 60, 7):
    part, day = bars[start:start + 60], 40
    as_was, other = table_of(part), table_of(shifted_future(part, day))
    assert as_was.loc[:start + day].equals(other.loc[:start + day]), "a feature sees the future"
    assert not as_was.loc[start + day + 1:].equals(other.loc[start + day + 1:]), "nothing shifted?"
part = bars[:60]
assert not centred(part).loc[:40].equals(centred(shifted_future(part, 40)).loc[:40])
print("no feature of the tested days depends on later days; the centred average was caught")

# %% [markdown]
# ## Train walk-forward
#
# If we shuffled the days, we would train on 2010 to forecast 2009. **Walk-forward** is closer to
# reality: for each year, train on all the years before, then predict that year. The last training
# day is left out, because its answer, the next close, is in the test year.

# %%
FIRST = 2004
known = table.index[:-1]        # the last day has no next close


def train_before(first):
    """A model trained on the days whose next close was known before the year began."""
    days = known[year[known] < first][:-1]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    return model.fit(table.loc[days].to_numpy(np.float32), up[days])


parts, models = [], {}
for test_year in range(FIRST, 2019):
    models[test_year] = train_before(test_year)
    days = known[year[known] == test_year]
    rows = table.loc[days].to_numpy(np.float32)
    parts.append(pd.Series(models[test_year].predict_proba(rows)[:, 1], index=days))
probability = pd.concat(parts)
days, target = probability.index, (probability >= 0.5).astype(int)
print(f"{len(days)} days, none of which its model had seen")

# %% [markdown]
# ## How good is it?
#
# First, how often is it correct? Both rules are tested on the same days, so we look at the
# difference day by day. `±` is two standard errors of its mean: a smaller difference can be luck.

# %%
right, always = (target == up[days]).mean(), up[days].mean()
gain = (target == up[days]).astype(int) - up[days].astype(int)     # 1, 0 or -1 for each day
luck = 2 * gain.std() / math.sqrt(len(days))
print(f"model {right:.1%}, always up {always:.1%}: a difference of {gain.mean():.1%} ± {luck:.1%}")
print("the model is", "better" if gain.mean() > luck else "not better", "than saying up")

# %% [markdown]
# Then, how much does it earn? Each change of position costs something: a commission, the difference
# between buying and selling price, a price that moves before you buy. We take 0, 1 and 5 **basis
# points** (hundredths of a percent) of the traded amount. Your broker's terms have your number.


# %%
def results(target, change, cost):
    """Each day's result of holding (1) or not (0), less the cost of each change of position."""
    return target * change - cost * target.diff().fillna(target.iloc[0]).abs()


hold = pd.Series(1, index=days)
lines = {"always hold": results(hold, change[days], 0.0005)}
for points in 0, 1, 5:
    lines[f"model, {points} bp a trade"] = results(target, change[days], points / 10_000)
summary = pd.DataFrame({
    "× money": {name: (1 + line).prod() for name, line in lines.items()},
    "% a year": {name: 100 * ((1 + line).prod() ** (252 / len(line)) - 1)
                 for name, line in lines.items()},
    "deepest fall, %": {name: 100 * ((1 + line).cumprod() / (1 + line).cumprod().cummax() - 1).min()
                        for name, line in lines.items()}})
trades = int(target.diff().abs().sum())
print(f"{trades} changes of position, {trades / len(days) * 252:.0f} a year")
summary.round(2)

# %%
by_year = pd.DataFrame({"model": target == up[days], "up": up[days] == 1})
by_year = by_year.groupby(year[days]).mean()
show(*trading.years(pd.to_datetime(bars["date"]), lines, by_year["model"] - by_year["up"]))

# %%
gross, net = summary.loc["model, 0 bp a trade"], summary.loc["model, 5 bp a trade"]
plain = summary.loc["always hold"]
print(f"in cash on {(target == 0).mean():.0%} of the days")
print(f"right on {right:.1%} of the days, where always up is right on {always:.1%}")
print(f"without costs × {gross['× money']:.2f}, at 5 bp × {net['× money']:.2f}; "
      f"holding × {plain['× money']:.2f}")
best = (1 + target * change[days]).groupby(year[days]).prod() / \
    (1 + change[days]).groupby(year[days]).prod()
apart = best.drop(best.idxmax()).prod()
print(f"without {best.idxmax()}, its best year, and without costs: × {apart:.2f} of holding")
assert 0.3 < (target == 0).mean() < 0.4 and abs(apart - 1) < 0.1
assert gain.mean() < luck and net["× money"] < plain["× money"]

# %% [markdown]
# *Notice:* the model is **not** better than "up" every day. It seems to make money because of one
# year, its best; without that year, it is about as good as holding. At 5 basis points a trade, the costs
# take its whole advantage, and more. Its losses are smaller, but so are those of anyone who holds
# cash a third of the time. Dividends, and interest on the cash, are not counted. And even this is
# too optimistic: we trade at the same close that we compute from, which nobody can.
#
# We could try other features, another threshold, or another first year, until the line looks good.
# But then the test years would be training data. You cannot test with data that you have used to
# choose. So we stop, with this result: **this model is not worth trading on**. The parts around it
# are the same for a better model.
#
# ### Exercise 2: how cheap would trading have to be? (6 minutes)
#
# Complete `break_even`. It returns the cost of a change of position, a fraction such as `0.0005`.
# At this cost, the model's results, added up over all days, equal those of always holding. Here,
# unlike in the table above, always holding pays nothing for its first purchase. The model pays for
# each change, its first purchase included. There is at least one change, so you need not check for
# zero. The answer may be negative.
#
# <details><summary>Hint 1</summary>
#
# Added up, the model earns `(target * change).sum()`, holding earns `change.sum()`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Divide the difference by the number of changes, counted as in `results` (`trades` above leaves out
# the first purchase). </details>

# %% Exercise 2
def break_even(target, change):
    """Cost of a change of position at which the model's added results equal holding's."""
    # BEGIN SOLUTION
    changes = target.diff().fillna(target.iloc[0]).abs().sum()
    return ((target * change).sum() - change.sum()) / changes
    # END SOLUTION


print(break_even(target, change[days]))

# %% Check 2 tags=["check"]
some_target, some_change = pd.Series([1, 0, 0, 1]), pd.Series([0.01, -0.03, 0.02, 0.02])
answer = break_even(some_target, some_change)
assert answer is not None, "break_even returned nothing: is it still open?"
assert abs(answer - 0.03 / 3) > 1e-9, "take off what holding earns, change.sum()"
assert abs(answer - 0.01 / 2) > 1e-9, (
    "days on which it holds are not changes of position, and getting in on the first day is one")
assert abs(answer - 0.01 / 3) < 1e-6, (
    "3 changes of position earned 1 % more than holding, so 0.333 % for each; you returned "
    f"{answer}")
answer = break_even(target, change[days])
left = results(target, change[days], answer).sum() - change[days].sum()
assert abs(left) < 1e-3, f"at that cost the two still differ by {left:.4f}"
print(f"Right: {1e4 * answer:.1f} basis points, luck included.")

# %% [markdown]
# ## To ONNX
#
# The replay below uses December 2018. So we take the model that was trained on the years before
# 2018. Its inputs are the six features side by side. Its signature names them, with plausible
# ranges, and the container checks requests against it.

# %%
import hashlib
from importlib.metadata import version

from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

model = models[2018]
limits = {"volatility_20": (0, 0.2), "place_in_range": (0, 1), "volume_ratio": (0, 20)}
signature = {
    "model": "signal", "version": "1",
    "inputs": [{"name": name, "type": "number", "minimum": limits.get(name, (-0.6, 0.6))[0],
                "maximum": limits.get(name, (-0.6, 0.6))[1]} for name in NAMES],
    "trained_until": bars["date"][known[year[known] < 2018][-2]],
    "training_data_sha256": hashlib.sha256(Path("../data/sp500.csv").read_bytes()).hexdigest(),
    "versions": {name: version(name) for name in ("scikit-learn", "skl2onnx", "onnxruntime")}}
converted = to_onnx(model, initial_types=[("features", FloatTensorType([None, len(NAMES)]))],
                    options={id(model): {"zipmap": False}}, target_opset=18)
onnx.helper.set_model_props(converted, {"signature": json.dumps(signature)})
onnx.save(converted, "../build/models/signal.onnx")
print("trained until", signature["trained_until"])

# %% [markdown]
# Does it give the same answers as scikit-learn? We compare the days of 2018 that have a next close:

# %%
session = ort.InferenceSession("../build/models/signal.onnx")


def by_onnx(rows):
    """Probabilities of a rise, for rows of features."""
    rows = np.asarray(rows, dtype=np.float32)
    return session.run(["probabilities"], {"features": rows})[0][:, 1]


test = known[year[known] == 2018]
largest = np.abs(by_onnx(table.loc[test]) - probability[test]).max()
print(f"largest difference of a probability: {largest:.1e}")
assert largest < 1e-6

# %% [markdown]
# ## To SageMaker Serverless
#
# SageMaker starts a container with the argument `serve`. The container must answer on port 8080: to
# `GET /ping` when it is ready, and to `POST /invocations` with predictions. Our image, in
# `docker/sagemaker`, has ONNX Runtime in it and no model. The model comes from S3, a `.tar.gz` that
# SageMaker unpacks to `/opt/ml/model`. On AWS, serverless endpoints run x86-64: if you work on AWS
# from a machine with another processor, set `WORKSHOP_ARCHITECTURE=x86_64` before you start. The
# local cloud accepts your machine's architecture ([local cloud and
# AWS](../workshop/LOCAL_CLOUD.md)).

# %%
for line in Path("../docker/sagemaker/Dockerfile").read_text(encoding="utf-8").splitlines():
    if line and line[0] != "#":
        print(line)

# %%
base = base_image.get(base_image.PLAIN)
# !docker build --quiet --build-arg BASE_IMAGE={base} -t {endpoints.IMAGE} ../docker/sagemaker

# %%
image = deploy.push(endpoints.IMAGE, MODEL)
bucket = deploy.bucket(MODEL)


def readable(member):
    """Let everyone read a file in the archive: the container runs as another user than you."""
    member.mode = 0o644
    return member


archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz") as target_file:
    target_file.add("../build/models/signal.onnx", "model.onnx", filter=readable)
deploy.s3().put_object(Bucket=bucket, Key="v1/model.tar.gz", Body=archive.getvalue())
image

# %% [markdown]
# As with Lambda, a role lists what the container may do. SageMaker loads the image and the model,
# and writes the log, *with this role*; it needs no repository policy.

# %%
iam, sagemaker = boto3.client("iam"), boto3.client("sagemaker")
role = iam.create_role(RoleName=f"{MODEL}-role", Tags=PAIRS,
                       AssumeRolePolicyDocument=deploy.policy("trust_sagemaker"))["Role"]
allowed = deploy.policy("serve_model", bucket=bucket, endpoint=MODEL)
iam.put_role_policy(RoleName=role["RoleName"], PolicyName="serve_model", PolicyDocument=allowed)
for statement in json.loads(allowed)["Statement"]:
    print(statement["Sid"])

# %% [markdown]
# There are three calls. The **model** has image, data and role. SageMaker may not know a new role
# yet, so `endpoints.create_model` repeats the call on that error, as lesson 05 did by hand. The
# **configuration** has the memory, and the number of requests at the same time. The **endpoint** is
# a name that points to a configuration, and you can point it to another one while it works.

# %%
V1 = f"{MODEL}-v1"
endpoints.create_model(
    ModelName=V1, ExecutionRoleArn=role["Arn"], Tags=PAIRS,
    PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{bucket}/v1/model.tar.gz"})
sagemaker.create_endpoint_config(EndpointConfigName=V1, Tags=PAIRS, ProductionVariants=[{
    "VariantName": "AllTraffic", "ModelName": V1,
    "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 5}}])
sagemaker.create_endpoint(EndpointName=MODEL, EndpointConfigName=V1, Tags=PAIRS)
sagemaker.get_waiter("endpoint_in_service").wait(
    EndpointName=MODEL, WaiterConfig={"Delay": 2, "MaxAttempts": 450})
sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointStatus"]

# %% [markdown]
# (On AWS, this takes longer.) Send it a good request and a bad one:

# %%
runtime = boto3.client("sagemaker-runtime")


def ask(*instances):
    response = runtime.invoke_endpoint(EndpointName=MODEL, ContentType="application/json",
                                   Body=json.dumps({"instances": instances}))
    return json.load(response["Body"])


latest = table.loc[test].to_dict("records")[-3:]
answer = ask(*latest)
assert np.allclose(answer["predictions"], by_onnx(table.loc[test])[-3:], atol=1e-6)
print(answer)
try:
    ask(latest[0] | {"volume_ratio": -1})
except runtime.exceptions.ModelError as error:
    print(error.response["OriginalStatusCode"], error.response["OriginalMessage"])
else:
    raise AssertionError("a volume below zero was answered")

# %% [markdown]
# *Notice* `ModelError`: the container answered 400. SageMaker returns its own error, with the
# container's status and message inside. For the client, a 400 means "do not send this again", and a
# 500 means "try again".
#
# ## The business, in Lambda
#
# What can go wrong between an event and an order, and what the function does:
#
# | what | what it does |
# |---|---|
# | the event comes twice | a second decision is not written: S3 takes a key once (`IfNoneMatch`) |
# | it comes after a later day's | no order: that position is history |
# | the data are old, the day is not over, days are missing | no decision; the event is put aside |
# | the endpoint is slow, busy or fails | 3 attempts of limited time, with random pauses between them |
# | three events in a row fail, also because AWS refuses the call | the **circuit breaker** opens: for a minute, the function does not call the endpoint |
# | the container refuses one request (`ModelError`, 400) | one attempt, no decision; the breaker does not count it, so other symbols still reach the model |
# | a price cannot be true (a close of 10⁹) | no decision; the message names the field |
# | the function dies before the order | the next attempt finds the decision, and sends it |
# | whatever else | no order rather than a wrong one |

# %%
source = Path("../lambda/signal/lambda_function.py").read_text(encoding="utf-8")
print(source[source.index("def handle"):source.index("def decide")].strip())

# %% [markdown]
# *Notice* the order of the steps: check, decide, **store** the decision, send the order, then note
# that it was sent. If two equal events come, or if the function ends between two steps, the stored
# decision counts. And the order has a **target**, hold or cash, and not "buy" or "sell". To carry
# out the same target twice changes nothing.
#
# This code calls the endpoint, with its limits:

# %%
source = Path("../lambda/signal/model.py").read_text(encoding="utf-8")
print(source[source.index("ATTEMPTS ="):source.index("# Failures after which")])
print(source[source.index("def attempt"):source.index("def may_pass")].strip())

# %% [markdown]
# Time is limited for each attempt, for the pauses, and for all together (the function's remaining
# time). By itself, boto3 would repeat each of the function's 3 attempts, so we switch that off. The
# pauses are random, so that clients that failed at the same time do not try again at the same time.
#
# ## Deploy it
#
# You know the parts from earlier lessons: a zip function, a queue, an EventBridge rule, a queue for
# failures. The queue for the orders is of a new kind, **FIFO**. It keeps the order of a group's
# messages, and drops a second message with the same id within 5 minutes (SQS Developer Guide).

# %%
sqs, lambda_, events = (boto3.client(one) for one in ("sqs", "lambda", "events"))
ledger = deploy.bucket(NAME)
account_number = boto3.client("sts").get_caller_identity()["Account"]
orders = sqs.create_queue(QueueName=ORDERS, Attributes={"FifoQueue": "true"},
                          tags=deploy.tags())["QueueUrl"]
failed = triggers.plain_queue(FAILED)

settings = {"ENDPOINT": MODEL, "LEDGER_BUCKET": ledger, "BUCKET_OWNER": account_number,
            "ORDERS_QUEUE": orders, "CLOCK": "event"}
deploy.zip_function(NAME, memory=256, timeout=60, environment=settings)
deploy.allow(NAME, "signal", bucket=ledger, endpoint=MODEL, queue=ORDERS)
triggers.on_event(NAME, rule=NAME, pattern={
    "source": ["workshop.market"], "detail-type": ["Daily bars closed"]})
triggers.failures_to(NAME, failed)
print(deploy.policy("signal", bucket=ledger, endpoint=MODEL, queue=ORDERS))

# %% [markdown]
# In this replay, `CLOCK` makes the function use the event's time, because the days are in 2018. In
# production, leave it out, and the function uses its own clock.
#
# ## One event at a time
#
# An event contains all data for its decision: the last 21 bars, and the time of the last close.
# EventBridge does not guarantee an order. If each event had one bar, the function would have to
# sort the events.

# %%
by_day = {day: place for place, day in enumerate(bars["date"])}


def market_event(day, hours=0.1, **changes):
    """What the market's feed sends after a day's close, `hours` later."""
    closed_at = pd.Timestamp(f"{day} 16:00", tz="America/New_York")
    window = bars[by_day[day] - WINDOW + 1:by_day[day] + 1].to_dict("records")
    return {"source": "workshop.market", "detail-type": "Daily bars closed",
            "detail": {"symbol": "SPX", "closed_at": closed_at.isoformat(), "bars": window,
                       "sent_at": (closed_at + pd.Timedelta(hours=hours)).isoformat(), **changes}}


def invoke(event):
    """The function's outcome, or why there was none."""
    response = lambda_.invoke(FunctionName=NAME, Payload=json.dumps(event))
    answer = json.load(response["Payload"])
    return answer if "FunctionError" not in response else answer["errorMessage"]


mondays = market_event("2018-11-26")["detail"]["bars"]
outcomes = {
    "Monday, 26 November": invoke(market_event("2018-11-26")),
    "the same once more": invoke(market_event("2018-11-26")),
    "the Friday before": invoke(market_event("2018-11-23")),
    "Tuesday, but two days later": invoke(market_event("2018-11-27", hours=48)),
    "Tuesday, an hour before its close": invoke(market_event("2018-11-27", hours=-1)),
    "Tuesday, with Monday's bars": invoke(market_event("2018-11-27", bars=mondays)),
    "no bars": invoke(market_event("2018-11-27", bars=[])),
}
pd.Series(outcomes).to_frame("outcome")

# %%
assert list(outcomes.values())[:3] == ["ordered", "duplicate", "late"]
assert not {"ordered", "duplicate", "late"} & set(list(outcomes.values())[3:])


def decisions(month=""):
    """What the ledger holds, oldest first."""
    s3 = deploy.s3()
    found = s3.list_objects_v2(Bucket=ledger, Prefix=f"decisions/SPX/{month}").get("Contents", [])
    return [json.load(s3.get_object(Bucket=ledger, Key=one["Key"])["Body"]) for one in found]


def take_orders(seconds=1):
    """Take the orders out of the queue, oldest first."""
    taken = []
    while messages := sqs.receive_message(
            QueueUrl=orders, MaxNumberOfMessages=10, WaitTimeSeconds=seconds).get("Messages"):
        for one in messages:
            taken.append(json.loads(one["Body"]))
            sqs.delete_message(QueueUrl=orders, ReceiptHandle=one["ReceiptHandle"])
    return taken


first = take_orders()
print(json.dumps(first, indent=1))
assert first == decisions() and [one["day"] for one in first] == ["2018-11-26"]

# %% [markdown]
# There are seven events, one decision, and one order.
#
# ### Exercise 3: the other end of the queue (7 minutes)
#
# Another program carries out the orders. A FIFO queue drops duplicates for 5 minutes, but an order
# may be sent again after an hour. And if two days are processed at the same time, the older may
# come second. Complete `carry_out`. It returns the account after an order, the same dict or a new
# one. An order has `day`, a text, and `target`, 1 (hold) or 0 (cash), as the account has; ignore its
# other fields. An order for the account's day or an earlier one changes nothing; `trades` counts the
# changes of position.
#
# <details><summary>Hint 1</summary>
#
# Dates written as year-month-day compare as text: `"2018-11-26" < "2018-12-03"`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The account is a dict; `{**account, "day": …}` makes a new one. It is a trade only if
# `order["target"]` differs from `account["target"]`. </details>

# %% Exercise 3
def carry_out(account, order):
    """The account, {"day", "target", "trades"}, after an order."""
    # BEGIN SOLUTION
    if order["day"] <= account["day"]:
        return account
    return {"day": order["day"], "target": order["target"],
            "trades": account["trades"] + (order["target"] != account["target"])}
    # END SOLUTION


print(carry_out({"day": "", "target": 0, "trades": 0}, first[0]))

# %% Check 3 tags=["check"]
start = {"day": "", "target": 0, "trades": 0}
answer = carry_out(dict(start), {"day": "2018-12-03", "target": 1})
assert answer is not None, "carry_out returned nothing: is it still open?"
assert answer == {"day": "2018-12-03", "target": 1, "trades": 1}, (
    f"the first order means one trade, to target 1; you returned {answer}")
same = carry_out(dict(answer), {"day": "2018-12-04", "target": 1})
assert same["trades"] == 1, "the target was 1 before: holding on is no trade"
assert same["day"] == "2018-12-04", "the day moves on, even when nothing is traded"
old = carry_out(dict(same), {"day": "2018-12-03", "target": 0})
assert old == same, f"an order for an earlier day must change nothing; you returned {old}"
double = carry_out(dict(same), {"day": "2018-12-04", "target": 0})
assert double == same, f"an order for the account's own day must change nothing; you got {double}"
print("Right: twice or too late, the account is what it should be.")

# %% [markdown]
# ## When the endpoint does not answer
#
# We send the events of four days, but the function now calls an endpoint that its role's policy does
# not allow.


# %%
def configure(**changes):
    """Change the function's environment variables, and wait."""
    lambda_.update_function_configuration(
        FunctionName=NAME, Environment={"Variables": settings | changes})
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=NAME)


week = ["2018-11-27", "2018-11-28", "2018-11-29", "2018-11-30"]
OTHER = f"{NAME}-other"
configure(ENDPOINT=OTHER)
outage = {day: invoke(market_event(day)) for day in week}
pd.Series(outage).to_frame("outcome")

# %%
assert all("AccessDeniedException" in outage[day] for day in week[:3])
assert "breaker is open" in outage[week[3]]
assert take_orders() == [] and len(decisions()) == 1
kept = deploy.s3().get_object(Bucket=ledger, Key=f"breakers/{OTHER}.json")
kept["Body"].read().decode()

# %% [markdown]
# `AccessDeniedException`: the role may call no endpoint but `MODEL`. (The other endpoint does not
# exist, but the error does not show that.) AWS refuses, not the container. So the function makes one
# attempt for each event, and the failure counts for the breaker.
#
# *Notice* the last row: after three failed events, the breaker is open, and the fourth fails
# immediately, without a call. The breaker's state is stored outside the function, here in S3,
# because the next event may meet another environment. After a minute (`REST` in `model.py`), the
# next event is a trial. If it succeeds, the breaker closes. In the meantime no order is sent: the
# account keeps its position.
#
# Now back to the correct endpoint. It has its own breaker, which is closed.

# %%
configure()
for day in week:
    print(day, invoke(market_event(day)))
assert [one["day"] for one in take_orders()] == week

# %% [markdown]
# The four days were sent again and have their decisions. In production, Lambda does that: it
# repeats a failed event twice (lesson 17), and then moves it to the queue of failures. After 12
# hours (`OLDEST` in `market.py`) it is stale, and its day stays without a decision.
#
# ## A month, replayed
#
# Now all events come through EventBridge, as in production. For each trading day of December 2018,
# the feed sends its event twice, and an event of an earlier day again. On one day it also sends a
# stale event. First we wait until the endpoint has no container any more: an endpoint without
# requests costs nothing.

# %%
began = time.monotonic()
while cloud.is_local() and endpoints.containers(MODEL) and time.monotonic() - began < 60:
    time.sleep(1)
if cloud.is_local():
    print(endpoints.containers(MODEL), "containers")
    assert endpoints.containers(MODEL) == 0


# %%
def send(*sent):
    """Put events on EventBridge's bus."""
    entries = [{"Source": one["source"], "DetailType": one["detail-type"],
                "Detail": json.dumps(one["detail"])} for one in sent]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0


def wait_for_order(patience=120):
    """The next order, taken from the queue, and the seconds until it was there."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        response = sqs.receive_message(QueueUrl=orders, WaitTimeSeconds=5)
        for one in response.get("Messages", []):
            sqs.delete_message(QueueUrl=orders, ReceiptHandle=one["ReceiptHandle"])
            return json.loads(one["Body"]), time.monotonic() - began
    raise TimeoutError(f"no order within {patience} s")


month = [day for day in bars["date"] if day.startswith("2018-12")]
earlier = dict(zip(month, week[-1:] + month))
replay = []
for day in month:
    again = market_event(earlier[day])
    stale = [market_event(day, hours=30)] if day == "2018-12-13" else []
    send(again, market_event(day), market_event(day), *stale)
    order, seconds = wait_for_order()
    replay.append(order | {"seconds": seconds})
replay = pd.DataFrame(replay).set_index("day")
replay[["target", "probability", "data_until", "seconds"]].head(3).round(3)

# %% [markdown]
# Is there one decision a day, and none from later data? The stored decisions must have each trading
# day once. Each decision must be the model's answer for the bars up to that day, and must stay the
# same when the future is shifted.

# %%
kept = decisions("2018-12")
assert [one["day"] for one in kept] == month == list(replay.index)
assert [one["data_until"] for one in kept] == month
assert take_orders(seconds=5) == [], "a second order for some day"
for one in kept:
    place = by_day[one["day"]]
    part = bars[place - 40:place + 20]
    for seen in part, shifted_future(part, 40):
        expected, = by_onnx([list(table_of(seen).loc[place])])
        assert abs(one["probability"] - expected) < 1e-6, f"{one['day']} has another probability"
print(f"{len(month)} trading days, {len(kept)} decisions, none from the future")

# %%
show(*trading.month(month, bars.set_index("date")["close"][month], replay))

# %% [markdown]
# The diamond is the first request: the endpoint had to start a container, and the function waited
# for it. Once a day, after the close, this does not matter. The probabilities stay near one half:
# the model cannot predict much.
#
# What happened to all the events? Each has its line in the function's log:


# %%
def log_lines(patience=60):
    """The function's own lines of the replay; waits until the stale event's are there."""
    logs, began = boto3.client("logs"), time.monotonic()
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{NAME}", filterPattern="outcome")
        lines = [json.loads(event["message"]) for page in pages for event in page["events"]
                 if event["message"].startswith("{")]
        stale = [one for one in lines if one.get("reason") == "the data are stale"]
        if len(stale) >= 4 or time.monotonic() - began > patience + 240 * (not cloud.is_local()):
            return pd.DataFrame(lines)
        time.sleep(1)


lines = log_lines()
lines["reason"] = lines["reason"].fillna("")
lines.groupby(["outcome", "reason"]).size().to_frame("events")

# %%
put_aside = []
while messages := sqs.receive_message(
        QueueUrl=failed, WaitTimeSeconds=2 if put_aside else 20).get("Messages"):
    for one in messages:
        put_aside.append(json.loads(one["Body"]))
        sqs.delete_message(QueueUrl=failed, ReceiptHandle=one["ReceiptHandle"])
for one in put_aside:
    print(one["requestContext"]["condition"], one["requestContext"]["approximateInvokeCount"],
          one["responsePayload"]["errorMessage"], one["requestPayload"]["detail"]["closed_at"])
assert len(put_aside) == 1

# %% [markdown]
# The stale event was tried three times, then moved to the queue of failures, complete, with its
# reason. (A good event of the same day came too. Otherwise that day would have no decision.)
#
# *ordered* may occur more often than there are days: the log also has the direct calls of November.
# And if two equal events are processed at the same time, both may send the order. It is the same
# decision with the same id, so the queue drops the second order. This is the purpose of the id.
#
# ## Recap
#
# - **Look-ahead** raises no error: test it by changing the future. One function makes the features,
#   from the bars up to the day.
# - **Walk-forward**: train on the years before, without their last day; test on the year after.
#   Compared with "always up" and after costs, the model is not worth trading on.
# - **SageMaker Serverless** needs an image that answers `/ping` and `/invocations`, `model.tar.gz`
#   in S3, and a role. Three calls create the model, its configuration and the endpoint. Without
#   requests nothing runs, and the next request waits for a container.
# - **Lambda** does the rest: it accepts only complete, fresh data of a closed day.
# - **Failures**: limited attempts and time, random pauses, and a breaker whose state is stored
#   outside the function. In doubt, send no order.
# - **One decision a day** needs three things: a key that can be written once, an id for the order,
#   and a target instead of a change.
#
# ## Clean up
#
# We delete the endpoint with its containers, role, image, model and log; the function with its
# decisions; rule and queues. Then we look whether anything is left.

# %%
remove()
left = [
    *(one["EndpointName"] for one in sagemaker.list_endpoints(NameContains=NAME)["Endpoints"]),
    *(one["ModelName"] for one in sagemaker.list_models(NameContains=NAME)["Models"]),
    *(one["EndpointConfigName"] for one in
      sagemaker.list_endpoint_configs(NameContains=NAME)["EndpointConfigs"]),
    *(one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]
      if one["Name"].startswith(NAME)),
    *(one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].startswith(NAME)),
    *(one["FunctionName"] for one in lambda_.list_functions()["Functions"]
      if one["FunctionName"].startswith(NAME)),
    *(one["Name"] for one in events.list_rules(NamePrefix=NAME)["Rules"]),
    *sqs.list_queues(QueueNamePrefix=NAME).get("QueueUrls", []),
]
if cloud.is_local():        # AWS may list a deleted queue for a minute
    assert left == [] and endpoints.containers(MODEL) == 0
left

# %% [markdown]
# ## Next
#
# [Lesson 19](19_choose_lambda_or_sagemaker.ipynb) compares Lambda with SageMaker, with the same
# model on both.
