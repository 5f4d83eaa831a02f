"""workshop.deploy against the local cloud: what lessons 04 to 06 do by hand."""
import json

import boto3
import pytest

import image_registry
from workshop import cloud, deploy
from workshop.account import calls, ownership
from workshop.machine import engine, paths

NAME = "workshop-test-deploy"
GROUP = f"/aws/lambda/{NAME}"
IMAGE = f"localhost/none@sha256:{'a' * 64}"     # where no call is meant to be made


@pytest.fixture(scope="module", autouse=True)
def local(local_cloud):
    yield
    if engine.available():
        engine.docker("logout", f"localhost:{cloud.port()}")


@pytest.fixture
def nothing():
    """Nothing of our name, before and after."""
    deploy.delete(NAME)
    yield
    deploy.delete(NAME)


@pytest.fixture
def image(tmp_path, docker_engine, request):
    """A tiny local image without an operating system; a parameter adds a line to its Dockerfile."""
    lines = ["FROM scratch", "COPY Dockerfile /", getattr(request, "param", "")]
    (tmp_path / "Dockerfile").write_text("\n".join(lines))
    tag = engine.own("test-deploy-tiny:v1")
    engine.docker("build", "-q", "-t", tag, str(tmp_path)).check_returncode()
    yield tag
    engine.docker("image", "rm", "-f", tag, *engine.docker(
        "images", "--format", "{{.Repository}}:{{.Tag}}", f"localhost:{cloud.port()}/{NAME}"
    ).stdout.split())


@pytest.fixture(scope="module")
def images(local_cloud):
    """URIs of two images for functions that are never invoked."""
    ecr, repository = boto3.client("ecr"), "workshop-test-deploy-images"
    uri = ecr.create_repository(repositoryName=repository)["repository"]["repositoryUri"]
    yield [f"{uri}@{image_registry.store(ecr, repository, layer)}" for layer in (b"a", b"b")]
    ecr.delete_repository(repositoryName=repository, force=True)


@pytest.fixture
def foreign_role_arn(local_cloud):
    """A role of somebody else's that functions may have."""
    iam, name = boto3.client("iam"), "somebody-else-s-role"
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=deploy.policy("trust"))
    yield made["Role"]["Arn"]
    iam.delete_role(RoleName=name)


def now(name=NAME, qualifier="$LATEST"):
    return boto3.client("lambda").get_function(FunctionName=name, Qualifier=qualifier)


# Images

def test_push_answers_with_the_digest_of_a_tagged_repository(nothing, image):
    uri = deploy.push(image, NAME)
    ecr = boto3.client("ecr")
    address, _, digest = uri.partition("@")
    found, = ecr.describe_images(repositoryName=NAME)["imageDetails"]
    assert digest == found["imageDigest"]
    number = engine.docker("image", "inspect", "--format", "{{.Id}}", image).stdout.strip()
    assert found["imageTags"] == [f"v1-{number.removeprefix('sha256:')[:12]}"]
    repository = ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]
    assert repository["repositoryUri"] == address
    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
    assert {"Key": "project", "Value": "lambda-onnx-workshop"} in tags


def test_pushed_manifest_is_one_that_lambda_accepts(nothing, image):
    deploy.push(image, NAME)
    found = boto3.client("ecr").describe_images(repositoryName=NAME)["imageDetails"]
    assert [one["imageManifestMediaType"] for one in found] == [
        "application/vnd.docker.distribution.manifest.v2+json"]


def test_pushing_twice_answers_the_same(nothing, image):
    assert deploy.push(image, NAME) == deploy.push(image, NAME)


@pytest.mark.parametrize("moment", ["image_repository", "login"])
def test_the_image_that_was_asked_for_is_pushed_though_another_takes_its_name(
        nothing, image, tmp_path, monkeypatch, moment):
    """As another checkout does that builds an image of the same name at this moment."""
    expected, real = deploy.push(image, NAME), getattr(deploy, moment)

    def meanwhile(*arguments):
        (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\nLABEL other=yes\n")
        engine.docker("build", "-q", "-t", image, str(tmp_path)).check_returncode()
        return real(*arguments)
    monkeypatch.setattr(deploy, moment, meanwhile)
    assert deploy.push(image, NAME) == expected
    monkeypatch.undo()
    assert deploy.push(image, NAME) != expected


@pytest.mark.parametrize("image", ["LABEL workshop.stand-in=true"], indirect=True)
def test_stand_in_is_refused_on_aws_before_any_call(image, monkeypatch):
    monkeypatch.setattr(cloud, "is_local", lambda: False)
    monkeypatch.setattr(calls, "client", lambda *_: pytest.fail("called AWS"))
    with pytest.raises(ValueError, match="stand-in"):
        deploy.push(image, NAME)


def test_image_for_another_processor_is_not_pushed(image, monkeypatch):
    other = {"x86_64": "arm64", "arm64": "x86_64"}[engine.architecture()]
    monkeypatch.setenv("WORKSHOP_ARCHITECTURE", other)
    with pytest.raises(ValueError, match="exec format error"):
        deploy.push(image, NAME)


def test_staging_names_a_missing_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model file .*none.onnx: export or copy it"):
        deploy.stage("churn", tmp_path / "none.onnx")


def test_staged_files_can_be_read_by_lambdas_user(tmp_path, monkeypatch):
    """Also where this user's own files are for itself alone (umask 077)."""
    source = tmp_path / "lambda" / "private"
    (source / "inner").mkdir(parents=True, mode=0o700)
    for path in (source / "lambda_function.py", source / "inner" / "more.py"):
        path.touch(mode=0o600)
    monkeypatch.setattr(paths, "LAMBDA", tmp_path / "lambda")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    modes = {path.name: path.stat().st_mode & 0o777 for path in deploy.stage("private").rglob("*")}
    assert modes == {"lambda_function.py": 0o644, "inner": 0o755, "more.py": 0o644}


def test_a_folder_of_the_same_files_stays_for_who_reads_it(tmp_path, monkeypatch):
    source = tmp_path / "lambda" / "mine"
    source.mkdir(parents=True)
    (source / "lambda_function.py").write_text("1")
    monkeypatch.setattr(paths, "LAMBDA", tmp_path / "lambda")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    first = deploy.stage("mine").stat().st_ino
    assert deploy.stage("mine").stat().st_ino == first
    (source / "lambda_function.py").write_text("2")
    staged = deploy.stage("mine")
    assert (staged / "lambda_function.py").read_text() == "2"
    assert [path.name for path in staged.parent.iterdir()] == ["mine"]


def test_staging_names_a_missing_folder():
    with pytest.raises(FileNotFoundError, match="no function folder .*lambda/none"):
        deploy.stage("none")


# Functions

def test_function_is_made_as_asked(nothing, images):
    arn = deploy.function(NAME, images[0], memory=1024, timeout=20, environment={"AB": "1"})
    made = now()
    config = made["Configuration"]
    assert config["FunctionArn"] == arn
    assert (config["State"], config["PackageType"]) == ("Active", "Image")
    assert (config["MemorySize"], config["Timeout"]) == (1024, 20)
    assert config["Environment"]["Variables"] == {"AB": "1"}
    assert config["Architectures"] == [engine.architecture()]
    assert made["Code"]["ImageUri"] == images[0]
    assert made["Tags"] == deploy.tags()


def test_the_same_call_twice_changes_nothing(nothing, images):
    arguments = {"memory": 1024, "timeout": 20, "environment": {"AB": "1"}}
    first = deploy.function(NAME, images[0], **arguments)
    before = now()["Configuration"]
    assert deploy.function(NAME, images[0], **arguments) == first
    after = now()["Configuration"]
    assert (after["RevisionId"], after["LastModified"]) == (
        before["RevisionId"], before["LastModified"])


@pytest.mark.parametrize("change", [
    {"image": 1}, {"memory": 1769}, {"timeout": 60}, {"environment": {"AB": "2"}}])
def test_a_change_is_taken_over_and_nothing_else_moves(nothing, images, change):
    arguments = {"image": 0, "memory": 512, "timeout": 10, "environment": {"AB": "1"}}
    for wanted in (arguments, arguments | change):
        wanted = dict(wanted)
        wanted["image_uri"] = images[wanted.pop("image")]
        deploy.function(NAME, **wanted)
        config = now()["Configuration"]
        assert config["LastUpdateStatus"] == "Successful"
        assert wanted == {"image_uri": now()["Code"]["ImageUri"], "memory": config["MemorySize"],
                          "timeout": config["Timeout"],
                          "environment": config["Environment"]["Variables"]}


def test_a_command_replaces_the_images_own_and_can_go_again(nothing, images):
    def command():
        found = now()["Configuration"].get("ImageConfigResponse") or {}
        return (found.get("ImageConfig") or {}).get("Command")

    for wanted in ("batch.on_event", "batch.on_file", None):
        deploy.function(NAME, images[0], command=wanted)
        assert command() == ([wanted] if wanted else None)
        before = now()["Configuration"]["RevisionId"]
        deploy.function(NAME, images[0], command=wanted)
        assert now()["Configuration"]["RevisionId"] == before


def test_update_keeps_published_versions_and_the_alias(nothing, images):
    deploy.function(NAME, images[0], environment={"AB": "1"})
    first = deploy.publish(NAME)
    deploy.function(NAME, images[1], environment={"AB": "2"})
    client = boto3.client("lambda")
    assert client.get_alias(FunctionName=NAME, Name="live")["FunctionVersion"] == first
    assert now(qualifier="live")["Configuration"]["Environment"]["Variables"] == {"AB": "1"}
    assert now(qualifier=first)["Code"]["ImageUri"] == images[0]
    second = deploy.publish(NAME)
    assert int(second) == int(first) + 1
    assert client.get_alias(FunctionName=NAME, Name="live")["FunctionVersion"] == second
    versions = client.list_versions_by_function(FunctionName=NAME)["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", first, second]


def test_role_may_write_its_own_logs_and_nothing_else(nothing):
    deploy.ensure_role(NAME)
    iam, role = boto3.client("iam"), f"{NAME}-role"
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["logs"]
    document = iam.get_role_policy(RoleName=role, PolicyName="logs")["PolicyDocument"]
    [statement] = document["Statement"]
    account = boto3.client("sts").get_caller_identity()["Account"]
    assert set(statement["Action"]) == {"logs:CreateLogStream", "logs:PutLogEvents"}
    assert statement["Resource"] == f"arn:aws:logs:us-east-1:{account}:log-group:{GROUP}:*"


def test_image_uri_needs_a_digest():
    with pytest.raises(ValueError, match="does not name a digest"):
        deploy.function(NAME, "localhost:4566/workshop-churn:v1")


@pytest.mark.parametrize("call", [
    lambda: deploy.ensure_role("churn"), lambda: deploy.function("churn", IMAGE),
    lambda: deploy.delete("churn"), lambda: deploy.http_api("churn", NAME)])
def test_names_begin_with_workshop(call):
    with pytest.raises(ValueError, match="begin with 'workshop-test-'"):
        call()


# HTTPS

def test_http_api_twice_is_one_api(nothing, images):
    deploy.function(NAME, images[0])
    url = deploy.http_api(NAME, NAME)
    assert deploy.http_api(NAME, NAME) == url
    client = boto3.client("apigatewayv2")
    [api] = [one for one in client.get_apis()["Items"] if one["Name"] == NAME]
    assert url == api["ApiEndpoint"] and not url.endswith("/")
    assert api["Tags"] == deploy.tags()
    [route] = client.get_routes(ApiId=api["ApiId"])["Items"]
    [integration] = client.get_integrations(ApiId=api["ApiId"])["Items"]
    assert route["RouteKey"] == "POST /predict"
    assert route["Target"] == f"integrations/{integration['IntegrationId']}"
    assert integration["PayloadFormatVersion"] == "2.0"
    permission = json.loads(boto3.client("lambda").get_policy(FunctionName=NAME)["Policy"])
    [statement] = permission["Statement"]
    assert f":{api['ApiId']}/*/POST/predict" in json.dumps(statement["Condition"])


# Removal

def left():
    """What there is under our name."""
    return {
        "api": [one["Name"] for one in boto3.client("apigatewayv2").get_apis()["Items"]
                if one["Name"] == NAME],
        "function": [one["FunctionName"] for one in
                     boto3.client("lambda").list_functions()["Functions"]
                     if one["FunctionName"] == NAME],
        "group": [one["logGroupName"] for one in boto3.client("logs").describe_log_groups(
                      logGroupNamePrefix=GROUP)["logGroups"]],
        "role": [one["RoleName"] for one in boto3.client("iam").list_roles()["Roles"]
                 if one["RoleName"].startswith(NAME)],
        "repository": [one["repositoryName"] for one in
                       boto3.client("ecr").describe_repositories()["repositories"]
                       if one["repositoryName"] == NAME],
    }


def test_delete_leaves_nothing_and_may_be_repeated(nothing, image):
    deploy.function(NAME, deploy.push(image, NAME))
    deploy.publish(NAME)
    deploy.http_api(NAME, NAME)
    assert all(left().values()), left()
    deploy.delete(NAME)
    assert not any(left().values()), left()
    deploy.delete(NAME)


def foreign_function(images, role):
    client = boto3.client("lambda")
    client.create_function(FunctionName=NAME, PackageType="Image", Role=role,
                           Code={"ImageUri": images[0]})
    return lambda: client.delete_function(FunctionName=NAME)


def foreign_role(images, role):
    iam, role = boto3.client("iam"), f"{NAME}-role"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=deploy.policy("trust"))
    return lambda: iam.delete_role(RoleName=role)


def foreign_group(images, role):
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    return lambda: logs.delete_log_group(logGroupName=GROUP)


def foreign_repository(images, role):
    ecr = boto3.client("ecr")
    ecr.create_repository(repositoryName=NAME)
    return lambda: ecr.delete_repository(repositoryName=NAME)


def foreign_api(images, role):
    client = boto3.client("apigatewayv2")
    made = client.create_api(Name=NAME, ProtocolType="HTTP")["ApiId"]
    return lambda: client.delete_api(ApiId=made)


@pytest.mark.parametrize("make", [foreign_function, foreign_role, foreign_group,
                                  foreign_repository, foreign_api])
def test_delete_touches_nothing_when_something_lacks_our_tag(
        nothing, images, foreign_role_arn, make):
    remove = make(images, foreign_role_arn)
    try:
        if make is not foreign_role:
            deploy.ensure_role(NAME)  # something of ours beside it
        before = left()
        with pytest.raises(deploy.NotOursError, match=f"lacks the tags {ownership.mark()}"):
            deploy.delete(NAME)
        assert left() == before
    finally:
        remove()


def test_a_foreign_function_is_not_updated(nothing, images, foreign_role_arn):
    remove = foreign_function(images, foreign_role_arn)
    try:
        with pytest.raises(deploy.NotOursError):
            deploy.function(NAME, images[1])
        assert now()["Code"]["ImageUri"] == images[0]
        assert left()["role"] == []
    finally:
        remove()


def test_log_group_that_lambda_made_for_our_function_goes_with_it(nothing, images):
    deploy.function(NAME, images[0])
    logs = boto3.client("logs")
    logs.delete_log_group(logGroupName=GROUP)
    logs.create_log_group(logGroupName=GROUP)
    deploy.delete(NAME)
    assert not any(left().values())
