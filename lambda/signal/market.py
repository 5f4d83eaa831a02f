"""Which events the signal believes: whole, of one day, closed, and not old.

An event's detail is {"symbol", "closed_at": when the last bar was closed, ISO 8601 with its time
zone, "sent_at", "bars": [{"date", "open", "high", "low", "close", "volume"}, …]}, oldest first.
EventBridge promises no order and may deliver twice, so an event carries all that its decision
needs.
"""
import re
from datetime import UTC, date, datetime, timedelta

from features import WINDOW

SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,9}")     # it becomes part of an S3 key
MOST = 100                      # bars of an event
OLDEST = timedelta(hours=12)    # after that, the next session is near: no order
PRICES = ("open", "high", "low", "close")
LARGEST = {**dict.fromkeys(PRICES, 1e9), "volume": 1e15}
# From one day's close to the next day's prices. The worst day of the S&P 500 was -20 % (1987); a
# share that splits, or an error in the data, changes by more.
LARGEST_CHANGE = 2.0
LONGEST_GAP = timedelta(days=7)     # between bars: New York was closed so long in September 2001


class NoDecisionError(Exception):
    """Why there is no decision. The event fails, so that it is tried again or put aside."""


def read(detail, now=None):
    """Return (symbol, day, bars) of an event's detail; raises NoDecisionError unless all is right.

    now: datetime with a time zone, what the clock says; None in a replay, where it is an event's
    own `sent_at`. day: date of the last bar, ISO.
    """
    if not isinstance(detail, dict):
        raise wrong("detail", "must be an object")
    symbol, bars = detail.get("symbol"), detail.get("bars")
    if not isinstance(symbol, str) or not SYMBOL.fullmatch(symbol):
        raise wrong("symbol", "must be 1 to 10 capitals, digits and points")
    closed_at = read_time(detail, "closed_at")
    now = now or read_time(detail, "sent_at")
    days = check_bars(bars)
    if days[-1] != closed_at.date():
        raise NoDecisionError("the last bar is not of the day that was closed")
    if closed_at > now:
        raise NoDecisionError("the day is not over: its bar is still changing")
    if now - closed_at > OLDEST:
        raise NoDecisionError("the data are stale")
    return symbol, days[-1].isoformat(), bars


def wrong(field, message):
    """Return the NoDecisionError for an event whose `field` is wrong; its value is not repeated."""
    return NoDecisionError(f"the event is not right: {field} {message}")


def read_time(detail, field):
    """Return a time of an event, with its time zone."""
    try:
        time = datetime.fromisoformat(detail.get(field))
        time.astimezone(UTC)        # so that it can be compared: year 1 has no hour before it
    except (TypeError, ValueError, OverflowError):
        time = None
    if time is None or time.tzinfo is None:
        raise wrong(field, "must be a time in ISO 8601 with its time zone")
    return time


def check_bars(bars):
    """Return the days of an event's bars; raises NoDecisionError unless they can be true."""
    if not isinstance(bars, list) or not WINDOW <= len(bars) <= MOST:
        raise wrong("bars", f"must be a list of {WINDOW} to {MOST} bars")
    for number, bar in enumerate(bars):
        check_bar(f"bars[{number}]", bar)
    days = [date.fromisoformat(bar["date"]) for bar in bars]
    gaps = [after - before for before, after in zip(days, days[1:])]
    if min(gaps) <= timedelta(0):
        raise NoDecisionError("the bars are not in the order of their days")
    if max(gaps) > LONGEST_GAP:
        raise NoDecisionError("between two bars, days are missing")
    for number, (before, bar) in enumerate(zip(bars, bars[1:]), 1):
        check_change(f"bars[{number}]", before["close"], bar)
    return days


def check_bar(place, bar):
    """Raise NoDecisionError unless one bar's date, prices and volume can be true."""
    if not isinstance(bar, dict):
        raise wrong(place, "must be an object")
    for name, largest in LARGEST.items():
        value = bar.get(name)
        # A comparison is exact for whole numbers of any size, and false for NaN.
        if type(value) not in (int, float) or not 0 < value <= largest:
            raise wrong(f"{place}.{name}", f"must be a number above 0, at most {largest:g}")
    for name in ("open", "close"):
        if not bar["low"] <= bar[name] <= bar["high"]:
            raise wrong(f"{place}.{name}", "is not between low and high")
    try:
        plain = date.fromisoformat(bar.get("date")).isoformat() == bar["date"]
    except (TypeError, ValueError):
        plain = False
    if not plain:
        raise wrong(f"{place}.date", "must be a date as in 2018-12-03")


def check_change(place, before, bar):
    """Raise NoDecisionError for a price that is too far from the close of the day before."""
    for name in PRICES:
        if not before / LARGEST_CHANGE <= bar[name] <= before * LARGEST_CHANGE:
            raise wrong(f"{place}.{name}", f"is more than {LARGEST_CHANGE:g} times the close of "
                        "the day before, or less than its half")
