"""A small insurer of its own, so that tests of the language stand on no reference file."""

from dataclasses import dataclass
from textwrap import dedent, indent

from sojourn.core.book import Duration
from sojourn.core.types import BOOL, DATE, DECIMAL, INT, TEXT, Type, enum_of, list_of, set_of
from sojourn.definitions.calls import CallType
from sojourn.definitions.compiler import compile_journey
from sojourn.definitions.journey import parse_journey
from sojourn.definitions.linking import Compiled, Context
from sojourn.definitions.parameters import Parameter
from sojourn.definitions.problems import Problem, Problems
from sojourn.definitions.reader import read_text


@dataclass(frozen=True)
class Shape:
    """An event type as far as the language sees it."""

    entity: str
    fields: dict[str, Type]


EVENTS = {
    "bill.due": Shape(
        "bill",
        {
            "policy_id": TEXT,
            "number": INT,
            "due_date": DATE,
            "amount": DECIMAL,
            "frequency": TEXT,
            "reason": TEXT.optional(),
        },
    ),
    "bill.moved": Shape("bill", {"policy_id": TEXT, "number": INT, "due_date": DATE}),
    "bill.paid": Shape("bill", {"policy_id": TEXT, "number": INT, "open_amount": DECIMAL, "reason": TEXT}),
    "claim.filed": Shape("claim", {"claim_id": TEXT, "docs": list_of(TEXT)}),
    "claim.moved": Shape("claim", {"claim_id": TEXT, "node": enum_of(["open", "paid", "withdrawn"])}),
    "claim.docs": Shape("claim", {"claim_id": TEXT, "complete": BOOL}),
    "visit.made": Shape("customer", {"line": TEXT, "page": TEXT.optional()}),
    "policy.sold": Shape("policy", {"policy_id": TEXT, "line": TEXT}),
    "life.ended": Shape("customer", {"on": DATE}),
}
CONTEXT = Context(
    events=EVENTS,
    customer={
        "tier": enum_of(["basic", "growth", "high_value"]),
        "tags": set_of(TEXT),
        "age": INT.optional(),
        "birth_date": DATE.optional(),
        "open_claims": set_of(TEXT),
    },
    params={"grace": Parameter(INT, 60), "gift": Parameter(TEXT, None, {"zh-CN": "礼", "en": "a gift"})},
    templates={"hello", "reminder", "reminder_final", "receipt", "bye", "offer_a", "offer_b"},
    calls={
        "task": CallType(
            "task", "CRM", {"type": enum_of(["collect", "call"]), "due": TEXT.optional(), "n": INT.optional()},
            {"task_id": TEXT, "advisor": TEXT.optional(), "count": INT}, {"task_id": "T1", "count": 1},
        ),
        "escalate": CallType("escalate", "Service", {"level": TEXT}),
    },
    glossary={"node": {"open", "paid"}},
    valid_for={"mandatory": Duration(days=10), "service": Duration(days=2), "marketing": Duration(days=3)},
)  # fmt: skip

HEAD = """
journey: {id}
name: {{zh: 测试, en: A test}}
stage: serve
class: service
priority: 50
start:
  when: bill.due
key: [policy_id, number]
again: never
"""
FLOW = """
flow:
  - {id: hello, send: hello, by: sms}
"""


def journey(body: str = FLOW, *, without: str = "", name: str = "j") -> str:
    """Give a whole journey file: a plain head (but the key `without`) and a body; keys of the body win."""
    body = dedent(body).strip("\n")
    keys = {line.split(":")[0] for line in body.splitlines() if line and not line.startswith((" ", "#", "-"))}
    head: list[str] = []
    keep = True
    for line in HEAD.format(id=name).strip().splitlines():
        if not line.startswith(" "):
            keep = line.split(":")[0] not in keys | {without}
        if keep:
            head.append(line)
    return "\n".join(head) + "\n" + body + "\n"


def compile_text(text: str, name: str = "j") -> tuple[Compiled | None, list[Problem]]:
    """Compile a journey file and give all problems found."""
    problems = Problems()
    root = read_text(text, f"journeys/{name}.yaml", problems)
    tree = parse_journey(root, f"journeys/{name}.yaml", problems) if root is not None else None
    compiled = compile_journey(tree, CONTEXT, problems) if tree is not None else None
    return compiled, list(problems)


def good(body: str = FLOW, *, without: str = "") -> Compiled:
    """Compile a journey that has no error."""
    compiled, problems = compile_text(journey(body, without=without))
    assert [p for p in problems if p.severity == "error"] == []
    assert compiled is not None
    return compiled


def errors(body: str = FLOW, *, without: str = "") -> list[str]:
    """Give the errors of a journey as `message | hint`, in the order of the file."""
    _, problems = compile_text(journey(body, without=without))
    return [f"{p.message} | {p.hint}" for p in problems if p.severity == "error"]


def steps(*lines: str) -> str:
    """Give a flow of these steps."""
    return "flow:\n" + indent("\n".join(lines), "  ")
