"""The churn function in the local cloud: nothing is lost, and it answers as the model does."""
import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from workshop import deploy
from workshop.course import lessons
from workshop.machine import engine, paths

NAME = "workshop-test-churn"
SEQUENTIAL, PARALLEL = 500, 50
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def customers():
    """Customers of the test set as a request carries them; rows come again when they run out."""
    lessons.require("02")
    rows = pd.read_csv(paths.MODELS / "churn_test.csv").drop(columns="churn").head(SEQUENTIAL)
    return json.loads(rows.to_json(orient="records"))


@pytest.fixture(scope="module")
def expected(customers):
    """The model's own probability for each customer."""
    lessons.require("03")
    session = onnxruntime.InferenceSession(paths.MODELS / "churn.onnx")
    feed = {}
    for one in session.get_inputs():
        values = [[customer[one.name]] for customer in customers]
        feed[one.name] = np.array(values, dtype=object if "string" in one.type else np.float32)
    return session.run(["probabilities"], feed)[0][:, 1]


@pytest.fixture(scope="module")
def function(aws, docker_engine, expected):
    """The churn function, built, pushed and created as lesson 05 does."""
    deploy.delete(NAME)
    image = deploy.push(deploy.build("churn", paths.MODELS / "churn.onnx", "test"), NAME)
    deploy.function(NAME, image, memory=1769, timeout=30)
    yield aws("lambda")
    deploy.delete(NAME)
    engine.docker("image", "rm", "-f", "churn:test", image, f"{image.partition('@')[0]}:test")


def ask(client, customer):
    """The invoke's request id, as Lambda's own START line names it, and the function's answer."""
    said = client.invoke(FunctionName=NAME, Payload=json.dumps({"customer": customer}),
                         LogType="Tail")
    payload = json.load(said["Payload"])
    assert "FunctionError" not in said, payload
    log = base64.b64decode(said["LogResult"]).decode()
    return re.search(r"^START RequestId: (\S+)", log, re.M)[1], payload


def test_five_hundred_requests_one_after_the_other(function, customers, expected):
    answers = [ask(function, customer) for customer in customers]
    assert len({request for request, _ in answers}) == SEQUENTIAL
    given = [payload["churn_probability"] for _, payload in answers]
    assert np.abs(np.array(given) - expected).max() <= TOLERANCE


def test_fifty_requests_at_once_each_get_their_own_answer(function, customers, expected):
    chosen = range(0, SEQUENTIAL, SEQUENTIAL // PARALLEL)
    assert len({round(float(expected[i]), 5) for i in chosen}) > PARALLEL / 2  # mix-ups would show
    with ThreadPoolExecutor(PARALLEL) as pool:
        answers = list(pool.map(lambda i: ask(function, customers[i]), chosen))
    assert len({request for request, _ in answers}) == PARALLEL
    given = [payload["churn_probability"] for _, payload in answers]
    assert np.abs(np.array(given) - expected[list(chosen)]).max() <= TOLERANCE


def test_every_request_has_its_line_in_the_log_and_no_customer(function, aws, customers):
    requests = {ask(function, customer)[0] for customer in customers[:5]}
    pages = aws("logs").get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{NAME}", filterPattern="model_version")
    lines = [event["message"] for page in pages for event in page["events"]]
    assert requests <= {json.loads(line)["request_id"] for line in lines}
    assert not [line for line in lines if customers[0]["paymentmethod"] in line]


def test_a_refused_customer_is_no_function_error(function, customers):
    _, payload = ask(function, customers[0] | {"contract": "weekly"})
    assert payload["statusCode"] == 400
    assert payload["problems"][0]["field"] == "contract"
