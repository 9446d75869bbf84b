"""Make an API key. ``python -m api.keys NAME``"""

import argparse
import secrets

from api.security import digest
from shared.console import use_any_console
from shared.setting_types import KEY_NAME


def main() -> None:
    """Print a new key, and what the settings hold of it."""
    use_any_console()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="whose key it is")
    name = parser.parse_args().name
    if not KEY_NAME.fullmatch(name):
        parser.error(f"{name!r}: letters, digits, single spaces and . @ + - _ make a name")
    key = secrets.token_urlsafe(32)
    print(f"key, for the client: {key}")
    print(f"for the settings:    WRITING_API__KEYS='[\"{name}:{digest(key)}\"]'")


if __name__ == "__main__":
    main()
