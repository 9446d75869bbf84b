"""The Lua scripts: each documents its arguments, compiles in Redis, and is used."""

import re
from pathlib import Path

import pytest
import redis

from shared.queue.keys import Key
from shared.queue.scripts import FOLDER, load_script, script_source

SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.lua"))
PARTS = sorted(path.stem for path in FOLDER.glob("parts/*.lua"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_what_it_takes_and_returns(name: str) -> None:
    comment = (FOLDER / f"{name}.lua").read_text().split("\n\n")[0]
    assert all(line.startswith("--") for line in comment.splitlines())
    assert re.findall(r"^-- (KEYS|ARGV|Returns): \S", comment, re.MULTILINE) == ["KEYS", "ARGV", "Returns"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_redis_understands_it(name: str, client: redis.Redis) -> None:
    assert client.script_load(script_source(name)) == load_script(client, name).sha


def test_every_script_and_every_part_is_used(project: Path) -> None:
    code = "".join(path.read_text() for path in (project / "shared").rglob("*.py"))
    assert [name for name in SCRIPTS if f'load_script(client, "{name}")' not in code] == []
    sources = "".join((FOLDER / f"{name}.lua").read_text() for name in SCRIPTS)
    needed = {part for needs in re.findall(r"^-- needs: (.+)$", sources, re.MULTILINE) for part in needs.split()}
    assert needed == set(PARTS)


def test_every_key_that_a_script_names_is_one() -> None:
    text = "".join(path.read_text() for path in FOLDER.rglob("*.lua"))
    assert set(re.findall(r"\bkeys\.(\w+)", text)) <= {key.name.lower() for key in Key}
    assert "'writing:" not in text
