"""How the client reaches a service: its address, the API key, and answers that are not the service's."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.doctor import check_api
from cli.finding import Level
from local.stack import free_port
from tests.client.scripted import POST, STATUS, Answer, accepted, view
from writing_client import UnexpectedAnswer, Unreachable, WaitTimedOut, WritingClient, WrongInput
from writing_client.cli import USAGE, main
from writing_client.session import without_password

HTML = Answer(200, "<html>sign in", {"Content-Type": "text/html"})


class TestKey:
    def test_whitespace_around_a_key_is_not_sent(self, scripted: Any) -> None:
        """A key that is read from a file ends with a newline."""
        server = scripted(submit=[accepted()])
        with WritingClient(server.url, " secret\n") as client:
            client.submit("山")
        assert server.headers_of(f"POST {POST}")[0]["Authorization"] == "Bearer secret"

    @pytest.mark.parametrize("key", ["secret\nkey", "secret…", "secret\x00"])
    def test_a_key_that_cannot_be_sent_is_refused_and_stays_secret(
        self, key: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(WrongInput, match="API key contains") as caught:
            WritingClient(api_key=key)
        assert "secret" not in str(caught.value)
        assert main(["generate", "山", "--api-key", key]) == USAGE
        assert "secret" not in capsys.readouterr().err

    def test_a_login_in_netrc_does_not_replace_the_key(
        self, scripted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login bob password hunter2\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        server = scripted(submit=[accepted()])
        with WritingClient(server.url, "secret") as client:
            client.submit("山")
        assert server.headers_of(f"POST {POST}")[0]["Authorization"] == "Bearer secret"


class TestRetries:
    def test_each_pause_is_twice_the_one_before_up_to_a_limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []
        monkeypatch.setattr("writing_client.connection.time.sleep", pauses.append)
        monkeypatch.setattr("writing_client.connection.time.monotonic", lambda: sum(pauses))
        with WritingClient(f"http://127.0.0.1:{free_port()}", retry_s=40) as client, pytest.raises(Unreachable):
            client.status()
        assert pauses == [0.25, 0.5, 1, 2, 4, 8, 8, 8, 8]


class TestSilence:
    """A service that accepts connections and never answers, as one whose process is stopped."""

    @pytest.fixture
    def url(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield f"http://127.0.0.1:{silent.getsockname()[1]}"

    def test_a_call_ends(self, url: str) -> None:
        with WritingClient(url, timeout_s=0.1, retry_s=0) as client, pytest.raises(Unreachable, match="timed out"):
            client.status()

    def test_a_wait_ends(self, url: str) -> None:
        with WritingClient(url) as client, pytest.raises(WaitTimedOut):
            client.job("j").wait(timeout_s=0.1)


class TestAddress:
    @pytest.mark.parametrize(
        "url",
        ["nowhere", "ftp://host", "http://", "http://[::1", "http://host:99999", f"http://{'a' * 70}", "http://a b",
         "http://学:hunter2@127.0.0.1:1", "bob:hunter2@127.0.0.1:1", "http://bob:hunter2/@127.0.0.1:1"],
    )  # fmt: skip
    def test_what_is_no_address_is_said_at_once(self, url: str) -> None:
        with WritingClient(url) as client, pytest.raises(WrongInput) as caught:
            client.status()
        assert "hunter2" not in str(caught.value)
        with WritingClient(url) as client, pytest.raises(WrongInput):
            client.job("j").wait()

    def test_a_redirect_is_named_and_not_followed(self, scripted: Any) -> None:
        """Following it would turn the POST into a GET."""
        target = scripted(submit=[accepted()])
        moved = Answer(301, "", {"Location": target.url + POST})
        server = scripted(submit=[moved], events=[moved])
        with WritingClient(server.url, "secret") as client:
            with pytest.raises(WrongInput, match=f"redirects to {target.url};"):
                client.submit("山")
            with pytest.raises(WrongInput, match="redirects"):
                client.job("j").wait()
        assert target.seen == []

    def test_a_password_is_never_shown(self, scripted: Any) -> None:
        server = scripted(submit=[Answer(404, "no")], view=[HTML])
        with_password = server.url.replace("//", "//bob:hunter2@")
        with WritingClient(with_password, retry_s=0) as client:
            for call in (lambda: client.submit("山"), lambda: client.job("j").view()):
                with pytest.raises(UnexpectedAnswer, match=server.url) as caught:
                    call()
                assert "hunter2" not in str(caught.value)
        server.script["GET /api/writing/status"] = [Answer(200, STATUS)]
        with WritingClient(with_password) as client:
            finding = next(check_api(client))
        assert (finding.level, "hunter2" in finding.text) == (Level.OK, False)
        nobody = f"http://bob:hunter2@127.0.0.1:{free_port()}"
        with WritingClient(nobody, retry_s=0) as client, pytest.raises(Unreachable) as silent:
            client.status()
        assert "hunter2" not in str(silent.value)

    @pytest.mark.parametrize(
        "proxy", ["http://ann:hunter2/x@proxy", "http://ann:hunter2@[proxy", "ftp://ann:hunter2@proxy"]
    )
    def test_no_part_of_a_proxys_password_is_shown(self, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", proxy)
        with WritingClient("http://writing.invalid", retry_s=0) as client, pytest.raises(Unreachable) as caught:
            client.status()
        assert "from http_proxy" in str(caught.value)
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize(
        ("url", "shown"),
        [("http://host:1/a", "http://host:1/a"), ("http://bob:pw@host/a?key=pw#pw", "http://host/a"),
         ("http://bob:p/w@host", "http://host"), ("redis://:p@w?#@[::1]:1/0", "redis://[::1]:1/0"),
         ("unix:///tmp/x?password=pw", "unix:///tmp/x"), ("bob:pw@host", "host")],
    )  # fmt: skip
    def test_what_is_shown_of_an_address(self, url: str, shown: str) -> None:
        assert without_password(url) == shown


class TestAnswers:
    @pytest.mark.parametrize("status", [502, 504])
    def test_a_proxy_whose_service_restarts_is_asked_again_with_the_same_key(self, scripted: Any, status: int) -> None:
        server = scripted(submit=[Answer(status, "<html>"), accepted()])
        with WritingClient(server.url) as client:
            assert client.submit("山").id == "j"
        keys = [headers["Idempotency-Key"] for headers in server.headers_of(f"POST {POST}")]
        assert len(keys) == 2
        assert len(set(keys)) == 1

    @pytest.mark.parametrize("answer", [HTML, Answer(200, {"hello": 1}), Answer(200, [])])
    def test_what_another_program_answers_is_no_answer_of_the_service(self, scripted: Any, answer: Answer) -> None:
        server = scripted(submit=[answer], view=[answer], cancel=[answer])
        server.script |= {f"GET /api/writing/{name}": [answer] for name in ("status", "imagery", "decks/d")}
        with WritingClient(server.url) as client:
            calls: tuple[Callable[[], object], ...] = (
                lambda: client.submit("山"),
                client.job("j").view,
                client.job("j").cancel,
                client.status,
                client.deck("d").view,
            )
            for call in calls:
                with pytest.raises(UnexpectedAnswer, match=f"{server.url} answered") as caught:
                    call()
                assert caught.value.code == "unexpected_answer"
            (finding,) = check_api(client)
        assert finding.level is Level.FAIL

    def test_a_page_is_no_picture_and_no_package(self, scripted: Any) -> None:
        links = {"success": True, "image_url": "/image", "conditioning_urls": {}, "prompt_used": "p"}
        server = scripted(view=[view("succeeded", result=links | {"generation_metadata": {}})])
        server.script |= {"GET /image": [HTML], "GET /api/writing/decks/d.apkg": [HTML]}
        with WritingClient(server.url) as client:
            with pytest.raises(UnexpectedAnswer):
                client.job("j").view()
            with pytest.raises(UnexpectedAnswer):
                client.deck("d").download("apkg")
            server.script["GET /image"] = [Answer(200, "hi", {"Content-Type": "image/png"})]
            result = client.job("j").view().result
        assert result is not None
        assert result.generated_image_base64 == "aGk="

    def test_a_request_that_is_no_json_is_refused_at_once(self, scripted: Any) -> None:
        server = scripted(submit=[accepted()])
        with WritingClient(server.url) as client, pytest.raises(WrongInput, match="JSON"):
            client.submit("山", legibility={"target": float("nan")})
        assert server.seen == []
