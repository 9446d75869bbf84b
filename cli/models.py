"""``writing-service models fetch``: download and verify the models in the settings."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cli.exit_codes import DONE, FAILED
from cli.model_files import HubFile, ModelError, Source, fetch, listed, size_faults, sources
from shared.model_folder import folder_faults
from shared.settings import load_settings

GB = 1e9
INCOMPLETE = """\
not complete: run the command again to resume. For a machine without network access, run it on another machine with
--to FOLDER, copy the folder, and set the variables that it prints."""


def fetch_models(model: str | None, to: Path | None, *, is_dry: bool, full_precision: bool) -> int:
    """Download what the workers load, and return the exit code.

    Args:
        model: a key of `models` in the settings; None for the one in use.
        to: the folder to download to; None for Hugging Face's cache.
        is_dry: only report what would be downloaded.
        full_precision: fetch 32-bit files.

    Raises:
        click.UsageError: the settings have no such model.
        SettingsError: the settings are invalid.
    """
    settings = load_settings()
    name = settings.model if model is None else model
    if name not in settings.models:
        raise click.UsageError(f"the settings have no model {name!r}; available: {', '.join(settings.models)}")
    faults: list[str] = []
    for source in sources(settings, name, full_precision=full_precision):
        try:
            found = _get(source, to, is_dry=is_dry)
        except ModelError as error:
            found = [str(error)]
        for fault in found:
            print(f"{source.setting}: {fault}", file=sys.stderr)
        faults += found
    if faults:
        print(INCOMPLETE, file=sys.stderr)
    return FAILED if faults else DONE


def _get(source: Source, to: Path | None, *, is_dry: bool) -> list[str]:
    """Fetch a model, or report what would be fetched; return the faults that remain."""
    if source.folder is not None:
        faults = folder_faults(source.folder, source.replaced)
        if not faults:
            print(f"{source.setting}: the folder {source.name} is complete")
        return faults
    target = None if to is None else to / source.name.rpartition("/")[2]
    if not is_dry:
        return _fetch(source, target)
    files = listed(source, target)
    wanted = [file for file in files if not file.is_here]
    print(f"{source.setting}: {source.name}, {len(wanted)} of {len(files)} files to fetch, {_gigabytes(wanted)}")
    return []


def _fetch(source: Source, target: Path | None) -> list[str]:
    """Download a model; return the faults that remain."""
    print(f"{source.setting}: {source.name}")
    folder = fetch(source, target)
    faults = folder_faults(folder, source.replaced)
    try:
        files = listed(source, target)
    except ModelError:  # without a network, it comes from the cache
        compared = "not compared with the hub, because it does not answer"
    else:
        faults += size_faults(files)
        compared = f"{len(files)} files, {_gigabytes(files)}, all of the size that the hub gives"
    if not faults:
        print(f"    complete in {folder}: {compared}")
        if target is not None:
            print(f"    {source.variable}={folder}")
    return faults


def _gigabytes(files: Sequence[HubFile]) -> str:
    return f"{sum(file.size or 0 for file in files) / GB:.2f} GB"
