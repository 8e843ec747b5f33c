"""Where one variable of a template comes from at one send step (Q2, Q3).

Looked up in this order: the step's `with`, the event being handled or awaited, facts and key fields, parameters,
the project's variables (templates/variables.yaml). An expression there may use the same names bare.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sojourn.core.book import Value
from sojourn.core.conditions import ConditionError, Expression, Frame, Scope, compile_expression
from sojourn.core.types import Type
from sojourn.definitions.parameters import Parameter
from sojourn.rendering.catalogue import Variable

_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text",),
    "url": ("text",),
    "money": ("decimal", "int"),
    "date": ("date",),
    "datetime": ("instant",),
    "int": ("int",),
    "list": ("list", "set"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A source that fits: what gives the value, and whether it may be absent."""

    value: Value
    nullable: bool


@dataclass(frozen=True, slots=True)
class NotFound:
    """No source fits; ``why`` is half a sentence for the error, ``hint`` says what would help."""

    why: str
    hint: str = ""


class Sources:
    """All that a send step can take values from, in one locale."""

    def __init__(
        self,
        scope: Scope,
        values: Mapping[str, Value],
        parameters: Mapping[str, Parameter],
        variables: Mapping[str, Variable],
        locale: str,
    ) -> None:
        self.values = values
        self.parameters = parameters
        self.variables = variables
        self.locale = locale
        self.scope = replace(scope, params={name: one.type for name, one in parameters.items()})
        self.local = {name: value_in(one, locale) for name, one in parameters.items()}
        self.bare_scope = replace(self.scope, bare=_bare(self.scope))

    def find(self, name: str, kind: str, required: bool) -> Found | NotFound:
        """Give the first source of a variable.

        Where a required variable finds an event's field that may be absent, the next source stands in for it.

        Args:
            name: The variable, as the template writes it.
            kind: Its type as declared: text, money, date, datetime, int, url, list.
            required: Whether the template cannot do without it; then the source may not be absent.
        """
        if name in self.values:
            return self._with(name, kind, required)
        variable = self.variables.get(name)
        texts = self._texts(name)
        own = variable.expression(self.locale) if variable is not None else None
        if own is not None and own.text != name:
            texts.append((own.text, None))
        if not texts:
            return NotFound("nothing here has that name", _where(name, self.scope))
        return self._first(name, texts, kind, required)

    def _texts(self, name: str) -> list[tuple[str, Type | None]]:
        """Give the named sources as expressions with their types, in the order of Q3."""
        texts: list[tuple[str, Type | None]] = []
        if self.scope.event is not None and name in self.scope.event:
            texts.append((f"event.{name}", self.scope.event[name]))
        if name in self.scope.facts:
            texts.append((name, self.scope.facts[name]))
        if name in self.scope.params:
            texts.append((f"param.{name}", self.scope.params[name]))
        return texts

    def _first(self, name: str, texts: list[tuple[str, Type | None]], kind: str, required: bool) -> Found | NotFound:
        """Compile the first source; further ones stand in only where it may be absent and must not be.

        In these expressions the variable's own bare name means the fact: the event's field is written out.
        """
        text, declared = texts[0]
        for fallback, other in texts[1:]:
            if not required or declared is None or not declared.nullable:
                break
            text, declared = f"({text}) | default({fallback})", other
        bare = {known: source for known, source in self.bare_scope.bare.items() if known != name}
        return self._compiled(text, replace(self.scope, bare=bare), kind, required)

    def _compiled(self, text: str, scope: Scope, kind: str, required: bool) -> Found | NotFound:
        try:
            expression = compile_expression(text, scope)
        except ConditionError as error:
            first = error.problems[0]
            return NotFound(f"`{text}` cannot be computed here: {first.message}", first.hint)
        if expression.type.kind not in _KINDS[kind]:
            return NotFound(f"`{text}` is {expression.type.describe()}, and a variable of type {kind} is wanted")
        if required and expression.type.nullable:
            hint = "give a default in the journey, or guard it in the template with `{% if ... %}`"
            return NotFound(f"`{text}` may be absent", hint)
        return Found(self._local(expression), expression.type.nullable)

    def _local(self, expression: Expression) -> Expression:
        """Let an expression read texts that differ by language in the locale of the message."""
        if not any(root == "param" and self.parameters[name].texts for root, name in expression.reads):
            return expression
        run, params = expression.run, self.local

        def with_local_params(frame: Frame) -> Any:
            before, frame.params = frame.params, params
            try:
                return run(frame)
            finally:
                frame.params = before

        return replace(expression, run=with_local_params)

    def _with(self, name: str, kind: str, required: bool) -> Found | NotFound:
        value = self.values[name]
        if isinstance(value, Expression):
            if value.type.kind not in _KINDS[kind]:
                return NotFound(f"`with` gives {value.type.describe()}, and a variable of type {kind} is wanted")
            if required and value.type.nullable:
                return NotFound("what `with` gives may be absent", f"write `= {value.text} | default(...)`")
            return Found(self._local(value), value.type.nullable)
        constant = value.get(self.locale) if isinstance(value, Mapping) else value
        if constant is None:
            return NotFound(f"`with` has no text in {self.locale}", "write zh and en")
        if kind not in ("text", "url"):
            return NotFound(f"`with` gives a text, and a variable of type {kind} is wanted", "write `= ...`")
        return Found(constant, False)


def _bare(scope: Scope) -> dict[str, tuple[str, Type]]:
    """Give the names that a project variable may use bare; the event before facts before parameters (Q3)."""
    found = {name: ("params", declared) for name, declared in scope.params.items()}
    found |= {name: ("facts", declared) for name, declared in scope.facts.items()}
    return found | {name: ("event", declared) for name, declared in (scope.event or {}).items()}


def _where(name: str, scope: Scope) -> str:
    """Say where a value could come from."""
    near = "" if scope.event is None else " the event,"
    return f"it could come from{near} a fact, a parameter, `with: {{{name}: ...}}` or templates/variables.yaml"


def value_in(parameter: Parameter, locale: str) -> Any:
    """Give the value of a parameter in a locale."""
    return parameter.value if parameter.texts is None else parameter.texts.get(locale)
