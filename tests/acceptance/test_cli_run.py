"""`sojourn run` and the commands beside it, on one engine: first start, sample, second start, release."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.runkit import KEY, Running, as_bytes, command, event, insurer, person, running


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return insurer(tmp_path_factory.mktemp("run") / "insurer")


@pytest.fixture(scope="module")
def engine(project: Path) -> Iterator[Running]:
    with running(project) as engine:
        engine.post(as_bytes([person(), event(1)]))
        engine.post(b"{")
        engine.until(lambda: len(engine.log("?status=sent").json()["rows"]) >= 3)
        yield engine


def test_the_first_start_shows_messages_and_reasons_within_15_seconds(tmp_path: Path) -> None:
    project = insurer(tmp_path / "insurer")
    began = time.monotonic()
    with running(project, "--sample") as engine:
        engine.until(lambda: {"sms", "email"} <= {row["channel"] for row in engine.log("?status=sent").json()["rows"]})
        assert time.monotonic() - began < 15
        inbox = engine.get("/").body.decode()
        assert 'class="bub"' in inbox
        assert "/inbox/mail/" in inbox
        engine.until(lambda: "A sample of" in engine.said)
        engine.until(lambda: {"paused_complaint", "frequency_cap", "no_address", "not_entered", "quiet_hours"} <= {
            row["reason"] for row in engine.log("?limit=1000").json()["rows"]})  # fmt: skip
        assert "投诉还没有办结" in engine.get("/log").body.decode()
        rows = {(row["message_id"], row["status"]) for row in engine.log("?limit=1000").json()["rows"]}
        assert engine.stop() == 0
    with running(project, "--sample") as again:
        assert "A sample of" not in again.said.partition("Stopped.")[2]
        assert rows <= {(row["message_id"], row["status"]) for row in again.log("?limit=1000").json()["rows"]}
        assert 'class="bub"' in again.get("/").body.decode()
        assert again.stop() == 0
        assert "API key" not in again.said


def test_the_key_is_made_once_and_shown_once(tmp_path: Path) -> None:
    project = insurer(tmp_path / "insurer")
    with running(project, SOJOURN_API_KEY="") as engine:
        key = (project / "var" / "api.key").read_text().strip()
        engine.until(lambda: "Ctrl-C" in engine.said)
        assert key in engine.said
        assert engine.post(as_bytes(event(1)), key=key).status == 202
        engine.stop()
    first = (project / "stderr.log").read_text()
    with running(project, SOJOURN_API_KEY="") as engine:
        engine.until(lambda: engine.said.count("Ctrl-C") == 2)
        assert key not in engine.said.removeprefix(first)
        assert engine.post(as_bytes(event(1)), key=key).json()["duplicates"] == 1
        engine.stop()


def test_a_taken_port_is_told_and_another_chosen(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with running(insurer(tmp_path / "insurer"), SOJOURN_LISTEN=f"127.0.0.1:{port}") as engine:
            assert engine.ready == {"event": "ready", "listen": engine.url.removeprefix("http://"), "url": engine.url}
            assert engine.url != f"http://127.0.0.1:{port}"
            assert engine.get("/healthz").status == 200
            engine.until(lambda: f"Port {port} is taken" in engine.said)
            engine.stop()


def test_a_second_engine_on_the_same_database_is_refused(engine: Running, project: Path) -> None:
    ended = command("run", cwd=project, SOJOURN_LISTEN="127.0.0.1:0")
    assert ended.status == 2
    assert "Another engine is running" in ended.err


def test_publish_sends_a_file_and_tells_what_became_of_it(engine: Running, project: Path, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join([as_bytes(event(50)), b"", as_bytes(event(51)), as_bytes(event(50)), b"{"]))
    ended = command("publish", str(file), cwd=project, SOJOURN_API_KEY=KEY)
    assert ended.status == 1
    assert ended.out == "2 accepted, 1 duplicates, 1 refused\n"
    assert "line 5: bad_json" in ended.err
    told = command("publish", "-", "--json", "--url", engine.url, "--key", KEY, cwd=project, given=as_bytes(event(52)))
    assert (told.status, json.loads(told.out)) == (0, {"accepted": 1, "duplicates": 0, "refused": []})
    wrong = command("publish", "-", "--url", engine.url, "--key", "wrong", cwd=project, given=as_bytes(event(53)))
    assert wrong.status == 2
    assert "401" in wrong.err


def test_log_beside_a_running_engine(engine: Running, project: Path) -> None:
    ended = command("log", "--json", "--status", "sent", "--customer", "C-900001", cwd=project)
    assert ended.status == 0
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert {row["customer_id"] for row in rows} == {"C-900001"}
    over_http = engine.log("?status=sent&customer_id=C-900001&limit=50").json()["rows"]
    assert rows == over_http
    text = command("log", "--limit", "1", "--lang", "zh", cwd=project)
    assert "claim_status" in text.out
    assert "--cursor" in text.err
    assert command("log", "--status", "sentt", cwd=project).status == 2
    assert command("log", "--zone", "Nowhere", cwd=project).status == 2


def test_why_says_what_was_sent_by_any_number(engine: Running, project: Path) -> None:
    for term in ("C-900001", "K-1"):
        ended = command("why", term, cwd=project)
        assert ended.status == 0
        assert "C-900001:" in ended.out
        assert "claim_status.ack by text message" in ended.out
    told = json.loads(command("why", "C-900001", "--json", "--lang", "zh", cwd=project).out)
    assert told["zone"] == "Asia/Shanghai"
    assert {one["status_word"] for one in told["messages"]} >= {"已发出"}
    assert {one["type"] for one in told["events"]} == {"customer.updated", "claim.filed"}
    assert command("why", "C-nobody", cwd=project).status == 1


def test_dead_letters_are_listed_and_shown(engine: Running, project: Path) -> None:
    ended = command("dead-letters", "list", "--json", cwd=project)
    assert ended.status == 0
    assert command("dead-letters", "--json", cwd=project).out == ended.out
    letters = [json.loads(line) for line in ended.out.splitlines()]
    assert {one["reason"] for one in letters} == {"bad_json"}
    shown = json.loads(command("dead-letters", "show", str(letters[-1]["number"]), "--json", cwd=project).out)
    assert shown["raw"] == "{"
    assert command("dead-letters", "show", "9999", cwd=project).status == 1


def test_release_tells_who_is_on_the_way_and_the_engine_takes_it(engine: Running, project: Path) -> None:
    assert "nothing to release" in command("release", "--stay", cwd=project).out
    path = project / "journeys" / "claim_status.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("priority: 95", "priority: 94"), encoding="utf-8")
    assert command("release", cwd=project).status == 2
    asked = command("release", "--stay", cwd=project, given=b"n\n")
    assert asked.status == 1
    assert "journeys changed: claim_status" in asked.out
    assert re.search(r"[1-9]\d* customers are on their way in what changes; they stay on their version", asked.out)
    told = json.loads(command("release", "--move", "--yes", "--json", cwd=project).out)
    assert told["released"] is True
    assert told["number"] == 2
    assert told["customers"][0]["journey"] == "claim_status"
    engine.until(lambda: "sojourn_release 2.0" in engine.get("/metrics").body.decode())
    path.write_text(text.replace("send: claim_ack", "send: claim_akc"), encoding="utf-8")
    broken = command("release", "--stay", "--yes", cwd=project)
    assert broken.status == 1
    assert "claim_akc" in broken.err
    path.write_text(text, encoding="utf-8")


def test_a_changed_folder_is_told_at_the_next_start(tmp_path: Path) -> None:
    project = insurer(tmp_path / "insurer")
    with running(project) as engine:
        engine.until(lambda: "Released the project for the first time" in engine.said)
        engine.stop()
    parameters = project / "parameters.yaml"
    parameters.write_text(parameters.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    with running(project) as engine:
        engine.until(lambda: "has changed since release 1" in engine.said)
        engine.stop()


def test_a_folder_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ended = command(
        "run", "--project", str(insurer(tmp_path / "insurer")), SOJOURN_LISTEN="127.0.0.1:0",
        SOJOURN_DATABASE=f"sqlite:///{tmp_path / 'file' / 's.db'}",
    )  # fmt: skip
    assert ended.status == 2
    assert ended.err.startswith("sojourn: The folder of the database cannot be written")
