import pytest

from shared.writing.characters import CharacterDatabase
from worker.glyphs.stroke_types import StrokeType, stroke_type


@pytest.mark.parametrize(
    ("character", "types"),
    [
        ("十", "heng shu"),
        ("人", "pie na"),
        ("永", "dian zhe zhe pie na"),
        ("小", "shu_gou pie dian"),
        ("江", "dian dian ti heng shu heng"),
        ("口", "shu zhe heng"),
        ("千", "pie heng shu"),
        ("刀", "zhe pie"),
        ("水", "shu_gou zhe pie na"),
        ("女", "zhe pie heng"),
        ("火", "dian pie pie na"),
        ("打", "heng shu_gou ti heng shu_gou"),
    ],
)
def test_textbook_characters(character: str, types: str, database: CharacterDatabase) -> None:
    """As a primer teaches them, except for the left dot of 小, which looks like a short pie stroke."""
    found = database.character(character)
    assert found is not None
    assert [stroke_type(stroke).value for stroke in found.strokes] == types.split()


def test_every_stroke_has_a_type(database: CharacterDatabase) -> None:
    seen = {stroke_type(stroke) for name in database.characters()[::120] for stroke in database.character(name).strokes}  # type: ignore[union-attr]
    assert seen == set(StrokeType)
