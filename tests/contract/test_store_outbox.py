"""The outbox: who may hand over what, for how long, and what becomes of it."""

from sojourn.core.model import Deliver
from sojourn.ports import Store, Tx
from sojourn.records import Changed, Claimed, LaneDepth, Outgoing, Queued, Waiting
from tests.contract.storekit import NOW, VALUES, call, deliver, letter, queued, row, settled, touch


async def claim(tx: Tx, now: int = NOW, sms: int = 9, worker: str = "w1", lease: int = 100) -> Claimed:
    """Claim for the SMS channel."""
    return await tx.claim(now, {"sms": sms}, now + lease, worker)


def ids(claimed: Claimed) -> list[str]:
    """Name the orders of a claim."""
    return [one.message_id for one in claimed.orders]


async def test_an_order_comes_out_as_it_went_in_with_types(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued(), Queued("c2", call(), NOW)])
    async with store.transaction() as tx:
        claimed = await tx.claim(NOW, {"sms": 1, "call": 1}, NOW + 1, "w1")
    called, sms = claimed.orders
    assert (called.order, called.channel, called.customer) == (call(), "call", "c2")
    assert (sms.order, sms.channel, sms.customer, sms.attempt) == (deliver(), "sms", "c1", 1)
    assert isinstance(sms.order, Deliver)
    assert repr(sms.order.values) == repr(VALUES)


async def test_a_claim_takes_as_many_as_there_are_slots_urgent_first_then_oldest(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue(
            [
                queued("bulk", ready_at=NOW - 9, lane="bulk"),
                queued("young", ready_at=NOW - 1),
                queued("old", ready_at=NOW - 5),
                queued("urgent", ready_at=NOW, lane="urgent"),
                queued("later", ready_at=NOW + 1, lane="urgent"),
                queued("mail", channel="email"),
            ]
        )
        assert ids(await tx.claim(NOW, {"sms": 2, "email": 0}, NOW + 9, "w1")) == ["urgent", "old"]
        assert ids(await tx.claim(NOW, {"sms": 9, "email": 1}, NOW + 9, "w2")) == ["mail", "young", "bulk"]
        assert await tx.claim(NOW, {"sms": 9, "email": 9}, NOW + 9, "w3") == Claimed()


async def test_what_one_worker_holds_no_other_gets(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued(f"m{n}") for n in range(6)])
    taken: list[str] = []
    for n in range(4):
        async with store.transaction() as tx:
            taken += ids(await claim(tx, sms=2, worker=f"w{n}"))
    assert sorted(taken) == [f"m{n}" for n in range(6)]


async def test_a_verdict_holds_while_the_customer_stays_as_he_is(store: Store) -> None:
    async with store.transaction() as tx:
        await touch(tx, "c1")
        await tx.enqueue([queued("m1"), queued("m2", "c2"), Queued("c1", call(), NOW)])
    async with store.transaction() as tx:
        await touch(tx, "c1")
    async with store.transaction() as tx:
        claimed = await tx.claim(NOW, {"sms": 9, "call": 9}, NOW + 9, "w1")
        assert ids(claimed) == ["call-1", "m2"]
        assert [(one.message_id, one.customer) for one in claimed.stale] == [("m1", "c1")]
        assert [one.message_id for one in (await claim(tx)).stale] == ["m1"]
        await tx.enqueue([queued("m1")])
        assert ids(await claim(tx)) == ["m1"]


async def test_an_order_of_a_transaction_carries_the_revision_that_it_saved(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.load(["c1"])
        await touch(tx, "c1")
        await tx.enqueue([queued()])
        assert ids(await claim(tx)) == ["m1"]


async def test_one_free_slot_finds_the_fresh_order_behind_many_stale_ones(store: Store) -> None:
    """A probe of a dead provider takes one order; re-judged ones go to the end, so it must see all stale ones."""
    async with store.transaction() as tx:
        await tx.enqueue([queued(f"old-{n}", ready_at=NOW - 9) for n in range(30)])
        await touch(tx, "c1")
    async with store.transaction() as tx:
        await tx.enqueue([queued("new-1", "c2"), queued("new-2", "c2")])
        claimed = await tx.claim(NOW, {"sms": 1}, NOW + 9, "w1")
    assert ids(claimed) == ["new-1"]
    assert {one.message_id for one in claimed.stale} == {f"old-{n}" for n in range(30)}


async def test_a_verdict_holds_until_its_time_has_run_out(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1", until=NOW + 5), queued("m2", until=NOW + 6)])
        claimed = await claim(tx, NOW + 5)
    assert ids(claimed) == ["m2"]
    assert [one.message_id for one in claimed.stale] == ["m1"]


async def test_an_order_of_a_customer_who_has_not_met_the_release_is_judged_again(store: Store) -> None:
    async with store.transaction() as tx:
        before = await tx.load(["c1", "c2"])
        await tx.save([Changed(before["c1"], before["c1"].state, None, release=2)], NOW)
        await tx.save([Changed(before["c2"], before["c2"].state, None, release=3)], NOW)
        await tx.enqueue(
            [queued("m1", "c1"), queued("m2", "c2"), queued("m3", "never saved"), Queued("c1", call(), NOW)]
        )
    async with store.transaction() as tx:
        claimed = await tx.claim(NOW, {"sms": 9, "call": 9}, NOW + 9, "w1", release=3)
    assert ids(claimed) == ["call-1", "m2", "m3"]
    assert [one.message_id for one in claimed.stale] == ["m1"]


async def test_marketing_and_care_wait_while_the_intake_is_behind(store: Store) -> None:
    async with store.transaction() as tx:
        classes = ("marketing", "care", "service", "mandatory")
        await tx.enqueue([queued(klass, klass=klass, ready_at=NOW - 4 + n) for n, klass in enumerate(classes)])
        await tx.enqueue([queued("stale", klass="care", until=NOW), Queued("c1", call(), NOW)])
        patient = await tx.claim(NOW, {"sms": 9, "call": 1}, NOW + 9, "w1", patient=True)
        assert (ids(patient), patient.stale) == (["call-1", "service", "mandatory"], ())
        claimed = await claim(tx)
        assert ids(claimed) == ["marketing", "care"]
        assert [one.message_id for one in claimed.stale] == ["stale"]


async def test_a_lease_that_ends_is_never_ready_again(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued()])
        assert ids(await claim(tx, lease=100)) == ["m1"]
        assert await claim(tx, NOW + 99, worker="w2") == Claimed()
        lost = await claim(tx, NOW + 100, worker="w2")
        assert (lost.orders, lost.stale) == ((), ())
        assert [(one.message_id, one.attempt) for one in lost.expired] == [("m1", 1)]
        assert await claim(tx, NOW + 199, worker="w3") == Claimed()
        again = await claim(tx, NOW + 200, worker="w3")
        assert [one.message_id for one in again.expired] == ["m1"]


async def test_only_who_holds_an_order_settles_it(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1"), queued("m2")])
        await claim(tx, worker="zombie")
        await claim(tx, NOW + 100, worker="w2")
        assert await tx.settle("zombie", [settled("m1"), settled("gone")]) == frozenset()
        assert await tx.settle("w2", [settled("m1", outcome="unknown"), settled("m2")]) == {"m1", "m2"}
        assert await tx.settle("w2", [settled("m1")]) == frozenset()
        assert await claim(tx, NOW + 500) == Claimed()
    _, attempts = await store.views.message("m1")
    assert [(one.outcome, one.text) for one in attempts] == [
        ("accepted", "ok for +8613800138000"),
        ("unknown", "ok for +8613800138000"),
        ("accepted", "ok for +8613800138000"),
    ]


async def test_a_waiting_order_takes_a_new_verdict_and_one_in_hand_over_does_not(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1", locale="zh-CN")])
        await tx.enqueue([queued("m1", locale="en")])
        (first,) = (await claim(tx)).orders
        assert first.order == deliver("m1", locale="en")
        await tx.enqueue([queued("m1", locale="zh-CN")])
        assert await claim(tx) == Claimed()
        await tx.settle("w1", [settled("m1")])
        await tx.enqueue([queued("m1", locale="zh-CN")])
        (again,) = (await claim(tx)).orders
        assert again.order == deliver("m1")


async def test_an_order_can_be_taken_back_until_somebody_holds_it(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1"), queued("m2")])
        await claim(tx, sms=1)
        assert await tx.withdraw(["m1", "m2", "m3"]) == {"m2"}
        assert await tx.withdraw([]) == frozenset()
        assert await tx.settle("w1", [settled("m1")]) == {"m1"}


async def test_the_depth_of_the_outbox_is_told_by_channel_and_lane(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued("m1", ready_at=NOW - 5), queued("m2", ready_at=NOW - 3), queued("m3", lane="bulk")])
        await tx.enqueue([Queued("c1", call(), NOW - 1, "urgent")])
        await claim(tx, sms=1)
    assert list(await store.views.lanes()) == [
        LaneDepth("call", "urgent", 1, 0, NOW - 1),
        LaneDepth("sms", "normal", 1, 1, NOW - 3),
        LaneDepth("sms", "bulk", 1, 0, NOW),
    ]


async def test_what_waits_is_told_up_to_a_limit(store: Store) -> None:
    assert await store.views.waiting() == Waiting()
    async with store.transaction() as tx:
        await touch(tx, "c1", due=NOW + 5)
        await touch(tx, "c2", due=NOW + 3)
        await tx.enqueue([queued(f"m{n}", "c1", NOW - n, klass="care" if n % 2 else "service") for n in range(5)])
        await tx.enqueue([queued("u", "c2", NOW - 9, lane="urgent"), Queued("c2", call("ring"), NOW + 8)])
        await tx.append_dead_letters([letter("a"), letter("b"), letter("b"), letter("b")])
        await tx.append_log([row(f"d{n}", status="in_doubt") for n in range(4)] + [row("sent")])
        await tx.send_out([Outgoing(id=f"o{n}", topic="cj", key="c1", body=b"{}") for n in range(2)])
    async with store.transaction() as tx:
        await tx.claim(NOW, {"sms": 1}, NOW + 9, "w")
    waiting = await store.views.waiting()
    assert waiting == Waiting(
        lanes=(
            LaneDepth("call", "normal", 1, 0, NOW + 8), LaneDepth("sms", "urgent", 0, 1, None),
            LaneDepth("sms", "normal", 5, 0, NOW - 4),
        ),
        due={"normal": NOW + 3}, letters={"a": 1, "b": 3}, in_doubt=4, outgoing=2,
    )  # fmt: skip
    assert await store.views.lanes() == list(waiting.lanes)
    few = await store.views.waiting(2)
    assert ([one.ready for one in few.lanes], few.letters) == ([1, 0, 2], {"a": 1, "b": 2})
    assert (few.in_doubt, few.outgoing) == (2, 2)


async def test_an_order_tells_since_when_it_might_go(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.enqueue([queued(ready_at=NOW - 7)])
        claimed = await tx.claim(NOW, {"sms": 1}, NOW + 9, "w")
    assert [one.ready_at for one in claimed.orders] == [NOW - 7]


async def test_empty_batches_change_nothing(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.load([]) == {}
        assert await tx.save([], NOW) == {}
        assert list(await tx.known([])) == []
        assert await tx.settle("w1", []) == frozenset()
        assert await tx.claim(NOW, {}, NOW + 1, "w1") == Claimed()
        assert await tx.close_dead_letters([], "dropped", NOW) == 0
        for empty in (tx.append_inbox, tx.append_conflicts, tx.append_dead_letters, tx.append_log, tx.enqueue):
            await empty([])
    assert set((await store.views.counts()).values()) == {0}
    async with store.transaction() as tx:
        await tx.append_log([row()])
        await tx.append_dead_letters([letter()])
    assert set((await store.views.counts()).values()) == {0, 1}
