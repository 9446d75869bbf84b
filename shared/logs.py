"""Logging as ``config/logging.yaml`` describes it, with the level and format of the settings."""

import logging.config

from shared.errors import SettingsError
from shared.locations import config_file, own_config
from shared.settings import LoggingSettings
from shared.yaml_file import read_yaml


class OneLineFormatter(logging.Formatter):
    """Formats each record as one line. Control characters are escaped, so that no request can forge a log line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name is the library's
        """Return the record's line; a traceback still follows on separate lines."""
        return super().formatMessage(record).translate(ESCAPES)


# The C0 and C1 controls, DEL and Unicode's line separators.
CONTROLS = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in CONTROLS}

# What the description's keys and types, and `dictConfig`, raise.
NOT_A_CONFIGURATION = (ValueError, TypeError, LookupError, AttributeError, ImportError)


def configure_logging(settings: LoggingSettings) -> None:
    """Apply the logging configuration to this process. Python's warnings are logged, too.

    Raises:
        SettingsError: ``logging.yaml`` cannot be read, or is not a configuration.
    """
    path = config_file("logging.yaml", own_config())
    description = read_yaml(path)
    try:
        for handler in description["handlers"].values():
            handler["formatter"] = settings.format
        description["root"]["level"] = settings.level
        logging.config.dictConfig(description)
        logging.captureWarnings(True)
    except NOT_A_CONFIGURATION as error:
        raise SettingsError(f"{path}: not a logging configuration: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what is wrong; Python's own message often names only the place, with the fault as its cause."""
    fault = f"no {error}" if isinstance(error, KeyError) else str(error)
    return f"{fault}: {error.__cause__}" if error.__cause__ else fault
