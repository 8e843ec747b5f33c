"""House rules of every test run: no skipped test counts as passed where CI runs."""

from __future__ import annotations

import os

import pytest


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
