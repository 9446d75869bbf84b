"""gunicorn's own lines, such as "Listening at", in the service's log."""

import logging
from typing import Any

from gunicorn.glogging import Logger


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn is untyped
    """Leaves gunicorn's lines to the service's logging configuration, with its level and format."""

    def setup(self, cfg: Any) -> None:
        """Replace gunicorn's own handlers."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.setLevel(logging.NOTSET)
        self.error_log.propagate = True
