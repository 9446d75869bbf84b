"""One denoising step for rows that have nothing in common but their size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch
from diffusers import ControlNetUnionModel, UNet2DConditionModel

from worker.engine.prompt_fit import FittedPrompt
from worker.engine.solvers import Schedule
from worker.engine.text import TextEmbedding
from worker.engine.union_controlnet import FusedControl, NetworkInputs, control_residuals


class Wishes(Protocol):
    """What the steps must know of a request; `worker.engine.request.DrawRequest` is one."""

    @property
    def guidance_scale(self) -> float:
        """Classifier-free guidance; 1 is none."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def is_guided(self, step: int) -> bool:
        """Whether guidance works at a step, counted from 0."""

    def is_controlled(self, step: int) -> bool:
        """Whether the controls work at a step, counted from 0."""


@dataclass(eq=False, slots=True)
class Row:
    """A job's tensors. The latents and what follows change with each step, all else is fixed.

    Attributes:
        request: steps, guidance scale and windows.
        prompt, negative_prompt: as encoded.
        schedule: the solver laid out.
        text: of the prompt.
        negative: of the negative prompt; None without guidance.
        control: the fused controls; None if none steers.
        generator: noise of ancestral solvers; the initial noise came from it too.
        latents: (1, channels, height / 8, width / 8), float32.
        step: steps done.
        predicted: the picture as the last step foresaw it, like the latents.
    """

    request: Wishes
    prompt: FittedPrompt
    negative_prompt: FittedPrompt
    schedule: Schedule
    text: TextEmbedding
    negative: TextEmbedding | None
    control: FusedControl | None
    generator: torch.Generator
    latents: torch.Tensor
    step: int = 0
    predicted: torch.Tensor | None = None

    @property
    def is_done(self) -> bool:
        """Whether all steps are done."""
        return self.step == len(self.schedule.timesteps)

    @property
    def branches(self) -> tuple[TextEmbedding, ...]:
        """The texts that the networks see this step: negative and prompt, or the prompt alone."""
        if self.negative is not None and self.request.is_guided(self.step):
            return self.negative, self.text
        return (self.text,)

    @property
    def active_control(self) -> FusedControl | None:
        """The controls, if the ControlNet works for it this step."""
        return self.control if self.request.is_controlled(self.step) else None


class Denoiser:
    """UNet and Union ControlNet, stepping rows of one size."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        controlnet: ControlNetUnionModel,
        *,
        row_sizes: Sequence[int] = (),
        compile_network: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None,
    ) -> None:
        """Take the networks.

        Args:
            unet: SDXL's UNet, or one of its form.
            controlnet: the Union ControlNet.
            row_sizes: numbers of rows to round up to, so that a compiled network meets a few shapes only; a larger
                number stays as it is. Empty: no rounding.
            compile_network: e.g. `torch.compile`; None: run as it is.
        """
        self.unet = unet
        self.controlnet = controlnet
        self.dtype: torch.dtype = unet.dtype  # asked once: diffusers walks through all parameters each time
        self._row_sizes = tuple(sorted(row_sizes))
        compiled = compile_network or (lambda network: network)
        self._residuals = compiled(control_residuals)
        self._predict = compiled(unet.forward)

    @torch.inference_mode()
    def step(self, rows: Sequence[Row]) -> None:
        """Take each row one step further. A step that raises has changed no row."""
        latents = torch.cat([row.latents for row in rows])
        numbers = torch.tensor(
            [(row.request.guidance_scale, *row.schedule.steps[row.step].as_tuple()) for row in rows],
            dtype=torch.float32,
        )
        columns = numbers.to(latents.device, non_blocking=True).T[:, :, None, None, None]
        guidance, scale, of_latents, of_output, keep, sigma, drift, of_predicted, of_previous, of_noise = columns
        output = self._guided(rows, latents * scale, guidance)
        predicted = of_latents * latents + of_output * output
        # Before the first step there is no earlier prediction, and its coefficient is 0.
        previous = torch.cat([row.latents if row.predicted is None else row.predicted for row in rows])
        latents = keep * latents + (latents - predicted) / sigma * drift
        latents = latents + of_predicted * predicted + of_previous * previous
        latents = latents + of_noise * _noise(rows, latents)
        for index, row in enumerate(rows):
            row.latents, row.predicted = latents[index : index + 1], predicted[index : index + 1]
            row.step += 1

    def _guided(self, rows: Sequence[Row], inputs: torch.Tensor, guidance: torch.Tensor) -> torch.Tensor:
        """Return the networks' output for each row, negative and prompt combined, in float32."""
        branches = [(index, text) for index, row in enumerate(rows) for text in row.branches]
        owners = [index for index, _ in branches]
        texts = [text for _, text in branches]
        output = self._network([rows[index] for index in owners], texts, inputs[owners]).float()
        # A row's prompt is its last branch, its negative prompt the first: without guidance both are the same.
        last = [position for position, (owner, following) in enumerate(pairwise([*owners, -1])) if owner != following]
        first = [owners.index(index) for index in range(len(rows))]
        negative, prompt = output[first], output[last]
        return negative + guidance * (prompt - negative)

    def _network(self, rows: list[Row], texts: list[TextEmbedding], latents: torch.Tensor) -> torch.Tensor:
        """Return the UNet's output for branches: each with its row, its text and its scaled latents."""
        order = self._rounded_up(range(len(rows)))
        texts = [texts[index] for index in order]
        timesteps = torch.tensor([rows[index].schedule.timesteps[rows[index].step] for index in order])
        width, height = rows[0].request.size
        sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=self.dtype)
        inputs = NetworkInputs(
            latents=latents[order].to(self.dtype),
            timesteps=timesteps.to(latents.device, non_blocking=True),
            text=torch.cat([text.tokens for text in texts]),
            text_embeds=torch.cat([text.pooled for text in texts]),
            time_ids=sizes.to(latents.device, non_blocking=True).repeat(len(order), 1),
        )
        down, middle = self._controls(rows, inputs)
        output: torch.Tensor = self._predict(
            inputs.latents,
            inputs.timesteps,
            inputs.text,
            added_cond_kwargs={"text_embeds": inputs.text_embeds, "time_ids": inputs.time_ids},
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            return_dict=False,
        )[0]
        return output[: len(rows)]

    def _controls(
        self, rows: list[Row], inputs: NetworkInputs
    ) -> tuple[tuple[torch.Tensor, ...] | None, torch.Tensor | None]:
        """Return the ControlNet's residuals: of the rows that it serves, and zeros for the others, which it skips."""
        controls = {index: control for index, row in enumerate(rows) if (control := row.active_control) is not None}
        if not controls:
            return None, None
        served = list(controls)
        computed = self._rounded_up(served)
        everyone = len(served) == len(rows)
        down, middle = self._residuals(
            self.controlnet,
            inputs if everyone else inputs.pick(computed),
            FusedControl.batch([controls[index] for index in computed]),
        )
        if everyone:
            return down, middle

        def spread(tensor: torch.Tensor) -> torch.Tensor:
            whole = tensor.new_zeros(len(inputs.latents), *tensor.shape[1:])
            whole[served] = tensor[: len(served)]
            return whole

        return tuple(spread(tensor) for tensor in down), spread(middle)

    def _rounded_up(self, indices: Sequence[int]) -> list[int]:
        """Return the indices, the first one repeated until there are as many as a size that was compiled for."""
        count = len(indices)
        size = next((size for size in self._row_sizes if size >= count), count)
        return [*indices, *[indices[0]] * (size - count)]


def _noise(rows: Sequence[Row], like: torch.Tensor) -> torch.Tensor:
    """Return fresh noise for rows whose solver adds some, zeros for the others."""
    shape = (1, *like.shape[1:])
    drawn = [
        torch.randn(shape, generator=row.generator).to(like.device)
        if row.schedule.steps[row.step].noise
        else like.new_zeros(shape)
        for row in rows
    ]
    return torch.cat(drawn)
