"""The command `writing` with the real service."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from local.stack import Stack
from tests.helpers import Api, eventually
from writing_client.cli import DONE, INTERRUPTED, SOME_FAILED, USAGE, main

WORDS = ("山", "水", "火", "月", "日")


@pytest.fixture
def url(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    """The service's URL, which the command reads from its environment."""
    monkeypatch.setenv("WRITING_URL", stack.url)
    return stack.url


def test_generate_writes_the_picture_as_it_was_made(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, maps = tmp_path / "study.png", tmp_path / "maps"
    arguments = ["学习", "--translation", "study", "--style", "comic", "--seed", "7", "--steps", "4", "--size", "320"]
    arguments += ["--imagery", "Graduation cap, owl", "--no-draw-imagery"]
    assert main(["generate", *arguments, "-o", str(out), "--maps", str(maps)]) == DONE
    with Image.open(out) as picture:
        assert picture.size == (320, 320)
        told = json.loads(picture.text["writing-service"])
    assert (told["word"], [motif["name"] for motif in told["imagery"]]) == ("学习", ["graduation-cap", "owl"])
    assert told["draw_imagery"] is False
    assert len(list(maps.iterdir())) == 4
    said = capsys.readouterr()
    for part in (str(out), "seed        7", "with a graduation cap and an owl", "read as"):
        assert part in said.out
    assert "4/4" in said.err, "a progress bar"


@pytest.mark.slow
def test_generate_writes_variations_by_number(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["火", "--seed", "7", "--scene-seed", "3", "--variations", "2", "--steps", "1"]
    assert main(["generate", *arguments, "-o", str(tmp_path / "fire.png")]) == DONE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fire-1.png", "fire-2.png"]
    for number, seed in enumerate((7, 8), start=1):
        with Image.open(tmp_path / f"fire-{number}.png") as picture:
            told = json.loads(picture.text["writing-service"])
        assert (told["seed"], told["scene_seed"]) == (seed, 3)
    said = capsys.readouterr().out
    assert (said.count("picture "), said.count("the most legible")) == (2, 1)


@pytest.mark.parametrize("encoding", ["cp1252", pytest.param("gbk", marks=pytest.mark.slow)])
def test_a_console_that_lacks_characters_changes_no_exit_code(url: str, tmp_path: Path, encoding: str) -> None:
    command = [sys.executable, "-m", "writing_client", "generate", "학교", "--translation", "élève", "--steps", "1"]
    environment = os.environ | {"PYTHONIOENCODING": encoding, "WRITING_URL": url}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert ended.returncode == DONE, ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["학교.png"]
    assert rb"\ud559\uad50.png" in ended.stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a list that contains one word."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.csv").write_text("山\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["generate", "😀"], SOME_FAILED, "unsupported_character"),
        (["generate"], USAGE, "Missing argument 'WORD'"),
        (["generate", "山", "--url", "nowhere"], USAGE, "not the address"),
        (["deck", "no.csv", "-o", "deck"], USAGE, "no.csv"),
        (["deck", "words.csv", "-o", "deck", "--style", "cubist"], USAGE, "cubist"),
        (["deck", "-o", "deck"], USAGE, "or --hsk"),
        (["deck", "words.csv", "--hsk", "1", "-o", "deck"], USAGE, "give either"),
        (["deck", "--hsk", "7", "-o", "deck"], USAGE, "not in the range"),
    ],
)
@pytest.mark.usefixtures("url")
def test_what_cannot_be_done_is_said_by_message_and_exit_code(
    arguments: list[str], code: int, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert message in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["words.csv"], "nothing is left behind"


@pytest.mark.usefixtures("interruptible")
# An interrupt while a socket is being opened leaves the socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_deck_that_is_interrupted_goes_on_without_drawing_anything_twice(
    url: str, api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, folder = tmp_path / "words.csv", tmp_path / "deck"
    words.write_text("\n".join(["word,translation", *WORDS, "😀,smile"]), encoding="utf-8")
    command = ["deck", str(words), "-o", str(folder), "--steps", "3", "--name", "First words"]

    def interrupt_after_two_pictures() -> None:
        while len(list(folder.glob("pictures/*.png"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt_after_two_pictures)
    watcher.start()
    assert main(command) == INTERRUPTED
    watcher.join()
    assert "run the same command again to resume" in capsys.readouterr().err
    eventually(lambda: sum(api.get("/api/writing/status").json()["queue_depth"].values()) == 0)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("pictures/*.png")}
    recorded = json.loads((folder / "deck.json").read_text())["drawings"]
    assert 2 <= len(before) < len(WORDS)
    assert len(before) - len(recorded) <= 1, "only the one that was being written"

    assert main(command) == SOME_FAILED, "because of the smile"
    said = capsys.readouterr()
    assert f"{words}, line 7: 😀" in said.err
    assert f"{len(recorded)} already drawn" in said.out
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("pictures/*.png")}
    kept = {Path(drawing["file"]).name for drawing in recorded.values()}
    assert all(after[name] == before[name] for name in kept), "finished pictures are not drawn again"
    assert len(after) == len(WORDS)
    assert {path.name for path in folder.iterdir()} == {"pictures", "deck.json", "index.html", "First_words.apkg"}


@pytest.mark.slow
def test_a_deck_whose_client_was_killed_is_found_again(url: str, api: Api, tmp_path: Path) -> None:
    """The service continues drawing; the same command picks up the pictures, and nothing is drawn twice."""
    words, folder = tmp_path / "words.csv", tmp_path / "deck"
    words.write_text("\n".join(WORDS), encoding="utf-8")
    command = [sys.executable, "-m", "writing_client", "deck", str(words), "-o", str(folder), "--steps", "6"]
    drawn = api.get("/health/detailed").json()["service_status"]["ai_status"]["succeeded"]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: list(folder.glob("pictures/*.png")))
    killed.kill()
    killed.wait()
    assert "under_way" in json.loads((folder / "deck.json").read_text())
    assert main(command[3:]) == DONE
    assert len(list(folder.glob("pictures/*.png"))) == len(WORDS)
    assert "under_way" not in json.loads((folder / "deck.json").read_text())
    now = api.get("/health/detailed").json()["service_status"]["ai_status"]["succeeded"]
    assert now == drawn + len(WORDS)


@pytest.mark.usefixtures("url")
def test_words_of_which_none_can_be_drawn_are_named_and_the_others_stay(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "words.csv").write_text("山\n😀,smile\nqwx\n", encoding="utf-8")
    command = ["deck", "words.csv", "-o", "deck", "--steps", "1"]
    assert main(command) == SOME_FAILED
    (folder / "deck/index.html").unlink()
    capsys.readouterr()
    assert main(command) == SOME_FAILED
    said = capsys.readouterr()
    assert "line 2: 😀" in said.err
    assert "line 3: qwx" in said.err
    assert "translation_required" in said.err
    assert (folder / "deck/index.html").is_file(), "the contact sheet of the existing pictures"


@pytest.mark.usefixtures("folder")
def test_a_level_of_hsk_is_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deck", "--hsk", "1", "-o", "deck", "--dry-run"]) == DONE
    said = capsys.readouterr().out
    assert "HSK 1: 150 words" in said
    assert "150 words to draw, 0 lines skipped" in said


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"%PDF-1.7", "PDF"),
        (b"word,translation\n", "no words"),
        ("学校,학교\n".encode(), "could both contain the word"),
    ],
)
@pytest.mark.usefixtures("url")
def test_what_is_no_list_is_said_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, part: str
) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    assert main(["deck", str(path), "-o", str(tmp_path / "deck")]) == USAGE
    assert part in capsys.readouterr().err
    assert main(["deck", str(tmp_path), "-o", str(tmp_path / "deck")]) == USAGE, "a folder"


@pytest.mark.usefixtures("url")
def test_a_dry_run_shows_how_the_list_is_read_and_draws_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "words.csv"
    command = ["deck", str(path), "-o", str(tmp_path / "deck"), "--dry-run"]
    path.write_bytes("汉字;拼音;意思\n学习;xuéxí;to study\n朋友;péngyou;friend\n;;nothing\n".encode("gb18030"))
    assert main(command) == SOME_FAILED
    said = capsys.readouterr()
    for part in (
        "read as GB18030",
        "semicolon",
        "“拼音” = reading",
        "学习 | to study | xuéxí",
        "1  left out: the heading",
    ):
        assert part in said.out
    assert "line 4: the word is blank" in said.err
    assert not (tmp_path / "deck").exists()
    path.write_text("山,mountain\n", encoding="utf-8")
    assert main(command) == DONE


@pytest.mark.parametrize(
    "encoding", ["cp1252", "gbk", *(pytest.param(name, marks=pytest.mark.slow) for name in ("ascii", "cp437"))]
)
def test_every_console_can_be_written_to(url: str, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "学习😀.csv").write_text("학교,school\n学习,study\n山,élève\n😀,smile\n", encoding="utf-8")
    environment = os.environ | {"PYTHONIOENCODING": encoding, "WRITING_URL": url}
    command = [
        sys.executable,
        "-m",
        "writing_client",
        "deck",
        str(tmp_path / "学习😀.csv"),
        "-o",
        str(tmp_path),
        "--dry-run",
    ]
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ended.returncode == SOME_FAILED, ended.stderr
    assert b"Error" not in ended.stderr
    shown = {"gbk": "学习".encode("gbk")}.get(encoding, rb"\u5b66\u4e60")
    assert shown in ended.stdout
    assert rb"\U0001f600" in ended.stderr
