"""Images for the processor that this machine does not have: they answer as its own do.

An emulator runs them. It is slow, so that no time can be measured here.
"""
import base64
import json
import subprocess

import pandas as pd
import pytest
from test_images import build_command, stage

from emulator import AS_LAMBDA, docker, emulator, invoke, json_lines
from function_folder import Context, load
from workshop.course import lessons
from workshop.machine import emulation, engine
from workshop.machine.paths import DATA, MODELS

PATIENCE = 280      # seconds: an emulated `import onnxruntime` takes some minutes of a busy machine
# A function's folder: the lesson that makes its model, and the model.
MODEL = {"churn": ("03", "churn.onnx"), "image": ("08", "fashion.onnx")}


@pytest.fixture(scope="module")
def other():
    """The other architecture, chosen as a learner chooses it; skipped where nothing emulates it."""
    here = engine.architecture()
    wanted, = set(engine.DOCKER_NAMES) - {here}
    if not emulation.ready(wanted):
        pytest.skip(f"this {here} engine does not run programs for {wanted}. {emulation.HOW}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKSHOP_ARCHITECTURE", wanted)
        patch.setenv("DOCKER_DEFAULT_PLATFORM", engine.platform())      # as cloud.use() sets it
        yield wanted


@pytest.fixture(scope="module")
def image(request, other, tmp_path_factory):
    """(function's name, its image for the other architecture, with the lessons' model)."""
    name = request.param
    lesson, model = MODEL[name]
    lessons.require(lesson)
    folder = stage(tmp_path_factory.mktemp("context") / name, name, MODELS / model)
    tag = f"workshop-test-{name}-{other.replace('_', '-')}"
    docker(*build_command(folder, tag))
    yield name, tag
    docker("rmi", tag)


def pictures():
    """Requests with the pictures of clothes that come with the workshop, PNG and JPEG."""
    files = sorted((DATA / "garments").iterdir())
    return [{"image": base64.b64encode(file.read_bytes()).decode(), "top": 10} for file in files]


def customers():
    """Every 50th customer of the test set, and one with mistakes."""
    table = pd.read_csv(MODELS / "churn_test.csv").drop(columns="churn").iloc[::50]
    found = [{"customer": one} for one in json.loads(table.to_json(orient="records"))]
    return [*found, {"customer": {"contract": "for ever"}}]


def numbers(answer):
    """The numbers in an answer, in order, and the answer without them."""
    found = []

    def walk(part):
        if isinstance(part, float):
            found.append(part)
            return "number"
        if isinstance(part, dict):
            return {key: walk(value) for key, value in part.items()}
        return [walk(one) for one in part] if isinstance(part, list) else part
    rest = walk(answer)
    return found, rest


@pytest.mark.parametrize("image", MODEL, indirect=True)
def test_the_image_answers_as_the_function_does_on_this_processor(image, other, monkeypatch):
    name, tag = image
    events = customers() if name == "churn" else pictures()
    with emulator(tag) as container:
        answers = invoke(container, *events, patience=PATIENCE)
        logged = json_lines(container)
    assert len(logged) == len(events) > 6
    assert docker("image", "inspect", tag, "--format", "{{.Architecture}}").strip() == (
        engine.DOCKER_NAMES[other])
    function = load(monkeypatch, name, MODELS / MODEL[name][1])
    for event, answer in zip(events, answers):
        own, rest = numbers(json.loads(json.dumps(function.lambda_handler(event, Context()))))
        assert numbers(answer)[1] == rest
        assert numbers(answer)[0] == pytest.approx(own, abs=1e-6)


@pytest.mark.parametrize("image", ["churn"], indirect=True)
def test_the_function_starts_where_the_list_of_processors_is_missing(image, other):
    """As reported of Lambda on arm64 (docker/README.md): older versions of ONNX Runtime ended."""
    if other != "arm64":
        pytest.skip("on x86-64, ONNX Runtime asks the processor itself")
    _, tag = image
    hidden = ["--mount", "type=tmpfs,destination=/sys/devices/system/cpu"]
    with emulator(tag, options=[*AS_LAMBDA, *hidden]) as container:
        answer, = invoke(container, customers()[0], patience=PATIENCE)
        logged = subprocess.run(["docker", "logs", container], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT).stdout
    assert 0 < answer["churn_probability"] < 1
    assert "cpuinfo_initialize failed" in logged, "docker/README.md says that it warns"
