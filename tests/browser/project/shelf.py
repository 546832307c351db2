"""Values of every kind that a page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from partita import File, Folder, Html, flow, task


class Odd:
    """Python alone can open it."""

    def __init__(self, n: int) -> None:
        self.n = n


@task
def sales(rows: int) -> pd.DataFrame:
    days = np.arange(rows)
    return pd.DataFrame({"day": days, "city": [f"city {day % 7}" for day in days], "sold": (days * 37) % 101 / 10})


@task
def matrix(table: pd.DataFrame) -> np.ndarray:
    return np.outer(table["sold"], table["sold"])


@task
def picture(values: np.ndarray) -> Image.Image:
    shades = (255 * values / values.max()).astype("uint8")
    return Image.fromarray(shades)


@task
def page(table: pd.DataFrame) -> Html:
    script = "<script>parent.document.title = 'taken'; document.body.innerHTML = 'ran'</script>"
    return Html(f"<h1>Sold in {len(table)} days</h1>{script}<img src='http://127.0.0.1:9/seen.png'>")


@task
def report(table: pd.DataFrame) -> dict[str, Any]:
    Path("summary.txt").write_text("sold: much\n" * 3)
    (Path("all") / "deep").mkdir(parents=True, exist_ok=True)
    Path("all/one.txt").write_text("one")
    Path("all/deep/two.txt").write_text("two")
    return {
        "file": File("summary.txt"),
        "folder": Folder("all"),
        "odd": Odd(len(table)),
        "count": len(table),
        "<b>evil</b>": np.arange(20_000),
        "note": "<script>alert(1)</script>",
    }


@flow
def shelf(rows: int = 100) -> dict[str, Any]:
    table = sales(rows)
    picture(matrix(table))
    page(table)
    return report(table)
