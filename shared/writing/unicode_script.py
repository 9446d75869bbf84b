"""The Script property of Unicode (UAX #24): the script that a character belongs to.

Scripts are named by their ISO 15924 codes. Their English names are those of Unicode's PropertyValueAliases.txt.
"""

from functools import lru_cache
from typing import Final

import regex

NAMES: Final = dict(
    entry.split(":")
    for entry in """
    Adlm:Adlam Aghb:Caucasian_Albanian Ahom:Ahom Arab:Arabic Armi:Imperial_Aramaic Armn:Armenian Avst:Avestan
    Bali:Balinese Bamu:Bamum Bass:Bassa_Vah Batk:Batak Beng:Bengali Berf:Beria_Erfe Bhks:Bhaiksuki Bopo:Bopomofo
    Brah:Brahmi Brai:Braille Bugi:Buginese Buhd:Buhid Cakm:Chakma Cans:Canadian_Aboriginal Cari:Carian Cham:Cham
    Cher:Cherokee Chrs:Chorasmian Copt:Coptic Cpmn:Cypro_Minoan Cprt:Cypriot Cyrl:Cyrillic Deva:Devanagari
    Diak:Dives_Akuru Dogr:Dogra Dsrt:Deseret Dupl:Duployan Egyp:Egyptian_Hieroglyphs Elba:Elbasan Elym:Elymaic
    Ethi:Ethiopic Gara:Garay Geor:Georgian Glag:Glagolitic Gong:Gunjala_Gondi Gonm:Masaram_Gondi Goth:Gothic
    Gran:Grantha Grek:Greek Gujr:Gujarati Gukh:Gurung_Khema Guru:Gurmukhi Hang:Hangul Hani:Han Hano:Hanunoo
    Hatr:Hatran Hebr:Hebrew Hira:Hiragana Hluw:Anatolian_Hieroglyphs Hmng:Pahawh_Hmong Hmnp:Nyiakeng_Puachue_Hmong
    Hung:Old_Hungarian Ital:Old_Italic Java:Javanese Jurc:Jurchen Kali:Kayah_Li Kana:Katakana Kawi:Kawi
    Khar:Kharoshthi Khmr:Khmer Khoj:Khojki Kits:Khitan_Small_Script Knda:Kannada Krai:Kirat_Rai Kthi:Kaithi
    Lana:Tai_Tham Laoo:Lao Latn:Latin Lepc:Lepcha Limb:Limbu Lina:Linear_A Linb:Linear_B Lisu:Lisu Lyci:Lycian
    Lydi:Lydian Mahj:Mahajani Maka:Makasar Mand:Mandaic Mani:Manichaean Marc:Marchen Medf:Medefaidrin
    Mend:Mende_Kikakui Merc:Meroitic_Cursive Mero:Meroitic_Hieroglyphs Mlym:Malayalam Modi:Modi Mong:Mongolian
    Mroo:Mro Mtei:Meetei_Mayek Mult:Multani Mymr:Myanmar Nagm:Nag_Mundari Nand:Nandinagari Narb:Old_North_Arabian
    Nbat:Nabataean Newa:Newa Nkoo:Nko Nshu:Nushu Ogam:Ogham Olck:Ol_Chiki Onao:Ol_Onal Orkh:Old_Turkic Orya:Oriya
    Osge:Osage Osma:Osmanya Ougr:Old_Uyghur Palm:Palmyrene Pauc:Pau_Cin_Hau Pcun:Proto_Cuneiform Perm:Old_Permic
    Phag:Phags_Pa Phli:Inscriptional_Pahlavi Phlp:Psalter_Pahlavi Phnx:Phoenician Plrd:Miao
    Prti:Inscriptional_Parthian Rjng:Rejang Rohg:Hanifi_Rohingya Runr:Runic Samr:Samaritan Sarb:Old_South_Arabian
    Saur:Saurashtra Seal:Seal Sgnw:SignWriting Shaw:Shavian Shrd:Sharada Sidd:Siddham Sidt:Sidetic Sind:Khudawadi
    Sinh:Sinhala Sogd:Sogdian Sogo:Old_Sogdian Sora:Sora_Sompeng Soyo:Soyombo Sund:Sundanese Sunu:Sunuwar
    Sylo:Syloti_Nagri Syrc:Syriac Tagb:Tagbanwa Takr:Takri Tale:Tai_Le Talu:New_Tai_Lue Taml:Tamil Tang:Tangut
    Tavt:Tai_Viet Tayo:Tai_Yo Telu:Telugu Tfng:Tifinagh Tglg:Tagalog Thaa:Thaana Thai:Thai Tibt:Tibetan Tirh:Tirhuta
    Tnsa:Tangsa Todr:Todhri Tols:Tolong_Siki Toto:Toto Tutg:Tulu_Tigalari Ugar:Ugaritic Vaii:Vai Vith:Vithkuqi
    Wara:Warang_Citi Wcho:Wancho Xpeo:Old_Persian Xsux:Cuneiform Yezi:Yezidi Yiii:Yi Zanb:Zanabazar_Square
    Zinh:Inherited Zyyy:Common Zzzz:Unknown
    """.split()  # noqa: SIM905  # a list would take 178 lines
)

_SCRIPT: Final = regex.compile("|".join(rf"(?P<{code}>\p{{Script={code}}})" for code in NAMES))


@lru_cache(maxsize=4096)
def script(character: str) -> str:
    """Return the code of a character's script: `Zyyy` if many scripts share it, `Zzzz` if it is unassigned."""
    match = _SCRIPT.match(character)
    return str(match.lastgroup) if match is not None else "Zzzz"


@lru_cache(maxsize=4096)
def scripts_using(character: str) -> frozenset[str]:
    """Return the codes of the scripts that use a character (the property Script_Extensions)."""
    return frozenset(code for code in NAMES if regex.match(rf"\p{{Script_Extensions={code}}}", character))


def script_name(code: str) -> str:
    """Return a script's English name."""
    return NAMES[code].replace("_", " ")
