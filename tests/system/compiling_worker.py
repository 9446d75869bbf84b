"""A worker whose VAE compiles for longer than any test lasts: ``python -m tests.system.compiling_worker``."""

import sys
import time
from collections.abc import Callable
from typing import Any

import worker.main
from cli.main import main
from shared.settings import Settings
from tests.models import embedded_pipeline, engine_model
from worker.engine.compiler import Part, ReplacedMethods
from worker.engine.model_runner import ModelRunner
from worker.gpu_manager import GPUManager

COMPILING = "the VAE is being compiled"


def load_model(_settings: Settings, _gpu: GPUManager) -> ModelRunner:
    model = engine_model(embedded_pipeline())
    model.decoder.compile(lambda networks: ReplacedMethods(networks, compile_for_an_hour), (256, 256))
    model.warm_up_decoder()
    return model


def compile_for_an_hour(_part: Part) -> Callable[..., Any]:
    def compiled(*_arguments: Any, **_options: Any) -> Any:
        sys.stderr.write(f"{COMPILING}\n")
        time.sleep(3600)

    return compiled


if __name__ == "__main__":
    worker.main.load_model = load_model
    sys.exit(main(["worker"]))
