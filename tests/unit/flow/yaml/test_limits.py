"""Files and expressions that were written to do harm, or by mistake, are refused soon and with a sentence."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from partita.errors import ExpressionError
from partita.flow.yaml.cel import evaluate
from tests.unit.flow.yaml.conftest import Folder

Problems = Callable[[str], list[str]]


@pytest.fixture(autouse=True)
def soon() -> Any:
    """None of these may take long; a hanging one would be ended by the suite's own limit."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < 20


def laughs(levels: int) -> str:
    lines = ["l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join([*lines, "steps: {a: {run: ls}}"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (laughs(9), "stands for more than 500,000 values once its aliases are followed"),
        ("steps: " + "[" * 200_000, "nested more than 40 levels deep"),
        ("steps: " + "{a: " * 60 + "}" * 60, "nested more than 40 levels deep"),
        ("- " * 5_000 + "a", "nested more than 40 levels deep"),
        ("a: &a [*a]\nsteps: {}", "there is no anchor &a before this"),
        ("steps: &s {a: {with: *s, run: ls}}", "there is no anchor &s before this"),
        ("#" * (5 << 20), "the file has 5,242,880 characters"),
        ("a: " + "x" * 4_200_000 + "\nsteps: {}", "the file has 4,200,013 characters"),
        ("steps: {a: {run: [" + "1, " * 600_000 + "1]}}", "stands for more than 500,000 values"),
        ("? {a: b}\n: c\nsteps: {}", "a mapping cannot be a key"),
        ("steps: {a: \x07}", "this is not YAML"),
        ("%YAML 9.9\n---\nsteps: {}", "this is not YAML"),
        ("steps: {a: {run: ls, <<: 3}}", "has no key '<<'"),
    ],
    ids=lambda value: value[:20],
)
def test_files_beyond_every_measure_are_refused(problems: Problems, text: str, told: str) -> None:
    found = problems(text)
    assert any(told in problem for problem in found), found[:3]


def test_merges_of_merges_count_as_what_they_stand_for(problems: Problems) -> None:
    lines = ["b0: &b0 {" + ", ".join(f"k{n}: [1, 2, 3]" for n in range(5_000)) + "}"]
    lines += [f"b{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 20)}]}}" for n in range(1, 6)]
    assert "stands for more than 500,000 values" in problems("\n".join(lines))[0]


def test_many_problems_are_told_up_to_a_number(problems: Problems) -> None:
    assert len(problems("steps:\n" + "\n".join(f"  s{n}: {{tusk: a}}" for n in range(3_000)))) == 100


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(" * 500 + "1" + ")" * 500, "nested too deeply"),
        ("[" * 500 + "1" + "]" * 500, "nested too deeply"),
        ("+".join(["a"] * 1_000), "joins too many parts"),
        ("a" + ".b" * 1_500, "nested too deeply"),
        ("a" + "[0]" * 1_300, "nested too deeply"),
        ("true ? 1 : " * 350 + "1", "nested too deeply"),
        ("a" * 5_000, "has 5,000 characters"),
        ("big.all(x, x >= 0)", "more than 10,000 elements"),
        ("items.all(x, items.all(y, items.all(z, true)))", "more than 10,000 elements"),
        ("a.all(w, a.all(x, a.all(y, a.all(z, true))))", "4 deep; at most 3"),
        ("[" + "+".join(["text"] * 25) + "].map(x, [" + "+".join(["x"] * 25) + "].map(y, y + y))", "too large"),
        ("ring", "nested more than 30 levels deep"),
        ("huge", "too large for an expression"),
        ("odd", "a object in `odd` cannot be computed with"),
        ("1 / 0", "divide by zero"),
        ("9223372036854775807 + 1", "overflow"),
        ("a.nothing.more", "has no value"),
        ("a[5]", "has no value"),
        ("type(a)", "which is no value for a step"),
        ("text.matches('((a{1000}){1000}){1000}')", "has no value|cannot be"),
        ("'\\xZZ'", "cannot be read"),
        ("__import__('os').system('true')", "undeclared reference to '__import__'"),
        ("a.__class__", "has no value"),
        ("", "cannot be read"),
    ],
    ids=lambda value: value[:24],
)
def test_expressions_beyond_every_measure_are_refused(text: str, told: str) -> None:
    ring: list[Any] = []
    ring.append(ring)
    values = {
        "a": [1, 2],
        "big": list(range(20_000)),
        "items": list(range(300)),
        "text": "a" * 5_000,
        "ring": ring,
        "huge": "x" * 2_000_000,
        "odd": object(),
    }
    with pytest.raises(ExpressionError, match=told):
        evaluate(text, {name: value for name, value in values.items() if name in text})


def test_a_regular_expression_cannot_run_away() -> None:
    assert evaluate("text.matches('(a+)+$')", {"text": "a" * 50_000 + "b"}) is False


def test_expressions_in_files_are_refused_where_they_stand(problems: Problems) -> None:
    deep = "(" * 100 + "inputs.a" + ")" * 100
    found = problems(f"inputs: {{a: int}}\nsteps:\n  a:\n    run: echo ${{{{ {deep} }}}}\n")
    assert len(found) == 1
    assert found[0].startswith("4:19 the expression is nested too deeply")


def test_an_expression_that_never_ends_is_not_read_to_its_end(problems: Problems) -> None:
    found = problems("steps: {a: {run: 'echo " + "${{ {" * 50_000 + "'}}")
    assert "the expression has more than 4,000 characters" in found[0]
    found = problems("steps: {a: {run: 'echo ${{ " + "1 + " * 2_000 + "1 }}'}}")
    assert "the expression has more than 4,000 characters" in found[0]


def test_an_expression_that_fails_in_a_run_fails_its_step_with_what_it_was(folder: Folder) -> None:
    run = folder.run("""
        steps:
          numbers: {task: "toolbox:numbers", with: {count: 2}}
        outputs: ${{ 1 / (steps.numbers.output[0]) }}
    """)
    assert run.state == "failed"
    assert folder.steps["outputs"] == "failed"


@pytest.mark.parametrize("seed", range(300))
def test_rubbish_is_refused_and_never_breaks_anything(folder: Folder, seed: int) -> None:
    """Files with bytes and words put where they do not belong are read, or refused as everything else is."""
    import random

    from partita.errors import CheckError, LoadError

    chance = random.Random(seed)
    text = (
        "inputs: {n: int, m: {type: text, default: a}}\nsteps:\n"
        '  a: {task: "toolbox:add", with: {left: "${{ inputs.n + 1 }}"}, retries: 2, needs: [b]}\n'
        "  b: {run: 'echo ${{ inputs.m }}', foreach: [1, 2], when: '${{ item > 1 }}'}\n"
        "outputs: {a: '${{ steps.a.output }}'}\n"
    )
    pieces = [
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "&x ",
        "*x",
        "!!str ",
        "${{",
        "}}",
        "null",
        "\n",
        "  ",
        "'",
        '"',
        "<<: ",
        "?",
        "|",
        "\t",
        "é",
        "steps",
        "with",
        "9" * 30,
        "item",
        ".",
    ]
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice(pieces) + text[place + chance.choice([0, 0, 1, 5]) :]
    try:
        folder.flow(text)
    except (CheckError, LoadError) as error:
        assert str(error)


def test_a_file_that_is_no_text_is_refused(folder: Folder) -> None:
    from partita import load_flow
    from partita.errors import LoadError

    (folder.path / "flow.yaml").write_bytes(b"\xff\xfe\x00steps: {}" + os.urandom(50))
    with pytest.raises(LoadError, match="is not UTF-8"):
        load_flow(folder.path / "flow.yaml")
    with pytest.raises(LoadError, match="there is no file"):
        load_flow(folder.path / "nothing.yaml")
