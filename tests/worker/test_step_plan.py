"""Nothing waits for the host inside a step, and a retried step is the same step."""

import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.sdxl import FULL, SCHEDULER, make_part
from shared.gpu_profiles import GIB
from tests.models import embedded_pipeline, engine_model
from worker import memory_plan
from worker.engine.denoiser import Denoiser
from worker.engine.model_runner import ModelRunner
from worker.engine.placement import Placement
from worker.engine.preview import Previewer
from worker.engine.prompt_fit import FittedPrompt
from worker.engine.request import DrawRequest
from worker.engine.request_state import Conditions, RequestState
from worker.engine.solvers import SOLVERS
from worker.engine.text import TextEmbedding, TextEncoder
from worker.engine.union_controlnet import FusedControl, control_residuals, residual_shapes

SIDE = 64
TO = torch.ops.aten.to, torch.ops.aten._to_copy
CPU, META = torch.device("cpu"), torch.device("meta")


class Crossings(TorchDispatchMode):
    """Records transfers between host and device. The meta device, which has shapes but no values, stands for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []
        self.sent = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        devices = {tensor.device.type for tensor in tensors}
        # Nothing can be read from the meta device, so transfers to the host arrive empty.
        is_sent = func.overloadpacket in TO and kwargs.get("device") == CPU and devices == {"meta"}
        result = torch.empty_like(args[0], device=CPU) if is_sent else func(*args, **kwargs)
        devices |= {leaf.device.type for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)}
        if {"cpu", "meta"} <= devices:
            if kwargs.get("non_blocking"):
                self.sent += 1
            else:
                self.waiting.append(str(func))
        return result


@pytest.fixture(scope="module")
def stock() -> Any:
    return embedded_pipeline()


def request_of(seed: int = 0, **options: Any) -> DrawRequest:
    return DrawRequest(
        prompt=f"fire {seed}",
        control_images={"canny": Image.new("RGB", (SIDE, SIDE), "white"), "depth": Image.new("RGB", (SIDE, SIDE))},
        **{"num_inference_steps": 4, "guidance_scale": 3.0, "seed": seed, **options},
    )


MIXED = [
    request_of(1),
    request_of(2, guidance_scale=1.0),
    request_of(3, weights={"canny": 0.0, "depth": 0.0}),
    request_of(4, num_inference_steps=3, weights={"canny": 0.4, "depth": 0.0}),
    request_of(5, guidance_end=0.5, control_guidance_end=0.5),
]


def on_meta(row: RequestState) -> RequestState:
    def text(embedding: TextEmbedding | None) -> TextEmbedding | None:
        return embedding and TextEmbedding(embedding.tokens.to(META), embedding.pooled.to(META))

    had = row.conditions
    control = had.control and FusedControl(*(tensor.to(META) for tensor in had.control))
    conditions = replace(had, text=text(had.text), negative=text(had.negative), control=control)
    return replace(row, latents=row.latents.to(META), conditions=conditions)


@pytest.mark.parametrize(
    ("solver", "transfers", "interval"),
    [
        pytest.param("euler", 1, 1, id="whole"),
        pytest.param("euler", 1, 2, id="reusing", marks=pytest.mark.slow),
        pytest.param("euler_ancestral", 2, 1, id="with noise", marks=pytest.mark.slow),
        pytest.param("euler_ancestral", 2, 2, id="reusing, with noise"),
    ],
)
def test_a_step_sends_its_numbers_at_once_and_never_waits(
    stock: Any, solver: str, transfers: int, interval: int
) -> None:
    """Numbers and indices take one transfer, fresh noise another. Reading a value would fail here, as there is none."""
    model = engine_model(stock, solver=solver)
    rows = [on_meta(model.row(replace(request, cache_interval=interval))) for request in MIXED]
    denoiser = Denoiser(copy.deepcopy(stock.unet).to(META), copy.deepcopy(stock.controlnet).to(META))
    for _ in range(2):
        with Crossings() as crossings:
            denoiser.step(rows)
        assert crossings.waiting == []
        assert crossings.sent == transfers


def test_an_admission_sends_what_it_needs_and_never_waits(stock: Any) -> None:
    """A wait would let the device run out of work, and then wait itself until the host has launched the admission."""
    model = engine_model(stock)
    stays = Placement(META)
    parts = [copy.deepcopy(part).to(META) for part in (stock.text_encoder, stock.text_encoder_2, stock.controlnet)]
    model.text = TextEncoder(
        SimpleNamespace(
            tokenizer=stock.tokenizer,
            tokenizer_2=stock.tokenizer_2,
            text_encoder=parts[0],
            text_encoder_2=parts[1],
            config=stock.config,
        ),
        stays,
    )
    model.placement, model._controlnet = stays, parts[2]
    request = request_of(negative_prompt="blurry", weights={"canny": 0.4})
    images = request.control_tensors
    with Crossings() as crossings:
        row = model.row(request)
    assert row.latents.device == row.conditions.text.tokens.device == META
    assert crossings.waiting == []
    assert crossings.sent == len(images) + 2 + 4 + 1, "images, types and scale, tokens of two texts, noise"


def test_a_text_is_encoded_as_in_diffusers(stock: Any) -> None:
    encoder = engine_model(stock).text
    for text in ("", "A neon sign of fire", "fire " * 100):
        expected, _, pooled, _ = stock.encode_prompt(text, device=CPU, do_classifier_free_guidance=False)
        found = encoder.encode(text)
        assert torch.equal(found.tokens, expected)
        assert torch.equal(found.pooled, pooled)


class Operations(TorchDispatchMode):
    """Counts PyTorch's operations."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return func(*args, **(kwargs or {}))


def sdxl_row(channels: int) -> RequestState:
    """Return a guided row with controls, of SDXL's size, without values."""
    image = Image.new("RGB", (1024, 1024))
    text = TextEmbedding(torch.empty(1, 77, 2048, device=META).half(), torch.empty(1, 1280, device=META).half())
    return RequestState(
        request=DrawRequest(prompt="fire", control_images={"canny": image}, num_inference_steps=4),
        conditions=Conditions(
            prompt=FittedPrompt(),
            negative_prompt=FittedPrompt(),
            text=text,
            negative=text,
            control=FusedControl(
                torch.empty(1, channels, 128, 128, device=META).half(),
                torch.empty(1, 6, device=META).half(),
                torch.empty(1, device=META).half(),
            ),
        ),
        schedule=SOLVERS["euler"].schedule(SCHEDULER, 4),
        generator=torch.Generator(),
        latents=torch.empty(1, 4, 128, 128, device=META),
    )


@pytest.mark.slow
def test_a_step_of_sdxl_is_its_networks_and_little_more() -> None:
    """In any batch, everything besides UNet and ControlNet takes at most 3 % of their operations."""
    unet, controlnet = (make_part(FULL, name, META, torch.float16) for name in ("unet", "controlnet"))
    denoiser, inside = Denoiser(unet, controlnet), Operations()

    def counted(network: Any, *arguments: Any) -> Any:
        with inside:
            return network(*arguments)

    denoiser.call_through(counted)
    for pictures in (1, 8):
        inside.count = 0
        rows = [sdxl_row(unet.config.block_out_channels[0]) for _ in range(pictures)]
        with Operations() as whole:
            denoiser.step(rows)
        assert 0 < whole.count - inside.count <= 0.03 * inside.count


@pytest.mark.slow
def test_recordings_of_sdxl_take_the_memory_that_is_planned() -> None:
    """Inputs and outputs, counted: each kind of step has recordings of ten rows in all."""
    unet, controlnet = (make_part(FULL, name, META, torch.float16) for name in ("unet", "controlnet"))
    denoiser, counted = Denoiser(unet, controlnet), []

    def count(network: Any, *arguments: Any) -> Any:
        result = network(*arguments)
        counted.append(sum(leaf.nbytes for leaf in tree_leaves((arguments, result))) / 2 * 10 / GIB)
        return result

    denoiser.call_through(count)
    row = sdxl_row(unet.config.block_out_channels[0])
    row.request = DrawRequest(prompt="", control_images=row.request.control_images, num_inference_steps=4)
    free = replace(row, conditions=replace(row.conditions, control=None))
    cached = [replace(one, request=replace(one.request, cache_interval=2)) for one in (row, free)]
    for rows, steps in (([row], 1), ([free], 1), ([cached[0]], 2), ([cached[1]], 1)):
        for _ in range(steps):
            denoiser.step(rows)
    steered, plain, *of_caches = counted
    assert 2 * (steered + plain) + 2 * memory_plan.STEP_GIB == pytest.approx(memory_plan.RECORDED_STEPS_GIB, abs=0.1)
    assert sum(of_caches) == pytest.approx(memory_plan.RECORDED_CACHES_GIB, abs=0.1)


def test_a_preview_is_sent_and_nobody_waits_for_it(stock: Any) -> None:
    previewer = Previewer.fitted(stock.vae, Placement(CPU))
    latents = torch.randn(1, 16, 16, 16)
    picture = previewer.preview(latents).picture
    assert picture.shape == (16, 16, 3)
    on_device, sent = Previewer(previewer.weights.to(META), previewer.bias.to(META)), latents.to(META)
    with Crossings() as crossings:
        on_device.preview(sent)
    assert (crossings.waiting, crossings.sent) == ([], 1)


def latents(model: ModelRunner, requests: list[DrawRequest]) -> list[torch.Tensor]:
    rows = [model.row(request) for request in requests]
    while left := [row for row in rows if not row.is_done]:
        model.networks[next(iter(model.networks))].denoiser.step(left)
    return [row.latents for row in rows]


@pytest.mark.parametrize("solver", [pytest.param("euler", marks=pytest.mark.slow), "euler_ancestral"])
def test_rows_that_share_steps_keep_their_own_numbers(solver: str) -> None:
    """In double precision, where rounding that depends on the batch size is invisible."""
    model = engine_model(embedded_pipeline().to(torch.float64), solver=solver)
    for request, together in zip(MIXED, latents(model, MIXED), strict=True):
        (alone,) = latents(model, [request])
        assert float((together - alone).norm() / alone.norm()) < 1e-6, request


def run_out_of_memory(*_arguments: Any) -> None:
    raise torch.OutOfMemoryError("injected")


def test_a_step_that_is_tried_again_adds_the_same_noise(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a job that ran out of memory would get another picture."""
    model = engine_model(stock, solver="euler_ancestral")
    denoiser = next(iter(model.networks.values())).denoiser
    expected, row = model.row(request_of()), model.row(request_of())
    denoiser.step([expected])
    with monkeypatch.context() as patched:
        patched.setattr(RequestState, "advance", run_out_of_memory)
        with pytest.raises(torch.OutOfMemoryError):
            denoiser.step([row])
    denoiser.step([row])
    assert torch.equal(row.latents, expected.latents)


@pytest.mark.parametrize("latent_side", [8, 9, 32])
def test_residuals_have_the_shapes_that_are_foreseen(
    stock: Any, latent_side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, side = engine_model(stock), 8 * latent_side
    request = replace(request_of(), control_images={"canny": Image.new("RGB", (side, side))})
    seen: list[list[tuple[int, ...]]] = []
    denoiser = next(iter(model.networks.values())).denoiser

    def look(*arguments: Any) -> list[torch.Tensor]:
        result = control_residuals(*arguments)
        seen.append([tuple(tensor.shape[1:]) for tensor in result])
        return result

    monkeypatch.setattr("worker.engine.denoiser.control_residuals", look)
    denoiser.step([model.row(request)])
    assert seen == [residual_shapes(stock.controlnet, latent_side, latent_side)]
