"""The generator of lesson 22: its arrivals come, whatever the endpoint does; its callers wait."""
import base64
import contextlib
import http.server
import importlib.util
import json
import threading

import pytest

from workshop import load
from workshop.machine import paths

PATIENCE = 20       # seconds until a server that waits in vain answers all the same


@pytest.fixture
def server():
    """`server(crowd)`: URL of an endpoint that answers nobody before `crowd` requests have come."""
    with contextlib.ExitStack() as stack:
        def start(crowd=1):
            found = Stalling(crowd)
            stack.callback(found.server_close)
            stack.callback(found.shutdown)
            threading.Thread(target=found.serve_forever, daemon=True).start()
            return found
        yield start


class Stalling(http.server.ThreadingHTTPServer):
    request_queue_size = 200
    daemon_threads = True

    def __init__(self, crowd):
        super().__init__(("127.0.0.1", 0), Answer)
        self.crowd, self.waiting, self.most, self.seen = crowd, 0, 0, []
        self.changed = threading.Condition()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server = self.server
        with server.changed:
            server.seen.append((self.path, body, self.headers.get("x-run-began")))
            server.waiting += 1
            server.most = max(server.most, server.waiting)
            server.changed.notify_all()
            server.changed.wait_for(lambda: len(server.seen) >= server.crowd,
                                    1 if body.get("impatient") else PATIENCE)
            server.waiting -= 1
        status = body.get("status", 200)
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def test_arrivals_do_not_slow_down_when_the_endpoint_stalls(server):
    plan = load.arrivals(40, 1, "/hold", {})
    endpoint = server(crowd=len(plan))
    calls = load.run(endpoint.url, plan)
    # Nobody was answered before the last one had come: a loop would have stood still.
    assert endpoint.most == len(calls) == len(plan)
    assert calls["answered"].min() >= calls["sent"].max()
    assert set(calls["status"]) == {200}


def test_callers_wait_for_their_answers(server):
    endpoint = server(crowd=1000)
    calls = load.run(endpoint.url, load.callers(3, 0.5, "/hold", {"impatient": True}))
    assert endpoint.most == len(calls) == 3


def test_one_run_mixes_both_and_tells_them_apart(server):
    endpoint = server()
    arrivals = load.arrivals(20, 0.5, "/hold", {"seconds": 1}, name="open")
    calls = load.run(endpoint.url, arrivals, load.burst(3, "/other", {}),
                     load.callers(1, 0.5, "/hold", {"status": 503}, pace=0.1, name="closed"))
    count = calls["name"].value_counts()
    assert (count["open"], count["/other"]) == (len(arrivals), 3)
    assert 1 <= count["closed"] <= 6, "one at each tenth of half a second, at most"
    assert set(calls["status"][calls["name"] == "closed"]) == {503}
    assert ("/hold", {"seconds": 1}) in [(path, body) for path, body, _ in endpoint.seen]
    assert len({began for *_, began in endpoint.seen}) == 1, "all know when the run began"


def test_latency_counts_from_the_planned_moment(server):
    plan = load.arrivals(20, 0.5, "/hold", {})
    calls = load.run(server().url, plan)
    assert calls["planned"].tolist() == pytest.approx([one["at"] for one in plan], abs=1e-5)
    assert (calls["latency"] == calls["answered"] - calls["planned"]).all()
    assert (calls["sent"] >= calls["planned"] - 0.001).all()


def test_what_is_not_answered_has_status_0(server):
    endpoint = server()
    endpoint.server_close()
    calls = load.run(endpoint.url, load.burst(2, "/hold", {}))
    assert calls["status"].tolist() == [0, 0]


def test_arrivals_have_their_rate_and_the_same_seed_the_same_moments():
    plan = load.arrivals(50, 100, "/", {}, begin=3)
    moments = [one["at"] for one in plan]
    assert moments == sorted(moments) and 3 < moments[0] and moments[-1] < 103
    assert 4700 < len(plan) < 5300      # 5000, and four times its standard deviation of 71
    assert plan == load.arrivals(50, 100, "/", {}, begin=3)
    assert plan != load.arrivals(50, 100, "/", {}, begin=3, seed=1)


def test_an_empty_plan_is_refused():
    with pytest.raises(ValueError, match="no arrivals, no callers"):
        load.run("http://127.0.0.1:9", [])


def test_what_locust_says_is_told_when_it_fails():
    with pytest.raises(RuntimeError, match="KeyError: 'path'"):
        load.run("http://127.0.0.1:9", [{"at": 0}])


@pytest.fixture(scope="module")
def hold():
    """The module lambda/hold/lambda_function.py."""
    spec = importlib.util.spec_from_file_location(
        "hold", paths.LAMBDA / "hold" / "lambda_function.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def over_http(asked, **headers):
    return {"requestContext": {}, "body": json.dumps(asked), "headers": headers}


def test_hold_says_when_and_where_it_was_busy(hold, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/22/[1]abc")
    told = hold.lambda_handler({"seconds": 0.01}, None)
    assert told["ended"] - told["began"] >= 0.01 and told["environment"] == "2026/11/22/[1]abc"
    response = hold.lambda_handler(over_http({"seconds": 0}), None)
    assert response["statusCode"] == 200 and json.loads(response["body"]).keys() == told.keys()


@pytest.mark.parametrize("since, waited", [(1, []), (2, [2]), (3.5, [0.5]), (4, [])])
def test_whoever_comes_in_the_stall_waits_for_its_end(hold, monkeypatch, since, waited):
    slept = []
    monkeypatch.setattr(hold.time, "sleep", slept.append)
    monkeypatch.setattr(hold.time, "time", lambda: 1000 + since)
    hold.lambda_handler(over_http({"seconds": 0.05, "stall": [2, 4]}, **{"x-run-began": "1000"}),
                        None)
    assert slept == [*waited, 0.05]


@pytest.mark.parametrize("asked", [
    {}, {"seconds": -1}, {"seconds": 6}, {"seconds": "1"}, {"seconds": True}, [], None,
    {"seconds": 1, "stall": 3}, {"seconds": 1, "stall": [1, 9]}, {"seconds": 1, "stall": [2, 1]}])
def test_hold_refuses_what_it_does_not_know_at_once(hold, monkeypatch, asked):
    slept = []
    monkeypatch.setattr(hold.time, "sleep", slept.append)
    response = hold.lambda_handler(over_http(asked), None)
    assert response["statusCode"] == 400 and json.loads(response["body"])["message"]
    assert slept == []


DEEP = "[" * 100_000
BODIES = ["not JSON", DEEP, DEEP + "]" * 100_000, '{"seconds":' * 100_000, "", None, {"seconds": 1},
          5, "\ufeff", '{"seconds": "\\ud800"}', '{"seconds": ' + "1" * 10_000 + "}"]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_hold_refuses_a_body_that_it_cannot_read(hold, body):
    for event in [{**over_http({}), "body": body},
                  {**over_http({}), "body": body, "isBase64Encoded": True}]:
        response = hold.lambda_handler(event, None)
        assert response["statusCode"] == 400 and json.loads(response["body"])["message"]


@pytest.mark.parametrize("value", ["soon", "", None, [1000]])
def test_hold_refuses_a_beginning_that_is_no_time(hold, value):
    response = hold.lambda_handler(over_http({"seconds": 0}, **{"x-run-began": value}), None)
    assert response["statusCode"] == 400 and "x-run-began" in response["body"]


@pytest.mark.parametrize("event", [[], None, "requestContext", 5])
def test_hold_refuses_an_event_that_is_no_object(hold, event):
    assert hold.lambda_handler(event, None)["statusCode"] == 400


def test_hold_reads_a_body_with_a_byte_order_mark_and_needs_no_headers(hold):
    event = {**over_http({}), "body": '\ufeff{"seconds": 0}', "headers": None}
    assert hold.lambda_handler(event, None)["statusCode"] == 200
    event.update(body=base64.b64encode(event["body"].encode()).decode(), isBase64Encoded=True)
    assert hold.lambda_handler(event, None)["statusCode"] == 200
