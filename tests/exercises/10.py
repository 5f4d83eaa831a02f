"""Wrong answers to the exercises of lesson 10, each with words of its diagnosis; and right ones."""

SEND = 'answer = requests.post(f"{api}/predict", data=Path(path).read_bytes(), timeout=40,\n'
HEADERS = '    headers={"content-type": media}'
REFUSED = 'if not answer.ok:\n    raise ValueError(answer.json()["problems"][0]["message"])\n'
LABEL = 'return answer.json()["predictions"][0]["label"]'

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", f"{SEND}{HEADERS})\nreturn answer.json()", "return the label alone"),
    ("Exercise 1",
     'answer = requests.post(f"{api}/predict", json={"image": as_text(path)}, timeout=40)\n'
     f"{REFUSED}{LABEL}", "send the bytes themselves"),
    ("Exercise 1",
     f'{SEND}    headers={{"content-type": "image/png"}})\n{REFUSED}{LABEL}',
     "send `media` as it is given"),
    ("Exercise 1", f"{SEND}{HEADERS})\n{LABEL}", "look at answer.ok first"),
    ("Exercise 1",
     f'{SEND}{HEADERS})\nif not answer.ok:\n    raise ValueError("no")\n{LABEL}',
     "Take the message of the first problem"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", "return (limit - overhead) * 4 // 3", "times 3/4, not 4/3"),
    ("Exercise 2", "return (limit - overhead) * 3 / 4", "use //"),
    ("Exercise 2", "return limit // 4 * 3", "counts too"),
    ("Exercise 2", "return (limit - overhead) * 3 // 4", "divide with // first"),
]

RIGHT = [
    ("Exercise 1", """\
with open(path, "rb") as file:
    answer = requests.post(api + "/predict?top=1", data=file.read(),
                           headers={"Content-Type": media})
if answer.status_code >= 400:
    raise ValueError(answer.json()["problems"][0]["message"])
return answer.json()["predictions"][0]["label"]"""),
    ("Exercise 1", """\
answer = requests.post(f"{api}/predict", Path(path).read_bytes(), params={"top": "1"},
                       headers={"content-type": media}, timeout=40)
content = answer.json()
if "problems" in content:
    raise ValueError(content["problems"][0]["message"])
[best] = content["predictions"]
return best["label"]"""),
    ("Exercise 1", """\
answer = requests.post(f"{api}/predict", data=Path(path).open("rb"), params={"top": 1},
                       headers={"content-type": media})
try:
    answer.raise_for_status()
except requests.HTTPError:
    raise ValueError(answer.json()["problems"][0]["message"]) from None
return answer.json()["predictions"][0]["label"]"""),
    ("Exercise 2", """\
groups = (limit - overhead) // 4
return groups * 3"""),
    ("Exercise 2", """\
import math
return 3 * math.floor((limit - overhead) / 4)"""),
    ("Exercise 2", """\
left = limit - overhead
left -= left % 4
return int(left * 3 / 4)"""),
]
