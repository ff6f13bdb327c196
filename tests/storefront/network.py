"""What pages of money, cooperatives and lending need around them: an office, a lender, people who sign in."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from tests.storefront.conftest import PASSWORD, Town, Visitor, words_of

ROOT = Path(__file__).parent.parent.parent
FOUNDERS = 9
PRINCIPAL_MINOR = 100_000


@dataclass
class Lender:
    """A lender with one product."""

    lender_id: str
    client_id: str
    secret: str
    product_id: str
    token: str


@dataclass
class Koperasi:
    """A cooperative, and the e-mail addresses by which its people sign in."""

    cooperative_id: str
    name: str
    chair: str
    secretary: str
    member: str
    chair_token: str
    treasurer_token: str

    @property
    def page(self) -> str:
        """Its page."""
        return f"/koperasi/{self.cooperative_id}"

    @property
    def path(self) -> str:
        """Where it is in the service."""
        return f"/v1/cooperatives/{self.cooperative_id}"


def key() -> dict[str, str]:
    """A header that no request had before."""
    return {"Idempotency-Key": str(uuid4())}


async def post(town: Town, service: str, path: str, token: str, body: Any = None, *, is_command: bool = True) -> Any:
    """A command to a service, with the key that some of them take."""
    headers = {"Authorization": f"Bearer {token}"} | (key() if is_command else {})
    answer = await town.http.post(town.stack.url(service) + path, headers=headers, json=body)
    assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


@asynccontextmanager
async def guest(town: Town) -> AsyncIterator[Visitor]:
    """Somebody's browser."""
    async with httpx2.AsyncClient(base_url=town.stack.url("storefront"), follow_redirects=True, timeout=30) as client:
        yield Visitor(client)


@asynccontextmanager
async def signed_in(town: Town, email: str) -> AsyncIterator[Visitor]:
    """Somebody's browser, signed in by password."""
    async with guest(town) as visitor:
        await visitor.go("/masuk")
        await visitor.send("/masuk/sandi", kontak=email, sandi=PASSWORD)
        assert "Keluar" in visitor.page, words_of(visitor.page)
        yield visitor


async def found_cooperative(town: Town) -> Koperasi:
    """A cooperative with nine paid-up members, two officers who may decide, and one member with an account."""
    names = ("Ketua Wati", "Sekretaris Budi", "Anggota Rini", "Bendahara Ani")
    people = [await town.sign_up(name) for name in names]
    (chair, chair_token), (secretary, _), (member, _), (_, treasurer_token) = people
    accounts = [(await town.call("GET", "identity", "/v1/accounts/me", token=each))["account_id"] for _, each in people]
    name = f"Koperasi {town.word} {secrets.token_hex(3)}"
    founders = [{"name": "Anggota Rini", "account_id": accounts[2]}]
    founders += [{"name": f"Pendiri {number}"} for number in range(1, FOUNDERS)]
    made = await post(
        town,
        "cooperatives",
        "/v1/cooperatives",
        chair_token,
        {
            "name": name,
            "region_code": "18.71",
            "principal_savings_minor": PRINCIPAL_MINOR,
            "mandatory_savings_minor": 20_000,
            "withdrawal_limit_minor": 50_000,
            "invitation_days": 0,
            "founders": founders,
            "officers": [
                {"account_id": accounts[0], "role": "ketua"},
                {"account_id": accounts[1], "role": "sekretaris"},
                {"account_id": accounts[3], "role": "bendahara"},
            ],
        },
    )
    cooperative = Koperasi(made["cooperative_id"], name, chair, secretary, member, chair_token, treasurer_token)
    for member_id in made["founders"]:
        body = {"kind": "principal", "amount_minor": PRINCIPAL_MINOR}
        await post(town, "cooperatives", f"{cooperative.path}/members/{member_id}/deposits", chair_token, body)
    await admit_to_market(town, cooperative)
    return cooperative


async def admit_to_market(town: Town, cooperative: Koperasi) -> None:
    """An operator, made at the command line, lets its savings pay at the market."""
    email = f"{secrets.token_hex(6)}@contoh.id"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "user", "add", "--email", email, "--password-stdin", "--json",
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, err = await process.communicate(f"{PASSWORD}\n".encode())
    assert process.returncode == 0, err.decode()
    form = {"grant_type": "password", "email": email, "password": PASSWORD}
    token = (await town.call("POST", "identity", "/v1/token", data=form))["access_token"]
    path = f"{cooperative.path}/market_limit"
    await town.call("PUT", "cooperatives", path, token=token, json={"limit_minor": 1_000_000_000})


async def add_lender(town: Town) -> Lender:
    """A lender, registered as an operator does it, that lends to everybody."""
    slug = f"bank-{secrets.token_hex(4)}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "lender", "add", f"Bank {slug}", "--slug", slug, "--pull", "--json",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    made = json.loads(out)
    form = {"grant_type": "client_credentials", "client_id": made["client_id"], "client_secret": made["client_secret"]}
    token = (await town.call("POST", "identity", "/v1/token", data=form))["access_token"]
    product = await post(
        town,
        "financing",
        f"/v1/lenders/{made['lender_id']}/products",
        token,
        {
            "name": "Modal Usaha",
            "scheme": "annuity",
            "annual_rate": "12",
            "amount_min_minor": 1_000_000,
            "amount_max_minor": 50_000_000,
            "tenor_min_months": 3,
            "tenor_max_months": 36,
        },
    )
    return Lender(made["lender_id"], made["client_id"], made["client_secret"], product["product_id"], token)
