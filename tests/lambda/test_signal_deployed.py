"""The trading signal in the local cloud: EventBridge, the function, a SageMaker endpoint, a queue.

One decision for each trading day, none from the future, whatever comes twice or late."""
import json
import random
from concurrent.futures import ThreadPoolExecutor

import boto3
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from test_signal import BARS, event, shifted_future, table_of

import function_folder
from waiting import until
from workshop import deploy, endpoints, triggers
from workshop.account import ownership
from workshop.local.addresses import ACCOUNT

NAME, MODEL = "workshop-test-signal", "workshop-test-signal-model"
ORDERS, FAILED = f"{NAME}-orders.fifo", f"{NAME}-failed"


def remove():
    for name in ORDERS, FAILED, NAME:
        triggers.delete(name)
    deploy.delete(NAME)
    endpoints.delete(MODEL)


@pytest.fixture(scope="module")
def features():
    """The function's own features module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(function_folder.LAMBDA / "signal"))
        import features
        yield features


@pytest.fixture(scope="module")
def model(features, tmp_path_factory):
    """A small model of the signal's kind: path of its ONNX file."""
    class Signal:
        pass
    Signal.features = features
    rows = table_of(Signal, BARS[:400]).to_numpy(np.float32)
    trained = LogisticRegression().fit(rows, np.arange(len(rows)) % 2)
    made = to_onnx(trained, initial_types=[("features", FloatTensorType([None, 6]))],
                   options={id(trained): {"zipmap": False}}, target_opset=18)
    onnx.helper.set_model_props(made, {"signature": json.dumps({
        "model": "signal", "version": "test",
        "inputs": [{"name": name, "type": "number"} for name in features.NAMES]})})
    path = tmp_path_factory.mktemp("model") / "signal.onnx"
    onnx.save(made, path)
    return path


@pytest.fixture(scope="module")
def session(model, features):
    session = ort.InferenceSession(model)

    def probability(bars):
        """What the model says of bars, oldest first."""
        row = features.features(bars.to_dict("records"))
        return session.run(["probabilities"], {"features": np.array(
            [[row[name] for name in features.NAMES]], np.float32)})[0][0, 1]
    return probability


@pytest.fixture(scope="module")
def endpoint(local_cloud, docker_engine, model):
    remove()
    yield endpoints.serve(MODEL, model)
    remove()


class Place:
    """The deployed signal: what it decided, what it ordered, what failed."""

    def __init__(self, bucket, orders, failed):
        self.s3, self.sqs, self.bucket = boto3.client("s3"), boto3.client("sqs"), bucket
        self.orders, self.failed = orders, failed

    def decisions(self, symbol):
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"decisions/{symbol}/")
        return [json.load(self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"])
                for one in found.get("Contents", [])]

    def take(self, url):
        taken = []
        while messages := self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
            for one in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                taken.append(json.loads(one["Body"]))
        return taken

    def log(self):
        pages = boto3.client("logs").get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{NAME}", filterPattern="outcome")
        return [json.loads(one["message"]) for page in pages for one in page["events"]
                if one["message"].startswith("{")]


@pytest.fixture(scope="module")
def place(endpoint):
    bucket, failed = deploy.bucket(NAME), triggers.plain_queue(FAILED)
    orders = boto3.client("sqs").create_queue(
        QueueName=ORDERS, Attributes={"FifoQueue": "true"}, tags=deploy.tags())["QueueUrl"]
    deploy.zip_function(NAME, 256, 60, {
        "ENDPOINT": MODEL, "LEDGER_BUCKET": bucket, "BUCKET_OWNER": ACCOUNT,
        "ORDERS_QUEUE": orders, "CLOCK": "event"}, folder="signal")
    deploy.allow(NAME, "signal", bucket=bucket, endpoint=MODEL, queue=ORDERS)
    triggers.on_event(NAME, NAME, pattern={"source": ["workshop.test"]})
    triggers.failures_to(NAME, failed)
    return Place(bucket, orders, failed)


def send(*sent):
    entries = [{"Source": "workshop.test", "DetailType": "Daily bars closed",
                "Detail": json.dumps(one["detail"])} for one in sent]
    for start in range(0, len(entries), 10):
        said = boto3.client("events").put_events(Entries=entries[start:start + 10])
        assert said["FailedEntryCount"] == 0


def test_an_endpoint_is_served_once_and_updated_when_something_changes(endpoint, model, capsys):
    client = boto3.client("sagemaker")
    before = client.describe_endpoint(EndpointName=MODEL)
    endpoints.serve(MODEL, model)
    after = client.describe_endpoint(EndpointName=MODEL)
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert "waiting" not in capsys.readouterr().out
    endpoints.serve(MODEL, model, memory=2048)
    told = client.describe_endpoint(EndpointName=MODEL)
    assert told["ProductionVariants"][0]["CurrentServerlessConfig"]["MemorySizeInMB"] == 2048


def test_an_endpoint_that_is_not_ours_is_left_alone(endpoint):
    client = boto3.client("sagemaker")
    arn = client.describe_endpoint(EndpointName=MODEL)["EndpointArn"]
    client.delete_tags(ResourceArn=arn, TagKeys=["project"])
    try:
        with pytest.raises(deploy.NotOursError, match=f"endpoint {MODEL}"):
            endpoints.delete(MODEL)
        assert client.describe_endpoint(EndpointName=MODEL)["EndpointStatus"] == "InService"
    finally:
        client.add_tags(ResourceArn=arn, Tags=ownership.pairs())


def test_a_month_of_events_gives_one_decision_a_day_and_none_from_the_future(place, session):
    month = [day for day in BARS["date"] if day.startswith("2018-11")]
    for number, day in enumerate(month):
        send(event(day), event(day), event(month[max(0, number - 2)]))
        until(lambda: len(place.decisions("SPX")) == number + 1, f"{day} is decided")
    until(lambda: len(place.log()) >= 3 * len(month), "all events are done")
    decided = place.decisions("SPX")
    assert [one["day"] for one in decided] == [one["data_until"] for one in decided] == month
    for one in decided:
        at = BARS.index[BARS["date"] == one["day"]][0]
        assert abs(one["probability"] - session(BARS[:at + 1])) < 1e-6
        assert abs(one["probability"] - session(shifted_future(BARS, at)[:at + 1])) < 1e-6
        assert abs(one["probability"] - session(BARS[:at + 2])) > 1e-6, "it cannot tell days apart"
        assert one["target"] == (one["probability"] >= 0.5) and one["model_version"] == "test"
    assert place.take(place.orders) == decided
    assert place.take(place.failed) == []


def test_equal_events_at_once_give_one_decision_and_one_order(place):
    client, day = boto3.client("lambda"), event("2018-12-03", symbol="ONCE")

    def invoke(_):
        said = client.invoke(FunctionName=NAME, Payload=json.dumps(day))
        return json.load(said["Payload"])

    with ThreadPoolExecutor(6) as pool:
        outcomes = set(pool.map(invoke, range(12)))
    assert outcomes <= {"ordered", "duplicate"} and "ordered" in outcomes
    assert len(place.decisions("ONCE")) == len(place.take(place.orders)) == 1


def test_a_shuffled_month_at_once_never_gives_a_day_two_orders(place, session):
    month = [day for day in BARS["date"] if day.startswith("2018-10")]
    sent = [event(day, symbol="MIXED") for day in month + month]
    random.Random(1).shuffle(sent)
    before = len(place.log())
    send(*sent)
    until(lambda: len(place.log()) >= before + len(sent), "all events are done")
    decided, ordered = place.decisions("MIXED"), place.take(place.orders)
    assert len({one["day"] for one in ordered}) == len(ordered)
    assert all(one in decided for one in ordered)
    assert month[-1] in [one["day"] for one in ordered], "nothing makes the last day late"
    for one in decided:
        at = BARS.index[BARS["date"] == one["day"]][0]
        assert abs(one["probability"] - session(BARS[:at + 1])) < 1e-6


def test_stale_events_and_nonsense_are_put_aside_with_their_reason(place):
    stale, nonsense = event("2018-12-04", hours=20), {"detail": {"symbol": "SPX"}}
    send(stale, nonsense)
    found = []
    until(lambda: found.extend(place.take(place.failed)) or len(found) >= 2, "both are put aside")
    reasons = {json.dumps(one["requestPayload"]["detail"], sort_keys=True):
               one["responsePayload"]["errorMessage"] for one in found}
    assert reasons == {json.dumps(stale["detail"], sort_keys=True): "the data are stale",
                       json.dumps(nonsense["detail"], sort_keys=True):
                           "the event is not right: closed_at must be a time in ISO 8601 with "
                           "its time zone"}
    assert place.take(place.orders) == []


def test_without_its_endpoint_it_orders_nothing_and_opens_the_breaker(place):
    client = boto3.client("lambda")
    now = client.get_function_configuration(FunctionName=NAME)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=NAME, Environment={"Variables": now | {"ENDPOINT": "workshop-test-gone"}})
    client.get_waiter("function_updated_v2").wait(FunctionName=NAME)
    said = []
    for day in list(BARS["date"])[-5:]:
        answer = client.invoke(FunctionName=NAME, Payload=json.dumps(event(day, symbol="GONE")))
        said.append(json.load(answer["Payload"])["errorMessage"])
    # Its role may ask its own endpoint alone, so it does not learn that this one is not there.
    assert said[:3] == ["the endpoint failed: AccessDeniedException"] * 3
    assert all("breaker is open" in one for one in said[3:])
    assert place.decisions("GONE") == place.take(place.orders) == []


def test_after_removal_nothing_is_left(place):
    remove()
    assert endpoints.containers(MODEL) == 0
    sagemaker = boto3.client("sagemaker")
    assert sagemaker.list_endpoints(NameContains=NAME)["Endpoints"] == []
    assert sagemaker.list_models(NameContains=NAME)["Models"] == []
    assert sagemaker.list_endpoint_configs(NameContains=NAME)["EndpointConfigs"] == []
    assert boto3.client("logs").describe_log_groups(
        logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{MODEL}")["logGroups"] == []
    for found in (boto3.client("s3").list_buckets()["Buckets"],
                  boto3.client("iam").list_roles()["Roles"],
                  boto3.client("ecr").describe_repositories()["repositories"]):
        assert NAME not in json.dumps(found, default=str)
