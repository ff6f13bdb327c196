"""The bank sandbox as a process: signed files, once per batch, settled after a moment, on disk."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import httpx2
import pytest

from shared import snap
from tests.sandbox.processes import Sandbox, now, wait_until

TOKEN, SECRET = "lumbung", "rahasia"


@dataclass
class Customer:
    """Somebody who hands in files; `secret` may be wrong on purpose."""

    url: str
    secret: str = SECRET
    token: str = TOKEN
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, timeout=10))

    def call(self, method: str, path: str, raw: bytes = b"", *, timestamp: str | None = None) -> httpx2.Response:
        """One signed request."""
        at = timestamp or now()
        signed = snap.Transaction(method, path, hashlib.sha256(raw).hexdigest().encode(), at)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "X-TIMESTAMP": at,
            "X-SIGNATURE": snap.sign_symmetric(self.secret, signed, access_token=self.token),
        }
        return self.http.request(method, self.url + path, content=raw, headers=headers)

    def hand_in(self, batch_id: str, raw: bytes) -> httpx2.Response:
        """A file."""
        return self.call("POST", f"/v1/transfer-files/{batch_id}", raw)

    def answer(self, batch_id: str) -> httpx2.Response:
        """What the bank says."""
        return self.call("GET", f"/v1/transfer-files/{batch_id}/answer")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(
        "deploy.sandbox.bank",
        tmp_path_factory.mktemp("bank"),
        LUMBUNG_BANK_TOKEN=TOKEN,
        LUMBUNG_BANK_SECRET=SECRET,
        LUMBUNG_BANK_SETTLE_SECONDS="0.2",
    )
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def customer(bank: Sandbox) -> Iterator[Customer]:
    found = Customer(bank.url)
    yield found
    found.http.close()


def transfer_file(batch_id: str, *account_numbers: str) -> bytes:
    """A file that pays a thousand to each account."""
    body = f"H,1,LUMBUNG,{batch_id},20260115,IDR\r\n"
    for number, account in enumerate(account_numbers, start=1):
        body += f"D,{number},{uuid4()},PAYOUT,002,{account},SITI AMINAH,1000\r\n"
    seal = hashlib.sha256(body.encode()).hexdigest()
    return f"{body}T,{len(account_numbers)},{1000 * len(account_numbers)},{seal}\r\n".encode()


def outcomes(answer: httpx2.Response) -> list[list[str]]:
    """Outcome and reason of each line."""
    return [row[4:6] for row in csv.reader(io.StringIO(answer.text, newline="")) if row[0] == "D"]


def test_lines_settle_after_a_moment_by_how_their_account_ends(customer: Customer) -> None:
    batch_id = str(uuid4())
    raw = transfer_file(batch_id, "1000000001", "1000000099", "1000000098", "1000000097", "1000000096")

    taken = customer.hand_in(batch_id, raw)
    wait_until(lambda: customer.answer(batch_id).status_code == 200, "the file is settled")

    answer = customer.answer(batch_id)
    assert taken.status_code == 202
    assert outcomes(answer) == [
        ["PAID", ""],
        ["RETURNED", "account_closed"],
        ["RETURNED", "account_unknown"],
        ["RETURNED", "name_differs"],
        ["RETURNED", "other"],
    ]
    path = f"/v1/transfer-files/{batch_id}/answer"
    digest = hashlib.sha256(answer.content).hexdigest().encode()
    signed = snap.Transaction("ANSWER", path, digest, answer.headers["x-timestamp"])
    assert snap.verify_symmetric(SECRET, answer.headers["x-signature"], signed, access_token=TOKEN)
    assert customer.answer(batch_id).content == answer.content


def test_a_late_line_comes_in_a_later_answer(customer: Customer) -> None:
    batch_id = str(uuid4())
    customer.hand_in(batch_id, transfer_file(batch_id, "1000000001", "1000000095"))

    wait_until(lambda: customer.answer(batch_id).status_code == 200, "the first line is settled")
    wait_until(lambda: len(outcomes(customer.answer(batch_id))) == 2, "the late line is settled")


def test_a_file_is_taken_once_and_survives_a_kill(bank: Sandbox, customer: Customer) -> None:
    batch_id = str(uuid4())
    raw = transfer_file(batch_id, "1000000001")
    first, again = customer.hand_in(batch_id, raw), customer.hand_in(batch_id, raw)
    other = customer.hand_in(batch_id, transfer_file(batch_id, "1000000002"))

    bank.kill()
    bank.start()

    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 409)
    assert customer.hand_in(batch_id, raw).status_code == 200
    wait_until(lambda: customer.answer(batch_id).status_code == 200, "the file is settled")
    assert outcomes(customer.answer(batch_id)) == [["PAID", ""]]


def test_who_does_not_sign_is_refused(bank: Sandbox, customer: Customer) -> None:
    batch_id = str(uuid4())
    raw = transfer_file(batch_id, "1000000001")
    path = f"/v1/transfer-files/{batch_id}"

    answers = [
        Customer(bank.url, secret="guess", http=customer.http).hand_in(batch_id, raw),
        Customer(bank.url, token="guess", http=customer.http).hand_in(batch_id, raw),
        customer.call("POST", path, raw, timestamp="2020-01-01T00:00:00+07:00"),
        customer.http.post(bank.url + path, content=raw),
    ]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert customer.answer(batch_id).status_code == 404


def test_a_file_that_its_trailer_does_not_prove_is_refused(customer: Customer) -> None:
    batch_id = str(uuid4())
    raw = transfer_file(batch_id, "1000000001")

    answers = [
        customer.hand_in(batch_id, bad)
        for bad in (b"", raw[:-4], raw.replace(b",1000\r\n", b",9000\r\n"), transfer_file(str(uuid4()), "1000000001"))
    ]

    assert [answer.status_code for answer in answers] == [422] * 4
