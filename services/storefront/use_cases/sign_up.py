"""Open an account at identity."""

from services.storefront.upstream import Network


async def sign_up(network: Network, contact: dict[str, str], *, name: str, password: str, visitor: str | None) -> None:
    """Register somebody by phone, or by e-mail with a password. Raises Refused or Unreachable.

    A contact that is taken is not refused, so that nobody learns who has an account; the sign-in that follows tells.
    """
    person = {**contact, "name": name}
    if password:
        person["password"] = password
    await network.identity.call("POST", "/v1/accounts", json=person, visitor=visitor)
