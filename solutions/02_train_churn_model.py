# ---
# title: Train the churn model
# workshop:
#   number: "02"
#   needs: []
#   reading: 30
#   exercises: 20
#   execution: 1
#   cost: "free"
#   products: [build/models/churn.pkl, build/models/churn_test.csv]
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Train the churn model
#
# A telephone company loses customers. Once a month it could send an offer to customers who are
# about to leave. But which customers are about to leave? In this lesson you train a model that
# predicts it. The next lessons put that model behind an HTTPS address.
#
# **You will**
# - set test customers apart, then look at who leaves;
# - build a pipeline, and let cross-validation choose between three models;
# - read a ROC curve and a calibration curve;
# - choose the threshold by what mistakes cost, and test it once on the test customers;
# - save the model with a *signature*, the list of its inputs with the values that each accepts;
# - see for yourself what is wrong with a pickle.
#
# **You need** a little pandas and scikit-learn. No Docker, no AWS.
#
# **Time** 30 minutes reading, 20 minutes exercises. **Cost** free, on AWS as well: nothing is
# created there.

# %% [markdown]
# ```mermaid
# flowchart LR
#     csv[(churn.csv)] --> pipe[pipeline] --> pkl[churn.pkl] -. 03 .-> onnx[churn.onnx]
#     onnx -. 04 .-> image[image] -. 05 .-> function[Lambda] -. 06 .-> https[HTTPS]
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class csv,pipe,pkl now
# ```
#
# Filled with colour: what you build in this lesson. Dotted: what you build later, in the lesson
# with that number.

# %%
from workshop import cloud

cloud.use()

# %%
import hashlib
import os
import pickle
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

DATA = Path("../data/churn.csv")
MODELS = Path("../build/models")
MODELS.mkdir(parents=True, exist_ok=True)

# %%
from workshop.plots import charts, models, show

# %% [markdown]
# The last cell imports the plots, in colours that colour-blind readers can distinguish. The
# function `show` displays a figure with a description for people who use a screen reader. The code
# is in [`workshop/plots/`](../workshop/plots/__init__.py), so that it does not distract here.

# %% [markdown]
# ## Read the table
#
# One row is one customer. `churn` says whether that customer left.

# %%
customers = pd.read_csv(DATA)
print(f"{len(customers):,} customers, {customers.shape[1]} columns")
customers.head(3).T

# %% [markdown]
# ### What is missing?

# %%
blank = customers[customers["totalcharges"].isna()]
print(customers.isna().sum().loc[lambda count: count > 0])
blank[["tenure", "monthlycharges", "totalcharges", "churn"]].head()

# %% [markdown]
# `tenure` counts months. All blanks are in rows of month 0: these customers have not had a bill
# yet. So the correct value is 0, and not the average of the other customers.

# %%
assert (blank["tenure"] == 0).all()
customers["totalcharges"] = customers["totalcharges"].fillna(0)

# %% [markdown]
# Two kinds of columns need two treatments. Numbers also get one common type, 32-bit floats, because
# the model will receive this type in production. Lesson 03 shows what can happen when training and
# serving use different types.

# %%
TARGET = "churn"
NUMBERS = ["seniorcitizen", "tenure", "monthlycharges", "totalcharges"]
FIELDS = [column for column in customers.columns if column != TARGET]
CATEGORIES = [column for column in FIELDS if column not in NUMBERS]
customers = customers.astype({column: "float32" for column in NUMBERS})
print(len(CATEGORIES), "categories:", ", ".join(CATEGORIES))
print(len(NUMBERS), "numbers:", ", ".join(NUMBERS))

# %% [markdown]
# ## Set the test customers apart, before looking
#
# We set one customer in five aside now. We look at these customers once, at the end. Everything
# that we learn, choose or tune comes from the other customers. `stratify` keeps the share of
# leavers equal on both sides. `random_state` makes the split the same on your machine as on ours.

# %%
from sklearn.model_selection import train_test_split

train, test = train_test_split(
    customers, test_size=0.2, stratify=customers[TARGET], random_state=1)
left = (train[TARGET] == "yes").to_numpy()
left_test = (test[TARGET] == "yes").to_numpy()
print(f"{len(train):,} to learn from, {len(test):,} put away")
print(f"left: {left.mean():.1%} and {left_test.mean():.1%}")

# %% [markdown]
# About one customer in four leaves. So a model that always answers "stays" is correct three times
# in four, and it has no value. **Accuracy is the wrong measure here.**
#
# ## Who leaves?
#
# Does the contract matter? And does it matter how long somebody has been a customer?

# %%
months = pd.cut(train["tenure"], [-1, 6, 12, 24, 36, 48, 60, 72],
                labels=["0–6", "7–12", "13–24", "25–36", "37–48", "49–60", "61–72"])
gone = pd.Series(left, train.index)
by_contract = gone.groupby(train["contract"]).mean()
by_months = gone.groupby(months, observed=True).mean()
by_contract

# %%
ratio = by_contract["month-to-month"] / by_contract["two_year"]
show(*models.shares({"Contract": by_contract, "Months as a customer": by_months}, left.mean(),
                    f"Month-to-month customers leave {ratio:.0f} times as often as those with two "
                    "years"))

# %% [markdown]
# Both effects are large, and both point in the same direction. Customers who are new, and who can
# leave at any time, leave most often.

# %% [markdown]
# ### Exercise 1: How do they pay? (5 minutes)
#
# For each `paymentmethod`, compute which share of its **training customers** left. Put the shares,
# highest first, into `by_payment`.
#
# <details><summary>Hint</summary>
#
# `gone` above is True for each customer who left. Group it by a column of `train`, take the mean,
# and then `sort_values(ascending=False)`.
#
# </details>

# %% Exercise 1
by_payment = None
# BEGIN SOLUTION
by_payment = (gone.groupby(train["paymentmethod"]).mean()
              .sort_values(ascending=False))
# END SOLUTION
by_payment

# %% Check 1 tags=["check"]
assert by_payment is not None, "by_payment is still None: fill it above."
assert isinstance(by_payment, pd.Series), "Make by_payment a pandas Series, one row per method."
assert set(by_payment.index) == set(train["paymentmethod"]), (
    "The index should hold the four payment methods: did you group by paymentmethod?")
assert by_payment.max() <= 1, (
    "These are numbers of customers, not shares: take the mean instead of the sum.")
assert not np.isclose(by_payment.sum(), 1), (
    "These shares add up to 1, so you divided by all leavers. "
    "Divide by the customers of each method: that is what the mean of a group does.")
expected = train.assign(left=left).groupby("paymentmethod")["left"].mean()
assert np.allclose(by_payment.sort_index(), expected.sort_index(), atol=5e-4), (
    "The shares are off: did you use the training customers, and no others?")
assert by_payment.is_monotonic_decreasing, "Sort them: highest first."
print(f"Right: {by_payment.index[0]} leads with {by_payment.iloc[0]:.0%}.")

# %% [markdown]
# ## Build a pipeline
#
# A model adds and multiplies, so categories must become numbers first. **One-hot encoding** makes
# one column of zeros and ones for each allowed value. Numbers are brought to a common scale.
# Without it, training takes more steps. And because a logistic regression keeps its weights small,
# columns of large numbers would have an advantage.
#
# Both steps and the model go into **one** object. Everything that is trained together is saved
# together and served together, so nobody can forget a step.

# %%
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

pipeline = Pipeline([
    ("columns", ColumnTransformer([
        ("categories", OneHotEncoder(handle_unknown="error"), CATEGORIES),
        ("numbers", StandardScaler(), NUMBERS)])),
    ("model", LogisticRegression(max_iter=1000))])
pipeline

# %% [markdown]
# `handle_unknown="error"` is a decision: the model refuses a contract type that it has never seen.
# The popular alternative, `"ignore"`, encodes an unknown type as all zeros, and the model answers.
# Lesson 03 shows that answer. (Lesson 13 has an encoder that refuses in scikit-learn, and answers
# in ONNX.)
#
# ## Compare three models
#
# Is logistic regression good enough? We compare it with two models made of trees, and with a model
# that has learned nothing. **Cross-validation** cuts the training customers into five parts, called
# folds. Each part is scored by a model that was trained on the other four parts.
#
# The measure is **AUC**. Take one customer who left and one customer who stayed. How often does the
# model give the first customer the higher probability? A coin reaches 0.5.

# %%
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=1)
candidates = {
    "always the same answer": DummyClassifier(),
    "random forest": RandomForestClassifier(100, min_samples_leaf=5, random_state=1),
    "gradient boosting": GradientBoostingClassifier(random_state=1),
    "logistic regression": LogisticRegression(max_iter=1000)}
auc = {}
for name, model in candidates.items():
    contender = Pipeline([("columns", pipeline["columns"]), ("model", model)])
    auc[name] = cross_val_score(contender, train[FIELDS], left, cv=folds, scoring="roc_auc")
    print(f"{name:20} {auc[name].mean():.3f}  (folds: {auc[name].round(3)})")

# %%
real = {name: scores for name, scores in auc.items() if name != "always the same answer"}
show(*models.folds(real, "logistic regression"))

# %% [markdown]
# *Notice:* follow one thin line. The choice of customers in a fold changes the score more than the
# choice of the model. Where the scores are almost equal, take the model that is smaller, faster and
# easier to explain. We ship **logistic regression**.
#
# ## Get an honest probability for each customer
#
# A model is too optimistic about the customers that it was trained on. `cross_val_predict` avoids
# this: each probability comes from the one model of the five that did *not* see this customer.
# These are **out-of-fold** probabilities, and from here on they are our **validation data**.

# %%
from sklearn.model_selection import cross_val_predict

out_of_fold = cross_val_predict(
    pipeline, train[FIELDS], left, cv=folds, method="predict_proba")[:, 1]
out_of_fold[:5].round(3)

# %%
show(*charts.histograms(
    {"stayed": out_of_fold[~left], "left": out_of_fold[left]}, np.linspace(0, 1, 41),
    "Predicted probability of leaving", "Customers", "The two groups overlap",
    "Customers who stayed pile up near zero, and those who left are spread between 0.2 and 0.8."))

# %% [markdown]
# The two groups overlap. Wherever we cut, the model misses some leavers and suspects some loyal
# customers. The next two plots answer two questions. How well does the model separate the two
# groups? And are its probabilities correct?
#
# ## ROC: how well are the two separated?
#
# Move the cut from 1 down to 0. At each position, compute two numbers: the share of leavers that
# the model finds, and the share of loyal customers that it suspects. The area under that curve is
# the AUC.

# %%
from sklearn.metrics import roc_auc_score, roc_curve

suspected, found, cuts = roc_curve(left, out_of_fold)
area = roc_auc_score(left, out_of_fold)
print(f"{len(cuts)} cuts, area {area:.3f}")

# %%
show(*models.roc(suspected, found, cuts, (0.5, 0.3, 0.1), area))

# %% [markdown]
# The curve does not show where to cut. Between 0.5 and 0.1 the model finds more and more leavers.
# It also suspects more and more customers who would have stayed.
#
# ## Calibration: does 30 % mean 30 %?
#
# Take all customers to whom the model gives about 30 %. Do about 30 % of them leave? If so, the
# probability can be used in a calculation, with money for example.

# %%
groups = pd.qcut(out_of_fold, 10, labels=False)
predicted = pd.Series(out_of_fold).groupby(groups).mean()
happened = pd.Series(left).groupby(groups).mean()
size = pd.Series(left).groupby(groups).size()
twice_standard_error = 2 * np.sqrt(happened * (1 - happened) / size)
pd.DataFrame({"predicted": predicted, "happened": happened, "customers": size}).round(3)

# %%
show(*models.calibration(predicted, happened, twice_standard_error))

# %% [markdown]
# Each point is a tenth of the customers, and its bar is two standard errors. If the points are on
# the dashed line, you can use the model's probabilities as they are.
#
# ## Choose the threshold by what mistakes cost
#
# `predict` always cuts at 0.5, but nobody chose that number for this company. The company can make
# two mistakes, and they do not cost the same. We assume the costs below, in dollars (yours will
# differ, so each has a name). We also assume that an offer always keeps a customer who would have
# left, and we leave out the price of that offer. In a real company neither holds completely:
# measure both on a small group first.
#
# | the model says | the customer | costs |
# |---|---|---|
# | stays | leaves: a **missed churner** | 150, the profit of the months that are lost |
# | leaves | would have stayed: a **needless offer** | 50, the discount given away |

# %%
MISSED = 150
NEEDLESS = 50


def cost(threshold, probability, left, missed=MISSED, needless=NEEDLESS):
    """Return the dollars lost per customer when everyone at or above `threshold` gets an offer."""
    offer = probability >= threshold
    return (missed * (left & ~offer) + needless * (~left & offer)).mean()


print(f"cut at 0.5: ${cost(0.5, out_of_fold, left):.2f} a customer")
print(f"cut at 0.3: ${cost(0.3, out_of_fold, left):.2f} a customer")

# %% [markdown]
# So try all thresholds, on the validation data.

# %%
thresholds = np.arange(1, 100) / 100
costs = np.array([cost(t, out_of_fold, left) for t in thresholds])
THRESHOLD = float(thresholds[costs.argmin()])
saving = 1 - costs.min() / cost(0.5, out_of_fold, left)
print(f"cheapest threshold: {THRESHOLD}")

# %%
show(*models.costs(
    thresholds, costs, {"an offer for everyone": cost(0, out_of_fold, left),
                        "no offer for anyone": cost(2, out_of_fold, left)},
    {f"{THRESHOLD:.2f}: cheapest": (THRESHOLD, cost(THRESHOLD, out_of_fold, left)),
     "0.50: the default": (0.5, cost(0.5, out_of_fold, left))},
    f"Cutting at {THRESHOLD:.2f} costs {saving:.0%} less than cutting at 0.50"))

# %% [markdown]
# *Notice:* the bottom of the curve is flat, so the second decimal matters little. And the bottom is
# well to the left of 0.5. A missed churner costs more than a needless offer.
#
# We chose the threshold on validation data. If we chose the threshold on the test customers, the
# cost there would look too good: it would be the best of 99 tries.

# %% [markdown]
# ### Exercise 2: The offer becomes cheaper (8 minutes)
#
# The company finds an offer that costs 20 dollars. And an analyst reports that a lost customer
# really costs 200. Write `cheapest(missed, needless)`. It returns the threshold out of `thresholds`
# that has the lowest cost on the validation data.
#
# Before you run it: will the threshold go up or down?
#
# <details><summary>Hint 1</summary>
#
# `cost` takes `missed=` and `needless=`. Call it for every threshold, as in the cell above.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `thresholds[np.argmin(list_of_costs)]`
#
# </details>

# %% Exercise 2
def cheapest(missed, needless):
    """Return the cheapest threshold when mistakes cost `missed` and `needless` dollars."""
    # BEGIN SOLUTION
    tried = [cost(t, out_of_fold, left, missed, needless) for t in thresholds]
    return float(thresholds[np.argmin(tried)])
    # END SOLUTION


print(cheapest(200, 20))

# %% Check 2 tags=["check"]
assert cheapest(200, 20) is not None, "cheapest returns nothing yet: did you forget `return`?"
assert 0 < cheapest(200, 20) < 1, (
    "That is not a threshold between 0 and 1: argmin gives a position; look it up in thresholds.")
assert cheapest(200, 20) != cheapest(20, 200), (
    "The answer does not depend on the prices: do you hand missed and needless on to cost?")
assert cheapest(200, 20) < cheapest(20, 200), (
    "The more expensive a missed churner, the lower the threshold should be: "
    "are missed and needless swapped?")
assert np.isclose(cheapest(MISSED, NEEDLESS), THRESHOLD), (
    f"With {MISSED} and {NEEDLESS} the answer should be {THRESHOLD}, as above: "
    "do you search all thresholds, for the least cost?")
print(f"Right: {cheapest(200, 20):.2f}, lower than {THRESHOLD:.2f}.")

# %% [markdown]
# There is also a formula. For a customer who leaves with probability *p*, no offer costs *p* ×
# missed on average, and an offer costs (1 − *p*) × needless. They are equal at *p* = needless /
# (missed + needless), and above that probability the offer is cheaper. The formula uses the
# probabilities as they are, so it is correct only if they are calibrated. How close is it to the
# search?

# %%
for missed, needless in (MISSED, NEEDLESS), (200, 20), (50, 150):
    tried = [cost(t, out_of_fold, left, missed, needless) for t in thresholds]
    print(f"missed {missed:3}, needless {needless:3}:  "
          f"search {thresholds[np.argmin(tried)]:.2f},  "
          f"formula {needless / (missed + needless):.2f}")

# %% [markdown]
# ## Judge it once, on the test customers
#
# All decisions are made. So train on all training customers, and use the test customers for the
# first time.

# %%
pipeline.fit(train[FIELDS], left)
probability = pipeline.predict_proba(test[FIELDS])[:, 1]
offer = probability >= THRESHOLD
print(f"AUC  {roc_auc_score(left_test, probability):.3f} (in cross-validation {area:.3f})")
print(f"cost ${cost(THRESHOLD, probability, left_test):.2f} a customer "
      f"(in validation ${costs.min():.2f}; at 0.50 it is "
      f"${cost(0.5, probability, left_test):.2f})")

# %%
from sklearn.metrics import confusion_matrix

from workshop.plots import pictures as plot

matrix = confusion_matrix(left_test, offer)
names = [["no offer, rightly", "needless offer"], ["missed churner", "offer, rightly"]]
show(*plot.matrix(matrix, ["stayed", "left"], ["stays", "leaves"],
                      f"{matrix[1, 1] / matrix[1].sum():.0%} of the leavers get an offer",
                      ("What happened", f"The model says (threshold {THRESHOLD:.2f})"), names))

# %% [markdown]
# The numbers on the test customers are close to those of the validation, but not equal. New
# customers always differ a little, and this is why we set the test customers apart.

# %% [markdown]
# ### Exercise 3: Two questions from the marketing department (7 minutes)
#
# Read the answers from `matrix` (rows: what happened, columns: what the model says):
#
# - `recall`: of the customers who left, what share got an offer?
# - `precision`: of the customers who got an offer, what share would have left?
#
# <details><summary>Hint</summary>
#
# Both have the same numerator, `matrix[1, 1]`. Recall divides it by a row's sum, precision by a
# column's sum: `matrix[1].sum()`, `matrix[:, 1].sum()`.
#
# </details>

# %% Exercise 3
recall = precision = None
# BEGIN SOLUTION
recall = matrix[1, 1] / matrix[1].sum()
precision = matrix[1, 1] / matrix[:, 1].sum()
# END SOLUTION
print("recall:", recall, " precision:", precision)

# %% Check 3 tags=["check"]
from sklearn.metrics import precision_score, recall_score

right = recall_score(left_test, offer), precision_score(left_test, offer)
assert recall is not None and precision is not None, "Fill recall and precision above."
assert not np.allclose((recall, precision), right[::-1], atol=0.005), (
    "They are swapped: recall looks at all who left, precision at all who got an offer.")
assert not np.isclose(recall, matrix[1, 1] / matrix.sum(), atol=0.005), (
    "recall divides by the customers who left, not by all customers.")
assert np.isclose(recall, right[0], atol=0.005), "recall is off: row 1 holds the customers who left."
assert np.isclose(precision, right[1], atol=0.005), (
    "precision is off: column 1 holds those with an offer.")
print(f"Right: {recall:.0%} of the leavers are found, and {precision:.0%} of the offers "
      "go to someone who would have left.")

# %% [markdown]
# ## Write down what the model understands
#
# One day a client will send `"contract": "weekly"`, or a tenure of -3. Some program must find this
# mistake, and it should not need a second list beside the model. So the model carries a
# **signature**, made from the training data.
#
# For categories, the signature lists exactly the values in the data. For numbers, it gives a
# *plausible* range, which is wider than the range in the data: a customer of 80 months is new to
# us, but no mistake.

# %%
print(train[NUMBERS].agg(["min", "max"]).T)
HIGHEST = {"tenure": 120, "monthlycharges": 1000, "totalcharges": 120 * 1000}


def describe(field):
    """Return the signature's entry for one column of `train`."""
    if field in CATEGORIES:
        return {"name": field, "type": "category", "allowed": sorted(train[field].unique())}
    if field == "seniorcitizen":
        return {"name": field, "type": "integer", "allowed": [0, 1]}
    kind = "integer" if field == "tenure" else "number"
    return {"name": field, "type": kind, "minimum": 0, "maximum": HIGHEST[field]}


describe("contract"), describe("tenure")

# %% [markdown]
# The signature also holds the threshold, the fingerprint of the training data, and the versions of
# all software that the prediction depends on. A year from now they answer the question "what
# exactly is this file?".

# %%
signature = {
    "model": "churn",
    "version": "1",
    "inputs": [describe(field) for field in FIELDS],
    "threshold": THRESHOLD,
    "training_data_sha256": hashlib.sha256(DATA.read_bytes()).hexdigest(),
    "versions": {name: version(name) for name in ("scikit-learn", "skl2onnx", "onnxruntime")}}

for entry in signature["inputs"]:
    allowed = entry.get("allowed") or f"{entry['minimum']} to {entry['maximum']}"
    print(f"{entry['name']:17} {entry['type']:9} {allowed}")
print({key: value for key, value in signature.items() if key != "inputs"})

# %% [markdown]
# Does the signature accept every customer in the data, the test customers included?

# %%
for entry in signature["inputs"]:
    column = customers[entry["name"]]
    fits = (column.isin(entry["allowed"]) if "allowed" in entry
            else column.between(entry["minimum"], entry["maximum"]))
    assert fits.all(), f"{entry['name']}: the signature refuses {(~fits).sum()} customers"
print(f"all {len(customers):,} customers fit")

# %% [markdown]
# ## Save it
#
# The code writes the file under another name and then renames it. Renaming is **atomic**: another
# program sees either the old file or the new file, and never half of one, even when you press
# Ctrl-C.

# %%
def save(path, content):
    """Write the bytes `content` to `path`, entirely or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    os.replace(part, path)
    print(f"{path.name}: {len(content):,} bytes")


save(MODELS / "churn_test.csv", test.astype({"seniorcitizen": int, "tenure": int})
     .to_csv(index=False, lineterminator="\n").encode())
save(MODELS / "churn.pkl", pickle.dumps({"pipeline": pipeline, "signature": signature}))

# %% [markdown]
# Does the file give the same answers as the model?

# %%
saved = pickle.loads((MODELS / "churn.pkl").read_bytes())
again = saved["pipeline"].predict_proba(pd.read_csv(MODELS / "churn_test.csv")[FIELDS])[:, 1]
print(f"largest difference on {len(again):,} test customers: "
      f"{np.abs(again - probability).max():.0e}")
assert np.allclose(again, probability, atol=1e-7)

# %% [markdown]
# ## What is wrong with a pickle?
#
# ### It runs code when it is opened
#
# A pickle is not data. It is a small program that rebuilds an object, and the program may call any
# function. An object's `__reduce__` names the function and its arguments. The pickle below is
# harmless, but it shows the danger.

# %%
class Innocent:
    def __reduce__(self):
        return exec, ("import os; print('This ran while the file was opened. It can read',"
                      " len(os.environ), 'environment variables of yours.')",)


content = pickle.dumps(Innocent())
print("The file begins with", content[:32])

# %%
nothing = pickle.loads(content)
print("and what was loaded is:", nothing)

# %% [markdown]
# *Notice:* nobody called a method. Opening the file was enough. On a server, the environment
# variables hold the credentials. **Never open a pickle that you did not write yourself.**
#
# ### It needs the libraries that wrote it, in the same version
#
# The file holds no code of scikit-learn, only names of modules and classes. Which ones?

# %%
import pickletools

content = (MODELS / "churn.pkl").read_bytes()
texts = {value for code, value, _ in pickletools.genops(content) if code.name.endswith("UNICODE")}
for text in sorted(texts):
    if text.split(".")[0] in ("sklearn", "numpy", "scipy", "pandas"):
        print(text)

# %% [markdown]
# All of these modules must be installed wherever the model is served. Most names begin with an
# underscore: the modules are private, and any release may move them. What happens if the server has
# another version? We rewrite the version inside the file, as if it came from an older release:

# %%
import warnings

now = version("scikit-learn").encode()
older = b"0" + now[1:]              # of the same length, or the file could not be read at all
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    pickle.loads(content.replace(now, older))
print(len(caught), "warnings. The first:\n")
print(caught[0].message)

# %% [markdown]
# scikit-learn prints a warning and continues. It cannot check whether the answers are still
# correct. Or there is no warning, and the first prediction fails (lesson 23).
#
# So a pickle is good for the way from this lesson to the next, on your own machine. To ship a
# model, we want another file. It is data only, it runs without scikit-learn, and it means the same
# next year. That is lesson 03.
#
# ## Recap
#
# - We set the **test customers** apart first, and used them once, after all decisions.
# - The **pipeline** holds encoding, scaling and model. Cross-validation gave logistic regression
#   and the trees almost the same score, so we ship the smaller model.
# - **AUC** measures how well leavers and loyal customers are separated. **Calibration** shows
#   whether the probabilities are correct.
# - The **threshold** comes from what mistakes cost, on validation data, and not from `predict`.
# - The **signature** travels with the model: allowed values, threshold, data, versions.
# - A **pickle** runs code when it is opened and needs the libraries that wrote it.
#
# You made `build/models/churn.pkl` and `build/models/churn_test.csv`. There is nothing to clean
# up in the cloud.
#
# **Next:** [lesson 03](03_export_to_onnx.ipynb), where the model leaves scikit-learn behind.
