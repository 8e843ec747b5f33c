"""One mail as bytes: headers that cannot be injected into, text beside HTML, a stable Message-ID (RFC 5322, 8058)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from sojourn.delivery.port import Outgoing

_POLICY = SMTP.clone(max_line_length=78)
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.\-]{1,190}", re.ASCII)


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
        BadMail: An address is none, or a header holds what a header must not.
    """
    if not _ADDRESS.fullmatch(outgoing.address):
        raise BadMail("the address is not an e-mail address")
    try:
        return _build(outgoing, sender)
    except (ValueError, MessageError, UnicodeError) as error:
        raise BadMail(f"the mail cannot be written: {type(error).__name__}") from error


def _build(outgoing: Outgoing, sender: MailFrom) -> bytes:
    domain = sender.address.rpartition("@")[2]
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(sender.name(outgoing.locale), addr_spec=sender.address)
    mail["To"] = Address(addr_spec=outgoing.address)
    mail["Subject"] = outgoing.subject or ""
    mail["Date"] = format_datetime(datetime.fromtimestamp(outgoing.at // 1000, UTC))
    mail["Message-ID"] = f"<{outgoing.message_id}@{domain}>"
    mail["Content-Language"] = outgoing.locale or "zh-CN"
    mail["Auto-Submitted"] = "auto-generated"
    if outgoing.unsubscribe is not None:
        mail["List-Unsubscribe"] = f"<{outgoing.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(outgoing.text, cte="base64" if not outgoing.text.isascii() else None)
    if outgoing.html is not None:
        mail.add_alternative(outgoing.html, subtype="html", cte="base64")
    return mail.as_bytes()
