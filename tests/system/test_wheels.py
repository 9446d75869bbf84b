"""Both distributions, built and installed in empty environments outside the checkout."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NOT_SHIPPED = (".git", ".venv", "bench", "build", "dist", "docs", "out", "tests", "training", "var", "*cache*")


class Environment:
    """An empty virtual environment, and an empty folder in which its programs run."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "env/bin"
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        venv.create(folder / "env", with_pip=True)

    def run(self, program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        mine = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "WRITING_"))}
        return subprocess.run(
            [self.bin / program, *arguments], cwd=self.home, env=mine, capture_output=True, text=True, check=False
        )

    def install(self, project: Path, *what: str | Path) -> None:
        done = self.run("python", "-m", "pip", "install", "--quiet", "-c", project / "constraints.txt", *what)
        assert done.returncode == 0, done.stderr

    def packages(self) -> set[str]:
        lines: Iterable[str] = self.run("python", "-m", "pip", "list", "--format=freeze").stdout.splitlines()
        return {line.partition("==")[0].lower() for line in lines}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """The folder with both wheels."""
    source = tmp_path_factory.mktemp("build") / "source"
    shutil.copytree(project, source, ignore=shutil.ignore_patterns(*NOT_SHIPPED, "*.egg-info"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", source.parent, source]
    done = subprocess.run([*command, source / "client"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return source.parent


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path)


def test_the_service_draws_from_its_wheel(wheels: Path, environment: Environment, project: Path) -> None:
    (client,), (service,) = wheels.glob("writing_client-*.whl"), wheels.glob("writing_service-*.whl")
    environment.install(project, client, f"{service}[local]")
    drawn = environment.run("writing-service", "demo")
    assert drawn.returncode == 0, drawn.stderr
    with Image.open(environment.home / "out/picture.png") as picture:
        assert "Seed: 7" in picture.text["parameters"]
    found = environment.run("writing-service", "doctor").stdout
    for subject in ("models.embedded.base", "font", "imagery"):
        assert f"ok    {subject}" in found
    assert {"ruff", "mypy", "pytest", "mkdocs", "playwright"} & environment.packages() == set()
    assert [path.name for path in environment.home.iterdir()] == ["out"], "nothing else is written"


def test_the_client_is_installed_alone(wheels: Path, environment: Environment, project: Path) -> None:
    environment.install(project, *wheels.glob("writing_client-*.whl"))
    assert {"celery", "flask", "redis", "torch", "writing-service"} & environment.packages() == set()
    assert "generate" in environment.run("writing", "--help").stdout
    listed = environment.run("writing", "deck", "--hsk", "1", "-o", "deck", "--dry-run")
    assert (listed.returncode, "150 words to draw" in listed.stdout) == (0, True), listed.stderr
    typed = environment.run(
        "python", "-c", "import importlib.resources as r; print((r.files('writing_client') / 'py.typed').is_file())"
    )
    assert typed.stdout.strip() == "True"
