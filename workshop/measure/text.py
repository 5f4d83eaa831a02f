"""`python3 -m workshop measure text`: ways to serve the text model, side by side.

    record = measure.text.run(["pipeline", "function"], starts=2)
    measure.text.table(record)

Each way (a rung) is a process of its own on one processor, text_process.py. A start is the time
from spawning it until model and tokenizer are ready; it is given as a multiple of a Python that
imports `json` and nothing else, started in the same rounds. No container is involved: transformers
with PyTorch would be an image of a gigabyte. The package transformers is put into
build/transformers, for this comparison only.
"""
import argparse
import contextlib
import importlib.metadata
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
from packaging.requirements import Requirement

from workshop import packages
from workshop.course import lessons
from workshop.machine import beside, paths
from workshop.machine.progress import Line
from workshop.measure import runs
from workshop.measure.container import MeasureError
from workshop.measure.runtime_api import consumed

HERE = Path(__file__).parent
LISTING = HERE / "transformers.txt"
FOLDER = paths.BUILD / "transformers"
TRAINED = "build/models/reviews.pt"
LENGTHS = (16, 64, 256)         # tokens of the requests
WARM = 20                       # requests of each length after a start
AGREE = {"float": 1e-4, "8 bits": 0.1}      # how far answers may be from PyTorch's
MB = 2 ** 20


@dataclass(frozen=True)
class Rung:
    """One way to serve the model.

    needs: distributions with all that they require; "layer" stands for lambda/text's packages as
    they ship. alone: distributions without what they require. files: of the model, keys of
    `files()`. weights: which of them it answers with.
    """
    what: str
    needs: tuple[str, ...]
    files: tuple[str, ...]
    alone: tuple[str, ...] = ()
    weights: str = "float"


EVERY = {
    "pipeline": Rung("transformers, pipeline", ("transformers", "torch"), ("folder", "head")),
    "automodel": Rung("transformers, AutoModel", ("transformers", "torch"), ("folder", "head")),
    "pytorch": Rung("PyTorch, own WordPiece", ("torch",), ("encoder", "head", "vocabulary")),
    "autotokenizer-float": Rung("ONNX Runtime, AutoTokenizer", ("layer", "transformers"),
                                ("float", "folder")),
    "tokenizers-float": Rung("ONNX Runtime, tokenizers", ("layer",), ("float", "tokenizer"),
                             ("tokenizers",)),
    "tokenizers-8bits": Rung("ONNX Runtime, tokenizers, 8 bits", ("layer",),
                             ("8 bits", "beside", "tokenizer"), ("tokenizers",),
                             weights="8 bits"),
    "function": Rung("lambda/text: own WordPiece, 8 bits", ("layer",),
                     ("8 bits", "beside", "vocabulary"), weights="8 bits"),
    "words": Rung("ONNX Runtime, TF-IDF", ("layer",), ("words",), weights="words"),
}
BY_TRANSFORMERS = ("pipeline", "automodel", "autotokenizer-float")
EMPTY = "empty"


# --- what is measured ---------------------------------------------------------------------------

def run(chosen=None, starts: int = 10, warm: int = WARM) -> dict:
    """Measure rungs in turn; return the raw record, also written to build/measure/text.json.

    chosen: names of EVERY (default: all). starts: of each. warm: requests of each length after a
    start. A model that is missing is made by executing its lesson. Where transformers cannot be
    installed, its rungs are left out, and record["left_out"] says why. Raises MeasureError when a
    rung does not start, or answers something else than the others.
    """
    starts, chosen = runs._at_most(starts), list(chosen or EVERY)
    if unknown := [name for name in chosen if name not in EVERY]:
        raise MeasureError(f"there is no rung {unknown[0]!r}; there are {', '.join(EVERY)}")
    if not (paths.ROOT / TRAINED).is_file():
        lessons.require(TRAINED)
    chosen, left_out = _without_transformers(chosen)
    record = {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
              "left_out": left_out, "bytes": {}, "starts": [], "great": {}}
    with tempfile.TemporaryDirectory() as folder, Line("measure text") as line:
        line.say("files and sizes")
        made = files(Path(folder)) | {"layer": packages.install("text")}
        record["bytes"] = {name: _bytes(EVERY[name], made) for name in chosen}
        for number in range(-1, starts):        # the first round warms up
            turn = [EMPTY, *chosen]
            random.Random(number).shuffle(turn)
            for name in turn:
                line.say(f"round {number + 1} of {starts}, {name}")
                start, great = _start(name, made, warm if number >= 0 else 1)
                record["great"].setdefault(name, great)
                if number >= 0:
                    record["starts"].append({"rung": name, "round": number, **start})
    _check_answers(record)
    runs.write("text", record)
    return record


def _without_transformers(chosen):
    """Rungs that can be measured, and why others cannot."""
    if not set(chosen) & set(BY_TRANSFORMERS):
        return chosen, None
    try:
        beside.install(LISTING, FOLDER)
    except RuntimeError as error:
        return [name for name in chosen if name not in BY_TRANSFORMERS], str(error)
    return chosen, None


def files(folder: Path) -> dict[str, Path]:
    """Write the trained model as transformers and PyTorch read it; all files that rungs read."""
    import torch

    from workshop import minilm
    state = torch.load(paths.ROOT / TRAINED, weights_only=True)
    layers, frozen = (state["settings"][name] for name in ("layers", "frozen"))
    encoder = minilm.load(layers)
    encoder.layers[frozen:].load_state_dict(state["layers"])
    torch.save(encoder.state_dict(), folder / "encoder.pt")
    torch.save(state["head"], folder / "head.pt")
    published = folder / "published"
    published.mkdir()
    for path in minilm.MODEL.glob("*.*"):
        if path.suffix in (".json", ".txt"):
            shutil.copy(path, published)
    config = json.loads((published / "config.json").read_text(encoding="utf-8"))
    (published / "config.json").write_text(json.dumps({**config, "num_hidden_layers": layers}),
                                           encoding="utf-8")
    ours = encoder.state_dict()
    original = minilm.read_weights(minilm.MODEL / "model.safetensors")
    weights = {theirs: ours[name] for name, theirs in minilm.names(layers).items()}
    weights |= {name: tensor for name, tensor in original.items()       # what we do not have
                if name == minilm.KIND or name.startswith("pooler.")}
    minilm.write_weights(published / "model.safetensors", weights)
    return {"folder": published, "encoder": folder / "encoder.pt", "head": folder / "head.pt",
            "tokenizer": published / "tokenizer.json",
            "vocabulary": paths.MODELS / "reviews_vocab.txt",
            "float": paths.MODELS / "reviews_float.onnx", "8 bits": paths.MODELS / "reviews.onnx",
            "beside": paths.MODELS / "reviews.weights",
            "words": paths.MODELS / "reviews_words.onnx", "layers": layers,
            "function": paths.LAMBDA / "text", "root": paths.ROOT}


def _start(name, made, warm):
    """Start a rung once, ask it, end it; what it took, and its answers."""
    from workshop import minilm
    path = ([str(FOLDER)] if name in BY_TRANSFORMERS else
            [str(minilm.FOLDER)] if name.startswith("tokenizers") else [])
    given = {"rung": name, "path": path, "paths": {
        key: value if isinstance(value, int) else str(value) for key, value in made.items()}}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1",
                   "TOKENIZERS_PARALLELISM": "false", "OPENBLAS_NUM_THREADS": "1",
                   "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as errors, contextlib.ExitStack() as stack:
        began = time.perf_counter()
        process = stack.enter_context(subprocess.Popen(
            [sys.executable, "-I", HERE / "text_process.py", json.dumps(given)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment))
        stack.callback(process.kill)
        if process.stdout.readline().strip() != "ready":
            process.wait()
            errors.seek(0)
            raise MeasureError(f"{name} did not start:\n" + "".join(errors.readlines()[-5:]))
        wall, took = (time.perf_counter() - began) * 1000, consumed(process.pid)

        def ask(text, times):
            print(json.dumps({"text": text, "times": times}), file=process.stdin, flush=True)
            line = process.stdout.readline()
            if not line:
                errors.seek(0)
                raise MeasureError(f"{name} did not answer:\n" + "".join(errors.readlines()[-5:]))
            return json.loads(line)

        start = {"start_ms": wall - (took["others_ms"] or 0), "start_cpu_ms": took["cpu_ms"],
                 "first_ms": ask(text_of(64), 1)["ms"][0]}
        great = []
        for length in LENGTHS:
            answer = ask(text_of(length), warm)
            start[f"warm_{length}_ms"] = statistics.median(answer["ms"])
            great.append(answer["great"])
        start["peak_mb"] = _peak_mb(process.pid)
    return start, great


def text_of(tokens: int) -> str:
    """A text with so many tokens, marks of beginning and end included."""
    sentence = "this tea is not good and i will not buy it again . ".split()
    return " ".join((sentence * tokens)[:tokens - 2])


def _peak_mb(pid):
    """The most memory (MB) that a process has held; None where the kernel does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.M)[1]) / 1024


def _check_answers(record):
    """Rungs with the same weights must say the same: else something else was measured."""
    reference = next((record["great"][name] for name in ("pytorch", "tokenizers-float", "pipeline")
                      if name in record["great"]), None)
    for name, great in record["great"].items():
        allowed = AGREE.get(EVERY[name].weights) if name in EVERY else None
        if reference and allowed and max(
                abs(a - b) for a, b in zip(great, reference, strict=True)) > allowed:
            raise MeasureError(f"{name} answers {great}, where {reference} is expected")


# --- bytes --------------------------------------------------------------------------------------

def _bytes(rung, made) -> dict[str, int]:
    """Bytes of a rung's packages, and of its model with what turns text into numbers."""
    from workshop import minilm
    distributions = closure([name for name in rung.needs if name != "layer"])
    total = sum(_size_of(one) for one in distributions.values())
    if "layer" in rung.needs:
        total += _folder_size(made["layer"])
    for name in rung.alone:
        total += _size_of(next(importlib.metadata.distributions(
            name=name, path=[str(minilm.FOLDER)])))
    return {"packages": total, "model": sum(
        _folder_size(made[key]) if made[key].is_dir() else made[key].stat().st_size
        for key in rung.files)}


def closure(names) -> dict[str, importlib.metadata.Distribution]:
    """Installed distributions with all that they require, by name, without extras."""
    found, rest = {}, list(names)
    while rest:
        name = re.sub(r"[-_.]+", "-", rest.pop()).lower()
        if name not in found:
            found[name] = next(iter(importlib.metadata.distributions(
                name=name, path=[str(FOLDER), *sys.path])))
            rest += [one.name for one in map(Requirement, found[name].requires or ())
                     if not one.marker or one.marker.evaluate({"extra": ""})]
    return found


def _size_of(distribution):
    """Bytes of a distribution's files, bytecode included, as pip has recorded them."""
    located = (Path(distribution.locate_file(path)) for path in distribution.files)
    return sum(path.stat().st_size for path in located if path.is_file())


def _folder_size(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


# --- figures ------------------------------------------------------------------------------------

def table(record: dict) -> pd.DataFrame:
    """One row a rung: medians and sizes.

    start_x_json: start to that of a Python that imports `json`. first_ms: the first request, with
    64 tokens; warm_16_ms and so on: later ones. MB are 2**20 bytes.
    """
    def median(name, what):
        values = [one[what] for one in record["starts"]
                  if one["rung"] == name and one[what] is not None]
        return statistics.median(values) if values else None

    rows = {EVERY[name].what: {
        "start_x_json": median(name, "start_ms") / median(EMPTY, "start_ms"),
        "start_ms": median(name, "start_ms"),
        "first_ms": median(name, "first_ms"),
        **{f"warm_{length}_ms": median(name, f"warm_{length}_ms") for length in LENGTHS},
        "peak_mb": median(name, "peak_mb"),
        "packages_mb": size["packages"] / MB, "model_mb": size["model"] / MB,
    } for name, size in record["bytes"].items()}
    return pd.DataFrame.from_dict(rows, orient="index").astype(float)


def ratios(record: dict) -> pd.Series:
    """lambda/text as a share of the transformers pipeline (start, bytes, peak), and of PyTorch
    without transformers (a warm request with 64 tokens). Needs these three rungs."""
    figures = table(record)
    ours, pipeline, pytorch = (figures.loc[EVERY[name].what]
                               for name in ("function", "pipeline", "pytorch"))
    return pd.Series({
        "start": ours["start_x_json"] / pipeline["start_x_json"],
        "packages and model": (ours["packages_mb"] + ours["model_mb"])
        / (pipeline["packages_mb"] + pipeline["model_mb"]),
        "peak memory": ours["peak_mb"] / pipeline["peak_mb"],
        "warm request, 64 tokens, to PyTorch": ours["warm_64_ms"] / pytorch["warm_64_ms"]})


def report(record: dict) -> str:
    """Table and ratios as plain text."""
    starts = max(one["round"] for one in record["starts"]) + 1
    lines = [f"{starts} starts of each on one processor, {record['date']}", "",
             table(record).to_string(float_format="{:.1f}".format)]
    if {"function", "pipeline", "pytorch"} <= record["bytes"].keys():
        shares = ratios(record)
        lines += ["", "lambda/text as a share of the transformers pipeline",
                  shares.map(lambda share: f"{share:.3f} (1/{1 / share:.1f})").to_string()]
    if record["left_out"]:
        lines += ["", f"Without transformers: {record['left_out']}"]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python3 -m workshop measure text", description="Measure ways to serve the text "
        "model of lesson 12: start, requests, memory and bytes, in turn.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="rungs:\n" + "\n".join(f"  {name:21}{one.what}" for name, one in EVERY.items()))
    parser.add_argument("rungs", nargs="*", metavar="rung", choices=[[], *EVERY],
                        help="which to measure (default: all)")
    parser.add_argument("--starts", type=int, default=10, metavar="N",
                        help="starts of each (default: 10)")
    given = parser.parse_args(arguments)
    try:
        record = run(given.rungs, given.starts)
    except (RuntimeError, FileNotFoundError) as error:
        print(f"measure: {error}", file=sys.stderr)
        return 1
    print(report(record), flush=True)
    return 0
