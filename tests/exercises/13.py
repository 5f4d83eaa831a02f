"""Wrong answers to the exercises of lesson 13, each with words of the diagnosis it must get."""

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
