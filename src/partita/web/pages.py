"""How a page is made: its frame, its language, its colours, and what it may offer to whoever looks."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from partita.api.asking import Asking
from partita.auth.policy import allows
from partita.drawing.html import SYMBOLS
from partita.drawing.record_html import framed
from partita.protocol.access import Identity
from partita.protocol.paths import short_path
from partita.version import VERSION
from partita.web.formats import Formats
from partita.web.refusals import refusal
from partita.web.texts import LANGUAGES, Texts, language_of

__all__ = ["NAVIGATION", "STATIC", "Pages", "back_to", "moved", "new_key", "pages_of", "seen_as"]

_HERE = Path(__file__).parent
STATIC = _HERE / "static"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation."""

    path: str
    text: str
    needs: str  # who may do this sees it
    sign: str


NAVIGATION = (
    Entry("/", "Home", "runs:read", "⌂"),
    Entry("/runs", "Runs", "runs:read", "▸"),
    Entry("/flows", "Flows", "flows:read", "◇"),
    Entry("/approvals", "Approvals", "runs:read", "✓"),
    Entry("/models", "Models", "models:read", "◆"),
    Entry("/studies", "Studies", "studies:read", "∿"),
    Entry("/artifacts", "Artifacts", "artifacts:read", "▤"),
    Entry("/executors", "Executors", "executors:read", "⚙"),
    Entry("/audit", "Audit", "audit:read", "☰"),
    Entry("/settings", "Settings", "settings:read", "≡"),
)


def new_key() -> str:
    """What a form that starts a run is sent with: sent twice, as by a double click, it starts one."""
    return secrets.token_hex(12)


class Pages:
    """Makes pages of templates."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._environment.globals["static"] = self.static
        self._environment.globals["new_key"] = new_key
        self._environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
        self._environment.filters["short_path"] = short_path
        self._environment.filters["framed"] = lambda page: framed(str(page))
        self._environment.globals["signs"] = SYMBOLS

    @cached_property
    def _versions(self) -> dict[str, str]:
        found = {}
        for file in STATIC.rglob("*"):
            if file.is_file():
                found[file.relative_to(STATIC).as_posix()] = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        return found

    def static(self, name: str) -> str:
        """The address of a file that browsers may keep for ever: it changes with the file."""
        return f"/static/{name}?v={self._versions[name]}"

    def texts(self, request: Request) -> Texts:
        """What is said in the language of whoever asks."""
        return Texts(seen_as(request).language)

    def show(self, request: Request, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page."""
        identity: Identity | None = request.scope.get("partita.identity")
        texts = Texts(seen_as(request).language)
        formats = Formats(texts)

        def can(action: str, run: str = "") -> bool:
            return identity is not None and allows(identity, action, run=run)

        given = {
            "_": texts, "format": formats, "language": texts.language, "languages": LANGUAGES, "theme": seen_as(request).theme,
            "identity": identity, "csrf": request.scope.get("partita.csrf", ""), "can": can, "path": request.url.path,
            "navigation": [entry for entry in NAVIGATION if can(entry.needs)], "version": VERSION,
            "here": _here(request.url), "query": request.query_params, "with_query": lambda **new: _with(request.url, new),
            "is_refused": status >= 400,  # nothing is loaded again over what was typed
            "seen_version": request.scope.get("partita.version", 0),
            "is_developing": request.app.state.server.settings.is_developing,
            "project": request.app.state.project_name,
        }  # fmt: skip
        body = self._environment.get_template(template).render({**given, **context})
        return HTMLResponse(body, status)


@dataclass(frozen=True, slots=True)
class Seen:
    """How somebody wants to see pages."""

    language: str
    theme: str  # "light", "dark", or "auto": as the machine is set


def seen_as(request: Request) -> Seen:
    theme = request.cookies.get("partita-theme", "auto")
    chosen = request.query_params.get("language") or request.cookies.get("partita-language", "")
    language = language_of(chosen, request.headers.get("accept-language", ""))
    return Seen(language, theme if theme in ("light", "dark") else "auto")


def _here(url: URL) -> str:
    return url.path + (f"?{url.query}" if url.query else "")


def _with(url: URL, new: dict[str, Any]) -> str:
    """This page's address with other parameters; None takes one away."""
    gone = [name for name, value in new.items() if value is None]
    kept = url.remove_query_params(gone) if gone else url
    return _here(kept.include_query_params(**{name: value for name, value in new.items() if value is not None}))


def back_to(address: str) -> str:
    """An address of this server that a form gave; another site's, or none, is the first page."""
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_ours and not any(ord(letter) < 32 for letter in address) else "/"


def moved(address: str) -> Response:
    """Go on there, after a form was sent."""
    return RedirectResponse(address, 303)


def refused(asked: Asking, error: Exception) -> str:
    """What is said of an error, in the language of whoever asks."""
    return refusal(error, pages_of(asked).texts(asked.request))


def pages_of(asked: Asking) -> Pages:
    pages: Pages = asked.request.app.state.pages
    return pages
