"""Recognition of repeated requests, by the client's Idempotency-Key and a digest of the request."""

import hashlib
import json
from typing import Any

from shared.errors import InvalidRequest
from shared.schemas import CONDITIONING_METHODS, GenerationRequest
from shared.settings import Settings

MAX_IDEMPOTENCY_KEY_LENGTH = 255


def fingerprint(request: GenerationRequest, settings: Settings) -> str:
    """Return a digest that is equal for equivalent requests.

    Neither the order of keys nor whether a default is omitted or spelled out affects it.
    """
    asked = request.model_dump(mode="json", exclude_defaults=True)
    defaults = _defaults(request, settings)
    return hashlib.sha256(json.dumps(_without(asked, defaults), sort_keys=True).encode()).hexdigest()


def digest_key(key: str | None, client: str, part: str = "") -> str | None:
    """Return an Idempotency-Key as stored in records: scoped to the client and to the part of the request.

    Raises:
        InvalidRequest: it is not a valid key.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY_LENGTH or not key.isprintable():
        raise InvalidRequest(
            f"Idempotency-Key must have 1 to {MAX_IDEMPOTENCY_KEY_LENGTH} printable characters", field="Idempotency-Key"
        )
    text = f"{client}\n{key}\n{part}" if part else f"{client}\n{key}"  # a printable key has no newline
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _without(asked: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that differ from the defaults, recursing into mappings."""
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
    """Return the deployment's defaults for omitted fields, as JSON values."""
    model = settings.active_model
    paced = model.pace(request.quality)
    style = settings.styles.get(request.style or settings.default_style)
    weights = style.controlnet_weights if style is not None else {}  # the style of a deck's word may be unknown
    return {
        "style": settings.default_style,
        "width": model.default_size,
        "height": model.default_size,
        "num_inference_steps": paced.num_inference_steps,
        "guidance_scale": paced.guidance_scale,
        "draw_imagery": model.draw_imagery,
        "scene_seed": request.seed,
        "conditioning_methods": {control: list(methods[:1]) for control, methods in CONDITIONING_METHODS.items()},
        "controlnet_weights": dict.fromkeys(CONDITIONING_METHODS, 0) | dict(weights),
    }
