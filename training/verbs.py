"""The English verbs of nouns of action: to study, of study."""

import re
from functools import cache
from itertools import pairwise

from training.wordnet import WordNet


class Verbs:
    """Finds the English verb of an action: study, to study; marriage, to marry; going ahead, to go ahead."""

    def __init__(self, wordnet: WordNet) -> None:
        """Use WordNet's links from nouns to the verbs that they derive from, and lemminflect."""
        self._wordnet = wordnet

    def of_noun(self, noun: str) -> str:
        """Return "to" and the verb of an action; the action itself if no verb is certain."""
        if noun.isalpha() and noun.islower() and (verb := self._verb(noun)):
            return f"to {verb}"
        first, *_ = parts = noun.split(" ")
        if not (infinitive := _infinitive(first)):
            return noun
        # Giving and taking: to give and take.
        rest = [(before in {"and", "or"} and _infinitive(part)) or part for before, part in pairwise(parts)]
        return " ".join(["to", infinitive, *rest])

    def _verb(self, noun: str) -> str | None:
        for synset in self._wordnet.senses(noun, "n")[:3]:
            verbs = [
                self._wordnet.synset(key).lemmas[place]
                for own, key, place in synset.derived
                if own == noun and key.startswith("v")
            ]
            alike = [verb for verb in verbs if verb.isalpha() and verb[:3] == noun[:3]]
            if alike:
                return noun if noun in alike else alike[0]
        return None


@cache
def _infinitive(gerund: str) -> str | None:
    """Return the verb of an -ing form, from lemminflect; None if it is not one."""
    from lemminflect import getAllLemmas  # noqa: PLC0415

    verbs = getAllLemmas(gerund, upos="VERB").get("VERB", ()) if re.fullmatch("[a-z]{2,}ing", gerund) else ()
    return next((str(verb) for verb in verbs if verb != gerund), None)
