import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.errors import SettingsError
from shared.locations import CONFIG, HOME
from shared.logs import configure_logging
from shared.settings import LEVEL_SEPARATOR, PREFIX, LoggingSettings, load_settings
from shared.yaml_file import read_yaml


def test_the_environment_overrides_by_path() -> None:
    settings = load_settings(
        {
            "WRITING_REDIS__URL": "rediss://:p%40ss@cache:6380/1",
            "WRITING_QUEUE__LIMIT": "7",
            "WRITING_WORKER__LOAD_AT_START": "false",
            "WRITING_WORKER__CONCURRENCY": "null",
            "WRITING_FONTS": '["/fonts/a.ttf"]',
            "WRITING_RECOGNISERS": '["r.onnx"]',
            "PATH": "/bin",
        }
    )
    assert settings.redis.url == "rediss://:p%40ss@cache:6380/1"
    assert settings.queue.limit == 7
    assert settings.worker.load_at_start is False
    assert settings.worker.concurrency is None
    assert settings.fonts == (Path("/fonts/a.ttf"),)
    assert settings.recognisers == (HOME / "r.onnx",), "not where the process was started"


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_address_may_have_brackets(host: str) -> None:
    assert load_settings({"WRITING_API__HOST": host}).api.host == "::1"


def test_every_setting_can_be_set_by_the_environment() -> None:
    """Each one is set to its own value."""
    variables = {
        PREFIX + LEVEL_SEPARATOR.join(path).upper(): value if isinstance(value, str) else json.dumps(value)
        for path, value in _leaves(read_yaml(CONFIG / "default.yaml"))
    }
    assert len(variables) > 80
    assert load_settings(variables) == load_settings({})


def _leaves(section: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def test_unknown_keys_of_the_file_stop_the_start(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "default.yaml").open("a") as file:
        file.write("colour: red\n")
    with pytest.raises(SettingsError, match="colour"):
        load_settings({}, tmp_path)


def test_a_key_that_an_older_file_lacks_is_named_with_what_to_do(tmp_path: Path) -> None:
    values = read_yaml(CONFIG / "default.yaml")
    del values["queue"]["bulk_limit"]
    (tmp_path / "default.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(SettingsError, match=r"queue\.bulk_limit: is missing, .* file of this version in config/"):
        load_settings({}, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("of {meaning}, inspired", "of {mening}, inspired", "style 'comic': base_template"),
        ("canny: 0.9, depth: 0.5", "canny: 9, depth: 0.5", r"style 'comic': controlnet_weights\.canny"),
        ("label: Comic", "lable: Comic", "style 'comic': lable"),
    ],
)
def test_a_wrong_style_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    styles = tmp_path / "styles.yaml"
    text = styles.read_text()
    assert old in text
    styles.write_text(text.replace(old, new))
    with pytest.raises(SettingsError, match=message):
        load_settings({}, tmp_path)


def test_the_given_styles_are_as_given() -> None:
    styles = load_settings({}).styles
    assert styles["comic"].base_template == (
        "A vibrant comic book style illustration of {meaning}, inspired by {character}"
    )
    assert styles["comic"].controlnet_weights == {"canny": 0.9, "depth": 0.5, "segmentation": 0.7, "scribble": 0.3}
    assert styles["watercolor"].base_template == (
        "A soft watercolor painting depicting {meaning}, with flowing brushstrokes"
    )
    assert styles["watercolor"].controlnet_weights == {"canny": 0.4, "depth": 0.3, "segmentation": 0.5, "scribble": 0.8}
    assert {"ink_wash", "neon", "papercut", "oil", "woodblock", "chalk"} <= set(styles)


def test_settings_are_frozen() -> None:
    settings = load_settings({})
    with pytest.raises(ValueError, match="frozen"):
        settings.model = "other"  # type: ignore[misc]


def test_logs_can_be_json_lines(capfd: pytest.CaptureFixture[str]) -> None:
    """Every line is one object, including extra fields."""
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure_logging(LoggingSettings(level="INFO", format="json"))
        logging.getLogger("generation").info("generated %s", "学习", extra={"seed": 7})
    finally:
        root.handlers, root.level = handlers, level
    line = capfd.readouterr().err.strip()
    assert '"name": "generation"' in line
    assert '"message": "generated 学习"' in line
    assert '"seed": 7' in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("logging.StreamHandler", "logging.NoHandler", "'console': .*NoHandler"),
        ("diffusers: {level: WARNING}", "diffusers: {level: LOUD}", "LOUD"),
        ("handlers: [console]", "handlers: [printer]", "printer"),
        ("root:", "roots:", "root"),
        ("version: 1", "version: 2", "version"),
    ],
)
def test_a_wrong_logging_configuration_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    text = (CONFIG / "logging.yaml").read_text()
    assert old in text
    (tmp_path / "logging.yaml").write_text(text.replace(old, new, 1))
    monkeypatch.setenv("WRITING_CONFIG", str(tmp_path))
    root, handlers = logging.getLogger(), logging.getLogger().handlers[:]
    try:
        with pytest.raises(SettingsError, match=rf"logging\.yaml: not a logging configuration: .*{message}"):
            configure_logging(LoggingSettings(level="INFO", format="text"))
    finally:
        root.handlers = handlers


DIGEST, OTHER_DIGEST = "0" * 64, "1" * 64


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("WRITING_QUEUE__LIMTI", "5", "did you mean 'limit'"),
        ("WRITING_NOPE", "5", "no setting 'nope'"),
        ("WRITING_NOPE__LIMIT", "5", "no section 'nope'"),
        ("WRITING_QUEUE__LIMIT", "many", r"queue\.limit"),
        ("WRITING_QUEUE__LIMIT", "0", r"queue\.limit"),
        ("WRITING_MODEL", "dalle", "embedded, sdxl"),
        ("WRITING_DEFAULT_STYLE", "cubist", "comic"),
        ("WRITING_FONTS", "[", "not valid JSON"),
        *(
            ("WRITING_API__CORS_ORIGINS", f'["https://a.example", "{origin}"]', r"cors_origins\.1: .* not an origin")
            for origin in (
                "learn.example", "https://learn.example/", "https://learn.example/page", "https://*.example", "null",
                "", "https://user@learn.example", "https://learn.example:", "https://learn.example:99999", "ftp://a",
                "https://learn.example?x", "https://", "https://a b.example", " https://learn.example",
            )
        ),
        ("WRITING_API__CORS_ORIGINS", '["*"]', r"api\.cors_origins: .*keys"),
        ("WRITING_API__KEYS", f'["a:{DIGEST}", "a:{OTHER_DIGEST}"]', r"api\.keys: two keys are named 'a'"),
        ("WRITING_API__KEYS", f'["a:{DIGEST}", "b:{DIGEST}"]', r"api\.keys: the same key has two names"),
        ("WRITING_API__KEYS", f'[" :{DIGEST}"]', "NAME:DIGEST"),
        ("WRITING_API__KEYS", f'[":{DIGEST}"]', "NAME:DIGEST"),
        ("WRITING_API__KEYS", f'["a\\nb:{DIGEST}"]', "NAME:DIGEST"),
        ("WRITING_API__KEYS", f'["a:{DIGEST[1:]}"]', "NAME:DIGEST"),
        ("WRITING_API__KEYS", f'["a:{DIGEST}:"]', "NAME:DIGEST"),
        ("WRITING_API__KEYS", '["a"]', "NAME:DIGEST"),
        ("WRITING_API__OPERATORS", '["nobody"]', r"api\.operators: no key is named 'nobody'"),
        *(
            ("WRITING_API__BLOCKED_WORDS", f'["fine", "{word}"]', r"api\.blocked_words\.1")
            for word in ("", " ", "!", "\u200b", "\u3000")
        ),
        *(
            (variable, f'["{host}"]', r"allowed_hosts\.0: .* not a host name")
            for variable in ("WRITING_API__ALLOWED_HOSTS", "WRITING_WEBHOOKS__ALLOWED_HOSTS")
            for host in ("https://a.example", "*.example", "", "a.example:443", "a.example/", "256.1.1.1")
        ),
        *(("WRITING_API__HOST", host, r"api\.host") for host in ("", "a b", "http://a", "::1:80:", "256.1.1.1")),
        *(
            ("WRITING_WEBHOOKS__SECRET", secret, r"webhooks\.secret: must be whsec_")
            for secret in ("", "abc", "whsec_", "whsec_YWJj", "whsec_" + "!" * 40, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        ),
        *(
            ("WRITING_REDIS__URL", url, r"redis\.url: must be redis://")
            for url in ("", "cache:6379", "http://cache", "redis://", "redis://c:port", "redis://c/db", "unix:///r.sock")
        ),
        *(
            ("WRITING_REDIS__URL", f"redis://cache:6379/0?{option}", rf"redis\.url: .*remove {name}")
            for option, name in (
                ("db=3", "db"), ("socket_keepalive=true", "socket_keepalive"), ("x", "x"),
                ("ssl_cert_reqs=required&protocol=3", "protocol"), ("ssl_cert_reqs=none", "ssl_cert_reqs"),
            )
        ),
        *(("WRITING_REDIS__TIMEOUT_S", value, r"redis\.timeout_s") for value in ("inf", "nan", "1e999", "1e300", "-1")),
        ("WRITING_WORKER__STALE_AFTER_S", "0.5", r"worker\.stale_after_s: 0\.5 is not greater than"),
        ("WRITING_QUEUE__LEASE_S", "1", r"queue\.lease_s: 1 is not greater than worker\.heartbeat_s"),
        ("WRITING_API__RECEIVE_S", "0", r"api\.receive_s"),
        ("WRITING_API__CLIENT_HEADER", "X-Forwarded-User", r"api\.client_header needs api\.allow_anonymous"),
        ("WRITING_API__CLIENT_HEADER", "X Forwarded", r"api\.client_header"),
        ("WRITING_API__MAX_SIDE", "4096", r"api\.max_side"),
        ("WRITING_API__MAX_SIDE", "1000", r"api\.max_side"),
        ("WRITING_API__MAX_STEPS", "101", r"api\.max_steps"),
        ("WRITING_API__MAX_STEPS", "9", r"api\.max_steps: 9 is less than models\.embedded\.num_inference_steps, .* 10"),
        ("WRITING_API__MAX_SIDE", "256", r"api\.max_side: 256 is less than models\.embedded\.default_size, .* 512"),
        ("WRITING_API__MAX_VARIATIONS", "0", r"api\.max_variations"),
        ("WRITING_API__MAX_ATTEMPTS", "5", r"api\.max_attempts"),
        ("WRITING_CONDITIONING__DEPTH_MODEL", "", r"conditioning\.depth_model"),
        ("WRITING_MODELS__SDXL__BASE", "", r"models\.sdxl\.base"),
        *(("WRITING_DEVICE", device, "device") for device in ("", "CUDA", "gpu", "cuda:", "cuda:x", "mps")),
        *((variable, "", "blank") for variable in ("WRITING_REDIS__CA_FILE", "WRITING_WORKER__GPU_LOCKS")),
        ("WRITING_WORKER__COMPILE_CACHE", " ", r"worker\.compile_cache: the path is blank"),
        *((f"WRITING_{key}", '["a", ""]', rf"{key.lower()}\.1: .* blank") for key in ("FONTS", "RECOGNISERS")),
        *(("WRITING_API__ALLOWED_HOSTS", value, "must be a list") for value in ("", "a.example", "{}", "null")),
        ("WRITING_LOGGING", "json", "logging: must be a mapping"),
        ("WRITING_QUEUE__RESULT_TTL_S", "1" + 20 * "0", r"queue\.result_ttl_s"),
        ("writing_api__port", "80", "capitals"),
        ("WRITING_api__port", "80", "capitals"),
    ],
)  # fmt: skip
def test_a_mistyped_setting_stops_the_start(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings({variable: value})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WRITING_WEBHOOKS__SECRET", "whsec_c2hvcnQ="),
        ("WRITING_REDIS__URL", "redis://:hidden-password@cache:port"),
        ("WRITING_API__KEYS", '["hidden-password"]'),
    ],
)
def test_a_wrong_secret_is_not_repeated(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({variable: value})
    assert "hidden-password" not in str(error.value)
    assert "c2hvcnQ" not in str(error.value)


def test_what_is_right_is_taken_as_browsers_and_programs_write_it() -> None:
    settings = load_settings(
        {
            "WRITING_API__CORS_ORIGINS": '["HTTPS://Learn.example", "https://a.example:443", "http://localhost:3000", "http://[::1]:80"]',
            "WRITING_API__KEYS": f'["alice smith:{DIGEST}", "学生:{OTHER_DIGEST}"]',
            "WRITING_API__OPERATORS": '["学生"]',
            "WRITING_API__ALLOWED_HOSTS": '["Draw.example", "10.0.0.1", "[fe80::1]"]',
            "WRITING_WEBHOOKS__ALLOWED_HOSTS": '["Hooks.example"]',
            "WRITING_WEBHOOKS__SECRET": "whsec_" + "A" * 32,
            "WRITING_API__BLOCKED_WORDS": '["毒", "knife fight"]',
        }
    )
    assert settings.api.cors_origins == (
        "https://learn.example", "https://a.example", "http://localhost:3000", "http://[::1]",
    )  # fmt: skip
    assert settings.api.allowed_hosts == ("draw.example", "10.0.0.1", "fe80::1")
    assert settings.webhooks.allowed_hosts == ("hooks.example",)


@pytest.mark.parametrize(("operators", "shared"), [([], True), (["b"], False), (["a", "b"], False)])
def test_an_operators_key_is_no_client_to_share_the_queue_with(operators: list[str], *, shared: bool) -> None:
    """Compose's own: one client and one operator."""
    keys = json.dumps([f"a:{DIGEST}", f"b:{OTHER_DIGEST}"])
    settings = load_settings({"WRITING_API__KEYS": keys, "WRITING_API__OPERATORS": json.dumps(operators)})
    assert settings.api.has_several_clients is shared


@pytest.mark.parametrize("file", ["default.yaml", "styles.yaml", "gpu_profiles.yaml"])
def test_a_key_that_stands_twice_stops_the_start(tmp_path: Path, file: str) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    path = tmp_path / file
    first = next(line for line in path.read_text().splitlines() if line and line[0].isalpha())
    name = first.partition(":")[0]
    with path.open("a") as text:
        text.write(f"\n{name}: {{}}\n")
    with pytest.raises(SettingsError, match=f"'{name}' occurs twice"):
        load_settings({}, tmp_path)


@pytest.mark.parametrize("file", ["default.yaml", "styles.yaml", "gpu_profiles.yaml"])
def test_a_file_in_another_encoding_is_read_or_named(tmp_path: Path, file: str) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / file).read_text()
    for encoding in ("utf-8-sig", "utf-16"):
        (tmp_path / file).write_text(text, encoding=encoding)
        load_settings({}, tmp_path)
    (tmp_path / file).write_bytes(f"{text}# caf".encode() + b"\xe9\n")  # Latin-1
    with pytest.raises(SettingsError, match=f"{file}: .*UTF-8"):
        load_settings({}, tmp_path)
