"""Signed integers as zig-zag varints: seven bits per byte, so that small numbers are short."""


def varint(value: int) -> bytes:
    """Return an encoded integer."""
    zigzag = value << 1 if value >= 0 else (-value << 1) - 1
    encoded = bytearray()
    while zigzag >= 0x80:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


def read_varint(payload: bytes, position: int) -> tuple[int, int]:
    """Return the integer that starts at a position, and the position after it."""
    value = shift = 0
    while True:
        byte = payload[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return (value >> 1) ^ -(value & 1), position
