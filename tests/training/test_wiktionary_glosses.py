"""Short glosses from Wiktionary's definitions."""

import pytest

from shared.writing.language import Language
from training.reflexive_verbs import reflexive_verbs
from training.stardict import Part
from training.wiktionary_glosses import glosses_of, labelled

# What tells verbs, which only the builder of the lexica needs.
pytest.importorskip("lemminflect")


@pytest.mark.parametrize(
    ("definition", "part", "glosses"),
    [
        ("a dog (any domesticated animal)", "noun", ["dog"]),
        ("kimchi, a dish made with vegetables", "noun", ["kimchi"]),
        ("salt, i.e. sodium chloride", "noun", ["salt"]),
        ("a kind of cheese", "noun", ["cheese"]),
        ("pair of scissors", "noun", ["scissors"]),
        ("neighbour/neighbor", "noun", ["neighbour"]),
        ("and/or", "conj", ["and/or"]),
        ("green in colour", "adj", ["green"]),
        ("Great Britain", "noun", ["Great Britain"]),
        ("Great danger", "noun", ["great danger"]),
        ("one; 1", "num", ["one"]),
        ("theropod: any dinosaur of suborder Theropoda", "noun", ["theropod"]),
        ("an animal’s home: burrow", "noun", ["burrow"]),
        ("who?, whom?", "pron", ["who", "whom"]),
        ("what is your name?", "phrase", ["what is your name?"]),
        ("hello!", "intj", ["hello"]),
        ("have, possess", "verb", ["to have", "to possess"]),
        ("I bray", "verb", ["to bray"]),
        ("I am compared", "verb", ["to be compared"]),
        ("can, be able to", "verb", ["can", "to be able to"]),
        ("to marry sb.", "verb", ["to marry somebody"]),
        ("Alternative form of gehn (“to go, walk”)", "verb", ["to go", "to walk"]),
    ],
)
def test_a_definition_is_short_plain_english(definition: str, part: str, glosses: list[str]) -> None:
    assert list(glosses_of(definition, part)) == glosses


@pytest.mark.parametrize(
    ("definition", "part"),
    [
        ("used to express regret", "intj"),
        ("expressing possession", "particle"),
        ("third-person feminine singular pronoun", "pron"),
        ("gerund combined with se of hablar", "verb"),
        ("first-person plural present indicative", "verb"),
        ("nominative/genitive plural of X", "noun"),
        ("Nominative, accusative and vocative plural form of γονέας (gonéas) (parents)", "noun"),
        ("Of nadar", "verb"),
        ("see also Thesaurus:nose", "noun"),
        (": Eu mexerico.", "verb"),
        ("to fuck", "verb"),
    ],
)
def test_notes_on_usage_and_inflected_forms_and_vulgar_senses_are_no_glosses(definition: str, part: str) -> None:
    assert list(glosses_of(definition, part)) == []


def test_labels_precede_a_definition() -> None:
    assert labelled("(anatomy, dated) (Spain): heart (organ)") == (
        frozenset({"anatomy", "dated", "Spain"}),
        "heart (organ)",
    )


@pytest.mark.parametrize(
    ("language", "verb", "labels", "reflexive"),
    [
        (Language.SPANISH, "sentar", "reflexive", "sentarse"),
        (Language.PORTUGUESE, "levantar", "takes a reflexive pronoun", "levantar-se"),
        (Language.FRENCH, "lever", "reflexive", "se lever"),
        (Language.FRENCH, "asseoir", "reflexive", "s'asseoir"),
        (Language.GERMAN, "erinnern", "reflexive", "sich erinnern"),
        (Language.POLISH, "uczyć", "reflexive", "uczyć się"),
        (Language.CZECH, "učit", "reflexive, used with se", "učit se"),
        (Language.CZECH, "všimnout", "reflexive, used with si", "všimnout si"),
    ],
)
def test_a_reflexive_verb_has_the_reflexive_senses(language: Language, verb: str, labels: str, reflexive: str) -> None:
    entries = {verb: [Part("verb", ("(transitive) one", f"({labels}) another"))]}
    assert reflexive_verbs(entries, language) == {reflexive: [Part("verb", (f"({labels}) another",))]}


def test_phrases_and_verbs_that_are_listed_as_reflexive_get_no_second_pronoun() -> None:
    entries = {verb: [Part("verb", ("(reflexive) one",))] for verb in ("sentarse", "darse cuenta")}
    assert reflexive_verbs(entries, Language.SPANISH) == {}
