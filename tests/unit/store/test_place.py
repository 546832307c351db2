from __future__ import annotations

import pytest

from partita.errors import SettingsError
from partita.store.place import PostgresPlace, is_postgres


def test_a_url_names_a_schema_and_shows_no_password() -> None:
    place = PostgresPlace.of("postgresql://me:secret@db.example:5433/runs?sslmode=require&schema=my%20runs")
    assert place.conninfo == "postgresql://me:secret@db.example:5433/runs?sslmode=require"
    assert str(place) == "postgresql://me@db.example:5433/runs (schema my runs)" and "secret" not in str(place)
    assert place.quoted_schema == '"my runs"' and PostgresPlace("", 'a"b').quoted_schema == '"a""b"'
    assert PostgresPlace.of("postgres:///runs?host=/run/pg").schema == "partita"


@pytest.mark.parametrize(
    "url", ["postgresql://db/runs?schema=", "postgresql://db/runs?schema=" + "x" * 64, "mysql://db/x"]
)
def test_what_names_no_schema_is_refused(url: str) -> None:
    with pytest.raises(SettingsError):
        PostgresPlace.of(url)


def test_folders_are_no_databases() -> None:
    assert not is_postgres(".partita") and not is_postgres("postgresql") and is_postgres("postgres://x/y")
