"""The page of executors and the engine, with a button that sends a step through one."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.errors import NotFoundError
from partita.protocol.requests import ProbeView
from partita.views.machine import look_at_machine
from partita.web.pages import pages_of, refused
from partita.workspace.local import LocalWorkspace

__all__ = ["routes"]

routes = Routes()


@routes.reads("/executors", needs="executors:read")
def executors(asked: Asked) -> Response:
    """What each executor may hold and holds, and the engine."""
    return _page(asked)


def _page(asked: Asked, probe: ProbeView | None = None, problem: str = "", status: int = 200) -> Response:
    version = asked.server.following.version
    machine = asked.server.remembered.get("machine page", version, lambda: look_at_machine(asked.workspace))
    return pages_of(asked).show(
        asked.request, "executors.html", status=status, machine=machine, probe=probe, problem=problem
    )


@routes.changes("/executors", needs="executors:probe")
async def probe(request: Request, asked: Asked) -> Response:
    """Send a step through an executor, wait for it, and show how it went."""
    form = await request.form()
    name = str(form.get("name", ""))[:200]

    def send(workspace: LocalWorkspace) -> Response:
        try:
            with asked.heavy():
                found = workspace.probe_executor(name)
        except NotFoundError as error:
            return _page(asked, problem=refused(asked, error), status=404)
        asked.note("executor.probe", name, is_ok=found["is_ok"])
        return _page(asked, found)

    answer: Response = await asked.in_thread(send)
    return answer
