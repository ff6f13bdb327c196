"""Making the passwords of the containers, once.

`python -m deploy.compose.passwords` writes `.local/compose.env`.

The file is for its owner only and never committed; docker-compose.yml refuses to start without what is in it.
"""

from __future__ import annotations

import secrets
import uuid
from base64 import urlsafe_b64encode

from deploy.local.layout import SHARED_CACHE
from deploy.local.stack import SERVICES

FILE = SHARED_CACHE / "compose.env"
PURPOSES = (
    "POSTGRES",
    "OWNER",
    "AUDIT",
    "KAFKA_ADMIN",
    "KAFKA_OBSERVER",
    "KAFKA_PARTNERS",
    *(service.upper() for service in SERVICES),
    "GRAFANA",
)
TOKENS = (
    "NOTICES_TOKEN",
    "SESSION_KEY",
    "IDENTITY_KEY",
    "MEMBERS_KEY",
    "PARTNER_KEY",
    "PAYMENTS_CLIENT_SECRET",
    "BANK_TOKEN",
    "BANK_SECRET",
)


def variables() -> dict[str, str]:
    """Fresh values for everything that docker-compose.yml wants to be told."""
    made = {f"{purpose}_PASSWORD": secrets.token_urlsafe(32) for purpose in PURPOSES}
    made |= {token: secrets.token_urlsafe(32) for token in TOKENS}
    made["PAYMENTS_CLIENT_ID"] = f"lumbung-{secrets.token_hex(6)}"
    made["KAFKA_CLUSTER_ID"] = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return made


def main() -> None:
    if FILE.exists():
        print(f"{FILE} is there already.")
        return
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.touch(mode=0o600)
    FILE.write_text("".join(f"{name}={value}\n" for name, value in variables().items()))
    print(f"Made {FILE}. Start with: docker compose --env-file {FILE} up --build --detach")


if __name__ == "__main__":
    main()
