"""SQLite itself: what stands in the file, and what a batch costs."""

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sojourn.records import LogFilter
from sojourn.store.sealing import Master
from sojourn.store.sqlite import SqliteStore
from tests.contract.storekit import (
    NOW,
    deliver,
    full_state,
    keep,
    letter,
    published,
    queued,
    replace,
    row,
    run,
    settled,
    touch,
)
from tests.contract.storekit import event as incoming
from tests.integration.batchkit import everything
from tests.integration.sqlitekit import FILE, make, written


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An empty open store."""
    made = make(tmp_path)
    await made.open()
    yield made
    await made.close()


async def statements(folder: Path, count: int) -> list[str]:
    """Count what a batch of so many customers sends to the database."""
    store = make(folder)
    await store.open()
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    await everything(store, [f"c{i}" for i in range(count)])
    await store.close()
    return sent


async def test_a_batch_costs_a_fixed_number_of_statements(tmp_path: Path) -> None:
    few = await statements(tmp_path / "few", 2)
    many = await statements(tmp_path / "many", 300)
    assert many == few
    assert len(few) < 60


async def test_nothing_personal_is_readable_in_the_files(store: SqliteStore, tmp_path: Path) -> None:
    async with store.transaction() as tx:
        await keep(tx, "CUSTOMER-0815", lambda _: full_state("CUSTOMER-0815"), due=NOW)
        await tx.append_inbox([incoming("e1", "CUSTOMER-0815", raw=b'{"name":"SECRETNAME"}', terms=("POLICY-4711",))])
        await tx.append_conflicts([incoming("e1", "CUSTOMER-0815", raw=b"SECRETNAME again")])
        await tx.append_dead_letters([letter(raw=b"SECRETNAME broken", detail="SECRETNAME", customer="CUSTOMER-0815")])
        sealed: dict[str, Any] = {
            "text": "SECRETNAME",
            "html": "SECRETNAME",
            "subject": "SECRETNAME",
            "detail": {"x": "SECRETNAME"},
        }
        await tx.append_log([row("m1", "CUSTOMER-0815", key={"policy_id": "POLICY-4711"}, **sealed)])
        await tx.enqueue([queued("m1", "CUSTOMER-0815", values={"name": "SECRETNAME"}, address="+8613800138000")])
        await tx.settle("w", [settled("m1", "CUSTOMER-0815", text="SECRETNAME refused")])
        loaded = await tx.load(["CUSTOMER-0815"])
        assert "王女士" in loaded["CUSTOMER-0815"].state.profile.fields.values()
    content = written(tmp_path)
    assert b"premium.due" in content
    for secret in (b"CUSTOMER-0815", b"SECRETNAME", b"POLICY-4711", b"P-1", b"13800138000", "王女士".encode()):
        assert secret not in content


async def test_an_erased_key_is_gone_from_the_files_and_not_only_unlinked(store: SqliteStore, tmp_path: Path) -> None:
    async with store.transaction() as tx:
        for n in range(30):
            await keep(tx, f"c{n}", lambda state: full_state(state.customer))
        await tx.append_inbox([incoming("e1", "c7")])
    with sqlite3.connect(tmp_path / FILE) as raw:
        found = raw.execute("SELECT subject, wrapped, customer_hash FROM subject").fetchall()
        hot = dict(raw.execute("SELECT subject, body FROM part WHERE kind = 'hot'").fetchall())
    raw.close()
    name = Master(bytes.fromhex((tmp_path / "master.key").read_text().strip())).search("customer", "c7")
    subject, wrapped, _ = next(one for one in found if one[2] == name)
    async with store.transaction() as tx:
        await tx.erase("c7", NOW)
    content = written(tmp_path)
    assert wrapped not in content
    assert hot[subject] not in content
    assert name.encode() not in content
    other = next(one for one in found if one[2] != name)
    assert other[1] in content


async def test_what_is_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    first = make(tmp_path)
    await first.open()
    async with first.transaction() as tx:
        await keep(tx, "c1", lambda _: full_state("c1"), due=NOW)
        await tx.append_log([row()])
        await tx.enqueue([queued()])
        await tx.add_publication(published())
    await first.close()
    second = make(tmp_path)
    await second.open()
    kept = await second.views.customer("c1")
    assert kept is not None
    assert kept.state == full_state("c1")
    assert (await second.views.log(LogFilter(customer_id="c1"), 9)).rows == (row(),)
    async with second.transaction() as tx:
        assert [one.order for one in (await tx.claim(NOW, {"sms": 1}, NOW + 1, "w")).orders] == [deliver()]
        assert list(await tx.publications()) == [published()]
    await second.close()


KILLED = """
import asyncio, os, sys
from pathlib import Path
from typing import Any
from tests.contract.storekit import event, touch
from tests.integration.batchkit import everything
from tests.integration.sqlitekit import make
async def main():
    store = make(Path(sys.argv[1]))
    await store.open()
    for n in range(50):
        async with store.transaction() as tx:
            await tx.append_inbox([event(f"e{n}-{i}", "c1") for i in range(20)])
            await touch(tx, "c1")
            if n == 20:
                os.kill(os.getpid(), 9)
        print(n, flush=True)
asyncio.run(main())
"""


def killed(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a process that writes until it kills itself."""
    command = [sys.executable, "-c", KILLED, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


async def test_a_killed_process_leaves_whole_transactions(tmp_path: Path) -> None:
    done = killed(tmp_path)
    assert done.returncode == -9
    assert done.stdout.split() == [str(n) for n in range(20)]
    store = make(tmp_path)
    await store.open()
    kept = await store.views.customer("c1")
    assert kept is not None
    assert ((await store.views.counts())["events"], kept.revision) == (400, 20)
    await store.close()


# ---- cost


async def test_what_is_asked_often_goes_through_an_index(store: SqliteStore, tmp_path: Path) -> None:
    sent: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        sent.append((statement, parameters))

    async with store.transaction() as tx:
        await keep(tx, "c1", lambda s: replace(s, runs={"r1": run()}))
    event.listen(store.engine, "before_cursor_execute", note)
    await everything(store, [f"c{n}" for n in range(3)])
    raw = sqlite3.connect(tmp_path / FILE)
    for statement, parameters in sent:
        if statement.startswith("BEGIN"):
            continue
        one = parameters[0] if isinstance(parameters, list) else parameters
        plan = [step[3] for step in raw.execute(f"EXPLAIN QUERY PLAN {statement}", one)]
        scans = [step for step in plan if step.startswith("SCAN") and not _bounded(step)]
        assert scans == [], (statement, plan)
    raw.close()


def _bounded(step: str) -> bool:
    """A scan of what the statement itself brought or of the rows that it has just picked."""
    return any(word in step for word in ("json_each", "anon_", "(subquery", "CONSTANT ROW"))


async def test_a_reader_delays_the_emptying_of_the_log_and_does_not_prevent_it(tmp_path: Path) -> None:
    store = make(tmp_path)
    await store.open()
    async with store.transaction() as tx:
        await keep(tx, "c1", lambda state: full_state("c1"))
    reader = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    wrapped = reader.execute("SELECT wrapped FROM subject").fetchone()[0]
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM part").fetchone()
    async with store.transaction() as tx:
        await tx.erase("c1", NOW)
    assert wrapped in written(tmp_path)
    reader.close()
    async with store.transaction() as tx:
        await touch(tx, "c2")
    assert wrapped not in written(tmp_path)
    await store.close()
