"""Finds people in what must not name them: logs, records of output topics, exported spans, any file.

Each value is looked for as it is and in the forms in which programs like to write it: escaped as in JSON and in
addresses, as base64 at any place, a telephone number without its country, letters large or small. All values are
looked for in one go over the bytes, so ten thousand of them cost hardly more than ten.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

PERSONAL = ("name", "salutation_zh", "salutation_en", "mobile", "email")
_AROUND = 60
_SHORTEST = 4  # bytes; a single letter is nobody
_COUNTRY = re.compile(r"\+(?:86|852|44|1)(?=\d{8,})")


@dataclass(frozen=True, slots=True)
class Found:
    """A person who is named somewhere: in which place, which value, and what stands around it."""

    place: str
    value: str
    around: bytes

    def __str__(self) -> str:
        return f"{self.place} names {self.value}: ...{self.around!r}..."


class Seeker:
    """Looks for personal values."""

    def __init__(self, values: Iterable[str]) -> None:
        self._meant = {form.lower(): value for value in sorted(set(values)) for form in forms(value)}
        if not self._meant:
            raise ValueError("nothing to look for would always be found nowhere")
        self._pattern = re.compile(_trie(self._meant))
        self.searched = 0

    def look(self, place: str, content: bytes) -> Iterator[Found]:
        """Give every value that the bytes hold, each once."""
        self.searched += len(content)
        told: set[str] = set()
        for match in self._pattern.finditer(content.lower()):
            value = self._meant[match[0]]
            if value not in told and not _inside_a_number(content, match):
                told.add(value)
                yield Found(place, value, content[max(0, match.start() - _AROUND) : match.end() + _AROUND])

    def look_in_files(self, paths: Iterable[Path]) -> Iterator[Found]:
        """Look into files, and into all files of folders."""
        for path in paths:
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    yield from self.look(str(file), file.read_bytes())


def personal(profile: dict[str, Any]) -> set[str]:
    """Give what of a synthetic profile nobody may read outside."""
    return {str(profile[name]) for name in PERSONAL if profile.get(name)}


def forms(value: str) -> set[bytes]:
    """Give the bytes that stand for a value; of base64 the part that does not depend on what is beside it."""
    texts = {value, json.dumps(value)[1:-1], quote(value), quote(value, safe="")}
    if _COUNTRY.match(value):
        texts.add(_COUNTRY.sub("", value))
    found = {text.encode() for text in texts}
    plain = value.encode()
    if len(plain) >= 2 * _SHORTEST:
        for shift, begin in enumerate((0, 2, 3)):
            found.add(b64encode(bytes(shift) + plain)[begin : (shift + len(plain)) * 8 // 6])
    return {form for form in found if len(form) >= _SHORTEST}


def _inside_a_number(content: bytes, match: re.Match[bytes]) -> bool:
    """Whether digits are part of a longer number, such as an instant: then they are nobody's."""
    beside = content[max(0, match.start() - 1) : match.start()] + content[match.end() : match.end() + 1]
    return match[0].isdigit() and any(48 <= byte <= 57 for byte in beside)


def _trie(words: Iterable[bytes]) -> bytes:
    root: dict[int, Any] = {}
    for word in words:
        node = root
        for byte in word:
            node = node.setdefault(byte, {})
        node[-1] = None
    return _branches(root)


def _branches(node: dict[int, Any]) -> bytes:
    """Give a pattern of a node; the longest word wins, so that the value is told whole."""
    parts = [re.escape(bytes([byte])) + _branches(below) for byte, below in node.items() if byte >= 0]
    if not parts:
        return b""
    several = parts[0] if len(parts) == 1 and -1 not in node else b"(?:" + b"|".join(parts) + b")"
    return several + b"?" if -1 in node else several
