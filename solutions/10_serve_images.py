# ---
# title: Serve images from one function
# workshop:
#   number: "10"
#   needs: [docker]
#   reading: 30
#   exercises: 15
#   execution: 2
#   cost: "under $0.01"
#   products: []
# jupyter: {kernelspec: {display_name: Python 3, language: python, name: python3}}
# ---

# %% [markdown]
# # Serve images from one function
#
# A client sends a picture as a link, as text or as raw bytes. The link may lead to a place that the
# client must not reach, and the picture may be larger than your function's memory. In this lesson
# one function answers all of them, for any image model, and says what it refuses and why.
#
# **You will**
# - build the image with the model as its one argument, and run it as Lambda would;
# - see which links the function refuses to follow, and why;
# - choose memory and time-out, and recognise when one of them is too small;
# - let a function read one private object in S3, without its own permission: a presigned URL;
# - send raw bytes through an HTTP API, and find the largest body that gets through.
#
# **You need** Docker, and `build/models/fashion.onnx` from lesson 08 (made now if it is missing).
#
# **Time** 30 minutes reading, 15 minutes exercises. **Cost** free on the local cloud; on AWS
# under \$0.01.

# %% [markdown]
# ```mermaid
# flowchart LR
#     onnx[fashion.onnx] --> function[image function] --> https[HTTPS]
#     preprocess["preprocess.py"] -->|09| function
#     s3[(S3 bucket)] -- presigned URL --> function
#     torch[PyTorch network] -. 11 .-> function
#     classDef now fill:#0072B2,color:#ffffff,stroke:#0072B2
#     class function,https,s3 now
# ```
#
# Filled with colour: what you build in this lesson. Dotted: the next lesson.

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("08")

# %% [markdown]
# First we remove what an earlier run of this lesson may have left.

# %%
from workshop import deploy

NAME, PROBE = deploy.name("image"), deploy.name("probe")
for name in NAME, PROBE:
    deploy.delete(name)

# %%
import base64
import io
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import onnxruntime as ort
import pandas as pd
import requests
from botocore.exceptions import ClientError
from PIL import Image

from workshop.plots import set_style, show
from workshop.plots import pictures as plot

set_style()
pd.set_option("display.max_colwidth", None)
MODEL = Path("../build/models/fashion.onnx")
FUNCTION = Path("../lambda/image")
GARMENTS, PHOTOGRAPHS = Path("../data/garments"), Path("../data/photographs")

# %% [markdown]
# ## Three ways to send a picture
#
# | the caller has | and sends | good for |
# |---|---|---|
# | the picture's address | `{"url": "https://…"}` | large files; the bytes go another way |
# | the file, and speaks JSON | `{"image": "base64 of the file"}` | direct invokes |
# | the file, and speaks HTTP | the bytes themselves as the body | browsers, `curl`, phones |
#
# A request may also have `"top"`, the number of labels in the answer (3 by default), and
# `"invert"`, which swaps black and white. After that, all three ways do the same:
#
# ```mermaid
# flowchart LR
#     url["url"] --> fetch["fetch.py<br/>get it, if it<br/>may be reached"] --> picture
#     text["base64"] --> picture["picture.py<br/>decode,<br/>or refuse"]
#     raw["raw bytes"] --> picture
#     picture --> preprocess["preprocess.py<br/>size, scale,<br/>layout"]
#     preprocess --> model["ONNX<br/>Runtime"] --> top["the most<br/>probable labels"]
# ```
#
# These are the function's files, with the first line of each:

# %%
for path in sorted(FUNCTION.glob("*.py")):
    print(f"{path.name:19}", path.read_text(encoding="utf-8").partition('"""')[2].splitlines()[0])
print("\nrequirements.txt:", *(FUNCTION / "requirements.txt").read_text().split())

# %% [markdown]
# There is no TensorFlow: Pillow decodes the pictures, and ONNX Runtime computes.
#
# ## Build: any model, one argument
#
# `docker/Dockerfile` is that of lesson 04. `deploy.build` puts the function's folder and the model
# file into it. With another model, it becomes another image of the same code, with another tag.

# %%
IMAGE = deploy.build("image", model=MODEL, tag="fashion")
IMAGE

# %% [markdown]
# Run it as Lambda would, as in lesson 04: read-only, as an unprivileged user, through the emulator.

# %%
from workshop import engine

BOX = engine.own("workshop-10")
LIKE_LAMBDA = ("--read-only --tmpfs /tmp:size=512m --user 993:990 --cap-drop ALL "
               "--memory 1024m --memory-swap 1024m")


def start(*variables):
    """Start the image in place of the one that runs, with these variables; return its address."""
    subprocess.run(["docker", "rm", "--force", BOX], capture_output=True)
    settings = [word for one in variables for word in ("--env", one)]
    subprocess.run(["docker", "run", "--detach", "--name", BOX, "--label", "workshop.lesson=10",
                    "--publish", "127.0.0.1::8080", *LIKE_LAMBDA.split(), *settings,
                    IMAGE], check=True, capture_output=True)
    done = subprocess.run(["docker", "port", BOX, "8080"], check=True, capture_output=True,
                          text=True)
    port = done.stdout.split(":")[-1].strip()
    return f"http://localhost:{port}/2015-03-31/functions/function/invocations"


def invoke(address, event, patience=10):
    """Send an event to the emulator; wait a little if it is still starting."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return requests.post(address, json=event, timeout=60)
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def as_text(path):
    """A file as base64."""
    return base64.b64encode(Path(path).read_bytes()).decode()


boot = GARMENTS / "boot.png"
emulator = start()
invoke(emulator, {"image": as_text(boot)}).json()

# %% [markdown]
# The answer has the labels with their probabilities, best first, and the model's name. Are they the
# same as from the model in this notebook, with the code of lesson 09? We send the garments and a
# photograph:

# %%
sys.path.insert(0, str(FUNCTION))
import preprocess

session = ort.InferenceSession(MODEL)
signature = json.loads(session.get_modelmeta().custom_metadata_map["signature"])
to_tensor = preprocess.make(signature["input"])
paths = [*sorted(GARMENTS.iterdir()), PHOTOGRAPHS / "chelsea.png"]
answers = {path: invoke(emulator, {"image": as_text(path), "top": 10}).json() for path in paths}

for path, answer in answers.items():
    with Image.open(path) as picture:
        [row] = session.run(None, {signature["input"]["name"]: to_tensor(picture)})[0]
    here = dict(zip(signature["classes"], row))
    there = {one["label"]: one["probability"] for one in answer["predictions"]}
    assert max(abs(here[name] - there[name]) for name in here) < 1e-5, path.name

best = {path: answer["predictions"][0] for path, answer in answers.items()}
show(*plot.gallery({f"{path.name}\n“{one['label']}” {one['probability']:.2f}": path
                        for path, one in best.items()}, 4,
                       "Eight pictures and the function's answers", size=(9, 5.2)))

# %% [markdown]
# The model answers with a garment for the cat as well, and it does not find the bag on white: the
# function only returns the model's answers. For the bag there is `invert`:

# %%
invoke(emulator, {"image": as_text(GARMENTS / "bag-on-white.jpg"), "invert": True}).json()

# %% [markdown]
# ## Which links does it follow?
#
# keras-image-helper has `from_url`, which looks useful for a function that accepts links. But what
# does it accept as a link?

# %%
from keras_image_helper import create_preprocessor

helper = create_preprocessor("xception", target_size=(28, 28))
helper.from_url(boot.resolve().as_uri()).shape              # file:///…/boot.png

# %% [markdown]
# It has read a file of this machine. A client that may choose the link could read everything that
# the function can reach, its neighbours in the network too. In a cloud, an address such as
# `169.254.169.254` may return the machine's credentials. This attack is called [server-side request
# forgery](https://owasp.org/www-community/attacks/Server_Side_Request_Forgery). So the function
# loads links with its own code, `fetch.py`. Which of these links does it follow?

# %%
hostile = [
    "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://127.0.0.1/",
    "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", "http://2130706433/",
    "http://[::1]/", "file:///etc/passwd", "https://no-such-host.invalid/boot.png"]


def refusal(answer):
    """Status and message of a refused request; the message goes on from "the url"."""
    return {"status": answer["statusCode"], "the url …": answer["problems"][0]["message"]}


pd.DataFrame([{"url": url} | refusal(invoke(emulator, {"url": url}).json()) for url in hostile])

# %% [markdown]
# Look at these points:
#
# - Each is the client's mistake, a 4xx: 400 if the link is written wrongly, 422 if its host or its
#   port may not be reached.
# - Private addresses get one message, the same as a host that does not exist. Otherwise a client
#   could map the network around the function.
# - `2130706433` is 127.0.0.1, written as one number. Resolvers accept it; the function answers 400.
# - A port other than 80 and 443 gets 422, before the host is looked up.
#
# The function looks up the name once, and every address must be public. It connects to exactly the
# address that it has checked, and checks again after every redirect.
#
# What if pictures are on a private host? Then the operator, never the client, names that host in
# the environment variable `ALLOWED_HOSTS`. It is **empty unless you set it**.
#
# ## Enough time
#
# Loading a link may take long. The function waits 10 seconds for a host. Lambda gives a function 3
# seconds by default. What happens? We use a host that accepts connections and never answers, inside
# the same container, and allow it. A variable sets the emulator's time-out.

# %%
SILENT = "import socket, time; server = socket.create_server(('127.0.0.1', 8000)); time.sleep(60)"
READY = ("import socket, time\n"
         "while socket.socket().connect_ex(('127.0.0.1', 8000)): time.sleep(0.1)")


def ask_silent_host(timeout):
    """What a function with this time-out (s) answers when the picture's host stays silent."""
    address = start(f"AWS_LAMBDA_FUNCTION_TIMEOUT={timeout}", "ALLOWED_HOSTS=127.0.0.1:8000")
    invoke(address, {})
    for option, program in ("--detach", SILENT), ("--interactive", READY):
        subprocess.run(["docker", "exec", option, BOX, "python3", "-c", program], check=True)
    began = time.monotonic()
    answer = invoke(address, {"url": "http://127.0.0.1:8000/boot.png"}).text
    print(f"time-out {timeout} s, answered after {time.monotonic() - began:.0f} s:\n{answer}\n")
    return answer


by_default, patient = ask_silent_host(3), ask_silent_host(15)
assert "timed out after 3" in by_default and "takes too long" in patient

# %% [markdown]
# *Notice:* with 3 seconds, Lambda ends the function in the middle. An HTTP client sees an internal
# error, and an alarm goes off. But the fault is in the picture's host, and with 15 seconds the
# function can say so. **Each time limit must be larger than the limits inside it**: loading 10 s <
# function 15 s < HTTP API 30 s (API Gateway quotas, read 2026-11).
#
# ## Enough memory
#
# Push, and create the function: lesson 05 showed every call. First with Lambda's defaults, 128 MB
# and 3 seconds.

# %%
image = deploy.push(IMAGE, repository=NAME)
deploy.function(NAME, image, memory=128, timeout=3)

# %%
lambda_ = boto3.client("lambda")


def ask(event):
    """Invoke the deployed function; return what it answers, or how it failed."""
    response = lambda_.invoke(FunctionName=NAME, Payload=json.dumps(event))
    return json.load(response["Payload"])


# A photograph of 12 million pixels, as a phone takes it. (Enlarged: it is the pixels that count.)
with Image.open(PHOTOGRAPHS / "coffee.png") as picture:
    buffer = io.BytesIO()
    picture.convert("RGB").resize((4000, 3000)).save(buffer, "JPEG", quality=80)
photograph = buffer.getvalue()
print(f"the photograph: {len(photograph) / 1e6:.1f} MB as a file, "
      f"{4000 * 3000 * 3 / 1e6:.0f} MB when decoded")

events = {"boot": {"image": as_text(boot)},
             "photograph": {"image": base64.b64encode(photograph).decode()}}
for what, event in events.items():
    print(f"{what}:", ask(event), "\n")

# %% [markdown]
# *Notice:* the boot works, so a quick test would have passed. The photograph is refused with the
# status **413**: it has too many pixels for the function's memory. A JPEG grows when it is decoded,
# here to 36 MB, and the steps after it make copies. `picture.py` counts 13 bytes for a pixel, 3
# when it is decoded and the rest for copies. That is 156 MB here. It reads the size at the
# beginning of the file, before it decodes anything. Lambda puts the memory into the environment
# variable `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`. The function accepts the pixels that fit in 60 % of it
# (one million always, 25 million at most), and no side longer than 16,384. These limits are
# constants in `picture.py`.
#
# Without this check, Lambda ends the function (`signal: killed`), or time runs out, because 128 MB
# also mean a fourteenth of a processor (lesson 05). Neither message mentions a picture. To count
# pixels alone is not enough: resizing also needs memory for each row, so a picture that is one pixel
# wide and millions high would need too much.

# %%
deploy.function(NAME, image, memory=1024, timeout=15)
for what, event in events.items():
    answer = ask(event)
    print(f"{what}:", answer, "\n")
    assert "predictions" in answer

# %% [markdown]
# (A cup of coffee is no garment either. But it gets an answer, in a fraction of a second.)
#
# ## A private bucket and a link that expires
#
# A shop keeps its pictures in **S3**, Amazon's storage for files. A **bucket** holds **objects**,
# each under a **key**. All accounts of the world share the names of buckets, so our name contains
# the account's number. A stranger could still guess it: with `ExpectedBucketOwner`, S3 refuses a
# bucket that another account owns (lesson 00).

# %%
s3 = boto3.client("s3")
account = boto3.client("sts").get_caller_identity()["Account"]
bucket = f"{deploy.name('images')}-{account}"
owned = {"Bucket": bucket, "ExpectedBucketOwner": account}
TAG_SET = [{"Key": key, "Value": value} for key, value in deploy.tags().items()]


def remove_bucket():
    """Delete our bucket with all that is in it; nothing happens where there is none."""
    if bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        return
    assert s3.get_bucket_tagging(**owned)["TagSet"] == TAG_SET, "you did not make it here"
    for one in s3.list_objects_v2(**owned).get("Contents", []):
        s3.delete_object(**owned, Key=one["Key"])
    s3.delete_bucket(**owned)
    print("deleted bucket", bucket)


remove_bucket()                                         # an earlier run's

# %%
region = s3.meta.region_name
# us-east-1 is the default, and must not be named; every other Region must be named.
where = {} if region == "us-east-1" else {
    "CreateBucketConfiguration": {"LocationConstraint": region}}
s3.create_bucket(Bucket=bucket, **where)
s3.put_bucket_tagging(**owned, Tagging={"TagSet": TAG_SET})
s3.put_public_access_block(**owned, PublicAccessBlockConfiguration={
    "BlockPublicAcls": True, "IgnorePublicAcls": True,
    "BlockPublicPolicy": True, "RestrictPublicBuckets": True})
s3.upload_file(str(boot), bucket, "boot.png", ExtraArgs={
    "ContentType": "image/png", "ExpectedBucketOwner": account})
print(bucket)

# %% [markdown]
# Nobody but you can read it: not the internet, and not the function. What may the function's role
# do? Only one thing:

# %%
[statement["Action"] for statement in json.loads(deploy.policy("logs", function=NAME))["Statement"]]

# %% [markdown]
# We could allow it to read the bucket, but then it could read *all* of it, at any time, for every
# client. A **presigned URL** is narrower. You sign a request to read this one object, valid for
# some seconds. Everyone who has the link may send this request, with your permissions, and may do
# nothing more. Your machine computes the signature, without a call to AWS.
#
# `cloud.link_signer()` is an S3 client for this. On AWS it is a normal client that signs for the
# bucket's own Region. On the local cloud it signs for the address under which a *container* finds
# your machine, because a container's `127.0.0.1` is the container.

# %%
signer = cloud.link_signer()


def link(key, seconds=60):
    """A link to an object, good for so many seconds."""
    return signer.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=seconds)


parts = urlsplit(link("boot.png"))
print(parts.scheme, parts.netloc, parts.path)
for name, [value] in parse_qs(parts.query).items():
    print(f"{name:20} {value if len(value) < 50 else value[:12] + '…'}")

# %% [markdown]
# The link contains who signed it (`Credential`: the id of the key, never its secret), when, and
# for how long. The `Signature` covers all of it, host and path too: change a letter, and it is not
# valid. The longest validity is 7 days, and a link that temporary credentials signed ends with
# them, often after an hour ([S3 user
# guide](https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html), read
# 2026-11). Minutes are enough here.
#
# Does the function accept it?

# %%
ask({"url": link("boot.png")})

# %% [markdown]
# On AWS, yes: S3 is a public host, at port 443. On the local cloud it is refused for two reasons:
# the port is another one, and the host is your machine, which is private. This is a case for
# `ALLOWED_HOSTS`. `cloud.host_for_functions()` returns that host with its port. On AWS it returns an
# empty text, so no private host is allowed there.

# %%
print("allowed:", cloud.host_for_functions() or "(no host)")
deploy.function(NAME, image, memory=1024, timeout=15,
                environment={"ALLOWED_HOSTS": cloud.host_for_functions()})
answer = ask({"url": link("boot.png")})
assert answer["predictions"][0]["label"] == "boot"
answer

# %% [markdown]
# The function has read a private object, without its own permission for S3. And what if the link is
# too old, or a client tries to read another object with it?

# %%
late = link("boot.png", seconds=1)
altered = link("boot.png").replace("boot.png", "invoices.pdf")
time.sleep(2)
for what, url in {"expired": late, "altered": altered}.items():
    response = refusal(ask({"url": url}))
    print(f"{what}:", response)
    assert response["the url …"].endswith("403")

# %% [markdown]
# S3 answered 403, and the function returns that. A link is a key: do not write it into logs. Our
# function does not; look at the function's last lines:

# %%
logs = boto3.client("logs")


def log_lines(patience=30):
    """The function's own lines of the log; they may take seconds to arrive."""
    deadline = time.monotonic() + patience
    while True:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{NAME}",
                                        filterPattern="model_version")["events"]
        if events or time.monotonic() > deadline:
            return [one["message"].strip() for one in events]
        time.sleep(1)


lines = log_lines()
assert not [line for line in lines if "X-Amz" in line]
print(*lines[-2:], sep="\n")

# %% [markdown]
# ## Raw bytes over HTTPS
#
# A browser or a phone has a file and sends it. `deploy.http_api` puts an HTTP API in front of the
# function, as in lesson 06.

# %%
api = deploy.http_api(NAME, function=NAME)


def post(data, media="image/png", address=f"{api}/predict", **query):
    """POST these bytes; again, for a while, until the API serves the route."""
    deadline = time.monotonic() + 30
    while True:
        answer = requests.post(address, data=data, params=query, timeout=40,
                               headers={"content-type": media})
        if answer.status_code not in (404, 500) or time.monotonic() > deadline:
            return answer
        time.sleep(1)


post(boot.read_bytes(), top=2).json()

# %% [markdown]
# `top` and `invert` go into the query string, because the body is the picture. What did the API
# make of the bytes? An event is JSON, and JSON has no bytes. The probe of lesson 06 shows its
# event:

# %%
deploy.zip_function(PROBE)
probe = deploy.http_api(PROBE, function=PROBE, route="POST /probe/{what}")
event = post(boot.read_bytes(), address=f"{probe}/probe/event").json()
print("isBase64Encoded:", event["isBase64Encoded"])
print("body:           ", event["body"][:40] + "…")
print(f"{boot.stat().st_size:,} bytes have become {len(event['body']):,} characters")
overhead = len(json.dumps(event)) - len(event["body"])
print(f"and around them, the event has {overhead:,}")

# %% [markdown]
# The API decides by the **content type** whether a body is text. With `image/png` it
# encodes the bytes in base64 and sets `isBase64Encoded`. A picture under a text type arrives broken,
# so the function does not try to decode it. (`application/json` is for bodies that are JSON, such as
# `{"url": …}`.)

# %%
for media in "text/plain", "application/json":
    response = post(boot.read_bytes(), media)
    print(media, response.status_code, response.json()["problems"][0]["message"])

# %% [markdown]
# ### Exercise 1: Write a client (8 minutes)
#
# Write `ask_file(path, media)`. It reads the file (`path` is a `Path`) and sends its **raw bytes**
# to `{api}/predict` with the content type `media`, asks for one label, and returns the label, a
# text. Use `requests.post`, once: the API is ready. A good answer's JSON has `predictions`, a list
# of dicts with `label` and `probability`. A refused request has a status from 400 on; its JSON has
# `problems`, a list of dicts with a `message`. Then `ask_file` raises `ValueError` with the first
# message.
#
# <details><summary>Hint 1</summary>
#
# `requests.post(url, data=…)` sends bytes as they are; `json=…` would make JSON of them. The
# content type is a header: `headers={"content-type": media}`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# One label: `params={"top": 1}`. `answer.ok` is False for every status from 400 on.
#
# </details>

# %% Exercise 1
def ask_file(path, media):
    """The label of a picture file, by the HTTP API; ValueError when it is refused."""
    # BEGIN SOLUTION
    answer = requests.post(f"{api}/predict", data=Path(path).read_bytes(), params={"top": 1},
                           headers={"content-type": media}, timeout=40)
    if not answer.ok:
        raise ValueError(answer.json()["problems"][0]["message"])
    return answer.json()["predictions"][0]["label"]
    # END SOLUTION


print(ask_file(boot, "image/png"))

# %% Check 1 tags=["check"]
from unittest.mock import patch

with patch("requests.post", wraps=requests.post) as sent:
    answer = ask_file(GARMENTS / "dress.png", "image/png")
assert answer is not None, "ask_file returned nothing: is there a `return`, or is it still open?"
assert answer == "dress", f"The picture shows a dress; return the label alone, not {answer!r}."
options = sent.call_args.kwargs
assert "json" not in options, "That is JSON: send the bytes themselves, with data=."
assert options.get("headers"), "Say what the bytes are: headers={'content-type': media}."
answer = None
try:
    answer = ask_file(GARMENTS / "sneaker.jpg", "text/plain")
except ValueError as error:
    assert "content type" in str(error), f"Take the message of the first problem, not {error}."
except KeyError as error:
    raise AssertionError(f"A refusal has no {error}: look at answer.ok first.") from None
assert answer is None, (
    f"text/plain should be refused, but ask_file returned {answer!r}: send `media` as it is given, "
    "and raise ValueError when the answer is not ok.")
print("Right:", ask_file(GARMENTS / "sneaker.jpg", "image/jpeg"))

# %% [markdown]
# ## Too large
#
# There are two limits for a large picture. An HTTP API takes bodies of **10 MB** (API Gateway
# quotas). A Lambda function takes events of **6 MB** (Lambda quotas, both read 2026-11), which means
# 6 × 1024 × 1024 bytes, about 6.3 million. The smaller limit decides, and base64 makes four
# characters of three bytes. We send pictures of several sizes (a boot, followed by zeros, which
# decoders ignore). The table counts millions of bytes:

# %%
def padded(size):
    """The file of the boot with zeros behind it, `size` bytes in all."""
    return boot.read_bytes().ljust(size, b"\0")


rows = []
for size in 1_000_000, 4_000_000, 4_700_000, 5_000_000, 8_000_000:
    response = post(padded(size))
    rows.append({"million bytes": size / 1e6, "as base64": 4 * size / 3 / 1e6,
                 "status": response.status_code, "answer": response.text[:60]})
pd.DataFrame(rows)

# %% [markdown]
# The API answers 413. The function was never called, and its log has no line. With a direct invoke,
# it is Lambda that refuses, with another message:

# %%
try:
    ask({"image": base64.b64encode(padded(5_000_000)).decode()})
except ClientError as error:
    print(error.response["ResponseMetadata"]["HTTPStatusCode"], error)

# %% [markdown]
# ### Exercise 2: The largest body (7 minutes)
#
# The limit holds for the *whole event*: the body in base64, and `overhead` bytes around it. Base64
# makes 4 characters of each 3 bytes. If 1 or 2 bytes are left at the end, they become 4 characters
# too. Write `largest_body(limit, overhead)`. It returns the largest number of raw bytes that fits, a
# whole number.
#
# <details><summary>Hint 1</summary>
#
# For the body, `limit - overhead` characters are left. How many whole groups of four?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `//` gives the number of whole groups. Each group holds 3 bytes.
#
# </details>

# %% Exercise 2
def largest_body(limit, overhead):
    """The most raw bytes whose base64, with `overhead` around it, fits into `limit` bytes."""
    # BEGIN SOLUTION
    return (limit - overhead) // 4 * 3
    # END SOLUTION


print(largest_body(6 * 1024 * 1024, overhead))

# %% Check 2 tags=["check"]
answer = largest_body(1000, 0)
assert answer is not None, "largest_body returned nothing: is it still open?"
assert answer != 1333, "Base64 makes bodies larger: times 3/4, not 4/3."
assert isinstance(answer, int), f"Bytes are whole numbers: use //; you returned {answer!r}"
assert answer == 750, f"Into 1,000 characters go 250 groups, so 750 bytes; you returned {answer}."
assert largest_body(1000, 200) != 750, "What stands around the body counts too: take it off."
answer = largest_body(1003, 200)
assert answer == 600, (
    f"Into 803 characters go 200 whole groups of 4, so 600 bytes, but you returned {answer}: "
    "divide with // first, then multiply by 3.")
print(f"Right: {largest_body(6 * 1024 * 1024, overhead) / 1e6:.2f} million bytes")

# %% [markdown]
# Is that correct? We send a body just below that size (headers differ a little between clients),
# and one above:

# %%
most = (6 * 1024 * 1024 - overhead) // 4 * 3
below, above = post(padded(most - 3_000)), post(padded(most + 3_000))
print(f"{most - 3_000:,} bytes: {below.status_code}    {most + 3_000:,} bytes: {above.status_code}")
assert below.ok and not above.ok

# %% [markdown]
# So the limit is about **4.7 million bytes**, and less for a picture in JSON with other values. A
# phone's photograph can be larger. Then use a link: the picture goes to S3, and only its address goes
# through the API. The function reads up to 10 MB from there:

# %%
for size in 8_000_000, 11_000_000:
    s3.put_object(**owned, Key="large.png", Body=padded(size), ContentType="image/png")
    response = requests.post(f"{api}/predict", json={"url": link("large.png"), "top": 1},
                             timeout=40)
    print(f"{size:,} bytes:", response.status_code, response.text)

# %% [markdown]
# (How does a client without AWS keys put a file into your bucket? With a presigned URL for
# `put_object` from your service.)
#
# ## Recap
#
# - **One function, any model**: `deploy.build("image", model=…)`.
# - **Links**: http and https to public addresses only; `ALLOWED_HOSTS` is empty unless the operator
#   has a reason.
# - **Time and memory**: each limit is larger than the limits inside it (10 < 15 < 30 s). A decoded
#   picture is many times its file, so use 1,024 MB. Check a picture's sides before you decode it.
# - **Presigned URL**: one object, one method, some seconds, signed with your permissions; the
#   function needs none.
# - **Raw bytes** become base64 on the way. With 6 × 1024 × 1024 bytes for the event, a picture may
#   have about 4.7 million; send larger ones through S3.
#
# ## Clean up
#
# We delete the container, the APIs and functions, and the bucket, which must be empty first.

# %%
subprocess.run(["docker", "rm", "--force", BOX], capture_output=True)
for name in NAME, PROBE:
    deploy.delete(name)
remove_bucket()

# %% [markdown]
# ## Next
#
# In [lesson 11](11_bring_pytorch_model.ipynb) the same function serves a PyTorch model.
