"""The base of all settings sections."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import SettingsError

Seconds = Annotated[float, Field(gt=0, le=1e9)]  # more than a system call or a lock can wait is an error there
Count = Annotated[int, Field(gt=0, le=2**53)]  # exact in Lua, and as seconds within the range of Redis
# Pydantic's own texts name Python's types, or do not say what to do.
REASONS = {
    "missing": "is missing, perhaps new; the file of this version in config/ has it with its default",
    "tuple_type": 'must be a list, which an environment variable gives as JSON: ["…", "…"]',
    "model_type": "must be a mapping of keys to values",
}
S = TypeVar("S", bound=BaseModel)


class Section(BaseModel):
    """Base class of the settings sections. The files in ``config/`` describe their keys and have all defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


def checked(kind: type[S], values: Mapping[str, Any], path: str = "") -> S:
    """Return a section built from its values.

    Args:
        kind: the section's class.
        values: the values by name.
        path: the section's path, e.g. "api".

    Raises:
        SettingsError: a setting is wrong; names the first one.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, (path, *first["loc"]) if path else first["loc"]))
        reason = REASONS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"setting {place}: {reason}" if place else f"setting {reason}") from error
