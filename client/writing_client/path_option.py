"""A command's option for a path.

The service and the client, which is installed alone, have this file each.
"""

import os
from pathlib import Path
from typing import Any

import click


class PathOption(click.Path):
    """A path that is not blank. Python takes a blank one, which an unset variable leaves, for the current folder."""

    def __init__(self, **limits: bool) -> None:
        """Define the option.

        Args:
            **limits: as for `click.Path`.
        """
        super().__init__(path_type=Path, **limits)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or refuse it."""
        if not os.fspath(value):
            self.fail("the path is blank", param, ctx)
        return super().convert(value, param, ctx)
