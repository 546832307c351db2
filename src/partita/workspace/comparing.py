"""Comparing two runs: inputs, options, code, steps, values, durations, reports."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["compare"]

Ask = Callable[..., Any]


def compare(ask: Ask, bundles: Path, one: str, other: str) -> dict[str, Any]:
    """What differs, as plain data; an empty part is the same in both.

    Args:
        bundles: the folder of the code of runs.
    """
    traits = [ask("traits", run=name) for name in (one, other)]
    views = [trait["view"] for trait in traits]
    steps = [_steps(ask, view["id"]) for view in views]
    paths = [{step[0]: path for path, step in found.items()} for found in steps]
    reports = [
        {f"{known.get(step, step)} {name}": value for step, name, value in trait["reports"]}
        for trait, known in zip(traits, paths, strict=True)
    ]
    first, second = steps
    return {
        "runs": views,
        "inputs": _differences(traits[0]["inputs"], traits[1]["inputs"]),
        "options": _differences(traits[0]["options"], traits[1]["options"]),
        "code": _code(bundles, views[0]["bundle"], views[1]["bundle"]),
        "added": [path for path in second if path not in first],
        "vanished": [path for path in first if path not in second],
        "changed": [
            change for path in first if path in second
            if (change := _change(path, first[path], second[path], traits[0]["profiles"], traits[1]["profiles"]))
        ],
        "durations": _durations(first, second),
        "reports": _differences(*reports),
    }  # fmt: skip


def _steps(ask: Ask, run: str) -> dict[str, list[Any]]:
    """Steps by their full path."""
    paths: dict[int, str] = {}
    found: dict[str, list[Any]] = {}
    after = -1
    while page := ask("step_traits", run=run, after=after):
        for step in page:
            id, parent, name = step[:3]
            above = paths.get(parent, "")
            paths[id] = f"{above}/{name}" if above else name if parent >= 0 else ""
            if parent >= 0:
                found[paths[id]] = step
        after = page[-1][0]
    return found


def _differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, list[Any]]:
    """[before, after] by name, where they differ; None: it is not there."""
    return {
        name: [one.get(name), other.get(name)]
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    }


def _change(
    path: str, one: list[Any], other: list[Any], profiles: list[list[str]], others: list[list[str]]
) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    if one[4] != other[4]:
        found["state"] = [one[4], other[4]]
    if one[3] == "task" and one[5] >= 0 and other[5] >= 0 and profiles[one[5]] != others[other[5]]:
        found["code"] = True
    if one[6] != other[6]:
        found["value"] = [one[7], other[7]]
    if one[8] != other[8] and one[8] and other[8]:
        found["attempts"] = [one[8], other[8]]
    return {"path": path, **found} if found else None


def _durations(one: dict[str, list[Any]], other: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The steps that took clearly longer or shorter, the largest difference first."""
    found = [
        {"path": path, "seconds": [one[path][9], other[path][9]]}
        for path in one
        if path in other and one[path][9] is not None and other[path][9] is not None
    ]
    clear = [row for row in found if abs(row["seconds"][1] - row["seconds"][0]) > max(0.1, 0.2 * row["seconds"][0])]
    return sorted(clear, key=lambda row: -abs(row["seconds"][1] - row["seconds"][0]))[:100]


def _code(bundles: Path, one: str, other: str) -> dict[str, Any]:
    if one == other:
        return {}
    first, second = _files(bundles / one), _files(bundles / other)
    return {
        "changed": sorted(name for name in first if name in second and first[name] != second[name]),
        "added": sorted(second.keys() - first.keys()),
        "removed": sorted(first.keys() - second.keys()),
    }


def _files(folder: Path) -> dict[str, bytes]:
    """Hashes of a bundle's files by their names."""
    return {
        path.relative_to(folder).as_posix(): blake2b(path.read_bytes(), digest_size=16).digest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
