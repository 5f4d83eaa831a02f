"""Each folder of lambda/ is a whole: it runs in an image of its own."""
import ast
import re
import sys

import pytest

from workshop.course import render
from workshop.machine.paths import LAMBDA, ROOT

# Not those that `python3 -m workshop new` has made for learners: they have tests of their own.
FOLDERS = sorted(path.parent.name for path in LAMBDA.glob("*/lambda_function.py")
                 if not (path.parent / "signature.json").exists())
# Where a package's module has another name.
MODULES = {"scikit-learn": "sklearn", "pillow": "PIL", "keras-image-helper": "keras_image_helper"}
RUNTIME = {"boto3", "botocore"}     # what Lambda's own Python brings


def pins(text):
    """{package: version} of every `name==version` in `text`."""
    return dict(re.findall(r"^[\s-]*([\w-]+)==([\w.]+)", text, re.MULTILINE))


def requirements(folder):
    return (LAMBDA / folder / "requirements.txt").read_text(encoding="utf-8")


def test_the_functions_of_the_first_lessons_are_there():
    assert {"hello", "churn", "churn_sklearn", "image"} <= set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_requirements_are_pinned_as_in_the_environment(folder):
    environment = pins((ROOT / "environment.yml").read_text(encoding="utf-8"))
    function = pins(requirements(folder))
    assert function == {package: environment.get(package) for package in function}


@pytest.mark.parametrize("folder", FOLDERS)
def test_function_imports_only_what_is_in_its_image(folder):
    files = list((LAMBDA / folder).glob("*.py"))
    own = {path.stem for path in files}
    installed = {MODULES.get(package, package) for package in pins(requirements(folder))} | RUNTIME
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names | own | installed, f"{path.name}: {name}"


@pytest.mark.parametrize("file, folders", [
    ("requirements.txt", ["churn", "churn_plain"]), ("leave_out.txt", ["churn", "churn_plain"]),
    ("requirements.txt", ["churn_capi", "churn_tiny"]),
    ("leave_out.txt", ["churn_capi", "churn_tiny"])])
def test_functions_that_share_a_file_keep_identical_copies(file, folders):
    first, *others = ((LAMBDA / name / file).read_bytes() for name in folders)
    assert all(other == first for other in others), \
        f"copy lambda/{folders[0]}/{file} to {folders[1:]}"


SHARED = [(name, copy) for name, copies in render.COPIES.items() for copy in copies]


@pytest.mark.parametrize("name, copy", SHARED)
def test_a_copy_of_a_shared_file_is_fresh_and_says_where_it_comes_from(name, copy):
    first, rest = (ROOT / copy).read_text(encoding="utf-8").split("\n", 1)
    assert f"lambda/common/{name}" in first and "python3 -m workshop render" in first
    assert rest == (LAMBDA / "common" / name).read_text(encoding="utf-8"), \
        f"change lambda/common/{name}, then run python3 -m workshop render"


def test_every_file_that_is_shared_is_in_use_and_no_folder_has_a_copy_by_hand():
    assert {path.name for path in (LAMBDA / "common").iterdir() if path.is_file()} == \
        set(render.COPIES)
    copies = {path.relative_to(ROOT).as_posix()
              for folder in ("lambda/*", "docker/*") for path in ROOT.glob(f"{folder}/*.py")
              if path.name in render.COPIES and path.parent.name != "common"
              and not (path.parent / "signature.json").exists()}
    assert copies - {copy for _, copy in SHARED} == {
        "lambda/image/contract.py", "lambda/text/contract.py"}, "their own"
