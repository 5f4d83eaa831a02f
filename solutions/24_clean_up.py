# ---
# title: Clean up, and know what it costs to forget
# workshop:
#   number: "24"
#   needs: [docker]
#   reading: 25
#   exercises: 25
#   execution: 1
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Clean up, and know what it costs to forget
#
# **You will**
# - set a budget that sends you a message before a surprise becomes a bill
# - list what a project has in an account, by its tag and by its names, and see why you need both
# - see how AWS refuses a clean-up in the wrong order, and what happens where nothing is refused
# - compute the right order from what uses what
# - remove everything, and prove that nothing is left
# - compute what a forgotten thing costs, and distinguish the cheap things from the expensive ones
#
# **You need** Docker. On AWS, do the first part, up to *Some things to clean up*, before lesson 05.
#
# **Time** 25 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01 (a budget costs nothing)

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# ## First of all, a budget
#
# A **budget** compares the cost of an account this month with a limit. It sends a message when a
# share of the limit is reached. There are two kinds of notification. `ACTUAL` compares the money
# that was spent. `FORECASTED` compares the expected cost at the end of the month, so it can come
# weeks earlier.
#
# Which address should get the message? Put yours into the environment variable `WORKSHOP_MAIL`
# before you start JupyterLab, or into this cell.

# %%
import os

import boto3

MAIL = os.environ.get("WORKSHOP_MAIL", "you@example.com")
assert cloud.is_local() or not MAIL.endswith("example.com"), "nobody would read that: set MAIL"

account = boto3.client("sts").get_caller_identity()["Account"]
budgets = boto3.client("budgets", region_name="us-east-1")      # AWS Budgets exists in this Region only

# %% [markdown]
# ### Exercise 1: tell me early (10 minutes)
#
# Complete `notifications`, a list of six, for 50, 80 and 100 percent, each once actual and once
# forecast. Each is a dictionary of this shape; `Subscribers` is a list of one:
#
# ```python
# {"Notification": {"NotificationType": "ACTUAL",
#                   "ComparisonOperator": "GREATER_THAN",
#                   "Threshold": 50, "ThresholdType": "PERCENTAGE"},
#  "Subscribers": [{"SubscriptionType": "EMAIL", "Address": mail}]}
# ```
#
# <details><summary>Hint 1</summary>
#
# Two loops in one list: `[{…} for share in (50, 80, 100) for kind in ("ACTUAL", …)]`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# With `ThresholdType` `PERCENTAGE`, 50 means half of the limit, and 0.5 means half a percent.
# </details>

# %% Exercise 1
def notifications(mail):
    """Six notifications to an address: at 50, 80, 100 %, of what was spent and of the forecast."""
    # BEGIN SOLUTION
    return [{"Notification": {"NotificationType": kind, "ComparisonOperator": "GREATER_THAN",
                              "Threshold": share, "ThresholdType": "PERCENTAGE"},
             "Subscribers": [{"SubscriptionType": "EMAIL", "Address": mail}]}
            for share in (50, 80, 100) for kind in ("ACTUAL", "FORECASTED")]
    # END SOLUTION


notifications(MAIL)

# %% Check 1 tags=["check"]
from botocore.validate import ParamValidator

returned = notifications("a@b.example")
assert returned is not None, "notifications returned nothing: a `return`, or is it still open?"
shape = budgets.meta.service_model.operation_model("CreateBudget").input_shape
faults = ParamValidator().validate(returned, shape.members["NotificationsWithSubscribers"])
assert not faults.has_errors(), f"boto3 would refuse this:\n{faults.generate_report()}"
assert len(returned) == 6, f"three shares, each actual and forecast, are 6 notifications, not {len(returned)}"
assert all(one["Notification"].get("ThresholdType", "PERCENTAGE") == "PERCENTAGE"
           for one in returned), "ABSOLUTE_VALUE would be dollars: use PERCENTAGE"
shares = sorted({one["Notification"]["Threshold"] for one in returned})
assert max(shares) > 1, f"{shares}: in percent, 0.5 is half a percent; write 50"
assert shares == [50, 80, 100], f"expected are 50, 80 and 100 percent, you have {shares}"
kinds = {one["Notification"]["NotificationType"] for one in returned}
assert kinds == {"ACTUAL", "FORECASTED"}, f"both ACTUAL and FORECASTED; you have {sorted(kinds)}"
assert len({(one["Notification"]["Threshold"], one["Notification"]["NotificationType"])
            for one in returned}) == 6, "one of them comes twice, another is missing"
assert {one["Notification"]["ComparisonOperator"] for one in returned} == {"GREATER_THAN"}, (
    "it is to warn when more is spent: GREATER_THAN")
assert all([who["Address"] for who in one["Subscribers"]] == ["a@b.example"] for one in returned), (
    "each goes to the address that notifications was given: use `mail`")
print("Right.")

# %% [markdown]
# Now the budget itself. It covers the whole account, not the workshop's tag alone. A forgotten tag
# is just the case that you want to hear about. (`CostFilters` can limit it to a tag, after that tag
# has been *activated for cost allocation* in the billing console.)

# %%
from botocore.exceptions import ParamValidationError

from workshop import deploy

BUDGET = deploy.name("budget")
TAGS = [{"Key": key, "Value": value} for key, value in deploy.tags().items()]

budget = {"BudgetName": BUDGET, "BudgetType": "COST", "TimeUnit": "MONTHLY",
          "BudgetLimit": {"Amount": 5, "Unit": "USD"}}
try:
    budgets.create_budget(AccountId=account, Budget=budget)
except ParamValidationError as error:
    print(error)

# %% [markdown]
# This error came from boto3, before anything was sent: boto3 knows the parameters of each call.
# Money is a *string* here, because `0.1` has no exact form in binary.

# %%
try:                                            # what an earlier run has made goes first
    budgets.delete_budget(AccountId=account, BudgetName=BUDGET)
except budgets.exceptions.NotFoundException:
    pass

budget["BudgetLimit"]["Amount"] = "5"
budgets.create_budget(AccountId=account, Budget=budget, ResourceTags=TAGS,
                      NotificationsWithSubscribers=notifications(MAIL) or [])

pages = budgets.get_paginator("describe_notifications_for_budget").paginate(
    AccountId=account, BudgetName=BUDGET)
for page in pages:
    for one in page["Notifications"]:
        print(f"{one['NotificationType']:11}{one['Threshold']:5.0f} % of 5 dollars")

# %% [markdown]
# *Notice* what a budget does **not** do:
#
# - **It does not stop anything.** It sends a mail, and costs go on.
# - **It is late.** AWS updates its numbers up to three times a day, and they are 8 to 12 hours old
#   (AWS Cost Management user guide, *Managing your costs with AWS Budgets*). If a function calls
#   itself without end during the night, you see it in the morning.
# - **A forecast needs a history** of about five weeks (the same guide, *Best practices for AWS
#   Budgets*). In a new account only the three `ACTUAL` messages will come.
#
# The local cloud stores the budget. But it has no bill to compare it with, and sends no mail
# ([local cloud and AWS](../workshop/LOCAL_CLOUD.md)).
#
# On AWS, the budget stays when this lesson ends. Leave it there: it costs nothing, and goes on
# watching.

# %% [markdown]
# ## Some things to clean up
#
# We need something to clean up. So we create a small service as in lessons 05, 06 and 17, with the
# name `workshop-…-forgotten` and your two tags.
#
# ```mermaid
# flowchart LR
#     accDescr {
#         An arrow means: uses. The API, the mapping and the rule use the function; the mapping
#         uses the queue; the function uses the role, the repository and the log group.
#     }
#     api["HTTP API"] --> fn["function"]
#     mapping["event source<br/>mapping"] --> fn
#     mapping --> queue["queue"]
#     rule["rule"] --> fn
#     alarm["alarm"] -.-> fn
#     fn --> role["role"]
#     fn --> repo[("repository<br/>with images")]
#     fn --> group["log group"]
#     fn -.-> bucket[("bucket<br/>with versions")]
#     style fn fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```

# %%
from botocore.exceptions import ClientError

from workshop import inventory, triggers

NAME = deploy.name("forgotten")


def mine(things):
    """Those of these things that this lesson makes."""
    return [one for one in things if NAME in one.name or NAME in one.id]


inventory.remove(one for one in mine(inventory.find()) if one.whose == inventory.OURS);

# %%
image = deploy.push(deploy.build("hello"), NAME)
deploy.function(NAME, image, memory=512, timeout=10)
deploy.http_api(NAME, NAME, route="POST /hello")
triggers.on_queue(NAME, triggers.queue(NAME))
triggers.on_event(NAME, NAME, schedule="rate(1 day)");

# %% [markdown]
# Then a bucket that keeps **versions**: an object that is overwritten or deleted stays, and costs
# money.

# %%
s3, bucket = deploy.s3(), deploy.bucket(NAME)
s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
for version in (b"1", b"2", b"3"):
    s3.put_object(Bucket=bucket, Key="model.onnx", Body=version * 1_000_000)

boto3.client("cloudwatch").put_metric_alarm(
    AlarmName=NAME, Tags=TAGS, Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum",
    Dimensions=[{"Name": "FunctionName", "Value": NAME}], Period=60, EvaluationPeriods=1,
    Threshold=0, ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching");

# %% [markdown]
# And a queue that somebody makes in a hurry: a good name, no tags.

# %%
sqs = boto3.client("sqs")
hurried = sqs.create_queue(QueueName=f"{NAME}-in-a-hurry")["QueueUrl"]

# %% [markdown]
# How much is stored? We keep the numbers for the bill at the end. An image's manifest (lesson 05)
# has the compressed size of each of its layers, as the registry stores them.

# %%
import json

ecr = boto3.client("ecr")
manifest = json.loads(ecr.batch_get_image(repositoryName=NAME, imageIds=[{
    "imageDigest": image.split("@")[1]}])["images"][0]["imageManifest"])
image_bytes = sum(layer["size"] for layer in manifest["layers"])
bucket_bytes = sum(one["Size"] for page in s3.get_paginator("list_object_versions").paginate(
    Bucket=bucket) for one in page["Versions"])
print(f"image, compressed {image_bytes / 1e6:6.1f} MB\nthree versions    {bucket_bytes / 1e6:6.1f} MB")

# %% [markdown]
# ## What is there? Ask by tag
#
# One call asks nearly all services in one request: the **Resource Groups Tagging API**.

# %%
tagging = boto3.client("resourcegroupstaggingapi")
pages = tagging.get_paginator("get_resources").paginate(
    TagFilters=[{"Key": key, "Values": [value]} for key, value in deploy.tags().items()])
by_tag = [one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]]
print(*sorted(one for one in by_tag if NAME in one), sep="\n")

# %% [markdown]
# *Notice* the paginator. A listing has pages, of 50 or 100 entries. A clean-up that reads only the
# first page never removes the later ones.
#
# And some things are missing. By tag you do **not** find
#
# - things that were never tagged: the queue in a hurry
# - things that *cannot* be tagged: the versions of a layer, for instance
# - things that a service made for you: a log group for a function that had none
# - in some places, things that the tagging API does not cover. Roles, for one: IAM has no Region,
#   and few of its things are in this listing
# - anything in another **Region**
#
# And for some minutes you still find things that are deleted already.

# %% [markdown]
# ## Ask by name
#
# So this workshop has a second rule: everything that it makes has a name with your prefix. Each
# service has a listing of its own. `inventory.find()` reads all of them, every page, and combines
# both answers. It also reports what it was not allowed to list: *I may not look* must not look like
# *there is nothing*.

# %%
for one in mine(inventory.find()):
    print(one)

# %% [markdown]
# *Notice* the queue **not ours**. It has a name like ours, but not the tags. So it is shown, and no
# clean-up by tag will delete it. Somebody may need it. A name is only a sign of the owner; the tag
# is the proof.

# %% [markdown]
# ## The wrong order
#
# Can we start anywhere? The services that hold other things refuse.

# %%
iam = boto3.client("iam")


def attempt(call, **arguments):
    """Make a call, and print what the cloud answers."""
    try:
        call(**arguments)
        print(f"{call.__name__}: done")
    except ClientError as error:
        print(f"{call.__name__}: {error.response['Error']['Code']}\n"
              f"    {error.response['Error']['Message']}")


attempt(ecr.delete_repository, repositoryName=NAME)
attempt(iam.delete_role, RoleName=f"{NAME}-role")
attempt(boto3.client("events").delete_rule, Name=NAME)
attempt(s3.delete_bucket, Bucket=bucket)

# %% [markdown]
# There are four refusals, and each one protects you. First you must delete the images, the
# policies, the targets and the objects. Then you can delete the thing that held them. So we empty
# the bucket.

# %%
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for one in page.get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=one["Key"])

print(s3.list_objects_v2(Bucket=bucket)["KeyCount"], "objects")
attempt(s3.delete_bucket, Bucket=bucket)

# %% [markdown]
# The bucket has no objects, and is not empty. With versions, `delete_object` deletes nothing; it
# adds a **deletion marker**. The old version stays, and costs money.

# %%
for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
    for one in page.get("DeleteMarkers", []):
        print("marker ", one["Key"])
    for one in page["Versions"]:
        print("version", one["Key"], one["Size"], "bytes")

# %% [markdown]
# ### What is not refused
#
# It is worse when a wrong deletion works. You can delete a log group while its function exists:

# %%
logs, lambda_ = boto3.client("logs"), boto3.client("lambda")
group = f"/aws/lambda/{NAME}"


def groups():
    """Log groups of that name: (name, days until lines are deleted, tags)."""
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return [(one["logGroupName"], one.get("retentionInDays", "never"),
             logs.list_tags_for_resource(resourceArn=one["arn"].removesuffix(":*"))["tags"])
            for one in found]


print("before:", groups())
logs.delete_log_group(logGroupName=group)
print("after: ", groups())

# %% [markdown]
# And then one last event comes, from the rule, the queue, or a colleague:

# %%
import time

answer = lambda_.invoke(FunctionName=NAME, Payload=b'{"name": "Ada"}')
time.sleep(2)
print("answer:", answer["Payload"].read().decode(), "\nlog groups:", groups())

# %% [markdown]
# The function answers, and its lines are **lost** without a message: our role has no permission to
# make a log group (lesson 05). Most roles have it: it is in AWS's own policy
# `AWSLambdaBasicExecutionRole`. Add that permission, and call again:

# %%
iam.put_role_policy(RoleName=f"{NAME}-role", PolicyName="make-log-group", PolicyDocument=json.dumps({
    "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "logs:CreateLogGroup",
        "Resource": f"arn:aws:logs:*:*:log-group:{group}:*"}]}))
deadline = time.monotonic() + 60
while not groups() and time.monotonic() < deadline:      # on AWS after some seconds
    lambda_.invoke(FunctionName=NAME, Payload=b'{"name": "Ada"}')
    time.sleep(0.5)
assert groups()
groups()

# %% [markdown]
# *Notice:* **the log group is back**, made by Lambda itself, without a retention and without a tag.
# Nobody will find it by tag, and its lines stay for ever. Other deletions that are not refused have
# effects like this, too:
#
# | deleted too early | is not refused, and then |
# |---|---|
# | a role, after its policies | the function is there, and cannot use its role any more |
# | a function | the API answers 500, the rule drops its events, the mapping is left over |
# | a repository, with `force` | the function works until Lambda has to fetch its image again |
# | a queue | the mapping is left over, and no listing of queues shows it |
#
# So **delete the user of a thing before the thing**. First delete the triggers and APIs, so that no
# request comes in any more. Then delete the function, and last the things that it needed.

# %% [markdown]
# ### Exercise 2: the right order (8 minutes)
#
# Complete `removal_order`. Its input is a dictionary of what uses what. It returns a list of all
# things, in which each thing comes **before** everything that it uses.
#
# <details><summary>Hint 1</summary>
#
# `graphlib.TopologicalSorter(uses).static_order()`, from Python's standard library, gives an order
# for *building*: a thing comes after the things that it uses. Removing is the reverse. </details>
#
# <details><summary>Hint 2</summary>
#
# `static_order()` gives an iterator; `list` makes a list of it, and `reversed` reverses it.
# </details>

# %% Exercise 2
from graphlib import TopologicalSorter


def removal_order(uses):
    """All things of a graph, each before what it uses. `uses`: {thing: [things that it uses]}."""
    # BEGIN SOLUTION
    return list(reversed(list(TopologicalSorter(uses).static_order())))
    # END SOLUTION


USES = {"HTTP API": ["function"], "rule": ["function"], "mapping": ["function", "queue"],
        "queue": ["dead letters"], "alarm": ["function"],
        "function": ["role", "repository", "log group", "bucket"]}
removal_order(USES)

# %% Check 2 tags=["check"]
order = removal_order(USES)
assert order is not None, "removal_order returned nothing: is there a `return`, or is it open?"
order = list(order)
everything = set(USES) | {one for used in USES.values() for one in used}
missing = everything - set(order)
assert not missing, f"{sorted(missing)} is not in your order: what is only *used* has to go, too"
assert len(order) == len(everything), "each of them once"
wrong = [(user, used) for user in USES for used in USES[user]
         if order.index(user) > order.index(used)]
assert len(wrong) < sum(map(len, USES.values())), (
    "that is the order for building: the role before the function. Turn it round")
assert not wrong, f"the {wrong[0][1]} goes before the {wrong[0][0]}, which still uses it"
chain = list(removal_order({"m": ["b"], "a": ["z"], "z": ["m"]}) or [])
assert chain == ["a", "z", "m", "b"], f"a uses z uses m uses b; you returned {chain}"
print("Right.")

# %% [markdown]
# ## The right order, and the proof
#
# `inventory.remove` has this order built in: first stacks (they remove their own things), then
# triggers and APIs, functions, what they read and write, log groups, roles, policies. It asks for
# the tags again. It removes things with the tag, and what belongs to them (a log group). If one
# thing of another owner is among them, it removes nothing.

# %%
found = mine(inventory.find())
try:
    inventory.remove(found)
except deploy.NotOursError as error:
    print(error)

# %%
stays = inventory.remove(one for one in found if one.whose == inventory.OURS)
assert stays == []

# %% [markdown]
# It removes everything that was refused before: policies before the role, images before the
# repository, targets before the rule, **every version** before the bucket. And the log group
# without a tag? It was found through our function, to which it belonged.
#
# The call prints *Removed*, but that is not a proof. The proof is to look again.

# %%
for one in mine(inventory.find()):
    print(one)
assert [one.id for one in mine(inventory.find())] == [hurried]

# %% [markdown]
# The queue without tags is left, because the workshop is not its owner. But you made it, so you may
# delete it.

# %%
sqs.delete_queue(QueueUrl=hurried)
assert mine(inventory.find()) == []

# %% [markdown]
# ### Everything, from everywhere
#
# `python3 -m workshop clean` does this for everything that the lessons have made, and then for this
# machine: containers, images, processes, the virtual environment. On AWS it lists the things and
# names the account. It goes on when you type the account's number. Every **Region** has to be
# cleaned separately:
#
# ```bash
# AWS_PROFILE=your-profile AWS_REGION=eu-central-1 python3 -m workshop clean
# ```

# %% [markdown]
# ## What would it have cost?
#
# We had a few things for a few minutes. Suppose that everybody forgot them for a month. Which
# things cost money when nobody uses them? Things that are **stored**, and things that are **kept
# ready**. [`data/prices.csv`](../data/prices.csv) has the prices, their sources and their dates.

# %%
from workshop import cost

for item in ("image_storage", "object_storage", "log_storage", "alarm", "dashboard"):
    price = cost.prices()[item]
    print(f"{item:15} {price.usd:6} $ per {price.unit:15} {price.free_a_month:3.0f} free "
          f"(read {price.checked})")

# %% [markdown]
# ### Exercise 3: a month of it (7 minutes)
#
# Complete `month_of`. It returns the dollars for a month of `amount` units of an item. The first
# `cost.prices()[item].free_a_month` units are free; no bill is below zero.
#
# <details><summary>Hint 1</summary>
#
# `max(0, …)` keeps a number from falling below zero.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `cost.prices()[item].usd` is the price of one unit.
# </details>

# %% Exercise 3
def month_of(item, amount):
    """Dollars for a month of `amount` units of an item of data/prices.csv."""
    # BEGIN SOLUTION
    price = cost.prices()[item]
    return max(0, amount - price.free_a_month) * price.usd
    # END SOLUTION


month_of("image_storage", 10)

# %% Check 3 tags=["check"]
bill = month_of("image_storage", 10)
assert bill is not None, "month_of returned nothing: is there a `return`, or is it still open?"
assert abs(bill - 1.0) < 1e-9, f"10 GB of images at 0.10 dollars are 1 dollar, not {bill}"
bill = month_of("dashboard", 4)
assert abs(bill - 12) > 1e-9, "three dashboards are free each month: only the fourth is billed"
assert abs(bill - 3) < 1e-9, f"of 4 dashboards one is billed, 3 dollars, not {bill}"
bill = month_of("alarm", 1)
assert bill >= 0, f"one alarm, ten of them free: nothing, not {bill} dollars; nobody pays you"
assert bill == 0, f"one alarm, ten of them free: nothing, not {bill} dollars"
print("Right.")

# %% [markdown]
# First, the things that we had. (AWS counts 2³⁰ bytes as a GB.)

# %%
GB = 2**30
ours = {"image": ("image_storage", image_bytes / GB),
        "three versions": ("object_storage", bucket_bytes / GB),
        "a kilobyte of log": ("log_storage", 1000 / GB), "one alarm": ("alarm", 1)}
for what, (item, amount) in ours.items():
    print(f"{what:18} {month_of(item, amount) or 0:10.6f} $ a month")
print("role, function, API, rule, queue, mapping: nothing while nobody calls")

# %% [markdown]
# *Notice:* **under a cent a month**. So why all this work? Because with the same habit, people
# leave the other things behind, too. Here they are, for a year. The lessons make things like the
# blue ones.
#
# | forgotten | what it is |
# |---|---|
# | stored | 10 GB of old images; 50 GB of logs without retention; 100 GB of model versions |
# | watched | a dashboard and an alarm beyond the free ones |
# | kept ready | an environment of 1,769 MB in provisioned concurrency; a SnapStart snapshot of 1,024 MB; a SageMaker instance |
# | beside it | a public address; a load balancer with two of them; a NAT gateway with one |
# | busy | a function that runs itself: 10 environments of 1,024 MB, day and night |

# %%
MONTH = cost.MONTH
address = MONTH * cost.usd("public_address")
loop = cost.gb_seconds(10 * MONTH * 3600, 1000, 1024) * cost.usd("lambda_compute_x86_64")

year = {       # what: (dollars a year, whether a lesson makes such a thing)
    "function, role, queue, rule, API, nobody calls": (0, True),
    "serverless endpoint, nobody calls": (0, True),
    "an alarm": (12 * cost.usd("alarm"), True),
    "10 GB of images": (12 * 10 * cost.usd("image_storage"), True),
    "50 GB of logs": (12 * 50 * cost.usd("log_storage"), True),
    "100 GB of model versions": (12 * 100 * cost.usd("object_storage"), True),
    "a dashboard": (12 * cost.usd("dashboard"), True),
    "a public address": (12 * address, False),
    "a SnapStart snapshot": (12 * cost.snapshots(1024, 0)["cache"], True),
    "provisioned concurrency, one": (12 * cost.kept_ready(1, 1769, 0, 0)["kept ready"], True),
    "a load balancer": (12 * (MONTH * cost.usd("balancer_hour") + 2 * address), False),
    "a NAT gateway": (12 * (MONTH * cost.usd("nat_hour") + address), False),
    "SageMaker instance": (12 * cost.instances()["instances"], False),
    "a function that runs itself": (12 * loop, False)}

# %%
from workshop.plots import bills, show

show(*bills.forgotten(year, budget=12 * 2.5))

# %% [markdown]
# The plot shows four groups, and the budget's limit:
#
# - **Things that are billed by use cost nothing when forgotten.** This is why you could leave the
#   workshop's things for a day. A serverless design forgives mistakes.
# - **Stored things** cost little, grow slowly, and are often left at the end of a project.
#   Retention for logs, and a lifecycle rule for images and old versions, keep them small by
#   themselves.
# - **Things that are kept ready** are billed by the hour, used or not: hundreds of dollars a year
#   for something that you try for an afternoon.
# - **A loop** is the most expensive: a mistake that works all night. Lambda stops some loops by
#   itself (S3, SQS, SNS, after about 16 rounds; lesson 17), not all. A small *reserved concurrency*
#   stops a loop; a budget does not.
# - The dotted line is the budget of the beginning, at its first notification, 50 %. Things to the
#   right of it cause a mail in their first month. A single thing to the left of it causes no mail.
#   **The budget finds the expensive mistakes, the tag finds the cheap ones.**

# %% [markdown]
# ## Recap
#
# - **A budget** first: actual and forecast, at several shares. It warns late and stops nothing.
# - **By tag** you find what was tagged, **by name** what was not or cannot be. *Not allowed to
#   look* is not *nothing there*. Look at every page, and in every Region.
# - **Refusals** (`RepositoryNotEmptyException`, `DeleteConflict`, `BucketNotEmpty` …) protect what
#   a thing holds. In a bucket with versions, a deleted object is not gone.
# - **A wrong deletion that is not refused** breaks things without a message, or comes back: a log
#   group before its function.
# - **The order:** delete the user of a thing before the thing. **The proof** is to look again.
# - **Forgotten things** cost nothing when billed by use, little when stored, much when kept ready,
#   most in a loop.
#
# ## Clean up
#
# Everything but the budget is gone, as you have seen. `python3 -m workshop clean` removes the
# budget last, with the rest of the workshop.
#
# ## Next
#
# [Lesson 25](25_bring_your_own_model.ipynb) takes a model of your own all the way, from the
# training to a report that you can show.
