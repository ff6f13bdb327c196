"""Files and pictures: our own, drawings of categories, and photos passed on from catalog."""

import re

from fastapi import APIRouter, Request, Response

from services.storefront.routes import pictures
from services.storefront.routes.web import storefront_of
from shared.problems import NotFound

router = APIRouter(include_in_schema=False)

FOREVER = "public, max-age=31536000, immutable"
PHOTO = re.compile(r"[A-Za-z0-9_-]{16,128}\.webp")


@router.get("/aset/{digest}/{name}")
async def asset(request: Request, digest: str, name: str) -> Response:
    """One of our files."""
    file = storefront_of(request).assets.find(digest, name)
    if file is None:
        raise NotFound
    return Response(file.content, media_type=file.media_type, headers={"Cache-Control": FOREVER})


@router.get("/gambar/{category}-{tint}.svg")
async def drawing(category: str, tint: int) -> Response:
    """The drawing of a category."""
    svg = pictures.category_svg(category, tint)
    if svg is None:
        raise NotFound
    return Response(svg, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=604800"})


@router.get("/foto/{name}")
async def photo(request: Request, name: str) -> Response:
    """A photo of a product, from catalog; its name is the hash of its content."""
    if PHOTO.fullmatch(name) is None:
        raise NotFound
    answer = await storefront_of(request).network.catalog.send("GET", f"/v1/media/{name}")
    return Response(answer.content, media_type="image/webp", headers={"Cache-Control": FOREVER})


@router.get("/favicon.ico")
async def icon() -> Response:
    """The sign of the barn."""
    return Response(pictures.ICON, media_type="image/svg+xml", headers={"Cache-Control": "public, max-age=604800"})


@router.get("/robots.txt")
async def robots() -> Response:
    """What search engines may read: the market, not people's own pages."""
    own = ("/keranjang", "/bayar", "/pesanan", "/penjual", "/masuk", "/daftar", "/saya", "/mitra")
    return Response("User-agent: *\n" + "".join(f"Disallow: {path}\n" for path in own), media_type="text/plain")
