"""Traces, metrics and logs: every name others may depend on is declared here, with a sentence.

A trace id runs from the first HTTP request through the outbox, Kafka and every handler. Only sampled traces cost spans;
the id itself is always there.
"""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.context import Context, attach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.typing import EventDict

EVENTS_PUBLISHED = Counter("lumbung_events_published", "Events acknowledged by Kafka, by topic.", ["topic"])
EVENTS_HANDLED = Counter("lumbung_events_handled", "Events handled, by group and type.", ["group", "type"])
EVENTS_DUPLICATE = Counter("lumbung_events_duplicate", "Deliveries that the inbox already knew, by group.", ["group"])
EVENTS_UNKNOWN = Counter("lumbung_events_unknown", "Records of a type that nobody here handles, by group.", ["group"])
DEAD_LETTERS = Counter(
    "lumbung_dead_letters", "Events set aside as impossible to handle, by group and type.", ["group", "type"]
)
PARKED = Counter(
    "lumbung_events_parked", "Events set aside to be tried later, or behind one of their key, by group.", ["group"]
)
BATCH_SECONDS = Histogram(
    "lumbung_batch_seconds", "Time from a poll's records to their committed effects, by group.", ["group"]
)
RELAY_HOLES = Gauge("lumbung_relay_holes", "Outbox ids passed over and not yet proven empty, by topic.", ["topic"])
LAST_POLL_SECONDS = Gauge(
    "lumbung_worker_last_poll_timestamp_seconds", "When the consumer last completed a poll, by group.", ["group"]
)
WORKER_HALTED = Gauge(
    "lumbung_worker_halted", "1 when a worker stopped because too many events failed, by group.", ["group"]
)
GROUP_COMMIT_SIZE = Histogram(
    "lumbung_group_commit_size",
    "Commands that shared one transaction, by command.",
    ["command"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
GROUP_COMMIT_REFUSED = Counter(
    "lumbung_group_commit_refused", "Commands refused because the queue was full, by command.", ["command"]
)
CALLS_OUT = Counter(
    "lumbung_calls_out", "Calls to other organisations, by purpose and outcome.", ["purpose", "outcome"]
)
SAGAS_STUCK = Gauge("lumbung_sagas_stuck", "Sagas that wait longer than they should, by state.", ["state"])
LENDER_SUBSCRIPTIONS = Gauge(
    "lumbung_lender_subscriptions", "Subscriptions of lenders, by transport and state.", ["transport", "state"]
)
LENDER_MISSED = Gauge(
    "lumbung_lender_missed",
    "How many positions the furthest subscription is behind its lender's log, by transport and state.",
    ["transport", "state"],
)

_UNSAMPLED = "lumbung.unsampled"

tracer = trace.get_tracer("lumbung")


def configure(service: str, *, otlp_endpoint: str, log_level: str = "INFO") -> None:
    """Set up traces (exported by OTLP over HTTP when `otlp_endpoint` is set) and JSON logs. Call once per process."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": service, "service.namespace": "lumbung"}),
        sampler=ParentBased(ALWAYS_ON),  # which traces begin is decided by UnsampledTraces, before any span
    )
    if otlp_endpoint:
        exporter = OTLPSpanExporter(endpoint=otlp_endpoint.rstrip("/") + "/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    trace.set_tracer_provider(provider)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace_id,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[log_level]),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING)


def shut_down() -> None:
    """Export what is still waiting."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


class UnsampledTraces:
    """The outermost layer of a service: gives a request that is not sampled its trace id, and nothing else of tracing.

    A recorded span costs more than much of a hot request. A caller's traceparent decides; a request without one begins
    a trace, of which the share `ratio` is recorded. FastAPI makes spans only for what `is_unsampled` leaves to it.
    """

    def __init__(self, app: ASGIApp, *, ratio: float) -> None:
        self.app = app
        self.ratio = ratio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide, then go on. The context ends with the request's task."""
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"traceparent"), None)
            context = _span_context(given.decode("latin-1")) if given is not None else None
            if context is None and random.random() >= self.ratio:
                context = SpanContext(random.getrandbits(128) or 1, random.getrandbits(64) or 1, is_remote=False)
            if context is not None and not context.trace_flags.sampled:
                scope[_UNSAMPLED] = True
                attach(trace.set_span_in_context(NonRecordingSpan(context)))
        await self.app(scope, receive, send)


def is_unsampled(scope: Scope) -> bool:
    """Whether the request's trace is not recorded."""
    return _UNSAMPLED in scope


def current_trace_id() -> str | None:
    """The trace id of the work in hand (32 hex digits), or None outside of any."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def current_traceparent() -> str | None:
    """The W3C traceparent of the work in hand, or None outside of any."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def context_of(traceparent: str | None) -> Context | None:
    """The remote context that a traceparent names; None when there is none or it is malformed."""
    remote = _span_context(traceparent)
    return None if remote is None else trace.set_span_in_context(NonRecordingSpan(remote))


def is_sampled(traceparent: str | None) -> bool:
    """Whether spans are recorded for this trace."""
    context = _span_context(traceparent)
    return context is not None and context.trace_flags.sampled


@contextmanager
def calling(purpose: str, traceparent: str | None) -> Iterator[None]:
    """The context of a call to another organisation: the trace that asked for it, with a span when it is sampled."""
    context = context_of(traceparent)
    if context is None:
        yield
        return
    with tracer.start_as_current_span(f"call {purpose}", context=context, kind=SpanKind.CLIENT):
        yield


@contextmanager
def processing(topic: str, *, group: str, handler: str, traceparents: list[str]) -> Iterator[None]:
    """A `process` span for one call of a handler: the child of its first sampled trace, linked to all of them.

    With no sampled trace among `traceparents` this costs nothing.
    """
    sampled = [context for parent in traceparents if is_sampled(parent) and (context := _span_context(parent))]
    if not sampled:
        yield
        return
    with tracer.start_as_current_span(
        f"process {topic}",
        context=trace.set_span_in_context(NonRecordingSpan(sampled[0])),
        kind=SpanKind.CONSUMER,
        links=[Link(context) for context in sampled],
        attributes={
            "messaging.system": "kafka",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic,
            "messaging.consumer.group.name": group,
            "messaging.batch.message_count": len(traceparents),
            "code.function.name": handler,
        },
    ):
        yield


def _span_context(traceparent: str | None) -> SpanContext | None:
    if traceparent is None or len(traceparent) != 55:
        return None
    try:
        _, trace_id, span_id, flags = traceparent.split("-")
        context = SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
        )
    except ValueError:
        return None
    return context if context.is_valid else None


def _add_trace_id(_: object, __: str, event: EventDict) -> EventDict:
    if trace_id := current_trace_id():
        event["trace_id"] = trace_id
    return event
