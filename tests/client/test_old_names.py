"""Names of the client that have changed still work, with a warning."""

import importlib
import warnings
from types import ModuleType

import pytest

import writing_client


def test_the_old_name_of_an_outcome_is_the_new_class_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="RequestOutcome") as caught:
        from writing_client import Outcome  # noqa: PLC0415

    assert Outcome is writing_client.RequestOutcome
    assert {warning.filename for warning in caught} == {__file__}, "the warning points at the caller"


def test_importing_the_package_and_all_its_names_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client: ModuleType = importlib.reload(writing_client)
        assert all(hasattr(client, name) for name in client.__all__)
    assert "Outcome" not in client.__all__


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = writing_client.Nothing
