"""A step that fails at run time breaks its run, not the customer (design.md, "The customer is the actor")."""

import msgspec

from tests.unit.rules.kit import Play, project

SMALL = """
journey: {name}
name: {{zh: 一, en: one}}
stage: serve
class: service
priority: 50
start: {{when: payment.due_scheduled}}
key: [policy_id]
again: never
facts: {{due_date: event.due_date, amount: event.amount_cny, product: event.product_name}}
flow:
  - wait: 1 day
  - choose:
      - if: amount > 10
        do:
          - {{id: reminder, send: renewal_t3, by: sms}}
expire: 30 days after due_date
"""


def test_the_broken_run_ends_with_a_note_and_the_others_go_on() -> None:
    game = Play(project(SMALL.format(name="one"), SMALL.format(name="two")))
    game.event("2026-03-01 10:00", "payment.due_scheduled", policy_id="P-1", due_date="2026-03-12")
    state = game.world.states["C1"]
    hurt = next(run for run in state.runs.values() if run.journey == "one")
    damaged = msgspec.structs.replace(hurt, facts=hurt.facts | {"amount": "no number"})
    game.world.states["C1"] = msgspec.structs.replace(state, runs=dict(state.runs) | {hurt.id: damaged})
    game.until("2026-03-05 00:00")
    assert [(row.journey, row.step, row.status) for row in game.rows] == [("two", "reminder", "sent")]
    assert [(note.journey, note.kind) for note in game.notes if note.kind == "broken"] == [("one", "broken")]
    assert ("one", "broken") in game.ends
