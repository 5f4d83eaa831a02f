"""Each folder of lambda/ is a whole: it runs in an image of its own."""
import ast
import re
import sys

import pytest

from workshop.machine.paths import LAMBDA, ROOT

FOLDERS = sorted(path.parent.name for path in LAMBDA.glob("*/lambda_function.py"))
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


CHURN = ["churn", "churn_capi", "churn_plain", "churn_sklearn", "churn_tiny"]


@pytest.mark.parametrize("file, folders", [
    ("contract.py", CHURN), ("web.py", [*CHURN, "image"]),
    ("requirements.txt", ["churn", "churn_plain"]), ("leave_out.txt", ["churn", "churn_plain"]),
    *((file, ["churn_capi", "churn_tiny"]) for file in (
        "lambda_function.py", "onnx_c_api.py", "requirements.txt", "leave_out.txt"))])
def test_functions_that_share_a_file_keep_identical_copies(file, folders):
    first, *others = ((LAMBDA / name / file).read_bytes() for name in folders)
    assert all(other == first for other in others), \
        f"copy lambda/{folders[0]}/{file} to {folders[1:]}"


def test_every_copy_of_the_shared_files_is_compared():
    assert sorted(path.parent.name for path in LAMBDA.glob("*/web.py")) == [*CHURN, "image"]
