"""Lenders: two subscribe, a shop's application reaches both, one lends, and its instalments come out of payouts."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from deploy.demo.acts import sell, stocked
from deploy.demo.chapters.money import balance, member_shop, payout
from deploy.demo.receiver import Receiver
from deploy.demo.world import Person, StoryBroke, World, new_key, new_trace, short
from shared import regions
from shared.calendar import day_of
from shared.clock import utc_now
from shared.money import rupiah

SECONDS = 30.0
SCOPES = ("sales", "cooperative", "certificates", "repayment")
TENOR_MONTHS = 6
SHARE_BASIS_POINTS = 5_000  # of a payout at most half is withheld
LATE_DAYS = 40
TESTS_WHILE_DEAD = 3


@dataclass
class Lender:
    """A partner as ./lumbung lender add made it, with the token of its machine client."""

    name: str
    slug: str
    given: dict[str, Any]
    client: Person
    products: list[str] = field(default_factory=list)

    @property
    def lender_id(self) -> str:
        return str(self.given["lender_id"])


@dataclass
class Lending:
    """What the chapters on lending know of one another."""

    receiver: Receiver
    lenders: list[Lender]
    consent_id: str = ""
    application: dict[str, Any] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    offers: list[dict[str, Any]] = field(default_factory=list)
    loan_id: str = ""
    told_at_instalment: int = 0


def lending(world: World) -> Lending:
    """As far as the story is."""
    found = world.lending
    if not isinstance(found, Lending):
        raise StoryBroke("no lender was added yet")
    return found


async def lenders_subscribe(world: World) -> None:
    """Two lenders are added at the command line: one by webhook and Kafka, one by pull feed and Kafka."""
    receiver = Receiver()
    await receiver.start()
    mark = new_key()[:6]
    first = await _add(world, "Bank Lumbung Daerah", f"bank-{mark}", "--webhook", receiver.url, "--kafka")
    second = await _add(world, "Koperasi Simpan Pinjam Mitra", f"mitra-{mark}", "--pull", "--kafka")
    receiver.secret = first.given["webhook"]["secret"]
    world.lending = Lending(receiver, [first, second])
    shop = member_shop(world, 0)
    for lender, scheme, rate in ((first, "annuity", "12"), (second, "flat", "9")):
        product: dict[str, Any] = {
            "name": f"Modal usaha {regions.name_of(shop.region_code[:2])}",
            "scheme": scheme,
            "annual_rate": rate,
            "amount_min_minor": 1,
            "amount_max_minor": 10**12,  # whatever the spreadsheet's prices are
            "tenor_min_months": 1,
            "tenor_max_months": 24,
            "regions": [shop.region_code[:2]],
            "turnover_min_minor": 1,
            "certificate_scheme": "keamanan-pangan",
            "share_basis_points_max": SHARE_BASIS_POINTS,
        }
        path = f"/v1/lenders/{lender.lender_id}/products"
        made = await world.call("POST", "financing", path, person=lender.client, body=product, key=new_key())
        lender.products.append(made["product_id"])
    await world.figure(
        "lenders with a product on offer",
        2,
        "financing",
        "lenders_offering",
        lender_ids=[lender.lender_id for lender in lending(world).lenders],
    )


async def _add(world: World, name: str, slug: str, *transports: str) -> Lender:
    given = json.loads(await world.command("lender", "add", name, "--slug", slug, *transports, "--json"))
    client = Person(name, given["client_id"])
    answer = await world.http.post(
        given["token_url"],
        data={"grant_type": "client_credentials"},
        auth=(given["client_id"], given["client_secret"]),
    )
    client.token = answer.raise_for_status().json()["access_token"]
    world.timeline.say(f"./lumbung lender add {slug}: topic {given['kafka']['topic']}, its own user and password")
    return Lender(name, slug, given, client)


async def shop_applies(world: World) -> None:
    """With a consent the shop applies; the application reaches both lenders, each by its own way."""
    story, shop = lending(world), member_shop(world, 0)
    seller = shop.seller
    body = {
        "shop_id": shop.shop_id,
        "scope": list(SCOPES),
        "purpose": "credit_assessment",
        "until": (utc_now() + timedelta(days=90)).isoformat(),
    }
    consent = await world.call("POST", "financing", "/v1/consents", person=seller, body=body, key=new_key())
    story.consent_id = consent["consent_id"]
    hash_ = consent["text_sha256"][:12]
    world.timeline.say(f"{seller.name} consents: {', '.join(consent['scope'])}, to the text with hash {hash_}…")
    turnover = await world.look("financing", "turnover", shop_id=shop.shop_id)
    wish = {
        "shop_id": shop.shop_id,
        "consent_id": story.consent_id,
        "amount_minor": 10 * turnover,  # so that a payout cannot end the loan
        "tenor_months": TENOR_MONTHS,
        "purpose": "working_capital",
    }
    asked = await world.call("POST", "financing", "/v1/applications", person=seller, body=wish, key=new_key())
    story.application = asked
    fitting = [match for match in asked["matches"] if match["fits"]]
    world.timeline.say(f"application {short(asked['application_id'])}: {rupiah(asked['amount_minor'])} wanted")
    await world.figure(
        "lenders that the application reached, by log positions",
        len(fitting),  # each has one product; those of an earlier demonstration are told too
        "financing",
        "lenders_told",
        application_id=asked["application_id"],
    )
    first, second = story.lenders
    kind = "lending.application_published.v1"
    (delivery,) = await _arrives(world, kind, 1)
    records = await asyncio.to_thread(read_topic, first.given["kafka"], 1)
    feed = await _pull(world, second, after=0, wait=5)
    ids = {delivery.data["application_id"], *(one["application_id"] for one in records)}
    ids |= {event["data"]["application_id"] for event in feed["events"] if event["type"] == kind}
    if ids != {asked["application_id"]}:
        raise StoryBroke(f"the lenders heard of {ids}, not of {asked['application_id']}")
    world.timeline.say("it came by webhook (signature verified), by Kafka and by pull feed: the same reference")


async def lender_reads_the_profile(world: World) -> None:
    """Each read of the profile names its consent and is logged; another lender's topic stays closed."""
    story, shop = lending(world), member_shop(world, 0)
    path = f"/v1/applications/{story.application['application_id']}/profile"
    for lender in story.lenders:
        read = await world.call("GET", "financing", path, person=lender.client)
        story.profile = read["profile"]
    months = story.profile["months"]
    await world.figure(
        "turnover in the profile, in rupiah",
        sum(month["turnover_minor"] for month in months),
        "orders",
        "turnover_by_lines",
        shop_id=shop.shop_id,
    )
    log = await world.call("GET", "financing", f"/v1/consents/{story.consent_id}/access_log", person=shop.seller)
    await world.figure(
        "reads in the access log that the seller sees",
        sum(item["outcome"] == "read" for item in log["items"]),
        "financing",
        "reads",
        consent_id=story.consent_id,
        outcome="read",
    )
    first, second = story.lenders
    refusal = await asyncio.to_thread(refused_topic, first.given["kafka"], second.given["kafka"]["topic"])
    world.timeline.say(f"Kafka refuses {first.slug} the topic {second.given['kafka']['topic']}: {refusal}")


async def offers_side_by_side(world: World) -> None:
    """Both offer; the shop sees them side by side and takes one, once."""
    story, seller = lending(world), member_shop(world, 0).seller
    asked = story.application
    for lender in story.lenders:
        body = {
            "product_id": lender.products[0],
            "amount_minor": asked["amount_minor"],
            "tenor_months": asked["tenor_months"],
            "valid_until": (utc_now() + timedelta(days=7)).isoformat(),
            "first_due_days": 0,
        }
        path = f"/v1/applications/{asked['application_id']}/offers"
        await world.call("POST", "financing", path, person=lender.client, body=body, key=new_key())
    path = f"/v1/applications/{asked['application_id']}/offers"
    story.offers = (await world.call("GET", "financing", path, person=seller))["items"]
    for offer in story.offers:
        rate = f"{offer['annual_rate']} % a year"
        total, monthly = rupiah(offer["total_minor"]), rupiah(offer["instalment_minor"])
        total, effective = f"{total} in all", f"{offer['effective_rate']} % effective"
        world.timeline.detail(
            f"{offer['lender_name']:<30} {offer['scheme']:<8} {rate:>14}, {monthly} a month, {total}, {effective}"
        )
    bank = story.lenders[0]
    chosen = next(offer for offer in story.offers if offer["lender_id"] == bank.lender_id)
    other = next(offer for offer in story.offers if offer is not chosen)
    body = {"share_basis_points_max": chosen["share_basis_points_max"]}
    path = f"/v1/offers/{chosen['offer_id']}/accept"
    loan = await world.call("POST", "financing", path, person=seller, body=body, key=new_key())
    story.loan_id = loan["loan_id"]
    path = f"/v1/offers/{other['offer_id']}/accept"
    refusal = await world.call("POST", "financing", path, person=seller, body={}, key=new_key(), expect=(409,))
    world.timeline.say(f"{bank.name}'s offer is accepted; the other one after it is refused: {refusal['title']}")
    today = day_of(utc_now()).isoformat()
    body = {"date": today, "reference": f"TRF-{new_key()[:8]}"}
    path = f"/v1/loans/{story.loan_id}/disbursement"
    running = await world.call("POST", "financing", path, person=bank.client, body=body, key=new_key())
    await world.figure(
        "paid out by the lender; owed with its cost, in rupiah",
        running["outstanding_minor"],
        "financing",
        "owed",
        loan_id=story.loan_id,
    )
    await _operator_sets_account(world, bank)


async def _operator_sets_account(world: World, bank: Lender) -> None:
    body = {"bank_code": "008", "account_number": "7000000010", "holder_name": bank.name.upper()}
    path = f"/v1/lenders/{bank.lender_id}/bank-account"
    await world.call("PUT", "orders", path, person=world.operators[0], body=body)


async def receiver_dies(world: World) -> None:
    """The lender's receiver is killed; sales go on; it comes back and gets every position, in order."""
    story, shop, buyer = lending(world), member_shop(world, 0), world.buyers[0]
    bank, receiver = story.lenders[0], story.receiver
    subscription = f"/v1/subscriptions/{bank.given['webhook']['subscription_id']}"
    await _until_missed(world, bank, 0)
    await receiver.stop()
    world.timeline.say(f"{bank.name}'s receiver is killed")
    product_id = await stocked(world, shop, 1, part=1)
    await sell(world, shop, buyer, {product_id: 1})
    for _ in range(TESTS_WHILE_DEAD):
        await world.call("POST", "financing", f"{subscription}/test", person=bank.client)
    health = await _until_missed(world, bank, TESTS_WHILE_DEAD + 1)
    await world.figure(
        f"missed, as its health says ({health['last_error'] or 'not tried yet'})",
        health["missed"],
        "financing",
        "missed",
        subscription_id=bank.given["webhook"]["subscription_id"],
    )
    await receiver.start()
    await world.call("POST", "financing", f"{subscription}/resume", person=bank.client)
    health = await _until_missed(world, bank, 0)
    positions = [one.position for one in receiver.deliveries]
    if positions != list(range(1, health["head_position"] + 1)):
        raise StoryBroke(f"the receiver has the positions {positions}, the log reaches {health['head_position']}")
    world.timeline.say(f"it is back and has the positions 1 to {positions[-1]}, in order, without gap")


async def one_trace(world: World) -> None:
    """One trace id from the buyer's click in the storefront to the lender's webhook."""
    story, shop, buyer = lending(world), member_shop(world, 0), world.buyers[0]
    trace = new_trace()
    owed = max(0, -await balance(world, shop, f"{shop.name} has to get in rupiah"))
    price = await world.look("catalog", "price", product_id=await stocked(world, shop, 1))
    pieces = 3 + owed // price
    product_id = await stocked(world, shop, pieces)
    page = await world.http.get(world.stack.url("storefront") + f"/produk/{product_id}", headers=trace.header)
    if page.status_code != 200:
        raise StoryBroke(f"the storefront answered {page.status_code}")
    order = await sell(world, shop, buyer, {product_id: pieces}, trace=trace)
    parcel_id = order["parcels"][0]["parcel_id"]
    deadline = asyncio.get_running_loop().time() + SECONDS
    found: list[str] = []
    while not found:
        found = [
            one.traceparent
            for one in story.receiver.of_type("lending.sale_completed.v1")
            if one.data["parcel_id"] == parcel_id
        ]
        if asyncio.get_running_loop().time() > deadline:
            raise StoryBroke(f"the lender never heard of parcel {parcel_id}")
        await asyncio.sleep(0.1)
    if trace.trace_id not in found[0]:
        raise StoryBroke(f"the webhook carries {found[0]}, not the trace {trace.trace_id}")
    world.timeline.say(f"one trace id from the buyer's click to the lender's webhook: {trace.trace_id}")
    world.timeline.detail(f"traceparent of the webhook: {found[0]}")


async def instalment_out_of_a_payout(world: World) -> None:
    """The next payout nets what the shop owed, keeps the instalment, and passes it on; the returned line is paid."""
    story, shop, other = lending(world), member_shop(world, 0), member_shop(world, 1)
    before = await balance(world, shop, f"{shop.name} is to get in rupiah, its debt netted")
    schedule = await world.call("GET", "financing", f"/v1/loans/{story.loan_id}/schedule", person=shop.seller)
    due = schedule["dues"][0]
    grade = await _graded(world, days=LATE_DAYS)
    world.timeline.say(
        f"{LATE_DAYS} days without payment: collectability {grade['kol']}, {grade['days_past_due']} days late"
    )
    batch = await payout(world)
    line = next(one for one in batch["payouts"] if one["payee_id"] == shop.shop_id)
    returned = next(one for one in batch["payouts"] if one["payee_id"] == other.shop_id)
    if returned["status"] != "paid":
        raise StoryBroke(f"the line of {other.name} was to be paid now: {returned}")
    world.timeline.say(f"{other.name} gets now what came back: {rupiah(returned['amount_minor'])}")
    wanted = min(due["amount_minor"], before * SHARE_BASIS_POINTS // 10_000)
    if (line["balance_minor"], line["instalments_minor"]) != (before, wanted):
        raise StoryBroke(f"of {before} the instalment should be {wanted}: {line}")
    world.timeline.say(
        f"payout of {shop.name}: {rupiah(before)} - {rupiah(wanted)} instalment"
        f" (due {rupiah(due['amount_minor'])}, at most half) = {rupiah(line['amount_minor'])}"
    )
    await world.figure("instalment withheld in rupiah", wanted, "orders", "withheld", loan_id=story.loan_id)
    await world.figure("counted by financing in rupiah", wanted, "financing", "repaid", loan_id=story.loan_id)
    batch = await payout(world)
    passed = sum(one["amount_minor"] for one in batch["remittances"])
    await world.figure("passed on to the lender in rupiah", passed, "orders", "passed_on", loan_id=story.loan_id)
    (heard,) = await _arrives(world, "lending.instalment_passed_on.v1", 1)
    if heard.data["amount_minor"] != passed:
        raise StoryBroke(f"the lender heard of {heard.data}, {passed} was passed on")
    loan = await world.call("GET", "financing", f"/v1/loans/{story.loan_id}", person=shop.seller)
    await world.figure(
        f"still owed in rupiah, at collectability {loan['kol']}",
        loan["outstanding_minor"],
        "financing",
        "owed",
        loan_id=story.loan_id,
    )


async def _graded(world: World, *, days: int) -> dict[str, Any]:
    """The loan as the daily clock would grade it so many days from now."""
    story = lending(world)
    as_of = (day_of(utc_now()) + timedelta(days=days)).isoformat()
    operator = world.operators[0]
    await world.call("POST", "financing", "/v1/gradings", person=operator, body={"as_of": as_of}, key=new_key())
    loan: dict[str, Any] = await world.call(
        "GET", "financing", f"/v1/loans/{story.loan_id}", person=member_shop(world, 0).seller
    )
    late = date.fromisoformat(as_of) - await world.look("financing", "oldest_due", loan_id=story.loan_id)
    if loan["days_past_due"] != late.days or loan["kol"] == 1:
        raise StoryBroke(f"graded as of {as_of}: {loan['days_past_due']} days late, {late.days} by its plan")
    return loan


async def consent_is_revoked(world: World) -> None:
    """The profile is gone, a read is refused and logged, and who acknowledged is listed."""
    story, seller = lending(world), member_shop(world, 0).seller
    first, second = story.lenders
    await world.call("DELETE", "financing", f"/v1/consents/{story.consent_id}", person=seller)
    await world.figure("profiles left under the consent", 0, "financing", "profiles", consent_id=story.consent_id)
    path = f"/v1/applications/{story.application['application_id']}/profile"
    refusal = await world.call("GET", "financing", path, person=first.client, expect=(403, 404, 409, 410))
    world.timeline.say(f"a read after it is refused: {refusal['title']}")
    path = f"/v1/consents/{story.consent_id}/acknowledgements"
    await world.call("POST", "financing", path, person=first.client, key=new_key())
    log = await world.call("GET", "financing", f"/v1/consents/{story.consent_id}/access_log", person=seller)
    await world.figure(
        "refused reads in the access log",
        sum(item["outcome"] == "refused" for item in log["items"]),
        "financing",
        "reads",
        consent_id=story.consent_id,
        outcome="refused",
    )
    for recipient in log["recipients"]:
        world.timeline.detail(f"{recipient['lender_name']:<30} {recipient['acknowledgement']}")
    states = {recipient["lender_id"]: recipient["acknowledgement"] for recipient in log["recipients"]}
    if [states.get(one.lender_id) for one in (first, second)] != ["acknowledged", "waiting"]:
        raise StoryBroke(f"the acknowledgements are {states}")
    await _pull(world, second, after=(await _pull(world, second, after=0))["next_position"])
    await _until_missed(world, first, 0)
    await story.receiver.stop()
    path = f"/v1/subscriptions/{first.given['webhook']['subscription_id']}/pause"
    await world.call("POST", "financing", path, person=first.client)
    world.timeline.say(f"{first.name} pauses its webhook: its receiver goes with this demonstration")


async def _arrives(world: World, kind: str, count: int) -> Any:
    """What the webhook got of a type, once it is so many."""
    receiver = lending(world).receiver
    deadline = asyncio.get_running_loop().time() + SECONDS
    while len(found := receiver.of_type(kind)) < count:
        if asyncio.get_running_loop().time() > deadline:
            raise StoryBroke(f"{count} of {kind} were to come by webhook: {receiver.deliveries}")
        await asyncio.sleep(0.1)
    return found


async def _until_missed(world: World, lender: Lender, count: int) -> dict[str, Any]:
    """The health of the lender's webhook once it has missed so many."""
    path = f"/v1/subscriptions/{lender.given['webhook']['subscription_id']}/health"
    deadline = asyncio.get_running_loop().time() + SECONDS
    while True:
        health: dict[str, Any] = await world.call("GET", "financing", path, person=lender.client)
        if health["missed"] == count:
            return health
        if asyncio.get_running_loop().time() > deadline:
            raise StoryBroke(f"{lender.slug} should have missed {count}: {health}")
        await asyncio.sleep(0.1)


async def _pull(world: World, lender: Lender, *, after: int, wait: int = 0) -> Any:
    """A page of the lender's log."""
    return await world.call("GET", "financing", f"/v1/events?after={after}&wait={wait}", person=lender.client)


def _consumer(kafka: dict[str, Any]) -> Consumer:
    """A client of the lender's own, with its own user, password and group."""
    return Consumer(
        {
            "bootstrap.servers": kafka["bootstrap"],
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": kafka["username"],
            "sasl.password": kafka["password"],
            "group.id": f"{kafka['group_prefix']}demo",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )


def read_topic(kafka: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The first events of a lender's topic. Blocks, at most SECONDS."""
    consumer = _consumer(kafka)
    consumer.assign([TopicPartition(kafka["topic"], 0, 0)])
    found: list[dict[str, Any]] = []
    try:
        while len(found) < count:
            message = consumer.poll(SECONDS)
            if message is None or message.error() is not None:
                raise StoryBroke(f"{kafka['topic']} gave {message and message.error()} after {len(found)} events")
            found.append(json.loads(message.value() or b"{}"))
    finally:
        consumer.close()
    return found


def refused_topic(kafka: dict[str, Any], topic: str) -> str:
    """What Kafka says to a lender that wants another's topic. Raises StoryBroke when it gives anything."""
    consumer = _consumer(kafka)
    try:
        consumer.subscribe([topic])
        message = consumer.poll(SECONDS)
        error = None if message is None else message.error()
        if error is None or error.code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise StoryBroke(f"{kafka['username']} was not refused {topic}: {error}")
        return str(error.name())
    finally:
        consumer.close()
