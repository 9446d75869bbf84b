"""The motifs that this deployment offers: all but those that its operator has blocked."""

from shared.writing.blocklist import Blocklist
from shared.writing.imagery import Imagery, MotifName


class OfferedImagery(Imagery):
    """The imagery of a deployment. It suggests and finds only what workers draw there."""

    def __init__(self, blocklist: Blocklist) -> None:
        """Open the database. Raises as `Imagery`."""
        super().__init__()
        self._blocked = frozenset(
            motif.name for motif in self if any(map(blocklist.blocks, (motif.name.replace("-", " "), motif.phrase)))
        )

    def is_blocked(self, name: str) -> bool:
        """Return whether a motif is blocked."""
        return name in self._blocked

    def for_word(self, word: str, sense: str, *, has_keywords: bool = True) -> tuple[str, ...]:
        """Return the names as `Imagery.for_word` does, without blocked ones, which workers leave out, too."""
        found = super().for_word(word, sense, has_keywords=has_keywords)
        return tuple(name for name in found if not self.is_blocked(name))

    def search(self, query: str, limit: int = 50) -> tuple[MotifName, ...]:
        """Return motifs as `Imagery.search` does, without blocked ones."""
        found = super().search(query, len(self.names))
        return tuple(motif for motif in found if not self.is_blocked(motif.name))[:limit]
