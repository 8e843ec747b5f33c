"""Checks of Kafka: reached and let in told apart, version, topics, whose clock stamps the records and how it goes."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from sojourn.bootstrap.doctor.finding import Finding, Level, Site, error, note, of_error, ok, warning
from sojourn.bootstrap.wiring import make_access
from sojourn.intake.frontier import MARGIN_MS
from sojourn.intake.mapping import Topics, topics_of
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.probe import probe
from sojourn.kafka.topic_rules import Finding as Said
from sojourn.kafka.topic_rules import wanted_topics
from sojourn.kafka.topics import check_topics

TESTED: Final = "4.3"
_REQUEST_MS: Final = 5_000
_READ_S: Final = 4.0
_MOST_PARTITIONS: Final = 64
_FETCH: Final = 1
_STAMPED_BY_BROKER: Final = 1
#: What the versions of the fetch request say of a broker: (lowest, highest) at least -> its release at least.
_RELEASES: Final = (((4, 17), "4.0 or newer"), ((0, 16), "3.7 or newer"), ((0, 12), "2.7 or newer"))


async def broker(site: Site) -> list[Finding]:
    """The way to the brokers, step by step, and how old they are."""
    if not site.settings.kafka:
        return []
    access = make_access(site.settings)
    topics = await _topics(site)
    trouble = await probe(access, group=site.settings.kafka_group)
    if trouble is not None:
        return [of_error("broker", trouble)]
    found = [ok("broker", "A broker was reached and lets us in", protocol=access.protocol), await _version(access)]
    rights = await probe(access, sorted(topics.names)) if topics is not None else None
    if rights is not None and rights.step == "topic" and "user" in rights.data:  # what is missing is told below
        found.append(of_error("broker", rights))
    return found


async def topics(site: Site) -> list[Finding]:
    """Every topic of the project as the brokers describe it, and the clocks that its records tell."""
    if not site.settings.kafka:
        return []
    read = await _topics(site)
    if read is None:
        return [note("topics", "Topics cannot be checked while the project has errors", "`sojourn check` names them")]
    access = make_access(site.settings)
    if await probe(access) is not None:
        return [note("topics", "Topics cannot be checked while no broker can be asked")]
    said = await check_topics(access, wanted_topics(read.own, read.foreign))
    bad = {one.topic for one in said if one.level in ("warning", "error")}
    fine = sorted({one.topic for one in said} - bad)
    there = [one.topic for one in said if one.level != "error" and one.topic in read.names]
    good = [ok("topics", "Topics keep what they must", topics=len(fine))] if fine else []
    return [*good, *_grouped(said), await _clocks(access, there, site)]


async def _topics(site: Site) -> Topics | None:
    """Give the topics of the project folder; None: it has errors."""
    project, _ = await site.project()
    return None if project is None else topics_of(project.topics, project.catalogue)


def _grouped(said: Sequence[Said]) -> list[Finding]:
    """Say once what is the same of many topics."""
    groups: dict[tuple[Level, str, str], list[str]] = {}
    for one in said:
        if one.level != "ok":
            groups.setdefault((one.level, one.what, one.next_step), []).append(one.topic)
    return [
        Finding(level=level, part="topics", what=what, data={"topics": names}, next_step=next_step)
        for (level, what, next_step), names in groups.items()
    ]


async def _version(access: KafkaAccess) -> Finding:
    """The release of a broker, as far as the requests that it takes tell: it never says its number."""
    arguments = {name: value for name, value in access.arguments().items() if name != "bootstrap_servers"}
    for host, port in access.hosts():
        try:
            connection = await create_conn(host, port, request_timeout_ms=_REQUEST_MS, **arguments)
        except (KafkaError, OSError, TimeoutError, EOFError, ValueError):
            continue
        try:
            answer = await connection.send(ApiVersionRequest())
        finally:
            connection.close()
        spans = {key: (lowest, highest) for key, lowest, highest in answer.api_versions}
        return _judged(spans.get(_FETCH, (0, 0)))
    return note("broker", "The version of the brokers could not be asked", "Run it again")


def _judged(span: tuple[int, int]) -> Finding:
    for (lowest, highest), release in _RELEASES:
        if span[0] >= lowest and span[1] >= highest:
            if release.startswith("4"):
                return ok("broker", "The brokers are of a release that this was tested with", kafka=release)
            return note("broker", f"This was tested with Kafka {TESTED} alone", kafka=release)
    return error("broker", "The brokers are too old", f"Upgrade them; this was tested with Kafka {TESTED}")


# ---- clocks


async def _clocks(access: KafkaAccess, names: Sequence[str], site: Site) -> Finding:
    """The newest records of some partitions against this machine's clock; a clock that is behind leaves no trace."""
    try:
        async with asyncio.timeout(4 * _READ_S):
            stamps = await newest(access, names)
    except (KafkaError, OSError, TimeoutError) as failed:
        return note("clock", "The clocks of brokers could not be seen", problem=type(failed).__name__)
    if not stamps:
        return note("clock", "The clocks of brokers cannot be seen: the topics hold no record yet")
    stamp, by_broker, topic = max(stamps)
    ahead = stamp - site.clock()
    whose = "brokers" if by_broker else "publishers"
    if ahead > MARGIN_MS:
        return warning(
            "clock",
            f"A record comes from the future: the clock of {whose} is ahead of this machine's",
            "Let NTP keep all clocks; until then events wait, or timers run early",
            ahead_ms=ahead,
            topic=topic,
        )
    return ok("clock", f"No record comes from the future; {whose} stamp them", newest_age_ms=-ahead, topic=topic)


async def newest(access: KafkaAccess, names: Sequence[str]) -> list[tuple[int, bool, str]]:
    """Give (timestamp, stamped by the broker, topic) of the last record of each partition, as far as they come."""
    consumer = AIOKafkaConsumer(**access.arguments(), enable_auto_commit=False, request_timeout_ms=_REQUEST_MS)
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()
        parts = [
            TopicPartition(name, number)
            for name in dict.fromkeys(names)
            for number in sorted(consumer._client.cluster.partitions_for_topic(name) or ())
        ][:_MOST_PARTITIONS]
        if not parts:
            return []
        ends, begins = await consumer.end_offsets(parts), await consumer.beginning_offsets(parts)
        filled = [part for part in parts if ends[part] > begins[part]]
        if not filled:
            return []
        consumer.assign(filled)
        for part in filled:
            consumer.seek(part, ends[part] - 1)
        return await _read(consumer, len(filled))
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await consumer.stop()


async def _read(consumer: Any, wanted: int) -> list[tuple[int, bool, str]]:
    loop = asyncio.get_running_loop()
    end, found = loop.time() + _READ_S, dict[Any, tuple[int, bool, str]]()
    while len(found) < wanted and loop.time() < end:
        for part, records in (await consumer.getmany(timeout_ms=500)).items():
            last = records[-1]
            found[part] = (last.timestamp, last.timestamp_type == _STAMPED_BY_BROKER, part.topic)
    return list(found.values())
