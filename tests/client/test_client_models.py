"""The client's models and the service's schemas agree on the wire format."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from api.lists import imagery
from api.routes import deck_list, lexicon
from shared import schemas
from shared.schemas import deck
from shared.writing.language import Language, LanguageChoice, TranslationLanguage
from shared.writing.motif import ImageryMode
from writing_client import deck as client_deck
from writing_client import imagery as client_imagery
from writing_client import models

SERVICE: dict[str, type[BaseModel]] = {
    name: found
    for module in (schemas, deck, deck_list, lexicon)
    for name, found in vars(module).items()
    if isinstance(found, type) and issubclass(found, BaseModel)
}
BASES = {"RequestModel", "ResponseModel"}
OURS = [
    found
    for name, found in vars(models).items()
    if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == models.__name__
]
MODELS = [model for model in OURS if model.__name__ not in BASES]


def shape(model: type[BaseModel], mode: Any) -> Any:
    """Return a model's JSON schema without documentation and bounds."""
    return _plain(model.model_json_schema(mode=mode))


def _plain(schema: Any) -> Any:
    if isinstance(schema, list):
        return sorted((_plain(item) for item in schema), key=str)
    if not isinstance(schema, dict):
        return schema
    if schema.get("additionalProperties") is True:  # fields may be added, so the client takes it as a dictionary
        return {"type": "object"}
    kept = ("type", "properties", "anyOf", "items", "additionalProperties", "enum", "$ref", "$defs", "required")
    return {
        name: {key: _plain(value) for key, value in found.items()} if name in {"properties", "$defs"} else _plain(found)
        for name, found in schema.items()
        if name in kept and not (name == "additionalProperties" and isinstance(found, bool))
    }


@pytest.mark.parametrize(
    "model", [model for model in MODELS if issubclass(model, models.ResponseModel)], ids=lambda model: model.__name__
)
def test_answers_have_the_services_fields_and_types(model: type[BaseModel]) -> None:
    ours, theirs = shape(model, "validation"), shape(SERVICE[model.__name__], "serialization")
    assert ours["properties"] == theirs["properties"]
    assert set(ours.get("required", [])) <= set(theirs.get("required", [])), (
        "fields that the client requires are always sent"
    )


@pytest.mark.parametrize(
    "model", [model for model in MODELS if issubclass(model, models.RequestModel)], ids=lambda model: model.__name__
)
def test_requests_have_the_services_fields_and_defaults(model: type[BaseModel]) -> None:
    theirs = SERVICE[model.__name__]
    assert set(model.model_fields) == set(theirs.model_fields)
    for name, field in model.model_fields.items():
        other = theirs.model_fields[name]
        assert field.is_required() == other.is_required(), name
        assert field.get_default(call_default_factory=True) == other.get_default(call_default_factory=True), name


def test_enumerations_and_limits_are_the_services() -> None:
    for name in ("Priority", "Quality", "JobStatus", "WorkerState"):
        assert list(getattr(models, name)) == list(getattr(schemas, name))
    assert models.ControlType == schemas.ControlType
    assert models.ImageryMode == ImageryMode
    assert list(models.Language) == list(Language)
    assert (models.LanguageChoice, models.TranslationLanguage) == (LanguageChoice, TranslationLanguage)
    for name in ("MAX_WORDS", "MAX_CARDS", "MAX_CHARACTERS", "FIRST_EAST_ASIAN", "DIGEST_LENGTH"):
        assert getattr(client_deck, name) == getattr(deck, name)


def test_a_request_of_the_client_is_one_of_the_service() -> None:
    request = models.GenerationRequest(
        word="学习", imagery=("books",), legibility=models.LegibilityTarget(target=0.9), quality=models.Quality.FAST
    )
    sent = request.model_dump(mode="json", exclude_unset=True)
    assert schemas.GenerationRequest.model_validate(sent).model_dump(mode="json", exclude_unset=True) == sent


@given(st.lists(st.sampled_from([*"aB ,;，、；،؛\t", "auto", "none", "graduation-cap"])).map("".join) | st.text())
@example("books، owl؛ AUTO")
def test_imagery_is_read_as_the_service_reads_it(text: str) -> None:
    assert client_imagery.read_imagery(text) == imagery.read_imagery(text)


def test_the_client_loads_no_part_of_the_service_nor_what_only_that_needs() -> None:
    """Checked in a fresh interpreter."""
    code = "import sys, writing_client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "writing_client" in loaded
    unwanted = {
        "fontTools",
        "sqlite3",
        "genanki",
        "regex",
        "shared",
        "api",
        "worker",
        "redis",
        "celery",
        "flask",
        "numpy",
    }
    assert loaded & unwanted == set()
