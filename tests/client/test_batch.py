"""Many requests by one client."""

import json
from typing import Any

import pytest

from tests.client.scripted import JOB, POST, accepted, refused, view
from writing_client import (
    WritingClient,
    WritingError,
)


class TestBatch:
    def test_a_refused_request_does_not_stop_the_others(self, scripted: Any) -> None:
        server = scripted(submit=[accepted(), refused(422, "invalid_word"), accepted()], view=[view("succeeded")])
        with WritingClient(server.url) as client:
            outcomes = {outcome.index: outcome for outcome in client.batch([{"word": word} for word in "山水火"])}
        assert [outcomes[index].error and outcomes[index].error.code for index in range(3)] == [
            None,
            "invalid_word",
            None,
        ]
        assert [json.loads(body)["priority"] for call, _, body in server.seen if call.startswith("POST")] == [
            "bulk"
        ] * 3

    def test_no_more_jobs_are_in_flight_than_asked_for(self, scripted: Any) -> None:
        server = scripted(submit=[accepted()], view=[view("running"), view("running"), view("succeeded")])
        with WritingClient(server.url) as client:
            assert len(list(client.batch([{"word": word} for word in "山水火"], concurrency=2))) == 3
        calls = [call.split()[0] for call, _, _ in server.seen]
        assert calls[:3] == ["POST", "POST", "GET"]

    def test_closing_a_batch_cancels_what_is_in_flight(self, scripted: Any) -> None:
        server = scripted(submit=[accepted()], view=[view("succeeded"), view("running")], cancel=[view("cancelled")])
        with WritingClient(server.url) as client:
            batch = client.batch([{"word": word} for word in "山水火"], concurrency=2)
            next(batch)
            batch.close()
        assert len(server.headers_of(f"DELETE {JOB}")) == 1

    def test_a_wrong_key_ends_the_batch(self, scripted: Any) -> None:
        server = scripted(submit=[refused(401, "unauthorized")])
        with WritingClient(server.url) as client, pytest.raises(WritingError) as caught:
            list(client.batch([{"word": "山"}, {"word": "水"}]))
        assert caught.value.code == "unauthorized"
        assert len(server.seen) == 1

    def test_a_service_without_room_is_asked_again_and_meanwhile_results_arrive(self, scripted: Any) -> None:
        """Even where it asks for a longer wait than `retry_s`. All tries of a request have the same key."""
        full = refused(429, "rate_limited", **{"Retry-After": "1"})
        server = scripted(submit=[accepted(), full, full, accepted()], view=[view("succeeded")])
        with WritingClient(server.url, retry_s=0) as client:
            outcomes = list(client.batch([{"word": "山"}, {"word": "水"}]))
        assert [(outcome.index, outcome.error) for outcome in outcomes] == [(0, None), (1, None)]
        assert [call.split()[0] for call, _, _ in server.seen] == ["POST", "POST", "GET", "POST", "POST", "GET"]
        keys = [headers["Idempotency-Key"] for headers in server.headers_of(f"POST {POST}")]
        assert (keys[0] != keys[1], len(set(keys[1:]))) == (True, 1)
