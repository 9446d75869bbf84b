"""The secrets that sign webhooks: each receiving host has its own, so that none can forge what another accepts."""

import base64
import hashlib
import hmac

from shared.settings.values import SECRET_PREFIX


def secret_of(host: str, secret: str) -> str:
    """Return a host's secret, as its receivers need it.

    Args:
        host: the host, as in `webhooks.allowed_hosts`.
        secret: the service's own, `webhooks.secret`.
    """
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return SECRET_PREFIX + base64.b64encode(hmac.digest(key, host.encode(), hashlib.sha256)).decode()
