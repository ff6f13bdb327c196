"""The notice sandbox: keeps the SMS, WhatsApp and e-mail messages that a real channel would deliver, to read them.

What must stay true: one Idempotency-Key is one message, whatever is repeated; an accepted message is on disk. The
inbox is open to whoever reaches the port, one-time codes included: it exists for demos and tests only.
Start: `python -m deploy.sandbox.notices`.
"""

import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Header, Query
from fastapi.responses import HTMLResponse, JSONResponse, Response
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.settings import NOTICES_OFFSET, NoticeSettings, private_folder
from deploy.sandbox.sqlite import Database
from shared.calendar import WIB

HERE = Path(__file__).parent
PAGES = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)


class Message(BaseModel):
    """One message to one person."""

    model_config = ConfigDict(extra="forbid")

    channel: Literal["sms", "whatsapp", "email"]
    to: str = Field(min_length=3, max_length=254)
    text: str = Field(min_length=1, max_length=10_000)


class Inbox:
    """The messages, in their SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, message: Message, idempotency_key: str | None) -> str | None:
        """Keep the message and return its id; None when the key was used for another message."""
        fresh = str(uuid4())
        inserted = self._database.execute(
            "insert_message",
            id=fresh,
            idempotency_key=idempotency_key,
            channel=message.channel,
            recipient=message.to,
            content=message.text,
            sent_at=time.time_ns() // 1_000_000,
        )
        if inserted:
            return fresh
        known = self._database.row("message_by_key", idempotency_key=idempotency_key)
        assert known is not None, "only a known key keeps a message out"
        is_same = (known["channel"], known["recipient"], known["content"]) == (
            message.channel,
            message.to,
            message.text,
        )
        return str(known["id"]) if is_same else None

    def newest(self, recipient: str | None, at_most: int) -> list[dict[str, Any]]:
        """The newest messages first, of one recipient or of all."""
        if recipient is None:
            rows = self._database.rows("newest_messages", at_most=at_most)
        else:
            rows = self._database.rows("newest_messages_to", recipient=recipient, at_most=at_most)
        return [
            {
                "id": row["id"],
                "channel": row["channel"],
                "to": row["recipient"],
                "text": row["content"],
                "sent_at": datetime.fromtimestamp(row["sent_at"] / 1000, WIB).isoformat(timespec="milliseconds"),
            }
            for row in rows
        ]


def create_app(settings: NoticeSettings) -> FastAPI:
    """The sandbox as an application; its file is opened here and closed when it stops."""
    folder = private_folder(settings.sandbox_dir)
    database = Database(folder / "notices.sqlite", HERE / "notices.sql")
    inbox = Inbox(database)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    app = FastAPI(title="Lumbung notice sandbox", lifespan=lifespan)

    @app.post("/messages", status_code=202)
    async def accept(
        message: Message,
        authorization: Annotated[str, Header()] = "",
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Response:
        """Take a message; the same Idempotency-Key gets the same id, with another message a 409."""
        expected = f"Bearer {settings.notices_token}"
        if settings.notices_token and not hmac.compare_digest(authorization.encode(), expected.encode()):
            return _problem(401, "unauthorized", "The bearer token is missing or wrong")
        message_id = inbox.accept(message, idempotency_key)
        if message_id is None:
            return _problem(409, "idempotency-key-reused", "This Idempotency-Key was used for another message")
        return JSONResponse({"id": message_id}, 202)

    @app.get("/messages")
    async def messages(to: str | None = None, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> dict[str, Any]:
        """The newest messages, of one recipient when `to` is given."""
        return {"items": inbox.newest(to, limit)}

    @app.get("/", response_class=HTMLResponse)
    async def page(to: str | None = None) -> str:
        """The inbox as a page."""
        return PAGES.get_template("notices.html").render(messages=inbox.newest(to or None, 100), to=to or "")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        """The messages can be read."""
        inbox.newest(None, 1)
        return {"status": "ok"}

    return app


def _problem(status: int, slug: str, title: str) -> Response:
    body = {"type": slug, "title": title, "status": status}
    return JSONResponse(body, status, media_type="application/problem+json")


def main() -> None:
    """Run the sandbox until it is told to stop."""
    settings = NoticeSettings()
    port = settings.port(NOTICES_OFFSET)
    uvicorn.run(create_app(settings), host=settings.http_host, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
