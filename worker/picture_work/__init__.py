"""A picture's CPU work: scene, conditioning maps, judge and PNG; in threads or in processes."""

from worker.picture_work.choice import choose_executor
from worker.picture_work.executor import Executor, ThreadExecutor
from worker.picture_work.maps import Maps, condition
from worker.picture_work.process_executor import ProcessExecutor
from worker.picture_work.work import PictureWork, make_work

__all__ = [
    "Executor",
    "Maps",
    "PictureWork",
    "ProcessExecutor",
    "ThreadExecutor",
    "choose_executor",
    "condition",
    "make_work",
]
