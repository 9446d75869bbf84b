"""The host names under which the service may be reached.

Any site can make its own name resolve to this machine (DNS rebinding). The browser then treats the service as part of
that site, but still sends the site's name in Host.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from shared.errors import HostNotAllowed
from shared.settings import ApiSettings

# A name or an address, with an optional port; IPv6 is in brackets.
AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s\[\]:/?#@,]+)(?::[0-9]{1,5})?", re.IGNORECASE)


class Hosts:
    """The host names that are accepted. Loopback names always are."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {_plain(name) for name in names}

    @classmethod
    def of(cls, settings: ApiSettings) -> "Hosts | None":
        """Return the hosts from the settings; None (any) with keys or `allow_anonymous` and no `allowed_hosts`."""
        is_guarded = bool(settings.keys) or settings.allow_anonymous
        return None if is_guarded and not settings.allowed_hosts else cls(settings.allowed_hosts)

    def check(self, environ: Mapping[str, Any]) -> None:
        """Refuse a request that names another host, in Host or in an absolute URL.

        Raises:
            HostNotAllowed: the request names another host.
        """
        authorities = [environ.get("HTTP_HOST")]  # absent in HTTP/1.0; all browsers send it
        target = environ.get("RAW_URI", "")
        if not target.startswith("/") and "://" in target:
            authorities.append(urlsplit(target).netloc)
        for authority in authorities:
            if authority is not None and not self._allows(authority):
                raise HostNotAllowed(
                    f"this service does not answer as {authority!r}; the operator can add the host to api.allowed_hosts"
                )

    def _allows(self, authority: str) -> bool:
        match = AUTHORITY.fullmatch(authority)
        if match is None:
            return False
        name = _plain(match["name"])
        return name in self._names or is_loopback(name)


def is_loopback(name: str) -> bool:
    """Return whether a host name or an address is a loopback one."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _plain(name: str) -> str:
    return name.lower().strip("[]").removesuffix(".")
