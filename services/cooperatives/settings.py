"""What the cooperatives service is told by its environment, beyond what every service is told."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class CooperativesSettings(ServiceSettings):
    """The key of identity numbers, and how long a link code lives."""

    members_key: SecretStr = Field(
        min_length=32, description="Keys the hashes of identity numbers and link codes; a new one finds nobody again."
    )
    link_code_seconds: float = Field(default=604_800, gt=0, description="How long a member's link code may be used.")
    surplus_before_year_end: bool = Field(
        default=False, description="For demonstrations only: a surplus may be divided before its book year is over."
    )
