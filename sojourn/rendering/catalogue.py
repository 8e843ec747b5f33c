"""The templates of a project as frozen values: what may be sent, in which languages, what a body needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sojourn.rendering.problems import Problem
from sojourn.rendering.yamlread import Located

Need = Literal["required", "guarded"]
CLASSES = ("mandatory", "service", "care", "marketing")
CHANNELS = ("sms", "email")
# The files of a body by channel: the part of the message, and the file in the folder of the locale.
PARTS: Mapping[str, Mapping[str, str]] = {
    "sms": {"text": ".txt"},
    "email": {"subject": "subject.txt", "text": "body.txt", "html": "body.html"},
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable that templates may use: its kind, and where its value comes from.

    `link` names a target of the link service; then there is no expression. Otherwise `expressions` holds
    one expression of the condition language for all locales (key None) or one for each locale. A variable
    that is declared with its type alone has its own name as expression: the event's field, else the
    fact, else the parameter of that name (Q3).
    """

    name: str
    kind: str
    at: Located
    link: str | None = None
    expressions: Mapping[str | None, Located] = field(default_factory=dict)

    def expression(self, locale: str) -> Located | None:
        """The expression for a locale, with its place; None for a link."""
        return self.expressions.get(locale) or self.expressions.get(None)


@dataclass(frozen=True, slots=True)
class Body:
    """One language of one channel of a template.

    `parts` holds the sources (text for SMS; subject, text, html for e-mail, the html as a whole page with
    its styles inlined). `needs` says for each variable whether the body cannot do without it (`required`)
    or asks for it first (`guarded`). Links are not in `needs`: the renderer makes them.
    """

    channel: str
    locale: str
    parts: Mapping[str, str]
    needs: Mapping[str, Need]
    links: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A template: its class, whether it is urgent, and its bodies by (channel, locale).

    `hash` changes with every change of what a customer could read: bodies, layout, signature, class.
    """

    name: str
    klass: str
    urgent: bool
    bodies: Mapping[tuple[str, str], Body]
    hash: str
    at: Located

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that this template has a body for, sms first."""
        return tuple(c for c in CHANNELS if any(channel == c for channel, _ in self.bodies))

    def needs(self, channel: str, locale: str) -> Mapping[str, Need]:
        """What the body needs; KeyError when there is none."""
        return self.bodies[channel, locale].needs


@dataclass(frozen=True, slots=True)
class Links:
    """The link service of the project: where links begin, how long they live, where each target leads."""

    base: str = "https://links.invalid"
    days: int = 30
    targets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SmsFrame:
    """What stands before and after each SMS of a locale; the tail only for the classes in `opt_out_for`."""

    signature: str = ""
    opt_out: str = ""
    opt_out_for: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates of a project, with everything that was wrong in them."""

    templates: Mapping[str, Template]
    variables: Mapping[str, Variable]
    links: Links
    sms: Mapping[str, SmsFrame]
    locales: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def default_locale(self) -> str:
        """The locale that stands in when a customer's own has no body (Q28)."""
        return self.locales[0]

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kind of each variable by name."""
        return {name: variable.kind for name, variable in self.variables.items()}

    def body(self, template: str, channel: str, locale: str) -> Body | None:
        """The body for a locale, else that of the default locale (Q28), else None."""
        found = self.templates.get(template)
        if found is None:
            return None
        return found.bodies.get((channel, locale)) or found.bodies.get((channel, self.default_locale))
