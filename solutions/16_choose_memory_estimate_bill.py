# ---
# title: Choose memory, estimate the bill
# workshop:
#   number: "16"
#   needs: [docker]
#   reading: 30
#   exercises: 25
#   execution: 2
#   cost: "free"
#   products: []
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Choose memory, estimate the bill
#
# **You will**
# - measure two functions at several memory sizes
# - divide a bill into its parts: compute, INIT, requests, endpoint type
# - choose a memory size from one plot, cost against time
# - calculate what arm64, an endpoint type and cold starts change, and when it saves money to keep
#   environments ready
# - find the number of requests above which a container that always runs is cheaper
# - estimate a month, and name what the estimate does not include
#
# **You need** Docker, and the models of lessons 03 and 08 (made now if they are missing)
#
# **Time** 30 minutes reading, 25 minutes exercises. **Cost** free: this lesson makes nothing in the
# cloud

# %%
from workshop import cloud, lessons

cloud.use()
lessons.require("03")
lessons.require("08")

# %% [markdown]
# ## Measure first
#
# An estimate is a price times a measured time. You can look up the prices, but you must measure the
# times. We take two functions. `churn` has a very fast model. `image` must decode a photograph of
# 600 × 400 pixels, make it smaller, and run a neural network.
#
# For each memory size, `measure.memory` starts the images with the memory and the processor time
# that Lambda would give them. It measures the times, as in [lesson
# 14](14_bring_down_cold_starts.ipynb). It takes about a minute:

# %%
import base64
from pathlib import Path

from workshop import measure
from workshop.measure import LADDER, Variant

picture = base64.b64encode(Path("../data/photographs/coffee.png").read_bytes()).decode()
FUNCTIONS = {
    "churn": next(variant for variant in LADDER if variant.name == "default"),
    "image": Variant("image", "image", model="fashion.onnx", event={"image": picture}),
}
MEMORIES = (128, 256, 512, 1024, 1769, 3008)

measured = {name: measure.memory(variant, MEMORIES, starts=2)
            for name, variant in FUNCTIONS.items()}

# %%
import pandas as pd

usable = {}
for name, rows in measured.items():
    for row in rows:
        if "error" in row:
            print(f"{name} does not work with {row['memory_mb']} MB: {row['error']}")
    usable[name] = pd.DataFrame(row for row in rows if "error" not in row).set_index("memory_mb")
pd.concat(usable, names=["function"]).round(1)

# %% [markdown]
# The columns:
#
# - `warm_p50_ms` is the usual warm request (the median). One request in a hundred is slower than
#   `warm_p99_ms` (here we send few requests, so it is the slowest). With little memory the two are
#   far apart: processor time comes in slices of some milliseconds, and a function that has used its
#   slice waits for the next one.
# - `warm_mean_ms` includes the slow requests. `warm_billed_ms` is the mean after each request has
#   been rounded up to a whole millisecond. **The bill depends on this mean.** The complaints of
#   your users depend on the 99th percentile.
# - `init_ms` does not depend on the size: during its start, an environment has a whole processor.
#   (This was observed, AWS does not guarantee it: *serverlessland*, "init-heavy lifting".)
#   Differences here come from other programs on your machine.
# - `peak_mb` is the memory that the function used. A smaller size cannot work.
#
# **These are your machine's milliseconds, not Lambda's.** Ratios are similar on AWS: between two
# sizes, two functions, or a cold and a warm request. Milliseconds differ there, and so do the
# dollars computed from them. Before you decide about real money, use the durations of your REPORT
# lines on AWS (lesson 05) instead. Every cell below is then correct for your account.

# %% [markdown]
# ## What a bill is made of
#
# First a plot: a million requests, of which one in two hundred starts a new environment. We add a
# third function for comparison, `image` with a network that takes five times as long. The third
# function is calculated, not measured.

# %%
from workshop import cost, engine

HERE = engine.architecture()
COLD = 0.005                # share of requests that start an environment: an assumption


def as_case(row):
    """A measured row as the calculator takes it."""
    return {"memory_mb": int(row.name), "warm_ms": row["warm_billed_ms"],
            "init_ms": row["init_ms"], "first_ms": row["first_ms"]}


CASES = {"churn": as_case(usable["churn"].loc[512]), "image": as_case(usable["image"].loc[1769])}
more = 4 * CASES["image"]["warm_ms"]
CASES["5 × image"] = CASES["image"] | {"warm_ms": CASES["image"]["warm_ms"] + more,
                                       "first_ms": CASES["image"]["first_ms"] + more}

# %%
from workshop.plots import bills as plot, show

bills = {f"{name}, {case['memory_mb']:,} MB, {door}":
         cost.per_million(**case, cold_share=COLD, architecture=HERE, door=door)
         for name, case in CASES.items() for door in ("function_url", "http_api")}
show(*plot.million(bills, "Stacked bars of what a million requests cost."))

# %% [markdown]
# Four things are billed, and they follow different rules:
#
# | part | follows | smaller by |
# |---|---|---|
# | compute | milliseconds × memory | a faster handler, a better memory size |
# | INIT | cold starts × milliseconds × memory | fewer packages, fewer cold starts |
# | requests | how many there are | fewer, larger requests |
# | endpoint type | how many there are | another endpoint type |
#
# For the first two you pay for **time**, and they depend on your model. The other two are **fixed
# fees**: you pay them for each request, even if it takes no time. For a small model they are most
# of the bill. Then a faster model saves almost nothing.

# %% [markdown]
# ## Where do the prices come from?
#
# The prices are in one table, [`data/prices.csv`](../data/prices.csv): one row for each price, for
# one Region, with AWS's page and the month when it was checked. Prices change, so each price needs
# a date. Taxes and discounts by contract are not included.

# %%
prices = pd.read_csv("../data/prices.csv", dtype=str, keep_default_na=False).set_index("item")
prices.loc[:"rest_api", ["unit", "usd", "free_a_month", "checked"]]

# %% [markdown]
# The unit **GB-second** is one second with 1,024 MB. Half the memory for twice the time is the same
# number of GB-seconds. Each request's time is rounded up to a whole millisecond.
#
# The calculator, `workshop/cost.py`, is this table and a dozen short functions. Its tests compare
# it with the examples on AWS's own page. One of them, from Lambda's pricing page (read in November
# 2026): 3 million requests of 120 ms at 1,536 MB cost 2.33 + 0.40 dollars a month, after the free
# part.

# %%
cost.month(3_000_000, memory_mb=1536, warm_ms=120)

# %% [markdown]
# ## Memory buys processor time
#
# A function's memory is also its share of a processor: one whole vCPU at 1,769 MB, less in
# proportion below (Lambda developer guide, read in November 2026). So for a request that computes,
# twice the memory means half the time and **the same price**. This is true up to one full vCPU: our
# code runs in one thread, and cannot use a second processor. Above it, only the price grows.

# %%
def priced(table):
    """The table with a column `dollars`: compute of a million warm requests."""
    return table.assign(dollars=[
        cost.per_million(memory, row["warm_billed_ms"], architecture=HERE)["compute"]
        for memory, row in table.iterrows()])


priced(usable["image"])[["warm_mean_ms", "warm_p99_ms", "warm_billed_ms", "dollars"]].round(3)

# %% [markdown]
# The plot shows time and price, with a point for each size. Left is faster, down is cheaper. The
# dotted line is calculated: a request that only computes, in one thread.

# %%
def calculated(table):
    """What a request costs that only computes, in one thread, at the sizes of the table."""
    whole = table["warm_mean_ms"].loc[1769:].min()          # with one vCPU or more
    times = [whole * max(1, 1769 / memory) for memory in table.index]
    return priced(pd.DataFrame(                 # rounding up adds half a millisecond on average
        {"warm_mean_ms": times, "warm_billed_ms": [max(1, one + 0.5) for one in times]},
        table.index))


show(*plot.sweet_spots({name: priced(table) for name, table in usable.items()},
                       {name: calculated(table) for name, table in usable.items()}))

# %% [markdown]
# *Notice* the corner. Follow the points from right to left. First they stay at about the same
# height: a faster answer costs nothing more. Then they go up, and move little to the left. **Choose
# the corner**: the smallest size at which the function is nearly as fast as it gets.
#
# For `image`, the corner is near one vCPU, as calculated. For `churn` it is at a smaller size. Its
# request takes less than a millisecond, and is billed as a whole millisecond. So more memory only
# raises the price. But look at the scale first: these are cents for a million requests.
#
# (Some points may be away from the line, because your machine runs other programs too. Measure
# again, or with more `starts`.)

# %% [markdown]
# ### Exercise 1: choose (7 minutes)
#
# The cheapest size alone is rarely the goal. A typical requirement is: *99 of 100 warm requests
# within so many milliseconds, and then as cheap as possible.* Complete `choose`. Its inputs are the
# measured rows, as in `measured`, and it returns the memory in MB. Rows that could not be measured
# have an `error` and no times.
#
# <details><summary>Hint 1</summary>
#
# First keep the rows that are good enough: `"error" not in row`, and `row["warm_p99_ms"]` within
# the limit.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `min(good, key=…)` finds the cheapest; the key of a row is `cost.per_million(row["memory_mb"],
# row["warm_billed_ms"])["compute"]`. When `good` is empty, `raise ValueError`.
# </details>

# %% Exercise 1
def choose(rows, limit_ms):
    """The memory (MB) of the cheapest row within the limit; ValueError when there is none."""
    # BEGIN SOLUTION
    good = [row for row in rows if "error" not in row and row["warm_p99_ms"] <= limit_ms]
    if not good:
        raise ValueError(f"no size answers within {limit_ms} ms")
    best = min(good, key=lambda row: cost.per_million(row["memory_mb"],
                                                      row["warm_billed_ms"])["compute"])
    return best["memory_mb"]
    # END SOLUTION


slowest = usable["image"]["warm_p99_ms"].max()
print(choose(measured["image"], limit_ms=slowest))

# %% Check 1 tags=["check"]
def a_row(memory, billed, p99):
    return {"memory_mb": memory, "warm_p50_ms": 10, "warm_mean_ms": billed - 0.5,
            "warm_billed_ms": billed, "warm_p99_ms": p99}


ROWS = [{"memory_mb": 128, "error": "killed because it took more memory than there is"},
        a_row(256, 100, 190), a_row(512, 50, 95), a_row(1024, 24, 40), a_row(2048, 20, 30)]
try:
    answer = choose(ROWS, 100)
except KeyError as error:
    raise AssertionError(f"KeyError {error}: a row with an `error` has no times; leave it out"
                         ) from None
assert answer is not None, "choose returned nothing: is there a `return`, or is it still open?"
assert answer != 256, "at 256 MB, one request in a hundred takes 190 ms: look at warm_p99_ms"
assert answer != 512, ("512 MB is the smallest within 100 ms, but 1,024 MB is cheaper there: "
                       "24 ms × 1 GB is less than 50 ms × 0.5 GB")
assert answer != 2048, "2,048 MB is the fastest; asked for is the cheapest within the limit"
assert answer == 1024, f"return the memory in MB, 1024 here; you returned {answer!r}"
assert choose(ROWS, 35) == 2048, "within 35 ms there is only 2,048 MB"
try:
    answer = choose(ROWS, 5)
except ValueError:
    print("Right.")
else:
    raise AssertionError(f"no size answers within 5 ms: raise ValueError; you returned {answer!r}")

# %% [markdown]
# ## Another processor: arm64
#
# A GB-second on arm64 costs a fifth less. Is the function then a fifth cheaper? Only if it takes
# the same time there, and that is not certain: another processor, other instructions, another build
# of ONNX Runtime. How much slower may it be before the discount is gone?

# %%
x86, arm = (cost.usd(f"lambda_compute_{one}") for one in cost.ARCHITECTURES)
print(f"arm64 costs {arm / x86:.0%} of x86_64; it pays while it takes less than {x86 / arm:.2f} × "
      "the time")

# %% [markdown]
# We cannot measure it here, because your machine has only one kind of processor. An emulator of the
# other one gives the same answers, but says nothing about time
# ([how to install it](../docker/README.md#images-for-another-processor)). To find out, work on AWS:
# set `WORKSHOP_ARCHITECTURE=arm64`, build the image again, create a second function with
# `Architectures=["arm64"]`, and compare the `Billed Duration` of the two. On arm64, ONNX Runtime may
# write `cpuinfo_initialize failed` to the log; it still works, and the same page explains it.
#
# And only a part of the bill becomes cheaper. With an HTTP API in front of the function, a
# fifth less for compute and INIT means:

# %%
for name, case in CASES.items():
    parts = cost.per_million(**case, cold_share=COLD, architecture="x86_64", door="http_api")
    computed = parts["compute"] + parts["init"]
    print(f"{name:10} {0.2 * computed / sum(parts.values()):6.1%} off the bill, if it is as fast")

# %% [markdown]
# ## The front door
#
# Lesson 06 put an HTTP API in front of the function. It is one of three **endpoint types**; we also
# call them *front doors*:

# %%
by_door = {door: cost.per_million(**CASES["churn"], cold_share=COLD, architecture=HERE, door=door)
           for door in cost.DOORS}
show(*plot.million(by_door, "What a million requests to churn cost by each endpoint type."))

# %% [markdown]
# *Notice:* for a small model, the front door decides the bill. What do you get for the fee?
#
# - **Function URL:** no charge of its own. Open to all, or for clients with AWS keys. No routes, no
#   domain name of your own, and no limit except the function's concurrency.
# - **HTTP API:** \$1.00 a million. Routes, your own domain, tokens checked before the function
#   runs, limits on the rate.
# - **REST API:** \$3.50 a million. API keys and limits for each client, requests checked against a
#   schema, a web application firewall, private endpoints.
#
# (API Gateway developer guide, "Choose between REST APIs and HTTP APIs".) An API refuses a request
# without calling the function. With a function URL, you pay for the function that refuses it.

# %% [markdown]
# ## What cold starts cost
#
# Since August 2025, INIT is billed for every function, zip or image (AWS Compute Blog, "AWS Lambda
# standardizes billing for INIT Phase"). So how much do cold starts add to the bill, and to the
# time? On the horizontal axis, the share of cold requests goes from none to all:

# %%
import numpy as np

row = usable["churn"].loc[512]
cold_ms = row["init_ms"] + row["first_ms"]
shares = np.geomspace(0.0002, 1, 400)
bills = pd.DataFrame(cost.per_million(**CASES["churn"], cold_share=share, architecture=HERE)
                     for share in shares)

times = {percent: [cost.percentile(percent, share, row[f"warm_p{50 if percent == 50 else 99}_ms"],
                                   cold_ms) for share in shares] for percent in (50, 99, 99.9)}
show(*plot.cold_shares(shares, bills, times, cost.usd("lambda_requests")))

# %% [markdown]
# *Notice:* the two curves rise at different places. When one request in a hundred is cold, the bill
# has hardly changed, but one request in a hundred waits for a cold start. **Cold starts are first a
# question of time, and then of money.**
#
# AWS writes that under 1 % of the invocations of production functions start an environment (same
# post). Your function may differ. Suppose that requests come at random, one at a time, and that an
# environment is kept for ten idle minutes. Then the share follows from how often they come. Ten
# minutes is an assumption: AWS does not publish a time.

# %%
rates = [1, 6, 12, 60, 600]
pd.Series({f"{rate} an hour": f"{cost.cold_share(rate, idle_minutes=10):.1%}" for rate in rates},
          name="cold").to_frame()

# %% [markdown]
# Clients of a *rarely* used function wait often, but its bill is almost zero. (Many requests at the
# same time always start many environments.)

# %% [markdown]
# ### Exercise 2: price the cold starts (8 minutes)
#
# Complete `cold_extra`: how many dollars do cold starts **add** to a million requests? A cold
# request is billed for `init_ms`, and its answer takes `first_ms` instead of `warm_ms`, all with
# the memory that is set.
#
# <details><summary>Hint 1</summary>
#
# What a single cold request adds: `init_ms + first_ms - warm_ms` milliseconds. How many of them are
# there in a million?
# </details>
#
# <details><summary>Hint 2</summary>
#
# GB-seconds are requests × seconds × GB: milliseconds / 1000, memory / 1024. The price of one is
# `cost.usd("lambda_compute_x86_64")`. Leave the rounding to whole milliseconds out.
# </details>

# %% Exercise 2
def cold_extra(memory_mb, warm_ms, first_ms, init_ms, cold_share):
    """Dollars that cold starts add to a million requests on x86."""
    # BEGIN SOLUTION
    cold = 1_000_000 * cold_share
    seconds = (init_ms + first_ms - warm_ms) / 1000
    return cold * seconds * memory_mb / 1024 * cost.usd("lambda_compute_x86_64")
    # END SOLUTION


print(cold_extra(memory_mb=1024, warm_ms=10, first_ms=30, init_ms=480, cold_share=0.01))

# %% Check 2 tags=["check"]
answer = cold_extra(1024, 10, 30, 480, 0.01)
GB_SECOND = cost.usd("lambda_compute_x86_64")
assert answer is not None, "cold_extra returned nothing: is there a `return`, or is it still open?"
assert abs(answer - 480 * 10 * GB_SECOND) > 1e-4, (
    "that is INIT alone; the first answer also takes longer than a warm one: first_ms - warm_ms")
assert abs(answer - 510 * 10 * GB_SECOND) > 1e-4, (
    "asked for is what cold starts add: a warm request would have taken warm_ms as well")
assert answer < 1, (f"${answer:.2f} is too much: only cold_share of the requests are cold, and "
                    "times are in milliseconds")
assert abs(answer - 500 * 10 * GB_SECOND) < 1e-4, (
    f"10,000 cold requests × 0.5 s × 1 GB are 5,000 GB-seconds, ${5000 * GB_SECOND:.4f}; you "
    f"returned ${answer:.4f}")
answer, right = cold_extra(512, 10, 30, 480, 0.01), 2500 * GB_SECOND
assert abs(answer - right) < 1e-4, (
    f"at 512 MB it is half of that, ${right:.4f}; you returned ${answer:.4f}: INIT is billed at "
    "the memory that is set")
print("Right.")

# %% [markdown]
# ## Keep environments ready?
#
# **Provisioned concurrency** starts environments before requests come, and keeps them. You pay for
# each as long as it is configured. While it works, its compute is cheaper than on demand. So it can
# even save money, if the environment is busy enough.

# %%
busy = np.linspace(0, 1, 101)
seconds = busy * cost.MONTH * 3600
demand = [sum(cost.month(1, 1769, 1000 * one, architecture=HERE, free_tier=False).values())
          for one in seconds]
ready = [sum(cost.kept_ready(1, 1769, 1, 1000 * one, architecture=HERE).values())
         for one in seconds]
show(*plot.kept_ready(busy, demand, ready, cost.kept_ready_break_even(HERE)))

# %% [markdown]
# *Notice* where the lines meet. The left end of the dashed line is the price of one environment
# without requests. A function that is used only in working hours is busy for a smaller share of its
# time than at the crossing. So provisioned concurrency is good for the 99th percentile, in hours in
# which that matters. It rarely saves money. Lambda's free part does not apply to it.
#
# **SnapStart** starts from a snapshot of an environment after INIT. For Python it costs money as
# long as a published version has it, and for each restore:

# %%
snap = cost.snapshots(512, restores=10_000)
print(f"512 MB: ${snap['cache']:.2f} a month for each version, ${snap['restore']:.2f} for 10,000 "
      "restores")
print(f"kept ready, the same environment: ${cost.kept_ready(1, 512, 0, 0)['kept ready']:.2f}")

# %% [markdown]
# Old versions cost money until they are deleted. And for a function that starts as fast as an empty
# function, as in [lesson 14](14_bring_down_cold_starts.ipynb), both can save little.

# %% [markdown]
# ## A month, and the free part
#
# Every account has a million requests and 400,000 GB-seconds free each month, without an end
# (Lambda pricing page, read in November 2026). All functions of the account share them. Accounts
# made since 15 July 2025 also get credits, for six months. What does the free part cover?

# %%
rows = {}
for name, case in CASES.items():
    for requests in (100_000, 1_000_000, 10_000_000, 100_000_000):
        given = case | {"requests": requests, "cold_share": COLD, "architecture": HERE}
        rows[name, f"{requests:,}"] = {
            "with the free part": sum(cost.month(**given).values()),
            "without": sum(cost.month(**given, free_tier=False).values()),
            "an HTTP API in front of it": cost.month(**given, door="http_api")["front door"]}
print("US dollars a month; times: this machine's")
pd.DataFrame(rows).T.rename_axis(["function", "requests a month"]).map("{:,.2f}".format)

# %% [markdown]
# The HTTP API has no free part (the credits of a new account pay for it, and end).
#
# ### Exercise 3: a month in a shop (10 minutes)
#
# A shop lets a function sort its suppliers' pictures. On 26 days of the month, for 10 hours, 4
# pictures come each second. In all other hours of the month's 730, one picture comes every 10
# seconds. They come through an HTTP API to `image` at 1,769 MB, whose times are in
# `CASES["image"]`. Other functions have used the free part, and 0.2 % of the requests are cold.
#
# Compute `requests`, the number in a month, and `bill`, the result of `cost.month` for it.
#
# <details><summary>Hint 1</summary>
#
# Busy hours: 26 × 10. The others: 730 less those. An hour has 3,600 seconds.
# </details>
#
# <details><summary>Hint 2</summary>
#
# `cost.month(requests, **CASES["image"], …)` with `cold_share`, `door`, `free_tier` and
# `architecture=HERE`. 0.2 % is 0.002.
# </details>

# %% Exercise 3
requests, bill = 0, {}
# BEGIN SOLUTION
busy_hours = 26 * 10
requests = busy_hours * 3600 * 4 + (730 - busy_hours) * 3600 / 10
bill = cost.month(requests, **CASES["image"], cold_share=0.002, door="http_api",
                  free_tier=False, architecture=HERE)
# END SOLUTION

print(f"{requests:,.0f} requests, ${sum(bill.values()):.2f} a month")

# %% Check 3 tags=["check"]
assert requests, "requests is still 0: how many are there in a month?"
assert abs(requests - 3_744_000) > 1, "that is the busy hours alone; the other 470 hours count too"
assert abs(requests - 4_006_800) > 1, "the quiet hours are 730 less the 260 busy ones"
assert abs(requests - 3_913_200) < 1, (
    f"26 × 10 h × 3,600 s × 4, and 470 h × 3,600 s / 10, are 3,913,200; you have {requests:,.0f}")
assert bill, "bill is still empty: put what cost.month returns into it"
assert bill["front door"], "the requests come through an HTTP API: door=\"http_api\""
expected = cost.month(requests, **CASES["image"], cold_share=0.002, door="http_api",
                      free_tier=False, architecture=HERE)
assert abs(bill["requests"] - expected["requests"]) < 1e-6, (
    "the free part is used up by other functions: free_tier=False")
assert bill["init"], "0.2 % of the requests are cold: cold_share=0.002"
assert abs(bill["init"] / expected["init"] - 1) < 1e-6, (
    f"INIT should come to ${expected['init']:.4f}, you have ${bill['init']:.4f}: 0.2 % is 0.002, "
    "and CASES[\"image\"] holds init_ms")
assert all(abs(bill[part] - expected[part]) < 1e-6 for part in expected), (
    f"expected {expected}, you have {bill}")
print("Right.")

# %% [markdown]
# ## Or a container that always runs?
#
# The other way to serve a model is a container that waits for requests. On Fargate, it is billed
# for every hour, with or without requests. The smallest size has a quarter of a vCPU and 0.5 GB
# (Fargate pricing page). To have a name and HTTPS, it needs a load balancer in front of it.

# %%
pd.DataFrame({
    "one container": cost.container(architecture=HERE, balancer=False),
    "with a load balancer": cost.container(architecture=HERE),
}).T.assign(total=lambda table: table.sum(axis="columns")).round(2)

# %% [markdown]
# So above some number of requests the container is cheaper. One quarter of a vCPU has a limit: if
# it would be busy for more than half of its time, we add another.

# %%
volumes = np.geomspace(1e4, 1e9, 300)
CPU_MS = {name: table["warm_mean_ms"].loc[1769:].min() for name, table in usable.items()}
CPU_MS["5 × image"] = 5 * CPU_MS["image"]         # time of one whole vCPU that a request takes


def function_bill(requests, name, door):
    """Dollars a month for a function, with the free part."""
    return sum(cost.month(requests, **CASES[name], cold_share=COLD, architecture=HERE,
                          door=door).values())


def container_bill(requests, name):
    """Dollars a month for as many containers as it takes, with a load balancer."""
    tasks = cost.tasks_needed(requests, CPU_MS[name])
    return sum(cost.container(tasks, architecture=HERE).values())


ways = {name: {"containers": [container_bill(one, name) for one in volumes],
               **{door: [function_bill(one, name, door) for one in volumes]
                  for door in ("http_api", "function_url")}} for name in CASES}
crossings = {(name, door): cost.break_even(lambda n: function_bill(n, name, door),
                                           lambda n: container_bill(n, name))
             for name in CASES for door in ("http_api", "function_url")}
show(*plot.against_containers(volumes, ways, {
    key: (requests, container_bill(min(requests, 1e9), key[0]))
    for key, requests in crossings.items()}))

for (name, door), requests in crossings.items():
    print(f"{name:10} by {door:12} more expensive from {requests / 1e6:6,.0f} million requests a "
          f"month, {requests / cost.MONTH / 3600:,.0f} each second")

# %% [markdown]
# *Notice:* the crossing depends on the **front door** more than on the model. A heavier model makes
# both ways more expensive: the function runs longer, and the traffic needs more containers. (`inf`: in this range, the
# function is never more expensive.)
#
# Left of the crossing, the function is cheaper, and costs nothing while it waits. Right of it,
# containers are cheaper. But somebody must choose their number and update them, and a single
# container is a single point of failure; Lambda runs in several zones by default. A million
# requests a month is one every three seconds, and most models get far fewer.

# %% [markdown]
# ## What the estimate does not include
#
# Other things are on the bill, too, and some can cost more than the function. First the log: what
# does one request of `churn` write? We call the handler in its image, once:

# %%
import json
import subprocess

from workshop import deploy

REQUEST_ID = "8f5cb0ee-2c3b-4a53-9d5e-1f6f6f1c0a00"
ONCE = f"""
import json, sys, types
from lambda_function import lambda_handler
lambda_handler(json.loads(sys.argv[1]), types.SimpleNamespace(aws_request_id="{REQUEST_ID}"))
"""
printed = subprocess.run(
    ["docker", "run", "--rm", "--entrypoint", "python3",
     deploy.build("churn", model="../build/models/churn.onnx"), "-c", ONCE,
     json.dumps(FUNCTIONS["churn"].event)], capture_output=True, text=True, check=True).stdout
line = json.loads(printed)
print(json.dumps(line, indent=1))

# %% [markdown]
# CloudWatch makes metrics from the part under `_aws` (lesson 21). This part is most of the line.
# Lambda adds three lines of its own. What does all this cost?

# %%
LAMBDA = f"""START RequestId: {REQUEST_ID} Version: $LATEST
END RequestId: {REQUEST_ID}
REPORT RequestId: {REQUEST_ID} Duration: 1.23 ms Billed Duration: 2 ms \
Memory Size: 512 MB Max Memory Used: 96 MB
"""
ANSWER = 700         # bytes of an answer with its headers

written = len(printed.encode()) + len(LAMBDA.encode())
gb = 1e6 * written / 1e9
out = 1e6 * ANSWER / 1e9
metrics = len(line["_aws"]["CloudWatchMetrics"][0]["Metrics"])
print(f"logs:          {written} bytes a request, {len(printed.encode())} of them the handler's: "
      f"${gb * cost.usd('log_ingestion'):.2f} per million requests")
print(f"metrics:       {metrics} of our own, ${metrics * cost.usd('metric'):.2f} a month for each "
      f"version that is called; an account's first {cost.prices()['metric'].free_a_month:.0f} are free")
print(f"data out:      {out:.1f} GB per million requests, ${out * cost.usd('data_out'):.2f}; the "
      f"first {cost.prices()['data_out'].free_a_month:.0f} GB a month are free")
print(f"image in ECR:  0.1 GB, ${0.1 * cost.usd('image_storage'):.2f} a month for each version")
print(f"a NAT gateway: ${cost.MONTH * cost.usd('nat_hour'):.2f} a month, with or without requests")

# %% [markdown]
# The logs can cost more than the requests that they describe. Keep a line short, and delete old
# lines (lesson 05). A function in a private network needs a NAT gateway to call the internet, and a
# NAT gateway costs more than millions of predictions. So use a private network only if the function
# needs it.
#
# The estimate does not include either:
#
# - **Lambda's processor.** Your machine has another processor. Ratios are similar on AWS,
#   milliseconds are not.
# - **Lambda Managed Instances**, for steady traffic: functions on EC2 instances that AWS runs for
#   you, at EC2's price plus 15 %. They need at least three environments, and do not scale to zero
#   (Lambda pricing page, 2026-09).
# - **Your traffic.** We sent one request after the other, all equal. If requests are rare, each has
#   a new slice of processor time. If pictures are larger, everything takes longer.
# - **Mistakes:** a function that calls itself, or a retry without an end. An estimate does not
#   include them. A budget (AWS Budgets) sends you a message.
# - **People.** An afternoon of work costs more than a year of most of these bills.

# %% [markdown]
# ## Recap
#
# - **A bill** is compute and INIT, which follow milliseconds × memory, and fees for requests and
#   the front door, which follow their number alone. For a small model, the fees are most of the
#   bill.
# - **Memory** buys processor time at no cost up to one vCPU at 1,769 MB. Above it, a function of
#   one thread gains nothing. Choose the corner of the curve; the 99th percentile sets the limit.
# - **arm64** is a fifth cheaper per GB-second: measure the seconds.
# - **Cold starts** change the 99th percentile before they change the bill. Environments that are
#   kept ready save money only if they are busy for most of their time.
# - **A container** that always runs is cheaper from tens of millions of requests a month, and
#   earlier behind an expensive front door.
# - **Logs and a NAT gateway** can cost more than everything else.
#
# ## Clean up
#
# Nothing was made in the cloud. The images stay on your machine for the other lessons;
# `python3 -m workshop clean` removes them.
#
# ## Next
#
# In [lesson 17](17_run_on_events_and_in_batches.ipynb), events and batches call the function: a
# file that arrives, a queue, a schedule.
