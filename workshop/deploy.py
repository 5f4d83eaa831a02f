"""What lessons 04 to 06 and 12 do by hand, as functions: build, push, create or update, delete.

Every function may be called again: it looks at what is there, changes what differs, and says what
it did. Everything it makes is named as `name()` says and has the tags that `tags()` gives, and it
neither changes nor deletes anything of such a name without them. Call `cloud.use()` first.
"""
import base64
import hashlib
import json
import re
import shutil
import string
import time
from pathlib import Path

import boto3
from botocore.exceptions import ClientError, WaiterError

from workshop import cloud, packages
from workshop.account import ownership
from workshop.account.ownership import NotOurs, mark, name, s3, tags  # noqa: F401, part of this module
from workshop.course import model_files
from workshop.machine import base_image, engine, modes, paths, tools
from workshop.machine.lock import one_at_a_time

POLICIES = Path(__file__).parent / "account" / "policies"
RETENTION_DAYS = 7
GATEWAY = "apigateway.amazonaws.com"
ROLE_PATIENCE = 120  # seconds; a new role may not be assumable for seconds to minutes


# Images

def build(name, model=None, tag="v1", dockerfile="Dockerfile"):
    """Build the image of `lambda/NAME` with its model and return its name, `NAME-NUMBER:TAG`.

    The number is this checkout's (engine.own): two on one engine do not share names of images.
    name: folder under lambda/. model: path of a .onnx or .pkl file, put into the image as
    model.onnx or model.pkl. dockerfile: the recipe's name in docker/. Raises FileNotFoundError
    when one of them is missing, model_files.DamagedFile when the model is not whole.
    """
    recipe = paths.DOCKER / dockerfile
    if not recipe.is_file():
        raise FileNotFoundError(f"There is no recipe {recipe}.")
    image, base = engine.own(f"{name}:{tag}"), base_image.get()
    with one_at_a_time(f"image-{name}"):
        staged = _stage(name, model)
        tools.say(f"building {image} for {engine.platform()} "
                  "(a minute if its packages are not here yet)")
        began = time.monotonic()
        run_docker("build", "--build-arg", f"BASE_IMAGE={base}", "--label", engine.LABEL,
                   "-f", str(recipe), "-t", image, str(staged))
    tools.say(f"built {image} in {time.monotonic() - began:.0f} s")
    return image


def stage(name, model=None):
    """Put what goes into the image of `lambda/NAME` into one folder and return its path.

    Raises FileNotFoundError when there is no such function or model, model_files.DamagedFile when the
    model is not whole.
    """
    with one_at_a_time(f"image-{name}"):
        return _stage(name, model)


def _stage(name, model):
    source, staged = paths.LAMBDA / name, paths.BUILD / "images" / name
    if not source.is_dir():
        raise FileNotFoundError(f"There is no function folder {source}.")
    if model is not None:
        model_files.check(model)
    shutil.rmtree(staged, ignore_errors=True)
    modes.copy(source, staged)
    if model is not None:
        shutil.copy(model, staged / f"model{Path(model).suffix}")
        modes.settle(staged)
    return staged


def push(image, repository=None):
    """Push a local image to ECR and return its URI with digest, `…/REPOSITORY@sha256:…`.

    repository: default the owner's prefix and the image's name; made if it is missing. A digest
    names these very bytes for ever; a tag can be moved to others. The pushed image's tag ends with
    the image's id, so that no other process moves it before the digest is read. Raises ValueError
    when the image is for another processor than the functions here, or would take the stand-in
    base image to AWS.
    """
    name, _, tag = image.partition(":")
    number = run_docker("image", "inspect", "--format", "{{.Id}}", image).strip()
    if not cloud.is_local():
        base_image.refuse_stand_in(image)
    _check_architecture(image, number)
    address = image_repository(repository or ownership.name(name.removesuffix(engine.own(""))))
    login()
    tools.say(f"pushing {image} to {address}")
    tag = f"{tag or 'latest'}-{number.removeprefix('sha256:')[:12]}"
    run_docker("tag", number, f"{address}:{tag}")
    run_docker("push", f"{address}:{tag}")
    found = boto3.client("ecr").describe_images(
        repositoryName=address.split("/", 1)[1], imageIds=[{"imageTag": tag}])["imageDetails"]
    return f"{address}@{found[0]['imageDigest']}"


def login():
    """Log `docker` in to the account's registry; the password lasts 12 hours (ECR's limit)."""
    data = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":", 1)
    # On standard input: arguments can be read by every user of this machine.
    run_docker("login", "--username", user, "--password-stdin", _registry(data),
               stdin=password)


def _registry(data):
    """Registry's name for docker, from an authorisation: `HOST[:PORT]`."""
    return data["proxyEndpoint"].split("://", 1)[-1].rstrip("/")


def _check_architecture(image, number):
    built = run_docker("image", "inspect", "--format", "{{.Architecture}}", number).strip()
    built = engine.ARCHITECTURES.get(built, built)
    if built != engine.architecture():
        raise ValueError(
            f"{image} is built for {built}, the functions here are "
            f"{engine.architecture()}: Lambda would answer 'exec format error'. Build it again, "
            "with DOCKER_DEFAULT_PLATFORM as cloud.use() sets it.")


def image_repository(name):
    """Find or make the ECR repository NAME, let Lambda pull from it, and return its address."""
    ownership.check_name(name)
    ecr = boto3.client("ecr")
    found = ownership.find(ecr.describe_repositories, "RepositoryNotFoundException",
                           repositoryNames=[name])
    if found:
        repository = found["repositories"][0]
        ownership.check(f"repository {name}", repository_tags(ecr, repository))
    else:
        repository = ecr.create_repository(
            repositoryName=name, tags=ownership.pairs())["repository"]
        tools.say(f"made repository {name}")
    ecr.set_repository_policy(repositoryName=name, policyText=policy("repository"))
    return repository["repositoryUri"]


# Rights

def policy(name, **values):
    """Policy document `policies/NAME.json` as text, filled in.

    ${account}, ${region} and ${owned}, with which the owner's names begin, are known here; VALUES
    gives the others.
    """
    account, region = ownership.where()
    text = string.Template((POLICIES / f"{name}.json").read_text())
    return text.substitute(values, account=account, region=region, owned=ownership.prefix())


def role(name):
    """Find or make the role that function NAME runs under and return its ARN.

    It may do one thing: write into the log group /aws/lambda/NAME.
    """
    arn = role_for(name, "trust")
    grant(name, "logs", function=name)
    return arn


def role_for(name, trust):
    """Find or make the role NAME-role, which `policies/TRUST.json` lets be assumed; its ARN."""
    ownership.check_name(name)
    iam, role_name = boto3.client("iam"), f"{name}-role"
    found = ownership.find(iam.get_role, "NoSuchEntity", RoleName=role_name)
    if found:
        ownership.check(f"role {role_name}", role_tags(iam, role_name))
        return found["Role"]["Arn"]
    arn = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=policy(trust),
                          Tags=ownership.pairs())["Role"]["Arn"]
    tools.say(f"made role {role_name}")
    return arn


def allow(name, what, **values):
    """Let function NAME do what `policies/WHAT.json` says, with VALUES filled in."""
    role(name)
    grant(name, what, **values)


def grant(name, what, **values):
    """Put `policies/WHAT.json` into the role NAME-role."""
    boto3.client("iam").put_role_policy(RoleName=f"{name}-role", PolicyName=what,
                                        PolicyDocument=policy(what, **values))


# Files in S3: layers on their way, and models

def bucket(name):
    """Find or make the bucket of function NAME and return the bucket's name.

    A bucket's name is unique in the world, so account and region are in it.
    """
    ownership.check_name(name)
    s3, made = ownership.s3(), bucket_name(name)
    found = bucket_tags(s3, made)
    if found is not None:
        ownership.check(f"bucket {made}", found)
        return made
    region = ownership.where()[1]
    place = {} if region == "us-east-1" else {
        "CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=made, **place)
    s3.put_bucket_tagging(Bucket=made, Tagging={"TagSet": ownership.pairs()})
    tools.say(f"made bucket {made}")
    return made


def bucket_name(name):
    account, region = ownership.where()
    return f"{name}-{account}-{region}"


def layer(name, folder=None):
    """Make the layer NAME from what lambda/FOLDER requires; return the ARN of its version.

    folder: default NAME without the owner's prefix. The same packages give the version that is
    there.
    """
    ownership.check_name(name)
    folder = folder or ownership.short(name)
    tools.say(f"packages of lambda/{folder} for {engine.platform()}: installed unless they are "
              "here")
    return _layer_version(name, packages.zipped(packages.install(folder)))


def _layer_version(name, content):
    """ARN of the layer's version with this zip; published by way of the bucket if it is new."""
    client, digest = boto3.client("lambda"), hashlib.sha256(content).hexdigest()
    description = f"{ownership.mark()} sha256={digest}"
    for one in layer_versions(client, name):
        if one.get("Description") == description:
            return one["LayerVersionArn"]
    s3, where = ownership.s3(), {"Bucket": bucket(name), "Key": f"layers/{digest[:16]}.zip"}
    s3.put_object(**where, Body=content)
    made = client.publish_layer_version(
        LayerName=name, Description=description, CompatibleRuntimes=["python3.13"],
        CompatibleArchitectures=[engine.architecture()],
        Content={"S3Bucket": where["Bucket"], "S3Key": where["Key"]})
    s3.delete_object(**where)       # Lambda has its own copy
    tools.say(f"published layer {name}, version {made['Version']}, {len(content) / 1e6:.0f} MB")
    return made["LayerVersionArn"]


def layer_versions(client, name):
    pages = client.get_paginator("list_layer_versions").paginate(LayerName=name)
    return [one for page in pages for one in page["LayerVersions"]]


def publish_model(name, path, version, prefix="models/churn"):
    """Put a model file into the bucket of function NAME, point to it, and return the pointer's URI.

    version: for people, as the model's signature has it (str). The model gets a key of its own,
    PREFIX/SHA-256/…, so that what was published stays as it was; the pointer is
    PREFIX/current.json, as lambda/churn/model_store.py reads it. Raises model_files.DamagedFile
    when it is not whole: the functions would refuse it.
    """
    model_files.check(path)
    content, s3, made = Path(path).read_bytes(), ownership.s3(), bucket(name)
    digest = hashlib.sha256(content).hexdigest()
    key = f"{prefix}/{digest[:16]}/model{Path(path).suffix}"
    s3.put_object(Bucket=made, Key=key, Body=content)
    pointer = {"key": key, "sha256": digest, "version": version}
    s3.put_object(Bucket=made, Key=f"{prefix}/current.json", Body=json.dumps(pointer),
                  ContentType="application/json")
    return f"s3://{made}/{prefix}/current.json"


# Functions

def function(name, image_uri, memory=512, timeout=10, environment=None, command=None):
    """Create or update the image function NAME, wait until it can be invoked, return its ARN.

    image_uri: with digest, as push() returns it. memory: MB, 128 to 10,240. timeout: seconds,
    at most 900. environment: dict of str. command: the handler, `MODULE.FUNCTION`, in place of
    the image's own CMD. Published versions and aliases stay as they are.
    Raises RuntimeError with Lambda's reason when it does not become active.
    """
    ownership.check_name(name)
    if "@sha256:" not in image_uri:
        raise ValueError(f"{image_uri!r} does not name a digest; give what deploy.push() returned "
                         "(…@sha256:…), because a tag can be moved to other bytes.")
    more = {"ImageConfig": {"Command": [command]} if command else {}}
    return _create_or_update(name, {"PackageType": "Image"}, {"ImageUri": image_uri},
                             memory, timeout, environment, more)


def zip_function(name, memory=128, timeout=5, environment=None, layers=(), folder=None):
    """Create or update the zip function NAME from lambda/FOLDER, return its ARN.

    memory: MB. timeout: seconds. environment: dict of str. layers: ARNs, as layer() returns them,
    with the libraries that the code needs. folder: default NAME without the owner's prefix.
    Raises FileNotFoundError when there is no such folder, RuntimeError as function() does.
    """
    ownership.check_name(name)
    source = paths.LAMBDA / (folder or ownership.short(name))
    if not source.is_dir():
        raise FileNotFoundError(f"There is no function folder {source}.")
    fixed = {"PackageType": "Zip", "Runtime": "python3.13",
             "Handler": "lambda_function.lambda_handler"}
    return _create_or_update(name, fixed, {"ZipFile": packages.zipped(source, "*.py")},
                             memory, timeout, environment, {"Layers": list(layers)})


def _create_or_update(name, fixed, code, memory, timeout, environment, more):
    """Make function NAME so, wait until it can be invoked, return its ARN."""
    client = boto3.client("lambda")
    found = ownership.find(client.get_function, "ResourceNotFoundException", FunctionName=name)
    if found:
        ownership.check(f"function {name}", found.get("Tags", {}))
    wanted = {"Role": role(name), "MemorySize": memory, "Timeout": timeout,
              "Environment": {"Variables": environment or {}}, **more}
    _log_group(name)
    if found:
        _update(client, name, found, code, wanted)
        return found["Configuration"]["FunctionArn"]
    tools.say(f"creating function {name}, {memory} MB, {timeout} s")
    arn = _create_when_role_is_known(
        client, FunctionName=name, Code=code, Architectures=[engine.architecture()], Tags=tags(),
        **fixed, **wanted)["FunctionArn"]
    _wait(client, "function_active_v2", name)
    return arn


def publish(name, alias="live"):
    """Freeze function NAME as it is now, point ALIAS at that version, return its number (str)."""
    client = boto3.client("lambda")
    version = client.publish_version(FunctionName=name)["Version"]
    client.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)
    target = {"FunctionName": name, "Name": alias, "FunctionVersion": version}
    found = ownership.find(client.get_alias, "ResourceNotFoundException",
                           FunctionName=name, Name=alias)
    if not found:
        client.create_alias(**target)
    elif found["FunctionVersion"] != version:
        client.update_alias(**target, RoutingConfig={"AdditionalVersionWeights": {}})
    tools.say(f"{name}:{alias} is version {version}")
    return version


def _create_when_role_is_known(client, patience=ROLE_PATIENCE, pause=3, **arguments):
    """create_function, again while IAM has not told Lambda of a new role yet."""
    def unknown(error):
        return (error["Code"] == "InvalidParameterValueException"
                and "cannot be assumed" in error["Message"])
    try:
        return when_known(client.create_function, unknown, patience, pause, **arguments)
    except ClientError as error:
        if not unknown(error.response["Error"]):
            raise
        raise RuntimeError(
            f"Lambda still cannot assume {arguments['Role']} after {patience} s. Its trust policy "
            "must name lambda.amazonaws.com (workshop/account/policies/trust.json).") from error


def when_known(call, unknown, patience=ROLE_PATIENCE, pause=3, **arguments):
    """Make a call, again while IAM has not told its service of a new role or right yet.

    unknown: whether a refusal, {"Code": …, "Message": …}, says so. patience, pause: seconds.
    Raises the refusal when it is another one, or when patience is over.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return call(**arguments)
        except ClientError as error:
            if not unknown(error.response["Error"]) or time.monotonic() >= deadline:
                raise
        tools.say("waiting until a new role or right is known (seconds, at times minutes)")
        time.sleep(pause)


def _update(client, name, found, code, wanted):
    """Change what differs; every change must have ended before the next may begin."""
    now = found["Configuration"]
    if now["State"] == "Pending":  # an earlier call was interrupted
        _wait(client, "function_active_v2", name)
    if not _has_code(found, code) or now["Architectures"] != [engine.architecture()]:
        _wait(client, "function_updated_v2", name)
        tools.say(f"updating the code of {name}")
        client.update_function_code(
            FunctionName=name, Architectures=[engine.architecture()], **code)
        _wait(client, "function_updated_v2", name)
    now = {"Environment": {"Variables": {}}} | now
    now["Environment"] = {"Variables": now["Environment"].get("Variables", {})}
    now["ImageConfig"] = (now.get("ImageConfigResponse") or {}).get("ImageConfig") or {}
    now["Layers"] = [layer["Arn"] for layer in now.get("Layers") or []]
    change = {key: value for key, value in wanted.items() if now.get(key) != value}
    if change:
        _wait(client, "function_updated_v2", name)
        tools.say(f"updating {', '.join(change)} of {name}")
        client.update_function_configuration(FunctionName=name, **change)
        _wait(client, "function_updated_v2", name)


def _has_code(found, code):
    """Whether a function, as get_function tells of it, runs this image or this zip."""
    if "ImageUri" in code:
        return found["Code"].get("ImageUri") == code["ImageUri"]
    digest = base64.b64encode(hashlib.sha256(code["ZipFile"]).digest()).decode()
    return found["Configuration"]["CodeSha256"] == digest


def _wait(client, waiter, name):
    try:
        client.get_waiter(waiter).wait(FunctionName=name)
    except WaiterError as error:
        now = client.get_function_configuration(FunctionName=name)
        reason = now.get("StateReason") or now.get("LastUpdateStatusReason") or "no reason given"
        raise RuntimeError(f"Function {name} is {now['State']}, last update "
                           f"{now.get('LastUpdateStatus')}: {reason}") from error


def _log_group(name):
    """The function's log group, made before its first line so that lines do not stay for ever."""
    logs, group = boto3.client("logs"), f"/aws/lambda/{name}"
    if _log_group_tags(logs, group) is None:
        logs.create_log_group(logGroupName=group, tags=tags())
    logs.put_retention_policy(logGroupName=group, retentionInDays=RETENTION_DAYS)


# HTTPS

def http_api(name, function, route="POST /predict"):
    """Put the HTTP API NAME in front of a function; return its URL, without a slash at the end.

    Makes what is missing of: API, integration (payload 2.0), route, `$default` stage, and the
    function's permission for this API and this route alone.
    """
    ownership.check_name(name)
    client = boto3.client("apigatewayv2")
    arn = boto3.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    api = _api(client, name) or client.create_api(Name=name, ProtocolType="HTTP", Tags=tags())
    ownership.check(f"HTTP API {name}", api.get("Tags", {}))
    integration = _integration(client, api["ApiId"], arn)
    target = f"integrations/{integration}"
    routes = client.get_routes(ApiId=api["ApiId"])["Items"]
    found = next((one for one in routes if one["RouteKey"] == route), None)
    if not found:
        client.create_route(ApiId=api["ApiId"], RouteKey=route, Target=target)
    elif found.get("Target") != target:  # who may call it stays as it is
        client.update_route(ApiId=api["ApiId"], RouteId=found["RouteId"], Target=target)
    if not client.get_stages(ApiId=api["ApiId"])["Items"]:
        client.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True, Tags=tags())
    _allow(function, api["ApiId"], route)
    return api["ApiEndpoint"].rstrip("/")


def _api(client, name):
    pages = client.get_paginator("get_apis").paginate()
    return next((api for page in pages for api in page["Items"] if api["Name"] == name), None)


def _integration(client, api, function_arn):
    for one in client.get_integrations(ApiId=api)["Items"]:
        if one.get("IntegrationUri") == function_arn:
            return one["IntegrationId"]
    return client.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function_arn,
        PayloadFormatVersion="2.0")["IntegrationId"]


def _allow(function, api, route):
    """Let this API call the function for this route: its method, its path, any stage."""
    client, (account, region) = boto3.client("lambda"), ownership.where()
    method, _, path = route.replace("ANY ", "* ").partition(" ")
    path = re.sub(r"\{[^}]*\}", "*", path)
    try:
        client.add_permission(
            FunctionName=function, Action="lambda:InvokeFunction", Principal=GATEWAY,
            StatementId=f"api-{api}-" + re.sub(r"\W+", "-", route).strip("-"),
            SourceArn=f"arn:aws:execute-api:{region}:{account}:{api}/*/{method}{path}")
    except client.exceptions.ResourceConflictException:
        pass  # it stands already


# Removal

def close(name):
    """Take away every front door of function NAME: HTTP APIs of that name, its URLs, what its
    policy allows API Gateway and everybody, and its reserved concurrency. The function stays.

    Raises NotOurs, and changes nothing, when the API or the function lacks the owner's tags.
    """
    ownership.check_name(name)
    apis, functions = list(_apis_of(name)), list(function_of(name))
    for what, found, _ in functions:
        ownership.check(what, found)
    ownership.delete(apis)
    if functions:
        client = boto3.client("lambda")
        delete_urls(client, name)
        client.delete_function_concurrency(FunctionName=name)
        for statement in statements(client, name):
            if statement["Principal"] in ("*", {"AWS": "*"}, {"Service": GATEWAY}):
                client.remove_permission(FunctionName=name, StatementId=statement["Sid"])


def statements(client, name):
    """Statements of a function's policy."""
    found = ownership.find(client.get_policy, "ResourceNotFoundException", FunctionName=name)
    return json.loads(found["Policy"])["Statement"] if found else []


def delete(name):
    """Delete what the workshop made under NAME: HTTP APIs, log group, function with its
    versions, aliases and URLs, role, repository with its images, layer, bucket with its objects.

    What is not there is passed over. Raises NotOurs, and deletes nothing at all, when one of them
    lacks the owner's tags.
    """
    ownership.check_name(name)
    steps = [step for find in (_apis_of, _log_group_of, function_of, _role_of, _repository_of,
                               _layers_of, _bucket_of)
             for step in find(name)]
    ownership.delete(steps)


def delete_stack(name):
    """Delete the stack (CloudFormation) NAME with all that is in it, and wait until it is gone.

    No such stack is passed over. Raises NotOurs when it lacks the owner's tags, RuntimeError
    with CloudFormation's reason when something in it cannot be deleted.
    """
    ownership.check_name(name)
    client = boto3.client("cloudformation")
    found = ownership.find(client.describe_stacks, "ValidationError", StackName=name)
    if not found:
        return
    stack = found["Stacks"][0]
    ownership.check(f"stack {name}", ownership.by_key(stack.get("Tags")))
    client.delete_stack(StackName=name)
    try:
        # By its id: a stack that is gone has no name any more.
        client.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"])
    except WaiterError as error:
        now = client.describe_stacks(StackName=stack["StackId"])["Stacks"][0]
        raise RuntimeError(f"Stack {name} is {now['StackStatus']}: "
                           f"{now.get('StackStatusReason', 'no reason given')}") from error
    tools.say(f"deleted stack {name}")


# Each of these gives (what it is, its tags, how to delete it) for what exists under a name.

def _apis_of(name):
    client = boto3.client("apigatewayv2")
    for page in client.get_paginator("get_apis").paginate():
        for api in page["Items"]:
            if api["Name"] == name:
                yield (f"HTTP API {name}", api.get("Tags", {}),
                       lambda api=api: client.delete_api(ApiId=api["ApiId"]))


def function_of(name):
    client = boto3.client("lambda")
    found = ownership.find(client.get_function, "ResourceNotFoundException", FunctionName=name)
    if found:
        yield f"function {name}", found.get("Tags", {}), lambda: delete_function(client, name)


def delete_function(client, name):
    """A function goes with its addresses, so that none leads to a later one of the same name."""
    delete_urls(client, name)
    client.delete_function(FunctionName=name)


def delete_urls(client, name):
    """The function's own address and those of its aliases (the local cloud lists them alike)."""
    pages = client.get_paginator("list_aliases").paginate(FunctionName=name)
    aliases = [one["Name"] for page in pages for one in page["Aliases"]]
    for qualifier in ({}, *({"Qualifier": alias} for alias in aliases)):
        ownership.find(client.delete_function_url_config, "ResourceNotFoundException",
                       FunctionName=name, **qualifier)


def _log_group_of(name):
    logs, group = boto3.client("logs"), f"/aws/lambda/{name}"
    found = _log_group_tags(logs, group)
    if found is not None:
        # A group that Lambda made for our function's first line has no tags; it is ours as well.
        if any(ownership.is_ours(those) for _, those, _ in function_of(name)):
            found = tags()
        yield f"log group {group}", found, lambda: logs.delete_log_group(logGroupName=group)


def _role_of(name):
    iam, role_name = boto3.client("iam"), f"{name}-role"
    if ownership.find(iam.get_role, "NoSuchEntity", RoleName=role_name):
        yield f"role {role_name}", role_tags(iam, role_name), lambda: delete_role(iam, role_name)


def delete_role(iam, name):
    """A role can go only when nothing hangs on it."""
    for one in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=one)
    for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=one["PolicyArn"])
    iam.delete_role(RoleName=name)


def _repository_of(name):
    ecr = boto3.client("ecr")
    found = ownership.find(ecr.describe_repositories, "RepositoryNotFoundException",
                           repositoryNames=[name])
    if found:
        # force: with its images, else RepositoryNotEmptyException
        yield (f"repository {name}", repository_tags(ecr, found["repositories"][0]),
               lambda: ecr.delete_repository(repositoryName=name, force=True))


def _layers_of(name):
    client = boto3.client("lambda")
    for one in layer_versions(client, name):
        ours = ownership.has_mark(one.get("Description"))
        yield (f"layer {name}, version {one['Version']}", tags() if ours else {},
               lambda one=one: client.delete_layer_version(
                   LayerName=name, VersionNumber=one["Version"]))


def _bucket_of(name):
    s3, made = ownership.s3(), bucket_name(name)
    found = bucket_tags(s3, made)
    if found is not None:
        yield f"bucket {made}", found, lambda: delete_bucket(s3, made)


def delete_bucket(s3, name):
    """A bucket can go only when it is empty: of every version, deletion marker, half upload."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        old = [{"Key": one["Key"], "VersionId": one["VersionId"]}
               for one in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        if old:
            s3.delete_objects(Bucket=name, Delete={"Objects": old, "Quiet": True})
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for one in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=one["Key"], UploadId=one["UploadId"])
    s3.delete_bucket(Bucket=name)


# Tags, and docker

def repository_tags(ecr, repository):
    return ownership.by_key(
        ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"])


def role_tags(iam, role_name):
    return ownership.by_key(iam.list_role_tags(RoleName=role_name)["Tags"])


def bucket_tags(s3, name):
    """Tags of a bucket, or None where there is no such bucket.

    Raises NotOurs where S3 refuses it: a stranger may have taken the name.
    """
    try:
        return ownership.by_key(s3.get_bucket_tagging(Bucket=name)["TagSet"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDenied":
            raise NotOurs(f"S3 refuses the bucket {name}: another account owns it, or your "
                          "permissions do not include it. Nothing was read or written. Ask who "
                          "manages your account, or choose another WORKSHOP_OWNER.") from error
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return None
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return {}
        raise


def _log_group_tags(logs, group):
    """Tags of a log group, or None where there is no such group."""
    account, region = ownership.where()
    arn = f"arn:aws:logs:{region}:{account}:log-group:{group}"
    found = ownership.find(logs.list_tags_for_resource, "ResourceNotFoundException",
                           resourceArn=arn)
    return None if found is None else found["tags"]


def run_docker(*command, stdin=None):
    """Run `docker …` so that it builds what Lambda takes; see tools.run."""
    return tools.run("docker", *command, stdin=stdin, environment={
        "DOCKER_DEFAULT_PLATFORM": engine.platform(), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
