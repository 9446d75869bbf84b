"""Draw one word end to end, and write the picture to a folder.

The demo starts a private Redis, the API and a worker, draws the word with the client over HTTP, saves the picture and a
contact sheet, and stops everything.
"""

import io
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from local.stack import Stack
from local.supervisor import ChildFailed
from shared.settings import load_settings
from writing_client import Picture, WaitTimedOut, WritingClient, WritingError
from writing_client.progress_bar import step_bar

START_S = 120.0
JOB_S = 300.0
CHECK_S = 5.0  # how often the programs are checked meanwhile


def demo(request: Mapping[str, Any], out: Path) -> int:
    """Draw a word; return the exit code.

    Args:
        request: fields of the request.
        out: the folder to write to.

    Raises:
        SettingsError: the settings are wrong.
        KeyboardInterrupt: after everything has been stopped.
    """
    logs = out / "logs"
    try:
        with (
            tempfile.TemporaryDirectory(prefix="writing-demo-") as data,
            Stack(data_folder=Path(data), log_folder=logs) as stack,
        ):
            _wait_until_ready(stack)
            _save(_draw(stack, request), out)
    except (ChildFailed, TimeoutError, WritingError) as error:
        print(f"demo failed: {error}\n{_last_lines(logs)}", file=sys.stderr)
        return 1
    return 0


def _wait_until_ready(stack: Stack) -> None:
    with tqdm(desc="starting Redis, API and worker", bar_format="{desc}: {elapsed}", mininterval=0.5) as bar:
        stack.wait_until_ready(START_S, on_wait=bar.update)


def _draw(stack: Stack, request: Mapping[str, Any]) -> Picture:
    """Draw a word with the client while keeping the programs alive.

    Raises:
        TimeoutError: the word is not drawn in time.
        ChildFailed: a program cannot run.
        WritingError: the service refuses the word, or the job failed.
    """
    deadline = time.monotonic() + JOB_S
    with WritingClient(stack.url) as client, step_bar(request["word"]) as show:
        job = client.submit(**request)
        while time.monotonic() < deadline:
            with suppress(WaitTimedOut):
                return Picture(job.wait(show, timeout_s=CHECK_S))
            stack.supervisor.check()
    raise TimeoutError(f"the job did not end within {JOB_S:.0f} s")


def _save(picture: Picture, folder: Path) -> None:
    # Imported here, as the worker imports the same libraries, and should not wait until this process has.
    from local.contact_sheet import contact_sheet  # noqa: PLC0415

    picture_path, sheet_path = picture.save(folder / "picture.png"), folder / "contact_sheet.png"
    maps = {
        f"{control_type}: {method}": Image.open(io.BytesIO(png))
        for control_type, methods in picture.maps.items()
        for method, png in methods.items()
    }
    drawn = Image.open(io.BytesIO(picture.png))
    contact_sheet(drawn, maps, picture.prompt, load_settings().fonts).save(sheet_path)
    made = picture.metadata
    print(f"\nprompt         {picture.prompt}")
    print(f"time           {made['generation_time_ms']} ms, seed {picture.seed}, model {made['model_used']}")
    print(f"legibility     {made['legibility']['score']}, read as {made['legibility']['read']}")
    print(f"picture        {picture_path}\ncontact sheet  {sheet_path}")


def _last_lines(logs: Path) -> str:
    return "\n".join(
        f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        for log in sorted(logs.glob("*.log"))
    )
