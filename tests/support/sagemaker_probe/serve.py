"""A container for SageMaker that does what a test asks it to."""
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

STARTED = time.time()
at_once = most_at_once = 0
counting = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.reply(200 if os.environ.get("PING") != "never" else 503, b"")

    def do_POST(self):
        global at_once, most_at_once
        with counting:
            at_once += 1
            most_at_once = max(most_at_once, at_once)
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        held = b"x" * (asked.get("megabytes", 0) * 1024 * 1024)
        time.sleep(asked.get("sleep", 0))
        if "exit" in asked:
            os._exit(asked["exit"])
        print("asked", asked.get("say", ""), flush=True)
        with counting:
            at_once -= 1
        self.reply(asked.get("status", 200), b"y" * asked["bytes"] if "bytes" in asked else
                   asked["say"].encode() if "status" in asked else json.dumps({
                       "started": STARTED, "colour": os.environ.get("COLOUR"), "held": len(held),
                       "asked": {key: asked[key] for key in asked if key != "ballast"},
                       "most_at_once": most_at_once,
                       "headers": {name.lower(): value for name, value in self.headers.items()},
                       "user": f"{os.getuid()}:{os.getgid()}",
                       "model": {str(path): path.read_text()
                                 for path in Path("/opt/ml/model").rglob("*") if path.is_file()},
                       "writable": [folder for folder in ("/", "/tmp", "/opt/ml/model")
                                    if os.access(folder, os.W_OK)]}).encode())

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        if "X-Amzn-SageMaker-Custom-Attributes" in self.headers:
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from the container")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


print("starting", flush=True)
if os.environ.get("PING") == "exit":
    raise SystemExit("there is nothing to serve")
ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
