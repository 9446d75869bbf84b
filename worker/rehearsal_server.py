"""The process in which jobs are rehearsed: ``python -m worker.rehearsal_server``, with one request per line on stdin.

It runs the parts that may crash (glyph, conditioning and judge) with the worker's own code. The picture stays blank,
and no model is loaded.
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
from worker.picture_work import ThreadExecutor, make_work
from worker.progress import NullProgress

logger = logging.getLogger(__name__)


class BlankPipeline:
    """Stands in for the model: every picture is blank."""

    scheduler_name = "none"

    def networks_name(self, _quality: Any) -> str:
        """Return "none", since there are no networks."""
        return "none"

    async def draw_variations(self, request: DrawRequest, count: int, _progress: Any) -> list[Drawing]:
        """Return blank pictures of the requested size."""
        return [Drawing(Image.new("RGB", request.size, "white"), 1)] * count


def without_models(request: GenerationRequest) -> GenerationRequest:
    """Return a request in which each method that needs a model is dropped or replaced by its type's default."""
    methods: dict[ControlType, tuple[str, ...]] = {
        kind: tuple(method for method in chosen if method not in AI_METHODS) or CONDITIONING_METHODS[kind][:1]
        for kind, chosen in request.conditioning_methods.items()
    }
    return request.model_copy(update={"conditioning_methods": methods})


def main() -> int:
    """Rehearse the requests on stdin, one per line; write an empty line when ready for one."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # printed text must not look like an answer
    settings = load_settings()
    configure_logging(settings.logging)
    logging.getLogger("generation").setLevel(logging.WARNING)  # these are not real pictures
    executor = ThreadExecutor(make_work(settings, make_conditionings(settings.conditioning)))
    generator = make_generator(settings, executor, cast(Any, BlankPipeline()))
    print(file=answers, flush=True)
    for line in sys.stdin:
        try:
            request = without_models(GenerationRequest.model_validate_json(line))
            asyncio.run(generator.generate(request, NullProgress()))
        except Exception:  # the process boundary: the worker will meet and report the same error
            logger.exception("rehearsal failed")
        print(file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
