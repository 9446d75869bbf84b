"""Arguments that would silently do something else than the caller means."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from pydantic import BaseModel

from writing_client.errors import WrongInput

# Python can iterate over them: by letter, by key, by field.
SINGLE = (str, bytes, Mapping, BaseModel)


def check_at_least(least: float, name: str, value: float) -> None:
    """Check a number.

    Raises:
        WrongInput: it is too small, or no number.
    """
    try:
        is_enough = value >= least  # NaN is not
    except TypeError:
        is_enough = False
    if not is_enough:
        raise WrongInput(f"{name} is {value!r}; give a number of at least {least}")


def path_segment(name: str, value: str) -> str:
    """Return an id as part of a URL's path, so that it can lead to no other call.

    Raises:
        WrongInput: it is no text, is empty, or would lead to the folder above.
    """
    check_type(str, name, value)
    if value in {"", ".", ".."}:
        raise WrongInput(f"{name} is {value!r}; give the id that the service has returned")
    return quote(value, safe="")


def check_type(kind: type, name: str, value: object) -> None:
    """Check a value's type.

    Raises:
        WrongInput: it has another.
    """
    if not isinstance(value, kind):
        raise WrongInput(f"{name} is a {type(value).__name__}; give {kind.__name__}")


def check_list(name: str, value: Iterable[object]) -> None:
    """Check that an argument is a list, and not one of its items.

    Raises:
        WrongInput: it is a single item.
    """
    if isinstance(value, SINGLE):
        raise WrongInput(f"{name} is a single {type(value).__name__}; give a list, even of one")
