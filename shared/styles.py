"""Styles: a prompt template and how strongly each control type steers. They are data: ``config/styles.yaml``."""

import string
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from shared.errors import SettingsError
from shared.schemas import ControlType, Weight

PLACEHOLDERS = frozenset({"meaning", "character"})


Share = Annotated[float, Field(ge=0, le=1)]


class Pen(BaseModel):
    """What a style is drawn with by hand; the scribble methods follow it.

    Attributes:
        width: of the line, as a share of the picture's shorter side.
        pressure: how much the width follows the pressure of the hand; 0: an even line.
        speed: a fast hand overshoots and thins out at the end; 0: slow and exact.
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
        base_template: the prompt, with the placeholders {meaning} and, if wanted, {character}.
        controlnet_weights: control type to weight, 0 to 2; a type that is left out does not steer.
        negative_prompt: what the style should not look like, added to the model's own negative prompt.
        label: the name to show.
        pen: what the style-aware scribble draws with.
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
            raise ValueError("needs {meaning}, may have {character}, and nothing else in braces")
        return template

    def fill(self, meaning: str, character: str) -> str:
        """Return the prompt for a meaning and the word it belongs to."""
        return self.base_template.format(meaning=meaning, character=character)


def load_styles(path: Path) -> Mapping[str, StyleDefinition]:
    """Read the styles by name.

    Raises:
        SettingsError: the file is no mapping, or names the style and the key that are wrong.
    """
    return MappingProxyType({name: _style(path, name, entry) for name, entry in read_yaml(path).items()})


def _style(path: Path, name: str, entry: Any) -> StyleDefinition:
    try:
        return StyleDefinition.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{path.name}: style {name!r}: {key}: {first['msg']}") from error


class UniqueKeys(yaml.SafeLoader):
    """Reads YAML, and refuses a key that stands twice: YAML would silently take the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping."""
        keys = [key.value for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key!r} stands twice", problem_mark=node.value[number][0].start_mark
                )
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML file that is a mapping.

    Raises:
        SettingsError: it cannot be read, or is none.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), UniqueKeys)  # noqa: S506  # a SafeLoader
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: is not a mapping")
    return content
