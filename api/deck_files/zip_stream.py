"""A ZIP archive that is streamed while it is written, so that only one of its files is in memory at a time."""

import io
import zipfile


class ZipStream:
    """A ZIP archive under construction. Each call returns the bytes written since the previous call."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._archive = zipfile.ZipFile(self._sink, "w")

    def add(self, name: str, content: bytes, *, is_compressed: bool = False) -> bytes:
        """Add a file. Pictures are compressed already, so the default is to store them."""
        self._archive.writestr(name, content, zipfile.ZIP_DEFLATED if is_compressed else zipfile.ZIP_STORED)
        return self._sink.taken()

    def close(self) -> bytes:
        """Write the central directory."""
        self._archive.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """An unseekable output file whose content is taken away repeatedly."""

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
