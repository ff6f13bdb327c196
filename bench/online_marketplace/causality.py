"""V7: a cart that shows a later update of a seller must also show all that seller's earlier ones.

The log of a seller is catalog's own (`sequence`, taken under the shop's row lock), which is stricter than the order in
which a driver happened to be answered.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from bench.online_marketplace.facts import ChangeFact


def anomalies(carts: Mapping[str, list[tuple[str, int]]], changes: Iterable[ChangeFact]) -> list[str]:
    """One sentence per anomaly. `carts`: by order, the products and versions that went to the stock.

    Each line of a seller is the pivot once: the seller's other lines must not be older than what they were when the
    pivot's update was made.
    """
    position: dict[tuple[str, int], int] = {}
    history: dict[str, list[tuple[int, int]]] = defaultdict(list)  # product: sequence, version
    shop: dict[str, str] = {}
    for change in changes:
        position[change.product, change.version] = change.sequence
        history[change.product].append((change.sequence, change.version))
        shop[change.product] = change.shop
    found = []
    for order, lines in carts.items():
        for pivot, pivot_version in lines:
            at = position.get((pivot, pivot_version))
            if at is None:
                found.append(f"{order}: {pivot} was never at version {pivot_version}")
                continue
            for other, version in lines:
                if other == pivot or shop.get(other) != shop[pivot]:
                    continue
                then = max((v for sequence, v in history[other] if sequence <= at), default=0)
                if version < then:
                    found.append(f"{order}: shows {pivot} at {pivot_version}, but {other} at {version} before {then}")
    return found
