"""Whatever is sent in a body, a query or a path is refused or done, never a fault of ours."""

from typing import Any
from uuid import uuid4

from tests.programmes.conftest import Desk, once, training_body

DEEP: Any = 1
for _ in range(60):
    DEEP = [DEEP]
ODD: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, 2**64, 10**40, 1.5, 1e308, "", "\x00", "a\x00b", "NaN", "9" * 400, "x" * 20_000,
    "\u202eSiti", "<script>alert(1)</script>", "Siti\nAminah", "=HYPERLINK(1)", "0001-01-01", "9999-12-31",
    [], {}, ["\x00"], [None], DEEP,
]  # fmt: skip
RAW = [b"", b"{", b"null", b"NaN", b'{"amount_minor": 1e999}', b"\xff\xfe", b"[" * 5_000, b'{"a":' * 5_000]
CURSORS = ["x", "W10", "WyIwIiwxXQ", "WyI5OTk5LTEyLTMxVDIzOjU5OjU5LTE0OjAwIiwieCJd", "WzEsMl0", "WyJcdTAwMDAiLDFd"]


async def test_odd_bodies_are_no_fault_of_ours(desk: Desk) -> None:
    _, officer = desk.person("government:18")
    _, person = desk.person()
    training_id = await desk.training(officer)
    other_id = await desk.training(officer)
    enrolled = await desk.enrol(training_id, person)
    aid = {
        "person_id": str(uuid4()),
        "shop_id": None,
        "programme": "modal-usaha",
        "year": 2026,
        "kind": "money",
        "amount_minor": 1_000_000,
        "region_code": "18.01",
    }
    calls: list[tuple[dict[str, str], str, dict[str, Any]]] = [
        (officer, "/v1/trainings", training_body()),
        (person, f"/v1/trainings/{other_id}/enrolments", {"name": "Siti Aminah"}),
        (officer, f"/v1/trainings/{training_id}/attendances", {"day": "2026-01-01", "enrolment_ids": []}),
        (officer, f"/v1/trainings/{training_id}/completions", {"results": [{"enrolment_id": "x", "result": "passed"}]}),
        (officer, f"/v1/certificates/{enrolled['enrolment_id']}/revocation", {"reason": "salah"}),
        (officer, "/v1/aids", aid),
    ]
    found = []
    for headers, path, body in calls:
        for each in [body | {name: odd} for name in body for odd in ODD]:
            answer = await desk.client.post(path, json=each, headers=once(headers))
            if answer.status_code >= 500:
                found.append(f"{path} {str(each)[:200]}")
        for raw in RAW:
            sent = once(headers) | {"Content-Type": "application/json"}
            if (await desk.client.post(path, content=raw, headers=sent)).status_code >= 500:
                found.append(f"{path} {raw[:40]!r}")

    assert found == []


async def test_odd_queries_are_no_fault_of_ours(desk: Desk) -> None:
    _, officer = desk.person("operator")
    paths = [
        "/v1/regions?parent=%00",
        "/v1/indicators?region=00",
        "/v1/indicators?period=9999-12",
        "/v1/indicators?period=2000-01&region=99.99",
        "/v1/indicators.csv?period=%00",
        "/v1/certificates/%00/verify",
        "/v1/certificates/LMB-18-2026-%C3%9F%C3%9F%C3%9F%C3%9F/verify",
        f"/v1/certificates/{'9' * 5000}/verify",
        "/v1/trainings?scheme=%00",
        *(
            f"{path}?cursor={cursor}"
            for path in ("/v1/trainings", "/v1/enrolments", "/v1/certificates", "/v1/aids", "/v1/aids/register")
            for cursor in (
                "x",
                "W10",
                "WyIwIiwxXQ",
                "WyI5OTk5LTEyLTMxVDIzOjU5OjU5LTE0OjAwIiwieCJd",
                "WzEsMl0",
                "WyJcdTAwMDAiLDFd",
            )
        ),
    ]

    found = [path for path in paths if (await desk.client.get(path, headers=officer)).status_code >= 500]
    pooled = await desk.client.post("/v1/indicators/9999-12/pools", headers=officer)

    assert found == [] and pooled.status_code < 500
