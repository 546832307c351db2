"""The page of the settings in force, and where each was set."""

from __future__ import annotations

from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.web.pages import pages_of

__all__ = ["routes"]

routes = Routes()


@routes.reads("/settings", needs="settings:read")
def settings(asked: Asked) -> Response:
    """What is in force. Values of secrets are in none of them, and passwords in addresses are not shown."""
    found = asked.workspace.shown_settings()
    set_here = [setting for setting in found if setting["source"] != "default"]
    others = [setting for setting in found if setting["source"] == "default"]
    return pages_of(asked).show(asked.request, "settings.html", set_here=set_here, others=others)
