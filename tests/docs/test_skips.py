"""CI refuses a run in which a test was skipped, and one in which no test ran."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parent.parent / "conftest.py"
SKIPS = "import pytest\n\ndef test_good():\n    pass\n\ndef test_skipped():\n    pytest.skip('no reason')\n"


def pytest_run(folder: Path, text: str, *options: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest on one file in a folder of its own, with the project's conftest beside it."""
    (folder / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(folder),
        *options,
        str(folder),
    ]
    environment = {**os.environ, "CI": ci}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=60, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_ci_takes_no_skipped_test(tmp_path: Path, options: tuple[str, ...]) -> None:
    result = pytest_run(tmp_path, SKIPS, *options, ci="true")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert "test_it.py::test_skipped was skipped; CI takes none" in result.stdout


def test_ci_takes_no_module_that_skips_itself(tmp_path: Path) -> None:
    text = "import pytest\npytest.skip('all of it', allow_module_level=True)\n"
    assert pytest_run(tmp_path, text, ci="true").returncode != 0


def test_a_person_may_skip(tmp_path: Path) -> None:
    assert pytest_run(tmp_path, SKIPS, ci="false").returncode == 0


def test_a_run_without_tests_fails(tmp_path: Path) -> None:
    assert pytest_run(tmp_path, "x = 1\n", ci="true").returncode == pytest.ExitCode.NO_TESTS_COLLECTED
