"""A bank is believed by a secret; without one orders does not start."""

import pytest
from pydantic import SecretStr, ValidationError

from services.orders.settings import OrdersSettings


@pytest.mark.parametrize(("token", "secret"), [("", ""), ("token", ""), ("", "secret")])
def test_a_bank_without_a_secret_is_refused(orders_settings: OrdersSettings, token: str, secret: str) -> None:
    said = dict(orders_settings) | {
        "bank_url": "https://bank.contoh.id",
        "bank_token": SecretStr(token),
        "bank_secret": SecretStr(secret),
    }

    with pytest.raises(ValidationError, match="LUMBUNG_BANK_SECRET"):
        OrdersSettings(**said)
