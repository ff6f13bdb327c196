"""What the ablation takes away is gone, what is compared is compared with its neighbours, and pictures say on what."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from fastapi import FastAPI, Response

from bench import ablation, machine, plots, processes, trial, without
from bench.__main__ import taken_over
from deploy.local.stack import Stack
from shared import http, inbox, outbox, telemetry, worker
from shared.auth import Verifier
from shared.db import Connection, Database
from shared.group_commit import GroupCommit
from shared.http import WholeExchange
from shared.problems import Forbidden, Problem
from shared.worker import Runner

SVG = "{http://www.w3.org/2000/svg}svg"
PUT_BACK: tuple[tuple[Any, str], ...] = (
    (outbox, "append"),
    (outbox, "current_traceparent"),
    (telemetry, "current_traceparent"),
    (inbox, "record"),
    (http, "UnsampledTraces"),
    (worker, "processing"),
    (Runner, "process"),
    (GroupCommit, "submit"),
    (Verifier, "verify"),
    (WholeExchange, "body"),
    (WholeExchange, "answer"),
)


@pytest.fixture(autouse=True)
def _all_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in PUT_BACK:
        monkeypatch.setattr(owner, name, getattr(owner, name))


def test_each_part_of_the_table_can_be_taken_away_and_only_those() -> None:
    assert {part.name for part in ablation.PARTS} == set(without.TAKEN_AWAY)


def test_a_part_that_has_moved_is_noticed() -> None:
    with pytest.raises(AssertionError, match="has no appendix any more"):
        without._replace(outbox, "appendix", None)


def test_without_the_outbox_no_event_waits_for_the_commit() -> None:
    conn = Connection(cast(Any, None), in_transaction=True)

    without.TAKEN_AWAY["outbox"]()
    outbox.append(conn, cast(Any, None))

    assert conn.events == []


async def test_without_the_inbox_everything_is_new_and_nothing_is_asked() -> None:
    deliveries: Any = ["a", "a"]

    without.TAKEN_AWAY["inbox"]()

    assert await inbox.record(cast(Any, None), "group", deliveries) == deliveries


async def test_without_batches_each_event_comes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = []

    async def note(_: Runner, deliveries: list[Any]) -> None:
        batches.append(deliveries)

    monkeypatch.setattr(Runner, "process", note)
    without.TAKEN_AWAY["batches"]()
    await Runner(cast(Any, None), cast(Any, SimpleNamespace(group="g"))).process(cast(Any, ["a", "b"]))

    assert batches == [["a"], ["b"]]


async def test_without_group_commit_each_command_has_a_transaction_and_its_own_answer() -> None:
    transactions = []

    @asynccontextmanager
    async def transaction() -> AsyncIterator[None]:
        transactions.append("began")
        yield

    async def run(_: Connection, items: list[str]) -> list[str | Problem]:
        return [Forbidden() if item == "bad" else item.upper() for item in items]

    without.TAKEN_AWAY["group_commit"]()
    group = GroupCommit("test", cast(Database, SimpleNamespace(transaction=transaction)), run)

    assert await group.submit("a") == "A"
    with pytest.raises(Forbidden):
        await group.submit("bad")
    assert len(transactions) == 2


async def test_without_tracing_a_request_has_neither_id_nor_span() -> None:
    seen = []

    async def app(scope: Any, _: Any, __: Any) -> None:
        seen.append((telemetry.is_unsampled(scope), telemetry.current_trace_id()))

    without.TAKEN_AWAY["tracing"]()
    layers: Any = http.server(FastAPI(), host="127.0.0.1", port=1, receive_seconds=1, connections=10).config.app
    layers.app = app
    await layers({"type": "http", "headers": [(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")]}, 1, 1)

    assert seen == [(True, None)]
    assert telemetry.current_traceparent() is None
    with cast(Any, worker).processing(
        "t", group="g", handler="h", traceparents=["00-" + "a" * 32 + "-" + "b" * 16 + "-01"]
    ):
        assert telemetry.current_trace_id() is None


async def test_without_authentication_nonsense_passes_as_many_people() -> None:
    verifier = Verifier("http://127.0.0.1:1")

    without.TAKEN_AWAY["authentication"]()
    callers = [await verifier.verify("nonsense") for _ in range(65)]
    await verifier.close()

    assert len({caller.id for caller in callers}) == 64
    assert {caller.kind for caller in callers} == {"person"}


async def test_without_its_memory_a_token_is_verified_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    known = []

    async def verify(self: Verifier, token: str) -> None:
        known.append(token in self._remembered)
        self._remembered[token] = cast(Any, (0.0, None))

    monkeypatch.setattr(Verifier, "verify", verify)
    without.TAKEN_AWAY["remembered_tokens"]()
    verifier = Verifier("http://127.0.0.1:1")
    for _ in range(2):
        await verifier.verify("a")
    await verifier.close()

    assert known == [False, False]


def test_without_whole_answers_neither_body_nor_answer_goes_in_one_piece() -> None:
    without.TAKEN_AWAY["whole_answers"]()
    exchange = WholeExchange(cast(Any, None))

    assert exchange.body() is None
    assert not exchange.answer(Response(b"x"))


def figures(per_s: float, cpu_ms: float) -> dict[str, Any]:
    return {"per_s": per_s, "orders": 100, "refused": 0, "cpu_ms_per_order": cpu_ms}


def answering(*answers: dict[str, Any]) -> Callable[[], Any]:
    left = list(answers)

    async def run() -> dict[str, Any]:
        return left.pop(0)

    return run


async def test_each_change_is_compared_with_the_full_trials_beside_it() -> None:
    full = answering(figures(100, 1.0), figures(300, 3.0), figures(500, 5.0))
    changed = {"a": answering(figures(100, 4.0)), "b": answering(figures(400, 1.0))}

    fulls, found = await trial.alternate(full, changed, lambda _: None)

    assert [each["per_s"] for each in fulls] == [100, 300, 500]
    assert (found["a"]["ratio"], found["a"]["cpu_ratio"]) == (0.5, 2.0)
    assert (found["b"]["ratio"], found["b"]["cpu_ratio"]) == (1.0, 0.25)
    assert trial.noise(fulls) == 2.0


def test_each_service_has_two_processes_on_two_ports() -> None:
    stack = cast(Stack, SimpleNamespace(ports={"orders-worker": 8023, "catalog-worker": 8022}))

    children = processes.two(stack, ("orders", "catalog"))

    assert [(child.service, child.role, child.port) for child in children] == [
        ("orders", "http", None),
        ("orders", "worker,relay", 8023),
        ("catalog", "http", None),
        ("catalog", "worker,relay", 8022),
    ]


def test_who_is_confined_gets_the_other_cores_back(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"processes": {}}')
    before = os.sched_getaffinity(0)

    with processes.confined(cast(Stack, SimpleNamespace(home=tmp_path)), {min(before)}):
        inside = os.sched_getaffinity(0)

    assert inside == {min(before)}
    assert os.sched_getaffinity(0) == before


def details() -> dict[str, Any]:
    changed = figures(90, 1.2) | {"ratio": 0.9, "cpu_ratio": 1.2}
    stamp = {"at": "2026-11-30T07:00:00+00:00", "machine": machine.describe() | {"commit": "abc"}, "seconds": 6.0}
    full = [figures(100, 1.0), figures(101, 1.0)]
    parts = {
        part.name: {
            "sagas": changed if part.is_in_sagas else None,
            "accept": changed if part.is_in_accept else None,
        }
        for part in ablation.PARTS
    }
    both = {"one": full, "noise": 0.01, "two": changed, "alone": changed}
    return {
        "accept": {"profile": [["f (<string>)", 0.2], ["g (a.py)", 0.1]]},
        "ablation": stamp
        | {
            "full": {"sagas": full, "accept": full},
            "noise": {"sagas": 0.01, "accept": 0.02},
            "without": parts,
        },
        "processes": stamp | {"cores": 2, "sagas": both, "accept": both},
    }


def test_tables_say_what_differs_and_what_has_no_part_in_it() -> None:
    found = details()
    found["ablation"]["without"]["batches"]["sagas"] = figures(9, 9) | {
        "ratio": 0.09,
        "cpu_ratio": 9.0,
        "unfinished": 7,
    }

    table = "\n".join(ablation.markdown(found["ablation"]))
    other = "\n".join(processes.markdown(found["processes"]))

    assert "| outbox | events are made and thrown away; no saga can run | - | - | 0.90 | 1.20 |" in table
    assert "| tracing | no trace ids, no spans | 0.90 | 1.20 | 0.90 | 1.20 |" in table
    assert "2026-11-30T07:00:00+00:00, commit abc" in table
    assert table.count("refused") == 1
    assert "Without batches of the worker (sagas): 0 orders refused, 7 sagas not whole in time." in table
    assert "| one process per service | 100 | 1 | 1 | 100 | 1 | 1 |" in other
    assert "| orders alone on one core, everything else on the others | 90 | 0.90 | 1.20 | 90 | 0.90 | 1.20 |" in other


def test_a_result_that_is_older_than_a_part_is_shown_without_it(tmp_path: Path) -> None:
    found = details()
    del found["ablation"]["without"]["whole_answers"]

    assert "answers in one piece" not in "\n".join(ablation.markdown(found["ablation"]))
    assert "ablation.svg" in [path.name for path in plots.write(found, tmp_path, [])]


def test_pictures_say_on_what_they_were_measured_and_can_be_read_in_the_dark(tmp_path: Path) -> None:
    notes = machine.lines(machine.describe())

    paths = plots.write(details(), tmp_path, notes)

    assert [path.name for path in paths] == ["accept-profile.svg", "ablation.svg", "processes.svg"]
    for path in paths:
        text = path.read_text()
        assert ElementTree.fromstring(text).tag == SVG  # noqa: S314  our own text
        assert "prefers-color-scheme:dark" in text
        assert path.stem == "accept-profile" or ("commit abc" in text and "2026-11-30T07:00" in text)
        assert "PostgreSQL 18" in text and "Kafka 4" in text and "Python 3" in text and "commit" in text
    assert plots.write({}, tmp_path, notes) == []


def test_a_quick_run_takes_the_slow_figures_over(tmp_path: Path) -> None:
    latest = tmp_path / "latest.json"
    nothing = taken_over(latest, "ablation", "processes")
    latest.write_text(json.dumps({"details": {"ablation": {"at": "then"}, "saga": 1}}))

    assert nothing == {}
    assert taken_over(latest, "ablation", "processes") == {"ablation": {"at": "then"}}
