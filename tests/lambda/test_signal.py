"""The trading signal's function, with a store, a queue and an endpoint of the test's own."""
import importlib
import io
import json
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from function_folder import Context
from workshop.local.addresses import ACCOUNT
from workshop.machine.paths import LAMBDA, ROOT

BARS = pd.read_csv(ROOT / "data/sp500.csv")
MODULES = "features", "market", "ledger", "model", "lambda_function"


class S3:
    """Objects in memory; IfNoneMatch and StartAfter as S3 has them."""
    def __init__(self):
        self.objects, self.fail = {}, set()

    def get_object(self, Bucket, ExpectedBucketOwner, Key):
        if Key not in self.objects:
            raise refused("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, Bucket, ExpectedBucketOwner, Key, Body, IfNoneMatch=None):
        for word in self.fail:
            if word in Key:
                raise refused("SlowDown", "PutObject")
        if IfNoneMatch and Key in self.objects:
            raise refused("PreconditionFailed", "PutObject")
        self.objects[Key] = Body.encode()

    def list_objects_v2(self, Bucket, ExpectedBucketOwner, Prefix, MaxKeys, StartAfter):
        found = sorted(key for key in self.objects if key.startswith(Prefix) and key > StartAfter)
        return {"Contents": [{"Key": key} for key in found[:MaxKeys]]} if found else {}

    def keys(self, prefix):
        return sorted(key for key in self.objects if key.startswith(prefix))


class Queue:
    """A FIFO queue that drops what it has seen, and can refuse."""
    def __init__(self):
        self.orders, self.sends, self.fail = {}, 0, False

    def send_message(self, QueueUrl, MessageBody, MessageGroupId, MessageDeduplicationId):
        if self.fail:
            raise refused("ServiceUnavailable", "SendMessage")
        self.sends += 1
        self.orders.setdefault(MessageDeduplicationId, json.loads(MessageBody))


class Endpoint:
    """Answers from `answers`, the last one for ever: a prediction, or an error to raise."""
    def __init__(self):
        self.answers, self.asked = [0.6], []

    def invoke_endpoint(self, EndpointName, ContentType, Body):
        self.asked.append(json.loads(Body)["instances"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, dict):
            answer = {"predictions": [answer], "model_version": "1"}
        return {"Body": io.BytesIO(json.dumps(answer).encode())}


def refused(code, operation="InvokeEndpoint", **more):
    return ClientError({"Error": {"Code": code, "Message": "…"}, **more}, operation)


class Signal:
    """The function's modules, with what they talk to."""
    def __init__(self, monkeypatch):
        for name, value in {"LEDGER_BUCKET": "b", "BUCKET_OWNER": ACCOUNT,
                            "ENDPOINT": "e", "ORDERS_QUEUE": "q", "CLOCK": "event",
                            "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        for path in LAMBDA.glob("*/*.py"):
            monkeypatch.delitem(sys.modules, path.stem, raising=False)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(LAMBDA / "signal"))
            for name in MODULES:
                setattr(self, name, importlib.import_module(name))
        self.s3, self.queue, self.endpoint, self.pauses = S3(), Queue(), Endpoint(), []
        self.ledger.s3, self.lambda_function.sqs = self.s3, self.queue
        self.model.runtime = self.endpoint
        self.now = time.time()
        # A clock of their own: other threads of this process go by the real one.
        monkeypatch.setattr(self.model, "time", SimpleNamespace(
            time=lambda: self.now, sleep=self.pauses.append))
        self.context = Context()
        self.context.get_remaining_time_in_millis = lambda: 60_000

    def __call__(self, event):
        return self.lambda_function.lambda_handler(event, self.context)

    def refuses(self, event, words):
        with pytest.raises(self.market.NoDecisionError, match=words):
            self(event)


@pytest.fixture
def signal(monkeypatch):
    made = Signal(monkeypatch)
    yield made
    for name in MODULES:
        sys.modules.pop(name, None)


def event(day, hours=0.1, bars=BARS, count=21, **changes):
    place = bars.index[bars["date"] == day][0]
    closed = pd.Timestamp(f"{day} 16:00", tz="America/New_York")
    window = bars.loc[place - count + 1:place].to_dict("records")
    return {"detail": {"symbol": "SPX", "closed_at": closed.isoformat(), "bars": window,
                       "sent_at": (closed + pd.Timedelta(hours=hours)).isoformat(), **changes}}


# Features

def table_of(signal, bars):
    records, window = bars.to_dict("records"), signal.features.WINDOW
    return pd.DataFrame([signal.features.features(records[end - window:end])
                         for end in range(window, len(records) + 1)],
                        index=bars.index[window - 1:])


def test_features_are_what_pandas_computes(signal):
    close, high, low, volume = (BARS[name] for name in ("close", "high", "low", "volume"))
    returns = close.pct_change()
    expected = pd.DataFrame({
        "return_1": returns, "return_5": close.pct_change(5), "return_20": close.pct_change(20),
        "volatility_20": returns.rolling(20).std(),
        "place_in_range": ((close - low) / (high - low)).fillna(0.5),
        "volume_ratio": volume / volume.rolling(20).mean()})[signal.features.WINDOW - 1:]
    found = table_of(signal, BARS)
    assert list(found) == signal.features.NAMES
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-12)


def shifted_future(bars, day):
    """The bars, but after position `day` everything comes a day early."""
    moved = pd.concat([bars[:day + 1], bars[day + 2:]])
    return moved.set_axis(bars.index[:len(moved)])


def sees_the_future(make, bars, day=40):
    """Whether rows up to `day` change with what comes after; rows after it must change."""
    as_was, other, last = make(bars), make(shifted_future(bars, day)), bars.index[day]
    assert not as_was.loc[last + 1:].equals(other.loc[last + 1:]), "the shift changed nothing"
    return not as_was.loc[:last].equals(other.loc[:last])


def test_no_feature_changes_when_the_future_is_shifted(signal):
    for start in range(0, len(BARS) - 60, 13):
        assert not sees_the_future(lambda bars: table_of(signal, bars), BARS[start:start + 60])


@pytest.mark.parametrize("leak", [
    lambda bars: bars["close"].rolling(5, center=True).mean(),
    lambda bars: bars["volume"].shift(-1),
    lambda bars: bars["close"] - bars["close"].mean()], ids=["centred", "shifted", "scaled"])
def test_shifting_the_future_catches_features_that_look_ahead(leak):
    assert sees_the_future(lambda bars: leak(bars).to_frame(), BARS[:60])


def test_what_comes_before_the_window_does_not_matter_and_too_little_is_an_error(signal):
    bars = BARS.to_dict("records")
    assert signal.features.features(bars[:50]) == signal.features.features(bars[29:50])
    with pytest.raises(ValueError, match="need 21 bars, there are 20"):
        signal.features.features(bars[:20])


# Events

def test_every_window_of_the_data_is_believed_on_its_day(signal):
    for day in BARS["date"][20:]:
        symbol, found, bars = signal.market.read(event(day)["detail"])
        assert (symbol, found, len(bars)) == ("SPX", day, 21)


def test_without_a_replay_the_clock_is_our_own(signal, monkeypatch):
    monkeypatch.setattr(signal.lambda_function, "REPLAY", False)
    signal.refuses(event("2018-12-03"), "stale")
    assert signal.queue.orders == {}


def broken(**changes):
    """The last bar of an event, changed."""
    made = event("2018-12-03")
    made["detail"]["bars"][-1] |= changes
    return made


def with_bar(number, bar):
    """An event with another bar at that place."""
    made = event("2018-12-03")
    made["detail"]["bars"][number] = bar
    return made


SOUND = event("2018-12-03")["detail"]["bars"][2]


def swapped():
    made = event("2018-12-03")
    bars = made["detail"]["bars"]
    bars[3], bars[4] = bars[4], bars[3]
    return made


REFUSED = {
    "stale": (event("2018-12-03", hours=13), "stale"),
    "before the close": (event("2018-12-03", hours=-0.1), "not over"),
    "another day's bars": (event("2018-11-30", **{
        name: event("2018-12-03")["detail"][name] for name in ("closed_at", "sent_at")}),
        "last bar is not of the day"),
    "bars in another order": (swapped(), "not in the order"),
    "a day twice": (event("2018-12-03", bars=BARS.assign(date=BARS["date"].where(
        BARS["date"] != "2018-11-29", "2018-11-28"))), "not in the order"),
    "weeks missing": (event("2018-12-03", bars=BARS[~BARS["date"].between(
        "2018-11-10", "2018-11-20")].reset_index(drop=True)), "days are missing"),
    "too few bars": (event("2018-12-03", count=20), "right: bars must be a list of 21 to 100"),
    "too many bars": (event("2018-12-03", count=101), "right: bars must"),
    "bars as an object": ({"detail": {**event("2018-12-03")["detail"], "bars": {"0": 1}}},
                          "right: bars must"),
    "a bar that is a list": (with_bar(4, []), r"bars\[4\] must be an object"),
    "a price that is no number": (broken(close="2790.37"), r"bars\[20\].close must be a number"),
    "a price of zero": (broken(low=0), r"bars\[20\].low must be a number above 0"),
    "a negative price": (broken(open=-5), r"bars\[20\].open must be a number above 0"),
    "infinity": (broken(high=float("inf")), r"bars\[20\].high must be a number"),
    "not a number": (broken(volume=float("nan")), r"bars\[20\].volume must be a number"),
    "true": (broken(volume=True), r"bars\[20\].volume must be a number"),
    "null": (broken(close=None), r"bars\[20\].close must be a number"),
    "a close of 10**400": (broken(close=10**400), r"bars\[20\].close must be a number"),
    "a high of -10**400": (broken(high=-10**400), r"bars\[20\].high must be a number"),
    "a volume of 10**400": (broken(volume=10**400), r"bars\[20\].volume must be a number"),
    "a volume of 1e300 long ago": (with_bar(2, {**SOUND, "volume": 1e300}), r"bars\[2\].volume"),
    "a close above the day's high": (broken(close=1e6), r"bars\[20\].close is not between"),
    "an open below the day's low": (broken(open=1), r"bars\[20\].open is not between"),
    "a last day at 1e9": (broken(open=1e9, high=1e9, low=1e9, close=1e9),
                          r"bars\[20\].open is more than 2 times the close of the day before"),
    "a last close that trebled": (broken(high=9000, close=8400), r"bars\[20\].high is more than 2"),
    "a last day at a hundredth": (broken(open=27.9, high=27.9, low=27.9, close=27.9),
                                  r"bars\[20\].open is more than 2 times .* its half"),
    "a high that is wrong, long ago": (with_bar(1, {**SOUND, "date": "2018-11-05", "high": 9e8}),
                                       r"bars\[1\].high is more than"),
    "a date that is no date": (broken(date="yesterday"), r"bars\[20\].date must be a date"),
    "a date of another form": (broken(date="20181203"), r"bars\[20\].date must be a date"),
    "a date that is a number": (broken(date=20181203), r"bars\[20\].date must be a date"),
    "empty bars": ({"detail": {**event("2018-12-03")["detail"], "bars": [{}] * 21}},
                   r"bars\[0\].open must"),
    "a symbol with a path in it": (event("2018-12-03", symbol="../SPX"), "right: symbol must"),
    "a symbol that is a number": (event("2018-12-03", symbol=500), "right: symbol must"),
    "no symbol": (event("2018-12-03", symbol=None), "right: symbol must"),
    "no time zone": (event("2018-12-03", closed_at="2018-12-03T16:00:00"), "right: closed_at must"),
    "no time": (event("2018-12-03", closed_at=None), "right: closed_at must"),
    "the first hour of all": (event("2018-12-03", sent_at="0001-01-01T00:00:00+14:00"),
                              "right: sent_at must"),
    "a detail that is a list": ({"detail": []}, "right: detail must be an object"),
    "no detail": ({}, "right: detail must be an object"),
    "no event": ([], "right: detail must be an object"),
}


@pytest.mark.parametrize("wrong, words", REFUSED.values(), ids=REFUSED.keys())
def test_an_event_that_is_not_right_gets_no_decision(signal, wrong, words):
    signal.refuses(wrong, words)
    assert (signal.endpoint.asked, signal.s3.objects, signal.queue.orders) == ([], {}, {})


# Decisions and orders

def test_a_decision_is_kept_and_ordered(signal, capsys):
    assert signal(event("2018-12-03")) == "ordered"
    order = signal.queue.orders["SPX-2018-12-03"]
    assert order == {"id": "SPX-2018-12-03", "symbol": "SPX", "day": "2018-12-03", "target": 1,
                     "probability": 0.6, "model_version": "1", "data_until": "2018-12-03"}
    assert signal.ledger.decision("SPX", "2018-12-03") == order
    asked, = signal.endpoint.asked[0]
    bars = event("2018-12-03")["detail"]["bars"]
    assert asked == signal.features.features(bars)
    line = json.loads(capsys.readouterr().out)
    assert line["outcome"] == "ordered" and line["endpoint_milliseconds"] >= 0


@pytest.mark.parametrize("probability, target", [(0.5, 1), (0.499, 0), (0.0, 0), (1.0, 1)])
def test_the_target_is_the_thresholds(signal, probability, target):
    signal.endpoint.answers = [probability]
    signal(event("2018-12-03"))
    assert signal.queue.orders["SPX-2018-12-03"]["target"] == target


def test_a_duplicate_asks_nobody_and_orders_nothing(signal):
    signal(event("2018-12-03"))
    assert signal(event("2018-12-03")) == "duplicate"
    assert len(signal.endpoint.asked) == signal.queue.sends == 1


def test_an_event_after_a_later_days_gets_no_decision(signal):
    signal(event("2018-12-04"))
    assert signal(event("2018-12-03")) == "late"
    assert list(signal.queue.orders) == ["SPX-2018-12-04"]
    assert signal.s3.keys("decisions/") == ["decisions/SPX/2018-12-04.json"]


def test_another_symbols_later_day_makes_nothing_late(signal):
    signal(event("2018-12-04"))
    assert signal(event("2018-12-03", symbol="NDX")) == "ordered"


def test_a_failure_between_decision_and_order_is_mended_by_the_next_attempt(signal):
    signal.queue.fail = True
    with pytest.raises(ClientError):
        signal(event("2018-12-03"))
    assert signal.s3.keys("decisions/") and not signal.queue.orders
    signal.queue.fail, signal.endpoint.answers = False, [0.1]
    assert signal(event("2018-12-03")) == "ordered"
    assert signal.queue.orders["SPX-2018-12-03"]["target"] == 1, "the first decision counts"
    assert len(signal.endpoint.asked) == 1


def test_a_failure_after_the_order_sends_it_again_under_the_same_id(signal):
    signal.s3.fail = {"ordered/"}
    with pytest.raises(ClientError):
        signal(event("2018-12-03"))
    signal.s3.fail = set()
    assert signal(event("2018-12-03")) == "ordered"
    assert signal.queue.sends == 2 and list(signal.queue.orders) == ["SPX-2018-12-03"]


def test_an_unsent_order_of_a_day_before_the_last_is_never_sent(signal):
    signal.queue.fail = True
    with pytest.raises(ClientError):
        signal(event("2018-12-03"))
    signal.queue.fail = False
    signal(event("2018-12-04"))
    assert signal(event("2018-12-03")) == "late"
    assert list(signal.queue.orders) == ["SPX-2018-12-04"]


def test_when_another_was_quicker_its_decision_counts(signal, monkeypatch):
    ask = signal.endpoint.invoke_endpoint

    def and_meanwhile(**asked):
        signal.s3.put_object("b", ACCOUNT, "decisions/SPX/2018-12-03.json", json.dumps(
            {"id": "SPX-2018-12-03", "symbol": "SPX", "day": "2018-12-03", "target": 0}))
        return ask(**asked)

    signal.endpoint.invoke_endpoint = and_meanwhile
    signal(event("2018-12-03"))
    assert signal.queue.orders["SPX-2018-12-03"]["target"] == 0


# An endpoint that fails

TIMEOUT = ReadTimeoutError(endpoint_url="e")
PASSING = {
    "a time-out": TIMEOUT, "no connection": EndpointConnectionError(endpoint_url="e"),
    "throttled": refused("ThrottlingException"), "not ready": refused("ModelNotReadyException"),
    "its container failed": refused("ModelError", OriginalStatusCode=500),
    "its container timed out": refused("ModelError", OriginalStatusCode=0)}
LASTING = {
    "no such endpoint": refused("ValidationError"), "not allowed": refused("AccessDeniedException"),
    "our request is wrong": refused("ModelError", OriginalStatusCode=400),
    "no probability": 1.5, "not a number": float("nan"), "a whole number": 1,
    "a text": "0.6", "two": {"predictions": [0.1, 0.2], "model_version": "1"},
    "none": {"predictions": [], "model_version": "1"}, "no version": {"predictions": [0.6]},
    "something else": {"message": "hello"}}


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING.keys())
def test_what_may_pass_is_tried_again_after_random_pauses_and_not_for_ever(
        signal, error, monkeypatch):
    bounds = []
    monkeypatch.setattr(signal.model.random, "uniform",
                        lambda low, high: bounds.append((low, high)) or high)
    signal.endpoint.answers = [error, error, 0.6]
    assert signal(event("2018-12-03")) == "ordered"
    assert len(signal.endpoint.asked) == 3 and signal.pauses == [1.0, 2.0]
    assert bounds == [(0, 1.0), (0, 2.0)]
    signal.endpoint.answers, signal.endpoint.asked = [error], []
    signal.refuses(event("2018-12-04"), "the endpoint")
    assert len(signal.endpoint.asked) == 3
    assert list(signal.queue.orders) == ["SPX-2018-12-03"]


@pytest.mark.parametrize("error", LASTING.values(), ids=LASTING.keys())
def test_what_will_not_pass_is_not_tried_again(signal, error):
    signal.endpoint.answers = [error]
    signal.refuses(event("2018-12-03"), "the endpoint")
    assert len(signal.endpoint.asked) == 1 and signal.pauses == []
    assert signal.queue.orders == {} and signal.s3.keys("decisions/") == []


def test_no_attempt_begins_that_cannot_end_in_the_functions_time(signal):
    left = iter([40_000, 17_000])
    signal.context.get_remaining_time_in_millis = lambda: next(left)
    signal.endpoint.answers = [TIMEOUT]
    signal.refuses(event("2018-12-03"), "did not answer")
    assert len(signal.endpoint.asked) == 1


def test_the_breaker_opens_after_three_events_and_a_trial_closes_it(signal):
    signal.endpoint.answers = [refused("ValidationError")]
    days = list(BARS["date"][-10:])
    for day in days[:3]:
        signal.refuses(event(day), "ValidationError")
    signal.refuses(event(days[3]), "breaker is open")
    assert len(signal.endpoint.asked) == 3

    signal.now += 61        # half open: one trial, which fails
    signal.refuses(event(days[3]), "ValidationError")
    signal.refuses(event(days[3]), "breaker is open")
    assert len(signal.endpoint.asked) == 4

    signal.now += 61
    signal.endpoint.answers = [0.6]
    assert signal(event(days[3])) == "ordered"
    assert signal.ledger.breaker("e") == {"failures": 0, "open_until": 0}
    assert list(signal.queue.orders) == [f"SPX-{days[3]}"]


@pytest.mark.parametrize("status", [400, 404, 415, 422])
def test_a_request_that_the_endpoint_refuses_opens_the_breaker_for_nobody(signal, status):
    signal.endpoint.answers = [refused("ModelError", OriginalStatusCode=status)]
    for day in BARS["date"][-10:]:
        signal.refuses(event(day, symbol="BAD"), f"refuses this request with the status {status}")
    assert len(signal.endpoint.asked) == 10, "it is not tried again, and everybody may ask"
    signal.endpoint.answers = [0.6]
    assert signal(event("2018-12-03")) == "ordered"


def test_a_refused_request_neither_counts_nor_closes_a_breaker_that_fails(signal):
    bad, days = refused("ValidationError"), list(BARS["date"][-10:])
    client = refused("ModelError", OriginalStatusCode=400)
    signal.endpoint.answers = [bad, client, bad, client, bad, 0.6]
    for day in days[:5]:
        signal.refuses(event(day), "the endpoint")
    signal.refuses(event(days[5]), "breaker is open")


def test_events_without_time_to_ask_do_not_open_the_breaker(signal):
    signal.context.get_remaining_time_in_millis = lambda: 1000
    for day in BARS["date"][-5:]:
        signal.refuses(event(day), "no time to ask")
    signal.context.get_remaining_time_in_millis = lambda: 60_000
    assert signal(event("2018-12-03")) == "ordered"


@pytest.mark.parametrize("status", [408, 429])
def test_a_container_that_is_too_busy_is_asked_again_and_counts(signal, status):
    signal.endpoint.answers = [refused("ModelError", OriginalStatusCode=status)]
    for day in BARS["date"][-3:]:
        signal.refuses(event(day), "ModelError")
    assert len(signal.endpoint.asked) == 9
    signal.refuses(event("2018-12-03"), "breaker is open")


def test_a_success_between_failures_keeps_the_breaker_closed(signal):
    bad, days = refused("ValidationError"), list(BARS["date"][-10:])
    signal.endpoint.answers = [bad, bad, 0.6, bad, bad, 0.6]
    outcomes = []
    for day in days[:6]:
        try:
            outcomes.append(signal(event(day)))
        except signal.market.NoDecisionError as error:
            outcomes.append("breaker" if "breaker" in str(error) else "failed")
    assert outcomes == ["failed", "failed", "ordered"] * 2


def test_boto3_repeats_nothing_by_itself(monkeypatch):
    import boto3
    made = {}
    monkeypatch.setattr(boto3, "client", lambda name, config: made.setdefault(name, config))
    Signal(monkeypatch)
    config = made["sagemaker-runtime"]
    assert config.retries == {"total_max_attempts": 1}
    assert config.connect_timeout <= 5 and config.read_timeout == 15
    assert made["s3"].read_timeout + made["sqs"].read_timeout < 30


# A month

def test_a_month_with_duplicates_gives_one_decision_for_each_trading_day(signal):
    month = [day for day in BARS["date"] if day.startswith("2018-12")]
    outcomes = []
    for number, day in enumerate(month):
        outcomes += [signal(event(day)), signal(event(day)),
                     signal(event(month[max(0, number - 3)]))]
    assert outcomes.count("ordered") == len(month) and set(outcomes) == {"ordered", "duplicate"}
    assert list(signal.queue.orders) == [f"SPX-{day}" for day in month]
    assert signal.s3.keys("decisions/") == [f"decisions/SPX/{day}.json" for day in month]


def test_a_months_decisions_do_not_change_with_the_future(signal):
    """Each day's request to the model, from data in which all later days are shifted."""
    for place in range(len(BARS) - 22, len(BARS) - 1):
        day = BARS["date"][place]
        shifted = shifted_future(BARS, place)
        assert not shifted[place + 1:].equals(BARS[place + 1:])
        signal(event(day, bars=shifted))
        assert signal.endpoint.asked.pop() == [
            signal.features.features(BARS[:place + 1].to_dict("records"))]
