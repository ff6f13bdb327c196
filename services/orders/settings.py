"""What the orders service is told by its environment, beyond what every service is told."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from shared.settings import ServiceSettings


class OrdersSettings(ServiceSettings):
    """The clock of orders, the payment provider, the shipping tariff."""

    payment_seconds: float = Field(default=900, gt=0, description="From reserved stock to the end of the time to pay.")
    payment_check_seconds: float = Field(
        default=60, gt=0, description="So long an overdue order waits for the provider's word before it expires."
    )
    completion_seconds: float = Field(
        default=259_200, gt=0, description="From delivery to completion by the clock, when the buyer says nothing."
    )
    stock_answer_seconds: float = Field(
        default=60, gt=0, description="An order that waits longer for catalog's answer is listed as stuck."
    )
    sweep_seconds: float = Field(default=1, gt=0, description="How often overdue orders and parcels are looked for.")
    shipping_file: Path = Field(
        default=Path(__file__).with_name("shipping.json"), description="Dated shipping rates, JSON."
    )
    rules_file: Path = Field(
        default=Path(__file__).with_name("rules.json"), description="Commission and taxes as dated rules, JSON."
    )
    order_batch: int = Field(default=128, ge=1, le=1000, description="Most orders that share one transaction.")

    payments_url: str = Field(default="", description="The SNAP provider; empty: no charge can be made.")
    payments_client_id: str = ""
    payments_client_secret: SecretStr = SecretStr("")
    payments_private_key_file: Path | None = None
    payments_provider_public_key_file: Path | None = Field(
        default=None, description="Verifies the provider's notifications; without it all are refused."
    )
    payments_clock_window_seconds: float = Field(
        default=300, gt=0, description="How far a notification's time may be from ours."
    )
    payments_callback_path: str = Field(
        default="", description="The path that the provider signs, when a proxy changes it; empty: as requested."
    )

    bank_url: str = Field(default="", description="The bank for payouts; empty: officers carry files and answers.")
    bank_token: SecretStr = Field(default=SecretStr(""), description="Names us to the bank.")
    bank_secret: SecretStr = Field(default=SecretStr(""), description="Signs files to the bank, proves its answers.")
    payout_interval_seconds: float = Field(
        default=0, ge=0, description="How often the clock drafts a batch of payouts; 0: only officers do."
    )

    @model_validator(mode="after")
    def _bank_is_known_by_its_secret(self) -> "OrdersSettings":
        """With an empty secret anybody's answer would look like the bank's."""
        if self.bank_url and not (self.bank_token.get_secret_value() and self.bank_secret.get_secret_value()):
            raise ValueError("a bank needs LUMBUNG_BANK_TOKEN and LUMBUNG_BANK_SECRET")
        return self
