"""The URL of a server, in one form, and whether a token may go there."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from partita.errors import SettingsError

__all__ = ["checked_url", "is_private"]

_PORTS = {"http": 80, "https": 443}


def checked_url(text: str) -> str:
    """The URL without what does not count: two that mean the same server are equal.

    Raises:
        SettingsError: it is no URL of a server.
    """
    written = text.strip()
    if "://" not in written:
        written = f"https://{written}"
    try:
        parts = urlsplit(written)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if parts.scheme not in _PORTS or not host or parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(f"{text[:200]!r} is no address of a server; write https://host or https://host:7878")
    shown = f"[{host}]" if ":" in host else host
    tail = f":{port}" if port is not None and port != _PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{shown}{tail}{parts.path.rstrip('/')}"


def is_private(url: str) -> bool:
    """Whether nobody on the way reads what goes there: it is encrypted, or does not leave this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
