"""Wrong answers to the exercises of lesson 18, each with words of its diagnosis; and right ones."""

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

RIGHT = [
    ("Exercise 1", """\
later = other.index > bars.index[day]
other.loc[later, ["high", "low", "close"]] *= 3
other.loc[later, "volume"] = other.loc[later, "volume"] * 3
one, two = (make(some).loc[:bars.index[day]] for some in (bars, other))
return not one.equals(two)"""),
    ("Exercise 1", """\
other.iloc[day + 1:] = other.iloc[day + 1:] * 2
up_to = bars.index[: day + 1]
return not make(bars).reindex(up_to).equals(make(other).reindex(up_to))"""),
    ("Exercise 1", """\
for column in "high", "low", "close", "volume":
    other[column] = other[column].where(np.arange(len(other)) <= day, other[column] * 1.5)
last = bars.index[day]
before, after = make(bars).loc[:last], make(other).loc[:last]
same = (before == after) | (before.isna() & after.isna())
return bool(not same.all().all())"""),
    ("Exercise 2", """\
trades = target.diff().abs()
trades.iloc[0] = abs(target.iloc[0])
return (target * change - change).sum() / trades.sum()"""),
    ("Exercise 2", """\
before = 0
trades = 0
for now in target:
    trades += abs(now - before)
    before = now
return float((target * change).sum() - change.sum()) / trades"""),
    ("Exercise 2", """\
changes = np.abs(np.diff(np.concatenate([[0], target.to_numpy()]))).sum()
return ((target - 1) * change).sum() / changes"""),
    ("Exercise 3", """\
if account["day"] >= order["day"]:
    return dict(account)
traded = order["target"] != account["target"]
return {**account, "day": order["day"], "target": order["target"],
        "trades": account["trades"] + int(traded)}"""),
    ("Exercise 3", """\
if order["day"] > account["day"]:
    if order["target"] != account["target"]:
        account["trades"] += 1
    account["day"], account["target"] = order["day"], order["target"]
return account"""),
    ("Exercise 3", """\
new = account.copy()
if not order["day"] <= account["day"]:
    new.update(day=order["day"], target=order["target"])
    new["trades"] += 0 if order["target"] == account["target"] else 1
return new"""),
]
