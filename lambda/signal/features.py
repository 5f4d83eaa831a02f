"""What the model is told of the market: six numbers from the last 21 trading days.

Training and serving call this one function, so they cannot differ. It gets bars up to a day and
no other, so it cannot look ahead.
"""
import math

WINDOW = 21         # bars: 20 daily returns
NAMES = ["return_1", "return_5", "return_20", "volatility_20", "place_in_range", "volume_ratio"]


def features(bars):
    """Return {name: float} for the close of the last bar.

    bars: dicts with high, low, close and volume, one for each trading day, oldest first; the last
    WINDOW are used. Raises ValueError when there are fewer.
    """
    if len(bars) < WINDOW:
        raise ValueError(f"features need {WINDOW} bars, there are {len(bars)}")
    bars = bars[-WINDOW:]
    close = [bar["close"] for bar in bars]
    returns = [after / before - 1 for before, after in zip(close, close[1:])]
    mean = sum(returns) / len(returns)
    today, volumes = bars[-1], [bar["volume"] for bar in bars[1:]]
    height = today["high"] - today["low"]
    return {
        "return_1": returns[-1],
        "return_5": close[-1] / close[-6] - 1,
        "return_20": close[-1] / close[0] - 1,
        "volatility_20": math.sqrt(sum((one - mean) ** 2 for one in returns) / (len(returns) - 1)),
        "place_in_range": (today["close"] - today["low"]) / height if height else 0.5,
        "volume_ratio": today["volume"] * len(volumes) / sum(volumes)}
