#!/usr/bin/env bash
# botocore 1.43.102, Python 3: the service models that botocore ships hold a `pattern` for many
# parameters. botocore itself never looks at them. Who uses them in Python, to check requests or to
# generate them, meets three surprises:
# - some are no regular expressions for `re` at all: they are Java's, with `\p{L}` or a hyphen
#   after `\w` inside brackets, and re.compile raises re.error;
# - anchors do not mean what they seem to: most patterns have none, a few have `^…$`, and the
#   services hold all of them against the whole value. `re.match` with the model's pattern for the
#   name of a Lambda function accepts "my-function!", which Lambda refuses;
# - an example of the same botocore release breaks the model beside it: the mapping's id in the
#   Lambda example of UpdateEventSourceMapping has fewer characters than the model's minimum.
#
# Why it surprises: the models are botocore's own data, in a Python package, next to each other.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install botocore==1.43.102
"$folder/venv/bin/python" - <<'PY'
import re
import sys

import botocore
from botocore.loaders import Loader

print("botocore", botocore.__version__, "Python", sys.version.split()[0])
loader, patterns, broken = Loader(), 0, {}
for service in ("apigateway", "budgets", "cloudformation", "cloudwatch", "ecr", "events", "iam",
                "lambda", "logs", "s3", "sagemaker", "scheduler", "sns", "sqs", "sts"):
    shapes = loader.load_service_model(service, "service-2")["shapes"]
    for name, shape in shapes.items():
        if "pattern" in shape:
            patterns += 1
            try:
                re.compile(shape["pattern"])
            except re.error as error:
                broken[f"{service} {name}"] = f"{shape['pattern']!r}: {error}"
print(patterns, "patterns;", len(broken), "that re.compile refuses:")
for where, what in sorted(broken.items()):
    print("  ", where, what[:110])

shapes = loader.load_service_model("lambda", "service-2")["shapes"]
pattern = next(shape["pattern"] for name, shape in shapes.items()
               if name in ("NamespacedFunctionName", "FunctionName") and "pattern" in shape)
match, whole = re.match(pattern, "my-function!"), re.fullmatch(pattern, "my-function!")
print("my-function!: re.match", bool(match), "re.fullmatch", bool(whole))

example = loader.load_service_model("lambda", "examples-1")["examples"]
number = example["UpdateEventSourceMapping"][0]["input"]["UUID"]
asked = loader.load_service_model("lambda", "service-2")["shapes"][
    "UpdateEventSourceMappingRequest"]["members"]["UUID"]["shape"]
print("the example's UUID:", number, "the model:", shapes[asked])

assert broken, "changed: every pattern is Python's now"
assert match and not whole, "changed: the pattern has anchors now"
least = shapes[asked].get("min", 0)
assert len(number) < least, "changed: the example keeps to the model now"
print("as described")
PY
