"""How pages look: language and colours, kept in cookies of the browser."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from partita.api.asking import Asked
from partita.api.routes import OPEN, Routes
from partita.web.pages import back_to, moved
from partita.web.texts import LANGUAGES

__all__ = ["routes"]

routes = Routes()
_YEAR_S = 365 * 86400


@routes.changes("/preferences", needs=OPEN)
async def change(request: Request, asked: Asked) -> Response:
    """Choose a language or colours."""
    form = await request.form()
    answer = moved(back_to(str(form.get("next", "/"))))
    language, theme = str(form.get("language", "")), str(form.get("theme", ""))
    is_secure = asked.server.settings.is_secure
    if language in LANGUAGES:
        answer.set_cookie("partita-language", language, _YEAR_S, samesite="lax", secure=is_secure, httponly=True)
    if theme in ("light", "dark", "auto"):
        answer.set_cookie("partita-theme", theme, _YEAR_S, samesite="lax", secure=is_secure, httponly=True)
    return answer
