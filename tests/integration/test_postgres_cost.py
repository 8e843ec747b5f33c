"""What a batch costs on PostgreSQL: a fixed number of statements, each through an index."""

import re
from typing import Any, cast

import asyncpg

from sojourn.core.model import Hot
from sojourn.records import LANES, Changed
from sojourn.store.transaction import SqlTx
from sojourn.store.waiting import waiting
from tests.contract.storekit import NOW, keep, replace, run
from tests.integration.batchkit import everything
from tests.integration.pgkit import connected, opened, watched

ROWS = 50_000
TOUCHED = 2_000  # a batch of 40 customers looks at 500 who are due and at 200 orders; what is more would grow
#: Rows of other customers in every table that grows: all of them are due, and their orders ready.
GROWN = """
INSERT INTO subject SELECT n, md5(n::text), 'x', 'x' FROM many;
INSERT INTO part SELECT n, 'hot', 1, 1, 'x', 1 FROM many;
INSERT INTO part SELECT n, 'profile', 1, 1, 'x', NULL FROM many;
INSERT INTO run SELECT n, md5(n::text), 'renewal', 1, 't3', NULL, 1, 'x' FROM many;
INSERT INTO tomb SELECT md5(n::text), n, 'renewal', 'x', 1 FROM many;
INSERT INTO due SELECT n, n % 3, $NOW - n, n / 3 FROM many;
INSERT INTO inbox (event_id, subject, type, source, occurred, arrival, digest)
  SELECT md5(n::text), n, 't', 's', 1, $NOW - n, 'x' FROM many;
INSERT INTO log (subject, message_id, journey, journey_version, status, due_at, decided_at)
  SELECT n, md5(n::text), 'j', 1, 'sent', 1, $NOW - n FROM many;
INSERT INTO message SELECT md5(n::text), n, 'j', 'sms', 'service', 'sent', NULL, 1, NULL, n FROM many;
INSERT INTO outbox SELECT md5(n::text), n, 'deliver', 'sms', n % 3, $NOW - n, NULL, 1, 0, NULL, NULL, 'x'
  FROM many;
INSERT INTO attempt (message_id, subject, channel, started, ended, outcome, provider)
  SELECT md5(n::text), n, 'sms', 1, 1, 'accepted', 'p' FROM many;
INSERT INTO search SELECT md5(n::text), n FROM many;
ANALYZE
""".replace("$NOW", str(NOW))


#: What waits for a person or to go out.
MORE = """;
UPDATE message SET status = 'in_doubt' WHERE seq % 2 = 0;
INSERT INTO dead_letter (state, source, arrival, reason)
  SELECT 'open', 's', 1, CASE WHEN n % 2 = 0 THEN 'bad_json' ELSE 'unknown_type' END FROM many;
INSERT INTO outgoing (topic, sealed) SELECT 't', 'x' FROM many;
ANALYZE
"""


async def statements(database: str, count: int) -> list[str]:
    """Give what a batch of so many customers sends to the database."""
    async with opened(database) as store:
        sent: list[str] = []
        with watched(store, lambda statement, _: sent.append(statement)):
            await everything(store, [f"c{n}" for n in range(count)])
            await everything(store, [f"c{n}" for n in range(count)], "again")
    return sent


async def test_a_batch_costs_a_fixed_number_of_statements(database: str) -> None:
    first = await statements(database, 2)
    async with connected(database) as raw:
        await raw.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    many = await statements(database, 300)
    assert many == first
    assert len(many) < 160


async def test_every_statement_of_a_batch_goes_through_an_index(database: str) -> None:
    sent: list[tuple[str, Any]] = []
    async with opened(database) as store, connected(database) as raw:
        async with store.transaction() as tx:
            await keep(tx, "c1", lambda state: replace(state, runs={"r1": run()}))
        with watched(store, lambda statement, values: sent.append((statement, values))):
            await everything(store, [f"c{n}" for n in range(40)])
        await raw.execute(f"CREATE TEMP TABLE many AS SELECT n FROM generate_series(1, {ROWS}) n")
        await raw.execute(GROWN)
        asked = [one for one in sent if not one[0].startswith(("BEGIN", "COMMIT", "COPY"))]
        whole = [(statement, plan) for statement, values in asked if (plan := await seq_scans(raw, statement, values))]
        reads = [one for one in asked if one[0].startswith("SELECT") and "nextval" not in one[0]]
        most = {statement: await rows_touched(raw, statement, values) for statement, values in reads}
    assert len(reads) > 20
    assert whole == []
    assert [(statement, rows) for statement, rows in most.items() if rows > TOUCHED] == []


async def test_what_waits_is_told_at_the_same_cost_however_much_it_is(database: str) -> None:
    sent: list[tuple[str, Any]] = []
    async with opened(database) as store, connected(database) as raw:
        await raw.execute(f"CREATE TEMP TABLE many AS SELECT n FROM generate_series(1, {ROWS}) n")
        await everything(store, ["c1"])  # makes the months, and a letter
        await raw.execute(GROWN + MORE)
        with watched(store, lambda statement, values: sent.append((statement, values))):
            async with store.transaction() as tx:
                told = await cast(SqlTx, tx)._run(waiting, 100)
        asked = [one for one in sent if one[0].startswith("SELECT")]
        whole = [(statement, plan) for statement, values in asked if (plan := await seq_scans(raw, statement, values))]
        most = {statement: await rows_touched(raw, statement, values) for statement, values in asked}
        seen = await store.views.waiting(100)
    assert (told.in_doubt, told.outgoing) == (100, 100)
    assert told.letters == {"bad_json": 100, "not valid JSON": 1, "unknown_type": 100}
    assert [(one.channel, one.lane, one.ready) for one in told.lanes if one.channel == "sms"] == [
        ("sms", lane, 100) for lane in LANES
    ]
    assert seen == told
    assert len(asked) > 10
    assert whole == []
    assert [(statement, rows) for statement, rows in most.items() if rows > 1_000] == []


async def test_a_customer_is_updated_in_place(database: str) -> None:
    """A new version of a row beside the old one, without a word to the index (HOT); else the table grows and grows."""
    names = [f"c{n}" for n in range(60)]
    async with opened(database) as store:
        for _ in range(10):
            async with store.transaction() as tx:
                loaded = await tx.load(names)
                await tx.save([Changed(one, replace(one.state, hot=Hot(1)), None) for one in loaded.values()], NOW)
    async with connected(database) as raw:
        updated, in_place = await raw.fetchrow(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'part'"
        )
    assert updated == 540
    assert in_place > 0.9 * updated


async def seq_scans(raw: "asyncpg.Connection[asyncpg.Record]", statement: str, values: object) -> list[str]:
    """Give the places of a plan that read a table whole, or sort more than they need; small tables aside."""
    listed = list(values) if isinstance(values, list | tuple) else []
    plan = [line[0] for line in await raw.fetch(f"EXPLAIN {statement}", *listed)]
    return [
        line
        for line in plan
        if "Seq Scan" in line and not any(f" on {small}" in line.replace('"', "") for small in SMALL)
    ]


async def rows_touched(raw: "asyncpg.Connection[asyncpg.Record]", statement: str, values: Any) -> int:
    """Run a statement, undo it, and give the most rows that one step of its plan has seen."""
    transaction = raw.transaction()
    await transaction.start()
    plan = [line[0] for line in await raw.fetch(f"EXPLAIN (ANALYZE, TIMING OFF) {statement}", *values)]
    await transaction.rollback()
    seen = re.findall(r"actual rows=([\d.]+) loops=(\d+)|Removed by Filter: (\d+)", "\n".join(plan))
    return max(int(float(rows or 0) * int(loops or 0)) + int(removed or 0) for rows, loops, removed in seen)


#: Months of the future; tables with a row a source, a release or a secret; tables that are emptied all the time.
SMALL = (
    "inbox_2026_06",
    "log_2026_06",
    "position",
    "waiver",
    "publication",
    "meta",
    "outgoing",
    "conflict",
    "dead_letter",
    "pg_",
)
