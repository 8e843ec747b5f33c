"""The Faust app around production: agents, topics and control are Faust's, the work is ours.

Faust alone would end when the broker is away at its start, and reads slowly. So the work begins first (store, HTTP,
timers, delivery), the app waits until the brokers answer, and the hot topics come in batches through a channel
whose queue belongs to us: Faust empties its own queues at every rebalance.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import faust
import structlog
from faust.channels import Channel
from mode.utils.queues import FlowControlEvent, ThrowableQueue

from sojourn.bootstrap.inflow import Batch
from sojourn.bootstrap.loops import at_most, pause
from sojourn.bootstrap.production import Production
from sojourn.bootstrap.roles import INTAKE
from sojourn.kafka.access import KafkaAccess

log: structlog.stdlib.BoundLogger = structlog.get_logger("sojourn")

STOP_S: Final = 2.0
#: What Faust's own command line does to the log: nothing but one handler, which it insists on.
_LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"quiet": {"class": "sojourn.kafka.quiet.Quiet"}},
    "root": {"level": "WARNING", "handlers": ["quiet"]},
}
_RETRY_S: Final = 2.0

Around = Callable[[Production], contextlib.AbstractAsyncContextManager[None]]


class Batches(Channel[Batch]):
    """Brings batches to one agent; what is in it stays in it until the agent takes it."""

    def __init__(self, app: faust.App, **more: Any) -> None:
        super().__init__(app, **{"maxsize": 1} | more)

    @property
    def queue(self) -> ThrowableQueue[Any]:
        """The one queue of this channel and of all its copies."""
        if self._queue is None:
            self._queue = ThrowableQueue(maxsize=self.maxsize, flow_control=FlowControlEvent(initially_suspended=False))
        return self._queue

    def _clone_args(self) -> dict[str, Any]:
        return {**super()._clone_args(), "queue": self.queue}

    async def put(self, value: Any) -> None:
        """Wait for room and put a batch there, whether or not its agent has started."""
        await self.queue.put(value)


class Frame(faust.App):
    """A Faust app that lives as long as the work of this process: ``start``, then ``until_ended``, then ``stop``.

    Without agents nothing of Faust is started, and the batches go straight to the work.
    """

    def __init__(self, work: Production, around: Around) -> None:
        settings = work.settings
        access = work.access
        super().__init__(
            f"{settings.kafka_group}-control",
            broker=[f"kafka://{host}:{port}" for host, port in access.hosts()],
            broker_credentials=_credentials(access),
            value_serializer="raw",
            key_serializer="raw",
            topic_disable_leader=True,
            topic_allow_declare=False,
            table_standby_replicas=0,
            web_enabled=False,
            store="memory://",
            datadir=str(settings.var / "faust"),
            logging_config=_LOGGING,
            worker_redirect_stdouts=False,
        )
        self.work, self._around = work, around
        self.batches = Batches(self)
        self._life: asyncio.Task[None] | None = None
        self._framed = False

    async def start(self) -> None:
        """Begin the work; once the brokers answer also Faust's part. Returns early when the end comes first."""
        self._life = asyncio.create_task(self._live(), name="work")
        self._life.add_done_callback(lambda done: self._ended())
        await self.work.opened.wait()
        if INTAKE not in self.work.roles or not self.agents:
            return
        if self.work.inflow is not None:
            self.work.inflow.hand = self.batches.put
        while not self.work.stopping.is_set():
            if await self.work.brokers_answer():
                self._framed = True
                await super().start()
                return
            await pause(self.work.stopping, _RETRY_S)

    async def until_ended(self) -> None:
        """Wait for the end of the work; raises MustStop when going on would have done harm."""
        if self._life is not None:
            await asyncio.shield(self._life)

    async def stop(self) -> None:
        """End the work cleanly, and Faust's part as soon as no batch is with an agent; both are bounded."""
        self.work.stop()
        if self._life is None:
            return
        drained = asyncio.create_task(self.work.drained.wait())
        await asyncio.wait({self._life, drained}, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        if self._framed:
            await at_most(STOP_S, {"frame": super().stop()})
        await asyncio.wait({self._life})

    async def _live(self) -> None:
        try:
            if await self.work.open():
                async with self._around(self.work):
                    await self.work.run()
        finally:
            self.work.opened.set()
            await self.work.close()

    def _ended(self) -> None:
        """When the work ended because going on would do harm, so does everything around it."""
        error = None if self._life is None or self._life.cancelled() else self._life.exception()
        if error is not None:
            self._crash(error)


def _credentials(access: KafkaAccess) -> Any:
    tls = access.tls()
    if access.with_password:
        user, password = access.credentials()
        return faust.SASLCredentials(
            username=user, password=password.get_secret_value(), ssl_context=tls, mechanism=access.mechanism
        )
    return faust.SSLCredentials(tls) if tls is not None else None
