"""The command ``writing``: what it refuses before anything is drawn, and its exit codes."""

import io
import json
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.client.scripted import (
    DECKS,
    END,
    JOB,
    POST,
    STATUS,
    Answer,
    Scripted,
    accepted,
    deck_accepted,
    deck_view,
    refused,
    view,
    word_view,
)
from tests.helpers import eventually
from writing_client.cli import DONE, SOME_FAILED, USAGE, main
from writing_client.deck import MAX_CARDS
from writing_client.word_list import LARGEST

LIST = {"read_as": "read as UTF-8", "words": [{"line": 1, "word": "山"}], "refused": [], "notes": []}


def archive() -> bytes:
    """Return an Anki package without its pictures, as the service makes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as files:
        for name, text in (("media", "{}"), ("collection.anki2", ""), ("index.html", "")):
            files.writestr(name, text)
    return content.getvalue()


@pytest.fixture
def service(scripted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """A service that draws everything at once, and a folder for the files."""
    server: Scripted = scripted(submit=[accepted()], events=[Answer(200, END)], view=[view("succeeded")])
    server.script |= {
        "GET /api/writing/status": [Answer(200, STATUS)],
        "POST /api/writing/word-lists": [Answer(200, LIST)],
        f"POST {DECKS}": [deck_accepted()],
        f"GET {DECKS}/d": [deck_view(word_view(0, "山", meaning="mountain"))],
        "POST /api/writing/anki-packages": [Answer(200, archive())],
    }
    monkeypatch.setenv("WRITING_URL", server.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.csv").write_text("山\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    return server


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["generate", "山", "-o", "folder"], USAGE, "is a directory"),
        (["generate", "山", "--maps", "words.csv"], USAGE, "is a file"),
        (["generate", "山", "-o", "words.csv/mountain.png"], SOME_FAILED, "words.csv"),
        (["generate", "山", "--maps", "words.csv/maps"], SOME_FAILED, "words.csv"),
        (["deck", "words.csv", "-o", "words.csv"], USAGE, "is a file"),
        (["deck", "words.csv"], USAGE, "-o"),
        (["generate", "山", "-o", ""], USAGE, "path is blank"),
        (["generate", "山", "--maps", ""], USAGE, "path is blank"),
        (["generate", "山", "--url", ""], USAGE, "address"),
        (["deck", "words.csv", "-o", ""], USAGE, "path is blank"),
        (["deck", "", "-o", "deck"], USAGE, "path is blank"),
        (["deck", "--hsk", "1", "-o", "deck", "--columns", "word"], USAGE, "not for --hsk"),
        (["deck", "--hsk", "1", "--dry-run", "--encoding", "GB18030"], USAGE, "not for --hsk"),
    ],
)
def test_what_cannot_be_written_or_used_is_known_before_anything_is_sent(
    service: Scripted, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert message in capsys.readouterr().err
    assert service.seen == []


def test_a_picture_goes_to_a_new_folder(service: Scripted) -> None:
    assert main(["generate", "山", "-o", "new/mountain.png"]) == DONE
    assert [path.name for path in Path("new").iterdir()] == ["mountain.png"]


def test_every_option_is_a_field_of_the_request(service: Scripted) -> None:
    options = (
        "--translation chief --reading zhang3 --language zh --translation-language en --style oil --seed 7 "
        "--scene-seed 3 --size 320 --steps 4 --quality fast --imagery owl,books --no-draw-imagery --legibility 0.8 "
        "--variations 2 --maps maps --api-key key"
    )
    assert main(["generate", "长", *options.split()]) == DONE
    (call,) = [call for call in service.seen if call[0] == f"POST {POST}"]
    assert call[1]["Authorization"] == "Bearer key"
    assert json.loads(call[2]) == {
        "word": "长", "translation": "chief", "reading": "zhang3", "language": "zh", "style": "oil", "seed": 7,
        "translation_language": "en",
        "scene_seed": 3, "width": 320, "height": 320, "num_inference_steps": 4, "quality": "fast",
        "imagery": ["owl", "books"], "draw_imagery": False, "legibility": {"target": 0.8}, "variations": 2,
        "include_conditioning": True,
    }  # fmt: skip


def test_without_options_the_service_decides_and_sends_no_maps(service: Scripted) -> None:
    assert main(["generate", "山"]) == DONE
    (sent,) = [json.loads(body) for call, _, body in service.seen if call == f"POST {POST}"]
    assert sent == {"word": "山", "include_conditioning": False}
    assert Path("山.png").is_file()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refused(422, "unknown_style", "style"), USAGE),
        (refused(422, "out_of_range", "num_inference_steps"), USAGE),
        (refused(422, "translation_required", "translation"), SOME_FAILED),
        (refused(422, "unsupported_character", "word"), SOME_FAILED),
        (refused(401, "unauthorized", None), SOME_FAILED),
    ],
)
def test_an_option_that_the_service_refuses_is_a_usage_error(service: Scripted, answer: Answer, code: int) -> None:
    service.script |= {f"POST {POST}": [answer], f"POST {DECKS}": [answer]}
    assert main(["generate", "山"]) == code
    assert main(["deck", "words.csv", "-o", "deck"]) == code


def test_a_file_that_is_too_large_for_a_list_is_not_sent(service: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("film.mp4").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert main(["deck", "film.mp4", "--dry-run"]) == USAGE
    assert "larger than 20 MB" in capsys.readouterr().err
    assert service.seen == []


def test_a_dry_run_needs_no_folder(service: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deck", "words.csv", "--dry-run"]) == DONE
    assert "1 words to draw" in capsys.readouterr().out


def test_the_service_is_told_how_to_read_a_list(service: Scripted) -> None:
    asked = "POST /api/writing/word-lists?encoding=GB18030&columns=-%2Cword"
    service.script[asked] = service.script.pop("POST /api/writing/word-lists")
    assert main(["deck", "words.csv", "--dry-run", "--encoding", "GB18030", "--columns", "-,word"]) == DONE
    assert len(service.headers_of(asked)) == 1


@pytest.mark.parametrize("answer", [refused(422, "unreadable_list", "columns"), refused(413, "body_too_large", None)])
def test_a_list_that_the_service_cannot_read_is_named(
    service: Scripted, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    service.script["POST /api/writing/word-lists"] = [answer]
    assert main(["deck", "words.csv", "-o", "deck"]) == USAGE
    assert "words.csv: why" in capsys.readouterr().err


def test_a_word_that_failed_is_named_and_no_package_is_made_of_nothing(
    service: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"code": "generation_failed", "title": "T.", "detail": "why", "field": None}
    service.script |= {
        "POST /api/writing/word-lists": [Answer(200, LIST | {"words": [{"line": 2, "word": "山"}]})],
        f"GET {DECKS}/d": [deck_view(word_view(0, "山", "failed", error=error))],
    }
    assert main(["deck", "words.csv", "-o", "deck"]) == SOME_FAILED
    assert "words.csv, line 2: 山: why (generation_failed)" in capsys.readouterr().err
    assert service.headers_of("POST /api/writing/anki-packages") == []


@pytest.mark.parametrize("arguments", [[], ["--name", " cafe\u0301"]])
def test_a_deck_is_named_in_normal_form(service: Scripted, arguments: list[str]) -> None:
    """A file's name from macOS is decomposed, and would be another deck in Anki."""
    Path("words.csv").rename("cafe\u0301.csv")
    assert main(["deck", "cafe\u0301.csv", "-o", "deck", *arguments]) == DONE
    sent = [
        json.loads(body) for call, _, body in service.seen if call.startswith("POST /api/writing/") and "name" in body
    ]
    assert [document["name"] for document in sent] == ["café", "café"]
    assert Path("deck/café.apkg").is_file()


def test_a_folder_that_cannot_be_written_to_any_more_keeps_its_pictures(
    service: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk looks the same; here, something else has the name of the second picture."""
    words = {**LIST, "words": [{"line": 1, "word": "山"}, {"line": 2, "word": "水"}]}
    service.script |= {
        "POST /api/writing/word-lists": [Answer(200, words)],
        f"GET {DECKS}/d": [deck_view(word_view(0, "山"), word_view(1, "水"))],
        f"DELETE {DECKS}/d": [deck_view()],
    }
    Path("deck/pictures/2-水.png").mkdir(parents=True)
    assert main(["deck", "words.csv", "-o", "deck"]) == SOME_FAILED
    assert "1 pictures are kept; run the same command again to resume" in capsys.readouterr().err
    assert len(service.headers_of(f"DELETE {DECKS}/d")) == 1, "the others are not drawn for nothing"


@pytest.mark.parametrize("call", ["POST /api/writing/word-lists", "POST /api/writing/anki-packages"])
def test_the_command_waits_where_the_rate_limit_is_reached(
    service: Scripted, call: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deck may take the whole limit, and the files that are made of it count as well."""
    slept: list[float] = []
    monkeypatch.setattr("writing_client.patience.time.sleep", slept.append)
    service.script[call] = [refused(429, "rate_limited", **{"Retry-After": "3000"}), *service.script[call]]
    assert main(["deck", "words.csv", "-o", "deck"]) == DONE
    assert 3000 in slept
    assert "rate_limited: why; waiting 3000 s" in capsys.readouterr().err
    assert len(list(Path("deck").glob("*.apkg"))) == 1


@pytest.mark.parametrize("arguments", [[f"{'n' * 252}.png"], [f"{'n' * 251}.png", "--variations", "2"]])
def test_a_picture_whose_name_is_too_long_is_refused_before_it_is_drawn(
    service: Scripted, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["generate", "山", "-o", *arguments]) == SOME_FAILED
    assert "name too long" in capsys.readouterr().err
    assert service.headers_of(POST) == []


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_ended_by_a_signal_cancels_its_job(service: Scripted, sent: signal.Signals) -> None:
    service.script |= {f"GET {JOB}/events": [refused(404, "not_found")], f"GET {JOB}": [view("running")]}
    service.script[f"DELETE {JOB}"] = [view("cancelled")]
    before = signal.signal(sent, signal.SIG_DFL)  # the tests may run in a shell's background, where it is ignored
    process = subprocess.Popen([sys.executable, "-m", "writing_client", "generate", "山"], stderr=subprocess.PIPE)
    signal.signal(sent, before)
    eventually(lambda: service.headers_of(f"GET {JOB}"))
    process.send_signal(sent)
    _, told = process.communicate(timeout=60)
    assert (process.returncode, b"stopped" in told) == (130, True)
    assert len(service.headers_of(f"DELETE {JOB}")) == 1


def test_a_long_name_makes_a_file_name(service: Scripted) -> None:
    assert main(["deck", "words.csv", "-o", "deck", "--name", "汉" * 85]) == DONE
    assert len(list(Path("deck").glob("汉*.apkg"))) == 1


@pytest.mark.parametrize(
    ("word", "count", "says"),
    [
        ("山", MAX_CARDS + 1, "3001 words; split the list"),
        ("一二三四", MAX_CARDS, "12000 East Asian characters; split the list"),
    ],
)
def test_a_list_that_fits_in_no_package_is_refused_before_anything_is_drawn(
    service: Scripted, word: str, count: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [{"line": line, "word": word} for line in range(1, count + 1)]
    service.script["POST /api/writing/word-lists"] = 2 * [Answer(200, LIST | {"words": words})]
    for arguments in (["-o", "deck"], ["--dry-run"]):
        assert main(["deck", "words.csv", *arguments]) == USAGE
        assert says in capsys.readouterr().err
    assert service.headers_of(f"POST {DECKS}") == []
