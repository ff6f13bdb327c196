"""Controls: the faults again, with a protection taken away. A test that does not see it could not fail.

Each is the very function of the fault, on a stack whose services lack something (faults/child.py says how). What takes
away what makes a commit, an offset or a cursor safe stands beside its fault, in kills.py and outages.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from faults import clocks, kills, outages, overload, storms
from faults.books import Outcome
from faults.catalogue import Fault, Run, fault

HTTP_WITHOUT_LIMITS = {"LUMBUNG_HTTP_CONNECTIONS": "1000000", "LUMBUNG_HTTP_RECEIVE_SECONDS": "3600"}
NOBODY_WAITED = "answered 500"
IN_VAIN = "more clients waited in vain"


def control(
    name: str,
    promise: str,
    happen: Fault,
    *,
    without: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    sign: str = "",
    orders_max: int | None = None,
) -> None:
    """Put a fault on the list once more, on a weakened stack. `sign`: what must be found, if no loss.

    `orders_max`: where orders are stuck, each client waits for every one of its own.
    """

    async def weakened(run: Run) -> Outcome:
        run = replace(run, orders=min(run.orders, orders_max or run.orders))
        if without or environment:
            await run.ground.restart(environment=environment, without=without)
        outcome = await happen(run)
        outcome.name, outcome.is_control, outcome.sign = name, True, sign
        return outcome

    fault(name, f"Control: {promise}", is_control=True)(weakened)


control(
    "kill-services-that-wait-for-no-acknowledgement",
    "with the relay's cursor moved before Kafka acknowledged, a service that is killed is seen to lose events.",
    kills.kill_services,
    without=("acknowledged_sends",),
)
control(
    "kill-kafka-and-nobody-waits-for-it",
    "with the relay's cursor moved before Kafka acknowledged, a broker that is killed is seen to lose events.",
    kills.kill_kafka,
    without=("acknowledged_sends",),
)
control(
    "kafka-down-and-nobody-waits-for-it",
    "with the relay's cursor moved before Kafka acknowledged, a minute without Kafka is seen to lose events.",
    outages.kafka_down_for_a_minute,
    without=("acknowledged_sends",),
)
control(
    "postgres-restarted-and-nobody-waits-for-it",
    "where a lost connection is an error like any other, a restart is seen to be answered with 500.",
    outages.postgres_restarted,
    without=("patience_for_the_database",),
    sign=NOBODY_WAITED,
)
control(
    "postgres-frozen-and-waited-for-without-end",
    "without limits of time clients wait in vain while the database stands still.",
    outages.postgres_frozen,
    without=("time_limits",),
    sign=IN_VAIN,
)
control(
    "postgres-in-a-black-hole-and-waited-for-without-end",
    "without limits of time clients wait in vain while the database is out of reach.",
    partial(outages.postgres_in_a_black_hole, without=("time_limits",)),
    sign=IN_VAIN,
)
control(
    "lossy-network-and-no-patience",
    "where a lost connection is an error like any other, a lossy network is seen to be answered with 500.",
    partial(outages.slow_and_lossy_network, without=("patience_for_the_database",)),
    sign=NOBODY_WAITED,
)
control(
    "overload-without-a-limit",
    "without a limit of open requests nobody is refused.",
    overload.three_times_overload,
    environment=HTTP_WITHOUT_LIMITS,
    sign="nobody was refused",
)
control(
    "idle-sockets-without-a-limit",
    "without limits sockets that say nothing stay open.",
    overload.ten_thousand_idle_sockets,
    environment=HTTP_WITHOUT_LIMITS,
    sign="still open",
)
control(
    "slow-clients-without-a-limit",
    "without limits of time a slow client keeps its connection.",
    overload.a_slow_client_on_each_port,
    environment=HTTP_WITHOUT_LIMITS,
    sign="slow reader: a connection lasted",
)
control(
    "rebalance-storm-of-liars",
    "members that say they handled what they did not are seen to lose events.",
    partial(storms.rebalance_storm, is_lying=True),
)
control(
    "disk-full-and-nobody-waits-for-room",
    "where a full disk is an error like any other, it is seen to be answered with something else than 503.",
    storms.disk_full,
    without=("waiting_for_room",),
    sign="a change of stock was answered",
)
control(
    "clock-steps-and-durations-by-the-wall",
    "where durations are measured by the wall clock, orders are seen to be stuck when it steps.",
    partial(clocks.clock_steps_of_a_day, without=("monotonic_time",)),
    sign=": placed",  # at the end, when all that was due is due
    orders_max=100,
)
