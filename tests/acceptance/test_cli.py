"""The commands as people use them: their words, their exit statuses, their JSON."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.acceptance.runkit import ROOT, as_bytes, command, event, insurer, person

COMMANDS = ("run", "check", "test", "simulate", "format", "publish", "release", "log", "why", "schema", "version")
UNTIL = ("--until", "2026-03-20T00:00:00Z")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return insurer(tmp_path_factory.mktemp("cli") / "insurer")


def write(path: Path, *lines: object) -> str:
    path.write_bytes(b"\n".join(one if isinstance(one, bytes) else as_bytes(one) for one in lines) + b"\n")
    return str(path)


@pytest.mark.parametrize("name", [*COMMANDS, "dead-letters list", "dead-letters show"])
def test_every_command_explains_itself(name: str) -> None:
    ended = command(*name.split(), "--help")
    assert ended.status == 0
    assert "Example" in ended.out
    assert f"sojourn {name}" in ended.out


def test_all_commands_are_listed() -> None:
    ended = command("--help")
    assert all(re.search(rf"^  {name} ", ended.out, re.MULTILINE) for name in (*COMMANDS, "dead-letters"))
    assert command("nothing").status == 2


def test_version() -> None:
    assert json.loads(command("version", "--json").out)["sojourn"]


# ---- check, format, schema


def test_check_of_the_reference_project_finds_no_error(project: Path) -> None:
    ended = command("check", "--today", "2026-03-08", cwd=project)
    assert (ended.status, ended.out[:9]) == (0, "no errors")
    told = json.loads(command("check", "--today", "2026-03-08", "--json", "--reach", cwd=project).out)
    assert told["ok"] is True
    assert {"journey": "claim_status", "step": "ack"}.items() <= told["reach"][0].items() or told["reach"]
    reach = command("check", "--today", "2026-03-08", "--reach", cwd=project).out
    assert "renewal_premium: begins at payment.due_scheduled" in reach


def test_check_tells_all_errors_at_once_with_place_and_hint(tmp_path: Path) -> None:
    project = insurer(tmp_path / "insurer")
    for name, old, new in (
        ("claim_status", "send: claim_ack", "send: claim_akc"),
        ("renewal_premium", "policy.lapsed, because", "policy.lapsd, because"),
    ):
        path = project / "journeys" / f"{name}.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    ended = command("check", "--project", str(project))
    assert ended.status == 1
    assert re.search(r"journeys/claim_status\.yaml:\d+:\d+: error: .*claim_akc", ended.err)
    assert "did you mean `claim_ack`?" in ended.err
    assert re.search(r"journeys/renewal_premium\.yaml:\d+:\d+: error: .*policy\.lapsd", ended.err)
    assert re.search(r"^ +\| +\^$", ended.err, re.MULTILINE)
    told = json.loads(command("check", "--project", str(project), "--json").out)
    assert told["ok"] is False
    assert {one["file"] for one in told["problems"] if one["severity"] == "error"} == {
        "journeys/claim_status.yaml", "journeys/renewal_premium.yaml",
    }  # fmt: skip


def test_check_of_no_project(tmp_path: Path) -> None:
    assert command("check", "--project", str(tmp_path / "nothing")).status == 2
    assert command("check", "--today", "soon").status == 2


def test_format_keeps_what_is_canonical_and_mends_what_is_not(tmp_path: Path) -> None:
    source = ROOT / "journeys" / "renewal_premium.yaml"
    path = tmp_path / "renewal_premium.yaml"
    path.write_text(source.read_text(encoding="utf-8").replace("priority: 80", "priority:    80"), encoding="utf-8")
    assert command("format", "--check", str(path)).status == 1
    assert command("format", str(path)).status == 0
    assert "priority: 80" in path.read_text(encoding="utf-8")
    assert command("format", "--check", str(path)).status == 0
    path.write_text("a: [", encoding="utf-8")
    assert command("format", str(path)).status == 1


def test_schemas(project: Path) -> None:
    assert json.loads(command("schema").out)["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert "claim.filed" in json.loads(command("schema", "events", cwd=project).out)["properties"]["type"]["enum"]


# ---- test


def test_tests_of_the_reference_journeys_pass(project: Path) -> None:
    ended = command("test", cwd=project)
    assert ended.status == 0, ended.out
    total = re.search(r"^(\d+) of (\d+) tests passed$", ended.out, re.MULTILINE)
    assert total is not None
    assert int(total[1]) == int(total[2]) >= 100
    assert re.search(r"^renewal_premium: \d+ of \d+ passed; reached \d+ of \d+ steps", ended.out, re.MULTILINE)


def test_a_failing_test_is_told_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "claim_status.test.yaml"
    text = (ROOT / "journeys" / path.name).read_text(encoding="utf-8")
    path.write_text(text.replace("- 2026-03-03 11:00  sms    claim_node", "- 2026-03-03 11:01  sms    claim_node", 1))
    ended = command("test", str(path))
    assert ended.status == 1
    assert "missing  2026-03-03 11:01 sms claim_node" in ended.out
    told = json.loads(command("test", str(path), "--json").out)
    assert told["ok"] is False
    assert [one["it"] for one in told["files"][0]["tests"] if not one["passed"]] == [
        "tells every step once, from filing to payment"
    ]
    assert command("test", str(tmp_path / "none.test.yaml")).status == 2


# ---- simulate


def test_simulate_writes_rows_and_a_last_line(project: Path, tmp_path: Path) -> None:
    events = write(tmp_path / "events.ndjson", person(), event(1), b"{", event(2, "claim.fild"), event(1))
    log = tmp_path / "log.ndjson"
    ended = command("simulate", events, *UNTIL, "--log", str(log), "--journeys", "claim_status", cwd=project)
    assert ended.status == 0
    assert ended.out == ""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    sent = [row for row in rows if row["status"] == "sent"]
    assert {(row["step"], row["channel"]) for row in sent} >= {("ack", "sms"), ("ack", "email"), ("delay", "sms")}
    last = ended.err.splitlines()[-1]
    counts = re.fullmatch(
        r"(\d+) events, (\d+) decisions, (\d+) sent, (\d+) suppressed, (\d+) dead letters, [\d.]+ s, \d+ events/s", last
    )
    assert counts is not None
    assert [int(one) for one in counts.groups()] == [2, len(rows), len(sent), 0, 2]


def test_simulate_reads_standard_input_and_writes_standard_output(project: Path) -> None:
    given = as_bytes(person()) + b"\n" + as_bytes(event(1)) + b"\n"
    ended = command("simulate", "-", *UNTIL, cwd=project, given=given)
    assert ended.status == 0
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert list(rows[0])[:3] == ["message_id", "customer_id", "journey"]
    again = command("simulate", "-", *UNTIL, cwd=project, given=given)
    assert again.out == ended.out


def test_simulate_takes_customers_and_answers(project: Path, tmp_path: Path) -> None:
    profile = person()["payload"]["profile"] | {"customer_id": "C-900001"}
    people = write(tmp_path / "customers.ndjson", profile)
    events = write(tmp_path / "events.ndjson", event(1))
    answers = write(tmp_path / "answers.json", {"advisor.task": {"task_id": "T-9"}})
    ended = command("simulate", events, *UNTIL, "--customers", people, "--answers", answers, cwd=project)
    assert ended.status == 0
    assert any(json.loads(line)["status"] == "sent" for line in ended.out.splitlines())
    wrong = write(tmp_path / "answers.json", {"advisor.task": {"task_id": 7}})
    assert command("simulate", events, *UNTIL, "--answers", wrong, cwd=project).status == 2


@pytest.mark.parametrize(
    "words",
    [
        ("none.ndjson", *UNTIL),
        ("events.ndjson", "--until", "tomorrow"),
        ("events.ndjson",),
        ("events.ndjson", *UNTIL, "--project", "nowhere"),
        ("events.ndjson", *UNTIL, "--customers", "none.ndjson"),
        ("events.ndjson", *UNTIL, "--journeys", "claim_statu"),
        ("events.ndjson", *UNTIL, "--log", "no/such/folder/log.ndjson"),
    ],
)
def test_simulate_says_what_is_unusable(project: Path, words: tuple[str, ...]) -> None:
    write(project / "events.ndjson", event(1))
    ended = command("simulate", *words, cwd=project)
    assert ended.status == 2
    assert ended.err


def test_simulate_does_not_take_a_broken_project(tmp_path: Path) -> None:
    project = insurer(tmp_path / "insurer")
    shutil.rmtree(project / "schemas")
    events = write(tmp_path / "events.ndjson", event(1))
    assert command("simulate", events, *UNTIL, "--project", str(project)).status == 2


# ---- without a store


@pytest.mark.parametrize(
    "words", [("log",), ("why", "C1"), ("dead-letters", "list"), ("release", "--stay"), ("publish", "-")]
)
def test_commands_say_that_there_is_no_store_yet(project: Path, words: tuple[str, ...]) -> None:
    ended = command(*words, cwd=project)
    assert ended.status == 2
    assert "sojourn run" in ended.err
    assert "Traceback" not in ended.err


def test_a_misspelt_setting_is_refused(project: Path) -> None:
    ended = command("log", cwd=project, SOJOURN_DATABSE="x")
    assert ended.status == 2
    assert "did you mean `SOJOURN_DATABASE`?" in ended.err
