# ---
# title: Put a function under load
# workshop:
#   number: "22"
#   needs: [docker]
#   reading: 35
#   exercises: 25
#   execution: 1
#   cost: "under $0.01"
#   products: []
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Put a function under load
#
# **You will**
#
# - send ten requests at the same time to a new function, and count its cold starts
# - send requests at a rate that the function cannot slow down, and read the percentiles of the wait
# - predict concurrency as rate × duration, and count it
# - let reserved concurrency and the API's throttle refuse requests, and predict how many
# - see retries come in waves, and spread them
# - see what a load test hides when its clients wait for answers
# - find which limit of AWS comes first for a given function
#
# **You need** Docker, and the model of lesson 03 (made now if it is missing). On AWS, an account that
# may run more than 110 executions at the same time: new accounts have less, and cannot reserve any
#
# **Time** 35 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ## Where a request can be refused
#
# ```mermaid
# flowchart LR
#     accDescr {
#         Requests go from Locust to an HTTP API, from there to Lambda, and from there to an
#         environment. The API refuses with 429 what exceeds its rate; what exceeds the concurrency
#         is refused by Lambda, and the API says 503.
#     }
#     locust(["Locust<br/>requests at<br/>planned moments"]) --> api["HTTP API<br/>rate and burst"]
#     api --> gate["Lambda<br/>concurrency"]
#     gate --> env["environments<br/>one request<br/>at a time each"]
#     api -.->|429| locust
#     gate -.->|"429, through<br/>the API 503"| locust
#     style gate fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# Two functions are behind this API: the churn model of lesson 04, and
# [`hold`](../lambda/hold/lambda_function.py), which only waits, as long as the request says. `hold`
# is no model. We need it because, to predict a concurrency, we must know the duration.

# %%
import json
import time

import boto3
import pandas as pd

from workshop import deploy, load

CHURN, HOLD = deploy.name("load"), deploy.name("load-hold")
for name in (CHURN, HOLD):
    deploy.delete(name)         # what an earlier run has left

image = deploy.push(deploy.build("churn", "../build/models/churn.onnx"), CHURN)
deploy.function(CHURN, image, memory=1769, timeout=10)
deploy.zip_function(HOLD, folder="hold", memory=256, timeout=30)
url = deploy.http_api(CHURN, CHURN, "POST /predict")
deploy.http_api(CHURN, HOLD, "POST /hold")

lambda_, gateway = boto3.client("lambda"), boto3.client("apigatewayv2")
test = pd.read_csv("../build/models/churn_test.csv").drop(columns="churn")
question = {"customer": json.loads(test.head(1).to_json(orient="records"))[0]}

# %% [markdown]
# ## Ten requests at the same time, right after a deployment
#
# The new function has not had a request yet, so it has no execution environment. An environment
# works on **one request at a time**. What happens when ten requests come at the same moment? We
# read the end of each request's log (`LogType="Tail"`): an `Init Duration` there means that this
# request waited for a cold start.

# %%
import base64
import re
from concurrent.futures import ThreadPoolExecutor


def ten_at_once():
    """A row for each of ten requests: when it was sent and answered (s), its Init Duration (ms)."""
    began = time.perf_counter()

    def ask(_):
        sent = time.perf_counter() - began
        response = lambda_.invoke(FunctionName=CHURN, LogType="Tail", Payload=json.dumps(question))
        assert "FunctionError" not in response, response["Payload"].read()
        log = base64.b64decode(response["LogResult"]).decode()
        init = re.search(r"Init Duration: ([\d.]+) ms", log)
        return sent, time.perf_counter() - began, float(init[1]) if init else None

    with ThreadPoolExecutor(10) as pool:
        return pd.DataFrame(pool.map(ask, range(10)), columns=["sent", "answered", "init"])


fresh, again = ten_at_once(), ten_at_once()
print("Init Durations in the log, fresh:", fresh["init"].count())
print("Init Durations in the log, again:", again["init"].count())
assert 1 < fresh["init"].count() <= 10
assert again["init"].count() < fresh["init"].count()

# %%
from workshop.plots import load as plot, show

show(*plot.bursts({"Right after deployment": fresh, "Again": again}))

# %% [markdown]
# Look at these points:
#
# - **A deployment ends all environments**, for all clients at the same time. On AWS, ten requests
#   meet up to ten cold starts. On the local cloud, only as many environments work at the same time
#   as your machine has memory and processors for, and the other requests wait ([local cloud and
#   AWS](../workshop/LOCAL_CLOUD.md)).
# - The second time, hardly any request waits, because the environments exist. If you measure the
#   second time alone, you do not see what your users see after a release.
# - A cold start is *more than one slow request*: while INIT runs, every other request that arrives
#   needs its own environment. Lesson 14 shortens INIT, and with it the length of this burst.
#
# ## A rate that nobody can slow down
#
# How long do clients wait when twenty requests come each second, or sixty? **Locust**
# ([locust.io](https://locust.io)) sends them from another process. The moments are drawn and
# written down *before* the first request is sent:

# %%
plan = load.arrivals(rate=5, seconds=2, path="/predict", body=question)
print(len(plan), "requests, at", [round(entry["at"], 2) for entry in plan])

# %% [markdown]
# These are random moments with a fixed average, as from many people who do not know each other (a
# **Poisson process**). The next request comes, whether the last one was answered or not. This is an
# **open model**, and real users of a public endpoint behave like it. The other kind is a **closed
# loop**: a number of clients, each of which waits for its answer before the next request.
#
# A closed loop is good for one purpose: it measures the capacity. Here are eight clients for three
# seconds:

# %%
calls = load.run(url, load.callers(8, seconds=3, path="/predict", body=question))
assert set(calls["status"]) == {200}, calls["status"].value_counts()
capacity = min(100, (calls["answered"] < 3).sum() / 3)
print(f"about {capacity:.0f} requests a second go through")
calls[["sent", "answered", "status", "text", "latency"]].head(3)

# %% [markdown]
# Now the open model, at three rates in turn: a quarter of the capacity, a half, and a third *more*
# than the capacity.

# %%
SHARES, SECONDS = (0.25, 0.5, 1.33), 3
calls = load.run(url, *(
    load.arrivals(share * capacity, SECONDS, "/predict", question, begin=number * SECONDS,
                  name=f"{share:.0%} of capacity", seed=number)
    for number, share in enumerate(SHARES)))
late = (calls["sent"] - calls["planned"]).quantile(0.99)
print(f"{len(calls)} requests; 99 of 100 left less than {1000 * late:.0f} ms behind the plan")

waits = calls.groupby("name", sort=False)["latency"].quantile([0.5, 0.9, 0.99]).unstack() * 1000
assert (waits[0.5] <= waits[0.9]).all() and (waits[0.9] <= waits[0.99]).all()
waits.rename(columns=lambda share: f"p{100 * share:.0f}").round(0).rename_axis("latency, ms")

# %% [markdown]
# `p90` is the 90th percentile: nine of ten requests waited no longer. How far the requests left behind
# their plan should be in every report of a load test: a generator that cannot keep its own plan measures itself.

# %%
import numpy as np

show(*plot.latency(calls))

# %% [markdown]
# Look at these points:
#
# - **There is no single latency.** At each rate, compare the usual wait (p50) with the slowest of a
#   hundred (p99). A user who sends ten requests meets the slowest tenth once on average.
# - **Above the capacity, the wait grows with time,** so time is on the x axis. More requests come
#   in than go out, so each one waits longer than the one before. No percentile describes that. (On
#   AWS, or with many processors here, even the third rate may find no queue.)
# - p99 of a hundred requests depends on *one* request. For a p99 that you can publish, send
#   thousands.
# - **The queue does not exist on AWS.** The local cloud lets requests wait for your processors.
#   Lambda does not queue these. It starts an environment for each request that finds none free, and
#   when the limit is reached, it refuses. The next section computes how many that is.

# %% [markdown]
# ## Concurrency = rate × duration
#
# Let 4 requests come each second, and let each keep an environment busy for half a second. Then two
# environments are busy on average. This is **Little's law** (J. D. C. Little, *Operations
# Research*, 1961). It holds however the requests come and however the durations differ. We try
# three settings. The second has a longer duration than the first. The third has the same product as
# the second.

# %%
SETTINGS = [(4, 0.2), (4, 0.5), (8, 0.25)]      # requests a second, seconds each
calls = load.run(url, load.burst(10, "/hold", {"seconds": 0.1}, name="warm up"), *(
    load.arrivals(rate, 3, "/hold", {"seconds": seconds}, begin=1.5 + 3.5 * number,
                  name=f"{rate} a second, {seconds} s", seed=number)
    for number, (rate, seconds) in enumerate(SETTINGS)))
assert set(calls["status"]) == {200}, calls["status"].value_counts()
answers = pd.concat([calls[["name"]], pd.DataFrame(map(json.loads, calls["text"]))], axis=1)
answers.tail(3)

# %% [markdown]
# Each answer contains when its execution environment started and stopped working, and which one it
# was. So we can *count* the busy ones at each moment, and compare.

# %%
rows, runs = [], {}
for (rate, seconds), (name, held) in zip(
        SETTINGS, list(answers.groupby("name", sort=False))[1:]):
    first, last = held["began"].min(), held["ended"].max()
    moments = np.arange(first, last, 0.01)
    busy = load.in_flight(held, moments, "began", "ended")
    predicted = len(held) / (last - first) * seconds
    rows.append({"requests a second": len(held) / (last - first), "seconds each": seconds,
                 "rate × duration": predicted, "busy, average": np.mean(busy),
                 "busy, most": max(busy), "environments": held["environment"].nunique()})
    runs[name] = moments - first, busy, predicted
show(*plot.busy(runs))
little = pd.DataFrame(rows)
assert (little["busy, average"] / little["rate × duration"]).between(0.8, 1.5).all(), little
little.round(2)

# %% [markdown]
# Look at these points:
#
# - The law holds, as exactly as we can count. A function's duration and its users' rate give its
#   concurrency, *before* anything is deployed.
# - **It gives the average.** Requests come at random, so at some moments twice or three times as
#   many are busy. This peak, not the average, meets a limit. (On the local cloud it stops at the
#   number of environments that your machine can bear; the other requests wait.)
# - Change the duration: a function that is twice as fast halves the concurrency, and the bill.
#
# ## Refused
#
# You can set two limits. **Reserved concurrency** is the number of environments of a function that
# may be busy at the same time. Lambda takes them out of the account's pool for this function, and
# never gives it more. First we call the function directly, with two requests at the same time where
# one may run, and a client that does not try again:

# %%
from botocore.config import Config
from botocore.exceptions import ClientError


def client(mode, attempts):
    """A client of Lambda that makes at most so many attempts, in one of botocore's retry modes."""
    return boto3.client("lambda", config=Config(
        retries={"mode": mode, "total_max_attempts": attempts}, max_pool_connections=20))


def reserve(concurrency):
    lambda_.put_function_concurrency(FunctionName=HOLD, ReservedConcurrentExecutions=concurrency)
    if not cloud.is_local():
        time.sleep(10)          # it is not known everywhere at once


def invoke(request, once=client("standard", 1)):
    try:
        return once.invoke(FunctionName=HOLD, Payload=json.dumps({"seconds": 0.5}))["StatusCode"]
    except ClientError as error:
        return error.response


reserve(1)
with ThreadPoolExecutor(2) as pool:
    one, other = sorted(pool.map(invoke, range(2)), key=lambda answer: answer != 200)
print(one)
print(other["Error"]["Code"], other["ResponseMetadata"]["HTTPStatusCode"])
print(other.get("Reason"))
assert one == 200 and other["Error"]["Code"] == "TooManyRequestsException"

# %% [markdown]
# The second limit is the API's **throttle**, for each route if you like (lesson 06): a number of
# requests a second, and a burst on top. Now both under load. `/hold` may have one environment and
# gets a load of 2; `/predict` may have 5 requests a second and gets 20.

# %%
api_id, = (api["ApiId"] for api in gateway.get_apis()["Items"] if api["Name"] == CHURN)
gateway.update_stage(ApiId=api_id, StageName="$default", RouteSettings={
    "POST /predict": {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 5}})
if not cloud.is_local():
    time.sleep(30)              # as above

calls = load.run(url, load.arrivals(8, 4, "/hold", {"seconds": 0.25}),
                 load.arrivals(20, 4, "/predict", question, seed=20))
counts = pd.crosstab(calls["name"], calls["status"])
print(calls[calls["status"] != 200].groupby("status")["text"].first().to_string())
assert counts.loc["/hold", 503] > 0 and counts.loc["/predict", 429] > 0, counts
counts

# %% [markdown]
# Look at these points:
#
# - **Two codes mean that Lambda had no room: try again later.** The API's own refusal is `429`. Lambda's is 429 as
#   well, but the HTTP API answers its client with `503 Service Unavailable` (a REST API with 500, a
#   function URL with 429). A client that repeats only 429 stops too early.
# - When Lambda refuses a request, your code does not run. You pay only for the API's request. In
#   the metrics, refusals count as `Throttles`, not as `Errors`: an alarm on errors does not see
#   them.
# - Reserve concurrency to protect: a database with twenty connections, a budget, another function
#   of the same account. But every reservation takes environments from all other functions.

# %%
measured = counts.loc["/hold", 503] / counts.loc["/hold"].sum()
print(f"refused at a load of 2 with one environment: {measured:.0%}")
gateway.update_stage(ApiId=api_id, StageName="$default", RouteSettings={
    "POST /predict": {"ThrottlingRateLimit": 1000, "ThrottlingBurstLimit": 1000}})
None

# %% [markdown]
# ### Exercise 1: how many will be refused? (10 minutes)
#
# With a load of 2 (rate × duration) and two environments, you might expect no refusals. Telephone
# companies learned a hundred years ago that this is wrong: calls come at random, and sometimes
# three come together. (Their *line* is our environment: it serves one call at a time.) A. K.
# Erlang's formula (1917) computes the refused share for each number of lines from the share with
# one line less. Without a line, everybody is refused; then
#
# ```text
# share with 0 lines = 1
# share with n lines = load × share before / (n + load × share before)
# ```
#
# Complete `refused`.
#
# <details><summary>Hint</summary>Begin with <code>share = 1</code>, and in a loop over 1, 2, …,
# <code>environments</code> replace it by the next one. <code>range(1, environments + 1)</code>
# ends at the right number.</details>

# %% Exercise 1
def refused(load, environments):
    """Share (0 to 1) of requests refused. load: rate × duration. environments: reserved."""
    # BEGIN SOLUTION
    share = 1.0
    for number in range(1, environments + 1):
        share = load * share / (number + load * share)
    return share
    # END SOLUTION

# %% Check 1 tags=["check"]
assert refused(2, 1) not in (None, ...), "refused returns nothing: is it still open?"
assert refused(2, 0) == 1, (
    f"without an environment everybody is refused: {refused(2, 0)} should be 1")
assert abs(refused(1, 1) - 0.5) < 1e-9, f"load 1, one environment: half is refused, you say {refused(1, 1)}"
assert abs(refused(2, 1) - 2 / 3) < 1e-9, (
    f"load 2, one environment: 2 / (1 + 2), you say {refused(2, 1):.3f}; does the load stand above "
    "and below?")
assert abs(refused(2, 2) - 0.4) < 1e-9, (
    f"load 2, two environments: 0.4, you say {refused(2, 2):.3f}; each step divides by its own "
    "number, and starts from the share of the step before")
assert abs(refused(8, 15) - 0.00911) < 1e-4, (
    f"load 8, fifteen environments: 0.0091, you say {refused(8, 15):.4f}; how many steps are that?")
print(f"measured {measured:.0%}, Erlang says {refused(2, 1):.0%}")
for busy in (0.5, 2, 8, 50, 400):
    needed = next(n for n in range(1, 1000) if refused(busy, n) <= 0.01)
    print(f"load {busy:5}: {needed:3} environments for at most 1 % refused, {needed / busy:.2f} × load")

# %% [markdown]
# *Notice* the last column: a small function needs many times its average, and a large function
# needs little more than its average. In a large crowd, chance matters less. So a function without a
# reservation, in the account's large pool, is safer than a function whose reservation is its
# average. (The measured share differs from Erlang's, because there are only about thirty requests.)
#
# ## Try again, but not all together
#
# A refusal is quick, so the client tries again. When? **Exponential backoff** means: after a wait,
# then after twice that wait, and so on. **Jitter** means: after a random part of that wait.
#
# Twenty clients come at the same moment, as after a deployment or at the full hour. There are two
# environments, and a request takes 0.2 s. The library [tenacity](https://tenacity.readthedocs.io)
# waits for us; we write down when each attempt is made.

# %%
import requests
import tenacity

CLIENTS, ATTEMPTS, REFUSED = 20, 5, (429, 503)


def storm(attempts=ATTEMPTS, **options):
    """All clients at once: a row for each attempt (client, second, status)."""
    log, began = [], time.perf_counter()

    def customer(number):
        def attempt():
            sent = time.perf_counter() - began
            status = requests.post(f"{url}/hold", json={"seconds": 0.2}, timeout=40).status_code
            log.append((number, sent, status))
            return status

        again = tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda status: status in REFUSED),
            stop=tenacity.stop_after_attempt(attempts),
            retry_error_callback=lambda state: state.outcome.result(), **options)
        return again(attempt)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(customer, range(CLIENTS)))
    return pd.DataFrame(log, columns=["client", "second", "status"])


reserve(2)
storms = {
    "once": storm(attempts=1),
    "backoff": storm(wait=tenacity.wait_exponential(multiplier=0.2, max=1.2)),
    "backoff with jitter": storm(wait=tenacity.wait_random_exponential(multiplier=0.4, max=2.4))}
failed = {name: CLIENTS - (log["status"] == 200).sum() for name, log in storms.items()}
assert failed["backoff with jitter"] < failed["once"]
assert failed["backoff with jitter"] <= failed["backoff"], failed
pd.DataFrame({name: {"clients answered": CLIENTS - failed[name], "clients given up": failed[name],
                     "attempts": len(log)} for name, log in storms.items()}).T

# %% [markdown]
# Without jitter, the wait is exactly 0.2, 0.4, 0.8, 1.2 … seconds. With jitter it is a random
# number between 0 and *twice* that, so that both wait equally long on average.

# %%
show(*plot.storms({name: storms[name] for name in ("backoff", "backoff with jitter")}, failed,
                  CLIENTS))

# %% [markdown]
# *Notice* the waves. Backoff alone moves the crowd to a later moment. Clients that came at the same
# time come at the same time again. Between the waves, both environments wait. Jitter uses that
# time, with fewer attempts. (M. Brooker, *Exponential Backoff And Jitter*, AWS Architecture Blog,
# 2015, simulates the same.)
#
# A retry is load as well. If *every* client tries five times, a service in trouble gets up to five
# times the requests. So use few attempts, a longest wait, and no retry for failures that cannot get
# better.
#
# ### boto3 does it already
#
# Between AWS's own clients and services, `botocore` retries, in one of three modes:
#
# | mode | attempts, unless set | waits | and |
# |---|---|---|---|
# | `legacy` (boto3's default) | 5 | exponential, random | fewer kinds of errors are repeated |
# | `standard` | 3 | a random part of 1, 2, 4 … at most 20 s | a quota of retries for the client; when it is used up, there are no retries |
# | `adaptive` | 3 | the same | a brake: after a refusal the client itself sends less often |
#
# (boto3 guide, *Retries*, and SDK reference, *Retry behavior*, checked 2026-11.) Here are four
# requests at the same time, and one environment:

# %%
def crowd(lambda_client, number=4):
    def ask(_):
        try:
            response = lambda_client.invoke(FunctionName=HOLD, Payload=json.dumps({"seconds": 0.1}))
        except lambda_client.exceptions.TooManyRequestsException as error:
            response = error.response
        return response["ResponseMetadata"]

    with ThreadPoolExecutor(number) as pool:
        responses = list(pool.map(ask, range(number)))
    return {"answered": sum(one["HTTPStatusCode"] == 200 for one in responses),
            "refused": sum(one["HTTPStatusCode"] == 429 for one in responses),
            "retries": sum(one["RetryAttempts"] for one in responses)}


reserve(1)
modes = pd.DataFrame({"standard, once": crowd(client("standard", 1)),
                      "standard, 6 attempts": crowd(client("standard", 6)),
                      "adaptive, 6 attempts": crowd(client("adaptive", 6))}).T
assert modes.loc["standard, 6 attempts", "refused"] < modes.loc["standard, once", "refused"], modes
lambda_.delete_function_concurrency(FunctionName=HOLD)
modes

# %% [markdown]
# So a call that "takes three seconds" may have been three calls. `RetryAttempts` in the response's
# `ResponseMetadata` has the number; write it into your logs. A slow `invoke` is also sent again:
# after 60 seconds without an answer, boto3 repeats the call, and the function runs once more. For
# long functions, set `read_timeout` above the function's time-out, and `total_max_attempts` to 1
# (`botocore.config.Config`).
#
# ### Exercise 2: may this be repeated? (7 minutes)
#
# A retry does not help with every failure, and not every request may be sent twice. A refusal (429)
# has done nothing: always repeat. Any other 4xx means that the *request* is wrong: never repeat.
# With a 5xx, or without any answer (status 0), nobody knows whether the work was done. That
# includes 503, because an HTTP API also sends it when the function took over 30 seconds. Repeat
# those only if the work is **idempotent**: doing it twice has the same effect as doing it once. Do
# not repeat a success. Complete `repeat`.
#
# <details><summary>Hint</summary>429 first. Then, what is below 500 but not 0 is
# settled.</details>

# %% Exercise 2
def repeat(status, idempotent):
    """Whether to send a request again. status: HTTP status, 0 for no answer. idempotent: bool."""
    # BEGIN SOLUTION
    if status == 429:
        return True
    unknown = status == 0 or status >= 500
    return unknown and idempotent
    # END SOLUTION

# %% Check 2 tags=["check"]
assert repeat(429, True) not in (None, ...), "repeat returns nothing: is it still open?"
assert repeat(200, True) is False, "200 went well: never repeat it"
assert repeat(429, True) is True and repeat(429, False) is True, (
    "429 was refused before anything ran: repeat it, idempotent or not")
assert repeat(400, True) is False and repeat(404, True) is False, (
    "400 and 404 say that the request is wrong: it will be as wrong the next time")
for status in (500, 502, 503, 504):
    assert repeat(status, True) is True, f"{status} of idempotent work: repeat it"
    assert repeat(status, False) is False, (
        f"{status}: perhaps the work was done; what is not idempotent would be done twice")
assert repeat(0, True) is True, "no answer, idempotent: nothing speaks against another try"
assert repeat(0, False) is False, "no answer: perhaps the work was done, and only the answer lost"
print("Right. A prediction is idempotent; an order is not, unless it carries an id (lesson 17).")

# %% [markdown]
# ## What a closed loop hides
#
# We send two kinds of load to the same function *at the same time*, six requests a second each. One
# is open. The other is one client who waits for the answer before the next request, like a loop in
# a test script. In the middle, the function **stalls**: requests from second 2 to second 3.5 are
# answered after second 3.5, as with a database that changes its primary. (`hold` gets these times
# in its requests, by the clock of your machine.)

# %%
RATE, STALL = 6, [2.0, 3.5]
slow = {"seconds": 0.05, "stall": STALL}
calls = load.run(
    url, load.burst(8, "/hold", {"seconds": 0.1}, begin=0, name="warm up"),
    load.arrivals(RATE, 5.5, "/hold", slow, begin=0.5, name="open model"),
    load.callers(1, 5.5, "/hold", slow, begin=0.5, pace=1 / RATE, name="closed loop"))
calls = calls[calls["name"] != "warm up"]
assert set(calls["status"]) == {200}, calls["status"].value_counts()
opened, closed = (calls[calls["name"] == name] for name in ("open model", "closed loop"))

# %%
def stalled(some):
    """Share of the requests that waited for more than a third of the stall."""
    return (some["latency"] > (STALL[1] - STALL[0]) / 3).mean()


show(*plot.stall(calls, STALL))
print(f"waited over a third of the stall: open {stalled(opened):.0%}, closed {stalled(closed):.0%}")
assert stalled(opened) > stalled(closed), "no stall seen: is the clock of your machine right?"

# %% [markdown]
# *Notice* the left plot. It is the same function at the same time, but the closed loop has **one**
# point in the stall. Its client waited. The requests that it would have sent in that time are
# missing from the result. Those are the slow ones. The slower the service, the fewer requests it
# gets, and the better its percentiles look. Gil Tene named this **coordinated omission** (*How NOT
# to Measure Latency*, 2013).
#
# So check three things before you believe a load test. Was it open? Was latency counted from the
# *planned* moment (as `load.run` does), or from the moment of sending? Did the generator keep its
# plan? Locust itself, used as in its tutorial, with users that loop, is closed. Here each arrival
# is a user of its own who sends one request and ends
# ([`workshop/load/locustfile.py`](../workshop/load/locustfile.py)).
#
# ### Exercise 3: put back what was left out (8 minutes)
#
# If you only have the record of a closed loop, and you know its pace, you can estimate what is
# missing. A request that took 1 s in a loop with a pace of 0.25 s stands for three more requests
# that should have been sent in that time. They would have waited 0.75, 0.5 and 0.25 s.
# HdrHistogram's `recordValueWithExpectedInterval` adds them: for each latency, it adds the latency
# less one pace, less two paces and so on, **as long as at least one pace is left**. Complete
# `corrected`.
#
# <details><summary>Hint</summary>A <code>while</code> loop inside the <code>for</code> loop:
# <code>missing = latency - pace</code>, and as long as <code>missing >= pace</code>, append it and
# take one more pace away.</details>

# %% Exercise 3
def corrected(latencies, pace):
    """The latencies (s), and those of the requests that a closed loop of this pace (s) left out."""
    full = []
    # BEGIN SOLUTION
    for latency in latencies:
        full.append(latency)
        missing = latency - pace
        while missing >= pace:
            full.append(missing)
            missing -= pace
    # END SOLUTION
    return full

# %% Check 3 tags=["check"]
assert corrected([0.125], 0.25), "corrected returns an empty list: is it still open?"
assert corrected([0.125, 0.125], 0.25) == [0.125, 0.125], (
    "latencies shorter than the pace left nothing out: they stay, each once; you return "
    f"{corrected([0.125, 0.125], 0.25)}")
found = sorted(corrected([1.0], 0.25), reverse=True)
assert 1.0 in found, f"the latency itself belongs in it as well: {found}"
assert 0 not in found, f"a wait of 0 s is no request that was left out: {found}"
assert found == [1.0, 0.75, 0.5, 0.25], (
    f"1 s at a pace of 0.25 s: expected 1, 0.75, 0.5, 0.25; you return {found}")
found = sorted(corrected([0.625, 0.125], 0.25), reverse=True)
assert found == [0.625, 0.375, 0.125], (
    f"0.625 s at a pace of 0.25 s stands for one more, 0.375 s; less than one pace is not added. "
    f"You return {found}")
filled = pd.DataFrame({"latency": corrected(closed["latency"], 1 / RATE)})
print(f"waited over a third of the stall: open {stalled(opened):.0%}, closed {stalled(closed):.0%},"
      f" closed and corrected {stalled(filled):.0%}")

# %% [markdown]
# The correction is an estimate. It assumes that the missing requests would have been served in
# order. One run has few requests, so the corrected share can miss the open loop's by some points in
# either direction. A load test that is open needs no correction.
#
# ## Which limit comes first?
#
# These limits apply to your function on AWS, unless you ask for more (checked 2026-11):
#
# | limit | value | what the caller sees | source |
# |---|---|---|---|
# | API Gateway's throttle, account and Region | 10,000 requests/s, burst 5,000 | 429 | *Amazon API Gateway quotas*; in some newer Regions 2,500 and 1,250 |
# | your throttle for a stage or route | as set, "best effort" | 429 | *Throttle your HTTP APIs* |
# | concurrency, account and Region | 1,000; in new accounts less, often 10 | 429, through an HTTP API 503 | *Lambda quotas* ("reduced"); the 10: DataDog/datadog-serverless-functions #621 |
# | requests/s to Lambda | 10 × the concurrency | the same | *Understanding Lambda function scaling* |
# | reserved concurrency | as set; 100 must stay unreserved | the same | *Configuring reserved concurrency* |
# | new environments, each function | 1,000 every 10 s | the same, for the rest | *Lambda scaling behavior* |
# | how long an HTTP API waits | 30 s (REST: 29 s, can be raised) | 503 (REST: 504) | *Quotas for HTTP APIs* |
#
# Your current account reports these values (the local cloud: AWS's default, or what its memory
# allows):

# %%
limits = lambda_.get_account_settings()["AccountLimit"]
print("at the same time:", limits["ConcurrentExecutions"],
      "  of these unreserved:", limits["UnreservedConcurrentExecutions"])

# %% [markdown]
# Little's law converts the concurrency into a rate: at most *concurrency / duration* requests a
# second. Where the lines cross, another limit comes first.

# %%
show(*plot.limits({"account, 1,000 at the same time": 1000, "new account, 10": 10}))

# %% [markdown]
# Look at these points:
#
# - Below 0.1 s, a faster function does not raise the rate any more. One unit of concurrency gives
#   ten requests a second. Our model is far below 0.1 s.
# - In a new account, a function of one second serves **ten requests a second**, shared with every
#   other function. Look at this number, and ask for more, well before the launch.
# - The scaling rate matters only in a burst. From zero to 1,000 environments takes a moment, to
#   3,000 about twenty seconds, if the account may have them.
# - An answer after 30 s reaches nobody. The client has a 503 and tries again, while the function
#   goes on and is billed. Put long work behind a queue (lesson 17).
#
# | the same on AWS | not the same |
# |---|---|
# | rate × duration; Erlang's share; waves and jitter; what a closed loop hides | milliseconds, capacity |
# | the codes and exceptions of a refusal | a queue before the function: AWS starts environments, or refuses |
# | that a burst after a deployment is cold | how many are cold: here as many as your machine bears |
# | the API's throttle | its exactness: on AWS a goal, not a promise |
#
# Before you send load to AWS, remember that you pay for it. All functions share the account's
# concurrency. So a test of yours can throttle another team's production.

# %% [markdown]
# ## Recap
#
# - **After a deployment every environment is cold**; count `Init Duration` in the log.
# - **An open model** sends at planned moments, and latency counts from there. Show percentiles,
#   over time, and report how well the generator kept its plan.
# - **Concurrency = rate × duration**, on average. Peaks need more; Erlang's formula computes how
#   much.
# - **Refusals** are `TooManyRequestsException`, 429, or 503 through an HTTP API; they are
#   `Throttles`, not `Errors`.
# - **Retries** need a limit, backoff and jitter, and work that may be done twice.
# - **A closed loop leaves out** the requests that it should have sent while it waited.
# - **The limit of a rate** is concurrency / duration, ten times the concurrency, or the API's
#   throttle, whichever is lowest.
#
# ## Clean up

# %%
for name in (CHURN, HOLD):
    deploy.delete(name)
left = [one["FunctionName"] for page in lambda_.get_paginator("list_functions").paginate()
        for one in page["Functions"] if one["FunctionName"].startswith(CHURN)]
left += [api["Name"] for api in gateway.get_apis()["Items"] if api["Name"].startswith(CHURN)]
assert left == [], left

# %% [markdown]
# ## Next
#
# [Lesson 23](23_break_it.ipynb) breaks things on purpose, one after the other, and reads the error
# messages.
