"""What an identity lacks on AWS, before a lesson costs money. A local cloud plays AWS."""
import json
import os
import string
import subprocess
import sys
import uuid

import pytest

from workshop import cloud, permissions
from workshop.account import calls, ownership
from workshop.commands import doctor
from workshop.local import addresses, identities
from workshop.machine.paths import ROOT

ACCOUNT = addresses.ACCOUNT


@pytest.fixture
def profile(local_cloud, tmp_path):
    """`profile(keys)`: those keys as a profile whose AWS is the local cloud, in use."""
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    with pytest.MonkeyPatch.context() as patch:
        def use(keys):
            config.write_text(f"[profile mine]\nregion = us-east-1\nendpoint_url = {cloud.url()}\n")
            credentials.write_text(f"[mine]\naws_access_key_id = {keys['access_key']}\n"
                                   f"aws_secret_access_key = {keys['secret_key']}\n")
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            patch.delenv("WORKSHOP_OWNER", raising=False)
            patch.setenv("AWS_CONFIG_FILE", str(config))
            patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
            patch.setenv("AWS_PROFILE", "mine")
            cloud._fresh_session()
            ownership._derived.cache_clear()
        yield use
    cloud._fresh_session()
    ownership._derived.cache_clear()


@pytest.fixture
def user(aws):
    """`user(*stages)`: a user that an administrator gave the policies of these stages, its keys."""
    iam, made = aws("iam"), []

    def make(*stages):
        name = f"u{uuid.uuid4().hex[:6]}"
        iam.create_user(UserName=name)
        made.append(name)
        for stage in stages:
            document = string.Template((permissions.POLICIES / f"{stage}.json").read_text(
                encoding="utf-8")).substitute(account=ACCOUNT, region="us-east-1", owner=name,
                                              owned=f"workshop-{name}-")
            arn = iam.create_policy(PolicyName=f"lessons-{name}-{stage}",
                                    PolicyDocument=document)["Policy"]["Arn"]
            iam.attach_user_policy(UserName=name, PolicyArn=arn)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
    yield make
    for name in made:
        for one in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
            iam.detach_user_policy(UserName=name, PolicyArn=one["PolicyArn"])
            iam.delete_policy(PolicyArn=one["PolicyArn"])
        for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=name)


def test_with_all_policies_nothing_is_missing(profile, user):
    profile(user(*permissions.STAGES))
    assert permissions.missing() == {}
    assert doctor._lacking() == ({}, "")


def test_the_learner_of_the_local_cloud_lacks_nothing(profile):
    profile(identities.user_keys(addresses.state_folder()))
    assert permissions.missing() == {}


@pytest.mark.parametrize("left_out", ["ship", "open", "events", "sagemaker", "stacks"])
def test_the_actions_of_a_policy_that_is_not_attached_are_named(profile, user, left_out):
    profile(user(*(one for one in permissions.STAGES if one != left_out)))
    lacking, error = doctor._lacking()
    assert list(lacking) == [left_out] and error == ""
    asked = {action for one in permissions.policies()[left_out]["Statement"]
             for action in permissions._listed(one["Action"])}
    assert set(lacking[left_out]) == asked


def test_who_may_not_ask_learns_that(profile, user):
    profile(user("ship"))
    found = doctor.permissions("mine", doctor._lacking)
    assert [one.level for one in found] == [doctor.WARNING]
    assert "iam:SimulatePrincipalPolicy" in found[0].what and "AccessDenied" in found[0].what
    assert "operate.json" in found[0].fix


def test_the_command_says_so_before_anything_is_made(profile, user):
    profile(user("operate", "ship"))
    done = subprocess.run([sys.executable, "-m", "workshop", "doctor"], cwd=ROOT, text=True,
                          capture_output=True, timeout=300)
    assert done.returncode == 1, done.stdout
    blocking = [one for one in done.stdout.splitlines() if one.startswith("BLOCKS")]
    assert [one.split("stage ")[1].split()[0] for one in blocking] == [
        "events", "open", "sagemaker", "stacks"]
    assert "sagemaker:CreateEndpoint" in done.stdout and "learner/stacks.json" in done.stdout


@pytest.mark.parametrize("arn, source", [
    (f"arn:aws:iam::{ACCOUNT}:user/ada", f"arn:aws:iam::{ACCOUNT}:user/ada"),
    (f"arn:aws:iam::{ACCOUNT}:root", ""),
    (f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/ada", f"arn:aws:iam::{ACCOUNT}:role/Reader")])
def test_a_sessions_policies_are_its_roles(local_cloud, monkeypatch, arn, source):
    client = calls.client

    def as_caller(service, *place):
        made = client(service, *place)
        if service != "sts":
            return made
        return type("Sts", (), {"get_caller_identity": staticmethod(lambda: {
            "Arn": arn, "Account": ACCOUNT})})
    monkeypatch.setattr(calls, "client", as_caller)
    assert permissions._source() == source


def test_the_files_for_an_administrator_are_filled_in(local_cloud, tmp_path):
    written = permissions.write(tmp_path / "new")
    assert [path.stem for path in written] == list(permissions.STAGES)
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert json.loads(text)["Version"] == "2012-10-17"
        assert "${" not in text.replace("${aws:username}", "")
        assert f"{ACCOUNT}" in text and "workshop-test-" in text
