"""What the programmes service is told by its environment, beyond what every service is told."""

from pydantic import Field

from shared.settings import ServiceSettings


class ProgrammesSettings(ServiceSettings):
    """Where certificates are verified, and how often months that are over are looked for."""

    programmes_url: str = Field(description="This service's own address.")
    verification_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s]+)?$",
        description="The public address below which QR codes of certificates lead; empty: this service's own.",
    )
    pooling_seconds: float = Field(
        default=3600, gt=0, description="How often figures of months that are over are put together for provinces."
    )

    def verification_address(self, number: str) -> str:
        """Where anybody can verify the certificate with this number."""
        return f"{(self.verification_url or self.programmes_url).rstrip('/')}/v1/certificates/{number}/verify"
