"""The kinds of one text: names, numbers, truth values, choices, small syntaxes, conditions."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sojourn.core.nearest import did_you_mean
from sojourn.definitions.parsed import Kind, Leaf, Schema
from sojourn.definitions.problems import Problems
from sojourn.definitions.reader import Node, Scalar, kind_of

TRAPS: Final = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false"})
NOTHING: Final = frozenset({"null", "~", "Null", "NULL"})


class ScalarKind(Kind):
    """A kind of one text; subclasses give `read`, which raises ValueError(message, hint)."""

    def parse(self, node: Node, problems: Problems) -> Leaf | None:
        """Give a Leaf; a list, a group or nothing is refused here."""
        if not isinstance(node, Scalar) or node.empty:
            problems.add(node.place, f"{kind_of(node)} stands where {self.words()} must")
            return None
        try:
            return Leaf(self.read(node), node)
        except ValueError as error:
            message, hint = (*error.args, "")[:2]
            problems.add(node.place, str(message), str(hint))
            return None

    def read(self, node: Scalar) -> Any:
        """Give the value, or raise ValueError(message, hint)."""
        raise NotImplementedError


@dataclass(frozen=True)
class Text(ScalarKind):
    """Any text; what looks like a number or a truth value stays the text that was written."""

    most: int = 2000
    about: str = "a text"

    def read(self, node: Scalar) -> str:
        """Refuse `null` and what is too long."""
        if node.text in NOTHING and not node.quoted:
            raise ValueError(f"`{node.text}` is no text", "leave the key out, or put the text in quotes")
        if not node.text.strip():
            raise ValueError("an empty text stands here", f"write {self.about}, or delete the key")
        if len(node.text) > self.most:
            raise ValueError(f"this text has {len(node.text):,} characters", f"at most {self.most:,}")
        return node.text

    def schema(self) -> Schema:
        """Unquoted digits are texts, too, so numbers are not refused."""
        return {"type": ["string", "number", "boolean"], "maxLength": self.most, "minLength": 1}

    def words(self) -> str:
        """See `Kind`."""
        return self.about


@dataclass(frozen=True)
class Name(ScalarKind):
    """A name of one kind of thing (`step`, `event type`); whether it exists is checked when linking."""

    of: str
    pattern: str = r"[a-z][a-z0-9_]{0,63}"
    like: str = "small letters, digits and `_`, beginning with a letter"

    def read(self, node: Scalar) -> str:
        """Check the spelling."""
        if not re.fullmatch(self.pattern, node.text, re.ASCII):
            raise ValueError(f"`{node.text[:60]}` is no name of {_a(self.of)}", self.like)
        return node.text

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"type": "string", "pattern": f"^{self.pattern}$"}

    def words(self) -> str:
        """See `Kind`."""
        return f"the name of {_a(self.of)}"


@dataclass(frozen=True)
class Integer(ScalarKind):
    """A whole number within limits."""

    least: int
    most: int

    def read(self, node: Scalar) -> int:
        """Digits only: no 0012, no 12e4, no quotes."""
        text = node.text
        if node.quoted or not re.fullmatch(r"-?(0|[1-9][0-9]{0,15})", text, re.ASCII):
            hint = f"{self.words()}, digits only and without quotes"
            raise ValueError(f"`{text[:60]}` is no whole number", hint)
        if not self.least <= int(text) <= self.most:
            raise ValueError(f"{text} is out of range", self.words())
        return int(text)

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def words(self) -> str:
        """See `Kind`."""
        return f"a whole number from {self.least:,} to {self.most:,}"


@dataclass(frozen=True)
class Boolean(ScalarKind):
    """`true` or `false`, nothing else."""

    def read(self, node: Scalar) -> bool:
        """Refuse yes, no, on, off and quotes with a text of their own."""
        if node.text in ("true", "false") and not node.quoted:
            return node.text == "true"
        lower = node.text.lower()
        if lower in TRAPS:
            meant = "true" if lower in ("yes", "on", "y", "true") else "false"
            raise ValueError(f"`{node.text}` is no truth value here", f"write {meant} without quotes")
        raise ValueError(f"`{node.text[:60]}` is no truth value", "write true or false")

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"type": "boolean"}

    def words(self) -> str:
        """See `Kind`."""
        return "true or false"


@dataclass(frozen=True)
class Choice(ScalarKind):
    """One of a closed list of words."""

    options: tuple[str, ...]
    of: str = "word"

    def read(self, node: Scalar) -> str:
        """Give the word, or the nearest one as a hint."""
        if node.text not in self.options:
            near = did_you_mean(node.text, self.options)
            hint = f"allowed: {', '.join(self.options)}" + (f"; {near}" if near else "")
            raise ValueError(f"`{node.text[:60]}` is no {self.of}", hint)
        return node.text

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"type": "string", "enum": list(self.options)}

    def words(self) -> str:
        """See `Kind`."""
        return " or ".join([", ".join(self.options[:-1]), self.options[-1]] if self.options[1:] else self.options)


@dataclass(frozen=True)
class Parsed(ScalarKind):
    """A text with a small syntax of its own, read by a function that raises ValueError(message, hint)."""

    reader: Callable[[str], Any]
    about: str
    pattern: str = ""
    most: int = 2000

    def read(self, node: Scalar) -> Any:
        """Give what the function gives."""
        if len(node.text) > self.most:
            raise ValueError(f"this text has {len(node.text):,} characters", f"at most {self.most:,}")
        return self.reader(node.text)

    def schema(self) -> Schema:
        """See `Kind`."""
        return {"type": "string", **({"pattern": self.pattern} if self.pattern else {})}

    def words(self) -> str:
        """See `Kind`."""
        return self.about


@dataclass(frozen=True)
class Expr(ScalarKind):
    """A condition or an expression; it is compiled later, when the names in scope are known."""

    about: str = "a condition"
    most: int = 2000

    def read(self, node: Scalar) -> str:
        """Give the text; only emptiness and length are judged here."""
        if not node.text.strip():
            raise ValueError("an empty text stands here", f"write {self.about}, or delete the key")
        if len(node.text) > self.most:
            raise ValueError(f"this text has {len(node.text):,} characters", f"at most {self.most:,}")
        return node.text

    def schema(self) -> Schema:
        """A bare number or true is an expression, too."""
        return {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": self.most}

    def words(self) -> str:
        """See `Kind`."""
        return self.about


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
