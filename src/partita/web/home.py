"""The first page: what runs, what waits for whoever looks, what broke, what is planned next, how busy the machine is."""

from __future__ import annotations

import time

from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.views.home import home_of
from partita.web.approvals import asked_of
from partita.web.pages import pages_of

__all__ = ["routes"]

routes = Routes()


@routes.reads("/", needs="runs:read")
def home(asked: Asked) -> Response:
    """The first page."""
    version = asked.server.following.version
    view = asked.server.remembered.get("home", version, lambda: home_of(asked.workspace, time.time()))
    return pages_of(asked).show(asked.request, "home.html", home=view, mine=asked_of(asked, view["waits"]))
