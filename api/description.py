"""The OpenAPI document. Descriptions shared by many calls are added here, so that routes need not repeat them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from flask_openapi3 import OpenAPI

from api.problems import problem_responses
from shared.schemas.deck import DeckRequest

Operation = dict[str, Any]

# Method and path, as a regular expression, of the calls to which a status applies; `.*`: all.
BATCH, DECK = r"post /api/writing/batches", r"post /api/writing/decks"
DECK_FILE = r"get /api/writing/decks/\{deck_id\}\.(zip|apkg)"
POLLED_DECK = r"get /api/writing/decks/\{deck_id\}"
SUBMIT, SAMPLE = r"post /api/writing/generate-writing-image", r"get /api/writing/styles/\{style\}/sample"
JOB = r"get /api/writing/jobs/\{job_id\}"
MOTIF = r"get /api/writing/imagery/\{name\}\.svg"
PICTURES = rf"{JOB}/(image|conditioning/.*)"
OPERATORS = r"get /health/detailed|post /health/warmup"
KEYED = r"\w+ /api/.*|" + OPERATORS

PROBLEMS: Mapping[int, str] = {
    400: ".*",
    401: KEYED,
    403: OPERATORS,
    408: f"{SUBMIT}|{BATCH}|{DECK}",
    421: KEYED,
    429: f"{SUBMIT}|{SAMPLE}",
}
BODILESS: Mapping[int, tuple[str, str]] = {
    204: (rf"{JOB}/events", "The client has already received the end and should not reconnect."),
    304: (rf"{JOB}|{POLLED_DECK}|{PICTURES}|{SAMPLE}|{MOTIF}", "The client's copy is up to date (If-None-Match)."),
}
# Header, its description, and the statuses and calls whose responses carry it.
HEADERS: tuple[tuple[str, str, tuple[int, ...], str], ...] = (
    ("Location", "the job's URL", (200, 202), SUBMIT),
    ("Location", "the deck's URL", (202,), DECK),
    ("Preference-Applied", "`wait=N`, if the service waited", (200, 202), SUBMIT),
    (
        "X-RateLimit-Limit",
        "submissions allowed in the current window, if there is a limit",
        (200, 202, 429),
        f"{SUBMIT}|{BATCH}",
    ),
    ("X-RateLimit-Remaining", "submissions left in the current window", (200, 202, 429), f"{SUBMIT}|{BATCH}|{DECK}"),
    (
        "X-RateLimit-Reset",
        "when the window ends, in seconds since the epoch",
        (200, 202, 429),
        f"{SUBMIT}|{BATCH}|{DECK}",
    ),
    ("Retry-After", "seconds to wait before trying again", (429, 503), ".*"),
    ("Retry-After", "seconds to wait before trying again", (404,), SAMPLE),
    ("Retry-After", "seconds to wait before trying again", (409,), DECK_FILE),
    ("Content-Disposition", "the file's name", (200,), DECK_FILE),
    ("ETag", "for If-None-Match", (200, 304), rf"{JOB}|{POLLED_DECK}|{PICTURES}|{SAMPLE}|{MOTIF}"),
    ("Cache-Control", "how long it may be cached", (200,), rf"{PICTURES}|{SAMPLE}|{MOTIF}"),
    ("WWW-Authenticate", "`Bearer`", (401,), ".*"),
)


class DescribedApi(OpenAPI):
    """A flask-openapi3 application with a complete OpenAPI document."""

    def generate_spec_json(self) -> None:
        """Generate the document."""
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        for path, operations in self.spec_json["paths"].items():
            for method, operation in operations.items():
                _complete(f"{method} {path}", operation)
        self._describe_lists()

    def _describe_lists(self) -> None:
        """Add the schema of a deck's JSON. Its route reads the raw body, since it may be CSV."""
        schema = DeckRequest.model_json_schema(ref_template="#/components/schemas/{model}")
        components = self.spec_json["components"]["schemas"]
        components.update({**schema.pop("$defs"), DeckRequest.__name__: schema})
        body = self.spec_json["paths"]["/api/writing/decks"]["post"]["requestBody"]
        body["required"] = True
        body["content"]["application/json"]["schema"] = {"$ref": f"#/components/schemas/{DeckRequest.__name__}"}


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
