"""Reads the small YAML files of the templates as text with positions, without any of YAML's traps.

Every plain scalar stays a text (`no`, `010` and `1.10` mean what they say); duplicate keys, tags,
aliases and empty values are problems with a place. Nothing here raises for what a person wrote.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sojourn.rendering.problems import Problem, suggest


@dataclass(frozen=True, slots=True)
class Located:
    """A text with the place where it stands; `line` and `column` count from 1."""

    text: str
    file: str
    line: int
    column: int

    def problem(self, message: str, hint: str = "") -> Problem:
        """A problem that points here."""
        return Problem(self.file, self.line, self.column, message, hint)


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping as it stands in the file; each value is a text, a list of texts or a table."""

    at: Located
    items: tuple[tuple[Located, Located | Table | tuple[Located, ...]], ...] = ()

    def __iter__(self) -> Iterator[tuple[Located, Located | Table | tuple[Located, ...]]]:
        return iter(self.items)

    def get(self, key: str) -> Located | Table | tuple[Located, ...] | None:
        """The value of a key, None when it is not there."""
        return next((value for name, value in self.items if name.text == key), None)

    def text(self, key: str, problems: list[Problem]) -> Located | None:
        """The text of a key; a table or a list there is a problem."""
        value = self.get(key)
        if value is None or isinstance(value, Located):
            return value
        problems.append(self.at.problem(f"{key!r} must be a text"))
        return None

    def table(self, key: str, problems: list[Problem]) -> Table | None:
        """The table of a key; anything else there is a problem."""
        value = self.get(key)
        if value is None or isinstance(value, Table):
            return value
        problems.append(self.at.problem(f"{key!r} must hold keys of its own"))
        return None

    def only(self, allowed: tuple[str, ...], problems: list[Problem]) -> None:
        """Refuses every key that is not allowed, with the nearest one that is."""
        problems.extend(
            key.problem(f"unknown key {key.text!r}", suggest(key.text, allowed))
            for key, _ in self.items
            if key.text not in allowed
        )


def read_table(path: Path, name: str, problems: list[Problem]) -> Table | None:
    """Reads one file; None (and a problem) when it is missing or is no mapping."""
    try:
        source = path.read_text(encoding="utf-8")
        node = YAML(typ="safe", pure=True).compose(source)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(name, 1, 1, f"cannot be read: {type(error).__name__}", "the file must be UTF-8"))
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problems.append(Problem(name, line, column, f"not YAML: {error.problem}"))
        return None
    except (YAMLError, ValueError, RecursionError) as error:
        problems.append(Problem(name, 1, 1, f"not YAML: {type(error).__name__}"))
        return None
    table = _value(node, name, problems) if node is not None else None
    if isinstance(table, Table):
        return table
    problems.append(Problem(name, 1, 1, "must be a mapping of keys to values"))
    return None


def _located(node: Node, name: str, text: str) -> Located:
    return Located(text, name, node.start_mark.line + 1, node.start_mark.column + 1)


def _value(node: Node, name: str, problems: list[Problem]) -> Located | Table | tuple[Located, ...] | None:
    here = _located(node, name, "")
    if node.anchor is not None:
        problems.append(here.problem("anchors and aliases are not allowed", "write the value out"))
        return None
    if isinstance(node, ScalarNode):
        return _scalar(node, name, problems)
    if isinstance(node, SequenceNode):
        items = [_value(item, name, problems) for item in node.value]
        if any(isinstance(item, Table | tuple) for item in items):
            problems.append(here.problem("a list here holds texts only"))
        return tuple(item for item in items if isinstance(item, Located))
    if isinstance(node, MappingNode):
        return _mapping(node, name, problems)
    problems.append(here.problem("unexpected value"))
    return None


def _scalar(node: ScalarNode, name: str, problems: list[Problem]) -> Located | None:
    here = _located(node, name, node.value)
    if str(node.ctag).startswith("!"):
        problems.append(here.problem("tags are not allowed", "remove the word that starts with !"))
        return None
    return here


def _mapping(node: MappingNode, name: str, problems: list[Problem]) -> Table:
    seen: dict[str, Located] = {}
    items: list[tuple[Located, Located | Table | tuple[Located, ...]]] = []
    for key_node, value_node in node.value:
        key = _located(key_node, name, str(key_node.value))
        if key.text in seen:
            problems.append(key.problem(f"the key {key.text!r} stands twice", f"first in line {seen[key.text].line}"))
            continue
        seen[key.text] = key
        if isinstance(value_node, ScalarNode) and not value_node.value and value_node.style is None:
            problems.append(key.problem(f"the value of {key.text!r} is empty"))
            continue
        value = _value(value_node, name, problems)
        if value is not None:
            items.append((key, value))
    return Table(_located(node, name, ""), tuple(items))
