"""lambda/template.yaml: what it allows, what it becomes in the cloud, and who deploys it."""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import uuid
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import requests
import yaml
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, WaiterError
from samcli.cli.types import CfnParameterOverridesType
from samcli.yamlhelper import yaml_parse

from permissions import ACCOUNT, REGION, allows, document
from waiting import until
from workshop import cloud, deploy
from workshop.account import ownership
from workshop.course import lessons
from workshop.machine import base_image, engine, paths

TEMPLATE = paths.LAMBDA / "template.yaml"
WORKFLOW = paths.ROOT / ".github/workflows/deploy.yml"
LESSON = paths.SOLUTIONS / "20_deploy_as_code.py"
CONFIGURATION = ("--config-file", str(paths.LAMBDA / "samconfig.toml"))
STACK = "workshop-test-code"
FUNCTION = f"{STACK}-churn"
TAG = engine.own("test")             # of the image on this machine
SAM = Path(sys.executable).with_name("sam")
RECORDER = Path(__file__).parent / "support" / "recorder"
CALLS = Path(tempfile.gettempdir()) / f"calls-of-sam-{os.getpid()}.jsonl"


def sam(*arguments, fails=False):
    """Run `sam` in lambda/, as the lesson does, and return what it printed."""
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "COLUMNS": "200",
                                "__SAM_CLI_APP_DIR": str(paths.BUILD / "sam-cli-tests"),
                                "PYTHONPATH": str(RECORDER), "RECORD_CALLS": str(CALLS)}
    done = subprocess.run([SAM, *arguments], cwd=paths.LAMBDA, env=environment,
                          capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, said
    return said


@pytest.fixture(scope="module")
def workflow():
    return yaml.load(WORKFLOW.read_text(), Loader=yaml.BaseLoader)     # `on` stays a word


def steps(workflow, *jobs):
    return [step for name, job in workflow["jobs"].items() if not jobs or name in jobs
            for step in job["steps"]]


# The template

@pytest.fixture(scope="module")
def template():
    return yaml_parse(TEMPLATE.read_text())


def of_type(template, kind):
    """Properties of the template's resources of one type, by name."""
    return {name: one["Properties"] for name, one in template["Resources"].items()
            if one["Type"] == kind}


def test_sam_and_its_linter_find_the_template_valid():
    said = sam("validate")
    assert "is a valid SAM Template" in said
    assert "--lint" not in said     # SAM recommends it where samconfig.toml does not ask for it


def test_rights_are_named_actions_on_named_resources(template):
    roles = of_type(template, "AWS::IAM::Role")
    assert roles
    for role in roles.values():
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            for one in policy["PolicyDocument"]["Statement"]:
                assert not any("*" in action for action in one["Action"])
                assert one["Resource"] == {"Fn::GetAtt": ["ChurnLog", "Arn"]}


def test_every_function_has_a_role_of_ours_so_that_sam_makes_none(template):
    for function in of_type(template, "AWS::Serverless::Function").values():
        assert function["Role"] == {"Fn::GetAtt": ["ChurnRole", "Arn"]}
        assert not {"Policies", "Events"} & set(function)    # both would widen a role or a door


def test_every_function_may_be_called_by_one_api_on_one_route_only(template):
    permission, = of_type(template, "AWS::Lambda::Permission").values()
    route, = of_type(template, "AWS::ApiGatewayV2::Route").values()
    method, path = route["RouteKey"].split()
    assert permission["SourceArn"]["Fn::Sub"].endswith(f":${{Api}}/*/{method}{path}")


def test_no_log_is_kept_for_ever_and_every_alarm_is_told(template):
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert groups and all(0 < group["RetentionInDays"] <= 30 for group in groups.values())
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    assert {alarm["MetricName"] for alarm in alarms.values()} == {
        "Errors", "Throttles", "Duration", "5xx"}
    assert all(alarm["AlarmActions"] == [{"Ref": "Alarms"}] for alarm in alarms.values())


def test_the_alarm_on_duration_comes_before_the_time_out(template):
    function, = of_type(template, "AWS::Serverless::Function").values()
    slow = of_type(template, "AWS::CloudWatch::Alarm")["SlowAlarm"]
    assert slow["Threshold"] < 1000 * function["Timeout"]
    integration, = of_type(template, "AWS::ApiGatewayV2::Integration").values()
    assert integration["TimeoutInMillis"] > 1000 * function["Timeout"]


# The stack

@pytest.fixture(scope="module")
def model(local_cloud, docker_engine):
    """A customer as a request carries it, and ONNX Runtime's probability for it."""
    lessons.require("02")
    lessons.require("03")
    rows = pd.read_csv(paths.MODELS / "churn_test.csv").drop(columns="churn").head(1)
    customer = json.loads(rows.to_json(orient="records"))[0]
    session = onnxruntime.InferenceSession(paths.MODELS / "churn.onnx")
    feed = {one.name: np.array([[customer[one.name]]],
                               dtype=object if "string" in one.type else np.float32)
            for one in session.get_inputs()}
    return customer, float(session.run(["probabilities"], feed)[0][0, 1])


class Stack:
    """The template as a stack of the tests' own, by the commands of the lesson."""

    def __init__(self, aws, folder):
        self.aws, self.cfn, self.folder = aws, aws("cloudformation"), folder
        self.parameters = ("--parameter-overrides", f"Architecture={engine.architecture()} "
                           f"BaseImage={base_image.get()} ImageTag={TAG}")
        self.repository = deploy.image_repository(STACK)

    def build(self):
        deploy.stage("churn", paths.MODELS / "churn.onnx")
        return sam("build", *CONFIGURATION, "--build-dir", str(self.folder), *self.parameters)

    def deploy(self):
        """`sam deploy`, up to the change set; its changes, or None where there are none."""
        said = sam("deploy", "--no-execute-changeset", *CONFIGURATION, "--stack-name", STACK,
                   "--tags", ownership.mark(),
                   "--template-file", str(self.folder / "template.yaml"),
                   "--image-repository", self.repository, *self.parameters)
        if "No changes to deploy" in said:
            return None
        self.change_set = re.search(r"arn:\S+:changeSet/\S+", said)[0]
        return self.changes()

    def propose(self, old="", new="", **parameters):
        """Make a change set for the deployed template with OLD replaced by NEW; its changes."""
        deployed = self.cfn.get_template(StackName=STACK, TemplateStage="Original")["TemplateBody"]
        assert old in deployed
        given = self.cfn.describe_stacks(StackName=STACK)["Stacks"][0]["Parameters"]
        self.change_set = self.cfn.create_change_set(
            StackName=STACK, ChangeSetName=f"try-{uuid.uuid4().hex}",
            TemplateBody=deployed.replace(old, new) if old else deployed,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True}
                        for one in given if one["ParameterKey"] not in parameters]
            + [{"ParameterKey": key, "ParameterValue": value}
               for key, value in parameters.items()])["Id"]
        self.cfn.get_waiter("change_set_create_complete").wait(ChangeSetName=self.change_set)
        return self.changes()

    def changes(self):
        found = self.cfn.describe_change_set(ChangeSetName=self.change_set)["Changes"]
        return [one["ResourceChange"] for one in found]

    def apply(self):
        """Execute the change set and return the stack's status after it."""
        kind = "create" if self.status() == "REVIEW_IN_PROGRESS" else "update"
        self.cfn.execute_change_set(ChangeSetName=self.change_set)
        try:
            self.cfn.get_waiter(f"stack_{kind}_complete").wait(StackName=STACK)
        except WaiterError:
            pass
        return self.status()

    def status(self):
        return self.cfn.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]

    def url(self):
        outputs = self.cfn.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        return {one["OutputKey"]: one["OutputValue"] for one in outputs}["Url"] + "/predict"

    def ask(self, customer, signed=True):
        import boto3
        request = AWSRequest("POST", self.url(), data=json.dumps({"customer": customer}))
        if signed:
            session = boto3.Session()
            SigV4Auth(session.get_credentials(), "execute-api", "us-east-1").add_auth(request)
        return requests.post(request.url, data=request.body, headers=dict(request.headers),
                             timeout=60)

    def resources(self):
        """Type and physical id of everything in the stack."""
        found = self.cfn.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
        return {one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"])
                for one in found}


@pytest.fixture(scope="module")
def stack(aws, model, tmp_path_factory):
    """The stack, deployed; deleted at the end, with its repository and images."""
    deploy.delete_stack(STACK)
    deploy.delete(STACK)
    made = Stack(aws, tmp_path_factory.mktemp("sam"))
    made.build()
    changes = made.deploy()
    assert {one["Action"] for one in changes} == {"Add"}
    assert made.status() == "REVIEW_IN_PROGRESS" and not functions(aws)
    assert made.apply() == "CREATE_COMPLETE"
    yield made
    deploy.delete_stack(STACK)
    deploy.delete(STACK)
    images = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}",
                           f"{made.repository}").stdout.split()
    engine.docker("image", "rm", "-f", f"churn:{TAG}", *images)


def functions(aws):
    return [one["FunctionName"] for one in aws("lambda").list_functions()["Functions"]
            if one["FunctionName"] == FUNCTION]


def test_the_stack_answers_over_http_as_onnx_runtime_does(stack, model):
    customer, expected = model
    assert stack.ask(customer, signed=False).status_code == 403
    answer = stack.ask(customer)
    assert answer.status_code == 200, answer.text
    assert abs(answer.json()["churn_probability"] - expected) < 1e-5


def test_a_second_deploy_has_nothing_to_do(stack):
    before = stack.aws("lambda").get_function(FunctionName=FUNCTION)["Configuration"]
    stack.build()
    assert stack.deploy() is None
    assert stack.status() == "CREATE_COMPLETE"
    after = stack.aws("lambda").get_function(FunctionName=FUNCTION)["Configuration"]
    assert after["RevisionId"] == before["RevisionId"]


def calls():
    """(action, resource) of each call of AWS that `sam` has made, for the pipeline's stack."""
    found = []
    for line in CALLS.read_text().splitlines():
        call = json.loads(line)
        given = call["parameters"]
        if call["service"] == "ecr":
            rest = f"repository/{given['repositoryName']}" if given else None
        else:
            rest = f"stack/{given['StackName']}/a1b2"
            if "Capabilities" in given:
                found.append(("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{REGION}:"
                              "aws:transform/Serverless-2016-10-31"))
        found.append((f"{call['service']}:{call['operation']}",
                      f"arn:aws:{call['service']}:{REGION}:{ACCOUNT}:{rest}" if rest else "*"))
    return found


def refused():
    """The calls of `sam` that the pipeline's role could not make."""
    policy = document("deploy", stack=STACK)
    return [(action, resource) for action, resource in calls()
            if not allows(policy, action, resource)]


def test_the_pipelines_role_may_make_every_call_of_a_deploy(stack):
    made = {action for action, _ in calls()}
    assert {"ecr:GetAuthorizationToken", "cloudformation:DescribeStacks",
            "cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet"} <= made
    assert refused() == []


def test_the_pipelines_role_may_make_the_calls_that_its_scripts_make_themselves(workflow):
    run = "\n".join(step.get("run", "") for step in steps(workflow, "propose", "apply"))
    asked = re.findall(r"aws (\w+) ([\w-]+)", run)
    assert len(asked) == 4
    for service, command in asked:
        operation = "DescribeStacks" if command == "wait" else command.title().replace("-", "")
        resource = f"repository/{STACK}" if service == "ecr" else f"stack/{STACK}/a1b2"
        assert allows(document("deploy", stack=STACK), f"{service}:{operation}",
                      f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"), operation


def test_the_image_is_a_manifest_for_one_platform(stack):
    image, = stack.aws("ecr").batch_get_image(repositoryName=STACK, imageIds=[
        {"imageTag": stack.aws("lambda").get_function(FunctionName=FUNCTION)
         ["Code"]["ImageUri"].rpartition(":")[2]}])["images"]
    manifest = json.loads(image["imageManifest"])
    assert "layers" in manifest and "manifests" not in manifest


def test_the_role_may_do_what_a_role_made_by_hand_may_do_and_no_more(stack):
    iam, role = stack.aws("iam"), f"{FUNCTION}-role"
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["logs"]
    rights = iam.get_role_policy(RoleName=role, PolicyName="logs")["PolicyDocument"]
    assert rights == json.loads(deploy.policy("logs", function=FUNCTION))
    assert [kind for kind, _ in stack.resources().values()].count("AWS::IAM::Role") == 1


def test_everything_in_the_stack_carries_the_tag(stack):
    where = {"Lambda": lambda name: stack.aws("lambda").get_function(FunctionName=name)["Tags"],
             "Logs": lambda name: stack.aws("logs").list_tags_for_resource(
                 resourceArn=f"arn:aws:logs:us-east-1:012345678912:log-group:{name}")["tags"],
             "IAM": lambda name: pairs(stack.aws("iam").list_role_tags(RoleName=name)["Tags"]),
             "SNS": lambda name: pairs(
                 stack.aws("sns").list_tags_for_resource(ResourceArn=name)["Tags"]),
             "CloudWatch": lambda name: pairs(stack.aws("cloudwatch").list_tags_for_resource(
                 ResourceARN=f"arn:aws:cloudwatch:us-east-1:012345678912:alarm:{name}")["Tags"])}
    looked = set()
    for kind, name in stack.resources().values():
        service = kind.split("::")[1]
        if service in where and kind != "AWS::Lambda::Permission":
            assert deploy.tags().items() <= where[service](name).items(), (kind, name)
            looked.add(service)
    assert looked == set(where)
    api = stack.aws("apigatewayv2").get_api(ApiId=stack.resources()["Api"][1])
    assert deploy.tags().items() <= api["Tags"].items()


def pairs(tags):
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_throttle_and_cors_of_the_template_are_in_force(stack):
    client, api = stack.aws("apigatewayv2"), stack.resources()["Api"][1]
    limits = client.get_stage(ApiId=api, StageName="$default")["DefaultRouteSettings"]
    assert limits == {"ThrottlingBurstLimit": 50, "ThrottlingRateLimit": 50}
    for origin, allowed in {"https://shop.example": "https://shop.example",
                            "https://other.example": None}.items():
        answer = requests.options(stack.url(), timeout=30, headers={
            "Origin": origin, "Access-Control-Request-Method": "POST"})
        assert answer.headers.get("Access-Control-Allow-Origin") == allowed


def test_a_changed_setting_is_one_line_of_the_change_set_and_applies_only_then(stack):
    def setting():
        return stack.aws("lambda").get_function_configuration(
            FunctionName=FUNCTION)["Environment"]["Variables"]["MODEL_PATH"]

    change, = stack.propose(ModelFile="./model.onnx")
    assert (change["Action"], change["LogicalResourceId"], change["Replacement"]) == (
        "Modify", "Churn", "False")
    assert {one["Target"]["Name"] for one in change["Details"]} == {"Environment"}
    assert setting() == "/var/task/model.onnx"
    assert stack.apply() == "UPDATE_COMPLETE"
    assert setting() == "/var/task/./model.onnx"


@pytest.mark.parametrize("old, new, reason", [
    (":churn-", ":gone-", "does not exist. Provide a valid source image"),
    ("MODEL_PATH:", "AWS_REGION:", "reserved keys"),
    ("Timeout: 10", "Timeout: 901", "less than or equal to 900"),
], ids=["image", "environment", "time-out"])
def test_what_lambda_refuses_fails_a_deploy_which_goes_back(stack, model, old, new, reason):
    stack.propose(old, new)
    assert stack.apply() == "UPDATE_ROLLBACK_COMPLETE"
    failed = next(one for one in stack.cfn.describe_stack_events(StackName=STACK)["StackEvents"]
                  if one["ResourceStatus"] == "UPDATE_FAILED")
    assert failed["LogicalResourceId"] == "Churn" and reason in failed["ResourceStatusReason"]
    assert stack.ask(model[0]).status_code == 200


def test_a_change_by_hand_is_drift(stack):
    stack.aws("logs").put_retention_policy(logGroupName=f"/aws/lambda/{FUNCTION}",
                                           retentionInDays=30)
    detection = stack.cfn.detect_stack_drift(StackName=STACK)["StackDriftDetectionId"]

    def ended():
        told = stack.cfn.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        return told if told["DetectionStatus"] != "DETECTION_IN_PROGRESS" else None
    found = until(ended, "the drift is known")
    assert found["StackDriftStatus"] == "DRIFTED"
    drifted, = stack.cfn.describe_stack_resource_drifts(
        StackName=STACK, StackResourceDriftStatusFilters=["MODIFIED"])["StackResourceDrifts"]
    assert drifted["LogicalResourceId"] == "ChurnLog"


def containers():
    """Ids of the containers that run the stack's function."""
    return engine.docker("ps", "-aq", "--filter", f"label=workshop.cloud={cloud.port()}",
                         "--filter", f"label=workshop.function={FUNCTION}").stdout.split()


def test_after_delete_every_resource_is_gone(stack, model):
    stack.ask(model[0])
    assert containers()
    found = stack.resources()
    assert all(is_there(stack.aws, kind, name, found) for kind, name in found.values())
    CALLS.write_text("")
    sam("delete", "--no-prompts", "--stack-name", STACK)
    assert {"cloudformation:DeleteStack", "ecr:BatchDeleteImage"} <= {one for one, _ in calls()}
    assert refused() == []
    assert [one for one in found.values() if is_there(stack.aws, *one, found)] == []
    with pytest.raises(ClientError, match="does not exist"):
        stack.status()
    assert stack.aws("ecr").describe_images(repositoryName=STACK)["imageDetails"] == []
    assert containers() == []


def is_there(aws, kind, name, stack):
    """Whether a resource is there, asked of its own service."""
    api = stack["Api"][1]
    ask = {
        "AWS::IAM::Role": lambda: aws("iam").get_role(RoleName=name),
        "AWS::Lambda::Function": lambda: aws("lambda").get_function(FunctionName=name),
        "AWS::Lambda::Permission": lambda: aws("lambda").get_policy(FunctionName=FUNCTION),
        "AWS::Logs::LogGroup": lambda: one_of(aws("logs").describe_log_groups(
            logGroupNamePrefix=name)["logGroups"]),
        "AWS::ApiGatewayV2::Api": lambda: aws("apigatewayv2").get_api(ApiId=name),
        "AWS::ApiGatewayV2::Stage": lambda: aws("apigatewayv2").get_stage(
            ApiId=api, StageName=name),
        "AWS::ApiGatewayV2::Route": lambda: one_of(
            aws("apigatewayv2").get_routes(ApiId=api)["Items"]),
        "AWS::ApiGatewayV2::Integration": lambda: one_of(
            aws("apigatewayv2").get_integrations(ApiId=api)["Items"]),
        "AWS::SNS::Topic": lambda: aws("sns").get_topic_attributes(TopicArn=name),
        "AWS::CloudWatch::Alarm": lambda: one_of(
            aws("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]),
    }
    try:
        ask[kind]()
    except (ClientError, IndexError):
        return False
    return True


def one_of(found):
    """The first; IndexError where there is none."""
    return found[0]


def test_a_stack_that_is_not_ours_stays_and_one_that_is_not_there_is_passed_over(aws):
    client, name = aws("cloudformation"), "workshop-test-foreign"
    deploy.delete_stack(name)
    client.create_stack(StackName=name, TemplateBody=json.dumps(
        {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}))
    client.get_waiter("stack_create_complete").wait(StackName=name)
    try:
        with pytest.raises(deploy.NotOursError, match=f"stack {name} lacks the tag"):
            deploy.delete_stack(name)
        assert client.describe_stacks(StackName=name)["Stacks"]
    finally:
        client.delete_stack(StackName=name)


def test_what_people_take_home_has_neither_a_name_nor_a_tag_of_the_workshop():
    """Else a later `clean` would mean their service."""
    text = (paths.LAMBDA / "samconfig.toml").read_text()
    settings = tomllib.loads(text)["default"]
    name = settings["global"]["parameters"]["stack_name"]
    tags = dict(one.split("=") for one in settings["deploy"]["parameters"]["tags"].split())
    assert tags and not ownership.is_ours(tags) and not tags.keys() & ownership.tags().keys()
    for one in text, TEMPLATE.read_text(), WORKFLOW.read_text():
        assert "workshop-" not in one and name in one


# The pipeline

def commands(lines):
    """Commands for sam and CloudFormation that change something, with their values blotted out."""
    found = []
    for line in lines:
        line = line.strip().removeprefix("# !").removeprefix("cd ../lambda && ").split(" | ")[0]
        if re.match(r"sam |aws cloudformation (?!describe)", line):
            line = line.replace("{stack_options} ", "")     # the pipeline has samconfig.toml's
            line = re.sub(r"--stack-name \S+", "--stack-name @", line.replace('"', ""))
            found.append(re.sub(r"\$\w+|\{\w+\}", "@", line))
    return found


def test_the_pipeline_runs_the_commands_of_the_lesson_in_its_order(workflow):
    in_pipeline = commands("\n".join(step.get("run", "") for step in steps(workflow)).splitlines())
    in_lesson = commands(line for line in LESSON.read_text().splitlines()
                         if line.startswith("# !"))
    assert len(in_pipeline) == 5
    assert in_lesson[:5] == in_pipeline


def test_the_pipeline_stages_the_folder_of_the_lesson(workflow):
    runs = "\n".join(step.get("run", "") for step in steps(workflow))
    staged = re.search(r"deploy\.stage\('churn', '(.*?)'\)", runs)[1]
    assert f'deploy.stage("churn", "../{staged}")' in LESSON.read_text()


def test_the_pipeline_is_started_by_hand_and_the_job_that_builds_cannot_take_the_role(workflow):
    assert set(workflow["on"]) == {"workflow_dispatch"}
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "build": {"contents": "read"}, "propose": {"contents": "read", "id-token": "write"},
        "apply": {"id-token": "write"}}
    assert workflow["jobs"]["propose"]["needs"] == "build"
    assert all(int(job["timeout-minutes"]) <= 60 for job in workflow["jobs"].values())
    assert workflow["concurrency"] == "deploy"


def test_what_has_the_role_runs_only_packages_with_hashes_and_the_template_from_git(workflow):
    run = "\n".join(step.get("run", "") for step in steps(workflow, "propose", "apply"))
    installs = [line for line in run.splitlines() if re.search(r"\b(pip|pipx|uv|npm|apt)\b", line)]
    assert len(installs) == 1 and "-r .github/workflows/deploy.lock" in installs[0]
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(installs[0].split())
    assert not re.search(r"python3 -m workshop|docker (run|build)|sam (build|local)", run)
    # It is made before the role is taken, in the job that takes it.
    names = [step.get("name") or step["uses"].partition("@")[0]
             for step in steps(workflow, "propose")]
    assert names.index("Take the role") > names.index("Say who asks") > max(
        number for number, name in enumerate(names) if "Install" in name)
    assert "cp lambda/template.yaml build/sam/" in run
    handed = [step["with"] for step in steps(workflow) if "artifact" in step.get("uses", "")]
    assert [one["name"] for one in handed] == ["image", "image"]
    assert handed[0]["path"].endswith("/image.tar")


BASE = "public.ecr.aws/lambda/python"


@pytest.mark.parametrize("line, accepted", [
    (f"{BASE}:3.13@sha256:{'0a' * 32}", True), (f"{BASE}@sha256:{'9' * 64}", True),
    (f"{BASE}:3.13", False), (f"{BASE}:latest", False), (f"{BASE}@sha256:{'0' * 63}", False),
    (f"{BASE}@sha256:{'0' * 64} Boundary=x", False), (f"{BASE}@md5:{'0' * 32}", False), ("", False),
    (f"{BASE}:3.13\n{BASE}@sha256:{'0' * 64}", False)])
def test_the_pipeline_refuses_a_base_image_without_a_digest(workflow, tmp_path, line, accepted):
    step, = (one for one in steps(workflow, "build") if one.get("name") == "Read the base image")
    text = (paths.DOCKER / "base_image.txt").read_text().splitlines()
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/base_image.txt").write_text("\n".join([*text[:-1], line]) + "\n")
    done = subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, capture_output=True,
                          text=True, env={"PATH": os.environ["PATH"],
                                          "GITHUB_ENV": str(tmp_path / "env")})
    assert (done.returncode == 0) == accepted, done
    if accepted:
        set_, = (tmp_path / "env").read_text().splitlines()
        parameters = set_.removeprefix("PARAMETERS=")
        assert CfnParameterOverridesType().convert(parameters, None, None) == {
            "Architecture": "x86_64", "BaseImage": line}
    else:
        assert not (tmp_path / "env").exists()
        assert not line or "The file says how to pin it" in done.stdout


def test_the_file_of_the_base_image_says_how_and_names_lambdas_python():
    *comments, image = (paths.DOCKER / "base_image.txt").read_text().splitlines()
    assert all(line.startswith("#") for line in comments)
    assert image.partition("@")[0] == base_image.REAL
    assert f"docker buildx imagetools inspect {base_image.REAL}" in "\n".join(comments)


def test_the_job_with_the_role_prints_who_it_is_and_not_the_token(workflow, tmp_path):
    """For real, but for GitHub's token service: a `curl` that answers as it does."""
    step, = (one for one in steps(workflow, "propose") if one.get("name") == "Say who asks")
    claims = {"sub": "repo:shop@41/churn@1701:environment:production", "aud": "sts.amazonaws.com"}
    for padding in range(4):        # base64 of any length
        token = base64.urlsafe_b64encode(json.dumps(claims | {"x": "x" * padding}).encode())
        answer = json.dumps({"value": f"head.{token.decode().rstrip('=')}.signature"})
        curl = tmp_path / "curl"
        curl.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n")
        curl.chmod(0o755)
        done = subprocess.run(["bash", "-e", "-c", step["run"]], capture_output=True, text=True,
                              env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert done.stdout == f"sub: {claims['sub']}\n", done


def test_building_takes_no_credentials(tmp_path):
    """The job that builds has none: what it calls must not ask AWS."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("AWS_")}
    environment |= {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(tmp_path),
                    "AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": str(tmp_path / "none"),
                    "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), "HOME": str(tmp_path),
                    "AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": str(RECORDER),
                    "RECORD_CALLS": str(tmp_path / "calls")}
    done = subprocess.run([SAM, "validate"], cwd=paths.LAMBDA, env=environment,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "calls").exists()


def test_the_pipeline_takes_a_role_and_knows_no_secret(workflow):
    text = WORKFLOW.read_text()
    assert "secrets." not in text
    assert not re.search(r"access[-_]key|session[-_]token|password|AKIA|\b\d{12}\b", text, re.I)
    taken = [step["with"] for step in steps(workflow)
             if "configure-aws-credentials" in step.get("uses", "")]
    asking = [job for job in workflow["jobs"].values() if "id-token" in job["permissions"]]
    assert len(taken) == len(asking) == 2
    assert all(one == {"role-to-assume": "${{ vars.DEPLOY_ROLE }}",
                       "aws-region": "${{ vars.AWS_REGION }}"} for one in taken)


def test_other_peoples_code_in_the_pipeline_is_named_by_its_commit(workflow):
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in used)


def test_an_input_reaches_the_pipelines_scripts_as_a_variable_only(workflow):
    assert not any("${{" in step.get("run", "") for step in steps(workflow))


def test_the_pipelines_scripts_are_correct_shell(workflow):
    for step in steps(workflow):
        done = subprocess.run(["bash", "-n"], input=step.get("run", ""), capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
