"""The environment of the sandboxes, read once when a process starts.

What must stay true: sandboxes listen on this machine only unless told otherwise, because whoever reaches the payment
sandbox can pay.
"""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PAYMENTS_OFFSET = 90
NOTICES_OFFSET = 91
BANK_OFFSET = 94


class SandboxSettings(BaseSettings):
    """What all sandboxes need; every name is prefixed `LUMBUNG_` in the environment."""

    model_config = SettingsConfigDict(env_prefix="LUMBUNG_", frozen=True)

    http_host: str = "127.0.0.1"
    http_port: int | None = Field(default=None, ge=1, le=65535)
    port_base: int = Field(default=8000, ge=1024, le=65000)
    sandbox_dir: Path = Path(".local/stack/sandbox")

    def port(self, offset: int) -> int:
        """The port to listen on: the given one, else the sandbox's place above the stack's base."""
        return self.http_port or self.port_base + offset


class PaymentSettings(SandboxSettings):
    """The payment provider's own knobs."""

    payment_callback_url: str = ""
    sandbox_synchronous: bool = False
    sandbox_acceptance: float = Field(default=1.0, ge=0, le=1, description="Share of charges paid at once.")
    sandbox_clock_window_seconds: int = Field(default=300, ge=1)

    @property
    def callback_url(self) -> str:
        """Where notifications go: the orders service of the local stack unless another is named."""
        return self.payment_callback_url or f"http://127.0.0.1:{self.port_base + 3}/v1/payments/callbacks/qris"


class NoticeSettings(SandboxSettings):
    """The notice channel's own knob: senders must show this token when it is set."""

    notices_token: str = ""


class BankSettings(SandboxSettings):
    """The bank's own knobs. Without a token it refuses everybody."""

    bank_token: str = ""
    bank_secret: str = ""
    bank_settle_seconds: float = Field(default=1.0, ge=0, le=86_400, description="From the file to its settlement.")
    sandbox_clock_window_seconds: int = Field(default=300, ge=1)


def private_folder(folder: Path) -> Path:
    """The folder, made so that only its owner can read what is inside."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # mkdir would apply the umask, and leave an existing folder as it is
    return folder
