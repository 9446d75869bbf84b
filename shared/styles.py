"""Styles: a prompt template and the weight of each control type, as data in ``config/styles.yaml``."""

import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shared.errors import SettingsError, UnknownStyle
from shared.schemas import ControlType, Weight
from shared.yaml_file import read_yaml

PLACEHOLDERS = frozenset({"meaning", "character"})


Share = Annotated[float, Field(ge=0, le=1)]


class Pen(BaseModel):
    """The pen that a style is drawn with by hand, which the scribble methods imitate.

    Attributes:
        width: line width, as a share of the picture's shorter side.
        pressure: how much the width follows the pressure of the hand; 0: an even line.
        speed: how fast the hand moves; a fast hand overshoots and thins out at the end; 0: slow and exact.
        roughness: tremor of the hand and roughness of the line's edge.
        grain: how much of the paper shows through, as with chalk or a dry brush.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: Annotated[float, Field(gt=0, le=0.1)] = 0.012
    pressure: Share = 0.0
    speed: Share = 0.0
    roughness: Share = 0.0
    grain: Share = 0.0


class StyleDefinition(BaseModel):
    """A style.

    Attributes:
        base_template: the prompt, with the placeholder {meaning} and optionally {character}.
        controlnet_weights: control type to weight, 0 to 2; omitted types are not used.
        negative_prompt: what the style should not look like, added to the model's own negative prompt.
        label: the display name.
        pen: the pen of the style-aware scribble.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_template: str
    controlnet_weights: Mapping[ControlType, Weight]
    negative_prompt: str = ""
    label: Annotated[str, Field(max_length=40)] = ""
    pen: Pen = Pen()

    @field_validator("base_template")
    @classmethod
    def _placeholders_are_known(cls, template: str) -> str:
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        if "meaning" not in names or not names <= PLACEHOLDERS:
            raise ValueError("must contain {meaning} and may contain {character}; other placeholders are not allowed")
        return template

    def fill(self, meaning: str, character: str) -> str:
        """Return the prompt for a meaning and the word it belongs to."""
        return self.base_template.format(meaning=meaning, character=character)


def load_styles(path: Path) -> Mapping[str, StyleDefinition]:
    """Read the styles by name.

    Raises:
        SettingsError: the file is not a mapping, or a style is wrong; names the style and the key.
    """
    return MappingProxyType({name: _style(path, name, entry) for name, entry in read_yaml(path).items()})


def _style(path: Path, name: str, entry: Any) -> StyleDefinition:
    try:
        return StyleDefinition.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{path.name}: style {name!r}: {key}: {reason}") from error


def find_style(name: str, styles: Mapping[str, StyleDefinition]) -> StyleDefinition:
    """Return a style.

    Raises:
        UnknownStyle: the style does not exist.
    """
    if name not in styles:
        raise UnknownStyle(f"there is no style {name!r}; available: {', '.join(styles)}", field="style")
    return styles[name]
