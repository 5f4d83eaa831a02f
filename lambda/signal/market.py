"""Which events the signal believes: whole, of one day, closed, and not old.

An event's detail is {"symbol", "closed_at": when the last bar was closed, ISO 8601 with its time
zone, "sent_at", "bars": [{"date", "open", "high", "low", "close", "volume"}, …]}, oldest first.
EventBridge promises no order and may deliver twice, so an event carries all that its decision
needs.
"""
import math
import re
from datetime import date, datetime, timedelta

from features import WINDOW

SYMBOL = re.compile(r"[A-Z][A-Z0-9.]{0,9}")     # it becomes part of an S3 key
MOST = 100                      # bars of an event
OLDEST = timedelta(hours=12)    # after that, the next session is near: no order
LONGEST_GAP = timedelta(days=7)     # between bars: New York was closed so long in September 2001


class NoDecision(Exception):
    """Why there is no decision. The event fails, so that it is tried again or put aside."""


def read(detail, now=None):
    """Return (symbol, day, bars) of an event's detail; raises NoDecision unless all is right.

    now: datetime with a time zone, what the clock says; None in a replay, where it is an event's own
    `sent_at`. day: date of the last bar, ISO.
    """
    try:
        symbol, bars = detail["symbol"], detail["bars"]
        closed_at = datetime.fromisoformat(detail["closed_at"])
        now = now or datetime.fromisoformat(detail["sent_at"])
        days = [date.fromisoformat(bar["date"]) for bar in bars]
        if not SYMBOL.fullmatch(symbol) or None in (closed_at.tzinfo, now.tzinfo):
            raise ValueError
        if not WINDOW <= len(bars) <= MOST or not all(map(sound, bars)):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise NoDecision("the event is not what a market event must be") from None
    gaps = [after - before for before, after in zip(days, days[1:])]
    if min(gaps) <= timedelta(0):
        raise NoDecision("the bars are not in the order of their days")
    if max(gaps) > LONGEST_GAP:
        raise NoDecision("between two bars, days are missing")
    if days[-1] != closed_at.date():
        raise NoDecision("the last bar is not of the day that was closed")
    if closed_at > now:
        raise NoDecision("the day is not over: its bar is still changing")
    if now - closed_at > OLDEST:
        raise NoDecision("the data are stale")
    return symbol, days[-1].isoformat(), bars


def sound(bar):
    """Whether a bar's prices and volume can be true."""
    values = [bar[name] for name in ("open", "high", "low", "close", "volume")]
    if any(isinstance(one, bool) or not isinstance(one, (int, float)) or not math.isfinite(one)
           or one <= 0 for one in values):
        return False
    _, high, low, close, _ = values
    return low <= close <= high
