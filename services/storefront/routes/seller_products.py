"""The seller's products: list, add, revise, price, stock, photo, withdraw, and the import of a spreadsheet."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from services.storefront.domain import words
from services.storefront.domain.forms import Faults, amount_typed, product_faults, whole_number
from services.storefront.routes.seller import my_shop, told
from services.storefront.routes.web import CurrentVisit, OwnForm, Visit, key_of, text_of
from services.storefront.upstream import Refused
from services.storefront.use_cases.view_basket import product_of
from shared.ids import new_id
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

PAGE_SIZE = 30
FIELDS = {"title": 120, "description": 2000, "category": 40, "price": 20, "weight_grams": 8, "stock": 8}
PHOTO_BYTES_MAX = 8 * 1024 * 1024
IMPORT_BYTES_MAX = 16 * 1024 * 1024
IMPORT_SECONDS = 2
COLUMNS = ("judul", "keterangan", "kategori", "harga", "stok", "berat", "sku")
EXAMPLE = (
    ",".join(COLUMNS)
    + "\nKopi robusta Liwa 250 g,Digiling halus,kopi-teh,38000,40,300,LW-250\n"
    + "Keripik pisang cokelat,Renyah dan manis,makanan-ringan,18500,120,250,KP-01\n"
)


@router.get("/penjual/{shop_id}/produk")
async def products(visit: CurrentVisit, shop_id: UUID, hal: str = "") -> Response:
    """What the shop sells, with price and stock to change in place."""
    shop, found = await asyncio.gather(
        my_shop(visit, shop_id),
        visit.network.catalog.get(
            "/v1/products",
            params={"shop_id": str(shop_id), "sort": "newest", "limit": PAGE_SIZE, "cursor": hal, "facets": False},
        ),
    )
    return visit.page(
        "seller/products.html",
        shop=shop,
        tab="produk",
        products=found["items"],
        next_cursor=found.get("next_cursor"),
        is_first_page=not hal,
    )


@router.get("/penjual/{shop_id}/produk/baru")
async def show_new_product(visit: CurrentVisit, shop_id: UUID) -> Response:
    """Add a product."""
    values = dict.fromkeys(FIELDS, "") | {"weight_grams": "500"}
    return await _form(visit, shop_id, values=values, faults=Faults(), product_id=None, status=200)


@router.post("/penjual/{shop_id}/produk/baru", max_body_size=PHOTO_BYTES_MAX)
async def add_product(visit: CurrentVisit, form: OwnForm, shop_id: UUID) -> Response:
    """List it."""
    values = {name: text_of(form, name, most=most) for name, most in FIELDS.items()}
    faults = product_faults(values, is_new=True)
    if not faults:
        body = {"shop_id": str(shop_id), "stock": int(values["stock"]), **_details(values)}
        key = key_of(form)
        try:
            product = await visit.network.catalog.call(
                "POST", "/v1/products", token=await visit.token(), key=key, json=body
            )
        except Refused as refusal:
            _pass_on(refusal)
            told(faults, "title", refusal)
        else:
            await _add_photo(visit, UUID(product["product_id"]), form.get("photo"))
            return visit.redirect(f"/penjual/{shop_id}/produk", info="produk")
    return await _form(visit, shop_id, values=values, faults=faults, product_id=None, status=422)


@router.get("/penjual/{shop_id}/produk/{product_id}")
async def show_product(visit: CurrentVisit, shop_id: UUID, product_id: UUID) -> Response:
    """Everything about a product, to change."""
    product = await _own_product(visit, shop_id, product_id)
    values = {
        "title": str(product["title"]),
        "description": str(product.get("description") or ""),
        "category": str(product.get("category") or ""),
        "price": str(product["unit_price_minor"]),
        "weight_grams": str(product.get("weight_grams") or 500),
        "stock": str(product.get("available") or 0),
        "version": str(product["version"]),
    }
    return await _form(
        visit, shop_id, values=values, faults=Faults(), product_id=product_id, status=200, product=product
    )


@router.post("/penjual/{shop_id}/produk/{product_id}", max_body_size=PHOTO_BYTES_MAX)
async def revise_product(visit: CurrentVisit, form: OwnForm, shop_id: UUID, product_id: UUID) -> Response:
    """Save it as a new version."""
    values = {name: text_of(form, name, most=most) for name, most in {**FIELDS, "version": 9}.items()}
    faults = product_faults(values, is_new=False)
    version = whole_number(values["version"], least=1, most=999_999_999)
    if not faults and version is not None:
        body = {"shop_id": str(shop_id), "expected_version": version, **_details(values)}
        try:
            await visit.network.catalog.call("PUT", f"/v1/products/{product_id}", token=await visit.token(), json=body)
        except Refused as refusal:
            _pass_on(refusal)
            told(faults, "title", refusal)
        else:
            await _add_photo(visit, product_id, form.get("photo"))
            return visit.redirect(f"/penjual/{shop_id}/produk", info="produk")
    return await _form(visit, shop_id, values=values, faults=faults, product_id=product_id, status=422)


@router.post("/penjual/{shop_id}/produk/{product_id}/harga")
async def change_price(visit: CurrentVisit, form: OwnForm, shop_id: UUID, product_id: UUID) -> Response:
    """A new price from now on; baskets that hold the old one are told."""
    price = amount_typed(text_of(form, "harga"))
    version = whole_number(text_of(form, "version"), least=1, most=999_999_999)
    if not price or version is None:
        return visit.redirect(f"/penjual/{shop_id}/produk", info="jumlah")
    body = {"unit_price_minor": price, "expected_version": version}
    return await _change(visit, "PUT", shop_id, f"/v1/products/{product_id}/price", body, info="produk")


@router.post("/penjual/{shop_id}/produk/{product_id}/stok")
async def change_stock(visit: CurrentVisit, form: OwnForm, shop_id: UUID, product_id: UUID) -> Response:
    """More or less on the shelf."""
    change = whole_number(text_of(form, "ubah"), least=-1_000_000, most=1_000_000)
    if not change:
        return visit.redirect(f"/penjual/{shop_id}/produk", info="jumlah")
    return await _change(
        visit,
        "POST",
        shop_id,
        f"/v1/products/{product_id}/stock",
        {"change": change},
        info="stok",
        key=key_of(form),
    )


@router.post("/penjual/{shop_id}/produk/{product_id}/tarik")
async def withdraw(visit: CurrentVisit, form: OwnForm, shop_id: UUID, product_id: UUID) -> Response:
    """Sell it no more."""
    return await _change(visit, "DELETE", shop_id, f"/v1/products/{product_id}", None, info="ditarik")


@router.get("/penjual/{shop_id}/impor")
async def show_import(visit: CurrentVisit, shop_id: UUID) -> Response:
    """Import a spreadsheet."""
    shop, categories = await asyncio.gather(my_shop(visit, shop_id), visit.shop.categories.all())
    return visit.page("seller/import.html", shop=shop, tab="impor", columns=COLUMNS, categories=categories, fault=None)


@router.get("/penjual/{shop_id}/impor/contoh.csv")
async def example(visit: CurrentVisit, shop_id: UUID) -> Response:
    """A file to begin with."""
    headers = {"Content-Disposition": 'attachment; filename="contoh-produk.csv"'}
    return Response("\ufeff" + EXAMPLE, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/penjual/{shop_id}/impor", max_body_size=IMPORT_BYTES_MAX)
async def start_import(visit: CurrentVisit, form: OwnForm, shop_id: UUID) -> Response:
    """Hand the file to catalog."""
    file = form.get("file")
    fault = "Pilih berkas CSV atau XLSX dulu."
    if isinstance(file, UploadFile) and file.filename:
        content = (file.filename, await file.read(), file.content_type or "application/octet-stream")
        try:
            started = await visit.network.catalog.call(
                "POST",
                "/v1/imports",
                token=await visit.token(),
                key=key_of(form),
                form={"shop_id": str(shop_id)},
                files={"file": content},
            )
        except Refused as refusal:
            _pass_on(refusal)
            faults = Faults()
            told(faults, "file", refusal)
            fault = faults.by_field["file"]
        else:
            return visit.redirect(f"/penjual/{shop_id}/impor/{started['import_id']}")
    shop, categories = await asyncio.gather(my_shop(visit, shop_id), visit.shop.categories.all())
    return visit.page(
        "seller/import.html",
        shop=shop,
        tab="impor",
        columns=COLUMNS,
        categories=categories,
        fault=fault,
        status=422,
    )


@router.get("/penjual/{shop_id}/impor/{import_id}")
async def one_import(visit: CurrentVisit, shop_id: UUID, import_id: UUID) -> Response:
    """How far it is, and which rows were refused and why."""
    shop = await my_shop(visit, shop_id)
    found = await visit.network.catalog.get(f"/v1/imports/{import_id}", token=await visit.token())
    return visit.page(
        "seller/import_state.html",
        shop=shop,
        tab="impor",
        found=found,
        faults=_faults_of(found),
        refresh_seconds=IMPORT_SECONDS if found["state"] in {"waiting", "running"} else None,
    )


def _faults_of(found: dict[str, Any]) -> list[tuple[int, list[str]]]:
    """Row numbers with what was wrong there; catalog says it in Indonesian."""
    by_row: dict[int, list[str]] = {}
    for error in found["errors"]:
        by_row.setdefault(int(error["row"]), []).append(
            f"{words.COLUMN.get(error['column'], error['column'])}: {error['message']}"
        )
    return sorted(by_row.items())


async def _own_product(visit: Visit, shop_id: UUID, product_id: UUID) -> dict[str, Any]:
    product = await product_of(visit.network, product_id)
    if product is None or product.get("shop_id") != str(shop_id):
        raise NotFound
    return product


async def _form(
    visit: Visit,
    shop_id: UUID,
    *,
    values: dict[str, str],
    faults: Faults,
    product_id: UUID | None,
    status: int,
    product: dict[str, Any] | None = None,
) -> Response:
    shop, categories = await asyncio.gather(my_shop(visit, shop_id), visit.shop.categories.all())
    return visit.page(
        "seller/product.html",
        status=status,
        shop=shop,
        tab="produk",
        values=values,
        faults=faults.by_field,
        product_id=product_id,
        product=product,
        categories=categories,
        key=str(new_id()),
    )


def _details(values: dict[str, str]) -> dict[str, Any]:
    return {
        "title": values["title"],
        "description": values["description"],
        "category": values["category"],
        "unit_price_minor": amount_typed(values["price"]),
        "currency": "IDR",
        "weight_grams": int(values["weight_grams"]),
    }


async def _add_photo(visit: Visit, product_id: UUID, photo: object) -> None:
    """Hand a photo to catalog, when one was chosen."""
    if not isinstance(photo, UploadFile) or not photo.filename:
        return
    content = (photo.filename, await photo.read(), photo.content_type or "application/octet-stream")
    await visit.network.catalog.call(
        "POST", f"/v1/products/{product_id}/photos", token=await visit.token(), files={"file": content}
    )


async def _change(
    visit: Visit,
    method: str,
    shop_id: UUID,
    path: str,
    body: dict[str, int] | None,
    *,
    info: str,
    key: str | None = None,
) -> Response:
    token = await visit.token()
    try:
        await visit.network.catalog.call(method, path, token=token, key=key, json=body)
    except Refused as refusal:
        if refusal.upstream_status not in (403, 409):
            raise
        info = "bukan-tugas" if refusal.upstream_status == 403 else _told(refusal)
    return visit.redirect(f"/penjual/{shop_id}/produk", info=info)


def _told(refusal: Refused) -> str:
    return "stok-kurang" if refusal.reason == "stock-below-reserved" else "ditolak"


def _pass_on(refusal: Refused) -> None:
    """Not signed in, not yours: no sentence beside a field helps."""
    if refusal.upstream_status in (401, 404):
        raise refusal
