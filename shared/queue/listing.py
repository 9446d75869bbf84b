"""What a caller has sent, newest first, in pages: a sorted set of ids by sequence number for each caller.

Records expire on their own. A list drops expired ones as new ones arrive and as it is read.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import redis

from shared.errors import InvalidCursor
from shared.queue.keys import Key

T = TypeVar("T")

# The most records that one call reads: a filter that matches few of them returns a short page with a cursor.
MOST_READ = 2000
CURSOR = re.compile(r"([1-9][0-9]{0,15})-([0-9a-f]{16})")
BEGINNING = "+inf"

# Returns records by id: None for one that another version wrote; one that has expired is missing.
ReadRecords = Callable[[Sequence[str]], Mapping[str, T | None]]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, newest first; `cursor` leads to the next page, or is None on the last one."""

    records: tuple[T, ...]
    cursor: str | None


class Listing(Generic[T]):
    """The lists of one kind of record. Every method raises `redis.RedisError` when Redis does not answer."""

    def __init__(self, client: redis.Redis, key: Key, read: ReadRecords[T], *, noun: str, mark: str = "") -> None:
        """Read lists.

        Args:
            client: the Redis that holds them.
            key: the prefix of their keys.
            read: reads the records.
            noun: what they are called, for errors.
            mark: distinguishes their cursors from those of other lists.
        """
        self._redis = client
        self._prefix = key
        self._read = read
        self._noun = noun
        self._mark = mark

    def page(
        self, client: str, *, limit: int, cursor: str | None, at_once: int, is_wanted: Callable[[T], bool]
    ) -> Page[T]:
        """Return a page of a caller's list.

        Args:
            client: the name of the caller's key; "" without keys.
            limit: the most records to return.
            cursor: the cursor of the previous page; None to start with the newest record.
            at_once: how many records to read at a time.
            is_wanted: which records to return.

        Raises:
            InvalidCursor: no page of this caller's list has this cursor.
        """
        end = BEGINNING if cursor is None else f"({self._sequence(client, cursor)}"
        found: list[T] = []
        for _ in range(MOST_READ // at_once):
            entries = self._entries(client, end, at_once)
            for sequence, record in entries:
                end = f"({sequence}"
                if record is not None and is_wanted(record):
                    found.append(record)
                if len(found) == limit:
                    return Page(tuple(found), self._cursor_after(client, sequence))
            if len(entries) < at_once:
                return Page(tuple(found), None)
        return Page(tuple(found), self._cursor(client, int(end.removeprefix("("))))

    def _entries(self, client: str, end: str, count: int) -> list[tuple[int, T | None]]:
        """Return the next sequence numbers and records; None for a record that has expired or is unreadable."""
        key = self._prefix + client
        listed = cast(
            "list[tuple[str, float]]",
            self._redis.zrevrangebyscore(key, end, "-inf", start=0, num=count, withscores=True),
        )
        records = self._read([record_id for record_id, _ in listed])
        gone = [record_id for record_id, _ in listed if record_id not in records]
        if gone:
            self._redis.zrem(key, *gone)
        return [(int(sequence), records.get(record_id)) for record_id, sequence in listed]

    def _cursor_after(self, client: str, sequence: int) -> str | None:
        """Return the cursor of the records that follow a given one; None if there are none."""
        is_last = not self._redis.zcount(self._prefix + client, "-inf", f"({sequence}")
        return None if is_last else self._cursor(client, sequence)

    def _cursor(self, client: str, sequence: int) -> str:
        """Return a cursor: a position in a caller's list, and a digest that tells it from a forged one."""
        mark = hashlib.blake2b(f"{client}\n{sequence}{self._mark}".encode(), digest_size=8).hexdigest()
        return f"{sequence}-{mark}"

    def _sequence(self, client: str, cursor: str) -> int:
        match = CURSOR.fullmatch(cursor)
        if match is None or self._cursor(client, int(match[1])) != cursor:
            raise InvalidCursor(
                f"this cursor does not belong to your list of {self._noun}; use the `next_cursor` of a response",
                field="cursor",
            )
        return int(match[1])
