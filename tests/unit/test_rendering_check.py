"""What is wrong in the folder of templates is found before anything runs, all at once, with its place."""

import shutil
from pathlib import Path

import pytest

from sojourn.rendering import load_templates
from tests.unit.rendering_project import CATALOGUE, LAYOUT, VARIABLES, load, write

SOURCES = [
    ("Hello {{ nam }}", 1, 10, "unknown variable 'nam'", "did you mean `name`?"),
    ("a\n{{ name | uper }}", 2, 11, "unknown filter 'uper'", "did you mean `upper`?"),
    ("{{ amount | upper }}", 1, 13, "takes text, not money", ""),
    ("{{ docs | join(1) }}", 1, 11, "takes list", ""),
    ("{{ name | join(',') }}", 1, 11, "takes list, not text", ""),
    ("{{ name | default(1) }}", 1, 11, "default gives int where text stands", ""),
    ("{% if amount > name %}{% endif %}", 1, 1, "money cannot be compared with text", ""),
    ("{% if day == '2026-01-01' %}{% endif %}", 1, 1, "date cannot be compared with text", ""),
    ("{{ name == other }}", 1, 1, "bool cannot be printed", ""),
    ("{{ name + other }}", 1, 1, "+ needs numbers", ""),
    ("{{ name if count }}", 1, 1, "a choice needs 'else'", "{{ a if b else c }}"),
    ("{{ name if count else amount }}", 1, 1, "one kind", ""),
    ("{% inclde 'x' %}", 1, 1, "unknown tag", "allowed: if, for"),
    ("{% set x = 1 %}", 1, 1, "the tag 'set' is not allowed", "allowed: if, for"),
    ("{% for d in docs %}{{ d }}{% endfor %}\n{{ d }}", 2, 4, "unknown variable 'd'", ""),
    ("\n\n{{ loop.index }}", 3, 9, "loop.index is not known here", ""),
]


@pytest.mark.parametrize(("source", "line", "column", "message", "hint"), SOURCES)
def test_a_fault_in_a_body_has_its_place_and_a_hint(
    tmp_path: Path, source: str, line: int, column: int, message: str, hint: str
) -> None:
    problem = load(tmp_path, source).problems[0]
    assert problem.file == "templates/sms/note/en.txt"
    assert message in problem.message
    assert hint in problem.hint
    if "unknown tag" not in message:
        assert (problem.line, problem.column) == (line, column)


NEEDS = [
    ("{{ name }}", {"name": "required"}),
    ("{{ name | default('x') }}", {"name": "guarded"}),
    ("{% if name %}{{ name }}{% endif %}", {"name": "guarded"}),
    ("{% if name %}{{ name }}{% endif %}{{ name }}", {"name": "required"}),
    ("{% if not name %}a{% else %}{{ name }}{% endif %}", {"name": "guarded"}),
    ("{% if name is none %}a{% else %}{{ name }}{% endif %}", {"name": "guarded"}),
    ("{% if name is defined %}{{ name }}{% endif %}", {"name": "guarded"}),
    ("{% if name is not defined %}{{ name }}{% endif %}", {"name": "required"}),
    ("{% if name and other %}{{ name }}{{ other }}{% endif %}", {"name": "guarded", "other": "guarded"}),
    ("{% if name or other %}{{ name }}{% endif %}", {"name": "required", "other": "guarded"}),
    ("{% if not (name or other) %}{% else %}{{ name }}{% endif %}", {"name": "required", "other": "guarded"}),
    ("{% if not name or name == 'x' %}a{% endif %}", {"name": "guarded"}),
    ("{% if count and count > 3 %}a{% endif %}", {"count": "guarded"}),
    ("{% if count > 3 %}a{% endif %}", {"count": "required"}),
    ("{% if name %}a{% elif other %}{{ name }}{% endif %}", {"name": "required", "other": "guarded"}),
    ("{% if not name %}a{% elif other %}{{ name }}{% endif %}", {"name": "guarded", "other": "guarded"}),
    ("{{ name if name else 'x' }}", {"name": "guarded"}),
    ("{{ other if name else name }}", {"name": "required", "other": "required"}),
    ("{% for d in docs %}{{ d }}{% endfor %}", {"docs": "required"}),
    ("{% if docs %}{% for d in docs %}{{ d }}{% endfor %}{% endif %}", {"docs": "guarded"}),
    ("{% for d in docs if name %}{{ name }}{% endfor %}", {"docs": "required", "name": "guarded"}),
    ("{{ pay_url }}", {}),
    ("{{ site }}", {"site": "required"}),
]


@pytest.mark.parametrize(("source", "needs"), NEEDS)
def test_a_variable_is_required_unless_every_use_asks_first(tmp_path: Path, source: str, needs: dict[str, str]) -> None:
    templates = load(tmp_path, source)
    assert templates.problems == ()
    assert templates.templates["note"].needs("sms", "en") == needs


def test_the_parts_of_a_mail_need_together(tmp_path: Path) -> None:
    templates = load(
        tmp_path, subject="{{ name }}", text="{{ name | default('x') }}", html="<p>{{ other }} {{ pay_url }}</p>"
    )
    body = templates.templates["note"].bodies["email", "en"]
    assert body.needs == {"name": "required", "other": "required"}
    assert body.links == {"pay_url": "pay"}


@pytest.mark.parametrize("part", ["subject.txt", "body.txt", "body.html"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    root = write(tmp_path, html="<p>a</p>")
    (root / "email" / "note" / "en" / part).unlink()
    assert [problem.file for problem in load_templates(root).problems] == [f"templates/email/note/en/{part}"]


def test_a_missing_locale_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, "a")
    (root / "sms" / "note" / "en.txt").unlink()
    problems = load_templates(root).problems
    assert [(p.file, p.message) for p in problems] == [
        ("templates/sms/note/en.txt", "the text of note in en is missing")
    ]


def test_a_blank_or_broken_file_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, "a")
    (root / "sms" / "note" / "en.txt").write_text(" \n", encoding="utf-8")
    assert "is blank" in load_templates(root).problems[0].message
    (root / "sms" / "note" / "en.txt").write_bytes(b"\xff\xfe")
    assert "cannot be read" in load_templates(root).problems[0].message


def test_what_no_template_owns_is_named(tmp_path: Path) -> None:
    root = write(tmp_path, "a")
    shutil.copytree(root / "sms" / "note", root / "sms" / "noet")
    (root / "sms" / "note" / "fr.txt").write_text("a", encoding="utf-8")
    problems = load_templates(root).problems
    assert [(p.file, p.hint) for p in problems] == [
        ("templates/sms/noet", "did you mean `note`?"),
        ("templates/sms/note/fr.txt", "allowed: en, zh-CN"),
    ]


def test_a_template_without_any_body_is_named(tmp_path: Path) -> None:
    problems = load(tmp_path).problems
    assert [(p.file, p.line) for p in problems] == [("templates/catalogue.yaml", 10)]


YAML = [
    ("catalogue", "  note: {class: service}", "  note: {class: servise}", 10, "one of the four classes"),
    ("catalogue", "  note: {class: service}", "  note: {clas: service}", 10, "unknown key 'clas'"),
    ("catalogue", "  note: {class: service}", "  note: {class: service, urgent: yes}", 10, "true or false"),
    ("catalogue", "  note: {class: service}", "  note: service", 10, "must declare its class"),
    ("catalogue", "  note: {class: service}", "  note: {class: care}\n  note: {class: care}", 11, "stands twice"),
    ("catalogue", "locales: [zh-CN, en]", "locales: [zh-CN, en, xx]", 1, "no formats for the locale"),
    ("catalogue", "locales: [zh-CN, en]", "locales: &a [zh-CN, en]", 1, "anchors and aliases"),
    ("catalogue", "opt_out_for: [care", "opt_out_for: [caer", 3, "unknown class 'caer'"),
    ("catalogue", "templates:", "tempaltes:", 9, "unknown key 'tempaltes'"),
    ("variables", "{type: money,", "{type: mony,", 7, "one of the types"),
    ("variables", "link: pay}", "link: pya}", 12, "unknown target 'pya'"),
    ("variables", "{type: url, link: pay}", "{type: text, link: pay}", 12, "a link is of type url"),
    ("variables", "{type: url, link: pay}", "{type: url, link: pay, value: x}", 12, "a value and a link"),
    ("variables", "https://qc.example", "http://qc.example", 2, "https address"),
    ("variables", "  other: {type: text}", "  event: {type: text}", 6, "no name for a variable"),
    ("variables", "  other: {type: text}", "  Other: {type: text}", 6, "no name for a variable"),
    ("variables", "  other: {type: text}", "  other: {type: !x text}", 6, "tags are not allowed"),
    ("variables", "  other: {type: text}", "  other:", 6, "the value of 'other' is empty"),
    ("variables", ", en: customer.salutation_en", "", 5, "no value in en"),
    ("catalogue", "locales: [zh-CN, en]", "locales: [zh-CN, en, [x]]", 1, "holds texts only"),
    ("variables", "  day:", "\tday:", 8, "not YAML"),
    ("layout", "{{ brand }}", "{{ brnd }}", 1, "unknown hole 'brnd'"),
    ("layout", "{{ note }}", "", 1, "no hole {{ note }}"),
    ("layout", "</mjml>", "", 1, "not MJML"),
]


@pytest.mark.parametrize(("file", "old", "new", "line", "message"), YAML)
def test_a_fault_in_a_declaration_has_its_place(
    tmp_path: Path, file: str, old: str, new: str, line: int, message: str
) -> None:
    sources = {"catalogue": CATALOGUE, "variables": VARIABLES, "layout": LAYOUT}
    assert old in sources[file]
    problems = load(tmp_path, "a", html="<p>a</p>", **{file: sources[file].replace(old, new)}).problems
    assert any(message in p.message and p.line == line for p in problems if f"/{file}." in p.file), problems


def test_a_missing_folder_is_a_problem_and_no_error(tmp_path: Path) -> None:
    problems = load_templates(tmp_path / "templates").problems
    assert [p.file for p in problems] == ["templates/catalogue.yaml", "templates/variables.yaml"]


def test_the_hash_changes_with_what_a_customer_reads_and_with_nothing_else(tmp_path: Path) -> None:
    def digest(**files: str) -> str:
        templates = load(tmp_path, **{"sms": "a", "html": "<p>a</p>", **files})
        assert templates.problems == ()
        return templates.templates["note"].hash

    first = digest()
    assert digest() == first
    assert digest(variables=VARIABLES + "  more: {type: text}\n") == first
    changed = {
        digest(sms="b"),
        digest(html="<p>b</p>"),
        digest(subject="other"),
        digest(catalogue=CATALOGUE.replace("note: {class: service}", "note: {class: care}")),
        digest(catalogue=CATALOGUE.replace("拒收请回复R", "退订回R")),
        digest(layout=LAYOUT.replace("red", "blue").replace("<mj-text>", "<mj-text color='#000'>")),
    }
    assert len(changed | {first}) == 7


def test_an_expression_is_found_by_locale_with_its_place(tmp_path: Path) -> None:
    variables = load(tmp_path, "a").variables
    english = variables["name"].expression("en")
    assert english is not None
    assert (english.text, english.file, english.line) == ("customer.salutation_en", "templates/variables.yaml", 5)
    for name, text in (("amount", "amount_cny"), ("other", "other")):
        found = variables[name].expression("zh-CN")
        assert found is not None
        assert found.text == text
    assert variables["pay_url"].link == "pay"
    assert variables["pay_url"].expression("en") is None
