"""The import contracts of pyproject.toml hold, and each of them catches what it is there for."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")
CONTRACTS = {
    "services": "Services do not import each other",
    "shared": "What is shared knows no service and no tool",
    "tools": "Services do not know how they are run",
    "layers": "Inside a service, imports go one way; a new kind of module is a decision",
    "domain": "The domain is a calculation: no database, no Kafka, no web, no clock",
    "kafka": "Services do not speak to Kafka themselves",
}

# (contract, file, line that violates it, what the report must name)
PLANTED = [
    ("services", "services/catalog/use_cases/planted.py", "import services.orders.store", "services.orders.store"),
    ("services", "services/storefront/planted_early.py", "import services.identity", "services.identity"),
    ("shared", "shared/planted.py", "import services.catalog.settings", "services.catalog.settings"),
    ("shared", "shared/contracts/planted.py", "import deploy.registry", "deploy.registry"),
    ("tools", "services/identity/use_cases/planted.py", "import deploy.local.layout", "deploy.local.layout"),
    ("layers", "services/orders/domain/planted.py", "import services.orders.store", "services.orders.store"),
    ("layers", "services/catalog/store/planted.py", "import services.catalog.use_cases", "services.catalog.use_cases"),
    ("layers", "services/identity/use_cases/planted_too.py", "import services.identity.routes", "identity.routes"),
    ("layers", "services/catalog/routes/planted.py", "import services.catalog.handlers", "services.catalog.handlers"),
    ("layers", "services/orders/helper.py", "", "helper"),
    ("domain", "services/orders/domain/planted_db.py", "import asyncpg", "asyncpg"),
    ("domain", "services/identity/domain/planted_db.py", "import fastapi", "fastapi"),
    ("domain", "services/catalog/domain/planted_db.py", "import shared.db", "shared.db"),
    ("domain", "services/storefront/domain/planted_db.py", "import opentelemetry.trace", "opentelemetry"),
    ("services", "services/cooperatives/planted.py", "import services.financing.domain", "services.financing.domain"),
    ("layers", "services/financing/helper.py", "", "helper"),
    ("domain", "services/financing/domain/planted_db.py", "import asyncpg", "asyncpg"),
    ("domain", "services/cooperatives/domain/planted_db.py", "import shared.clock", "shared.clock"),
    ("kafka", "services/catalog/planted_kafka.py", "import aiokafka", "aiokafka"),
]


def _lint(folder: Path) -> str:
    done = subprocess.run([LINT, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return done.stdout


def _copy(folder: Path) -> Path:
    for package in ("services", "shared", "deploy"):
        for path in (ROOT / package).rglob("*.py"):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _verdict(report: str, name: str) -> str:
    found = re.search(rf"^{re.escape(name)} (KEPT|BROKEN)", report, re.MULTILINE)
    assert found, f"there is no contract {name!r}"
    return found[1]


@pytest.fixture(scope="module")
def clean() -> str:
    """What the linter says of this tree."""
    return _lint(ROOT)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_contract_holds(clean: str, contract: str) -> None:
    assert _verdict(clean, CONTRACTS[contract]) == "KEPT", clean[clean.find("Broken contracts") :]


@pytest.mark.parametrize(("contract", "file", "line", "named"), PLANTED, ids=[f"{c}:{f}" for c, f, _, _ in PLANTED])
def test_a_planted_violation_is_caught(tmp_path: Path, contract: str, file: str, line: str, named: str) -> None:
    folder = _copy(tmp_path)
    planted = folder / file
    planted.write_text(line + "\n")

    report = _lint(folder)

    assert _verdict(report, CONTRACTS[contract]) == "BROKEN"
    section = report[report.find("Broken contracts") :].split(CONTRACTS[contract])[1]
    assert named in section
    assert planted.stem in section


def test_every_service_is_under_the_contracts() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    independence = re.search(r'type = "independence"\nmodules = \[([^\]]*)\]', text)
    containers = re.search(r"containers = \[([^\]]*)\]", text)
    domains = re.search(r"source_modules = \[([^\]]*\.domain[^\]]*)\]", text)

    for path in (ROOT / "services").glob("*/__init__.py"):
        service = path.parent.name
        assert independence and f'"services.{service}"' in independence[1]
        assert containers and f'"services.{service}"' in containers[1]
        assert domains and f'"services.{service}.domain"' in domains[1]
