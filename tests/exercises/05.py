"""Wrong answers to the exercises of lesson 05: (exercise, code, words of the diagnosis)."""

PREDICT = 'return payload["churn_probability"]'
FAILED = 'if said.get("FunctionError"):\n    raise RuntimeError(payload["errorMessage"])\n'
BILL = "seconds = requests * milliseconds / 1000 * memory / 1024\n"

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", 'return f"{address}:{tag}"', "which can be moved"),
    ("Exercise 1", 'return address + details[0]["imageDigest"]', "an @ stands between"),
    ("Exercise 1",
     'for one in details:\n'
     '    if tag in one["imageTags"]:\n'
     '        return f"{address}@{one[\'imageDigest\']}"\n'
     'raise ValueError(tag)',
     "may have no tags at all"),
    ("Exercise 1",
     'for one in details:\n'
     '    if one.get("imageTags", [""])[0] == tag:\n'
     '        return f"{address}@{one[\'imageDigest\']}"\n',
     "look at all the tags"),
    ("Exercise 1",
     'for one in details:\n'
     '    if tag in one.get("imageTags", []):\n'
     '        return f"{address}@{one[\'imageDigest\']}"\n',
     "raise ValueError; you returned None"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", "return payload", "return the probability alone"),
    ("Exercise 2", PREDICT, "look at FunctionError first"),
    ("Exercise 2", 'return payload.get("churn_probability", 0.0)', "must raise RuntimeError"),
    ("Exercise 2", FAILED + PREDICT, "look for statusCode in the payload"),
    ("Exercise 2", FAILED + 'return payload.get("churn_probability", 0.0)',
     "must raise ValueError"),
    ("Exercise 2",
     'if said.get("FunctionError"):\n    raise RuntimeError("failed")\n' + PREDICT,
     "say in the error what happened"),
    ("Exercise 3", "...", "is it still open?"),
    ("Exercise 3",
     BILL + "return (requests - 1_000_000) * REQUEST + (seconds - 400_000) * GB_SECOND",
     "never below zero"),
    ("Exercise 3", BILL + "return requests * REQUEST + seconds * GB_SECOND",
     "half a million short requests are free"),
    ("Exercise 3",
     BILL + "if requests <= 1_000_000:\n    return 0\n"
     "return requests * REQUEST + seconds * GB_SECOND",
     "without the free part"),
    ("Exercise 3",
     "seconds = requests * milliseconds * memory / 1024\n"
     "return max(0, requests - 1_000_000) * REQUEST + max(0, seconds - 400_000) * GB_SECOND",
     "milliseconds made into seconds"),
    ("Exercise 3",
     "seconds = max(0, requests * milliseconds / 1000 - 400_000)\n"
     "return max(0, requests - 1_000_000) * REQUEST + seconds * memory / 1024 * GB_SECOND",
     "then the free part off"),
    ("Exercise 4", "...", "live still points to version"),
    ("Exercise 4",
     'client.update_alias(FunctionName=NAME, Name="live", FunctionVersion="$LATEST")',
     "which changes with every update"),
]
