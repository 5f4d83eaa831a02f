"""One Dockerfile builds every function, and the images answer as the models do."""
import json
import os
import pickle
import shutil
import subprocess

import pandas as pd
import pytest

from emulator import docker, emulator, invoke, json_lines
from workshop.course import lessons
from workshop.machine import base_image, engine, modes
from workshop.machine.paths import DOCKER, LAMBDA, MODELS

pytestmark = pytest.mark.skipif(not engine.available(), reason="no Docker engine to build with")

CHURN = {"churn": "churn.onnx", "churn_sklearn": "churn.pkl"}


@pytest.fixture(scope="module")
def models():
    """The folder with the models that lessons 02 and 03 make."""
    lessons.require("02")
    lessons.require("03")
    return MODELS


def stage(folder, name, model=None):
    """Put what goes into an image into `folder`, as lesson 04 does."""
    modes.copy(LAMBDA / name, folder)
    if model is not None:
        shutil.copy(model, folder / f"model{model.suffix}")
        modes.settle(folder)
    return folder


def build_command(context, tag):
    return ["build", "--platform", engine.platform(), "--file", DOCKER / "Dockerfile",
            "--build-arg", f"BASE_IMAGE={base_image.get()}", "--tag", tag, context]


@pytest.fixture(scope="module", params=CHURN)
def churn_image(request, models, tmp_path_factory):
    """(function's name, image) of each churn function with its real model."""
    name = request.param
    folder = stage(tmp_path_factory.mktemp("context") / name, name, models / CHURN[name])
    tag = f"workshop-test-{name.replace('_', '-')}"
    docker(*build_command(folder, tag))
    yield name, tag
    docker("rmi", tag)


@pytest.fixture(scope="module")
def rows(models):
    """Every 10th test customer, as JSON would bring it, and the pipeline's probability."""
    test = pd.read_csv(models / "churn_test.csv").iloc[::10]
    pipeline = pickle.loads((models / "churn.pkl").read_bytes())["pipeline"]
    probabilities = pipeline.predict_proba(test.drop(columns="churn"))[:, 1]
    return list(zip(json.loads(test.drop(columns="churn").to_json(orient="records")),
                    probabilities))


def test_image_answers_as_the_model_with_the_limits_of_lambda(churn_image, rows):
    name, image = churn_image
    assert len(rows) > 100
    with emulator(image) as container:
        answers = invoke(container, *({"customer": customer} for customer, _ in rows))
        logged = json_lines(container)
    assert [answer["churn_probability"] for answer in answers] == pytest.approx(
        [probability for _, probability in rows], abs=1e-5)
    assert [line["status"] for line in logged] == [200] * len(rows)
    assert [line["cold"] for line in logged] == [True] + [False] * (len(rows) - 1)


def test_image_refuses_a_mistake_and_does_not_log_it(churn_image):
    name, image = churn_image
    with emulator(image) as container:
        answer, = invoke(container, {"customer": {"contract": "Zaphod-8472"}})
        logs = docker("logs", container)
    assert answer["statusCode"] == 400
    assert {"contract", "tenure"} <= {problem["field"] for problem in answer["problems"]}
    assert "Zaphod" not in json.dumps(answer) + logs


def test_image_without_its_model_says_so(tmp_path):
    folder = stage(tmp_path / "churn", "churn")
    docker(*build_command(folder, "workshop-test-no-model"))
    try:
        with emulator("workshop-test-no-model") as container:
            answer, = invoke(container, {"customer": {}})
    finally:
        docker("rmi", "workshop-test-no-model")
    assert "/var/task/model.onnx: there is no model" in answer["errorMessage"]


def in_image(image, program):
    """What a Python `program` prints in a container of `image`."""
    return docker("run", "--rm", "--network", "none", "--entrypoint", "python3", image,
                  "-c", program)


def test_image_holds_the_pinned_packages_and_the_function(churn_image):
    name, image = churn_image
    program = ("import importlib.metadata as m, json; print(json.dumps("
               "{d.metadata['Name']: d.version for d in m.distributions(path=['/var/task'])}))")
    installed = json.loads(in_image(image, program))
    for line in (LAMBDA / name / "requirements.txt").read_text().splitlines():
        if "==" in line:
            package, version = line.split("==")
            assert installed[package] == version


def test_building_leaves_no_caches_behind(churn_image):
    """Nothing in these folders but what the base image has there."""
    program = ("import os; print([(d, sorted(os.listdir(d))) for d in"
               " ('/root', '/root/.cache', '/tmp', '/var/tmp', '/var/cache') if os.path.isdir(d)])")
    assert in_image(churn_image[1], program) == in_image(base_image.get(), program)


def test_bytecode_in_the_image_is_valid_whatever_the_dates(churn_image):
    """Flags 0b01 in a .pyc: hash-based, and not compared with its source (PEP 552)."""
    name, image = churn_image
    program = """
from pathlib import Path
files = [p for p in Path("/var/task").rglob("*.pyc")]
print(sum(p.read_bytes()[4] == 1 for p in files), len(files),
      (Path("/var/task/__pycache__/lambda_function.cpython-313.pyc")) in files)
"""
    valid, all_files, own = in_image(image, program).split()
    assert valid == all_files and int(all_files) > 100 and own == "True"


def test_image_carries_the_label_by_which_it_is_cleaned_up(churn_image):
    name, image = churn_image
    labels = json.loads(docker("image", "inspect", image, "--format", "{{json .Config.Labels}}"))
    assert labels["workshop"] == "lambda-onnx"


def test_dockerfile_takes_the_image_of_aws_unless_told_otherwise():
    lines = (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(("ARG", "FROM"))] == [
        f"ARG BASE_IMAGE={base_image.REAL}", "FROM ${BASE_IMAGE}"]


def clients():
    """Every `docker` on the path: an older one has BuildKit built in, a newer one needs buildx."""
    folders = dict.fromkeys(os.environ["PATH"].split(os.pathsep))
    return [path for folder in folders if (path := shutil.which("docker", path=folder))]


@pytest.mark.parametrize("buildkit", ["0", "1"], ids=["classic builder", "BuildKit"])
def test_dockerfile_builds_with_both_builders(tmp_path, buildkit):
    folder, image = stage(tmp_path / "hello", "hello"), f"workshop-test-hello-{buildkit}"
    for client in clients():
        done = subprocess.run(
            [client, *map(str, build_command(folder, image))], capture_output=True, text=True,
            env={**os.environ, "DOCKER_BUILDKIT": buildkit, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"})
        if "buildx component is missing" not in done.stderr:
            break
    else:
        pytest.skip("BuildKit needs the buildx component, which no docker client here has")
    assert done.returncode == 0, done.stderr
    try:
        with emulator(image) as container:
            assert invoke(container, {"name": "Ada"}) == [{"message": "Hello, Ada!"}]
    finally:
        docker("rmi", image)
