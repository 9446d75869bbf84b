"""The rooms of the code: every module is in an import contract, and the documentation shows the actual rooms."""

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def contracts(project: Path) -> list[dict[str, Any]]:
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    return settings["tool"]["importlinter"]["contracts"]


@pytest.fixture(scope="module")
def drawing(project: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("rooms", project / "docs/rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_module_is_in_a_contract(contracts: list[dict[str, Any]], drawing: ModuleType) -> None:
    """An exhaustive contract names all modules of its package, or `lint-imports` fails."""
    exhaustive = {room for contract in contracts if contract.get("exhaustive") for room in contract["containers"]}
    assert set(drawing.rooms(drawing.read_graph())) == exhaustive


def test_every_package_says_what_it_holds(drawing: ModuleType) -> None:
    rooms = drawing.rooms(drawing.read_graph())
    assert [room for room in rooms if not drawing._about(room)] == []


def test_the_architecture_page_draws_the_rooms_as_they_are(drawing: ModuleType) -> None:
    """`python docs/rooms.py` updates them."""
    page = drawing.PAGE.read_text()
    assert drawing.page_with_rooms(page) == page


def test_a_circle_of_imports_is_named(drawing: ModuleType) -> None:
    imports = {"a": frozenset({"b"}), "b": frozenset({"c"}), "c": frozenset({"b"}), "d": frozenset()}
    with pytest.raises(ValueError, match="b, c"):
        drawing.levels(imports)
