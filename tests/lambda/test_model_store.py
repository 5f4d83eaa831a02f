"""A model in S3: fetched once, renewed without a deployment, refused when it is not what it should
be. S3 is the local cloud's; what that does not do, refuse and be slow, is played."""
import hashlib
import json
import subprocess
import sys
import uuid

import boto3
import onnx
import pytest
from botocore.stub import Stubber

import tiny_churn
from function_folder import Context, load
from workshop.local.addresses import ACCOUNT
from workshop.machine.paths import LAMBDA, ROOT

CUSTOMER = json.loads((ROOT / "tests/support/events" / "direct.json").read_text())["customer"]
POINTER = "models/churn/current.json"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """{version: bytes} of a tiny model in three versions."""
    folder = tmp_path_factory.mktemp("models")
    tiny_churn.make(folder)
    made = {}
    for version in ("1", "2", "3"):
        model = onnx.load(folder / "model.onnx")
        signature = tiny_churn.signature() | {"version": version}
        onnx.helper.set_model_props(model, {"signature": json.dumps(signature)})
        made[version] = model.SerializeToString()
    return made


class Bucket:
    """A bucket of the local cloud, and short words for what a team does with it."""

    def __init__(self):
        self.client, self.name = boto3.client("s3"), f"workshop-test-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=self.name)
        self.uri = f"s3://{self.name}/{POINTER}"

    def put(self, key, content):
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def point(self, **pointer):
        self.put(POINTER, json.dumps(pointer))

    def publish(self, version, content):
        """Upload a model under a key of its own, then move the pointer."""
        sha256 = hashlib.sha256(content).hexdigest()
        key = f"models/churn/{sha256[:16]}/model.onnx"
        self.put(key, content)
        self.point(key=key, sha256=sha256, version=version)
        return key

    def remove(self):
        for one in self.client.list_objects_v2(Bucket=self.name).get("Contents", []):
            self.client.delete_object(Bucket=self.name, Key=one["Key"])
        self.client.delete_bucket(Bucket=self.name)


@pytest.fixture
def bucket(local_cloud):
    made = Bucket()
    yield made
    made.remove()


@pytest.fixture
def start(monkeypatch, bucket, tmp_path):
    """`start()`: lambda/churn as a new environment imports it, its model in the bucket."""
    def begin(seconds="0"):
        monkeypatch.setenv("MODEL_URI", bucket.uri)
        monkeypatch.setenv("BUCKET_OWNER", ACCOUNT)
        monkeypatch.setenv("MODEL_REFRESH_SECONDS", seconds)
        function = load(monkeypatch, "churn")
        monkeypatch.setattr(function.model_store, "FOLDER", tmp_path / "models")
        return function
    return begin


def ask(function, capsys):
    """(answer, the log's lines as dicts) of one request."""
    answer = function.lambda_handler({"customer": CUSTOMER}, Context())
    return answer, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def count_reads(function, monkeypatch):
    """The keys that are asked of S3 from now on."""
    keys, get = [], function.models.client.get_object

    def counted(**arguments):
        keys.append(arguments["Key"])
        return get(**arguments)
    monkeypatch.setattr(function.models.client, "get_object", counted)
    return keys


# Loading

def test_nothing_is_fetched_before_the_first_request(start, tmp_path):
    function = start()      # the bucket is empty, and nobody has noticed
    assert function.session is None and not (tmp_path / "models").exists()


def test_first_request_loads_the_model_and_says_so(start, bucket, models, capsys):
    key = bucket.publish("1", models["1"])
    answer, lines = ask(start(), capsys)
    assert answer["model_version"] == "1" and 0 <= answer["churn_probability"] <= 1
    loaded, request = lines
    assert (loaded["model"], loaded["version"], loaded["key"], loaded["fetched"]) == (
        "loaded", "1", key, True)
    assert request["status"] == 200 and request["model_version"] == "1"


def test_answers_are_those_of_the_model_beside_the_code(
        start, bucket, models, capsys, monkeypatch, tmp_path):
    bucket.publish("1", models["1"])
    there = ask(start(), capsys)[0]
    (tmp_path / "model.onnx").write_bytes(models["1"])
    monkeypatch.delenv("MODEL_URI")
    here = ask(load(monkeypatch, "churn", tmp_path / "model.onnx"), capsys)[0]
    assert here == there


def test_model_is_fetched_once_and_the_pointer_when_its_time_has_come(
        start, bucket, models, monkeypatch):
    key = bucket.publish("1", models["1"])
    function = start(seconds="60")
    keys, now = count_reads(function, monkeypatch), [1000.0]
    monkeypatch.setattr(function.model_store.time, "time", lambda: now[0])
    for now[0] in (1000, 1001, 1059.9, 1060.1, 1100, 1121):
        function.models.current()
    assert keys == [POINTER, key, POINTER, POINTER]


def test_unchanged_pointer_is_not_sent_again(start, bucket, models):
    bucket.publish("1", models["1"])
    function = start()
    function.models.current()
    assert function.models.read_pointer() == (None, None)      # 304, told by its ETag


def test_a_process_that_ended_finds_the_model_in_tmp(start, bucket, models, monkeypatch, capsys):
    key = bucket.publish("1", models["1"])
    start().models.current()
    again = start()                 # a function that timed out: new process, same /tmp
    keys = count_reads(again, monkeypatch)
    capsys.readouterr()
    again.models.current()
    assert keys == [POINTER] and key not in keys
    assert json.loads(capsys.readouterr().out)["fetched"] is False


def test_a_file_in_tmp_that_is_not_the_model_is_fetched_again(start, bucket, models, tmp_path):
    bucket.publish("1", models["1"])
    start().models.current()
    [file] = (tmp_path / "models").iterdir()
    file.write_bytes(models["1"][:-1])
    start().models.current()
    assert file.read_bytes() == models["1"]


# Changing

def test_update_and_rollback_need_no_new_start(start, bucket, models, capsys, tmp_path):
    function = start()
    for version in ("1", "2", "1"):
        bucket.publish(version, models[version])
        answer, lines = ask(function, capsys)
        assert answer["model_version"] == version == lines[-1]["model_version"]
    assert len(list((tmp_path / "models").iterdir())) == 1, "models before must not fill /tmp"


def broken(bucket, models):
    """Ways in which the next model is none: each puts one in place, and what the log then says."""
    good = hashlib.sha256(models["2"]).hexdigest()
    key = f"models/churn/{good[:16]}/model.onnx"
    flipped = bytes(byte ^ 1 for byte in models["2"])
    return {
        "other bytes": (lambda: (bucket.put(key, flipped), bucket.point(key=key, sha256=good)),
                        "ValueError", "the pointer promises"),
        "half of it": (lambda: (bucket.put(key, models["2"][:500]),
                                bucket.point(key=key, sha256=good)),
                       "ValueError", "the pointer promises"),
        "no such key": (lambda: bucket.point(key="models/churn/none/model.onnx", sha256=good),
                        "NoSuchKey", "does not exist"),
        "published broken": (lambda: bucket.publish("2", models["2"][:500]),
                             "ValueError", "Export it again (lesson 03)"),
        "no signature": (lambda: bucket.publish("2", unsigned(models["2"])),
                         "ValueError", "signature is missing"),
        "pointer of text": (lambda: bucket.put(POINTER, b"version 2"), "ValueError",
                            "publish the model again (lesson 15)"),
        "empty pointer": (lambda: bucket.put(POINTER, b""), "ValueError", "publish the model"),
        "half a pointer": (lambda: bucket.put(POINTER, b'{"key": "mod'), "ValueError", "must be"),
        "pointer of another kind": (lambda: bucket.point(model="2"), "ValueError", "must be"),
        "pointer to a folder": (lambda: bucket.point(key=key, sha256="../../etc"), "ValueError",
                                "must be"),
        "endless pointer": (lambda: bucket.put(POINTER, b'{"key": "' + b"x" * 20_000 + b'"}'),
                            "ValueError", "must be"),
        "no pointer": (lambda: bucket.client.delete_object(Bucket=bucket.name, Key=POINTER),
                       "NoSuchKey", "does not exist"),
    }


def unsigned(content):
    model = onnx.load_from_string(content)
    del model.metadata_props[:]
    return model.SerializeToString()


BROKEN = list(broken(None, {"2": b""}))


@pytest.mark.parametrize("way", BROKEN)
def test_broken_model_is_refused_and_the_one_before_goes_on(
        start, bucket, models, capsys, tmp_path, way):
    bucket.publish("1", models["1"])
    function = start()
    ask(function, capsys)
    put, error, words = broken(bucket, models)[way]
    put()
    answer, (refused, request) = ask(function, capsys)
    assert answer["model_version"] == "1" and request["status"] == 200
    assert refused["model"] == "refused" and refused["serving"] == "1"
    assert error in refused["error"] and words in refused["reason"]
    assert not list((tmp_path / "models").glob("*.part")), "what is not whole must not stay"
    bucket.publish("3", models["3"])        # and the next good one is taken
    assert ask(function, capsys)[0]["model_version"] == "3"


@pytest.mark.parametrize("way", BROKEN)
def test_without_any_model_callers_get_500_and_nothing_else(start, bucket, models, capsys, way):
    put, error, words = broken(bucket, models)[way]
    put()
    function = start()
    answer, (refused, request) = ask(function, capsys)
    assert answer == {"statusCode": 500, "message": "internal error",
                      "request_id": Context.aws_request_id}
    assert (refused["model"], refused["serving"]) == ("refused", None)
    assert error in refused["error"] and words in refused["reason"]
    assert request["status"] == 500 and request["error"] == "NoModelError"
    bucket.publish("1", models["1"])        # repaired: no new start is needed
    assert ask(function, capsys)[0]["model_version"] == "1"


def test_without_a_model_s3_is_not_asked_by_every_request(start, bucket, monkeypatch, capsys):
    function = start(seconds="60")
    keys, now = count_reads(function, monkeypatch), [1000.0]
    monkeypatch.setattr(function.model_store.time, "time", lambda: now[0])
    for now[0] in (1000, 1000.5, 1000.9, 1001.1):
        assert ask(function, capsys)[0]["statusCode"] == 500
    assert keys == [POINTER, POINTER]


def test_http_callers_get_500_as_well(start, capsys):
    event = json.loads((ROOT / "tests/support/events" / "http.json").read_text())
    answer = start().lambda_handler(event, Context())
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == {"message": "internal error",
                                          "request_id": Context.aws_request_id}


# What the local cloud does not do

def stubbed(function, monkeypatch, code, status):
    client = boto3.client("s3")
    stub = Stubber(client)
    message = "User: arn:aws:sts::123456789012:assumed-role/x is not authorized"
    stub.add_client_error("get_object", code, message, status)
    stub.activate()
    monkeypatch.setattr(function.models, "client", client)


def test_denied_access_is_in_the_log_and_not_in_the_answer(start, monkeypatch, capsys):
    function = start()
    stubbed(function, monkeypatch, "AccessDenied", 403)
    answer, (refused, _) = ask(function, capsys)
    assert answer["statusCode"] == 500 and "authorized" not in json.dumps(answer)
    assert "AccessDenied" in refused["reason"] and "not authorized" in refused["reason"]


def test_s3_that_fails_leaves_the_model_at_work(start, bucket, models, monkeypatch, capsys):
    bucket.publish("1", models["1"])
    function = start()
    ask(function, capsys)
    stubbed(function, monkeypatch, "SlowDown", 503)
    answer, (refused, _) = ask(function, capsys)
    assert answer["model_version"] == "1" and "SlowDown" in refused["reason"]


def test_client_gives_up_before_the_request_does(start):
    config = start().models.client.meta.config
    longest = config.retries["total_max_attempts"] * (config.connect_timeout + config.read_timeout)
    assert longest <= 8     # seconds; the function's time-out in the lessons is 10


# Starting

@pytest.mark.parametrize("uri", ["bucket/key", "https://bucket/key", "s3://bucket", "s3://bucket/",
                                 "s3:///key"])
def test_address_that_is_none_stops_the_function(monkeypatch, uri):
    monkeypatch.setenv("MODEL_URI", uri)
    with pytest.raises(ValueError, match="must be s3://BUCKET/KEY"):
        load(monkeypatch, "churn")


@pytest.mark.parametrize("owner", [None, "", "me", "12345678901", "123456789012 "])
def test_an_owner_of_the_bucket_that_is_no_account_stops_the_function(monkeypatch, owner):
    monkeypatch.setenv("MODEL_URI", "s3://bucket/key")
    monkeypatch.delenv("BUCKET_OWNER", raising=False)
    if owner is not None:
        monkeypatch.setenv("BUCKET_OWNER", owner)
    with pytest.raises(ValueError, match="BUCKET_OWNER is .*12 digits"):
        load(monkeypatch, "churn")


def test_a_model_in_a_strangers_bucket_never_answers(start, bucket, models, monkeypatch, capsys):
    bucket.publish("1", models["1"])
    function = start()
    function.models.where["ExpectedBucketOwner"] = "999999999999"
    with pytest.raises(function.model_store.NoModelError):
        function.models.current()
    assert "AccessDenied" in capsys.readouterr().out


def test_function_with_its_model_beside_it_never_imports_boto3(models, tmp_path):
    """A process of its own: here, the tests have imported boto3 long ago."""
    (tmp_path / "model.onnx").write_bytes(models["1"])
    code = ("import sys, lambda_function\n"
            "print(sorted({'boto3', 'botocore', 'model_store'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], cwd=LAMBDA / "churn", text=True,
                          env={"MODEL_PATH": str(tmp_path / "model.onnx"), "MODEL_URI": "",
                               "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True)
    assert done.stdout.strip() == "[]", done.stderr
