"""What identity refuses. Errors of `POST /v1/token` carry RFC 6749's `error` member beside the problem document."""

from collections.abc import Mapping
from typing import Any, ClassVar

from shared.problems import Problem, TooMany


class TooManyCodes(TooMany):
    """Too many codes were asked for; use the last one, or wait."""

    slug = "too-many-codes"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "60"}


class TooManyAttempts(TooMany):
    """Too many wrong attempts; wait before the next one."""

    slug = "too-many-attempts"
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "60"}


class WrongCode(Problem):
    """The code is wrong, was used, or is too old."""

    status = 403
    slug = "wrong-code"


class TokenRefusal(Problem):
    """No token is given."""

    status = 400
    error: ClassVar[str]

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        super().__init__(detail, error=self.error, **members)


class InvalidRequest(TokenRefusal):
    """The request for a token is malformed."""

    slug = "invalid-request"
    error = "invalid_request"


class InvalidGrant(TokenRefusal):
    """The contact, password, code or refresh token is wrong, was used, or is too old."""

    slug = "invalid-grant"
    error = "invalid_grant"


class InvalidClient(TokenRefusal):
    """The client id or secret is wrong."""

    status = 401
    slug = "invalid-client"
    error = "invalid_client"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Basic realm="lumbung"'}


class UnsupportedGrantType(TokenRefusal):
    """This grant_type is not known here."""

    slug = "unsupported-grant-type"
    error = "unsupported_grant_type"


class InvalidScope(TokenRefusal):
    """The client may not have this scope."""

    slug = "invalid-scope"
    error = "invalid_scope"
