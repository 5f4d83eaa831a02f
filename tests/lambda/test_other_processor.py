"""Functions on the processor that this machine does not have: they answer as on its own.

An emulator runs them. It is slow, so that no time can be measured here, and pip and the compilation
of bytecode in docker/Dockerfile would take many minutes. So pip picks the other processor's wheels
here, as lesson 15 does. On GitHub, the recipe itself runs on a machine with arm64 (test.yml).
"""
import base64
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_images import stage

import tiny_churn
from emulator import AS_LAMBDA, docker, emulator, invoke, json_lines
from function_folder import Context, load
from tiny_image import KERAS_LIKE, changed
from workshop import packages
from workshop.machine import base_image, emulation, engine, modes
from workshop.machine.paths import DATA
from workshop.pack import images

PATIENCE = 280      # seconds: an emulated `import onnxruntime` takes some minutes of a busy machine


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


def network(folder):
    """A CNN like lesson 07's, with weights drawn by lot: two convolutions, 28 × 28 pixels."""
    draw = np.random.default_rng(seed=5)

    def constant(name, *shape):
        values = draw.normal(size=shape, scale=np.prod(shape[1:]) ** -0.5)
        return numpy_helper.from_array(values.astype("float32"), name)
    weights = [constant("c1", 16, 1, 3, 3), constant("c2", 32, 16, 3, 3), constant("d", 800, 4)]
    pool = ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]})
    steps = [("Transpose", [], {"perm": [0, 3, 1, 2]}),
             ("Conv", ["c1"], {}), ("Relu", [], {}), pool, ("Conv", ["c2"], {}), ("Relu", [], {}),
             pool, ("Flatten", [], {}), ("MatMul", ["d"], {}), ("Softmax", [], {"axis": -1})]
    names = ["image", *map(str, range(1, len(steps))), "probabilities"]
    nodes = [helper.make_node(kind, [before, *more], [after], **attributes) for
             (kind, more, attributes), before, after in zip(steps, names, names[1:])]
    given = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 28, 28, 1])
    made = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 4])
    model = helper.make_model(helper.make_graph(nodes, "cnn", [given], [made], weights),
                              opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(model, {"signature": json.dumps(
        changed(KERAS_LIKE, "input", width=28, height=28))})
    onnx.save(model, folder / "model.onnx")


def pictures():
    """Requests with the pictures of clothes that come with the workshop, PNG and JPEG."""
    files = sorted((DATA / "garments").iterdir())
    return [{"image": base64.b64encode(file.read_bytes()).decode(), "top": 4} for file in files]


def customers():
    """Every 300th customer, and one with mistakes."""
    rows = tiny_churn.table().drop(columns="churn").iloc[::300].to_json(orient="records")
    return [*({"customer": one} for one in json.loads(rows)), {"customer": {"contract": "none"}}]


FUNCTIONS = {"churn": (tiny_churn.make, customers), "image": (network, pictures)}


@pytest.fixture(scope="module", params=FUNCTIONS)
def image(request, other, tmp_path_factory):
    """(function's name, its model, its image for the other architecture)."""
    name, folder = request.param, tmp_path_factory.mktemp("model")
    FUNCTIONS[name][0](folder)
    context = stage(tmp_path_factory.mktemp("context") / name, name, folder / "model.onnx")
    subprocess.run([sys.executable, "-m", "pip", "install", *packages.pip_options(), "--target",
                    context, "--requirement", context / "requirements.txt"], check=True)
    packages.leave_out(context, context / "leave_out.txt")
    modes.settle(context)
    tag = f"workshop-test-{name}-{other.replace('_', '-')}"
    with images.same_afterwards(base_image.REAL):      # a pull takes the learner's name of it
        (context / "Dockerfile").write_text(
            f"FROM {base_image.get()}\nENV ORT_DISABLE_TELEMETRY=1 OPENBLAS_NUM_THREADS=1\n"
            'COPY . ./\nCMD ["lambda_function.lambda_handler"]\n')
        docker("build", "--quiet", "--platform", engine.platform(), "--tag", tag, context)
    yield name, folder / "model.onnx", tag
    docker("rmi", tag)


def numbers(answer):
    """The numbers with a fraction in an answer, in order, and the answer without them."""
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


def test_the_image_answers_as_the_function_does_on_this_processor(image, other, monkeypatch):
    """The list of processors is hidden, as users report of arm64 on Lambda (docker/README.md)."""
    name, model, tag = image
    events = FUNCTIONS[name][1]()
    hidden = ["--mount", "type=tmpfs,destination=/sys/devices/system/cpu"]
    with emulator(tag, options=[*AS_LAMBDA, *hidden]) as container:
        answers = invoke(container, *events, patience=PATIENCE)
        logged = json_lines(container)
        machine = docker("exec", container, "python3", "-c",
                         "import platform; print(platform.machine())").strip()
        log = subprocess.run(["docker", "logs", container], text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT).stdout
    assert engine.ARCHITECTURES[machine] == other
    assert len(logged) == len(events) > 6
    assert ("cpuinfo_initialize failed" in log) is (other == "arm64"), "docker/README.md says so"
    function = load(monkeypatch, name, model)
    for event, answer in zip(events, answers, strict=True):
        here = json.loads(json.dumps(function.lambda_handler(event, Context())))
        (own, rest), (emulated, same) = numbers(here), numbers(answer)
        assert same == rest
        assert emulated == pytest.approx(own, abs=1e-6)
