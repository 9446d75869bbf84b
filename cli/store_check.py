"""The check of the store of pictures: whether it can be used, and is the one that the workers write to."""

from collections.abc import Iterator
from contextlib import suppress
from typing import cast

import redis

from cli.finding import Finding, Level
from shared.errors import SettingsError
from shared.queue.keys import Key
from shared.queue.object_store import ObjectStore, StoreUnavailable, open_store
from shared.queue.results import Results
from shared.redis_client import make_redis
from shared.settings import Settings


def check_store(settings: Settings) -> Iterator[Finding]:
    """Check whether the store of pictures, if there is one besides Redis, can be written and read."""
    address = settings.results.store
    try:
        objects = open_store(address)
        if objects is None:
            return
        objects.try_out()
        _read_newest_picture(settings, objects)
    except SettingsError as error:
        yield Finding(Level.FAIL, "results.store", str(error))
    except StoreUnavailable as error:
        advice = "check the address, its permissions, the AWS_ variables, and whether a shared folder is mounted"
        yield Finding(Level.FAIL, "results.store", f"{address}: {str(error).splitlines()[0]}", advice)
    else:
        yield Finding(Level.OK, "results.store", f"{address} can be written and read")


def _read_newest_picture(settings: Settings, objects: ObjectStore) -> None:
    """Read the newest picture, which shows whether the workers write to the same store.

    Raises:
        StoreUnavailable: it is not in the store.
    """
    with suppress(redis.RedisError), make_redis(settings.redis, decodes=False) as client:
        results = Results(client, objects)
        newest = cast("list[bytes]", client.zrevrange(Key.RESULTS, 0, 0))
        for document in results.get_many([job_id.decode() for job_id in newest]):
            if document is not None:
                results.picture(document, 0)
