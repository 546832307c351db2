"""Whether a page can be used without seeing it: axe's rules over what a screen reader is given."""

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


def complaints(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is: rule, what it says, and the first places."""
    page.evaluate(_axe())
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']} "
        + "; ".join(str(node["target"]) + " " + node["html"][:120] for node in each["nodes"][:4])
        for each in found["violations"]
    ]
