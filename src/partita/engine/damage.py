"""Whose a blob is that an attempt found damaged or missing: what to say to people who only see its hash."""

from __future__ import annotations

from typing import Any

from partita.core.graph import Step, path_of
from partita.core.resolve import resolve, sources
from partita.engine.book import Book
from partita.engine.live import Live
from partita.values import Node, blobs_of, put_in, unpack

__all__ = ["with_origin"]


def with_origin(book: Book, live: Live, step: Step, error: dict[str, Any]) -> dict[str, Any]:
    """The map of an error; of one about a blob (key "blob"), with the argument and the step that it comes from."""
    digest = error.pop("blob", "")
    if not digest:
        return error
    try:
        told = _origin(book, live, step, digest)
    except LookupError:  # a value that is not there any more
        return error
    # People are shown the traceback where there is one, and it ends with the message.
    return {
        **error,
        **{part: f"{error[part].rstrip()}\n{told}" for part in ("message", "traceback") if error.get(part)},
    }


def _origin(book: Book, live: Live, step: Step, digest: str) -> str:
    run = live.run
    packed = live.arguments.get(step.id) or book.store.arguments(run.number, step.id)
    nodes, names, named = unpack(packed) if packed else ([], [], [])
    parameters = run.profiles[step.profile].parameters
    places = [f"argument {place}" for place in range(len(parameters) + 1, len(nodes) + 1)]
    labels = (
        [f"argument {name!r}" for name in parameters][: len(nodes)] + places + [f"argument {name!r}" for name in names]
    )
    arguments = dict(zip(labels, [*nodes, *named], strict=True))
    makers = sources(run, step.inputs)
    values = book.values.get_many(run.number, makers)
    inputs = [unpack(resolve(run, source, values.__getitem__)) for source in step.inputs]
    label = next((name for name, node in arguments.items() if _has(node, inputs, digest)), "")
    maker = next((path_of(run, made) for made in sorted(makers) if _has(unpack(values[made]), [], digest)), "")
    if not label and not maker:  # the step opened something else
        raise LookupError(digest)
    argument = f"It belongs to {label}" if label else "It belongs to what the step takes"
    return f"{argument}, made by the step {maker}." if maker else f"{argument}, which is an input of the run."


def _has(node: Node, inputs: list[Node], digest: str) -> bool:
    return any(found == digest for found, _ in blobs_of(put_in(node, inputs)))
