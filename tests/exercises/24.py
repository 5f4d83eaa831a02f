"""Wrong answers to the exercises of lesson 24, each with words of its diagnosis; and right ones."""


def notifications(shares="50, 80, 100", kinds='"ACTUAL", "FORECASTED"', mail="mail",
                  type_="PERCENTAGE", operator="GREATER_THAN"):
    return ('return [{"Notification": {"NotificationType": kind, "ComparisonOperator": '
            f'"{operator}", "Threshold": share, "ThresholdType": "{type_}"}}, "Subscribers": '
            f'[{{"SubscriptionType": "EMAIL", "Address": {mail}}}]}}\n'
            f'        for share in ({shares},) for kind in ({kinds},)]')


WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", notifications(kinds='"ACTUAL"'), "6 notifications, not 3"),
    ("Exercise 1", notifications("0.5, 0.8, 1"), "0.5 is half a percent"),
    ("Exercise 1", notifications("50, 80, 90"), "expected are 50, 80 and 100"),
    ("Exercise 1", notifications("50, 80, 100, 50, 80, 100", '"ACTUAL"'),
     "both ACTUAL and FORECASTED"),
    ("Exercise 1", notifications(type_="ABSOLUTE_VALUE"), "would be dollars"),
    ("Exercise 1", notifications(operator="LESS_THAN"), "when more is spent"),
    ("Exercise 1", notifications(mail='"me@example.com"'), "use `mail`"),
    ("Exercise 1", notifications().replace('[{"SubscriptionType"', '{"SubscriptionType"')
     .replace("mail}]}", "mail}}"), "boto3 would refuse this"),
    ("Exercise 2", "...", "or is it open?"),
    ("Exercise 2", "return list(TopologicalSorter(uses).static_order())", "order for building"),
    ("Exercise 2", "return list(uses)", "what is only *used* has to go"),
    ("Exercise 2", "return sorted(set(uses) | {one for used in uses.values() for one in used})",
     "which still uses it"),
    ("Exercise 2",
     "return list(uses) + [one for used in uses.values() for one in used if one not in uses]",
     "a uses z uses m uses b"),
    ("Exercise 3", "...", "is it still open?"),
    ("Exercise 3", "return amount * cost.usd(item)", "only the fourth is billed"),
    ("Exercise 3",
     "price = cost.prices()[item]\nreturn (amount - price.free_a_month) * price.usd",
     "nobody pays you"),
    ("Exercise 3",
     "price = cost.prices()[item]\nreturn 12 * max(0, amount - price.free_a_month) * price.usd",
     "are 1 dollar, not 12"),
]

RIGHT = [
    ("Exercise 1", """\
found = []
for kind in ("FORECASTED", "ACTUAL"):
    for share in 100, 80, 50:
        found.append({"Notification": {
            "NotificationType": kind, "ComparisonOperator": "GREATER_THAN",
            "Threshold": float(share), "ThresholdType": "PERCENTAGE"},
            "Subscribers": [{"SubscriptionType": "EMAIL", "Address": mail}]})
return found"""),
    ("Exercise 1", """\
from itertools import product
return [{"Notification": dict(NotificationType=kind, ComparisonOperator="GREATER_THAN",
                              Threshold=share, ThresholdType="PERCENTAGE"),
         "Subscribers": [dict(SubscriptionType="EMAIL", Address=mail)]}
        for kind, share in product(["ACTUAL", "FORECASTED"], [50, 80, 100])]"""),
    ("Exercise 1", """\
def one(kind, share):
    return {"Subscribers": [{"Address": mail, "SubscriptionType": "EMAIL"}],
            "Notification": {"NotificationType": kind, "Threshold": share,
                             "ComparisonOperator": "GREATER_THAN"}}

return [one("ACTUAL", share) for share in (50, 80, 100)] + [
    one("FORECASTED", share) for share in (50, 80, 100)]"""),
    ("Exercise 2", 'return list(TopologicalSorter(uses).static_order())[::-1]'),
    ("Exercise 2", 'return reversed(tuple(TopologicalSorter(uses).static_order()))'),
    ("Exercise 2", """\
order = []

def visit(thing):
    if thing not in order:
        for used in uses.get(thing, []):
            visit(used)
        order.insert(0, thing)

for thing in uses:
    visit(thing)
return order"""),
    ("Exercise 3", """\
price = cost.prices()[item]
billed = amount - price.free_a_month
return billed * price.usd if billed > 0 else 0"""),
    ("Exercise 3", """\
free = cost.prices()[item].free_a_month
return round(cost.usd(item) * (amount - min(amount, free)), 2)"""),
    ("Exercise 3", """\
dollars = (amount - cost.prices()[item].free_a_month) * cost.prices()[item].usd
return max(dollars, 0.0)"""),
]
