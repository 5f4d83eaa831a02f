# ---
# title: Write and invoke a first function
# workshop:
#   number: "01"
#   needs: [docker]
#   reading: 30
#   exercises: 20
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
# # Write and invoke a first function
#
# **You will**
#
# - write a handler, and call it as a plain Python function
# - give it a role with the fewest permissions that it needs
# - create a Lambda function from a zip file, and wait until it is ready
# - invoke it from Python and from the command line
# - read its log, word by word, and calculate from it what a call costs
# - see which data are still there at the next call, and which are not
# - freeze a version of it
#
# **You need** Docker, and lesson [00](00_set_up_and_look_around.ipynb) for the words.
#
# **Time** 30 minutes reading, 20 minutes exercises. **Cost** free here; under $0.01 on AWS

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# ## What is Lambda?
#
# ```mermaid
# flowchart LR
#     caller["caller<br/>boto3 or aws"] -->|"event, as JSON"| service["Lambda"]
#     service -->|"event, context"| handler["your handler<br/>in an execution environment"]
#     handler -.->|"what it prints"| logs[("log")]
#     role["role:<br/>what it may do"] -.-> handler
# ```
#
# You upload a Python function, and Lambda stores it. When a call comes, Lambda starts a place to
# run it, the **execution environment**: a small Linux machine with Python. Then it calls your
# function with the caller's data, and returns your function's result. You pay for the milliseconds
# in which it worked. Without a call, you pay nothing.
#
# This lesson makes one such function, `hello`, without any machine learning, and looks at every
# part of it. Lesson 05 puts the model in its place.

# %% [markdown]
# ### Start from nothing
#
# The function's name begins with your own prefix, as in lesson 00, so that a class can share one
# account. If you ran this lesson before and stopped halfway, some things may be left.
# `deploy.delete` removes them, by name and only with your tags. The end of this lesson shows its
# steps by hand.

# %%
from workshop import deploy

NAME = deploy.name("hello")
print(NAME)

deploy.delete(NAME)

# %% [markdown]
# ## What does a handler look like?
#
# The function that Lambda calls is the **handler**. The smallest handler of this workshop is in
# `lambda/hello/`:

# %%
from pathlib import Path

hello_code = Path("../lambda/hello/lambda_function.py").read_text()
print(hello_code)

# %% [markdown]
# It contains nothing from AWS: no library, no base class. It takes two arguments.
#
# - `event` holds the caller's data. The caller sends JSON, and Lambda converts it into Python: an
#   object becomes a `dict`.
# - `context` holds facts about this call: its id, the time that is left, the memory.
#
# Its printed text goes to the log. Its result must be of a type that JSON has: `dict`, `list`,
# `str`, `int`, `float`, `bool` or `None`. A NumPy number such as `float32` or `int64` is none of these, and the call would fail.
#
# So you can call a handler like any function, long before there is a cloud. Always do that first:
# it is the fastest way to find a mistake. Lambda is not there to make a context, so we use a simple
# object instead:

# %%
import sys
from types import SimpleNamespace

sys.path.insert(0, "../lambda/hello")
from lambda_function import lambda_handler as hello

by_hand = SimpleNamespace(aws_request_id="by-hand", get_remaining_time_in_millis=lambda: 10_000)
hello({"name": "Ada"}, by_hand)

# %% [markdown]
# ### Exercise 1: a model without machine learning (5 minutes)
#
# Before there is a model, we use a rule. *Customers who may leave at the end of any month (contract
# `month-to-month`), and have been here for less than a year, will leave.*
#
# Complete the handler. The event looks like `{"customer": {"contract": "month-to-month", "tenure":
# 3}}`, with `tenure` in months. The result is `{"churn": True}` if the rule is met, else `{"churn":
# False}`.
#
# <details><summary>Hint 1</summary>
#
# `customer = event["customer"]`, and then `customer["contract"]` and `customer["tenure"]`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `a == b and c < d` is already `True` or `False`: return it inside a dictionary.
# </details>

# %% Exercise 1
def lambda_handler(event, context):
    """Say by a rule of thumb whether event["customer"] will leave: {"churn": True or False}."""
    # BEGIN SOLUTION
    customer = event["customer"]
    return {"churn": customer["contract"] == "month-to-month" and customer["tenure"] < 12}
    # END SOLUTION


print(lambda_handler({"customer": {"contract": "month-to-month", "tenure": 3}}, None))

# %% Check 1 tags=["check"]
def rule_says(contract, tenure):
    return lambda_handler({"customer": {"contract": contract, "tenure": tenure}}, None)


answer = rule_says("month-to-month", 3)
assert answer is not None, "the handler returned nothing: is there a `return`, or is it still open?"
assert isinstance(answer, dict), f"return a dictionary with the key 'churn', not {answer!r}"
assert "churn" in answer, f"the key must be 'churn', found {list(answer)}"
assert isinstance(answer["churn"], bool), f"'churn' must be True or False, not {answer['churn']!r}"
assert answer["churn"], "month-to-month and 3 months: the rule says True"
assert not rule_says("two_year", 3)["churn"], "a two-year contract: the rule says False"
assert not rule_says("month-to-month", 40)["churn"], "40 months are more than a year: False"
assert not rule_says("month-to-month", 12)["churn"], "12 months are not less than a year: False"
print("Right: your handler keeps to the rule.")

# %% [markdown]
# ## How does the code get there?
#
# It is uploaded as a zip file with `lambda_function.py` in it. The zip file can stay in memory:

# %%
import io
import zipfile


def zip_of(code):
    """Return a zip file, as bytes, that holds `code` as lambda_function.py."""
    entry = zipfile.ZipInfo("lambda_function.py")
    entry.external_attr = 0o644 << 16  # readable for everybody
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, code)
    return buffer.getvalue()


package = zip_of(hello_code)
print(len(package), "bytes:", zipfile.ZipFile(io.BytesIO(package)).namelist())

# %% [markdown]
# *Notice* the line with `0o644`. A zip file stores who may read each file in it, and Lambda runs
# your code as an unprivileged user. The shorter `archive.writestr("lambda_function.py", code)`
# makes the file readable for its owner alone, and then every call fails with `Permission denied:
# '/var/task/lambda_function.py'`.

# %% [markdown]
# ## What may the function do?
#
# A function works under a **role**: an identity without a password, which a service may take. Two
# documents describe it. The **trust policy** lists who may take the role:

# %%
import json
from string import Template

import boto3

account = boto3.client("sts").get_caller_identity()["Account"]
region = boto3.session.Session().region_name

trust_template = Template(Path("../workshop/account/policies/trust.json").read_text())
trust = trust_template.substitute(account=account)
print(trust)

# %% [markdown]
# Read it as a sentence: *Allow the service lambda.amazonaws.com to assume this role, when it works
# for this account.* The condition is important: without it, somebody could make the service use
# your role for a function in another account. The second document lists what the role may do. This
# function only has to write its log:

# %%
logs_template = Template(Path("../workshop/account/policies/logs.json").read_text())
logs_policy = logs_template.substitute(account=account, region=region, function=NAME)
print(logs_policy)

# %% [markdown]
# This policy is narrow: two actions, on one log group. If somebody tricks this function into
# running their code, that code can only write to this log. A `*` in either place would be shorter,
# and would allow everything.
#
# The files have placeholders for account and Region, and `substitute` fills them in. So you never
# type an account number. Now make the role and the log group:

# %%
TAGS = deploy.tags()

iam = boto3.client("iam")
role = iam.create_role(
    RoleName=f"{NAME}-role", AssumeRolePolicyDocument=trust,
    Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()])["Role"]
iam.put_role_policy(RoleName=f"{NAME}-role", PolicyName="logs", PolicyDocument=logs_policy)

logs = boto3.client("logs")
logs.create_log_group(logGroupName=f"/aws/lambda/{NAME}", tags=TAGS)
logs.put_retention_policy(logGroupName=f"/aws/lambda/{NAME}", retentionInDays=7)

print(role["Arn"])

# %% [markdown]
# The last call sets how long log lines are kept. Without it, AWS keeps them for ever, and bills for
# them.
#
# The function may do what this role allows, and nothing else: the local cloud checks each of its
# calls, as AWS does. (What differs: [local cloud and AWS](../workshop/LOCAL_CLOUD.md).)

# %% [markdown]
# ## Create the function
#
# It is one call. On AWS, a role that is a few seconds old may not be known everywhere yet. Then the
# call is refused with *The role defined for the function cannot be assumed by Lambda*, and we try
# again:

# %%
import time

from workshop import engine

functions = boto3.client("lambda")


def create_function(patience=120, **arguments):
    """create_function, tried again for `patience` seconds while the new role is not known yet."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return functions.create_function(**arguments)
        except functions.exceptions.InvalidParameterValueException as error:
            if "cannot be assumed" not in str(error) or time.monotonic() > deadline:
                raise
            print("the role is not known everywhere yet: trying again")
            time.sleep(3)


# %%
made = create_function(
    FunctionName=NAME,
    Runtime="python3.13",                        # the Python that Lambda brings
    Handler="lambda_function.lambda_handler",    # file, dot, function
    Code={"ZipFile": zip_of(hello_code)},
    Role=role["Arn"],
    MemorySize=256,                              # MB; more memory also means more CPU
    Timeout=10,                                  # seconds; then the call is cut off
    Architectures=[engine.architecture()],       # x86_64 or arm64, as this machine's engine
    Tags=TAGS)

print(made["FunctionArn"])
print(made["State"], "-", made.get("StateReason"))

# %% [markdown]
# *Notice* the state: `Pending`. The call returns before the function is ready. If you use the
# function immediately, you sometimes get a `ResourceConflictException`. boto3 has a **waiter** for
# this. It asks again and again until the state is `Active`:

# %%
functions.get_waiter("function_active_v2").wait(FunctionName=NAME)

print(functions.get_function_configuration(FunctionName=NAME)["State"])

# %% [markdown]
# ## Invoke it, from Python

# %%
answer = functions.invoke(FunctionName=NAME, Payload=json.dumps({"name": "Ada"}))

print("status:", answer["StatusCode"])
print("answer:", json.loads(answer["Payload"].read()))

# %% [markdown]
# The event is sent as JSON text, and the answer comes back as a stream of JSON text. Therefore the
# code has `json.loads(….read())`. We will do this often, so here it is as a function:

# %%
def call(event, **arguments):
    """Invoke the function and return what the handler returned."""
    answer = functions.invoke(
        FunctionName=NAME, Payload=json.dumps(event), **arguments)
    return json.loads(answer["Payload"].read())


call({"name": "Grace"})

# %% [markdown]
# ## Invoke it, from the command line
#
# Here is the same call, for people and shell scripts. The event is in a file, and the answer goes
# into a file:

# %%
sent, received = Path("../build/hello_event.json"), Path("../build/hello_answer.json")
sent.parent.mkdir(exist_ok=True)
sent.write_text(json.dumps({"name": "Katherine"}))

# !aws lambda invoke --function-name {NAME} --payload fileb://{sent} {received}

print(received.read_text())

# %% [markdown]
# Write `fileb://`, with a **b** for bytes. It reads the file as it is, with every version of the
# command line and on Windows too.
#
# If you type the event into the command itself, version 2 of the `aws` command reads it as base64
# by default. So you need an option:
#
# ```bash
# aws lambda invoke --function-name NAME \
#   --cli-binary-format raw-in-base64-out --payload '{"name": "Katherine"}' answer.json
# ```
#
# Without the option it stops with `Invalid base64: "{"name": "Katherine"}"`. The workshop installs
# version 1, which has no such option and takes the text as it is; `aws --version` prints your
# version. Why base64 at all? A payload may be any bytes, and this is the cause of the error:

# %%
import base64

try:
    base64.b64decode('{"name": "Katherine"}', validate=True)
except ValueError as error:
    print("not base64:", error)
print("base64:    ", base64.b64encode(b'{"name": "Katherine"}').decode())

# %% [markdown]
# ## What does the log say?
#
# The text that a handler prints goes to its log. With `LogType="Tail"`, Lambda sends the end of the
# log with the answer. It is coded in base64, because it is sent in an HTTP header. Here is a
# handler that prints:

# %%
chatty_code = '''
print("starting: this line runs once")


def lambda_handler(event, context):
    print("called with", event)
    return {"length": len(event["text"])}
'''


# %% [markdown]
# New code needs no new function: `update_function_code` replaces the code, and a waiter waits until
# the change is active.

# %%
def deploy_code(code):
    """Replace the code of the function and wait until the change has arrived."""
    functions.update_function_code(FunctionName=NAME, ZipFile=zip_of(code))
    functions.get_waiter("function_updated_v2").wait(FunctionName=NAME)


deploy_code(chatty_code)


# %%
def call_with_log(event):
    """Invoke the function and return the answer and the end of its log (at most 4 KB)."""
    answer = functions.invoke(
        FunctionName=NAME, Payload=json.dumps(event), LogType="Tail")
    return json.loads(answer["Payload"].read()), base64.b64decode(answer["LogResult"]).decode()


answer, log = call_with_log({"text": "to be or not to be"})
print(answer, log, sep="\n\n")

# %% [markdown]
# Line by line:
#
# | line | says |
# |---|---|
# | `START` | a call begins: its id, and the version of the code (`$LATEST`: the newest) |
# | `starting: …` | what the module prints while it is loaded |
# | `called with …` | what the handler prints |
# | `END` | the call is over |
# | `REPORT` | what it took |
#
# (On AWS, `starting` comes before `START`, after a line `INIT_START` with the version of Python.)
#
# And `REPORT`, word by word:
#
# | word | is |
# |---|---|
# | `Duration` | time of the request: your handler, and the time to hand the event over and take the answer back |
# | `Billed Duration` | what you pay for, in whole milliseconds, rounded up; it includes the start |
# | `Memory Size` | what you asked for, and pay for |
# | `Max Memory Used` | the most that the environment has used so far |
# | `Init Duration` | time to start Python and load your module; only when the environment is new |
#
# In the log of a second call, `starting` and `Init Duration` are missing:

# %%
answer, log = call_with_log({"text": "that is the question"})
print(log)

report = [line for line in log.splitlines() if line.startswith("REPORT")][0]
fields = dict(part.split(": ", 1) for part in report.split("\t") if ": " in part)
print(fields["Billed Duration"], "at", fields["Memory Size"])

# %% [markdown]
# The `REPORT` of the local cloud has the same words, but its milliseconds are those of your
# machine, not Lambda's. Never quote them.
#
# ### The whole log
#
# All lines of all calls are kept in **CloudWatch Logs**. On AWS they need some seconds to get
# there, so ask until they are there:

# %%
def log_lines(wanted, patience=60):
    """Return the log of the function as a list, as soon as a line holds `wanted`."""
    deadline = time.monotonic() + patience
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{NAME}")
        lines = [event["message"].rstrip() for page in pages for event in page["events"]]
        if any(wanted in line for line in lines) or time.monotonic() > deadline:
            return lines
        time.sleep(2)


for line in log_lines("that is the question")[-6:]:
    print(line[:110])

# %% [markdown]
# *Notice:* the event is in the log because the handler printed it. More people than you think read
# a log. From lesson 04 on, our handlers never print a client's data.

# %% [markdown]
# ### Exercise 2: what do a million calls cost? (8 minutes)
#
# AWS charges for each call and for each *GB-second*: memory in GB (1 GB = 1,024 MB) times time in
# seconds. The prices below are those of x86 in us-east-1
# ([Lambda pricing](https://aws.amazon.com/lambda/pricing/), November 2026, before the free tier).
#
# Complete `dollars_per_million`.
#
# <details><summary>Hint 1</summary>
#
# GB-seconds of one call: `memory_mb / 1024 * billed_ms / 1000`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A million calls: a million times that, times the price of one GB-second; plus the price of a
# million calls.
# </details>

# %% Exercise 2
DOLLARS_PER_MILLION_CALLS = 0.20
DOLLARS_PER_GB_SECOND = 0.0000166667


def dollars_per_million(billed_ms, memory_mb):
    """Price in dollars of a million calls that are billed `billed_ms` each, at `memory_mb` MB."""
    # BEGIN SOLUTION
    gb_seconds = memory_mb / 1024 * billed_ms / 1000
    return DOLLARS_PER_MILLION_CALLS + 1_000_000 * gb_seconds * DOLLARS_PER_GB_SECOND
    # END SOLUTION


for billed_ms, memory_mb in [(2, 256), (100, 256), (100, 1024)]:
    print(f"{billed_ms:4} ms at {memory_mb:5} MB:", dollars_per_million(billed_ms, memory_mb))

# %% Check 2 tags=["check"]
def close(a, b):
    return abs(a - b) < 0.006           # rounding to a cent is fine


answer = dollars_per_million(100, 1024)
assert answer is not None, "nothing was returned: is there a `return`, or is it still open?"
assert isinstance(answer, (int, float)), f"return a number, not {answer!r}"
assert not close(answer, 1.66667), "you left out the price of the calls themselves"
assert not close(answer, 0.2 + 1666.67), "that is a thousand times the time: ms into seconds"
assert not close(answer, 0.2 + 1.66667e-6), "that is the time of one call, not of a million"
assert close(answer, 0.2 + 1.66667), f"100 ms at 1,024 MB: {answer!r}, expected about 1.87"
answer = dollars_per_million(100, 256)
assert not close(answer, 0.2 + 1.66667), "memory makes no difference in your sum: it has to"
assert close(answer, 0.2 + 1.66667 / 4), f"100 ms at 256 MB: {answer!r}, expected about 0.62"
print(f"Right: a million calls of 100 ms at 256 MB cost ${answer:.2f}.")

# %% [markdown]
# ## Which data are still there at the next call?
#
# The second call above did not load the module again. So what happens to a variable of the module?
# This handler counts its calls, and gives its environment a random name when it starts:

# %%
counter_code = '''
import time
import uuid

environment = uuid.uuid4().hex[:6]    # once, when the environment starts
calls = 0


def lambda_handler(event, context):
    global calls
    calls += 1                        # at every call
    time.sleep(event.get("seconds", 0))
    return {"environment": environment, "calls": calls}
'''

deploy_code(counter_code)

milliseconds = []
for _ in range(8):
    start = time.perf_counter()
    answer = call({})
    milliseconds.append(1000 * (time.perf_counter() - start))
    print(answer)

# %% [markdown]
# There is one name, and a counter that goes up: all eight calls went to the same environment, and
# its variables kept their values. The first call, which has to start the environment, is a **cold
# start**. Every later call is **warm**. What is the difference for the client?

# %%
from workshop.plots import show, starts

show(*starts.calls(milliseconds))

print(f"the cold call took {milliseconds[0] / sorted(milliseconds[1:])[3]:.0f} times "
      "as long as a typical warm one")

# %% [markdown]
# Look at the first bar. Here it is mostly the time that Docker needs to start a container. Lambda
# is faster at that, and starts Python with an empty function in 0.08 seconds (the median of
# [lambda-perf](https://maxday.github.io/lambda-perf/), August 2026). But on AWS, too, the first
# call is the slowest by far.
#
# A module loads once, and a handler runs at every call. So load the model in the module, not in the
# handler.
#
# ### What you may not rely on
#
# One environment works on one call at a time. What happens when four calls arrive together?

# %%
from concurrent.futures import ThreadPoolExecutor

with ThreadPoolExecutor(4) as callers:
    answers = list(callers.map(call, 4 * [{"seconds": 0.5}]))

for answer in answers:
    print(answer)
print(len({answer["environment"] for answer in answers}), "environments")

# %% [markdown]
# *Notice:* there are several names, each with its own counter. Lambda started more environments,
# and they share nothing. So use a variable of the module for things that can be made again at any
# time, such as a loaded model or an open connection. Do not use it for data that must not be lost,
# or for a count that must be correct. The next call may meet another environment, and Lambda ends
# an idle environment without a message.

# %% [markdown]
# ### Exercise 3: your handler in the cloud (7 minutes)
#
# Put your handler from exercise 1 into the function (`inspect.getsource` gives its text), and call
# it for a customer with the contract `month-to-month` and a tenure of 3. Put its answer into
# `cloud_answer`.
#
# <details><summary>Hint 1</summary>
#
# `inspect.getsource(lambda_handler)` is the text of your handler.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `deploy_code(...)` and `call(...)` do the rest; the event is the one from exercise 1.
# </details>

# %% Exercise 3
import inspect

cloud_answer = None
# BEGIN SOLUTION
deploy_code(inspect.getsource(lambda_handler))
cloud_answer = call({"customer": {"contract": "month-to-month", "tenure": 3}})
# END SOLUTION
print(cloud_answer)

# %% Check 3 tags=["check"]
assert cloud_answer is not None, "cloud_answer is still None: open, or your handler returns nothing"
assert isinstance(cloud_answer, dict), f"call(...) gives a dictionary, found {cloud_answer!r}"
assert "environment" not in cloud_answer, "the counter answered: deploy your handler first"
assert "errorMessage" not in cloud_answer, f"your handler failed: {cloud_answer['errorMessage']}"
assert cloud_answer == {"churn": True}, f"expected {{'churn': True}}, found {cloud_answer}"
loyal = call({"customer": {"contract": "two_year", "tenure": 60}})
assert loyal == {"churn": False}, f"the function itself does not follow the rule: {loyal}"
print("Right: the cloud runs your rule.")

# %% [markdown]
# ## Settings without new code
#
# Some settings change more often than code: where a model is, how much to log. They go into
# **environment variables**.

# %%
greeter_code = '''
import os


def lambda_handler(event, context):
    return {"message": f"{os.environ['GREETING']}, {event['name']}!"}
'''


def set_greeting(greeting):
    """Change the environment variable GREETING of the function and wait for it."""
    functions.update_function_configuration(
        FunctionName=NAME, Environment={"Variables": {"GREETING": greeting}})
    functions.get_waiter("function_updated_v2").wait(FunctionName=NAME)


deploy_code(greeter_code)
set_greeting("Hello")
call({"name": "Ada"})

# %% [markdown]
# The waiter is necessary again, after every change. Changes also start new environments, so the
# next call is a cold start. Everybody who may look at the function can read its variables, so do
# not put a password there.

# %% [markdown]
# ## Freeze a version
#
# You can freeze code and settings that work. A **version** has a number and never changes again;
# `$LATEST` is the copy that you continue to change.

# %%
version = functions.publish_version(FunctionName=NAME)["Version"]
functions.get_waiter("published_version_active").wait(
    FunctionName=NAME, Qualifier=version)

set_greeting("Bonjour")

print("version", version, "says", call({"name": "Ada"}, Qualifier=version))
print("$LATEST   says", call({"name": "Ada"}))

# %% [markdown]
# The frozen version still answers *Hello*. Clients that use the number are not surprised by your
# experiments.

# %% [markdown]
# ## What if the handler fails?
#
# The function expects a name. Send an event without one:

# %%
answer = functions.invoke(FunctionName=NAME, Payload=json.dumps({}))
failure = json.loads(answer["Payload"].read())

print("StatusCode:   ", answer["StatusCode"])
print("FunctionError:", answer.get("FunctionError"))
print("errorType:    ", failure["errorType"])
print("errorMessage: ", failure["errorMessage"])

# %% [markdown]
# *Notice* that the status is **200**: Lambda did its part. Whether *your code* failed is in
# `FunctionError`, a field that is missing after a success. A client that reads the status alone
# takes an error for an answer. Our function `call` does not look at `FunctionError`. In production,
# check it.
#
# The answer also holds a `stackTrace`. It is useful for you, and not for strangers. From lesson 04
# on, a client's mistake is answered with a sentence, and the trace stays in the log.

# %% [markdown]
# ## What is in the context?

# %%
context_code = '''
def lambda_handler(event, context):
    return {
        "request id": context.aws_request_id,
        "milliseconds left": context.get_remaining_time_in_millis(),
        "memory, MB": context.memory_limit_in_mb,
        "function": context.invoked_function_arn,
    }
'''

deploy_code(context_code)
call({})

# %% [markdown]
# The request id is also in the log's `START` line. When somebody reports "it failed", this id finds
# the lines. The time left starts near the time-out of 10 seconds. A long job can read it, stop in
# time, and report that.

# %% [markdown]
# ## Clean up
#
# We delete the function, its log, and its role. A role can be deleted only when no policy is
# attached to it.

# %%
functions.delete_function(FunctionName=NAME)
logs.delete_log_group(logGroupName=f"/aws/lambda/{NAME}")
iam.delete_role_policy(RoleName=f"{NAME}-role", PolicyName="logs")
iam.delete_role(RoleName=f"{NAME}-role")

try:
    functions.get_function(FunctionName=NAME)
except functions.exceptions.ResourceNotFoundException:
    print(NAME, "is gone")

# %% [markdown]
# ## Recap
#
# - A handler is a Python function of `event` and `context`. Call it like a function before you
#   deploy it.
# - Its role has a trust policy (who may take it) and permissions (what it may do): here, to write
#   its own log.
# - `create_function` with a zip; then the waiter `function_active_v2`. After every change, the
#   waiter `function_updated_v2`.
# - `functions.invoke(…)` from Python; `aws lambda invoke --payload fileb://…` from the shell.
# - The log has `START`, your own lines, `END` and `REPORT`. You pay for billed milliseconds times
#   memory.
# - Variables of the module keep their values while an environment lives. Environments share
#   nothing, and end without a message.
# - `publish_version` freezes code and settings under a number.
#
# ## Next
#
# [Train the churn model](02_train_churn_model.ipynb): a model that is worth putting into a
# function.
