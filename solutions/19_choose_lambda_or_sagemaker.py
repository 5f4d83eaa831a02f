# ---
# title: Choose Lambda or SageMaker
# workshop:
#   number: "19"
#   needs: [docker]
#   reading: 35
#   exercises: 25
#   execution: 2
#   cost: "under $0.01"
#   products: []
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Choose Lambda or SageMaker
#
# **You will**
# - run the same model behind Lambda and behind SageMaker Serverless, and see the same answers
# - send the same requests to both, warm and cold, and decide which of the differences hold on AWS
#   too
# - draw the cost of each against requests a month, and find where they cross
# - compare limits and operations point by point
# - add SageMaker's real-time and asynchronous endpoints to the comparison, and decide with a chart
#
# **You need** Docker, and the model of lesson 03 (made now if it is missing)
#
# **Time** 35 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ## The same model, twice
#
# ```mermaid
# flowchart LR
#     accDescr {
#         One file, churn.onnx, goes into a Lambda image and into S3.
#         The same requests go to the function and to the endpoint.
#     }
#     onnx["churn.onnx"] -->|"inside the image"| fn["Lambda<br/>workshop-…-choose"]
#     onnx -->|"model.tar.gz in S3"| ep["SageMaker Serverless<br/>workshop-…-choose-model-1 … 5"]
#     you(["the same requests"]) -->|"invoke"| fn
#     you -->|"invoke_endpoint"| ep
#     style fn fill:#fff3d6,stroke:#e69f00,stroke-width:3px
#     style ep fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# There is one file, ONNX Runtime on both sides, and the same memory. The first cell removes what an
# earlier run has left.

# %%
import json
import time

import boto3

from workshop import deploy, endpoints

FUNCTION, MODEL = deploy.name("choose"), deploy.name("choose-model")
ENDPOINTS = [f"{MODEL}-{number}" for number in range(1, 6)]

lambda_, logs, iam = boto3.client("lambda"), boto3.client("logs"), boto3.client("iam")
sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")


def existing(list_them, key, name):
    """Names of our endpoints, configurations or models that exist."""
    return [one[name] for one in list_them(NameContains=MODEL, MaxResults=100)[key]]


def remove():
    """Delete all that this lesson makes: endpoints first, then what they stand on."""
    for name in existing(sagemaker.list_endpoints, "Endpoints", "EndpointName"):
        sagemaker.delete_endpoint(EndpointName=name)
    gone = sagemaker.get_waiter("endpoint_deleted")
    for name in ENDPOINTS:
        gone.wait(EndpointName=name, WaiterConfig=endpoints.WAITER)
    for name in existing(sagemaker.list_endpoint_configs, "EndpointConfigs", "EndpointConfigName"):
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    for name in existing(sagemaker.list_models, "Models", "ModelName"):
        sagemaker.delete_model(ModelName=name)
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{MODEL}")
    for group in groups["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])
    for name in (FUNCTION, MODEL):
        deploy.delete(name)


remove()

# %% [markdown]
# ### Behind Lambda
#
# As in lessons 04 and 05, with the functions of `workshop.deploy`. The memory is 1,024 MB, because
# that is the smallest size of a serverless endpoint.

# %%
image = deploy.push(deploy.build("churn", "../build/models/churn.onnx"), FUNCTION)
deploy.function(FUNCTION, image, memory=1024, timeout=10)

# %% [markdown]
# ### Behind SageMaker
#
# As in lesson 18, we need an image that answers `/ping` and `/invocations`, a model in S3, and a
# role that may read both.

# %%
image = deploy.push(endpoints.build(), MODEL)
bucket = deploy.bucket(MODEL)
deploy.s3().put_object(Bucket=bucket, Key="model.tar.gz",
                       Body=endpoints.archive("../build/models/churn.onnx"))

tags = [{"Key": key, "Value": value} for key, value in deploy.tags().items()]
role = iam.create_role(RoleName=f"{MODEL}-role", Tags=tags,
                       AssumeRolePolicyDocument=deploy.policy("trust_sagemaker"))["Role"]
iam.put_role_policy(RoleName=role["RoleName"], PolicyName="serve_model",
                    PolicyDocument=deploy.policy("serve_model", bucket=bucket,
                                                 endpoint=f"{MODEL}*"))     # five endpoints

# %% [markdown]
# We create one model, one configuration, and **five endpoints** with it. One is enough to serve. Five
# give five cold starts to measure. An endpoint without requests costs nothing.

# %%
endpoints.create_model(                 # as lesson 18: again while the new role is not known
    ModelName=MODEL, ExecutionRoleArn=role["Arn"], Tags=tags,
    PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"})
sagemaker.create_endpoint_config(EndpointConfigName=MODEL, Tags=tags, ProductionVariants=[{
    "VariantName": "AllTraffic", "ModelName": MODEL,
    "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}])
for name in ENDPOINTS:
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=MODEL, Tags=tags)
ready = sagemaker.get_waiter("endpoint_in_service")
for name in ENDPOINTS:
    ready.wait(EndpointName=name, WaiterConfig=endpoints.WAITER)
    print(name, sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])

# %% [markdown]
# ### The same answers?
#
# We can compare the two only if they give the same answers.

# %%
import base64
import re

import pandas as pd

test = pd.read_csv("../build/models/churn_test.csv").drop(columns="churn")
customers = json.loads(test.head(200).to_json(orient="records"))


def ask_lambda(customer):
    """(probability, ms until the answer was here, the log's last lines)."""
    began = time.perf_counter()
    response = lambda_.invoke(FunctionName=FUNCTION, LogType="Tail",
                          Payload=json.dumps({"customer": customer}))
    answer = json.load(response["Payload"])
    took = 1000 * (time.perf_counter() - began)
    return answer["churn_probability"], took, base64.b64decode(response["LogResult"]).decode()


def ask_sagemaker(customer, endpoint=ENDPOINTS[0]):
    """(probability, ms until the answer was here)."""
    began = time.perf_counter()
    response = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json",
                                   Body=json.dumps({"instances": [customer]}))
    answer = json.load(response["Body"])
    return answer["predictions"][0], 1000 * (time.perf_counter() - began)


pairs = [(ask_lambda(one)[0], ask_sagemaker(one)[0]) for one in customers[:50]]
print(f"farthest apart: {max(abs(one - other) for one, other in pairs):.1e}")
assert all(abs(one - other) < 1e-6 for one, other in pairs)

# %% [markdown]
# ## Warm
#
# We send the same 200 customers to both, in turn. We keep three times: until the answer arrived;
# the duration that Lambda bills (its REPORT line); and SageMaker's `ModelLatency`. That is the time
# between sending a request to the container and receiving its answer.

# %%
warm, billed = {"Lambda": [], "SageMaker": []}, []
for customer in customers:
    _, took, log = ask_lambda(customer)
    warm["Lambda"].append(took)
    billed.append(int(re.search(r"Billed Duration: (\d+) ms", log)[1]))
    warm["SageMaker"].append(ask_sagemaker(customer)[1])

# %%
from datetime import datetime, timedelta, timezone

cloudwatch = boto3.client("cloudwatch")


def metric(name, endpoint, least, since, patience=300):
    """A metric of an endpoint in ms, {"SampleCount", "Maximum", "Average"}.

    Waits until there are `least` samples: on AWS they come after a minute or two. None if none
    come for so many seconds of `patience`.
    """
    deadline = time.monotonic() + patience
    while True:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=name, Period=60, StartTime=since,
            EndTime=datetime.now(timezone.utc) + timedelta(minutes=5),
            Statistics=["SampleCount", "Average", "Maximum"],
            Dimensions=[{"Name": "EndpointName", "Value": endpoint},
                        {"Name": "VariantName", "Value": "AllTraffic"}])["Datapoints"]
        if sum(point["SampleCount"] for point in points) >= least or time.monotonic() > deadline:
            break
        time.sleep(5)
    if not points:
        return None
    table = pd.DataFrame(points)
    many = table["SampleCount"].sum()
    return {"SampleCount": int(many), "Maximum": table["Maximum"].max() / 1000,
            "Average": (table["Average"] * table["SampleCount"]).sum() / many / 1000}


made = sagemaker.describe_endpoint(EndpointName=ENDPOINTS[0])["CreationTime"]
reported = {name: metric(name, ENDPOINTS[0], least=250, since=made) or {}
        for name in ("ModelLatency", "OverheadLatency")}
pd.DataFrame(reported).T.rename_axis("reported by SageMaker, ms").round(2)

# %% [markdown]
# ## Cold
#
# Now no requests come. What happens to the containers? On the local cloud, you can look.

# %%
def containers():
    """How many containers our endpoints have."""
    return sum(endpoints.containers(name) for name in ENDPOINTS)


if cloud.is_local():
    deadline = time.monotonic() + 90
    while (many := containers()) and time.monotonic() < deadline:
        print(many, end=" ", flush=True)
        time.sleep(1)
    print(many, "containers")
    assert many == 0

# %% [markdown]
# *Notice* the **zero**: nothing runs, nothing is billed. The local cloud stops a container after 10
# idle seconds. AWS does not say how long. (On AWS this cell does not wait: four endpoints have had
# no request yet.)
#
# Now we measure the first request after a pause, once for each endpoint. (On AWS the first endpoint
# may still be warm, so we leave it out there.) The function gets another
# environment variable, and with it a new execution environment, as in lesson 05.

# %%
idle = ENDPOINTS if cloud.is_local() else ENDPOINTS[1:]
cold, inits, since = {"Lambda": [], "SageMaker": []}, [], datetime.now(timezone.utc)
for number, customer in enumerate(customers[:5]):
    lambda_.update_function_configuration(
        FunctionName=FUNCTION, Environment={"Variables": {"ROUND": str(number)}})
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=FUNCTION)
    _, took, log = ask_lambda(customer)
    cold["Lambda"].append(took)
    inits += map(float, re.findall(r"Init Duration: ([\d.]+) ms", log))
for endpoint in idle:
    cold["SageMaker"].append(ask_sagemaker(customers[0], endpoint)[1])

setup = [found["Maximum"] for endpoint in idle
         if (found := metric("ModelSetupTime", endpoint, least=1, since=since))]

# %%
import statistics

from workshop.plots import choice, show

show(*choice.latencies(warm, cold))

# %%
pd.DataFrame({name: {
    "warm, median ms": statistics.median(warm[name]),
    "warm, 99th percentile ms": statistics.quantiles(warm[name], n=100)[98],
    "cold, median ms": statistics.median(cold[name]),
    "cold / warm": statistics.median(cold[name]) / statistics.median(warm[name]),
} for name in warm}).round(1)

# %%
print(f"Init Duration of the function:    {statistics.median(inits):5.0f} ms")
print(f"ModelSetupTime of the endpoints:  {statistics.median(setup):5.0f} ms" if setup else
      "ModelSetupTime of the endpoints: AWS has not reported it yet")

# %% [markdown]
# Some of this comes from the local cloud, and some from the services:
#
# - **The order in the left plot means nothing.** It depends on the parts that the local cloud puts
#   around the model: an emulator in front of the function, and none in front of the container.
# - **The shape is the same on AWS.** There are two groups, with almost nothing between them. Warm
#   requests differ by little. A cold request is slower by a factor. Only a measurement on AWS can
#   tell how large the factor is there.
# - **The parts of a cold start are the same on AWS, its length is not.** Both start a container and
#   import ONNX Runtime. On AWS, Lambda loads only the used pieces of the image (Brooker et al.,
#   2023). A serverless endpoint needs compute, image and the model's archive. AWS's developer guide
#   says that its time depends on the size of the model and on the start of the container. Measure
#   it there: `Init Duration` in the function's log, `ModelSetupTime` in the endpoint's metrics.
#
# See also the table [local cloud and AWS](../workshop/LOCAL_CLOUD.md).

# %% [markdown]
# ## What each is billed for
#
# | | Lambda | SageMaker Serverless | SageMaker real-time, asynchronous |
# |---|---|---|---|
# | time | each millisecond × memory, INIT too | each millisecond of processing × memory | each second that an instance is there |
# | request | a fee for each | none | none |
# | data | none (but out to the internet) | each GB in and out | each GB in and out |
# | idle | nothing | nothing | the full price of each instance; asynchronous can have none |
# | free each month | a million requests, 400,000 GB-seconds | nothing (a trial for new accounts) | nothing (a trial) |
#
# The prices are in [`data/prices.csv`](../data/prices.csv). Read the notes:

# %%
from workshop import cost

prices = pd.DataFrame(vars(one) for one in cost.prices().values()).set_index("item")
rows = ["lambda_requests", "lambda_compute_x86_64", "endpoint_compute", "endpoint_data",
        "endpoint_instance"]
prices.loc[rows, ["unit", "usd", "checked", "note"]].style.format(
    {"usd": "{:.10f}"}).set_properties(subset=["note"], **{"text-align": "left"})

# %% [markdown]
# *Notice:* the three rows of SageMaker are less certain than those of Lambda. They are other
# people's readings of AWS's price list, and `endpoint_data` is old and from another Region
# (`data/README.md` has the details). So the price of the endpoint is a **parameter** here. Look it
# up on [AWS's page](https://aws.amazon.com/sagemaker/ai/pricing/), write it here, and run the cells
# below again.

# %%
ENDPOINT_PRICE = cost.usd("endpoint_compute")     # dollars for a GB-second: or yours

ratio = ENDPOINT_PRICE / cost.usd("lambda_compute_x86_64")
print(f"A GB-second on the endpoint costs {ratio:.2f} times one on Lambda.")

# %% [markdown]
# So the endpoint has no fee for a request, but a higher price for a GB-second. Which of the two
# matters more depends on **how long a request takes**.
#
# ### Exercise 1: how long must a request take? (7 minutes)
#
# Complete `even_ms`: at how many milliseconds do a request to a function and one to an endpoint
# cost the same? (All prices are for seconds.) Do not count the free part, the data and INIT.
# Shorter requests are then cheaper on the endpoint, because they pay no fee. If a second on the
# endpoint (its memory × `price`) costs no more than one on the function (its memory × `COMPUTE`),
# the endpoint is cheaper at *any* duration. Then return `math.inf`.
#
# <details><summary>Hint 1</summary>
#
# One request costs `fee + t × function_gb × compute` on Lambda, `t × endpoint_gb × price` on the
# endpoint, with `t` in seconds. Set them equal, and solve for `t`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `FEE / (endpoint_gb * price - function_gb * COMPUTE)`, in seconds. Check the sign of the divisor
# before you divide. </details>

# %% Exercise 1
import math

FEE = cost.usd("lambda_requests") / 1_000_000       # dollars for one request
COMPUTE = cost.usd("lambda_compute_x86_64")         # dollars for a GB-second


def even_ms(endpoint_gb, function_gb, price=ENDPOINT_PRICE):
    """Milliseconds at which both cost the same; infinity where the endpoint is always cheaper."""
    # BEGIN SOLUTION
    more = endpoint_gb * price - function_gb * COMPUTE
    return 1000 * FEE / more if more > 0 else math.inf
    # END SOLUTION


for endpoint_gb, function_gb in ((1, 1), (1, 0.5), (1, 0.125), (2, 1.769), (1, 1.5)):
    even = even_ms(endpoint_gb, function_gb)
    print(f"endpoint {endpoint_gb} GB, function {function_gb} GB:", even and round(even, 1), "ms")

# %% Check 1 tags=["check"]
try:
    answer, none = even_ms(1, 1, price=2 * COMPUTE), even_ms(1, 2, price=2 * COMPUTE)
except ZeroDivisionError:
    raise AssertionError("where both cost the same for a second, the fee decides: look whether "
                         "the difference is above 0 before you divide") from None
right = 1000 * FEE / COMPUTE
assert answer is not None, "even_ms returned nothing: is there a `return`, or is it still open?"
assert abs(answer - right / 1000) > 1e-9, "that is in seconds; asked for are milliseconds"
assert abs(answer / right - 1e6) > 1, "one request costs a millionth of the fee for a million: FEE"
assert abs(answer - right) < 0.06, (
    f"at twice Lambda's price and 1 GB each it is {right:.1f} ms; you returned {answer}")
assert none == math.inf, (
    f"1 GB at twice the price costs what 2 GB cost on Lambda, and the fee comes on top: the "
    f"endpoint is always cheaper, return math.inf; you returned {none}")
answer = even_ms(1, 4, price=2 * COMPUTE)
assert answer == math.inf, (
    f"4 GB on Lambda are more expensive for any time: return math.inf; you returned {answer}, "
    "and no request takes less than no time")
answer, right = even_ms(3, 0.5, price=2 * COMPUTE), 1000 * FEE / COMPUTE / 5.5
assert abs(answer - right) < 0.06, (
    f"for an endpoint of 3 GB and a function of 0.5 GB it is {right:.2f} ms, you returned "
    f"{answer:.2f}: have the two sizes changed places?")
print("Right.")

# %% [markdown]
# *Notice* how much the memory changes. At the same size, the two cost the same at tens of
# milliseconds. A function can have 512 or 128 MB, an endpoint cannot. Then the break-even moves to
# less than twenty milliseconds. Our churn model is far below it, a large network's are above.
#
# And the data, which we did not count?

# %%
print(f"{FEE / cost.usd('endpoint_data') * 1e6:.1f} KB in and out cost on the endpoint what "
      "Lambda's fee costs.")

# %% [markdown]
# So for a model that receives pictures, the missing fee saves nothing. **Fast and small** requests,
# such as those to `churn`, are cheaper on the endpoint.

# %% [markdown]
# ## Cost against requests a month
#
# We compare two cases: `churn`, with the time that you have just measured, and a heavier model that
# we only calculate, 300 ms at 2 GB. Both services get **the same time**, `ModelLatency`: the
# function's extra time here comes from the emulator, and we compare prices. On AWS, use the time of
# each. There are four ways to serve the model:
#
# - **Lambda** behind a function URL, with the free part, one request in a thousand cold;
# - **SageMaker Serverless**, called by programs that sign their requests with AWS keys;
# - the same **behind a small function**, for clients without keys, or with business logic around
#   it, as in lesson 18: the function is billed while it waits;
# - **real-time** endpoint: as many instances (`ml.m5.large`, 2 vCPU) as the work keeps busy for 70
#   % of their time. That needs steady traffic, or somebody who changes the number of instances.

# %%
endpoint_ms = reported["ModelLatency"]["Average"] + 0.5   # rounding up adds half a ms on average
function_ms = endpoint_ms if cloud.is_local() else statistics.fmean(billed)
CASES = {
    "churn": {"memory": 1024, "function_ms": function_ms, "endpoint_ms": endpoint_ms,
              "init_ms": statistics.median(inits), "kilobytes": 1.0},
    "heavier": {"memory": 2048, "function_ms": 300, "endpoint_ms": 300, "init_ms": 3000,
                "kilobytes": 100},
}
COLD = 0.001            # share of the function's requests that are cold: an assumption
BUSY = 0.7              # share of the time that an instance computes: an assumption
CALLER = {"memory_mb": 256, "more_ms": 10}      # the small function in between: an assumption


def by_lambda(requests, case):
    """Dollars a month for the model in a function."""
    return sum(cost.month(requests, case["memory"], case["function_ms"], init_ms=case["init_ms"],
                          cold_share=COLD).values())


def by_endpoint(requests, case):
    """Dollars a month for a serverless endpoint."""
    return sum(cost.serverless_endpoint(
        requests, case["memory"], case["endpoint_ms"], kilobytes=case["kilobytes"],
        gb_second=ENDPOINT_PRICE).values())


def by_both(requests, case):
    """Dollars a month for an endpoint, and a small function that asks it and waits."""
    waiting = cost.month(requests, CALLER["memory_mb"], case["endpoint_ms"] + CALLER["more_ms"])
    return by_endpoint(requests, case) + sum(waiting.values())


def by_instances(requests, case):
    """Dollars a month for a real-time endpoint with as many instances as it takes."""
    number = cost.tasks_needed(requests, case["endpoint_ms"], vcpu=2, busy=BUSY)
    return sum(cost.instances(number).values())


WAYS = {"Lambda": by_lambda, "SageMaker Serverless": by_endpoint,
        "the same behind a function": by_both, "real-time instances": by_instances}

# %%
import numpy as np

volumes = np.geomspace(1e5, 1e9, 300)
show(*choice.monthly(volumes, {
    f"{name}, {case['function_ms']:.3g} ms at {case['memory'] // 1024} GB": {
        way: [bill(one, case) for one in volumes] for way, bill in WAYS.items()}
    for name, case in CASES.items()}))

# %%
def crossing(one, other, case):
    """From how many requests a month `one` costs more than `other`, in words."""
    requests = cost.break_even(lambda n: WAYS[one](n, case), lambda n: WAYS[other](n, case))
    return "never" if requests == math.inf else f"{float(f'{requests / 1e6:.2g}'):,g} million"


pd.DataFrame({name: {
    f"{one} costs more than {other}": crossing(one, other, case)
    for one, other in (("Lambda", "SageMaker Serverless"), ("Lambda", "real-time instances"),
                       ("SageMaker Serverless", "real-time instances"))}
    for name, case in CASES.items()})

# %% [markdown]
# The figure and the table show:
#
# - **Few requests** (left end): Lambda is free, and an endpoint costs cents, or a few dollars. This
#   difference should not decide.
# - **More requests:** for short ones the endpoint is cheaper, because it has no fee for a request.
#   For long ones the function is cheaper, because its second costs less. Compute the table again
#   with another `ENDPOINT_PRICE`.
# - **An endpoint behind a function** (dotted line) is nowhere cheaper than the model in the function
#   itself. What you pay for is that the model has its own image, release and team.
# - **Very many requests** (right end): busy instances are the cheapest. For a heavy model this
#   begins at far fewer requests than for a light one. (One instance is one point of failure.)
#
# INIT on the endpoint is not included. AWS says that processing is billed; we found no statement
# whether a cold start counts as processing. The next cell compares the price of one vCPU:

# %%
instance = cost.usd("endpoint_instance") / 3600 / 2                # one vCPU for a second
function = 1769 / 1024 * cost.usd("lambda_compute_x86_64")
print(f"An instance's vCPU costs {instance / function:.0%} of a function's. It is paid for while it "
      "waits, too: it is cheaper if it works more than this share of its time.")

# %% [markdown]
# ## Operations, point by point
#
# | | Lambda | SageMaker Serverless |
# |---|---|---|
# | memory | 128 MB to 10 GB, by the MB | 1 to 6 GB, by the GB |
# | processor | 1 vCPU for 1,769 MB; x86 or arm64 | in proportion, AWS does not say how much; x86 |
# | GPU | no | no |
# | longest request | 900 s | 60 s |
# | largest request, answer | 6 MB each | 4 MB each |
# | at once | 1,000 in an account, can be raised | 200 for an endpoint, cannot be raised |
# | too many | `TooManyRequestsException`, 429 | `ThrottlingException`, 400 |
# | start | ≤ 10 s of INIT, else again | ≤ 3 minutes until `/ping` |
# | scales to zero | yes | yes |
# | kept warm, for money (lesson 16) | provisioned concurrency, SnapStart | provisioned concurrency |
# | who calls | AWS keys, function URL, HTTP API, events, queues, schedules | AWS keys only |
# | private network | possible | not possible |
# | the model | in the image, a layer, or fetched | `model.tar.gz` in S3, unpacked for you |
# | a caller's mistake | an answer like any other | `ModelError`, which contains the container's status |
# | new version | publish a version, move an alias; weights share the traffic | update the endpoint to a new configuration (blue/green, also in steps) |
# | image | Lambda's runtime interface | any HTTP server on port 8080, the same on instances |
# | metrics | `Duration`, `Errors`, `Throttles`, `ConcurrentExecutions` | `ModelLatency`, `OverheadLatency`, `ModelSetupTime`, `Invocation4XXErrors`, `MemoryUtilization` |
#
# Sources, read in November 2026: [Lambda
# quotas](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html); SageMaker
# developer guide, [Serverless
# Inference](https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html), *Invoke a
# serverless endpoint* and *Deployment guardrails: exclusions*; the service models in boto3.
#
# *Notice* the endpoint's limits that money cannot change: no GPU, 60 seconds, 4 MB, 200 requests at
# the same time, no private network, AWS keys only. If a requirement exceeds one, choose another way.
#
# What else is there? **Real-time** endpoints run on instances that you choose, GPUs among them, and
# you pay by the hour. **Asynchronous** endpoints queue requests of up to 1 GB, take up to an hour
# for each, and put answers into S3. They can have no instance while the queue is empty; then the
# next request waits. (SageMaker developer guide, *Inference options*. The limit for real-time
# payloads is 6 MB in the service model of our boto3; some pages name more.) And **Lambda Managed
# Instances** run functions on EC2 instances of yours, for steady traffic (lesson 16).

# %% [markdown]
# ### Exercise 2: what can it do? (8 minutes)
#
# Here are the limits as data. (AWS can raise Lambda's 1,000; we take the default.) Where you choose
# the instance freely, memory and numbers have no limit that matters, `inf`. `waits` says whether a
# client can wait for the answer.

# %%
inf = math.inf
COLUMNS = ("memory_gb", "seconds", "payload_mb", "at_once", "gpu", "waits")
LIMITS = {name: dict(zip(COLUMNS, limits)) for name, limits in {
    "Lambda":                 (10, 900, 6, 1000, False, True),
    "SageMaker Serverless":   (6, 60, 4, 200, False, True),
    "SageMaker real-time":    (inf, 60, 6, inf, True, True),
    "SageMaker asynchronous": (inf, 3600, 1024, inf, True, False),
}.items()}
pd.DataFrame(LIMITS, dtype=object).T

# %% [markdown]
# Complete `possible`. Its input is what is needed, for example `{"seconds": 20, "gpu": True}`. It
# returns the list of names that can do it, in the order of `LIMITS`. A requirement that is not in
# the input does not matter. A value equal to the limit is allowed.
#
# <details><summary>Hint 1</summary>
#
# A need is met when `needed <= limit`, for every key that is in `need`: `all(… for key in need)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Python orders `False` before `True`. So the same `<=` works for `gpu` and `waits`: a need of
# `True` is not met by `False`, and a need of `False` is met by both. </details>

# %% Exercise 2
def possible(need):
    """Names of the ways whose limits allow what is needed."""
    # BEGIN SOLUTION
    return [name for name, limits in LIMITS.items()
            if all(need[key] <= limits[key] for key in need)]
    # END SOLUTION


for need in ({"memory_gb": 1, "seconds": 0.1}, {"seconds": 300}, {"gpu": True, "waits": True}):
    print(need, possible(need))

# %% Check 2 tags=["check"]
answer = possible({})
assert answer is not None, "possible returned nothing: is there a `return`, or is it still open?"
assert list(answer) == list(LIMITS), (
    f"who needs nothing can take any, so expected are all four; you returned {answer}: go through "
    "the keys of `need`, not of the limits")
answer = list(possible({"seconds": 60}))
assert "SageMaker Serverless" in answer, "60 seconds are allowed where the limit is 60: use <="
assert len(answer) == 4, f"60 seconds are possible with all four; you returned {answer}"
answer = list(possible({"memory_gb": 2, "payload_mb": 5}))
assert "SageMaker Serverless" not in answer, "5 MB do not fit into 4 MB: look at *every* key"
assert "Lambda" in answer, f"2 GB and 5 MB fit into Lambda's 10 GB and 6 MB; you have {answer}"
answer = list(possible({"gpu": True, "waits": True}))
assert answer == ["SageMaker real-time"], (
    f"a GPU, and an answer while one waits: SageMaker real-time alone; you returned {answer}")
answer = list(possible({"gpu": False, "seconds": 600}))
assert "Lambda" in answer, "gpu: False means that none is needed: Lambda, without one, will do"
assert "SageMaker asynchronous" in answer, (
    "gpu: False means that none is needed, not that there must be none: asynchronous will do too")
print("Right.")

# %% [markdown]
# ## One map
#
# Now we put everything together: the cheapest *possible* way, for every number of requests and
# every duration. The request moves one kilobyte, and keeps one vCPU busy (1,769 MB on Lambda; for
# SageMaker we assume 2 GB). Nobody needs a GPU. Instances come and go with the traffic. A real-time
# endpoint always has at least one; an asynchronous one has none while its queue is empty.

# %%
def map_bill(way, requests, seconds):
    """Dollars a month for requests that keep one vCPU busy for so many seconds."""
    ms = 1000 * seconds
    if way == "Lambda":
        return sum(cost.month(requests, 1769, ms).values())
    if way == "SageMaker Serverless":
        return sum(cost.serverless_endpoint(requests, 2048, ms, kilobytes=1,
                                            gb_second=ENDPOINT_PRICE).values())
    hours = requests * seconds / 3600 / 2 / BUSY                # of an instance with 2 vCPU
    if way == "SageMaker real-time":
        hours = max(cost.MONTH, hours)
    return sum(cost.instances(hours=hours).values())


xs, ys = np.geomspace(1e4, 1e9, 240), np.geomspace(0.0005, 3600, 240)
names = list(LIMITS)
grid = np.full((len(ys), len(xs)), np.nan)
for row, seconds in enumerate(ys):
    able = [name for name, limits in LIMITS.items() if seconds <= limits["seconds"]]
    able = [name for name in able if LIMITS[name]["waits"]] or able    # wait for it, if one can
    for column, requests in enumerate(xs):
        cheapest = min(able, key=lambda way: map_bill(way, requests, seconds))
        grid[row, column] = names.index(cheapest)

# %%
show(*choice.cheapest(xs, ys, grid, names))

# %% [markdown]
# Look at these points:
#
# - the **edge to the right** falls. Requests × seconds, the *work*, decides for instances. If it
#   costs less than one instance, paying by the request is cheaper; above that, busy machines are
#   cheaper.
# - the **corner** of SageMaker Serverless has very many requests, each short and small. (With less
#   memory for the function, or more data for a request, it becomes smaller.)
# - **horizontal lines** are limits, not prices. Above 60 seconds a client who waits has only Lambda
#   left; above 900 seconds nobody can wait. Asynchronous endpoints can also serve the area below,
#   at a low price, for clients that do not need an immediate answer.
# - the map does not show cold starts, your people, and whether your traffic keeps instances busy
#   for 70 % of their time. Traffic with peaks moves the edge to the right.

# %% [markdown]
# ## When would you choose again?
#
# ### Exercise 3: the choice, and when it turns (10 minutes)
#
# Complete `choose`. Of the ways that are possible (exercise 2) for the `need`, it returns the
# cheapest for so many `requests` a month. `map_bill(way, requests, seconds)` gives the dollars; the
# seconds are in `need["seconds"]`. If no way is possible, raise a `ValueError`.
#
# <details><summary>Hint 1</summary>
#
# `ways = possible(need)`; when it is empty, `raise ValueError(…)`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `min(ways, key=lambda way: map_bill(way, requests, need["seconds"]))`.
# </details>

# %% Exercise 3
def choose(need, requests):
    """The cheapest possible way; ValueError when nothing can do it."""
    # BEGIN SOLUTION
    ways = possible(need)
    if not ways:
        raise ValueError(f"nothing can do {need}")
    return min(ways, key=lambda way: map_bill(way, requests, need["seconds"]))
    # END SOLUTION


try:
    print(choose({"seconds": 0.02, "waits": True}, 100_000))
except ValueError as error:
    print(error)

# %% Check 3 tags=["check"]
patient = {"seconds": 0.5, "memory_gb": 2}
answer = choose(patient | {"waits": True}, 200_000)
assert answer is not None, "choose returned nothing: is there a `return`, or is it still open?"
assert isinstance(answer, str), f"return one name, not {answer!r}"
bill = {way: map_bill(way, 200_000, 0.5) for way in possible(patient | {"waits": True})}
assert answer != max(bill, key=bill.get), f"{answer} is the most expensive of {bill}"
assert answer == min(bill, key=bill.get), f"the cheapest of {bill}; you returned {answer}"
answer = choose(patient | {"waits": True}, 50_000_000)
assert answer == "SageMaker real-time", (
    f"50 million requests of 0.5 s keep instances busy; you returned {answer}: does the bill go by "
    "`requests`?")
answer = choose({"seconds": 0.002, "payload_mb": 5, "waits": True}, 5_000_000)
assert answer == "Lambda", (
    f"{answer} cannot do it: 5 MB, and an answer while one waits; choose among possible(need)"
    if answer in LIMITS else f"return a name of LIMITS, not {answer!r}")
try:
    answer = choose({"seconds": 1200, "waits": True}, 1000)
except ValueError as error:
    assert not str(error).startswith(("min()", "max()")), (
        "that is min() complaining of an empty list: raise a ValueError that says what was asked")
    print("Right.")
else:
    raise AssertionError(f"nobody answers after 1,200 s while one waits: raise ValueError; you "
                         f"returned {answer!r}")

# %% [markdown]
# With `choose`, two shops can see today when to decide again. Their requests double every second
# month. One shop's requests take 2 ms, the other's 150 ms.

# %%
need = {"memory_gb": 2, "payload_mb": 0.001, "waits": True}
for seconds in (0.002, 0.15):
    need["seconds"] = seconds
    before = None
    for month in range(0, 31, 2):
        requests = 50_000 * 2 ** (month / 2)
        way = choose(need, requests)
        if way != before:
            print(f"{1000 * need['seconds']:3.0f} ms, month {month:2}, {requests:13,.0f} requests: "
                  f"{way}")
        before = way

# %% [markdown]
# And what if the requirements of the second shop change, at five million requests? (`map_bill` has
# the prices for 2 GB and one kilobyte, without a GPU. For 75 s, a GPU or 12 GB, only one way is
# possible, so the price does not decide. With 5 MB, only SageMaker would cost more.)

# %%
for change in ({"seconds": 75}, {"payload_mb": 5}, {"gpu": True}, {"memory_gb": 12}):
    try:
        print(f"{change} at 5 million: {choose(need | change, 5_000_000)}")
    except (ValueError, TypeError) as error:            # TypeError: exercise 2 is still open
        print(f"{change} at 5 million: {error}")

# %% [markdown]
# *Notice* what changes the choice: many more requests, or one requirement above a limit.
# The model itself, an ONNX file, moved from one service to the other without a change. **So you can
# correct this choice later.** Begin with what costs nothing without requests, write down the number
# at which you will decide again, and measure until then.
#
# ## The chart
#
# ```mermaid
# flowchart TD
#     accDescr {
#         With a GPU, or over 10 GB: if no caller waits, SageMaker asynchronous. If a caller waits,
#         real-time for requests up to 60 seconds and 6 MB, and no way for others. Else over 15
#         minutes, or over 6 MB that cannot be sent as a link to S3, leads to asynchronous. Else
#         events, callers without AWS keys, over 60 seconds or a private network lead to Lambda.
#         Else, if busy enough, real-time. Else millions of short requests, or an image that is to
#         run on instances later, lead to SageMaker Serverless, and all the rest to Lambda.
#     }
#     gpu(["GPU, or over 10 GB<br/>of memory?"]) -->|yes| wait
#     wait(["does a caller wait?"])
#     wait -->|yes| size(["at most 60 s<br/>and 6 MB?"])
#     size -->|yes| rt["SageMaker<br/>real-time"]
#     size -->|no| nothing["no way: change<br/>the requirements"]
#     wait -->|no| async["SageMaker<br/>asynchronous"]
#     gpu -->|no| long(["over 15 minutes,<br/>or over 6 MB<br/>and no link?"])
#     long -->|yes| async2["SageMaker<br/>asynchronous"]
#     long -->|no| who(["events, over 60 s,<br/>private network, callers<br/>without AWS keys?"])
#     who -->|"any of them"| fn["Lambda"]
#     who -->|none| busy(["busy enough that<br/>instances are cheaper?"])
#     busy -->|yes| rt2["SageMaker<br/>real-time"]
#     busy -->|no| short(["millions of short,<br/>small requests, or<br/>instances later?"])
#     short -->|yes| sls["SageMaker<br/>Serverless"]
#     short -->|no| fn2["Lambda"]
#     classDef lambda fill:#cfe5f5,stroke:#0072b2,stroke-width:3px
#     classDef serverless fill:#f9dcc8,stroke:#d55e00,stroke-width:3px
#     classDef realtime fill:#e4e4e4,stroke:#333333,stroke-width:3px
#     classDef queued fill:#d3ece3,stroke:#009e73,stroke-width:3px
#     class fn,fn2 lambda
#     class sls serverless
#     class rt,rt2 realtime
#     class async,async2 queued
# ```
#
# The first questions are about limits and come before any calculation. (No caller can wait for an
# asynchronous endpoint.) *Busy enough* is the map.
# The last question is worth a few dollars, so let your team's knowledge decide it.

# %% [markdown]
# ## Recap
#
# - **The same model both ways** gives the same answers. With ONNX and a signature in the file, you
#   move the model in minutes.
# - **Latency:** warm requests differ by what is around the model, cold ones are slower by a factor,
#   on both. The shape is the same on AWS; measure the factor and the milliseconds there.
# - **Cost:** Lambda has a fee for a request and a lower price for a second. The endpoint has no
#   fee, a higher price for a second, and a price for data. Short and small requests in millions are
#   cheaper on the endpoint, long ones in a function, steady work on instances.
# - **Limits decide before money:** 60 s, 4 MB and AWS keys only on the endpoint; 900 s, 6 MB and 10
#   GB on Lambda; a GPU on neither.
# - **Real-time** endpoints are for steady work and GPUs, **asynchronous** ones for large and long
#   requests without a waiting client.
#
# ## Clean up
#
# This removes the endpoints with their containers, model, configuration, image and log, and the
# function with its own. Then we check that nothing is left.

# %%
remove()
left = [
    *existing(sagemaker.list_endpoints, "Endpoints", "EndpointName"),
    *existing(sagemaker.list_endpoint_configs, "EndpointConfigs", "EndpointConfigName"),
    *existing(sagemaker.list_models, "Models", "ModelName"),
    *(one["FunctionName"] for page in lambda_.get_paginator("list_functions").paginate()
      for one in page["Functions"] if one["FunctionName"].startswith(FUNCTION)),
    *(one["RoleName"] for page in iam.get_paginator("list_roles").paginate()
      for one in page["Roles"] if one["RoleName"].startswith(FUNCTION)),
    *(one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]
      if one["Name"].startswith(FUNCTION)),
    *(one["repositoryName"] for page in boto3.client("ecr").get_paginator("describe_repositories")
      .paginate() for one in page["repositories"] if one["repositoryName"].startswith(FUNCTION)),
    *(one["logGroupName"] for prefix in (f"/aws/lambda/{FUNCTION}",
                                         f"/aws/sagemaker/Endpoints/{FUNCTION}")
      for one in logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]),
]
assert left == [], left
assert not cloud.is_local() or containers() == 0
left

# %% [markdown]
# ## Next
#
# [Lesson 20](20_deploy_as_code.ipynb) describes as code what these lessons have made by hand, and
# lets AWS make and remove it.
