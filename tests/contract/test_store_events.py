"""What came in: ids, conflicts, dead letters, positions, releases, people who are forgotten."""

from typing import Any

import pytest

from sojourn.ports import Conflict, Store
from sojourn.records import Changed, Kept, LogFilter, Moment, Move, Outgoing, Position, Waiver
from sojourn.store.paging import BadCursor
from tests.contract.storekit import (
    NOW,
    event,
    full_state,
    keep,
    letter,
    published,
    queued,
    replace,
    row,
    settled,
    touch,
)


async def test_the_first_of_an_id_wins_also_within_a_batch(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_inbox([event("old")])
        verdicts = await tx.known(
            [("old", b"one"), ("old", b"two"), ("new", b"x"), ("new", b"x"), ("new", b"y"), ("other", b"x")]
        )
    assert list(verdicts) == ["duplicate", "conflict", "new", "duplicate", "conflict", "new"]


async def test_an_event_that_is_kept_already_undoes_the_whole_transaction(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_inbox([event("e1")])
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.append_inbox([event("e2"), event("e1")])
    assert (await store.views.counts())["events"] == 1


async def test_conflicts_are_kept_with_their_content(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_inbox([event("e1")])
        await tx.append_conflicts([event("e1", raw=b"other", arrival=NOW + 1), event("e1", raw=b"third")])
    first, cursor = await store.views.conflicts(1)
    assert (first[0].raw, first[0].customer, first[0].event_id) == (b"third", "c1", "e1")
    rest, end = await store.views.conflicts(5, cursor)
    assert [kept.raw for kept in rest] == [b"other"]
    assert end is None
    assert (await store.views.counts())["conflicts"] == 2


async def test_dead_letters_come_back_with_their_bytes_and_are_closed_once(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_dead_letters([letter("a"), letter("b", customer="c1", event_id="e1", type="x"), letter("a")])
    assert await store.views.dead_letter_counts() == {"a": 2, "b": 1}
    page, cursor = await store.views.dead_letters("open", 2)
    assert [one.letter.reason for one in page] == ["a", "b"]
    rest, end = await store.views.dead_letters("open", 2, cursor)
    assert ([one.letter.reason for one in rest], end) == (["a"], None)
    first, cursor = await store.views.dead_letters("open", 1, reason="a")
    last, end = await store.views.dead_letters("open", 1, cursor, reason="a")
    assert ([one.number for one in (*first, *last)], end) == ([page[0].number, rest[0].number], None)
    shown = await store.views.dead_letter(page[1].number)
    assert shown is not None
    assert shown.letter == letter("b", customer="c1", event_id="e1", type="x")
    async with store.transaction() as tx:
        numbers = [page[1].number, 999]
        assert await tx.close_dead_letters(numbers, "replayed", NOW) == 1
        assert await tx.close_dead_letters(numbers, "dropped", NOW) == 0
    assert await store.views.dead_letter_counts() == {"a": 2}
    closed, _ = await store.views.dead_letters("replayed", 9)
    assert [one.number for one in closed] == [page[1].number]
    assert list((await store.views.dead_letters("open", 9, reason="b"))[0]) == []
    assert list((await store.views.dead_letters(None, 9, reason="b"))[0]) == list(closed)
    assert len((await store.views.dead_letters(None, 9))[0]) == 3
    assert await store.views.dead_letter(999) is None


async def test_a_position_moves_only_from_where_it_is_expected(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.position("billing/0") is None
        await tx.advance([Move("billing/0", None, Position(5, 100))])
        await tx.advance([Move("billing/0", 5, Position(8, 90))])
        assert await tx.position("billing/0") == Position(8, 100)
        await tx.advance([Move("claims/0", None, Position(1, 1))])

    async def move(source: str, expect: int | None) -> None:
        async with store.transaction() as tx:
            await tx.append_inbox([event("zombie")])
            await tx.advance([Move("claims/0", 1, Position(2, 2)), Move(source, expect, Position(9, 200))])

    for source, expect in (("billing/0", None), ("billing/0", 5), ("never read", 3)):
        with pytest.raises(Conflict):
            await move(source, expect)
    assert await store.views.positions() == {"billing/0": Position(8, 100), "claims/0": Position(1, 1)}
    assert (await store.views.counts())["events"] == 0


async def test_many_sources_move_at_once_and_what_is_known_of_them_never_goes_back(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.advance([Move(f"p/{n}", None, Position(n, 10, 50, epoch="one")) for n in range(3)])
        await tx.advance([Move("p/1", 1, Position(1, 20, 60, keyed=False)), Move("p/3", None, Position(7, 7, 7))])
    async with store.transaction() as tx:
        await tx.advance([])
        await tx.advance([Move("p/1", 1, Position(5, 15, 55)), Move("p/0", 0, Position(0, 11, 51, epoch="two"))])
        stored = await tx.positions()
    assert stored == {
        "p/0": Position(0, 11, 51, epoch="two"), "p/1": Position(5, 20, 60, keyed=False, epoch="one"),
        "p/2": Position(2, 10, 50, epoch="one"),
        "p/3": Position(7, 7, 7),
    }  # fmt: skip
    assert await store.views.positions() == stored


async def test_the_newest_word_about_a_source_counts(store: Store) -> None:
    first = Waiver(source="p/1", at=NOW, until=NOW + 5, by="ops", reason="the broker is gone")
    again = replace(first, at=NOW + 1, until=NOW + 9, by="other")
    async with store.transaction() as tx:
        assert list(await tx.waivers()) == []
        await tx.waive(first)
        await tx.waive(replace(first, source="p/0"))
        await tx.waive(again)
        assert list(await tx.waivers()) == [replace(first, source="p/0"), again]
    assert list(await store.views.waivers()) == [replace(first, source="p/0"), again]


async def test_turns_of_a_journey_lie_behind_those_that_were_taken_and_never_in_the_past(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.take_turns("offer", 3, 250_000, NOW) == NOW * 1000
        assert await tx.take_turns("offer", 1, 250_000, NOW) == NOW * 1000 + 750_000
        assert await tx.take_turns("other", 1, 250_000, NOW) == NOW * 1000
    async with store.transaction() as tx:
        assert await tx.take_turns("offer", 2, 100_000, NOW + 500) == NOW * 1000 + 1_000_000
        assert await tx.take_turns("offer", 1, 100_000, NOW + 9_000) == (NOW + 9_000) * 1000

    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.take_turns("offer", 1_000, 1, NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.transaction() as tx:
        assert await tx.take_turns("offer", 1, 1, NOW) == (NOW + 9_100) * 1000


async def test_records_wait_in_their_order_until_they_are_out(store: Store) -> None:
    records = [Outgoing(id=f"i{n}", topic="cj.x.v1", key=f"c{n}", body=b"\x00{}") for n in range(5)]
    async with store.transaction() as tx:
        await tx.send_out(records[:3])
        await tx.send_out([])
        await tx.send_out(records[3:])
    async with store.transaction() as tx:
        first = await tx.going_out(2)
        assert [record for _, record in first] == records[:2]
        await tx.gone_out([number for number, _ in first])
    async with store.transaction() as tx:
        rest = await tx.going_out(9)
        assert [record for _, record in rest] == records[2:]
        await tx.gone_out([number for number, _ in rest] + [10**9])
        await tx.gone_out([])
        assert list(await tx.going_out(9)) == []


async def test_a_secret_is_made_once_and_shared(store: Store) -> None:
    async with store.transaction() as tx:
        made = await tx.secret("links")
    async with store.transaction() as tx:
        assert await tx.secret("links") == made
        assert await tx.secret("other") != made
    assert len(made) == 32


async def test_releases_are_numbered_without_a_gap(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.add_publication(published(1))
        await tx.add_publication(published(2, running="move", content=b"other"))
    for number in (2, 4):
        with pytest.raises(Conflict):
            async with store.transaction() as tx:
                await tx.add_publication(published(number))
    async with store.transaction() as tx:
        assert list(await tx.publications()) == [published(1), published(2, running="move", content=b"other")]


async def test_old_inputs_are_dropped_and_their_ids_are_free_again(store: Store) -> None:
    """NOW lies in May 2026; a store may keep its inbox in months and drop whole ones only."""
    june = 1_780_272_000_000
    async with store.transaction() as tx:
        await tx.append_inbox([event(f"e{n}", arrival=arrival) for n, arrival in ((3, june), (1, NOW), (2, NOW + 1))])
    async with store.transaction() as tx:
        assert await tx.forget_inbox(june, 9) == 2
        assert await tx.forget_inbox(june, 9) == 0
        assert list(await tx.known([("e1", b"one"), ("e3", b"one")])) == ["new", "duplicate"]
        await tx.append_inbox([event("e1", arrival=june + 4)])
    kept = [moment.what for moment in (await store.views.timeline("c1", 9)).moments]
    assert [one.event_id for one in kept if isinstance(one, Kept)] == ["e1", "e3"]


async def test_old_decisions_are_dropped_with_their_messages_and_attempts(store: Store) -> None:
    """A message stays as long as its last row; a store may keep its log in months and drop whole ones only."""
    june = 1_780_272_000_000
    async with store.transaction() as tx:
        await tx.append_log([row("old", decided_at=NOW), row("both", status="held", decided_at=NOW + 1)])
        await tx.append_log([row("both", decided_at=june), row("new", decided_at=june + 5)])
        await tx.settle("w", [settled("old"), settled("both"), settled("old", outcome="rejected")])
    async with store.transaction() as tx:
        assert await tx.forget_log(NOW, 9) == 0
        assert await tx.forget_log(june, 9) == 3
        assert await tx.forget_log(june, 9) == 0
    assert await store.views.message("old") == ([], [])
    rows, attempts = await store.views.message("both")
    assert ([one.status for one in rows], len(attempts)) == (["sent"], 1)
    messages = await store.views.messages(("sent", "held"), 9)
    assert [one.message_id for one in messages.messages] == ["new", "both"]
    async with store.transaction() as tx:
        await tx.append_log([row("next", decided_at=june + 6)])
    assert [one.message_id for one in (await store.views.log(LogFilter(), 9)).rows] == ["next", "new", "both"]


async def test_people_are_found_by_what_belongs_to_them(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_inbox([event("e1", terms=("+86 138 0013 8000", "K-7")), event("e2", "c2", terms=("k-7",))])
        await tx.append_log([row("m3", "c3", key={"claim_id": "C-9", "year": 2026})])
    find = store.views.find
    assert await find("c1", 9) == ["c1"]
    assert await find("+8613800138000", 9) == ["c1"]
    assert set(await find(" K-7", 9)) == {"c1", "c2"}
    assert len(await find("K-7", 1)) == 1
    assert await find("c-9", 9) == ["c3"]
    assert await find("2026", 9) == []


async def test_a_history_joins_what_came_with_what_was_decided(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_inbox([event(f"e{n}", arrival=NOW + 10 * n) for n in range(4)])
        await tx.append_inbox([event("other", "c2")])
        await tx.append_log([row(f"m{n}", decided_at=NOW + 10 * n) for n in (1, 1, 3, 7)])
    whole = (await store.views.timeline("c1", 99)).moments
    names = [one.what.event_id if isinstance(one.what, Kept) else one.what.message_id for one in whole]
    assert names == ["m7", "m3", "e3", "e2", "m1", "m1", "e1", "e0"]
    assert [one.at - NOW for one in whole] == [70, 30, 30, 20, 10, 10, 10, 0]
    paged: list[Moment] = []
    page = await store.views.timeline("c1", 3)
    paged += page.moments
    async with store.transaction() as tx:
        await tx.append_log([row("m8", decided_at=NOW + 80)])
    while page.next:
        page = await store.views.timeline("c1", 3, page.next)
        paged += page.moments
    assert paged == list(whole)
    assert (await store.views.timeline("nobody", 3)).moments == ()


@pytest.mark.parametrize("cursor", ["", "x", "-", "1-", "1-x", "-1", "1.5", "9" * 30, "٣", "1-2-3"])
async def test_a_cursor_that_no_list_has_given_is_refused(store: Store, cursor: str) -> None:
    async with store.transaction() as tx:
        await tx.append_inbox([event("e1")])
    with pytest.raises(BadCursor):
        await store.views.timeline("c1", 3, cursor)
    with pytest.raises(BadCursor):
        await store.views.log(LogFilter(), 3, cursor)


async def test_an_erased_person_leaves_only_the_proof(store: Store) -> None:
    async with store.transaction() as tx:
        await keep(tx, "c1", lambda _: full_state("c1"), due=NOW)
        await touch(tx, "c2", due=NOW + 1)
        await tx.append_inbox([event("e1", terms=("K-7",)), event("e2", "c2", terms=("K-7",))])
        await tx.append_conflicts([event("e1", raw=b"other")])
        await tx.append_dead_letters([letter(customer="c1"), letter(customer="c2"), letter()])
        await tx.append_log([row(), row("m2", "c2")])
        await tx.enqueue([queued(), queued("m2", "c2")])
        await tx.settle("w", [settled(), settled("m2", "c2")])
        assert await tx.erase("c1", NOW + 5)
        assert not await tx.erase("c1", NOW + 5)
        assert not await tx.erase("nobody", NOW)
        assert await tx.next_due() == NOW + 1
        assert [one.message_id for one in (await tx.claim(NOW, {"sms": 9}, NOW + 1, "w")).orders] == ["m2"]
        assert list(await tx.known([("e1", b"one")])) == ["duplicate"]
    await _only_the_proof_is_left(store)


async def _only_the_proof_is_left(store: Store) -> None:
    views = store.views
    assert await views.customer("c1") is None
    assert await views.find("c1", 9) == []
    assert await views.find("K-7", 9) == ["c2"]
    assert (await views.timeline("c1", 9)).moments == ()
    newest, oldest = (await views.log(LogFilter(), 9)).rows
    assert newest == row("m2", "c2")
    bare: dict[str, Any] = {"key": {}, "detail": {}, "anchor": None, "text": None}
    assert oldest == replace(row(), customer_id="", **bare)
    assert (await views.log(LogFilter(customer_id="c1"), 9)).rows == ()
    _, (tried,) = await views.message("m1")
    assert (tried.text, tried.outcome) == (None, "accepted")
    assert (await views.messages(["sent"], 9)).messages[1].customer is None
    (conflict,), _ = await views.conflicts(9)
    assert (conflict.raw, conflict.customer) == (None, None)
    letters, _ = await views.dead_letters("open", 9)
    assert [one.letter.raw for one in letters] == [b"{\xff", b"{\xff", b""]
    assert (await views.counts())["customers"] == 1


async def test_who_comes_back_after_erasure_is_somebody_new(store: Store) -> None:
    async with store.transaction() as tx:
        old = await keep(tx, "c1", lambda _: full_state("c1"))
        await tx.append_log([row()])
        await tx.erase("c1", NOW)
        fresh = (await tx.load(["c1"], every_tomb=True))["c1"]
        assert fresh.subject != old.subject
        assert fresh.state.tombs == {}
        await tx.append_log([row("m2")])
    assert [one.message_id for one in (await store.views.log(LogFilter(customer_id="c1"), 9)).rows] == ["m2"]
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.save([Changed(old, old.state, None)], NOW)
