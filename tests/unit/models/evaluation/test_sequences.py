"""Entities counted as conlleval counts. The expected counts were worked out by hand, by the rules of conlleval.pl."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partita.models.evaluation import chunks_of, evaluate_sequence_labelling
from partita.models.evaluation.chunks import count_tags, tag_report


@pytest.mark.parametrize(
    ("tags", "chunks"),
    [
        ("O O O", []),
        ("B-X I-X O", [("X", 0, 2)]),
        ("B-X B-X", [("X", 0, 1), ("X", 1, 2)]),
        ("I-X I-X O I-X", [("X", 0, 2), ("X", 3, 4)]),  # IOB1
        ("I-X B-X I-X", [("X", 0, 1), ("X", 1, 3)]),  # IOB1: B where two of a type touch
        ("O I-X I-Y", [("X", 1, 2), ("Y", 2, 3)]),  # broken: I behind another type begins a new one
        ("B-X I-Y I-Y O", [("X", 0, 1), ("Y", 1, 3)]),
        ("B-X I-Y I-X", [("X", 0, 1), ("Y", 1, 2), ("X", 2, 3)]),
        ("B-X I-X", [("X", 0, 2)]),  # ends with the sentence
        ("B-X E-X B-X E-X", [("X", 0, 2), ("X", 2, 4)]),
        ("B-X I-X E-X S-X S-Y", [("X", 0, 3), ("X", 3, 4), ("Y", 4, 5)]),  # IOBES
        ("S-X I-X", [("X", 0, 1), ("X", 1, 2)]),
        ("I-X E-X I-X", [("X", 0, 2), ("X", 2, 3)]),
        ("E-X E-X", [("X", 0, 1), ("X", 1, 2)]),
        ("O E-X O", [("X", 1, 2)]),
        ("B-X I-X-Y", [("X", 0, 1), ("X-Y", 1, 2)]),  # a type may have a dash
        ("B I O B", [("", 0, 2), ("", 3, 4)]),  # chunks without types
        ("", []),
    ],
)
def test_chunks_by_hand(tags: str, chunks: list[tuple[str, int, int]]) -> None:
    assert chunks_of(tags.split()) == chunks


def test_plain_tags_are_an_entity_each() -> None:
    assert chunks_of(["X", "X", "O", "Y"], is_plain=True) == [("X", 0, 1), ("X", 1, 2), ("Y", 3, 4)]


def test_the_report_is_in_the_form_of_conlleval() -> None:
    truth = ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "O", "B-ORG", "O"]
    predicted = ["B-PER", "I-PER", "O", "B-LOC", "O", "O", "B-PER", "O"]
    assert tag_report(count_tags(truth, predicted)) == (
        "processed 8 tokens with 3 phrases; found: 3 phrases; correct: 1.\n"
        "accuracy:  75.00%; precision:  33.33%; recall:  33.33%; FB1:  33.33\n"
        "              LOC: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
        "              ORG: precision:   0.00%; recall:   0.00%; FB1:   0.00  0\n"
        "              PER: precision:  50.00%; recall: 100.00%; FB1:  66.67  2\n"
    )


@pytest.mark.parametrize(
    ("truth", "predicted", "counts"),  # there, found, correct
    [
        ("B-X I-X O", "B-X O O", (1, 1, 0)),  # half of it
        ("B-X I-X I-X", "B-X I-X B-X", (1, 2, 0)),  # the prediction ends it too early
        ("I-X I-X O", "B-X I-X O", (1, 1, 1)),  # another scheme, the same entity
        ("B-X I-X", "S-X S-X", (1, 2, 0)),
        ("B-X I-X", "B-X I-Y", (1, 2, 0)),
        ("B-X B-X", "B-X I-X", (2, 1, 0)),
        ("B-X E-X O S-Y", "B-X I-X O B-Y", (2, 2, 2)),
        ("O B-X", "B-X I-X", (1, 1, 0)),  # begins too early
        ("O O", "I-X I-X", (0, 1, 0)),
    ],
)
def test_counts_by_hand(truth: str, predicted: str, counts: tuple[int, int, int]) -> None:
    found = count_tags(truth.split(), predicted.split())
    assert tuple(sum(counter.values()) for counter in (found.there, found.found, found.right)) == counts


def test_sentences_end_entities_and_are_what_is_resampled() -> None:
    truth = [["B-X"], ["I-X", "O"], ["O", "B-Y"]] * 20
    predicted = [["B-X"], ["I-X", "O"], ["B-Y", "I-Y"]] * 20
    found = evaluate_sequence_labelling(truth, predicted)
    assert found.rows == 60 and found.metrics["f1"] == pytest.approx(2 * 40 / 120)
    assert found.metrics["f1_macro"] == 0.5 and found.metrics["token_accuracy"] == pytest.approx(60 / 100)
    assert found.table[0] == {
        "type": "X", "precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 40, "found": 40, "correct": 40,
    }  # fmt: skip
    assert 0.5 < found.intervals["f1"][0] < found.metrics["f1"] < found.intervals["f1"][1] < 0.85
    by = evaluate_sequence_labelling(truth, predicted, slices={"has y": ["B-Y" in tags for tags in truth]}, resamples=0)
    assert [row["value"] for row in by.slices if row["metric"] == "f1"] == [0.0, 1.0]


def test_sentences_without_entities_have_no_f1() -> None:
    found = evaluate_sequence_labelling([["O", "O"]], [["O", "O"]])
    assert found.metrics == {"token_accuracy": 1.0} and found.table == []


@given(st.lists(st.sampled_from(["O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y"]), max_size=12))
def test_chunks_cover_what_is_not_outside_once(tags: list[str]) -> None:
    covered = [place for _, begin, end in chunks_of(tags) for place in range(begin, end)]
    assert covered == [place for place, tag in enumerate(tags) if tag != "O"]
    assert all(tags[place][2:] == kind for kind, begin, end in chunks_of(tags) for place in range(begin, end))


@given(st.lists(st.tuples(*[st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])] * 2), max_size=14))
def test_counts_are_those_of_reading_both_sequences_token_by_token(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = count_tags(truth, predicted)
    assert tuple(sum(counter.values()) for counter in (found.there, found.found, found.right)) == streamed(pairs)


def streamed(pairs: list[tuple[str, str]]) -> tuple[int, int, int]:
    """As conlleval counts: one pass over both columns, that keeps whether the entity so far is the same in both."""
    there = found = right = 0
    is_same, before = False, ("O", "O")
    for now in [*pairs, ("O", "O")]:
        ends = [old != "O" and (new[0] in "BO" or old[2:] != new[2:]) for old, new in zip(before, now, strict=True)]
        starts = [new != "O" and (new[0] == "B" or old[2:] != new[2:]) for old, new in zip(before, now, strict=True)]
        if is_same and all(ends):
            right, is_same = right + 1, False
        elif is_same and (any(ends) or now[0][2:] != now[1][2:]):
            is_same = False
        if all(starts) and now[0][2:] == now[1][2:]:
            is_same = True
        there, found, before = there + starts[0], found + starts[1], now
    return there, found, right


def test_wrong_input_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="sentence 1 has 2 true tags and 1 predicted"):
        evaluate_sequence_labelling([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match="sentence 0 is a text"):
        evaluate_sequence_labelling(["OO"], ["OO"])
    with pytest.raises(ValueError, match="no sentences"):
        evaluate_sequence_labelling([], [])
