"""Artifacts as clients find them: by name, by hash, in lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from partita.errors import NotFoundError
from partita.protocol.artifacts import ArtifactView, FoundArtifact
from partita.values import unpack

__all__ = ["each_artifact", "find_artifact", "holders", "shown_hash"]

_HASH = re.compile(r"[0-9a-f]{6,64}")

Ask = Callable[..., Any]


def each_artifact(
    ask: Ask, *, run: str = "", flow: str = "", kind: str = "", least_bytes: int = 0, since: float | None = None,
    before: float | None = None,
) -> Iterator[ArtifactView]:  # fmt: skip
    """Artifacts that fit, the newest run first, a page at a time.

    Args:
        kind: a type or codec: "npy", "str".
    """
    cursor = None
    while True:
        page = ask("artifacts", run=run, flow=flow, cursor=cursor)
        for view in page["artifacts"]:
            made_at = view["made_at"] or 0.0
            if (
                (not kind or kind in (view["codec"], view["type"]))
                and view["size_bytes"] >= least_bytes
                and (since is None or made_at >= since)
                and (before is None or made_at < before)
            ):
                yield view
        cursor = page["cursor"]
        if cursor is None:
            return


def holders(ask: Ask, prefix: str) -> Iterator[list[Any]]:
    """[run, step, path, hash] of every step whose value holds a blob whose hash begins so, oldest first."""
    cursor = None
    while True:
        page = ask("naming", hash=prefix, cursor=cursor)
        yield from page["found"]
        cursor = page["cursor"]
        if cursor is None:
            return


def find_artifact(ask: Ask, name: str) -> FoundArtifact:
    """One artifact by "RUN:path.part", by "path.part" of the latest run, or by the beginning of its hash.

    Raises:
        NotFoundError: there is none, or the hash is not clear.
    """
    if _HASH.fullmatch(name):
        found = list(holders(ask, name))
        digests = sorted({row[3] for row in found})
        if len(digests) > 1:
            raise NotFoundError(
                f"{len(digests)} artifacts have a hash that begins with {name}: {', '.join(d[:16] for d in digests[:5])}; "
                "give more of it"
            )
        if found:
            artifact: FoundArtifact = ask("artifact", run=found[0][0], step=found[0][1], hash=digests[0])
            return artifact
    run, colon, path = name.partition(":")
    if not colon:
        run, path = "latest", name
    artifact = ask("artifact", run=run, path=path)
    return artifact


def shown_hash(found: FoundArtifact) -> str:
    """The hash of the blob that shows the artifact to people: its own, or that of what a `File` holds; empty: none."""
    from partita.protocol.stored_files import stored_file

    if found["view"]["hash"]:
        return found["view"]["hash"]
    file = stored_file(unpack(found["node"]))
    return file.digest if file is not None else ""
