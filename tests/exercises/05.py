"""Wrong answers to the exercises of lesson 05, each with words of its diagnosis; and right ones."""

PREDICT = 'return payload["churn_probability"]'
FAILED = 'if response.get("FunctionError"):\n    raise RuntimeError(payload["errorMessage"])\n'
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
     'if response.get("FunctionError"):\n    raise RuntimeError("failed")\n' + PREDICT,
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

RIGHT = [
    ("Exercise 1", """\
found = [one["imageDigest"] for one in details if tag in one.get("imageTags", ())]
if not found:
    raise ValueError(tag)
return address + "@" + found[0]"""),
    ("Exercise 1", """\
for one in details:
    if "imageTags" in one and tag in one["imageTags"]:
        return "@".join([address, one["imageDigest"]])
raise ValueError("no such tag")"""),
    ("Exercise 1", '''\
digests = {name: one["imageDigest"] for one in details for name in one.get("imageTags") or []}
if tag not in digests:
    raise ValueError(f"{tag}: there are {sorted(digests)}")
return f"{address}@{digests[tag]}"'''),
    ("Exercise 2", """\
if "FunctionError" in response:
    raise RuntimeError(payload)
if payload.get("statusCode", 200) >= 400:
    raise ValueError([one["field"] for one in payload["problems"]])
return payload["churn_probability"]"""),
    ("Exercise 2", """\
if response.get("FunctionError") is not None:
    raise RuntimeError(f"the function failed: {payload['errorMessage']}")
if "problems" in payload:
    raise ValueError(" ".join(problem["field"] for problem in payload["problems"]))
return float(payload["churn_probability"])"""),
    ("Exercise 2", """\
if response.get("FunctionError"):
    raise RuntimeError(payload["errorMessage"])
elif "churn_probability" not in payload:
    raise ValueError("; ".join(one["field"] for one in payload["problems"]))
else:
    return payload["churn_probability"]"""),
    ("Exercise 3", """\
gb_seconds = requests * (milliseconds / 1000) * (memory / 1024)
return round(max(requests - 1e6, 0) * REQUEST + max(gb_seconds - 4e5, 0) * GB_SECOND, 2)"""),
    ("Exercise 3", """\
def billed(used, free):
    return used - free if used > free else 0

return (billed(requests, 1_000_000) * REQUEST
        + billed(requests * milliseconds * memory / 1024 / 1000, 400_000) * GB_SECOND)"""),
    ("Exercise 3", """\
import math
seconds = requests * milliseconds * memory / 1_024_000
dollars = max(0.0, requests - 1_000_000) * REQUEST
dollars += max(0.0, seconds - 400_000) * GB_SECOND
return math.fsum([dollars])"""),
    ("Exercise 4", """\
client.update_alias(Name="live", FunctionName=NAME, FunctionVersion=str(first))"""),
    ("Exercise 4", """\
client.update_alias(FunctionName=NAME, Name="live", FunctionVersion=first,
                    RoutingConfig={})"""),
    ("Exercise 4", """\
answer = client.update_alias(FunctionName=NAME, Name="live", FunctionVersion=first,
                             Description="back")
print(answer["FunctionVersion"])"""),
]
