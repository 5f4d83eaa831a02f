"""Python imports this at its start from a folder on PYTHONPATH: it notes each call to AWS.

A line of JSON for each call goes to the file that RECORD_CALLS names: service, operation,
parameters. `sam` and `aws` are Python programs and call AWS by botocore, so that they run as they
are and nobody needs to listen to what they send.
"""
import json
import os
import sys


def record(path):
    """Note the calls of every botocore client in this process."""
    from botocore.client import BaseClient
    make = BaseClient._make_api_call

    def noted(self, operation, parameters):
        line = json.dumps({"service": self.meta.service_model.signing_name,
                           "operation": operation, "parameters": parameters}, default=str)
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        return make(self, operation, parameters)
    BaseClient._make_api_call = noted


PROGRAM = os.path.basename((sys.orig_argv[1:2] or [""])[0])
if "RECORD_CALLS" in os.environ and PROGRAM in ("sam", "aws"):
    record(os.environ["RECORD_CALLS"])
