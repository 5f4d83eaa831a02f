# ---
# title: Prepare pictures as in training
# workshop:
#   number: "09"
#   needs: []
#   reading: 15
#   exercises: 10
#   execution: 1
#   cost: "free"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Prepare pictures as in training
#
# A picture is not a row of a table. It is a file of some size, and it must become the tensor that
# the model was trained on. How do you know that your function prepares it correctly? Here you
# prepare pictures by the rule in the model's file, and measure what a small mistake costs.
#
# **You will**
# - turn a file into a tensor with keras-image-helper, by the rule that travels with the model;
# - measure what happens when serving uses another resize filter than training did;
# - change the layout of a batch without mixing its colours;
# - see how the function, when it starts, notices that a model's description is wrong.
#
# **You need** `build/models/fashion.onnx` from lesson 08 (made now if it is missing). No Docker.
#
# **Time** 15 minutes reading, 10 minutes exercises. **Cost** free, on AWS as well: nothing is
# created there.

# %% [markdown]
# ```mermaid
# flowchart LR
#     file[picture file] --> preprocess["preprocess.py"] --> tensor[tensor] --> onnx[fashion.onnx]
#     rule["rule in the file"] -.-> preprocess
#     preprocess -. lesson 10 .-> function[image function]
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class file,preprocess,tensor,rule now
# ```
#
# Filled with colour: what this lesson is about. Dotted, with a lesson's number: the next lesson.

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("08")

# %%
import inspect
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pandas as pd
from PIL import Image
from sklearn.linear_model import RidgeClassifier

from workshop.plots import BLUE, ORANGE, set_style, show
from workshop.plots import pictures as plot

set_style()
MODEL = Path("../build/models/fashion.onnx")
FUNCTION = Path("../lambda/image")
GARMENTS, PHOTOGRAPHS = Path("../data/garments"), Path("../data/photographs")

# %% [markdown]
# ## From a file to a tensor
#
# The model's file describes how to prepare a picture. Lesson 08 wrote it there:

# %%
session = ort.InferenceSession(MODEL)
signature = json.loads(session.get_modelmeta().custom_metadata_map["signature"])
rule = signature["input"]
rule

# %% [markdown]
# [keras-image-helper](https://github.com/alexeygrigorev/keras-image-helper) is a small package,
# built on NumPy and Pillow. Its preprocessor resizes a picture, makes an array of shape (1, height,
# width, 3), and passes it to a function. For some well-known networks it contains this function
# (`create_preprocessor("xception", …)`). For your own model you write it.

# %%
from keras_image_helper import create_preprocessor


def normalise(pixels):
    """(1, height, width, 3), 0 to 255 → what the model takes."""
    grey = pixels[..., :1]      # the helper gives a grey picture three equal channels: keep one
    return (grey * np.float32(rule["scale"]) - rule["mean"]) / rule["std"]


preprocessor = create_preprocessor(normalise, target_size=(rule["width"], rule["height"]))
boot = GARMENTS / "boot.png"
tensor = preprocessor.from_path(boot).astype(np.float32)
print(Image.open(boot).size, "->", tensor.shape, tensor.dtype,
      f"from {tensor.min():.2f} to {tensor.max():.2f}")

# %%
def probabilities(tensor):
    """The model's answer, here in the notebook: one row of ten for each picture."""
    return session.run([signature["output"]["name"]], {rule["name"]: tensor})[0]


def label(row):
    return signature["classes"][row.argmax()]


print(label(probabilities(tensor)[0]), f"{probabilities(tensor).max():.4f}")

# %% [markdown]
# `target_size` is (width, height), but the array has the height first. If you exchange the two,
# you see no error as long as pictures are square.
#
# The function of the next lesson uses this helper, too. It replaces two of the helper's steps:
# `resize_image`, so that the filter comes from the signature, and `image_to_array`, so that a grey
# picture stays grey. This is all of it:

# %%
sys.path.insert(0, str(FUNCTION))
import preprocess

print(inspect.getsource(preprocess.Preprocessor), inspect.getsource(preprocess.make), sep="\n\n")

# %% [markdown]
# Colour, size, filter, scale and layout come from the signature, and none is written in the code.
# So the same code prepares pictures for a PyTorch model, too. Does it make the same tensor?

# %%
with Image.open(boot) as picture:
    by_function = preprocess.make(rule)(picture)
assert np.array_equal(by_function, tensor)
by_function.shape

# %% [markdown]
# ## Resize as in training
#
# The rule contains `"resize": "nearest"`. For each pixel of the small picture there is a block of
# pixels in the large one. The filter *nearest* takes one pixel from the middle of the block,
# another filter takes the average. Does it matter? Here is a picture of a dress of finely striped
# cloth. Its sides are five times those of the model's input. (Mean 0 and std 1 change nothing, so
# the cells below leave them out.)

# %%
fashion = np.load("../data/fashion.npz")
SIDE = 140                                              # pixels; 5 for each one of the model's
stripes = 0.6 + 0.4 * np.cos(2 * np.pi * np.arange(SIDE) / 5.5)     # a stripe every 5.5 pixels


def enlarge(pixels, striped=False):
    """A picture of 28 × 28 as the large picture that a camera might have taken."""
    large = Image.fromarray(pixels).resize((SIDE, SIDE), Image.BICUBIC)
    return Image.fromarray((large * stripes[:, None]).astype(np.uint8)) if striped else large


def shrink(pictures, filter):
    """Pictures as the model's input, shrunk with one of Pillow's filters."""
    small = [np.asarray(picture.resize((28, 28), filter)) for picture in pictures]
    return (np.stack(small)[..., np.newaxis] * rule["scale"]).astype(np.float32)


FILTERS = {"nearest": Image.NEAREST, "average": Image.BOX, "bilinear": Image.BILINEAR,
           "lanczos": Image.LANCZOS}
dress = enlarge(fashion["test_images"][fashion["test_labels"] == 3][5], striped=True)

# %%
small = {name: shrink([dress], FILTERS[name]) for name in ("nearest", "average")}
rows = {name: probabilities(tensor)[0] for name, tensor in small.items()}
show(*plot.gallery({f"{SIDE} × {SIDE}": np.asarray(dress)} | {
    f"{name}: {label(rows[name])} {rows[name].max():.2f}": np.uint8(255 * tensor[0, ..., 0])
    for name, tensor in small.items()}, 3, "A finely striped dress; shrunk with nearest it has "
    "broad stripes that nobody wove, shrunk by averages it is evenly grey", size=(9, 3.6)))

# %% [markdown]
# *Notice:* made smaller with *nearest*, the dress has broad stripes that do not exist. Each pixel is
# correct, but together they show another dress. For a model this is another picture.
#
# How many labels does that change? We compare the model's answers for all test pictures of 28 × 28
# with its answers after enlarging and shrinking. `served[cloth, filter]` holds the second kind.

# %%
originals = probabilities((fashion["test_images"][..., np.newaxis] * rule["scale"])
                          .astype(np.float32))
smooth = [enlarge(pixels) for pixels in fashion["test_images"]]
striped = [enlarge(pixels, striped=True) for pixels in fashion["test_images"]]
served = {(cloth, name): probabilities(shrink(pictures, filter))
          for cloth, pictures in {"smooth": smooth, "striped": striped}.items()
          for name, filter in FILTERS.items()}

# %% [markdown]
# ### Exercise 1: The skew test (5 minutes)
#
# Write `skew(trained, served)`. Both are arrays with a row of probabilities for each picture: the
# answers for pictures prepared as in training, and as in serving. Return two numbers:
#
# - the share of pictures, 0 to 1, whose *label* (the most probable class) has changed;
# - the largest change of any one probability.
#
# With smooth cloth, *nearest* gives back the original pictures, so expect two zeros. With striped
# cloth, expect more than one label in ten to change.
#
# <details><summary>Hint 1</summary>
#
# `trained.argmax(axis=1)` has the position of the best class for each picture. The mean of an array
# of True and False is the share of True.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A probability can rise or fall: `np.abs(…)` before `.max()`.
#
# </details>

# %% Exercise 1
def skew(trained, served):
    """(share of labels that changed, largest change of a probability)."""
    # BEGIN SOLUTION
    moved = trained.argmax(axis=1) != served.argmax(axis=1)
    return float(moved.mean()), float(np.abs(trained - served).max())
    # END SOLUTION


for cloth in "smooth", "striped":
    print(cloth, skew(originals, served[cloth, "nearest"]))

# %% Check 1 tags=["check"]
before = np.array([[0.50, 0.40, 0.10], [0.1, 0.8, 0.1], [0.8, 0.10, 0.10], [0.2, 0.2, 0.6]])
after = np.array([[0.40, 0.45, 0.15], [0.1, 0.7, 0.2], [0.5, 0.25, 0.25], [0.2, 0.1, 0.7]])
before, after = np.tile(before, (2, 1)), np.tile(after, (2, 1))     # two of eight labels change
answer = skew(before, after)
assert answer is not None, "skew returned nothing: is there a `return`, or is it still open?"
assert np.shape(answer) == (2,), f"Return two figures, share and change; you returned {answer!r}"
share, change = answer
assert share != 1, "Every picture counts as changed: compare the classes, .argmax(axis=1)."
assert share != 0.75, "That is the share of pictures that kept their label: use != instead of ==."
assert np.isclose(share, 0.25), (
    f"Two of eight labels have changed, which is a share of 0.25; you returned {share}. "
    "The mean of True and False is a share, their sum is a count.")
assert np.isclose(change, skew(after, before)[1]), (
    "A probability may fall as well as rise: take np.abs of the difference.")
assert np.isclose(change, 0.3), (
    f"The largest change is 0.3, but you returned {change:g}: .max() over pictures and classes.")
print(f"Right. Nothing changed at all: {skew(originals, originals)}")

# %% [markdown]
# And for every filter:

# %%
moved = {key: (originals.argmax(axis=1) != rows.argmax(axis=1)).mean()
         for key, rows in served.items()}
show(*plot.pairs({f"{cloth} cloth": {name: moved[cloth, name] for name in FILTERS}
                      for cloth in ("smooth", "striped")}, (BLUE, ORANGE),
                     "test pictures whose label has changed", "Only the filter differs"))

# %% [markdown]
# *Notice:* there is no error, no warning and nothing in a log, but labels change. Here *nearest* is
# the best of the filters for smooth cloth, and the worst for striped cloth. (With smooth cloth it has
# luck: the middle of five pixels *is* the original pixel. Try `SIDE = 112`.)
#
# So which filter is correct? To find out, we train twice. The striped pictures are shrunk with each
# filter, and each model (a linear model, which is quick to train) is tested with both.

# %%
some = slice(None, None, 3)                             # 4,000 pictures, so that it is quick
to_learn = [enlarge(pixels, striped=True) for pixels in fashion["train_images"][some]]
labels = {part: fashion[f"{part}_labels"].astype(int) for part in ("train", "test")}


def rows_of(pictures, name):
    """Pictures shrunk with a filter, a row of 784 numbers for each."""
    return shrink(pictures, FILTERS[name]).reshape(-1, 784)


names = ["nearest", "average"]
accuracy = pd.DataFrame(index=names, columns=names, dtype=float)
for in_training in names:
    linear = RidgeClassifier(alpha=10).fit(rows_of(to_learn, in_training), labels["train"][some])
    for in_serving in names:                            # rows: serving; columns: training
        accuracy.loc[in_serving, in_training] = linear.score(
            rows_of(striped, in_serving), labels["test"])

# %%
show(*plot.accuracies(accuracy, "Correct labels for the test pictures"))
assert np.diag(accuracy).min() > max(accuracy.loc["nearest", "average"],
                                     accuracy.loc["average", "nearest"])

# %% [markdown]
# On the diagonal, the filter of the training is used again, and both filters are good. Off the
# diagonal, the same models are worse. This is **training-serving skew**. The solution is not a
# better filter, but **one filter, the same in training and in serving**. Its name belongs in the
# model's file, and a test such as `skew` belongs in your release.
#
# ## The layout, and what a reshape does to it
#
# Keras puts the channels of a picture last (**NHWC**: picture, height, width, channel). PyTorch
# puts them first (**NCHW**). Both of these lines give an array in the shape of NCHW, without an
# error. Which one is correct?
#
# ```python
# pictures.reshape(1, channels, height, width)
# pictures.transpose(0, 3, 1, 2)
# ```

# %%
with Image.open(PHOTOGRAPHS / "coffee.png") as picture:
    coffee = np.asarray(picture.convert("RGB"))[np.newaxis]
_, height, width, channels = coffee.shape
show(*plot.gallery({"reshape": coffee.reshape(1, channels, height, width)[0, 0],
                    "transpose": coffee.transpose(0, 3, 1, 2)[0, 0]}, 2,
                   "The channel of red, made in two ways; with transpose it is a cup on a saucer, with "
                   "reshape it is a mesh in front of large curves, and no cup", size=(9, 3.2)))

# %% [markdown]
# *Notice:* both results have the same shape and the same numbers. `reshape` leaves the numbers where
# they are and counts them differently, so it mixes colours with positions. `transpose` moves them.
# A grey picture has one channel, and there both give the same result.
#
# ### Exercise 2: Change the layout (5 minutes)
#
# Write `arrange(batch, layout)`. `batch` has the layout NHWC, for any number of pictures of any
# size. Return it in `layout`, which is `"NHWC"` or `"NCHW"`.
#
# <details><summary>Hint 1</summary>
#
# NHWC is the layout that the batch already has.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `batch.transpose(…)` takes the old number of each new axis. In NHWC, the channel is axis 3.
#
# </details>

# %% Exercise 2
def arrange(batch, layout):
    """A batch of the layout NHWC, in this layout."""
    # BEGIN SOLUTION
    return batch.transpose(["NHWC".index(axis) for axis in layout])
    # END SOLUTION


print(np.shape(arrange(coffee, "NCHW")))

# %% Check 2 tags=["check"]
batch = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)        # two pictures of 5 × 4, in colour
answer = arrange(batch, "NCHW")
assert answer is not None, "arrange returned nothing: is there a `return`, or is it still open?"
shape = np.shape(answer)
assert shape != (2, 4, 5, 3), "The batch is still in NHWC: the channel must become axis 1."
assert shape != (2, 3, 5, 4), "Width and height have changed places: the order is 0, 3, 1, 2."
assert shape == (2, 3, 4, 5), f"NCHW of this batch has the shape (2, 3, 4, 5), not {shape}."
assert not np.array_equal(answer, batch.reshape(shape)), (
    "The shape is correct, but reshape mixes the colours with the positions: use transpose.")
assert all(np.array_equal(np.asarray(answer)[:, one], batch[..., one]) for one in range(3)), (
    "A channel has other numbers than before: each must keep its number, pictures and positions.")
assert np.array_equal(arrange(batch, "NHWC"), batch), (
    "The batch has the layout NHWC already: for this layout, return it as it is.")
print("Right. The numbers are the same, the order differs:", shape)

# %% [markdown]
# ## How the function finds a wrong layout
#
# When the function starts, it cannot see a wrong filter: all shapes are right. Only a comparison
# with the answers in training, as in exercise 1, shows it. A wrong layout gives another shape, which
# the function can see. Let us make this mistake: the signature says NCHW, but the network expects
# NHWC. Then we start the function's code.

# %%
workbench = tempfile.TemporaryDirectory()
mixed_up = Path(workbench.name) / "mixed_up.onnx"
model = onnx.load(MODEL)
description = {**signature, "input": {**rule, "layout": "NCHW"}}
onnx.helper.set_model_props(model, {"signature": json.dumps(description)})
onnx.save(model, mixed_up)

done = subprocess.run([sys.executable, "-B", "-c", "import lambda_function"], cwd=FUNCTION,
                      env=os.environ | {"MODEL_PATH": str(mixed_up)}, capture_output=True,
                      text=True)
print(done.stderr.splitlines()[-1].replace(workbench.name, "…"))
assert "the signature says NCHW" in done.stderr
workbench.cleanup()

# %% [markdown]
# It stops **when it starts**, and names the contradiction: the shape after preprocessing, and the
# shape that the model expects. You see this at the deployment, before any customer gets an answer.
#
# ## Recap
#
# - **Tensor**: keras-image-helper resizes a picture and makes an array. Filter, scale, mean and
#   layout come from the signature in the model's file.
# - **Skew**: another filter changes labels without an error. Serve with the filter of the training,
#   and test it.
# - **Layout**: change it with `transpose`; `reshape` mixes colours. With one channel, you would not
#   see the difference.
# - **A wrong description** stops the function when it starts, if its shapes contradict each other.
#
# There is nothing to clean up.
#
# ## Next
#
# In [lesson 10](10_serve_images.ipynb) this code answers pictures that arrive as links, as text and
# as bytes.
