"""Doctor: what is broken is found, named with its data, and comes with a next step; what is well is said."""

import asyncio
import os
import socket
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.doctor import broker, examine, host, sqlite, state
from sojourn.bootstrap.doctor.broker import newest
from sojourn.bootstrap.doctor.finding import Check, Finding, Site, worst
from sojourn.bootstrap.doctor.postgres import postgres as postgresql
from sojourn.bootstrap.settings import read_settings
from sojourn.bootstrap.wiring import make_access, make_store
from sojourn.errors import ConfigurationError
from sojourn.intake.frontier import STALLED_MS
from sojourn.kafka.topic_rules import Asked, wanted_topics
from sojourn.kafka.topics import make_topics
from sojourn.records import DeadLetter, Move, Position
from tests.integration.enginekit import insurer
from tools.servers import KafkaBroker, PostgresServer, free_port
from tools.servers.admin import administrator

YEAR_MS = 365 * 86_400_000
KEY = "ab" * 32


def site(folder: Path, at: int = 0, /, **environ: str) -> Site:
    """A place to look at; with ``at`` its clock stands still there."""
    given = {f"SOJOURN_{name.upper()}": value for name, value in environ.items()}
    return Site(read_settings(given, folder), (lambda: at) if at else wall_clock)


async def found(check: Check, at: Site) -> Mapping[str, Finding]:
    """What one check finds, by its sentence; each that is not well says what to do."""
    findings = await examine(at, (check,))
    assert all(one.next_step for one in findings if one.level in ("warning", "error"))
    return {one.what: one for one in findings}


def one(findings: Mapping[str, Finding], part_of_sentence: str) -> Finding:
    (match,) = [finding for what, finding in findings.items() if part_of_sentence in what]
    return match


# ---- this machine and the project


@pytest.mark.parametrize(
    ("environ", "sentence", "level"),
    [
        ({}, "settings are safe", "ok"),
        ({"listen": "0.0.0.0:8080"}, "its API key was made by the engine", "warning"),
        ({"listen": "0.0.0.0:8080", "api_key": "k"}, "without TLS of its own", "note"),
        ({"smtp": "smtp://mail.example:25"}, "A provider is spoken to without TLS", "warning"),
        ({"smtp": "smtps://mail.example:465", "sms": "http://127.0.0.1:1"}, "settings are safe", "ok"),
        ({"kafka": "broker.example:9092"}, "Brokers are spoken to without TLS", "warning"),
        ({"kafka": "127.0.0.1:9092,[::1]:9093"}, "settings are safe", "ok"),
    ],
)
async def test_dangerous_settings(tmp_path: Path, environ: dict[str, str], sentence: str, level: str) -> None:
    findings = await found(host.settings, site(tmp_path, **environ))
    assert [(finding.level, sentence in what) for what, finding in findings.items()] == [(level, True)]


async def test_a_secret_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SOJOURN_API_KEY=k\n")
    (tmp_path / ".env").chmod(0o644)
    finding = one(await found(host.settings, site(tmp_path)), "can be read by other users")
    assert (finding.data, finding.next_step) == ({"file": ".env"}, "chmod 600 .env")
    (tmp_path / ".env").chmod(0o600)
    assert worst(list((await found(host.settings, site(tmp_path))).values())) == "ok"


async def test_clock_and_time_zones(tmp_path: Path) -> None:
    past, future = wall_clock() - 5 * YEAR_MS, wall_clock() + 5 * YEAR_MS
    assert [one.level for one in await host.clock(site(tmp_path, past))] == ["error"]
    assert [one.level for one in await host.clock(site(tmp_path))] == ["ok"]
    assert [one.level for one in await host.zones(site(tmp_path))] == ["ok"]
    assert [one.level for one in await host.zones(site(tmp_path, future))] == ["warning"]


async def test_the_calendar_and_errors_of_the_project(tmp_path: Path) -> None:
    project = insurer(tmp_path / "project", "claim_status")
    june, october = 1_781_000_000_000, 1_792_000_000_000  # 2026
    findings = await found(host.project, site(project, june))
    assert one(findings, "no errors").data == {"journeys": 1}
    assert one(findings, "reaches far enough").level == "ok"
    assert one(await found(host.project, site(project, october)), "no official calendar").data == {"years": [2027]}
    (project / "journeys" / "broken.yaml").write_text("flow: [")
    finding = one(await found(host.project, site(project, june)), "has errors")
    assert finding.level == "error"
    assert finding.data["errors"] >= 1


async def test_a_check_that_fails_or_hangs_hinders_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Site) -> list[Finding]:
        raise ZeroDivisionError("a customer's value")

    async def hangs(_: Site) -> list[Finding]:
        await asyncio.sleep(60)
        return []

    async def refuses(_: Site) -> list[Finding]:
        raise ConfigurationError("It is not there", file="x", next_step="Put it there")

    monkeypatch.setattr("sojourn.bootstrap.doctor.LONGEST_S", 0.05)
    findings = await examine(site(tmp_path), (fails, hangs, refuses, host.zones))
    assert [(one.part, one.level, one.what) for one in findings] == [
        ("fails", "error", "The check itself failed"),
        ("hangs", "error", "The check did not end in time"),
        ("refuses", "error", "It is not there"),
        ("time zones", "ok", "The time zone data are recent"),
    ]
    assert findings[0].data["kind"] == "ZeroDivisionError"
    assert findings[2].data == {"file": "x"}
    assert "customer" not in repr(findings)


# ---- SQLite


async def test_the_database_of_embedded_mode(tmp_path: Path) -> None:
    at = site(tmp_path)
    assert one(await found(sqlite.sqlite, at), "no database yet").level == "note"
    assert await state.key(at) == []
    assert await state.work(at) == []
    store = make_store(at.settings, wall_clock)
    await store.open()
    findings = await found(sqlite.sqlite, at)  # beside the engine that has it open
    assert one(findings, "database is whole").level == one(findings, "that of this program").level == "ok"
    assert one(await found(state.key, at), "belongs to the database").level == "ok"
    assert one(await found(state.work, at), "Nothing waits").level == "ok"
    async with store.transaction() as tx:
        now = await tx.now()
        letter = DeadLetter(source="http", arrival=now, reason="bad_json", detail="x", raw=b"{")
        parked = DeadLetter(source="timers", arrival=now, reason="engine_error", detail="x", raw=b"", customer="C1")
        await tx.append_dead_letters([letter, parked])
        old = now - STALLED_MS - 1
        await tx.advance([Move("kafka:cj.claim.v1/0", None, Position(1, old, old))])
    await store.close()
    findings = await found(state.work, at)
    assert one(findings, "Dead letters wait").data == {"bad_json": 1}
    assert one(findings, "Customers are parked").data == {"inputs": 1}
    assert one(findings, "Nobody has moved a source").data == {"sources": ["kafka:cj.claim.v1/0"]}

    (tmp_path / "var" / "master.key").write_text(KEY)
    assert one(await found(state.key, at), "does not belong").level == "error"
    (tmp_path / "var" / "master.key").unlink()
    assert one(await found(state.key, at), "cannot be read").level == "error"


async def test_a_damaged_database_and_one_of_a_newer_program(tmp_path: Path) -> None:
    at = site(tmp_path)
    store = make_store(at.settings, wall_clock)
    await store.open()
    await store.close()
    path = at.settings.database_file
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert one(await found(sqlite.sqlite, at), "newer program").data["schema"] == "9999"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))
    assert one(await found(sqlite.sqlite, at), "damaged").level == "error"
    path.write_bytes(b"this is no database at all, but it is long enough to look like one" * 100)
    assert one(await found(sqlite.sqlite, at), "damaged").data["code"] == "SQLITE_NOTADB"


# ---- PostgreSQL


async def test_postgresql_that_loses_data_and_one_that_does_not(
    tmp_path: Path, database: str, postgres: PostgresServer
) -> None:
    at = site(tmp_path, database=database, master_key=KEY)
    findings = await found(postgresql, at)
    lost = {finding.data["setting"] for finding in findings.values() if finding.level == "error"}
    assert lost == {"fsync", "full_page_writes"}  # as tests run it
    assert one(findings, "tell the same time").level == "ok"
    assert one(findings, "The database is empty").level == "note"
    assert await state.work(at) == []
    assert one(await found(state.key, at), "No database was made").level == "note"

    store = make_store(at.settings, wall_clock)
    await store.open()
    await store.close()
    assert one(await found(postgresql, at), "that of this program").level == "ok"
    assert one(await found(state.key, at), "belongs to the database").level == "ok"
    assert one(await found(state.work, at), "Nothing waits").level == "ok"
    other = site(tmp_path, database=database, master_key="cd" * 32)
    assert one(await found(state.key, other), "does not belong").level == "error"

    ahead = site(tmp_path, wall_clock() + 60_000, database=database, master_key=KEY)
    skewed = one(await found(postgresql, ahead), "clocks of database")
    assert skewed.level == "error"
    assert -61_000 < skewed.data["database_ahead_ms"] < -50_000


async def test_a_role_without_rights_and_a_database_in_another_encoding(
    tmp_path: Path, database: str, postgres: PostgresServer
) -> None:
    name = database.rpartition("/")[2]
    connection = await asyncpg.connect(database)
    await connection.execute(f"CREATE ROLE r{name} LOGIN")
    await connection.execute(
        f"CREATE DATABASE l{name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    )
    await connection.close()
    poor = site(tmp_path, database=database.replace("postgres@", f"r{name}@"))
    assert one(await found(postgresql, poor), "may make no tables").level == "error"
    latin = site(tmp_path, database=postgres.address(f"l{name}"))
    assert one(await found(postgresql, latin), "not in UTF-8").data == {"encoding": "LATIN1"}
    postgres.drop_database(f"l{name}")


async def test_postgresql_reached_and_let_in_are_told_apart(tmp_path: Path, postgres: PostgresServer) -> None:
    user = "postgresql://postgres@127.0.0.1"
    nowhere = site(tmp_path, database=f"{user}:{free_port()}/x")
    assert one(await found(postgresql, nowhere), "cannot be reached").data["problem"]
    none = site(tmp_path, database=postgres.address("no_such_database"))
    assert one(await found(postgresql, none), "there is no such database").data == {"sqlstate": "3D000"}
    nobody = site(tmp_path, database=postgres.address("postgres").replace("postgres@", "nobody@"))
    assert one(await found(postgresql, nobody), "lets this user or host not in").data == {"sqlstate": "28000"}
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        mute = site(tmp_path, database=f"{user}:{silent.getsockname()[1]}/x")
        assert one(await found(postgresql, mute), "does not answer").level == "error"


# ---- Kafka


async def test_brokers_and_topics(tmp_path: Path, kafka: KafkaBroker) -> None:
    project = insurer(tmp_path / "project", "claim_status")
    at = site(project, kafka=kafka.bootstrap)
    findings = await found(broker.broker, at)
    assert {finding.level for finding in findings.values()} == {"ok"}
    assert one(findings, "tested with").data == {"kafka": "4.0 or newer"}
    loaded, _ = await at.project()
    assert loaded is not None
    names = sorted(loaded.catalogue.topics)
    await make_topics(make_access(at.settings), wanted_topics(names), Asked(partitions=1))
    findings = await found(broker.topics, at)
    assert one(findings, "keep what they must").data["topics"] == len(wanted_topics(names))
    assert one(findings, "one copy").level == "note"
    away = site(project, kafka=f"127.0.0.1:{free_port()}")
    assert one(await found(broker.broker, away), "takes no connection").level == "error"
    assert one(await found(broker.topics, away), "no broker can be asked").level == "note"
    assert await broker.broker(site(project)) == await broker.topics(site(project)) == []


async def test_a_record_from_the_future_tells_of_a_clock(tmp_path: Path, kafka: KafkaBroker, topics: str) -> None:
    access = make_access(site(tmp_path, kafka=kafka.bootstrap).settings)
    name, future = f"{topics}clock", wall_clock() + 3_600_000
    assert await newest(access, [name]) == []
    async with administrator(kafka.bootstrap) as admin:
        await admin.create_topics([NewTopic(name, 1, 1)])
    async with AIOKafkaProducer(**access.arguments()) as producer:
        await producer.send_and_wait(name, b"{}", timestamp_ms=1)
        await producer.send_and_wait(name, b"{}", timestamp_ms=future)
    assert await newest(access, [name]) == [(future, False, name)]
