"""What goes to the output topics in production: the records of sojourn.outputs."""

from collections.abc import Sequence

from sojourn.core.model import CallOut, Note, Row
from sojourn.intake.deciding import Telling
from sojourn.outputs import records_of, records_of_letters
from sojourn.records import DeadLetter, Outgoing, Queued


class Announcing(Telling):
    """Tells of rows, starts and ends, calls and dead letters."""

    def decided(
        self, rows: Sequence[Row], notes: Sequence[tuple[str, Note]], calls: Sequence[tuple[str, CallOut]], at: int
    ) -> Sequence[Outgoing]:
        """See ``Telling.decided``."""
        return records_of(rows, notes, at, [Queued(customer, order, at) for customer, order in calls])

    def refused(self, letters: Sequence[DeadLetter]) -> Sequence[Outgoing]:
        """See ``Telling.refused``."""
        return records_of_letters(letters)
