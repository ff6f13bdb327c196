"""A loan that is paid back is in no class any more, whatever is said of its class afterwards."""

from datetime import UTC, datetime

from services.programmes.handlers import counting
from shared.testing import deliver
from tests.programmes import say
from tests.programmes.conftest import Desk

CLASSES = "SELECT sum(value) FROM cells WHERE indicator LIKE 'pinjaman-kol-%' AND region_code = $1"


async def classes(desk: Desk, region: str) -> int:
    async with desk.db.reading() as conn:
        counted: int = await conn.fetchval(CLASSES, region)
    return counted


async def test_a_late_loan_that_is_paid_back_and_regraded_is_counted_no_more(desk: Desk) -> None:
    region = "76.01"
    loan = say.Loan(region, datetime(2290, 3, 15, tzinfo=UTC))
    await deliver(desk.db, counting, loan.disbursed(), loan.moved(1, 3))
    assert await classes(desk, region) == 1

    await deliver(desk.db, counting, loan.repaid(0), loan.moved(3, 1))  # in this order financing tells it

    assert await classes(desk, region) == 0
    async with desk.db.reading() as conn:
        loan_class = await conn.fetchval("SELECT collectability FROM loans WHERE loan_id = $1", loan.ids["loan_id"])
    assert loan_class == 0
