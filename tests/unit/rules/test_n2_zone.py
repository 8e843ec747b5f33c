"""N2: the customer's zone decides touch times, quiet hours and days of the cap; contract dates have none."""

import pytest

from tests.unit.rules.kit import Play, at, project, reference
from tests.unit.rules.small import CARE, MAIL, SMS, bill, living_in, small

TOUCH = small("touch", f"schedule: [{{id: t, at: due_date 09:00, {MAIL}}}]", only="touch")
NOW = small("now", f"flow: [{{id: n, {SMS}}}]", only="now")
CARING = small("caring", f"flow: [{{id: c, {CARE}}}]", klass="care", only="care")


def play(zone: str | None, *, written_in: str = "UTC") -> Play:
    return Play(project(TOUCH, NOW, CARING), (living_in(zone),), zone=written_in)


@pytest.mark.parametrize(
    ("zone", "due", "utc"),
    [
        (None, "2026-03-12", "2026-03-12 01:00"),  # nobody has said: Asia/Shanghai
        ("Asia/Shanghai", "2026-03-12", "2026-03-12 01:00"),
        ("Asia/Shanghai", "2026-07-12", "2026-07-12 01:00"),
        ("America/New_York", "2026-03-07", "2026-03-07 14:00"),
        ("America/New_York", "2026-03-12", "2026-03-12 13:00"),
        ("Europe/London", "2026-03-12", "2026-03-12 09:00"),
        ("Europe/London", "2026-07-12", "2026-07-12 08:00"),
        ("Australia/Lord_Howe", "2026-03-12", "2026-03-11 22:00"),
        ("Australia/Lord_Howe", "2026-07-12", "2026-07-11 22:30"),
        ("Pacific/Chatham", "2026-03-12", "2026-03-11 19:15"),
        ("Pacific/Chatham", "2026-07-12", "2026-07-11 20:15"),
        ("America/Sao_Paulo", "2026-03-12", "2026-03-12 12:00"),
        ("Asia/Kathmandu", "2026-03-12", "2026-03-12 03:15"),
        ("Pacific/Kiritimati", "2026-03-12", "2026-03-11 19:00"),
        ("Pacific/Pago_Pago", "2026-03-12", "2026-03-12 20:00"),
    ],
)
def test_nine_o_clock_is_the_customers_and_the_date_stays_the_contracts(zone: str | None, due: str, utc: str) -> None:
    p = play(zone)
    bill(p, "2026-02-01 10:00", due, pay_method="touch")
    p.until("2026-09-01 00:00")
    assert [(row.handed_over_at, row.anchor) for row in p.rows] == [(at(utc), due)]


# an SMS wanted on 2026-03-12 01:30 UTC
@pytest.mark.parametrize(
    ("zone", "goes"),
    [
        pytest.param(None, "2026-03-12 01:30", id="not known, as Shanghai 09:30"),
        pytest.param("America/New_York", "2026-03-12 12:00", id="New York, 21:30 the day before"),
        pytest.param("America/Sao_Paulo", "2026-03-12 11:00", id="Sao Paulo, 22:30 the day before"),
        pytest.param("Europe/London", "2026-03-12 08:00", id="London, 01:30"),
        pytest.param("Asia/Kathmandu", "2026-03-12 02:15", id="Kathmandu, 07:15"),
        pytest.param("Pacific/Chatham", "2026-03-12 01:30", id="Chatham, 15:15"),
        pytest.param("Pacific/Honolulu", "2026-03-12 01:30", id="Honolulu, 15:30 the day before"),
    ],
)
def test_the_night_is_the_customers(zone: str | None, goes: str) -> None:
    p = play(zone)
    bill(p, "2026-03-12 01:30", "2026-04-01", pay_method="now")
    p.until("2026-03-14 00:00")
    assert p.sent == [(goes, "sms", "n")]


# care e-mails wanted on 2026-03-12 at 03:00 and 05:00 UTC; the second goes too where a midnight lies between
@pytest.mark.parametrize(
    ("zone", "second"),
    [
        pytest.param(None, "2026-03-13 05:00", id="not known, as Shanghai"),
        pytest.param("Asia/Shanghai", "2026-03-13 05:00", id="Shanghai 11:00 and 13:00"),
        pytest.param("America/New_York", "2026-03-12 05:00", id="New York 23:00 and 01:00"),
        pytest.param("America/Chicago", "2026-03-12 05:00", id="Chicago 22:00 and 00:00"),
        pytest.param("America/Sao_Paulo", "2026-03-13 05:00", id="Sao Paulo 00:00 and 02:00"),
        pytest.param("Pacific/Pago_Pago", "2026-03-13 05:00", id="Pago Pago 16:00 and 18:00"),
        pytest.param("Australia/Lord_Howe", "2026-03-13 05:00", id="Lord Howe 14:00 and 16:00"),
    ],
)
def test_a_day_of_the_cap_is_the_customers(zone: str | None, second: str) -> None:
    p = play(zone)
    bill(p, "2026-03-12 03:00", "2026-04-01", pay_method="care")
    bill(p, "2026-03-12 05:00", "2026-04-01", no=2, pay_method="care")
    p.until("2026-03-20 00:00")
    assert p.sent == [("2026-03-12 03:00", "email", "c"), (second, "email", "c")]


@pytest.mark.parametrize(
    ("to", "utc"),
    [
        pytest.param("America/New_York", "2026-03-12 13:00", id="west"),
        pytest.param("Pacific/Chatham", "2026-03-11 19:15", id="east"),
        pytest.param(None, "2026-03-12 01:00", id="no longer known"),
    ],
)
def test_a_pending_touch_moves_with_the_customer(to: str | None, utc: str) -> None:
    p = play("Europe/London")
    bill(p, "2026-02-01 10:00", pay_method="touch")
    p.event("2026-03-01 10:00", "customer.updated", changed=["timezone"], profile={"timezone": to})
    p.until("2026-04-01 00:00")
    assert p.sent == [(utc, "email", "t")]


# held in Shanghai from 21:30 to 08:00, which is 2026-03-13 00:00 UTC; the customer moves in the night
@pytest.mark.parametrize(
    ("to", "goes"),
    [
        pytest.param("Asia/Shanghai", "2026-03-13 00:00", id="stayed"),
        pytest.param("America/New_York", "2026-03-13 00:00", id="New York 20:00"),
        pytest.param("Australia/Sydney", "2026-03-13 00:00", id="Sydney 11:00"),
        pytest.param("Europe/London", "2026-03-13 08:00", id="London 00:00, held again"),
        pytest.param("America/Sao_Paulo", "2026-03-13 11:00", id="Sao Paulo 21:00, held again"),
        pytest.param("Asia/Kathmandu", "2026-03-13 02:15", id="Kathmandu 05:45, held again"),
    ],
)
def test_the_zone_is_read_again_at_release(to: str, goes: str) -> None:
    p = play("Asia/Shanghai")
    bill(p, "2026-03-12 13:30", "2026-04-01", pay_method="now")
    p.event("2026-03-12 20:00", "customer.updated", changed=["timezone"], profile={"timezone": to})
    p.until("2026-03-14 00:00")
    assert p.sent == [(goes, "sms", "n")]


@pytest.mark.parametrize("published", [False, True])
def test_a_lapse_is_published_and_never_computed(published: bool) -> None:
    p = Play(reference("renewal_premium", "lapse_reinstatement"))
    bill(p, "2026-02-01 10:00", no=3)
    if published:
        p.event("2026-05-12 10:00", "policy.lapsed", policy_id="P-1", lapse_date="2026-05-12")
    p.until("2026-07-01 00:00")
    notices = {row.template for row in p.rows if row.status == "sent" and row.journey == "lapse_reinstatement"}
    assert ("lapse_notice" in notices) is published
    assert (("renewal_premium", "lapsed") in p.ends) is published
