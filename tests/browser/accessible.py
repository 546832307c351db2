"""Whether a page can be used without seeing it: axe's rules over what a screen reader is given; and whether its tables can be read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["complaints"]


@cache
def _axe() -> str:
    import axe_playwright_python

    return next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text("utf-8")


#: Of tables, the heads of columns of numbers that do not stand above them.
_HEADS = """() => [...document.querySelectorAll("table.list")].flatMap(table => {
    const rows = [...table.tBodies].flatMap(body => [...body.rows]).filter(row => [...row.cells].every(cell => cell.colSpan === 1));
    const side = cell => getComputedStyle(cell).textAlign;
    return [...(table.tHead?.rows[0]?.cells ?? [])].filter((head, column) => {
        const cells = rows.map(row => row.cells[column]).filter(Boolean);
        return cells.length && cells.every(cell => side(cell) === "right") !== (side(head) === "right");
    }).map(head => head.innerText);
})"""


def complaints(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is: rule, what it says, and the first places. And heads that stand beside their columns."""
    page.evaluate(_axe())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    heads = [f"the head of a column does not stand above it: {head}" for head in page.evaluate(_HEADS)]
    return heads + [
        f"{each['id']}: {each['help']} "
        + "; ".join(str(node["target"]) + " " + node["html"][:120] for node in each["nodes"][:4])
        for each in found["violations"]
    ]
