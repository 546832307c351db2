"""Charts as pictures of their own: a page names their address, and their styles stay out of it."""

from __future__ import annotations

from starlette.responses import Response

from partita.api.asking import Asking
from partita.web.pages import seen_as

__all__ = ["chart"]

_ASKS_MACHINE = "@media (prefers-color-scheme: dark) {"


def chart(asked: Asking, svg: str) -> Response:
    """The picture in the colours of whoever looks."""
    theme = seen_as(asked.request).theme
    if theme != "auto":
        svg = svg.replace(_ASKS_MACHINE, "@media all {" if theme == "dark" else "@media not all {")
    headers = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"}
    return Response(svg.encode("utf-8", "replace"), media_type="image/svg+xml", headers=headers)
