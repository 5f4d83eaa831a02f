# ---
# title: Deploy it all as code
# workshop:
#   number: "17"
#   needs: [docker]
#   reading: 35
#   exercises: 20
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Deploy it all as code
#
# In lessons 05 and 06 you made a role, a log group, a function and an API, call by call. Could you
# do it again next year? Could a colleague? In this lesson all of it stands in one file. You say
# what there shall be; AWS finds out which calls that takes, shows you what it would change, and
# does it or takes everything back.
#
# *You will*
#
# - read a template, line for line beside the calls that it replaces
# - check, build and deploy it with three commands, and read the change set before you apply it
# - say which changes need a second look: what is removed, what is replaced
# - watch a deploy fail and go back by itself, and find what somebody changed by hand
# - find rights that are too wide, and say what must not stand in a template
# - let GitHub deploy, for one environment of one repository, with no key stored anywhere
#
# *You need* Docker, and the model of lesson 03 (made now if it is missing)
#
# *Time* 35 minutes reading, 20 minutes exercises · *Cost* free on the local cloud; on AWS less
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
# - **CloudFormation** is the AWS service that reads a **template** and makes a **stack**: all the
#   resources in it, made, changed and deleted together.
# - **SAM** is a shorter way to write templates for functions (CloudFormation expands it), and a
#   command, `sam`, that builds images, pushes them and talks to CloudFormation.
#
# `sam` reports its use to AWS unless told not to, and keeps a few files of its own; they go into
# `build/`.

# %%
import os
from pathlib import Path

os.environ["SAM_CLI_TELEMETRY"] = "0"
os.environ["__SAM_CLI_APP_DIR"] = str(Path("../build/sam-cli").resolve())

# %% [markdown]
# What an earlier run of this lesson may have left goes first.

# %%
from workshop import deploy

STACK = deploy.name("code")
deploy.delete_stack(STACK)
deploy.delete(STACK)

# %% [markdown]
# ## The template
#
# It lies in `lambda/template.yaml`. Under `Resources`, each entry has a name of its own choosing
# (the *logical id*), a type, and properties, which are those of the API calls that you know. Here
# is the function:

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
# - `!Ref`, `!Sub` and `!GetAtt` point at parameters and other resources. From them CloudFormation
#   knows the order: log group, role, function. Nobody writes it down.
# - `${AWS::StackName}` in every name: two stacks from one file, say `churn-service` and
#   `churn-test`, do not get into each other's way.
# - `Metadata` is for `sam build`: the folder, the Dockerfile and its arguments, as for
#   `docker build`.
# - `Role` names our own role. Without this line SAM makes one, with more rights; we come to that.

# %% [markdown]
# Here is everything that lessons 05 and 06 did by hand, and where it stands now. Only what must be
# there *before* the stack has no line: the repository, because an image has to be in it when the
# function is made.

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
    ("new", "alarm: nearly cut off", "SlowAlarm", "MetricName"),
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
# *Notice* what has no line at all: the order, waiting until a role is known, waiters, *create or
# update?*, and how to take it down again. That was most of the code.
#
# Two things are otherwise than by hand. The route asks for a signed request (`AWS_IAM`) in place of
# a token: a token is a secret, and we would rather have none. And versions with an alias come in
# lesson 18, as a matter of releasing.
#
# SAM has a shorter way to write an API, `AWS::Serverless::HttpApi`. We spell out the five parts of
# lesson 06 instead: each is then a line of its own in a change set, and the permission is for one
# route.

# %% [markdown]
# ## Check it
#
# `sam validate` reads `samconfig.toml`, which says what you would otherwise have to type each time,
# here `--lint`: each property is compared with AWS's own description of the type. A misspelt
# property is found now, and not ten minutes into a deploy.

# %%
print(Path("../lambda/samconfig.toml").read_text())

# %%
# !cd ../lambda && sam validate

# %% [markdown]
# ## Build it
#
# The folder that goes into the image is the one of lesson 04, code and model side by side.
# `parameters` are for this machine: which processor, which base image where AWS's own cannot be
# reached, and which tag the image gets here. On AWS you would leave them out.

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
# *Notice* the steps: it is `docker build` with our Dockerfile. The result is an image on this
# machine and a copy of the template, in which `ImageUri` names that image.
#
# ## See what would happen
#
# The repository must be there; `deploy` makes it as lesson 05 did. The stack gets your prefix and
# your tags here, in place of those in `samconfig.toml`: the clean-up of the workshop shall find it,
# and shall never find a service that you made from this template at home. Then `sam deploy` pushes the
# image and asks CloudFormation for a **change set**. With `--no-execute-changeset` it stops there.

# %%
repository = deploy.image_repository(STACK)
stack_options = f"--stack-name {STACK} --tags '{deploy.mark()}'"
print(stack_options)

# %%
# !cd ../lambda && sam deploy {stack_options} --no-execute-changeset --image-repository {repository} --parameter-overrides "{parameters}"

# %% [markdown]
# `sam` prints a table. We make our own from the same answer, because we shall want to see more of
# it:

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
# Nothing has been made yet. The stack waits, and there is no function:

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
# This very change set, by its ARN: what you have read is what happens. (`sam deploy` without the
# option makes a new one and applies it unread.) The first time, the wait is for *create*, later for
# *update*.

# %%
kind = "create" if state() == "REVIEW_IN_PROGRESS" else "update"

# %%
# !aws cloudformation execute-change-set --change-set-name {change_set}
# !aws cloudformation wait stack-{kind}-complete --stack-name {STACK}

# %%
stack = cfn.describe_stacks(StackName=STACK)["Stacks"][0]
outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
assert stack["StackStatus"] == "CREATE_COMPLETE", stack
outputs

# %% [markdown]
# In which order did CloudFormation work? It wrote it down:

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
# *Notice* that the function comes after its log and its role, and the permission after function and
# API, and that all the rest may come in any order.
#
# ## Does it answer?
#
# The route wants a signature, so we sign, as at the end of lesson 06; the service is now
# `execute-api`.

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
# Is it the right answer? ONNX Runtime, here in the notebook, must say the same.

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
# And the image in the registry is one that Lambda takes, a manifest for one platform (lesson 05):

# %%
image_uri = client.get_function(FunctionName=f"{STACK}-churn")["Code"]["ImageUri"]
stored = boto3.client("ecr").batch_get_image(
    repositoryName=STACK, imageIds=[{"imageTag": image_uri.rpartition(":")[2]}])["images"][0]
kind_of_image = json.loads(stored["imageManifest"])["mediaType"]
assert "index" not in kind_of_image and "list" not in kind_of_image
image_uri.rpartition(":")[2], kind_of_image

# %% [markdown]
# *Notice* the tag: `sam` puts part of the image's id into it. Other bytes get another tag, and that
# is how CloudFormation sees that there is a new image. A fixed tag such as `latest` would look like
# no change, and nothing would be deployed.

# %% [markdown]
# ## Once more: nothing to do
#
# **Before you run it: the same command again. What will the change set say?**

# %%
# !cd ../lambda && sam deploy {stack_options} --no-execute-changeset --image-repository {repository} --parameter-overrides "{parameters}"

# %% [markdown]
# The template says how things shall be, and so they are. Deploying twice is harmless, which is what
# makes it fit for a machine.

# %% [markdown]
# ## Change something
#
# To try changes out, we make change sets with boto3, as `sam` does: the template that is deployed,
# or another text, and parameters.

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
# One line: the function's environment would change, in place (`replacement` is `False`). Until we
# apply it, it has not:

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
# **A change set says what will change, not whether it works.** There is no `churn.onnx` in the
# image (the Dockerfile's folder has `model.onnx`), so the function cannot start, and callers get
# 500. CloudFormation was content: Lambda took the setting. Catching this takes a request to the new
# version before callers meet it, which is lesson 18. Back:

# %%
print(apply(propose(ModelFile="model.onnx")), model_path())
assert ask(customers[0]).json() == answer.json()

# %% [markdown]
# ### Another kind of change
#
# A colleague finds that `churn` is not a nice name for a function. One word in the template:

# %%
deployed = cfn.get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"]
renamed = re.sub(r"(FunctionName:\s+Fn::Sub: \S+-)churn\b", r"\1leavers", deployed)
assert renamed != deployed
new_name = propose(renamed)
table(new_name)

# %% [markdown]
# *Notice* `replacement`. A function cannot be renamed, so CloudFormation would make a second one,
# lead everything that names it to that, and **delete the first**. `Conditional` means that it
# depends on a value that is known only then. For a function that may be acceptable: the code is in
# the image. For a bucket or a database, *replace* means that what is in it is gone.
#
# (`DeletionPolicy: Retain` and `UpdateReplacePolicy: Retain` on a resource keep the old one. Every
# resource that holds data should have them. Ours holds none worth keeping.)

# %% [markdown]
# ### Exercise 1: what needs a second look? (6 minutes)
#
# A change set of forty lines is read by nobody. Complete `second_look`: from a list of changes, as
# `changes(…)` gives them, the names of the resources that would be removed, or replaced, or
# perhaps replaced.
#
# <details><summary>Hint 1</summary>
#
# Each change is a dict with `Action` (`Add`, `Modify`, `Remove`, …) and `LogicalResourceId`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `Replacement` is `"True"`, `"False"` or `"Conditional"`, all of them text, and it is missing where
# something is added or removed: `one.get("Replacement")`.
# </details>

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
# We do not rename it. A change set that is not applied costs nothing; delete it, so that nobody
# applies it by mistake.

# %%
cfn.delete_change_set(ChangeSetName=new_name);

# %% [markdown]
# ## A deploy that fails
#
# Somebody tidied up the registry and deleted an image that is still wanted. The change set cannot
# know: it compares templates.

# %%
broken = propose(deployed.replace(image_uri, f"{image_uri}-deleted"))
table(broken)

# %%
apply(broken)

# %% [markdown]
# `UPDATE_ROLLBACK_COMPLETE`: it failed, and CloudFormation put everything back as it was. Why it
# failed stands in the events, at the *oldest* failure; what comes after it are consequences.

# %%
left(events("UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE").head(3))

# %%
assert ask(customers[0]).json() == answer.json()

# %% [markdown]
# Callers have not noticed. *Notice* what would not be put back: what your code did meanwhile, and
# data in anything that was replaced. And a rollback is a deploy too: had somebody deleted the *old*
# image as well, it would fail in its turn (`UPDATE_ROLLBACK_FAILED`). Keep the images of the last
# few deploys.
#
# When the very first deploy of a stack fails, the stack stays as `ROLLBACK_COMPLETE`, empty, and
# can only be deleted.

# %% [markdown]
# ## Who changed it?
#
# At night something was slow, and somebody helped, by hand:

# %%
client.update_function_configuration(FunctionName=f"{STACK}-churn", MemorySize=1024)
client.get_waiter("function_updated_v2").wait(FunctionName=f"{STACK}-churn")

# %% [markdown]
# Will the next deploy put it right? The change set compares the new template with the *old
# template*, and both say 512:

# %%
try:
    propose()
except WaiterError as error:
    print(error.last_response["Status"], "-", error.last_response["StatusReason"])

# %% [markdown]
# So the difference stays. It is called **drift**, and CloudFormation finds it when asked:

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
# Then either the template was wrong, and the new value goes into it, or the hand was, and the value
# goes back. (On AWS, a *drift-aware* change set compares with the function as it is, too:
# `DeploymentMode="REVERT_DRIFT"`, *AWS CloudFormation user guide*.) Some teams ask every night. Nobody should be able to change production by hand at all:
# a pipeline can be the only one with the right to.

# %%
client.update_function_configuration(FunctionName=f"{STACK}-churn", MemorySize=512)
client.get_waiter("function_updated_v2").wait(FunctionName=f"{STACK}-churn")

# %% [markdown]
# ## Rights
#
# The function may write into its own log, as in lesson 05:

# %%
print(part("ChurnRole"))

# %% [markdown]
# Leave out the line `Role`, and SAM makes a role with AWS's ready-made policy
# `AWSLambdaBasicExecutionRole`. This is what it says (AWS managed policy reference, checked
# 2026-11):

# %%
BASIC = {"Version": "2012-10-17", "Statement": [{
    "Effect": "Allow", "Resource": "*",
    "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]}]}

# %% [markdown]
# `"Resource": "*"` is every log in the account: whoever gets into this function can write lines
# into the log of any other. It is convenient, and nobody looks at it again.
#
# ### Exercise 2: find what is too wide (7 minutes)
#
# Complete `too_wide`: from a policy document, the statements that allow something on *every*
# resource (`"*"`), or allow actions by a pattern (anything with a `*` in it, such as `s3:*`). A
# name that ends in `*`, such as `arn:…:log-group:/aws/lambda/churn:*`, is not every resource.
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
    "Deny takes rights away: look at Effect")
print("Right.")

# %% [markdown]
# Now for our own template. `rights` gathers all policies in it.

# %%
rights = [policy["PolicyDocument"]
          for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Role"
          for policy in one["Properties"]["Policies"]]
print(len(rights), "policy;", "too wide:", [too_wide(one) for one in rights])

# %% [markdown]
# ## What does not belong into a template
#
# **Secrets.** A template lies in git, and CloudFormation shows it, with parameters and outputs, to
# everybody who may look at the stack. The function's environment is shown to everybody who may look
# at the function. `NoEcho` on a parameter hides it in the first place and not in the second.
#
# | instead of | do |
# |---|---|
# | a token for callers | let AWS check a signature (`AWS_IAM`, as here), or a JWT |
# | a password for another service | give the function its *name* in Secrets Manager, and the right to read that one |
# | `{{resolve:secretsmanager:…}}` in `Environment` | the same: the template hides the value, the function shows it |
# | AWS keys | never: a function has its role |
#
# **State**: a table or bucket with data should not live and die with the code. Give it a stack of
# its own, and `Retain`.
#
# **Account numbers and Regions**: `${AWS::AccountId}` and `${AWS::Region}` know them.

# %%
config = client.get_function_configuration(FunctionName=f"{STACK}-churn")
config["Environment"]["Variables"]     # anybody who may look can read this

# %% [markdown]
# ## Let a machine do it
#
# You have run five commands. A **pipeline** runs the same ones, from a clean machine, from what is
# in git, with a log of who started it. Here is one for GitHub Actions,
# `.github/workflows/deploy.yml`. It has three jobs: the first builds the image, and the other two,
# which follow here, deploy:

# %%
workflow = Path("../.github/workflows/deploy.yml").read_text()
print(workflow[workflow.index("  # Has the role, so it runs little"):])

# %% [markdown]
# *Notice*
#
# - **Two runs.** The first proposes and prints the table; the second gets the ARN that somebody has
#   read, and applies that change set and no other. Nothing is built in the second.
# - **Build and deploy are two jobs.** The first installs hundreds of packages to train and to
#   build. Any of them could take the role if that job could ask for a token, so only the other two
#   jobs have `id-token: write`.
# - **Everything has a fingerprint.** `uses: …@e3dd6a42…` names code of other people by its commit,
#   `--require-hashes` compares each package with a **lock file**, and the build takes its base
#   image by digest (lesson 05). A tag such as `v4` or `3.13` can be moved to other bytes.
# - **`environment: production`** is a setting in GitHub: who must approve a job, and from which
#   branch it may come.
# - **No key.** `DEPLOY_ROLE` is the name of a role, which is not a secret.

# %% [markdown]
# ## No stored keys
#
# A key that is stored can be stolen, and it works from anywhere until somebody changes it. With
# **OpenID Connect** (OIDC) there is none:
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
# What is in the token are *claims*: `aud`, whom it is for, and `sub`, who asks. The first part of
# `sub` names the repository, and comes in two forms:
#
# | repository | `sub` begins with |
# |---|---|
# | created, renamed or transferred since July 2026, or switched over | `repo:OWNER@ID/NAME@ID:` |
# | older | `repo:OWNER/NAME:` |
#
# The ids are numbers that GitHub never gives out twice. A name can be given up and taken by a
# stranger, and with names alone the stranger would send *your* `sub` ([GitHub changelog,
# 2026-04-23](https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/)).
# GitHub's command prints which form your repository sends:
#
# ```
# gh api repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix
# gh api repos/OWNER/NAME --jq '"\(.owner.login)@\(.owner.id)/\(.name)@\(.id)"'
# ```
#
# The second command prints the names with their ids for any repository. The pipeline prints its
# whole `sub` in the step *Say who asks*. The second part says what runs:
#
# | the job | `sub` ends with |
# |---|---|
# | names an environment, as ours | `environment:production` |
# | runs on a branch | `ref:refs/heads/BRANCH` |
# | is for a pull request | `pull_request` |
#
# The role's **trust policy** says which it believes. Ours takes both forms of the name:

# %%
print(deploy.policy("trust_github", owner="example", owner_id="123456", repository="churn",
                    repository_id="456789", environment="production"))

# %% [markdown]
# When your repository sends the first form, delete the second line: nobody else can ever send the
# first. Without the condition on `sub`, *any repository on GitHub* could take your role. To see why
# it must be exact, here is how AWS reads one:

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
# Nobody else: no other branch, no pull request (a stranger can open one),
# no fork, no repository with a similar name. Write the two conditions, one for each of two
# statements.
#
# <details><summary>Hint 1</summary>
#
# The first is the one above, with one text as `sub`, and a branch at its end.
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
# CloudFormation makes the resources with the permissions of its caller, so the role needs those for
# every resource in the template: to create, to change and, when a deploy is rolled back, to delete.
# All of them are for this one stack, by name:

# %%
permissions = json.loads(deploy.policy("deploy", stack=STACK))["Statement"]
left(pd.DataFrame([{
    "statement": one["Sid"], "actions": 1 if isinstance(one["Action"], str) else len(one["Action"]),
    "condition": ", ".join(key for keys in one.get("Condition", {}).values() for key in keys)}
    for one in permissions]))

# %% [markdown]
# A role that may create roles could give one of them every permission, and use it. A **permissions
# boundary** closes that door. It is a policy that a role cannot exceed, whatever its own policies
# allow. The pipeline may create the function's role only with this boundary, may put policies only
# into a role that has it, and may pass that role to Lambda only:

# %%
print(deploy.policy("boundary", stack=STACK))

# %% [markdown]
# Two statements are wider than one would like. The id of an HTTP API is not known before it is
# made, so the pipeline may change all HTTP APIs of this account and Region. And the permissions
# with which API Gateway gets its log take no resource at all. This is a reason to give production
# an account of its own.
#
# Once in an account, by hand or with a small stack of its own, an administrator makes: the identity
# provider for that issuer, the boundary (the stack's name and `-boundary`), the role with the trust
# policy and the permissions above, and the repository. In GitHub: the environment with its reviewers, and the
# three variables. The comment at the top of `deploy.yml` lists them.

# %% [markdown]
# ## Recap
#
# - **A template** says what there shall be; order, waiting and *create or update* are
#   CloudFormation's work. The same file makes a second stack, or the same one again: *no changes*.
# - **`sam validate`, `sam build`, `sam deploy --no-execute-changeset`**, read, then apply that very
#   change set.
# - **Read** first what is removed or replaced. A change set compares templates: it does not know
#   whether the code works, whether an image is there, or what was changed by hand.
# - **A deploy that fails** goes back by itself; the reason is the oldest failure in the events.
#   **Drift** is found by asking.
# - **Rights**: named actions on named resources, in a role of your own. No secrets in a template.
# - **A pipeline** runs the same commands with an identity in place of a key; its trust policy names
#   one repository and one environment. Only the jobs that deploy can take the role, and a
#   permissions boundary limits the roles that it creates.
#
# ## Clean up
#
# `sam delete` deletes the stack, with everything in it, and the stack's image. (It asks first;
# `--no-prompts` says yes. Its warning is about zip files in S3, of which there are none.) The
# repository was not part of the stack.

# %%
# !cd ../lambda && sam delete --no-prompts --stack-name {STACK}

# %%
deploy.delete(STACK)

# %% [markdown]
# Said is not proved:

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
left = {kind: [one for one in found if STACK in one] for kind, found in there.items()}
assert not any(left.values()), f"still there: {left}"
left

# %% [markdown]
# ## Next
#
# [Lesson 18](18_release_safely.ipynb) releases a new model to a few callers first, and takes it back
# by itself when it is bad.
