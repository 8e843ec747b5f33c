"""``sojourn log``."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from sojourn.cli.common import JsonOption, ProjectOption, instant, say, say_line, tell
from sojourn.core.nearest import did_you_mean
from sojourn.core.vocabulary import STATUSES
from sojourn.errors import ConfigurationError
from sojourn.records import LogPage

LIMIT = 10_000
PAGE = 1_000  # rows read at a time when all of them are asked for
FEW = 50


class Lang(StrEnum):
    """The language of sentences."""

    ZH = "zh"
    EN = "en"


LangOption = Annotated[Lang, typer.Option("--lang", help="Language of the sentences.")]
ZoneOption = Annotated[
    str | None, typer.Option("--zone", help="Time zone of the times shown. [default: the project's]")
]


def log(
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer id.")] = None,
    journey: Annotated[str | None, typer.Option("--journey", help="Only this journey.")] = None,
    status: Annotated[str | None, typer.Option("--status", help=f"One of {', '.join(STATUSES)}.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only rows from here on: 2026-03-08T00:00:00Z.")] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, max=LIMIT, help="At most so many rows. [default: 50; with --json all]"),
    ] = None,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Go on where the last page ended.")] = None,
    as_json: JsonOption = False,
    project: ProjectOption = None,
    lang: LangOption = Lang.EN,
    zone: ZoneOption = None,
) -> None:
    """Show decisions, newest first: what was sent, what was not, and why. Works beside a running engine.

    With --json one row a line, the same rows as GET /v1/log.

    \b
    Examples:
      sojourn log --status suppressed
      sojourn log --journey claim_status --since 2026-03-08T00:00:00Z --json

    Exit status: 0; 2 there is no store, or an option is wrong.
    """
    from sojourn.cli.reading import read
    from sojourn.cli.rowtext import print_rows, project_rules
    from sojourn.core.zones import is_zone
    from sojourn.records import LogFilter

    if status is not None and status not in STATUSES:
        raise ConfigurationError(
            "There is no such status", status=status, next_step=did_you_mean(status, STATUSES) or ", ".join(STATUSES)
        )
    if zone is not None and not is_zone(zone):
        raise ConfigurationError("There is no such time zone", zone=zone, next_step="Write Asia/Shanghai")
    where = LogFilter(
        customer_id=customer,
        journey=journey,
        status=status,
        since=None if since is None else instant(since, "--since"),
    )
    page = read(project, lambda views: views.log(where, limit or (PAGE if as_json else FEW), cursor))
    if as_json:
        page = _write_all(page, lambda after: read(project, lambda views: views.log(where, PAGE, after)), limit)
    elif page.rows:
        rules, _ = project_rules(project)
        print_rows(page.rows, lang.value, zone or (rules.default_zone if rules else "UTC"), rules)
    else:
        say("no rows")
    if page.next is not None:
        tell(f"more: --cursor {page.next}")


def _write_all(page: LogPage, next_page: Callable[[str], LogPage], limit: int | None) -> LogPage:
    """Write the rows of a page and, where no limit is given, of all that follow; give the last page."""
    from sojourn.rows import row_json

    while True:
        for row in page.rows:
            say_line(row_json(row))
        if limit is not None or page.next is None:
            return page
        page = next_page(page.next)
