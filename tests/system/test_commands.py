"""The commands that a new user types."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import pytest
import requests
from PIL import Image

from cli.exit_codes import DONE, USAGE, WRONG_SETTINGS
from cli.main import main, service
from local.stack import FLOWER_PORT, Stack, free_port, is_port_free
from shared.queue.webhook_secrets import secret_of
from shared.settings.values import check_webhook_secret
from tests.helpers import Api, answers, eventually
from writing_client.cli import writing


def test_the_demo_writes_a_picture_and_a_contact_sheet(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo", "--out", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "A vibrant comic book style illustration of study, inspired by 学习" in done.stdout
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (256, 256)
        assert "Seed: 7" in picture.text["parameters"]
    with Image.open(tmp_path / "contact_sheet.png") as sheet:
        assert sheet.width > 900
    assert "%" in done.stderr, "a progress bar"


@pytest.mark.slow
def test_the_demo_says_why_it_failed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo", "--out", str(tmp_path), "--style", "cubist"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cubist" in done.stderr


def children_of(process: "subprocess.Popen[str]") -> list[str]:
    """Return the process ids of the programs that a supervisor has started."""
    command = ["pgrep", "-P", str(process.pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()


def test_a_demo_that_is_told_to_end_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "demo", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True)
    children = eventually(partial(children_of, process))
    process.terminate()
    assert process.wait(60) == 130
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


@contextmanager
def serving(port: int, data: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Serve until Ctrl-C, which must end everything."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", "serve", "--port", str(port), "--data", str(data), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        children = children_of(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    for pid in children:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    "answers_first", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["starting", "answering"]
)
def test_serve_runs_until_ctrl_c_and_leaves_nothing_behind(tmp_path: Path, *, answers_first: bool) -> None:
    """Also while its programs are starting."""
    port = free_port()
    with serving(port, tmp_path) as process:
        eventually(lambda: len(children_of(process)) == 4)  # the guard, Redis, the API and a worker
        if answers_first:
            eventually(lambda: answers(f"http://127.0.0.1:{port}"))


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_serve_says_when_it_is_ready_and_flower_shows_what_was_drawn(tmp_path: Path) -> None:
    assert is_port_free(FLOWER_PORT)
    port = free_port()
    with serving(port, tmp_path, "--flower") as process:
        assert process.stdout is not None
        assert any("The service is ready" in line for line in iter(process.stdout.readline, ""))
        api = Api(f"http://127.0.0.1:{port}")
        assert api.get("/health/ready").status_code == 200
        api.draw(word="火", num_inference_steps=1)
        eventually(lambda: ("writing.generate", "SUCCESS") in flower_tasks())


def flower_tasks() -> set[tuple[str, str]]:
    """Return the names and states in Flower's task table."""
    columns = {"draw": 1, "start": 0, "length": 10, "search[value]": "", "order[0][column]": 0, "order[0][dir]": "asc",
               "columns[0][data]": "name"}  # fmt: skip
    try:
        answer = requests.post(f"http://127.0.0.1:{FLOWER_PORT}/tasks/datatable", data=columns, timeout=5)
    except requests.ConnectionError:
        return set()
    return {(task["name"], task["state"]) for task in answer.json()["data"]}


def test_serve_refuses_a_port_in_use(redis_url: str) -> None:
    port = redis_url.rsplit(":", 1)[1].split("/", maxsplit=1)[0]
    done = subprocess.run(
        [sys.executable, "-m", "cli", "serve", "--port", port], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "in use" in done.stderr


@pytest.mark.slow
def test_the_gallery_is_drawn_with_its_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.gallery", "--docs", str(tmp_path), "--first", "2", "--steps", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2/2" in done.stderr, "a progress bar"
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    assert "山 *shān*, mountain<br>Comic" in page
    pictures = sorted((tmp_path / "images" / "gallery").iterdir())
    assert [file.name for file in pictures] == ["01-comic.jpg", "02-watercolor.jpg"]
    for file in pictures:
        assert f"](images/gallery/{file.name})" in page
        assert file.stat().st_size <= 25_000
        with Image.open(file) as picture:
            assert (picture.format, picture.size) == ("JPEG", (256, 256))


def test_the_doctor_finds_the_service_well(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WRITING_REDIS__URL", stack.redis_url)
    monkeypatch.setenv("WRITING_DEVICE", "cpu")
    monkeypatch.setenv("WRITING_URL", stack.url)
    assert main(["doctor"]) == DONE
    found = {line.split()[1]: line.split()[0] for line in capsys.readouterr().out.splitlines()}
    assert {found[subject] for subject in ("Python", "models.embedded.base", "imagery", "Redis", "API", "workers")} == {
        "ok"
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["models", "fetch", "--model", "nope"], USAGE, "nope"),
        (["nope"], USAGE, "No such command"),
        (["keys", "a:b"], USAGE, "letters, digits"),
        (["serve", "--workers", "0"], USAGE, "--workers"),
        (["serve", "--data", ""], USAGE, "path is blank"),
        (["demo", "--out", ""], USAGE, "path is blank"),
        (["models", "fetch", "--model", ""], USAGE, "no model ''"),
        (["models", "fetch", "--to", ""], USAGE, "path is blank"),
        (["webhook-secret", "hooks.example"], USAGE, "webhooks.allowed_hosts"),
    ],
)
def test_what_cannot_be_done_is_said_by_message_and_exit_code(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert message in capsys.readouterr().err


def test_the_secret_of_a_host_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "whsec_" + "A" * 32
    monkeypatch.setenv("WRITING_WEBHOOKS__SECRET", secret)
    monkeypatch.setenv("WRITING_WEBHOOKS__ALLOWED_HOSTS", '["hooks.example", "bücher.example"]')
    printed = []
    for host in ("hooks.example", "Hooks.Example.", "bücher.example"):
        assert main(["webhook-secret", host]) == DONE
        printed.append(capsys.readouterr().out.strip())
    assert printed[0] == printed[1] == secret_of("hooks.example", secret)
    assert len({secret, *printed}) == 3
    assert all(check_webhook_secret(found) == found for found in printed)


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WRITING_MODLE", "x")
    assert main(["doctor"]) == WRONG_SETTINGS
    assert "did you mean 'model'" in capsys.readouterr().err


def test_a_key_is_made_whatever_the_console_can_show() -> None:
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "cli", "keys", "学习"]
    key = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (key.returncode, key.stderr) == (0, b"")
    assert b"WRITING_API__KEYS=" in key.stdout


@pytest.mark.parametrize("shell", ["bash", *(pytest.param(name, marks=pytest.mark.slow) for name in ("zsh", "fish"))])
@pytest.mark.parametrize(
    ("module", "variable"), [("cli", "_WRITING_SERVICE_COMPLETE"), ("writing_client", "_WRITING_COMPLETE")]
)
def test_both_commands_complete_in_a_shell(module: str, variable: str, shell: str) -> None:
    environment = os.environ | {variable: f"{shell}_source"}
    done = subprocess.run([sys.executable, "-m", module], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert variable in done.stdout


def test_every_subcommand_says_what_it_does() -> None:
    def leaves(command: click.Command) -> list[click.Command]:
        return (
            [leaf for child in command.commands.values() for leaf in leaves(child)]
            if isinstance(command, click.Group)
            else [command]
        )

    for command in [*leaves(service), *leaves(writing)]:
        assert command.help, command.name
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert all(option.help for option in options), command.name
