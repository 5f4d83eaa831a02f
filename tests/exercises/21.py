"""Wrong answers to the exercises of lesson 21, each with words of its diagnosis; and right ones."""

PARTS = ('detail = event["detail"]\n'
         'version = detail["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"]'
         '["FunctionVersion"]\n'
         'weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})\n')
BOTH = "for number, (answer, right) in enumerate(zip(answers, expected))"
SUM = ("total, value = sum(counts.values()), 0.0\nfor one in set(shares) | set(counts):\n"
       "    a, e = max(counts.get(one, 0) / total, LEAST), max(shares.get(one, 0), LEAST)\n")

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", PARTS + "return version if version in weights else None", "went back to OK"),
    ("Exercise 1", PARTS + 'if detail["previousState"]["value"] == "ALARM":\n'
     "    return version if version in weights else None", "look at state"),
    ("Exercise 1", PARTS + 'return next(iter(weights), None) '
     'if detail["state"]["value"] == "ALARM" else None', "an innocent one goes"),
    ("Exercise 1", PARTS + 'return version if detail["state"]["value"] == "ALARM" else None',
     "an innocent one goes"),
    ("Exercise 1", PARTS + 'weights = alias["RoutingConfig"]["AdditionalVersionWeights"]\n'
     'return version if detail["state"]["value"] == "ALARM" and version in weights else None',
     "may have no RoutingConfig"),
    ("Exercise 1", PARTS + 'if detail["state"]["value"] == "ALARM":\n'
     '    return version if version != alias["FunctionVersion"] else None', "came twice"),
    ("Exercise 2", "...", "Is it still open?"),
    ("Exercise 2", "return [] if abs(sum(one['probability'] for one in answers)\n"
     "                 - sum(expected)) < tolerance else [len(answers) - 1]", "one by one"),
    ("Exercise 2",
     f"return [number {BOTH}\n        if abs(answer['probability'] - right) > tolerance]",
     "Look for None"),
    ("Exercise 2", f"return [number {BOTH}\n        if answer['status'] != 200 or "
     "abs(answer['probability'] - right) > tolerance]", "whatever its status"),
    ("Exercise 2", f"return [number {BOTH}\n        if answer['status'] != 200 or "
     "answer['probability'] - right > tolerance]", "is wrong"),
    ("Exercise 2", f"return [number {BOTH}\n        if answer['status'] != 200 or "
     "(answer['probability'] > 0.3) != (right > 0.3)]", "the model is another one"),
    ("Exercise 2", f"return [number {BOTH}\n        if answer['status'] != 200 or "
     "answer['probability'] != right]", "within the tolerance"),
    ("Exercise 2", f"return [number {BOTH}\n        if answer['status'] == 200 and "
     "abs(answer['probability'] - right) > tolerance]", "is a wrong answer"),
    ("Exercise 3", "...", "is it still open?"),
    ("Exercise 3", SUM + "    value += (a - e) * math.log10(a / e)\nreturn value",
     "natural logarithm"),
    ("Exercise 3", SUM + "    value += (e - a) * math.log(a / e)\nreturn value", "never negative"),
    ("Exercise 3", SUM + "    value += a * math.log(a / e)\nreturn value", "is right, you have"),
    ("Exercise 3", SUM.replace("counts.get(one, 0) / total", "counts.get(one, 0)")
     + "    value += (a - e) * math.log(a / e)\nreturn value", "equal shares have PSI 0"),
    ("Exercise 3", SUM.replace("set(shares) | set(counts)", "shares")
     + "    value += (a - e) * math.log(a / e)\nreturn value", "that training never saw"),
    ("Exercise 3", "total = sum(counts.values())\n"
     "return sum((counts[one] / total - e) * math.log(counts[one] / total / e)\n"
     "           for one, e in shares.items())", "that training never saw"),
    ("Exercise 3", SUM.replace("shares.get(one, 0)", "shares[one]")
     + "    value += (a - e) * math.log(a / e)\nreturn value", "missing is empty"),
    ("Exercise 3",
     SUM.replace("max(counts.get(one, 0) / total, LEAST)", "counts.get(one, 0) / total")
     + "    value += (a - e) * math.log(a / e) if a else 0\nreturn value", "counts as LEAST"),
]

RIGHT = [
    ("Exercise 1", """\
detail = event["detail"]
if detail["state"]["value"] != "ALARM":
    return None
metric_ = detail["configuration"]["metrics"][0]["metricStat"]["metric"]
version = metric_["dimensions"]["FunctionVersion"]
weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
if version in weights:
    return version"""),
    ("Exercise 1", """\
weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
canary_ = next(iter(weights), None)
[one] = event["detail"]["configuration"]["metrics"]
version = one["metricStat"]["metric"]["dimensions"].get("FunctionVersion")
alarmed = event["detail"]["state"]["value"] == "ALARM"
return canary_ if alarmed and canary_ == version else None"""),
    ("Exercise 1", """\
try:
    [version] = alias["RoutingConfig"]["AdditionalVersionWeights"]
except (KeyError, ValueError):
    return None
metrics_ = event["detail"]["configuration"]["metrics"]
about = [one["metricStat"]["metric"]["dimensions"]["FunctionVersion"] for one in metrics_]
return version if version in about and event["detail"]["state"]["value"] == "ALARM" else None"""),
    ("Exercise 2", """\
wrong = []
for position in range(len(answers)):
    answer = answers[position]
    if answer["status"] != 200 or answer["probability"] is None:
        wrong.append(position)
    elif abs(answer["probability"] - expected[position]) > tolerance:
        wrong.append(position)
return wrong"""),
    ("Exercise 2", """\
def is_right(answer, right):
    return (answer["status"] == 200 and answer["probability"] is not None
            and right - tolerance <= answer["probability"] <= right + tolerance)

return [i for i, pair in enumerate(zip(answers, expected)) if not is_right(*pair)]"""),
    ("Exercise 2", """\
given = [float("inf" if one["probability"] is None or one["status"] != 200
               else one["probability"]) for one in answers]
return [i for i, (a, e) in enumerate(zip(given, expected)) if not abs(a - e) <= tolerance]"""),
    ("Exercise 3", """\
total = sum(counts.values())
bins = set(shares).union(counts)
a = {one: max(LEAST, counts.get(one, 0) / total) for one in bins}
e = {one: max(LEAST, shares.get(one, 0)) for one in bins}
return round(sum((a[one] - e[one]) * math.log(a[one] / e[one]) for one in bins), 4)"""),
    ("Exercise 3", """\
total = sum(counts.values())

def part(one):
    a = counts[one] / total if one in counts else 0
    a, e = max(a, LEAST), max(shares.get(one, LEAST), LEAST)
    return (a - e) * (math.log(a) - math.log(e))

return math.fsum(map(part, {**shares, **counts}))"""),
    ("Exercise 3", """\
names = list(dict.fromkeys([*shares, *counts]))
now = [counts.get(one, 0) for one in names]
value = 0
for one, count in zip(names, now):
    a = count / sum(now)
    a = LEAST if a < LEAST else a
    e = LEAST if shares.get(one, 0) < LEAST else shares[one]
    value -= (e - a) * math.log(a / e)
return value"""),
]
