"""Links every send step to the templates: each variable is proved to be there, or is a problem (Q2, Q6, Q28)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sojourn.core.book import SendNode, Supply
from sojourn.core.conditions import Expression
from sojourn.core.nearest import did_you_mean
from sojourn.definitions.linking import Compiled
from sojourn.definitions.narrowing import narrowed
from sojourn.definitions.problems import Place, Problem, Problems
from sojourn.definitions.rules import CLASSES
from sojourn.definitions.variables import NotFound, Sources
from sojourn.rendering.catalogue import Template, Templates

NodeKey = tuple[str, str, str]  # ref, channel, locale
_CONSENTED: Final = ("care", "marketing")


@dataclass(frozen=True, slots=True)
class Supplied:
    """What the templates of one journey version take, what is wrong, and the event fields that must be kept."""

    supplies: Mapping[NodeKey, tuple[Supply, ...]]
    reads: Mapping[str, frozenset[str]]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateLinker:
    """Links journeys against one set of templates."""

    templates: Templates
    festivals: frozenset[str] = frozenset()

    def link(self, source: Compiled) -> Supplied:
        """Give the supplies of all send steps of a journey, with every problem found."""
        run = _Linking(self, source, Problems())
        for ref, node in source.journey.nodes.items():
            if isinstance(node, SendNode):
                run.node(ref, node)
        return Supplied(run.supplies, run.reads(), tuple(run.problems))


@dataclass(slots=True)
class _Linking:
    """The linking of one journey under way."""

    linker: TemplateLinker
    source: Compiled
    problems: Problems
    supplies: dict[NodeKey, tuple[Supply, ...]] = field(default_factory=dict)
    wanted: dict[str, set[str]] = field(default_factory=dict)

    def node(self, ref: str, node: SendNode) -> None:
        """Link one send step."""
        place = self.source.places.get(ref, Place(f"journeys/{self.source.journey.id}.yaml"))
        templates = self.linker.templates
        template = templates.templates.get(node.template)
        if template is None:
            hint = did_you_mean(node.template, templates.templates)
            self.problems.add(place, f"there is no template `{node.template}`", hint)
            return
        self._class(node, template, place)
        channels = self._channels(node, template, place)
        for channel in channels:
            for locale in templates.locales:
                if (channel, locale) in template.bodies:
                    self._body(ref, node, template, channel, locale, place)

    def _class(self, node: SendNode, template: Template, place: Place) -> None:
        """The step decides the class; the template's own may not be weaker (Q6)."""
        step, own = CLASSES.index(node.delivery.klass), CLASSES.index(template.klass)
        if own <= step:
            return
        said = f"template `{template.name}` is {template.klass}, and step `{node.id}` sends it as {node.delivery.klass}"
        if template.klass in _CONSENTED:
            hint = f"make the step {template.klass}, or send a template of class {node.delivery.klass} or stronger"
            self.problems.add(place, said, hint)
        else:
            self.problems.add(place, said, "it reaches those, too, who want no contact", "note")

    def _channels(self, node: SendNode, template: Template, place: Place) -> list[str]:
        """Give the channels that have a body; one without is refused, but in first_of one is enough (Q28)."""
        bodies = {channel for channel, _ in template.bodies}
        for group in node.by:
            if not bodies.intersection(group):
                said = " or ".join(group)
                hint = f"it has one for {', '.join(sorted(bodies))}" if bodies else "it has none at all"
                self.problems.add(place, f"template `{template.name}` has no body for {said}", hint)
        wanted = dict.fromkeys(channel for group in node.by for channel in group)
        default = self.linker.templates.default_locale
        for channel in wanted:
            if channel in bodies and (channel, default) not in template.bodies:
                self.problems.add(place, f"template `{template.name}` has no {channel} body in {default}", "add it")
        return [channel for channel in wanted if channel in bodies]

    def _body(self, ref: str, node: SendNode, template: Template, channel: str, locale: str, place: Place) -> None:
        templates = self.linker.templates
        sources = Sources(
            narrowed(self.source, ref, self.linker.festivals),
            node.values,
            self.source.parameters,
            templates.variables,
            locale,
        )
        found: list[Supply] = []
        for name, need in template.bodies[channel, locale].needs.items():
            kind = templates.kinds.get(name, "text")
            got = sources.find(name, kind, need == "required")
            if isinstance(got, NotFound):
                if need == "required":
                    where = f"`{name}` of template `{template.name}` ({channel}, {locale})"
                    self.problems.add(place, f"{where} is not provided at step `{node.id}`: {got.why}", got.hint)
                continue
            found.append(Supply(name, got.value, kind, need == "required"))
            if isinstance(got.value, Expression):
                self._keep(ref, got.value)
        self.supplies[ref, channel, locale] = tuple(found)

    def _keep(self, ref: str, value: Expression) -> None:
        """Remember the event fields that a message takes when it goes out, long after the event."""
        fields = {name for root, name in value.reads if root == "event"}
        for type_name in self.source.event_types.get(ref, ()) if fields else ():
            self.wanted.setdefault(type_name, set()).update(fields)

    def reads(self) -> dict[str, frozenset[str]]:
        """Give what must be kept of each event type: what the journey's own steps read and what templates take."""
        reads = dict(self.source.journey.reads)
        for name, fields in self.wanted.items():
            reads[name] = reads.get(name, frozenset()) | fields
        return reads
