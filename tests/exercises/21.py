"""Wrong answers to the exercises of lesson 21: (exercise, code, words of the diagnosis)."""


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
