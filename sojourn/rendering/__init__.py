"""From a published template and a context to the text of a message; strict, bounded, sandboxed."""

from sojourn.rendering.catalogue import Body, Links, Need, Template, Templates, Variable
from sojourn.rendering.links import SIMULATION_KEY, LinkClaim, make_link, message_ref, verify_token
from sojourn.rendering.load import load_templates
from sojourn.rendering.problems import Problem
from sojourn.rendering.render import MessageFacts, MissingVariable, Rendered, Renderer, RenderFailed
from sojourn.rendering.sms import SmsSize, measure, split

__all__ = [
    "SIMULATION_KEY",
    "Body",
    "LinkClaim",
    "Links",
    "MessageFacts",
    "MissingVariable",
    "Need",
    "Problem",
    "RenderFailed",
    "Rendered",
    "Renderer",
    "SmsSize",
    "Template",
    "Templates",
    "Variable",
    "load_templates",
    "make_link",
    "measure",
    "message_ref",
    "split",
    "verify_token",
]
