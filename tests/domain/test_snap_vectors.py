"""SNAP signatures and codes against the vectors; a kind of case that nobody taught this file fails."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared import snap

FOLDER = Path(os.environ.get("VECTORS_DIR") or Path(__file__).parent.parent / "vectors")
FILE: dict[str, Any] = json.loads((FOLDER / "snap.json").read_text())
CASES: list[dict[str, Any]] = FILE["vectors"]


def _public_key(case: dict[str, Any]) -> rsa.RSAPublicKey:
    return snap.load_public_key(FILE["keys"][case["input"]["key"]]["public_pem"].encode())


def _transaction(case: dict[str, Any]) -> snap.Transaction:
    given = case["input"]
    return snap.Transaction(given["method"], given["path"], given["body_raw"].encode(), given["timestamp"])


def _check_token(case: dict[str, Any]) -> None:
    named = {"client_id": case["input"]["client_id"], "timestamp": case["input"]["timestamp"]}

    assert snap.token_string_to_sign(**named) == case["expect"]["string_to_sign"]
    assert snap.verify_token_request(_public_key(case), case["expect"]["x_signature"], **named)
    assert not snap.verify_token_request(
        _public_key(case), case["expect"]["x_signature"], **{**named, "client_id": "SOMEBODY-ELSE"}
    )


def _check_symmetric(case: dict[str, Any]) -> None:
    given, expect, transaction = case["input"], case["expect"], _transaction(case)

    assert snap.minify(transaction.body).decode() == expect["body_minified"]
    assert snap.body_hash(transaction.body) == expect["body_sha256"]
    assert snap.transaction_string_to_sign(transaction, given["access_token"]) == expect["string_to_sign"]
    signature = snap.sign_symmetric(given["client_secret"], transaction, access_token=given["access_token"])
    assert signature == expect["x_signature"]
    assert _verifies_symmetric(case, transaction)


def _verifies_symmetric(case: dict[str, Any], transaction: snap.Transaction) -> bool:
    given = case["input"]
    return snap.verify_symmetric(
        given["client_secret"], case["expect"]["x_signature"], transaction, access_token=given["access_token"]
    )


def _check_asymmetric_transaction(case: dict[str, Any]) -> None:
    expect, transaction = case["expect"], _transaction(case)

    assert snap.body_hash(transaction.body) == expect["body_sha256"]
    assert snap.transaction_string_to_sign(transaction) == expect["string_to_sign"]
    assert snap.verify_asymmetric(_public_key(case), expect["x_signature"], transaction)
    assert not snap.verify_asymmetric(_public_key(case), expect["x_signature"], replace(transaction, body=b"{}"))


CHANGES: dict[str, Callable[[snap.Transaction], snap.Transaction]] = {
    "timestamp + 1 second": lambda original: replace(original, timestamp="2026-01-15T10:21:01+07:00"),
    "lower-case method 'post'": lambda original: replace(original, method="post"),
}


def _check_must_fail(case: dict[str, Any]) -> None:
    based_on = next(other for other in CASES if other["id"] == case["input"]["based_on"])
    assert based_on["kind"] == "symmetric"
    original = _transaction(based_on)
    assert case["input"]["change"] in CHANGES, f"no change known as {case['input']['change']!r}"

    changed = CHANGES[case["input"]["change"]](original)

    assert changed != original
    assert _verifies_symmetric(based_on, changed) is case["expect"]["verifies"]


def _check_response_code(case: dict[str, Any]) -> None:
    given = case["input"]
    assert snap.response_code(given["http"], given["service"], given["case"]) == case["expect"]["code"]


CHECKS = {
    "asymmetric_token": _check_token,
    "symmetric": _check_symmetric,
    "asymmetric_transaction": _check_asymmetric_transaction,
    "must_fail": _check_must_fail,
    "response_code": _check_response_code,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']}-{case['kind']}")
def test_snap_vector(case: dict[str, Any]) -> None:
    assert case["kind"] in CHECKS, f"no check for the kind of case {case['kind']!r}"
    CHECKS[case["kind"]](case)


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOTICE = snap.Transaction("POST", "/v1/payments/callbacks/qris", b'{"a": 1}', "2026-01-15T10:20:30+07:00")


def test_what_one_key_signs_only_its_other_half_verifies() -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = snap.sign_asymmetric(KEY, NOTICE)
    token = snap.sign_token_request(KEY, client_id="c", timestamp="t")

    assert snap.verify_asymmetric(KEY.public_key(), signature, NOTICE)
    assert not snap.verify_asymmetric(stranger.public_key(), signature, NOTICE)
    assert snap.verify_token_request(KEY.public_key(), token, client_id="c", timestamp="t")
    assert not snap.verify_token_request(stranger.public_key(), token, client_id="c", timestamp="t")


@pytest.mark.parametrize("signature", ["", "=", "bukan tanda tangan", "AAAA", "é", "\ud800"])
def test_a_malformed_signature_is_false_and_not_an_error(signature: str) -> None:
    assert not snap.verify_asymmetric(KEY.public_key(), signature, NOTICE)
    assert not snap.verify_token_request(KEY.public_key(), signature, client_id="c", timestamp="t")
    assert not snap.verify_symmetric("secret", signature, NOTICE, access_token="t")


def test_a_token_is_never_signed_with_its_bearer_word() -> None:
    assert snap.bearer_token("Bearer abc") == "abc"
    assert snap.bearer_token("abc") is None
    with pytest.raises(AssertionError):
        snap.sign_symmetric("secret", NOTICE, access_token="Bearer abc")
    assert not snap.verify_symmetric("secret", "x", NOTICE, access_token="Bearer abc")


@pytest.mark.parametrize(
    ("body", "minified"),
    [
        (b'{ "a" : "b \\" c" , "d" : [ 1 , 2.50 ] }', b'{"a":"b \\" c","d":[1,2.50]}'),
        (b'{"a": "\\\\" , "b": 1}', b'{"a":"\\\\","b":1}'),
        (b'{"kota": "Ser\xc3\xa1ng  Banten"}\n', b'{"kota":"Ser\xc3\xa1ng  Banten"}'),
        (b'{"never closed   ', b'{"never closed   '),
    ],
)
def test_minify_touches_only_space_between_tokens(body: bytes, minified: bytes) -> None:
    assert snap.minify(body) == minified


def test_a_hostile_body_is_minified_in_linear_time() -> None:
    started = time.perf_counter()

    snap.minify(b'"' + b'\\"' * 500_000)

    assert time.perf_counter() - started < 2


def test_timestamps_carry_an_offset() -> None:
    assert snap.format_timestamp(datetime(2026, 1, 15, 3, 20, 30, tzinfo=UTC)) == "2026-01-15T10:20:30+07:00"
    assert snap.parse_timestamp("2026-01-15T10:20:30+07:00") == datetime(2026, 1, 15, 3, 20, 30, tzinfo=UTC)
    assert snap.parse_timestamp("2026-01-15T10:20:30") is None
    assert snap.parse_timestamp("kemarin") is None
