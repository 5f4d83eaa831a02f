"""The switch between the clouds, and the local cloud's process: start, stop, kill, neighbours."""
import http.server
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from workshop import cloud, deploy
from workshop.local import addresses, identities, lifecycle, server
from workshop.machine import engine, paths

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def clean_environment(monkeypatch):
    """The environment of a learner who has set nothing of AWS, restored afterwards."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_DEFAULT_REGION",
                 "DOCKER_DEFAULT_PLATFORM", "BUILDX_NO_DEFAULT_ATTESTATIONS", "no_proxy",
                 "NO_PROXY", *cloud.KEYS):
        monkeypatch.setenv(name, "")      # so that monkeypatch takes away what `use` sets
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def own_port(clean_environment):
    """A port on which nothing runs, set as WORKSHOP_PORT; whatever runs there is stopped."""
    port = free_port()
    clean_environment.setenv("WORKSHOP_PORT", str(port))
    yield port
    lifecycle.stop(port)
    shutil.rmtree(addresses.state_folder(port), ignore_errors=True)


def pid_of(port: int) -> int:
    return lifecycle.status(port)["pid"]


# Start, stop, kill

def test_use_sets_what_boto3_docker_and_the_aws_cli_need_and_says_where_we_are(own_port, capsys):
    cloud.use()
    assert capsys.readouterr().out.startswith(f"local cloud, free (http://localhost:{own_port})\n")
    assert os.environ["AWS_ENDPOINT_URL"] == f"http://localhost:{own_port}"
    assert os.environ["AWS_REGION"] == os.environ["AWS_DEFAULT_REGION"] == "us-east-1"
    assert os.environ["DOCKER_DEFAULT_PLATFORM"] == engine.platform()
    assert os.environ["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"
    assert cloud.is_local()
    import boto3
    assert boto3.client("sts").get_caller_identity()["Account"] == addresses.ACCOUNT
    aws = Path(sys.executable).with_name("aws")
    done = subprocess.run([aws, "s3", "mb", "s3://workshop-test-cli"], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    assert "workshop-test-cli" in [b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]]


def test_a_second_use_starts_nothing(own_port):
    cloud.use()
    first = pid_of(own_port)
    cloud.use()
    assert pid_of(own_port) == first


def test_two_notebooks_at_once_start_one_local_cloud(own_port):
    code = ("from workshop import cloud; from workshop.local import lifecycle; cloud.use(); "
            "print(lifecycle.status()['pid'])")
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda _: subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True),
            range(3)))
    assert [run.returncode for run in done] == [0, 0, 0], [run.stderr for run in done]
    assert len({run.stdout.splitlines()[-1] for run in done}) == 1


@LINUX
def test_it_listens_on_loopback_and_the_dockers_bridge_only(own_port):
    lifecycle.start()
    allowed = {"127.0.0.1", "::1", engine.bridge_gateway() if engine.available() else None}
    listening = listeners(pid_of(own_port))
    assert ("127.0.0.1", own_port) in listening
    assert {address for address, _ in listening} <= allowed
    assert {port for _, port in listening} == {own_port}, "no second port, such as MQTT's"


def listeners(pid: int) -> set[tuple[str, int]]:
    """Addresses and ports on which a process listens, from /proc (state 0A is LISTEN)."""
    links = (os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for table, family, size in (("tcp", socket.AF_INET, 8), ("tcp6", socket.AF_INET6, 32)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                # The kernel prints each 32-bit word in the machine's own byte order.
                order = -1 if sys.byteorder == "little" else 1
                raw = b"".join(bytes.fromhex(address[at:at + 8])[::order]
                               for at in range(0, size, 8))
                found.add((socket.inet_ntop(family, raw), int(port, 16)))
    return found


def container_of(port: int) -> str:
    """Start a container as the local cloud on this port would, and return its id."""
    from workshop.machine import base_image
    done = engine.docker("run", "-d", "--label", f"workshop.cloud={port}", "--entrypoint", "sleep",
                         base_image.get(), "300")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def running() -> list[str]:
    return engine.docker("ps", "-aq", "--no-trunc").stdout.split()


def invoke_zip(probe_zip) -> None:
    """Invoke a function, so that the local cloud in use starts a container."""
    import boto3
    client, iam = boto3.client("lambda"), boto3.client("iam")
    role = iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=deploy.policy("trust"))["Role"]["Arn"]
    client.create_function(FunctionName="f", Role=role, Runtime="python3.13",
                           Handler="lambda_function.lambda_handler", Code={"ZipFile": probe_zip})
    client.get_waiter("function_active_v2").wait(FunctionName="f")
    answer = client.invoke(FunctionName="f")
    assert answer.get("FunctionError") is None, answer["Payload"].read()


def test_sigterm_leaves_no_container_behind(own_port, docker_engine, probe_zip):
    cloud.use()
    invoke_zip(probe_zip)
    assert lifecycle.status()["containers"] >= 1
    end(own_port, signal.SIGTERM)
    assert lifecycle.status()["containers"] == 0
    assert not (addresses.state_folder() / "pid").exists()


def test_sigterm_in_the_middle_of_invokes_leaves_no_container_behind(
        own_port, docker_engine, probe_zip):
    cloud.use()
    invoke_zip(probe_zip)
    import boto3
    from botocore.config import Config
    client = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}))

    def invoke(_):
        try:
            client.invoke(FunctionName="f", Payload=json.dumps({"sleep": 2}))
        except Exception as error:  # the cloud goes away under it: that is the point
            return error
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(invoke, number) for number in range(4)]
        time.sleep(0.3)  # some containers run, some are being created
        lifecycle.stop()
        assert lifecycle.status()["containers"] == 0
        [each.result() for each in waiting]
    assert lifecycle.status()["containers"] == 0


def test_a_start_after_sigkill_sweeps_its_own_leftovers_and_no_others(
        own_port, docker_engine, probe_zip):
    neighbour = container_of(own_port + 1)
    try:
        cloud.use()
        invoke_zip(probe_zip)
        end(own_port, signal.SIGKILL)
        assert lifecycle.status()["containers"] >= 1
        lifecycle.start()
        assert lifecycle.status()["containers"] == 0
        assert neighbour in running()
    finally:
        engine.docker("rm", "-f", neighbour)


def test_stop_after_sigkill_sweeps_too(own_port, docker_engine):
    lifecycle.start()
    left = container_of(own_port)
    end(own_port, signal.SIGKILL)
    lifecycle.stop()
    assert left not in running() and lifecycle.status()["running"] is False


def end(port: int, by: signal.Signals) -> None:
    """Signal the local cloud, and wait until it has gone, and done what it does when it ends."""
    pid = pid_of(port)
    [process] = [child for child in lifecycle._started if child.pid == pid]
    os.kill(pid, by)
    process.wait(timeout=30)


def test_stop_is_quiet_where_nothing_runs(own_port):
    lifecycle.stop()
    assert lifecycle.status() == {
        "running": False, "pid": None, "port": own_port, "url": f"http://localhost:{own_port}",
        "log": str(paths.BUILD / "cloud" / str(own_port) / "log"),
        "docker": engine.available(), "containers": 0, "since": None, "memory": None}


# Neighbours on the port

class Answering(http.server.BaseHTTPRequestHandler):
    """A web server that answers `content` to everything."""
    content = b"hello"

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("content, words", [
    (b"hello", "is used by another program"),
    (b"[]", "is used by another program"),
    (json.dumps({"workshop": "local cloud"}).encode(), "another copy of the workshop"),
])
def test_a_port_that_is_taken_is_named_with_the_way_out(clean_environment, content, words):
    handler = type("Handler", (Answering,), {"content": content})
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    clean_environment.setenv("WORKSHOP_PORT", str(port))
    try:
        with pytest.raises(cloud.CloudError) as caught:
            cloud.use()
    finally:
        server.shutdown()
        server.server_close()
    assert str(port) in str(caught.value) and words in str(caught.value)
    assert "WORKSHOP_PORT" in str(caught.value)


def test_a_program_that_does_not_speak_http_is_named_too(clean_environment):
    server = socket.create_server(("127.0.0.1", 0))

    def greet():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    threading.Thread(target=greet, daemon=True).start()
    clean_environment.setenv("WORKSHOP_PORT", str(server.getsockname()[1]))
    try:
        with pytest.raises(cloud.CloudError, match="is used by another program"):
            cloud.use()
    finally:
        server.close()


def test_two_processes_cannot_open_one_port(own_port):
    first = server.listen(own_port)
    try:
        with pytest.raises(OSError):
            server.listen(own_port)
    finally:
        for sock in first:
            sock.close()


def test_a_start_that_fails_shows_the_end_of_the_log(own_port, monkeypatch):
    monkeypatch.setattr(cloud.sys, "executable", "/bin/false" if os.path.exists("/bin/false")
                        else "/usr/bin/false")
    with pytest.raises(cloud.CloudError, match=f"did not start on port {own_port}"):
        lifecycle.start()


@pytest.mark.parametrize("value", ["many", "80", "70000"])
def test_a_port_that_is_none_is_refused(clean_environment, value):
    clean_environment.setenv("WORKSHOP_PORT", value)
    with pytest.raises(cloud.CloudError, match="WORKSHOP_PORT"):
        cloud.port()


# The other side of the switch

@pytest.fixture
def profile(clean_environment, tmp_path):
    """AWS_PROFILE=learner with configuration files of the test's own."""
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("")
    credentials.write_text("")
    clean_environment.setenv("AWS_CONFIG_FILE", str(config))
    clean_environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    clean_environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    clean_environment.setenv("AWS_PROFILE", "learner")
    return config, credentials


def test_a_profile_that_does_not_exist_is_named(profile):
    with pytest.raises(cloud.CloudError, match=r"AWS_PROFILE is 'learner'.*could not be found"):
        cloud.use()


def test_a_profile_without_credentials_is_named_with_what_to_do(profile):
    profile[0].write_text("[profile learner]\nregion = us-east-1\n")
    with pytest.raises(cloud.CloudError) as caught:
        cloud.use()
    assert "has no credentials" in str(caught.value)
    assert "aws configure --profile learner" in str(caught.value)
    assert "unset AWS_PROFILE" in str(caught.value)


def test_a_profile_without_region_is_named_with_what_to_do(profile):
    profile[1].write_text("[learner]\naws_access_key_id = a\naws_secret_access_key = b\n")
    with pytest.raises(cloud.CloudError, match="no region is set.*aws configure set region"):
        cloud.use()


def test_with_a_profile_only_dockers_settings_are_set_and_the_account_is_named(
        profile, local_cloud_as_aws, capsys):
    profile[0].write_text("[profile learner]\nregion = eu-west-1\n"
                          f"endpoint_url = {local_cloud_as_aws}\n")
    keys = identities.user_keys(addresses.state_folder())
    profile[1].write_text(f"[learner]\naws_access_key_id = {keys['access_key']}\n"
                          f"aws_secret_access_key = {keys['secret_key']}\n")
    before = {name for name in os.environ if name.startswith("AWS_")}
    cloud.use()
    assert capsys.readouterr().out == (
        f"AWS account {addresses.ACCOUNT}, region eu-west-1: this costs money\n")
    assert {name for name in os.environ if name.startswith("AWS_")} == before
    assert os.environ["DOCKER_DEFAULT_PLATFORM"] == engine.platform()
    assert not cloud.is_local()


@pytest.fixture
def local_cloud_as_aws(own_port):
    """The address of a local cloud that plays AWS for a profile."""
    lifecycle.start(own_port)
    return cloud.url(own_port)


def test_switching_to_a_profile_takes_the_local_settings_back(own_port, profile):
    profile[0].write_text("[profile learner]\nregion = us-east-1\n")
    os.environ.pop("AWS_PROFILE")
    cloud.use()
    assert "AWS_ENDPOINT_URL" in os.environ
    os.environ["AWS_PROFILE"] = "learner"
    with pytest.raises(cloud.CloudError, match="has no credentials"):
        cloud.use()
    assert "AWS_ENDPOINT_URL" not in os.environ and "AWS_ACCESS_KEY_ID" not in os.environ


def test_a_proxy_is_not_asked_for_this_machine(
        own_port, clean_environment, docker_engine, probe_zip):
    for name in ("http_proxy", "HTTP_PROXY"):
        clean_environment.setenv(name, "http://127.0.0.1:9")  # nothing listens there
    cloud.use()
    invoke_zip(probe_zip)


# Links for functions

def link(key="boot.png") -> str:
    return cloud.link_signer().generate_presigned_url(
        "get_object", Params={"Bucket": "workshop-test", "Key": key}, ExpiresIn=60)


def test_a_link_leads_to_where_containers_find_the_local_cloud(own_port, docker_engine):
    cloud.use()
    import boto3
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="workshop-test")
    s3.put_object(Bucket="workshop-test", Key="boot.png", Body=b"a boot")
    assert link().startswith(f"http://{cloud.host_for_functions()}/workshop-test/boot.png?")
    from workshop.machine import base_image
    program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
    done = engine.docker("run", "--rm", "--env", "http_proxy=", "--env", "HTTP_PROXY=",
                         "--entrypoint", "python3", base_image.get(), "-c", program, link())
    assert done.stdout.strip() == "a boot", done.stderr


def test_a_link_with_a_wrong_signature_opens_nothing(own_port):
    cloud.use()
    import boto3
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="workshop-test")
    s3.put_object(Bucket="workshop-test", Key="boot.png", Body=b"a boot")
    from botocore.config import Config
    url = boto3.client("s3", config=Config(signature_version="s3v4")).generate_presigned_url(
        "get_object", Params={"Bucket": "workshop-test", "Key": "boot.png"})
    assert urllib.request.urlopen(url).read() == b"a boot"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url.replace("Signature=", "Signature=0"))


def test_with_docker_desktop_a_link_names_the_host_as_its_containers_do(own_port, monkeypatch):
    cloud.use()
    monkeypatch.setattr(engine, "bridge_gateway", lambda: None)
    assert cloud.host_for_functions() == f"host.docker.internal:{own_port}"
    assert link().startswith(f"http://host.docker.internal:{own_port}/workshop-test/boot.png?")


def test_on_aws_a_link_names_the_bucket_in_its_region_and_no_host_is_allowed(profile):
    profile[0].write_text("[profile learner]\nregion = eu-central-1\n")
    profile[1].write_text("[learner]\naws_access_key_id = a\naws_secret_access_key = b\n")
    cloud._fresh_session()
    assert cloud.host_for_functions() == ""
    assert link().startswith("https://workshop-test.s3.eu-central-1.amazonaws.com/boot.png?X-Amz-")


# Without Docker

def test_without_docker_all_but_invokes_works_and_that_is_said(
        own_port, monkeypatch, capsys, probe_zip):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    engine._info.cache_clear()
    try:
        cloud.use()
        assert "No Docker engine is running" in capsys.readouterr().out
        import boto3
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="workshop-test")
        s3.put_object(Bucket="workshop-test", Key="a", Body=b"1")
        assert s3.get_object(Bucket="workshop-test", Key="a")["Body"].read() == b"1"
        with pytest.raises(AssertionError, match="Docker"):
            invoke_zip(probe_zip)
        lifecycle.stop()
    finally:
        monkeypatch.undo()
        engine._info.cache_clear()


# Health and keys

def test_health_names_the_clone_to_who_has_its_keys_and_nothing_to_others(own_port):
    lifecycle.start()
    keys = identities.user_keys(addresses.state_folder())
    assert lifecycle._health(own_port, keys) == {
        "workshop": "local cloud", "pid": pid_of(own_port), "port": own_port,
        "root": str(paths.ROOT), "addresses": [
            "127.0.0.1", *(["::1"] if has_ipv6() else []),
            *([engine.bridge_gateway()] if engine.available() else [])]}
    for others in None, {"access_key": "AKIAX", "secret_key": "x"}:
        assert lifecycle._health(own_port, others) == {"workshop": "local cloud"}


def test_the_keys_are_new_with_each_start_and_for_this_user_only(own_port):
    lifecycle.start()
    file = addresses.state_folder() / "credentials.json"

    def secrets():
        return {secret for user in identities.USERS
                for secret in identities.user_keys(addresses.state_folder(), user).values()}
    first = secrets()
    assert len(first) == 4
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for secret in first:
        assert secret not in addresses.log_path().read_text()
    lifecycle.stop()
    assert not file.exists()
    lifecycle.start()
    assert not first & secrets()


def test_keys_that_a_killed_local_cloud_left_are_not_those_of_the_next(own_port):
    lifecycle.start()
    first = identities.user_keys(addresses.state_folder())
    end(own_port, signal.SIGKILL)
    assert identities.user_keys(addresses.state_folder()) == first
    cloud.use()
    import boto3
    boto3.client("sts").get_caller_identity()
    old = boto3.client("sts", aws_access_key_id=first["access_key"],
                       aws_secret_access_key=first["secret_key"])
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        old.get_caller_identity()


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_an_engine_that_started_later_is_met_with_a_hint(
        own_port, docker_engine, capsys, monkeypatch):
    cloud.use()
    assert "Docker" not in capsys.readouterr().out
    monkeypatch.setattr(engine, "bridge_gateway", lambda: "172.31.255.1")
    cloud.use()
    assert "python3 -m workshop stop" in capsys.readouterr().out


def test_the_learners_credentials_do_not_reach_the_local_cloud(own_port, clean_environment):
    if not sys.platform.startswith("linux"):
        pytest.skip("reads Linux's /proc")
    clean_environment.setenv("AWS_SECRET_ACCESS_KEY", "the-learners-own")
    lifecycle.start()
    assert b"the-learners-own" not in Path(f"/proc/{pid_of(own_port)}/environ").read_bytes()
