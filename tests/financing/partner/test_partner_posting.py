"""The connection of a webhook: only to addresses that were looked at, verified for the name in the URL."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.financing.deliveries.posting import Poster
from services.financing.domain.targets import Target
from tests.financing.partner.receiver import Receiver


class Resolved(Poster):
    """Names resolve to what the test says."""

    addresses: tuple[str, ...] = ("127.0.0.1",)

    async def _resolve(self, target: Target) -> list[str]:
        return list(self.addresses)


def certificate(folder: Path, name: str) -> Path:
    """A file with a certificate for a name, and its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return file


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[Receiver, Poster]]:
    """An endpoint over TLS with a certificate for lender.contoh.id, and a poster that trusts who made it."""
    file = certificate(tmp_path, "lender.contoh.id")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    receiver = Receiver(tls=server)
    await receiver.start()
    poster = Resolved(seconds=3, most=4, is_local_allowed=True, trust=ssl.create_default_context(cafile=str(file)))
    yield receiver, poster
    await poster.close()
    await receiver.stop()


async def test_the_certificate_is_verified_for_the_name_not_for_the_address(served: tuple[Receiver, Poster]) -> None:
    receiver, poster = served

    right = await poster.post(f"https://lender.contoh.id:{receiver.port}/a", b"{}", {})
    wrong = await poster.post(f"https://other.contoh.id:{receiver.port}/a", b"{}", {})

    assert right.status == 204, right.error
    assert receiver.at("/a")[0].headers["host"] == f"lender.contoh.id:{receiver.port}"
    assert wrong.status is None and "certificate" in (wrong.error or "").lower()
    assert len(receiver.at("/a")) == 1


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "::1"])
async def test_a_name_that_leads_inside_is_not_connected_to(address: str) -> None:
    poster = Resolved(seconds=3, most=4, is_local_allowed=False)
    poster.addresses = ("93.184.216.34", address)

    answer = await poster.post("https://lender.contoh.id/a", b"{}", {})
    await poster.close()

    assert ipaddress.ip_address(address) and answer.status is None
    assert "not public" in (answer.error or "")


async def test_an_answer_is_not_read_for_ever() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    poster = Poster(seconds=3, most=4, is_local_allowed=True)

    answer = await asyncio.wait_for(poster.post(f"http://127.0.0.1:{port}/", b"{}", {}), 2)
    await poster.close()
    server.close()

    assert answer.status == 200


async def test_the_next_address_is_tried_when_one_takes_no_connection() -> None:
    receiver = Receiver()
    await receiver.start()
    poster = Resolved(seconds=3, most=4, is_local_allowed=True)
    poster.addresses = ("127.0.0.9", "127.0.0.1")

    answer = await poster.post(f"http://lender.contoh.id:{receiver.port}/a", b"{}", {})
    await poster.close()
    await receiver.stop()

    assert answer.status == 204, answer.error
