"""A small client of Lambda's Runtime API, in place of awslambdaric, which imports far more.

The image's entry point: `python3 -I -S runtime.py lambda_function.lambda_handler`. It imports the
handler, and then asks for one event after the other over one connection.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""
import sys

sys.path.insert(0, __file__.rpartition("/")[0])

import small_json

sys.modules["json"] = sys.modules["json.decoder"] = small_json      # for whoever imports json

import os
import time
from _socket import socket  # the C part; Python's own around it imports more than all of this

API = "/2018-06-01/runtime"
EMULATOR = "/usr/local/bin/aws-lambda-rie"


class Context:
    """What a handler is told about the call."""

    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.deadline = int(headers["lambda-runtime-deadline-ms"])
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")

    def get_remaining_time_in_millis(self):
        return max(0, self.deadline - int(time.time() * 1000))


class RuntimeApi:
    """The Lambda service's end of the function, spoken to in as much HTTP/1.1 as it takes."""

    def __init__(self, address):
        host, _, port = address.partition(":")
        self.address, self.socket = address, socket()
        self.socket.connect((host, int(port or 80)))
        self.answers = open(self.socket.fileno(), "rb", closefd=False)

    def ask(self, method, path, body=b"", headers=""):
        """Send one request; return the answer's headers, in small letters, and its body."""
        self.socket.sendall(f"{method} {API}{path} HTTP/1.1\r\nHost: {self.address}\r\n{headers}"
                            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status = self.answers.readline().split()
        given = {}
        while line := self.answers.readline().strip():
            name, _, value = line.decode().partition(":")
            given[name.lower()] = value.strip()
        content = self.read(given)
        if not status or not status[1].startswith(b"2"):
            raise ConnectionError(f"{method} {path}: the Runtime API answered {status}")
        return given, content

    def read(self, headers):
        """Return the body, sent in one piece or in chunks."""
        if headers.get("transfer-encoding") != "chunked":
            return self.answers.read(int(headers.get("content-length", 0)))
        content = b""
        while size := int(self.answers.readline(), 16):
            content += self.answers.read(size)
            self.answers.readline()
        self.answers.readline()
        return content

    def fail(self, path, error):
        """Report an exception: to the caller its type and text, to the log where it happened."""
        import traceback
        traceback.print_exception(error)
        failure = {"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": []}
        self.ask("POST", path, small_json.dumps(failure).encode(),
                 f"Lambda-Runtime-Function-Error-Type: {type(error).__name__}\r\n")


def load(name):
    """Return the handler that e.g. "lambda_function.lambda_handler" names."""
    module, _, function = name.rpartition(".")
    __import__(module)
    return getattr(sys.modules[module], function)


def main():
    if "AWS_LAMBDA_RUNTIME_API" not in os.environ:      # not on AWS: the emulator starts us again
        os.execv(EMULATOR, [EMULATOR, sys.executable, "-I", "-S", *sys.argv])
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(sys.argv[1])
    except Exception as error:
        api.fail("/init/error", error)
        sys.exit(1)
    while True:
        headers, event = api.ask("GET", "/invocation/next")
        request = "/invocation/" + headers["lambda-runtime-aws-request-id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
        try:
            answer = handler(small_json.loads(event), Context(headers))
            answer = small_json.dumps(answer).encode()
        except Exception as error:
            api.fail(request + "/error", error)
        else:
            api.ask("POST", request + "/response", answer)


if __name__ == "__main__":
    main()
