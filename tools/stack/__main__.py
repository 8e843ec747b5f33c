"""`python -m tools.stack [--folder DIR] [--port 8080] [--for SECONDS]`: docs/how-to/run-the-whole-stack.md."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sojourn.bootstrap.clock import wall_clock
from sojourn.bootstrap.settings import Listen, read_settings
from sojourn.bootstrap.wiring import make_store
from sojourn.cli.sample import stages
from sojourn.definitions.project import Project, load_project
from sojourn.errors import SojournError
from sojourn.tasks import ended
from tools.servers import ServerError
from tools.stack.console import console_at, inbox_at
from tools.stack.topology import ROOT, Topology


def say(line: str) -> None:
    """Writes one line for the person at the terminal."""
    print(line, flush=True)


async def publish_sample(bootstrap: str, project: Project) -> int:
    """Publishes the project's sample to Kafka as its owners would: topic by type, key by customer."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    count = 0
    async with producer:
        for wait_s, events in stages(ROOT, wall_clock()):
            await asyncio.sleep(wait_s)
            for raw in events:
                event = msgspec.json.decode(raw, type=dict[str, Any])
                topic = project.catalogue.types[event["type"]].topic
                await producer.send_and_wait(topic, raw, key=str(event["customer_id"]).encode())
                count += 1
    return count


async def run(folder: Path, listen: Listen, stopping: asyncio.Event) -> None:
    """Brings everything up, publishes the sample once, and keeps it alive until `stopping`."""
    topology = Topology(folder, say)
    project = load_project(ROOT)
    async with AsyncExitStack() as ending:
        ending.push_async_callback(topology.stop_servers)
        say("Starting Kafka and PostgreSQL ...")
        await topology.start_servers()
        await topology.make_topics()
        store = make_store(read_settings(topology.settings, ROOT), wall_clock)
        await store.open()
        ending.push_async_callback(store.close)
        box = await ending.enter_async_context(inbox_at(folder / "inbox.ndjson", project))
        address = await ending.enter_async_context(console_at(listen, ROOT, store, box))
        # Workers go before the inbox that they send to, and before the servers.
        ending.push_async_callback(topology.stop_workers)
        say("Starting two workers ...")
        await topology.start_workers(
            {"SOJOURN_SMTP": box.smtp_url, "SOJOURN_SMS": box.sms_url, "SOJOURN_CALLS": box.calls_url}
        )
        _welcome(topology, address)
        alive = asyncio.create_task(topology.keep_alive(stopping))
        sample = asyncio.create_task(_sample_once(topology, store, project))
        try:
            await alive
        finally:
            await ended(sample)
            say("Stopping ...")
    say("Stopped. The next start goes on with the same data; remove the folder to begin anew.")


async def _sample_once(topology: Topology, store: Any, project: Project) -> None:
    """Publishes the sample to a database that has seen no event."""
    if (await store.views.counts())["events"]:
        return
    try:
        count = await publish_sample(topology.kafka.bootstrap, project)
    except KafkaError as error:
        say(f"The sample was not published ({type(error).__name__}); remove the folder and start anew.")
    else:
        say(f"A sample of {count} events was published to Kafka; look at the inbox and at the log.")


def _welcome(topology: Topology, address: str) -> None:
    say(f"\n  Inbox of the customers   {address}/")
    say(f"  Message log              {address}/log")
    for worker in topology.workers:
        say(f"  {worker.folder.name} (process {worker.pid})  {worker.url}/readyz  and  /metrics")
    say(f"  Kafka (process {topology.kafka.pid})      {topology.kafka.bootstrap}")
    say(f"  PostgreSQL (process {topology.postgres.pid}) {topology.settings['SOJOURN_DATABASE']}")
    say(f"  Data, logs and settings  {topology.folder}")
    say(f"\nFor commands: set -a; . {topology.folder}/settings; set +a")
    say("Kill any of these processes and watch it come back. Ctrl-C stops everything.\n")


async def _main(given: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def stop() -> None:
        # The first one ends it once it has come up; whoever says it again does not want to wait for that.
        if stopping.is_set() and task is not None:
            task.cancel()
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if given.seconds:
        loop.call_later(given.seconds, stop)
    await run(given.folder.absolute(), Listen(host="127.0.0.1", port=given.port), stopping)


def main() -> None:
    """Ends with status 0 when it was stopped, with 1 when it could not go on."""
    parser = argparse.ArgumentParser(prog="make stack", description="Production on this machine, from pip alone.")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "stack", help="where everything is kept")
    parser.add_argument("--port", type=int, default=8080, help="of the console; 0: any free one")
    parser.add_argument("--for", dest="seconds", type=float, default=0, help="stop by itself after so many seconds")
    try:
        asyncio.run(_main(parser.parse_args()))
    except (ServerError, SojournError) as error:
        say(f"make stack: {error}")
        sys.exit(1)
    except asyncio.CancelledError:
        sys.exit(1)


if __name__ == "__main__":
    main()
