"""The base classes of all schemas, and shared value types."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

T = TypeVar("T", str, "str | None")


def _integral(value: object) -> object:
    """Return 7 for 7.0, because JSON has only one number type."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


INTEGRAL = BeforeValidator(_integral)  # must come last: JSON Schema has bounds only for a plain integer

CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _without_control_characters(text: T) -> T:
    """Return a text unchanged.

    Raises:
        PydanticCustomError: it contains a control character.
    """
    if text and CONTROL_CHARACTER.search(text):
        raise PydanticCustomError("invalid_text", "contains a control character")
    return text


PLAIN = AfterValidator(_without_control_characters)


class Schema(BaseModel):
    """Base class of everything on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class RequestModel(Schema):
    """Base class of what clients send: in every optional field, null means the same as an omitted field."""

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields = cls.model_fields
        return {
            key: value
            for key, value in data.items()
            if value is not None or key not in fields or fields[key].is_required()
        }

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema, in which every optional field is nullable."""
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        for name, field in schema["properties"].items():
            if name not in schema["required"] and {"type": "null"} not in field.get("anyOf", []):
                about = {key: field.pop(key) for key in ("title", "description", "default") if key in field}
                schema["properties"][name] = {"anyOf": [field, {"type": "null"}], **about}
        return reference
