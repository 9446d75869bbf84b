"""The file of a word list, which the service interprets."""

from pathlib import Path

from writing_client.errors import WrongInput

LARGEST = 20_000_000  # bytes; a list of ten thousand words has less than one million


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        WrongInput: the file cannot be read, or is too large for a list of words.
    """
    try:
        if path.is_dir():
            raise WrongInput(f"{path} is a folder; give a CSV file")
        if path.stat().st_size > LARGEST:
            raise WrongInput(f"{path} is larger than {LARGEST // 1_000_000} MB, so it is not a list of words")
        return path.read_bytes()
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror}") from error
    except ValueError as error:  # not a valid file name
        raise WrongInput(f"{path}: {error}") from error
