"""The stage of a benchmark: a stack of its own, people with tokens, and many products, all made through the API."""

import asyncio
import base64
import csv
import io
import json
import os
import random
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import httpx2

from bench.load import Plan
from deploy.local.layout import PROJECT
from deploy.local.processes import TWO_PROCESSES
from deploy.local.stack import Stack, load_stack

HOME = ".local/bench"
PORT_BASE = "28000"
PASSWORD = "bench-lumbung-2026"  # noqa: S105  of invented people
REGIONS = ("18.71", "18.01", "18.03", "18.10", "36.73", "36.01", "36.04", "36.71")
SHOPS = 20  # at least
SHOP_PRODUCTS_MAX = 5_000
CATEGORIES = ("makanan-ringan", "kopi-teh", "gula-madu", "kerajinan", "batik-kain", "minuman")
# fmt: off
WORDS = (
    "keripik", "pisang", "singkong", "kopi", "robusta", "arabika", "gula", "aren", "madu", "hutan", "emping",
    "melinjo", "sambal", "kerupuk", "udang", "tapis", "batik", "anyaman", "pandan", "rotan", "sate", "bandeng",
    "dodol", "rengginang", "lada", "hitam", "cengkeh", "kakao", "cokelat", "sirup", "pala", "jahe", "kunyit",
    "tempe",
)
# fmt: on


def say(text: str, *, err: bool = False) -> None:
    """Progress, with the time of day."""
    click.echo(f"{datetime.now(UTC):%H:%M:%S}  {text}", err=err)


def claims_of(token: str) -> dict[str, Any]:
    """What an access token says; its signature is not looked at."""
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


@dataclass
class Stage:
    """What the measurements use."""

    stack: Stack
    buyers: list[str] = field(default_factory=list)  # e-mail addresses
    tokens: list[str] = field(default_factory=list)
    shelves: list[list[str]] = field(default_factory=list)  # ids of some products of each shop
    titles: list[str] = field(default_factory=list)

    @property
    def products(self) -> list[str]:
        """Ids of products, shop by shop."""
        return [product_id for shelf in self.shelves for product_id in shelf]


def lumbung(*arguments: str, **environment: str) -> str:
    """The command, on the bench stack; its standard output. Raises CalledProcessError."""
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    env = os.environ | {"LUMBUNG_HOME": HOME, "LUMBUNG_PORT_BASE": PORT_BASE, TWO_PROCESSES: "orders"} | environment
    return subprocess.run(command, cwd=PROJECT, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout


def stack() -> Stack:
    """The running bench stack."""
    return load_stack(PROJECT / HOME)


async def people(stage: Stage, count: int) -> None:
    """Buyers with passwords, signed in. Tokens live ten minutes: call `sign_in` before each measurement."""
    async with httpx2.AsyncClient(base_url=stage.stack.url("identity"), timeout=60) as http:
        stage.buyers = [f"bench-{uuid4().hex[:12]}@contoh.id" for _ in range(count)]
        for email in stage.buyers:
            body = {"email": email, "password": PASSWORD, "name": "Pembeli Uji"}
            (await http.post("/v1/accounts", json=body)).raise_for_status()
    await sign_in(stage)


async def sign_in(stage: Stage) -> None:
    """Fresh tokens for all buyers."""
    async with httpx2.AsyncClient(base_url=stage.stack.url("identity"), timeout=60) as http:
        stage.tokens = [await token(http, email) for email in stage.buyers]


async def token(http: httpx2.AsyncClient, email: str) -> str:
    """An access token."""
    form = {"grant_type": "password", "username": email, "password": PASSWORD}
    answer = await http.post("/v1/token", data=form)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


async def goods(stage: Stage, count: int) -> None:
    """`count` products in shops of the same size, imported from CSV files as sellers do; ids of some of them."""
    rng = random.Random(7)
    async with httpx2.AsyncClient(timeout=120, headers={"authorization": f"Bearer {stage.tokens[0]}"}) as http:
        catalog = stage.stack.url("catalog")
        shops = max(SHOPS, -(-count // SHOP_PRODUCTS_MAX))
        for number in range(shops):
            size = (count + number) // shops
            body = {"name": f"Toko Uji {number}", "region_code": REGIONS[number % len(REGIONS)]}
            shop = (await http.post(f"{catalog}/v1/shops", json=body)).raise_for_status().json()
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(("title", "description", "category", "unit_price_minor", "stock", "weight_grams"))
            for n in range(size):
                title = " ".join(rng.sample(WORDS, 3)) + f" {number * SHOP_PRODUCTS_MAX + n}"
                price = rng.randrange(5, 200) * 1000
                writer.writerow((title, f"Dari {title}", rng.choice(CATEGORIES), price, 1_000_000, 250))
            files = {"file": ("produk.csv", text.getvalue().encode(), "text/csv")}
            answer = await http.post(f"{catalog}/v1/imports", data={"shop_id": shop["shop_id"]}, files=files)
            import_id = answer.raise_for_status().json()["import_id"]
            while True:
                state = (await http.get(f"{catalog}/v1/imports/{import_id}")).raise_for_status().json()
                if state["state"] in ("done", "failed"):
                    break
                await asyncio.sleep(0.2)
            if state["state"] != "done" or state["failed"]:
                raise RuntimeError(f"the import ended as {json.dumps(state)[:500]}")
            page = (await http.get(f"{catalog}/v1/products?shop_id={shop['shop_id']}&limit=100")).json()
            stage.shelves.append([item["product_id"] for item in page["items"]])
            stage.titles += [item["title"] for item in page["items"]]


def load(plan: Plan, folder: Path) -> dict[str, Any]:
    """Run the generator in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"plan-{uuid4().hex[:8]}.json"
    path.write_text(json.dumps(asdict(plan)))
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", str(path)], cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result
