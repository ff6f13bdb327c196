"""The province looks: figures per regency that tell of nobody, as a page, as JSON and as CSV."""

import csv
import io
from typing import Any

from deploy.demo.world import StoryBroke, World, save
from shared import regions
from shared.calendar import day_of
from shared.clock import utc_now

HIDDEN = "di-bawah-ambang"
LINES_SHOWN = 8


async def province_looks(world: World) -> None:
    """What is shown comes of enough units; the rest is hidden, and it is not told whether there was anything."""
    province = world.club.region_code[:2]
    period = f"{day_of(utc_now()):%Y-%m}"
    await world.call("POST", "programmes", f"/v1/indicators/{period}/pools", person=world.operators[0])
    path = f"/v1/indicators?region={province}&period={period}"
    await _cooperatives_are_counted(world, province, path)
    shown = await world.call("GET", "programmes", path)
    items = shown["items"]
    hidden = [item for item in items if item["status"] == HIDDEN]
    if any(item["nilai"] is not None for item in hidden):
        raise StoryBroke(f"a hidden figure is told: {hidden}")
    world.timeline.say(
        f"{regions.name_of(province)} in {period}: {len(items)} figures of it and its regencies,"
        f" {len(hidden)} hidden (fewer than {shown['units_min']} units, or none)"
    )
    protected = [item for item in items if item["nilai"] is not None and item["kode_wilayah"] == province]
    for indicator in ("anggota-masuk", "toko-dibuka", "produk-didaftarkan", "paket-selesai"):
        value = next((item["nilai"] for item in protected if item["indikator"] == indicator), None)
        if value is not None:
            await world.figure(
                f"{indicator} of {regions.name_of(province)}, as sums of blocks",
                value,
                "programmes",
                "shown",
                indicator=indicator,
                province=province,
                period=period,
            )
    await world.figure(
        "blocks that were made of fewer units than may be shown",
        0,
        "programmes",
        "blocks_too_small",
    )
    world.timeline.detail(
        f"(people and shops are shown {shown['units_min']} or more at a time: the last few wait for the next)"
    )
    for item in [item for item in items if item["nilai"]][:LINES_SHOWN]:
        value = f"{item['nilai']:>12,}".replace(",", ".")
        world.timeline.detail(f"{item['nama_wilayah']:<28} {item['judul']:<36} {value} {item['satuan']}")
    await _table(world, province, period, items)


async def _cooperatives_are_counted(world: World, province: str, path: str) -> None:
    """Cooperatives are public bodies: their number and surplus are shown as they are, and other services know them."""
    for indicator, query in (("koperasi", "cooperatives_of"), ("shu-dibagikan", "surplus_of")):
        wanted = await world.look("cooperatives", query, province=province)
        for _ in range(100):
            items = (await world.call("GET", "programmes", path))["items"]
            place = next(one for one in items if (one["kode_wilayah"], one["indikator"]) == (province, indicator))
            if place["nilai"] == wanted:
                break
        await world.figure(
            f"{place['judul']} ({place['satuan']})", place["nilai"], "cooperatives", query, province=province
        )


async def _table(world: World, province: str, period: str, items: list[dict[str, Any]]) -> None:
    """The CSV has the same rows."""
    raw: bytes = await world.call("GET", "programmes", f"/v1/indicators.csv?region={province}&period={period}")
    table = list(csv.DictReader(io.StringIO(raw.decode())))
    told = [(row["kode_wilayah"], row["indikator"], row["nilai"]) for row in table]
    same = [
        (item["kode_wilayah"], item["indikator"], "" if item["nilai"] is None else str(item["nilai"])) for item in items
    ]
    if told != same:
        raise StoryBroke("the CSV says something else than the JSON")
    path = save(world.stack.home / "demo", f"indikator-{province}-{period}.csv", raw)
    world.timeline.say(f"the CSV has the same {len(table)} rows: {path}")
