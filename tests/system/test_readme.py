"""The examples of the README and of the client's page work."""

import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from local.stack import Stack
from tests.helpers import Api


def test_the_readmes_curl_commands_work(project: Path, stack: Stack, api: Api) -> None:
    """Every curl command of the README, with a running service."""
    blocks = re.findall(r"```sh\n(curl.*?)```", (project / "README.md").read_text(), re.DOTALL)
    commands = [
        line for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines() if line.startswith("curl")
    ]
    assert len(commands) == 4
    job_id = ""
    for command in commands:
        words = shlex.split(command.replace("http://127.0.0.1:8600", stack.url).replace("5b0c…", job_id), comments=True)
        if "-o" in words:
            api.finished(job_id)
            words[words.index("-o") + 1] = "/dev/null"
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        document = json.loads(done.stdout) if done.stdout else {}
        job_id = document.get("job_id", job_id)
        assert document.get("code") is None, document
    assert document["prompt_used"].startswith("An ink wash painting of mountain, sumi-e brushwork on rice paper")


def test_the_readme_s_python_works(
    project: Path, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)
    monkeypatch.setenv("WRITING_URL", stack.url)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102  # our own text
    with Image.open(tmp_path / "study.png") as picture:
        assert picture.size == (256, 256)
    assert "diffusion" in capsys.readouterr().out, "progress"


@pytest.mark.slow
def test_the_client_s_examples_work(
    project: Path, stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other, as the page says, with two variations instead of four."""
    page = (project / "docs/reference/python-client.md").read_text()
    monkeypatch.setenv("WRITING_URL", stack.url)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(code.replace("variations=4", "variations=2"), "python-client.md", "exec"), names)  # noqa: S102
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "study.png", "study-7.png", "study-8.png", "山.png", "水.png",
    }  # fmt: skip
    assert zipfile.is_zipfile(tmp_path / "lesson-7.apkg")
    assert "'succeeded': 2" in capsys.readouterr().out, "the deck's progress"


def test_the_readme_s_commands_work(project: Path, stack: Stack, tmp_path: Path) -> None:
    """With two words instead of thirty, and an HSK level only as a dry run."""
    words = (project / "docs/examples/words.csv").read_text().splitlines()
    (tmp_path / "two.csv").write_text("\n".join(words[:3]) + "\n")
    lines = re.findall(r"^\.venv/bin/(writing(?:-service)?) (.*)", (project / "README.md").read_text(), re.MULTILINE)
    assert len(lines) == 4
    modules = {"writing": "writing_client", "writing-service": "cli"}
    for command, line in lines:
        line = line.replace("docs/examples/words.csv", "two.csv").replace("--hsk 1", "--hsk 1 --dry-run")  # noqa: PLW2901
        arguments = shlex.split(line, comments=True)
        done = subprocess.run(
            [sys.executable, "-m", modules[command], *arguments],
            cwd=tmp_path,
            env={**os.environ, "WRITING_URL": stack.url, "WRITING_REDIS__URL": stack.redis_url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "study.png").is_file()
    assert list((tmp_path / "deck").glob("*.apkg"))
