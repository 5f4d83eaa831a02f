# ---
# title: Deploy it all as code
# workshop:
#   number: "20"
#   needs: [docker]
#   reading: 40
#   exercises: 20
#   execution: 2
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Deploy it all as code
#
# In lessons 05 and 06 you made a role, a log group, a function and an API, call by call. Could you
# do it again next year? Could a colleague? In this lesson one file describes all of it. AWS finds
# the necessary calls, shows you what it would change, and then makes all changes or none.
#
# **You will**
#
# - read a template, line for line beside the calls that it replaces
# - check, build and deploy it with SAM, and read the change set before you apply it
# - find changes that need a second look: what is removed, what is replaced
# - watch a deployment fail and roll back by itself, and find what somebody changed by hand
# - find permissions that are too wide, and say what does not belong in a template
# - let GitHub deploy, for one environment of one repository, without a stored key
#
# **You need** Docker, and the model of lesson 03 (made now if it is missing)
#
# **Time** 40 minutes reading, 20 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ## From a file to a stack
#
# ```mermaid
# flowchart LR
#     file["template.yaml"] --> build["sam build"]
#     build -->|"image"| ecr[("ECR")]
#     build --> deploy["sam deploy"]
#     deploy --> set{{"change set:<br/>what would change"}}
#     set -->|"you have read it"| stack
#     subgraph stack["stack workshop-…-code"]
#         role["role"] --- fn["function"]
#         logs[("logs")] --- fn
#         api["API, route,<br/>stage"] --- fn
#         alarms["alarms"] --- fn
#     end
#     ecr --> fn
#     style set fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# - **CloudFormation** is the AWS service that reads a **template** and makes a **stack**: a group
#   of resources that are made, changed and deleted together.
# - **SAM** is a shorter way to write templates for functions (CloudFormation expands it). It is
#   also a command, `sam`, that builds images, pushes them and calls CloudFormation.
#
# By default, `sam` sends AWS data about its use; we switch that off. The command also keeps some
# files of its own; they go into `build/`.

# %%
import os
from pathlib import Path

os.environ["SAM_CLI_TELEMETRY"] = "0"
os.environ["__SAM_CLI_APP_DIR"] = str(Path("../build/sam-cli").resolve())

# %% [markdown]
# First we remove what an earlier run of this lesson may have left.

# %%
from workshop import deploy

STACK = deploy.name("code")
deploy.delete_stack(STACK)
deploy.delete(STACK)

# %% [markdown]
# ## The template
#
# The template is in `lambda/template.yaml`. Under `Resources`, each entry has a name that its
# author chose (the **logical id**), a type, and properties. You know the properties from the API
# calls. Here is the function:

# %%
import re

text = Path("../lambda/template.yaml").read_text()


def part(name):
    """The lines of the template that describe one resource."""
    return re.search(rf"^  {name}:\n(?:    .*\n|\n(?=    ))*", text, re.M).group()


print(part("Churn"))

# %% [markdown]
# *Notice*
#
# - `!Ref`, `!Sub` and `!GetAtt` name parameters and other resources. From them CloudFormation
#   computes the order: log group, role, function. Nobody writes it down.
# - `${AWS::StackName}` is in every name. So two stacks from one file, for example `churn-service`
#   and `churn-test`, do not disturb each other.
# - `Metadata` is for `sam build`: the folder, the Dockerfile and its arguments, as for `docker
#   build`.
# - `Role` names our own role. Without this line SAM makes one, with more permissions, as you will
#   see below.

# %% [markdown]
# Here is everything that lessons 05 and 06 did by hand, and its place in the template. The
# repository is not in it. It must exist *before* the stack, because the function needs an
# image in it.

# %%
import pandas as pd
from samcli.yamlhelper import yaml_parse   # knows !Ref and its like

template = yaml_parse(text)

BY_HAND = [  # lesson, calls, resource, the line to look for
    ("05", "docker build, with --build-arg", "Churn", "DockerBuildArgs"),
    ("05", "docker tag, login, push; the image's URI", "Churn", "PackageType"),
    ("05", "create_role", "ChurnRole", "AssumeRolePolicyDocument"),
    ("05", "put_role_policy", "ChurnRole", "Policies"),
    ("05", "create_log_group", "ChurnLog", "LogGroupName"),
    ("05", "put_retention_policy", "ChurnLog", "RetentionInDays"),
    ("05", "create_function, again until the role is known; waiter", "Churn", "FunctionName"),
    ("05", "update_function_configuration; waiter", "Churn", "MemorySize"),
    ("06", "create_api", "Api", "ProtocolType"),
    ("06", "update_api, for CORS", "Api", "CorsConfiguration"),
    ("06", "create_integration", "PredictIntegration", "IntegrationType"),
    ("06", "create_route", "PredictRoute", "RouteKey"),
    ("06", "create_authorizer, update_route", "PredictRoute", "AuthorizationType"),
    ("06", "create_stage", "Stage", "StageName"),
    ("06", "update_stage, for the throttle", "Stage", "DefaultRouteSettings"),
    ("06", "add_permission", "PredictPermission", "SourceArn"),
    ("new", "a log of the API's own, with an end date", "ApiLog", "RetentionInDays"),
    ("new", "somewhere to tell alarms", "Alarms", "TopicName"),
    ("new", "alarm: the function failed", "ErrorsAlarm", "MetricName"),
    ("new", "alarm: Lambda turned requests away", "ThrottlesAlarm", "MetricName"),
    ("new", "alarm: requests nearly as long as the time-out", "SlowAlarm", "MetricName"),
    ("new", "alarm: the API answered 5xx", "FaultsAlarm", "MetricName"),
]


def line_of(resource, what):
    """Number of the line in the template, and the line."""
    before, found = text.split(part(resource))[0].count("\n"), part(resource).splitlines()
    number = next(number for number, line in enumerate(found) if line.strip().startswith(what))
    return before + number + 1, found[number].split(" #")[0].strip()


def left(frame):
    """A table to read: texts begin at the left, nothing is cut off, and rows are not numbered."""
    aligned = {"text-align": "left"}
    return frame.style.hide().set_properties(**aligned).set_table_styles(
        [{"selector": "th", "props": [("text-align", "left")]}])


compared = pd.DataFrame(
    [(lesson, call, resource, *line_of(resource, what))
     for lesson, call, resource, what in BY_HAND],
    columns=["lesson", "by hand", "resource", "line", "in the template"])
assert set(compared["resource"]) == set(template["Resources"]), "the table and the template differ"
left(compared)

# %% [markdown]
# *Notice* what the template does not contain: the order, the wait until a role is known, waiters,
# *create or update?*, and the deletion. That was most of the code.
#
# Two things differ from lessons 05 and 06. The route requires a signed request (`AWS_IAM`) instead
# of a token: a token is a secret, and we prefer to have none. And versions with an alias come in
# lesson 21.
#
# SAM has a shorter way to write an API, `AWS::Serverless::HttpApi`. We write the five parts of
# lesson 06 instead: then each is a separate line in a change set, and the permission is for one
# route.

# %% [markdown]
# ## Check it
#
# `sam validate` reads its options from `samconfig.toml`, here `--lint`: it compares each property
# with AWS's own description of the type. So a misspelt property is found now, and not ten minutes
# into a deployment.

# %%
print(Path("../lambda/samconfig.toml").read_text())

# %%
# !cd ../lambda && sam validate

# %% [markdown]
# ## Build it
#
# The folder for the image is that of lesson 04, code and model side by side. `parameters` are for
# this machine: the processor, the base image where AWS's own cannot be reached, and the image's
# tag. Where AWS's base image can be reached, you can leave them out.

# %%
from workshop import base_image, engine

deploy.stage("churn", "../build/models/churn.onnx")
tag = engine.own("code")
parameters = f"Architecture={engine.architecture()} BaseImage={base_image.get()} ImageTag={tag}"

# %%
# !cd ../lambda && sam build --parameter-overrides "{parameters}"

# %%
if not cloud.is_local():
    base_image.refuse_stand_in(f"churn:{tag}")   # good for learning, not for a real account

# %% [markdown]
# The steps are `docker build` with our Dockerfile. The result is an image on this machine and a
# copy of the template, in which `ImageUri` names that image.
#
# ## See what would happen
#
# The repository must exist; `deploy` makes it as lesson 05 did. Here the stack gets your prefix and
# your tags, instead of those in `samconfig.toml`. So the workshop's clean-up finds this stack, and
# never a service that you made from the template at home. Then `sam deploy` pushes the image and
# asks CloudFormation for a **change set**, a list of the changes. With `--no-execute-changeset` it
# stops there.

# %%
repository = deploy.image_repository(STACK)
stack_options = f"--stack-name {STACK} --tags '{deploy.mark()}'"
print(stack_options)

# %%
# !cd ../lambda && sam deploy {stack_options} --no-execute-changeset --image-repository {repository} --parameter-overrides "{parameters}"

# %% [markdown]
# `sam` prints a table. We make our own from the same answer, because we will need more columns:

# %%
import boto3

cfn = boto3.client("cloudformation")


def newest():
    """ARN of the stack's newest change set that can be applied."""
    sets = [one for one in cfn.list_change_sets(StackName=STACK)["Summaries"]
            if one["ExecutionStatus"] == "AVAILABLE"]
    return max(sets, key=lambda one: one["CreationTime"])["ChangeSetId"]


def changes(change_set):
    """What a change set would do: a list of dicts, as CloudFormation describes them."""
    found = cfn.describe_change_set(ChangeSetName=change_set)["Changes"]
    return [one["ResourceChange"] for one in found]


def table(change_set):
    """The same to read: action, resource, whether it is replaced, which properties."""
    return left(pd.DataFrame([{
        "action": one["Action"], "resource": one["LogicalResourceId"],
        "type": one["ResourceType"], "replacement": one.get("Replacement", ""),
        "what": ", ".join(sorted({detail["Target"].get("Name", detail["Target"]["Attribute"])
                                  for detail in one.get("Details", [])})),
    } for one in changes(change_set)]))


change_set = newest()
table(change_set)

# %% [markdown]
# Nothing has been created yet. The stack waits, and there is no function:

# %%
client = boto3.client("lambda")


def state():
    """Status of the stack."""
    return cfn.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]


print(state())
print([one["FunctionName"] for one in client.list_functions()["Functions"]
       if one["FunctionName"].startswith(STACK)])

# %% [markdown]
# ## Apply it
#
# We apply exactly this change set, by its ARN: what you have read is what happens. (`sam deploy`
# without the option makes a new one and applies it unread.) The first time, the waiter is for
# *create*, later for *update*.

# %%
kind = "create" if state() == "REVIEW_IN_PROGRESS" else "update"

# %%
# !aws cloudformation execute-change-set --change-set-name {change_set}
# !aws cloudformation wait stack-{kind}-complete --stack-name {STACK}

# %%
stack = cfn.describe_stacks(StackName=STACK)["Stacks"][0]
outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
assert stack["StackStatus"] == f"{kind.upper()}_COMPLETE", stack
outputs

# %% [markdown]
# In which order did CloudFormation work? The events show it:

# %%
def events(*statuses):
    """What has happened to the stack's resources, newest first."""
    rows = cfn.describe_stack_events(StackName=STACK)["StackEvents"]
    return pd.DataFrame([{
        "resource": one["LogicalResourceId"], "status": one["ResourceStatus"],
        "reason": one.get("ResourceStatusReason", "")}
        for one in rows if one["ResourceStatus"] in statuses])


events("CREATE_COMPLETE")["resource"].tolist()[::-1]

# %% [markdown]
# The function comes after its log and its role, and the permission after function and API. The
# other resources may come in any order.
#
# ## Does it answer?
#
# The route requires a signature, so we sign the request, as at the end of lesson 06; the service is
# now `execute-api`.

# %%
import json

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

customers = json.loads(pd.read_csv("../build/models/churn_test.csv").drop(columns="churn")
                       .to_json(orient="records"))
session = boto3.Session()


def ask(customer, signed=True):
    """Send a customer to the stack's API."""
    request = AWSRequest("POST", outputs["Url"] + "/predict",
                         data=json.dumps({"customer": customer}),
                         headers={"content-type": "application/json"})
    if signed:
        SigV4Auth(session.get_credentials(), "execute-api", session.region_name).add_auth(request)
    return requests.post(request.url, data=request.body, headers=dict(request.headers), timeout=35)


print("unsigned:", ask(customers[0], signed=False).status_code)
answer = ask(customers[0])
print("signed:  ", answer.status_code, answer.text)

# %% [markdown]
# The signature is verified. AWS also checks whether its owner may call this API. Other
# differences: [local cloud and AWS](../workshop/LOCAL_CLOUD.md).

# %% [markdown]
# Is it the correct answer? ONNX Runtime, here in the notebook, must give the same.

# %%
import numpy as np
import onnxruntime

model = onnxruntime.InferenceSession("../build/models/churn.onnx")
row = {one.name: np.array([[customers[0][one.name]]],
                          dtype=object if "string" in one.type else np.float32)
       for one in model.get_inputs()}
expected = float(model.run(["probabilities"], row)[0][0][1])
assert abs(answer.json()["churn_probability"] - expected) < 1e-6, (answer.text, expected)
expected

# %% [markdown]
# And Lambda accepts the image in the registry, which is a manifest for one platform (lesson 05):

# %%
image_uri = client.get_function(FunctionName=f"{STACK}-churn")["Code"]["ImageUri"]
stored = boto3.client("ecr").batch_get_image(
    repositoryName=STACK, imageIds=[{"imageTag": image_uri.rpartition(":")[2]}])["images"][0]
kind_of_image = json.loads(stored["imageManifest"])["mediaType"]
assert "index" not in kind_of_image and "list" not in kind_of_image
image_uri.rpartition(":")[2], kind_of_image

# %% [markdown]
# *Notice* the tag: `sam` puts part of the image's id into it. Other bytes get another tag, so
# CloudFormation sees that there is a new image. With a fixed tag such as `latest` there would be no
# change, and nothing would be deployed.

# %% [markdown]
# ## Once more: nothing to do
#
# **We run the same command again. What will the change set contain?**

# %%
# !cd ../lambda && sam deploy {stack_options} --no-execute-changeset --image-repository {repository} --parameter-overrides "{parameters}"

# %% [markdown]
# The template describes the state, and this is already the state. So deploying twice does no harm,
# and a machine may do it.

# %% [markdown]
# ## Change something
#
# To try changes, we make change sets with boto3, as `sam` does: from the deployed template or
# another text, and parameters.

# %%
from uuid import uuid4

from botocore.exceptions import WaiterError

PARAMETERS = list(template["Parameters"])


def propose(template=None, **parameters):
    """Make a change set for the stack; return its ARN. What is not given stays as it is."""
    source = {"TemplateBody": template} if template else {"UsePreviousTemplate": True}
    made = cfn.create_change_set(
        StackName=STACK, ChangeSetName=f"try-{uuid4().hex}", **source,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": parameters[key]} if key in parameters
                    else {"ParameterKey": key, "UsePreviousValue": True}
                    for key in PARAMETERS],
        Tags=[{"Key": key, "Value": value} for key, value in deploy.tags().items()])["Id"]
    cfn.get_waiter("change_set_create_complete").wait(ChangeSetName=made)
    return made


def apply(change_set):
    """Apply a change set and return the stack's status afterwards."""
    cfn.execute_change_set(ChangeSetName=change_set)
    try:
        cfn.get_waiter("stack_update_complete").wait(StackName=STACK)
    except WaiterError:
        pass                    # it has gone back; the status says so
    return state()


other_file = propose(ModelFile="churn.onnx")
table(other_file)

# %% [markdown]
# There is one line: the function's environment would change, in place (`replacement` is `False`).
# Until we apply it, nothing changes:

# %%
def model_path():
    """The function's setting."""
    config = client.get_function_configuration(FunctionName=f"{STACK}-churn")
    return config["Environment"]["Variables"]["MODEL_PATH"]


before = model_path()
print(before, ask(customers[0]).status_code)
assert before.endswith("model.onnx")

# %%
print(apply(other_file), model_path())
ask(customers[0]).status_code

# %% [markdown]
# **A change set shows what will change, not whether it works.** There is no `churn.onnx` in the
# image (the Dockerfile's folder has `model.onnx`), so the function cannot start, and clients get
# 500. CloudFormation reported success, because Lambda accepted the setting. To find this, somebody
# must send a request to the new version before clients do; lesson 21 shows how. Back:

# %%
print(apply(propose(ModelFile="model.onnx")), model_path())
assert ask(customers[0]).json() == answer.json()

# %% [markdown]
# ### Another kind of change
#
# A colleague does not like the name `churn` for a function. It is one word in the template. (`sam
# deploy` has written our `!Sub` as `Fn::Sub`.)

# %%
deployed = cfn.get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"]
renamed = re.sub(r"(FunctionName:\s+Fn::Sub: \S+-)churn\b", r"\1leavers", deployed)
assert renamed != deployed
new_name = propose(renamed)
table(new_name)

# %% [markdown]
# *Notice* `replacement`. A function cannot be renamed. So CloudFormation would make a second one,
# change everything that refers to it, and **delete the first**. `Conditional` means that this
# depends on a value that is not known yet. For a function that may be acceptable, because the code
# is in the image. For a bucket or a database, *replace* means that its data are lost.
#
# (`DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain` on a resource keep the old one. Every
# resource that holds data should have them. Ours hold nothing worth keeping.)

# %% [markdown]
# ### Exercise 1: what needs a second look? (6 minutes)
#
# Nobody reads a change set of forty lines. Complete `second_look`. Its input is a list of changes,
# as from `changes(…)`. It returns the names of the resources that would be removed, or replaced, or
# perhaps replaced.
#
# <details><summary>Hint 1</summary>
#
# Each change is a dict with `Action` (`Add`, `Modify`, `Remove`, …) and `LogicalResourceId`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `Replacement` is `"True"`, `"False"` or `"Conditional"`, always as text. It is missing where
# something is added or removed: `one.get("Replacement")`. </details>

# %% Exercise 1
def second_look(changes):
    """Names of the resources that a person must look at before this is applied."""
    # BEGIN SOLUTION
    return [one["LogicalResourceId"] for one in changes
            if one["Action"] == "Remove" or one.get("Replacement") in ("True", "Conditional")]
    # END SOLUTION


print(second_look(changes(new_name)))

# %% Check 1 tags=["check"]
SAMPLES = [
    {"Action": "Modify", "LogicalResourceId": "Settings", "Replacement": "False"},
    {"Action": "Modify", "LogicalResourceId": "Name", "Replacement": "True"},
    {"Action": "Modify", "LogicalResourceId": "Perhaps", "Replacement": "Conditional"},
    {"Action": "Add", "LogicalResourceId": "New"},
    {"Action": "Remove", "LogicalResourceId": "Old"},
]
try:
    found = second_look(SAMPLES)
except KeyError as error:
    raise AssertionError(f"KeyError {error}: what is added or removed has no `Replacement`; "
                         "use one.get('Replacement')") from None
assert found is not None, "second_look returned nothing: is there a `return`, or is it still open?"
assert "Settings" not in found, (
    "Settings is changed in place. Its Replacement is the text 'False', and a text that is not "
    "empty counts as true in Python")
assert "New" not in found, "New is only added: nothing that is there is touched"
assert "Old" in found, "Old is removed, and has no Replacement: look at Action too"
assert "Name" in found, "Name is replaced: Replacement is the text 'True'"
assert "Perhaps" in found, "Perhaps is replaced if its new value differs: Conditional counts too"
assert "Churn" in second_look(changes(new_name)), "the function's new name replaces it"
print("Right.")

# %% [markdown]
# We do not rename it. A change set that is not applied costs nothing. Delete it, so that nobody
# applies it by mistake.

# %%
cfn.delete_change_set(ChangeSetName=new_name);

# %% [markdown]
# ## A deploy that fails
#
# Somebody cleaned up the registry and deleted an image that is still needed. The change set cannot
# show that: it compares templates.

# %%
broken = propose(deployed.replace(image_uri, f"{image_uri}-deleted"))
table(broken)

# %%
apply(broken)

# %% [markdown]
# `UPDATE_ROLLBACK_COMPLETE` means that it failed, and that CloudFormation restored everything. The
# reason is in the events, at the *oldest* failure; later failures are consequences.

# %%
left(events("UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE").head(3))

# %%
assert ask(customers[0]).json() == answer.json()

# %% [markdown]
# Clients have seen no difference. But CloudFormation cannot restore what your code did in the
# meantime, nor the data of a replaced resource. And a rollback is a deployment too: if the *old*
# image were deleted as well, it would also fail (`UPDATE_ROLLBACK_FAILED`). Keep the images of the
# last few deployments.
#
# When the first deployment of a stack fails, the stack stays as `ROLLBACK_COMPLETE`, empty, and can
# only be deleted.

# %% [markdown]
# ## Who changed the setting?
#
# At night something was slow, and somebody changed a setting by hand:

# %%
client.update_function_configuration(FunctionName=f"{STACK}-churn", MemorySize=1024)
client.get_waiter("function_updated_v2").wait(FunctionName=f"{STACK}-churn")

# %% [markdown]
# Will the next deployment correct it? The change set compares the new template with the *old
# template*, and both contain 512:

# %%
try:
    propose()
except WaiterError as error:
    print(error.last_response["Status"], "-", error.last_response["StatusReason"])

# %% [markdown]
# So the difference stays. It is called **drift**, and CloudFormation finds it on request:

# %%
import time

detection = cfn.detect_stack_drift(StackName=STACK)["StackDriftDetectionId"]
while (found := cfn.describe_stack_drift_detection_status(
        StackDriftDetectionId=detection))["DetectionStatus"] == "DETECTION_IN_PROGRESS":
    time.sleep(0.1 if cloud.is_local() else 3)

drifted = cfn.describe_stack_resource_drifts(
    StackName=STACK, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"])["StackResourceDrifts"]
left(pd.DataFrame([{"resource": one["LogicalResourceId"], **difference}
                   for one in drifted for difference in one["PropertyDifferences"]]))

# %% [markdown]
# If the template was wrong, put the new value into it. If the change was wrong, set the old value
# again. (On AWS, a *drift-aware* change set compares with the function as it is, too:
# `DeploymentMode="REVERT_DRIFT"`, *AWS CloudFormation user guide*.) Some teams check for drift
# every night. It is best if nobody can change production by hand at all, and only a pipeline has
# the permission.

# %%
client.update_function_configuration(FunctionName=f"{STACK}-churn", MemorySize=512)
client.get_waiter("function_updated_v2").wait(FunctionName=f"{STACK}-churn")

# %% [markdown]
# ## Permissions
#
# The function may write into its own log, as in lesson 05:

# %%
print(part("ChurnRole"))

# %% [markdown]
# Without the line `Role`, SAM makes a role with AWS's ready-made policy
# `AWSLambdaBasicExecutionRole`. This is its content (AWS managed policy reference, checked
# 2026-11):

# %%
BASIC = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Resource": "*",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]}]}

# %% [markdown]
# `"Resource": "*"` is every log in the account: an attacker who breaks into this function can write
# lines into the log of every other function. The policy is convenient, and nobody checks it again.
#
# ### Exercise 2: find what is too wide (7 minutes)
#
# Complete `too_wide`. Its input is a policy document. It returns the statements that allow
# something on *every* resource (`"*"`), and those that allow actions by a pattern (anything with a
# `*` in it, such as `s3:*`). A name that ends in `*`, such as
# `arn:…:log-group:/aws/lambda/churn:*`, is not every resource.
#
# <details><summary>Hint 1</summary>
#
# `Action` and `Resource` may be one text or a list of texts. First make lists of them:
# `[value] if isinstance(value, str) else value`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# A statement with `"Effect": "Deny"` allows nothing, however wide it is.
# </details>

# %% Exercise 2
def too_wide(document):
    """Statements of a policy that allow more than named actions on named resources."""
    # BEGIN SOLUTION
    def listed(value):
        return [value] if isinstance(value, str) else value

    return [one for one in document["Statement"]
            if one["Effect"] == "Allow"
            and ("*" in listed(one["Resource"])
                 or any("*" in action for action in listed(one["Action"])))]
    # END SOLUTION


print(too_wide(BASIC))

# %% Check 2 tags=["check"]
def one_statement(action, resource, effect="Allow"):
    """A policy document of one statement."""
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": resource}]}


LOG = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/churn:*"
found = too_wide(BASIC)
assert found is not None, "too_wide returned nothing: is there a `return`, or is it still open?"
assert list(found) == BASIC["Statement"], (
    "BASIC allows its actions on every resource; return the statement")
assert not too_wide(one_statement(["logs:PutLogEvents"], [LOG])), (
    f"{LOG} is one log group and its streams: only a resource that is '*' and nothing else is "
    "every resource")
assert not too_wide(one_statement("logs:PutLogEvents", LOG)), (
    "Resource may be a single text, and '*' in a text looks for a star anywhere in it: make a list "
    "of it first")
assert too_wide(one_statement("s3:*", "arn:aws:s3:::shop/*")), "s3:* is every action of S3"
assert too_wide(one_statement(["logs:PutLogEvents", "s3:Get*"], LOG)), (
    "s3:Get* is a pattern: any action with a star in it is too wide")
assert too_wide(one_statement("logs:PutLogEvents", [LOG, "*"])), (
    "one of the resources is '*': look at each of the list")
assert not too_wide(one_statement("*", "*", effect="Deny")), (
    "Deny takes permissions away: look at Effect")
print("Right.")

# %% [markdown]
# Now we check our own template. `policies` collects all policies in it.

# %%
policies = [policy["PolicyDocument"]
          for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Role"
          for policy in one["Properties"]["Policies"]]
print(len(policies), "policy;", "too wide:", [too_wide(one) for one in policies])

# %% [markdown]
# ## What does not belong in a template
#
# **Secrets.** A template is in git, and CloudFormation shows it, with parameters and outputs, to
# everybody who may look at the stack. The function's environment variables are visible to everybody
# who may look at the function. `NoEcho` on a parameter hides it in the stack, but not in the
# function.
#
# | instead of | do |
# |---|---|
# | a token for callers | let AWS check a signature (`AWS_IAM`, as here), or a JWT |
# | a password for another service | give the function its *name* in Secrets Manager, and the right to read that one |
# | `{{resolve:secretsmanager:…}}` in `Environment` | the same: the template hides the value, the function shows it |
# | AWS keys | never: a function has its role |
#
# **State**: a table or bucket with data should not be created and deleted with the code. Give it
# its own stack, and `Retain`.
#
# **Account numbers and Regions**: use `${AWS::AccountId}` and `${AWS::Region}`.

# %%
config = client.get_function_configuration(FunctionName=f"{STACK}-churn")
config["Environment"]["Variables"]     # anybody who may look can read this

# %% [markdown]
# ## Let a machine do it
#
# You have run five commands. A **pipeline** runs the same commands on a clean machine, from the
# files in git, and logs who started it. Here is one for GitHub Actions,
# `.github/workflows/deploy.yml`. It has three jobs: the first builds the image, and the other two,
# which follow here, deploy:

# %%
workflow = Path("../.github/workflows/deploy.yml").read_text()
print(workflow[workflow.index("  # Has the role, so it runs little"):])

# %% [markdown]
# *Notice*
#
# - **Two runs.** The first proposes and prints the table. The second gets the ARN of the change set
#   that somebody has read, and applies that change set and no other. The second run builds nothing.
# - **Build and deploy are separate jobs.** The first installs hundreds of packages to train and to
#   build. If that job could ask for a token, any of them could take the role. So only the other two
#   jobs have `id-token: write`.
# - **Everything has a fingerprint.** `uses: …@e3dd6a42…` names other people's code by its commit.
#   `--require-hashes` compares each package with a **lock file**. And the build takes its base
#   image by digest (lesson 05). A tag such as `v4` or `3.13` can be moved to other bytes.
# - **`environment: production`** is a setting in GitHub: who must approve a job, and from which
#   branch it may come.
# - **No key.** `DEPLOY_ROLE` is the name of a role, which is not a secret.

# %% [markdown]
# ## No stored keys
#
# A stored key can be stolen, and it works from anywhere until somebody changes it. With **OpenID
# Connect** (OIDC) there is no stored key:
#
# ```mermaid
# sequenceDiagram
#     participant run as run on GitHub
#     participant github as GitHub's token service
#     participant sts as AWS STS
#     participant cfn as CloudFormation
#     run->>github: who am I?
#     github-->>run: signed token: this repository, this environment
#     run->>sts: the token, and the role's name
#     sts->>sts: signature? trust policy?
#     sts-->>run: credentials for an hour
#     run->>cfn: change set
# ```
#
# The token contains **claims**: `aud` names its receiver (`sts.amazonaws.com` for AWS), and `sub` the
# job that asks. The first
# part of `sub` names the repository, and has two forms:
#
# | repository | `sub` begins with |
# |---|---|
# | created, renamed or transferred since July 2026, or switched over | `repo:OWNER@ID/NAME@ID:` |
# | older | `repo:OWNER/NAME:` |
#
# GitHub never uses these id numbers twice. But a stranger can take a name that somebody gave up,
# and with names alone would send *your* `sub` ([GitHub changelog,
# 2026-04-23](https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/)).
# GitHub's command prints which form your repository sends:
#
# ```
# gh api repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix
# gh api repos/OWNER/NAME --jq '"\(.owner.login)@\(.owner.id)/\(.name)@\(.id)"'
# ```
#
# The second command prints the names with their ids for any repository. The pipeline prints its
# whole `sub` in the step *Say who asks*. The second part names the run:
#
# | the job | `sub` ends with |
# |---|---|
# | names an environment, as ours | `environment:production` |
# | runs on a branch | `ref:refs/heads/BRANCH` |
# | is for a pull request | `pull_request` |
#
# The role's **trust policy** lists the accepted claims. Ours accepts both forms of the name:

# %%
print(deploy.policy("trust_github", owner="example", owner_id="123456", repository="churn",
                    repository_id="456789", environment="production"))

# %% [markdown]
# If your repository sends the form with ids, delete the line without ids: nobody else can ever send
# the form with ids. Without the condition on `sub`, *any repository on GitHub* could take your
# role. The condition must fit one repository and nothing else. To see why, here is how AWS
# compares:

# %%
import operator
from fnmatch import fnmatchcase

ISSUER = "token.actions.githubusercontent.com"
SAME = {"StringEquals": operator.eq, "StringLike": fnmatchcase}   # in the second, * is anything


def may_take(condition, aud, sub):
    """Whether a token with these claims fulfils all of a trust policy's conditions."""
    claims = {f"{ISSUER}:aud": aud, f"{ISSUER}:sub": sub}
    return all(any(SAME[how](claims[key], one)
                   for one in ([wanted] if isinstance(wanted, str) else wanted))
               for how, keys in condition.items() for key, wanted in keys.items())


# %% [markdown]
# ### Exercise 3: who may deploy? (7 minutes)
#
# The team's repository is `shop/churn`, an old one: its `sub` has no ids. Its jobs name no
# environment. Runs on `main` may deploy, and on every branch whose name begins with `release/`.
# Nobody else: no other branch, no pull request (a stranger can open one), no fork, no repository
# with a similar name. Write the two conditions; each belongs in a statement of its own.
#
# <details><summary>Hint 1</summary>
#
# The first is the condition above (`{"StringEquals": {…}}`, with the same two keys), with one text
# as `sub`, and a branch at its end.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The second needs `StringLike` for `sub`, with one `*`, as far to the right as can be. `aud` stays
# under `StringEquals`. A pull request's `sub` is `repo:shop/churn:pull_request`.
# </details>

# %% Exercise 3
main_only = {}
releases = {}
# BEGIN SOLUTION
main_only = {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com",
                              f"{ISSUER}:sub": "repo:shop/churn:ref:refs/heads/main"}}
releases = {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
            "StringLike": {f"{ISSUER}:sub": "repo:shop/churn:ref:refs/heads/release/*"}}
# END SOLUTION

# %% Check 3 tags=["check"]
AWS = "sts.amazonaws.com"
TRIES = [  # who, aud, sub, main_only, releases
    ("main", AWS, "repo:shop/churn:ref:refs/heads/main", True, False),
    ("release/2", AWS, "repo:shop/churn:ref:refs/heads/release/2", False, True),
    ("another branch", AWS, "repo:shop/churn:ref:refs/heads/try", False, False),
    ("a branch named main2", AWS, "repo:shop/churn:ref:refs/heads/main2", False, False),
    ("a pull request", AWS, "repo:shop/churn:pull_request", False, False),
    ("a fork", AWS, "repo:stranger/churn:ref:refs/heads/main", False, False),
    ("a fork's release", AWS, "repo:stranger/churn:ref:refs/heads/release/2", False, False),
    ("a similar name", AWS, "repo:shop/churn2:ref:refs/heads/release/2", False, False),
    ("a new repository of that name", AWS, "repo:shop@7/churn@8:ref:refs/heads/main", False, False),
    ("a tag named as a branch", AWS, "repo:shop/churn:ref:refs/tags/release/2", False, False),
    ("a token for somebody else", "https://bank.example", "repo:shop/churn:ref:refs/heads/main",
     False, False),
    ("a release's token for somebody else", "https://bank.example",
     "repo:shop/churn:ref:refs/heads/release/2", False, False),
]
for what, condition in {"main_only": main_only, "releases": releases}.items():
    assert condition, f"{what} is still empty: without a condition, everybody may take the role"
    wrong = set(condition) - set(SAME)
    assert not wrong, f"{what}: {wrong} stands where StringEquals or StringLike should"
for who, aud, sub, *right in TRIES:
    for what, condition, wanted in zip(("main_only", "releases"), (main_only, releases), right):
        try:
            came = may_take(condition, aud, sub)
        except KeyError as error:
            raise AssertionError(f"{what}: no claim is named {error}; use f\"{{ISSUER}}:sub\" and "
                                 f"f\"{{ISSUER}}:aud\"") from None
        assert came == wanted, (
            f"{what}: {who} ({sub}, for {aud}) may {'' if came else 'not '}take the role"
            + ("" if came else "; StringEquals takes a * for a star, StringLike for anything"))
print("Right.")

# %% [markdown]
# ## What may the pipeline do?
#
# CloudFormation makes the resources with the permissions of its caller. So the role needs
# permissions for every resource in the template: to create it, to change it and, when a deployment
# is rolled back, to delete it. Most of them are for this one stack, by name:

# %%
permissions = json.loads(deploy.policy("deploy", stack=STACK))["Statement"]
left(pd.DataFrame([{
    "statement": one["Sid"], "actions": 1 if isinstance(one["Action"], str) else len(one["Action"]),
    "condition": ", ".join(key for keys in one.get("Condition", {}).values() for key in keys)}
    for one in permissions]))

# %% [markdown]
# A role that may create roles could give one of them every permission, and use it. A **permissions
# boundary** prevents that. It is a policy that a role cannot exceed, whatever its own policies
# allow. The pipeline may create the function's role only with this boundary. It may put policies
# only into a role that has it, and may pass that role to Lambda only:

# %%
print(deploy.policy("boundary", stack=STACK))

# %% [markdown]
# Two statements are wider than we would like. The id of an HTTP API is not known before it is made,
# so the pipeline may change all HTTP APIs of this account and Region. And the permissions with
# which API Gateway gets its log cannot be limited to a resource. This is a reason to use a separate
# account for production.
#
# An administrator prepares the account once, by hand or with a small stack. In AWS: the identity
# provider for that issuer, the boundary (the stack's name and `-boundary`), the role with the trust
# policy and the permissions above, and the repository. In GitHub: the environment with its
# reviewers, and the three variables. The comment at the top of `deploy.yml` lists them.

# %% [markdown]
# ## Recap
#
# - **A template** describes the resources. CloudFormation handles order, waiting and *create or
#   update*. The same file makes a second stack, or the same one again: *no changes*.
# - **`sam validate`, `sam build`, `sam deploy --no-execute-changeset`**, read, then apply exactly
#   that change set.
# - **Read** first what is removed or replaced. A change set compares templates. It does not show
#   whether the code works, whether an image exists, or what was changed by hand.
# - **A deployment that fails** rolls back by itself; the reason is the oldest failure in the
#   events. **Drift** is found on request.
# - **Permissions**: named actions on named resources, in a role of your own. No secrets in a
#   template.
# - **A pipeline** runs the same commands with an identity instead of a key. Its trust policy names
#   one repository and one environment. Only the jobs that deploy can take the role, and a
#   permissions boundary limits the roles that it creates.
#
# ## Clean up
#
# `sam delete` deletes the stack, with everything in it, and the stack's image. (It asks first;
# `--no-prompts` answers yes. Its warning is about zip files in S3, of which there are none.) The
# repository was not part of the stack.

# %%
# !cd ../lambda && sam delete --no-prompts --stack-name {STACK}

# %%
deploy.delete(STACK)

# %% [markdown]
# That was the command; here is the proof:

# %%
def names(service, operation, items, name):
    """Names of everything of one kind in the account."""
    pages = boto3.client(service).get_paginator(operation).paginate()
    return [one[name] for page in pages for one in page[items]]


there = {
    "stacks": [one["StackName"] for one in cfn.describe_stacks()["Stacks"]],
    "functions": names("lambda", "list_functions", "Functions", "FunctionName"),
    "roles": names("iam", "list_roles", "Roles", "RoleName"),
    "log groups": names("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "HTTP APIs": names("apigatewayv2", "get_apis", "Items", "Name"),
    "alarms": names("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    "topics": names("sns", "list_topics", "Topics", "TopicArn"),
    "repositories": names("ecr", "describe_repositories", "repositories", "repositoryName")}
still_there = {kind: [one for one in found if STACK in one] for kind, found in there.items()}
assert not any(still_there.values()), f"still there: {still_there}"
still_there

# %% [markdown]
# ## Next
#
# [Lesson 21](21_release_safely.ipynb) releases a new model to a few clients first, and rolls it
# back by itself when it is bad.
