"""`sojourn worker` on a real broker and a real database: one event in, one message out, whatever is killed."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sojourn.testing.servers import Gateway
from tests.acceptance.runkit import event, person
from tests.acceptance.workerkit import Worker, make_topics, project, publish, setting, until, workers
from tools.servers import KafkaBroker

TOPICS = {"customer.updated": "cj.customer.v1", "claim.filed": "cj.claim.v1"}


@pytest.fixture(scope="module")
def broker() -> Any:
    """A broker of this module's own: the topics' names are those of the project."""
    with KafkaBroker() as one:
        yield one


def claims(*numbers: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Give for each number the two events after which one SMS goes out."""
    told = [one for n in numbers for one in (person(f"C-{n}"), event(n, customer=f"C-{n}"))]
    return [(TOPICS[one["type"]], one["customer_id"], one) for one in told]


def texts(gateway: Gateway) -> Counter[str]:
    """Count what the gateway got by message id."""
    return Counter(msgspec.json.decode(body)["id"] for _, body in gateway.got)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A local SMS gateway."""
    async with Gateway() as one:
        yield one


async def test_one_event_in_and_one_message_out(
    tmp_path: Path, broker: KafkaBroker, database: str, topics: str, gateway: Gateway
) -> None:
    await make_topics(broker.bootstrap, ["cj.customer.v1", "cj.claim.v1", "cj.control.v1"])
    worker = Worker(project(tmp_path / "p"), setting(database, broker.bootstrap, topics, SOJOURN_SMS=gateway.url))
    async with workers(worker):
        await worker.start()
        await publish(broker.bootstrap, claims(1))
        await until(lambda: gateway.got, "an SMS", 40)
        assert await worker.stop() == 0
    assert len(gateway.got) == 1
