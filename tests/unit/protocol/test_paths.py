"""How steps are named."""

from __future__ import annotations

import pytest

from partita.protocol.paths import END, SHORT, WHOLE, closeness


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("prep/fit", "prep/fit", WHOLE),
        ("fit", "prep/fit", END),
        ("it", "prep/fit", None),
        ("fit[3]", "fit[]/fit[3]", SHORT),
        ("fit[3]", "deep/fit[]/fit[3]", END),
        ("fit", "undo prep/fit", None),  # one name, of a step that undoes another
        ("fit", "deep/undo prep/fit", None),
        ("undo prep/fit", "deep/undo prep/fit", END),
    ],
)
def test_a_name_fits_by_its_whole_or_its_end(name: str, path: str, expected: int | None) -> None:
    assert closeness(name, path) == expected
