"""Settings: ``config/default.yaml`` overlaid by ``WRITING_…`` environment variables, frozen, read once."""

from shared.settings.base import checked
from shared.settings.http import ApiSettings, WebhookSettings
from shared.settings.loader import LEVEL_SEPARATOR, PREFIX, Settings, load_settings
from shared.settings.model import ConditioningSettings, FastSettings, ModelSettings, TurboSettings
from shared.settings.storage import NAMESPACE, QueueSettings, RedisSettings, ResultSettings
from shared.settings.worker import GPUProfile, LoggingSettings

__all__ = [
    "LEVEL_SEPARATOR",
    "NAMESPACE",
    "PREFIX",
    "ApiSettings",
    "ConditioningSettings",
    "FastSettings",
    "GPUProfile",
    "LoggingSettings",
    "ModelSettings",
    "QueueSettings",
    "RedisSettings",
    "ResultSettings",
    "Settings",
    "TurboSettings",
    "WebhookSettings",
    "checked",
    "load_settings",
]
