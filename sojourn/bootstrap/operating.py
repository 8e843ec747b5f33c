"""What an operator's command decides with: the same releases and rules as the processes that run on the store."""

from dataclasses import dataclass
from typing import Final

from sojourn.bootstrap.releases import Edition, Shelf
from sojourn.bootstrap.settings import Settings
from sojourn.bootstrap.telling import Announcing
from sojourn.core.model import Event
from sojourn.errors import ConfigurationError
from sojourn.intake.deciding import Deciding, Telling
from sojourn.intake.decode import Refused, decode
from sojourn.intake.frontier import PREFIX, topic_of
from sojourn.intake.mapping import topics_of
from sojourn.ports import Store
from sojourn.records import Letter

_LEFT_OUT: Final = Refused("unmapped", "topics.yaml leaves such records out by now; drop the letter")


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator's place at an open store."""

    deciding: Deciding
    edition: Edition

    def read(self, one: Letter) -> tuple[bytes, Event | Refused]:
        """Read a dead letter by the release in force: the envelope in it, and its event or why there is none.

        What a foreign topic brought and nobody could map is mapped again.
        """
        letter, project = one.letter, self.edition.project
        read = decode(letter.raw, project.catalogue, letter.arrival)
        if isinstance(read, Event) or not letter.source.startswith(PREFIX):
            return letter.raw, read
        topic, _ = topic_of(letter.source)
        topics = topics_of(project.topics, project.catalogue)
        if topic not in topics.foreign:
            return letter.raw, read
        identity = f"{letter.source}@0:{letter.position}"
        mapped = topics.again(topic, letter.raw, identity=identity, timestamp=letter.arrival)
        if isinstance(mapped, bytes):
            return mapped, decode(mapped, project.catalogue, letter.arrival)
        return letter.raw, mapped if isinstance(mapped, Refused) else _LEFT_OUT


async def desk_of(store: Store, settings: Settings, now: int) -> Desk:
    """Give the desk of an open store at an instant.

    Raises:
        ConfigurationError: Nothing was ever released there.
    """
    shelf = Shelf(settings.var)
    await shelf.catch_up(store)
    if not shelf.editions:
        raise ConfigurationError("Nothing was released there yet", next_step="Start the engine there once")
    edition = next((one for one in reversed(shelf.editions) if one.published.at <= now), shelf.editions[0])
    telling = Announcing() if settings.shared else Telling()
    counts: dict[str, int] = {}
    for source in await store.views.positions():
        if source.startswith(PREFIX):
            topic, partition = topic_of(source)
            counts[topic] = max(counts.get(topic, 0), partition + 1)
    deciding = Deciding(shelf.releases, counts, telling)
    return Desk(deciding, edition)
