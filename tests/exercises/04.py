"""Wrong answers to the exercises of lesson 04: (exercise, code, words of the diagnosis)."""

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
     'said = invoke(url, {"customer": customer}).json()\n'
     'if "statusCode" in said:\n'
     '    raise ValueError(said["problems"][0]["field"])\n'
     'return said["churn_probability"]',
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
