"""What the text function answers in the local cloud is what its model file says of the reviews."""
import json

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import requests

from function_folder import load
from workshop import deploy, minilm
from workshop.course import lessons
from workshop.machine import engine
from workshop.machine.paths import DATA, MODELS

NAME = "workshop-test-text"
TOLERANCE = 0.05        # 8-bit numbers: another processor's instructions round otherwise
WEIGHTS = MODELS / "reviews.weights"
VOCABULARY = MODELS / "reviews_vocab.txt"


@pytest.fixture(scope="module")
def model():
    lessons.require("12")
    return MODELS / "reviews.onnx"


@pytest.fixture(scope="module")
def reviews():
    table = pd.read_csv(DATA / "reviews.csv.gz", keep_default_na=False)
    return table[table["part"] == "test"].iloc[::40]


def great(path, texts):
    """Probability of great of each text alone, by the file at `path` and the package tokenizers."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    tokenizer, answers = minilm.tokenizer(), []
    tokenizer.enable_truncation(256)
    for text in texts:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        answers.append(session.run(["probabilities"], given)[0][0, 1])
    return np.array(answers)


def test_both_files_answer_alike_and_better_than_guessing(model, reviews):
    whole, small = (great(path, reviews["review"])
                    for path in (MODELS / "reviews_float.onnx", model))
    assert np.abs(whole - small).max() <= 0.2
    right = (small > 0.5) == (reviews["score"] == "great")
    assert 0.7 < right.mean() < 1, "25 reviews: 0.658 would be always great"


def test_the_file_tells_nothing_of_the_machine_it_was_made_on(model):
    content = onnx.load(model)
    assert not [node.name for node in content.graph.node if node.metadata_props]
    assert b"site-packages" not in model.read_bytes() + WEIGHTS.read_bytes()
    assert model.stat().st_size + WEIGHTS.stat().st_size < 25e6


def test_what_is_read_with_every_start_is_small(model):
    """The weights are in the file beside the model, which is mapped and not read."""
    assert model.stat().st_size < 2e6 < WEIGHTS.stat().st_size
    assert {entry.value for tensor in onnx.load(model, load_external_data=False).graph.initializer
            for entry in tensor.external_data if entry.key == "location"} == {WEIGHTS.name}


def test_a_text_has_the_same_answer_whatever_else_is_in_the_request(model, reviews, monkeypatch):
    """In a batch its answer changes with its neighbours, so the function must not make batches."""
    texts = reviews["review"].tolist()
    monkeypatch.setenv("VOCABULARY_PATH", str(VOCABULARY))
    function = load(monkeypatch, "text", model)
    together = function.lambda_handler({"texts": texts}, None)["results"]
    alone = [function.lambda_handler({"text": text}, None) for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert one == {name: other[name] for name in one}

    rows = [function.tokenizer.encode(text, 256)[0] for text in texts]
    numbers = np.array([row + [0] * (256 - len(row)) for row in rows])
    batch, = function.session.run(
        None, {"input_ids": numbers, "attention_mask": (numbers > 0).astype(np.int64)})
    answers = np.array([one["probabilities"]["great"] for one in together])
    assert np.abs(batch[:, 1] - answers).max() > 0.01, "a batch is safe now: the docstring is old"


@pytest.fixture(scope="module")
def function(model, aws, docker_engine):
    """The text function as lesson 12 makes it, behind an HTTP API: its URL."""
    deploy.delete(NAME)
    built = deploy.build("text", model, "test",
                         files={"vocab.txt": VOCABULARY, WEIGHTS.name: WEIGHTS})
    image = deploy.push(built, NAME)
    deploy.function(NAME, image, memory=1024, timeout=15)
    yield deploy.http_api(NAME, NAME)
    deploy.delete(NAME)
    engine.docker("image", "rm", "-f", built, image)


def test_texts_get_the_files_probabilities(aws, function, model, reviews):
    texts = reviews["review"].tolist()
    said = aws("lambda").invoke(FunctionName=NAME, Payload=json.dumps({"texts": texts}))
    answer = json.load(said["Payload"])
    assert "FunctionError" not in said, answer
    given = np.array([one["probabilities"]["great"] for one in answer["results"]])
    assert np.abs(given - great(model, texts)).max() <= TOLERANCE
    assert given.max() - given.min() > 0.5, "each text has its own answer"


def test_a_text_over_http_says_that_it_was_truncated(function):
    answer = requests.post(f"{function}/predict", json={"text": "tea " * 400}, timeout=60)
    assert answer.status_code == 200
    content = answer.json()
    assert (content["tokens"], content["tokens_read"], content["truncated"]) == (402, 256, True)


def test_an_empty_text_is_the_callers_mistake(function):
    answer = requests.post(f"{function}/predict", json={"text": " "}, timeout=60)
    assert answer.status_code == 400 and answer.json()["problems"][0]["message"] == "is empty"
