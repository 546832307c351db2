"""What clients are told of artifacts: the values of steps, read from the steps' rows a page at a time.

There are no rows of artifacts: a page of steps holds their values, and their inputs are the lineage. Each answer looks at
so few rows that other runs are not held up; whoever wants all asks again with the cursor.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from partita.core.states import Kind, Mark, State
from partita.engine.book import Book
from partita.engine.live import unpack_inputs
from partita.engine.reading import Reading, node_text
from partita.errors import NotFoundError
from partita.protocol.artifacts import ArtifactView, FoundArtifact
from partita.protocol.models import MODEL, stored_model
from partita.protocol.paths import closeness, several
from partita.protocol.stored_files import FILE, FOLDER, stored_file, stored_folder
from partita.store.port import RunRow, StepRow
from partita.values import (
    BLOB,
    DICT,
    INLINE,
    LIST,
    OBJECT,
    OUTCOME,
    PLAIN,
    TUPLE,
    Node,
    blobs_of,
    pack,
    refs_of,
    size_of,
    unpack,
)

__all__ = ["Inventory"]

#: Rows of steps that one answer looks at.
ROWS = 1000
#: Rows that one answer searches for a hash, which is quicker.
SEARCHED = 20_000
_SOURCES = 20
#: Parts of one artifact that are told.
_PARTS = 1000
_KINDS = (Kind.TASK, Kind.FLOW)


class Inventory:
    """Answers requests; `verbs` names them."""

    def __init__(self, book: Book, reading: Reading) -> None:
        self._book = book
        self._reading = reading
        self._names: tuple[int, dict[int, tuple[int, str]]] = (0, {})  # of one run: (parent, name) by step
        self.verbs: dict[str, Callable[[dict[str, Any]], Any]] = {
            "artifacts": self.artifacts, "artifact": self.artifact, "edges": self.edges, "naming": self.naming,
        }  # fmt: skip

    def artifacts(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A page of artifacts, of one run or of all from the newest on: "artifacts" and the "cursor" to go on from."""
        cursor = fields.get("cursor")
        row = self._run_of(fields, cursor)
        if row is None:
            return {"artifacts": [], "cursor": None}
        after = cursor[1] if cursor and cursor[0] == row.number else -1
        steps = self._book.store.steps(row.number, after=after, limit=ROWS)
        found = list(self._of_steps(row, steps))
        if len(steps) == ROWS:
            return {"artifacts": found, "cursor": [row.number, steps[-1].id]}
        if fields.get("run"):
            return {"artifacts": found, "cursor": None}
        older = self._book.store.runs(flow=fields.get("flow", ""), before=row.number, limit=1)
        return {"artifacts": found, "cursor": [older[0].number, -1] if older else None}

    def _run_of(self, fields: dict[str, Any], cursor: list[int] | None) -> RunRow | None:
        if cursor and (row := self._book.store.run_by_number(cursor[0])) is not None:
            return row
        if fields.get("run"):
            return None if cursor else self._reading.find(fields["run"])
        # The run of the cursor may have been deleted meanwhile: those that are older are still there.
        before = cursor[0] if cursor else 0
        return next(iter(self._book.store.runs(flow=fields.get("flow", ""), before=before, limit=1)), None)

    def _of_steps(self, run: RunRow, steps: list[StepRow]) -> Iterator[ArtifactView]:
        self._learn(run.number, steps)
        made = [step for step in steps if _has_value(step)]
        if not made:
            return
        ended = self._book.store.ended(run.number, made[0].id, made[-1].id + 1)
        for step in made:
            node = unpack(step.value)  # type: ignore[arg-type]
            view = self._view(run, step, ended.get(step.id))
            if not blobs_of(node):
                yield _filled(view, node, "")
                continue
            for part, leaf in leaves(node):
                yield _filled(view, leaf, part)

    def _view(self, run: RunRow, step: StepRow, made_at: float | None) -> ArtifactView:
        sources = [source for source, _, _ in unpack_inputs(step.inputs)[:_SOURCES]] if step.inputs else []
        marks = [word for mark, word in ((Mark.CACHED, "cached"), (Mark.ADOPTED, "adopted")) if step.marks & mark]
        return ArtifactView(
            name="", run=run.id, flow=run.title, step=step.id, path=self._path(run.number, step.id), part="", kind="",
            codec="", type="", hash="", size_bytes=0, preview="", made_at=made_at if made_at else run.created_at,
            made_from=[self._path(run.number, source) for source in sources], marks=marks[:1],
        )  # fmt: skip

    def artifact(self, fields: dict[str, Any]) -> FoundArtifact:
        """One artifact: by run and "path.part", or by run, step and hash.

        Raises:
            NotFoundError: there is none; names the nearest one.
        """
        run = self._reading.find(fields["run"])
        if fields.get("step") is not None:
            step = self._book.store.step(run.number, fields["step"])
            if step is not None and _has_value(step):
                return self._found(run, step, _part_holding(unpack(step.value or b""), fields["hash"]))
            raise NotFoundError(f"run {run.id} has no value of a step {fields['step']}")
        text = str(fields["path"])
        candidates = self._candidates(run, text)
        if not candidates:
            raise NotFoundError(f"run {run.id} has no artifact {text!r}; {self._near(run, text)}")
        if len(candidates) > 1:
            told = several(text, [self._path(run.number, step.id) + part for step, part in candidates])
            raise NotFoundError(f"in run {run.id} {told}")
        step, part = candidates[0]
        if not _has_value(step):
            state = State(step.state).name.lower()
            why = "its steps made its value" if state == "succeeded" else f"it is {state}"
            raise NotFoundError(f"{text} of run {run.id} has no value of its own: {why}")
        return self._found(run, step, part)

    def _candidates(self, run: RunRow, text: str) -> list[tuple[StepRow, str]]:
        """Steps that the text begins with, with what is left of it: those whose path it fits best, and most of it."""
        names = {
            text[start:end]
            for start in [0, *(place + 1 for place, sign in enumerate(text) if sign == "/")]
            for end in [len(text), *(place for place, sign in enumerate(text) if sign in ".[" and place > start)]
        }
        ends = [len(text), *(place for place, sign in enumerate(text) if sign in ".[" and place > 0)]
        found: dict[tuple[int, int], list[tuple[StepRow, str]]] = {}
        for step in self._book.store.named_steps(run.number, sorted(names)):
            self._learn(run.number, [step])
            path = self._path(run.number, step.id)
            for end in ends:
                close = closeness(text[:end], path)
                if close is not None:
                    found.setdefault((close, -end), []).append((step, text[end:]))
        return found[min(found)] if found else []

    def _found(self, run: RunRow, step: StepRow, part: str) -> FoundArtifact:
        self._learn(run.number, [step])
        view = self._view(run, step, self._book.store.ended(run.number, step.id, step.id + 1).get(step.id))
        whole = unpack(step.value)  # type: ignore[arg-type]
        parts = dict(structure(whole))
        node = parts.get(part)
        if node is None:
            near = difflib.get_close_matches(part, list(parts), n=1, cutoff=0.4)
            have = (
                f"did you mean {view['path']}{near[0]}?"
                if near
                else f"it has {', '.join(p or 'no parts' for p in list(parts)[:8])}"
            )
            raise NotFoundError(f"the value of {view['path']} has no part {part!r}; {have}")
        below = islice(_parts_of(node), _PARTS)
        parts_below = [_filled(view, leaf, part + inner) for inner, leaf in below]
        return FoundArtifact(view=_filled(view, node, part), node=pack(node), parts=parts_below)

    def _near(self, run: RunRow, text: str) -> str:
        """The nearest name among the first artifacts of the run."""
        steps = self._book.store.steps(run.number, limit=2000)
        self._learn(run.number, steps)
        paths = [self._path(run.number, step.id) for step in steps if _has_value(step)]
        near = difflib.get_close_matches(text, paths, n=1, cutoff=0.4)
        if near:
            return f"did you mean {run.id}:{near[0]}?"
        return f"`partita artifacts list --run {run.id}` shows those there are"

    def edges(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A page of what lineage is made of, an array a step:

        [id, path, kind, state, marks, sources of its value, whether it has a value of its own, parent, what it was laid
        out from], steps by their ids; and the models that they were given by name.
        """
        run = self._reading.find(fields["run"])
        steps = self._book.store.steps(run.number, after=fields.get("after", -1), limit=ROWS)
        self._learn(run.number, steps)
        rows: list[list[Any]] = []
        for step in steps:
            inputs = [source for source, _, _ in unpack_inputs(step.inputs)]
            sources = inputs
            node = unpack(step.value) if step.value is not None else None
            if step.kind == Kind.FLOW and node is not None:
                sources = [source for source, _ in refs_of(node)]  # its value is made by the steps below it
            rows.append([
                step.id, self._path(run.number, step.id), Kind(step.kind).name.lower(), State(step.state).name.lower(),
                int(step.marks), sources, _has_value(step), step.parent, inputs if step.kind == Kind.FLOW else [],
            ])  # fmt: skip
        options = unpack(run.options) if run.options else {}
        return {
            "run": run.id, "title": run.title, "rows": rows, "is_last": len(steps) < ROWS,
            "rerun_of": options.get("adopt"), "parent": options.get("parent"), "models": self._models_used(run, steps),
        }  # fmt: skip

    def _models_used(self, run: RunRow, steps: list[StepRow]) -> list[list[Any]]:
        """[step, "churn:3", run that made it, step of that run] of the versions that these steps were given by name."""
        store, ids = self._book.store, {step.id for step in steps}
        found = []
        for use in store.model_uses(run=run.number):
            made = store.model_version(use.name, use.number) if use.step in ids else None
            if made is not None and made.run:
                found.append([use.step, f"{use.name}:{use.number}", made.run, made.step])
        return found

    def naming(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A page of [run, step, path, hash] of the steps whose values name a blob that begins so, and the "cursor"."""
        prefix = str(fields["hash"]).lower()
        run, step = fields.get("cursor") or (0, -1)
        found, cursor = self._book.store.naming(prefix, run, step, SEARCHED)
        rows: list[list[Any]] = []
        for number, id in found:
            row, made = self._book.store.run_by_number(number), self._book.store.step(number, id)
            if row is None or made is None or made.value is None:
                continue
            self._learn(number, [made])
            digests = dict.fromkeys(d for d, _ in blobs_of(unpack(made.value)) if d.startswith(prefix))
            rows.extend([row.id, id, self._path(number, id), digest] for digest in digests)
        return {"found": rows, "cursor": list(cursor) if cursor else None}

    def _learn(self, run: int, steps: list[StepRow]) -> None:
        if self._names[0] != run:
            self._names = (run, {})
        names = self._names[1]
        for step in steps:
            names[step.id] = (step.parent, step.name)

    def _path(self, run: int, step: int) -> str:
        """The step's path with every name."""
        names = self._names[1]
        found: list[str] = []
        while step >= 0:
            if step not in names:
                row = self._book.store.step(run, step)
                if row is None:
                    break
                names[step] = (row.parent, row.name)
            parent, name = names[step]
            if parent >= 0 or not found:
                found.append(name)
            step = parent
        return "/".join(reversed(found))


def _has_value(step: StepRow) -> bool:
    if step.value is None or step.state != State.SUCCEEDED or step.kind not in _KINDS:
        return False
    return step.kind == Kind.TASK or not refs_of(unpack(step.value))


def _children(node: Node) -> list[tuple[str, Node]]:
    tag = node[0]
    if tag == OBJECT and node[1] in (FILE, FOLDER):
        return _files_in(node)
    if tag in (LIST, TUPLE):
        return [(f"[{index}]", item) for index, item in enumerate(node[1])]
    if tag in (DICT, OBJECT):
        keys, nodes = (node[1], node[2]) if tag == DICT else (node[2], node[3])
        return [
            (
                f".{key}" if str(key).isidentifier() else f"[{_quoted(key) if isinstance(key, str) else repr(key)}]",
                item,
            )
            for key, item in zip(keys, nodes, strict=True)
        ]
    if tag == OUTCOME and node[2] is not None:
        return [(".value", node[2])]
    return []


def _quoted(key: str) -> str:
    """The key as people type it, as far as it can be typed."""
    return json.dumps(key, ensure_ascii=not key.isprintable())


def _files_in(node: Node) -> list[tuple[str, Node]]:
    """The files of a folder, named as Python names them: `folder["a/b.txt"]`."""
    folder = stored_folder(node)
    contents = node[3][node[2].index("contents")] if folder is not None else None
    if contents is None or contents[0] != DICT:
        return []
    return [(f"[{_quoted(path)}]", item) for path, item in zip(contents[1], contents[2], strict=True)]


def structure(node: Node, part: str = "") -> Iterator[tuple[str, Node]]:
    """(part, node) of the node and of everything in it that can be told apart."""
    yield part, node
    for name, item in _children(node):
        yield from structure(item, part + name)


def leaves(node: Node, part: str = "") -> Iterator[tuple[str, Node]]:
    """(part, node) of what people take for one thing: what holds nothing further that can be told apart, files, folders."""
    children = _children(node) if not _is_one_thing(node) else []
    if not children:
        yield part, node
    for name, item in children:
        yield from leaves(item, part + name)


def _is_one_thing(node: Node) -> bool:
    return bool(node[0] == OBJECT and node[1] in (FILE, FOLDER, MODEL))


def _parts_of(node: Node) -> Iterator[tuple[str, Node]]:
    """The artifacts that a value is made of; of a folder, its files; of what is one thing, none."""
    model = stored_model(node)
    if node[0] == OBJECT and node[1] == FOLDER:
        yield from _files_in(node)
    elif model is not None and model["files"][0] == DICT:
        yield from ((f".files{name}", item) for name, item in _children(model["files"]))
    elif node[0] not in (PLAIN, INLINE, BLOB) and not _is_one_thing(node):
        yield from leaves(node)


def _part_holding(node: Node, digest: str) -> str:
    """The part that is this blob, or the file that holds it; empty: none is."""
    for part, item in structure(node):
        file = stored_file(item)
        if digest == (item[2] if item[0] == BLOB else file.digest if file is not None else ""):
            return part
    return ""


def _filled(view: ArtifactView, node: Node, part: str) -> ArtifactView:
    tag = node[0]
    filled = view.copy()
    filled["part"], filled["name"], filled["preview"] = (
        part,
        f"{view['run']}:{view['path']}{part}",
        node_text(node)[:200],
    )
    filled["kind"], filled["codec"] = "inline", "plain"
    file, folder = stored_file(node), stored_folder(node)
    if file is not None:
        filled["kind"], filled["codec"], filled["type"], filled["hash"] = "blob", "file", "File", file.digest
        filled["size_bytes"] = blobs_of(node)[0][1]
    elif folder is not None:
        filled["kind"], filled["codec"], filled["type"] = "parts", "file", "Folder"
        filled["size_bytes"] = sum(size for _, size in blobs_of(node))
    elif (model := stored_model(node)) is not None:
        filled["kind"], filled["codec"], filled["type"] = "parts", str(model["format"][1]), "Model"
        filled["size_bytes"] = size_of(pack(node))
    elif tag == BLOB:
        filled["kind"], filled["codec"], filled["type"], filled["hash"], filled["size_bytes"] = (
            "blob",
            node[1],
            node[1],
            node[2],
            node[3],
        )
    elif tag == INLINE:
        filled["codec"], filled["type"], filled["size_bytes"] = node[1], node[1], len(node[2])
    else:
        is_plain = tag == PLAIN
        filled["type"] = type(node[1]).__name__ if is_plain else _STRUCTURES.get(tag, "data")
        blobs = sum(size for _, size in blobs_of(node)) if not is_plain else 0
        filled["kind"] = "parts" if blobs else "inline"
        filled["size_bytes"] = blobs or len(pack(node))
    return filled


_STRUCTURES = {LIST: "list", TUPLE: "tuple", DICT: "dict", OBJECT: "dataclass", OUTCOME: "Outcome"}
