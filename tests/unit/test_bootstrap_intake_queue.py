"""Group commit: requests that come together are stored together, each gets its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from sojourn.bootstrap.intake_queue import BATCH, WAITING, IntakeQueue, Overloaded, Received, Refusal
from sojourn.core.model import Event
from sojourn.errors import TryLater
from sojourn.intake.apply import Applied, Fate, Incoming
from sojourn.intake.decode import Refused
from sojourn.ports import StoreBroken, StoreBusy


def one(number: int) -> Incoming:
    event = Event(id=f"e{number}", type="t", customer="c", occurred=0, arrival=0, payload={})
    return Incoming(raw=b"{}", read=event, source="test")


class Applier:
    """Applies a batch as told and keeps how large the batches were."""

    def __init__(self, fate: Fate = "accepted") -> None:
        self.sizes: list[int] = []
        self.errors: list[Exception] = []
        self._fate = fate

    async def __call__(self, incoming: Sequence[Incoming]) -> Applied:
        self.sizes.append(len(incoming))
        if self.errors:
            raise self.errors.pop(0)
        refusals = {n: one.read for n, one in enumerate(incoming) if isinstance(one.read, Refused)}
        fates: list[Fate] = ["refused" if n in refusals else self._fate for n in range(len(incoming))]
        return Applied(arrival=1, fates=tuple(fates), refusals=refusals)


async def test_requests_that_come_together_are_one_transaction() -> None:
    applier = Applier()
    queue = IntakeQueue(applier)
    requests = [asyncio.create_task(queue.submit([one(n)])) for n in range(20)]
    await asyncio.sleep(0)
    assert await queue.run_once() == 20
    assert [await request for request in requests] == [Received(1, 0)] * 20
    assert applier.sizes == [20]


async def test_a_long_request_is_cut_into_batches_and_answered_once() -> None:
    applier = Applier()
    queue = IntakeQueue(applier)
    request = asyncio.create_task(queue.submit([one(n) for n in range(2 * BATCH + 1)]))
    await asyncio.sleep(0)
    while queue.waiting:
        await queue.run_once()
    assert await request == Received(2 * BATCH + 1, 0)
    assert applier.sizes == [BATCH, BATCH, 1]


async def test_each_request_is_told_its_own_refusals_with_its_own_indexes() -> None:
    queue = IntakeQueue(Applier())
    bad = Incoming(raw=b"{", read=Refused("bad_json", "the text is not JSON"), source="test")
    first = asyncio.create_task(queue.submit([one(1), bad]))
    second = asyncio.create_task(queue.submit([bad, one(2)]))
    await asyncio.sleep(0)
    await queue.run_once()
    assert await first == Received(1, 0, (Refusal(1, "bad_json", "the text is not JSON"),))
    assert await second == Received(1, 0, (Refusal(0, "bad_json", "the text is not JSON"),))


async def test_a_conflict_is_said_and_a_duplicate_counted() -> None:
    for fate, wanted in (("duplicate", (0, 1, 0)), ("conflict", (0, 0, 1)), ("parked", (1, 0, 0))):
        queue = IntakeQueue(Applier(fate))  # type: ignore[arg-type]
        request = asyncio.create_task(queue.submit([one(1)]))
        await asyncio.sleep(0)
        await queue.run_once()
        told = await request
        assert (told.accepted, told.duplicates, len(told.refused)) == wanted


async def test_a_store_that_is_away_is_told_to_all_of_the_batch_and_the_next_goes_well() -> None:
    applier = Applier()
    applier.errors.append(StoreBusy("busy"))
    queue = IntakeQueue(applier)
    requests = [asyncio.create_task(queue.submit([one(n)])) for n in range(2)]
    await asyncio.sleep(0)
    assert await queue.run_once() == 0
    for request in requests:
        with pytest.raises(StoreBusy):
            await request
    again = asyncio.create_task(queue.submit([one(1)]))
    await asyncio.sleep(0)
    await queue.run_once()
    assert (await again).accepted == 1


async def test_what_must_stop_reaches_the_host_and_the_caller() -> None:
    applier = Applier()
    applier.errors.append(StoreBroken("damaged"))
    queue = IntakeQueue(applier)
    request = asyncio.create_task(queue.submit([one(1)]))
    await asyncio.sleep(0)
    with pytest.raises(StoreBroken):
        await queue.run_once()
    with pytest.raises(StoreBroken):
        await request


async def test_the_queue_is_bounded() -> None:
    queue = IntakeQueue(Applier())
    waiting = asyncio.create_task(queue.submit([one(n) for n in range(WAITING)]))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await queue.submit([one(1)])
    while queue.waiting:
        await queue.run_once()
    assert (await waiting).accepted == WAITING


async def test_after_closing_nothing_is_taken_and_what_waits_is_told() -> None:
    queue = IntakeQueue(Applier())
    waiting = asyncio.create_task(queue.submit([one(1)]))
    await asyncio.sleep(0)
    queue.close(TryLater("stopping"))
    with pytest.raises(TryLater):
        await waiting
    with pytest.raises(TryLater):
        await queue.submit([one(2)])


async def test_a_request_that_was_given_up_is_not_stored() -> None:
    applier = Applier()
    queue = IntakeQueue(applier)
    gone = asyncio.create_task(queue.submit([one(1)]))
    stays = asyncio.create_task(queue.submit([one(2)]))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    await queue.run_once()
    assert (await stays).accepted == 1
    assert applier.sizes == [1]
