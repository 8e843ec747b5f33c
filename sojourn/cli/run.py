"""``sojourn run``: embedded mode, one process."""

import asyncio
import os
import sys
from typing import Annotated, Any

import typer

from sojourn.cli.common import ProjectOption, calm_collector, project_folder, say_line, tell
from sojourn.tasks import ended


def run(
    project: ProjectOption = None,
    sample: Annotated[
        bool,
        typer.Option(
            "--sample/--no-sample",
            help="Send the project's sample events at the first start, if every channel is the local inbox.",
        ),
    ] = False,
) -> None:
    """Run the engine in one process on SQLite, with HTTP, the inbox page and the log page.

    The first start releases the project and makes an API key. Ctrl-C stops cleanly, and the next start goes on where
    this one stopped. Settings are environment variables (docs/reference/settings.md). `make run` adds --sample: a few
    invented customers, never where a message would leave this machine.

    \b
    Examples:
      sojourn run --sample
      SOJOURN_LISTEN=127.0.0.1:9000 sojourn run --project ./insurer

    Exit status: 0 after SIGTERM or Ctrl-C; 2 settings, project or database are unusable.
    """
    from sojourn.bootstrap.logs import log_to_stderr
    from sojourn.bootstrap.settings import read_settings

    settings = read_settings(os.environ, project_folder(project))
    log_to_stderr()
    asyncio.run(_run(settings, sample=sample))


async def _run(settings: Any, *, sample: bool) -> None:
    from sojourn.bootstrap.clock import wall_clock
    from sojourn.bootstrap.embedded import Engine
    from sojourn.bootstrap.keys import Secret, kept
    from sojourn.web.server import EngineHost, address_of, bind, is_loopback, on_signals, serving

    engine = Engine(settings, wall_clock)
    on_signals(engine.stop)
    try:
        await engine.open()
        calm_collector()
        given = settings.api_key.get_secret_value() if settings.api_key else None
        key = Secret(given, False) if given else kept(settings.var / "api.key", "sj_")
        sock, moved = bind(settings.listen)
        address = address_of(sock)
        host = EngineHost(engine, key.value, is_loopback(settings.listen.host))
        async with serving(host, sock):
            work = asyncio.create_task(engine.run(), name="engine")
            (settings.var / "listen").write_text(address, encoding="ascii")  # for `sojourn publish`
            say_line({"event": "ready", "listen": address.removeprefix("http://"), "url": address})
            sys.stdout.flush()
            _welcome(engine, address, settings, key, moved=moved)
            play = asyncio.create_task(_sample(engine, settings, wanted=sample), name="sample")
            try:
                await work
            finally:
                (settings.var / "listen").unlink(missing_ok=True)
                await ended(play)
    finally:
        await engine.close()
    tell("Stopped. The next start goes on from here.")


def _welcome(engine: Any, address: str, settings: Any, key: Any, *, moved: bool) -> None:
    if moved:
        tell(f"Port {settings.listen.port} is taken by another program; another one was chosen.")
    if settings.kafka:
        tell("SOJOURN_KAFKA is set, but `sojourn run` is embedded mode: it takes events over HTTP alone.")
    for notice in engine.notices:
        tell(notice[:1].upper() + notice[1:] + ".")
    tell(f"\n  Inbox of the customers   {address}/")
    tell(f"  Message log              {address}/log")
    tell(f"  Events                   POST {address}/v1/events")
    if key.is_new:
        tell(f"  API key (shown once, kept in var/api.key)\n                           {key.value}")
    tell("\nCtrl-C stops.\n")


async def _sample(engine: Any, settings: Any, *, wanted: bool) -> None:
    """Send the sample once in the life of a database."""
    from sojourn.cli.sample import SOURCE, stages
    from sojourn.intake.apply import INTAKE

    taken = (await engine.views.positions()).get(INTAKE)
    if not wanted or (taken is not None and taken.next):
        return
    if settings.smtp or settings.sms or settings.calls:
        tell("The sample was not sent: a channel leaves this machine.")
        return
    count = 0
    for wait_s, events in stages(settings.project, engine.clock()):
        await asyncio.sleep(wait_s)
        received = await engine.submit(events, SOURCE)
        count += received.accepted
    if count:
        tell(f"A sample of {count} events was sent; look at the inbox and at the log.")
