"""Open an account at identity."""

from services.storefront.upstream import Network


async def sign_up(network: Network, contact: dict[str, str], *, name: str, password: str) -> None:
    """Register somebody by phone or e-mail, with or without a password. Raises Refused or Unreachable."""
    person = {**contact, "name": name}
    if password:
        person["password"] = password
    await network.identity.call("POST", "/v1/accounts", json=person)
