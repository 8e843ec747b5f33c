"""The lives of topics: a topic that is deleted and created anew has its old name and another id.

aiokafka's own metadata request is older than topic ids; this is one that asks for them (Kafka 2.8 and later).
"""

import uuid
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any, Final

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_TEXT: Final = CompactString("utf-8")


class _Id(AbstractType):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields)),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("topic_id", _Id),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Id), ("name", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Lives(Request[_Question]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = sorted(topics)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        none = uuid.UUID(int=0)
        return request_struct_class([(none, topic, {}) for topic in self._topics], False, False, {})


async def lives(client: Any, topics: Collection[str]) -> Mapping[str, str]:
    """Give the id of each topic, "" from brokers that have none; a topic that nobody tells of is left out.

    Args:
        client: A client of aiokafka that has met its brokers.
        topics: Names.
    """
    node = client.get_random_node()
    if not topics or node is None:
        return {}
    try:
        answer = await client.send(node, _Lives(topics))
    except NotImplementedError:  # what aiokafka raises where a broker does not know this version
        return dict.fromkeys(topics, "")
    except (KafkaError, OSError, TimeoutError):
        return {}
    return {each[1]: each[2].hex for each in answer.topics if each[0] == 0}
