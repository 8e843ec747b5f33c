"""What one transaction decides, customer by customer, and how it is written: everything or nothing.

Intake, timers and delivery differ only in the input that they bring. They load customers, put inputs to
them in order, and write once; whose decision raises is left as he was and named, the others go on.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial

from sojourn.core.decide import decide
from sojourn.core.drive import Driven, advance, complete, let_through, started_tomb_keys, tick_tomb_keys
from sojourn.core.due import due_after, is_bulk, next_due
from sojourn.core.model import Behind, CallOut, Command, Deliver, Input, Note, Publication, Row, State
from sojourn.intake.deciding import Deciding
from sojourn.intake.frontier import FOREVER, Frontier, Slowest
from sojourn.intake.pacing import spread
from sojourn.intake.releases import Released
from sojourn.places import place_of
from sojourn.ports import Tx
from sojourn.records import Changed, Lane, Queued, Stored, TombKey

_AT_ONCE = 50
STUCK_MS = 3_600_000  # a timer that changes nothing, or that raises, is looked at again after an hour

Finish = Callable[[Row], Row]


class Parked(Exception):
    """A customer whose inputs are parked; nothing is decided for him until they are released."""


class Account:
    """One customer under way: what was stored, what he is now, and a lower bound of his next due instant."""

    __slots__ = ("driven_to", "due", "error", "release", "state", "stored", "until")

    def __init__(self, stored: Stored, until: int) -> None:
        self.stored = stored
        self.state: State = stored.state
        self.due: int | None = stored.due
        self.release: int | None = stored.release
        self.until = until  # his timers before this instant need not wait for a source
        self.driven_to: int | None = None  # up to which instant his timers have run
        self.error: Exception | None = None


class Ledger:
    """The accounts of one transaction and all that was decided in it, in order."""

    def __init__(self, deciding: Deciding, frontier: Frontier | None = None) -> None:
        self._deciding = deciding
        self._releases = deciding.releases
        self._frontier = frontier
        self._accounts: dict[str, Account] = {}
        self._said: list[tuple[str, Command]] = []
        self._tombs: set[TombKey] = set()  # the ended runs that were asked for
        self._started: set[TombKey] = set()  # those that starts of timers have asked for

    async def load(
        self, tx: Tx, customers: Collection[str], tombs: Collection[TombKey], now: int, *, wait: bool = True
    ) -> Collection[str]:
        """Load customers with the ended runs that their inputs and timers by ``now`` may ask for; give who was got.

        Without ``wait`` those whom another transaction has are left out.
        """
        loaded = await tx.load(customers, tombs, wait=wait)
        self._tombs.update(tombs)
        ripe = {name for name, stored in loaded.items() if stored.due is not None and stored.due <= now}
        if ripe:
            asked = {key for key in tombs if key[0] in ripe}
            for name in ripe:
                book = self._releases.numbered(loaded[name].release or 1).book
                asked.update((name, *key) for key in tick_tomb_keys(book, loaded[name].state))
                newest = self._releases.all[-1].book
                if newest is not book:
                    asked.update((name, *key) for key in tick_tomb_keys(newest, loaded[name].state))
            loaded = {**loaded, **await tx.load(ripe, asked)}
            self._tombs |= asked
        for name, stored in loaded.items():
            self._accounts[name] = Account(stored, self.slowest(name).stored_to)
        return loaded.keys()

    async def decide(self, tx: Tx, put: Callable[[], Iterator[None]]) -> None:
        """Let ``put`` decide all that this transaction decides; anew if timers started what may have ended before.

        An input may bring a timer forward (another zone or birthday, a silence, a release), so only the decision
        shows which ended runs its starts ask for. ``put`` yields after each decision: between them others have
        their turn now and then, for an urgent message must not wait for a page of timers at each of its steps.
        """
        await _in_turns(put())
        while missing := self._started - self._tombs:
            self._tombs |= missing
            lacking = {customer for customer, _, _ in missing}
            loaded = await tx.load(lacking, [key for key in self._tombs if key[0] in lacking])
            self._said.clear()
            self._started.clear()
            for name, account in self._accounts.items():
                self._accounts[name] = Account(loaded.get(name, account.stored), account.until)
            await _in_turns(put())

    def slowest(self, customer: str) -> Slowest:
        """Give the source that holds a customer's timers back."""
        if self._frontier is None:
            return Slowest("", FOREVER)
        return self._frontier.of(place_of(customer) if self._frontier.count > 1 else 0)

    def state(self, customer: str) -> State | None:
        """Give a customer as he is now, or None for one that was not loaded."""
        account = self._accounts.get(customer)
        return None if account is None else account.state

    def is_due(self, customer: str, now: int) -> bool:
        """Tell whether something of a loaded customer may be due by an instant."""
        due = self._accounts[customer].due
        return due is not None and due <= now

    def before(self, customer: str, now: int) -> None:
        """Run a customer's timers that are due before an instant, and let him meet the releases up to it."""
        account = self._accounts[customer]
        self._meet(customer, account, now)
        self._advance(customer, account, now)

    def through(self, customer: str, now: int) -> None:
        """Run a customer's timers that are due up to and with an instant: its arrivals are complete."""
        account = self._accounts[customer]
        self._meet(customer, account, now)
        if account.error is None and account.due is not None and account.due <= now:
            upto = min(now, account.until - 1)
            self._drive(customer, account, partial(complete, at=now, upto=upto), upto)

    def past(self, customer: str, now: int, behind: Behind) -> None:
        """Run of a customer's timers what must not wait for a stalled source."""
        account = self._accounts[customer]
        self._meet(customer, account, now)
        if account.error is None:
            self._drive(customer, account, partial(let_through, now=now, behind=behind), None)

    def put(self, customer: str, what: Input, now: int, finish: Finish | None = None) -> None:
        """Put one input to a customer at an instant, never before his own clock; ``finish`` completes its rows."""
        account = self._accounts[customer]
        now = max(now, account.state.hot.clock)
        self._meet(customer, account, now)
        if account.error is not None:
            return
        if account.release is None:
            account.release = self._releases.at(now).number
        book = self._releases.numbered(account.release).book
        try:
            decision = decide(book, account.state, what, now)
            account.due = due_after(book, account.state, decision.state, account.due, now)
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
        return [note for _, note in self._notes()]

    def rows(self) -> list[Row]:
        """Give the rows in the order in which they were decided."""
        broken = self.broken()
        return [said for name, said in self._said if isinstance(said, Row) and name not in broken]

    async def write(self, tx: Tx, now: int) -> None:
        """Save what changed, append the rows, queue what is to be handed over."""
        changes = [change for one in self._accounts.values() if (change := self._change(one, now)) is not None]
        await tx.save(changes, now)
        rows = self.rows()
        if rows:
            await tx.append_log(rows)
        queued = await spread(tx, self._releases.at(now).book, list(self._orders(now).values()), now)
        if queued:
            await tx.enqueue(queued)
        calls = [(one.customer, one.order) for one in queued if isinstance(one.order, CallOut)]
        told = self._deciding.telling.decided(rows, self._notes(), calls, now)
        if told:
            await tx.send_out(told)

    # ---- inside

    def _notes(self) -> list[tuple[str, Note]]:
        broken = self.broken()
        return [(name, said) for name, said in self._said if isinstance(said, Note) and name not in broken]

    def _meet(self, customer: str, account: Account, now: int) -> None:
        """Let a customer meet the releases that are in force by an instant, each at its own (N7, Q43, Q45)."""
        if account.release is None or account.error is not None:
            return
        for released in self._releases.to_meet(account.release, now):
            self._advance(customer, account, released.at)
            if account.error is None:
                self._publish(customer, account, released)

    def _publish(self, customer: str, account: Account, released: Released) -> None:
        try:
            decision = decide(released.book, account.state, Publication(released.running), released.at)
            account.due = next_due(released.book, decision.state)
        except Exception as error:
            account.error = error
            return
        account.state, account.release = decision.state, released.number
        self._say(customer, decision.commands, None)

    def _advance(self, customer: str, account: Account, now: int) -> None:
        if account.error is None and account.due is not None and account.due < now:
            upto = min(now, account.until) - 1
            self._drive(customer, account, partial(advance, before=now, upto=upto), upto)

    def _drive(self, customer: str, account: Account, way: Callable[..., Driven], upto: int | None) -> None:
        book = self._releases.numbered(account.release or 1).book
        try:
            driven = way(book, account.state)
            account.due = next_due(book, driven.state)
        except Exception as error:
            account.error = error
            return
        account.state = driven.state
        if upto is not None:
            account.driven_to = max(upto, account.driven_to or upto)
        if account.stored.release is not None:  # else he is new: nothing of his has ended
            self._started.update((customer, *key) for key in started_tomb_keys(book, driven.commands))
        self._say(customer, driven.commands, None)

    def _say(self, customer: str, commands: Iterable[Command], finish: Finish | None) -> None:
        for command in commands:
            done = finish(command) if finish is not None and isinstance(command, Row) else command
            self._said.append((customer, done))

    def _change(self, account: Account, now: int) -> Changed | None:
        """Give what is to be saved; a timer that raised or would fire again at once is put off, not spun on."""
        stored = account.stored
        if account.error is not None:
            ripe = stored.due is not None and stored.due <= now
            return Changed(stored, stored.state, now + STUCK_MS, stored.lane, stored.release or 1) if ripe else None
        due = account.due
        if account.driven_to is not None and due is not None and due <= account.driven_to:
            due = now + STUCK_MS
        release = account.release or 1
        met = stored.release is not None and release != stored.release
        if account.state is stored.state and due == stored.due and not met:
            return None
        lane: Lane = stored.lane if due == stored.due else "normal"
        if due is not None and due != stored.due and is_bulk(self._releases.numbered(release).book, account.state, due):
            lane = "bulk"
        return Changed(stored, account.state, due, lane, release)

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
                orders[said.message_id] = Queued(name, said, now, _lane(said))
        return orders


async def _in_turns(decisions: Iterator[None]) -> None:
    """Take decisions, some at a time."""
    for n, _ in enumerate(decisions, 1):
        if n % _AT_ONCE == 0:
            await asyncio.sleep(0)


def _lane(order: Deliver | CallOut) -> Lane:
    if isinstance(order, CallOut):
        return "urgent" if order.send.urgent else "normal"
    return "urgent" if order.lane == "urgent" else "bulk" if order.lane == "bulk" else "normal"
