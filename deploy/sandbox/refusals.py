"""What the payment sandbox refuses, in SNAP's words: HTTP status, two digits of case, a message of at most 150."""

from shared import snap


class Refusal(Exception):
    """A call that is answered with an error body; nothing was changed."""

    def __init__(self, http_status: int, case: str, message: str) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.case = case
        self.message = message[:150]

    def body(self, service: str) -> dict[str, str]:
        """The answer's body for the service that was called."""
        return {
            "responseCode": snap.response_code(self.http_status, service, self.case),
            "responseMessage": self.message,
        }


def bad_request(why: str) -> Refusal:
    """The body is no JSON object."""
    return Refusal(400, "00", f"Bad Request. {why}")


def invalid_field(name: str, why: str) -> Refusal:
    """A field or header is there and malformed."""
    return Refusal(400, "01", f"Invalid Field Format {name}: {why}")


def missing_field(name: str) -> Refusal:
    """A field or header that must be there is not."""
    return Refusal(400, "02", f"Invalid Mandatory Field {name}")


def unauthorized(why: str) -> Refusal:
    """The signature, the partner or the timestamp is wrong."""
    return Refusal(401, "00", f"Unauthorized. {why}")


def invalid_token() -> Refusal:
    """The access token is unknown or has run out."""
    return Refusal(401, "01", "Invalid Token (B2B)")


def token_not_found() -> Refusal:
    """There is no access token on the call."""
    return Refusal(401, "03", "Token Not Found (B2B)")


def exceeds_amount(why: str) -> Refusal:
    """More than there is to give back."""
    return Refusal(403, "02", f"Exceeds Transaction Amount Limit. {why}")


def not_permitted(why: str) -> Refusal:
    """The charge's state does not allow it."""
    return Refusal(403, "15", f"Transaction Not Permitted. {why}")


def not_found() -> Refusal:
    """No charge with this reference."""
    return Refusal(404, "01", "Transaction Not Found")


def paid_bill() -> Refusal:
    """The charge is paid, so it cannot be cancelled or deleted."""
    return Refusal(404, "14", "Paid Bill")


def external_id_reused() -> Refusal:
    """X-EXTERNAL-ID was used before today: every HTTP request needs its own."""
    return Refusal(409, "00", "Conflict. X-EXTERNAL-ID was used before today")


def duplicate_reference(name: str) -> Refusal:
    """The merchant's reference was used before, with other content."""
    return Refusal(409, "01", f"Duplicate {name}")
