"""Diagnosis of everything that the service needs on this machine, with advice on what is missing."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from cli.exit_codes import DONE, FAILED
from cli.finding import Finding, Level
from cli.gpu_check import check_gpu
from cli.model_files import Source, find, sources
from cli.redis_check import check_redis
from cli.store_check import check_store
from shared.errors import SettingsError
from shared.gpu_profiles import GIB
from shared.locations import HOME
from shared.model_folder import folder_faults
from shared.settings import Settings, load_settings
from shared.writing.characters import CharacterDatabase
from shared.writing.dictionary import Dictionary
from shared.writing.english import vocabulary
from shared.writing.fonts import read_fonts
from shared.writing.imagery import Imagery
from shared.writing.language import Language
from writing_client import WritingClient, WritingError
from writing_client.models import WorkerState
from writing_client.session import without_password

LOWEST_PYTHON = (3, 11)
# SDXL in 16 bits with its ControlNet, VAE and the two conditioning models takes about 12 GB.
MODELS_GIB = 16
STATE_GIB = 2


def report(url: str | None, api_key: str | None) -> int:
    """Print each finding as soon as it is available, and return the exit code.

    Args:
        url: the API's URL; None for the client's default.
        api_key: its key; None for the client's default.

    Raises:
        SettingsError: the settings are wrong.
    """
    levels = []
    with WritingClient(url, api_key, retry_s=0) as client:
        for finding in examine(load_settings(), client):
            print(str(finding))
            levels.append(finding.level)
    return FAILED if Level.FAIL in levels else DONE


def examine(settings: Settings, client: WritingClient) -> Iterator[Finding]:
    """Yield each finding as soon as it is available.

    Args:
        settings: the settings as the service would read them on this machine.
        client: a client of the API to check.
    """
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        check_python,
        lambda: check_gpu(settings),
        lambda: check_models(settings),
        lambda: check_fonts(settings),
        lambda: check_recognisers(settings),
        check_forest,
        check_data,
        lambda: check_disk(settings),
        lambda: check_redis(settings),
        lambda: check_store(settings),
        lambda: check_api(client),
    )
    for check in checks:
        yield from check()


def check_python() -> Iterator[Finding]:
    """Check the interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= LOWEST_PYTHON:
        yield Finding(Level.OK, "Python", version)
    else:
        yield Finding(Level.FAIL, "Python", version, f"install {'.'.join(map(str, LOWEST_PYTHON))} or newer")


def check_models(settings: Settings) -> Iterator[Finding]:
    """Check whether the models in the settings are complete on this machine. Nothing is downloaded."""
    for source in sources(settings, settings.model):
        subject = source.setting
        level = Level.WARN if source.is_optional else Level.FAIL
        try:
            folder = find(source)
        except ImportError as error:
            yield Finding(
                Level.WARN, subject, f"{error.name} is not installed", "pip install 'writing-service[worker]'"
            )
            continue
        if folder is None:
            yield Finding(level, subject, f"{source.name} is not on this machine", _how_to_get(source, settings.model))
            continue
        faults = folder_faults(folder, source.replaced)
        if faults:
            yield Finding(level, subject, "; ".join(faults[:3]), _how_to_get(source, settings.model))
        else:
            yield Finding(Level.OK, subject, f"{source.name} is complete")


def check_fonts(settings: Settings) -> Iterator[Finding]:
    """Check the fonts for characters without stroke data."""
    for path in settings.fonts:
        yield _read("font", partial(_font, path), "correct `fonts` in the settings, or put the file back")


def check_recognisers(settings: Settings) -> Iterator[Finding]:
    """Check that the judge's recognisers can be loaded, those of the service and those of the settings."""
    try:
        from worker.legibility.judge import find_recognisers  # noqa: PLC0415  # only workers have what it needs
        from worker.legibility.recogniser import Recogniser  # noqa: PLC0415
    except ImportError as error:
        yield Finding(Level.WARN, "recogniser", f"{error.name} is not installed", f"workers need {error.name}")
        return
    own = find_recognisers()
    if not own:
        fault = "rapidocr or onnxruntime is not installed, so results have no legibility score"
        yield Finding(Level.WARN, "recogniser", fault, "pip install rapidocr onnxruntime")
        return

    def load(path: Path) -> str:
        Recogniser(path).load()
        return path.name

    for path in [*own, *settings.recognisers]:
        yield _read("recogniser", partial(load, path), "put the file back, or correct `recognisers` in the settings")


def check_forest() -> Iterator[Finding]:
    """Check that the trees that find the borders of strokes can be loaded."""
    try:
        from worker.conditioning.structured_forest import load_forest  # noqa: PLC0415  # only workers have what it needs
    except ImportError as error:
        yield Finding(Level.WARN, "structured forest", f"{error.name} is not installed", f"workers need {error.name}")
        return
    yield _read("structured forest", lambda: f"{len(load_forest().roots)} trees")


def check_data() -> Iterator[Finding]:
    """Check that the strokes and the lexica, the motifs and the English words can be read."""
    for language in Language:
        if language.has_strokes:
            yield _read(f"strokes {language}", partial(_strokes, language))
        else:
            yield _read(f"lexicon {language}", partial(_words, language))
    yield _read("imagery", lambda: f"{len(Imagery().names)} motifs")
    yield _read("English words", lambda: str(len(vocabulary())))


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Check the disk space for models and state, and whether temporary files can be written."""
    try:
        yield Finding(Level.OK, "temporary files", tempfile.gettempdir())
    except FileNotFoundError as error:
        advice = "free some space, mount a writable /tmp, or set TMPDIR"
        yield Finding(Level.FAIL, "temporary files", error.strerror or str(error), advice)
    yield _room("disk for models", _models_folder(), MODELS_GIB if _is_fetching_needed(settings) else 0)
    yield _room("disk for state", HOME / "var", STATE_GIB)


def check_api(client: WritingClient) -> Iterator[Finding]:
    """Check whether the API answers and a worker is warm."""
    try:
        status = client.status()
    except WritingError as error:
        advice = "set WRITING_API_KEY" if error.code == "unauthorized" else "start it (make serve), or set WRITING_URL"
        yield Finding(Level.FAIL, "API", error.detail, advice)
        return
    yield Finding(Level.OK, "API", f"{without_password(client.url)}, version {status.version}, model {status.model}")
    warm = sum(worker.state is WorkerState.WARM for worker in status.workers)
    if warm:
        yield Finding(Level.OK, "workers", f"{warm} of {len(status.workers)} warm")
    elif status.workers:
        yield Finding(Level.WARN, "workers", f"0 of {len(status.workers)} warm", "wait, or POST /health/warmup")
    else:
        yield Finding(Level.FAIL, "workers", "none, so jobs wait", "start one (make worker)")


def _read(subject: str, read: Callable[[], str], advice: str = "put the file back") -> Finding:
    """Read a file; return what it has, or why it cannot be read."""
    try:
        return Finding(Level.OK, subject, read())
    except SettingsError as error:
        return Finding(Level.FAIL, subject, str(error), advice)


def _font(path: Path) -> str:
    (font,) = read_fonts([path])
    return f"{path.name}: {len(font.advances)} characters"


def _words(language: Language) -> str:
    return f"{sum(1 for _ in Dictionary(language).words())} words"


def _strokes(language: Language) -> str:
    return f"{len(CharacterDatabase(language).characters())} characters"


def _how_to_get(source: Source, model_name: str) -> str:
    if source.folder is not None:
        return "copy the folder again, or correct the settings"
    optional = "; until then its method is unavailable" if source.is_optional else ""
    return f"writing-service models fetch --model {model_name}{optional}"


def _is_fetching_needed(settings: Settings) -> bool:
    hub = [source for source in sources(settings, settings.model) if source.folder is None and not source.is_optional]
    return find_spec("huggingface_hub") is not None and any(find(source) is None for source in hub)


def _models_folder() -> Path:
    """Return the hub's cache folder, as reported by the hub's library if it is installed."""
    try:
        from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415  # only workers have it
    except ImportError:
        return Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    return Path(HF_HUB_CACHE)


def _can_see(path: Path) -> bool:
    """Return whether a path exists, as far as this user can tell."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _room(subject: str, folder: Path, wanted_gib: float) -> Finding:
    existing = next(path for path in (folder, *folder.resolve().parents) if _can_see(path))
    free_gib = shutil.disk_usage(existing).free / GIB
    text = f"{free_gib:.0f} GiB free at {folder}"
    if free_gib >= wanted_gib:
        return Finding(Level.OK, subject, text)
    return Finding(Level.WARN, subject, text, f"free some space: {wanted_gib} GiB are needed")
