"""HTTP sessions that use the environment's proxy, except to reach this machine itself."""

import ipaddress
import os
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL, InvalidSchema
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationValueError

CREDENTIALS = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.IGNORECASE | re.DOTALL)
QUERY = re.compile(r"[?#].*", re.DOTALL)


class DirectAdapter(HTTPAdapter):
    """An adapter that bypasses any proxy for loopback addresses, since a proxy would look on its own machine."""

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        """Send a request.

        Raises:
            requests.RequestException: the service does not answer, or the proxy's URL is not valid.
        """
        if is_loopback(request.url or ""):
            options["proxies"] = None
        return super().send(request, *arguments, **options)

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *arguments: Any, **options: Any
    ) -> Any:
        """Return a connection pool.

        Raises:
            InvalidProxyURL: the proxy's URL cannot be used; requests itself would report the service's.
        """
        try:
            return super().get_connection_with_tls_context(request, *arguments, **options)
        except (LocationValueError, InvalidSchema) as error:
            if select_proxy(request.url or "", options.get("proxies")):
                raise InvalidProxyURL(str(error), request=request) from error
            raise


def open_session() -> requests.Session:
    """Return a session for the service, local or remote."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, DirectAdapter())
    return session


def request(method: str, url: str, **options: Any) -> requests.Response:
    """Call the service once; arguments and errors are those of `requests.request`."""
    with open_session() as session:
        return session.request(method, url, **options)


def is_loopback(url: str) -> bool:
    """Return whether a URL refers to this machine, without a DNS lookup."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _is_short_loopback(host)
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _is_short_loopback(host: str) -> bool:
    """Return whether a host is a loopback address in a short form that the system's resolver accepts, such as 127.1."""
    try:
        return socket.inet_aton(host)[0] in {0, 127}
    except OSError:
        return False


def proxy_of(url: str) -> str | None:
    """Return the proxy for a URL and the variable that sets it; None if the URL is reached directly.

    A password in the proxy's URL is omitted.
    """
    if is_loopback(url):
        return None
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    return f"{without_password(proxy)} (from {_variable_of(proxy, urlsplit(url).scheme.lower())})"


def _variable_of(proxy: str, scheme: str) -> str:
    """Return the environment variable that sets a proxy, by the order of precedence."""
    names = [f"{kind}_proxy" for kind in (scheme, "all")]
    found = (name for lower in names for name in (lower, lower.upper()) if os.environ.get(name) == proxy)
    return next(found, "the system's settings")


def without_password(url: str) -> str:
    """Return a URL for display: without user name, password and query, even if it is not valid."""
    return QUERY.sub("", CREDENTIALS.sub(r"\1", url))
