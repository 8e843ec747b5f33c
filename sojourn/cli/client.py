"""A small client of the HTTP interface, for commands that talk to a running engine."""

import asyncio
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp

from sojourn.bootstrap.settings import read_settings
from sojourn.errors import ConfigurationError

_TRIES: Final = 8
_WAIT_MOST: Final = 10.0


def client_of(project: Path | None, url: str | None, key: str | None) -> "Client":
    """Give a client for the engine of a project, or for the one at a URL.

    Raises:
        ConfigurationError: No key is known.
    """
    settings = read_settings(os.environ, project)
    if key is None and settings.api_key is not None:
        key = settings.api_key.get_secret_value()
    if key is None:
        try:
            key = (settings.var / "api.key").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                "No API key is known",
                next_step="Give --key, set SOJOURN_API_KEY as the engine has it, or start `sojourn run` here once",
            ) from error
    if url is None:
        url = _address_of(settings.var / "listen", f"http://{settings.listen.host}:{settings.listen.port}")
    return Client(url.rstrip("/"), key)


def _address_of(path: Path, default: str) -> str:
    """The engine leaves its address in var/listen, because a taken port makes it choose another one."""
    try:
        return path.read_text("ascii").strip() or default
    except (OSError, UnicodeDecodeError):
        return default


class Client:
    """Talks to one engine; what it asks to send again later is sent again."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {key}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, path: str, body: bytes, content_type: str) -> bytes:
        """Post until the engine has taken the body, and give its answer (202, or 400 with what was refused).

        Raises:
            ConfigurationError: Nobody is there, the key is wrong, or the engine takes nothing for too long.
        """
        assert self._session is not None
        said = "no answer"
        for attempt in range(_TRIES):
            try:
                headers = {**self._headers, "Content-Type": content_type}
                async with self._session.post(self._url + path, data=body, headers=headers) as answer:
                    content = await answer.read()
                    if answer.status == 202 or (answer.status == 400 and b'"refused"' in content):
                        return content
                    said = f"{answer.status} {content[:300].decode('utf-8', 'replace')}"
                    if answer.status not in (429, 503):
                        break
                    wait = float(answer.headers.get("Retry-After", "1"))
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                said, wait = type(error).__name__, 0.3
                if attempt >= 2 and isinstance(error, aiohttp.ClientConnectorError):
                    break
            await asyncio.sleep(min(_WAIT_MOST, wait * (1 + attempt / 2)))
        key = "Give the key of that engine: --key, or SOJOURN_API_KEY"
        raise ConfigurationError(
            "The engine did not take the events",
            url=self._url,
            said=said,
            next_step=key if said.startswith("401") else "Check that an engine runs there; sending again is safe",
        )
