"""Wrong answers to the exercises of lesson 03, each with words of its diagnosis; and right ones."""

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

RIGHT = [
    ("Exercise 1", """\
disagree = np.count_nonzero(session.run(["label"], feed(test))[0] != (by_onnx >= THRESHOLD))"""),
    ("Exercise 1", """\
labels, _ = session.run(["label", "probabilities"], feed(test))
disagree = sum(bool(one) != (p >= THRESHOLD) for one, p in zip(labels, by_onnx))"""),
    ("Exercise 1", """\
labels = session.run(["label"], feed(test))[0] == 1
disagree = np.logical_xor(labels, by_onnx >= THRESHOLD).sum()"""),
    ("Exercise 2", """\
for entry in signature["inputs"]:
    value = customer.get(entry["name"], float("nan"))
    if "allowed" in entry:
        if value not in entry["allowed"]:
            found.append(entry["name"])
    elif not entry["minimum"] <= value <= entry["maximum"]:
        found.append(entry["name"])"""),
    ("Exercise 2", """\
def fine(entry):
    name = entry["name"]
    if name not in customer:
        return False
    if "allowed" in entry:
        return customer[name] in entry["allowed"]
    return customer[name] >= entry["minimum"] and customer[name] <= entry["maximum"]

found = tuple(entry["name"] for entry in signature["inputs"] if not fine(entry))"""),
    ("Exercise 2", """\
import math
for entry in signature["inputs"]:
    name, allowed = entry["name"], entry.get("allowed")
    if name not in customer or (allowed and customer[name] not in allowed):
        found += [name]
    elif not allowed and (math.isnan(customer[name]) or customer[name] < entry["minimum"]
                          or customer[name] > entry["maximum"]):
        found += [name]"""),
    ("Exercise 3", """\
answer = session.run(None, feed(pd.DataFrame([customer])))
p = answer[1][0][1].item()
return {"churn": p >= THRESHOLD, "churn_probability": p}"""),
    ("Exercise 3", """\
p = float(session.run(["probabilities"], feed(pd.DataFrame([customer])))[0][0, 1])
return dict(churn_probability=round(p, 4), churn=bool(p >= THRESHOLD))"""),
    ("Exercise 3", """\
p = session.run(["probabilities"], feed(pd.DataFrame([customer])))[0].ravel().tolist()[-1]
churn = True if p >= THRESHOLD else False
return {"churn_probability": p, "churn": churn}"""),
]
