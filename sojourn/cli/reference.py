"""The reference pages that are written from the code: commands, settings, metrics, statuses and reasons.

``python -m sojourn.cli.reference commands > docs/reference/commands.md`` writes one; a test holds all equal.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import typer

_HEAD: Final = "<!-- Written from the code: python -m sojourn.cli.reference {name} -->\n"


def commands_page() -> str:
    """Give the page of all commands, with their options and exit statuses."""
    from sojourn.cli.app import ABOUT, app

    root: Any = typer.main.get_command(app)
    lines = ["# Commands", "", *_prose(ABOUT)]
    lines += [
        "",
        "Every command has `--help`. Where one takes `--project`, the folder may also be named by the setting",
    ]
    lines += ["`SOJOURN_PROJECT`. Commands that read the log or the store work beside a running engine."]
    for path, command in _commands(root, ("sojourn",)):
        lines += ["", f"## `{' '.join(path)}`", "", f"`{_usage(path, command)}`", "", *_prose(command.help or "")]
        lines += _options(command)
    return _page("commands", lines)


def settings_page() -> str:
    """Give the page of all settings."""
    from sojourn.bootstrap.settings import PREFIX, Settings

    lines = [
        "# Settings",
        "",
        "Environment variables, or lines of a `.env` file in the project folder; the environment wins. An unknown name",
        f"that begins with `{PREFIX}` is refused with the nearest known one. Every value may also come from a file:",
        "`NAME_FILE` names it. How providers want messages stands in `channels.yaml`",
        "([add a channel](../how-to/add-a-channel.md)).",
        "",
        "| setting | meaning | default |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        lines.append(f"| `{PREFIX}{name.upper()}` | {field.description} | {_default(field.default)} |")
    return _page("settings", lines)


def metrics_page() -> str:
    """Give the page of all metrics."""
    from sojourn.bootstrap.metrics import Metrics

    lines = [
        "# Metrics",
        "",
        "`GET /metrics` gives them in the text form of Prometheus. A counter's name ends in `_total` there,",
        "a histogram's in `_bucket`, `_count` and `_sum`. No metric carries a value of a customer.",
        "",
        "| metric | kind | labels | meaning |",
        "|---|---|---|---|",
    ]
    for one in sorted(Metrics().registry._collector_to_names, key=lambda held: str(getattr(held, "_name", ""))):
        labels = ", ".join(f"`{label}`" for label in getattr(one, "_labelnames", ())) or "none"
        name, kind, text = (str(getattr(one, part)) for part in ("_name", "_type", "_documentation"))
        lines.append(f"| `{name}` | {kind} | {labels} | {text} |")
    return _page("metrics", lines)


def reasons_page() -> str:
    """Give the page of statuses, reasons and what makes an input a dead letter."""
    from sojourn.core.saying import whole
    from sojourn.core.vocabulary import REASONS, STATUSES
    from sojourn.intake.decode import REASONS as REFUSALS
    from sojourn.operations.letters import OTHERS

    lines = [
        "# Statuses and reasons",
        "",
        "Every decision about a message is a row of the log with a status and, for everything but `sent` and",
        "`delivered`, a reason. Both lists are closed. The sentences are what support can read out; values of the row",
        "stand in the braces, and a part that lacks its value is left out.",
        "",
        "## Statuses",
        "",
        "| status | 中文 | English | means |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{one.name}` | {one.zh} | {one.en} | {one.meaning} |" for one in STATUSES.values()]
    lines += ["", "## Reasons", "", "| reason | 中文 | English | means |", "|---|---|---|---|"]
    for reason in REASONS.values():
        lines.append(f"| `{reason.name}` | {whole(reason.zh)} | {whole(reason.en)} | {reason.meaning} |")
    lines += ["", "## Dead letters", "", "Why an input is no event. The answer to a POST and `sojourn dead-letters`"]
    lines += ["name the reason; the bytes are kept.", "", "| reason | means |", "|---|---|"]
    lines += [f"| `{name}` | {text} |" for name, text in (dict(REFUSALS) | dict(OTHERS)).items()]
    return _page("reasons", lines)


def topics_page() -> str:
    """Give the page of Kafka topics: what is asked of those that come in, and what goes out."""
    from sojourn.cli.topics_page import page

    return _page("topics", page())


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "commands": commands_page,
    "settings": settings_page,
    "metrics": metrics_page,
    "reasons": reasons_page,
    "topics": topics_page,
}


def _page(name: str, lines: list[str]) -> str:
    return _HEAD.format(name=name) + "\n".join(lines).rstrip() + "\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, one in getattr(command, "commands", {}).items():
        if hasattr(one, "commands"):
            yield from _commands(one, (*path, name))
        else:
            yield (*path, name), one


def _usage(path: tuple[str, ...], command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    words = [one.metavar or one.name.upper() for one in arguments]
    shown = [word if one.required else f"[{word}]" for word, one in zip(words, arguments, strict=True)]
    return " ".join([*path, *shown, "[options]"])


def _options(command: Any) -> list[str]:
    lines: list[str] = []
    for one in command.params:
        if one.name == "help":
            continue
        is_option = one.param_type_name == "option"
        name = ", ".join([*one.opts, *one.secondary_opts]) if is_option else one.metavar or one.name.upper()
        needed = " Required." if is_option and one.required else ""
        lines.append(f"| `{name}` | {(one.help or '').replace('|', ', ')}{needed} |")
    return ["", "| | |", "|---|---|", *lines] if lines else []


def _prose(text: str) -> list[str]:
    """Give a help text; what stands behind a ``\\b`` mark is an example and keeps its lines."""
    lines: list[str] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        if part.lstrip().startswith("\b"):
            first, *rest = [line.strip() for line in part.replace("\b", "").strip().splitlines()]
            lines += [first, "", "```sh", *rest, "```", ""]
        else:
            lines += [" ".join(part.split()), ""]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _default(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if hasattr(value, "port"):
        return f"`{value.host}:{value.port}`"
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(PAGES[sys.argv[1]]())
