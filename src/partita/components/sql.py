"""Queries and statements for databases, by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from partita.components.extras import need
from partita.components.variables import filled_url
from partita.errors import DefinitionError
from partita.flow.task import task

__all__ = ["sql_execute", "sql_query", "sql_table"]

Library = Literal["pandas", "polars", "arrow"]


@task(tags=("sql", "database"))
def sql_query(query: str, url: str, *, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Ask a database and give the rows, each as a dict by column.

    It commits nothing: what changes the database is for `sql_execute`.

    Args:
        query: with `:name` where a parameter goes in. Parameters are bound, never written into the text; a list is for
            `IN :names`.
        url: the database as SQLAlchemy names it, such as "postgresql+psycopg://me:${PASSWORD}@host/shop"; may name
            secrets, as `${NAME}`.
        parameters: values by name.
    """
    with _connected(url, "sql_query") as connection:
        return [{name: _plain(value) for name, value in row.items()} for row in _asked(connection, query, parameters)]


@task(tags=("sql", "database", "table"))
def sql_table(query: str, url: str, *, parameters: dict[str, Any] | None = None, library: Library = "pandas") -> Any:
    """Ask a database and give the rows as a table.

    Args:
        query: as for `sql_query`.
        url: as for `sql_query`.
        parameters: values by name.
        library: whose table it is.

    Returns:
        A pandas or Polars DataFrame, or an Arrow Table.
    """
    with _connected(url, "sql_table") as connection:
        answer = _asked(connection, query, parameters)
        columns = list(answer.keys())
        rows = [tuple(_plain(row[name]) for name in columns) for row in answer]
    return _table(library, columns, rows)


@task(idempotent=False, tags=("sql", "database"))
def sql_execute(
    statements: str | list[str], url: str, *, parameters: dict[str, Any] | list[dict[str, Any]] | None = None
) -> int:
    """Change a database in one transaction: all of it happens, or nothing.

    It is never started twice where nobody knows whether it did its work; for statements that may well be repeated, say
    `.with_options(idempotent=True)`.

    Args:
        statements: one, or several in order, with `:name` where a parameter goes in.
        url: as for `sql_query`.
        parameters: values by name; a list of them runs every statement once for each.

    Returns:
        How many rows were changed, as far as the database says.
    """
    texts = [statements] if isinstance(statements, str) else statements
    sets = parameters if isinstance(parameters, list) else [parameters or {}]
    changed = 0
    with _connected(url, "sql_execute") as connection, connection.begin():
        for text in texts:
            for given in sets:
                changed += max(connection.execute(_statement(text, given), given).rowcount, 0)
    return changed


@contextmanager
def _connected(url: str, name: str) -> Iterator[Any]:
    sqlalchemy = need("sqlalchemy", "sql", name)
    try:
        engine = sqlalchemy.create_engine(filled_url(url, f"{name}'s url"), poolclass=sqlalchemy.NullPool)
    except (sqlalchemy.exc.NoSuchModuleError, sqlalchemy.exc.ArgumentError) as error:
        shape = "a URL is written dialect+driver://user:password@host/database"
        raise DefinitionError(f"{name} cannot use its url: {error}; {shape}") from error
    except ModuleNotFoundError as error:
        raise DefinitionError(f"{name}: this database needs the package {error.name!r}; install it") from error
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _asked(connection: Any, query: str, parameters: Mapping[str, Any] | None) -> Any:
    given = parameters or {}
    answer = connection.execute(_statement(query, given), given)
    if not answer.returns_rows:
        raise ValueError(f"the statement gives no rows, and nothing of it was kept: {query!r}; use sql_execute")
    return answer.mappings()


def _statement(text: str, parameters: Mapping[str, Any]) -> Any:
    """The statement; a parameter that is a list stands for as many values."""
    import sqlalchemy

    lists = [name for name, value in parameters.items() if isinstance(value, (list, tuple))]
    return sqlalchemy.text(text).bindparams(*(sqlalchemy.bindparam(name, expanding=True) for name in lists))


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _table(library: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Any:
    if library == "pandas":
        return need("pandas", "tables", "sql_table").DataFrame.from_records(rows, columns=list(columns))
    if library == "polars":
        polars = need("polars", "polars", "sql_table")
        return polars.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None)
    arrow = need("pyarrow", "tables", "sql_table")
    return arrow.table({name: [row[number] for row in rows] for number, name in enumerate(columns)})
