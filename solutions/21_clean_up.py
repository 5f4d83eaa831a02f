# ---
# title: Clean up, and know what it costs to forget
# workshop:
#   number: "21"
#   needs: [docker]
#   reading: 30
#   exercises: 25
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Clean up, and know what it costs to forget
#
# *You will*
#
# - set a budget that writes to you before a surprise becomes a bill
# - list what a project has in an account, by its tag and by its names, and see why both are needed
# - meet the refusals of a clean-up in the wrong order, and what happens where nothing refuses
# - work out the right order from what uses what
# - remove everything, and prove that nothing is left
# - compute what a forgotten thing costs, and tell the cheap ones from the dear ones
#
# *You need* Docker. On AWS, do the first part, up to *A handful of things*, before lesson 05.
#
# *Time* 30 minutes reading, 25 minutes exercises · *Cost* free on the local cloud; on AWS less
# than \$0.01 (a budget costs nothing)

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# ## First of all, a budget
#
# A **budget** compares what an account has cost this month with a limit, and writes to you when a
# share of it is reached. There are two kinds of notification. `ACTUAL` looks at what has been
# spent. `FORECASTED` looks at where the month will end if it goes on like this, and so it can come
# weeks earlier.
#
# Where should it write to? Put your address into the environment variable `WORKSHOP_MAIL` before
# you start JupyterLab, or into this cell.

# %%
import os

import boto3

MAIL = os.environ.get("WORKSHOP_MAIL", "you@example.com")
assert cloud.is_local() or not MAIL.endswith("example.com"), "nobody would read that: set MAIL"

account = boto3.client("sts").get_caller_identity()["Account"]
budgets = boto3.client("budgets", region_name="us-east-1")      # its only home, wherever you are

# %% [markdown]
# ### Exercise 1: tell me early (10 minutes)
#
# Complete `notifications`: a list of six, for 50, 80 and 100 percent, each of them actual and
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
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

told = notifications("a@b.example")
assert told is not None, "notifications returned nothing: a `return`, or is it still open?"
shape = budgets.meta.service_model.operation_model("CreateBudget").input_shape
faults = ParamValidator().validate(told, shape.members["NotificationsWithSubscribers"])
assert not faults.has_errors(), f"boto3 would refuse this:\n{faults.generate_report()}"
assert len(told) == 6, f"three shares, each actual and forecast, are 6 notifications, not {len(told)}"
assert all(one["Notification"].get("ThresholdType", "PERCENTAGE") == "PERCENTAGE"
           for one in told), "ABSOLUTE_VALUE would be dollars: use PERCENTAGE"
shares = sorted({one["Notification"]["Threshold"] for one in told})
assert max(shares) > 1, f"{shares}: in percent, 0.5 is half a percent; write 50"
assert shares == [50, 80, 100], f"expected are 50, 80 and 100 percent, you have {shares}"
kinds = {one["Notification"]["NotificationType"] for one in told}
assert kinds == {"ACTUAL", "FORECASTED"}, f"both ACTUAL and FORECASTED; you have {sorted(kinds)}"
assert len({(one["Notification"]["Threshold"], one["Notification"]["NotificationType"])
            for one in told}) == 6, "one of them comes twice, another is missing"
assert {one["Notification"]["ComparisonOperator"] for one in told} == {"GREATER_THAN"}, (
    "it is to warn when more is spent: GREATER_THAN")
assert all([who["Address"] for who in one["Subscribers"]] == ["a@b.example"] for one in told), (
    "each goes to the address that notifications was given: use `mail`")
print("Right.")

# %% [markdown]
# Now the budget itself. It watches the whole account, not the workshop's tag alone: what you have
# forgotten to tag is what you most want to hear of. (`CostFilters` can narrow it to a tag, once that
# tag has been *activated for cost allocation* in the billing console.)

# %%
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
# *Notice* that this came from boto3, before anything was sent: it knows the shape of each call. Money
# is a *string* here, because `0.1` is not a tenth in binary.

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
# *Notice* what a budget is **not**:
#
# - **It does not stop anything.** It writes a mail. What goes on costing, goes on.
# - **It is late.** Its figures are brought up to date up to three times a day, and each time lags by
#   8 to 12 hours (AWS Cost Management user guide, *Managing your costs with AWS Budgets*). A loop
#   that runs away at night is seen in the morning.
# - **A forecast needs a past**, about five weeks of it (the same guide, *Best practices for AWS
#   Budgets*). In a new account only the three `ACTUAL` ones will come.
#
# The local cloud keeps the budget, has no bill to compare it with, and sends no mail
# ([local cloud and AWS](../workshop/LOCAL_CLOUD.md)).
#
# On AWS, the budget stays when this lesson ends. It is the one thing that you want to forget.

# %% [markdown]
# ## A handful of things
#
# So that there is something to clean up: a small service such as lessons 05, 06 and 14 make, all of
# it with the name `workshop-…-forgotten` and your two tags.
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
# A bucket that keeps **versions**: what is overwritten or deleted stays, and is paid for.

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
# And one that somebody makes in a hurry: a good name, no tags.

# %%
sqs = boto3.client("sqs")
hurried = sqs.create_queue(QueueName=f"{NAME}-in-a-hurry")["QueueUrl"]

# %% [markdown]
# How much is stored? We keep the figures for the bill at the end. An image's manifest (lesson 05)
# has the size of each of its layers, as the registry keeps them, compressed.

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
# One call asks nearly all services at once: the **Resource Groups Tagging API**.

# %%
tagging = boto3.client("resourcegroupstaggingapi")
pages = tagging.get_paginator("get_resources").paginate(
    TagFilters=[{"Key": key, "Values": [value]} for key, value in deploy.tags().items()])
by_tag = [one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]]
print(*sorted(one for one in by_tag if NAME in one), sep="\n")

# %% [markdown]
# *Notice* the paginator. A listing has pages, of 50 or 100 entries; a clean-up that reads only the
# first page leaves the fifty-first thing behind for ever.
#
# *Notice also* what is missing. By tag you do **not** find
#
# - what was never tagged: the queue in a hurry
# - what *cannot* be tagged: the versions of a layer, for instance
# - what a service made for you: a log group for a function that had none
# - in some places, what the tagging API does not cover. Roles, for one: IAM has no Region, and
#   few of its things are in this listing.
# - anything in another **Region**
#
# And for some minutes you do find what is gone already.

# %% [markdown]
# ## Ask by name
#
# Hence the second rule of this workshop: what it makes has a name with your prefix. Each service has a
# listing of its own. `inventory.find()` reads them all, every page, and puts both answers together.
# What it is not allowed to list is in its answer as well: *I may not look* must not pass for *there
# is nothing*.

# %%
for one in mine(inventory.find()):
    print(one)

# %% [markdown]
# *Notice* the queue **not ours**. It has our kind of name and lacks the tags, so it is shown, and
# nothing here will delete it. Somebody may need it. A name is a guess, a tag is a claim.

# %% [markdown]
# ## The wrong order
#
# Start anywhere? The services that hold something refuse.

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
# Four refusals, and each is a protection: delete the images, the policies, the targets, the objects
# *knowingly*, and then what held them. So we empty the bucket.

# %%
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for one in page.get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=one["Key"])

print(s3.list_objects_v2(Bucket=bucket)["KeyCount"], "objects")
attempt(s3.delete_bucket, Bucket=bucket)

# %% [markdown]
# *Notice*: no objects, and not empty. With versions, `delete_object` deletes nothing; it puts a
# **deletion marker** on top. What is below stays, and is billed.

# %%
for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
    for one in page.get("DeleteMarkers", []):
        print("marker ", one["Key"])
    for one in page["Versions"]:
        print("version", one["Key"], one["Size"], "bytes")

# %% [markdown]
# ### What nobody refuses
#
# Worse is what works. A log group can go while its function is there:

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
# And then one last event comes along, from the rule, the queue, or a colleague:

# %%
import time

lambda_.invoke(FunctionName=NAME, Payload=b'{"name": "Ada"}')
deadline = time.monotonic() + 60
while not groups() and time.monotonic() < deadline:      # on AWS after some seconds
    time.sleep(0.2)
groups()

# %% [markdown]
# *Notice*: **it is back**, made by Lambda itself, without a retention and without a tag. Nobody will
# find it by tag, and its lines stay for ever. The same with the others that nobody refuses:
#
# | deleted too early | is not refused, and then |
# |---|---|
# | a role, its policies gone | the function is there, and cannot take on its role any more |
# | a function | the API answers 500, the rule drops its events, the mapping is left over |
# | a repository, with `force` | the function works until Lambda has to fetch its image again |
# | a queue | the mapping is left over, and no listing of queues shows it |
#
# So: **what uses a thing goes before the thing**. Entrances first, so that nothing comes in any
# more, then the function, then what it stood on.

# %% [markdown]
# ### Exercise 2: the right order (8 minutes)
#
# Complete `removal_order`: from a dictionary that says what uses what, a list of all of them in which
# each comes **before** everything that it uses.
#
# <details><summary>Hint 1</summary>
#
# `graphlib.TopologicalSorter(uses).static_order()`, from Python's standard library, gives an
# order for *building*: what is used comes first. Removing is building backwards.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `static_order()` gives an iterator; `list` makes a list of it, and `reversed` turns it round.
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
# `inventory.remove` has this order built in: stacks first (they remove what is theirs), then
# entrances, functions, what they read and write, log groups, roles, policies. It takes only what
# carries the tag *now*; a single thing of somebody else's among them, and it removes nothing.

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
# *Notice* that it goes through what refused before: policies before the role, images before the
# repository, targets before the rule, **every version** before the bucket. And the log group without
# a tag? It belonged to a function of ours, and was found through that.
#
# *Removed* is what a program says of itself. The proof is a second look.

# %%
for one in mine(inventory.find()):
    print(one)
assert [one.id for one in mine(inventory.find())] == [hurried]

# %% [markdown]
# What is left is what was not ours. It was yours, though: you made it, so you may decide.

# %%
sqs.delete_queue(QueueUrl=hurried)
assert mine(inventory.find()) == []

# %% [markdown]
# ### Everything, from everywhere
#
# `python3 -m workshop clean` does this for all that the lessons have made, and then for this
# machine: containers, images, processes, the environment. On AWS it lists, names the account, and
# goes on only when you type the account's number. Every **Region** has to be cleaned on its own:
#
# ```bash
# AWS_PROFILE=your-profile AWS_REGION=eu-central-1 python3 -m workshop clean
# ```

# %% [markdown]
# ## What would it have cost?
#
# We had a few things for a few minutes. Suppose that nobody had thought of them for a month. What
# costs when nobody uses it? What is **stored**, and what is **kept ready**.
# [`data/prices.csv`](../data/prices.csv) has the prices, their sources and their dates.

# %%
from workshop import cost

for item in ("image_storage", "object_storage", "log_storage", "alarm", "dashboard"):
    price = cost.prices()[item]
    print(f"{item:15} {price.usd:6} $ per {price.unit:15} {price.free_a_month:3.0f} free "
          f"(read {price.checked})")

# %% [markdown]
# ### Exercise 3: a month of it (7 minutes)
#
# Complete `month_of`: dollars for a month of `amount` units of an item. The first
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
# First, what we had. (AWS counts 2³⁰ bytes as a GB.)

# %%
GB = 2**30
ours = {"image": ("image_storage", image_bytes / GB),
        "three versions": ("object_storage", bucket_bytes / GB),
        "a kilobyte of log": ("log_storage", 1000 / GB), "one alarm": ("alarm", 1)}
for what, (item, amount) in ours.items():
    print(f"{what:18} {month_of(item, amount) or 0:10.6f} $ a month")
print("role, function, API, rule, queue, mapping: nothing while nobody calls")

# %% [markdown]
# *Notice*: **under a cent a month**. All the ceremony above for that? Yes, because the same habit
# leaves the other things behind. Here they are, for a year. What the lessons make is blue.
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
import matplotlib.pyplot as plt

from workshop.plots import BLUE, GREY, ORANGE, set_style, show

set_style()
rows = sorted(year.items(), key=lambda row: row[1][0])
LEFT = 0.5                      # dollars, where the axis begins: it has no zero
figure, axes = plt.subplots(figsize=(9, 5.6))
for place, (what, (dollars, lesson)) in enumerate(rows):
    if dollars:
        axes.barh(place, dollars - LEFT, left=LEFT, color=BLUE if lesson else ORANGE)
    axes.text(max(dollars, LEFT) * 1.12, place, f"${dollars:,.0f}" if dollars >= 10 else
              f"${dollars:,.2f}" if dollars else "nothing", va="center", fontsize=11,
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
axes.axvline(30, color=GREY, linewidth=1, linestyle=":", zorder=0)
axes.text(33, 0, "the budget's first mail:\nhalf of $5 a month", color=GREY, fontsize=10)
axes.set_yticks(range(len(rows)), [what for what, _ in rows])
axes.set(xscale="log", xlim=(LEFT, 40_000), xlabel="dollars a year (log)",
         title="One year, forgotten")
for colour, label in ((BLUE, "lessons make such a thing"), (ORANGE, "not made here")):
    axes.barh(0, 0, color=colour, label=label)
axes.legend(frameon=False, fontsize=11, loc="lower right", bbox_to_anchor=(1, 0.2))
figure.supxlabel("Arithmetic with data/prices.csv, without free parts.", fontsize=9, color=GREY,
                 x=0.99, ha="right")
show(figure, "Bar chart of what a forgotten thing costs in a year, on a logarithmic axis: nothing for "
             "functions and serverless endpoints that nobody calls, about a dollar for an alarm, "
             "tens of dollars for stored gigabytes and a dashboard, hundreds for what is kept "
             "ready, over a thousand for an instance, thousands for a function that runs itself.")

# %% [markdown]
# *Notice* the shape:
#
# - **What is billed by use costs nothing when forgotten.** That is why this workshop could leave
#   things lying about for a day, and why a serverless design forgives.
# - **What is stored** costs little, grows quietly, and is the usual rest of a project. Retention for
#   logs, a lifecycle rule for images and old versions, and it stays small without anybody's memory.
# - **What is kept ready** is billed by the hour, used or not: hundreds of dollars a year for a thing
#   that one tries for an afternoon.
# - **What is busy** is the dearest: a mistake that works all night. Lambda stops some of these loops
#   by itself (S3, SQS, SNS, after about 16 rounds; lesson 14), not all. A small *reserved
#   concurrency* is the brake that a budget is not.
# - The dotted line is the budget of the beginning, at its first notification, 50 %. What lies beyond
#   it brings a mail in its first month; what does not, on its own, never brings one. **The budget is
#   for the dear mistakes, the tag for the cheap ones.**

# %% [markdown]
# ## Recap
#
# - **A budget** first: actual and forecast, at several shares. It warns late and stops nothing.
# - **By tag** you find what was tagged, **by name** what was not or cannot be. *Not allowed to look*
#   is not *nothing there*; another page and another Region are further places to look.
# - **Refusals** (`RepositoryNotEmptyException`, `DeleteConflict`, `BucketNotEmpty` …) protect what a
#   thing holds. In a bucket with versions, deleted is not gone.
# - **What is not refused** breaks silently, or comes back: a log group before its function.
# - **The order:** what uses a thing goes before the thing. **The proof** is a second look.
# - **Forgotten, it costs** nothing by use, little by storage, much by readiness, most by a loop.
#
# ## Clean up
#
# Everything but the budget is gone; you have seen the proof. The budget goes with the rest of
# the workshop: `python3 -m workshop clean` removes it last.
#
# ## Next
#
# That was the last lesson. `lambda/` and `docker/` are made to be taken home: the functions, their
# images, their tests. Begin there with a model of your own, and with a budget.
