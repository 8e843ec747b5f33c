"""``sojourn doctor``: a list of checks, each of which looks at one thing and says what to do about it.

A check is a coroutine function that takes a ``Site`` and gives findings. It is added by its line in ``CHECKS``. It
reads only, and one that fails or hangs hinders no other.
"""

import asyncio
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sojourn.bootstrap.doctor import broker, host, postgres, sqlite, state
from sojourn.bootstrap.doctor.finding import Check, Finding, Site, error, of_error
from sojourn.errors import SojournError

LONGEST_S: Final = 75.0
CHECKS: Final[tuple[Check, ...]] = (
    host.settings,
    host.clock,
    host.zones,
    host.project,
    host.disk,
    sqlite.sqlite,
    postgres.postgres,
    broker.broker,
    broker.topics,
    state.key,
    state.work,
)


async def examine(site: Site, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Give what all checks found, in their order."""
    found = await asyncio.gather(*(_one(check, site) for check in checks))
    return [one for findings in found for one in findings]


async def _one(check: Check, site: Site) -> Sequence[Finding]:
    part = getattr(check, "__name__", "check").replace("_", " ")
    try:
        async with asyncio.timeout(LONGEST_S):
            return await check(site)
    except SojournError as failed:
        return [of_error(part, failed)]
    except TimeoutError:
        return [error(part, "The check did not end in time", "Look at what it asks by hand", seconds=LONGEST_S)]
    except Exception as failed:
        last = traceback.extract_tb(failed.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        return [error(part, "The check itself failed", "Report it", kind=type(failed).__name__, place=place)]
