"""What else happens in a year: activity, claims, complaints, enquiries, new policies, signals (W3, W8-W14)."""

from datetime import date
from math import exp, log
from random import Random
from typing import Any, Final

from benchmarks.synthetic.days import (
    FIRST,
    LENGTH,
    Table,
    any_day,
    at,
    batch_time,
    claim_day,
    hour,
    iso_day,
    open_day,
    poisson,
)
from benchmarks.synthetic.people import KIND, KINDS, TIERS, ZONES, Person
from benchmarks.synthetic.story import Story
from sojourn.core.zones import DAY, HOUR, MINUTE

_PER_YEAR: Final = (72.0, 12.0, 3.0, 0.0)
_DO: Final = ("login", "transaction", "card_spend", "claim_view", "call", "branch_visit")
_DOING: Final = Table((45, 25, 20, 4, 4, 2))
_SILENT: Final = 180
_ISSUE_MONTH: Final = Table((2.2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
_DURATIONS: Final = ((0.4, 0.6), (4.0, 0.6), (18.0, 0.485))  # median in days, sigma
_DURATION: Final = Table((80, 15, 5))
_NODES: Final = ("docs_review", "assessment", "approval", "investigation", "payment_processing")
_STATUSES: Final = (Table((45, 45, 10)), Table((20, 40, 30, 10)), Table((5, 15, 40, 40)))
_CLAIM_TYPES: Final = {
    "critical_illness": "critical_illness", "accident": "accident", "motor": "motor", "life": "death",
    "annuity": "death",
}  # fmt: skip
_PAPERS: Final = ("id", "invoice", "medical_record", "diagnosis", "bank_account", "discharge_summary")
_SCORES: Final = (5, 4, 3, 2, 1)
_SCORE: Final = Table((52, 27, 11, 5, 5))


def live(story: Story, person: Person, rng: Random) -> None:
    """Tell a customer's year, but for his premiums."""
    _activity(story, person, rng)
    harmed = [day for policy in person.policies for day in _claims(story, policy.id, policy.kind, rng)]
    _complaints(story, harmed, rng)
    _shopping(story, person, rng)
    _churn(story, rng)
    _changes(story, person, rng)
    _signals(story, person, rng)


def _activity(story: Story, person: Person, rng: Random) -> None:
    """At most one a line and day (W12); half a year without any is told once an episode."""
    rate = _PER_YEAR[person.activity]
    lines = person.lines
    told: set[tuple[int, str]] = set()
    last = FIRST - int(rng.expovariate(rate / 365) if rate else rng.randint(1, _SILENT - 1))
    gap = rng.expovariate(rate / 365) if rate else float(LENGTH + 1)
    day = FIRST + gap
    line = rng.choice(lines)
    while day < FIRST + LENGTH:
        _silence(story, person, line, last, int(day), rng)
        line = rng.choice(lines)
        last = int(day)
        if (last, line) not in told:
            told.add((last, line))
            kind = _DO[_DOING.draw(rng)]
            spent = f"{rng.random() * 900 + 10:.2f}" if kind in ("transaction", "card_spend") else None
            story.about_me(
                at(last, hour(rng), story.zone), "activity.recorded",
                {"product_line": line, "kind": kind, "channel": "app", "amount": spent},
            )  # fmt: skip
        day += rng.expovariate(rate / 365)
    _silence(story, person, line, last, FIRST + LENGTH, rng)


def _silence(story: Story, person: Person, line: str, last: int, until: int, rng: Random) -> None:
    if FIRST <= last + _SILENT < until:
        points = person.profile["points_balance"]
        story.about_me(
            at(last + _SILENT, 9 * HOUR + rng.randrange(HOUR)), "silence.detected",
            {
                "product_line": line, "last_activity_at": story.time(at(last, 12 * HOUR)), "silent_days": _SILENT,
                "points_balance": points if line == "credit_card" else None,
            },
        )  # fmt: skip


def _claims(story: Story, policy: str, kind: int, rng: Random) -> list[int]:
    """Tell the claims of a policy (W9); give the days on which one was declined or took long."""
    harmed: list[int] = []
    for number in range(poisson(rng, KINDS[kind][5])):
        day = claim_day(rng)
        if _claim(story, policy, f"K{policy[1:]}-{number + 1}", _CLAIM_TYPES.get(KINDS[kind][1], "medical"), day, rng):
            harmed.append(day)
    return harmed


def _claim(story: Story, policy: str, claim: str, type: str, day: int, rng: Random) -> bool:
    filed = at(day, hour(rng), story.zone)
    speed = _DURATION.draw(rng)
    median, sigma = _DURATIONS[speed]
    length = int(median * exp(rng.gauss(0, sigma)) * DAY)
    named: dict[str, Any] = {"claim_id": claim, "claim_no": f"CN{claim[1:]}"}
    amount = f"{100 + rng.random() * 5000:.2f}"

    def say(instant: int, what: str, **payload: Any) -> None:
        story.say(instant, what, "claim", claim, named | payload)

    say(
        filed,
        "claim.filed",
        policy_id=policy,
        claim_type=type,
        claimed_cny=amount,
        filed_via="app",
        docs_needed=["invoice"],
    )
    if rng.random() < 0.22:
        asked = filed + length // 5
        papers = rng.sample(_PAPERS, rng.randint(1, 3))
        say(asked, "claim.documents_requested", docs_needed=papers, due_by=_day(asked + 10 * DAY))
        sent = asked + int((rng.random() * 3 if rng.random() < 0.7 else 3 + rng.random() * 9) * DAY)
        story.say(
            sent, "claim.documents_received", "claim", claim, {"claim_id": claim, "docs": papers, "complete": True}
        )
        length = max(length, sent - filed + HOUR)
    for n, node in enumerate(_NODES[: _STATUSES[speed].draw(rng)], 1):
        moved = filed + length * n // 5
        say(moved, "claim.status_changed", node=node, expected_by=_day(filed + length + DAY), reason_code=None)
    decided, draw = filed + length, rng.random()
    outcome = "approved" if draw < 0.98 else "partial" if draw < 0.99 else "declined"
    pay_by = None if outcome == "declined" else _day(decided + 10 * DAY)
    say(decided, "claim.decided", outcome=outcome, amount_cny=amount, reason_text="审核完成", pay_by=pay_by)
    if outcome != "declined":
        _paid(story, named, amount, decided + int(rng.random() * 2 * DAY), rng)
    return outcome == "declined" or length > 20 * DAY


def _paid(story: Story, named: dict[str, Any], amount: str, paid: int, rng: Random) -> None:
    more = {"amount_cny": amount, "account_tail": f"{rng.randrange(10_000):04d}", "paid_at": story.time(paid)}
    story.say(paid, "claim.paid", "claim", named["claim_id"], named | more)
    if rng.random() < 0.2:
        survey = "SV" + named["claim_id"]
        score = _SCORES[_SCORE.draw(rng)]
        story.say(
            paid + 2 * DAY + int(rng.random() * 3 * DAY), "survey.responded", "survey", survey,
            {"survey_id": survey, "claim_id": named["claim_id"], "score": score, "nps": None, "comment": None},
        )  # fmt: skip


def _day(instant: int) -> str:
    return iso_day(date(1970, 1, 1).toordinal() + (instant + 8 * HOUR) // DAY)


def _complaints(story: Story, harmed: list[int], rng: Random) -> None:
    """Nine a year of a thousand customers, six times as many after a declined or slow claim (W10)."""
    days = [any_day(rng) for _ in range(poisson(rng, 0.009))]
    days += [day + rng.randint(1, 14) for day in harmed if rng.random() < 0.009 * 6 * 14 / 365]
    for number, day in enumerate(days, 1):
        complaint = f"TS{story.customer[1:]}-{number}"
        named = {"complaint_id": complaint, "complaint_no": complaint}
        opened = at(day, hour(rng), story.zone)
        length = int(exp(log(6) + rng.gauss(0, 0.652)) * DAY)
        severity = rng.choice(("low", "low", "medium", "high"))
        story.say(
            opened, "complaint.opened", "complaint", complaint,
            named | {"category": "service", "severity": severity, "handler": "周经理", "channel": "app", "related": {},
                     "answer_by": _day(opened + 15 * DAY)},
        )  # fmt: skip
        steps = ["accepted", "extended"] if length > 15 * DAY else ["accepted"]
        for n, status in enumerate(steps):
            story.say(
                opened + (HOUR if n == 0 else 14 * DAY), "complaint.status_changed", "complaint", complaint,
                named | {"status": status, "status_text": "处理中", "answer_by": _day(opened + (15 + 30 * n) * DAY)},
            )  # fmt: skip
        story.say(
            opened + max(length, 2 * HOUR), "complaint.resolved", "complaint", complaint,
            named | {"outcome_text": "已解决", "upheld": rng.random() < 0.4},
        )  # fmt: skip


def _shopping(story: Story, person: Person, rng: Random) -> None:
    """Enquiries now and then, episodes of them that may end in a purchase (W11), and new policies (W8)."""
    for _ in range(poisson(rng, 0.46)):
        _enquiry(story, KINDS[KIND.draw(rng)][1], at(open_day(rng, any_day(rng), 0.6), hour(rng), story.zone), rng)
    bought = 0
    if rng.random() < 0.04:
        kind, day = KIND.draw(rng), any_day(rng)
        for _ in range(rng.randint(3, 8)):
            _enquiry(story, KINDS[kind][1], at(day + rng.randrange(7), hour(rng), story.zone), rng)
        if rng.random() < 0.3:
            bought += 1
            _issue(story, person, bought, kind, day + rng.randint(7, 30), rng)
    for _ in range(poisson(rng, 0.228)):
        bought += 1
        month = _ISSUE_MONTH.draw(rng) + 1
        _issue(story, person, bought, KIND.draw(rng), date(2026, month, rng.randint(1, 28)).toordinal(), rng)


def _enquiry(story: Story, line: str, instant: int, rng: Random) -> None:
    story.about_me(
        instant, "enquiry.made",
        {
            "product_line": line, "product_id": None, "channel": "web", "keywords": ["保障"],
            "dwell_seconds": rng.randint(5, 900),
        },
    )  # fmt: skip


def _issue(story: Story, person: Person, number: int, kind: int, day: int, rng: Random) -> None:
    _, line, name, term, premium, _ = KINDS[kind]
    policy = f"N{person.id[1:]}-{number}"
    day = open_day(rng, day, 0.6)
    story.say(
        at(day, hour(rng), story.zone), "policy.issued", "policy", policy,
        {
            "policy_id": policy, "product_id": f"X{kind}", "product_name": name, "product_line": line,
            "term_months": term, "effective_date": iso_day(day), "premium_cny": f"{premium:.2f}", "frequency": "annual",
            "pay_method": "auto_debit" if rng.random() < 0.72 else "manual", "channel": "agent", "free_look_days": 15,
            "sum_insured_cny": "300000.00",
        },
    )  # fmt: skip
    draw = rng.random()
    signed = day + (
        0 if draw < 0.45 else rng.randint(1, 5) if draw < 0.88 else rng.randint(6, 10) if draw < 0.96 else 15
    )
    instant = at(signed, 20 * HOUR + int(rng.random() * 3 * HOUR), story.zone)
    if rng.random() < 0.06:
        instant += 13 * HOUR
    story.say(
        instant, "policy.receipt_signed", "policy", policy,
        {"policy_id": policy, "receipt_date": iso_day(signed), "method": "e_sign"},
    )  # fmt: skip
    if rng.random() < 0.025:
        gone = signed + (rng.randint(13, 15) if rng.random() < 0.5 else rng.randint(1, 12))
        story.say(
            max(at(gone, hour(rng), story.zone), instant + MINUTE), "policy.cancelled", "policy", policy,
            {
                "policy_id": policy, "reason": "free_look", "effective_date": iso_day(gone),
                "refund_cny": f"{premium:.2f}",
            },
        )  # fmt: skip


def _churn(story: Story, rng: Random) -> None:
    """Scores that cross 0.70 upward, most of them false, and those that fall below 0.40 again (W13)."""
    leaving = rng.random() < 0.09
    if rng.random() >= (0.78 if leaving else 0.176):
        return
    day, score = any_day(rng), 0.70 + rng.random() * 0.29

    def scored(day: int, score: float, before: float) -> None:
        story.about_me(
            at(day, batch_time(rng)), "churn.risk_scored",
            {
                "score": round(score, 3), "prev_score": round(before, 3), "model_version": "m1",
                "top_reasons": ["premium_rise"], "label_horizon_days": 90,
            },
        )  # fmt: skip

    scored(day, score, rng.random() * 0.69)
    if rng.random() < (0.16 if leaving else 0.3):
        scored(day + rng.randint(5, 60), rng.random() * 0.39, score)


def _changes(story: Story, person: Person, rng: Random) -> None:
    """Moves, new numbers, consents, deaths, and addresses found dead (W2, W3)."""

    def updated(**profile: Any) -> None:
        instant = at(any_day(rng), hour(rng), story.zone)
        story.about_me(instant, "customer.updated", {"changed": sorted(profile), "profile": profile})

    if rng.random() < 0.015:
        updated(timezone=rng.choice([zone for zone in ZONES if zone != person.zone]))
    if rng.random() < 0.03:
        updated(mobile=f"+86139{rng.randrange(10**8):08d}")
    for dead, channel, status, code in (
        (person.dead_mobile, "sms", "failed", "UNKNOWN_SUBSCRIBER"),
        (person.bouncing, "email", "bounced", "5.1.1"),
    ):
        if dead:
            instant, message = at(any_day(rng), 9 * HOUR + rng.randrange(HOUR)), f"M{channel}{story.customer}"
            story.say(
                instant, "message.status", "message", message,
                {
                    "message_id": message, "status": status, "channel": channel, "error_code": code,
                    "at": story.time(instant),
                },
            )  # fmt: skip
    if rng.random() < 0.03:
        granted = rng.random() < 0.25
        story.about_me(
            at(any_day(rng), hour(rng), story.zone), "consent.changed",
            {
                "purpose": rng.choice(("marketing", "marketing", "care", "all")),
                "channel": rng.choice(("sms", "sms", "all")), "granted": granted, "method": "app",
                "text": "同意" if granted else "不同意",
            },
        )  # fmt: skip
    if rng.random() < 0.0035:
        day = any_day(rng)
        story.about_me(
            at(day, hour(rng)), "customer.deceased", {"date_of_death": iso_day(day - 5), "reported_by": "family"}
        )


def _signals(story: Story, person: Person, rng: Random) -> None:
    """Recommendations, assessments, tiers, documents on file, advisors' tasks, alerts."""
    for number in range(poisson(rng, 0.2)):
        kind = KIND.draw(rng)
        story.about_me(
            at(any_day(rng), batch_time(rng)), "recommendation.generated",
            {
                "recommendation_id": f"R{story.customer}-{number}", "product_id": f"X{kind}",
                "product_name": KINDS[kind][2], "product_line": KINDS[kind][1], "product_risk_level": rng.randint(1, 5),
                "score": round(0.4 + rng.random() * 0.6, 3), "reason_code": "family",
            },
        )  # fmt: skip
    if rng.random() < 0.1:
        day = any_day(rng)
        story.about_me(
            at(day, hour(rng), story.zone), "risk_assessment.completed",
            {
                "assessment_id": f"RA{story.customer}", "risk_level": rng.randint(1, 5), "completed_on": iso_day(day),
                "valid_until": iso_day(day + 365),
            },
        )  # fmt: skip
    if rng.random() < 0.015:
        to = TIERS[2] if rng.random() < 0.2 else TIERS[1]
        aum = "6000000.00" if to == TIERS[2] else "800000.00"
        if to != person.tier:
            story.about_me(
                at(any_day(rng), batch_time(rng)), "customer.tier_changed",
                {"from_tier": person.tier, "to_tier": to, "reason": "aum", "aum_cny": aum},
            )  # fmt: skip
    if rng.random() < 0.08:
        _document(story, rng)
    if rng.random() < 0.02:
        task = f"T{story.customer}"
        story.say(
            at(open_day(rng, any_day(rng), 1.0), hour(rng)), "advisor.task_updated", "task", task,
            {"task_id": task, "stage": "first_contact", "status": "done", "advisor_id": f"A{rng.randrange(300):03d}"},
        )  # fmt: skip
    if rng.random() < 0.003:
        story.about_me(
            at(any_day(rng), hour(rng)), "fraud.alert_raised",
            {"alert_id": f"F{story.customer}", "rule": "velocity", "score": 0.4, "hold": False},
        )  # fmt: skip


def _document(story: Story, rng: Random) -> None:
    document, expires = f"D{story.customer}", any_day(rng) + 90
    named = {"document_id": document, "doc_type": "id_card"}
    story.say(
        at(expires - 90, batch_time(rng)), "kyc.document_expiring", "document", document,
        named | {"doc_name": "身份证", "expiry_date": iso_day(expires)},
    )  # fmt: skip
    if rng.random() < 0.8:
        done = expires - rng.randint(-60, 85)
        story.say(
            at(done, hour(rng), story.zone), "kyc.document_updated", "document", document,
            named | {"new_expiry_date": iso_day(done + 3650)},
        )  # fmt: skip
