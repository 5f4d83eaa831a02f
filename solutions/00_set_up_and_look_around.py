# ---
# title: Set up and look around
# workshop:
#   number: "00"
#   needs: []
#   reading: 25
#   exercises: 15
#   execution: 1
#   cost: "free"
#   products: []
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Set up and look around
#
# **You will**
#
# - run a cell, read its output, and let a check test an exercise
# - see whether a cell calls your own machine or AWS, and what changes that
# - read an ARN, the name of each thing on AWS
# - compare the sizes of the installed packages, and see why these lessons put ONNX Runtime in the
#   cloud and not a training framework
# - store a file in S3 and read it back
#
# **You need** the set-up, which `python3 -m workshop lab` did before it opened this page. Docker is
# welcome and not needed: this lesson runs without it and says what you would miss.
#
# **Time** 25 minutes reading, 15 minutes exercises. **Cost** free

# %% [markdown]
# ## What you will build
#
# A telephone company wants to know which customers are about to leave. Any program should be able
# to ask, at any time, without a server that always runs. Seven lessons take you there:
#
# ```mermaid
# flowchart LR
#     csv[("churn.csv")] --> train["02 train<br/>a model"]
#     train --> export["03 export<br/>churn.onnx"]
#     export --> build["04 build<br/>an image"]
#     build --> ship["05 ship<br/>a function"]
#     program(["any program"]) --> open["06 open<br/>an HTTPS endpoint"]
#     open --> ship
# ```
#
# Read it from left to right. A table of customers becomes a model, the model becomes one file, and
# the file goes into an image. The image goes to the cloud, and the cloud runs it when a request
# comes. Before that, lesson 01 makes the smallest possible function, to show how the cloud works.

# %% [markdown]
# ## How a lesson works
#
# Each part asks a question, answers it with a short cell, and explains the output. **Shift +
# Enter** runs the current cell and moves to the next one. *Run → Run All Cells* runs the whole
# page, from top to bottom; you can do that first and read afterwards. Try it on this cell:

# %%
import sys

print("Python", sys.version.split()[0], "on", sys.platform)

# %% [markdown]
# *Notice* the number in square brackets on the left: it counts the cells that you have run. A star
# in its place means "still running".
#
# Each exercise has a **check**: a cell that tests your answer and explains mistakes. If you skip an
# exercise, its check prints an error, and everything after it still works. The solved version of
# each lesson is in the folder `solutions/`. The first use of a term in a lesson is a link to the
# [glossary](../notebooks/glossary.md).

# %% [markdown]
# ## Where am I?
#
# The first cell of every lesson answers this question. It starts a small cloud on your own machine,
# if none is running, and prints one line.

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# *Notice* the words **local cloud, free**. Nothing that you do now can cost money, and nobody else
# can see it. If you ever read **AWS account …: this costs money** here, you are on AWS.
#
# What did that line do? It set a few **environment variables**, settings that every program can
# read. `boto3` (AWS's library for Python) and `aws` (AWS's command line) read them; nothing else is
# changed.

# %%
import os

for name in ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_PROFILE"]:
    print(f"{name:17}", os.environ.get(name, "(not set)"))

# %% [markdown]
# On the local cloud, `AWS_ENDPOINT_URL` contains `localhost`: requests for `amazonaws.com` go to a
# program on this machine. `AWS_REGION` is set as on AWS. A **Region** is the place of your things,
# such as `us-east-1` (Virginia); things in one Region do not see those in another.
#
# | | local cloud | AWS |
# |---|---|---|
# | you choose it by | doing nothing | setting `AWS_PROFILE` before you start JupyterLab |
# | account | made up | yours |
# | costs | nothing | each lesson says how much |
# | the cells | the same | the same |
#
# The local cloud does not copy everything of AWS. One table lists the differences, [local cloud and
# AWS](../workshop/LOCAL_CLOUD.md); lessons link to it where it matters.

# %% [markdown]
# ## Who am I?
#
# A cloud answers only clients that it knows. One call returns your identity. STS is AWS's service
# for identities. `get_caller_identity` is free and always allowed, so try it first when something
# does not work.

# %%
import boto3

identity = boto3.client("sts").get_caller_identity()
account = identity["Account"]

print("account:", account)
print("I am:   ", identity["Arn"])

# %% [markdown]
# Here is the same call from the command line. A line that starts with `!` goes to the shell.

# %%
# !aws sts get-caller-identity

# %% [markdown]
# Both gave the same answer: `boto3` and `aws` are two clients for the same API.
#
# AWS sends its bill to an **account**, which has a number of twelve digits. An **ARN** (Amazon
# Resource Name) is the full name of one thing in the cloud. It has six parts with colons between
# them, and the last part may contain more colons:
#
# ```text
# arn : aws : lambda : us-east-1 : 123456789012 : function:workshop-hello
#       |     |        |           |              |
#       |     service  region      account        which thing
#       partition (aws nearly everywhere)
# ```
#
# Identities have ARNs, too: yours above, and that of a **role**. A role is an identity without a
# password, which a service such as Lambda takes to do its work.
#
# A part can be empty. The name of an S3 bucket is unique in the whole world, so its ARN needs
# neither Region nor account: `arn:aws:s3:::my-bucket`. Identities (IAM) have no Region.

# %% [markdown]
# ### Exercise 1: read an ARN (5 minutes)
#
# Complete `account_of`. It returns the account of an ARN, and an empty string if the ARN has none.
# Then run the check below it.
#
# <details><summary>Hint 1</summary>
#
# `"a:b:c".split(":")` gives `["a", "b", "c"]`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Count the parts from zero: `arn` is part 0, the partition is part 1, the service part 2.
# </details>

# %% Exercise 1
def account_of(arn):
    """Return the account in `arn`, or "" if it names none."""
    # BEGIN SOLUTION
    return arn.split(":")[4]
    # END SOLUTION


print(account_of(identity["Arn"]))

# %% Check 1 tags=["check"]
function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:workshop-hello"
answer = account_of(function_arn)

assert answer is not None, "account_of returned nothing: is there a `return`, or is it still open?"
assert isinstance(answer, str), f"account_of returned a {type(answer).__name__}: one part, a string"
assert answer != "eu-central-1", "that is the region: the account is one part further right"
assert answer != "workshop-hello", "that is the end of the name: count the parts from the left"
assert answer == "123456789012", f"from {function_arn} you took {answer!r}, not the account"
answer = account_of("arn:aws:s3:::my-bucket")
assert answer == "", f"a bucket's ARN names no account, but you returned {answer!r}: split at ':'"
assert account_of(identity["Arn"]) == account
print("Right: the account is part 4, counted from zero.")

# %% [markdown]
# ## What is installed, and how large is it?
#
# To train a model you need a framework. To *use* it you need much less. How much less? Python has a
# list of the files of each installed package and of its requirements. So we can add up the bytes on
# your disk.

# %%
from importlib import metadata

from packaging.requirements import Requirement


def with_all_it_needs(package, found):
    """Add the package, and whatever it requires, to the set of names `found`."""
    name = metadata.metadata(package)["Name"]
    if name in found:
        return found
    found.add(name)
    for line in metadata.requires(package) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            with_all_it_needs(requirement.name, found)
    return found


print(sorted(with_all_it_needs("onnxruntime", set())))

# %% [markdown]
# These are few packages. `onnxruntime` runs models; it cannot train them. Now we compare the size
# of this set with three frameworks. They are large, so set-up installs them while you read. The
# cell below waits until they are all on your disk.

# %%
from workshop import groups


def megabytes(package):
    """Size on disk of one package's own files, in MB (1 MB = 1,000,000 bytes)."""
    paths = [file.locate() for file in metadata.files(package)]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


groups.need("sklearn", "torch", "tensorflow", optional=True)    # wait for these frameworks

installed = {distribution.metadata["Name"] for distribution in metadata.distributions()}
tensorflow = "tensorflow_cpu" if "tensorflow_cpu" in installed else "tensorflow"
frameworks = [name for name in ("scikit-learn", "torch", tensorflow) if name in installed]

size_mb = {}
for package in ["onnxruntime", *frameworks]:
    packages = with_all_it_needs(package, set())
    size_mb[package] = sum(megabytes(name) for name in packages)
    print(f"{package:15} {len(packages):3} packages {size_mb[package]:7.0f} MB")

# %%
from workshop.plots import charts, show

ZIP_LIMIT_MB = 262.144  # AWS says 250 MB and counts 1 MB as 1,048,576 bytes
show(*charts.bars(size_mb, "size on disk, MB", "What it takes to run a model, and to train a model",
                  "Bar chart, MB", limit=(ZIP_LIMIT_MB, "Lambda's limit for a zip")))

# %% [markdown]
# *Notice* the order: ONNX Runtime is the smallest, scikit-learn comes next, and the two
# deep-learning frameworks are several times larger. The dashed line is Lambda's limit for a zip
# file with code, unpacked and with everything in it: 250 MB ([Lambda
# quotas](https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), read in November
# 2026).
#
# The chart does not show two things. You can make packages smaller: without its tests and its
# compiled bytecode scikit-learn is below the line. And a container image may have 10 GB, so size
# alone forbids nothing. But every byte that the program *reads* at its start has to be loaded, and
# a client waits for that. Lesson 04 measures it.

# %% [markdown]
# ### Exercise 2: what fits in a zip? (5 minutes)
#
# Make `fits`: the list of the names in `size_mb` that stay within `ZIP_LIMIT_MB`, as installed
# here.
#
# <details><summary>Hint 1</summary>
#
# `size_mb` is a dictionary: `size_mb.items()` gives pairs of name and megabytes.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `[name for name, mb in size_mb.items() if ...]`
# </details>

# %% Exercise 2
fits = None
# BEGIN SOLUTION
fits = [name for name, mb in size_mb.items() if mb <= ZIP_LIMIT_MB]
# END SOLUTION
print(fits)

# %% Check 2 tags=["check"]
assert fits is not None, "fits is still None: this exercise is open"
assert not isinstance(fits, (str, dict)), f"fits is a {type(fits).__name__}: make a list of names"
assert all(name in size_mb for name in fits), "fits holds something that is no key of size_mb"
too_big = [name for name in fits if size_mb[name] > ZIP_LIMIT_MB]
assert not too_big, f"{too_big} is larger than {ZIP_LIMIT_MB} MB: is the comparison the right way?"
missing = [name for name in size_mb if size_mb[name] <= ZIP_LIMIT_MB and name not in fits]
assert not missing, f"{missing} is within {ZIP_LIMIT_MB} MB and not in your list"
print("Right:", ", ".join(fits), "would fit.")

# %% [markdown]
# ## What is the local cloud made of?
#
# ```mermaid
# flowchart LR
#     nb["this notebook<br/>boto3, aws, docker"] -->|"asks"| lc
#     lc["local cloud<br/>S3, IAM, ECR, Lambda, …"] -->|"uses"| engine["Docker engine"]
#     engine --> c1["container<br/>your function"]
#     engine --> c2["container<br/>your function"]
# ```
#
# - The **local cloud** is one program on your machine. It is
#   [MiniStack](https://github.com/ministackorg/ministack), which answers the same calls as AWS.
# - The **Docker engine** runs containers. An **image** is a program packed with everything that it
#   needs, like a zip of a small computer; a **container** is an image that is running.
# - A **registry** stores images under an address; AWS's registry is called **ECR**.
# - **Lambda** runs your code when a request comes, and only then. Here it runs in a container. On
#   AWS it runs in a very small virtual machine.
#
# Is there an engine on this machine? (Where a line begins with `!`, Jupyter runs it in the shell.
# It fills in `$name` and `{expression}` from Python.)

# %%
what = "client {{.Client.Version}}, engine {{.Server.Version}} on {{.Server.Os}}/{{.Server.Arch}}"
# !docker version --format "$what"

# %% [markdown]
# There are two programs. The **client** is the command `docker`; the **engine** does the work, and
# the two may have different versions. The last word, `linux/amd64` or `linux/arm64`, is the kind of
# processor that images must be built for. `amd64` is also called `x86_64`. Lambda has both kinds,
# and an image for one does not run on the other.
#
# If you see *Cannot connect to the Docker daemon* or *command not found*, there is no engine. This
# lesson and lessons 02 and 03 run without Docker; 01, 04, 05 and 06 need it. `python3 -m workshop
# doctor` explains what to do.
#
# The workshop reads the engine's architecture once. It uses it for each image and each function, so
# that the two are equal:

# %%
from workshop import engine

if engine.available():
    print("Docker runs here; images and functions are made for", engine.architecture())
else:
    print("no Docker engine: lessons 01, 04, 05 and 06 need one")

# %% [markdown]
# Which functions are running at the moment?

# %%
# !docker ps --filter label=workshop.cloud={cloud.port()}

# %% [markdown]
# The list is empty below its heading, unless you have called a function in the last minutes.
# Without a call nothing runs. This is the idea of Lambda, and makes it cheap.

# %% [markdown]
# ## A first round trip: put a file into S3, get it back
#
# **S3** stores files. A **bucket** is a named place for them, an **object** is one file in it, and its
# **key** is the file's name. Nothing here needs Docker.
#
# A whole class may use one AWS account. So every name in these lessons begins with your own
# **prefix**, `workshop-` and your short name, the **owner**. `deploy.name` makes such a name. On
# AWS the owner comes from your identity; the environment variable `WORKSHOP_OWNER` sets another
# one.
#
# On AWS a bucket's name is unique in the whole world. With your account and Region in it, it is
# very probably free.

# %%
from workshop import deploy

s3 = boto3.client("s3")
region = s3.meta.region_name
bucket = f"{deploy.name('first')}-{account}-{region}"

# us-east-1 is the default place and may not be named; every other region has to be.
place = {} if region == "us-east-1" else {
    "CreateBucketConfiguration": {"LocationConstraint": region}}
try:
    s3.create_bucket(Bucket=bucket, **place)
except s3.exceptions.BucketAlreadyOwnedByYou:
    pass  # left over from an earlier run: use it
print("bucket", bucket)

# %% [markdown]
# But a stranger can guess the name too. If they made that bucket first, your files would go to
# them. `ExpectedBucketOwner` prevents this: S3 refuses the call (`AccessDenied`) when another
# account owns the bucket. So the name of the bucket and its owner's number go into every call, as
# `owned`:

# %%
owned = {"Bucket": bucket, "ExpectedBucketOwner": account}

s3.put_bucket_tagging(**owned, Tagging={
    "TagSet": [{"Key": key, "Value": value} for key, value in deploy.tags().items()]})
deploy.tags()

# %% [markdown]
# A **tag** is a label. Everything that these lessons make has two tags, `project` and `owner`. So
# you can find it again, and your clean-up deletes nothing else. Now the round trip:

# %%
s3.put_object(**owned, Key="hello.txt", Body=b"hello from a notebook")

answer = s3.get_object(**owned, Key="hello.txt")
text = answer["Body"].read()

print(text)
print(answer["ContentLength"], "bytes, stored", answer["LastModified"])

# %% [markdown]
# *Notice* `b"…"`: S3 stores bytes and does not know their meaning. You convert text and JSON into
# bytes yourself.
#
# What does it look like when something goes wrong?

# %%
from botocore.exceptions import ClientError

try:
    s3.get_object(**owned, Key="helo.txt")
except ClientError as error:
    print(error.response["Error"]["Code"])
    print(error)

# %% [markdown]
# A program should read the code of the error, `NoSuchKey`; the sentence is for people. Every
# service returns its errors in this form.

# %% [markdown]
# ### Exercise 3: store a customer and read it back (5 minutes)
#
# Store the dictionary `customer` as JSON under the key `customer.json` in `bucket`. Read it back,
# and convert it into a dictionary `returned`.
#
# <details><summary>Hint 1</summary>
#
# `json.dumps(customer)` makes text of it, and `.encode()` makes bytes of the text.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `json.loads(...)` accepts the bytes of `["Body"].read()`. </details>

# %% Exercise 3
import json

customer = {"contract": "month-to-month", "tenure": 3, "monthlycharges": 79.85}
returned = None
# BEGIN SOLUTION
s3.put_object(**owned, Key="customer.json", Body=json.dumps(customer).encode())
returned = json.loads(s3.get_object(**owned, Key="customer.json")["Body"].read())
# END SOLUTION
print(returned)

# %% Check 3 tags=["check"]
keys = [item["Key"] for item in s3.list_objects_v2(**owned).get("Contents", [])]
assert returned is not None, "returned is still None: this exercise is open"
assert "customer.json" in keys, f"there is no customer.json in the bucket, only {keys}"
assert not isinstance(returned, (bytes, str)), "returned is still text: json.loads makes it a dict"
assert isinstance(returned, dict), f"returned is a {type(returned).__name__}, not a dictionary"
assert "Body" not in returned, "that is the whole answer: what you stored is under its 'Body'"
assert returned == customer, f"what came back differs from what you had: {returned}"
print("Right: it went out as bytes and came back as the same dictionary.")

# %% [markdown]
# ## Before you ever use AWS
#
# You need no AWS account for any of these lessons. If you want one later, do this first, in this
# order:
#
# 1. Turn on multi-factor sign-in for the root user, then stop using the root user.
# 2. **Set a budget**, so that you get a mail before a surprise becomes a bill. In the AWS console:
#    *Billing and Cost Management → Budgets → Create budget*, take the template *Monthly cost
#    budget*, say 5 dollars and your mail address
#    ([the page in the manual](https://docs.aws.amazon.com/cost-management/latest/userguide/budget-templates.html)).
#    A budget warns and does not stop anything, and it may lag by some hours. The
#    [first part of lesson 24](24_clean_up.ipynb#First-of-all,-a-budget) makes one from Python.
# 3. Make a profile, with
#    [version 2 of AWS's command line](https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html):
#    `aws login --profile your-profile` uses your sign-in to the console (from version 2.32),
#    `aws configure sso` that of your company. Version 1, which the set-up installs, has neither. It
#    has been in maintenance since summer 2026, and ends in July 2027 (AWS Developer Tools Blog). The
#    cells of these lessons work with both.
# 4. Stop JupyterLab, and start it with `AWS_PROFILE=your-profile python3 -m workshop lab`. (In
#    PowerShell, first `$env:AWS_PROFILE = "your-profile"`.)
# 5. Run the clean-up at the end of each lesson, and at the end of all `python3 -m workshop clean`.

# %% [markdown]
# ### What you may do on AWS
#
# On AWS an identity may do nothing until a **policy** allows it. A policy is a JSON document with
# statements: which **actions** are allowed, on which resources, under which conditions. The
# workshop has a policy for each of its stages. Together they allow what the lessons do with things
# that have your names, and nothing else. This cell fills them in for you and your account:

# %%
from workshop import permissions

for path in permissions.write("../build/policies"):
    statements = json.loads(path.read_text())["Statement"]
    print(f"{path.name:16} {len(statements):2} statements, such as {statements[0]['Sid']}")

# %% [markdown]
# An administrator of the account attaches them to your user. In the console, this is *IAM → Policies
# → Create policy → JSON*, then *IAM → Users → you → Add permissions*. In a terminal, for the user
# `ada` in the account 123456789012, it is:
#
# ```bash
# cd build/policies
# for stage in ship open events sagemaker stacks operate; do
#   aws iam create-policy --policy-name lessons-ada-$stage --policy-document file://$stage.json
#   aws iam attach-user-policy --user-name ada \
#     --policy-arn arn:aws:iam::123456789012:policy/lessons-ada-$stage
# done
# ```
#
# The lessons make roles with policies. A person who may do that can give a role more permissions
# than their own. So use an account in which nothing else is kept.
#
# On the local cloud, you are the user `learner` and have these policies already. IAM can tell
# beforehand what they allow; `python3 -m workshop doctor` asks the same question on AWS:

# %%
lacking = permissions.missing()
print(lacking or "Nothing is missing.")

# %% [markdown]
# And what does a refusal look like? No lesson lists users, so no policy allows it:

# %%
try:
    boto3.client("iam").list_users(MaxItems=1)
    print("You may list users: you have more permissions than the lessons need.")
except ClientError as error:
    print(error)

# %% [markdown]
# *Notice* the four parts: who asked, the action, the resource, and the reason. With the action's name
# you find what is missing in a policy.

# %% [markdown]
# ### On AWS only: is there a budget?
#
# This cell does nothing on the local cloud.

# %% tags=["aws"]
if not cloud.is_local():
    answer = boto3.client("budgets").describe_budgets(AccountId=account)
    budgets = answer.get("Budgets", [])
    assert budgets, "this account has no budget: make one, as above, before you go on"
    print("budgets:", ", ".join(budget["BudgetName"] for budget in budgets))

# %% [markdown]
# ## Clean up
#
# A bucket can be deleted only when it is empty. So we delete the objects first, then the bucket.

# %%
for item in s3.list_objects_v2(**owned).get("Contents", []):
    s3.delete_object(**owned, Key=item["Key"])
s3.delete_bucket(**owned)

print("buckets left:", [b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"] == bucket])

# %% [markdown]
# ## Recap
#
# - **Shift + Enter** runs a cell; a check cell tests an exercise; you may skip exercises.
# - `cloud.use()` prints where you are: *local cloud, free* unless you set `AWS_PROFILE` yourself.
# - An ARN has six parts, `arn:partition:service:region:account:thing`, and some may be empty.
# - ONNX Runtime with its dependencies is the smallest of the four sets; the frameworks for training
#   are larger, some of them by far.
# - S3 stores bytes under a key in a bucket: `put_object`, `get_object`. An error has a code for
#   programs and a sentence for people.
# - On AWS a policy must allow each action; `AccessDenied` names the one that is missing.
#
# ## Next
#
# [Write and invoke a first function](01_write_and_invoke_function.ipynb): a few lines of Python,
# run by Lambda.
