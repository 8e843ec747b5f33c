"""Canonical formatting of YAML files: one look for everybody, comments survive, content never changes."""

import re
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from sojourn.definitions.problems import DefinitionError, Problem, Problems
from sojourn.definitions.reader import plain, read_text

WIDTH: Final = 110
_CUTS: Final = re.compile(r"[\[\]{},'\"]|: ")
_CONDITIONS: Final = frozenset({"if", "becomes"})


class _Texts(VersionedResolver):
    """Takes every scalar as text, so that 0012, 1.10 and yes come out as they went in."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        return (
            super().resolve(kind, None, (False, False))
            if isinstance(value, str)
            else super().resolve(kind, value, implicit)
        )


def format_text(text: str, file: str) -> str:
    """Give the text in canonical form; formatting it again changes nothing.

    Two spaces a level, lists indented below their key, no blanks at line ends, at most one empty line. An
    item in {...} whose condition holds a list, a quote or `: `, or that is wider than 110 columns, becomes a
    block. Keys keep their order: unnamed steps are counted in it.

    Raises:
        DefinitionError: The file cannot be read; its problems say why.
    """
    problems = Problems()
    root = read_text(text, file, problems)
    problems.stop_on_errors()
    assert root is not None
    yaml = YAML()
    yaml.Resolver = _Texts
    yaml.preserve_quotes = True
    yaml.width = 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    data = yaml.load(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    _open(data, 0)
    out = StringIO()
    yaml.dump(data, out)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    result = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"
    after = read_text(result, file, problems)
    if after is None or plain(after) != plain(root):
        message = "formatting would change the content of this file"
        raise DefinitionError([Problem(file, 1, 1, message, "write its longest items as blocks")])
    return result


def _open(node: Any, indent: int) -> None:
    """Make blocks of items in brackets that read badly on one line; ``indent``: the column where it stands."""
    if isinstance(node, CommentedMap):
        for key, value in node.items():
            _open_inside(node, key, value, indent + (len(str(key)) + 2 if _is_flow(value) else 2))
    elif isinstance(node, CommentedSeq):
        for n, item in enumerate(node):
            _open_inside(node, n, item, indent + 2)


def _open_inside(parent: Any, key: Any, node: Any, indent: int) -> None:
    if _is_flow(node) and (indent + _length(node) > WIDTH or _holds_a_list(node)):
        node.fa.set_block_style()
        _move_comment(parent, key, node)
    _open(node, indent)


def _move_comment(parent: Any, key: Any, node: Any) -> None:
    """Let a comment behind a closing bracket follow the last line of the block that it becomes."""
    slot = 0 if isinstance(parent, CommentedSeq) else 2
    tokens = parent.ca.items.get(key)
    if not tokens or tokens[slot] is None or not node:
        return
    token, tokens[slot] = tokens[slot], None
    token.start_mark.column = 0  # one blank before it
    if isinstance(node, CommentedMap):
        node.ca.items[next(reversed(node))] = [None, None, token, None]
    else:
        node.ca.items[len(node) - 1] = [token, None]


def _is_flow(node: Any) -> bool:
    return isinstance(node, CommentedMap | CommentedSeq) and bool(node.fa.flow_style())


def _holds_a_list(node: Any) -> bool:
    """Whether a condition inside brackets holds what a reader, or YAML, takes for an end of the text."""
    return isinstance(node, CommentedMap) and any(
        key in _CONDITIONS and _CUTS.search(str(value)) for key, value in node.items()
    )


def _length(node: Any) -> int:
    """How many columns a node takes on one line in brackets."""
    if isinstance(node, CommentedMap):
        return 2 + sum(len(str(key)) + 2 + _length(value) + 2 for key, value in node.items()) - 2
    if isinstance(node, CommentedSeq):
        return 2 + sum(_length(item) + 2 for item in node) - 2
    quotes = 2 if isinstance(node, SingleQuotedScalarString | DoubleQuotedScalarString) else 0
    return quotes + sum(2 if ord(char) > 0x2E7F else 1 for char in str(node))
