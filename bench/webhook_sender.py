"""The delivering process of the webhook measurement: what financing's worker runs, and nothing else.

`LUMBUNG_DATABASE_URL=... python -m bench.webhook_sender KEY`; runs until SIGTERM.
"""

import asyncio
import os
import signal
import sys

import uvloop

from services.financing.deliveries.posting import Poster
from services.financing.deliveries.webhooks import Webhooks
from services.financing.domain import sealing
from services.financing.running import News
from shared.db import Database
from shared.wakes import Wakes

SECONDS, PLACES = 15.0, 256  # the service's defaults


async def main(dsn: str, key: str) -> None:
    """Deliver."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    database = await Database.connect(dsn, source="financing", size=6)
    wakes = Wakes(dsn, source="financing")
    news = News(database, wakes)
    poster = Poster(seconds=SECONDS, most=2 * PLACES, is_local_allowed=True)
    webhooks = Webhooks(database, poster, news, key=sealing.key_of(key), most=PLACES)
    jobs = [asyncio.create_task(job()) for job in (wakes.run_forever, webhooks.run_forever)]
    print("ready", flush=True)
    await stopping.wait()
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    await poster.close()
    await database.close()


if __name__ == "__main__":
    uvloop.run(main(os.environ["LUMBUNG_DATABASE_URL"], sys.argv[1]))
