"""Logging as ``config/logging.yaml`` describes it, at the level and in the format of the settings."""

import logging.config
from pathlib import Path

from shared.settings import CONFIG, LoggingSettings
from shared.styles import read_yaml


def configure_logging(settings: LoggingSettings, config: Path = CONFIG) -> None:
    """Apply the logging configuration to this process.

    Raises:
        SettingsError: ``logging.yaml`` cannot be read.
    """
    description = read_yaml(config / "logging.yaml")
    for handler in description["handlers"].values():
        handler["formatter"] = settings.format
    description["root"]["level"] = settings.level
    logging.config.dictConfig(description)
