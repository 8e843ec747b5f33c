"""From an order to what a channel gets: rendered, or the reason why this one message cannot be (Q2, Q15)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sojourn.core.model import CallOut, Deliver, Outcome
from sojourn.delivery.port import Outgoing
from sojourn.rendering import MessageFacts, MissingVariable, Rendered, Renderer, RenderFailed

LINKS_LAST_MS = 30 * 86_400_000

Unsubscribe = Mapping[str, str]  # class -> link target


@dataclass(frozen=True, slots=True)
class Press:
    """Renders orders with the templates in force; ``link`` makes an unsubscribe link for classes that need one."""

    renderer: Renderer
    consented: frozenset[str]  # classes that need consent, so carry a way out (RFC 8058)
    unsubscribe: "Unsubscriber | None" = None

    def message(self, order: Deliver, now: int) -> "Printed | Outcome":
        """Give the complete message, or the outcome that tells why it could not be rendered."""
        facts = MessageFacts(order.message_id, order.klass, order.zone, now + LINKS_LAST_MS)
        try:
            done = self.renderer.render(order.template, order.channel, order.locale, order.values, facts)
        except MissingVariable as error:
            return Outcome(order.message_id, "unrendered", "missing_variable", dict(error.data))
        except RenderFailed as error:
            return Outcome(order.message_id, "unrendered", "render_failed", dict(error.data))
        way_out = None
        if self.unsubscribe is not None and order.klass in self.consented:
            way_out = self.unsubscribe(order.message_id, facts.expires)
        return Printed(
            done,
            Outgoing(
                message_id=order.message_id,
                channel=order.channel,
                at=now,
                address=order.address,
                locale=done.locale,
                subject=done.subject,
                text=done.text,
                html=done.html,
                unsubscribe=way_out,
            ),
        )


@dataclass(frozen=True, slots=True)
class Printed:
    """A message as rendered, and as the channel gets it."""

    rendered: Rendered
    outgoing: Outgoing

    @property
    def columns(self) -> dict[str, Any]:
        """What the row of the log gets from it."""
        done = self.rendered
        return {"subject": done.subject, "text": done.text, "html": done.html, "locale": done.locale}


@dataclass(frozen=True, slots=True)
class Unsubscriber:
    """Makes the link by which a mail program withdraws consent in one click."""

    base: str
    key: bytes
    target: str

    def __call__(self, message_id: str, expires: int) -> str:
        """Give the link of one message."""
        from sojourn.rendering import make_link

        return make_link(self.base, self.key, self.target, message_id, expires)


def call(order: CallOut, now: int) -> Outgoing:
    """Give a call as the channel gets it."""
    return Outgoing(
        message_id=order.message_id,
        channel="call",
        at=now,
        name=order.name,
        arguments=order.arguments,
        about={"run_id": order.run_id, "journey": order.journey, "step": order.step},
    )
