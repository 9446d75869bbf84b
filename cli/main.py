"""The command ``writing-service`` and its subcommands.

Each subcommand imports its program only when it runs: the API's image has no torch, and the worker's has no Flask.
"""

import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from cli.exit_codes import DONE, FAILED, INTERRUPTED, WRONG_SETTINGS
from cli.path_option import PathOption
from shared.console import use_any_console
from shared.errors import SettingsError
from shared.garbage import lasting
from shared.settings import load_settings
from shared.version import __version__

NAME = "writing-service"
PORT, FLOWER_PORT = 8600, 5555


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit code.

    Args:
        argv: the arguments; None for the process's own.
    """
    use_any_console()
    try:
        return int(service.main(argv, prog_name=NAME, standalone_mode=False) or 0)
    except click.Abort:
        with suppress(OSError):  # the terminal may be gone if closing it sent the signal
            print("stopped", file=sys.stderr)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SettingsError as error:
        return _complain(f"the settings are wrong: {error}", WRONG_SETTINGS)
    except ImportError as error:
        return _complain(
            f"{error.name} is not installed; pip install 'writing-service[local]' installs everything", FAILED
        )
    except OSError as error:
        return _complain(str(error), FAILED)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100})
@click.version_option(__version__, prog_name=NAME)
def service() -> None:
    """Run the writing service or one of its programs, or manage its models, keys and machine.

    Settings come from the environment (WRITING_MODEL=sdxl) and from YAML files.
    `docs/reference/settings.md` lists them.
    """


@service.command()
def api() -> int:
    """Serve the HTTP API and the page."""
    _end_on_sigterm()
    tempfile.gettempdir()  # raises OSError if no folder is writable; gunicorn would end with a traceback
    with lasting():
        from api.server import main as serve_api  # noqa: PLC0415

    return serve_api()


@service.command()
def worker() -> int:
    """Draw the pictures of queued jobs on this machine's GPU or CPU."""
    _end_on_sigterm()
    settings = load_settings()  # first, so that a wrong one is named before torch is imported, which takes seconds
    with lasting():
        from worker.main import main as work  # noqa: PLC0415

    return work(settings)


@service.command()
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, help="Port of the API.")
@click.option("--workers", type=click.IntRange(min=1), default=1, help="Number of worker processes.")
@click.option("--flower", is_flag=True, help=f"Start Flower too, on port {FLOWER_PORT}.")
@click.option(
    "--data",
    type=PathOption(file_okay=False),
    default=Path("var/redis"),
    help="Folder for Redis's data.",
)
def serve(port: int, workers: int, flower: bool, data: Path) -> int:
    """Run everything on this machine until Ctrl-C: Redis, the API and workers."""
    from local.serve import serve as serve_all  # noqa: PLC0415
    from local.stack import is_port_free  # noqa: PLC0415

    for taken in [port, *([FLOWER_PORT] if flower else [])]:
        if not is_port_free(taken):
            raise click.UsageError(f"port {taken} is in use; choose another (--port, or make serve PORT=…)")
    return serve_all(port=port, workers=workers, flower=flower, data=data)


@service.command()
@click.option("--word", default="学习", help="Word to draw.")
@click.option("--translation", default="study", help="Meaning of the word, in English.")
@click.option("--style", default="comic", help="Style of the picture.")
@click.option("--seed", type=int, default=7, help="The same seed draws the same picture.")
@click.option("--out", type=PathOption(file_okay=False), default=Path("out"), help="Folder to write to.")
def demo(word: str, translation: str, style: str, seed: int, out: Path) -> int:
    """Draw one word end to end: HTTP, queue, worker, picture."""
    from local.demo import demo as draw  # noqa: PLC0415

    return draw({"word": word, "translation": translation, "style": style, "seed": seed}, out)


@service.command()
@click.option("--all", "again", is_flag=True, help="Also redraw existing samples, as after a change of the model.")
def samples(again: bool) -> int:
    """Draw the page's samples of styles that have none."""
    from local.samples import draw_samples  # noqa: PLC0415

    return draw_samples(again=again)


@service.command()
@click.option("--url", help="Address of the API.  [default: $WRITING_URL, else http://127.0.0.1:8600]")
@click.option("--api-key", metavar="KEY", help="API key.  [default: $WRITING_API_KEY, else none]")
def doctor(url: str | None, api_key: str | None) -> int:
    """Check everything that the service needs on this machine."""
    from cli.doctor import report  # noqa: PLC0415
    from writing_client import WrongInput  # noqa: PLC0415

    try:
        return report(url, api_key)
    except WrongInput as error:
        raise click.UsageError(error.detail) from error


@service.group()
def models() -> None:
    """Manage the model files."""


@models.command()
@click.option("--model", metavar="NAME", help="Key of `models` in the settings.  [default: the one in use]")
@click.option("--dry-run", is_flag=True, help="Only report what would be downloaded, and verify local folders.")
@click.option(
    "--to",
    type=PathOption(file_okay=False),
    help="Folder to download to, instead of Hugging Face's cache.",
)
@click.option("--full-precision", is_flag=True, help="Fetch 32-bit files, for computing on a CPU.")
def fetch(model: str | None, dry_run: bool, to: Path | None, full_precision: bool) -> int:
    """Download the models that the workers load, and verify them."""
    from cli.models import fetch_models  # noqa: PLC0415

    return fetch_models(model, to, is_dry=dry_run, full_precision=full_precision)


@service.command()
@click.argument("name")
def keys(name: str) -> int:
    """Create an API key for NAME, and print it with its entry for the settings."""
    from api.keys import make_key  # noqa: PLC0415

    try:
        print(make_key(name))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from error
    return 0


@service.command()
@click.argument("host")
def webhook_secret(host: str) -> int:
    """Print the secret with which the receivers on HOST verify webhooks."""
    from shared.queue.webhook_secrets import secret_of  # noqa: PLC0415
    from shared.settings.values import check_receiver  # noqa: PLC0415

    webhooks = load_settings().webhooks
    try:
        name = check_receiver(host)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="HOST") from error
    if name not in webhooks.allowed_hosts or webhooks.secret is None:
        allowed = ", ".join(webhooks.allowed_hosts) or "none"
        raise click.BadParameter(f"{name} is not in webhooks.allowed_hosts; available: {allowed}", param_hint="HOST")
    print(secret_of(name, webhooks.secret))
    return 0


def _end_on_sigterm() -> None:
    """End in order on SIGTERM, until the program handles it itself once it has started.

    For a container's first process, Linux drops signals that have no handler.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(DONE))


def _complain(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code
