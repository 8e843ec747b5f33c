"""Customers whose decision raised an error of the engine itself: their inputs are parked, in order, until released."""

from collections.abc import Iterable, Set

from sojourn.intake.apply import ENGINE_ERROR
from sojourn.ports import Store

_PAGE = 500


class Quarantine:
    """The set of them; it follows from the open dead letters, so it survives a restart."""

    def __init__(self) -> None:
        self._customers: set[str] = set()

    @property
    def customers(self) -> Set[str]:
        """Whose inputs are parked."""
        return self._customers

    def add(self, customers: Iterable[str]) -> None:
        """Park whatever comes for these customers from now on."""
        self._customers.update(customers)

    async def load(self, store: Store) -> None:
        """Read them from the store."""
        if not (await store.views.dead_letter_counts()).get(ENGINE_ERROR):
            self._customers.clear()
            return
        found: set[str] = set()
        cursor: str | None = None
        while True:
            letters, cursor = await store.views.dead_letters("open", _PAGE, cursor)
            found.update(
                one.letter.customer for one in letters if one.letter.reason == ENGINE_ERROR and one.letter.customer
            )
            if cursor is None:
                break
        self._customers = found
