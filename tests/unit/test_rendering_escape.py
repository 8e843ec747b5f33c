"""Ways out of a template: each is refused before it is ever run, with a place and a reason."""

from pathlib import Path

import pytest

from tests.unit.rendering_project import load

ATTEMPTS = [
    "{{ ''.__class__ }}",
    "{{ name.__class__.__mro__[1].__subclasses__() }}",
    "{{ name['__class__'] }}",
    "{{ name | attr('__class__') }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ request.application.__globals__ }}",
    "{{ config.items() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{{ range(10) }}",
    "{{ range.__class__ }}",
    "{{ name.format(name) }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '%s' % name }}",
    "{{ name | format(name) }}",
    "{{ name | map('upper') }}",
    "{{ docs | map(attribute='__class__') }}",
    "{{ docs | sort(attribute='x') }}",
    "{{ docs.append('x') }}",
    "{{ docs[0] }}",
    "{{ docs | pprint }}",
    "{{ name | safe }}",
    "{{ name | xmlattr }}",
    "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 9 // 0 }}",
    "{{ count / 0 }}",
    "{{ name ~ name }}",
    "{{ loop }}",
    "{{ loop.index }}",
    "{{ _budget }}",
    "{{ _zone }}",
    "{{ name | _each }}",
    "{{ name | _text }}",
    "{{ name is divisibleby 3 }}",
    "{{ {'a': 1} }}",
    "{{ docs[1:2] }}",
    "{{ 99999999999999999999999 }}",
    "{{ (1).__class__ }}",
    "{% set x = name %}",
    "{% set x %}a{% endset %}",
    "{% include 'other' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% extends 'base' %}",
    "{% block a %}{% endblock %}",
    "{% macro m() %}{% endmacro %}",
    "{% call m() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape false %}{{ name }}{% endautoescape %}",
    "{% do docs.clear() %}",
    "{% for a in docs recursive %}{{ loop(docs) }}{% endfor %}",
    "{% for a, b in docs %}{% endfor %}",
    "{% for name in docs %}{% endfor %}",
    "{% for c in name %}{% endfor %}",
    "{% for c in docs.copy() %}{% endfor %}",
    "{% for i in range(name) %}{% endfor %}",
    "{% for i in range(start=1) %}{% endfor %}",
    "{% for i in range(*docs) %}{% endfor %}",
    "{% if name.startswith('a') %}{% endif %}",
    "{% if [].__class__ %}{% endif %}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "{{ " + "not " * 3000 + "name }}",
    "{{ 1" + " + 1" * 3000 + " }}",
    "{% if name %}" * 200 + "{% endif %}" * 200,
    "{{ " + "9" * 5000 + " }}",
    "{{ name",
    "{% if name %}",
    "{{ }}",
    "{% endraw %}",
]


@pytest.mark.parametrize("source", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_no_way_out(tmp_path: Path, source: str) -> None:
    problems = load(tmp_path, source).problems
    assert {problem.file for problem in problems} == {"templates/sms/note/zh-CN.txt", "templates/sms/note/en.txt"}
    assert all(problem.line >= 1 and problem.column >= 1 and problem.message for problem in problems)


HTML = [
    "<script>alert(1)</script>",
    "<p onclick='x()'>a</p>",
    "<a href='javascript:x'>a</a>",
    "<iframe src='https://x.example'></iframe>",
    "<form></form>",
    "<style>p { }</style>",
    '<a href="{{ name }}">a</a>',
    '<a href="https://x.example/{{ name }}">a</a>',
    "<a href={{ pay_url }}>a</a>",
    '<img src="{{ name }}">',
]


@pytest.mark.parametrize("source", HTML)
def test_no_script_and_no_open_address_in_a_mail(tmp_path: Path, source: str) -> None:
    problems = load(tmp_path, html=source).problems
    assert {problem.file for problem in problems} == {
        "templates/email/note/zh-CN/body.html",
        "templates/email/note/en/body.html",
    }
