"""Wrong answers to the exercises of lesson 18: (exercise, code, words of the diagnosis)."""

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
     "Look at the status"),
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
