"""Sandboxes as real processes on free ports, a merchant that speaks SNAP to them, and a receiver for callbacks."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from deploy.sandbox.keys import SandboxKeys, ensure_keys
from shared import snap
from shared.calendar import WIB

ROOT = Path(__file__).parents[2]
WAIT_SECONDS_MAX = 20.0


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Poll until it is so; fail with `what` after a deadline."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sandbox:
    """One sandbox process; it can be killed and started again on the same port and folder."""

    def __init__(self, module: str, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self._module = module
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LUMBUNG_")},
            "LUMBUNG_HTTP_PORT": str(self.port),
            "LUMBUNG_SANDBOX_DIR": str(folder),
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it is ready."""
        self._process = subprocess.Popen([sys.executable, "-m", self._module], cwd=ROOT, env=self._environment)
        wait_until(self._is_ready, f"{self._module} is ready")

    def kill(self) -> None:
        """As the power switch would, without a chance to tidy up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Ask it to stop and insist that it does."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(WAIT_SECONDS_MAX)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self._module} ended instead of starting"
        try:
            return httpx2.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False


@dataclass
class Merchant:
    """The orders service's side of SNAP, as the tests need it; `overrides` spoil a header on purpose."""

    url: str
    keys: SandboxKeys
    token: str = ""
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, timeout=10))

    def ask_token(self, **overrides: str) -> httpx2.Response:
        """Request an access token, and use it from now on when it is granted."""
        timestamp = overrides.pop("X-TIMESTAMP", now())
        key = snap.load_private_key(self.keys.merchant_private_key_file.read_bytes())
        client_id = self.keys.client_id
        headers = {
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": client_id,
            "X-SIGNATURE": snap.sign_token_request(key, client_id=client_id, timestamp=timestamp),
            **overrides,
        }
        answer = self.http.post(
            f"{self.url}/v1.0/access-token/b2b", json={"grantType": "client_credentials"}, headers=headers
        )
        self.token = answer.json().get("accessToken", "")
        return answer

    def call(self, path: str, body: dict[str, Any] | bytes, **overrides: str) -> httpx2.Response:
        """One signed call with an X-EXTERNAL-ID of its own."""
        raw = body if isinstance(body, bytes) else json.dumps(body, indent=1).encode()
        timestamp = overrides.pop("X-TIMESTAMP", now())
        transaction = snap.Transaction("POST", path, raw, timestamp)
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.token}",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": snap.sign_symmetric(self.keys.client_secret, transaction, access_token=self.token),
            "X-PARTNER-ID": self.keys.client_id,
            "X-EXTERNAL-ID": str(uuid4().int)[:36],
            "CHANNEL-ID": "95221",
            **overrides,
        }
        return self.http.post(f"{self.url}{path}", content=raw, headers=headers)

    def generate(self, reference: str, amount_minor: int, **more: str) -> httpx2.Response:
        """Ask for money by QRIS."""
        body = {"partnerReferenceNo": reference, "amount": rupiah(amount_minor), **more}
        return self.call("/v1.0/qr/qr-mpm-generate", body)

    def query(self, reference: str) -> dict[str, Any]:
        """How the charge stands."""
        answer = self.call("/v1.0/qr/qr-mpm-query", {"originalPartnerReferenceNo": reference, "serviceCode": "47"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def pay(self, **payment: Any) -> httpx2.Response:
        """The buyer's side."""
        return self.http.post(f"{self.url}/sandbox/pay", json=payment)


def signed_in(sandbox: Sandbox) -> Merchant:
    """A merchant with a token."""
    merchant = Merchant(sandbox.url, ensure_keys(sandbox.folder))
    assert merchant.ask_token().status_code == 200
    return merchant


@dataclass(frozen=True)
class Callback:
    """One notification as it arrived."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """The notice itself."""
        found: dict[str, Any] = json.loads(self.raw)
        return found

    def is_signed_by(self, keys: SandboxKeys) -> bool:
        """Whether the provider of these keys sent it."""
        key = snap.load_public_key(keys.provider_public_key_file.read_bytes())
        transaction = snap.Transaction("POST", self.path, self.raw, self.headers["x-timestamp"])
        return snap.verify_asymmetric(key, self.headers["x-signature"], transaction)


class Receiver:
    """A merchant's callback address: answers a charge's given statuses first, then 200."""

    def __init__(self, port: int | None = None) -> None:
        self.callbacks: list[Callback] = []
        self.statuses: dict[str, list[int]] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                callback = Callback(self.path, headers, raw)
                receiver.callbacks.append(callback)
                statuses = receiver.statuses.get(callback.body["originalPartnerReferenceNo"])
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", port or free_port()), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/payments/callbacks/qris"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def of(self, reference: str) -> list[Callback]:
        """What arrived about one charge."""
        return [found for found in self.callbacks if found.body["originalPartnerReferenceNo"] == reference]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def rupiah(amount_minor: int) -> dict[str, str]:
    """A SNAP amount."""
    return {"value": f"{amount_minor}.00", "currency": "IDR"}


def now(shift: timedelta = timedelta(0)) -> str:
    """X-TIMESTAMP for now, or for a moment beside it."""
    return snap.format_timestamp(datetime.now(WIB) + shift)


def fresh_reference() -> str:
    """A merchant reference that nobody used."""
    return f"PSN-{uuid4()}"
