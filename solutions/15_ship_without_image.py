# ---
# title: "Ship without an image: zip, layer, model in S3"
# workshop:
#   number: "15"
#   needs: [docker]
#   reading: 45
#   exercises: 25
#   execution: 4
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Ship without an image: zip, layer, model in S3
#
# Many articles serve a model without Docker. They put libraries into a layer, the code into a small
# zip, and the model into S3. Here you deploy the function of lesson 04 in this way. What do you
# gain, what does it cost, and what happens when the model in S3 is wrong?
#
# **You will**
# - install packages for Lambda's machine on your machine, and see the limits of 50 MB and 250 MB;
# - pack a zip that has the same bytes each time, and say why dates matter in it;
# - let a function read one folder of one bucket, and nothing else;
# - update a model without a deployment, break it in two ways, and roll back;
# - read the errors that are typical of zips and layers;
# - compare with the image: size, start, first request, update.
#
# **You need** Docker, and `build/models/churn.onnx` from lesson 03 (made now if it is missing)
#
# **Time** 45 minutes reading, 25 minutes exercises. **Cost** free on the local cloud; on AWS under
# \$0.01

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("02")
lessons.require("03")

# %% [markdown]
# ```mermaid
# flowchart LR
#     pip["pip install,<br/>for Lambda's machine"] --> layer["layer<br/>ONNX Runtime, NumPy"]
#     code["lambda/churn/*.py"] --> zip["zip, a few kB"]
#     layer --> fn["function<br/>workshop-…-churn-zip"]
#     zip --> fn
#     pointer[("S3: current.json")] -. "which one?" .-> fn
#     models[("S3: models/churn/…")] -. "first request" .-> fn
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class layer,zip,pointer,models now
# ```
#
# Filled with colour: the new parts. The code is `lambda/churn/`, the same folder that went into the
# image of lesson 04. One environment variable names the place of its model.
#
# First we remove what an earlier run of this lesson may have left.

# %%
from workshop import deploy

NAME, IMAGE = deploy.name("churn-zip"), deploy.name("churn-image")
for name in (NAME, IMAGE):
    deploy.delete(name)

# %% [markdown]
# ## Two limits
#
# | limit (Lambda quotas, November 2026) | zip | image |
# |---|---|---|
# | sent with the call itself | 50 MB | – |
# | unpacked, function and layers together | 250 MB | 10 GB |
#
# If a zip is too large for the call, upload it to S3 first. The second limit stays.

# %%
MB = 1024 ** 2              # Lambda counts in these
DIRECT, UNPACKED = 50 * MB, 250 * MB

# %% [markdown]
# ## Packages for another machine
#
# An image is built on the system where it will run. Here `pip` runs on your machine, which may be a
# Mac with another Python, and packages such as NumPy contain machine code. So we name the target:
# the processor, the Python, and the C library, by the name that its wheels have (`manylinux…`).
# With `--only-binary`, `pip` compiles nothing, because it would compile for your machine.

# %%
import shutil
import subprocess
import sys
from pathlib import Path

from workshop import engine

BUILD = Path("../build/layers")
machine = {"x86_64": "x86_64", "arm64": "aarch64"}[engine.architecture()]
LAMBDA = [f"--platform={libc}_{machine}"
          for libc in ("manylinux2014", "manylinux_2_27", "manylinux_2_28")]


def pip_install(target, *what, platform=LAMBDA):
    """Install packages into a folder, made anew, for Lambda's machine and Python 3.13."""
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--target", str(target), *platform,
               "--only-binary=:all:", "--python-version=3.13", "--implementation=cp",
               "--no-compile", *what]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def size(folder, pattern="**/*"):
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in Path(folder).glob(pattern) if path.is_file())


layer = BUILD / "by_hand"
pip_install(layer / "python", "-r", "../lambda/churn/requirements.txt")
print(f"{size(layer) / MB:.0f} MB of {UNPACKED / MB:.0f}")

# %% [markdown]
# It fits, and there is room for more. *Notice* the folder `python/` inside the layer: Lambda
# unpacks layers to `/opt`, and Python looks in `/opt/python`. Below you see what happens without
# it.
#
# What is in the layer, and which part does a function need?

# %%
import pandas as pd

packages = layer / "python"
parts = pd.Series({path.name: size(path) / MB for path in packages.iterdir() if path.is_dir()})
print(parts[parts > 0.3].sort_values(ascending=False).round(1).to_string())

# %%
left_out = Path("../lambda/churn/leave_out.txt").read_text()
print(left_out)

# %%
before = size(layer)
for line in left_out.splitlines():
    if line and not line.startswith("#"):
        for path in list(packages.glob(line)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
bare = size(layer)
print(f"{before / MB:.0f} MB → {bare / MB:.0f} MB")

# %% [markdown]
# A list like this depends on other people's code: test it again with each new version of a package.
# The tests of this workshop run the function without these files.
#
# ## Bytecode, and the year 1980
#
# Python compiles a module before it runs it, and keeps the result in a `.pyc` file, so that the
# next start is faster. On Lambda, nothing can be stored beside the code. Without `.pyc` files in
# the package, *every* cold start compiles everything again.
#
# With them, there is a trap. A `.pyc` usually contains the date of its source, and is valid only
# while that date is the same. Many tools that make zips set one fixed date for all files, often 1
# January 1980. Here we compile a module in two ways and then set that date. With `-v`, Python
# prints what it loads:

# %%
import os
import py_compile
from datetime import datetime

MODES = py_compile.PycInvalidationMode
folder = BUILD / "dates"
folder.mkdir(parents=True, exist_ok=True)
source = folder / "dated.py"
for mode in (MODES.TIMESTAMP, MODES.UNCHECKED_HASH):
    source.write_text("x = 1\n")
    py_compile.compile(str(source), invalidation_mode=mode, doraise=True)
    os.utime(source, (datetime(1980, 1, 1, 12).timestamp(),) * 2)     # what the zip tool does
    done = subprocess.run([sys.executable, "-v", "-c", "import dated"], cwd=folder, text=True,
                          capture_output=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    about = [line for line in done.stderr.splitlines() if "dated" in line and "code" in line]
    print(mode.name, *[line.replace(str(folder.resolve()), "…") for line in about], sep="\n  ")

# %% [markdown]
# *Notice* `bytecode is stale`: the file exists, takes space, and is useless. Nothing fails, but the
# function starts slowly. With `UNCHECKED_HASH` Python uses the `.pyc` as it is, whatever the date.
# (It does not help to keep the dates: a zip stores them in steps of two seconds, in local time, and
# Python compares whole seconds.)
#
# One more condition: each minor version of Python has its own bytecode, and ignores the bytecode of
# other versions. So Lambda's Python must compile the files. It does so in a container of its base
# image.

# %%
from workshop import base_image

base = base_image.get()
made = subprocess.run(
    ["docker", "create", "--entrypoint", "python3", base, "-m", "compileall", "-q",
     "--invalidation-mode", "unchecked-hash", "-s", "/packages", "-p", "/opt/python", "/packages"],
    capture_output=True, text=True, check=True).stdout.strip()
for command in (["cp", f"{packages}/.", f"{made}:/packages"], ["start", "--attach", made],
                ["cp", f"{made}:/packages/.", str(packages)], ["rm", made]):
    subprocess.run(["docker", *command], check=True, capture_output=True)
print(f"{size(layer) / MB:.0f} MB, of which {size(layer, '**/*.pyc') / MB:.1f} MB bytecode")

# %% [markdown]
# ### Exercise 1: the same zip every time (8 minutes)
#
# If the same files give the same bytes, a checksum shows whether anything has changed, and a
# deployment without changes can be skipped. Complete `pack`. It adds every file, compressed and
# sorted by path, under its name within the folder, with a fixed date. All files are readable for
# all (`0o644`), because on Lambda they belong to another user.
#
# <details><summary>Hint 1</summary>
#
# `sorted(folder.rglob("*"))` gives folders as well: skip everything that is not `path.is_file()`.
# The name within the folder is `path.relative_to(folder).as_posix()`. </details>
#
# <details><summary>Hint 2</summary>
#
# `zipfile.ZipInfo(name)` is an entry with the date 1980. Its file permissions are the upper half of
# `entry.external_attr`: `0o644 << 16`. Then `archive.writestr(entry, path.read_bytes(),
# zipfile.ZIP_DEFLATED)`; without the last argument, nothing is compressed. </details>

# %% Exercise 1
import io
import zipfile


def pack(folder):
    """The files of a folder as a zip, as bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # BEGIN SOLUTION
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
        # END SOLUTION
    return buffer.getvalue()


print(len(pack(Path("../lambda/churn"))), "bytes")

# %% Check 1 tags=["check"]
import tempfile
import time

with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
    names = [*(f"{letter}.py" for letter in "abcdefgh"), "python/i.py"]
    for place, order in ((one, names[::-1]), (two, names)):
        Path(place, "python").mkdir()
        for number, name in enumerate(order):            # each a minute later than the last
            Path(place, name).write_text("x = 1\n" * 1000)
            Path(place, name).chmod(0o600)
            os.utime(Path(place, name), (1_800_000_000 + number * 60,) * 2)
    first, second = pack(Path(one)), pack(Path(two))
entries = {entry.filename: entry for entry in zipfile.ZipFile(io.BytesIO(first)).infolist()}
assert entries, "the zip is empty: is pack still open?"
assert not [name for name in entries if name.endswith("/")], "only files: leave out folders"
assert set(entries) == set(names), (
    f"names must be those within the folder: {sorted(entries)}; use path.relative_to(folder)")
dates = {entry.date_time for entry in entries.values()}
assert len(dates) == 1 and dates.pop()[:3] != time.localtime()[:3], (
    "the files' dates are in it, so tomorrow's zip is another one: use zipfile.ZipInfo(name)")
assert {oct(entry.external_attr >> 16 & 0o777) for entry in entries.values()} == {"0o644"}, (
    "Lambda's user cannot read these files: set external_attr to 0o644 << 16")
assert len(first) < 5000, "nothing is compressed: give writestr zipfile.ZIP_DEFLATED"
assert list(entries) == names and first == second, (
    "the order is the disk's, or that of the dates, and tomorrow's is another: sort the paths")
print("Right: same files, same bytes.")

# %% [markdown]
# From here on we use the workshop's own `packages.zipped`, which does the same, so that the lesson
# continues whatever you wrote. First the layer, and then what the limits mean for scikit-learn.

# %%
from workshop import packages as workshop_packages

layer_zip = workshop_packages.zipped(layer)
sizes = {"ONNX Runtime, as pip installs it": before,
         "ONNX Runtime, stripped and with bytecode": size(layer)}
print(f"the layer: {len(layer_zip) / MB:.0f} MB zipped; a call may carry {DIRECT / MB:.0f}")

# %% [markdown]
# ## Does scikit-learn fit?
#
# People often say that scikit-learn is too large for a zip. By default, pip also writes the
# bytecode. Our `pip_install` does not, so your Python compiles here, for the size only.

# %%
sk, pandas = BUILD / "sklearn" / "python", BUILD / "pandas" / "python"
pip_install(sk, "scikit-learn==1.8.0")
pip_install(pandas, "pandas==3.1.1", "--no-deps")
subprocess.run([sys.executable, "-m", "compileall", "-q", "-j", "0", str(sk), str(pandas)],
               check=True)
sizes["scikit-learn, as pip installs it"] = size(sk)
sizes["scikit-learn and pandas, as pip installs them"] = size(sk) + size(pandas)
for folder in (sk, pandas):
    for path in [*folder.rglob("__pycache__"), *folder.rglob("tests")]:
        shutil.rmtree(path, ignore_errors=True)
sizes["scikit-learn, without bytecode and tests"] = size(sk)
sizes["scikit-learn and pandas, without these"] = size(sk) + size(pandas)

# %%
from workshop.plots import charts, show

table = pd.Series(sizes).div(MB).sort_values()
show(*charts.bars(table, "MB, unpacked", "Unpacked sizes, and what Lambda allows", "Unpacked size, MB",
                  limit=(UNPACKED / MB, "Lambda's limit, with layers"),
                  other=[name for name in table.index if "ONNX" not in name]))

# %% [markdown]
# It depends. As `pip` installs it, scikit-learn alone has about the size of the limit. With pandas,
# which the handler of `lambda/churn_sklearn` needs as well, it is too large. Without bytecode and
# tests both fit. But then every cold start is slow, because Python compiles all its imports. And
# scikit-learn is small: TensorFlow and PyTorch are several times over the limit (lesson 00).
#
# With ONNX Runtime there is room for bytecode *and* for the model.
#
# ## A bucket
#
# Layers and models go to S3. A bucket's name is unique in the world, so our name contains account
# and Region.

# %%
import hashlib
import json

import boto3

TAGS = deploy.tags()
account = boto3.client("sts").get_caller_identity()["Account"]
region = boto3.session.Session().region_name
BUCKET = f"{NAME}-{account}-{region}"
OWNED = {"Bucket": BUCKET, "ExpectedBucketOwner": account}     # refused if a stranger owns it

s3 = boto3.client("s3")
place = {} if region == "us-east-1" else {      # us-east-1 is where a bucket goes by itself
    "CreateBucketConfiguration": {"LocationConstraint": region}}
s3.create_bucket(Bucket=BUCKET, **place)
s3.put_bucket_tagging(**OWNED, Tagging={
    "TagSet": [{"Key": key, "Value": value} for key, value in TAGS.items()]})
BUCKET

# %% [markdown]
# New buckets are closed to the public and encrypted by default (S3 user guide).
#
# ## The layer
#
# A **layer** is a zip that functions share. Lambda unpacks it to `/opt`. A function may have up to
# five layers, within the 250 MB. Our layer changes rarely: only when a version in
# `requirements.txt` changes.

# %%
client = boto3.client("lambda")
key = f"layers/{hashlib.sha256(layer_zip).hexdigest()[:16]}.zip"
s3.put_object(**OWNED, Key=key, Body=layer_zip)

published = client.publish_layer_version(
    LayerName=NAME, Description=f"{deploy.mark()} by hand",
    Content={"S3Bucket": BUCKET, "S3Key": key},
    CompatibleRuntimes=["python3.13"], CompatibleArchitectures=[engine.architecture()])
s3.delete_object(**OWNED, Key=key)        # Lambda has its own copy now
published["LayerVersionArn"]

# %% [markdown]
# The number at the end is a version, and a version never changes. (A layer has no tags, so we write
# into its description that the workshop owns it; clean-up looks for that.)
#
# A layer under 50 MB could be sent with the call itself. Through S3 it works for any size.
#
# ## What may it read?
#
# The function loads its model from S3, so its role needs one more permission than in lesson 05.
# Allow no more than that: an attacker who breaks into the handler has the role's permissions.
#
# ### Exercise 2: one folder, reading only (5 minutes)
#
# Complete `may_read`. It returns a policy that allows `s3:GetObject` for the objects whose key
# begins with `prefix/`, in this bucket, and nothing else.
#
# <details><summary>Hint 1</summary>
#
# `deploy.policy("logs", function=NAME)` shows the form. `Resource` names *objects*, so it ends in
# `/*`: `arn:aws:s3:::BUCKET/PREFIX/*`. Buckets have no account and no Region in their ARN.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*"}`
# is the one statement.
# </details>

# %% Exercise 2
def may_read(bucket, prefix):
    """A policy document, as a dict, that lets its owner read objects under PREFIX/."""
    # BEGIN SOLUTION
    statement = {"Effect": "Allow", "Action": "s3:GetObject",
                 "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*"}
    # END SOLUTION
    return {"Version": "2012-10-17", "Statement": [statement]}


try:
    print(json.dumps(may_read(BUCKET, "models/churn"), indent=2))
except NameError as error:
    print("still open:", error)

# %% Check 2 tags=["check"]
import fnmatch

try:
    document = may_read("b", "models/churn")
except NameError:
    raise AssertionError("there is no `statement` yet: is the exercise still open?") from None
[entry] = document["Statement"]
actions = [entry["Action"]] if isinstance(entry["Action"], str) else entry["Action"]
assert entry.get("Effect") == "Allow", "without Effect: Allow it allows nothing"
assert not [one for one in actions if "*" in one], f"{actions} allows more than reading"
assert [one.lower() for one in actions] == ["s3:getobject"], (      # IAM ignores the case
    f"reading an object is s3:GetObject alone, not {actions}")
arns = [entry["Resource"]] if isinstance(entry["Resource"], str) else entry["Resource"]


def covers(path):
    """Whether the statement is about this object."""
    return any(fnmatch.fnmatchcase(f"arn:aws:s3:::{path}", arn) for arn in arns)


assert covers("b/models/churn/current.json"), (
    f"{arns} does not name the objects: arn:aws:s3:::BUCKET/PREFIX/*")
assert not covers("b/layers/x.zip"), "this is the whole bucket: put the prefix in"
assert not covers("b/models/churn_private/x"), "models/churn_private would be open too: end in /*"
assert not covers("c/models/churn/x"), "this is every bucket: name it"
print("Right: this folder, and reading only.")

# %% [markdown]
# The workshop's copy of that policy is `workshop/account/policies/read_models.json`. The role gets two
# documents: its log, as in lesson 05, and this one.

# %%
PREFIX = "models/churn"
iam = boto3.client("iam")
role_arn = deploy.ensure_role(NAME)
iam.put_role_policy(RoleName=f"{NAME}-role", PolicyName="read_models",
                    PolicyDocument=deploy.policy("read_models", bucket=BUCKET, prefix=PREFIX))
print(deploy.policy("read_models", bucket=BUCKET, prefix=PREFIX))

# %% [markdown]
# People often forget this policy. Later in this lesson you see what happens then.
#
# ## Where is the model?
#
# The simplest way is one key, `s3://…/model.onnx`, which you overwrite with each new model. But
# then nobody can see which model answered yesterday, and nobody can roll back. And while you
# overwrite it, environments may load different models. Instead:
#
# - **each model has its own key**, made from its SHA-256, and is never overwritten;
# - a small **pointer**, `current.json`, names the current model, and its SHA-256.
#
# An update moves the pointer, and a rollback moves it back. The function gets the pointer's address
# in `MODEL_URI`. It uses the address like this:

# %%
import re

text = Path("../lambda/churn/model_store.py").read_text()
print(re.search(r"    def current.*?(?=\n    def fetch)", text, re.DOTALL).group())

# %% [markdown]
# *Notice* in `current` and `renew`:
#
# - nothing is loaded until the first request needs it (**lazily**), and then it is kept in memory;
# - the pointer is valid for some seconds. Then the function reads it again, with *send it only if
#   it changed* (`If-None-Match` and the ETag: S3 answers 304 and no content);
# - if anything is wrong with a new model, `except` keeps the old one working, and logs the reason.
#
# And `fetch` computes the SHA-256 while the bytes arrive, in `/tmp`, under a temporary name. Only a
# file with the pointer's SHA-256 gets its final name.

# %%
print(re.search(r"    def fetch.*?(?=\n\n\n)", text, re.DOTALL).group())

# %% [markdown]
# What does the pointer cost? It costs one request to S3, at regular intervals, for each environment
# that is busy; S3 takes \$0.0004 for 1,000 of them (S3 pricing page, us-east-1, 2026). And one
# request of a client waits for S3 each time.

# %%
for seconds in (1, 60, 600):
    checks = 100 * 30 * 24 * 3600 / seconds
    print(f"100 environments, every {seconds:3} s, all month: ${checks / 1000 * 0.0004:8.2f}")

# %% [markdown]
# So in production, let the function read the pointer once a minute. Here we take 2 seconds, to wait
# less.
#
# ## The function
#
# The code is zipped alone.

# %%
code_zip = workshop_packages.zipped(Path("../lambda/churn"), "*.py")
print(f"{len(code_zip) / 1024:.0f} kB:",
      ", ".join(zipfile.ZipFile(io.BytesIO(code_zip)).namelist()))

# %% [markdown]
# Set the environment variable `ORT_DISABLE_TELEMETRY`. Since version 1.29, ONNX Runtime sends its
# makers data about its use, names and hashes of models among them, unless this variable is set.
# `OPENBLAS_NUM_THREADS` limits NumPy to one thread: others would wait in busy loops for a processor
# that the function does not have. (For images, the Dockerfile sets both.) 512 MB are enough for the libraries and two models of this
# size, the current one and the next. The time-out of 10 s is longer than the S3 client waits before
# it gives up. A new role needs some time to be known, as in lesson 05.

# %%
import time

REFRESH = 2
URI = f"s3://{BUCKET}/{PREFIX}/current.json"
ENVIRONMENT = {"MODEL_URI": URI, "BUCKET_OWNER": account, "MODEL_REFRESH_SECONDS": str(REFRESH),
               "ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1"}

logs, group = boto3.client("logs"), f"/aws/lambda/{NAME}"
logs.create_log_group(logGroupName=group, tags=TAGS)
logs.put_retention_policy(logGroupName=group, retentionInDays=7)

deadline = time.monotonic() + 120
while True:
    try:
        client.create_function(
            FunctionName=NAME, Runtime="python3.13", Handler="lambda_function.lambda_handler",
            Code={"ZipFile": code_zip}, Layers=[published["LayerVersionArn"]], Role=role_arn,
            Architectures=[engine.architecture()], MemorySize=512, Timeout=10,
            Environment={"Variables": ENVIRONMENT}, Tags=TAGS)
        break
    except client.exceptions.InvalidParameterValueException as error:
        if "cannot be assumed" not in str(error) or time.monotonic() > deadline:
            raise
    time.sleep(3)
client.get_waiter("function_active_v2").wait(FunctionName=NAME)

# %% [markdown]
# ## The first request, without a model
#
# The bucket holds no model yet. What does a client see, and what do we see?

# %%
import base64

test = pd.read_csv("../build/models/churn_test.csv")
customer = json.loads(test.drop(columns="churn").head(1).to_json(orient="records"))[0]


def ask(name=NAME):
    """The function's answer to one customer, and the log of that run, as text."""
    response = client.invoke(FunctionName=name, Payload=json.dumps({"customer": customer}),
                         LogType="Tail")
    return json.load(response["Payload"]), base64.b64decode(response["LogResult"]).decode()


def log_lines(log):
    """What the function itself logged, a dict for each line."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def show_log(log):
    """Print what the function logged, one entry a line."""
    for line in log_lines(log):
        print(*(f"\n{key:>16}  {value}" for key, value in line.items() if key != "stack"), sep="")


answer, log = ask()
print(answer)
show_log(log)

# %% [markdown]
# The client gets a 500, and a request id that it can report. The log has the reason. The function
# itself has started, because it loads the model lazily.
#
# | | the model is loaded at import | with the first request |
# |---|---|---|
# | who waits | nobody yet: Lambda calls it INIT | the first caller of each environment |
# | processor | a whole one, whatever the memory (observed, not promised: *serverlessland*) | the share that the memory gives: here 0.29 |
# | time allowed | 10 s | the function's time-out |
# | the model is broken | INIT fails, again for each request: `FunctionError` | 500, in our own words, and it recovers by itself |
# | a change of the model | needs a new environment | is seen by all |
#
# So the image of lesson 04, whose model cannot change, loads at import. Here we split the work. The
# import of the libraries and the S3 client need a processor, but no network. So they happen at
# import. All work that needs the network waits for the request.
#
# ## Publish a model

# %%
models = {}                         # version: what the pointer says


def publish(content, version):
    """Upload a model under a key of its own, then move the pointer to it."""
    digest = hashlib.sha256(content).hexdigest()
    pointer = {"key": f"{PREFIX}/{digest[:16]}/model.onnx", "sha256": digest, "version": version}
    s3.put_object(**OWNED, Key=pointer["key"], Body=content)
    s3.put_object(**OWNED, Key=f"{PREFIX}/current.json", Body=json.dumps(pointer))
    models[version] = pointer


model_v1 = Path("../build/models/churn.onnx").read_bytes()
publish(model_v1, "1")
time.sleep(REFRESH)
answer, log = ask()
print(answer)
show_log(log)

# %% [markdown]
# Look at the order in `publish`: first the model, then the pointer. In the other order, there is a
# moment in which the pointer names nothing.
#
# The function and its environment are the same, and now it works. The model's log line has its own
# milliseconds; those of the request begin when the model is loaded.
#
# Now we compare the first request with a warm request, in new environments. A change of the memory
# makes Lambda start one.

# %%
def fresh(name=NAME):
    """Have Lambda start a new environment for the next request."""
    now = client.get_function_configuration(FunctionName=name)["MemorySize"]
    client.update_function_configuration(FunctionName=name, MemorySize=1025 - now)   # 512, 513
    client.get_waiter("function_updated_v2").wait(FunctionName=name)


def report(log):
    """The figures of Lambda's REPORT line, such as {"Duration": 3.1, "Init Duration": 300.2}."""
    line = re.search(r"^REPORT .*", log, re.MULTILINE).group()
    return {key: float(value)
            for key, value in re.findall(r"(\w[\w ]+): ([\d.]+) (?:ms|MB)", line)}


def starts(name, times=2):
    """Medians of INIT, first request and warm request, in ms."""
    rows = []
    for _ in range(times):
        fresh(name)
        first, warm = report(ask(name)[1]), [report(ask(name)[1])["Duration"] for _ in range(5)]
        rows.append({"INIT": first.get("Init Duration"), "first request": first["Duration"],
                     "warm request": sorted(warm)[2]})
    return pd.DataFrame(rows).median()


by_zip = starts(NAME)
print((by_zip / by_zip["warm request"]).round(1).to_string())

# %% [markdown]
# The numbers are multiples of a warm request. The first request waits for two answers from S3 and
# for the session, with a third of a processor. This is the price of *lazily*. INIT is not included.
#
# ## Ten first requests at the same time
#
# Each environment answers one request at a time. So ten requests at the same moment, without a warm
# environment, start up to ten, and each loads the model for itself. They share nothing, and need no
# lock. (The local cloud runs as many at the same time as your machine can bear; the others wait and
# find a warm one.)

# %%
from concurrent.futures import ThreadPoolExecutor

fresh()
with ThreadPoolExecutor(10) as pool:
    answers = list(pool.map(lambda _: ask(), range(10)))
began = sum("Init Duration" in log for _, log in answers)
loaded = sum(line.get("model") == "loaded" for _, log in answers for line in log_lines(log))
print(f"{len(answers)} answers, {began} environments, model loaded {loaded} times")
assert loaded == began and len({answer["churn_probability"] for answer, _ in answers}) == 1

# %% [markdown]
# ## A new model, and no deployment
#
# Version 2 is the one from lesson 05: it warns earlier, with half the threshold. The threshold is
# in the model file.

# %%
import onnx


def with_signature(content, change):
    """The model with another signature: `change` takes the old one and returns what differs."""
    model = onnx.load_from_string(content)
    entry = next(one for one in model.metadata_props if one.key == "signature")
    signature = json.loads(entry.value)
    entry.value = json.dumps(signature | change(signature))
    return model.SerializeToString()


model_v2 = with_signature(model_v1, lambda old: {"version": "2", "threshold": old["threshold"] / 2})

before_update = client.get_function_configuration(FunctionName=NAME)["RevisionId"]
began = time.monotonic()
publish(model_v2, "2")
while ask()[0]["model_version"] != "2":
    time.sleep(0.2)
by_pointer = time.monotonic() - began
print(f"version 2 answers after {by_pointer:.1f} s; the function uses the pointer for {REFRESH} s")
assert client.get_function_configuration(FunctionName=NAME)["RevisionId"] == before_update

# %% [markdown]
# The price: for some seconds, environments use different versions. Two requests of one client may
# get version 2 and then version 1. Where that must not happen, use versions and an alias (lesson
# 05), which switch in one moment.
#
# ## Break it: the wrong bytes under the right key
#
# Somebody overwrites the model of version 2, a disk loses a bit, or an upload ends halfway. The
# result looks like this:

# %%
damaged = bytes([model_v2[0] ^ 1]) + model_v2[1:]
s3.put_object(**OWNED, Key=models["2"]["key"], Body=damaged)

print("the environment that runs: ", ask()[0])
fresh()
answer, log = ask()
print("one that starts now:       ", answer)
print(log_lines(log)[0]["reason"])

# %% [markdown]
# *Notice:* no damaged model answered a request. A model with one wrong bit can load and give wrong
# answers. An environment that has a good copy continues with it. The new environment has no copy:
# it answers 500, and tries again each second. When the object is correct again, it recovers by
# itself.

# %%
s3.put_object(**OWNED, Key=models["2"]["key"], Body=model_v2)
time.sleep(1)
print(ask()[0])

# %% [markdown]
# (S3 can refuse to overwrite: `put_object(…, IfNoneMatch="*")`. Everybody who may write to this
# bucket decides what the function answers, so keep that list short. An ONNX file is data: unlike a
# pickle, loading it runs no code of its author's. But a library that reads data can have faults, so
# keep `onnx` and `onnxruntime` up to date; `onnx` before 1.21 could be made to read other files.)
#
# ## Break it: a bad model, properly published
#
# This time the checksum is correct, but the model itself is bad. Its signature has another order of
# inputs than the network.

# %%
model_v3 = with_signature(model_v1, lambda old: {"version": "3", "inputs": old["inputs"][::-1]})
publish(model_v3, "3")
time.sleep(REFRESH)
answer, log = ask()
print(answer)
show_log(log)

# %% [markdown]
# *Notice* `refused` and `serving`: the function answers as version 2, and every refresh writes such
# a line. Put an alarm on the word `refused`. But a new environment would have no good model. So
# roll back soon.
#
# ### Exercise 3: roll back (5 minutes)
#
# `models["2"]` is the pointer's content for version 2. Write it again, and nothing more: no upload
# of a model, no change of the function.
#
# <details><summary>Hint 1</summary>
#
# The last call in `publish` moves the pointer: `s3.put_object`, with the key
# `f"{PREFIX}/current.json"`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `Body` is text: `json.dumps(models["2"])`.
# </details>

# %% Exercise 3
# BEGIN SOLUTION
s3.put_object(**OWNED, Key=f"{PREFIX}/current.json", Body=json.dumps(models["2"]))
# END SOLUTION

time.sleep(REFRESH)
print(ask()[0])

# %% Check 3 tags=["check"]
body = s3.get_object(**OWNED, Key=f"{PREFIX}/current.json")["Body"].read()
try:
    pointer = json.loads(body)
except ValueError:
    raise AssertionError(f"the pointer is no JSON: {body[:60]}; use json.dumps") from None
assert pointer != models["3"], "it still points to version 3: is the exercise open?"
assert isinstance(pointer, dict) and {"key", "sha256"} <= set(pointer), (
    f"the pointer must have key and sha256, as models['2'] has them; it is {pointer}")
assert pointer["key"] != models["1"]["key"], "that is version 1: version 2 was in use before"
assert pointer["sha256"] == models["2"]["sha256"], (
    "key and sha256 must be those of the same version: write all of models['2']")
answer = ask()[0]
assert answer.get("model_version") == "2", f"the function answers {answer}"
print("Right: one small object written, and version 2 answers everywhere.")

# %% [markdown]
# Whatever you wrote, we continue with version 2:

# %%
publish(model_v2, "2")
time.sleep(REFRESH)
fresh()
print(ask()[0])

# %% [markdown]
# ## Without the permission
#
# Here is the same policy, for another folder of the bucket. AWS checks each call against the role's
# policies. A change needs some seconds until it works everywhere:

# %%
deploy.allow(NAME, "read_models", bucket=BUCKET, prefix="another-folder")
deadline = time.monotonic() + 120
fresh()
answer, log = ask()
while answer.get("statusCode") != 500 and time.monotonic() < deadline:
    time.sleep(10)
    fresh()
    answer, log = ask()
print(answer)
show_log(log)

# %% [markdown]
# The message names the role, the action and the object, and that no policy allows it. A **missing**
# object gives almost the same message if the caller may not list the bucket (`s3:ListBucket`). S3
# then hides that an object does not exist, and answers 403 instead of 404 (S3 API, GetObject). So
# with `AccessDenied`, read the action, check that the key exists, and then read the policy. A
# bucket that another account owns gives `AccessDenied` too, because `BUCKET_OWNER` names yours.
#
# Back to the right folder:

# %%
deploy.allow(NAME, "read_models", bucket=BUCKET, prefix=PREFIX)
fresh()
while (answer := ask()[0]).get("statusCode") == 500 and time.monotonic() < deadline:
    time.sleep(10)
    fresh()
answer

# %% [markdown]
# ## Typical errors of zips and layers
#
# We use a tiny function that imports NumPy, and layers that are wrong in different ways. First,
# packages for another machine, as `pip install` without `--platform` installs them on a Mac:

# %%
MAC = ["--platform=macosx_14_0_arm64"]
pip_install(BUILD / "mac" / "python", "numpy==2.4.6", platform=MAC)
shutil.rmtree(BUILD / "flat", ignore_errors=True)
shutil.copytree(packages / "numpy", BUILD / "flat" / "numpy",       # no python/ around it
                ignore=shutil.ignore_patterns("*.so", "__pycache__"))

tiny = io.BytesIO()
with zipfile.ZipFile(tiny, "w") as archive:
    entry = zipfile.ZipInfo("lambda_function.py")
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, "import numpy\n\ndef lambda_handler(event, context):\n    return 1\n")

TINY = f"{NAME}-tiny"
deploy.delete(TINY)


def fails(folder):
    """What Lambda says when the tiny function runs with this layer."""
    made = client.publish_layer_version(
        LayerName=TINY, Description=f"{deploy.mark()} wrong on purpose",
        Content={"ZipFile": workshop_packages.zipped(folder)}, CompatibleRuntimes=["python3.13"])
    settings = {"FunctionName": TINY, "Layers": [made["LayerVersionArn"]]}
    try:
        client.update_function_configuration(**settings)
        client.get_waiter("function_updated_v2").wait(FunctionName=TINY)
    except client.exceptions.ResourceNotFoundException:
        client.create_function(
            **settings, Runtime="python3.13", Handler="lambda_function.lambda_handler", Tags=TAGS,
            Code={"ZipFile": tiny.getvalue()}, Role=deploy.ensure_role(TINY), Timeout=10, MemorySize=512,
            Architectures=[engine.architecture()])
        client.get_waiter("function_active_v2").wait(FunctionName=TINY)
    payload = json.load(client.invoke(FunctionName=TINY)["Payload"])
    return payload["errorType"] + "\n" + payload["errorMessage"][:500]


print(fails(BUILD / "mac"))

# %% [markdown]
# The message ends with NumPy's own long advice, which does not mention Lambda. If `Unable to import
# module` is followed by *C-extensions* or *_multiarray_umath*, the package is for another machine
# or another Python: look at the file names in the layer.

# %%
for folder in (BUILD / "mac", layer):
    print(next(Path(folder, "python", "numpy", "_core").glob("_multiarray_umath*")).name)

# %% [markdown]
# Second, a layer whose packages are at its top and not in `python/`:

# %%
print(fails(BUILD / "flat"))

# %% [markdown]
# Everything is there, in `/opt/numpy`, where Python does not look.
#
# A third fault raises no error: the stale bytecode from the section above. It shows in INIT alone
# ([lesson 14](14_bring_down_cold_starts.ipynb) measures it).

# %%
deploy.delete(TINY)

# %% [markdown]
# ## Compared with the image
#
# Here is the same function as an image, with the model inside: built, pushed and created by
# `workshop.deploy`, as in lesson 05.

# %%
image = deploy.build("churn", "../build/models/churn.onnx", "v1")
pushed = deploy.push(image, IMAGE)
deploy.function(IMAGE, pushed, memory=512, timeout=10)
by_image = starts(IMAGE)

# %% [markdown]
# An update of the model is a new image:

# %%
Path("../build/models/churn_v2.onnx").write_bytes(model_v2)
began = time.monotonic()
image_v2 = deploy.build("churn", "../build/models/churn_v2.onnx", "v2")
deploy.function(IMAGE, deploy.push(image_v2, IMAGE), memory=512, timeout=10)
while ask(IMAGE)[0]["model_version"] != "2":
    time.sleep(0.2)
by_build = time.monotonic() - began

# %% [markdown]
# Look at these points:
#
# - **Image and zip** contain the same Python and the same packages. They differ in how the bytes
#   get to the machine. We cannot measure that here. Lambda downloads a zip completely before it
#   starts. Of an image it loads only the 512 KiB pieces that are read, from caches (Brooker et al.,
#   *On-demand Container Loading in AWS Lambda*, ATC 2023). For an *empty* Python 3.13 function on
#   x86, INIT is 84 ms as a zip and 161 ms as an image (maxday/lambda-perf, August 2026). So a small
#   function is faster as a zip. For a large one, only a measurement on AWS can tell.
# - **A model in S3** adds the import of boto3 and a client to INIT. The table below has the ratio.
#   People overlook it, because boto3 is part of Lambda's Python. Our model has a few kB, so it could
#   go into the zip. Do so if it changes as rarely as the code.
#
# Side by side:

# %%
weights = {tag: int(subprocess.run(["docker", "image", "inspect", "--format", "{{.Size}}", tag],
                                   capture_output=True, text=True, check=True).stdout)
           for tag in (image, base)}
stored = boto3.client("ecr").batch_get_image(repositoryName=IMAGE, imageIds=[{
    "imageDigest": pushed.partition("@")[2]}])
to_push = sum(one["size"] for one in json.loads(stored["images"][0]["imageManifest"])["layers"])
comparison = pd.DataFrame({
    "zip, layer, S3": [
        f"{(len(layer_zip) + len(code_zip)) / MB:.0f}", f"{size(layer) / MB:.0f}",
        f"{by_zip['INIT'] / by_image['INIT']:.1f}",
        f"{by_zip['first request'] / by_zip['warm request']:.0f}", f"{by_pointer:.0f}"],
    "image": [
        f"{to_push / MB:.0f}", f"{(weights[image] - weights[base]) / MB:.0f} and the base",
        "1",
        f"{by_image['first request'] / by_image['warm request']:.0f}", f"{by_build:.0f}"],
}, index=["MB to upload, compressed", "MB, unpacked", "INIT, × the image's",
          "first request, × a warm one", "seconds until version 2 answers"])
comparison

# %% [markdown]
# First request and update are those of the local cloud. On AWS an image needs a minute or two to
# get to ECR, and the zip's first request goes to S3 and back. The cells run there unchanged.
#
# ### Exercise 4: zip or image? (7 minutes)
#
# Complete `choose`, which returns `"zip, model inside"`, `"zip, model in S3"` or `"image"`:
#
# - more than 250 MB unpacked, libraries and code together: only an image is possible;
# - the model changes without the code: it belongs in S3, and then does not count for the 250 MB.
#   But it must fit into `/tmp`, which has 512 MB unless you pay for more; if not, an image;
# - in all other cases it goes into the zip, if both fit together, else into S3 by the rule above.
#
# All sizes are in MB, unpacked. (Lambda can also mount a bucket as a folder, with *S3 Files*: Lambda
# API reference, `S3FilesConfig`, read in November 2026. We leave it out here.)
#
# <details><summary>Hint 1</summary>
#
# Begin with what leaves no choice: `if libraries > 250: return "image"`.
# </details>
#
# <details><summary>Hint 2</summary>
#
# Then the zip: `if not changes and libraries + model <= 250`. What is left is S3 or image, by
# `model <= 512`.
# </details>

# %% Exercise 4
def choose(libraries, model, changes):
    """How to ship: sizes in MB, and whether the model changes without the code."""
    # BEGIN SOLUTION
    if libraries > 250:
        return "image"
    if not changes and libraries + model <= 250:
        return "zip, model inside"
    return "zip, model in S3" if model <= 512 else "image"
    # END SOLUTION


print(choose(size(layer) / MB, len(model_v1) / MB, changes=False))

# %% Check 4 tags=["check"]
CASES = [((80, 1, False), "zip, model inside", "a small model that stays: it fits beside the code"),
         ((80, 1, True), "zip, model in S3", "it changes without the code, so it belongs in S3"),
         ((900, 1, False), "image", "the libraries alone are over 250 MB"),
         ((900, 1, True), "image", "the libraries alone are over 250 MB, S3 does not help them"),
         ((80, 300, False), "zip, model in S3", "together over 250 MB, but /tmp takes 300 MB"),
         ((80, 170, False), "zip, model inside", "exactly 250 MB fit"),
         ((80, 600, True), "image", "600 MB do not fit into /tmp"),
         ((80, 600, False), "image", "600 MB fit neither the zip nor /tmp")]
assert choose(80, 1, False) is not None, "choose returned nothing: is it still open?"
for (libraries, model, changes), right, why in CASES:
    answer = choose(libraries, model, changes)
    assert answer == right, (
        f"libraries {libraries} MB, model {model} MB, changes: {changes}: {why}. "
        f"{right!r}, you returned {answer!r}")
print("Right.")

# %% [markdown]
# ## The same, in four lines
#
# Later lessons call `workshop.deploy` for all this. You may call it again: the same packages give
# the same layer version, and a thing that is already correct does not change.

# %%
made = deploy.layer(NAME, folder="churn")
uri = deploy.publish_model(NAME, "../build/models/churn.onnx", version="1")
deploy.allow(NAME, "read_models", bucket=deploy.bucket(NAME), prefix=PREFIX)
deploy.zip_function(NAME, memory=512, timeout=10, environment={**ENVIRONMENT, "MODEL_URI": uri},
                    layers=[made], folder="churn")
print(ask()[0])

# %% [markdown]
# ## Recap
#
# - **Limits:** 50 MB with the call, 250 MB unpacked. ONNX Runtime takes a third of it, scikit-learn
#   all of it.
# - **Packages for Lambda's machine:** `--platform`, `--python-version`, `--only-binary`; in
#   `python/` for a layer; bytecode from Lambda's Python, valid whatever the date.
# - **Permissions:** `s3:GetObject` on one prefix. Without `s3:ListBucket`, a missing model is
#   `AccessDenied`.
# - **Update:** each model has its own key, and a pointer has its checksum. To move the pointer
#   takes seconds and no deployment; for that time, environments differ.
# - **A broken model** is never loaded, and the one before stays. Without one, the answer is 500,
#   and the reason is in the log.
# - **Compared with the image:** with the model inside, a zip holds the same packages. A model in S3 adds
#   boto3 to INIT and S3 to the first request. It makes updates fast, and adds parts that can be
#   missing. An image is one thing, tested as a whole, up to 10 GB.
#
# ## Clean up
#
# We delete the function, its log, its role, the layer versions, and the bucket with its objects;
# for the image, its repository. On your disk, the packages.

# %%
for name in (NAME, IMAGE):
    deploy.delete(name)
for folder in (layer, sk.parent, pandas.parent, BUILD / "mac", BUILD / "flat"):
    shutil.rmtree(folder, ignore_errors=True)

# %% [markdown]
# ## Next
#
# [Lesson 16](16_choose_memory_estimate_bill.ipynb): how much memory, and what does it cost a month?
