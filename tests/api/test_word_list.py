"""Whole files from many programs, in many languages and encodings, and the words that are read from them."""

import io
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from api.deck_files.anki import package
from api.deck_files.card import CardWithPicture
from api.lists import records, runs
from api.lists.headings import Role, role_of
from api.lists.kinds import voters_of
from api.lists.markup import shown, split_word
from api.lists.word_list import Row, WordList, read_list
from shared.errors import UnreadableList
from shared.writing.dictionaries import Dictionaries
from shared.writing.language import Language
from shared.writing.pinyin import is_pinyin

Short = tuple[str, str, str]
MOUNTAIN: Short = ("山", "mountain", "shān")
PLAIN: Short = ("山", "mountain", "")
WATER: Short = ("水", "water", "")
FIRE: Short = ("火", "fire", "")
APPLE: Short = ("苹果", "apple", "")
EAT: Short = ("食べる", "to eat", "たべる")
READ: list[Short] = [MOUNTAIN, ("水", "water", "shuǐ"), ("火", "fire", "huo3")]
SPACED = ("卡拉 OK", "维生素 C", "IT-отдел")


def list_of(content: str | bytes, **options: str) -> WordList:
    return read_list(content if isinstance(content, bytes) else content.encode(), **options)  # type: ignore[arg-type]


def short(rows: list[Row]) -> list[Short]:
    return [(row.word, row.translation, row.reading) for row in rows]


FILES: dict[str, tuple[str, list[Short]]] = {
    "languages as heading": ("Chinese,Pinyin,English\n山,shān,mountain\n", [MOUNTAIN]),
    "language that is no English": ("Deutsch;Chinesisch\nBerg;山\n", [("山", "Berg", "")]),
    "English beside a Latin language": ("English,Deutsch\nhouse,Haus\n", [("Haus", "house", "")]),
    "a language in the heading that no line has": ("English,Chinese,German\nmountain,山\n", [PLAIN]),
    "a language in the heading that no line has, without Han": (
        "English,Russian,German\nfire,огонь\n",
        [("огонь", "fire", "")],
    ),
    "English beside a language with some of its words": (
        "山,Berg,mountain\n手,Hand,hand\n水,Wasser,water\n",
        [PLAIN, ("手", "hand", ""), WATER],
    ),
    "pinyin second": ("山,shān,mountain\n", [MOUNTAIN]),
    "pinyin in numbers": ("山,shan1,mountain\n", [("山", "mountain", "shan1")]),
    "pinyin without tones": (
        "山,shan,mountain\n学习,xuexi,study\n",
        [("山", "mountain", "shan"), ("学习", "study", "xuexi")],
    ),
    "simplified and traditional in a cell": (
        "学习/學習,to study\n车站 車站,station\n水/火,water or fire\n",
        [("学习", "to study", ""), ("车站", "station", ""), ("水/火", "water or fire", "")],
    ),
    "simplified and traditional, pinyin, meaning in a line": (
        "学习（學習） xuéxí to study\n车站 車站 chēzhàn station\n",
        [("学习", "to study", "xuéxí"), ("车站", "station", "chēzhàn")],
    ),
    "traditional form and pinyin in brackets": (
        "学习 (學習, xuéxí) - to study\n车站 (車站, chēzhàn) - station\n",
        [("学习", "to study", "xuéxí"), ("车站", "station", "chēzhàn")],
    ),
    "slashes around pinyin": (
        "苹果/píngguǒ/apple\n香蕉/xiāngjiāo/banana/plantain\n",
        [("苹果", "apple", "píngguǒ"), ("香蕉", "banana/plantain", "xiāngjiāo")],
    ),
    "kana before kanji": (
        "だいがく 大学 college\nせんせい 先生 teacher\n",
        [("大学", "college", "だいがく"), ("先生", "teacher", "せんせい")],
    ),
    "kana and romaji in Japanese brackets": ("食べる（たべる、taberu） to eat\n", [("食べる", "to eat", "たべる")]),
    "pinyin and word class in brackets": (
        "苹果 (píngguǒ, n.): apple\n香蕉 (xiāngjiāo, n.): banana\n",
        [("苹果", "apple", "píngguǒ"), ("香蕉", "banana", "xiāngjiāo")],
    ),
    "zhuyin": ("山,ㄕㄢ,mountain\n", [("山", "mountain", "ㄕㄢ")]),
    "kana": (
        "山,やま,mountain\nりんご,りんご,apple\n",
        [("山", "mountain", "やま"), ("りんご", "apple", "りんご")],
    ),
    "translation first": ("mountain,山\nwater,水\n", [PLAIN, WATER]),
    "numbered": ("1,山,shān,mountain\n2,水,shuǐ,water\n", [MOUNTAIN, ("水", "water", "shuǐ")]),
    "Arabic commas": ("كتاب، book\nقلم، pen\n", [("كتاب", "book", ""), ("قلم", "pen", "")]),
    "Arabic semicolons": ("كتاب؛ book\nقلم؛ pen\n", [("كتاب", "book", ""), ("قلم", "pen", "")]),
    "commas of several keyboards": (
        "山, mountain\nكتاب، book\n水，water\n",
        [PLAIN, ("كتاب", "book", ""), WATER],
    ),
    "tabs and commas": ("山\tmountain\n火\tfire\n水, water\n", [PLAIN, FIRE, WATER]),
    "commas and tabs": ("山, mountain\n火, fire\n水\twater\n", [PLAIN, FIRE, WATER]),
    "quoted beside tabs": ('山\tmountain\n火\tfire\n"水"\twater\n', [PLAIN, FIRE, WATER]),
    "numbered lines": ("1. 山\n2. 水\n3. 火\n", [("山", "", ""), ("水", "", ""), ("火", "", "")]),
    "numbered lines with meanings": ("1) 山, mountain\n2) 水, water\n", [PLAIN, WATER]),
    "a single numbered line": ("1. 山 - mountain\n", [PLAIN]),
    "numbered lines with the same word": (
        "1. 长 - long\n2. 长 - to grow\n",
        [("长", "long", ""), ("长", "to grow", "")],
    ),
    "numbers and some quotes of a program": (
        '1. Stock,"first floor, US"\n2. Stock,second floor\n',
        [("1. Stock", "first floor, US", ""), ("2. Stock", "second floor", "")],
    ),
    "numbered in Chinese": ("1、山 mountain\n2、水 water\n".replace(" ", "，"), [PLAIN, WATER]),
    "numbered in circles": ("① 山\n② 水\n③ 火\n", [("山", "", ""), ("水", "", ""), ("火", "", "")]),
    "numbered in brackets and wide": ("（1）山，mountain\n（２）水，water\n", [PLAIN, WATER]),
    "numbered with spaces": ("9 山 shān mountain\n10 水 shuǐ water\n11 火 huo3 fire\n", READ),
    "numbers that belong to the words": (
        "1 час,an hour\n2 часа,two hours\n3 часа,three hours\n",
        [("1 час", "an hour", ""), ("2 часа", "two hours", ""), ("3 часа", "three hours", "")],
    ),
    "numbers that count the same": ("7 Uhr\n8 Uhr\n", [("7 Uhr", "", ""), ("8 Uhr", "", "")]),
    "bullets": ("• 山 - mountain\n• 水 - water\n", [PLAIN, WATER]),
    "dashes as bullets": ("- 山\n- 水\n", [("山", "", ""), ("水", "", "")]),
    "Front, Back": ("Front,Back\n山,mountain\n", [PLAIN]),
    "Front, Back the other way round": ("Front,Back\nmountain,山\n", [PLAIN]),
    "Front, Back the other way round, without Han": ("Front,Back\nhouse,дом\n", [("дом", "house", "")]),
    "Front, Back of two Latin languages": ("Front,Back\nHaus,house\n", [("Haus", "house", "")]),
    "Excel's separator": ("sep=;\nHanzi;Meaning\n山;mountain\n", [PLAIN]),
    "Anki": (
        "#separator:tab\n#html:true\n#columns:Front\tBack\tTags\n#tags column:3\n山<br>\t<b>mountain</b>&nbsp;\thsk1\n",
        [PLAIN],
    ),
    "Anki with ids, decks and sounds": (
        "#separator:tab\n#html:true\n#guid column:1\n#notetype column:2\n#deck column:3\n#tags column:6\n"
        "x$1\tBasic\tMy deck\t山[sound:a.mp3]\t<div>mountain</div><img src='m.png'>\tt\n",
        [PLAIN],
    ),
    "several lines in a cell": (
        "#separator:tab\n#html:true\n山\t<div>mountain</div><div>hill</div>\n水\t<ol><li>water</li></ol>\n",
        [("山", "mountain; hill", ""), WATER],
    ),
    "a program's style over several lines": (
        '#html:true\n山\t"mountain<STYLE>\n.card {}\n</STYLE>"\n',
        [PLAIN],
    ),
    "pinyin above the meaning": (
        "#separator:tab\n#html:true\n山\tshān<br>mountain\n水\t<div>shuǐ</div><div>water</div>\n火\thuo3<br>fire<br>\n",
        READ,
    ),
    "kana above the meaning": (
        "#html:true\n食べる\tたべる<br>to eat<br>to live on\n",
        [("食べる", "to eat; to live on", "たべる")],
    ),
    "Anki separated by semicolons": ("#separator:Semicolon\n#html:false\n山;mountain\n", [PLAIN]),
    "kana that do not read the word before them": ("本を よむ,to read a book\n", [("本を よむ", "to read a book", "")]),
    "Anki separated by another sign": ("#separator:!\n山!mountain\n", [PLAIN]),
    "furigana": ("食[た]べる\tto eat\n", [("食べる", "to eat", "たべる")]),
    "readings in brackets": ("食べる（たべる）\tto eat\n", [("食べる", "to eat", "たべる")]),
    "romanised readings in brackets": (
        "食べる (たべる, taberu) - to eat\n飲む (のむ, nomu) - to drink\n",
        [EAT, ("飲む", "to drink", "のむ")],
    ),
    "Japanese commas": ("りんご、apple\n山、mountain\n", [("りんご", "apple", ""), PLAIN]),
    "ruby": ("<ruby>漢字<rt>かんじ</rt></ruby>;kanji\n", [("漢字", "kanji", "かんじ")]),
    "cloze": ("{{c1::山::a hint}},mountain\n", [PLAIN]),
    "Pleco": ("// HSK 1\n学习[學習]\txue2xi2\tto study\n", [("学习", "to study", "xue2xi2")]),
    "Quizlet": ("山\tmountain\n水\twater\n", [PLAIN, WATER]),
    "HSK": (
        "Simplified\tTraditional\tPinyin\tMeaning\n学习\t學習\txuéxí\tto study\n",
        [("学习", "to study", "xuéxí")],
    ),
    "HSK without heading": (
        "学习,學習,xuéxí,to study\n山,山,shān,mountain\n面条,麵條,miàntiáo,noodles\n",
        [("学习", "to study", "xuéxí"), MOUNTAIN, ("面条", "noodles", "miàntiáo")],
    ),
    "a heading of phrases": (
        "HSK Level,Chinese (Simplified),Pinyin (tone marks),English Definition,Example Sentence\n"
        "1,山,shān,mountain,山很高\n",
        [MOUNTAIN],
    ),
    "kanji or else kana": (
        "Kanji,Kana,English\n山,やま,mountain\n,りんご,apple\n",
        [("山", "mountain", "やま"), ("りんご", "apple", "りんご")],
    ),
    "no heading, though it means one": ("单词,word\n意思,meaning\n", [("单词", "word", ""), ("意思", "meaning", "")]),
    "no heading, though some of its words name columns": (
        "汉字 课本,an English reader\n山,mountain\n",
        [("汉字 课本", "an English reader", ""), PLAIN],
    ),
    "names of languages are words, too": (
        "中文,Chinese\n英语,English\n",
        [("中文", "Chinese", ""), ("英语", "English", "")],
    ),
    "Russian": ("молоко;milk\nдом;house\n", [("молоко", "milk", ""), ("дом", "house", "")]),
    "German": ("Haus,house\n", [("Haus", "house", "")]),
    "by hand": ("山 - mountain\n水 - water\n", [PLAIN, WATER]),
    "by hand, with commas": ("山 - mountain, hill\n水 - water\n", [("山", "mountain, hill", ""), WATER]),
    "by hand, with colons": ("山: mountain\n水: water, H2O\n", [PLAIN, ("水", "water, H2O", "")]),
    "by hand, with wide colons": ("山：mountain\n水：water\n", [PLAIN, WATER]),
    "by hand, with arrows": ("山 → mountain\n水 → water\n", [PLAIN, WATER]),
    "a dash in one word of many": ("山 - x,mountain\n水,water\n火,fire\n", [("山 - x", "mountain", ""), WATER, FIRE]),
    "a title above the heading": ("Lesson 1,,\n\nword,pinyin,meaning\n山,shān,mountain\n", [MOUNTAIN]),
    "an answer of a chat": ("```csv\nword,translation\n山,mountain\n```\n", [PLAIN]),
    "a list of a chat": (
        "1. **山 (shān)** – mountain\n2. **水 (shuǐ)** – water\n3. **火** (huo3) – *fire*\n",
        READ,
    ),
    "a table of a chat": (
        "| # | **Chinese** | Pinyin | English |\n|---|---|---|---|\n| 1 | **山** | *shān* | `mountain` |\n",
        [MOUNTAIN],
    ),
    "words as code": ("`山`,mountain\n", [PLAIN]),
    "stars that emphasise nothing": ("山\ta * mountain * of 2*3*4\n", [("山", "a * mountain * of 2*3*4", "")]),
    "two headings of words in characters": ("汉字,词语,拼音\n山,大山,shān\n", [("山", "", "shān")]),
    "headings of Markdown": ("# My words\n山,mountain\n## More of them\n水,water\n", [PLAIN, WATER]),
    "headings of Markdown above pairs": ("# 水果 Fruit\n苹果 apple\n山 mountain\n", [APPLE, PLAIN]),
    "a word in two styles": ("word,translation,style\n山,mountain,comic\n山,mountain,oil\n", [PLAIN, PLAIN]),
    "two headings of words": ("Wort,word\nHaus,house\nKatze,cat\n", [("Haus", "house", ""), ("Katze", "cat", "")]),
    "Anki with a space before the separator": ("#separator: ;\n山;mountain\n", [PLAIN]),
    "Anki with a column that is no number": ("#tags column:²\n山\tmountain\n", [PLAIN]),
    "Anki with a column that is out of reach": (f"#tags column:{'1' * 5000}\n山\tmountain\n", [PLAIN]),
    "full-width commas": ("山，mountain\n", [PLAIN]),
    "lines of a presentation": ("山\tmountain\x0b水\twater", [PLAIN, WATER]),
    "line separators": ("山\tmountain\u2028水\twater\u2028", [PLAIN, WATER]),
    "old Macintosh": ("山,mountain\r水,water\r", [PLAIN, WATER]),
    "nothing but a space": ("苹果 apple\n山 mountain\n水 water\n", [APPLE, PLAIN, WATER]),
    "two words before pairs": (
        "学习 朋友\n山 mountain\n水 water\n火 fire\n",
        [("学习 朋友", "", ""), PLAIN, WATER, FIRE],
    ),
    "a space in numbered lines": ("1. 苹果 apple\n2. 山 mountain\n", [APPLE, PLAIN]),
    "wide brackets": ("苹果（apple）\n山（mountain）\n", [APPLE, PLAIN]),
    "brackets": ("苹果 (apple)\n山(mountain)\n", [APPLE, PLAIN]),
    "slashes": ("苹果/apple\n山 / mountain\n", [APPLE, PLAIN]),
    "spaces around pinyin": (
        "山 shān mountain\n爱 ài to love\n妈妈 mā ma mother\n哪儿 nǎr where\n儿子 ér zi son\n十二 shíèr twelve\n",
        [
            MOUNTAIN,
            ("爱", "to love", "ài"),
            ("妈妈", "mother", "mā ma"),
            ("哪儿", "where", "nǎr"),
            ("儿子", "son", "ér zi"),
            ("十二", "twelve", "shíèr"),
        ],
    ),
    "no spaces around pinyin": (
        "山（shān）a mountain\n完[wán]to finish\n牛奶(niúnǎi)cow's milk\n",
        [("山", "a mountain", "shān"), ("完", "to finish", "wán"), ("牛奶", "cow's milk", "niúnǎi")],
    ),
    "spaces around kana": ("食べる（たべる） to eat\n山 やま mountain\n", [EAT, ("山", "mountain", "やま")]),
    "spaces around a romanisation": (
        "사과 sagwa apple\n학교 hakgyo school\n먹다 meokda to eat\n",
        [("사과", "apple", ""), ("학교", "school", ""), ("먹다", "to eat", "")],
    ),
    "a romanisation that some words lack": (
        "사과 sagwa apple\n학교 hakgyo school\n빵 bread\n",
        [("사과", "apple", ""), ("학교", "school", ""), ("빵", "bread", "")],
    ),
    "a space in Korean, Russian and Arabic": (
        "사과 apple\nдом house\nكتاب book\n",
        [("사과", "apple", ""), ("дом", "house", ""), ("كتاب", "book", "")],
    ),
    "the meaning before a space": ("mountain 山\nwater 水\n", [PLAIN, WATER]),
    "a space before meanings with commas": ("山 mountain, hill\n水 water\n", [("山", "mountain, hill", ""), WATER]),
    "a space below a heading": ("单词 意思\n山 mountain\n水 water\n", [PLAIN, WATER]),
    "Latin letters in the word before a space": (
        "T恤 T-shirt\n卡拉OK karaoke\n电视 TV\n山 mountain\n水, water\n火\tfire\n",
        [("T恤", "T-shirt", ""), ("卡拉OK", "karaoke", ""), ("电视", "TV", ""), PLAIN, WATER, FIRE],
    ),
    "spaces within words": ("卡拉 OK\n维生素 C\nIT-отдел\n", [(word, "", "") for word in SPACED]),
    "pinyin in brackets": ("山 (shān)\tmountain\n水（shuǐ）\twater\n火 [huo3]\tfire\n", READ),
    "pinyin after the word": ("山 shān - mountain\n水 shuǐ - water\n火 huo3 - fire\n", READ),
    "pinyin before the meaning": ("山\tshān - mountain\n水\t(shuǐ) water\n火\thuo3 fire\n", READ),
    "kana before the meaning": ("食べる\tたべる - to eat\n山\tやま; mountain\n", [EAT, ("山", "mountain", "やま")]),
    "words without a tone": (
        "山 (shān) - mountain\n吧 (ba) - ...right?\n的 (de) - of\n",
        [MOUNTAIN, ("吧", "...right?", "ba"), ("的", "of", "de")],
    ),
    "words without a tone before the meaning": (
        "山 shān mountain\n呢 ne what about\n了 le finished\n",
        [MOUNTAIN, ("呢", "what about", "ne"), ("了", "finished", "le")],
    ),
    "meanings in which a word looks like pinyin": (
        "咖啡\tcafé con leche\n水\tagua\n火\tfuego\n",
        [("咖啡", "café con leche", ""), ("水", "agua", ""), ("火", "fuego", "")],
    ),
    "accents that pinyin has as well": (
        "mamá,mum\npapá,dad\nbà,grandmother\ncá,fish\n",
        [("mamá", "mum", ""), ("papá", "dad", ""), ("bà", "grandmother", ""), ("cá", "fish", "")],
    ),
    "pinyin that has only such accents": ("大\tdà\n是\tshì\n", [("大", "", "dà"), ("是", "", "shì")]),
    "some words in Latin letters": (
        "山\tshān\tmountain\n火\thuǒ\tfire\nDVD\t\tDVD\nTV\t\ttelevision\n",
        [MOUNTAIN, ("火", "fire", "huǒ"), ("DVD", "DVD", ""), ("TV", "television", "")],
    ),
    "commas in meanings": (
        "ir, to go\nser, to be\nhacer, to do, to make\nver, to see, to watch\n",
        [("ir", "to go", ""), ("ser", "to be", ""), ("hacer", "to do, to make", ""), ("ver", "to see, to watch", "")],
    ),
    "wide commas in meanings": ("山，mountain，hill\n水，water\n", [("山", "mountain, hill", ""), WATER]),
    "commas in meanings beside pinyin": (
        "山,shān,mountain, hill\n大,dà,big\n",
        [("山", "mountain, hill", "shān"), ("大", "big", "dà")],
    ),
    "commas in meanings under a heading": ("word,translation\n山,mountain, hill\n", [("山", "mountain, hill", "")]),
    "parts of speech": ("山\tn.\tshān\tmountain\n食べる\tv./vt.\t\tto eat\n", [MOUNTAIN, ("食べる", "to eat", "")]),
    "parts of speech in full": (
        "山,noun,mountain\n水,noun,water\n看,verb,to look\n",
        [PLAIN, WATER, ("看", "to look", "")],
    ),
    "parts of speech beside an empty column": ("山,,noun,mountain\n水,,noun,water\n", [PLAIN, WATER]),
    "articles": (
        "der,Hund,dog\ndie,Katze,cat\ndas/der,Teil,part\n",
        [("Hund", "dog", ""), ("Katze", "cat", ""), ("Teil", "part", "")],
    ),
    "articles as words": ("der,the\nein,a\n", [("der", "the", ""), ("ein", "a", "")]),
    "parts of speech as words": ("名词\tnoun\n动词\tverb\n", [("名词", "noun", ""), ("动词", "verb", "")]),
    "example sentences": (
        "山\tmountain\t山很高。\tThe mountain is high.\n水\twater\t我喝水\tI drink water.\n",
        [PLAIN, WATER],
    ),
    "sentences before what is none": (
        "Buenos días.\tgood morning\n¿Qué tal?\twhat's up\n",
        [("Buenos días.", "good morning", ""), ("¿Qué tal?", "what's up", "")],
    ),
    "remarks that end like sentences": (
        "perro\tdog (masc.)\ncasa\thouse (fem.)\n",
        [("perro", "dog (masc.)", ""), ("casa", "house (fem.)", "")],
    ),
    "sentences": ("你好吗？\tNǐ hǎo ma?\tHow are you?\n", [("你好吗？", "How are you?", "Nǐ hǎo ma?")]),
    "English beside a romanisation": (
        "дом\tdom\thouse\nкнига\tkniga\tbook\n",
        [("дом", "house", ""), ("книга", "book", "")],
    ),
    "commas in the words": (
        "der Hund, -e;dog\ndie Katze, -n;cat\nlaufen, läuft;to run\n",
        [("der Hund, -e", "dog", ""), ("die Katze, -n", "cat", ""), ("laufen, läuft", "to run", "")],
    ),
    "commas in some words under a heading": (
        "Слово;Перевод\nпривет, здравствуй;hello\nдом;house\n",
        [("привет, здравствуй", "hello", ""), ("дом", "house", "")],
    ),
    "semicolons between meanings": (
        "山, mountain;hill\n水, water;liquid\n",
        [("山", "mountain;hill", ""), ("水", "water;liquid", "")],
    ),
    "commas without spaces between meanings": (
        "山;mountain,hill\n水;water,sea\n",
        [("山", "mountain,hill", ""), ("水", "water,sea", "")],
    ),
    "commas with and without spaces in the words": (
        "der Hund, -e;dog\nlaufen,läuft;to run\n",
        [("der Hund, -e", "dog", ""), ("laufen,läuft", "to run", "")],
    ),
    "semicolons in the words": (
        "快乐; 高兴,happy\n难过,sad\n",
        [("快乐; 高兴", "happy", ""), ("难过", "sad", "")],
    ),
    "cells below each other": (
        "der Hund    dog\ndie Katze   cat, kitty\n",
        [("der Hund", "dog", ""), ("die Katze", "cat, kitty", "")],
    ),
    "two spaces within a meaning": ("山,a  mountain\n水,water\n", [("山", "a mountain", ""), WATER]),
    "cells below each other with a heading": ("Wort    Englisch\nHaus    house\n", [("Haus", "house", "")]),
    "wide spaces": ("山　　やま　　mountain\n食べる　　たべる　　to eat\n", [("山", "mountain", "やま"), EAT]),
    "a table in Markdown": ("| word | meaning |\n|---|:--|\n| 山 | mountain |\n", [PLAIN]),
    "words alone, the first one a name": ("问题\n水\n", [("问题", "", ""), ("水", "", "")]),
    "words alone with a heading": ("汉字\n山\n水\n", [("山", "", ""), ("水", "", "")]),
    "words alone": ("山\n水\n", [("山", "", ""), ("水", "", "")]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_gives_its_words(tmp_path: Path, name: str) -> None:
    content, expected = FILES[name]
    words = list_of(content)
    assert (short(words.rows), words.bad) == (expected, []), words.mapping


@pytest.mark.parametrize("name", [name for name, (content, _) in FILES.items() if '"' not in content])
def test_every_line_is_a_word_or_is_noted(name: str) -> None:
    content, _ = FILES[name]
    words = list_of(content)
    told = {line.line for line in (*words.rows, *words.notes)}
    assert told >= {number for number, line in enumerate(records.LINE_END.split(content), start=1) if line.strip()}


HEADINGS = [
    "汉字,拼音,意思",
    "漢字,拼音,意思",
    "生词,拼音,英文",
    "単語,読み方,意味",
    "단어,발음,뜻",
    "слово,чтение,перевод",
    "Wort,Aussprache,Bedeutung",
    "mot,prononciation,traduction",
    "palabra,pronunciación,significado",
    "parola,pronuncia,traduzione",
    "palavra,pronúncia,tradução",
    "từ vựng,phiên âm,nghĩa",
    "คำศัพท์,คำอ่าน,ความหมาย",
    "كلمة,نطق,معنى",
    "woord,uitspraak,vertaling",
    "słowo,wymowa,tłumaczenie",
    "kelime,okunuş,anlam",
    "kata,cara baca,arti",
    "WORD , Reading: , *Meaning*",
]


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_headings_of_many_languages_in_any_order(tmp_path: Path, heading: str, order: tuple[int, ...]) -> None:
    lines = [heading.split(","), ["山", "shān", "mountain"]]
    words = list_of("\n".join(",".join(line[index] for index in order) for line in lines))
    assert (short(words.rows), words.bad) == ([MOUNTAIN], [])
    assert [note.line for note in words.notes] == [1]


def test_what_is_beside_the_word_is_left_out() -> None:
    for name in ("Tags", "Example Sentence", "Word Audio", "HSK Level", "品詞", "Wortart"):
        assert role_of(name) is Role.LEFT_OUT, name


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("Foo,Bar\n山,mountain\n水,water\n", "line 1 (Foo, Bar) looks like a heading"),
        ("Some words:\n山,mountain\n水,water\n", "line 1 (Some words:) names one of 2 columns; delete it"),
        ("词条,说明\n山,mountain\n水,water\n", "looks like a heading"),
        ("Meaning,Pinyin\nmountain,shān\n", "does not name exactly one column of words"),
        ("Chinese,Japanese\n山,やま\n", "does not name exactly one column of words"),
        ("大,小\n多,少\n", "columns 1 and 2 could both contain the word"),
        ("苹果，香蕉，西瓜\n", "could both contain the word; write each word on a line of its own"),
        ("学校,학교\n", "columns 1 and 2 could both contain the word"),
        ("학교\tschool\tlesson\n", "columns 2 and 3 could both contain the translation"),
        ("Haus, Häuser, house\nMilch, milk\n", "columns 2 and 3 could both contain the translation"),
        ("苹果,apple,food\n香蕉,banana,food\n", "columns 2 and 3 could both contain the translation"),
        ("shān,mountain\n", "column 1 contains readings"),
        ("dà,big\nshān,mountain\n", "column 1 contains readings"),
    ],
)
def test_what_nobody_can_tell_is_refused_with_what_to_do(tmp_path: Path, content: str, part: str) -> None:
    with pytest.raises(UnreadableList) as caught:
        list_of(content)
    assert caught.value.code == "unreadable_list"
    assert part in caught.value.detail
    assert "columns=word,reading,translation" in caught.value.detail


def test_the_columns_may_be_told(tmp_path: Path) -> None:
    words = list_of("학교,hakgyo,school\n", columns="word,reading,translation")
    assert short(words.rows) == [("학교", "school", "hakgyo")]
    words = list_of("Foo,Bar,Baz\nx,mountain,山\n", columns="-,translation,word")
    assert short(words.rows) == [PLAIN], "the unknown heading is recognised as a heading"
    for wrong in ("reading", "word,word", "word,colour"):
        with pytest.raises(UnreadableList, match="columns"):
            list_of("山\n", columns=wrong)


@pytest.mark.parametrize(
    ("content", "words", "bad"),
    [
        ('山,mountain\n水,"water\n火,fire\n', ["山", "火"], [2]),
        ('山,mountain\n"水,water\n火,fire\n"木",tree\n', ["山", "火", "木"], [2]),
        ('山,"a\nb"\n水,"water" x\n火,fire\n', ["山", "火"], [3]),
        ("山,mountain\n水,water\n火,fire\n土,earth\n木,tree\n学,to learn, lernen\n", list("山水火土木"), [6]),
        (f"山,{'x' * 201}\n水,water\n火,{'x' * 20_000}\n", ["水"], [1, 3]),
    ],
)
def test_a_bad_line_is_named_and_spoils_no_other(
    tmp_path: Path, content: str, words: list[str], bad: list[int]
) -> None:
    read = list_of(content)
    assert [row.word for row in read.rows] == words
    assert [row.line for row in read.bad] == bad


@pytest.mark.parametrize("pairs", [1000, pytest.param(5000, marks=pytest.mark.slow)])
def test_thousands_of_lines_each_with_an_open_quote_or_a_word(tmp_path: Path, pairs: int) -> None:
    read = list_of("".join(f'山,m{number}\n水,"w{number}\n' for number in range(pairs)))
    assert (len(read.rows), len(read.bad)) == (pairs, pairs)


ACCENTS = "\u0301\u0316"  # in the wrong order
MANY = 3 * 10**5
# Texts that take minutes if the time grows with the square of their size, or faster.
HOSTILE = {
    "syllables that can be split": f"山,ā{'ang' * 100}!\n",
    "open quotes": 'a","\n' * 5_000,
    "no text before a separator": "," * MANY,
    "spaces as separators": f"#separator:space\n山{' ' * MANY}\n",
    "brackets in a heading": f"#separator:comma\n#columns:word,translation,{'(' * MANY}\n山,mountain\n",
    "accents in a heading": f"#separator:comma\n#columns:word,translation,{ACCENTS * MANY}\n山,mountain\n",
    "a word without end": f"é{'a' * MANY}\n",
    "a number without end": f"山,&#{'9' * 9000};\n",
}


@pytest.mark.timeout(60)  # on an idle machine it takes far less than a second
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_list_is_read_in_linear_time(content: str) -> None:
    with suppress(UnreadableList):
        list_of(content)


@pytest.mark.parametrize(
    "part",
    [
        "{{c1::",
        "[sound:",
        "<rt>",
        "<rt><rp>",
        "<svg ",
        "<style></",
        "<!--",
        "<br ",
        "<b ",
        "食",
        "食[",
        "食【",
        "食[た]",
        "食（",
    ],
)
def test_markup_that_is_never_closed_is_read_in_linear_time(part: str) -> None:
    assert split_word(f"山{part * (MANY // len(part))}")[0].startswith("山")


PAIRS = [("学习", "to study"), ("水", "water"), ("火", "fire")]


@pytest.mark.parametrize(
    "heading", ["No.\tWord\tMeaning\n", "序号\tword\ttranslation\n", "#columns:-\tword\ttranslation\n"]
)
@pytest.mark.parametrize("mark", ["{}.", "{})", "-"])
def test_a_column_of_markers_is_a_column(heading: str, mark: str) -> None:
    lines = [f"{mark.format(number)}\t{word}\t{meaning}\n" for number, (word, meaning) in enumerate(PAIRS, start=1)]
    read = read_list((heading + "".join(lines)).encode())
    assert [(row.word, row.translation) for row in read.rows] == PAIRS


def test_accents_are_not_put_in_order_before_their_number_is_checked() -> None:
    assert not is_pinyin(f"a{ACCENTS * 10**6}", with_tones=True)
    assert role_of(f"word{ACCENTS * 10**6}") is None


def test_a_list_has_its_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableList, match="more than 10000 lines"):
        list_of("山,mountain\n" * 10_001)
    monkeypatch.setattr(records, "MOST_LINES", 1000)
    assert len(list_of("山,mountain\n" * 1000).bad) == 999
    with pytest.raises(UnreadableList, match="more than 1000 lines"):
        list_of("山,mountain\n" * 1001)
    assert len(list_of("山,mountain\n" + "\n,,\n" * 1000 + "水,water\n").rows) == 2, "blank lines do not count"
    assert len(list_of("山 - mountain\n" + " - \n" * 10_001 + "水 - water\n").rows) == 2, "nor do empty rows"
    assert len(list_of(f"山,mountain\n水,water{',' * 200}\n").rows) == 2, "nor do empty cells at the end"
    read = list_of(f"山,mountain\n水,water{',x' * 99}\n火,fire\n")
    assert ([row.word for row in read.rows], read.bad[0].reason) == (["山", "火"], "has 101 cells; the limit is 100")
    with pytest.raises(UnreadableList, match="names 101 columns; the limit is 100"):
        list_of(f"#separator:comma\n#columns:word{',x' * 100}\n山\n")


def test_the_work_on_a_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    divided: list[str] = []
    cells_of = runs._cells
    monkeypatch.setattr(runs, "_cells", lambda line: divided.append(line) or cells_of(line))
    monkeypatch.setattr(records, "MOST_LINES", 3)
    with pytest.raises(UnreadableList, match="more than 3 lines"):
        list_of("山 mountain\n\n水 water\n火 fire\n木 tree\n土 earth\n")
    assert set(divided) == {"山 mountain", "水 water", "火 fire"}
    lines = [records.Record(number, ["山"]) for number in range(10_000)]
    voters = voters_of(lines)
    assert len(voters) <= records.VOTERS
    assert {record.line % 2 for record in voters} == {0, 1}
    assert voters[-1].line > 9_900
    assert voters_of(lines[:500]) == lines[:500]


def test_clozes_may_be_nested() -> None:
    assert shown("{{c1::水果 {{c2::苹果::a fruit}}}}") == "水果 苹果"


@pytest.mark.parametrize(
    ("label", "codec"), [("x-sjis", "cp932"), ("Windows-31J", "cp932"), ("x-gbk", "gbk"), ("GB 18030", "gb18030")]
)
def test_the_labels_of_browsers_name_encodings(label: str, codec: str) -> None:
    assert [row.word for row in read_list("学,study\n".encode(codec), encoding=label).rows] == ["学"]


def test_a_long_heading_is_repeated_in_part() -> None:
    name = "a name without end " * 100
    assert f"2 “{name[:40]}” = left out" in list_of(f"word,{name}\n山,x\n").mapping


# Fifty words each, whose encoding is detected in every encoding of their language.
WORDS = {
    "chinese": """
        学习 朋友 老师 学生 学校 中国 苹果 电脑 天气 工作 时间 问题 今天 明天 昨天 汽车 火车 飞机 医生 医院 商店
        饭店 先生 小姐 儿子 女儿 爸爸 妈妈 名字 东西 衣服 电视 电影 米饭 水果 桌子 椅子 杯子 北京 汉语 喜欢 认识
        高兴 漂亮 现在 星期 分钟 中午 上午 下午
    """,
    "taiwan": """
        學習 朋友 老師 學生 學校 中國 蘋果 電腦 天氣 工作 時間 問題 今天 明天 昨天 汽車 火車 飛機 醫生 醫院 商店
        飯店 先生 小姐 兒子 女兒 爸爸 媽媽 名字 東西 衣服 電視 電影 米飯 水果 桌子 椅子 杯子 北京 漢語 喜歡 認識
        高興 漂亮 現在 星期 分鐘 中午 上午 下午
    """,
    "japanese": """
        食べる 勉強 飲む 学校 先生 りんご カメラ テレビ 行く 来る 見る 聞く 話す 読む 書く 買う 待つ 立つ 会う
        作る 使う 思う 知る 住む 働く 休む 遊ぶ 泳ぐ 走る 歩く 新しい 古い 高い 安い 大きい 小さい 良い 悪い
        美しい 楽しい ホテル バス パン コーヒー ビール ペン ノート ドア ラジオ タクシー
    """,
    "korean": """
        학교 공부 친구 선생님 감사합니다 사람 시간 나라 도시 여름 겨울 가을 봄비 바다 하늘 구름 나무 사과 커피
        우유 김치 음식 아침 저녁 오늘 내일 어제 가족 어머니 아버지 동생 언니 오빠 고양이 강아지 자동차 기차
        비행기 병원 의사 회사 직업 전화 컴퓨터 신문 영화 음악 노래 운동 여행
    """,
    "russian": """
        молоко школа друг учитель работа время город страна лето зима осень весна море небо облако дерево яблоко
        кофе завтрак ужин сегодня завтра вчера семья мать отец брат сестра кошка собака машина поезд самолёт
        больница врач дом книга письмо окно дверь стол стул хлеб вода рыба мясо суп чай сахар соль
    """,
    "german": """
        Straße Mädchen Größe über schön Tür grün fünf zwölf müde Käse Löffel Schlüssel Bär Vögel Äpfel Öl Übung
        süß heiß weiß groß Fuß Spaß Gruß Büro Frühstück Brötchen Gemüse Hähnchen Körper Rücken Brüder Töchter
        höflich glücklich natürlich möglich nämlich später früher höher größer länger stärker wärmer kälter
        jünger älter Gänse
    """,
}
CHINESE, TAIWAN, JAPANESE, KOREAN, RUSSIAN, GERMAN = (words.split() for words in WORDS.values())
ENCODINGS = [
    ("gb18030", "GB18030", CHINESE),
    ("big5", "Big5", TAIWAN),
    ("shift_jis", "Shift-JIS", JAPANESE),
    ("euc_kr", "EUC-KR", KOREAN),
    ("cp1251", "cp1251", RUSSIAN),
    ("cp1252", "cp1252", GERMAN),
    ("utf-8", "UTF-8", [*CHINESE[:30], *KOREAN[:20]]),
    ("utf-8-sig", "UTF-8", JAPANESE),
    ("utf-16", "UTF-16", CHINESE),
    ("utf-16-le", "UTF-16", CHINESE),
]


@pytest.mark.parametrize(("codec", "name", "words"), ENCODINGS, ids=[entry[0] for entry in ENCODINGS])
@pytest.mark.parametrize("count", [1, 3, 50])
@pytest.mark.parametrize("has_meanings", [True, False])
def test_the_encoding_is_found_out_and_said(  # noqa: PLR0917  # pytest's parameters
    tmp_path: Path, codec: str, name: str, words: list[str], count: int, has_meanings: bool
) -> None:
    assert len(words) == 50
    for start in range(0, 50 - count + 1, 15):
        chosen = words[start : start + count]
        lines = [f"{word},a thing of kind {index}" if has_meanings else word for index, word in enumerate(chosen)]
        read = list_of("".join(f"{line}\r\n" for line in lines).encode(codec))
        assert [row.word for row in read.rows] == chosen
        assert read.mapping.startswith(f"read as {name},")


LATIN_PAGES = {
    "cp1250": (
        "dům kočka pes člověk žena",
        "ház nő víz tűz könyv idő",
        "człowiek rzeka góra łóżko",
        "casă oraş şcoală",
    ),
    "ISO 8859-2": ("dům kočka člověk žena", "człowiek góra łóżko książka"),
    "cp1254": ("kadın şehir güneş ağaç öğretmen",),
    "cp1257": ("katė šuo žmogus upė", "kaķis suns cilvēks pilsēta grāmata ūdens"),
    "cp1252": (
        "mère père très",
        "città perché più",
        "hus børn æble",
        "þú það maður köttur",
        "mãe pão coração avó",
        "niño",
    ),
}


@pytest.mark.parametrize(("name", "words"), [(name, words) for name in LATIN_PAGES for words in LATIN_PAGES[name]])
def test_code_pages_of_latin_letters_are_told_apart(name: str, words: str) -> None:
    content = "".join(f"{word};a meaning\n" for word in words.split())
    read = list_of(content.encode(name.replace(" ", "-")))
    assert ([row.word for row in read.rows], read.mapping.split(",")[0]) == (words.split(), f"read as {name}")


@pytest.mark.parametrize("lines", ["1º\nniño\naño\n", "word,translation,notes\nniño,water,agua\n2ª,water,señora\n"])
def test_ordinals_do_not_hide_the_encoding(lines: str) -> None:
    assert list_of(lines.encode("cp1252")).mapping.startswith("read as cp1252,")


@pytest.mark.parametrize(
    ("codec", "words"),
    [
        *(("utf-8", words) for words in (CHINESE, TAIWAN, JAPANESE, KOREAN, RUSSIAN, GERMAN)),
        *(("gb18030", words) for words in (CHINESE, TAIWAN, JAPANESE, KOREAN, GERMAN)),
        ("big5", TAIWAN),
        ("shift_jis", JAPANESE),
        ("euc_kr", KOREAN),
        ("cp1251", RUSSIAN),
        ("cp1252", GERMAN),
    ],
)
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_a_word_or_a_character_alone_is_refused_rather_than_misread(
    tmp_path: Path, codec: str, words: list[str], every: int
) -> None:
    characters = sorted({character for word in words for character in word if not character.isascii()})
    for word in [*words, *characters][::every]:
        try:
            read = list_of(word.encode(codec))
        except UnreadableList as error:
            assert "encoding=" in error.detail  # noqa: PT017  # either is right, another word is not
        else:
            assert [row.word for row in read.rows] == [word]


@pytest.mark.parametrize(
    "encoding", ["UTF8", "windows-1251", "ISO-8859-5", "KOI8-R", "cp866", "utf-32", "GB2312", "mac-cyrillic"]
)
def test_an_encoding_may_have_any_of_its_names(encoding: str) -> None:
    read = list_of("книга".encode(encoding), encoding=encoding)
    assert (read.rows[0].word, read.mapping.partition(",")[0]) == ("книга", f"read as {encoding}")


@pytest.mark.parametrize(
    "encoding",
    [
        "raw_unicode_escape",
        "punycode",
        "idna",
        "utf-7",
        "rot13",
        "hex",
        "zlib",
        "mbcs",
        "",
        "ü",
        "utf" + "-" * 99 + "8",
    ],
)
def test_other_codecs_are_unknown_encodings(encoding: str) -> None:
    with pytest.raises(UnreadableList, match="unknown encoding") as caught:
        list_of(b"\\u5c71,x\\ud800\n", encoding=encoding)
    assert caught.value.field == "encoding"
    assert len(caught.value.detail) < 250


def test_the_encoding_may_be_told(tmp_path: Path) -> None:
    assert short(list_of("山".encode("gb18030"), encoding="gbk").rows) == [("山", "", "")]
    for wrong in ("klingon", "base64", "utf-8"):
        with pytest.raises(UnreadableList, match=wrong):
            list_of("学习".encode("big5", errors="ignore") + b"\xff", encoding=wrong)


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (archive("[Content_Types].xml", "xl/workbook.xml"), "Excel"),
        (archive("collection.anki21", "media"), "Anki package"),
        (archive("words.csv"), "zip archive"),
        (archive("ppt/presentation.xml"), "a presentation"),
        ('[{"word": "山"}]'.encode(), "JSON; write each word on a line of its own"),
        ('{\n "words": ["山"]}'.encode(), "JSON"),
        ("<table><tr><td>山</td><td>mountain</td></tr><tr><td>水</td></tr></table>".encode(), "web page"),
        (b"PK\x03\x04broken", "zip archive"),
        (archive("a").replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\x63"), "zip archive"),  # of version 9.9
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        ("山,mountain\n水,wa\0ter\n".encode(), "line 2: contains a NUL"),
        ("山,mountain\n水,water\n".encode() + b"caf\xe9,coffee\n", "line 3: is not valid UTF-8"),
        (b"", "no words"),
        ("\ufeff".encode(), "no words"),
        (b"word,translation\n", "no words"),
        (b"\n\n  \n", "no words"),
    ],
)
def test_what_is_no_list_is_said(content: bytes, part: str) -> None:
    try:
        read = list_of(content)
    except UnreadableList as error:
        assert part in error.detail  # noqa: PT017  # either: refused as a whole, or without a word
    else:
        assert read.rows == []
        assert part in " ".join(["no words", *(f"line {row.line}: {row.reason}" for row in read.bad)])


def guids(folder: Path, pairs: list[tuple[str, str]]) -> list[str]:
    """Return the guids of a package's notes for the words and meanings, in this order."""
    from tests.client.test_deck_files import notes_of  # noqa: PLC0415  # its reader of packages

    cards = [
        CardWithPicture(word, "", Language.CHINESE, meaning, "", "p.png", lambda: b"png") for word, meaning in pairs
    ]
    path = folder / "d.apkg"
    path.write_bytes(b"".join(package("D", cards, Dictionaries())))
    notes, _, _ = notes_of(path, folder)
    return [guid for guid, _ in notes]


def test_a_note_belongs_to_its_word_and_meaning_wherever_the_row_stands(tmp_path: Path) -> None:
    long, grow, twice = guids(tmp_path, [("长", "long"), ("长", "to grow"), ("长", "long")])
    assert guids(tmp_path, [("长", "to grow"), ("山", ""), ("长", "long"), ("长", "long")])[::2] == [grow, long]
    assert len({long, grow, twice}) == 3
