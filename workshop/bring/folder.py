"""Writes the folder of a function: code, signature, tests, template and a page."""
import argparse
import base64
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from PIL import Image

from workshop.bring import signature
from workshop.bring.model import Model, ModelError
from workshop.bring.questions import MissingError, Questions
from workshop.machine import modes, paths

FUNCTION = Path(__file__).with_name("function")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 40           # with prefixes, names of roles and functions have 64 characters
COMMON = {"web.py": paths.LAMBDA / "common" / "web.py"}
# Modules by what the signature has, and where the workshop has them.
FOR = {"picture": {"pictures.py": FUNCTION / "pictures.py",
                   "picture.py": paths.LAMBDA / "image" / "picture.py",
                   "structure.py": paths.LAMBDA / "image" / "structure.py"},
       "tokens": {"tokens.py": FUNCTION / "tokens.py",
                  "wordpiece.py": paths.LAMBDA / "text" / "wordpiece.py"}}
PLACEHOLDERS = ("my-model", "MyModel")
TRY = "import json, lambda_function as f; json.dumps(f.predict(f.signature['example']))"


def new(name: str, model: str | Path, kind: str, answers: dict | None = None,
        data: str | Path | None = None, vocabulary: str | Path | None = None,
        folder: Path | None = None, terminal: bool | None = None) -> Path:
    """Write the folder of the function NAME for an ONNX file, and return its path.

    kind: "table", "image" or "text". answers: {key: JSON value} to what would be asked. data: CSV
    of the training data, whose names, ranges and categories need not be asked. vocabulary: file of
    a model that takes token numbers. folder: default lambda/NAME. terminal: whether a person can
    be asked. Raises ModelError, or MissingError with every question that has no answer.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ModelError(f"{name!r} is no name for a function: small letters, digits and hyphens, "
                         f"a letter first, at most {LONGEST_NAME}.")
    folder = paths.LAMBDA / name if folder is None else Path(folder)
    if folder.exists():
        raise ModelError(f"There is a folder {folder} already; choose another name, or remove it.")
    opened, questions = Model(model), Questions(answers, terminal)
    table = None if data is None else pd.read_csv(data)
    made = signature.make(name, kind, opened, questions, table, vocabulary)
    made["example"] = questions.ask(
        "example", "A request to try the model with: JSON, or made", _example(made),
        default="made", known=_first_row(made, table))
    questions.finish()
    made["asked"] = [one._asdict() for one in questions.asked]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        written = _write(Path(temporary) / name, name, made, opened, vocabulary)
        _try(written, made)
        written.rename(folder)
    return folder


def _first_row(made, table):
    """The first row of the training data as a request, where it has every field."""
    names = [entry["name"] for entry in made["fields"]]
    if table is None or not set(names) <= set(table.columns):
        return None
    rows = json.loads(table[names].dropna().head(1).to_json(orient="records"))
    return rows[0] if rows else None


# ---------------------------------------------------------------- example

def _example(made):
    def check(answer):
        if answer == "made":
            return {entry["name"]: _value(entry) for entry in made["fields"]}
        if not isinstance(answer, dict):
            raise ValueError("an object is needed, {field: value}")
        return answer

    return check


def _value(entry):
    """A value that an entry of the signature's `fields` allows."""
    kind = entry["type"]
    if kind == "list":
        return _nested([size or 1 for size in entry["shape"]], _value(entry["element"]))
    if kind in ("number", "integer"):
        low, high = entry["minimum"], entry["maximum"]
        return 0 if low <= 0 <= high else low
    return {"category": lambda: entry["allowed"][0], "boolean": lambda: True,
            "text": lambda: "An example.", "picture": _grey}[kind]()


def _nested(shape, value):
    return value if not shape else [_nested(shape[1:], value) for _ in range(shape[0])]


def _grey() -> str:
    """A small grey picture, PNG in base64."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "grey").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


# ---------------------------------------------------------------- files

def _write(folder, name, made, opened, vocabulary):
    """Copy what this signature needs into a new folder, with the function's own name in it."""
    modules = {file: source for part, files in FOR.items() for file, source in files.items()}
    modes.copy(FUNCTION, folder)
    for file in modules:
        (folder / file).unlink(missing_ok=True)
    needed = COMMON | {file: source for part in FOR if part in made
                       for file, source in FOR[part].items()}
    for file, source in needed.items():
        shutil.copy(source, folder / file)
    (folder / "dockerignore").rename(folder / ".dockerignore")
    shutil.copy(paths.DOCKER / "Dockerfile", folder / "Dockerfile")
    _rename(folder, name, made["example"])
    if "picture" not in made:
        requirements = folder / "requirements.txt"
        lines = requirements.read_text(encoding="utf-8").splitlines(keepends=True)
        requirements.write_text(
            "".join(one for one in lines if not one.startswith("pillow")), encoding="utf-8")
    (folder / "signature.json").write_text(
        json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.copy(opened.path, folder / "model.onnx")
    for file in opened.external:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(opened.path.parent / file, folder / file)
    if vocabulary is not None:
        shutil.copy(vocabulary, folder / made["tokens"]["vocabulary"])
    modes.settle(folder)
    return folder


def _rename(folder, name, example):
    """Put the function's name in place of the template's."""
    camel = "".join(word.capitalize() for word in name.split("-"))
    request = json.dumps(example, ensure_ascii=False)
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in (".yaml", ".toml", ".md", ".py"):
            text = path.read_text(encoding="utf-8")
            for old, new_ in zip(PLACEHOLDERS, (name, camel)):
                text = text.replace(old, new_)
            path.write_text(text.replace(
                "my-request", request if len(request) < 1000 else request[:1000] + "…"),
                encoding="utf-8")


def _try(folder, made):
    """Start the function in a Python of its own, which asks it for the example.

    Raises ModelError with the function's last words.
    """
    done = subprocess.run([sys.executable, "-c", TRY], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["without a word"]
        raise ModelError(f"The function does not answer its example ({last[0][:500]}). Give "
                         "another `example`, or other answers for the shapes.")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)


# ---------------------------------------------------------------- the command

def main(arguments: list[str]) -> int:
    """`python3 -m workshop new`: exit status 1 where something is missing or cannot be served."""
    parser = argparse.ArgumentParser(
        prog="python3 -m workshop new",
        description="Write the folder of a function, lambda/NAME, for an ONNX model. What the "
                    "model does not say is asked.")
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--from", dest="model", metavar="MODEL.onnx", required=True)
    parser.add_argument("--kind", choices=signature.KINDS, required=True)
    parser.add_argument("--answers", metavar="FILE.json", help="answers, {key: value}")
    parser.add_argument("--data", metavar="TRAIN.csv", help="training data: names, ranges and "
                        "categories are read from it")
    parser.add_argument("--vocabulary", metavar="vocab.txt", help="of a model that takes token "
                        "numbers")
    given = parser.parse_args(arguments)
    try:
        answers = json.loads(Path(given.answers).read_text(encoding="utf-8")) \
            if given.answers else None
        folder = new(given.name, given.model, given.kind, answers, given.data, given.vocabulary)
    except (ModelError, MissingError, OSError, ValueError) as error:
        print(f"new: {error}", file=sys.stderr)
        return 1
    print(f"Written: {folder}. Read {folder / 'README.md'} next.")
    return 0
