"""A picture's work on the CPU: scene, conditioning maps, the judge, PNG."""

from worker.picture_work.maps import Maps, condition
from worker.picture_work.work import PictureWork, make_work
from worker.picture_work.workplace import Threads, Workplace

__all__ = ["Maps", "PictureWork", "Threads", "Workplace", "condition", "make_work"]
