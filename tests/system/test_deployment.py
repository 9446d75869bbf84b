"""The compose file and the Dockerfiles are valid, and have the Makefile's commands."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

from api.probe import is_healthy
from api.security import digest
from local.stack import free_port
from local.supervisor import Program, Supervisor
from shared.settings import load_settings
from tests.helpers import eventually


@pytest.fixture(scope="module")
def compose(project: Path) -> dict[str, dict[str, object]]:
    return yaml.safe_load((project / "docker-compose.yml").read_text())["services"]


@pytest.mark.parametrize(
    ("file", "services"),
    [("docker-compose.yml", ["api", "flower", "redis", "worker"]), ("docker-compose.worker.yml", ["worker"])],
)
def test_the_compose_files_follow_the_specification(project: Path, file: str, services: list[str]) -> None:
    parsed = PyCompose.from_yaml((project / file).read_text())
    parsed.validate()
    parsed.to_spec()
    assert sorted(parsed.service_names()) == services


def test_workers_on_further_machines_differ_in_addresses_alone(
    compose: dict[str, dict[str, object]], project: Path
) -> None:
    """They need no variable of the services that they do not start."""
    text = (project / "docker-compose.worker.yml").read_text()
    assert re.findall(r"\$\{(\w+):\?", text) == ["REDIS_URL"]
    first, further = dict(compose["worker"]), yaml.safe_load(text)["services"]["worker"]
    del first["depends_on"]
    addresses = {"WRITING_REDIS__URL", "WRITING_URL"}
    assert first.pop("environment").items() ^ further.pop("environment").items() == {  # type: ignore[attr-defined]
        (name, service["environment"][name])  # type: ignore[index]
        for service in (compose["worker"], yaml.safe_load(text)["services"]["worker"])
        for name in addresses
    }
    assert further == first


def filled(text: str, variables: Mapping[str, str]) -> str:
    """Return a value of a compose file with its variables, as compose fills them in."""
    match = re.fullmatch(r"\$\{(\w+):([-?])(.*)\}", text)
    if match is None:
        return re.sub(r"\$\{\w+:[-?][^}]*\}", lambda inner: filled(inner[0], variables), text)
    name, kind, rest = match.groups()
    return variables.get(name) or (filled(rest, variables) if kind == "-" else "")


def test_the_api_in_compose_has_any_number_of_keys(compose: dict[str, dict[str, object]]) -> None:
    keys = [f"{name}:{digest(name)}" for name in ("teacher", "operator", "prometheus")]
    variables = {"API_KEYS": json.dumps(keys), "REDIS_PASSWORD": "secret"}
    environment = {name: filled(value, variables) for name, value in compose["api"]["environment"].items()}  # type: ignore[attr-defined]
    settings = load_settings(environment)
    assert (list(settings.api.keys), settings.api.operators) == (keys, ("operator",))
    assert settings.redis.url == "redis://:secret@redis:6379/0"


def test_the_programs_in_compose_may_use_another_redis(compose: dict[str, dict[str, object]]) -> None:
    url = "rediss://:secret@redis.internal:6380/0"
    for program in ("api", "worker", "flower"):
        template = compose[program]["environment"]["WRITING_REDIS__URL"]  # type: ignore[index]
        assert filled(template, {"REDIS_URL": url}) == url


def test_the_docs_name_what_settings_env_cannot_set(compose: dict[str, dict[str, object]], project: Path) -> None:
    """Compose prefers `environment`, so a setting there overrides the one in `settings.env`."""
    shared = [compose[program]["environment"] for program in ("api", "worker", "flower")]
    names = {
        name
        for environment in shared
        for value in environment.values()  # type: ignore[attr-defined]
        for name in re.findall(r"\$\{(\w+):", value)
    }
    described = (project / "docs/reference/settings.md").read_text()
    (sentence,) = re.findall(r"What the compose file sets itself .*", described)
    assert names - {"REDIS_PASSWORD", "FLOWER_BASIC_AUTH"} == {*re.findall(r"`([A-Z_]+)`", sentence)}


@pytest.mark.parametrize("file", [".gitignore", ".dockerignore"])
def test_files_of_secrets_stay_on_the_machine(project: Path, file: str) -> None:
    assert {"settings.env", ".env"} <= {*(project / file).read_text().splitlines()}


def test_redis_keeps_its_data_and_asks_for_a_password(compose: dict[str, dict[str, object]]) -> None:
    command = str(compose["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert "--requirepass ${REDIS_PASSWORD:?" in command


def test_workers_get_gpus_and_a_model_cache(compose: dict[str, dict[str, object]]) -> None:
    worker = compose["worker"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]  # type: ignore[index]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert "models:/models" in worker["volumes"]  # type: ignore[operator]
    assert "container_name" not in worker, "would forbid --scale"
    assert "ports" not in worker, "would forbid --scale"


def test_logs_are_rotated(compose: dict[str, dict[str, object]]) -> None:
    assert [service["logging"] for service in compose.values()] == [{"driver": "local"}] * 4


def test_flower_asks_for_a_password(compose: dict[str, dict[str, object]]) -> None:
    assert "FLOWER_BASIC_AUTH:?" in str(compose["flower"]["environment"])


@pytest.mark.parametrize(("image", "command"), [("api", "writing-service api"), ("worker", "writing-service worker")])
def test_images_run_what_the_makefile_runs(project: Path, image: str, command: str) -> None:
    last = (project / f"docker/{image}.Dockerfile").read_text().strip().splitlines()[-1]
    assert last == "CMD " + str(command.split()).replace("'", '"')
    assert f"$(BIN)/{command}\n" in (project / "Makefile").read_text()


@pytest.mark.parametrize("image", ["api", "worker"])
def test_dockerfiles_are_clean(project: Path, image: str) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint
    done = subprocess.run(
        [hadolint, str(project / f"docker/{image}.Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("image", ["api", "worker"])
def test_images_copy_what_exists(project: Path, image: str) -> None:
    for line in (project / f"docker/{image}.Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (project / source).exists(), source


def test_the_api_in_compose_asks_for_keys_and_redis_has_a_limit(compose: dict[str, dict[str, object]]) -> None:
    assert "${API_KEYS:?" in compose["api"]["environment"]["WRITING_API__KEYS"]  # type: ignore[index]
    assert "--maxmemory ${REDIS_MEMORY" in str(compose["redis"]["command"])


def test_the_api_alone_listens_to_other_machines(compose: dict[str, dict[str, object]]) -> None:
    published = {name: service.get("ports", []) for name, service in compose.items()}
    assert published == {"redis": [], "api": ["8600:8600"], "worker": [], "flower": ["127.0.0.1:5555:5555"]}


def test_every_server_has_a_health_check_of_its_own(
    compose: dict[str, dict[str, object]], project: Path, flower: int
) -> None:
    """Flower runs from the API's image, and must not inherit the API's health check."""
    check = compose["flower"]["healthcheck"]["test"]  # type: ignore[index]
    assert check == ["CMD", "python", "-m", "api.probe", "5555", "/healthcheck"]
    command = [sys.executable if part == "python" else part for part in check[1:]]
    command[command.index("5555")] = str(flower)
    eventually(lambda: subprocess.run(command, cwd=project, check=False).returncode == 0)
    assert not is_healthy(flower, "/"), "all but the check asks for the password"
    assert not is_healthy(flower, "/health"), "as the image's own check would ask"


@pytest.fixture
def flower(compose: dict[str, dict[str, object]], tmp_path: Path, redis_url: str) -> Iterator[int]:
    """The port of a Flower that runs as in the compose file, with a password."""
    port = free_port()
    command = str(compose["flower"]["command"]).replace("5555", str(port)).split()
    environment = {"WRITING_REDIS__URL": redis_url, "FLOWER_BASIC_AUTH": "operator:secret"}
    assert set(compose["flower"]["environment"]) == set(environment)  # type: ignore[call-overload]
    supervisor = Supervisor(tmp_path)
    supervisor.start(Program("flower", [sys.executable, *command[1:]], environment))
    yield port
    supervisor.end()
