"""What a check of the machine found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        level: ok; warn: it works, but not fully or not well; fail: it does not work.
        subject: what was checked.
        text: what was found.
        advice: what to do; "" if nothing needs to be done.
    """

    level: Level
    subject: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" → {self.advice}" if self.advice else ""
        return f"{self.level:<4}  {self.subject:<31}  {self.text}{advice}"
