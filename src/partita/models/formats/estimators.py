"""scikit-learn's estimators, compositions of them, and the boosters that behave like them: skops, or a pickle where it cannot.

A skops file (https://skops.readthedocs.io) is a zip of arrays and a JSON tree of types. It is written here so that equal models
give equal bytes: its numbers of objects are counted anew, and its times left out. It is sealed, and opened with the types that
it names: whoever could write such a seal could sign a pickle too.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from partita.artifacts.codecs.sealed import Sealed
from partita.errors import DamagedError, MissingExtraError, ModelError
from partita.models.formats.anatomy import anatomy_of
from partita.models.formats.objects import pickled, predictor_of
from partita.models.formats.port import Packed, Predictor

if TYPE_CHECKING:
    from partita.models.model import Model

__all__ = ["FORMAT", "SKOPS_FILE", "untrusted_types"]

SKOPS_FILE = "model.skops"
_KINDS = {"sklearn": "sklearn", "partita": "partita", "xgboost": "xgboost", "lightgbm": "lightgbm"}
_PACKAGES = {"sklearn": ("scikit-learn", "numpy", "scipy"), "xgboost": ("xgboost",), "lightgbm": ("lightgbm",)}
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Estimators:
    """Satisfies `Format`."""

    names = ("skops",)

    def matches(self, wrapped: Any) -> bool:
        """Whether it is an estimator."""
        base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
        return base is not None and isinstance(wrapped, base) and hasattr(wrapped, "predict")

    def predictor(self, wrapped: Any, options: dict[str, Any]) -> Predictor:
        """How it predicts."""
        return predictor_of(wrapped)

    def pack(self, wrapped: Any, options: dict[str, Any]) -> Packed:
        """A skops file, or a pickle and the reason for it."""
        top = type(wrapped).__module__.partition(".")[0]
        kind, title = _KINDS.get(top, "sklearn"), _title(wrapped)
        data, types, reason = _written(wrapped) if options.get("format") != "pickle" else (b"", [], "")
        packages = _packages(types, top)
        if not data:
            notes = (f"pickled: {reason}",) if reason else ()
            return pickled(wrapped, kind, title, packages, notes)
        about = {"types": types, **anatomy_of(wrapped)}
        return Packed("skops", kind, title, {SKOPS_FILE: Sealed(data)}, packages, about)

    def open(self, model: Model) -> Predictor:
        """The estimator."""
        sealed = model.files[SKOPS_FILE]
        return predictor_of(read_skops(sealed.data, trusted=untrusted_types(sealed.data)))


def untrusted_types(data: bytes) -> list[str]:
    """Types in a skops file that the library does not vouch for.

    Raises:
        DamagedError: it is no such file.
    """
    skops = _skops()
    try:
        found: list[str] = skops.get_untrusted_types(data=data)
    except Exception as error:
        raise DamagedError(f"this is no skops file: {type(error).__name__}: {error}") from error
    return found


def read_skops(data: bytes, trusted: list[str]) -> Any:
    """The estimator of a skops file.

    Raises:
        ModelError: it holds types that are not trusted, or is no such file.
    """
    skops = _skops()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a library's other version: predictions are what is promised
            return skops.loads(data, trusted=trusted)
    except Exception as error:
        if type(error).__name__ == "UntrustedTypesFoundException":
            raise ModelError(
                f"the skops file holds types that are not trusted: {error}; name them if you know where the file comes from"
            ) from error
        raise DamagedError(f"the skops file cannot be opened: {type(error).__name__}: {error}") from error


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise MissingExtraError(f"a skops file needs skops ({error}): pip install 'partita[models]'") from error
    return skops.io


def _written(wrapped: Any) -> tuple[bytes, list[str], str]:
    """The file, the types that it holds, and why there is none."""
    if any(hasattr(sys.modules.get(type(part).__module__), "__partita_file__") for part in _parts(wrapped)):
        return b"", [], "its class stands in a script, which other processes know under another name"
    try:
        skops = _skops()
    except MissingExtraError:
        return b"", [], "skops is not installed (pip install 'partita[models]')"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = _canonical(skops.dumps(wrapped))
            types = untrusted_types(data)
            if types:  # what the library does not know of, it may write and not be able to open
                skops.loads(data, trusted=types)
    except Exception as error:  # whatever it cannot hold
        return b"", [], f"skops cannot hold it ({type(error).__name__}: {error})"[:300]
    if any(name.startswith(("__main__.", "_partita")) for name in types):
        return b"", [], "it holds what stands in a script"
    return data, types, ""


def _parts(wrapped: Any) -> list[Any]:
    """The estimator and those that it is made of."""
    deep = wrapped.get_params(deep=True) if hasattr(wrapped, "get_params") else {}
    return [wrapped, *(value for value in deep.values() if hasattr(value, "predict") or hasattr(value, "transform"))]


def _canonical(data: bytes) -> bytes:
    """The file with its objects and files counted in the order of the tree, and without times."""
    names: dict[str, str] = {}
    ids: dict[int, int] = {}

    def renamed(node: Any) -> Any:
        if isinstance(node, dict):
            made = {}
            for key, value in node.items():
                if key == "__id__" and isinstance(value, int):
                    value = ids.setdefault(value, len(ids))
                elif key == "file" and isinstance(value, str) and value in held:
                    value = names.setdefault(value, f"{len(names)}.{value.rpartition('.')[2]}")
                else:
                    value = renamed(value)
                made[key] = value
            return made
        return [renamed(item) for item in node] if isinstance(node, list) else node

    with ZipFile(io.BytesIO(data)) as source:
        held = set(source.namelist())
        schema = renamed(json.loads(source.read("schema.json")))
        parts = {names[name]: source.read(name) for name in names}
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as target:
        for name, content in {**parts, "schema.json": json.dumps(schema, separators=(",", ":")).encode()}.items():
            target.writestr(ZipInfo(name, _EPOCH), content, ZIP_DEFLATED, 1)
    return buffer.getvalue()


def _title(wrapped: Any) -> str:
    steps = getattr(wrapped, "steps", None)
    if type(wrapped).__name__ == "Pipeline" and steps:
        return " > ".join(type(step).__name__ for _, step in steps)
    members = getattr(wrapped, "members_", None)
    if members is not None:
        named = getattr(wrapped, "names_", None) or [type(member).__name__ for member in members]
        return f"{type(wrapped).__name__} of {', '.join(map(str, list(named)[:6]))}{', ...' if len(named) > 6 else ''}"
    return type(wrapped).__name__


def _packages(types: list[str], top: str) -> tuple[str, ...]:
    found: dict[str, None] = dict.fromkeys(_PACKAGES["sklearn"])
    for name in [top, *types]:
        found.update(dict.fromkeys(_PACKAGES.get(name.partition(".")[0], ())))
    if any(name.partition(".")[0] == "partita" for name in [top, *types]):
        found["partita"] = None
    return (*found, "skops")


FORMAT = Estimators()
