"""The Lua scripts in ``lua/`` that change the data in Redis, loaded by name.

A script's first comment describes what it does, its KEYS and ARGV, and what it returns. ``-- needs: events`` prepends
``lua/parts/events.lua``. Every script has two tables: ``keys``, the keys of `shared.queue.keys` by name, and
``queues``, the names of the queues by priority.
"""

import re
from functools import cache
from pathlib import Path

import redis
from redis.commands.core import Script

from shared.queue.client_queues import queues_of
from shared.queue.keys import Key
from shared.schemas import Priority

FOLDER = Path(__file__).parent / "lua"
NEEDS = re.compile(r"^-- needs: (.+)$", re.MULTILINE)


def load_script(client: redis.Redis, name: str) -> Script:
    """Return a script that runs through a client.

    Args:
        client: a client of the Redis that runs the script.
        name: the script's file name without ``.lua``.

    Raises:
        FileNotFoundError: there is no such script.
    """
    return client.register_script(script_source(name))


@cache
def script_source(name: str) -> str:
    """Return a script's text: the tables, the parts that it needs in the given order, and its own file."""
    own = (FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    needs = NEEDS.search(own)
    parts = [_part(part) for part in needs[1].split()] if needs is not None else []
    return "\n".join([_tables(), *parts, own])


def _part(name: str) -> str:
    return (FOLDER / "parts" / f"{name}.lua").read_text(encoding="utf-8")


def _tables() -> str:
    keys = ", ".join(f"{key.name.lower()} = '{key}'" for key in Key)
    queues = ", ".join(f"{priority} = {{{', '.join(map(repr, queues_of(priority)))}}}" for priority in Priority)
    return f"local keys = {{{keys}}}\nlocal queues = {{{queues}}}"
