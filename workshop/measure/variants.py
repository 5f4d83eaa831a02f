"""What is measured: the rungs from a pickle to a start as fast as an empty handler's."""
import base64
import contextlib
import dataclasses
import io
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from workshop import deploy
from workshop.course import lessons
from workshop.machine import paths
from workshop.machine.progress import Line
from workshop.measure.container import MeasureError

PICTURE = paths.DATA / "garments" / "sneaker.jpg"

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
    event: the request that it is measured with. commit: of this project, in Git's words, whose
    lambda/ and docker/ it is built from; None for what lies in the folders now.
    """
    name: str
    folder: str
    dockerfile: str = "Dockerfile"
    model: str | None = None
    bought: str = ""
    costs: str = ""
    event: dict = field(default_factory=lambda: {"customer": CUSTOMER}, repr=False, hash=False)
    commit: str | None = None


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
# The same for the image function, measured by name only: lesson 14 climbs the first ladder.
SHOW = {"image": base64.b64encode(PICTURE.read_bytes()).decode()}
IMAGE_LADDER = (
    Variant("image-plain", "image", "plain.Dockerfile", model="fashion.onnx", event=SHOW,
            bought="the image function, its packages as pip installs them",
            costs="a model and how it was trained, in its signature"),
    Variant("image", "image", model="fashion.onnx", event=SHOW,
            bought="the image function as it ships: less of the packages, valid bytecode",
            costs="a list of what is left out, looked through when a version changes"),
)
EVERY = {one.name: one for one in (*LADDER, *IMAGE_LADDER)}
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
        if variant.commit:
            recipe["root"] = _extract(variant.commit)
        return deploy.build(variant.folder, model, tag=variant.name.replace("@", "-"), **recipe)


def earlier(chosen, commit):
    """Return the variants but the empty one as `commit` (in Git's words) has them, NAME@COMMIT.

    They have the requests and the models of today. Raises MeasureError for an unknown commit.
    """
    commit = _git("rev-parse", "--verify", "--short", f"{commit}^{{commit}}").decode().strip()
    return [dataclasses.replace(one, name=f"{one.name}@{commit}", commit=commit)
            for one in chosen if one.name != EMPTY]


def _extract(commit):
    """Return a folder with the lambda/ and docker/ of a commit."""
    folder = paths.BUILD / "measure" / "commits" / commit
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, "lambda", "docker"))) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*arguments):
    try:
        done = subprocess.run(["git", "-C", paths.ROOT, *arguments], capture_output=True)
    except FileNotFoundError:
        raise MeasureError("there is no `git`, which an earlier commit is read with") from None
    if done.returncode:
        raise MeasureError(f"`git {' '.join(arguments)}` failed: "
                           f"{done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def own_files(variant):
    """Names, without endings, of the files that are the function's own and not a dependency."""
    return {Path(path).stem for path in (paths.LAMBDA / variant.folder).iterdir()} | {"model"}
