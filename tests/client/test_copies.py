"""What the service and the client both have: the client is installed alone, so neither can import the other's."""

from pathlib import Path

import pytest


@pytest.mark.parametrize("own", ["api/deck_files/file_name.py", "cli/path_option.py", "shared/console.py"])
def test_the_client_s_copy_is_the_service_s(project: Path, own: str) -> None:
    copy = project / "client/writing_client" / Path(own).name
    assert copy.read_text() == (project / own).read_text()
