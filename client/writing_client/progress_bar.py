"""A job's progress on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from writing_client.job import Update


@contextmanager
def step_bar(word: str) -> Iterator[Callable[[Update], None]]:
    """Show a job's stage and steps while the block runs; yield the function to call with each update."""
    with tqdm(desc=f"drawing {word}", unit="step") as bar:

        def show(update: Update) -> None:
            place = f"position {update.queue_position + 1}" if update.queue_position is not None else ""
            bar.total = update.total_steps or None
            bar.set_postfix_str(" ".join(filter(None, (update.stage or update.status.value, place))), refresh=False)
            bar.n = update.step
            bar.refresh()

        yield show
