"""What lessons 04 to 06 and 15 do by hand, as functions: build, push, role, function, API.

Every function may be called again: it looks at what is there, changes what differs, and says what
it did. Everything it makes is named as `name()` says and has the tags that `tags()` gives, and it
neither changes nor deletes anything of such a name without them (NotOursError). How each kind of
thing is found, made and removed stands in workshop/account. Call `cloud.use()` first.
"""
import hashlib
import json
import shutil
import tempfile
import time
from pathlib import Path

from workshop import cloud, packages
from workshop.account import apis, buckets, functions, layers, logs, ownership, repositories, roles
from workshop.account.calls import s3
from workshop.account.functions import publish
from workshop.account.ownership import NotOursError, mark, name, tags
from workshop.account.repositories import ensure as image_repository
from workshop.account.roles import policy
from workshop.account.stacks import delete as delete_stack
from workshop.course import model_files
from workshop.machine import base_image, engine, labels, modes, paths, tools
from workshop.machine.lock import one_at_a_time

__all__ = ["NotOursError", "allow", "bucket", "build", "close", "delete", "delete_stack",
           "ensure_role", "function", "http_api", "image_repository", "layer", "login", "mark",
           "name", "policy", "publish", "publish_model", "push", "s3", "stage", "tags",
           "zip_function"]


# Images

def build(name, model=None, tag="v1", dockerfile="Dockerfile", root=None, files=None):
    """Build the image of `lambda/NAME` with its model and return its name, `NAME-NUMBER:TAG`.

    The number is this checkout's (engine.own): two on one engine do not share names of images.
    name: folder under lambda/. model: path of a .onnx or .pkl file, put into the image as
    model.onnx or model.pkl. dockerfile: the recipe's name in docker/. root: the folder that holds
    another lambda/ and docker/, those of an earlier commit. files: {name in the image: path} of
    what the function needs besides. Raises FileNotFoundError when one of them is missing,
    model_files.DamagedFileError when the model is not whole.
    """
    recipe = (root / "docker" if root else paths.DOCKER) / dockerfile
    if not recipe.is_file():
        raise FileNotFoundError(f"There is no recipe {recipe}.")
    image, base = engine.own(f"{name}:{tag}"), base_image.get()
    with one_at_a_time(f"image-{name}"):
        staged = _stage(name, model, image.replace(":", "-"), root, files)
        tools.say(f"building {image} for {engine.platform()} "
                  "(a minute if its packages are not here yet)")
        began = time.monotonic()
        run_docker("build", "--build-arg", f"BASE_IMAGE={base}", "--label", labels.OURS,
                   "-f", str(recipe), "-t", image, str(staged))
    tools.say(f"built {image} in {time.monotonic() - began:.0f} s")
    return image


def stage(name, model=None, files=None):
    """Put what goes into the image of `lambda/NAME` into build/images/NAME and return its path.

    model, files: as for build(). A folder with the same files stays as it is: another process may
    be reading it. Raises FileNotFoundError when there is no such function or model,
    model_files.DamagedFileError when the model is not whole.
    """
    with one_at_a_time(f"image-{name}"):
        return _stage(name, model, name, files=files)


def _stage(name, model, folder, root=None, files=None):
    source = (root / "lambda" if root else paths.LAMBDA) / name
    staged = paths.BUILD / "images" / folder
    if not source.is_dir():
        raise FileNotFoundError(f"There is no function folder {source}.")
    if model is not None:
        model_files.check(model)
    staged.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=staged.parent) as temporary:
        new = Path(temporary) / name
        modes.copy(source, new)
        if model is not None:
            shutil.copy(model, new / f"model{Path(model).suffix}")
        for placed, path in (files or {}).items():
            shutil.copy(path, new / placed)
        modes.settle(new)
        if _content(new) != _content(staged):
            shutil.rmtree(staged, ignore_errors=True)
            new.rename(staged)
    return staged


def _content(folder):
    return {path.relative_to(folder): (path.stat().st_mode, path.read_bytes())
            for path in folder.rglob("*") if path.is_file()}


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
    return f"{address}@{repositories.digest(address.split('/', 1)[1], tag)}"


def login():
    """Log `docker` in to the account's registry; the password lasts 12 hours (ECR's limit)."""
    user, password, registry = repositories.credentials()
    # On standard input: arguments can be read by every user of this machine.
    run_docker("login", "--username", user, "--password-stdin", registry, stdin=password)


def _check_architecture(image, number):
    built = run_docker("image", "inspect", "--format", "{{.Architecture}}", number).strip()
    built = engine.ARCHITECTURES.get(built, built)
    if built != engine.architecture():
        raise ValueError(
            f"{image} is built for {built}, the functions here are "
            f"{engine.architecture()}: Lambda would answer 'exec format error'. Build it again, "
            "with DOCKER_DEFAULT_PLATFORM as cloud.use() sets it.")


def run_docker(*command, stdin=None):
    """Run `docker …` so that it builds what Lambda takes; return what it prints.

    stdin: str or None. Raises RuntimeError as tools.run does.
    """
    return tools.run("docker", *command, stdin=stdin, environment={
        "DOCKER_DEFAULT_PLATFORM": engine.platform(), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})


# Rights

def ensure_role(name):
    """Find or make the role that function NAME runs under, NAME-role, and return its ARN.

    It may do one thing: write into the log group /aws/lambda/NAME.
    """
    arn = roles.ensure(f"{name}-role")
    roles.grant(f"{name}-role", "logs", function=name)
    return arn


def allow(name, what, **values):
    """Let function NAME do what `policies/WHAT.json` says, with VALUES filled in."""
    ensure_role(name)
    roles.grant(f"{name}-role", what, **values)


# Functions

def function(name, image_uri, memory=512, timeout=10, environment=None, command=None):
    """Create or update the image function NAME, wait until it can be invoked, return its ARN.

    image_uri: with digest, as push() returns it. memory: MB, 128 to 10,240. timeout: seconds,
    at most 900 (Lambda quotas). environment: dict of str. command: the handler,
    `MODULE.FUNCTION`, in place of the image's own CMD. Published versions and aliases stay as they
    are. Raises ValueError for an image without digest, RuntimeError with Lambda's reason when the
    function does not become active.
    """
    ownership.check_name(name)
    if "@sha256:" not in image_uri:
        raise ValueError(f"{image_uri!r} does not name a digest; give what deploy.push() returned "
                         "(…@sha256:…), because a tag can be moved to other bytes.")
    return _ensure_function(name, {"ImageUri": image_uri}, {"PackageType": "Image"},
                            memory, timeout, environment,
                            ImageConfig={"Command": [command]} if command else {})


def zip_function(name, memory=128, timeout=5, environment=None, layers=(), folder=None,
                 files=None):
    """Create or update the zip function NAME from lambda/FOLDER, return its ARN.

    memory: MB. timeout: seconds. environment: dict of str. layers: ARNs, as layer() returns them,
    with the libraries that the code needs. folder: default NAME without the owner's prefix. files:
    {name in the zip: path} of what the function needs besides its code, as a model. Raises
    FileNotFoundError when there is no such folder, RuntimeError as function() does.
    """
    ownership.check_name(name)
    folder = folder or ownership.short(name)
    source = paths.LAMBDA / folder
    if not source.is_dir():
        raise FileNotFoundError(f"There is no function folder {source}.")
    code = packages.zipped(stage(folder, files=files)) if files else packages.zipped(source, "*.py")
    fixed = {"PackageType": "Zip", "Runtime": "python3.13",
             "Handler": "lambda_function.lambda_handler"}
    return _ensure_function(name, {"ZipFile": code}, fixed, memory, timeout, environment,
                            Layers=list(layers))


def _ensure_function(name, code, fixed, memory, timeout, environment, **more):
    """The function NAME with its role, and with its log group: lines in a group that Lambda makes
    would stay for ever."""
    there = functions.check(name) is not None
    role = ensure_role(name)
    logs.ensure(logs.LAMBDA + name, owned=there)
    return functions.ensure(name, code, fixed, Role=role, MemorySize=memory, Timeout=timeout,
                            Environment={"Variables": environment or {}}, **more)


# HTTPS

def http_api(name, function, route="POST /predict"):
    """Put the HTTP API NAME in front of a function; return its URL, without a slash at the end.

    route: method and path. The function lets this API invoke it for this route alone.
    """
    ownership.check_name(name)
    api = apis.ensure(name, functions.arn(function), route)
    apis.permit(api["ApiId"], function, route)
    return api["ApiEndpoint"].rstrip("/")


# Files in S3: layers on their way, and models

def bucket(name):
    """Find or make the bucket of function NAME and return its name, NAME-ACCOUNT-REGION."""
    return buckets.ensure(buckets.full_name(name))


def layer(name, folder=None):
    """Make the layer NAME from what lambda/FOLDER requires; return the ARN of its version.

    folder: default NAME without the owner's prefix. The same packages give the version that is
    there.
    """
    ownership.check_name(name)
    folder = folder or ownership.short(name)
    tools.say(f"packages of lambda/{folder} for {engine.platform()}: installed unless they are "
              "here")
    return layers.ensure(name, packages.zipped(packages.install(folder)), buckets.full_name(name))


def publish_model(name, path, version, prefix="models/churn"):
    """Put a model file into the bucket of function NAME, point to it, and return the pointer's URI.

    path: of a .onnx or .pkl file. version: for people, as the model's signature has it (str). The
    model gets a key of its own, PREFIX/SHA-256/…, so that what was published stays as it was; the
    pointer is PREFIX/current.json, as lambda/churn/model_store.py reads it. Raises
    model_files.DamagedFileError when it is not whole: the functions would refuse it.
    """
    model_files.check(path)
    content, client, made = Path(path).read_bytes(), s3(), bucket(name)
    digest = hashlib.sha256(content).hexdigest()
    key = f"{prefix}/{digest[:16]}/model{Path(path).suffix}"
    client.put_object(Bucket=made, Key=key, Body=content)
    pointer = {"key": key, "sha256": digest, "version": version}
    client.put_object(Bucket=made, Key=f"{prefix}/current.json", Body=json.dumps(pointer),
                  ContentType="application/json")
    return f"s3://{made}/{prefix}/current.json"


# Removal

def close(name):
    """Take away every front door of function NAME: HTTP APIs of that name, its URLs, what its
    policy allows API Gateway and everybody, and its reserved concurrency. The function stays.

    Raises NotOursError, and changes nothing, when the API or the function lacks the owner's tags.
    """
    there = functions.check(name)
    apis.delete(name)
    if there:
        functions.close(name, apis.GATEWAY)


def delete(name):
    """Delete what the workshop made under NAME: HTTP APIs, log group, function with its
    versions, aliases and URLs, role, repository with its images, layer, bucket with its objects.

    What is not there is passed over. Raises NotOursError, and deletes nothing at all, when one of
    them lacks the owner's tags.
    """
    ownership.check_name(name)
    there = functions.find(name)
    # A group that Lambda made for our function's first line has no tags; it is ours as well.
    ours = there is not None and ownership.is_ours(functions.tags(there))
    ownership.delete([
        *apis.removals(name), *logs.removals(logs.LAMBDA + name, owned=ours),
        *functions.removals(name), *roles.removals(f"{name}-role"), *repositories.removals(name),
        *layers.removals(name), *buckets.removals(buckets.full_name(name))])
