"""One image function, two models: what ONNX and the function in the local cloud say of garments is
what Keras and PyTorch say of them."""
import base64
import io
import json

import numpy as np
import onnx
import onnxruntime
import pytest
import requests
from PIL import Image

import native
from workshop import cloud, deploy
from workshop.course import lessons
from workshop.machine import engine
from workshop.machine.paths import DATA, MODELS

TOLERANCE = 1e-4
MODEL = {"keras": "fashion.onnx", "torch": "fashion_torch.onnx"}
PROGRAM = {"keras": native.KERAS, "torch": native.TORCH}
LEAST = {"keras": 0.85, "torch": 0.84}          # of the test pictures; see lessons 07 and 11
SAMPLE = slice(None, None, 33)                  # 61 of the 2,000 test pictures
BUCKET = "workshop-test-garments"


@pytest.fixture(scope="module", params=MODEL)
def framework(request):
    lessons.require("08" if request.param == "keras" else "11")
    return request.param


@pytest.fixture(scope="module")
def data():
    with np.load(DATA / "fashion.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def expected(framework, data):
    """The framework's own probabilities for every test picture, (2000, 10)."""
    return native.ask(PROGRAM[framework], data["test_images"])


@pytest.fixture(scope="module")
def session(framework):
    return onnxruntime.InferenceSession(MODELS / MODEL[framework],
                                        providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def signature(session):
    return json.loads(session.get_modelmeta().custom_metadata_map["signature"])


@pytest.fixture(scope="module")
def inputs(data, signature):
    """The test pictures, prepared by nothing but the signature."""
    rule = signature["input"]
    size = rule["width"], rule["height"]
    pixels = np.stack([
        np.asarray(Image.fromarray(one).convert(rule["colour"]).resize(size, Image.NEAREST))
        .reshape(*size[::-1], -1) for one in data["test_images"]])
    values = ((pixels * rule["scale"] - rule["mean"]) / rule["std"]).astype(np.float32)
    return values if rule["layout"] == "NHWC" else np.ascontiguousarray(
        values.transpose(0, 3, 1, 2))


def run(session, signature, values, at_once=100):
    """Probabilities by ONNX Runtime, `at_once` pictures in each call."""
    rows = [session.run([signature["output"]["name"]],
                        {signature["input"]["name"]: values[i:i + at_once]})[0]
            for i in range(0, len(values), at_once)]
    rows = np.concatenate(rows).astype(np.float64)
    if signature["output"]["kind"] == "probabilities":
        return rows
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# The model files

def test_every_test_picture_gets_the_frameworks_probabilities(session, signature, inputs, expected):
    given = run(session, signature, inputs)
    assert given.shape == expected.shape == (2000, 10)
    assert np.abs(given - expected).max() <= TOLERANCE


@pytest.mark.parametrize("at_once", [1, 7])
def test_pictures_one_by_one_and_in_batches_answer_alike(session, signature, inputs, expected,
                                                         at_once):
    given = run(session, signature, inputs[:21], at_once)
    assert np.abs(given - expected[:21]).max() <= TOLERANCE


def test_accuracy_is_what_the_lessons_promise(framework, expected, data):
    accuracy = (expected.argmax(axis=1) == data["test_labels"]).mean()
    assert LEAST[framework] <= accuracy <= 0.95     # more would mean that the answers leaked in


def test_the_file_is_whole_and_tells_nothing_of_the_machine_it_was_made_on(framework, session):
    path = MODELS / MODEL[framework]
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert not [tensor.name for tensor in model.graph.initializer
                if tensor.data_location == onnx.TensorProto.EXTERNAL]
    assert b"site-packages" not in path.read_bytes()
    assert not [node.name for node in model.graph.node if node.metadata_props]
    assert not list(MODELS.glob("fashion*.part")), "a file was written and not renamed"


def test_the_two_models_say_different_things_of_themselves(framework, signature, data):
    layout, colour, kind = {"keras": ("NHWC", "L", "probabilities"),
                            "torch": ("NCHW", "RGB", "logits")}[framework]
    assert signature["input"]["layout"] == layout and signature["input"]["colour"] == colour
    assert signature["output"]["kind"] == kind
    assert signature["classes"] == data["classes"].tolist()


# The function

@pytest.fixture(scope="module")
def function(framework, session, aws, docker_engine):
    """The image function with this model, as lesson 11 makes it, behind an HTTP API: its name."""
    name = f"workshop-test-{framework}"
    deploy.delete(name)
    image = deploy.push(deploy.build("image", MODELS / MODEL[framework], f"test-{framework}"), name)
    deploy.function(name, image, memory=1024, timeout=15,
                    environment={"ALLOWED_HOSTS": cloud.host_for_functions()})
    yield name
    deploy.delete(name)
    address = image.partition("@")[0]
    engine.docker("image", "rm", "-f", f"image:test-{framework}", image,
                  f"{address}:test-{framework}")


@pytest.fixture(scope="module")
def links(aws):
    """A function that puts a file into a private bucket and returns a link to it."""
    s3, signer = aws("s3"), cloud.link_signer()
    s3.create_bucket(Bucket=BUCKET)

    def link(key, content):
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return signer.generate_presigned_url(
            "get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=300)
    yield link
    for one in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def as_png(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def invoke(aws, name, **request):
    said = aws("lambda").invoke(FunctionName=name, Payload=json.dumps(request))
    answer = json.load(said["Payload"])
    assert "FunctionError" not in said, answer
    return answer


def check(answers, rows, signature):
    """Each answer has the row's label first, and the row's probabilities."""
    classes = signature["classes"]
    for answer, row in zip(answers, rows, strict=True):
        given = {one["label"]: one["probability"] for one in answer["predictions"]}
        assert set(given) == set(classes)
        assert np.abs([given[name] for name in classes] - row).max() <= TOLERANCE
        lead = np.diff(np.sort(row)[-2:])[0]
        if lead > 2 * TOLERANCE:        # closer than that, either may come first
            assert answer["predictions"][0]["label"] == classes[row.argmax()]


def test_pictures_in_base64_get_the_frameworks_labels(aws, function, data, expected, signature):
    answers = [invoke(aws, function, image=base64.b64encode(as_png(one)).decode(), top=10)
               for one in data["test_images"][SAMPLE]]
    check(answers, expected[SAMPLE], signature)
    labels = {answer["predictions"][0]["label"] for answer in answers}
    assert len(labels) == 10, "the sample has all classes: mix-ups would show"


def test_raw_bytes_through_an_http_api_get_the_frameworks_labels(function, data, expected,
                                                                 signature):
    api = deploy.http_api(function, function)
    answers = []
    for one in data["test_images"][SAMPLE]:
        answer = requests.post(f"{api}/predict", data=as_png(one), params={"top": 10}, timeout=60,
                               headers={"content-type": "image/png"})
        assert answer.status_code == 200, answer.text
        answers.append(answer.json())
    check(answers, expected[SAMPLE], signature)


def test_presigned_links_get_the_frameworks_labels(aws, function, links, data, expected, signature):
    pictures = data["test_images"][:10]
    answers = [invoke(aws, function, url=links(f"{i}.png", as_png(one)), top=10)
               for i, one in enumerate(pictures)]
    check(answers, expected[:10], signature)
