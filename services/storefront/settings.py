"""What the storefront is told by its environment, beyond what every service is told."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class StorefrontSettings(ServiceSettings):
    """Where the other services are, how people reach this one, and what seals their sessions."""

    catalog_url: str = Field(description="Products, shops, search.")
    orders_url: str = Field(description="Carts, orders, parcels.")
    cooperatives_url: str = Field(description="Cooperatives, members, savings, meetings.")
    financing_url: str = Field(description="Consents, applications, offers, loans; the lenders' desk.")
    programmes_url: str = Field(description="Trainings, certificates, indicators.")
    storefront_url: str = Field(description="The address in people's browsers; https makes cookies Secure.")
    session_key: SecretStr = Field(
        min_length=32,
        description="Seals the tokens of sessions and signs form tokens; changing it signs everybody out.",
    )
    session_days: int = Field(default=30, ge=1, le=90, description="A session ends so long after it began.")
    upstream_seconds: float = Field(default=6, gt=0, le=30, description="Longest wait for an answer of a service.")

    @property
    def is_https(self) -> bool:
        """Whether people come over https."""
        return self.storefront_url.startswith("https://")
