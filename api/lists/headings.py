"""The names of columns in word lists, in many languages and programs."""

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum


class Role(StrEnum):
    """What a column holds, according to its heading."""

    WORD = "word"
    TRANSLATION = "translation"
    READING = "reading"
    STYLE = "style"
    IMAGERY = "imagery"
    # For the roles below, the rest of the heading or the rows decide which column holds the word.
    OTHER_FORM = "other form"  # traditional characters beside the simplified ones
    ENGLISH = "english"
    LANGUAGE = "language"
    FRONT = "front"
    BACK = "back"
    LEFT_OUT = "left out"


# Names by role, several per line: English first, then other languages.
NAMES: dict[Role, str] = {
    Role.WORD: """
        word|words|character|characters|hanzi|hànzì|hanzi simplified|kanji|hangul|hangeul|vocab|vocabulary|expression
        headword|lemma|simplified|simp|simplified chinese|chinese simplified|simplified characters|target word|entry
        vocabulary-kanji|target|target language|foreign word|hán tự|jianti|item|writing|chars|char|chữ hán|phrase
        汉字|漢字|单词|單詞|词|詞|词语|詞語|词汇|詞彙|生词|生詞|字|字词|字詞|简体|簡體|简体字|简化字|簡體字|简体中文
        中文词|生字|中文词语|国字
        単語|言葉|ことば|語彙|表記|見出し語|語|簡体字|簡体|단어|낱말|어휘|한자|표제어|간체|간체자
        слово|слова|иероглиф|иероглифы|лексика|упрощенный|упрощённый|упрощённые|кандзи|фраза
        wort|wörter|vokabel|vokabeln|zeichen|schriftzeichen|begriff|kurzzeichen|vereinfacht|wortschatz|ausdruck
        mot|mots|caractère|caractères|vocabulaire|sinogramme|sinogrammes|simplifié|caractère chinois
        palabra|palabras|carácter|caracteres|vocabulario|vocablo|sinograma|simplificado|hanzi simplificado
        parola|parole|carattere|caratteri|vocabolo|vocaboli|semplificato|palavra|palavras|vocábulo
        từ|từ vựng|từ mới|chữ|giản thể|คำ|คำศัพท์|ศัพท์|อักษรจีน|ตัวอักษร|ตัวย่อ|كلمة|الكلمة|كلمات|المفردات|مفردة
        حرف|الرمز
        woord|woorden|teken|karakter|woordenschat|słowo|słowa|wyraz|znak|znaki|słówko|kelime|kelimeler|sözcük
        karakterler
        kata|kosakata|huruf|karakter han|perkataan|ord|tecken|sana|slovo|slovíčko|szó|cuvânt|cuvinte|λέξη|מילה|शब्द
        слово/фраза
    """,
    Role.OTHER_FORM: """
        traditional|trad|traditional chinese|chinese traditional|traditional characters|fanti|hanzi traditional|hanja
        繁体|繁體|繁体字|繁體字|正體|正體字|繁體中文|번체|번체자|традиционный|традиционные|traditionell|langzeichen
        traditionnel|tradicional|tradizionale|phồn thể|ตัวเต็ม|variant|variants|异体字|異體字|旧字体
    """,
    Role.TRANSLATION: """
        translation|translations|meaning|meanings|gloss|glosses|english meaning|english translation|english definition
        vocabulary-english|native|native language|sense|keyword|english word|eng|meaning in english
        意思|意义|意義|翻译|翻譯|释义|釋義|解释|解釋|含义|含義|译文|譯文|定义|定義|词义|英文释义|英文意思|中文意思
        意味|訳|翻訳|英訳|和訳|語義|日本語訳|訳語|뜻|의미|번역|해석|뜻풀이|영어 뜻|한국어 뜻
        перевод|значение|значения|смысл|переводы|bedeutung|bedeutungen|übersetzung|übersetzungen|deutsche bedeutung
        traduction|traductions|sens|signification|traducción|traduccion|significado|significados
        traduzione|significato|significati|tradução|traducao|tradução em inglês|nghĩa|ý nghĩa|dịch|nghĩa tiếng anh
        ความหมาย|คำแปล|แปล|ترجمة|الترجمة|معنى|المعنى|vertaling|betekenis|tłumaczenie|znaczenie|çeviri|anlam|anlamı
        terjemahan|arti|artinya|makna|maksud|översättning|betydelse|oversettelse|käännös|překlad|význam|fordítás
        jelentés
        traducere|μετάφραση|תרגום|अर्थ|अनुवाद
    """,
    Role.READING: """
        reading|readings|pinyin|pīnyīn|pinyin numbered|pinyin tones|pronunciation|kana|hiragana|furigana|romaji
        rōmaji|zhuyin
        bopomofo|jyutping|romanization|romanisation|romaja|transcription|transliteration|ipa|phonetic|phonetics|yomi
        yomikata
        vocabulary-kana|vocabulary-furigana|hanyu pinyin|pron|onyomi|kunyomi|on|kun|on'yomi|kun'yomi
        拼音|汉语拼音|漢語拼音|注音|读音|讀音|发音|發音|音标|音標|粤拼|注音符号|注音符號
        読み|読み方|よみ|よみかた|ふりがな|振り仮名|かな|仮名|平仮名|ひらがな|カタカナ|ローマ字|発音|ピンイン
        발음|병음|읽기|독음|후리가나|로마자|한어병음|чтение|пиньинь|произношение|транскрипция|кана|хирагана|ромадзи
        aussprache|lesung|umschrift|lautschrift|prononciation|lecture|pronunciación|pronunciacion|lectura|pinyín
        pronuncia|lettura|pronúncia|pronuncia|leitura|phiên âm|bính âm|cách đọc|พินอิน|คำอ่าน|การออกเสียง
        نطق|النطق|بينيين|uitspraak|lezing|wymowa|czytanie|okunuş|telaffuz|okunuşu|pelafalan|pengucapan|cara baca
        uttal|výslovnost
    """,
    Role.STYLE: "style|stil|风格|風格|スタイル|스타일|стиль|estilo|stile|stijl|styl|gaya",
    Role.IMAGERY: "imagery|motif|motifs|意象|образы|bildmotiv|bildmotive",
    Role.ENGLISH: """
        english|en|en-us|en-gb|英文|英语|英語|영어|английский|по-английски|englisch|anglais|inglés|ingles|inglese
        inglês
        tiếng anh|anh|ภาษาอังกฤษ|อังกฤษ|الإنجليزية|انجليزي|إنجليزي|engels|angielski|ingilizce|inggris|bahasa inggris
        engelska
    """,
    Role.LANGUAGE: """
        chinese|mandarin|cantonese|zh|zh-cn|zh-tw|japanese|ja|jp|korean|ko|kr|russian|ru|german|de|french|fr|spanish
        es|italian|it
        portuguese|pt|vietnamese|vi|thai|th|arabic|ar|dutch|nl|polish|pl|turkish|tr|indonesian|id lang|malay|hindi
        greek
        hebrew|ukrainian|czech|swedish|norwegian|danish|finnish|hungarian|romanian|bulgarian|serbian|persian|latin
        中文|汉语|漢語|华语|華語|普通话|普通話|国语|國語|日语|日語|日文|韩语|韓語|韩文|韓文|俄语|俄語|德语|德語|法语
        法語|西班牙语|越南语|泰语|阿拉伯语
        中国語|日本語|韓国語|ロシア語|ドイツ語|フランス語|スペイン語|イタリア語|중국어|일본어|한국어|러시아어|독일어
        프랑스어|스페인어
        китайский|японский|корейский|русский|немецкий|французский|испанский|по-китайски|по-русски|итальянский
        украинский
        chinesisch|japanisch|koreanisch|russisch|deutsch|französisch|spanisch|italienisch
        chinois|japonais|coréen|russe|allemand|français|espagnol|italien|chino|japonés|coreano|ruso|alemán|francés
        español
        cinese|giapponese|russo|tedesco|francese|spagnolo|italiano|chinês|japonês|alemão|francês|espanhol|português
        tiếng trung|tiếng nhật|tiếng hàn|tiếng việt|trung|ภาษาจีน|ภาษาไทย|ภาษาญี่ปุ่น|ภาษาเกาหลี|จีน|ไทย
        الصينية|صيني|اليابانية|العربية|عربي|chinees|japans|koreaans|russisch|duits|frans|spaans|nederlands
        chiński|japoński|koreański|rosyjski|niemiecki|polski|çince|japonca|korece|rusça|almanca|türkçe
        mandarin|bahasa mandarin|bahasa indonesia|bahasa jepang|jepang|tionghoa|bahasa cina|cina|kinesiska|svenska
        japanska
    """,
    Role.FRONT: """
        front|term|question|side 1|side a|prompt|recto|正面|术语|術語|问题|表|おもて|問題|用語|앞면|용어|질문|лицо
        термин|вопрос|лицевая сторона
        vorderseite|vorne|frage|question|terme|avant|anverso|frente|término|pregunta|fronte|domanda|termine|termo
        pergunta
        mặt trước|thuật ngữ|ด้านหน้า|أمام|الوجه|voorkant|vraag|przód|pytanie|pojęcie|ön|ön yüz|soru|terim|depan
        istilah
    """,
    Role.BACK: """
        back|definition|definitions|answer|side 2|side b|response|verso|背面|反面|答案|裏|うら|答え|뒷면|정의|답
        оборот|определение|ответ
        rückseite|hinten|antwort|definition|définition|réponse|arrière|reverso|respuesta|definición|retro|risposta
        definizione
        verso|resposta|definição|mặt sau|định nghĩa|ด้านหลัง|คำจำกัดความ|خلف|الظهر|تعريف|achterkant|definitie|antwoord
        tył|odpowiedź|definicja|arka|arka yüz|cevap|tanım|belakang|definisi
    """,
    Role.LEFT_OUT: """
        tags|tag|deck|guid|notetype|note type|note|notes|audio|sound|image|picture|photo|video|hsk|hsk level|jlpt
        topik|level|lesson
        unit|chapter|category|part of speech|pos|type|class|example|examples|sentence|sentences|example sentence
        frequency|rank
        number|no|no.|nr|nr.|#|id|index|order|radical|radicals|strokes|stroke count|stroke order|measure word
        classifier|comment
        comments|source|url|link|date|created|mnemonic|hint|synonyms|antonyms|extra|group|topic|section|status|score
        due
        序号|序號|编号|編號|标签|標籤|例句|词性|詞性|级别|級別|等级|课|部首|笔画|笔画数|量词|备注|備註|音频|图片
        频率|分类
        番号|例文|品詞|レベル|タグ|備考|音声|画像|画数|번호|예문|품사|급수|태그|비고|메모|номер|№|пример|примеры
        теги|уровень|урок|часть речи
        beispiel|beispiele|wortart|lektion|nummer|notiz|stufe|exemple|exemples|niveau|numéro|leçon|ejemplo|ejemplos
        nivel
        número|lección|esempio|esempi|livello|numero|exemplo|exemplos|nível|lição|stt|ví dụ|từ loại|ตัวอย่าง|ลำดับ
        مثال|رقم|voorbeeld
        przykład|poziom|örnek|seviye|sıra|contoh|nomor|tingkat
    """,
}
# A heading of several words that is not known as a whole has the first of these roles that one of its words has.
PRECEDENCE = (
    Role.LEFT_OUT,
    Role.READING,
    Role.STYLE,
    Role.IMAGERY,
    Role.TRANSLATION,
    Role.ENGLISH,
    Role.OTHER_FORM,
    Role.WORD,
    Role.LANGUAGE,
    Role.BACK,
    Role.FRONT,
)
LONGEST = 40
# Names that identify a heading even beside unknown columns.
CERTAIN = frozenset({"word", "words", "hanzi", "kanji", "character", "characters"})
BRACKETS = re.compile(r"[(\[（【{].*?[)\]）】}]")


def _plain(name: str) -> str:
    """Return a heading in canonical form, regardless of case, Unicode form, punctuation and spaces."""
    text = unicodedata.normalize("NFKC", name).casefold().strip("*:#?!.\"' \t_-")
    return " ".join(re.sub(r"[_\s]+", " ", text).split()) or name.strip()


ROLES: dict[str, Role] = {
    _plain(name): role
    for role in reversed(PRECEDENCE)
    for line in NAMES[role].split("\n")
    for name in line.strip().split("|")
    if name
}


def role_of(heading: str) -> Role | None:
    """Return what a column of this name holds; None if the name is unknown."""
    if not heading.strip() or len(heading) > LONGEST:
        return None
    plain = _plain(heading)
    for name in (plain, _plain(BRACKETS.sub(" ", heading))):
        if name in ROLES:
            return ROLES[name]
    parts = {ROLES[part] for part in re.split(r"[\s/,;:()\[\]（）]+", plain) if part in ROLES}
    parts |= {ROLES[part] for bracket in BRACKETS.findall(plain) if (part := bracket[1:-1].strip()) in ROLES}
    return next((role for role in PRECEDENCE if role in parts), None)


def roles_of(cells: Sequence[str]) -> tuple[Role | None, ...] | None:
    """Return the columns' roles if a line is a heading; None if it is a line of words.

    The first word of a list may mean “word”. 单词 and its translation then name the same column, as no heading does.
    """
    roles = tuple(map(role_of, cells))
    filled = [role for cell, role in zip(cells, roles, strict=True) if cell.strip()]
    known = [role for role in filled if role is not None]
    if not known:
        return None
    if len(filled) == 1:
        # A name that is not in Latin letters may be a word of the list: 问题, 中文.
        is_name = known[0] is Role.WORD or (known[0] in {Role.LANGUAGE, Role.FRONT} and cells[0].isascii())
        return roles if is_name and len(cells) == 1 else None
    if len(set(known)) == 1:
        is_only_one = any(cell.strip().casefold() in CERTAIN for cell in cells) and all(map(str.isascii, cells))
        two_languages = known[0] is Role.LANGUAGE and len(known) == len(filled) == 2 and not _mean_the_same(cells)
        return roles if is_only_one or two_languages else None
    # Exact names distinguish a heading from a line whose translation happens to contain such a word.
    exact = sum(map(_is_exact, cells))
    return roles if exact >= max(1, len(known) // 2) and len(known) * 2 >= len(filled) else None


def _is_exact(cell: str) -> bool:
    """Return whether a cell is a known name, apart from what is in brackets."""
    return len(cell) <= LONGEST and any(_plain(name) in ROLES for name in (cell, BRACKETS.sub(" ", cell)))


def _mean_the_same(cells: Sequence[str]) -> bool:
    """Return whether a line names one language twice, each time in another script, as 中文,Chinese does."""
    return len({cell.strip().isascii() for cell in cells if cell.strip()}) == 2
