"""The scripts of a text, as far as word lists need to distinguish them."""

from functools import lru_cache

from shared.writing.unicode_script import script, script_name, scripts_using

COMMON = "Zyyy"
KANA = frozenset({"Hira", "Kana"})  # a language uses both, so they count as one script


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """Return the script of a letter ("Han", "Kana", "Latin", "Cyrillic", …).

    Return "" if it is not a letter, or does not tell scripts apart, such as the apostrophe in п\u02bcять.
    """
    if not character.isalpha() and character != "〇":
        return ""
    code = script(character)
    codes = scripts_using(character) if code == COMMON else {code}
    if codes <= KANA:
        return "Kana"
    return script_name(min(codes)) if len(codes) == 1 and COMMON not in codes else ""


def scripts_in(text: str) -> frozenset[str]:
    """Return the scripts of a text's letters."""
    return frozenset(filter(None, map(script_of, text)))
