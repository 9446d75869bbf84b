"""The allowed targets of webhooks: hosts that the operator has named, outside private networks."""

import ipaddress
import socket
from dataclasses import dataclass
from itertools import zip_longest
from urllib.parse import quote, urlsplit

from shared.errors import WebhookNotAllowed
from shared.settings import WebhookSettings
from shared.settings.values import plain_host

DEFAULT_PORTS = {"https": 443, "http": 80}
# Characters that a path and a query may contain unencoded (RFC 3986); anything else is sent percent-encoded.
PATH_CHARACTERS = "!$%&'()*+,/:;=?@[]~"
# All that IANA assigns of IPv6. Python counts some of the rest as global, where IPv4 addresses may be embedded.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL; the host is in lower case, in ASCII and without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's default, port, as in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str, settings: WebhookSettings) -> Target:
    """Return a webhook's parsed URL.

    Raises:
        WebhookNotAllowed: it is not an https URL of an allowed host.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = plain_host(parts.hostname or "")
    except ValueError as error:
        raise WebhookNotAllowed(f"this is not a valid URL: {error}", field="webhook_url") from error
    schemes = ("https", "http") if settings.allow_private else ("https",)
    faults = {
        f"give a URL that begins with {schemes[0]}://": parts.scheme not in schemes,
        "the URL has no host": not host,
        "give the URL without a user name or password": "@" in parts.netloc,
        "port 0 cannot be reached": port == 0,
    }
    if found := [fault for fault, is_there in faults.items() if is_there]:
        raise WebhookNotAllowed(found[0], field="webhook_url")
    if host not in settings.allowed_hosts:
        raise WebhookNotAllowed(
            f"webhooks to {host} are not allowed; the operator can add the host to webhooks.allowed_hosts",
            field="webhook_url",
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], quote(path, safe=PATH_CHARACTERS))


def list_of(url: str, client: str) -> str:
    """Return the name of the list that a client's webhook waits in: its host, a space and the client."""
    try:
        host = plain_host(urlsplit(url).hostname or "") or "none"
    except ValueError:
        host = "none"
    return f"{host} {client}" if client else host


def host_of(list_name: str) -> str:
    """Return the host of a list."""
    return list_name.partition(" ")[0]


def resolve(target: Target, settings: WebhookSettings) -> list[str]:
    """Return the addresses to try, in order. The caller connects to them, because the name might resolve differently.

    The order is the system's, with the address families alternating, as in RFC 8305.

    Raises:
        WebhookNotAllowed: the name resolves to an address that is not public.
        OSError: the name does not resolve.
    """
    entries = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    private = [address for address in addresses if not is_public(address)]
    if private and not settings.allow_private:
        raise WebhookNotAllowed(
            f"{target.host} resolves to {private[0]}, which is not a public address", field="webhook_url"
        )
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if address not in first]
    return [address for pair in zip_longest(first, second) for address in pair if address is not None]


def is_public(text: str) -> bool:
    """Return whether an address is globally reachable; an IPv4 address embedded in IPv6 is judged by itself."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is None and address not in GLOBAL_UNICAST:
            return False
        address = inner or address
    return address.is_global and not address.is_multicast


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address to which a gateway would forward packets sent to this one."""
    if address in NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo
