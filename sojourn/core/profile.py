"""The profile as conditions see it: declared fields with defaults, and fields derived when they are read."""

from collections.abc import Iterator, Mapping
from typing import Any

from sojourn.core.book import Book, Derived
from sojourn.core.conditions import Expression, Frame
from sojourn.core.model import Profile
from sojourn.core.types import encode


def zone_of(book: Book, profile: Profile) -> str:
    """Give the zone of a profile, or the default one (N2)."""
    return profile.fields.get(book.profile.roles.zone) or book.rules.default_zone


class Customer(Mapping[str, Any]):
    """A read-only view of a profile at an instant: ``view[field]`` gives the wire value or None."""

    __slots__ = ("_book", "_fields", "_locale", "_now", "consent", "known", "zone")

    def __init__(self, book: Book, profile: Profile, now: int) -> None:
        self._book = book
        self._fields = profile.fields
        self._now = now
        self.consent = profile.consent
        self.known = profile.known
        self.zone = zone_of(book, profile)
        self._locale: str | None = None

    def __getitem__(self, name: str) -> Any:
        value = self._fields.get(name)
        if value is not None:
            return value
        derived = self._book.profile.derived.get(name)
        if derived is not None:
            return encode(derived.type, self._derive(derived))
        return self._book.profile.defaults.get(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Give the wire value of a field, or the default where it is absent."""
        value = self[name]
        return default if value is None else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._book.profile.types)

    def __len__(self) -> int:
        return len(self._book.profile.types)

    @property
    def locale(self) -> str:
        """Give the locale of messages; a language that nobody has declared is the default (Q28)."""
        if self._locale is None:
            self._locale = str(self[self._book.profile.roles.locale] or self._book.rules.default_locale)
        return self._locale

    def granted(self, purpose: str, channel: str) -> bool:
        """Tell whether the customer agreed to a purpose by a channel (N12)."""
        record = self.consent.get(purpose, {}).get(channel)
        return record is not None and record.granted

    def frame(self, item: Mapping[str, Any] | None = None) -> Frame:
        """Give a frame for conditions over this profile alone."""
        return Frame(
            customer=self,
            now=self._now,
            zone=self.zone,
            item=item,
            locale=self.locale,
            words=self._book.words,
        )

    def _derive(self, derived: Derived) -> Any:
        if derived.any_of is not None and derived.any_if is not None:
            frame = Frame(customer=self, now=self._now, zone=self.zone, words=self._book.words)
            for item in self[derived.any_of] or ():
                frame.item = item
                if derived.any_if(frame) is True:
                    return True
            return False
        frame = Frame(customer=self, now=self._now, zone=self.zone, words=self._book.words)
        for condition, value in derived.branches:
            if condition(frame) is True:
                return value(frame) if isinstance(value, Expression) else value
        return derived.otherwise(frame) if isinstance(derived.otherwise, Expression) else derived.otherwise
