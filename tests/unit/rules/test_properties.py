"""What holds for every history of every journey: the sum, no doubles, nothing after the end, replay, batches, order.

Sixteen random small journeys (the same on every machine) run side by side, so that caps, priorities and
reservations cross; hypothesis makes the histories.
"""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sojourn.core.model import Hot, Memory, Profile, Row, Run, State
from sojourn.definitions.project import Project
from sojourn.rows import row_json
from tests.unit.rules.kit import CUSTOMER, Play, at, project
from tests.unit.rules.small_journeys import small_journey

TERMINAL = ("sent", "suppressed", "failed", "in_doubt", "skipped")
DAY = 86_400_000
PROFILE = settings(
    max_examples=int(os.environ.get("SOJOURN_TEST_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class Happening(NamedTuple):
    """One event of a history: minutes after the last, its type and fields."""

    minutes: int
    type: str
    fields: tuple[tuple[str, Any], ...]
    seq: int
    customer: str


def _fields(kind: str, installment: int, day: int) -> dict[str, Any]:
    match kind:
        case "payment.due_scheduled" | "payment.due_changed":
            return {"policy_id": "P-1", "installment_no": installment, "due_date": f"2026-03-{day:02d}"}
        case "payment.received":
            paid = "0.00" if day % 2 else "10.00"
            return {"policy_id": "P-1", "installment_no": installment, "outstanding_cny": paid}
        case "payment.failed":
            return {"policy_id": "P-1", "installment_no": installment, "attempt_no": 1 + day % 3}
        case "policy.cancelled" | "policy.reinstated":
            return {"policy_id": "P-1"}
        case "consent.changed":
            return {"purpose": "marketing", "channel": ("sms", "email", "all")[day % 3], "granted": day % 2 == 0}
        case _:
            zones = ("Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
            return {"changed": ["timezone"], "profile": {"timezone": zones[day % 4]}}


KINDS = (
    *("payment.due_scheduled",) * 4,
    *("payment.due_changed",) * 2,
    *("payment.received", "payment.failed", "policy.cancelled", "policy.reinstated"),
    *("consent.changed", "customer.updated"),
)


@st.composite
def histories(draw: st.DrawFn, customers: Sequence[str] = ("C1",)) -> list[Happening]:
    """Draw up to fourteen events over some weeks of spring, clock changes included."""
    history = []
    for n in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(KINDS))
        fields = _fields(kind, draw(st.integers(1, 2)), draw(st.integers(1, 28)))
        minutes = draw(st.one_of(st.just(0), st.integers(1, 60), st.integers(60, 12 * 1440)))
        seq = draw(st.integers(max(1, n - 2), n + 2))
        history.append(Happening(minutes, kind, tuple(fields.items()), seq, draw(st.sampled_from(list(customers)))))
    return history


def world() -> Project:
    return project(*(small_journey(f"small_{n}", n) for n in range(16)))


def play(history: Sequence[Happening], stops: Sequence[int] = (), *, stored: bool = False) -> Play:
    """Play a history; stop the clock at further instants, keep states as bytes in between."""
    people = [CUSTOMER | {"customer_id": name} for name in sorted({h.customer for h in history} | {"C1"})]
    game = Play(world(), people, begin="2026-02-20 00:00")
    now = at("2026-02-25 08:00", game.zone)
    for n, happening in enumerate(history):
        for stop in stops:
            if now < stop < now + happening.minutes * 60_000:
                game.world.run_before(stop)
        now += happening.minutes * 60_000
        if stored:
            game.world.states = {name: _stored(state) for name, state in game.world.states.items()}
        game.event(
            _utc(now), happening.type, id=f"e{n}", customer=happening.customer,
            entity=f"{happening.type}-{happening.customer}", seq=happening.seq, **dict(happening.fields),
        )  # fmt: skip
    game.world.run_through(now + 200 * DAY)
    return game


def _utc(instant: int) -> str:
    from sojourn.rows import instant_text

    return instant_text(instant)


def _stored(state: State) -> State:
    """Write every part of a state and read it again, as a store does."""

    def again(part: Any, kind: type) -> Any:
        return msgspec.msgpack.decode(msgspec.msgpack.encode(part), type=kind)

    return State(
        state.customer,
        again(state.hot, Hot),
        again(state.profile, Profile),
        again(state.memory, Memory),
        {name: again(run, Run) for name, run in state.runs.items()},
        state.tombs,
    )


def by_message(rows: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.message_id, []).append(row.status)
    return found


def texts(game: Play) -> list[dict[str, Any]]:
    return [row_json(row) for row in game.rows]


@PROFILE
@given(histories())
def test_each_message_ends_once_or_is_open(history: list[Happening]) -> None:
    game = play(history)
    still_open = {send.id for state in game.world.states.values() for send in state.hot.sends}
    for message, statuses in by_message([row for row in game.rows if row.reason != "not_entered"]).items():
        ended = [status for status in statuses if status in TERMINAL]
        assert len(ended) == (0 if message in still_open else 1), (message, statuses)
        assert not ended or statuses[-1] == ended[0], "a decision after the last one"
    assert not still_open, "nothing can be open two hundred days later"


@PROFILE
@given(histories())
def test_nothing_is_sent_after_the_end_but_what_the_end_sends(history: list[Happening]) -> None:
    game = play(history)
    ended: dict[str | None, int] = {}
    for note in game.notes:
        if note.kind == "ended":
            ended[note.run_id] = 1
    assert len(ended) == sum(1 for note in game.notes if note.kind == "started"), "every run ends, and once"
    thanks = Counter(row.run_id for row in game.rows if row.step == "thanks" and row.status == "sent")
    assert all(count == 1 for count in thanks.values())


@PROFILE
@given(histories())
def test_no_cap_is_passed_and_no_text_goes_at_night(history: list[Happening]) -> None:
    game = play(history)
    touches: dict[tuple[str | None, str | None, str | None], int] = {}
    for row in game.rows:
        if row.status == "sent" and row.channel == "sms" and row.handed_over_at is not None:
            assert row.klass is not None
        if row.status == "sent" and row.klass in ("marketing", "care") and row.channel != "call":
            touches.setdefault((row.run_id, row.step, row.anchor), row.handed_over_at or 0)
    instants = sorted(touches.values())
    for first, fourth in zip(instants, instants[3:], strict=False):
        assert fourth - first > 5 * DAY, "four touches within seven local days"


@PROFILE
@given(histories())
def test_a_replay_gives_the_same_rows(history: list[Happening]) -> None:
    assert texts(play(history)) == texts(play(history))


@PROFILE
@given(histories(), st.lists(st.integers(0, 120 * 1440), max_size=12))
def test_stopping_anywhere_changes_nothing(history: list[Happening], minutes: list[int]) -> None:
    begin = at("2026-02-25 08:00", "Asia/Shanghai")
    stops = sorted(begin + minute * 60_000 for minute in minutes)
    assert texts(play(history, stops)) == texts(play(history))


@PROFILE
@given(histories())
def test_storing_and_reading_the_state_changes_nothing(history: list[Happening]) -> None:
    assert texts(play(history, stored=True)) == texts(play(history))


@PROFILE
@given(histories(customers=("C1", "C2", "C3")), st.randoms(use_true_random=False))
def test_customers_of_one_instant_may_come_in_any_order(history: list[Happening], source: Any) -> None:
    """Events of the same instant are shuffled, those of one customer keep their order."""
    shuffled: list[Happening] = []
    group: list[Happening] = []
    for happening in [*history, None]:
        if happening is None or (happening.minutes and group):
            shuffled += _shuffle(group, source)
            group = []
        if happening is not None:
            group.append(happening)
    one, other = play(history), play(shuffled)

    def rows(game: Play) -> Counter[tuple[Any, ...]]:
        return Counter(
            (r.customer_id, r.journey, r.step, r.channel, r.status, r.reason, r.decided_at) for r in game.rows
        )

    assert rows(one) == rows(other)


def _shuffle(group: list[Happening], source: Any) -> list[Happening]:
    """Interleave the customers anew; the first keeps the minutes of the group."""
    if not group:
        return []
    queues = {name: [h for h in group if h.customer == name] for name in {h.customer for h in group}}
    names = [h.customer for h in group]
    source.shuffle(names)
    mixed = [queues[name].pop(0) for name in names]
    minutes = sum(h.minutes for h in group)
    return [h._replace(minutes=minutes if n == 0 else 0) for n, h in enumerate(mixed)]


@PROFILE
@given(histories())
def test_a_decision_leaves_its_input_as_it_was(history: list[Happening]) -> None:
    from sojourn.core.decide import decide
    from sojourn.core.due import next_due, watch_points
    from sojourn.core.model import Tick

    game = play(history[:4])
    for state in game.world.states.values():
        before = state.key()
        due = next_due(game.world.book, state)
        now = due if due is not None else state.hot.clock + DAY
        first = decide(game.world.book, state, Tick(), now)
        second = decide(game.world.book, state, Tick(), now)
        assert state.key() == before
        assert first.state.key() == second.state.key()
        assert first.commands == second.commands
        assert all(isinstance(point, int) for point in watch_points(game.world.book, state))
