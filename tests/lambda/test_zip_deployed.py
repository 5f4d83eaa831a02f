"""The churn function as zip, layer and model in S3, in the local cloud: all of its life."""
import base64
import io
import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import boto3
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

from workshop import deploy, packages
from workshop.account import buckets, layers
from workshop.course import lessons
from workshop.local.addresses import ACCOUNT
from workshop.machine import paths

NAME = "workshop-test-zip"
NAMED = "workshop-test-zip-parts"
PREFIX = "models/churn"
PARALLEL = 10
MB = 1024 ** 2


@pytest.fixture(scope="module", autouse=True)
def local(local_cloud):
    """Nothing of our name, before and after."""
    deploy.delete(NAME)
    yield
    deploy.delete(NAME)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """{version: path} of the churn model and two that differ in version only."""
    lessons.require("03")
    folder, made = tmp_path_factory.mktemp("models"), {"1": paths.MODELS / "churn.onnx"}
    for version in ("2", "3"):
        model = onnx.load(made["1"])
        entry = next(one for one in model.metadata_props if one.key == "signature")
        entry.value = json.dumps(json.loads(entry.value) | {"version": version})
        made[version] = folder / f"churn_{version}.onnx"
        onnx.save(model, made[version])
    return made


@pytest.fixture(scope="module")
def customers():
    lessons.require("02")
    rows = pd.read_csv(paths.MODELS / "churn_test.csv").drop(columns="churn").head(50)
    return json.loads(rows.to_json(orient="records"))


@pytest.fixture(scope="module")
def function(aws, docker_engine, models):
    """The function, its layer, its bucket, its role; the pointer is believed for a moment."""
    settings = {"ORT_DISABLE_TELEMETRY": "1", "MODEL_REFRESH_SECONDS": "0.1",
                "BUCKET_OWNER": ACCOUNT, "MODEL_URI": deploy.publish_model(NAME, models["1"], "1")}
    deploy.allow(NAME, "read_models", bucket=deploy.bucket(NAME), prefix=PREFIX)
    deploy.zip_function(NAME, memory=1769, timeout=30, environment=settings,
                        layers=[deploy.layer(NAME, "churn")], folder="churn")
    return aws("lambda")


def fresh(client):
    """The next request meets a new environment."""
    now = client.get_function_configuration(FunctionName=NAME)["MemorySize"]
    client.update_function_configuration(FunctionName=NAME, MemorySize=2 * 1769 + 1 - now)
    client.get_waiter("function_updated_v2").wait(FunctionName=NAME)


def ask(client, customer):
    """The answer, and the log of that run."""
    said = client.invoke(FunctionName=NAME, Payload=json.dumps({"customer": customer}),
                         LogType="Tail")
    payload = json.load(said["Payload"])
    assert "FunctionError" not in said, payload
    return payload, base64.b64decode(said["LogResult"]).decode()


def test_layer_meets_both_limits(function):
    config = function.get_function_configuration(FunctionName=NAME)
    [layer] = config["Layers"]
    assert layer["CodeSize"] <= 50 * MB and config["CodeSize"] < 20_000
    folder = packages.install("churn")
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 100 * MB
    assert [path.name for path in folder.iterdir()] == ["python"]


def test_answers_are_the_models_own(function, customers):
    session = onnxruntime.InferenceSession(paths.MODELS / "churn.onnx")
    feed = {one.name: np.array([[customer[one.name]] for customer in customers],
                               dtype=object if "string" in one.type else np.float32)
            for one in session.get_inputs()}
    expected = session.run(["probabilities"], feed)[0][:, 1]
    given = [ask(function, customer)[0]["churn_probability"] for customer in customers]
    assert np.abs(np.array(given) - expected).max() <= 1e-5


def test_ten_first_requests_at_once_load_one_model_in_each_environment(function, customers):
    fresh(function)
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(lambda customer: ask(function, customer), customers[:PARALLEL]))
    assert all("churn_probability" in answer for answer, _ in answers)
    environments = sum("Init Duration" in log for _, log in answers)
    assert environments > 1
    # One that takes a second request may look at the pointer again, but finds it unchanged.
    assert sum(log.count('"model": "loaded"') for _, log in answers) == environments


def test_update_and_rollback_change_the_answers_and_not_the_function(function, models, customers):
    before = function.get_function_configuration(FunctionName=NAME)["RevisionId"]
    for version in ("2", "1"):
        deploy.publish_model(NAME, models[version], version)
        time.sleep(0.2)
        assert ask(function, customers[0])[0]["model_version"] == version
    assert function.get_function_configuration(FunctionName=NAME)["RevisionId"] == before


def test_damaged_model_answers_nobody(function, models, customers):
    """Old environments go on, new ones say 500, and both are well when the object is repaired."""
    deploy.publish_model(NAME, models["3"], "3")
    time.sleep(0.2)
    assert ask(function, customers[0])[0]["model_version"] == "3"
    s3, bucket = boto3.client("s3"), deploy.bucket(NAME)
    pointer = json.load(s3.get_object(Bucket=bucket, Key=f"{PREFIX}/current.json")["Body"])
    content = models["3"].read_bytes()
    s3.put_object(Bucket=bucket, Key=pointer["key"], Body=content[:-1] + b"!")
    assert ask(function, customers[0])[0]["model_version"] == "3"
    fresh(function)
    answer, log = ask(function, customers[0])
    assert set(answer) == {"statusCode", "message", "request_id"} and answer["statusCode"] == 500
    assert "the pointer promises" in log
    s3.put_object(Bucket=bucket, Key=pointer["key"], Body=content)
    time.sleep(0.2)
    assert ask(function, customers[0])[0]["model_version"] == "3"


# Idempotent, ours, and gone at the end

@pytest.fixture
def nothing():
    deploy.delete(NAMED)
    yield
    deploy.delete(NAMED)


def packages_zip(content="x = 1\n"):
    """A tiny layer, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("python/x.py"), content)
    return buffer.getvalue()


def test_the_same_calls_change_nothing(function, models, capsys):
    config = function.get_function_configuration(FunctionName=NAME)
    arns = [layer["Arn"] for layer in config["Layers"]]
    assert deploy.layer(NAME, "churn") == arns[0]
    deploy.zip_function(NAME, memory=config["MemorySize"], timeout=30, layers=arns,
                        environment=config["Environment"]["Variables"], folder="churn")
    after = function.get_function_configuration(FunctionName=NAME)
    assert after["RevisionId"] == config["RevisionId"]
    assert "updating" not in capsys.readouterr().out


def test_layers_that_are_no_longer_named_are_taken_away(nothing):
    made = layers.ensure(NAMED, packages_zip(), buckets.full_name(NAMED))
    for wanted in ([made], []):
        deploy.zip_function(NAMED, layers=wanted, folder="hello")
        config = boto3.client("lambda").get_function_configuration(FunctionName=NAMED)
        assert [layer["Arn"] for layer in config.get("Layers") or []] == wanted


def test_bucket_is_tagged_and_of_this_account(nothing):
    bucket = deploy.bucket(NAMED)
    account = boto3.client("sts").get_caller_identity()["Account"]
    assert bucket == f"{NAMED}-{account}-us-east-1" == deploy.bucket(NAMED)
    tags = boto3.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert tags == [{"Key": key, "Value": value} for key, value in deploy.tags().items()]


def test_role_reads_models_of_its_own_bucket_and_nothing_else(nothing):
    bucket = deploy.bucket(NAMED)
    deploy.allow(NAMED, "read_models", bucket=bucket, prefix=PREFIX)
    iam, role = boto3.client("iam"), f"{NAMED}-role"
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["logs", "read_models"]
    document = iam.get_role_policy(RoleName=role, PolicyName="read_models")["PolicyDocument"]
    [statement] = document["Statement"]
    assert statement["Action"] == "s3:GetObject"
    assert statement["Resource"] == f"arn:aws:s3:::{bucket}/{PREFIX}/*"


def test_models_are_kept_under_keys_of_their_own(nothing, models):
    s3, uri = boto3.client("s3"), [deploy.publish_model(NAMED, models[v], v) for v in ("1", "2")]
    assert uri[0] == uri[1] == f"s3://{deploy.bucket(NAMED)}/{PREFIX}/current.json"
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=deploy.bucket(NAMED))["Contents"]]
    assert len(keys) == 3
    pointer = json.load(s3.get_object(Bucket=deploy.bucket(NAMED),
                                      Key=f"{PREFIX}/current.json")["Body"])
    assert pointer["version"] == "2" and pointer["key"] in keys


def left(name):
    s3, client = boto3.client("s3"), boto3.client("lambda")
    return ([one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith(name)]
            + client.list_layer_versions(LayerName=name)["LayerVersions"])


def test_delete_takes_layers_and_bucket_with_all_that_is_in_it(nothing, models):
    layers.ensure(NAMED, packages_zip(), buckets.full_name(NAMED))
    deploy.publish_model(NAMED, models["1"], "1")
    assert len(left(NAMED)) == 2
    deploy.delete(NAMED)
    assert left(NAMED) == []
    deploy.delete(NAMED)


def foreign_bucket():
    s3, name = boto3.client("s3"), buckets.full_name(NAMED)
    s3.create_bucket(Bucket=name)
    return lambda: s3.delete_bucket(Bucket=name)


def foreign_layer():
    client = boto3.client("lambda")
    made = client.publish_layer_version(LayerName=NAMED, Description="somebody else's",
                                        Content={"ZipFile": packages_zip()})
    return lambda: client.delete_layer_version(LayerName=NAMED, VersionNumber=made["Version"])


@pytest.mark.parametrize("make", [foreign_bucket, foreign_layer])
def test_what_lacks_our_mark_is_neither_used_nor_deleted(nothing, models, make):
    remove = make()
    try:
        deploy.ensure_role(NAMED)      # something of ours beside it
        with pytest.raises(deploy.NotOursError, match="lacks the tag"):
            deploy.delete(NAMED)
        assert len(left(NAMED)) == 1
        if make is foreign_bucket:
            with pytest.raises(deploy.NotOursError):
                deploy.publish_model(NAMED, models["1"], "1")
    finally:
        remove()


@pytest.mark.parametrize("call", [
    lambda: deploy.bucket("churn"), lambda: deploy.layer("churn"),
    lambda: deploy.allow("churn", "read_models", bucket="b", prefix="p")])
def test_names_begin_with_workshop(call):
    with pytest.raises(ValueError, match="begin with 'workshop-test-'"):
        call()
