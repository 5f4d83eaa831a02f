"""One switch for the whole workshop: the local cloud, or a real AWS account.

`cloud.use()` in the first cell decides where everything after it goes. The local cloud is the
default; a learner who sets `AWS_PROFILE` means AWS. After it, cells are plain boto3, `docker` and
`aws`, the same on both. What differs stands in `workshop/LOCAL_CLOUD.md`.
"""
import os
import subprocess
import sys

from workshop.course import last_error
from workshop.local import identities, lifecycle, waiters, wheels
from workshop.local.addresses import REGION, CloudError, port, state_folder, url
from workshop.machine import engine, groups, modes, offline, paths, settings

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


# The switch

def use() -> None:
    """Point this process, and what it starts, at the local cloud or at the learner's AWS account.

    Prints one line that says which. Starts the local cloud if it is not running. In a notebook,
    what makes a cell fail is kept from now on, for `doctor` to name it.

    Raises:
        CloudError: the port is taken by something else, the local cloud does not start, or
            AWS_PROFILE is set without usable credentials or region.
    """
    last_error.watch()
    groups.watch()
    _forget_local()
    settings.restore()
    modes.usual_umask()         # what a lesson writes for an image, Lambda's user must read
    for folder in (paths.LAMBDA, paths.DOCKER):
        modes.settle(folder)
    os.environ["DOCKER_DEFAULT_PLATFORM"] = engine.platform()
    os.environ["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"  # Lambda refuses images with attestations
    offline.let_pip()           # this kernel may be older than the set-up, or not started by `lab`
    if os.environ.get("AWS_PROFILE"):
        _use_aws()
    else:
        _use_local()


def is_local() -> bool:
    """Whether cells talk to the local cloud (the default)."""
    return not os.environ.get("AWS_PROFILE")


# Links for functions

def host_for_functions() -> str:
    """HOST:PORT by which a function's container finds the local cloud; "" on AWS.

    A container's 127.0.0.1 is its own. On Linux it finds this host at the gateway of Docker's
    bridge, where the local cloud listens too; with Docker Desktop by the name
    host.docker.internal. On AWS, functions know services by their public names.
    """
    if not is_local():
        return ""
    return f"{engine.bridge_gateway() or 'host.docker.internal'}:{port()}"


def link_signer():
    """An S3 client (boto3) whose presigned URLs a function can fetch. Call `use()` first.

    A link names the host that it was signed for, and the signature covers that name. On AWS the
    bucket's own name in its Region: boto3 would sign for the global s3.amazonaws.com, which sends
    callers on to the Region, where that signature is not valid.
    """
    import boto3
    from botocore.config import Config

    endpoint, style = ({"endpoint_url": f"http://{host_for_functions()}"}, "path") \
        if is_local() else ({}, "virtual")
    return boto3.client("s3", **endpoint, config=Config(
        signature_version="s3v4", s3={"addressing_style": style}))


def _use_local() -> None:
    settings.isolate()
    lifecycle.start()
    _bypass_proxy()
    keys = identities.user_keys(state_folder(), _user())
    os.environ.update(AWS_ACCESS_KEY_ID=keys["access_key"],
                      AWS_SECRET_ACCESS_KEY=keys["secret_key"],
                      AWS_ENDPOINT_URL=url(), AWS_REGION=REGION,
                      AWS_DEFAULT_REGION=REGION,
                      # An address, not a name: boto3 then puts buckets into the path.
                      AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port()}")
    waiters.look_often()
    _fresh_session()
    print(f"local cloud, free ({url()})")
    if not engine.available():
        print("No Docker engine is running: functions cannot be invoked, images not built. "
              "`python3 -m workshop doctor` says what to do. Everything else works.")
        return
    _use_packed_base()
    if not lifecycle.reachable_from_containers(port()):
        print("Docker started after the local cloud, so functions cannot reach it: "
              "`python3 -m workshop stop` and this cell again put that right.")


def _use_packed_base() -> None:
    """Let images be built without a network. Most lessons build none: a failure is only named."""
    packed = offline.record()
    if not packed:
        return
    try:
        wheels.use_base(host_for_functions())
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"No image can be built: {str(error).splitlines()[-1]}. If the base image was "
              f"removed from Docker, run python3 -m workshop lab --from "
              f"{packed['source']} again. {offline.WAY_OUT}")


def _user() -> str:
    """The IAM user of the local cloud that cells act as: the learner, unless WORKSHOP_USER names
    the administrator. Raises CloudError for another name."""
    user = os.environ.get("WORKSHOP_USER") or identities.LEARNER
    if user not in identities.USERS:
        raise CloudError(f"WORKSHOP_USER is {user!r}: set it to {' or '.join(identities.USERS)}, "
                         "or unset it.")
    return user


def _use_aws() -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    profile = os.environ["AWS_PROFILE"]
    hint = "Correct it, or unset AWS_PROFILE to use the local cloud, which is free."
    _fresh_session()
    try:
        session = boto3.Session()
        region = session.region_name
        if session.get_credentials() is None:
            raise CloudError(f"AWS_PROFILE is {profile!r}, and that profile has no credentials. "
                             f"Run `aws configure --profile {profile}`. {hint}")
        if not region:
            raise CloudError(f"AWS_PROFILE is {profile!r}, and no region is set. Run `aws "
                             f"configure set region us-east-1 --profile {profile}`. {hint}")
        account = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise CloudError(f"AWS_PROFILE is {profile!r}, and AWS cannot be used with it: {error}. "
                         f"{hint}") from None
    print(f"AWS account {account}, region {region}: this costs money")


def _forget_local() -> None:
    """Take back what an earlier `use()` set, here or in a parent process."""
    wheels.forget_base()
    if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://localhost:"):
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
                     "AWS_DEFAULT_REGION", *KEYS):
            os.environ.pop(name, None)
        waiters.look_as_usual()


def _bypass_proxy() -> None:
    """A company's proxy must not be asked for this machine's own addresses."""
    for name in ("no_proxy", "NO_PROXY"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        missing = [host for host in ("localhost", "127.0.0.1") if host not in hosts]
        os.environ[name] = ",".join(hosts + missing)


def _fresh_session() -> None:
    """boto3 keeps the credentials of its first client: let the next one look again."""
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None
