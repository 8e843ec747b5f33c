"""Hand-overs through the whole engine on a virtual clock: each answer of a provider, staleness, leases, back-off."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from sojourn.core.model import Row
from sojourn.delivery.port import Answered, Outgoing
from sojourn.store.memory import MemoryStore
from sojourn.testing.clock import VirtualClock
from sojourn.testing.provider import InstantProvider
from tests.integration.enginekit import Rig, claim, happened, insurer, known

NOON = 1_780_286_400_000  # 2026-06-01T12:00 in Shanghai
Reply = Callable[[Outgoing], Answered]


def accepted(outgoing: Outgoing) -> Answered:
    return Answered(kind="accepted", code="200")


def rig_of(tmp_path: Path, reply: Reply, *, repeatable: bool = False, store: MemoryStore | None = None) -> Rig:
    """An engine with one journey whose SMS are answered by ``reply``; mails and calls are taken."""
    clock = VirtualClock(NOON)
    sms = InstantProvider(reply, repeatable=repeatable)
    other = InstantProvider()
    return Rig(
        insurer(tmp_path / "project", "claim_status"),
        NOON,
        store=store or MemoryStore(clock),
        clock=clock,
        channels={"sms": sms, "email": other, "call": other},
    )


def sms_of(rig: Rig) -> InstantProvider:
    found = rig.engine._channels["sms"]
    assert isinstance(found, InstantProvider)
    return found


def of_sms(rows: list[Row]) -> list[tuple[str, str | None]]:
    return [(row.status, row.reason) for row in rows if row.channel == "sms"]


async def file_claim(rig: Rig, customer: str = "C1") -> None:
    await rig.submit([known(customer, rig.clock.now), claim(customer, rig.clock.now)])
    await rig.settle()


async def test_accepted_is_sent_with_its_text_and_the_attempt_is_kept(tmp_path: Path) -> None:
    async with rig_of(tmp_path, lambda _: Answered(kind="accepted", code="200", text="{}", reference="gw-1")) as rig:
        await file_claim(rig)
        row = next(row for row in await rig.rows() if row.channel == "sms")
        assert (row.status, row.reason, row.handed_over_at) == ("sent", None, rig.clock.now)
        assert row.text == sms_of(rig).sent[0].text
        assert "N-C1" in (row.text or "")
        _, attempts = await rig.engine.views.message(row.message_id)
        assert [(one.outcome, one.reference) for one in attempts] == [("accepted", "gw-1")]


async def test_refused_is_failed_for_good(tmp_path: Path) -> None:
    async with rig_of(tmp_path, lambda _: Answered(kind="refused", code="400")) as rig:
        await file_claim(rig)
        await rig.run_before(NOON + 86_400_000)
        assert of_sms(await rig.rows()) == [("failed", "provider_refused")]
        assert len(sms_of(rig).sent) == 1


async def test_not_taken_goes_again_with_growing_distances_until_it_is_taken(tmp_path: Path) -> None:
    tries: list[int] = []

    def reply(outgoing: Outgoing) -> Answered:
        tries.append(outgoing.at)
        return Answered(kind="accepted", code="200") if len(tries) > 4 else Answered(kind="not_taken", code="429")

    async with rig_of(tmp_path, reply) as rig:
        await file_claim(rig)
        for _ in range(200):
            rig.clock.tick(1_000)
            await rig.settle()
        assert of_sms(await rig.rows()) == [("sent", None)]
        assert len(tries) == 5
        gaps = [later - earlier for earlier, later in pairwise(tries)]
        assert gaps == sorted(gaps)
        assert len({one.message_id for one in sms_of(rig).sent}) == 1


async def test_unknown_is_in_doubt_and_not_repeated(tmp_path: Path) -> None:
    async with rig_of(tmp_path, lambda _: Answered(kind="unknown", code="500")) as rig:
        await file_claim(rig)
        await rig.run_before(NOON + 86_400_000)
        rows = await rig.rows()
        assert of_sms(rows) == [("in_doubt", "unknown_outcome")]
        assert "N-C1" in (next(row for row in rows if row.channel == "sms").text or "")
        assert len(sms_of(rig).sent) == 1


async def test_unknown_is_repeated_where_the_provider_honours_the_key(tmp_path: Path) -> None:
    answers = [Answered(kind="unknown", code="500", repeatable=True), Answered(kind="accepted", code="200")]
    async with rig_of(tmp_path, lambda _: answers.pop(0), repeatable=True) as rig:
        await file_claim(rig)
        await rig.run_before(NOON + 3_600_000)
        assert of_sms(await rig.rows()) == [("sent", None)]
        assert len({one.message_id for one in sms_of(rig).sent}) == 1


async def test_a_dead_gateway_is_probed_and_everything_goes_when_it_is_back(tmp_path: Path) -> None:
    dead = True

    def reply(outgoing: Outgoing) -> Answered:
        return Answered(kind="not_taken", code="refused") if dead else Answered(kind="accepted", code="200")

    async with rig_of(tmp_path, reply) as rig:
        names = [f"C{n}" for n in range(40)]
        await rig.submit([known(name, NOON) for name in names] + [claim(name, NOON) for name in names])
        await rig.settle()
        before = len(sms_of(rig).sent)
        for _ in range(600):
            rig.clock.tick(1_000)
            await rig.settle()
        assert len(sms_of(rig).sent) - before < 40
        health = await rig.engine.health()
        assert health["parts"]["sms"]["status"] == "degraded"
        assert "refused" in health["parts"]["sms"]["why"]
        dead = False
        for _ in range(400):
            rig.clock.tick(1_000)
            await rig.settle()
        assert Counter(of_sms(await rig.rows())) == {("sent", None): 40}
        assert (await rig.engine.health())["parts"]["sms"]["status"] == "ok"


async def test_a_throttled_gateway_is_paused_and_not_taken_for_dead(tmp_path: Path) -> None:
    starts: list[int] = []

    def reply(outgoing: Outgoing) -> Answered:
        starts.append(outgoing.at)
        if starts.count(outgoing.at) <= 10:
            return Answered(kind="accepted", code="200")
        return Answered(kind="not_taken", code="429", concerns="rate", retry_after_ms=5_000)

    async with rig_of(tmp_path, reply) as rig:
        names = [f"C{n}" for n in range(40)]
        await rig.submit([known(name, NOON) for name in names] + [claim(name, NOON) for name in names])
        await rig.settle()
        assert (await rig.engine.health())["parts"]["sms"]["status"] == "ok"
        for _ in range(60):
            rig.clock.tick(1_000)
            await rig.settle()
        assert Counter(of_sms(await rig.rows())) == {("sent", None): 40}
        assert starts[-1] - starts[0] <= 40_000
        assert all(later - earlier >= 5_000 for earlier, later in pairwise(sorted(set(starts)))
                   if starts.count(earlier) > 10)  # fmt: skip


async def test_recipients_who_have_to_wait_do_not_hold_up_the_others(tmp_path: Path) -> None:
    waiting: set[str] = set()

    def reply(outgoing: Outgoing) -> Answered:
        if len(waiting) < 10 or outgoing.message_id in waiting:
            waiting.add(outgoing.message_id)
            return Answered(kind="not_taken", code="450", concerns="message")
        return Answered(kind="accepted", code="200")

    async with rig_of(tmp_path, reply) as rig:
        for names in ([f"C{n}" for n in range(10)], [f"C{n}" for n in range(10, 40)]):  # first those who have to wait
            await rig.submit([known(name, NOON) for name in names] + [claim(name, NOON) for name in names])
            await rig.settle()
        assert Counter(of_sms(await rig.rows()))[("sent", None)] == 30
        assert (await rig.engine.health())["parts"]["sms"]["status"] == "ok"


async def test_what_cannot_go_within_its_validity_is_told_as_expired(tmp_path: Path) -> None:
    async with rig_of(tmp_path, lambda _: Answered(kind="not_taken", code="refused")) as rig:
        await file_claim(rig)
        for _ in range(24 * 3):
            rig.clock.tick(3_600_000)
            await rig.settle()
        assert of_sms(await rig.rows()) == [("suppressed", "expired")]


async def test_a_verdict_that_is_no_longer_fresh_is_judged_again(tmp_path: Path) -> None:
    taken = False

    def reply(outgoing: Outgoing) -> Answered:
        return Answered(kind="accepted", code="200") if taken else Answered(kind="not_taken", code="refused")

    async with rig_of(tmp_path, reply) as rig:
        await file_claim(rig, "C1")
        await file_claim(rig, "C2")
        for _ in range(20):
            rig.clock.tick(1_000)
            await rig.settle()
        gone = known("C1", rig.clock.now, do_not_contact=True).replace(b"customer.updated-C1-1", b"second")
        await rig.submit([gone])
        taken = True
        for _ in range(400):
            rig.clock.tick(1_000)
            await rig.settle()
        rows = [(row.customer_id, row.status, row.reason) for row in await rig.rows() if row.channel == "sms"]
        assert sorted(rows) == [("C1", "suppressed", "do_not_contact"), ("C2", "sent", None)]


class Silent(InstantProvider):
    """A provider that takes a message and is killed with its caller before anybody reads the answer."""

    async def send(self, outgoing: Outgoing) -> Answered:
        self.sent.append(outgoing)
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


async def killed_on_the_way(project: Path, store: MemoryStore, clock: VirtualClock, *silent: str) -> Silent:
    """Run an engine until its calls on some channels are out, then drop it as a kill would."""
    stuck = Silent()
    channels = {name: stuck if name in silent else InstantProvider() for name in ("sms", "email", "call")}
    killed = Rig(project, NOON, store=store, clock=clock, channels=channels)
    await killed.engine.open()
    await killed.submit([known("C1", NOON), claim("C1", NOON)])
    for _ in range(10):
        await killed.engine.fire()
        await killed.engine.deliver()
        await asyncio.sleep(0.001)
    for _, task in killed.engine.delivery._flying.values():
        task.cancel()
    await asyncio.sleep(0)
    return stuck


async def test_a_worker_that_went_silent_leaves_doubt_and_never_a_second_message(tmp_path: Path) -> None:
    """A kill between call and record: the next start finds the lease, and says that nobody knows."""
    clock = VirtualClock(NOON)
    store = MemoryStore(clock)
    project = insurer(tmp_path / "project", "claim_status")
    stuck = await killed_on_the_way(project, store, clock, "sms", "email")
    assert sorted(one.channel for one in stuck.sent) == ["email", "sms"]
    provider = InstantProvider()
    channels = dict.fromkeys(("sms", "email", "call"), provider)
    async with Rig(project, NOON, store=store, clock=clock, channels=channels) as rig:
        await rig.settle()
        rows = {row.channel: row for row in await rig.rows()}
        assert (rows["sms"].status, rows["email"].status) == ("in_doubt", "in_doubt")
        assert "N-C1" in (rows["sms"].text or "")
        assert rows["email"].html is not None
        assert [one.channel for one in provider.sent] == ["call"]  # the flow goes on


async def test_a_call_whose_worker_went_silent_goes_again(tmp_path: Path) -> None:
    clock = VirtualClock(NOON)
    store = MemoryStore(clock)
    project = insurer(tmp_path / "project", "claim_status")
    stuck = await killed_on_the_way(project, store, clock, "call")
    provider = InstantProvider()
    channels = dict.fromkeys(("sms", "email", "call"), provider)
    async with Rig(project, NOON, store=store, clock=clock, channels=channels) as rig:
        for _ in range(3):
            rig.clock.tick(1_000)
            await rig.settle()
        assert [one.message_id for one in provider.sent] == [one.message_id for one in stuck.sent]
        assert {row.status for row in await rig.rows()} == {"sent"}


async def test_a_call_that_fails_six_times_is_a_dead_letter(tmp_path: Path) -> None:
    clock = VirtualClock(NOON)
    calls = InstantProvider(lambda _: Answered(kind="unknown", code="500"))
    channels = {"sms": InstantProvider(), "email": InstantProvider(), "call": calls}
    project = insurer(tmp_path / "project", "claim_status")
    async with Rig(project, NOON, store=MemoryStore(clock), clock=clock, channels=channels) as rig:
        await file_claim(rig)
        for _ in range(40 * 60):
            rig.clock.tick(1_000)
            await rig.settle()
        assert len(calls.sent) == 6
        assert calls.sent[-1].at - calls.sent[0].at <= 31 * 60_000
        rows = [row for row in await rig.rows() if row.channel == "call"]
        assert [(row.status, row.reason) for row in rows] == [("failed", "provider_refused")]
        letters, _ = await rig.engine.views.dead_letters("open", 10)
        assert [(one.letter.reason, one.letter.type) for one in letters] == [("call_failed", "workorder.link")]
        counted = rig.engine.metrics.registry.get_sample_value
        assert counted("sojourn_dead_letters_total", {"reason": "call_failed"}) == 1
        assert counted("sojourn_attempts_total", {"channel": "call", "outcome": "unknown"}) == 6


async def test_bad_input_goes_to_the_dead_letters_and_others_are_unaffected(tmp_path: Path) -> None:
    async with rig_of(tmp_path, accepted) as rig:
        bad = [
            b"{", b"\xff\xfe", b'{"event_id": "x"}', b"[" * 1_000 + b"]" * 1_000, b" " * 1_000_000,
            happened("no.such.event", "C1", NOON, {}), happened("claim.filed", "C1", NOON, {"claim_id": 7}),
            claim("C1", NOON).replace(b"2026-", b"0000-", 1), claim("C1", NOON).replace(b"2026-", b"9999-", 1),
            claim("C" * 10_000, NOON),
        ]  # fmt: skip
        told = await rig.submit([known("C1", NOON), *bad, claim("C1", NOON)])
        await rig.settle()
        assert (told.accepted, len(told.refused)) == (2, len(bad))
        assert [one.index for one in told.refused] == list(range(1, len(bad) + 1))
        assert of_sms(await rig.rows()) == [("sent", None)]
        letters, _ = await rig.engine.views.dead_letters("open", 50)
        assert {one.letter.raw for one in letters} == set(bad)


async def test_the_same_id_with_other_content_the_first_wins(tmp_path: Path) -> None:
    async with rig_of(tmp_path, accepted) as rig:
        first = claim("C1", NOON)
        await rig.submit([known("C1", NOON), first])
        told = await rig.submit([first, first.replace(b"100.00", b"999.00")])
        assert (told.accepted, told.duplicates) == (0, 1)
        assert [(one.index, one.reason) for one in told.refused] == [(1, "id_conflict")]
        conflicts, _ = await rig.engine.views.conflicts(10)
        assert [one.event_id for one in conflicts] == ["claim.filed-C1-1"]
        await rig.settle()
        assert of_sms(await rig.rows()) == [("sent", None)]


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_a_batch_splits_anywhere_without_a_difference(tmp_path: Path, size: int) -> None:
    async with rig_of(tmp_path, accepted) as rig:
        events = [made for n in range(5) for made in (known(f"C{n}", NOON), claim(f"C{n}", NOON))]
        for at in range(0, len(events), size):
            await rig.submit(events[at : at + size])
        await rig.settle()
        assert Counter((row.channel, row.status) for row in await rig.rows()) == {
            ("sms", "sent"): 5, ("email", "sent"): 5, ("call", "sent"): 5,
        }  # fmt: skip
