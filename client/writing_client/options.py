"""The options that both commands of ``writing`` have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, get_args

import click

from writing_client.imagery import read_imagery
from writing_client.models import LanguageChoice, Quality, TranslationLanguage
from writing_client.writing_client import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE, WritingClient

Command = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Service:
    """The service's address and key; None to use the environment."""

    url: str | None
    api_key: str | None

    def connect(self, retry_s: float) -> WritingClient:
        """Return a client that retries for `retry_s` seconds."""
        return WritingClient(self.url, self.api_key, retry_s=retry_s)


def service_options(command: Command) -> Command:
    """Add the options for the service's address and key to a command, as its argument ``service``."""

    def with_service(url: str | None, api_key: str | None, **arguments: Any) -> int:
        return command(service=Service(url, api_key), **arguments)

    for option in (
        click.option("--api-key", metavar="KEY", help=f"API key.  [default: ${KEY_VARIABLE}, else none]"),
        click.option("--url", help=f"Address of the service.  [default: ${URL_VARIABLE}, else {DEFAULT_URL}]"),
    ):
        command = option(command)
    return update_wrapper(with_service, command)


def drawing_options(command: Command) -> Command:
    """Add the drawing options to a command, as its argument ``options``: fields of the request."""

    def with_options(**arguments: Any) -> int:
        options = _request_fields({name: arguments.pop(name) for name in DRAWING})
        return command(options=options, **arguments)

    for option in reversed(list(DRAWING.values())):
        command = option(command)
    return update_wrapper(with_options, command)


# By the field of the request that each sets; `size` sets two.
DRAWING: Mapping[str, Callable[[Command], Command]] = {
    "language": click.option(
        "--language",
        type=click.Choice(get_args(LanguageChoice)),
        metavar="CODE",
        help="Language of the words, such as ja, ko or es.  [default: as the words show]",
    ),
    "translation_language": click.option(
        "--translation-language",
        type=click.Choice(get_args(TranslationLanguage)),
        metavar="CODE",
        help="Language of the translations: en, or one such as de, in which they choose the sense; other if the "
        "service does not know it.  [default: judged by their words]",
    ),
    "style": click.option("--style", help="Style of the picture.  [default: the service's]"),
    "seed": click.option("--seed", type=int, metavar="N", help="The same seed draws the same picture."),
    "scene_seed": click.option(
        "--scene-seed",
        type=int,
        metavar="N",
        help="Seed of the motifs' places and of hand-drawn maps.  [default: the seed]",
    ),
    "size": click.option("--size", type=int, metavar="PIXELS", help="Length of each side, a multiple of 64."),
    "num_inference_steps": click.option(
        "--steps", "num_inference_steps", type=int, metavar="N", help="Number of denoising steps."
    ),
    "quality": click.option(
        "--quality", type=click.Choice(list(map(str, Quality))), help="Trade-off between exactness and speed."
    ),
    "imagery": click.option(
        "--imagery",
        metavar="NAMES",
        help="Motifs that depict the meaning, such as books,graduation-cap, or none.  [default: looked up]",
    ),
    "draw_imagery": click.option(
        "--draw-imagery/--no-draw-imagery",
        default=None,
        help="Whether the maps also contain the imagery.  [default: the model's setting]",
    ),
    "legibility": click.option(
        "--legibility", type=float, metavar="SCORE", help="Redraw until the word is this legible, 0 to 1."
    ),
}


def _request_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request's fields that the command line sets."""
    fields = {name: value for name, value in given.items() if value is not None}
    if "size" in fields:
        fields["width"] = fields["height"] = fields.pop("size")
    if "imagery" in fields:
        fields["imagery"] = read_imagery(fields["imagery"])
    if "legibility" in fields:
        fields["legibility"] = {"target": fields["legibility"]}
    return fields
