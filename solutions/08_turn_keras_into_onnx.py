# ---
# title: Turn the Keras model into ONNX
# workshop:
#   number: "08"
#   needs: []
#   reading: 30
#   exercises: 25
#   execution: 2
#   cost: "free"
#   products: [build/models/fashion.onnx]
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Turn the Keras model into ONNX
#
# The network of lesson 07 needs TensorFlow, whose size you saw in lesson 00. Here it becomes
# one small file that gives the same answers, and that describes how to prepare a picture. On the
# way you see what breaks. You also measure whether smaller numbers make the model faster.
#
# **You will**
# - convert a SavedModel, and draw the network that is in the file;
# - prove that both give the same probabilities for all 2,000 test pictures;
# - prepare a picture by the rule that is in the model file;
# - see what breaks: a converter's shortcut, random layers, shapes, operator sets;
# - quantise the model to 8 bits, and compare size, accuracy and speed;
# - read the file where TensorFlow is not installed.
#
# **You need** `build/models/fashion_keras` and `build/models/fashion.keras` from lesson 07 (made
# now if they are missing). No Docker, no AWS.
#
# **Time** 30 minutes reading, 25 minutes exercises. **Cost** free, on AWS as well: nothing is
# created there.

# %% [markdown]
# ```mermaid
# flowchart LR
#     npz[(fashion.npz)] --> cnn[Keras CNN] --> saved[SavedModel] --> onnx[fashion.onnx]
#     onnx -. 09 .-> tensor[prepared pictures] -. 10 .-> function[image function]
#     torch[PyTorch network] -. 11 .-> function
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class onnx now
# ```
#
# Filled with colour: what you build in this lesson. Dotted: what you build later, in the lesson
# with that number.

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("07")

# %% [markdown]
# TensorFlow may print lines about oneDNN and this processor. They are information, not errors.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"     # reports off, errors on

import keras
import tensorflow as tf

tf.get_logger().setLevel("ERROR")

# %%
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

MODELS = Path("../build/models")
WORKBENCH = tempfile.TemporaryDirectory()       # what is only tried goes here, and vanishes
TRIALS = Path(WORKBENCH.name)

# %%
from workshop.plots import charts, onnx_graph, show
from workshop.plots import pictures as plot


# %% [markdown]
# ## Open what lesson 07 left
#
# A **SavedModel** is a folder with the computation that TensorFlow recorded, and the learned
# numbers. To run it, nobody needs the Python code that built the network. So it is a good starting
# point.

# %%
network = keras.saving.load_model(MODELS / "fashion.keras")
for path in sorted((MODELS / "fashion_keras").rglob("*")):
    if path.is_file():
        print(f"{path.stat().st_size:9,} bytes  {path.relative_to(MODELS)}")

# %%
data = np.load("../data/fashion.npz")
CLASSES = data["classes"].tolist()
pixels, labels = data["test_images"], data["test_labels"]       # whole numbers, 0 to 255
images = (pixels[..., np.newaxis] / 255).astype(np.float32)     # as in training: 0 to 1
print(pixels.shape, pixels.dtype, "->", images.shape, images.dtype)

# %% [markdown]
# ## Convert
#
# The converter is a command, `python -m tf2onnx.convert`. We choose the names of inputs and outputs
# here; without that they keep the names that Keras gave them.
#
# If the converter does not know an operation, it only writes a line into its log. The file is there,
# and the exit status is 0 (`findings/tf2onnx_ends_well_with_an_operation_that_nobody_knows.sh`). So
# we check the file as well.

# %%
def convert(saved_model, onnx_file):
    """Run the converter; return what it reports (TensorFlow's own remarks are left out)."""
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", str(saved_model),
               "--opset", "18", "--output", str(onnx_file),
               "--rename-inputs", "image", "--rename-outputs", "probabilities"]
    print("python", *command[1:])
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return [line.split(" - ", 1)[1] for line in done.stderr.splitlines() if " - " in line]


print(*convert(MODELS / "fashion_keras", TRIALS / "fashion.onnx"), sep="\n")

# %%
model = onnx.load(TRIALS / "fashion.onnx")
onnx.checker.check_model(model, full_check=True)
for value in (*model.graph.input, *model.graph.output):
    value.type.tensor_type.shape.dim[0].dim_param = "batch"      # it was called "unk__…"
onnx_graph(model, layers=True)

# %% [markdown]
# There are two convolutions and two dense layers (`MatMul`), as in lesson 07, with the shapes of
# their weights. `Dropout` is gone, because it only works during training.
#
# Three things are new.
#
# - Keras stores a picture as height × width × channels (**NHWC**, N is the number of pictures), and
#   ONNX convolves channels × height × width (**NCHW**). The converter reordered the weights once,
#   and put a `Reshape` at the beginning. With one channel, that is enough to reorder the picture.
#   The model's input is still NHWC.
# - `Transpose` restores the old order before the picture becomes one row, because the dense layer
#   learned the order of Keras.
# - The box from `Shape` to `Cast` reads how many pictures there are. It is there because the
#   input's shape has the variable size **batch**: one file for one picture or a thousand.
#
# ## Prove that it is the same model
#
# All 2,000 pictures go through both models. Each answer has ten probabilities: what is the largest
# difference?

# %%
def open_session(model):
    """Return a session for a model or a file, one thread, as on a small server."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4     # errors come as exceptions; no need to print them as well
    source = model.SerializeToString() if isinstance(model, onnx.ModelProto) else model
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


session = open_session(model)
by_keras = network.predict(images, verbose=0)
by_onnx = session.run(["probabilities"], {"image": images})[0]
difference = np.abs(by_onnx - by_keras).max(axis=1)              # the worst of ten, each picture
print(f"largest difference on {len(images):,} pictures: {difference.max():.1e}")
assert difference.max() <= 1e-4, "the ONNX model answers differently"

# %%
accuracy = (by_onnx.argmax(axis=1) == labels).mean()
assert accuracy >= 0.85
show(*charts.differences(difference, 1e-4, f"The worst of {len(images):,} pictures is "
                         f"{1e-4 / difference.max():.0f} times better than allowed"))

# %% [markdown]
# *Notice:* the differences are not zero, and not the same for all pictures. Both models sum
# hundreds of products in 32-bit floats, in different orders, and each order rounds differently. The
# many pictures near 10⁻⁷ differ by one step of a 32-bit float, and those at the left end not at
# all. A real *mistake*, such as one layer with the wrong layout, would put most answers far to the
# right of the line.
#
# And which pictures have the largest differences?

# %%
show(*plot.gallery([(f"{CLASSES[by_onnx[i].argmax()]}\n{by_keras[i].max():.6f}\n"
                     f"{by_onnx[i].max():.6f}", pixels[i]) for i in difference.argsort()[:-6:-1]],
                   5, "Five garments, each with both probabilities",
                   "Class, probability by Keras, by ONNX", size=(8, 3)))

# %% [markdown]
# ## Write down how a picture must be prepared
#
# The model expects floats between 0 and 1. But nothing in its graph says this: with pixels from 0
# to 255 it answers too.

# %%
unscaled = session.run(None, {"image": pixels[..., np.newaxis].astype(np.float32)})[0]
for what, rows in {"pixels / 255": by_onnx, "pixels": unscaled}.items():
    right = rows.argmax(axis=1) == labels
    print(f"{what:12}  right: {right.mean():.1%}   of the wrong ones, "
          f"99 % sure: {(rows[~right].max(axis=1) > 0.99).mean():.0%}")

# %% [markdown]
# *Notice:* there is no error. Even the classes are often correct, so a quick look would find
# nothing. But the probabilities are useless now: the model is also sure of its mistakes.
#
# So we write the rule **into the file**, as JSON, like the signature of the churn model in lesson
# 03. The code of lesson 09 reads it there.

# %%
import tf2onnx

signature = {
    "model": "fashion", "version": "1",
    "input": {"name": "image", "layout": "NHWC", "width": 28, "height": 28, "colour": "L",
              "resize": "nearest", "scale": 1 / 255, "mean": [0.0], "std": [1.0]},
    "output": {"name": "probabilities", "kind": "probabilities"},
    "classes": CLASSES,
    "training_data_sha256": hashlib.sha256(Path("../data/fashion.npz").read_bytes()).hexdigest(),
    "versions": {"keras": keras.__version__, "tensorflow": tf.__version__,
                 "tf2onnx": tf2onnx.__version__, "onnxruntime": ort.__version__}}
onnx.helper.set_model_props(model, {"signature": json.dumps(signature)})

part = MODELS / f"fashion.onnx.{os.getpid()}.part"   # written aside and renamed: never half a file
part.write_bytes(model.SerializeToString())
os.replace(part, MODELS / "fashion.onnx")
print(f"fashion.onnx: {(MODELS / 'fashion.onnx').stat().st_size:,} bytes")

# %% [markdown]
# `colour: L` is Pillow's name for one channel of grey. The model's input is `(pixel * scale - mean)
# / std`. Other models expect −1 to 1, or subtract the mean of each colour. One formula describes
# them all.

# %% [markdown]
# ### Exercise 1: Prepare one picture (8 minutes)
#
# Write `prepare(pixels)`. Its input is one picture, an array of shape (28, 28) with whole numbers
# from 0 to 255. It returns the input of `session`: shape (1, 28, 28, 1), 32-bit floats, by the
# formula above. Take `scale`, `mean` and `std` from the rule, so that it also works for another
# model.
#
# <details><summary>Hint 1</summary>
#
# `rule["mean"]` and `rule["std"]` are lists with one number for each channel. NumPy subtracts a
# list from the last axis, so give the picture its channel first.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `pixels[np.newaxis, :, :, np.newaxis]` has the shape (1, 28, 28, 1).
# `.astype(np.float32)` at the end makes 32-bit floats.
#
# </details>

# %% Exercise 1
def prepare(pixels, rule=signature["input"]):
    """Return one grey picture, (28, 28) whole numbers, as the model's input."""
    # BEGIN SOLUTION
    picture = pixels[np.newaxis, :, :, np.newaxis]
    return ((picture * rule["scale"] - rule["mean"]) / rule["std"]).astype(np.float32)
    # END SOLUTION


prepared = prepare(pixels[0])
print(type(prepared), getattr(prepared, "shape", None), getattr(prepared, "dtype", None))

# %% Check 1 tags=["check"]
assert prepared is not None, "prepare should return an array: did you forget `return`?"
assert np.shape(prepared) == (1, 28, 28, 1), (
    f"The shape is {np.shape(prepared)}, and the model wants (1, 28, 28, 1): one picture in front, "
    "one channel at the end.")
assert prepared.max() <= 1, (
    f"The largest value is {prepared.max():g}: multiply the pixels with rule['scale'].")
assert prepared.max() > 0.5, (
    f"The largest value is only {prepared.max():g}: was it scaled twice?")
assert prepared.dtype == np.float32, (
    f"These are {prepared.dtype}. ONNX Runtime would refuse them: end with .astype(np.float32).")
assert np.allclose(prepared, images[:1]), "The picture differs from images[:1]: was it turned?"
other = prepare(pixels[0], {**signature["input"], "mean": [0.5], "std": [0.25]})
assert np.allclose(other, (images[:1] - 0.5) / 0.25, atol=1e-6), (
    "Right for this model. With mean 0.5 and std 0.25 it should be (pixel * scale - mean) / std.")
print("Right:", CLASSES[session.run(None, {"image": prepared})[0].argmax()])

# %% [markdown]
# ## What breaks, and how it looks
#
# ### A shortcut: `from_keras`
#
# tf2onnx also has a function that takes the Keras model directly. It was written for an older
# version of Keras.

# %%
functional = keras.Model(network.inputs, network.outputs)
for what, candidate in {"Sequential": network, "the same, functional": functional}.items():
    try:
        shortcut, _ = tf2onnx.convert.from_keras(candidate, opset=18)
        print(f"{what}: fine, {len(shortcut.graph.node)} operations")
    except Exception as error:
        print(f"{what}: {type(error).__name__}: {error}")

# %% [markdown]
# For the `Sequential` model, the result is a `KeyError` with the name of a tensor that you never
# wrote. The SavedModel works however the model was built. (In 2026 tf2onnx is looking for a
# maintainer, and its tests use older versions of TensorFlow: prove the equality of each file.)
#
# ### Random layers
#
# Many people put augmentation *into* the model: a layer flips pictures at random, so that the model
# sees more different pictures in training. We put such a layer in front of our network and save
# that.

# %%
flipping = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.RandomFlip("horizontal"),
                             network])
flipping.export(TRIALS / "flipping", verbose=False)
for line in convert(TRIALS / "flipping", TRIALS / "flipping.onnx"):
    if line.startswith("ERROR") or "Successfully" in line:
        print(line)

# %% [markdown]
# *Notice:* there are errors, and then **Successfully converted**. The command's exit status reports
# success as well. The file exists, and the fault shows only when a program opens it.

# %%
try:
    open_session(TRIALS / "flipping.onnx")
except Exception as error:
    print(f"{type(error).__name__}: …{str(error)[-90:]}")

# %% [markdown]
# `No Op registered` means that ONNX has no such operation. But the conversion is not the worst
# part. Was the SavedModel correct? Here is the same boot, eight times:

# %%
boot = images[labels == CLASSES.index("boot")][:1]
answers = {}
for what, folder in {"with a random layer": TRIALS / "flipping",
                     "ours": MODELS / "fashion_keras"}.items():
    recorded = tf.saved_model.load(folder)
    answers[what] = [float(recorded.serve(boot).numpy().max()) for _ in range(8)]
    print(f"SavedModel {what:20}", *[f"{probability:.4f}" for probability in answers[what]])
assert np.ptp(answers["with a random layer"]) > 1e-3 > 1e-5 > np.ptp(answers["ours"])

# %% [markdown]
# The export recorded the model **in training mode**: the flip and even the dropout are active, and
# the same picture gets another answer each time. Every server would answer like this, with ONNX or
# without. In Keras 3 a random layer works in training mode by default. `predict` switches that off;
# the export, and a plain `flipping(boot)`, do not.
#
# The solution: augment *outside* of the exported network, in the data or in a wrapper around the
# network, and export the network alone. Our network is built like that.

# %% [markdown]
# ### Exercise 2: Find operations that ONNX does not have (8 minutes)
#
# A program that builds your function should stop at such a file, and print the reason. Write
# `unknown_operations(model)`. It returns the sorted list of the operations in `model.graph.node`
# that are not in the standard, each once. `onnx.defs.has(name, domain)` is True where the standard
# has the operation. (The *domain* names the owner of the operation; empty means the standard.)
#
# <details><summary>Hint</summary>
#
# Each `node` has `node.op_type` and `node.domain`. A set, `{… for … in …}`, holds each value once;
# `sorted(…)` makes it a list.
#
# </details>

# %% Exercise 2
def unknown_operations(model):
    """Return the names of the operations that are in no ONNX standard, sorted, each once."""
    # BEGIN SOLUTION
    return sorted({node.op_type for node in model.graph.node
                   if not onnx.defs.has(node.op_type, node.domain)})
    # END SOLUTION


broken = onnx.load(TRIALS / "flipping.onnx")
print(unknown_operations(broken))

# %% Check 2 tags=["check"]
found = unknown_operations(broken)
assert found is not None, "unknown_operations should return a list: did you forget `return`?"
assert list(unknown_operations(model)) == [], (
    f"Our model is fine, but you found {unknown_operations(model)}. Take those for which "
    "onnx.defs.has(…) is False.")
assert len(found) == len(set(found)), f"Each only once, please: {found}. A set does that."
assert list(found) == ["StatelessRandomUniformV2"], (
    f"In the flipping model you found {found}; one operation there is unknown to ONNX.")
foreign = onnx.ModelProto()
foreign.CopyFrom(model)
foreign.graph.node[-1].domain = "my.company"
assert list(unknown_operations(foreign)) == ["Softmax"], (
    "A Softmax of the domain my.company is not the standard's: give onnx.defs.has the domain too.")
print("Right. onnx.checker.check_model(model) complains of them too, about the first it meets.")

# %% [markdown]
# ### Shapes and types
#
# What is the error message when a picture has the wrong shape or type? And what if the file had a
# fixed batch size, as some converters write it?

# %%
def complaint(model, feed):
    """Return what ONNX Runtime says when it opens `model` and gets `feed`."""
    try:
        session = model if isinstance(model, ort.InferenceSession) else open_session(model)
        return f"fine: {session.run(None, {'image': feed})[0].shape}"
    except Exception as error:
        return str(error).split(" : ", 2)[-1].replace("\n", "\n    ").strip()


for what, feed in {"a thousand at once": images[:1000],
                   "a picture without N and C": images[0, :, :, 0],
                   "channels first (NCHW)": images[:1].transpose(0, 3, 1, 2),
                   "pixels as they are": pixels[:1, :, :, np.newaxis],
                   "64-bit floats": pixels[:1, :, :, np.newaxis] / 255}.items():
    print(f"{what}:\n    {complaint(session, feed)}")

# %%
fixed = onnx.ModelProto()
fixed.CopyFrom(model)
fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
print(f"a batch of two, where the file says 1:\n    {complaint(fixed, images[:2])}")

# %% [markdown]
# These mistakes raise an error, because the size or the type differs. A picture that is turned by
# 90 degrees, or has red and blue exchanged, has the right size and raises **no** error. You find
# such mistakes only with known pictures and known answers.
#
# ### The operator set
#
# `--opset 18` chose the version of the list of operations. A runtime knows all versions up to its
# own newest one. A newer version is not better; it only needs a newer runtime:

# %%
future = onnx.ModelProto()
future.CopyFrom(model)
future.opset_import[0].version = 99
print("this file:", {entry.domain or "ai.onnx": entry.version for entry in model.opset_import})
complained = complaint(future, images[:1])
print(f"…{complained[complained.find('Opset 99'):]}")

# %% [markdown]
# The message ends with the newest version that this ONNX Runtime supports. It also reads older
# ones, back to 7 ([compatibility](https://onnxruntime.ai/docs/reference/compatibility.html),
# checked 2026-11).
#
# ## Smaller numbers: quantisation
#
# The weights are 32-bit floats. **Quantisation** stores them as 8-bit whole numbers and a scale:
# `weight ≈ scale × integer`. The file needs a quarter of the bytes, and processors multiply small
# whole numbers faster. That is the promise. Is it true?
#
# The values *between* the layers need a scale as well, so their range must be known. **Static**
# quantisation measures it beforehand: it runs some pictures through the model and notes the range
# at each layer. This step is called **calibration**.

# %%
from onnxruntime.quantization import CalibrationDataReader, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Calibration(CalibrationDataReader):
    """Hands out pictures, fifty at a time, and at the end None."""

    def __init__(self, pictures, name="image"):
        self.batches = iter([{name: pictures[i:i + 50]} for i in range(0, len(pictures), 50)])

    def get_next(self):
        return next(self.batches, None)


train_images = (data["train_images"][..., np.newaxis] / 255).astype(np.float32)
some = np.random.default_rng(8).choice(len(train_images), 500, replace=False)

quant_pre_process(MODELS / "fashion.onnx", TRIALS / "ready.onnx")      # shapes noted at each place
quantize_static(TRIALS / "ready.onnx", TRIALS / "int8.onnx", Calibration(train_images[some]),
                per_channel=True)
int8 = onnx.load(TRIALS / "int8.onnx")
print(dict(Counter(node.op_type for node in int8.graph.node).most_common(4)))

# %% [markdown]
# The calibration pictures come from **training**; the test pictures stay unseen. `per_channel`
# gives each filter of a convolution its own scale, because one filter's weights may be ten times as
# large as another's. The file still describes a computation with floats. Pairs of `QuantizeLinear`
# and `DequantizeLinear` (*QDQ*) mark where whole numbers may be used, and the runtime replaces
# these parts when it opens the file.
#
# **Dynamic** quantisation needs no pictures: it measures each range while it answers.

# %%
quantize_dynamic(TRIALS / "ready.onnx", TRIALS / "dynamic.onnx",
                 weight_type=ort.quantization.QuantType.QUInt8)
FILES = {"32-bit floats": MODELS / "fashion.onnx", "int8, static": TRIALS / "int8.onnx",
         "int8, dynamic": TRIALS / "dynamic.onnx"}
sessions = {name: open_session(path) for name, path in FILES.items()}
probabilities = {name: s.run(None, {"image": images})[0] for name, s in sessions.items()}
for name, path in FILES.items():
    answer = probabilities[name].argmax(axis=1)
    print(f"{name:14} {path.stat().st_size:8,} bytes   accuracy {(answer == labels).mean():.4f}   "
          f"same class as Keras {(answer == by_keras.argmax(axis=1)).mean():.1%}")
size_ratio = FILES["32-bit floats"].stat().st_size / FILES["int8, static"].stat().st_size
print(f"32-bit floats take {size_ratio:.1f} times as many bytes as int8, static")
agreement = (probabilities["int8, static"].argmax(axis=1) == by_keras.argmax(axis=1)).mean()
assert size_ratio > 2 and agreement > 0.97

# %% [markdown]
# The weights take a quarter of the size. Scales, names and QDQ pairs are added, which matters for a
# small model. The accuracy is nearly the same, or even higher by chance: one picture is 0.0005. But
# not all answers are the same.

# %% [markdown]
# ### Exercise 3: Which answers changed? (9 minutes)
#
# Find the test pictures for which `"int8, static"` predicts another class than `"32-bit floats"`.
# Put their positions into `changed`. Put one number for each of them into `lead`: how far the best
# class of `"32-bit floats"` was ahead of its second best.
#
# <details><summary>Hint 1</summary>
#
# `np.flatnonzero(a != b)` gives the positions where two arrays differ. `probabilities[name]` has
# one row of ten for each picture: `.argmax(axis=1)` gives the class.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.sort(rows, axis=1)` sorts each row: the best is then `[:, -1]`, the second best `[:, -2]`.
#
# </details>

# %% Exercise 3
before, after = probabilities["32-bit floats"], probabilities["int8, static"]
changed = lead = None
# BEGIN SOLUTION
changed = np.flatnonzero(before.argmax(axis=1) != after.argmax(axis=1))
ranked = np.sort(before[changed], axis=1)
lead = ranked[:, -1] - ranked[:, -2]
# END SOLUTION
print(changed, lead)

# %% Check 3 tags=["check"]
differs = before.argmax(axis=1) != after.argmax(axis=1)
assert changed is not None, "changed is still None: compare the classes of before and after."
assert not np.array_equal(np.asarray(changed), differs), (
    "That is True or False for each picture; np.flatnonzero(…) makes positions of it.")
assert np.ndim(changed) == 1, "changed should be a list of positions, one dimension."
assert not np.array_equal(changed, np.flatnonzero(~differs)), (
    "These kept their class: use != instead of ==.")
assert np.array_equal(changed, np.flatnonzero(differs)), (
    "Compare the classes, .argmax(axis=1), of before and after. Probabilities differ everywhere.")
assert lead is not None, "Now the lead: best minus second best in before[changed]."
assert np.shape(lead) == np.shape(changed), (
    f"One number for each of the {len(changed)} pictures in changed; you have {np.shape(lead)}.")
ranks = np.sort(before[np.asarray(changed)], axis=1)
assert not np.allclose(lead, ranks[:, -1]), "That is the best alone: take the second best off."
assert np.allclose(lead, ranks[:, -1] - ranks[:, -2], atol=5e-4), (
    "lead is the largest minus the second largest probability in before (32 bits), row by row.")
print(f"Right: {len(changed)} pictures. For half of them the lead was below {np.median(lead):.2f}; "
      f"over all pictures, half are ahead by {np.median(np.ptp(np.sort(before)[:, -2:], 1)):.2f} "
      "or more.")

# %% [markdown]
# The pictures that changed were undecided before. Arithmetic cannot say whether that is acceptable:
# a shop will accept it, a laboratory may not.
#
# ### When it hurts: the wrong pictures
#
# Calibration depends on its pictures. Here it gets only trousers, then black pictures, then
# pictures that nobody scaled.

# %%
shown = {"training pictures": train_images[some],
         "only trousers": train_images[data["train_labels"] == CLASSES.index("trousers")][:500],
         "black pictures": np.zeros((50, 28, 28, 1), np.float32),
         "scale forgotten": 255 * train_images[some]}
scores = {"not quantised": accuracy}
for name, pictures in shown.items():
    quantize_static(TRIALS / "ready.onnx", TRIALS / "trial.onnx", Calibration(pictures),
                    per_channel=True)
    answer = open_session(TRIALS / "trial.onnx").run(None, {"image": images})[0]
    scores[name] = (answer.argmax(axis=1) == labels).mean()

# %%
show(*charts.bars(scores, "Accuracy on the test pictures", "Calibrated with the wrong pictures: down "
                  f"to {min(scores.values()):.2f}", "Accuracy by calibration pictures",
                  limit=(0.1, "guessing"), other=("black pictures", "scale forgotten"),
                  form="{:.3f}"))
assert scores["training pictures"] > accuracy - 0.02
assert max(scores["black pictures"], scores["scale forgotten"]) < accuracy - 0.1

# %% [markdown]
# *Notice:* trousers alone do little harm here, because they are as bright as other garments. A
# range that is too narrow (black) cuts off bright values. A range that is too wide (not scaled)
# leaves only few steps for all values. And each file opens and answers without an error. A
# quantised model is a **new model**: test it like one.
#
# ### When it hurts: speed
#
# We measure one picture at a time, with one thread. The three models take turns, so that other
# programs on your machine disturb all of them equally. The ratio is the result.

# %%
from workshop.measure import quantised

asks = [partial(session.run, None, {"image": images[:1]}) for session in sessions.values()]
for name, ratio in zip(sessions, quantised.relative_times(asks, 400)):
    print(f"{name:14} {ratio:.2f} × the time of 32-bit floats")

# %% [markdown]
# You may have expected more. Converting a value into a whole number and back costs time, and each
# multiplication saves a little. Our first convolution has only one input channel: nine products for
# each output value. Are nine products too few to save time? `quantised.int8_times` measures two
# convolutions in a row, with more and more channels:

# %%
from workshop.plots import models

WIDTHS = [4, 8, 16, 32, 64, 128, 256]
show(*models.int8_by_width(WIDTHS, quantised.int8_times(WIDTHS)))

# %% [markdown]
# **Static** quantisation saves time where layers are wide, and costs time where they are narrow.
# The point where its line crosses 1 depends on the processor: recent processors have instructions
# for 8-bit products, old ones do not. **Dynamic** quantisation finds the range of this picture's
# values at every layer, in every request; compare the two lines in the plot. ONNX Runtime
# recommends dynamic quantisation for language models, and static quantisation for convolutions
# ([quantisation](https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html),
# checked 2026-11).
#
# So measure on the processor that will serve the model. Our model is small already and would gain
# little. The next lesson serves the 32-bit file.
#
# ## Keras and ONNX, the same work
#
# We measure one picture, from array to probabilities, again in turns. Keras has two ways to compute
# it, and their times differ a lot.

# %%
def three_ways(images):
    """Return the times of network(images) and network.predict(images), ONNX Runtime's being 1."""
    asks = [partial(session.run, None, {"image": images}),
            lambda: network(images).numpy(),
            lambda: network.predict(images, batch_size=1000, verbose=0)]
    for ask in asks:
        ask()                                           # warm up
    return quantised.relative_times(asks, 15)[1:]


for many in 1, 1000:
    by_call, by_predict = three_ways(images[:many])
    print(f"{many:5,} at once: network(…) takes {by_call:5,.1f} × the time of ONNX Runtime, "
          f"network.predict(…) {by_predict:5,.1f} ×")

# %% [markdown]
# *Notice:* `predict` is made for many pictures: it sets up a loop and feeds it. If you compare
# `predict` with ONNX Runtime on one picture, you measure mostly this set-up. With a thousand
# pictures the set-up hardly counts. (Keras may use all processors here, ONNX Runtime uses one.)
#
# ## Read it where TensorFlow is not installed
#
# A new Python process cannot import TensorFlow, Keras or the converter. It opens the file, prepares
# five pictures by the rule in the file, and prints the garments.

# %%
program = """
import sys
for name in "tensorflow", "keras", "tf2onnx":
    sys.modules[name] = None                            # importing it raises ImportError
import json
import numpy as np, onnxruntime

session = onnxruntime.InferenceSession("../build/models/fashion.onnx")
signature = json.loads(session.get_modelmeta().custom_metadata_map["signature"])
rule = signature["input"]
pixels = np.load("../data/fashion.npz")["test_images"][:5, :, :, np.newaxis]
picture = ((pixels * rule["scale"] - rule["mean"]) / rule["std"]).astype(np.float32)
rows = session.run([signature["output"]["name"]], {rule["name"]: picture})[0]
print(json.dumps([[signature["classes"][row.argmax()], float(row.max())] for row in rows]))
"""
answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
there = json.loads(answer.stdout)
for (garment, probability), row in zip(there, by_keras):
    print(f"there: {garment:10} {probability:.6f}    "
          f"Keras, here: {CLASSES[row.argmax()]:10} {row.max():.6f}")
assert all(garment == CLASSES[row.argmax()] and abs(probability - row.max()) <= 1e-4
           for (garment, probability), row in zip(there, by_keras))

# %%
WORKBENCH.cleanup()

# %% [markdown]
# ## Recap
#
# - **Convert** from the SavedModel with `python -m tf2onnx.convert`. The graph shows the layers,
#   and what was added to turn NHWC into NCHW.
# - **Parity**: within 10⁻⁴ for all 2,000 pictures. The remaining difference is the order of
#   rounding.
# - **Prepare** by the rule in the file: a missing scale gives wrong answers and no error.
# - **What breaks**: `from_keras` with a Sequential model; fixed batch sizes; an operator set that is
#   newer than the runtime; random layers. A model with random layers converts "successfully", but
#   its file does not load, and even its SavedModel answers at random.
# - **Quantised** to int8, the weights take a quarter of the bytes, and answers change where they
#   were close. Whether it is faster depends on the width of the layers, on the kind of quantisation
#   and on the processor. Static quantisation is correct only if the calibration pictures resemble
#   the later requests.
# - The file is **read** with ONNX Runtime and NumPy alone.
#
# You made `build/models/fashion.onnx`. There is nothing to clean up in the cloud.
#
# **Next:** [lesson 09](09_prepare_pictures.ipynb) prepares pictures for this file, and measures
# what a wrong preparation costs.
