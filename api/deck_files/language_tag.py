"""The language of a card's word, by which readers' programs choose its font."""

from shared.writing.language import Language
from shared.writing.unicode_script import script

# Scripts that tell the language by themselves.
BY_SCRIPT = {"Hira": "ja", "Kana": "ja", "Hang": "ko"}
# Han characters look different in each language; the pictures have these forms.
OF_HAN = {Language.CHINESE: "zh-Hans", Language.JAPANESE: "ja"}


def language_tag(word: str, language: Language) -> str:
    """Return a word's language as a BCP 47 tag; "" if nothing tells it.

    Args:
        word: the word.
        language: the language in which it was looked up. Chinese and Japanese say nothing of a word in other scripts.
    """
    scripts = {script(character) for character in word}
    told = [tag for code, tag in BY_SCRIPT.items() if code in scripts]
    if told:
        return told[0]
    if "Hani" in scripts:
        return OF_HAN[language.strokes]
    return "" if language.has_strokes else language.value
