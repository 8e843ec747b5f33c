"""A row of the log as people read it on a terminal, and the zone that its times are told in."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from sojourn.core.book import Rules
from sojourn.core.model import Row
from sojourn.core.saying import Language, instant_words, reason_sentence, status_word
from sojourn.core.vocabulary import STATUSES

_STYLES: Final = {"ok": "green", "wait": "blue", "none": "dim", "bad": "bold red", "doubt": "yellow"}


def print_rows(rows: Iterable[Row], language: Language, zone: str, rules: Rules | None = None) -> None:
    """Print each row on a line, and below it the sentence for its reason."""
    console = Console(soft_wrap=True, highlight=False)
    for row in rows:
        status = STATUSES.get(row.status)
        line = Text(f"{instant_words(row.decided_at, language, zone)}  ")
        line.append(f"{status_word(row.status, language)}", style=_STYLES[status.token] if status else "")
        step = f".{row.step}" if row.step else ""
        line.append(f"  {row.customer_id or '-'}  {row.journey}{step}  {row.channel or ''}".rstrip())
        console.print(line)
        if row.reason:
            console.print(Text(f"    {row.reason}: {reason_sentence(row, language, zone, rules)}", style="dim"))


def project_rules(project: Path | None) -> tuple[Rules | None, str]:
    """Give the rules of the project folder and its name for the field of the zone; None where it has errors now."""
    from sojourn.definitions.problems import DefinitionError
    from sojourn.definitions.project import load_project

    try:
        loaded = load_project(project or Path(os.environ.get("SOJOURN_PROJECT") or "."), ())
    except DefinitionError:
        return None, ""
    return loaded.rules, loaded.profile.roles.zone
