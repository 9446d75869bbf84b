"""Tables of the reference, made from the code when the site is built (a hook of mkdocs), so that they cannot be stale.

A page of `TABLES` says where its table goes by a line that starts with "> Filled in when the site is built". On a code
host, where that line stays, it names the files to read instead.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from shared.errors import ERRORS_BY_CODE
from shared.locations import CONFIG
from shared.settings import Settings

PLACEHOLDER = re.compile(r"^> Filled in when the site is built(?:.|\n(?!\n))*", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\((?P<target>[^)#:\s]+)(?:#[^)\s]*)?\)")
COMMENT = re.compile(r"(?:^|\s)#\s?(.*)$")
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<", "multipleOf": "multiple of"}

Path = tuple[str, ...]


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Put in a page's table, and turn its links to files of the repository that are no pages into their paths."""
    source = page.file.src_uri
    if source in TABLES:
        markdown, count = PLACEHOLDER.subn(lambda _found: TABLES[source](), markdown)
        if count != 1:
            raise ValueError(f"{source} needs one line that starts with {PLACEHOLDER.pattern[:40]!r}, has {count}")
    return LINK.sub(lambda link: _inside_or_path(link, source), markdown)


def settings_table() -> str:
    """Return every key of config/default.yaml with its default, type and comment, a table a section."""
    text = (CONFIG / "default.yaml").read_text(encoding="utf-8")
    lines, schema = text.splitlines(), Settings.model_json_schema()
    leaves = list(_leaves(yaml.compose(text, yaml.SafeLoader)))
    meanings: dict[Path, str] = {}
    for path, key, value in leaves:
        # A comment at one model holds for the others.
        meanings[_without_model(path)] = meanings.get(_without_model(path)) or _comment(lines, key, value)
    sections: dict[Path, list[str]] = {}
    for path, _, value in leaves:
        described = _type(_resolve(schema, path), schema)
        row = _row((f"`{'.'.join(path)}`", f"`{_default(value)}`", described, meanings[_without_model(path)]))
        sections.setdefault(_section(path), []).append(row)
    return "\n\n".join(
        f"## {'.'.join(section) or 'General'}\n\n{_table(('setting', 'default', 'type', 'meaning'), rows)}"
        for section, rows in sorted(sections.items())
    )


def errors_table() -> str:
    """Return every error's code, HTTP status and meaning."""
    rows = [
        _row((f"`{code}`", str(error.http_status), (error.__doc__ or "").splitlines()[0]))
        for code, error in sorted(ERRORS_BY_CODE.items(), key=lambda item: (item[1].http_status, item[0]))
    ]
    return _table(("code", "status", "meaning"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "reference/settings.md": settings_table,
    "reference/errors.md": errors_table,
}


def _inside_or_path(link: re.Match[str], source: str) -> str:
    """Return a link as it is, or, if it leaves docs/, as its text and the file's path in the repository."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["target"]))
    if not path.startswith("../"):
        return link[0]
    path = path.removeprefix("../")
    return f"`{path}`" if link["text"].strip("`") == path else f"{link['text']} (`{path}`)"


def _section(path: Path) -> Path:
    """Return what a setting is listed under: nothing, its section, or its model."""
    return path[:2] if path[0] == "models" else path[:1] if len(path) > 1 else ()


def _without_model(path: Path) -> Path:
    return (path[0], *path[2:]) if path[0] == "models" else path


def _leaves(node: yaml.Node | None, path: Path = ()) -> Iterator[tuple[Path, yaml.Node, yaml.Node]]:
    """Yield every setting's path, key and value; an empty mapping or a list is one setting."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*path, key.value)
        if isinstance(value, yaml.MappingNode):
            yield from _leaves(value, here)
        else:
            yield here, key, value


def _comment(lines: list[str], key: yaml.Node, value: yaml.Node) -> str:
    """Return the comment behind a value; of a list over several lines, the comment lines above its key."""
    if value.start_mark.line == key.start_mark.line:
        found = COMMENT.search(lines[value.end_mark.line][value.end_mark.column :])
        return found[1] if found else ""
    above: list[str] = []
    for line in reversed(lines[: key.start_mark.line]):
        if not line.startswith("#"):
            break
        above.insert(0, line.lstrip("# "))
    return " ".join(above)


def _default(value: yaml.Node) -> str:
    if isinstance(value, yaml.SequenceNode):
        return f"[{', '.join(item.value for item in value.value)}]"
    return value.value or '""'


def _resolve(schema: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the JSON schema of a setting."""
    here = schema
    for name in path:
        here = _object(here, schema)
        here = here.get("properties", {}).get(name) or here["additionalProperties"]
    return here


def _object(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; of alternatives, take the one that is no null."""
    if "anyOf" in node:
        node = next(option for option in node["anyOf"] if option.get("type") != "null")
    return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def _type(node: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return a JSON schema in words."""
    if "anyOf" in node:
        return " or ".join(_type(option, schema) for option in node["anyOf"])
    node = _object(node, schema)
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node["type"] == "array":
        return f"list of {_type(node['items'], schema)}"
    kind = "path" if node.get("format") == "path" else "text" if node["type"] == "string" else str(node["type"])
    return ", ".join([kind, *(f"{sign} {node[name]:g}" for name, sign in BOUNDS.items() if name in node)])


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    return "\n".join([_row(heads), _row(("---",) * len(heads)), *rows])


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
