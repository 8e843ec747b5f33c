"""The operator's commands as a person runs them, beside a running engine and without one."""

import asyncio
import json
import re
import shlex
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import typer

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.releases import Shelf, plan, release
from sojourn.bootstrap.settings import read_settings
from sojourn.bootstrap.wiring import make_store
from sojourn.cli.app import app
from sojourn.operations.letters import PARKED
from sojourn.records import DeadLetter, Move, Position
from tests.acceptance.runkit import ROOT, Ended, as_bytes, command, event, insurer, person, running


def keep(project: Path, *letters: DeadLetter) -> None:
    """Put dead letters into the store of a project, beside whatever runs on it."""

    async def put() -> None:
        store = make_store(read_settings({}, project), wall_clock, create=False)
        await store.open()
        async with store.transaction() as tx:
            await tx.append_dead_letters(letters)
            old = wall_clock() - 3_600_000
            for n in range(2):
                if await tx.position(f"kafka:cj.claim.v1/{n}") is None:
                    await tx.advance([Move(f"kafka:cj.claim.v1/{n}", None, Position(5, old, old))])
        await store.close()

    asyncio.run(put())


def letter(raw: bytes, reason: str, **more: Any) -> DeadLetter:
    return DeadLetter(source="http", arrival=wall_clock() - 60_000, reason=reason, detail="x", raw=raw, **more)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return insurer(tmp_path_factory.mktemp("operations") / "project")


def test_letters_are_replayed_and_customers_released_beside_a_running_engine(project: Path) -> None:
    with running(project) as engine:
        assert engine.post(as_bytes(person())).status == 202
        keep(
            project,
            letter(b"{", "bad_json"),
            letter(as_bytes(event(1)), "unknown_type"),
            letter(as_bytes(event(2)), "engine_error", customer="C-900001"),
        )
        listed = command("dead-letters", "list", "--json", "--project", str(project))
        numbers = {json.loads(line)["reason"]: json.loads(line)["number"] for line in listed.out.splitlines()}

        foretold = command("dead-letters", "replay", "--reason", "unknown_type", "--dry-run", "--project", str(project))
        assert (foretold.status, foretold.out.splitlines()[-1]) == (0, "1 would be closed, 0 would be open")
        done = command("dead-letters", "replay", "--since", "2026-01-01T00:00:00Z", "--project", str(project))
        assert done.status == 1
        assert done.out.splitlines() == [
            f"{numbers['bad_json']}  stays open: refused again: bad_json: the text is not JSON",
            f"{numbers['unknown_type']}  is an event now, parked behind an error of its customer",
            f"{numbers['engine_error']}  stays open: {PARKED}",
            "1 closed, 2 stay open",
        ]
        parked = command("quarantine", "list", "--json", "--project", str(project))
        assert parked.status == 1
        assert json.loads(parked.out)["customer_id"] == "C-900001"
        assert json.loads(parked.out)["inputs"] == 2
        free = command("quarantine", "release", "C-900001", "C-900002", "--project", str(project))
        assert free.status == 1
        assert free.out.splitlines() == ["C-900001 is free again; 2 inputs were applied", "C-900002 is not parked"]
        engine.until(lambda: b"E-1" in engine.log().body and b"E-2" in engine.log().body)
        assert command("quarantine", "list", "--project", str(project)).out == "nobody is parked\n"

        gone = command("dead-letters", "drop", str(numbers["bad_json"]), "--yes", "--project", str(project))
        assert (gone.status, gone.out) == (0, "1 dropped\n")
        again = command("dead-letters", "replay", str(numbers["bad_json"]), "--project", str(project))
        assert again.status == 0
        assert "there is no open dead letter" in again.err


def test_sources_and_a_waiver(project: Path) -> None:
    keep(project)
    listed = command("intake", "list", "--project", str(project))
    assert listed.status == 1
    assert "kafka:cj.claim.v1/0  next 5  stored to" in listed.out
    assert listed.out.count("stalled: nobody has moved it since") == 2
    words = ("intake", "waive", "cj.claim.v1", "--by", "Li Wei", "--reason", "disk lost", "--project", str(project))
    given = command(*words, "--for", "2h", "--json")
    assert [(one["source"], one["by"], one["reason"]) for one in json.loads(given.out)] == [
        ("kafka:cj.claim.v1/0", "Li Wei", "disk lost"), ("kafka:cj.claim.v1/1", "Li Wei", "disk lost"),
    ]  # fmt: skip
    listed = command("intake", "list", "--json", "--project", str(project))
    assert listed.status == 0
    states = [json.loads(line) for line in listed.out.splitlines()]
    assert all(one["stalled"] and one["waiver"]["by"] == "Li Wei" and one["lag_seconds"] > 3_000 for one in states)
    assert command(*words, "--end").out.splitlines()[0] == "kafka:cj.claim.v1/0: waits again"
    assert command("intake", "list", "--project", str(project)).status == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("dead-letters", "replay"), "Which dead letters? Name numbers"),
        (("dead-letters", "replay", "7", "--reason", "bad_json"), "Name one or the other"),
        (("dead-letters", "replay", "--since", "yesterday"), "This is no instant"),
        (("dead-letters", "replay", "--reason", "bad_jsn"), "did you mean `bad_json`?"),
        (("dead-letters", "drop", "--reason", "x", "--yes"), "There are bad_json, not_utf8"),
        (("dead-letters", "show", "9" * 30), "9223372036854775807"),
        (("dead-letters", "replay", "9" * 30), "9223372036854775807"),
        (("intake", "waive", "x", "--by", "L", "--reason", "r"), "How long does the waiver last? Say --for 2h"),
        (("intake", "waive", "x", "--for", "2 weeks", "--by", "L", "--reason", "r"), "This is no span of time"),
        (("intake", "waive", "cj.clam.v1", "--for", "2h", "--by", "L", "--reason", "r"), "did you mean"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_next_step(project: Path, words: tuple[str, ...], problem: str) -> None:
    keep(project)
    ended = command(*words, "--project", str(project))
    assert ended.status == 2
    assert problem in ended.err


@pytest.mark.parametrize("words", [("quarantine", "list"), ("quarantine", "release", "C"), ("intake", "list")])
def test_without_a_store_a_command_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = command(*words, "--project", str(tmp_path))
    assert ended.status == 2
    assert "There is no database yet" in ended.err


def test_doctor_tells_what_is_wrong_and_its_status_says_how_bad(tmp_path: Path) -> None:
    folder = insurer(tmp_path / "project")
    calendar = folder / "schemas" / "calendar.yaml"
    well = command("doctor", "--json", "--project", str(folder))
    told = json.loads(well.out)
    assert {one["level"] for one in told["findings"] if one["part"] != "calendar"} <= {"ok", "note"}
    assert well.status == {"ok": 0, "note": 0, "warning": 1}[told["status"]]
    open_wide = command("doctor", "--project", str(folder), SOJOURN_LISTEN="0.0.0.0:8080")
    assert open_wide.status == 1
    assert "WARNING  settings: HTTP listens beyond this machine" in open_wide.out
    calendar.write_text("zone: [")
    broken = command("doctor", "--project", str(folder))
    assert broken.status == 2
    assert "ERROR    project: The project folder has errors" in broken.out
    assert "         -> `sojourn check` names each with its place" in broken.out


def test_doctor_finds_a_damaged_database(tmp_path: Path) -> None:
    folder = insurer(tmp_path / "project")
    (folder / "var").mkdir()
    with sqlite3.connect(folder / "var" / "sojourn.db") as connection:
        connection.execute("CREATE TABLE x (y TEXT)")
    connection.close()
    with (folder / "var" / "sojourn.db").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3_000)
    ended = command("doctor", "--json", "--project", str(folder))
    assert ended.status == 2
    found = [one for one in json.loads(ended.out)["findings"] if one["level"] == "error"]
    assert {one["what"] for one in found} >= {"The database is damaged"}


def test_all_of_it_works_on_postgresql(tmp_path: Path, database: str) -> None:
    folder = insurer(tmp_path / "project")
    env = {"SOJOURN_DATABASE": database, "SOJOURN_MASTER_KEY": "ab" * 32}

    def say(*words: str) -> Ended:
        more = ("--project", str(folder))
        return command(*words, *more, SOJOURN_DATABASE=database, SOJOURN_MASTER_KEY="ab" * 32)

    for words in (("intake", "list"), ("dead-letters", "drop", "1"), ("release", "--stay", "--yes")):
        ended = say(*words)
        assert (ended.status, "There are no tables yet" in ended.err) == (2, True)

    async def first_start() -> None:
        store = make_store(read_settings(env, folder), wall_clock, create=False)
        await store.open()
        planned = await plan(store, Shelf(folder / "var"), folder, "stay")
        await release(store, planned, "stay", lead_ms=0)
        async with store.transaction() as tx:
            await tx.append_dead_letters([letter(as_bytes(event(1)), "unknown_type"), letter(b"{", "bad_json")])
            await tx.advance([Move("kafka:cj.claim.v1/0", None, Position(5, 1, 1))])
        await store.close()

    asyncio.run(first_start())
    assert say("dead-letters", "replay", "1").out.splitlines()[0] == "1  is an event now"
    assert say("dead-letters", "list").out.count("bad_json") == 1
    assert say("quarantine", "list").out == "nobody is parked\n"
    assert say("intake", "waive", "cj.claim.v1", "--for", "1h", "--by", "L", "--reason", "r").status == 0
    assert "waived until" in say("intake", "list").out
    assert "C-900001: 1 events" in say("why", "C-900001").out
    (folder / "parameters.yaml").write_text((folder / "parameters.yaml").read_text() + "\n# another release\n")
    released = say("release", "--stay", "--yes")
    assert (released.status, "Release 2 takes effect at" in released.out) == (0, True), released
    findings = json.loads(say("doctor", "--json").out)["findings"]
    wrong = {one["data"].get("setting") for one in findings if one["level"] == "error"}
    assert wrong == {"fsync", "full_page_writes"}  # as tests run it


def test_every_command_of_the_page_about_trouble_can_be_said() -> None:
    page = (ROOT / "docs" / "how-to" / "when-something-is-wrong.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    assert len(lines) > 12
    root: Any = typer.main.get_command(app)
    for program, *words in lines:
        assert program == "sojourn"
        found, left = root, words
        while hasattr(found, "commands"):
            found, left = found.commands[left[0]], left[1:]
        found.make_context(program, left)  # raises for an option or argument that there is not
