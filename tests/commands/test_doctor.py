"""Every finding of `doctor`: what leads to it, how bad it is, and that it comes with its fix."""
import json
import os
import subprocess
import sys

import pytest

from workshop import cloud
from workshop.commands import doctor
from workshop.commands.doctor import BLOCKS, OK, WARNING
from workshop.machine import engine
from workshop.machine.paths import ROOT

HERE = {"ServerVersion": "28.0", "Architecture": "x86_64", "MemTotal": 8_000_000_000}
MINE = {"running": True, "port": 4566, "containers": 0}
IDLE = {"running": False, "port": 4566, "containers": 0}
TAKEN = cloud.CloudError("Port 4566 is used by another program.")


def docker(kind, may_start=False, **info):
    return doctor.docker(engine.State(kind, {**HERE, **info}), may_start)


def aws(environ, profiles=None, answer=("123456789012", "")):
    return doctor.aws({"AWS_PROFILE": "me", **environ}, profiles or {"me": "eu-west-1"},
                      lambda: answer)


def login(*names):
    return doctor.registry_login({"auths": {name: {} for name in names}})


def platform(architecture="x86_64", emulated=False, **environ):
    return doctor.docker_platform({"Architecture": architecture}, environ, lambda name: emulated)


def packages(exists=True, half=False, ready=True, wrong=()):
    return doctor.packages(exists, half, ready, lambda: list(wrong))


FINDINGS = {
    "a fitting Python": (lambda: doctor.python((3, 12, 1)), OK, "3.12.1", ""),
    "an old Python": (lambda: doctor.python((3, 9, 6)), BLOCKS, "3.9.6", "3.1"),
    "a newer Python": (lambda: doctor.python((3, 14, 0)), BLOCKS, "3.14.0", "3.1"),
    "room": (lambda: doctor.disk(50 * 10**9, False), OK, "50.0 GB", ""),
    "no room for packages": (lambda: doctor.disk(4 * 10**9, False), BLOCKS, "4.0 GB", "5 GB"),
    "no room for CUDA": (lambda: doctor.disk(7 * 10**9, False), WARNING, "7.0 GB", "CPU build"),
    "little room left": (lambda: doctor.disk(2 * 10**9, True), WARNING, "2.0 GB", "3 GB"),
    "enough once installed": (lambda: doctor.disk(4 * 10**9, True), OK, "4.0 GB", ""),
    "no environment yet": (lambda: packages(exists=False, ready=False), OK, "not made yet", ""),
    "half-made": (lambda: packages(half=True, ready=False), WARNING, "half-made", "workshop lab"),
    "an older environment.yml": (lambda: packages(ready=False), WARNING, "changed", "lab"),
    "another version": (lambda: packages(wrong=["numpy is 1.0; environment.yml says 2"]), WARNING,
                        "numpy is 1.0", "remove .venv"),
    "a complete environment": (packages, OK, "complete", ""),
    "Docker": (lambda: docker(engine.READY), OK, "28.0, x86_64, 8.0 GB", ""),
    "a small Docker": (lambda: docker(engine.READY, MemTotal=2_000_000_000), WARNING,
                       "more than 2.0 GB", "4 GB"),
    "no Docker": (lambda: docker(engine.NOT_INSTALLED), BLOCKS, "not installed", "https://docs"),
    "Docker not running": (lambda: docker(engine.NOT_RUNNING), BLOCKS, "not running", "tart"),
    "Docker that root may start": (lambda: docker(engine.NOT_RUNNING, True), WARNING,
                                   "not running", "workshop lab"),
    "no right to Docker": (lambda: docker(engine.NO_PERMISSION, True), BLOCKS, "no permission",
                           "usermod -aG docker"),
    "Windows containers": (lambda: docker(engine.WINDOWS_CONTAINERS), BLOCKS, "windows",
                           "Switch to Linux"),
    "another default platform": (
        lambda: platform(DOCKER_DEFAULT_PLATFORM="linux/arm64"), WARNING, "linux/arm64",
        "unset DOCKER_DEFAULT_PLATFORM"),
    "another default platform on arm": (
        lambda: platform("aarch64", DOCKER_DEFAULT_PLATFORM="linux/amd64"), WARNING, "arm64",
        "unset DOCKER_DEFAULT_PLATFORM"),
    "a wish for another architecture": (
        lambda: platform(WORKSHOP_ARCHITECTURE="arm64"), WARNING, "the engine is x86_64",
        "binfmt --install"),
    "an emulated architecture": (
        lambda: platform(WORKSHOP_ARCHITECTURE="arm64", emulated=True), OK, "emulated, and slow",
        ""),
    "no such architecture": (lambda: platform(WORKSHOP_ARCHITECTURE="sparc"), BLOCKS, "'sparc'",
                             "x86_64 or arm64"),
    "BuildKit": (lambda: doctor.builder(0), OK, "BuildKit", ""),
    "the classic builder": (lambda: doctor.builder(1), OK, "classic", ""),
    "a stale login": (lambda: login("public.ecr.aws"), WARNING, "403",
                      "docker logout public.ecr.aws"),
    "a stale login with its scheme": (lambda: login("https://public.ecr.aws/v2/"), WARNING, "403",
                                      "docker logout public.ecr.aws"),
    "a free port": (lambda: doctor.cloud_port({}, lambda port: IDLE), OK, "4566: free", ""),
    "our cloud": (lambda: doctor.cloud_port({}, lambda port: MINE), OK, "runs on it", ""),
    "a port that is taken": (lambda: doctor.cloud_port({}, lambda port: TAKEN), BLOCKS,
                             "another program", "WORKSHOP_PORT=4570"),
    "no port number": (lambda: doctor.cloud_port({"WORKSHOP_PORT": "http"}, None), BLOCKS,
                       "'http'", "1024 to 65535"),
    "a reserved port": (lambda: doctor.cloud_port({"WORKSHOP_PORT": "80"}, None), BLOCKS, "'80'",
                        "1024 to 65535"),
    "Jupyter's port": (lambda: doctor.jupyter_port(False), OK, "8888: free", ""),
    "Jupyter's port in use": (lambda: doctor.jupyter_port(True), OK, "next free one", ""),
    "a pid file of a dead cloud": (
        lambda: doctor.stale_cloud([IDLE], lambda port: True), WARNING, "pid file",
        "workshop stop"),
    "containers of a dead cloud": (
        lambda: doctor.stale_cloud([{**IDLE, "containers": 3}], lambda port: False), WARNING,
        "3 containers", "workshop stop"),
    "nothing set": (lambda: doctor.aws({}, {}, None), OK, "local cloud, free", ""),
    "keys without a profile": (lambda: doctor.aws({"AWS_ACCESS_KEY_ID": "x"}, {}, None), OK,
                               "not used", ""),
    "no such profile": (lambda: aws({}, {"other": None}), BLOCKS, "no such profile",
                        "aws configure --profile me"),
    "no region": (lambda: aws({}, {"me": None}), BLOCKS, "no region", "set region us-east-1"),
    "a region that boto3 does not read": (
        lambda: aws({"AWS_REGION": "eu-west-3"}, {"me": None}), BLOCKS, "does not read AWS_REGION",
        "set region eu-west-3"),
    "a misspelt region": (lambda: aws({}, {"me": "useast1"}), BLOCKS, "'useast1'", "us-east-1"),
    "a zone for a region": (lambda: aws({}, {"me": "us-east-1a"}), BLOCKS, "'us-east-1a'",
                            "us-east-1"),
    "two regions": (lambda: aws({"AWS_REGION": "us-east-2"}), BLOCKS, "says us-east-2",
                    "AWS_REGION=eu-west-1"),
    "not the profile's region": (lambda: aws({"AWS_DEFAULT_REGION": "us-east-2"}), WARNING,
                                 "profile me says eu-west-1", "unset AWS_DEFAULT_REGION"),
    "a region": (lambda: aws({}), OK, "region eu-west-1", ""),
    "an endpoint beside a profile": (lambda: aws({"AWS_ENDPOINT_URL": "http://x"}), WARNING,
                                     "http://x", "unset AWS_ENDPOINT_URL"),
    "refused credentials": (lambda: aws({}, answer=("", "ExpiredToken")), BLOCKS, "ExpiredToken",
                            "aws configure --profile me"),
    "policies are attached": (lambda: doctor.permissions("me", lambda: ({}, "")), OK,
                              "may do what the lessons do", ""),
    "a policy is missing": (lambda: doctor.permissions(
        "me", lambda: ({"sagemaker": ["sagemaker:CreateModel"]}, "")), BLOCKS,
        "stage sagemaker needs: sagemaker:CreateModel", "learner/sagemaker.json"),
    "who may not ask": (lambda: doctor.permissions(
        "me", lambda: ({}, "ClientError: AccessDenied")), WARNING, "cannot be checked",
        "learner/operate.json"),
    "no answer of the simulator": (lambda: doctor.permissions(
        "me", lambda: ({}, "no answer within 120 s")), WARNING, "no answer", "try again"),
    "an account": (lambda: aws({}), OK, "123456789012: lessons cost money", ""),
}


@pytest.mark.parametrize("case", FINDINGS)
def test_finding(case):
    look, level, what, fix = FINDINGS[case]
    found = look()
    found = found if isinstance(found, list) else [found]
    fitting = [finding for finding in found if what in finding.what]
    assert [(finding.level, fix in finding.fix) for finding in fitting] == [(level, True)], found
    for finding in found:
        assert "\n" not in str(finding)
        assert bool(finding.fix) == (finding.level != OK), "whatever is not ok comes with its fix"


@pytest.mark.parametrize("nothing", [
    lambda: login("docker.io", "123456789012.dkr.ecr.us-east-1.amazonaws.com"),
    lambda: doctor.registry_login({}),
    lambda: platform(DOCKER_DEFAULT_PLATFORM="linux/amd64"),
    lambda: platform(WORKSHOP_ARCHITECTURE="arm64", DOCKER_DEFAULT_PLATFORM="linux/arm64")[1:],
    lambda: doctor.stale_cloud([MINE, TAKEN, IDLE], lambda port: False),
    lambda: doctor.builder(False),
    lambda: doctor.permissions(None, None),
])
def test_what_is_as_it_should_be_is_no_finding(nothing):
    assert nothing() == []


def run_doctor(**changes):
    """The command on this machine, with one thing made wrong."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run([sys.executable, "-m", "workshop", "doctor"], cwd=ROOT, text=True,
                          capture_output=True, env={**environ, **changes})


def test_the_command_ends_with_1_when_something_blocks_and_names_the_fix():
    answer = run_doctor(WORKSHOP_PORT="none")
    assert answer.returncode == 1 and answer.stderr == ""
    assert "BLOCKS   WORKSHOP_PORT is 'none' → set it to a number" in answer.stdout


def test_a_profile_that_does_not_exist_blocks(tmp_path):
    answer = run_doctor(AWS_PROFILE="nobody", AWS_CONFIG_FILE=str(tmp_path / "config"),
                        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"))
    assert answer.returncode == 1 and "no such profile" in answer.stdout, answer


def test_profiles_and_regions_are_read_from_both_files(tmp_path):
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = x\n[me]\n")
    (tmp_path / "config").write_text("[profile me]\nregion = eu-west-1\n[default]\n")
    found = doctor._profiles({"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
                              "AWS_CONFIG_FILE": str(tmp_path / "config")})
    assert found == {"default": None, "me": "eu-west-1"}


def test_a_login_is_read_from_dockers_own_configuration(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"public.ecr.aws": {}}}))
    assert "docker logout public.ecr.aws" in run_doctor(DOCKER_CONFIG=str(tmp_path)).stdout
