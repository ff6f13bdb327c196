"""What the financing service is told by its environment, beyond what every service is told."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class FinancingSettings(ServiceSettings):
    """The clocks of applications, offers, consents and loans."""

    sweep_seconds: float = Field(
        default=1, gt=0, description="How often applications, offers and consents whose time is over are looked for."
    )
    application_days: int = Field(default=14, ge=1, le=90, description="So long lenders may answer an application.")
    consent_days_max: int = Field(default=730, ge=1, le=3650, description="A consent holds no longer than this.")
    grading_seconds: float = Field(
        default=3600, gt=0, description="How often loans that were not graded today are looked for."
    )

    partner_key: SecretStr = Field(
        default=SecretStr(""),
        description="Seals the secrets of partners in the database; long and random. Empty: none can be made.",
    )
    webhook_local_allowed: bool = Field(
        default=False, description="Webhooks may also go to loopback addresses and over http: for one machine only."
    )
    webhook_seconds: float = Field(default=15, gt=0, le=30, description="An endpoint must have answered by then.")
    webhook_places: int = Field(default=256, ge=4, le=4096, description="Most deliveries at a time in one process.")
    webhook_overlap_seconds: float = Field(
        default=86_400, gt=0, description="After a rotation the old secret of a webhook signs beside the new one."
    )
    lender_log_days: int = Field(default=400, ge=1, description="Older entries of lenders' logs are forgotten.")
    lender_log_rows_max: int = Field(
        default=1_000_000, ge=1_000, description="Of one lender's log no more entries than this are kept."
    )
