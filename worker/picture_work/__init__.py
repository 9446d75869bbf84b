"""A picture's CPU work: scene, conditioning maps, judge and PNG; in threads or in processes."""

from worker.picture_work.choice import choose_workplace
from worker.picture_work.maps import Maps, condition
from worker.picture_work.processes import Processes
from worker.picture_work.work import PictureWork, make_work
from worker.picture_work.workplace import Threads, Workplace

__all__ = ["Maps", "PictureWork", "Processes", "Threads", "Workplace", "choose_workplace", "condition", "make_work"]
