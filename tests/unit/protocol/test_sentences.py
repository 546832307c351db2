"""What the engine says in sentences is made of kinds that all have a text."""

from __future__ import annotations

import ast
from pathlib import Path

import partita
from partita.engine.explaining import _ENDS
from partita.protocol.sentences import SENTENCES, in_words, joined, say, some

PACKAGE = Path(partita.__file__).parent


def kinds_said() -> set[str]:
    """The kinds that the engine's code names: those between which it chooses, too."""
    found = {f"attempt_{end}" for end in _ENDS}
    for name in ("engine/explaining.py", "engine/cache_requests.py", "workspace/probing.py"):
        for node in ast.walk(ast.parse((PACKAGE / name).read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value in SENTENCES:
                found.add(str(node.value))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args:
                given = node.args[0]
                if isinstance(given, ast.Constant):
                    found.add(str(given.value))
    return found


def test_every_kind_that_the_engine_says_has_a_text_and_every_text_is_said() -> None:
    assert kinds_said() | {"and_more"} == set(SENTENCES)


def test_values_are_told_by_their_names() -> None:
    assert in_words(say("waited_for_inputs", waited_s=65.0, last="fit")) == (
        "It waited 1m 05s for its inputs; the last of them was fit."
    )
    assert in_words(say("some_cached", count=1200)) == "1,200 steps were taken from the cache."
    lacks = [say("are_held", name="cpu", held="2", capacity="2"), say("are_held", name="gpu", held="1", capacity="1")]
    assert in_words(say("waits_for_room", lacks=lacks)) == (
        "It is ready, and waits for room (cpu: 2 of 2 are held, gpu: 1 of 1 are held)."
    )


def test_of_many_names_a_few_are_told() -> None:
    assert in_words(say("waits_for", what=some(["a", "b", "a"]))) == "It waits for a, b."
    assert in_words(say("waits_for", what=some("abcdefgh"))) == "It waits for a, b, c, d, e and 3 more."


def test_braces_in_a_value_stand_for_nothing() -> None:
    said = say("attempt_failed", attempt=1, reason="KeyError: {attempt}")
    assert in_words(said) == "Attempt 1 failed (KeyError: {attempt})."


def test_sentences_are_joined_as_the_language_has_it() -> None:
    said = [say("failed_first", step="fit", reason="no"), say("one_skipped")]
    assert joined(said) == "What failed first was fit (no). Because of that 1 step was skipped."
    assert (
        joined(said, lambda text: {SENTENCES["failed_first"]: "{step}（{reason}）。"}.get(text, "因此。"))
        == "fit（no）。因此。"
    )
