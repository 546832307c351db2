"""Whether the server lives, whether it can do its work, and what it counts: for those who watch over it.

The first two say no more than that to strangers, and are answered whatever name the server is asked by: who checks a container's
health knows only its address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time

from starlette.requests import Request
from starlette.responses import Response

from partita.api.answers import told
from partita.api.asking import Asked
from partita.api.metering import METRICS_TYPE
from partita.api.routes import OPEN, Routes
from partita.auth.policy import require
from partita.errors import PartitaError
from partita.protocol.metrics import EngineMetrics
from partita.views.machine import metrics_of_engine
from partita.workspace.local import LocalWorkspace

__all__ = ["Readiness", "routes"]

routes = Routes(tags=["health"])
_log = logging.getLogger("partita.server")
#: Seconds for which an answer is given again, so that nobody makes work by asking often; and that the engine may take.
_KEPT_S, _PATIENCE_S = 1.0, 5.0
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


class Readiness:
    """Asks the engine, once for all who want to know."""

    def __init__(self) -> None:
        self._at = -_KEPT_S
        self._why = self._told = ""
        self._looking: asyncio.Task[str] | None = None

    async def trouble(self, asked: Asked) -> str:
        """Why the server cannot do its work; empty: it can."""
        if time.monotonic() - self._at < _KEPT_S:
            return self._why
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(asked))
        try:
            # Who does not wait any longer leaves it to the others: a thread that waits for the engine cannot be called back.
            return await asyncio.wait_for(asyncio.shield(self._looking), _PATIENCE_S)
        except TimeoutError:
            return self._noted(f"the engine has not answered within {_PATIENCE_S:g} s")

    async def _look(self, asked: Asked) -> str:
        self._why = self._noted(await asked.in_thread(_trouble))
        self._at = time.monotonic()
        return self._why

    def _noted(self, why: str) -> str:
        """The reason, noted where it is another one than before."""
        if why != self._told:
            self._told = why
            _log.warning("not ready: %s", why) if why else _log.info("ready again")
        return why


def _trouble(workspace: LocalWorkspace) -> str:
    try:
        found: EngineMetrics = workspace.ask("metrics")
        workspace.ask("runs", limit=1)
    except (PartitaError, OSError) as error:
        return str(error)
    return "" if found["is_store_writable"] else "the store cannot be written to"


@routes.reads("/healthz", needs=OPEN, kind="text/plain")
async def healthz() -> Response:
    """That the process lives."""
    return Response("ok\n", media_type="text/plain")


@routes.reads("/readyz", needs=OPEN, gives={"type": "object"})
async def readyz(asked: Asked) -> Response:
    """That the engine and the store answer; why not stands in the server's log."""
    why = await asked.server.readiness.trouble(asked)
    return told({"is_ready": not why}, 503 if why else 200)


@routes.reads("/metrics", needs=OPEN, kind="text/plain")
async def metrics(asked: Asked) -> Response:
    """Counts in Prometheus's text format, for tokens that reach metrics:read; with metrics = "loopback" for this machine, too."""
    if not (asked.server.settings.has_open_metrics and _is_of_this_machine(asked.request)):
        require(asked.identity, "metrics:read")
    engine = await asked.in_thread(metrics_of_engine)
    return Response(asked.server.meter.page(asked.server, engine), media_type=METRICS_TYPE)


def _is_of_this_machine(request: Request) -> bool:
    """Whether a program of this machine asks, and no proxy of it on behalf of somebody else."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
