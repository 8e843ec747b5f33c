"""N13, Q19: at most one touch of marketing and care a local day, three in any seven, over all journeys and channels."""

import msgspec
import pytest

from sojourn.core.decide import decide
from sojourn.core.model import Deliver, Outcome, Row, State, Tick
from tests.unit.rules.kit import Play, at, project
from tests.unit.rules.small import CARE, MAIL, OFFER, bill, living_in, small

ALL_WAYS = "send: silence_simple_steps, by: [sms, email]"
TEXT = "send: silence_simple_steps, by: sms"
ONCE = "on_cap: drop\n"
JOURNEYS = (
    small("offer", f"{ONCE}flow: [{{id: offer, {OFFER}}}]", klass="marketing", only="offer"),
    small("text", f"{ONCE}flow: [{{id: text, {TEXT}}}]", klass="marketing", only="text"),
    small("dual", f"{ONCE}flow: [{{id: dual, {ALL_WAYS}}}]", klass="marketing", only="dual"),
    small("care", f"{ONCE}flow: [{{id: care, {CARE}}}]", klass="care", only="care"),
    small("service", f"flow: [{{id: service, {MAIL}}}]", only="service"),
    small("must", f"flow: [{{id: must, {MAIL}}}]", klass="mandatory", only="must"),
    small("raised", f"flow: [{{id: raised, class: service, {MAIL}}}]", klass="marketing", only="raised"),
)


def touched(*touches: tuple[str, str], zone: str = "Asia/Shanghai") -> Play:
    """Play messages that are wanted at a local time, each by the journey named."""
    p = Play(project(*JOURNEYS), (living_in(zone),), zone=zone)
    for number, (when, journey) in enumerate(touches, 1):
        bill(p, when, "2026-12-01", no=number, pay_method=journey)
    return p.until("2026-12-31 00:00")


CAPPED = "frequency_cap"


@pytest.mark.parametrize(
    ("zone", "first", "second", "goes"),
    [
        ("Asia/Shanghai", "2026-03-12 00:00", "2026-03-12 23:59:59.999", False),
        ("Asia/Shanghai", "2026-03-12 00:00", "2026-03-13 00:00", True),
        ("Asia/Shanghai", "2026-03-12 23:59:59.999", "2026-03-13 00:00", True),
        ("America/New_York", "2026-03-08 00:00", "2026-03-08 23:59:59.999", False),  # a day of 23 hours
        ("America/New_York", "2026-03-08 00:00", "2026-03-09 00:00", True),
        ("America/New_York", "2026-11-01 00:00", "2026-11-01 23:59:59.999", False),  # a day of 25 hours
        ("America/New_York", "2026-10-31 23:59:59.999", "2026-11-01 00:00", True),
        ("Australia/Lord_Howe", "2026-04-05 00:00", "2026-04-05 23:59:59.999", False),
        ("Australia/Lord_Howe", "2026-04-04 23:59:59.999", "2026-04-05 00:00", True),
        ("Pacific/Chatham", "2026-09-27 00:00", "2026-09-27 23:59:59.999", False),
        ("Pacific/Chatham", "2026-09-27 23:59:59.999", "2026-09-28 00:00", True),
        ("America/Sao_Paulo", "2026-03-12 00:00", "2026-03-12 23:59:59.999", False),
        ("America/Sao_Paulo", "2026-03-12 23:59:59.999", "2026-03-13 00:00", True),
    ],
)
def test_one_touch_a_local_day(zone: str, first: str, second: str, goes: bool) -> None:
    p = touched((first, "offer"), (second, "offer"), zone=zone)
    sent = [(first, "email", "offer")] + ([(second, "email", "offer")] if goes else [])
    assert p.sent == sent
    assert p.not_sent() == ([] if goes else [(second, "offer", "suppressed", CAPPED)])


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        pytest.param(range(1, 11), [1, 2, 3, 8, 9, 10], id="every day"),
        pytest.param([1, 3, 5, 7, 8, 9, 10, 11, 12], [1, 3, 5, 8, 10, 12], id="every other day"),
        pytest.param([1, 6, 7, 8, 9, 13, 14], [1, 6, 7, 8, 13, 14], id="two by two"),
        pytest.param([1, 2, 7, 8, 9], [1, 2, 7, 8, 9], id="never more than three"),
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Chatham"])
def test_three_in_today_and_the_six_days_before(zone: str, wanted: list[int], sent: list[int]) -> None:
    p = touched(*((f"2026-03-{day:02d} 10:00", "offer") for day in wanted), zone=zone)
    assert p.sent == [(f"2026-03-{day:02d} 10:00", "email", "offer") for day in sent]


@pytest.mark.parametrize(
    ("fourth", "goes"),
    [
        ("2026-03-18 00:00", False),
        ("2026-03-18 23:59:59.999", False),
        ("2026-03-19 00:00", True),
    ],
)
def test_seven_days_end_at_midnight(fourth: str, goes: bool) -> None:
    first = [(f"2026-03-{day} 23:00", "offer") for day in (12, 13, 14)]
    p = touched(*first, (fourth, "offer"))
    assert ((fourth, "email", "offer") in p.sent) is goes
    assert len(p.sent) == 3 + goes


@pytest.mark.parametrize(
    ("first", "second", "goes"),
    [
        ("offer", "care", False),
        ("care", "offer", False),
        ("care", "care", False),
        ("text", "offer", False),
        ("offer", "text", False),
        ("service", "offer", True),
        ("must", "care", True),
        ("raised", "offer", True),
        ("offer", "service", True),
        ("care", "must", True),
        ("offer", "raised", True),
        ("service", "must", True),
    ],
)
def test_all_journeys_and_channels_share_it_and_service_has_no_part(first: str, second: str, goes: bool) -> None:
    p = touched(("2026-03-12 10:00", first), ("2026-03-12 11:00", second))
    assert [step for _, _, step in p.sent] == [first, second][: 1 + goes]


# ---- Q19


@pytest.mark.parametrize(
    ("touches", "sent"),
    [
        pytest.param(
            [("12 10:00", "dual"), ("13 10:00", "dual"), ("14 10:00", "dual"), ("15 10:00", "dual")],
            ["12 10:00 sms", "12 10:00 email", "13 10:00 sms", "13 10:00 email", "14 10:00 sms", "14 10:00 email"],
            id="both channels are one touch",
        ),
        pytest.param(
            [("12 22:00", "dual"), ("12 23:00", "offer"), ("13 09:00", "offer"), ("13 10:00", "offer")],
            ["12 22:00 email", "13 08:00 sms", "13 09:00 email"],
            id="on the day of the first hand-over",
        ),
        pytest.param(
            [("12 22:00", "text"), ("12 23:00", "offer"), ("13 09:00", "offer")],
            ["12 23:00 email", "13 08:00 sms"],
            id="a held message has no day yet",
        ),
        pytest.param(
            [("13 07:00", "text"), ("13 07:30", "offer"), ("13 09:00", "offer")],
            ["13 07:30 email"],
            id="and finds its day taken at release",
        ),
        pytest.param(
            [("12 10:00", "offer"), ("12 22:00", "dual")],
            ["12 10:00 email", "13 08:00 sms"],
            id="the e-mail is dropped, the SMS has the next day",
        ),
    ],
)
def test_a_step_is_one_touch_on_the_day_of_its_first_hand_over(touches: list[tuple[str, str]], sent: list[str]) -> None:
    p = touched(*((f"2026-03-{when}", journey) for when, journey in touches))
    assert [f"{when} {channel}" for when, channel, _ in p.sent] == [f"2026-03-{line}" for line in sent]


@pytest.mark.parametrize(
    ("second", "goes"),
    [
        pytest.param("2026-03-11 23:59:59.999", True, id="the 11th of New York has had no touch"),
        pytest.param("2026-03-12 00:00", False, id="the 12th had one in Shanghai"),
        pytest.param("2026-03-12 23:59:59.999", False, id="all day"),
        pytest.param("2026-03-13 00:00", True, id="the 13th"),
    ],
)
def test_a_move_leaves_a_touch_on_its_date(second: str, goes: bool) -> None:
    p = Play(project(*JOURNEYS), zone="America/New_York")
    bill(p, "2026-03-11 22:00", "2026-12-01", pay_method="offer")  # 2026-03-12 10:00 in Shanghai
    p.event("2026-03-11 22:10", "customer.updated", changed=["timezone"], profile={"timezone": "America/New_York"})
    bill(p, second, "2026-12-01", no=2, pay_method="offer")
    p.until("2026-12-31 00:00")
    assert [when for when, _, _ in p.sent] == ["2026-03-11 22:00"] + ([second] if goes else [])


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        pytest.param(Outcome("", "accepted"), True, id="accepted"),
        pytest.param(Outcome("", "unknown"), True, id="in doubt"),
        pytest.param(Outcome("", "refused"), False, id="refused"),
        pytest.param(Outcome("", "unrendered", "render_failed"), False, id="not rendered"),
        pytest.param(None, True, id="given out and not answered yet"),
    ],
)
def test_only_what_may_have_reached_the_customer_counts(outcome: Outcome | None, counts: bool) -> None:
    p = touched()
    state = p.world.states["C1"]
    state, first = wanted(p, state, 1, "2026-12-31 10:00")
    assert isinstance(first, Deliver)
    if outcome is not None:
        now = at("2026-12-31 10:00:01", p.zone)
        state = decide(p.world.book, state, msgspec.structs.replace(outcome, message_id=first.message_id), now).state
    _, second = wanted(p, state, 2, "2026-12-31 11:00")
    if counts:
        assert isinstance(second, Row)
        assert (second.status, second.reason) == ("suppressed", CAPPED)
    else:
        assert isinstance(second, Deliver)


def wanted(p: Play, state: State, number: int, when: str) -> tuple[State, object]:
    """Let an offer be wanted; give the state and what became of it, the hand-over unanswered."""
    fed = []
    p.world.feed = fed.append
    bill(p, when, "2027-12-01", no=number, pay_method="offer")
    begun = decide(p.world.book, state, fed[0], at(when, p.zone))
    judged = decide(p.world.book, begun.state, Tick(), at(when, p.zone))
    return judged.state, judged.commands[0]
