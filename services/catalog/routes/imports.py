"""Imports of products from spreadsheets."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, File, Form, Response, UploadFile
from pydantic import AwareDatetime, BaseModel, Field

from services.catalog.domain.problems import (
    FileRefused,
    ImportNotFound,
    NotYourTask,
    ShopClosed,
    ShopNotFound,
    TooManyImports,
)
from services.catalog.routes.answers import Settings, json_answer
from services.catalog.store import imports as store
from services.catalog.use_cases.accept_import import accept_import
from shared.auth import CurrentPerson, SignedInFirst
from shared.clock import utc_now
from shared.http import Db
from shared.ids import new_id
from shared.problems import documented

router = APIRouter(tags=["imports"], route_class=SignedInFirst)

IMPORT_REQUEST_BYTES_MAX = 64 * 1024 * 1024  # the setting import_bytes_max is lower
ERRORS_MAX = 1000


class ImportAccepted(BaseModel):
    """The file is kept and will be imported."""

    import_id: UUID


class RowError(BaseModel):
    """What is wrong in a row; it says so to the seller, in Indonesian."""

    row: int = Field(description="As the spreadsheet counts, the row of column names being the first.")
    column: str
    message: str


class ImportView(BaseModel):
    """How far an import is."""

    import_id: UUID
    shop_id: UUID
    filename: str
    state: Literal["waiting", "running", "done", "refused"]
    reason: str | None = Field(description="Why the whole file was refused.")
    total: int | None
    done: int
    failed: int
    unknown_columns: list[str] = Field(description="Names in the file that nothing is read from; told when it is done.")
    errors: list[RowError] = Field(description="Of at most 1,000 rows.")
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


@router.post(
    "/imports",
    status_code=202,
    responses=documented(ShopNotFound, NotYourTask, ShopClosed, FileRefused, TooManyImports),
    max_body_size=IMPORT_REQUEST_BYTES_MAX,
)
async def create_import(
    file: Annotated[UploadFile, File(description="CSV or XLSX; the columns are described in the service's README.")],
    shop_id: Annotated[UUID, Form()],
    person: CurrentPerson,
    db: Db,
    settings: Settings,
) -> ImportAccepted:
    """Import products from a spreadsheet; the answer comes before the work, see GET /v1/imports/{import_id}."""
    content = await file.read(settings.import_bytes_max + 1)
    if len(content) > settings.import_bytes_max:
        raise FileRefused(f"Berkas terlalu besar: paling banyak {settings.import_bytes_max // 1024} KiB.")
    import_id = new_id()
    async with db.transaction() as conn:
        await accept_import(
            conn,
            import_id=import_id,
            shop_id=shop_id,
            filename=file.filename or "",
            content=content,
            by=person.id,
            now=utc_now(),
        )
    return ImportAccepted(import_id=import_id)


@router.get("/imports/{import_id}", response_model=ImportView, responses=documented(ImportNotFound))
async def get_import(import_id: UUID, person: CurrentPerson, db: Db) -> Response:
    """How far the import is, and what is wrong with which rows."""
    async with db.reading() as conn:
        row = await store.import_for(conn, import_id, person.id)
        if row is None:
            raise ImportNotFound
        faults = await store.faults(conn, import_id, after=0, limit=ERRORS_MAX)
    errors = [
        {"row": each["row_number"], "column": fault["column"], "message": fault["message"]}
        for each in faults
        for fault in each["faults"]
    ]
    return json_answer({**dict(row), "errors": errors})
