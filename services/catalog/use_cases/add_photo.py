"""Add a photo to a product: decoded within bounds, made small, stripped of what cameras write, kept by its content."""

import asyncio
import hashlib
import io
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image, ImageOps

from services.catalog import store
from services.catalog.domain.problems import PictureRefused, TooManyPhotos
from services.catalog.domain.shop import Role
from shared.db import Connection

LARGE_PIXELS = 1200
SMALL_PIXELS = 400
QUALITY = 80
FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo in two sizes of WebP, and the size of the larger one."""

    large: bytes
    small: bytes
    width: int
    height: int


class Darkroom:
    """Makes pictures, a few at a time, in threads; keeps them as files named by their content."""

    def __init__(self, folder: Path, *, pixels_max: int, at_once: int = 2) -> None:
        self._folder = folder
        self._pixels_max = pixels_max
        self._turns = asyncio.Semaphore(at_once)

    async def develop(self, content: bytes) -> dict[str, Any]:
        """Make and keep the picture in `content`: what a product says of its photo. Raises PictureRefused."""
        async with self._turns:
            return await asyncio.to_thread(self._develop, content)

    def _develop(self, content: bytes) -> dict[str, Any]:
        picture = picture_of(content, pixels_max=self._pixels_max)
        return {
            "large": self._keep(picture.large),
            "small": self._keep(picture.small),
            "width": picture.width,
            "height": picture.height,
        }

    def path_of(self, digest: str) -> Path:
        """Where the picture with this content is."""
        return self._folder / digest[:2] / f"{digest}.webp"

    def _keep(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self.path_of(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            half_written = path.with_suffix(f".{os.getpid()}.{os.urandom(4).hex()}")
            with half_written.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            half_written.replace(path)
        return digest


def picture_of(content: bytes, *, pixels_max: int) -> Picture:
    """Decode and re-encode.

    Raises PictureRefused for what is no JPEG, PNG or WebP, is broken or has too many pixels.
    """
    Image.MAX_IMAGE_PIXELS = pixels_max
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as original:
            if original.width * original.height > pixels_max:
                raise PictureRefused(f"the picture has more than {pixels_max} pixels")
            original.draft("RGB", (LARGE_PIXELS, LARGE_PIXELS))
            upright = ImageOps.exif_transpose(original)
            flat = _without_transparency(upright)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureRefused("send a JPEG, PNG or WebP picture that is not broken") from error
    flat.thumbnail((LARGE_PIXELS, LARGE_PIXELS))
    small = flat.copy()
    small.thumbnail((SMALL_PIXELS, SMALL_PIXELS))
    return Picture(_webp(flat), _webp(small), flat.width, flat.height)


def _without_transparency(image: Image.Image) -> Image.Image:
    """On white, and without any of the original's metadata."""
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        flat = Image.new("RGB", layered.size, "white")
        flat.paste(layered, mask=layered.getchannel("A"))
        return flat
    flat = Image.new("RGB", image.size)
    flat.paste(image.convert("RGB"))
    return flat


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY, method=4)
    return out.getvalue()


async def may_add_photo(conn: Connection, *, product_id: UUID, by: UUID) -> None:
    """Asked before a picture is decoded. Raises ProductNotFound, NotYourTask, ShopClosed."""
    shop = await store.lock_shop_of_product(conn, product_id, account_id=by)
    shop.require(Role.OWNER, Role.MANAGER)


async def add_photo(
    conn: Connection, *, product_id: UUID, photo: dict[str, Any], photos_max: int, by: UUID, now: datetime
) -> list[dict[str, Any]]:
    """All photos of the product; one that is there already is not doubled. Makes no new version.

    Raises ProductNotFound, NotYourTask, ShopClosed, TooManyPhotos.
    """
    await may_add_photo(conn, product_id=product_id, by=by)
    photos = await store.photos_of(conn, product_id)
    if photo in photos:
        return photos
    if len(photos) >= photos_max:
        raise TooManyPhotos(f"{photos_max} at most")
    photos = [*photos, photo]
    await store.save_photos(conn, product_id, photos, now=now)
    return photos
