"""SNAP signatures beyond the vectors: strangers' keys, malformed signatures, hostile bodies."""

import time
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared import snap

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
