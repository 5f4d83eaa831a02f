"""CloudFormation stacks: what is in one goes with it, and what somebody has protected stays."""
import json
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

import image_registry
from workshop import inventory
from workshop.account import buckets, calls, ownership, queues, repositories, stacks

TOPIC = {"Topic": {"Type": "AWS::SNS::Topic"}}
BUCKET = {"Type": "AWS::S3::Bucket"}


def template(resources):
    return json.dumps({"Resources": resources})


def make(name, resources, **settings):
    """A stack of ours with these resources; {logical id: physical id}."""
    stacks.ensure(name, template(resources), **settings)
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in
            boto3.client("cloudformation").describe_stack_resources(StackName=name)[
                "StackResources"]}


def drop(name):
    client = boto3.client("cloudformation")
    client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name)


def test_five_verbs(name, five_verbs):
    client = boto3.client("cloudformation")

    def foreign():
        client.create_stack(StackName=name, TemplateBody=template(TOPIC))
        client.get_waiter("stack_create_complete").wait(StackName=name)
        return lambda: drop(name)
    five_verbs(stacks, lambda: stacks.ensure(name, template(TOPIC)), foreign)


def test_a_change_is_taken_over(name):
    first = make(name, TOPIC)
    assert make(name, TOPIC | {"More": {"Type": "AWS::SNS::Topic"}}).keys() - first.keys() == {
        "More"}
    stacks.delete(name)


def test_it_goes_although_what_is_in_it_holds_something(name):
    members = make(name, {"Files": BUCKET, "Images": {
        "Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": name}}})
    boto3.client("s3").put_object(Bucket=members["Files"], Key="file", Body=b"")
    image_registry.store(boto3.client("ecr"), name)
    assert ("AWS::S3::Bucket", members["Files"]) in stacks.members(name)
    stacks.delete(name)
    assert stacks.find(name) is None
    assert buckets.find(members["Files"]) is None and repositories.find(name) is None


def test_what_fails_is_told_with_its_reason(name, monkeypatch):
    class Waiter:
        def wait(self, **_):
            raise stacks.WaiterError("stack_delete_complete", "no", {})
    make(name, TOPIC)
    client = calls.client("cloudformation")
    with monkeypatch.context() as patched:
        patched.setattr(client, "get_waiter", lambda waiter: Waiter())
        patched.setattr(client, "delete_stack", lambda **_: None)
        with pytest.raises(RuntimeError, match=f"Stack {name} is CREATE_COMPLETE: "):
            stacks.delete(name)
    stacks.delete(name)


# Kept

def stored(bucket):
    return [one["Key"] for one in
            boto3.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def queue(name, **more):
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-queue"}, **more}


@pytest.mark.parametrize("files, waiting, settings, why", [
    ({}, {}, {"EnableTerminationProtection": True}, "termination protection is on"),
    ({"DeletionPolicy": "Retain"}, {}, {}, "Files has DeletionPolicy: Retain"),
    ({}, {"DeletionPolicy": "RetainExceptOnCreate"}, {},
     "Queue has DeletionPolicy: RetainExceptOnCreate")])
def test_a_protected_stack_stays_with_all_that_is_in_it(name, files, waiting, settings, why):
    members = make(name, {"Files": BUCKET | files, "Queue": queue(name, **waiting)}, **settings)
    try:
        boto3.client("s3").put_object(Bucket=members["Files"], Key="dear", Body=b"")
        kept = [one for one in inventory.find()
                if one.name in {name, members["Files"], f"{name}-queue"}]
        assert {one.kind for one in kept} == {"stack", "bucket", "queue"}
        assert {one.whose for one in kept} == {inventory.KEPT}
        assert why in str(next(one for one in kept if one.kind == "stack"))
        with pytest.raises(ownership.NotOursError, match="is kept"):
            inventory.remove(kept, say=lambda _: None)
        with pytest.raises(ownership.NotOursError, match=f"stack {name} is kept: {why}"):
            stacks.delete(name)
        assert stored(members["Files"]) == ["dear"]
    finally:
        for key in stored(members["Files"]):
            boto3.client("s3").delete_object(Bucket=members["Files"], Key=key)
        drop(name)
        if buckets.find(members["Files"]):
            buckets.remove(members["Files"])
        if url := queues.find(f"{name}-queue"):
            queues.remove(url)


def test_the_policies_of_a_template_in_yaml_are_read_as_well(name):
    stacks.ensure(name, (
        "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Retain\n"
        "    Properties:\n      QueueName: !Sub ${AWS::StackName}-queue\n"))
    try:
        assert stacks.what_keeps(stacks.find(name)) == "Queue has DeletionPolicy: Retain"
    finally:
        drop(name)
        queues.remove(queues.find(f"{name}-queue"))


def test_a_stack_whose_template_cannot_be_read_stays(name, monkeypatch):
    def refused(**_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetTemplate")
    members = make(name, {"Files": BUCKET})
    monkeypatch.setattr(calls.client("cloudformation"), "get_template", refused)
    try:
        assert {one.whose for one in inventory.find() if one.name in (
            name, members["Files"])} == {inventory.KEPT}
    finally:
        drop(name)


def test_a_stack_that_is_only_proposed_is_no_hindrance(name):
    client = boto3.client("cloudformation")
    client.create_change_set(
        StackName=name, ChangeSetName="first", ChangeSetType="CREATE",
        Tags=ownership.pairs(), TemplateBody=template({"Files": BUCKET}))
    client.get_waiter("change_set_create_complete").wait(StackName=name, ChangeSetName="first")
    stacks.delete(name)
    assert stacks.find(name) is None


@pytest.mark.parametrize("function, keeps", [
    ({"Ref": "Function"}, ""), ("another", "Version has DeletionPolicy: Retain"),
    ({"Ref": "Name"}, "Version has DeletionPolicy: Retain")])
def test_a_retained_version_goes_with_a_function_of_its_stack(monkeypatch, function, keeps):
    body = {"Parameters": {"Name": {"Type": "String"}}, "Resources": {
        "Function": {"Type": "AWS::Lambda::Function"},
        "Version": {"Type": "AWS::Lambda::Version", "DeletionPolicy": "Retain",
                    "Properties": {"FunctionName": function}}}}
    monkeypatch.setattr(stacks.calls, "client", lambda _: SimpleNamespace(
        get_template=lambda **_: {"TemplateBody": body}))
    monkeypatch.setattr(stacks, "_parts", lambda _: [])
    assert stacks.what_keeps({"StackId": "1"}) == keeps
