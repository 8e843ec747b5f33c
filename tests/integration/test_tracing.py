"""Traces from record to provider by a real worker, a real broker and a collector that reads what is exported."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sojourn.bootstrap.traceparent import following, is_chosen, parse, span_of, trace_of
from sojourn.bootstrap.tracing import ATTRIBUTES
from sojourn.core.model import Event
from sojourn.testing.servers import Gateway
from tests.acceptance.runkit import event, person
from tests.acceptance.workerkit import Worker, make_topics, project, setting, until, workers
from tests.chaos.privacy import Seeker, forms, personal
from tools.servers import KafkaBroker

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{SPAN}-01"
OTHER = "4bf92f3577b34da6a3ce929d0e0e4736"
OK, ERROR = 0, 2
LEFT_OUT = {"opentelemetry.sdk", "opentelemetry.exporter"}


class Collector:
    """Takes spans by OTLP over HTTP, as any tracing system does. ``raw`` is every byte that came."""

    def __init__(self) -> None:
        self.raw = bytearray()
        self.spans: list[Any] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        """Keep what came."""
        body = await request.read()
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(content_type="application/x-protobuf")

    def of(self, trace: str) -> dict[str, list[Any]]:
        """Give the spans of a trace by name, each name's by start."""
        found: dict[str, list[Any]] = {}
        for span in sorted(self.spans, key=lambda one: one.start_time_unix_nano):
            if span.trace_id.hex() == trace:
                found.setdefault(span.name, []).append(span)
        return found


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    """A collector on loopback."""
    one = Collector()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/traces", one.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield one
    await runner.cleanup()


def says(span: Any) -> dict[str, Any]:
    """Give the attributes of a span."""
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def got(gateway: Gateway, count: int) -> bool:
    """Tell whether so many messages came."""
    return len(gateway.got) >= count


def by_sms(sends: Sequence[Any]) -> Any:
    """Give the one span of an SMS."""
    (one,) = (span for span in sends if says(span)["sojourn.channel"] == "sms")
    return one


async def put(kafka: str, topic: str, value: Mapping[str, Any], headers: Sequence[tuple[str, bytes]] = ()) -> None:
    """Publish one event with headers."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        key = value["customer_id"].encode()
        await producer.send_and_wait(topic, json.dumps(value).encode(), key=key, headers=list(headers))
    finally:
        await producer.stop()


async def test_one_trace_from_the_record_to_the_provider(tmp_path: Path, database: str, collector: Collector) -> None:
    """By header, by envelope, by id; the log says the same; nothing personal is exported; the end is clean."""
    answers = {3: "400"}  # what the third message is told
    people = [
        person(f"C-{n}", name=f"测试{n}客户", mobile=f"+861380000990{n}", email=f"who{n}@example.com")
        for n in (1, 2, 3)
    ]
    with KafkaBroker() as broker:
        await make_topics(broker.bootstrap, ("cj.customer.v1", "cj.claim.v1", "cj.control.v1"))
        async with Gateway(lambda number: answers.get(number, "ok")) as gateway:
            env = setting(database, broker.bootstrap, "traced", SOJOURN_SMS=gateway.url, SOJOURN_TRACES="1")
            env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
            worker = Worker(project(tmp_path / "p"), env)
            async with workers(worker):
                await worker.start()
                claims = [
                    (event(1, customer="C-1"), [("traceparent", HEADER.encode())]),
                    (event(2, customer="C-2", trace_id=OTHER), [("traceparent", HEADER.encode())]),
                    (event(3, customer="C-3"), []),
                ]
                for n, (one, headers) in enumerate(claims):
                    await put(broker.bootstrap, "cj.customer.v1", people[n])
                    await put(broker.bootstrap, "cj.claim.v1", one, headers)
                    await until(partial(got, gateway, n + 1), "the SMS", 40)
                own = sha256(b"E-3").hexdigest()[:32]
                await until(lambda: "sojourn.settle" in collector.of(own), "the last span")
                rows = (await worker.get("/v1/log?limit=1000"))["rows"]
                assert await worker.stop() == 0
            _one_tree(collector, gateway)
            assert {row["trace_id"] for row in rows if row["event_id"] == "E-1"} == {TRACE}
            assert {row["trace_id"] for row in rows if row["event_id"] == "E-2"} == {OTHER}
            (linked,) = collector.of(OTHER)["sojourn.event"]
            assert (linked.parent_span_id, [one.trace_id.hex() for one in linked.links]) == (b"", [TRACE])
            failed = by_sms(collector.of(own)["sojourn.send"])
            assert (failed.status.code, says(failed)["sojourn.outcome"]) == (ERROR, "refused")
            assert says(failed)["sojourn.code"] == "400"
            _nobody_is_named(collector, worker, people)


def _one_tree(collector: Collector, gateway: Gateway) -> None:
    """The header's span leads to the event's, that one to all others; the provider is told the one of its request."""
    spans = collector.of(TRACE)
    (heard,), sends = spans["sojourn.event"], spans["sojourn.send"]
    assert (heard.parent_span_id.hex(), heard.span_id.hex()) == (SPAN, span_of("E-1"))
    assert says(heard) == {
        "sojourn.type": "claim.filed", "sojourn.source": says(heard)["sojourn.source"], "sojourn.fate": "accepted",
    }  # fmt: skip
    assert says(heard)["sojourn.source"].startswith("kafka:cj.claim.v1/")
    below = [one for name, several in spans.items() if name != "sojourn.event" for one in several]
    assert {one.parent_span_id for one in below} == {heard.span_id}
    assert set(spans) == {f"sojourn.{name}" for name in ("event", "read", "decide", "claim", "send", "settle")}
    (batch,) = (one for one in collector.spans if one.name == "sojourn.batch" and TRACE in _linked(one))
    assert says(batch)["sojourn.events"] >= 1
    sms = by_sms(sends)
    assert (sms.status.code, says(sms)["sojourn.outcome"], says(sms)["sojourn.class"]) == (OK, "accepted", "service")
    head, _ = gateway.got[0]
    assert head["traceparent"] == f"00-{TRACE}-{sms.span_id.hex()}-01"
    assert head["Idempotency-Key"] == says(sms)["sojourn.message_id"]
    order = [
        spans[f"sojourn.{name}"][0].start_time_unix_nano for name in ("event", "decide", "claim", "send", "settle")
    ]
    assert order == sorted(order)


def _linked(span: Any) -> set[str]:
    return {one.trace_id.hex() for one in span.links}


def _nobody_is_named(collector: Collector, worker: Worker, people: Sequence[Mapping[str, Any]]) -> None:
    for span in collector.spans:
        assert says(span).keys() <= ATTRIBUTES
    seeker = Seeker(value for one in people for value in personal(one["payload"]["profile"]) | {one["customer_id"]})
    assert [str(one) for one in seeker.look("spans", bytes(collector.raw))] == []
    assert [str(one) for one in seeker.look_in_files([worker.errors])] == []
    assert seeker.searched > 2_000


async def test_a_collector_that_is_away_costs_nothing(tmp_path: Path, database: str) -> None:
    """Events are stored, the log says it now and then, the end comes in time."""
    env = setting(database, "127.0.0.1:1", "away", SOJOURN_TRACES="1", SOJOURN_ROLES="timers,delivery")
    env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    worker = Worker(project(tmp_path / "p"), env)
    async with workers(worker):
        await worker.start()
        for n in range(20):
            assert await worker.post([person(f"C-{n}")]) == 202
        await until(lambda: "opentelemetry" in worker.said, "a word in the log")
        assert await worker.stop() == 0
    assert 1 <= sum("opentelemetry" in line for line in worker.said.splitlines()) <= 8


def test_without_traces_nothing_of_it_is_loaded() -> None:
    program = "import sojourn.bootstrap.production, sojourn.cli.worker, sys; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    modules = set(loaded.stdout.split())
    assert "sojourn.bootstrap.production" in modules
    assert not LEFT_OUT & modules


def test_a_traceparent_is_read_or_left_alone() -> None:
    assert parse(HEADER) == parse(HEADER.upper()) == parse(f"{HEADER}-and-what-version-1-adds") == (TRACE, SPAN)
    none = ("", "x", HEADER[:-3], f"ff{HEADER[2:]}", HEADER.replace(TRACE, "0" * 32), HEADER.replace(SPAN, "0" * 16))
    assert [parse(text) for text in (*none, HEADER + "-" * 1_000)] == [None] * 7


def test_a_trace_id_is_the_publishers_own_or_made_of_what_he_says() -> None:
    assert trace_of(TRACE.upper(), "E") == trace_of(HEADER, "E") == TRACE
    assert trace_of("0af76519-16cd-43dd-8448-eb211c80319c", "E") == TRACE
    assert trace_of("order 7", "E") == sha256(b"order 7").hexdigest()[:32]
    assert trace_of(None, "E") == sha256(b"E").hexdigest()[:32] != trace_of("0" * 32, "E")


def test_the_header_counts_where_the_envelope_names_no_trace() -> None:
    one = Event(
        id="E", type="t", customer="C", occurred=0, arrival=0, source="s", entity_type=None, entity_id=None, seq=None,
        payload={},
    )  # fmt: skip
    assert following(one, [("traceparent", b"\xff"), ("ce_traceparent", HEADER.encode())]).trace_id == TRACE
    named = following(one, [("traceparent", HEADER.encode())])
    assert following(named, [("traceparent", HEADER.replace(TRACE, OTHER).encode())]) is named


def test_a_share_of_the_traces_is_told_the_same_ones_everywhere() -> None:
    traces = [trace_of(None, f"E-{n}") for n in range(4_000)]
    some = {one for one in traces if is_chosen(one, 0.1)}
    assert 300 < len(some) < 500
    assert some < {one for one in traces if is_chosen(one, 0.2)}
    assert all(is_chosen(one, 1) for one in traces)
    assert not any(is_chosen(one, 0) for one in traces)


def test_the_search_for_people_finds_them_in_every_form() -> None:
    values = {"王小明", "Ms Test", "+8613800009901", "who1@example.com"}
    seeker = Seeker(values)
    for value in values:
        for form in forms(value):
            assert list(seeker.look("here", b"x" + form + b"x"))
    assert not list(seeker.look("here", b"13800009902 who2@example.com \xe7\x8e\x8b 1713800009901 138000099010"))
    with pytest.raises(ValueError, match="nothing to look for"):
        Seeker([])


def test_the_search_looks_into_folders(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker.log").write_bytes(json.dumps({"to": "王小明"}).encode())
    (found,) = Seeker(["王小明"]).look_in_files([tmp_path])
    assert "worker.log names 王小明" in str(found)


async def test_spans_that_nobody_takes_do_not_hold_up_the_end() -> None:
    """A collector that accepts and never answers: a second, and the thread is left to die with the process."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    program = (
        "import asyncio, time\n"
        "from sojourn.bootstrap.tracing import Tracing\n"
        "from sojourn.delivery.claim import Given\n"
        "async def main():\n"
        "    tracing = Tracing(1.0, 'w', lambda: 1)\n"
        "    tracing._span('sojourn.batch', 1, 2, {})\n"
        "    began = time.monotonic(); await tracing.close(); print(time.monotonic() - began)\n"
        "asyncio.run(main())\n"
    )
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "PATH": ""}
    async with server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, env=env, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(20):
            out, _ = await process.communicate()
    assert 0.9 < float(out) < 3
    assert process.returncode == 0
