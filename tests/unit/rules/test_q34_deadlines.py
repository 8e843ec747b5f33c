"""Q34: deadlines restart at each applied since-event and after each firing; a stop ends them, a rest suspends them."""

import pytest

from tests.unit.rules.kit import SHANGHAI, Play, project, reference
from tests.unit.rules.small import MAIL, bill, living_in, small

FAR = f"schedule: [{{id: far, at: 70 days after due_date 09:00, {MAIL}}}]"


def late(name: str, more: str, after: str = "3 days") -> str:
    body = f"""
        deadlines:
          - id: d
            after: {after}
            since: [payment.due_scheduled, payment.due_changed]
            {more}
            do: [{{id: late, {MAIL}}}]
        """
    return small(name, body + "\n        " + FAR, only=name)


JOURNEYS = (
    late("thrice", "at_most: 3"),
    late("stops", "at_most: 9\n            stop: payment.failed"),
    late("elapsed", "at_most: 1", "72 hours"),
    late("one", "at_most: 1"),
)
KINDS = {"changed": "payment.due_changed", "failed": "payment.failed"}


def fired(
    journey: str, events: list[tuple[str, str, int]], zone: str = SHANGHAI, begin: str = "03-01 10:00"
) -> list[str]:
    """Give when `late` went out; the bill comes when it begins."""
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    bill(p, f"2026-{begin}", "2026-03-12", pay_method=journey)
    for when, kind, seq in events:
        p.event(f"2026-{when}", KINDS[kind], policy_id="P-1", installment_no=1, entity="P-1/1", seq=seq)
    p.until("2026-04-30 00:00")
    return [str(when)[5:] for when, _, step in p.sent if step == "late"]


@pytest.mark.parametrize(
    ("journey", "events", "expected"),
    [
        pytest.param("thrice", [], ["03-04 10:00", "03-07 10:00", "03-10 10:00"], id="after each firing, thrice"),
        pytest.param(
            "thrice",
            [("03-03 12:00", "changed", 2)],
            ["03-06 12:00", "03-09 12:00", "03-12 12:00"],
            id="a since-event starts it anew",
        ),
        pytest.param(
            "thrice",
            [("03-05 12:00", "changed", 2)],
            ["03-04 10:00", "03-08 12:00", "03-11 12:00"],
            id="also after a firing, which counts",
        ),
        pytest.param(
            "thrice",
            [("03-04 10:00", "changed", 2)],
            ["03-07 10:00", "03-10 10:00", "03-13 10:00"],
            id="at the instant at which it is due: in time (N10)",
        ),
        pytest.param(
            "thrice",
            [("03-04 10:00:00.001", "changed", 2)],
            ["03-04 10:00", "03-07 10:00:00.001", "03-10 10:00:00.001"],
            id="1 ms too late",
        ),
        pytest.param(
            "thrice",
            [("03-12 12:00", "changed", 2)],
            ["03-04 10:00", "03-07 10:00", "03-10 10:00"],
            id="three firings of the run, not of each start",
        ),
        pytest.param(
            "thrice",
            [("03-02 12:00", "changed", 5), ("03-03 12:00", "changed", 4)],
            ["03-05 12:00", "03-08 12:00", "03-11 12:00"],
            id="a stale event is not applied",
        ),
        pytest.param("stops", [("03-04 10:00", "failed", 2)], [], id="stopped at that instant"),
        pytest.param("stops", [("03-04 10:00:00.001", "failed", 2)], ["03-04 10:00"], id="stopped 1 ms later"),
        pytest.param(
            "stops",
            [("03-08 12:00", "failed", 2), ("03-09 12:00", "changed", 3)],
            ["03-04 10:00", "03-07 10:00"],
            id="for the rest of the run",
        ),
    ],
)
def test_when_a_deadline_fires(journey: str, events: list[tuple[str, str, int]], expected: list[str]) -> None:
    assert fired(journey, events) == expected


# clocks go forward on 8 March in New York
@pytest.mark.parametrize(
    ("zone", "journey", "begin", "expected"),
    [
        ("America/New_York", "one", "03-06 10:00", "03-09 10:00"),
        ("America/New_York", "elapsed", "03-06 10:00", "03-09 11:00"),
        ("America/New_York", "one", "03-05 02:30", "03-08 03:30"),
        ("Australia/Lord_Howe", "one", "04-03 10:00", "04-06 10:00"),  # clocks go back by half an hour on the 5th
        ("Australia/Lord_Howe", "elapsed", "04-03 10:00", "04-06 09:30"),
        ("Pacific/Chatham", "elapsed", "04-03 10:00", "04-06 09:00"),
        ("Asia/Shanghai", "elapsed", "03-06 10:00", "03-09 10:00"),
    ],
)
def test_calendar_time_is_the_customers(zone: str, journey: str, begin: str, expected: str) -> None:
    assert fired(journey, [], zone, begin) == [expected]


# ---- J04.no_update: filed on 2 March at 10:00


CLAIM = {"claim_id": "K", "claim_no": "CN-K", "entity": "K"}
STATUS = "claim.status_changed"
ASKED = "claim.documents_requested"
GOT = "claim.documents_received"


def delays(events: list[tuple[str, str, dict[str, object]]]) -> list[str]:
    p = Play(reference("claim_status"))
    p.event("2026-03-02 10:00", "claim.filed", seq=1, **CLAIM)
    for seq, (when, kind, more) in enumerate(events, 2):
        p.event(f"2026-{when}", kind, seq=seq, **(CLAIM | more))
    p.until("2026-03-31 00:00")
    return [str(when)[5:] for when, channel, step in p.sent if (step, channel) == ("delay", "sms")]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], ["03-05 10:00", "03-08 10:00", "03-11 10:00"], id="silence"),
        pytest.param(
            [("03-04 12:00", STATUS, {"node": "investigation"})],
            ["03-07 12:00", "03-10 12:00", "03-13 12:00"],
            id="news",
        ),
        pytest.param([("03-04 12:00", ASKED, {})], [], id="papers asked for: it rests"),
        pytest.param(
            [("03-04 12:00", ASKED, {}), ("03-14 12:00", GOT, {"complete": True})],
            ["03-17 12:00", "03-20 12:00", "03-23 12:00"],
            id="papers complete: it starts anew",
        ),
        pytest.param(
            [("03-04 12:00", ASKED, {}), ("03-14 12:00", GOT, {"complete": False})], [], id="papers not complete"
        ),
        pytest.param(
            [("03-04 12:00", ASKED, {}), ("03-06 12:00", STATUS, {"node": "docs_review"})], [], id="news while it rests"
        ),
        pytest.param(
            [("03-06 12:00", ASKED, {}), ("03-14 12:00", GOT, {"complete": True})],
            ["03-05 10:00", "03-17 12:00", "03-20 12:00"],
            id="the firing before the rest counts",
        ),
        pytest.param(
            [("03-04 12:00", GOT, {"complete": False})],
            ["03-07 12:00", "03-10 12:00", "03-13 12:00"],
            id="papers that nobody asked for: news",
        ),
        pytest.param(
            [("03-04 12:00", "claim.decided", {"outcome": "approved"}), ("03-06 12:00", STATUS, {"node": "approval"})],
            [],
            id="decided: over",
        ),
    ],
)
def test_the_claims_deadline_rests_while_papers_are_missing(
    events: list[tuple[str, str, dict[str, object]]], expected: list[str]
) -> None:
    assert delays(events) == expected
