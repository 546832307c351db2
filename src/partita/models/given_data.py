"""Which of the large values that a step was given are its data: tables and files first, and not pictures and models' files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from partita.protocol.artifacts import ArtifactView, LineageView

__all__ = ["Given", "data_behind", "data_first", "is_data"]

#: [codec, hash, bytes, preview], as a version's record has it.
Given = list[Any]
_DATA = frozenset({"pandas", "polars", "arrow", "file"})
_ARRAYS = frozenset({"npy", "safetensors", "tensors", "audio"})
#: What is shown to people of a value, or is the inside of a model.
_BESIDE = frozenset({"sealed", "html", "picture", "pickle", "cloudpickle", "onnx"})
_DRAWN = ("'<svg", '"<svg', "Html(")
#: Runs that are looked through, values of each, and values that are shown.
_RUNS, _VALUES, _SHOWN = 4, 500, 20


def is_data(codec: str) -> bool:
    """Whether it is a table or a file."""
    return codec in _DATA


def data_first(given: Iterable[Given], *, has_other: bool = False) -> list[Given]:
    """Tables and files, then arrays, then the rest; what is seldom data where there is nothing else."""
    ranked = sorted(((_rank(one), one) for one in given), key=lambda pair: pair[0])
    best = [one for rank, one in ranked if rank < 3]
    return best if best or has_other else [one for _, one in ranked]


def _rank(one: Given) -> int:
    codec, _, _, shown = one
    if codec in _BESIDE or str(shown).startswith(_DRAWN):
        return 3
    return 0 if codec in _DATA else 1 if codec in _ARRAYS else 2


def data_behind(lineage: LineageView, artifacts: Callable[[str, int], Iterable[ArtifactView]]) -> list[ArtifactView]:
    """Tables and files that the steps of a lineage made, the earliest first.

    Args:
        artifacts: gives so many of a run's values.
    """
    steps = {(node["run"], node["step"]): node for node in lineage["nodes"] if not node["is_start"]}
    found: dict[str, ArtifactView] = {}
    for run in sorted({run for run, _ in steps})[-_RUNS:]:
        for view in sorted(artifacts(run, _VALUES), key=lambda view: view["step"]):
            if (run, view["step"]) in steps and (is_data(view["codec"]) or view["type"] == "File"):
                found.setdefault(view["hash"] or view["name"], view)
    return list(found.values())[:_SHOWN]
