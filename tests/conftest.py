"""What every test run shares: real servers, and the rule that no skipped test counts as passed where CI runs.

One Kafka broker and one PostgreSQL serve a whole session. They start when a test first asks for one and end with
the session. A test that kills or freezes a server starts its own (tools.servers).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from tools.servers import KafkaBroker, PostgresServer


@pytest.fixture(scope="session")
def kafka() -> Iterator[KafkaBroker]:
    """The broker of the session, without authentication; make topics under the prefix `topics`."""
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL server of the session; kills of clients lose nothing, a power cut would."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def topics() -> str:
    """A prefix for topics and groups that no other test has, with a dot at its end."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty database, `postgresql://...`, that is dropped after the test."""
    name = f"t{uuid.uuid4().hex[:10]}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


class RefuseSkips:
    """Fails a session in which a test was skipped or expected to fail; CI registers it."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remembers each skipped test; with xdist the reports of all workers come to the first process."""
        if report.skipped:
            self.found.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remembers each module that skipped itself while it was collected."""
        if report.skipped:
            self.found.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turns a good session with skipped tests into a failed one."""
        if self.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Names the tests that were skipped."""
        for nodeid in self.found:
            terminalreporter.write_line(f"refused: {nodeid} was skipped; CI takes none", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Registers the guard where CI=true, in the process that sums up."""
    if os.environ.get("CI") == "true" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RefuseSkips(), "refuse-skips")
