"""Picture storage outside Redis: a folder or an S3-compatible bucket, accessed through obstore."""

import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from shared.errors import SettingsError

T = TypeVar("T")

logger = logging.getLogger(__name__)

IN_REDIS = "redis"
# With obstore's defaults, a caller would wait for minutes. Callers that must succeed retry by themselves.
TIMEOUTS = {"connect_timeout": "2s", "timeout": "10s"}
RETRIES = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}
PAGE = 1000  # entries in a page of a listing; S3 allows no more
# A page is lost with an entry that cannot be listed, and a folder of others may hold any names and links.
FOLDER_PAGE = 1


CallObserver = Callable[[str, float], None]


class StoreUnavailable(OSError):
    """The store does not answer, refuses the call, or lacks what a worker has written."""


def call_directly(function: Callable[[], T]) -> T:
    """Call in the current thread and return the result."""
    return function()


def ignore_call(operation: str, seconds: float) -> None:
    """Ignore a call."""


class ObjectStore:
    """Puts, gets and deletes objects by name. Every method raises `StoreUnavailable` when the store does not answer."""

    def __init__(
        self,
        store: Any,
        run: Callable[[Callable[[], Any]], Any] = call_directly,
        note: CallObserver = ignore_call,
        page: int = PAGE,
    ) -> None:
        """Wrap an obstore store.

        Args:
            store: the obstore store.
            run: makes its calls, which block the calling thread.
            note: notified of each call.
            page: entries in a page of a listing. With one, an entry that cannot be listed is skipped.
        """
        self._store = store
        self._run = run
        self._note = note
        self._page = page

    @classmethod
    def open(
        cls,
        url: str,
        run: Callable[[Callable[[], Any]], Any] = call_directly,
        note: CallObserver = ignore_call,
    ) -> Self:
        """Open a store; obstore takes a bucket's endpoint, region and credentials from the usual AWS_ variables.

        Raises:
            SettingsError: obstore is not installed, the kind of address is not supported, or a folder cannot be used.
        """
        try:
            from obstore.store import LocalStore, S3Store  # noqa: PLC0415  # an optional dependency
        except ImportError as error:
            raise SettingsError("results.store: obstore is not installed; run pip install obstore") from error
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.path:
            try:
                folder = LocalStore(Path(parts.path), mkdir=True, automatic_cleanup=True)
            except OSError as error:
                raise SettingsError(f"results.store: {parts.path} cannot be used as a folder: {error}") from error
            return cls(folder, run, note, FOLDER_PAGE)
        if parts.scheme == "s3" and parts.netloc:
            endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
            client_options = {**TIMEOUTS, **({"allow_http": True} if endpoint.startswith("http:") else {})}
            options: dict[str, Any] = {"client_options": client_options, "retry_config": RETRIES}
            if parts.path.strip("/"):
                options["prefix"] = parts.path.strip("/")
            return cls(S3Store(parts.netloc, **options), run, note)
        raise SettingsError(f"results.store: {url!r} is not valid; use redis, file:///FOLDER or s3://BUCKET/PREFIX")

    def put(self, name: str, content: bytes) -> None:
        """Write an object."""
        try:
            self._call("put", lambda: self._store.put(name, content))
        except FileNotFoundError as error:
            raise StoreUnavailable(f"the object store has no such bucket: {error}") from error

    def get(self, name: str) -> bytes | None:
        """Return an object; None if it does not exist."""
        try:
            return bytes(self._call("get", lambda: self._store.get(name).bytes()))
        except FileNotFoundError:
            return None

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; ignore those that do not exist."""
        for name in names:
            try:
                self._call("delete", lambda name=name: self._store.delete(name))
            except FileNotFoundError:
                continue

    def try_out(self) -> None:
        """Write, read and delete an object."""
        name = f"trial-{uuid.uuid4()}"
        self.put(name, b"")
        self.get(name)
        self.delete([name])

    def sweep(self, names: re.Pattern[str], before: float) -> int:
        """Delete the objects with such names that were written before a moment; return how many were deleted.

        The folder or bucket may hold objects of others, so all other names are left alone.

        Args:
            names: the names.
            before: the moment, in seconds since the epoch.
        """
        limit = datetime.fromtimestamp(before, UTC)
        deleted = 0
        for page in self._pages():
            old = [entry["path"] for entry in page if entry["last_modified"] < limit and names.fullmatch(entry["path"])]
            self.delete(old)
            deleted += len(old)
        return deleted

    def _pages(self) -> Iterator[list[Any]]:
        """Yield the objects' entries page by page, since millions would not fit into memory."""
        pages = self._store.list(chunk_size=self._page)
        skipped: list[str] = []
        while True:
            try:
                page = self._call("list", lambda: next(pages, []))
            except StoreUnavailable as error:
                if self._page > 1:
                    raise
                skipped.append(str(error).splitlines()[0])  # obstore adds lines of debug output
                continue
            if not page:
                break
            yield page
        if skipped:
            logger.warning("entries skipped that cannot be listed: %d; the first: %s", len(skipped), skipped[0])

    def _call(self, operation: str, function: Any) -> Any:
        """Return the result of an obstore call; turn all errors except `FileNotFoundError` into `StoreUnavailable`."""
        from obstore.exceptions import BaseError  # noqa: PLC0415  # optional

        started, outcome = time.monotonic(), "ok"
        try:
            return self._run(function)
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            outcome = "failed"
            raise StoreUnavailable(f"the object store does not answer: {error}") from error
        finally:
            self._note(f"{operation} {outcome}", time.monotonic() - started)


def open_store(
    address: str, run: Callable[[Callable[[], Any]], Any] = call_directly, note: CallObserver = ignore_call
) -> ObjectStore | None:
    """Return the store for a setting; None if pictures are stored in Redis.

    Args:
        address: the setting.
        run: makes the store's calls.
        note: called after each call with its outcome, such as "get ok" or "put failed", and its duration in seconds.
    """
    return None if address == IN_REDIS else ObjectStore.open(address, run, note)


def refuse_closed_folder(address: str, objects: ObjectStore) -> None:
    """Refuse a folder in which this process cannot write. A bucket passes: it may answer later.

    Raises:
        SettingsError: the store is such a folder.
    """
    if urlsplit(address).scheme != "file":
        return
    try:
        objects.try_out()
    except StoreUnavailable as error:
        reason = str(error.__cause__).splitlines()[0]  # obstore adds lines of debug output
        raise SettingsError(f"results.store: {address} cannot be written: {reason}") from error
