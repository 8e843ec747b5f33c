"""Releases in the embedded host: the first start, a restart, a new version for running customers, a kill."""

import zlib
from pathlib import Path

import msgspec
import pytest

from sojourn.bootstrap.releases import Running, Shelf, pack, plan, release, unpack
from sojourn.intake.apply import Incoming, apply_events
from sojourn.intake.deciding import Deciding
from sojourn.intake.decode import decode
from sojourn.ports import Conflict, StoreBroken
from sojourn.publication.sweep import IN_FORCE, sweep_page
from sojourn.store.memory import MemoryStore
from sojourn.testing.clock import VirtualClock
from tests.integration.enginekit import Rig, claim, happened, insurer, known

NOON = 1_780_286_400_000
JOURNEY = Path("journeys") / "claim_status.yaml"


def change(project: Path) -> None:
    """Write a new version of the journey: its priority is another one."""
    path = project / JOURNEY
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("priority:"))
    number = int(lines[at].split(":")[1])
    lines[at] = f"priority: {number - 1}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


async def put(rig: Rig, running: Running) -> int:
    """Release the folder as another process would, and give the instant at which it takes effect."""
    engine = rig.engine
    planned = await plan(engine.store, Shelf(engine.settings.var / "other"), engine.settings.project, running)
    assert planned.change.changed == ("claim_status",)
    return (await release(engine.store, planned, running)).at


async def versions(rig: Rig) -> dict[int, int]:
    return {one.version: one.count for one in await rig.engine.views.runs()}


async def test_the_first_start_releases_and_the_second_does_not(tmp_path: Path, clock: VirtualClock) -> None:
    project, store = insurer(tmp_path / "project", "claim_status"), MemoryStore(clock)
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        assert [notice for notice in rig.engine.notices if "first time" in notice]
        assert rig.engine.book.current == {"claim_status": 1}
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        assert rig.engine.notices == []
    change(project)
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        assert [notice for notice in rig.engine.notices if "changed since release 1" in notice]
        assert rig.engine.book.current == {"claim_status": 1}


@pytest.mark.parametrize(("running", "before", "after"), [("stay", 1, 2), ("move", 2, 2), ("drain", 1, None)])
async def test_a_release_meets_running_customers_at_its_instant(
    tmp_path: Path, clock: VirtualClock, running: Running, before: int, after: int | None
) -> None:
    project = insurer(tmp_path / "project", "claim_status")
    async with Rig(project, NOON, store=MemoryStore(clock), clock=clock) as rig:
        await rig.submit([known("C1", NOON), claim("C1", NOON)])
        await rig.settle()
        change(project)
        at = await put(rig, running)
        assert await rig.engine.check_releases() == at
        assert await versions(rig) == {1: 1}
        clock.set(at)
        assert await rig.engine.check_releases() is None
        assert rig.engine.book.current == {"claim_status": 2}
        assert await versions(rig) == {before: 1}
        await rig.submit([known("C2", clock.now), claim("C2", clock.now)])
        await rig.settle()
        started = {row.journey_version for row in await rig.rows() if row.customer_id == "C2"}
        assert started == ({after} if after is not None else set())


async def test_a_release_that_is_ahead_at_a_stop_takes_effect_at_the_next_start(
    tmp_path: Path, clock: VirtualClock
) -> None:
    project, store = insurer(tmp_path / "project", "claim_status"), MemoryStore(clock)
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        await rig.submit([known("C1", NOON), claim("C1", NOON)])
        change(project)
        at = await put(rig, "move")
    clock.set(at + 60_000)
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        assert rig.engine.book.current == {"claim_status": 2}
        assert await rig.engine.check_releases() is None
        assert await versions(rig) == {2: 1}
        assert (await rig.engine.views.positions())[IN_FORCE].next == 2


async def test_a_kill_in_the_middle_of_a_sweep_goes_on_where_it_was(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sojourn.publication.sweep.PAGE", 2)
    project, store = insurer(tmp_path / "project", "claim_status"), MemoryStore(clock)
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        names = [f"C{n}" for n in range(7)]
        await rig.submit([known(name, NOON) for name in names] + [claim(name, NOON) for name in names])
        change(project)
        at = await put(rig, "move")
        await rig.engine.shelf.catch_up(store)
        releases = rig.engine.shelf.releases
        clock.set(at)
        for _ in range(2):
            assert await sweep_page(store, Deciding(releases), releases.numbered(2)) == 2
        assert await versions(rig) == {1: 3, 2: 4}
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        assert await rig.engine.check_releases() is None
        assert await versions(rig) == {2: 7}
        await rig.settle()
        assert {row.status for row in await rig.rows()} == {"sent"}


async def test_two_releases_at_once_the_second_plans_again(tmp_path: Path, clock: VirtualClock) -> None:
    project, store = insurer(tmp_path / "project", "claim_status"), MemoryStore(clock)
    async with Rig(project, NOON, store=store, clock=clock):
        change(project)
        first = await plan(store, Shelf(tmp_path / "a"), project, "stay")
        second = await plan(store, Shelf(tmp_path / "b"), project, "stay")
        await release(store, first, "stay")
        with pytest.raises(Conflict):
            await release(store, second, "stay")


async def test_a_plan_counts_who_runs_in_what_changes(tmp_path: Path, clock: VirtualClock) -> None:
    project, store = insurer(tmp_path / "project", "claim_status"), MemoryStore(clock)
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        await rig.submit([known("C1", NOON), claim("C1", NOON), known("C2", NOON), claim("C2", NOON)])
        unchanged = await plan(store, Shelf(tmp_path / "a"), project, "stay")
        assert unchanged.empty
        assert unchanged.runs == ()
        change(project)
        planned = await plan(store, Shelf(tmp_path / "b"), project, "stay")
        assert [(one.journey, one.version, one.count) for one in planned.runs] == [("claim_status", 1, 2)]


def test_a_project_packs_to_the_same_bytes_and_unpacks_to_the_same_files(tmp_path: Path) -> None:
    project = insurer(tmp_path / "project", "claim_status")
    packed = pack(project)
    assert packed == pack(project)
    unpack(packed.content, tmp_path / "copy")
    assert pack(tmp_path / "copy") == packed
    (project / "journeys" / ".hidden").write_text("x")
    (project / "var").mkdir()
    (project / "var" / "master.key").write_text("secret")
    assert pack(project) == packed


@pytest.mark.parametrize("content", [b"", b"no", pack(Path("no such folder")).content[:-3]])
def test_a_blob_that_is_none_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(StoreBroken):
        unpack(content, tmp_path)


def test_a_blob_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreBroken):
        unpack(zlib.compress(msgspec.msgpack.encode({"../outside": b"x"})), tmp_path / "inside")
    assert not (tmp_path / "outside").exists()


async def test_a_customer_meets_a_release_with_whatever_comes_first_and_the_sweep_need_not_have_come(
    tmp_path: Path, clock: VirtualClock
) -> None:
    project, store = insurer(tmp_path / "project", "claim_status"), MemoryStore(clock)
    async with Rig(project, NOON, store=store, clock=clock) as rig:
        names = ["C1", "C2"]
        await rig.submit([known(name, NOON) for name in names] + [claim(name, NOON) for name in names])
        change(project)
        at = await put(rig, "move")
        await rig.engine.shelf.catch_up(store)
        deciding = Deciding(rig.engine.shelf.releases)
        clock.set(at + 1_000)
        raw = happened(
            "customer.updated", "C1", clock.now, {"changed": ["name"], "profile": {"name": "另测"}}, event_id="later"
        )
        read = decode(raw, rig.engine.edition.project.catalogue, clock.now)
        await apply_events(store, deciding, [Incoming(raw=raw, read=read, source="test")])
        assert await versions(rig) == {1: 1, 2: 1}
        async with store.transaction() as tx:
            met = {name: one.release for name, one in (await tx.load(names)).items()}
        assert met == {"C1": 2, "C2": 1}
