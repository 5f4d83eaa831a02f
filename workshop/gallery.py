"""Models that convert without an error, and whose files answer differently. Lesson 13 shows them.

Each entry makes a small model, converts it, and returns (model, file, rows) as `parity.compare`
takes them. They were seen with the versions that environment.yml pins; a newer version may fix one,
and then the test of this module says so.
"""
import contextlib
import inspect
import io
import logging
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from workshop.machine.paths import ROOT
from workshop.parity import GIVEN

NUMBERS = ["tenure", "monthlycharges", "totalcharges"]
CATEGORIES = ["contract", "internetservice", "paymentmethod"]


@dataclass(frozen=True)
class Entry:
    """One conversion that succeeds and answers differently.

    probe, column: what `parity.compare` must name. why, fix: the cause, and what to do. make:
    returns the arguments of `compare`, a tuple, and those by name, a dict.
    """
    name: str
    library: str
    probe: str
    column: str
    why: str
    fix: str
    make: Callable[[], tuple[tuple, dict]]


GALLERY: dict[str, Entry] = {}


def entry(name: str, library: str, probe: str = GIVEN, column: str = "", *, fix: str):
    """Put the decorated function into the gallery. It returns (model, file, rows[, options])."""
    def enter(function):
        def make():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model, file, rows, *options = function()
            return (model, file, rows), *(options or [{}])
        why = inspect.getdoc(function).rstrip(".")
        GALLERY[name] = Entry(name, library, probe, column, why, fix, make)
        return function
    return enter


# ---------------------------------------------------------------- the table, and the converters

@cache
def churn() -> tuple[pd.DataFrame, np.ndarray]:
    """The churn table, its three numbers as 32-bit floats without gaps, and who left (0, 1)."""
    table = pd.read_csv(ROOT / "data" / "churn.csv").fillna({"totalcharges": 0})
    table = table.astype({name: np.float32 for name in NUMBERS})
    return table, (table.pop("churn") == "yes").to_numpy().astype(int)


def numbers(gaps: bool = False) -> np.ndarray:
    """The three numbers of each customer, (7043, 3) float32; with every 7th bill missing."""
    found = churn()[0][NUMBERS].to_numpy(np.float32, copy=True)
    if gaps:
        found[::7, 1] = np.nan
    return found


def codes() -> np.ndarray:
    """Three categories of each customer as whole numbers from 0, and the numbers, float32."""
    table = churn()[0]
    found = [*(table[name].astype("category").cat.codes for name in CATEGORIES),
             *(table[name] for name in NUMBERS)]
    return np.stack(found, axis=1).astype(np.float32)


def by_skl2onnx(model, rows, **settings):
    """Convert `model` with skl2onnx by the type of `rows`; probabilities in one array."""
    from skl2onnx import to_onnx
    options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
    return to_onnx(model, rows[:1], options=options, **settings)


def by_onnxmltools(model, rows):
    """Convert with onnxmltools a `model` of LightGBM or XGBoost that takes `rows` of float32."""
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType
    inputs = [("X", FloatTensorType([None, rows.shape[1]]))]
    if type(model).__module__.startswith("lightgbm"):
        return onnxmltools.convert_lightgbm(model, initial_types=inputs, zipmap=False,
                                            target_opset=15)
    return onnxmltools.convert_xgboost(model, initial_types=inputs, target_opset=15)


def by_torch(network, example, dynamic):
    """The bytes of the file of a `network`, by an input, `example`; `dynamic` names free axes."""
    import torch
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder) / "network.onnx"
        torch.onnx.export(network, (example,), path, input_names=["x"], output_names=["y"],
                          dynamic_shapes=(dynamic,), external_data=False)
        return path.read_bytes()


def asked(network):
    """Return a PyTorch `network` as a function from an array to an array."""
    import torch

    def ask(rows):
        with torch.no_grad():
            return network(torch.from_numpy(np.ascontiguousarray(rows))).numpy()
    return ask


# ---------------------------------------------------------------- scikit-learn

NAMED = {"columns": NUMBERS}


@entry("SimpleImputer(add_indicator=True)", "scikit-learn",
       fix="make the column of gaps in the table, before the pipeline")
def indicator():
    """The converter leaves out the columns that mark gaps; the weights then meet other columns."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    rows = numbers(gaps=True)
    model = make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression(max_iter=1000))
    model.fit(rows, churn()[1])
    return model, by_skl2onnx(model, rows), rows, NAMED


@entry("HistGradientBoosting with categorical features", "scikit-learn",
       fix="one-hot encode the categories, or take LightGBM")
def categories():
    """The converter compares a category with a threshold; the model looks it up in a set."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    rows = codes()
    model = HistGradientBoostingClassifier(
        max_iter=10, categorical_features=list(range(len(CATEGORIES))), random_state=1)
    model.fit(rows, churn()[1])
    return model, by_skl2onnx(model, rows), rows, {"columns": CATEGORIES + NUMBERS}


@entry("forest with gaps", "scikit-learn", column="monthlycharges",
       fix="an imputer before the forest")
def forest_with_gaps():
    """The model has learned a branch for gaps at each node; in the file all go to the right."""
    from sklearn.ensemble import RandomForestClassifier
    rows = numbers(gaps=True)
    model = RandomForestClassifier(20, max_depth=8, random_state=1).fit(rows, churn()[1])
    return model, by_skl2onnx(model, rows), rows, NAMED


@entry('OrdinalEncoder(handle_unknown="error")', "scikit-learn", "an unknown category", "contract",
       fix="check each request against the signature (lesson 03)")
def ordinal():
    """The file encodes an unknown category as -1, and a tree answers for -1 as for any number."""
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder
    rows = churn()[0][["contract", "paymentmethod"]]
    model = make_pipeline(OrdinalEncoder(handle_unknown="error"),
                          RandomForestClassifier(20, max_depth=4, random_state=1))
    model.fit(rows, churn()[1])
    file = by_skl2onnx(model, rows, initial_types=[
        (name, StringTensorType([None, 1])) for name in rows])
    return model, file, rows


@entry("isotonic calibration", "scikit-learn",
       fix='method="sigmoid", which is equal for logistic regression and forests')
def isotonic():
    """The model interpolates between two points of the calibration; the file takes the nearer."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression
    rows = numbers()
    model = CalibratedClassifierCV(LogisticRegression(max_iter=1000), method="isotonic")
    model.fit(rows, churn()[1])
    return model, by_skl2onnx(model, rows), rows, NAMED


@entry("calibration around a pipeline", "scikit-learn",
       fix="put the scaler before the calibration, not inside")
def calibrated_pipeline():
    """The model calibrates the pipeline's decision_function; the file its probabilities."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    rows = numbers()
    model = CalibratedClassifierCV(make_pipeline(StandardScaler(), LogisticRegression()))
    model.fit(rows, churn()[1])
    return model, by_skl2onnx(model, rows), rows, NAMED


@entry("LinearDiscriminantAnalysis of two classes", "scikit-learn",
       fix="logistic regression")
def discriminant():
    """The file doubles the score before it makes probabilities of it."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    rows = numbers()
    model = LinearDiscriminantAnalysis().fit(rows, churn()[1])
    return model, by_skl2onnx(model, rows), rows, NAMED


@entry('KNeighborsClassifier(weights="distance")', "scikit-learn",
       fix='weights="uniform", and compare: equal distances still differ')
def neighbours():
    """The file gives all neighbours the same weight."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    rows, left = numbers(), churn()[1]
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(15, weights="distance"))
    model.fit(rows[:1000], left[:1000])
    return model, by_skl2onnx(model, rows), rows[1000:1500], NAMED


def boosted(loss: str):
    """A model of the sum of all bills from the months and the monthly bill, by one loss."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    rows = numbers()
    model = HistGradientBoostingRegressor(loss=loss, max_iter=10, random_state=1)
    model.fit(rows[:, :2], rows[:, 2] + 1)
    return model, by_skl2onnx(model, rows[:, :2]), rows[:, :2], {"columns": NUMBERS[:2]}


@entry('HistGradientBoostingRegressor(loss="poisson")', "scikit-learn",
       fix="np.exp of the file's answer")
def poisson():
    """The file returns the logarithm of the answer."""
    return boosted("poisson")


@entry('HistGradientBoostingRegressor(loss="gamma")', "scikit-learn",
       fix="np.exp of the file's answer")
def gamma():
    """The file returns the logarithm of the answer, as for Poisson."""
    return boosted("gamma")


@entry("columns by position", "scikit-learn", "columns in another order",
       fix="one input for each column, filled by name (lesson 03)")
def by_position():
    """The model compares the names of columns; the file has one input without names."""
    from sklearn.linear_model import LogisticRegression
    rows = churn()[0][NUMBERS]
    model = LogisticRegression(max_iter=1000).fit(rows, churn()[1])
    return model, by_skl2onnx(model, rows.to_numpy()), rows


@entry("whole numbers over 2^24", "scikit-learn", column="customer",
       fix="no identifier as a feature")
def identifiers():
    """32-bit floats have no odd numbers there: the customer's number is rounded to an even one."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer
    left = churn()[1]           # even and odd numbers have bins of their own
    rows = np.stack([2 ** 24 + np.arange(len(left)) % 40, churn()[0]["tenure"]], axis=1)
    model = make_pipeline(KBinsDiscretizer(40, encode="onehot-dense", strategy="uniform"),
                          LogisticRegression()).fit(rows, left)
    return model, by_skl2onnx(model, rows.astype(np.float32)), rows, {
        "columns": ["customer", "tenure"]}


@entry("Unix times", "scikit-learn", column="joined",
       fix="subtract a fixed time before the model, or convert with DoubleTensorType")
def times():
    """32-bit floats are 128 seconds apart there: the second of a call is rounded."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    second = np.random.default_rng(1).integers(0, 3600, len(churn()[1]))
    rows = np.stack([1_767_225_600 + second, churn()[0]["tenure"]], axis=1).astype(np.int64)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, second > 1800)
    return model, by_skl2onnx(model, rows.astype(np.float32)), rows, {
        "columns": ["joined", "tenure"]}


def reviews(**settings):
    """TF-IDF and logistic regression on 400 product reviews, converted with the locale C."""
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    table = pd.read_csv(ROOT / "data" / "reviews.csv.gz").head(400)
    texts = table["review"].to_numpy(object)
    vectorizer = TfidfVectorizer(min_df=2, **settings)
    model = make_pipeline(vectorizer, LogisticRegression()).fit(texts, table["score"] == "great")
    file = by_skl2onnx_with(model, {id(vectorizer): {"locale": "C"}},
                            [("text", StringTensorType([None, 1]))])
    return model, file, texts


def by_skl2onnx_with(model, options, inputs):
    """Convert a classifier, `model`, that has `inputs`, with `options` for its parts."""
    from skl2onnx import to_onnx
    return to_onnx(model, initial_types=inputs, options={id(model): {"zipmap": False}, **options})


@entry("TfidfVectorizer and words with accents", "scikit-learn", "texts with accents",
       fix=r"the option tokenexp=r'[\pL\pN_][\pL\pN_]+' (lesson 12)")
def accents():
    """The file splits words at letters that are not English."""
    return reviews()


@entry("TfidfVectorizer with pairs of words", "scikit-learn",
       fix=r"the option tokenexp=r'[\pL\pN_][\pL\pN_]+' (lesson 12)")
def pairs():
    """The file keeps words of one letter, which the model leaves out, and pairs them."""
    return reviews(ngram_range=(1, 2))


@entry("TfidfVectorizer(sublinear_tf=True)", "scikit-learn",
       fix="sublinear_tf=False")
def sublinear():
    """The file computes log(1 + n) of a word's number; the model 1 + log(n)."""
    return reviews(sublinear_tf=True)


# ---------------------------------------------------------------- trees

SMALL = {"n_estimators": 20, "random_state": 1, "n_jobs": 1}


def lightgbm(rows=None, **settings):
    """LightGBM's classifier of `rows`, by default the churn table's numbers, and its file."""
    from lightgbm import LGBMClassifier
    rows = numbers() if rows is None else rows
    model = LGBMClassifier(verbose=-1, **SMALL, **settings).fit(rows, churn()[1])
    return model, by_onnxmltools(model, rows), rows, NAMED


@entry('LightGBM, boosting_type="rf"', "trees",
       fix='boosting_type="gbdt"')
def lightgbm_forest():
    """The model averages its trees; the scores in the file are others."""
    return lightgbm(boosting_type="rf", bagging_freq=1, bagging_fraction=0.7)


@entry("LightGBM, linear_tree=True", "trees", fix="linear_tree=False")
def lightgbm_linear():
    """The file has one number in each leaf; the model has a line."""
    return lightgbm(linear_tree=True)


@entry("LightGBM, zero_as_missing=True", "trees", "a zero", "tenure",
       fix="replace 0 with NaN in the table")
def lightgbm_zero():
    """The model takes 0 for a gap; the file takes it for 0."""
    return lightgbm(zero_as_missing=True)


@entry("XGBoost, reg:logistic", "trees",
       fix="XGBClassifier with binary:logistic")
def xgboost_logistic():
    """The file returns a score, no probability, and its base is a probability all the same."""
    from xgboost import XGBRegressor
    rows = numbers()
    model = XGBRegressor(objective="reg:logistic", **SMALL).fit(rows, churn()[1])
    return model, by_onnxmltools(model, rows), rows, NAMED


# ---------------------------------------------------------------- PyTorch

def sequences(count: int = 40, length: int = 6) -> np.ndarray:
    """Random sequences of three numbers, (count, length, 3) float32."""
    return np.random.default_rng(1).normal(size=(count, length, 3)).astype(np.float32)


def pictures(side: int = 28) -> np.ndarray:
    """Four random grey pictures, (4, 1, side, side) float32."""
    return np.random.default_rng(1).random((4, 1, side, side), dtype=np.float32)


@entry("an LSTM, exported again in one process", "PyTorch", "other lengths",
       fix="dynamic_shapes with Dim.AUTO, or each export in a new process")
def second_lstm():
    """PyTorch keeps the length of the example as a constant from the second export on."""
    import torch

    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(3, 8, batch_first=True)
            self.head = torch.nn.Linear(8, 2)

        def forward(self, x):
            return self.head(self.lstm(x)[0][:, -1])

    reader, rows = Reader().eval(), sequences()
    for _ in range(2):
        file = by_torch(reader, torch.from_numpy(rows[:2]), {
            0: torch.export.Dim("batch"), 1: torch.export.Dim("time")})
    return asked(reader), file, rows, {"axes": [1]}


@entry("a network left in training mode", "PyTorch", "rows asked twice",
       fix="network.eval() before every question and every export")
def training_mode():
    """The network drops features at random when it is asked; the file does not."""
    import torch
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(18, 16), torch.nn.ReLU(),
                                  torch.nn.Dropout(0.5), torch.nn.Linear(16, 2))
    rows = sequences()
    file = by_torch(network.eval(), torch.from_numpy(rows[:2]), {0: "batch"})
    return asked(network.train()), file, rows


def resized(dynamic=("height", "width"), **settings):
    """A network that only resizes its pictures, exported with the `dynamic` axes."""
    import torch

    class Resize(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.interpolate(x, **settings)

    network, rows = Resize().eval(), pictures()
    file = by_torch(network, torch.from_numpy(rows), {0: "batch", **dict(enumerate(dynamic, 2))})
    return asked(network), file, rows


@entry('interpolate(size=…, mode="nearest")', "PyTorch",
       fix='resize before the network, or mode="bilinear"')
def nearest():
    """Both copy the nearest pixel, but for some ratios of sizes not the same one."""
    return resized(dynamic=(), size=(64, 64), mode="nearest")


@entry('interpolate(scale_factor=…, mode="nearest")', "PyTorch", "other lengths",
       fix='mode="bilinear"')
def scaled():
    """For other sizes than the example's, the file copies other pixels."""
    return resized(scale_factor=2.3, mode="nearest")


# ---------------------------------------------------------------- Keras

KERAS = """
import sys, keras
keras.Sequential([keras.Input((8, 8, 1)), keras.layers.RandomRotation(0.1), keras.layers.Flatten(),
                  keras.layers.Dense(2)]).export(sys.argv[1], verbose=False)
"""


@entry("random layers that are converted successfully", "Keras", "opening the file",
       fix="export the model without them (lesson 08)")
def random_layers():
    """The file has a random operation that ONNX Runtime does not know."""
    # In other processes: TensorFlow's import takes seconds, and much memory.
    with tempfile.TemporaryDirectory() as folder:
        for command in (["-c", KERAS, folder], ["-m", "tf2onnx.convert", "--saved-model", folder,
                                               "--opset", "18", "--output", f"{folder}/m.onnx"]):
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
        file = (Path(folder) / "m.onnx").read_bytes()
    return np.sum, file, pictures(8)        # no file to ask, so nothing is asked of the model
