"""HTTP as other systems rely on it (interfaces.md), on the real command."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request

import pytest

from tests.acceptance.runkit import KEY, Running, as_bytes, event, insurer, person, running

ROW_FIELDS = [
    "message_id", "customer_id", "journey", "journey_version", "key", "step", "template", "template_version", "locale",
    "channel", "status", "reason", "due_at", "decided_at", "handed_over_at", "subject", "text", "html", "event_id",
    "trace_id", "detail",
]  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(insurer(tmp_path_factory.mktemp("http") / "insurer")) as engine:
        assert engine.post(as_bytes(person())).status == 202
        yield engine


def reasons(body: bytes) -> list[str]:
    return [one["reason"] for one in json.loads(body)["refused"]]


def test_one_event_an_array_and_lines_are_taken(engine: Running) -> None:
    answer = engine.post(as_bytes(event(1)))
    assert (answer.status, answer.json()) == (202, {"accepted": 1, "duplicates": 0, "refused": []})
    answer = engine.post(as_bytes([event(1), event(2), event(3)]))
    assert (answer.status, answer.json()) == (202, {"accepted": 2, "duplicates": 1, "refused": []})
    answer = engine.post(as_bytes(event(4)) + b"\n\n" + as_bytes(event(5)), "application/x-ndjson")
    assert answer.json()["accepted"] == 2


def test_cloud_events_are_taken_in_three_modes(engine: Running) -> None:
    envelope = event(10)
    cloud = {
        "specversion": "1.0", "id": "CE-1", "type": "claim.filed", "source": "Claims", "subject": "C-900001",
        "time": envelope["occurred_at"], "data": envelope["payload"],
    }  # fmt: skip
    assert engine.post(as_bytes(cloud), "application/cloudevents+json").json()["accepted"] == 1
    batch = [cloud, cloud | {"id": "CE-2"}]
    told = engine.post(as_bytes(batch), "application/cloudevents-batch+json").json()
    assert (told["accepted"], told["duplicates"]) == (1, 1)
    headers = {f"ce-{name}": str(value) for name, value in cloud.items() if name != "data"} | {"ce-id": "CE-3"}
    assert engine.post(as_bytes(cloud["data"]), **headers).json()["accepted"] == 1


def test_the_trace_of_a_request_is_that_of_its_events_unless_they_name_one(engine: Running) -> None:
    mine, other = "0af7651916cd43dd8448eb211c80319c", "b" * 32
    header = {"traceparent": f"00-{mine}-b7ad6b7169203331-01"}
    engine.post(as_bytes([event(70, customer_id="C-TR1"), event(71, customer_id="C-TR2", trace_id=other)]), **header)
    engine.post(as_bytes(event(72, customer_id="C-TR3")), traceparent="\xff no trace")
    rows = {who: engine.log(f"?customer_id={who}").json()["rows"] for who in ("C-TR1", "C-TR2", "C-TR3")}
    told = {who: {row["trace_id"] for row in found} for who, found in rows.items()}
    assert told == {"C-TR1": {mine}, "C-TR2": {other}, "C-TR3": {None}}


def test_each_refused_event_is_named_and_the_others_are_taken(engine: Running) -> None:
    bad = [event(20), event(21, "claim.fild"), event(22, occurred_at="2026-03-08T20:00:00"), event(23, payload={}),
           event(24, customer_id="C" * 10_000), event(25, event_id=""), 7]  # fmt: skip
    answer = engine.post(as_bytes(bad))
    assert answer.status == 202
    assert answer.json()["accepted"] == 1
    found = [(one["index"], one["reason"]) for one in answer.json()["refused"]]
    assert found == [
        (1, "unknown_type"), (2, "bad_time"), (3, "missing_field"), (4, "bad_id"), (5, "no_id"), (6, "wrong_type"),
    ]  # fmt: skip
    assert "claim.filed" in answer.json()["refused"][0]["detail"]
    assert engine.post(as_bytes(event(20, source="Other"))).json()["refused"][0]["reason"] == "id_conflict"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "bad_json"),
        (b'{"event_id": "\xff"}', "not_utf8"),
        (b"[" * 1_000 + b"]" * 1_000, "too_deep"),
        (as_bytes(event(30, payload={"text": "x" * 1_000_000})), "too_large"),
        (as_bytes(event(31, occurred_at="0000-01-01T00:00:00Z")), "bad_time"),
        (as_bytes(event(32, occurred_at="9999-01-01T00:00:00Z")), "bad_time"),
        (as_bytes(event(33, customer_id="a\x00b")), "bad_id"),
    ],
)
def test_what_is_no_event_is_400_and_a_dead_letter(engine: Running, body: bytes, reason: str) -> None:
    answer = engine.post(body)
    assert answer.status == 400
    assert answer.json()["accepted"] == 0
    assert reasons(answer.body) == [reason]


def test_nobody_without_the_key(engine: Running) -> None:
    for key in ("", "wrong", KEY + "x", "schlüssel".encode().decode("latin-1")):
        answer = engine.post(as_bytes(event(40)), key=key)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert engine.get("/v1/log").status == 401
    assert engine.post(as_bytes(event(40))).json()["accepted"] == 1


def test_bounds_of_a_request(engine: Running) -> None:
    assert engine.post(b" " * (8 * 1024 * 1024 + 1)).status == 413
    assert engine.post(b"\n".join([b"{}"] * 10_001), "application/x-ndjson").status == 413
    assert engine.post(b"").status == 400
    assert engine.post(b"[]").status == 400
    assert engine.post(gzip.compress(b"[]"), **{"Content-Encoding": "gzip"}).status == 400
    assert engine.get("/v1/events").status == 405
    assert engine.get("/v1/nothing").status == 404


def test_the_log_pages_by_key_newest_first(engine: Running) -> None:
    engine.post(as_bytes([event(n, customer="C-900002") for n in range(100, 106)]))
    engine.post(as_bytes(person("C-900002")))
    query = "?customer_id=C-900002"
    engine.until(lambda: len(engine.log(query + "&limit=1000").json()["rows"]) >= 12)
    whole = engine.log(query + "&limit=1000").json()["rows"]
    pages, cursor = [], ""
    while cursor is not None:
        page = engine.log(f"{query}&limit=5{cursor and '&cursor=' + cursor}").json()
        assert len(page["rows"]) <= 5
        pages += page["rows"]
        cursor = page["next"]
    seen = [(row["message_id"], row["status"]) for row in pages]
    assert len(seen) == len(set(seen))
    assert {row["message_id"] for row in whole} <= {row["message_id"] for row in pages}
    assert all(list(row) == ROW_FIELDS for row in pages)
    times = [row["decided_at"] for row in whole]
    assert times == sorted(times, reverse=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time in times)


def test_the_log_is_filtered(engine: Running) -> None:
    assert {row["journey"] for row in engine.log("?journey=claim_status").json()["rows"]} == {"claim_status"}
    assert engine.log("?journey=renewal_premium").json() == {"rows": [], "next": None}
    assert {row["status"] for row in engine.log("?status=sent&limit=9").json()["rows"]} <= {"sent"}
    assert engine.log("?since=2100-01-01T00:00:00Z").json()["rows"] == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?costumer_id=C1", "did you mean `customer_id`?"),
        ("?status=sentt", "did you mean `sent`?"),
        ("?limit=0", "from 1 to 1000"),
        ("?limit=1001", "from 1 to 1000"),
        ("?limit=9&limit=9", "stands twice"),
        ("?journey=%00x", "NUL character"),
        ("?since=yesterday", "an instant with its offset"),
        ("?cursor=x", "cursor"),
    ],
)
def test_a_wrong_parameter_is_never_ignored(engine: Running, query: str, said: str) -> None:
    answer = engine.log(query)
    assert answer.status == 400
    assert said in answer.json()["error"]


def test_health_readiness_and_metrics(engine: Running) -> None:
    assert engine.get("/healthz").json() == {"status": "ok"}
    ready = engine.get("/readyz")
    assert ready.status == 200
    assert {"store", "intake", "timers", "sms", "smtp", "calls"} <= set(ready.json()["parts"])
    text = engine.get("/metrics").body.decode()
    assert re.search(r'^sojourn_events_total\{fate="accepted"\} [1-9]', text, re.MULTILINE)
    assert re.search(r"^sojourn_claim_seconds_count\{lane=\"\w+\"\} [1-9]", text, re.MULTILINE)
    assert "sojourn_quarantined_customers 0.0" in text
    assert "C-900001" not in text


def test_pages_forbid_everything_from_elsewhere(engine: Running) -> None:
    for path in ("/", "/log", "/?lang=en", "/log?lang=en&status=sent"):
        page = engine.get(path)
        assert page.status == 200
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'")
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        html = page.body.decode()
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)
        assert " style=" not in html
        assert "<script" not in html


def test_pages_show_messages_and_mask_people(engine: Running) -> None:
    engine.until(lambda: "claim_ack" in engine.get("/log").body.decode())
    engine.until(lambda: "/inbox/mail/" in engine.get("/").body.decode())
    inbox, log = engine.get("/").body.decode(), engine.get("/log").body.decode()
    assert "【晴川保险】" in inbox
    assert "138****9999" in inbox
    assert "t***@e******.com" in inbox
    for page in (inbox, log):
        assert "+8613800009999" not in page
        assert "test@example.com" not in page
        assert "C-900001" not in page
    assert "理赔进度主动告知" in log
    assert "已发出" in log
    assert "Claim status" in engine.get("/log?lang=en").body.decode()


def test_the_mail_stands_in_a_box_of_its_own(engine: Running) -> None:
    engine.until(lambda: "/inbox/mail/" in engine.get("/").body.decode())
    page = engine.get("/").body.decode()
    frame = re.search(r'<iframe sandbox [^>]*src="(/inbox/mail/\d+)"', page)
    assert frame is not None
    mail = engine.get(frame[1])
    assert mail.status == 200
    assert mail.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "晴川保险" in mail.body.decode()
    assert engine.get("/inbox/mail/99999").status == 404


@pytest.mark.parametrize("path", ["/?lang=fr", "/log?reason=expired", "/?phones=1", "/log?before=x", "/log?status=x"])
def test_pages_refuse_what_they_do_not_know(engine: Running, path: str) -> None:
    assert engine.get(path).status == 400


def test_another_name_of_this_machine_is_refused(engine: Running) -> None:
    for host, status in (("evil.example", 421), ("evil.example:8080", 421), ("localhost", 200), ("127.0.0.1:1", 200)):
        assert Running.ask(Request(engine.url + "/healthz", headers={"Host": host})).status == status


def test_nothing_of_a_customer_is_in_the_process_log(engine: Running) -> None:
    assert "C-9000" not in engine.said
    assert "K-1" not in engine.said
    assert KEY not in engine.said


def test_a_server_for_others_asks_for_the_key_on_its_pages(tmp_path: Path) -> None:
    project = insurer(tmp_path / "insurer")
    with running(project, SOJOURN_LISTEN="0.0.0.0:0") as engine:
        engine.url = engine.url.replace("0.0.0.0", "127.0.0.1")
        page = engine.get("/log")
        assert page.status == 401
        assert page.headers["WWW-Authenticate"].startswith("Basic")
        import base64

        shown = base64.b64encode(f"anybody:{KEY}".encode()).decode()
        assert engine.get("/log", Authorization=f"Basic {shown}").status == 200
        assert engine.get("/log", Authorization="Basic !").status == 401
        assert engine.get("/healthz").status == 200
        assert engine.stop() == 0
