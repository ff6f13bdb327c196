"""The dated rules that the product ships, loaded once for all cases."""

from pathlib import Path

from shared import rules, umkm

_SERVICES = Path(__file__).resolve().parents[2] / "services"

NATIONAL = umkm.national_rules()
COOPERATIVES = rules.load(_SERVICES / "cooperatives" / "rules.json")
FINANCING = rules.load(_SERVICES / "financing" / "rules.json")
ORDERS = rules.load(_SERVICES / "orders" / "rules.json")
