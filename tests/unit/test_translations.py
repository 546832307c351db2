"""Translated pages say what their sources say: the same code, the same parts, and nothing that is older."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.translations import ROOT, blocks_of, hash_of, source_of, translations
from tests.documents import FENCE, name_of

PAGES = translations()

#: Term -> its translation; the glossary is a page of the site.
_TERM = re.compile(r"^\| ([\w ]+) \| ([^|]+) \|", re.MULTILINE)


def test_the_pages_that_are_to_be_translated_are() -> None:
    assert {name_of(source_of(page)) for page in PAGES} >= {"README.md", "docs/get-started.md", "docs/tutorial.md"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_translation_is_not_older_than_its_source(page: Path) -> None:
    """Where it is: change the translation, then `python docs/translations.py`."""
    assert hash_of(source_of(page)) in page.read_text(encoding="utf-8").splitlines()[0]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_code_is_the_same(page: Path) -> None:
    assert blocks_of(page) == blocks_of(source_of(page))
    assert len(blocks_of(page)) >= 5


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_parts_are_the_same(page: Path) -> None:
    def levels(text: str) -> list[int]:
        return [len(found) for found in re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)]

    assert levels(page.read_text(encoding="utf-8")) == levels(source_of(page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_both_lead_to_each_other(page: Path) -> None:
    source = source_of(page)
    assert f"]({page.relative_to(source.parent)})" in source.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert source in [(page.parent / link).resolve() for link in links]


def test_terms_are_translated_as_the_glossary_says() -> None:
    """A term that an English page uses often stands in its translation in the glossary's words."""
    terms = dict(_TERM.findall((ROOT / "docs" / "zh-CN" / "index.md").read_text(encoding="utf-8")))
    assert len(terms) > 15
    for page in PAGES:
        source, text = (FENCE.sub("", file.read_text(encoding="utf-8")).lower() for file in (source_of(page), page))
        for term, translated in terms.items():
            if len(re.findall(rf"\b{term}s?\b", source)) >= 3:
                assert any(word.strip(" `").lower() in text for word in translated.split("，")), f"{page.name}: {term}"
