"""design.md, "Time": what goes past a source that nobody can read, what waits, and what its rows say."""

import msgspec
import pytest

from sojourn.core.decide import decide
from sojourn.core.drive import complete, let_through
from sojourn.core.model import Behind, CallOut, Deliver, HandOver, Row, Run, State, Tick
from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import MAIL, OFFER, SMS, bill, small

replace = msgspec.structs.replace
SOURCE = "kafka:cj.payment.v1/3"
JOURNEY = small(
    "stalled",
    f"""
    schedule:
      - {{id: must, at: due_date 09:00, {MAIL}, class: mandatory, valid_for: 2 days}}
      - {{id: serve, at: due_date 09:00, {SMS}, valid_for: 1 day}}
      - {{id: sell, at: due_date 09:00, {OFFER}, class: marketing, valid_for: 3 days}}
    flow:
      - wait: 240 hours
      - {{id: after, {MAIL}}}
    deadlines:
      - id: staff
        after: 72 hours
        since: payment.due_scheduled
        at_most: 1
        do:
          - {{id: ring, call: escalate, with: {{level: L1, claim_id: = policy_id}}}}
          - {{id: sorry, {MAIL}, valid_for: 12 hours}}
      - id: quiet
        after: 73 hours
        since: payment.due_scheduled
        at_most: 1
        do: [{{id: whisper, {OFFER}, class: marketing}}]
    """,
)


def waiting() -> tuple[Play, State]:
    """A customer whose bill came on 1 March at 10:00 and is due on the 12th; nothing has run since."""
    play = Play(project(JOURNEY))
    bill(play, "2026-03-01 10:00", "2026-03-12")
    return play, play.world.states["C1"]


def past(when: str, state: State, play: Play) -> tuple[State, list[str], list[tuple[str | None, str, str | None]]]:
    """Give what goes past the stalled source at a local time: the state, what is handed over or called, the rows."""
    driven = let_through(play.world.book, state, at(when, play.zone), Behind(SOURCE, at("2026-03-01 10:00", play.zone)))
    out = [one.send.step for one in driven.commands if isinstance(one, Deliver | CallOut)]
    rows = [(one.step, one.status, one.reason) for one in driven.commands if isinstance(one, Row)]
    return driven.state, out, rows


@pytest.mark.parametrize(
    ("when", "out"),
    [
        pytest.param("2026-03-04 09:59:59.999", [], id="nothing is due"),
        pytest.param("2026-03-04 10:00", ["ring"], id="a deadline that calls staff fires at once, its message waits"),
        pytest.param("2026-03-04 11:00", ["ring"], id="one that only sends marketing does not fire"),
    ],
)
def test_deadlines(when: str, out: list[str]) -> None:
    play, state = waiting()
    assert past(when, state, play)[1] == out


def test_the_message_of_such_a_deadline_goes_six_hours_before_it_expires() -> None:
    play, state = waiting()
    state = past("2026-03-04 10:00", state, play)[0]
    assert past("2026-03-04 15:59:59.999", state, play)[1] == []
    assert past("2026-03-04 16:00", state, play)[1] == ["sorry"]


def test_a_mandatory_touch_goes_at_once_service_six_hours_before_its_end_and_marketing_not_at_all() -> None:
    play, state = waiting()
    seen = {}
    for when in ("2026-03-12 09:00", "2026-03-13 02:59:59.999", "2026-03-13 09:00"):
        state, out, _ = past(when, state, play)
        seen[when] = [step for step in out if step in ("must", "serve", "sell")]
    assert seen == {
        "2026-03-12 09:00": ["must"],
        "2026-03-13 02:59:59.999": [],
        "2026-03-13 09:00": ["serve"],
    }


def test_service_goes_at_the_very_instant_six_hours_before_its_validity_ends() -> None:
    play, state = waiting()
    state = past("2026-03-12 09:00", state, play)[0]
    early = [one for one in past("2026-03-13 02:59:59.999", state, play)[0].hot.sends if one.step == "serve"]
    on_time = [one for one in past("2026-03-13 03:00", state, play)[0].hot.sends if one.step == "serve"]
    assert not early
    assert [(one.status, one.reason, one.behind) for one in on_time] == [("held", "quiet_hours", SOURCE)]


def test_ends_of_waits_and_expiry_wait_for_the_source() -> None:
    play, state = waiting()
    for when in ("2026-03-11 10:00", "2026-06-30 00:00"):
        after, out, _ = past(when, state, play)
        (run,) = after.runs.values()
        assert run.ended is None
        assert "after" not in out
        assert any(copy.body == "flow" and copy.until is not None for copy in run.copies)


def test_what_is_held_says_so_once_and_names_the_source_and_goes_on_when_it_is_read() -> None:
    play, state = waiting()
    state, _, rows = past("2026-03-04 10:00", state, play)
    assert ("sorry", "held", "intake_behind") in rows
    state, _, again = past("2026-03-04 10:01", state, play)
    assert again == []
    read = complete(play.world.book, state, at("2026-03-04 10:02", play.zone))
    assert "sorry" in [one.send.step for one in read.commands if isinstance(one, Deliver)]


def test_a_row_of_what_was_let_through_names_the_source() -> None:
    play, state = waiting()
    driven = let_through(
        play.world.book, state, at("2026-03-13 23:00", play.zone), Behind(SOURCE, at("2026-03-01 10:00", play.zone))
    )
    rows = [one for one in driven.commands if isinstance(one, Row) and one.step in ("must", "serve")]
    assert rows
    assert all(one.detail.get("stalled_source") == SOURCE for one in rows if one.reason != "intake_behind")


def test_marketing_that_is_asked_while_the_intake_is_behind_is_held_for_a_minute_and_service_goes() -> None:
    play, state = waiting()
    now = at("2026-03-12 09:00", play.zone)
    ready = complete(play.world.book, state, now)
    orders = {one.send.step: one for one in ready.commands if isinstance(one, Deliver)}
    behind = Behind(SOURCE, now - 40_000)
    sell = decide(play.world.book, ready.state, HandOver(orders["sell"].message_id, behind), now + 1)
    (row,) = [one for one in sell.commands if isinstance(one, Row)]
    assert (row.status, row.reason, row.next_at) == ("held", "intake_behind", now + 60_001)
    serve = decide(play.world.book, ready.state, HandOver(orders["serve"].message_id, behind), now + 1)
    assert [type(one) for one in serve.commands] == [Deliver]


def test_a_late_tick_takes_only_timers_up_to_its_own_instant() -> None:
    play, state = waiting()
    clock = at("2026-03-05 10:00", play.zone)
    state = replace(state, hot=replace(state.hot, clock=clock))  # an event of another source has come meanwhile
    first = decide(play.world.book, state, Tick(at("2026-03-04 10:00", play.zone)), at("2026-03-04 10:00", play.zone))
    assert [one.id for one in _run(first.state).deadlines if one.fired] == ["staff"]
    assert [one.send.step for one in first.commands if isinstance(one, CallOut)] == ["ring"]
    second = decide(play.world.book, state, Tick(), clock)
    assert [one.id for one in _run(second.state).deadlines if one.fired] == ["quiet", "staff"]


def _run(state: State) -> Run:
    (run,) = state.runs.values()
    return run
