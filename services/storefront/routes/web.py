"""What every page needs: the visit (cookie, session, form token), the page itself, redirects, and errors as pages.

What must stay true: a page that knows a person is never stored by anybody; nothing personal is in an address or a log;
a failure shows a sentence, never a trace of the program.
"""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias, cast
from urllib.parse import quote, urlencode
from uuid import UUID

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from services.storefront import store
from services.storefront.domain import words
from services.storefront.domain.sentence import Sentence
from services.storefront.domain.session import Session, Vault, new_secret, session_id_of
from services.storefront.routes.files import Assets
from services.storefront.routes.pages import Pages
from services.storefront.settings import StorefrontSettings
from services.storefront.upstream import Network, Refused
from services.storefront.use_cases.keep_signed_in import DeskSignInNeeded, SignInNeeded, TokenKeeper, desk_token
from services.storefront.use_cases.list_categories import Categories
from shared.clock import utc_now
from shared.db import TRANSIENT, Database
from shared.ids import new_id
from shared.problems import NotFound, Problem
from shared.telemetry import current_trace_id

log = structlog.get_logger()

COOKIE_CHARACTERS: Final = (40, 64)
PAGES_BEHIND_FORMS: Final = frozenset(
    {"keranjang", "pesanan", "penjual", "bayar", "koperasi", "pelatihan", "mitra", "saya"}
)
TOLD_ON_THE_PAGE: Final = frozenset({403, 409, 422})
KEY: Final = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True)
class Storefront:
    """What the routes work with, made once when the process starts."""

    settings: StorefrontSettings
    db: Database
    network: Network
    vault: Vault
    keeper: TokenKeeper
    categories: Categories
    pages: Pages
    assets: Assets

    @property
    def cookie_name(self) -> str:
        """Behind https the prefix keeps other hosts and paths from setting it."""
        return "__Host-lumbung" if self.settings.is_https else "lumbung"


class ForeignForm(Problem):
    """This form is not one of this session."""

    status = 403
    slug = "foreign-form"


class Visit:
    """One request of one visitor."""

    def __init__(self, request: Request, shop: Storefront, secret: str | None, session: Session) -> None:
        self.request = request
        self.shop = shop
        self.session = session
        self._sent_secret = secret
        self.secret = secret or new_secret()
        if secret is None:
            self.session = Session(session_id_of(self.secret))

    @property
    def network(self) -> Network:
        """The other services."""
        return self.shop.network

    @property
    def db(self) -> Database:
        """The sessions."""
        return self.shop.db

    @property
    def days(self) -> int:
        """How long a session lasts."""
        return self.shop.settings.session_days

    @property
    def address(self) -> str | None:
        """The visitor's network address."""
        return self.request.client.host if self.request.client is not None else None

    async def token(self) -> str:
        """An access token of the person. Raises SignInNeeded."""
        return await self.shop.keeper.access_token(self.session)

    def desk_token(self) -> str:
        """An access token of the lender whose desk this is. Raises DeskSignInNeeded."""
        return desk_token(self.session)

    async def optional_token(self) -> str | None:
        """An access token, or None for a guest. Raises SignInNeeded when the session has run out."""
        return await self.token() if self.session.is_signed_in else None

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page, with the header that belongs to this visitor."""
        body = self.shop.pages.render(
            template,
            visit=self,
            notice=words.NOTICES.get(self.request.query_params.get("info", "")),
            trouble=words.known_sentence(self.request.query_params.get("salah", "")),
            form_token=self.shop.vault.form_token(self.secret),
            **values,
        )
        cache = "no-store" if self.session.tokens is not None else "private, no-cache"
        answer = HTMLResponse(body, status, headers={"Cache-Control": cache, "Vary": "Cookie"})
        if self._sent_secret is None:
            self.set_cookie(answer, self.secret)
        return answer

    def redirect(self, path: str, *, info: str | None = None, fault: str | None = None) -> Response:
        """Go to another page, there with a sentence (by its name, or by the slug of what was refused)."""
        said = {name: value for name, value in (("info", info), ("salah", fault)) if value is not None}
        if said:
            path += ("&" if "?" in path else "?") + urlencode(said)
        answer = RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})
        if self._sent_secret is None:
            self.set_cookie(answer, self.secret)
        return answer

    def set_cookie(self, answer: Response, secret: str) -> None:
        """Give the visitor this cookie."""
        answer.set_cookie(
            self.shop.cookie_name,
            secret,
            max_age=self.days * 86_400,
            path="/",
            secure=self.shop.settings.is_https,
            httponly=True,
            samesite="lax",
        )

    async def act(self, call: Awaitable[Any], *, back: str, info: str, form_page: str | None = None) -> Response:
        """Do something, then go to a page; what was refused is told there, or on the form's own page.

        Raises Refused for who must sign in, and for what is not theirs to find: those get a page of its own.
        """
        try:
            await call
        except Refused as refusal:
            if refusal.upstream_status not in TOLD_ON_THE_PAGE:
                raise
            return self.redirect(form_page or back, fault=refusal.reason)
        return self.redirect(back, info=info)


def take_cookie(answer: Response, shop: Storefront) -> None:
    """Let the visitor's browser forget the session."""
    answer.delete_cookie(shop.cookie_name, path="/", secure=shop.settings.is_https, httponly=True, samesite="lax")


def storefront_of(request: Request) -> Storefront:
    """What the process was started with."""
    return cast(Storefront, request.app.state.storefront)


async def _visit(request: Request) -> Visit:
    visit = await _found_visit(request)
    request.state.visit = visit
    return visit


async def _found_visit(request: Request) -> Visit:
    shop = storefront_of(request)
    secret = request.cookies.get(shop.cookie_name)
    if secret is None or not COOKIE_CHARACTERS[0] <= len(secret) <= COOKIE_CHARACTERS[1] or not secret.isascii():
        return Visit(request, shop, None, Session(b""))
    session_id = session_id_of(secret)
    async with shop.db.reading() as conn:
        session = await store.find(conn, shop.vault, session_id, now=utc_now())
    return Visit(request, shop, secret, session)


CurrentVisit: TypeAlias = Annotated[Visit, Depends(_visit)]


async def _checked_form(request: Request, visit: CurrentVisit) -> FormData:
    form = await request.form(max_files=6, max_fields=200)
    if not visit.shop.vault.is_form_token(visit.secret, text_of(form, "form_token")):
        raise ForeignForm
    return form


OwnForm: TypeAlias = Annotated[FormData, Depends(_checked_form)]


def text_of(form: Mapping[str, Any], name: str, *, most: int = 500) -> str:
    """What was typed into a field, without spaces around it; empty when the field was not sent."""
    value = form.get(name)
    return value.strip()[:most] if isinstance(value, str) else ""


def id_of(form: Mapping[str, Any], name: str) -> UUID:
    """An id that one of our forms holds. Raises NotFound when it is none: such a form is not one of ours."""
    try:
        return UUID(text_of(form, name, most=40))
    except ValueError as error:
        raise NotFound from error


def key_of(form: Mapping[str, Any]) -> str:
    """The idempotency key that was made with the form's page; a new one when what came is none of ours."""
    key = text_of(form, "kunci")
    return key if KEY.fullmatch(key) else str(new_id())


def safe_path(path: str, *, default: str = "/") -> str:
    """A path of this site that somebody wants to go on to; anything that could lead elsewhere becomes the default."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and len(path) < 300
    return path if is_ours and "\\" not in path else default


def sign_in_path(then: str) -> str:
    """The sign-in page that leads back to `then`."""
    return f"/masuk?lanjut={quote(then, safe='/')}"


def install_error_pages(app: FastAPI) -> None:
    """Whatever goes wrong is a page with a sentence; people who must sign in are led there and back."""

    async def refused(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        is_signed_out = isinstance(problem, SignInNeeded) or (
            isinstance(problem, Refused) and problem.upstream_status == 401
        )
        if is_signed_out:
            then = request.url.path if request.method == "GET" else _page_behind(request)
            is_desk = isinstance(problem, DeskSignInNeeded) or then.startswith("/mitra")
            answer = RedirectResponse(
                "/mitra/masuk" if is_desk else sign_in_path(then), 303, headers={"Cache-Control": "no-store"}
            )
            if isinstance(problem, Refused):  # a session whose token nobody takes any more would lead back here
                take_cookie(answer, storefront_of(request))
            return answer
        if isinstance(problem, Refused):
            status, slug = problem.upstream_status, problem.reason
        else:
            status, slug = problem.status, problem.slug
        log.info("refused", slug=slug, status=status)
        sentence = words.problem_sentence(slug, status)
        return await _error_page(request, status, sentence, headers=dict(problem.headers))

    async def unknown(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else NotFound.status
        return await _error_page(request, status, words.problem_sentence("", status))

    async def broken(request: Request, error: Exception) -> Response:
        log.error("request_failed", exc_info=error)
        return await _error_page(request, 500, words.problem_sentence("", 500))

    app.add_exception_handler(Problem, refused)
    app.add_exception_handler(HTTPException, unknown)
    app.add_exception_handler(RequestValidationError, unknown)
    app.add_exception_handler(Exception, broken)


def _page_behind(request: Request) -> str:
    """Where a form that needs signing in belongs: its page, told by the first part of its path."""
    first = request.url.path.split("/")[1]
    return f"/{first}" if first in PAGES_BEHIND_FORMS else "/"


async def _visit_if_known(request: Request) -> Visit | None:
    """Who is looking, so that an error keeps their menu; None when the sessions cannot be asked either."""
    known = getattr(request.state, "visit", None)
    if isinstance(known, Visit):
        return known
    try:
        return await _visit(request)
    except (*TRANSIENT, Problem) as error:
        log.warning("visit_unknown", error=type(error).__name__)
        return None


async def _error_page(
    request: Request, status: int, sentence: Sentence, headers: dict[str, str] | None = None
) -> Response:
    shop, visit = storefront_of(request), await _visit_if_known(request)
    body = shop.pages.render(
        "error.html",
        visit=visit,
        form_token="" if visit is None else shop.vault.form_token(visit.secret),
        status=status,
        sentence=sentence,
        trace_id=current_trace_id(),
    )
    return HTMLResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})})
