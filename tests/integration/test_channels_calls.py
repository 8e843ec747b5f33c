"""Calls to other systems: signed, idempotent, answers read (B2)."""

import json

import pytest

from sojourn.channels.calls import Calls, CallTarget, is_genuine, sign
from sojourn.delivery.port import Answered, Outgoing
from sojourn.testing.servers import Gateway, always

SECRET = b"a synthetic secret"
CALL = Outgoing(
    message_id="call1s",
    channel="call",
    at=1_780_000_000_500,
    name="advisor.task",
    arguments={"type": "collect", "policy_id": "P-1"},
    about={"journey": "renewal_premium", "run_id": "r1", "step": "call_1"},
)


async def called(url: str) -> Answered:
    channel = Calls(CallTarget(url, SECRET, timeout_s=0.3))
    await channel.open()
    try:
        return await channel.send(CALL)
    finally:
        await channel.close()


async def test_a_call_is_signed_and_its_answer_read() -> None:
    async with Gateway(answer={"task_id": "T-1"}) as server:
        said = await called(server.url)
        headers, body = server.got[0]
    assert (said.kind, said.body) == ("accepted", {"task_id": "T-1"})
    content = json.loads(body)
    assert content["call"] == "advisor.task"
    assert content["arguments"] == {"type": "collect", "policy_id": "P-1"}
    assert content["journey"] == "renewal_premium"
    assert headers["Idempotency-Key"] == headers["webhook-id"] == "call1s"
    assert headers["webhook-timestamp"] == "1780000000"
    assert is_genuine(SECRET, dict(headers), body)
    assert not is_genuine(SECRET, dict(headers), body + b" ")
    assert not is_genuine(b"another", dict(headers), body)
    assert not is_genuine(SECRET, {}, body)


def test_the_signature_is_the_one_of_standard_webhooks() -> None:
    # printf 'm1.1700000000.{}' | openssl dgst -sha256 -hmac k -binary | base64
    assert sign(b"k", "m1", 1_700_000_000, b"{}") == "v1,2XLbhicr9YJNYRKeaeQBRk4Sm8xfSm+MbB+peVcXkhM="


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [("ok", "accepted"), ("broken", "accepted"), ("500", "unknown"), ("400", "refused"), ("429 3", "not_taken"),
     ("hang up", "unknown"), ("slow", "unknown")],
)  # fmt: skip
async def test_each_answer(behaviour: str, kind: str) -> None:
    async with Gateway(always(behaviour)) as server:
        assert (await called(server.url)).kind == kind
