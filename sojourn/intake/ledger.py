"""What one transaction decides, customer by customer, and how it is written: everything or nothing.

Intake, timers and delivery differ only in the input that they bring. They load customers, put inputs to
them in order, and write once; whose decision raises is left as he was and named, the others go on.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sojourn.core.book import Book
from sojourn.core.decide import decide
from sojourn.core.drive import advance, complete, tick_tomb_keys
from sojourn.core.due import due_after, next_due
from sojourn.core.model import CallOut, Command, Deliver, Input, Note, Publication, Row, State
from sojourn.ports import Tx
from sojourn.records import Changed, Lane, Queued, Stored, TombKey

STUCK_MS = 3_600_000  # a timer that changes nothing, or that raises, is looked at again after an hour

Finish = Callable[[Row], Row]
Pace = Callable[[Deliver, int], int]


class Parked(Exception):
    """A customer whose inputs are parked; nothing is decided for him until they are released."""


class Account:
    """One customer under way: what was stored, what he is now, and a lower bound of his next due instant."""

    __slots__ = ("due", "error", "fired", "state", "stored")

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.state: State = stored.state
        self.due: int | None = stored.due
        self.fired = False
        self.error: Exception | None = None


def at_once(order: Deliver, now: int) -> int:
    """Give the instant from which a message may go: now."""
    return now


class Ledger:
    """The accounts of one transaction and all that was decided in it, in order."""

    def __init__(self, book: Book, pace: Pace = at_once) -> None:
        self._book = book
        self._pace = pace
        self._accounts: dict[str, Account] = {}
        self._said: list[tuple[str, Command]] = []

    async def load(self, tx: Tx, customers: Collection[str], tombs: Collection[TombKey], now: int) -> None:
        """Load customers with the ended runs that their inputs and timers by ``now`` may ask for."""
        loaded = await tx.load(customers, tombs)
        ripe = [name for name, stored in loaded.items() if stored.due is not None and stored.due <= now]
        if ripe:
            asked = {key for key in tombs if key[0] in set(ripe)}
            for name in ripe:
                asked.update((name, *key) for key in tick_tomb_keys(self._book, loaded[name].state))
            loaded = {**loaded, **await tx.load(ripe, asked)}
        for name, stored in loaded.items():
            self._accounts[name] = Account(stored)

    def state(self, customer: str) -> State | None:
        """Give a customer as he is now, or None for one that was not loaded."""
        account = self._accounts.get(customer)
        return None if account is None else account.state

    def before(self, customer: str, now: int, book: Book | None = None) -> None:
        """Run a customer's timers that are due before an instant, by the book that was in force until then."""
        account = self._accounts[customer]
        if account.error is None and account.due is not None and account.due < now:
            self._drive(customer, account, advance, now, book or self._book)

    def through(self, customer: str, now: int) -> None:
        """Run a customer's timers that are due up to and with an instant: its arrivals are complete."""
        account = self._accounts[customer]
        if account.error is None and account.due is not None and account.due <= now:
            self._drive(customer, account, complete, now, self._book)

    def put(self, customer: str, what: Input, now: int, finish: Finish | None = None) -> None:
        """Put one input to a customer at an instant, never before his own clock; ``finish`` completes its rows."""
        account = self._accounts[customer]
        if account.error is not None:
            return
        now = max(now, account.state.hot.clock)
        try:
            decision = decide(self._book, account.state, what, now)
            if isinstance(what, Publication):  # another book has other timers
                account.due = next_due(self._book, decision.state)
                account.fired = True
            else:
                account.due = due_after(self._book, account.state, decision.state, account.due, now)
        except Exception as error:
            account.error = error
            return
        account.state = decision.state
        self._say(customer, decision.commands, finish)

    def put_off(self, customer: str) -> None:
        """Leave a customer as he is and his timers for later: his earlier inputs wait for a person."""
        self._accounts[customer].error = Parked()

    def broken(self) -> Mapping[str, Exception]:
        """Name the customers whose decision raised: nothing of theirs will be written."""
        return {name: one.error for name, one in self._accounts.items() if one.error is not None}

    def notes(self) -> Iterable[Note]:
        """Give what was noted and is no row, for counting."""
        broken = self.broken()
        return [said for name, said in self._said if isinstance(said, Note) and name not in broken]

    def rows(self) -> list[Row]:
        """Give the rows in the order in which they were decided."""
        broken = self.broken()
        return [said for name, said in self._said if isinstance(said, Row) and name not in broken]

    async def write(self, tx: Tx, now: int) -> None:
        """Save what changed, append the rows, queue what is to be handed over."""
        changes = [change for one in self._accounts.values() if (change := _change(one, now)) is not None]
        await tx.save(changes, now)
        rows = self.rows()
        if rows:
            await tx.append_log(rows)
        queued = list(self._orders(now).values())
        if queued:
            await tx.enqueue(queued)

    # ---- inside

    def _drive(
        self, customer: str, account: Account, way: Callable[[Book, State, int], Any], now: int, book: Book
    ) -> None:
        try:
            driven = way(book, account.state, now)
            account.due = next_due(book, driven.state)
        except Exception as error:
            account.error = error
            return
        account.state, account.fired = driven.state, True
        self._say(customer, driven.commands, None)

    def _say(self, customer: str, commands: Iterable[Command], finish: Finish | None) -> None:
        for command in commands:
            done = finish(command) if finish is not None and isinstance(command, Row) else command
            self._said.append((customer, done))

    def _orders(self, now: int) -> dict[str, Queued]:
        """The last order of each message that is still to be handed over."""
        broken = self.broken()
        open_ids = {
            name: {send.id for send in one.state.hot.sends if send.status == "ready"}
            for name, one in self._accounts.items()
        }
        orders: dict[str, Queued] = {}
        for name, said in self._said:
            if name in broken or not isinstance(said, Deliver | CallOut):
                continue
            if said.message_id in open_ids[name]:
                ready = self._pace(said, now) if isinstance(said, Deliver) else now
                orders[said.message_id] = Queued(name, said, ready, _lane(said))
        return orders


def _lane(order: Deliver | CallOut) -> Lane:
    if isinstance(order, CallOut):
        return "urgent" if order.send.urgent else "normal"
    return "urgent" if order.lane == "urgent" else "bulk" if order.lane == "bulk" else "normal"


def _change(account: Account, now: int) -> Changed | None:
    """Give what is to be saved; a timer that raised or would fire again at once is put off, not spun on."""
    stored = account.stored
    if account.error is not None:
        ripe = stored.due is not None and stored.due <= now
        return Changed(stored, stored.state, now + STUCK_MS, stored.lane) if ripe else None
    due = account.due
    if account.fired and due is not None and due <= now:
        due = now + STUCK_MS
    if account.state is stored.state and due == stored.due and not account.fired:
        return None
    return Changed(stored, account.state, due, "normal")
