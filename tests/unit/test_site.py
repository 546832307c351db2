"""The documentation site is built without a warning, and needs nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra 'docs'")

DOCS = Path(__file__).parents[2] / "docs"

#: What a browser would fetch while it shows a page; links that a reader may follow are something else.
_FETCHED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]*)\"|<link\b[^>]*\bhref=\"([^\"]*)\"")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    words = [
        "--fail-on-warning",
        "--keep-going",
        "--quiet",
        "-b",
        "html",
        "-d",
        f"{folder}/.trees",
        str(DOCS),
        str(folder),
    ]
    built = subprocess.run([sys.executable, "-m", "sphinx", *words], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = [page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")]
    assert len(pages) > 10
    assert not [page for page in pages if not (site / page).is_file()]


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = [script or link for script, link in _FETCHED.findall(page.read_text(encoding="utf-8"))]
        assert fetched
        assert not [address for address in fetched if "//" in address], page
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"(?:@import\s+|url\()[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_the_reference_shows_the_docstrings(site: Path) -> None:
    page = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for anchor in (
        "partita.task",
        "partita.Run.result",
        "partita.errors.StepError",
        "partita.testing.memory_workspace",
    ):
        assert f'id="{anchor}"' in page
