"""A process with picture processes, one of them busy, for tests that end it: ``python -m tests.picture_host``."""

import asyncio

from shared.settings import load_settings
from tests.picture_deeds import sleep
from worker.conditioning import make_conditionings
from worker.picture_work import ProcessExecutor, ThreadExecutor, make_work
from worker.progress import NullProgress


async def main() -> None:
    settings = load_settings({})
    place = ProcessExecutor(2, settings, ThreadExecutor(make_work(settings, make_conditionings(settings.conditioning))))
    place.start()
    nobody = NullProgress()
    pids = await asyncio.gather(place.do(nobody, sleep, 0.5), place.do(nobody, sleep, 0.5))
    print(*pids, flush=True)
    await place.do(nobody, sleep, 600)


if __name__ == "__main__":
    asyncio.run(main())
