"""Where webhooks may go: hosts that the operator named, and no address of a private network."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.errors import WebhookNotAllowed
from shared.settings import WebhookSettings

DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart."""

    scheme: str
    host: str
    port: int
    path: str


def parse_target(url: str, settings: WebhookSettings) -> Target:
    """Return a webhook's URL taken apart.

    Raises:
        WebhookNotAllowed: it is no https URL of an allowed host.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookNotAllowed(f"this is no URL: {error}", field="webhook_url") from error
    schemes = ("https", "http") if settings.allow_private else ("https",)
    if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
        raise WebhookNotAllowed("give an https URL without user and password", field="webhook_url")
    if parts.hostname not in settings.allowed_hosts:
        raise WebhookNotAllowed(f"{parts.hostname} is not among the hosts that webhooks may go to", field="webhook_url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme], path)


def resolve(target: Target, settings: WebhookSettings) -> str:
    """Return the address to connect to; the caller connects to it and not to the name, which might change meanwhile.

    Raises:
        WebhookNotAllowed: the name leads to an address that is not public.
        OSError: it leads nowhere.
    """
    found = {str(entry[4][0]) for entry in socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)}
    addresses = sorted(found)
    private = [address for address in addresses if not ipaddress.ip_address(address.split("%")[0]).is_global]
    if private and not settings.allow_private:
        raise WebhookNotAllowed(f"{target.host} leads to {private[0]}, which is no public address", field="webhook_url")
    return addresses[0]
