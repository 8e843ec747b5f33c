"""What a failing test of a journey prints: both tables side by side, and why the engine decided as it did."""

import unicodedata
from collections.abc import Iterator, Sequence

from sojourn.core.book import Book
from sojourn.core.model import Row
from sojourn.core.saying import reason_sentence
from sojourn.testing.journeys import Ran, line_of, local_text

_GAP = 4


def report(ran: Ran, file: str, book: Book) -> str:
    """Give the text for a failing test."""
    case = ran.case
    lines = [f"{file}:{case.place.line}: {case.name}"]
    for line, refused in ran.refused:
        lines.append(f"  {file}:{line.place.line}: not taken, {refused.reason}: {refused.detail}")
    lines += _tables("expected", case.expect, "sent", ran.sent)
    if case.not_sent is not None:
        lines += _tables("expected not sent", case.not_sent, "not sent", ran.not_sent)
    for missing in dict.fromkeys(ran.missing):
        lines.append(f"  missing  {missing}")
        lines += [f"           {reason}" for reason in _why_missing(missing, ran, book)]
    for extra in dict.fromkeys(ran.extra):
        lines.append(f"  extra    {extra}")
        lines += [f"           {reason}" for reason in _why_extra(extra, ran, book)]
    return "\n".join(lines)


def _tables(left: str, wanted: Sequence[str], right: str, got: Sequence[str]) -> Iterator[str]:
    """Set two tables side by side; equal lines stand on one line, `<` and `>` mark what one side lacks."""
    pairs = list(_pairs(sorted(wanted), sorted(got)))
    width = max([_width(left), *(_width(one) for one, _ in pairs)]) + _GAP
    yield "  " + _pad(left, width) + "  " + right
    for one, other in pairs:
        mark = " " if one and other else "<" if one else ">"
        yield f"  {_pad(one, width)}{mark} {other}".rstrip()


def _pairs(wanted: list[str], got: list[str]) -> Iterator[tuple[str, str]]:
    while wanted or got:
        if wanted and got and wanted[0] == got[0]:
            yield wanted.pop(0), got.pop(0)
        elif wanted and (not got or wanted[0] < got[0]):
            yield wanted.pop(0), ""
        else:
            yield "", got.pop(0)


def _why_missing(line: str, ran: Ran, book: Book) -> Iterator[str]:
    """Tell what became of this message, or of others of its template and channel."""
    parts = line.split()
    if len(parts) < 4:
        return
    about = [row for row in ran.rows if (row.channel, row.template) == (parts[2], parts[3])]
    day = [row for row in about if local_text(row.decided_at, ran.case.zone).startswith(parts[0])]
    for row in (day or about)[:3]:
        yield f"the engine: {line_of(row, ran.case.zone)}{_because(row, ran, book)}"
    if not about:
        yield f"no step that sends {parts[3]} by {parts[2]} was reached{_ends(ran)}"


def _why_extra(line: str, ran: Ran, book: Book) -> Iterator[str]:
    for row in ran.rows:
        if line_of(row, ran.case.zone) == line:
            yield f"step {row.step} of {row.journey}{_because(row, ran, book)}"
            return


def _because(row: Row, ran: Ran, book: Book) -> str:
    """Name the event behind a row, and the sentence of its reason with the values compared."""
    line = next((one for one in ran.case.given if one.envelope["event_id"] == row.event_id), None)
    said = f", because of {line.envelope['type']} on line {line.place.line}" if line is not None else ""
    sentence = reason_sentence(row, "en", ran.case.zone, book.rules)
    if sentence:
        said += f". {sentence}"
    compared = ", ".join(f"{name} {value}" for name, value in row.detail.items() if name == "condition")
    return said + (f" ({compared})" if compared else "")


def _ends(ran: Ran) -> str:
    """Tell how the journey went, for a step that was never reached."""
    said = [
        f"{note.journey} {note.kind}" + (f" ({note.cause})" if note.cause else "")
        for note in ran.notes
        if note.kind in ("ended", "ignored", "broken")
    ]
    started = any(note.kind == "started" for note in ran.notes)
    if not started:
        said.insert(0, "no journey began")
    return f"; {', '.join(dict.fromkeys(said))}" if said else ""


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
