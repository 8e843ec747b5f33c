"""Settle: what became of attempts goes through decide, in batches, and stands in the log (Q27, Q42, Q46)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from sojourn.core.model import Answer, CallOut, Outcome, Row
from sojourn.delivery.claim import broken_letter
from sojourn.delivery.pace import backoff, call_delay
from sojourn.delivery.send import Result
from sojourn.intake.apply import close_instant
from sojourn.intake.deciding import Deciding, keep_letters
from sojourn.intake.ledger import Ledger
from sojourn.ports import Store
from sojourn.records import DeadLetter, Settled

CALL_FAILED = "call_failed"
BAD_ANSWER = "bad_answer"
_TEXT_LIMIT = 2_000

ReadAnswer = Callable[[str, object], Mapping[str, object] | None]


class SettledBatch(msgspec.Struct, frozen=True):
    """What a settle did: how many results, how many were somebody else's by then, and whose decision raised."""

    settled: int
    lost: int
    now: int
    broken: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()  # reasons of the dead letters that it wrote


async def settle(
    store: Store,
    deciding: Deciding,
    results: Sequence[Result],
    worker: str,
    read_answer: ReadAnswer,
) -> SettledBatch:
    """Record what became of attempts and decide what follows from it, all or nothing.

    ``read_answer`` checks the answer of a call by its declared types and gives None for a wrong one.

    Raises:
        TryLater: Nothing was recorded; the same results come again.
    """
    async with store.transaction() as tx:
        now = await tx.now()
        held = await tx.settle(worker, [_settled(one) for one in results])
        mine = sorted((one for one in results if one.leased.message_id in held), key=lambda one: one.ended)
        ledger = Ledger(deciding, await deciding.frontier(tx, now))
        customers = list(dict.fromkeys(one.leased.customer for one in mine))
        await ledger.load(tx, customers, (), now)
        letters: list[DeadLetter] = []
        for one in mine:
            letters += _decide(ledger, one, read_answer)
        for customer in customers:
            ledger.through(customer, now)
        await ledger.write(tx, now)
        broken = ledger.broken()
        letters += [broken_letter(name, error, now) for name, error in broken.items()]
        await keep_letters(tx, deciding, letters)
        await close_instant(tx, deciding, now)
    reasons = tuple(letter.reason for letter in letters)
    return SettledBatch(len(mine), len(results) - len(mine), now, tuple(broken), reasons)


def _decide(ledger: Ledger, one: Result, read_answer: ReadAnswer) -> list[DeadLetter]:
    """Put one result to its customer; give the dead letters of a call that failed or answered wrongly."""
    customer, at = one.leased.customer, one.ended
    order = one.leased.order
    ledger.before(customer, at)
    if isinstance(order, CallOut):
        return _decide_call(ledger, one, order, read_answer)
    ledger.put(customer, _outcome(one), at, _Finish(one))
    return []


def _decide_call(ledger: Ledger, one: Result, order: CallOut, read_answer: ReadAnswer) -> list[DeadLetter]:
    """A call goes again until it has been tried often enough; then it failed, and a dead letter keeps it (B2)."""
    customer, at, said = one.leased.customer, one.ended, one.answered
    assert said is not None
    if said.kind != "accepted":
        again = _call_again(one, order)
        kind: Literal["not_taken", "refused"] = "refused" if again is None else "not_taken"
        detail = {"code": said.code, "attempts": order.send.attempt + 1}
        ledger.put(customer, Outcome(order.message_id, kind, None, detail, again), at)
        return [] if again is not None else [_letter(one, order, CALL_FAILED, f"{said.code} at the last attempt")]
    ledger.put(customer, Outcome(order.message_id, "accepted"), at)
    if not order.answers:
        return []
    values = read_answer(order.name, said.body)
    if values is None:
        return [_letter(one, order, BAD_ANSWER, "the answer is not of the types that its declaration gives")]
    ledger.put(customer, Answer(order.message_id, values), at)
    return []


def _call_again(one: Result, order: CallOut) -> int | None:
    delay = call_delay(order.message_id, order.send.attempt + 1)
    if delay is None or one.answered is None:
        return None
    return one.ended + max(delay, min(one.answered.retry_after_ms or 0, 3_600_000))


def _outcome(one: Result) -> Outcome:
    """Give what decide gets to know of an attempt at a message."""
    if one.unrendered is not None:
        return one.unrendered
    said = one.answered
    assert said is not None
    detail: dict[str, object] = {}
    if said.kind in ("refused", "unknown"):
        detail = {"code": said.code, "provider": one.provider}
    if said.kind == "unknown":
        detail["repeatable"] = said.repeatable
    retry_at = one.ended + _wait(one) if said.kind in ("not_taken", "unknown") else None
    return Outcome(one.leased.message_id, said.kind, None, detail, retry_at)


def _wait(one: Result) -> int:
    """How long until the next try; a message of a busy customer is judged often, which does not make it wait."""
    order, said = one.leased.order, one.answered
    return backoff(order.message_id, order.send.put_off + 1, said.retry_after_ms if said else None)


def _settled(one: Result) -> Settled:
    said = one.answered
    outcome = said.kind if said is not None else "unrendered"
    text = f"{said.code} {said.text or ''}".strip()[:_TEXT_LIMIT] if said is not None else None
    return Settled(
        message_id=one.leased.message_id,
        customer=one.leased.customer,
        channel=one.leased.channel,
        started=one.started,
        ended=one.ended,
        outcome=outcome,
        provider=one.provider,
        reference=said.reference if said is not None else None,
        text=text,
    )


def _letter(one: Result, order: CallOut, reason: str, detail: str) -> DeadLetter:
    content = {
        "message_id": order.message_id,
        "name": order.name,
        "arguments": order.arguments,
        "journey": order.journey,
        "step": order.step,
        "run_id": order.run_id,
    }
    return DeadLetter(
        source="calls",
        arrival=one.ended,
        reason=reason,
        detail=detail,
        raw=msgspec.json.encode(content),
        event_id=order.message_id,
        type=order.name,
        customer=one.leased.customer,
    )


class _Finish:
    """Completes the rows of one message with what was rendered for it."""

    def __init__(self, one: Result) -> None:
        self._id = one.leased.message_id
        self._columns = one.printed.columns if one.printed is not None else {}

    def __call__(self, row: Row) -> Row:
        if row.message_id != self._id or row.status not in ("sent", "failed", "in_doubt"):
            return row
        return msgspec.structs.replace(row, **self._columns)
