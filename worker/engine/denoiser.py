"""One denoising step for rows that share only their size."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate
from typing import Any

import torch
from diffusers import ControlNetUnionModel, UNet2DConditionModel

from worker.engine.compiler import CompileBlocks
from worker.engine.request_state import RequestState
from worker.engine.step_plan import StepPlan
from worker.engine.transfer import send
from worker.engine.unet import StepCache, outermost_skips, predict, predict_from
from worker.engine.union_controlnet import FusedControl, NetworkInputs, control_residuals, residual_shapes

# Calls a function of tensors. The next call may overwrite the result.
Call = Callable[..., Any]


def call_directly(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the function's result."""
    return function(*arguments)


class Denoiser:
    """UNet and Union ControlNet, which step rows of one size."""

    def __init__(self, unet: UNet2DConditionModel, controlnet: ControlNetUnionModel) -> None:
        self.unet = unet
        self.controlnet = controlnet
        self.dtype: torch.dtype = unet.dtype  # read once: diffusers walks through all parameters each time
        self._compiled_size: tuple[int, int] | None = None
        self._compiled: AbstractContextManager[object] = nullcontext()
        self._call: Call = call_directly

    def compile(self, compile_blocks: CompileBlocks, size: tuple[int, int]) -> None:
        """Compile the networks for pictures of one size, width and height. Other sizes run uncompiled."""
        self._compiled_size = size
        self._compiled = compile_blocks((self.unet, self.controlnet))

    def run_eager(self) -> None:
        """Run uncompiled from now on."""
        self._compiled_size = None

    def call_through(self, call: Call) -> None:
        """Call the networks through ``call``, which gets a function and its arguments, from now on."""
        self._call = call

    @torch.inference_mode()
    def step(self, rows: Sequence[RequestState]) -> None:
        """Advance each row by one step. All rows use their caches, or none does. If it raises, no row has changed."""
        latents = torch.cat([row.latents for row in rows])
        plan = StepPlan.of(rows, latents.device)
        guidance, scale, of_latents, of_output, keep, sigma, drift, of_predicted, of_previous, of_noise = (
            plan.coefficients
        )
        with self._compiled if rows[0].request.size == self._compiled_size else nullcontext():
            output, cache = self._guided(rows, plan, latents * scale, guidance)
        predicted = of_latents * latents + of_output * output
        # Before the first step there is no earlier prediction; its coefficient is 0.
        previous = torch.cat([row.latents if row.predicted is None else row.predicted for row in rows])
        latents = keep * latents + (latents - predicted) / sigma * drift
        latents = latents + of_predicted * predicted + of_previous * previous
        if any(row.has_noise for row in rows):
            latents = latents + of_noise * send(torch.cat([row.draw_noise() for row in rows]), latents.device)
        # The copies may not fit into memory, so no row advances before all are made.
        for index, (row, kept) in enumerate(zip(rows, _caches(rows, cache), strict=True)):
            row.advance(latents[index : index + 1], predicted[index : index + 1], kept)

    def _guided(
        self, rows: Sequence[RequestState], plan: StepPlan, inputs: torch.Tensor, guidance: torch.Tensor
    ) -> tuple[torch.Tensor, StepCache | None]:
        """Return each row's output with guidance applied, in float32, and the branches' cache if one is kept."""
        found, cache = self._network(rows, plan, inputs.index_select(0, plan.owners))
        output = found.float()
        negative, prompt = output.index_select(0, plan.first), output.index_select(0, plan.last)
        return negative + guidance * (prompt - negative), cache

    def _network(
        self, rows: Sequence[RequestState], plan: StepPlan, latents: torch.Tensor
    ) -> tuple[torch.Tensor, StepCache | None]:
        """Return the UNet's output for each branch of the rows, with its scaled latents, and their cache if kept."""
        texts = [text for row in rows for text in row.branches]
        sizes = torch.cat([plan.size, torch.zeros_like(plan.size), plan.size]).to(self.dtype)
        inputs = NetworkInputs(
            latents=latents.to(self.dtype),
            timesteps=plan.timesteps,
            text=torch.cat([text.tokens for text in texts]),
            text_embeds=torch.cat([text.pooled for text in texts]),
            time_ids=sizes.repeat(len(texts), 1),
        )
        if rows[0].uses_cache:
            cache = StepCache.batch([_kept(row) for row in rows])
            return self._call(self._reuse, inputs, cache), cache
        controls = [control for row in rows if (control := row.active_control) is not None for _ in row.branches]
        arguments: tuple[Any, ...] = (inputs, FusedControl.batch(controls)) if controls else (inputs,)
        call = self._call
        if 0 < len(controls) < len(texts):
            call, arguments = call_directly, (*arguments, plan.served)
        if not any(row.fills_cache for row in rows):
            return call(self._output, *arguments), None
        output, cache = call(self._output_and_cache, *arguments)
        return output, cache

    def _reuse(self, inputs: NetworkInputs, cache: StepCache) -> torch.Tensor:
        return predict_from(self.unet, inputs, cache)

    def _output(self, *arguments: Any) -> torch.Tensor:
        """Return the output alone: a recording would keep the memory of a cache that nobody reads."""
        output, _cache = self._output_and_cache(*arguments)
        return output

    def _output_and_cache(
        self, inputs: NetworkInputs, control: FusedControl | None = None, served: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, StepCache]:
        """Return the output and the cache of branches.

        Args:
            inputs: of each branch.
            control: of each branch that the ControlNet serves; None if it serves none.
            served: these branches; None if it serves all.
        """
        if control is not None and served is None:
            residuals = control_residuals(self.controlnet, inputs, control)
        else:
            residuals = self._residuals_of_some(inputs, control, served)
        output, features = predict(self.unet, inputs, residuals)
        return output, StepCache(features, residuals[: outermost_skips(self.unet)])

    def _residuals_of_some(
        self, inputs: NetworkInputs, control: FusedControl | None, served: torch.Tensor | None
    ) -> list[torch.Tensor]:
        """Return the ControlNet's residuals for the branches it serves, and zeros for those it skips."""
        branches = len(inputs.latents)
        shapes = residual_shapes(self.controlnet, *inputs.latents.shape[2:])
        residuals = [inputs.latents.new_zeros(branches, *shape) for shape in shapes]
        if control is not None and served is not None:
            found = control_residuals(self.controlnet, inputs.pick(served), control)
            for residual, tensor in zip(residuals, found, strict=True):
                residual.index_copy_(0, served, tensor)
        return residuals


def _caches(rows: Sequence[RequestState], cache: StepCache | None) -> list[StepCache | None]:
    """Return copies of what each row keeps of the branches' cache; None if it keeps nothing."""
    ends = list(accumulate(len(row.branches) for row in rows))
    parts = zip(rows, [0, *ends], ends, strict=False)
    return [cache.pick(start, end).copy() if cache and row.fills_cache else None for row, start, end in parts]


def _kept(row: RequestState) -> StepCache:
    """Return a row's cache for the current step's branches: only the prompt's once guidance has ended."""
    if row.cache is None:
        raise ValueError("a first step has no cache")
    return row.cache.pick(len(row.cache.features) - len(row.branches))
