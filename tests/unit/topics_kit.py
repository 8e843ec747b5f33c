"""What the tests of topics.yaml share: the reference insurer's catalogue, and a file from its text."""

import json
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from sojourn.definitions.catalogue import load_catalogue
from sojourn.definitions.problems import Problem, Problems
from sojourn.definitions.reader import read_text
from sojourn.definitions.topics_file import read_topics
from sojourn.intake.mapping import Topics, topics_of

CATALOGUE = load_catalogue(Path(__file__).parents[2])
TOPIC = "legacy.billing"
AT = 1_773_277_200_000  # 2026-03-12T01:00:00Z
IDENTITY = "kafka:legacy.billing/3#0:42"
FILE = """
codes:
  reason: {"51": insufficient_funds, R9: bank_error, "7": card_expired}
topics:
  legacy.billing:
    format: json
    customer: value.client.no
    time: value.at | instant('Asia/Shanghai')
    source: Legacy billing
    events:
      - if: value.kind == 'PAID'
        event: payment.received
        id: "[value.branch, value.no] | join('-')"
        entity: {id: value.contract, seq: value.version}
        payload:
          policy_id: value.contract
          installment_no: value.instalment
          paid_date: value.day | date('DD.MM.YYYY')
          amount_cny: value.cents / 100
          outstanding_cny: value.open | number
          method: value.how | lower
      - if: value.kind == 'FAILED'
        event: payment.failed
        payload:
          policy_id: value.contract
          installment_no: value.instalment
          attempt_no: value.attempts | length
          amount_cny: value.cents / 100
          reason_code: value.rc | code('reason') | default('bank_error')
    otherwise: ignore
"""


def problems(text: str) -> list[Problem]:
    """Give what is wrong in a file."""
    found = Problems()
    node = read_text(dedent(text).lstrip("\n"), "topics.yaml", found)
    if node is not None:
        read_topics(node, CATALOGUE, found)
    return list(found)


def topics(text: str) -> Topics:
    """Give the topics of a file that has no mistake."""
    found = Problems()
    node = read_text(dedent(text).lstrip("\n"), "topics.yaml", found)
    assert node is not None
    read = read_topics(node, CATALOGUE, found)
    found.stop_on_errors()
    return topics_of(read, CATALOGUE)


def one(more: str = "", part: str = "", event: str = "claim.documents_received", **fields: str) -> str:
    """Give a file of one topic with one event: lines for the topic, lines for the event, fields of the payload."""
    known = {"claim_id": "value.claim", "docs": "value.docs", "complete": "value.done"}
    payload = known | fields if event == "claim.documents_received" else fields
    head = "topics:\n  other.topic:\n    format: json\n    customer: key\n    source: Other\n"
    lines = "".join(f"          {name}: {text}\n" for name, text in payload.items() if text)
    begun = f"    events:\n      - event: {event}\n"
    return head + indent(dedent(more), "    ") + begun + indent(dedent(part), "        ") + "        payload:\n" + lines


def bytes_of(value: Any) -> bytes:
    """Give the JSON of a value."""
    return json.dumps(value, ensure_ascii=False).encode()
