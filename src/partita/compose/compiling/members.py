"""The single models of a composition: each exported, and compared with itself in Python before it counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from partita.compose.compiling.assembly import Exported, drawn_of
from partita.compose.compiling.exports import NotConverted, exports_of
from partita.compose.compiling.graph import quiet
from partita.compose.compiling.joins import has_steps, joining_of, refusal_of
from partita.compose.compiling.parity import Parity, answers_of, compared, is_most_probable
from partita.compose.compiling.parts import NotJoined, Part
from partita.compose.compiling.rows import Columns
from partita.compose.compiling.runner import Runner
from partita.compose.compiling.steps import key_of
from partita.errors import MissingExtraError

__all__ = ["Member", "members_of", "seen_by"]

_WORDS = 160  # of an error are shown


@dataclass(frozen=True)
class Member:
    """A single model, and what became of it."""

    name: str  # with the names of the compositions around it: "stack/line"
    model: Any
    columns: Columns  # of the rows that it sees
    exported: Exported | None  # None: it stays in Python
    parity: Parity | None  # of its export, or of the best one that failed; None: it could not be exported at all
    why: str  # in words, why it stays in Python; how it was exported


def members_of(
    name: str, model: Any, rows: Any, columns: Columns, tolerance: float, opset: int, is_precise: bool
) -> Iterator[Member]:
    """Those of a composition, or the model alone, each with what it sees of these rows."""
    joining = joining_of(model)
    if joining is None:
        yield _exported(name or type(model).__name__.lower(), model, rows, columns, tolerance, opset, is_precise)
        return
    is_precise = is_precise or has_steps(model)
    for precise in (is_precise, True) if joining.is_whole else (is_precise,):
        found: list[Member] = []
        for part in joining.parts(model, rows):
            own = f"{name}/{part.name}" if name else part.name
            found += members_of(own, part.model, part.rows, seen_by(part, rows, columns), tolerance, opset, precise)
        if not joining.is_whole or _holds(model, rows, columns, found, tolerance, opset):
            yield from found
            return
    yield _exported(name or type(model).__name__.lower(), model, rows, columns, tolerance, opset, is_precise)


def _holds(model: Any, rows: Any, columns: Columns, members: Sequence[Member], tolerance: float, opset: int) -> bool:
    """Whether a model that is joined of members predicts as in Python."""
    exports = {key_of(each.model): each.exported for each in members if each.exported is not None}
    try:
        drawn = drawn_of(model, columns, exports, opset)
    except NotJoined:
        return False
    return compared(answers_of(model, rows), Runner(drawn).answers(rows), tolerance).holds


def seen_by(part: Part, rows: Any, columns: Columns) -> Columns:
    """The columns that a part sees of a composition that sees these rows."""
    return columns if part.rows is rows else Columns.of(part.rows)


def _exported(
    name: str, model: Any, rows: Any, columns: Columns, tolerance: float, opset: int, is_precise: bool
) -> Member:
    with quiet():  # of features without names, which parts of frames have not
        python = answers_of(model, rows)
    dimensions = python.given.ndim if python.given is not None else 2
    nearest: Parity | None = None
    trouble = aside = ""
    refusal = refusal_of(model)
    for way in exports_of(model, columns, opset, is_precise) if not refusal else ():
        try:
            export = way()
            exported = Exported(export, dimensions, is_most_probable(model, python))
            drawn = drawn_of(model, columns, {key_of(model): exported}, opset)
            parity = compared(python, Runner(drawn).answers(rows), tolerance)
        except MissingExtraError:
            raise
        except NotConverted as error:
            aside = str(error)
            continue
        except Exception as error:  # converters and runtimes raise what they like
            trouble = trouble or _in_words(error)
            continue
        if parity.holds:
            return Member(name, model, columns, exported, parity, export.how)
        if nearest is None or (parity.off + parity.labels, parity.error) < (
            nearest.off + nearest.labels,
            nearest.error,
        ):
            nearest = parity
    why = (
        f"its graph predicts otherwise: {nearest}{aside and f'. {aside}'}"
        if nearest is not None
        else refusal or aside or trouble or "nothing exports it"
    )
    return Member(name, model, columns, None, nearest, why)


def _in_words(error: Exception) -> str:
    told = " ".join(str(error).split())
    return f"{type(error).__name__}: {told[:_WORDS]}{'...' if len(told) > _WORDS else ''}"
