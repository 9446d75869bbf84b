"""The recognisers that the service brings along, on print and on drawn letters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from shared.errors import SettingsError
from shared.settings import load_settings
from worker.conditioning import make_conditionings
from worker.glyphs import GlyphRenderer
from worker.legibility.judge import CLUSTERS, LETTERS, LegibilityJudge, find_recognisers
from worker.legibility.look_alikes import readable_forms
from worker.legibility.recogniser import Recogniser
from worker.picture_work import make_work


@pytest.fixture(scope="module")
def judge() -> LegibilityJudge:
    return LegibilityJudge()


@pytest.mark.parametrize(
    "word",
    [
        "библиотека",
        "Жизнь",
        "съезд",
        "їжак",
        "вещь",
        "사랑",
        "학교",
        "꿀벌",
        "θάλασσα",
        "ψωμί",
        "שלום",
        "tiếng",
        "łąka",
        "ら",
        "السلام",
        "پنجره",
        "لڑکی",
        "น้ำ",
        "ผู้หญิง",
        "สิทธิ์",
        "हिन्दी",
        "पानी",
        "धर्म",
        "माँ",
        "हाँ",
        "आँख",
        "पाँच",
        "चाँद",
        "गाँव",
    ],
)
def test_print_in_scripts_that_pp_ocr_does_not_know_is_read(
    judge: LegibilityJudge, glyphs: GlyphRenderer, word: str
) -> None:
    glyph = glyphs.render(word, 512, 512)
    legibility = judge.judge(Image.fromarray(255 - glyph.ink), glyph)
    assert legibility.unknown is None
    assert legibility.read == word
    assert legibility.of_print == 1


@pytest.mark.parametrize(
    ("word", "other"),
    [("사랑", "학교"), ("вещь", "съезд"), ("שלום", "תודה"), ("كتاب", "مدرسة"), ("เด็ก", "กำลัง"), ("पानी", "विद्या")],
)
def test_another_word_has_a_low_score(judge: LegibilityJudge, glyphs: GlyphRenderer, word: str, other: str) -> None:
    picture = Image.fromarray(255 - glyphs.render(other, 512, 512).ink)
    legibility = judge.judge(picture, glyphs.render(word, 512, 512))
    assert legibility.score is not None
    assert legibility.score < 0.1


@pytest.mark.parametrize(("word", "other"), [("کتاب", "كتاب"), ("يد", "ید"), ("ฃวด", "ขวด"), ("पॉंड", "पाँड")])
def test_forms_of_a_letter_that_are_drawn_alike_count(
    judge: LegibilityJudge, glyphs: GlyphRenderer, word: str, other: str
) -> None:
    picture = Image.fromarray(255 - glyphs.render(other, 512, 512).ink)
    legibility = judge.judge(picture, glyphs.render(word, 512, 512))
    assert (legibility.read, legibility.unknown) == (word, None)


def test_a_joiner_is_an_invisible_part_of_its_letter(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("می\u200cخواهم", 512, 512)
    assert [placed.character for placed in glyph.characters][1] == "ی\u200c"
    legibility = judge.judge(Image.fromarray(255 - glyph.ink), glyph)
    assert (legibility.read, legibility.unknown) == (glyph.word, None)


def test_an_empty_picture_has_a_low_score(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    legibility = judge.judge(Image.new("RGB", (512, 512), "white"), glyphs.render("사랑", 512, 512))
    assert legibility.score is not None
    assert legibility.score < 0.1


@pytest.mark.parametrize(("path", "missing"), [(LETTERS, 0.0), (CLUSTERS, 0.01)])
def test_every_answer_is_listed_once(path: Path, missing: float) -> None:
    """To a sum of 1 the recogniser of clusters lacks those that are not listed."""
    recogniser = Recogniser(path)
    (column,) = recogniser.columns([np.full((48, 48, 3), 200, np.uint8)])[0]
    assert 1 - missing - 1e-3 <= column.sum() <= 1 + 1e-3
    assert len(recogniser.characters) == len(column) + 1, "PP-OCR's alphabet ends with a space; ours has none"
    assert len(set(recogniser.characters)) == len(recogniser.characters)


def test_letters_are_read_by_the_recogniser_that_was_trained_on_them(
    judge: LegibilityJudge, glyphs: GlyphRenderer
) -> None:
    """PP-OCR, which lists them too, gives 0.3 to this ś and 0.6 to this λ."""
    for letter in "śλゅ":
        glyph = glyphs.render(letter, 512, 512)
        blurred = cv2.GaussianBlur(255 - glyph.ink, (0, 0), 16)
        score = judge.judge(Image.fromarray(blurred), glyph).score
        assert score is not None
        assert score > 0.95


def test_letters_that_ours_only_resemble_are_read_by_pp_ocr(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    """Ours knows Greek Ζ, Cyrillic о and к, but has not learnt z, o and k."""
    glyph = glyphs.render("zoo k", 512, 512)
    page = Image.fromarray(255 - glyph.ink)
    assert judge.judge(page, glyph) == LegibilityJudge(find_recognisers()[-1:]).judge(page, glyph)


def test_a_further_recogniser_reads_what_the_others_cannot(glyphs: GlyphRenderer) -> None:
    """Without the service's own, Cyrillic is unknown; a setting may add it."""
    glyph = glyphs.render("дом", 512, 512)
    page = Image.fromarray(255 - glyph.ink)
    own, _, pp_ocr = find_recognisers()
    assert LegibilityJudge([pp_ocr]).judge(page, glyph).unknown is not None
    assert LegibilityJudge([pp_ocr, own]).judge(page, glyph).read == "дом"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "not found"), (b"", "is damaged"), (LETTERS.read_bytes()[:-1], "is damaged"),
     (b"version https://git-lfs.github.com/spec/v1\n", "is damaged")],
)  # fmt: skip
def test_a_recogniser_that_cannot_be_read_is_named_before_any_job(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """Otherwise each job with a character that only it can read would fail after its picture was drawn."""
    path = tmp_path / "korean.onnx"
    if content is not None:
        path.write_bytes(content)
    settings = load_settings({"WRITING_RECOGNISERS": json.dumps([str(path)])})
    with pytest.raises(SettingsError, match=f"recogniser {reason}: {path}"):
        make_work(settings, make_conditionings(settings.conditioning))


def test_look_alikes_that_cannot_be_read_are_named_before_any_job(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise each job would fail after its picture was drawn."""
    path = tmp_path / "variants.txt"
    monkeypatch.setattr("worker.legibility.look_alikes.VARIANTS_PATH", path)
    readable_forms.cache_clear()
    settings = load_settings({})
    with pytest.raises(SettingsError, match=f"list of variant characters not found: {path}"):
        make_work(settings, make_conditionings(settings.conditioning))


def test_a_network_that_is_no_recogniser_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(LETTERS.read_bytes().replace(b"character", b"chatacter"))
    with pytest.raises(SettingsError, match=f"lists no characters in its metadata: {path}"):
        Recogniser(path).load()


def test_onnx_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """What it would send has an id, which it writes to the user's folder as soon as it is imported."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(tmp_path)}
    code = f"from worker.legibility.recogniser import *; Recogniser(Path({str(LETTERS)!r})).load()"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_recogniser_of_the_settings_reads(monkeypatch: pytest.MonkeyPatch, glyphs: GlyphRenderer) -> None:
    monkeypatch.setattr("worker.picture_work.work.find_recognisers", lambda: find_recognisers()[-1:])
    settings = load_settings({"WRITING_RECOGNISERS": f'["{LETTERS}"]'})
    work = make_work(settings, make_conditionings(settings.conditioning))
    glyph = glyphs.render("дом", 512, 512)
    assert work.judge(Image.fromarray(255 - glyph.ink), glyph).read == "дом"
