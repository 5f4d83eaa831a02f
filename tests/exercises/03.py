"""Wrong answers to the exercises of lesson 03, each with words of the diagnosis it must get."""

RUN = "answer = session.run(None, feed(pd.DataFrame([customer])))"
CHECK = '''for entry in signature["inputs"]:
    value = customer{get}
    if "allowed" in entry:
        wrong = value not in entry["allowed"]
    else:
        wrong = {wrong}
    if wrong:
        found.append(entry["name"])'''
WRONG = [
    ("Exercise 1", "...", "still None"),
    ("Exercise 1", "disagree = int((by_onnx >= THRESHOLD).sum())", "how many get an offer"),
    ("Exercise 1",
     "disagree = ((session.run(['label'], feed(test))[0] == 1) != (by_onnx >= 0.5)).sum()",
     "and not 0.5"),
    ("Exercise 1",
     "disagree = (session.run(['label'], feed(test))[0] == (by_onnx >= THRESHOLD)).sum()",
     "those who agree"),
    ("Exercise 1",
     "disagree = session.run(['label'], feed(test))[0] != (by_onnx >= THRESHOLD)",
     "sum the comparisons"),
    ("Exercise 2", "...", "should give ['contract']"),
    ("Exercise 2",
     CHECK.format(get='[entry["name"]]',
                  wrong='not entry["minimum"] <= value <= entry["maximum"]'),
     "use customer.get(name)"),
    ("Exercise 2",
     CHECK.format(get='.get(entry["name"])',
                  wrong='value is None or value < entry["minimum"] or value > entry["maximum"]'),
     "NaN slipped through"),
    ("Exercise 2",
     CHECK.format(get='.get(entry["name"])', wrong='value is None or value < entry["minimum"]'),
     "entry['maximum']"),
    ("Exercise 3", "...", "did you forget `return`"),
    ("Exercise 3",
     f"{RUN}\nreturn {{'churn_probability': answer[1][0, 1], "
     "'churn': answer[1][0, 1] >= THRESHOLD}", "convert with float"),
    ("Exercise 3",
     f"{RUN}\nreturn {{'churn_probability': float(answer[1][0, 1]), 'churn': bool(answer[0][0])}}",
     "neither 0.5 nor the label"),
    ("Exercise 3",
     f"{RUN}\nreturn {{'churn_probability': float(answer[1][0, 0]), "
     "'churn': bool(answer[1][0, 0] >= THRESHOLD)}", "leaving is the second column"),
]
