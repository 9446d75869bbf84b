"""What the judge reads of scripts other than Han and plain Latin: in print, in maps, in the embedded model's pictures.

    python -m bench.scripts

Each script has eight words. A letter is read if the judge's first answer is right, and a word if all its letters are.
The model draws each word once, in each of its eight styles, with a motif beside it. Maps are read without motifs.
"""

import argparse

from tqdm import tqdm

from bench.embedded_model import SEED, Bench
from bench.report import table, write
from bench.word_length import MAPS, Measured, measure
from shared.settings import load_settings

SIDE = 512
WORDS = {
    "Russian": ("вода", "жизнь", "съезд", "щенок", "библиотека", "юбилей", "эхо", "подъём"),
    "Ukrainian": ("їжак", "ґанок", "життя", "щастя", "євро", "вікно", "кіт", "дякую"),
    "Greek": ("θάλασσα", "ψωμί", "νερό", "ήλιος", "βιβλίο", "ξύλο", "φίλος", "δρόμος"),
    "Hebrew": ("שלום", "מים", "תודה", "ספר", "לחם", "כלב", "עץ", "בית"),
    "Korean": ("사랑", "학교", "꿀벌", "물", "도서관", "고양이", "햇빛", "읽다"),
    "Vietnamese": ("nước", "tiếng", "người", "đường", "phở", "học", "trường", "sữa"),
    "Polish": ("łąka", "książka", "źródło", "gęś", "święto", "ćma", "żółw", "dzień"),
    "Arabic": ("سلام", "كتاب", "مدرسة", "شمس", "ماء", "شُكْرًا", "الإسلام", "بيت"),
    "Persian": ("پنجره", "گل", "چشم", "دوست", "ژاله", "خانه", "میز", "آب"),
    "Urdu": ("پاکستان", "لڑکی", "بھائی", "ٹماٹر", "ہے", "میں", "ڈاک", "گھر"),
    "Thai": ("น้ำ", "ผู้หญิง", "เด็ก", "ที่", "กำลัง", "เครื่อง", "สิทธิ์", "โรงเรียน"),
    "Hindi": ("पानी", "हिन्दी", "विद्या", "प्रेम", "आँख", "दुःख", "लड़का", "स्त्री"),
}


def row(name: str, found: Measured) -> list[str]:
    """Return a script's cells."""
    letters = [one for characters in found.maps["print"] for one in characters]
    known = sum(one.score is not None for one in letters)
    return [name, f"{known} of {len(letters)}", *found.row()[1:]]


def main() -> None:
    """Measure and write the report."""
    bench = Bench(load_settings(), SEED)
    rows = [
        row(name, measure(bench, words, SIDE, maps_only=False)) for name, words in tqdm(WORDS.items(), unit="script")
    ]
    header = ["script", "letters with a score", "print", *MAPS, "pictures", "letters in pictures"]
    write("scripts", "python -m bench.scripts", table(header, rows))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    main()
