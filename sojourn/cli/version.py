"""``sojourn version``."""

import platform

from sojourn import __version__
from sojourn.cli.common import JsonOption, say, say_line


def version(as_json: JsonOption = False) -> None:
    """Print the version of the engine and of Python.

    \b
    Example:
      sojourn version
    """
    if as_json:
        say_line({"sojourn": __version__, "python": platform.python_version()})
    else:
        say(f"sojourn {__version__} (Python {platform.python_version()})")
