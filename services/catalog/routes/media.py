"""Photos of products."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Path, Request, UploadFile
from fastapi.responses import FileResponse

from services.catalog.domain.problems import (
    NotYourTask,
    PictureNotFound,
    PictureRefused,
    ProductNotFound,
    ShopClosed,
    TooManyPhotos,
)
from services.catalog.routes.answers import Settings
from services.catalog.routes.product_models import PhotosView, PhotoView
from services.catalog.routes.product_reads import photo_view
from services.catalog.use_cases.add_photo import Darkroom, add_photo, may_add_photo
from services.catalog.use_cases.remove_photo import remove_photo
from shared.auth import CurrentPerson, SignedInFirst
from shared.clock import utc_now
from shared.http import Db
from shared.problems import documented

router = APIRouter(tags=["photos"], route_class=SignedInFirst)

PHOTO_REQUEST_BYTES_MAX = 64 * 1024 * 1024  # the setting photo_bytes_max is lower
YEAR_SECONDS = 31_536_000


@router.post(
    "/products/{product_id}/photos",
    status_code=201,
    responses=documented(ProductNotFound, NotYourTask, ShopClosed, PictureRefused, TooManyPhotos),
    max_body_size=PHOTO_REQUEST_BYTES_MAX,
)
async def post_photo(
    product_id: UUID,
    file: Annotated[UploadFile, File()],
    person: CurrentPerson,
    request: Request,
    db: Db,
    settings: Settings,
) -> PhotosView:
    """Add a JPEG, PNG or WebP picture; it is kept in two sizes, without what the camera wrote into it."""
    async with db.transaction() as conn:
        await may_add_photo(conn, product_id=product_id, by=person.id)
    content = await file.read(settings.photo_bytes_max + 1)
    if len(content) > settings.photo_bytes_max:
        raise PictureRefused(f"the file has more than {settings.photo_bytes_max} bytes")
    darkroom: Darkroom = request.app.state.darkroom
    photo = await darkroom.develop(content)
    async with db.transaction() as conn:
        photos = await add_photo(
            conn,
            product_id=product_id,
            photo=photo,
            photos_max=settings.photos_per_product_max,
            by=person.id,
            now=utc_now(),
        )
    return PhotosView(photos=[PhotoView(**photo_view(each)) for each in photos])


@router.delete(
    "/products/{product_id}/photos/{digest}",
    responses=documented(ProductNotFound, NotYourTask, ShopClosed, PictureNotFound),
)
async def delete_photo(
    product_id: UUID, digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], person: CurrentPerson, db: Db
) -> PhotosView:
    """Take a photo off the product, by the name of either of its sizes; the answer holds those that remain."""
    async with db.transaction() as conn:
        photos = await remove_photo(conn, product_id=product_id, digest=digest, by=person.id, now=utc_now())
    return PhotosView(photos=[PhotoView(**photo_view(each)) for each in photos])


@router.get("/media/{digest}.webp", response_class=FileResponse, responses=documented(PictureNotFound))
async def get_picture(digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], request: Request) -> FileResponse:
    """A picture; its address says its content, so it may be kept for ever."""
    darkroom: Darkroom = request.app.state.darkroom
    path = darkroom.path_of(digest)
    if not path.is_file():
        raise PictureNotFound
    headers = {
        "Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{digest}"',
    }
    return FileResponse(path, media_type="image/webp", headers=headers)
