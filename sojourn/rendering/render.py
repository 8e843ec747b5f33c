"""Makes the text of one message: complete, escaped, bounded; or an error that concerns it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sojourn.errors import NeverWorks
from sojourn.rendering.catalogue import Body, SmsFrame, Template, Templates
from sojourn.rendering.formats import WrongValue, is_blank
from sojourn.rendering.links import make_link
from sojourn.rendering.program import Budget, Program, TooMuch, build
from sojourn.rendering.sms import measure


class MissingVariable(NeverWorks):
    """A value that the body cannot do without is absent or blank; the message is not sent (Q2)."""

    def __init__(self, template: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            "A value that the template needs is absent",
            next_step="Give it a default in the journey, or guard it in the template",
            template=template,
            names=", ".join(names),
        )


class RenderFailed(NeverWorks):
    """The body could not be rendered; `why` names kinds and limits, never a customer's value."""

    def __init__(self, template: str, why: str) -> None:
        self.why = why
        super().__init__(
            "The template could not be rendered",
            next_step="Correct the template or the value; other messages are not concerned",
            template=template,
            why=why,
        )


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What rendering must know of the message: `klass` is the step's (Q6), `expires` (ms) ends its links.

    `base` is where links begin when a setting moves them; None takes the project's.
    """

    message_id: str
    klass: str
    zone: str
    expires: int
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """The message as it goes out; `locale` is the one that was used, which may be the default (Q28).

    SMS: `text` with signature and tail, and its size on the air. E-mail: `subject`, `text`, `html`.
    """

    locale: str
    text: str
    subject: str | None = None
    html: str | None = None
    sms_encoding: str | None = None
    sms_length: int | None = None
    sms_segments: int | None = None


class _Compiled:
    """One body, ready to run."""

    __slots__ = ("frame", "guarded", "links", "locale", "programs", "required")

    def __init__(self, template: Template, body: Body, kinds: Mapping[str, str], frame: SmsFrame) -> None:
        self.locale, self.frame = body.locale, frame
        self.required = tuple(name for name, need in body.needs.items() if need == "required")
        self.guarded = tuple(name for name, need in body.needs.items() if need == "guarded")
        self.links = tuple(body.links.items())
        self.programs: dict[str, Program] = {
            part: build(source, f"{template.name}/{body.locale}/{part}", kinds, body.locale, html=part == "html")
            for part, source in body.parts.items()
        }


class Renderer:
    """Renders the templates of one publication; safe to use from many tasks, compiles each body once."""

    def __init__(self, templates: Templates, key: bytes) -> None:
        """`key` signs the links; whoever rehearses uses `links.SIMULATION_KEY`."""
        self._templates, self._key = templates, key
        self._compiled: dict[tuple[str, str, str], _Compiled] = {}

    def warm(self) -> None:
        """Compiles every body now, so that no first message pays for it."""
        for template in self._templates.templates.values():
            for channel, locale in template.bodies:
                self._get(template.name, channel, locale)

    def render(
        self, template: str, channel: str, locale: str, values: Mapping[str, Any], message: MessageFacts
    ) -> Rendered:
        """Gives the message, or raises MissingVariable or RenderFailed; `values` are typed."""
        try:
            compiled = self._get(template, channel, locale)
            context = self._context(template, compiled, values, message)
            if channel == "sms":
                return _sms(compiled, context, message)
            return _email(compiled, context)
        except (MissingVariable, RenderFailed):
            raise
        except (WrongValue, TooMuch, _Refused) as error:
            raise RenderFailed(template, str(error)) from error
        except Exception as error:  # a fault in one template must stay with that message
            raise RenderFailed(template, type(error).__name__) from error

    def _get(self, template: str, channel: str, locale: str) -> _Compiled:
        found = self._compiled.get((template, channel, locale))
        if found is not None:
            return found
        body = self._templates.body(template, channel, locale)
        if body is None:
            raise RenderFailed(template, f"there is no {channel} body in {locale}")
        frame = self._templates.sms.get(body.locale, SmsFrame())
        compiled = _Compiled(self._templates.templates[template], body, self._templates.kinds, frame)
        self._compiled[template, channel, locale] = compiled
        return compiled

    def _context(
        self, template: str, compiled: _Compiled, values: Mapping[str, Any], message: MessageFacts
    ) -> dict[str, Any]:
        missing = [name for name in compiled.required if is_blank(values.get(name))]
        if missing:
            raise MissingVariable(template, missing)
        context: dict[str, Any] = {"_budget": Budget(), "_zone": message.zone}
        for name in compiled.required:
            context[name] = _without_blanks(values[name])
        for name in compiled.guarded:
            value = values.get(name)
            context[name] = None if is_blank(value) else _without_blanks(value)
        for name, target in compiled.links:
            given = values.get(name)
            if given is None:
                base = message.base or self._templates.links.base
                given = make_link(base, self._key, target, message.message_id, message.expires)
            context[name] = given
        return context


class _Refused(Exception):
    """What was rendered must not go out."""


def _without_blanks(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [item for item in value if not is_blank(item)]
    return value


def _clean(text: str) -> str:
    """Refuses what no channel can carry: nothing at all, NUL, and halves of surrogate pairs."""
    if not text.strip():
        raise _Refused("there is no text in it")
    if "\x00" in text:
        raise _Refused("a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Refused("half of a surrogate pair") from None
    return text


def _sms(compiled: _Compiled, context: Mapping[str, Any], message: MessageFacts) -> Rendered:
    body = compiled.programs["text"](context)
    frame = compiled.frame
    tail = frame.opt_out if message.klass in frame.opt_out_for else ""
    text = f"{frame.signature}{_clean(body)}{tail}"
    size = measure(text)
    return Rendered(compiled.locale, text, None, None, size.encoding, size.length, size.segments)


def _email(compiled: _Compiled, context: dict[str, Any]) -> Rendered:
    subject = compiled.programs["subject"](context)
    # str.splitlines knows every character that some mail server takes for a line end.
    if len(subject.splitlines()) > 1 or not subject.isprintable():
        raise _Refused("a line break or control character in the subject")
    context["_budget"] = Budget()
    text = compiled.programs["text"](context)
    context["_budget"] = Budget()
    html = compiled.programs["html"](context)
    return Rendered(compiled.locale, _clean(text), _clean(subject), _clean(html))
