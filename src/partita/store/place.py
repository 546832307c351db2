"""Where a store lies: a folder, or a PostgreSQL database by its URL."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from partita.errors import SettingsError
from partita.settings_values import STORE_SCHEMES

__all__ = ["PostgresPlace", "is_postgres"]

DEFAULT_SCHEMA = "partita"


def is_postgres(store: str) -> bool:
    """Whether the setting names a PostgreSQL database and not a folder."""
    return store.partition("://")[0] in STORE_SCHEMES and "://" in store


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A schema of a database. As a text it has no password."""

    conninfo: str  # as libpq takes it
    schema: str

    @classmethod
    def of(cls, url: str) -> PostgresPlace:
        """Read a URL whose query may name the schema.

        Raises:
            SettingsError: it is none of PostgreSQL, or the schema's name has a character that none may have.
        """
        if not is_postgres(url):
            raise SettingsError(f"{url!r} is no address of PostgreSQL, such as postgresql://user@host/database")
        parts = urlsplit(url)
        given = parse_qsl(parts.query, keep_blank_values=True)
        schema = dict(given).get("schema", DEFAULT_SCHEMA)
        if not schema or "\0" in schema or len(schema.encode()) > 63:
            raise SettingsError(f"{schema!r} is no name of a schema: give 1 to 63 characters, such as ?schema=prices")
        query = urlencode([(name, value) for name, value in given if name != "schema"], quote_via=quote, safe="/")
        return cls(urlunsplit(parts._replace(query=query)), schema)

    @property
    def quoted_schema(self) -> str:
        """The schema as SQL names it."""
        doubled = self.schema.replace('"', '""')
        return f'"{doubled}"'

    def __str__(self) -> str:
        parts = urlsplit(self.conninfo)
        user = f"{parts.username}@" if parts.username else ""
        place = parts.hostname or dict(parse_qsl(parts.query)).get("host", "")
        port = f":{parts.port}" if parts.port else ""
        return f"postgresql://{user}{place}{port}{parts.path} (schema {self.schema})"
