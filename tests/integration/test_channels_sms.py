"""The SMS adapter against a real gateway on 127.0.0.1: every kind of answer, and what is certain after it."""

import json
import socket
from urllib.parse import parse_qs

import pytest

from sojourn.channels.sms import Sms, SmsGateway
from sojourn.channels.web import wait_ms
from sojourn.delivery.port import Answered, Outgoing
from sojourn.testing.servers import Gateway, always

MESSAGE = Outgoing(message_id="abc234s", channel="sms", at=1_780_000_000_000, address="+8613800138000", text="您好")


async def sent(gateway: SmsGateway) -> Answered:
    channel = Sms(gateway)
    await channel.open()
    try:
        return await channel.send(MESSAGE)
    finally:
        await channel.close()


@pytest.mark.parametrize(
    ("behaviour", "kind", "wait"),
    [
        ("ok", "accepted", None),
        ("no id", "unknown", None),
        ("broken", "unknown", None),
        ("hang up", "unknown", None),
        ("slow", "unknown", None),
        ("429", "not_taken", None),
        ("429 7", "not_taken", 7_000),
        ("503 7", "not_taken", 7_000),
        ("503 soon", "not_taken", 60_000),
        ("429 Thu, 28 May 2026 20:33:40 GMT", "not_taken", 420_000),
        ("503", "unknown", None),
        ("500", "unknown", None),
        ("502 7", "unknown", None),
        ("400", "refused", None),
        ("404", "refused", None),
        ("302", "not_taken", None),
    ],
)
async def test_each_answer_means_what_interfaces_says(behaviour: str, kind: str, wait: int | None) -> None:
    async with Gateway(always(behaviour)) as server:
        said = await sent(SmsGateway(server.url, timeout_s=0.3))
        assert (said.kind, said.retry_after_ms) == (kind, wait)
        assert len(server.got) == 1
        assert not said.repeatable


@pytest.mark.parametrize(
    ("behaviour", "concerns"),
    [("429", "rate"), ("429 7", "rate"), ("503 7", "rate"), ("302", "provider"), ("302 7", "provider")],
)
async def test_a_gateway_that_throttles_is_alive(behaviour: str, concerns: str) -> None:
    async with Gateway(always(behaviour)) as server:
        assert (await sent(SmsGateway(server.url))).concerns == concerns


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("0", 0),
        ("120", 120_000),
        ("-5", 0),
        ("1e400", 60_000),
        ("nan", 60_000),
        ("99999999", 86_400_000),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 37_000),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 37_000),
        ("Sun Nov  6 08:49:37 1994", 37_000),
        ("Sun, 06 Nov 1994 08:48:00 GMT", 0),
        ("Mon, 06 Nov 1995 08:49:37 GMT", 86_400_000),
        ("Sun, 31 Feb 1994 08:49:37 GMT", 60_000),
        ("Sun, 06 Nov 99999999999 08:49:37 GMT", 60_000),
        ("soon", 60_000),
        ("", 60_000),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, wait: int) -> None:
    now = 784_111_740_000  # 1994-11-06T08:49:00Z
    assert wait_ms(retry_after, now) == wait


async def test_the_request_is_the_one_of_interfaces() -> None:
    async with Gateway() as server:
        said = await sent(SmsGateway(server.url))
        headers, body = server.got[0]
        assert said == Answered(kind="accepted", code="200", text='{"id":"gw-1"}', reference="gw-1")
        assert json.loads(body) == {"to": "+8613800138000", "text": "您好", "reference": "abc234s"}
        assert headers["Content-Type"] == "application/json"
        assert headers["Idempotency-Key"] == "abc234s"


async def test_form_encoding_and_other_names() -> None:
    async with Gateway(answer={"sid": 17}) as server:
        gateway = SmsGateway(
            server.url,
            encoding="form",
            fields={"to": "phone", "text": "body", "reference": "ref", "id": "sid"},
            extra={"account": "a1"},
            headers={"X-Token": "t"},
        )
        said = await sent(gateway)
        headers, body = server.got[0]
        assert said.reference == "17"
        assert parse_qs(body.decode()) == {
            "phone": ["+8613800138000"], "body": ["您好"], "ref": ["abc234s"], "account": ["a1"],
        }  # fmt: skip
        assert headers["X-Token"] == "t"


@pytest.mark.parametrize("behaviour", ["500", "slow", "hang up", "broken"])
async def test_a_gateway_that_honours_the_key_may_be_asked_again(behaviour: str) -> None:
    async with Gateway(always(behaviour)) as server:
        said = await sent(SmsGateway(server.url, honours_key=True, timeout_s=0.3))
        assert (said.kind, said.repeatable) == ("unknown", True)


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/send"
    assert (await sent(SmsGateway(url))).kind == "not_taken"


async def test_a_name_that_does_not_resolve() -> None:
    assert (await sent(SmsGateway("http://gateway.invalid/send", timeout_s=5))).kind == "not_taken"


async def test_a_huge_answer_is_read_only_in_part() -> None:
    async with Gateway(answer={"id": "x", "more": "y" * 500_000}) as server:
        said = await sent(SmsGateway(server.url))
        assert said.kind == "unknown"
        assert said.text is not None
        assert len(said.text) <= 2_000
