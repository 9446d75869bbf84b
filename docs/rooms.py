"""Draw the rooms of the code and their one-way arrows into docs/explanation/architecture.md: ``python docs/rooms.py``.

Everything comes from the imports, so that the page stays true; a test compares them.
"""

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs/explanation/architecture.md"
BEGIN, END = "<!-- rooms: made by docs/rooms.py -->\n", "<!-- end of rooms -->"

Graph = grimp.ImportGraph
Arrows = Mapping[str, frozenset[str]]


def root_packages() -> list[str]:
    """Return the packages that the import contracts are about."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return sorted(settings["tool"]["importlinter"]["root_packages"])


def read_graph() -> Graph:
    """Return who imports whom."""
    first, *others = root_packages()
    return grimp.build_graph(first, *others, cache_dir=None)


def arrows(graph: Graph, members: frozenset[str]) -> Arrows:
    """Return which of some modules or packages each of them imports, itself or by what it holds."""
    owner = {module: member for member in members for module in (member, *graph.find_descendants(member))}
    found: dict[str, set[str]] = {member: set() for member in members}
    for module, member in owner.items():
        imported = graph.find_modules_directly_imported_by(module)
        found[member] |= {owner[other] for other in imported if other in owner} - {member}
    return {member: frozenset(others) for member, others in found.items()}


def levels(imports: Arrows) -> list[list[str]]:
    """Return members in levels: each imports only from levels below its own.

    Raises:
        ValueError: some import one another in a circle.
    """
    below: set[str] = set()
    found: list[list[str]] = []
    while len(below) < len(imports):
        level = [member for member, others in imports.items() if member not in below and others <= below]
        if not level:
            raise ValueError(f"circular imports: {', '.join(sorted(set(imports) - below))}")
        found.append(sorted(level))
        below |= set(level)
    return found[::-1]


def rooms(graph: Graph) -> list[str]:
    """Return the packages that hold something, in the order of their names."""
    return sorted(module for module in graph.modules if graph.find_children(module))


def picture(graph: Graph) -> Iterator[str]:
    """Yield the lines of a picture: first the packages, then what each of them holds."""
    yield from _lines(levels(arrows(graph, frozenset(root_packages()))))
    for room in rooms(graph):
        yield f"\n{_path(room)}"
        yield from ("  " + line for line in _lines(levels(arrows(graph, frozenset(graph.find_children(room))))))


def table(graph: Graph) -> Iterator[str]:
    """Yield the rows of a table of rooms: what each holds, and which others it imports."""
    yield "| room | holds | imports |"
    yield "|---|---|---|"
    for room in rooms(graph):
        others = sorted(
            {_room_of(graph, module) for own in _own(graph, room) for module in _imported(graph, own)} - {room}
        )
        yield f"| `{_path(room)}` | {_about(room)} | {', '.join(f'`{_path(other)}`' for other in others) or '–'} |"


def page_with_rooms(page: str) -> str:
    """Return the page with its part on rooms made anew."""
    graph = read_graph()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    drawn = "\n".join(picture(graph))
    return f"{before}{BEGIN}\n```text\n{drawn}\n```\n\n" + "\n".join(table(graph)) + f"\n\n{END}{after}"


def _lines(found: list[list[str]]) -> list[str]:
    return [" · ".join(member.rpartition(".")[2] for member in level) for level in found]


def _own(graph: Graph, room: str) -> list[str]:
    """Return a room's own modules, without those of rooms inside it."""
    return [room, *(module for module in graph.find_children(room) if not graph.find_children(module))]


def _imported(graph: Graph, module: str) -> set[str]:
    return set(graph.find_modules_directly_imported_by(module))


def _room_of(graph: Graph, module: str) -> str:
    return module if graph.find_children(module) else module.rpartition(".")[0]


def _path(room: str) -> str:
    return room.replace(".", "/") + "/"


def _about(room: str) -> str:
    """Return the first line of a package's docstring."""
    file = next(
        folder / room.replace(".", "/") / "__init__.py"
        for folder in (PROJECT, PROJECT / "client")
        if (folder / room.replace(".", "/")).is_dir()
    )
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.splitlines()[0].removesuffix(".") if docstring else ""


if __name__ == "__main__":
    PAGE.write_text(page_with_rooms(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
