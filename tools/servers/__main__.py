"""`python -m tools.servers`: fetches what the servers need and is not in a wheel; does nothing when it is there."""

from __future__ import annotations

from tools.servers.jars import fetch

if __name__ == "__main__":
    fetch()
