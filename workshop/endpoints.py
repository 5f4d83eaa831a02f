"""What lesson 18 does by hand, as functions: an ONNX model behind a SageMaker Serverless endpoint.

Every function may be called again. What they make is named and tagged like what
deploy.py makes. Call `cloud.use()` first.
"""
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from workshop import cloud, deploy
from workshop.account import calls, endpoints, logs, ownership, roles
from workshop.account.endpoints import WAITER, create_model
from workshop.course import model_files
from workshop.machine import base_image, engine, labels, paths, tools

__all__ = ["IMAGE", "WAITER", "archive", "build", "containers", "create_model", "delete",
           "serve"]

IMAGE = engine.own("workshop-sagemaker:v1")


def build():
    """Build the image of docker/sagemaker and return its tag."""
    base = base_image.get(base_image.PLAIN)
    tools.say(f"building {IMAGE} for {engine.platform()} "
              "(a minute if its packages are not here yet)")
    deploy.run_docker("build", "--build-arg", f"BASE_IMAGE={base}",
                      "--label", labels.OURS, "-t", IMAGE, str(paths.DOCKER / "sagemaker"))
    return IMAGE


def archive(model):
    """Return the .tar.gz that SageMaker unpacks to /opt/ml/model; equal models give equal bytes.

    model: path of a .onnx file, model.onnx in the archive. Raises FileNotFoundError, or
    model_files.DamagedFileError when it is not whole.
    """
    model_files.check(model)
    content, buffer = Path(model).read_bytes(), io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as zipped, \
            tarfile.open(fileobj=zipped, mode="w") as target:
        member = tarfile.TarInfo("model.onnx")
        member.size = len(content)
        target.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def serve(name, model, memory=1024, concurrency=5):
    """Put an ONNX model behind the serverless endpoint NAME, new or updated, and wait for it.

    model: path of a .onnx file with a signature in its metadata. memory: MB, whole GB from 1,024
    to 6,144. concurrency: requests at once, 1 to 200 (ProductionVariantServerlessConfig). Image,
    model data and role get the endpoint's name. Raises RuntimeError with SageMaker's reason when it
    does not come into service.
    """
    ownership.check_name(name)
    data = archive(model)
    endpoints.check(name)
    image, bucket = deploy.push(build(), name), deploy.bucket(name)
    settings = f"{image} {memory} {concurrency}".encode()
    config = f"{name}-{hashlib.sha256(data + settings).hexdigest()[:8]}"
    role, key = roles.ensure(f"{name}-role", "trust_sagemaker"), f"{config}/model.tar.gz"
    roles.grant(f"{name}-role", "serve_model", bucket=bucket, endpoint=name)
    calls.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    endpoints.ensure_model(config, role, image, f"s3://{bucket}/{key}")
    endpoints.ensure_config(config, memory, concurrency)
    endpoints.ensure(name, config)
    return name


def containers(name):
    """How many containers endpoint NAME has. Only the local cloud lets you look."""
    return len(engine.docker("ps", "-q", "--filter", f"label={labels.ENDPOINT}={name}",
                             "--filter", f"label={labels.of_cloud(cloud.port())}").stdout.split())


# Removal

def delete(name):
    """Delete endpoint NAME with its configurations, models and log group, and what deploy.delete
    deletes under NAME: role, repository, bucket.

    Raises NotOursError, and deletes nothing, when the endpoint, a configuration or a model lacks
    the owner's tags.
    """
    ownership.check_name(name)
    endpoints.delete(name)
    logs.delete(logs.SAGEMAKER + name, owned=True)      # SageMaker makes it, without tags
    deploy.delete(name)
