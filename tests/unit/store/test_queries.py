from __future__ import annotations

from pathlib import Path

import pytest

from partita.store import queries
from partita.store.queries import read_statements


def test_statements_are_found_by_name_without_comments(tmp_path: Path) -> None:
    file = tmp_path / "some.sql"
    file.write_text(
        "-- of the file\n\n-- why\n-- name: first\nselect 1,\n    2\n\n-- of the second\n-- name: second\nselect '--'\n"
    )
    assert read_statements(file) == {"first": "select 1, 2", "second": "select '--'"}


def test_a_name_is_given_once(tmp_path: Path) -> None:
    file = tmp_path / "some.sql"
    file.write_text("-- name: a\nselect 1\n-- name: a\nselect 2\n")
    with pytest.raises(ValueError, match="two statements named a"):
        read_statements(file)


def test_every_statement_of_the_store_is_used() -> None:
    folder = Path(queries.__file__).parent
    for file, modules in (("queries.sql", ["sqlite.py"]), ("postgres.sql", ["postgres.py", "postgres_peers.py"])):
        modules += [
            "statement_store.py",
            "model_statements.py",
            "access_statements.py",
            "access.py",
            "secret_statements.py",
            "publication_statements.py",
        ]
        source = "".join((folder / module).read_text() for module in modules)
        assert [name for name in read_statements(folder / file) if f'"{name}"' not in source] == []
