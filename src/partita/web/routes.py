"""All pages."""

from __future__ import annotations

from collections.abc import Sequence

from partita.api.routes import Routes
from partita.web import (
    approvals,
    artifact,
    artifacts,
    audit,
    compare,
    executors,
    flow,
    flows,
    home,
    model_versions,
    models,
    preferences,
    published,
    run,
    run_graphs,
    runs,
    secrets,
    sessions,
    settings,
    sign_in,
    step_reports,
    studies,
    tokens,
    upkeep,
    users,
)

__all__ = ["page_routes"]


#: Modules of pages.
_PAGES = (
    home, runs, run, step_reports, run_graphs, compare, approvals, flows, published, flow, models, model_versions, studies,
    artifacts, artifact, executors, upkeep, audit, settings, tokens, users, sessions, secrets, sign_in, preferences,
)  # fmt: skip


def page_routes() -> Sequence[Routes]:
    """The routes of all pages."""
    return [page.routes for page in _PAGES]
