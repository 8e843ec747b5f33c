"""The nearest name that exists: the hint of every "unknown name" error."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Give the candidate that a misspelt name most likely meant, or None when none is close.

    Case and separators do not count (``dueDate`` finds ``due_date``). Ties go to the candidate that
    sorts first, so the same project gives the same hint on every machine.
    """
    folded: dict[str, str] = {}
    for candidate in sorted(candidates):
        folded.setdefault(_fold(candidate), candidate)
    found = get_close_matches(_fold(name[:200]), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str], prefix: str = "") -> str:
    """Give ``did you mean `x`?``, or an empty text when no candidate is close."""
    found = nearest(name, candidates)
    return f"did you mean `{prefix}{found}`?" if found else ""


def _fold(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "") or name
