"""Who the customers are at the start of the year, and what they hold (W1-W5). Nobody of them exists."""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Final

from benchmarks.synthetic.days import FIRST, SHANGHAI, Table

_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
_PINYIN: Final = (
    "Wang", "Li", "Zhang", "Liu", "Chen", "Yang", "Huang", "Zhao", "Wu", "Zhou",
    "Xu", "Sun", "Ma", "Zhu", "Hu", "Lin", "Guo", "He", "Gao", "Luo",
)  # fmt: skip
_GIVEN: Final = ("安", "宁", "晨", "雨", "静", "涛", "敏", "杰", "丽", "强", "佳", "欣", "博", "悦", "思", "远")
ZONES: Final = (
    SHANGHAI, "Asia/Hong_Kong", "America/New_York", "America/Los_Angeles", "Europe/London", "Australia/Sydney",
    "Asia/Singapore",
)  # fmt: skip
ZONE: Final = Table((96.5, 1.2, 0.6, 0.5, 0.4, 0.4, 0.4))
_AGES: Final = ((18, 29), (30, 44), (45, 59), (60, 85))
_AGE: Final = Table((14, 38, 30, 18))
TIERS: Final = ("basic", "growth", "high_value")
_TIER: Final = Table((70, 25, 5))
_LEVELS: Final = ("basic", "advanced", "custom")
_LEVEL: Final = Table((65, 28, 7))
_POLICIES: Final = Table((52, 27, 13, 5, 3))
# What is held: kind, product line, name, term in months, premium of a year, claims of a policy and year (W9).
KINDS: Final[tuple[tuple[str, str, str, int, int, float], ...]] = (
    ("critical illness", "critical_illness", "守护重疾险", 240, 6800, 0.008),
    ("life", "life", "安康终身寿险", 240, 9600, 0.003),
    ("annuity", "annuity", "年金险", 120, 12000, 0.003),
    ("long medical", "health", "康健长期医疗险", 72, 1200, 0.25),
    ("one-year medical", "health", "康健一年期医疗险", 12, 480, 0.22),
    ("accident", "accident", "平顺意外险", 12, 300, 0.035),
    ("motor", "motor", "畅行车险", 12, 3600, 0.14),
)
KIND: Final = Table((22, 18, 12, 5, 25, 10, 8))
FREQUENCIES: Final = ("annual", "semiannual", "quarterly", "monthly", "single")
_FREQUENCY: Final = Table((68, 2, 3, 20, 7))
_DUE_MONTH: Final = Table((16, 6, 10, 7, 7, 10, 7, 7, 8, 6, 7, 9))
_INSTALLMENTS: Final = {"annual": 1, "semiannual": 2, "quarterly": 4, "monthly": 12, "single": 1}
_ACTIVITY: Final = Table((20, 45, 25, 10))
ADVISORS: Final = 300


@dataclass(slots=True)
class Policy:
    """A policy in force at the start of the year; ``month`` and ``day`` are those of its first due date in it."""

    id: str
    kind: int
    frequency: str
    auto: bool
    month: int
    day: int
    first_no: int
    installment: str  # amount, two digits

    @property
    def line(self) -> str:
        """The product line."""
        return KINDS[self.kind][1]

    @property
    def name(self) -> str:
        """The name of the product."""
        return KINDS[self.kind][2]


@dataclass(slots=True)
class Person:
    """One customer: what decides over his year, and the profile as the CRM knows it."""

    id: str
    zone: str
    tier: str
    activity: int  # 0 heavy, 1 regular, 2 rare, 3 dormant
    mobile: str | None
    email: str | None
    dead_mobile: bool
    bouncing: bool
    policies: list[Policy]
    card: bool
    profile: dict[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """The product lines that he uses."""
        held = dict.fromkeys(policy.line for policy in self.policies)
        return [*held, "credit_card"] if self.card else list(held)


def make_person(number: int, rng: Random) -> Person:
    """Give a customer; the same number and generator give the same person."""
    customer = f"C{number:07d}"
    has_mobile, has_email = rng.random() < 0.99, rng.random() < 0.62
    person = Person(
        id=customer,
        zone=ZONES[ZONE.draw(rng)],
        tier=TIERS[_TIER.draw(rng)],
        activity=_ACTIVITY.draw(rng),
        mobile=f"+86138{number:08d}" if has_mobile else None,
        email=f"customer{number}@example.com" if has_email else None,
        dead_mobile=has_mobile and rng.random() < 0.04,
        bouncing=has_email and rng.random() < 0.07,
        policies=_policies(number, rng),
        card=rng.random() < 0.45,
    )
    person.profile = _profile(person, rng)
    return person


def _policies(number: int, rng: Random) -> list[Policy]:
    count = _POLICIES.draw(rng) + 1
    policies = [_policy(f"P{number:07d}-{n + 1}", rng) for n in range(count)]
    if count > 1 and rng.random() < 0.35:
        one, two = policies[0], policies[1]
        two.month, two.day = one.month, max(1, min(28, one.day + rng.randint(-7, 7)))
    return policies


def _policy(name: str, rng: Random) -> Policy:
    kind, frequency = KIND.draw(rng), FREQUENCIES[_FREQUENCY.draw(rng)]
    apart = 12 // _INSTALLMENTS[frequency]
    year = KINDS[kind][4] * (0.6 + rng.random())
    return Policy(
        id=name,
        kind=kind,
        frequency=frequency,
        auto=rng.random() < 0.72,
        month=_DUE_MONTH.draw(rng) % apart + 1,
        day=rng.randint(29, 31) if rng.random() < 0.04 else rng.randint(1, 28),
        first_no=rng.randint(2, 9),
        installment=f"{year / _INSTALLMENTS[frequency]:.2f}",
    )


def _profile(person: Person, rng: Random) -> dict[str, Any]:
    surname, woman = rng.randrange(len(_SURNAMES)), rng.random() < 0.5
    advised = person.tier == "high_value" or rng.random() < 0.3
    advisor = rng.randrange(ADVISORS)
    return {
        "customer_id": person.id,
        "name": _SURNAMES[surname] + rng.choice(_GIVEN),
        "salutation_zh": _SURNAMES[surname] + ("女士" if woman else "先生"),
        "salutation_en": ("Ms " if woman else "Mr ") + _PINYIN[surname],
        "language": "en" if rng.random() < 0.03 else "zh-CN",
        "timezone": person.zone,
        "birth_date": _birth_date(rng),
        "gender": "F" if woman else "M",
        "mobile": person.mobile,
        "email": person.email,
        "consent": _consent(person, rng),
        "do_not_contact": rng.random() < 0.01,
        "personalisation_opt_out": rng.random() < 0.06,
        "tier": person.tier,
        "service_level": _LEVELS[_LEVEL.draw(rng)],
        "advisor_id": f"A{advisor:03d}" if advised else None,
        "advisor_name": f"{_SURNAMES[advisor % len(_SURNAMES)]}顾问" if advised else None,
        "risk_level": rng.randint(1, 5) if rng.random() < 0.6 else None,
        "risk_valid_until": date.fromordinal(FIRST + rng.randint(-60, 700)).isoformat(),
        "tags": ["digital"] if rng.random() < 0.65 else ["branch"],
        "points_balance": rng.randint(0, 20_000) if person.card else None,
        "policies": [
            {"policy_id": one.id, "product_line": one.line, "status": "active", "frequency": one.frequency}
            for one in person.policies
        ],
    }


def _birth_date(rng: Random) -> str:
    if rng.random() < 0.0007:
        return date(rng.randrange(1944, 2005, 4), 2, 29).isoformat()
    youngest, oldest = _AGES[_AGE.draw(rng)]
    born = date.fromordinal(FIRST - int((youngest + rng.random() * (oldest - youngest + 1)) * 365.25))
    return born.replace(day=28).isoformat() if (born.month, born.day) == (2, 29) else born.isoformat()


def _consent(person: Person, rng: Random) -> dict[str, dict[str, bool]]:
    mail = person.email is not None
    return {
        "marketing": {"sms": rng.random() < 0.58, "email": mail and rng.random() < 0.45},
        "care": {"sms": rng.random() < 0.82, "email": mail and rng.random() < 0.70},
    }
