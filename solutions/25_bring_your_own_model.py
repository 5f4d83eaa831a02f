# ---
# title: Bring your own model
# workshop:
#   number: "25"
#   needs: [docker]
#   reading: 20
#   exercises: 25
#   execution: 1
#   cost: "under $0.02"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Bring your own model
#
# The other lessons gave you a model. Here you choose the data, train a model, and take it all the
# way: equality, gate, deployment, alarm, rollback. Ten automatic checks judge the result, and the
# report is your certificate. Then take the commands `new` and `check` to your own work.
#
# **You will**
#
# - train a model on data that you choose, and prove that its ONNX file is equal
# - make a function's folder with `new`, and answer what the file does not say
# - pass the gate with `check`, and see which mistake only reference answers find
# - deploy a version behind an alias, with an alarm that rolls back a bad version
# - get a report that you can show to a reviewer
#
# **You need** Docker
#
# **Time** 20 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.02

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# First we remove what an earlier run of this lesson may have left.

# %%
import json
import shutil
import time
from pathlib import Path

import boto3

from workshop import deploy, triggers

NAME, ROLLBACK = deploy.name("own"), deploy.name("own-rollback")
FOLDER = Path("../build/own")
lambda_, logs = boto3.client("lambda"), boto3.client("logs")
cloudwatch = boto3.client("cloudwatch")


def remove():
    """Delete everything that this lesson makes."""
    found = cloudwatch.describe_alarms(AlarmNamePrefix=f"{NAME}-")["MetricAlarms"]
    if found:
        cloudwatch.delete_alarms(AlarmNames=[one["AlarmName"] for one in found])
    triggers.delete(ROLLBACK)
    deploy.delete(ROLLBACK)
    deploy.delete(NAME)
    shutil.rmtree(FOLDER, ignore_errors=True)


remove()
FOLDER.mkdir(parents=True)

# %% [markdown]
# ## Choose your data
#
# Three data sets are in the environment, as part of scikit-learn: `wine` (13 measurements, 3
# growers), `breast_cancer` (30 measurements, 2 diagnoses) and `iris` (4 measurements, 3 species).
# Change `CHOICE` if you like; all cells below work with each of them.
#
# The model gets numbers of 32 bits in production, so we train it with such numbers, too (lesson 13
# shows why this matters).

# %%
import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split

CHOICE = "wine"

data = getattr(datasets, f"load_{CHOICE}")(as_frame=True)
columns = [name.replace(" ", "_") for name in data.data.columns]
labels = [str(name) for name in data.target_names]
train_rows, test_rows, train_labels, test_labels = train_test_split(
    data.data.to_numpy(np.float32), data.target.to_numpy(), test_size=0.3, random_state=24,
    stratify=data.target)
guess = np.bincount(train_labels).argmax()
GUESS = float((test_labels == guess).mean())
print(f"{len(train_rows)} rows to train, {len(test_rows)} to test, {len(columns)} columns")
print(f"labels {labels}; always the most frequent one: {GUESS:.0%} right")

# %% [markdown]
# ### Exercise 1: train what you like (10 minutes)
#
# Complete `train`: return a fitted scikit-learn classifier or pipeline that has `predict_proba`.
# It must be at least 10 percentage points better than `GUESS` on the test rows.
#
# <details><summary>Hint</summary>
#
# `make_pipeline(StandardScaler(), LogisticRegression())`, then `.fit(rows, labels)`. A random
# forest works, too. `SVC` has no probabilities.
# </details>

# %% Exercise 1
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def train(rows, labels):
    """A fitted classifier for rows (float32, one row each) and labels (0, 1, …)."""
    # BEGIN SOLUTION
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(rows, labels)
    # END SOLUTION


# %% Check 1 tags=["check"]
from sklearn.exceptions import NotFittedError

mine = train(train_rows, train_labels)
assert mine is not None, "train returns nothing: is it still open, or is return missing?"
assert hasattr(mine, "predict_proba"), (
    f"{type(mine).__name__} has no predict_proba: choose a classifier that has probabilities")
try:
    score = float((mine.predict_proba(test_rows).argmax(1) == test_labels).mean())
except NotFittedError:
    raise AssertionError("the model is not fitted: call .fit(rows, labels)") from None
assert score >= GUESS + 0.1, (
    f"{score:.0%} of the test rows are right, always the same label has {GUESS:.0%}: choose a "
    "model that learns, and fit it with rows and labels")
print(f"Right: {score:.0%} of the test rows.")

# %% [markdown]
# If your answer is still open, the lesson continues with a standard model.

# %%
model = train(train_rows, train_labels)
if model is None:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(
        train_rows, train_labels)
expected = model.predict_proba(test_rows)
SCORE = float((expected.argmax(1) == test_labels).mean())
print(f"{type(model).__name__}: {SCORE:.0%} right")

# %% [markdown]
# ## Export, and prove equality
#
# As in lesson 03, skl2onnx writes the file. Without `zipmap`, the probabilities are one array.

# %%
import onnxruntime as ort
from skl2onnx import to_onnx

file = to_onnx(model, train_rows[:1], options={"zipmap": False}, target_opset=21)
(FOLDER / "model.onnx").write_bytes(file.SerializeToString())
session = ort.InferenceSession(FOLDER / "model.onnx")
found = session.run(["probabilities"], {session.get_inputs()[0].name: test_rows})[0]
print([(one.name, one.type, one.shape) for one in session.get_inputs()])
print(f"largest difference: {np.abs(found - expected).max():.1e}")

# %% [markdown]
# ### Exercise 2: which rows differ? (8 minutes)
#
# The largest difference says that something is wrong, but not where. Complete `differing`: return
# the positions of the rows in which any value differs by more than `tolerance`. A row with a value
# that is not a number (NaN) differs, too.
#
# <details><summary>Hint</summary>
#
# Every comparison with NaN is False. So ask which rows are *close*, and return the others.
# `np.abs(found - expected) <= tolerance`, then `.all(axis=1)`, then `~` and `np.flatnonzero`.
# </details>

# %% Exercise 2
def differing(expected, found, tolerance):
    """Positions of the rows that differ: arrays of one row for each request."""
    # BEGIN SOLUTION
    close = np.abs(found - expected) <= tolerance
    return np.flatnonzero(~close.all(axis=1))
    # END SOLUTION


# %% Check 2 tags=["check"]
one = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1], [0.4, 0.6]])
assert differing(one, one, 1e-5) is not None, "differing returns nothing: is it still open?"
assert list(differing(one, one, 1e-5)) == [], "equal rows do not differ: return no position"
more, less, empty, last = one.copy(), one.copy(), one.copy(), one.copy()
more[2, 0] += 0.01
assert list(differing(one, more, 1e-5)) == [2], "row 2 has a value that is larger: return [2]"
less[1, 0] -= 0.01
assert list(differing(one, less, 1e-5)) == [1], (
    "row 1 has a value that is smaller: take np.abs of the difference")
last[3, 1] += 0.01
assert list(differing(one, last, 1e-5)) == [3], (
    "row 3 differs in its second value only: look at all values of a row")
empty[0, 0] = np.nan
assert list(differing(one, empty, 1e-5)) == [0], (
    "row 0 has a NaN: no comparison with NaN is True, so ask which rows are close")
assert list(differing(one, more, 0.1)) == [], "a difference within the tolerance is none"
print("Right: each row that differs, and no other.")

# %% [markdown]
# ## A folder for the function
#
# The command `python3 -m workshop new NAME --from MODEL.onnx --kind table` writes the folder of a
# function. In a notebook, `bring.new` does the same. It reads the **signature** from the file:
# inputs, types, shapes, outputs. What the file does not say, it asks on the terminal. Here nobody
# can answer, so it refuses, and names every open question:

# %%
from workshop import bring

try:
    bring.new("my-own", FOLDER / "model.onnx", "table", folder=FOLDER / "my-own", terminal=False)
except bring.MissingError as error:
    print(error)

# %% [markdown]
# An ONNX file knows how many numbers a row has. It does not know their names, their order, or which
# values are possible. The training data know more: the argument `data` of `bring.new` is the path
# of a CSV file. But the ranges in that file are not the answer. Tomorrow's largest value may be
# larger than any in the training data. In `breast_cancer`, one value of the test rows is larger
# than the largest training value by more than the span (largest minus smallest). We allow two spans
# more on each side. That is our decision; the data do not prove it. The keys of `answers` are those
# that the message above asks for, and `range.COLUMN`.

# %%
table = pd.DataFrame(train_rows.astype(float), columns=columns)
table.to_csv(FOLDER / "train.csv", index=False)
answers = {"labels.probabilities": labels, "outputs": ["probabilities"]}
for name in columns:
    low, high = table[name].min(), table[name].max()
    answers[f"range.{name}"] = [low - 2 * (high - low), high + 2 * (high - low)]

folder = bring.new("my-own", FOLDER / "model.onnx", "table", answers, FOLDER / "train.csv",
                   folder=FOLDER / "my-own")
print(*sorted(path.name for path in folder.iterdir()), sep="\n")
signature = json.loads((folder / "signature.json").read_text())
signature["fields"][:2]

# %% [markdown]
# The folder needs nothing else of this workshop. Its `README.md` says what to do next. The second
# step there is yours: **reference answers**, from the training framework and not from the ONNX file.

# %%
reference = pd.DataFrame(test_rows.astype(float), columns=columns)
for place, label in enumerate(labels):
    reference[f"probabilities[{label}]"] = expected[:, place]
reference.to_csv(folder / "reference.csv", index=False)
print(f"{len(reference)} requests with their answers")

# %% [markdown]
# ## The gate
#
# `python3 -m workshop check FOLDER` builds the image, and starts it with Lambda's limits. It sends
# all reference requests and compares the answers. Then it sends wrong requests. It compares the
# start and the memory with the empty handler of lesson 14. It looks for permissions that are too
# wide, and for secrets. Its exit status is 1 when a gate fails, so a pipeline can use it.

# %%
report = bring.check(folder, starts=3)
print(bring.text(report))

# %% [markdown]
# ### Which mistake does only parity find?
#
# Suppose that somebody gives the columns in another order. All types fit, all requests are
# accepted, and every answer looks like an answer:

# %%
swapped = {**answers, f"columns.{session.get_inputs()[0].name}": columns[::-1]}
wrong = bring.new("swapped", FOLDER / "model.onnx", "table", swapped, folder=FOLDER / "swapped")
bad_report = bring.check(wrong, folder / "reference.csv", starts=1)
print(bring.text(bad_report))

# %% [markdown]
# Only the parity gate fails. Without reference answers, nothing would have failed. That is why the
# report then says *not checked* for parity, and never *passed*.

# %% [markdown]
# ## Deploy a version behind an alias
#
# These are the steps of lessons 05 and 21: push, function, version, alias.

# %%
IMAGES = [report.image, bad_report.image]


def release(image):
    """Publish the image as a version of the function, and return the version's number."""
    deploy.function(NAME, deploy.push(image, NAME), memory=1769, timeout=10)
    version = lambda_.publish_version(FunctionName=NAME)["Version"]
    lambda_.get_waiter("published_version_active").wait(FunctionName=NAME, Qualifier=version)
    return version


first = release(report.image)
lambda_.create_alias(FunctionName=NAME, Name="live", FunctionVersion=first)
requests = json.loads(reference[columns].to_json(orient="records", double_precision=15))


def ask(number):
    """Send test row NUMBER through the alias; return the version, the status, and if it is right."""
    response = lambda_.invoke(FunctionName=NAME, Qualifier="live",
                              Payload=json.dumps(requests[number]))
    answer = json.load(response["Payload"])
    scores = answer.get("outputs", {}).get("probabilities", {}).get("scores", {})
    right = bool(scores) and np.allclose(list(scores.values()), expected[number], atol=1e-4)
    return {"version": response["ExecutedVersion"], "status": answer.get("statusCode", 200),
            "right": right}


ask(0)

# %% [markdown]
# ## An alarm that rolls back
#
# The folder's `metrics.py` writes metrics for each version, as in lesson 21. An alarm watches the
# next version, EventBridge sends its change of state to the rollback function, and that function
# removes the version from the alias. There you built it from its parts;
# `triggers.roll_back_on_alarm` makes the same function, permission and rule:

# %%
triggers.roll_back_on_alarm(ROLLBACK, NAME)


def watch(version):
    """Make the alarm of a version: three faults within ten seconds."""
    cloudwatch.put_metric_alarm(
        AlarmName=f"{NAME}-{version}-faults", Namespace="my-own", MetricName="Faults",
        Dimensions=[{"Name": "FunctionName", "Value": NAME},
                    {"Name": "FunctionVersion", "Value": version}],
        Statistic="Sum", Period=10, EvaluationPeriods=1, Threshold=3,
        ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="notBreaching",
        Tags=[{"Key": key, "Value": value} for key, value in deploy.tags().items()])


watch(first)

# %% [markdown]
# Now a release without the gate. Somebody wants shorter answers, returns one output alone, and
# misspells its name. The function starts, because the mistake is in the handler, and then every
# request fails.

# %%
hasty = FOLDER / "hasty"
shutil.copytree(folder, hasty, ignore=shutil.ignore_patterns("__pycache__"))
code = (hasty / "lambda_function.py").read_text()
(hasty / "lambda_function.py").write_text(code.replace(
    "call.answer(predict(contract.read(call.read(EXAMPLE), fields)))",
    "call.answer(predict(contract.read(call.read(EXAMPLE), fields))['outputs']['probability'])"))
IMAGES.append(bring.build(hasty))
second = release(IMAGES[-1])
watch(second)

# %% [markdown]
# It gets a fifth of the requests, until the alarm removes it:

# %%
from workshop.triggers import until   # asks until the answer is true, and returns it


def weights():
    """{version: share} of the alias's extra version; {} without one."""
    return lambda_.get_alias(FunctionName=NAME, Name="live").get("RoutingConfig", {}).get(
        "AdditionalVersionWeights", {})


def outcomes():
    """What the rollback function logged."""
    found = logs.filter_log_events(logGroupName=f"/aws/lambda/{ROLLBACK}", filterPattern="outcome")
    return [json.loads(one["message"])["outcome"] for one in found["events"]]


lambda_.update_alias(FunctionName=NAME, Name="live",
                     RoutingConfig={"AdditionalVersionWeights": {second: 0.2}})
began, before = time.time(), []
while weights() and time.time() < began + 180:
    before += [ask(number % len(requests)) for number in range(10)]
if not cloud.is_local():
    time.sleep(10)                          # until all of Lambda knows of the changed alias
print(f"rolled back after {time.time() - began:.0f} s")
pd.DataFrame(before).groupby(["version", "status", "right"]).size()

# %%
until(outcomes)
after = [ask(number % len(requests)) for number in range(40)]
print(outcomes(), pd.DataFrame(after).groupby(["version", "status", "right"]).size().to_dict())

# %% [markdown]
# ### Exercise 3: has it recovered? (7 minutes)
#
# A rollback is finished when users get right answers again, and not when an alarm is quiet.
# Complete `recovered`: `rows` is a list of dictionaries as `ask` returns them. Return True if the
# **last 20** rows all come from `version`, with status 200, and are right. With fewer than 20 rows
# nobody can know yet: return False.
#
# <details><summary>Hint</summary>
#
# `rows[-20:]` are the last 20 or fewer. `all(…)` of an empty list is True, so look at the number
# of rows first.
# </details>

# %% Exercise 3
def recovered(rows, version):
    """Whether the last 20 rows are right answers of a version."""
    # BEGIN SOLUTION
    return len(rows) >= 20 and all(
        row["version"] == version and row["status"] == 200 and row["right"] for row in rows[-20:])
    # END SOLUTION


# %% Check 3 tags=["check"]
good = {"version": "1", "status": 200, "right": True}
assert recovered([good] * 20, "1") is not None, "recovered returns nothing: is it still open?"
assert recovered([good] * 20, "1"), "20 right answers of version 1: that is recovered"
assert not recovered([good] * 19, "1"), "19 rows are too few: nobody can know yet"
assert not recovered([], "1"), "no rows are too few: nobody can know yet"
assert recovered([{**good, "status": 500}] + [good] * 20, "1"), (
    "an old fault does not count: look at the last 20 rows")
for row, what in (({**good, "version": "2"}, "comes from another version"),
                  ({**good, "status": 500}, "has status 500"), ({**good, "right": False}, "is wrong")):
    assert not recovered([good] * 19 + [row], "1"), f"the last row {what}: it is not recovered"
    assert not recovered([good] * 5 + [row] + [good] * 19, "1"), (
        f"one of the last 20 rows {what}: look at each of them")
print("Right: users get right answers again.")

# %% [markdown]
# ## Ten checks, and the certificate
#
# Each line is computed from what happened above. The certificate is this list and the report of the
# gate.

# %%
gates = {gate.name: gate.passed for gate in report.gates}
alias = lambda_.get_alias(FunctionName=NAME, Name="live")
last = after[-20:]
CHECKS = {
    "the model is better than always the same label": SCORE >= GUESS + 0.1,
    "the ONNX file gives the model's answers": np.allclose(found, expected, atol=1e-4),
    "the gate passes": report.passed,
    "the image gives the reference answers": gates["parity"],
    "wrong requests are refused, with the field's name": gates["refusals"],
    "the function may write its log, and nothing else": gates["permissions"],
    "there is no secret in folder or image": gates["secrets"] and gates["content"],
    "start, memory and size are within their limits": all(
        gates[name] for name in ("INIT", "memory", "size")),
    "the alarm removed the bad version": "rolled back" in outcomes() and not weights(),
    "users get right answers again": alias["FunctionVersion"] == first and all(
        row == {"version": first, "status": 200, "right": True} for row in last)}
lines = [f"- [{'x' if passed else ' '}] {what}" for what, passed in CHECKS.items()]
certificate = Path("../build/check/certificate.md")
certificate.write_text("\n".join([
    f"# Ten checks: {sum(map(bool, CHECKS.values()))} of {len(CHECKS)} ({CHOICE})", "", *lines, "",
    report.file.read_text(encoding="utf-8")]), encoding="utf-8")
print(*lines, sep="\n")
assert all(CHECKS.values()), "look at the lines without an x"

# %% [markdown]
# ## Recap
#
# - **Train and prove:** the probabilities of the file are those of the model, row by row.
# - **`new`** reads what the file says, and asks for the rest: names, order, ranges, labels.
# - **`check`** is the gate. Only reference answers find columns in a wrong order.
# - **Alias, alarm, rollback:** a bad version gets a share of the requests, for seconds.
# - **The report** says what was checked, what was asked, and what nobody can see.
#
# ## Clean up

# %%
remove()
print([one["FunctionName"] for page in lambda_.get_paginator("list_functions").paginate()
       for one in page["Functions"] if one["FunctionName"].startswith(NAME)])

# %%
# !docker rmi --force {" ".join(IMAGES)}

# %% [markdown]
# ## Next
#
# That was the last lesson. Take a model of yours to `python3 -m workshop new`, and begin with a
# budget ([lesson 24](24_clean_up.ipynb)).
