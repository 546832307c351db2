"""Values as nodes and back.

A value is taken apart as far as its parts can be told apart (tuples, dicts, dataclasses, short lists), so that
`ref["k"]` moves only that part; each leaf is plain, or encoded by the codec for its type, or pickled and signed.
What comes back is what went in, to the type of each number. A value in which one object appears in two places is
pickled whole, so that it is still one object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import is_dataclass
from enum import Enum
from pathlib import PosixPath
from typing import Any, get_origin, is_typeddict

from partita.artifacts.blobs.port import BlobStore
from partita.artifacts.codecs.leaves import (
    MAPPED_BYTES,
    Leaf,
    array_leaf,
    codec_leaf,
    mapped,
    open_file,
    open_leaf,
    path_leaf,
    plain_leaf,
)
from partita.artifacts.codecs.pickling import SignedPickles
from partita.artifacts.codecs.port import Codec, codec_for, installed_codec_for
from partita.artifacts.codecs.records import field_names, make_record
from partita.artifacts.codecs.references import References
from partita.artifacts.codecs.sealed import Sealed
from partita.artifacts.codecs.structure import ATOMS, is_tree, packed_plain
from partita.artifacts.files import Content, File, Folder
from partita.artifacts.previews.display import display
from partita.artifacts.previews.file_records import ShownFile
from partita.artifacts.previews.preview import PREVIEW_LIMIT, preview
from partita.artifacts.signing import Signer, WorkspaceSigner
from partita.errors import ValueStoreError
from partita.protocol.stored_files import FILE, FOLDER
from partita.values import (
    BLOB,
    DICT,
    INLINE,
    INLINE_LIMIT_BYTES,
    INPUT,
    LIST,
    OBJECT,
    OUTCOME,
    PLAIN,
    REF,
    SELECT,
    TUPLE,
    Node,
    pack,
    unpack,
)

__all__ = ["Encoder"]

_SMALL = frozenset({type(None), bool, float})
_LEAST_INTEGER, _PAST_INTEGER = -(2**63), 2**64
_SMALL_TEXT = 1000

#: A structure with more parts is one leaf; where its type is declared, it may have more.
_PARTS = 1000
_DECLARED_PARTS = 10_000

#: The parts of one value that lie in its row hold at most so much together.
_ROW_BYTES = 64 << 10

#: Of these, the smallest lies in a blob too: people want to see it, and what they see lies beside a blob.
_SHOWN = frozenset({"arrow", "audio", "html", "pandas", "picture", "polars"})

#: Of these, large blobs are mapped into memory: the value is a view of the file.
_MAPPED = frozenset({"arrow", "audio", "pandas", "safetensors", "tensors"})

#: Of a folder, what files hold is shown where they are so few and so small.
_SHOWN_FILES, _SHOWN_BYTES = 32, 1 << 20

#: The hash of the project's code of some classes and functions; empty: they have none of it.
CodeOf = Callable[[Iterable[Any]], str]
MakeOutcome = Callable[[bool, Any, dict[str, Any] | None], Any]
MakeRef = Callable[[int, Any], Any]


class Encoder:
    """The codecs of one workspace. Opening a value may run code that the value names: in workers only."""

    def __init__(
        self,
        blobs: BlobStore,
        signer: Signer | bytes,
        *,
        outcome: MakeOutcome | None = None,
        locate: Callable[[Any], str] | None = None,
        load: Callable[[str], Any] | None = None,
        code_of: CodeOf | None = None,
    ) -> None:
        """
        Args:
            blobs: where large leaves go.
            signer: signs what is pickled; or the key of a workspace.
            outcome: makes what `settle` gives from (whether it succeeded, value, map of the error).
            locate: gives the reference of a class or function that stands in a script.
            load: gives what a reference to a script names.
            code_of: gives the hash of the code that a value runs, which goes with it.
        """
        self.blobs = blobs
        self.references = References(locate, load)
        signer = WorkspaceSigner(signer) if isinstance(signer, bytes) else signer
        self.pickles = SignedPickles(signer, self.references)
        self.outcome = outcome
        self.code_of = code_of or _no_code

    def encode(self, value: Any, declared: Any = None, /, *, mask: Callable[[str], str] = str) -> Node:
        """The value as a node; its large leaves are in the blobs when this returns.

        Args:
            declared: the type that its maker declares, which admits larger structures part by part.
            mask: takes secrets out of what people see beside large leaves.

        Raises:
            ValueStoreError: a part of it cannot be stored.
        """
        kind = type(value)
        if (
            kind in _SMALL
            or (kind is int and _LEAST_INTEGER <= value < _PAST_INTEGER)
            or (kind is str and len(value) <= _SMALL_TEXT and value.isascii())
        ):
            return [PLAIN, value]
        return _Encoding(self, value, declared, mask).encode()

    def decode(self, node: Node, *, inputs: Sequence[Node] | None = None, ref: MakeRef | None = None) -> Any:
        """The value of a node.

        Args:
            inputs: nodes that INPUT nodes stand for.
            ref: makes a promise from (step, path) of a REF node.

        Raises:
            DamagedError: what is stored is not what was written.
            ValueStoreError: what the value is made of cannot be found.
        """
        if node[0] == PLAIN:
            return node[1]
        return _Decoding(self, inputs, ref).value(node)


class _Crowded(Exception):
    """The parts are too many or too large to lie in a row."""


class _Encoding:
    """One call of `encode`. Blobs are written last, when it is known which there are."""

    def __init__(self, encoder: Encoder, value: Any, declared: Any, mask: Callable[[str], str]) -> None:
        self._encoder = encoder
        self._mask = mask
        self._whole = value
        self._parts = _DECLARED_PARTS if _is_structure(declared) else _PARTS
        self._room_bytes = _ROW_BYTES
        self._pending: list[tuple[Node, Leaf, Any]] = []

    def encode(self) -> Node:
        value = self._whole
        try:
            node = self._node(value) if is_tree(value) else self._pickle(value)
        except (_Crowded, RecursionError):
            self._room_bytes = _ROW_BYTES
            self._pending.clear()
            packed = packed_plain(value)
            node = self._leaf(value, Leaf("msgpack", (packed,))) if packed is not None else self._pickle(value)
        blobs = self._encoder.blobs
        for blob, leaf, item in self._pending:
            blob[2] = blobs.put(*leaf.parts) if leaf.file is None else blobs.put_file(leaf.file)
            record = display(item, self._mask)
            if record is not None:
                blobs.put_preview(blob[2], record)
        return node

    def _node(self, value: Any) -> Node:
        kind = type(value)
        if kind in ATOMS or kind is list or kind is dict:
            node = self._plain(value, kind)
            if node is not None:
                return node
        if kind is list and len(value) < _PARTS:
            return [LIST, [self._node(item) for item in value]]
        if kind is tuple and len(value) < self._parts:
            return [TUPLE, [self._node(item) for item in value]]
        if kind is dict and len(value) < self._parts and _has_plain_keys(value):
            self._take_room(sum(map(_key_bytes, value)))
            return [DICT, list(value), [self._node(item) for item in value.values()]]
        if kind is File:
            content = self._content(value.name, value.content, is_shown=True)
            return [OBJECT, FILE, ["name", "content"], [[PLAIN, value.name], content]]
        if kind is Folder:
            is_shown = len(value.contents) <= _SHOWN_FILES
            nodes = [
                self._content(name, content, is_shown=is_shown and content.size_bytes <= _SHOWN_BYTES)
                for name, content in value.contents.items()
            ]
            return [OBJECT, FOLDER, ["name", "contents"], [[PLAIN, value.name], [DICT, list(value.contents), nodes]]]
        if hasattr(kind, "__dataclass_fields__"):
            node = self._record(value, kind)
            if node is not None:
                return node
        if kind is PosixPath:
            return self._leaf(value, path_leaf(value))
        if isinstance(value, Enum):
            leaf = self._member(value, kind)
        elif kind is Sealed:
            leaf = Leaf("sealed", (*self._encoder.pickles.seal(value.data),))
        else:
            leaf = array_leaf(value) or self._by_codec(value, codec_for)
        return self._leaf(value, leaf) if leaf is not None else self._pickle(value)

    def _content(self, name: str, content: Content, *, is_shown: bool) -> Node:
        text = self._mask(f"{name}, {content.size_bytes:,} bytes")[:PREVIEW_LIMIT]
        # What was read from a blob may be another workspace's, or be needed by nothing else any more.
        is_stored = bool(content.digest) and self._encoder.blobs.hold(content.digest)
        digest = content.digest if is_stored else ""
        node = [BLOB, "file", digest, content.size_bytes, text.encode("utf-8", "replace").decode()]
        if not is_stored:
            source = content.source()
            self._pending.append((node, Leaf("file", (), source), ShownFile(name, source) if is_shown else None))
        return node

    def _member(self, value: Any, kind: Any) -> Leaf | None:
        reference = self._encoder.references.of(kind)
        if reference is None or kind.__members__.get(value.name) is not value:
            return None
        return Leaf("enum", (pack([reference, value.name]),), code=self._encoder.code_of((kind,)))

    def _plain(self, value: Any, kind: type) -> Node | None:
        packed = packed_plain(value)
        if packed is None:
            return None
        if len(packed) <= INLINE_LIMIT_BYTES:
            self._take_room(len(packed))
            return [PLAIN, value]
        if kind is dict and len(value) < self._parts:
            return None  # part by part
        return self._leaf(value, plain_leaf(value) if kind in ATOMS else Leaf("msgpack", (packed,)))

    def _record(self, value: Any, kind: type) -> Node | None:
        names = field_names(value)
        reference = self._encoder.references.of(kind) if names is not None else None
        if names is None or reference is None:
            return None
        self._take_room(len(reference) + sum(map(len, names)))
        parts = [self._node(getattr(value, name)) for name in names]
        runs = getattr(kind, "__partita_runs__", None)
        code = self._encoder.code_of((kind, *(runs(value) if runs is not None else ())))
        return _coded([OBJECT, reference, list(names), parts], code)

    def _pickle(self, value: Any) -> Node:
        leaf = self._by_codec(value, installed_codec_for)
        if leaf is not None:
            return self._leaf(value, leaf)
        pickled = self._encoder.pickles.dump(value, self._whole)
        return self._leaf(value, Leaf("pickle", pickled.parts, code=self._encoder.code_of(pickled.names)))

    def _by_codec(self, value: Any, find: Callable[[Any], Codec | None]) -> Leaf | None:
        leaf = codec_leaf(value, find)
        return leaf._replace(code=self._encoder.code_of((type(value),))) if leaf is not None else None

    def _leaf(self, value: Any, leaf: Leaf) -> Node:
        size_bytes = leaf.size_bytes
        if size_bytes <= INLINE_LIMIT_BYTES and leaf.codec not in _SHOWN:
            self._take_room(size_bytes)
            return _coded([INLINE, leaf.codec, leaf.data, preview(value, self._mask)], leaf.code)
        node = _coded([BLOB, leaf.codec, "", size_bytes, preview(value, self._mask)], leaf.code)
        self._pending.append((node, leaf, value))
        return node

    def _take_room(self, size_bytes: int) -> None:
        self._room_bytes -= size_bytes
        if self._room_bytes < 0:
            raise _Crowded


class _Decoding:
    """One call of `decode`."""

    def __init__(self, encoder: Encoder, inputs: Sequence[Node] | None, ref: MakeRef | None) -> None:
        self._encoder = encoder
        self._inputs = inputs
        self._ref = ref

    def value(self, node: Node) -> Any:
        tag = node[0]
        if tag == PLAIN:
            return node[1]
        if tag == LIST:
            return self._values(node[1])
        if tag == INPUT:
            if self._inputs is None:
                raise ValueStoreError(f"a stored value takes the input {node[1]} of a step, and is opened without it")
            return self.value(self._inputs[node[1]])
        if tag == INLINE:
            return self._inline(node[1], node[2])
        if tag == BLOB:
            return self._blob(node[1], node[2], node[3])
        if tag == TUPLE:
            return tuple(self._values(node[1]))
        if tag == DICT:
            return dict(zip(node[1], self._values(node[2]), strict=True))
        if tag == OBJECT:
            kind = self._encoder.references.find(node[1])
            return make_record(kind, dict(zip(node[2], self._values(node[3]), strict=True)))
        return self._promised(node)

    def _values(self, nodes: list[Node]) -> list[Any]:
        value = self.value
        return [node[1] if node[0] == PLAIN else value(node) for node in nodes]

    def _promised(self, node: Node) -> Any:
        tag = node[0]
        if tag == SELECT:
            return _select(self.value(node[1]), node[2])
        if tag == REF:
            if self._ref is None:
                raise ValueStoreError(f"the value of step {node[1]} is not known here: it is only a promise")
            return self._ref(node[1], node[2])
        if tag == OUTCOME:
            if self._encoder.outcome is None:
                raise ValueStoreError("a stored value holds an Outcome, which cannot be made here")
            value = self.value(node[2]) if node[2] is not None else None
            return self._encoder.outcome(bool(node[1]), value, node[3])
        raise ValueStoreError(
            f"a stored value has a part of kind {tag!r}, which this Partita does not know; upgrade it"
        )

    def _blob(self, codec: str, digest: str, size_bytes: int) -> Any:
        if codec == "file":
            return Content(lambda: self._encoder.blobs.path(digest), size_bytes, digest)
        if codec == "npy" and size_bytes >= MAPPED_BYTES:
            return open_file(self._encoder.blobs.path(digest))
        if codec in _MAPPED and size_bytes >= MAPPED_BYTES:
            return open_leaf(codec, mapped(self._encoder.blobs.path(digest)), self._encoder.pickles.load)
        return self._inline(codec, self._encoder.blobs.get(digest))

    def _inline(self, codec: str, data: bytes) -> Any:
        if codec == "sealed":
            return Sealed(self._encoder.pickles.unseal(data))
        if codec != "enum":
            return open_leaf(codec, data, self._encoder.pickles.load)
        reference, name = unpack(data)
        try:
            return self._encoder.references.find(reference)[name]
        except (LookupError, TypeError) as error:
            raise ValueStoreError(
                f"a stored value is {reference}.{name}, which is not there any more; rerun the step that made it"
            ) from error


def _coded(node: Node, code: str) -> Node:
    return [*node, code] if code else node


def _no_code(names: Iterable[Any]) -> str:
    return ""


def _select(value: Any, path: Sequence[str | int]) -> Any:
    for key in path:
        try:
            value = getattr(value, key) if isinstance(key, str) and is_dataclass(value) else value[key]
        except (LookupError, TypeError, AttributeError) as error:
            path_text = "".join(f"[{part!r}]" for part in path)
            raise ValueStoreError(
                f"ref{path_text} takes {key!r} out of {preview(value)}, which has no such part; "
                "see what the step returned"
            ) from error
    return value


def _is_structure(declared: Any) -> bool:
    kind = get_origin(declared) or declared
    return kind in (dict, tuple) or is_typeddict(kind) or (isinstance(kind, type) and is_dataclass(kind))


def _has_plain_keys(value: dict[Any, Any]) -> bool:
    return ATOMS.issuperset(map(type, value)) and packed_plain(list(value)) is not None


def _key_bytes(key: Any) -> int:
    return len(key) if isinstance(key, (str, bytes)) else 9
