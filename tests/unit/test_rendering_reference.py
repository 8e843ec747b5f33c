"""The 61 templates of the reference insurer: all there, sound, rendered in both languages, short enough."""

import html
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sojourn.core.conditions import ConditionError, Scope, compile_expression
from sojourn.core.types import DATE, DECIMAL, INSTANT, INT, TEXT, list_of
from sojourn.rendering import SIMULATION_KEY, MessageFacts, Renderer, load_templates
from sojourn.rendering.yamlread import Table, read_table

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = load_templates(ROOT / "templates")
RENDERER = Renderer(TEMPLATES, SIMULATION_KEY)
BODIES = [
    (name, channel, locale)
    for name, template in sorted(TEMPLATES.templates.items())
    for channel, locale in sorted(template.bodies)
]
COMMON = {
    "tail": "5512",
    "amount": Decimal("6800.00"),
    "paid_amount": Decimal("6800.00"),
    "new_amount": Decimal("6800.00"),
    "refund": Decimal("3600.00"),
    "claim_no": "CN20260001",
    "complaint_no": "TS20260001",
    "account_tail": "1234",
    "advisor_phone": "955XX",
    "points_total": 12800,
    "call_by": 1_774_951_200_000,
}
# The longest texts of the glossary and the parameters, so that two segments hold for the others, too.
CHINESE = {
    "name": "欧阳女士",
    "product": "安康终身寿险",
    "debit_reason": "账户余额不足",
    "delay_reason": "等待第三方核实",
    "extension_reason": "需要更多时间核实",
    "match_reason": "即将满期的保单",
    "reason_text": "事故发生在等待期内",
    "outcome_text": "已退还多扣保费并致歉",
    "node_text": "正在核定金额",
    "next_text": "调查或核定",
    "progress_text": "已提出处理方案",
    "option_text": "转为年金领取",
    "risk_text": "中低风险",
    "product_line_name": "重疾险",
    "festival": "中秋节",
    "wish": "祝您阖家团圆",
    "document": "港澳居民来往内地通行证",
    "papers": ["身份证件", "发票原件", "出院小结"],
    "advisor_name": "李顾问",
    "handler": "客户服务专员",
    "case_handler": "陈专员",
    "supervisor_name": "服务主管",
    "offer": "20元话费券",
    "benefit": "家庭体检套餐",
    "gift": "健康体检券",
    "task": "保单查询与变更",
}
ENGLISH = {
    "name": "Ms Ouyang",
    "product": "Shouhu Critical Illness",
    "debit_reason": "not enough money in the account",
    "delay_reason": "the amount is checked again",
    "extension_reason": "we need more time to check",
    "match_reason": "plans for your children",
    "reason_text": "the event was in the waiting period",
    "outcome_text": "the premium was paid back",
    "node_text": "the payment is on its way",
    "next_text": "verification or assessment",
    "progress_text": "a solution is proposed",
    "option_text": "paid as an annuity",
    "risk_text": "medium to high risk",
    "product_line_name": "critical illness cover",
    "festival": "Mid-Autumn Festival",
    "wish": "We wish you and your family a happy year.",
    "document": "Hong Kong and Macau travel permit",
    "papers": ["proof of identity", "original invoice", "discharge summary"],
    "advisor_name": "Li Min",
    "handler": "our service specialist",
    "case_handler": "Chen Hui",
    "supervisor_name": "the service manager",
    "offer": "a CNY 20 phone voucher",
    "benefit": "a family health check",
    "gift": "a health check voucher",
    "task": "Changing your policy",
}
WORDS = {"zh-CN": COMMON | CHINESE, "en": COMMON | ENGLISH}
KINDS = {"text": TEXT, "money": DECIMAL, "date": DATE, "datetime": INSTANT, "int": INT, "list": list_of(TEXT)}


def _values(locale: str, name: str, channel: str, *, guarded: bool) -> dict[str, object]:
    needs = TEMPLATES.templates[name].bodies[channel, locale].needs
    return {
        variable: WORDS[locale].get(variable, date(2026, 12, 31))
        for variable, need in needs.items()
        if guarded or need == "required"
    }


def _facts(name: str) -> MessageFacts:
    return MessageFacts("m-1", TEMPLATES.templates[name].klass, "Asia/Shanghai", 1_775_000_000_000)


def test_there_are_61_templates_in_both_languages_without_a_problem() -> None:
    assert TEMPLATES.problems == ()
    assert len(TEMPLATES.templates) == 61
    assert len(BODIES) == 2 * (55 + 37)


def test_names_classes_and_channels_are_those_of_the_reference() -> None:
    path = ROOT.parent / "shared" / "spec" / "reference" / "templates.yaml"
    reference = read_table(path, "reference", [])
    assert reference is not None
    for key, entry in reference:
        assert isinstance(entry, Table)
        template = TEMPLATES.templates[key.text]
        klass = entry.text("class", [])
        assert klass is not None
        assert template.klass == klass.text
        assert template.urgent == (entry.get("urgent") is not None)
        assert set(template.channels) == {c for c in ("sms", "email") if entry.get(c) is not None}


@pytest.mark.parametrize("guarded", [True, False], ids=["all", "required"])
@pytest.mark.parametrize(("name", "channel", "locale"), BODIES)
def test_it_renders_with_all_values_and_with_the_required_ones(
    name: str, channel: str, locale: str, guarded: bool
) -> None:
    values = _values(locale, name, channel, guarded=guarded)
    rendered = RENDERER.render(name, channel, locale, values, _facts(name))
    shown = f"{rendered.subject or ''}\n{rendered.text}\n{_visible(rendered.html or '')}"
    assert "None" not in shown
    assert "{" not in shown
    assert "  " not in rendered.text
    if channel == "sms":
        assert rendered.sms_segments in (1, 2)
        assert rendered.sms_encoding == ("ucs2" if locale == "zh-CN" else "gsm7")
    else:
        assert rendered.subject
        assert f'lang="{locale}"' in (rendered.html or "")


@pytest.mark.parametrize(("name", "channel", "locale"), [body for body in BODIES if body[1] == "email"])
def test_text_and_html_of_a_mail_state_the_same_facts(name: str, channel: str, locale: str) -> None:
    values = _values(locale, name, channel, guarded=True)
    rendered = RENDERER.render(name, channel, locale, values, _facts(name))
    assert rendered.html is not None
    seen = _visible(rendered.html)
    figures = re.findall(r"\d[\d,.年月日]*\d|\d", re.sub(r"https?://\S+", "", rendered.text))
    steps = {"1", "2", "3", "4"} if name == "claim_ack" else set()
    assert {figure for figure in figures if figure not in seen and figure not in steps} == set()
    links = set(re.findall(r"https://qc\.example/l/[\w-]{24}", rendered.text))
    assert links <= set(re.findall(r'href="([^"]+)"', rendered.html))


def _visible(page: str) -> str:
    body = re.sub(r"(?s)<!--.*?-->|<head>.*?</head>|<style.*?</style>", "", page)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(("name", "channel", "locale"), BODIES)
def test_both_languages_need_the_same(name: str, channel: str, locale: str) -> None:
    template = TEMPLATES.templates[name]
    assert template.needs(channel, locale) == template.needs(channel, "zh-CN")


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("payfail_final", "grace_last_day"),
        ("payfail_retry", "next_retry_date"),
        ("claim_approved", "pay_by"),
        ("need_followup", "advisor_name"),
        ("birthday_vip", "advisor_name"),
        ("silence_points_offer", "points_total"),
        ("advisor_intro", "advisor_phone"),
        ("advisor_intro", "call_by"),
    ],
)
def test_what_may_be_absent_is_guarded(name: str, variable: str) -> None:
    template = TEMPLATES.templates[name]
    assert {template.needs(*body)[variable] for body in template.bodies} == {"guarded"}


def test_every_variable_is_used() -> None:
    used = {
        name
        for template in TEMPLATES.templates.values()
        for body in template.bodies.values()
        for name in (*body.needs, *body.links)
    }
    assert set(TEMPLATES.variables) - used == set()


def test_a_care_or_marketing_mail_says_how_to_stop_it() -> None:
    for name, template in TEMPLATES.templates.items():
        if template.klass in ("care", "marketing") and "email" in template.channels:
            body = template.bodies["email", "en"]
            assert "unsubscribe_url" in body.links, name
            assert all("unsubscribe_url" in body.parts[part] for part in ("text", "html")), name


def test_every_expression_compiles_where_its_names_are_known() -> None:
    words = read_table(ROOT / "schemas" / "glossary.yaml", "glossary", [])
    assert words is not None
    glossary = {key.text: {code.text: {} for code, _ in table} for key, table in words if isinstance(table, Table)}
    texts = "policy_id product_name option reason_code node status festival_id product_line doc_type doc_name handler"
    types = dict.fromkeys(texts.split(), TEXT) | {
        "amount_cny": DECIMAL,
        "refund_cny": DECIMAL,
        "product_risk_level": INT,
        "docs_needed": list_of(TEXT),
        "expected_by": DATE.optional(),
    }
    own = {name: KINDS[v.kind] for name, v in TEMPLATES.variables.items() if v.link is None}
    scope = Scope(
        customer={
            "salutation_zh": TEXT,
            "salutation_en": TEXT,
            "advisor_name": TEXT.optional(),
            "points_balance": INT.optional(),
        },
        facts=own | types,
        params={},
        glossary=glossary,
    )
    failed = {}
    for name, variable in TEMPLATES.variables.items():
        for expression in variable.expressions.values():
            try:
                compiled = compile_expression(expression.text, scope)
            except ConditionError as error:
                failed[name] = str(error)
            else:
                assert compiled.type.kind == KINDS[variable.kind].kind
    assert failed == {}


def test_the_reference_reads_as_agreed() -> None:
    values = {
        "name": "王女士",
        "tail": "5512",
        "amount": Decimal(3600),
        "due_date": date(2026, 3, 12),
    }
    facts = _facts("renewal_t3")
    given = {**values, "pay_url": "https://pay.qc.example/p/7kd2"}
    assert RENDERER.render("renewal_t3", "sms", "zh-CN", given, facts).text == (
        "【晴川保险】王女士,尾号5512保单保费3,600.00元还有3天(2026年3月12日)到期,请留意缴费或账户余额。"
        "https://pay.qc.example/p/7kd2"
    )
    assert RENDERER.render("renewal_t3", "sms", "en", {**given, "name": "Ms Wang"}, facts).text == (
        "[Qingchuan] Ms Wang, policy ..5512: CNY 3,600.00 is due in 3 days (12 Mar 2026). "
        "Please pay or keep enough balance. https://pay.qc.example/p/7kd2"
    )
