"""The mail adapter against a real mail server on 127.0.0.1: every stage at which a mail can stop."""

import asyncio
import email
import socket
from email.policy import default

import pytest

from sojourn.channels.mail import BadMail, MailFrom, build
from sojourn.channels.smtp import Smtp, SmtpServer
from sojourn.delivery.port import Outgoing
from sojourn.testing.servers import MailServer, always

FROM = MailFrom("service@qc.example", (("zh-CN", "晴川保险"), ("en", "Qingchuan Insurance")))


def mail(number: int = 1, **changed: object) -> Outgoing:
    fields: dict[str, object] = {
        "message_id": f"mail{number}k", "channel": "email", "at": 1_780_000_000_000, "address": "wang@example.com",
        "locale": "zh-CN", "subject": "保费到期提醒", "text": "尊敬的王女士:\n请缴费。", "html": "<p>请缴费</p>",
    }  # fmt: skip
    return Outgoing(**(fields | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("ok", "accepted"),
        ("mail 421", "not_taken"),
        ("rcpt 550", "refused"),
        ("rcpt 450", "not_taken"),
        ("data 554", "refused"),
        ("data 451", "not_taken"),
        ("hang up", "unknown"),
        ("slow", "unknown"),
    ],
)
async def test_each_stage_says_what_is_certain(behaviour: str, kind: str) -> None:
    async with MailServer(always(behaviour)) as server:
        channel = Smtp(SmtpServer(server.url, FROM, timeout_s=0.3))
        said = await channel.send(mail())
        await channel.close()
        assert said.kind == kind
        assert not said.repeatable


@pytest.mark.parametrize(
    ("behaviour", "concerns"),
    [("rcpt 450", "message"), ("rcpt 451", "message"), ("rcpt 452", "message"), ("rcpt 421", "provider"),
     ("mail 421", "provider"), ("mail 451", "provider"), ("data 451", "provider")],
)  # fmt: skip
async def test_a_recipient_who_has_to_wait_says_nothing_about_the_server(behaviour: str, concerns: str) -> None:
    async with MailServer(always(behaviour)) as server:
        channel = Smtp(SmtpServer(server.url, FROM, timeout_s=1))
        said = await channel.send(mail())
        await channel.close()
        assert (said.kind, said.concerns) == ("not_taken", concerns)


async def test_the_mail_is_complete() -> None:
    async with MailServer() as server:
        channel = Smtp(SmtpServer(server.url, FROM))
        await channel.send(mail(unsubscribe="https://qc.example/l/abc"))
        await channel.close()
        recipient, content = server.got[0]
    read = email.message_from_bytes(content, policy=default)
    assert recipient == "wang@example.com"
    assert str(read["From"]) == "晴川保险 <service@qc.example>"
    assert str(read["Subject"]) == "保费到期提醒"
    assert read["Message-ID"] == "<mail1k@qc.example>"
    assert read["List-Unsubscribe"] == "<https://qc.example/l/abc>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert read.get_content_type() == "multipart/alternative"
    text, html = read.get_body(("plain",)), read.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n").strip() == "尊敬的王女士:\n请缴费。"
    assert html.get_content().strip() == "<p>请缴费</p>"


def test_a_mail_without_consent_has_no_way_out_and_the_name_follows_the_locale() -> None:
    read = email.message_from_bytes(build(mail(locale="en"), FROM), policy=default)
    assert read["List-Unsubscribe"] is None
    assert str(read["From"]) == "Qingchuan Insurance <service@qc.example>"


def test_the_same_message_is_the_same_mail() -> None:
    first = email.message_from_bytes(build(mail(), FROM), policy=default)
    again = email.message_from_bytes(build(mail(), FROM), policy=default)
    assert first["Message-ID"] == again["Message-ID"]


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "wang@example.com\r\nBcc: all@example.com"},
        {"address": "wang@example.com, li@example.com"},
        {"address": "nobody"},
        {"address": ""},
        {"subject": "a\r\nBcc: all@example.com"},
        {"unsubscribe": "https://qc.example/\r\nBcc: all@example.com"},
    ],
)
async def test_headers_cannot_be_injected(changed: dict[str, object]) -> None:
    with pytest.raises(BadMail):
        build(mail(**changed), FROM)
    said = await Smtp(SmtpServer("smtp://127.0.0.1:1", FROM)).send(mail(**changed))
    assert (said.kind, said.code) == ("refused", "bad_mail")


async def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"smtp://127.0.0.1:{free.getsockname()[1]}"
    assert (await Smtp(SmtpServer(url, FROM)).send(mail())).kind == "not_taken"


async def test_a_connection_is_used_again_and_a_dead_one_replaced() -> None:
    async with MailServer() as server:
        channel = Smtp(SmtpServer(server.url, FROM))
        assert (await channel.send(mail(1))).kind == "accepted"
        assert (await channel.send(mail(2))).kind == "accepted"
        assert len(server._open) == 1
        server.hang_up()
        await asyncio.sleep(0.05)
        assert (await channel.send(mail(3))).kind == "accepted"
        await channel.close()
        assert len(server.got) == 3
