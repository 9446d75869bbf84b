"""The service's capabilities and load."""

from flask import Response

from api.problems import problem_responses
from api.responses import json_response
from api.routes.blueprints import STATUS, make_blueprint
from api.services import services
from shared import __version__
from shared.schemas import CONDITIONING_METHODS, RequestLimits, ServiceStatus, StyleView

status_api = make_blueprint("status", __name__, STATUS)


@status_api.get("/status", responses={200: ServiceStatus, **problem_responses(503)})
def read() -> Response:
    """Return the model, styles and methods, the queue's depth and the live workers."""
    service = services()
    settings, model = service.settings, service.settings.active_model
    api = settings.api
    workers = service.registry.workers()
    unavailable = service.registry.unavailable_methods()
    return json_response(
        ServiceStatus(
            version=__version__,
            model=settings.model,
            models={"base": model.base, "controlnet": model.controlnet, "vae": model.vae},
            default_style=settings.default_style,
            default_size=model.default_size,
            default_num_inference_steps=model.num_inference_steps,
            default_guidance_scale=model.guidance_scale,
            draw_imagery=model.draw_imagery,
            limits=RequestLimits(
                side=api.max_side,
                num_inference_steps=api.max_steps,
                variations=api.max_variations,
                max_attempts=api.max_attempts,
            ),
            qualities=model.qualities,
            profiles=sorted({worker.gpu_status.profile for worker in workers}),
            styles={
                name: StyleView(label=style.label, controlnet_weights=dict(style.controlnet_weights))
                for name, style in settings.styles.items()
            },
            methods={
                control_type: tuple(method for method in methods if method not in unavailable)
                for control_type, methods in CONDITIONING_METHODS.items()
            },
            unavailable_methods=unavailable,
            queue_depth=service.store.depth(),
            workers=workers,
        )
    )
