"""Draw one word by the real path and write the picture to ``out/``. ``make demo``

Starts a private Redis, the API and a worker, submits one job over HTTP, polls it, saves the picture and a contact
sheet, and ends everything.
"""

import argparse
import base64
import io
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from tqdm import tqdm

from client.session import request as call
from local.contact_sheet import contact_sheet
from local.stack import Stack
from local.supervisor import ChildFailed
from shared.console import use_any_console
from shared.errors import SettingsError
from shared.settings import load_settings

START_S = 120.0
JOB_S = 300.0


def main() -> int:
    """Run the demo; return the exit code."""
    use_any_console()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--word", default="学习")
    parser.add_argument("--translation", default="study", help="what the word means, in English")
    parser.add_argument("--style", default="comic")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("out"))
    arguments = parser.parse_args()
    request = {name: getattr(arguments, name) for name in ("word", "translation", "style", "seed")}
    logs = arguments.out / "logs"
    try:
        with (
            tempfile.TemporaryDirectory(prefix="writing-demo-") as data,
            Stack(data_folder=Path(data), log_folder=logs) as stack,
        ):
            _wait_until_ready(stack)
            result = _run(stack, request)
            _save(result, arguments.out)
    except (ChildFailed, TimeoutError, requests.RequestException, SettingsError) as error:
        print(f"demo failed: {error}\n{_last_lines(logs)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone: its end was the signal
            print("stopped", file=sys.stderr)
        return 130
    return 0


def _wait_until_ready(stack: Stack) -> None:
    with tqdm(desc="starting Redis, API and worker", bar_format="{desc}: {elapsed}", mininterval=0.5) as bar:
        stack.wait_for(stack.is_ready, START_S, "a warm worker", on_wait=bar.update)


def _run(stack: Stack, request: dict[str, Any]) -> dict[str, Any]:
    """Submit the request, follow the job, return its result."""
    answer = call("POST", f"{stack.url}/api/writing/generate-writing-image", json=request, timeout=10)
    if not answer.ok:
        raise requests.HTTPError(f"the API refused the request: {answer.json().get('detail', answer.text)}")
    job = answer.json()
    deadline = time.monotonic() + JOB_S
    with tqdm(desc=f"drawing {request['word']}", unit="step") as bar:
        while time.monotonic() < deadline:
            state = call("GET", stack.url + job["status_url"], timeout=10).json()
            bar.total = state["progress"]["total_steps"] or None
            bar.set_postfix_str(state["stage"] or state["status"])
            bar.update(state["progress"]["step"] - bar.n)
            if state["status"] == "succeeded":
                result: dict[str, Any] = state["result"]
                return result
            if state["status"] in {"failed", "cancelled"}:
                raise requests.HTTPError(f"the job {state['status']}: {state['error']}")
            stack.supervisor.check()
            time.sleep(0.1)
    raise TimeoutError(f"the job has not ended after {JOB_S:.0f} s")


def _save(result: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    png = base64.b64decode(result["generated_image_base64"])
    picture_path, sheet_path = folder / "picture.png", folder / "contact_sheet.png"
    picture_path.write_bytes(png)
    maps = {
        f"{control_type}: {method}": Image.open(io.BytesIO(base64.b64decode(encoded)))
        for control_type, methods in result["conditioning_images_base64"].items()
        for method, encoded in methods.items()
    }
    contact_sheet(Image.open(io.BytesIO(png)), maps, result["prompt_used"], load_settings().fonts).save(sheet_path)
    metadata = result["generation_metadata"]
    print(f"\nprompt         {result['prompt_used']}")
    print(
        f"time           {metadata['generation_time_ms']} ms, seed {metadata['seed']}, model {metadata['model_used']}"
    )
    legibility = metadata["legibility"]
    print(f"legibility     {legibility['score']}, read as {legibility['read']}")
    print(f"picture        {picture_path}\ncontact sheet  {sheet_path}")


def _last_lines(logs: Path) -> str:
    return "\n".join(
        f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:])
        for log in sorted(logs.glob("*.log"))
    )


if __name__ == "__main__":
    sys.exit(main())
