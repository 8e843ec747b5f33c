"""Premiums of a year: scheduled, moved, debited, paid late, in parts, or never (W5-W7)."""

from calendar import monthrange
from datetime import date
from random import Random
from typing import Final

from benchmarks.synthetic.days import (
    FIRST,
    LAST,
    Table,
    any_day,
    at,
    batch_time,
    hour,
    iso_day,
    open_day,
)
from benchmarks.synthetic.people import Policy
from benchmarks.synthetic.story import Story
from sojourn.core.zones import HOUR, MINUTE

GRACE: Final = 60
_APART: Final = {"annual": 12, "semiannual": 6, "quarterly": 3, "monthly": 1}
# When those pay who do not have it debited: first and last day around the due date, share in percent (W6). Who pays
# by the month leaves it unpaid more seldom, so that lapses are 2.3% of policies a year (W7).
_SPANS: Final = ((-45, -7), (-7, -3), (-3, 0), (0, 7), (8, 30), (31, 59))
_WHEN: Final = Table((22, 18, 24, 16, 10, 5.5, 4.5))
_WHEN_MONTHLY: Final = Table((22, 18, 24, 16, 10, 7.6, 2.4))
_REMINDED: Final = (-7, -3, 0, 7, 30)
_IN_SPAN: Final = tuple(
    Table([1.6 if any(day - 2 < reminder <= day for reminder in _REMINDED) else 1.0 for day in range(a, b + 1)])
    for a, b in _SPANS
)
_REASONS: Final = ("insufficient_funds", "card_expired", "account_closed", "limit_exceeded", "bank_error")
_REASON: Final = Table((62, 9, 9, 8, 12))


class Installment:
    """One premium of a policy on its way to be paid."""

    def __init__(self, story: Story, policy: Policy, number: int, due: int) -> None:
        self.story = story
        self.policy = policy
        self.number = number
        self.due = due
        self.ahead = 10 if policy.frequency == "monthly" else 45
        self.entity = f"{policy.id}-{number}"

    def say(self, instant: int, type: str, **payload: object) -> None:
        """Publish an event of this installment."""
        named = {"policy_id": self.policy.id, "installment_no": self.number}
        self.story.say(instant, type, "installment", self.entity, named | payload)

    def run(self, rng: Random) -> bool:
        """Tell what becomes of it; False: it is never paid."""
        self._schedule(rng)
        draw = rng.random()
        for _ in range(2 if draw < 0.001 else 1 if draw < 0.013 else 0):
            self._move(rng)
        if self.policy.auto:
            return self._debit(rng)
        return self._by_hand(rng)

    def _schedule(self, rng: Random) -> None:
        policy = self.policy
        self.say(
            at(self.due - self.ahead, batch_time(rng)), "payment.due_scheduled",
            due_date=iso_day(self.due), amount_cny=policy.installment, frequency=policy.frequency,
            pay_method="auto_debit" if policy.auto else "manual", product_name=policy.name,
        )  # fmt: skip

    def _move(self, rng: Random) -> None:
        old = self.due
        self.due += rng.randint(3, 20)
        told = at(old - rng.randint(1, min(self.ahead - 1, 30)), hour(rng))
        self.say(
            told, "payment.due_changed",
            old_due_date=iso_day(old), due_date=iso_day(self.due), amount_cny=self.policy.installment,
        )  # fmt: skip

    def _debit(self, rng: Random) -> bool:
        for attempt, (day, fails, retry) in enumerate(((0, 0.06, 3), (3, 0.55, 7), (7, 0.65, 0)), 1):
            instant = at(self.due + day, 2 * HOUR + int(rng.random() * 4 * HOUR))
            if rng.random() >= fails:
                self._received(instant, self.due + day, "auto_debit")
                return True
            self.say(
                instant, "payment.failed",
                attempt_no=attempt, amount_cny=self.policy.installment, reason_code=_REASONS[_REASON.draw(rng)],
                next_retry_date=iso_day(self.due + retry) if retry else None, due_date=iso_day(self.due),
            )  # fmt: skip
            if attempt == 1 and rng.random() < 0.2:
                self._paid_on(rng, self.due + rng.randint(0, 2), after=instant)
                return True
        if rng.random() < 0.07:
            return False
        self._paid_on(rng, self.due + rng.randint(8, 45))
        return True

    def _by_hand(self, rng: Random) -> bool:
        span = (_WHEN_MONTHLY if self.policy.frequency == "monthly" else _WHEN).draw(rng)
        if span == len(_SPANS):
            return False
        if rng.random() < 0.004:  # in the very minute of a reminder
            day = self.due + (0 if rng.random() < 0.5 else -3)
            self._received(at(day, 9 * HOUR + int(rng.random() * MINUTE), self.story.zone), day, "bank")
            return True
        day = self.due + _SPANS[span][0] + _IN_SPAN[span].draw(rng)
        self._paid_on(rng, max(day, self.due - self.ahead + 1))
        return True

    def _paid_on(self, rng: Random, day: int, after: int = 0) -> None:
        day = min(open_day(rng, day, 0.45), self.due + GRACE)
        instant = max(at(day, hour(rng), self.story.zone), after + MINUTE)
        if rng.random() >= 0.003:
            self._received(instant, day, "bank")
            return
        whole = float(self.policy.installment)
        part = f"{whole / 2:.2f}"
        rest = f"{whole - float(part):.2f}"
        self._received(instant, day, "bank", part, rest)
        later = min(day + rng.randint(1, 5), self.due + GRACE)
        self._received(max(at(later, hour(rng), self.story.zone), instant + MINUTE), later, "bank", rest)

    def _received(self, instant: int, day: int, method: str, amount: str = "", left: str = "0.00") -> None:
        self.say(
            instant, "payment.received",
            amount_cny=amount or self.policy.installment, outstanding_cny=left, paid_date=iso_day(day), method=method,
        )  # fmt: skip


def year_of_premiums(story: Story, policy: Policy, rng: Random) -> None:
    """Tell the installments of a policy that are due in the year, up to a lapse."""
    if policy.frequency == "single":
        return
    number = policy.first_no
    lapsed: int | None = None
    for month in range(policy.month, 13, _APART[policy.frequency]):
        due = date(2026, month, min(policy.day, monthrange(2026, month)[1])).toordinal()
        if lapsed is not None and due - 10 >= lapsed:
            break
        installment = Installment(story, policy, number, due)
        if not installment.run(rng) and lapsed is None:
            lapsed = installment.due + GRACE + 1
            _lapse(story, policy, number, lapsed, rng)
        number += 1


def _lapse(story: Story, policy: Policy, number: int, day: int, rng: Random) -> None:
    story.say(
        at(day, batch_time(rng)), "policy.lapsed", "policy", policy.id,
        {
            "policy_id": policy.id, "product_name": policy.name, "lapse_date": iso_day(day),
            "unpaid_installment_no": number, "reinstate_deadline": iso_day(day + 729),
        },
    )  # fmt: skip
    if rng.random() < 0.18:
        back = open_day(rng, day + rng.randint(3, 180), 0.45)
        story.say(
            at(back, hour(rng), story.zone), "policy.reinstated", "policy", policy.id,
            {"policy_id": policy.id, "effective_date": iso_day(back), "paid_cny": policy.installment},
        )  # fmt: skip


def maturity(story: Story, policy: Policy, rng: Random) -> None:
    """Tell of a policy that matures in the year, and what the customer wants done with the money."""
    day = any_day(rng)
    if not FIRST + 90 <= day <= LAST or policy.line not in ("life", "annuity"):
        return
    story.say(
        at(day - 90, batch_time(rng)), "policy.maturing", "policy", policy.id,
        {"policy_id": policy.id, "product_name": policy.name, "maturity_date": iso_day(day), "amount_cny": "50000.00"},
    )  # fmt: skip
    if rng.random() < 0.75:
        told = day - rng.randint(1, 80)
        instant = at(told, hour(rng), story.zone)
        story.say(
            instant, "policy.maturity_instructed", "policy", policy.id,
            {
                "policy_id": policy.id, "option": rng.choice(("payout", "annuitise", "leave_on_deposit")),
                "instructed_at": story.time(instant),
            },
        )  # fmt: skip
