"""Pictures outside Redis: a folder, or a bucket with S3's API, through obstore."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from shared.errors import SettingsError

IN_REDIS = "redis"


class ObjectStore:
    """Puts, gets and deletes objects by name. Every method raises `OSError` when the store does not answer."""

    def __init__(self, store: Any) -> None:
        """Take a store of obstore."""
        self._store = store

    @classmethod
    def open(cls, url: str, environment: Mapping[str, str] = os.environ) -> Self:
        """Open a store; a bucket's endpoint, region and credentials come from the usual AWS_ variables.

        Raises:
            SettingsError: obstore is not installed, or the address is of no kind that is supported.
        """
        try:
            from obstore.store import LocalStore, S3Store  # noqa: PLC0415  # an optional dependency
        except ImportError as error:
            raise SettingsError(
                "results.store: install obstore: pip install 'writing-service[object-store]'"
            ) from error
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.path:
            return cls(LocalStore(Path(parts.path), mkdir=True))
        if parts.scheme == "s3" and parts.netloc:
            endpoint = environment.get("AWS_ENDPOINT_URL", "")
            options: dict[str, Any] = {"client_options": {"allow_http": True}} if endpoint.startswith("http:") else {}
            if parts.path.strip("/"):
                options["prefix"] = parts.path.strip("/")
            return cls(S3Store(parts.netloc, **_aws(environment), **options))
        raise SettingsError(f"results.store: {url!r} is none of redis, file:///FOLDER, s3://BUCKET/PREFIX")

    def put(self, name: str, content: bytes) -> None:
        """Write an object."""
        _call(lambda: self._store.put(name, content))

    def get(self, name: str) -> bytes | None:
        """Return an object; None: there is none."""
        try:
            return bytes(_call(lambda: self._store.get(name).bytes()))
        except FileNotFoundError:
            return None

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that are not there are passed over."""
        for name in names:
            try:
                _call(lambda name=name: self._store.delete(name))
            except FileNotFoundError:
                continue

    def sweep(self, older_than_s: float) -> int:
        """Delete the objects that were written longer ago; return how many."""
        limit = datetime.now(UTC) - timedelta(seconds=older_than_s)
        found = _call(lambda: [entry for page in self._store.list() for entry in page])
        old = [entry["path"] for entry in found if entry["last_modified"] < limit]
        self.delete(old)
        return len(old)


def open_store(address: str) -> ObjectStore | None:
    """Return the store of a setting; None: pictures lie in Redis."""
    return None if address == IN_REDIS else ObjectStore.open(address)


def _aws(environment: Mapping[str, str]) -> dict[str, Any]:
    options = {
        "endpoint": environment.get("AWS_ENDPOINT_URL"),
        "region": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        "access_key_id": environment.get("AWS_ACCESS_KEY_ID"),
        "secret_access_key": environment.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": environment.get("AWS_SESSION_TOKEN"),
    }
    return {name: value for name, value in options.items() if value}


def _call(act: Any) -> Any:
    """Return what a call of obstore returns; its own errors become `OSError`."""
    from obstore.exceptions import BaseError  # noqa: PLC0415  # optional

    try:
        return act()
    except BaseError as error:
        raise OSError(f"the results' store does not answer: {error}") from error
