"""Small journeys about an installment, and the events that they live on, for the tables of N1 to N12.

`only` lets several journeys stand in one project: each starts at the bills whose `pay_method` is its name.
"""

from textwrap import dedent
from typing import Any

from tests.unit.rules.kit import CUSTOMER, Play

MAIL = "send: claim_ack, by: email, with: {claim_no: CN1}"  # service
BOTH = "send: claim_ack, by: [sms, email], with: {claim_no: CN1}"  # service
SMS = "send: csat_sorry, by: sms"  # service
CARE = "send: onboarding_handbook, by: email, with: {product: X}"  # care
OFFER = "send: silence_simple_steps, by: email"  # marketing


def small(
    name: str,
    body: str,
    *,
    klass: str = "service",
    priority: int = 50,
    when: str = "payment.due_scheduled",
    only: str | None = None,
    key: str = "[policy_id, installment_no]",
    again: str = "never",
    facts: str = "{due_date: event.due_date}",
    expire: str = "75 days after due_date",
) -> str:
    """Give the text of a journey; the body is its schedule, flow, react, goal and exit."""
    condition = f", if: event.pay_method == '{only}'" if only else ""
    start = when if when.startswith("{") else f"{{when: {when}{condition}}}"
    head = [
        f"journey: {name}",
        "name: {zh: 小, en: Small}",
        "stage: serve",
        f"class: {klass}",
        f"priority: {priority}",
        f"start: {start}",
        f"key: {key}",
        f"again: {again}",
        f"facts: {facts}",
        f"expire: {expire}" if expire else "",
    ]
    return "\n".join(head) + "\n" + dedent(body).strip("\n") + "\n"


def living_in(zone: str | None, **more: Any) -> dict[str, Any]:
    """Give the customer with another zone (None: not known) and other fields."""
    return CUSTOMER | {"timezone": zone} | more


def bill(play: Play, when: str, due: str = "2026-03-12", *, seq: int | None = 1, no: int = 1, **more: Any) -> None:
    """Feed the start: installment `no` of P-1 falls due."""
    _installment(play, when, "payment.due_scheduled", seq, no, due_date=due, **more)


def moved(play: Play, when: str, due: str, *, seq: int | None = 2, no: int = 1, **more: Any) -> None:
    """Feed a new due date of an installment of P-1."""
    _installment(play, when, "payment.due_changed", seq, no, due_date=due, **more)


def paid(play: Play, when: str, *, seq: int | None = 3, no: int = 1, **more: Any) -> None:
    """Feed the payment of an installment of P-1; nothing is outstanding unless said."""
    _installment(play, when, "payment.received", seq, no, **more)


def _installment(play: Play, when: str, kind: str, seq: int | None, no: int, **more: Any) -> None:
    place: dict[str, Any] = {"policy_id": "P-1", "installment_no": no, "entity": f"P-1/{no}"}
    play.event(when, kind, seq=seq, **(place | more))
