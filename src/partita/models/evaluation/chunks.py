"""Entities in sequences of tags, counted as conlleval does (Tjong Kim Sang, for CoNLL-2000).

Schemes need not be named: IOB1, IOB2, IOE and IOBES are read by the same rules. A chunk begins at a B or S, at whatever stands
behind an O, an E or an S, and where the type changes; so a sequence that no scheme allows still has entities: an I behind
another type begins a new one. conlleval knows no S; what it does with B, I, E and O is the same here, save that a B behind an E
begins a chunk, which conlleval overlooks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Chunk", "TagCounts", "chunks_of", "count_tags", "tag_report"]

#: (type, place of the first tag, place behind the last).
Chunk = tuple[str, int, int]


def chunks_of(tags: Sequence[str], *, is_plain: bool = False) -> list[Chunk]:
    """The entities of one sentence, in order.

    Args:
        tags: "B-PER", "I-PER", "O" and so on.
        is_plain: tags are types without prefixes, where each token is an entity of its own (conlleval's -r).
    """
    if is_plain:
        return [(tag, place, place + 1) for place, tag in enumerate(tags) if tag != "O"]
    found: list[Chunk] = []
    begun, before, kind_before = 0, "O", ""
    for place, tag in enumerate([*tags, "O"]):
        prefix, dash, kind = tag.partition("-")
        if not dash:
            prefix, kind = tag, ""
        if prefix == "O" or before == "O":
            ends, begins = before != "O", prefix != "O"
        else:
            ends = begins = kind != kind_before or prefix in ("B", "S") or before in ("E", "S")
        if ends:
            found.append((kind_before, begun, place))
        if begins:
            begun = place
        before, kind_before = prefix, kind
    return found


@dataclass(frozen=True)
class TagCounts:
    """What one or more sentences hold."""

    tokens: int
    right_tokens: int  # whose tags are the same
    there: Counter[str]  # type -> entities of the truth
    found: Counter[str]  # and of the prediction
    right: Counter[str]  # predicted with the same type, beginning and end

    def __add__(self, other: TagCounts) -> TagCounts:
        return TagCounts(
            self.tokens + other.tokens, self.right_tokens + other.right_tokens, self.there + other.there,
            self.found + other.found, self.right + other.right,
        )  # fmt: skip

    @property
    def types(self) -> list[str]:
        """Those that occur, sorted."""
        return sorted({*self.there, *self.found})


def count_tags(truth: Sequence[str], predicted: Sequence[str], *, is_plain: bool = False) -> TagCounts:
    """The counts of one sentence."""
    there, found = chunks_of(truth, is_plain=is_plain), chunks_of(predicted, is_plain=is_plain)
    both = set(there) & set(found)
    same = sum(one == other for one, other in zip(truth, predicted, strict=True))
    return TagCounts(len(truth), same, *(Counter(kind for kind, _, _ in chunks) for chunks in (there, found, both)))


def tag_report(counts: TagCounts) -> str:
    """The text that conlleval prints."""
    there, found, right = (sum(counter.values()) for counter in (counts.there, counts.found, counts.right))
    lines = [
        f"processed {counts.tokens} tokens with {there} phrases; found: {found} phrases; correct: {right}.",
        f"accuracy: {_percent(counts.right_tokens, counts.tokens)}%; {_three(there, found, right)}",
    ]
    for kind in counts.types:
        numbers = (counts.there[kind], counts.found[kind], counts.right[kind])
        lines.append(f"{kind:>17}: {_three(*numbers)}  {numbers[1]}")
    return "\n".join(lines) + "\n"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0.0:6.2f}"


def _three(there: int, found: int, right: int) -> str:
    f1 = f"{200 * right / (there + found) if there + found else 0.0:6.2f}"
    return f"precision: {_percent(right, found)}%; recall: {_percent(right, there)}%; FB1: {f1}"
