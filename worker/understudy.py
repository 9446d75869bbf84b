"""The process in which jobs are rehearsed: ``python -m worker.understudy``, with requests on stdin, one a line.

It does what may crash, glyph, conditioning and judge, with the worker's own composition; the picture is left blank, and
there is no model.
"""

import asyncio
import logging
import os
import sys
from typing import Any, cast

from PIL import Image

from shared.logs import configure_logging
from shared.schemas import AI_METHODS, CONDITIONING_METHODS, ControlType, GenerationRequest
from shared.settings import load_settings
from worker.conditioning import make_conditionings
from worker.engine.request import Drawing, DrawRequest
from worker.main import make_generator
from worker.picture_work import Threads, make_work
from worker.progress import NullProgress

logger = logging.getLogger(__name__)


class BlankPipeline:
    """Stands where the model would: every picture is blank."""

    scheduler_name = "none"

    def networks_name(self, _quality: Any) -> str:
        """Return the networks' name: there are none."""
        return "none"

    async def draw_variations(self, request: DrawRequest, count: int, _progress: Any) -> list[Drawing]:
        """Return blank pictures of the size asked for."""
        return [Drawing(Image.new("RGB", request.size, "white"), 1)] * count


def without_models(request: GenerationRequest) -> GenerationRequest:
    """Return a request with each method that needs a model left out, or replaced by its type's default."""
    methods: dict[ControlType, tuple[str, ...]] = {
        kind: tuple(method for method in chosen if method not in AI_METHODS) or CONDITIONING_METHODS[kind][:1]
        for kind, chosen in request.conditioning_methods.items()
    }
    return request.model_copy(update={"conditioning_methods": methods})


def main() -> int:
    """Rehearse the requests on stdin, one a line; write an empty line when ready for one."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whoever prints does not answer
    settings = load_settings()
    configure_logging(settings.logging)
    logging.getLogger("generation").setLevel(logging.WARNING)  # no picture has been made
    workplace = Threads(make_work(settings, make_conditionings(settings.conditioning)))
    generator = make_generator(settings, workplace, cast(Any, BlankPipeline()))
    print(file=answers, flush=True)
    for line in sys.stdin:
        try:
            request = without_models(GenerationRequest.model_validate_json(line))
            asyncio.run(generator.generate(request, NullProgress()))
        except Exception:  # the process boundary: the worker itself will meet it, and say so
            logger.exception("rehearsal failed")
        print(file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
