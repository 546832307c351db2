"""People: what they may, whether they may sign in, and to which account of a provider they are tied."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import Request
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import Routes
from partita.errors import AccessError, NotFoundError, OptionError
from partita.protocol.access import Role
from partita.web.pages import moved, pages_of, refused
from partita.workspace.local import LocalWorkspace

__all__ = ["routes"]

routes = Routes()


@routes.reads("/settings/users", needs="users:read")
def users(asked: Asked) -> Response:
    """All people."""
    return _page(asked)


def _page(asked: Asked, problem: str = "", said: dict[str, str] | None = None, status: int = 200) -> Response:
    return pages_of(asked).show(
        asked.request, "users.html", status=status, users=asked.workspace.users(), roles=[role.value for role in Role],
        problem=problem, said=said or {"name": "", "role": "viewer"}, me=asked.name,
    )  # fmt: skip


@routes.changes("/settings/users", needs="users:write")
async def change(request: Request, asked: Asked) -> Response:
    """Name a person, or change one: what the button says."""
    form = await request.form()
    name, role, what = (str(form.get(key, "")).strip() for key in ("name", "role", "what"))
    actor = asked.actor
    changes: dict[str, Callable[[LocalWorkspace], object]] = {
        "set": lambda workspace: workspace.set_user(name, role, by=actor),
        "untie": lambda workspace: workspace.set_user(name, "", untie=True, by=actor),
        "disable": lambda workspace: workspace.disable_user(name, by=actor),
        "enable": lambda workspace: workspace.enable_user(name, by=actor),
        "sign-out": lambda workspace: workspace.end_sessions(name, by=actor),
    }
    said = {"name": name, "role": role}

    def make(workspace: LocalWorkspace) -> Response:
        try:
            if what not in changes:
                raise OptionError(f"{what!r} cannot be done to a user; give {', '.join(changes)}")
            changes[what](workspace)
        except (OptionError, NotFoundError, AccessError) as error:
            return _page(asked, refused(asked, error), said, 422)
        asked.server.identifying.forget()
        return moved("/settings/users")

    answer: Response = await asked.in_thread(make)
    return answer
