"""Makes short links that cannot be forged, carry nothing about a person, and end after a while (B5).

A token is 18 octets, written as 24 characters: 3 octets for the hour in which it ends, 7 octets of a
digest of the message id (so that a click finds its message in the log), 8 octets of HMAC-SHA-256 over
both and the name of the target. The target itself is not in the token: whoever holds the key tries the
few declared names. The same message, target and end give the same link on every replay.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from dataclasses import dataclass

HOUR = 3_600_000
DAY = 24 * HOUR
# Rehearsals on a virtual clock send nothing, so their key protects nothing and may be known.
SIMULATION_KEY = b"sojourn simulate: a public key"
_TOKEN_LENGTH = 24


@dataclass(frozen=True, slots=True)
class LinkClaim:
    """What a genuine token says: where it leads, of which message, and until when (ms, UTC)."""

    target: str
    message_ref: bytes
    expires: int

    def ended(self, now: int) -> bool:
        """Tells whether the link no longer leads anywhere at `now` (ms)."""
        return now >= self.expires


def message_ref(message_id: str) -> bytes:
    """Gives the 7 octets under which the links of a message are found."""
    return hashlib.sha256(message_id.encode()).digest()[:7]


def _mac(key: bytes, target: str, body: bytes) -> bytes:
    return hmac.digest(key, body + target.encode(), "sha256")[:8]


def make_token(key: bytes, target: str, message_id: str, expires: int) -> str:
    """Gives the token of a link; `expires` (ms) is rounded up to the full hour."""
    body = (-(-expires // HOUR)).to_bytes(3, "big") + message_ref(message_id)
    return urlsafe_b64encode(body + _mac(key, target, body)).decode()


def make_link(base: str, key: bytes, target: str, message_id: str, expires: int) -> str:
    """Gives `<base>/l/<token>`."""
    return f"{base}/l/{make_token(key, target, message_id, expires)}"


def verify_token(key: bytes, token: str, targets: Iterable[str]) -> LinkClaim | None:
    """Gives what a genuine token says, None for a forged, cut or foreign one; never raises.

    Whether it has ended is asked of the claim, so that an old link can be answered politely.
    """
    if len(token) != _TOKEN_LENGTH or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except (Base64Error, ValueError):
        return None
    if len(raw) != 18 or urlsafe_b64encode(raw).decode() != token:
        return None
    body, mac = raw[:10], raw[10:]
    found = [target for target in targets if hmac.compare_digest(mac, _mac(key, target, body))]
    if not found:
        return None
    return LinkClaim(found[0], body[3:], int.from_bytes(body[:3], "big") * HOUR)
