"""What the Online Marketplace driver draws, counts and pictures."""

import random
from collections import Counter, deque
from xml.etree import ElementTree

import pytest

from bench.online_marketplace import metrics, plots, report
from bench.online_marketplace.journal import Done, Journal, Outcome
from bench.online_marketplace.profiles import OM_2C
from bench.online_marketplace.watcher import Watcher
from bench.online_marketplace.workload import Choice, Kind, Product, draw_kind, raised

SVG = "{http://www.w3.org/2000/svg}svg"
SHARES = {"checkout": 31, "dashboard": 5, "price_update": 3, "product_update": 2, "update_delivery": 60}


def choice(*, skew: float = 0.0, is_single_seller: bool = False) -> Choice:
    sellers = [[Product(f"{seller}-{n}", seller, "x", 100) for n in range(10)] for seller in range(50)]
    return Choice(sellers, skew, is_single_seller, random.Random(1), deque([7, 8]))


def test_the_mix_counts_a_hundred_and_one_numbers() -> None:
    class Counting(random.Random):
        left = 0

        def randint(self, a: int, b: int) -> int:
            assert (a, b) == (0, 100)
            self.left += 1
            return self.left - 1

    rng = Counting()

    assert Counter(draw_kind(rng).value for _ in range(101)) == SHARES


def test_a_cart_holds_distinct_products() -> None:
    chosen = choice()

    carts = [chosen.cart() for _ in range(500)]

    assert {len(cart) for cart in carts} == set(range(1, 11))
    assert all(len({product.product_id for product, _ in cart}) == len(cart) for cart in carts)
    assert {quantity for cart in carts for _, quantity in cart} == set(range(1, 11))


def test_a_single_sellers_cart_is_of_one_seller() -> None:
    chosen = choice(is_single_seller=True)

    assert all(len({product.seller for product, _ in chosen.cart()}) == 1 for _ in range(100))


def test_skew_prefers_the_first_sellers() -> None:
    chosen = choice(skew=1.0)
    drawn = Counter(chosen.seller() for _ in range(20_000))

    assert drawn[0] / drawn[9] == pytest.approx(10, rel=0.25)
    assert max(drawn) <= 49


def test_a_busy_product_is_not_updated_and_a_busy_customer_does_not_shop() -> None:
    chosen = choice()
    for shop in chosen.sellers:
        for product in shop[:-1]:
            product.is_busy = True

    drawn = [chosen.free_product() for _ in range(50)]

    assert {product.product_id[-1] for product in drawn if product is not None} == {"9"} and None not in drawn
    assert [chosen.customer(), chosen.customer(), chosen.customer()] == [7, 8, None]


def test_prices_rise_by_one_to_nine_per_cent_in_whole_rupiah() -> None:
    assert {raised(1000, random.Random(n)) for n in range(100)} == {1000 + 10 * n for n in range(1, 10)}


def test_only_successes_inside_the_window_count() -> None:
    begin, end = metrics.window(100.0, 160.0)
    journal = Journal(
        done=[
            Done(1, Kind.CHECKOUT, 118.0, 119.9, Outcome.SUCCESS),
            Done(2, Kind.CHECKOUT, 119.0, 120.1, Outcome.SUCCESS),
            Done(3, Kind.DASHBOARD, 130.0, 130.2, Outcome.SUCCESS),
            Done(4, Kind.CHECKOUT, 131.0, 132.0, Outcome.NOT_ACCEPTED, "out_of_stock"),
            Done(5, Kind.CHECKOUT, 150.0, 160.5, Outcome.SUCCESS),
        ]
    )

    figures = metrics.summary(journal, begin, end)

    assert (begin, figures["tx_per_s"], figures["kinds"]["checkout"]["count"]) == (120.0, 0.1, 1)
    assert figures["kinds"]["dashboard"]["p50_ms"] == 200.0
    assert figures["others"] == {"checkout: not_accepted out_of_stock": 1}


def test_the_watcher_sees_a_copy_go_back() -> None:
    watcher = Watcher.__new__(Watcher)
    watcher.found, watcher._versions = {"V6": []}, {}

    for versions in ({"a": 2, "b": 2}, {"a": 3, "b": 2}, {"a": 2, "b": 2}):
        watcher.compare(versions)

    assert watcher.found["V6"] == ["a: was at 3, is at 2"]


def test_results_become_keys_a_table_and_pictures() -> None:
    point = {"concurrency": 8} | metrics.summary(
        Journal(done=[Done(1, kind, 1.0, 1.5, Outcome.SUCCESS) for kind in Kind]), 0, 10
    )
    point["cpu_percent"] = {"orders": 40.0, "postgres": 30.0, "bank": 0.1}
    invariants = {f"V{n}": {"criterion": "", "found": 0, "examples": []} for n in range(1, 21)}
    invariants["V7"]["found"], invariants["V18"]["found"] = 2, None
    profile = {"name": "OM-2C", "customers": 1, "sellers": 1, "products_per_seller": 10, "seconds": 60}
    result = {
        "profile": profile, "seed": 1, "points": [point], "best": point, "pgbench_per_s": 100.0, "orders": 1,
        "republished": 3, "kills": [], "isolation": None, "invariants": invariants, "at": "2026-11-30T12:00:00+00:00",
        "machine": {"cores": 2, "commit": "abc"},
    }  # fmt: skip

    keys = report.figures({"OM-2C": result}, 50.0)
    page = "\n".join(report.markdown({"OM-2C": result}))
    pictures = (
        plots.throughput([point, point], title="<t>"),
        plots.latencies(point["kinds"], title="t"),
        plots.where(point["cpu_percent"], title="t"),
    )

    assert keys == {"om2c_tx_per_s": 0.5, "om2c_ratio": 0.005, "om2c_concurrency": 8, "om2c_invariants_failed": 1}
    assert "| 8 | 0.5 | 0.1 | 500.0 / 500.0 / 500.0 | none |" in page
    assert "| price update | 1 | 500.0 | 500.0 | 500.0 | 500.0 | 500.0 |" in page
    assert "1 broken (V7 (2)); 1 not run (V18)" in page
    assert [ElementTree.fromstring(text).tag for text in pictures] == [SVG] * 3  # noqa: S314  our own text
    assert report.figures({}, 50.0) == {} and OM_2C.products == 10_000
