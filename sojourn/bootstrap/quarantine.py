"""Customers whose decision raised an error of the engine itself: their inputs are parked, in order, until released."""

from collections.abc import Iterable, Set

from sojourn.intake.parked import ENGINE_ERROR, QUARANTINE, Parked, changes
from sojourn.ports import Store, Tx

_PAGE = 500


class Quarantine:
    """The set of them; it follows from the open dead letters, so it survives a restart and is everybody's.

    ``within`` is what intake and timers ask inside a transaction. ``refresh`` is for loops that only tell (readyz,
    metrics) and for processes that have nothing to decide for a while.
    """

    def __init__(self) -> None:
        self._customers: set[str] = set()
        self._changes: int | None = None
        self._store: Store | None = None

    @property
    def customers(self) -> Set[str]:
        """Whose inputs are parked."""
        return self._customers

    def add(self, customers: Iterable[str]) -> None:
        """Park whatever comes for these customers from now on."""
        self._customers.update(customers)

    async def load(self, store: Store) -> None:
        """Read them from the store, which is asked from now on."""
        self._store = store
        position = (await store.views.positions()).get(QUARANTINE)  # first: what is read next is as new, or newer
        self._customers = await _parked(store)
        self._changes = None if position is None else position.next

    async def refresh(self) -> None:
        """Read them again if another process has parked or released somebody since."""
        assert self._store is not None, "load comes first"
        position = (await self._store.views.positions()).get(QUARANTINE)
        if (None if position is None else position.next) != self._changes:
            await self.load(self._store)

    async def within(self, tx: Tx) -> Parked:
        """Give who is parked as of a transaction; to be asked behind the locks of its customers.

        It costs one statement as long as nothing has changed.
        """
        number = await changes(tx)
        if number != self._changes and self._store is not None:
            self._customers = await _parked(self._store)
            self._changes = number
        return Parked(frozenset(self._customers), number)


async def _parked(store: Store) -> set[str]:
    """Give the customers of the open letters; they are counted first, so that pages without them are not read."""
    missing = (await store.views.dead_letter_counts()).get(ENGINE_ERROR, 0)
    found: set[str] = set()
    cursor: str | None = None
    while missing > 0:
        letters, cursor = await store.views.dead_letters("open", _PAGE, cursor)
        errors = [one.letter for one in letters if one.letter.reason == ENGINE_ERROR]
        found.update(letter.customer for letter in errors if letter.customer)
        missing -= len(errors)
        if cursor is None:
            break
    return found
