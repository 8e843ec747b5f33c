"""The log: append-only, newest first, pages that stay the same; and where each message stands."""

from datetime import date
from decimal import Decimal

from sojourn.ports import Store
from sojourn.records import LogFilter
from tests.contract.storekit import NOW, row


async def test_a_row_comes_back_whole(store: Store) -> None:
    full = row(
        detail={"cap": 2, "amount": Decimal("1.50"), "day": date(2026, 3, 1), "of": [1, "x"]}, html="<p>王", subject="s"
    )
    bare = row(
        "m2", step=None, template=None, template_version=None, locale=None, channel=None, text=None, detail={}, key={}
    )
    async with store.transaction() as tx:
        await tx.append_log([full, bare])
    assert (await store.views.log(LogFilter(), 9)).rows == (bare, full)
    assert await store.views.message("m1") == ([full], [])
    assert await store.views.message("none") == ([], [])


async def test_pages_stay_the_same_while_rows_are_added(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_log([row(f"m{n}") for n in range(7)])
    seen: list[str] = []
    cursor: str | None = None
    for more in range(9):
        page = await store.views.log(LogFilter(journey="renewal"), 3, cursor)
        seen += [one.message_id for one in page.rows]
        cursor = page.next
        async with store.transaction() as tx:
            await tx.append_log([row(f"new{more}")])
        if cursor is None:
            break
    assert seen == [f"m{n}" for n in reversed(range(7))]


async def test_the_last_page_has_no_next(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_log([row(f"m{n}") for n in range(4)])
    assert (await store.views.log(LogFilter(), 4)).next is None
    assert (await store.views.log(LogFilter(), 5)).next is None
    assert (await store.views.log(LogFilter(), 3)).next is not None


async def test_filters_hold_together(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_log(
            [
                row("m1"),
                row("m2", "c2"),
                row("m3", status="held", decided_at=NOW + 5),
                row("m4", journey="claims", status="held"),
            ]
        )

    async def found(**where: object) -> list[str]:
        page = await store.views.log(LogFilter(**where), 9)  # type: ignore[arg-type]
        return [one.message_id for one in page.rows]

    assert await found() == ["m4", "m3", "m2", "m1"]
    assert await found(customer_id="c1") == ["m4", "m3", "m1"]
    assert await found(customer_id="nobody") == []
    assert await found(journey="claims") == ["m4"]
    assert await found(status="held") == ["m4", "m3"]
    assert await found(since=NOW + 5) == ["m3"]
    assert await found(customer_id="c1", status="held", journey="renewal", since=NOW) == ["m3"]
    assert await found(customer_id="c2", status="held") == []


async def test_a_message_stands_where_its_last_row_says(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.append_log(
            [row("m1", status="held", next_at=NOW + 9), row("m2", status="held"), row("m3", "c2", "in_doubt")]
        )
        await tx.append_log([row("m1", status="deferred", reason="frequency_cap"), row("m1", decided_at=NOW + 9)])
    assert await store.views.message_counts() == {"held": 1, "in_doubt": 1, "sent": 1}
    rows, _ = await store.views.message("m1")
    assert [one.status for one in rows] == ["held", "deferred", "sent"]
    (doubt,) = (await store.views.messages(["in_doubt"], 9)).messages
    assert (doubt.message_id, doubt.customer, doubt.klass, doubt.at) == ("m3", "c2", "service", NOW)
    page = await store.views.messages(["held", "sent", "in_doubt"], 2)
    assert [one.message_id for one in page.messages] == ["m1", "m3"]
    rest = await store.views.messages(["held", "sent", "in_doubt"], 2, page.next)
    assert ([one.message_id for one in rest.messages], rest.next) == (["m2"], None)
