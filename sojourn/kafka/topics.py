"""Creates the topics that a project needs and checks those that are there: never deletes, shrinks or changes one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError, for_code

from sojourn.errors import TryLater
from sojourn.kafka.access import KafkaAccess
from sojourn.kafka.probe import probe
from sojourn.kafka.topic_rules import MISSING, Asked, Finding, Found, Wanted, judge, judge_together, settings_of

WAIT_S: Final = 20.0
_REQUEST_MS: Final = 10_000
_EXISTS: Final = 36
_ELECTING: Final = 5  # a topic so new that it has no leader yet, or one that is just changing it
_TRIES: Final = 20
_AGAIN_S: Final = 0.1

T = TypeVar("T")


class TopicsUnreachable(TryLater):
    """The brokers could not be asked; nothing was created, or it will be found by the next run."""


async def check_topics(access: KafkaAccess, wanted: Sequence[Wanted]) -> list[Finding]:
    """Say of each topic what is wrong with it and what to do, without changing anything.

    Raises:
        TopicsUnreachable: The brokers could not be asked.
    """
    async with _asking(access) as admin:
        return await _judged(admin, wanted)


async def make_topics(access: KafkaAccess, wanted: Sequence[Wanted], asked: Asked) -> list[Finding]:
    """Create the inputs and outputs that are missing, then check all; run again, it finds them there.

    Raises:
        TopicsUnreachable: The brokers could not be asked.
    """
    async with _asking(access) as admin:
        brokers, found = await _look(admin, [one.name for one in wanted])
        missing = [one for one in wanted if one.role != "foreign" and found[one.name].error == MISSING]
        made, refused = await _create(admin, missing, asked, brokers) if missing else ([], [])
        await _until_seen(admin, made)
        said = [Finding("ok", one.name, "created") for one in made]
        return [*said, *refused, *await _judged(admin, wanted, {one.topic for one in refused})]


# ---- inside


@asynccontextmanager
async def _asking(access: KafkaAccess) -> AsyncIterator[Any]:
    """Give a client of the brokers for a bounded time."""
    admin = AIOKafkaAdminClient(**access.arguments(), request_timeout_ms=_REQUEST_MS, client_id="sojourn-topics")
    try:
        async with asyncio.timeout(WAIT_S):
            await admin.start()
            while admin._client.cluster.controller is None:  # a cluster that has just begun
                await admin._client.force_metadata_update()
                await asyncio.sleep(_AGAIN_S)
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise await _unreachable(access, error) from error
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await admin.close()


async def _unreachable(access: KafkaAccess, error: Exception) -> TopicsUnreachable:
    trouble = await probe(access)
    if trouble is not None:
        return TopicsUnreachable(trouble.what, next_step=trouble.next_step, **trouble.data)
    return TopicsUnreachable(
        "The brokers did not answer about their topics",
        problem=type(error).__name__,
        next_step="Try again in a moment; `sojourn doctor` looks at each step of the way",
    )


async def _judged(admin: Any, wanted: Sequence[Wanted], but: Collection[str] = ()) -> list[Finding]:
    brokers, found = await _look(admin, [one.name for one in wanted])
    said: list[Finding] = []
    for one in wanted:
        if one.name not in but:
            said += judge(one, found[one.name], brokers)
    return said + judge_together([found[one.name] for one in wanted if one.role == "input"])


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again where the broker that happened to be asked is away: the next try may ask another."""
    for _ in range(_TRIES):
        try:
            return await ask()
        except (NodeNotReadyError, KafkaConnectionError):
            await asyncio.sleep(_AGAIN_S)
    return await ask()


async def _look(admin: Any, names: Sequence[str]) -> tuple[int, Mapping[str, Found]]:
    """Give the number of brokers, and each topic as they describe it."""
    brokers = len((await _patiently(admin.describe_cluster))["brokers"])
    described: dict[str, Any] = {}
    for _ in range(_TRIES):
        answer = await _patiently(partial(admin.describe_topics, list(names)))
        described = {one["topic"]: one for one in answer}
        if not any(one["error_code"] == _ELECTING for one in answer):
            break
        await asyncio.sleep(_AGAIN_S)
    there = [name for name in names if name in described and not described[name]["error_code"]]
    settings = await _settings(admin, there)
    return brokers, {name: _found(name, described.get(name), settings.get(name)) for name in names}


async def _settings(admin: Any, names: Sequence[str]) -> dict[str, Mapping[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = await _patiently(partial(admin.describe_configs, resources))
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for error, _, _, name, entries in answer.resources
        if not error
    }


def _found(name: str, described: Mapping[str, Any] | None, settings: Mapping[str, str] | None) -> Found:
    if described is None:
        return Found(name, error=MISSING)
    parts = described["partitions"]
    return Found(
        name,
        error=described["error_code"],
        partitions=len(parts),
        copies=min((len(part["replicas"]) for part in parts), default=0),
        leaderless=sum(part["leader"] < 0 for part in parts),
        behind=sum(len(part["isr"]) < len(part["replicas"]) for part in parts),
        settings=settings,
    )


async def _create(
    admin: Any, missing: Sequence[Wanted], asked: Asked, brokers: int
) -> tuple[list[Wanted], list[Finding]]:
    """Create topics; give those that were, and what was said to the others."""
    copies = asked.copies(brokers)
    new = [
        NewTopic(one.name, asked.partitions, copies, topic_configs=settings_of(one, asked, brokers)) for one in missing
    ]
    answer = await _patiently(partial(admin.create_topics, new))
    made: list[Wanted] = []
    refused: list[Finding] = []
    named = {one.name: one for one in missing}
    for topic, code, message in answer.topic_errors:
        if not code:
            made.append(named[topic])
        elif code != _EXISTS:  # somebody else was faster
            what = f"it could not be created: {message or for_code(code).__name__}"
            refused.append(Finding("error", topic, what, _after_refusal(copies, brokers)))
    return made, refused


def _after_refusal(copies: int, brokers: int) -> str:
    if copies > brokers:
        return f"There are {brokers} brokers: give --replication {brokers}, or add brokers"
    return "Allow Create on the cluster to SOJOURN_KAFKA_USER, or have it created by whoever may"


async def _until_seen(admin: Any, made: Sequence[Wanted]) -> None:
    """Wait a moment until every broker's answer tells of new topics and their leaders."""
    names = [one.name for one in made]
    for _ in range(_TRIES if names else 0):
        found = (await _look(admin, names))[1].values()
        if not any(one.error or one.leaderless for one in found):
            return
        await asyncio.sleep(_AGAIN_S)
