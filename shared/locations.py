"""The locations of files: those shipped with the code, and the operator's own."""

import os
from collections.abc import Mapping
from pathlib import Path

from shared.errors import SettingsError

# The folder that holds the packages: a checkout, or an environment's site-packages.
PROJECT = Path(__file__).resolve().parents[1]
CONFIG = PROJECT / "config"
# Relative paths in the settings start here: in the checkout, or otherwise in the folder where the command was started.
HOME = PROJECT if (PROJECT / "pyproject.toml").is_file() else Path.cwd()
CONFIG_VARIABLE = "WRITING_CONFIG"


def locate(path: str | Path) -> Path:
    """Return the absolute path of a setting's path.

    A relative path that does not exist below `HOME` but is shipped with the code, such as
    ``worker/data/embedded_model``, resolves to the shipped file or folder.
    """
    own, shipped = HOME / path, PROJECT / path
    return shipped if shipped.exists() and not own.exists() else own


def own_config(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder that ``WRITING_CONFIG`` names; None if it is not set.

    Args:
        environment: variables; None for the process's own.

    Raises:
        SettingsError: there is no such folder.
    """
    name = (os.environ if environment is None else environment).get(CONFIG_VARIABLE)
    if not name:
        return None
    if not Path(name).is_dir():
        raise SettingsError(f"environment variable {CONFIG_VARIABLE}: there is no folder {name}")
    return Path(name)


def config_file(name: str, folder: Path | None = None) -> Path:
    """Return a configuration file: the one in ``folder`` if it exists, otherwise the shipped one."""
    own = folder / name if folder is not None else None
    return own if own is not None and own.exists() else CONFIG / name
