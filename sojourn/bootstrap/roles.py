"""What a worker does: any subset of these, any number of processes."""

from collections.abc import Iterable
from typing import Final

from sojourn.core.nearest import did_you_mean
from sojourn.errors import ConfigurationError

INTAKE: Final = "intake"
TIMERS: Final = "timers"
DELIVERY: Final = "delivery"
ROLES: Final = (INTAKE, TIMERS, DELIVERY)


def roles_of(text: str) -> frozenset[str]:
    """Read roles as ``intake,timers``.

    Raises:
        ConfigurationError: One is none, or there is not any.
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    for name in found:
        if name not in ROLES:
            raise ConfigurationError(
                "There is no such role", role=name, next_step=did_you_mean(name, ROLES) or f"Roles are {_all(ROLES)}"
            )
    if not found:
        raise ConfigurationError("A worker without a role would do nothing", next_step=f"Roles are {_all(ROLES)}")
    return frozenset(found)


def _all(names: Iterable[str]) -> str:
    return ", ".join(names)
