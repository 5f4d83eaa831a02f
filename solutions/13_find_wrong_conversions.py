# ---
# title: Convert trees, and find conversions that answer wrongly
# workshop:
#   number: "13"
#   needs: []
#   reading: 25
#   exercises: 25
#   execution: 2
#   cost: "free"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Convert trees, and find conversions that answer wrongly
#
# The converter printed no error. ONNX Runtime opens the file, and the file answers. Is the answer
# the model's answer? For some models it is not, and you get no error. In this lesson you convert
# two kinds of boosted trees. Then you meet more than twenty conversions without an error whose files
# answer wrongly, or refuse to answer. You find each of them with one function.
#
# **You will**
# - convert models of LightGBM and XGBoost, with categories and with gaps;
# - compare a model with its file: probabilities first, labels second;
# - use `parity.compare`, a function that you can copy into your own project;
# - fix two conversions that answer wrongly, and compare again;
# - find out when ONNX Runtime is slower than scikit-learn.
#
# **You need** `build/models/churn.pkl` and `churn.onnx` from lessons 02 and 03 (made now if they
# are missing). No Docker, no AWS. On a Mac, LightGBM and XGBoost need OpenMP: `brew install libomp`
# ([LightGBM's installation guide](https://lightgbm.readthedocs.io/en/stable/Installation-Guide.html)).
#
# **Time** 25 minutes reading, 25 minutes exercises. **Cost** free, on AWS as well: nothing is
# created there.

# %% [markdown]
# ```mermaid
# flowchart LR
#     rows[(rows)] --> probes["every row,<br/>and rows made from them"]
#     probes --> model[model] --> compare{"equal?"}
#     probes --> file[its ONNX file] --> compare
#     compare --> report["which probe,<br/>which column"]
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class probes,compare,report now
# ```
#
# Filled with colour: what `parity.compare` does.

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %%
import pickle
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxmltools
import onnxruntime as ort
import pandas as pd
from IPython.display import ProgressBar
from lightgbm import LGBMClassifier
from onnxmltools.convert.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from workshop import gallery, parity
from workshop.plots import BLUE, ORANGE, charts, set_style, show
from workshop.plots import models as plot

set_style()
warnings.filterwarnings("ignore", category=UserWarning)
MODELS = Path("../build/models")
NUMBERS = ["tenure", "monthlycharges", "totalcharges"]

# %% [markdown]
# ## Four conversions without an error
#
# **Boosted trees** are many small trees that are added up: each tree corrects the sum of the trees
# before it. LightGBM and XGBoost are two libraries for them. `skl2onnx` alone does not convert their
# models, but `onnxmltools` does. We train four models of LightGBM that differ in one setting, and
# convert them in the same way.

# %%
table = pd.read_csv("../data/churn.csv").fillna({"totalcharges": 0})
table = table.astype({name: "float32" for name in NUMBERS})
left = (table["churn"] == "yes").astype(int).to_numpy()
numbers = table[NUMBERS].to_numpy()
SMALL = {"n_estimators": 30, "random_state": 1, "n_jobs": 1}


def convert(model, columns):
    """Return the ONNX model of a LightGBM classifier that takes `columns` numbers."""
    return onnxmltools.convert_lightgbm(model, initial_types=[
        ("X", FloatTensorType([None, columns]))], zipmap=False, target_opset=15)


def answers(file, rows):
    """Return the file's probabilities for rows, an array of float32."""
    session = ort.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"X": rows})[0]


settings = {"as it comes": {}, "linear_tree=True": {"linear_tree": True},
            'boosting_type="rf"': {"boosting_type": "rf", "bagging_freq": 1,
                                   "bagging_fraction": 0.7},
            "zero_as_missing=True": {"zero_as_missing": True}}
models = {name: LGBMClassifier(verbose=-1, **SMALL, **setting).fit(numbers, left)
          for name, setting in settings.items()}
files = {name: convert(model, 3) for name, model in models.items()}
pairs = {name: (model.predict_proba(numbers), answers(files[name], numbers))
         for name, model in models.items()}

# %%
show(*charts.agreement({name: (expected[:, 1], found[:, 1])
                        for name, (expected, found) in pairs.items()}, 1e-5,
                       "Probability, by the model", "By the file"))

# %% [markdown]
# Each point is a customer. A point on the line has two equal answers. The first file is correct.
# The second and the third file are wrong for almost all customers. The fourth file is the most
# dangerous: it is wrong for the few customers in month 0. A test with ten rows can easily miss them.
#
# All four files load, and all probabilities lie between 0 and 1. `onnxmltools` converts the trees,
# but it does not know these three settings. It ignores them.

# %% [markdown]
# ### Exercise 1: Compare two answers (8 minutes)
#
# Write `apart(expected, found)`. Both are arrays of probabilities with one row for each customer
# and one column for each class. Return three numbers, in this order:
#
# - the largest difference of two probabilities, a float;
# - the number of rows where a probability differs by more than `1e-5`;
# - the number of rows where the most probable class differs.
#
# <details><summary>Hint 1</summary>
#
# `np.abs(expected - found)` has the shape of both. `.max(axis=1)` takes the largest of each row.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `expected.argmax(axis=1)` is the most probable class of each row.
#
# </details>

# %% Exercise 1
def apart(expected, found):
    """Return the largest difference, how many rows differ, and how many labels differ."""
    # BEGIN SOLUTION
    difference = np.abs(expected - found)
    labels = expected.argmax(axis=1) != found.argmax(axis=1)
    return difference.max(), (difference.max(axis=1) > 1e-5).sum(), labels.sum()
    # END SOLUTION


for name, both in pairs.items():
    print(f"{name:22}", apart(*both))

# %% Check 1 tags=["check"]
given = apart(np.array([[0.5, 0.5], [0.2, 0.8], [0.6, 0.4], [0.9, 0.1]]),
              np.array([[0.5, 0.5], [0.2, 0.8], [0.4, 0.6], [0.8, 0.2]]))
assert given is not None, "apart returns nothing: did you forget `return`?"
assert np.shape(given) == (3,), "Return three numbers: largest difference, rows, labels."
largest, rows, labels = (float(number) for number in given)
assert np.isclose(largest, 0.2), (
    f"The largest difference in the test is 0.2, and you return {largest:.3g}: take the absolute "
    "value of the difference, then the maximum.")
assert rows != 4, "You counted probabilities. Count rows: take the maximum of each row first."
assert rows == 2, (f"In the test two of the rows differ by more than 1e-5; you count {rows:g}.")
assert labels == 1, (
    f"In the test one row changes its most probable class, you count {labels:g}: compare "
    "argmax(axis=1) of both.")
print("Right. Many rows can be wrong while few labels change.")

# %% [markdown]
# The labels hide most of the differences: a label changes only if its probability crosses 0.5. So
# compare probabilities, and compare them for all rows.
#
# ## One function for all of it
#
# [`workshop/parity.py`](../workshop/parity.py) is a single file that needs NumPy and ONNX Runtime.
# Copy it into your own project. Its function `compare` takes a model, a file and rows. Here are the
# churn model and the file that lesson 05 deploys:

# %%
saved = pickle.loads((MODELS / "churn.pkl").read_bytes())
fields = [entry["name"] for entry in saved["signature"]["inputs"]]
parity.compare(saved["pipeline"], MODELS / "churn.onnx", table[fields])

# %% [markdown]
# `compare` uses your rows, and makes more rows from them. A **probe** is one kind of change:
# `compare` takes up to twenty rows for which both answers are equal, and changes one thing. If the
# two answers differ after the change, the change is the cause.
#
# | probe | how it is derived |
# |---|---|
# | rows as given | every row |
# | rows asked twice | a few rows, two times |
# | rows alone and in batches | the same rows in batches of other sizes |
# | other lengths | one axis shorter and longer, where the file allows it |
# | columns in another order | the columns reversed, where the file takes them by position |
# | a gap | one column missing (`NaN` or `None`) |
# | an unknown category | a new word, other capitals, an empty text |
# | a number out of range, a zero | below and above all values of the column, and 0 |
# | a whole number over 2^24, a Unix time | numbers that 32-bit floats cannot hold |
# | texts with accents, in capitals, … | where the rows are texts |
#
# If the model and the file both refuse an unknown category, they agree. If only one refuses,
# `compare` reports it. Two numbers count as equal if they differ by at most 10⁻⁵. For values above
# 1, the allowed difference is 10⁻⁵ of the value, or of the typical value where that is larger,
# because 32-bit floats have seven digits. For a deep network's scores the limit is 10⁻⁴.

# %%
print(parity.compare(models["zero_as_missing=True"], files["zero_as_missing=True"], numbers,
                     columns=NUMBERS))

# %% [markdown]
# The report names the probe, the columns, and the number of rows that differ. This table has zeros;
# yours may have none. The probe *a zero* puts zeros into each column in turn.
#
# ## Boosted trees that convert correctly
#
# With the usual settings, the files are correct, also for missing values (gaps). LightGBM can also
# split a category directly, without one-hot encoding. The model takes pandas' type `category`, and
# the file takes the number of each category. The function `feed` makes one from the other:

# %%
words = table[["contract", "internetservice", "paymentmethod"]].astype("category")
mixed = words.join(table[NUMBERS])
mixed.loc[::7, "monthlycharges"] = np.nan
native = LGBMClassifier(verbose=-1, **SMALL).fit(mixed, left)
LEVELS = {name: words[name].cat.categories for name in words}


def feed(rows):
    """Return the input of the file: categories as their numbers, -1 for an unknown one."""
    columns = [LEVELS[name].get_indexer(rows[name]) if name in LEVELS else rows[name]
               for name in mixed]
    return {"X": np.stack(columns, axis=1).astype(np.float32)}


file = convert(native, mixed.shape[1])
by_model, by_file = native.predict_proba(mixed), answers(file, feed(mixed)["X"])
print(f"largest difference on {len(mixed):,} customers: {np.abs(by_model - by_file).max():.1e}")

# %% [markdown]
# *Notice:* the file does not contain the words, only their numbers. `LEVELS` is now a part of your
# model. Write it into the signature, as lesson 03 does. A different order of the words would give
# wrong answers without an error.
#
# And XGBoost? There is one obstacle, and here you get an error message:

# %%
named = table[NUMBERS]
boosted = XGBClassifier(**SMALL).fit(named, left)
try:
    onnxmltools.convert_xgboost(boosted, initial_types=[("X", FloatTensorType([None, 3]))])
except RuntimeError as error:
    print(error)

# %%
numbered = named.set_axis([f"f{i}" for i in range(len(NUMBERS))], axis=1)
boosted = XGBClassifier(**SMALL).fit(numbered, left)
file = onnxmltools.convert_xgboost(boosted, target_opset=15, initial_types=[
    ("X", FloatTensorType([None, 3]))])
parity.compare(boosted.predict_proba, file, numbered.to_numpy(), columns=NUMBERS)

# %% [markdown]
# With columns called `f0`, `f1`, `f2`, or with an array without names, the two are equal. Again, the
# file knows columns by their position only.
#
# Now for conversions that answer wrongly. We look at three of them closely.
#
# ## A column that gets lost
#
# Sometimes a missing value means something. `SimpleImputer` with `add_indicator=True` fills the
# gaps, and adds a column that marks them. For this example, we delete every seventh value of
# `monthlycharges`, the bill.

# %%
from skl2onnx import to_onnx
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

gaps = numbers.copy()
gaps[::7, 1] = np.nan


def convert_sklearn(model, rows):
    """Return the ONNX model of a scikit-learn classifier that takes rows of float32."""
    return to_onnx(model, rows[:1], options={id(model): {"zipmap": False}})


marking = make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression(max_iter=1000))
marking.fit(gaps, left)
lost = convert_sklearn(marking, gaps)
print(parity.compare(marking, lost, gaps, columns=NUMBERS))

# %% [markdown]
# Every row is wrong, even those without a gap. Which step is it? We read the file:

# %%
for node in lost.graph.node:
    for attribute in node.attribute:
        if attribute.name in ("imputed_value_floats", "coefficients"):
            print(f"{node.op_type}: {len(attribute.floats)} {attribute.name}")
print("the model's own weights for each class:", marking[-1].coef_.shape[1])

# %% [markdown]
# The imputer in the file returns three columns. The classifier has two times four weights, four for
# each class, side by side. With three columns, it reads three for each: the second class begins at
# the fourth weight of the first. Nothing checks the count.
#
# ### Exercise 2: Keep the column (8 minutes)
#
# The fix does not need the converter: mark the gaps in the table, before the pipeline. Write
# `mark(rows)`. It takes an array of three columns and returns one of four, as 32-bit floats. The
# first three stay as they are, gaps included. The last is 1 where `monthlycharges`, `rows[:, 1]`, is
# missing, else 0. The check then compares the new model with its file.
#
# <details><summary>Hint 1</summary>
#
# `np.isnan(rows[:, 1])` is True where the bill is missing.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.column_stack([a, b])` puts columns side by side, and `.astype(np.float32)` gives the type.
#
# </details>

# %% Exercise 2
def mark(rows):
    """Return rows with one more column, 1 where `rows[:, 1]` is missing; float32."""
    # BEGIN SOLUTION
    return np.column_stack([rows, np.isnan(rows[:, 1])]).astype(np.float32)
    # END SOLUTION


marked = mark(gaps)
print(None if marked is None else marked[:3])

# %% Check 2 tags=["check"]
assert marked is not None, "mark returns nothing: did you forget `return`?"
marked = np.asarray(marked)
assert marked.shape == (len(gaps), 4), (
    f"Four columns for each customer: the shape is {(len(gaps), 4)}, yours is {marked.shape}.")
assert marked.dtype == np.float32, (
    f"The type is {marked.dtype}; the file takes float32: add .astype(np.float32).")
assert not np.isfinite(marked[:, :3]).all(), (
    "The gaps are filled already: leave them, the imputer in the pipeline fills them.")
assert np.array_equal(marked[:, :3], gaps, equal_nan=True), "The first three columns changed."
assert not np.array_equal(marked[:, 3], ~np.isnan(gaps[:, 1])), (
    "The column is the wrong way round: 1 where the bill is missing.")
assert np.array_equal(marked[:, 3], np.isnan(gaps[:, 1])), (
    "The fourth column should be 1 where column 1 is NaN, and 0 elsewhere.")
repaired = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=1000)).fit(marked, left)
report = parity.compare(repaired, convert_sklearn(repaired, marked), marked)
assert report, report
same = np.abs(repaired.predict_proba(marked) - marking.predict_proba(gaps)).max()
print(f"Right: the file equals its model (within {report.largest:.0e}), and the model equals the "
      f"one with add_indicator (within {same:.0e}).")

# %% [markdown]
# ## A refusal that becomes an answer
#
# `handle_unknown="error"` protects the churn model, as lesson 03 showed. In lesson 03 it is a
# setting of a `OneHotEncoder`. Does the same setting protect an `OrdinalEncoder`, which is common
# before trees?

# %%
(model, file, rows), options = gallery.GALLERY['OrdinalEncoder(handle_unknown="error")'].make()
print(parity.compare(model, file, rows, **options))

# %% [markdown]
# It does not. The file turns an unknown category into -1, and a tree has a branch for -1. All rows
# as given have equal answers. So a test set without unknown categories does not find this mistake,
# but the probe does. The fix is the function's own check of each request against the signature,
# before the model.
#
# ## A number that is rounded
#
# A customer joins, and the program keeps the time as a **Unix time**: seconds since 1970, about 1.8
# billion in 2026. Suppose that the model needs the second within the hour as a feature.

# %%
(clock, file, calls), options = gallery.GALLERY["Unix times"].make()
print(parity.compare(clock, file, calls, **options))
print("\nnext 32-bit float after a Unix time:", np.spacing(np.float32(calls[0, 0])), "seconds later")

# %% [markdown]
# A 32-bit float has 24 bits for the digits. Whole numbers up to 2^24, about 16.8 million, are exact;
# larger ones are rounded. Customer numbers, order numbers and times are larger. The model computes
# with 64 bits, and the file receives a rounded number.
#
# ### Exercise 3: Keep the seconds (9 minutes)
#
# Write `recent(rows)`. It takes rows of two 64-bit whole numbers (`joined`, `tenure`), and returns
# them as 32-bit floats that keep every second: `joined` counts from `START`. The answer for a row
# must not depend on the other rows. (The fix lasts for 2^24 seconds, 194 days after `START`. These
# customers joined in the first hour of 2026. For times that go on, use two columns: the day, and the
# second of the day.)
#
# <details><summary>Hint 1</summary>
#
# Subtract first, while the numbers are whole. Then change the type.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `rows - np.array([START, 0])` subtracts from the first column alone.
#
# </details>

# %% Exercise 3
START = 1_767_225_600           # 2026-01-01 00:00 UTC


def recent(rows):
    """Return rows as float32, the first column in seconds since START."""
    # BEGIN SOLUTION
    return (rows - np.array([START, 0])).astype(np.float32)
    # END SOLUTION


seconds = recent(calls)
print(None if seconds is None else seconds[:3])

# %% Check 3 tags=["check"]
assert seconds is not None, "recent returns nothing: did you forget `return`?"
seconds = np.asarray(seconds)
assert seconds.shape == calls.shape, f"Two columns, {calls.shape}; yours is {seconds.shape}."
assert seconds.dtype == np.float32, f"The type should be float32, and is {seconds.dtype}."
assert np.array_equal(seconds[:, 1], calls[:, 1]), "tenure, the second column, stays as it is."
right = calls[:, 0] - START
assert np.array_equal(np.asarray(recent(calls[:1]))[0], seconds[0]), (
    "A row alone gets another answer than in the table: subtract START, not a minimum of the rows.")
assert np.abs(seconds[:, 0]).max() < 2 ** 24, (
    "joined is still a large number: subtract START from the first column.")
assert np.array_equal(seconds[:, 0], right), (
    "Some seconds are lost: subtract while the numbers have 64 bits, and change the type last.")
exact = make_pipeline(*(step for _, step in clock.steps)).fit(seconds, right > 1800)
report = parity.compare(exact, convert_sklearn(exact, seconds), seconds)
assert report, report
print(f"Right: equal on {len(seconds):,} rows, within {report.largest:.0e}.")

# %% [markdown]
# ## The gallery
#
# We collected such conversions in [`workshop/gallery.py`](../workshop/gallery.py). Each one is a
# few lines: a model, its file, rows. They happen with the versions that this workshop pins. A newer
# version may fix some of them. The next cell makes all of them, compares them, and prints the time.
# Keras comes last, in a process of its own, because importing TensorFlow needs time and memory.

# %%
found, seconds_of = {}, {}
entries = list(gallery.GALLERY.values())
for index in ProgressBar(len(entries)):
    entry, began = entries[index], time.perf_counter()
    arguments, options = entry.make()
    report = parity.compare(*arguments, **options)
    found[entry.name] = next((one for one in report.findings if one.probe == entry.probe
                              and one.column == entry.column), None)
    seconds_of[entry.name] = time.perf_counter() - began
print(f"{sum(one is not None for one in found.values())} of {len(found)} found, "
      f"in {sum(seconds_of.values()):.0f} s")

# %%
summary = pd.DataFrame([{
    "library": entry.library, "conversion": entry.name, "found by": one.probe,
    "column": one.column,
    "largest difference": f"{one.largest:.2g}" if np.isfinite(one.largest) else "refuses",
    "labels": f"{one.labels} of {one.asked}" if one.labels else "",
    "why": entry.why, "what to do": entry.fix}
    for entry, one in zip(entries, found.values()) if one])
with pd.option_context("display.max_colwidth", None, "display.max_rows", None):
    display(summary)

# %%
sized = {entry.name: (found[entry.name].largest, found[entry.name].probe == parity.GIVEN)
         for entry in entries if found[entry.name] and np.isfinite(found[entry.name].largest)}
show(*plot.conversions(sized))

# %% [markdown]
# Read the column *why* once from top to bottom. There are three kinds:
#
# - **Something is lost**: a column, a setting, a set of categories, the names of columns.
# - **Something is computed in another way**: a logarithm is missing, a score is doubled, another
#   neighbour or another pixel is chosen.
# - **A type is too small, or a case is forgotten**: 32 bits, gaps, unknown categories, words with
#   accents, other lengths.
#
# *Notice* the word "refuses". There, the numbers do not differ. Instead, the file answers where the
# model refuses, or the file does not open, or it takes one length only. That is PyTorch's LSTM: the
# first export in a process is correct, the second keeps the length of the example.
#
# One entry is not the converter's fault. A network that was left in training mode answers at random,
# so no file can equal it.
#
# ## Correct, but slower
#
# ONNX Runtime answered single requests much faster in lesson 03. Is that true for every model and
# every batch? We take a forest of 300 deep trees, and one thread for both, as on a small function.

# %%
from sklearn.ensemble import RandomForestClassifier

forest = RandomForestClassifier(300, random_state=1, n_jobs=1).fit(numbers, left)
options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(convert_sklearn(forest, numbers).SerializeToString(), options,
                               providers=["CPUExecutionProvider"])


def quickest(ask, argument, times=3):
    """Return the seconds of the quickest of some calls."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        ask(argument)
        spent.append(time.perf_counter() - began)
    return min(spent)


sizes = [1, 10, 100, 1000, len(numbers)]
ratios = [quickest(lambda rows: session.run(["probabilities"], {"X": rows}), numbers[:size])
          / quickest(forest.predict_proba, numbers[:size]) for size in sizes]

# %%
figure, axes = plt.subplots(figsize=(7.5, 3.6))
axes.plot(sizes, ratios, "o-", color=BLUE)
axes.axhline(1, color=ORANGE, linestyle="--")
axes.text(1, 1.1, "equally fast", color=ORANGE)
axes.set(xscale="log", yscale="log", xlabel="Rows in one batch (log scale)",
         ylabel="ONNX Runtime ÷ scikit-learn",
         title=f"One row: {1 / ratios[0]:.0f} times as fast; {sizes[-1]:,} rows: "
               f"{ratios[-1]:.1f} times the time")
show(figure, "The ratio of times rises with the size of the batch: " + ", ".join(
    f"{size} rows {ratio:.2f}" for size, ratio in zip(sizes, ratios)))

# %% [markdown]
# For a single row, the fixed cost of a call decides. In a large batch, the work on the trees decides.
# The plot shows the result for your machine. For a nightly batch of a large forest, the original
# model may be the better choice. Measure it with your own model: the report of `compare` ends with
# this ratio.
#
# ## Recap
#
# - **LightGBM and XGBoost** convert with `onnxmltools`, gaps and categories included. XGBoost's
#   columns are called `f0`, `f1`, …; the file needs the order of columns and categories from you.
# - **Compare probabilities first**, on every row. A label changes only if its probability crosses
#   0.5, so compare labels second.
# - **`parity.compare`** also tests what your rows do not contain: gaps, unknown categories, extreme
#   numbers, other orders, batches and lengths. It names the column.
# - **Two fixes** move a step from the model into the code before it: mark gaps in the table, count
#   a time from a fixed start. Compare the new file again.
# - **Slower**: ONNX Runtime wins for single requests. For a large batch, measure.
#
# You made no file. There is nothing to clean up.
#
# ## Next
#
# [Lesson 14](14_bring_down_cold_starts.ipynb) is about the time before the first answer: how long a
# function takes to start, and how to make it shorter.
