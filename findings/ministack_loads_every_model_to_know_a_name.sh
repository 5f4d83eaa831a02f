#!/usr/bin/env bash
# MiniStack 1.5.33, botocore 1.43.106: before the emulator answers a request that is signed for a
# service which it does not have (SageMaker is one), it looks whether AWS has a service of that name.
# For that it loads botocore's description of *every* service once: seconds of processor time, and
# some hundred megabytes that stay in the process.
#
# Why it surprises: the question is one of a name, which a listing of folders or botocore's
# endpoints.json answers; the cost comes with one ordinary request, and only for services that the
# emulator refuses.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install \
    ministack==1.5.33 boto3==1.43.102 botocore==1.43.106
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import time
from importlib.metadata import version

from ministack.core import router


def megabytes():
    """What the process holds in memory, by Linux's own account."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


print("ministack", version("ministack"), "botocore", version("botocore"))
before, began = megabytes(), time.process_time()
known = router._is_aws_service_name("sagemaker")
after, seconds = megabytes(), time.process_time() - began
print(f"is 'sagemaker' a name of AWS's? {known}")
print(f"memory {before:.0f} MB before, {after:.0f} MB after; {seconds:.1f} s of processor time")
assert known, "changed: the name is not known"
assert after - before > 150, "changed: it takes little memory now"
print("as described")
PY
