"""The files of a deck."""

from typing import Any

import pytest

from writing_client import WritingClient, WrongInput


def test_a_file_that_no_deck_has_is_refused_before_anything_is_sent(scripted: Any) -> None:
    server = scripted()
    with WritingClient(server.url) as client, pytest.raises(WrongInput, match="zip, apkg"):
        client.deck("d").download("pdf")
    assert server.seen == []
