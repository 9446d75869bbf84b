"""A list of words in a file."""

from pathlib import Path

from client.errors import WrongInput
from shared.errors import UnreadableList
from shared.lists.word_list import WordList, read_list

LARGEST = 20_000_000  # bytes; a list of ten thousand words has less than one million


def read_list_file(path: Path, *, encoding: str | None = None, columns: str | None = None) -> WordList:
    """Read the list in a file; see `read_list`.

    Raises:
        WrongInput: the file cannot be read or is no text, or nobody can tell what its columns hold.
    """
    try:
        return read_list(_bytes(path), encoding=encoding, columns=columns)
    except UnreadableList as error:
        raise WrongInput(f"{path}: {error.detail}") from error


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise WrongInput(f"{path} is a folder; give a CSV file")
        if path.stat().st_size > LARGEST:
            raise WrongInput(f"{path} has more than {LARGEST // 1_000_000} MB: no list of words")
        return path.read_bytes()
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a name that no file can have
        raise WrongInput(f"{path}: {error}") from error
