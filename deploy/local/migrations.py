"""Running the migrations of every service in this tree, side by side: `python -m deploy.local.migrations`."""

from __future__ import annotations

import asyncio

from deploy.local.processes import is_present
from deploy.local.stack import SERVICES, Stack, load_stack
from shared.migrate import migrate


async def migrate_services(stack: Stack, services: list[str] | None = None) -> dict[str, list[str]]:
    """Bring the tables up to date as their owner; the migrations applied now, per service."""
    chosen = [service for service in services or SERVICES if is_present(service)]
    applied = await asyncio.gather(*(migrate(stack.owner_dsn(service), service) for service in chosen))
    return dict(zip(chosen, applied, strict=True))


def main() -> None:
    for service, names in asyncio.run(migrate_services(load_stack())).items():
        print(f"{service}: {', '.join(names) or 'up to date'}")


if __name__ == "__main__":
    main()
