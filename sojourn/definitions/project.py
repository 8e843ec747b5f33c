"""A whole project folder, parsed, compiled and checked: what a publication is made of.

Everything is read before anything is refused, so that all problems of all files come at once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from sojourn.core.book import ProfileSchema, Rules
from sojourn.core.calendar import Calendar
from sojourn.core.nearest import did_you_mean
from sojourn.definitions.calendar_file import read_calendar
from sojourn.definitions.calls import CallType, read_calls
from sojourn.definitions.catalogue import Catalogue, CatalogueError, load_catalogue
from sojourn.definitions.compiler import compile_journey, cross_check
from sojourn.definitions.foreign import ForeignTopic
from sojourn.definitions.glossary import Words, read_glossary
from sojourn.definitions.journey import JourneyTree, parse_journey
from sojourn.definitions.linking import Compiled, Context
from sojourn.definitions.parameters import Parameter, read_parameters
from sojourn.definitions.problems import DefinitionError, Place, Problem, Problems
from sojourn.definitions.profile import ProfileFile, read_profile
from sojourn.definitions.promise_forms import Promise
from sojourn.definitions.promised import read_promises
from sojourn.definitions.reader import Mapping as MappingNode
from sojourn.definitions.reader import read_bytes, read_file
from sojourn.definitions.rules import DeliveryDefaults, RulesFile, read_rules
from sojourn.definitions.supplies import Supplied, TemplateLinker
from sojourn.definitions.topics_file import FILE as TOPICS
from sojourn.definitions.topics_file import read_topics
from sojourn.rendering import Links, Templates, load_templates

PROFILE: Final = "schemas/profile.yaml"
CALENDAR: Final = "schemas/calendar.yaml"
GLOSSARY: Final = "schemas/glossary.yaml"
CALLS: Final = "schemas/calls.yaml"
RULES: Final = "rules.yaml"
PARAMETERS: Final = "parameters.yaml"
JOURNEYS: Final = "journeys"
TEMPLATES: Final = "templates"


@dataclass(frozen=True, slots=True)
class Project:
    """A project without an error.

    Attributes:
        catalogue: Event types, and the profile as values from outside are checked against it.
        profile: The profile as the rules see it.
        personal: Fields that identify a person.
        sources: Rule -> (since, source), for people.
        journeys: Compiled journeys by id, version 1 each; a publication numbers them.
        supplied: Per journey: where the variables of its templates come from.
        promises: Per journey: its promises, parsed.
        topics: Topics of someone else's, and what their records become.
        notes: Findings that forbid nothing.
    """

    folder: Path
    catalogue: Catalogue
    profile: ProfileSchema
    personal: frozenset[str]
    rules: Rules
    delivery: DeliveryDefaults
    sources: Mapping[str, tuple[str, str]]
    calendar: Calendar
    words: Words
    parameters: Mapping[str, Parameter]
    calls: Mapping[str, CallType]
    templates: Templates
    journeys: Mapping[str, Compiled]
    supplied: Mapping[str, Supplied]
    promises: Mapping[str, tuple[Promise, ...]]
    topics: Mapping[str, ForeignTopic]
    notes: tuple[Problem, ...] = ()

    @property
    def linker(self) -> TemplateLinker:
        """Give what links journeys against the templates of this project."""
        return TemplateLinker(self.templates, frozenset(self.calendar.festivals))

    @property
    def journey_digests(self) -> dict[str, str]:
        """Give the digest of each journey's content; a change counts its version up (Q43)."""
        return {name: one.journey.digest for name, one in self.journeys.items()}

    @property
    def template_digests(self) -> dict[str, str]:
        """Give the digest of each template's content."""
        return {name: one.hash for name, one in self.templates.templates.items()}

    @property
    def digests(self) -> dict[str, str]:
        """Give all digests in one: `journey:NAME` and `template:NAME`."""
        journeys = {f"journey:{name}": digest for name, digest in self.journey_digests.items()}
        return journeys | {f"template:{name}": digest for name, digest in self.template_digests.items()}


@dataclass(slots=True)
class _Loading:
    """A project being read; ``problems`` takes what is wrong in any file."""

    folder: Path
    problems: Problems = field(default_factory=Problems)

    def read(self, file: str, *, required: bool = True) -> MappingNode | None:
        """Give the root of a file; one that need not be there may be missing."""
        path = self.folder / file
        if not required and not path.exists():
            return None
        try:
            raw = path.read_bytes()
        except OSError:
            return read_file(path, file, self.problems)  # which says why it cannot be read
        node, problems = _parsed(raw, file)
        self.problems.extend(problems)
        return node


@lru_cache(maxsize=64)
def _parsed(raw: bytes, file: str) -> tuple[MappingNode | None, tuple[Problem, ...]]:
    """Give the nodes of a file's bytes; publications carry whole projects of which most files are as before."""
    problems = Problems()
    node = read_bytes(raw, file, problems)
    return node, tuple(problems)


@dataclass(frozen=True, slots=True)
class _Declared:
    """What is declared once for a project (language.md)."""

    catalogue: Catalogue
    profile: ProfileFile
    rules: RulesFile
    calendar: Calendar
    words: Words
    parameters: Mapping[str, Parameter]
    calls: Mapping[str, CallType]
    templates: Templates
    topics: Mapping[str, ForeignTopic]

    def context(self) -> Context:
        """Give what journeys may name."""
        return Context(
            events=self.catalogue.types,
            customer=self.profile.schema.types,
            params=self.parameters,
            templates=frozenset(self.templates.templates),
            calls=self.calls,
            glossary={table: frozenset(codes) for table, codes in self.words.items()},
            valid_for=self.rules.delivery.valid_for,
            catch_up=self.rules.delivery.catch_up,
            drop=self.rules.delivery.drop,
        )


def load_project(folder: Path, journeys: Collection[str] | None = None) -> Project:
    """Give the project of a folder, parsed, compiled, linked and free of errors.

    Calendar, glossary, calls, parameters, templates and journeys may be missing; then there are none.

    Args:
        folder: The project folder.
        journeys: Ids of the journeys to take; None: all. An id that does not exist is an error.

    Raises:
        DefinitionError: With all problems of all files.
    """
    loading = _Loading(Path(folder))
    project = _load(loading, journeys)
    loading.problems.stop_on_errors()
    assert project is not None  # what keeps a project from being made is always noted as an error
    return project


def find_problems(folder: Path, journeys: Collection[str] | None = None) -> tuple[Project | None, Problems]:
    """Give the project, or None, and everything found in it: errors, warnings and notes."""
    loading = _Loading(Path(folder))
    project = _load(loading, journeys)
    return (None if loading.problems.errors else project), loading.problems


def _load(loading: _Loading, wanted: Collection[str] | None) -> Project | None:
    trees = _journey_files(loading, wanted)
    declared = _declared(loading)
    if declared is None:
        return None
    compiled = _compile(trees, declared.context(), loading.problems)
    linker = TemplateLinker(declared.templates, frozenset(declared.calendar.festivals))
    supplied = {name: linker.link(one) for name, one in compiled.items()}
    for one in supplied.values():
        loading.problems.extend(one.problems)
    promises = {name: read_promises(one, declared.context(), loading.problems) for name, one in compiled.items()}
    return Project(
        folder=loading.folder,
        catalogue=declared.catalogue,
        profile=declared.profile.schema,
        personal=declared.profile.personal,
        rules=declared.rules.rules,
        delivery=declared.rules.delivery,
        sources=declared.rules.sources,
        calendar=declared.calendar,
        words=declared.words,
        parameters=declared.parameters,
        calls=declared.calls,
        templates=declared.templates,
        journeys=compiled,
        supplied=supplied,
        promises=promises,
        topics=declared.topics,
        notes=tuple(one for one in loading.problems if one.severity != "error"),
    )


def _declared(loading: _Loading) -> _Declared | None:
    """Read what is declared once; None when journeys cannot be judged without what is missing."""
    problems = loading.problems
    calendar_node = loading.read(CALENDAR, required=False)
    calendar = Calendar() if calendar_node is None else read_calendar(calendar_node, problems)
    words = read_glossary(node, problems) if (node := loading.read(GLOSSARY, required=False)) else {}
    parameters = read_parameters(node, problems) if (node := loading.read(PARAMETERS, required=False)) else {}
    calls = read_calls(node, problems) if (node := loading.read(CALLS, required=False)) else {}
    templates = _templates(loading)
    catalogue = _catalogue(loading)
    node = loading.read(TOPICS, required=False)
    topics = read_topics(node, catalogue, problems) if node is not None and catalogue is not None else {}
    node = loading.read(PROFILE)
    events = catalogue.fields if catalogue is not None else None
    profile = read_profile(node, events, problems) if node is not None and events is not None else None
    node = loading.read(RULES)
    customer = profile.schema.types if profile is not None else {}
    roles = profile.schema.roles if profile is not None else None
    rules = read_rules(node, customer, roles, problems) if node is not None and profile is not None else None
    if catalogue is None or profile is None or rules is None:
        return None
    return _Declared(catalogue, profile, rules, calendar or Calendar(), words, parameters, calls, templates, topics)


def _catalogue(loading: _Loading) -> Catalogue | None:
    try:
        return load_catalogue(loading.folder)
    except CatalogueError as error:
        loading.problems.add(Place(error.file, error.line), error.what, error.next_step)
    except DefinitionError as error:
        loading.problems.extend(error.problems)
    return None


def _templates(loading: _Loading) -> Templates:
    folder = loading.folder / TEMPLATES
    if not folder.is_dir():
        return Templates({}, {}, Links(), {}, ("zh-CN",), ())
    templates = load_templates(folder)
    for one in templates.problems:
        source = _line(loading.folder / one.file, one.line)
        loading.problems.add(Place(one.file, one.line, one.column, source), one.message, one.hint)
    return templates


def _line(path: Path, number: int) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _journey_files(loading: _Loading, wanted: Collection[str] | None) -> list[JourneyTree]:
    """Give the trees of the journeys that were asked for; tests of journeys lie beside them and are left out."""
    folder = loading.folder / JOURNEYS
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    stems = {path.stem: path for path in paths if not path.name.endswith(".test.yaml")}
    for name in sorted(wanted or ()):
        if name not in stems:
            hint = did_you_mean(name, stems) or f"there are: {', '.join(stems) or 'none'}"
            loading.problems.add(Place(f"{JOURNEYS}/{name}.yaml"), f"there is no journey `{name}`", hint)
    _refuse_unread(loading, folder)
    trees: list[JourneyTree] = []
    for stem in stems:
        if wanted is not None and stem not in wanted:
            continue
        file = f"{JOURNEYS}/{stem}.yaml"
        node = loading.read(file)
        tree = parse_journey(node, file, loading.problems) if node is not None else None
        if tree is not None:
            trees.append(tree)
    return trees


def _refuse_unread(loading: _Loading, folder: Path) -> None:
    """A journey that nobody reads must not look as if it were on: `.yml`, or one folder too deep."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        ending = path.suffix.lower()
        if ending not in (".yml", ".yaml") or (path.parent == folder and path.suffix == ".yaml"):
            continue
        hint = f"a journey lies in {JOURNEYS}/ itself and its name ends in .yaml: move it, or give it another ending"
        loading.problems.add(Place(path.relative_to(loading.folder).as_posix()), "this file is not read", hint)


def _compile(trees: list[JourneyTree], context: Context, problems: Problems) -> dict[str, Compiled]:
    compiled = [one for tree in trees if (one := compile_journey(tree, context, problems)) is not None]
    cross_check(compiled, problems)
    return {one.journey.id: one for one in compiled}
