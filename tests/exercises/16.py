"""Wrong answers to the exercises of lesson 16, each with words of its diagnosis; and right ones."""

DOLLARS = 'lambda row: cost.per_million(row["memory_mb"], row["warm_billed_ms"])["compute"]'
GOOD = 'good = [row for row in rows if "error" not in row and row["{key}"] <= limit_ms]\n'
COLD = "cold = 1_000_000 * cold_share\n"
PRICE = 'cost.usd("lambda_compute_x86_64")'
MONTH = "requests = 26 * 10 * 3600 * 4 + 470 * 3600 / 10\n"
BILL = 'bill = cost.month(requests, **CASES["image"], architecture=HERE{more})'

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1",
     f'good = [row for row in rows if row["warm_p99_ms"] <= limit_ms]\n'
     f'return min(good, key={DOLLARS})["memory_mb"]',
     "a row with an `error` has no times"),
    ("Exercise 1", GOOD.format(key="warm_p50_ms") + 'return good[0]["memory_mb"]',
     "look at warm_p99_ms"),
    ("Exercise 1", GOOD.format(key="warm_p99_ms") + 'return good[0]["memory_mb"]',
     "but 1,024 MB is cheaper there"),
    ("Exercise 1", GOOD.format(key="warm_p99_ms") + 'return good[-1]["memory_mb"]',
     "the fastest; asked for is the cheapest"),
    ("Exercise 1", GOOD.format(key="warm_p99_ms") + f"return min(good, key={DOLLARS})",
     "return the memory in MB"),
    ("Exercise 1",
     GOOD.format(key="warm_p99_ms")
     + f'return min(good, key={DOLLARS})["memory_mb"] if good else None',
     "raise ValueError; you returned None"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", COLD + f"return cold * init_ms / 1000 * memory_mb / 1024 * {PRICE}",
     "that is INIT alone"),
    ("Exercise 2",
     COLD + f"return cold * (init_ms + first_ms) / 1000 * memory_mb / 1024 * {PRICE}",
     "asked for is what cold starts add"),
    ("Exercise 2",
     f"return 1e6 * (init_ms + first_ms - warm_ms) / 1000 * memory_mb / 1024 * {PRICE}",
     "only cold_share of the requests are cold"),
    ("Exercise 2",
     COLD + f"return cold * (init_ms + first_ms - warm_ms) * memory_mb / 1024 * {PRICE}",
     "times are in milliseconds"),
    ("Exercise 2", COLD + f"return cold * (init_ms + first_ms - warm_ms) / 1000 * {PRICE}",
     "INIT is billed at the memory that is set"),
    ("Exercise 3", "...", "how many are there in a month?"),
    ("Exercise 3", "requests = 26 * 10 * 3600 * 4", "the other 470 hours count too"),
    ("Exercise 3", "requests = 26 * 10 * 3600 * 4 + 730 * 3600 / 10",
     "730 less the 260 busy ones"),
    ("Exercise 3", MONTH, "bill is still empty"),
    ("Exercise 3", MONTH + BILL.format(more=", free_tier=False, cold_share=0.002"),
     "the requests come through an HTTP API"),
    ("Exercise 3", MONTH + BILL.format(more=', door="http_api", cold_share=0.002'),
     "the free part is used up"),
    ("Exercise 3", MONTH + BILL.format(more=', door="http_api", free_tier=False'),
     "0.2 % of the requests are cold"),
    ("Exercise 3", MONTH + BILL.format(more=', door="http_api", free_tier=False, cold_share=0.2'),
     "0.2 % is 0.002"),
]

RIGHT = [
    ("Exercise 1", """\
good = [row for row in rows if row.get("warm_p99_ms", float("inf")) <= limit_ms]
if not good:
    raise ValueError(limit_ms)
return min(good, key=lambda row: row["memory_mb"] * row["warm_billed_ms"])["memory_mb"]"""),
    ("Exercise 1", """\
best = None
for row in rows:
    if "error" in row or row["warm_p99_ms"] > limit_ms:
        continue
    dollars = cost.per_million(row["memory_mb"], row["warm_billed_ms"])["compute"]
    if best is None or dollars < best[0]:
        best = dollars, row["memory_mb"]
if best is None:
    raise ValueError("too strict")
return best[1]"""),
    ("Exercise 1", """\
prices = {row["memory_mb"]: sum(cost.per_million(row["memory_mb"],
                                                 row["warm_billed_ms"]).values())
          for row in rows if "error" not in row and not row["warm_p99_ms"] > limit_ms}
if len(prices) == 0:
    raise ValueError("no size is quick enough")
return min(prices, key=prices.get)"""),
    ("Exercise 2", """\
def dollars(milliseconds):
    return cost.gb_seconds(1e6 * cold_share, milliseconds, memory_mb) * cost.usd(
        "lambda_compute_x86_64")

return dollars(init_ms) + dollars(first_ms) - dollars(warm_ms)"""),
    ("Exercise 2", """\
gb = memory_mb / 1024
seconds = 1e6 * cold_share * (init_ms + (first_ms - warm_ms)) * 1e-3
return round(seconds * gb * cost.usd("lambda_compute_x86_64"), 4)"""),
    ("Exercise 2", """\
price = cost.prices()["lambda_compute_x86_64"].usd
with_cold = cold_share * (init_ms + first_ms) + (1 - cold_share) * warm_ms
return 1_000_000 * (with_cold - warm_ms) / 1000 * memory_mb / 1024 * price"""),
    ("Exercise 3", """\
busy, quiet = 26 * 10 * 3600, (730 - 260) * 3600
requests = 4 * busy + quiet // 10
bill = dict(cost.month(requests, **CASES["image"], free_tier=False, door="http_api",
                       cold_share=0.2 / 100, architecture=HERE))"""),
    ("Exercise 3", """\
requests = int(26 * 10 * 3600 * 4 + 470 * 360)
bill = cost.month(requests=requests, cold_share=2e-3, door="http_api", architecture=HERE,
                  free_tier=False, **CASES["image"])"""),
    ("Exercise 3", """\
requests = sum([260 * 60 * 60 * 4, 470 * 60 * 60 * 0.1])
settings = CASES["image"] | {"cold_share": 0.002, "door": "http_api", "free_tier": False}
bill = cost.month(requests, architecture=HERE, **settings)"""),
]
