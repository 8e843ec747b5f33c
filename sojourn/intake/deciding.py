"""What every use case decides with: the releases, where events come from, what is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sojourn.core.book import Book
from sojourn.core.model import CallOut, Note, Row
from sojourn.intake.frontier import Frontier, frontier
from sojourn.intake.releases import Releases
from sojourn.ports import Tx
from sojourn.records import DeadLetter, Outgoing


class Telling:
    """What goes to the output topics beside the log; this one tells nothing."""

    def decided(
        self, rows: Sequence[Row], notes: Sequence[tuple[str, Note]], calls: Sequence[tuple[str, CallOut]], at: int
    ) -> Sequence[Outgoing]:
        """Give the records about decisions; notes and calls come with their customers."""
        return ()

    def refused(self, letters: Sequence[DeadLetter]) -> Sequence[Outgoing]:
        """Give the records about dead letters."""
        return ()


@dataclass(frozen=True, slots=True)
class Deciding:
    """The same for all customers of a transaction.

    ``topics`` are the topics that carry events, with their number of partitions: timers wait for them. Without any
    the engine is embedded: one source, which closes each instant behind its timers, and nothing to wait for.
    """

    releases: Releases
    topics: Mapping[str, int] = field(default_factory=dict)
    telling: Telling = field(default_factory=Telling)

    @classmethod
    def alone(cls, book: Book) -> "Deciding":
        """Give that of an embedded engine that has seen one release."""
        return cls(Releases.only(book))

    @property
    def embedded(self) -> bool:
        """Whether events come from nowhere but this process."""
        return not self.topics

    async def frontier(self, tx: Tx, now: int) -> Frontier:
        """Give how far timers may go now.

        Raises:
            BookMissing: A release is in force whose book is not here.
        """
        if self.embedded:
            return Frontier(now)
        positions = await tx.positions()
        self.releases.check(positions, now)
        return frontier(positions, self.topics, await tx.waivers(), now)


async def keep_letters(tx: Tx, deciding: Deciding, letters: Sequence[DeadLetter]) -> None:
    """Keep dead letters and tell the output topic of them."""
    if letters:
        await tx.append_dead_letters(letters)
        told = deciding.telling.refused(letters)
        if told:
            await tx.send_out(told)
