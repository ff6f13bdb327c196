"""What brings lenders' logs to the lenders: webhooks, Kafka topics, and the keeping of the logs."""

from services.financing.deliveries.keeping import Keeping
from services.financing.deliveries.posting import Poster
from services.financing.deliveries.topics import Topics
from services.financing.deliveries.webhooks import Webhooks
from services.financing.domain import sealing
from services.financing.running import News, Waiting
from services.financing.settings import FinancingSettings
from shared.kafka import Producer
from shared.service import Running

SEND_SECONDS, CAUTIOUS_SECONDS = 10.0, 5.0


def start_deliveries(running: Running) -> None:
    """Start what the roles of this process ask for: the feed's waiting, webhooks, topics."""
    settings: FinancingSettings = running.settings
    dsn = settings.database_url.get_secret_value()
    news = News(running.db, running.wakes)
    running.app.state.waiting = waiting = Waiting(running.db, news)
    running.background("http", waiting.run_forever)
    if "worker" in running.roles:
        poster = Poster(
            seconds=settings.webhook_seconds,
            most=settings.webhook_places * 2,
            is_local_allowed=settings.webhook_local_allowed,
        )
        key = sealing.key_of(settings.partner_key.get_secret_value())
        running.closing.append(poster.close)
        running.background(
            "worker", Webhooks(running.db, poster, news, key=key, most=settings.webhook_places).run_forever
        )
        keeping = Keeping(running.db, days=settings.lender_log_days, rows_max=settings.lender_log_rows_max)
        running.background("worker", keeping.run_forever)
    if "relay" in running.roles:
        producer = Producer(settings.kafka, client_id="financing-topics", timeout_seconds=SEND_SECONDS)
        cautious = Producer(settings.kafka, client_id="financing-topics-cautious", timeout_seconds=CAUTIOUS_SECONDS)
        running.closing += [producer.close, cautious.close]
        running.background("relay", Topics(dsn, producer, cautious, news).run_forever)
