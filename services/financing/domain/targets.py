"""Where a webhook may be sent: only to public addresses over https, so that nobody uses us to reach inside.

The name is resolved once per attempt and the connection goes to exactly the addresses that were looked at here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from operator import itemgetter
from typing import Final
from urllib.parse import urlsplit

from shared.problems import Problem

URL_CHARACTERS_MAX: Final = 500
PRIVILEGED_PORTS: Final = 1024
# All public IPv6 is in here; what lies outside is for one site, or reserved.
IPV6_UNICAST: Final = ip_network("2000::/3")
# Within it: addresses that carry an IPv4 address inside, which a translator decides about (RFC 3056), and those of
# documentation that the standard library does not know yet (RFC 9637).
IPV6_REFUSED: Final = (ip_network("2002::/16"), ip_network("3fff::/20"))


class BadTarget(Problem):
    """A webhook goes to a public https address without user name, password or fragment."""

    status = 422
    slug = "bad-webhook-target"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts. `path` holds the query, too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.scheme == "https" else 80) else f"{name}:{self.port}"

    def at(self, address: str) -> str:
        """The same URL with the name replaced by an address that was looked at."""
        place = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{place}:{self.port}{self.path}"


def parse(url: str, *, is_local_allowed: bool) -> Target:
    """The parts of a URL that a webhook may have. Raises BadTarget. What its name resolves to is for `check`."""
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or any(c <= " " or c in "\\\x7f" for c in url):
        raise BadTarget("the URL is too long or holds characters that need escaping")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadTarget(f"the URL cannot be read: {error}") from error
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    if not host or "@" in parts.netloc or parts.fragment:
        raise BadTarget("the URL needs a host and has no user name and no fragment")
    if scheme != "https" and not (scheme == "http" and is_local_allowed):
        raise BadTarget("only https is called")
    port = port or (443 if scheme == "https" else 80)
    if port < PRIVILEGED_PORTS and port != 443 and not is_local_allowed:
        raise BadTarget("of the ports below 1024 only 443 is called")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(scheme, host, port, path)
    literal = address_of(host)
    if literal is not None:
        check(target, [host], is_local_allowed=is_local_allowed)
    elif "." not in host and not is_local_allowed:
        raise BadTarget("the host is not a public name")
    return target


def check(target: Target, addresses: Iterable[str], *, is_local_allowed: bool) -> list[str]:
    """The addresses to connect to, IPv4 first. Raises BadTarget when there is none, or when any of them is not public.

    With `is_local_allowed` (the stack on one machine) loopback addresses pass as well.
    """
    found: list[tuple[int, str]] = []
    for text in addresses:
        address = address_of(text)
        if address is None or not (is_public(address) or (is_local_allowed and address.is_loopback)):
            raise BadTarget(f"{target.host} leads to an address that is not public")
        found.append((address.version, text))
    if not found:
        raise BadTarget(f"{target.host} has no address")
    return [text for _, text in sorted(found, key=itemgetter(0))]


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a text is; None for a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, also behind the ways to write IPv4 within IPv6."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in IPV6_UNICAST or any(address in network for network in IPV6_REFUSED):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
