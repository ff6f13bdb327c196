"""The payment sandbox over HTTP: signatures, charges, refunds, callbacks, and what a kill leaves."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from deploy.sandbox.keys import ensure_keys
from shared import qris
from tests.sandbox.processes import (
    Merchant,
    Receiver,
    Sandbox,
    fresh_reference,
    now,
    rupiah,
    signed_in,
    wait_until,
)

GENERATE = "/v1.0/qr/qr-mpm-generate"


def _code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["responseCode"]


def test_a_charge_is_a_valid_dynamic_qris_of_the_platform(merchant: Merchant) -> None:
    reference = fresh_reference()

    answer = merchant.generate(reference, 50_000)

    assert _code(answer) == (200, "2004700")
    payload = qris.read_qris(answer.json()["qrContent"])
    assert payload.point_of_initiation == qris.DYNAMIC
    assert payload.amount == 50_000
    assert payload.merchant_name == "LUMBUNG UMKM"
    assert payload.reference == answer.json()["referenceNo"]
    assert answer.json()["latestTransactionStatus"] == "01"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"X-SIGNATURE": "AAAA"}, (401, "4014700")),
        ({"X-SIGNATURE": ""}, (400, "4004702")),
        ({"Authorization": "Bearer 99999999999.beef.cafe"}, (401, "4014701")),
        ({"Authorization": ""}, (401, "4014703")),
        ({"X-PARTNER-ID": "somebody-else"}, (401, "4014700")),
        ({"X-TIMESTAMP": now(timedelta(minutes=-10))}, (401, "4014700")),
        ({"X-TIMESTAMP": now(timedelta(hours=2))}, (401, "4014700")),
        ({"X-TIMESTAMP": "kemarin sore"}, (400, "4004701")),
        ({"X-EXTERNAL-ID": "not-a-number"}, (400, "4004701")),
        ({"CHANNEL-ID": "toolong"}, (400, "4004701")),
    ],
)
def test_a_call_that_is_not_in_order_is_refused_and_makes_no_charge(
    merchant: Merchant, overrides: dict[str, str], expected: tuple[int, str]
) -> None:
    reference = fresh_reference()

    answer = merchant.call(GENERATE, {"partnerReferenceNo": reference, "amount": rupiah(1000)}, **overrides)

    assert _code(answer) == expected
    assert merchant.http.get(f"{merchant.url}/sandbox/charges/{reference}").status_code == 404


def test_a_signature_is_for_one_body_only(merchant: Merchant) -> None:
    first = merchant.call(GENERATE, {"partnerReferenceNo": fresh_reference(), "amount": rupiah(1000)})
    stolen = first.request.headers["X-SIGNATURE"]

    answer = merchant.call(
        GENERATE, {"partnerReferenceNo": fresh_reference(), "amount": rupiah(9000)}, **{"X-SIGNATURE": stolen}
    )

    assert _code(answer) == (401, "4014700")


def test_a_token_needs_the_merchants_private_key(payments: Sandbox) -> None:
    merchant = Merchant(payments.url, ensure_keys(payments.folder))

    assert _code(merchant.ask_token(**{"X-SIGNATURE": "AAAA"})) == (401, "4017300")
    assert _code(merchant.ask_token(**{"X-CLIENT-KEY": "somebody-else"})) == (401, "4017300")
    assert _code(merchant.ask_token(**{"X-TIMESTAMP": now(timedelta(hours=-1))})) == (401, "4017300")
    granted = merchant.ask_token()
    merchant.http.close()

    assert _code(granted) == (200, "2007300")
    assert granted.json()["expiresIn"] == "900"


def test_an_external_id_serves_once_a_day(merchant: Merchant) -> None:
    reference, once = fresh_reference(), {"X-EXTERNAL-ID": str(uuid4().int)[:36]}
    body = {"partnerReferenceNo": reference, "amount": rupiah(1000)}

    assert _code(merchant.call(GENERATE, body, **once)) == (200, "2004700")
    assert _code(merchant.call(GENERATE, body, **once)) == (409, "4094700")


def test_the_same_reference_is_the_same_charge_and_another_amount_is_refused(merchant: Merchant) -> None:
    reference = fresh_reference()
    first = merchant.generate(reference, 50_000).json()

    again = merchant.generate(reference, 50_000).json()
    other = merchant.generate(reference, 60_000)

    assert (again["qrContent"], again["referenceNo"]) == (first["qrContent"], first["referenceNo"])
    assert _code(other) == (409, "4094701")
    assert merchant.query(reference)["amount"] == rupiah(50_000)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", "4004700"),
        (b"[]", "4004700"),
        ({"amount": rupiah(1000)}, "4004702"),
        ({"partnerReferenceNo": "x"}, "4004702"),
        ({"partnerReferenceNo": 7, "amount": rupiah(1000)}, "4004701"),
        ({"partnerReferenceNo": "x", "amount": {"value": "1000", "currency": "IDR"}}, "4004701"),
        ({"partnerReferenceNo": "x", "amount": {"value": "0.00", "currency": "IDR"}}, "4004701"),
        ({"partnerReferenceNo": "x", "amount": {"value": "10.50", "currency": "IDR"}}, "4004701"),
        ({"partnerReferenceNo": "x", "amount": {"value": "1000.00", "currency": "USD"}}, "4004701"),
        ({"partnerReferenceNo": "x", "amount": {"value": "9999999999999.00", "currency": "IDR"}}, "4004701"),
        ({"partnerReferenceNo": "x", "amount": rupiah(1000), "validityPeriod": "besok"}, "4004701"),
        ({"partnerReferenceNo": "x", "amount": rupiah(1000), "validityPeriod": now(timedelta(hours=-1))}, "4004701"),
    ],
)
def test_a_malformed_body_is_refused_by_name(merchant: Merchant, body: dict[str, Any] | bytes, expected: str) -> None:
    assert _code(merchant.call(GENERATE, body)) == (400, expected)


def test_a_payment_is_told_by_a_signed_callback_until_it_is_answered_200(
    merchant: Merchant, receiver: Receiver
) -> None:
    reference = fresh_reference()
    content = merchant.generate(reference, 50_000).json()["qrContent"]
    receiver.statuses[reference] = [503, 401]

    paid = merchant.pay(qrContent=content)

    assert paid.status_code == 202
    wait_until(lambda: len(receiver.of(reference)) == 3, "the callback came a third time")
    wait_until(lambda: _states(merchant, reference) == ["delivered"], "the callback is marked as delivered")
    callbacks = receiver.of(reference)
    assert all(callback.is_signed_by(merchant.keys) for callback in callbacks)
    assert len({callback.headers["x-external-id"] for callback in callbacks}) == 3
    assert len({callback.raw for callback in callbacks}) == 1
    assert callbacks[0].path == "/v1/payments/callbacks/qris"
    assert callbacks[0].headers["x-partner-id"] == merchant.keys.client_id
    notice = callbacks[0].body
    assert notice["latestTransactionStatus"] == "00"
    assert notice["amount"] == rupiah(50_000)
    assert notice["originalReferenceNo"] == paid.json()["referenceNo"]
    assert merchant.query(reference)["latestTransactionStatus"] == "00"
    assert _code(merchant.pay(partnerReferenceNo=reference)) == (404, "4045014")


def _states(merchant: Merchant, reference: str) -> list[str]:
    charge = merchant.http.get(f"{merchant.url}/sandbox/charges/{reference}").json()
    return [notification["state"] for notification in charge["notifications"]]


def test_a_notification_can_be_doubled_delayed_and_of_another_amount(merchant: Merchant, receiver: Receiver) -> None:
    reference = fresh_reference()
    merchant.generate(reference, 50_000)

    merchant.pay(partnerReferenceNo=reference, times=3, delay_seconds=0.3, amount=49_000)

    assert merchant.query(reference)["latestTransactionStatus"] == "00"
    wait_until(lambda: len(receiver.of(reference)) == 3, "all three copies came")
    assert [callback.body["amount"] for callback in receiver.of(reference)] == [rupiah(49_000)] * 3
    assert len({callback.raw for callback in receiver.of(reference)}) == 1


def test_of_two_buyers_at_once_one_pays(merchant: Merchant) -> None:
    reference = fresh_reference()
    merchant.generate(reference, 50_000)

    with ThreadPoolExecutor(8) as buyers:
        answers = list(buyers.map(lambda _: merchant.pay(partnerReferenceNo=reference).status_code, range(8)))

    assert sorted(answers) == [202] + [404] * 7
    assert len(_states(merchant, reference)) == 1


def test_an_expired_charge_is_refused_unless_the_buyer_is_late_on_purpose(
    merchant: Merchant, receiver: Receiver
) -> None:
    reference = fresh_reference()
    merchant.generate(reference, 50_000, validityPeriod=now(timedelta(seconds=2)))
    wait_until(lambda: merchant.query(reference)["transactionStatusDesc"] == "Expired", "the charge has expired")

    refused = merchant.pay(partnerReferenceNo=reference)

    assert _code(refused) == (403, "4035015")
    assert receiver.of(reference) == []
    assert _code(merchant.generate(reference, 50_000, validityPeriod=now(timedelta(seconds=-1)))) == (200, "2004700")
    assert merchant.pay(partnerReferenceNo=reference, even_if_expired=True).status_code == 202
    wait_until(lambda: len(receiver.of(reference)) == 1, "the late payment was told")


def test_a_cancelled_charge_stays_unpaid_and_a_paid_one_is_not_cancelled(merchant: Merchant) -> None:
    reference, paid = fresh_reference(), fresh_reference()
    merchant.generate(reference, 1000)
    merchant.generate(paid, 1000)
    merchant.pay(partnerReferenceNo=paid)
    path = "/v1.0/qr/qr-mpm-cancel"

    assert _code(merchant.call(path, {"originalPartnerReferenceNo": reference})) == (200, "2007700")
    assert _code(merchant.call(path, {"originalPartnerReferenceNo": reference})) == (200, "2007700")
    assert _code(merchant.call(path, {"originalPartnerReferenceNo": paid})) == (404, "4047714")
    assert _code(merchant.call(path, {"originalPartnerReferenceNo": "unknown"})) == (404, "4047701")
    assert _code(merchant.pay(partnerReferenceNo=reference)) == (403, "4035015")
    assert merchant.query(reference)["latestTransactionStatus"] == "05"


def test_refunds_are_given_once_and_never_above_what_was_paid(merchant: Merchant) -> None:
    reference = fresh_reference()
    merchant.generate(reference, 50_000)

    def refund(number: str, amount_minor: int) -> httpx2.Response:
        body = {
            "originalPartnerReferenceNo": reference,
            "partnerRefundNo": f"{number}-{reference[:40]}",
            "refundAmount": rupiah(amount_minor),
        }
        return merchant.call("/v1.0/qr/qr-mpm-refund", body)

    assert _code(refund("R1", 20_000)) == (403, "4037815")  # nobody paid yet
    merchant.pay(partnerReferenceNo=reference)
    first, again = refund("R1", 20_000), refund("R1", 20_000)
    assert _code(first) == (200, "2007800")
    assert again.json() == first.json()
    assert _code(refund("R1", 10_000)) == (409, "4097801")
    assert _code(refund("R2", 30_001)) == (403, "4037802")
    assert merchant.query(reference)["additionalInfo"]["refundedAmount"] == rupiah(20_000)
    assert _code(refund("R2", 30_000)) == (200, "2007800")
    assert merchant.query(reference)["latestTransactionStatus"] == "04"


def test_a_virtual_account_is_made_paid_and_deleted(merchant: Merchant, receiver: Receiver) -> None:
    reference, other = fresh_reference(), fresh_reference()
    body = {"trxId": reference, "totalAmount": rupiah(125_000), "expiredDate": now(timedelta(hours=1))}
    made = merchant.call("/v1.0/transfer-va/create-va", body)
    number = made.json()["virtualAccountData"]["virtualAccountNo"]
    merchant.call("/v1.0/transfer-va/create-va", {**body, "trxId": other})

    assert _code(made) == (200, "2002700")
    assert merchant.call("/v1.0/transfer-va/create-va", body).json() == made.json()
    assert _code(merchant.call("/v1.0/transfer-va/create-va", {**body, "totalAmount": rupiah(1)})) == (409, "4092701")
    taken = {**body, "trxId": fresh_reference(), "virtualAccountNo": number}
    assert _code(merchant.call("/v1.0/transfer-va/create-va", taken)) == (409, "4092701")
    assert merchant.pay(virtualAccountNo=number.strip()).status_code == 202
    wait_until(lambda: len(receiver.of(reference)) == 1, "the payment was told")
    assert receiver.of(reference)[0].body["virtualAccountNo"] == number
    assert receiver.of(reference)[0].body["additionalInfo"]["channel"] == "va"
    assert _code(merchant.call("/v1.0/transfer-va/delete-va", {"trxId": reference})) == (404, "4043114")
    assert _code(merchant.call("/v1.0/transfer-va/delete-va", {"trxId": other})) == (200, "2003100")
    assert _code(merchant.pay(partnerReferenceNo=other)) == (403, "4035015")


def test_a_kill_loses_no_charge_no_payment_and_no_callback(tmp_path: Path) -> None:
    late = Receiver()
    late.close()  # its port is free again: the merchant is down
    sandbox = Sandbox("deploy.sandbox.payments", tmp_path, LUMBUNG_PAYMENT_CALLBACK_URL=late.url)
    sandbox.start()
    merchant = signed_in(sandbox)
    reference, unpaid = fresh_reference(), fresh_reference()
    merchant.generate(unpaid, 1000)
    content = merchant.generate(reference, 50_000).json()["qrContent"]
    merchant.pay(qrContent=content)

    sandbox.kill()
    back = Receiver(port=httpx2.URL(late.url).port)
    sandbox.start()

    try:
        wait_until(lambda: len(back.of(reference)) >= 1, "the callback came after the restart")
        assert back.of(reference)[0].is_signed_by(merchant.keys)
        assert merchant.query(reference)["latestTransactionStatus"] == "00"  # with the token of before
        assert merchant.query(unpaid)["latestTransactionStatus"] == "01"
        assert merchant.generate(reference, 50_000).json()["qrContent"] == content
    finally:
        merchant.http.close()
        sandbox.stop()
        back.close()


def test_synchronous_mode_answers_at_once_and_the_same_for_the_same_reference(
    tmp_path: Path, receiver: Receiver
) -> None:
    sandbox = Sandbox(
        "deploy.sandbox.payments",
        tmp_path,
        LUMBUNG_PAYMENT_CALLBACK_URL=receiver.url,
        LUMBUNG_SANDBOX_SYNCHRONOUS="1",
        LUMBUNG_SANDBOX_ACCEPTANCE="0.9",
    )
    sandbox.start()
    merchant = signed_in(sandbox)
    try:
        answers = [merchant.generate(f"OM-{n}", 1000).json()["latestTransactionStatus"] for n in range(200)]
        again = [merchant.generate(f"OM-{n}", 1000).json()["latestTransactionStatus"] for n in range(200)]
    finally:
        merchant.http.close()
        sandbox.stop()

    assert again == answers
    assert set(answers) == {"00", "06"}
    assert 165 <= answers.count("00") <= 195
    assert receiver.of("OM-0") == []


def test_a_person_can_pay_from_the_page(merchant: Merchant, receiver: Receiver) -> None:
    reference = fresh_reference()
    merchant.generate(reference, 1_234_567)

    page = merchant.http.get(f"{merchant.url}/").text
    answer = merchant.http.post(f"{merchant.url}/sandbox/page/pay", data={"partner_reference": reference})

    assert "Rp1.234.567" in page
    assert reference in page
    assert "<script" not in page
    assert (answer.status_code, answer.headers["location"]) == (303, "/?message=dibayar")
    wait_until(lambda: len(receiver.of(reference)) == 1, "the payment was told")
    assert "Lunas" in merchant.http.get(f"{merchant.url}/").text


def test_the_page_escapes_what_merchants_write(merchant: Merchant) -> None:
    merchant.generate(f"<script>alert(1)</script>{fresh_reference()[:20]}", 1000)

    assert "<script" not in merchant.http.get(f"{merchant.url}/").text


def test_keys_are_private_and_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as starters:
        made = list(starters.map(ensure_keys, [tmp_path / "keys"] * 4))

    assert len(set(made)) == 1
    files = [file for file in (tmp_path / "keys").iterdir() if file.suffix == ".pem"]
    assert len(files) == 4
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
