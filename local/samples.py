"""Draw the page's samples of the styles that have none."""

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from api.style_samples import SAMPLES, sample_request, shipped_sample
from local.stack import EMBEDDED, temporary_stack
from local.supervisor import ChildFailed
from shared.settings import load_settings
from writing_client import Picture, WritingClient, WritingError

START_S = 120
SIDE, QUALITY = 144, 82  # twice the size at which the page displays them


def draw_samples(*, again: bool) -> int:
    """Draw the samples with the embedded model; return the exit code.

    Args:
        again: redraw existing samples too, as after a change of the model.

    Raises:
        SettingsError: the settings are wrong.
    """
    files = {name: shipped_sample(name, style) for name, style in load_settings().styles.items()}
    wanted = {name: file for name, file in files.items() if again or not file.is_file()}
    try:
        _draw(wanted)
    except (ChildFailed, TimeoutError, WritingError) as error:
        print(f"samples failed: {error}", file=sys.stderr)
        return 1
    _remove_others(set(files.values()))
    print(f"{len(wanted)} drawn, {len(files) - len(wanted)} kept: {SAMPLES}")
    return 0


def _draw(files: dict[str, Path]) -> None:
    if not files:
        return
    with temporary_stack(environment=EMBEDDED) as stack:
        stack.wait_until_ready(START_S)
        with WritingClient(stack.url) as client:
            for name, file in tqdm(files.items(), desc="samples", unit="style"):
                _save(Picture(client.generate(**_request(name))).png, file)


def _request(name: str) -> dict[str, Any]:
    return sample_request(name).model_dump(mode="json", exclude_unset=True)


def _remove_others(wanted: set[Path]) -> None:
    """Remove samples of styles that were removed or have changed."""
    for file in SAMPLES.glob("*.jpg"):
        if file not in wanted:
            file.unlink()


def _save(png: bytes, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(file, "JPEG", quality=QUALITY, optimize=True)
