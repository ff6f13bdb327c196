"""The categories of catalog, kept for a while: every front page shows them and they hardly ever change."""

import time
from typing import Any

from services.storefront.upstream import Network, Unreachable

KEPT_SECONDS = 60.0


class Categories:
    """The categories, asked for once a minute; the last known ones while catalog is silent."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._items: list[dict[str, Any]] = []
        self._read_at = float("-inf")

    async def all(self) -> list[dict[str, Any]]:
        """Slugs and names, in the order of pages. Raises Unreachable while none is known."""
        if time.monotonic() - self._read_at > KEPT_SECONDS:
            try:
                self._items = (await self._network.catalog.get("/v1/categories"))["items"]
            except Unreachable:
                if not self._items:
                    raise
            self._read_at = time.monotonic()
        return self._items
