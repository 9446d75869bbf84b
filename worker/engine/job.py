"""A job in the engine: one picture of a request, and its run state."""

from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto

from PIL import Image

from shared.schemas import Priority
from worker.engine.prompt_fit import FittedPrompt
from worker.engine.request import Drawing, DrawRequest
from worker.engine.request_state import Conditions
from worker.progress import ProgressSink


class JobState(Enum):
    """A job's state in the engine."""

    WAITING = auto()
    RUNNING = auto()
    DECODING = auto()
    ENDED = auto()


@dataclass(eq=False, slots=True)
class SharedConditions:
    """What the variations of one request share.

    Attributes:
        conditions: what steers them. Computed when the first one is admitted, None until then.
    """

    conditions: Conditions | None = None


@dataclass(eq=False, slots=True)
class EngineJob:
    """One picture of a request and its run state.

    Attributes:
        request: what to draw.
        progress: receives stages, steps and previews, and says whether to stop.
        variation: which of the request's pictures, from 0.
        shared: what it shares with the request's other pictures.
        group: jobs of one group can share a step: they have the same size and networks.
        cost: its cost in pictures of the model's native size.
        answer: the picture, or the error.
        state: its state in the engine.
        batch_size_max: the largest number of jobs that shared a step with it.
        prompt, negative_prompt: as read by the text encoders.
    """

    request: DrawRequest
    progress: ProgressSink
    variation: int = 0
    shared: SharedConditions = field(default_factory=SharedConditions)
    group: Hashable = None
    cost: int = 1
    answer: Future[Drawing] = field(default_factory=Future)
    state: JobState = JobState.WAITING
    batch_size_max: int = 0
    prompt: FittedPrompt = field(default_factory=FittedPrompt)
    negative_prompt: FittedPrompt = field(default_factory=FittedPrompt)

    @property
    def priority(self) -> Priority:
        """The priority of its request."""
        return self.request.priority

    def succeed(self, image: Image.Image) -> None:
        """End with a picture."""
        self._end()
        self.answer.set_result(Drawing(image, self.batch_size_max, self.prompt, self.negative_prompt))

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        self._end()
        self.answer.set_exception(error)

    def _end(self) -> None:
        if self.state is JobState.ENDED:
            raise RuntimeError("the job has already ended")
        self.state = JobState.ENDED
