"""The precedence of the operator's files over the shipped ones."""

from pathlib import Path

import pytest

from shared import locations
from shared.errors import SettingsError
from shared.locations import CONFIG, PROJECT, config_file, locate
from shared.settings import load_settings


def test_in_a_checkout_relative_paths_start_at_its_folder(project: Path) -> None:
    assert locate("var/compile_cache") == project / "var/compile_cache"
    assert locate("/fonts/a.ttf") == Path("/fonts/a.ttf")


def test_installed_a_path_is_the_operators_before_it_is_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locations, "HOME", tmp_path)
    assert locate("worker/data") == PROJECT / "worker/data"
    assert locate("var/never_made") == tmp_path / "var/never_made", "nothing is written beside the code"
    (tmp_path / "worker/data").mkdir(parents=True)
    assert locate("worker/data") == tmp_path / "worker/data"


def test_a_folder_of_ones_own_replaces_the_files_that_it_has(tmp_path: Path) -> None:
    styles = (CONFIG / "styles.yaml").read_text().replace("label: Comic", "label: Funny")
    (tmp_path / "styles.yaml").write_text(styles)
    assert config_file("default.yaml", tmp_path) == CONFIG / "default.yaml"
    settings = load_settings({"WRITING_CONFIG": str(tmp_path)})
    assert settings.styles["comic"].label == "Funny"


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="WRITING_CONFIG"):
        load_settings({"WRITING_CONFIG": str(tmp_path / "none")})
