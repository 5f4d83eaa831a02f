"""Wrong answers to the exercises of lesson 17, each with words of its diagnosis; and right ones."""

HEAD = '"source": ["workshop.crm"], "detail-type": ["contract changed"],\n'
KEY = 'key = unquote_plus(record["s3"]["object"]["key"])\n'
NAME = 'name = key.removeprefix("incoming/").removesuffix(".csv")\n'
ETAG = '{record["s3"]["object"]["eTag"]}'
LOOP = 'failed = []\nfor record in event["Records"]:\n    try:\n' \
       '        score(json.loads(record["body"]))\n    except Exception:\n'


def narrow(customer, head=HEAD):
    return head + f'"detail": {{"customer": {{{customer}}}}},'


MONTHLY = '"contract": ["month-to-month"], '
TENURE = '"tenure": [{"numeric": ["<=", 12]}], '
PAYMENT = '"paymentmethod": [{"anything-but": "electronic_check"}]'

WRONG = [
    ("Exercise 1", "", "still empty"),
    ("Exercise 1", "...", "still empty"),
    ("Exercise 1", narrow(MONTHLY + TENURE), "use anything-but"),
    ("Exercise 1", narrow(MONTHLY + PAYMENT), "a customer of 13 months"),
    ("Exercise 1", narrow(TENURE + PAYMENT), "picks two-year contracts"),
    ("Exercise 1", narrow(MONTHLY + '"tenure": [{"numeric": ["<", 12]}], ' + PAYMENT), "use <="),
    ("Exercise 1", narrow(MONTHLY + '"tenure": {"numeric": ["<=", 12]}, ' + PAYMENT),
     "each test in a list?"),
    ("Exercise 1", narrow('"contract": "month-to-month", ' + TENURE + PAYMENT),
     "Every value is a list"),
    ("Exercise 1", HEAD + f'"detail": {{{MONTHLY}{TENURE}{PAYMENT}}},',
     "does everything stand in `customer`"),
    ("Exercise 1", narrow(MONTHLY + TENURE + PAYMENT, '"detail-type": ["contract changed"],\n'),
     "events of any source"),
    ("Exercise 1", narrow(MONTHLY + TENURE + PAYMENT, '"source": ["workshop.crm"],\n'),
     "any detail-type"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", 'return record["s3"]["object"]["key"]', "for ever"),
    ("Exercise 2",
     f"key = record['s3']['object']['key']\n{NAME}return f'scored/{{name}}.{ETAG}.csv'",
     "written as in a URL"),
    ("Exercise 2", f'{KEY}{NAME}return f"scored/{{name}}.{{time.time()}}.csv"',
     "nothing that differs each time"),
    ("Exercise 2",
     f'{KEY}{NAME}return f"scored/{{name}}.{{record[\'s3\'][\'object\'][\'sequencer\']}}.csv"',
     "nothing that differs each time"),
    ("Exercise 2", f'{KEY}{NAME}return f"scored/{{name}}.csv"', "put the ETag into it"),
    ("Exercise 2", f"{KEY}{NAME}return f'scored/{{name}}.csv.{ETAG}'", "expected scored/"),
    ("Exercise 3", "...", "every message is done"),
    ("Exercise 3",
     'for record in event["Records"]:\n    score(json.loads(record["body"]))\n'
     'return {"batchItemFailures": []}',
     "Catch it inside the loop"),
    ("Exercise 3",
     'for record in event["Records"]:\n    request = json.loads(record["body"])\n    try:\n'
     '        score(request)\n    except ValueError:\n        pass\n'
     'return {"batchItemFailures": []}',
     "Catch it inside the loop"),
    ("Exercise 3",
     LOOP + '        failed.append({"itemIdentifier": record["messageId"]})\n        break\n'
     'return {"batchItemFailures": failed}',
     "the messages after a bad one"),
    ("Exercise 3",
     LOOP + '        failed.append(record["messageId"])\nreturn {"batchItemFailures": failed}',
     "each failure is"),
    ("Exercise 3",
     LOOP + '        failed.append({"itemIdentifier": record["messageId"]})\nreturn failed',
     "one key is batchItemFailures"),
    ("Exercise 3",
     LOOP + '        pass\nreturn {"batchItemFailures": failed}', "m1 and m2 failed"),
]

RIGHT = [
    ("Exercise 1", """\
**pattern,
"detail": {"customer": {"contract": ["month-to-month"],
                        "paymentmethod": [{"anything-but": ["electronic_check"]}],
                        "tenure": [{"numeric": ["<=", 12]}]}},"""),
    ("Exercise 1", """\
"source": ["workshop.crm"], "detail-type": ["contract changed"],
"detail": {"customer": {"contract": ["month-to-month"],
                        "tenure": [{"numeric": [">=", 0, "<=", 12]}],
                        "paymentmethod": [{"anything-but": "electronic_check"}]}}"""),
    ("Exercise 1", """\
**{key: pattern[key] for key in ("source", "detail-type")},
"detail": {"customer": pattern["detail"]["customer"] | {
    "tenure": [{"numeric": ["<", 12.5]}],
    "paymentmethod": [{"anything-but": ["electronic_check", "barter"]}]}}"""),
    ("Exercise 2", '''\
stored = record["s3"]["object"]
name = unquote_plus(stored["key"])[len("incoming/"):-len(".csv")]
return "scored/" + name + "." + stored["eTag"] + ".csv"'''),
    ("Exercise 2", '''\
from pathlib import PurePosixPath
key, etag = record["s3"]["object"]["key"], record["s3"]["object"]["eTag"]
return f"scored/{PurePosixPath(unquote_plus(key)).stem}.{etag}.csv"'''),
    ("Exercise 2", """\
import re
from urllib.parse import unquote
key = unquote(record["s3"]["object"]["key"].replace("+", " "))
name = re.fullmatch(r"incoming/(.*)\\.csv", key).group(1)
return "scored/{}.{}.csv".format(name, record["s3"]["object"]["eTag"])"""),
    ("Exercise 3", """\
failures = []
for record in event["Records"]:
    try:
        request = json.loads(record["body"])
        score(request)
    except (ValueError, KeyError, TypeError):
        failures.append(record["messageId"])
return {"batchItemFailures": [{"itemIdentifier": one} for one in failures]}"""),
    ("Exercise 3", """\
def fails(record):
    try:
        score(json.loads(record["body"]))
        return False
    except Exception as error:
        print(error)
        return True

return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}
                              for record in event["Records"] if fails(record)]}"""),
    ("Exercise 3", """\
answer = {"batchItemFailures": []}
for record in event.get("Records", []):
    try:
        score(json.loads(record["body"]))
    except Exception:
        answer["batchItemFailures"] += [{"itemIdentifier": record["messageId"]}]
        continue
return answer"""),
]
