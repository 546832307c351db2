"""What pages and pictures say is there in each language."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import partita
from partita.core.states import ATTEMPT_OUTCOMES, WAIT_OUTCOMES, Mark, State
from partita.drawing.run_layout import _TOLD_KINDS
from partita.protocol.sentences import SENTENCES
from partita.settings import describe_settings
from partita.web.fields import _WRONG
from partita.web.texts import LANGUAGES, Texts, language_of

PACKAGE = Path(partita.__file__).parent
TEXTS = PACKAGE / "web" / "texts"
OTHERS = sorted(set(LANGUAGES) - {"en"})
#: Says a literal that is all there is to say: where more is put after it, it is only the beginning of a text.
_SAID = re.compile(r"""(?<![\w.])_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?=\s*[,)])""")
_BRACES = re.compile(r"\{(\w+)\}")
#: Names of functions that say what they are given in the reader's language.
_TELLS = frozenset({"tell", "_tell", "texts", "_texts"})
#: What settings are by default, where that is told in words.
_DEFAULTS = {setting.default for setting in describe_settings() if re.match(r"[a-z0-9]+ |python:", setting.default)}
#: What is said by the value of something.
_NAMES = {
    *(state.name.lower() for state in State), *(mark.name.lower() for mark in Mark if mark.name), *ATTEMPT_OUTCOMES,
    *WAIT_OUTCOMES, *_TOLD_KINDS.values(), *_WRONG.values(), *SENTENCES.values(), *_DEFAULTS, ", ", "cpu", "memory", "gpu",
}  # fmt: skip


def of_templates() -> Iterator[str]:
    for file in (PACKAGE / "web" / "templates").rglob("*.html"):
        for found in _SAID.finditer(file.read_text("utf-8")):
            yield ast.literal_eval(found[1])


def of_code(folder: str) -> Iterator[str]:
    """The literals given to whatever tells, also those between which is chosen."""
    for file in (PACKAGE / folder).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in _TELLS:
                    yield from _literals(node.args[0])


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Dict):
        for each in [*node.func.value.values, *node.args[1:]]:
            yield from _literals(each)


def told() -> set[str]:
    return {*of_templates(), *of_code("web"), *of_code("drawing"), *_NAMES}


@pytest.mark.parametrize("language", OTHERS)
def test_all_that_pages_and_pictures_say_is_there_in_each_language(language: str) -> None:
    found = {}
    for file in (TEXTS / language).glob("*.json"):
        found |= json.loads(file.read_text("utf-8"))
    texts = told()
    # Of each source there is something, so that a pattern that finds nothing is noticed.
    assert {"Nothing waits for you.", "after {names}", "calls", "{n} s", "This is required.", "now"} <= texts
    assert sorted(texts - set(found)) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_is_said_in_one_way_whichever_file_has_it(language: str) -> None:
    ways: dict[str, set[str]] = {}
    for file in (TEXTS / language).glob("*.json"):
        for text, said in json.loads(file.read_text("utf-8")).items():
            ways.setdefault(text, set()).add(said)
    assert {text: said for text, said in ways.items() if len(said) > 1} == {}


@pytest.mark.parametrize("language", OTHERS)
def test_texts_have_the_same_names_in_braces_in_each_language(language: str) -> None:
    wrong = []
    for file in (TEXTS / language).glob("*.json"):
        for text, said in json.loads(file.read_text("utf-8")).items():
            if set(_BRACES.findall(text)) != set(_BRACES.findall(said)) or not said.strip():
                wrong.append((file.name, text, said))
    assert wrong == []


def test_pictures_are_told_in_the_language_of_the_page() -> None:
    assert Texts("zh-CN")("after {names}").format(names="fit") == "在 fit 之后"
    assert Texts("en")("after {names}").format(names="fit") == "after fit"


@pytest.mark.parametrize(
    "chosen, accepted, language",
    [("", "de, zh-TW;q=0.5, en;q=0.2", "zh-CN"), ("en", "zh", "en"), ("xx", "", "en"), ("", "en;q=x, zh;q=0.1", "zh-CN")],
)  # fmt: skip
def test_the_language_is_the_one_chosen_or_the_first_that_there_is(chosen: str, accepted: str, language: str) -> None:
    assert language_of(chosen, accepted) == language
