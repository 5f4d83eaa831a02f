"""Lambda layers. A layer has no tags: the description of each version says whose it is."""
import hashlib

from workshop.account import buckets, calls, ownership
from workshop.machine import engine, tools


def find(name):
    """The newest version of layer NAME (dict), or None."""
    return next(versions(name), None)


def versions(name):
    """All versions of layer NAME, newest first."""
    return calls.pages("lambda", "list_layer_versions", "LayerVersions", LayerName=name)


def ensure(name, content, bucket):
    """ARN of the version of layer NAME with this content, published if there is none.

    content: a zip, as bytes. bucket: name of one for the way, made if missing, because a zip of
    more than 50 MB cannot go with the call itself
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
    """
    ownership.check_name(name)
    digest = hashlib.sha256(content).hexdigest()
    description = f"{ownership.mark()} sha256={digest}"
    for one in versions(name):
        if one.get("Description") == description:
            return one["LayerVersionArn"]
    s3 = calls.client("s3")
    where = {"Bucket": buckets.ensure(bucket), "Key": f"layers/{digest[:16]}.zip"}
    s3.put_object(**where, Body=content)
    made = calls.client("lambda").publish_layer_version(
        LayerName=name, Description=description, CompatibleRuntimes=["python3.13"],
        CompatibleArchitectures=[engine.architecture()],
        Content={"S3Bucket": where["Bucket"], "S3Key": where["Key"]})
    s3.delete_object(**where)       # Lambda has its own copy
    tools.say(f"published layer {name}, version {made['Version']}, {len(content) / 1e6:.0f} MB")
    return made["LayerVersionArn"]


def tags(version):
    """The owner's tags where a version's description says so, else {}."""
    return ownership.tags() if ownership.has_mark(version.get("Description")) else {}


def delete(name):
    """Delete every version of layer NAME."""
    ownership.delete(removals(name))


def removals(name):
    """What `delete` takes away under NAME."""
    for one in versions(name):
        arn = one["LayerVersionArn"]
        yield ownership.Removal(f"layer {name}, version {one['Version']}", tags(one),
                                lambda arn=arn: remove(arn))


def remove(arn):
    """Delete one version, whosever it is, by its ARN (arn)."""
    name, version = arn.split(":")[-2:]
    calls.client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(version))


def listed(meant):
    """What the inventory lists: versions of the layers that are meant."""
    for layer in calls.pages("lambda", "list_layers", "Layers"):
        if meant(layer["LayerName"]):
            for one in versions(layer["LayerName"]):
                yield f"{layer['LayerName']}:{one['Version']}", one["LayerVersionArn"], tags(one)
