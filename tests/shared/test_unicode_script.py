"""The script of every character, compared with fontTools' tables of the same Unicode version."""

import subprocess
import sys

from fontTools import unicodedata
from fontTools.unicodedata import ScriptExtensions, Scripts

from shared.writing.unicode_script import NAMES, script, script_name, scripts_using

LAST = 0x10FFFF


def test_every_range_of_characters_has_its_script() -> None:
    """Checked for the first and the last character of each range."""
    ends = [start - 1 for start in Scripts.RANGES[1:]] + [LAST]
    characters = [chr(code) for code in (*Scripts.RANGES, *ends)]
    wrong = [character for character in characters if script(character) != unicodedata.script(character)]
    assert wrong == []


def test_a_character_of_several_scripts_names_them_all() -> None:
    characters = [chr(code) for code in ScriptExtensions.RANGES]
    wrong = [one for one in characters if scripts_using(one) != unicodedata.script_extension(one)]
    assert wrong == []
    assert {"Hira", "Kana"} <= scripts_using("ー")


def test_every_script_has_its_name() -> None:
    assert {code: script_name(code) for code in NAMES} == {code: unicodedata.script_name(code) for code in NAMES}


def test_the_schemas_of_the_wire_load_neither_font_reader_nor_database() -> None:
    """Checked in a fresh interpreter."""
    program = "import sys, shared.schemas; print(sorted({'fontTools', 'sqlite3'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
