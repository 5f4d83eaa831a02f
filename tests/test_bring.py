"""Your own model: what `new` reads, asks and writes, and what the gate lets pass."""
import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from onnx import TensorProto, helper
from PIL import Image
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform
from skl2onnx import to_onnx
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

import tiny_churn
import tiny_image
from workshop import bring, cloud, deploy
from workshop.bring import leaks, policies, refusals
from workshop.machine import base_image, engine
from workshop.machine.paths import BUILD, ROOT

# Models that nobody here made: they come with the packages onnx and onnxruntime.
ONNX_DATA = Path(onnx.__file__).parent / "backend/test/data"
STRINGS = ONNX_DATA / "simple/test_strnorm_model_nostopwords_nochangecase/model.onnx"
SQUEEZENET = ONNX_DATA / "light/light_squeezenet.onnx"
LOGREG = Path(onnxruntime.__file__).parent / "datasets/logreg_iris.onnx"
FOREIGN = {
    "strings in, strings out": (STRINGS, "table", {"allowed.x[]": "any"}, {"x": ["a", "b"]}),
    "two outputs, one a map": (LOGREG, "table", {"range.float_input[]": [0, 10]},
                               {"float_input": [[1, 2], [3, 4.5], [5, 6]]}),
    "a picture": (SQUEEZENET, "image", {
        "colour": "BGR", "resize": "bilinear", "normal": "0 to 255",
        "labels.softmaxout_1": [f"class {number}" for number in range(1000)]}, None)}


def make(folder, name, model, kind, answers=None, **more):
    return bring.new(name, model, kind, answers, folder=folder / name, terminal=False, **more)


def signature(folder):
    return json.loads((folder / "signature.json").read_text(encoding="utf-8"))


def ask(folder, *requests):
    """What the function in `folder` answers to each request, in a Python of its own."""
    code = ("import json, sys, lambda_function as f\n"
            "print(json.dumps([f.lambda_handler(one, None) for one in json.load(sys.stdin)]))")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True,
                          input=json.dumps(requests))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """(folder, model, data): iris by a function folder, scikit-learn, and its training data."""
    folder = tmp_path_factory.mktemp("iris")
    data = datasets.load_iris(as_frame=True)
    table = data.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
    model = LogisticRegression(max_iter=500).fit(table.to_numpy(np.float32), data.target)
    file = to_onnx(model, table.to_numpy(np.float32)[:1], options={"zipmap": False},
                   target_opset=21)
    (folder / "iris.onnx").write_bytes(file.SerializeToString())
    table.to_csv(folder / "train.csv", index=False)
    made = make(folder, "my-iris", folder / "iris.onnx", "table",
                {"labels.probabilities": data.target_names.tolist()}, data=folder / "train.csv")
    sure = model.predict_proba(table.to_numpy(np.float32))
    reference = table.assign(**{f"probabilities[{name}]": sure[:, place]
                                for place, name in enumerate(data.target_names)})
    reference.iloc[::10].to_csv(made / "reference.csv", index=False)
    return made, model, table


# What is read, asked and refused

def test_training_data_answer_what_would_be_asked(iris):
    made = signature(iris[0])
    assert [field["name"] for field in made["fields"]] == [
        "sepal_length", "sepal_width", "petal_length", "petal_width"]
    assert made["fields"][0] == {"name": "sepal_length", "type": "number", "minimum": 4.3,
                                 "maximum": 7.9}
    assert {one["key"]: one["source"] for one in made["asked"]}["columns.X"] == "known"


def test_a_model_with_a_signature_is_asked_only_for_what_it_lacks(tmp_path):
    tiny_churn.make(tmp_path)
    with pytest.raises(bring.MissingError) as error:
        make(tmp_path, "churn-too", tmp_path / "model.onnx", "table")
    assert re.findall(r"^- (\S+):", str(error.value), re.MULTILINE) == ["labels.probabilities"]
    assert not (tmp_path / "churn-too").exists()


@pytest.mark.parametrize("model, kind, keys", [
    (LOGREG, "table", ["range.float_input[]"]),
    (STRINGS, "table", ["allowed.x[]"]),
    (SQUEEZENET, "image", ["colour", "resize", "normal", "labels.softmaxout_1"])])
def test_every_question_without_an_answer_is_named_at_once(tmp_path, model, kind, keys):
    with pytest.raises(bring.MissingError) as error:
        make(tmp_path, "mine", model, kind)
    assert re.findall(r"^- (\S+):", str(error.value), re.MULTILINE) == keys
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answers, words", [
    ({"range.float_input[]": [3, 1]}, "two numbers are needed"),
    ({"range.float_input[]": "any", "colour": "RGB"}, "Nothing asks for colour"),
    ({"range.float_input[]": "any", "outputs": ["probs"]}, "the model has no output"),
    ({"range.float_input[]": "any", "example": {"float_input": [1]}},
     "does not answer its example")])
def test_a_wrong_answer_is_refused_with_what_is_needed(tmp_path, answers, words):
    with pytest.raises((bring.MissingError, bring.ModelError), match=words):
        make(tmp_path, "mine", LOGREG, "table", answers)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model, kind, words", [
    (LOGREG, "image", "a picture is one input with four axes"),
    (LOGREG, "text", "a text is one input of strings, or token numbers"),
    (STRINGS, "text", "not one text")])
def test_a_model_of_another_kind_is_refused_with_what_it_takes(tmp_path, model, kind, words):
    with pytest.raises(bring.ModelError, match=words):
        make(tmp_path, "mine", model, kind)


@pytest.mark.parametrize("name", ["Mine", "my_model", "1st", "a" * 41, "../mine"])
def test_a_name_that_aws_would_refuse_is_refused(tmp_path, name):
    with pytest.raises(bring.ModelError, match="is no name for a function"):
        bring.new(name, LOGREG, "table", folder=tmp_path / "x")


def test_a_folder_that_exists_is_left_alone(iris):
    with pytest.raises(bring.ModelError, match="There is a folder"):
        bring.new("my-iris", LOGREG, "table", folder=iris[0])


def test_a_person_is_asked_again_after_a_wrong_answer(tmp_path, monkeypatch, capsys):
    typed = iter(["7", "0, 10", "", ""])
    monkeypatch.setattr("builtins.input", lambda prompt: print(prompt) or next(typed))
    made = bring.new("mine", LOGREG, "table", folder=tmp_path / "mine", terminal=True)
    assert [(one["key"], one["source"]) for one in signature(made)["asked"]] == [
        ("range.float_input[]", "terminal"), ("outputs", "default"), ("example", "default")]
    assert "two numbers are needed" in capsys.readouterr().out


# What is written

@pytest.mark.parametrize("what", FOREIGN)
def test_a_model_of_other_origin_answers_as_onnx_runtime_does(tmp_path, what):
    model, kind, answers, request = FOREIGN[what]
    folder = make(tmp_path, "foreign", model, kind, answers)
    made = signature(folder)
    answer, = ask(folder, request or made["example"])
    session = onnxruntime.InferenceSession(model)
    if kind == "image":         # a grey picture: 128 in each channel, whatever the filter
        expected, = session.run(None, {"data_0": np.full((1, 3, 224, 224), 128, np.float32)})
        scores = list(answer["outputs"]["softmaxout_1"]["scores"].values())
        assert scores == pytest.approx(expected.reshape(-1).tolist(), abs=1e-6)
        return
    node, = session.get_inputs()
    dtype = object if "string" in node.type else np.float32
    expected = session.run(None, {node.name: np.array(request[node.name], dtype)})
    for value, output in zip(expected, answer["outputs"].values(), strict=True):
        found = [{int(key): one for key, one in row["scores"].items()} for row in output] \
            if isinstance(output[0], dict) else output
        assert found == (value if isinstance(value, list) else value.tolist())


def test_weights_in_another_file_come_along(tmp_path):
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])],
        [onnx.numpy_helper.from_array(np.arange(8, dtype=np.float32).reshape(4, 2), "w")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, location="m.onnx.data",
              size_threshold=0)
    answers = {"columns.x": list("abcd"), "labels.y": "none",
               **{f"range.{name}": [0, 9] for name in "abcd"}}
    folder = make(tmp_path, "external", tmp_path / "m.onnx", "table", answers)
    answer, = ask(folder, {"a": 1, "b": 0, "c": 0, "d": 2})
    assert answer["outputs"]["y"] == [12, 15]
    assert list(signature(folder)["model"]["external"]) == ["m.onnx.data"]
    (tmp_path / "m.onnx.data").unlink()
    with pytest.raises(bring.ModelError, match="its weights are in another file, m.onnx.data"):
        make(tmp_path, "again", tmp_path / "m.onnx", "table", answers)


@pytest.mark.parametrize("name", ["/etc/hostname", "../weights.bin"])
def test_weights_outside_the_models_folder_are_not_copied(tmp_path, name):
    proto = onnx.load(LOGREG)
    weights = onnx.numpy_helper.from_array(np.zeros(4, np.float32), "w")
    onnx.external_data_helper.set_external_data(weights, name)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    proto.graph.initializer.append(weights)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(bring.ModelError, match="outside its folder"):
        make(tmp_path, "mine", tmp_path / "m.onnx", "table")


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "iris"])
def test_each_data_set_of_lesson_24_becomes_a_function(tmp_path, name):
    data = getattr(datasets, f"load_{name}")(as_frame=True)
    rows = data.data.to_numpy(np.float32)
    columns = [one.replace(" ", "_") for one in data.data.columns]
    table = pd.DataFrame(rows.astype(float), columns=columns)
    model = GaussianNB().fit(rows, data.target)
    file = to_onnx(model, rows[:1], options={"zipmap": False}, target_opset=21)
    (tmp_path / "m.onnx").write_bytes(file.SerializeToString())
    table.to_csv(tmp_path / "train.csv", index=False)
    answers = {"labels.probabilities": [str(one) for one in data.target_names],
               **{f"range.{one}": [table[one].min(), table[one].max()] for one in columns}}
    folder = make(tmp_path, "mine", tmp_path / "m.onnx", "table", answers,
                  data=tmp_path / "train.csv")
    found = ask(folder, *json.loads(table.head(5).to_json(orient="records", double_precision=15)))
    assert [list(one["outputs"]["probabilities"]["scores"].values()) for one in found] == \
        pytest.approx(model.predict_proba(rows[:5]), abs=1e-4)
    tried = refusals.bad(signature(folder))
    assert all(one["statusCode"] == 400 for one in ask(folder, *(one for *_, one in tried)))


def text_model(path):
    """A model from strings (batch, 1) to strings, which it returns in capitals as they are."""
    graph = helper.make_graph(
        [helper.make_node("Identity", ["text"], ["same"])], "g",
        [helper.make_tensor_value_info("text", TensorProto.STRING, ["batch", 1])],
        [helper.make_tensor_value_info("same", TensorProto.STRING, ["batch", 1])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10),
              path)
    return path


def test_a_text_goes_in_as_it_is_and_one_that_is_too_long_is_refused(tmp_path):
    folder = make(tmp_path, "texts", text_model(tmp_path / "m.onnx"), "text",
                  {"most_characters": 20})
    good, long, empty = ask(folder, {"text": "Grüße"}, {"text": "a" * 21}, {"text": " "})
    assert good["outputs"] == {"same": ["Grüße"]}
    assert [one["problems"][0]["message"] for one in (long, empty)] == [
        "has too many characters", "is empty"]


def test_token_numbers_need_the_vocabulary_of_the_training(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["input_ids"], ["tokens"]),
         helper.make_node("Identity", ["attention_mask"], ["mask"])], "g",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
         for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
         for name in ("tokens", "mask")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10),
              tmp_path / "m.onnx")
    with pytest.raises(bring.MissingError, match="--vocabulary"):
        make(tmp_path, "tokens", tmp_path / "m.onnx", "text", {"most_tokens": 4})
    words = tmp_path / "words.txt"
    words.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\nworld")
    folder = make(tmp_path, "tokens", tmp_path / "m.onnx", "text", {"most_tokens": 4},
                  vocabulary=words)
    assert ask(folder, {"text": "Hello world hello"})[0]["outputs"] == {
        "tokens": [2, 4, 5, 3], "mask": [1, 1, 1, 1]}


@pytest.mark.parametrize("of", [tiny_image.KERAS_LIKE, tiny_image.TORCH_LIKE])
def test_a_picture_becomes_the_tensor_that_the_models_signature_describes(tmp_path, of):
    tiny_image.make(tmp_path / "m.onnx", of)
    folder = make(tmp_path, "pictures", tmp_path / "m.onnx", "image")
    picture = Image.effect_noise((56, 28), 80).convert("RGB")
    picture.paste((255, 90, 0), (0, 0, 20, 28))
    file = io.BytesIO()
    picture.save(file, "PNG")
    answer, no_picture = ask(folder, {"image": base64.b64encode(file.getvalue()).decode()},
                             {"image": "AAAA"})
    given = of["input"]
    small = picture.convert(given["colour"]).resize(
        (8, 6), getattr(Image, given["resize"].upper()))
    values = (np.asarray(small, np.float32).reshape(6, 8, -1) / 255 - given["mean"]) / given["std"]
    values = values.transpose(2, 0, 1) if given["layout"] == "NCHW" else values
    best = answer["outputs"][of["output"]["name"]]
    assert list(best["scores"].values()) == pytest.approx(
        tiny_image.probabilities(of, values).tolist(), abs=1e-5)
    assert best["label"] == max(best["scores"], key=best["scores"].get)
    assert no_picture["statusCode"] == 415


def test_the_folders_own_tests_pass_and_fail_with_a_wrong_reference(iris, tmp_path):
    folder, *_ = iris

    def run():
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"], cwd=folder,
            capture_output=True, text=True)

    assert run().returncode == 0, run().stdout
    right = (folder / "reference.csv").read_text()
    try:
        table = pd.read_csv(folder / "reference.csv")
        table["probabilities[setosa]"] += 0.01
        table.to_csv(folder / "reference.csv", index=False)
        assert run().returncode == 1
    finally:
        (folder / "reference.csv").write_text(right)


def test_the_folder_has_its_own_names_and_needs_no_other(iris):
    folder, *_ = iris
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*")
             if path.suffix in (".py", ".md", ".yaml", ".toml", ".json", ".txt")}
    assert not [name for name, text in texts.items() if "my-model" in text or "MyModel" in text]
    assert "MyIris:" in texts["template.yaml"] and 'stack_name = "my-iris"' in texts[
        "samconfig.toml"]
    assert "from workshop" not in "".join(texts.values())
    assert not {"pictures.py", "tokens.py"} & texts.keys()


def test_packages_are_pinned_as_in_the_environment(iris):
    pins = dict(re.findall(r"^[\s-]*([\w-]+)==([\w.]+)",
                           (ROOT / "environment.yml").read_text(encoding="utf-8"), re.MULTILINE))
    lines = (iris[0] / "requirements.txt").read_text().split()
    assert "pillow" not in "".join(lines), "a table needs no pictures"
    assert all(pins[name] == version for name, version in (one.split("==") for one in lines))


def test_sam_finds_the_template_valid(iris):
    sam = Path(sys.executable).with_name("sam")
    done = subprocess.run([sam, "validate", "--lint", "--region", "us-east-1"], cwd=iris[0],
                          capture_output=True, text=True, env={"SAM_CLI_TELEMETRY": "0",
                                                               "HOME": str(iris[0].parent)})
    assert done.returncode == 0, done.stdout + done.stderr


# The gate, part by part

def test_the_template_allows_the_log_and_nothing_else(iris):
    assert policies.problems(iris[0] / "template.yaml") == []


@pytest.mark.parametrize("old, new, problem", [
    ("[logs:CreateLogStream, logs:PutLogEvents]", "[logs:PutLogEvents, s3:GetObject]",
     "MyIrisRole allows s3:GetObject"),
    ("!GetAtt MyIrisLog.Arn    #", '"*"    #', "MyIrisRole allows it on all resources"),
    ("      Role: !GetAtt MyIrisRole.Arn  ", "      #", "MyIris has no Role"),
    ("      Policies:\n", "      ManagedPolicyArns: [a]\n      Policies:\n",
     "MyIrisRole has managed policies")])
def test_a_wider_template_is_found(iris, tmp_path, old, new, problem):
    text = (iris[0] / "template.yaml").read_text()
    assert old in text
    (tmp_path / "template.yaml").write_text(text.replace(old, new))
    yaml_parse((tmp_path / "template.yaml").read_text())
    assert any(one.startswith(problem) for one in policies.problems(tmp_path / "template.yaml"))


@pytest.mark.parametrize("name, content, what", [
    ("a.py", "KEY = 'AKIA" + "ABCDEFGH12345678'", "an AWS access key"),
    ("a.txt", "-----BEGIN RSA " + "PRIVATE KEY-----", "a private key"),
    ("a.toml", 'password = "correct-horse"', "a password"),
    ("a.md", "https://me:secret@example.com", "a password in an address"),
    (".env", "X=1", "a file of credentials, by its name")])
def test_a_secret_is_found_and_not_printed(tmp_path, name, content, what):
    (tmp_path / name).write_text(content)
    assert leaks.in_folder(tmp_path) == [f"{name}: {what}"]


def test_there_is_no_secret_where_there_is_none(iris):
    assert leaks.in_folder(iris[0]) == []


@pytest.mark.parametrize("what", FOREIGN)
def test_every_wrong_request_of_the_gate_is_refused_by_name(tmp_path, what):
    model, kind, answers, _ = FOREIGN[what]
    folder = make(tmp_path, "foreign", model, kind, answers)
    tried = refusals.bad(signature(folder))
    assert len(tried) > 5
    for (words, field, _), answer in zip(tried, ask(folder, *(one for *_, one in tried))):
        assert 400 <= answer.get("statusCode", 200) < 500, words
        assert field in [problem["field"] for problem in answer["problems"]], words


# The gate and the local cloud, as a whole

@pytest.fixture(scope="module", autouse=True)
def no_image_left():
    yield
    pushed = engine.docker("images", "--quiet", "--filter",
                           f"reference=localhost:{cloud.port()}/{deploy.name('my-iris')}").stdout
    engine.docker("rmi", "--force", engine.own("my-iris:check"), *set(pushed.split()))


def gates(report):
    return {gate.name: gate.passed for gate in report.gates}


def test_the_gate_passes_the_function_and_the_cloud_runs_it(iris, docker_engine, aws):
    folder, model, table = iris
    report = bring.check(folder, starts=1)
    assert report.passed, bring.text(report)
    assert gates(report) == dict.fromkeys(
        ["folder", "permissions", "secrets", "parity", "refusals", "INIT", "memory", "size",
         "content"], True)
    page = report.file.read_text(encoding="utf-8")
    assert "**my-iris passes.**" in page and "15 of 15 answers" in page
    name = deploy.name("my-iris")
    try:
        deploy.function(name, deploy.push(report.image, name), memory=1024)
        row = table.iloc[0]
        answer = json.load(aws("lambda").invoke(
            FunctionName=name, Payload=json.dumps(row.to_dict()))["Payload"])
        expected = model.predict_proba(row.to_numpy(np.float32)[np.newaxis])[0]
        assert list(answer["outputs"]["probabilities"]["scores"].values()) == pytest.approx(
            expected.tolist(), abs=1e-5)
    finally:
        deploy.delete(name)
        cloud.use()


STACK = "workshop-test-own"


def sam(folder, *arguments):
    """Run `sam` in a function's folder, as its README says; what it printed."""
    done = subprocess.run(
        [Path(sys.executable).with_name("sam"), *arguments], cwd=folder, capture_output=True,
        text=True, env=os.environ | {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(
            BUILD / "sam-cli-tests")})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stack(iris, docker_engine, local_cloud, tmp_path_factory):
    """The folder's template as a stack, without CodeDeploy, which the local cloud does not have."""
    folder = tmp_path_factory.mktemp("stack") / "my-iris"
    shutil.copytree(iris[0], folder)
    template = folder / "template.yaml"
    tag = engine.own("code")            # on this machine, so that two checkouts share an engine
    template.write_text(template.read_text().replace("DockerTag: code", f"DockerTag: {tag}"))
    deploy.delete_stack(STACK)
    deploy.delete(STACK)
    repository = deploy.image_repository(STACK)

    def ship():
        parameters = ("--parameter-overrides", f"Architecture={engine.architecture()} "
                      f"BaseImage={base_image.get()} Gradually=false")
        sam(folder, "build", *parameters)
        sam(folder, "deploy", "--stack-name", STACK, "--tags", deploy.mark(),
            "--image-repository", repository, *parameters)
        return folder
    ship()
    yield folder, ship
    deploy.delete_stack(STACK)
    images = engine.docker("images", "--quiet", repository).stdout.split()
    deploy.delete(STACK)
    engine.docker("image", "rm", "--force", f"myiris:{tag}", *images)


def watched(aws):
    """{alarm: version that it watches, None for all of them} of the stack's alarms."""
    found = aws("cloudwatch").describe_alarms(AlarmNamePrefix=STACK)["MetricAlarms"]
    return {one["AlarmName"].removeprefix(f"{STACK}-"): next(
        (pair["Value"] for pair in one["Dimensions"] if pair["Name"].endswith("Version")), None)
        for one in found}


def test_the_template_becomes_a_stack_that_answers_through_its_alias(stack, iris, aws):
    row = iris[2].iloc[0]
    said = aws("lambda").invoke(FunctionName=STACK, Qualifier="live",
                                Payload=json.dumps(row.to_dict()))
    expected = iris[1].predict_proba(row.to_numpy(np.float32)[np.newaxis])[0]
    scores = json.load(said["Payload"])["outputs"]["probabilities"]["scores"]
    assert said["ExecutedVersion"] == "1"
    assert list(scores.values()) == pytest.approx(expected.tolist(), abs=1e-5)
    outputs = {one["OutputKey"]: one["OutputValue"] for one in aws(
        "cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]}
    request = AWSRequest("POST", f"{outputs['Url']}/predict", data=row.to_json())
    assert requests.post(request.url, data=request.body, timeout=60).status_code == 403
    SigV4Auth(boto3.Session().get_credentials(), "execute-api", "us-east-1").add_auth(request)
    answer = requests.post(request.url, data=request.body, headers=dict(request.headers),
                           timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"]["probabilities"]["scores"] == scores


def test_a_new_image_is_a_new_version_with_its_own_alarms(stack, aws):
    folder, ship = stack
    assert watched(aws) == {"errors": None, "faults": None, "new-version-errors": "1",
                            "new-version-faults": "1"}
    (folder / "note.txt").write_text("other bytes")
    ship()
    alias = aws("lambda").get_alias(FunctionName=STACK, Name="live")
    assert alias["FunctionVersion"] == "2"
    assert watched(aws) == {"errors": None, "faults": None, "new-version-errors": "2",
                            "new-version-faults": "2"}


def test_on_aws_codedeploy_moves_the_alias_and_rolls_back_by_the_alarms_of_the_version(
        iris, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    def types(gradually):
        template = yaml_parse((iris[0] / "template.yaml").read_text())
        template["Resources"]["MyIris"]["Properties"]["ImageUri"] = "1.dkr.ecr.amazonaws.com/a:1"
        return transform(template, {"Gradually": gradually, "AWS::Region": "us-east-1"}, None)[
            "Resources"]

    made = types("true")
    group, = (one["Properties"] for one in made.values()
              if one["Type"] == "AWS::CodeDeploy::DeploymentGroup")
    assert [one["Name"]["Ref"] for one in group["AlarmConfiguration"]["Alarms"]] == [
        "NewVersionErrorsAlarm", "NewVersionFaultsAlarm"]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert "UpdatePolicy" in made["MyIrisAliaslive"]
    assert not any("CodeDeploy" in one["Type"] for one in types("false").values())


def test_the_gate_finds_wrong_answers_and_another_model(iris, docker_engine, tmp_path):
    folder, *_ = iris
    table = pd.read_csv(folder / "reference.csv")
    table["probabilities[setosa]"] += 0.01
    table.to_csv(tmp_path / "wrong.csv", index=False)
    report = bring.check(folder, tmp_path / "wrong.csv", starts=1)
    assert not report.passed and gates(report)["parity"] is False
    assert "line 2, probabilities[setosa]: expected" in report.file.read_text()
    made = json.loads((folder / "signature.json").read_text())
    try:
        (folder / "signature.json").write_text(json.dumps(
            made | {"model": {**made["model"], "sha256": "0" * 64}}))
        report = bring.check(folder)
    finally:
        (folder / "signature.json").write_text(json.dumps(made))
    assert gates(report) == {"folder": False, "permissions": True, "secrets": True}
    assert "is not the file that the signature was made for" in bring.text(report)


def test_the_commands_say_what_is_missing_and_give_exit_statuses(tmp_path):
    def workshop(*arguments):
        return subprocess.run([sys.executable, "-m", "workshop", *arguments], cwd=ROOT,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)

    new = workshop("new", "never-made", "--from", str(LOGREG), "--kind", "table")
    assert new.returncode == 1 and "range.float_input[]: Which numbers" in new.stderr
    check = workshop("check", str(tmp_path))
    assert check.returncode == 2 and "signature.json cannot be read" in check.stderr
