"""A schema file is known by its number: of two with one number, one would never be carried out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from partita.store import postgres, schema


@pytest.mark.parametrize("folder", [schema.MIGRATIONS, postgres.MIGRATIONS], ids=["sqlite", "postgres"])
def test_each_number_is_there_once_and_none_is_left_out(folder: Path) -> None:
    numbers = Counter(int(file.name[:4]) for file in folder.glob("[0-9]*.sql"))
    assert sorted(numbers.elements()) == list(range(1, len(numbers) + 1))
