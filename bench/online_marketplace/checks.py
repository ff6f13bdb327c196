"""The invariants V1 to V20 of the specification's section 5, each a calculation over a run: findings, as sentences.

What must stay true: a check that finds nothing has looked at something; what a profile does not do is "not run" (None),
never green. Each has been seen to fail on planted corruption (tests/bench).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from bench.online_marketplace.causality import anomalies
from bench.online_marketplace.facts import EventFact, Facts, LineFact, ParcelFact, Run
from bench.online_marketplace.journal import Checkout, Look, Outcome
from deploy.local.stack import SERVICES

Findings: TypeAlias = list[str]
ON_ITS_WAY = {"pending", "shipped", "delivered"}
REACHED = {"delivered", "completed"}
DONE = {"confirmed", "completed"}
STOCK_REASONS = {"out_of_stock", "offer_changed"}
OVERDRAWN_CHECK = "stock_reserved_within_on_hand"
MEASURED = ("orders", "catalog")
ISOLATED_SHARE_MIN = 0.5  # of the rate with the consumer; two loads of the same differ by a third here


@dataclass(frozen=True, slots=True)
class Check:
    """An invariant: its id, the paper's criterion, and what finds where it is broken."""

    id: str
    criterion: str
    find: Callable[[Run], Findings | None]


@dataclass(frozen=True)
class Grouped:
    """The facts by order."""

    lines: dict[str, list[LineFact]]
    parcels: dict[str, dict[str, ParcelFact]]
    receipts: dict[str, list[tuple[str, int]]]
    reservations: dict[str, dict[str, tuple[int, str]]]
    events: dict[str, list[EventFact]]

    @classmethod
    def of(cls, facts: Facts) -> "Grouped":
        """Group them once."""
        lines, events, receipts = defaultdict(list), defaultdict(list), defaultdict(list)
        parcels: dict[str, dict[str, ParcelFact]] = defaultdict(dict)
        reservations: dict[str, dict[str, tuple[int, str]]] = defaultdict(dict)
        for line in facts.lines:
            lines[line.order].append(line)
        for parcel_id, parcel in facts.parcels.items():
            parcels[parcel.order][parcel_id] = parcel
        for order, verdict, amount in facts.receipts:
            receipts[order].append((verdict, amount))
        for one in facts.reservations:
            reservations[one.order][one.product] = (one.quantity, one.state)
        for event in facts.events:
            events[event.order].append(event)
        return cls(lines, parcels, receipts, reservations, events)


def functional_decomposition(run: Run) -> Findings:
    """V1: each login opens its own database only; services do not call each other while transactions run."""
    found = [
        f"the login of {role} may open the database {database}"
        for role, database in sorted(run.facts.connectable)
        if role != database
    ]
    found += [f"{role} may not open its own database" for role in SERVICES if (role, role) not in run.facts.connectable]
    return found + [f"{caller} called {called} by HTTP" for caller, called in sorted(run.calls)]


def all_or_nothing(run: Run) -> Findings:
    """V2: each checkout is in exactly one class, with all that belongs to the class and nothing else."""
    grouped = Grouped.of(run.facts)
    found = [sentence for checkout in run.journal.checkouts for sentence in _class_faults(checkout, run.facts, grouped)]
    known = {checkout.order_id for checkout in run.journal.checkouts}
    return found + [f"order {order} belongs to no checkout" for order in run.facts.orders if order not in known]


def _class_faults(checkout: Checkout, facts: Facts, grouped: Grouped) -> Findings:
    where = f"tid {checkout.tid}"
    order = facts.orders.get(checkout.order_id)
    if not checkout.order_id:
        return []  # NOT_STARTED: an order without a checkout is found by its own
    if order is None:
        return [f"{where}: accepted as {checkout.order_id}, which does not exist"]
    faults: Findings = []
    lines, parcels = grouped.lines[checkout.order_id], grouped.parcels[checkout.order_id]
    accepted = [amount for verdict, amount in grouped.receipts[checkout.order_id] if verdict == "accepted"]
    charge = facts.charges.get(checkout.order_id)
    reserved = grouped.reservations[checkout.order_id]
    states = {state for _, state in reserved.values()}
    bought = sorted((line.product, line.version, line.unit_price_minor, line.quantity) for line in lines)
    if bought != sorted(checkout.lines):
        faults.append(f"{where}: its lines are not those of its cart")
    if order.status in DONE:
        if checkout.outcome is not Outcome.SUCCESS:
            faults.append(f"{where}: done, but marked {checkout.outcome}")
        if accepted != [order.total_minor] or charge is None or charge[0] != "paid":
            faults.append(f"{where}: done without exactly its money")
        if {line.parcel for line in lines} != set(parcels) or any(p.status == "cancelled" for p in parcels.values()):
            faults.append(f"{where}: done without exactly its parcels")
        if {product: quantity for product, (quantity, _) in reserved.items()} != {
            line.product: line.quantity for line in lines
        } or states != {"committed"}:
            faults.append(f"{where}: done without exactly its stock")
    elif order.status == "cancelled":
        if checkout.outcome is not Outcome.NOT_ACCEPTED:
            faults.append(f"{where}: cancelled, but marked {checkout.outcome}")
        if accepted:
            faults.append(f"{where}: cancelled, and paid")
        if any(parcel.status not in ("pending", "cancelled") for parcel in parcels.values()):
            faults.append(f"{where}: cancelled, and sent")
        is_of_stock = order.reason in STOCK_REASONS
        if states - ({"refused"} if is_of_stock else {"released"}):
            faults.append(f"{where}: cancelled ({order.reason}), but its stock is {sorted(states)}")
        if is_of_stock and charge is not None:
            faults.append(f"{where}: refused by the stock, and charged")
        if not is_of_stock and (charge is None or charge[0] == "paid"):
            faults.append(f"{where}: refused by the payment, but its charge is {charge}")
    else:
        faults.append(f"{where}: still {order.status}")
    return faults


def stock_adds_up(run: Run) -> Findings:
    """V3: what is gone from the stock is what paid orders hold; nothing is set aside at rest."""
    sold: Counter[str] = Counter()
    for line in run.facts.lines:
        if run.facts.orders[line.order].status in DONE:
            sold[line.product] += line.quantity
    found = [
        f"{product}: {stock.received} came, {stock.on_hand} are left, but {sold[product]} are sold"
        for product, stock in run.facts.stock.items()
        if stock.received - stock.on_hand + stock.returned != sold[product] or stock.sold != sold[product]
    ]
    found += [f"{p}: {s.reserved} set aside at rest" for p, s in run.facts.stock.items() if s.reserved]
    return found + run.alive.get("V3", [])


def money_adds_up(run: Run) -> Findings:
    """V4: totals recompute from lines; exactly one payment of exactly the total if it is paid, else none."""
    grouped = Grouped.of(run.facts)
    found = []
    for order_id, order in run.facts.orders.items():
        parcels = grouped.parcels[order_id]
        goods: Counter[str] = Counter()
        for line in grouped.lines[order_id]:
            goods[line.parcel] += line.quantity * line.unit_price_minor
        if any(parcel.goods_minor != goods[parcel_id] for parcel_id, parcel in parcels.items()):
            found.append(f"{order_id}: a parcel's goods are not its lines")
        if order.total_minor != sum(goods.values()) + sum(parcel.shipping_minor for parcel in parcels.values()):
            found.append(f"{order_id}: its total is not its lines and shipping")
        paid = [amount for verdict, amount in grouped.receipts[order_id] if verdict == "accepted"]
        if paid != ([order.total_minor] if order.status in DONE else []) or order.received_minor != sum(paid):
            found.append(f"{order_id}: {order.status}, total {order.total_minor}, paid {paid}")
    return found


def replica_converges(run: Run) -> Findings:
    """V5: at rest the carts' copy is the product."""
    return [
        f"{product}: {run.facts.offers.get(product)} in orders, {(version, price)} in catalog"
        for product, (_, version, price) in run.facts.products.items()
        if run.facts.offers.get(product) != (version, price)
    ]


def replica_never_regresses(run: Run) -> Findings:
    """V6: while the load ran, no copy of a product went back to an older version."""
    if run.looks_alive < run.looks_alive_min:
        return [f"the watcher looked {run.looks_alive} times, not even {run.looks_alive_min}"]
    return list(run.alive.get("V6", []))


def sellers_are_causal(run: Run) -> Findings:
    """V7: the anomaly count of section 7 is zero."""
    carts: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for line in run.facts.lines:
        carts[line.order].append((line.product, line.version))
    return anomalies(carts, run.facts.changes)


def references_hold(run: Run) -> Findings:
    """V8: stock and product are at one version; nobody was sold a version whose end was known before the checkout."""
    found = [
        f"{product}: stock at {stock.version}, product at {run.facts.products.get(product)}"
        for product, stock in run.facts.stock.items()
        if product not in run.facts.products or run.facts.products[product][1] != stock.version
    ]
    replaced = {(update.product_id, update.based_on): update.acknowledged for update in run.journal.updates}
    submitted = {checkout.order_id: checkout.submitted for checkout in run.journal.checkouts if checkout.order_id}
    for line in run.facts.lines:
        is_sold = run.facts.orders[line.order].status in DONE
        known_at = replaced.get((line.product, line.version))
        if is_sold and known_at is not None and known_at < submitted.get(line.order, 0.0):
            found.append(f"{line.order}: holds {line.product} at {line.version}, which had ended before")
    return found + run.alive.get("V8", [])


def nothing_is_ordered_twice(run: Run) -> Findings:
    """V9: one order per accepted checkout, however often it was sent."""
    accepted = [checkout.order_id for checkout in run.journal.checkouts if checkout.order_id]
    found = [f"order {order} answers {times} checkouts" for order, times in Counter(accepted).items() if times > 1]
    if len(run.facts.orders) != len(set(accepted)):
        found.append(f"{len(run.facts.orders)} orders of {len(set(accepted))} accepted checkouts")
    return found


def nothing_is_oversold(run: Run) -> Findings:
    """V10: 0 <= reserved <= available, always, and the table itself says so."""
    found = [] if OVERDRAWN_CHECK in run.facts.stock_constraints else [f"no constraint {OVERDRAWN_CHECK}"]
    found += [
        f"{product}: {stock.reserved} set aside of {stock.on_hand}"
        for product, stock in run.facts.stock.items()
        if not 0 <= stock.reserved <= stock.on_hand
    ]
    return found + run.alive.get("V10", [])


def buyers_are_counted(run: Run) -> Findings:
    """V11: what the log says of each buyer (paid, failed, delivered) is what the orders say."""
    said: Counter[tuple[str, str]] = Counter()
    counted = {"order_paid": "paid", "order_cancelled": "failed", "parcel_delivered": "delivered"}
    for event in run.facts.events:
        if (what := counted.get(_short(event.type))) is not None:
            said[event.buyer, what] += 1
    true: Counter[tuple[str, str]] = Counter()
    for order in run.facts.orders.values():
        if order.status in DONE:
            true[order.buyer, "paid"] += 1
        elif order.status == "cancelled":
            true[order.buyer, "failed"] += 1
    for parcel in run.facts.parcels.values():
        if parcel.status in REACHED:
            true[run.facts.orders[parcel.order].buyer, "delivered"] += 1
    return [
        f"buyer {key[0]}: {said[key]} {key[1]} in the log, {true[key]} in orders"
        for key in sorted(said.keys() | true.keys())
        if said[key] != true[key]
    ]


def updates_are_linear(run: Run) -> Findings:
    """V12: the acknowledged updates of a product form one chain, whose end is the product as it is."""
    found = [
        f"{product}: {(version, price)}, but the driver was told {run.mirror.get(product)}"
        for product, (_, version, price) in run.facts.products.items()
        if run.mirror.get(product) != (version, price)
    ]
    chains: dict[str, int] = defaultdict(lambda: 1)
    for update in sorted(run.journal.updates, key=lambda one: (one.product_id, one.version)):
        if update.based_on != chains[update.product_id] or update.version != update.based_on + 1:
            found.append(f"{update.product_id}: version {update.version} is based on {update.based_on}")
        chains[update.product_id] = update.version
    return found


def deliveries_are_isolated(run: Run) -> Findings:
    """V13: every parcel is sent once and delivered once, by one round; the log knows of exactly the delivered ones."""
    found = []
    for what in ("parcel_shipped", "parcel_delivered"):
        told = Counter(event.parcel for event in run.facts.events if _short(event.type) == what)
        found += [f"parcel {parcel}: {what} {times} times" for parcel, times in told.items() if times > 1]
    delivered = {event.parcel for event in run.facts.events if _short(event.type) == "parcel_delivered"}
    reached = {parcel for parcel, fact in run.facts.parcels.items() if fact.status in REACHED}
    found += [f"parcel {parcel}: delivered in one place only" for parcel in delivered ^ reached]
    brought = Counter(parcel for _, parcels in run.journal.deliveries for parcel in parcels)
    found += [f"parcel {parcel}: brought by {times} rounds" for parcel, times in brought.items() if times > 1]
    lost = sorted((brought.keys() - reached) & run.facts.parcels.keys())
    return found + [f"parcel {parcel}: a round brought it, but it is not delivered" for parcel in lost]


def stock_is_serialisable(run: Run) -> Findings:
    """V14: V3 and V10 while everything hits the same rows, and no deadlock."""
    found = [f"{run.deadlocks} deadlocks were broken"] if run.deadlocks else []
    return found + stock_adds_up(run) + nothing_is_oversold(run)


def lives_are_in_order(run: Run) -> Findings:
    """V15: each order's log is a life that can be lived; and Kafka tells it in that order."""
    found = []
    for order, events in Grouped.of(run.facts).events.items():
        found += _life_faults(order, [(_short(event.type), event.parcel or "") for event in events])
    for order, kinds in run.journal.heard.items():
        if order in run.facts.orders:
            told = [_short(kind) for kind in kinds if kind.startswith("orders.")]
            found += _told_faults(order, told)
    return found


def _life_faults(order: str, events: list[tuple[str, str]]) -> Findings:
    lived: set[tuple[str, str]] = set()
    found = []
    for what, parcel in events:
        needs = {
            "order_placed": [],
            "order_confirmed": [("order_placed", "")],
            "order_paid": [("order_placed", "")],
            "order_cancelled": [("order_placed", "")],
            "parcel_shipped": [("order_confirmed", "")],
            "parcel_delivered": [("parcel_shipped", parcel)],
            "parcel_completed": [("parcel_delivered", parcel)],
        }.get(what)
        is_ended = ("order_cancelled", "") in lived or (what == "order_cancelled" and ("order_confirmed", "") in lived)
        if needs is None or not lived.issuperset(needs) or (what, parcel) in lived or is_ended:
            found.append(f"{order}: {what} {parcel} after {sorted(one for one, _ in lived)}")
        lived.add((what, parcel))
    return found


def _told_faults(order: str, told: list[str]) -> Findings:
    """Kafka's order, without looking into parcels: never more delivered than shipped, nothing before it was placed."""
    count: Counter[str] = Counter()
    for what in told:
        count[what] += 1
        if (
            not count["order_placed"]
            or count["parcel_delivered"] > count["parcel_shipped"]
            or (count["parcel_shipped"] and not count["order_confirmed"])
            or any(count[once] > 1 for once in ("order_placed", "order_confirmed", "order_paid", "order_cancelled"))
        ):
            return [f"{order}: Kafka told {told}"]
    return []


def dashboards_are_consistent(run: Run) -> Findings:
    """V16: in each answer the figures are those of the listed parcels; at rest, of the orders' own parcels."""
    found = [f"shop {look.shop_id}: {_figures(look)} but lists {_listed(look)}" for look in
             (*run.journal.looks, *run.looks_at_rest) if _figures(look) != _listed(look)]  # fmt: skip
    for look in run.looks_at_rest:
        true = {
            (parcel_id, parcel.goods_minor + parcel.shipping_minor)
            for parcel_id, parcel in run.facts.parcels.items()
            if parcel.shop == look.shop_id
            and parcel.status in ON_ITS_WAY
            and run.facts.orders[parcel.order].status != "cancelled"
        }
        if set(look.parcels) != true:
            found.append(f"shop {look.shop_id}: shows {len(look.parcels)} parcels, orders has {len(true)}")
    return found


def _figures(look: Look) -> tuple[int, int]:
    return look.open_parcels, look.open_minor


def _listed(look: Look) -> tuple[int, int]:
    return len(look.parcels), sum(cost_minor for _, cost_minor in look.parcels)


def events_arrive(run: Run) -> Findings | None:
    """V17: nothing stays undecided; events told again change nothing."""
    if run.republished is None:
        return None
    found = [f"tid {one.tid}: undecided" for one in run.journal.checkouts if one.outcome is Outcome.UNDECIDED]
    count, changed = run.republished
    if not count:
        found.append("no event was told again")
    found += [f"{count} events were told again, and {name} changed" for name in changed]
    return found + run.unrest


def consumers_are_isolated(run: Run) -> Findings | None:
    """V18: with a consumer stopped, checkouts go on, all the time and at half the rate at least."""
    if run.isolated is None:
        return None
    found = [f"no checkout was marked in third {number} without the consumer"
             for number, marked in enumerate(run.isolated.thirds, 1) if not marked]  # fmt: skip
    if run.isolated.without_per_s < run.isolated.with_per_s * ISOLATED_SHARE_MIN:
        found.append(f"{run.isolated.without_per_s} checkouts/s without the consumer, {run.isolated.with_per_s} with")
    return found


def logs_are_complete(run: Run) -> Findings:
    """V19: the append-only log and the tables name the same orders, payments and parcels, each once."""
    facts = run.facts
    told: dict[str, Counter[str]] = defaultdict(Counter)
    for event in facts.events:
        told[_short(event.type)][event.parcel or event.order] += 1
    paid = [order for order, verdict, _ in facts.receipts if verdict == "accepted"]
    truth: dict[str, Iterable[str]] = {
        "order_placed": facts.orders,
        "order_cancelled": [o for o, fact in facts.orders.items() if fact.status == "cancelled"],
        "order_confirmed": [o for o, fact in facts.orders.items() if fact.status in DONE],
        "order_paid": paid,
        "parcel_delivered": [p for p, fact in facts.parcels.items() if fact.status in REACHED],
    }
    found = []
    for what, names in truth.items():
        wanted = Counter(list(names))
        found += [
            f"{what} of {name}: {told[what][name]} in the log, {wanted[name]} in the tables"
            for name in told[what].keys() | wanted.keys()
            if told[what][name] != wanted[name]
        ]
    return found


def acknowledged_is_durable(run: Run) -> Findings | None:
    """V20: whatever was acknowledged before a kill is whole after it."""
    if not run.kills:
        return None
    if missed := set(run.kills_meant) - {name for name, _ in run.kills}:
        return [f"never killed: {', '.join(sorted(missed))}"]
    grouped = Grouped.of(run.facts)
    last = max(at for _, at in run.kills)
    before = [one for one in run.journal.checkouts if one.outcome is Outcome.SUCCESS and one.marked < last]
    found = [sentence for checkout in before for sentence in _class_faults(checkout, run.facts, grouped)]
    return found if before else ["nothing was acknowledged before the last kill"]


def _short(kind: str) -> str:
    return kind.split(".")[1] if "." in kind else kind


CHECKS = (
    Check("V1", "functional decomposition", functional_decomposition),
    Check("V2", "all or nothing", all_or_nothing),
    Check("V3", "all or nothing: stock", stock_adds_up),
    Check("V4", "all or nothing: money", money_adds_up),
    Check("V5", "replication: eventual", replica_converges),
    Check("V6", "replication: causal per object", replica_never_regresses),
    Check("V7", "replication: causal per seller", sellers_are_causal),
    Check("V8", "C1 referential integrity", references_hold),
    Check("V9", "C2 no duplicate checkout", nothing_is_ordered_twice),
    Check("V10", "C3 no overselling", nothing_is_oversold),
    Check("V11", "C4 buyers' statistics", buyers_are_counted),
    Check("V12", "C5 linear product updates", updates_are_linear),
    Check("V13", "C6 isolation of Update Delivery", deliveries_are_isolated),
    Check("V14", "C7 stock serialisability", stock_is_serialisable),
    Check("V15", "event order: causal", lives_are_in_order),
    Check("V16", "consistent dashboard", dashboards_are_consistent),
    Check("V17", "event delivery", events_arrive),
    Check("V18", "performance isolation", consumers_are_isolated),
    Check("V19", "audit log", logs_are_complete),
    Check("V20", "durability", acknowledged_is_durable),
)


def verdicts(run: Run) -> dict[str, Findings | None]:
    """What every check finds; None where the run did not do what it needs."""
    return {check.id: check.find(run) for check in CHECKS}
