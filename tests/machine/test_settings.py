"""The learner's settings: what reaches the programs that the workshop starts, and what does not."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hostile_home import AWS_CONFIG
from workshop import cloud
from workshop.machine import environment, settings
from workshop.machine.paths import ROOT

# Variables with which a learner's machine has gone wrong, and their kind.
LEAKS = {
    "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9", "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9",
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_CA_BUNDLE": "/nonexistent", "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_DEFAULT_OUTPUT": "table", "AWS_PAGER": "false",
    "AWS_MAX_ATTEMPTS": "1", "AWS_RETRY_MODE": "adaptive", "AWS_DATA_PATH": "/nonexistent",
    "AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9", "AWS_SESSION_TOKEN": "theirs",
    "AWS_SDK_UA_APP_ID": "theirs", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "BOTO_CONFIG": "/nonexistent", "SAM_CLI_POLL_DELAY": "30", "SAM_CLI_TELEMETRY": "1",
    "SAM_CLI_ENDPOINT_URL": "http://127.0.0.1:9",
    "BUILDX_BUILDER": "far-away", "BUILDX_CONFIG": "/nonexistent", "DOCKER_CONTENT_TRUST": "1"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of its own, and our files beside it, so that tests do not meet."""
    monkeypatch.setattr(settings, "FOLDER", tmp_path / "settings")
    monkeypatch.setattr(settings, "DOCKER_FOLDER", tmp_path / "docker")
    monkeypatch.setattr(settings, "_learners", {})
    monkeypatch.setattr(settings, "_ours", {})
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def environ():
    """Variables of a learner who has set all that leaks, and what must stay."""
    return {**LEAKS, "PATH": os.environ["PATH"], "HOME": "/home/ada", "LANG": "C.UTF-8",
            "DOCKER_HOST": "unix:///theirs", "DOCKER_CONTEXT": "theirs",
            "HTTPS_PROXY": "http://proxy:8080", "http_proxy": "http://proxy:8080",
            "SSL_CERT_FILE": "/etc/theirs.pem", "WORKSHOP_PORT": "4570"}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# AWS's tools

def test_nothing_that_leaks_stays_and_all_else_does(home, environ):
    before = dict(environ)
    settings.isolate(environ)
    ours = settings._files()
    assert {name: environ[name] for name in ours} == ours
    left = {name: value for name, value in environ.items()
            if name not in ours and not name.startswith("PIP_")}
    assert left == {name: value for name, value in before.items() if name not in LEAKS}


def test_it_is_given_back_when_aws_is_chosen(home, environ):
    environ |= {"AWS_CONFIG_FILE": "/theirs/config", "DOCKER_CONFIG": "/theirs/docker"}
    before = {name: value for name, value in environ.items() if not name.startswith("PIP_")}
    settings.isolate(environ)
    settings.isolate(environ)           # a second cloud.use()
    environ["AWS_ENDPOINT_URL_SNS"] = "set in a cell"
    settings.isolate(environ)
    settings.restore(environ)
    after = {name: value for name, value in environ.items() if not name.startswith("PIP_")}
    assert after == {**before, "AWS_ENDPOINT_URL_SNS": "set in a cell"}


def test_what_the_learner_sets_in_between_wins(home):
    environ = {"AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "/old"}
    settings.isolate(environ)
    environ |= {"AWS_MAX_ATTEMPTS": "9", "AWS_CONFIG_FILE": "/new"}
    settings.restore(environ)
    assert (environ["AWS_MAX_ATTEMPTS"], environ["AWS_CONFIG_FILE"]) == ("9", "/new")


def test_a_child_of_an_isolated_process_can_go_to_aws(home, monkeypatch):
    """It does not know what its parent took away, but it must not read our empty files."""
    environ = {}
    settings.isolate(environ)
    monkeypatch.setattr(settings, "_ours", {})
    settings.restore(environ)
    assert not [name for name in environ if name.startswith(("AWS_", "DOCKER_CONFIG"))]
    same = {"AWS_EC2_METADATA_DISABLED": "true", "SAM_CLI_TELEMETRY": "0"}
    settings.restore(same)
    assert len(same) == 2, "what the learner has set to our value is the learner's"


def test_boto3_and_aws_go_to_the_local_cloud_whatever_the_learner_set(
        local_cloud, tmp_path, monkeypatch):
    """In a process of its own, with a home folder that leads elsewhere in all ways."""
    write(tmp_path / ".aws/config", AWS_CONFIG)
    write(tmp_path / ".aws/credentials", "[default]\nsource_profile = default\nrole_arn = x\n")
    program = (
        "import subprocess, sys, pathlib; from workshop import cloud; cloud.use(); import boto3\n"
        "boto3.client('sqs').list_queues(); boto3.client('lambda').list_functions()\n"
        "boto3.client('s3').list_buckets(); print(boto3.client('sts').meta.endpoint_url)\n"
        "aws = pathlib.Path(sys.executable).with_name('aws')\n"
        "done = subprocess.run([aws, 'sqs', 'create-queue', '--queue-name', 'x'], text=True,\n"
        "                      capture_output=True)\n"
        "assert done.returncode == 0 and done.stdout.lstrip().startswith('{'), done\n"
        "boto3.client('sqs').delete_queue(QueueUrl=boto3.client('sqs').get_queue_url(QueueName='x')"
        "['QueueUrl'])")
    hostile = {**os.environ, **LEAKS, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT),
               "AWS_CONFIG_FILE": str(tmp_path / ".aws/config"),
               "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / ".aws/credentials")}
    hostile.pop("AWS_PROFILE", None)
    done = subprocess.run([sys.executable, "-c", program], env=hostile, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == cloud.url()


# The local cloud's process

def test_the_local_cloud_gets_what_is_named_and_nothing_else(home, environ):
    stray = {"AUTH": "true", "PERSIST_STATE": "1", "SERVICES": "s3", "GATEWAY_PORT": "1",
             "LAMBDA_EXECUTOR": "local", "MINISTACK_IMAGE_PREFIX": "evil/", "USE_SSL": "1",
             "DOCKER_NETWORK": "theirs", "HOSTNAME": "x", "PYTHONOPTIMIZE": "2",
             "PYTHONSTARTUP": "/nonexistent", "PIP_USER": "1", "GITHUB_TOKEN": "secret"}
    given = settings.local_cloud({**environ, **stray})
    assert not given.keys() & (LEAKS.keys() | stray.keys())
    kept = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "HTTPS_PROXY", "http_proxy",
            "SSL_CERT_FILE", "WORKSHOP_PORT")
    assert {name: given[name] for name in kept} == {name: environ[name] for name in kept}


def test_ministack_reads_no_variable_that_the_process_gets(home):
    """Those that it does read are set by server.configure, or belong to Docker."""
    import re

    import ministack
    text = "".join(path.read_text(encoding="utf-8")
                   for path in Path(ministack.__file__).parent.rglob("*.py"))
    read = set(re.findall(r"(?:environ\.get|getenv)\(\s*[\"']([A-Z_0-9]+)", text))
    assert len(read) > 60, "the pattern finds them no more"
    assert read & settings.PROCESS <= {"TMPDIR", "LOG_LEVEL", "DOCKER_HOST"}


# Docker's configuration file

HOSTILE_DOCKER = {
    "proxies": {"default": {"httpProxy": "http://proxy:3128"}}, "credsStore": "does-not-exist",
    "credHelpers": {"public.ecr.aws": "neither"},
    "auths": {"public.ecr.aws": {"auth": "b2xkOm9sZA=="}},
    "psFormat": "{{.ID}}", "imagesFormat": "x", "HttpHeaders": {"X": "1"}, "currentContext": "mine",
    "aliases": {"builder": "theirs"}}


def test_dockers_file_is_taken_over_only_as_far_as_it_is_named(home):
    write(home / ".docker/config.json", json.dumps(HOSTILE_DOCKER))
    write(home / ".docker/contexts/meta/abc/meta.json", "{}")
    write(home / ".docker/cli-plugins/docker-buildx", "")
    folder = settings.docker_folder({})
    assert json.loads((folder / "config.json").read_text()) == {
        "proxies": HOSTILE_DOCKER["proxies"], "currentContext": "mine",
        "cliPluginsExtraDirs": [str(home / ".docker/cli-plugins")]}
    assert (folder / "contexts/meta/abc/meta.json").read_text() == "{}"
    assert (folder.stat().st_mode & 0o777, (folder / "config.json").stat().st_mode & 0o777) == \
        (0o700, 0o600)


def test_a_login_to_our_registry_stays_when_their_file_changes(home):
    theirs = write(home / ".docker/config.json", "{}")
    folder = settings.docker_folder({})
    write(folder / "config.json", json.dumps({"auths": {"localhost:4566": {"auth": "x"}}}))
    theirs.write_text(json.dumps({"proxies": {}}))
    settings.docker_folder({})
    assert json.loads((folder / "config.json").read_text()) == {
        "proxies": {}, "auths": {"localhost:4566": {"auth": "x"}}}


@pytest.mark.parametrize("text", ["", "{", "[]", "\ufeff{}", "null"])
def test_a_damaged_docker_file_is_no_obstacle(home, text):
    write(home / ".docker/config.json", text)
    assert settings.docker_folder({}) == home / "docker"
    assert settings.docker_folder({"DOCKER_CONFIG": "/nonexistent"}) == home / "docker"


def test_docker_can_log_in_although_the_learners_helper_is_missing(local_cloud, tmp_path):
    """`docker login` as lesson 05 does it, and nothing of it in the learner's file."""
    theirs = write(tmp_path / "config.json", json.dumps(HOSTILE_DOCKER | {"currentContext": ""}))
    before = theirs.read_bytes()
    program = ("from workshop import cloud; cloud.use(); from workshop import deploy; "
               "deploy.login()")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          timeout=300, env={**os.environ, "PYTHONPATH": str(ROOT),
                                            "DOCKER_CONFIG": str(tmp_path)})
    if "No Docker engine" in done.stdout:
        pytest.skip("no Docker engine is running")
    assert done.returncode == 0, done.stderr
    assert theirs.read_bytes() == before


# pip

@pytest.fixture
def pip_file(tmp_path):
    return write(tmp_path / "pip.conf", "\n".join([
        "[global]", "user = true", "constraint = /nonexistent/constraints.txt",
        "require-virtualenv = true", "timeout = 7", "trusted-host =", "  one.example",
        "  two.example", "index-url = https://global.example/simple",
        "[install]", "target = /nonexistent", "no-deps = true", "dry-run = true",
        "index-url = https://install.example/simple", "[download]", "pre = true"]))


def test_ways_to_packages_stay_and_what_changes_an_installation_goes(pip_file):
    given = settings.pip({"PIP_CONFIG_FILE": str(pip_file), "PATH": os.environ["PATH"],
                          "PIP_PREFIX": "/x", "PIP_CONSTRAINT": "/y", "PIP_NO_BINARY": ":all:",
                          "PIP_ONLY_BINARY": "x", "PIP_ROOT": "/x", "PIP_QUIET": "3",
                          "PIP_REQUIRE_HASHES": "1", "PIP_PROXY": "http://proxy:3128"})
    expected = {"PIP_CONFIG_FILE": os.devnull, "PIP_TIMEOUT": "7",
                "PIP_TRUSTED_HOST": "one.example two.example", "PIP_PROXY": "http://proxy:3128",
                "PIP_INDEX_URL": "https://install.example/simple"}
    assert {name: given[name] for name in expected} == expected
    assert {name.removeprefix("PIP_").lower().replace("_", "-") for name in given} <= \
        {*settings.PIP, "config-file"}


def test_a_variable_goes_before_a_file(pip_file):
    given = settings.pip({"PIP_CONFIG_FILE": str(pip_file), "PATH": os.environ["PATH"],
                          "PIP_INDEX_URL": "https://variable.example/simple"})
    assert given["PIP_INDEX_URL"] == "https://variable.example/simple"


def test_settings_that_are_kept_apart_already_stay_so(pip_file):
    once = settings.pip({"PIP_CONFIG_FILE": str(pip_file), "PATH": os.environ["PATH"]})
    assert settings.pip(once) == once


@pytest.mark.parametrize("text", ["no section", "[global]\nuser", "\xff"])
def test_a_pip_file_that_pip_cannot_read_is_passed_over(tmp_path, text):
    broken = tmp_path / "pip.conf"
    broken.write_bytes(text.encode("latin-1"))
    given = settings.pip({"PIP_CONFIG_FILE": str(broken), "PATH": os.environ["PATH"],
                          "PIP_CERT": "/theirs.pem"})
    assert (given["PIP_CERT"], given["PIP_CONFIG_FILE"]) == ("/theirs.pem", os.devnull)


def test_pip_itself_then_installs_where_it_is_told(pip_file, tmp_path):
    """With the real pip, and a package that is a folder."""
    write(tmp_path / "package/pyproject.toml", "[build-system]\nrequires = []\n"
          "build-backend = 'backend'\nbackend-path = ['.']\n")
    write(tmp_path / "package/backend.py", """
import zipfile
def build_wheel(folder, *_):
    with zipfile.ZipFile(f"{folder}/tiny-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr("tiny-1.dist-info/METADATA",
                       "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n")
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\n"
                       "Root-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    return "tiny-1-py3-none-any.whl"
""")
    environ = {**os.environ, "PIP_CONFIG_FILE": str(pip_file), "PIP_USER": "1",
               "PIP_CONSTRAINT": "/nonexistent", "PIP_NO_DEPS": "1", "PIP_TARGET": "/nonexistent",
               "PIP_DRY_RUN": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PYTHONWARNINGS": "error"}
    settings.tools(environ)
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-index", "--target",
                           str(tmp_path / "there"), str(tmp_path / "package")], env=environ,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "there/tiny.py").exists()


# Python, Jupyter, and what is printed

def test_variables_of_python_jupyter_and_the_like_are_left_behind(home):
    theirs = {"PYTHONHOME": "/x", "PYTHONPATH": "/x", "PYTHONSTARTUP": "/x", "PYTHONOPTIMIZE": "2",
              "PYTHONUSERBASE": "/x", "PYTHONWARNINGS": "error", "PYTHONINSPECT": "1",
              "PYTHONIOENCODING": "ascii", "JUPYTER_TOKEN": "x", "JUPYTER_CONFIG_DIR": "/x",
              "JUPYTER_PATH": "/x", "JUPYTERLAB_DIR": "/x", "IPYTHONDIR": "/x",
              "PYTEST_ADDOPTS": "-x", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "MPLBACKEND": "TkAgg",
              "MATPLOTLIBRC": "/x", "KERAS_BACKEND": "jax", "TF_USE_LEGACY_KERAS": "1"}
    environ = {**theirs, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "2",
               "PATH": os.environ["PATH"]}
    settings.tools(environ)
    assert not [name for name, value in theirs.items() if environ.get(name) == value]
    assert (environ["PYTHONUNBUFFERED"], environ["OMP_NUM_THREADS"]) == ("1", "2")
    assert environ["PYTHONPATH"] == str(ROOT)
    again = dict(environ)
    settings.tools(again)
    assert again == environ


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "latin-1"])
@pytest.mark.parametrize("command", [["doctor"], ["run", "99"], ["nonsense"], ["--help"]])
def test_what_the_output_cannot_show_ends_no_command(encoding, command, tmp_path):
    with open(tmp_path / "file", "wb") as output:
        done = subprocess.run([sys.executable, "-m", "workshop", *command], cwd=ROOT, stdout=output,
                              stderr=subprocess.STDOUT, timeout=300,
                              env={**os.environ, "PYTHONIOENCODING": encoding})
    said = (tmp_path / "file").read_bytes()
    assert b"UnicodeEncodeError" not in said and b"Traceback" not in said
    assert said and done.returncode in (0, 1, 2)


def test_the_ways_of_pip_reach_the_set_up(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_INDEX_URL", "https://theirs.example/simple")
    monkeypatch.setenv("PIP_USER", "1")
    given = environment._plain()
    assert given["PIP_INDEX_URL"] == "https://theirs.example/simple"
    assert "PIP_USER" not in given and "PYTHONPATH" not in given


# What cannot be kept out

@pytest.mark.parametrize("name, text, words", [
    (".aws/models/sqs/2012-11-05/service-2.json", "{}", "boto3"),
    (".aws/cli/alias", "[toplevel]\n", "`aws`"),
    (".netrc", "machine localhost login a password b\n", "localhost"),
    (".netrc", "machine 127.0.0.1\n login a\n password b\n", "127.0.0.1"),
    (".netrc", "default login a password b\n", "every machine"),
    ("etc/jupyter/jupyter_server_config.py", "", "JupyterLab"),
    ("usr/local/etc/jupyter/jupyter_config.json", "{}", "JupyterLab")])
def test_what_reaches_us_all_the_same_is_reported_with_its_fix(tmp_path, name, text, words):
    write(tmp_path / name, text)
    (what, fix), = settings.leftovers(tmp_path, tmp_path, {})
    assert words in what and fix


def test_nothing_is_reported_where_there_is_nothing(tmp_path):
    write(tmp_path / ".netrc", "machine pypi.example login a password b\n")
    assert settings.leftovers(tmp_path, tmp_path, {}) == []
    assert settings.leftovers(tmp_path, tmp_path, {"NETRC": "/nonexistent"}) == []
