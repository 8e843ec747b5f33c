"""Folders of small projects for the tests of definitions: the reference insurer's declarations, own journeys."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from textwrap import dedent

from sojourn.definitions.problems import Problem
from sojourn.definitions.project import Project, find_problems, load_project

ROOT = Path(__file__).resolve().parents[2]
DECLARED = ("schemas", "rules.yaml", "parameters.yaml")
# A few of the reference insurer's templates: reading all of them takes most of the time of a test.
TEMPLATES = ("renewal_t3", "renewal_t30", "claim_ack", "claim_paid", "birthday_vip", "birthday_basic")

FIRST = """
journey: first
name: {zh: 一, en: One}
stage: serve
class: service
priority: 50
start: {when: payment.due_scheduled}
key: [policy_id, installment_no]
again: never
facts:
  due_date: event.due_date
  amount: event.amount_cny
  product: event.product_name
schedule:
  - {id: t3, at: 3 days before due_date 09:00, send: renewal_t3, by: sms}
goal: {when: payment.received, if: event.outstanding_cny <= 0}
exit: {when: policy.lapsed, because: lapsed}
expire: 75 days after due_date
"""
SECOND = """
journey: second
name: {zh: 二, en: Two}
stage: serve
class: service
priority: 40
start: {when: claim.filed}
key: [claim_id]
again: after exit
facts: {claim_no: event.claim_no}
flow:
  - {id: ack, send: claim_ack, by: sms}
  - {wait: 1 day}
react:
  - {when: claim.paid, do: [{id: paid, send: claim_paid, by: sms}]}
expire: 30 days after start
"""


def folder(at: Path, journeys: tuple[str, ...] = (), **files: str) -> Path:
    """Make a project folder; ``files`` replace a declaration (`rules`, `parameters`, `calendar`, ...)."""
    (at / "journeys").mkdir(parents=True)
    for name in DECLARED:
        (at / name).symlink_to(ROOT / name)
    (at / "templates").symlink_to(_templates())
    for name, text in files.items():
        _replace(at, name, text)
    for text in journeys:
        source = dedent(text).lstrip("\n")
        name = source.split("\n", 1)[0].removeprefix("journey: ")
        (at / "journeys" / f"{name}.yaml").write_text(source, encoding="utf-8")
    return at


@cache
def _templates() -> Path:
    """Give a folder with the few templates."""
    at = Path(mkdtemp(prefix="sojourn-templates-"))
    source = ROOT / "templates"
    head, entries = (source / "catalogue.yaml").read_text(encoding="utf-8").split("\ntemplates:\n")
    kept = [line for line in entries.splitlines() if line.split(":")[0].strip() in TEMPLATES]
    text = "\n".join([head, "templates:", *kept, ""])
    (at / "catalogue.yaml").write_text(text, encoding="utf-8")
    for name in ("variables.yaml", "layout.mjml"):
        (at / name).symlink_to(source / name)
    for channel in ("sms", "email"):
        (at / channel).mkdir()
        for name in TEMPLATES:
            if (source / channel / name).is_dir():
                (at / channel / name).symlink_to(source / channel / name)
    return at


def _replace(at: Path, name: str, text: str) -> None:
    """Put another text in the place of a declared file; the rest of its folder stays linked."""
    if name in ("rules", "parameters"):
        (at / f"{name}.yaml").unlink()
        (at / f"{name}.yaml").write_text(text, encoding="utf-8")
        return
    if (at / "schemas").is_symlink():
        (at / "schemas").unlink()
        (at / "schemas").mkdir()
        for path in (ROOT / "schemas").iterdir():
            if path.is_file():
                (at / "schemas" / path.name).symlink_to(path)
    (at / "schemas" / f"{name}.yaml").unlink(missing_ok=True)
    (at / "schemas" / f"{name}.yaml").write_text(text, encoding="utf-8")


def declared(name: str) -> str:
    """Give the reference insurer's text of a declaration."""
    path = ROOT / (f"{name}.yaml" if name in ("rules", "parameters") else f"schemas/{name}.yaml")
    return path.read_text(encoding="utf-8")


def loaded(at: Path, *journeys: str, **files: str) -> Project:
    """Load a project of these journeys."""
    return load_project(folder(at, journeys, **files))


def errors(at: Path, *journeys: str, **files: str) -> list[Problem]:
    """Give the errors of a project of these journeys."""
    return find_problems(folder(at, journeys, **files))[1].errors


def told(problems: list[Problem]) -> list[str]:
    """Give problems as `file:line: message`."""
    return [f"{one.file}:{one.line}: {one.message}" for one in problems]
