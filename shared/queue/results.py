"""Finished results: a small document, and each picture once, as PNG, under a separate key.

The document is Celery's record of a task (``celery-task-meta-<id>``); it lists the pictures but does not contain them.
Readers can fetch the document alone, or a single picture. Celery's `AsyncResult` gets everything through
`ResultBackend`.
"""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, cast

import redis
from celery import states
from celery.backends.redis import RedisBackend

from shared.queue.keys import Key
from shared.queue.metrics import JobMetrics
from shared.queue.object_store import IN_REDIS, ObjectStore, StoreUnavailable, open_store
from shared.schemas import AIGenerationResult

# The parts of a result that are pictures.
PICTURES: Any = {
    "generated_image_base64": True,
    "conditioning_images_base64": True,
    "variations": {"__all__": {"generated_image_base64"}},
}
# The names of pictures in an object store, as `_object_name` makes them.
OBJECT_NAMES = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9a-f]{32}/\d+\.png")


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """A picture as listed in its document; the first one is the result.

    Attributes:
        control_type, method: set for a conditioning image; otherwise "".
        size: size in bytes.
        digest: a digest of the picture.
        variation: its number among several pictures of one job; None for a single picture or a conditioning image.
    """

    control_type: str
    method: str
    size: int
    digest: str
    variation: int | None = None


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result's document.

    Attributes:
        job_id: the job.
        token: the token of the lease that published it; part of its pictures' names.
        body: the result without its pictures.
        pictures: the list of its pictures.
        etag: changes whenever the result changes.
    """

    job_id: str
    token: str
    body: dict[str, Any]
    pictures: tuple[PictureInfo, ...]
    etag: str

    def find(self, control_type: str = "", method: str = "") -> int | None:
        """Return the number of a conditioning image; without arguments, of the main picture. None if there is none."""
        names = [(picture.control_type, picture.method) for picture in self.pictures]
        return names.index((control_type, method)) if (control_type, method) in names else None

    def find_variation(self, variation: int) -> int | None:
        """Return the number of a variation's picture; None if it does not exist."""
        numbers = [picture.variation for picture in self.pictures]
        return numbers.index(variation) if variation in numbers else None


@dataclass(frozen=True, slots=True)
class NewResult:
    """A result in its stored form: Celery's document, and the pictures in the document's order.

    The last `maps` pictures are conditioning images.
    """

    document: bytes
    pictures: tuple[bytes, ...]
    maps: int = 0


def pack(job_id: str, token: str, result: AIGenerationResult) -> NewResult:
    """Split a result into its document and its pictures, each once; the first picture is the chosen variation."""
    kept = next((number for number, variation in enumerate(result.variations) if variation.kept), None)
    named: list[tuple[str, str, int | None, str]] = [("", "", kept, result.generated_image_base64)]
    named += [
        ("", "", number, variation.generated_image_base64)
        for number, variation in enumerate(result.variations)
        if number != kept
    ]
    maps = [
        (control_type, method, None, encoded)
        for control_type, methods in result.conditioning_images_base64.items()
        for method, encoded in methods.items()
    ]
    named += maps
    pictures = tuple(base64.b64decode(encoded) for *_, encoded in named)
    infos = [
        PictureInfo(control_type, method, len(png), hashlib.blake2b(png, digest_size=16).hexdigest(), variation)
        for (control_type, method, variation, _), png in zip(named, pictures, strict=True)
    ]
    document = {
        "status": states.SUCCESS,
        "result": result.model_dump(mode="json", exclude=PICTURES),
        "traceback": None,
        "children": [],
        "date_done": datetime.now(UTC).isoformat(),
        "task_id": job_id,
        "token": token,
        "pictures": [_listed(info) for info in infos],
    }
    return NewResult(json.dumps(document, ensure_ascii=False).encode(), pictures, len(maps))


class Results:
    """Reads results, and writes pictures to the object store if there is one.

    Every method raises `redis.RedisError` when Redis does not answer, and `StoreUnavailable` when the store does not or
    lacks a picture that was written.
    """

    def __init__(self, client: redis.Redis, objects: ObjectStore | None) -> None:
        """Read from Redis and the object store.

        Args:
            client: a client whose replies are bytes.
            objects: where the pictures are stored; None for Redis.
        """
        self._redis = client
        self._objects = objects

    def get(self, job_id: str) -> StoredResult | None:
        """Return a result's document; None if it is not stored."""
        document = cast("bytes | None", self._redis.get(Key.DOCUMENT + job_id))
        return None if document is None else _parse(document)

    def get_many(self, jobs: Sequence[str]) -> list[StoredResult | None]:
        """Return the documents of several results, as `get` does."""
        documents = cast("list[bytes | None]", self._redis.mget([Key.DOCUMENT + job_id for job_id in jobs]))
        return [None if document is None else _parse(document) for document in documents]

    def kept(self, jobs: Sequence[str]) -> frozenset[str]:
        """Return those of the jobs whose results are stored."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for job_id in jobs:
                pipeline.exists(Key.DOCUMENT + job_id)
            found = cast("list[int]", pipeline.execute())
        return frozenset(job_id for job_id, is_kept in zip(jobs, found, strict=True) if is_kept)

    def picture(self, stored: StoredResult, number: int) -> bytes | None:
        """Return one picture as PNG; None if it is no longer stored."""
        name = _object_name(stored.job_id, stored.token, number)
        png = None if self._objects is None else self._objects.get(name)
        if png is None:  # it is in Redis if there is no store, or was none when it was drawn
            png = cast("bytes | None", self._redis.get(f"{Key.PICTURE}{stored.job_id}:{stored.token}:{number}"))
        if png is None and self._objects is not None:
            # It has not expired, since its document is there.
            raise StoreUnavailable(f"the store has no {name}; is results.store the same for the API and every worker?")
        return png

    def whole(self, stored: StoredResult) -> dict[str, Any] | None:
        """Return a result with all its pictures in base64; None if one of them is no longer stored."""
        encoded: list[str] = []
        for number in range(len(stored.pictures)):
            png = self.picture(stored, number)
            if png is None:
                return None
            encoded.append(base64.b64encode(png).decode())
        return _whole(stored, encoded)

    def store_elsewhere(self, job_id: str, token: str, new: NewResult) -> tuple[bytes, ...]:
        """Write the pictures to the object store, if there is one; return those to store in Redis."""
        if self._objects is None:
            return new.pictures
        for number, png in enumerate(new.pictures):
            self._objects.put(_object_name(job_id, token, number), png)
        return ()

    def forget(self, job_id: str, token: str, new: NewResult) -> None:
        """Delete the objects written for a lost lease."""
        if self._objects is not None:
            self._objects.delete([_object_name(job_id, token, number) for number in range(len(new.pictures))])


class ResultBackend(RedisBackend):  # type: ignore[misc]  # celery is untyped
    """Celery's Redis backend, with each result's pictures in separate keys or in an object store."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        address = self.app.conf.get("writing_results_store", IN_REDIS)
        self._objects = open_store(address, note=lambda *call: JobMetrics(self.client).note_store_call(*call))

    @property
    def results(self) -> Results:
        """A reader for single parts of results."""
        return Results(self.client, self._objects)

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Do nothing when a message is sent.

        Celery would subscribe to the result, which this service never uses, and would retry for half a minute if Redis
        does not answer.
        """

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        meta = cast("dict[str, Any]", super()._get_task_meta_for(task_id))
        if "pictures" not in meta:
            return meta
        whole = self.results.whole(_stored(meta, etag=""))
        return {"status": states.PENDING, "result": None} if whole is None else {**meta, "result": whole}


def _listed(info: PictureInfo) -> dict[str, Any]:
    """Return a picture's entry in a document, without empty fields, because older APIs do not know all of them."""
    return {name: value for name, value in asdict(info).items() if value is not None}


def _whole(stored: StoredResult, encoded: Sequence[str]) -> dict[str, Any]:
    """Return a result with its pictures, which are given in base64 in the document's order."""
    maps: dict[str, dict[str, str]] = {}
    variations: dict[int, str] = {}
    for info, image in zip(stored.pictures, encoded, strict=True):
        if info.control_type:
            maps.setdefault(info.control_type, {})[info.method] = image
        elif info.variation is not None:
            variations[info.variation] = image
    whole = {**stored.body, "generated_image_base64": encoded[0], "conditioning_images_base64": maps}
    if variations:
        whole["variations"] = [
            {**about, "generated_image_base64": variations[number]}
            for number, about in enumerate(stored.body["variations"])
        ]
    return whole


def _parse(document: bytes) -> StoredResult | None:
    meta = json.loads(document)
    return _stored(meta, hashlib.blake2b(document, digest_size=16).hexdigest()) if "pictures" in meta else None


def _stored(meta: dict[str, Any], etag: str) -> StoredResult:
    pictures = tuple(PictureInfo(**info) for info in meta["pictures"])
    return StoredResult(meta["task_id"], meta["token"], meta["result"], pictures, etag)


def _object_name(job_id: str, token: str, number: int) -> str:
    return f"{job_id}/{token}/{number}.png"
