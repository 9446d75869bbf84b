"""Server-sent events, parsed from a stream of bytes as the HTML standard specifies."""

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\n|\r")
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        name: its type; "message" if the stream does not name one.
        data: its text.
        last_id: the id of this event, or else of the last one before it that had one; "" if none had. Send it as
            Last-Event-ID to resume after this event.
    """

    name: str
    data: str
    last_id: str


def read_events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Yield the events of a stream, each as soon as its last byte has arrived. An unfinished last event is dropped."""
    name, last_id = "", ""
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data:
                yield Event(name or "message", "\n".join(data), last_id)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the complete lines of a stream, each as soon as its end has arrived."""
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    rest: list[str] = []  # of a line whose end has not arrived
    is_first, after_return = True, False
    for chunk in chunks:
        text = decode(chunk)
        if not text:
            continue
        if is_first:
            text, is_first = text.removeprefix(BYTE_ORDER_MARK), False
        if after_return:  # a line that ended with "\r" was not held back for the "\n" that may belong to it
            text = text.removeprefix("\n")
        after_return = text.endswith("\r") if text else False
        *ends, start = LINE_END.split(text)
        if ends:
            yield "".join(rest) + ends[0]
            yield from ends[1:]
            rest = []
        rest.append(start)
