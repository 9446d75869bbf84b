import logging
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shared.schemas import ControlType
from shared.schemas.metadata import Legibility
from shared.writing.characters import CharacterDatabase
from shared.writing.dictionaries import Dictionaries
from shared.writing.fonts import FontCoverage
from shared.writing.language import Language
from worker.engine.request import DrawRequest
from worker.glyphs import Glyph, GlyphRenderer
from worker.legibility.control_levels import FAR_OVER, FIRST, LEVELS, MAX_WEIGHT, ScoredLevel, best, next_level
from worker.legibility.judge import MARGIN, LegibilityJudge, crop, find_recognisers
from worker.legibility.look_alikes import VARIANTS_PATH, look_alikes


@pytest.fixture(scope="module")
def judge() -> LegibilityJudge:
    return LegibilityJudge()


def printed(glyph: Glyph, strength: float = 1.0, noise: float = 0.0) -> Image.Image:
    """Return the glyph in dark ink on light paper, possibly fainter or noisy."""
    random = np.random.default_rng(0)
    paper = 230 - strength * 200 * (glyph.ink / 255) + noise * random.normal(0, 120, glyph.ink.shape)
    return Image.fromarray(np.clip(paper, 0, 255).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize("word", ["学", "学习", "人工智能", "龍", "ひらがな", "hello"])
def test_a_printed_word_is_read(judge: LegibilityJudge, glyphs: GlyphRenderer, word: str) -> None:
    glyph = glyphs.render(word, 256, 256)
    legibility = judge.judge(printed(glyph), glyph)
    assert legibility.score is not None
    assert legibility.score > 0.8
    assert all(reading.is_top for reading in legibility.characters if reading.score is not None)
    assert [reading.character for reading in legibility.characters] == list(word)


@pytest.mark.parametrize("word", ["school", "zoo", "Illy", "cosy", "ÓSMY", "コーヒー", "きって", "がっこう", "OX！"])
def test_print_with_look_alikes_is_read_as_the_word(judge: LegibilityJudge, glyphs: GlyphRenderer, word: str) -> None:
    """Shown alone, s and S, l and I, o and 0, っ and つ, ー and 一 look alike."""
    glyph = glyphs.render(word, 512, 512)
    legibility = judge.judge(Image.fromarray(255 - glyph.ink), glyph)
    assert legibility.unknown is None
    assert legibility.score is not None
    assert legibility.score > 0.5
    assert legibility.read == word
    assert legibility.of_print == 1


@pytest.mark.parametrize(
    "word", ["Krankenversicherung", pytest.param("internationalisation", marks=pytest.mark.slow), "to be or not to be"]
)
def test_a_long_word_is_read_over_several_lines_without_its_hyphens(
    judge: LegibilityJudge, glyphs: GlyphRenderer, word: str
) -> None:
    glyph = glyphs.render(word, 512, 512)
    legibility = judge.judge(Image.fromarray(255 - glyph.ink), glyph)
    assert (legibility.read, legibility.unknown) == (word.replace(" ", ""), None)


@pytest.mark.parametrize(("word", "other"), [("school", "engine"), ("きって", "あひる"), ("zoo", "ray")])
def test_look_alikes_do_not_excuse_another_word(
    judge: LegibilityJudge, glyphs: GlyphRenderer, word: str, other: str
) -> None:
    picture = Image.fromarray(255 - glyphs.render(other, 512, 512).ink)
    legibility = judge.judge(picture, glyphs.render(word, 512, 512))
    assert legibility.score is not None
    assert legibility.score < 0.1
    assert legibility.of_print is not None
    assert legibility.of_print < 0.1


def test_han_stands_for_itself_or_for_another_form_of_itself(database: CharacterDatabase) -> None:
    with_forms = {line[0] for line in VARIANTS_PATH.read_text(encoding="utf-8").split()}
    others = set(database.characters()) - with_forms
    assert len(with_forms) < 0.02 * len(others)
    assert all(look_alikes(character) == {character} for character in others)


@pytest.mark.parametrize("character", ["恵", "涙", "黙", "撃", "髄", "説", "緑"])
def test_a_japanese_form_is_read_as_its_old_form(
    judge: LegibilityJudge, dictionaries: Dictionaries, fonts: tuple[FontCoverage, ...], character: str
) -> None:
    glyphs = GlyphRenderer(dictionaries[Language.JAPANESE], fonts)
    glyph = glyphs.render(character, 256, 256)
    legibility = judge.judge(Image.fromarray(255 - glyph.ink), glyph)
    assert (legibility.read, legibility.of_print, legibility.unknown) == (character, 1, None)
    other = judge.judge(Image.fromarray(255 - glyphs.render("学", 256, 256).ink), glyph)
    assert (other.score or 0) < 0.05


@pytest.mark.parametrize("word", ["ケーキ", "ラーメン", "タクシー", "コーヒー"])
@pytest.mark.parametrize("size", [(900, 300), (200, 900)])
def test_a_long_vowel_is_read_in_a_line_and_in_a_column(
    judge: LegibilityJudge, glyphs: GlyphRenderer, word: str, size: tuple[int, int]
) -> None:
    glyph = glyphs.render(word, *size)
    scores = [one.score for one in judge.judge(printed(glyph), glyph).characters if one.character == "ー"]
    assert len(scores) == word.count("ー")
    assert all(score is not None and score > 0.7 for score in scores)


def test_an_old_form_is_not_read_as_the_japanese_one() -> None:
    assert look_alikes("惠") == {"惠"}
    assert look_alikes("綠") == {"綠"}


def test_a_target_is_compared_with_what_print_reaches(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    """The judge is less sure of 参 than of 学, in print too. No control makes it surer, so no attempt is made."""
    glyph = glyphs.render("参", 192, 192)
    legibility = judge.judge(Image.fromarray(255 - glyph.ink), glyph)
    assert legibility.score is not None
    assert legibility.score < 0.9
    assert legibility.of_print == 1
    assert next_level([ScoredLevel(FIRST, legibility.of_print)], 0.9, 30) is None


def test_light_on_dark_is_read_too(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("火山", 256, 256)
    assert (judge.judge(Image.fromarray(glyph.ink).convert("RGB"), glyph).score or 0) > 0.8


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_an_empty_picture_has_no_word(judge: LegibilityJudge, glyphs: GlyphRenderer, colour: int) -> None:
    legibility = judge.judge(Image.new("RGB", (256, 256), (colour,) * 3), glyphs.render("学习", 256, 256))
    assert legibility.score is not None
    assert legibility.score < 0.05
    assert not any(reading.is_top for reading in legibility.characters)


def test_another_word_is_not_the_word(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    """The judge reports what it read instead."""
    legibility = judge.judge(printed(glyphs.render("火山", 256, 256)), glyphs.render("学习", 256, 256))
    assert legibility.score is not None
    assert legibility.score < 0.05
    assert legibility.read == "火山"


def test_the_weakest_character_counts(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("学习", 256, 256)
    pixels = np.asarray(printed(glyph)).copy()
    pixels[:, 128:] = 230
    legibility = judge.judge(Image.fromarray(pixels), glyph)
    first, second = (reading.score for reading in legibility.characters)
    assert first is not None
    assert second is not None
    assert first > 0.8
    assert legibility.score == second < 0.05


def test_noise_lowers_the_score(judge: LegibilityJudge, glyphs: GlyphRenderer, database: CharacterDatabase) -> None:
    """On average over the characters, each level of noise makes them less legible."""
    characters = [c for c in database.characters()[::800] if judge.judge(*drawn(glyphs, c, 0.0)).score is not None]
    means = [
        statistics.mean(judge.judge(*drawn(glyphs, c, noise)).score or 0.0 for c in characters)
        for noise in (0.0, 1.0, 2.0, 4.0)
    ]
    assert means == sorted(means, reverse=True)
    assert means[0] > 0.8
    assert means[-1] < 0.5


def drawn(glyphs: GlyphRenderer, character: str, noise: float) -> tuple[Image.Image, Glyph]:
    glyph = glyphs.render(character, 128, 128)
    return printed(glyph, noise=noise), glyph


def test_scripts_that_the_judge_does_not_know_are_unknown(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    """Old Church Slavonic is not among the recognisers' characters, so there is no score."""
    glyph = glyphs.render("ѫѯ", 256, 256)
    legibility = judge.judge(printed(glyph), glyph)
    assert legibility.score is None
    assert legibility.unknown == "the judge cannot read ѫѯ in print either"


@pytest.mark.parametrize("character", ["ѫ", "楝"])
def test_a_character_that_is_not_read_in_print_is_left_out(
    judge: LegibilityJudge, glyphs: GlyphRenderer, character: str
) -> None:
    """No recogniser knows ѫ. PP-OCR knows 楝, and reads 棟."""
    glyph = glyphs.render(f"学{character}", 256, 256)
    legibility = judge.judge(printed(glyph), glyph)
    assert legibility.score is not None
    assert [reading.score is None for reading in legibility.characters] == [False, True]
    assert character in (legibility.unknown or "")


def test_an_unknown_character_is_named_once(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("ѫѫѫ", 256, 256)
    assert judge.judge(printed(glyph), glyph).unknown == "the judge cannot read ѫ in print either"


@pytest.mark.parametrize(("number", "score"), [(-1, 0.5), (1, 1.0)])
def test_attempts_go_in_one_direction(number: int, score: float) -> None:
    """Down until the target is missed, or up until it is met; never back."""
    first = ScoredLevel(FIRST, 1.0 if number < 0 else 0.1)
    assert next_level([first, ScoredLevel(LEVELS[number], score)], 0.7, 30) is None


def test_a_character_is_read_with_a_margin(glyphs: GlyphRenderer) -> None:
    glyph = glyphs.render("学习", 512, 512)
    first = glyph.characters[0]
    part = crop(np.zeros((512, 512, 3), np.uint8), first)
    assert part.shape[0] == pytest.approx((1 + 2 * MARGIN) * first.box.em, abs=2)


def test_no_picture_is_more_legible_than_print(judge: LegibilityJudge, glyphs: GlyphRenderer) -> None:
    """The judge is surer of 参 in dark grey than in black."""
    glyph = glyphs.render("参", 256, 256)
    (reading,) = (legibility := judge.judge(printed(glyph), glyph)).characters
    assert (reading.score or 0) > (reading.in_print or 1)
    assert legibility.of_print == 1


def test_without_a_recogniser_it_is_unknown_and_said_once(
    monkeypatch: pytest.MonkeyPatch, glyphs: GlyphRenderer, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("worker.legibility.judge.find_recognisers", list)
    with caplog.at_level(logging.WARNING, "ai_models"):
        judge = LegibilityJudge()
        glyph = glyphs.render("学", 256, 256)
        for _ in range(3):
            legibility = judge.judge(printed(glyph), glyph)
            unknown = "no recogniser is installed"
            assert legibility == Legibility(score=None, read="", unknown=unknown, characters=())
    assert caplog.text.count("legibility cannot be judged") == 1


def test_the_recognisers_lie_in_the_wheel_and_in_the_service() -> None:
    found = find_recognisers()
    assert len(found) == 3
    assert all(path.is_file() and path.suffix == ".onnx" for path in found)


SCORES = st.one_of(st.none(), st.floats(0, 1))


@given(st.floats(0, 1), st.lists(SCORES, min_size=4, max_size=4))
def test_any_scores_lead_to_a_choice(target: float, scores: list[float | None]) -> None:
    """Levels move in one direction and never repeat, and the kept attempt follows the rule."""
    outcomes: list[ScoredLevel] = []
    level = FIRST
    for score in scores:
        outcomes.append(ScoredLevel(level, score))
        following = next_level(outcomes, target, 30)
        if following is None:
            break
        level = following
    numbers = [outcome.level.number for outcome in outcomes]
    assert numbers in (list(range(len(numbers))), list(range(0, -len(numbers), -1)))
    kept = outcomes[best(outcomes, target)]
    meeting = [outcome for outcome in outcomes if outcome.score is not None and outcome.score >= target]
    if meeting:
        assert kept in meeting
        assert kept.level.number == min(outcome.level.number for outcome in meeting)
    else:
        assert (kept.score or 0.0) == max(outcome.score or 0.0 for outcome in outcomes)


def test_the_word_steers_less_only_if_it_is_far_more_legible_than_asked() -> None:
    assert next_level([ScoredLevel(FIRST, 0.5 + 0.9 * FAR_OVER)], 0.5, 30) is None
    assert next_level([ScoredLevel(FIRST, 0.5 + 1.1 * FAR_OVER)], 0.5, 30) is LEVELS[-1]


@pytest.mark.parametrize(("steps", "lowest"), [(1, 0), (2, -2), (3, -3), (30, -3)])
def test_no_attempt_draws_without_the_word(steps: int, lowest: int) -> None:
    """With few steps, the share of steps that the maps steer at a low level is less than one step."""
    outcomes = [ScoredLevel(FIRST, 1.0)]
    while (level := next_level(outcomes, 0.1, steps)) is not None:
        outcomes.append(ScoredLevel(level, 1.0))
    assert outcomes[-1].level.number == lowest
    maps: dict[ControlType, Image.Image] = {"canny": Image.new("RGB", (64, 64))}
    for outcome in outcomes:
        end = outcome.level.guidance_end
        request = DrawRequest(prompt="", control_images=maps, num_inference_steps=steps, control_guidance_end=end)
        assert request.is_controlled(0)


def test_every_level_steers_more_than_the_one_below() -> None:
    weights = {"canny": 0.9, "depth": 0.5, "segmentation": 0.7, "scribble": 0.3}
    ordered = [LEVELS[number].apply(weights) for number in sorted(LEVELS)]  # type: ignore[arg-type]
    for lower, higher in pairwise(ordered):
        assert all(lower[kind] <= higher[kind] <= MAX_WEIGHT for kind in weights)
        assert lower != higher
    assert LEVELS[0].apply(weights) == weights  # type: ignore[arg-type]
    assert LEVELS[3].apply({"depth": 0.5}).keys() == {"depth"}, "an unused control stays unused"
