"""Wrong answers to the exercises of lesson 15: (exercise, code, words of the diagnosis)."""

CHANGE = ('for name in "high", "low", "close", "volume":\n'
          '    other.iloc[day + 1:, other.columns.get_loc(name)] *= 2\n')
LAST = "last = bars.index[day]\n"
CHANGES = "changes = target.diff().fillna(target.iloc[0]).abs().sum()\n"
EARNED = "(target * change).sum()"
LATER = 'if order["day"] <= account["day"]:\n    return account\n'
MOVED = '{**account, "day": order["day"], "target": order["target"]'

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", CHANGE + "return not make(bars).equals(make(other))",
     "compare only the rows up to it"),
    ("Exercise 1", CHANGE.replace("day + 1", "day") + LAST
     + "return not make(bars).loc[:last].equals(make(other).loc[:last])",
     "change only the bars after the day"),
    ("Exercise 1", LAST + "return not make(bars).loc[:last].equals(make(other).loc[:last])",
     "are the closes after the day changed"),
    ("Exercise 1", 'other.iloc[day + 1:, other.columns.get_loc("close")] *= 2\n' + LAST
     + "return not make(bars).loc[:last].equals(make(other).loc[:last])",
     "change every column"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", CHANGES + f"return {EARNED} / changes", "take off what holding earns"),
    ("Exercise 2", f"return ({EARNED} - change.sum()) / target.sum()",
     "are not changes of position"),
    ("Exercise 2", f"return ({EARNED} - change.sum()) / target.diff().abs().sum()",
     "getting in on the first day is one"),
    ("Exercise 2", CHANGES + f"return (change.sum() - {EARNED}) / changes", "so 0.333 % for each"),
    ("Exercise 3", "...", "is it still open?"),
    ("Exercise 3", f'return {MOVED}, "trades": account["trades"] + 1}}', "holding on is no trade"),
    ("Exercise 3",
     f'return {MOVED}, "trades": account["trades"] + (order["target"] != account["target"])}}',
     "an order for an earlier day must change nothing"),
    ("Exercise 3",
     'if order["day"] < account["day"]:\n    return account\n'
     f'return {MOVED}, "trades": account["trades"] + (order["target"] != account["target"])}}',
     "account's own day"),
    ("Exercise 3",
     LATER + 'if order["target"] == account["target"]:\n    return account\n'
     f'return {MOVED}, "trades": account["trades"] + 1}}',
     "the day moves on"),
]
