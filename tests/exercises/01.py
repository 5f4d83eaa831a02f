"""Wrong answers to the exercises of lesson 01, each with words of its diagnosis; and right ones."""

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1",
     'return event["customer"]["contract"] == "month-to-month"',
     "return a dictionary with the key 'churn'"),
    ("Exercise 1",
     'customer = event["customer"]\n'
     'return {"churn": str(customer["contract"] == "month-to-month")}',
     "must be True or False"),
    ("Exercise 1",
     'return {"churn": event["customer"]["contract"] == "month-to-month"}',
     "40 months are more than a year"),
    ("Exercise 1",
     'return {"churn": event["customer"]["tenure"] < 12}',
     "a two-year contract"),
    ("Exercise 1",
     'customer = event["customer"]\n'
     'return {"churn": customer["contract"] == "month-to-month" and customer["tenure"] <= 12}',
     "12 months are not less than a year"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2",
     "return 1_000_000 * memory_mb / 1024 * billed_ms / 1000 * DOLLARS_PER_GB_SECOND",
     "the price of the calls themselves"),
    ("Exercise 2",
     "gb_seconds = memory_mb / 1024 * billed_ms\n"
     "return DOLLARS_PER_MILLION_CALLS + 1_000_000 * gb_seconds * DOLLARS_PER_GB_SECOND",
     "ms into seconds"),
    ("Exercise 2",
     "gb_seconds = memory_mb / 1024 * billed_ms / 1000\n"
     "return DOLLARS_PER_MILLION_CALLS + gb_seconds * DOLLARS_PER_GB_SECOND",
     "of one call, not of a million"),
    ("Exercise 2",
     "gb_seconds = billed_ms / 1000\n"
     "return DOLLARS_PER_MILLION_CALLS + 1_000_000 * gb_seconds * DOLLARS_PER_GB_SECOND",
     "memory makes no difference"),
    ("Exercise 3", "...", "still None"),
    ("Exercise 3",
     'cloud_answer = call({"customer": {"contract": "month-to-month", "tenure": 3}})',
     "deploy your handler first"),
    ("Exercise 3",
     "deploy_code(inspect.getsource(lambda_handler))\n"
     'cloud_answer = call({"contract": "month-to-month", "tenure": 3})',
     "your handler failed: 'customer'"),
    ("Exercise 3",
     'deploy_code("def lambda_handler(event, context): return {\'churn\': True}")\n'
     'cloud_answer = call({"customer": {"contract": "month-to-month", "tenure": 3}})',
     "does not follow the rule"),
]

RIGHT = [
    ("Exercise 1", """\
customer = event["customer"]
if customer["contract"] == "month-to-month" and customer["tenure"] < 12:
    return {"churn": True}
return {"churn": False}"""),
    ("Exercise 1", """\
contract, tenure = event["customer"]["contract"], event["customer"]["tenure"]
return dict(churn=contract == "month-to-month" and 12 > tenure)"""),
    ("Exercise 1", """\
customer = event["customer"]
stays = customer["contract"] != "month-to-month" or customer["tenure"] >= 12
return {"churn": not stays}"""),
    ("Exercise 2", """\
per_call = DOLLARS_PER_MILLION_CALLS / 1e6
seconds, gb = billed_ms / 1000, memory_mb / 1024
return 1e6 * (per_call + seconds * gb * DOLLARS_PER_GB_SECOND)"""),
    ("Exercise 2", """\
return round(0.20 + 1_000_000 * billed_ms * memory_mb / 1024 / 1000 * 0.0000166667, 2)"""),
    ("Exercise 2", """\
gb_seconds = 1000 * billed_ms * (memory_mb / 1024)      # of a million calls
dollars = gb_seconds * DOLLARS_PER_GB_SECOND
dollars += DOLLARS_PER_MILLION_CALLS
return dollars"""),
    ("Exercise 3", """\
source = inspect.getsource(lambda_handler)
deploy_code(source)
event = {"customer": {"tenure": 3, "contract": "month-to-month"}}
cloud_answer = call(event)"""),
    ("Exercise 3", """\
deploy_code('''
def lambda_handler(event, context):
    customer = event["customer"]
    return {"churn": customer["contract"] == "month-to-month" and customer["tenure"] < 12}
''')
cloud_answer = call({"customer": {"contract": "month-to-month", "tenure": 3}})"""),
    ("Exercise 3", """\
deploy_code("import json\\n" + inspect.getsource(lambda_handler))
cloud_answer = dict(call({"customer": dict(contract="month-to-month", tenure=3)}))"""),
]
