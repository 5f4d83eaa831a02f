# ---
# title: Ship it to Lambda
# workshop:
#   number: "05"
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
# # Ship it to Lambda
#
# **You will**
#
# - push an image to a registry (ECR) and name it by its digest
# - give two permissions and no more: Lambda may load the image, the function may write its log
# - create the function, wait until it is ready, and invoke it with boto3
# - see what Lambda's defaults, 3 seconds and 128 MB, do, and change them
# - publish version 2 without a change for the clients of version 1, and roll back
# - find a request in the logs
# - measure how much memory is worth its price, and compute a monthly bill
#
# **You need** Docker, and lesson 04's image (made now if it is missing)
#
# **Time** 35 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01, within the free tier nothing

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ## Where we are
#
# ```mermaid
# flowchart LR
#     onnx["churn.onnx"] -->|04| image["image<br/>churn:v1"]
#     image -->|"docker push"| ecr[("ECR repository<br/>workshop-…-churn")]
#     ecr -->|"Lambda pulls"| fn["function<br/>workshop-…-churn"]
#     fn -->|"writes"| logs[("log group")]
#     you(["you, with boto3"]) -->|"invoke"| fn
#     policy{{"repository policy"}} -.- ecr
#     role{{"role"}} -.- fn
#     style ecr fill:#fff3d6,stroke:#e69f00,stroke-width:3px
#     style fn fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# Lambda does not run images from your machine. It loads them from ECR, Amazon's registry, in its
# own Region. The two hexagons are permissions, and often forgotten: without them, Lambda may
# not load the image, and the function may not write its log.
#
# On AWS, set a budget first, which takes ten minutes: see the [first part of lesson
# 24](24_clean_up.ipynb#First-of-all,-a-budget).

# %% [markdown]
# First we remove what an earlier run of this lesson may have left. `deploy.delete` deletes only
# things that carry your tags.

# %%
from workshop import base_image, deploy

NAME = deploy.name("churn")
deploy.delete(NAME)
local_v1 = deploy.build("churn", "../build/models/churn.onnx", "v1")

if not cloud.is_local():
    base_image.refuse_stand_in(local_v1)  # good for learning, not for a real account

# %% [markdown]
# ## A place for the image
#
# A **repository** in ECR holds the versions of one image. Everything that you make in this workshop
# gets the same tags. So you can find all of it, see its cost, and delete it together.

# %%
import boto3

ecr = boto3.client("ecr")
repository = ecr.create_repository(
    repositoryName=NAME,
    tags=[{"Key": key, "Value": value} for key, value in deploy.tags().items()])["repository"]
address = repository["repositoryUri"]
address

# %% [markdown]
# The address is the registry's name, then the repository's. On AWS it begins with your account's
# number and contains the Region.
#
# ## Log in
#
# Docker needs a password for the registry. ECR makes one from your AWS credentials, and it is valid
# for 12 hours (ECR documentation).

# %%
import base64

granted = ecr.get_authorization_token()["authorizationData"][0]
user, password = base64.b64decode(granted["authorizationToken"]).decode().split(":", 1)
registry = granted["proxyEndpoint"].split("://")[1]

print("registry:", registry)
print("user:    ", user)
print("valid to:", granted["expiresAt"])

# %% [markdown]
# We pass the password through standard input. On the command line, every user of the machine could
# read it in the list of processes, and your shell would store it.

# %%
import subprocess

done = subprocess.run(["docker", "login", "--username", user, "--password-stdin", registry],
                      input=password, capture_output=True, text=True)
print(done.stdout.strip() or done.stderr.strip())

# %% [markdown]
# ## Tag and push
#
# Docker pushes an image to the address in its name. So the image gets a second name, which begins
# with the registry's address.

# %%
# !docker tag {local_v1} {address}:v1
# !docker push --quiet {address}:v1

# %% [markdown]
# (Without `--quiet`, Docker draws a progress bar for each layer; to AWS, expect a minute or two.)
#
# What is in the registry now? The layers, and a small document that lists them, the **manifest**.
# Its SHA-256 is the image's **digest**, a fingerprint: change one byte of the image, and the digest
# is different.

# %%
import json

stored = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}])["images"][0]
digest = stored["imageId"]["imageDigest"]
manifest = json.loads(stored["imageManifest"])

print("digest:  ", digest)
print("kind:    ", manifest["mediaType"])
print("layers:  ", len(manifest["layers"]))
print(f"to fetch: {sum(one['size'] for one in manifest['layers']) / 1e6:.0f} MB, compressed")

# %% [markdown]
# *Notice* the kind, or **media type**. Lambda accepts a manifest of one image (`…manifest.v2+json`
# or `…image.manifest.v1+json`). Newer Docker versions add a note on how the image was built, an
# **attestation**, and then push a list of two things instead, an **index**. Docker 29 pushes an
# index even without that note (moby/moby issue 51532); there, use `docker push --platform`. Lambda
# refuses an index:
#
# > The image manifest, config or layer media type for the source image … is not supported.
#
# (docker/buildx issue 1533.) The solution is `docker build --provenance=false`, or the environment
# variable `BUILDX_NO_DEFAULT_ATTESTATIONS=1`, which `cloud.use()` sets.

# %%
import os

print(os.environ["BUILDX_NO_DEFAULT_ATTESTATIONS"])
assert "index" not in manifest["mediaType"] and "list" not in manifest["mediaType"]

# %% [markdown]
# ### Exercise 1: name it by its digest (5 minutes)
#
# A tag such as `v1` can be moved: another push of `v1` gives the name to another image. A digest
# cannot be moved. Complete `pinned`. It finds the image with the tag and returns `ADDRESS@DIGEST`.
# `details` is a list of dicts, one for each image, with its `imageDigest` and its `imageTags`.
# Without such an image it raises `ValueError`.
#
# <details><summary>Hint 1</summary>
#
# Each detail is a dict. `imageTags` is a list, because one image may have several tags. It is
# missing if there are none: `one.get("imageTags", [])`. </details>
#
# <details><summary>Hint 2</summary>
#
# `imageDigest` is the whole digest already, with `sha256:` in front.
# </details>

# %% Exercise 1
def pinned(address, details, tag):
    """`ADDRESS@DIGEST` of the image with this tag; ValueError when there is none."""
    # BEGIN SOLUTION
    for one in details:
        if tag in one.get("imageTags", []):
            return f"{address}@{one['imageDigest']}"
    raise ValueError(f"no image has the tag {tag}")
    # END SOLUTION


details = ecr.describe_images(repositoryName=NAME)["imageDetails"]
print(pinned(address, details, "v1"))

# %% Check 1 tags=["check"]
answer = pinned(address, details, "v1")
assert answer is not None, "pinned returned nothing: is there a `return`, or is it still open?"
assert not answer.endswith(":v1"), "that is the tag, which can be moved: use @DIGEST"
assert "@" in answer, f"an @ stands between address and digest; you returned {answer}"
assert answer == f"{address}@{digest}", f"expected {address}@{digest}, you returned {answer}"
several = [{"imageDigest": "sha256:aa"}, {"imageDigest": "sha256:bb", "imageTags": ["v1", "v2"]}]
try:
    answer = pinned("here", several, "v2")
except KeyError:
    raise AssertionError("an image may have no tags at all: use one.get('imageTags', [])") from None
assert answer == "here@sha256:bb", (
    f"v2 is the second tag of sha256:bb, but you returned {answer}: look at all the tags")
try:
    answer = pinned("here", several, "v3")
except ValueError:
    print("Right: the same bytes, for ever.")
else:
    raise AssertionError(f"no image has the tag v3: raise ValueError; you returned {answer}")

# %% [markdown]
# From here on, we name the image by its digest:

# %%
image_v1 = f"{address}@{digest}"
image_v1

# %% [markdown]
# ## What may the function do?
#
# A function acts under a **role**. Two documents describe it: who may take the role, and what the
# role may do. Our role may write into its own log. It cannot read S3, delete anything or create a
# log group, and an attacker who breaks into the function cannot either. The policies are in
# `workshop/account/policies/`; `deploy.policy` fills in account, Region and prefix.

# %%
print(deploy.policy("trust"))
print(deploy.policy("logs", function=NAME))

# %%
iam = boto3.client("iam")
role = iam.create_role(
    RoleName=f"{NAME}-role", AssumeRolePolicyDocument=deploy.policy("trust"),
    Tags=[{"Key": key, "Value": value} for key, value in deploy.tags().items()])["Role"]
iam.put_role_policy(RoleName=role["RoleName"], PolicyName="logs",
                    PolicyDocument=deploy.policy("logs", function=NAME))
role["Arn"]

# %% [markdown]
# We make the log group ourselves, and set how long its lines are kept. If the role may make log
# groups, Lambda makes this one itself. It keeps every line for ever, and you pay for it.

# %%
logs = boto3.client("logs")
group = f"/aws/lambda/{NAME}"
logs.create_log_group(logGroupName=group, tags=deploy.tags())
logs.put_retention_policy(logGroupName=group, retentionInDays=7);

# %% [markdown]
# Both clouds check the role, its trust policy and its permissions. The differences are listed in
# [local cloud and AWS](../workshop/LOCAL_CLOUD.md).

# %% [markdown]
# ## Create the function
#
# It takes some seconds, sometimes a minute, until all of AWS knows a new role. Until then, Lambda
# refuses it with *cannot be assumed*. So we try again, on that error alone, and only for a limited
# time.

# %%
import time

from workshop import engine

client = boto3.client("lambda")


def create(patience=120, **settings):
    """create_function, again while Lambda does not know the role yet."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return client.create_function(**settings)
        except client.exceptions.InvalidParameterValueException as error:
            if "cannot be assumed" not in str(error) or time.monotonic() > deadline:
                raise
        print("the role is not known yet; again in 3 s")
        time.sleep(3)


made = create(FunctionName=NAME, PackageType="Image", Code={"ImageUri": image_v1},
              Role=role["Arn"], Architectures=[engine.architecture()], Tags=deploy.tags())
made["State"]

# %% [markdown]
# `Pending` means that Lambda is still loading the image. To invoke or change the function now would
# fail. boto3 has a **waiter** for this, which asks again until the function is ready.

# %%
client.get_waiter("function_active_v2").wait(FunctionName=NAME)
now = client.get_function_configuration(FunctionName=NAME)
for key in ("State", "PackageType", "Architectures", "MemorySize", "Timeout"):
    print(f"{key:13} {now[key]}")

# %% [markdown]
# *Notice* the last two values. We did not set them: **128 MB** and **3 seconds** are Lambda's
# defaults. Are they enough? We look at both below.

# %% [markdown]
# ## Who allowed Lambda to read the image?
#
# The repository is private, and we forgot to allow Lambda to read it. Why did it work? A
# **repository policy** names who may read a repository. This is the policy of ours now:

# %%
added = json.loads(ecr.get_repository_policy(repositoryName=NAME)["policyText"])["Statement"]
print(json.dumps(added, indent=2))
assert [one["Principal"] for one in added] == [{"Service": "lambda.amazonaws.com"}]

# %% [markdown]
# Lambda added this statement, because *you* may read and change the policy
# (`ecr:GetRepositoryPolicy`, `ecr:SetRepositoryPolicy`). A caller who may not gets the error *Lambda
# does not have permission to access the ECR image*: lesson 23 shows it. So we write the policy
# ourselves, and make it narrower:

# %%
print(deploy.policy("repository"))
ecr.set_repository_policy(repositoryName=NAME, policyText=deploy.policy("repository"));

# %% [markdown]
# There is one difference. Lambda's statement is for all functions of your account; ours is for the
# functions whose names begin with your prefix. Both allow the **service**, not the function's
# role: Lambda loads the image before it uses the role. A common mistake is to give these
# permissions to the role.

# %% [markdown]
# ## Invoke it

# %%
import pandas as pd

test = pd.read_csv("../build/models/churn_test.csv")
customers = json.loads(test.drop(columns="churn").to_json(orient="records"))


def invoke(event, **more):
    """Invoke the function; return what boto3 answers, with the payload read."""
    response = client.invoke(FunctionName=NAME, Payload=json.dumps(event), **more)
    return response | {"Payload": json.load(response["Payload"])}


response = invoke({"customer": customers[0]})
print(response["StatusCode"], response.get("FunctionError"))
print(response["Payload"])

# %% [markdown]
# This can fail at three levels, from the outside in:
#
# | what | where it stands | example |
# |---|---|---|
# | the call itself | boto3 raises `ClientError` | no such function, no right to invoke, throttled |
# | the function failed | `FunctionError` is there | time-out, out of memory, an exception |
# | the function refused | `statusCode` in the payload | a field is missing |
#
# `StatusCode` 200 only says that Lambda ran it.

# %%
response = invoke({"customer": customers[0] | {"contract": "weekly"}})
print(response["StatusCode"], response.get("FunctionError"))
response["Payload"]

# %% [markdown]
# ### Exercise 2: a client that checks everything (8 minutes)
#
# Complete `predict`. It returns the probability. It raises `RuntimeError` if the function failed,
# and `ValueError` with the names of the wrong fields if the function refused.
#
# <details><summary>Hint 1</summary>
#
# `response` is the result of `client.invoke`; `payload` is the function's answer. If
# `response.get("FunctionError")` has a value, `payload["errorMessage"]` has the reason. </details>
#
# <details><summary>Hint 2</summary>
#
# A refusal has the key `statusCode` in the payload. Its `problems` are dicts with a `field`.
# </details>

# %% Exercise 2
def predict(client, customer):
    """Probability that this customer leaves."""
    response = client.invoke(FunctionName=NAME, Payload=json.dumps({"customer": customer}))
    payload = json.load(response["Payload"])
    # BEGIN SOLUTION
    if response.get("FunctionError"):
        raise RuntimeError(payload["errorMessage"])
    if "statusCode" in payload:
        raise ValueError(", ".join(problem["field"] for problem in payload["problems"]))
    return payload["churn_probability"]
    # END SOLUTION


print(predict(client, customers[0]))

# %% Check 2 tags=["check"]
import io


class Canned:
    """A client that always answers the same."""

    def __init__(self, payload, **more):
        self.response = {"StatusCode": 200,
                         "Payload": io.BytesIO(json.dumps(payload).encode()), **more}

    def invoke(self, **_):
        return self.response


answer = predict(client, customers[0])
assert answer is not None, "predict returned nothing: is there a `return`, or is it still open?"
assert isinstance(answer, float), f"return the probability alone, a float; you returned {answer!r}"
timed_out = Canned({"errorMessage": "Task timed out after 3.00 seconds"}, FunctionError="Unhandled")
try:
    answer = predict(timed_out, customers[0])
except RuntimeError as error:
    assert "timed out" in str(error), "say in the error what happened: payload['errorMessage']"
except KeyError as error:
    raise AssertionError(f"a time-out gave KeyError {error}: look at FunctionError first") from None
else:
    raise AssertionError(f"a time-out must raise RuntimeError; predict returned {answer!r}")
refused = Canned({"statusCode": 400, "message": "no", "problems": [{"field": "contract"}]})
try:
    answer = predict(refused, customers[0])
except ValueError as error:
    assert "contract" in str(error), f"the wrong field is contract; the error says {error}"
except KeyError as error:
    raise AssertionError(f"a refused customer gave KeyError {error}: StatusCode of the call is 200 "
                         "even then; look for statusCode in the payload") from None
else:
    raise AssertionError(f"a refused customer must raise ValueError; predict returned {answer!r}")
print("Right: no failure passes for an answer.")

# %% [markdown]
# ## Three seconds
#
# Our function answers in a moment. What if it waits for something, such as a database that is busy
# today? We make it wait: we build an image on top of this one. Its handler can sleep, or keep the
# processor busy, and then does the same as before.

# %%
from pathlib import Path

folder = Path("../build/images/churn_slow")
folder.mkdir(parents=True, exist_ok=True)
(folder / "slow.py").write_text("""\
import time
from lambda_function import lambda_handler as answer

def lambda_handler(event, context):
    time.sleep(event.pop("sleep", 0))
    end = time.process_time() + event.pop("compute", 0)   # seconds of processor time
    while time.process_time() < end:
        pass
    return answer(event, context)
""")
(folder / "Dockerfile").write_text(f"""\
FROM {local_v1}
COPY slow.py ./
CMD ["slow.lambda_handler"]
""")
# !docker build --quiet --tag {address}:slow ../build/images/churn_slow
# !docker push --quiet {address}:slow

# %% [markdown]
# Only one small layer was sent, because the registry has the others already.
#
# An update also takes time. A second update before the first has ended is refused with
# `ResourceConflictException`. So a waiter follows every update.

# %%
def change(**settings):
    """Change the function's code or its settings, and wait until that has happened."""
    update = (client.update_function_code if "ImageUri" in settings
              else client.update_function_configuration)
    update(FunctionName=NAME, **settings)
    client.get_waiter("function_updated_v2").wait(FunctionName=NAME)


change(ImageUri=f"{address}:slow")
response = invoke({"customer": customers[0], "sleep": 4})
print(response.get("FunctionError"))
response["Payload"]

# %% [markdown]
# *Notice* `FunctionError`. The answer is lost, because Lambda ended the function in the middle of
# its work. And the call cost all 3 seconds.
#
# The solution is a time-out that fits the work. For a function that answers people, use a few times
# the usual duration, not the maximum of 900 seconds. If something hangs, you pay until the end.
#
# The client has a time-out, too. After 60 seconds without an answer, boto3 sends the same `invoke`
# again, so the function runs twice or more. For a longer function, give the client a
# `read_timeout` above the function's time-out, and `retries={"total_max_attempts": 1}`: both are
# arguments of `botocore.config.Config`.

# %%
change(Timeout=10)
response = invoke({"customer": customers[0], "sleep": 4})
print(response.get("FunctionError"))
response["Payload"]

# %% [markdown]
# ## How much memory?
#
# On Lambda, memory is also speed: processor time is in proportion to memory, one whole processor at
# 1,769 MB (Lambda developer guide, read in November 2026). The default of 128 MB is a fourteenth of
# one. So is the smallest setting the cheapest? Lambda measures each run and writes it into the last
# line of the run's log, which `LogType="Tail"` returns with the answer:

# %%
response = invoke({"customer": customers[0]}, LogType="Tail")
tail = base64.b64decode(response["LogResult"]).decode()
print(tail)

# %% [markdown]
# The line has `Duration`, `Billed Duration` (in whole milliseconds, rounded up) and `Max Memory
# Used`.
#
# We measure six sizes with two kinds of request: ordinary ones, and heavy ones, which first compute
# for a fifth of a second, as a larger model would.

# %%
import re


def report(event):
    """The figures of an invoke's REPORT line, such as {"Duration": 3.1, "Memory Size": 128.0}."""
    tail = base64.b64decode(invoke(event, LogType="Tail")["LogResult"]).decode()
    line = re.search(r"^REPORT .*", tail, re.M).group()
    return {key: float(value) for key, value in re.findall(r"(\w[\w ]+): ([\d.]+) (?:ms|MB)", line)}


measured = {}
for memory in (3008, 1769, 1024, 512, 256, 128):
    change(MemorySize=memory)
    first, *warm = [report({"customer": customer}) for customer in customers[:10]]
    heavy = [report({"customer": customers[0], "compute": 0.2})
             for _ in range(1 if memory < 512 else 3)]
    measured[memory] = {"first": first, "ordinary": pd.DataFrame(warm).median(),
                        "heavy": pd.DataFrame(heavy).median()}
    print(f"{memory:5} MB done")

# %% [markdown]
# What does a million requests cost? Lambda's prices for x86, in us-east-1 (Lambda pricing page,
# read in November 2026): \$0.20 for a million requests, and \$0.0000166667 for each second with
# 1 GB (arm64: \$0.0000133334).

# %%
REQUEST = 0.20 / 1e6
GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}[engine.architecture()]


def dollars_per_million(milliseconds, memory):
    """Price of a million requests that are billed so many milliseconds at so many MB."""
    return 1e6 * (REQUEST + milliseconds / 1000 * memory / 1024 * GB_SECOND)


rows = []
for memory, found in measured.items():
    row = {"memory (MB)": memory, "used (MB)": found["heavy"]["Max Memory Used"],
           "init (ms)": found["first"].get("Init Duration")}
    for kind in ("ordinary", "heavy"):
        row[f"{kind} (ms)"] = found[kind]["Duration"]
        row[f"{kind}, $ per million"] = dollars_per_million(found[kind]["Billed Duration"], memory)
    rows.append(row)
table = pd.DataFrame(rows).set_index("memory (MB)").sort_index()
table.round(2)

# %%
from workshop.plots import bills, show

expected = [200 * max(1, 1769 / memory) for memory in table.index]  # 0.2 s of a whole processor
show(*bills.by_memory(table, [(milliseconds, dollars_per_million(milliseconds, memory))
                              for milliseconds, memory in zip(expected, table.index)]))

# %% [markdown]
# *Notice* the triangles first, and the dotted line, the calculated time for 0.2 s of a processor. A
# function that computes needs half the time with twice the memory, for the same price, until it has
# a whole processor at 1,769 MB. Above that, our loop cannot use more, and only the price grows. So
# for a heavy model, the smallest setting is slow and no cheaper. (Some triangles are away from the
# line, because processor time comes in slices, and the machine runs other programs too.)
#
# Then the circles. Our small model hardly computes: it is fast at any size, and the fee for the
# request is most of the price. Memory above its need gains nothing.
#
# And `init`: a container that starts has a whole processor whatever its memory, so memory does not
# shorten the cold start. (People have observed this; AWS does not guarantee it: *serverlessland*.)
#
# What do these numbers mean for AWS?
#
# - **The shape is the same.** The local cloud gives a container the same share of a processor and
#   the same memory limit, and measures the durations at the same place.
# - **The milliseconds are not.** Your processor is a different one, and on AWS a cold start also
#   has to find a machine and load the image. The cells run unchanged there: measure again.
#
# We take 512 MB, which is more than enough, and go back to the image that neither sleeps nor
# computes.

# %%
change(ImageUri=image_v1)
change(MemorySize=512)
invoke({"customer": customers[0]})["Payload"]

# %% [markdown]
# ### Exercise 3: the monthly bill (7 minutes)
#
# Each month, an account has 1,000,000 requests and 400,000 GB-seconds free (Lambda pricing page,
# read in November 2026). Complete `monthly_bill`, in dollars.
#
# <details><summary>Hint 1</summary>
#
# GB-seconds are requests × seconds × GB. A GB is 1,024 MB, a second 1,000 ms.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Subtract the free part from each of the two, but never go below zero: `max(0, requests -
# 1_000_000)`. </details>

# %% Exercise 3
def monthly_bill(requests, milliseconds, memory):
    """Dollars for a month of requests that are billed so many ms at so many MB."""
    # BEGIN SOLUTION
    seconds = requests * milliseconds / 1000 * memory / 1024
    return (max(0, requests - 1_000_000) * REQUEST
            + max(0, seconds - 400_000) * GB_SECOND)
    # END SOLUTION


print(monthly_bill(30_000_000, 5, 512))

# %% Check 3 tags=["check"]
answer = monthly_bill(500_000, 5, 512)
assert answer is not None, "monthly_bill returned nothing: is it still open?"
assert answer >= 0, f"half a million requests gave {answer}: a bill is never below zero"
assert answer < 0.006, (
    f"half a million short requests are free, but you returned ${answer:.4f}: is the free part "
    "taken off, and are milliseconds made into seconds?")
answer, right = monthly_bill(2_000_000, 1000, 1024), 1e6 * REQUEST + 1.6e6 * GB_SECOND
assert abs(answer - 2e6 * REQUEST - 2e6 * GB_SECOND) > 0.006, "that is without the free part"
assert abs(answer - right) < 0.006, (              # rounding to a cent is fine
    f"2 million requests of 1 s at 1,024 MB cost ${right:.2f}; you returned ${answer:.2f}")
answer, right = monthly_bill(2_000_000, 1000, 512), 1e6 * REQUEST + 0.6e6 * GB_SECOND
assert abs(answer - right) < 0.006, (
    f"the same at 512 MB is ${right:.2f}, you returned ${answer:.2f}: half the GB-seconds, and "
    "then the free part off")
print("Right.")

# %% [markdown]
# And what does our function cost for thirty million requests a month, a dozen each second?

# %%
print(f"${30 * table.loc[512, 'ordinary, $ per million']:.2f} without the free part")

# %% [markdown]
# ## Version 2, and a rollback
#
# So far every client calls `$LATEST`, the function as it is now. A change changes it for all
# clients. A **version** is a frozen copy of code and settings. An **alias** is a name that points
# to one version, and clients use this name.
#
# ```mermaid
# flowchart LR
#     callers(["callers"]) --> live{{"alias live"}}
#     live --> v1["version 1"]
#     live -. "move the alias" .-> v2["version 2"]
#     latest["$LATEST"] -- "publish" --> v2
# ```

# %%
def publish():
    """Freeze the function as it is now; return the version's number."""
    version = client.publish_version(FunctionName=NAME)["Version"]
    client.get_waiter("published_version_active").wait(FunctionName=NAME, Qualifier=version)
    return version


first = publish()
client.create_alias(FunctionName=NAME, Name="live", FunctionVersion=first)
first

# %% [markdown]
# For version 2, suppose that an offer has become cheaper, so we warn earlier: the threshold is
# lower. The threshold is in the model file, in the signature of lesson 03. So only the model file
# changes; the handler stays the same.

# %%
import onnx

model = onnx.load("../build/models/churn.onnx")
entry = next(one for one in model.metadata_props if one.key == "signature")
signature = json.loads(entry.value)
print("version", signature["version"], "warns at", signature["threshold"])

signature |= {"version": "2", "threshold": signature["threshold"] / 2}
entry.value = json.dumps(signature)
onnx.save(model, "../build/models/churn_v2.onnx")
print("version", signature["version"], "warns at", signature["threshold"])

# %% [markdown]
# Build and push as before. `workshop.deploy` contains the same calls that you have just made by
# hand. From now on we use it: `build`, `push`, `ensure_role`, `function`, `publish`.

# %%
local_v2 = deploy.build("churn", "../build/models/churn_v2.onnx", "v2")
image_v2 = deploy.push(local_v2)
image_v2

# %%
change(ImageUri=image_v2)
second = publish()

for qualifier in ("live", first, second):
    answer = invoke({"customer": customers[0]}, Qualifier=qualifier)["Payload"]
    print(f"{qualifier:5} model version {answer['model_version']}")

# %% [markdown]
# Both versions run side by side, and `live` still answers as before. No client sees a
# difference yet, so you can look at version 2 as long as you like.
#
# Which customers would get another decision? Send some customers to both, and compare.

# %%
flipped = []
for customer in customers[:40]:
    old, new = (invoke({"customer": customer}, Qualifier=one)["Payload"] for one in (first, second))
    if old["churn"] != new["churn"]:
        flipped.append(old["churn_probability"])
print(f"{len(flipped)} of 40 are warned about by version 2 only")
assert all(signature["threshold"] <= one < 2 * signature["threshold"] for one in flipped)

# %% [markdown]
# One call moves the alias, and takes effect immediately:

# %%
client.update_alias(FunctionName=NAME, Name="live", FunctionVersion=second)
invoke({"customer": customers[0]}, Qualifier="live")["Payload"]

# %% [markdown]
# ### Exercise 4: roll back (5 minutes)
#
# There are complaints: too many warnings. Let `live` point to the first version again. Its number
# is in `first`.
#
# <details><summary>Hint</summary>
#
# Use the call above, with another version. </details>

# %% Exercise 4
# BEGIN SOLUTION
client.update_alias(FunctionName=NAME, Name="live", FunctionVersion=first)
# END SOLUTION

print(client.get_alias(FunctionName=NAME, Name="live")["FunctionVersion"])

# %% Check 4 tags=["check"]
target = client.get_alias(FunctionName=NAME, Name="live")["FunctionVersion"]
assert target != "$LATEST", "live points to $LATEST, which changes with every update: use `first`"
assert target == first, f"live still points to version {target}; move it to version {first}"
answer = invoke({"customer": customers[0]}, Qualifier="live")["Payload"]
assert answer["model_version"] == "1", f"live answers as model {answer['model_version']}"
print("Right: going back took one call, and no build.")

# %% [markdown]
# ## What is in the log?
#
# Each request wrote one line of JSON into the log group. CloudWatch filters by words. Every line of
# our handler contains `model_version`, and none of Lambda's own lines does.

# %%
def find(pattern, patience=30):
    """Messages in the log that match a pattern; waits, because lines take seconds to arrive."""
    deadline = time.monotonic() + patience
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=pattern)
        found = [event["message"].strip() for page in pages for event in page["events"]]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(1)


lines = [json.loads(line) for line in find("model_version")]
print(json.dumps(lines[-1]))

requests = pd.DataFrame(lines)[["request_id", "event", "status", "milliseconds", "model_version",
                                "cold"]]
requests.tail(3)

# %% [markdown]
# The request id is the most important entry. Lambda's own `START` and `REPORT` lines have the same
# id, so you can find everything about one request. The line does not have the customer. (The part
# under `_aws` makes metrics of some entries, as lesson 21 explains; the table leaves them out.)
#
# Because every line is JSON, a log is a table. Which requests were refused? How long did answers
# take?

# %%
requests[requests["status"] == 400]

# %%
requests.groupby(["model_version", "status", "cold"])["milliseconds"].agg(["count", "median"])

# %% [markdown]
# There is one `cold` for each container that answered, and a new container for each setting that we
# tried. `milliseconds` is the time of the handler itself; the `Duration` above includes the way to
# it and back.
#
# CloudWatch itself reads JSON, so you need not download millions of lines: the filter `{ $.status =
# 400 }` finds the refused requests.
#
# Lambda's own lines are in the log as well. The time-out, for example:

# %%
print(*find('"timed out"'), sep="\n")

# %% [markdown]
# ## The same, in two lines
#
# `deploy.push` and `deploy.function` do the work of this lesson. You may call them again: a thing
# that is already correct does not change.

# %%
before = client.get_function_configuration(FunctionName=NAME)["RevisionId"]
deploy.function(NAME, deploy.push(local_v2), memory=512, timeout=10)
after = client.get_function_configuration(FunctionName=NAME)["RevisionId"]
print("changed" if before != after else "nothing to change")

# %% [markdown]
# ## Recap
#
# - **Registry:** log in for 12 hours, tag with the registry's address, push. The digest names the
#   bytes; the tag is only a label.
# - **Permissions:** the repository policy lets Lambda load the image; the role lets the function
#   write its own log; nothing else is allowed.
# - **Create** an image function with `PackageType="Image"` and the image's architecture. Try again
#   while the role is new; wait after every change.
# - **Defaults:** 3 seconds end a slow request in the middle; 128 MB mean a fourteenth of a
#   processor. One call changes both.
# - **Versions** are frozen, an alias points to one, and a rollback moves the alias back.
# - **Logs:** one JSON line for each request, searchable. Set a retention, or they stay for ever.
# - **Memory** is also speed, and for a model this small the request itself is most of the price.
#
# ## Clean up
#
# Lesson 06 puts an HTTPS endpoint in front of this function, so we keep it. A function without
# calls costs nothing; its image costs \$0.10 per GB and month (ECR pricing page).
#
# If you stop here, change `False` to `True`: this deletes the function, its log, its role and the
# repository, and logs Docker out.

# %%
STOP_HERE = False

if STOP_HERE:
    deploy.delete(NAME)
    subprocess.run(["docker", "logout", registry], check=True)

# %% [markdown]
# ## Next
#
# [Lesson 06](06_open_https_endpoint.ipynb) lets programs without AWS keys call it.
