"""What the financing service is told by its environment, beyond what every service is told."""

from pydantic import Field

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
