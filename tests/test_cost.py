"""The calculator against AWS's own worked examples, and against arithmetic done by hand.

Examples: Lambda pricing page, https://aws.amazon.com/lambda/pricing/, US East (N. Virginia), x86.
They round to cents, some in between: hence the half cent.
"""
import math
import re

import pytest

from workshop import cost
from workshop.course import render

CENT = 0.0051


def total(parts):
    return sum(parts.values())


def test_aws_example_mobile_backend():
    """3 million requests of 120 ms at 1,536 MB: $2.33 compute + $0.40 requests."""
    bill = cost.month(3_000_000, 1536, 120)
    assert bill["compute"] == pytest.approx(2.33, abs=CENT)
    assert bill["requests"] == pytest.approx(0.40, abs=CENT)
    assert total(bill) == pytest.approx(2.73, abs=CENT)
    assert bill["init"] == bill["front door"] == 0


def test_aws_example_telemetry_without_the_free_tier():
    """7.44 million requests of 2 s at 1 GB: $248.00 + $1.49."""
    bill = cost.month(7_440_000, 1024, 2000, free_tier=False)
    assert bill["compute"] == pytest.approx(248.00, abs=CENT)
    assert total(bill) == pytest.approx(249.49, abs=CENT)


def test_aws_example_support_tickets():
    """6 million requests of 280 ms at 4 GB: $105.33 + $1.00 (and 8 cents for a larger /tmp)."""
    bill = cost.month(6_000_000, 4096, 280)
    assert bill["compute"] == pytest.approx(105.33, abs=CENT)
    assert bill["requests"] == pytest.approx(1.00, abs=CENT)


def test_aws_example_provisioned_concurrency():
    """7 × 4 GB for 24 hours, 2 million requests of 280 ms: $10.08 + $21.78 + $0.40."""
    bill = cost.kept_ready(7, 4096, 2_000_000, 280, hours=24)
    assert bill == pytest.approx({"kept ready": 10.08, "compute": 21.78, "requests": 0.40},
                                 abs=CENT)


def test_aws_example_snapshots():
    """1 GB for 31 days, 74,400 restores: $4.03 + $10.40 (the page writes $10.4)."""
    bill = cost.snapshots(1024, 74_400, hours=24 * 31)
    assert bill == pytest.approx({"cache": 4.03, "restore": 10.40}, abs=CENT)


def test_a_million_short_requests_by_hand():
    """5 ms at 512 MB: 1e6 × 0.005 s × 0.5 GB = 2,500 GB-s, × $0.0000166667 = $0.0417."""
    parts = cost.per_million(512, 5, door="http_api")
    assert parts == pytest.approx({"compute": 0.0416668, "init": 0, "requests": 0.20,
                                   "front door": 1.00}, abs=1e-6)


@pytest.mark.parametrize("milliseconds, billed", [(0, 0), (0.01, 1), (1, 1), (1.0001, 2), (7.2, 8),
                                                  (0.1 + 0.2 + 0.7 + 1e-12, 1)])
def test_each_time_is_rounded_up_to_a_whole_millisecond(milliseconds, billed):
    assert cost.billed_ms([milliseconds]) == billed


def test_what_is_billed_is_rounded_before_the_mean():
    assert cost.billed_ms([0.2, 0.2, 2.2]) == pytest.approx(5 / 3)


def test_cold_requests_are_billed_for_init_and_their_first_time():
    """1 % of a million at 1 GB: 10,000 × 0.4 s INIT; 10,000 × 0.02 s + 990,000 × 0.01 s."""
    used = cost.usage(1_000_000, 1024, 10, init_ms=400, first_ms=20, cold_share=0.01)
    assert used == pytest.approx({"compute": 10_100, "init": 4_000})
    without = cost.usage(1_000_000, 1024, 10, init_ms=400, cold_share=0.01)
    assert without == pytest.approx({"compute": 10_000, "init": 4_000})


def test_the_free_tier_is_one_for_compute_and_init_and_never_below_zero():
    assert total(cost.month(1_000_000, 1024, 400)) == 0
    half = cost.month(1_000_000, 1024, 400, init_ms=400, cold_share=1)       # 800,000 GB-s
    assert half["compute"] == pytest.approx(half["init"])
    assert half["compute"] + half["init"] == pytest.approx(400_000 * 0.0000166667)


def test_the_front_door_has_no_free_tier():
    assert cost.month(500_000, 128, 1, door="rest_api") == pytest.approx(
        {"compute": 0, "init": 0, "requests": 0, "front door": 1.75})


def test_arm64_is_a_fifth_cheaper_for_the_same_time():
    x86, arm = (cost.per_million(1024, 100, architecture=one)["compute"]
                for one in cost.ARCHITECTURES)
    assert arm / x86 == pytest.approx(0.8, abs=1e-4)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="-1 ms"):
        cost.per_million(128, -1)
    with pytest.raises(ValueError, match="0 MB"):
        cost.per_million(0, 1)
    with pytest.raises(ValueError, match="between 0 and 1"):
        cost.per_million(128, 1, cold_share=5)
    with pytest.raises(KeyError, match="no 'websocket'; it has lambda_requests"):
        cost.per_million(128, 1, door="websocket")


def test_cold_share_by_hand():
    """One request an hour, kept for 10 minutes: exp(-1/6) = 0.846; twelve: exp(-2) = 0.135."""
    assert cost.cold_share(1, 10) == pytest.approx(0.846, abs=5e-4)
    assert cost.cold_share(12, 10) == pytest.approx(0.135, abs=5e-4)
    assert cost.cold_share(0, 10) == 1


@pytest.mark.parametrize("share, slowest", [(0, 5), (0.009, 5), (0.011, 900), (1, 900)])
def test_more_than_one_cold_request_in_a_hundred_is_the_99th_percentile(share, slowest):
    assert cost.percentile(99, share, 5, 900) == slowest


def test_provisioned_concurrency_pays_for_an_environment_busy_for_60_percent_of_its_time():
    """0.0000041667 / (0.0000166667 - 0.0000097222) = 0.600."""
    for architecture in cost.ARCHITECTURES:
        busy = cost.kept_ready_break_even(architecture)
        assert busy == pytest.approx(0.6, abs=1e-3)
        requests = busy * cost.MONTH * 3600 * 10                             # of 100 ms
        ready = cost.kept_ready(1, 1024, requests, 100, architecture=architecture)
        demand = cost.month(requests, 1024, 100, architecture=architecture, free_tier=False)
        assert total(ready) == pytest.approx(total(demand))


def test_a_container_by_hand():
    """730 h × (0.25 × $0.04048 + 0.5 × $0.004445) = $9.01; a balancer 730 × $0.0225 = $16.43."""
    bill = cost.container()
    assert bill == pytest.approx({"tasks": 9.01, "load balancer": 16.43, "addresses": 10.95},
                                 abs=CENT)
    bare = cost.container(2, balancer=False)
    assert bare == pytest.approx({"tasks": 18.02, "load balancer": 0, "addresses": 7.30}, abs=CENT)


def test_a_serverless_endpoint_by_hand():
    """A million of 48 ms at 6 GB, 1 kB each: 48,000 s × $0.00012 = $5.76; 1 GB × $0.016.

    The time and the size are those of an example by AWS engineers, which comes to $5.76 as well.
    """
    bill = cost.serverless_endpoint(1_000_000, 6144, 48, kilobytes=1)
    assert bill == pytest.approx({"compute": 5.76, "data": 0.016})
    assert cost.serverless_endpoint(1_000_000, 3072, 1000)["compute"] == pytest.approx(60)
    assert cost.serverless_endpoint(10, 1024, 1000, gb_second=7)["compute"] == pytest.approx(70)
    assert total(cost.serverless_endpoint(0, 1024, 48)) == 0


@pytest.mark.parametrize("memory", [0, 512, 1000, 1769, 7168])
def test_a_serverless_endpoint_has_memory_in_whole_gigabytes(memory):
    with pytest.raises(ValueError, match=f"{memory} MB: a serverless endpoint has one of 1024, "):
        cost.serverless_endpoint(1, memory, 1)


def test_instances_by_hand():
    """730 h × $0.115 = $83.95."""
    assert cost.instances() == pytest.approx({"instances": 83.95})
    assert cost.instances(2, hours=1) == pytest.approx({"instances": 0.23})


def test_where_a_function_and_an_endpoint_cost_the_same():
    """$0.20 a million / ($0.00002 - $0.0000166667) a GB-second = 60 ms at 1 GB each."""
    even = cost.usd("lambda_requests") / cost.MILLION / (
        cost.usd("endpoint_compute") - cost.usd("lambda_compute_x86_64"))
    assert even == pytest.approx(0.060, abs=1e-4)
    function = cost.per_million(1024, 1000 * even)
    assert total(function) == pytest.approx(
        total(cost.serverless_endpoint(cost.MILLION, 1024, 1000 * even)))


def test_containers_are_as_many_as_their_processors_must_be():
    """A quarter of a vCPU, half busy: 730 h × 3600 × 0.125 = 328,500 s of computing a month."""
    assert cost.tasks_needed(0, 10) == 1
    assert cost.tasks_needed(32_850_000, 10) == 1
    assert cost.tasks_needed(32_850_001, 10) == 2


def test_break_even_is_where_the_function_becomes_dearer():
    """At $0.20 a million, $10 are 50 million requests; with a million free, 51 million."""
    def dollars(requests):
        return total(cost.month(requests, 128, 0, free_tier=False))
    assert cost.break_even(dollars, lambda n: 10) == pytest.approx(50e6, rel=0.01)
    assert cost.break_even(lambda n: total(cost.month(n, 128, 0)), lambda n: 10) == pytest.approx(
        51e6, rel=0.01)
    assert cost.break_even(lambda n: 0, lambda n: 10) == math.inf
    assert dollars(cost.break_even(dollars, lambda n: 10)) > 10
    assert cost.break_even(dollars, lambda n: 0) == 1e3


def test_lesson_05_has_the_prices_of_the_table():
    source = next(one for one in render.lessons() if one.number == "05").path.read_text("utf-8")
    for item in ("lambda_compute_x86_64", "lambda_compute_arm64"):
        assert f"{cost.usd(item):.10f}" in source
    for item in ("lambda_requests", "image_storage"):
        assert f"\\${cost.usd(item):.2f}" in source


@pytest.mark.parametrize("number", ["16", "19"])
def test_every_price_that_a_lesson_on_costs_writes_stands_in_the_table(number):
    lesson = next((one for one in render.lessons() if one.number == number), None)
    assert lesson is not None
    _, *cells = lesson.cells                # the first says what the lesson itself costs
    prose = "\n".join(cell.source for cell in cells if cell.kind == "markdown")
    written = re.findall(r"\\\$([\d.,]*\d)", prose)
    known = {price.usd for price in cost.prices().values()}
    assert not [one for one in written if float(one.replace(",", "")) not in known]
