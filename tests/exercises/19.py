"""Wrong answers to the exercises of lesson 19, each with words of its diagnosis; and right ones."""

MORE = "more = endpoint_gb * price - function_gb * COMPUTE\n"
RIGHT = "if more <= 0:\n    return math.inf\n"
EMPTY = 'if not ways:\n    raise ValueError("nothing can do that")\n'

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", MORE + RIGHT + "return FEE / more", "that is in seconds"),
    ("Exercise 1", MORE + RIGHT + 'return 1000 * cost.usd("lambda_requests") / more',
     "a millionth of the fee"),
    ("Exercise 1", MORE + "return 1000 * FEE / more", "before you divide"),
    ("Exercise 1", MORE + "return 1000 * FEE / abs(more) if more else math.inf",
     "4 GB on Lambda are more expensive"),
    ("Exercise 1", MORE + "return 1000 * FEE / more if more else math.inf",
     "no request takes less"),
    ("Exercise 1", MORE + "return 1000 * FEE / more if more > 0 else 0", "always cheaper, return"),
    ("Exercise 1",
     "more = function_gb * price - endpoint_gb * COMPUTE\n" + RIGHT + "return 1000 * FEE / more",
     "always cheaper, return math.inf"),
    ("Exercise 1",
     MORE + RIGHT + "return 1000 * FEE / (price - COMPUTE) / endpoint_gb",
     "for an endpoint of 3 GB"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2",
     "return [name for name, limits in LIMITS.items()\n"
     "        if all(need[key] < limits[key] for key in need)]", "use <="),
    ("Exercise 2",
     "return [name for name, limits in LIMITS.items()\n"
     "        if all(key in need and need[key] <= limits[key] for key in limits)]",
     "not of the limits"),
    ("Exercise 2",
     "return [name for name, limits in LIMITS.items()\n"
     "        if any(need[key] <= limits[key] for key in need) or not need]",
     "look at *every* key"),
    ("Exercise 2",
     "return [name for name, limits in LIMITS.items()\n"
     "        if all(need[key] == limits[key] if isinstance(need[key], bool)\n"
     "               else need[key] <= limits[key] for key in need)]", "none is needed, not that"),
    ("Exercise 2",
     "return next([name] for name, limits in LIMITS.items()\n"
     "            if all(need[key] <= limits[key] for key in need))",
     "expected are all four"),
    ("Exercise 3", "...", "is it still open?"),
    ("Exercise 3",
     "ways = possible(need)\n" + EMPTY +
     'return max(ways, key=lambda way: map_bill(way, requests, need["seconds"]))',
     "is the most expensive of"),
    ("Exercise 3",
     "ways = possible(need)\n" + EMPTY + "return ways[0]", "keep instances busy"),
    ("Exercise 3",
     'return min(LIMITS, key=lambda way: map_bill(way, requests, need["seconds"]))',
     "choose among possible(need)"),
    ("Exercise 3",
     'return min([way for way in LIMITS if LIMITS[way]["waits"]],\n'
     '           key=lambda way: map_bill(way, requests, need["seconds"]))',
     "choose among possible(need)"),
    ("Exercise 3",
     'return min(possible(need), key=lambda way: map_bill(way, requests, need["seconds"]))',
     "says what was asked"),
    ("Exercise 3",
     "ways = possible(need)\nif not ways:\n    return None\n"
     'return min(ways, key=lambda way: map_bill(way, requests, need["seconds"]))',
     "raise ValueError"),
]

RIGHT = [
    ("Exercise 1", """\
below = endpoint_gb * price - function_gb * COMPUTE
if below <= 0:
    return math.inf
return FEE / below * 1000"""),
    ("Exercise 1", """\
below = endpoint_gb * price - function_gb * COMPUTE
return float("inf") if not below > 0 else round(1000 * FEE / below, 1)"""),
    ("Exercise 1", """\
lambda_second, endpoint_second = function_gb * COMPUTE, endpoint_gb * price
if endpoint_second > lambda_second:
    return 1e3 * FEE / (endpoint_second - lambda_second)
else:
    return float("inf")"""),
    ("Exercise 2", """\
able = []
for name, limits in LIMITS.items():
    if all(limits[key] >= wanted for key, wanted in need.items()):
        able.append(name)
return able"""),
    ("Exercise 2", """\
return tuple(name for name in LIMITS if not any(need[key] > LIMITS[name][key] for key in need))"""),
    ("Exercise 2", """\
able = list(LIMITS)
for key, wanted in need.items():
    able = [name for name in able if wanted <= LIMITS[name][key]]
return able"""),
    ("Exercise 3", """\
bills = {way: map_bill(way, requests, need["seconds"]) for way in possible(need)}
if not bills:
    raise ValueError(f"no way fulfils {need}: the list is empty")
return min(bills, key=bills.get)"""),
    ("Exercise 3", """\
best = None
for way in possible(need):
    dollars = map_bill(way, requests, need["seconds"])
    if best is None or dollars < best[1]:
        best = way, dollars
if best is None:
    raise ValueError
return best[0]"""),
    ("Exercise 3", """\
ways = sorted(possible(need), key=lambda way: map_bill(way, requests, need["seconds"]))
if len(ways) == 0:
    raise ValueError("none")
return ways[0]"""),
]
