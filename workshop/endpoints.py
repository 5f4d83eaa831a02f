"""What lesson 15 does by hand, as functions: an ONNX model behind a SageMaker Serverless endpoint.

Every function may be called again. What they make is named and tagged like what
deploy.py makes. Call `cloud.use()` first.
"""
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from workshop import cloud, deploy
from workshop.account import ownership
from workshop.course import model_files
from workshop.machine import base_image, engine, paths, tools

IMAGE = engine.own("workshop-sagemaker:v1")
WAITER = {"Delay": 2, "MaxAttempts": 450}   # boto3 looks every 30 seconds, if it is not told


def build():
    """Build the image of docker/sagemaker and return its tag."""
    base = base_image.get(base_image.PLAIN)
    tools.say(f"building {IMAGE} for {engine.platform()} "
              "(a minute if its packages are not here yet)")
    deploy.run_docker("build", "--build-arg", f"BASE_IMAGE={base}",
                      "--label", engine.LABEL, "-t", IMAGE, str(paths.DOCKER / "sagemaker"))
    return IMAGE


def archive(model):
    """Return the .tar.gz that SageMaker unpacks to /opt/ml/model; equal models give equal bytes.

    model: path of a .onnx file, model.onnx in the archive. Raises FileNotFoundError, or
    model_files.DamagedFile when it is not whole.
    """
    model_files.check(model)
    content, buffer = Path(model).read_bytes(), io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, \
            tarfile.open(fileobj=zipped, mode="w") as target:
        member = tarfile.TarInfo("model.onnx")
        member.size = len(content)
        target.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def role(name, bucket):
    """Find or make the role that endpoint NAME's container runs under and return its ARN."""
    arn = deploy.role_for(name, "trust_sagemaker")
    deploy.grant(name, "serve_model", bucket=bucket, endpoint=name)
    return arn


def serve(name, model, memory=1024, concurrency=5):
    """Put an ONNX model behind the serverless endpoint NAME, new or updated, and wait for it.

    model: path of a .onnx file with a signature in its metadata. memory: MB, whole GB from 1,024
    to 6,144. concurrency: requests at once, 1 to 200. Image, model data and role get the endpoint's
    name. Raises RuntimeError with SageMaker's reason when it does not come into service.
    """
    ownership.check_name(name)
    client, data = boto3.client("sagemaker"), archive(model)
    _check_endpoint(client, name)
    image, bucket = deploy.push(build(), name), deploy.bucket(name)
    settings = f"{image} {memory} {concurrency}".encode()
    config = f"{name}-{hashlib.sha256(data + settings).hexdigest()[:8]}"
    found = _find(client.describe_endpoint, EndpointName=name)
    if found and found["EndpointConfigName"] == config and found["EndpointStatus"] == "InService":
        return name
    arn, key = role(name, bucket), f"{config}/model.tar.gz"
    ownership.s3().put_object(Bucket=bucket, Key=key, Body=data)
    if not _find(client.describe_model, ModelName=config):
        deploy.when_known(
            client.create_model, lambda error: "assume" in error["Message"].lower(),
            ModelName=config, ExecutionRoleArn=arn, Tags=ownership.pairs(),
            PrimaryContainer={"Image": image, "ModelDataUrl": f"s3://{bucket}/{key}"})
    if not _find(client.describe_endpoint_config, EndpointConfigName=config):
        client.create_endpoint_config(
            EndpointConfigName=config, Tags=ownership.pairs(), ProductionVariants=[{
                "VariantName": "AllTraffic", "ModelName": config, "ServerlessConfig": {
                    "MemorySizeInMB": memory, "MaxConcurrency": concurrency}}])
    if found:
        client.update_endpoint(EndpointName=name, EndpointConfigName=config)
    else:
        client.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=ownership.pairs())
    tools.say(f"waiting for endpoint {name} (minutes on AWS)")
    _wait(client, name, config)
    return name


def _wait(client, name, config):
    """Wait until the endpoint runs this configuration."""
    try:
        client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=WAITER)
    except Exception as error:
        told = client.describe_endpoint(EndpointName=name)
        raise RuntimeError(f"Endpoint {name} is {told['EndpointStatus']}: "
                           f"{told.get('FailureReason', 'no reason given')}") from error
    told = client.describe_endpoint(EndpointName=name)
    if told["EndpointConfigName"] != config:
        raise RuntimeError(f"Endpoint {name} went back to its old configuration: "
                           f"{told.get('FailureReason', 'no reason given')}")


def containers(name):
    """How many containers endpoint NAME has. Only the local cloud lets you look."""
    return len(engine.docker("ps", "-q", "--filter", f"label=workshop.endpoint={name}",
                             "--filter", f"label=workshop.cloud={cloud.port()}").stdout.split())


# Removal

def delete(name):
    """Delete endpoint NAME with its configurations, models and log group, and what deploy.delete
    deletes under NAME: role, repository, bucket.

    Raises NotOurs, and deletes nothing, when the endpoint, a configuration or a model lacks the
    workshop's tag.
    """
    ownership.check_name(name)
    client = boto3.client("sagemaker")
    steps = [*_endpoint_of(client, name), *_configs_of(client, name), *_models_of(client, name)]
    ownership.delete(steps)
    logs, group = boto3.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    try:        # SageMaker makes it, without tags
        logs.delete_log_group(logGroupName=group)
        tools.say(f"deleted log group {group}")
    except logs.exceptions.ResourceNotFoundException:
        pass
    deploy.delete(name)


def _endpoint_of(client, name):
    found = _find(client.describe_endpoint, EndpointName=name)
    if found:
        yield (f"endpoint {name}", tags_of(client, found["EndpointArn"]),
               lambda: delete_endpoint(client, name))


def delete_endpoint(client, name):
    client.delete_endpoint(EndpointName=name)
    client.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=WAITER)


def _configs_of(client, name):
    for page in client.get_paginator("list_endpoint_configs").paginate(NameContains=name):
        for one in page["EndpointConfigs"]:
            config = one["EndpointConfigName"]
            if _is_of(config, name):
                yield (f"endpoint configuration {config}",
                       tags_of(client, one["EndpointConfigArn"]),
                       lambda config=config: client.delete_endpoint_config(
                           EndpointConfigName=config))


def _models_of(client, name):
    for page in client.get_paginator("list_models").paginate(NameContains=name):
        for one in page["Models"]:
            model = one["ModelName"]
            if _is_of(model, name):
                yield (f"model {model}", tags_of(client, one["ModelArn"]),
                       lambda model=model: client.delete_model(ModelName=model))


def _is_of(found, name):
    """Whether a model or configuration belongs to endpoint NAME: NAME-SOMETHING, one word."""
    return found == name or (found.startswith(f"{name}-") and "-" not in found[len(name) + 1:])


def _check_endpoint(client, name):
    for what, tags, _ in _endpoint_of(client, name):
        ownership.check(what, tags)


def tags_of(client, arn):
    return ownership.by_key(client.list_tags(ResourceArn=arn)["Tags"])


def _find(call, **arguments):
    """The call's answer, or None: SageMaker says `Could not find …` in a ValidationException."""
    try:
        return call(**arguments)
    except ClientError as error:
        if "Could not find" in error.response["Error"]["Message"]:
            return None
        raise
