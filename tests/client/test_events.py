"""The reader of events."""

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from writing_client.events import Event, read_events

STREAM = (
    '\ufeff: beat\n\nid: 1-0\r\nevent: progress\r\ndata: {"stage": "学习"}\r\n\r\ndata: a\rdata:b\r\rid\ndata\n\n'
    "event: unfinished\ndata: x"
).encode()


EVENTS = [Event("progress", '{"stage": "学习"}', "1-0"), Event("message", "a\nb", "1-0"), Event("message", "", "")]


class TestEvents:
    def test_a_stream_is_read_as_the_standard_says(self) -> None:
        assert list(read_events([STREAM])) == EVENTS

    @given(st.sets(st.integers(0, len(STREAM))))
    def test_however_the_bytes_come_the_events_are_the_same(self, cuts: set[int]) -> None:
        edges = [0, *sorted(cuts), len(STREAM)]
        assert list(read_events(STREAM[a:b] for a, b in pairwise(edges))) == EVENTS

    @given(st.binary(max_size=200))
    def test_no_bytes_make_it_fail(self, content: bytes) -> None:
        whole = list(read_events([content]))
        assert whole == list(read_events(bytes([byte]) for byte in content))

    def test_an_event_is_there_as_soon_as_its_last_byte_is(self) -> None:
        def chunks() -> Iterator[bytes]:
            yield b"data: 1\r\n\r"
            raise AssertionError("asked for more")

        assert next(read_events(chunks())).data == "1"
