"""Send: outside any transaction, render and call the channel; the result waits for settle.

Whatever happens here ends as one result, also when the task is cancelled: then nobody knows (Q27).
"""

import asyncio
from collections.abc import Callable

import msgspec

from sojourn.core.model import Deliver, Outcome
from sojourn.delivery.port import Answered, Channel, Outgoing
from sojourn.delivery.render import Press, Printed, call
from sojourn.records import Leased

DEADLINE_S = 25.0  # well inside the lease: a result always finds its order still held


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as it ended: ``answered`` by a provider, or ``unrendered``; ``printed`` is what went out."""

    leased: Leased
    started: int
    ended: int
    provider: str
    answered: Answered | None = None
    unrendered: Outcome | None = None
    printed: Printed | None = None


async def send(leased: Leased, channel: Channel, press: Press, clock: Callable[[], int]) -> Result:
    """Make one attempt and tell what is known of it; raises nothing.

    A cancelled attempt ends as unknown: the request may be out.
    """
    started = clock()
    printed: Printed | None = None
    order = leased.order
    if isinstance(order, Deliver):
        made = press.message(order, started)
        if isinstance(made, Outcome):
            return Result(leased=leased, started=started, ended=clock(), provider="engine", unrendered=made)
        printed, outgoing = made, made.outgoing
    else:
        outgoing = call(order, started)
    answered = await _ask(channel, outgoing)
    return Result(
        leased=leased,
        started=started,
        ended=clock(),
        provider=channel.provider,
        answered=answered,
        printed=printed,
    )


async def _ask(channel: Channel, outgoing: Outgoing) -> Answered:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await channel.send(outgoing)
    except asyncio.CancelledError:
        return Answered(kind="unknown", code="stopped", repeatable=channel.repeatable)
    except TimeoutError:
        return Answered(kind="unknown", code="timeout", repeatable=channel.repeatable)
    except Exception as error:  # a fault of an adapter must not lose the message: nobody knows
        return Answered(kind="unknown", code=type(error).__name__, repeatable=channel.repeatable)
