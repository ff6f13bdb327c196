"""What the identity service is told by its environment, beyond what every service is told."""

from pydantic import Field, SecretStr

from shared.settings import ServiceSettings


class IdentitySettings(ServiceSettings):
    """The server's own key, the notice channel, the cost of passwords, limits."""

    identity_key: SecretStr = Field(
        min_length=32,
        description="Long random text. Signing keys are stored encrypted with it, one-time codes follow from it.",
    )
    notices_url: str = Field(description="The notice channel: `POST {url}/messages`.")
    notices_token: SecretStr = Field(default=SecretStr(""), description="Bearer token of the notice channel.")
    notices_timeout_seconds: float = Field(default=5, gt=0)
    access_token_seconds: int = Field(default=600, ge=30, le=3000, description="How long an access token is good.")
    password_memory_kib: int = Field(default=19_456, ge=1024, description="argon2id memory per hash.")
    password_passes: int = Field(default=2, ge=1, description="argon2id passes.")
    password_threads: int = Field(default=2, ge=1, le=32, description="Hashes computed at the same time.")
    password_waiting_max: int = Field(default=200, ge=1, description="More waiting hashes than this are answered 503.")
    address_burst: int = Field(
        default=300, ge=1, description="Codes, and wrong attempts, at once from one network address."
    )
    address_every_seconds: float = Field(default=1, gt=0, description="After which one more is allowed.")
    forget_seconds: float = Field(default=600, gt=0, description="How often expired sessions and codes are deleted.")
