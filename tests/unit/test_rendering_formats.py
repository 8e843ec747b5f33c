"""What a value looks like in a message: by kind, by language, by zone; never None, never a blank."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from sojourn.rendering import SIMULATION_KEY, MessageFacts, MissingVariable, Renderer, RenderFailed
from tests.unit.rendering_project import FACTS, load, text_of

CASES = [
    ("{{ amount }}", {"amount": Decimal(6800)}, "6,800.00", "6,800.00"),
    ("{{ amount }}", {"amount": Decimal("0.5")}, "0.50", "0.50"),
    ("{{ amount }}", {"amount": Decimal("-1234567.895")}, "-1,234,567.90", "-1,234,567.90"),
    ("{{ amount }}", {"amount": 12}, "12.00", "12.00"),
    ("{{ day }}", {"day": date(2026, 3, 31)}, "2026年3月31日", "31 Mar 2026"),
    ("{{ day }}", {"day": date(2028, 12, 1)}, "2028年12月1日", "1 Dec 2028"),
    ("{{ moment }}", {"moment": 1_774_951_200_000}, "2026年3月31日 18:00", "31 Mar 2026 18:00"),
    ("{{ count }}", {"count": 12800}, "12800", "12800"),
    ("{{ docs }}", {"docs": ["a", "b", "c"]}, "a、b、c", "a, b, c"),
    ("{{ docs }}", {"docs": ["a", " ", "c"]}, "a、c", "a, c"),
    ("{{ docs | join(' / ') }}", {"docs": ["a", "b"]}, "a / b", "a / b"),
    ("{{ docs | length }}", {"docs": ["a", "b"]}, "2", "2"),
    ("{{ name | upper }}", {"name": "Wang"}, "WANG", "WANG"),
    ("{{ other | default('x') }}", {}, "x", "x"),
    ("{{ other | default('x') }}", {"other": "  "}, "x", "x"),
    ("{{ other | default('x') }}", {"other": "y"}, "y", "y"),
    ("{% if other %}<{{ other }}>{% else %}-{% endif %}", {"other": None}, "-", "-"),
    ("{% if other %}<{{ other }}>{% else %}-{% endif %}", {"other": "&"}, "<&>", "<&>"),
    ("{% if other is defined %}a{% else %}b{% endif %}", {}, "b", "b"),
    ("{% if other is not none and other == 'x' %}a{% else %}b{% endif %}", {}, "b", "b"),
    ("{% if amount > 1000 %}a{% endif %}{{ count }}", {"amount": Decimal(2000), "count": 1}, "a1", "a1"),
    ("{% for d in docs %}{{ loop.index }}{{ d }} {% endfor %}.", {"docs": ["a", "b"]}, "1a 2b .", "1a 2b ."),
    ("{% for i in range(1, 4) %}{{ i }}{% endfor %}", {}, "123", "123"),
    ("{{ 'a' if count == 1 else 'b' }}", {"count": 2}, "b", "b"),
    ("{{ count * 2 + 1 }}", {"count": 2}, "5", "5"),
]


@pytest.mark.parametrize(("source", "values", "zh", "en"), CASES)
def test_a_value_is_written_for_its_reader(
    tmp_path: Path, source: str, values: dict[str, object], zh: str, en: str
) -> None:
    assert text_of(tmp_path, source, values, "zh-CN") == zh
    assert text_of(tmp_path, source, values, "en") == en


def test_a_time_is_that_of_the_customers_zone(tmp_path: Path) -> None:
    renderer = Renderer(load(tmp_path, "{{ moment }}"), SIMULATION_KEY)
    facts = MessageFacts("m-1", "service", "America/New_York", 0)
    rendered = renderer.render("note", "sms", "en", {"moment": 1_774_951_200_000}, facts)
    assert rendered.text == "[Qingchuan] 31 Mar 2026 06:00"


@pytest.mark.parametrize("value", [None, "", "   ", "\n\t"])
def test_a_required_value_that_is_absent_or_blank_is_missing(tmp_path: Path, value: object) -> None:
    renderer = Renderer(load(tmp_path, "{{ name }} {{ other }}"), SIMULATION_KEY)
    with pytest.raises(MissingVariable) as error:
        renderer.render("note", "sms", "en", {"name": "Ms Wang", "other": value}, FACTS)
    assert error.value.names == ("other",)


@pytest.mark.parametrize("value", [[], [""], [" ", None]])
def test_a_required_list_without_an_item_is_missing(tmp_path: Path, value: object) -> None:
    renderer = Renderer(load(tmp_path, "{{ docs }}"), SIMULATION_KEY)
    with pytest.raises(MissingVariable):
        renderer.render("note", "sms", "en", {"docs": value}, FACTS)


WRONG = [
    ("{{ amount }}", {"amount": "6800"}),
    ("{{ amount }}", {"amount": 6800.0}),
    ("{{ amount }}", {"amount": True}),
    ("{{ amount }}", {"amount": Decimal("Infinity")}),
    ("{{ amount }}", {"amount": Decimal("1e999999")}),
    ("{{ day }}", {"day": "2026-03-31"}),
    ("{{ day }}", {"day": datetime(2026, 3, 31)}),
    ("{{ moment }}", {"moment": "now"}),
    ("{{ moment }}", {"moment": 10**18}),
    ("{{ count }}", {"count": Decimal(1)}),
    ("{{ count }}", {"count": False}),
    ("{{ docs }}", {"docs": "a"}),
    ("{{ docs }}", {"docs": [1]}),
    ("{{ name }}", {"name": 5}),
    ("{{ site }}", {"site": "javascript:alert(1)"}),
    ("{{ site }}", {"site": "https://a b"}),
    ("{{ site }}", {"site": "https://a\nb"}),
]


@pytest.mark.parametrize(("source", "values"), WRONG)
def test_a_value_of_another_kind_fails_and_is_not_told(tmp_path: Path, source: str, values: dict[str, object]) -> None:
    renderer = Renderer(load(tmp_path, source), SIMULATION_KEY)
    with pytest.raises(RenderFailed) as error:
        renderer.render("note", "sms", "en", values, FACTS)
    assert "6800" not in str(error.value)


@pytest.mark.parametrize(("klass", "tail"), [("service", ""), ("mandatory", ""), ("care", 1), ("marketing", 1)])
def test_the_tail_stands_on_what_a_customer_may_refuse(tmp_path: Path, klass: str, tail: object) -> None:
    renderer = Renderer(load(tmp_path, "x"), SIMULATION_KEY)
    facts = MessageFacts("m-1", klass, "Asia/Shanghai", 0)
    chinese = renderer.render("note", "sms", "zh-CN", {}, facts)
    english = renderer.render("note", "sms", "en", {}, facts)
    assert chinese.text == "【晴川保险】x" + ("拒收请回复R" if tail else "")
    assert english.text == "[Qingchuan] x" + (" Reply R to opt out" if tail else "")
    assert (chinese.sms_encoding, english.sms_encoding) == ("ucs2", "gsm7")


def test_a_locale_without_a_body_gets_the_default_one(tmp_path: Path) -> None:
    renderer = Renderer(load(tmp_path, "x"), SIMULATION_KEY)
    assert renderer.render("note", "sms", "fr", {}, FACTS).locale == "zh-CN"


def test_a_link_is_made_for_the_message_unless_one_is_given(tmp_path: Path) -> None:
    renderer = Renderer(load(tmp_path, "{{ pay_url }}"), SIMULATION_KEY)
    made = renderer.render("note", "sms", "en", {}, FACTS)
    assert made.text.startswith("[Qingchuan] https://qc.example/l/")
    given = renderer.render("note", "sms", "en", {"pay_url": "https://x.example/1"}, FACTS)
    assert given.text == "[Qingchuan] https://x.example/1"
    moved = MessageFacts("m-1", "service", "Asia/Shanghai", FACTS.expires, base="http://127.0.0.1:8080")
    assert "http://127.0.0.1:8080/l/" in renderer.render("note", "sms", "en", {}, moved).text


def test_a_tag_alone_on_its_line_leaves_no_empty_line(tmp_path: Path) -> None:
    source = "a\n{% if other %}\nb\n{% endif %}\nc{% if other %}!{% endif %}\nd"
    assert text_of(tmp_path, source, {"other": "x"}) == "a\nb\nc!\nd"
    assert text_of(tmp_path, source, {}) == "a\nc\nd"
