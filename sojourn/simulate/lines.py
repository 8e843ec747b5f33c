"""Lines of recorded inputs in the order of their arrival, with memory independent of their number.

A file that is in order already is streamed. One that is not is sorted through temporary files: equal
instants keep the order of the file (interfaces.md).
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from io import BufferedRandom
from itertools import groupby
from pathlib import Path

import msgspec

from sojourn.schema import END_OF_INSTANTS, FIRST_INSTANT

CHUNK = 100_000  # lines that are sorted in memory at a time


class _Times(msgspec.Struct):
    type: str | None = None
    occurred_at: str | None = None
    arrives_at: str | None = None


_times = msgspec.json.Decoder(_Times)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its arrival (ms; None: none can be read from it), number in the file, type and bytes."""

    arrival: int | None
    number: int
    type: str | None
    raw: bytes


def read_line(number: int, raw: bytes) -> Line:
    """Give a line with its arrival; whatever is wrong with it, it is a line."""
    try:
        times = _times.decode(raw)
        text = times.arrives_at or times.occurred_at
        return Line(None if text is None else _instant(text), number, times.type, raw)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError, RecursionError, OverflowError):
        return Line(None, number, None, raw)


def _instant(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    instant = int((moment - _EPOCH) // _MILLISECOND)
    if not FIRST_INSTANT <= instant < END_OF_INSTANTS:
        raise ValueError("no year of the engine's")  # the clock must not begin there
    return instant


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MILLISECOND = datetime.fromisoformat("1970-01-01T00:00:00.001+00:00") - _EPOCH


def read_lines(source: Iterable[bytes]) -> Iterator[Line]:
    """Give the lines of a file or pipe as they stand; blank lines are left out."""
    for number, raw in enumerate(source, 1):
        if raw.strip():
            yield read_line(number, raw)


def _sort_key(line: Line) -> tuple[int, int]:
    return (-1 if line.arrival is None else line.arrival, line.number)


def is_sorted(path: Path) -> tuple[bool, int]:
    """Tell whether a file is in order of arrival, and how many lines it has."""
    last, count, ordered = -1, 0, True
    with path.open("rb") as source:
        for line in read_lines(source):
            count += 1
            if line.arrival is not None:
                ordered = ordered and line.arrival >= last
                last = line.arrival
    return ordered, count


def in_order(source: Iterable[bytes], *, ordered: bool) -> Iterator[Line]:
    """Give lines in order of arrival; lines without one come first, to be refused."""
    if ordered:
        yield from read_lines(source)
        return
    with tempfile.TemporaryDirectory(prefix="sojourn-") as folder:
        files: list[BufferedRandom] = []
        try:
            for chunk in _chunks(read_lines(source)):
                chunk.sort(key=_sort_key)
                file = (Path(folder) / f"{len(files)}").open("w+b")
                files.append(file)
                file.writelines(_pack(line) for line in chunk)
                file.seek(0)
            yield from merge(*(_unpack(file) for file in files), key=_sort_key)
        finally:
            for file in files:
                file.close()


def publications_first(lines: Iterable[Line], publication: str) -> Iterator[Line]:
    """Give lines in order, those of one instant with publications before all else (N7).

    A line without an arrival belongs to the instant of the line before it: garbage parts no instant in two.
    """
    for _, group in groupby(lines, key=_instants()):
        later: list[Line] = []
        for line in group:
            if line.type == publication:
                yield line
            else:
                later.append(line)
        yield from later


def _instants() -> Callable[[Line], int | None]:
    last: int | None = None

    def instant_of(line: Line) -> int | None:
        nonlocal last
        last = last if line.arrival is None else line.arrival
        return last

    return instant_of


def _chunks(lines: Iterator[Line]) -> Iterator[list[Line]]:
    chunk: list[Line] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _pack(line: Line) -> bytes:
    return b"%d " % line.number + line.raw.rstrip(b"\r\n") + b"\n"


def _unpack(file: BufferedRandom) -> Iterator[Line]:
    for packed in file:
        number, raw = packed.split(b" ", 1)
        yield read_line(int(number), raw)
