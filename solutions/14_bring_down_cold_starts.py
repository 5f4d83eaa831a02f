# ---
# title: Measure cold starts and bring them down
# workshop:
#   number: "14"
#   needs: [docker]
#   reading: 40
#   exercises: 25
#   execution: 3
#   cost: "under $0.02"
#   products: []
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Measure cold starts and bring them down
#
# **You will**
#
# - name the parts of a cold start, which of them you pay for, and which you can measure here
# - measure a start yourself, with a short program that takes the role of Lambda
# - compare two images by a ratio and its interval, and see when you cannot find a difference
# - see the cost of imports as a plot
# - go up a ladder from scikit-learn to a model that starts like an empty function, and decide where
#   to stop
# - decide when to load at import and when at the first request, and what SnapStart and provisioned
#   concurrency cost
#
# **You need** Docker, and the models of lessons 02 and 03 (made now if they are missing)
#
# **Time** 40 minutes reading, 25 minutes exercises. **Cost** free; on AWS, the one cell that runs only
# there costs under \$0.02

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ## What a cold start is
#
# Lambda runs a function in an **execution environment**: a small virtual machine with your image in
# it. A request that finds an idle environment is **warm**. A request that finds none is **cold**,
# and waits until a new one is ready. Not to scale:

# %%
from workshop.plots import show, starts

show(*starts.timeline())

# %% [markdown]
# Look at these points:
#
# - **INIT** is your part: Python starts, imports your handler and everything that it imports, and
#   loads the model. INIT ends when the runtime asks Lambda for the first request.
# - **INIT is billed** like the request, for every kind of package, since 1 August 2025 (AWS Compute
#   Blog, "AWS Lambda standardizes billing for INIT Phase"). It has 10 seconds; after that it is
#   repeated inside the first request.
# - **The hatched (striped) boxes are Lambda's part.** A program on your machine cannot measure it.
#   You can shorten it with a small package; more on that below.
# - Cold requests are rare. AWS says under 1 % of invocations in production (same post). So look at
#   the 99.9th percentile: the mean does not show them, and the 99th may not either.
#
# ## Why the emulator's Init Duration is wrong
#
# The emulator in the image (RIE, lesson 04) prints a `REPORT` line as Lambda does. Can we read
# *Init Duration* there? We build several versions of the churn function, from the heaviest to the
# lightest (`LADDER`; more on them below). We try it with the one that starts slowest, limited to
# 512 MB:

# %%
from workshop import engine, measure

LADDER = {variant.name: variant for variant in measure.LADDER}
IMAGES = {name: measure.build(variant) for name, variant in LADDER.items()}

# %%
import json
import subprocess
import time

import requests

EVENT = LADDER["default"].event
LIKE_LAMBDA = ("--read-only --tmpfs /tmp:size=512m --user 993:990 --cap-drop ALL "
               "--memory 512m --memory-swap 512m")


def docker(*arguments, **more):
    """Run `docker …` and return what it printed."""
    done = subprocess.run(["docker", *arguments], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise RuntimeError(done.stdout.strip())
    return done.stdout


BOX = engine.own("workshop-14")                          # the container's name
subprocess.run(["docker", "rm", "--force", BOX], capture_output=True)  # an earlier run's
docker("run", "--detach", "--name", BOX, "--label", "workshop.lesson=14",
       "--publish", "127.0.0.1::8080", *LIKE_LAMBDA.split(), IMAGES["sklearn"])
address = docker("port", BOX, "8080").splitlines()[0]
url = f"http://{address}/2015-03-31/functions/function/invocations"
for patience in range(50):
    try:
        began = time.perf_counter()
        requests.post(url, json=EVENT, timeout=60).raise_for_status()
        break
    except requests.ConnectionError:
        time.sleep(0.1)         # the emulator is not there yet
print(f"by the clock: {1000 * (time.perf_counter() - began):.0f} ms for the first answer")
reported = docker("logs", BOX)
docker("rm", "--force", BOX)
print(*[line for line in reported.splitlines() if "REPORT" in line], sep="\n")

# %% [markdown]
# Three values are wrong in the line `REPORT RequestId …`:
#
# - **Init Duration** is almost zero. The emulator starts the runtime with the first request, and
#   INIT is counted in `Duration`.
# - **Max Memory Used** equals *Memory Size*: it is copied, not measured.
# - **Memory Size** is not the 512 MB that limit the container.
#
# The emulator is made to try a function, and does that well. On AWS, the line is correct. (The
# other line, from the emulator's own log, has the real time of INIT, and the local cloud reads that
# one. But the emulator runs beside the function and on its processor.)
#
# ## Take the role of Lambda
#
# How does Lambda measure INIT? The runtime in the image is a client of a small HTTP service, the
# **Runtime API**. An environment variable has its address. When the runtime is ready, it asks for
# the first request:
#
# ```mermaid
# sequenceDiagram
#     participant L as Runtime API
#     participant R as runtime in the image
#     L->>R: start, AWS_LAMBDA_RUNTIME_API=host:port
#     Note over R: INIT: import the handler, load the model
#     R->>L: GET /2018-06-01/runtime/invocation/next
#     Note over L: INIT is over
#     L->>R: the event
#     R->>L: POST …/invocation/ID/response
# ```
#
# So a program that answers at that address can measure the time. It is short, and runs inside the
# image with the image's Python:

# %%
STAND_IN = """
import os, socket, subprocess, sys, time

service = socket.create_server(("127.0.0.1", 0))
address = "127.0.0.1:%d" % service.getsockname()[1]
began = time.perf_counter()
runtime = subprocess.Popen(sys.argv[1:], env=os.environ | {"AWS_LAMBDA_RUNTIME_API": address})
connection, _ = service.accept()                  # it waits for a connection, and so do we
request = connection.recv(1000).decode()
ended = time.perf_counter()
assert request.startswith("GET /2018-06-01/runtime/invocation/next "), request
print(1000 * (ended - began))
runtime.kill()
"""


def init(name):
    """Milliseconds of one INIT of this rung's image, by the clock."""
    config = json.loads(docker("image", "inspect", IMAGES[name]))[0]["Config"]
    output = docker("run", "--rm", "--interactive", "--network", "none", *LIKE_LAMBDA.split(),
                  "--entrypoint", "python3", IMAGES[name], "-", *config["Entrypoint"],
                  *config["Cmd"], input=STAND_IN)
    return float(output.splitlines()[-1])


init("sklearn")

# %% [markdown]
# That is INIT, in milliseconds, and it is not zero. With `--network none`, the container can only
# talk to itself, which is enough here. For the function, nothing is different.
#
# ## One start is not enough
#
# We start the function of lesson 04 several times, and in turn with it the empty one of lesson 01:

# %%
by_hand = {"empty": [], "default": []}
for _ in range(8):
    for name, taken in by_hand.items():
        taken.append(init(name))

for name, taken in by_hand.items():
    print(f"{name:8}", *(f"{one:6.0f}" for one in taken), " ms")

# %% [markdown]
# *Notice* how much the times of one image differ. Other programs, the disk and the processor's
# clock change them from one minute to the next. Four rules help:
#
# 1. **Many starts**, and their median: one slow start changes the mean, not the median.
# 2. **In turn.** Each *round* starts every image once, so a disturbance hits all images.
# 3. **Ratios.** The milliseconds are this machine's. Divide by the time of an *empty* function,
#    measured in the same rounds: this ratio is similar on other machines.
# 4. **An interval.** From the n rounds, draw n at random; a round may be drawn more than once.
#    Compute the ratio of these. Do that 2,000 times. The middle 95 % of these ratios are the
#    interval (this method is the **bootstrap**).

# %% [markdown]
# ### Exercise 1: a ratio with its interval (8 minutes)
#
# Complete `ratio`. It returns the ratio of the two medians, and the interval's low and high end.
# `ours[i]` and `theirs[i]` come from the same round `i`. Each row of `drawn` holds the numbers of
# the rounds of one draw.
#
# <details><summary>Hint 1</summary>
#
# `ours[drawn]` has 2,000 rows, one for each draw. `np.median(ours[drawn], axis=1)` gives 2,000
# medians. Do the same for `theirs`, with the same `drawn`, and divide.
# </details>
#
# <details><summary>Hint 2</summary>
#
# The middle 95 % lie between `np.quantile(ratios, 0.025)` and `np.quantile(ratios, 0.975)`.
# </details>

# %% Exercise 1
import numpy as np


def ratio(ours, theirs, draws=2000):
    """(ratio, low, high): of the medians, and the middle 95 % of what the draws give."""
    ours, theirs = np.array(ours), np.array(theirs)
    drawn = np.random.default_rng(0).integers(len(ours), size=(draws, len(ours)))
    # BEGIN SOLUTION
    ratios = np.median(ours[drawn], axis=1) / np.median(theirs[drawn], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(np.median(ours) / np.median(theirs)), float(low), float(high)
    # END SOLUTION


print(ratio(by_hand["default"], by_hand["empty"]))

# %% Check 1 tags=["check"]
rounds = np.array([30.0, 31, 29, 60, 32, 30, 33, 90, 31])       # some were disturbed, for both
answer = ratio(3 * rounds, rounds)
assert answer is not None, "ratio returned nothing: is there a `return`, or is it still open?"
assert isinstance(answer, tuple | list) and len(answer) == 3, (
    f"return three numbers, the ratio, low and high; you returned {answer!r}")
middle, low, high = answer
assert abs(middle - 3) < 1e-9, f"every start took three times as long, you return {middle}"
assert abs(low - 3) < 1e-9 and abs(high - 3) < 1e-9, (
    f"in every round it is exactly 3, but your interval is {low:.2f} to {high:.2f}: draw rounds, "
    "the same ones for both, not starts")
slow_once = np.array([60.0, 61, 59, 62, 58, 60, 63, 900, 60])
middle, low, high = ratio(slow_once, np.full(9, 30.0))
assert abs(middle - 2) < 1e-9, (
    f"one slow start in nine gave {middle:.2f} in place of 2: take medians, not means")
uneven = ratio([30, 60, 90] * 3, [10, 40, 30] * 3)[0]
assert abs(uneven - 3) > 1e-9, (
    "that is the median of the ratios of the rounds; divide one median by the other")
assert low <= 2 <= high, f"the interval {low:.2f} to {high:.2f} does not hold the ratio, 2"
assert high < 3, f"{high:.0f} is the largest draw: the middle 95 % end at the quantile 0.975"
assert high - low > 1e-9, "the starts differ, so low and high do: quantiles 0.025 and 0.975"
print("Right. When 1 lies in the interval, you cannot tell the two apart.")

# %% [markdown]
# ## What an import costs
#
# Where does the time go? Python itself measures it (`-X importtime`, lesson 04). In the plot, time
# goes from left to right. Each box is an import, below the import that needed it.

# %%
from workshop.measure import plots

imported = {name: measure.imports(LADDER[name]) for name in ("sklearn", "default")}
for name, rows in imported.items():
    show(*plots.imports(rows, f"{name}: imports of one start"))

# %%
total = {name: sum(row["self_ms"] for row in rows) for name, rows in imported.items()}
modules = {name: len(rows) for name, rows in imported.items()}
print(f"sklearn imports {modules['sklearn']} modules, default {modules['default']}, and spends "
      f"{total['sklearn'] / total['default']:.0f} times as long on it")

# %% [markdown]
# Each plot is as wide as its own start; the line below them has the ratio of the two. A prediction
# is a few dozen multiplications. But first, the first function imports pandas, and much of SciPy
# for scikit-learn's checks of its arguments. In the second plot, NumPy and ONNX Runtime remain. On
# the left are the imports of AWS's client, before it loads the handler.
#
# ## The ladder
#
# Every step of the ladder, called a **rung**, serves the same model with the same contract. Each is
# a folder in `lambda/` and a Dockerfile in `docker/`.

# %%
import pandas as pd

pd.set_option("display.max_colwidth", None)
pd.DataFrame([{"rung": one.name, "folder": one.folder, "Dockerfile": one.dockerfile,
               "buys": one.bought, "costs in upkeep": one.costs}
              for one in LADDER.values()]).set_index("rung")

# %% [markdown]
# ### Same answers first
#
# A fast function with other answers is useless. So we first ask: do all rungs give the same answers
# for 150 customers of the test set? And do they refuse the same mistake?

# %%
test = pd.read_csv("../build/models/churn_test.csv").drop(columns="churn").head(150)
customers = json.loads(test.to_json(orient="records"))
events = [{"customer": one} for one in [*customers, customers[0] | {"contract": "weekly"}]]

answers = {}
for name in LADDER:
    if name != "empty":
        with measure.Container(IMAGES[name], memory=1769) as container:
            answers[name] = container.answers(events)

same = pd.DataFrame({name: [one["churn_probability"] for one in given[:-1]]
                     for name, given in answers.items()})
print("farthest from scikit-learn's probability:")
print(same.sub(same["sklearn"], axis="index").abs().max().map("{:.1e}".format).to_string())
assert (same.sub(same["sklearn"], axis="index").abs() < 1e-5).all(axis=None)
for given in answers.values():
    assert [one["churn"] for one in given[:-1]] == [one["churn"] for one in answers["sklearn"][:-1]]
    assert given[-1] == answers["sklearn"][-1] and given[-1]["statusCode"] == 400

# %% [markdown]
# The workshop's tests compare the whole test set and many more mistakes.
#
# ### Measure all rungs
#
# `measure.run` does what we did by hand, with more care. It starts every rung in turn, in another
# order each round, with one processor, and with the memory that Lambda would give. The kernel
# reports how long a start waited for other programs, and that time is subtracted. At the end it
# starts each image some times from a *cold disk*. This takes a minute or two, longer on a busy
# machine.

# %%
record = measure.run(starts=12, cold_starts=3)

# %%
show(*plots.distributions(record))
show(*plots.ladder(record))

# %%
table = measure.table(record)
table[["init_x_empty", "init_from", "init_to", "first_p50_ms", "warm_p50_ms", "peak_mb"]].round(2)

# %%
from workshop.measure import figures

print(figures.noise(record))
best = table.drop(index="empty")["init_x_empty"].idxmin()
row = table.loc[best]
print(f"\nFastest with a model in it: {best}, {row['init_x_empty']:.2f} times the empty function "
      f"(95 %: {row['init_from']:.2f} to {row['init_to']:.2f})")
print(f"scikit-learn: {table.loc['sklearn', 'init_x_empty']:.0f} times the empty function")

# %% [markdown]
# *Notice* the two ends: most articles begin with `sklearn`, and `empty` is the time of Python and
# AWS's client before they do any work for you. Then look at the fastest rung. Does its interval
# contain 1, or is it below 1? **Then a model with ONNX starts as fast as an empty function.** (On a
# busy machine the interval is wide, and may just miss it: measure again.)
#
# To be fair: the empty function runs under AWS's client, as yours would. `tiny` has replaced this
# client by a smaller client. The difference between `empty` and `capi`, which keeps the client, is
# the cost of the model alone.
#
# ### Rung by rung
#
# How much faster is each rung than the one before? Here are ratios of this run again:

# %%
names = list(record["sizes"])
steps = []
for before, name in zip(names[1:], names[2:]):
    low, high = figures.interval(record, name, to=before)
    steps.append({"rung": name, "over": before,
                  "INIT, ×": table.loc[name, "init_x_empty"] / table.loc[before, "init_x_empty"],
                  "from": low, "to": high, "peak memory, ×":
                  table.loc[name, "peak_mb"] / table.loc[before, "peak_mb"],
                  "image, ×": table.loc[name, "image_mb"] / table.loc[before, "image_mb"]})
pd.DataFrame(steps).set_index("rung").round(2)

# %% [markdown]
# *Notice* the rows in which 1 is between *from* and *to*. There, this run shows no difference
# between two rungs. Then the upper rung must have another advantage.
#
# Now we look at each rung. A helper prints the lines that one file has more (`+`) or less (`-`)
# than another, without comments:

# %%
import difflib
import shutil
from pathlib import Path


def lines(path):
    """The lines of a file under the project's folder, without comments and empty ones."""
    text = Path("..", path).read_text()
    return [line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]


def show_difference(before, after):
    """Print the lines by which two files differ."""
    changed = difflib.ndiff(lines(before), lines(after))
    print(*[line for line in changed if line[:2] in ("+ ", "- ")], sep="\n")


def show_part(path, first, last):
    """Print a file from the line that begins with `first` to before the one with `last`."""
    text = Path("..", path).read_text()
    begin = text.index(f"\n{first}") + 1
    print(text[begin:text.index(f"\n{last}", begin)].rstrip())


# %% [markdown]
# **`onnx`: another library.** The Dockerfile is similar and the contract the same. Only this
# changed in the handler, and it is the largest step:

# %%
show_part("lambda/churn_plain/lambda_function.py", "import numpy", "def lambda_handler")

# %% [markdown]
# **`lean`: valid bytecode, and less of the packages.** The handler is the same, and the Dockerfile
# differs:

# %%
show_difference("docker/plain.Dockerfile", "docker/Dockerfile")
print("\nleft out:", ", ".join(lines("lambda/churn_plain/leave_out.txt")))

# %% [markdown]
# This saves bytes more than time, because a start does not read what no request needs. Two variables
# and one option follow. The first variable asks for memory in larger pieces, so that a start waits for
# it less often. (A C library older than glibc 2.35, as in AWS's image of today, ignores it.) The
# second is for OpenBLAS, which NumPy loads: without it, OpenBLAS starts a thread for each further
# processor, and such a thread waits in a busy loop. The measurements above do not show this, because
# `measure.run` gives an image one processor. The option is `unchecked-hash`. Python keeps compiled
# modules in `.pyc` files, and compiles a module again if the date in the file differs from the date
# of its source. `pip` writes such files too, so the rung before this one was fast as well. But tools that
# pack code often set all dates to 1980. What happens then?

# %%
def build_on(name, tag, *steps, **files):
    """Build the image workshop-14 with a tag: a rung's image, these files, and these steps."""
    folder = Path("../build/images/workshop-14")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / f"{file}.py").write_text(text)
        (folder / f"{file}.py").chmod(0o644)
    (folder / "Dockerfile").write_text("\n".join([f"FROM {IMAGES[name]}", *steps]))
    IMAGES[tag] = engine.own(f"workshop-14:{tag}")
    docker("build", "-t", IMAGES[tag], str(folder))


build_on("onnx", "stale", "RUN find . -name '*.py' -exec touch -d 1980-01-01 {} +")
stale = [(init("stale"), init("onnx")) for _ in range(6)]
slower = np.median([ours / theirs for ours, theirs in stale[1:]])
print(f"with stale bytecode: {slower:.1f} times as long")

# %% [markdown]
# Every file is out of date, and Lambda's disk is read-only, so Python cannot store a new file.
# **Each cold start compiles everything again.** It looks like a slow import, and no message reports
# it. Files with `unchecked-hash` are valid whatever the date.
#
# **`default`: settings for one processor.** These lines make the function start faster:

# %%
show_part("lambda/churn/lambda_function.py", "def session_options", "# Done once")

# %% [markdown]
# More threads than processors disturb each other, and a thread that *spins* while it waits uses
# processor time that you pay for. At the top of the file, `gc.disable()` saves the search for
# garbage among modules that stay anyway; after INIT it is switched on again.
#
# **`capi`: ONNX Runtime without NumPy.** A request is nineteen values, an answer is one number.
# NumPy and ONNX Runtime's Python module can do much more than that. With `ctypes`, Python can also
# call the library directly (an appendix of [docker/README.md](../docker/README.md) shows how). But
# nothing checks your arguments: a wrong type does not raise an exception with a line number, it
# ends the process.
#
# **`tiny`: a smaller client of the Runtime API.** AWS's client imports an HTTP library, logging and
# more before it imports your code. You saw the protocol in the diagram above, and this is its loop:

# %%
show_difference("docker/Dockerfile", "docker/tiny.Dockerfile")
print()
show_part("lambda/churn_tiny/runtime.py", "def main", "if __name__")

# %% [markdown]
# *Notice* two more settings of the C library. With `top_pad` it takes memory from the kernel in steps
# of 16 MB, in place of 128 KB. With `tcache_count` it keeps more freed pieces for the next use.
# OpenBLAS needs no setting here, because NumPy is left out.
#
# ### Where would you stop?
#
# First the money. Suppose that one request in a hundred is cold, at 512 MB:

# %%
from workshop import cost

COLD_SHARE = 0.01
bill = {name: cost.per_million(512, 1, cold_share=COLD_SHARE, architecture=engine.architecture(),
                               init_ms=table.loc[name, "init_p50_ms"])["init"] for name in names}
way = (table.loc["sklearn", "init_x_empty"] - table["init_x_empty"]) / (
    table.loc["sklearn", "init_x_empty"] - 1)
pd.DataFrame({"INIT, $ per million requests": pd.Series(bill).round(3),
              "INIT, × empty": table["init_x_empty"].round(1),
              "of the way from sklearn to empty": way.map("{:.0%}".format),
              "upkeep": {name: LADDER[name].costs for name in names}})

# %% [markdown]
# INIT costs cents per million requests (with this machine's milliseconds; the order of magnitude is
# the same on AWS). So do not go up the ladder for the money, but for the client who waits.
#
# **What ships in `lambda/churn` is `default`**, and here is why:
#
# - It saves most of the time, and each of its lines uses documented behaviour of `pip`, Python and
#   ONNX Runtime.
# - `capi` is the next large step, with the danger that you have just read. And the binding accepts only text and single numbers, so the function for pictures could
#   not use it. Take it when a limit requires it.
# - `tiny` replaces a part of AWS. When the protocol gets a new important header, AWS's client has
#   it with the next base image; you must add it yourself.
#
# [docker/README.md](../docker/README.md) lists what else was tried, without a gain: a model
# optimised offline, bytecode without docstrings, and more.
#
# A team with a hard limit on the slowest request may decide differently. The code is there.

# %% [markdown]
# ### Exercise 2: pick the rung (8 minutes)
#
# Go no higher than necessary. Complete `pick`. Its inputs are rungs in the ladder's order, the share
# of cold requests, a limit in milliseconds, and the percentile that must meet it. It returns the
# name of the **first** rung that meets the limit, and raises `ValueError` if none does.
#
# A rung meets the limit if its warm requests do, and its cold ones do as well. Cold requests do not
# matter if they are so few that all are above the percentile: for the 99th, up to 1 %.
#
# <details><summary>Hint 1</summary>
#
# A cold request takes `rung["init_ms"] + rung["first_ms"]`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `seen = cold_share > 1 - percent / 100` is True if the percentile includes cold requests. A rung
# is good if `rung["warm_ms"] <= limit_ms`, and, if `seen`, its cold time is within the limit too.
# </details>

# %% Exercise 2
def pick(rungs, cold_share, limit_ms, percent=99):
    """Name of the first rung at which `percent` % of the requests stay within the limit."""
    # BEGIN SOLUTION
    seen = cold_share > 1 - percent / 100
    for rung in rungs:
        slowest = rung["init_ms"] + rung["first_ms"] if seen else rung["warm_ms"]
        if max(slowest, rung["warm_ms"]) <= limit_ms:
            return rung["name"]
    raise ValueError(f"no rung keeps {limit_ms} ms at {percent} %")
    # END SOLUTION


measured = [{"name": name, "warm_ms": table.loc[name, "warm_p99_ms"],
             "init_ms": table.loc[name, "init_p90_ms"], "first_ms": table.loc[name, "first_p50_ms"]}
            for name in names[1:]]
limit = 1.5 * table.loc["default", "init_p90_ms"]
print(pick(measured, cold_share=0.03, limit_ms=limit))

# %% Check 2 tags=["check"]
RUNGS = [{"name": "heavy", "warm_ms": 12, "init_ms": 900, "first_ms": 40},
         {"name": "middle", "warm_ms": 3, "init_ms": 110, "first_ms": 5},
         {"name": "light", "warm_ms": 3, "init_ms": 60, "first_ms": 5},
         {"name": "lightest", "warm_ms": 3, "init_ms": 30, "first_ms": 5}]
answer = pick(RUNGS, cold_share=0.03, limit_ms=200)
assert answer is not None, "pick returned nothing: is there a `return`, or is it still open?"
assert answer != "lightest", "lightest is the fastest; middle keeps 200 ms as well, and comes first"
assert answer == "middle", f"with 3 % cold and 200 ms it is 'middle'; you returned {answer!r}"
assert pick(RUNGS, 0.03, 62) == "lightest", (
    "light's cold requests take 60 + 5 ms: the first answer comes after INIT")
assert pick(RUNGS, 0.005, 200) == "heavy", (
    "0.5 % are cold, and the 99th percentile does not see them: heavy's warm 12 ms are enough")
assert pick(RUNGS, 0.005, 200, percent=99.9) == "middle", (
    "the 99.9th percentile sees 0.5 % of cold requests: compare with 1 - percent / 100")
assert pick(RUNGS, 0, 5) == "middle", "heavy's warm requests take 12 ms: the limit is for them too"
try:
    answer = pick(RUNGS, 0.03, 10)
except ValueError:
    print("Right: the first question is how many requests are cold.")
else:
    raise AssertionError(f"no rung keeps 10 ms when 3 % are cold: raise ValueError, not {answer!r}")

# %% [markdown]
# ## From a cold disk
#
# So far the image's files were in memory, because the round before had read them. For the triangles
# in the plot, we asked the kernel to forget the files first. Those starts read from the disk:

# %%
files = table[["image_mb", "dependency_mb", "read_mb"]].copy()
files["share of the image read"] = files["read_mb"] / files["image_mb"]
files["cold disk, × warm disk"] = table["cold_init_p50_ms"] / table["init_p50_ms"]
files.round(2)

# %%
if files["read_mb"].notna().any():
    show(*starts.files_read(files))

# %% [markdown]
# A start reads only a part of its image. (If the table has no values, this engine kept the files.
# And a disk reads ahead, so it read more than was needed.)
#
# ### An image or a zip?
#
# This is why large images work on Lambda. An image may have 10 GB, and Lambda does not download all
# of it. It **loads pieces of 512 KiB when they are read**, from caches close by. Most pieces of
# most images are there already, because others use the same base (Brooker et al., *On-demand
# Container Loading in AWS Lambda*, USENIX ATC 2023). A **zip** is downloaded and unpacked
# completely before INIT begins. So
#
# - in an image, bytes that no program reads cost storage, not time;
# - in a zip, every byte costs time: leave out what you can;
# - small functions start faster from a zip. An *empty* Python 3.13 function has an INIT of 84 ms
#   from a zip and 161 ms from an image on x86 (medians, maxday/lambda-perf, August 2026).
#
# These two numbers are from AWS, where Lambda's own part of the start is included. Lesson 15 ships
# this function as a zip.

# %% [markdown]
# ## At import, or with the first request?
#
# "Load lazily, then INIT is short." That is true. But the client still waits for the model, and
# waits longer. During INIT an environment has a whole processor whatever its memory (observed, not
# guaranteed by AWS: *serverlessland*, "init-heavy lifting"). After INIT it has memory / 1,769 of a
# processor.
#
# Here is the shipped function, made lazy from outside, by an image on top of its image.

# %%
LAZY = '''"""churn, imported by its first request."""
function = None


def lambda_handler(event, context):
    global function
    if function is None:
        import lambda_function as function
    return function.lambda_handler(event, context)
'''
build_on("default", "lazy", "COPY lazy.py ./",
         "RUN python3 -m compileall -q -l --invalidation-mode unchecked-hash .",
         'CMD ["lazy.lambda_handler"]', lazy=LAZY)

# %%
import contextlib

MEMORIES = (256, 512, 1769)
KINDS = {"at import": IMAGES["default"], "lazily": IMAGES["lazy"]}
taken = {(kind, memory): [] for memory in MEMORIES for kind in KINDS}

with contextlib.ExitStack() as stack:
    containers = {(kind, memory): stack.enter_context(measure.Container(KINDS[kind], memory))
                  for kind, memory in taken}
    for _ in range(5):                          # the first round only warms up
        for key, container in containers.items():
            took, _ = container.start(EVENT)
            taken[key].append((took["init_ms"], took["first_ms"]))
medians = {key: np.median(rounds[1:], axis=0) for key, rounds in taken.items()}

# %%
show(*starts.first_answers(medians, MEMORIES))

for memory in MEMORIES:
    ratio_of_sums = medians["lazily", memory].sum() / medians["at import", memory].sum()
    print(f"{memory:5,} MB: lazily, the first answer takes {ratio_of_sums:.1f} times as long")

# %% [markdown]
# *Notice:* INIT becomes shorter. But with little memory, INIT and the first request together become
# longer. The bill grows too, because both are billed. **Load at import what every request needs.**
# Load lazily
#
# - what few requests need: a second model, a report, a path for administrators;
# - what INIT cannot finish in its 10 seconds;
# - what must not be loaded before a request comes, such as a model from S3 whose version may change
#   (lesson 15).
#
# ### Exercise 3: lazy where it pays (9 minutes)
#
# Of a thousand requests, five want an explanation, and the explainer takes long to load. Complete
# `make_handler`. Its inputs are two functions that load. It returns a handler, a function of an event
# and a context. What they load are functions of a customer: the model returns the probability, the
# explainer the reasons. The answer is `{"churn_probability": …}`.
#
# - The model is loaded **when the handler is made**, the explainer by the first request that wants
#   one, and each **once**.
# - The contract stays: without a `customer` the answer is `{"statusCode": 400}`, and nothing is
#   loaded for that. With `"explain": true` in the event, the answer has `"reasons"` as well.
# - When loading fails, the exception goes to the caller, and the next request tries again.
#
# <details><summary>Hint 1</summary>
#
# `explainer = None` beside `model`; in the handler `nonlocal explainer`, and
# `if explainer is None: explainer = load_explainer()`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Check the request first. `event.get("explain")` is true if an explanation is wanted. </details>

# %% Exercise 3
def make_handler(load_model, load_explainer):
    """A handler; load_model() and load_explainer() return functions that take a customer."""
    # BEGIN SOLUTION
    model, explainer = load_model(), None

    def handler(event, context):
        nonlocal explainer
        if "customer" not in event:
            return {"statusCode": 400}
        answer = {"churn_probability": model(event["customer"])}
        if event.get("explain"):
            if explainer is None:
                explainer = load_explainer()
            answer["reasons"] = explainer(event["customer"])
        return answer

    return handler
    # END SOLUTION

# %% Check 3 tags=["check"]
loaded, failures = [], []


def load_model():
    loaded.append("model")
    return lambda customer: 0.25


def load_explainer():
    if failures:
        raise MemoryError(failures.pop())
    loaded.append("explainer")
    return lambda customer: ["contract"]


handler = make_handler(load_model, load_explainer)
assert callable(handler), f"make_handler must return a function; it returned {handler!r}"
assert "model" in loaded, "the model is for every request: load it when the handler is made"
assert "explainer" not in loaded, "the explainer was loaded before any request needed it"
try:
    answer = handler({"explain": True}, None)
except TypeError as error:
    raise AssertionError("Lambda calls a handler with two arguments, an event and a context; yours "
                         f"raised TypeError: {error}") from None
assert answer == {"statusCode": 400}, f"without a customer, {{'statusCode': 400}}; it was {answer}"
assert "explainer" not in loaded, "a refused request loaded the explainer: check the request first"
somebody = {"customer": {"tenure": 3}}
answer = handler(somebody, None)
assert answer == {"churn_probability": 0.25}, f"an ordinary request was answered with {answer}"
assert "explainer" not in loaded, "an ordinary request loaded the explainer: look at `explain`"
for _ in range(2):
    answer = handler(somebody | {"explain": True}, None)
    assert answer == {"churn_probability": 0.25, "reasons": ["contract"]}, (
        f"with explain, the answer was {answer}")
assert loaded == ["model", "explainer"], (
    f"each is loaded once, but you loaded {', '.join(loaded)}: keep what was loaded")
handler, failures = make_handler(load_model, load_explainer), ["no memory"]
try:
    handler(somebody | {"explain": True}, None)
except MemoryError:
    pass
else:
    raise AssertionError("loading failed, and the caller gets no error: let the exception through")
assert "reasons" in handler(somebody | {"explain": True}, None), (
    "loading failed once, and the next request did not try again")
print("Right: INIT loads what all need; only requests that need the explainer wait for it.")

# %% [markdown]
# ## Pay to avoid the cold start
#
# Two features of Lambda save the client the wait for INIT, for money.
#
# | | **provisioned concurrency** | **SnapStart** |
# |---|---|---|
# | what it does | keeps so many environments started | starts from a snapshot of an environment after INIT |
# | cold requests | none, up to that number | remain, with a *restore* in place of INIT |
# | applies to | a published version or alias | published versions; Python from 3.12 |
# | zip, image | both | both: images since August–September 2026, AWS's own bases as they are, others with a label (aws-lambda-roadmap #98, aws-cdk #38680) |
# | billed | each environment, as long as it is configured | the snapshot of each version while it exists, and each restore |
#
# They exclude each other on the same version (Lambda developer guide, "Improving startup
# performance with Lambda SnapStart"). What do they cost, at 512 MB?

# %%
ready = cost.kept_ready(1, 512, 0, 0)["kept ready"]
snapshot = cost.snapshots(512, restores=10_000)
started = cost.per_million(512, 1, cold_share=COLD_SHARE, architecture=engine.architecture(),
                               init_ms=table.loc["default", "init_p50_ms"])["init"]
print(f"one environment kept ready:      ${ready:.2f} a month")
print(f"a snapshot and 10,000 restores:  ${snapshot['cache']:.2f} + ${snapshot['restore']:.2f} a "
      "month")
print(f"INIT of 10,000 cold starts:      ${started:.2f}, with this machine's milliseconds")

# %% [markdown]
# (Prices: [`data/prices.csv`](../data/prices.csv), us-east-1, with source and month.)
#
# **Use SnapStart** for a long INIT, such as that of the `sklearn` rung or of a framework. A restore
# has to bring back the memory that INIT filled, and takes time. Measure whether it takes less than
# INIT. For a function that starts like an empty one there is little to gain. An image can be
# published with SnapStart only if it has AWS's runtime client or the label
# `com.amazonaws.lambda.feature.snapstart=Allow` (Lambda developer guide, 2026-07); `tiny` has
# neither.
#
# **What SnapStart changes in your code:** a snapshot is taken once and restored many times.
#
# - A value that was random or unique at import is the same in every environment: a seed, an id, a
#   temporary name. Make it in the handler.
# - Connections and credentials from import time are old after a restore. Open them in the handler,
#   or in a function marked `@register_after_restore` (package `snapshot_restore_py`, part of AWS's
#   Python runtimes).
# - Old versions cost money until they are deleted.
# - SnapStart does not work together with provisioned concurrency, EFS, or more than 512 MB of
#   `/tmp`.
#
# **Use provisioned concurrency** for steady traffic with a hard limit on the slowest request, at
# known hours. If more requests come than environments are ready, the others are still cold. [Lesson
# 16](16_choose_memory_estimate_bill.ipynb) computes when it even saves money.
#
# ### Only on AWS: what you would call
#
# The local cloud has no snapshots and keeps nothing ready ([local cloud and
# AWS](../workshop/LOCAL_CLOUD.md)), so this runs only with an AWS account. Until the end of the
# lesson, the snapshot and the environment that is kept ready cost money:

# %% tags=["aws"]
if not cloud.is_local():
    import base64

    import boto3

    from workshop import deploy

    NAME = deploy.name("churn-cold")
    client = boto3.client("lambda")
    deploy.function(NAME, deploy.push(IMAGES["default"], NAME), memory=512)

    # SnapStart: the snapshot is taken when a version is published, which takes some minutes.
    client.update_function_configuration(FunctionName=NAME,
                                         SnapStart={"ApplyOn": "PublishedVersions"})
    client.get_waiter("function_updated_v2").wait(FunctionName=NAME)
    deploy.publish(NAME, alias="snapshot")

    # Provisioned concurrency: another version, without SnapStart.
    client.update_function_configuration(FunctionName=NAME, SnapStart={"ApplyOn": "None"})
    client.get_waiter("function_updated_v2").wait(FunctionName=NAME)
    deploy.publish(NAME, alias="ready")
    client.put_provisioned_concurrency_config(
        FunctionName=NAME, Qualifier="ready", ProvisionedConcurrentExecutions=1)
    while (status := client.get_provisioned_concurrency_config(
            FunctionName=NAME, Qualifier="ready"))["Status"] == "IN_PROGRESS":
        time.sleep(5)
    print(status["Status"], status.get("StatusReason", ""))

    for alias in ("snapshot", "ready"):
        response = client.invoke(FunctionName=NAME, Qualifier=alias, Payload=json.dumps(EVENT),
                             LogType="Tail")
        print(alias, base64.b64decode(response["LogResult"]).decode().splitlines()[-1])

# %% [markdown]
# With SnapStart, the first REPORT line has a *Restore Duration* instead of INIT. The environment
# that was kept ready had its INIT before your call.
#
# ## What these numbers do not show

# %%
print(*(f"- {what}" for what in record["cannot_see"]), sep="\n")

# %% [markdown]
# So the ratios show how much shorter *your* part of the start has become. The empty function has
# Lambda's part as well, and only AWS can measure that: read the `REPORT` lines of lesson 05 there,
# over a week.
#
# ## Recap
#
# - **A cold start** is Lambda's part, which you cannot see, then INIT, which is yours and billed
#   since August 2025, then the first request.
# - **To measure it**, take the role of the Runtime API: from the start to the first `GET …/next`.
#   The emulator's REPORT line does not contain it.
# - **To compare**, use many starts in turn, medians, ratios to an empty function, and an interval
#   of whole rounds. An interval that contains 1 means: no difference found.
# - **Imports** are most of a start. The largest step is another library; the next ones are another
#   way to call it and another client. Bytecode has to stay valid.
# - **Where to stop** is a question of maintenance. `default` is the highest rung in which a
#   colleague can understand every line.
# - **At import**, load what every request needs; lazily, what few need.
# - **An image** is read piece by piece, a zip is downloaded completely.
# - **SnapStart and provisioned concurrency** replace INIT by a bill; shorten INIT first.
#
# ## Clean up
#
# The containers are gone already. The rungs' images stay for the next lessons and share most of
# their layers; the next cell deletes those that only this lesson uses. (`python3 -m workshop clean`
# removes them all.)

# %%
docker("rmi", IMAGES["lazy"], IMAGES["stale"])
if not cloud.is_local():
    client.delete_provisioned_concurrency_config(FunctionName=NAME, Qualifier="ready")
    deploy.delete(NAME)

# %% [markdown]
# ## Next
#
# [Lesson 15](15_ship_without_image.ipynb) ships the same function without an image: a zip, a layer,
# and the model in S3.
