"""One payment sandbox and one notice sandbox for the tests of this folder, and a receiver for callbacks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.processes import Merchant, Receiver, Sandbox, signed_in


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


@pytest.fixture(scope="session")
def payments(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Sandbox]:
    folder: Path = tmp_path_factory.mktemp("payments")
    sandbox = Sandbox("deploy.sandbox.payments", folder, LUMBUNG_PAYMENT_CALLBACK_URL=receiver.url)
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def merchant(payments: Sandbox) -> Iterator[Merchant]:
    found = signed_in(payments)
    yield found
    found.http.close()


@pytest.fixture(scope="session")
def notices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox("deploy.sandbox.notices", tmp_path_factory.mktemp("notices"), LUMBUNG_NOTICES_TOKEN="rahasia")
    sandbox.start()
    yield sandbox
    sandbox.stop()
