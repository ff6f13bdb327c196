"""Cases of qris.json and snap.json: payment codes, signatures, response codes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from deploy.vectors.cases import Answer, Case, Check, Reason
from shared import qris, snap


def _crc(case: Case, _file: Mapping[str, Any]) -> Answer:
    return {"crc": qris.crc16(case["input"])}


def _parse(case: Case, _file: Mapping[str, Any]) -> Answer:
    payload = qris.parse(case["input"])
    return {
        "crc": payload.crc,
        "crc_ok": payload.is_crc_correct,
        "tags": [[tag.id, tag.value] for tag in payload.tags],
        "amount": payload.value("54"),
        "currency": payload.currency,
        "poi": payload.point_of_initiation,
        "nmid": payload.nmid,
        "criteria": payload.criteria,
        "mpan": payload.merchant_pan,
        "merchant_name": payload.merchant_name,
        "city": payload.city,
        "postal": payload.postal,
        "bill_number": payload.bill_number,
        "reference": payload.reference,
        "terminal": payload.terminal,
    }


def _build(case: Case, _file: Mapping[str, Any]) -> Answer:
    payload = qris.build([qris.Tag(*tag) for tag in case["input"]["tags"]])
    payable = qris.read_qris(payload).payable  # raises when what we built could not be paid
    return {
        "payload": payload,
        "crc": payload[-4:],
        "payable": None if payable is None else _plain(payable),
    }


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _static_to_dynamic(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    dynamic = qris.static_to_dynamic(
        given["static"],
        amount=Decimal(given["amount"]),
        reference=given.get("reference"),
        fee=_fee(given.get("fee")),
    )
    return {"dynamic": dynamic, "crc": dynamic[-4:]}


def _fee(given: Mapping[str, str] | None) -> qris.Fee | None:
    if given is None:
        return None
    if "fixed" in given:
        return qris.FixedFee(Decimal(given["fixed"]))
    return qris.PercentFee(Decimal(given["percent"]))


def _invalid(case: Case, _file: Mapping[str, Any]) -> Answer:
    try:
        payload = qris.read_qris(case["input"])
    except qris.QrisError as refused:
        return {"result": "reject", "reason": Reason(str(refused))}
    warnings = qris.inspect(payload).warnings
    return {"result": "warn" if warnings else "accept", "reason": Reason(warnings[0] if warnings else "")}


def _luhn_pan(case: Case, _file: Mapping[str, Any]) -> Answer:
    return {"check_digit": qris.luhn_digit(case["input"])}


QRIS_CHECKS: dict[str, Check] = {
    "crc": _crc,
    "parse": _parse,
    "build": _build,
    "static_to_dynamic": _static_to_dynamic,
    "invalid": _invalid,
    "luhn_pan": _luhn_pan,
}


def _transaction(case: Case) -> snap.Transaction:
    given = case["input"]
    return snap.Transaction(given["method"], given["path"], given["body_raw"].encode(), given["timestamp"])


def _token(case: Case, file: Mapping[str, Any]) -> Answer:
    """Files carry public keys only, so RSA signatures are verified, and must not verify a changed text."""
    given, signature = case["input"], case["expect"]["x_signature"]
    key = snap.load_public_key(file["keys"][given["key"]]["public_pem"].encode())
    client_id, timestamp = given["client_id"], given["timestamp"]
    is_good = snap.verify_token_request(key, signature, client_id=client_id, timestamp=timestamp)
    is_fooled = snap.verify_token_request(key, signature, client_id=f"{client_id}X", timestamp=timestamp)
    return {
        "string_to_sign": snap.token_string_to_sign(client_id, timestamp),
        "x_signature": signature if is_good and not is_fooled else "does not verify",
    }


def _symmetric(case: Case, _file: Mapping[str, Any]) -> Answer:
    given, transaction = case["input"], _transaction(case)
    secret, token = given["client_secret"], given["access_token"]
    signature = snap.sign_symmetric(secret, transaction, access_token=token)
    is_good = snap.verify_symmetric(secret, case["expect"]["x_signature"], transaction, access_token=token)
    return {
        "body_minified": snap.minify(transaction.body).decode(),
        "body_sha256": snap.body_hash(transaction.body),
        "string_to_sign": snap.transaction_string_to_sign(transaction, token),
        "x_signature": signature if is_good else "does not verify",
    }


def _asymmetric(case: Case, file: Mapping[str, Any]) -> Answer:
    signature, transaction = case["expect"]["x_signature"], _transaction(case)
    key = snap.load_public_key(file["keys"][case["input"]["key"]]["public_pem"].encode())
    is_good = snap.verify_asymmetric(key, signature, transaction)
    is_fooled = snap.verify_asymmetric(key, signature, replace(transaction, body=transaction.body + b"."))
    return {
        "body_minified": snap.minify(transaction.body).decode(),
        "body_sha256": snap.body_hash(transaction.body),
        "string_to_sign": snap.transaction_string_to_sign(transaction),
        "x_signature": signature if is_good and not is_fooled else "does not verify",
    }


def _later(transaction: snap.Transaction, match: re.Match[str]) -> snap.Transaction:
    moment = snap.parse_timestamp(transaction.timestamp)
    if moment is None:
        raise ValueError(f"{transaction.timestamp} is no timestamp")
    return replace(transaction, timestamp=(moment + timedelta(seconds=int(match[1]))).isoformat())


Change = Callable[[snap.Transaction, re.Match[str]], snap.Transaction]
CHANGES: dict[str, Change] = {
    r"timestamp \+ (\d+) seconds?": _later,
    r"lower-case method.*": lambda transaction, _: replace(transaction, method=transaction.method.lower()),
    r"path.*": lambda transaction, _: replace(transaction, path=transaction.path + "/x"),
    r"body.*": lambda transaction, _: replace(transaction, body=transaction.body + b"x"),
}


def _must_fail(case: Case, file: Mapping[str, Any]) -> Answer:
    based_on = next(other for other in file["vectors"] if other["id"] == case["input"]["based_on"])
    wording = case["input"]["change"]
    for pattern, change in CHANGES.items():
        if match := re.fullmatch(pattern, wording):
            changed = change(_transaction(based_on), match)
            break
    else:
        raise ValueError(f"no change known as {wording!r}")
    given, signature = based_on["input"], based_on["expect"]["x_signature"]
    if changed == _transaction(based_on):
        raise ValueError(f"{wording!r} changes nothing")
    if based_on["kind"] == "asymmetric_transaction":
        key = snap.load_public_key(file["keys"][given["key"]]["public_pem"].encode())
        return {"verifies": snap.verify_asymmetric(key, signature, changed)}
    secret, token = given["client_secret"], given["access_token"]
    return {"verifies": snap.verify_symmetric(secret, signature, changed, access_token=token)}


def _response_code(case: Case, _file: Mapping[str, Any]) -> Answer:
    given = case["input"]
    return {"code": snap.response_code(given["http"], given["service"], given["case"])}


SNAP_CHECKS: dict[str, Check] = {
    "asymmetric_token": _token,
    "symmetric": _symmetric,
    "asymmetric_transaction": _asymmetric,
    "must_fail": _must_fail,
    "response_code": _response_code,
}
