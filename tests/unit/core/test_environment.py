from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from partita.core.environment import Declaration

texts = st.text(max_size=20)
tuples = st.lists(texts, max_size=4).map(tuple)
declarations = st.builds(
    Declaration,
    requirements=tuples, constraints=tuples, python=texts, lock=texts, lock_digest=texts, groups=tuples, extras=tuples,
    origin=texts,
)  # fmt: skip


@given(declarations)
def test_a_declaration_comes_back_from_its_text(declaration: Declaration) -> None:
    assert Declaration.from_text(declaration.text) == declaration


@given(declarations, declarations)
def test_only_equal_declarations_have_one_text(left: Declaration, right: Declaration) -> None:
    assert (left.text == right.text) == (left == right)


def test_what_a_newer_version_wrote_is_left_out() -> None:
    assert Declaration.from_text('{"requirements":["six"],"later":1}') == Declaration(("six",))


def test_the_title_is_short() -> None:
    assert Declaration(("six", "toml"), python="3.12").title == "six, toml on Python 3.12"
    assert len(Declaration(("six",) * 100).title) <= 80
    assert Declaration(("six",), origin="needs.txt").title == "needs.txt"
