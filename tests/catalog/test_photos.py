"""Photos over HTTP: made small and plain, kept by their content, refused when hostile."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from tests.catalog.conftest import Market


def jpeg(width: int = 1600, height: int = 800, *, colour: str = "red", exif: bool = False) -> bytes:
    out = io.BytesIO()
    tags = Image.Exif()
    tags[0x0112] = 6  # turned by a quarter
    tags[0x010F] = "a camera"
    Image.new("RGB", (width, height), colour).save(out, "JPEG", **({"exif": tags} if exif else {}))
    return out.getvalue()


def huge_png() -> bytes:
    """A few bytes that say they are 60,000 by 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


async def post(market: Market, path: str, content: bytes, headers: dict[str, str]) -> Any:
    return await market.client.post(path, files={"file": ("foto.jpg", content)}, headers=headers)


async def test_a_photo_is_kept_in_two_sizes_upright_and_without_what_the_camera_wrote(market: Market) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)
    path = f"/v1/products/{product_id}/photos"

    answer = await post(market, path, jpeg(exif=True), seller.headers)
    again = await post(market, path, jpeg(exif=True), seller.headers)

    assert (answer.status_code, len(again.json()["photos"])) == (201, 1)
    (photo,) = answer.json()["photos"]
    assert (photo["width"], photo["height"]) == (600, 1200)
    large = await market.client.get(photo["large_url"])
    assert large.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert large.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(large.content)) as picture:
        assert (picture.format, picture.size, dict(picture.getexif())) == ("WEBP", (600, 1200), {})
    small = await market.client.get(photo["small_url"])
    with Image.open(io.BytesIO(small.content)) as picture:
        assert picture.size == (200, 400)
    page = (await market.client.get(f"/v1/products?shop_id={seller.shop_id}")).json()
    assert page["items"][0]["photo_url"] == photo["small_url"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        jpeg()[:500],
        huge_png(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(50),
    ],
    ids=["empty", "text", "broken", "huge", "svg", "gif"],
)
async def test_what_is_no_good_picture_is_refused(market: Market, content: bytes) -> None:
    seller = await market.seller()
    product_id = await market.product(seller)

    answer = await post(market, f"/v1/products/{product_id}/photos", content, seller.headers)

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert (await market.client.get(f"/v1/products/{product_id}")).json()["photos"] == []


async def test_a_foreign_product_gets_no_photo_and_too_many_are_refused(market: Market) -> None:
    seller, other = await market.seller(), await market.seller()
    product_id = await market.product(seller)
    path = f"/v1/products/{product_id}/photos"

    foreign = await post(market, path, jpeg(20, 20), other.headers)
    statuses = [(await post(market, path, jpeg(20 + i, 20), seller.headers)).status_code for i in range(9)]

    assert foreign.status_code == 404
    assert statuses == [201] * 8 + [409]


async def test_an_address_that_is_no_picture_is_not_found(market: Market) -> None:
    unknown = await market.client.get(f"/v1/media/{'0' * 64}.webp")
    outside = await market.client.get("/v1/media/..%2f..%2fetc%2fpasswd.webp")

    assert unknown.status_code == 404
    assert outside.status_code in (404, 422)


async def test_a_photo_can_be_taken_off_again(market: Market) -> None:
    seller, other = await market.seller(), await market.seller()
    path = f"/v1/products/{await market.product(seller)}/photos"
    await post(market, path, jpeg(50, 50, colour="blue"), seller.headers)
    (photo,) = (await post(market, path, jpeg(50, 50, colour="blue"), seller.headers)).json()["photos"]
    name = photo["small_url"].rsplit("/", 1)[1].removesuffix(".webp")

    foreign = await market.client.delete(f"{path}/{name}", headers=other.headers)
    gone = await market.client.delete(f"{path}/{name}", headers=seller.headers)
    again = await market.client.delete(f"{path}/{name}", headers=seller.headers)

    assert (foreign.status_code, gone.status_code, again.status_code) == (404, 200, 404)
    assert gone.json() == {"photos": []}
    assert (await market.client.get(photo["large_url"])).status_code == 200
