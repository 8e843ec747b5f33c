"""One bad template or value costs one message: header lines, size, loops, characters, HTML."""

import time
from pathlib import Path

import pytest

from sojourn.errors import NeverWorks
from sojourn.rendering import SIMULATION_KEY, Rendered, Renderer, RenderFailed
from tests.unit.rendering_project import FACTS, load


def _mail(folder: Path, values: dict[str, object], **files: str) -> Rendered:
    templates = load(folder, **{"html": "<p>a</p>", **files})
    assert templates.problems == ()
    return Renderer(templates, SIMULATION_KEY).render("note", "email", "en", values, FACTS)


@pytest.mark.parametrize("breaker", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00"])
def test_a_line_break_in_a_subject_fails(tmp_path: Path, breaker: str) -> None:
    with pytest.raises(RenderFailed, match="subject"):
        _mail(tmp_path, {"name": f"Wang{breaker}Bcc: all@x.example"}, subject="For {{ name }}")


def test_a_line_break_in_a_body_is_text(tmp_path: Path) -> None:
    assert _mail(tmp_path, {"other": "a\nb"}, text="{{ other }}").text == "a\nb"


@pytest.mark.parametrize("part", ["text", "html", "subject"])
def test_more_than_a_megabyte_fails(tmp_path: Path, part: str) -> None:
    with pytest.raises(RenderFailed, match="1,000,000"):
        _mail(tmp_path, {"other": "x" * 1_000_001}, **{part: "{{ other }}"})


def test_a_megabyte_counts_octets_and_not_characters(tmp_path: Path) -> None:
    assert len(_mail(tmp_path, {"other": "x" * 999_999}, text="{{ other }}").text) == 999_999
    with pytest.raises(RenderFailed):
        _mail(tmp_path, {"other": "汉" * 400_000}, text="{{ other }}")


def test_a_body_of_a_megabyte_in_the_file_fails_when_rendered(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed):
        _mail(tmp_path, {}, text="x" * 1_100_000)


LOOPS = [
    "{% for i in range(1000000000000) %}{% endfor %}",
    "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
    "{% for i in range(0, 10, 0) %}x{% endfor %}",
    "{% for i in range(1000000000) if i < 0 %}x{% endfor %}",
    "{% for i in range(1000000000) %}{{ loop.length }}{% endfor %}",
    "{% for a in docs %}{% for b in docs %}{% for c in docs %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in docs %}{{ docs | join(',') | upper }}{% endfor %}",
]


@pytest.mark.parametrize("source", LOOPS)
def test_a_loop_without_end_fails_soon(tmp_path: Path, source: str) -> None:
    templates = load(tmp_path, source)
    assert templates.problems == ()
    renderer = Renderer(templates, SIMULATION_KEY)
    started = time.perf_counter()
    with pytest.raises(RenderFailed):
        renderer.render("note", "sms", "en", {"docs": ["x" * 500] * 500}, FACTS)
    # Far above what it takes: the bound is a count, this only shows that it is a small one.
    assert time.perf_counter() - started < 5


def test_the_budget_is_that_of_one_message(tmp_path: Path) -> None:
    renderer = Renderer(load(tmp_path, "{% for i in range(15000) %}{% endfor %}x"), SIMULATION_KEY)
    assert {renderer.render("note", "sms", "en", {}, FACTS).text for _ in range(3)} == {"[Qingchuan] x"}


def test_a_half_of_a_surrogate_pair_and_nul_fail(tmp_path: Path) -> None:
    for value in ("a\ud800b", "a\x00b"):
        with pytest.raises(RenderFailed):
            _mail(tmp_path, {"other": value}, text="{{ other }}")


def test_values_are_escaped_in_html_and_nowhere_else(tmp_path: Path) -> None:
    value = "<script>alert(\"x\")</script> & 'y'"
    source = '<p title="{{ other }}">{{ other }}</p>'
    rendered = _mail(tmp_path, {"other": value}, html=source, text="{{ other }}", subject="{{ other }}")
    assert rendered.subject == rendered.text == value
    assert rendered.html is not None
    assert "<script>alert" not in rendered.html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; &#39;y&#39;</p>" in rendered.html
    assert '"x"' not in rendered.html


def test_the_layout_carries_subject_styles_and_note_once(tmp_path: Path) -> None:
    body = (
        '<table>\n{% for d in docs %}\n<tr><td class="b">{{ d }}</td></tr>\n{% endfor %}\n</table>'
        '<p>{% if count < 3 %}few{% endif %} <a href="{{ pay_url }}">pay</a></p>'
    )
    values = {"docs": ["a", "b"], "count": 2, "name": "O'Neil"}
    html = _mail(tmp_path, values, html=body, subject='{{ name }} & "co"').html
    assert html is not None
    assert html.count('<tr><td class="b" style="color: red;') == 2 or html.count('class="b"') == 2
    assert html.index("<table") < html.index(">a</td>") < html.index(">b</td>")
    assert "few" in html
    assert 'href="https://qc.example/l/' in html
    assert "<title>O&#39;Neil &amp; &quot;co&quot;</title>" in html or '<title>O&#39;Neil &amp; "co"</title>' in html
    assert "A notice." in html
    assert "Qingchuan" in html
    assert "{{" not in html
    assert "{%" not in html
    assert "SojournHole" not in html
    assert "\ue000" not in html
    assert "fonts.googleapis" not in html


def test_an_unknown_template_or_zone_fails_for_the_message(tmp_path: Path) -> None:
    renderer = Renderer(load(tmp_path, "{{ moment }}"), SIMULATION_KEY)
    with pytest.raises(RenderFailed):
        renderer.render("nothing", "sms", "en", {}, FACTS)
    with pytest.raises(RenderFailed):
        renderer.render("note", "email", "en", {"moment": 0}, FACTS)


@pytest.mark.parametrize("source", ["{% raw %}", "{% if other %}a{% endif %}", "{% for d in [other] %} {% endfor %}"])
def test_a_message_without_text_is_not_sent(tmp_path: Path, source: str) -> None:
    renderer = Renderer(load(tmp_path, source), SIMULATION_KEY)
    with pytest.raises(NeverWorks):
        renderer.render("note", "sms", "en", {}, FACTS)
    with pytest.raises(RenderFailed, match="no text"):
        _mail(tmp_path, {}, subject="{% if other %}a{% endif %}")
