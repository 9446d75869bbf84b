"""Apply styles: which controls steer a picture, and how strongly."""

from collections.abc import Mapping

from shared.schemas import CONTROL_TYPES, ControlType
from shared.styles import StyleDefinition


def steering_weights(style: StyleDefinition, overrides: Mapping[ControlType, float]) -> dict[ControlType, float]:
    """Return the weights of the controls that steer: the style's, overridden by the request's, without zeros.

    A weight of 0 drops the control. A Union ControlNet with several controls would otherwise let a control of weight 0
    still change the picture.
    """
    weights = {**style.controlnet_weights, **overrides}
    return {control_type: weights[control_type] for control_type in CONTROL_TYPES if weights.get(control_type)}
