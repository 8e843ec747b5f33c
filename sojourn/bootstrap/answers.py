"""What other systems answer to calls, checked by the types that the project declares (Q4, Q26)."""

from collections.abc import Mapping
from typing import Any

from sojourn.core.types import Type, decode
from sojourn.definitions.project import Project
from sojourn.schema import instant_of

_PYTHON = {"text": str, "int": int, "number": int | float, "bool": bool, "date": str, "decimal": str}


class AnswerReader:
    """Reads the answer of a call: typed as declared, or None when it is not of those types."""

    def __init__(self, project: Project) -> None:
        self._answers = {name: call.answer for name, call in project.calls.items()}

    def __call__(self, name: str, body: object) -> Mapping[str, object] | None:
        """Give the values of an answer; fields that nobody declared are left out, absent ones are None."""
        declared = self._answers.get(name)
        if declared is None or not isinstance(body, dict):
            return None
        values: dict[str, object] = {}
        for field, type_ in declared.items():
            try:
                values[field] = _typed(type_, body.get(field))
            except (ValueError, TypeError, ArithmeticError):
                return None
        return values


def _typed(type_: Type, value: Any) -> Any:
    """Give the typed value of a JSON value, or raise."""
    if value is None:
        if type_.nullable:
            return None
        raise ValueError("absent")
    if type_.kind == "instant":
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return instant_of(value) if isinstance(value, str) else _refuse()
    wanted = _PYTHON.get(type_.kind)
    if wanted is not None and (not isinstance(value, wanted) or (isinstance(value, bool) and type_.kind != "bool")):
        _refuse()
    if type_.kind in ("list", "set") and not isinstance(value, list):
        _refuse()
    if type_.values is not None and value not in type_.values:
        _refuse()
    return decode(type_, value)


def _refuse() -> None:
    raise ValueError("not of the declared type")
