"""E-mail over SMTP: a small pool of connections, and exact words about what is certain at which stage.

Before the content is on its way a failure means ``not_taken`` (or ``refused`` for 5xx); from then on only the
server's own answer counts, and without it nobody knows: ``unknown``. SMTP honours no key.
"""

import contextlib
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from sojourn.channels.mail import BadMail, MailFrom, build
from sojourn.delivery.port import Answered, Outgoing

_IDLE_S = 8.0
_ONE_RECIPIENT = (450, 451, 452)  # said to RCPT: grey-listing, a full or busy mailbox; others get their mail


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail goes: ``smtp://user:password@host:25`` (STARTTLS where offered) or ``smtps://host:465``."""

    url: str
    mail_from: MailFrom
    at_once: int = 16
    per_second: float | None = None
    timeout_s: float = 10.0


class Smtp:
    """Sends each mail once over one of its connections."""

    provider = "smtp"
    repeatable = False

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._idle: list[tuple[float, SMTP]] = []

    @property
    def at_once(self) -> int:
        """How many connections there are at most."""
        return self._server.at_once

    @property
    def per_second(self) -> float | None:
        """How many mails a second the server takes."""
        return self._server.per_second

    async def open(self) -> None:
        """Make ready; the first mail connects."""

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        idle, self._idle = self._idle, []
        for _, client in idle:
            with contextlib.suppress(SMTPException, OSError):
                await client.quit(timeout=1)
            client.close()

    async def send(self, outgoing: Outgoing) -> Answered:
        """Hand one mail over."""
        try:
            content = build(outgoing, self._server.mail_from)
        except BadMail as error:
            return Answered(kind="refused", code="bad_mail", text=str(error))
        client = self._reuse()
        if client is not None:
            said = await self._envelope(client, outgoing)
            if said is None:
                return await self._content(client, content)
            client.close()
            if said.code != "disconnected":
                return said
        return await self._anew(outgoing, content)

    # ---- inside

    async def _anew(self, outgoing: Outgoing, content: bytes) -> Answered:
        client = self._client()
        try:
            await client.connect()
        except SMTPResponseException as error:  # greeting, EHLO or AUTH refused: nobody's mail can go, not this one's
            client.close()
            return Answered(kind="not_taken", code=str(error.code), text=error.message)
        except (SMTPException, OSError, ValueError) as error:
            client.close()
            return Answered(kind="not_taken", code=type(error).__name__)
        said = await self._envelope(client, outgoing)
        if said is None:
            return await self._content(client, content)
        client.close()
        return said

    async def _envelope(self, client: SMTP, outgoing: Outgoing) -> Answered | None:
        """Name sender and recipient; give what stops the mail here, or None when its content may follow."""
        try:
            await client.mail(self._server.mail_from.address)
            await client.rcpt(outgoing.address)
        except SMTPRecipientRefused as error:
            return _refused(error.code, error.message, of_one=error.code in _ONE_RECIPIENT)
        except SMTPResponseException as error:
            return _refused(error.code, error.message)
        except (SMTPServerDisconnected, ConnectionError):
            return Answered(kind="not_taken", code="disconnected")
        except (SMTPException, OSError) as error:
            return Answered(kind="not_taken", code=type(error).__name__)
        except (UnicodeError, ValueError) as error:
            return Answered(kind="refused", code="bad_address", text=type(error).__name__)
        return None

    async def _content(self, client: SMTP, content: bytes) -> Answered:
        try:
            said = await client.data(content)
        except SMTPDataError as error:
            client.close()
            return _refused(error.code, error.message)
        except (SMTPException, OSError, TimeoutError) as error:
            client.close()
            return Answered(kind="unknown", code=type(error).__name__)
        except BaseException:
            client.close()
            raise
        self._idle.append((time.monotonic(), client))
        return Answered(kind="accepted", code=str(said.code), text=said.message)

    def _reuse(self) -> SMTP | None:
        """The connection that was used last, if it is fresh; older ones are closed."""
        while self._idle:
            since, client = self._idle.pop()
            if client.is_connected and time.monotonic() - since < _IDLE_S:
                return client
            client.close()
        return None

    def _client(self) -> SMTP:
        url = urlsplit(self._server.url)
        secure = url.scheme == "smtps"
        return SMTP(
            hostname=url.hostname,
            port=url.port or (465 if secure else 25),
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=secure,
            timeout=self._server.timeout_s,
        )


def _refused(code: int, message: str, *, of_one: bool = False) -> Answered:
    """Read a server's refusal: 4xx is for now, 5xx for good; ``of_one``: it says nothing about other mails."""
    return Answered(
        kind="refused" if code >= 500 else "not_taken",
        code=str(code),
        text=message,
        concerns="message" if of_one else "provider",
    )
