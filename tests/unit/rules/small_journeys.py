"""Random small journeys in the language: built from the same words that marketing uses, the same for a seed."""

import random

FACTS = """
facts:
  due_date: event.due_date
  amount: event.amount_cny
  product: event.product_name
  grace_last_day: due_date + days(60)
"""
MESSAGES = (
    ("renewal_t3", "sms", "service"),
    ("renewal_t7", "[sms, email]", "service"),
    ("renewal_t0", "{first_of: [email, sms]}", "service"),
    ("renewal_grace53", "[sms, email]", "mandatory"),
)
CAPPED = (("churn_offer_a", "{first_of: [sms, email]}"), ("churn_last", "email"), ("churn_offer_a", "[sms, email]"))
AWAITED = ("payment.received", "payment.failed", "policy.reinstated")


def small_journey(name: str, seed: int) -> str:
    """Give the text of a journey; ids are unique, every wait ends, every message has its variables."""
    maker = _Maker(random.Random(seed))
    klass = maker.pick(("service", "marketing", "care"))
    lines = [
        f"journey: {name}",
        f"name: {{zh: {name}, en: {name}}}",
        "stage: serve",
        f"class: {klass}",
        f"priority: {maker.random.randrange(10, 90)}",
        "start: {when: payment.due_scheduled}",
        "key: [policy_id, installment_no]",
        f"again: {maker.pick(('never', 'after exit', '{after: 5 days, per: key}', '{after: 3 days, per: customer}'))}",
        FACTS.strip(),
        *maker.schedule(klass),
        *maker.flow(klass),
        *maker.react(klass),
        *maker.deadlines(klass),
        *maker.endings(),
        f"expire: {maker.pick(('20 days after due_date', '15 days after start'))}",
    ]
    return "\n".join(lines) + "\n"


class _Maker:
    def __init__(self, source: random.Random) -> None:
        self.random = source
        self._count = 0

    def pick(self, choices: tuple[str, ...]) -> str:
        return self.random.choice(choices)

    def _message(self, klass: str, *, scheduled: str = "") -> str:
        self._count += 1
        if klass == "service" or self.random.random() < 0.3:
            template, by, own = self.random.choice(MESSAGES)
        else:
            (template, by), own = self.random.choice(CAPPED), klass
        more = f", class: {own}" if own != klass else ""
        if own in ("marketing", "care"):
            more = ", class: marketing" if klass != "marketing" else ""
            more += self.pick(("", ", on_cap: drop", ", valid_for: 1 day"))
        return f"{{id: m{self._count}{scheduled}, send: {template}, by: {by}{more}}}"

    def schedule(self, klass: str) -> list[str]:
        times = ("09:00", "10:00", "22:30", "02:30", "00:00")
        dates = ("7 days before due_date", "due_date", "3 days after due_date", "1 month after due_date")
        touches = [
            "  - " + self._message(klass, scheduled=f", at: {self.pick(dates)} {self.pick(times)}")
            for _ in range(self.random.randrange(0, 3))
        ]
        return ["schedule:", *touches] if touches else []

    def flow(self, klass: str) -> list[str]:
        return ["flow:", *self._steps(klass, 2, "  ")]

    def _steps(self, klass: str, depth: int, pad: str) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randrange(1, 4)):
            kind = self.pick(("send", "send", "wait", "wait_for", "choose", "call"))
            if kind == "send" or depth == 0:
                lines.append(f"{pad}- " + self._message(klass))
            elif kind == "wait":
                lines.append(f"{pad}- wait: {self.pick(('2 days', '36 hours', '20 minutes', '1 business day'))}")
            elif kind == "call":
                lines.append(f"{pad}- {{call: escalate, with: {{level: L1}}}}")
            elif kind == "wait_for":
                lines += [f"{pad}- wait_for: {self.pick(AWAITED)}", f"{pad}  within: {self.pick(('1 day', '3 days'))}"]
                lines += [f"{pad}  then:", *self._steps(klass, depth - 1, pad + "    ")]
                lines += [f"{pad}  otherwise:", *self._steps(klass, depth - 1, pad + "    ")]
            else:
                lines += [f"{pad}- choose:", f"{pad}    - if: amount > 1000", f"{pad}      do:"]
                lines += self._steps(klass, depth - 1, pad + "        ")
                lines += [f"{pad}    - otherwise:", *self._steps(klass, depth - 1, pad + "        ")]
        return lines

    def react(self, klass: str) -> list[str]:
        if self.random.random() < 0.4:
            return []
        return [
            "react:",
            "  - when: payment.due_changed",
            "    set: {due_date: event.due_date}",
            "    do:",
            "      - " + self._message(klass),
        ]

    def deadlines(self, klass: str) -> list[str]:
        if self.random.random() < 0.5:
            return []
        return [
            "deadlines:",
            "  - id: silent",
            f"    after: {self.pick(('2 days', '30 hours'))}",
            "    since: [payment.due_scheduled, payment.due_changed]",
            "    stop: [payment.failed]",
            "    at_most: 2",
            "    do:",
            "      - " + self._message(klass),
        ]

    def endings(self) -> list[str]:
        lines = ["goal:", "  when: payment.received", "  if: event.outstanding_cny <= 0", "  do:"]
        lines.append("    - {id: thanks, send: premium_receipt, by: sms, class: service}")
        return [*lines, "exit:", "  - {when: policy.cancelled, because: cancelled}"]
