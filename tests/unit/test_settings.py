import logging
import shutil
from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.logs import configure_logging
from shared.settings import CONFIG, LoggingSettings, load_settings


def test_the_environment_overrides_by_path() -> None:
    settings = load_settings(
        {
            "WRITING_REDIS__URL": "rediss://:p%40ss@cache:6380/1",
            "WRITING_QUEUE__LIMIT": "7",
            "WRITING_WORKER__LOAD_AT_START": "false",
            "WRITING_WORKER__CONCURRENCY": "null",
            "WRITING_FONTS": '["/fonts/a.ttf"]',
            "PATH": "/bin",
        }
    )
    assert settings.redis.url == "rediss://:p%40ss@cache:6380/1"
    assert settings.queue.limit == 7
    assert settings.worker.load_at_start is False
    assert settings.worker.concurrency is None
    assert settings.fonts == (Path("/fonts/a.ttf"),)


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
        ("WRITING_FONTS", "[", "not JSON"),
    ],
)
def test_a_wrong_or_unknown_setting_stops_the_start(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings({variable: value})


def test_unknown_keys_of_the_file_stop_the_start(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "default.yaml").open("a") as file:
        file.write("colour: red\n")
    with pytest.raises(SettingsError, match="colour"):
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
    assert styles["watercolor"].controlnet_weights == {"canny": 0.4, "depth": 0.3, "segmentation": 0.3, "scribble": 0.8}
    assert {"ink_wash", "neon", "papercut", "oil", "woodblock", "chalk"} <= set(styles)


def test_settings_are_frozen() -> None:
    settings = load_settings({})
    with pytest.raises(ValueError, match="frozen"):
        settings.model = "other"  # type: ignore[misc]


def test_logs_can_be_json_lines(capfd: pytest.CaptureFixture[str]) -> None:
    """Every line is one object, extra fields included."""
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
