"""Record the results of a training; who passed gets a certificate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.programmes.domain.certificate import number_of
from services.programmes.domain.indicators import CERTIFICATES, TRAININGS_COMPLETED, Contribution
from services.programmes.domain.officer import Officer
from services.programmes.domain.problems import ResultsRefused, TrainingNotOver
from services.programmes.domain.training import State, refusals, years_later
from services.programmes.store import certificates, trainings
from services.programmes.store.certificates import NewCertificate
from services.programmes.use_cases.count_facts import count_facts
from services.programmes.use_cases.rules_in_force import RULES
from shared import outbox
from shared.contracts.programmes import CertificateIssued, TrainingCompleted
from shared.db import Connection
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class CompleteTraining:
    """The results of some or all who took part."""

    training_id: UUID
    results: Mapping[UUID, State]  # passed or failed, by enrolment
    by: UUID


async def complete_training(
    conn: Connection,
    command: CompleteTraining,
    officer: Officer,
    *,
    random: Callable[[], int],
    today: date,
    now: datetime,
) -> list[NewCertificate]:
    """The certificates that were issued now. `random` draws 60 bits. The same results again issue nothing more.

    Raises TrainingNotFound, TrainingNotOver (before its last day), ResultsRefused (then nothing was recorded).
    """
    training = await trainings.lock_as(conn, command.training_id, officer)
    if today < training.ends_on:
        raise TrainingNotOver(f"its last day is {training.ends_on}")
    enrolments = await trainings.lock_enrolments(conn, training, command.results)
    days = await trainings.days_attended(conn, command.results)
    refused = refusals(training, command.results, enrolments, days, RULES.in_force("completion", today))
    if refused:
        raise ResultsRefused(refusals=[{"enrolment_id": str(each), "why": why} for each, why in refused.items()])
    fresh = {each: state for each, state in command.results.items() if enrolments[each].state is State.ENROLLED}
    await trainings.change(conn, fresh, now=now)
    passed = [enrolments[each] for each, state in fresh.items() if state is State.PASSED]
    issued = [
        NewCertificate(
            new_id(), number_of(training.region_code, today.year, random()), each.enrolment_id, each.person_id
        )
        for each in passed
    ]
    expires_at = years_later(now, training.validity_months)
    await certificates.insert_certificates(conn, training, issued, by=command.by, issued_at=now, expires_at=expires_at)
    place = {"training_id": training.training_id, "scheme": training.scheme, "region_code": training.region_code}
    for each in issued:
        outbox.append(
            conn,
            TrainingCompleted(**place, person_id=each.person_id, enrolment_id=each.enrolment_id, completed_at=now),
            CertificateIssued(
                **place,
                person_id=each.person_id,
                certificate_id=each.certificate_id,
                issued_at=now,
                expires_at=expires_at,
            ),
        )
    await count_facts(
        conn,
        [
            Contribution(indicator, each.person_id, training.region_code, now)
            for each in issued
            for indicator in (TRAININGS_COMPLETED, CERTIFICATES)
        ],
        now=now,
    )
    return issued
