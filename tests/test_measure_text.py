"""How ways to serve the text model are compared: bytes, answers, figures; and one rung for real."""
import json
import subprocess
import sys

import pytest

from workshop.machine.paths import ROOT
from workshop.measure import text, text_process
from workshop.measure.container import MeasureError

STARTS = {"empty": 10.0, "pipeline": 2000.0, "pytorch": 600.0, "function": 80.0}


def record(great=None, **starts):
    rungs = [name for name in STARTS if name in text.EVERY]
    return {"date": "2026-11-29", "left_out": None, "great": great or {},
            "bytes": {name: {"packages": 90 * text.MB, "model": 10 * text.MB} if name == "function"
                      else {"packages": 950 * text.MB, "model": 50 * text.MB} for name in rungs},
            "starts": [{"rung": name, "round": turn, "start_ms": STARTS[name] * (1 + turn),
                        "start_cpu_ms": 1.0, "first_ms": 30.0, "warm_16_ms": 2.0,
                        "warm_64_ms": 5.0 if name == "function" else 15.0, "warm_256_ms": 50.0,
                        "peak_mb": 100.0 if name == "function" else 400.0}
                       for turn in range(2) for name in STARTS]}


def test_starts_are_ratios_to_a_python_that_does_nothing():
    figures = text.table(record())
    assert figures.loc[text.EVERY["pipeline"].what, "start_x_json"] == pytest.approx(200)
    assert figures.loc[text.EVERY["function"].what, "packages_mb"] == 90


def test_the_shares_are_ours_of_theirs():
    shares = text.ratios(record())
    assert shares.round(4).to_list() == [0.04, 0.1, 0.25, 0.3333]
    assert "1/25.0" in text.report(record())


def test_a_rung_that_answers_something_else_is_refused():
    same = {"pytorch": [0.1, 0.2, 0.3], "pipeline": [0.1, 0.2, 0.3], "function": [0.12, 0.2, 0.3]}
    text._check_answers(record(same))
    with pytest.raises(MeasureError, match="pipeline answers"):
        text._check_answers(record({**same, "pipeline": [0.1, 0.21, 0.3]}))


def test_what_a_package_requires_counts_once_and_extras_do_not():
    found = text.closure(["pandas", "numpy"])
    assert {"pandas", "numpy", "python-dateutil", "six"} <= found.keys()
    assert "pytest" not in found, "pandas names it for its tests only, as an extra"
    assert text._size_of(found["numpy"]) > 10 * text.MB


def test_every_rung_has_a_way_to_start():
    assert text.EVERY.keys() | {text.EMPTY} == text_process.RUNGS.keys()


def test_a_process_gets_ready_answers_and_ends():
    done = subprocess.run(
        [sys.executable, "-I", text.HERE / "text_process.py",
         json.dumps({"rung": "empty", "path": [], "paths": {}})],
        input=json.dumps({"text": "x", "times": 3}) + "\n", capture_output=True, text=True)
    ready, answer = done.stdout.splitlines()
    assert ready == "ready" and len(json.loads(answer)["ms"]) == 3


def test_a_rung_that_cannot_start_says_why(tmp_path):
    made = dict.fromkeys(("vocabulary", "8 bits"), tmp_path / "nothing") | {
        "function": ROOT / "lambda" / "text"}
    with pytest.raises(MeasureError, match="function did not start(?s:.*)there is no model"):
        text._start("function", made, 1)


@pytest.mark.parametrize("tokens", text.LENGTHS)
def test_requests_have_as_many_words_as_tokens(tokens):
    """With [CLS] and [SEP]; the words are in the vocabulary, each a token."""
    assert len(text.text_of(tokens).split()) == tokens - 2


def test_the_list_for_transformers_has_hashes_and_the_environments_tokenizer():
    listing = text.LISTING.read_text(encoding="utf-8")
    from workshop import minilm
    assert "tokenizers==0.23.3" in listing and "tokenizers==0.23.3" in minilm.PACKAGES.read_text()
    assert not [line for line in listing.splitlines()
                if line[:1].isalnum() and not line.endswith("\\")]


def test_an_unknown_rung_is_named(monkeypatch):
    with pytest.raises(MeasureError, match="no rung 'pipelin'"):
        text.run(["pipelin"])
