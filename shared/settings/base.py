"""What all sections have."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import SettingsError

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
S = TypeVar("S", bound=BaseModel)


class Section(BaseModel):
    """Base of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


def checked(kind: type[S], values: Mapping[str, Any], path: str = "") -> S:
    """Return a section by its values.

    Args:
        kind: its class.
        values: by name.
        path: where it stands, e.g. "api".

    Raises:
        SettingsError: names the first setting that is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, (path, *first["loc"]) if path else first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"setting {place}: {reason}" if place else f"setting {reason}") from error
