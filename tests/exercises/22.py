"""Wrong answers to the exercises of lesson 22, each with words of its diagnosis; and right ones."""

STEP = "share = load * share / (number + load * share)\n"

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", "share = 1.0\nfor number in range(1, environments):\n    " + STEP
     + "return share", "half is refused"),
    ("Exercise 1", "share = 1.0\nfor number in range(1, environments + 1):\n"
     "    share = share / (number + share)\nreturn share", "does the load stand above"),
    ("Exercise 1", "share = 1.0\nfor number in range(1, environments + 1):\n"
     "    share = load * share / (1 + load * share)\nreturn share", "divides by its own number"),
    ("Exercise 1", "share = 0.0\nfor number in range(1, environments + 1):\n    " + STEP
     + "return share", "everybody is refused"),
    ("Exercise 1", "return max(0, 1 - environments / load)", "half is refused"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", "return status != 200", "the request is wrong"),
    ("Exercise 2", "return status in (429, 503)", "500 of idempotent work"),
    ("Exercise 2", "return status == 429 or status >= 500", "would be done twice"),
    ("Exercise 2", "return idempotent and (status in (0, 429) or status >= 500)",
     "idempotent or not"),
    ("Exercise 2", "return status == 429 or (status >= 500 and idempotent)",
     "nothing speaks against"),
    ("Exercise 2", "return status in (0, 429) or (status >= 500 and idempotent)",
     "only the answer lost"),
    ("Exercise 2", "return True", "200 went well"),
    ("Exercise 3", "...", "is it still open?"),
    ("Exercise 3", "full = list(latencies)", "expected 1, 0.75, 0.5, 0.25"),
    ("Exercise 3", "for latency in latencies:\n    while latency >= 0:\n"
     "        full.append(latency)\n        latency -= pace", "a wait of 0 s"),
    ("Exercise 3", "for latency in latencies:\n    full.append(latency)\n"
     "    missing = latency - pace\n    while missing > 0:\n        full.append(missing)\n"
     "        missing -= pace", "less than one pace is not added"),
    ("Exercise 3", "for latency in latencies:\n    missing = latency - pace\n"
     "    while missing >= pace:\n        full.append(missing)\n        missing -= pace",
     "is it still open?"),
    ("Exercise 3", "for latency in latencies:\n    full.append(latency)\n"
     "    if latency > pace:\n        full.append(latency - pace)", "expected 1, 0.75, 0.5, 0.25"),
]

RIGHT = [
    ("Exercise 1", """\
share = 1
number = 0
while number < environments:
    number += 1
    share = load * share / (number + load * share)
return share"""),
    ("Exercise 1", """\
if environments == 0:
    return 1
before = load * refused(load, environments - 1)
return before / (environments + before)"""),
    ("Exercise 1", """\
terms = [1.0]
for number in range(1, environments + 1):
    terms.append(terms[-1] * load / number)
return terms[-1] / sum(terms)"""),
    ("Exercise 2", """\
if status == 429:
    return True
if status == 0 or status >= 500:
    return idempotent
return False"""),
    ("Exercise 2", 'return status == 429 or (idempotent and not 0 < status < 500)'),
    ("Exercise 2", """\
match status:
    case 429:
        return True
    case code if 0 < code < 500:
        return False
    case _:
        return bool(idempotent)"""),
    ("Exercise 3", """\
for latency in latencies:
    while True:
        full.append(latency)
        latency -= pace
        if latency < pace:
            break"""),
    ("Exercise 3", """\
for latency in latencies:
    full.append(latency)
    full.extend(latency - number * pace for number in range(1, int(latency / pace)))"""),
    ("Exercise 3", """\
full = list(latencies)
for missing in latencies:
    while (missing := missing - pace) >= pace:
        full.append(missing)"""),
]
