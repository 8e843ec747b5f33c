"""From the text of a condition to Jinja2's syntax tree, with exact offsets.

The tokens are cut here, because the language has fewer of them than Jinja2 and because Jinja2 counts
lines and not columns. Its parser then builds the tree. Each token carries its offset where Jinja2 keeps
the line number, so that ``node.lineno`` of every node of the tree is an offset in the text.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser

from sojourn.core.conditions.model import ConditionError, Problem
from sojourn.core.conditions.words import KEYWORDS, MAX_NESTING, MAX_TEXT
from sojourn.core.types import INT_LIMIT

_ENVIRONMENT: Final = Environment(autoescape=True)  # it only lends its parser; nothing is ever rendered
_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\n]+)
      | (?P<float>[0-9]+\.[0-9]+(?![0-9A-Za-z_.]))
      | (?P<integer>[0-9]+(?![0-9A-Za-z_.]))
      | (?P<badnumber>[0-9][0-9A-Za-z_.]*)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>'[^'\n]*'|"[^"\n]*")
      | (?P<wrong>\*\*|//|&&|\|\||<>|=>|=<|\{\{|\}\}|\{%|%\}|\{\#|\#\})
      | (?P<operator>==|!=|<=|>=|[<>+\-*/()\[\],.|])""",
    re.VERBOSE,
)
_OPERATORS: Final = {
    "==": "eq", "!=": "ne", "<=": "lteq", ">=": "gteq", "<": "lt", ">": "gt", "+": "add", "-": "sub",
    "*": "mul", "/": "div", "(": "lparen", ")": "rparen", "[": "lbracket", "]": "rbracket", ",": "comma",
    ".": "dot", "|": "pipe",
}  # fmt: skip
_INSTEAD: Final = {
    "=": "write `==`", "&&": "write `and`", "||": "write `or`", "!": "write `not` or `!=`",
    "<>": "write `!=`",
    "=>": "write `>=`", "=<": "write `<=`", "{{": "a condition stands without braces",
    "}}": "a condition stands without braces",
    "“": "write the straight quote '", "”": "write the straight quote '",
    "‘": "write the straight quote '", "’": "write the straight quote '",
    "，": "write `,`", "（": "write `(`",
    "）": "write `)`", "＝": "write `==`", "＞": "write `>`", "＜": "write `<`", "！": "write `!=`",
    "。": "write `.`", "、": "write `,`", "~": "texts are joined in a template",
    "'": "the text is not closed on this line", '"': "the text is not closed on this line",
}  # fmt: skip


def read(text: str) -> nodes.Expr:
    """Give the syntax tree of a condition; ``lineno`` of each node is its offset in the text.

    Raises:
        ConditionError: The text is too long, holds characters that are no part of the language, is nested
            too deep, or is not an expression. All wrong characters are told at once.
    """
    if len(text) > MAX_TEXT:
        problem = Problem(MAX_TEXT, f"longer than {MAX_TEXT:,} characters", "say it in several facts or steps")
        raise ConditionError(text, [problem])
    problems: list[Problem] = []
    tokens = list(_tokens(text, problems))
    _check_nesting(tokens, problems)
    if not tokens and not problems:
        problems.append(Problem(0, "the condition is empty", "write what must hold, or leave the key out"))
    if problems:
        raise ConditionError(text, problems)
    return _parse(text, tokens)


def _tokens(text: str, problems: list[Problem]) -> Iterator[Token]:
    at = 0
    last = ""
    test = 0  # how far `is`, `not`, `none` has come: 1 after `is`, so the next word is the test's name
    while at < len(text):
        match = _TOKEN.match(text, at)
        kind = match.lastgroup if match else "wrong"
        piece = match.group() if match else text[at]
        if kind == "wrong" or kind is None:
            problems.append(Problem(at, f"`{_shown(piece)}` is no part of the language", _INSTEAD.get(piece, "")))
        elif kind != "space":
            token = _token(kind, piece, at, last, problems)
            if token is not None:
                yield token
            if test and kind == "name" and piece != "not":
                # `x is none` takes no argument; empty brackets keep Jinja2 from reading the next word as one.
                yield Token(at, "lparen", "(")
                yield Token(at, "rparen", ")")
            test = 1 if kind == "name" and (piece == "is" or (test and piece == "not")) else 0
            last = kind
        at += len(piece)


def _token(kind: str, piece: str, at: int, last: str, problems: list[Problem]) -> Token | None:
    if kind == "operator":
        return Token(at, _OPERATORS[piece], piece)
    if kind == "name":
        small = piece.lower()
        if small in KEYWORDS and small != piece:
            problems.append(Problem(at, f"`{piece}` is not a word of the language", f"write `{small}`"))
        return Token(at, "name", piece)
    if kind == "string":
        return _string(piece, at, last, problems)
    return _number(kind, piece, at, problems)


def _string(piece: str, at: int, last: str, problems: list[Problem]) -> Token | None:
    inner = piece[1:-1]
    if last == "string":
        problems.append(Problem(at, "two texts stand side by side", "put a comma between them"))
    elif "\\" in inner or not (inner.isprintable() or not inner):
        problems.append(Problem(at, "a text holds neither a backslash nor a character that cannot be seen"))
    else:
        return Token(at, "string", inner)
    return None


def _number(kind: str, piece: str, at: int, problems: list[Problem]) -> Token | None:
    whole = piece.partition(".")[0]
    if kind == "badnumber" or (len(whole) > 1 and whole.startswith("0")):
        problems.append(Problem(at, f"`{_shown(piece)}` is not a number", "write digits, as 12 or 0.75"))
    elif len(piece) > 30 or int(whole) > INT_LIMIT:
        problems.append(Problem(at, "the number is too large", "at most 10**15 and 30 digits"))
    else:
        # The value of a float token is an exact decimal here; the checker makes a float where one is met.
        value: object = int(piece) if kind == "integer" else Decimal(piece)
        return Token(at, kind, value)  # type: ignore[arg-type]
    return None


def _check_nesting(tokens: list[Token], problems: list[Problem]) -> None:
    """Refuse what would exhaust the parser's stack: brackets, chains of prefixes, chains of `if`."""
    depth = prefixes = choices = 0
    for token in tokens:
        depth += (token.type in ("lparen", "lbracket")) - (token.type in ("rparen", "rbracket"))
        is_prefix = token.type in ("add", "sub") or (token.type == "name" and token.value == "not")
        prefixes = prefixes + 1 if is_prefix else 0
        choices += token.type == "name" and token.value == "if"
        if max(depth, prefixes, depth + choices) > MAX_NESTING:
            problems.append(too_deep(token.lineno))
            return


def too_deep(offset: int) -> Problem:
    """Give the problem of a condition that is nested beyond the limit."""
    return Problem(offset, f"nested deeper than {MAX_NESTING} levels", "say it in several facts or steps")


class _ExpressionParser(Parser):
    """Jinja2's parser over tokens that were cut here."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(_ENVIRONMENT, "")
        self.stream = TokenStream(iter(tokens), None, None)


def _parse(text: str, tokens: list[Token]) -> nodes.Expr:
    parser = _ExpressionParser(tokens)
    try:
        tree = parser.parse_expression()
        if parser.stream.eos:
            return tree
        at, ended = parser.stream.current.lineno, False
    except TemplateSyntaxError as error:
        at = error.lineno
        ended = parser.stream.current.type == "eof"
    except RecursionError:
        raise ConditionError(text, [too_deep(0)]) from None
    if ended:
        problem = Problem(len(text), "the condition ends too early", "something is missing at the end")
    else:
        shown = next((str(token.value) for token in tokens if token.lineno == at), text[at : at + 1])
        problem = Problem(at, f"`{_shown(shown)}` cannot stand here", "is an operator or a bracket missing before it?")
    raise ConditionError(text, [problem]) from None


def _shown(piece: str) -> str:
    return piece[:40] if piece.isprintable() else ascii(piece[:40])[1:-1]
