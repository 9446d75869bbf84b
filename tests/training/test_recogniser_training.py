import unicodedata
from itertools import islice

import numpy as np
import pytest
import torch

from shared.settings import load_settings
from shared.writing.unicode_script import script
from training.recogniser.__main__ import LetterBatches, own_words
from training.recogniser.alphabet import SYLLABLES, jamo, letters
from training.recogniser.faces import Face, read_faces
from training.recogniser.network import Network, Reader, letter_sizes
from training.recogniser.samples import Samples
from training.recogniser.words import gather
from worker.legibility.judge import LETTERS
from worker.legibility.recogniser import Recogniser


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[Face]:
    return read_faces(tmp_path_factory.mktemp("none"), load_settings({}).fonts, frozenset([*letters(), "한", "서"]))


def test_the_services_own_fonts_are_trained_on(faces: list[Face]) -> None:
    assert {"NotoSans-Medium-subset.ttf", "NotoSansKR-Medium-subset.ttf"} <= {face.path.name for face in faces}
    assert all(face.is_own and not face.is_for_test for face in faces)


@pytest.mark.parametrize("character", ["Ж", "한", "ש", "ế", None])
def test_samples_have_the_judges_format_and_differ(faces: list[Face], character: str | None) -> None:
    samples = Samples(faces, 1)
    first, second = samples.sample(character), samples.sample(character)
    for sample in (first, second):
        assert sample.shape == (3, 48, 96)
        assert sample.dtype == np.float32
        assert np.abs(sample).max() <= 1
    assert not np.array_equal(first, second)


def test_a_quarter_of_the_characters_are_of_drawn_pictures(faces: list[Face]) -> None:
    flag = np.zeros((48, 48, 3), np.uint8)
    flag[:, :24, 0] = flag[:, 24:, 2] = 255
    drawn = gather([("Ж", flag), ("한", flag)])
    pictures, accepted, parts = next(iter(LetterBatches(faces, letters(), 1, drawn)))
    # Channels are blue, green, red. Printed ink is of one colour, so its left and right are alike.
    left, right = (pictures[:, ::2, :, columns].mean(dim=(2, 3)) for columns in (slice(4, 20), slice(28, 44)))
    is_flag = ((left - right) @ torch.tensor([-1.0, 1.0])) > 1.2
    assert 0.1 < is_flag.float().mean() < 0.4
    is_letter = accepted[is_flag, 1 + letters().index("Ж")] == 1
    is_syllable = (parts[is_flag] == torch.tensor(jamo("한"))).all(dim=1) & (accepted[is_flag, -1] == 1)
    assert (is_letter ^ is_syllable).all()
    assert is_letter.any()
    assert is_syllable.any()


def test_words_for_pictures_are_of_one_script_and_of_the_services_fonts(faces: list[Face]) -> None:
    known = {character for face in faces for character in face.characters}
    for word, characters in islice(own_words(faces, 1), 50):
        assert set(word) <= characters == known
        assert len({script(character) for character in word}) == 1


@pytest.mark.parametrize("syllable", ["가", "한", "힣", "서"])
def test_a_syllable_is_taken_apart_as_unicode_does(syllable: str) -> None:
    initial, vowel, final = jamo(syllable)
    parts = [chr(0x1100 + initial), chr(0x1161 + vowel), *([chr(0x11A7 + final)] if final else [])]
    assert unicodedata.normalize("NFD", syllable) == "".join(parts)


def test_a_syllables_probability_is_the_product_of_its_letters() -> None:
    network = Network(letter_sizes(len(letters()))).eval()
    pictures = torch.rand(2, 3, 48, 96)
    (read,) = Reader(network)(pictures).transpose(0, 1)
    assert read.sum(dim=1).tolist() == pytest.approx([1, 1], abs=1e-4)
    classes, *parts = (logits.softmax(dim=1) for logits in network(pictures))
    expected = classes[0, -1] * parts[0][0, 18] * parts[1][0, 0] * parts[2][0, 4]
    assert read[0, 1 + len(letters()) + SYLLABLES.index("한")].item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_shipped_file_lists_what_the_alphabet_says() -> None:
    assert Recogniser(LETTERS).characters[1:-1] == [*letters(), *SYLLABLES]
