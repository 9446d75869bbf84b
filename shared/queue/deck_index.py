"""The decks that a caller has sent, newest first: a sorted set ``writing:decks:<client>`` of ids by sequence number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import redis

from shared.queue.keys import Key, deck_key
from shared.queue.listing import Listing, Page
from shared.queue.scripts import load_script
from shared.schemas import JobStatus

READ_AT_ONCE = 5  # Redis serves nobody else while it counts them, of up to 500 words each


@dataclass(frozen=True, slots=True)
class DeckCount:
    """A deck without its words; `counts` has the number of words by status, including the refused ones."""

    deck_id: str
    name: str
    created_at: float
    counts: Mapping[str, int]

    @property
    def is_finished(self) -> bool:
        """Whether no job is waiting or running any more."""
        return not any(self.counts[status] for status in JobStatus if not status.is_terminal)


class DeckIndex:
    """Lists callers' decks. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._count = load_script(client, "count_deck")
        self._listing = Listing(client, Key.DECKS, self._read, noun="decks", mark="\ndecks")

    def page(self, client: str, *, limit: int, cursor: str | None) -> Page[DeckCount]:
        """Return a page of a caller's decks.

        Args:
            client: the name of the caller's key; "" without keys.
            limit: the most decks to return.
            cursor: the cursor of the previous page; None to start with the newest deck.

        Raises:
            InvalidCursor: no page of this caller's list has this cursor.
        """
        return self._listing.page(client, limit=limit, cursor=cursor, at_once=READ_AT_ONCE, is_wanted=lambda _: True)

    def _read(self, decks: Sequence[str]) -> dict[str, DeckCount | None]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for deck_id in decks:
                self._count(keys=[deck_key(deck_id)], client=pipeline)
            found = cast("list[list[str] | None]", pipeline.execute())
        return {deck_id: _parsed(deck_id, kept) for deck_id, kept in zip(decks, found, strict=True) if kept is not None}


def _parsed(deck_id: str, kept: Sequence[str]) -> DeckCount:
    name, created_at, *counts = kept
    return DeckCount(deck_id, name, float(created_at), dict(zip(counts[::2], map(int, counts[1::2]), strict=True)))
