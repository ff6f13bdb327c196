"""The race of one voter without what decides it: see tests/weakened.py."""

from deploy.local.stack import Stack
from services.cooperatives.settings import CooperativesSettings
from tests.conftest import MakeDatabase
from tests.cooperatives import test_meetings
from tests.cooperatives.conftest import office_on
from tests.weakened import must_be_lost, weaken


async def test_without_its_key_who_votes_many_times_has_many_votes(
    make_database: MakeDatabase, cooperatives_settings: CooperativesSettings, stack: Stack
) -> None:
    db = await make_database("cooperatives", settings=cooperatives_settings)
    await weaken(stack, db, "ALTER TABLE votes_cast DROP CONSTRAINT votes_are_cast_once")

    async with office_on(db, cooperatives_settings) as office:
        await must_be_lost(lambda: test_meetings.test_one_who_votes_many_times_at_once_votes_once(office))
