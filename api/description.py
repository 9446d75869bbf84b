"""The OpenAPI document. Descriptions shared by many calls are added here, so that routes need not repeat them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from flask_openapi3 import APIBlueprint, OpenAPI
from pydantic.json_schema import models_json_schema

from api.problems import problem_responses
from shared.schemas import GenerationRequest
from shared.schemas.deck import CardsRequest, DeckRequest, PictureChoice

Operation = dict[str, Any]

SCHEMAS = "#/components/schemas/"
BODIES = (GenerationRequest, DeckRequest, CardsRequest, PictureChoice)

# Method and path, as a regular expression, of the calls to which a status applies; `.*`: all.
BATCH, DECK = r"post /api/writing/batches", r"post /api/writing/decks"
WITHOUT_JOBS = r"post /api/writing/(word-lists|anki-packages)"
DECK_FILE = r"get /api/writing/decks/\{deck_id\}\.(zip|apkg)"
POLLED_DECK = r"get /api/writing/decks/\{deck_id\}"
SUBMIT, SAMPLE = r"post /api/writing/generate-writing-image", r"get /api/writing/styles/\{style\}/sample"
JOB = r"get /api/writing/jobs/\{job_id\}"
MOTIF = r"get /api/writing/imagery/\{name\}\.svg"
PICTURES = rf"{JOB}/(image|conditioning/.*|variations/.*)"
OPERATORS = r"get /health/detailed|post /health/warmup"
KEYED = r"\w+ /api/.*|" + OPERATORS

PROBLEMS: Mapping[int, str] = {
    400: ".*",
    401: KEYED,
    403: OPERATORS,
    408: r"(post|put) /api/writing/.*",
    421: KEYED,
    429: f"{SUBMIT}|{SAMPLE}",
}
BODILESS: Mapping[int, tuple[str, str]] = {
    204: (rf"{JOB}/events", "The client has already received the end and should not reconnect."),
    304: (rf"{JOB}|{POLLED_DECK}|{PICTURES}|{SAMPLE}|{MOTIF}", "The client's copy is up to date (If-None-Match)."),
}
# The statuses of calls that are counted before anything else is checked.
COUNTED = (200, 202, 408, 409, 410, 413, 415, 422, 429, 500, 503)
RATE: Mapping[str, str] = {
    "X-RateLimit-Limit": "calls allowed in the current window, if there is a limit",
    "X-RateLimit-Remaining": "calls left in the current window",
    "X-RateLimit-Reset": "when the window ends, in seconds since the epoch",
}
# Header, its description, and the statuses and calls whose responses carry it.
HEADERS: tuple[tuple[str, str, tuple[int, ...], str], ...] = (
    ("Location", "the job's URL", (200, 202), SUBMIT),
    ("Location", "the job's URL, if the request was accepted", (409, 410, 422, 500, 503), SUBMIT),
    ("Location", "the deck's URL", (202,), DECK),
    ("Preference-Applied", "`wait=N`, if the service waited", (200, 202, 409, 410, 422, 500), SUBMIT),
    *((name, description, COUNTED, f"{SUBMIT}|{DECK}|{WITHOUT_JOBS}") for name, description in RATE.items()),
    *((name, description, (200,), BATCH) for name, description in RATE.items()),
    ("Retry-After", "seconds to wait before trying again", (429, 503), ".*"),
    ("Retry-After", "seconds to wait before trying again", (404,), SAMPLE),
    ("Retry-After", "seconds to wait before trying again", (409,), DECK_FILE),
    ("Content-Disposition", "the file's name", (200,), DECK_FILE),
    ("ETag", "for If-None-Match", (200, 304), rf"{JOB}|{POLLED_DECK}|{PICTURES}|{SAMPLE}|{MOTIF}"),
    ("Vary", "`Accept`, of a small version", (200, 304), PICTURES),
    ("Cache-Control", "how long it may be cached", (200,), rf"{PICTURES}|{SAMPLE}|{MOTIF}"),
    ("WWW-Authenticate", "`Bearer`", (401,), ".*"),
)


class DescribedApi(OpenAPI):
    """A flask-openapi3 application with a complete OpenAPI document."""

    def register_api(self, api: APIBlueprint, **options: Any) -> None:
        """Register a blueprint, also for addresses that another one has, with other methods."""
        before = dict(self.paths)
        super().register_api(api, **options)
        for path in before.keys() & api.paths.keys():
            methods = {name: getattr(api.paths[path], name) for name in api.paths[path].model_fields_set}
            self.paths[path] = before[path].model_copy(update=methods)

    def generate_spec_json(self) -> None:
        """Generate the document."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        for path, operations in self.spec_json["paths"].items():
            for method, operation in operations.items():
                _complete(f"{method} {path}", operation)
        self._describe_bodies()

    def _describe_bodies(self) -> None:
        """Add the schemas of JSON bodies as pydantic makes them.

        flask-openapi3 omits keywords that it does not know, such as `propertyNames`. It does not see the body of a
        deck, which may be CSV and is read raw, nor that a batch's requests are those of a single call.
        """
        _, schema = models_json_schema([(model, "validation") for model in BODIES], ref_template=f"{SCHEMAS}{{model}}")
        components = self.spec_json["components"]["schemas"]
        components.update(schema["$defs"])
        components["Batch"]["properties"]["requests"]["items"] = {"$ref": f"{SCHEMAS}{GenerationRequest.__name__}"}
        body = self.spec_json["paths"]["/api/writing/decks"]["post"]["requestBody"]
        body["required"] = True
        body["content"]["application/json"]["schema"] = {"$ref": f"{SCHEMAS}{DeckRequest.__name__}"}


def _complete(call: str, operation: Operation) -> None:
    responses = operation["responses"]
    expected = [status for status, calls in PROBLEMS.items() if re.fullmatch(calls, call)]
    _add_problems(responses, [*expected, 422])
    for status, (calls, description) in BODILESS.items():
        if re.fullmatch(calls, call):
            responses[str(status)] = {"description": description}
    for name, description, statuses, calls in HEADERS:
        for status in filter(responses.__contains__, map(str, statuses)):
            if re.fullmatch(calls, call):
                header = {"description": description, "schema": {"type": "string"}}
                responses[status].setdefault("headers", {})[name] = header
    is_keyed = re.fullmatch(KEYED, call)
    operation["security"] = [{"bearer": []}, {"header": []}] if is_keyed else []


def _add_problems(responses: dict[str, Any], statuses: Iterable[int]) -> None:
    for status, response in problem_responses(*statuses).items():
        responses[str(status)] = {"description": "A problem.", **cast("dict[str, Any]", response)}
