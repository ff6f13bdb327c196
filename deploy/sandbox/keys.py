"""Keys between the merchant (our orders service) and the payment sandbox, made once and kept as files.

What must stay true: two processes that start at the same time end with the same keys; files are for their owner only;
a folder that holds keys is never written again. `python -m deploy.sandbox.keys FOLDER` prints the merchant's
environment.
"""

import fcntl
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.settings import private_folder

KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class SandboxKeys:
    """Where everything lies. The merchant gets its id, its secret, its private key and the provider's public key."""

    client_id: str
    client_secret: str
    merchant_private_key_file: Path
    merchant_public_key_file: Path
    provider_private_key_file: Path
    provider_public_key_file: Path

    def merchant_environment(self) -> dict[str, str]:
        """What the orders service needs in its environment."""
        return {
            "LUMBUNG_PAYMENTS_CLIENT_ID": self.client_id,
            "LUMBUNG_PAYMENTS_CLIENT_SECRET": self.client_secret,
            "LUMBUNG_PAYMENTS_PRIVATE_KEY_FILE": str(self.merchant_private_key_file),
            "LUMBUNG_PAYMENTS_PROVIDER_PUBLIC_KEY_FILE": str(self.provider_public_key_file),
        }


def ensure_keys(folder: Path) -> SandboxKeys:
    """The keys of this folder, made now when they are not there yet. Takes about 0.2 s the first time."""
    folder = private_folder(folder.resolve())
    with (folder / "keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for party in ("merchant", "provider"):
            _ensure_pair(folder, party)
        return SandboxKeys(
            client_id=_ensure_text(folder / "client_id", "lumbung-" + secrets.token_hex(6)),
            client_secret=_ensure_text(folder / "client_secret", secrets.token_urlsafe(32)),
            merchant_private_key_file=folder / "merchant_private.pem",
            merchant_public_key_file=folder / "merchant_public.pem",
            provider_private_key_file=folder / "provider_private.pem",
            provider_public_key_file=folder / "provider_public.pem",
        )


def _ensure_pair(folder: Path, party: str) -> None:
    private_file, public_file = folder / f"{party}_private.pem", folder / f"{party}_public.pem"
    if private_file.exists() and public_file.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    pem = serialization.Encoding.PEM
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(public_file, public)
    _write(private_file, private)


def _ensure_text(file: Path, fresh: str) -> str:
    if not file.exists():
        _write(file, fresh.encode())
    return file.read_text()


def _write(file: Path, content: bytes) -> None:
    # Renamed into place, so that a kill in the middle leaves no half key behind.
    draft = file.with_name(file.name + ".draft")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)


def main() -> None:
    """Make or read the keys of a folder and print the merchant's environment, one variable a line."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m deploy.sandbox.keys FOLDER")
    for name, value in ensure_keys(Path(sys.argv[1])).merchant_environment().items():
        print(f"{name}={value}")


if __name__ == "__main__":
    main()
