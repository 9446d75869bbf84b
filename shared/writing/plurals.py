"""Irregular English plurals."""

from collections.abc import Mapping

IRREGULAR: Mapping[str, str] = {
    "men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth", "geese": "goose",
    "mice": "mouse", "lice": "louse", "dice": "die", "oxen": "ox", "people": "person",
}  # fmt: skip
