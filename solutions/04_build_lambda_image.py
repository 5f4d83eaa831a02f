# ---
# title: Build the Lambda image
# workshop:
#   number: "04"
#   needs: [docker]
#   reading: 30
#   exercises: 20
#   execution: 2
#   cost: "free"
#   products: []
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Build the Lambda image
#
# **You will**
#
# - put the model and its handler into a container image, and say what each line of the Dockerfile
#   is for
# - look into the image: how large is each layer, and which layers are built again after a change
# - run it as Lambda does: read-only, as an unprivileged user, with little memory
# - call it with `requests`, with good customers and bad ones
# - recognise five ways in which an image fails, by their messages
# - measure what `import` costs, for ONNX Runtime and for scikit-learn
#
# **You need** Docker, and the models of lessons 02 and 03 (made now if they are missing)
#
# **Time** 30 minutes reading, 20 minutes exercises. **Cost** free: everything here happens on your
# own machine

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ## Where we are
#
# ```mermaid
# flowchart LR
#     csv[("churn.csv")] -->|02| pkl["scikit-learn<br/>model"]
#     pkl -->|03| onnx["churn.onnx"]
#     onnx -->|"04: this lesson"| image["container<br/>image"]
#     handler["lambda/churn<br/>handler"] --> image
#     image -.->|05| ecr[("ECR")]
#     ecr -.->|05| fn["Lambda<br/>function"]
#     api["HTTPS<br/>endpoint"] -.->|06| fn
#     style image fill:#fff3d6,stroke:#e69f00,stroke-width:3px
# ```
#
# This lesson makes the image; dashed lines come later.

# %% [markdown]
# ## What is an image?
#
# A function needs its code, its model, its libraries, Python itself, and the files of an operating
# system. A **container image** is all of it in one package: a stack of read-only **layers**, and a note
# that names the program to start. A **container** is that program while it runs. It sees nothing
# but those files.
#
# ```mermaid
# flowchart LR
#     base["base image<br/>Linux, Python,<br/>runtime client"]
#     packages["your packages<br/>onnxruntime,<br/>numpy"]
#     files["your files<br/>handler,<br/>model"]
#     cmd>"note<br/>start the<br/>handler"]
#     base -->|"on top"| packages -->|"on top"| files -->|"and"| cmd
# ```
#
# *Why an image and not a zip, as in lesson 01?* A zip may hold 250 MB unpacked, an image 10 GB
# (AWS's *Lambda quotas*, read in November 2026). ONNX Runtime would still fit into a zip. But you
# can also run an image here, on your machine, much as it will run on Lambda. This lesson uses that.

# %% [markdown]
# ## What goes in
#
# Docker builds from one folder, the **build context**, and can read no other file. So we first put
# the handler's files and the model into a folder of their own.

# %%
import shutil
from pathlib import Path

staged = Path("../build/images/lesson_04")
shutil.rmtree(staged, ignore_errors=True)
shutil.copytree("../lambda/churn", staged, ignore=shutil.ignore_patterns("__pycache__"))
shutil.copy("../build/models/churn.onnx", staged / "model.onnx")

for path in sorted(staged.iterdir()):
    path.chmod(0o644)  # in the image another user than you must be able to read it
    print(f"{path.stat().st_size:8,} bytes  {path.name}")

# %% [markdown]
# This is very little. Most bytes of an image are in the libraries.
#
# Read the handler before it is packed into an image:

# %%
print((staged / "lambda_function.py").read_text())

# %% [markdown]
# *Notice* the code outside of the functions: the model is loaded **once**, when Python imports the
# file. Lambda keeps a container alive between requests, so only the first request waits for it.

# %% [markdown]
# ## The Dockerfile, line by line

# %%
print(Path("../docker/Dockerfile").read_text())

# %% [markdown]
# | line | what it does | why so |
# |---|---|---|
# | `ARG BASE_IMAGE=…` | a value that the build may be given | the same file builds on AWS's image and on another with the same contract |
# | `FROM` | the layers to start from | AWS's image brings Python and the *runtime client*, which asks Lambda for events |
# | `LABEL` | a note on the image | so that the workshop finds, and removes, what is its own |
# | `ENV` | a variable for whatever runs in it | ONNX Runtime must not report its use to its makers; memory comes in large pieces; OpenBLAS, which NumPy loads, starts no threads of its own |
# | `COPY requirements.txt …` | the list of packages, and of what to leave out of them, alone | while the lists stay the same, Docker reuses the next, slow layer |
# | `RUN pip install …` | a layer with the packages and their bytecode, without tests and tools | exact versions: a later build installs the same packages (only the base image can differ, because its tag moves). On Lambda the file system is read-only, so Python cannot keep bytecode there |
# | `COPY . ./` | your files, the model among them | after the packages, because they change more often |
# | `RUN python3 -m compileall` | your files' bytecode | as above |
# | `CMD` | the handler: file, dot, function | the base image's program starts it |
#
# Which base image is used? AWS's own is at `public.ecr.aws`, and the workshop uses it wherever it
# can be downloaded. If it cannot, a substitute with the same contract takes its place. The
# substitute is good for learning and is never pushed to AWS.

# %%
from workshop import base_image

base = base_image.get()

# %% [markdown]
# ## Build
#
# The first time, `pip` downloads the packages, which takes about half a minute. After that, a build
# takes seconds.

# %%
from workshop import engine

IMAGE = engine.own("churn:v1")
# !docker build --build-arg BASE_IMAGE={base} -f ../docker/Dockerfile -t {IMAGE} ../build/images/lesson_04
print(IMAGE)

# %% [markdown]
# In the name, `churn-…` is the image and `v1` its **tag** (tags of things in the cloud are
# something else). The number after `churn-` belongs to your copy of the workshop. All programs that
# use one Docker engine share its names. Without the number, another copy would replace an image of
# the same name.
#
# An image is built for one kind of processor, and the image's description names it. The function of
# lesson 05 must have the same kind, or it fails with `exec format error`.

# %%
import subprocess


def docker(*arguments):
    """Run `docker …` and return what it printed."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


print(docker("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", IMAGE))

# %% [markdown]
# How did Docker choose? `cloud.use()` set `DOCKER_DEFAULT_PLATFORM`, and the workshop takes the
# function's architecture from the same place, so the two cannot differ.

# %%
import os

print("images:   ", os.environ["DOCKER_DEFAULT_PLATFORM"])
print("functions:", engine.architecture())

# %% [markdown]
# ## How large are the layers?
#
# `docker history` lists the layers with their sizes. Some layers come from the base image. We added
# the others.

# %%
def layers(image):
    """The layers of an image from the ground up, as (megabytes, what made it)."""
    lines = docker("history", "--human=false", "--no-trunc",
                   "--format", "{{.Size}}\t{{.CreatedBy}}", image).splitlines()
    return [(int(size) / 1e6, made) for size, made in
            (line.split("\t", 1) for line in reversed(lines))]


ours = layers(IMAGE)[len(layers(base)):]
for size, made in ours:
    print(f"{size:8.2f} MB  {made[:80]}")

# %%
from workshop.plots import BLUE, GREEN, GREY, ORANGE, show
from workshop.plots import pictures as plot


def parts(image):
    """Megabytes of an image by part: base, packages, your files."""
    sizes = {"base image": sum(size for size, _ in layers(base)), "packages": 0, "your files": 0}
    for size, made in layers(image)[len(layers(base)):]:
        sizes["packages" if "pip install" in made else "your files"] += size
    return sizes


COLOURS = {"base image": GREY, "packages": BLUE, "your files": ORANGE}
show(*plot.stacked({"churn": parts(IMAGE)}, COLOURS, f"Layers of {IMAGE}",
                       "size in the image (MB)", " MB"))

# %% [markdown]
# Your own files hardly count. To make an image small, look at the packages.

# %% [markdown]
# ### Exercise 1: what is built again? (5 minutes)
#
# When a file changes, Docker reuses each layer up to the first one that copies this file. It builds
# **that layer and all later ones** again. Complete `rebuilt`, which returns the names of those
# layers, or `[]` if no step copies the file. Each step below is a name and the files that it
# copies.
#
# <details><summary>Hint 1</summary>
#
# Go through the steps with `enumerate` and stop at the first step whose files contain `changed`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `steps[i:]` are the steps from position `i` on. If no step copies the file, nothing is built
# again: `[]`. </details>

# %% Exercise 1
steps = [
    ("COPY requirements.txt", ["requirements.txt", "leave_out.txt"]),
    ("RUN pip install", []),
    ("COPY .", ["requirements.txt", "leave_out.txt", "lambda_function.py", "contract.py", "web.py",
                "model.onnx"]),
    ("RUN compileall", []),
]


def rebuilt(steps, changed):
    """Names of the steps that run again after the file `changed` changed."""
    # BEGIN SOLUTION
    for i, (_, copied) in enumerate(steps):
        if changed in copied:
            return [name for name, _ in steps[i:]]
    return []
    # END SOLUTION


print(rebuilt(steps, "model.onnx"))

# %% Check 1 tags=["check"]
answer = rebuilt(steps, "model.onnx")
assert answer is not None, "rebuilt returned nothing: is there a `return`, or is it still open?"
assert "RUN pip install" not in answer, (
    "a new model must not install the packages again: they stand before the first layer that "
    "copies model.onnx, so they are reused")
assert "RUN compileall" in answer, (
    "RUN compileall copies no file, but it stands on a layer that changed: all that follow are "
    "built again")
assert list(answer) == ["COPY .", "RUN compileall"], f"for model.onnx you returned {answer}"
answer = rebuilt(steps, "requirements.txt")
assert len(answer) == 4, (
    f"requirements.txt is copied by the very first step, so all 4 run again; you returned {answer}")
assert list(rebuilt(steps, "notes.txt")) == [], "no step copies notes.txt: return an empty list"
print("Right: that is why requirements.txt is copied first, and the model last.")

# %% [markdown]
# ## Run it as Lambda would
#
# Lambda allows a function less than Docker does: it may write only in `/tmp`, it is not `root`, and
# its memory is limited to your setting. If we run the image under the same rules, most mistakes
# show here, before they cost a deployment.
#
# | option | on Lambda |
# |---|---|
# | `--read-only --tmpfs /tmp:size=512m` | the file system is read-only, `/tmp` has 512 MB unless you ask for more |
# | `--user 993:990 --cap-drop ALL` | an unprivileged user |
# | `--memory 512m --memory-swap 512m` | memory as configured, no swap |
# | `--publish 127.0.0.1::8080` | this one is for us: a free port, reachable from this machine only |
#
# (Limits: AWS's *Lambda quotas* and *Lambda developer guide*, read in November 2026.)

# %%
LIKE_LAMBDA = ("--read-only --tmpfs /tmp:size=512m --user 993:990 --cap-drop ALL "
               "--memory 512m --memory-swap 512m")
BOX = engine.own("workshop-04")                          # the container's name
HERE = f"--name {BOX} --label workshop.lesson=04 --publish 127.0.0.1::8080"

subprocess.run(["docker", "rm", "--force", BOX], capture_output=True)  # an earlier run's
# !docker run --detach {HERE} {LIKE_LAMBDA} {IMAGE}

# %% [markdown]
# Which program answers on that port? Outside of AWS, the base image starts the **Runtime Interface
# Emulator** (RIE), a small program by AWS that takes the role of the Lambda service. Every call
# goes to one fixed address.

# %%
port = docker("port", BOX, "8080").split(":")[-1].strip()
url = f"http://localhost:{port}/2015-03-31/functions/function/invocations"
print(url)

# %% [markdown]
# We need a customer. We take the first one of the test set of lesson 02.

# %%
import json

import pandas as pd

test = pd.read_csv("../build/models/churn_test.csv")
customer = json.loads(test.drop(columns="churn").head(1).to_json(orient="records"))[0]
customer

# %%
import time

import requests


def invoke(url, event, patience=10):
    """Send an event to the emulator; wait a little if it is still starting."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return requests.post(url, json=event, timeout=30)
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


answer = invoke(url, {"customer": customer})
answer.json()

# %% [markdown]
# The answer has three parts: a probability as a plain number, the decision at the threshold that
# lesson 02 chose by cost, and the version of the model.
#
# Does the model give the same number here, outside of the container?

# %%
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("../build/models/churn.onnx")
inputs = {one.name: np.array([[customer[one.name]]],
                             dtype=object if "string" in one.type else np.float32)
          for one in session.get_inputs()}
here = float(session.run(["probabilities"], inputs)[0][0, 1])
there = answer.json()["churn_probability"]

print(f"here {here:.6f}, in the container {there:.6f}, difference {abs(here - there):.1e}")
assert abs(here - there) < 1e-5

# %% [markdown]
# ## And a bad request?
#
# A client that makes a mistake should get a message that explains it. Here are five mistakes.

# %%
without_tenure = {key: value for key, value in customer.items() if key != "tenure"}
bad = {
    "a field is missing": {"customer": without_tenure},
    "an unknown category": {"customer": customer | {"contract": "weekly"}},
    "text for a number": {"customer": customer | {"monthlycharges": "a lot"}},
    "a negative tenure": {"customer": customer | {"tenure": -3}},
    "no customer at all": {"client": customer},
}
for mistake, event in bad.items():
    response = invoke(url, event).json()
    print(f"{mistake}: {response['statusCode']} {response['message']}")
    for problem in response.get("problems", []):
        print("    ", problem)

# %% [markdown]
# Each answer names the field and the allowed values. The handler has them from the model file:
# lesson 03 wrote the signature into it. Without this check ONNX Runtime would refuse `weekly` too,
# but name neither the field nor the allowed values. And it would answer a negative tenure with a
# number (lesson 03).
#
# *Notice* also the emulator's own status:

# %%
refused = invoke(url, bad["a negative tenure"])
print("status of the HTTP answer:", refused.status_code)
print("status inside the answer: ", refused.json()["statusCode"])

# %% [markdown]
# Both are correct. 200 means *the function was invoked and returned a result*. The result is that
# the customer was refused. In lesson 06, a gateway turns the inner status into the outer one.
#
# The emulator hides some of Lambda's behaviour. It answers one request at a time. An exception or a
# time-out is also status 200, without the header `X-Amz-Function-Error`. It always answers
# directly, and gives no end of the log (`LogType`). For a request over 6 MB, its message is about
# JSON. Lesson 05 shows what Lambda does.

# %% [markdown]
# ### Exercise 2: ask as a client would (7 minutes)
#
# Complete `ask`. It returns the probability as a number. If the function refuses the customer,
# `ask` raises `ValueError` with the names of the wrong fields, such as `"contract, tenure"`.
#
# <details><summary>Hint 1</summary>
#
# `invoke(url, {"customer": customer}).json()` is a dict. A refusal has the key `statusCode`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `response["problems"]` is a list of dicts, each with a `field`. `", ".join(…)` makes one text of
# several.
# </details>

# %% Exercise 2
def ask(url, customer):
    """Probability that this customer leaves; ValueError naming the wrong fields."""
    # BEGIN SOLUTION
    response = invoke(url, {"customer": customer}).json()
    if "statusCode" in response:
        raise ValueError(", ".join(problem["field"] for problem in response["problems"]))
    return response["churn_probability"]
    # END SOLUTION


print(ask(url, customer))

# %% Check 2 tags=["check"]
answer = ask(url, customer)
assert answer is not None, "ask returned nothing: is there a `return`, or is it still open?"
assert not isinstance(answer, dict), "ask returned the whole answer: take churn_probability from it"
assert abs(answer - there) < 5e-4, (
    f"for our customer the answer is {there}, but ask returned {answer!r}")
try:
    answer = ask(url, customer | {"contract": "weekly", "tenure": -3})
except ValueError as error:
    complaint = str(error)
except KeyError as error:
    raise AssertionError(
        f"a refused customer gave KeyError {error}: look at statusCode inside the answer first. "
        "The HTTP status is 200 even then") from None
else:
    raise AssertionError(f"a refused customer gave {answer!r}: raise ValueError instead")
assert "contract" in complaint and "tenure" in complaint, (
    f"two fields are wrong, contract and tenure, but the error says only: {complaint}")
assert "monthlycharges" not in complaint, "the error names fields that are right"
print("Right:", complaint)

# %% [markdown]
# ## What did the function write down?
#
# The text that a function prints becomes its log. Our function writes one line of JSON for each
# request.

# %%
logs = subprocess.run(["docker", "logs", BOX], capture_output=True, text=True)
lines = [line for line in (logs.stdout + logs.stderr).splitlines() if line.startswith("{")]
print(*lines[:3], sep="\n")

# %% [markdown]
# The line has a request id, the kind of event, status, milliseconds, the model's version, and
# whether this was the first request (`cold`). *Notice* what it does not have: the customer. More
# people than you think read a log.

# %% [markdown]
# ## What goes wrong, and what does it look like?
#
# Most problems that people have with images are one of five failures. We cause four of them, so
# that you have seen their messages before.
#
# Here is a short function that runs an image again, with the options from above:

# %%
def start(image, *command, memory=512, variables=()):
    """Start an image as Lambda would, in place of the one that runs; return its address."""
    subprocess.run(["docker", "rm", "--force", BOX], capture_output=True)
    options = LIKE_LAMBDA.replace("512m --memory-swap 512m", f"{memory}m --memory-swap {memory}m")
    settings = [word for one in variables for word in ("--env", one)]
    docker("run", "--detach", *HERE.split(), *options.split(), *settings, image, *command)
    port = docker("port", BOX, "8080").split(":")[-1].strip()
    return f"http://localhost:{port}/2015-03-31/functions/function/invocations"


def said_in_log(words):
    """The lines of the container's log that contain these words."""
    done = subprocess.run(["docker", "logs", BOX], capture_output=True, text=True)
    return [line for line in (done.stdout + done.stderr).splitlines() if words in line]


# %% [markdown]
# **1. Writing outside `/tmp`.** Libraries do this too, when they store a cache in the home folder.

# %%
write = "open('/var/task/cache.txt', 'w')"
done = subprocess.run(["docker", "run", "--rm", *LIKE_LAMBDA.split(), "--entrypoint", "python3",
                       IMAGE, "-c", write], capture_output=True, text=True)
print(done.stderr.splitlines()[-1])

# %% [markdown]
# The solution: write to `/tmp`, and set the folders of caches to it (`HOME`, `MPLCONFIGDIR`,
# `HF_HOME`, …).
#
# **2. The wrong handler name in `CMD`.** The function is called `lambda_handler`, not `handler`.

# %%
url = start(IMAGE, "lambda_function.handler")
invoke(url, {"customer": customer}).json()

# %% [markdown]
# **3. The model is not in the image.** Docker copies only files of the build context. The next cell
# shows the result without a new build: `MODEL_PATH` tells the handler to look for a file that is
# not there.

# %%
url = start(IMAGE, variables=["MODEL_PATH=/var/task/not_there.onnx"])
response = invoke(url, {"customer": customer}).json()
print(response["errorType"])
print(response["errorMessage"])

# %% [markdown]
# Failures 2 and 3 build without an error and fail only when the function is called. Call an image
# once before you ship it: it saves an hour later.
#
# **4. Out of memory.** The smallest function that Lambda offers has 128 MB. We start our function
# with that, and then with less and less. Where does it fail?

# %%
def works(image, memory):
    """Whether the image answers when it has this much memory (MB)."""
    return invoke(start(image, memory=memory), {"customer": customer}).ok


for memory in (128, 64, 32, 16):
    print(f"{memory:4} MB: {'works' if works(IMAGE, memory) else 'no answer'}")
print(*said_in_log("Init failed"), sep="\n")

# %% [markdown]
# Here, 128 MB are enough for ONNX Runtime and a small model; on Lambda, read `Max Memory Used` in
# the log before you choose (lesson 05). *Notice* the failure: there is no traceback and no
# `MemoryError`, only `signal: killed`. The kernel ends the process, so Python cannot print a
# reason. On Lambda you read the same words.
#
# **5. `exec format error`.** The image and the function are for different processors: built on a
# Mac with an Apple chip (`arm64`), run as `x86_64`, or the reverse. No program in the image can
# start. We do not build a second image to see it. To find it early, look at the platform, as above.

# %% [markdown]
# ## What does `import` cost?
#
# When Lambda needs a new container, the first request waits until Python has imported everything: a
# **cold start**. So what does importing cost, and is it different with scikit-learn?
#
# The folder `lambda/churn_sklearn` answers the same requests with the pickle of lesson 02. You have
# seen how to build an image; `deploy.build` does the same (copy the files, `docker build`). The
# packages are larger, so the first time takes a minute.

# %%
from workshop import deploy

SKLEARN = deploy.build("churn_sklearn", "../build/models/churn.pkl", "v1")

# %% [markdown]
# Python can measure this itself. `-X importtime` prints, for every module, the microseconds that it
# took, without the modules that it imports.

# %%
def import_times(image):
    """What -X importtime prints while the handler's file is imported, in a new container."""
    done = subprocess.run(["docker", "run", "--rm", *LIKE_LAMBDA.split(), "--entrypoint", "python3",
                           image, "-X", "importtime", "-c", "import lambda_function"],
                          capture_output=True, text=True, check=True)
    return [line for line in done.stderr.splitlines() if line.startswith("import time:")][1:]


printed = import_times(IMAGE)
print(f"{len(printed)} modules; the last three:", *printed[-3:], sep="\n")

# %% [markdown]
# The indentation shows which module imports which. The last line is our handler. Its own time is
# the time to load the model.
#
# These are too many lines to read, so we add up the modules of each package:

# %%
def by_package(printed):
    """Milliseconds of each top-level package, from what -X importtime printed."""
    total = {}
    for line in printed:
        own, _, module = line.removeprefix("import time:").split("|")
        package = module.strip().split(".")[0]
        total[package] = total.get(package, 0) + int(own) / 1000
    return total


def best_of(tries, image):
    """The quickest of several imports; the first one finds no file in memory yet."""
    times = [by_package(import_times(image)) for _ in range(tries)]
    return min(times, key=lambda packages: sum(packages.values()))


spent = {"churn (ONNX)": best_of(3, IMAGE), "churn_sklearn": best_of(3, SKLEARN)}

# %%
NAMED = {"numpy": BLUE, "onnxruntime": "#56B4E9", "scipy": GREEN, "sklearn": ORANGE,
         "pandas": "#CC79A7", "lambda_function": "#F0E442"}


def grouped(times):
    """The packages of the picture, and all the others together."""
    shares = {name: times.get(name, 0) for name in NAMED}
    shares["everything else"] = sum(times.values()) - sum(shares.values())
    return shares


one = sum(spent["churn (ONNX)"].values())
shares = {image: {package: spent_there / one for package, spent_there in grouped(times).items()}
          for image, times in spent.items()}
show(*plot.stacked(shares, NAMED | {"everything else": GREY},
                       "What is imported before the first answer",
                       "import time (1 = all of the ONNX function's)"))
slower = sum(spent["churn_sklearn"].values()) / one
print(f"churn_sklearn imports for {slower:.1f} times as long")

# %% [markdown]
# *Notice:* the model is a small part of both bars. The function starts slowly because of its
# imports, and ONNX Runtime needs only NumPy beside it.
#
# And the sizes?

# %%
weights = {"churn": parts(IMAGE), "churn_sklearn": parts(SKLEARN)}
show(*plot.stacked(weights, COLOURS, "The same model, two ways to run it",
                       "size in the image (MB)", " MB"))

heavier = weights["churn_sklearn"]["packages"] / weights["churn"]["packages"]
print(f"churn_sklearn's packages are {heavier:.1f} times as large")

# %% [markdown]
# And memory? We reduce it again, with scikit-learn's image:

# %%
for memory in (128, 64, 32):
    print(f"{memory:4} MB: {'works' if works(SKLEARN, memory) else 'no answer'}")

# %% [markdown]
# Compare where it fails with the ONNX image above.
#
# What do these numbers mean? They are ratios from one machine, with files that were read before.
# They are **not** Lambda's cold start, which also has to find a machine and load the image. Lambda
# loads an image in pieces of 512 KiB when they are needed, and keeps pieces in caches (Brooker et
# al., *On-demand Container Loading in AWS Lambda*, USENIX ATC 2023). So bytes that no program reads
# cost little. An import has to load everything that it reads.

# %% [markdown]
# ### Exercise 3: find the most expensive import (8 minutes)
#
# A function starts slowly. Complete `most_expensive`. Its input is the list of lines that `-X importtime` printed.
# It returns two values: the name of the top-level package that took most time, and its milliseconds.
# A package's time is the sum over all its modules.
#
# <details><summary>Hint 1</summary>
#
# The first number is the time of the module itself. The second number also contains the modules
# inside it, so adding up second numbers counts twice. </details>
#
# <details><summary>Hint 2</summary>
#
# `by_package(printed)` returns a dict; `max(d, key=d.get)` is the key with the greatest value.
# </details>

# %% Exercise 3
slow_start = """
import time:      9000 |       9000 |     numpy.core
import time:      8000 |      17000 |   numpy
import time:      6000 |       6000 |     plotlib.style
import time:      7000 |       7000 |     plotlib.fonts
import time:      6000 |      19000 |   plotlib
import time:      1000 |      37000 | handler
""".strip().splitlines()


def most_expensive(printed):
    """Package with the greatest import time of its own, and that time in milliseconds."""
    # BEGIN SOLUTION
    times = by_package(printed)
    package = max(times, key=times.get)
    return package, times[package]
    # END SOLUTION


print(most_expensive(slow_start))

# %% Check 3 tags=["check"]
answer = most_expensive(slow_start)
assert answer is not None, (
    "most_expensive returned nothing: is there a `return`, or is it still open?")
assert isinstance(answer, tuple | list) and len(answer) == 2, (
    f"return two things, the package and its milliseconds; you returned {answer!r}")
package, milliseconds = answer
assert package != "handler", (
    "handler only waits for the others: use the first number of a line, not the second")
assert package != "numpy.core", (
    "numpy.core is the most expensive module; add up the modules of each package")
assert package != "numpy", "numpy has the most expensive modules, but plotlib's together cost more"
assert package == "plotlib", f"you returned {package!r}"
assert milliseconds < 1000, f"answer in milliseconds: {milliseconds} of them would be a long time"
assert milliseconds < 30, "that counts modules twice: the second number already has the deeper ones"
assert abs(milliseconds - 19) < 0.5, f"plotlib's modules took 19 ms, you returned {milliseconds}"
print("Right: a function that draws nothing should not import plotlib.")

# %% [markdown]
# ## Recap
#
# - **An image** is layers of files and a note that names the program to start. The Dockerfile takes
#   AWS's base, adds the packages, then your files, then bytecode; the parts that change most come
#   last.
# - **Inside** it, the packages are nearly everything; a new model builds only the last layers
#   again.
# - **As Lambda** runs it: `--read-only`, `/tmp`, an unprivileged user, a memory limit. These rules
#   show most mistakes before you deploy.
# - **Calling it** is one POST. 200 means that the function ran; the answer's own `statusCode` is
#   the function's verdict on the request.
# - **It fails** with *read-only file system*, *handler not found*, a missing model, *signal:
#   killed*, or *exec format error*.
# - **Imports** take most of the time until the program is ready, and the framework makes them slow.
#
# ## Clean up
#
# One container is still running, and we remove it. The images stay: lesson 05 ships one.

# %%
# !docker rm --force {BOX}

# %% [markdown]
# ## Next
#
# The image works on your machine. [Lesson 05](05_ship_to_lambda.ipynb) puts it into a registry, and
# Lambda runs it.
