"""A ZIP archive that can be read while it is made, so that one file of it is in memory at a time."""

import io
import zipfile


class ZipStream:
    """Packs files; each call returns the bytes that have come since the last one."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(self._sink, "w")

    def add(self, name: str, content: bytes, *, is_compressed: bool = False) -> bytes:
        """Pack a file; pictures are compressed already."""
        self._archive.writestr(name, content, zipfile.ZIP_DEFLATED if is_compressed else zipfile.ZIP_STORED)
        return self._sink.taken()

    def close(self) -> bytes:
        """Write the table of contents."""
        self._archive.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """A file that cannot be sought, and is emptied again and again."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # narrower than a buffer
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        written = bytes(self._written)
        self._written.clear()
        return written
