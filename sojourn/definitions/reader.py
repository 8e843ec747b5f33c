"""Reads a YAML file into nodes with positions, and refuses what misleads people (language.md, principle 5).

Every plain scalar stays TEXT: what it means is decided later by the schema of its key. So ``12e4567``,
``0012``, ``1.10`` and ``yes`` are what was written. Only mappings, sequences and scalars come out;
tags, anchors, aliases, merge keys, tabs, doubled keys and several documents never do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from sojourn.definitions.problems import Place, Problems

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 60


@dataclass(frozen=True, slots=True)
class Source:
    """A file's text and the way from an index in it to a place."""

    file: str
    text: str
    starts: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, file: str, text: str) -> "Source":
        """Take the text of a file."""
        starts = [0, *(match.end() for match in re.finditer("\n", text))]
        return cls(file, text, tuple(starts))

    def line(self, number: int) -> str:
        """Give the line with this number (from 0), or an empty text behind the end."""
        if number >= len(self.starts):
            return ""
        end = self.text.find("\n", self.starts[number])
        return self.text[self.starts[number] : None if end < 0 else end]

    def place(self, line: int, column: int) -> Place:
        """Give the place of a line and column, both from 0."""
        return Place(self.file, line + 1, column + 1, self.line(line))

    def place_of(self, index: int) -> Place:
        """Give the place of an index into the text."""
        line = self.text.count("\n", 0, index)
        return self.place(line, index - self.starts[line])


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as written; ``quoted`` tells whether it stood in quotes or in a block."""

    text: str
    quoted: bool
    place: Place
    source: Source = field(repr=False, compare=False)
    start: int = field(compare=False)
    end: int = field(compare=False)

    @property
    def empty(self) -> bool:
        """Whether nothing was written (`key:` with no value)."""
        return not self.text and not self.quoted

    def place_at(self, offset: int) -> Place:
        """Give the place of a character of ``text``, also within quotes, folded lines and blocks."""
        raw, index = self.source.text, self.start
        if raw[index : index + 1] in ("|", ">"):
            index = raw.find("\n", index) + 1
        elif self.quoted:
            index += 1
        last = index
        for char in self.text[: max(0, offset) + 1]:
            found = index
            if char.isspace():
                index += raw[index : index + 1].isspace()
            else:
                found = raw.find(char, index, self.end)
                if found < 0:
                    return self.place
                index = found + 1
            last = found
        return self.source.place_of(last) if self.text else self.place


@dataclass(frozen=True, slots=True)
class Sequence:
    """Items in the order of the file."""

    items: tuple["Node", ...]
    place: Place
    flow: bool = False

    def __iter__(self) -> Iterator["Node"]:
        return iter(self.items)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Entries in the order of the file; no key stands twice.

    ``damaged`` tells that a comma, or a value that is missing, has cut something out of {...}; that is noted,
    and what remains makes no sense.
    """

    entries: tuple[tuple[Scalar, "Node"], ...]
    place: Place
    flow: bool = False
    damaged: bool = False

    def get(self, name: str) -> "Node | None":
        """Give the value of a key, or None."""
        return next((value for key, value in self.entries if key.text == name), None)

    def key(self, name: str) -> Scalar | None:
        """Give the key itself, for its place."""
        return next((key for key, _ in self.entries if key.text == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys in the order of the file."""
        return tuple(key.text for key, _ in self.entries)

    def __contains__(self, name: str) -> bool:
        return any(key.text == name for key, _ in self.entries)

    def __iter__(self) -> Iterator[tuple[Scalar, "Node"]]:
        return iter(self.entries)


Node = Scalar | Sequence | Mapping


def kind_of(node: Node) -> str:
    """Say what stands there: `a text`, `a list`, `a group of keys`, `nothing`."""
    if isinstance(node, Mapping):
        return "a group of keys"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if node.empty else "a text"


def plain(node: Node) -> Any:
    """Give the content alone: dicts, lists and texts, without places and quotes."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node}
    if isinstance(node, Sequence):
        return [plain(item) for item in node]
    return node.text


def read_file(path: Path, file: str, problems: Problems) -> Mapping | None:
    """Read a file whose root is a mapping; None when it cannot be read at all.

    A file with a doubled key or a tag still gives its nodes, so that its other mistakes are told in the
    same run; the problem is noted.

    Args:
        path: Where it is.
        file: How problems name it: its path inside the project, with slashes.
        problems: Takes what is wrong.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        hint = "is it there, and a plain file?"
        problems.add(Place(file), f"the file cannot be read: {error.strerror}", hint)
        return None
    return read_bytes(raw, file, problems)


def read_bytes(raw: bytes, file: str, problems: Problems) -> Mapping | None:
    """Read the bytes of a file; see `read_file`."""
    if len(raw) > MAX_BYTES:
        hint = f"at most {MAX_BYTES // 1024} KiB: one file, one journey"
        problems.add(Place(file), f"the file has {len(raw):,} bytes", hint)
        return None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        problems.add(Place(file, line, column), "the file is not UTF-8", "save it as UTF-8 in your editor")
        return None
    return read_text(text, file, problems)


def read_text(text: str, file: str, problems: Problems) -> Mapping | None:
    """Read a text; see `read_file`."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    source = Source.of(file, text)
    if _forbidden(source, problems):
        return None
    try:
        root = _Composer(source, problems).compose()
    except MarkedYAMLError as error:
        _syntax_error(error, source, problems)
        return None
    except YAMLError as error:
        problems.add(Place(file), f"this is not YAML: {' '.join(str(error).split())[:200]}")
        return None
    except _StopReading:
        return None
    if root is None:
        problems.add(Place(file), "the file is empty", "it begins with a key, as `journey: its_name`")
        return None
    if not isinstance(root, Mapping):
        hint = "it begins with a key, as `journey: its_name`"
        problems.add(root.place, f"the file holds {kind_of(root)} where keys stand", hint)
        return None
    return root


_BAD_CHARS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\t")


def _forbidden(source: Source, problems: Problems) -> bool:
    """Note the first tab or control character of each line."""
    seen: set[int] = set()
    for match in _BAD_CHARS.finditer(source.text):
        place = source.place_of(match.start())
        if place.line in seen:
            continue
        seen.add(place.line)
        if match.group() == "\t":
            problems.add(place, "a tab stands here", "use spaces; YAML counts them and a tab has no width")
        else:
            problems.add(place, f"a control character (U+{ord(match.group()):04X}) stands here", "delete it")
        if len(seen) == 20:
            break
    return bool(seen)


class _StopReading(Exception):
    """A problem was noted after which the rest of the file makes no sense."""


class _Composer:
    """Turns the events of the YAML parser into nodes; the parser itself never builds a value."""

    def __init__(self, source: Source, problems: Problems) -> None:
        yaml = YAML(typ="safe", pure=True)
        self.events: Iterator[Any] = iter(yaml.parse(source.text))
        self.source = source
        self.problems = problems

    def compose(self) -> Node | None:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml_events.DocumentStartEvent):
                if root is not None:
                    hint = "one file, one journey: delete `---`"
                    self.problems.add(self._place(event), "a second document begins here", hint)
                    raise _StopReading
            elif isinstance(event, yaml_events.NodeEvent):
                root = self._node(event, 0)
        return root

    def _place(self, event: Any) -> Place:
        return self.source.place(event.start_mark.line, event.start_mark.column)

    def _node(self, event: Any, depth: int) -> Node:
        place = self._place(event)
        if depth > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} levels stand inside each other"
            self.problems.add(place, message, "flatten this part")
            raise _StopReading
        self._refuse_tricks(event, place)
        if isinstance(event, yaml_events.MappingStartEvent):
            return self._mapping(event, place, depth)
        if isinstance(event, yaml_events.SequenceStartEvent):
            items = []
            while not isinstance(inner := next(self.events), yaml_events.SequenceEndEvent):
                items.append(self._node(inner, depth + 1))
            return Sequence(tuple(items), place, bool(event.flow_style))
        return self._scalar(event, place)

    def _refuse_tricks(self, event: Any, place: Place) -> None:
        if isinstance(event, yaml_events.AliasEvent):
            hint = "write it out; a text that begins with * goes in quotes"
            self.problems.add(place, "an alias (`*`) stands here", hint)
            raise _StopReading
        if event.anchor:
            hint = "delete it; a text that begins with & goes in quotes"
            self.problems.add(place, "an anchor (`&`) stands here", hint)
        if event.tag:
            hint = "delete it: types come from the key; a text that begins with ! goes in quotes"
            self.problems.add(place, f"a tag (`{_tag(event.tag)}`) stands here", hint)

    def _scalar(self, event: Any, place: Place) -> Scalar:
        start = self.source.starts[event.start_mark.line] + event.start_mark.column
        end_mark = event.end_mark
        end = self.source.starts[min(end_mark.line, len(self.source.starts) - 1)] + end_mark.column
        return Scalar(event.value, bool(event.style), place, self.source, start, end)

    def _mapping(self, event: Any, place: Place, depth: int) -> Mapping:
        entries: list[tuple[Scalar, Node]] = []
        seen: dict[str, Place] = {}
        damaged = False
        while not isinstance(inner := next(self.events), yaml_events.MappingEndEvent):
            key = self._node(inner, depth + 1)
            value = self._node(next(self.events), depth + 1)
            if isinstance(value, Scalar) and value.empty:
                value = replace(value, place=key.place)  # the parser puts it where the next word begins
            if not isinstance(key, Scalar):
                self.problems.add(key.place, f"{kind_of(key)} stands where a key must", "a key is one word")
                continue
            if self._check_key(key, value, seen, bool(event.flow_style)):
                entries.append((key, value))
            damaged = damaged or (bool(event.flow_style) and isinstance(value, Scalar) and value.empty)
            seen.setdefault(key.text, key.place)
        return Mapping(tuple(entries), place, bool(event.flow_style), damaged)

    def _check_key(self, key: Scalar, value: Node, seen: dict[str, Place], flow: bool) -> bool:
        if key.text == "<<":
            self.problems.add(key.place, "a merge key (`<<`) stands here", "write the keys out")
        elif key.text in seen:
            first = seen[key.text].line
            hint = f"the first is on line {first}; keep one"
            self.problems.add(key.place, f"`{key.text}` stands twice", hint)
        elif flow and isinstance(value, Scalar) and value.empty:
            self._cut_text(key)
        else:
            return True
        return False

    def _cut_text(self, key: Scalar) -> None:
        rest = self.source.text[key.end : key.end + 40].lstrip()
        if rest.startswith(":"):
            self.problems.add(key.place, f"`{key.text}` has no value", "write one, or delete the key")
        elif re.match(r"[a-z_]+:\S", key.text) and not key.quoted:
            word, _, value = key.text.partition(":")
            self.problems.add(key.place, f"a space is missing after `{word}:`", f"write `{word}: {value}`")
        else:
            hint = "put the whole text in quotes, or write the item as a block, one key a line"
            self.problems.add(key.place, f"a comma cuts a text in two before `{key.text}`", hint)


def _tag(tag: Any) -> str:
    return str(tag).replace("tag:yaml.org,2002:", "!!")


def _syntax_error(error: MarkedYAMLError, source: Source, problems: Problems) -> None:
    """Put what the YAML parser says into words of people who write journeys."""
    mark = error.problem_mark or error.context_mark
    place = source.place(mark.line, mark.column) if mark else Place(source.file)
    said = f"{error.context or ''} {error.problem or ''}"
    message, hint = _translate(said, place)
    if error.context_mark and message in (_OPEN_QUOTE[0], _OPEN_BRACKET[0]):  # where it opens, not where the file ends
        place = source.place(error.context_mark.line, error.context_mark.column)
    problems.add(place, message, hint)


def _translate(said: str, place: Place) -> tuple[str, str]:
    before, rest = place.source_line[: place.column - 1].rstrip(), place.source_line[place.column - 1 :]
    if "expected ',' or '}'" in said or "expected ',' or ']'" in said:
        return _translate_flow(said, before, rest)
    if "mapping values are not allowed" in said and re.fullmatch(r"[ -]*[\w.]+", before):
        return _INDENTATION
    if "mapping values are not allowed" in said:
        return "a second `: ` stands in one line", "put a text that holds `: ` in quotes"
    if "found '<scalar>'" in said and before.endswith(("'", '"')):
        return _AFTER_QUOTE
    if "sequence entries are not allowed" in said:
        return "`- ` stands behind a key", "begin the list on the next line"
    if "could not find expected ':'" in said:
        return "a line without `key: value` stands here", "is a `:` missing, or the indentation wrong?"
    if "cannot start any token" in said:
        return f"`{rest[:1]}` cannot begin a text", "put the text in quotes"
    if "block end" in said or "block mapping" in said or "block collection" in said:
        return _INDENTATION
    if "quoted scalar" in said:
        return _OPEN_QUOTE
    return f"this is not YAML: {' '.join(said.split())}", "compare with the lines above"


_INDENTATION: Final = ("the indentation does not fit the lines above", "keys of one group begin in the same column")
_OPEN_QUOTE: Final = ("a quote mark is opened and not closed", "close it, or escape it by doubling it")
_OPEN_BRACKET: Final = ("`{` or `[` is opened and not closed", "close it, or write the item as a block")
_AFTER_QUOTE: Final = (
    "text stands after a closing quote",
    "a text that begins with a quote mark must be quoted as a whole: \"'vip' in customer.tags\"",
)


def _translate_flow(said: str, before: str, rest: str) -> tuple[str, str]:
    if rest.startswith(("[", "{")):
        return (
            f"`{rest[0]}` stands inside a text within {{...}}",
            "put the text in quotes, or write the item as a block, one key a line",
        )
    if "'<stream end>'" in said or "block" in said:
        return _OPEN_BRACKET
    if rest.startswith(":") and re.fullmatch(r"[a-z_]+", before):  # a key of the journey: we are outside by now
        return _OPEN_BRACKET
    if rest.startswith(":"):
        return "a second `: ` stands in one text within {...}", "put the text in quotes"
    if "<scalar>" in said and before.endswith(("'", '"')):
        return _AFTER_QUOTE
    return "a comma or a closing bracket is missing here", "compare with the lines above"
