"""The local inbox: the real adapters talk to it, it stays over a restart, and an embedded run needs nothing else."""

import asyncio
import json
import os
import signal
import sys
from datetime import date
from pathlib import Path

import pytest

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.embedded import Engine
from sojourn.bootstrap.readiness import calendar_part
from sojourn.bootstrap.settings import read_settings
from sojourn.channels.inbox import KEPT, InboxMessage, LocalInbox
from sojourn.channels.mail import MailFrom
from sojourn.channels.sms import Sms, SmsGateway
from sojourn.channels.smtp import Smtp, SmtpServer
from sojourn.core.zones import to_utc
from sojourn.delivery.port import Outgoing
from sojourn.testing.clock import VirtualClock
from tests.integration.enginekit import Rig, claim, insurer, known


async def test_every_kind_of_message_arrives_as_its_receiver_would_see_it(tmp_path: Path) -> None:
    settings = read_settings({}, insurer(tmp_path / "project", "claim_status"))
    engine = Engine(settings, wall_clock)
    await engine.open()
    work = asyncio.create_task(engine.run())
    now = wall_clock()
    await engine.submit([known("C1", now), claim("C1", now)], "http")
    async with asyncio.timeout(10):
        while True:
            if len(engine.inbox) == 3:
                break
            await asyncio.sleep(0.05)
    engine.stop()
    await work
    got = {one.kind: one for one in engine.inbox}
    await engine.close()
    assert (got["sms"].to, got["email"].to, got["call"].to) == ("+8613800138000", "c1@example.com", "workorder.link")
    assert got["sms"].text.startswith("【晴川保险】")
    assert got["email"].sender == "sojourn@localhost.localdomain"  # no channels.yaml in this folder
    assert "N-C1" in (got["email"].subject or "")
    assert "N-C1" in (got["email"].html or "")
    assert set(got["call"].headers) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert json.loads(got["call"].text)["claim_id"] == "CL-C1"

    again = Engine(settings, wall_clock)
    await again.open()
    assert {one.id for one in again.inbox} == {one.id for one in got.values()}
    await again.close()


async def test_the_same_message_is_kept_once_and_the_oldest_go(tmp_path: Path) -> None:
    inbox = LocalInbox(VirtualClock(), file=tmp_path / "inbox.ndjson")
    await inbox.open()
    for number in [*range(KEPT + 10), KEPT + 9, 0]:
        inbox.keep(InboxMessage(id=f"m{number}", kind="sms", at=number, to="+8613800138000", text="x"))
    await inbox.close()
    names = [one.id for one in inbox.messages]
    assert (len(names), len(set(names)), names[-1]) == (KEPT, KEPT, "m0")
    assert (tmp_path / "inbox.ndjson").stat().st_mode & 0o777 == 0o600
    again = LocalInbox(VirtualClock(), file=tmp_path / "inbox.ndjson")
    await again.open()
    await again.close()
    assert [one.id for one in again.messages] == names


async def test_the_adapters_of_the_house_are_understood() -> None:
    inbox = LocalInbox(VirtualClock(5), answers={"ask": {"due": date(2026, 3, 12)}})
    await inbox.open()
    form = Sms(SmsGateway(inbox.sms_url, encoding="form"))
    await form.open()
    message = Outgoing(message_id="m1s", channel="sms", at=5, address="+8613800138000", text="你好 & bye")
    assert (await form.send(message)).kind == "accepted"
    await form.close()
    empty = Sms(SmsGateway(inbox.sms_url))
    await empty.open()
    assert (await empty.send(Outgoing(message_id="m2s", channel="sms", at=5))).kind == "refused"
    await empty.close()
    mail = Smtp(SmtpServer(inbox.smtp_url, MailFrom("a@qc.example")))
    long = "很长的主题" * 30
    outgoing = Outgoing(message_id="m3s", channel="email", at=5, address="b@example.com", subject=long, text="一\n二")
    assert (await mail.send(outgoing)).kind == "accepted"
    await mail.close()
    await inbox.close()
    assert [(one.kind, one.text) for one in inbox.messages] == [("sms", "你好 & bye"), ("email", "一\n二")]
    assert inbox.messages[1].subject == long
    assert inbox.messages[1].html is None


@pytest.mark.parametrize(
    ("day", "status"), [(date(2026, 9, 30), "ok"), (date(2026, 10, 1), "degraded"), (date(2027, 3, 1), "degraded")]
)
async def test_a_year_without_an_official_calendar_is_told_from_october_on(
    tmp_path: Path, day: date, status: str
) -> None:
    clock = VirtualClock(to_utc("Asia/Shanghai", day, 43_200_000))
    async with Rig(insurer(tmp_path / "project", "claim_status"), 0, clock=clock) as rig:
        part = calendar_part(rig.engine)
        assert part.status == status
        assert ("2027" in part.why) == (status != "ok")


async def test_a_clean_stop_of_the_real_command(tmp_path: Path) -> None:
    project = insurer(tmp_path / "project", "claim_status")
    env = {name: value for name, value in os.environ.items() if not name.startswith("SOJOURN_")}
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("sojourn")), "run", "--project", str(project),
        env=env | {"SOJOURN_LISTEN": "127.0.0.1:0"}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        ready = json.loads(await process.stdout.readline())
    assert ready["event"] == "ready"
    assert ready["listen"].startswith("127.0.0.1:")
    assert ready["url"] == f"http://{ready['listen']}"
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        out, err = await process.communicate()
    assert (process.returncode, out) == (0, b"")
    assert b"Traceback" not in err
