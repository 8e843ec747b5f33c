"""Q28: what goes out where a locale or the body of a channel is missing."""

from typing import Any

import pytest

from sojourn.definitions.problems import DefinitionError
from tests.unit.rules.kit import CUSTOMER, Play, project
from tests.unit.rules.small import bill, small


def sends(by: str, template: str = "onboarding_handbook, with: {product: X}") -> str:
    return small("a", f"flow: [{{id: t, send: {template}, by: {by}}}]", klass="care")


def rows(by: str, template: str, **customer: Any) -> list[tuple[str | None, str, str | None, str | None]]:
    p = Play(project(sends(by, template)), (CUSTOMER | customer,))
    bill(p, "2026-03-02 10:00")
    p.until("2026-03-03 00:00")
    return [(r.channel, r.status, r.reason, r.locale) for r in p.rows]


# onboarding_handbook has an e-mail only, birthday_basic an SMS only
HANDBOOK = "onboarding_handbook, with: {product: X}"


@pytest.mark.parametrize(
    ("by", "template", "sent"),
    [
        ("{first_of: [sms, email]}", HANDBOOK, "email"),
        ("{first_of: [email, sms]}", HANDBOOK, "email"),
        ("{first_of: [email, sms]}", "birthday_basic", "sms"),
        ("email", HANDBOOK, "email"),
    ],
)
def test_first_of_skips_a_channel_without_a_body(by: str, template: str, sent: str) -> None:
    assert rows(by, template) == [(sent, "sent", None, "zh-CN")]


def test_no_address_in_the_only_channel_with_a_body_is_that_channels_reason() -> None:
    ((_, status, reason, _),) = rows("{first_of: [sms, email]}", HANDBOOK, email=None)
    assert (status, reason) == ("suppressed", "no_address")


@pytest.mark.parametrize(
    ("by", "template"),
    [("sms", HANDBOOK), ("[sms, email]", HANDBOOK), ("email", "birthday_basic"), ("[email, sms]", "birthday_basic")],
)
def test_check_refuses_a_channel_without_a_body(by: str, template: str) -> None:
    with pytest.raises(DefinitionError, match="body"):
        project(sends(by, template))


@pytest.mark.parametrize(
    ("language", "locale"), [("en", "en"), ("zh-CN", "zh-CN"), ("fr", "zh-CN"), ("zh-TW", "zh-CN")]
)
def test_a_language_without_a_locale_is_served_in_chinese(language: str, locale: str) -> None:
    assert rows("email", HANDBOOK, language=language) == [("email", "sent", None, locale)]
