"""Who may talk to the local cloud: strangers get nothing, and those it knows get what they sign."""
import hashlib
import http.client
import http.server
import inspect
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import boto3
import botocore.auth
import pytest
import requests
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import attempts
import devtools
import image_registry
from waiting import until
from workshop import cloud
from workshop.commands import browser
from workshop.local import addresses, gate, identities, lifecycle, services
from workshop.local.patches import closed
from workshop.machine import base_image, engine, paths

LINUX_ROOT = pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0,
                                reason="only root on Linux can act as another user")


@pytest.fixture(scope="module")
def treasure(aws):
    """A private object, and the certainty that nobody made anything meanwhile."""
    s3, bucket = aws("s3"), "workshop-test-private"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="secret.txt", Body=b"the treasure")
    yield s3
    s3.delete_object(Bucket=bucket, Key="secret.txt")
    s3.delete_bucket(Bucket=bucket)


@contextmanager
def nothing_made(aws):
    """Asserts that strangers made and changed nothing while the block ran."""
    yield
    assert not [url for url in aws("sqs").list_queues().get("QueueUrls", []) if "stranger" in url]
    assert "stranger" not in [one["Name"] for one in aws("s3").list_buckets()["Buckets"]]
    assert aws("s3").get_object(Bucket="workshop-test-private", Key="secret.txt")[
        "Body"].read() == b"the treasure"


def assert_refused(results):
    """Each result, (name, status, CORS headers, text), is a refusal that says nothing."""
    assert len(results) == len(attempts.ATTEMPTS) >= 40
    for name, status, opened, text in results:
        print(f"{status}  {name}")
        assert status in (400, 401, 403, 404), f"{name}: {status} {text}"
        assert not opened, f"{name}: a web page could read this: {opened}"
        assert "treasure" not in text and str(paths.ROOT) not in text, f"{name}: {text}"


# Strangers

def test_a_program_without_keys_gets_nothing(aws, treasure):
    with nothing_made(aws):
        assert_refused([[name, *attempts.attempt(cloud.url(), *asked)]
                        for name, *asked in attempts.ATTEMPTS])


@LINUX_ROOT
def test_another_user_of_the_machine_gets_nothing(aws, treasure):
    program = inspect.getsource(attempts)       # this checkout may not be readable for them
    with nothing_made(aws):
        done = subprocess.run([base_python(), "-I", "-c", program, cloud.url()], user=65534,
                              group=65534, extra_groups=[], cwd="/", env={}, capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
        assert_refused(json.loads(done.stdout))


def base_python() -> str:
    """A Python that any user may start: Debian's, or that which made the environment."""
    return "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys._base_executable


@LINUX_ROOT
def test_another_user_cannot_read_the_keys(local_cloud):
    for file in (addresses.state_folder() / "credentials.json",
                 f"/proc/{lifecycle.status()['pid']}/environ"):
        done = subprocess.run(["cat", str(file)], user=65534, group=65534, extra_groups=[],
                              capture_output=True)
        assert done.returncode != 0 and done.stdout == b""


def test_a_functions_code_without_its_keys_gets_nothing(aws, treasure, docker_engine):
    with nothing_made(aws):
        done = engine.docker(
            "run", "--rm", "--add-host", "host.docker.internal:host-gateway", "--entrypoint",
            "python3", base_image.get(), "-c", inspect.getsource(attempts),
            f"http://{cloud.host_for_functions()}", timeout=120)
        assert done.returncode == 0, done.stderr
        assert_refused(json.loads(done.stdout))


# What a page can do without asking first (a simple request), what it must ask for first, and what
# it can embed. {here} is the local cloud's address.
PAGE = """
const attempts = %s;
const results = [];
for (const [name, method, path, headers, body] of attempts) {
  for (const mode of ["cors", "no-cors"]) {
    try {
      const answer = await fetch("%s" + path, {method, headers, body, mode, redirect: "manual"});
      results.push([name, mode, answer.type, answer.status, await answer.text()]);
    } catch (error) { results.push([name, mode, "refused", 0, ""]); }
  }
}
for (const kind of ["img", "script", "iframe"]) {
  await new Promise(done => {
    const element = document.createElement(kind);
    element.onload = element.onerror = done;
    element.src = "%s/?Action=CreateQueue&QueueName=stranger&Version=2012-11-05";
    document.body.append(element);
    setTimeout(done, 3000);
  });
}
const form = document.createElement("form");
Object.assign(form, {method: "POST", action: "%s/", target: "there", enctype: "text/plain"});
form.innerHTML = '<input name="Action=CreateQueue&QueueName" value="stranger">';
const frame = document.createElement("iframe");
frame.name = "there";
document.body.append(frame, form);
form.submit();
const socket = await new Promise(done => {
  const made = new WebSocket("%s".replace("http", "ws") + "/_aws/execute-api/abcdefghij/");
  made.onopen = () => done("open");
  made.onerror = () => done("refused");
});
results.push(["a WebSocket", "", socket, 0, ""]);
"""


@contextmanager
def page_of_another_origin(tmp_path):
    """An empty page that a real browser has open, served by another program of this machine."""
    found = browser.find()
    if not found:
        pytest.skip("no Chrome or Chromium is installed (WORKSHOP_BROWSER may name one)")

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        with devtools.page(found, address, tmp_path / "profile") as page:
            until(lambda: page.ask("document.title") == "elsewhere", "the page is there")
            yield page
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_web_page_reads_nothing_and_makes_nothing(aws, treasure, tmp_path, host):
    here = f"http://{host}:{cloud.port()}"
    # A browser sets these itself, or refuses to.
    asked = [(name, method, path, {key: value for key, value in headers.items()
                                   if key not in ("Host", "Origin")}, body)
             for name, method, path, headers, body in attempts.ATTEMPTS if method != "OPTIONS"]
    asked = [one if one[1] not in ("GET", "HEAD") else (*one[:4], None) for one in asked]
    program = PAGE % (json.dumps(asked), here, here, here, here)
    with page_of_another_origin(tmp_path) as page, nothing_made(aws):
        results = json.loads(page.ask(f"(async () => {{ {program} return JSON.stringify(results); "
                                      "})()"))
    assert len(results) == 2 * len(asked) + 1 > 80
    for name, mode, kind, status, text in results:
        # Of an opaque answer a page sees neither status nor text.
        assert kind in ("refused", "opaque", "opaqueredirect"), f"{name}, {mode}: {kind} {status}"
        assert text == "", name


# An API's own CORS, in the browser

def test_a_page_reads_an_api_only_with_the_cors_that_was_configured(aws, probe, tmp_path):
    gateway = aws("apigatewayv2")
    made = {}
    for name, origins in (("closed", None), ("other", ["https://elsewhere.example"]),
                          ("open", ["*"])):
        cors = {"CorsConfiguration": {"AllowOrigins": origins, "AllowMethods": ["GET"]}} \
            if origins else {}
        api = gateway.create_api(Name=f"workshop-test-{name}", ProtocolType="HTTP", **cors)
        target = gateway.create_integration(
            ApiId=api["ApiId"], IntegrationType="AWS_PROXY", PayloadFormatVersion="2.0",
            IntegrationUri=probe.arn)
        gateway.create_route(ApiId=api["ApiId"], RouteKey="GET /",
                             Target=f"integrations/{target['IntegrationId']}")
        gateway.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
        aws("lambda").add_permission(
            FunctionName=probe.name, StatementId=name, Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:us-east-1:012345678912:{api['ApiId']}/*/*/")
        made[name] = api
    try:
        with page_of_another_origin(tmp_path) as page:
            read = {name: page.ask(f"fetch('{api['ApiEndpoint']}/').then("
                                   "answer => answer.status, () => 'refused')")
                    for name, api in made.items()}
    finally:
        for name, api in made.items():
            gateway.delete_api(ApiId=api["ApiId"])
            aws("lambda").remove_permission(FunctionName=probe.name, StatementId=name)
    assert read == {"closed": "refused", "other": "refused", "open": 200}


# Services

def test_only_the_services_of_the_lessons_exist(aws):
    assert sorted(services.SIGNED) == [
        "apigateway", "budgets", "cloudformation", "ecr", "events", "iam", "lambda", "logs",
        "monitoring", "s3", "sagemaker", "scheduler", "sns", "sqs", "sts", "tagging"]
    signing_names = {
        boto3.client(name, region_name="us-east-1").meta.service_model.signing_name
        for name in lesson_clients() & set(boto3.Session().get_available_services())}
    assert signing_names - {"execute-api"} == set(services.SIGNED)


def lesson_clients():
    """The services that lessons, functions and workshop/ make clients of."""
    import re
    files = [*paths.ROOT.glob("solutions/*.py"), *paths.ROOT.glob("workshop/**/*.py"),
             *paths.ROOT.glob("lambda/*/*.py")]
    return {name for file in files for name in re.findall(
        r"""client\(\s*["']([a-z0-9-]+)["']""", file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("service, operation, arguments", [
    ("ecs", "list_clusters", {}), ("ec2", "describe_instances", {}),
    ("dynamodb", "list_tables", {}), ("codebuild", "list_projects", {}),
    ("secretsmanager", "list_secrets", {}), ("rds", "describe_db_instances", {}),
    ("route53", "list_hosted_zones", {}), ("ssm", "describe_parameters", {}),
    ("kinesis", "list_streams", {}), ("cognito-idp", "list_user_pools", {"MaxResults": 1}),
])
def test_another_service_is_unknown_even_to_the_learner(aws, service, operation, arguments):
    with pytest.raises(ClientError, match="The local cloud has no service") as caught:
        getattr(aws(service), operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == "UnknownService"


def test_a_signature_for_one_service_opens_no_other(local_cloud):
    status, text = send(signed_request("s3", "POST", "/", b'{"QueueName": "stranger"}', {
        "X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"}))
    assert status == 403 and "SignatureDoesNotMatch" in text


def test_every_step_of_ministack_before_a_service_is_closed_or_known():
    from ministack import app
    steps = {name for name in vars(app) if name.startswith("_handle_")}
    assert steps - closed.CLOSED - closed.CLOSED_LATER == {
        "_handle_options_request", "_handle_pre_body_request", "_handle_post_body_shortcuts",
        "_handle_special_data_plane_request", "_handle_ecr_registry_request",
        "_handle_execute_api_request", "_handle_lambda_url_request", "_handle_lifespan"}


# Signatures

def signed_request(service="sqs", method="POST", path="/", body=b"{}", headers=None, keys=None,
                   when=None, presigned=0, host=None):
    """A request as boto3 signs it: an AWSRequest that tests may alter before `send`."""
    keys = keys or identities.user_keys(addresses.state_folder(), identities.ADMINISTRATOR)
    host = host or f"127.0.0.1:{cloud.port()}"
    request = AWSRequest(method, f"http://{host}{path}", data=body, headers={
        "Host": host, **(headers or {})})
    kind = ("S3" if service == "s3" else "") + ("SigV4QueryAuth" if presigned else "SigV4Auth")
    signer = getattr(botocore.auth, kind)(
        Credentials(keys["access_key"], keys["secret_key"], keys.get("token")), service,
        "us-east-1", **({"expires": presigned} if presigned else {}))
    real = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *_, **__: when or real()
    try:
        signer.add_auth(request)
    finally:
        botocore.auth.get_current_datetime = real
    return request


def send(request):
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port(), timeout=60)
    parts = urllib.parse.urlsplit(request.url)
    try:
        connection.request(request.method, parts.path + ("?" + parts.query if parts.query else ""),
                           request.data, dict(request.headers.items()))
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


SQS = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LIST_ROLES = b"Action=ListRoles&Version=2010-05-08"
REQUESTS = {        # protocol: (service, method, path, body, headers)
    "json": ("logs", "POST", "/", b"{}", {"X-Amz-Target": "Logs_20140328.DescribeLogGroups",
                                         "Content-Type": "application/x-amz-json-1.1"}),
    "rest-json": ("lambda", "GET", "/2015-03-31/functions/", b"", {}),
    "query": ("iam", "POST", "/", LIST_ROLES, FORM),
    "query-compatible": ("sqs", "POST", "/", b"{}", SQS),
    "rest-xml": ("s3", "GET", "/", b"", {}),
}
# What every known caller may ask, whatever its policies say.
WHO_AM_I = ("sts", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", FORM)
UNKNOWN = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "x"}


@pytest.mark.parametrize("protocol", REQUESTS)
def test_what_the_learner_signs_is_answered(local_cloud, protocol):
    assert send(signed_request(*REQUESTS[protocol]))[0] == 200


@pytest.mark.parametrize("protocol, code", [
    ("json", "UnrecognizedClientException"), ("rest-json", "UnrecognizedClientException"),
    ("query", "InvalidClientTokenId"), ("query-compatible", "InvalidClientTokenId"),
    ("rest-xml", "InvalidAccessKeyId")])
@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "test", "012345678912"])
def test_a_key_that_nobody_has_is_refused_as_aws_does(local_cloud, protocol, code, key):
    status, text = send(signed_request(*REQUESTS[protocol], keys={**UNKNOWN, "access_key": key}))
    assert status in (400, 403) and code in text


@pytest.mark.parametrize("protocol, code", [
    ("json", "InvalidSignatureException"), ("rest-json", "InvalidSignatureException"),
    ("query", "SignatureDoesNotMatch"), ("query-compatible", "SignatureDoesNotMatch"),
    ("rest-xml", "SignatureDoesNotMatch")])
def test_a_wrong_secret_is_refused_as_aws_does(local_cloud, protocol, code):
    keys = {**identities.user_keys(addresses.state_folder(), identities.ADMINISTRATOR),
            "secret_key": "wrong"}
    status, text = send(signed_request(*REQUESTS[protocol], keys=keys))
    assert status in (400, 403) and code in text


@pytest.mark.parametrize("minutes, protocol, code", [
    (-16, "query", "SignatureDoesNotMatch"), (16, "query", "SignatureDoesNotMatch"),
    (-6, "json", "InvalidSignatureException"), (-6, "rest-json", "InvalidSignatureException"),
    (-16, "rest-xml", "RequestTimeTooSkewed"), (16, "rest-xml", "RequestTimeTooSkewed")])
def test_an_old_or_early_signature_is_refused_as_aws_does(local_cloud, minutes, protocol, code):
    when = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(minutes=minutes)
    status, text = send(signed_request(*REQUESTS[protocol], when=when))
    assert status in (400, 403) and code in text


ALTERATIONS = {
    "the body": lambda request: setattr(request, "data", request.data + b" "),
    "the path": lambda request: setattr(request, "url", request.url + "x"),
    "a parameter": lambda request: setattr(request, "url", request.url + "?a=b"),
    "the method": lambda request: setattr(request, "method", "PUT"),
    "the date": lambda request: request.headers.replace_header("X-Amz-Date", "20261128T000000Z"),
    "a fragment": lambda request: setattr(request, "url", request.url.replace(
        "functions/", "functions/%23x")),
    "one digit": lambda request: request.headers.replace_header(
        "Authorization", request.headers["Authorization"][:-1]
        + ("0" if request.headers["Authorization"][-1] != "0" else "1")),
    "a header that was not signed": lambda request: request.headers.add_header(
        "X-Amz-Invocation-Type", "Event"),
    "a session token": lambda request: request.headers.add_header("X-Amz-Security-Token", "x"),
    "signed headers without the host": lambda request: request.headers.replace_header(
        "Authorization", request.headers["Authorization"].replace("host;", "")),
}


@pytest.mark.parametrize("what", ALTERATIONS)
@pytest.mark.parametrize("protocol", ["rest-json", "query", "rest-xml"])
def test_a_request_that_was_altered_is_refused(local_cloud, what, protocol):
    request = signed_request(*REQUESTS[protocol])
    ALTERATIONS[what](request)
    if what == "a fragment" and protocol != "rest-json":
        request.url += "%23"
    assert send(request)[0] in (400, 403)


def test_an_s3_body_must_be_the_one_whose_digest_was_signed(aws, treasure):
    request = signed_request("s3", "PUT", "/workshop-test-private/other.txt", b"mine")
    request.data = b"your"
    status, text = send(request)
    assert status == 403 and "SignatureDoesNotMatch" in text
    assert "Contents" in treasure.list_objects_v2(Bucket="workshop-test-private")
    assert [one["Key"] for one in treasure.list_objects_v2(
        Bucket="workshop-test-private")["Contents"]] == ["secret.txt"]


@pytest.mark.parametrize("key", ["a b", "ä/ö", "a+b", "a%20b", "a=b&c", "~-._", "a//b", "a'(b)*"])
def test_names_that_need_encoding_are_signed_as_boto3_signs_them(treasure, key):
    treasure.put_object(Bucket="workshop-test-private", Key=key, Body=b"1")
    try:
        link = boto3.client("s3", config=Config(signature_version="s3v4")).generate_presigned_url(
            "get_object", Params={"Bucket": "workshop-test-private", "Key": key})
        assert requests.get(link).content == b"1"
        assert treasure.list_objects_v2(Bucket="workshop-test-private", Prefix=key)["KeyCount"] == 1
    finally:
        treasure.delete_object(Bucket="workshop-test-private", Key=key)


def test_large_and_streamed_uploads_are_taken(treasure, tmp_path):
    file = tmp_path / "large"
    file.write_bytes(os.urandom(9_000_000))      # in parts
    treasure.upload_file(str(file), "workshop-test-private", "large")
    try:
        body = treasure.get_object(Bucket="workshop-test-private", Key="large")["Body"].read()
        assert hashlib.sha256(body).digest() == hashlib.sha256(file.read_bytes()).digest()
    finally:
        treasure.delete_object(Bucket="workshop-test-private", Key="large")


def test_an_upload_with_signed_parts_is_refused(treasure, monkeypatch):
    monkeypatch.setattr(botocore.auth.S3SigV4Auth, "payload",
                        lambda *_: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    answer = send(signed_request("s3", "PUT", "/workshop-test-private/parts", b"x"))
    assert 400 <= answer[0] < 500
    assert treasure.list_objects_v2(Bucket="workshop-test-private", Prefix="parts")["KeyCount"] == 0


@pytest.mark.parametrize("protocol", REQUESTS)
def test_a_header_that_is_sent_twice_is_refused(local_cloud, protocol):
    request = signed_request(*REQUESTS[protocol])
    for name in ("Host", "Authorization", "X-Amz-Date"):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port(), timeout=60)
        connection.putrequest(request.method, urllib.parse.urlsplit(request.url).path,
                              skip_host=True, skip_accept_encoding=True)
        for key, value in request.headers.items():
            connection.putheader(key, value)
        connection.putheader(name, "x")
        connection.putheader("Content-Length", str(len(request.data)))
        connection.endheaders(request.data)
        assert connection.getresponse().status == 400
        connection.close()


# Links

def link(when=None, seconds=60, keys=None, path="/workshop-test-private/secret.txt"):
    return signed_request("s3", "GET", path, b"", keys=keys, when=when, presigned=seconds).url


def test_a_link_opens_its_object_until_it_expires(treasure):
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    assert requests.get(link()).text == "the treasure"
    assert requests.get(link(now - timedelta(days=6), 604_800)).text == "the treasure"
    for old in (link(now - timedelta(seconds=61)), link(now - timedelta(days=8), 604_800),
                link(now + timedelta(minutes=16))):
        answer = requests.get(old)
        assert answer.status_code == 403 and "Request has expired" in answer.text


@pytest.mark.parametrize("alter", [
    lambda url: url.replace("secret.txt", "other.txt"),
    lambda url: url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
    lambda url: url.replace("X-Amz-Expires=60&", ""),
    lambda url: url.replace("X-Amz-Expires=60", "X-Amz-Expires=-1"),
    lambda url: url.replace("X-Amz-Expires=60", "X-Amz-Expires=99999999"),
    lambda url: url + "&versionId=x",
    lambda url: url.replace("X-Amz-Signature=", "X-Amz-Signature=0"),
    lambda url: url.partition("&X-Amz-Signature")[0],
    lambda url: url.replace("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""),
    lambda url: url.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders="),
    lambda url: url.partition("?")[0],
])
def test_a_link_that_was_altered_opens_nothing(treasure, alter):
    answer = requests.get(alter(link()))
    assert answer.status_code in (400, 403) and "the treasure" not in answer.text


def test_a_link_to_read_does_not_write(treasure):
    assert requests.put(link(), data=b"changed").status_code == 403
    assert requests.get(link()).text == "the treasure"


# Keys of roles

def test_a_function_acts_as_its_role(probe, role):
    keys = probe.ask(keys=True)["payload"]
    sts = boto3.client("sts", **{name.lower(): value for name, value in keys.items()})
    assert sts.get_caller_identity()["Arn"] == (
        f"arn:aws:sts::012345678912:assumed-role/{role.rpartition('/')[2]}/{probe.name}")


def test_a_functions_keys_end_with_its_environment(new_function):
    function = new_function()
    keys = function.ask(keys=True)["payload"]
    known = {"access_key": keys["AWS_ACCESS_KEY_ID"], "secret_key": keys["AWS_SECRET_ACCESS_KEY"],
             "token": keys["AWS_SESSION_TOKEN"]}
    assert send(signed_request(*WHO_AM_I, keys=known))[0] == 200
    for wrong in ({**known, "token": None}, {**known, "token": "x"},
                  {**known, "secret_key": "x"}):
        assert send(signed_request(*WHO_AM_I, keys=wrong))[0] == 403
    function.delete()
    until(lambda: send(signed_request(*WHO_AM_I, keys=known))[0] == 403,
          "the keys are unknown", 20)


def test_two_environments_have_different_keys(new_function):
    one, two = new_function().ask(keys=True)["payload"], new_function().ask(keys=True)["payload"]
    assert not set(one.values()) & set(two.values())


def test_keys_that_sts_gives_are_known(aws):
    trust = {"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::012345678912:root"}}}
    made = aws("iam").create_role(RoleName="workshop-test-taken",
                                  AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    given = aws("sts").assume_role(RoleArn=made, RoleSessionName="session")["Credentials"]
    aws("iam").delete_role(RoleName="workshop-test-taken")
    keys = {"access_key": given["AccessKeyId"], "secret_key": given["SecretAccessKey"],
            "token": given["SessionToken"]}
    assert send(signed_request(*WHO_AM_I, keys=keys))[0] == 200
    assert send(signed_request(*WHO_AM_I, keys={**keys, "token": None}))[0] == 403


# The registry

def test_the_registry_wants_a_password_that_it_gave(aws):
    token = aws("ecr").get_authorization_token()["authorizationData"][0]
    user, password = image_registry.credentials(aws("ecr"))
    url = f"{token['proxyEndpoint']}/v2/"
    assert timedelta(hours=11) < token["expiresAt"] - datetime.now(timezone.utc) \
        <= timedelta(hours=12)
    assert requests.get(url, auth=(user, password)).status_code == 200
    for wrong in (None, (user, ""), (user, password + "x"), ("root", password), (user, "test")):
        answer = requests.get(url, auth=wrong)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Basic")
    second = aws("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert second != token["authorizationToken"]


def test_a_password_of_the_registry_ends_after_12_hours(monkeypatch):
    password, now = identities.registry_password(), time.time()
    assert identities.registry_caller(password) == identities.SERVICE
    monkeypatch.setattr(identities.time, "time", lambda: now + 12 * 3600 + 1)
    assert identities.registry_caller(password) is None


# Objects that are public

OPEN = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::workshop-test-public/open/*"}


@pytest.fixture
def public(aws):
    """A bucket with two objects; `public(statement, …)` makes that its policy."""
    s3, bucket = aws("s3"), {"Bucket": "workshop-test-public"}
    s3.create_bucket(**bucket)
    for key in ("open/a", "closed/a"):
        s3.put_object(**bucket, Key=key, Body=b"abc", ContentType="text/plain")

    def policy(*statements):
        s3.put_bucket_policy(**bucket, Policy=json.dumps({
            "Version": "2012-10-17", "Statement": list(statements)}))
    yield policy
    for key in ("open/a", "closed/a"):
        s3.delete_object(**bucket, Key=key)
    s3.delete_bucket(**bucket)


def read(path, method="GET", **headers):
    """Status of a request to the public bucket without a signature."""
    return requests.request(method, f"{cloud.url()}/workshop-test-public{path}",
                            headers=headers).status_code


def test_anyone_reads_a_public_object_and_nothing_else(aws, public):
    s3, bucket = aws("s3"), {"Bucket": "workshop-test-public"}
    with pytest.raises(ClientError, match="BlockPublicPolicy"):
        public(OPEN)
    s3.delete_public_access_block(**bucket)
    assert read("/open/a") == 403       # no policy yet
    public(OPEN)
    answer = requests.get(f"{cloud.url()}/workshop-test-public/open/a")
    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (
        200, "abc", "text/plain")
    assert read("/open/a", "HEAD") == 200 and read("/open/a", Range="bytes=0-0") == 206
    closed = requests.get(f"{cloud.url()}/workshop-test-public/closed/a")
    assert closed.status_code == 403 and "<Code>AccessDenied</Code>" in closed.text
    for path in ("", "/", "?list-type=2", "/open/none", "/open/a?acl", "/open/a?tagging",
                 "/open/a?versionId=null", "/open/a?response-content-type=text/html", "?policy",
                 "/open/../closed/a", "/open/%2e%2e/closed/a"):
        assert read(path) in (400, 403), path
    for method in ("PUT", "POST", "DELETE", "PATCH", "OPTIONS"):
        assert read("/open/a", method) == 403, method
    for headers in ({"Origin": "https://shop.example"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Authorization": "Bearer x"}, {"x-amz-security-token": "x"}):
        assert read("/open/a", **headers) == 403, headers
    s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration={
        "RestrictPublicBuckets": True})
    assert read("/open/a") == 403


@pytest.mark.parametrize("statements, status", [
    ([{**OPEN, "Principal": {"AWS": "*"}}], 200),
    ([{**OPEN, "Principal": {"AWS": "arn:aws:iam::012345678912:root"}}], 403),
    ([{**OPEN, "Principal": {"Service": "lambda.amazonaws.com"}}], 403),
    ([{**OPEN, "Action": "s3:PutObject"}], 403),
    ([{**OPEN, "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}], 403),
    ([OPEN, {**OPEN, "Effect": "Deny"}], 403)])
def test_only_a_policy_for_everyone_makes_an_object_public(aws, public, statements, status):
    aws("s3").delete_public_access_block(Bucket="workshop-test-public")
    public(*statements)
    assert read("/open/a") == status


# Routes with AWS_IAM

@pytest.fixture(scope="module")
def iam_route(aws):
    """The address of an HTTP API whose route wants a signature; behind it there is nothing."""
    gateway = aws("apigatewayv2")
    api = gateway.create_api(Name="workshop-test-iam", ProtocolType="HTTP")
    target = gateway.create_integration(
        ApiId=api["ApiId"], IntegrationType="AWS_PROXY", PayloadFormatVersion="2.0",
        IntegrationUri="arn:aws:lambda:us-east-1:012345678912:function:none")
    gateway.create_route(ApiId=api["ApiId"], RouteKey="GET /x", AuthorizationType="AWS_IAM",
                         Target=f"integrations/{target['IntegrationId']}")
    gateway.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    yield api["ApiEndpoint"] + "/x"
    gateway.delete_api(ApiId=api["ApiId"])


@pytest.fixture(scope="module")
def iam_method(aws):
    """The same as a REST API."""
    gateway = aws("apigateway")
    api = gateway.create_rest_api(name="workshop-test-iam")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET",
                       authorizationType="AWS_IAM")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK",
                            requestTemplates={"application/json": '{"statusCode": 200}'})
    gateway.put_method_response(restApiId=api, resourceId=root, httpMethod="GET", statusCode="200")
    gateway.put_integration_response(restApiId=api, resourceId=root, httpMethod="GET",
                                     statusCode="200")
    gateway.create_deployment(restApiId=api, stageName="prod")
    yield f"{cloud.url()}/_aws/execute-api/{api}/prod/"
    gateway.delete_rest_api(restApiId=api)


@pytest.fixture(scope="module")
def iam_url(aws, probe):
    """The same as a function URL; here there is a function behind it."""
    url = aws("lambda").create_function_url_config(
        FunctionName=probe.name, AuthType="AWS_IAM")["FunctionUrl"]
    yield url
    aws("lambda").delete_function_url_config(FunctionName=probe.name)


def signed_headers(url, service, **options):
    parts = urllib.parse.urlsplit(url)
    return dict(signed_request(service, "GET", parts.path, b"", host=parts.netloc,
                               **options).headers.items())


@pytest.mark.parametrize("address, service", [
    ("iam_route", "execute-api"), ("iam_method", "execute-api"), ("iam_url", "lambda")])
def test_a_route_with_aws_iam_verifies_the_signature(request, address, service):
    url = request.getfixturevalue(address)
    good = signed_headers(url, service)
    assert requests.get(url, headers=good).status_code != 403
    old = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(minutes=20)
    for name, headers in {
            "none": {}, "Bearer": {"Authorization": "Bearer x"},
            "an invented one": attempts.signed(service),
            "another service's": signed_headers(url, "s3"),
            "an old one": signed_headers(url, service, when=old),
            "an unknown key": signed_headers(url, service, keys=UNKNOWN),
            "for another path": signed_headers(url + "y", service),
            "an altered one": {**good, "Authorization": good["Authorization"][:-2] + "zz"}}.items():
        answer = requests.get(url, headers=headers)
        assert answer.status_code == 403, f"{name}: {answer.status_code} {answer.text}"


# The parts

@pytest.mark.parametrize("headers, refused", [
    ({}, False),
    ({b"origin": b"http://localhost:4566"}, False),
    ({b"origin": b"http://localhost:8888"}, True),
    ({b"origin": b"http://127.0.0.1"}, True),
    ({b"origin": b"null"}, True),
    ({b"origin": b""}, True),
    ({b"origin": b"https://evil.example"}, True),
    ({b"sec-fetch-site": b"cross-site"}, True),
    ({b"sec-fetch-site": b"same-site"}, True),
    ({b"sec-fetch-site": b" Cross-Site "}, True),
    ({b"sec-fetch-site": b"none"}, False),
    ({b"sec-fetch-site": b"same-origin"}, False),
])
def test_a_page_is_known_by_what_its_browser_says(headers, refused):
    assert gate.from_a_page(headers, {"localhost:4566", "127.0.0.1:4566"}) is refused


def test_the_file_with_the_keys_is_for_its_user_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        keys = identities.make_keys(tmp_path)
        identities.make_keys(tmp_path)
    finally:
        os.umask(before)
    for user, own in keys.items():
        assert identities.user_keys(tmp_path, user) not in (None, own)
    if os.name != "nt":
        assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "credentials.json").write_text("{}")
    assert identities.user_keys(tmp_path) is None
    (tmp_path / "credentials.json").write_text("no JSON")
    assert identities.user_keys(tmp_path) is None
