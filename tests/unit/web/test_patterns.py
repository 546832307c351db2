"""Texts that were made elsewhere are told in the reader's language, and each that is told so is said somewhere."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

import partita
from partita.errors import CheckError, NotFoundError, Problem
from partita.models.gates import Candidate, judge
from partita.protocol.access import Role
from partita.web.patterns import retold, retold_verdict
from partita.web.refusals import HEADS, refusal
from partita.web.texts import FOLDER, LANGUAGES, Texts

PACKAGE = Path(partita.__file__).parent
OTHERS = sorted(set(LANGUAGES) - {"en"})
CHINESE = Texts("zh-CN")


@cache
def messages() -> frozenset[str]:
    """Every text of the code, with {} for what is put into it, also where one ends in another that is chosen."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(_shown(part) for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


def _shown(part: ast.expr) -> str:
    return str(part.value) if isinstance(part, ast.Constant) else "{}"


def _braced(text: str) -> str:
    return re.sub(r"\{\w+\}", "{}", text)


def _is_raised(text: str) -> bool:
    """Whether some text is it, with anything for each pair of braces."""
    wanted = _braced(text)
    if wanted in messages() or text in {f"{'a' if role == Role.VIEWER else 'an'} {role}" for role in Role}:
        return True
    # A part of it may be chosen, or stand behind: the text then has one pair of braces for what is written out here.
    return any(
        re.fullmatch(".*".join(map(re.escape, known.split("{}"))), wanted)
        for known in messages()
        if "{}" in known and len(known.replace("{}", "")) > 0.6 * len(wanted.replace("{}", ""))
    )


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("kind", ["patterns", "verdicts"])
def test_every_text_that_is_told_in_a_language_is_said_so(language: str, kind: str) -> None:
    texts = json.loads((FOLDER / language / f"{kind}.json").read_text("utf-8"))
    assert [text for text in texts if not _is_raised(text)] == []


@pytest.mark.parametrize(
    "text, said",
    [
        ("run 0abc has no step 7", "运行 0abc 没有步骤 7"),
        ("there is no model 'x'; there are a, b", "没有模型 'x'；现有 a, b"),
        ("ann is a viewer, and runs:cancel needs an editor; ask an administrator",
         "ann 的角色是 查看者，而 runs:cancel 需要 编辑者；请联系管理员"),
        ("'Go?' is not open any more: it was approved (bob approved)", "'Go?' 已不再等待：结果为 已批准（bob approved）"),
        ("boom of the user's own", "boom of the user's own"),
        ("run {step} has no step {run}", "运行 {step} 没有步骤 {run}"),
    ],
)  # fmt: skip
def test_an_error_is_told_in_the_readers_language_if_it_is_known(text: str, said: str) -> None:
    assert refusal(NotFoundError(text), CHINESE) == said
    assert refusal(NotFoundError(text), Texts("en")) == text


def test_each_problem_of_a_check_is_told() -> None:
    error = CheckError(
        [Problem("train's input rounds: 'x' is not a whole number", "flows.py:3", "give a value of type int")]
    )
    assert refusal(error, CHINESE) == "flows.py:3: train 的输入 rounds：'x' 不是整数\n    请给出 int 类型的值"
    assert refusal(error, Texts("en")) == str(error)


@pytest.mark.parametrize("language", OTHERS)
def test_what_stands_over_an_error_is_there_in_each_language(language: str) -> None:
    tell = Texts(language)
    assert [head for head in HEADS.values() if tell(head) == head] == []


@pytest.mark.parametrize("gate", [
    "accuracy >= 0.9", "auc >= 0.9", "accuracy no worse", "auc no worse", "latency <= 50ms", "latency_p95_s <= 1", "size <= 1MB",
    "gap accuracy <= 0.1", "gap auc <= 0.1", "approved", "approved by ben",
])  # fmt: skip
@pytest.mark.parametrize("approval", [None, {"by": "ann", "comment": ""}, {"by": "ben", "comment": "looks right"}])
def test_what_a_gate_of_models_says_is_told_in_chinese(gate: str, approval: dict[str, str] | None) -> None:
    slices = [{"slice": "young", "metric": "accuracy", "gap": -0.08, "value": 0.8}]
    tested = {"metrics": {"accuracy": 0.91}, "intervals": {"accuracy": [0.9, 0.92]}, "slices": slices}
    one = Candidate("m:2", {"accuracy": 0.91}, 1000, {"test": tested}, approval)
    for rival in (
        None,
        one,
        Candidate("m:1", {"accuracy": 0.9}, 1000, {"test": tested}),
        Candidate("m:1", {"accuracy": 0.95}, 1),
    ):
        (verdict,) = judge([gate], one, rival)
        assert retold_verdict(verdict["told"], Texts("en")) == verdict["told"]
        said = retold_verdict(verdict["told"], CHINESE)
        assert said != verdict["told"] and re.search(r"[\u4e00-\u9fff]", said), verdict["told"]
        assert not re.search(r"\b(is|than|the|and|by)\b", said), said


def test_what_a_user_says_is_no_verdict() -> None:
    for text in ("it is raining", "accuracy is 3", "approved by ann"):
        assert retold(text, CHINESE) == text
