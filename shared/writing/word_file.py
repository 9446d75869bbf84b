"""Text files of words, which come with the code."""

from pathlib import Path

from shared.errors import SettingsError


def read_words(path: Path, kind: str) -> list[str]:
    """Return the words of a file.

    Args:
        path: the file, in UTF-8; white space divides its words, and its last line ends like the others.
        kind: what to call it in errors.

    Raises:
        SettingsError: the file is missing, damaged, cut off or empty; names it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"{kind} not found: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{kind} cannot be read: {path}: {error}") from error
    if not text.strip():
        raise SettingsError(f"{kind} is empty: {path}")
    if not text.endswith("\n"):
        raise SettingsError(f"{kind} is cut off: {path}")
    return text.split()
