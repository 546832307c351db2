"""Waiting for something in a page: Playwright's own way evaluates texts in it, which the pages' content policy forbids."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["until"]


def until(page: Page, expression: str, timeout_s: float = 20.0) -> None:
    """Wait until a JavaScript expression holds in the page."""
    end = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression} did not come to hold"
        page.wait_for_timeout(50)
