"""The documentation builds, its links work, and everything that it names exists."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from werkzeug.routing import MapAdapter

from api.app import create_app
from api.problems import FIELD_CODES
from api.routes.batches import Batch
from shared.errors import ERRORS_BY_CODE
from shared.schemas import AIGenerationResult, GenerationMetadata, GenerationRequest, JobView
from shared.schemas.deck import DeckRequest, PictureChoice
from shared.settings import ModelSettings, Settings, load_settings
from shared.styles import StyleDefinition

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "client/README.md")),
        PROJECT / "deploy/kubernetes/README.md",
        *(PROJECT / "docs").rglob("*.md"),
    ]
)
# A fenced block, also inside a list.
BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^ *```$", re.DOTALL | re.MULTILINE)
METRIC_ROW = re.compile(r"^\| `(writing_\w+)` \| (\w+) \| ((?:`\w+`(?:, )?)*) ?\|", re.MULTILINE)

# The metrics in docs/reference/metrics.md: name to type and labels. The real ones are compared with them below.
METRICS: dict[str, tuple[str, str]] = {
    name: (kind, label) for name, kind, label in METRIC_ROW.findall((PROJECT / "docs/reference/metrics.md").read_text())
}
# Variables that are not settings.
CLIENT_VARIABLES = {"WRITING_URL", "WRITING_API_KEY", "WRITING_CONFIG"}
# The models of JSON bodies, by call.
BODIES: dict[str, type[BaseModel]] = {
    "jobs.submit": GenerationRequest, "batches.submit": Batch, "decks.create": DeckRequest,
    "decks.replace": PictureChoice,
}  # fmt: skip
# The suffixes of a histogram's name in PromQL.
HISTOGRAM_SUFFIXES = ("_bucket", "_sum", "_count")


def series_names() -> set[str]:
    """Return the names that a query may contain."""
    return {
        name + suffix
        for name, (kind, _) in METRICS.items()
        for suffix in (HISTOGRAM_SUFFIXES if kind == "histogram" else ("",))
    }


def blocks(page: Path, language: str) -> list[str]:
    """Return a page's code blocks in a language, unindented."""
    return [
        re.sub(rf"^{block['indent']}", "", block["code"], flags=re.MULTILINE)
        for block in BLOCK.finditer(page.read_text())
        if block["language"] == language
    ]


def all_blocks(language: str) -> list[Any]:
    return [
        pytest.param(code, id=f"{page.relative_to(PROJECT)}-{number}")
        for page in PAGES
        for number, code in enumerate(blocks(page, language))
    ]


def code_spans(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text()))


def curl_commands() -> list[Any]:
    """Return every curl command of the pages as words, without shell syntax."""
    return [
        pytest.param(shlex.split(line, comments=True), id=f"{page.relative_to(PROJECT)}-{number}")
        for page in PAGES
        for code in blocks(page, "sh")
        for number, line in enumerate(_commands(code))
        if line.startswith("curl ")
    ]


def _commands(code: str) -> Iterator[str]:
    """Yield a block's commands; lines that continue after a backslash or inside quotes are joined."""
    command = ""
    for line in code.splitlines():
        command += line.removesuffix("\\") + (" " if line.endswith("\\") else "\n")
        if not line.endswith("\\") and command.count("'") % 2 == 0:
            yield command.strip()
            command = ""


def by_page(page: Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def routes() -> MapAdapter:
    return create_app(load_settings({})).url_map.bind("")


@pytest.fixture
def metrics(settings: Settings) -> CollectorRegistry:
    registry: CollectorRegistry = create_app(settings).extensions["writing"].metrics
    return registry


def setting_paths(values: Any, path: str = "") -> set[str]:
    """Return the dotted names of all settings, including sections."""
    if not isinstance(values, dict):
        return set()
    names = {key: f"{path}{key}" for key in values}
    return set(names.values()).union(*(setting_paths(values[key], f"{name}.") for key, name in names.items()))


@pytest.fixture(scope="module")
def known_settings() -> set[str]:
    return setting_paths(load_settings({}).model_dump(mode="json"))


def test_the_site_lists_every_setting_and_every_error(site: Path, known_settings: set[str]) -> None:
    """The tables are generated from the code."""
    shown = (site / "reference/settings/index.html").read_text()
    leaves = {name for name in known_settings if not any(other.startswith(f"{name}.") for other in known_settings)}
    assert {name for name in leaves if f"<code>{name}</code>" not in shown} == set()
    errors = (site / "reference/errors/index.html").read_text()
    assert {code for code in ERRORS_BY_CODE if f"<code>{code}</code>" not in errors} == set()


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img)\b[^>]*?(?:src|href)=\"?(https?://[^\s\">]+)", page.read_text())
        assert loaded == [], page


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", page.read_text()))
    relative = [target.split("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    assert [target for target in relative if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_every_setting_named_is_one(page: Path, known_settings: set[str]) -> None:
    """Named by its environment variable, or by its path in code style."""
    variables = set(re.findall(r"\bWRITING_[A-Z][A-Z0-9_]*", page.read_text())) - CLIENT_VARIABLES
    named = {name.removeprefix("WRITING_").lower().replace("__", ".") for name in variables}
    sections = "|".join(name for name in known_settings if "." not in name)
    for span in code_spans(page):
        if re.fullmatch(rf"(?:{sections})(?:\.\w+)+", span) and not is_module(span):
            named.add(span)
    assert named - known_settings == set()


def is_module(name: str) -> bool:
    """Return whether there is a module with this name, such as `worker.main`."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("words", curl_commands())
def test_every_curl_example_is_a_call_that_the_api_has(words: list[str], routes: MapAdapter) -> None:
    """Its path and method match a route, and its body is a valid request."""
    url = next(word for word in words if word.startswith("http"))
    body = next((words[words.index(flag) + 1] for flag in ("-d", "--data-binary") if flag in words), None)
    method = words[words.index("-X") + 1] if "-X" in words else "GET" if body is None else "POST"
    path = re.sub(r"^https?://[^/]+", "", url).split("?")[0]
    endpoint, _ = routes.match(path, method)
    if body is not None and not body.startswith("@"):
        assert endpoint is not None
        BODIES[endpoint].model_validate(json.loads(body))


def test_there_are_curl_examples_with_and_without_a_body() -> None:
    """So that the test above has something to check."""
    commands = [parameters.values[0] for parameters in curl_commands()]
    assert len([words for words in commands if "-d" in words]) >= 5
    assert len([words for words in commands if "-d" not in words]) >= 5


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_every_test_named_exists(page: Path) -> None:
    """Named with its path from the project's folder. After it, `::test_…` alone is in the same file."""
    missing, source = [], ""
    for span in code_spans(page):
        if found := re.fullmatch(r"(?:pytest )?(\S*\btest_\w+\.py)?((?:::[Tt]est\w+)*)", span):
            file, names = found.groups()
            if file:
                source = (PROJECT / file).read_text() if (PROJECT / file).is_file() else ""
            defined = re.findall(r"^ *(?:async )?(?:class|def) (\w+)", source, re.MULTILINE)
            if not source or not {*names.split("::")[1:]} <= {*defined}:
                missing.append(span)
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_every_make_target_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    commands = [*code_spans(page), *(line for code in blocks(page, "sh") for line in code.splitlines())]
    named = {found[1] for command in commands if (found := re.search(r"(?:^|[;=\w] |do )make ([a-z][\w-]*)", command))}
    assert named - targets == set()


def test_the_metrics_are_those_that_the_reference_lists(metrics: CollectorRegistry) -> None:
    """Compares names and types; prometheus-client omits the suffix of counters."""
    found = {family.name + ("_total" if family.type == "counter" else ""): family.type for family in metrics.collect()}
    assert found == {name: kind for name, (kind, _) in METRICS.items()}


@pytest.mark.parametrize("page", PAGES, ids=by_page)
def test_every_metric_named_is_one(page: Path) -> None:
    spans = code_spans(page)
    named = {name for span in spans for name in re.findall(r"\bwriting_[a-z_]+", span)}
    assert named - series_names() - set(METRICS) - {"writing_client", "writing_service"} == set()


@pytest.mark.parametrize("code", all_blocks("python"))
def test_python_examples_compile(code: str) -> None:
    compile(code, "example", "exec")


@pytest.mark.parametrize("code", all_blocks("json"))
def test_json_examples_are_json(code: str) -> None:
    json.loads(code)


def test_the_example_of_an_error_is_what_the_api_answers() -> None:
    (example,) = blocks(PROJECT / "docs/reference/errors.md", "json")
    client = create_app(load_settings({})).test_client()
    answer = client.post("/api/writing/generate-writing-image", json={"word": "学", "style": "comics"})
    assert json.loads(example) == answer.get_json()


def test_the_example_of_a_style_is_a_style() -> None:
    (example,) = blocks(PROJECT / "docs/how-to/own-style.md", "yaml")
    for entry in yaml.safe_load(example).values():
        StyleDefinition.model_validate(entry)


def test_the_example_of_a_model_has_every_key() -> None:
    (example,) = blocks(PROJECT / "docs/how-to/own-checkpoint.md", "yaml")
    for entry in yaml.safe_load(example).values():
        ModelSettings.model_validate(entry)


def test_the_codes_of_fields_are_listed() -> None:
    """The codes without an error class: our names of pydantic's errors."""
    table = (PROJECT / "docs/reference/errors.md").read_text().split("## A field at fault")[1]
    listed = {code for line in table.splitlines() if line.startswith("|") for code in re.findall(r"`(\w+)`", line)}
    assert listed == {*FIELD_CODES.values(), "wrong_type", "invalid_value"} - set(ERRORS_BY_CODE)


@pytest.mark.parametrize("model", [GenerationRequest, JobView, AIGenerationResult, GenerationMetadata])
def test_the_api_page_names_every_field(model: type[BaseModel]) -> None:
    named = set(re.findall(r"\w+", " ".join(code_spans(PROJECT / "docs/reference/http-api.md"))))
    assert {*model.model_fields} - named == set()


def test_the_api_page_names_every_error() -> None:
    assert set(ERRORS_BY_CODE) - set(code_spans(PROJECT / "docs/reference/http-api.md")) == set()


def test_the_api_page_names_no_unknown_error() -> None:
    table = (PROJECT / "docs/reference/http-api.md").read_text().split("## Errors")[1]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    named = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert named - set(ERRORS_BY_CODE) - set(FIELD_CODES.values()) - {"wrong_type", "invalid_value"} == set()


def test_the_page_of_the_engine_names_every_file() -> None:
    page = (PROJECT / "docs/explanation/engine.md").read_text()
    files = {path.name for path in (PROJECT / "worker/engine").glob("*.py")} - {"__init__.py"}
    assert not [name for name in sorted(files) if f"`{name}`" not in page]
