"""The command ``writing``: draw a word, or make a deck from a list of words."""

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, TextIO

import click
from tqdm import tqdm

from writing_client.console import use_any_console
from writing_client.deck import Deck, package_fault
from writing_client.errors import WritingError, WrongInput
from writing_client.file_name import safe_name
from writing_client.files import check_file, check_folder
from writing_client.hsk import LEVELS, hsk_words
from writing_client.models import ListedRow, ListNote, ListView
from writing_client.options import Service, drawing_options, service_options
from writing_client.package import write_package
from writing_client.path_option import PathOption
from writing_client.patience import patiently
from writing_client.picture import Picture
from writing_client.progress_bar import step_bar
from writing_client.signals import end_as_by_ctrl_c
from writing_client.version import __version__
from writing_client.word_list import read_file

NAME = "writing"
DONE, SOME_FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
# A user is waiting, so an unreachable service is reported soon. A deck that has begun retries for longer.
RETRY_S, PATIENT_RETRY_S = 5, 60
SHOWN = 10  # rows shown in a dry run
COLUMNS = "word, translation, reading, style, imagery"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0 done, 1 all or some failed, 2 wrong usage, 130 Ctrl-C or a signal.

    Args:
        argv: the arguments; None for the process's own.
    """
    use_any_console()
    end_as_by_ctrl_c()
    try:
        return int(writing.main(argv, prog_name=NAME, standalone_mode=False) or DONE)
    except click.Abort:
        with suppress(OSError):  # the terminal may be gone if closing it sent the signal
            _complain("stopped")
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WritingError as error:
        return _complain(f"{error.code}: {error.detail}", USAGE if _is_usage(error) else SOME_FAILED)
    except OSError as error:
        return _complain(str(error))


def _is_usage(error: WritingError) -> bool:
    """Return whether an option, an argument or a file cannot be used. A word that cannot be drawn is a failure."""
    is_refused = error.status == HTTPStatus.UNPROCESSABLE_ENTITY and error.field not in {None, "word"}
    return isinstance(error, WrongInput) or (is_refused and error.code != "translation_required")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=NAME)
def writing() -> None:
    """Draw pictures in the shape of a word that show what it means."""


@writing.command()
@click.argument("word")
@click.option("--translation", default="", metavar="TEXT", help="Meaning in English.  [default: looked up]")
@click.option(
    "--reading",
    metavar="READING",
    help="Reading that selects its sense: zhǎng, zhang3 or べんきょう.  [default: the most likely sense]",
)
@click.option(
    "-o",
    "--out",
    type=PathOption(dir_okay=False),
    help="PNG file to write.  [default: the word with .png]",
)
@click.option(
    "--variations",
    type=int,
    metavar="N",
    help="Number of pictures of the word, 1 to 4, written as FILE-1.png, FILE-2.png …",
)
@click.option("--maps", type=PathOption(file_okay=False), help="Folder to write the conditioning images to.")
@drawing_options
@service_options
def generate(  # noqa: PLR0917  # click's parameters
    word: str,
    translation: str,
    reading: str | None,
    out: Path | None,
    maps: Path | None,
    variations: int | None,
    options: dict[str, Any],
    service: Service,
) -> int:
    """Draw WORD."""
    out = out or Path(f"{safe_name(word)}.png")
    own = {"include_conditioning": maps is not None, "reading": reading, "variations": variations}
    options |= {field: value for field, value in own.items() if value is not None}
    for file in _files(out, variations or 1):
        check_file(file)  # before the drawing, which would be lost
    if maps is not None:
        check_folder(maps)
    with service.connect(RETRY_S) as client, step_bar(word) as show:
        picture = Picture(client.generate(word, translation, on_progress=show, **options))
    for file, one in zip(_files(out, len(picture.variations)), picture.variations, strict=True):
        one.save(file)
        mark = ", the most legible" if one is not picture and one.seed == picture.seed else ""
        scene = {"scene seed": one.scene_seed} if one.scene_seed != one.seed else {}
        _report({"picture": file, "seed": one.seed, **scene, "legibility": _legibility(one) + mark})
    imagery = ", ".join(motif["name"] for motif in picture.metadata.get("imagery", ())) or "none"
    _report({"prompt": picture.prompt, "imagery": imagery})
    if maps is not None:
        _report({"maps": f"{len(picture.save_maps(maps))} in {maps}"})
    return DONE


def _files(out: Path, count: int) -> list[Path]:
    """Return the files for the pictures: one goes to the file itself, several to its name with -1, -2 …"""
    if count == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(1, count + 1)]


def _legibility(picture: Picture) -> str:
    judged = picture.metadata.get("legibility") or {}
    return f"{judged.get('score')}, read as {judged.get('read')}" if judged else "not judged"


def _report(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        _say(f"{name:<12}{value}")


@writing.command()
@click.argument("words", type=PathOption(), required=False, metavar="[WORDS.CSV]")
@click.option(
    "--hsk",
    type=click.IntRange(min(LEVELS), max(LEVELS)),
    metavar="LEVEL",
    help="Draw the words of this HSK level, 1 to 6, instead of a list.",
)
@click.option("--dry-run", is_flag=True, help="Only show how the list is read; draw nothing.")
@click.option(
    "--columns", metavar="NAMES", help="What the columns contain, such as word,reading,translation; - leaves one out."
)
@click.option("--encoding", metavar="NAME", help="Encoding of the list: UTF-8, GB18030, Big5 …  [default: detected]")
@click.option(
    "-o",
    "--out",
    type=PathOption(file_okay=False),
    help="Folder for the deck; required unless --dry-run is given.",
)
@click.option("--name", help="Name of the deck.  [default: the list's name]")
@drawing_options
@service_options
def deck(  # noqa: PLR0917  # click's parameters
    words: Path | None,
    hsk: int | None,
    dry_run: bool,
    columns: str | None,
    encoding: str | None,
    out: Path | None,
    name: str | None,
    options: dict[str, Any],
    service: Service,
) -> int:
    """Draw a list of words, and make a contact sheet and an Anki package.

    WORDS.CSV has the columns word, translation, reading, style, imagery, in any order. Running the same command again
    resumes where it stopped, and draws only what is missing or has changed.
    """
    if (words is None) == (hsk is None):
        raise click.UsageError("give either a list of words or --hsk with a level")
    if hsk is not None and (columns, encoding) != (None, None):
        raise click.UsageError("--columns and --encoding are for a list of words, not for --hsk")
    if out is None and not dry_run:
        raise click.UsageError("give a folder for the deck with -o, or --dry-run")
    folder = None if dry_run else out
    source = f"HSK {hsk}" if words is None else str(words)
    listed = _hsk_list(hsk) if hsk is not None else _read(words, service, encoding, columns)
    _say(f"{source}: {listed.read_as}")
    if folder is None:
        _show(listed)
    for line in listed.refused:
        _complain(_fault(source, line))
    if not listed.words:
        return _complain(f"{source}: no words to draw", USAGE)
    if fault := package_fault([row.word for row in listed.words]):
        return _complain(f"{source}: {fault}", USAGE)
    if folder is None:
        _say(f"{len(listed.words)} words to draw, {len(listed.refused)} lines skipped; nothing is drawn")
        return SOME_FAILED if listed.refused else DONE
    pictures = Deck(folder, listed.words, options, _deck_name(name, words, source))
    failed = _draw(pictures, source, options.get("style"), service)
    if pictures.drawn:
        _bind(pictures, service)
    return SOME_FAILED if listed.refused or failed else DONE


def _deck_name(name: str | None, words: Path | None, source: str) -> str:
    """Return a deck's name, by default its list's, in the service's normal form: macOS decomposes names of files."""
    if name is None:
        name = source if words is None else words.stem
    return unicodedata.normalize("NFC", name).strip()


def _hsk_list(level: int) -> ListView:
    rows = tuple(ListedRow(line=line, word=word) for line, word in enumerate(hsk_words(level), start=1))
    return ListView(read_as=f"{len(rows)} words; reading and meaning are looked up", words=rows)


def _read(path: Path | None, service: Service, encoding: str | None, columns: str | None) -> ListView:
    """Return the list in a file as the service reads it.

    Raises:
        WrongInput: it cannot be read.
        WritingError: the service does not answer.
    """
    assert path is not None  # noqa: S101  # for mypy: no HSK level was given
    content = read_file(path)
    try:
        with service.connect(RETRY_S) as client:
            return patiently(lambda: client.read_list(content, encoding=encoding, columns=columns), _say_full)
    except WritingError as error:
        if error.code not in {"unreadable_list", "body_too_large"}:
            raise
        raise WrongInput(f"{path}: {error.detail}") from error


def _draw(pictures: Deck, source: str, style: str | None, service: Service) -> int:
    """Draw the deck's missing words; return how many failed.

    Raises:
        KeyboardInterrupt: after cancelling the jobs in flight and printing how to resume.
        WritingError: an error that affects all words, likewise.
        OSError: the folder cannot be written to any more, likewise.
    """
    missing, drawn = len(pictures.missing), pictures.drawn
    _say(f"{missing + drawn} words, {drawn} already drawn, {missing} to draw")
    if missing:
        _check_service(service, style)
    failed = 0
    try:
        with (
            service.connect(PATIENT_RETRY_S) as client,
            closing(pictures.draw(client, _say_full)) as drawing,
            tqdm(drawing, total=missing + drawn, initial=drawn, unit="word", disable=not missing) as bar,
        ):
            for row, error in bar:
                bar.set_postfix_str(row.word)
                if error is not None:
                    failed += 1
                    reason = f"{row.word}: {error.detail} ({error.code})"
                    _complain(_fault(source, ListNote(line=row.line, reason=reason)))
    except (KeyboardInterrupt, WritingError, OSError) as error:
        if pictures.drawn or isinstance(error, KeyboardInterrupt):
            _complain(f"{pictures.drawn} pictures are kept; run the same command again to resume")
        raise
    return failed


def _say_full(error: WritingError) -> None:
    pause = f" {error.retry_after_s:.0f} s" if error.retry_after_s else ""
    _complain(f"{error.code}: {error.detail}; waiting{pause}")


def _check_service(service: Service, style: str | None) -> None:
    """Check that the service answers and has the style, before the first of many words.

    Raises:
        WrongInput: the service does not have the style.
        WritingError: the service does not answer.
    """
    with service.connect(RETRY_S) as client:
        styles = client.status().styles
    if style is not None and style not in styles:
        raise WrongInput(f"there is no style {style!r}; available: {', '.join(styles)}")


def _bind(pictures: Deck, service: Service) -> None:
    """Write the contact sheet and the Anki package."""
    cards, folder = pictures.cards, pictures.folder
    with service.connect(PATIENT_RETRY_S) as client:
        archive = patiently(lambda: client.anki_package(pictures.name, cards), _say_full)
    anki = folder / f"{safe_name(pictures.name)}.apkg"
    sheet = write_package(archive, cards, folder, anki)
    _say(f"{len(cards)} pictures in {folder}\ncontact sheet  {sheet}\nAnki package   {anki}")


def _show(words: ListView) -> None:
    """Print how a list was read: its first words as they will be drawn, and the lines that are not words."""
    _say(f"{'line':>6}  {COLUMNS}")
    for row in words.words[:SHOWN]:
        _say(f"{row.line:>6}  {_cells(row)}")
    for note in words.notes:
        _say(f"{note.line:>6}  left out: {note.reason}")


def _cells(row: ListedRow) -> str:
    imagery = row.imagery if isinstance(row.imagery, str) else ", ".join(row.imagery or ())
    own = (row.style or "(the deck's)", imagery or "(the deck's)")
    return " | ".join((row.word, row.translation or "(to be looked up)", row.reading or "-", *own))


def _fault(source: str, line: ListNote) -> str:
    return f"{source}, line {line.line}: {line.reason}"


def _say(text: str, file: TextIO | None = None) -> None:
    # tqdm.write keeps progress bars intact. click.echo would send UTF-8 to a terminal that declares ASCII.
    tqdm.write(text, file=file)


def _complain(text: str, code: int = SOME_FAILED) -> int:
    _say(text, file=sys.stderr)
    return code
