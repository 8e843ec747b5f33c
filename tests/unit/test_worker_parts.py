"""Small parts of a worker: roles, how many partitions count, when a topic is rubbish, what the control topic takes."""

import asyncio

import pytest
from prometheus_client import generate_latest

from sojourn.bootstrap.control import obey
from sojourn.bootstrap.figures import Figures, show
from sojourn.bootstrap.inflow import ENOUGH_BAD, Taster
from sojourn.bootstrap.loops import Loops, at_most
from sojourn.bootstrap.metrics import Metrics
from sojourn.bootstrap.partitions import Partitions
from sojourn.bootstrap.roles import roles_of
from sojourn.bootstrap.trouble import Trouble
from sojourn.errors import ConfigurationError, MustStop
from sojourn.kafka.access import KafkaAccess
from sojourn.ports import Conflict, StoreBusy
from sojourn.records import LaneDepth, Move, Position, Waiting
from sojourn.store.memory import MemoryStore


def clock() -> int:
    """Stand still."""
    return 1_780_000_000_000


def test_roles() -> None:
    assert roles_of("intake, timers") == {"intake", "timers"}
    with pytest.raises(ConfigurationError, match="delivery"):
        roles_of("delivry")
    with pytest.raises(ConfigurationError, match="Roles are"):
        roles_of(" ,")


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        (None, {"a": 3, "b": 1, "c": 1}),
        ({"a": 6}, {"a": 6}),
        ({"a": 2, "b": 4}, {"a": 3, "b": 4}),
        ({"b": 1}, {"a": 3, "b": 1}),
    ],
)
def test_never_fewer_partitions_than_are_known(told: dict[str, int] | None, counts: dict[str, int]) -> None:
    partitions = Partitions(KafkaAccess("127.0.0.1:1"))
    partitions.told(told)
    stored = {"kafka:a/2": Position(1, 0), "intake": Position(1, 0), "kafka:gone/7": Position(1, 0)}
    assert partitions.counts(("a", "b", "c"), stored) == counts


def test_without_a_single_topic_timers_wait() -> None:
    """Nothing to wait for would mean an embedded engine, which closes instants."""
    partitions = Partitions(KafkaAccess("127.0.0.1:1"))
    partitions.told({})
    assert partitions.counts(("a", "b"), {}) == {"a": 1}


def test_a_topic_is_rubbish_when_most_of_its_latest_records_are() -> None:
    taster = Taster()
    assert not any(taster.spoilt(bad=n % 3 == 0) for n in range(10 * ENOUGH_BAD))
    assert any(taster.spoilt(bad=True) for _ in range(3 * ENOUGH_BAD))


def test_a_few_bad_records_are_not_many() -> None:
    taster = Taster()
    assert not any(taster.spoilt(bad=True) for _ in range(ENOUGH_BAD // 2 - 1))
    assert taster.spoilt(bad=True)


async def test_the_control_topic_keeps_what_it_cannot_read() -> None:
    store = MemoryStore(clock)
    await store.open()
    async with store.transaction() as tx:
        await tx.advance([Move("kafka:a/0", None, Position(1, 0))])
    good = b'{"kind": "waive", "sources": ["a"], "seconds": 60, "by": "A. Lee", "reason": "rehearsal"}'
    assert await obey(store, good) == "waive"
    assert [one.source for one in await store.views.waivers()] == ["kafka:a/0"]
    for bad in (
        b"", None, b"\xff", b"[]", b"[" * 100_000, b'{"kind": "dance"}', b'{"x": ' + b"[" * 100_000,
        good.replace(b"60", b"0"), good.replace(b'"a"', b'"b"'), good.replace(b"Lee", b"Lee\\u0000"),
        good.replace(b"Lee", b"\\ud800"), good.replace(b"Lee", b"\xff"), good.replace(b"A. Lee", b"  "),
    ):  # fmt: skip
        assert await obey(store, bad) == "refused"
    assert await store.views.dead_letter_counts() == {"bad_control": 13}


async def test_loops_go_on_after_what_may_go_well_later_and_end_at_what_does_harm() -> None:
    trouble = Trouble(Metrics(), clock)
    loops = Loops(trouble, clock)
    turns: list[Exception] = [StoreBusy("away"), ValueError("a fault"), MustStop("harm")]

    async def turn() -> None:
        raise turns.pop(0)

    loops.start({"turn": turn})
    async with asyncio.timeout(10):
        await loops.until_stopped()
    await loops.end()
    assert isinstance(loops.failure, MustStop)
    assert isinstance(trouble.store, StoreBusy)
    assert trouble.faults["turn"].startswith("ValueError at test_worker_parts.py:")
    assert loops.alive == {"turn": False}


async def test_a_conflict_is_no_store_that_is_away() -> None:
    trouble = Trouble(Metrics(), clock)
    trouble.note(Conflict("somebody else"), "intake")
    assert trouble.store is None


async def test_an_end_that_takes_too_long_is_left_alone() -> None:
    async def long() -> None:
        await asyncio.sleep(3600)

    async def wrong() -> None:
        raise ValueError

    async with asyncio.timeout(2):
        await at_most(0.05, {"long": long(), "wrong": wrong()})


def test_what_waits_is_shown_with_ages_by_lane() -> None:
    metrics, now = Metrics(), clock()
    lanes = (LaneDepth("sms", "urgent", 3, 1, now - 2_500), LaneDepth("email", "bulk", 0, 2, None))
    waiting = Waiting(
        lanes=lanes, due={"bulk": now - 4_000, "normal": now + 9}, letters={"bad_json": 7}, in_doubt=2, outgoing=5
    )
    show(metrics, Figures(at=now, waiting=waiting))
    shown = generate_latest(metrics.registry).decode().splitlines()
    for line in (
        'sojourn_outbox_ready{channel="sms",lane="urgent"} 3.0',
        'sojourn_outbox_oldest_seconds{channel="sms",lane="urgent"} 2.5',
        'sojourn_outbox_oldest_seconds{channel="email",lane="bulk"} 0.0',
        'sojourn_timers_oldest_seconds{lane="bulk"} 4.0',
        'sojourn_timers_oldest_seconds{lane="normal"} 0.0',
        'sojourn_open_dead_letters{reason="bad_json"} 7.0',
        "sojourn_in_doubt 2.0",
        "sojourn_output_backlog 5.0",
    ):
        assert line in shown
    show(metrics, Figures(at=now))  # what does not wait any more is not shown with its last figure
    shown = generate_latest(metrics.registry).decode().splitlines()
    assert "sojourn_output_backlog 0.0" in shown
    assert not any(line.startswith(("sojourn_outbox_ready{", "sojourn_open_dead_letters{")) for line in shown)
