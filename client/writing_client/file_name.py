"""File names that are valid on every system.

The service and the client, which is installed alone, have this file each.
"""

import re

# Characters that cause problems on Windows, on macOS or in a shell. A space is allowed there but awkward in links.
# Controls and marks of direction could show another name than a file has.
UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\s\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\\/:*?\"'<>|#%&]+")

# Windows takes these for devices, with any extension.
DEVICE = re.compile(r"(con|conin\$|conout\$|prn|aux|nul|(com|lpt)[0-9¹²³])(\.|$)", re.IGNORECASE)
# File systems take 255 bytes, of which an extension and what makes a name unique need some.
LONGEST = 200


def safe_name(text: str) -> str:
    """Return a text as a file name without extension, or "_" if nothing is left of it. A long text is cut."""
    short = UNSAFE.sub("_", text).encode(errors="ignore")[:LONGEST].decode(errors="ignore")
    name = short.strip("._") or "_"
    return f"_{name}" if DEVICE.match(name) else name
