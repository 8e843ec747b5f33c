"""One mail as bytes: headers that cannot be injected into, text beside HTML, a stable Message-ID (RFC 5322, 8058).

Written out here and not with email.message, whose header objects cost a millisecond a mail; the tests read
every mail back with it.
"""

import re
from base64 import b64encode, encodebytes
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256

from sojourn.delivery.port import Outgoing

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.\-]{1,190}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9 .,:;!?+*/()\-]{0,60}", re.ASCII)
_LINK = re.compile(r"https?://[!-;=?-~]{1,900}", re.ASCII)
_WORD = 42  # bytes in one encoded word: with its frame it stays under the 75 that a header may have


class BadMail(ValueError):
    """The mail cannot be written; the text names the field and no value."""


@dataclass(frozen=True, slots=True)
class MailFrom:
    """Who writes: an address, and the name by locale that stands before it."""

    address: str
    names: tuple[tuple[str, str], ...] = ()

    def name(self, locale: str) -> str:
        """Give the name for a locale, else the first one."""
        return dict(self.names).get(locale, self.names[0][1] if self.names else "")


def build(outgoing: Outgoing, sender: MailFrom) -> bytes:
    """Give the mail ready for DATA. The same message has the same Message-ID whenever it is built.

    Raises:
        BadMail: An address is none, or a header would hold what a header must not.
    """
    _checked("address", outgoing.address, _ADDRESS)
    name = sender.name(outgoing.locale)
    domain = sender.address.rpartition("@")[2]
    headers = [
        f"From: {_text('sender', name)} <{sender.address}>" if name else f"From: {sender.address}",
        f"To: {outgoing.address}",
        f"Subject: {_text('subject', outgoing.subject or '')}",
        f"Date: {format_datetime(datetime.fromtimestamp(outgoing.at // 1000, UTC))}",
        f"Message-ID: <{outgoing.message_id}@{domain}>",
        f"Content-Language: {_checked('locale', outgoing.locale or 'zh-CN', _PLAIN)}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]
    if outgoing.unsubscribe is not None:
        headers.append(f"List-Unsubscribe: <{_checked('unsubscribe', outgoing.unsubscribe, _LINK)}>")
        headers.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    return "\r\n".join(headers).encode("ascii") + b"\r\n" + _body(outgoing)


def _body(outgoing: Outgoing) -> bytes:
    if outgoing.html is None:
        return _part("plain", outgoing.text)
    mark = b"=_" + sha256(outgoing.message_id.encode()).hexdigest()[:24].encode()  # base64 never holds `=_`
    return b"".join(
        (
            b'Content-Type: multipart/alternative; boundary="', mark, b'"\r\n\r\n--', mark, b"\r\n",
            _part("plain", outgoing.text), b"--", mark, b"\r\n", _part("html", outgoing.html), b"--", mark, b"--\r\n",
        )
    )  # fmt: skip


def _part(kind: str, content: str) -> bytes:
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    try:
        return head.encode() + encodebytes(content.encode()).replace(b"\n", b"\r\n")
    except UnicodeEncodeError:
        raise BadMail("the text holds half of a surrogate pair") from None


def _checked(field: str, value: str, form: re.Pattern[str]) -> str:
    if not form.fullmatch(value):
        raise BadMail(f"the {field} is not one that a mail may carry")
    return value


def _text(field: str, value: str) -> str:
    """Give free text for a header: as it is, or as encoded words that never cut a character (RFC 2047)."""
    if not value.isprintable():
        raise BadMail(f"the {field} holds a control character")
    if _PLAIN.fullmatch(value):
        return value
    words: list[str] = []
    piece = b""
    for char in value:
        encoded = char.encode("utf-8", "replace")
        if len(piece) + len(encoded) > _WORD:
            words.append(_word(piece))
            piece = b""
        piece += encoded
    words.append(_word(piece))
    return "\r\n ".join(words)


def _word(piece: bytes) -> str:
    return f"=?utf-8?b?{b64encode(piece).decode()}?="
