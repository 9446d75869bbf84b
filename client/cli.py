"""The command ``writing-service``: draw words, make decks, look after the machine."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from client.deck import Deck
from client.doctor import Level, examine
from client.errors import WritingError, WrongInput
from client.files import write_atomically
from client.job import Update
from client.list_file import read_list_file
from client.model_files import HubFile, ModelError, Source, fetch, listed, size_faults, sources
from client.picture import Picture
from client.writing_client import DEFAULT_URL, KEY_VARIABLE, URL_VARIABLE, WritingClient
from shared import __version__
from shared.characters import CharacterDatabase
from shared.console import use_any_console
from shared.decks.anki import package
from shared.decks.contact_sheet import contact_sheet
from shared.decks.file_name import safe_name
from shared.errors import SettingsError
from shared.lists.columns import FIELDS
from shared.lists.hsk import LEVELS, hsk_words
from shared.lists.imagery import read_imagery
from shared.lists.word_list import BadRow, Row, WordList
from shared.model_folder import folder_faults
from shared.settings import load_settings

DONE, SOME_FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
# Somebody sits in front of it: what is not there is said soon. A deck, once begun, has more patience.
RETRY_S = 5
GB = 1e9
SHOWN = 10  # rows of a dry run
INCOMPLETE = """\
not complete: run this again, it goes on where it stopped. For a machine without a network, fetch on another one with
--to FOLDER, copy the folder, and set the variables that are printed then."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code: 0 done, 1 failed or some failed, 2 wrong usage, 130 Ctrl-C.

    Args:
        argv: the arguments; None takes the process's own.
    """
    use_any_console()
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except (WritingError, SettingsError, ImportError, OSError) as error:
        return _complain(_explain(error), USAGE if isinstance(error, WrongInput) else SOME_FAILED)
    except KeyboardInterrupt:
        return _complain("stopped", INTERRUPTED)


def generate(arguments: argparse.Namespace) -> int:
    """Draw one word."""
    out = arguments.out or Path(f"{safe_name(arguments.word)}.png")
    options = _options(arguments) | {"include_conditioning": arguments.maps is not None}
    options |= {"variations": arguments.variations} if arguments.variations is not None else {}
    with _client(arguments, RETRY_S) as client, _step_bar(arguments.word) as show:
        result = client.generate(arguments.word, arguments.translation, on_progress=show, **options)
    picture = Picture(result)
    maps = picture.save_maps(arguments.maps) if arguments.maps is not None else []
    for file, one in zip(_files(out, len(picture.variations)), picture.variations, strict=True):
        one.save(file)
        mark = ", the most legible" if one is not picture and one.seed == picture.seed else ""
        scene = {"scene seed": one.scene_seed} if one.scene_seed != one.seed else {}
        _report({"picture": file, "seed": one.seed, **scene, "legibility": _legibility(one) + mark})
    _report(
        {
            "prompt": picture.prompt,
            "imagery": ", ".join(motif["name"] for motif in picture.metadata.get("imagery", ())) or "none",
            **({"maps": f"{len(maps)} in {arguments.maps}"} if maps else {}),
        }
    )
    return DONE


def _files(out: Path, count: int) -> list[Path]:
    """Return where pictures go: one to the file itself, several to the file's name with -1, -2 …"""
    if count == 1:
        return [out]
    return [out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(1, count + 1)]


def _legibility(picture: Picture) -> str:
    judged = picture.metadata.get("legibility") or {}
    return f"{judged.get('score')}, read as {judged.get('read')}" if judged else "not judged"


def _report(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        _say(f"{name:<12}{value}")


def deck(arguments: argparse.Namespace) -> int:
    """Draw a list of words, and make a contact sheet and an Anki package of them."""
    source = _source(arguments)
    words = _words(arguments)
    rows, bad = words.rows, words.bad
    _say(f"{source}: {words.mapping}")
    if arguments.dry_run:
        _show(words)
    for row in bad:
        _complain(_fault(source, row))
    if not rows:
        return _complain(f"{source}: no words to draw", USAGE)
    if arguments.dry_run:
        _say(f"{len(rows)} words to draw, {len(bad)} lines skipped; nothing is drawn")
        return SOME_FAILED if bad else DONE
    name = arguments.name or (source if arguments.words is None else arguments.words.stem)
    pictures = Deck(arguments.out, rows, _options(arguments), name)
    missing = len(pictures.missing)
    _say(f"{len(rows)} words, {len(rows) - missing} drawn before, {missing} to draw")
    if missing:
        _check_service(arguments)
    failed = _draw(arguments, pictures, len(rows), missing)
    if pictures.cards:
        _bind(pictures)
    return SOME_FAILED if bad or failed else DONE


def doctor(arguments: argparse.Namespace) -> int:
    """Look at everything that the service needs on this machine."""
    with _client(arguments, 0) as client:
        levels = []
        for finding in examine(load_settings(), client):
            _say(str(finding))
            levels.append(finding.level)
    return SOME_FAILED if Level.FAIL in levels else DONE


def models_fetch(arguments: argparse.Namespace) -> int:
    """Download the models of the settings, and check that they are whole."""
    settings = load_settings()
    name = arguments.model or settings.model
    if name not in settings.models:
        return _complain(f"no model {name!r} in the settings; there are {', '.join(settings.models)}", USAGE)
    faults: list[str] = []
    for source in sources(settings, name, full_precision=arguments.full_precision):
        try:
            found = _get(source, arguments)
        except ModelError as error:
            found = [error.detail]
        for fault in found:
            _complain(f"{source.setting}: {fault}")
        faults += found
    return _complain(INCOMPLETE) if faults else DONE


def _get(source: Source, arguments: argparse.Namespace) -> list[str]:
    """Fetch a model, or with --dry-run say what would be fetched; return what is wrong with it then."""
    if source.folder is not None:
        faults = folder_faults(source.folder, source.replaced)
        if not faults:
            _say(f"{source.setting}: the folder {source.name} is complete")
        return faults
    target = None if arguments.to is None else arguments.to / source.name.rpartition("/")[2]
    if not arguments.dry_run:
        return _fetch(source, target)
    files = listed(source, target)
    wanted = [file for file in files if not file.is_here]
    _say(f"{source.setting}: {source.name}, {len(wanted)} of {len(files)} files to fetch, {_gigabytes(wanted)}")
    return []


def _fetch(source: Source, target: Path | None) -> list[str]:
    """Download a model; return what is wrong with it then."""
    _say(f"{source.setting}: {source.name}")
    folder = fetch(source, target)
    faults = folder_faults(folder, source.replaced)
    try:
        files = listed(source, target)
    except ModelError:  # without a network it comes from the cache
        compared = "not compared with the hub, which does not answer"
    else:
        faults += size_faults(files)
        compared = f"{len(files)} files, {_gigabytes(files)}, as long as the hub says"
    if not faults:
        _say(f"    complete in {folder}: {compared}")
        if target is not None:
            _say(f"    {source.variable}={folder}")
    return faults


def _draw(arguments: argparse.Namespace, pictures: Deck, words: int, missing: int) -> int:
    """Draw what the deck lacks of its words; return how many failed.

    Raises:
        KeyboardInterrupt: after what was in flight has been cancelled, and how to go on has been said.
        WritingError: one that concerns all words, likewise.
    """
    failed = 0
    try:
        with (
            _client(arguments) as client,
            closing(pictures.draw(client)) as drawing,
            tqdm(drawing, total=words, initial=words - missing, unit="word", disable=not missing) as bar,
        ):
            for row, error in bar:
                bar.set_postfix_str(row.word)
                if error is not None:
                    failed += 1
                    reason = f"{row.word}: {error.detail} ({error.code})"
                    _complain(_fault(_source(arguments), BadRow(row.line, reason)))
    except (KeyboardInterrupt, WritingError):
        _complain(f"{len(pictures.cards)} pictures are kept; the same command goes on from there")
        raise
    return failed


def _show(words: WordList) -> None:
    """Show how a list was read: its first words as they will be drawn, and the lines that are no words."""
    _say(f"{'line':>6}  {', '.join(FIELDS)}")
    for row in words.rows[:SHOWN]:
        _say(f"{row.line:>6}  {_cells(row)}")
    for note in words.notes:
        _say(f"{note.line:>6}  left out: {note.reason}")


def _cells(row: Row) -> str:
    meaning = row.translation or "(to be looked up)"
    own = (row.style or "(the deck's)", row.imagery or "(the deck's)")
    return " | ".join((row.word, meaning, row.reading or "-", *own))


def _bind(pictures: Deck) -> None:
    """Make the contact sheet and the Anki package."""
    name, cards, folder = pictures.name, pictures.cards, pictures.folder
    sheet = write_atomically(folder / "index.html", contact_sheet(name, cards))
    anki = write_atomically(folder / f"{safe_name(name)}.apkg", package(name, cards, CharacterDatabase()))
    _say(f"{len(cards)} pictures in {folder}\ncontact sheet  {sheet}\nAnki package   {anki}")


def _check_service(arguments: argparse.Namespace) -> None:
    """See that the service answers and has the style, before the first word of many.

    Raises:
        WrongInput: it has not.
        WritingError: it does not answer.
    """
    with _client(arguments, RETRY_S) as client:
        styles = client.status().styles
    if arguments.style is not None and arguments.style not in styles:
        raise WrongInput(f"no style {arguments.style!r}; there are {', '.join(styles)}")


@contextmanager
def _step_bar(word: str) -> Iterator[Callable[[Update], None]]:
    """Show a job's stage and steps."""
    with tqdm(desc=f"drawing {word}", unit="step") as bar:

        def show(update: Update) -> None:
            place = f"place {update.queue_position + 1}" if update.queue_position is not None else ""
            bar.total = update.total_steps or None
            bar.set_postfix_str(" ".join(filter(None, (update.stage or update.status.value, place))), refresh=False)
            bar.n = update.step
            bar.refresh()

        yield show


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the request's fields that the command line sets."""
    given = {
        "style": arguments.style,
        "seed": arguments.seed,
        "scene_seed": arguments.scene_seed,
        "width": arguments.size,
        "height": arguments.size,
        "num_inference_steps": arguments.steps,
        "quality": arguments.quality,
        "imagery": None if arguments.imagery is None else read_imagery(arguments.imagery),
        "draw_imagery": arguments.draw_imagery,
        "legibility": None if arguments.legibility is None else {"target": arguments.legibility},
    }
    return {field: value for field, value in given.items() if value is not None}


def _client(arguments: argparse.Namespace, retry_s: float = 60) -> WritingClient:
    return WritingClient(arguments.url, arguments.api_key, retry_s=retry_s)


def _words(arguments: argparse.Namespace) -> WordList:
    """Return the list that the command line names.

    Raises:
        WrongInput: there is none, or it cannot be read.
    """
    if (arguments.words is None) == (arguments.hsk is None):
        raise WrongInput("give a list of words, or --hsk with a level, and not both")
    if arguments.hsk is None:
        return read_list_file(arguments.words, encoding=arguments.encoding, columns=arguments.columns)
    rows = [Row(line, word) for line, word in enumerate(hsk_words(arguments.hsk), start=1)]
    return WordList(rows, [], [], f"{len(rows)} words; reading and meaning are looked up")


def _source(arguments: argparse.Namespace) -> str:
    return str(arguments.words) if arguments.hsk is None else f"HSK {arguments.hsk}"


def _fault(source: str, row: BadRow) -> str:
    return f"{source}, line {row.line}: {row.reason}"


def _gigabytes(files: Sequence[HubFile]) -> str:
    return f"{sum(file.size or 0 for file in files) / GB:.2f} GB"


def _explain(error: Exception) -> str:
    match error:
        case WritingError():
            return f"{error.code}: {error.detail}"
        case SettingsError():
            return f"the settings are wrong: {error}"
        case ImportError():
            return f"not installed: {error.name} (pip install 'writing-service[worker]')"
        case _:
            return str(error)


def _say(text: str, file: Any = None) -> None:
    tqdm.write(text, file=file)  # not through a progress bar, if there is one


def _complain(text: str, code: int = SOME_FAILED) -> int:
    _say(text, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="writing-service", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    service, drawing = _service_options(), _drawing_options()

    one = commands.add_parser("generate", parents=[drawing, service], help="draw one word")
    one.add_argument("word")
    one.add_argument("--translation", default="", metavar="TEXT", help="its meaning in English; default: looked up")
    one.add_argument("--reading", metavar="PINYIN", help="which of its senses: zhǎng or zhang3; default: the likeliest")
    one.add_argument("-o", "--out", type=Path, metavar="FILE", help="the PNG to write; default: the word's name")
    one.add_argument(
        "--variations", type=int, metavar="N", help="so many pictures of the word, 1 to 4, as FILE-1.png, FILE-2.png …"
    )
    one.add_argument("--maps", type=Path, metavar="FOLDER", help="write the conditioning images there, too")
    one.set_defaults(command=generate)

    many = commands.add_parser(
        "deck",
        parents=[drawing, service],
        help="draw a list of words; make a contact sheet and an Anki package",
        description="The same command again goes on where it stopped, and draws only what is missing or has changed.",
    )
    many.add_argument(
        "words",
        type=Path,
        nargs="?",
        metavar="WORDS.CSV",
        help="columns word, translation, reading, style, imagery",
    )
    many.add_argument("--hsk", type=int, choices=LEVELS, metavar="LEVEL", help="the words of HSK 1 to 6 (2.0) instead")
    many.add_argument("--dry-run", action="store_true", help="only show how the list is read; draw nothing")
    many.add_argument(
        "--columns", metavar="NAMES", help="what the columns hold, as word,reading,translation; - for none"
    )
    many.add_argument("--encoding", metavar="NAME", help="of the list: UTF-8, GB18030, Big5 …; default: found out")
    many.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER", help="the deck's folder")
    many.add_argument("--name", help="the deck's name; default: that of the CSV")
    many.set_defaults(command=deck)

    health = commands.add_parser("doctor", parents=[service], help="check what the service needs on this machine")
    health.set_defaults(command=doctor)

    models = commands.add_parser("models", help="the models' files").add_subparsers(required=True, metavar="COMMAND")
    get = models.add_parser("fetch", help="download the models that the workers load, and verify them")
    get.add_argument("--model", metavar="NAME", help="a key of `models` in the settings; default: the one in use")
    get.add_argument("--dry-run", action="store_true", help="say what would be downloaded; verify local folders")
    get.add_argument("--to", type=Path, metavar="FOLDER", help="into a folder, not into the Hugging Face cache")
    get.add_argument("--full-precision", action="store_true", help="32-bit files, to compute on a CPU")
    get.set_defaults(command=models_fetch)
    return parser


def _service_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("the service")
    group.add_argument("--url", help=f"default: ${URL_VARIABLE}, else {DEFAULT_URL}")
    group.add_argument("--api-key", metavar="KEY", help=f"default: ${KEY_VARIABLE}, else none")
    return options


def _drawing_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    group = options.add_argument_group("the picture")
    group.add_argument("--style", help="default: the service's")
    group.add_argument("--seed", type=int, metavar="N", help="the same seed draws the same picture")
    group.add_argument(
        "--scene-seed", type=int, metavar="N", help="of the motifs' places and hand-drawn maps; default: the seed"
    )
    group.add_argument("--size", type=int, metavar="PIXELS", help="of each side, a multiple of 64")
    group.add_argument("--steps", type=int, metavar="N", help="denoising steps")
    group.add_argument("--quality", choices=("exact", "fast", "turbo"))
    group.add_argument(
        "--imagery", metavar="NAMES", help="what depicts the meaning: books,graduation-cap, or none; default: looked up"
    )
    group.add_argument(
        "--draw-imagery",
        action=argparse.BooleanOptionalAction,
        help="whether the maps hold the imagery too; default: the model's own",
    )
    group.add_argument("--legibility", type=float, metavar="SCORE", help="try until the word is so legible, 0 to 1")
    return options
