"""A service as the stack runs it, but for parts that are taken away: `python -m bench.without PART,PART SERVICE ...`.

For the ablation table (bench/ablation.py). The services hold no code for it: what a part does is put out of use from
here, over the kernel, before the service is imported. Nothing that runs so keeps the promises of docs/reliability.md.
"""

import itertools
import runpy
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from uuid import UUID

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared import http, inbox, outbox, telemetry, worker
from shared.auth import Principal, Verifier
from shared.contracts.base import Delivery
from shared.group_commit import GroupCommit
from shared.http import WholeExchange
from shared.problems import Problem
from shared.worker import Runner

STRANGERS = tuple(Principal(UUID(int=number, version=4), "person", frozenset(), frozenset()) for number in range(1, 65))


class Untraced:
    """In the place of UnsampledTraces: no request begins or continues a trace, so none has an id or a span."""

    def __init__(self, app: ASGIApp, *, ratio: float) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark the request as one that FastAPI makes no span for either, then go on."""
        if scope["type"] == "http":
            scope[telemetry._UNSAMPLED] = True
        await self.app(scope, receive, send)


def without_outbox() -> None:
    """Events are made and thrown away: nothing is appended, so nothing is written or sent."""

    def forget(*_: object, **__: object) -> None:
        return None

    _replace(outbox, "append", forget)


def without_inbox() -> None:
    """Every delivery counts as new, without a statement."""

    async def all_new(_: object, __: str, deliveries: list[Delivery]) -> list[Delivery]:
        return deliveries

    _replace(inbox, "record", all_new)


def without_batches() -> None:
    """What a poll returned is handled one event after the other, each in a transaction of its own."""
    process = Runner.process

    async def one_by_one(self: Runner, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            await process(self, [delivery])

    _replace(Runner, "process", one_by_one)


def without_group_commit() -> None:
    """Each command has a transaction of its own, as many at once as there are connections."""

    async def alone(self: GroupCommit[Any, Any], item: Any) -> Any:
        async with self._db.transaction() as conn:
            (answer,) = await self._run(conn, [item])
        if isinstance(answer, Problem):
            raise answer
        return answer

    _replace(GroupCommit, "submit", alone)


def without_tracing() -> None:
    """No trace ids in requests and events, no spans."""

    def nothing() -> None:
        return None

    def no_span(*_: object, **__: object) -> AbstractContextManager[None]:
        return nullcontext()

    _replace(http, "UnsampledTraces", Untraced)
    _replace(worker, "processing", no_span)
    for module in (telemetry, outbox):  # each has its own name for it
        _replace(module, "current_traceparent", nothing)


def without_authentication() -> None:
    """No token is looked at: callers are strangers, in turn, so that their orders are as many people's as before."""
    strangers = itertools.cycle(STRANGERS)

    async def anybody(_: Verifier, __: str) -> Principal:
        return next(strangers)

    _replace(Verifier, "verify", anybody)


def without_remembered_tokens() -> None:
    """The signature of a token is verified at each request."""
    verify = Verifier.verify

    async def anew(self: Verifier, token: str) -> Principal:
        self._remembered.clear()
        return await verify(self, token)

    _replace(Verifier, "verify", anew)


def without_whole_answers() -> None:
    """Direct routes get their request and give their answer as ASGI's messages, like all others."""

    def none(_: WholeExchange) -> None:
        return None

    def no(_: WholeExchange, __: Response) -> bool:
        return False

    _replace(WholeExchange, "body", none)
    _replace(WholeExchange, "answer", no)


TAKEN_AWAY = {
    "outbox": without_outbox,
    "inbox": without_inbox,
    "batches": without_batches,
    "group_commit": without_group_commit,
    "tracing": without_tracing,
    "authentication": without_authentication,
    "remembered_tokens": without_remembered_tokens,
    "whole_answers": without_whole_answers,
}


def _replace(owner: object, name: str, value: object) -> None:
    """A part that has moved must be found again here, or the table would measure nothing."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, value)


def main(parts: str, service: str, *arguments: str) -> None:
    """Take the parts away, then be the service."""
    for part in filter(None, parts.split(",")):
        TAKEN_AWAY[part]()
    sys.argv = [service, *arguments]
    runpy.run_module(f"services.{service}.main", run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
