"""The embedded model in half precision on a GPU, loaded in an engine's thread as in a worker."""

from collections.abc import Callable, Iterator

import pytest
import torch

from shared.settings import load_settings
from worker.engine.engine import Engine
from worker.gpu_manager import GPUManager
from worker.model_assembly import load_model

Start = Callable[..., Engine]


@pytest.fixture(autouse=True)
def _needs_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a warm engine under the card's profile, with the given changes."""
    environment = {
        "WRITING_DEVICE": "cuda",
        "WRITING_MODELS__EMBEDDED__DTYPE": "float16",
        "WRITING_MODELS__EMBEDDED__DEFAULT_SIZE": "256",  # the tests' pictures; others would run uncompiled
    }
    settings = load_settings(environment)
    engines: list[Engine] = []

    def start(**changes: object) -> Engine:
        profiles = {name: profile.model_copy(update=changes) for name, profile in settings.gpu_profiles.items()}
        engine = Engine(lambda: load_model(settings, GPUManager("cuda", profiles)))
        engines.append(engine)
        engine.load().result()
        return engine

    yield start
    for engine in engines:
        engine.close()
    torch.compiler.set_stance("default")
