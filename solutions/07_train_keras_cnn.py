# ---
# title: Train a Keras CNN
# workshop:
#   number: "07"
#   needs: []
#   reading: 25
#   exercises: 25
#   execution: 3
#   cost: "free"
#   products: [build/models/fashion_keras, build/models/fashion.keras]
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Train a Keras CNN
#
# A shop wants to know what is on a picture: a coat, a sneaker, a bag? In this lesson you train a
# small **convolutional neural network** (CNN) that predicts it. The next lessons convert it to ONNX
# and put it behind an HTTPS address. A model from another framework joins it there.
#
# **You will**
# - look at the pictures, and find a number that every useful model must beat;
# - build a CNN of nine layers, and say where its weights are;
# - train it, and read from learning curves when to stop;
# - test it on test pictures: a confusion matrix, and the pictures that it gets wrong;
# - give it picture files, and see its answers to pictures that it was not trained for;
# - save it in two formats, and know what each format is for.
#
# **You need** a little NumPy. No Docker, no AWS.
#
# **Time** 25 minutes reading, 25 minutes exercises. **Cost** free, on AWS as well: nothing is
# created there.

# %% [markdown]
# ```mermaid
# flowchart LR
#     npz[(fashion.npz)] --> cnn[Keras CNN] --> saved[SavedModel] -. 08 .-> onnx[fashion.onnx]
#     onnx -. 09 .-> tensor[prepared pictures] -. 10 .-> function[image function]
#     torch[PyTorch model] -. 11 .-> function
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class npz,cnn,saved now
# ```
#
# Filled with colour: what you build in this lesson. Dotted: what you build later, in the lesson
# with that number.

# %%
from workshop import cloud

cloud.use()

# %% [markdown]
# Importing TensorFlow takes a few seconds. Two settings must come before the import.

# %%
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"     # reports off, errors on
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"    # plain operations: some slower, and they print no messages

import keras
import tensorflow as tf
from keras import layers

tf.get_logger().setLevel("ERROR")

# %%
import shutil
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from workshop.plots import pictures as plot
from workshop.plots import show

DATA = Path("../data")
MODELS = Path("../build/models")
MODELS.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Look at the pictures
#
# The data are a part of *Fashion-MNIST*, pictures from a shop's catalogue.
# [`data/README.md`](../data/README.md) names their source.

# %%
with np.load(DATA / "fashion.npz") as file:
    fashion = dict(file)
for name, array in fashion.items():
    print(f"{name:13} {array.dtype!s:6} {array.shape}")
CLASSES = fashion["classes"].tolist()

# %% [markdown]
# A label is a position in the list `classes`. Here are eight pictures of each class:

# %%
images, labels = fashion["train_images"], fashion["train_labels"]
rows = [(name if column == 0 else "", image) for k, name in enumerate(CLASSES)
        for column, image in enumerate(images[labels == k][:8])]
show(*plot.gallery(rows, 8, "Eight white garments on black for each class", size=(7, 8.6)))

# %% [markdown]
# The pictures have 28 × 28 pixels and are grey. Each garment is in the middle and upright, **white
# on black**. Look at the rows of shirts, pullovers and coats: can you always distinguish them?
#
# ## Set validation pictures apart
#
# We need three parts for three purposes. *Training* pictures are there to learn from, *validation*
# pictures to make decisions with, and *test* pictures to test the result once, at the end. The test
# pictures are separate already. Of the other pictures, one in six becomes a validation picture.

# %%
order = np.random.default_rng(1).permutation(len(images))
valid, train = order[:2000], order[2000:]
print(f"{len(train):,} to learn from, {len(valid):,} to decide with, "
      f"{len(fashion['test_labels']):,} put away")
print("of each class to learn from:", np.bincount(labels[train]))

# %% [markdown]
# ## A number to beat
#
# What can you reach without any network? Take the average picture of each class. A new picture gets
# the class whose average is nearest.

# %%
pixels = images.reshape(-1, 784) / 255
means = np.array([pixels[train][labels[train] == k].mean(axis=0) for k in range(10)])
distance = ((pixels[valid][:, None, :] - means) ** 2).sum(axis=2)
baseline = (distance.argmin(axis=1) == labels[valid]).mean()

show(*plot.gallery({name: mean.reshape(28, 28) for mean, name in zip(means, CLASSES)}, 5,
                       "The ten average pictures, blurred", size=(8, 3.8),
                       title=f"The nearest average picture is right for {baseline:.0%}"))

# %% [markdown]
# Guessing is correct for 10 %, and ten blurred pictures are already much better. A network that
# does not beat this number has learned nothing useful.
#
# ## Prepare a picture
#
# The network takes 32-bit floats from 0 to 1, in an array of four dimensions: picture, height,
# width, channel. This order is called **NHWC**, and a grey picture has one channel. (PyTorch uses
# NCHW: channel before height. Lesson 11 comes back to it.)

# %%
def prepare(images):
    """Return `images`, (N, 28, 28) uint8, as (N, 28, 28, 1) float32 from 0 to 1."""
    return images[..., np.newaxis].astype("float32") / 255


x_train, y_train = prepare(images[train]), labels[train]
x_valid, y_valid = prepare(images[valid]), labels[valid]
print(x_train.shape, x_train.dtype, x_train.min(), x_train.max())

# %% [markdown]
# **A picture must be prepared in the same way here and in production.** Adding an axis and dividing
# by 255 look too simple to go wrong. But a deployed model that gets one of them wrong answers
# wrongly, without an error. So a later lesson writes them into the model file.
#
# ## Build the network
#
# - `Conv2D(16, 3)` slides 16 small filters of 3 × 3 weights over the picture. At each position,
#   each filter answers one question: how much does the picture here look like *my* pattern? The
#   pattern may be an edge or a corner.
# - `MaxPooling2D` keeps the largest of each 2 × 2 answers: half the height, half the width.
# - A second pair of these layers looks for patterns among those patterns.
# - `Flatten` puts all values in one row, and `Dense` layers combine them.
# - `Dropout` switches off a share of the values at random, **only during training**, so that the
#   network cannot depend on a few of them.
# - `softmax` turns the last ten numbers into probabilities that sum to 1.

# %%
def build(dropout):
    """Return a new, untrained network; `dropout` is the share of values switched off."""
    return keras.Sequential([
        keras.Input((28, 28, 1), name="image"),
        layers.Conv2D(16, 3, activation="relu", name="patterns"),
        layers.MaxPooling2D(name="halve"),
        layers.Conv2D(32, 3, activation="relu", name="patterns_of_patterns"),
        layers.MaxPooling2D(name="halve_again"),
        layers.Flatten(name="in_one_row"),
        layers.Dropout(dropout),
        layers.Dense(64, activation="relu", name="weigh_up"),
        layers.Dropout(dropout),
        layers.Dense(10, activation="softmax", name="probabilities")])


keras.utils.set_random_seed(1)
model = build(dropout=0.3)
for layer in model.layers:
    print(f"{layer.name:21} {type(layer).__name__:13} gives {layer.output.shape[1:]}")
print(f"{model.count_params():,} weights in all")

# %% [markdown]
# A filter of 3 × 3 does not fit at the border, so 28 becomes 26. Half of 11 becomes 5: pooling
# drops the odd row and column.
#
# ### Exercise 1: Where are the weights? (5 minutes)
#
# A filter of `patterns` has 3 × 3 weights for its one channel, and one number to add, the **bias**.
# So that layer has 16 × (3 × 3 × 1 + 1) = 160 weights. How many do the next two layers have?
# Calculate, with the sizes in the list above:
#
# - `second`: the layer `patterns_of_patterns`. Each of its 32 filters reads all channels of its
#   input;
# - `dense`: the layer `weigh_up`. Each of its 64 neurons has a weight for every value of the row,
#   and a bias.
#
# Guess first: which layer holds the most weights?
#
# <details><summary>Hint</summary>
#
# The input of `patterns_of_patterns` has 16 channels, so one filter has 3 × 3 × 16 weights and a
# bias. The row has 5 × 5 × 32 values.
#
# </details>

# %% Exercise 1
second = dense = None
# BEGIN SOLUTION
second = 32 * (3 * 3 * 16 + 1)
dense = 64 * (5 * 5 * 32 + 1)
# END SOLUTION
print("patterns_of_patterns:", second, " weigh_up:", dense)

# %% Check 1 tags=["check"]
assert second is not None and dense is not None, "second or dense is still None: fill both above."
assert second != 32 * (3 * 3 + 1), (
    "second: 16 channels come in, and a filter has 3 × 3 weights for each of them.")
assert (second, dense) != (32 * 9 * 16, 64 * 800), "Each filter and each neuron also has a bias."
assert second == model.get_layer("patterns_of_patterns").count_params(), (
    "second is off: filters × (height × width × channels that come in + 1).")
assert dense != 64 * 800 + 1, "dense: each of the 64 neurons has a bias of its own."
assert dense != 64 * (28 * 28 + 1), (
    "dense: the row is what Flatten gives, 5 × 5 × 32 values, and not the picture.")
assert dense == model.get_layer("weigh_up").count_params(), (
    "dense is off: neurons × (values in the row + 1).")
print(f"Right: {dense / model.count_params():.0%} of all weights are in one dense layer.")

# %% [markdown]
# Convolutions need few weights, because one small filter is used on the whole picture. Most bytes
# of such a model are in the first dense layer after them.
#
# ## Train
#
# In each **epoch** the network sees every training picture once, 32 at a time. After each 32
# pictures, all weights move a little in the direction that makes the loss smaller. The **loss** is
# the cross-entropy: minus the logarithm of the probability for the correct class. It is high when
# the network is sure and wrong.
#
# This is the longest cell of the lesson. On two processor cores it takes less than half a minute.

# %%
def train_it(model, x, y, epochs, every=1):
    """Train `model`; return Keras's history, lists of one value an epoch by name."""
    def report(epoch, logs):
        if (epoch + 1) % every == 0:
            print(f"epoch {epoch + 1:2} of {epochs}: loss {logs['loss']:.3f}, validation "
                  f"{logs['val_loss']:.3f}, right {logs['val_accuracy']:.1%}", flush=True)

    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model.fit(
        x, y, batch_size=32, epochs=epochs, verbose=0,
        validation_data=(x_valid, y_valid), validation_batch_size=500,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)]).history


keras.utils.set_random_seed(1)
model = build(dropout=0.3)
history = train_it(model, x_train, y_train, epochs=10)

# %% [markdown]
# `set_random_seed` makes the first weights, the order of the pictures and the dropout the same each
# time. On another processor, rounding differs in the last digit, and training makes this difference
# larger. So expect numbers close to ours, but not equal.
#
# ## Read the learning curves

# %%
def curves(history, title):
    """Draw loss and accuracy, an epoch at a time; return the figure and its description."""
    loss, accuracy = ({"training": history[measure], "validation": history[f"val_{measure}"]}
                      for measure in ("loss", "accuracy"))
    return plot.learning_curves(loss, accuracy, title)


reached = history["val_accuracy"][-1]
show(*curves(history, f"After {len(history['loss'])} epochs: {reached:.0%} of the validation "
                      f"pictures right, {baseline:.0%} by the average pictures"))

# %% [markdown]
# *Notice:* the network learns most in the first epochs. At the end the curves still move a little.
# We stop here: the result is good enough to serve. Why are the results *better* on pictures that
# the network has not seen? Dropout is active only during training. So the training line shows a
# network in which some values are switched off. The finished network is better than that line.
#
# ### How it looks when it goes wrong
#
# The same network without dropout, with only 500 pictures, for a long time:

# %%
keras.utils.set_random_seed(1)
crammed = train_it(build(dropout=0), x_train[:500], y_train[:500], epochs=40, every=10)
show(*curves(crammed, "Learned by heart: the training loss falls on, the validation loss turns"))

# %% [markdown]
# This is **overfitting**. The network has learned its training pictures by heart. On other pictures
# it becomes more and more sure of its mistakes. The accuracy hardly shows this; the validation loss
# does.
#
# ### Exercise 2: When should it have stopped? (5 minutes)
#
# Write `best_epoch(history)`. It returns the number of the epoch with the smallest *validation*
# loss. The first epoch is number 1.
#
# <details><summary>Hint</summary>
#
# `history["val_loss"]` is a list with one value for each epoch. `np.argmin` gives the position of
# the smallest value, and positions begin with 0.
#
# </details>

# %% Exercise 2
def best_epoch(history):
    """Return the number, from 1, of the epoch with the smallest validation loss."""
    # BEGIN SOLUTION
    return int(np.argmin(history["val_loss"])) + 1
    # END SOLUTION


print("learned by heart:", best_epoch(crammed), " ours:", best_epoch(history))

# %% Check 2 tags=["check"]
made_up = {"loss": [0.9, 0.6, 0.5, 0.4, 0.3], "val_loss": [0.8, 0.5, 0.4, 0.6, 0.7],
           "accuracy": [0.5, 0.6, 0.7, 0.8, 0.9], "val_accuracy": [0.6, 0.7, 0.7, 0.8, 0.7]}
answer = best_epoch(made_up)
assert answer is not None, "best_epoch returns nothing yet: did you forget `return`?"
assert answer != 5, "That is the best on the training pictures: look at val_loss."
assert answer != 2, "You are off by one: np.argmin counts from 0, epochs from 1."
assert answer != 4, "That is where val_accuracy is best. Look for the smallest val_loss."
assert answer != 1, "That is where val_loss is largest: look for the smallest."
assert answer == 3, f"With validation losses {made_up['val_loss']} it should be 3."
print(f"Right: epoch {best_epoch(crammed)} of {len(crammed['loss'])} would have been the one.")

# %% [markdown]
# Keras can do this for you: `keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)`
# stops when the validation loss has not improved for three epochs, and goes back to the best
# weights. With 10,000 pictures, dropout and ten epochs we do not need it.
#
# ## Test it once, on the test pictures
#
# All decisions are made. Now we use the test pictures.

# %%
x_test, y_test = prepare(fashion["test_images"]), fashion["test_labels"]
probabilities = model.predict(x_test, verbose=0)
predicted = probabilities.argmax(axis=1)
accuracy = (predicted == y_test).mean()
margin = 1.96 * np.sqrt(accuracy * (1 - accuracy) / len(y_test))
print(f"{accuracy:.1%} of {len(y_test):,} right; "
      f"with other test pictures likely {accuracy - margin:.1%} to {accuracy + margin:.1%}")
assert accuracy >= 0.85, "the network has learned less than it should: did a cell above change?"

# %% [markdown]
# The range is the 95 % interval for 2,000 pictures. If two models are half a percent apart, this
# test cannot show which is better.
#
# ## What does it confuse?
#
# A **confusion matrix** counts pictures: each row is a true class, each column a predicted class.

# %%
matrix = np.zeros((10, 10), int)
np.add.at(matrix, (y_test, predicted), 1)

recall = matrix.diagonal() / matrix.sum(axis=1)
show(*plot.matrix(matrix, CLASSES, CLASSES,
                      f"From {recall.min():.0%} ({CLASSES[recall.argmin()]}) to "
                      f"{recall.max():.0%} ({CLASSES[recall.argmax()]}) of a class found",
                      ("It is", "The network's answer")))

# %% [markdown]
# *Notice:* the network rarely takes a piece of one group for a piece of another: tops, shoes,
# trousers and bags. It makes the mistakes that a person would make.
#
# ### Exercise 3: The most frequent mistake (8 minutes)
#
# With code, find the largest number of `matrix` that is **not on the diagonal**. Fill `mistake`
# with two names: the true class, then the predicted class, for example `("bag", "boot")`.
#
# <details><summary>Hint 1</summary>
#
# Make a copy without the diagonal: `wrong = matrix * (1 - np.eye(10, dtype=int))`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.unravel_index(wrong.argmax(), wrong.shape)` gives row and column of the largest.
#
# </details>

# %% Exercise 3
mistake = None
# BEGIN SOLUTION
wrong = matrix * (1 - np.eye(10, dtype=int))
row, column = np.unravel_index(wrong.argmax(), wrong.shape)
mistake = CLASSES[row], CLASSES[column]
# END SOLUTION
print(mistake)

# %% Check 3 tags=["check"]
assert mistake is not None, "mistake is still None: fill it above."
assert len(mistake) == 2 and set(mistake) <= set(CLASSES), (
    "mistake should hold two names from CLASSES: look up row and column in it.")
was, answered = (CLASSES.index(name) for name in mistake)
assert was != answered, "The diagonal holds the right answers: leave it out."
most = max(matrix[i, j] for i in range(10) for j in range(10) if i != j)
assert not matrix[was, answered] < most == matrix[answered, was], (
    "They are swapped: rows are what it is, columns the network's answer.")
assert matrix[was, answered] == most, (
    f"This happens {matrix[was, answered]} times. There is a mistake that happens {most} times.")
print(f"Right: {most} times a {mistake[0]} was taken for a {mistake[1]}.")

# %% [markdown]
# ### Look at the mistakes
#
# These are the twelve wrong answers with the highest probability:

# %%
sure = probabilities.max(axis=1)
mistakes = np.flatnonzero(predicted != y_test)
worst = mistakes[sure[mistakes].argsort()[::-1][:12]]
show(*plot.gallery([
    (f"“{CLASSES[predicted[i]]}” {sure[i]:.2f}\nis: {CLASSES[y_test[i]]}",
     fashion["test_images"][i]) for i in worst], 6, "Test pictures, each with its wrong answer",
    size=(9, 4.2)))

# %% [markdown]
# Some of these pictures are hard. Sometimes you may agree with the network. People made the labels
# of these data, and a few labels are wrong.
#
# ### Does it know when it does not know?
#
# The function will return probabilities, and not only the class. Are these probabilities useful?

# %%
for low, high in (0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01):
    group = (sure >= low) & (sure < high)
    print(f"probability {low:4.2f} to {min(high, 1):4.2f}: {group.sum():5,} pictures, "
          f"{(predicted == y_test)[group].mean():.0%} of them right")

# %% [markdown]
# They are. A client can use the answers with a high probability, and show the other pictures to a
# person. So a good service returns the probability with the class.
#
# ## What did it learn to see?
#
# The plot shows the output of the first layer for one boot. There is one picture for each filter,
# bright where the filter found its pattern.

# %%
first_layer = keras.Model(model.inputs, model.get_layer("patterns").output)
boot = x_test[y_test == CLASSES.index("boot")][:1]
answers = first_layer.predict(boot, verbose=0)[0]

filters = [(f"filter {k + 1}", answers[..., k]) for k in range(16)]
show(*plot.gallery([("the boot", boot[0, ..., 0]), *filters], 6, "A boot, and what sixteen filters "
                   "mark in it: edges in several directions, surfaces, or the background",
                   size=(8, 5)))

# %% [markdown]
# Nobody programmed what an edge is. Some filters mark edges in one direction, and some mark whole
# areas. Some may mark nothing in this picture.
#
# ## Give it files
#
# Clients send files, and not arrays. These files show garments that are in none of the three parts.
# Each must become grey, then 28 × 28 pixels, and is then prepared like the training pictures.

# %%
def read(path):
    """Return a picture file as the network's input, (1, 28, 28, 1) float32 from 0 to 1."""
    with Image.open(path) as picture:
        small = picture.convert("L").resize((28, 28), Image.Resampling.NEAREST)
    return prepare(np.array(small)[np.newaxis])


def ask(inputs):
    """Return the likeliest class of one prepared picture, and its probability."""
    answer = model(inputs, training=False).numpy()[0]
    return CLASSES[answer.argmax()], round(float(answer.max()), 3)


paths = [*sorted((DATA / "garments").iterdir()), DATA / "photographs" / "chelsea.png"]
answers = {path: ask(read(path)) for path in paths}
show(*plot.gallery({f"{path.name}\n“{name}” {probability:.2f}": path
                        for path, (name, probability) in answers.items()}, 4,
                       "Eight picture files and the answers to them"))

# %% [markdown]
# *Notice:* the network recognises pictures that look like its training pictures. Two pictures do
# not:
#
# - **`bag-on-white.jpg`** is a bag, black on white as in most catalogues. The network has seen
#   white on black alone. So each pixel is the opposite of what it has learned.
# - **`chelsea.png`** is a cat. There is no answer *none of these*: softmax always spreads a
#   probability of 1 over ten classes. A low probability is a hint, but no guarantee. Nothing in
#   training taught the network to be unsure about cats.
#
# Neither picture gave an error. A network answers every input that has the right shape.

# %% [markdown]
# ### Exercise 4: Invert a picture (7 minutes)
#
# Write `read_any(path, invert)`. It works like `read`, but when `invert` is true, black becomes
# white and white becomes black. The image function will offer its clients the same option.
#
# <details><summary>Hint</summary>
#
# Call `read`. Its values go from 0 (black) to 1 (white). What is the opposite of 0.2?
#
# </details>

# %% Exercise 4
def read_any(path, invert):
    """Return a picture file as the network's input, black and white exchanged if `invert`."""
    # BEGIN SOLUTION
    inputs = read(path)
    return 1 - inputs if invert else inputs
    # END SOLUTION


bag = DATA / "garments" / "bag-on-white.jpg"
print(np.shape(read_any(bag, invert=True)))

# %% Check 4 tags=["check"]
boot_file = DATA / "garments" / "boot.png"
plain, turned = read_any(boot_file, invert=False), read_any(boot_file, invert=True)
assert plain is not None and turned is not None, (
    "read_any returns nothing yet, for one of the two: did you forget `return`?")
assert np.shape(plain) == np.shape(turned) == (1, 28, 28, 1), (
    "The shape should be (1, 28, 28, 1) both times, as that of read.")
assert np.allclose(plain, read(boot_file)), (
    "With invert=False it should give what read gives: look at invert.")
assert not np.allclose(turned, plain), "With invert=True nothing changes: look at invert."
assert 0 <= np.min(turned) and np.max(turned) <= 1, (
    f"Inverted values go from {np.min(turned):.0f} to {np.max(turned):.0f}: "
    "they should stay between 0 and 1.")
assert np.allclose(turned, 1 - plain), "Black (0) should become white (1), and 0.2 become 0.8."
print("Right. The bag as it is:", ask(read(bag)), " inverted:", ask(read_any(bag, invert=True)))

# %% [markdown]
# Could the function decide this by itself, for example by the colour of the corners? It would be
# correct most of the time, and when it is not, nobody could see why. Our function does what the
# request asks for, and its answer says what it did.
#
# ## Save it, twice
#
# | | `fashion.keras` | `fashion_keras/`, a *SavedModel* |
# |---|---|---|
# | holds | layers by name, weights, the optimiser's state | TensorFlow's operations, weights |
# | is for | more work in Keras: training further, changing layers | running it: TensorFlow, converters |
# | needs | Keras | TensorFlow, but not Keras |
#
# Neither is a pickle. Still, open them only from sources that you trust: a SavedModel is [a
# program](https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md), and its operations may
# read and write files.
#
# Lesson 08 reads the SavedModel. As in lesson 02, the code writes each file under another name. It
# renames the file when it is complete. An old folder with that name is moved aside first.

# %%
def replace(part, path):
    """Put the finished file or folder `part` in the place of `path`."""
    old = path.with_name(path.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if path.is_dir():
        os.replace(path, old)
    os.replace(part, path)
    shutil.rmtree(old, ignore_errors=True)


part = MODELS / "fashion.part.keras"           # Keras insists on this ending
model.save(part)
replace(part, MODELS / "fashion.keras")

part = MODELS / "fashion_keras.part"
shutil.rmtree(part, ignore_errors=True)        # what an interrupted run has left
model.export(part, verbose=False)
replace(part, MODELS / "fashion_keras")

# %% [markdown]
# What is inside? A `.keras` file is a zip archive:

# %%
with zipfile.ZipFile(MODELS / "fashion.keras") as archive:
    for entry in archive.infolist():
        print(f"{entry.file_size:9,} bytes  {entry.filename}")
print("\nfashion_keras/")
for path in sorted((MODELS / "fashion_keras").rglob("*")):
    if path.is_file():
        print(f"{path.stat().st_size:9,} bytes  {path.relative_to(MODELS / 'fashion_keras')}")

# %%
weights = 4 * model.count_params()
with zipfile.ZipFile(MODELS / "fashion.keras") as archive:
    stored = archive.getinfo("model.weights.h5").file_size
served = sum(path.stat().st_size for path in (MODELS / "fashion_keras" / "variables").iterdir())
print(f"{model.count_params():,} weights of 4 bytes: {weights:,} bytes")
print(f".keras: {stored / weights:.1f} times as many, SavedModel: {served / weights:.1f} times")

# %% [markdown]
# *Notice:* the optimiser *Adam* keeps two more numbers for every weight. The `.keras` file holds
# them, so that training can continue. A SavedModel holds the weights twice. To answer
# requests, a model needs them only once.
#
# Do both files give the same answers as the network, for every test picture?

# %%
again = keras.saving.load_model(MODELS / "fashion.keras").predict(x_test, verbose=0)
saved = tf.saved_model.load(str(MODELS / "fashion_keras"))
by_saved = saved.serve(x_test).numpy()
for name, answers in ("fashion.keras", again), ("fashion_keras/", by_saved):
    print(f"{name:14} largest difference on {len(answers):,} pictures: "
          f"{np.abs(answers - probabilities).max():.0e}")
    assert np.allclose(answers, probabilities, atol=1e-5)

# %% [markdown]
# A SavedModel also describes its input and output. `None` stands for any number of pictures:

# %%
signature = saved.signatures["serving_default"]
print("takes", signature.structured_input_signature[1])
print("gives", signature.structured_outputs)

# %% [markdown]
# It does **not** contain that pixels were divided by 255, that pictures are white on black, or that
# class 5 is a sandal. A program that uses this file must get this from another place. In lesson 08
# the model file itself will contain it.
#
# ## Recap
#
# - The **average pictures** gave a number to beat; the CNN is clearly better.
# - **Convolutions** use few weights for the whole picture; the first **dense** layer holds most
#   weights.
# - **Learning curves**: when the validation loss rises, the network learns its pictures by heart.
# - The **confusion matrix** and the pictures behind it: tops are confused with tops, shoes with
#   shoes. Answers with a high probability are mostly correct.
# - **A file** must be prepared exactly as the training pictures were. The network answers inverted
#   pictures and cats without an error.
# - **`.keras`** is for more training in Keras; the **SavedModel** is for running and converting.
#   Neither describes how to prepare a picture.
#
# You made `build/models/fashion.keras` and `build/models/fashion_keras/`. There is nothing to
# clean up in the cloud.
#
# **Next:** [lesson 08](08_turn_keras_into_onnx.ipynb), where the network becomes ONNX and leaves
# TensorFlow behind.
