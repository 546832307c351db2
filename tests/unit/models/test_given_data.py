"""Which of the values that a step was given are shown as its data."""

from __future__ import annotations

from typing import Any

from partita.models.given_data import data_behind, data_first

SEALED = ["sealed", "a", 800531, "Sealed 800,531 bytes"]
PICTURE = ["html", "b", 9000, "Html('<svg xmlns"]
DRAWN = ["text", "c", 9000, "'<svg xmlns"]
ARRAY = ["npy", "d", 4096, "ndarray float64 (500, 4)"]
TABLE = ["pandas", "e", 90000, "DataFrame 1000 x 7"]


def test_tables_come_first_and_pictures_are_left_out() -> None:
    assert data_first([SEALED, PICTURE, ARRAY, DRAWN, TABLE]) == [TABLE, ARRAY]
    assert data_first([SEALED, PICTURE]) == [SEALED, PICTURE], "they are better than nothing"
    assert data_first([SEALED, PICTURE], has_other=True) == []


def test_data_of_the_steps_behind_is_found_once() -> None:
    def view(step: int, codec: str, hash: str, type: str = "") -> Any:
        return {"step": step, "codec": codec, "hash": hash, "name": f"r1:s{step}", "type": type}

    nodes: Any = [
        {"run": "r1", "step": step, "is_start": step == 9} for step in (9, 4, 2)
    ]  # fmt: skip
    made = [view(9, "pandas", "z"), view(4, "pandas", "x"), view(2, "pandas", "x"), view(2, "html", "h"), view(3, "pandas", "o"),
            view(4, "parts", "", "File")]  # fmt: skip
    lineage: Any = {"nodes": nodes}
    assert [(found["step"], found["hash"]) for found in data_behind(lineage, lambda run, most: made)] == [
        (2, "x"),
        (4, ""),
    ]
