"""Pictures and previews do not depend on how a VAE's configuration scales its latents."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from tests.models import CPU, embedded_pipeline
from worker.engine.decoder import Decoder
from worker.engine.latents import scale, unscale
from worker.engine.placement import Placement
from worker.engine.preview import Previewer

CHANNELS, SIDE = 16, 128
STATISTICS = {
    "latents_mean": np.linspace(-2, 2, CHANNELS).tolist(),
    "latents_std": np.linspace(0.5, 9, CHANNELS).tolist(),
}


@pytest.fixture(scope="module")
def vae() -> Any:
    """The embedded VAE, whose configuration gives one factor for all channels."""
    return embedded_pipeline().vae


@pytest.fixture(scope="module")
def latents(vae: Any) -> torch.Tensor:
    """A gradient of colours, encoded and not scaled."""
    red, green = torch.meshgrid(torch.linspace(-1, 1, SIDE), torch.linspace(-1, 1, SIDE), indexing="ij")
    with torch.inference_mode():
        encoded: torch.Tensor = vae.encode(torch.stack([red, green, -red])[None]).latent_dist.mean
    return encoded


def with_config(vae: Any, **changes: Any) -> Any:
    changed = copy.deepcopy(vae)
    changed.register_to_config(**changes)
    return changed


def shown(vae: Any, scaled: torch.Tensor) -> tuple[Any, Any]:
    """Return a VAE's picture and preview of its latents."""
    decoder = Decoder(vae, Placement(CPU))
    picture = decoder.decode(scaled)
    decoder.close()
    return picture, Previewer.fitted(vae, Placement(CPU)).preview(scaled).picture


@pytest.fixture(scope="module")
def expected(vae: Any, latents: torch.Tensor) -> tuple[Any, Any]:
    """What the embedded VAE shows."""
    return shown(vae, scale(latents, vae.config))


def largest_difference(one: Any, other: Any) -> int:
    """Return the largest difference of two pictures' values, 0 to 255."""
    return int(np.abs(np.asarray(one, int) - np.asarray(other, int)).max())


@pytest.mark.parametrize(
    "changes",
    [
        STATISTICS,
        pytest.param({"scaling_factor": 0.3}, marks=pytest.mark.slow),
        {"latents_mean": STATISTICS["latents_mean"]},
    ],
    ids=["statistics", "factor", "only a mean, which diffusers ignores"],
)
def test_pictures_and_previews_are_the_same_on_any_scale(
    vae: Any, latents: torch.Tensor, expected: tuple[Any, Any], changes: dict[str, Any]
) -> None:
    other = with_config(vae, **changes)
    scaled = scale(latents, other.config)
    assert torch.allclose(unscale(scaled, other.config), latents, atol=1e-5)
    for ours, theirs in zip(shown(other, scaled), expected, strict=True):
        assert largest_difference(ours, theirs) <= 1
    assert expected[1].std() > 20, "it shows something"
