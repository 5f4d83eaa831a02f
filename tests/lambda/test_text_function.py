"""The text function: its promise to callers, and which models it accepts."""
import json

import onnx
import pytest
from onnx import TensorProto

import tiny_text
from function_folder import PRIVATE, call, load
from tiny_text import SIGNATURE, VOCABULARY
from workshop.machine.paths import ROOT

EVENTS = ROOT / "tests/support/events"
KINDS = ["direct", "rest", "http", "http_stage", "url", "url_base64"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the tiny model and its vocabulary, which is the function's."""
    tiny_text.make(tmp_path / "model.onnx")
    (tmp_path / "vocab.txt").write_bytes(VOCABULARY.encode())
    monkeypatch.setenv("VOCABULARY_PATH", str(tmp_path / "vocab.txt"))
    return tmp_path


@pytest.fixture
def function(monkeypatch, folder):
    return load(monkeypatch, "text", folder / "model.onnx")


def recorded(name, request):
    """The recorded event `name` with another request."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    if name == "direct":
        return request
    event["body"], event["isBase64Encoded"] = json.dumps(request), False
    return event


# ---------------------------------------------------------------- answers

@pytest.mark.parametrize("event", KINDS)
def test_a_text_is_answered_whatever_the_event(function, capsys, event):
    status, content, log = call(function, capsys, recorded(event, {"text": "Good TEA!"}))
    assert status == 200 and log["event"] == event.partition("_")[0]
    assert list(content) == ["label", "probabilities", "tokens", "tokens_read", "truncated",
                             "model", "model_version"]
    expected = tiny_text.probabilities([2, 4, 6, 10, 3])
    assert list(content["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert list(content["probabilities"]) == SIGNATURE["labels"]
    assert content["label"] == SIGNATURE["labels"][expected.argmax()]
    assert (content["tokens"], content["tokens_read"], content["truncated"]) == (5, 5, False)
    assert (content["model"], content["model_version"]) == ("tiny-text", "1")
    assert (log["texts"], log["tokens"]) == (1, 5)


@pytest.mark.parametrize("event", KINDS)
def test_texts_are_answered_in_order_each_as_if_it_came_alone(function, capsys, event):
    texts = ["good", "bad bad bad", "tea!", "unlikely good."]
    status, content, log = call(function, capsys, recorded(event, {"texts": texts}))
    assert status == 200 and list(content) == ["results", "model", "model_version"]
    for text, result in zip(texts, content["results"], strict=True):
        _, alone, _ = call(function, capsys, {"text": text})
        assert {key: alone[key] for key in result} == result
    assert log["texts"] == 4 and log["tokens"] == sum(one["tokens"] for one in content["results"])


def test_a_text_that_is_too_long_is_answered_and_the_answer_says_so(function, capsys):
    _, content, _ = call(function, capsys, {"text": "good good good good bad bad bad"})
    assert (content["tokens"], content["tokens_read"], content["truncated"]) == (9, 6, True)
    expected = tiny_text.probabilities([2, 4, 4, 4, 4, 3])
    assert content["probabilities"]["great"] == pytest.approx(expected[1], abs=1e-6)
    _, content, _ = call(function, capsys, {"text": "good good good good"})
    assert (content["tokens"], content["truncated"]) == (6, False)


@pytest.mark.parametrize("text", ["good " * 10_000, "茶は良い", "чай", "🍵", "\u200b", "\ud800",
                                  "a" * 5000, "\x00", "[CLS]", "Ω" * 200])
def test_no_text_is_a_fault(function, capsys, text):
    status, content, _ = call(function, capsys, {"text": text})
    assert status == 200 and sum(content["probabilities"].values()) == pytest.approx(1)


def test_most_texts_are_answered(function, capsys):
    _, content, _ = call(function, capsys, {"texts": ["good"] * function.contract.MOST_TEXTS})
    assert len(content["results"]) == function.contract.MOST_TEXTS


# ---------------------------------------------------------------- mistakes

MISTAKES = {    # what is sent, the field that must be named, words of the message
    "nothing": ({}, "text", "missing"),
    "a list": ([{"text": "a"}], "text", "not an object"),
    "a string": (PRIVATE, "text", "not an object"),
    "null": (None, "text", "not an object"),
    "both": ({"text": PRIVATE, "texts": [PRIVATE]}, "texts", "beside a text"),
    "an unknown field": ({"text": "a", "language": PRIVATE}, "language", "not a known field"),
    "a number": ({"text": 8472}, "text", "must be a string"),
    "text null": ({"text": None}, "text", "must be a string"),
    "empty": ({"text": ""}, "text", "is empty"),
    "blank": ({"text": " \n\t\u3000"}, "text", "is empty"),
    "texts a string": ({"texts": PRIVATE}, "texts", "a list"),
    "no texts": ({"texts": []}, "texts", "a list"),
    "too many texts": ({"texts": ["a"] * 33}, "texts", "a list"),
    "one of them empty": ({"texts": ["good", "", "bad"]}, "texts[1]", "is empty"),
    "one of them a number": ({"texts": ["good", 1]}, "texts[1]", "must be a string"),
    "a lone surrogate in a field's name": ({"text": "a", "\udc00": 1}, "?", "not a known field"),
}


@pytest.mark.parametrize("event", KINDS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_refused_with_the_field_and_what_is_allowed(function, capsys, mistake, event):
    request, field, words = MISTAKES[mistake]
    status, content, _ = call(function, capsys, recorded(event, request))
    problem, = content["problems"]
    assert status == 400 and problem["field"] == field
    assert words in problem["message"] and problem["allowed"]


@pytest.mark.parametrize("request_, field", [({"text": "a" * 100_001}, "text"),
                                             ({"texts": ["a" * 50_001] * 2}, "texts")])
def test_too_many_characters_are_refused_before_they_are_read(function, capsys, monkeypatch,
                                                              request_, field):
    monkeypatch.setattr(function.tokenizer, "encode", None)
    status, content, _ = call(function, capsys, request_)
    assert status == 413 and content["problems"][0]["field"] == field
    assert content["problems"][0]["allowed"] == {"maximum_characters": 100_000}


def test_other_route_method_and_body_are_refused(function, capsys):
    event = recorded("http", {"text": "good"})
    event["rawPath"] = f"/{PRIVATE}"
    assert call(function, capsys, event)[0] == 404
    event = recorded("rest", {"text": "good"})
    event["httpMethod"] = "GET"
    assert call(function, capsys, event)[0] == 405
    event = recorded("url", {})
    event["body"] = f"{{{PRIVATE}"
    assert call(function, capsys, event)[1]["problems"][0]["field"] == "body"


@pytest.mark.parametrize("event", KINDS)
def test_fault_tells_the_caller_nothing_and_the_log_where(function, capsys, monkeypatch, event):
    def fail(numbers):
        raise ValueError(PRIVATE)

    monkeypatch.setattr(function, "predict", fail)
    status, content, log = call(function, capsys, recorded(event, {"text": "good"}))
    assert status == 500 and content["message"] == "internal error"
    assert log["error"] == "ValueError" and log["stack"][-1].endswith(" fail")


@pytest.mark.parametrize("values", [[float("nan"), 1.0], [0.2, 0.2], [-0.5, 1.5], [1.0]])
def test_what_are_no_probabilities_is_a_fault(function, capsys, monkeypatch, values):
    monkeypatch.setattr(function, "predict", lambda numbers: values)
    assert call(function, capsys, {"text": "good"})[0] == 500


# ---------------------------------------------------------------- models that are refused

def refusal(monkeypatch, path, **made):
    """What importing the function says with the tiny model, made otherwise."""
    tiny_text.make(path, **made)
    with pytest.raises(ValueError) as error:
        load(monkeypatch, "text", path)
    return str(error.value)


@pytest.mark.parametrize("changes, words", [
    ({"labels": []}, "names no labels"), ({"labels": None}, "has no 'labels'"),
    ({"max_tokens": 9}, "says that 9 tokens are read: the model takes 3 to 8"),
    ({"max_tokens": "256"}, "has no 'max_tokens', or a wrong one"),
    ({"inputs": ["input_ids"]}, "must name two inputs"),
    ({"inputs": ["ids", "attention_mask"]}, "the model has [('input_ids', 'tensor(int64)')"),
    ({"output": "logits"}, "names the output 'logits', the model has ['probabilities']"),
    ({"labels": ["a", "b", "c"]}, "names 3 labels"),
    ({"tokenizer": {"kind": "bpe", "sha256": ""}}, "another kind of tokenizer"),
    ({"tokenizer": {"kind": "wordpiece uncased"}}, "does not name the SHA-256"),
    ({"version": None}, "has no 'version'")])
def test_a_model_that_contradicts_its_signature_stops_at_import(monkeypatch, folder, changes,
                                                                words):
    said = refusal(monkeypatch, folder / "model.onnx", signature=SIGNATURE | changes)
    assert str(folder / "model.onnx") in said and words in said


def test_a_model_without_signature_or_of_other_types_stops_at_import(monkeypatch, folder):
    path = folder / "model.onnx"
    assert "signature is missing" in refusal(monkeypatch, path, signature=None)
    assert "tensor(int32)" in refusal(monkeypatch, path, kind=TensorProto.INT32)
    assert "add up to" in refusal(monkeypatch, path, last="Identity")


def test_a_model_asked_with_another_tokenizer_stops_at_import(monkeypatch, folder):
    other = VOCABULARY.replace("good\nbad", "bad\ngood")
    (folder / "vocab.txt").write_bytes(other.encode())
    with pytest.raises(ValueError, match=r"vocab.txt: this is not the tokenizer that .*model.onnx "
                                         r"was trained with.*SHA-256 is [0-9a-f]{12}….*Put the"):
        load(monkeypatch, "text", folder / "model.onnx")


def test_line_ends_of_windows_are_another_tokenizer(monkeypatch, folder):
    (folder / "vocab.txt").write_bytes(VOCABULARY.replace("\n", "\r\n").encode())
    with pytest.raises(ValueError, match="not the tokenizer"):
        load(monkeypatch, "text", folder / "model.onnx")


def test_a_missing_or_damaged_file_is_named(monkeypatch, folder):
    (folder / "vocab.txt").unlink()
    with pytest.raises(FileNotFoundError, match="vocab.txt: there is no vocabulary"):
        load(monkeypatch, "text", folder / "model.onnx")
    with pytest.raises(FileNotFoundError, match=r"no\.onnx: there is no model"):
        load(monkeypatch, "text", folder / "no.onnx")
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"cannot open the model \(300 bytes\)"):
        load(monkeypatch, "text", folder / "model.onnx")


def test_weights_may_be_beside_the_model_and_missing_ones_are_named(monkeypatch, folder, capsys):
    path = folder / "model.onnx"
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="model.weights",
              size_threshold=50)
    answer = load(monkeypatch, "text", path).lambda_handler({"text": "Good TEA!"}, None)
    expected = tiny_text.probabilities([2, 4, 6, 10, 3])
    assert list(answer["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)
    (folder / "model.weights").unlink()
    with pytest.raises(ValueError, match=r"cannot open the model.*model\.weights"):
        load(monkeypatch, "text", path)
