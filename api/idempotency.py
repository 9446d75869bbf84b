"""How a repeated request is recognised: by the client's Idempotency-Key, and by a digest of what it asks for."""

import hashlib
import json
from typing import Any

from shared.errors import InvalidRequest
from shared.schemas import CONDITIONING_METHODS, GenerationRequest, Quality
from shared.settings import Settings

MAX_IDEMPOTENCY_KEY_LENGTH = 255


def fingerprint(request: GenerationRequest, settings: Settings) -> str:
    """Return a digest that is the same for requests that ask for the same.

    The order of keys does not count, nor whether a default is left out or spelled out.
    """
    asked = request.model_dump(mode="json", exclude_defaults=True)
    defaults = _defaults(request, settings)
    return hashlib.sha256(json.dumps(_without(asked, defaults), sort_keys=True).encode()).hexdigest()


def digest_key(key: str | None, client: str, part: str = "") -> str | None:
    """Return an Idempotency-Key as records know it: each client, and each part of a request, has its own.

    Raises:
        InvalidRequest: it is no key.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_LENGTH or not key.isprintable():
        raise InvalidRequest(
            f"give 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} printable characters as Idempotency-Key", field="Idempotency-Key"
        )
    text = f"{client}\n{key}\n{part}" if part else f"{client}\n{key}"  # no printable key has a line's end
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _without(asked: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked for beyond the defaults, in mappings too."""
    kept: dict[str, Any] = {}
    for name, value in asked.items():
        default = defaults.get(name)
        if isinstance(value, dict) and isinstance(default, dict):
            value = _without(value, default)  # noqa: PLW2901
            default = {}
        if value != default:
            kept[name] = value
    return kept


def _defaults(request: GenerationRequest, settings: Settings) -> dict[str, Any]:
    """Return what the deployment takes for fields that are left out, as JSON has them."""
    model = settings.active_model
    paced = (model.turbo if request.quality is Quality.TURBO else None) or model
    style = settings.styles[request.style or settings.default_style]
    return {
        "style": settings.default_style,
        "width": model.default_size,
        "height": model.default_size,
        "num_inference_steps": paced.num_inference_steps,
        "guidance_scale": paced.guidance_scale,
        "draw_imagery": model.draw_imagery,
        "scene_seed": request.seed,
        "conditioning_methods": {control: list(methods[:1]) for control, methods in CONDITIONING_METHODS.items()},
        "controlnet_weights": dict.fromkeys(CONDITIONING_METHODS, 0) | dict(style.controlnet_weights),
    }
