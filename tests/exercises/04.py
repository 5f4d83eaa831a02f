"""Wrong answers to the exercises of lesson 04, each with words of its diagnosis; and right ones."""

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", "return [name for name, _ in steps]", "must not install the packages again"),
    ("Exercise 1", "return [name for name, copied in steps if changed in copied]",
     "copies no file, but it stands on a layer that changed"),
    ("Exercise 1", 'return ["COPY .", "RUN compileall"]', "all 4 run again"),
    ("Exercise 1",
     "first = next((i for i, (_, copied) in enumerate(steps) if changed in copied), 0)\n"
     "return [name for name, _ in steps[first:]]",
     "no step copies notes.txt"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", 'return invoke(url, {"customer": customer}).json()', "the whole answer"),
    ("Exercise 2", 'return invoke(url, {"customer": customer}).json()["churn_probability"]',
     "The HTTP status is 200 even then"),
    ("Exercise 2", 'return invoke(url, {"customer": customer}).json().get("churn_probability")',
     "raise ValueError instead"),
    ("Exercise 2",
     'response = invoke(url, {"customer": customer}).json()\n'
     'if "statusCode" in response:\n'
     '    raise ValueError(response["problems"][0]["field"])\n'
     'return response["churn_probability"]',
     "two fields are wrong"),
    ("Exercise 3", "...", "is it still open?"),
    ("Exercise 3", "times = by_package(printed)\nreturn max(times, key=times.get)",
     "return two things"),
    ("Exercise 3",
     "rows = [line.removeprefix('import time:').split('|') for line in printed]\n"
     "own, _, module = max(rows, key=lambda row: int(row[0]))\n"
     "return module.strip(), int(own) / 1000",
     "add up the modules of each package"),
    ("Exercise 3",
     "rows = [line.removeprefix('import time:').split('|') for line in printed]\n"
     "_, total, module = max(rows, key=lambda row: int(row[1]))\n"
     "return module.strip(), int(total) / 1000",
     "use the first number of a line"),
    ("Exercise 3",
     "times = by_package(printed)\n"
     "package = max(times, key=times.get)\n"
     "return package, times[package] * 1000",
     "answer in milliseconds"),
]

RIGHT = [
    ("Exercise 1", """\
names = [name for name, _ in steps]
for position, (_, copied) in enumerate(steps):
    if changed in copied:
        return names[position:]
return []"""),
    ("Exercise 1", """\
again = False
out = []
for name, copied in steps:
    again = again or changed in copied
    if again:
        out.append(name)
return tuple(out)"""),
    ("Exercise 1", """\
first = next((i for i, step in enumerate(steps) if changed in step[1]), len(steps))
return [step[0] for step in steps[first:]]"""),
    ("Exercise 2", """\
answer = invoke(url, {"customer": customer}).json()
if answer.get("statusCode", 200) != 200:
    raise ValueError(" and ".join(one["field"] for one in answer["problems"]))
return round(answer["churn_probability"], 4)"""),
    ("Exercise 2", """\
answer = invoke(url, {"customer": customer}).json()
try:
    return answer["churn_probability"]
except KeyError:
    fields = [problem["field"] for problem in answer["problems"]]
    raise ValueError(", ".join(sorted(fields))) from None"""),
    ("Exercise 2", """\
answer = invoke(url, {"customer": customer}).json()
if "churn_probability" in answer:
    return float(answer["churn_probability"])
raise ValueError([problem["field"] for problem in answer["problems"]])"""),
    ("Exercise 3", """\
times = by_package(printed)
return max(times.items(), key=lambda pair: pair[1])"""),
    ("Exercise 3", """\
times = by_package(printed)
name = sorted(times, key=times.get)[-1]
return [name, round(times[name])]"""),
    ("Exercise 3", """\
own = {}
for line in printed:
    first, _, name = line.removeprefix("import time:").split("|")
    package = name.strip().split(".")[0]
    own[package] = own.get(package, 0) + int(first) / 1000
best = max(own, key=own.get)
return best, own[best]"""),
]
