"""Providers on this machine for benchmarks: an SMS gateway and a target of calls over HTTP, and a mail server.

Runs as a process of its own: ``python -m benchmarks.gateway`` prints one JSON line with its URLs, takes everything,
and ends when its standard input closes.
"""

import asyncio
import json
import sys

from aiohttp import web
from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP, Envelope, Session


class _Mail:
    """Takes every mail."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Say yes."""
        return "250 OK"


async def _take(request: web.Request) -> web.Response:
    body = await request.json()
    return web.json_response({"id": str(body.get("reference", ""))})


async def _serve() -> None:
    app = web.Application()
    app.router.add_post("/{what}", _take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    mail = UnthreadedController(_Mail(), hostname="127.0.0.1", port=0, loop=asyncio.get_running_loop())
    server = await asyncio.get_running_loop().create_server(mail.factory, "127.0.0.1", 0)
    smtp = server.sockets[0].getsockname()[1]
    urls = {
        "sms": f"http://127.0.0.1:{port}/sms",
        "calls": f"http://127.0.0.1:{port}/calls",
        "smtp": f"smtp://127.0.0.1:{smtp}",
    }
    print(json.dumps(urls), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
