"""A training on food safety: its certificate verifies by QR code, and changes what the seller may do."""

import asyncio
import io
from itertools import pairwise
from typing import Any

import zxingcpp
from PIL import Image, ImageDraw
from pypdf import PdfReader
from pypdf.generic import ContentStream

from deploy.demo.acts import on_stage
from deploy.demo.world import Shop, StoryBroke, World, new_key, save
from shared import regions
from shared.calendar import day_of
from shared.clock import utc_now

SCHEME, REGULATED = "keamanan-pangan", "pangan-olahan"
CELL = 6  # pixels of a square of the code


async def seller_learns(world: World) -> None:
    """A seller may not list processed food, is trained, and may."""
    shop, officer = on_stage(world, 0), world.officer
    await _refused(world, shop)
    today = day_of(utc_now()).isoformat()
    training = {
        "title": "Keamanan pangan untuk industri rumah tangga",
        "scheme": SCHEME,
        "region_code": shop.region_code,
        "starts_on": today,
        "ends_on": today,
        "capacity": 30,
        "provider": f"Dinas Kesehatan {regions.full_name_of(shop.region_code)}",
    }
    made = await world.call("POST", "programmes", "/v1/trainings", person=officer, body=training, key=new_key())
    path = f"/v1/trainings/{made['training_id']}"
    sellers = list({one.seller.contact: one.seller for one in world.shops if one.is_of_club}.values())
    places = [
        (await world.call("POST", "programmes", f"{path}/enrolments", person=one, body={"name": one.name}))[
            "enrolment_id"
        ]
        for one in sellers
    ]
    day = {"day": today, "enrolment_ids": places}
    await world.call("POST", "programmes", f"{path}/attendances", person=officer, body=day)
    verdicts = ["passed", *(["failed"] * (len(places) - 1))]
    results = [{"enrolment_id": place, "result": verdict} for place, verdict in zip(places, verdicts, strict=True)]
    issued = await world.call("POST", "programmes", f"{path}/completions", person=officer, body={"results": results})
    await world.figure(
        "certificates issued by the training",
        len(issued["certificates"]),
        "programmes",
        "certificates",
        training_id=made["training_id"],
    )
    await _verified(world, shop, issued["certificates"][0])
    await _badge(world, shop)
    product = await world.call("POST", "catalog", "/v1/products", person=shop.seller, body=_product(shop))
    world.timeline.say(f"now {shop.name} lists processed food: product {product['product_id']}")


def _product(shop: Shop) -> dict[str, Any]:
    """Processed food, at the price of the shop's first product."""
    return {
        "shop_id": shop.shop_id,
        "title": "Sambal Lumbung Botol 150 ml",
        "description": "Sambal olahan dapur sendiri.",
        "category": REGULATED,
        "unit_price_minor": shop.rows[0].unit_price_minor,
        "currency": "IDR",
        "stock": shop.rows[0].stock,
    }


async def _refused(world: World, shop: Shop) -> None:
    held = await world.call("GET", "catalog", f"/v1/shops/{shop.shop_id}")
    if f"bersertifikat:{SCHEME}" in held["badges"]:
        world.timeline.say(f"{shop.name} has the certificate of an earlier demonstration already")
        return
    answer = await world.call(
        "POST", "catalog", "/v1/products", person=shop.seller, body=_product(shop), expect=(403, 409, 422)
    )
    world.timeline.say(f"refused: {shop.name} lists {REGULATED} without a certificate ({answer['title']})")


async def _verified(world: World, shop: Shop, certificate: dict[str, Any]) -> None:
    """The PDF's QR code, read as a phone would, leads to a page that says it counts."""
    path = f"/v1/certificates/{certificate['certificate_id']}.pdf"
    paper: bytes = await world.call("GET", "programmes", path, person=shop.seller)
    (code,) = zxingcpp.read_barcodes(_squares_of(paper))
    answer = await world.http.get(code.text)
    said = answer.json()
    if answer.status_code != 200 or (said["number"], said["status"]) != (certificate["number"], "valid"):
        raise StoryBroke(f"the QR code leads to {code.text}, which answers {answer.status_code} {answer.text[:200]}")
    world.timeline.say(
        f"certificate {said['number']} for {said['masked_name']}: its QR code verifies ({said['status']})"
    )
    world.timeline.detail(f"the paper: {save(world.stack.home / 'demo', 'certificate.pdf', paper)}")


def _squares_of(pdf: bytes) -> Image.Image:
    """A picture of the filled squares of the page: the QR code."""
    page = PdfReader(io.BytesIO(pdf)).pages[0]
    waiting: list[list[float]] = []
    found: list[tuple[float, float, float]] = []
    for operands, operator in ContentStream(page.get_contents(), None).operations:
        if operator == b"re":
            waiting.append([float(each) for each in operands])
        elif operator == b"f":
            found += [(x, y, width) for x, y, width, height in waiting if abs(width - abs(height)) < 0.05]
            waiting = []
        elif operator in (b"S", b"B", b"n"):
            waiting = []
    columns = sorted({round(x, 2) for x, _, _ in found})
    side = min(after - before for before, after in pairwise(columns) if after - before > 0.1)
    left, top = columns[0], max(y for _, y, _ in found)
    count = round((columns[-1] - left) / side) + 1
    picture = Image.new("L", ((count + 8) * CELL,) * 2, 255)
    brush = ImageDraw.Draw(picture)
    for x, y, _ in found:
        column, row = (round((x - left) / side) + 4) * CELL, (round((top - y) / side) + 4) * CELL
        brush.rectangle((column, row, column + CELL - 1, row + CELL - 1), fill=0)
    return picture


async def _badge(world: World, shop: Shop) -> None:
    wanted = {"koperasi", f"bersertifikat:{SCHEME}"}
    for _ in range(150):
        shown = await world.call("GET", "catalog", f"/v1/shops/{shop.shop_id}")
        if wanted <= set(shown["badges"]):
            world.timeline.say(f"{shop.name} shows: {', '.join(shown['badges'])}")
            return
        await asyncio.sleep(0.1)
    raise StoryBroke(f"{shop.name} shows {shown['badges']}, not {sorted(wanted)}")
