"""Statuses and reasons stand in one place, and every one of them can be read out in both languages."""

import re
from pathlib import Path

import pytest

from sojourn.core.model import Row
from sojourn.core.saying import LANGUAGES, Language, fill, instant_words, reason_sentence, status_word, whole
from sojourn.core.vocabulary import NEED_REASON, OPEN, REASONS, STATUSES, WORDS, Reason

LISTED_STATUSES = {"sent", "suppressed", "held", "deferred", "failed", "in_doubt", "delivered", "skipped"}
LISTED_REASONS = {
    "no_consent", "do_not_contact", "deceased", "no_profile", "no_address", "invalid_address",
    "personalisation_opt_out", "not_while", "paused_complaint", "control_group", "quiet_hours", "frequency_cap",
    "outranked", "expired", "missing_variable", "render_failed", "journey_ended", "superseded", "condition_unknown",
    "skipped_past", "not_entered", "intake_behind", "provider_refused", "unknown_outcome",
}  # fmt: skip
CORE = Path(__file__).parents[2] / "sojourn" / "core"
ZONE = "Asia/Shanghai"
AT = 1_772_931_600_000  # 2026-03-08 09:00 in Shanghai


def row(status: str, reason: str | None, **more: object) -> Row:
    values: dict[str, object] = {
        "message_id": "m", "customer_id": "C", "journey": "j", "journey_version": 1, "key": {}, "step": "s",
        "template": "t", "template_version": 1, "locale": "en", "channel": "sms", "status": status,
        "reason": reason, "due_at": AT, "decided_at": AT,
    }  # fmt: skip
    return Row(**(values | more))  # type: ignore[arg-type]


def test_the_lists_are_those_that_other_systems_rely_on() -> None:
    assert set(STATUSES) == LISTED_STATUSES
    assert set(REASONS) == LISTED_REASONS
    assert set(STATUSES) >= NEED_REASON >= OPEN


def test_every_reason_and_status_that_the_core_writes_is_listed() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in CORE.rglob("*.py"))
    reasons = set(
        re.findall(r'(?:_suppress\(turn, send, |Verdict\(|Cap\(|return )"(\w+_\w+|expired|deceased)"[,)]', code)
    )
    reasons |= {reason for _, reason in re.findall(r'turn\.row\(\s*\w+, "(\w+)", "(\w+)"', code)}
    statuses = set(re.findall(r'turn\.row\(\s*\w+, "(\w+)"', code))
    assert reasons >= {"no_address", "quiet_hours", "frequency_cap", "provider_refused"}
    assert reasons - set(REASONS) == set()
    assert statuses >= {"sent", "failed", "in_doubt"}
    assert statuses - set(STATUSES) == set()


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda one: one.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_reason_can_be_said_without_knowing_any_value(reason: Reason, language: Language) -> None:
    said = fill(getattr(reason, language), {})
    assert not re.search(r"[\[\]{}|]", said)
    assert said.endswith("。" if language == "zh" else ".")
    assert "  " not in said
    assert ("。" in said) == (language == "zh")


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda one: one.name)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_reason_says_the_values_that_it_names(reason: Reason, language: Language) -> None:
    sentence = getattr(reason, language)
    names = re.findall(r"\{(\w+)\}", sentence)
    said = fill(sentence, {name: f"<{name}>" for name in names})
    assert all(f"<{name}>" in said for name in names)
    assert set(re.findall(r"\{(\w+)\}", whole(sentence))) == set(names)


def test_both_languages_name_the_same_values() -> None:
    for reason in REASONS.values():
        zh, en = (set(re.findall(r"\{(\w+)\}", text)) for text in (reason.zh, reason.en))
        assert zh == en, reason.name


@pytest.mark.parametrize(
    ("status", "reason", "more", "zh", "en"),
    [
        ("held", "quiet_hours", {"next_at": AT},
         "夜间不发短信，这条 3月8日 09:00 发。", "We send no texts at night. This one goes out at 8 March 09:00."),
        ("suppressed", "quiet_hours", {}, "夜间不发短信。", "We send no texts at night."),
        ("deferred", "frequency_cap", {"next_at": AT},
         "营销和关怀信息每天最多 1次、7天最多 3次，已经满了，3月8日 09:00 再看。",
         "At most one such message a day and three in 7 days. The limit is reached; we look again on 8 March 09:00."),
        ("suppressed", "no_consent", {"detail": {"purpose": "marketing"}},
         "您没有同意接收营销短信，所以没有发。",
         "You have not agreed to offers by text message, so we did not send it."),
        ("suppressed", "no_address", {"channel": "email"}, "我们没有您的邮箱。", "We do not have your e-mail address."),
        ("suppressed", "expired", {"detail": {"valid_until": AT}},
         "这条信息到3月8日就没有意义了，没能在那之前发出。",
         "It was only useful until 8 March and could not go out before."),
        ("suppressed", "missing_variable", {"detail": {"missing": ["amount", "tail"]}},
         "内容缺少amount, tail，怕说错，没有发。已通知同事处理。",
         "amount, tail was missing. Rather than say something wrong we did not send it; a colleague knows."),
        ("failed", "provider_refused", {"detail": {"code": "550"}},
         "短信通道没有接收：550。", "The SMS gateway refused it: 550."),
        ("skipped", "not_entered", {"channel": None, "detail": {"cause": "no_consent"}},
         "当时不符合条件：您没有同意接收这类信息，所以没有开始。",
         "At that time it did not apply to you: You have not agreed to this kind of message."),
        ("sent", None, {}, "", ""),
    ],
)  # fmt: skip
def test_the_sentence_of_a_row(status: str, reason: str | None, more: dict[str, object], zh: str, en: str) -> None:
    assert reason_sentence(row(status, reason, **more), "zh", ZONE) == zh
    assert reason_sentence(row(status, reason, **more), "en", ZONE) == en


def test_words_stand_in_both_languages() -> None:
    for zh, en in WORDS.values():
        assert zh
        assert en
        assert zh != en
    assert status_word("in_doubt", "zh") == "未确认"
    assert instant_words(AT, "zh", "America/New_York") == "3月7日 20:00"


def test_a_reason_that_is_not_listed_is_shown_as_it_is() -> None:
    assert reason_sentence(row("suppressed", "something_new"), "en", ZONE) == "something_new"
