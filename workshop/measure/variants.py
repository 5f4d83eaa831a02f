"""What is measured: the rungs from a pickle to a start as fast as an empty handler's."""
import contextlib
import io
from dataclasses import dataclass, field
from pathlib import Path

from workshop import deploy
from workshop.course import lessons
from workshop.machine import paths
from workshop.machine.progress import Line

CUSTOMER = {
    "gender": "female", "seniorcitizen": 0, "partner": "yes", "dependents": "no",
    "phoneservice": "no", "multiplelines": "no_phone_service", "internetservice": "dsl",
    "onlinesecurity": "no", "onlinebackup": "yes", "deviceprotection": "no", "techsupport": "no",
    "streamingtv": "no", "streamingmovies": "no", "contract": "month-to-month",
    "paperlessbilling": "yes", "paymentmethod": "electronic_check", "tenure": 1,
    "monthlycharges": 29.85, "totalcharges": 29.85}


@dataclass(frozen=True)
class Variant:
    """One image to measure.

    folder: under lambda/. dockerfile: under docker/. model: file under build/models/, or None.
    bought, costs: one line each, what this rung gains and what it asks for in upkeep.
    event: the request that it is measured with.
    """
    name: str
    folder: str
    dockerfile: str = "Dockerfile"
    model: str | None = None
    bought: str = ""
    costs: str = ""
    event: dict = field(default_factory=lambda: {"customer": CUSTOMER}, repr=False, hash=False)


LADDER = (
    Variant("empty", "hello", event={"name": "Ada"},
            bought="nothing to load: what the runtime itself takes",
            costs="nothing"),
    Variant("sklearn", "churn_sklearn", model="churn.pkl",
            bought="the model as it was trained; valid bytecode, so a strong baseline",
            costs="the training's packages, at the training's versions"),
    Variant("onnx", "churn_plain", "plain.Dockerfile", model="churn.onnx",
            bought="ONNX Runtime in place of the framework",
            costs="an export, proved equal"),
    Variant("lean", "churn_plain", model="churn.onnx",
            bought="two fifths off the packages' bytes; bytecode that stays valid",
            costs="a list of what is left out, looked through when a version changes"),
    Variant("default", "churn", model="churn.onnx",
            bought="one thread, no spinning, no search for garbage while importing",
            costs="a few lines of settings"),
    Variant("capi", "churn_capi", model="churn.onnx",
            bought="no NumPy and no Python module of ONNX Runtime: its C interface, by ctypes",
            costs="a binding of 150 lines, for these kinds of input; a mistake in it can crash"),
    Variant("tiny", "churn_tiny", "tiny.Dockerfile", model="churn.onnx",
            bought="a client of the Runtime API and a json that import next to nothing",
            costs="what awslambdaric does for us, and private modules of CPython 3.13"),
)
EMPTY = "empty"         # ratios of INIT are to this one
BASELINE = "sklearn"    # ratios of size and memory are to this one
RAW = "default"         # session.run is timed in this one for those that have none of their own


def build(variant):
    """Build a variant's image and return its tag; without a word when that is quick.

    A model that is missing is made by executing its lesson.
    """
    model = None
    if variant.model:
        model = paths.MODELS / variant.model
        if not model.is_file():
            lessons.require(f"build/models/{variant.model}")
    # What every image is built with needs no saying.
    recipe = {} if variant.dockerfile == "Dockerfile" else {"dockerfile": variant.dockerfile}
    with Line("measure") as line, contextlib.redirect_stdout(io.StringIO()):
        line.say(f"building the image of {variant.name}")
        return deploy.build(variant.folder, model, tag=variant.name, **recipe)


def own_files(variant):
    """Names, without endings, of the files that are the function's own and not a dependency."""
    return {Path(path).stem for path in (paths.LAMBDA / variant.folder).iterdir()} | {"model"}
