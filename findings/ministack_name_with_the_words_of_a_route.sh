#!/usr/bin/env bash
# MiniStack 1.5.33, boto3 1.43.102: a Lambda function whose name contains the words
# "provisioned-concurrency" can be created, is in the list of functions, and cannot be read:
# GetFunctionConfiguration is answered with "Function not found" and an empty name. The emulator
# looks for these words anywhere in the path, not only where the address of that API has them.
#
# Why it surprises: the name is one that Lambda allows, the call that creates it says 201, and the
# message says that the function is not there, while list_functions shows it.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install ministack==1.5.33 boto3==1.43.102
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$folder"
GATEWAY_PORT=$port SERVICES=lambda,iam,sts S3_DATA_DIR="$folder/s3" \
    "$folder/venv/bin/ministack" > "$folder/log" 2>&1 &
server=$!
PORT=$port "$folder/venv/bin/python" - <<'PY'
import io
import os
import time
import zipfile
from importlib.metadata import version

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError

print("ministack", version("ministack"), "boto3", version("boto3"))
client = boto3.client("lambda", region_name="us-east-1", aws_access_key_id="test",
                      aws_secret_access_key="test",
                      endpoint_url=f"http://127.0.0.1:{os.environ['PORT']}")
for _ in range(300):
    try:
        client.list_functions()
        break
    except EndpointConnectionError:
        time.sleep(0.2)
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as archive:
    archive.writestr("index.py", "def handler(event, context):\n    return event\n")
found = {}
for name in ("measure-reserved-concurrency", "measure-provisioned-concurrency"):
    client.create_function(FunctionName=name, Role="arn:aws:iam::000000000000:role/r",
                           Runtime="python3.12", Handler="index.handler",
                           Code={"ZipFile": buffer.getvalue()})
    try:
        client.get_function_configuration(FunctionName=name)
        found[name] = "found"
    except ClientError as error:
        found[name] = f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
    print(f"{name}: created; get_function_configuration: {found[name]}")
listed = [one["FunctionName"] for one in client.list_functions()["Functions"]]
print("list_functions:", listed)
assert found["measure-reserved-concurrency"] == "found"
assert "not found" in found["measure-provisioned-concurrency"].lower(), "changed: it is found now"
assert set(found) <= set(listed)
print("as described")
PY
